// The headless Chromium that install.sh unpacked, with its own libraries and fonts.

import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Starts it; `tools` is the folder that install.sh filled. */
export function launch(tools) {
  const { chromium } = createRequire(join(tools, 'package.json'))('playwright-core');
  const own = join(tools, 'chromium');
  return chromium.launch({
    executablePath: process.env.STEADYHAND_CHROMIUM ?? join(own, 'chromium'),
    env: {
      ...process.env,
      FONTCONFIG_FILE: join(own, 'fonts', 'fonts.conf'),
      LD_LIBRARY_PATH: join(own, 'lib'),
    },
    // The tests may run as root, where Chromium's sandbox does not start; it sees nothing but our own pages.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update'],
  });
}
