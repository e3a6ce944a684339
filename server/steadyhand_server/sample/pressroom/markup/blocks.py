"""Markup of whole lines: headings, paragraphs, lists, quotes and code."""

import re
from collections import Counter
from collections.abc import Callable
from html import escape

from pressroom.markup.inline import render_inline
from pressroom.text import plain_text, slugify

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*$")
_FENCE = re.compile(r"```\s*([\w+-]*)\s*$")
_RULE = re.compile(r"(?:-{3,}|\*{3,})\s*$")
_QUOTE = re.compile(r">\s?(.*)$")
_BULLET = re.compile(r"[-*+]\s+(.+)$")
_NUMBER = re.compile(r"\d+\.\s+(.+)$")
_STARTS = (_HEADING, _FENCE, _RULE, _QUOTE, _BULLET, _NUMBER)


def render_markup(source: str) -> str:
    """Render the body of a post as HTML."""
    return "\n".join(_BlockReader(source.splitlines()).blocks())


class _BlockReader:
    """Reads lines one block at a time."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.position = 0
        self.anchors: Counter[str] = Counter()

    def blocks(self) -> list[str]:
        """Render all blocks, in order."""
        rendered: list[str] = []
        while self.position < len(self.lines):
            line = self.lines[self.position]
            if not line.strip():
                self.position += 1
            else:
                rendered.append(self._reader_for(line)())
        return rendered

    def _reader_for(self, line: str) -> Callable[[], str]:
        """Choose how to read the block that starts with a line."""
        if _FENCE.match(line):
            return self._code
        if _HEADING.match(line):
            return self._heading
        if _RULE.match(line):
            return self._rule
        if _QUOTE.match(line):
            return self._quote
        if _BULLET.match(line):
            return lambda: self._list("ul", _BULLET)
        if _NUMBER.match(line):
            return lambda: self._list("ol", _NUMBER)
        return self._paragraph

    def _next_line(self) -> str:
        """Take the current line."""
        line = self.lines[self.position]
        self.position += 1
        return line

    def _heading(self) -> str:
        """Read a heading and give it an anchor."""
        match = _HEADING.match(self._next_line())
        assert match is not None
        level = len(match[1])
        anchor = slugify(plain_text(match[2])) or "section"
        self.anchors[anchor] += 1
        if self.anchors[anchor] > 1:
            anchor = f"{anchor}-{self.anchors[anchor]}"
        return f'<h{level} id="{anchor}">{render_inline(match[2])}</h{level}>'

    def _rule(self) -> str:
        """Read a horizontal rule."""
        self._next_line()
        return "<hr>"

    def _code(self) -> str:
        """Read up to the closing fence, or to the end when there is none."""
        match = _FENCE.match(self._next_line())
        assert match is not None
        code: list[str] = []
        while self.position < len(self.lines):
            line = self._next_line()
            if line.rstrip() == "```":
                break
            code.append(line + "\n")
        language = f' class="language-{match[1]}"' if match[1] else ""
        return f"<pre><code{language}>{escape(''.join(code), quote=False)}</code></pre>"

    def _quote(self) -> str:
        """Read a quote, which may hold any block."""
        quoted: list[str] = []
        while self.position < len(self.lines):
            match = _QUOTE.match(self.lines[self.position])
            if match is None:
                break
            quoted.append(match[1])
            self.position += 1
        inner = "\n".join(_BlockReader(quoted).blocks())
        return f"<blockquote>\n{inner}\n</blockquote>"

    def _list(self, element: str, pattern: re.Pattern[str]) -> str:
        """Read list items; an indented line continues the item above it."""
        items: list[str] = []
        while self.position < len(self.lines):
            line = self.lines[self.position]
            match = pattern.match(line)
            if match is not None:
                items.append(match[1].strip())
            elif line.startswith("  ") and line.strip():
                items[-1] += "\n" + line.strip()
            else:
                break
            self.position += 1
        rows = "\n".join(f"<li>{render_inline(item)}</li>" for item in items)
        return f"<{element}>\n{rows}\n</{element}>"

    def _paragraph(self) -> str:
        """Read up to a blank line or the start of another block."""
        text = [self._next_line().strip()]
        while self.position < len(self.lines):
            line = self.lines[self.position]
            if not line.strip() or any(start.match(line) for start in _STARTS):
                break
            text.append(line.strip())
            self.position += 1
        content = render_inline("\n".join(text))
        return f"<p>{content}</p>"
