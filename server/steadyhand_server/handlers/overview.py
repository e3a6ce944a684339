"""What an editor's own views show: a session round by round or as a text, and the duplicates.

Read only. A view asks again once it has been told of a change.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from steadyhand_agent.errors import ReplyUnreadable
from steadyhand_agent.guard.visible import visible, visible_line
from steadyhand_server import convert
from steadyhand_server.handlers.quick_fixes import REQUEST_FAILED
from steadyhand_server.handlers.workspace_queries import definitions_like, every_text

if TYPE_CHECKING:
    from steadyhand_agent.actions import Action
    from steadyhand_agent.index.definitions import Definition, Finding
    from steadyhand_agent.session import Round, SessionState
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.documents import Snapshot

Json = dict[str, Any]

_MOST_ABOUT = 120
_MOST_SAID = 2_000


async def session(server: SteadyhandServer, given: Json) -> Json:
    """`{session}`: what it knows, round by round; what was refused, and what is proposed."""
    return _told(await _state(server, given))


async def transcript(server: SteadyhandServer, given: Json) -> Json:
    """`{session?}`: a session as a text, the newest where none is named.

    A client without a plugin of ours, which can do nothing with an answer, is shown it.
    """
    from steadyhand_server.transcript import transcript as written

    if not given and server.engine is not None:
        known = await server.engine.sessions.list()
        if not known:
            raise JsonRpcException("There is no session here yet.", REQUEST_FAILED)
        given = {"session": known[0].session}
    state = await _state(server, given)
    text = written(state)
    if not isinstance(server.options.get("client"), dict) and server.editor is not None:
        await server.editor.show_transcript(state.id, text)
    return {"session": state.id, "text": text}


async def _state(server: SteadyhandServer, given: Json) -> SessionState:
    if server.engine is None or not isinstance(given.get("session"), str):
        raise JsonRpcException("Name the session: {session: id}.", -32602)
    return await server.engine.sessions.state(given["session"])


def _told(state: SessionState) -> Json:
    marks = Counter(hunk.mark for hunk in state.hunks().values())
    return {
        **state.to_summary().as_json(),
        "reason": visible(state.reason),
        "summary": visible(state.summary),
        "model": state.model,
        "conventions": told_conventions(state),
        "seconds": round(state.seconds, 1),
        "max_seconds": state.limits.minutes * 60,
        "reserved": state.reserved,
        "cached_tokens": state.cached,
        "hunks": dict(marks),
        "words": _words(state, 0),
        "rounds": [{**_round(done), "words": _words(state, done.number)} for done in state.rounds],
    }


def told_conventions(state: SessionState) -> list[Json]:
    """In which files the project says how it wants code written, as the session began with them."""
    return [
        {"path": visible_line(one.path), "taken": bool(one.text), "note": visible_line(one.note)}
        for one in state.task.conventions
    ]


def _words(state: SessionState, after: int) -> list[str]:
    """What the person said after a round."""
    return [visible(word.said.prompt) for word in state.words if word.after == after]


def _round(done: Round) -> Json:
    # Not at the start: what a session is made of takes long to import.
    from steadyhand_agent.models import dialect

    try:
        actions = dialect.actions(done.blocks, done.stop_reason)
    except ReplyUnreadable as error:
        return {"number": done.number, "said": visible(str(error)), "steps": [], "notes": []}
    said = [str(block.get("text", "")) for block in done.blocks if block.get("type") == "text"]
    return {
        "number": done.number,
        "said": visible("\n".join(said).strip()[:_MOST_SAID]),
        "steps": [_step(done, index, action) for index, action in enumerate(actions)],
        "notes": [visible(note) for note in done.notes],
        "branch": visible_line(done.branch),
    }


def _step(done: Round, index: int, action: Action) -> Json:
    from steadyhand_agent.actions import about

    verdict = done.verdicts[index] if index < len(done.verdicts) else {}
    result = done.results[index] if index < len(done.results) else None
    step: Json = {
        "tool": visible_line(action.tool or action.kind),
        "about": visible_line(about(action.content)[:_MOST_ABOUT]),
        "reason": visible(action.reason),
        "verdict": verdict.get("verdict", ""),
        "rule": verdict.get("rule", ""),
        "message": visible(str(verdict.get("why", ""))),
        "running": result is None,
        "error": result is not None and result.error,
        "seconds": round(result.seconds, 1) if result is not None else 0.0,
    }
    if result is not None and result.error and not step["message"]:
        step["message"] = visible(result.text[:_MOST_SAID])
    step["remarks"] = [
        visible(remark) for said in verdict.get("remarks", {}).values() for remark in said
    ]
    return step


async def symbols(server: SteadyhandServer, given: Json) -> Json:
    """`{query}`: definitions whose name resembles it, for a box that a task is typed into."""
    found = definitions_like(server, str(given.get("query", "")))
    return {"symbols": [_place(server, definition) for definition in found]}


async def duplicates(server: SteadyhandServer, given: Json) -> Json:
    """`{}`: every finding of the workspace, by the definition that is to stay."""
    if server.engine is None:
        raise JsonRpcException(
            "Steadyhand needs an open folder; open one and try again.", REQUEST_FAILED
        )
    server.findings.settle()
    groups: dict[tuple[str, str], Json] = {}
    looked = 0
    async for snapshot in every_text(server):
        for finding in server.findings.findings(snapshot):
            key = finding.canonical.path, finding.canonical.qualified
            if key not in groups:
                groups[key] = {**_place(server, finding.canonical), "members": []}
            groups[key]["members"].append(_member(server, snapshot, finding))
        looked += 1
    found = sorted(groups.values(), key=lambda one: (-len(one["members"]), one["path"]))
    return {"groups": found, "files": looked}


def _place(server: SteadyhandServer, definition: Definition) -> Json:
    opened = server.documents.at(definition.path)
    line = lsp.Position(definition.line - 1, 0)
    range_ = convert.name_span(opened.table, definition) if opened else lsp.Range(line, line)
    return {
        "name": visible_line(definition.name),
        "qualified": definition.qualified,
        "signature": visible_line(definition.signature),
        "path": definition.path,
        "uri": server.uri_of(definition.path),
        "range": server.protocol.plain(range_),
    }


def _member(server: SteadyhandServer, snapshot: Snapshot, finding: Finding) -> Json:
    range_ = convert.name_span(snapshot.table, finding.definition)
    return {
        **_place(server, finding.definition),
        "range": server.protocol.plain(range_),
        "tier": finding.tier,
        "score": finding.score,
        "reason": visible_line(finding.reason),
        # What `steadyhand.compare` takes.
        "pair": {
            "uri": snapshot.uri,
            "definition": finding.definition.qualified,
            "start": finding.definition.start,
            "canonical": finding.canonical.qualified,
            "canonical_path": finding.canonical.path,
        },
    }
