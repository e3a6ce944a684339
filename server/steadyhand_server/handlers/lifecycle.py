"""`initialize` to `exit`, configuration, and files that change on disk.

`initialize` answers before anything heavy is imported; the engine is built on `initialized`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from steadyhand_agent.errors import SteadyhandError
from steadyhand_server import logs, transport
from steadyhand_server.handlers import previews

if TYPE_CHECKING:
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.engine import Engine

log = logging.getLogger(__name__)


def initialize(server: SteadyhandServer, params: lsp.InitializeParams) -> None:
    """Keeps what the client said; pygls answers with the capabilities."""
    options = params.initialization_options
    server.options = options if isinstance(options, dict) else {}
    server.roots = _roots(params)
    server.client_name = params.client_info.name if params.client_info else ""
    server.spawn(leave_with_parent(server, params.process_id), "parent watch")


def _roots(params: lsp.InitializeParams) -> list[Path]:
    uris = [folder.uri for folder in params.workspace_folders or []]
    uris = uris or [uri for uri in (params.root_uri,) if uri]
    paths = [Path(path) for uri in uris if (path := to_fs_path(uri))]
    if not paths and params.root_path:
        paths = [Path(params.root_path)]
    return [path for path in paths if path.is_dir()]


async def leave_with_parent(server: SteadyhandServer, process_id: int | None) -> None:
    """Ends the server once the editor's process, or whoever started us, is gone."""
    await transport.parent_gone(process_id)
    log.warning("the editor's process has ended; leaving")
    server.stop(1)


def initialized(server: SteadyhandServer, params: lsp.InitializedParams) -> None:
    """Builds the engine, takes in what is open, and starts the index."""
    from steadyhand_server.engine import client_settings

    server.given = dict(client_settings(server.options))
    _start(server)
    # What was imported lives as long as the process: it is looked through for garbage neither
    # now, which cost a sixth of the start, nor later, which a key would wait for.
    gc.freeze()
    gc.enable()
    server.spawn(previews.register(server), "previews")


def did_change_workspace_folders(
    server: SteadyhandServer, params: lsp.DidChangeWorkspaceFoldersParams
) -> None:
    """Begins anew with the folders as they are now; what runs is paused, and can be resumed."""
    removed = {to_fs_path(folder.uri) for folder in params.event.removed}
    added = [Path(path) for f in params.event.added if (path := to_fs_path(f.uri))]
    roots = [root for root in server.roots if str(root) not in removed]
    roots += [path for path in added if path.is_dir() and path not in roots]
    if roots == server.roots:
        return
    engine, server.engine = server.engine, None
    for task in server.engine_tasks:
        task.cancel()
    server.open_roots(roots)
    server.spawn(_reopen(server, engine, roots), "folders")


async def _reopen(server: SteadyhandServer, engine: Engine | None, roots: list[Path]) -> None:
    if engine is not None:
        await engine.close()
    # Folders that changed again meanwhile are somebody else's to open.
    if server.roots is roots:
        _start(server)
        server.findings.schedule_all()


def _start(server: SteadyhandServer) -> None:
    from steadyhand_agent.index.suppress import BASELINE_FILE
    from steadyhand_server.editor import LspEditor
    from steadyhand_server.engine import Engine
    from steadyhand_server.neighbours import LspNeighbours
    from steadyhand_server.settings import load

    settings, ignored = load(server.given, server.roots, lenient=True)
    _tell_ignored(server, ignored)
    if not server.roots:
        # Without a folder there is nothing to index; a lone file has no neighbours.
        log.info("no workspace folder; findings and tasks are off")
        return
    logs.to_file(settings.state_path)
    neighbours = LspNeighbours(server)
    server.editor = LspEditor(server)
    server.engine = Engine(server.roots, settings, server.editor, neighbours)
    server.engine.settle = server.findings.settle
    keeper = server.engine.keeper
    engine = server.engine
    _take_baselines(server, engine)

    def changed(paths: set[str]) -> None:
        if any(path.endswith(BASELINE_FILE) for path in paths):
            _take_baselines(server, engine)
        if any(path.endswith((".gitignore", ".ignore")) for path in paths):
            server.findings.judge_again()
        server.findings.schedule_all()
        if engine.settings.lenses:
            server.refresh_lenses()
        for path in paths:
            previews.touched(server, path)

    keeper.on_change(changed)
    server.engine_tasks = [
        server.spawn(keeper.watch(), "watch"),
        server.spawn(_index(server, server.engine), "index"),
    ]


def _take_baselines(server: SteadyhandServer, engine: Engine) -> None:
    if wrong := engine.read_baselines():
        _tell_ignored(server, [wrong])


def _tell_ignored(server: SteadyhandServer, ignored: list[str]) -> None:
    for sentence in ignored:
        log.warning("%s", sentence)
        server.say(sentence, lsp.MessageType.Warning)


