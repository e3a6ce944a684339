// Launches the server and gives its commands a face; what can be decided is decided by the server.

import * as vscode from 'vscode';
import type { Found, Session, SessionAnswer } from './protocol';
import { mayRun, Server } from './server';
import { ACTIONS, pickAction, pickFound, pickSessionAndAction, pickSessionFor, StatusBar, type Action } from './sessions';

const LAST_PROMPT = 'lastPrompt';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const started = server = new Server();
  const statusBar = new StatusBar();
  const command = (id: string, handler: (argument?: { session?: string }) => unknown) => vscode.commands.registerCommand(id, handler);
  context.subscriptions.push(
    started,
    statusBar,
    started.onState((state) => statusBar.serverIs(state)),
    started.onSession((event) => statusBar.sessionIs(event)),
    command('steadyhand.newTask', () => newTask(started, context.workspaceState, false)),
    command('steadyhand.taskOnSelection', () => newTask(started, context.workspaceState, true)),
    // Named by the server's code action "do this here…".
    vscode.commands.registerCommand('steadyhand.promptTask', (place: object) => promptTask(started, context.workspaceState, 'Steadyhand: Do This Here', place)),
    command('steadyhand.showSessions', () => showSessions(started)),
    ...ACTIONS.map((action) => command(action.command, (argument) => actOnSession(started, action, argument?.session))),
    command('steadyhand.searchSessions', () => searchSessions(started)),
    command('steadyhand.trustChecks', () => trustChecks(started)),
    command('steadyhand.restartServer', () => started.restart()),
    command('steadyhand.showLog', () => started.showLog()),
  );
  void started.restart();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

async function newTask(server: Server, memory: vscode.Memento, onSelection: boolean): Promise<void> {
  if (!mayRun('steadyhand.task')) {
    return;
  }
  const editor = vscode.window.activeTextEditor;
  const isFile = editor?.document.uri.scheme === 'file';
  if (onSelection && (!isFile || editor.selection.isEmpty)) {
    void vscode.window.showInformationMessage('Steadyhand: select the code in a file that the task is about first.');
    return;
  }
  const place = isFile ? {
    uri: editor.document.uri.toString(),
    ...(onSelection ? { range: asRange(editor.selection) } : {}),
  } : {};
  await promptTask(server, memory, onSelection ? 'Steadyhand: Task on Selection' : 'Steadyhand: New Task', place);
}

/** Asks for a task and starts it at a place of the document. */
async function promptTask(server: Server, memory: vscode.Memento, title: string, place: object): Promise<void> {
  if (!mayRun('steadyhand.task')) {
    return;
  }
  const last = memory.get<string>(LAST_PROMPT, '');
  const prompt = (await vscode.window.showInputBox({
    title,
    placeHolder: 'What is to be done, e.g. “read the settings from a TOML file too”',
    value: last,
    valueSelection: [0, last.length], // typing replaces it
    ignoreFocusOut: true,
  }))?.trim();
  if (!prompt) {
    return;
  }
  await memory.update(LAST_PROMPT, prompt);
  await server.run('steadyhand.task', { prompt, ...place });
}

function asRange({ start, end }: vscode.Range) {
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}

async function sessionsOf(server: Server): Promise<Session[] | undefined> {
  return (await server.run<{ sessions: Session[] }>('steadyhand.sessions', {}))?.sessions;
}

async function showSessions(server: Server): Promise<void> {
  const sessions = await sessionsOf(server);
  const choice = sessions && await pickSessionAndAction(sessions);
  if (choice === 'new') {
    await vscode.commands.executeCommand('steadyhand.newTask');
  } else if (choice) {
    await actOnSession(server, choice.action, choice.session.id);
  }
}

async function searchSessions(server: Server): Promise<void> {
  const words = (await vscode.window.showInputBox({ title: 'Steadyhand: Search Sessions', placeHolder: 'Words that were said or done in a session' }))?.trim();
  const found = words ? (await server.run<{ found: Found[] }>('steadyhand.search', { words }))?.found : undefined;
  if (!found) {
    return;
  }
  if (!found.length) {
    void vscode.window.showInformationMessage(`Steadyhand: no session of this workspace says “${words}”.`);
    return;
  }
  const session = await pickFound(found);
  const action = session && await pickAction(session);
  if (action) {
    await actOnSession(server, action, session.id);
  }
}

/** The server shows what would be trusted, and asks. */
async function trustChecks(server: Server): Promise<void> {
  const answer = await server.run<{ message: string }>('steadyhand.trust', {});
  if (answer) {
    void vscode.window.showInformationMessage(`Steadyhand: ${answer.message}`);
  }
}

async function actOnSession(server: Server, action: Action, session?: string): Promise<void> {
  if (!mayRun(action.request)) {
    return;
  }
  if (!session) {
    const sessions = await sessionsOf(server);
    session = sessions && (await pickSessionFor(action, sessions))?.id;
  }
  if (session && action.request === 'steadyhand.delete') {
    const detail = 'What it wrote into files stays, and can no longer be undone from here.';
    if (await vscode.window.showWarningMessage(`Delete session ${session}?`, { modal: true, detail }, 'Delete') !== 'Delete') {
      return;
    }
  }
  const answer = session && await server.run<SessionAnswer>(action.request, { session });
  if (answer && answer.message) {
    const show = answer.state === 'failed' ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
    void show(`Steadyhand: ${answer.message}`);
  }
}
