"""The modules of a workspace: names, files, who imports whom, and where a name comes from.

Owns the way from an import statement to a file. Never imports anything, and never looks outside the
workspace: what is not in it is a name and nothing more.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from steadyhand_agent.index.languages import python
from steadyhand_agent.proposals.python_source import Imported, Source
from steadyhand_agent.proposals.reuse import Code

_SUFFIXES = (".py", ".pyi")
_MAX_HOPS = 12
_BUILTINS = frozenset(dir(builtins))
# How a module's own variables are spelled that Python sets.
_OF_MODULE = frozenset({"__name__", "__file__", "__doc__", "__package__", "__spec__", "__path__"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a name of a module comes from.

    Attributes:
        kind: `defined` in the workspace, `outside` it, a `module`, a `builtin`, or `unknown`.
        place: The path of the module that defines it; the dotted module outside; else empty.
        name: The name there; empty for a module.
    """

    kind: str
    place: str
    name: str


class Modules:
    """The Python modules of a workspace at one moment."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self.paths = sorted(path for path in code.paths if path.endswith(_SUFFIXES))
        self._by_name: dict[str, str] = {}
        for path in self.paths:
            name = self.name(path)
            # The stub says what the module says; the module is what runs.
            if path.endswith(".py") or name not in self._by_name:
                self._by_name[name] = path
        self._sources: dict[str, Source | None] = {}

    def name(self, path: str) -> str:
        """The dotted name by which a file is imported."""
        return python.module_name(path, self)

    def has(self, path: str) -> bool:
        """True where there is a file of that path."""
        return path in self._code.paths

    def path(self, module: str) -> str | None:
        """The file of a dotted name."""
        return self._by_name.get(module)

    def in_package(self, path: str) -> bool:
        """True where a folder with `__init__.py` holds the file, so that its name is certain."""
        folder = path.rpartition("/")[0]
        return any(self.has(f"{folder}/__init__{suffix}") for suffix in _SUFFIXES)

    def is_package(self, path: str) -> bool:
        """True for an `__init__.py`."""
        return path.rpartition("/")[2].startswith("__init__.")

    def package(self, path: str) -> str:
        """The dotted package that a file's relative imports begin at."""
        name = self.name(path)
        return name if self.is_package(path) else name.rpartition(".")[0]

    def source(self, path: str) -> Source | None:
        """A file's text, read once."""
        if path not in self._sources:
            text = self._code.read(path)
            found = Source(path, text) if text is not None else None
            self._sources[path] = found if found is not None and found.readable else None
        return self._sources[path]

    def target(self, path: str, item: Imported) -> str | None:
        """The dotted module that an import names; None where its dots lead out of the package."""
        if item.level == 0:
            return item.module
        parts = self.package(path).split(".") if self.package(path) else []
        up = item.level - 1
        if up > len(parts) or not parts:
            return None
        kept = parts[: len(parts) - up]
        return ".".join([*kept, *(item.module.split(".") if item.module else [])])

    def may_be(self, module: str, path: str) -> bool:
        """True where a dotted name could mean this file under another root of the search path."""
        own = self.name(path)
        return module == own or own.endswith("." + module) or module.endswith("." + own)

    def object_of(self, source: Source, node: Node) -> Origin:
        """What a dotted expression such as `pkg.mod` means in a text.

        Args:
            source: The text.
            node: An identifier, or an attribute of a module.
        """
        if node.type == "attribute":
            inner = node.child_by_field_name("object")
            last = node.child_by_field_name("attribute")
            if inner is None or last is None:
                return Origin("unknown", "", "")
            outer = self.object_of(source, inner)
            return self._member(outer, source.word(last), source)
        if node.type != "identifier":
            return Origin("unknown", "", "")
        scope = source.resolved(node)
        name = source.word(node)
        binding = [b for b in source.bindings(name) if source.scope(b).id == scope.id]
        return self._bound(source, name, binding)

    def origin(self, path: str, name: str, hops: int = 0) -> Origin:
        """Where a name at the top of a module comes from, through any re-exports."""
        source = self.source(path)
        if source is None or hops > _MAX_HOPS:
            return Origin("unknown", path, name)
        binding = source.at_module(name)
        if binding:
            return self._bound(source, name, binding, hops)
        below = self.path(f"{self.name(path)}.{name}") if self.is_package(path) else None
        if below is not None:
            return Origin("module", below, "")
        for item in source.imports:
            found = self.path(self.target(path, item) or "") if item.name == "*" else None
            through = self.origin(found, name, hops + 1) if found is not None else None
            if through is not None and through.kind not in ("unknown", "builtin"):
                return through
        if name in _BUILTINS and name not in _OF_MODULE:
            return Origin("builtin", "", name)
        return Origin("unknown", path, name)

    def chain(self, start: str, goal: str) -> list[str] | None:
        """How importing one module leads to another, as paths; None where it does not.

        Packages around `goal` do not count where they are merely entered on the way: they are
        being imported already when `goal` runs.
        """
        around = {
            self._by_name.get(".".join(self.name(goal).split(".")[:n]), "")
            for n in range(1, self.name(goal).count(".") + 1)
        }
        if self.is_package(goal):
            around.add(goal)
        came: dict[str, str] = {}
        queue: list[str] = []

        def enter(path: str, origin: str) -> None:
            if path not in came:
                came[path] = origin
                queue.append(path)

        enter(start, "")
        for path in self._entered(self.name(start)):
            if path not in around:
                enter(path, start)
        while queue:
            path = queue.pop(0)
            if path == goal and path != start:
                found = [path]
                while came[found[-1]]:
                    found.append(came[found[-1]])
                return found[::-1]
            for following, needed in self._imported(path):
                if needed or following not in around:
                    enter(following, path)
        return None

    def loaded(self, path: str) -> set[str]:
        """The files that are run when a module is imported, itself and packages included."""
        found: set[str] = set()
        todo = [path, *self._entered(self.name(path))]
        while todo:
            current = todo.pop()
            if current not in found:
                found.add(current)
                todo += [following for following, _ in self._imported(current)]
        return found

    def imports_directly(self, path: str, other: str) -> bool:
        """True where a module imports another when it is itself imported."""
        return any(found == other and needed for found, needed in self._imported(path))

    def _imported(self, path: str) -> Iterator[tuple[str, bool]]:
        """The files that importing one imports; False for packages that are merely entered."""
        source = self.source(path)
        for item in source.imports if source is not None else ():
            if source is None or source.in_function(item.statement):
                continue
            if source.for_typing(item.statement):
                continue
            module = self.target(path, item)
            if not module:
                continue
            for entered in self._entered(module):
                yield entered, False
            found = self.path(module)
            below = self.path(f"{module}.{item.name}") if item.name else None
            if below is not None and found is not None and self._is_submodule(found, item.name):
                yield found, False
                yield below, True
            elif found is not None:
                yield found, True
            elif below is not None:
                yield below, True

    def _is_submodule(self, package: str, name: str | None) -> bool:
        return self.origin(package, name or "").kind == "module"

    def _entered(self, module: str) -> list[str]:
        parts = module.split(".")
        found = (self.path(".".join(parts[:n])) for n in range(1, len(parts)))
        return [path for path in found if path is not None]

    def _bound(self, source: Source, name: str, binding: list[Node], hops: int = 0) -> Origin:
        if not binding:
            return self.origin(source.path, name, hops + 1)
        items = [item for item in source.imports if item.bound == name]
        spans = [(item.node.start_byte, item.node.end_byte) for item in items]
        if not all(any(a <= n.start_byte < b for a, b in spans) for n in binding):
            return Origin("defined", source.path, name)
        here = [
            item for item in items
            if any(item.node.start_byte <= n.start_byte < item.node.end_byte for n in binding)
        ]  # fmt: skip
        found = {self._imported_as(source.path, item, hops) for item in here}
        return found.pop() if len(found) == 1 else Origin("defined", source.path, name)

    def _imported_as(self, path: str, item: Imported, hops: int) -> Origin:
        module = self.target(path, item)
        if module is None:
            return Origin("unknown", path, item.bound)
        if item.name is None:
            meant = item.module if item.aliased else item.module.split(".")[0]
            found = self.path(meant)
            return Origin("module", found, "") if found else Origin("outside", meant, "")
        found = self.path(module)
        if found is None or found == path:
            below = self.path(f"{module}.{item.name}")
            if below is not None:
                return Origin("module", below, "")
            return Origin("outside" if found is None else "defined", module, item.name)
        return self.origin(found, item.name, hops + 1)

    def _member(self, outer: Origin, name: str, source: Source) -> Origin:
        if outer.kind == "outside" and not outer.name:
            below = self.path(f"{outer.place}.{name}")
            if below is not None:
                return Origin("module", below, "")
            # A folder without `__init__.py` is a package all the same.
            deeper = f"{outer.place}.{name}"
            known = any(module.startswith(deeper + ".") for module in self._by_name)
            return Origin("outside", deeper, "") if known else Origin("unknown", "", name)
        if outer.kind != "module":
            return Origin("unknown", "", name)
        return self.origin(outer.place, name)
