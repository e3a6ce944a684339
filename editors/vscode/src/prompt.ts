// The box that a task or a reply is typed into: what was asked before, and @file, @symbol and @selection while one types.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { oneLine } from './actions';
import { plain } from './labels';
import type { Place } from './protocol';
import type { Server } from './server';

const MOST_KEPT = 50;
const MOST_SHOWN = 20;
/** So many files are looked at for the likest of them. */
const MOST_FOUND = 200;
/** How long Enter waits for completions, in milliseconds. */
const PATIENCE = 1_000;
/** An @ at the end of what is typed: behind a blank, or behind what opens a bracket or a quotation. */
const MENTION = /(?:^|[\s([{<"'`])@([^\s@]*)$/;
const SELECTION = /(?:^|[\s([{<"'`])@selection\b/;
const NEVER = '**/{node_modules,.git,.venv,venv,dist,build,__pycache__}/**';

interface Item extends vscode.QuickPickItem {
  /** What stands in the box once this is chosen. */
  text?: string;
  /** True where choosing it sends what was typed. */
  final?: boolean;
  selection?: boolean;
}

export interface Prompted {
  text: string;
  /** True where the person named the selection. */
  selection: boolean;
}

/** What a box is for. */
export interface Purpose {
  /** Where what was said before is kept. */
  history: string;
  placeholder: string;
  /** What Enter does with what was typed. */
  send: string;
}

export const TASK: Purpose = { history: 'prompts', placeholder: 'What is to be done; @ names a file, a symbol or the selection', send: 'start this task' };
export const REPLY: Purpose = { history: 'replies', placeholder: 'What should be otherwise, or what comes next; @ names a file, a symbol or the selection', send: 'send this reply' };

export class Prompt {
  constructor(private readonly memory: vscode.Memento, private readonly server: Server) {}

  /** Asks for a task, or a reply; undefined where the box was closed. */
  async ask(title: string, selection: vscode.Range | undefined, purpose: Purpose = TASK): Promise<Prompted | undefined> {
    const box = vscode.window.createQuickPick<Item>();
    box.title = title;
    box.placeholder = purpose.placeholder;
    box.ignoreFocusOut = true;
    const history = this.memory.get<string[]>(purpose.history, []);
    let turn = 0;
    let shownFor: string | undefined;
    let named = false;
    const offer = async () => {
      const mine = ++turn;
      const value = box.value;
      const mention = MENTION.exec(value)?.[1];
      const show = (items: Item[]) => {
        if (mine === turn) { // nothing was typed meanwhile
          const active = box.activeItems.filter((item) => items.includes(item));
          box.items = items;
          shownFor = value;
          if (active.length) {
            box.activeItems = active; // where the person has gone to already
          }
        }
      };
      if (mention === undefined) {
        show(asTyped(value, history, purpose));
        return;
      }
      const start = asItIs(value, purpose);
      const files = await mentioned(value, mention, selection);
      if (files.length) {
        show([...files, start]);
      }
      const symbols = await this.symbols(value, mention);
      if (symbols.length || !files.length) {
        show(symbols.length ? [...files, ...symbols, start] : asTyped(value, history, purpose));
      }
    };
    const answer = await new Promise<Prompted | undefined>((resolve) => {
      let offered = Promise.resolve();
      const renew = () => { offered = offer(); };
      box.onDidChangeValue(renew);
      box.onDidAccept(async () => {
        const row = box.selectedItems[0] ?? box.activeItems[0];
        const fits = () => shownFor === box.value;
        if (!fits()) { // Enter may come before what belongs to the last letters
          await Promise.race([offered, new Promise((over) => setTimeout(over, PATIENCE))]);
        }
        const chosen = !fits() ? undefined : row && box.items.includes(row) ? row : box.items[0];
        if (chosen?.text !== undefined && !chosen.final) {
          named ||= chosen.selection ?? false;
          box.value = chosen.text;
          renew();
          return;
        }
        const text = box.value.trim();
        if (text) {
          resolve({ text, selection: named || SELECTION.test(text) });
        }
      });
      box.onDidHide(() => resolve(undefined));
      renew();
      box.show();
    });
    box.dispose();
    if (answer) {
      await this.memory.update(purpose.history, [answer.text, ...history.filter((text) => text !== answer.text)].slice(0, MOST_KEPT));
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

/** What was typed as it stands, and what was asked before that holds all of its words. */
function asTyped(value: string, history: readonly string[], { send }: Purpose): Item[] {
  const words = value.toLowerCase().split(/\s+/).filter(Boolean);
  const before = history.filter((text) => text !== value && words.every((word) => text.toLowerCase().includes(word)));
  const items: Item[] = before.slice(0, MOST_SHOWN).map((text) => ({ label: `$(history) ${plain(oneLine(text))}`, text, alwaysShow: true }));
  if (value.trim()) {
    // Its label is what was typed: VS Code puts the best match first, and Enter must start what stands in the box.
    items.unshift({ label: `$(play) ${plain(oneLine(value))}`, description: send, text: value, final: true, alwaysShow: true });
  }
  return items;
}

/** The row that sends what is typed while an @ is being typed: below all that the @ may stand for, which Enter takes. */
function asItIs(value: string, { send }: Purpose): Item {
  // VS Code puts the best match first; a description is none.
  return { label: `$(play) ${send[0]!.toUpperCase()}${send.slice(1)}`, description: plain(oneLine(value)), text: value, final: true, alwaysShow: true };
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
  const found = await vscode.workspace.findFiles(`**/*${asGlob(typed)}*`, NEVER, MOST_FOUND);
  for (const path of found.map(pathOf).sort(byLikeness(typed)).slice(0, MOST_SHOWN)) {
    items.push({ label: `$(file) ${plain(path)}`, text: `${head}${/\s/.test(path) ? `"${path}"` : path} `, alwaysShow: true });
  }
  return items;
}

/** What was typed of a path, as a glob that does not tell capital letters from small ones. */
function asGlob(typed: string): string {
  const letter = (one: string) => {
    const cases = [...new Set([one, one.toLowerCase(), one.toUpperCase()])];
    // Beyond ASCII a letter is several bytes, which the search does not take in brackets.
    return cases.length === 1 ? one : /[a-z]/i.test(one) ? `[${cases.join('')}]` : `{${cases.join(',')}}`;
  };
  const part = (text: string) => [...text].map((one) => /[\p{L}\p{M}\p{N}._-]/u.test(one) ? letter(one) : '?').join('');
  return typed.split(/[\\/]/).map(part).join('*/**/*');
}

/** Files first whose name begins with what was typed, then those whose name holds it; among them the shorter path. */
function byLikeness(typed: string): (a: string, b: string) => number {
  const looked = typed.split(/[\\/]/).pop()!.toLowerCase();
  const rank = (path: string) => {
    const at = basename(path).toLowerCase().indexOf(looked);
    return at < 0 ? 2 : Math.min(at, 1);
  };
  return (a, b) => rank(a) - rank(b) || a.length - b.length || (a < b ? -1 : 1);
}

/** A path as the server names it: with several roots, below the name of its folder. */
function pathOf(uri: vscode.Uri): string {
  const inside = vscode.workspace.asRelativePath(uri, false);
  const root = vscode.workspace.getWorkspaceFolder(uri);
  return root && (vscode.workspace.workspaceFolders?.length ?? 0) > 1 ? `${basename(root.uri.fsPath)}/${inside}` : inside;
}
