"""What a formatter made of a text on its way into a file, as editors run them on each save.

Owns the question whether a text is the one that was sent but for its layout, and which lines of it
each hunk became: those are ours, and undo takes them back. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from steadyhand_agent.proposals.changes import split_lines
from steadyhand_agent.proposals.hunks import Hunk, Patch

# What formatters put in and take out: white space, quotes, commas, semicolons, brackets.
_LAYOUT = re.compile(r"[\s'\"`,;()]+")


def formatted(patch: Patch, now: str | None) -> Patch | None:
    """A patch as a formatter has left it in the file; None where it did not, or nobody can say.

    Args:
        patch: What was sent.
        now: The file's text.
    """
    base, sent = patch.base, patch.new
    if base is None or sent is None or now is None or sent == now:
        return None
    if _LAYOUT.sub("", sent) != _LAYOUT.sub("", now):
        return None
    old, new, lines = split_lines(base), split_lines(sent), split_lines(now)
    firsts, ends = _in_base(patch, len(new), len(old))
    places = _places(new, lines)
    hunks: list[Hunk] = []
    for hunk in sorted(patch.hunks, key=lambda one: one.new_first):
        # Where a line was broken or joined, as much around it as is one piece in both; and on to
        # a line that is the same, since what is changed right beside a hunk is one with it.
        start, end = hunk.new_first, hunk.new_end
        while start not in firsts or not _after_same(start, places, new, lines):
            start -= 1
        while end not in ends or not _before_same(end, places, new, lines):
            end += 1
        place = {"first": firsts[start], "end": ends[end]}
        place |= {"new_first": places[start][0], "new_end": places[end][1]}
        if hunks and (hunks[-1].end >= place["first"] or hunks[-1].new_end >= place["new_first"]):
            return None  # Two of them became one.
        hunks.append(hunk.model_copy(update=place))
    return patch.model_copy(update={"new": now, "hunks": hunks})


_Places = dict[int, tuple[int, int]]


def _after_same(place: int, places: _Places, new: Sequence[str], now: Sequence[str]) -> bool:
    at = places.get(place, (0, 0))[0]
    return place == 0 or (at > 0 and new[place - 1] == now[at - 1])


def _before_same(place: int, places: _Places, new: Sequence[str], now: Sequence[str]) -> bool:
    at = places.get(place, (0, len(now)))[1]
    return place == len(new) or (at < len(now) and new[place] == now[at])


def _places(new: Sequence[str], now: Sequence[str]) -> _Places:
    """The places between lines of a text that are there in the other layout, first and last.

    They are known by how much of the text, less its layout, stands before them.
    """
    mine, theirs = _between(new), _between(now)
    found: _Places = {}
    for size, numbers in mine.items():
        others = theirs.get(size, [])
        if len(numbers) == len(others):
            found |= {n: (m, m) for n, m in zip(numbers, others, strict=True)}
        elif others:
            # Empty lines were put in or taken out.
            found[numbers[0]] = (others[0], others[0])
            found[numbers[-1]] = (others[0] if len(numbers) == 1 else others[-1], others[-1])
    return found


def _between(lines: Sequence[str]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {0: [0]}
    size = 0
    for number, line in enumerate(lines, 1):
        size += len(_LAYOUT.sub("", line))
        found.setdefault(size, []).append(number)
    return found


def _in_base(patch: Patch, size: int, base_size: int) -> tuple[dict[int, int], dict[int, int]]:
    """Where in the base something begins, and ends, by its place in the new text.

    There is no place in the midst of a hunk.
    """
    firsts: dict[int, int] = {}
    ends: dict[int, int] = {}
    at, at_base = 0, 0
    for hunk in sorted(patch.hunks, key=lambda one: one.new_first):
        between = {at + n: at_base + n for n in range(hunk.new_first - at + 1)}
        firsts, ends = between | firsts, ends | between
        at, at_base = hunk.new_end, hunk.end
        ends[at] = at_base
    rest = {at + n: at_base + n for n in range(min(size - at, base_size - at_base) + 1)}
    return rest | firsts, ends | rest
