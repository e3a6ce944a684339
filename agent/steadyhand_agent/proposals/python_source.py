"""One Python text as the quick fix reads it: what it imports, what binds a name, and where.

Owns scopes and import statements of a single text. Never resolves a module to a file; that is
python_modules.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from tree_sitter import Node, Query, QueryCursor

from steadyhand_agent.index.languages.python import PYTHON
from steadyhand_agent.proposals.source_text import SourceText

_COMPREHENSIONS = frozenset(
    {
        "list_comprehension",
        "set_comprehension",
        "dictionary_comprehension",
        "generator_expression",
    }
)
# What binds a name in a function is the index's to say; here an import binds one, too.
_QUERY = (
    PYTHON.query
    + """
[(import_statement) (import_from_statement)] @statement
(identifier) @identifier
(global_statement (identifier) @global)
(function_definition type_parameters: (type_parameter (type (identifier) @bind)))
(class_definition type_parameters: (type_parameter (type (identifier) @bind)))
(type_alias_statement left: (type (identifier) @bind))
(import_statement name: (dotted_name . (identifier) @bind))
(import_from_statement name: (dotted_name (identifier) @bind))
"""
)
_TYPING = re.compile(rb"(?:\w+\.)?TYPE_CHECKING\Z")
_PREFIX = re.compile(r"[A-Za-z]{0,3}(\"\"\"|'''|\"|')")
# Deeper than any text that a person wrote; the query's time explodes with such a one.
_MAX_DEPTH = 2_000


@cache
def _query() -> Query:
    return Query(PYTHON.parser_language, _QUERY)


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that an import statement brings.

    Attributes:
        statement: The whole statement.
        node: The part of it that brings this name: `a.b`, `x as y`, or `*`.
        level: Leading dots; 0 for an absolute import.
        module: The dotted module as written, without the dots.
        name: What is taken out of the module; `*` for all; None where the module itself is
            imported by an `import` statement.
        bound: The name that it binds; empty for `*`.
    """

    statement: Node
    node: Node
    level: int
    module: str
    name: str | None
    bound: str

    @property
    def aliased(self) -> bool:
        """True for `x as y`."""
        return self.node.type == "aliased_import"


