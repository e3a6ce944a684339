"""Three-way merge of hunks: what stands at a place now decides whether a hunk can be written there.

Owns the matching of lines and the merge. Pure: texts in, texts out. What the person has typed is
never dropped or changed: a hunk whose lines they changed too is a conflict, and stays out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from merge3 import Merge3
from patiencediff import PatienceSequenceMatcher  # pyright: ignore[reportUnknownVariableType]

from steadyhand_agent.proposals.changes import split_lines

Block = tuple[int, int, int]
# Between two lines that occur once, so many pairs of lines are compared one by one.
_MOST_PAIRS = 40_000


@dataclass(frozen=True, slots=True)
class Change:
    """Lines of a base, counted from 0, and what they are to become.

    Attributes:
        id: The hunk's.
        first: The first line that goes.
        end: One past the last one; `first` where something is only put in.
        lines: What comes in their place, each with its line end.
    """

    id: str
    first: int
    end: int
    lines: tuple[str, ...]


@dataclass(slots=True)
class Carried:
    """What became of some changes on another text than the one they were made for.

    Attributes:
        text: That text with those that fit.
        done: Those that were put in.
        there: Those that it held already.
        conflicts: Those whose lines are others there.
        places: By id, the lines of that text they replace, first and one past the last; of a
            conflict, what stands in their place.
    """

    text: str
    done: list[str] = field(default_factory=list[str])
    there: list[str] = field(default_factory=list[str])
    conflicts: list[str] = field(default_factory=list[str])
    places: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


def matching(old: Sequence[str], new: Sequence[str]) -> list[Block]:
    """Runs of lines that both texts have: where in the one, where in the other, how many.

    Lines that occur once in both are matched first (Cohen's patience diff), which is linear in
    practice and keeps functions together; what lies between them is compared line by line where
    that is little.
    """
    found: list[Block] = []
    at, at_new = 0, 0
    anchors: Sequence[Block] = PatienceSequenceMatcher(None, old, new).get_matching_blocks()
    for start, start_new, size in anchors:
        gap, gap_new = start - at, start_new - at_new
        if gap and gap_new and gap * gap_new <= _MOST_PAIRS:
            inner = difflib.SequenceMatcher(
                None, old[at:start], new[at_new:start_new], autojunk=False
            )
            found += [(at + i, at_new + j, n) for i, j, n in inner.get_matching_blocks() if n]
        if size:
            found.append((start, start_new, size))
        at, at_new = start + size, start_new + size
    return [*found, (len(old), len(new), 0)]


def changed_runs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int, int]]:
    """The runs of lines that differ: first and end in the one, first and end in the other."""
    runs: list[tuple[int, int, int, int]] = []
    at, at_new = 0, 0
    for start, start_new, size in matching(old, new):
        if start > at or start_new > at_new:
            runs.append((at, start, at_new, start_new))
        at, at_new = start + size, start_new + size
    return runs


def composed(base: Sequence[str], changes: Iterable[Change]) -> list[str]:
    """The lines of a base with changes made, which must not overlap."""
    out: list[str] = []
    at = 0
    for change in sorted(changes, key=lambda c: (c.first, c.end)):
        out += base[at : change.first]
        out += change.lines
        at = change.end
    return [*out, *base[at:]]


def carry(base: str, changes: Sequence[Change], current: str) -> Carried:
    """Makes changes on a text that has moved on since they were thought of.

    Args:
        base: The text that they were made for.
        changes: In any order, not overlapping.
        current: The text as it is.
    """
    lines, now = split_lines(base), split_lines(current)
    todo = sorted(changes, key=lambda c: (c.first, c.end))
    known = matching(lines, now)
    conflicts: dict[str, tuple[int, int]] = {}
    while True:
        merge = _Merge(lines, now, known, todo)
        if not merge.conflicts:
            break
        # Those that fit are written without those that do not.
        conflicts |= merge.conflicts
        todo = [change for change in todo if change.id not in conflicts]
    carried = Carried("".join(merge.out), places=merge.places | conflicts)
    for change in changes:
        if change.id in conflicts:
            carried.conflicts.append(change.id)
        elif change.id in merge.there:
            carried.there.append(change.id)
        else:
            carried.done.append(change.id)
    return carried


class _Merge:
    """One pass over the stretches between lines that all three texts have."""

    def __init__(
        self, base: list[str], now: list[str], known: list[Block], changes: list[Change]
    ) -> None:
        wanted = composed(base, changes)
        ours = _blocks(len(base), len(wanted), changes)

        class Known:
            """Answers with matches that are known, and need not be found again."""

            def __init__(self, _junk: Any, _base: Any, other: Any) -> None:
                self._blocks = ours if other is wanted else known

            def get_matching_blocks(self) -> list[Block]:
                return self._blocks

        merge: Any = Merge3(base, now, wanted, sequence_matcher=Known)  # pyright: ignore[reportArgumentType]
        self.out: list[str] = []
        self.there: set[str] = set()
        self.conflicts: dict[str, tuple[int, int]] = {}
        self.places: dict[str, tuple[int, int]] = {}
        self._changes = changes
        self._next = 0
        z, a, b = 0, 0, 0
        for z1, z2, a1, a2, b1, b2 in merge.find_sync_regions():
            self._stretch(base[z:z1], now[a:a1], wanted[b:b1], z, a, z1)
            self.out += base[z1:z2]
            z, a, b = z2, a2, b2

    def _stretch(
        self, was: list[str], now: list[str], wanted: list[str], start: int, at: int, end: int
    ) -> None:
        inside: list[Change] = []
        while self._next < len(self._changes) and self._changes[self._next].end <= end:
            inside.append(self._changes[self._next])
            self._next += 1
        above = _above(was, now)
        below = now[above + len(was) :] if above is not None else []
        # A last line without an end would run into what stands below it.
        if above is not None and not (below and wanted and not wanted[-1].endswith("\n")):
            # Right above or below something was put in, which stays there.
            self.out += [*now[:above], *wanted, *below]
            moved = at + above - start
            for change in inside:
                self.places[change.id] = (change.first + moved, change.end + moved)
            return
        # What stands here is the person's, whatever was wanted.
        self.out += now
        whole = (at, at + len(now))
        if now == wanted:
            self.there.update(change.id for change in inside)
            self.places |= dict.fromkeys((change.id for change in inside), whole)
        else:
            self.conflicts |= dict.fromkeys((change.id for change in inside), whole)


def _above(was: list[str], now: list[str]) -> int | None:
    """How many lines stand above what was there, if all of it is; None where it is not.

    Where nothing was there, nobody can say what should come first.
    """
    if now == was:
        return 0
    extra = len(now) - len(was)
    if not was or extra <= 0:
        return None
    if now[extra:] == was:
        return extra
    return 0 if now[: len(was)] == was else None


def _blocks(size: int, new_size: int, changes: list[Change]) -> list[Block]:
    """What a base and its composition have in common, by the changes themselves."""
    found: list[Block] = []
    at, at_new = 0, 0
    for change in changes:
        if change.first > at:
            found.append((at, at_new, change.first - at))
        at_new += change.first - at + len(change.lines)
        at = change.end
    if size > at:
        found.append((at, at_new, size - at))
    return [*found, (size, new_size, 0)]
