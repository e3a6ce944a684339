"""Findings as diagnostics: published with the version they were made from.

Owns when they are made: shortly after the last change, so that fast typing parses a text once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from steadyhand_server import convert
from steadyhand_server.documents import LineTable, Snapshot

if TYPE_CHECKING:
    from steadyhand_agent.index.definitions import Finding
    from steadyhand_agent.index.suppress import Shown
    from steadyhand_server.app import SteadyhandServer

# Long enough to swallow a burst of keys, too short to be felt.
DEBOUNCE_SECONDS = 0.05


class Publisher:
    """Keeps the index's buffers and the published findings in step with the open documents."""

    def __init__(self, server: SteadyhandServer) -> None:
        self._server = server
        # True where the client asks for findings itself; they are not published then.
        self.pulled = False
        self._dirty: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        # What stood in each document when it was opened: the rest is being written just now.
        self._known: dict[str, frozenset[tuple[str, str]]] = {}
        # What was last published, by URI: nothing is sent twice for one version.
        self._published: dict[str, tuple[int, list[lsp.Diagnostic]]] = {}

    def changed(self, uri: str) -> None:
        """A document was opened or has a new text."""
        self._dirty.add(uri)
        self._schedule(restart=True)

    def closed(self, uri: str) -> None:
        """A document was closed: its findings go."""
        self._dirty.discard(uri)
        self._known.pop(uri, None)
        if self._published.pop(uri, None):
            self._server.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri=uri, diagnostics=[])
            )
        self.schedule_all()

    def schedule_all(self) -> None:
        """Something else changed; every open document is looked at again."""
        self._schedule(restart=False)

    def settle(self) -> None:
        """Brings everything up to date now, for a request that needs it."""
        if self._timer is not None:
            self._timer.cancel()
        elif not self._dirty:
            # Nothing is pending. A client that pulls would else be asked to pull by its own pull.
            return
        self._publish()

    def findings(self, snapshot: Snapshot) -> list[Finding]:
        """The findings of one open document as of now, those that are settled left out."""
        shown = self._shown(snapshot)
        return shown.findings if shown is not None else []

    def _shown(self, snapshot: Snapshot) -> Shown | None:
        engine = self._server.engine
        if engine is None or snapshot.path is None or not engine.settings.findings:
            return None
        return engine.shown(snapshot.path, snapshot.text, self._known.get(snapshot.uri))

    def _schedule(self, *, restart: bool) -> None:
        if self._timer is not None:
            if not restart:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(DEBOUNCE_SECONDS, self._publish)

    def _publish(self) -> None:
        self._timer = None
        engine = self._server.engine
        if engine is None:
            return
        for uri in self._dirty:
            snapshot = self._server.documents.get(uri)
            if snapshot is not None and snapshot.path is not None:
                entry = engine.index.put_buffer(snapshot.path, snapshot.text)
                if uri not in self._known:
                    self._known[uri] = frozenset((d.qualified, d.body) for d in entry.definitions)
                if engine.applied_to(snapshot.path):
                    # The person may have taken a hunk back, or changed it.
                    self._server.spawn(engine.sessions.noticed(snapshot.path), "hunks")
        self._dirty.clear()
        if self.pulled:
            self._ask_to_pull()
            return
        # A change here may make or mend a finding in any other open document.
        changed = [self._publish_one(snapshot) for snapshot in self._server.documents.all()]
        if any(changed) and engine.settings.lenses:
            self._server.refresh_lenses()

    def _ask_to_pull(self) -> None:
        workspace = self._server.client_capabilities.workspace
        capability = workspace.diagnostics if workspace else None
        if capability is not None and capability.refresh_support:
            self._server.workspace_diagnostic_refresh(None)

    def diagnostics(self, snapshot: Snapshot) -> list[lsp.Diagnostic]:
        """What there is to show in one text, open or not."""
        found = self._shown(snapshot)
        shown = [
            convert.diagnostic(finding, snapshot.table, *self._canonical(finding))
            for finding in (found.findings if found is not None else ())
        ]
        shown += [
            convert.remark(remark, snapshot.table)
            for remark in (found.remarks if found is not None else ())
        ]
        return shown

    def _publish_one(self, snapshot: Snapshot) -> bool:
        """Sends what there is to show, and says whether that is something new."""
        shown = self.diagnostics(snapshot)
        now = (snapshot.version, shown)
        if self._published.get(snapshot.uri) == now:
            return False
        self._published[snapshot.uri] = now
        self._server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(
                uri=snapshot.uri, version=snapshot.version, diagnostics=shown
            )
        )
        return True

    def _canonical(self, finding: Finding) -> tuple[str, LineTable | None]:
        """Where the other definition is, and its line table if it is open."""
        path = finding.canonical.path
        opened = self._server.documents.at(path)
        if opened is not None:
            return opened.uri, opened.table
        return self._server.uri_of(path), None
