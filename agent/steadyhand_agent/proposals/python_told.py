"""Who asks a Python function what it is called, or where it is from.

Owns the question whether a use hands the function on to something that does. `{f.__name__: f}` is
another table where the function has another name, even if the old one still leads to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tree_sitter import Node

from steadyhand_agent.proposals.python_modules import Modules
from steadyhand_agent.proposals.python_source import Source

_HOLDING = frozenset(
    {"list", "tuple", "set", "expression_list", "pair", "assignment", "parenthesized_expression"}
)
_HANDED = frozenset({"argument_list", "keyword_argument", "list_splat"})
_DEFINED = frozenset({"function_definition", "class_definition"})


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of functions that would have another answer.

    Attributes:
        modules: The workspace.
        names: The attributes that tell the two apart.
    """

    modules: Modules
    names: tuple[str, ...]

    def in_text(self, text: str) -> bool:
        """True where a text asks it of something that is no class."""
        # `type(x).__name__`, `x.__class__.__name__` and `cls.__name__` are of classes.
        owner = r"(?<!\bcls)(?<!__class__)(?<!\bself)(?<=\w)"
        names = "|".join(self.names)
        return bool(self.names) and re.search(rf"{owner}\.(?:{names})\b", text) is not None

    def handed(self, source: Source, node: Node) -> bool:
        """True where a use may come to something that asks.

        Args:
            source: The text.
            node: The function's name, or `module.name`.
        """
        parent = node.parent
        if parent is None or not self.names:
            return False
        if parent.type == "attribute":
            return source.word(parent.child_by_field_name("attribute")) in self.names
        child = node
        while parent is not None and parent.type in (*_HOLDING, *_HANDED):
            if parent.type == "argument_list":
                call = parent.parent
                function = call.child_by_field_name("function") if call is not None else None
                return function is not None and self._asked_by(source, function)
            if parent.type == "assignment" and parent.child_by_field_name("right") != child:
                return False
            if parent.type in _HOLDING and self.in_text(source.text):
                return True
            child, parent = parent, parent.parent
        return False

    def table(self, source: Source, node: Node) -> str:
        """The module's name for what holds the function beside others; empty where none does."""
        parent = node.parent
        while parent is not None and parent.type in _HOLDING - {"assignment"}:
            parent = parent.parent
            if parent is not None and parent.type in ("dictionary", "call"):
                parent = parent.parent
        left = parent.child_by_field_name("left") if parent is not None else None
        if parent is None or parent.type != "assignment" or node.parent == parent or left is None:
            return ""
        alone = left.type == "identifier" and source.scope(left).type == "module"
        return source.word(left) if alone else ""

    def _asked_by(self, source: Source, function: Node) -> bool:
        """True where what is called asks, as far as its text can be found."""
        meant = self.modules.object_of(source, function)
        if meant.kind == "defined":
            place = self.modules.source(meant.place)
            return place is not None and self._in_definition(place, meant.name)
        if function.type == "attribute":
            # A method, of whatever: one of that name in this file may be it.
            name = source.word(function.child_by_field_name("attribute"))
            return self._in_definition(source, name)
        return False

    def _in_definition(self, source: Source, name: str) -> bool:
        defined = (node.parent for node in source.bindings(name))
        return any(
            self.in_text(source.word(node))
            for node in defined
            if node is not None and node.type in _DEFINED
        )
