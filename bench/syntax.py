"""What the mutators need to know of a language, on tree-sitter grammars from wheels.

Owns node names and queries, one table a language, and how functions are cut out of a file. Shares
nothing with the product's own language files, so that a mistake there cannot hide here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import tree_sitter_go
import tree_sitter_java
import tree_sitter_python
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

_TOKEN = re.compile(
    rb"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_$][\w$]*|\d[\w.]*|[^\s\w]"
)


@dataclass(frozen=True)
class Syntax:
    """One language.

    Attributes:
        functions: Nodes that are functions or methods.
        blocks: Nodes whose named children are statements.
        simple: Statements that can go, move or be wrapped without breaking another.
        comments: Comment nodes.
        remark: What begins a comment that ends with the line.
        texts: The contents of string literals.
        numbers: Number literals.
        spanning: Nodes that may hold line ends which are content.
        queries: `bind` (locals), `keep` (nodes of the same spelling that are no use of the local),
            `shared` (nodes whose name must then not change at all), `value` (expressions that bear
            parentheses), `call` (called names and attributes), `arguments`, `operator`.
        trailing: Whether an argument list may end with a comma.
        holder: What stands before and after a method, so that it parses by itself.
        held: Functions that need the holder.
        condition: Template of a wrapped statement's head and foot.
        statements: Templates of statements to add.
    """

    name: str
    grammar: object
    suffix: str
    functions: frozenset[str]
    blocks: frozenset[str]
    simple: frozenset[str]
    comments: frozenset[str]
    remark: str
    texts: frozenset[str]
    numbers: frozenset[str]
    spanning: frozenset[str]
    queries: dict[str, str]
    trailing: bool
    holder: tuple[str, str]
    held: frozenset[str]
    condition: tuple[str, str]
    statements: tuple[str, ...]

    @cached_property
    def language(self) -> Language:
        """The grammar, loaded once."""
        return Language(self.grammar)

    @cached_property
    def _parser(self) -> Parser:
        return Parser(self.language)

    @cached_property
    def _compiled(self) -> dict[str, Query]:
        return {key: Query(self.language, text) for key, text in self.queries.items()}

    def parse(self, data: bytes) -> Tree:
        """The tree of a text."""
        return self._parser.parse(data)

    def found(self, query: str, node: Node) -> list[Node]:
        """What a query captures below a node, in the text's order."""
        captures = QueryCursor(self._compiled[query]).captures(node)
        return sorted(
            (n for nodes in captures.values() for n in nodes),
            key=lambda n: (n.start_byte, -n.end_byte),
        )

    def tokens(self, data: bytes) -> list[bytes]:
        """The tokens of a text without its comments; nothing is normalised."""
        masked = bytearray(data)
        for node in below(self.parse(data).root_node):
            if node.type in self.comments or _is_docstring(node):
                masked[node.start_byte : node.end_byte] = b" " * (node.end_byte - node.start_byte)
        return _TOKEN.findall(bytes(masked))


@dataclass(frozen=True)
class Function:
    """One function as a text of its own.

    Attributes:
        name: Its bare name.
        code: Its text, dedented, in a holder where its language needs one.
        path: The file it comes from.
        line: Where it begins there.
        lines: How many of its lines are not empty.
    """

    name: str
    code: str
    path: str
    line: int
    lines: int


def functions(syntax: Syntax, path: str, data: bytes) -> Iterator[Function]:
    """The functions of a file that stand in no other function and parse by themselves."""
    stack = [syntax.parse(data).root_node]
    while stack:
        node = stack.pop()
        named = _named(syntax, node)
        if named is None:
            stack.extend(reversed(node.named_children))
            continue
        name = named.child_by_field_name("name")
        if node.has_error or name is None:
            continue
        code = _dedented(data, node)
        lines = sum(1 for line in code.splitlines() if line.strip())
        if node.type in syntax.held:
            code = code.join(syntax.holder)
        if not syntax.parse(code.encode()).root_node.has_error:
            bare = data[name.start_byte : name.end_byte].decode("utf-8", "replace")
            yield Function(bare, code, path, node.start_point[0] + 1, lines)


def below(node: Node) -> Iterator[Node]:
    """A node and all below it, in the text's order; no depth can overflow the stack."""
    stack = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(reversed(here.children))


def _named(syntax: Syntax, node: Node) -> Node | None:
    """What bears the name of a function with a body; None where a node is no such thing."""
    if node.type in syntax.functions:
        return node if node.child_by_field_name("body") is not None else None
    if node.type != "lexical_declaration" or node.named_child_count != 1:
        return None
    # `const name = (…) => { … }` is how much of TypeScript writes its functions.
    value = node.named_children[0].child_by_field_name("value")
    body = value.child_by_field_name("body") if value is not None else None
    if value is None or body is None or value.type not in ("arrow_function", "function_expression"):
        return None
    return node.named_children[0] if body.type in syntax.blocks else None


