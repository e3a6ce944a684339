// The sessions of this workspace as this window knows them: asked for once, then kept by events.

import * as vscode from 'vscode';
import { State } from 'vscode-languageclient/node';
import { ACTIONS, fits } from './actions';
import type { Budget, Session, SessionEvent } from './protocol';
import type { Server } from './server';

/** How often, and how many milliseconds apart, the list is asked for while the server opens other folders. */
const TRIES = 20;
const BETWEEN = 500;

export class SessionList implements vscode.Disposable {
  private sessions = new Map<string, Session>();
  private readonly said = new Map<string, boolean>();
  private readonly last = new Map<string, SessionEvent>();
  /** How often anything was told: what came after a list was asked for is newer than that list. */
  private told = 0;
  private asked = 0;
  private later: NodeJS.Timeout | undefined;
  private answered = 0;
  private readonly toldAt = new Map<string, number>();
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
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.foldersChanged()),
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

  /** Asks again until the server, which begins anew with the folders, answers for them. */
  private foldersChanged(left = TRIES): void {
    clearTimeout(this.later);
    this.later = setTimeout(async () => {
      if (!vscode.workspace.workspaceFolders?.length) {
        this.forget();
      } else if (!await this.refresh() && left > 1) {
        this.foldersChanged(left - 1);
      }
    }, BETWEEN);
  }

  /** False where there was no answer. */
  async refresh(): Promise<boolean> {
    const asked = this.told;
    const number = ++this.asked;
    const answer = await this.server.ask<{ sessions: Session[] }>('steadyhand.sessions', {});
    if (answer && number > this.answered) {
      this.answered = number;
      const begun = this.all().filter(({ id }) => (this.toldAt.get(id) ?? 0) > asked);
      const listed = answer.sessions.map((session) => this.newest(session, asked));
      this.sessions = new Map([...begun, ...listed].map((session) => [session.id, session]));
      this.known = true;
      this.tell();
    }
    return answer !== undefined;
  }

  dispose(): void {
    clearTimeout(this.later);
    this.watches.forEach((watch) => watch.dispose());
    this.changed.dispose();
  }

  /** A listed session, with what an event has told of it since the list was asked for. */
  private newest(listed: Session, asked: number): Session {
    const event = this.last.get(listed.id);
    if (!event) {
      return listed;
    }
    return (this.toldAt.get(listed.id) ?? 0) > asked ? { ...listed, ...moving(event) } : listed;
  }

  private take(event: SessionEvent): void {
    const { session: id, state, prompt } = event;
    const before = this.sessions.get(id);
    this.last.set(id, event);
    this.toldAt.set(id, ++this.told);
    this.sessions.set(id, {
      id, prompt, ...moving(event),
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
    this.toldAt.clear();
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

/** What of a session moves with every step. */
function moving({ state, round, max_rounds, tokens, max_tokens }: SessionEvent): Budget & Pick<Session, 'state'> {
  return { state, round, max_rounds, tokens, max_tokens };
}
