"""Who reaches a name of a Python module from outside it, and how.

Owns the search through all other files for imports, attributes and strings that mean one function.
Says of each whether it can be rewritten; never rewrites.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tree_sitter import Node

from steadyhand_agent.proposals.python_modules import Modules, Origin
from steadyhand_agent.proposals.python_source import Imported, Source
from steadyhand_agent.proposals.reuse import Code

# Where packages name functions by strings: entry points and the like.
_NAMING = (".toml", ".cfg", ".ini")
_DOTTED = re.compile(r"[A-Za-z_][\w.]*(?::[A-Za-z_][\w.]*)?\Z")


@dataclass(slots=True)
class User:
    """One other file that mentions the name.

    Attributes:
        source: Its text.
        imports: Names that it imports from the function's module.
        attributes: `module.name`, with the import that brings the module.
    """

    source: Source
    imports: list[Imported] = field(default_factory=list[Imported])
    attributes: list[tuple[Node, Imported]] = field(default_factory=list[tuple[Node, Imported]])


@dataclass(slots=True)
class Reach:
    """What the other files do with the name.

    Attributes:
        users: Those whose imports and attributes can be rewritten.
        kept: Somebody reaches the name in a way that cannot be rewritten.
        frozen: It is replaced while the program runs, as by a test's mock; everybody has to go on
            looking it up where it is now.
        quoted: Files in which the bare name stands in a string.
        named: Dotted prefixes that stand before the name in a string.
        from_others: Paths of modules that re-export the name and of which somebody takes it.
        stubs: Stub files that declare it.
        patched: Of the names that the function's body reads, those that somebody replaces.
    """

    users: list[User] = field(default_factory=list[User])
    kept: bool = False
    frozen: bool = False
    quoted: set[str] = field(default_factory=set[str])
    named: set[str] = field(default_factory=set[str])
    from_others: set[str] = field(default_factory=set[str])
    stubs: set[str] = field(default_factory=set[str])
    patched: set[str] = field(default_factory=set[str])


def reach(code: Code, modules: Modules, path: str, name: str, reads: list[str]) -> Reach:
    """Looks through all files but the function's own.

    Args:
        code: The workspace.
        modules: Its modules.
        path: The function's file.
        name: Its name.
        reads: The globals that its body reads.
    """
    found = Reach()
    word = re.compile(rf"\b{re.escape(name)}\b")
    stem = modules.name(path).rpartition(".")[2]
    names = "|".join(map(re.escape, reads))
    # What replaces a name of a module while it runs: a mock, or an assignment from outside.
    patch = re.compile(rf"(?:patch|setattr)[\s\S]*\b(?:{names})\b|\.(?:{names})\s*=[^=]")
    for other in sorted(code.paths):
        if other == path:
            continue
        if other.endswith((".py", ".pyi")):
            text = code.read(other)
            if text is None:
                continue
            mentions = name in text and word.search(text)
            may_patch = bool(reads) and stem in text and patch.search(text)
            if mentions or may_patch:
                _look(found, modules, path, name, reads if may_patch else [], other)
        elif other.endswith(_NAMING):
            text = code.read(other)
            if text is not None and re.search(rf"\b{re.escape(stem)}[:.]{re.escape(name)}\b", text):
                found.kept = True
    return found


def taken_from(found: Reach, modules: Modules, path: str, name: str) -> bool:
    """True where somebody reaches the name in another module that imports it."""
    source = modules.source(path)
    listed = source is not None and any(text == name for _, text in source.strings)
    own = modules.name(path)
    return (
        listed
        or modules.is_package(path)
        or path in found.from_others
        or bool(found.quoted - {path})
        or any(own.endswith(p) or p.endswith("." + own) for p in found.named)
    )


def _look(
    found: Reach, modules: Modules, path: str, name: str, reads: list[str], other: str
) -> None:
    source = modules.source(other)
    if source is None:
        found.kept = True
        return
    if other == path + "i":
        found.stubs.add(other)
        return
    user = User(source)
    holds_module = False
    for item in source.imports:
        target = modules.target(other, item)
        if target is None:
            continue
        file = modules.path(target)
        below = modules.path(f"{target}.{item.name}") if item.name else None
        if item.name is None or below is not None:
            holds_module = holds_module or _leads_to(modules, target, below, item, path)
        if item.name in (name, "*") and file == path:
            if item.name == "*":
                found.kept = True
            else:
                user.imports.append(item)
        elif item.name in (name, "*") and file is not None:
            found.from_others.add(file)
        elif item.name in (name, "*") and file is None and modules.may_be(target, path):
            found.kept = True
    _attributes(found, modules, path, name, user, holds_module=holds_module)
    touches = holds_module or bool(user.imports)
    _strings(found, modules, path, name, source, touches=touches)
    found.patched |= _patched(modules, path, reads, source, touches=touches)
    if user.imports or user.attributes:
        found.users.append(user)


def _leads_to(modules: Modules, target: str, below: str | None, item: Imported, path: str) -> bool:
    """True where an import brings the module object itself, or a package around it."""
    own = modules.name(path)
    if below is not None:
        return below == path or own.startswith(f"{target}.{item.name}.")
    return (
        modules.path(target) == path
        or own.startswith(target.split(".")[0] + ".")
        or modules.may_be(target, path)
    )


def _attributes(
    found: Reach, modules: Modules, path: str, name: str, user: User, *, holds_module: bool
) -> None:
    source = user.source
    for node in source.attributes(name):
        inner = node.child_by_field_name("object")
        if inner is None:
            continue
        meant = modules.object_of(source, inner)
        if meant == Origin("module", path, ""):
            brought = _brought(source, inner)
            if _is_set(node):
                found.kept = found.frozen = True
            elif brought is None:
                found.kept = True
            else:
                user.attributes.append((node, brought))
        elif meant.kind == "module":
            found.from_others.add(meant.place)
            if _is_set(node) and modules.origin(meant.place, name).place == path:
                found.kept = True
        elif meant.kind in ("unknown", "defined") and holds_module:
            # It may be the module under another name, or anything else.
            found.kept = True
            found.frozen = found.frozen or _is_set(node)


def _brought(source: Source, inner: Node) -> Imported | None:
    """The one import that binds the first name of a dotted expression."""
    first = inner
    while first.type == "attribute" and first.children:
        first = first.children[0]
    spelled = source.word(inner)
    name = source.word(first)
    items = [item for item in source.imports if item.bound == name]
    exact = [item for item in items if item.name is None and item.module == spelled]
    chosen = exact or items
    return chosen[0] if len(chosen) == 1 and len(source.bindings(name)) == len(items) else None


def _is_set(node: Node) -> bool:
    """True for the target of an assignment or of `del`."""
    parent = node.parent
    while parent is not None and parent.type in ("pattern_list", "tuple_pattern"):
        node, parent = parent, parent.parent
    if parent is None:
        return False
    if parent.type == "delete_statement":
        return True
    return (
        parent.type in ("assignment", "augmented_assignment")
        and parent.child_by_field_name("left") == node
    )


def _strings(
    found: Reach, modules: Modules, path: str, name: str, source: Source, *, touches: bool
) -> None:
    for node, text in source.strings:
        if text == name:
            found.quoted.add(source.path)
            if touches and not _is_listed(source, node):
                found.kept = found.frozen = True
        elif text.endswith((f".{name}", f":{name}")) and _DOTTED.match(text):
            prefix = text[: -len(name) - 1]
            found.named.add(prefix)
            if modules.may_be(prefix, path):
                found.kept = found.frozen = True
        elif text == modules.name(path) and "." in text:
            # Imported by its name while the program runs.
            found.kept = True


def _is_listed(source: Source, node: Node) -> bool:
    """True for a name in `__all__`: it says what this file gives, and replaces nothing."""
    statement = source.top_statement(node).children
    left = statement[0].child_by_field_name("left") if statement else None
    return left is not None and source.word(left) == "__all__"


def _patched(
    modules: Modules, path: str, reads: list[str], source: Source, *, touches: bool
) -> set[str]:
    """The names of the module that another file replaces, among those that the function reads."""
    found: set[str] = set()
    for node, text in source.strings if reads else ():
        prefix, _, last = text.rpartition(".")
        if last not in reads or not _DOTTED.match(text) or not _is_patch(source, node):
            continue
        if modules.may_be(prefix, path) if prefix else touches:
            found.add(last)
    for name in reads:
        for node in source.attributes(name):
            inner = node.child_by_field_name("object")
            if _is_set(node) and inner is not None:
                meant = modules.object_of(source, inner)
                if meant == Origin("module", path, ""):
                    found.add(name)
    return found


def _is_patch(source: Source, node: Node) -> bool:
    """True for an argument of something like `mock.patch` or `monkeypatch.setattr`."""
    arguments = node.parent
    call = arguments.parent if arguments is not None else None
    function = call.child_by_field_name("function") if call is not None else None
    return function is not None and bool(re.search("patch|setattr", source.word(function)))
