"""Whether callers of one TypeScript function still fit another that does the same.

Owns the comparison of what two signatures say of types, by their texts: nothing here infers more
than what a literal is. What one side leaves out is decided by direction: whoever takes everything
takes what the other took, and whoever says nothing of a result gives what its body gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from steadyhand_agent.proposals.ecmascript_modules import Modules
from steadyhand_agent.proposals.ecmascript_source import Source

TYPED = (".ts", ".tsx", ".mts", ".cts")
_EVERYTHING = frozenset({"", "any", "unknown"})
# A body whose result fits one of these gives nothing that a caller could ask more of.
_PLAIN = re.compile(
    r"(?:Promise<)?(?:string|number|boolean|bigint|symbol|void|never|undefined|null|any)(?:\[\])*>?\Z"
)
_LITERAL = {"number": "number", "string": "string", "template_string": "string",
            "true": "boolean", "false": "boolean"}  # fmt: skip
_PROMISING = frozenset({"type_predicate_annotation", "asserts_annotation"})
_SHAPES = frozenset({"interface_declaration", "type_alias_declaration"})
_MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One parameter as callers see it.

    Attributes:
        name: As written.
        type: Its type, or that of a literal it has by default; empty for anything.
        optional: It may be left out.
    """

    name: str
    type: str
    optional: bool


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a function says of types; names of its own type parameters are numbered.

    Attributes:
        parameters: In order.
        result: The type of what it returns; empty where it does not say.
        promises: The result says something about an argument (`x is string`).
        generic: Its type parameters with their constraints.
        declared: The type of the constant that it is the value of.
        names: The types that it names.
    """

    parameters: tuple[_Parameter, ...]
    result: str
    promises: bool
    generic: str
    declared: str
    names: tuple[str, ...]


def unfit(
    modules: Modules,
    ours: tuple[Source, Node],
    theirs: tuple[Source, Node],
    order: Sequence[int],
    names: tuple[str, str],
) -> list[str]:
    """A sentence for each way in which callers may no longer pass the type checker.

    Args:
        modules: The workspace.
        ours: The text and the function that goes.
        theirs: The text and the function that is used instead.
        order: For each parameter of theirs, the place of ours that it gets.
        names: What the two are called, ours first.
    """
    mine, its = _signature(*ours), _signature(*theirs)
    found: list[str] = []
    if _overloaded(theirs[0], names[1]):
        found.append(f"`{names[1]}` has overloads; see that its callers still fit.")
    if mine.generic != its.generic:
        found.append(f"`{names[1]}` has other type parameters; see that its callers still fit.")
    if mine.declared or its.declared:
        if mine.declared != its.declared:
            found.append(_other("It", mine.declared, its.declared, names[1]))
    else:
        for parameter, place in zip(its.parameters, order, strict=True):
            found += _taken(mine.parameters[place], parameter, names[1])
        if not _given(mine, its):
            found.append(_other("Its result", mine.result, its.result, names[1]))
    for name in mine.names:
        if name in its.names and _another(modules, name, ours[0].path, theirs[0].path, 0):
            found.append(f"The type `{name}` may be another in {theirs[0].path} than here.")
    return found


def _other(what: str, mine: str, its: str, name: str) -> str:
    mine, its = (re.sub(r"\x00(\d+)", r"T\1", text) or "not said" for text in (mine, its))
    return (
        f"{what} is of type `{mine:.40}` here and `{its:.40}` in `{name}`; see that callers still "
        "fit."
    )


def _taken(mine: _Parameter, its: _Parameter, name: str) -> Iterator[str]:
    if its.type not in (*_EVERYTHING, mine.type):
        yield _other(f"`{mine.name:.30}`", mine.type or "any", its.type, name)
    if mine.optional and not its.optional:
        yield f"`{mine.name:.30}` may be left out here and not in `{name}`."


def _given(mine: _Signature, its: _Signature) -> bool:
    """True where what their function gives is as good as what ours gave."""
    if mine.result == its.result or its.result == "any" or mine.result == "unknown":
        return True
    if mine.promises:
        return False
    if its.promises:
        return mine.result in ("", "boolean", "void")
    return not its.result or (not mine.result and _PLAIN.match(its.result) is not None)


def _signature(source: Source, function: Node) -> _Signature:
    generic = function.child_by_field_name("type_parameters")
    own = [
        source.word(node.child_by_field_name("name"))
        for node in (generic.named_children if generic is not None else ())
    ]

    def text(node: Node | None) -> str:
        said = re.sub(r"\s+", " ", source.word(node)).lstrip(": ")
        said = re.sub(r"\s*([^\w\s$]|=>)\s*", r"\1", said)
        for number, name in enumerate(own):
            said = re.sub(rf"(?<![\w$.]){re.escape(name)}(?![\w$])", f"\0{number}", said)
        return said

    holder = function.parent
    declared = holder.child_by_field_name("type") if holder is not None else None
    result = function.child_by_field_name("return_type")
    spoken = [declared, result, generic, *_annotations(function)]
    names = {name: None for node in spoken for name in _named(source, node) if name not in own}
    return _Signature(
        tuple(_parameters(source, function, text)),
        text(result),
        result is not None and result.type in _PROMISING,
        text(generic),
        text(declared),
        tuple(names),
    )


def _parameters(
    source: Source, function: Node, text: Callable[[Node | None], str]
) -> Iterator[_Parameter]:
    lone = function.child_by_field_name("parameter")
    listed = function.child_by_field_name("parameters")
    nodes = [lone] if lone is not None else (listed.named_children if listed is not None else [])
    for node in nodes:
        if node.type == "comment":
            continue
        pattern = node.child_by_field_name("pattern") or node.child_by_field_name("left") or node
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        said = text(node.child_by_field_name("type"))
        if not said and value is not None:
            said = _LITERAL.get(value.type, "")
        optional = node.type == "optional_parameter" or value is not None
        rest = pattern.type == "rest_pattern"
        yield _Parameter(source.word(pattern), said, optional or rest)


def _annotations(function: Node) -> list[Node]:
    listed = function.child_by_field_name("parameters")
    nodes = [n.child_by_field_name("type") for n in (listed.named_children if listed else ())]
    return [node for node in nodes if node is not None]


def _named(source: Source, node: Node | None) -> Iterator[str]:
    """The types that a text names, or the namespaces that they are of."""
    stack = [node] if node is not None else []
    while stack:
        current = stack.pop()
        if current.type == "nested_type_identifier":
            yield source.word(current).split(".")[0]
        elif current.type == "type_identifier":
            yield source.word(current)
        else:
            stack.extend(current.named_children)


def _overloaded(source: Source, name: str) -> bool:
    parents = (node.parent for node in source.bindings(name))
    return any(node is not None and node.type == "function_signature" for node in parents)


def _another(modules: Modules, name: str, one: str, other: str, depth: int) -> bool:
    """True where the name of a type does not surely mean the same in two modules."""
    here, there = modules.origin(one, name), modules.origin(other, name)
    if here == there:
        return here[0] == "unknown"
    if here[0] != "defined" or there[0] != "defined" or here[2] != there[2] or depth > _MAX_DEPTH:
        return True
    ours, theirs = modules.source(here[1]), modules.source(there[1])
    if ours is None or theirs is None:
        return True
    first, second = _declaration(ours, here[2]), _declaration(theirs, there[2])
    if first is None or second is None or ours.word(first).split() != theirs.word(second).split():
        return True
    # Types of one shape are one type.
    inside = set(_named(ours, first)) - {here[2]}
    return any(_another(modules, n, here[1], there[1], depth + 1) for n in inside)


def _declaration(source: Source, name: str) -> Node | None:
    nodes = [node.parent for node in source.bindings(name) if source.at_top(node)]
    alone = nodes[0] if len(nodes) == 1 else None
    return alone if alone is not None and alone.type in _SHAPES else None
