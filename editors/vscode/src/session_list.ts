// The sessions of this workspace as this window knows them: asked for once, then kept by events.

import * as vscode from 'vscode';
import { State } from 'vscode-languageclient/node';
import { ACTIONS, fits } from './actions';
import type { Session, SessionEvent } from './protocol';
import type { Server } from './server';

export class SessionList implements vscode.Disposable {
  private sessions = new Map<string, Session>();
  private readonly said = new Map<string, boolean>();
  private readonly last = new Map<string, SessionEvent>();
  private readonly changed = new vscode.EventEmitter<string | undefined>();
  private readonly watches: vscode.Disposable[];
  /** Names the session that changed; undefined where all may have. */
  readonly onChange = this.changed.event;
  known = false;

  constructor(private readonly server: Server) {
    this.watches = [
      server.onState((state) => {
        this.setContext('steadyhand.serverRuns', state === State.Running);
        this.setContext('steadyhand.serverDown', state === State.Stopped || state === State.StartFailed);
        return state === State.Running ? void this.refresh() : this.forget();
      }),
      server.onSession((event) => this.take(event)),
    ];
  }

  /** The one that moved last first. */
  all(): Session[] {
    return [...this.sessions.values()].sort((a, b) => b.updated - a.updated);
  }

  get(id: string): Session | undefined {
    return this.sessions.get(id);
  }

  /** The session that a person would mean now: one that works, else one that waits for them, else the newest. */
  current(): Session | undefined {
    const all = this.all();
    return all.find(({ state }) => state === 'running') ?? all.find(({ state }) => state === 'waiting') ?? all[0];
  }

  lastEvent(id: string): SessionEvent | undefined {
    return this.last.get(id);
  }

  async refresh(): Promise<void> {
    const answer = await this.server.ask<{ sessions: Session[] }>('steadyhand.sessions', {});
    if (answer) {
      this.sessions = new Map(answer.sessions.map((session) => [session.id, session]));
      this.known = true;
      this.tell();
    }
  }

  dispose(): void {
    this.watches.forEach((watch) => watch.dispose());
    this.changed.dispose();
  }

  private take(event: SessionEvent): void {
    const { session: id, state, prompt, round, max_rounds, tokens, max_tokens } = event;
    const before = this.sessions.get(id);
    this.last.set(id, event);
    this.sessions.set(id, {
      id, state, prompt, round, max_rounds, tokens, max_tokens,
      updated: Date.now() / 1000,
      applied: before?.applied ?? false,
      reverted: before?.reverted ?? false,
      proposes: before?.proposes ?? false,
      checkout: before?.checkout ?? '',
      only_in: '',
    });
    if (event.event === 'hunks' || event.event === 'round' || before?.state !== state) {
      void this.refresh(); // what can be undone has changed with it
    }
    this.tell(id);
  }

  /** Events come with every step; what is so already is not said again. */
  private setContext(key: string, value: boolean): void {
    if (this.said.get(key) !== value) {
      this.said.set(key, value);
      void vscode.commands.executeCommand('setContext', key, value);
    }
  }

  private forget(): void {
    this.sessions.clear();
    this.last.clear();
    this.known = false;
    this.tell();
  }

  private tell(id?: string): void {
    for (const action of ACTIONS) {
      const possible = [...this.sessions.values()].some((session) => fits(action, session));
      this.setContext(`${action.command}.possible`, possible);
    }
    this.setContext('steadyhand.noSessions', this.known && !this.sessions.size);
    this.changed.fire(id);
  }
}
