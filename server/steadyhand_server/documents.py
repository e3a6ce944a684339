"""Open documents: their texts, versions and line tables.

Owns what the editor holds open. Texts are replaced whole (full sync): incremental sync in pygls
splits lines where the protocol does not, and corrupts a text that holds a form feed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal

_LINE_END = re.compile(rb"\r\n|\n|\r")


# In the protocol's words: bytes, UTF-16 code units, or code points.
Encoding = Literal["utf-8", "utf-16", "utf-32"]


class LineTable:
    """Where the protocol's lines begin in a text: after `\\n`, `\\r\\n` and `\\r`, nothing else.

    Args:
        text: The whole text.
        encoding: What the connection's positions count within a line.

    Attributes:
        data: The text as UTF-8, in which offsets count.
    """

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.encoding: Encoding = encoding
        self.data = text.encode("utf-8", "surrogatepass")
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(self.data))]

    @property
    def lines(self) -> int:
        """How many lines there are; an empty text has one."""
        return len(self._starts)

    def position(self, offset: int) -> tuple[int, bytes]:
        """The line of a byte offset, from 0, and the bytes of that line before the offset."""
        offset = max(0, min(offset, len(self.data)))
        line = bisect_right(self._starts, offset) - 1
        return line, self.data[self._starts[line] : offset]

    def line(self, number: int) -> tuple[int, bytes]:
        """Where a line begins, and its bytes without the line end; past the end, the end."""
        if number >= len(self._starts):
            return len(self.data), b""
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self.data)
        return start, self.data[start:end].rstrip(b"\r\n")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A text at one version; never changes.

    Attributes:
        uri: As the editor spells it.
        path: Workspace path; None for a document outside the workspace.
        version: The editor's number.
        text: The whole text.
    """

    uri: str
    path: str | None
    version: int
    text: str
    table: LineTable = field(compare=False)


class Documents:
    """The open documents of one connection.

    Attributes:
        encoding: What the connection's positions count, as agreed in `initialize`.
    """

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self._by_uri: dict[str, Snapshot] = {}
        self._by_path: dict[str, str] = {}

    def put(self, uri: str, path: str | None, version: int, text: str) -> Snapshot:
        """Takes a text as the editor has it now."""
        snapshot = Snapshot(uri, path, version, text, self.table(text))
        self._by_uri[uri] = snapshot
        if path is not None:
            self._by_path[path] = uri
        return snapshot

    def table(self, text: str) -> LineTable:
        """The line table of any text, for this connection's positions."""
        return LineTable(text, self.encoding)

    def drop(self, uri: str) -> Snapshot | None:
        """Forgets a document that was closed."""
        gone = self._by_uri.pop(uri, None)
        if gone is not None and gone.path is not None and self._by_path.get(gone.path) == uri:
            # Two spellings of one file may be open; the other one still is.
            others = [s.uri for s in self._by_uri.values() if s.path == gone.path]
            if others:
                self._by_path[gone.path] = others[-1]
            else:
                del self._by_path[gone.path]
        return gone

    def get(self, uri: str) -> Snapshot | None:
        """An open document by its URI."""
        return self._by_uri.get(uri)

    def at(self, path: str) -> Snapshot | None:
        """An open document by its workspace path."""
        uri = self._by_path.get(path)
        return self._by_uri.get(uri) if uri is not None else None

    def all(self) -> list[Snapshot]:
        """Every open document."""
        return list(self._by_uri.values())
