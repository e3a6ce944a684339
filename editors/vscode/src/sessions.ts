// How sessions look: the status bar item and the pickers.

import * as vscode from 'vscode';
import { State } from 'vscode-languageclient/node';
import type { Budget, Found, Session, SessionEvent, SessionState } from './protocol';

const ICONS: Record<SessionState, string> = {
  running: 'sync~spin', waiting: 'bell-dot', paused: 'debug-pause', finished: 'check', failed: 'error', cancelled: 'circle-slash',
};

export interface Action {
  command: string; // the extension's
  request: string; // the server's
  title: string;
  icon: string;
  /** States in which it is offered; whether it is possible, the server says. */
  states: readonly SessionState[];
}

export const ACTIONS: readonly Action[] = [
  { command: 'steadyhand.showProposal', request: 'steadyhand.proposal', title: 'Show Proposal', icon: 'diff', states: ['running', 'waiting', 'paused', 'finished', 'failed', 'cancelled'] },
  { command: 'steadyhand.applyProposal', request: 'steadyhand.apply', title: 'Apply Proposal', icon: 'check-all', states: ['waiting', 'paused', 'finished', 'failed', 'cancelled'] },
  { command: 'steadyhand.discardProposal', request: 'steadyhand.discard', title: 'Discard Proposal', icon: 'trash', states: ['waiting', 'paused', 'finished', 'failed', 'cancelled'] },
  { command: 'steadyhand.resumeSession', request: 'steadyhand.resume', title: 'Resume Session', icon: 'debug-continue', states: ['waiting', 'paused', 'failed', 'cancelled'] },
  { command: 'steadyhand.undoSession', request: 'steadyhand.undo', title: 'Undo Session', icon: 'discard', states: ['waiting', 'paused', 'finished', 'failed', 'cancelled'] },
  { command: 'steadyhand.redoSession', request: 'steadyhand.redo', title: 'Redo Session', icon: 'redo', states: ['waiting', 'paused', 'finished', 'failed', 'cancelled'] },
  { command: 'steadyhand.deleteSession', request: 'steadyhand.delete', title: 'Delete Session', icon: 'close', states: ['paused', 'finished', 'failed', 'cancelled'] },
  { command: 'steadyhand.cancelSession', request: 'steadyhand.cancel', title: 'Cancel Session', icon: 'debug-stop', states: ['running', 'waiting', 'paused'] },
];

const short = (n: number) => n < 1000 ? `${n}` : `${(n / 1000).toFixed(1).replace(/\.0$/, '')}k`;
const budget = (b: Budget) => `round ${b.round}/${b.max_rounds} · ${short(b.tokens)}/${short(b.max_tokens)} tokens`;
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

function when(updated: string | number): string {
  const date = new Date(typeof updated === 'number' && updated < 1e11 ? updated * 1000 : updated); // seconds or milliseconds
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleString();
}

/** The session that moved last, a running one before others. */
export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('steadyhand.session', vscode.StatusBarAlignment.Left, 0);
  private readonly sessions = new Map<string, SessionEvent>();
  private state = State.Starting;

  constructor() {
    this.item.name = 'Steadyhand';
    this.item.command = 'steadyhand.showSessions';
    this.draw();
    this.item.show();
  }

  serverIs(state: State): void {
    this.state = state;
    if (state !== State.Running) {
      this.sessions.clear();
    }
    this.draw();
  }

  sessionIs(event: SessionEvent): void {
    this.sessions.delete(event.session); // so that it becomes the last
    this.sessions.set(event.session, event);
    this.draw();
  }

  private draw(): void {
    const all = [...this.sessions.values()].reverse();
    const shown = all.find(({ state }) => state === 'running') ?? all[0];
    if (shown) {
      this.item.text = `$(${ICONS[shown.state] ?? 'question'}) Steadyhand: ${budget(shown)}${shown.degraded ? ' $(cloud-offline)' : ''}`;
      this.item.tooltip = all.slice(0, 5).map(describe).join('\n\n');
    } else {
      const down = this.state === State.Stopped || this.state === State.StartFailed;
      this.item.text = down ? '$(warning) Steadyhand' : this.state === State.Starting ? '$(loading~spin) Steadyhand' : 'Steadyhand';
      this.item.tooltip = down ? 'The server is not running. Click to start it.' : 'Sessions';
    }
    this.item.accessibilityInformation = { label: shown ? `Steadyhand: ${shown.state}, ${budget(shown)}` : 'Steadyhand sessions' };
    this.item.backgroundColor = shown?.state === 'waiting' ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  }

  dispose(): void {
    this.item.dispose();
  }
}

