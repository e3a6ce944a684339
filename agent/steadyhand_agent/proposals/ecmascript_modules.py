"""The JavaScript and TypeScript modules of a workspace: who imports whom, and how that is written.

Owns the way from a specifier to a file and back, in the style of the file that imports. Only what
begins with a dot is followed; an alias of a bundler or a package is a name and nothing more.
"""

from __future__ import annotations

import posixpath
import re

from steadyhand_agent.proposals.ecmascript_source import SUFFIXES, Imported, Source, suffix_of
from steadyhand_agent.proposals.reuse import Code

# What a specifier may say for a file that is compiled into another.
_COMPILED = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_BECOMES = {".ts": ".js", ".tsx": ".js", ".jsx": ".js", ".mts": ".mjs", ".cts": ".cjs"}
_SIBLINGS = 12
_MAX_BYTES = 400_000


class Modules:
    """The modules of a workspace at one moment."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self.paths = sorted(path for path in code.paths if path.endswith(SUFFIXES))
        self._sources: dict[str, Source | None] = {}

    def source(self, path: str) -> Source | None:
        """A file's text, read once; None where it cannot be read or is a program's output."""
        if path not in self._sources:
            text = self._code.read(path)
            fits = text is not None and len(text) < _MAX_BYTES
            self._sources[path] = Source(path, text) if fits and text is not None else None
        return self._sources[path]

    def target(self, path: str, specifier: str) -> str | None:
        """The file that a relative specifier means; None for any other."""
        if not specifier.startswith("."):
            return None
        base = posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier))
        suffix = suffix_of(base) if "." in base.rpartition("/")[2] else ""
        stem = base[: -len(suffix)] if suffix else base
        candidates = [
            base,
            *(stem + other for other in _COMPILED.get(suffix, ())),
            *(base + other for other in SUFFIXES),
            *(f"{base}/index{other}" for other in SUFFIXES),
        ]
        return next((c for c in candidates if c in self._code.paths and c.endswith(SUFFIXES)), None)

    def may_be(self, specifier: str, path: str) -> bool:
        """True where an alias or a package could mean a file."""
        if specifier.startswith("."):
            return False
        last = re.sub(r"\.\w+$", "", specifier.rpartition("/")[2])
        stem = path.rpartition("/")[2].partition(".")[0]
        folder = path.rpartition("/")[0].rpartition("/")[2]
        return last in (stem, folder) or (stem == "index" and "/" not in specifier)

    def origin(self, path: str, name: str, hops: int = 0) -> tuple[str, str, str]:
        """Where a name at the top of a module comes from: `(kind, place, name)`.

        The kind is `defined` in a file of the workspace, `outside` it, or `global`.
        """
        source = self.source(path)
        if source is None or hops > 8:
            return "unknown", path, name
        for item in source.imports:
            if item.bound == name and item.kind in ("import", "require"):
                return self._given(path, item, hops)
        if any(source.at_top(node) for node in source.bindings(name)):
            return "defined", path, name
        return "global", "", name

    def chain(self, start: str, goal: str) -> list[str] | None:
        """How importing one module leads to another, as paths; None where it does not."""
        came = {start: ""}
        queue = [start]
        while queue:
            path = queue.pop(0)
            if path == goal:
                found = [path]
                while came[found[-1]]:
                    found.append(came[found[-1]])
                return found[::-1]
            for following in self.imported(path):
                if following not in came:
                    came[following] = path
                    queue.append(following)
        return None

    def imported(self, path: str) -> list[str]:
        """The files that are loaded when a module is."""
        source = self.source(path)
        found = [
            self.target(path, item.specifier)
            for item in (source.imports if source is not None else ())
            if item.kind != "dynamic" and not item.typing
        ]
        return [target for target in dict.fromkeys(found) if target is not None]

    def specifier(self, path: str, other: str) -> str:
        """How a file names another: relative, with or without a suffix as it and its folder do."""
        suffix = self._suffix(path, other)
        base = other[: -len(suffix_of(other))]
        if suffix is None:
            base = base.removesuffix("/index") if "/" in base else base
            suffix = ""
        relative = posixpath.relpath(base + suffix, posixpath.dirname(path) or ".")
        return relative if relative.startswith(".") else f"./{relative}"

    def quote(self, path: str) -> str:
        """The quotes in which a file names modules."""
        near = [source for source in map(self.source, self._near(path)) if source is not None]
        for source in near:
            if source.imports:
                return source.word(source.imports[0].source)[0]
        for source in near:
            if source.strings:
                return source.word(source.strings[0][0])[0]
        return '"'

    def semicolon(self, path: str) -> str:
        """`;` where a file ends its statements so, else nothing."""
        for source in map(self.source, self._near(path)):
            if source is None:
                continue
            for node in source.root.named_children:
                if node.type in ("import_statement", "lexical_declaration", "expression_statement"):
                    return ";" if source.word(node).endswith(";") else ""
        return ";"

    def _near(self, path: str) -> list[str]:
        folder = posixpath.dirname(path)
        near = [p for p in self.paths if posixpath.dirname(p) == folder and p != path]
        return [path, *near[:_SIBLINGS]]

    def _suffix(self, path: str, other: str) -> str | None:
        """The suffix to write; None for none."""
        own = suffix_of(other)
        for candidate in self._near(path):
            source = self.source(candidate)
            for item in source.imports if source is not None else ():
                if not item.specifier.startswith("./") and not item.specifier.startswith("../"):
                    continue
                written = suffix_of(item.specifier.rpartition("/")[2])
                if written not in SUFFIXES:
                    return None
                return own if written in (".ts", ".tsx", ".mts") else _BECOMES.get(own, own)
        if own in (".mjs", ".mts", ".cjs", ".cts"):
            return _BECOMES.get(own, own)
        source = self.source(path)
        # Node finds a module by its full name alone; a compiler or `require` does more.
        return own if own == ".js" and source is not None and not source.common else None

    def _given(self, path: str, item: Imported, hops: int) -> tuple[str, str, str]:
        target = self.target(path, item.specifier)
        if target is None:
            return "outside", item.specifier, item.name
        if item.name == "*":
            return "defined", target, "*"
        source = self.source(target)
        if source is None:
            return "unknown", target, item.name
        for passed in source.imports:
            if passed.kind == "export" and passed.name not in ("*", ""):
                alias = passed.node.child_by_field_name("alias")
                if (source.word(alias) or passed.name) == item.name:
                    return (
                        self._given(target, passed, hops + 1) if hops < 8 else ("unknown", "", "")
                    )
        for name in self._locals(source, item.name):
            return self.origin(target, name, hops + 1)
        return "unknown", target, item.name

    def _locals(self, source: Source, outside: str) -> list[str]:
        """The local names that a module gives under a name."""
        found: list[str] = []
        for name in dict.fromkeys(source.word(n) for n in source.exportable):
            exported = source.exported(name)
            if exported is not None and exported.name == outside:
                found.append(name)
        return found