class Source(SourceText):
    """A Python text."""

    @property
    def readable(self) -> bool:
        """False for a text too deeply nested to be asked anything."""
        depth = deepest = 0
        for byte in self.data:
            if byte in b"([{":
                depth += 1
                deepest = max(deepest, depth)
            elif byte in b")]}":
                depth -= 1
        return deepest <= _MAX_DEPTH

    @cached_property
    def imports(self) -> list[Imported]:
        """Every name that an import brings, in order, whatever the scope."""
        statements = sorted(self._captures.get("statement", []), key=lambda n: n.start_byte)
        return [item for statement in statements for item in self._of_statement(statement)]

    @cached_property
    def strings(self) -> list[tuple[Node, str]]:
        """Every string with what it holds, prefix and quotes left out."""
        found = self._captures.get("string", [])
        return [(node, _content(self.word(node))) for node in found]

    def bindings(self, name: str) -> list[Node]:
        """Every node that binds a name, in any scope, imports included."""
        return self._bindings.get(name, [])

    def at_module(self, name: str) -> list[Node]:
        """The nodes that bind a name in the module itself, `global` in a function included."""
        return [node for node in self.bindings(name) if self.scope(node).type == "module"]

    def identifiers(self, name: str) -> list[Node]:
        """Every use of a name: no attribute, keyword or part of an import has that spelling."""
        return [
            node
            for node in self._identifiers.get(name, [])
            if node.start_byte not in self._keywords
            and not _is_attribute(node)
            and not _is_imported(node)
        ]

    def attributes(self, name: str) -> list[Node]:
        """Every `something.name`, as the attribute node."""
        found = [node for node in self._identifiers.get(name, []) if _is_attribute(node)]
        return [node.parent for node in found if node.parent is not None]

    def names_within(self, node: Node) -> Iterator[Node]:
        """The identifiers in a node that are looked up; annotations and imports do not count."""
        stack = [node]
        while stack:
            current = stack.pop()
            if current.type == "identifier":
                if current.start_byte not in self._keywords and not _is_attribute(current):
                    yield current
            elif current.type not in ("type", "import_statement", "import_from_statement"):
                stack.extend(reversed(current.children))

    def scope(self, node: Node) -> Node:
        """The function, lambda, comprehension, class or module whose names an identifier is of."""
        inner = self._enclosing(node)
        if inner.type == "module" or self.word(node) not in self._declared_in(inner):
            return inner
        return self.root

    def resolved(self, node: Node) -> Node:
        """The scope in which the name that an identifier reads is bound; the module if nowhere."""
        name = self.word(node)
        scopes = {self.scope(binding).id for binding in self.bindings(name)}
        current = self.scope(node)
        first = True
        while current.type != "module":
            # A class's names are seen in its body alone, not in its methods.
            if current.id in scopes and (first or current.type != "class_definition"):
                return current
            first = False
            current = self._enclosing(current)
        return self.root

    def in_function(self, node: Node) -> bool:
        """True where a statement runs only when a function is called."""
        current = node.parent
        while current is not None:
            if current.type in ("function_definition", "lambda"):
                return True
            current = current.parent
        return False

    def for_typing(self, node: Node) -> bool:
        """True below `if TYPE_CHECKING`, which is never run."""
        child, current = node, node.parent
        while current is not None:
            if current.type == "if_statement":
                condition = current.child_by_field_name("condition")
                taken = child == current.child_by_field_name("consequence")
                if condition is not None and taken and _TYPING.match(condition.text or b""):
                    return True
            child, current = current, current.parent
        return False

    @cached_property
    def _captures(self) -> dict[str, list[Node]]:
        return QueryCursor(_query()).captures(self.root)

    @cached_property
    def _bindings(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        seen: set[int] = set()
        for node in self._captures.get("bind", ()):
            if node.start_byte not in seen:
                seen.add(node.start_byte)
                found.setdefault(self.word(node), []).append(node)
        return found

    @cached_property
    def _identifiers(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in sorted(self._captures.get("identifier", ()), key=lambda n: n.start_byte):
            found.setdefault(self.word(node), []).append(node)
        return found

    @cached_property
    def _keywords(self) -> set[int]:
        return {node.start_byte for node in self._captures.get("key", ())}

    @cached_property
    def _parameter_names(self) -> set[int]:
        return {node.start_byte for nodes in self._bindings.values() for node in nodes}

    @cached_property
    def _declared(self) -> dict[int, set[str]]:
        """The names that a function declares to be the module's, by the function's id."""
        found: dict[int, set[str]] = {}
        for node in self._captures.get("global", ()):
            found.setdefault(self._enclosing(node).id, set()).add(self.word(node))
        return found

    def _declared_in(self, scope: Node) -> set[str]:
        return self._declared.get(scope.id, set())

    def _enclosing(self, node: Node) -> Node:
        child, parent = node, node.parent
        walrus = False
        while parent is not None:
            kind = parent.type
            if kind == "named_expression" and child == parent.child_by_field_name("name"):
                walrus = True
            elif kind in ("function_definition", "lambda"):
                inside = child == parent.child_by_field_name("body") or (
                    # A default is looked up outside, the parameter's own name is inside.
                    child == parent.child_by_field_name("parameters")
                    and node.start_byte in self._parameter_names
                )
                if inside:
                    return parent
            elif kind == "class_definition":
                if child == parent.child_by_field_name("body"):
                    return parent
            elif kind in _COMPREHENSIONS and not walrus:
                return parent
            child, parent = parent, parent.parent
        return self.root

    def _of_statement(self, statement: Node) -> Iterator[Imported]:
        level, module = 0, ""
        source = statement.child_by_field_name("module_name")
        if source is not None:
            spelled = self.word(source)
            module = spelled.lstrip(".").strip()
            level = spelled.count(".") - module.count(".")
        for child in statement.children:
            if child.type == "wildcard_import":
                yield Imported(statement, child, level, module, "*", "")
        for node in statement.children_by_field_name("name"):
            aliased = node.type == "aliased_import"
            inner = node.child_by_field_name("name") if aliased else node
            alias = node.child_by_field_name("alias") if aliased else None
            name = re.sub(r"\s+", "", self.word(inner)) if inner is not None else ""
            if source is None:
                bound = self.word(alias) if alias is not None else name.split(".")[0]
                yield Imported(statement, node, 0, name, None, bound)
            else:
                bound = self.word(alias) if alias is not None else name
                yield Imported(statement, node, level, module, name, bound)


def _is_attribute(node: Node) -> bool:
    parent = node.parent
    return (
        parent is not None
        and parent.type == "attribute"
        and parent.child_by_field_name("attribute") == node
    )


def _is_imported(node: Node) -> bool:
    parent = node.parent
    return parent is not None and (
        parent.type == "aliased_import"
        or (
            parent.type == "dotted_name"
            and parent.parent is not None
            and parent.parent.type
            in ("import_statement", "import_from_statement", "aliased_import", "relative_import")
        )
    )


def _content(literal: str) -> str:
    match = _PREFIX.match(literal)
    if match is None:
        return literal
    return literal[match.end() : len(literal) - len(match.group(1))]
