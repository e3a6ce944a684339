"""Decisions about a proposal, hunk by hunk: our own requests, and commands of the same names.

A request and its command answer the same. What fails is answered as one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.guard.visible import visible
from steadyhand_server import protocol
from steadyhand_server.handlers import previews
from steadyhand_server.handlers.quick_fixes import REQUEST_FAILED
from steadyhand_server.protocol import HunksParams, ProposalParams, TurnParams

if TYPE_CHECKING:
    from steadyhand_agent.proposals.offer import Shown
    from steadyhand_agent.session import SessionState
    from steadyhand_agent.sessions import Sessions
    from steadyhand_server.app import SteadyhandServer

Json = dict[str, Any]


def _sessions(server: SteadyhandServer) -> Sessions:
    if server.engine is None:
        raise JsonRpcException(
            "Steadyhand needs an open folder; open one and try again.", REQUEST_FAILED
        )
    return server.engine.sessions


async def get(server: SteadyhandServer, params: ProposalParams) -> Json:
    """What a session proposes and has applied: its files, and where their texts can be read."""
    offer = await _sessions(server).look(params.session)
    files = [
        file.as_json()
        | {
            "source": next((s.source for s in file.hunks if s.source), None),
            "base": previews.uri_of(offer.session, file.path, "base"),
            "proposed": previews.uri_of(offer.session, file.path, "proposed"),
        }
        for file in offer.files
    ]
    return {
        "session": offer.session,
        "state": offer.state,
        "summary": offer.summary,
        "diff": previews.diff_uri(offer.session),
        "files": files,
    }


async def hunks(server: SteadyhandServer, params: ProposalParams) -> Json:
    """Every hunk with both of its texts, its state as of now, its rounds and their reasons."""
    offer = await _sessions(server).look(params.session)
    return {"session": offer.session, "hunks": [shown.as_json() for shown in offer.hunks()]}


async def accept(server: SteadyhandServer, params: HunksParams) -> Json:
    """Marks hunks as accepted; nothing is written before `apply`."""
    state = await _sessions(server).mark(params.session, _some(params.hunks), "accepted")
    return await _told(server, state)


async def reject(server: SteadyhandServer, params: HunksParams) -> Json:
    """Marks hunks as rejected; accepting them takes that back."""
    state = await _sessions(server).mark(params.session, _some(params.hunks), "rejected")
    return await _told(server, state)


async def apply(server: SteadyhandServer, params: HunksParams) -> Json:
    """Writes hunks: those named, else those accepted, else all that are open."""
    state, outcome = await _sessions(server).apply(params.session, _those(params.hunks))
    return await _told(server, state, outcome.sentence(), outcome.report.files)


async def revert(server: SteadyhandServer, params: TurnParams) -> Json:
    """Takes back what was applied: hunks, what a round had a part in, or everything."""
    work = _sessions(server).undo
    state, outcome = await work(params.session, _those(params.hunks), params.round)
    return await _told(server, state, outcome.sentence("undone"), outcome.report.files)


async def redo(server: SteadyhandServer, params: TurnParams) -> Json:
    """Brings back what was taken back."""
    work = _sessions(server).redo
    state, outcome = await work(params.session, _those(params.hunks), params.round)
    return await _told(server, state, outcome.sentence("redone"), outcome.report.files)


async def goto(server: SteadyhandServer, given: Json) -> Json:
    """`{session, hunks: [id]}` shows the place of a hunk in its file."""
    session, shown = await _one(server, given)
    engine = server.engine
    if engine is None or engine.sessions.read(shown.path) is None:
        raise JsonRpcException(
            f"{shown.path} is not there; it is made once this is applied.", REQUEST_FAILED
        )
    first, end = shown.place
    await server.window_show_document_async(
        lsp.ShowDocumentParams(
            uri=server.uri_of(shown.path),
            take_focus=True,
            selection=lsp.Range(lsp.Position(first, 0), lsp.Position(max(first, end), 0)),
        )
    )
    return {"session": session, "path": shown.path, "first": first, "end": end}


async def compare(server: SteadyhandServer, given: Json) -> Json:
    """`{session, hunks: [id]}` shows what stands in a hunk's place beside what it would bring."""
    session, shown = await _one(server, given)
    now, new = shown.now if shown.now is not None else shown.old, shown.new
    if server.editor is not None and server.client_can("show"):
        await server.editor.show_beside(
            {"title": f"{shown.path}, as it is", "path": shown.path, "text": visible(now)},
            {"title": f"{shown.hunk.id}, as proposed", "path": shown.path, "text": visible(new)},
        )
    elif server.editor is not None:
        ours, theirs = now.splitlines(keepends=True), new.splitlines(keepends=True)
        diff = difflib.unified_diff(ours, theirs, "as it is", "as proposed", n=1_000)
        await server.editor.show_diff(f"{session}-{shown.hunk.id}", "".join(diff))
    return {"session": session, "path": shown.path}


