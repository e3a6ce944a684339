"""Clones made from real functions by small, named operators; the same seed gives the same clones.

Owns the operators of three tiers: T1 (layout, comments, redundant parentheses, trailing commas), T2
(names of locals, literal values) and T3 (statements added, removed, changed, wrapped or swapped).
An operator answers with edits of the text; what no longer parses is thrown away, so every clone is
a text that its language accepts.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from random import Random
from typing import TypeVar

from tree_sitter import Node

from syntax import Syntax, below

T = TypeVar("T")
Edit = tuple[int, int, bytes]
# Answers with edits, or with none where it does not apply.
Operator = Callable[[Syntax, Node, bytes, Random], list[Edit]]

# A list of a hundred quoted words would be harder to read.
WORDS = (  # noqa: SIM905
    "account amount answer batch bound branch bucket budget cell chunk color column count course "
    "cursor day delta depth draft edge entry epoch extent factor field figure flag frame gap grade "
    "guard handle hint hour image item join kind label lane layer leaf letter limit lot mark mask "
    "matrix measure meter mode month net note offer order origin pace page pair part patch phase "
    "piece pivot plan pool price quota radius range rank ratio reach region ring rule sample scale "
    "score seat shade share shape sheet side signal size slice slot span spot stage step stock "
    "store strip sum table target term ticket tile topic total trace track turn unit vote wave"
).split()
# A clone that shares less than this with its original is another function; the share is of tokens,
# in order, before any name changes.
LEAST_ALIKE = 0.7
_SWAPPED = {
    b"==": b"!=", b"!=": b"==", b"===": b"!==", b"!==": b"===", b"<": b"<=", b"<=": b"<",
    b">": b">=", b">=": b">", b"and": b"or", b"or": b"and", b"&&": b"||", b"||": b"&&",
    b"+": b"-", b"-": b"+", b"*": b"+",
}  # fmt: skip
# What may stand in parentheses wherever it stands as a value.
_GROUPABLE = frozenset(
    {
        "identifier", "call", "call_expression", "method_invocation", "attribute", "field_access",
        "member_expression", "selector_expression", "binary_operator", "binary_expression",
        "comparison_operator", "boolean_operator", "not_operator", "integer", "number",
        "int_literal", "decimal_integer_literal", "string", "string_literal", "list", "dictionary",
        "subscript", "subscript_expression", "index_expression", "array", "ternary_expression",
        "interpreted_string_literal", "conditional_expression", "object_creation_expression",
        "new_expression", "object",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """A clone and how it was made."""

    code: str
    edits: int
    operators: tuple[str, ...]


def mutant(syntax: Syntax, code: str, tier: str, edits: int, rng: Random) -> Mutant | None:
    """A clone of a function, or None where it offers too little to change.

    Args:
        syntax: Its language.
        code: Its text.
        tier: `T1`, `T2` or `T3`.
        edits: For T3, how many statements change.
        rng: Where all choices come from.
    """
    data = code.encode()
    done: list[str] = []
    if tier == "T3":
        data, done = _several(syntax, data, STATEMENT, edits, rng)
        if len(done) < edits or _alike(syntax, code.encode(), data) < LEAST_ALIKE:
            return None
    if tier == "T2" or (tier == "T3" and rng.random() < 0.5):
        data, more = _several(syntax, data, NAME, 1 + (rng.random() < 0.5), rng)
        if tier == "T2" and not more:
            return None
        done += more
    if tier == "T1" or rng.random() < 0.3:
        data, more = _several(syntax, data, LAYOUT, rng.randint(1, 3), rng)
        if tier == "T1" and not more:
            return None
        done += more
    return Mutant(data.decode(), edits, tuple(done))


def _several(
    syntax: Syntax, data: bytes, operators: Sequence[Operator], count: int, rng: Random
) -> tuple[bytes, list[str]]:
    """Applies up to `count` operators; T3's may repeat, each of the others serves once."""
    done: list[str] = []
    left = list(operators)
    tries = 0
    while left and len(done) < count and tries < count * 6:
        tries += 1
        operator = rng.choice(left)
        if operators is not STATEMENT:
            left.remove(operator)
        changed = applied(syntax, data, operator, rng)
        if changed is not None:
            data = changed
            done.append(operator.__name__)
    return data, done


