"""Which definitions have which words, and how well they answer a query (BM25).

Owns the postings: immutable ones in four NumPy arrays, which can lie in a mapped file, and live
ones for a few documents that change. Documents are numbers (or any key) to it, words are the
numbers of `words.word_id`. Never reads a file and knows no definition.

A query is weighed over all parts of an index together (`weighed`) and then put to each of them
(`best`). Scores are shares: 1.0 is what a definition with exactly the query's words would get.
That makes them comparable from query to query and from part to part, so that a caller can ask
whether a hit stands out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from steadyhand_agent.index.words import related, unpacked, word_id

# Measured on pairs of helpers among 5,000 and 23,000 functions; the plateau is wide.
_SATURATION = 2.0
_LENGTH = 0.8
_SYNONYM = 0.5
# The mean length of 23,000 real definitions. A mean of one's own would have to be kept the same
# in every part of an index, and found nothing more.
_MEAN_LENGTH = 19.5
# In a query no word outweighs a name: a description that repeats itself stays readable.
_MAX_QUERY_WEIGHT = 30
# The weightiest words of a query decide; past this many postings the rest would cost
# milliseconds at 100,000 definitions and move nothing.
_MAX_POSTINGS = 100_000
# In a workspace of ten functions a word is not frequent because two of them have it.
_FEWEST = 1_000
_UNIT = (_SATURATION + 1) / 255
_BLOCK = 64

_ENTRY = np.dtype([("word", "<u4"), ("weight", "u1")])

Key = TypeVar("Key", bound=Hashable)


def _impact(weight: Any, length: Any) -> Any:
    """BM25's share of one word in one document; weights are tenths."""
    norm = _SATURATION * (1 - _LENGTH + _LENGTH * length / _MEAN_LENGTH)
    tenth = weight / 10
    return tenth * (_SATURATION + 1) / (tenth + norm)


@dataclass(frozen=True, slots=True)
class Query:
    """A query, weighed.

    Attributes:
        factors: What each word or synonym counts for, weightiest first.
        full: What a document with exactly the words of the query would get.
    """

    factors: dict[int, float]
    full: float


class Part(Protocol):
    """One part of an index."""

    def __len__(self) -> int:
        """How many documents it has."""
        ...

    def frequencies(self, words: Sequence[int]) -> NDArray[np.int64]:
        """How many documents have each word."""
        ...


@lru_cache(maxsize=1 << 13)
def _numbers(word: str) -> tuple[int, ...]:
    """The number of a stem, and those of its synonyms after it."""
    return (word_id(word), *map(word_id, related(word)))


def weighed(words: Mapping[str, int], parts: Sequence[Part]) -> Query:
    """Weighs the words of a query, and their synonyms, by how rare they are.

    Args:
        words: By `words.words_of`.
        parts: Everything that will be asked.
    """
    asked = [(_numbers(word), weight) for word, weight in words.items()]
    numbers = list({number: None for group, _ in asked for number in group})
    having = np.zeros(len(numbers), np.int64)
    for part in parts:
        having += part.frequencies(numbers)
    documents = max(sum(map(len, parts)), _FEWEST)
    rare = np.log1p((np.maximum(documents - having, 0) + 0.5) / np.maximum(having, 0.5))
    # A word that nobody has is the rarest there is: a hit without it has a smaller share.
    rarity = dict(zip(numbers, rare.tolist(), strict=True))

    factors: dict[int, float] = {}
    for (own, *others), weight in asked:
        tenth = min(weight, _MAX_QUERY_WEIGHT) / 10
        factors[own] = factors.get(own, 0.0) + tenth * rarity[own]
        for other in others:
            # A rare synonym says no more than the word that was asked for.
            share = min(rarity[other], rarity[own])
            factors[other] = factors.get(other, 0.0) + _SYNONYM * tenth * share
    length = sum(words.values()) / 10
    full = sum(factors[group[0]] * _impact(weight, length) for group, weight in asked)
    return Query(dict(sorted(factors.items(), key=lambda item: -item[1])), full)


