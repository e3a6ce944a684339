"""An immutable part of the index: many files' definitions as a few arrays in one buffer.

The same bytes travel from a worker process to the server, lie in the cache on disk, and are
searched in place, mapped into memory: a workspace of two million lines starts warm by reading a
table of its files. Owns the format. Never changes after it is built; what is out of date is marked
dead by whoever holds the segment.
"""

from __future__ import annotations

import re
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from rapidfuzz.distance import Indel

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.definitions import Definition, FileEntry
from steadyhand_agent.index.fingerprint import NO_FORM, Form, sketched_runs
from steadyhand_agent.index.word_index import Postings, Query

# Raised with every change of what is recorded: an older cache is then built anew.
VERSION = 6
_MAGIC = b"SHIDX\0\0\0"
_ALIGN = 16
_DECODED_FILES = 64
_DECODED = 4_096
# A run of tokens that so many functions share tells nothing about any of them.
MOST_COMMON = 200
# More definitions under one key are a pattern, and reading them all would be felt.
MOST_FOUND = 100
# How many candidates are compared token by token (FACTS: more find nothing more).
CANDIDATES = 20
# From which share of common tokens on two functions are near copies, and how much that share and
# the one of common names must come to: the fewer names, the more of the rest.
NEAR = 0.72
NAMES_WEIGH = 0.25
ENOUGH = 0.88
# Of fewer names than that even the same ones say little.
FEW_NAMES, LITTLE = 4, 0.5
_NO_NAMES = re.compile("[^\u8000-\uffff]+")
_LOW = np.uint64(0xFFFFFFFF)
_POSTINGS = ("words", "starts", "documents", "impacts")
# The tables in which definitions are found by a hash; `top` are names that can be imported.
_TABLES = ("name", "top", "body", "shape")

_DTYPES: dict[str, str] = {
    "blob": "u1",  # orjson of each definition, a comma behind each
    "blob_ends": "<u8",  # one a definition, so that a look-up unpacks nothing but its answers
    "def_ends": "<u4",  # definitions up to and with each file
    "name_keys": "<u8",  # hash of the bare name, ascending; `_refs` are the definitions' numbers
    "name_refs": "<u4",
    "top_keys": "<u8",
    "top_refs": "<u4",
    "body_keys": "<u8",
    "body_refs": "<u4",
    "shape_keys": "<u8",
    "shape_refs": "<u4",
    "runs": "<u8",  # hash of a run of tokens and a definition's number, ascending
    "mentions": "<u8",  # key of a name that a file's functions use and the file, ascending
    "chars": "<u2",  # the tokens of each definition, for an exact comparison
    "char_ends": "<u8",
    "described_words": "<u4",  # see `word_index.Postings`
    "described_starts": "<u4",
    "described_documents": "<u4",
    "described_impacts": "u1",
    "names": "u1",  # every bare name once, ascending, a line each
}


class SegmentDamaged(SteadyhandError):
    """The bytes are no segment of this version."""


@dataclass(slots=True)
class FileRow:
    """What a segment knows of one file: the workspace path, and by what it is told unchanged."""

    path: str
    content_hash: str
    modified: int
    size: int
    lines: int


def likeness(tokens: str, other: str) -> float:
    """The share of all tokens of two functions that both have in one order; 0 where too little.

    Names count once more: what remains of two short functions without them is alike by chance.
    One line through both shares tells clones from others better than a limit for each, since a
    change that costs a small function half of its names leaves nearly all of its other tokens.
    The limits are read off the labelled pairs that `bench/matching.py` measures.
    """
    score = Indel.normalized_similarity(tokens, other, score_cutoff=NEAR)
    if score < NEAR:
        return 0.0
    ours, theirs = _NO_NAMES.sub("", tokens), _NO_NAMES.sub("", other)
    names = Indel.normalized_similarity(ours, theirs)
    if max(len(ours), len(theirs)) < FEW_NAMES:
        names = min(names, LITTLE)
    return score if score + NAMES_WEIGH * names >= ENOUGH else 0.0


