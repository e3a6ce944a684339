"""One look through a repository: which findings are told, and of which of their two sides.

Owns what a revision, a baseline and the paths that a person names leave of the findings. What is a
finding, and what is settled, is decided by the engine.
"""

from __future__ import annotations

from dataclasses import replace

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.definitions import Definition, Finding
from steadyhand_agent.index.meant import falls_back
from steadyhand_agent.index.suppress import Remark, Suppression
from steadyhand_server import report
from steadyhand_server.changed import changed_since
from steadyhand_server.documents import LineTable
from steadyhand_server.engine import Engine


class Look:
    """One look through a repository.

    Args:
        engine: With its index filled.
        only: The paths whose findings are wanted; none for all.
        base: Only what is new or changed against this git revision; empty for all.
        baseline: What a baseline settles is left out.
        old: All tiers are looked for in what was there before, too. With a revision nothing is
            apart for having stood so, since what is new is found out last.
    """

    def __init__(
        self,
        engine: Engine,
        only: tuple[str, ...],
        base: str,
        *,
        baseline: bool,
        old: bool = False,
    ) -> None:
        self._engine = engine
        self._only = only
        self._base = base
        self._baseline = baseline
        self._old = old
        self._view = engine.index.view()
        self._stats = report.Stats(
            files=engine.index.files,
            definitions=engine.index.definitions,
            passed_over=engine.keeper.passed_over,
        )
        self._findings: list[Finding] = []
        self._remarks: list[Remark] = []
        self._tables: dict[str, LineTable] = {}

    def paths(self) -> list[str]:
        """The files to look at."""
        paths = self._view.paths()
        for path in paths:
            self._stats.lines[path] = self._view.lines(path)
        # What is new may be the better of two, so that the finding stands on the older one.
        if self._base or self._baseline:
            return paths
        return [path for path in paths if self._wanted(path)]

    def at(self, path: str) -> None:
        """Looks at one file."""
        try:
            text = self._engine.workspace.read(path)
        except SteadyhandError:
            return  # Gone since it was indexed.
        shown = self._engine.shown(path, text, old=self._old, as_new=bool(self._base))
        self._stats.settled += shown.settled
        self._findings += [f for f in shown.findings if f not in shown.newer]
        for finding in shown.newer:
            turned = newer_goes(finding)
            if turned is not finding:
                self._turned(turned)
            elif finding in shown.findings:
                self._findings.append(finding)
        self._remarks += shown.remarks

    def report(self) -> report.Report:
        """What is shown of all that was found."""
        if self._base:
            self._changed()
        # Several old ones may have been told of one new definition.
        findings = {
            (f.tier, f.definition.path, f.definition.start): f
            for f in reversed(self._findings)
            if self._wanted(f.definition.path)
        }
        rows = [row for finding in findings.values() if (row := self._row(finding))]
        remarks = [remark for remark in self._remarks if self._wanted(remark.path)]
        rows += [row for remark in remarks if (row := self._remark(remark))]
        rows.sort(key=lambda row: (row.span.path, row.span.line, row.span.column))
        return report.Report(rows, self._stats)

    def _wanted(self, path: str) -> bool:
        only = self._only
        return not only or any(path == one or path.startswith(f"{one}/") for one in only)

    def _changed(self) -> None:
        """Keeps what concerns a definition that is new or changed, told of that one."""
        found, self._findings = self._findings, []
        sides = {d.path for f in found for d in (f.definition, f.canonical)}
        paths = sides | {remark.path for remark in self._remarks}
        new = changed_since(self._engine.workspace, self._base, paths)
        for finding in found:
            ours, theirs = finding.definition, finding.canonical
            if ours.start in new.get(ours.path, ()):
                self._findings.append(finding)
            elif theirs.start in new.get(theirs.path, ()):
                self._turned(newer_goes(finding))
        self._remarks = [remark for remark in self._remarks if remark.path in new]

    def _turned(self, finding: Finding) -> None:
        """Takes a finding told of its other side now, unless something speaks against it."""
        table = self._table(finding.definition.path)
        if table is not None and falls_back(self._view, finding.definition, table.data):
            return
        if table is not None and Suppression.has_reason(finding.definition, table.data):
            self._stats.settled["comment"] += 1
        else:
            self._findings.append(finding)

    def _row(self, finding: Finding) -> report.Row | None:
        ours, theirs = self._table(finding.definition.path), self._table(finding.canonical.path)
        if ours is None or theirs is None:
            return None
        side = report.side(ours, finding.definition)
        return report.Row(
            finding.tier,
            finding.reason,
            side.span,
            self._engine.key(finding, ours.data),
            finding.score,
            side,
            report.side(theirs, finding.canonical),
        )

    def _remark(self, remark: Remark) -> report.Row | None:
        table = self._table(remark.path)
        if table is None:
            return None
        at = report.span(table, remark.path, remark.start, remark.end)
        line = table.data[remark.start : remark.end].decode("utf-8", "replace")
        return report.Row(report.IGNORE, remark.message, at, f"{remark.path} {line}")

    def _table(self, path: str) -> LineTable | None:
        if path not in self._tables:
            try:
                self._tables[path] = LineTable(self._engine.workspace.read(path))
            except SteadyhandError:
                return None
        return self._tables[path]


def newer_goes(finding: Finding) -> Finding:
    """A finding whose canonical side is new, told of that side where nothing else speaks for it.

    The older of two equals stays, and a person who changes a file is told of what they changed.
    """
    old, new = finding.definition, finding.canonical

    def standing(definition: Definition) -> tuple[bool, bool, bool, str]:
        return definition.test, definition.private, definition.module_level, definition.kind

    if finding.tier == "T0" or standing(old) != standing(new):
        return finding
    reason = (
        f"`{new.qualified}` is new here; {old.path} already has a {old.kind} of that name "
        f"({old.place})."
        if finding.tier == "T0x"
        else f"`{new.qualified}` is new or changed, and `{old.qualified}` in {old.place} does the "
        "same."
    )
    return replace(finding, definition=new, canonical=old, reason=reason)
