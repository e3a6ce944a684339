"""The index's layers and its queries.

Owns *base* (what is on disk), *buffers* (unsaved text of open documents) and the views that lay a
session's *overlay* on top. Every query names its view. Never reads a source file: texts are handed
in. Used from the event loop alone, so nothing here locks.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, TypeVar

from steadyhand_agent.index.definitions import Definition, FileEntry
from steadyhand_agent.index.fingerprint import Form, mention_keys, sketched_runs, sketches
from steadyhand_agent.index.languages import index_text, language_of
from steadyhand_agent.index.parsing import TooSlow
from steadyhand_agent.index.reader import NotUnderstood
from steadyhand_agent.index.segment import CANDIDATES, MOST_COMMON, Segment, likeness, name_key
from steadyhand_agent.index.word_index import LivePostings, Part, Query, weighed
from steadyhand_agent.workspace import text_hash

_log = logging.getLogger(__name__)
# A text that is being typed may cost this much and no more.
TYPING_SECONDS = 0.5
# What stands between the parts of a name, in one language or another.
_SEPARATOR = re.compile(r"::|->|[/#\\](?=\w)")

_Key = TypeVar("_Key", str, int)


class Layer(Protocol):
    """What a view asks of each of its layers."""

    def has(self, path: str) -> bool:
        """True where the layer speaks for a path."""
        ...

    def paths(self) -> Iterable[str]:
        """Every path it speaks for."""
        ...

    def entry(self, path: str) -> FileEntry | None:
        """What it knows of one path."""
        ...

    def definitions(self, path: str) -> tuple[Definition, ...]:
        """The definitions of one path; cheaper than its entry, which has their forms."""
        ...

    def lines(self, path: str) -> int:
        """How many lines one path has."""
        ...

    def named(self, name: str) -> Iterable[Definition]:
        """By bare name."""
        ...

    def with_body(self, digest: str) -> Iterable[Definition]:
        """By the whole normalised form."""
        ...

    def with_shape(self, digest: str) -> Iterable[Definition]:
        """By the form without literal values."""
        ...

    def tops(self, name: str) -> Iterable[Definition]:
        """By bare name, those at the top of their module alone."""
        ...

    def near(self, form: Form) -> Iterable[tuple[Definition, float]]:
        """Those that share most of their tokens in one order."""
        ...

    def using(self, keys: Sequence[int]) -> Iterable[str]:
        """Paths whose functions use a name (`fingerprint.mention_keys`)."""
        ...

    def described(self) -> list[Part]:
        """The parts of its word index."""
        ...

    def answering(self, query: Query, top: int) -> Iterable[tuple[Definition, float]]:
        """Those that answer a query of words best."""
        ...

    def names(self) -> Iterable[str]:
        """Every bare name."""
        ...


@dataclass(slots=True, eq=False)
class _Held:
    """One definition of an entry, with its form.

    Where it stands changes with every key that is typed above it, what it says does not: the
    tables hold this object, and a new text that says the same only moves it.
    """

    definition: Definition
    form: Form

    @property
    def says(self) -> tuple[str, str, str, str, bytes]:
        """All that the tables know of it; what decorates it is part of its digests."""
        definition, form = self.definition, self.form
        return definition.name, definition.body, definition.shape, form.tokens, form.words


class Entries:
    """A layer of entries that come and go: buffers, an overlay, the files that changed on disk."""

    def __init__(self) -> None:
        self.by_path: dict[str, FileEntry] = {}
        self._held: dict[str, list[_Held]] = {}
        self._names: dict[str, list[_Held]] = {}
        self._bodies: dict[str, list[_Held]] = {}
        self._shapes: dict[str, list[_Held]] = {}
        self._runs: dict[int, list[_Held]] = {}
        self._words = LivePostings[_Held]()

    def put(self, entry: FileEntry) -> None:
        """Replaces what is known of one path."""
        before: dict[tuple[str, str, str, str, bytes], list[_Held]] = {}
        for held in self._held.get(entry.path, ()):
            before.setdefault(held.says, []).append(held)
        now: list[_Held] = []
        new: list[_Held] = []
        for definition, form in zip(entry.definitions, entry.forms, strict=True):
            held = _Held(definition, form)
            same = before.get(held.says)
            if same:
                held = same.pop()
                held.definition = definition
            else:
                new.append(held)
            now.append(held)
        self._forget([held for rest in before.values() for held in rest])
        self._learn(new)
        self.by_path[entry.path] = entry
        self._held[entry.path] = now

    def drop(self, path: str) -> None:
        """Forgets one path."""
        if self.by_path.pop(path, None) is not None:
            self._forget(self._held.pop(path))

    def _learn(self, new: Sequence[_Held]) -> None:
        for held, sketch in zip(new, _sketched(new), strict=True):
            form = held.form
            for table, key in self._places(held):
                table.setdefault(key, []).append(held)
            for run in sketch:
                self._runs.setdefault(run, []).append(held)
            if form.words:
                self._words.put(held, form.words)

    def _forget(self, gone: Sequence[_Held]) -> None:
        for held, sketch in zip(gone, _sketched(gone), strict=True):
            for table, key in self._places(held):
                _remove(table, key, held)
            for run in sketch:
                _remove(self._runs, run, held)
            if held.form.words:
                self._words.drop(held)

    def _places(self, held: _Held) -> Iterator[tuple[dict[str, list[_Held]], str]]:
        yield self._names, held.definition.name
        if held.definition.body:
            yield self._bodies, held.definition.body
            yield self._shapes, held.definition.shape

    def has(self, path: str) -> bool:
        """True where the layer speaks for a path."""
        return path in self.by_path

    def paths(self) -> Iterable[str]:
        """Every path it speaks for."""
        return self.by_path

    def entry(self, path: str) -> FileEntry | None:
        """What it knows of one path."""
        return self.by_path.get(path)

    def definitions(self, path: str) -> tuple[Definition, ...]:
        """The definitions of one path."""
        return self.by_path[path].definitions if path in self.by_path else ()

    def lines(self, path: str) -> int:
        """How many lines one path has."""
        return self.by_path[path].lines if path in self.by_path else 0

    def named(self, name: str) -> Iterable[Definition]:
        """By bare name."""
        return [held.definition for held in self._names.get(name, ())]

    def with_body(self, digest: str) -> Iterable[Definition]:
        """By the whole normalised form."""
        return [held.definition for held in self._bodies.get(digest, ())]

    def with_shape(self, digest: str) -> Iterable[Definition]:
        """By the form without literal values."""
        return [held.definition for held in self._shapes.get(digest, ())]

    def tops(self, name: str) -> Iterable[Definition]:
        """By bare name, those at the top of their module alone."""
        return [d for d in self.named(name) if d.module_level and d.kind != "constant"]

    def near(self, form: Form) -> Iterable[tuple[Definition, float]]:
        """Those that share most of their tokens in one order."""
        shared: Counter[_Held] = Counter()
        for run in sketched_runs([form.tokens]).tolist():
            found = self._runs.get(run, ())
            if len(found) <= MOST_COMMON:
                shared.update(found)
        scored = [
            (held.definition, likeness(form.tokens, held.form.tokens))
            for held, _ in shared.most_common(CANDIDATES)
        ]
        return [(definition, score) for definition, score in scored if score > 0]

    def using(self, keys: Sequence[int]) -> Iterable[str]:
        """Paths whose functions use a name (`fingerprint.mention_keys`)."""
        return [p for p, entry in self.by_path.items() if not entry.mentions.isdisjoint(keys)]

    def described(self) -> list[Part]:
        """The parts of its word index."""
        return [self._words]

    def answering(self, query: Query, top: int) -> Iterable[tuple[Definition, float]]:
        """Those that answer a query of words best."""
        return [(held.definition, score) for held, score in self._words.best(query, top)]

    def names(self) -> Iterable[str]:
        """Every bare name."""
        return self._names


def _sketched(held: Sequence[_Held]) -> list[list[int]]:
    """The sketch of each, made for all of them at once."""
    return [sketch.tolist() for sketch in sketches([one.form.tokens for one in held])]


def _remove(table: dict[_Key, list[_Held]], key: _Key, held: _Held) -> None:
    kept = [one for one in table[key] if one is not held]
    if kept:
        table[key] = kept
    else:
        del table[key]


class Base:
    """The layer of what is on disk: segments that never change, and what changed since."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._changed = Entries()

    @property
    def segments(self) -> list[Segment]:
        """The segments, the changes since left out."""
        return self._segments

    @property
    def changed(self) -> Entries:
        """What changed since the segments were built."""
        return self._changed

    def take(self, segment: Segment) -> None:
        """Takes many files at once; they replace what was known of the same paths."""
        for path in segment.paths():
            self.drop(path)
        self._segments.append(segment)

    def put(self, entry: FileEntry) -> None:
        """Takes one file."""
        self.drop(entry.path)
        self._changed.put(entry)

    def drop(self, path: str) -> None:
        """Forgets one path."""
        self._changed.drop(path)
        for segment in self._segments:
            segment.kill(path)

    def replace(self, merged: list[Segment], by: Segment) -> None:
        """Puts one segment in the place of those that it was merged of."""
        rest = [segment for segment in self._segments if segment not in merged]
        self._segments = [by, *rest]

    def has(self, path: str) -> bool:
        """True where the layer speaks for a path."""
        return self._changed.has(path) or any(s.row(path) is not None for s in self._segments)

    def paths(self) -> Iterable[str]:
        """Every path it speaks for."""
        yield from self._changed.paths()
        for segment in self._segments:
            yield from segment.paths()

    def content_hash(self, path: str) -> str | None:
        """The hash of a file's text when it was last read."""
        entry = self._changed.entry(path)
        if entry is not None:
            return entry.content_hash
        rows = (segment.row(path) for segment in self._segments)
        return next((row.content_hash for row in rows if row is not None), None)

    def entry(self, path: str) -> FileEntry | None:
        """What it knows of one path."""
        found = self._changed.entry(path)
        if found is not None:
            return found
        entries = (segment.entry(path) for segment in self._segments)
        return next((entry for entry in entries if entry is not None), None)

    def definitions(self, path: str) -> tuple[Definition, ...]:
        """The definitions of one path."""
        if self._changed.has(path):
            return self._changed.definitions(path)
        return next((s.definitions_of(path) for s in self._segments if s.row(path)), ())

    def lines(self, path: str) -> int:
        """How many lines one path has."""
        if self._changed.has(path):
            return self._changed.lines(path)
        return next((row.lines for s in self._segments if (row := s.row(path))), 0)

    def named(self, name: str) -> Iterable[Definition]:
        """By bare name."""
        found = list(self._changed.named(name))
        for segment in self._segments:
            found += [d for d in segment.found("name", name_key(name)) if d.name == name]
        return found

    def with_body(self, digest: str) -> Iterable[Definition]:
        """By the whole normalised form."""
        return self._by_digest("body", digest, self._changed.with_body(digest))

    def with_shape(self, digest: str) -> Iterable[Definition]:
        """By the form without literal values."""
        return self._by_digest("shape", digest, self._changed.with_shape(digest))

    def _by_digest(
        self, table: str, digest: str, found: Iterable[Definition]
    ) -> Iterable[Definition]:
        together = list(found)
        for segment in self._segments:
            together += segment.found(table, int(digest, 16))
        return together

    def tops(self, name: str) -> Iterable[Definition]:
        """By bare name, those at the top of their module alone."""
        found = list(self._changed.tops(name))
        for segment in self._segments:
            found += [d for d in segment.found("top", name_key(name)) if d.name == name]
        return found

    def near(self, form: Form) -> Iterable[tuple[Definition, float]]:
        """Those that share most of their tokens in one order."""
        found = list(self._changed.near(form))
        for segment in self._segments:
            found += segment.near(form)
        return found

    def using(self, keys: Sequence[int]) -> Iterable[str]:
        """Paths whose functions use a name (`fingerprint.mention_keys`)."""
        yield from self._changed.using(keys)
        for segment in self._segments:
            yield from segment.using(keys)

    def described(self) -> list[Part]:
        """The parts of its word index."""
        return [*self._changed.described(), *(s.described for s in self._segments)]

    def answering(self, query: Query, top: int) -> Iterable[tuple[Definition, float]]:
        """Those that answer a query of words best."""
        yield from self._changed.answering(query, top)
        for segment in self._segments:
            yield from segment.answering(query, top)

    def names(self) -> Iterable[str]:
        """Every bare name."""
        yield from self._changed.names()
        for segment in self._segments:
            yield from segment.names()


