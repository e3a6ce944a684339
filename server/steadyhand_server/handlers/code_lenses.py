"""Code lenses: what can be done with a hunk, above it, and which definitions others repeat.

A proposal's lenses stand in every document that shows one. Those of definitions are off unless the
client can show the places that one leads to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from steadyhand_agent.errors import SteadyhandError
from steadyhand_server import convert
from steadyhand_server.handlers import previews

if TYPE_CHECKING:
    from steadyhand_agent.index.definitions import Definition
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.documents import Snapshot
    from steadyhand_server.engine import Engine

# The client's own command: `{uri, position, locations}`, to be shown as references are.
PEEK = "steadyhand.peek"
# More copies of one body than these are not looked at while somebody scrolls.
_MOST_TWINS = 20


async def code_lenses(
    server: SteadyhandServer, params: lsp.CodeLensParams
) -> list[lsp.CodeLens] | None:
    """The lenses of a document."""
    snapshot = server.documents.get(params.text_document.uri)
    if snapshot is None or server.engine is None:
        return None
    if snapshot.path is not None:
        return _similar(server, server.engine, snapshot)
    try:
        shown = await previews.shown_in(server, snapshot)
    except SteadyhandError:
        return None  # The session is gone, and its document still open.
    if shown is None:
        return None
    session = shown.session
    # In a text of its own the first lines may be folded away.
    top = shown.hunks[0][0] if shown.hunks and previews.is_text(snapshot.uri) else 0
    found = [(top, command) for command in previews.of_all(session, shown.states)]
    for number, hunk, state in shown.hunks:
        if state != "open" and previews.is_text(snapshot.uri):
            # A proposed text does not say it itself, as the head of a diff does.
            found.append((number, lsp.Command(f"{hunk} {state}", "")))
        found += [(number, command) for command in previews.of_one(session, hunk, state)]
    return [lsp.CodeLens(_line(number), command) for number, command in found]


def _similar(
    server: SteadyhandServer, engine: Engine, snapshot: Snapshot
) -> list[lsp.CodeLens] | None:
    """`2 similar` above each definition that is shown as a duplicate, or that others repeat."""
    if not server.client_can("peek") or not engine.settings.lenses:
        return None
    assert snapshot.path is not None
    server.findings.settle()
    beside: dict[int, list[Definition]] = {}
    for finding in server.findings.findings(snapshot):
        beside.setdefault(finding.definition.start, []).append(finding.canonical)
    view = engine.index.view()
    lenses: list[lsp.CodeLens] = []
    for definition in view.definitions(snapshot.path):
        others = beside.get(definition.start, [])
        others += _repeating(server, engine, definition)
        if others:
            lenses.append(_lens(server, snapshot, definition, others))
    return lenses


def _repeating(server: SteadyhandServer, engine: Engine, kept: Definition) -> list[Definition]:
    """The definitions of other files that a finding would have replaced by this one."""
    if not kept.body:
        return []
    found: list[Definition] = []
    for twin in engine.index.view().with_body(kept.body)[:_MOST_TWINS]:
        if twin.path == kept.path:
            continue
        opened = server.documents.at(twin.path)
        try:
            text = opened.text if opened else engine.workspace.read(twin.path)
        except SteadyhandError:
            continue  # Gone since it was indexed.
        shown = engine.shown(twin.path, text).findings
        if any(_is(f.definition, twin) and _is(f.canonical, kept) for f in shown):
            found.append(twin)
    return found


def _is(one: Definition, other: Definition) -> bool:
    return (one.path, one.start) == (other.path, other.start)


def _lens(
    server: SteadyhandServer, snapshot: Snapshot, at: Definition, others: list[Definition]
) -> lsp.CodeLens:
    where = convert.name_span(snapshot.table, at)
    locations: list[Any] = []
    for other in others:
        line = lsp.Position(other.line - 1, 0)
        location = lsp.Location(server.uri_of(other.path), lsp.Range(line, line))
        locations.append(server.protocol.plain(location))
    argument = {
        "uri": snapshot.uri,
        "position": server.protocol.plain(where.start),
        "locations": locations,
    }
    return lsp.CodeLens(where, lsp.Command(f"{len(others)} similar", PEEK, arguments=[argument]))


def _line(number: int) -> lsp.Range:
    return lsp.Range(lsp.Position(number, 0), lsp.Position(number, 0))
