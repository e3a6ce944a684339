"""Ruby: what the index has to know of it, and how its files require each other."""

from __future__ import annotations

import posixpath

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import Language, Paths

# A block may be called any number of times, or in another object; what it defines is its own. What
# `class << self` defines stands beside a method of that name, not in its place.
_QUERY = """
[(method) (singleton_method)] @function
[(class) (module)] @class
(assignment left: (constant)) @constant
[(block) (do_block) (lambda)] @closure
[(if) (unless) (elsif) (else) (case) (when) (begin) (rescue) (if_modifier) (unless_modifier)
 (singleton_class)] @branch
(ERROR) @error
(comment) @comment
[(string) (heredoc_beginning) (heredoc_body) (regex) (string_array) (symbol_array) (subshell)
 (character) (delimited_symbol)] @string
(interpolation) @interpolation
(parenthesized_statements) @paren
[(argument_list) (method_parameters)] @arguments
(then "then" @drop)
(lambda "->" @sign)
(singleton_method object: (_) "." @drop)
(simple_symbol) @key
(hash_key_symbol) @key
[(instance_variable) (class_variable)] @key
(method_parameters (identifier) @bind)
(block_parameters (identifier) @bind)
(lambda_parameters (identifier) @bind)
(destructured_parameter (identifier) @bind)
(optional_parameter name: (identifier) @bind)
(keyword_parameter name: (identifier) @bind)
(splat_parameter name: (identifier) @bind)
(hash_splat_parameter name: (identifier) @bind)
(block_parameter name: (identifier) @bind)
(assignment left: (identifier) @bind)
(operator_assignment left: (identifier) @bind)
(left_assignment_list (identifier) @bind)
(destructured_left_assignment (identifier) @bind)
(rest_assignment (identifier) @bind)
(for pattern: (identifier) @bind)
(exception_variable (identifier) @bind)
(as_pattern name: (identifier) @bind)
"""

_GROUPING = Grouping(
    atoms=frozenset(
        {
            "identifier", "constant", "instance_variable", "self", "true", "false", "nil",
            "integer", "float", "string",
        }
    ),
    chains=frozenset({"element_reference"}),
    prefixes=frozenset({"unary"}),
    binary="binary",
    free=frozenset({"assignment", "if", "unless", "while", "until", "elsif", "pair"}),
    never=frozenset({"call"}),
)  # fmt: skip


def _name_of(node: Node) -> Node | None:
    """The name; of `class A::B`, its last part."""
    if node.type == "assignment":
        return node.child_by_field_name("left")
    name = node.child_by_field_name("name")
    if name is not None and name.type == "scope_resolution":
        return name.child_by_field_name("name")
    return name


def _owner_of(node: Node) -> str:
    """What stands before the last part of a class's name."""
    name = node.child_by_field_name("name")
    if name is None or name.type != "scope_resolution":
        return ""
    scope = name.child_by_field_name("scope")
    return (scope.text or b"").decode("utf-8", "replace").replace("::", ".") if scope else ""


def _module(path: str, _: Paths) -> str:
    for root in ("/lib/", "/app/"):
        if root in f"/{path}":
            inside = f"/{path}".rpartition(root)[2]
            return inside.removesuffix(".rb")
    return path.removesuffix(".rb")


def _import_line(definition: Definition, importing: str | None, paths: Paths) -> str:
    if "/app/" in f"/{definition.path}":
        return ""  # Rails loads what stands there by its name.
    if importing is None:
        return f"require '{_module(definition.path, paths)}'"
    target = definition.path.removesuffix(".rb")
    return f"require_relative '{posixpath.relpath(target, posixpath.dirname(importing) or '.')}'"


RUBY = Language(
    name="ruby",
    suffixes=(".rb", ".rake"),
    grammar=("tree_sitter_ruby", "language"),
    query=_QUERY,
    stub=r"(?:nil|raise NotImplementedError[^\n]*|[\s;])*",
    test_name=r"test_",
    overwrites=True,
    platform=r"\bRUBY_(?:PLATFORM|ENGINE|VERSION)\b|\bRbConfig\b|\bwin(?:dows)?_platform\?",
    class_constants=True,
    constant=r"[A-Z]\w*",
    name_of=_name_of,
    owner_of=_owner_of,
    module=_module,
    import_line=_import_line,
    own_name=r"(?<![\w.:@])super\b(?!:)",
    keeps_paren=_GROUPING.keeps,
    reopens=True,
)
