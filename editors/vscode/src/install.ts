// Which program is the server: the one that the person set, else the one on the PATH, else our own installation; that one
// first where the person asked for it, until they set another.
//
// Owns that installation, below the extension's own storage. Nothing that lies in a workspace is ever started.

import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import * as os from 'node:os';
import { delimiter, isAbsolute, join, relative } from 'node:path';
import * as vscode from 'vscode';

const WINDOWS = process.platform === 'win32';
const PROGRAMS = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python'];
const OLD_ENOUGH = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))';

const PREFERS_OWN = 'steadyhand.prefersOwnServer';

export class Installation {
  private readonly folder: string;
  private readonly carried: string;

  constructor(private readonly context: vscode.ExtensionContext, private readonly log: vscode.LogOutputChannel) {
    this.folder = join(context.globalStorageUri.fsPath, `server-${context.extension.packageJSON.version}`);
    this.carried = join(context.extensionPath, 'server');
  }

  /** The server's command line; undefined where there is none yet. */
  command(): string[] | undefined {
    // Of machine scope: neither a workspace nor its folders can set it, trusted or not.
    const set = vscode.workspace.getConfiguration('steadyhand').get<unknown>('command');
    const own = existsSync(join(this.folder, 'complete')) ? inVenv(this.folder, 'steadyhand') : undefined;
    if (own && this.context.globalState.get(PREFERS_OWN)) {
      return [own, 'lsp'];
    }
    if (Array.isArray(set) && set.length) {
      return set.map(String);
    }
    const found = onPath('steadyhand') ?? own;
    return found ? [found, 'lsp'] : undefined;
  }

  /** Whether our own installation comes before what is set or on the PATH; who asks for it means that. */
  async prefersOwn(yes: boolean): Promise<void> {
    await this.context.globalState.update(PREFERS_OWN, yes || undefined);
  }

  /** Installs the server with a progress bar; throws a sentence where it could not. */
  async install(): Promise<boolean> {
    return vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: 'Steadyhand: installing the server', cancellable: true },
      async (progress, token) => {
        try {
          await this.make((message) => progress.report({ message }), token);
          return true;
        } catch (error) {
          await rm(this.folder, { recursive: true, force: true });
          if (token.isCancellationRequested) {
            return false;
          }
          throw error;
        }
      },
    );
  }

  private async make(tell: (message: string) => void, token: vscode.CancellationToken): Promise<void> {
    const run = (program: string, ...words: string[]) => this.run(program, words, token);
    await rm(this.folder, { recursive: true, force: true });
    await mkdir(this.folder, { recursive: true });
    const wheel = existsSync(this.carried) ? (await readdir(this.carried)).find((name) => name.endsWith('.whl')) : undefined;
    if (!wheel) {
      throw new Error('this package of the extension carries no server. Install it with `uv tool install steadyhand` or `pipx install steadyhand`, and restart the server.');
    }
    const lock = join(this.carried, 'requirements.lock');
    const python = inVenv(this.folder, 'python');
    const uv = onPath('uv');
    const own = uv ? undefined : await somePython();
    if (!uv && !own) {
      throw new Error('neither uv nor a Python from 3.11 on (with venv) was found on the PATH. Install one of them, or set “steadyhand.command”.');
    }
    tell('making an environment');
    await (uv ? run(uv, 'venv', '--python', '>=3.11', this.folder) : run(own!, '-m', 'venv', this.folder));
    const pip = uv ? [uv, 'pip', 'install', '--python', python] : [python, '-m', 'pip', 'install', '--disable-pip-version-check'];
    tell('fetching what it needs');
    await run(pip[0]!, ...pip.slice(1), '--require-hashes', '-r', lock);
    tell('installing it');
    await run(pip[0]!, ...pip.slice(1), '--no-deps', join(this.carried, wheel));
    // Written last: what was broken off is made anew.
    await writeFile(join(this.folder, 'complete'), '');
    await this.forgetOthers();
  }

  /** Versions that an update left behind. */
  private async forgetOthers(): Promise<void> {
    const parent = this.context.globalStorageUri.fsPath;
    for (const name of await readdir(parent)) {
      if (name.startsWith('server-') && join(parent, name) !== this.folder) {
        await rm(join(parent, name), { recursive: true, force: true });
      }
    }
  }

  private run(program: string, words: string[], token: vscode.CancellationToken): Promise<void> {
    this.log.info(`${program} ${words.join(' ')}`);
    return new Promise((resolve, reject) => {
      const child = spawn(program, words, { cwd: os.homedir(), stdio: ['ignore', 'pipe', 'pipe'] });
      let last = '';
      const take = (data: Buffer) => {
        const text = data.toString().trim();
        if (text) {
          last = text.split('\n').pop() ?? last;
          this.log.info(text);
        }
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      const watch = token.onCancellationRequested(() => child.kill());
      child.on('error', (error) => { watch.dispose(); reject(error); });
      child.on('close', (code) => {
        watch.dispose();
        if (code === 0) {
          resolve();
        } else {
          reject(new Error(last || `${program} ended with ${code}`));
        }
      });
    });
  }
}

function inVenv(folder: string, program: string): string {
  return WINDOWS ? join(folder, 'Scripts', `${program}.exe`) : join(folder, 'bin', program);
}

/** A program on the PATH, in none of the window's folders: a repository must not bring its own. */
export function onPath(name: string): string | undefined {
  const workspace = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
  const outside = (folder: string) => workspace.every((root) => relative(root, folder).startsWith('..') || isAbsolute(relative(root, folder)));
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder) && outside(folder));
  return folders.map((folder) => join(folder, WINDOWS ? `${name}.exe` : name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function somePython(): Promise<string | undefined> {
  for (const name of PROGRAMS) {
    const path = onPath(name);
    if (path && await new Promise<boolean>((resolve) => execFile(path, ['-c', OLD_ENOUGH], { cwd: os.homedir() }, (error) => resolve(!error)))) {
      return path;
    }
  }
  return undefined;
}
