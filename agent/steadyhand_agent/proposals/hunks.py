"""Hunks: the pieces of a proposal that a person can take or leave one by one.

Owns what a hunk is, its number, and which rounds made it. A hunk keeps its number as long as it
says the same, whatever happens around it. Pure: texts in, hunks out; what becomes of a hunk is
decided in `plan.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from steadyhand_agent.proposals.changes import split_lines
from steadyhand_agent.proposals.merge import Change, changed_runs, composed, matching
from steadyhand_agent.workspace import text_hash

Mark = Literal["open", "accepted", "rejected", "applied", "reverted", "conflict", "unavailable"]
Kind = Literal["edit", "create", "rename", "delete"]
# What waits for a word of the person's, or for its turn to be written.
PENDING = frozenset({"open", "accepted", "conflict"})
# How alike a new file and a deleted one are to be one that moved: git's default for renames.
_SAME_FILE = 0.5
# Of hunks that say the same, so many pairs are weighed one by one.
_MOST_ALIKE = 40_000
# A text that a round of the session left behind; None where it deleted the file.
Made = tuple[int, "str | None"]


class Hunk(BaseModel):
    """Lines of a base that become lines of a new text, both counted from 0.

    Attributes:
        id: `h1`, `h2`, ... in a session. The two halves of a rename share one.
        first, end: The lines of the base, one past the last; equal where something is put in.
        new_first, new_end: Those of the new text.
        digest: Of both, by which it is known again.
        rounds: Those of the session that made it.
        mark: What has become of it.
        edited: True where the person has changed it since it was applied.
    """

    id: str
    first: int
    end: int
    new_first: int
    new_end: int
    digest: str = ""
    rounds: list[int] = []
    mark: Mark = "open"
    edited: bool = False


class Patch(BaseModel):
    """What was written into one file at one time.

    Attributes:
        path: Workspace path.
        base: The text before; None where there was no file.
        new: The text that was to be written; None where the file was to go.
        hunks: What lies between the two.
    """

    path: str
    base: str | None
    new: str | None
    hunks: list[Hunk]

    def changes(self, marks: Iterable[str], *, back: bool = False) -> list[Change]:
        """The hunks with one of these marks, as changes of what the file held before.

        Args:
            marks: Which hunks.
            back: From the composition of those hunks to the base, instead of the other way.
        """
        wanted = frozenset(marks)
        chosen = [hunk for hunk in self.hunks if hunk.mark in wanted]
        base, new = split_lines(self.base or ""), split_lines(self.new or "")
        if not back:
            return [forward(hunk, new) for hunk in chosen]
        found: list[Change] = []
        moved = 0
        for hunk in sorted(chosen, key=lambda h: (h.first, h.end)):
            start, size = hunk.first + moved, hunk.new_end - hunk.new_first
            lines = tuple(base[hunk.first : hunk.end])
            found.append(Change(hunk.id, start, start + size, lines))
            moved += size - (hunk.end - hunk.first)
        return found

    def holding(self, marks: Iterable[str]) -> str:
        """The base with those of the hunks that have one of these marks."""
        return "".join(composed(split_lines(self.base or ""), self.changes(marks)))


def forward(hunk: Hunk, new: Sequence[str]) -> Change:
    """A hunk as a change of its base."""
    return Change(hunk.id, hunk.first, hunk.end, tuple(new[hunk.new_first : hunk.new_end]))


def kind_of(base: str | None, new: str | None) -> Kind:
    """What happens to a file."""
    if base is None:
        return "create"
    return "delete" if new is None else "edit"


def hunks_between(base: str | None, new: str | None) -> list[Hunk]:
    """The hunks of one file without numbers; a file that comes or goes is one hunk."""
    old_lines, new_lines = split_lines(base or ""), split_lines(new or "")
    if base is None or new is None:
        runs = [(0, len(old_lines), 0, len(new_lines))]
    else:
        runs = changed_runs(old_lines, new_lines)
    return [
        Hunk(
            id="",
            first=first,
            end=end,
            new_first=new_first,
            new_end=new_end,
            digest=_digest(old_lines[first:end], new_lines[new_first:new_end], base, new),
        )
        for first, end, new_first, new_end in runs
    ]


@dataclass(frozen=True, slots=True)
class Texts:
    """A file of a proposal: what it was made from, what it should be, and how it came to that."""

    base: str | None
    new: str | None
    made: Sequence[Made] = ()


def numbered(
    texts: Mapping[str, Texts], before: Mapping[str, Sequence[Hunk]], last: int
) -> tuple[dict[str, list[Hunk]], int]:
    """The hunks of a proposal; those that were there before keep number and mark.

    Args:
        texts: By path.
        before: The hunks that were numbered before, by path.
        last: The highest number given so far.

    Returns:
        The hunks by path, and the highest number now.
    """
    found: dict[str, list[Hunk]] = {}
    for path, file in sorted(texts.items()):
        if file.base == file.new:
            continue
        hunks = found[path] = hunks_between(file.base, file.new)
        _blame(file, hunks)
        everyone = sorted({number for number, _ in file.made if number})
        again = _known_again(hunks, before.get(path, ()))
        for number, hunk in enumerate(hunks):
            if (same := again.get(number)) is not None:
                hunk.id, hunk.mark, hunk.edited = same.id, same.mark, same.edited
                hunk.rounds = sorted({*same.rounds, *hunk.rounds})
            else:
                last += 1
                hunk.id = f"h{last}"
            hunk.rounds = hunk.rounds or list(everyone)
    for gone, come in _moves(texts, found):
        found[gone][0].id = found[come][0].id
        found[gone][0].mark = found[come][0].mark
    return found, last


def _known_again(hunks: Sequence[Hunk], before: Sequence[Hunk]) -> dict[int, Hunk]:
    """Which hunk was which before, by its place among `hunks`.

    Of several that say the same each is the one that stood nearest. One that a later round made
    elsewhere is new: what the person said of a hunk is not said of its twin.
    """
    alike: dict[str, list[Hunk]] = {}
    for known in before:
        alike.setdefault(known.digest, []).append(known)
    mine: dict[str, list[int]] = {}
    found: dict[int, Hunk] = {}
    for number, hunk in enumerate(hunks):
        theirs = alike.get(hunk.digest, ())
        if any({*hunk.rounds} <= {*known.rounds} or hunk.first == known.first for known in theirs):
            mine.setdefault(hunk.digest, []).append(number)
    for digest, numbers in mine.items():
        theirs = alike[digest]
        if len(numbers) == len(theirs) or len(numbers) * len(theirs) > _MOST_ALIKE:
            found |= dict(zip(numbers, theirs, strict=False))
            continue
        taken: set[int] = set()
        for _, number, at in sorted(
            (abs(hunks[number].first - known.first), number, at)
            for number in numbers
            for at, known in enumerate(theirs)
        ):
            if number not in found and at not in taken:
                found[number] = theirs[at]
                taken.add(at)
    return found


def _moves(
    texts: Mapping[str, Texts], found: Mapping[str, Sequence[Hunk]]
) -> list[tuple[str, str]]:
    """Files that go and come back under another name: old and new path."""
    gone = [path for path in found if texts[path].new is None]
    moves: list[tuple[str, str]] = []
    for come in [path for path in found if texts[path].base is None]:
        scores = [(_alike(texts[path].base or "", texts[come].new or ""), path) for path in gone]
        score, path = max(scores, default=(0.0, ""))
        if score >= _SAME_FILE:
            moves.append((path, come))
            gone.remove(path)
    return moves


def _alike(text: str, other: str) -> float:
    if text == other:
        return 1.0
    lines, theirs = split_lines(text), split_lines(other)
    return difflib.SequenceMatcher(None, lines, theirs, autojunk=False).quick_ratio()


def _blame(file: Texts, hunks: Sequence[Hunk]) -> None:
    """Says of each hunk which rounds made it: who wrote its lines, and who took the old ones."""
    if not file.made:
        return
    lines = split_lines(file.base or "")
    # Of each line the base's line that it is, or the round that wrote it.
    owners: list[tuple[int | None, int]] = [(number, 0) for number in range(len(lines))]
    taken: dict[int, int] = {}
    for number, text in file.made:
        now = split_lines(text or "")
        kept: list[tuple[int | None, int]] = [(None, number)] * len(now)
        left = [True] * len(lines)
        for start, at, size in matching(lines, now):
            kept[at : at + size] = owners[start : start + size]
            left[start : start + size] = [False] * size
        for owner, gone in zip(owners, left, strict=True):
            if gone and owner[0] is not None:
                taken[owner[0]] = number
        lines, owners = now, kept
    for hunk in hunks:
        rounds = {owner for _, owner in owners[hunk.new_first : hunk.new_end] if owner}
        rounds |= {taken[line] for line in range(hunk.first, hunk.end) if taken.get(line)}
        hunk.rounds = sorted(rounds)


def renewed(hunk: Hunk, base: str | None, new: str | None) -> Hunk:
    """A hunk with the digest of its texts, where it came without: it does not leave a machine."""
    old, lines = split_lines(base or ""), split_lines(new or "")
    parts = old[hunk.first : hunk.end], lines[hunk.new_first : hunk.new_end]
    return hunk.model_copy(update={"digest": _digest(*parts, base, new)})


def _digest(old: Sequence[str], new: Sequence[str], base: str | None, after: str | None) -> str:
    what = kind_of(base, after)
    return text_hash("\0".join([what, "".join(old), "".join(new)]))[:16]
