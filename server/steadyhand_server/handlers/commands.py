"""Commands on sessions: each checks its one argument, starts the work, and answers at once.

A session outlives the command that started it. What fails is answered as one sentence.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.guard.visible import visible
from steadyhand_server import convert
from steadyhand_server.handlers import overview, previews, proposals, quick_fixes
from steadyhand_server.handlers.quick_fixes import REQUEST_FAILED

if TYPE_CHECKING:
    from steadyhand_agent.session import SessionState, Task
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.engine import Engine
    from steadyhand_server.protocol import Command

Json = dict[str, Any]
_MOST_FOUND = 100


def _engine(server: SteadyhandServer) -> Engine:
    if server.engine is None:
        raise JsonRpcException(
            "Steadyhand needs an open folder; open one and try again.", REQUEST_FAILED
        )
    return server.engine


def _session(given: Json) -> str:
    session = given.get("session")
    if not isinstance(session, str) or not session:
        raise JsonRpcException("Name the session: {session: id}.", -32602)
    return session


async def _fitting(server: SteadyhandServer, given: Json, fits: Callable[[Any], bool]) -> str:
    """The session that is named, else the only one that fits: some editors send no argument."""
    if given:
        return _session(given)
    found = [one.session for one in await _engine(server).sessions.list() if fits(one)]
    if len(found) != 1:
        listed = f"it fits {', '.join(found)}" if found else "no session fits"
        raise SteadyhandError(f"Name the session, {{session: id}}: {listed}.")
    return found[0]


def _undecided(summary: Any) -> bool:
    return summary.state == "waiting"


def _said(server: SteadyhandServer, told: Json) -> Json:
    """Says how a command went where no plugin of ours shows its answer."""
    if not isinstance(server.options.get("client"), dict) and told["message"]:
        server.say(told["message"], lsp.MessageType.Info)
    return told


def _told(state: SessionState, message: str = "") -> Json:
    return {"session": state.id, "state": state.state, "message": message or state.reason}


async def task(server: SteadyhandServer, given: Json) -> Json:
    """`{prompt, uri?, range?, selection?, diagnostics?, pair?}` starts a session."""
    engine = _engine(server)
    prompt = given.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise JsonRpcException("The task is empty; say what should be done.", -32602)
    asked = _asked(server, given, prompt)
    listed = given.get("diagnostics")
    asked.diagnostics = [str(d) for d in listed] if isinstance(listed, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(given.get("pair"), dict):
        from steadyhand_agent.proposals.compare import excerpts

        pair = quick_fixes.meant(server, engine, given["pair"])
        asked.excerpts = await asyncio.to_thread(excerpts, pair.code, pair.ours, pair.theirs)
    state = await engine.sessions.start(asked)
    return {"session": state.id, "conventions": overview.told_conventions(state)}


async def reply(server: SteadyhandServer, given: Json) -> Json:
    """`{session, text, uri?, range?, selection?}` tells a session more, upon which it goes on."""
    text = given.get("text")
    if not isinstance(text, str) or not text.strip():
        raise JsonRpcException("The reply is empty; say what should be done.", -32602)
    said = _asked(server, given, text)
    state = await _engine(server).sessions.reply(_session(given), said)
    return _told(state, "It is told, and goes on.")


def _asked(server: SteadyhandServer, given: Json, prompt: str) -> Task:
    """The person's words, and the lines of a document that they are about."""
    from steadyhand_agent.session import Task

    path, lines, selection = None, None, ""
    uri = given.get("uri")
    if isinstance(uri, str):
        path = server.path_of(uri) or previews.path_of(uri)
        snapshot = server.documents.get(uri)
        if snapshot is not None and given.get("range"):
            chosen = server.protocol.range(given["range"])
            start = convert.offset(snapshot.table, chosen.start)
            end = convert.offset(snapshot.table, chosen.end)
            selection = snapshot.table.data[start:end].decode("utf-8", "replace")
            # A range that ends before the first character of a line does not take that line in.
            partly = chosen.end.character > 0 or chosen.end.line == chosen.start.line
            lines = (chosen.start.line + 1, chosen.end.line + (1 if partly else 0))
    elif isinstance(given.get("selection"), str):
        # Of a view that the editor alone knows, such as a diff of its own.
        selection = given["selection"]
    return Task(prompt=prompt, path=path, lines=lines, selection=selection)


