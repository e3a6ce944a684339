"""What a client asks of the whole workspace: symbols, and diagnostics where it pulls them.

Both are off unless the client's `initializationOptions` ask for them: a person's language server
has symbols of its own, and a client that pulled would show what is published a second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from steadyhand_agent.errors import SteadyhandError
from steadyhand_server import convert
from steadyhand_server.documents import Snapshot

if TYPE_CHECKING:
    from steadyhand_agent.index.definitions import Definition
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.engine import Engine

# More is not looked at in a list that is typed into.
_MOST_SYMBOLS = 100
_KINDS = {
    "function": lsp.SymbolKind.Function,
    "method": lsp.SymbolKind.Method,
    "class": lsp.SymbolKind.Class,
    "type": lsp.SymbolKind.Interface,
    "constant": lsp.SymbolKind.Constant,
}


def workspace_symbols(
    server: SteadyhandServer, params: lsp.WorkspaceSymbolParams
) -> list[lsp.WorkspaceSymbol]:
    """Definitions whose name resembles what is typed, the likest first."""
    return [_symbol(server, definition) for definition in definitions_like(server, params.query)]


def definitions_like(server: SteadyhandServer, query: str) -> list[Definition]:
    """Definitions whose name resembles a query in whatever case, the likest first."""
    from rapidfuzz import fuzz, process

    typed = query.strip()
    if server.engine is None or not typed:
        return []
    view = server.engine.index.view()
    close: list[tuple[str, float, int]] = process.extract(
        typed,
        sorted(view.names()),
        scorer=fuzz.WRatio,
        processor=str.lower,
        limit=_MOST_SYMBOLS,
        score_cutoff=70,
    )

    def likeness(hit: tuple[str, float, int]) -> tuple[bool, float, bool]:
        name, score, _ = hit
        # A shorter name scores above the one that is being typed; of names that differ in case
        # alone the one as it was typed comes first.
        return not name.lower().startswith(typed.lower()), -score, name != typed

    close.sort(key=likeness)
    found = (d for name, _, _ in close for d in view.named(name) if not d.local)
    return list(islice(found, _MOST_SYMBOLS))


def _symbol(server: SteadyhandServer, definition: Definition) -> lsp.WorkspaceSymbol:
    at = lsp.Position(definition.line - 1, 0)
    return lsp.WorkspaceSymbol(
        name=definition.name,
        kind=_KINDS[definition.kind],
        container_name=definition.qualified.rpartition(".")[0] or definition.path,
        location=lsp.Location(server.uri_of(definition.path), lsp.Range(at, at)),
    )


async def document_diagnostics(
    server: SteadyhandServer, params: lsp.DocumentDiagnosticParams
) -> lsp.RelatedFullDocumentDiagnosticReport:
    """The findings of one file as of now, open or on the disk."""
    snapshot = server.documents.get(params.text_document.uri)
    server.findings.settle()
    path, engine = server.path_of(params.text_document.uri), server.engine
    if snapshot is None and path and engine and engine.index.base.has(path):
        snapshot = await _on_disk(server, engine, path)
    items = server.findings.diagnostics(snapshot) if snapshot is not None else []
    return lsp.RelatedFullDocumentDiagnosticReport(items=items)


async def workspace_diagnostics(
    server: SteadyhandServer, params: lsp.WorkspaceDiagnosticParams
) -> lsp.WorkspaceDiagnosticReport:
    """The findings of every file, open or not; other requests are answered meanwhile."""
    reports = [
        lsp.WorkspaceFullDocumentDiagnosticReport(
            uri=snapshot.uri,
            version=snapshot.version if server.documents.at(snapshot.path or "") else None,
            items=server.findings.diagnostics(snapshot),
        )
        async for snapshot in every_text(server)
    ]
    return lsp.WorkspaceDiagnosticReport(list(reports))


async def every_text(server: SteadyhandServer) -> AsyncIterator[Snapshot]:
    """Each file that is indexed, as it is open or as it is on the disk."""
    engine = server.engine
    if engine is None:
        return
    await engine.keeper.ready.wait()
    for path in engine.index.view().paths():
        snapshot = server.documents.at(path)
        if snapshot is None:
            snapshot = await _on_disk(server, engine, path)
        if snapshot is not None:
            yield snapshot


async def _on_disk(server: SteadyhandServer, engine: Engine, path: str) -> Snapshot | None:
    """A file that is not open; None where it is gone since it was indexed."""
    try:
        text = await asyncio.to_thread(engine.workspace.read, path)
    except SteadyhandError:
        return None
    return Snapshot(server.uri_of(path), path, 0, text, server.documents.table(text))


def register(server: SteadyhandServer, options: Any, bound: Any) -> None:
    """Takes on what the client's options ask for, before the capabilities are announced.

    Args:
        server: The server.
        options: The client's `initializationOptions`.
        bound: Gives a handler its server.
    """
    if not isinstance(options, dict):
        return
    if options.get("workspaceSymbols") is True:
        server.feature(lsp.WORKSPACE_SYMBOL)(bound(server, workspace_symbols))
    if options.get("diagnostics") == "pull":
        server.findings.pulled = True
        asked = lsp.DiagnosticOptions(
            identifier=convert.SOURCE, inter_file_dependencies=True, workspace_diagnostics=True
        )
        server.feature(lsp.TEXT_DOCUMENT_DIAGNOSTIC, asked)(bound(server, document_diagnostics))
        server.feature(lsp.WORKSPACE_DIAGNOSTIC)(bound(server, workspace_diagnostics))