def name_key(name: str) -> int:
    """The hash under which a bare name is found."""
    data = name.encode("utf-8", "replace")
    return zlib.crc32(data) << 32 | zlib.crc32(data[::-1] + b"\0")


class Segment:
    """Searches one buffer.

    Args:
        rows: Its files.
        arrays: See `_DTYPES`.

    Attributes:
        dead: Numbers of files that are out of date.
        described: The words of its definitions.
    """

    def __init__(self, rows: list[FileRow], arrays: dict[str, NDArray[Any]]) -> None:
        self.rows = rows
        self.dead: set[int] = set()
        self._arrays = arrays
        ends = arrays["def_ends"]
        documents = int(ends[-1]) if len(ends) else 0
        self.described = Postings(*(arrays[f"described_{n}"] for n in _POSTINGS), count=documents)
        self._number = {row.path: number for number, row in enumerate(rows)}
        self._files: OrderedDict[int, tuple[Definition, ...]] = OrderedDict()
        self._decoded: OrderedDict[int, Definition] = OrderedDict()

    # --- making one -------------------------------------------------------------------------

    @classmethod
    def build(cls, files: Sequence[tuple[FileEntry, int, int]]) -> Segment:
        """A segment of entries, each with its file's time of change and size."""
        rows = [
            FileRow(entry.path, entry.content_hash, modified, size, entry.lines)
            for entry, modified, size in files
        ]
        entries = [entry for entry, _, _ in files]
        definitions = [d for entry in entries for d in entry.definitions]
        blobs = [orjson.dumps(d[1:]) + b"," for d in definitions]
        chars = [form.tokens for entry in entries for form in entry.forms]
        words = [form.words for entry in entries for form in entry.forms]
        arrays: dict[str, NDArray[Any]] = {
            "blob": np.frombuffer(b"".join(blobs), dtype="u1"),
            "blob_ends": np.cumsum([len(blob) for blob in blobs], dtype="<u8"),
            "def_ends": np.cumsum([len(entry.definitions) for entry in entries], dtype="<u4"),
            "runs": np.sort(_turned(sketched_runs(chars))),
            "mentions": _mention_array(entries),
            "chars": np.frombuffer("".join(chars).encode("utf-16-le"), dtype="<u2"),
            "char_ends": np.cumsum([len(text) for text in chars], dtype="<u8"),
            "names": _packed_names({definition.name for definition in definitions}),
            **_postings_arrays(Postings.build(words)),
            **_table_arrays(definitions),
        }
        return cls(rows, arrays)

    @classmethod
    def merge(cls, segments: Sequence[Segment], dead: Sequence[set[int]]) -> Segment:
        """One segment of several, without the files that were dead in each."""
        rows: list[FileRow] = []
        parts: dict[str, list[NDArray[Any]]] = {
            name: [] for name in _DTYPES if not name.startswith("described")
        }
        described: list[tuple[Postings, NDArray[np.bool_]]] = []
        names: set[bytes] = set()
        numbered = 0
        for segment, marked in zip(segments, dead, strict=True):
            old = segment._arrays
            alive = np.ones(len(segment.rows), dtype=bool)
            alive[list(marked)] = False
            files = np.cumsum(alive) - 1 + len(rows)
            rows += [row for row, keep in zip(segment.rows, alive, strict=True) if keep]
            counts = np.diff(old["def_ends"].astype(np.int64), prepend=0)
            keep = np.repeat(alive, counts)
            renumbered = np.cumsum(keep) - 1 + numbered
            numbered += int(keep.sum())
            sizes = np.diff(old["blob_ends"].astype(np.int64), prepend=0)
            lengths = np.diff(old["char_ends"].astype(np.int64), prepend=0)
            parts["blob"].append(old["blob"][np.repeat(keep, sizes)])
            parts["blob_ends"].append(sizes[keep])
            parts["def_ends"].append(counts[alive])
            parts["chars"].append(old["chars"][np.repeat(keep, lengths)])
            parts["char_ends"].append(lengths[keep])
            for table in _TABLES:
                ref = old[f"{table}_refs"]
                kept = keep[ref]
                parts[f"{table}_keys"].append(old[f"{table}_keys"][kept])
                parts[f"{table}_refs"].append(renumbered[ref[kept]].astype("<u4"))
            owner = (old["runs"] & _LOW).astype(np.int64)
            high = old["runs"][keep[owner]] & ~_LOW
            parts["runs"].append(high | renumbered[owner[keep[owner]]].astype(np.uint64))
            user = (old["mentions"] & _LOW).astype(np.int64)
            used = old["mentions"][alive[user]] & ~_LOW
            parts["mentions"].append(used | files[user[alive[user]]].astype(np.uint64))
            described.append((segment.described, keep))
            names.update(old["names"].tobytes().split(b"\n"))
        arrays: dict[str, NDArray[Any]] = {
            name: np.concatenate(found) if found else np.empty(0, dtype=_DTYPES[name])
            for name, found in parts.items()
            if name != "names"
        }
        for name in ("blob_ends", "def_ends", "char_ends"):
            arrays[name] = np.cumsum(arrays[name], dtype=_DTYPES[name])
        for name in ("runs", "mentions"):
            arrays[name] = np.sort(arrays[name].astype("<u8"))
        for table in _TABLES:
            order = np.argsort(arrays[f"{table}_keys"], kind="stable")
            arrays[f"{table}_keys"] = arrays[f"{table}_keys"][order]
            arrays[f"{table}_refs"] = arrays[f"{table}_refs"][order]
        arrays |= _postings_arrays(Postings.joined(described))
        # A name whose last definition is gone may stay; it is looked up before it is shown.
        arrays["names"] = _packed_names({name.decode() for name in names if name})
        return cls(rows, arrays)

    def to_bytes(self) -> bytes:
        """The format: magic, sizes, checksum, a JSON table of contents, the arrays."""
        table: dict[str, list[Any]] = {}
        pieces: list[bytes] = []
        at = 0
        for name, dtype in _DTYPES.items():
            data = np.ascontiguousarray(self._arrays[name], dtype=dtype).tobytes()
            table[name] = [at, len(data)]
            padding = -len(data) % _ALIGN
            pieces += [data, b"\0" * padding]
            at += len(data) + padding
        rows = [[r.path, r.content_hash, r.modified, r.size, r.lines] for r in self.rows]
        header = orjson.dumps({"version": VERSION, "arrays": table, "files": rows})
        header += b" " * (-len(header) % _ALIGN)
        body = b"".join([header, *pieces])
        sizes = len(header).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little")
        return b"".join([_MAGIC, sizes, body])

    @classmethod
    def from_buffer(cls, buffer: Any) -> Segment:
        """A segment over bytes or a memory map, which must stay as they are.

        Raises:
            SegmentDamaged: They are something else, or not whole.
        """
        view = memoryview(buffer)
        if len(view) < 16 or bytes(view[:8]) != _MAGIC:
            raise SegmentDamaged("It is no index.")
        length = int.from_bytes(view[8:12], "little")
        if zlib.crc32(view[16:]) != int.from_bytes(view[12:16], "little"):
            raise SegmentDamaged("The index does not match its checksum.")
        try:
            header = orjson.loads(view[16 : 16 + length])
            if header["version"] != VERSION:
                raise SegmentDamaged("The index is of another version.")
            start = 16 + length
            arrays = {
                name: np.frombuffer(view[start + at : start + at + size], dtype=_DTYPES[name])
                for name, (at, size) in header["arrays"].items()
            }
            rows = [FileRow(*row) for row in header["files"]]
        except (KeyError, TypeError, ValueError) as error:
            raise SegmentDamaged(f"The index cannot be read ({error}).") from error
        return cls(rows, arrays)

    # --- asking it --------------------------------------------------------------------------

    def row(self, path: str) -> FileRow | None:
        """What is known of a file that is alive."""
        number = self._number.get(path)
        return None if number is None or number in self.dead else self.rows[number]

    def kill(self, path: str) -> None:
        """Marks a file out of date."""
        number = self._number.get(path)
        if number is not None:
            self.dead.add(number)
            self._files.pop(number, None)

    @property
    def definitions(self) -> int:
        """How many definitions the files hold that are alive."""
        counts = np.diff(self._arrays["def_ends"].astype(np.int64), prepend=0)
        return int(counts.sum() - counts[list(self.dead)].sum())

    @property
    def lines(self) -> int:
        """How many lines they hold."""
        return sum(row.lines for n, row in enumerate(self.rows) if n not in self.dead)

    def paths(self) -> Iterable[str]:
        """The files that are alive."""
        return (row.path for number, row in enumerate(self.rows) if number not in self.dead)

    def names(self) -> list[str]:
        """Every bare name."""
        return self._arrays["names"].tobytes().decode().split("\n")

    def entry(self, path: str) -> FileEntry | None:
        """The entry of a file that is alive."""
        row = self.row(path)
        if row is None:
            return None
        number = self._number[path]
        definitions = self._definitions(number)
        return FileEntry(path, row.content_hash, row.lines, definitions, self._forms(number))

    def definitions_of(self, path: str) -> tuple[Definition, ...]:
        """The definitions of a file that is alive; none where it is not."""
        return self._definitions(self._number[path]) if self.row(path) is not None else ()

    def found(self, table: str, key: int) -> list[Definition]:
        """Definitions by `name`, `top`, `body` or `shape`: the first hundred."""
        keys = self._arrays[f"{table}_keys"]
        wanted = np.uint64(key)
        low = int(np.searchsorted(keys, wanted, side="left"))
        high = int(np.searchsorted(keys, wanted, side="right"))
        if low == high:
            return []
        return self._at(self._arrays[f"{table}_refs"][low : min(high, low + MOST_FOUND)])

    def using(self, keys: Sequence[int]) -> set[str]:
        """Files whose functions use a name, by its keys; some of them where they are very many."""
        table = self._arrays["mentions"]
        numbers: set[int] = set()
        for key in keys:
            first = int(np.searchsorted(table, np.uint64(key << 32)))
            end = int(np.searchsorted(table, np.uint64((key << 32) | int(_LOW)), side="right"))
            numbers.update((table[first : min(end, first + MOST_COMMON)] & _LOW).tolist())
        return {self.rows[number].path for number in numbers - self.dead}

    def near(self, form: Form) -> list[tuple[Definition, float]]:
        """Definitions that share most of their tokens in one order (see `View.near`)."""
        runs = self._arrays["runs"]
        wanted = sketched_runs([form.tokens]) << np.uint64(32)
        low = np.searchsorted(runs, wanted, side="left").tolist()
        high = np.searchsorted(runs, wanted | _LOW, side="right").tolist()
        spans = [runs[a:b] for a, b in zip(low, high, strict=True) if 0 < b - a <= MOST_COMMON]
        if not spans:
            return []
        refs, counts = np.unique(np.concatenate(spans) & _LOW, return_counts=True)
        # Of equally many the first ones: the order must not depend on chance.
        order = np.argsort(-counts, kind="stable")[:CANDIDATES]
        found: list[tuple[Definition, float]] = []
        for ref in refs[order].astype(np.int64).tolist():
            if (score := likeness(form.tokens, self._tokens(ref))) > 0:
                found += [(definition, score) for definition in self._at(np.array([ref]))]
        return found

    def answering(self, query: Query, top: int) -> list[tuple[Definition, float]]:
        """The definitions that answer a query of words best."""
        ends = self._arrays["def_ends"]
        spans = [(int(ends[n - 1]) if n else 0, int(ends[n])) for n in sorted(self.dead)]
        hits = self.described.best(query, top, dead=spans)
        return [(d, score) for ref, score in hits for d in self._at(np.array([ref]))]

    def _at(self, refs: NDArray[Any]) -> list[Definition]:
        ends = self._arrays["def_ends"]
        found: list[Definition] = []
        files: list[int] = np.searchsorted(ends, refs, side="right").tolist()
        numbers: list[int] = refs.tolist()
        for ref, number in zip(numbers, files, strict=True):
            if number not in self.dead:
                found.append(self._definition(ref, number))
        return found

    def _definition(self, ref: int, number: int) -> Definition:
        """One definition of a file, kept as long as it is asked for often."""
        known = self._decoded.get(ref)
        if known is not None:
            self._decoded.move_to_end(ref)
            return known
        fields = orjson.loads(self._packed(ref, ref + 1)[:-1])
        known = self._decoded[ref] = Definition.unpack([self.rows[number].path, *fields])
        if len(self._decoded) > _DECODED:
            self._decoded.popitem(last=False)
        return known

    def _packed(self, first: int, end: int) -> bytes:
        ends = self._arrays["blob_ends"]
        start = int(ends[first - 1]) if first else 0
        return self._arrays["blob"][start : int(ends[end - 1])].tobytes()

    def _definitions(self, number: int) -> tuple[Definition, ...]:
        known = self._files.get(number)
        if known is not None:
            self._files.move_to_end(number)
            return known
        ends = self._arrays["def_ends"]
        first, end = int(ends[number - 1]) if number else 0, int(ends[number])
        path = self.rows[number].path
        text = self._packed(first, end)[:-1] if end > first else b""
        packed: list[list[Any]] = orjson.loads(b"[%b]" % text)
        known = self._files[number] = tuple(Definition.unpack([path, *one]) for one in packed)
        if len(self._files) > _DECODED_FILES:
            self._files.popitem(last=False)
        return known

    def _tokens(self, ref: int) -> str:
        ends = self._arrays["char_ends"]
        start = int(ends[ref - 1]) if ref else 0
        return self._arrays["chars"][start : int(ends[ref])].tobytes().decode("utf-16-le")

    def _forms(self, number: int) -> tuple[Form, ...]:
        ends = self._arrays["def_ends"]
        first = int(ends[number - 1]) if number else 0
        definitions = self._definitions(number)
        texts = [self._tokens(first + at) for at in range(len(definitions))]
        return tuple(
            Form(d.body, d.shape, text) if text else NO_FORM
            for d, text in zip(definitions, texts, strict=True)
        )


