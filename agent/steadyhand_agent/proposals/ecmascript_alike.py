"""Whether one JavaScript function can stand in for another, and what differs if it nearly can.

Owns the comparison: bodies, parameters in whatever order, literals, the names that a body reads,
and what an arrow sees otherwise than a function does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from steadyhand_agent.proposals.ecmascript_modules import Modules
from steadyhand_agent.proposals.ecmascript_source import FUNCTIONS, Source

_SKIPPED = frozenset(
    {
        "comment", "type_annotation", "type_parameters", "type_arguments", "asserts_annotation",
        "type_predicate_annotation", "accessibility_modifier",
    }
)  # fmt: skip
_LITERALS = frozenset({"number", "string", "template_string", "regex", "true", "false", "null"})
_VALUES = frozenset({*_LITERALS, "arrow_function", "function_expression", "unary_expression"})
_NAMES = frozenset(
    {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}
)
_MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Likeness:
    """How the parameters of two functions correspond.

    Attributes:
        order: For each parameter of the one that is used, the place of ours that it gets.
        literals: Pairs that differ, ours first.
    """

    order: tuple[int, ...]
    literals: tuple[tuple[str, str], ...]

    @property
    def permuted(self) -> bool:
        """True where a call would have to change."""
        return self.order != tuple(range(len(self.order)))


def function_at(source: Source, start: int) -> tuple[Node, Node] | None:
    """The statement and the function of a definition at the top of a module that starts here."""
    for statement in source.root.named_children:
        if statement.start_byte <= start < statement.end_byte:
            for node in _descend(statement):
                if node.type in FUNCTIONS:
                    return statement, node
    return None


def _descend(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if current.type in (
            "export_statement", "lexical_declaration", "variable_declaration",
            "variable_declarator", "expression_statement", "assignment_expression",
        ):  # fmt: skip
            stack.extend(reversed(current.named_children))


def parameters(source: Source, function: Node) -> list[tuple[str, str]]:
    """Each parameter's pattern and default, as written, types left out."""
    lone = function.child_by_field_name("parameter")
    listed = function.child_by_field_name("parameters")
    nodes = [lone] if lone is not None else (listed.named_children if listed is not None else [])
    found: list[tuple[str, str]] = []
    for node in nodes:
        if node.type == "comment":
            continue
        pattern = node.child_by_field_name("pattern") or node.child_by_field_name("left") or node
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        found.append((source.word(pattern), source.word(value)))
    return found


def likeness(
    one: Source, function: Node, other: Source, existing: Node, *, same: bool
) -> Likeness | None:
    """How the parameters correspond; None where the two say different things.

    Args:
        one: The text of the function that goes.
        function: That function.
        other: The text of the one that is used instead.
        existing: That one.
        same: The index found their normalised forms to be equal, parameters included.
    """
    ours, theirs = parameters(one, function), parameters(other, existing)
    if len(ours) != len(theirs) or _kind(function) != _kind(existing):
        return None
    if same:
        return Likeness(tuple(range(len(ours))), ())
    literals: list[tuple[str, str]] = []
    renamed = _paired(one, function, other, existing, literals)
    if renamed is None:
        return None
    names = [name for name, _ in theirs]
    order: dict[int, int] = {}
    for place, (name, default) in enumerate(ours):
        meant = renamed.get(name, name)
        if meant not in names or (default and default != theirs[names.index(meant)][1]):
            return None
        order[names.index(meant)] = place
    if len(order) != len(names):
        return None
    like = Likeness(tuple(order[n] for n in range(len(names))), tuple(literals))
    # One that calls itself reads the same, and passes its arguments to other parameters.
    return None if like.permuted and _calls_itself(one, function) else like


def _calls_itself(source: Source, function: Node) -> bool:
    name = function.child_by_field_name("name")
    if name is None and function.parent is not None:
        name = function.parent.child_by_field_name("name")
    body = function.child_by_field_name("body")
    own = source.word(name)
    return any(kind in _NAMES and text == own for kind, text in _leaves(source, body))


