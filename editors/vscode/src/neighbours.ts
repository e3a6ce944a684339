// What the other language servers of this window know, for the server's own requests.

import * as vscode from 'vscode';
import { DiagnosticSeverity, type Diagnostic, type LanguageClient, type Location, type Position, type Range } from 'vscode-languageclient/node';
import { DIAGNOSTICS_REQUEST, REFERENCES_REQUEST } from './protocol';

const OURS = 'steadyhand';

const SEVERITIES: Record<vscode.DiagnosticSeverity, DiagnosticSeverity> = {
  [vscode.DiagnosticSeverity.Error]: DiagnosticSeverity.Error,
  [vscode.DiagnosticSeverity.Warning]: DiagnosticSeverity.Warning,
  [vscode.DiagnosticSeverity.Information]: DiagnosticSeverity.Information,
  [vscode.DiagnosticSeverity.Hint]: DiagnosticSeverity.Hint,
};

export function answerForNeighbours(client: LanguageClient): void {
  client.onRequest(REFERENCES_REQUEST, async ({ uri, position }: { uri: string; position: Position }): Promise<Location[]> => {
    const found = await vscode.commands.executeCommand<vscode.Location[] | undefined>(
      'vscode.executeReferenceProvider', vscode.Uri.parse(uri), new vscode.Position(position.line, position.character),
    );
    return (found ?? []).map((location) => ({ uri: location.uri.toString(), range: asRange(location.range) }));
  });
  client.onRequest(DIAGNOSTICS_REQUEST, ({ uri }: { uri?: string }) => {
    const shown: [vscode.Uri, readonly vscode.Diagnostic[]][] = uri === undefined
      ? vscode.languages.getDiagnostics()
      : [[vscode.Uri.parse(uri), vscode.languages.getDiagnostics(vscode.Uri.parse(uri))]];
    return shown
      .map(([document, diagnostics]) => ({
        uri: document.toString(),
        diagnostics: diagnostics.filter(({ source }) => source !== OURS).map(asDiagnostic),
      }))
      .filter(({ diagnostics }) => diagnostics.length > 0);
  });
}

function asDiagnostic({ range, severity, message, source, code }: vscode.Diagnostic): Diagnostic {
  const plain = typeof code === 'object' ? code.value : code;
  return {
    range: asRange(range),
    severity: SEVERITIES[severity],
    message,
    ...(source === undefined ? {} : { source }),
    ...(plain === undefined ? {} : { code: plain }),
  };
}

function asRange({ start, end }: vscode.Range): Range {
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}
