"""Rust: what the index has to know of it, and how its modules are named."""

from __future__ import annotations

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import TEST_PATH, Language, Paths

# In a pattern, a name with a capital is a constant or a variant and binds nothing.
_PATTERNS = (
    "(match_pattern (identifier) @bind)",
    "(tuple_struct_pattern type: (_) (identifier) @bind)",
    "(tuple_pattern (identifier) @bind)",
    "(or_pattern (identifier) @bind)",
    "(slice_pattern (identifier) @bind)",
    "(field_pattern pattern: (identifier) @bind)",
)
_QUERY = """
(function_item) @function
(function_signature_item) @function
[(struct_item) (enum_item) (union_item) (trait_item)] @class
(type_item) @type
(const_item) @constant
(static_item) @constant
(impl_item) @scope
(impl_item trait: (_) body: (_) @contract)
(trait_item body: (_) @contract)
(mod_item) @namespace
(attribute_item) @decorator
(ERROR) @error
[(line_comment) (block_comment)] @comment
[(string_literal) (raw_string_literal) (char_literal)] @string
(parenthesized_expression) @paren
((tuple_expression . (_) . "," . ")") @single)
((tuple_pattern . (_) . "," . ")") @single)
(visibility_modifier) @drop
(field_initializer field: (field_identifier) @key)
(field_pattern name: (field_identifier) @key)
(label (identifier) @key)
(shorthand_field_identifier) @outside
(shorthand_field_initializer (identifier) @outside)
(parameter pattern: (identifier) @bind)
(let_declaration pattern: (identifier) @bind)
(closure_parameters (identifier) @bind)
(for_expression pattern: (identifier) @bind)
(captured_pattern . (identifier) @bind)
(reference_pattern (identifier) @bind)
(ref_pattern (identifier) @bind)
(mut_pattern (identifier) @bind)
(const_item name: (identifier) @bind)
(function_item name: (identifier) @bind)
(type_parameter name: (type_identifier) @bind)
(lifetime_parameter name: (lifetime (identifier) @bind))
""" + "".join(f'({pattern} (#match? @bind "^[a-z_]"))\n' for pattern in _PATTERNS)

_GROUPING = Grouping(
    atoms=frozenset(
        {
            "identifier", "self", "boolean_literal", "string_literal", "char_literal",
            "integer_literal",
        }
    ),
    chains=frozenset(
        {
            "call_expression", "field_expression", "index_expression", "try_expression",
            "await_expression", "generic_function",
        }
    ),
    prefixes=frozenset({"unary_expression", "reference_expression"}),
    binary="binary_expression",
    free=frozenset(
        {
            "let_declaration", "arguments", "return_expression", "if_expression",
            "while_expression", "match_expression", "assignment_expression",
            "compound_assignment_expr", "field_initializer", "array_expression",
        }
    ),
    never=frozenset(
        {"struct_expression", "closure_expression", "range_expression", "macro_invocation"}
    ),
)  # fmt: skip


def _name_of(node: Node) -> Node | None:
    """The name field; of an `impl`, the type that it is for."""
    if node.type != "impl_item":
        return node.child_by_field_name("name")
    named = node.child_by_field_name("type")
    while named is not None and (
        inner := named.child_by_field_name("type") or named.child_by_field_name("name")
    ):
        named = inner
    return named


def _crate(path: str) -> tuple[str, list[str]]:
    """The folder of a file's crate, and the path of its module in there."""
    folder, found, inside = f"/{path}".rpartition("/src/")
    if not found:
        folder, _, inside = f"/{path}".rpartition("/")
    parts = inside.removesuffix(".rs").split("/")
    if parts[-1] in ("lib", "main", "mod"):
        parts.pop()
    return folder.strip("/"), parts


def _module(path: str, _: Paths) -> str:
    crate, parts = _crate(path)
    return "::".join([_crate_name(crate), *parts])


def _crate_name(folder: str) -> str:
    return folder.rpartition("/")[2].replace("-", "_") or "crate"


def _import_line(definition: Definition, importing: str | None, _: Paths) -> str:
    crate, parts = _crate(definition.path)
    here = importing is None or _crate(importing)[0] == crate
    names: list[str] = []
    for part in definition.qualified.split("."):
        names.append(part)
        if part[:1].isupper():
            break  # What follows is a method or a constant of a type.
    return f"use {'::'.join(['crate' if here else _crate_name(crate), *parts, *names])};"


RUST = Language(
    name="rust",
    suffixes=(".rs",),
    grammar=("tree_sitter_rust", "language"),
    query=_QUERY,
    stub=r'\{(?:\s|;|(?:todo|unimplemented|unreachable)!\(\s*"?\s*\))*\}|;?',
    test_path=TEST_PATH + r"|(^|/)(benches|examples)/",
    test_decorator=r"#\[\s*(?:(?:\w+::)*(?:test|rstest|bench|test_case|quickcheck)\b"
    r"|cfg\(\s*(?:test\b|(?:all|any)\(.*\btest\b))",
    conditional=r"#\[\s*(?:cfg\(|rustversion::|(?:\w+::)*a?sync_impl\b)",
    platform=r"\b(?:unix|windows|target_\w+)\b",
    class_constants=True,
    constant=r"[^\W_]\w*|_\w+",
    name_of=_name_of,
    is_private=lambda _, signature: not signature.startswith("pub"),
    module=_module,
    import_line=_import_line,
    keeps_paren=_GROUPING.keeps,
)
