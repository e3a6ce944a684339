"""C++: what the index has to know of it beyond C."""

from __future__ import annotations

import re

from tree_sitter import Node

from steadyhand_agent.index.languages import c
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import Language

_TESTS = "^(?:TEST(?:_[A-Z_]+)?|TYPED_TEST(?:_P)?|BOOST_[A-Z_]+_TEST_CASE|SCENARIO)$"
# A macro that makes a test looks like a function whose parameters are its names.
_QUERY = (
    c.QUERY
    + f"""
(class_specifier body: (_)) @class
(field_declaration
  declarator: [(function_declarator) (pointer_declarator) (reference_declarator)]) @method
(declaration declarator: (reference_declarator)) @function
(alias_declaration) @type
(type_definition type: [(qualified_identifier) (template_type) (decltype)]) @type
(concept_definition) @type
(namespace_definition name: (_)) @namespace
(template_declaration) @wrap
(lambda_expression) @closure
(raw_string_literal) @string
((function_definition !type
  declarator: (function_declarator declarator: (identifier) @decorator @drop))
 (#match? @decorator "{_TESTS}"))
(function_declarator declarator: (qualified_identifier) @drop)
(virtual_specifier) @drop
(explicit_function_specifier) @drop
(field_declaration declarator: (function_declarator declarator: (field_identifier) @key))
(reference_declarator (identifier) @bind)
(structured_binding_declarator (identifier) @bind)
(for_range_loop declarator: (identifier) @bind)
(optional_parameter_declaration declarator: (identifier) @bind)
(variadic_declarator (identifier) @bind)
(lambda_capture_initializer left: (identifier) @bind)
"""
)

_GROUPING = Grouping(
    atoms=c.ATOMS | {"this", "nullptr"},
    chains=c.CHAINS,
    prefixes=c.PREFIXES,
    binary="binary_expression",
    free=c.FREE,
    condition=c.CONDITION,
    never=c.NEVER | {"lambda_expression", "fold_expression"},
)
_IS_TEST = re.compile(_TESTS)


def _parameters(node: Node) -> list[Node]:
    declarator = node.child_by_field_name("declarator")
    given = declarator.child_by_field_name("parameters") if declarator is not None else None
    return given.named_children if given is not None else []


def _written_name(node: Node) -> Node | None:
    if node.type == "field_declaration":
        return c.declared(node) if c.function_declarator(node) is not None else None
    return c.name_of(node)


def _is_test(node: Node, name: Node | None) -> bool:
    return (
        node.type == "function_definition"
        and node.child_by_field_name("type") is None
        and name is not None
        and _IS_TEST.match((name.text or b"").decode("utf-8", "replace")) is not None
    )


def _name_of(node: Node) -> Node | None:
    """The last part of a name; of a test, what the macro is told."""
    name = _written_name(node)
    if _is_test(node, name):
        return next(reversed(_parameters(node)), None)
    while name is not None and name.type in ("qualified_identifier", "template_function"):
        inner = name.child_by_field_name("name")
        if inner is None:
            break
        name = inner
    # A conversion has no name of its own.
    return None if name is not None and name.type == "operator_cast" else name


def _owner_of(node: Node) -> str:
    """What stands before the name: `Foo` of `Foo::bar`, the suite of a test."""
    if node.type not in ("function_definition", "declaration", "class_specifier"):
        return ""
    name = _written_name(node)
    if _is_test(node, name):
        suite = _parameters(node)[:1]
        return (
            (suite[0].text or b"").decode("utf-8", "replace") if len(_parameters(node)) > 1 else ""
        )
    parts: list[str] = []
    while name is not None and name.type == "qualified_identifier":
        scope = name.child_by_field_name("scope")
        if scope is not None:
            plain = scope.child_by_field_name("name") or scope
            parts.append((plain.text or b"").decode("utf-8", "replace"))
        name = name.child_by_field_name("name")
    return ".".join(parts)


CPP = Language(
    name="cpp",
    # A header may be either's; nearly all C is read the same by this grammar.
    suffixes=(".cpp", ".cc", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h", ".inl", ".cu", ".cuh"),
    grammar=("tree_sitter_cpp", "language"),
    query=_QUERY,
    stub=r"\{\s*\}|= (?:0|default|delete);?|;?",
    test_name=r"test_|Test[A-Z]",
    test_decorator=_TESTS,
    name_of=_name_of,
    owner_of=_owner_of,
    is_private=c.is_private,
    module=c.module,
    import_line=c.import_line,
    keeps_paren=_GROUPING.keeps,
    body_of=c.body_of,
    blank=c.BLANK,
    one_name=True,
    platform=c.PLATFORM,
    overloads="head",
)