def _paired(
    one: Source, function: Node, other: Source, existing: Node, literals: list[tuple[str, str]]
) -> dict[str, str] | None:
    """Their local names by ours; None where the bodies differ by more than names and literals."""
    left = list(_leaves(one, function.child_by_field_name("body")))
    right = list(_leaves(other, existing.child_by_field_name("body")))
    mine, yours = _bound(one, function), _bound(other, existing)
    renamed: dict[str, str] = {}
    if len(left) != len(right):
        return None
    for (kind, text), (other_kind, other_text) in zip(left, right, strict=True):
        if kind != other_kind:
            return None
        if kind in _LITERALS:
            if text != other_text:
                literals.append((text, other_text))
        elif kind in _NAMES and text in mine and other_text in yours:
            if renamed.setdefault(text, other_text) != other_text:
                return None
        elif text != other_text or (kind in _NAMES and (text in mine) != (other_text in yours)):
            return None
    return renamed if len(set(renamed.values())) == len(renamed) else None


def sees_its_caller(source: Source, function: Node) -> str:
    """`this`, `arguments` or `new.target` where a body uses one that an arrow does not have."""
    stack = list(function.children)
    while stack:
        node = stack.pop()
        if node.type == "this" or (node.type == "identifier" and node.text == b"arguments"):
            return source.word(node)
        if node.type == "meta_property":
            return source.word(node)
        if node.type not in FUNCTIONS or node.type == "arrow_function":
            stack.extend(node.children)
    return ""


def globals_of(source: Source, function: Node) -> list[str]:
    """The names that a function reads and does not bind, in order of appearance."""
    bound = _bound(source, function)
    found: dict[str, None] = {}
    for kind, text in _leaves(source, function):
        if kind in ("identifier", "shorthand_property_identifier") and text not in bound:
            found[text] = None
    return list(found)


def differs(modules: Modules, name: str, one: str, other: str, depth: int = 0) -> bool:
    """True where a name does not surely mean the same in two modules."""
    here, there = modules.origin(one, name), modules.origin(other, name)
    if here == there:
        return here[0] == "unknown"
    if here[0] != "defined" or there[0] != "defined" or depth > _MAX_DEPTH or here[2] != there[2]:
        return True
    ours, theirs = modules.source(here[1]), modules.source(there[1])
    if ours is None or theirs is None:
        return True
    first, second = _values(ours, here[2]), _values(theirs, there[2])
    if len(first) != 1 or len(second) != 1 or first[0].type not in _DECLARED:
        return True
    if list(_leaves(ours, first[0])) != list(_leaves(theirs, second[0])):
        return True
    reads = [n for n in globals_of(ours, first[0]) if n != name]
    return any(differs(modules, n, here[1], there[1], depth + 1) for n in reads)


_DECLARED = frozenset({*_VALUES, "function_declaration"})


def _values(source: Source, name: str) -> list[Node]:
    """What a name at the top of a module is: a constant's value, or a function."""
    found: list[Node] = []
    for node in source.bindings(name):
        parent = node.parent
        if parent is None or not source.at_top(node):
            continue
        value = parent.child_by_field_name("value")
        constant = parent.parent is not None and source.word(parent.parent).startswith("const")
        found.append(value if value is not None and constant else parent)
    return found


def _kind(function: Node) -> tuple[bool, bool]:
    words = [child.type for child in function.children]
    return "async" in words, "*" in words


def _bound(source: Source, function: Node) -> set[str]:
    found: set[str] = set()
    own = function.child_by_field_name("name")
    stack = [function]
    while stack:
        node = stack.pop()
        if node.type in _NAMES and node != own and source.binds(node):
            found.add(source.word(node))
        stack.extend(node.children)
    return found


def _leaves(source: Source, node: Node | None) -> Iterator[tuple[str, str]]:
    stack = [node] if node is not None else []
    while stack:
        current = stack.pop()
        if current.type in _SKIPPED:
            continue
        plain = current.type == "string" or (
            current.type in ("template_string", "regex")
            and not any(child.type == "template_substitution" for child in current.children)
        )
        if plain or not current.children:
            if current.type in (";", ",") and current.next_sibling is None:
                continue
            yield current.type, source.word(current)
        else:
            stack.extend(reversed(current.children))
