// What the server and this extension say to each other beyond LSP.

import type { Range } from 'vscode-languageclient/node';

export const SESSION_NOTIFICATION = 'steadyhand/session';

/** Requests of the server's: what this window's other language servers know, and a diff to be shown. */
export const REFERENCES_REQUEST = 'steadyhand/references';
export const DIAGNOSTICS_REQUEST = 'steadyhand/diagnostics';
export const SHOW_REQUEST = 'steadyhand/show';
/** The person pressed “Reply…” on a question about a proposal. */
export const REPLY_NOTIFICATION = 'steadyhand/reply';

/** Texts of a proposal, as the server provides them. */
export const PROPOSAL_SCHEME = 'steadyhand-proposal';

/** Commands of the server that start work, or that let it run commands; they wait until the workspace is trusted. */
export const RUNS_A_TASK: ReadonlySet<string> = new Set(['steadyhand.task', 'steadyhand.reply', 'steadyhand.resume', 'steadyhand.trust']);

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
  /** Seconds since the epoch. */
  updated: number;
  /** Something of it can be taken back. */
  applied: boolean;
  reverted: boolean;
  /** Something that it proposes is open. */
  proposes: boolean;
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

export interface Transcript {
  session: string;
  text: string;
}

export interface Step {
  tool: string;
  about: string;
  reason: string;
  verdict: '' | 'permit' | 'ask' | 'refuse';
  rule: string;
  message: string;
  remarks: string[];
  running: boolean;
  error: boolean;
  seconds: number;
}

export interface Round {
  number: number;
  said: string;
  steps: Step[];
  notes: string[];
  /** What the person said after it. */
  words?: string[];
}

export interface SessionDetails extends Session {
  reason: string;
  summary: string;
  model: string;
  /** Where the project says how it wants code written; an older server does not tell. */
  conventions?: { path: string; taken: boolean; note: string }[];
  seconds: number;
  max_seconds: number;
  /** Tokens set aside for a call; of one that broke off they stay charged. */
  reserved: number;
  cached_tokens: number;
  hunks: Partial<Record<HunkState, number>>;
  /** What the person said before the first round. */
  words?: string[];
  rounds: Round[];
}

/** The answer to resume, proposal, apply, discard, undo and cancel. */
export interface SessionAnswer {
  session: string;
  state: SessionState;
  message?: string;
}

export type HunkState = 'open' | 'accepted' | 'rejected' | 'applied' | 'reverted' | 'conflict' | 'unavailable';

export interface Hunk {
  id: string;
  path: string;
  kind: 'edit' | 'create' | 'rename' | 'delete';
  state: HunkState;
  old: string;
  new: string;
  rounds: number[];
  reasons: string[];
}

export interface Proposal {
  session: string;
  state: SessionState;
  summary: string;
  diff: string;
  files: { path: string; source: string | null; kind: 'edit' | 'create' | 'delete'; hunks: string[]; remarks: string[]; base: string; proposed: string }[];
}

/** What the server asks to be shown: a proposal, or two texts beside each other. */
export interface Show {
  session?: string;
  texts?: [ShownText, ShownText];
}

export interface ShownText {
  title: string;
  path: string;
  text: string;
}

/** A definition and where it stands. */
export interface Place {
  name: string;
  qualified: string;
  signature: string;
  path: string;
  uri: string;
  range: Range;
}

export interface Duplicate extends Place {
  tier: string;
  reason: string;
  /** The argument of `steadyhand.compare`. */
  pair: object;
}

export interface DuplicateGroup extends Place {
  members: Duplicate[];
}
