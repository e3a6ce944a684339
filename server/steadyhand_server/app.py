"""Builds a server for one connection; holds the one dispatch table."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

import steadyhand_agent
from steadyhand_agent.workspace import Workspace
from steadyhand_server import logs, transport
from steadyhand_server.documents import Documents
from steadyhand_server.handlers import (
    code_actions,
    code_lenses,
    commands,
    diagnostics,
    lifecycle,
    previews,
    proposals,
    quick_fixes,
    text_sync,
    workspace_queries,
)
from steadyhand_server.protocol import DOCUMENT_REQUEST, SteadyhandProtocol

if TYPE_CHECKING:
    from steadyhand_server.editor import LspEditor
    from steadyhand_server.engine import Engine

log = logging.getLogger(__name__)


class SteadyhandServer(LanguageServer):
    """One connection.

    Attributes:
        documents: What the editor holds open.
        engine: Index and sessions of the workspace; None until `initialized`.
        editor: Who asks, shows and writes for that engine.
        engine_tasks: What runs for that engine, and ends with it.
        options: What the client sent with `initialize`.
        roots: The workspace's folders.
        given: The settings that the client has sent so far.
        previewed: The documents of proposals that the editor shows, by session.
        renewing: Sessions whose documents are about to be asked for again.
        client_name: As the client calls itself.
    """

    protocol: SteadyhandProtocol  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self) -> None:
        super().__init__(
            "steadyhand",
            steadyhand_agent.__version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Full,
            protocol_cls=SteadyhandProtocol,
            max_workers=2,
        )
        self.documents = Documents()
        self.engine: Engine | None = None
        self.editor: LspEditor | None = None
        self.engine_tasks: list[asyncio.Task[Any]] = []
        self.options: dict[str, Any] = {}
        self.roots: list[Path] = []
        self.given: dict[str, Any] = {}
        self.client_name = ""
        self.findings = diagnostics.Publisher(self)
        self.planned = quick_fixes.Planned()
        self.previewed: dict[str, set[str]] = {}
        self.renewing: set[str] = set()
        self._exit_code: int | None = None
        self._workspace_paths: Workspace | None = None
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def path_of(self, uri: str) -> str | None:
        """The workspace path of a document; None outside the workspace, or before it is known."""
        name = to_fs_path(uri) if uri.startswith("file:") else None
        if name is None or not self.roots:
            return None
        if self._workspace_paths is None:
            self._workspace_paths = Workspace(self.roots)
        return self._workspace_paths.name_of(Path(name))

    def uri_of(self, path: str) -> str:
        """The URI of a workspace path, as the editor spells it where it is open."""
        opened = self.documents.at(path)
        if opened is not None:
            return opened.uri
        if self._workspace_paths is None:
            self._workspace_paths = Workspace(self.roots)
        root, inside = self._workspace_paths.split(path)
        return from_fs_path(str(root / inside)) or ""

    def client_can(self, what: str) -> bool:
        """True where the client's options say that it can do something beyond LSP."""
        said = self.options.get("client")
        return isinstance(said, dict) and bool(said.get(what))

    @property
    def trusted(self) -> bool:
        """False where the editor says that its person does not trust this workspace."""
        said = self.options.get("client")
        return not (isinstance(said, dict) and said.get("trusted") is False)

    def takes_document_changes(self) -> bool:
        """True where the client can check versions; Neovim can, and does not advertise it."""
        workspace = self.client_capabilities.workspace
        capability = workspace.workspace_edit if workspace else None
        return bool(capability and capability.document_changes) or self.client_name == "Neovim"

    def takes_files(self) -> bool:
        """True where the client makes and deletes files; Eglot does not."""
        workspace = self.client_capabilities.workspace
        edit = workspace.workspace_edit if workspace else None
        return bool(edit and edit.resource_operations) or self.client_name == "Neovim"

    def edit_of(
        self,
        documents: Sequence[tuple[str, int | None, list[lsp.TextEdit]]],
        annotation: lsp.ChangeAnnotation | None = None,
    ) -> lsp.WorkspaceEdit:
        """An edit of documents, versioned wherever the client can check that.

        Args:
            documents: URI, version (None where it is not open) and edits of each.
            annotation: What a client that asks before it applies should say.
        """
        if not self.takes_document_changes():
            return lsp.WorkspaceEdit(changes={uri: edits for uri, _, edits in documents})
        changes: list[Any] = []
        for uri, version, edits in documents:
            marked: list[Any] = [
                lsp.AnnotatedTextEdit("check", edit.range, edit.new_text) if annotation else edit
                for edit in edits
            ]
            identifier = lsp.OptionalVersionedTextDocumentIdentifier(uri, version)
            changes.append(lsp.TextDocumentEdit(identifier, marked))
        found = lsp.WorkspaceEdit(document_changes=changes)
        if annotation is not None:
            found.change_annotations = {"check": annotation}
        return found

    def announce(self, options: Any) -> None:
        """Takes on what the client's options ask for; the capabilities follow."""
        workspace_queries.register(self, options, _bound)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Logs what a handler raised; a request's error is answered besides."""
        if not isinstance(error, JsonRpcException) or isinstance(error, JsonRpcInternalError):
            log.error("a handler failed: %s", error)

    def refresh_lenses(self) -> None:
        """Has the editor ask for its code lenses again, where it can be told."""
        workspace = self.client_capabilities.workspace
        lenses = workspace.code_lens if workspace else None
        if lenses is not None and lenses.refresh_support:
            self.workspace_code_lens_refresh(None)

    def say(self, message: str, kind: lsp.MessageType) -> None:
        """Shows one sentence."""
        self.window_show_message(lsp.ShowMessageParams(kind, message))

    def open_roots(self, roots: list[Path]) -> None:
        """Takes the workspace's folders; what is open is named by them anew."""
        self.roots = roots
        self._workspace_paths = None
        for snapshot in self.documents.all():
            self.documents.drop(snapshot.uri)
            path = self.path_of(snapshot.uri)
            self.documents.put(snapshot.uri, path, snapshot.version, snapshot.text)
        self.findings.judge_again()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Runs something in the background; what it raises is logged, not lost."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task %s failed", task.get_name(), exc_info=error)

    def stop(self, code: int) -> None:
        """Has the process end, with this exit code, in good order."""
        if self._exit_code is None:
            self._exit_code = code
        self._stopped.set()

    async def serve(self, stdio: transport.Stdio) -> int:
        """Answers until the client is done; returns the exit code."""
        writer = transport.PipeWriter(stdio.outgoing, lambda: self.stop(1))
        self.protocol.set_writer(writer)
        stream = transport.start_reading(stdio.incoming)
        # An editor that dies before `initialize` has not told its id yet.
        self.spawn(lifecycle.leave_with_parent(self, None), "parent watch")
        reading = asyncio.create_task(self._read(stream), name="read")
        await self._stopped.wait()
        reading.cancel()
        for task in list(self._tasks):
            task.cancel()
        if self.engine is not None:
            try:
                await asyncio.wait_for(self.engine.close(), 1.5)
            except TimeoutError:
                log.warning("the journal did not close in time; what was acknowledged is kept")
        await asyncio.to_thread(writer.drain, 0.3)
        return self._exit_code or 0

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while (body := await transport.message(stream)) is not None:
            try:
                self.protocol.receive(body)
            except Exception:
                log.exception("a message could not be handled")
        # The client is gone; what was acknowledged is in the journal.
        self.stop(0)


