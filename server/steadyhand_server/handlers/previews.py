"""Proposals as documents that an editor can open: both texts of each file, and the whole diff.

Owns the `steadyhand-proposal` scheme, and what can be done in such a document or in a diff that is
open, so that an editor without a plugin of ours takes a proposal hunk by hunk. Texts are made when
they are asked for and never written to the person's files.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.guard.visible import visible
from steadyhand_agent.proposals.changes import split_lines
from steadyhand_server.handlers.quick_fixes import REQUEST_FAILED
from steadyhand_server.protocol import DocumentParams

if TYPE_CHECKING:
    from steadyhand_agent.proposals.offer import FileOffer
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.documents import Snapshot

log = logging.getLogger(__name__)

SCHEME = "steadyhand-proposal"
_SIDES = ("base", "proposed", "diff")
_DIFF_FILE = re.compile(r"([0-9a-f]{8})\.diff")
_HUNK = re.compile(r"@@ -\d+,\d+ \+\d+,\d+ @@ (h\d+) (\w+)")
# As long nothing must be typed before the sides of a diff follow.
_QUIET_SECONDS = 0.3
Json = dict[str, Any]


def uri_of(session: str, path: str, side: str) -> str:
    """The URI of one side of a file of a proposal."""
    return f"{SCHEME}://{session}/{quote(path)}?side={side}"


def diff_uri(session: str) -> str:
    """The URI of a proposal's unified diff."""
    return uri_of(session, f"proposal-{session}.diff", "diff")


async def text_of(server: SteadyhandServer, uri: str) -> str:
    """The text of a virtual document as of now.

    Raises:
        JsonRpcException: It is none of ours, or the session does not propose that file.
    """
    session, path, side = _parts(uri)
    if side not in _SIDES or server.engine is None:
        raise JsonRpcException(f"{uri} is no document of a proposal.", REQUEST_FAILED)
    try:
        offer = await server.engine.sessions.look(session)
    except SteadyhandError as error:
        raise JsonRpcException(str(error), REQUEST_FAILED) from error
    server.previewed.setdefault(offer.session, set()).add(uri)
    if side == "diff":
        # What an editor would hide, such as a bidi override, is written out.
        return visible(offer.diff())
    file = next((file for file in offer.files if file.path == path), None)
    if file is None:
        raise JsonRpcException(f"Session {offer.session} does not propose {path}.", REQUEST_FAILED)
    return (file.base if side == "base" else file.proposed) or ""


async def document(server: SteadyhandServer, params: DocumentParams) -> Json:
    """`steadyhand/document`: the text of a virtual document, for a plugin that provides it."""
    return {"text": await text_of(server, params.uri)}


async def content(
    server: SteadyhandServer, params: lsp.TextDocumentContentParams
) -> lsp.TextDocumentContentResult:
    """`workspace/textDocumentContent`: the same, for an editor that asks by itself (LSP 3.18)."""
    return lsp.TextDocumentContentResult(await text_of(server, params.uri))


async def register(server: SteadyhandServer) -> None:
    """Offers the scheme to an editor that can ask for such texts."""
    workspace = server.client_capabilities.workspace
    capability = workspace.text_document_content if workspace else None
    if capability is None or not capability.dynamic_registration:
        return
    method = lsp.WORKSPACE_TEXT_DOCUMENT_CONTENT
    options = lsp.TextDocumentContentRegistrationOptions([SCHEME], id=SCHEME)
    registration = lsp.Registration(SCHEME, method, options)
    try:
        await server.client_register_capability_async(lsp.RegistrationParams([registration]))
    except JsonRpcException as error:
        log.warning("the client does not show documents of a proposal by itself: %s", error)


async def refresh(server: SteadyhandServer, session: str) -> None:
    """Has the editor ask again for what it shows of a proposal that has changed."""
    workspace = server.client_capabilities.workspace
    capability = workspace.text_document_content if workspace else None
    if capability is not None:
        for uri in sorted(server.previewed.get(session, ())):
            await server.workspace_text_document_content_refresh_async(
                lsp.TextDocumentContentRefreshParams(uri)
            )
    if server.engine is not None:
        offer = await server.engine.sessions.look(session)
        await server.engine.editor.renew_diff(session, offer.diff())
    # A hunk that is accepted changes no text, and its lens says otherwise now.
    server.refresh_lenses()


def is_text(uri: str) -> bool:
    """True for one side of a file of a proposal."""
    return _parts(uri)[2] in ("base", "proposed")


def path_of(uri: str) -> str | None:
    """The file that a document is one side of; None where it is none of ours."""
    return _parts(uri)[1] if is_text(uri) else None


def touched(server: SteadyhandServer, path: str) -> None:
    """A text that a proposal is shown on has changed: both of its sides are other ones now."""
    ours = (s.uri for s in server.documents.all() if s.uri.startswith(f"{SCHEME}:"))
    sessions = {session for session, shown, _ in map(_parts, ours) if shown == path}
    for session in sessions - server.renewing:
        server.renewing.add(session)
        server.spawn(_renew(server, session), "previews")


