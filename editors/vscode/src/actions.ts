// What can be done with a session, and how sessions are put in words; the server has the last word on both.

import type { Budget, Session, SessionState } from './protocol';

export const ICONS: Record<SessionState, string> = {
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

const STILL: readonly SessionState[] = ['waiting', 'paused', 'finished', 'failed', 'cancelled'];

export const ACTIONS: readonly Action[] = [
  { command: 'steadyhand.showProposal', request: 'steadyhand.proposal', title: 'Show Proposal', icon: 'diff-multiple', states: ['running', ...STILL] },
  { command: 'steadyhand.applyProposal', request: 'steadyhand.apply', title: 'Apply Proposal', icon: 'check-all', states: STILL },
  { command: 'steadyhand.discardProposal', request: 'steadyhand.discard', title: 'Discard Proposal', icon: 'trash', states: ['waiting', 'paused'] },
  { command: 'steadyhand.resumeSession', request: 'steadyhand.resume', title: 'Resume Session', icon: 'debug-continue', states: ['paused', 'cancelled'] },
  { command: 'steadyhand.replyToSession', request: 'steadyhand.reply', title: 'Reply to Session…', icon: 'comment', states: ['running', 'waiting', 'paused', 'finished', 'cancelled'] },
  { command: 'steadyhand.openTranscript', request: 'steadyhand.transcript', title: 'Open Transcript', icon: 'book', states: ['running', ...STILL] },
  { command: 'steadyhand.undoSession', request: 'steadyhand.undo', title: 'Undo Session', icon: 'discard', states: STILL },
  { command: 'steadyhand.redoSession', request: 'steadyhand.redo', title: 'Redo Session', icon: 'redo', states: STILL },
  { command: 'steadyhand.cancelSession', request: 'steadyhand.cancel', title: 'Cancel Session', icon: 'debug-stop', states: ['running', 'waiting', 'paused'] },
  { command: 'steadyhand.deleteSession', request: 'steadyhand.delete', title: 'Delete Session', icon: 'close', states: ['paused', 'finished', 'failed', 'cancelled'] },
];

const PROPOSING = new Set(['steadyhand.proposal', 'steadyhand.apply', 'steadyhand.discard']);

/** What is possible the server decides; this keeps what is not out of the lists. */
export function fits(action: Action, session: Session): boolean {
  return action.states.includes(session.state)
    && (!PROPOSING.has(action.request) || session.proposes)
    && (action.request !== 'steadyhand.undo' || session.applied)
    && (action.request !== 'steadyhand.redo' || session.reverted);
}

const scaled = (n: number, unit: string) => `${n.toFixed(1).replace(/\.0$/, '')}${unit}`;
export const short = (n: number) => n < 1000 ? `${n}` : n < 1e6 ? scaled(n / 1000, 'k') : scaled(n / 1e6, 'M');
export const budget = (b: Budget) => `round ${b.round}/${b.max_rounds} · ${short(b.tokens)}/${short(b.max_tokens)} tokens`;
export const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

/** A bar of ten blocks, for places that show text alone. */
export function bar(part: number, whole: number): string {
  const full = Math.min(10, Math.round(whole > 0 ? part / whole * 10 : 0));
  return '█'.repeat(full) + '░'.repeat(10 - full);
}

const STEPS: readonly [number, Intl.RelativeTimeFormatUnit][] = [[60, 'second'], [60, 'minute'], [24, 'hour'], [30, 'day'], [12, 'month'], [Infinity, 'year']];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });

/** “5 min. ago”. */
export function when(updated: number): string {
  let passed = Date.now() / 1000 - updated;
  if (passed < 10) {
    return 'just now';
  }
  for (const [size, unit] of STEPS) {
    if (passed < size) {
      return relative.format(-Math.floor(passed), unit);
    }
    passed /= size;
  }
  return '';
}