async def _index(server: SteadyhandServer, engine: Engine) -> None:
    """Builds the index, with progress where the client shows any; it never waits for the client."""
    bar = _IndexProgress(server)
    window = server.client_capabilities.window
    if window and window.work_done_progress:
        server.spawn(bar.begin(), "progress")

    def report(done: int, of: int) -> None:
        bar.report(done, of)
        server.findings.schedule_all()

    def opened() -> set[str]:
        return {s.path for s in server.documents.all() if s.path is not None}

    filling = asyncio.ensure_future(engine.fill(report, opened))
    try:
        try:
            await engine.keeper.ready.wait()
        finally:
            bar.end(f"{engine.index.definitions:,} definitions in {engine.index.files:,} files")
        server.findings.schedule_all()
        if engine.settings.lenses:
            server.refresh_lenses()
        # What is left is the cache, for the next start.
        await filling
    finally:
        filling.cancel()
    await _announce(server, engine)


class _IndexProgress:
    """Work-done progress of the cold start; a client that never answers is not waited for."""

    def __init__(self, server: SteadyhandServer) -> None:
        self._server = server
        self._token = str(uuid.uuid4())
        self._shown = False
        self._ended = ""

    async def begin(self) -> None:
        """Has the client make a bar."""
        progress = self._server.work_done_progress
        try:
            await progress.create_async(self._token)
        except JsonRpcException as error:
            log.warning("the client takes no progress: %s", error)
            return
        self._shown = True
        progress.begin(self._token, lsp.WorkDoneProgressBegin("Steadyhand: indexing", percentage=0))
        if self._ended:
            self.end(self._ended)

    def report(self, done: int, of: int) -> None:
        """Moves the bar."""
        if self._shown:
            text = f"{done:,} of {of:,} files"
            value = lsp.WorkDoneProgressReport(message=text, percentage=done * 100 // max(of, 1))
            self._server.work_done_progress.report(self._token, value)

    def end(self, message: str) -> None:
        """Closes the bar, now or as soon as it is there."""
        self._ended = message
        if self._shown:
            self._server.work_done_progress.end(
                self._token, lsp.WorkDoneProgressEnd(message=message)
            )


async def _announce(server: SteadyhandServer, engine: Engine) -> None:
    """Says once what can be resumed; the journal is opened only where there is one."""
    if not (engine.settings.state_path / "journal.sqlite").exists():
        return
    try:
        await (await engine.opened()).retire()
        found = await engine.sessions.list()
    except SteadyhandError as error:
        # Of a newer Steadyhand, locked, on a full disk: else the sessions would just not be there.
        server.say(str(error), lsp.MessageType.Warning)
        return
    waiting = [s for s in found if s.state in ("paused", "waiting")]
    if waiting and server.editor is not None:
        newest = waiting[0]
        count = "1 session" if len(waiting) == 1 else f"{len(waiting)} sessions"
        message = (
            f"Steadyhand has {count} to resume here; the newest is {newest.session}: "
            f"{newest.prompt[:80]}"
        )
        if not server.trusted:
            # To resume is to have a model work.
            server.editor.tell(f"{message} (once this workspace is trusted)")
            return
        wanted = await server.editor.offer_to_resume(message)
        if wanted:
            try:
                await engine.sessions.resume(newest.session)
            except SteadyhandError as error:
                server.say(str(error), lsp.MessageType.Warning)


def did_change_configuration(
    server: SteadyhandServer, params: lsp.DidChangeConfigurationParams
) -> None:
    """Takes new settings; those of a running session stay as they were."""
    from steadyhand_agent.errors import SettingsError
    from steadyhand_server.engine import client_settings
    from steadyhand_server.settings import load

    settings: Any = params.settings
    given = client_settings(settings)
    if server.engine is None or not (given or _whole(settings)):
        return
    # A client that sends all that is set takes back by leaving out.
    merged = dict(given) if _whole(settings) else {**server.given, **given}
    try:
        loaded, ignored = load(merged, server.roots)
    except SettingsError as error:
        server.say(f"{error} The settings stay as they were.", lsp.MessageType.Error)
        return
    server.given = merged
    _tell_ignored(server, ignored)
    server.engine.use(loaded)
    server.findings.schedule_all()
    server.refresh_lenses()


def _whole(settings: Any) -> bool:
    """True where a client says that what it sends is all there is (`steadyhand.whole`)."""
    section = settings.get("steadyhand") if isinstance(settings, dict) else None
    return isinstance(section, dict) and section.get("whole") is True


def did_change_watched_files(
    server: SteadyhandServer, params: lsp.DidChangeWatchedFilesParams
) -> None:
    """Takes in what the client saw change; our own watcher may have seen it too."""
    engine = server.engine
    if engine is None:
        return
    paths = {server.path_of(change.uri) for change in params.changes}
    known = {path for path in paths if path is not None}
    if known:
        server.spawn(engine.keeper.refresh(known), "refresh")
