// The settings of VS Code in the server's words; only those that somebody has set are sent.

import * as vscode from 'vscode';

/** By their names here: the server's, and whether a workspace may only lower it. */
const SENT: Record<string, { name: string; lowers?: boolean }> = {
  findings: { name: 'findings' },
  tiers: { name: 'tiers' },
  ignore: { name: 'ignore' },
  lenses: { name: 'lenses' },
  preview: { name: 'preview' },
  onBranchSwitch: { name: 'on_branch_switch' },
  conventions: { name: 'conventions' },
  model: { name: 'model' },
  maxRounds: { name: 'max_rounds', lowers: true },
  maxTokens: { name: 'max_tokens', lowers: true },
  maxMinutes: { name: 'max_minutes', lowers: true },
};

/** True where a change of the configuration changes what the server is sent. */
export function concerns(event: vscode.ConfigurationChangeEvent): boolean {
  return Object.keys(SENT).some((key) => event.affectsConfiguration(`steadyhand.${key}`));
}

/** What was set, by the server's names. */
export function serverSettings(): Record<string, unknown> {
  const settings = vscode.workspace.getConfiguration('steadyhand');
  const found: Record<string, unknown> = {};
  for (const [key, { name, lowers }] of Object.entries(SENT)) {
    const { defaultValue, globalValue, workspaceValue, workspaceFolderValue } = settings.inspect(key) ?? {};
    const theirs = workspaceFolderValue ?? workspaceValue;
    if (lowers && typeof theirs === 'number') {
      // A repository that brings settings along may spend less of what is the person's, never more.
      const own = typeof globalValue === 'number' ? globalValue : Number(defaultValue);
      found[name] = Math.min(theirs, own);
    } else if ((theirs ?? globalValue ?? '') !== '') {
      found[name] = settings.get(key);
    }
  }
  return found;
}
