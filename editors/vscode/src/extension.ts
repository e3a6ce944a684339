// Gives the server's commands a face in VS Code; what can be decided is decided by the server.

import * as vscode from 'vscode';
import { ACTIONS, type Action } from './actions';
import { diagnose } from './doctor';
import { Duplicates, peek } from './duplicates';
import { Installation } from './install';
import { plain } from './labels';
import { pickAction, pickFound, pickSessionAndAction, pickSessionFor } from './pickers';
import { Prompt, REPLY } from './prompt';
import { Proposals, sessionOf, shownSession } from './proposals';
import { PROPOSAL_SCHEME, type Found, type SessionAnswer } from './protocol';
import { mayRun, Server, tellAnswer } from './server';
import { SessionList } from './session_list';
import { SessionTree } from './session_tree';
import { StatusBar } from './status_bar';

/** What a menu, a link, a tree or a title bar names a session by. */
type Target = { session?: string; id?: string } | vscode.Uri | undefined;

/** What the commands on sessions work with. */
interface Desk {
  server: Server;
  sessions: SessionList;
  proposals: Proposals;
  prompt: Prompt;
}

let running: Server | undefined;
let inFolder = false;

export function activate(context: vscode.ExtensionContext): void {
  const version = String(context.extension.packageJSON.version);
  const log = vscode.window.createOutputChannel('Steadyhand', { log: true });
  const installation = new Installation(context, log);
  const server = running = new Server(installation, log, version);
  const sessions = new SessionList(server);
  const tree = new SessionTree(server, sessions);
  const duplicates = new Duplicates(server);
  const proposals = new Proposals(server);
  const prompt = new Prompt(context.workspaceState, server);
  const desk: Desk = { server, sessions, proposals, prompt };
  const command = (id: string, handler: (target: Target) => unknown) => vscode.commands.registerCommand(id, handler);
  context.subscriptions.push(
    log, server, sessions, tree, duplicates, proposals, new StatusBar(server, sessions),
    command('steadyhand.newTask', () => newTask(server, prompt, false)),
    command('steadyhand.taskOnSelection', () => newTask(server, prompt, true)),
    command('steadyhand.fixDiagnostic', () => fixDiagnostic(server)),
    // Named by the server's code action "do this here…", and by its lens "2 similar".
    vscode.commands.registerCommand('steadyhand.promptTask', (place: object) => start(server, prompt, 'Steadyhand: Do This Here', place)),
    vscode.commands.registerCommand('steadyhand.peek', peek),
    command('steadyhand.showSessions', () => showSessions(desk)),
    command('steadyhand.openSession', async (target) => {
      const id = named(target) ?? sessions.current()?.id;
      await (id ? tree.reveal(id) : vscode.commands.executeCommand('steadyhand.sessions.focus'));
    }),
    ...ACTIONS.map((action) => command(action.command, (target) => act(desk, action, named(target)))),
    command('steadyhand.acceptHunk', (target) => proposals.decide('accept', { session: named(target) })),
    command('steadyhand.rejectHunk', (target) => proposals.decide('reject', { session: named(target) })),
    command('steadyhand.searchSessions', () => searchSessions(desk)),
    command('steadyhand.refreshSessions', () => sessions.refresh()),
    command('steadyhand.duplicatesInWorkspace', () => duplicates.show()),
    vscode.commands.registerCommand('steadyhand.compareDuplicate', (node) => duplicates.compare(node)),
    vscode.commands.registerCommand('steadyhand.goToDuplicate', (node) => duplicates.goTo(node)),
    command('steadyhand.trustChecks', () => trustChecks(server)),
    command('steadyhand.doctor', async () => proposals.showText('Steadyhand Doctor.txt', await diagnose(installation, version))),
    command('steadyhand.installServer', () => server.install()),
    command('steadyhand.restartServer', () => server.restartByHand()),
    command('steadyhand.showLog', () => log.show()),
    // The server is told of trust when it starts, and holds to it whatever asks it to work.
    vscode.workspace.onDidGrantWorkspaceTrust(() => server.restart()),
    vscode.workspace.onDidChangeWorkspaceFolders(() => startInFolder(server)),
  );
  startInFolder(server);
}

/** Starts the server once there is a folder: a window without one has nothing to find and nothing to resume. */
function startInFolder(server: Server): void {
  if (!inFolder && vscode.workspace.workspaceFolders?.length) {
    inFolder = true;
    void server.restart();
  }
}

export async function deactivate(): Promise<void> {
  await running?.stop();
}

function named(target: Target): string | undefined {
  if (target instanceof vscode.Uri) {
    return sessionOf(target);
  }
  return target?.session ?? target?.id;
}

async function newTask(server: Server, prompt: Prompt, onSelection: boolean): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const isFile = editor?.document.uri.scheme === 'file';
  if (mayRun('steadyhand.task') && onSelection && (!isFile || editor.selection.isEmpty)) {
    void vscode.window.showInformationMessage('Steadyhand: select the code in a file that the task is about first.');
    return;
  }
  const place = isFile ? { uri: editor.document.uri.toString(), ...(onSelection ? { range: asRange(editor.selection) } : {}) } : {};
  await start(server, prompt, onSelection ? 'Steadyhand: Task on Selection' : 'Steadyhand: New Task', place, isFile ? editor.selection : undefined);
}

