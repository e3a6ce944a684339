"""A text as the quick fixes read it, whatever its language: bytes, a tree, and where lines begin.

Owns offsets in one text, and what counts as a place that does not parse. Knows no other file.
"""

from __future__ import annotations

import re

from tree_sitter import Node, Parser

from steadyhand_agent.index.languages import SUFFIXES
from steadyhand_agent.index.parsing import encoded

_BLANK = re.compile(rb"(?:[ \t\f]*\r?\n)*")


def broken(root: Node) -> list[int]:
    """The row of each place that the grammar could not read, those inside of another too."""
    found: list[int] = []
    todo = [root] if root.has_error else []
    while todo:
        node = todo.pop()
        if node.is_error or node.is_missing:
            found.append(node.start_point.row)
        todo += [child for child in node.children if child.has_error or child.is_missing]
    return found


class SourceText:
    """A text, parsed once.

    Args:
        path: Workspace path.
        text: The whole text.

    Attributes:
        data: The text as it is parsed, in which offsets count.
        root: Of its tree.
        eol: How its lines end.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.data = encoded(text)
        grammar = SUFFIXES[path[path.rfind(".") :]].parser_language
        self.root = Parser(grammar).parse(self.data).root_node
        self.eol = "\r\n" if b"\r\n" in self.data else "\n"

    def word(self, node: Node | None) -> str:
        """A node's text; empty for none."""
        if node is None:
            return ""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def top_statement(self, node: Node) -> Node:
        """The statement of the module that a node stands in."""
        current = node
        while current.parent is not None and current.parent.parent is not None:
            current = current.parent
        return current

    @property
    def first(self) -> int:
        """Where the text begins, behind a byte order mark (see `reader.encoded`)."""
        return 3 if self.data.startswith(b"\r\r\n") else 0

    def with_blank_lines(self, start: int, end: int) -> tuple[int, int]:
        """Whole lines that go, with the blank lines that would be left over.

        Args:
            start: Where the first line begins.
            end: Where the line after the last one begins.
        """
        blank = _BLANK.match(self.data, end)
        after = blank.end() if blank else end
        if after < len(self.data):
            return start, after
        while True:
            previous = self.data.rfind(b"\n", 0, max(start - 1, 0)) + 1
            if start <= self.first or self.data[previous:start].strip():
                return start, len(self.data)
            start = previous

    def line_start(self, offset: int) -> int:
        """Where the line of an offset begins."""
        return self.data.rfind(b"\n", 0, offset) + 1

    def after_line(self, offset: int) -> int:
        """Where the line after that of an offset begins."""
        end = self.data.find(b"\n", offset)
        return len(self.data) if end < 0 else end + 1
