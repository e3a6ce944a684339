// Lists to choose a session and what to do with it.

import * as vscode from 'vscode';
import { ACTIONS, budget, fits, ICONS, oneLine, when, type Action } from './actions';
import { plain } from './labels';
import type { Found, Session } from './protocol';

interface SessionItem extends vscode.QuickPickItem {
  session?: Session;
}

const button = ({ icon, title }: Action): vscode.QuickInputButton => ({ iconPath: new vscode.ThemeIcon(icon), tooltip: title });

function asItem(session: Session, actions: readonly Action[]): SessionItem {
  return {
    label: `$(${ICONS[session.state] ?? 'question'}) ${plain(oneLine(session.prompt))}`,
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

export async function pickAction(session: Session): Promise<Action | undefined> {
  const items = ACTIONS.filter((action) => fits(action, session))
    .map((action) => ({ label: `$(${action.icon}) ${action.title}`, action }));
  const picked = await vscode.window.showQuickPick(items, { title: oneLine(session.prompt), placeHolder: `${session.state} · ${budget(session)}` });
  return picked?.action;
}

/** The places that a search found; resolves with the session of the chosen one. */
export async function pickFound(found: readonly Found[]): Promise<Session | undefined> {
  const items = found.map((place) => ({
    label: plain(oneLine(place.around)),
    description: `${place.kind} in round ${place.round}`,
    detail: `${plain(oneLine(place.prompt))} · ${place.state} · ${when(place.updated)}`,
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