def _dedented(data: bytes, node: Node) -> str:
    start = data.rfind(b"\n", 0, node.start_byte) + 1
    margin = data[start : node.start_byte]
    margin = margin[: len(margin) - len(margin.lstrip())]
    lines = data[node.start_byte : node.end_byte].decode("utf-8", "replace").split("\n")
    indent = margin.decode("utf-8", "replace")
    return "\n".join([lines[0], *(line.removeprefix(indent) for line in lines[1:])]) + "\n"


def _is_docstring(node: Node) -> bool:
    if node.type != "string" or node.parent is None or node.parent.type != "expression_statement":
        return False
    block = node.parent.parent
    return block is not None and block.type == "block" and block.named_children[0] == node.parent


PYTHON = Syntax(
    name="python",
    grammar=tree_sitter_python.language(),
    suffix=".py",
    functions=frozenset({"function_definition"}),
    blocks=frozenset({"block"}),
    simple=frozenset({"expression_statement", "assert_statement", "delete_statement"}),
    comments=frozenset({"comment"}),
    remark="# ",
    texts=frozenset({"string_content"}),
    numbers=frozenset({"integer", "float"}),
    spanning=frozenset({"string"}),
    queries={
        "bind": """
            (parameters (identifier) @b) (default_parameter name: (identifier) @b)
            (typed_parameter . (identifier) @b) (typed_default_parameter name: (identifier) @b)
            (assignment left: (identifier) @b) (pattern_list (identifier) @b)
            (for_statement left: (identifier) @b) (for_in_clause left: (identifier) @b)
            (as_pattern_target (identifier) @b) (named_expression name: (identifier) @b)
            (function_definition name: (identifier) @b)""",
        "keep": """
            (attribute attribute: (identifier) @k) (keyword_argument name: (identifier) @k)""",
        "shared": """
            (global_statement (identifier) @s) (nonlocal_statement (identifier) @s)
            (import_statement (_) @s) (import_from_statement (_) @s)
            (class_definition name: (identifier) @s)""",
        "value": "(assignment right: (_) @v) (return_statement (_) @v)",
        "call": """
            (call function: (identifier) @c)
            (attribute attribute: (identifier) @c)""",
        "arguments": "(call arguments: (argument_list) @a)",
        "operator": """
            (comparison_operator ["==" "!=" "<" ">" "<=" ">="] @o)
            (boolean_operator ["and" "or"] @o) (binary_operator ["+" "-" "*"] @o)""",
    },
    trailing=True,
    holder=("", ""),
    held=frozenset(),
    condition=("if {0}:", ""),
    statements=(
        "{0}.{1}({2})",
        "{0} = {1}({2})",
        "self.{0}.append({2})",
        'log.debug("{0} {1}")',
        "{0} = self.{1}",
    ),
)  # fmt: skip

TYPESCRIPT = Syntax(
    name="typescript",
    grammar=tree_sitter_typescript.language_typescript(),
    suffix=".ts",
    functions=frozenset(
        {"function_declaration", "method_definition", "generator_function_declaration"}
    ),
    blocks=frozenset({"statement_block"}),
    simple=frozenset({"expression_statement", "lexical_declaration", "variable_declaration"}),
    comments=frozenset({"comment"}),
    remark="// ",
    texts=frozenset({"string_fragment"}),
    numbers=frozenset({"number"}),
    spanning=frozenset({"template_string", "comment"}),
    queries={
        "bind": """
            (required_parameter pattern: (identifier) @b)
            (optional_parameter pattern: (identifier) @b)
            (required_parameter pattern: (rest_pattern (identifier) @b))
            (variable_declarator name: (identifier) @b) (array_pattern (identifier) @b)
            (pair_pattern value: (identifier) @b)
            (for_in_statement left: (identifier) @b) (catch_clause parameter: (identifier) @b)
            (arrow_function parameter: (identifier) @b)
            (function_declaration name: (identifier) @b)""",
        "keep": "(method_definition name: (_) @k)",
        "shared": """
            (shorthand_property_identifier) @s (shorthand_property_identifier_pattern) @s
            (type_query (identifier) @s) (type_predicate name: (identifier) @s)
            (class_declaration name: (_) @s)""",
        "value": """
            (variable_declarator value: (_) @v) (assignment_expression right: (_) @v)
            (return_statement (_) @v)""",
        "call": """
            (call_expression function: (identifier) @c)
            (member_expression property: (property_identifier) @c)""",
        "arguments": "(call_expression arguments: (arguments) @a)",
        "operator": """
            (binary_expression operator: ["===" "!==" "<" ">" "<=" ">=" "&&" "||" "+" "-"] @o)""",
    },
    trailing=True,
    holder=("class Holder {\n", "}\n"),
    held=frozenset({"method_definition"}),
    condition=("if ({0}) {{", "}}"),
    statements=(
        "{0}.{1}({2});",
        "const {0} = {1}({2});",
        "this.{0}.push({2});",
        'console.debug("{0} {1}");',
        "const {0} = this.{1};",
    ),
)

