"""Which definitions of a text a compiler would refuse, because the scope has them already (T0).

Owns what makes two definitions of one name the same one where a language does not simply let the
later win: they stand in one scope and are no overloads, specialisations or parts of each other. It
is asked by the guard alone: a person is told by the compiler, the agent would not be until it runs.
Where the tree leaves any doubt the two are let be.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterator
from typing import NamedTuple

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition, Finding
from steadyhand_agent.index.findings import TEMPLATE_BRANCH
from steadyhand_agent.index.languages import FAMILIES, language_of
from steadyhand_agent.index.languages.language import Language
from steadyhand_agent.index.parsing import TooSlow, encoded, parse
from steadyhand_agent.workspace import utf8

# Each of these may be written in pieces that have one scope, if they are headed the same.
_IN_PIECES = frozenset({"impl_item", "namespace_definition", "namespace_declaration"})
# What stands in a head and tells no two definitions apart.
_IDLE = frozenset(
    {
        "comment", "line_comment", "block_comment", "modifiers", "attribute_list",
        "attribute_declaration", "attribute_specifier", "storage_class_specifier",
        "virtual", "virtual_specifier", "explicit_function_specifier", "field_initializer_list",
    }
)  # fmt: skip
_PARAMETERS = frozenset({"parameter_declaration", "optional_parameter_declaration"})
# A variable that is assigned again, an interface and an enum that go on are no second definition.
_ASSIGNED = frozenset({"assignment_expression", "expression_statement", "variable_declaration"})
# What only stands around a definition and gives it no scope.
_AROUND = frozenset({"lexical_declaration", "export_statement", "type_declaration"})
_MERGED = frozenset({"interface_declaration", "enum_declaration"})
_WITHOUT_PARAMETERS = frozenset({"property_declaration", "compact_constructor_declaration"})
_UNCLEAR = frozenset({"ERROR", "{", "}"})
_WORDS_BEFORE = frozenset({"static", "get", "set"})

# A macro may say anything, and the parser is not always shown it.
_MACRO = re.compile(rb"\b_{0,2}[A-Z][A-Z0-9_]{2,}\b")
_OPENS_SCOPE = re.compile(
    rb"(?m)^[ \t]*_{0,2}(?:[A-Z0-9]+_)*(?:NAMESPACE|BEGIN|END|OPEN|CLOSE)(?:_[A-Z0-9]+)*"
    rb"(?:\([^;{}\n]*\))?[ \t\r]*$"
)
_NO_CODE = re.compile(
    rb"//[^\n]*|/\*.*?\*/|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*|\b(?:public|private|protected)\s*:",
    re.DOTALL | re.MULTILINE,
)
_DIRECTIVE = re.compile(rb"(?m)^[ \t]*#[ \t]*(?:undef|define)[ \t]+(\w+)")


class _Place(NamedTuple):
    """What two definitions have in common when they are one and the same."""

    scope: tuple[object, ...]
    kind: str
    words: frozenset[str]
    head: tuple[bytes, ...]
    macros: bytes


def redefined(
    definitions: tuple[Definition, ...], text: str, new: Container[int], seconds: float = 0.5
) -> list[Finding]:
    """T0 where a compiler keeps watch: a second definition of the same in one scope.

    Args:
        definitions: One text's definitions, in order.
        text: That text.
        new: Where those begin that are new; others are not looked at.
        seconds: How long the text may take to be parsed once more.
    """
    language = language_of(definitions[0].path) if definitions else None
    if language is None or language.overwrites:
        return []
    namesakes: defaultdict[tuple[object, ...], list[Definition]] = defaultdict(list)
    for definition in definitions:
        if _counts(definition, language):
            key = definition.qualified, definition.kind, definition.branch
            namesakes[key].append(definition)
    asked = [
        group
        for group in namesakes.values()
        if len(group) > 1 and any(one.start in new for one in group)
    ]
    if not asked:
        return []
    try:
        data = encoded(text)
        root = parse(language, data, seconds)
    except TooSlow:
        return []
    found = [finding for group in asked for finding in _again(group, root, data, language)]
    found.sort(key=lambda finding: finding.definition.start)
    return found


def _counts(definition: Definition, language: Language) -> bool:
    """False for what may be there twice, or stands where scopes are not told apart."""
    uncalled = definition.kind == "function" and language.is_uncalled.match(definition.name)
    return (
        definition.kind in ("function", "method", "class")
        and not definition.local
        and not definition.generated
        and definition.name != "_"
        and "partial" not in definition.decorators
        # One function for several processors: `__attribute__((target("avx2")))`.
        and not any("target" in decorator for decorator in definition.decorators)
        and not uncalled
    )


def _again(
    group: list[Definition], root: Node, data: bytes, language: Language
) -> Iterator[Finding]:
    """Those of one qualified name that are there already."""
    last: dict[_Place, tuple[Definition, Node]] = {}
    for definition in group:
        found = _place(definition, root, data, language)
        if found is None:
            continue
        place, around = found
        earlier, before = last.get(place, (None, around))
        last[place] = definition, around
        if earlier is None or earlier.end > definition.start:
            continue
        if not _understood(before, around, earlier.end, definition.start):
            continue
        between = data[earlier.end : definition.start]
        if TEMPLATE_BRANCH.search(between) or _remade(between, definition, language):
            continue
        scope = definition.qualified.rpartition(".")[0] or "this module"
        told = " with the same parameters" if language.overloads and place.head else ""
        reason = (
            f"`{definition.name}` is already defined in {scope} on line {earlier.line}{told}; "
            "only one of the two can stand."
        )
        yield Finding("T0", definition, earlier, 1.0, reason)


def _remade(between: bytes, later: Definition, language: Language) -> bool:
    """True where a macro between two definitions gives the later one another meaning or scope."""
    if FAMILIES.get(language.name) != FAMILIES["c"]:
        return False
    if _OPENS_SCOPE.search(between):
        return True
    names = set(_DIRECTIVE.findall(between))
    return not names.isdisjoint(re.findall(rb"\w+", utf8(later.signature)))


def _understood(before: Node, around: Node, start: int, end: int) -> bool:
    """True where nothing that the parser made no sense of may part two definitions.

    Args:
        before: What is around the earlier one.
        around: What is around the later one, perhaps the same.
        start: Where the earlier one ends.
        end: Where the later one begins.
    """
    if before == around:
        return not any(
            child.type in _UNCLEAR for child in before.children if start <= child.start_byte < end
        )
    holder: Node | None = around
    while holder is not None:
        if holder.type == "ERROR":
            return False
        holder = holder.parent
    return not any(child.type == "ERROR" for node in (before, around) for child in node.children)


def _place(
    definition: Definition, root: Node, data: bytes, language: Language
) -> tuple[_Place, Node] | None:
    """Where a definition stands, what it is told apart by, and the node that is around it.

    None where it is perhaps no definition, or one that may be there twice.
    """
    path = _path(definition, root)
    own = next((node for node in path if _is_own(node, definition)), None)
    if own is None or own.parent is None or path[-1].parent is None:
        return None
    if own.type in _MERGED or own.type.startswith("preproc"):
        return None
    if not _ASSIGNED.isdisjoint({own.type, own.parent.type, *(node.type for node in path)}):
        return None
    top, body = path[-1], _body(own)
    end = body.start_byte if body is not None else own.end_byte
    if any(child.type == "ERROR" or (child.has_error and child != body) for child in own.children):
        return None
    head = _told_apart(definition, own, top, end, data, language)
    if head is None:
        return None
    around = path[-1].parent
    while around.type in _AROUND and around.parent is not None:
        around = around.parent
    words = frozenset(child.type for child in own.children if child.end_byte <= end)
    macros = _macros(data, top.start_byte, end) if language.overloads == "head" else b""
    return _Place(_scope(around, data), own.type, words & _WORDS_BEFORE, head, macros), around


def _macros(data: bytes, start: int, end: int) -> bytes:
    """All of a head as it is written, and what stands above it, where there are macros in it."""
    above = max(data.rfind(sign, 0, start) for sign in (b";", b"{", b"}", b"\n\n", b"*/"))
    written = _NO_CODE.sub(b"", data[above + 1 : end])
    return b"".join(written.split()) if _MACRO.search(written) else b""


def _path(definition: Definition, root: Node) -> list[Node]:
    """The nodes from a definition's name up to all of it."""
    name_end = definition.name_start + len(utf8(definition.name))
    node = root.descendant_for_byte_range(definition.name_start, name_end)
    path: list[Node] = []
    while node is not None and definition.start <= node.start_byte:
        if node.end_byte > definition.end:
            break
        path.append(node)
        node = node.parent
    return path


