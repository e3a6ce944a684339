"""`initialize` to `exit`, configuration, and files that change on disk.

`initialize` answers before anything heavy is imported; the engine is built on `initialized`.
"""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.uris import to_fs_path

from steadyhand_server import transport

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
    server.spawn(_leave_with_parent(server, params.process_id), "parent watch")


def _roots(params: lsp.InitializeParams) -> list[Path]:
    uris = [folder.uri for folder in params.workspace_folders or []]
    uris = uris or [uri for uri in (params.root_uri,) if uri]
    paths = [Path(path) for uri in uris if (path := to_fs_path(uri))]
    if not paths and params.root_path:
        paths = [Path(params.root_path)]
    return [path for path in paths if path.is_dir()]


async def _leave_with_parent(server: SteadyhandServer, process_id: int | None) -> None:
    await transport.parent_gone(process_id)
    log.warning("the editor's process has ended; leaving")
    server.stop(1)


def initialized(server: SteadyhandServer, params: lsp.InitializedParams) -> None:
    """Builds the engine, takes in what is open, and starts the index."""
    from steadyhand_agent.errors import SettingsError
    from steadyhand_server.editor import LspEditor
    from steadyhand_server.engine import Engine, client_settings
    from steadyhand_server.settings import Settings, load

    try:
        settings, ignored = load(client_settings(server.options), server.roots)
    except SettingsError as error:
        # One wrong value must not take the findings away.
        server.say(f"{error} The defaults are used.", lsp.MessageType.Error)
        settings, ignored = Settings(), []
    for sentence in ignored:
        log.warning("ignored setting %s", sentence)
        server.say(f"Ignored setting {sentence}", lsp.MessageType.Warning)
    if not server.roots:
        # Without a folder there is nothing to index; a lone file has no neighbours.
        log.info("no workspace folder; findings and tasks are off")
        return
    server.engine = Engine(server.roots, settings, LspEditor(server))
    keeper = server.engine.keeper
    keeper.on_change(lambda _: server.findings.schedule_all())
    # Watching begins first: what changes while the index is being built must not be missed.
    server.spawn(keeper.watch(), "watch")
    server.spawn(_index(server, server.engine), "index")


async def _index(server: SteadyhandServer, engine: Engine) -> None:
    token = str(uuid.uuid4())
    progress = server.work_done_progress
    window = server.client_capabilities.window
    shown = bool(window and window.work_done_progress)
    if shown:
        await progress.create_async(token)
        progress.begin(token, lsp.WorkDoneProgressBegin("Steadyhand: indexing", percentage=0))

    def report(done: int, of: int) -> None:
        if shown:
            percentage = done * 100 // max(of, 1)
            text = f"{done:,} of {of:,} files"
            progress.report(token, lsp.WorkDoneProgressReport(message=text, percentage=percentage))
        server.findings.schedule_all()

    try:
        await engine.fill(report)
    finally:
        if shown:
            text = f"{engine.index.definitions:,} definitions in {engine.index.files:,} files"
            progress.end(token, lsp.WorkDoneProgressEnd(message=text))
    server.findings.schedule_all()
    await _announce(server, engine)


async def _announce(server: SteadyhandServer, engine: Engine) -> None:
    """Says once what can be resumed; the journal is opened only where there is one."""
    if not (engine.settings.state_path / "journal.sqlite").exists():
        return
    waiting = [s for s in await engine.sessions.list() if s.state in ("paused", "waiting")]
    if waiting:
        newest = waiting[0]
        count = "1 session" if len(waiting) == 1 else f"{len(waiting)} sessions"
        server.say(
            f"Steadyhand has {count} to resume here; the newest is {newest.session}: "
            f"{newest.prompt[:80]}",
            lsp.MessageType.Info,
        )


def did_change_configuration(
    server: SteadyhandServer, params: lsp.DidChangeConfigurationParams
) -> None:
    """Takes new settings; those of a running session stay as they were."""
    from steadyhand_agent.errors import SettingsError
    from steadyhand_server.engine import client_settings
    from steadyhand_server.settings import load

    settings: Any = params.settings
    given = client_settings(settings)
    if server.engine is None or not given:
        return
    try:
        loaded, _ = load({**client_settings(server.options), **given}, server.roots)
    except SettingsError as error:
        server.say(f"{error} The settings stay as they were.", lsp.MessageType.Error)
        return
    server.engine.use(loaded)
    server.findings.schedule_all()


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
