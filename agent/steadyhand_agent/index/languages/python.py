"""Python: what the index has to know of it, and how its modules are named."""

from __future__ import annotations

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.language import Language, Paths

# What the fingerprint drops, keeps apart, or renames; the words are those of `Language`.
_QUERY = (
    """
(function_definition) @function
(class_definition) @class
(module (expression_statement . (assignment left: (identifier) right: (_))) @constant)
(decorated_definition) @wrap
(decorator) @decorator
(ERROR) @error
[(if_statement) (elif_clause) (else_clause) (try_statement) (except_clause)
 (finally_clause) (match_statement) (case_clause)] @branch
(comment) @comment
(type) @drop
(line_continuation) @drop
((tuple . (_) . "," . ")") @single)
((tuple_pattern . (_) . "," . ")") @single)
((subscript subscript: (_) . "," . "]") @single)
(parenthesized_expression) @paren
(argument_list . "(" . (generator_expression) @paren . ")")
(assignment right: (tuple) @paren)
(assignment left: (tuple_pattern) @paren)
(return_statement (tuple) @paren)
(yield (tuple) @paren)
(for_statement left: (tuple_pattern) @paren)
(for_statement right: (tuple) @paren)
(for_in_clause left: (tuple_pattern) @paren)
(subscript subscript: (tuple) @paren)
(string) @string
(interpolation) @interpolation
(block) @block
(keyword_argument name: (identifier) @key)
(parameters (identifier) @bind)
(lambda_parameters (identifier) @bind)
(default_parameter name: (identifier) @bind)
(typed_parameter . (identifier) @bind)
(typed_default_parameter name: (identifier) @bind)
(list_splat_pattern (identifier) @bind)
(dictionary_splat_pattern (identifier) @bind)
(assignment left: (identifier) @bind)
(pattern_list (identifier) @bind)
(tuple_pattern (identifier) @bind)
(list_pattern (identifier) @bind)
(for_statement left: (identifier) @bind)
(for_in_clause left: (identifier) @bind)
(named_expression name: (identifier) @bind)
(as_pattern_target (identifier) @bind)
(as_pattern_target (tuple (identifier) @bind))
(as_pattern_target (list (identifier) @bind))
(case_pattern . (dotted_name . (identifier) @bind .) .)
(splat_pattern (identifier) @bind)
(as_pattern (case_pattern) (identifier) @bind)
(keyword_pattern . (identifier) @key)
(keyword_pattern (identifier) . (dotted_name . (identifier) @bind .))
(aliased_import alias: (identifier) @bind)
(function_definition name: (identifier) @bind)
(class_definition name: (identifier) @bind)
(global_statement (identifier) @outside)
(nonlocal_statement (identifier) @outside)
"""
    # Constants of a module that stand in a condition; a function's or a class's own are none.
    # What a name looks like is not asked here: that alone cost a quarter of the parser's time.
    + "".join(
        f"({holder} (block (expression_statement . "
        "(assignment left: (identifier) right: (_))) @constant))\n"
        for holder in (
            "if_statement", "elif_clause", "else_clause", "try_statement", "except_clause",
            "finally_clause", "with_statement", "for_statement", "while_statement", "case_clause",
        )
    )
)  # fmt: skip


# Where grouping changes nothing, by what stands around it, and by what binds tighter inside.
_FREE = frozenset(
    {
        "expression_statement", "assignment", "augmented_assignment", "return_statement",
        "argument_list", "if_statement", "elif_clause", "while_statement", "for_statement", "pair",
        "list", "keyword_argument", "default_parameter", "typed_default_parameter", "interpolation",
        "assert_statement", "raise_statement", "yield", "delete_statement", "with_item",
    }
)  # fmt: skip
_ATOMS = frozenset(
    {
        "identifier", "call", "attribute", "subscript", "string", "integer",
        "concatenated_string", "float", "true",
        "false", "none", "list", "dictionary", "set", "tuple", "list_comprehension",
        "dictionary_comprehension", "set_comprehension", "parenthesized_expression",
    }
)  # fmt: skip
_CONDITIONS = frozenset({"if_statement", "elif_clause", "while_statement"})
_TIGHTER: dict[str, frozenset[str]] = {
    "boolean_operator": frozenset(
        {"comparison_operator", "binary_operator", "unary_operator", "not_operator"}
    ),
    "not_operator": frozenset({"comparison_operator", "binary_operator", "unary_operator"}),
    "comparison_operator": frozenset({"binary_operator", "unary_operator"}),
    "conditional_expression": frozenset(
        {
            "boolean_operator", "not_operator", "comparison_operator", "binary_operator",
            "unary_operator",
        }
    ),
}  # fmt: skip