function describe(event: SessionEvent): string {
  const last = [event.event, event.tool, event.verdict].filter(Boolean).join(' · ');
  return [`${event.state}: ${oneLine(event.prompt)}`, budget(event), last, event.message, event.degraded].filter(Boolean).join('\n');
}

interface SessionItem extends vscode.QuickPickItem {
  session?: Session;
}

const button = ({ icon, title }: Action): vscode.QuickInputButton => ({ iconPath: new vscode.ThemeIcon(icon), tooltip: title });

function asItem(session: Session, actions: readonly Action[]): SessionItem {
  return {
    label: `$(${ICONS[session.state] ?? 'question'}) ${oneLine(session.prompt)}`,
    description: `${session.state} · ${budget(session)}`,
    detail: [when(session.updated), session.only_in && `only in ${session.only_in}`].filter(Boolean).join(' · '),
    buttons: actions.filter((action) => fits(action, session)).map(button),
    session,
  };
}

/** All sessions; resolves with what to do with which, or with 'new'. */
export async function pickSessionAndAction(sessions: readonly Session[]): Promise<{ session: Session; action: Action } | 'new' | undefined> {
  const picker = vscode.window.createQuickPick<SessionItem>();
  picker.title = 'Steadyhand: Sessions';
  picker.placeholder = sessions.length ? 'Choose a session' : 'There is no session yet';
  picker.matchOnDescription = true;
  picker.items = [...sessions.map((session) => asItem(session, ACTIONS)), { label: '$(add) New Task…', alwaysShow: true }];
  const chosen = await new Promise<{ session: Session; action?: Action } | 'new' | undefined>((resolve) => {
    picker.onDidAccept(() => {
      const item = picker.selectedItems[0];
      resolve(item?.session ? { session: item.session } : item && 'new');
    });
    picker.onDidTriggerItemButton(({ item, button: pressed }) => {
      const action = ACTIONS.find(({ title }) => title === pressed.tooltip);
      resolve(item.session && action && { session: item.session, action });
    });
    picker.onDidHide(() => resolve(undefined));
    picker.show();
  });
  picker.dispose();
  if (!chosen || chosen === 'new') {
    return chosen;
  }
  const { session } = chosen;
  const action = chosen.action ?? await pickAction(session);
  return action && { session, action };
}

/** What is possible the server decides; this keeps what is not out of the lists. */
function fits(action: Action, session: Session): boolean {
  return action.states.includes(session.state) && (action.request !== 'steadyhand.undo' || session.applied) && (action.request !== 'steadyhand.redo' || session.reverted);
}

export async function pickAction(session: Session): Promise<Action | undefined> {
  const items = ACTIONS.filter((action) => fits(action, session))
    .map((action) => ({ label: `$(${action.icon}) ${action.title}`, action }));
  const picked = await vscode.window.showQuickPick(items, { title: oneLine(session.prompt), placeHolder: `${session.state} · ${budget(session)}` });
  return picked?.action;
}

/** The places that a search found; resolves with the session of the chosen one. */
export async function pickFound(found: readonly Found[]): Promise<Session | undefined> {
  const items = found.map((place) => ({
    label: oneLine(place.around),
    description: `${place.kind} in round ${place.round}`,
    detail: `${oneLine(place.prompt)} · ${place.state} · ${when(place.updated)}`,
    place,
  }));
  const picked = await vscode.window.showQuickPick(items, { title: 'Steadyhand: Search Sessions', matchOnDetail: true, placeHolder: 'Choose a session' });
  return picked?.place;
}

/** The sessions for which an action is offered; the only one is not asked for. */
export async function pickSessionFor(action: Action, sessions: readonly Session[]): Promise<Session | undefined> {
  const fitting = sessions.filter((session) => fits(action, session));
  if (!fitting.length) {
    void vscode.window.showInformationMessage(`Steadyhand: there is no session for “${action.title}”.`);
    return undefined;
  }
  if (fitting.length === 1) {
    return fitting[0];
  }
  const picked = await vscode.window.showQuickPick(fitting.map((session) => asItem(session, [])), {
    title: `Steadyhand: ${action.title}`, placeHolder: 'Choose a session', matchOnDescription: true,
  });
  return picked?.session;
}
