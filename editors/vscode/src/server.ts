// The server's life: start, stop, restart, settings, and errors that say what to do.

import * as os from 'node:os';
import * as vscode from 'vscode';
import {
  CancellationToken, CloseAction, DidChangeConfigurationNotification, ErrorCodes, ExecuteCommandRequest, LanguageClient, ResponseError, State,
  TransportKind,
  type ErrorHandler, type Middleware,
} from 'vscode-languageclient/node';
import { answerForNeighbours } from './neighbours';
import { RUNS_A_TASK, SESSION_NOTIFICATION, type SessionEvent } from './protocol';

// Those that are indexed; `activationEvents` in package.json names the same.
const LANGUAGES = ['python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact', 'go', 'rust', 'java', 'c', 'cpp', 'csharp', 'ruby', 'php', 'lua'];

const SENT_SETTINGS = ['steadyhand.maxRounds', 'steadyhand.maxTokens', 'steadyhand.findings'];

/** The settings in the server's words. */
function serverSettings() {
  const settings = vscode.workspace.getConfiguration('steadyhand');
  return {
    max_rounds: settings.get<number>('maxRounds', 20),
    max_tokens: settings.get<number>('maxTokens', 32000),
    findings: settings.get<boolean>('findings', true),
  };
}

/** Says, where it is so, that the workspace must be trusted before the command can run. */
export function mayRun(command: string): boolean {
  if (vscode.workspace.isTrusted || !RUNS_A_TASK.has(command)) {
    return true;
  }
  void vscode.window.showWarningMessage(
    'Steadyhand runs tasks only in a trusted workspace: trust this one first. Findings are shown all the same.',
    'Manage Workspace Trust',
  ).then((choice) => choice && vscode.commands.executeCommand('workbench.trust.manage'));
  return false;
}

/** The client, with its pop-up errors handed to us instead. */
class Client extends LanguageClient {
  onFailure: ((cause: unknown) => void) | undefined;

  override error(message: string, data?: unknown, show?: boolean | 'force'): void {
    super.error(message, data, show === 'force' ? false : show);
    if (show === 'force') {
      this.onFailure?.(data ?? message);
    }
  }
}

export class Server implements vscode.Disposable {
  private client: Client | undefined;
  private turn = 0;
  private readonly log = vscode.window.createOutputChannel('Steadyhand', { log: true });
  private readonly stateChanged = new vscode.EventEmitter<State>();
  private readonly sessionChanged = new vscode.EventEmitter<SessionEvent>();
  readonly onState = this.stateChanged.event;
  readonly onSession = this.sessionChanged.event;
  private readonly settingsWatch = vscode.workspace.onDidChangeConfiguration((event) => this.settingsChanged(event));

