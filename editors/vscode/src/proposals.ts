// A proposal in VS Code's own diff editors, on texts that the server provides; nothing here writes a file.

import * as vscode from 'vscode';
import { oneLine } from './actions';
import { plain } from './labels';
import { PROPOSAL_SCHEME, type Hunk, type Proposal, type SessionAnswer, type SessionEvent, type Show, type ShownText, type Transcript } from './protocol';
import type { Server } from './server';

/** The scheme of a multi-file diff as a whole, by which its title bar knows it. */
const REVIEW_SCHEME = 'steadyhand-review';
const TEXT_SCHEME = 'steadyhand-text';
const ACCEPT = 'steadyhand.proposal.accept';
const REJECT = 'steadyhand.proposal.reject';

type Verdict = 'accept' | 'reject';
/** The states of a hunk in which it can be decided so. */
const DECIDABLE: Record<Verdict, readonly string[]> = { accept: ['open', 'rejected'], reject: ['open', 'accepted', 'conflict'] };

export class Proposals implements vscode.Disposable, vscode.TextDocumentContentProvider {
  private readonly texts = new Map<string, string>();
  private readonly renewed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.renewed.event;
  private readonly closed = vscode.workspace.onDidCloseTextDocument(({ uri }) => uri.scheme === TEXT_SCHEME && this.texts.delete(uri.toString()));
  private readonly provider = vscode.workspace.registerTextDocumentContentProvider(TEXT_SCHEME, this);

  private readonly watch: vscode.Disposable;
  /** What is open for review, by session: the title of its editor, and its files. */
  private readonly reviewed = new Map<string, { title: string; paths: string }>();

  constructor(private readonly server: Server) {
    server.onShow((what) => this.show(what));
    this.watch = server.onSession((event) => {
      void this.renewTranscript(event);
      if (event.event === 'state' && ['waiting', 'paused'].includes(event.state)) {
        void this.closeOutdated(event.session);
      }
      return event.state === 'finished' ? this.close(event.session) : undefined;
    });
  }

  dispose(): void {
    this.watch.dispose();
    this.provider.dispose();
    this.closed.dispose();
    this.renewed.dispose();
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? '';
  }

  /** Opens a text that belongs to no file, read only. */
  async showText(name: string, text: string): Promise<void> {
    await vscode.window.showTextDocument(this.keep(name, text), { preview: true });
  }

  /** Opens all that a session said and did, as a text; it goes on with the session as long as it is open. */
  async showTranscript(session: string): Promise<void> {
    const answer = await this.server.run<Transcript>('steadyhand.transcript', { session });
    if (answer) {
      await this.showText(transcriptName(session), answer.text);
    }
  }

  private async renewTranscript({ session, event }: SessionEvent): Promise<void> {
    const uri = textUri(transcriptName(session));
    // That a model is asked is nothing to read yet.
    if (event !== 'call' && vscode.workspace.textDocuments.some((document) => document.uri.toString() === uri.toString())) {
      const answer = await this.server.ask<Transcript>('steadyhand.transcript', { session });
      if (answer) {
        this.keep(transcriptName(session), answer.text);
      }
    }
  }

  /** Opens every file of a proposal beside what stands there now, in one editor. */
  async review(session: string): Promise<void> {
    const proposal = await this.server.run<Proposal>('steadyhand.proposal.get', { session });
    const files = proposal?.files.filter(({ hunks }) => hunks.length) ?? [];
    if (!proposal || !files.length) {
      void vscode.window.showInformationMessage('Steadyhand: this session proposes nothing now.');
      return;
    }
    const moved = new Map(files.flatMap((file) => file.source ? [[file.source, files.find(({ path }) => path === file.source)]] : []));
    const resources = files.filter(({ path }) => !moved.has(path)).map(({ kind, base, proposed, source }) => {
      const before = source ? moved.get(source)?.base : kind === 'create' ? undefined : base;
      return {
        // A file that comes has nothing beside it, one that goes has nothing in its place; one that moves has itself.
        ...(before ? { originalUri: asUri(before) } : {}),
        ...(kind === 'delete' ? {} : { modifiedUri: asUri(proposed) }),
      };
    });
    const title = `Steadyhand: ${shortened(oneLine(proposal.summary || 'Proposal'), 60)}`;
    const paths = pathsOf(proposal);
    const before = this.reviewed.get(session);
    if (before && (before.title !== title || before.paths !== paths)) {
      await closeTabs(before.title); // VS Code would show what was opened under this URI
    }
    this.reviewed.set(session, { title, paths });
    const multiDiffSourceUri = vscode.Uri.from({ scheme: REVIEW_SCHEME, authority: session, path: `/${session}` });
    try {
      // As Git's own “View Changes” does: it has a URI, so that the title bar can offer what is possible.
      await vscode.commands.executeCommand('_workbench.openMultiDiffEditor', { title, multiDiffSourceUri, resources });
    } catch {
      const workspace = vscode.workspace.workspaceFolders?.[0]?.uri;
      const rows = files.map(({ path, kind, base, proposed }) => [
        workspace ? vscode.Uri.joinPath(workspace, path) : asUri(proposed),
        kind === 'create' ? undefined : asUri(base),
        kind === 'delete' ? undefined : asUri(proposed),
      ]);
      await vscode.commands.executeCommand('vscode.changes', title, rows);
    }
  }

  /** Closes a diff that has other files than what is proposed: it keeps the list that it was opened with. */
  private async closeOutdated(session: string): Promise<void> {
    const shown = this.reviewed.get(session);
    const now = shown && await this.server.ask<Proposal>('steadyhand.proposal.get', { session });
    if (now && pathsOf(now) !== shown.paths && this.reviewed.get(session) === shown) {
      this.reviewed.delete(session);
      await closeTabs(shown.title);
    }
  }