def _is_own(node: Node, definition: Definition) -> bool:
    """True for the node of the definition itself, which has a body; a type may do without."""
    bodiless = definition.kind == "class" and node.type.endswith(("_item", "_spec"))
    return bodiless or _body(node) is not None


def _body(node: Node) -> Node | None:
    """What a definition's node holds beside its head; a function's may be that of its value."""
    for field in ("body", "accessors"):
        if (found := node.child_by_field_name(field)) is not None:
            return found
    value = node.child_by_field_name("value")
    if value is not None and node.type == "property_declaration":
        return value
    return value.child_by_field_name("body") if value is not None else None


def _scope(node: Node, data: bytes) -> tuple[object, ...]:
    """What tells a scope from others: the headings of what may be in pieces, then one node."""
    parts: list[object] = []
    while True:
        holder = node.parent
        if holder is None or holder.type not in _IN_PIECES or holder.parent is None:
            return *parts, node.type, node.start_byte, node.end_byte
        if holder.type != "impl_item" and holder.child_by_field_name("name") is None:
            return *parts, node.type, node.start_byte, node.end_byte
        parts.append(tuple(_leaves(holder, node.start_byte, data)))
        node = holder.parent


def _told_apart(
    definition: Definition, own: Node, top: Node, end: int, data: bytes, language: Language
) -> tuple[bytes, ...] | None:
    """What distinguishes overloads; None where the node is perhaps no function at all."""
    if not language.overloads:
        return ()
    if definition.kind == "class":
        # Of a template there may be special cases; what it is made of says nothing.
        return tuple(_leaves(top, own.start_byte, data))
    found = _parameters(own)
    if found is None and own.type not in _WITHOUT_PARAMETERS:
        return None
    if language.overloads == "head":
        # A macro that makes a definition looks like a function without a type.
        owner, decorators = definition.qualified.split(".")[-2:-1], definition.decorators
        typed = own.child_by_field_name("type") is not None
        named = definition.name in owner or definition.name.startswith("~")
        if not typed and not named and not any(map(language.is_test_decorator.search, decorators)):
            return None
        return tuple(_leaves(top, end, data))
    parts = [child for child in own.children if child.type == "explicit_interface_specifier"]
    parts += [types] if (types := own.child_by_field_name("type_parameters")) is not None else []
    parts += [found] if found is not None else []
    said = [leaf for part in parts for leaf in _leaves(part, part.end_byte, data)]
    if own.type == "constructor_declaration" and _is_static(own, data):
        # A class may have one for itself beside those for its objects.
        said.append(b"static")
    return tuple(said)


