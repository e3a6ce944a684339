// The status bar item: the session that a person would mean now, and whether the server runs.

import * as vscode from 'vscode';
import { State } from 'vscode-languageclient/node';
import { bar, budget, ICONS, oneLine, short } from './actions';
import type { Session, SessionEvent } from './protocol';
import type { Server } from './server';
import type { SessionList } from './session_list';

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('steadyhand.session', vscode.StatusBarAlignment.Left, 0);
  private readonly watches: vscode.Disposable[];
  private state = State.Starting;

  constructor(server: Server, private readonly sessions: SessionList) {
    this.item.name = 'Steadyhand';
    this.watches = [
      server.onState((state) => { this.state = state; this.draw(); }),
      sessions.onChange(() => this.draw()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.draw()),
    ];
    this.draw();
  }

  dispose(): void {
    this.watches.forEach((watch) => watch.dispose());
    this.item.dispose();
  }

  private draw(): void {
    if (!vscode.workspace.workspaceFolders?.length) {
      this.item.hide(); // every window is activated, and in this one there is nothing to tell
      return;
    }
    this.item.show();
    const shown = this.state === State.Running ? this.sessions.current() : undefined;
    // What is over is in the view; the status bar is for what goes on.
    if (shown && ['running', 'waiting', 'paused'].includes(shown.state)) {
      const last = this.sessions.lastEvent(shown.id);
      const progress = shown.state === 'running' ? budget(shown) : `${shown.state === 'waiting' ? 'a proposal waits' : 'paused'} · round ${shown.round}/${shown.max_rounds}`;
      this.item.text = `$(${ICONS[shown.state]}) Steadyhand: ${progress}${last?.degraded ? ' $(cloud-offline)' : ''}`;
      this.item.tooltip = tooltip(shown, last);
      this.item.command = { command: 'steadyhand.openSession', title: 'Open Session', arguments: [{ session: shown.id }] };
      this.item.accessibilityInformation = { label: `Steadyhand: ${shown.state}, ${budget(shown)}`, role: 'button' };
      this.item.backgroundColor = shown.state === 'waiting' ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
      return;
    }
    const down = this.state === State.Stopped || this.state === State.StartFailed;
    this.item.text = down ? '$(warning) Steadyhand' : this.state === State.Starting ? '$(loading~spin) Steadyhand' : '$(check) Steadyhand';
    this.item.tooltip = down ? 'The server is not running. Click to start it.' : 'Open the sessions of this workspace';
    this.item.command = down ? 'steadyhand.restartServer' : 'steadyhand.sessions.focus';
    this.item.accessibilityInformation = { label: down ? 'Steadyhand: the server is not running' : 'Steadyhand: open sessions', role: 'button' };
    this.item.backgroundColor = undefined;
  }
}

/** With links, so that what can be done now is one click away. */
function tooltip(session: Session, last: SessionEvent | undefined): vscode.MarkdownString {
  const text = new vscode.MarkdownString('', true);
  text.isTrusted = { enabledCommands: ['steadyhand.cancelSession', 'steadyhand.showProposal', 'steadyhand.applyProposal', 'steadyhand.resumeSession', 'steadyhand.openSession'] };
  const link = (title: string, command: string) => `[${title}](command:${command}?${encodeURIComponent(JSON.stringify([{ session: session.id }]))})`;
  text.appendText(`${session.state}: ${oneLine(session.prompt).slice(0, 200)}\n\n`);
  text.appendText(`${bar(session.round, session.max_rounds)} round ${session.round} of ${session.max_rounds}\n\n`);
  text.appendText(`${bar(session.tokens, session.max_tokens)} ${short(session.tokens)} of ${short(session.max_tokens)} tokens\n\n`);
  for (const line of [[last?.tool, last?.verdict].filter(Boolean).join(' · '), last?.message, last?.degraded]) {
    if (line) {
      text.appendText(`${oneLine(line).slice(0, 300)}\n\n`);
    }
  }
  const links = [link('Open', 'steadyhand.openSession')];
  if (session.state === 'running') {
    links.push(link('Cancel', 'steadyhand.cancelSession'));
  } else if (session.state === 'waiting') {
    links.push(link('Show the proposal', 'steadyhand.showProposal'), link('Apply', 'steadyhand.applyProposal'));
  } else {
    links.push(link('Resume', 'steadyhand.resumeSession'));
  }
  text.appendMarkdown(links.join(' · '));
  return text;
}
