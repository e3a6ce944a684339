"""Code actions: quick fixes that need no model, and ways into a task.

An edit is worked out when the person chooses the action (`codeAction/resolve`), from the text as it
is then; for a client that cannot resolve it is worked out at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from steadyhand_server import convert
from steadyhand_server.documents import Snapshot

if TYPE_CHECKING:
    from steadyhand_agent.index.definitions import Definition, Finding
    from steadyhand_agent.workspace import Workspace
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.engine import Engine

KINDS = [lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.RefactorRewrite]
REQUEST_FAILED = -32803


def code_actions(
    server: SteadyhandServer, params: lsp.CodeActionParams
) -> list[lsp.CodeAction] | None:
    """What can be done at a range."""
    snapshot = server.documents.get(params.text_document.uri)
    if snapshot is None or snapshot.path is None or server.engine is None:
        return None
    server.findings.settle()
    wanted = params.context.only
    found: list[lsp.CodeAction] = []
    if _asked(wanted, lsp.CodeActionKind.QuickFix):
        start = convert.offset(snapshot.table, params.range.start)
        end = convert.offset(snapshot.table, params.range.end)
        for finding in server.findings.findings(snapshot):
            span = finding.definition
            name_end = span.name_start + len(span.name.encode())
            if start <= name_end and end >= span.start:
                found += _fixes(server, server.engine, snapshot, finding)
        found += [_fix_with_agent(snapshot, d) for d in params.context.diagnostics]
    if _asked(wanted, lsp.CodeActionKind.RefactorRewrite):
        found += _do_here(server, snapshot, params.range)
    return found or None


def _asked(only: Any, kind: lsp.CodeActionKind) -> bool:
    if not only:
        return True
    return any(k in ("", kind.value) or kind.value.startswith(f"{k}.") for k in map(_value, only))


def _value(kind: Any) -> str:
    return kind.value if isinstance(kind, lsp.CodeActionKind) else str(kind)


def _fixes(
    server: SteadyhandServer, engine: Engine, snapshot: Snapshot, finding: Finding
) -> list[lsp.CodeAction]:
    opened = server.documents.at(finding.canonical.path)
    diagnostic = convert.diagnostic(
        finding,
        snapshot.table,
        server.uri_of(finding.canonical.path),
        opened.table if opened else None,
    )
    canonical = finding.canonical
    actions: list[lsp.CodeAction] = []
    if finding.tier == "T1" and finding.definition.module_level and canonical.module_level:
        same_file = canonical.path == finding.definition.path
        module = engine.index.view().module(canonical.path)
        origin = "" if same_file else f" from `{module}`"
        data: dict[str, Any] = {
            "uri": snapshot.uri,
            "definition": finding.definition.qualified,
            "start": finding.definition.start,
            "canonical": canonical.qualified,
            "canonical_path": canonical.path,
        }
        action = lsp.CodeAction(
            title=f"Use `{canonical.name}`{origin}",
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[diagnostic],
            is_preferred=True,
            data=data,
        )
        if not _resolves(server):
            try:
                _, ours, _ = _meant(server, engine, data)
                used = _used_elsewhere(engine.workspace, ours.name, *_others(server, engine, ours))
                action.edit = _edit(server, engine, data, used_elsewhere=used)
                actions.append(action)
            except JsonRpcException:
                pass  # Not safe here; a client that resolves would be told why.
        else:
            actions.append(action)
    actions.append(
        lsp.CodeAction(
            title=f"Go to the existing definition ({canonical.place})",
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[diagnostic],
            command=lsp.Command(
                "Go to the existing definition",
                "steadyhand.goto",
                arguments=[{"path": canonical.path, "qualified": canonical.qualified}],
            ),
        )
    )
    return actions


def _resolves(server: SteadyhandServer) -> bool:
    document = server.client_capabilities.text_document
    actions = document.code_action if document else None
    support = actions.resolve_support if actions else None
    return support is not None and "edit" in support.properties


async def resolve(server: SteadyhandServer, action: lsp.CodeAction) -> lsp.CodeAction:
    """Works the edit of a quick fix out."""
    if server.engine is not None and isinstance(action.data, dict) and action.edit is None:
        server.findings.settle()
        data: dict[str, Any] = action.data
        keys = ("uri", "definition", "canonical", "canonical_path")
        if not all(isinstance(data.get(key), str) for key in keys) or "start" not in data:
            raise JsonRpcException("That code action is not one of ours.", -32602)
        snapshot, ours, _ = _meant(server, server.engine, data)
        # The files are read in a thread; the index and the open texts belong to the event loop.
        others = _others(server, server.engine, ours)
        elsewhere = await asyncio.to_thread(
            _used_elsewhere, server.engine.workspace, ours.name, *others
        )
        action.edit = _edit(server, server.engine, data, used_elsewhere=elsewhere)
        if server.documents.get(data["uri"]) is not snapshot:
            # Typed meanwhile: the two may no longer be the same, and the offsets are old.
            raise _moved_on()
    return action


def _moved_on() -> JsonRpcException:
    return JsonRpcException(
        "The text has changed since; ask for the code actions again.", REQUEST_FAILED
    )


def _meant(
    server: SteadyhandServer, engine: Engine, data: dict[str, Any]
) -> tuple[Snapshot, Definition, Definition]:
    """The text as it is now, the definition that goes, and the one that is used instead."""
    snapshot = server.documents.get(data["uri"])
    view = engine.index.view()
    path = snapshot.path if snapshot else None
    ours = _find(view.entry(path) if path else None, data["definition"], data["start"])
    theirs = _find(view.entry(data["canonical_path"]), data["canonical"], None)
    if snapshot is None or ours is None or theirs is None:
        raise _moved_on()
    return snapshot, ours, theirs


def _edit(
    server: SteadyhandServer, engine: Engine, data: dict[str, Any], *, used_elsewhere: bool
) -> lsp.WorkspaceEdit:
    """The edit of "Use the existing one".

    Raises:
        JsonRpcException: It cannot be done; the sentence is shown by the editor.
    """
    from steadyhand_agent.proposals.reuse import ReuseRefused, reuse

    snapshot, ours, theirs = _meant(server, engine, data)
    module = engine.index.view().module(theirs.path)
    try:
        edits = reuse(snapshot.text, ours, theirs, module, used_elsewhere=used_elsewhere)
    except ReuseRefused as error:
        raise JsonRpcException(str(error), REQUEST_FAILED) from error
    changes = [
        lsp.TextEdit(convert.span(snapshot.table, e.start, e.end), e.new)
        for e in sorted(edits, key=lambda e: (e.start, e.end))
    ]
    return server.edit_of(snapshot.uri, snapshot.version, changes)


def _find(entry: Any, qualified: str, start: int | None) -> Definition | None:
    for definition in entry.definitions if entry else ():
        if definition.qualified == qualified and start in (None, definition.start):
            return definition
    return None


def _others(
    server: SteadyhandServer, engine: Engine, ours: Definition
) -> tuple[list[str], dict[str, str]]:
    """The paths of all other files, and the texts of those that are open."""
    texts = {s.path: s.text for s in server.documents.all() if s.path is not None}
    return [path for path in engine.index.view().paths() if path != ours.path], texts


def _used_elsewhere(
    workspace: Workspace, name: str, paths: list[str], texts: dict[str, str]
) -> bool:
    """True where another file mentions the name, and so may import it from here."""
    import re

    from steadyhand_agent.errors import SteadyhandError

    word = re.compile(rf"\b{re.escape(name)}\b")
    for path in paths:
        try:
            if word.search(texts[path] if path in texts else workspace.read(path)):
                return True
        except SteadyhandError:
            continue
    return False


def _fix_with_agent(snapshot: Snapshot, diagnostic: lsp.Diagnostic) -> lsp.CodeAction:
    message = diagnostic.message.splitlines()[0] if diagnostic.message else "this"
    argument = {
        "prompt": "Fix this diagnostic.",
        "uri": snapshot.uri,
        "range": {
            "start": {"line": diagnostic.range.start.line, "character": 0},
            "end": {"line": diagnostic.range.end.line + 1, "character": 0},
        },
        "diagnostics": [f"{diagnostic.source or 'diagnostic'}: {diagnostic.message}"],
    }
    return lsp.CodeAction(
        title=f"Steadyhand: fix this diagnostic ({message[:60]})",
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        command=lsp.Command("Fix with Steadyhand", "steadyhand.task", arguments=[argument]),
    )


def _do_here(
    server: SteadyhandServer, snapshot: Snapshot, selected: lsp.Range
) -> list[lsp.CodeAction]:
    """A task on the selection: asked for by the client where it can, else read from a comment."""
    place = {"uri": snapshot.uri, "range": server.protocol.plain(selected)}
    client = server.options.get("client")
    if isinstance(client, dict) and client.get("prompt"):
        command = lsp.Command(
            "Steadyhand: do this here…", "steadyhand.promptTask", arguments=[place]
        )
    else:
        _, line = snapshot.table.line(selected.start.line)
        comment = line.decode("utf-8", "replace").strip()
        if not comment.startswith("#") or len(comment) < 12:
            return []
        prompt = comment.lstrip("# ").strip()
        argument = {"prompt": prompt, **place}
        command = lsp.Command("Do this here", "steadyhand.task", arguments=[argument])
    return [
        lsp.CodeAction(
            title="Steadyhand: do this here…",
            kind=lsp.CodeActionKind.RefactorRewrite,
            command=command,
        )
    ]
