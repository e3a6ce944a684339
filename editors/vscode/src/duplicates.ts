// “Duplicates in Workspace”: every finding, below the definition that stays; and the peek behind “2 similar”.

import * as vscode from 'vscode';
import type { Location, Position } from 'vscode-languageclient/node';
import type { Duplicate, DuplicateGroup, Place } from './protocol';
import type { Server } from './server';

/** By which our diagnostics are known among those of others. */
const FINDINGS = 'steadyhand';
const PAUSE = 1_000;

type Node = { group: DuplicateGroup } | { group: DuplicateGroup; member: Duplicate };

export class Duplicates implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view = vscode.window.createTreeView<Node>('steadyhand.duplicates', { treeDataProvider: this, showCollapseAll: true });
  private groups: DuplicateGroup[] | undefined;
  private walk: Promise<void> | undefined;
  /** True where findings have changed since they were asked for. */
  private stale = false;
  private soon: NodeJS.Timeout | undefined;
  private readonly reported = new Map<string, string>();
  /** True where a text has changed since; else a file that is opened or closed would look like news. */
  private edited = false;
  private readonly watches = [
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => { this.edited ||= document.uri.scheme === 'file' && contentChanges.length > 0; }),
    vscode.languages.onDidChangeDiagnostics(({ uris }) => this.compareFindings(uris)),
  ];

  constructor(private readonly server: Server) {
    // Only a view that somebody looks at is worth a walk through the workspace.
    this.view.onDidChangeVisibility(({ visible }) => visible && (!this.groups || this.stale) ? this.refresh() : undefined);
  }

  dispose(): void {
    clearTimeout(this.soon);
    this.watches.forEach((watch) => watch.dispose());
    this.view.dispose();
    this.changed.dispose();
  }

  /** Shows the view, with what is found now. */
  async show(): Promise<void> {
    await vscode.commands.executeCommand('steadyhand.duplicates.focus');
    await this.refresh();
    const members = this.groups?.reduce((count, { members }) => count + members.length, 0) ?? 0;
    if (this.groups && !members) {
      void vscode.window.showInformationMessage('Steadyhand: no definition of this workspace is there twice.');
    }
  }

  /** Asks for all of it; while that is on the way, another who asks is given the same. */
  refresh(byItself = false): Promise<void> {
    this.walk ??= this.renew(byItself).finally(() => { this.walk = undefined; });
    return this.walk;
  }

  /** Has the tree follow the findings that are shown in the editors, once typing has paused. */
  private compareFindings(uris: readonly vscode.Uri[]): void {
    for (const uri of uris) {
      const ours = vscode.languages.getDiagnostics(uri).filter(({ source }) => source === FINDINGS);
      const now = ours.map(({ range, message }) => `${range.start.line} ${message}`).sort().join('\n');
      this.stale ||= this.edited && now !== (this.reported.get(uri.toString()) ?? '');
      this.reported.set(uri.toString(), now);
    }
    if (this.stale && this.groups && this.view.visible) {
      clearTimeout(this.soon);
      this.soon = setTimeout(() => void Promise.resolve(this.walk).then(() => this.view.visible && this.stale ? this.refresh(true) : undefined), PAUSE);
    }
  }

  private async renew(byItself: boolean): Promise<void> {
    this.stale = this.edited = false;
    await vscode.window.withProgress({ location: { viewId: 'steadyhand.duplicates' } }, async () => {
      type Found = { files: number; groups: DuplicateGroup[] };
      // Findings also change because a server has ended, which is no reason to start another.
      const answer = await (byItself ? this.server.ask<Found>('steadyhand.duplicates', {}) : this.server.run<Found>('steadyhand.duplicates', {}));
      if (answer) {
        this.groups = answer.groups;
        const members = answer.groups.reduce((count, { members }) => count + members.length, 0);
        this.view.description = members ? `${members} ${members === 1 ? 'copy' : 'copies'} of ${answer.groups.length} ${answer.groups.length === 1 ? 'definition' : 'definitions'}` : '';
        this.view.message = members ? undefined : `Nothing is there twice in ${answer.files} files.`;
        this.changed.fire(undefined);
      }
    });
  }

  /** Opens the two definitions of an entry beside each other. */
  async compare(node: Node | undefined): Promise<void> {
    if (node && 'member' in node) {
      await this.server.run('steadyhand.compare', node.member.pair);
    }
  }

  /** Opens the definition of an entry. */
  async goTo(node: Node | undefined): Promise<void> {
    if (node) {
      const place = 'member' in node ? node.member : node.group;
      await vscode.commands.executeCommand('vscode.open', vscode.Uri.parse(place.uri), { selection: asRange(place) } satisfies vscode.TextDocumentShowOptions);
    }
  }

  getChildren(node?: Node): Node[] {
    if (!node) {
      return (this.groups ?? []).map((group) => ({ group }));
    }
    return 'member' in node ? [] : node.group.members.map((member) => ({ group: node.group, member }));
  }

  getParent(node: Node): Node | undefined {
    return 'member' in node ? { group: node.group } : undefined;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const place = 'member' in node ? node.member : node.group;
    const item = new vscode.TreeItem(place.qualified, 'member' in node ? vscode.TreeItemCollapsibleState.None : vscode.TreeItemCollapsibleState.Expanded);
    const where = `${place.path}:${place.range.start.line + 1}`;
    item.resourceUri = vscode.Uri.parse(place.uri);
    item.command = { command: 'vscode.open', title: 'Open', arguments: [vscode.Uri.parse(place.uri), { selection: asRange(place), preview: true } satisfies vscode.TextDocumentShowOptions] };
    if ('member' in node) {
      item.id = `${place.uri}#${node.member.range.start.line}-${node.group.qualified}`;
      item.description = `${node.member.tier} · ${where}`;
      item.tooltip = node.member.reason;
      item.iconPath = new vscode.ThemeIcon('copy');
      item.contextValue = 'duplicate';
      item.accessibilityInformation = { label: `${place.qualified} in ${where}: ${node.member.reason}` };
    } else {
      item.id = `${place.uri}#${place.qualified}`;
      item.description = `${where} · ${node.group.members.length === 1 ? 'once more' : `${node.group.members.length} more`}`;
      item.tooltip = `${place.signature}\n\nThe one to use: it stays.`;
      item.iconPath = new vscode.ThemeIcon('symbol-method');
      item.accessibilityInformation = { label: `${place.qualified} in ${where}, which is to stay; ${node.group.members.length} more` };
    }
    return item;
  }
}

/** Shows places as “Peek References” does. */
export async function peek(argument: { uri: string; position: Position; locations: Location[] }): Promise<void> {
  await vscode.commands.executeCommand(
    'editor.action.peekLocations',
    vscode.Uri.parse(argument.uri),
    new vscode.Position(argument.position.line, argument.position.character),
    argument.locations.map(({ uri, range }) => new vscode.Location(vscode.Uri.parse(uri), new vscode.Range(range.start.line, range.start.character, range.end.line, range.end.character))),
    'peek',
  );
}

function asRange({ range: { start, end } }: Place): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}
