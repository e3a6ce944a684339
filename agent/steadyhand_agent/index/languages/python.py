"""Python's definitions, read with tree-sitter.

Owns what counts as a definition, a conditional branch, a trivial body and a test in Python.
Never runs or imports what it reads; a text with syntax errors gives the definitions that can
still be read. The walk keeps its own stack, so that no nesting depth can overflow Python's.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, replace
from functools import cache

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from steadyhand_agent.index.definitions import Definition, Kind
from steadyhand_agent.index.fingerprint import TokenStream
from steadyhand_agent.workspace import utf8

# The bodies of these hold statements; `branching` ones hold alternatives.
_BLOCKS = frozenset({"block", "module", "with_statement", "for_statement", "while_statement"})
_BRANCHING = frozenset(
    {
        "if_statement",
        "elif_clause",
        "else_clause",
        "try_statement",
        "except_clause",
        "except_group_clause",
        "finally_clause",
        "match_statement",
        "case_clause",
    }
)
_DESCEND = _BLOCKS | _BRANCHING
_DEFINING = frozenset({"function_definition", "class_definition", "decorated_definition"})
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_SPACE = re.compile(r"\s+")
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"()[]{}")
_MAX_DEPTH = 2_000
_BOM = "\ufeff"

# What the fingerprint drops, keeps apart, or renames; see index/fingerprint.py for the words.
_QUERY = """
(comment) @drop
(type) @drop
(typed_parameter ":" @drop)
(typed_default_parameter ":" @drop)
(assignment ":" @drop)
(function_definition "->" @drop)
(line_continuation) @drop
((tuple . (_) . "," . ")") @single)
((tuple_pattern . (_) . "," . ")") @single)
((subscript subscript: (_) . "," . "]") @single)
(parenthesized_expression) @paren
(string) @string
(interpolation) @interpolation
(block) @block
[(expression_statement) (return_statement) (raise_statement) (assert_statement) (delete_statement)
 (pass_statement) (break_statement) (continue_statement) (global_statement) (nonlocal_statement)
 (import_statement) (import_from_statement) (if_statement) (for_statement) (while_statement)
 (try_statement) (with_statement) (match_statement) (function_definition) (class_definition)
] @statement
(keyword_argument name: (identifier) @keyword)
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
(keyword_pattern . (identifier) @keyword)
(keyword_pattern (identifier) . (dotted_name . (identifier) @bind .))
(aliased_import alias: (identifier) @bind)
(function_definition name: (identifier) @bind)
(class_definition name: (identifier) @bind)
(global_statement (identifier) @outside)
(nonlocal_statement (identifier) @outside)
"""


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
        "identifier", "call", "attribute", "subscript", "string", "integer", "float", "true",
        "false", "none", "list", "dictionary", "set", "tuple", "list_comprehension",
        "dictionary_comprehension", "set_comprehension", "parenthesized_expression",
    }
)  # fmt: skip
_TIGHTER: dict[str, frozenset[str]] = {
    "boolean_operator": frozenset({"comparison_operator", "binary_operator", "unary_operator"}),
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
    inside = group.named_children[0] if group.named_children else None
    if inside is None or inside.type in ("generator_expression", "yield", "named_expression"):
        return False
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

    def operator(node: Node) -> bytes:
        sign = node.child_by_field_name("operator")
        return sign.text or b"" if sign is not None else b""

    return operator(inner) in (b"*", b"/", b"//", b"%") and operator(outer) in (b"+", b"-")


@cache
def language() -> Language:
    """The grammar, loaded once a process."""
    return Language(tree_sitter_python.language())


@cache
def _query() -> Query:
    return Query(language(), _QUERY)


@cache
def _identifiers() -> Query:
    imports = """
(identifier) @identifier
(import_statement name: (dotted_name . (identifier) @import))
(import_from_statement name: (dotted_name (identifier) @import))
"""
    return Query(language(), _QUERY + imports)


def captures(root: Node) -> dict[str, list[Node]]:
    """What the query finds in a text, with every identifier besides."""
    return QueryCursor(_identifiers()).captures(root)


def parse(data: bytes) -> Node:
    """The root node of a text."""
    return Parser(language()).parse(data).root_node


def is_test_path(path: str) -> bool:
    """True for files that hold tests."""
    folders, _, name = path.rpartition("/")
    return (
        name.startswith("test_")
        or name.endswith(("_test.py", "_tests.py"))
        or name in ("tests.py", "conftest.py")
        or any(part in ("tests", "test", "testing") for part in folders.split("/"))
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where the walk stands."""

    prefix: str = ""
    in_class: bool = False
    local: bool = False
    test: bool = False
    branch: tuple[int, ...] = ()