async def sessions(server: SteadyhandServer, given: Json) -> Json:
    """`{}` lists the workspace's sessions, newest first."""
    engine = _engine(server)
    if not engine.may_know_sessions:
        return {"sessions": []}
    found = await (await engine.opened()).sessions.list()
    return {"sessions": [summary.as_json() for summary in found]}


async def resume(server: SteadyhandServer, given: Json) -> Json:
    """`{session, rounds?, tokens?}` goes on, with more to spend where given."""
    from steadyhand_agent.session import Limits

    rounds, tokens = given.get("rounds", 0), given.get("tokens", 0)
    if not all(isinstance(n, int) and 0 <= n <= 1_000_000 for n in (rounds, tokens)):
        raise JsonRpcException("`rounds` and `tokens` are numbers of what to add.", -32602)
    grant = Limits(rounds=rounds, tokens=tokens, minutes=30.0) if rounds or tokens else None
    return _told(await _engine(server).sessions.resume(_session(given), grant), "Resumed.")


async def cancel(server: SteadyhandServer, given: Json) -> Json:
    """`{session}` stops the work at once; the journal is kept."""
    return _told(await _engine(server).sessions.cancel(_session(given)))


async def proposal(server: SteadyhandServer, given: Json) -> Json:
    """`{session}` opens the diff of what is proposed."""
    session = await _fitting(server, given, _undecided)
    return _told(await _engine(server).sessions.show(session))


async def apply(server: SteadyhandServer, given: Json) -> Json:
    """`{session}` applies what is proposed."""
    session = await _fitting(server, given, _undecided)
    state, report = await _engine(server).sessions.apply(session)
    return _said(server, _told(state, report.sentence()))


async def discard(server: SteadyhandServer, given: Json) -> Json:
    """`{session}` lets the proposal go."""
    session = await _fitting(server, given, _undecided)
    return _said(server, _told(await _engine(server).sessions.discard(session)))


async def undo(server: SteadyhandServer, given: Json) -> Json:
    """`{session}` takes back what the session applied, and only that."""
    session = await _fitting(server, given, lambda one: one.applied)
    state, report = await _engine(server).sessions.undo(session)
    return _said(server, _told(state, report.sentence("undone")))


async def redo(server: SteadyhandServer, given: Json) -> Json:
    """`{session}` brings back what was taken back."""
    session = await _fitting(server, given, lambda one: one.reverted)
    state, report = await _engine(server).sessions.redo(session)
    return _said(server, _told(state, report.sentence("redone")))


async def search(server: SteadyhandServer, given: Json) -> Json:
    """`{words}` finds what this workspace's sessions said and did, the newest first."""
    words = given.get("words")
    if not isinstance(words, str) or not words.strip():
        raise JsonRpcException("Say what to look for: {words: text}.", -32602)
    found: list[Json] = []
    async for one in _engine(server).sessions.search(words):
        told = {"kind": one.kind, "round": one.round, "around": visible(one.around)}
        found.append({**one.session.as_json(), **told})
        if len(found) == _MOST_FOUND:
            break
    return {"found": found}


async def delete(server: SteadyhandServer, given: Json) -> Json:
    """`{session}` forgets a session everywhere; what it wrote into files stays."""
    state = await _engine(server).sessions.delete(_session(given))
    kept = " What it wrote into files stays." if state.applied else ""
    return _told(state, f"Session {state.id} is deleted.{kept}")


async def goto(server: SteadyhandServer, given: Json) -> None:
    """`{path, qualified}` shows a definition."""

    engine = _engine(server)
    path = str(given.get("path", ""))
    known = engine.index.view().definitions(path)
    found = [d for d in known if d.qualified == given.get("qualified")]
    if not found:
        raise JsonRpcException("That definition is no longer there.", REQUEST_FAILED)
    opened = server.documents.at(path)
    table = opened.table if opened else server.documents.table(engine.workspace.read(path))
    await server.window_show_document_async(
        lsp.ShowDocumentParams(
            uri=server.uri_of(path),
            take_focus=True,
            selection=convert.name_span(table, found[0]),
        )
    )


