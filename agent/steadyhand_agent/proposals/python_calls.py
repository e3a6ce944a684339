"""Calls of one Python function made into calls of another, whose parameters have other names or
another order.

Owns how the arguments of one call are rewritten. What is evaluated first stays first: arguments
change places only where that cannot be noticed, else they are passed by keyword.
"""

from __future__ import annotations

from tree_sitter import Node

from steadyhand_agent.proposals.python_alike import Likeness
from steadyhand_agent.proposals.python_source import Source
from steadyhand_agent.proposals.reuse import ReuseRefused, TextEdit

# Evaluating these has no effect that another argument could see.
_INERT = frozenset({"identifier", "integer", "float", "true", "false", "none", "attribute"})


def call_of(node: Node) -> Node | None:
    """The call whose function a name or an attribute is, if it is one."""
    parent = node.parent
    if parent is None or parent.type != "call" or parent.child_by_field_name("function") != node:
        return None
    arguments = parent.child_by_field_name("arguments")
    return parent if arguments is not None and arguments.type == "argument_list" else None


def adapted(source: Source, call: Node, like: Likeness) -> list[TextEdit]:
    """The edits of one call's arguments.

    Raises:
        ReuseRefused: It cannot be seen which argument is which.
    """
    arguments = call.child_by_field_name("arguments")
    given = [n for n in arguments.named_children if n.type != "comment"] if arguments else []
    by_position = [n for n in given if n.type not in ("keyword_argument", "dictionary_splat")]
    edits = [
        edit
        for node in given
        if node.type == "keyword_argument"
        for edit in _keyword(source, node, like)
    ]
    if like.permuted:
        edits += _reordered(source, call, given, by_position, like)
    elif like.keywords and any(n.type == "dictionary_splat" for n in given):
        raise ReuseRefused(
            f"Line {call.start_point[0] + 1} of {source.path} passes keywords with `**`, and the "
            "two name their parameters otherwise."
        )
    return edits


def _keyword(source: Source, node: Node, like: Likeness) -> list[TextEdit]:
    name = node.child_by_field_name("name")
    new = like.renamed.get(source.word(name)) if name is not None else None
    if name is None or new is None or new == source.word(name):
        return []
    return [TextEdit(name.start_byte, name.end_byte, new)]


def _reordered(
    source: Source, call: Node, given: list[Node], by_position: list[Node], like: Likeness
) -> list[TextEdit]:
    if any(n.type in ("list_splat", "dictionary_splat") for n in given):
        raise ReuseRefused(
            f"Line {call.start_point[0] + 1} of {source.path} passes arguments with a star, and "
            "the two take them in another order."
        )
    ours = [p for p in like.ours if p.kind.startswith("positional")]
    order = [p.name for p in like.theirs if p.kind.startswith("positional")]
    if len(by_position) > len(ours):
        raise ReuseRefused(
            f"Line {call.start_point[0] + 1} of {source.path} passes more arguments than the two "
            "name, and they take them in another order."
        )
    goes = {like.renamed[p.name]: node for p, node in zip(ours, by_position, strict=False)}
    wanted = order[: len(by_position)]
    if list(goes) == wanted:
        return []
    if set(goes) == set(wanted) and all(_inert(node) for node in by_position):
        return [
            TextEdit(old.start_byte, old.end_byte, source.word(goes[name]))
            for old, name in zip(by_position, wanted, strict=True)
            if old != goes[name]
        ]
    kinds = {p.name: p.kind for p in like.theirs}
    edits: list[TextEdit] = []
    for place, (name, node) in enumerate(goes.items()):
        if not edits and order[place] == name:
            continue
        if kinds[name] == "positional only":
            raise ReuseRefused(
                f"The arguments on line {call.start_point[0] + 1} of {source.path} cannot change "
                "places: what they do would be done in another order."
            )
        edits.append(TextEdit(node.start_byte, node.start_byte, f"{name}="))
    return edits


def _inert(node: Node) -> bool:
    if node.type == "string":
        return not any(child.type == "interpolation" for child in node.children)
    if node.type == "attribute":
        inner = node.child_by_field_name("object")
        return inner is not None and _inert(inner)
    return node.type in _INERT
