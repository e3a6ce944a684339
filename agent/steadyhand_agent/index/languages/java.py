"""Java: what the index has to know of it, and how its packages are named."""

from __future__ import annotations

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import Language, Paths, said_private

_ANNOTATED = (
    "method_declaration", "constructor_declaration", "class_declaration", "record_declaration",
    "interface_declaration", "enum_declaration",
)  # fmt: skip
_AROUND = (
    "return_statement", "variable_declarator", "assignment_expression", "argument_list",
    "binary_expression", "unary_expression", "ternary_expression", "parenthesized_expression",
    "method_invocation", "field_access", "array_access", "array_initializer", "throw_statement",
    "lambda_expression", "enhanced_for_statement", "instanceof_expression",
)  # fmt: skip
# Modifiers say who may call a method, not what it does; `synchronized` is taken for an annotation.
_QUERY = (
    """
[(method_declaration) (constructor_declaration) (compact_constructor_declaration)] @method
[(class_declaration) (interface_declaration) (enum_declaration) (record_declaration)
 (annotation_type_declaration)] @class
(field_declaration (modifiers "static" "final")) @constant
(field_declaration (modifiers "final" "static")) @constant
(constant_declaration) @constant
(enum_constant body: (_)) @scope
(object_creation_expression (class_body)) @closure
(method_declaration (modifiers "synchronized" @decorator))
(ERROR) @error
[(line_comment) (block_comment)] @comment
[(string_literal) (character_literal)] @string
(inferred_parameters) @paren
(method_declaration (modifiers) @drop)
(constructor_declaration (modifiers) @drop)
(formal_parameter (modifiers) @drop)
(local_variable_declaration (modifiers) @drop)
(enhanced_for_statement (modifiers) @drop)
(resource (modifiers) @drop)
(catch_formal_parameter (modifiers) @drop)
(throws) @drop
(method_invocation !object name: (identifier) @key)
(labeled_statement . (identifier) @key)
(break_statement (identifier) @key)
(continue_statement (identifier) @key)
(formal_parameter name: (identifier) @bind)
(spread_parameter (variable_declarator name: (identifier) @bind))
(local_variable_declaration declarator: (variable_declarator name: (identifier) @bind))
(enhanced_for_statement name: (identifier) @bind)
(catch_formal_parameter name: (identifier) @bind)
(resource name: (identifier) @bind)
(lambda_expression parameters: (identifier) @bind)
(inferred_parameters (identifier) @bind)
(instanceof_expression name: (identifier) @bind)
(type_pattern (_) (identifier) @bind)
(record_pattern_component (_) (identifier) @bind)
(type_parameter (type_identifier) @bind)
"""
    + "".join(
        # Where none may be idle, as around a condition, none is looked at.
        f"({node} (parenthesized_expression) @paren)\n"
        for node in _AROUND
    )
    + "".join(
        f"({node} (modifiers [(marker_annotation) (annotation)] @decorator))\n"
        for node in _ANNOTATED
    )
)

_GROUPING = Grouping(
    atoms=frozenset(
        {
            "identifier", "this", "true", "false", "null_literal", "string_literal",
            "character_literal", "decimal_integer_literal", "decimal_floating_point_literal",
        }
    ),
    chains=frozenset(
        {"method_invocation", "field_access", "array_access", "object_creation_expression"}
    ),
    prefixes=frozenset({"unary_expression"}),
    binary="binary_expression",
    free=frozenset(
        {
            "return_statement", "throw_statement", "variable_declarator", "assignment_expression",
            "argument_list", "array_initializer", "enhanced_for_statement",
        }
    ),
    condition=frozenset(
        {
            "if_statement", "while_statement", "do_statement", "switch_expression",
            "synchronized_statement",
        }
    ),
    never=frozenset({"cast_expression", "lambda_expression"}),
)  # fmt: skip


def _name_of(node: Node) -> Node | None:
    """The name field; of a field, its first declarator's."""
    if node.type in ("field_declaration", "constant_declaration"):
        declarator = node.child_by_field_name("declarator")
        return declarator.child_by_field_name("name") if declarator is not None else None
    return node.child_by_field_name("name")


def _keeps_paren(pair: Node) -> bool:
    """True where a pair must stay; around a lambda's lone parameter it may be left out."""
    if pair.type == "inferred_parameters":
        return pair.named_child_count != 1
    return _GROUPING.keeps(pair)


def _package(path: str) -> str:
    folder = "/" + path.rpartition("/")[0] + "/"
    for root in ("/java/", "/src/"):
        if root in folder:
            folder = folder.rpartition(root)[2]
            break
    return folder.strip("/").replace("/", ".")


def _module(path: str, _: Paths) -> str:
    return _package(path) or "the root package"


def _import_line(definition: Definition, importing: str | None, _: Paths) -> str:
    package = _package(definition.path)
    if not package or (importing is not None and _package(importing) == package):
        return ""
    return f"import {package}.{definition.qualified.split('.')[0]};"


JAVA = Language(
    name="java",
    suffixes=(".java",),
    nests=(b"<", b"="),
    grammar=("tree_sitter_java", "language"),
    query=_QUERY,
    stub=r"\{(?:\s|;|throw new (?:UnsupportedOperation|NotImplemented)\w*\([^;{}]*\))*\}|;?",
    test_decorator=r"@(?:Test|ParameterizedTest|RepeatedTest|TestFactory|(?:Before|After)\w*)\b",
    class_constants=True,
    name_of=_name_of,
    is_private=said_private,
    module=_module,
    import_line=_import_line,
    keeps_paren=_keeps_paren,
    overloads="parameters",
)
