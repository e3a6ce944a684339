"""Who reaches a name of a Python module from outside it, and how.

Owns the search through all other files for imports, attributes and strings that mean one function.
Says of each whether it can be rewritten; never rewrites. A name that is made while the program
runs counts where it could be this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tree_sitter import Node

from steadyhand_agent.proposals import named_in_text, python_runtime
from steadyhand_agent.proposals.python_modules import Modules, Origin
from steadyhand_agent.proposals.python_runtime import Lookup
from steadyhand_agent.proposals.python_source import Imported, Source
from steadyhand_agent.proposals.reuse import Code

_STARRED = re.compile(r"\s+import\s*\(?\s*\*")
_DOTTED_ON = re.compile(r"\.[{%\"']")
_PASSED = re.compile(r"[(,=\[{:]\s*(?:\w+\.)*\0\s*[,)\]}\n]|\bimport\b.*\0\s+as\b")
_OUT_OF_IT = re.compile(r"\s+import\b|(?:\.\w+)+(?:\(| import\b)")
_ASKING = frozenset(
    {
        "getattr", "hasattr", "setattr", "delattr", "object", "vars", "dir", "getmembers",
        "getmembers_static", "reload", "isinstance", "id", "type", "repr", "print", "getsource",
        "getfile", "getsourcefile", "getmodule", "assertIs", "assertIsNot",
    }
)  # fmt: skip
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
        listed: Files that go through all names of the module.
    """

    users: list[User] = field(default_factory=list[User])
    kept: bool = False
    frozen: bool = False
    quoted: set[str] = field(default_factory=set[str])
    named: set[str] = field(default_factory=set[str])
    from_others: set[str] = field(default_factory=set[str])
    stubs: set[str] = field(default_factory=set[str])
    patched: set[str] = field(default_factory=set[str])
    listed: set[str] = field(default_factory=set[str])


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
    unnamed = _Unnamed(stem)
    for other in sorted(code.paths):
        if other == path or not other.endswith((".py", ".pyi")):
            continue
        text = code.read(other)
        if text is None:
            continue
        mentions = name in text and word.search(text)
        may_patch = bool(reads) and stem in text and patch.search(text)
        if mentions or may_patch or unnamed.may_reach(text):
            _look(found, modules, path, name, reads if may_patch else [], other)
    if not found.kept:
        found.kept = named_in_text.is_named(code, modules.name(path), path, name)
    _asked_in_between(found, code, modules, path, name)
    return found


def _asked_in_between(found: Reach, code: Code, modules: Modules, path: str, name: str) -> None:
    """Notes which modules that import the name are asked for a name that is made."""
    between = {
        user.source.path: modules.name(user.source.path).rpartition(".")[2]
        for user in found.users
        if any(item.bound == name for item in user.imports)
    }
    unnamed = _Unnamed(*between.values())
    for other in modules.paths if between else ():
        text = code.read(other) if other not in (path, *between) else None
        source = modules.source(other) if text and unnamed.may_reach(text) else None
        for lookup in python_runtime.lookups(source) if source is not None else ():
            if source is not None and lookup.owner is not None and lookup.may_be(name):
                found.from_others.add(modules.object_of(source, lookup.owner).place)


class _Unnamed:
    """Which texts may reach a function of a module without holding its name."""

    def __init__(self, *stems: str) -> None:
        # What begins with letters is found fast; what stands around it is looked at then.
        self._word = re.compile(rf"(?:{'|'.join(map(re.escape, stems))})\b")

    def may_reach(self, text: str) -> bool:
        """True where a text is worth being looked at more closely."""
        held = python_runtime.imports(text)
        imported = passed = False
        for found in self._word.finditer(text):
            line = text.rfind("\n", 0, found.start()) + 1
            before, after = text[line : found.start()], text[found.end() : found.end() + 200]
            if before[-1:].isalnum() or before.endswith("_"):
                continue
            # All names at once, or `f"module.{x}"` and the like: what a mock replaces.
            if _STARRED.match(after) or _DOTTED_ON.match(after):
                return True
            held = held or _is_held(before, after)
            imported = imported or "import" in before
            # As a value, or under a name that only a closer look can follow.
            passed = passed or _PASSED.search(before + "\0" + after) is not None
        return (imported and passed) or (held and python_runtime.LOOKS_UP.search(text) is not None)


def _is_held(before: str, after: str) -> bool:
    """True where the module itself is meant, not a name out of it.

    It is imported, alone or on a line in brackets; or an attribute of its package, or in a string.
    """
    rest = after.partition("\n")[0]
    return (
        "import" in before
        or after[:1] in ("'", '"')
        or (before.isspace() and not re.search(r"[(=]", rest))
        or (before.endswith(".") and not _OUT_OF_IT.match(after))
    )


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
        or (source is not None and bool(python_runtime.own_lookups(source, name)))
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
    holds_module = _imported(found, modules, path, name, user)
    made = [name for name in python_runtime.modules(source) if _names(name, modules, path)]
    holds_module = holds_module or bool(made)
    _attributes(found, modules, path, name, user, holds_module=holds_module)
    if any(re.fullmatch(p, f"{modules.name(path)}.{name}") for p in python_runtime.patched(source)):
        found.kept = found.frozen = True
    if holds_module:
        _lookups(found, modules, path, name, source, made)
    touches = holds_module or bool(user.imports)
    if name in source.text:
        _strings(found, modules, path, name, source, touches=touches)
    found.patched |= _patched(modules, path, reads, source, touches=touches)
    if user.imports or user.attributes:
        found.users.append(user)