def definitions(path: str, text: str) -> list[Definition]:
    """The definitions of a text, in its order.

    Args:
        path: Workspace path, kept in each definition.
        text: The whole text; lone surrogates are replaced.
    """
    return _Reader(path, encoded(text), 1 if text.startswith(_BOM) else 0).read()


def encoded(text: str) -> bytes:
    """A text as it is parsed: UTF-8, offsets kept, and no byte order mark."""
    data = utf8(text)
    if text.startswith(_BOM):
        # The mark would be an error at the first token; an empty line of its length is nothing.
        return b"\r\r\n" + data[3:]
    return data


class _Reader:
    """Reads one text."""

    def __init__(self, path: str, data: bytes, extra_lines: int) -> None:
        self.path = path
        self.data = data
        self.extra_lines = extra_lines
        self.test = is_test_path(path)
        self.found: list[Definition] = []
        # (definition with decorators, definition, scope): read once all docstrings are known.
        self.pending: list[tuple[Node, Node, _Scope]] = []

    def read(self) -> list[Definition]:
        """Walks the blocks, then fingerprints what it met."""
        root = parse(self.data)
        self._walk(root)
        docstrings = [
            doc
            for _, node, _ in self.pending
            if (doc := _docstring_statement(node.child_by_field_name("body"))) is not None
        ]
        if self.pending:
            # The query's time explodes past 65,535 open nodes; such a text gets no fingerprints.
            deep = _bracket_depth(self.data) > _MAX_DEPTH
            captures = {} if deep else QueryCursor(_query()).captures(root)
            captures["paren"] = [g for g in captures.get("paren", ()) if _redundant(g)]
            tokens = TokenStream(self.data, captures, docstrings, complete=not deep)
            for outer, node, scope in self.pending:
                self._define(tokens, outer, node, scope)
        self.found.sort(key=lambda d: d.start)
        return self.found

    def _walk(self, root: Node) -> None:
        stack = [(root, _Scope())]
        while stack:
            node, scope = stack.pop()
            branching = node.type in _BRANCHING
            for child in node.children:
                kind = child.type
                if kind == "expression_statement":
                    if not scope.local and not scope.in_class:
                        self._constant(child, scope)
                elif kind in _DEFINING:
                    # Below a text that does not parse, what is indented has an owner that was
                    # not understood: it is nobody's to import.
                    lost = node.type == "ERROR" and child.start_point[1] > 0
                    inner = self._enter(child, replace(scope, local=True) if lost else scope)
                    if inner is not None:
                        stack.append(inner)
                elif kind in _DESCEND:
                    branch = scope.branch
                    if branching or kind in _BRANCHING:
                        branch = (*branch, child.start_byte)
                    stack.append((child, replace(scope, branch=branch)))
                elif kind == "ERROR":
                    stack.append((child, scope))

    def _enter(self, outer: Node, scope: _Scope) -> tuple[Node, _Scope] | None:
        node: Node | None = outer
        if outer.type == "decorated_definition":
            node = outer.child_by_field_name("definition")
        name = node.child_by_field_name("name") if node is not None else None
        body = node.child_by_field_name("body") if node is not None else None
        if node is None or name is None or body is None:
            return None
        self.pending.append((outer, node, scope))
        is_class = node.type == "class_definition"
        text = self._text(name)
        test = scope.test or (is_class and text.startswith("Test"))
        local = scope.local or not is_class
        return body, _Scope(f"{scope.prefix}{text}.", is_class, local, test, scope.branch)

    def _text(self, node: Node) -> str:
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _line(self, node: Node) -> int:
        return node.start_point[0] + 1 - self.extra_lines

    def _define(self, tokens: TokenStream, outer: Node, node: Node, scope: _Scope) -> None:
        name_node = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        if name_node is None or body is None:
            return
        name = self._text(name_node)
        is_class = node.type == "class_definition"
        kind: Kind = "class" if is_class else "method" if scope.in_class else "function"
        decorators = tuple(
            _SPACE.sub(" ", self._text(child)[1:].strip())
            for child in outer.children
            if child.type == "decorator"
        )
        header = self._without_comments(node, body.start_byte)
        signature = _SPACE.sub(" ", header).strip().rstrip(":").rstrip()
        if is_class:
            digest, size, lines, statements = "", 0, node.end_point[0] - node.start_point[0] + 1, 0
        else:
            form = tokens.form(node, name_node.start_byte)
            digest = form.digest + "".join(f"@{text}" for text in decorators)
            digest = digest if tokens.complete else ""
            size, lines, statements = form.tokens, form.lines, form.statements
        self.found.append(
            Definition(
                path=self.path,
                name=name,
                qualified=scope.prefix + name,
                kind=kind,
                signature=signature[:300],
                start=outer.start_byte,
                end=outer.end_byte,
                name_start=name_node.start_byte,
                line=self._line(node),
                lines=lines,
                tokens=size,
                statements=statements,
                body=digest,
                doc=self._doc(body),
                decorators=decorators,
                branch=scope.branch,
                local=scope.local,
                trivial=all(_is_stub(self._text(child), child) for child in body.named_children),
                test=self.test
                or scope.test
                or name.startswith("test_")
                or (is_class and name.startswith("Test")),
            )
        )

    def _without_comments(self, node: Node, end: int) -> str:
        """A definition's text up to its body."""
        pieces: list[bytes] = []
        at = node.start_byte
        if b"#" in self.data[at:end]:
            stack = [node]
            comments: list[tuple[int, int]] = []
            while stack:
                for child in stack.pop().children:
                    if child.start_byte < end:
                        stack.append(child)
                        if child.type == "comment":
                            comments.append((child.start_byte, child.end_byte))
            for start, stop in sorted(comments):
                pieces.append(self.data[at:start])
                at = stop
        pieces.append(self.data[at:end])
        return b"".join(pieces).decode("utf-8", "replace")

    def _doc(self, body: Node) -> str:
        statement = _docstring_statement(body)
        if statement is None:
            return ""
        raw = self._text(statement).lstrip("rRuUbBfF").strip("\"'").strip()
        return raw.split("\n", 1)[0].strip()[:200]

    def _constant(self, statement: Node, scope: _Scope) -> None:
        if not statement.children or statement.children[0].type != "assignment":
            return
        assignment = statement.children[0]
        left = assignment.child_by_field_name("left")
        right = assignment.child_by_field_name("right")
        if left is None or right is None or left.type != "identifier":
            return
        name = self._text(left)
        if not _CONSTANT.match(name):
            return
        signature = _SPACE.sub(" ", self._text(assignment))
        self.found.append(
            Definition(
                path=self.path,
                name=name,
                qualified=name,
                kind="constant",
                signature=signature if len(signature) <= 120 else signature[:117] + "...",
                start=statement.start_byte,
                end=statement.end_byte,
                name_start=left.start_byte,
                line=self._line(statement),
                lines=statement.end_point[0] - statement.start_point[0] + 1,
                tokens=0,
                statements=1,
                body="",
                doc="",
                decorators=(),
                branch=scope.branch,
                local=False,
                trivial=True,
                test=self.test,
            )
        )