def _table_arrays(definitions: Sequence[Definition]) -> dict[str, NDArray[Any]]:
    """By what each of them is found, ascending, and their numbers."""
    keys: dict[str, list[int]] = {table: [] for table in _TABLES}
    refs: dict[str, list[int]] = {table: [] for table in _TABLES}
    names: dict[str, int] = {}
    for number, definition in enumerate(definitions):
        name = names.get(definition.name)
        if name is None:
            name = names[definition.name] = name_key(definition.name)
        keys["name"].append(name)
        refs["name"].append(number)
        if definition.module_level and definition.kind != "constant":
            keys["top"].append(name)
            refs["top"].append(number)
        if definition.body:
            keys["body"].append(int(definition.body, 16))
            refs["body"].append(number)
            keys["shape"].append(int(definition.shape, 16))
            refs["shape"].append(number)
    arrays: dict[str, NDArray[Any]] = {}
    for table in _TABLES:
        key, ref = np.array(keys[table], dtype="<u8"), np.array(refs[table], dtype="<u4")
        order = np.argsort(key, kind="stable")
        arrays[f"{table}_keys"], arrays[f"{table}_refs"] = key[order], ref[order]
    return arrays


def _mention_array(entries: Sequence[FileEntry]) -> NDArray[np.uint64]:
    keys = [
        np.fromiter(entry.mentions, np.uint64, len(entry.mentions)) << np.uint64(32)
        | np.uint64(number)
        for number, entry in enumerate(entries)
    ]
    return np.sort(np.concatenate([np.empty(0, np.uint64), *keys]))


def _turned(found: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers of definitions and hashes below them, with the hashes above."""
    return found << np.uint64(32) | found >> np.uint64(32)


def _postings_arrays(postings: Postings) -> dict[str, NDArray[Any]]:
    return {f"described_{name}": getattr(postings, name) for name in _POSTINGS}


def _packed_names(names: set[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(sorted(names)).encode("utf-8", "replace"), dtype="u1")
