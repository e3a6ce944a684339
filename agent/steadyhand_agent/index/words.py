"""The words by which a definition is found when somebody describes it or writes it anew.

Owns how names are split, which words are dropped, what a word weighs by where it stands, and
which words stand in for one another (`synonyms.txt`). Knows no language's grammar: a name, a
signature, a doc line and a body are text to it. Never keeps a definition; `word_index.py` does.

Two functions that do the same but are written differently share hardly any structure (4 % are
found by it), yet they share words: in their names, their docs, and the things they call. Which
words a body adds is read off its bytes, cut at what no name holds, and what a piece says is looked
up whole: this runs over every function of a workspace when it is indexed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import cast
from zlib import crc32

import Stemmer

from steadyhand_agent.index.definitions import Definition

# What a word weighs by where it stands; a tenth is one called name.
NAME = 30
DOC = 20
PARAMETER = 10
CALLED = 10
ATTRIBUTE = 7
BODY = 3
# A byte holds a weight in the index; a name that says one word five times says it once too often.
MAX_WEIGHT = 255
# Helpers have 15 on average; what a long function adds beyond these finds nothing.
MAX_WORDS = 40
# What a function is about stands in its first lines; reading on cost a fifth more time and found
# nothing more.
MAX_BODY = 1_500

Words = dict[str, int]

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Which letters are capitals is not asked outside ASCII, where most scripts have none.
_PARTS_ANYWHERE = re.compile(r"[^\W\d_]+|\d+")
_TOKENS = re.compile(r"\w\w+")
_PLACED = re.compile(r"\.?\w\w+\(?")
# What stands between names, but for the signs that show their place, becomes a space.
_BETWEEN = bytes(
    byte if byte >= 0x80 or chr(byte).isalnum() or byte in b"_.(" else 0x20 for byte in range(256)
)
# So many tokens are remembered; a large workspace has more, but most of those only once.
_MOST_KNOWN = 20_000
_PYTHON_HEAD_END = re.compile(r":[ \t]*(?:#[^\n]*)?\n")
_PYTHON_DOC = re.compile(r"\s*[rRuU]?(\"\"\"|''').*?\1", re.DOTALL)
_ENTRY = struct.Struct("<IB")

# Words that tell nothing apart, wherever they stand.
_STOP = frozenset(
    """
    a an and are arg args as at be by can cls data for from if in into is it its kwargs obj of on or
    self than that the their then there this to value was where whether which will with you your
    """.split()  # noqa: SIM905
)
# Keywords and plain types of the languages that are indexed: part of the writing in a body or a
# signature, but words like any other in a name or a doc.
_KEYWORDS = frozenset(
    """
    Any None Self String True False abstract and assert async auto await bool boolean break byte
    case catch char class const constexpr continue crate def default defer del delete do double
    dyn elif else elseif end enum except export extends extern final finally float fn for
    foreach from func function global go goto i32 i64 if impl implements import in instanceof
    int interface is lambda let long match mod module mut namespace new nil nonlocal not null
    nullptr object operator or override package pass private protected pub public raise readonly
    ref require rescue return self short signed sizeof static str string struct super switch
    synchronized template this throw throws trait transient try type typedef typename typeof u32
    u64 u8 undefined union unless unsafe unsigned until use using usize val var virtual void
    volatile when while with yield
    """.split()  # noqa: SIM905
)


def describable(definition: Definition) -> bool:
    """True for what somebody could use instead of writing it anew; only that is indexed."""
    return not (
        definition.kind == "constant"
        or definition.local
        or definition.test
        or definition.generated
        or definition.trivial
        or (definition.name.startswith("__") and definition.name.endswith("__"))
    )


def words_of_definition(definition: Definition, text: str) -> Words:
    """The words under which the index keeps a definition.

    Args:
        definition: What is described.
        text: Its text, from `start` to `end`.
    """
    # A class is described by its name and doc; what its methods do is theirs.
    body = "" if definition.kind in ("class", "type") else body_after_head(text, definition.name)
    return words_of(definition.name, definition.signature, definition.doc, body)


def words_of(name: str, signature: str, doc: str, body: str | bytes) -> Words:
    """The words of one definition with their weights.

    Args:
        name: The bare name.
        signature: One line with parameters; the name in it is not counted again.
        doc: The first line of its documentation, or a description in a person's words.
        body: Its text. It may begin with signature and docstring: what stands there again as
            body weighs next to nothing.

    Returns:
        At most `MAX_WORDS` stems, the weightiest ones.
    """
    weights: Words = {}
    for text, weight in ((name, NAME), (doc, DOC)):
        for token in _TOKENS.findall(text):
            for word in _SPLIT[token]:
                weights[word] = weights.get(word, 0) + weight
    for _, stems in map(_placed, _pieces(signature.partition("(")[2])):
        for word in stems:
            weights[word] = weights.get(word, 0) + PARAMETER
    if body:
        found = _body_words(body)
        for word, weight in weights.items():
            found[word] = found.get(word, 0) + weight
        weights = found
    if len(weights) > MAX_WORDS:
        heaviest = sorted(weights.items(), key=itemgetter(1), reverse=True)
        weights = dict(heaviest[:MAX_WORDS])
    return weights


def _body_words(body: str | bytes) -> Words:
    """What a body adds: a word counts once, by the best place it stands in."""
    found: Words = {}
    for weight, stems in map(_placed, dict.fromkeys(_pieces(body[:MAX_BODY]))):
        for word in stems:
            if found.get(word, 0) < weight:
                found[word] = weight
    return found


def _pieces(text: str | bytes) -> list[bytes]:
    """A text's names as they stand in it: `.strip(`, `.title`, `text`."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    # Ten times faster than a pattern would find them.
    return data.translate(_BETWEEN).replace(b".", b" .").replace(b"(", b"( ").split()


