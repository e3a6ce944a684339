// One run of a real VS Code: prints {text, server, diagnostic, menus} in milliseconds, or {error, screen, log}.
//
// The clock is the page's own: what is asked from outside serves to wait alone, since the driver looks
// only every now and then.

import { readFileSync } from 'node:fs';
import { until, VSCode } from '../tests/editors/vscode/vscode.mjs';

// Far more than any menu takes that comes at all.
const GIVEN_UP = 10_000;

const { file, folder, mark, patience, places, presses, ...desk } = JSON.parse(process.argv[2]);

/** Runs in the page before anything else does, and notes when it first shows what is looked for. */
function watch() {
  const seen = window.bench = {};
  const shows = {
    text: () => document.querySelector('.editor-instance .view-line')?.textContent,
    diagnostic: () => document.querySelector('.editor-instance :is(.squiggly-error, .squiggly-warning)'),
    menu: () => seen.title && [...document.querySelectorAll('.action-widget .monaco-list-row')].some((row) => row.textContent.trim().startsWith(seen.title)),
  };
  new MutationObserver(() => {
    for (const [name, look] of Object.entries(shows)) {
      if (seen[name] === undefined && look()) {
        seen[name] = performance.now();
      }
    }
  }).observe(document, { attributes: true, attributeFilter: ['class'], characterData: true, childList: true, subtree: true });
  window.addEventListener('keydown', (event) => {
    if (event.ctrlKey && event.key === '.') {
      seen.pressed = event.timeStamp;
    }
  }, true);
}

const noted = (code, name, timeout = patience) => code.page
  .waitForFunction((key) => window.bench[key], name, { timeout, polling: 50 })
  .then((handle) => handle.jsonValue());

/** When the server's process began, by the page's clock, to the hundredth that the kernel keeps. */
async function spawned(code) {
  const since = code.processes(mark).map((id) => {
    const status = readFileSync(`/proc/${id}/stat`, 'latin1');
    return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[19]) * 10;
  });
  const up = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000;
  const now = Date.now() - await code.page.evaluate(() => performance.timeOrigin);
  return now - (up - Math.min(...since));
}

/** Puts the cursor somewhere. */
async function place(code, { line, column }) {
  await code.page.keyboard.press('Control+G');
  await code.page.locator('.quick-input-widget input.input').fill(`:${line}:${column}`);
  await code.page.keyboard.press('Enter');
  await code.says(`Ln ${line}, Col ${column}`);
}

/**
 * Milliseconds from the key to the row in the menu.
 *
 * VS Code asks by itself when the cursor rests and when diagnostics change, and with that gives up a
 * menu that was asked for before and has not come yet. A person presses again, and so is done here:
 * what counts is the press that the menu came of.
 */
const menu = (code, title) => until(`a menu with “${title}”`, () => press(code, title).catch(() => false), patience);

async function press(code, title) {
  await code.page.evaluate((wanted) => Object.assign(window.bench, { title: wanted, menu: undefined }), title);
  await code.page.keyboard.press('Control+.');
  try {
    return await noted(code, 'menu', GIVEN_UP) - await noted(code, 'pressed');
  } finally {
    await code.page.keyboard.press('Escape');
    await code.page.locator('.action-widget .monaco-list-row').first().waitFor({ state: 'hidden' });
  }
}

let code;
let result;
try {
  code = await VSCode.start(desk);
  await code.page.addInitScript(watch);
  await code.open(folder, file);
  const [text, diagnostic] = [await noted(code, 'text'), await noted(code, 'diagnostic')];
  const server = await spawned(code);
  const menus = [];
  for (const one of places) {
    await place(code, one);
    await menu(code, one.title); // what the server does but once is done by then
    const times = [];
    while (times.length < presses) {
      times.push(await menu(code, one.title));
    }
    menus.push(times);
  }
  result = { text, server, diagnostic, menus };
} catch (error) {
  result = {
    error: String(error?.stack ?? error),
    screen: await code?.page.locator('body').innerText().catch(() => undefined),
    log: (() => { try { return code?.log('Steadyhand').slice(-4000); } catch { return undefined; } })(),
  };
} finally {
  await code?.stop();
}
console.log(JSON.stringify(result));
process.exit(result.error ? 1 : 0);
