"""Proposals as documents that an editor can open: both texts of each file, and the whole diff.

Owns the `steadyhand-proposal` scheme, and what can be done in a diff that is open: one lens and one
action a hunk, so that an editor without a plugin of ours takes a proposal hunk by hunk. Texts are
made when they are asked for and never written to the person's files.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.guard.visible import visible
from steadyhand_server.handlers.quick_fixes import REQUEST_FAILED
from steadyhand_server.protocol import DocumentParams

if TYPE_CHECKING:
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.documents import Snapshot

log = logging.getLogger(__name__)

SCHEME = "steadyhand-proposal"
_SIDES = ("base", "proposed", "diff")
_DIFF_FILE = re.compile(r"([0-9a-f]{8})\.diff")
_HUNK = re.compile(r"@@ -\d+,\d+ \+\d+,\d+ @@ (h\d+) (\w+)")
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


def session_of(server: SteadyhandServer, uri: str) -> str | None:
    """The session whose diff a document is; None for every other document."""
    if uri.startswith(f"{SCHEME}://"):
        session, _, side = _parts(uri)
        return session if side == "diff" else None
    name = to_fs_path(uri) if uri.startswith("file:") and server.engine is not None else None
    if name is None or server.engine is None:
        return None
    path = Path(name)
    own = path.parent == server.engine.settings.state_path / "diffs"
    found = _DIFF_FILE.fullmatch(path.name) if own else None
    return found[1] if found else None


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


def _hunks_in(snapshot: Snapshot) -> Iterator[tuple[int, str, str]]:
    """The hunks of an open diff: line from 0, id, state."""
    for number, line in enumerate(snapshot.text.split("\n")):
        if found := _HUNK.match(line):
            yield number, found[1], found[2]


def code_lenses(server: SteadyhandServer, params: lsp.CodeLensParams) -> list[lsp.CodeLens] | None:
    """Accept, reject and go to, above each hunk of an open diff; what to do with all, on top."""
    session = session_of(server, params.text_document.uri)
    snapshot = server.documents.get(params.text_document.uri)
    if session is None or snapshot is None:
        return None
    listed = list(_hunks_in(snapshot))
    found = [(0, command) for command in _of_all(session, listed)]
    found += [
        (number, command)
        for number, hunk, state in listed
        for command in _of_one(session, hunk, state)
    ]
    return [lsp.CodeLens(_line(number), command) for number, command in found]


def actions(snapshot: Snapshot, session: str, at: lsp.Range) -> list[lsp.CodeAction]:
    """The same for the hunk that a cursor stands in."""
    listed = list(_hunks_in(snapshot))
    above = [entry for entry in listed if entry[0] <= at.start.line]
    found = _of_one(session, *above[-1][1:]) if above else []
    return [
        lsp.CodeAction(title=command.title, kind=lsp.CodeActionKind.QuickFix, command=command)
        for command in (*found, *_of_all(session, listed))
    ]


def _of_one(session: str, hunk: str, state: str) -> list[lsp.Command]:
    argument = {"session": session, "hunks": [hunk]}
    words = {"accept": "Accept", "reject": "Reject", "goto": "Go to"}
    if state == "accepted":
        del words["accept"]
    if state == "rejected":
        del words["reject"]
    return [
        lsp.Command(f"{word} {hunk}", f"steadyhand.proposal.{name}", arguments=[argument])
        for name, word in words.items()
    ]


def _of_all(session: str, listed: list[tuple[int, str, str]]) -> list[lsp.Command]:
    states = [state for _, _, state in listed]
    accepted, left = states.count("accepted"), len(states) - states.count("rejected")
    if not left:
        return []
    what = f"the {accepted} accepted" if accepted else "all"
    argument = {"session": session}
    return [
        lsp.Command(f"Apply {what}", "steadyhand.apply", arguments=[argument]),
        lsp.Command("Discard", "steadyhand.discard", arguments=[argument]),
    ]


def _line(number: int) -> lsp.Range:
    return lsp.Range(lsp.Position(number, 0), lsp.Position(number, 0))