class _Placed(dict[bytes, tuple[int, tuple[str, ...]]]):
    """The weight and the stems of a piece as it stands in a body."""

    def __missing__(self, piece: bytes) -> tuple[int, tuple[str, ...]]:
        weight = 0
        stems: list[str] = []
        # Outside ASCII a piece may hold several names: not every quotation mark is a byte.
        for token in _PLACED.findall(piece.decode("utf-8", "replace")):
            if (name := token.strip(".(")) not in _KEYWORDS:
                place = CALLED if token[-1] == "(" else ATTRIBUTE if token[0] == "." else BODY
                weight = max(weight, place)
                stems += _SPLIT[name]
        if len(self) >= _MOST_KNOWN:
            self.clear()
        found = self[piece] = weight, tuple(stems)
        return found


def body_after_head(text: str, name: str) -> str:
    """A definition's text without what its own head and a Python docstring say.

    Args:
        text: The whole definition.
        name: Its bare name.
    """
    at = text.find(name) + len(name)
    if at < len(name):
        return text
    head = _PYTHON_HEAD_END.search(text, at)
    docstring = _PYTHON_DOC.match(text, head.end()) if head else None
    if docstring:
        return text[docstring.end() :]
    line_end = text.find("\n", at)
    return text[line_end:] if line_end >= 0 else text


class _Split(dict[str, tuple[str, ...]]):
    """The stems of a token."""

    def __missing__(self, token: str) -> tuple[str, ...]:
        together = _written_together()
        lower = token.lower()
        found: list[str] = list(together.get(lower, ()))
        for part in (_PARTS if token.isascii() else _PARTS_ANYWHERE).findall(token):
            word = part.lower()
            if len(word) < 2 or word in _STOP:
                continue
            if word != lower:
                found.extend(together.get(word, ()))
            found.append(_STEMS[word])
        if len(self) >= _MOST_KNOWN:
            self.clear()
        stems = self[token] = tuple(dict.fromkeys(found))
        return stems


class _Stems(dict[str, str]):
    """Words without their endings."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        found = self[word] = _stemmer()(word)
        return found


class _Numbers(dict[str, int]):
    """The numbers of stems."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        found = self[word] = crc32(word.encode("utf-8", "replace"))
        return found


# Plain dictionaries: `map` over one costs a third of a call to a function that remembers.
_SPLIT = _Split()
_STEMS = _Stems()
_NUMBERS = _Numbers()
_placed = _Placed().__getitem__


@cache
def _stemmer() -> Callable[[str], str]:
    # Its own cache would be a second one.
    return cast("Callable[[str], str]", Stemmer.Stemmer("english", 0).stemWord)


def stem(word: str) -> str:
    """A lower-case word without its endings."""
    return _STEMS[word]


@cache
def _table() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """What `synonyms.txt` says: related words by stem, and stems by a name written together."""
    related: dict[str, dict[str, None]] = {}
    together: dict[str, tuple[str, ...]] = {}
    text = Path(__file__).with_name("synonyms.txt").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        left, arrow, right = line.partition("->")
        if arrow:
            together[left.strip()] = tuple(stem(word) for word in right.split())
            continue
        group = [stem(word) for word in left.split()]
        for word in group:
            related.setdefault(word, {}).update(dict.fromkeys(w for w in group if w != word))
    return {word: tuple(others) for word, others in related.items()}, together


def _written_together() -> dict[str, tuple[str, ...]]:
    return _table()[1]


def related(word: str) -> tuple[str, ...]:
    """Stems that a search for this one should find as well."""
    return _table()[0].get(word, ())


def word_id(word: str) -> int:
    """The number under which the index keeps a stem; the same in every process and version."""
    return _NUMBERS[word]


def packed(words: Mapping[str, int]) -> bytes:
    """Words as the index takes them: five bytes each, the number of the stem and its weight."""
    flat = [MAX_WEIGHT] * (2 * len(words))
    flat[::2] = map(_NUMBERS.__getitem__, words)
    weights = words.values()
    heavy = words and max(weights) > MAX_WEIGHT
    flat[1::2] = [min(w, MAX_WEIGHT) for w in weights] if heavy else weights
    return _entries(len(words)).pack(*flat)


@cache
def _entries(count: int) -> struct.Struct:
    return struct.Struct("<" + "IB" * count)


def unpacked(data: bytes) -> Iterable[tuple[int, int]]:
    """The inverse of `packed`, as numbers."""
    return _ENTRY.iter_unpack(data)
