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
    from steadyhand_server.engine import Engine

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
        self._opened: dict[str, str] = {}
        # Whether each document is one that the index would read from disk: what git ignores, and
        # what others wrote, is no measure for the person's own code. Asking git takes a moment.
        self._ours: dict[str, bool] = {}
        self._judging: set[str] = set()
        # What was last published, by URI: nothing is sent twice for one version.
        self._published: dict[str, tuple[int, list[lsp.Diagnostic]]] = {}

    def opened(self, uri: str, text: str) -> None:
        """A document was opened."""
        self._opened[uri] = text
        engine, snapshot = self._server.engine, self._server.documents.get(uri)
        if engine is not None and snapshot is not None and snapshot.path is not None:
            self._judged(engine, uri, snapshot.path)
        self.changed(uri)

    def changed(self, uri: str) -> None:
        """A document has a new text."""
        self._dirty.add(uri)
        self._schedule(restart=True)

    def closed(self, uri: str) -> None:
        """A document was closed: its findings go."""
        self._dirty.discard(uri)
        for known in (self._known, self._opened, self._ours):
            known.pop(uri, None)
        if self._published.pop(uri, None):
            self._server.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri=uri, diagnostics=[])
            )
        self.schedule_all()

    def schedule_all(self) -> None:
        """Something else changed; every open document is looked at again."""
        self._schedule(restart=False)

    def judge_again(self) -> None:
        """What is ignored may have changed."""
        self._ours.clear()
        self._dirty |= {snapshot.uri for snapshot in self._server.documents.all()}
        self.schedule_all()

    def settle(self) -> None:
        """Brings everything up to date now, for a request that needs it."""
        if self._timer is not None:
            self._timer.cancel()
        elif not self._dirty:
            # Nothing is pending. A client that pulls would else be asked to pull by its own pull.
            return
        self._publish(asked=True)

    def findings(self, snapshot: Snapshot) -> list[Finding]:
        """The findings of one open document as of now, those that are settled left out."""
        shown = self._shown(snapshot)
        return shown.findings if shown is not None else []

    def _shown(self, snapshot: Snapshot) -> Shown | None:
        engine = self._server.engine
        if engine is None or snapshot.path is None or not engine.settings.findings:
            return None
        from steadyhand_agent.index.worker import no_source

        # A file that is not open comes from the index, and so it is one of ours.
        if not self._ours.get(snapshot.uri, True) or no_source(snapshot.text):
            return None
        return engine.shown(snapshot.path, snapshot.text, self._known.get(snapshot.uri))

    def _schedule(self, *, restart: bool) -> None:
        if self._timer is not None:
            if not restart:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(DEBOUNCE_SECONDS, self._publish)

    def _publish(self, *, asked: bool = False) -> None:
        self._timer = None
        engine = self._server.engine
        if engine is None:
            return
        waiting = {uri for uri in self._dirty if not self._taken_in(engine, uri, asked)}
        settled, self._dirty = self._dirty - waiting, waiting
        if self.pulled:
            # A client that pulls what is not known yet would else be asked by its own pull.
            if settled or not waiting:
                self._ask_to_pull()
            return
        # A change here may make or mend a finding in any other open document.
        known = [s for s in self._server.documents.all() if s.uri not in waiting]
        changed = [self._publish_one(snapshot) for snapshot in known]
        if any(changed) and engine.settings.lenses:
            self._server.refresh_lenses()

    def _taken_in(self, engine: Engine, uri: str, asked: bool) -> bool:
        """Brings one document into the index; False where nobody knows yet if it is ours."""
        from steadyhand_agent.index.store import indexed
        from steadyhand_agent.index.worker import no_source

        snapshot = self._server.documents.get(uri)
        if snapshot is None or snapshot.path is None:
            return True
        ours = self._judged(engine, uri, snapshot.path)
        if ours is None:
            if asked:
                # Who asks now, such as the guard, wants what is typed; most of it is one's own.
                engine.index.put_buffer(snapshot.path, snapshot.text)
            return False
        if not ours or no_source(snapshot.text):
            engine.index.drop_buffer(snapshot.path)
            return True
        engine.index.put_buffer(snapshot.path, snapshot.text)
        if uri not in self._known:
            entry = indexed(snapshot.path, self._opened.pop(uri, snapshot.text))
            self._known[uri] = frozenset((d.qualified, d.body) for d in entry.definitions)
        if engine.applied_to(snapshot.path):
            # The person may have taken a hunk back, or changed it.
            self._server.spawn(engine.sessions.noticed(snapshot.path), "hunks")
        return True

    def _judged(self, engine: Engine, uri: str, path: str) -> bool | None:
        from steadyhand_agent.index.walk import named_as_source

        if uri not in self._ours:
            _, inside = engine.workspace.split(path)
            if engine.index.base.has(path):
                self._ours[uri] = True
            elif not named_as_source(inside):
                self._ours[uri] = False
            elif uri not in self._judging:
                self._judging.add(uri)
                self._server.spawn(self._judge(engine, uri, path), "judge")
        return self._ours.get(uri)

    async def _judge(self, engine: Engine, uri: str, path: str) -> None:
        from steadyhand_agent.index.walk import indexable

        try:
            ours = await asyncio.to_thread(indexable, engine.workspace, path)
        finally:
            self._judging.discard(uri)
        if self._server.documents.get(uri) is not None:
            self._ours[uri] = ours
            self._dirty.add(uri)
            self._schedule(restart=False)

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