def _is_static(own: Node, data: bytes) -> bool:
    return any(data[child.start_byte : child.end_byte] == b"static" for child in own.children)


def _parameters(own: Node) -> Node | None:
    """The list of parameters; in C it hangs on a declarator."""
    node: Node | None = own
    while node is not None:
        if (found := node.child_by_field_name("parameters")) is not None:
            inner = node.child_by_field_name("declarator")
            # `NAME(read)(int a)`: a macro makes the name.
            return None if inner is not None and inner.type == "function_declarator" else found
        last = node.named_children[-1] if node.type == "reference_declarator" else None
        node = node.child_by_field_name("declarator") or last
    return None


def _leaves(top: Node, end: int, data: bytes) -> Iterator[bytes]:
    """The words of a node up to an offset, without names and defaults of parameters."""
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if node.start_byte >= end or node.type in _IDLE or _is_name(node):
            continue
        if node.child_count == 0:
            yield data[node.start_byte : node.end_byte]
            continue
        children = node.children
        if node.type in _PARAMETERS or node.type in ("parameter", "formal_parameter"):
            equals = next((n for n, child in enumerate(children) if child.type == "="), None)
            children = children[:equals]
        waiting.extend(reversed(children))


def _is_name(node: Node) -> bool:
    """True for the name of a parameter, which callers need not know."""
    parent = node.parent
    if node.type != "identifier" or parent is None:
        return False
    if parent.type in ("parameter", "formal_parameter", "parameter_list"):
        return parent.child_by_field_name("name") == node
    if parent.type == "variable_declarator":
        return True
    declared = parent.child_by_field_name("declarator") == node
    return parent.type in ("reference_declarator", "variadic_declarator") or (
        declared and _is_parameter(parent)
    )


def _is_parameter(node: Node | None) -> bool:
    """True where declarators lead up to a parameter."""
    while node is not None and node.type.endswith("_declarator"):
        node = node.parent
    return node is not None and node.type in _PARAMETERS
