// The server's life: start, stop, restart, settings, and errors that say what to do.

import * as os from 'node:os';
import * as vscode from 'vscode';
import {
  CancellationToken, CloseAction, DidChangeConfigurationNotification, ErrorAction, ErrorCodes, ExecuteCommandRequest, LanguageClient, ResponseError, State,
  TransportKind,
  type ErrorHandler, type Middleware,
} from 'vscode-languageclient/node';
import type { Installation } from './install';
import { answerForNeighbours } from './neighbours';
import { PROPOSAL_SCHEME, REPLY_NOTIFICATION, RUNS_A_TASK, SESSION_NOTIFICATION, SHOW_REQUEST, type SessionAnswer, type SessionEvent, type Show } from './protocol';
import { concerns, serverSettings } from './settings';

/** Their answers are told; those of the others show in what they change. */
const TOLD = new Set(['steadyhand.apply', 'steadyhand.discard', 'steadyhand.undo', 'steadyhand.redo', 'steadyhand.cancel']);
/** A server that ends that often within that time is not started again by itself. */
const MOST_CRASHES = 5;
const WITHIN = 180_000;
const FIRST_WAIT = 250;

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

/** Says what came of a command; with a button, without which VS Code shows one line of it. */
export function tellAnswer(answer: SessionAnswer | undefined, request = ''): void {
  if (!answer?.message) {
    return;
  }
  const left = answer.state === 'waiting' || answer.state === 'paused';
  const buttons = [...(request === 'steadyhand.apply' ? ['Undo'] : []), ...(left ? ['Show Proposal'] : [])];
  const show = answer.state === 'failed' ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
  void show(`Steadyhand: ${answer.message}`, ...(buttons.length ? buttons : ['Sessions'])).then((choice) => {
    const command = { Undo: 'steadyhand.undoSession', 'Show Proposal': 'steadyhand.showProposal', Sessions: 'steadyhand.openSession' }[choice ?? ''];
    return command && vscode.commands.executeCommand(command, { session: answer.session });
  });
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
  private starting: Promise<void> | undefined;
  private turn = 0;
  private crashes: number[] = [];
  private wait: NodeJS.Timeout | undefined;
  private shower: ((what: Show) => Promise<void>) | undefined;
  private readonly stateChanged = new vscode.EventEmitter<State>();
  private readonly sessionChanged = new vscode.EventEmitter<SessionEvent>();
  readonly onState = this.stateChanged.event;
  readonly onSession = this.sessionChanged.event;
  private readonly settingsWatch = vscode.workspace.onDidChangeConfiguration((event) => this.settingsChanged(event));

  constructor(
    private readonly installation: Installation,
    private readonly log: vscode.LogOutputChannel,
    private readonly version: string,
  ) {}

  /** Names who shows a diff that the server asks for. */
  onShow(shower: (what: Show) => Promise<void>): void {
    this.shower = shower;
  }

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
      this.tell(prefixed(sentence(error)));
      return undefined;
    }
  }

  /** The same for a view, which asks by itself: it starts nothing, and what fails is only logged. */
  async ask<T>(command: string, argument: object): Promise<T | undefined> {
    const client = this.client;
    if (!client?.isRunning()) {
      return undefined;
    }
    try {
      return await client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [argument] }) as T;
    } catch (error) {
      this.log.warn(`${command}: ${sentence(error)}`);
      return undefined;
    }
  }

  /** Stops the server where there is one, and starts it anew. Failures have been told when it returns. */
  restart(): Promise<void> {
    const turn = ++this.turn;
    clearTimeout(this.wait);
    const before = this.starting ?? Promise.resolve();
    const started = this.stop().then(() => before).then(async () => {
      if (turn === this.turn) { // nobody asked again meanwhile
        await this.start();
      }
    });
    this.starting = started.finally(() => {
      if (turn === this.turn) {
        this.starting = undefined;
      }
    });
    return this.starting;
  }

  /** The same for a person: what crashed before no longer counts. */
  restartByHand(): Promise<void> {
    this.crashes = [];
    return this.restart();
  }

  async stop(): Promise<void> {
    clearTimeout(this.wait);
    const client = this.client;
    this.client = undefined; // from here on its end is no failure
    if (client?.state === State.Starting) {
      client.serverProcess?.kill(); // a client that is still starting cannot be stopped
    } else if (client?.isRunning()) {
      await client.stop().catch(() => undefined);
    }
  }

  dispose(): void {
    clearTimeout(this.wait);
    this.settingsWatch.dispose();
    this.stateChanged.dispose();
    this.sessionChanged.dispose();
  }

  private async ready(): Promise<LanguageClient | undefined> {
    if (!this.client?.isRunning()) {
      await (this.starting ?? this.restart());
    }
    return this.client?.isRunning() ? this.client : undefined;
  }

  private async start(): Promise<void> {
    const [program, ...args] = this.installation.command() ?? [];
    if (!program) {
      this.stateChanged.fire(State.Stopped);
      void this.offerToInstall();
      return;
    }
    this.log.info(`starting ${program} ${args.join(' ')}`);
    const isCurrent = () => this.client === client; // false once it is being replaced
    const client: Client = new Client('steadyhand', 'Steadyhand', {
      command: program,
      args,
      transport: TransportKind.stdio,
      options: { cwd: os.homedir() }, // never the workspace: nothing in it may be found as a program or imported
    }, {
      // Every file, not only those that are indexed: a task may change any of them, and what is typed there must be known.
      documentSelector: [{ scheme: 'file' }, { scheme: PROPOSAL_SCHEME }],
      initializationOptions: () => ({
        ...serverSettings(),
        // What is done here beyond LSP: the server sends such requests to those alone who say so.
        client: { prompt: true, references: true, diagnostics: true, show: true, reply: true, sessions: true, peek: true, trusted: vscode.workspace.isTrusted },
      }),
      outputChannel: this.log,
      errorHandler: this.errorHandler(() => client),
      initializationFailedHandler: () => false, // told by onFailure
      middleware: this.middleware,
    });
    client.onFailure = (cause) => isCurrent() && this.failed(cause, program);
    client.onDidChangeState(({ newState }) => isCurrent() && this.stateChanged.fire(newState));
    client.onNotification(SESSION_NOTIFICATION, (event: SessionEvent) => this.sessionChanged.fire(event));
    client.onNotification(REPLY_NOTIFICATION, (target: { session: string }) => void vscode.commands.executeCommand('steadyhand.replyToSession', target));
    client.onRequest(SHOW_REQUEST, (what: Show) => this.shower?.(what) ?? null);
    answerForNeighbours(client);
    this.client = client;
    await client.start().catch(() => undefined); // told by onFailure
    if (isCurrent() && client.isRunning()) {
      this.shakeHands(client.initializeResult?.serverInfo?.version, program);
    }
  }

  /** Says where server and extension are of different versions: one may not know what the other says. */
  private shakeHands(version: string | undefined, program: string): void {
    this.log.info(`server ${version ?? 'of an unknown version'}, extension ${this.version}`);
    const minor = (text: string | undefined) => text?.split('.').slice(0, 2).join('.');
    if (minor(version) === minor(this.version)) {
      return;
    }
    void vscode.window.showWarningMessage(
      `Steadyhand: the server (${version ?? 'unknown'}, ${program}) and this extension (${this.version}) are of different versions; some of it may not work. Update the older one.`,
      'Use the Server of the Extension',
    ).then((choice) => choice && this.install());
  }

  private async offerToInstall(): Promise<void> {
    const choice = await vscode.window.showInformationMessage(
      'Steadyhand needs its server, which is not on the PATH. Install it into the extension\'s own folder? Nothing else of this machine is changed.',
      'Install', 'Choose a Program',
    );
    if (choice === 'Install') {
      await this.install();
    } else if (choice) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'steadyhand.command');
    }
  }

  /** Installs the server and starts it. */
  async install(): Promise<void> {
    try {
      if (await this.installation.install()) {
        await this.installation.prefersOwn(true);
        await this.restart();
      }
    } catch (error) {
      this.tell(`Steadyhand: the server could not be installed: ${sentence(error)}`);
    }
  }

  private readonly middleware: Middleware = {
    // The commands that the server's lenses and code actions name pass here.
    executeCommand: async (command, args, next) => {
      if (!mayRun(command)) {
        return undefined;
      }
      try {
        const answer = await next(command, args);
        if (TOLD.has(command)) {
          tellAnswer(answer, command);
        }
        return answer;
      } catch (error) {
        this.tell(prefixed(sentence(error)));
        return undefined;
      }
    },
    workspace: {
      // What the person agreed to is saved where they had no changes of their own; where they had, it is theirs to save.
      handleApplyEdit: async (params, next) => {
        const uris = (params.edit.documentChanges ?? []).flatMap((part) => 'textDocument' in part ? [part.textDocument.uri] : []);
        const find = (uri: string) => vscode.workspace.textDocuments.find((document) => document.uri.toString() === vscode.Uri.parse(uri).toString());
        const unknown = (params.edit.documentChanges ?? []).filter((part) => 'textDocument' in part && part.textDocument.version === null)
          .map((part) => 'textDocument' in part ? part.textDocument.uri : '').filter((uri) => find(uri)?.isDirty);
        if (unknown.length) { // positions in the text on the disk are others in a text that is not saved
          return { applied: false, failureReason: `${unknown.map((uri) => vscode.workspace.asRelativePath(vscode.Uri.parse(uri))).join(', ')} has changes that are not saved` };
        }
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

  private errorHandler(client: () => Client): ErrorHandler {
    return {
      error: (_error, _message, count) => ({ action: (count ?? 0) < 4 ? ErrorAction.Continue : ErrorAction.Shutdown }),
      closed: () => {
        // One that ends while it starts is not started again and again: why has been told.
        if (this.client === client() && client().state !== State.Starting) {
          this.crashed();
        }
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }

  /** Starts it again, later each time; its journal has all that was acknowledged. */
  private crashed(): void {
    const now = Date.now();
    this.crashes = [...this.crashes.filter((at) => now - at < WITHIN), now];
    this.client = undefined;
    if (this.crashes.length > MOST_CRASHES) {
      this.stateChanged.fire(State.Stopped);
      this.tell(`Steadyhand: the server ended ${this.crashes.length} times within three minutes and was not started again. Sessions are kept.`, 'Restart Server');
      return;
    }
    const wait = FIRST_WAIT * 4 ** (this.crashes.length - 1);
    this.log.warn(`the server ended; it is started again in ${wait} ms`);
    this.stateChanged.fire(State.Starting);
    if (wait > 5_000) {
      void vscode.window.setStatusBarMessage(`Steadyhand: the server ended again; it is started in ${Math.round(wait / 1000)} s`, wait);
    }
    this.wait = setTimeout(() => void this.restart(), wait);
  }

  private settingsChanged(event: vscode.ConfigurationChangeEvent): void {
    if (concerns(event) && this.client?.isRunning()) {
      void this.client.sendNotification(DidChangeConfigurationNotification.type, { settings: { steadyhand: { ...serverSettings(), whole: true } } });
    }
    if (event.affectsConfiguration('steadyhand.command')) {
      void this.installation.prefersOwn(false);
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
      this.tell(`Steadyhand: the program “${program}” was not found; set “steadyhand.command” to where the server is, or clear it to have it found or installed.`, 'Open Settings', 'Restart Server');
    } else {
      this.tell('Steadyhand: the server failed. The log says why.', 'Restart Server');
    }
  }

  private tell(message: string, ...buttons: string[]): void {
    this.log.error(message);
    void vscode.window.showErrorMessage(message, ...buttons, 'Show Log').then((choice) => {
      switch (choice) {
        case 'Open Settings': return vscode.commands.executeCommand('workbench.action.openSettings', 'steadyhand.command');
        case 'Restart Server': return this.restartByHand();
        case 'Show Log': return this.log.show();
        default: return undefined;
      }
    });
  }
}

const prefixed = (text: string) => text.startsWith('Steadyhand') ? text : `Steadyhand: ${text}`;
const sentence = (error: unknown) => error instanceof Error ? error.message : String(error);
