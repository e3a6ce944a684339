// A person's desk: the sample workspace in git, a replayed model, and a VS Code that can be opened again.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VSCode } from './vscode.mjs';

const HELD_SERVER = fileURLToPath(new URL('held_server.py', import.meta.url));

function needed(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`set ${name}; see README.md`);
  }
  return value;
}

export class Desk {
  static async set({ shots, trust = true, settings = {}, machine = {}, steps = [] } = {}) {
    const desk = new Desk();
    desk.shots = shots;
    desk.folder = mkdtempSync(join(tmpdir(), 'steadyhand-vscode-'));
    desk.workspace = join(desk.folder, 'work', 'pressroom-sample');
    desk.python = needed('STEADYHAND_PYTHON');
    const found = 'import pathlib, steadyhand_server; print(pathlib.Path(steadyhand_server.__file__).parent)';
    const server = execFileSync(desk.python, ['-c', found], { encoding: 'utf8' }).trim();
    const script = join(desk.folder, 'script.jsonl');
    const more = steps.map((step) => `${JSON.stringify(step)}\n`).join('');
    writeFileSync(script, readFileSync(join(server, 'demo_script.jsonl'), 'utf8') + more);
    cpSync(join(server, 'sample'), desk.workspace, { recursive: true, filter: (path) => !path.endsWith('__pycache__') });
    for (const words of [['init', '-q'], ['add', '.'], ['commit', '-qm', 'The sample']]) {
      desk.git('-c', 'user.name=a', '-c', 'user.email=a@example.com', ...words);
    }
    mkdirSync(join(desk.folder, 'holds'));
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('STEADYHAND_') && !name.startsWith('VSCODE_'));
    const env = {
      ...Object.fromEntries(own),
      HOME: desk.folder,
      ...Object.fromEntries(['CONFIG', 'DATA', 'STATE', 'CACHE'].map((name) => [`XDG_${name}_HOME`, join(desk.folder, 'xdg', name.toLowerCase())])),
      STEADYHAND_REPLAY: script,
      STEADYHAND_STATE_DIR: join(desk.folder, 'state'),
      STEADYHAND_TEST_HOLDS: join(desk.folder, 'holds'),
    };
    desk.env = env;
    desk.code = await VSCode.start({
      tools: needed('STEADYHAND_VSCODE_TOOLS'),
      vsix: needed('STEADYHAND_VSIX'),
      profile: join(desk.folder, 'profile'),
      env,
      settings,
      machine: { 'steadyhand.command': [desk.python, '-P', HELD_SERVER, 'lsp'], ...machine },
      trust,
    });
    return desk;
  }

  /** Has the model wait before its reply N, from 0, until it is let go. */
  hold(reply) {
    writeFileSync(join(this.folder, 'holds', `hold-${reply}`), '');
  }

  /** Has every list of the sessions come a second after it was made. */
  lateLists() {
    writeFileSync(join(this.folder, 'holds', 'late-lists'), '');
  }

  letGo(reply) {
    rmSync(join(this.folder, 'holds', `hold-${reply}`));
  }

  /** A server that says it is of another version. */
  oldServer() {
    const script = join(this.folder, 'old.py');
    writeFileSync(script, "import steadyhand_agent\nsteadyhand_agent.__version__ = '0.0.9'\nfrom steadyhand_server.cli import main\nmain()\n");
    return script;
  }

  /** Sets the settings of machine scope anew, before a window is opened. */
  setMachine(settings) {
    writeFileSync(join(this.folder, 'profile', 'user', 'Machine', 'settings.json'), JSON.stringify(settings));
  }

  /** Runs a command of the command line in the workspace, with nobody to answer. */
  inTerminal(...words) {
    return spawnSync(this.python, ['-P', '-m', 'steadyhand_server.cli', ...words], { cwd: this.workspace, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  path(name) {
    return join(this.workspace, name);
  }

  read(name) {
    return readFileSync(this.path(name), 'utf8');
  }

  git(...words) {
    return execFileSync('git', words, { cwd: this.workspace, encoding: 'utf8' });
  }

  /** What git sees changed, a line a file. */
  changed() {
    return this.git('status', '--porcelain').trim();
  }

  /** Opens a file of the workspace, and waits until the server knows it. */
  async open(name) {
    await this.code.open(this.workspace, name && this.path(name));
    if (name) {
      await this.code.says('Steadyhand');
    }
  }

  /** A file of the server that the extension has installed for itself. */
  installed(name) {
    const storage = join(this.folder, 'profile', 'user', 'User', 'globalStorage', 'steadyhand.steadyhand');
    const there = existsSync(storage) ? readdirSync(storage, { withFileTypes: true }) : [];
    const version = there.find((entry) => entry.name.startsWith('server-'))?.name ?? 'none';
    return join(storage, version, name);
  }

  /** The language servers that run now. */
  servers() {
    return this.code.processes(HELD_SERVER);
  }

  async shot(name) {
    if (this.shots) {
      mkdirSync(this.shots, { recursive: true });
      await this.code.screenshot(join(this.shots, `${name}.png`));
    }
  }

  async clear() {
    await this.code?.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
