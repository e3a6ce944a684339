"""Whether one Python function can stand in for another, and what differs if it nearly can.

Owns the comparison of two functions: their parameters, whatever their order and names; literals;
and the globals that their bodies read, which may mean different things in two modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from steadyhand_agent.proposals.python_modules import Modules, Origin
from steadyhand_agent.proposals.python_source import Source

_SKIPPED = frozenset({"comment", "type", "line_continuation", "decorator"})
_LITERALS = frozenset({"integer", "float", "true", "false", "none"})
_CLOSING = frozenset({")", "]", "}"})
# Two of these are as good as one; of anything else each module has its own.
_VALUES = frozenset(
    {
        "string", "concatenated_string", "integer", "float", "true", "false", "none", "tuple",
        "unary_operator", "binary_operator", "parenthesized_expression", "ellipsis", "identifier",
        "attribute", "lambda",
    }
)  # fmt: skip
_COMPILED = re.compile(rb"(?:re\.compile|frozenset|itemgetter|attrgetter|operator\.\w+)\Z")
_MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Without stars.
        kind: `positional only`, `positional`, `*`, `keyword only` or `**`.
        default: As written; empty where there is none.
    """

    name: str
    kind: str
    default: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """How one function's parameters correspond to another's, and where their literals differ.

    Attributes:
        ours: The parameters of the one that goes, in order.
        theirs: The parameters of the one that is used instead, in order.
        renamed: Theirs by ours.
        literals: Pairs that differ, ours first.
    """

    ours: tuple[Parameter, ...]
    theirs: tuple[Parameter, ...]
    renamed: dict[str, str]
    literals: tuple[tuple[str, str], ...]

    @property
    def permuted(self) -> bool:
        """True where a call by position would have to change."""
        order = [self.renamed[p.name] for p in self.ours if p.kind.startswith("positional")]
        return order != [p.name for p in self.theirs if p.kind.startswith("positional")]

    @property
    def keywords(self) -> dict[str, str]:
        """The names that a call by keyword would have to change, with what they become."""
        by_keyword = [p.name for p in self.ours if p.kind in ("positional", "keyword only")]
        return {n: self.renamed[n] for n in by_keyword if self.renamed[n] != n}


def function_at(source: Source, start: int) -> Node | None:
    """The function at the top of a module whose definition, decorators included, starts here."""
    for node in source.root.children:
        if node.start_byte == start:
            inner = node.child_by_field_name("definition")
            found = inner if node.type == "decorated_definition" and inner is not None else node
            return found if found.type == "function_definition" else None
    return None


def parameters(source: Source, function: Node) -> tuple[Parameter, ...]:
    """A function's parameters in order."""
    found: list[Parameter] = []
    kind = "positional"
    node = function.child_by_field_name("parameters")
    for child in node.named_children if node is not None else ():
        if child.type == "positional_separator":
            found = [Parameter(p.name, "positional only", p.default) for p in found]
            continue
        if child.type == "keyword_separator":
            kind = "keyword only"
            continue
        if child.type == "comment":
            continue
        name = child.child_by_field_name("name") or child
        if child.type == "typed_parameter":
            name = child.named_children[0]
        value = child.child_by_field_name("value")
        spelled = source.word(name)
        if spelled.startswith("**"):
            found.append(Parameter(spelled.lstrip("* "), "**", ""))
        elif spelled.startswith("*"):
            found.append(Parameter(spelled.lstrip("* "), "*", ""))
            kind = "keyword only"
        else:
            found.append(Parameter(spelled, kind, source.word(value) if value else ""))
    return tuple(found)


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
    if len(ours) != len(theirs):
        return None
    if same:
        renamed = {a.name: b.name for a, b in zip(ours, theirs, strict=True)}
        return Likeness(ours, theirs, renamed, ())
    if one.word(function.children[0]) != other.word(existing.children[0]):
        return None  # One of them is `async`.
    pairing = _Pairing(one, function, other, existing)
    if not pairing.bodies():
        return None
    renamed = dict(pairing.names)
    left = [p for p in theirs if p.name not in renamed.values()]
    for parameter in ours:
        if parameter.name in renamed:
            continue
        # A parameter that the body does not use is known by its name, or by being the last one.
        fits = [p for p in left if p.name == parameter.name] or (left if len(left) == 1 else [])
        if not fits:
            return None
        renamed[parameter.name] = fits[0].name
        left.remove(fits[0])
    by_name = {p.name: p for p in theirs}
    for parameter in ours:
        partner = by_name.get(renamed[parameter.name])
        if partner is None or partner.kind != parameter.kind:
            return None
        if not parameter.default:
            continue  # Whoever calls it passes this one, whatever the other's default is.
        if not partner.default:
            return None
        if partner.default != parameter.default:
            pairing.literals.append((parameter.default, partner.default))
    names = {p.name: renamed[p.name] for p in ours}
    like = Likeness(ours, theirs, names, tuple(pairing.literals))
    # One that calls itself reads the same, and passes its arguments to other parameters.
    return None if like.permuted and pairing.recursive else like