def _bracket_depth(data: bytes) -> int:
    """How deep brackets nest, those in strings counted too."""
    depth = deepest = 0
    for byte in data.translate(None, delete=_NOT_BRACKETS):
        depth += 1 if byte in b"([{" else -1
        deepest = max(deepest, depth)
    return deepest


def _docstring_statement(body: Node | None) -> Node | None:
    for child in body.named_children if body is not None else ():
        if child.type == "comment":
            continue
        if child.type == "expression_statement" and child.child_count == 1:
            inner = child.children[0].type
            if inner in ("string", "concatenated_string"):
                return child
        return None
    return None


def _is_stub(text: str, node: Node) -> bool:
    """True for what a body without behaviour is made of."""
    if node.type in ("pass_statement", "comment"):
        return True
    if node.type == "expression_statement":
        return node.child_count == 1 and node.children[0].type in (
            "ellipsis",
            "string",
            "concatenated_string",
        )
    return node.type == "raise_statement" and text.startswith("raise NotImplementedError")


def module_name(path: str, packages: Container[str]) -> str:
    """The dotted name by which a file is imported.

    Args:
        path: Workspace path of a `.py` file.
        packages: Folders (workspace paths) that hold an `__init__.py`.

    Returns:
        The name from the outermost package that encloses the file without a gap; for a file in
        no package, the path below the root, a leading `src` or `lib` left out.
    """
    folder, _, name = path.rpartition("/")
    stem = name.rsplit(".", 1)[0]
    parts: list[str] = [] if stem == "__init__" else [stem]
    climbed = folder
    while climbed and climbed in packages:
        climbed, _, last = climbed.rpartition("/")
        parts.insert(0, last)
    if len(parts) > (0 if stem == "__init__" else 1):
        return ".".join(parts)
    rest = [part for part in folder.split("/") if part]
    if rest and rest[0] in ("src", "lib"):
        rest = rest[1:]
    return ".".join([*rest, *parts])
