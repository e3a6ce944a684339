"""How a Python file's imports are written, in its own style: where they go, how a module is named.

Owns the edits that add a name to a file's imports, or put one in the place of another.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from steadyhand_agent.proposals.python_modules import Modules
from steadyhand_agent.proposals.python_source import Imported, Source
from steadyhand_agent.proposals.reuse import ReuseRefused, TextEdit

_IMPORTS = frozenset({"import_statement", "import_from_statement", "future_import_statement"})
# How many files of a folder are looked at for the style of their imports.
_SIBLINGS = 12


def spelled(modules: Modules, path: str, other: str, *, relative: bool | None = None) -> str:
    """How a file names the module of another in `from ... import`.

    Args:
        modules: The workspace.
        path: The file that imports.
        other: The file that is imported.
        relative: Whether with dots; None for the file's own style.
    """
    target = modules.name(other)
    own = modules.package(path).split(".")
    parts = target.split(".")
    if not (modules.in_package(path) and modules.in_package(other) and own[0] == parts[0]):
        return target
    if relative is None:
        relative = _relative(modules, path)
    if not relative:
        return target
    shared = 0
    while shared < min(len(own), len(parts)) and own[shared] == parts[shared]:
        shared += 1
    return "." * (len(own) - shared + 1) + ".".join(parts[shared:])


def _relative(modules: Modules, path: str) -> bool:
    """Whether a file's imports of its own package begin with dots; else its neighbours'."""
    folder = path.rpartition("/")[0]
    near = [p for p in modules.paths if p.rpartition("/")[0] == folder and p != path]
    for candidate in [path, *near[:_SIBLINGS]]:
        source = modules.source(candidate)
        if source is None:
            continue
        package = modules.package(candidate).split(".")[0]
        dotted = sum(item.level > 0 for item in source.imports)
        full = sum(
            item.level == 0 and item.module.split(".")[0] == package for item in source.imports
        )
        if dotted or full:
            return dotted >= full
    return False


def added(modules: Modules, source: Source, other: str, name: str, bound: str) -> TextEdit | None:
    """The edit that imports a name at the top of a file; None where it is there already.

    Args:
        modules: The workspace.
        source: The file that imports.
        other: The file that is imported from.
        name: What is taken out of it.
        bound: The name that it gets here.

    Raises:
        ReuseRefused: The file takes everything from that module with `*`.
    """
    imported = name if bound == name else f"{name} as {bound}"
    module = spelled(modules, source.path, other)
    leading = _leading(source)
    froms = [node for node in leading if node.type == "import_from_statement"]
    for node in froms:
        if _names_module(modules, source, node, other):
            return _extended(source, node, name, imported)
    line = f"from {module} import {imported}{source.eol}"
    siblings = [node for node in froms if _alike(_module_of(source, node), module)]
    earlier = [node for node in siblings if _order(_module_of(source, node)) < _order(module)]
    if earlier:
        return _inserted(source, source.after_line(earlier[-1].end_byte), line)
    if siblings:
        return TextEdit(siblings[0].start_byte, siblings[0].start_byte, line)
    if not leading:
        first = source.first
        return TextEdit(first, first, line + source.eol)
    after = source.after_line(leading[-1].end_byte)
    return _inserted(source, after, source.eol + line)


def replaced(
    modules: Modules,
    source: Source,
    item: Imported,
    other: str,
    name: str,
    bound: str,
    *,
    alone: bool,
) -> list[TextEdit]:
    """The edits that take a name from another module instead, where its import stands.

    Args:
        modules: The workspace.
        source: The file that imports.
        item: The name in its `from ... import`, and its statement.
        other: The file to import from.
        name: What is taken out of it.
        bound: The name that it gets here.
        alone: Nothing else binds that name here, so that the import may move up.
    """
    imported = name if bound == name else f"{name} as {bound}"
    statement = item.statement
    module = spelled(modules, source.path, other, relative=item.level > 0 or None)
    names = statement.children_by_field_name("name")
    existing = _existing(modules, source, statement, other) if alone else None
    if existing is not None:
        extension = _extended(source, existing, name, imported)
        return [
            *([extension] if extension is not None else []),
            *_without(source, statement, names, item.node),
        ]
    if len(names) == 1:
        target = statement.child_by_field_name("module_name")
        assert target is not None
        return [
            TextEdit(target.start_byte, target.end_byte, module),
            TextEdit(item.node.start_byte, item.node.end_byte, imported),
        ]
    return [
        *_without(source, statement, names, item.node),
        after(source, statement, f"from {module} import {imported}"),
    ]


def dropped(source: Source, item: Imported) -> list[TextEdit]:
    """The edits that take a name out of its `from ... import`."""
    names = item.statement.children_by_field_name("name")
    return _without(source, item.statement, names, item.node)


def after(source: Source, statement: Node, text: str) -> TextEdit:
    """A statement on the line after another, in the same block."""
    line = source.line_start(statement.start_byte)
    indent = source.data[line : statement.start_byte]
    end = source.after_line(statement.end_byte)
    rest = source.data[statement.end_byte : end].strip()
    if indent.strip() or (rest and not rest.startswith(b"#")):
        return TextEdit(statement.end_byte, statement.end_byte, f"; {text}")
    return _inserted(source, end, indent.decode() + text + source.eol)


def _existing(modules: Modules, source: Source, statement: Node, other: str) -> Node | None:
    """An import from the wanted module that stands at the top of the file before, or beside."""
    if statement.parent is None or statement.parent.type != "module":
        return None
    for node in _leading(source):
        if node.type == "import_from_statement" and node != statement:
            starred = any(child.type == "wildcard_import" for child in node.children)
            if not starred and _names_module(modules, source, node, other):
                return node
    return None


def _without(source: Source, statement: Node, names: list[Node], gone: Node) -> list[TextEdit]:
    """An import without one of its names; the whole line goes with the last of them."""
    place = next(n for n, node in enumerate(names) if node == gone)
    if len(names) == 1:
        start, end = statement.start_byte, statement.end_byte
        line, following = source.line_start(start), source.after_line(end)
        rest = source.data[end:following].strip()
        alone = not source.data[line:start].strip() and (not rest or rest.startswith(b"#"))
        return [TextEdit(line, following, "") if alone else TextEdit(start, end, "pass")]
    if place + 1 < len(names):
        return [TextEdit(gone.start_byte, names[place + 1].start_byte, "")]
    return [TextEdit(names[place - 1].end_byte, gone.end_byte, "")]


def _extended(source: Source, node: Node, name: str, imported: str) -> TextEdit | None:
    """Adds a name to an import that is there."""
    names = node.children_by_field_name("name")
    if not names:
        raise ReuseRefused("The file imports everything from that module with `*`.")
    texts = [re.sub(r"\s+", " ", source.word(present)) for present in names]
    if imported in texts:
        return None
    for present, text in zip(names, texts, strict=True):
        if text.lower() > name.lower() and " as " not in imported:
            return _listed(source, present, f"{imported}, ", before=True)
    return _listed(source, names[-1], f", {imported}", before=False)


def _listed(source: Source, beside: Node, text: str, *, before: bool) -> TextEdit:
    """A name in a list of names: on a line of its own where the others have theirs."""
    line = source.line_start(beside.start_byte)
    indent = source.data[line : beside.start_byte]
    end = source.after_line(beside.end_byte)
    rest = source.data[beside.end_byte : end].split(b"#")[0].strip()
    if indent and not indent.strip() and rest == b",":
        own = f"{indent.decode()}{text.strip(', ')},{source.eol}"
        at = line if before else end
        return TextEdit(at, at, own)
    at = beside.start_byte if before else beside.end_byte
    return TextEdit(at, at, text)


def _names_module(modules: Modules, source: Source, statement: Node, other: str) -> bool:
    for item in source.imports:
        if item.statement == statement:
            target = modules.target(source.path, item)
            return target is not None and modules.path(target) == other
    return False


def _module_of(source: Source, node: Node) -> str:
    target = node.child_by_field_name("module_name")
    return source.word(target) if target is not None else ""


def _alike(one: str, other: str) -> bool:
    """True for imports that stand in one group: both relative, or of one package."""
    if one.startswith(".") or other.startswith("."):
        return one.startswith(".") and other.startswith(".")
    return one.split(".")[0] == other.split(".")[0]


def _order(module: str) -> tuple[int, str]:
    """Where a module stands among its siblings: the most dots first, then by name."""
    name = module.lstrip(".")
    return len(name) - len(module), name


def _inserted(source: Source, at: int, line: str) -> TextEdit:
    ended = at == 0 or source.data[:at].endswith(b"\n")
    return TextEdit(at, at, line if ended else source.eol + line)


def _leading(source: Source) -> list[Node]:
    """What an import may follow: the docstring, comments that stand alone, the first imports."""
    found: list[Node] = []
    documented = False
    for node in source.root.children:
        if node.type == "comment":
            # A comment with text right below it speaks of that text.
            following = source.data[source.after_line(node.end_byte) :].split(b"\n", 1)[0]
            if not following.strip():
                found.append(node)
        elif not documented and not any(n.type != "comment" for n in found) and _is_doc(node):
            documented = True
            found.append(node)
        elif node.type in _IMPORTS:
            found.append(node)
        else:
            break
    while found and found[-1].type == "comment" and any(n.type in _IMPORTS for n in found):
        # Below the imports a comment is about what comes next.
        found.pop()
    return found


def _is_doc(node: Node) -> bool:
    return (
        node.type == "expression_statement"
        and bool(node.children)
        and node.children[0].type in ("string", "concatenated_string")
    )
