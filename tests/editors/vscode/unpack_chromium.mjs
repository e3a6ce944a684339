// Unpacks Chromium beside the libraries and fonts that it needs, so that none of the system's are.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

const tools = process.argv[2];
const packed = join(tools, 'node_modules', '@sparticuz', 'chromium', 'bin');
const target = join(tools, 'chromium');
const partly = `${target}.partly`;

rmSync(partly, { recursive: true, force: true });
mkdirSync(join(partly, 'fonts'), { recursive: true });
const unbrotli = (name) => brotliDecompressSync(readFileSync(join(packed, name)));
writeFileSync(join(partly, 'chromium'), unbrotli('chromium.br'), { mode: 0o755 });
for (const name of ['al2023.tar.br', 'swiftshader.tar.br']) {
  execFileSync('tar', ['-x', '-C', partly], { input: unbrotli(name) });
}
// Without the serifs, which VS Code's interface would else be set in, as no desktop names its font.
const sans = (path) => !path.endsWith('.ttf') || /DejaVuSans(Mono)?(-Bold|-Oblique)?\.ttf$/.test(path);
cpSync(join(tools, 'node_modules', 'dejavu-fonts-ttf', 'ttf'), join(partly, 'fonts'), { recursive: true, filter: sans });
// Without a configuration fontconfig finds no font at all, and Chromium ends at the first text.
writeFileSync(join(partly, 'fonts', 'fonts.conf'), `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">.</dir>
  <cachedir>${join(target, 'fonts', 'cache')}</cachedir>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`);
rmSync(target, { recursive: true, force: true });
renameSync(partly, target);
