// The view of sessions: each with its budget, its rounds, and what the guard refused.

import * as vscode from 'vscode';
import { ACTIONS, bar, budget, fits, ICONS, oneLine, short, when } from './actions';
import type { Round, Session, SessionDetails, SessionState, Step } from './protocol';
import type { Server } from './server';
import type { SessionList } from './session_list';

type Node =
  | { kind: 'session'; id: string }
  | { kind: 'fact'; key: string; label: string; description?: string; tooltip?: string; icon: string; parent: Node; command?: vscode.Command }
  | { kind: 'round'; session: string; round: Round }
  | { kind: 'step'; key: string; step: Step; parent: Node };

const COLOURS: Partial<Record<SessionState, string>> = { waiting: 'charts.yellow', finished: 'charts.green', failed: 'charts.red' };
/** Events come with every step; a tree that is drawn anew for each would flicker. */
const DRAW_AFTER = 150;
const REVEAL_TRIES = 10;

export class SessionTree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Node>;
  private readonly watch: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly server: Server, private readonly sessions: SessionList) {
    this.view = vscode.window.createTreeView('steadyhand.sessions', { treeDataProvider: this, showCollapseAll: true });
    this.watch = sessions.onChange(() => {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        const waiting = sessions.all().filter(({ state }) => state === 'waiting').length;
        this.view.badge = waiting ? { value: waiting, tooltip: waiting === 1 ? 'A proposal waits for you' : `${waiting} proposals wait for you` } : undefined;
        this.changed.fire(undefined);
      }, DRAW_AFTER);
    });
  }

  /** Shows one session with its rounds. */
  async reveal(id: string): Promise<void> {
    await vscode.commands.executeCommand('steadyhand.sessions.focus');
    for (let tries = 0; ; tries++) {
      try {
        await this.view.reveal({ kind: 'session', id }, { select: true, focus: true, expand: true });
        return;
      } catch (error) {
        // A tree that is being drawn, as when it is shown for the first time, may not know its rows for a moment.
        if (tries === REVEAL_TRIES) {
          throw error;
        }
        await new Promise((over) => setTimeout(over, DRAW_AFTER));
      }
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.watch.dispose();
    this.view.dispose();
    this.changed.dispose();
  }

  getParent(node: Node): Node | undefined {
    return node.kind === 'session' ? undefined : node.kind === 'round' ? { kind: 'session', id: node.session } : node.parent;
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) {
      return this.sessions.all().map(({ id }) => ({ kind: 'session', id }));
    }
    if (node.kind === 'session') {
      const details = await this.server.ask<SessionDetails>('steadyhand.session', { session: node.id });
      return details ? [...facts(details, node), ...course(details, node).reverse()] : [];
    }
    return node.kind === 'round' ? inRound(node.round, node) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'session': return sessionItem(node.id, this.sessions.get(node.id));
      case 'round': return roundItem(node.session, node.round);
      case 'step': return stepItem(node.key, node.step);
      case 'fact': {
        const item = new vscode.TreeItem(node.label);
        Object.assign(item, { id: node.key, description: node.description, tooltip: node.tooltip, iconPath: new vscode.ThemeIcon(node.icon), command: node.command });
        // A bar of blocks says nothing to who listens.
        item.accessibilityInformation = { label: [/[█░]/.test(node.label) ? '' : node.label, node.description].filter(Boolean).join(', ') };
        return item;
      }
    }
  }
}

