"""How a JavaScript or TypeScript file's imports are written: `import` or `require`, quotes, ends.

Owns the edits that add a name to a file's imports, or take one out.
"""

from __future__ import annotations

from tree_sitter import Node

from steadyhand_agent.proposals.ecmascript_modules import Modules
from steadyhand_agent.proposals.ecmascript_source import Exported, Imported, Source
from steadyhand_agent.proposals.reuse import ReuseRefused, TextEdit


def statement(
    modules: Modules,
    source: Source,
    other: str,
    given: Exported,
    bound: str,
    *,
    common: bool,
    typing: bool = False,
) -> str:
    """The statement that takes what a module gives, or its type alone, without a line end."""
    quote, end = modules.quote(source.path), modules.semicolon(source.path)
    where = f"{quote}{modules.specifier(source.path, other)}{quote}"
    if common:
        if given.kind == "whole":
            return f"const {bound} = require({where}){end}"
        taken = bound if given.name == bound else f"{given.name}: {bound}"
        return f"const {{ {taken} }} = require({where}){end}"
    only = "type " if typing else ""
    if given.name == "default" or given.kind == "whole":
        return f"import {only}{bound} from {where}{end}"
    return f"import {only}{{ {_specified(given, bound)} }} from {where}{end}"


def passed_on(
    modules: Modules,
    source: Source,
    other: str,
    given: Exported,
    name: str,
    *,
    typing: bool = False,
) -> str:
    """The statement that gives a name of another module on, without a line end."""
    quote, end = modules.quote(source.path), modules.semicolon(source.path)
    where = f"{quote}{modules.specifier(source.path, other)}{quote}"
    only = "type " if typing else ""
    return f"export {only}{{ {_specified(given, name)} }} from {where}{end}"


def added(
    modules: Modules, source: Source, other: str, given: Exported, bound: str, *, common: bool
) -> list[TextEdit]:
    """The edits that take a name at the top of a file."""
    items = [i for i in source.imports if i.statement.parent == source.root]
    for item in items:
        if modules.target(source.path, item.specifier) != other or item.typing:
            continue
        if item.kind in ("import", "require") and (item.name, item.bound) == (given.name, bound):
            return []
    for item in items:
        fits = item.kind == ("require" if common else "import") and not item.typing
        if fits and item.node != item.statement and given.name not in ("default", "*"):
            target = modules.target(source.path, item.specifier)
            listed = item.node.parent
            if target == other and listed is not None and item.name not in ("default", "*"):
                return [_listed(source, listed, given, bound, common=common)]
    line = statement(modules, source, other, given, bound, common=common)
    heads = [i.statement for i in items if i.kind in ("import", "require")]
    if heads:
        # The imports that open the file; one that stands further down is there for a reason.
        first = _opening(source, heads)
        if first:
            at = source.after_line(first[-1].end_byte)
            ended = source.data[:at].endswith(b"\n")
            text = line + source.eol if ended else source.eol + line
            return [TextEdit(at, at, text)]
    at = _top(source)
    return [TextEdit(at, at, line + source.eol + source.eol)]


def replaced(
    modules: Modules, source: Source, item: Imported, other: str, given: Exported, bound: str
) -> list[TextEdit]:
    """The edits that take a name from another module instead, where its import stands."""
    common = item.kind == "require"
    whole = item.statement
    if item.kind == "export":
        alias = item.node.child_by_field_name("alias")
        name = source.word(alias) or item.name
        text = passed_on(modules, source, other, given, name, typing=item.typing)
        return _moved(source, item, text)
    if whole.type == "lexical_declaration" and whole.named_child_count > 1:
        raise ReuseRefused(f"A declaration of {source.path} takes several modules at once.")
    text = statement(modules, source, other, given, bound, common=common, typing=item.typing)
    return _moved(source, item, text)


