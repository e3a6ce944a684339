"""The normalised form of a function: what two definitions must share to say the same thing.

Dropped: layout, comments, the docstring, type annotations, grouping parentheses, trailing commas,
the function's own name. Renamed in the order in which they are bound: parameters and locals. Kept
to the letter: called names, attribute names, globals, operators, keywords, and where a block ends.
These choices follow measurements on labelled mutants of real functions: without dropping comments,
parentheses and trailing commas a fifth of the layout-only copies were missed, and renaming called
names or attributes merged functions that mean different things.

A form has two digests, with literal values (*body*) and without (*shape*), and its tokens; of them
a sketch is made for what is only nearly alike: the 32 smallest hashes of the runs of four tokens,
for as many texts at once as are at hand. A text is read once: a query
of the language names what is dropped or bound, those ranges are blanked in a copy of the text, one
regular expression reads the rest, and what can be done for all functions of a text at once is done
in NumPy.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tree_sitter import Node

Sketch = NDArray[np.uint32]
SKETCH_SIZE = 32
RUN = 4

_NAME = rb"[A-Za-z_$\x80-\xff][A-Za-z_0-9$\x80-\xff]*"
# In the order of their frequency, since every alternative before the right one costs time.
_TOKEN = re.compile(
    _NAME + rb"|[()\[\]{},]"
    rb'|"(?: ?")*'  # a quotation mark is a whole string, blanked; adjacent ones are one
    rb"|\.(?:" + _NAME + rb"|\.+)|=[=>]?=?"  # `.name` is one token, never taken for a local
    rb"|[0-9](?:'?[0-9a-zA-Z_]|\.(?![.A-Za-z_])|(?<=[0-9][eE])[+-])*"  # not `1..n`, not `3.days`
    rb"|(?:->|::|\?\.)" + _NAME + rb"|!==?|[<>]{2,3}=?|\*\*=?|//=?|&&|\|\||\?\?|\+\+|--"
    rb"|[-+*/%@&|^<>:]=|[^\s;]"
)
# The dot comes first and what may not stand before it after: from a letter a pattern is searched
# as fast as memory is read, from a look-behind at every byte.
_SPACED_DOT = re.compile(rb"\.(?<![.\d]\.)[\s\\]+(?=[A-Za-z_])")
_CONTINUED = re.compile(rb"\\\r?\n")
_QUOTED = re.compile(rb"(?s)([rRbB]?)[uUfF]?(\"\"\"|\'\'\'|[\"\'`])(.*)\2")
_TRAILING_COMMA = re.compile(rb",(?=\s*[)\]}])")
_DIGITS = frozenset(b"0123456789")
_OWN = -1
_OWN_NAME = b"\x02"
_NUMBER = 1 << 61
_NAMED = 1 << 60
_MASK = _NAMED - 1
_IS_NAME = re.compile(rb"(?:\?\.|->|::|\.)?[A-Za-z_$\x80-\xff]")
# Of all languages: what they share with every function says nothing of this one.
_KEYWORDS = frozenset(
    b"""and as assert async auto await bool boolean break case catch char class const continue def
    default defer delete del do double elif else elsif end enum except export extends extern false
    False final finally float fn for foreach from func function global go goto if impl import in
    instanceof int interface is lambda let local long loop match mod module mut namespace new next
    nil None nonlocal not null nullptr object of or package pass private protected pub public raise
    range ref repeat rescue return select self Self short signed static str string String struct
    super switch template then this throw throws trait true True try type typedef typename typeof
    undefined union unless unsafe unsigned until use using var virtual void where while with
    yield""".split()
)
# Block ends are written over the white space that follows; so many of them fit into one byte.
_BLOCK_END = 0x0E
_MOST_ENDS = 16
_SINGLE_COMMA = 0x01
_SIGN = 0x03
_MOST_KNOWN = 40_000
_CODE_LINE = re.compile(rb"[^\x00-\x20][^\n]*")
_TO_BLANKS = bytes(byte if byte == 0x0A else 0x20 for byte in range(256))


class _Codes(dict[bytes, int]):
    """A number for each token: the same in every process, so that it can be stored."""

    def __missing__(self, token: bytes) -> int:
        # Adjacent strings are one string.
        what = b'"' if token[0] == 0x22 else token
        digest = blake2b(what, digest_size=8).digest()
        code = int.from_bytes(digest, "little") & _MASK
        if token[0] in _DIGITS:
            code |= _NUMBER
        elif token not in _KEYWORDS and _IS_NAME.match(token) is not None:
            code |= _NAMED
        self[token] = code
        return code


_KNOWN = _Codes()
# How a name may be asked for, beside being called by itself.
_LED_TO = (b"", b".", b"::", b"->")
_HALF = 0xFFFFFFFF
_ANY_NUMBER = _Codes()[b"\0number"]
_ANY_LOCAL = np.uint64(_Codes()[b"\0local"])
# Fibonacci hashing: 2^64 divided by the golden ratio (Knuth, TAOCP 6.4).
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Form(NamedTuple):
    """A normalised definition.

    Attributes:
        body: Digest with literal values, 16 hex digits.
        shape: Digest without.
        tokens: The tokens as characters of a string, for an exact comparison of two candidates;
            those from U+8000 on are names that are called, read or asked of something.
        words: The words under which it is found by a description (`words.packed`).
    """

    body: str
    shape: str
    tokens: str
    words: bytes = b""


NO_FORM = Form("", "", "")


class TokenStream:
    """The tokens of one text, from which the forms of its definitions are read.

    Args:
        data: The text.
        captures: What the language's query found (see `languages/language.py`).
        comments: Spans of comments.
        docstrings: Spans of docstrings, dropped like comments.

    Attributes:
        mentions: The names that the definitions call, read or ask of something, by the keys of
            `mention_keys`; filled by `forms`.
    """

    def __init__(
        self,
        data: bytes,
        captures: Mapping[str, Sequence[Node]],
        comments: Sequence[tuple[int, int]],
        docstrings: Sequence[tuple[int, int]],
    ) -> None:
        self._data = data
        self.masked = bytearray(data)
        self._strings: list[tuple[int, int]] = []
        self._mask_strings(captures.get("string", ()), captures.get("interpolation", ()))
        masked = self.masked
        for start, end in comments:
            masked[start:end] = data[start:end].translate(_TO_BLANKS)
        dropped = 0
        for start, end in sorted([(n.start_byte, n.end_byte) for n in captures.get("drop", ())]):
            if end > dropped:  # What stands inside of another has gone with it.
                self._drop(start, end)
                dropped = end
        for start, end in docstrings:
            self._blank(start, end)
            low, high = bisect_left(self._strings, (start, 0)), bisect_left(self._strings, (end, 0))
            del self._strings[low:high]
        for node in captures.get("sign", ()):
            masked[node.start_byte] = _SIGN
        bare = self._mark_arguments(captures.get("arguments", ()))
        for node in captures.get("single", ()):
            self._keep_comma(node.end_byte)
        for match in _TRAILING_COMMA.finditer(masked):
            masked[match.start()] = 0x20
        for node in captures.get("paren", ()):
            masked[node.start_byte] = 0x20
            masked[node.end_byte - 1] = 0x20
        for node in captures.get("key", ()):
            # With its first byte marked it is never taken for a local, and stays what it is.
            masked[node.start_byte] |= 0x80
        for match in _CONTINUED.finditer(masked):
            masked[match.start()] = 0x20
        for match in _SPACED_DOT.finditer(masked):
            masked[match.start()] = 0x20
            masked[match.end() - 1] = 0x2E
        # Where each line with code begins and ends; later a block's end may take a newline's place.
        self._code = [match.span() for match in _CODE_LINE.finditer(masked)]
        self._mark_ends([*bare, *[node.end_byte for node in captures.get("block", ())]])
        self._bound = _positions(data, captures.get("bind", ()))
        self._outside = _positions(data, captures.get("outside", ()))
        self.mentions: frozenset[int] = frozenset()
        self._codes: list[int] = []
        self._ends: list[int] = []
        self._literals: list[bytes] = []

    def add(self, start: int, end: int, name: tuple[int, int], again: bytes) -> int:
        """Reads one definition; its form is in `forms` at the index returned.

        Args:
            start: Byte offset.
            end: Byte offset.
            name: Byte offsets of its own name, which does not count.
            again: What it calls itself by.
        """
        name_start, name_end = name
        bound = self._bound
        own: dict[bytes, int] = {}
        low, high = bisect_left(bound, (start, b"")), bisect_left(bound, (end, b""))
        for at, local in bound[low:high]:
            if at != name_start and local not in own:
                own[local] = -len(own) - 2
        if self._outside:
            at = bisect_left(self._outside, (start, b""))
            for _, outer in self._outside[at : bisect_left(self._outside, (end, b""))]:
                own.pop(outer, None)
        # A local may have the function's own name; else the name is a call of itself.
        own.setdefault(again, _OWN)
        self.masked[name_start:name_end] = _OWN_NAME.ljust(name_end - name_start)
        local_code, known = own.get, _KNOWN
        # What was blanked is long; without it the pattern is tried half as often.
        tokens: list[bytes] = _TOKEN.findall(b" ".join(bytes(self.masked[start:end]).split()))
        self._codes += [local_code(token) or known[token] for token in tokens]
        self._ends.append(len(self._codes))
        strings = self._strings
        first = bisect_left(strings, (start, 0))
        last = bisect_left(strings, (end, 0))
        data = self._data
        self._literals.append(b"\0".join([_content(data[s:e]) for s, e in strings[first:last]]))
        return len(self._ends) - 1

    def forms(self) -> list[Form]:
        """The forms of what was added, in that order."""
        if len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.clear()
        if not self._ends:
            return []
        exact = np.array(self._codes, dtype=np.int64)
        named = exact[(exact > 0) & (exact & _NAMED != 0)] & _HALF
        self.mentions = frozenset(np.unique(named).tolist())
        shaped = np.where((exact > 0) & (exact & _NUMBER != 0), _ANY_NUMBER, exact)
        blind = np.where(shaped < 0, _ANY_LOCAL, shaped.astype(np.uint64))
        characters = ((blind * _FACTOR) >> np.uint64(49)).astype("<u2")
        # The highest bit tells the names, which carry the meaning, from all other tokens.
        characters |= np.where(blind & np.uint64(_NAMED) != 0, 0x8000, 0).astype("<u2")
        # Surrogates cannot stand in a string alone; two values less make no difference.
        characters[(characters >> 11) == 0b11011] ^= 0x4000
        text = characters.tobytes().decode("utf-16-le")
        pieces = [text[s:e] for s, e in zip([0, *self._ends], self._ends, strict=False)]
        found: list[Form] = []
        start = 0
        exact_bytes, shaped_bytes = exact.tobytes(), shaped.tobytes()
        for end, literals, piece in zip(self._ends, self._literals, pieces, strict=True):
            without = shaped_bytes[8 * start : 8 * end]
            written = exact_bytes[8 * start : 8 * end] + literals
            shape = body = blake2b(without, digest_size=8).hexdigest()
            if written != without:
                body = blake2b(written, digest_size=8).hexdigest()
            found.append(Form(body, shape, piece))
            start = end
        return found

    def code_lines(self, spans: Sequence[tuple[int, int]]) -> list[int]:
        """How many lines of each span hold code, the whole first line included."""
        starts, ends = zip(*self._code, strict=True) if self._code else ((), ())
        return [bisect_left(starts, end) - bisect_left(ends, start) for start, end in spans]

    def _blank(self, start: int, end: int) -> None:
        self.masked[start:end] = self._data[start:end].translate(_TO_BLANKS)

    def _drop(self, start: int, end: int) -> None:
        """Blanks an annotation with the sign that leads to it."""
        self._blank(start, end)
        masked = self.masked
        # It is near; before a method may stand a long comment, blanked.
        near = max(0, start - 80)
        at = near + len(masked[near:start].rstrip(b" \t\n\r\\")) - 1
        if at >= 0 and masked[at] == 0x3A and masked[at - 1] != 0x3A:  # `:`, but not `::`
            masked[at] = 0x20
        elif at >= 1 and masked.endswith(b"->", 0, at + 1):
            masked[at - 1 : at + 1] = b"  "

    def _keep_comma(self, end: int) -> None:
        at = self.masked.rfind(b",", 0, end)
        if at >= 0:
            self.masked[at] = _SINGLE_COMMA

    def _mark_arguments(self, lists: Sequence[Node]) -> list[int]:
        """Makes `f(a, b)` of `f a, b`: what counts is where the arguments end.

        Returns:
            The ends of those without brackets, which are yet to be marked.
        """
        masked = self.masked
        bare: list[int] = []
        for node in lists:
            start, end = node.start_byte, node.end_byte
            if masked[start] == 0x28 and masked[end - 1] == 0x29:
                masked[start], masked[end - 1] = 0x20, _BLOCK_END
            else:
                bare.append(end)
        return bare

    def _mark_ends(self, ends: list[int]) -> None:
        masked, size = self.masked, len(self.masked)
        for end in ends:
            if end < size:
                old = masked[end]
                if old <= 0x0D or old == 0x20:
                    masked[end] = _BLOCK_END
                elif _BLOCK_END <= old < _BLOCK_END + _MOST_ENDS:
                    masked[end] = old + 1

    def _mask_strings(self, strings: Sequence[Node], interpolations: Sequence[Node]) -> None:
        inner = sorted([(node.start_byte, node.end_byte) for node in interpolations])
        masked = self.masked
        pieces = self._strings
        for node in strings:
            start, end = node.start_byte, node.end_byte
            if not inner:
                pieces.append((start, end))
                continue
            at = start
            index = bisect_left(inner, (start, 0))
            while index < len(inner) and inner[index][0] < end:
                opened, closed = inner[index]
                if opened >= at:
                    # The expression inside stays code: its names may be locals.
                    pieces.append((at, opened))
                    at = closed
                index += 1
            pieces.append((at, end))
        pieces.sort()
        for start, end in pieces:
            if start < end:
                self._blank(start, end)
                masked[start] = 0x22


def mention_keys(name: str) -> list[int]:
    """The keys under which a file's functions may mention a name."""
    data = name.encode("utf-8", "replace")
    return [_KNOWN[sign + data] & _HALF for sign in _LED_TO]


