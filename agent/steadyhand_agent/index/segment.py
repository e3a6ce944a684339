"""An immutable part of the index: many files' definitions as a few arrays in one buffer.

The same bytes travel from a worker process to the server, lie in the cache on disk, and are
searched in place, mapped into memory: a workspace of two million lines starts warm by reading a
table of its files. Owns the format. Never changes after it is built; what is out of date is marked
dead by whoever holds the segment.
"""

from __future__ import annotations

import io
import re
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray
from rapidfuzz.distance import Indel

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.definitions import Definition, FileEntry
from steadyhand_agent.index.fingerprint import NO_FORM, Form, sketched_runs
from steadyhand_agent.index.word_index import Postings, Query

# Raised with every change of what is recorded: an older cache is then built anew.
VERSION = 10
_MAGIC = b"SHIDX\0\0\0"
_ALIGN = 16
# An offset of as many digits as any will have.
_MOST_BYTES = 10**15
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
TABLES = ("name", "top", "body", "shape")

DTYPES: dict[str, str] = {
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
    broken: bool = False
    generated: bool = False


# The arrays by name, each in the pieces that follow one another in it.
Arrays = Iterable[tuple[str, Iterable[NDArray[Any]]]]


def write(file: BinaryIO, rows: Sequence[FileRow], arrays: Arrays) -> None:
    """Writes a segment, one piece of an array after the other, so that none but it need be there.

    The format: magic, length of the table, checksum, a JSON table of contents, the arrays. The
    checksum is of the arrays and then the table, which is known last and stands first.

    Args:
        file: Where to, from its beginning; it must be seekable.
        rows: Its files.
        arrays: All of `DTYPES`.

    Raises:
        OSError: It cannot be written.
    """
    files = [
        [r.path, r.content_hash, r.modified, r.size, r.lines, r.broken, r.generated] for r in rows
    ]

    def header(places: Mapping[str, list[int]]) -> bytes:
        return orjson.dumps({"version": VERSION, "arrays": places, "files": files})

    room = len(header({name: [_MOST_BYTES, _MOST_BYTES] for name in DTYPES}))
    room += -room % _ALIGN
    file.write(bytes(16 + room))
    places: dict[str, list[int]] = {}
    at = checked = 0
    for name, pieces in arrays:
        first = at
        for piece in pieces:
            data = np.ascontiguousarray(piece, dtype=DTYPES[name]).view("u1").data
            file.write(data)
            checked = zlib.crc32(data, checked)
            at += len(data)
        places[name] = [first, at - first]
        padding = bytes(-at % _ALIGN)
        file.write(padding)
        checked = zlib.crc32(padding, checked)
        at += len(padding)
    table = header(places).ljust(room)
    checked = zlib.crc32(table, checked)
    file.seek(0)
    file.write(_MAGIC + room.to_bytes(4, "little") + checked.to_bytes(4, "little") + table)


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
        arrays: See `DTYPES`.

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
            FileRow(
                entry.path,
                entry.content_hash,
                modified,
                size,
                entry.lines,
                entry.broken,
                entry.generated,
            )
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
            "names": packed_names({definition.name for definition in definitions}),
            **postings_arrays(Postings.build(words)),
            **_table_arrays(definitions),
        }
        return cls(rows, arrays)

    def to_bytes(self) -> bytes:
        """The segment as it travels and lies on disk; see `write`."""
        file = io.BytesIO()
        write(file, self.rows, ((name, [self._arrays[name]]) for name in DTYPES))
        return file.getvalue()

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
        start = 16 + length
        checked = zlib.crc32(view[16:start], zlib.crc32(view[start:]))
        if checked != int.from_bytes(view[12:16], "little"):
            raise SegmentDamaged("The index does not match its checksum.")
        try:
            header = orjson.loads(view[16:start])
            if header["version"] != VERSION:
                raise SegmentDamaged("The index is of another version.")
            arrays = {
                name: np.frombuffer(view[start + at : start + at + size], dtype=DTYPES[name])
                for name, (at, size) in header["arrays"].items()
            }
            rows = [FileRow(*row) for row in header["files"]]
        except (KeyError, TypeError, ValueError) as error:
            raise SegmentDamaged(f"The index cannot be read ({error}).") from error
        return cls(rows, arrays)

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What it is made of; for who merges."""
        return self._arrays

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

    def alive(self) -> Iterable[FileRow]:
        """What is known of the files that are alive."""
        return (row for number, row in enumerate(self.rows) if number not in self.dead)

    def paths(self) -> Iterable[str]:
        """The files that are alive."""
        return (row.path for row in self.alive())

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
        return FileEntry(
            path, row.content_hash, row.lines, definitions, self._forms(number),
            broken=row.broken, generated=row.generated,
        )  # fmt: skip

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
    keys: dict[str, list[int]] = {table: [] for table in TABLES}
    refs: dict[str, list[int]] = {table: [] for table in TABLES}
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
    for table in TABLES:
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


def postings_arrays(postings: Postings) -> dict[str, NDArray[Any]]:
    """The arrays that a segment keeps of postings."""
    return {f"described_{name}": getattr(postings, name) for name in _POSTINGS}


def packed_names(names: set[str]) -> NDArray[np.uint8]:
    """Bare names, each once, as a segment keeps them."""
    return np.frombuffer("\n".join(sorted(names)).encode("utf-8", "replace"), dtype="u1")