def applied(syntax: Syntax, data: bytes, operator: Operator, rng: Random) -> bytes | None:
    """The text after one operator, or None where it does not apply or no longer parses."""
    root = syntax.parse(data).root_node
    changed = data
    for start, end, new in sorted(operator(syntax, root, data, rng), reverse=True):
        changed = changed[:start] + new + changed[end:]
    if changed == data or syntax.parse(changed).root_node.has_error:
        return None
    return changed


def _alike(syntax: Syntax, one: bytes, other: bytes) -> float:
    return SequenceMatcher(None, syntax.tokens(one), syntax.tokens(other), autojunk=False).ratio()


# --- T1: what no reader of code would call a change ---


def blank_lines(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Empty lines before some statements."""
    starts = [_line_start(data, node) for node in _own_line(syntax, root, data)]
    return [(at, at, b"\n") for at in _some(starts, rng)]


def indentation(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Another width or kind of indentation."""
    inside = [(n.start_byte, n.end_byte) for n in below(root) if n.type in syntax.spanning]
    unit = rng.choice([b"  ", b"\t", b"      "])
    edits: list[Edit] = []
    at = 0
    for line in data.split(b"\n"):
        width = len(line) - len(line.lstrip(b" \t"))
        if width and line.strip() and not any(start < at < end for start, end in inside):
            columns = len(line[:width].expandtabs(4))
            edits.append((at, at + width, unit * (columns // 4) + b" " * (columns % 4)))
        at += len(line) + 1
    return edits


def line_breaks(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Argument lists over several lines."""
    edits: list[Edit] = []
    for node in _some(syntax.found("arguments", root), rng):
        indent = b" " * (4 + len(_margin(data, node)))
        for child in node.children:
            after = data[child.end_byte : child.end_byte + 1]
            if child.type == "," and after == b" " and child.end_byte < node.end_byte - 1:
                edits.append((child.end_byte, child.end_byte + 1, b"\n" + indent))
    return edits


def comments_in(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Comments before some statements."""
    edits: list[Edit] = []
    for node in _some(_own_line(syntax, root, data), rng):
        at = _line_start(data, node)
        remark = f"{syntax.remark}{' '.join(rng.sample(WORDS, 4))}\n".encode()
        edits.append((at, at, _margin(data, node) + remark))
    return edits


def comments_out(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """No comments any more."""
    return [(n.start_byte, n.end_byte, b"") for n in below(root) if n.type in syntax.comments]


def parentheses(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Values in parentheses that change nothing."""
    edits: list[Edit] = []
    for node in _some([n for n in syntax.found("value", root) if n.type in _GROUPABLE], rng):
        edits += [(node.start_byte, node.start_byte, b"("), (node.end_byte, node.end_byte, b")")]
    return edits


def trailing_commas(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Commas after last arguments."""
    if not syntax.trailing:
        return []
    edits: list[Edit] = []
    for node in _some(syntax.found("arguments", root), rng):
        last = node.named_children[-1] if node.named_children else None
        plain = last is not None and last.type in _GROUPABLE and last.end_byte == node.end_byte - 1
        if plain:
            edits.append((node.end_byte - 1, node.end_byte - 1, b","))
    return edits


# --- T2: other names, other values ---


def names(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Locals, parameters and the function itself under other names, consistently."""
    shared = {node.text for node in syntax.found("shared", root)}
    kept = {node.start_byte for node in syntax.found("keep", root)}
    bound = {n.text or b"" for n in syntax.found("bind", root)}
    known = {n.text for n in below(root) if not n.children}
    free = [word.encode() for word in WORDS if word.encode() not in known]
    rng.shuffle(free)
    renamed = {
        name: free.pop()
        for name in sorted(bound - {b"self", b"cls", b"_", b"this"})
        if name not in shared and free
    }
    return [
        (node.start_byte, node.end_byte, renamed[node.text])
        for node in below(root)
        if node.type == "identifier" and node.text in renamed and node.start_byte not in kept
    ]


def values(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Other strings and numbers."""
    edits: list[Edit] = []
    for node in below(root):
        if node.type in syntax.texts and not _in_statement_of_its_own(node):
            edits.append((node.start_byte, node.end_byte, " ".join(rng.sample(WORDS, 2)).encode()))
        elif node.type in syntax.numbers:
            edits.append((node.start_byte, node.end_byte, b"%d" % rng.randint(2, 97)))
    return edits


# --- T3: one statement each ---


def added(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """One more statement."""
    places = _own_line(syntax, root, data)
    if not places:
        return []
    node = rng.choice(places)
    text = rng.choice(syntax.statements).format(*rng.sample(WORDS, 3))
    at = _line_start(data, node)
    return [(at, at, _margin(data, node) + text.encode() + b"\n")]


def removed(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """One statement less."""
    uses = Counter(node.text for node in below(root) if node.type == "identifier")
    places = [
        node
        for node in _own_line(syntax, root, data)
        if node.type in syntax.simple
        and node.parent is not None
        and node.parent.named_child_count > 1
        # Without its declaration a local would be another thing in every statement after it.
        and not any(uses[name.text] > 1 for name in syntax.found("bind", node))
    ]
    if not places:
        return []
    node = rng.choice(places)
    return [(_line_start(data, node), _line_end(data, node), b"")]


def changed(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """One call, attribute or operator is another."""
    places = [*syntax.found("call", root), *syntax.found("operator", root)]
    if not places:
        return []
    node = rng.choice(places)
    text = node.text or b""
    new = _SWAPPED.get(text) or rng.choice(WORDS).encode()
    return [(node.start_byte, node.end_byte, new)]


def wrapped(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """One statement under a condition."""
    places = [
        node
        for node in _own_line(syntax, root, data)
        if node.type in syntax.simple
        and node.start_point[0] == node.end_point[0]
        # A declaration in a block of its own would be lost to what follows.
        and not node.type.endswith("_declaration")
    ]
    if not places:
        return []
    node = rng.choice(places)
    margin = _margin(data, node)
    start, end = _line_start(data, node), _line_end(data, node)
    head, foot = (part.format(rng.choice(WORDS)).encode() for part in syntax.condition)
    body = margin + head + b"\n    " + data[start:end].rstrip(b"\n") + b"\n"
    return [(start, end, body + (margin + foot + b"\n" if foot else b""))]


def swapped(syntax: Syntax, root: Node, data: bytes, rng: Random) -> list[Edit]:
    """Two neighbouring statements in the other order."""
    own = _own_line(syntax, root, data)
    pairs = [
        (one, two)
        for one, two in itertools.pairwise(own)
        if one.parent == two.parent
        and one.type in syntax.simple
        and two.type in syntax.simple
        and _line_end(data, one) == _line_start(data, two)
    ]
    if not pairs:
        return []
    one, two = rng.choice(pairs)
    start, middle, end = _line_start(data, one), _line_start(data, two), _line_end(data, two)
    return [(start, end, data[middle:end] + data[start:middle])]


LAYOUT: tuple[Operator, ...] = (
    blank_lines, indentation, line_breaks, comments_in, comments_out, parentheses, trailing_commas,
)  # fmt: skip
NAME: tuple[Operator, ...] = (names, values)
STATEMENT: tuple[Operator, ...] = (added, removed, changed, wrapped, swapped)


def _own_line(syntax: Syntax, root: Node, data: bytes) -> list[Node]:
    """Statements that share their lines with nothing else, comments and docstrings left out."""
    return [
        child
        for node in below(root)
        if node.type in syntax.blocks
        for child in node.named_children
        if child.type not in syntax.comments
        and not (child.named_children and child.named_children[0].type == "string")
        and not data[_line_start(data, child) : child.start_byte].strip()
        and data[child.end_byte : _line_end(data, child)].strip() in (b"", b";")
    ]


def _in_statement_of_its_own(node: Node) -> bool:
    """True for a docstring and for the likes of "use strict"."""
    text = node.parent
    return (
        text is not None
        and text.parent is not None
        and text.parent.type in ("expression_statement", "literal_type")
    )


def _line_start(data: bytes, node: Node) -> int:
    return data.rfind(b"\n", 0, node.start_byte) + 1


def _line_end(data: bytes, node: Node) -> int:
    end = data.find(b"\n", node.end_byte)
    return len(data) if end < 0 else end + 1


def _margin(data: bytes, node: Node) -> bytes:
    line = data[_line_start(data, node) : node.start_byte]
    return line[: len(line) - len(line.lstrip())]


def _some(items: Sequence[T], rng: Random) -> list[T]:
    """About half of them, at least one, in their order."""
    if not items:
        return []
    picked = [item for item in items if rng.random() < 0.5]
    return picked or [rng.choice(items)]