async def _one(server: SteadyhandServer, given: Json) -> tuple[str, Shown]:
    """The session and the hunk that a command names."""
    params = _typed(HunksParams, given)
    wanted = _some(params.hunks)[0]
    offer = await _sessions(server).look(params.session)
    shown = next((one for one in offer.hunks() if one.hunk.id == wanted), None)
    if shown is None:
        raise JsonRpcException(f"Session {params.session} has no hunk {wanted}.", REQUEST_FAILED)
    return offer.session, shown


async def _told(
    server: SteadyhandServer, state: SessionState, message: str = "", files: Sequence[Any] = ()
) -> Json:
    offer = await _sessions(server).look(state.id)
    return {
        "session": state.id,
        "state": state.state,
        "message": message or state.reason,
        "hunks": {shown.hunk.id: shown.hunk.mark for shown in offer.hunks()},
        "files": [{"path": f.path, "status": f.status, "detail": f.detail} for f in files],
    }


def _those(hunks: list[str] | None) -> list[str]:
    """The hunks that are named; an empty selection is nobody's word for all of them."""
    return [] if hunks is None else _some(hunks)


def _some(hunks: list[str] | None) -> list[str]:
    if not hunks:
        raise JsonRpcInvalidParams("Name the hunks: {session, hunks: [id, ...]}.")
    return hunks


def _typed(kind: Any, given: Json) -> Any:
    """A command's argument in the form of the request's params.

    Raises:
        JsonRpcException: It does not have that form.
    """
    session, named, number = given.get("session"), given.get("hunks"), given.get("round")
    listed: list[Any] | None = named if isinstance(named, list) else None  # pyright: ignore[reportUnknownVariableType]
    right = (
        isinstance(session, str)
        and session != ""
        and (named is None or listed is not None)
        and all(isinstance(hunk, str) for hunk in listed or ())
        and (number is None or type(number) is int)
    )
    if not right:
        raise JsonRpcInvalidParams("Name the session: {session: id, hunks?: [id], round?: number}.")
    if kind is ProposalParams:
        return ProposalParams(str(session))
    if kind is TurnParams:
        return TurnParams(str(session), listed, number)
    return HunksParams(str(session), listed)


Request = Callable[["SteadyhandServer", Any], Awaitable[Json]]
_BY_NAME: dict[str, tuple[Request, type[Any]]] = {
    protocol.PROPOSAL_GET: (get, ProposalParams),
    protocol.PROPOSAL_HUNKS: (hunks, ProposalParams),
    protocol.PROPOSAL_ACCEPT: (accept, HunksParams),
    protocol.PROPOSAL_REJECT: (reject, HunksParams),
    protocol.PROPOSAL_APPLY: (apply, HunksParams),
    protocol.PROPOSAL_REVERT: (revert, TurnParams),
    protocol.PROPOSAL_REDO: (redo, TurnParams),
}


def _answering(work: Request) -> Request:
    async def answer(server: SteadyhandServer, params: Any) -> Json:
        try:
            return await work(server, params)
        except SteadyhandError as error:
            raise JsonRpcException(str(error), REQUEST_FAILED) from error

    return answer


def _commanded(work: Request, kind: type[Any]) -> Request:
    async def run(server: SteadyhandServer, given: Json) -> Json:
        return await work(server, _typed(kind, given))

    return run


REQUESTS: dict[str, Request] = {name: _answering(work) for name, (work, _) in _BY_NAME.items()}
# `steadyhand/proposal/get` is the command `steadyhand.proposal.get`.
COMMANDS: dict[str, Request] = {
    name.replace("/", "."): _commanded(work, kind) for name, (work, kind) in _BY_NAME.items()
} | {"steadyhand.proposal.goto": goto, "steadyhand.proposal.compare": compare}