  /** Closes the diff of a proposal of which nothing is open any more: its two sides say the same. */
  private async close(session: string): Promise<void> {
    const shown = this.reviewed.get(session);
    if (shown === undefined) {
      return;
    }
    const hunks = (await this.server.ask<{ hunks: Hunk[] }>('steadyhand.proposal.hunks', { session }))?.hunks ?? [];
    if (hunks.some(({ state }) => state === 'rejected') && !hunks.some(({ state }) => state === 'applied')) {
      // It stays, so that one can change one's mind.
      void vscode.window.showInformationMessage('Steadyhand: every hunk is rejected, and nothing was changed. Accept one in the diff to take it after all.', 'OK');
      return;
    }
    this.reviewed.delete(session);
    await closeTabs(shown.title);
  }

  /** Accepts or rejects the hunk around the cursor, else one that is chosen. */
  async decide(verdict: Verdict, on?: { session?: string }): Promise<void> {
    const here = await atCursor();
    const session = here?.session ?? on?.session ?? shownSession();
    const known = session ? (await this.server.run<{ hunks: Hunk[] }>('steadyhand.proposal.hunks', { session }))?.hunks ?? [] : [];
    const hunk = here && known.find(({ id }) => id === here.hunk);
    // Only so far as it goes is the cursor in it; below, one is chosen.
    const inside = hunk && here.below <= Math.max(lines(hunk.new), lines(hunk.old), 1);
    if (here && inside && !DECIDABLE[verdict].includes(hunk.state)) {
      void vscode.window.showInformationMessage(`Steadyhand: ${hunk.id} is ${hunk.state} already.`);
      return;
    }
    const argument = inside ? { session: here.session, hunks: [hunk.id] } : await this.choose(verdict, session, known);
    if (argument) {
      await this.server.run<SessionAnswer>(verdict === 'accept' ? ACCEPT : REJECT, argument);
    }
  }

  private async choose(verdict: Verdict, session: string | undefined, hunks: readonly Hunk[]): Promise<object | undefined> {
    if (!session) {
      void vscode.window.showInformationMessage('Steadyhand: show the proposal first, and put the cursor into a hunk.');
      return undefined;
    }
    const items = hunks.filter(({ state }) => DECIDABLE[verdict].includes(state)).map((hunk) => ({
      label: `${hunk.id}  ${hunk.path}`,
      description: hunk.state,
      detail: plain(shortened(oneLine(hunk.new || hunk.old), 100)),
      hunk,
    }));
    if (!items.length) {
      void vscode.window.showInformationMessage(`Steadyhand: there is no hunk left to ${verdict}.`);
      return undefined;
    }
    const picked = await vscode.window.showQuickPick(items, { title: `Steadyhand: ${verdict} hunks`, canPickMany: true, matchOnDetail: true });
    return picked?.length ? { session, hunks: picked.map(({ hunk }) => hunk.id) } : undefined;
  }

  private async show({ session, texts }: Show): Promise<void> {
    if (session) {
      await this.review(session);
    } else if (texts) {
      const [left, right] = texts;
      const uri = ({ title, path, text }: ShownText) => this.keep(`${title.replace(/[^\w.]+/g, '-')}/${path.split('/').pop()}`, text);
      await vscode.commands.executeCommand('vscode.diff', uri(left), uri(right), `${left.title} ↔ ${right.title}`);
    }
  }

  private keep(name: string, text: string): vscode.Uri {
    const uri = textUri(name);
    this.texts.set(uri.toString(), text);
    this.renewed.fire(uri);
    return uri;
  }
}

const pathsOf = ({ files }: Proposal): string => files.filter(({ hunks }) => hunks.length).map(({ path }) => path).join('\n');

async function closeTabs(title: string): Promise<void> {
  const tabs = vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs);
  // A multi-file diff tells no URI, and VS Code adds the number of its files to our title.
  await vscode.window.tabGroups.close(tabs.filter(({ label }) => label.startsWith(title)), true);
}

/** The session that a document or an editor's title bar belongs to. */
export function sessionOf(uri: vscode.Uri | undefined): string | undefined {
  return uri && [PROPOSAL_SCHEME, REVIEW_SCHEME].includes(uri.scheme) ? uri.authority : undefined;
}

/** The session of the proposal that is on the screen. */
export const shownSession = (): string | undefined => sessionOf(activeUri());

function activeUri(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputTextDiff) {
    return input.modified;
  }
  return vscode.window.activeTextEditor?.document.uri;
}

interface AtCursor {
  session: string;
  hunk: string;
  /** How many lines below the hunk's lens the cursor stands. */
  below: number;
}

/** The hunk whose lens is the last one above the cursor. */
async function atCursor(): Promise<AtCursor | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (!editor || ![PROPOSAL_SCHEME, 'file'].includes(editor.document.uri.scheme)) {
    return undefined;
  }
  const line = editor.selection.active.line;
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', editor.document.uri) ?? [];
  const found = lenses.flatMap(({ command, range }) => {
    const given = command?.arguments?.[0] as { session?: string; hunks?: string[] } | undefined;
    const [hunk, ...others] = given?.hunks ?? [];
    const above = command?.command.startsWith('steadyhand.proposal.') && range.start.line <= line;
    return above && given?.session && hunk && !others.length ? [{ session: given.session, hunk, below: line - range.start.line }] : [];
  });
  return found.sort((a, b) => a.below - b.below)[0];
}

/** How many lines a text has. */
const lines = (text: string) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

const asUri = (text: string) => vscode.Uri.parse(text, true);

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

const textUri = (name: string) => vscode.Uri.from({ scheme: TEXT_SCHEME, path: `/${name}` });
const transcriptName = (session: string) => `transcript-${session}.md`;
