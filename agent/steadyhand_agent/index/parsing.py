"""Parses one text within bounds: none, however made, takes more time or memory than code needs.

Owns what a parser is spared (runs of comments, brackets and signs that nest too deep) and when it
is stopped. Offsets stay: what is left out is blanked. Knows nothing of definitions.
"""

from __future__ import annotations

import re
import sys
import time
from resource import RUSAGE_SELF, getrusage

import numpy as np
from tree_sitter import Node, Parser

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.languages.language import Language
from steadyhand_agent.workspace import utf8

# Past 65,535 open nodes a query's time explodes, and each unclosed bracket is one: in a text that
# nests deeper than the first number, brackets beyond the second are blanked.
_MOST_BRACKETS = 2_000
_KEPT_BRACKETS = 200
_BRACKET = re.compile(rb"[()\[\]{}]|\n(?=[A-Za-z@#/])")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"()[]{}")
_STEPS = np.array([(b in b"([{") - (b in b")]}") for b in range(256)], dtype=np.int8)
_CHUNK = 262_144
# What nests without a bracket that closes it (`a = b = ...`, `A<B<...`): when such a statement ends
# in an error, memory grows with the square of the depth, in one step that nothing can interrupt.
# In a statement with so many of them those behind are blanked.
_MOST_OPEN = 150
_OPENS = re.compile(rb"(?<![<>=!])[<=](?![<=])|(?<![-=])>|</|/>|[;{},]")
# How much a parser may take. A thousand lines take 2 MB; what takes this is no one's code.
_MOST_MEMORY = 192 << 20
_LOOK_EVERY = 16
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
_TO_SEMICOLON = bytes.maketrans(b"{}", b";;")
BOM = "\ufeff"
# tree-sitter's time grows with the square of a run of comment lines; such a run is blanked first.
_COMMENT_RUN = re.compile(rb"(?m)(?:^[ \t]*(?:#|//|--)[^\n]*(?:\n|\Z)){100,}")


class TooSlow(SteadyhandError):
    """A text takes longer to parse than anyone would wait."""


def encoded(text: str) -> bytes:
    """A text as it is parsed: UTF-8, offsets kept, and no byte order mark."""
    data = utf8(text)
    if text.startswith(BOM):
        # The mark would be an error at the first token; an empty line of its length is nothing.
        return b"\r\r\n" + data[3:]
    return data


def parse(language: Language, data: bytes, seconds: float = 5.0) -> Node:
    """The root node of a text.

    Raises:
        TooSlow: It took longer than `seconds`, or more memory than any code needs.
    """
    if language.is_blank is not None:
        data = language.is_blank.sub(_blanked, data)
    if data.count(b"\n#") + data.count(b"\n//") + data.count(b"\n--") >= 100:
        data = _COMMENT_RUN.sub(_blanked, data)
    if _nests_deep(data):
        data = _flattened(data)
    if language.nests:
        data = _without_deepest(data, language.nests)
    until = time.monotonic() + seconds
    looks, most = 0, 0

    def overdue(_offset: int, _has_error: bool) -> bool:
        nonlocal looks, most
        looks += 1
        if looks % _LOOK_EVERY:
            return False
        peak = getrusage(RUSAGE_SELF).ru_maxrss * _MEMORY_UNIT
        most = most or peak + _MOST_MEMORY
        return peak > most or time.monotonic() > until

    size = _CHUNK

    def piece(offset: int, _point: object) -> bytes:
        return data[offset : offset + size]

    parser = Parser(language.parser_language)
    try:
        tree = parser.parse(piece, progress_callback=overdue)
    except ValueError:
        raise TooSlow(
            f"Parsing takes longer than {seconds:g} s or more than {_MOST_MEMORY >> 20} MB."
        ) from None
    # From now on it is asked for the texts of single nodes, a byte at a time.
    size = 1
    return tree.root_node


def _nests_deep(data: bytes) -> bool:
    """True where brackets may nest too deep to be anyone's code; strings are not told apart."""
    brackets = data.translate(None, _NO_BRACKETS)
    if len(brackets) <= _MOST_BRACKETS:
        return False
    depth = np.cumsum(_STEPS[np.frombuffer(brackets, dtype=np.uint8)], dtype=np.int32)
    return int((depth - np.minimum.accumulate(depth)).max()) >= _MOST_BRACKETS


def _flattened(data: bytes) -> bytes:
    """The text without the brackets that nest too deep to be anyone's code."""
    depth = deepest = 0
    too_deep: list[int] = []
    for match in _BRACKET.finditer(data):
        sign = match.group()
        if sign == b"\n":
            depth = 0  # Text that begins in the first column is nobody's inside.
            continue
        opens = sign in b"([{"
        depth = depth + 1 if opens else depth
        if depth > _KEPT_BRACKETS:
            too_deep.append(match.start())
        deepest = max(deepest, depth)
        depth = depth if opens else max(0, depth - 1)
    if deepest <= _MOST_BRACKETS:
        return data
    flat = bytearray(data)
    for at in too_deep:
        flat[at] = 0x20
    return bytes(flat)


def _without_deepest(data: bytes, signs: tuple[bytes, ...]) -> bytes:
    """The text without what nests too deep in one statement, though no bracket says so."""
    long = [
        piece for piece in data.translate(_TO_SEMICOLON).split(b";") if len(piece) > 2 * _MOST_OPEN
    ]
    if not any(piece.count(sign) > _MOST_OPEN for piece in long for sign in signs):
        return data
    open_now: dict[bytes, int] = {}
    too_deep: list[int] = []
    for match in _OPENS.finditer(data):
        sign = match.group()
        if sign in signs:
            open_now[sign] = open_now.get(sign, 0) + 1
            if open_now[sign] > _MOST_OPEN:
                too_deep.append(match.start())
        elif sign == b">":
            open_now[b"<"] = max(0, open_now.get(b"<", 0) - 1)
        elif sign == b",":
            open_now.pop(b"=", None)
        else:
            open_now.clear()
    flat = bytearray(data)
    for at in too_deep:
        flat[at] = 0x20
    return bytes(flat)


def _blanked(match: re.Match[bytes]) -> bytes:
    return b"\n".join([b" " * len(line) for line in match.group().split(b"\n")])