GO = Syntax(
    name="go",
    grammar=tree_sitter_go.language(),
    suffix=".go",
    functions=frozenset({"function_declaration", "method_declaration"}),
    blocks=frozenset({"statement_list"}),
    simple=frozenset(
        {
            "expression_statement", "short_var_declaration", "assignment_statement",
            "inc_statement", "dec_statement", "defer_statement", "var_declaration",
        }
    ),
    comments=frozenset({"comment"}),
    remark="// ",
    texts=frozenset({"interpreted_string_literal_content"}),
    numbers=frozenset({"int_literal", "float_literal"}),
    spanning=frozenset({"raw_string_literal", "comment"}),
    queries={
        "bind": """
            (parameter_declaration name: (identifier) @b)
            (variadic_parameter_declaration name: (identifier) @b)
            (short_var_declaration left: (expression_list (identifier) @b))
            (var_spec name: (identifier) @b)
            (range_clause left: (expression_list (identifier) @b))
            (function_declaration name: (identifier) @b)""",
        "keep": "(label_name) @k",
        "shared": """
            (keyed_element key: (literal_element (identifier) @s))
            (const_spec name: (identifier) @s)""",
        "value": """
            (short_var_declaration right: (expression_list . (_) @v .))
            (assignment_statement right: (expression_list . (_) @v .))
            (return_statement (expression_list . (_) @v .))""",
        "call": """
            (call_expression function: (identifier) @c)
            (selector_expression field: (field_identifier) @c)""",
        "arguments": "(call_expression arguments: (argument_list) @a)",
        "operator": """
            (binary_expression operator: ["==" "!=" "<" ">" "<=" ">=" "&&" "||" "+" "-"] @o)""",
    },
    trailing=True,
    holder=("", ""),
    held=frozenset(),
    condition=("if {0} {{", "}}"),
    statements=(
        "{0}.{1}({2})",
        "{0} := {1}({2})",
        "{0} = append({0}, {2})",
        'log.Printf("{0} {1}")',
        "{0} := {1}.{0}",
    ),
)  # fmt: skip

JAVA = Syntax(
    name="java",
    grammar=tree_sitter_java.language(),
    suffix=".java",
    functions=frozenset({"method_declaration", "constructor_declaration"}),
    blocks=frozenset({"block", "constructor_body"}),
    simple=frozenset({"expression_statement", "local_variable_declaration"}),
    comments=frozenset({"line_comment", "block_comment"}),
    remark="// ",
    texts=frozenset({"string_fragment"}),
    numbers=frozenset({"decimal_integer_literal", "decimal_floating_point_literal"}),
    spanning=frozenset({"block_comment", "string_literal"}),
    queries={
        "bind": """
            (formal_parameter name: (identifier) @b)
            (spread_parameter (variable_declarator name: (identifier) @b))
            (local_variable_declaration (variable_declarator name: (identifier) @b))
            (enhanced_for_statement name: (identifier) @b)
            (catch_formal_parameter name: (identifier) @b) (resource name: (identifier) @b)
            (inferred_parameters (identifier) @b) (lambda_expression parameters: (identifier) @b)
            (method_declaration name: (identifier) @b)""",
        "keep": """
            (method_invocation name: (identifier) @k) (field_access field: (identifier) @k)
            (constructor_declaration name: (identifier) @k)
            (annotation name: (_) @k) (marker_annotation name: (_) @k)
            (labeled_statement (identifier) @k) (break_statement (identifier) @k)
            (class_declaration name: (identifier) @k)""",
        "shared": "(field_declaration (variable_declarator name: (identifier) @s))",
        "value": """
            (variable_declarator value: (_) @v) (assignment_expression right: (_) @v)
            (return_statement (_) @v)""",
        "call": """
            (method_invocation name: (identifier) @c) (field_access field: (identifier) @c)""",
        "arguments": "(method_invocation arguments: (argument_list) @a)",
        "operator": """
            (binary_expression operator: ["==" "!=" "<" ">" "<=" ">=" "&&" "||" "+" "-"] @o)""",
    },
    trailing=False,
    holder=("class Holder {\n", "}\n"),
    held=frozenset({"method_declaration", "constructor_declaration"}),
    condition=("if ({0}) {{", "}}"),
    statements=(
        "{0}.{1}({2});",
        "var {0} = {1}({2});",
        "this.{0}.add({2});",
        'LOG.debug("{0} {1}");',
        "int {0} = this.{1};",
    ),
)

SYNTAXES = {syntax.name: syntax for syntax in (PYTHON, TYPESCRIPT, GO, JAVA)}