def _imported(found: Reach, modules: Modules, path: str, name: str, user: User) -> bool:
    """What a file imports of the name; True where it has the module object itself."""
    other = user.source.path
    holds_module = False
    for item in user.source.imports:
        target = modules.target(other, item)
        if target is None:
            continue
        file = modules.path(target)
        below = modules.path(f"{target}.{item.name}") if item.name else None
        if item.name is None or below is not None:
            holds_module = holds_module or _leads_to(modules, target, below, item, path)
        if item.name == "*" and file == path:
            found.kept = found.kept or _starred(modules, path, name)
        elif item.name == name and file == path:
            user.imports.append(item)
        elif item.name in (name, "*") and file is not None:
            found.from_others.add(file)
        elif item.name in (name, "*") and file is None and modules.may_be(target, path):
            found.kept = True
    return holds_module


def _lookups(
    found: Reach, modules: Modules, path: str, name: str, source: Source, made: list[str]
) -> None:
    """What a file that has the module asks for by names that it makes.

    Args:
        found: What is known so far.
        modules: The workspace.
        path: The function's file.
        name: Its name.
        source: The file's text.
        made: What its made names of modules may be, as far as they may be of this one.
    """
    about = _passed_about(modules, source, path)
    found.kept = found.kept or about
    package = modules.name(path).rpartition(".")[0]
    loaded = any(not python_runtime.is_vague(module) for module in made) or (
        bool(package) and bool(made) and python_runtime.goes_through(source, package)
    )
    for lookup in python_runtime.lookups(source):
        if lookup.may_be(name) and not python_runtime.is_own(source, lookup):
            here = about or (loaded and python_runtime.is_loaded(source, lookup))
            _made(found, modules, path, source, lookup, about=here)


def _starred(modules: Modules, path: str, name: str) -> bool:
    """True where `import *` of the module brings the name."""
    source = modules.source(path)
    listed = source.at_module("__all__") if source is not None else []
    if source is None or any(text == name for _, text in source.strings):
        return True
    values = [node.parent.child_by_field_name("right") for node in listed if node.parent]
    plain = bool(values) and all(v is not None and v.type in ("list", "tuple") for v in values)
    return not plain and not (name.startswith("_") and not listed)


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


def _names(pattern: str, modules: Modules, path: str) -> bool:
    """True where a made name of a module could be this one's, with or without packages around."""
    parts = modules.name(path).split(".")
    spelled = [".".join(parts[n:]) for n in range(len(parts))]
    return any(re.fullmatch(pattern, name) for one in spelled for name in (one, f".{one}"))


def _passed_about(modules: Modules, source: Source, path: str) -> bool:
    """True where a file hands the module object to somebody, who may ask it for any name."""
    for item in source.imports:
        target = modules.target(source.path, item) or ""
        if path not in (modules.path(target), modules.path(f"{target}.{item.name}")):
            continue
        whole = item.name is None and not item.aliased and "." in item.module
        last = item.module.rpartition(".")[2] if whole else item.bound
        nodes = source.attributes(last) if whole else source.identifiers(last)
        for node in nodes:
            parent = node.parent
            asked = parent is not None and parent.type == "attribute"
            asked = asked or (parent is not None and _asks_itself(source, parent))
            meant = Origin("module", path, "")
            if not asked and modules.object_of(source, node) == meant:
                return True
    return False


def _asks_itself(source: Source, arguments: Node) -> bool:
    """True for what is given to `getattr`, a mock and the like: what they ask for is seen."""
    call = arguments.parent if arguments.type == "argument_list" else None
    function = call.child_by_field_name("function") if call is not None else None
    return source.word(function).rpartition(".")[2] in _ASKING


def _made(
    found: Reach,
    modules: Modules,
    path: str,
    source: Source,
    lookup: Lookup,
    *,
    about: bool,
) -> None:
    """Somebody asks for a name that could be the function's; whether it asks our module.

    Args:
        found: What is known so far.
        modules: The workspace.
        path: The function's file.
        source: The text that asks, which has the module, or what may be it, in whatever way.
        lookup: Where.
        about: What is asked may be the module, whatever the name.
    """
    owner = lookup.owner
    assert owner is not None
    meant = modules.object_of(source, owner)
    if meant.kind == "module" and meant.place != path:
        found.from_others.add(meant.place)
        return
    # What nothing is known of, neither name nor owner, would be the module everywhere.
    unsure = meant.kind in ("unknown", "defined") and source.word(owner) not in ("self", "cls")
    if meant.kind == "module" or (unsure and (about or not lookup.vague)):
        found.kept = True
        found.frozen = found.frozen or lookup.sets
        if lookup.whole:
            found.listed.add(source.path)


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
        elif name in text and "import" in text and _imports_in(text, modules, path, name):
            # Code in a string, or an example in a docstring.
            found.kept = True
        elif text == modules.name(path) and "." in text:
            # Imported by its name while the program runs.
            found.kept = True


def _imports_in(text: str, modules: Modules, path: str, name: str) -> bool:
    stem = re.escape(modules.name(path).rpartition(".")[2])
    taken = rf"\bfrom\s+[\w.]*(?<!\w){stem}\s+import\s+(?:\([^)]*|[^\n;]*)\b{re.escape(name)}\b"
    return re.search(taken, text) is not None


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