def _redundant(group: Node) -> bool:
    """True where the parentheses of a group could go and the meaning would stay."""
    if group.type != "parenthesized_expression":
        # The query found it where it changes nothing; an empty tuple is what it is.
        return group.named_child_count > 0
    inside = group.named_children[0] if group.named_children else None
    if inside is None or inside.type in ("generator_expression", "yield"):
        return False
    if inside.type == "named_expression":
        return group.parent is not None and group.parent.type in _CONDITIONS
    if inside.type in _ATOMS:
        return True
    # Of several pairs the outer ones are idle; the innermost answers for the whole.
    outermost, parent = group, group.parent
    while parent is not None and parent.type == "parenthesized_expression":
        outermost, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type == "subscript":
        return parent.child_by_field_name("value") != outermost
    if parent.type == "binary_operator" and inside.type == "binary_operator":
        return _binds_tighter(inside, parent)
    return parent.type in _FREE or inside.type in _TIGHTER.get(parent.type, frozenset())


def _binds_tighter(inner: Node, outer: Node) -> bool:
    """True for a product inside a sum; other pairs are kept as they are written."""

    def operator(node: Node) -> str:
        sign = node.child_by_field_name("operator")
        return sign.type if sign is not None else ""

    return operator(inner) in ("*", "/", "//", "%") and operator(outer) in ("+", "-")


def _name_of(node: Node) -> Node | None:
    """The name field; of a constant, what its assignment assigns to."""
    if node.type == "expression_statement":
        return node.children[0].child_by_field_name("left")
    return node.child_by_field_name("name")


def module_name(path: str, paths: Paths) -> str:
    """The dotted name by which a file is imported.

    Args:
        path: Workspace path of a `.py` file.
        paths: Tells which folders hold an `__init__.py`.

    Returns:
        The name from the outermost package that encloses the file without a gap; for a file in
        no package, the path below the root, a leading `src` or `lib` left out.
    """
    folder, _, name = path.rpartition("/")
    stem = name.rsplit(".", 1)[0]
    parts: list[str] = [] if stem == "__init__" else [stem]
    climbed = folder
    while climbed and _is_package(climbed, paths):
        climbed, _, last = climbed.rpartition("/")
        parts.insert(0, last)
    if len(parts) > (0 if stem == "__init__" else 1):
        return ".".join(parts)
    rest = [part for part in folder.split("/") if part]
    if rest and rest[0] in ("src", "lib"):
        rest = rest[1:]
    return ".".join([*rest, *parts])


def _is_package(folder: str, paths: Paths) -> bool:
    return any(paths.has(f"{folder}/__init__.{end}") for end in ("py", "pyi"))


def _import_line(definition: Definition, _: str | None, paths: Paths) -> str:
    first = definition.qualified.split(".")[0]
    return f"from {module_name(definition.path, paths)} import {first}"


PYTHON = Language(
    name="python",
    suffixes=(".py", ".pyi"),
    grammar=("tree_sitter_python", "language"),
    query=_QUERY,
    stub=r'(?:pass|\.\.\.|"|raise NotImplementedError[^\n]*|[\s;])*',
    test_name=r"test_|Test",
    docstrings=True,
    offside=True,
    platform=r"\bsys\.(?:platform|version|implementation|getwindowsversion|hexversion)\b|\bos\.name\b"
    r"|\bplatform\.(?:system|machine|python_\w+)\(|\bPY[23]\d*\b"
    r"|\b_?(?:(?:IS|ON)_)?(?:WINDOWS|WIN32|WIN|LINUX|MACOS|OSX|DARWIN|POSIX|PYPY)\b",
    overwrites=True,
    constant=r"[A-Z][A-Z0-9_]*",
    name_of=_name_of,
    module=module_name,
    import_line=_import_line,
    keeps_paren=lambda pair: not _redundant(pair),
)
