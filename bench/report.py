"""bench/RESULTS.md: one part a section, each replaced by itself.

Owns the file's layout. A section that did not run keeps what it said last, with the day and the
load it was measured under, so that one section can be repeated without the rest.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import measure

RESULTS = Path(__file__).parent / "RESULTS.md"
_SECTION = re.compile(r"<!-- section (\w+) -->\n(.*?)\n<!-- end \1 -->", re.DOTALL)
_INTRODUCTION = """# Results

Written by `make bench`, section by section (`make bench ARGS="peers matcher"` repeats two of them).
Compare within a table; do not quote across machines. *Load* is how many processes wanted a core in
the minute before the section began and before it ended. Where that is more than the machine has
cores, wall times are too long and only CPU times compare.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a Markdown table and an empty line."""
    lines = [_row(head), _row(["---"] * len(head))]
    return [*lines, *(_row(row) for row in rows), ""]


def write(name: str, lines: Sequence[str], order: Sequence[str], load: float) -> None:
    """Replaces one section.

    Args:
        name: The section.
        lines: Its Markdown: a heading, an empty line, the rest.
        order: All sections, in the order in which they stand.
        load: The load average when its measuring began.
    """
    known = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    parts = {match[1]: match[2] for match in _SECTION.finditer(known)}
    heading, *rest = lines
    stamp = f"*{time.strftime('%Y-%m-%d')}; {measure.machine()}; load {load:.1f} before, {measure.load():.1f} after.*"
    parts[name] = "\n".join([heading, "", stamp, *rest]).strip()
    body = "\n\n".join(
        f"<!-- section {key} -->\n{parts[key]}\n<!-- end {key} -->" for key in order if key in parts
    )
    RESULTS.write_text(f"{_INTRODUCTION}\n{body}\n", "utf-8")


def mib(size: float) -> str:
    """Bytes as a person reads them."""
    return f"{size / 2**20:,.0f} MiB"


def ms(seconds: float) -> str:
    """Seconds as milliseconds, with the digits that matter."""
    value = seconds * 1000
    if value != value:
        return "–"
    digits = 0 if value >= 20 else 1 if value >= 1 else 3
    return f"{value:,.{digits}f} ms"


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