  /** Runs a command of the server; undefined when it could not run, which the person has then been told. */
  async run<T>(command: string, argument: object): Promise<T | undefined> {
    if (!mayRun(command)) {
      return undefined;
    }
    const client = await this.ready();
    if (!client) {
      return undefined;
    }
    try {
      return await client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [argument] }) as T;
    } catch (error) {
      this.tell(`Steadyhand: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** Stops the server where there is one, and starts it anew. Failures have been told when it returns. */
  async restart(): Promise<void> {
    const turn = ++this.turn;
    await this.stop();
    if (turn === this.turn) { // nobody asked again meanwhile
      await this.start();
    }
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined; // from here on its end is no failure
    if (client?.state === State.Starting) {
      client.serverProcess?.kill(); // a client that is still starting cannot be stopped
    } else if (client?.isRunning()) {
      await client.stop().catch(() => undefined);
    }
  }

  showLog(): void {
    this.log.show();
  }

  dispose(): void {
    this.settingsWatch.dispose();
    this.stateChanged.dispose();
    this.sessionChanged.dispose();
    this.log.dispose();
  }

  private async ready(): Promise<LanguageClient | undefined> {
    if (this.client?.state === State.Starting) {
      await this.client.start().catch(() => undefined);
    } else if (!this.client?.isRunning()) {
      await this.restart();
    }
    return this.client?.isRunning() ? this.client : undefined;
  }

  private async start(): Promise<void> {
    // Of machine scope: neither a workspace nor its folders can set it, trusted or not.
    const command = vscode.workspace.getConfiguration('steadyhand').get<unknown>('command');
    const [program, ...args] = Array.isArray(command) ? command : [];
    if (!program || ![program, ...args].every((word) => typeof word === 'string')) {
      this.tell('Steadyhand: the setting “steadyhand.command” must be a list of strings, the program first.', 'Open Settings');
      return;
    }
    const isCurrent = () => this.client === client; // false once it is being replaced
    const client: Client = new Client('steadyhand', 'Steadyhand', {
      command: program,
      args,
      transport: TransportKind.stdio,
      options: { cwd: os.homedir() }, // never the workspace: nothing in it may be found as a program or imported
    }, {
      documentSelector: [
        ...LANGUAGES.map((language) => ({ scheme: 'file', language })),
        // What the server shows of a proposal: its lenses accept and reject hunks there.
        { scheme: 'file', language: 'diff', pattern: '**/diffs/*.diff' },
        { scheme: 'steadyhand-proposal' },
      ],
      // The client registers `steadyhand.promptTask`, which the server cannot ask for itself.
      initializationOptions: () => ({ ...serverSettings(), client: { prompt: true, references: true, diagnostics: true } }),
      outputChannel: this.log,
      errorHandler: this.errorHandler(() => client),
      initializationFailedHandler: () => false, // told by onFailure
      middleware: this.middleware,
    });
    client.onFailure = (cause) => isCurrent() && this.failed(cause, program);
    client.onDidChangeState(({ newState }) => isCurrent() && this.stateChanged.fire(newState));
    client.onNotification(SESSION_NOTIFICATION, (event: SessionEvent) => this.sessionChanged.fire(event));
    answerForNeighbours(client);
    this.client = client;
    await client.start().catch(() => undefined); // told by onFailure
  }

  private readonly middleware: Middleware = {
    // Also the commands that the server's code actions name pass here.
    executeCommand: (command, args, next) => mayRun(command) ? next(command, args) : undefined,
    workspace: {
      // What the person agreed to is saved where they had no changes of their own; where they had, it is theirs to save.
      handleApplyEdit: async (params, next) => {
        const uris = (params.edit.documentChanges ?? []).flatMap((part) => 'textDocument' in part ? [part.textDocument.uri] : []);
        const find = (uri: string) => vscode.workspace.textDocuments.find((document) => document.uri.toString() === vscode.Uri.parse(uri).toString());
        const clean = uris.filter((uri) => !find(uri)?.isDirty);
        const answer = await next(params, CancellationToken.None);
        if ('applied' in answer && answer.applied) {
          for (const uri of clean) {
            await find(uri)?.save();
          }
        }
        return answer;
      },
      configuration: async (params, token, next) => {
        const answers = await next(params, token);
        return Array.isArray(answers)
          ? answers.map((answer, i) => params.items[i]?.section === 'steadyhand' ? serverSettings() : answer)
          : answers;
      },
      didChangeConfiguration: async () => undefined, // settingsChanged sends it, in the server's words
    },
  };

  /** As the client's own, but a server that ends while it starts is not started again and again. */
  private errorHandler(client: () => Client): ErrorHandler {
    let defaults: ErrorHandler | undefined;
    return {
      error: (error, message, count) => (defaults ??= client().createDefaultErrorHandler()).error(error, message, count),
      closed: () => this.client === client() && client().state !== State.Starting
        ? (defaults ??= client().createDefaultErrorHandler()).closed()
        : { action: CloseAction.DoNotRestart, handled: true },
    };
  }

  private settingsChanged(event: vscode.ConfigurationChangeEvent): void {
    if (SENT_SETTINGS.some((key) => event.affectsConfiguration(key)) && this.client?.isRunning()) {
      void this.client.sendNotification(DidChangeConfigurationNotification.type, { settings: { steadyhand: serverSettings() } });
    }
    if (event.affectsConfiguration('steadyhand.command')) {
      if (this.client?.isRunning()) {
        void vscode.window.showInformationMessage('Steadyhand: the new command is used after a restart of the server.', 'Restart Server')
          .then((choice) => choice && this.restart());
      } else {
        void this.restart();
      }
    }
  }

  private failed(cause: unknown, program: string): void {
    if (cause instanceof ResponseError && cause.code !== ErrorCodes.PendingResponseRejected) {
      this.tell(`Steadyhand: ${cause.message}`, 'Restart Server'); // the server's own words
    } else if (/\bENOENT\b/.test(String(cause))) {
      this.tell(
        `Steadyhand: the program “${program}” was not found; install it with \`pip install steadyhand\` or \`uv tool install steadyhand\`, or set its full path.`,
        'Open Settings', 'Restart Server',
      );
    } else {
      this.tell('Steadyhand: the server failed. The log says why.', 'Restart Server');
    }
  }

  private tell(message: string, ...buttons: string[]): void {
    void vscode.window.showErrorMessage(message, ...buttons, 'Show Log').then((choice) => {
      switch (choice) {
        case 'Open Settings': return vscode.commands.executeCommand('workbench.action.openSettings', 'steadyhand.command');
        case 'Restart Server': return this.restart();
        case 'Show Log': return this.showLog();
        default: return undefined;
      }
    });
  }
}