@dataclass(frozen=True, slots=True)
class Postings:
    """Many documents, never changed.

    Attributes:
        words: Numbers of the words, ascending.
        starts: Where the postings of each begin; one more than there are words.
        documents: Numbers of documents, ascending within a word.
        impacts: What the word counts for in that document, in 255 steps.
        count: Documents are numbered below this.
    """

    words: NDArray[np.uint32]
    starts: NDArray[np.uint32]
    documents: NDArray[np.uint32]
    impacts: NDArray[np.uint8]
    count: int

    @classmethod
    def build(cls, documents: Sequence[bytes]) -> Postings:
        """Postings of documents numbered in their order.

        Args:
            documents: `words.packed` of each; empty for one that should not be found.
        """
        sizes = [len(data) // _ENTRY.itemsize for data in documents]
        entries = np.frombuffer(b"".join(documents), _ENTRY)
        owners = np.repeat(np.arange(len(documents), dtype=np.uint32), sizes)
        weights = entries["weight"].astype(np.float32)
        lengths = np.bincount(owners, weights, len(documents)) / 10
        impacts = np.rint(_impact(weights, lengths[owners]) / _UNIT)
        # A word that is there counts for something, however long the document.
        steps = np.clip(impacts, 1, 255).astype(np.uint8)
        return cls._sorted(entries["word"], owners, steps, len(documents))

    @classmethod
    def joined(cls, parts: Sequence[tuple[Postings, NDArray[np.bool_]]]) -> Postings:
        """One of several, documents numbered on, those left out that are not kept.

        Args:
            parts: Each with what is kept of it, by document.
        """
        words: list[NDArray[np.uint32]] = [np.empty(0, np.uint32)]
        owners: list[NDArray[np.uint32]] = [np.empty(0, np.uint32)]
        impacts: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
        count = 0
        for part, kept in parts:
            alive = kept[part.documents]
            numbers = (np.cumsum(kept) - 1 + count).astype(np.uint32)
            every = np.repeat(part.words, np.diff(part.starts.astype(np.int64)))
            words.append(every[alive])
            owners.append(numbers[part.documents[alive]])
            impacts.append(part.impacts[alive])
            count += int(np.count_nonzero(kept))
        return cls._sorted(
            np.concatenate(words), np.concatenate(owners), np.concatenate(impacts), count
        )

    @classmethod
    def _sorted(
        cls, words: NDArray[Any], owners: NDArray[Any], impacts: NDArray[Any], count: int
    ) -> Postings:
        # Documents come in ascending order, and a stable order by word keeps them so.
        order = np.argsort(words, kind="stable")
        each, starts = np.unique(words[order], return_index=True)
        return cls(
            each.astype(np.uint32),
            np.append(starts, len(words)).astype(np.uint32),
            owners[order].astype(np.uint32),
            impacts[order].astype(np.uint8),
            count,
        )

    @property
    def bytes(self) -> int:
        """What the arrays take."""
        return sum(getattr(self, f.name).nbytes for f in fields(self) if f.name != "count")

    def __len__(self) -> int:
        return self.count

    def frequencies(self, words: Sequence[int]) -> NDArray[np.int64]:
        """How many documents have each word."""
        begins, ends = self._spans(words)
        return ends - begins

    def best(
        self, query: Query, top: int, dead: Iterable[tuple[int, int]] = ()
    ) -> list[tuple[int, float]]:
        """The documents that answer a query best.

        Args:
            query: By `weighed`.
            top: How many at most.
            dead: Spans of documents that are out of date, first and one past the last.

        Returns:
            Documents with their shares, best first; equal ones by their number.
        """
        documents: list[NDArray[np.uint32]] = []
        weights: list[NDArray[np.float32]] = []
        left = _MAX_POSTINGS
        begins, ends = self._spans(list(query.factors))
        spans = zip(begins.tolist(), ends.tolist(), query.factors.values(), strict=True)
        for begin, end, factor in spans:
            size = end - begin
            if not size or (size > left and documents):
                continue
            left -= size
            documents.append(self.documents[begin:end])
            weights.append(self.impacts[begin:end] * np.float32(factor * _UNIT / query.full))
        if not documents:
            return []
        counted = np.bincount(np.concatenate(documents), np.concatenate(weights), self.count)
        scores = np.asarray(counted, np.float64)
        for first, last in dead:
            scores[first:last] = 0
        found = _highest(scores, top)
        # Equal scores are cut by number, so that an answer is the same every time.
        found = found[np.lexsort((found, -scores[found]))][:top]
        return list(zip(found.tolist(), scores[found].tolist(), strict=True))

    def _spans(self, words: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the postings of each word begin and end; both the same where it is unknown."""
        wanted = np.array(words, np.uint32)
        if not len(self.words):
            nowhere = np.zeros(len(wanted), np.int64)
            return nowhere, nowhere
        at = np.minimum(np.searchsorted(self.words, wanted), len(self.words) - 1)
        begins = self.starts[at].astype(np.int64)
        ends = self.starts[at + 1].astype(np.int64)
        return begins, np.where(self.words[at] == wanted, ends, begins)


class LivePostings(Generic[Key]):
    """A few documents that may change at any time: open buffers, a session's overlay."""

    def __init__(self) -> None:
        self._documents: dict[Key, bytes] = {}
        self._by_word: dict[int, dict[Key, float]] = {}

    def __len__(self) -> int:
        return len(self._documents)

    def put(self, document: Key, data: bytes) -> None:
        """Takes or replaces one document by its `words.packed`."""
        self.drop(document)
        self._documents[document] = data
        entries = list(unpacked(data))
        length = sum(weight for _, weight in entries) / 10
        for word, weight in entries:
            self._by_word.setdefault(word, {})[document] = _impact(weight, length)

    def drop(self, document: Key) -> None:
        """Forgets one document."""
        for word, _ in unpacked(self._documents.pop(document, b"")):
            found = self._by_word[word]
            del found[document]
            if not found:
                del self._by_word[word]

    def frequencies(self, words: Sequence[int]) -> NDArray[np.int64]:
        """How many documents have each word."""
        return np.array([len(self._by_word.get(word, ())) for word in words], np.int64)

    def best(self, query: Query, top: int) -> list[tuple[Key, float]]:
        """The documents that answer a query best, with their shares; see `Postings.best`."""
        scores: dict[Key, float] = {}
        for word, factor in query.factors.items():
            for document, impact in self._by_word.get(word, {}).items():
                scores[document] = scores.get(document, 0.0) + factor * impact / query.full
        return sorted(scores.items(), key=lambda hit: -hit[1])[:top]


def _highest(scores: NDArray[np.float64], top: int) -> NDArray[np.intp]:
    """Documents among which the `top` best ones are.

    The best of each block bound the answer from below; that is ten times faster than
    partitioning all scores.
    """
    blocks = len(scores) // _BLOCK
    bound = 0.0
    if blocks > top:
        peaks = scores[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
        bound = float(np.partition(peaks, blocks - top)[blocks - top])
    return np.flatnonzero((scores >= bound) & (scores > 0))
