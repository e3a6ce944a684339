"""Code actions: quick fixes that need no model, and ways into a task.

An edit is worked out when the person chooses the action (`codeAction/resolve`), from the text as it
is then; for a client that cannot resolve it is worked out at once.
"""

from __future__ import annotations

import re
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from steadyhand_server import convert
from steadyhand_server.documents import Snapshot
from steadyhand_server.handlers import previews, quick_fixes

if TYPE_CHECKING:
    from steadyhand_server.app import SteadyhandServer

# A line that is a comment in one of the languages, and what it says; `#include` is none.
_COMMENT = re.compile(r"(?:#+(?=\s)|//+|--+(?=\s)|/\*+)\s*(\S.{8,}?)\s*(?:\*/)?")
KINDS = [lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.RefactorRewrite]


async def code_actions(
    server: SteadyhandServer, params: lsp.CodeActionParams
) -> list[lsp.CodeAction] | None:
    """What can be done at a range."""
    snapshot = server.documents.get(params.text_document.uri)
    if snapshot is not None and snapshot.path is None:
        return await previews.actions(server, snapshot, params.range)
    if snapshot is None or snapshot.path is None or server.engine is None:
        return None
    server.findings.settle()
    wanted = params.context.only
    found: list[lsp.CodeAction] = []
    if _asked(wanted, lsp.CodeActionKind.QuickFix):
        weighed = _unseen(params.context)
        start = convert.offset(snapshot.table, params.range.start)
        end = convert.offset(snapshot.table, params.range.end)
        for finding in server.findings.findings(snapshot):
            span = finding.definition
            name_end = span.name_start + len(span.name.encode())
            if start <= name_end and end >= span.start:
                found += await quick_fixes.actions(
                    server, server.engine, snapshot, finding, weighed=weighed
                )
        # Of our own, the quick fixes above and the agent's merging take care.
        others = (d for d in params.context.diagnostics if d.source != convert.SOURCE)
        found += [_fix_with_agent(snapshot, diagnostic) for diagnostic in others]
    if _asked(wanted, lsp.CodeActionKind.RefactorRewrite):
        found += _do_here(server, snapshot, params.range)
    return found or None


def _asked(only: Any, kind: lsp.CodeActionKind) -> bool:
    if not only:
        return True
    return any(k in ("", kind.value) or kind.value.startswith(f"{k}.") for k in map(_value, only))


def _unseen(context: lsp.CodeActionContext) -> bool:
    """True where a person asks for quick fixes and nothing else, as an "auto fix" does.

    It takes the preferred one without showing a menu, so that it has to be known which is safe. A
    menu asks for every kind, and an editor that looks on its own account is not waited for.
    """
    kinds = [_value(kind) for kind in context.only or ()]
    quick = lsp.CodeActionKind.QuickFix.value
    return (
        context.trigger_kind == lsp.CodeActionTriggerKind.Invoked
        and bool(kinds)
        and all(kind == quick or kind.startswith(f"{quick}.") for kind in kinds)
    )


def _value(kind: Any) -> str:
    return kind.value if isinstance(kind, lsp.CodeActionKind) else str(kind)


async def resolve(server: SteadyhandServer, action: lsp.CodeAction) -> lsp.CodeAction:
    """Works the edit of a quick fix out."""
    if server.engine is not None and isinstance(action.data, dict) and action.edit is None:
        data: dict[str, Any] = action.data
        keys = ("uri", "definition", "canonical", "canonical_path")
        if not all(isinstance(data.get(key), str) for key in keys) or "start" not in data:
            raise JsonRpcException("That code action is not one of ours.", -32602)
        action.edit = await quick_fixes.resolved(server, server.engine, data)
    return action


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
        title=f"Steadyhand: fix this diagnostic ({shorten(message, 60, placeholder=' …')})",
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
        comment = _COMMENT.fullmatch(line.decode("utf-8", "replace").strip())
        if comment is None:
            return []
        prompt = comment[1]
        argument = {"prompt": prompt, **place}
        command = lsp.Command("Do this here", "steadyhand.task", arguments=[argument])
    return [
        lsp.CodeAction(
            title="Steadyhand: do this here…",
            kind=lsp.CodeActionKind.RefactorRewrite,
            command=command,
        )
    ]
