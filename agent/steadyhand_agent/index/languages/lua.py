"""Lua: what the index has to know of it, and how its modules are named."""

from __future__ import annotations

import posixpath
import re

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import Language, Paths

_QUERY = """
(function_declaration) @function
(assignment_statement
  (variable_list . name: [(identifier) (dot_index_expression)] .)
  (expression_list . value: (function_definition) .)) @function
(field name: (identifier) value: (function_definition)) @function
(variable_declaration) @wrap
(chunk (variable_declaration (assignment_statement) @constant))
(chunk (assignment_statement (variable_list . name: (identifier))) @constant)
(function_definition) @closure
[(do_statement) (if_statement) (elseif_statement) (else_statement)] @branch
(ERROR) @error
(comment) @comment
(string) @string
(parenthesized_expression) @paren
(function_declaration name: (dot_index_expression) @drop)
(function_declaration name: (method_index_expression) @drop)
(method_index_expression method: (identifier) @key)
(field name: (identifier) @key)
(goto_statement (identifier) @key)
(label_statement (identifier) @key)
(parameters name: (identifier) @bind)
(variable_declaration (variable_list name: (identifier) @bind))
(variable_declaration (assignment_statement (variable_list name: (identifier) @bind)))
(for_numeric_clause name: (identifier) @bind)
(for_generic_clause (variable_list name: (identifier) @bind))
(function_declaration "local" name: (identifier) @bind)
"""

_GROUPING = Grouping(
    atoms=frozenset({"identifier", "true", "false", "nil", "number", "string"}),
    # A call in parentheses gives one value, without them all of them.
    chains=frozenset({"dot_index_expression", "bracket_index_expression"}),
    prefixes=frozenset({"unary_expression"}),
    binary="binary_expression",
    free=frozenset(
        {
            "expression_list", "arguments", "if_statement", "elseif_statement", "while_statement",
            "repeat_statement", "field",
        }
    ),
    never=frozenset({"function_call", "method_index_expression", "vararg_expression"}),
)  # fmt: skip


def _written_name(node: Node) -> Node | None:
    """The whole name as it is written: `f`, `M.f`, `M:f`."""
    if node.type == "assignment_statement":
        names = _part(node, "variable_list")
        return names.named_child(0) if names is not None else None
    return node.child_by_field_name("name")


def _part(assignment: Node, kind: str) -> Node | None:
    """One of its two lists; what the parser could not read may stand before, between or behind."""
    return next((child for child in assignment.named_children if child.type == kind), None)


def _name_of(node: Node) -> Node | None:
    """The last part of the name."""
    name = _written_name(node)
    if name is None or (node.type == "field" and _table_of(node) is None):
        return None
    return name.child_by_field_name("field") or name.child_by_field_name("method") or name


def _owner_of(node: Node) -> str:
    """The table that a function is put into, unless it is what the file returns as its module."""
    if node.type == "field":
        table = _table_of(node) or ""
        return "" if table in ("M", "_M", _returned(node)) else table
    if node.type not in ("function_declaration", "assignment_statement"):
        return ""
    name = _written_name(node)
    table = name.child_by_field_name("table") if name is not None else None
    if name is None or table is None:
        return ""
    owner = _text(table)
    if name.type == "dot_index_expression" and owner in ("M", "_M", "_G", _returned(node)):
        return ""
    return owner.replace(":", ".")


def _table_of(field: Node) -> str | None:
    """The name of the table that a field is written in; None where nobody can say it."""
    table = field.parent
    holder = table.parent if table is not None else None
    if holder is None:
        return None
    if holder.type == "field":
        name, outer = holder.child_by_field_name("name"), _table_of(holder)
        if name is None or name.type != "identifier" or outer is None:
            return None
        return f"{outer}.{_text(name)}".lstrip(".")
    above = holder.parent
    if holder.type == "expression_list" and above is not None:
        if above.type == "return_statement":
            return ""
        if above.type == "assignment_statement" and (name := _written_name(above)) is not None:
            return _text(name)
    return None


_WRITTEN = re.compile(r"(?:function )?([\w.]+)[.:](\w+) ?(?:\(|= ?function\b)")


def _slot_of(definition: Definition) -> str:
    """The table and the key: `function M:f` and `function M.f` are one field of `M`."""
    found = _WRITTEN.match(definition.signature)
    if found is None:
        return definition.qualified
    written = ".".join(found.groups())
    inside = definition.qualified.endswith(written)
    return definition.qualified.removesuffix(written if inside else definition.name) + written


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _returned(node: Node) -> str:
    """The name that the file's last statement returns."""
    top = node
    while top.parent is not None:
        top = top.parent
    last = top.named_child(top.named_child_count - 1) if top.named_child_count else None
    if last is None or last.type != "return_statement":
        return ""
    return _text(last).removeprefix("return").strip(" \t\r\n;")


def _body_of(node: Node) -> Node | None:
    """The block; of `local f = function() … end`, that function's."""
    if node.type == "assignment_statement":
        values = _part(node, "expression_list")
        value = values.named_child(0) if values is not None else None
        return value.child_by_field_name("body") if value is not None else None
    return None


def _module(path: str, _: Paths) -> str:
    folder, name = posixpath.split(path)
    parts = [part for part in folder.split("/") if part]
    if "lua" in parts:
        parts = parts[len(parts) - parts[::-1].index("lua") :]
    elif parts and parts[0] in ("src", "lib"):
        parts = parts[1:]
    stem = name.removesuffix(".lua")
    return ".".join(parts if stem == "init" and parts else [*parts, stem])


def _import_line(definition: Definition, _importing: str | None, paths: Paths) -> str:
    module = _module(definition.path, paths)
    return f'local {module.rpartition(".")[2]} = require("{module}")'


LUA = Language(
    name="lua",
    suffixes=(".lua",),
    grammar=("tree_sitter_lua", "language"),
    query=_QUERY,
    stub=r'(?:return(?: nil)?|error\(\s*"\s*\)|[\s;])*',
    test_name=r"test_?[A-Z_]",
    overwrites=True,
    platform=r"\bjit\.(?:os|arch)\b|\bpackage\.config\b|\b_VERSION\b",
    constant=r"[A-Z][A-Z0-9_]+",
    name_of=_name_of,
    owner_of=_owner_of,
    is_private=lambda name, signature: name.startswith("_") or signature.startswith("local "),
    module=_module,
    import_line=_import_line,
    keeps_paren=_GROUPING.keeps,
    body_of=_body_of,
    slot_of=_slot_of,
)
