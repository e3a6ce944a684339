"""The index's layers and its queries.

Owns *base* (what is on disk), *buffers* (unsaved text of open documents) and the views that lay a
session's *overlay* on top. Every query names its view. Never reads a file: texts are handed in.
Used from the event loop alone, so nothing here locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from steadyhand_agent.index.definitions import Definition, FileEntry
from steadyhand_agent.index.languages import index_text, python


@dataclass(slots=True)
class Layer:
    """Entries by path, with the definitions found by name and by body."""

    entries: dict[str, FileEntry] = field(default_factory=dict[str, FileEntry])
    by_name: dict[str, list[Definition]] = field(default_factory=dict[str, list[Definition]])
    by_body: dict[str, list[Definition]] = field(default_factory=dict[str, list[Definition]])

    def put(self, entry: FileEntry) -> None:
        """Replaces what is known of one path."""
        self.drop(entry.path)
        self.entries[entry.path] = entry
        for definition in entry.definitions:
            self.by_name.setdefault(definition.name, []).append(definition)
            if definition.body:
                self.by_body.setdefault(definition.body, []).append(definition)

    def drop(self, path: str) -> None:
        """Forgets one path."""
        entry = self.entries.pop(path, None)
        if entry is None:
            return
        for definition in entry.definitions:
            _remove(self.by_name, definition.name, path)
            if definition.body:
                _remove(self.by_body, definition.body, path)


def _remove(table: dict[str, list[Definition]], key: str, path: str) -> None:
    kept = [d for d in table.get(key, ()) if d.path != path]
    if kept:
        table[key] = kept
    else:
        table.pop(key, None)


class View:
    """Upper layers over lower ones: a path in an upper layer hides it in those below.

    Args:
        layers: Uppermost first.
        gone: Paths that do not exist in this view, whatever a layer says.
    """

    def __init__(self, layers: Iterable[Layer], gone: frozenset[str] = frozenset()) -> None:
        self._layers = tuple(layers)
        self._gone = gone

    def entry(self, path: str) -> FileEntry | None:
        """What is known of one path."""
        if path in self._gone:
            return None
        for layer in self._layers:
            if path in layer.entries:
                return layer.entries[path]
        return None

    def paths(self) -> list[str]:
        """Every path of the view, sorted."""
        return sorted({p for layer in self._layers for p in layer.entries} - self._gone)

    def named(self, name: str) -> list[Definition]:
        """Definitions by bare name (`slugify`), or by the end of a dotted one (`Post.slug`)."""
        bare = name.rpartition(".")[2]
        found = self._visible(layer.by_name.get(bare, ()) for layer in self._layers)
        if bare == name:
            return found
        tail = "." + name
        return [
            d
            for d in found
            if f".{self.module(d.path)}.{d.qualified}".endswith(tail)
            or f".{d.qualified}".endswith(tail)
        ]

    def names(self) -> set[str]:
        """Every bare name that is defined anywhere."""
        known = {name for layer in self._layers for name in layer.by_name}
        return {name for name in known if self.named(name)}

    def with_body(self, body: str) -> list[Definition]:
        """Definitions with the same normalised body."""
        return self._visible(layer.by_body.get(body, ()) for layer in self._layers)

    def at(self, path: str, offset: int) -> Definition | None:
        """The innermost definition around a byte offset."""
        entry = self.entry(path)
        inside = [d for d in entry.definitions if d.start <= offset < d.end] if entry else []
        return max(inside, key=lambda d: d.start, default=None)

    def module(self, path: str) -> str:
        """The dotted module name of a path, by the `__init__.py` files of this view."""
        return python.module_name(path, _Packages(self))

    def import_line(self, definition: Definition) -> str:
        """How another module gets a definition; for a method, its class."""
        return f"from {self.module(definition.path)} import {definition.qualified.split('.')[0]}"

    def _visible(self, groups: Iterable[Iterable[Definition]]) -> list[Definition]:
        found: list[Definition] = []
        for depth, group in enumerate(groups):
            above = self._layers[:depth]
            for definition in group:
                path = definition.path
                if path not in self._gone and not any(path in up.entries for up in above):
                    found.append(definition)
        found.sort(key=lambda d: (d.path, d.start))
        return found


@dataclass(frozen=True, slots=True)
class _Packages:
    """The folders of a view that are packages, asked one at a time."""

    view: View

    def __contains__(self, folder: object) -> bool:
        return any(self.view.entry(f"{folder}/__init__.{end}") for end in ("py", "pyi"))


class Index:
    """The live index of one workspace."""

    def __init__(self) -> None:
        self._base = Layer()
        self._buffers = Layer()

    def put_base(self, entry: FileEntry) -> None:
        """Takes what is on disk."""
        self._base.put(entry)

    def drop_base(self, path: str) -> None:
        """Forgets a file that is gone from disk."""
        self._base.drop(path)

    def base_hash(self, path: str) -> str | None:
        """The content hash that disk had when it was last read."""
        entry = self._base.entries.get(path)
        return entry.content_hash if entry else None

    def put_buffer(self, path: str, text: str) -> FileEntry:
        """Takes an open document's text."""
        entry = index_text(path, text)
        self._buffers.put(entry)
        return entry

    def drop_buffer(self, path: str) -> None:
        """An open document was closed; disk counts again."""
        self._buffers.drop(path)

    def view(self, overlay: Mapping[str, str | None] | None = None) -> View:
        """The view of disk and buffers, with a session's overlay on top where one is given.

        Args:
            overlay: New text by path; None where the session would delete the file.
        """
        below = (self._buffers, self._base)
        if not overlay:
            return View(below)
        top = Layer()
        for path, text in overlay.items():
            if text is not None:
                top.put(index_text(path, text))
        return View((top, *below), frozenset(p for p, text in overlay.items() if text is None))

    @property
    def definitions(self) -> int:
        """How many definitions disk holds."""
        return sum(len(entry.definitions) for entry in self._base.entries.values())

    @property
    def files(self) -> int:
        """How many files of the disk layer are indexed."""
        return len(self._base.entries)

    @property
    def lines(self) -> int:
        """How many lines those files hold."""
        return sum(entry.lines for entry in self._base.entries.values())