class _Pairing:
    """Two bodies read side by side."""

    def __init__(self, one: Source, function: Node, other: Source, existing: Node) -> None:
        self._sides = ((one, function), (other, existing))
        self.names: dict[str, str] = {}
        self._back: dict[str, str] = {}
        self.literals: list[tuple[str, str]] = []
        self.recursive = False

    def bodies(self) -> bool:
        """True where they are the same but for consistent names and for literals."""
        (one, function), (other, existing) = self._sides
        left = list(_leaves(one, function.child_by_field_name("body")))
        right = list(_leaves(other, existing.child_by_field_name("body")))
        return len(left) == len(right) and all(
            self._same(a, b) for a, b in zip(left, right, strict=True)
        )

    def _same(self, a: tuple[Node, str], b: tuple[Node, str]) -> bool:
        (left, spelled), (right, other) = a, b
        if left.type == right.type == "identifier":
            mine, yours = self._own(0, left), self._own(1, right)
            if mine != yours:
                return False
            if mine == "local":
                known = self.names.setdefault(spelled, other)
                return known == other and self._back.setdefault(other, spelled) == spelled
            self.recursive = self.recursive or mine == "self"
            return mine == "self" or spelled == other
        if left.type == right.type and left.type in (*_LITERALS, "string"):
            if spelled != other:
                self.literals.append((spelled, other))
            return True
        return spelled == other and left.type == right.type

    def _own(self, side: int, node: Node) -> str:
        """Whether an identifier is a local of the function, the function itself, or another's."""
        source, function = self._sides[side]
        parent = node.parent
        if parent is not None and parent.type in ("attribute", "keyword_argument"):
            first = parent.children[0]
            if (parent.type == "attribute") == (first != node):
                return "letter"
        scope = source.resolved(node)
        if scope.type != "module" and function.start_byte <= scope.start_byte < function.end_byte:
            return "local"
        name = function.child_by_field_name("name")
        return "self" if name is not None and source.word(name) == source.word(node) else "global"


def _leaves(source: Source, node: Node | None) -> Iterator[tuple[Node, str]]:
    """The leaves that say something: no comments, annotations, docstring or trailing commas."""
    stack = [node] if node is not None else []
    doc = _docstring(node)
    while stack:
        current = stack.pop()
        if current.type in _SKIPPED or current == doc:
            continue
        plain = current.type == "string" and not any(
            child.type == "interpolation" for child in current.children
        )
        if plain or not current.children:
            if current.type == ",":
                following = current.next_sibling
                single = current.parent is not None and current.parent.named_child_count == 1
                if following is not None and following.type in _CLOSING and not single:
                    continue
            yield current, source.word(current)
        else:
            stack.extend(reversed(current.children))


def _docstring(body: Node | None) -> Node | None:
    for child in body.named_children if body is not None else ():
        if child.type == "comment":
            continue
        inside = child.children[0].type if child.children else ""
        is_text = inside in ("string", "concatenated_string")
        return child if child.type == "expression_statement" and is_text else None
    return None


def globals_of(source: Source, definition: Node) -> list[str]:
    """The names that a definition reads from its module, in order of appearance."""
    found: dict[str, None] = {}
    for node in source.names_within(definition):
        if source.resolved(node).type == "module":
            found[source.word(node)] = None
    return list(found)


def assigns_globals(source: Source, function: Node) -> str | None:
    """A name of the module that a function sets, if any."""
    stack = [function]
    while stack:
        node = stack.pop()
        if node.type == "global_statement":
            return source.word(node.named_children[0])
        stack.extend(node.children)
    return None


def differs(modules: Modules, name: str, one: str, other: str) -> bool:
    """True where a name does not surely mean the same in two modules.

    Args:
        modules: The workspace.
        name: A name that both bodies read.
        one: The path of one module.
        other: The path of the other.
    """
    return not _same(modules, name, one, other, 0)


def _same(modules: Modules, name: str, one: str, other: str, depth: int) -> bool:
    here, there = modules.origin(one, name), modules.origin(other, name)
    if here == there:
        return here.kind != "unknown"
    if here.kind != "defined" or there.kind != "defined" or depth > _MAX_DEPTH:
        return False
    return _written_alike(modules, here, there, depth)


def _written_alike(modules: Modules, here: Origin, there: Origin, depth: int) -> bool:
    """True for two functions or values that are written the same and read the same."""
    one, other = modules.source(here.place), modules.source(there.place)
    if one is None or other is None or here.name != there.name:
        return False
    ours, theirs = _statements(one, here.name), _statements(other, there.name)
    if not ours or [_plain(one, n) for n in ours] != [_plain(other, n) for n in theirs]:
        return False
    if not all(_is_value(statement) for statement in ours):
        return False
    read = {n for statement in ours for n in globals_of(one, statement)} - {here.name}
    return all(_same(modules, n, here.place, there.place, depth + 1) for n in read)


def _statements(source: Source, name: str) -> list[Node]:
    found = {n.id: n for n in map(source.top_statement, source.at_module(name))}
    return list(found.values())


def _plain(source: Source, node: Node) -> str:
    return "\n".join(spelled for _, spelled in _leaves(source, node))


def _is_value(statement: Node) -> bool:
    """True for a statement that binds something of which two are as good as one."""
    if statement.type == "function_definition":
        return b"global " not in (statement.text or b"")
    if statement.type in ("try_statement", "if_statement"):
        return _only_imports(statement)
    if statement.type != "expression_statement" or not statement.children:
        return False
    value = statement.children[0].child_by_field_name("right")
    if value is None:
        return False
    if value.type == "call":
        called = value.child_by_field_name("function")
        return called is not None and _COMPILED.match(called.text or b"") is not None
    return value.type in _VALUES


def _only_imports(statement: Node) -> bool:
    """True where the branches of a condition do nothing but import, or set a name to None."""
    stack = [statement]
    while stack:
        node = stack.pop()
        if node.type == "expression_statement":
            text = (node.text or b"").replace(b" ", b"")
            if not text.endswith(b"=None"):
                return False
        elif node.type in ("function_definition", "class_definition", "decorated_definition"):
            return False
        else:
            stack.extend(node.children)
    return True
