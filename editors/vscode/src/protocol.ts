// What the server and this extension say to each other beyond LSP.

export const SESSION_NOTIFICATION = 'steadyhand/session';

/** Requests of the server's: what this window's other language servers know. */
export const REFERENCES_REQUEST = 'steadyhand/references';
export const DIAGNOSTICS_REQUEST = 'steadyhand/diagnostics';

/** Commands of the server that start work, or that let it run commands; they wait until the workspace is trusted. */
export const RUNS_A_TASK: ReadonlySet<string> = new Set(['steadyhand.task', 'steadyhand.resume', 'steadyhand.trust']);

export type SessionState = 'running' | 'waiting' | 'paused' | 'finished' | 'failed' | 'cancelled';

export interface Budget {
  round: number;
  max_rounds: number;
  tokens: number;
  max_tokens: number;
}

export interface Session extends Budget {
  id: string;
  state: SessionState;
  prompt: string;
  updated: string | number;
  /** Something of it can be taken back. */
  applied: boolean;
  reverted: boolean;
  /** The working copy that it works on; the store that alone knows it, or ''. */
  checkout: string;
  only_in: string;
}

/** A place where a session speaks of what was looked for. */
export interface Found extends Session {
  kind: string;
  around: string;
}

export interface SessionEvent extends Budget {
  session: string;
  state: SessionState;
  prompt: string;
  event: string;
  tool?: string;
  verdict?: string;
  message?: string;
  /** What of it is kept on this machine alone, in words. */
  degraded?: string;
}

/** The answer to resume, proposal, apply, discard, undo and cancel. */
export interface SessionAnswer {
  session: string;
  state: SessionState;
  message?: string;
}
