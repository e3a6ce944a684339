"""What `steadyhand check` found, as plain data, and its short forms: text, JSON, GitHub.

Owns positions as people and tools outside an editor count them: lines and characters from 1. Never
reads a file and never decides what is shown.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
from rich.text import Text

from steadyhand_agent.index.definitions import Definition
from steadyhand_server.documents import LineTable

Level = Literal["warning", "note"]
# More of a definition than this says nothing new to a person who compares two.
_CODE_LINES = 24
# The tiers that compare bodies and not names.
_BODIES = frozenset({"T1", "T2", "T3"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What one tier means, for those who have not read docs/findings.md.

    Attributes:
        name: In the manner of a class name, as SARIF wants it.
        title: A few words.
        text: One or two sentences.
        level: How much it matters.
    """

    name: str
    title: str
    text: str
    level: Level


# The last one is about a comment and not about a pair of definitions.
IGNORE = "ignore"
RULES: dict[str, Rule] = {
    "T0": Rule(
        "DefinedTwice",
        "Defined twice in one scope",
        "The same name is defined twice in one scope of one file; the later definition silently "
        "replaces the earlier.",
        "warning",
    ),
    "T1": Rule(
        "SameBody",
        "The same body",
        "Two definitions have the same body, up to layout, comments and the names of locals.",
        "warning",
    ),
    "T2": Rule(
        "SameBodyOtherLiterals",
        "The same body, other literals",
        "Two definitions have the same body, up to layout, comments, the names of locals and the "
        "values of literals.",
        "warning",
    ),
    "T3": Rule(
        "NearlySameBody",
        "Nearly the same body",
        "Two definitions have the same body but for a few statements.",
        "warning",
    ),
    "T0x": Rule(
        "SameName",
        "The same name in another module",
        "Another module has a definition of the same name and kind at its top.",
        "note",
    ),
    "T4": Rule(
        "SamePurpose",
        "Perhaps the same purpose",
        "By its name, signature and description another definition may already do this.",
        "note",
    ),
    IGNORE: Rule(
        "IgnoredWithoutReason",
        "Ignored without a reason",
        "A comment `steadyhand: ignore[...]` without a reason ignores nothing.",
        "note",
    ),
}


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file; lines and characters count from 1, the end is the one after."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two definitions of a finding.

    Attributes:
        span: Of its name.
        name: Qualified.
        kind: Function, class and so on.
        signature: In one line.
        lines: How many lines it takes.
        code: Its first lines.
    """

    span: Span
    name: str
    kind: str
    signature: str
    lines: int
    code: str


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to be shown.

    Attributes:
        tier: A key of `RULES`.
        message: One sentence.
        span: Where it is shown.
        key: The same from run to run while nothing about it changes.
        score: 1.0 for certain.
        ours: The definition that should go; None for a remark on a comment.
        theirs: The one to use instead.
    """

    tier: str
    message: str
    span: Span
    key: str
    score: float = 1.0
    ours: Side | None = None
    theirs: Side | None = None

    @property
    def place(self) -> str:
        """`path:line`."""
        return f"{self.span.path}:{self.span.line}"

    @property
    def fingerprint(self) -> str:
        """The key in the form of a digest."""
        return hashlib.blake2b(self.key.encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Stats:
    """What was looked at, for `--stats`.

    Attributes:
        files: Files that were indexed.
        definitions: Definitions in them.
        lines: Lines of each file, by path.
        passed_over: Files that were left out, by reason.
        settled: Findings that are not shown, by what settled them.
        outdated: Entries of the baseline that nothing is found for any more.
        seconds: The whole run.
    """

    files: int = 0
    definitions: int = 0
    lines: dict[str, int] = field(default_factory=dict[str, int])
    passed_over: Counter[str] = field(default_factory=Counter[str])
    settled: Counter[str] = field(default_factory=Counter[str])
    outdated: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """The outcome of one check, in the order of paths and lines."""

    rows: list[Row]
    stats: Stats

    @property
    def tiers(self) -> Counter[str]:
        """How many rows there are of each tier."""
        return Counter(row.tier for row in self.rows)

    @property
    def repeated(self) -> int:
        """Lines of the bodies that are there already."""
        return sum(row.ours.lines for row in self.rows if row.ours and row.tier in _BODIES)


def span(table: LineTable, path: str, start: int, end: int) -> Span:
    """The place of a span of bytes."""
    first, before = table.position(start)
    last, up_to = table.position(end)
    return Span(path, first + 1, _length(before) + 1, last + 1, _length(up_to) + 1)


def side(table: LineTable, definition: Definition) -> Side:
    """One definition of a finding, with the place of its name."""
    end = definition.name_start + len(definition.name.encode())
    code = table.data[definition.start : definition.end].decode("utf-8", "replace")
    lines = code.splitlines()
    head = "\n".join(lines[:_CODE_LINES])
    return Side(
        span(table, definition.path, definition.name_start, end),
        definition.qualified,
        definition.kind,
        definition.signature,
        len(lines),
        f"{head}\n…" if len(lines) > _CODE_LINES else head,
    )


def text(row: Row) -> Text:
    """A row as a terminal shows it: `path:line: tier: sentence`."""
    style = "yellow" if RULES[row.tier].level == "warning" else "cyan"
    return Text.assemble(
        f"{_printable(row.place)}: ", (row.tier, style), f": {_printable(row.message)}"
    )


def _printable(value: str) -> str:
    """A file's name may hold what a terminal takes for a command, or a line end."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in value)


def github(report: Report) -> bytes:
    """Workflow commands, which GitHub shows as annotations on a pull request."""
    lines: list[str] = []
    for row in report.rows:
        command = "warning" if RULES[row.tier].level == "warning" else "notice"
        at = row.span
        properties = {
            "file": at.path,
            "line": str(at.line),
            "endLine": str(at.end_line),
            # With columns GitHub wants one line; a name never takes more.
            "col": str(at.column),
            "endColumn": str(at.end_column),
            "title": f"Steadyhand {row.tier}: {RULES[row.tier].title}",
        }
        given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        lines.append(f"::{command} {given}::{_data(row.message)}\n")
    return "".join(lines).encode("utf-8", "replace")


def as_json(report: Report) -> bytes:
    """Everything, for programs; docs/check.md names the fields."""
    stats = report.stats
    content = {
        "version": 1,
        "findings": [_row(row) for row in report.rows],
        "stats": {
            "files": stats.files,
            "definitions": stats.definitions,
            "lines": sum(stats.lines.values()),
            "repeated_lines": report.repeated,
            "tiers": dict(report.tiers),
            "passed_over": dict(stats.passed_over),
            "settled": dict(stats.settled),
            "outdated": stats.outdated,
        },
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _row(row: Row) -> dict[str, Any]:
    known: dict[str, Any] = {
        "tier": row.tier,
        "message": row.message,
        "score": row.score,
        "fingerprint": row.fingerprint,
        **_place(row.span),
    }
    for name, one in (("definition", row.ours), ("canonical", row.theirs)):
        if one is not None:
            known[name] = {
                "name": one.name,
                "kind": one.kind,
                "signature": one.signature,
                "lines": one.lines,
                **_place(one.span),
            }
    return known


def _place(at: Span) -> dict[str, Any]:
    return {
        "path": at.path,
        "line": at.line,
        "column": at.column,
        "end_line": at.end_line,
        "end_column": at.end_column,
    }


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def _length(data: bytes) -> int:
    return len(data.decode("utf-8", "replace"))
