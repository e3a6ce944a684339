// The box that a task is typed into: what was asked before, and @file, @symbol and @selection while one types.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { oneLine } from './actions';
import type { Place } from './protocol';
import type { Server } from './server';

const HISTORY = 'prompts';
const MOST_KEPT = 50;
const MOST_SHOWN = 20;
const NEVER = '**/{node_modules,.git,.venv,venv,dist,build,__pycache__}/**';

interface Item extends vscode.QuickPickItem {
  /** What stands in the box once this is chosen. */
  text?: string;
  /** True where choosing it starts the task. */
  final?: boolean;
  selection?: boolean;
}

export interface Prompted {
  text: string;
  /** True where the person named the selection. */
  selection: boolean;
}

export class Prompt {
  constructor(private readonly memory: vscode.Memento, private readonly server: Server) {}

  /** Asks for a task; undefined where the box was closed. */
  async ask(title: string, selection: vscode.Range | undefined): Promise<Prompted | undefined> {
    const box = vscode.window.createQuickPick<Item>();
    box.title = title;
    box.placeholder = 'What is to be done; @ names a file, a symbol or the selection';
    box.ignoreFocusOut = true;
    const history = this.memory.get<string[]>(HISTORY, []);
    let turn = 0;
    let named = false;
    const offer = async () => {
      const mine = ++turn;
      const mention = /(?:^|\s)@([^\s@]*)$/.exec(box.value);
      const show = (items: Item[]) => {
        if (mine === turn) { // nothing was typed meanwhile
          box.items = items;
        }
      };
      const typed = asTyped(box.value, history);
      if (!mention) {
        show(typed);
        return;
      }
      const files = await mentioned(box.value, mention[1] ?? '', selection);
      show([...files, ...typed]);
      const symbols = await this.symbols(box.value, mention[1] ?? '');
      show([...files, ...symbols, ...typed]);
    };
    const answer = await new Promise<Prompted | undefined>((resolve) => {
      box.onDidChangeValue(offer);
      box.onDidAccept(() => {
        const chosen = box.selectedItems[0] ?? box.activeItems[0];
        if (chosen?.text !== undefined && !chosen.final) {
          named ||= chosen.selection ?? false;
          box.value = chosen.text;
          void offer();
          return;
        }
        const text = (chosen?.text ?? box.value).trim();
        if (text) {
          resolve({ text, selection: named || /(^|\s)@selection\b/.test(text) });
        }
      });
      box.onDidHide(() => resolve(undefined));
      void offer();
      box.show();
    });
    box.dispose();
    if (answer) {
      await this.memory.update(HISTORY, [answer.text, ...history.filter((text) => text !== answer.text)].slice(0, MOST_KEPT));
    }
    return answer;
  }

  /** Definitions of the index, whatever other language servers there are. */
  private async symbols(value: string, typed: string): Promise<Item[]> {
    const head = value.slice(0, value.length - typed.length - 1);
    const answer = typed ? await this.server.ask<{ symbols: Place[] }>('steadyhand.symbols', { query: typed }) : undefined;
    return (answer?.symbols ?? []).slice(0, MOST_SHOWN).map(({ name, qualified, path, range }) => {
      const place = `${path}:${range.start.line + 1}`;
      return { label: `$(symbol-method) ${qualified}`, description: place, text: `${head}\`${name}\` (${place}) `, alwaysShow: true };
    });
  }
}

/** The task as it stands, and what was asked before that holds all of its words. */
function asTyped(value: string, history: readonly string[]): Item[] {
  const words = value.toLowerCase().split(/\s+/).filter(Boolean);
  const before = history.filter((text) => text !== value && words.every((word) => text.toLowerCase().includes(word)));
  const items: Item[] = before.slice(0, MOST_SHOWN).map((text) => ({ label: `$(history) ${plain(oneLine(text))}`, text, alwaysShow: true }));
  if (value.trim()) {
    // Its label is what was typed: VS Code puts the best match first, and Enter must start what stands in the box.
    items.unshift({ label: `$(play) ${plain(oneLine(value))}`, description: 'start this task', text: value, final: true, alwaysShow: true });
  }
  return items;
}

/** What an @ may stand for, in the place of what was typed of it. */
async function mentioned(value: string, typed: string, selection: vscode.Range | undefined): Promise<Item[]> {
  const head = value.slice(0, value.length - typed.length - 1);
  const items: Item[] = [];
  if (selection && !selection.isEmpty && 'selection'.startsWith(typed.toLowerCase())) {
    const last = selection.end.character === 0 ? selection.end.line : selection.end.line + 1;
    const lines = `lines ${selection.start.line + 1} to ${last}`;
    items.push({ label: '$(selection) @selection', description: lines, text: `${head}@selection `, selection: true, alwaysShow: true });
  }
  const glob = typed.replace(/[^\w./-]/g, '').split('/').join('*/**/*');
  for (const uri of await vscode.workspace.findFiles(`**/*${glob}*`, NEVER, MOST_SHOWN)) {
    const path = pathOf(uri);
    items.push({ label: `$(file) ${plain(path)}`, text: `${head}${path} `, alwaysShow: true });
  }
  return items;
}

/** A path as the server names it: with several roots, below the name of its folder. */
function pathOf(uri: vscode.Uri): string {
  const inside = vscode.workspace.asRelativePath(uri, false);
  const root = vscode.workspace.getWorkspaceFolder(uri);
  return root && (vscode.workspace.workspaceFolders?.length ?? 0) > 1 ? `${basename(root.uri.fsPath)}/${inside}` : inside;
}

/** A text in a label: `$(name)` would become an icon. */
const plain = (text: string) => text.replaceAll('$(', '$\u200b(');