def create_server() -> SteadyhandServer:
    """A server with every request it answers; must be called on the event loop."""
    server = SteadyhandServer()
    features: dict[str, Any] = {
        lsp.INITIALIZE: lifecycle.initialize,
        lsp.INITIALIZED: lifecycle.initialized,
        lsp.WORKSPACE_DID_CHANGE_CONFIGURATION: lifecycle.did_change_configuration,
        lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: lifecycle.did_change_workspace_folders,
        lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES: lifecycle.did_change_watched_files,
        lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL: commands.progress_cancelled,
        lsp.TEXT_DOCUMENT_DID_OPEN: text_sync.did_open,
        lsp.TEXT_DOCUMENT_DID_CHANGE: text_sync.did_change,
        lsp.TEXT_DOCUMENT_DID_SAVE: text_sync.did_save,
        lsp.TEXT_DOCUMENT_DID_CLOSE: text_sync.did_close,
        lsp.CODE_ACTION_RESOLVE: code_actions.resolve,
        lsp.WORKSPACE_TEXT_DOCUMENT_CONTENT: previews.content,
        DOCUMENT_REQUEST: previews.document,
        **proposals.REQUESTS,
    }
    for method, handler in features.items():
        server.feature(method)(_bound(server, handler))
    server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=code_actions.KINDS, resolve_provider=True),
    )(_bound(server, code_actions.code_actions))
    server.feature(lsp.TEXT_DOCUMENT_CODE_LENS, lsp.CodeLensOptions(resolve_provider=False))(
        _bound(server, code_lenses.code_lenses)
    )
    server.protocol.register(commands.COMMANDS)
    return server


def _bound(server: SteadyhandServer, handler: Any) -> Any:
    """The handler with its server; a coroutine function stays one, so that it can be cancelled."""
    if inspect.iscoroutinefunction(handler):

        async def call(params: Any) -> Any:
            return await handler(server, params)

        return call

    def call_now(params: Any) -> Any:
        return handler(server, params)

    return call_now


def run_stdio() -> None:
    """Runs the server on stdin and stdout, and ends the process."""
    stdio = transport.claim_stdio()
    logs.to_stderr()

    async def main() -> None:
        code = await create_server().serve(stdio)
        sys.stderr.flush()
        # Leaves at once: a thread that still lists files must not hold the exit.
        os._exit(code)

    asyncio.run(main())