def sketches(texts: Sequence[str]) -> list[Sketch]:
    """The smallest hashes of the runs of tokens in each text, ascending.

    Bottom-k sketches (Broder 1997): the share of common hashes estimates the share of common runs.
    """
    keys = sketched_runs(texts)
    first = np.searchsorted(keys >> np.uint64(32), np.arange(len(texts) + 1, dtype=np.uint64))
    hashes = keys.astype(np.uint32)
    return [hashes[low:high] for low, high in pairwise(first.tolist())]


def sketched_runs(texts: Sequence[str]) -> NDArray[np.uint64]:
    """The sketches of many texts, ascending: a text's number, and a hash below it."""
    codes = np.frombuffer("".join(texts).encode("utf-16-le"), dtype="<u2").astype(np.uint64)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    count = len(codes) - RUN + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    mixed = codes[:count].copy()
    for place in range(1, RUN):
        mixed |= codes[place : place + count] << np.uint64(16 * place)
    mixed *= _FACTOR
    mixed ^= mixed >> np.uint64(29)
    mixed *= _FACTOR
    owner = np.repeat(np.arange(len(texts), dtype=np.uint64), lengths)
    # A run that begins in one function and ends in the next is nobody's.
    whole = owner[:count] == owner[RUN - 1 :]
    keys = ((owner[:count] << np.uint64(32)) | (mixed >> np.uint64(32)))[whole]
    keys.sort()
    keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))] if len(keys) else keys
    # What has as many smaller hashes of the same text before it as a sketch holds is left out.
    taken = np.ones(len(keys), dtype=bool)
    taken[SKETCH_SIZE:] = (keys[SKETCH_SIZE:] ^ keys[:-SKETCH_SIZE]) >> np.uint64(32) != 0
    return keys[taken]


def _content(literal: bytes) -> bytes:
    """What a string says, whatever its quotation marks."""
    match = _QUOTED.fullmatch(literal)
    return match.group(1).lower() + match.group(3) if match else literal


def _positions(data: bytes, nodes: Sequence[Node]) -> list[tuple[int, bytes]]:
    return sorted([(start := node.start_byte, data[start : node.end_byte]) for node in nodes])
