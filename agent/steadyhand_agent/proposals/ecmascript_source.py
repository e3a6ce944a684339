"""One JavaScript or TypeScript text as the quick fix reads it: imports, exports, names.

Owns what a single text says. Never resolves a specifier to a file; ecmascript_modules.py does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

from tree_sitter import Node, Query, QueryCursor

from steadyhand_agent.index import languages
from steadyhand_agent.proposals.source_text import SourceText

SUFFIXES = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")

_QUERY = """
(import_statement) @import
(export_statement) @export
(call_expression) @call
(string) @string
[(identifier) (shorthand_property_identifier) (shorthand_property_identifier_pattern)] @name
"""
_TYPES = "(type_identifier) @name"
# Between a name that is bound and what binds it.
_PATTERNS = frozenset(
    {
        "object_pattern", "array_pattern", "rest_pattern", "assignment_pattern",
        "object_assignment_pattern", "pair_pattern", "required_parameter", "optional_parameter",
    }
)  # fmt: skip
_NAMED = frozenset(
    {
        "function_declaration", "generator_function_declaration", "class_declaration", "class",
        "function_expression", "generator_function", "function_signature", "enum_declaration",
        "interface_declaration", "type_alias_declaration", "abstract_class_declaration", "module",
        "internal_module",
    }
)  # fmt: skip
FUNCTIONS = frozenset(
    {
        "function_declaration", "generator_function_declaration", "function_expression",
        "generator_function", "arrow_function", "method_definition",
    }
)  # fmt: skip


@cache
def _query(suffix: str) -> Query:
    typed = suffix in (".ts", ".tsx", ".mts", ".cts")
    return Query(languages.SUFFIXES[suffix].parser_language, _QUERY + (_TYPES if typed else ""))


def suffix_of(path: str) -> str:
    """The suffix of a path, with its dot."""
    return path[path.rfind(".") :]


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that comes from another module.

    Attributes:
        kind: `import`, `require` (a whole module or a name out of it), `export` (passed on
            without a local name) or `dynamic`.
        statement: The whole statement; for `dynamic` the call.
        node: The part that brings this name.
        source: The string that names the module.
        specifier: What that string says.
        name: What is taken: a name, `default`, or `*` for everything.
        bound: The local name; empty where there is none.
        typing: Only its type is taken.
    """

    kind: str
    statement: Node
    node: Node
    source: Node
    specifier: str
    name: str
    bound: str
    typing: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """How a module gives a name.

    Attributes:
        kind: `module` for `export`, `common` for `exports.x`, `whole` for `module.exports = x`.
        name: The name outside; `default` for the default export.
        inline: The definition itself says `export`.
    """

    kind: str
    name: str
    inline: bool