class View:
    """Upper layers over lower ones: a path in an upper layer hides it in those below.

    Args:
        layers: Uppermost first.
        gone: Paths that do not exist in this view, whatever a layer says.
        beside: What may come: it adds definitions, and hides none.
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        gone: frozenset[str] = frozenset(),
        beside: Entries | None = None,
    ) -> None:
        self._layers = tuple(layers)
        self._gone = gone
        self._beside = beside

    def entry(self, path: str) -> FileEntry | None:
        """What is known of one path."""
        layer = self._speaking_for(path)
        return layer.entry(path) if layer is not None else None

    def definitions(self, path: str) -> tuple[Definition, ...]:
        """The definitions of one path; cheaper than its entry, which has their forms."""
        layer = self._speaking_for(path)
        return layer.definitions(path) if layer is not None else ()

    def lines(self, path: str) -> int:
        """How many lines one path has."""
        layer = self._speaking_for(path)
        return layer.lines(path) if layer is not None else 0

    def form(self, definition: Definition) -> Form | None:
        """The form of a definition that stands in this view."""
        entry = self.entry(definition.path)
        for found, form in zip(
            *(entry.definitions, entry.forms) if entry else ((), ()), strict=True
        ):
            if found.start == definition.start and found.qualified == definition.qualified:
                return form
        return None

    def paths(self) -> list[str]:
        """Every path of the view, sorted."""
        return sorted({p for layer in self._layers for p in layer.paths()} - self._gone)

    def named(self, name: str) -> list[Definition]:
        """Definitions by bare name (`slugify`), or by the end of a longer one (`Post.slug`)."""
        name = _dotted(name)
        bare = name.rpartition(".")[2]
        found = self._visible(layer.named(bare) for layer in self._layers)
        if bare == name:
            return found
        tail = "." + name
        return [
            d
            for d in found
            if f".{_dotted(self.module(d.path))}.{d.qualified}".endswith(tail)
            or f".{d.qualified}".endswith(tail)
        ]

    def names(self) -> set[str]:
        """Every bare name that is defined somewhere; a few may have gone since."""
        return {name for layer in self._layers for name in layer.names()}

    def tops(self, name: str) -> list[Definition]:
        """Functions, classes and types of a name that another module could import."""
        return self._visible(
            (layer.tops(name) for layer in self._layers),
            self._beside.tops(name) if self._beside else (),
        )

    def with_body(self, body: str) -> list[Definition]:
        """Definitions with the same normalised body."""
        return self._visible(
            (layer.with_body(body) for layer in self._layers),
            self._beside.with_body(body) if self._beside else (),
        )

    def with_shape(self, shape: str) -> list[Definition]:
        """Definitions with the same normalised body up to the values of literals."""
        return self._visible(
            (layer.with_shape(shape) for layer in self._layers),
            self._beside.with_shape(shape) if self._beside else (),
        )

    def near(self, form: Form) -> list[tuple[Definition, float]]:
        """Definitions that share most of their tokens in one order, the nearest first.

        Returns:
            Each with the share of common tokens, 0 to 1 (see `segment.likeness`).
        """
        found: list[tuple[Definition, float]] = []
        for depth, layer in enumerate(self._layers):
            for definition, score in layer.near(form):
                if not self._hidden(definition.path, depth):
                    found.append((definition, score))
        if self._beside is not None:
            found += [pair for pair in self._beside.near(form) if not self._has_one(pair[0])]
        found.sort(key=lambda pair: (-pair[1], pair[0].path, pair[0].start))
        return found

    def users(self, name: str) -> int:
        """How many files have functions that use a name; beyond some hundreds it is not exact."""
        keys = mention_keys(name)
        return len(
            {
                path
                for depth, layer in enumerate(self._layers)
                for path in layer.using(keys)
                if not self._hidden(path, depth)
            }
        )

    def described(self, words: Mapping[str, int], top: int) -> list[tuple[Definition, float]]:
        """Definitions that answer a query of words best, with their scores, best first.

        Args:
            words: By `words.words_of`.
            top: How many at most.
        """
        # What is only proposed answers as well, but how rare a word is does not hang on it.
        query = weighed(words, [part for layer in self._layers for part in layer.described()])
        found = [
            (definition, score)
            for depth, layer in enumerate(self._layers)
            for definition, score in layer.answering(query, top)
            if not self._hidden(definition.path, depth)
        ]
        if self._beside is not None:
            proposed = self._beside.answering(query, top)
            found += [pair for pair in proposed if not self._has_one(pair[0])]
        found.sort(key=lambda pair: (-pair[1], pair[0].path, pair[0].start))
        return found[:top]

    def at(self, path: str, offset: int) -> Definition | None:
        """The innermost definition around a byte offset."""
        inside = [d for d in self.definitions(path) if d.start <= offset < d.end]
        return max(inside, key=lambda d: d.start, default=None)

    def module(self, path: str) -> str:
        """How people name a file: a dotted name in Python, a folder in Go, a path in JavaScript."""
        language = language_of(path)
        return language.module(path, self) if language is not None else path

    def import_line(self, definition: Definition, importing: str | None = None) -> str:
        """How another file gets a definition; for a method, its class.

        Args:
            definition: What it wants.
            importing: The path of that file, where it is known.

        Returns:
            A line of its language; empty where it can be used without one.
        """
        language = language_of(definition.path)
        return language.import_line(definition, importing, self) if language is not None else ""

    def has(self, path: str) -> bool:
        """True where a path is known in this view."""
        return self._speaking_for(path) is not None

    def _speaking_for(self, path: str) -> Layer | None:
        if path in self._gone:
            return None
        return next((layer for layer in self._layers if layer.has(path)), None)

    def _hidden(self, path: str, depth: int) -> bool:
        return path in self._gone or any(up.has(path) for up in self._layers[:depth])

    def only_proposed(self, definition: Definition) -> bool:
        """True where another session proposes a definition and no text has it yet."""
        return self._beside is not None and not self._has_one(definition)

    def _has_one(self, definition: Definition) -> bool:
        same = (definition.qualified, definition.kind)
        return any((d.qualified, d.kind) == same for d in self.definitions(definition.path))

    def _visible(
        self, groups: Iterable[Iterable[Definition]], proposed: Iterable[Definition] = ()
    ) -> list[Definition]:
        found: list[Definition] = []
        for depth, group in enumerate(groups):
            found += [d for d in group if not self._hidden(d.path, depth)]
        found += [d for d in proposed if not self._has_one(d)]
        found.sort(key=lambda d: (d.path, d.start))
        return found


def _dotted(name: str) -> str:
    """`text::Post::slug`, `text/Post.slug` and `Post#slug` as `text.Post.slug`."""
    return _SEPARATOR.sub(".", name)


@lru_cache(maxsize=64)
def indexed(path: str, text: str) -> FileEntry:
    """The entry of an unsaved text; the same one is asked for again and again.

    One that takes too long to parse has no definitions: nobody who types waits for it.
    """
    try:
        return index_text(path, text, TYPING_SECONDS)
    except TooSlow:
        pass
    except NotUnderstood as error:
        _log.error("%s", error, exc_info=error.__cause__)
    return FileEntry(path, text_hash(text), text.count("\n") + 1, ())


def _entries(texts: Mapping[str, str | None]) -> Entries:
    entries = Entries()
    for path, text in texts.items():
        if text is not None:
            entries.put(indexed(path, text))
    return entries


class Index:
    """The live index of one workspace."""

    def __init__(self) -> None:
        self.base = Base()
        self._buffers = Entries()

    def put_base(self, entry: FileEntry) -> None:
        """Takes what is on disk."""
        self.base.put(entry)

    def drop_base(self, path: str) -> None:
        """Forgets a file that is gone from disk."""
        self.base.drop(path)

    def base_hash(self, path: str) -> str | None:
        """The content hash that disk had when it was last read."""
        return self.base.content_hash(path)

    def put_buffer(self, path: str, text: str) -> FileEntry:
        """Takes an open document's text."""
        entry = indexed(path, text)
        self._buffers.put(entry)
        return entry

    def drop_buffer(self, path: str) -> None:
        """An open document was closed; disk counts again."""
        self._buffers.drop(path)

    def view(
        self,
        overlay: Mapping[str, str | None] | None = None,
        beside: Mapping[str, str] | None = None,
    ) -> View:
        """The view of disk and buffers, with a session's overlay on top where one is given.

        Args:
            overlay: New text by path; None where the session would delete the file.
            beside: Text by path that other sessions propose; it hides nothing.
        """
        layers: list[Layer] = [self._buffers, self.base]
        gone: frozenset[str] = frozenset()
        if overlay:
            layers.insert(0, _entries(overlay))
            gone = frozenset(path for path, text in overlay.items() if text is None)
        return View(layers, gone, _entries(beside) if beside else None)

    @property
    def definitions(self) -> int:
        """How many definitions disk holds."""
        held = sum(segment.definitions for segment in self.base.segments)
        return held + sum(len(e.definitions) for e in self.base.changed.by_path.values())

    @property
    def files(self) -> int:
        """How many files of the disk layer are indexed."""
        return sum(1 for _ in self.base.paths())

    @property
    def broken(self) -> list[str]:
        """Files with syntax errors, which were read in part."""
        return self._marked("broken")

    @property
    def generated(self) -> list[str]:
        """Files that a program wrote, in which nothing is found."""
        return self._marked("generated")

    def _marked(self, mark: Literal["broken", "generated"]) -> list[str]:
        rows = (row for segment in self.base.segments for row in segment.alive())
        entries = self.base.changed.by_path.values()
        return sorted(one.path for one in (*rows, *entries) if getattr(one, mark))

    @property
    def lines(self) -> int:
        """How many lines those files hold."""
        held = sum(segment.lines for segment in self.base.segments)
        return held + sum(entry.lines for entry in self.base.changed.by_path.values())