/** Asks for a task and starts it at a place of the document. */
async function start(server: Server, prompt: Prompt, title: string, place: object, selection?: vscode.Range): Promise<void> {
  if (!mayRun('steadyhand.task')) {
    return;
  }
  if (!vscode.workspace.workspaceFolders?.length) {
    void vscode.window.showInformationMessage('Steadyhand: a task needs an open folder.', 'Open Folder')
      .then((choice) => choice && vscode.commands.executeCommand('vscode.openFolder'));
    return;
  }
  const asked = await prompt.ask(title, selection);
  if (asked) {
    const range = asked.selection && selection ? { range: asRange(selection) } : {};
    await server.run('steadyhand.task', { prompt: asked.text, ...place, ...range });
  }
}

/** Has the agent mend what is reported at the cursor. */
async function fixDiagnostic(server: Server): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const at = editor?.selection.active;
  const here = editor && at ? vscode.languages.getDiagnostics(editor.document.uri).filter(({ range }) => range.start.line <= at.line && at.line <= range.end.line) : [];
  if (!editor || !here.length) {
    void vscode.window.showInformationMessage('Steadyhand: nothing is reported on this line.');
    return;
  }
  const picked = here.length === 1 ? here : await vscode.window.showQuickPick(
    here.map((diagnostic) => ({ label: plain(diagnostic.message.split('\n')[0] ?? ''), description: diagnostic.source ?? '', diagnostic, picked: true })),
    { title: 'Steadyhand: Fix These', canPickMany: true },
  ).then((items) => items?.map(({ diagnostic }) => diagnostic));
  if (picked?.length) {
    const lines = picked.map(({ range }) => range);
    await server.run('steadyhand.task', {
      prompt: picked.length === 1 ? 'Fix this diagnostic.' : 'Fix these diagnostics.',
      uri: editor.document.uri.toString(),
      range: { start: { line: Math.min(...lines.map(({ start }) => start.line)), character: 0 }, end: { line: Math.max(...lines.map(({ end }) => end.line)) + 1, character: 0 } },
      diagnostics: picked.map(({ range, source, message }) => `line ${range.start.line + 1}: ${source ?? 'diagnostic'}: ${message}`),
    });
  }
}

function asRange({ start, end }: vscode.Range) {
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}

async function showSessions(desk: Desk): Promise<void> {
  await desk.sessions.refresh();
  const choice = await pickSessionAndAction(desk.sessions.all());
  if (choice === 'new') {
    await vscode.commands.executeCommand('steadyhand.newTask');
  } else if (choice) {
    await act(desk, choice.action, choice.session.id);
  }
}

async function searchSessions(desk: Desk): Promise<void> {
  const words = (await vscode.window.showInputBox({ title: 'Steadyhand: Search Sessions', placeHolder: 'Words that were said or done in a session' }))?.trim();
  const found = words ? (await desk.server.run<{ found: Found[] }>('steadyhand.search', { words }))?.found : undefined;
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
    await act(desk, action, session.id);
  }
}

/** The server shows what would be trusted, and asks. */
async function trustChecks(server: Server): Promise<void> {
  const answer = await server.run<{ message: string }>('steadyhand.trust', {});
  if (answer) {
    void vscode.window.showInformationMessage(`Steadyhand: ${answer.message}`);
  }
}

/** Asks for what is to be said to a session, about what is selected where the person names it. */
async function reply({ server, prompt }: Desk, session: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  // Of what is proposed, too: that is what most replies are about.
  const selection = editor && ['file', PROPOSAL_SCHEME].includes(editor.document.uri.scheme) ? editor.selection : undefined;
  const asked = await prompt.ask('Steadyhand: Reply to Session', selection, REPLY);
  if (asked) {
    const about = asked.selection && editor && selection ? { uri: editor.document.uri.toString(), range: asRange(selection) } : {};
    await server.run('steadyhand.reply', { session, text: asked.text, ...about });
  }
}

async function act(desk: Desk, action: Action, given?: string): Promise<void> {
  const { server, sessions, proposals } = desk;
  if (!mayRun(action.request)) {
    return;
  }
  let session = given ?? shownSession();
  if (!session) {
    await sessions.refresh();
    session = (await pickSessionFor(action, sessions.all()))?.id;
  }
  if (!session) {
    return;
  }
  if (action.request === 'steadyhand.proposal') {
    await proposals.review(session);
    return;
  }
  if (action.request === 'steadyhand.reply') {
    await reply(desk, session);
    return;
  }
  if (action.request === 'steadyhand.transcript') {
    await proposals.showTranscript(session);
    return;
  }
  if (action.request === 'steadyhand.delete') {
    const detail = 'What it wrote into files stays, and can no longer be undone from here.';
    if (await vscode.window.showWarningMessage(`Delete session ${session}?`, { modal: true, detail }, 'Delete') !== 'Delete') {
      return;
    }
  }
  const answer = await server.run<SessionAnswer>(action.request, { session });
  if (action.request === 'steadyhand.delete') {
    await sessions.refresh();
  }
  // That it goes on shows in the status bar.
  if (action.request !== 'steadyhand.resume') {
    tellAnswer(answer, action.request);
  }
}
