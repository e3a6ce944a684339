"""Between LSP's types and ours. What a position counts lives here and nowhere else.

Offsets on our side are bytes of UTF-8; positions on LSP's side are a line and, as was agreed with
the client, UTF-16 code units, bytes, or code points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from steadyhand_server.documents import Encoding, LineTable
from steadyhand_server.pages import findings_file

if TYPE_CHECKING:
    from steadyhand_agent.index.definitions import Definition, Finding
    from steadyhand_agent.index.suppress import Remark

SOURCE = "steadyhand"

# How much of a position a character takes, by it and its size in bytes.
_WIDTHS: dict[Encoding, Callable[[str, int], int]] = {
    "utf-8": lambda _, size: size,
    "utf-16": lambda char, _: 2 if ord(char) > 0xFFFF else 1,
    "utf-32": lambda _char, _size: 1,
}
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
    return lsp.Position(line, _units(before, table.encoding))


def offset(table: LineTable, at: lsp.Position) -> int:
    """The byte offset of an LSP position; one past a line's end is that line's end."""
    start, line = table.line(at.line)
    units = at.character
    length = 0
    for char in line.decode("utf-8", "surrogatepass"):
        size = len(char.encode("utf-8", "surrogatepass"))
        width = _WIDTHS[table.encoding](char, size)
        if units < width:
            break
        units -= width
        length += size
    return start + length


def span(table: LineTable, start: int, end: int) -> lsp.Range:
    """The LSP range of a span of bytes."""
    return lsp.Range(position(table, start), position(table, end))


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


def _units(data: bytes, encoding: Encoding) -> int:
    if encoding == "utf-8":
        return len(data)
    text = data.decode("utf-8", "surrogatepass")
    if encoding == "utf-32":
        return len(text)
    return len(text) + sum(ord(char) > 0xFFFF for char in text)
