"""Makes one segment of several, without what was out of date in each.

Owns how each array of the whole comes from those of the parts. It is given one array at a time,
and of the long ones a piece at a time, so that the whole need never be in memory: it is written as
it comes (`segment.write`). Changes no part and reads no file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadyhand_agent.index.segment import (
    DTYPES,
    TABLES,
    Arrays,
    FileRow,
    Segment,
    packed_names,
    postings_arrays,
)
from steadyhand_agent.index.word_index import Postings

_LOW = np.uint64(0xFFFFFFFF)
Array = NDArray[Any]


class _Part:
    """One segment, and where what is alive of it goes.

    Attributes:
        rows: Its files that are alive.
        alive: Which of its files those are.
        kept: Which of its definitions are theirs.
        files: The new number of each file.
        definitions: The new number of each definition.
    """

    def __init__(
        self, segment: Segment, dead: Collection[int], first_file: int, first_definition: int
    ) -> None:
        self.segment = segment
        self.alive = np.ones(len(segment.rows), dtype=bool)
        self.alive[list(dead)] = False
        self.rows = [row for row, alive in zip(segment.rows, self.alive, strict=True) if alive]
        self.counts = self.sizes("def_ends")
        self.kept = np.repeat(self.alive, self.counts)
        self.whole = not dead
        self.files = np.cumsum(self.alive) - 1 + first_file
        self.definitions = np.cumsum(self.kept) - 1 + first_definition

    def sizes(self, ends: str) -> NDArray[np.int64]:
        """The lengths of what ends at these places."""
        return np.diff(self.segment.arrays[ends].astype(np.int64), prepend=0)

    def flowing(self, name: str, ends: str) -> Array:
        """What stands in one row for all definitions."""
        found = self.segment.arrays[name]
        return found if self.whole else found[np.repeat(self.kept, self.sizes(ends))]

    def renumbered(self, name: str, kept: Array, numbers: Array) -> NDArray[np.uint64]:
        """Hashes with the numbers of what they belong to below them."""
        found = self.segment.arrays[name]
        owner = (found & _LOW).astype(np.int64)
        stays = kept[owner]
        return (found[stays] & ~_LOW) | numbers[owner[stays]].astype(np.uint64)


def merged(
    segments: Sequence[Segment], dead: Sequence[Collection[int]]
) -> tuple[list[FileRow], Arrays]:
    """The files of the whole, and its arrays as `segment.write` takes them.

    Args:
        segments: The parts, in the order in which they are numbered on.
        dead: The numbers of the files of each that are left out.
    """
    parts: list[_Part] = []
    rows: list[FileRow] = []
    definitions = 0
    for segment, marked in zip(segments, dead, strict=True):
        part = _Part(segment, marked, len(rows), definitions)
        rows += part.rows
        definitions += int(np.count_nonzero(part.kept))
        parts.append(part)
    return rows, _arrays(parts)


def in_memory(segments: Sequence[Segment], dead: Sequence[Collection[int]]) -> Segment:
    """The whole, where there is no file that it could be mapped from."""
    rows, arrays = merged(segments, dead)
    made = {
        name: np.concatenate([np.empty(0, DTYPES[name]), *pieces]).astype(DTYPES[name])
        for name, pieces in arrays
    }
    return Segment(rows, made)


def _arrays(parts: Sequence[_Part]) -> Iterator[tuple[str, Iterator[Array]]]:
    def each(work: Callable[[_Part], Array]) -> Iterator[Array]:
        return (work(part) for part in parts)

    yield "blob", each(lambda part: part.flowing("blob", "blob_ends"))
    yield "blob_ends", _ends(each(lambda part: part.sizes("blob_ends")[part.kept]))
    yield "def_ends", _ends(each(lambda part: part.counts[part.alive]))
    yield "chars", each(lambda part: part.flowing("chars", "char_ends"))
    yield "char_ends", _ends(each(lambda part: part.sizes("char_ends")[part.kept]))
    for table in TABLES:
        keys, refs = _table(parts, table)
        yield f"{table}_keys", iter([keys])
        yield f"{table}_refs", iter([refs])
    yield "runs", _sorted(each(lambda p: p.renumbered("runs", p.kept, p.definitions)))
    yield "mentions", _sorted(each(lambda p: p.renumbered("mentions", p.alive, p.files)))
    joined = Postings.joined([(part.segment.described, part.kept) for part in parts])
    for name, array in postings_arrays(joined).items():
        yield name, iter([array])
    names: set[bytes] = set()
    for part in parts:
        names.update(part.segment.arrays["names"].tobytes().split(b"\n"))
    # A name whose last definition is gone may stay; it is looked up before it is shown.
    yield "names", iter([packed_names({name.decode() for name in names if name})])


def _ends(sizes: Iterator[Array]) -> Iterator[Array]:
    """Where each ends, of how long each is."""
    yield np.cumsum(np.concatenate([np.empty(0, np.int64), *sizes]))


def _sorted(pieces: Iterator[NDArray[np.uint64]]) -> Iterator[Array]:
    found = np.concatenate([np.empty(0, np.uint64), *pieces])
    found.sort()
    yield found


def _table(parts: Sequence[_Part], table: str) -> tuple[Array, Array]:
    keys: list[Array] = [np.empty(0, "<u8")]
    refs: list[Array] = [np.empty(0, "<u4")]
    for part in parts:
        ref = part.segment.arrays[f"{table}_refs"]
        kept = part.kept[ref]
        keys.append(part.segment.arrays[f"{table}_keys"][kept])
        refs.append(part.definitions[ref[kept]].astype("<u4"))
    key, number = np.concatenate(keys), np.concatenate(refs)
    order = np.argsort(key, kind="stable")
    return key[order], number[order]
