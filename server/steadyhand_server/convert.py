"""Between LSP's types and ours. UTF-16 lives here and nowhere else.

Offsets on our side are bytes of UTF-8; positions on LSP's side are a line and UTF-16 code units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from steadyhand_server.documents import LineTable
from steadyhand_server.pages import findings_file

if TYPE_CHECKING:
    from steadyhand_agent.index.definitions import Definition, Finding
    from steadyhand_agent.index.suppress import Remark

SOURCE = "steadyhand"

_SEVERITY = {
    "T0": lsp.DiagnosticSeverity.Warning,
    "T1": lsp.DiagnosticSeverity.Information,
    "T2": lsp.DiagnosticSeverity.Information,
    "T3": lsp.DiagnosticSeverity.Hint,
    "T0x": lsp.DiagnosticSeverity.Hint,
    "T4": lsp.DiagnosticSeverity.Hint,
}
# A shared body of this size is worth a warning and not only a remark (FACTS: 40 tokens).
_WARN_TOKENS = 40


def position(table: LineTable, offset: int) -> lsp.Position:
    """The LSP position of a byte offset; an offset past the end is the end."""
    line, before = table.position(offset)
    return lsp.Position(line, _units(before))


def offset(table: LineTable, at: lsp.Position) -> int:
    """The byte offset of an LSP position; one past a line's end is that line's end."""
    start, line = table.line(at.line)
    units = at.character
    length = 0
    for char in line.decode("utf-8", "surrogatepass"):
        width = 2 if ord(char) > 0xFFFF else 1
        if units < width:
            break
        units -= width
        length += len(char.encode("utf-8", "surrogatepass"))
    return start + length


def span(table: LineTable, start: int, end: int) -> lsp.Range:
    """The LSP range of a span of bytes."""
    return lsp.Range(position(table, start), position(table, end))


def whole(table: LineTable) -> lsp.Range:
    """The range of a whole text."""
    return span(table, 0, len(table.data))


def name_span(table: LineTable, definition: Definition) -> lsp.Range:
    """The range of a definition's name."""
    start = definition.name_start
    return span(table, start, start + len(definition.name.encode()))


def diagnostic(
    finding: Finding, table: LineTable, canonical_uri: str, canonical: LineTable | None
) -> lsp.Diagnostic:
    """A finding as the editor shows it, with the other definition as related location."""
    severity = _SEVERITY[finding.tier]
    if finding.tier == "T1" and finding.definition.tokens >= _WARN_TOKENS:
        severity = lsp.DiagnosticSeverity.Warning
    place = (
        name_span(canonical, finding.canonical)
        if canonical is not None
        else lsp.Range(
            lsp.Position(finding.canonical.line - 1, 0), lsp.Position(finding.canonical.line - 1, 0)
        )
    )
    related = lsp.DiagnosticRelatedInformation(
        lsp.Location(canonical_uri, place), finding.canonical.signature
    )
    return lsp.Diagnostic(
        range=name_span(table, finding.definition),
        message=finding.reason,
        severity=severity,
        code=finding.tier,
        code_description=lsp.CodeDescription(findings_file(finding.tier)),
        source=SOURCE,
        related_information=[related],
        data={
            "tier": finding.tier,
            "definition": finding.definition.qualified,
            "start": finding.definition.start,
            "canonical": finding.canonical.qualified,
            "canonical_path": finding.canonical.path,
        },
    )


def remark(remark: Remark, table: LineTable) -> lsp.Diagnostic:
    """A comment that was meant to settle a finding and does not."""
    return lsp.Diagnostic(
        range=span(table, remark.start, remark.end),
        message=remark.message,
        severity=lsp.DiagnosticSeverity.Information,
        code="ignore",
        code_description=lsp.CodeDescription(findings_file("ignore")),
        source=SOURCE,
    )


def _units(data: bytes) -> int:
    text = data.decode("utf-8", "surrogatepass")
    return len(text) + sum(ord(char) > 0xFFFF for char in text)