function sessionItem(id: string, session: Session | undefined): vscode.TreeItem {
  const item = new vscode.TreeItem(session ? oneLine(session.prompt) : id, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = id;
  if (session) {
    const colour = session.state === 'finished' && !session.applied ? undefined : COLOURS[session.state];
    item.iconPath = new vscode.ThemeIcon(ICONS[session.state] ?? 'question', colour ? new vscode.ThemeColor(colour) : undefined);
    const nothing = session.state === 'finished' && !session.applied ? ', nothing written' : '';
    item.description = `${session.state}${nothing} · ${session.state === 'running' ? budget(session) : when(session.updated)}`;
    item.tooltip = `${session.prompt}\n\n${session.state}, ${budget(session)}${session.only_in ? `\nonly in ${session.only_in}` : ''}`;
    item.contextValue = ['session', ...ACTIONS.filter((action) => fits(action, session)).map(({ request }) => request.replace('steadyhand.', ''))].join(' ');
    item.accessibilityInformation = { label: `${session.state} session: ${oneLine(session.prompt)}, ${budget(session)}` };
  }
  return item;
}

function facts(details: SessionDetails, parent: Node): Node[] {
  const fact = (name: string, icon: string, label: string, description?: string, more: { tooltip?: string; command?: vscode.Command } = {}): Node =>
    ({ kind: 'fact', key: `${details.id}/${name}`, icon, label, ...(description === undefined ? {} : { description }), ...more, parent });
  const found = [
    fact('tokens', 'dashboard', bar(details.tokens, details.max_tokens), `${short(details.tokens)} of ${short(details.max_tokens)} tokens`, {
      tooltip: [
        `${details.tokens.toLocaleString('en')} of ${details.max_tokens.toLocaleString('en')} tokens were charged.`,
        `${short(details.cached_tokens)} were read from the provider's cache.`,
        details.reserved && details.state !== 'running' ? `${short(details.reserved)} are kept for a call that broke off: what it cost is not known.` : '',
        `Model: ${details.model}`,
      ].filter(Boolean).join('\n'),
    }),
    fact('rounds', 'history', bar(details.round, details.max_rounds), `round ${details.round} of ${details.max_rounds}`),
    fact('time', 'watch', bar(details.seconds, details.max_seconds), `${span(details.seconds)} of ${span(details.max_seconds)}`, { tooltip: 'Time of work, the model\'s and the tools\'.' }),
  ];
  const hunks = Object.entries(details.hunks).map(([state, count]) => `${count} ${state}`).join(', ');
  if (hunks) {
    found.push(fact('hunks', 'diff-multiple', 'Hunks', hunks, {
      command: { command: 'steadyhand.showProposal', title: 'Show Proposal', arguments: [{ session: details.id }] },
    }));
  }
  for (const { path, taken, note } of details.conventions ?? []) {
    found.push(fact(`conventions/${path}`, taken ? 'book' : 'warning', 'Conventions', [path, note].filter(Boolean).join(', '), { tooltip: [path, note].filter(Boolean).join('\n') }));
  }
  if (details.reason) {
    found.push(fact('reason', 'info', oneLine(details.reason), undefined, { tooltip: details.reason }));
  }
  if (details.summary && details.summary !== details.reason) {
    found.push(fact('summary', 'note', oneLine(details.summary), undefined, { tooltip: details.summary }));
  }
  return found;
}

/** The rounds, and between them what the person said. */
function course(details: SessionDetails, parent: Node): Node[] {
  const said = (words: readonly string[] | undefined, after: number) => (words ?? []).map((text, at): Node => (
    { kind: 'fact', key: `${details.id}/word${after}.${at}`, icon: 'account', label: oneLine(text), description: 'you', tooltip: text, parent }));
  const rounds = details.rounds.flatMap((round): Node[] => [{ kind: 'round', session: details.id, round }, ...said(round.words, round.number)]);
  return [...said(details.words, 0), ...rounds];
}

const span = (seconds: number) => seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;

function roundItem(session: string, round: Round): vscode.TreeItem {
  const refused = round.steps.filter(({ verdict }) => verdict === 'refuse').length;
  const item = new vscode.TreeItem(`Round ${round.number}`, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${session}/${round.number}`;
  item.description = [refused ? `${refused} refused` : '', round.steps.map(({ tool, about }) => [tool, about].filter(Boolean).join(' ')).join(', ')].filter(Boolean).join(' · ');
  item.tooltip = round.said || undefined;
  item.accessibilityInformation = { label: `${item.label}: ${item.description}` };
  item.iconPath = new vscode.ThemeIcon(refused ? 'shield' : round.steps.some(({ error }) => error) ? 'warning' : 'circle-small-filled', refused ? new vscode.ThemeColor('charts.red') : undefined);
  return item;
}

function inRound(round: Round, parent: Node & { kind: 'round' }): Node[] {
  const key = `${parent.session}/${round.number}`;
  const said: Node[] = round.said ? [{ kind: 'fact', key: `${key}/said`, icon: 'comment', label: oneLine(round.said), tooltip: round.said, parent }] : [];
  const steps = round.steps.map((step, at): Node => ({ kind: 'step', key: `${key}/${at}`, step, parent }));
  const notes = round.notes.map((note, at): Node => ({ kind: 'fact', key: `${key}/note${at}`, icon: 'megaphone', label: oneLine(note), tooltip: note, parent }));
  return [...said, ...steps, ...notes];
}

function stepItem(key: string, step: Step): vscode.TreeItem {
  const refused = step.verdict === 'refuse';
  const item = new vscode.TreeItem(refused ? `${step.tool} refused` : [step.tool, step.about].filter(Boolean).join(' '));
  item.id = key;
  // Of a refusal the first line says what there is already: “`_slug` does the same as `slugify` in text.py:17.”
  const first = (step.message.split('\n')[0] ?? '').replace(/^Refused: /, '');
  item.description = refused ? `${first} (${step.rule}, ${step.about})` : step.running ? 'under way' : step.error ? first : step.reason;
  item.tooltip = [step.reason, step.message, ...step.remarks, step.seconds >= 1 ? `${step.seconds} s` : ''].filter(Boolean).join('\n\n');
  const [icon, colour] = refused ? ['shield', 'charts.red'] : step.running ? ['sync~spin', undefined] : step.error ? ['warning', 'charts.yellow'] : step.remarks.length ? ['pass', 'charts.yellow'] : ['pass', undefined];
  item.iconPath = new vscode.ThemeIcon(icon as string, colour ? new vscode.ThemeColor(colour as string) : undefined);
  item.accessibilityInformation = { label: `${item.label}: ${item.description}` };
  return item;
}
