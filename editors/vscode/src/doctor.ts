// “Doctor”: what is configured, reachable and missing, as `steadyhand doctor` says it, and this window's part of it.

import { execFile } from 'node:child_process';
import * as os from 'node:os';
import * as vscode from 'vscode';
import type { Installation } from './install';
import { serverSettings } from './settings';

export async function diagnose(installation: Installation, version: string): Promise<string> {
  const command = installation.command();
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const about = [
    `Steadyhand for VS Code ${version}, VS Code ${vscode.version}${vscode.env.remoteName ? ` (${vscode.env.remoteName})` : ''}`,
    `workspace: ${folder?.fsPath ?? 'no folder is open, so that there are neither findings nor tasks'}${vscode.workspace.isTrusted ? '' : ' (not trusted: no tasks)'}`,
    `server: ${command?.join(' ') ?? 'none; run “Steadyhand: Install Server”'}`,
  ];
  const set = Object.entries(serverSettings()).map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join(', ');
  about.push(`settings of VS Code: ${set || 'none'}`);
  if (!command) {
    return about.join('\n');
  }
  // The same program, asked for its own report: the last word of its command line is `lsp`.
  const words = command.at(-1) === 'lsp' ? command.slice(0, -1) : command;
  const [program, ...args] = words as [string, ...string[]];
  const said = await new Promise<string>((resolve) => {
    // Never in the workspace's folder: what lies there could be taken for a part of the program.
    const place = folder ? ['--root', folder.fsPath] : [];
    execFile(program, [...args, 'doctor', ...place], { cwd: os.homedir(), timeout: 30_000, env: { ...process.env, NO_COLOR: '1', COLUMNS: '120' } }, (error, out, err) => {
      resolve([out, err, error && !out ? `It could not be asked: ${error.message}` : ''].filter(Boolean).join('\n').trim());
    });
  });
  return [...about, '', said].join('\n');
}