async def compare(server: SteadyhandServer, given: Json) -> None:
    """`{uri, definition, start, canonical, canonical_path}` opens the diff of two definitions."""
    from steadyhand_agent.proposals.compare import body, difference

    engine = _engine(server)
    pair = quick_fixes.meant(server, engine, given)
    if server.client_can("show") and server.editor is not None:
        sides = [
            {"title": f"{one.place} {one.qualified}", "path": one.path, "text": visible(text)}
            for one in (pair.ours, pair.theirs)
            for text in [await asyncio.to_thread(body, pair.code, one)]
        ]
        await server.editor.show_beside(*sides)
        return
    diff = await asyncio.to_thread(difference, pair.code, pair.ours, pair.theirs)
    name = re.sub(r"\W+", "-", f"compare-{pair.ours.name}-{pair.theirs.name}")
    await engine.editor.show_diff(name, diff)


async def trust(server: SteadyhandServer, given: Json) -> Json:
    """`{revoke?}` asks the person whether the workspace's `steadyhand.toml` may name commands."""
    from steadyhand_server import settings as known
    from steadyhand_server import trust as kept

    engine = _engine(server)
    state = engine.settings.state_path
    if given.get("revoke"):
        forgotten = [kept.take_back(state, root) for root in server.roots]
        message = (
            "This workspace is no longer trusted." if any(forgotten) else "It was not trusted."
        )
        trusted = False
    else:
        root, wanted = known.wanted(server.roots)
        # What is kept is what was shown, whatever the file holds by the time of the answer.
        trusted = bool(await engine.editor.confirm(kept.question(root, wanted), ""))
        if trusted:
            kept.give(state, root, wanted)
        message = f"Trusted: {kept.sentence(wanted)}." if trusted else "Nothing was trusted."
    loaded, _ = known.load(server.given, server.roots, lenient=True)
    engine.use(loaded)
    return {"trusted": trusted, "message": message}


_APPLYING = (apply, undo, redo)
# What has a model work, or lets it run commands.
_TRUSTING = (task, reply, resume, trust)


def _answering(command: Command) -> Command:
    """A command whose failures reach the person as one sentence, without a traceback."""

    async def answer(server: SteadyhandServer, given: Json) -> Any:
        if server.client_name == "Eglot" and command in _APPLYING:
            # It tells of what an edit changed only once it has the answer to its own request.
            server.spawn(work(server, given), "command")
            return None
        return await work(server, given)

    async def work(server: SteadyhandServer, given: Json) -> Any:
        try:
            if command in _TRUSTING and not server.trusted:
                raise SteadyhandError(
                    "This workspace is not trusted, so no task runs in it. Trust it first; "
                    "findings are shown all the same."
                )
            return await command(server, given)
        except SteadyhandError as error:
            if not isinstance(server.options.get("client"), dict):
                server.say(str(error), lsp.MessageType.Warning)
            raise JsonRpcException(str(error), REQUEST_FAILED) from error

    return answer


COMMANDS: dict[str, Command] = {
    name: _answering(command)
    for name, command in {
        "steadyhand.task": task,
        "steadyhand.sessions": sessions,
        "steadyhand.resume": resume,
        "steadyhand.reply": reply,
        "steadyhand.cancel": cancel,
        "steadyhand.proposal": proposal,
        "steadyhand.apply": apply,
        "steadyhand.discard": discard,
        "steadyhand.undo": undo,
        "steadyhand.redo": redo,
        "steadyhand.search": search,
        "steadyhand.delete": delete,
        "steadyhand.session": overview.session,
        "steadyhand.transcript": overview.transcript,
        "steadyhand.duplicates": overview.duplicates,
        "steadyhand.symbols": overview.symbols,
        **proposals.COMMANDS,
        "steadyhand.goto": goto,
        "steadyhand.compare": compare,
        "steadyhand.trust": trust,
    }.items()
}


async def progress_cancelled(
    server: SteadyhandServer, params: lsp.WorkDoneProgressCancelParams
) -> None:
    """The person pressed cancel on a session's progress."""
    if server.engine is None:
        return
    token = str(params.token)
    if token.startswith("session-"):
        await server.engine.sessions.cancel(token.removeprefix("session-"))