async def _renew(server: SteadyhandServer, session: str) -> None:
    """Once for a burst of keys."""
    try:
        await asyncio.sleep(_QUIET_SECONDS)
    finally:
        server.renewing.discard(session)
    await refresh(server, session)


def closed(server: SteadyhandServer, uri: str) -> None:
    """A document of a proposal is no longer shown."""
    session = _parts(uri)[0]
    if session in server.previewed:
        server.previewed[session].discard(uri)


@dataclass(slots=True)
class Open:
    """A proposal in an open document.

    Attributes:
        session: The session that proposes it.
        hunks: Those in this document: line from 0, id, state.
        states: Of all hunks of the proposal.
    """

    session: str
    hunks: list[tuple[int, str, str]]
    states: list[str]


async def shown_in(server: SteadyhandServer, snapshot: Snapshot) -> Open | None:
    """The proposal that an open document shows; None where it shows none."""
    session, path, side = _parts(snapshot.uri)
    if side in ("base", "proposed") and server.engine is not None:
        offer = await server.engine.sessions.look(session)
        file = next((file for file in offer.files if file.path == path), None)
        states: list[str] = [shown.hunk.mark for shown in offer.hunks()]
        # A file that goes has one side alone; of all others the proposed one has the hunks.
        there = file is not None and (side == "proposed" or file.proposed is None)
        return Open(session, _in_proposed(file) if file is not None and there else [], states)
    session = session if side == "diff" else _diff_file(server, snapshot.uri)
    if not session or server.engine is None:
        return None
    # The file is written anew after each change, and not every editor reads it again by itself: it
    # says where a hunk is, the session how it stands.
    offer = await server.engine.sessions.look(session)
    marks: dict[str, str] = {shown.hunk.id: shown.hunk.mark for shown in offer.hunks()}
    found = [
        (number, head[1], marks[head[1]])
        for number, line in enumerate(snapshot.text.split("\n"))
        if (head := _HUNK.match(line)) and head[1] in marks
    ]
    return Open(session, found, [state for _, _, state in found])


def _in_proposed(file: FileOffer) -> list[tuple[int, str, str]]:
    """Where each hunk of a file stands in its proposed text."""
    found: list[tuple[int, str, str]] = []
    moved = 0
    last = max(0, len(split_lines(file.proposed or "")) - 1)
    for shown in file.hunks:
        mark = shown.hunk.mark
        if mark == "unavailable":
            continue
        first, end = shown.place
        found.append((min(first + moved, last), shown.hunk.id, mark))
        if mark in ("open", "accepted"):
            moved += len(split_lines(shown.new)) - (end - first)
    return found


def _diff_file(server: SteadyhandServer, uri: str) -> str:
    """The session whose diff a file of the state directory is; empty for every other file."""
    name = to_fs_path(uri) if uri.startswith("file:") and server.engine is not None else None
    if name is None or server.engine is None:
        return ""
    path = Path(name)
    own = path.parent == server.engine.settings.state_path / "diffs"
    found = _DIFF_FILE.fullmatch(path.name) if own else None
    return found[1] if found else ""


def _parts(uri: str) -> tuple[str, str, str]:
    """Session, path and side of a document's URI; three times nothing where it is none of ours.

    Some clients escape the query's `=`.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", "", ""
    if parts.scheme != SCHEME:
        return "", "", ""
    side = parse_qs(unquote(parts.query)).get("side", [""])[0]
    return parts.netloc, unquote(parts.path.removeprefix("/")), side


async def actions(
    server: SteadyhandServer, snapshot: Snapshot, at: lsp.Range
) -> list[lsp.CodeAction] | None:
    """What can be done with the hunk that a cursor stands in, and with all; None elsewhere."""
    shown = await shown_in(server, snapshot)
    if shown is None:
        return None
    above = [entry for entry in shown.hunks if entry[0] <= at.start.line]
    found = of_one(shown.session, *above[-1][1:]) if above else []
    return [
        lsp.CodeAction(title=command.title, kind=lsp.CodeActionKind.QuickFix, command=command)
        for command in (*found, *of_all(shown.session, shown.states))
    ]


def of_one(session: str, hunk: str, state: str) -> list[lsp.Command]:
    """What can be done with one hunk."""
    argument = {"session": session, "hunks": [hunk]}
    words = {"accept": "Accept", "reject": "Reject", "compare": "Compare", "goto": "Go to"}
    if state != "conflict":
        del words["compare"]
    if state not in ("open", "rejected"):
        del words["accept"]
    if state not in ("open", "accepted", "conflict"):
        del words["reject"]
    return [
        lsp.Command(f"{word} {hunk}", f"steadyhand.proposal.{name}", arguments=[argument])
        for name, word in words.items()
    ]


def of_all(session: str, states: Sequence[str]) -> list[lsp.Command]:
    """What can be done with a whole proposal, by the states of its hunks."""
    accepted = states.count("accepted")
    left = accepted + states.count("open")
    if not left:
        return []
    what = f"the {accepted} accepted" if accepted else "all"
    argument = {"session": session}
    return [
        lsp.Command(f"Apply {what}", "steadyhand.apply", arguments=[argument]),
        lsp.Command("Discard", "steadyhand.discard", arguments=[argument]),
    ]