class Source(SourceText):
    """A JavaScript or TypeScript text; the path's suffix says which."""

    def string(self, node: Node) -> str:
        """What a string says."""
        return self.word(node)[1:-1]

    @cached_property
    def imports(self) -> list[Imported]:
        """Everything that comes from other modules, in order."""
        found: list[Imported] = []
        for node in self._captures.get("import", ()):
            found += self._of_import(node)
        for node in self._captures.get("export", ()):
            found += self._of_export(node)
        for node in self._captures.get("call", ()):
            found += self._of_call(node)
        return sorted(found, key=lambda item: item.node.start_byte)

    @property
    def calls(self) -> list[Node]:
        """Every call, in order."""
        return self._captures.get("call", [])

    @property
    def common(self) -> bool:
        """True for CommonJS: it takes and gives by `require` and `exports`."""
        if any(i.kind in ("import", "export") for i in self.imports) or self._captures.get(
            "export"
        ):
            return False
        if self.path.endswith((".cjs", ".cts")):
            return True
        if self.path.endswith((".mjs", ".mts")):
            return False
        return (
            "module.exports" in self.text
            or "exports." in self.text
            or any(i.kind == "require" for i in self.imports)
        )

    @property
    def neutral(self) -> bool:
        """True where nothing shows of which kind it is."""
        return not (self.imports or self._captures.get("export") or self.common)

    def names(self, name: str) -> list[Node]:
        """Every identifier of that spelling that is not a property's."""
        return self._names.get(name, [])

    def bindings(self, name: str) -> list[Node]:
        """Those that bind it, in any scope."""
        return [node for node in self.names(name) if self.binds(node)]

    def uses(self, name: str) -> list[Node]:
        """Those that read it; names in `import` do not count."""
        return [
            node
            for node in self.names(name)
            if not self.binds(node)
            and (node.parent is None or node.parent.type != "import_specifier")
        ]

    def binds(self, node: Node) -> bool:
        """True where an identifier gives a name to something."""
        if node.type == "shorthand_property_identifier_pattern":
            return True
        parent = node.parent
        if parent is None:
            return False
        if parent.type == "import_specifier":
            alias = parent.child_by_field_name("alias")
            return node == (alias or parent.child_by_field_name("name"))
        if parent.type in ("import_clause", "namespace_import", "import_require_clause"):
            return True
        if parent.type in _NAMED and node == parent.child_by_field_name("name"):
            return True
        child: Node = node
        while parent is not None and parent.type in _PATTERNS:
            if parent.type in ("assignment_pattern", "object_assignment_pattern") and (
                child != parent.child_by_field_name("left")
            ):
                return False
            if parent.type in ("required_parameter", "optional_parameter") and (
                child != parent.child_by_field_name("pattern")
            ):
                return False
            if parent.type == "pair_pattern" and child != parent.child_by_field_name("value"):
                return False
            child, parent = parent, parent.parent
        return parent is not None and (
            (parent.type == "variable_declarator" and child == parent.child_by_field_name("name"))
            or parent.type == "formal_parameters"
            or (
                parent.type == "arrow_function" and child == parent.child_by_field_name("parameter")
            )
            or (parent.type == "catch_clause" and child == parent.child_by_field_name("parameter"))
            or (
                parent.type == "for_in_statement"
                and child == parent.child_by_field_name("left")
                and parent.child_by_field_name("kind") is not None
            )
        )

    def assigned(self, name: str) -> Node | None:
        """Where something is assigned to a name that is bound already, if anywhere."""
        for node in self.names(name):
            parent = node.parent
            if parent is None:
                continue
            if parent.type in ("assignment_expression", "augmented_assignment_expression") and (
                node == parent.child_by_field_name("left")
            ):
                return node
            if parent.type == "update_expression":
                return node
        return None

    @cached_property
    def strings(self) -> list[tuple[Node, str]]:
        """Every string and what it says."""
        return [(node, self.string(node)) for node in self._captures.get("string", ())]

    def exported(self, name: str) -> Exported | None:
        """How the module gives something that it binds at its top; None where it does not."""
        for statement in self.root.named_children:
            found = (
                self._exported_by(statement, name)
                if statement.type == "export_statement"
                else self._assigned_by(statement, name)
            )
            if found is not None:
                return found
        return None

    @cached_property
    def exportable(self) -> list[Node]:
        """The names that the module binds in its own statements."""
        every = [node for nodes in self._names.values() for node in nodes]
        return [
            node
            for node in every
            if (node.parent is not None and node.parent.type == "export_specifier")
            or (self.binds(node) and self.at_top(node))
        ]

    def at_top(self, node: Node) -> bool:
        """True for a name bound in the module itself, not in a function or block of it."""
        current = node.parent
        while current is not None and current.type in (
            *_PATTERNS, "variable_declarator", "lexical_declaration", "variable_declaration",
            "export_statement", "import_specifier", "named_imports", "import_clause",
            "namespace_import", "import_statement", "function_declaration", "class_declaration",
            "generator_function_declaration", "function_signature", "import_require_clause",
            "enum_declaration", "type_alias_declaration", "interface_declaration",
            "ambient_declaration", "abstract_class_declaration",
        ):  # fmt: skip
            current = current.parent
        return current is not None and current.type == "program"

    @cached_property
    def _captures(self) -> dict[str, list[Node]]:
        found = QueryCursor(_query(suffix_of(self.path))).captures(self.root)
        return {k: sorted(v, key=lambda n: n.start_byte) for k, v in found.items()}

    @cached_property
    def _names(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self._captures.get("name", ()):
            found.setdefault(self.word(node), []).append(node)
        return found

    def _exported_by(self, statement: Node, name: str) -> Exported | None:
        default = any(child.type == "default" for child in statement.children)
        if statement.child_by_field_name("source") is not None:
            return None
        declared = statement.child_by_field_name("declaration")
        if declared is not None and name in self._declares(declared):
            return Exported("module", "default" if default else name, inline=True)
        value = statement.child_by_field_name("value")
        if default and value is not None and self.word(value) == name:
            return Exported("module", "default", inline=False)
        for clause in statement.named_children:
            for specifier in clause.named_children if clause.type == "export_clause" else ():
                if self.word(specifier.child_by_field_name("name")) == name:
                    alias = specifier.child_by_field_name("alias")
                    return Exported("module", self.word(alias) if alias else name, inline=False)
        return None

    def _declares(self, declaration: Node) -> list[str]:
        if declaration.type in _NAMED:
            return [self.word(declaration.child_by_field_name("name"))]
        declarators = [n for n in declaration.named_children if n.type == "variable_declarator"]
        return [self.word(n.child_by_field_name("name")) for n in declarators]

    def _assigned_by(self, statement: Node, name: str) -> Exported | None:
        inner = statement.named_children[0] if statement.type == "expression_statement" else None
        if inner is None or inner.type != "assignment_expression":
            return None
        left = self.word(inner.child_by_field_name("left"))
        right = inner.child_by_field_name("right")
        if right is None:
            return None
        if left == "module.exports":
            if self.word(right) == name:
                return Exported("whole", "*", inline=False)
            for child in right.named_children if right.type == "object" else ():
                if child.type == "shorthand_property_identifier" and self.word(child) == name:
                    return Exported("common", name, inline=False)
                if child.type == "pair" and self.word(child.child_by_field_name("value")) == name:
                    return Exported(
                        "common", self.word(child.child_by_field_name("key")), inline=False
                    )
            return None
        if left.startswith(("exports.", "module.exports.")) and left.count(".") < 3:
            key = left.rpartition(".")[2]
            if self.word(right) == name:
                return Exported("common", key, inline=False)
            if right.type in FUNCTIONS and key == name:
                return Exported("common", key, inline=True)
        return None

    def _of_import(self, statement: Node) -> list[Imported]:
        source = statement.child_by_field_name("source")
        if source is None:
            return []
        typing = any(child.type == "type" for child in statement.children)
        says = self.string(source)
        found: list[Imported] = []
        clauses = [n for n in statement.named_children if n.type == "import_clause"]
        for part in clauses[0].named_children if clauses else ():
            if part.type == "identifier":
                bound = self.word(part)
                found.append(
                    Imported("import", statement, part, source, says, "default", bound, typing)
                )
            elif part.type == "namespace_import":
                bound = self.word(part.named_children[0])
                found.append(Imported("import", statement, part, source, says, "*", bound, typing))
            for node in part.named_children if part.type == "named_imports" else ():
                if node.type != "import_specifier":
                    continue
                name = self.word(node.child_by_field_name("name"))
                bound = self.word(node.child_by_field_name("alias")) or name
                only = typing or any(child.type == "type" for child in node.children)
                found.append(Imported("import", statement, node, source, says, name, bound, only))
        return found or [Imported("import", statement, statement, source, says, "", "", typing)]

    def _of_export(self, statement: Node) -> list[Imported]:
        source = statement.child_by_field_name("source")
        if source is None:
            return []
        says = self.string(source)
        clauses = [n for n in statement.named_children if n.type == "export_clause"]
        typing = any(child.type == "type" for child in statement.children)
        if not clauses:
            return [Imported("export", statement, statement, source, says, "*", "", typing)]
        return [
            Imported(
                "export", statement, node, source, says,
                self.word(node.child_by_field_name("name")), "",
                typing or any(child.type == "type" for child in node.children),
            )
            for node in clauses[0].named_children
            if node.type == "export_specifier"
        ]  # fmt: skip

    def _of_call(self, call: Node) -> list[Imported]:
        function = call.child_by_field_name("function")
        arguments = call.child_by_field_name("arguments")
        given = arguments.named_children if arguments is not None else []
        if function is None or not given or given[0].type != "string":
            return []
        says = self.string(given[0])
        if function.type == "import":
            return [Imported("dynamic", call, call, given[0], says, "*", "")]
        if function.type != "identifier" or self.word(function) != "require":
            return []
        declarator = call.parent
        if declarator is None or declarator.type != "variable_declarator":
            return [Imported("dynamic", call, call, given[0], says, "*", "")]
        statement = declarator.parent or declarator
        target = declarator.child_by_field_name("name")
        if target is None or target.type != "object_pattern":
            return [
                Imported("require", statement, declarator, given[0], says, "*", self.word(target))
            ]
        found: list[Imported] = []
        for node in target.named_children:
            if node.type == "shorthand_property_identifier_pattern":
                name = bound = self.word(node)
            elif node.type == "pair_pattern":
                name = self.word(node.child_by_field_name("key"))
                bound = self.word(node.child_by_field_name("value"))
            else:
                return [Imported("dynamic", call, call, given[0], says, "*", "")]
            found.append(Imported("require", statement, node, given[0], says, name, bound))
        return found
