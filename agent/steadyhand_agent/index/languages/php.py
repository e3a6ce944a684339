"""PHP: what the index has to know of it, and how its namespaces are used."""

from __future__ import annotations

import posixpath

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import Language, Paths, said_private, underscored

_TYPED = (
    "simple_parameter", "variadic_parameter", "property_promotion_parameter",
)  # fmt: skip
_RETURNING = ("function_definition", "method_declaration", "anonymous_function", "arrow_function")
_CODE_IN_TEXT = (
    "[(variable_name) (dynamic_variable_name) (member_access_expression) (subscript_expression)"
    " (nullsafe_member_access_expression) (member_call_expression) (function_call_expression)"
    " (scoped_property_access_expression) (scoped_call_expression)] @interpolation"
)
_DECORATED = (
    "function_definition", "method_declaration", "class_declaration", "interface_declaration",
    "trait_declaration", "enum_declaration",
)  # fmt: skip
# Modifiers say who may call a method, and a type what may be passed; neither says what it does.
_QUERY = """
(function_definition) @function
(method_declaration) @method
[(class_declaration) (interface_declaration) (trait_declaration) (enum_declaration)] @class
(const_declaration) @constant
((expression_statement (function_call_expression
   function: (name) @_define arguments: (arguments . (argument (string))))) @constant
 (#eq? @_define "define"))
(namespace_definition !body) @header
(namespace_definition name: (_) body: (_)) @namespace
[(anonymous_function) (arrow_function) (anonymous_class)] @closure
[(if_statement) (else_if_clause) (else_clause)] @branch
(ERROR) @error
[(comment) (text_interpolation)] @comment
[(string) (encapsed_string) (heredoc) (nowdoc) (shell_command_expression)] @string
(parenthesized_expression) @paren
(binary_expression operator: "." @sign)
(visibility_modifier) @drop
(final_modifier) @drop
(function_call_expression function: (name) @key)
(argument name: (name) @key)
(simple_parameter name: (variable_name) @bind)
(variadic_parameter name: (variable_name) @bind)
(property_promotion_parameter name: (variable_name) @bind)
(assignment_expression left: (variable_name) @bind)
(reference_assignment_expression left: (variable_name) @bind)
(foreach_statement (variable_name) @bind)
(foreach_statement (pair (variable_name) @bind))
(foreach_statement (by_ref (variable_name) @bind))
(foreach_statement (pair (by_ref (variable_name) @bind)))
(list_literal (variable_name) @bind)
(catch_clause name: (variable_name) @bind)
(static_variable_declaration name: (variable_name) @bind)
(global_declaration (variable_name) @outside)
""" + "".join(
    [f"({node} type: (_) @drop)\n" for node in _TYPED]
    + [f"({node} return_type: (_) @drop)\n" for node in _RETURNING]
    + [f"({node} {_CODE_IN_TEXT})\n" for node in ("encapsed_string", "heredoc_body")]
    + [
        f"({node} attributes: (attribute_list (attribute_group) @decorator))\n"
        for node in _DECORATED
    ]
)

_GROUPING = Grouping(
    atoms=frozenset(
        {
            "variable_name", "name", "integer", "float", "string", "boolean", "null",
            "encapsed_string",
        }
    ),
    chains=frozenset(
        {
            "function_call_expression", "member_call_expression", "member_access_expression",
            "subscript_expression", "scoped_call_expression", "class_constant_access_expression",
        }
    ),
    prefixes=frozenset({"unary_op_expression"}),
    binary="binary_expression",
    free=frozenset(
        {
            "return_statement", "assignment_expression", "argument", "echo_statement",
            "array_element_initializer",
        }
    ),
    condition=frozenset(
        {
            "if_statement", "else_if_clause", "while_statement", "do_statement", "switch_statement",
            "match_expression",
        }
    ),
    never=frozenset(
        {"cast_expression", "object_creation_expression", "clone_expression", "yield_expression"}
    ),
)  # fmt: skip


def _name_of(node: Node) -> Node | None:
    """The name field; of constants, the first one's."""
    if node.type == "const_declaration":
        first = next((n for n in node.named_children if n.type == "const_element"), None)
        return first.named_child(0) if first is not None else None
    if node.type == "expression_statement":
        found = node.named_child(0).child_by_field_name("arguments")
        for wanted in ("argument", "string", "string_content"):
            children = found.named_children if found is not None else []
            found = next((child for child in children if child.type == wanted), None)
        return found
    return node.child_by_field_name("name")


def _import_line(definition: Definition, importing: str | None, _: Paths) -> str:
    parts = definition.qualified.split(".")
    inside = not definition.module_level and definition.kind in ("method", "constant")
    if inside and len(parts) > 1:
        # What encloses a method or a constant is a class, whose name has a capital.
        parts.pop()
    if len(parts) > 1:
        word = {"function": "function ", "constant": "const "}.get(definition.kind, "")
        return f"use {word if definition.module_level else ''}{chr(92).join(parts)};"
    if importing is None:
        return f"require_once '{definition.path}';"
    way = posixpath.relpath(definition.path, posixpath.dirname(importing) or ".")
    return f"require_once __DIR__ . '/{way}';"


PHP = Language(
    name="php",
    suffixes=(".php", ".phtml", ".inc"),
    grammar=("tree_sitter_php", "language_php"),
    query=_QUERY,
    stub=r"\{(?:\s|;|return(?: null| true| false)?;"
    r'|throw new \\?\w*(?:NotImplemented|BadMethodCall|Logic)\w*\(\s*"?\s*\);)*\}|;?',
    test_decorator=r"#\[\s*\\?(?:PHPUnit\\Framework\\Attributes\\)?(?:Test|DataProvider|Before|After)\b",
    platform=r"\bPHP_(?:OS|OS_FAMILY|VERSION|VERSION_ID)\b|\bphp_uname\(|\bDIRECTORY_SEPARATOR\b"
    r"|\b(?:function|class|extension)_(?:exists|loaded)\(",
    class_constants=True,
    name_of=_name_of,
    is_private=lambda name, signature: (
        underscored(name, signature) or said_private(name, signature)
    ),
    import_line=_import_line,
    keeps_paren=_GROUPING.keeps,
)