def dropped(source: Source, item: Imported) -> list[TextEdit]:
    """The edits that take a name out of its import."""
    siblings = _siblings(item)
    if len(siblings) < 2:
        start, end = item.statement.start_byte, item.statement.end_byte
        line, after = source.line_start(start), source.after_line(end)
        alone = not source.data[line:start].strip() and not source.data[end:after].strip()
        return [TextEdit(line, after, "")] if alone else [TextEdit(start, end, "")]
    place = next(n for n, node in enumerate(siblings) if node == item.node)
    if place + 1 < len(siblings):
        return [TextEdit(item.node.start_byte, siblings[place + 1].start_byte, "")]
    return [TextEdit(siblings[place - 1].end_byte, item.node.end_byte, "")]


def _moved(source: Source, item: Imported, text: str) -> list[TextEdit]:
    """The name out of one statement, and the new statement in its place or below it."""
    whole = item.statement
    if len(_siblings(item)) < 2:
        return [TextEdit(whole.start_byte, whole.end_byte, text)]
    indent = source.data[source.line_start(whole.start_byte) : whole.start_byte]
    if indent.strip() or source.data[whole.end_byte : source.after_line(whole.end_byte)].strip():
        return [*dropped(source, item), TextEdit(whole.end_byte, whole.end_byte, f" {text}")]
    new = f"{source.eol}{indent.decode()}{text}"
    return [*dropped(source, item), TextEdit(whole.end_byte, whole.end_byte, new)]


def _siblings(item: Imported) -> list[Node]:
    """The names that one statement takes; a default beside others counts as not to be moved."""
    parent = item.node.parent
    if parent is None or item.node == item.statement:
        return []
    if parent.type == "import_clause":
        if parent.named_child_count > 1:
            raise ReuseRefused("A default import stands beside others; change it by hand.")
        return []
    named = [n for n in parent.named_children if n.type != "comment"]
    clause = parent.parent
    beside = parent.type == "named_imports" and clause is not None and clause.named_child_count > 1
    if beside and len(named) < 2:
        raise ReuseRefused("A default import stands beside others; change it by hand.")
    return named if parent.type in ("named_imports", "export_clause", "object_pattern") else []


def _specified(given: Exported, bound: str) -> str:
    return bound if given.name == bound else f"{given.name} as {bound}"


def _listed(source: Source, listed: Node, given: Exported, bound: str, *, common: bool) -> TextEdit:
    between = ": " if common else " as "
    text = bound if given.name == bound else f"{given.name}{between}{bound}"
    last = [n for n in listed.named_children if n.type != "comment"][-1]
    line = source.line_start(last.start_byte)
    indent = source.data[line : last.start_byte]
    if indent and not indent.strip():
        rest = source.data[last.end_byte : source.after_line(last.end_byte)]
        if rest.lstrip().startswith(b","):
            at = source.after_line(last.end_byte)
            return TextEdit(at, at, f"{indent.decode()}{text},{source.eol}")
        return TextEdit(last.end_byte, last.end_byte, f",{source.eol}{indent.decode()}{text}")
    return TextEdit(last.end_byte, last.end_byte, f", {text}")


def _opening(source: Source, heads: list[Node]) -> list[Node]:
    """The imports before the first statement that is none, directives and comments apart."""
    found: list[Node] = []
    for node in source.root.named_children:
        if node in heads or node.type == "import_statement":
            found.append(node)
        elif node.type not in ("comment", "hash_bang_line") and not _is_directive(node):
            break
    return found


def _is_directive(node: Node) -> bool:
    return (
        node.type == "expression_statement"
        and node.named_child_count == 1
        and node.named_children[0].type == "string"
    )


def _top(source: Source) -> int:
    """Below `#!`, directives and a comment that stands alone."""
    at = source.first
    for node in source.root.named_children:
        following = source.after_line(node.end_byte)
        alone = not source.data[following : source.after_line(following)].strip()
        if (
            node.type == "hash_bang_line"
            or _is_directive(node)
            or (node.type == "comment" and alone)
        ):
            at = following
        else:
            break
    while source.data[at : source.after_line(at)] in (b"\n", b"\r\n") and at < len(source.data):
        at = source.after_line(at)
    return at
