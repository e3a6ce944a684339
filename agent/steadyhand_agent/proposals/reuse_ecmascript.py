"""JavaScript's and TypeScript's "Use the existing one": what goes, what is imported, who is told.

Owns the order of the questions and the edits of every file. How imports are written and names
resolved is in the modules beside this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.proposals import (
    ecmascript_alike,
    ecmascript_imports,
    ecmascript_loading,
    ecmascript_runtime,
    ecmascript_types,
    named_in_text,
)
from steadyhand_agent.proposals.ecmascript_alike import Likeness
from steadyhand_agent.proposals.ecmascript_modules import Modules
from steadyhand_agent.proposals.ecmascript_source import (
    SUFFIXES,
    Exported,
    Imported,
    Source,
)
from steadyhand_agent.proposals.reuse import Code, Plan, ReuseRefused, TextEdit

_MOCKS = re.compile(r"(?:jest|vi|vitest|td|proxyquire|mock|rewire)\b")
# Files that may import a module in a text that is not read here.
_EMBEDDING = (".vue", ".svelte", ".astro", ".mdx", ".html")
_INERT = frozenset({"identifier", "number", "string", "true", "false", "null", "undefined", "this"})


def plan(code: Code, definition: Definition, canonical: Definition) -> Plan:
    """The edits that put `canonical` in the place of `definition`; see `reuse.reuse`."""
    return _Replacement(code, definition, canonical).plan()


def reordered(code: Code, definition: Definition, canonical: Definition) -> bool:
    """True where nothing but the order of parameters differs; see `reuse.reordered`."""
    modules = Modules(code)
    one, other = modules.source(definition.path), modules.source(canonical.path)
    if one is None or other is None:
        return False
    ours = ecmascript_alike.function_at(one, definition.start)
    theirs = ecmascript_alike.function_at(other, canonical.start)
    if ours is None or theirs is None:
        return False
    like = ecmascript_alike.likeness(one, ours[1], other, theirs[1], same=False)
    return like is not None and like.permuted and not like.literals


@dataclass(slots=True)
class _Reach:
    """What other files do with the name: what can be rewritten, and whether it must stay."""

    taken: list[tuple[Source, Imported]] = field(default_factory=list[tuple[Source, Imported]])
    members: list[tuple[Source, Node]] = field(default_factory=list[tuple[Source, Node]])
    kept: bool = False
    frozen: bool = False


class _Replacement:
    """One fix while it is being worked out."""

    def __init__(self, code: Code, definition: Definition, canonical: Definition) -> None:
        self._code = code
        self._modules = Modules(code)
        self._gone = definition
        self._kept = canonical
        self._same_file = definition.path == canonical.path
        self._source = self._read(definition.path)
        self._other = self._read(canonical.path)
        self._checks: list[str] = []
        self._edits: dict[str, list[TextEdit]] = {}
        # Files in which the existing one's name is there already, or is from now on.
        self._named: set[str] = set()

    def plan(self) -> Plan:
        gone, kept, source = self._gone, self._kept, self._source
        ours = ecmascript_alike.function_at(source, gone.start)
        theirs = ecmascript_alike.function_at(self._other, kept.start)
        if ours is None or theirs is None:
            raise ReuseRefused("The text has changed since; ask for the code actions again.")
        self._statement, function = ours
        self._removed = self._removal(function)
        like = self._likeness(function, theirs[1])
        self._globals(function, theirs[1])
        self._given = self._exported()
        if not self._same_file:
            self._loadable()
            self._checks += ecmascript_loading.noticed(self._modules, kept.path, gone.path)
        outside = source.exported(gone.name)
        found = self._reach(outside) if outside is not None else _Reach()
        self._typed(function, theirs[1], like, found)
        mine = [n for n in source.uses(gone.name) if not self._inside(n)]
        unused = outside is not None and not (mine or found.taken or found.members)
        staying = found.kept or found.frozen or unused
        if not found.frozen:
            for other, item in found.taken:
                staying = not self._imported(other, item, like) or staying
            for other, node in found.members:
                staying = not self._member(other, node, like) or staying
        if staying and like.permuted:
            raise ReuseRefused(
                f"`{gone.name}` is reached from places that cannot be rewritten, and "
                f"`{kept.name}` takes its arguments in another order."
            )
        self._own(mine, outside, like, staying=staying)
        edits = {path: list(dict.fromkeys(edits)) for path, edits in self._edits.items()}
        return Plan(edits, tuple(dict.fromkeys(self._checks)))

    def _read(self, path: str) -> Source:
        source = self._modules.source(path)
        if source is None:
            raise ReuseRefused(f"{path} cannot be read.")
        return source

    def _removal(self, function: Node) -> tuple[int, int]:
        """The definition with its documentation and the blank lines that would be left over."""
        source, whole = self._source, self._statement
        declarators = [n for n in _declared(whole) if n.type == "variable_declarator"]
        if whole.type == "expression_statement":
            raise ReuseRefused("It is assigned, not declared; make this change by hand.")
        if len(declarators) > 1 or (declarators and declarators[0].end_byte != function.end_byte):
            raise ReuseRefused("It is declared together with something else.")
        data = source.data
        start = source.line_start(whole.start_byte)
        end = source.after_line(whole.end_byte)
        rest = data[whole.end_byte : end].strip()
        if data[start : whole.start_byte].strip() or (rest and not rest.startswith((b"//", b";"))):
            raise ReuseRefused("Something else stands on the same line.")
        above = whole.prev_named_sibling
        if above is not None and above.type == "comment" and source.word(above).startswith("/**"):
            between = data[above.end_byte : start]
            if not between.strip() and between.count(b"\n") < 2:
                start = source.line_start(above.start_byte)
        return source.with_blank_lines(start, end)

    def _likeness(self, function: Node, existing: Node) -> Likeness:
        gone, kept = self._gone, self._kept
        same = bool(gone.body) and gone.body == kept.body
        like = ecmascript_alike.likeness(self._source, function, self._other, existing, same=same)
        if like is None or gone.decorators != kept.decorators:
            raise ReuseRefused(
                f"`{gone.name}` and `{kept.name}` do not do the same; compare the two, or let the "
                "agent merge them."
            )
        arrows = {function.type == "arrow_function", existing.type == "arrow_function"}
        seen = ecmascript_alike.sees_its_caller(self._source, function)
        if len(arrows) > 1 and seen:
            raise ReuseRefused(f"One of the two is an arrow, in which `{seen}` is another.")
        for ours, theirs in like.literals[:3]:
            self._checks.append(f"It has `{ours:.40}` where `{kept.name}` has `{theirs:.40}`.")
        return like

    def _globals(self, function: Node, existing: Node) -> None:
        if self._same_file:
            return
        theirs = ecmascript_alike.globals_of(self._other, existing)
        for name in ecmascript_alike.globals_of(self._source, function):
            if name == self._gone.name:
                continue
            if name in ("__dirname", "__filename", "module", "eval"):
                self._checks.append(f"It uses `{name}`, which is another in {self._kept.path}.")
            elif name in theirs and ecmascript_alike.differs(
                self._modules, name, self._source.path, self._other.path
            ):
                self._checks.append(f"`{name}` may be another in {self._kept.path} than here.")
        if "import.meta" in self._source.word(function):
            self._checks.append(f"It uses `import.meta`, which is another in {self._kept.path}.")

    def _typed(self, function: Node, existing: Node, like: Likeness, found: _Reach) -> None:
        """Asks for a look where callers that are checked for types may no longer fit."""
        users = [self._source, *(s for s, _ in found.taken), *(s for s, _ in found.members)]
        if any(user.path.endswith(ecmascript_types.TYPED) for user in users):
            self._checks += ecmascript_types.unfit(
                self._modules,
                (self._source, function),
                (self._other, existing),
                like.order,
                (self._gone.name, self._kept.name),
            )

    def _exported(self) -> Exported:
        given = self._other.exported(self._kept.name)
        if given is None:
            if self._same_file:
                return Exported("module", self._kept.name, inline=False)
            raise ReuseRefused(
                f"`{self._kept.name}` is not exported by {self._kept.path}; export it first."
            )
        return given

    def _loadable(self) -> None:
        modules, source, other = self._modules, self._source, self._other
        if not source.neutral and source.common and self._given.kind == "module":
            raise ReuseRefused(
                f"{source.path} is CommonJS and {other.path} is not, so it cannot require it."
            )
        if not source.common and not source.neutral and self._given.kind != "module":
            self._checks.append(f"{other.path} is CommonJS; see that its names can be imported.")
        if _package(self._code, source.path) != _package(self._code, other.path):
            self._checks.append(f"{other.path} belongs to another package; see how it is imported.")
        chain = modules.chain(other.path, source.path)
        if chain is None:
            return
        if other.path in modules.imported(source.path):
            self._checks.append(
                f"{other.path} and {source.path} import each other already; see that both still "
                "load."
            )
            return
        through = f" through {', '.join(chain[1:-1])}" if len(chain) > 2 else ""
        raise ReuseRefused(
            f"{chain[0]} imports {chain[-1]}{through}, so importing it here would be circular."
        )

    def _reach(self, outside: Exported) -> _Reach:
        """Looks through all other files for who takes what the module gives."""
        found = _Reach()
        gone, modules = self._gone, self._modules
        stem = gone.path.rpartition("/")[2].partition(".")[0]
        for path in sorted(self._code.paths):
            if path == gone.path:
                continue
            if path.endswith((*_EMBEDDING, "package.json")):
                text = self._code.read(path) or ""
                within = gone.path.removeprefix(path.rpartition("/")[0] + "/")
                named = within in text if path.endswith("package.json") else stem in text
                found.kept = found.kept or named
            elif path.endswith(SUFFIXES):
                text = self._code.read(path)
                found.kept = found.kept or self._made(path, text or "")
                # An `index` is named by its folder, or by nothing but dots.
                words = {gone.name, outside.name, stem} - {"default", "*"}
                if text is None or not (stem == "index" or any(word in text for word in words)):
                    continue
                source = modules.source(path)
                if source is None:
                    found.kept = True
                else:
                    self._look(found, source, outside)
        if not found.kept:
            name = gone.name if outside.name in ("default", "*") else outside.name
            module = gone.path.rpartition(".")[0].removesuffix("/index")
            found.kept = named_in_text.is_named(self._code, module, gone.path, name)
        return found

    def _made(self, path: str, text: str) -> bool:
        """True where a file takes a module by a name that it makes, which could be this one."""
        gone = self._gone.path
        source = self._modules.source(path) if ecmascript_runtime.IMPORTS.search(text) else None
        if source is None or not ecmascript_runtime.may_take(source, gone):
            return False
        # Where nothing of the name is written, the packages say whose it can be.
        near = _package(self._code, path) == _package(self._code, gone)
        return near or not ecmascript_runtime.takes_any(source)

    def _look(self, found: _Reach, source: Source, outside: Exported) -> None:
        modules, path = self._modules, self._gone.path
        for item in source.imports:
            target = modules.target(source.path, item.specifier)
            if target != path:
                unsure = target is None and modules.may_be(item.specifier, path)
                found.kept = found.kept or (unsure and item.name in (outside.name, "*", "default"))
                continue
            everything = item.name == "*" and (item.kind == "export" or item.typing)
            if item.kind == "dynamic" or everything:
                found.kept = True
            elif item.name == "*" and outside.kind == "whole":
                found.taken.append((source, item))
            elif item.name == "*":
                self._through(found, source, item, outside)
            elif item.name == outside.name:
                found.taken.append((source, item))
        for node, text in source.strings:
            if modules.target(source.path, text) == path and _is_mock(source, node):
                found.kept = found.frozen = True

    def _through(self, found: _Reach, source: Source, item: Imported, outside: Exported) -> None:
        """`a.f` of `import * as a`: rewritten where `a` is nothing else, and not passed about."""
        uses = source.uses(item.bound)
        if len(source.bindings(item.bound)) != 1 or outside.name == "default":
            found.kept = True
            return
        for node in uses:
            parent = node.parent
            if parent is None or parent.type != "member_expression":
                found.kept = True
                return
        for node in uses:
            parent = node.parent
            name = parent.child_by_field_name("property") if parent is not None else None
            if parent is None or source.word(name) != outside.name:
                continue
            above = parent.parent
            if (
                above is not None
                and above.type == "assignment_expression"
                and (above.child_by_field_name("left") == parent)
            ):
                found.kept = found.frozen = True
            found.members.append((source, parent))
        quoted = any(text == outside.name for _, text in source.strings)
        found.kept = found.kept or quoted
        found.frozen = found.frozen or quoted

    def _own(
        self, uses: list[Node], outside: Exported | None, like: Likeness, *, staying: bool
    ) -> None:
        """The edits of the file that holds the definition."""
        gone, kept, source = self._gone, self._kept, self._source
        edits = self._edits.setdefault(gone.path, [])
        start, end = self._removed
        again = [n for n in source.bindings(gone.name) if not self._inside(n) and source.at_top(n)]
        if again or source.assigned(gone.name) is not None:
            raise ReuseRefused(f"`{gone.name}` is bound or assigned elsewhere in this file, too.")
        for node in uses:
            edits += self._call(source, node, like)
        # What is exported in a list or by `module.exports` is one of the uses.
        public = outside is not None and outside.inline and staying
        bound = gone.name
        if not staying and kept.name != gone.name and self._free(source):
            bound = kept.name if not any(_exports(n) for n in uses) else gone.name
        edits += [self._renamed(source, n, bound) for n in uses if bound != gone.name]
        if self._same_file:
            alone = not uses or bound != gone.name
            if public or not alone:
                raise ReuseRefused(
                    f"`{gone.name}` is used under that name elsewhere, so it has to stay."
                )
            edits.append(TextEdit(start, end, ""))
            return
        edits.append(TextEdit(start, end, ""))
        common = source.common if not source.neutral else self._given.kind != "module"
        if uses and not (bound == kept.name and self._has(source, bound)):
            edits += ecmascript_imports.added(
                self._modules, source, kept.path, self._given, bound, common=common
            )
        if public and outside is not None:
            self._passed_on(edits, outside, bound, used=bool(uses))

    def _passed_on(
        self, edits: list[TextEdit], outside: Exported, bound: str, *, used: bool
    ) -> None:
        """The module goes on giving the name that it gave."""
        source = self._source
        if used:
            name = bound if outside.name == bound else f"{bound} as {outside.name}"
            line = f"export {{ {name} }}{self._modules.semicolon(source.path)}"
        else:
            line = ecmascript_imports.passed_on(
                self._modules, source, self._kept.path, self._given, outside.name
            )
        start, end = self._removed
        place = edits.index(TextEdit(start, end, ""))
        following = source.data[end:].strip()
        before = source.eol if not following and source.data[:start].strip() else ""
        after = source.eol if following else ""
        edits[place] = TextEdit(start, end, f"{before}{line}{source.eol}{after}")

    def _imported(self, source: Source, item: Imported, like: Likeness) -> bool:
        """Rewrites one import of another file; False where the name must stay for its sake."""
        if source.path == self._kept.path:
            return False
        common = item.kind == "require"
        if common and self._given.kind == "module":
            return False
        edits = self._edits.setdefault(source.path, [])
        if item.kind == "export":
            if like.permuted:
                raise ReuseRefused(
                    f"{source.path} passes `{self._gone.name}` on to others, and "
                    f"`{self._kept.name}` takes its arguments in another order."
                )
            edits += ecmascript_imports.replaced(
                self._modules, source, item, self._kept.path, self._given, ""
            )
            return True
        uses = source.uses(item.bound)
        alone = len(source.bindings(item.bound)) == 1
        if not alone and like.permuted:
            raise ReuseRefused(f"`{item.bound}` means several things in {source.path}.")
        for node in uses:
            edits += self._call(source, node, like)
        bound = item.bound
        # A type's import stays one under its name: the existing one may be a value beside it.
        alone = alone and not item.typing
        renames = bound == self._gone.name and bound == item.name and alone and self._free(source)
        if renames and not any(_exports(n) for n in uses) and self._given.name == self._kept.name:
            bound = self._kept.name
        edits += [self._renamed(source, n, bound) for n in uses if bound != item.bound]
        if bound == self._kept.name != item.bound and self._there(source):
            edits += ecmascript_imports.dropped(source, item)
        else:
            edits += ecmascript_imports.replaced(
                self._modules, source, item, self._kept.path, self._given, bound
            )
        return True

    def _member(self, source: Source, node: Node, like: Likeness) -> bool:
        """Rewrites `a.f`; False where the new name means something else there."""
        name = self._kept.name
        common = source.common
        if source.path == self._kept.path or (common and self._given.kind == "module"):
            return False
        if not self._free(source):
            return False
        edits = self._edits.setdefault(source.path, [])
        edits += self._call(source, node, like)
        edits.append(TextEdit(node.start_byte, node.end_byte, name))
        if not self._there(source):
            edits += ecmascript_imports.added(
                self._modules, source, self._kept.path, self._given, name, common=common
            )
        return True

    def _there(self, source: Source) -> bool:
        """True where a file has the existing one by its name; from now on it does."""
        before = source.path in self._named or self._has(source, self._kept.name)
        self._named.add(source.path)
        return before

    def _free(self, source: Source) -> bool:
        """True where the existing one's name can be used in a file without meaning another."""
        name = self._kept.name
        others = [
            n
            for n in source.bindings(name)
            if not (source.path == self._kept.path and n.start_byte == self._kept.name_start)
        ]
        mine = [n for n in source.bindings(self._gone.name) if not self._owned(source, n)]
        locals_ = [n for n in mine if not source.at_top(n)]
        return not locals_ and (not others or self._has(source, name))

    def _owned(self, source: Source, node: Node) -> bool:
        return source.path == self._gone.path and self._inside(node)

    def _has(self, source: Source, name: str) -> bool:
        """True where a name is the existing function already, and nothing else."""
        nodes = source.bindings(name)
        if source.path == self._kept.path:
            return len(nodes) == 1
        if any(item.bound == name and item.typing for item in source.imports):
            return False
        wanted = ("defined", self._kept.path, self._kept.name)
        return len(nodes) == 1 and self._modules.origin(source.path, name) == wanted

    def _call(self, source: Source, node: Node, like: Likeness) -> list[TextEdit]:
        """The arguments of a call in the order of the existing one's parameters."""
        if not like.permuted or _exports(node):
            return []
        call = node.parent
        line = f"Line {node.start_point[0] + 1} of {source.path}"
        if (
            call is None
            or call.type != "call_expression"
            or (call.child_by_field_name("function") != node)
        ):
            raise ReuseRefused(
                f"{line} passes `{self._gone.name}` on as a value, and `{self._kept.name}` takes "
                "its arguments in another order."
            )
        arguments = call.child_by_field_name("arguments")
        given = [n for n in arguments.named_children if n.type != "comment"] if arguments else []
        inert = all(n.type in _INERT for n in given)
        if len(given) != len(like.order) or not inert:
            raise ReuseRefused(f"{line} passes arguments that cannot change places.")
        return [
            TextEdit(old.start_byte, old.end_byte, source.word(given[place]))
            for old, place in zip(given, like.order, strict=True)
            if old != given[place]
        ]

    def _renamed(self, source: Source, node: Node, new: str) -> TextEdit:
        text = new
        if node.type == "shorthand_property_identifier":
            text = f"{source.word(node)}: {new}"
        return TextEdit(node.start_byte, node.end_byte, text)

    def _inside(self, node: Node) -> bool:
        return self._statement.start_byte <= node.start_byte < self._statement.end_byte


def _declared(statement: Node) -> list[Node]:
    inner = statement.child_by_field_name("declaration") or statement
    return inner.named_children


def _exports(node: Node) -> bool:
    """True for a name in `export { name }` or in what is assigned to `module.exports`."""
    current = node.parent
    while current is not None and current.type in ("export_specifier", "object", "pair"):
        if current.type == "export_specifier":
            return True
        current = current.parent
    if current is not None and current.type == "export_statement":
        return True
    left = current.child_by_field_name("left") if current is not None else None
    return left is not None and b"exports" in (left.text or b"")


def _is_mock(source: Source, node: Node) -> bool:
    arguments = node.parent
    call = arguments.parent if arguments is not None else None
    function = call.child_by_field_name("function") if call is not None else None
    return function is not None and _MOCKS.match(source.word(function)) is not None


def _package(code: Code, path: str) -> str:
    """The folder of the nearest `package.json`."""
    folder = path.rpartition("/")[0]
    while folder and f"{folder}/package.json" not in code.paths:
        folder = folder.rpartition("/")[0]
    return folder
