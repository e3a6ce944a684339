"""Python's "Use the existing one": what goes, what is imported, and who else is told.

Owns the order of the questions and the edits of every file. How imports are written, calls adapted
and names resolved is in the modules beside this one.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.proposals import (
    python_alike,
    python_calls,
    python_imports,
    python_loading,
    python_runtime,
    python_told,
)
from steadyhand_agent.proposals.python_alike import Likeness
from steadyhand_agent.proposals.python_modules import Modules, Origin
from steadyhand_agent.proposals.python_reach import Reach, User, reach, taken_from
from steadyhand_agent.proposals.python_source import Imported, Source
from steadyhand_agent.proposals.reuse import Code, Plan, ReuseRefused, TextEdit

# Decorators that do nothing but wrap: nothing is missed where one of them goes.
_WRAPPING = re.compile(
    r"(?:functools\.)?(?:cache|lru_cache(?:\(.*\))?|wraps\(.*\))\Z"
    r"|(?:contextlib\.)?(?:async)?contextmanager\Z|(?:typing\.)?(?:final|no_type_check)\Z"
)
# Names by which a body can see where it stands.
_PLACE = frozenset({"__name__", "__file__", "__package__", "__spec__", "globals", "eval", "exec"})


def plan(code: Code, definition: Definition, canonical: Definition) -> Plan:
    """The edits that put `canonical` in the place of `definition`; see `reuse.reuse`."""
    return _Replacement(code, definition, canonical).plan()


def reordered(code: Code, definition: Definition, canonical: Definition) -> bool:
    """True where nothing but the order of parameters differs; see `reuse.reordered`."""
    one, other = (Source(d.path, code.read(d.path) or "") for d in (definition, canonical))
    if not (one.readable and other.readable):
        return False
    function = python_alike.function_at(one, definition.start)
    existing = python_alike.function_at(other, canonical.start)
    if function is None or existing is None:
        return False
    like = python_alike.likeness(one, function, other, existing, same=False)
    return like is not None and like.permuted and not like.literals


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
        told = [*(("__name__", "__qualname__") if definition.name != canonical.name else ())]
        told += [] if self._same_file else ["__module__"]
        self._asking = python_told.Asking(self._modules, tuple(told))

    def plan(self) -> Plan:
        gone, kept = self._gone, self._kept
        self._removed = _removal(self._source, gone)
        function, existing = self._functions()
        like = self._likeness(function, existing)
        self._decorated()
        reads = self._globals(function, existing)
        if not self._same_file:
            self._importable()
            self._circular()
            self._checks += python_loading.noticed(self._modules, kept.path, gone.path)
        found = reach(self._code, self._modules, gone.path, gone.name, reads)
        for name in sorted(found.patched):
            self._checks.append(
                f"Something replaces `{name}` in `{self._module}` while it runs; "
                f"`{kept.name}` does not see that."
            )
        for path in sorted(found.listed):
            self._told_from_all(path)
        for stub in sorted(found.stubs):
            self._checks.append(f"{stub} declares `{gone.name}`; change it by hand.")
        for user in found.users:
            self._told(user.source, [node for node, _ in user.attributes])
            for item in user.imports:
                self._told(user.source, _uses_of(user.source, item))
        here = self._looked_up_here()
        users = [] if found.frozen else found.users
        staying = (
            found.kept
            or any(text == gone.name for _, text in self._source.strings)
            or here
            # Nobody here uses it, so that somebody elsewhere is what it is for.
            or not (self._uses() or found.users or gone.private)
        )
        for user in users:
            staying = not self._rewritten(user, found, like) or staying
        self._own(like, staying=staying)
        if like.permuted and staying:
            raise ReuseRefused(
                f"`{gone.name}` is reached from places that cannot be rewritten, and "
                f"`{kept.name}` takes its arguments in another order."
            )
        if like.keywords and staying:
            self._by_keyword(like)
        return Plan(self._edits, tuple(dict.fromkeys(self._checks)))

    @property
    def _module(self) -> str:
        return self._modules.name(self._gone.path)

    def _read(self, path: str) -> Source:
        source = self._modules.source(path)
        if source is None:
            raise ReuseRefused(f"{path} cannot be read.")
        return source

    def _functions(self) -> tuple[Node, Node]:
        gone, kept = self._gone, self._kept
        function = python_alike.function_at(self._source, gone.start)
        existing = python_alike.function_at(self._other, kept.start)
        if function is None or existing is None:
            raise ReuseRefused("The text has changed since; ask for the code actions again.")
        return function, existing

    def _likeness(self, function: Node, existing: Node) -> Likeness:
        same = bool(self._gone.body) and self._gone.body == self._kept.body
        like = python_alike.likeness(self._source, function, self._other, existing, same=same)
        if like is None:
            raise ReuseRefused(
                f"`{self._gone.name}` and `{self._kept.name}` do not do the same; compare the two, "
                "or let the agent merge them."
            )
        for ours, theirs in like.literals[:3]:
            self._checks.append(
                f"It has `{ours:.40}` where `{self._kept.name}` has `{theirs:.40}`."
            )
        return like

    def _decorated(self) -> None:
        if self._gone.decorators != self._kept.decorators:
            raise ReuseRefused("The two have different decorators; make this change by hand.")
        for decorator in self._gone.decorators:
            if not _WRAPPING.match(decorator):
                self._checks.append(
                    f"`@{decorator:.60}` may have done something here besides, such as registering."
                )

    def _globals(self, function: Node, existing: Node) -> list[str]:
        """The names that the body reads; where they mean something else there, that is a check."""
        source, other = self._source, self._other
        held = python_alike.assigns_globals(source, function)
        if held is not None and not self._same_file:
            raise ReuseRefused(
                f"`{self._gone.name}` sets the global `{held}`, and each module has its own."
            )
        whole = function.parent if self._gone.decorators and function.parent else function
        reads = [n for n in python_alike.globals_of(source, whole) if n != self._gone.name]
        if self._same_file:
            return []
        theirs = python_alike.globals_of(other, existing)
        for name in reads:
            if name in _PLACE:
                self._checks.append(f"It uses `{name}`, which is another in {self._kept.path}.")
            elif name in theirs and python_alike.differs(
                self._modules, name, source.path, other.path
            ):
                self._checks.append(f"`{name}` may be another in {self._kept.path} than here.")
        return reads

    def _importable(self) -> None:
        """Asks for a look where nothing shows that one file can import the other."""
        modules, path, other = self._modules, self._gone.path, self._kept.path
        own, target = modules.name(path), modules.name(other)
        if target == "__main__":
            raise ReuseRefused(
                f"{other} is the program that runs and cannot be imported; move "
                f"`{self._kept.name}` into a module first."
            )
        if target.endswith(".__main__"):
            self._checks.append(f"{other} is a program; importing it loads it once more.")
        top = target.split(".")[0]
        if modules.in_package(path) and modules.in_package(other) and own.split(".")[0] == top:
            return
        folder = path.rpartition("/")[0]
        if not folder and "/" not in other:
            return  # Both lie at the root.
        near = [
            p for p in modules.paths
            if p.rpartition("/")[0] == folder or modules.name(p).split(".")[0] == own.split(".")[0]
        ]  # fmt: skip
        line = re.compile(rf"^[ \t]*(?:from|import)[ \t]+{re.escape(top)}\b", re.MULTILINE)
        if any(line.search(self._code.read(p) or "") for p in near):
            return
        self._checks.append(f"Nothing near {path} imports `{target}` yet; see that it can.")

    def _circular(self) -> None:
        modules, path, other = self._modules, self._gone.path, self._kept.path
        chain = modules.chain(other, path)
        if chain is None:
            return
        names = [f"`{modules.name(p)}`" for p in chain]
        if modules.imports_directly(path, other):
            self._checks.append(
                f"{names[0]} and {names[-1]} import each other already; see that both still load."
            )
            return
        through = f" through {', '.join(names[1:-1])}" if len(names) > 2 else ""
        raise ReuseRefused(
            f"{names[0]} imports {names[-1]}{through}, so importing it here would be circular."
        )

    def _by_keyword(self, like: Likeness) -> None:
        listed = ", ".join(f"`{a}` (there `{b}`)" for a, b in like.keywords.items())
        self._checks.append(f"See that nobody passes {listed} by keyword.")

    def _looked_up_here(self) -> bool:
        """True where the file asks itself for a name that it makes, which could be this one."""
        made = python_runtime.own_lookups(self._source, self._gone.name)
        if any(one.whole for one in made):
            self._told_from_all(self._source.path)
        return bool(made)

    def _told_from_all(self, path: str) -> None:
        """Asks for a look where a file goes through all names of the module, and asks for more."""
        source = self._modules.source(path)
        if source is not None and self._asking.in_text(source.text):
            self._checks.append(
                f"{path} goes through the names of `{self._module}` and asks what they are called "
                f"or where they are from; `{self._kept.name}` has another answer."
            )

    def _told(self, source: Source, uses: list[Node]) -> None:
        """Asks for a look where the function is handed to what asks it for its name."""
        for node in uses:
            if self._asking.handed(source, node):
                self._checks.append(
                    f"Line {node.start_point[0] + 1} of {source.path} hands `{self._gone.name}` to "
                    f"what asks it for its name; `{self._kept.name}` has another answer."
                )
            elif table := self._asking.table(source, node):
                self._told_in_table(source, table)

    def _told_in_table(self, source: Source, table: str) -> None:
        stem = self._modules.name(source.path).rpartition(".")[2]
        taken = re.compile(rf"\b{re.escape(table)}\b")
        for path in self._modules.paths:
            text = self._code.read(path) or "" if path != source.path else ""
            if stem in text and taken.search(text) and self._asking.in_text(text):
                self._checks.append(
                    f"{path} may ask what is in `{table}` for its name; `{self._kept.name}` has "
                    "another answer."
                )

    def _own(self, like: Likeness, *, staying: bool) -> None:
        """The edits of the file that holds the definition."""
        gone, kept, source = self._gone, self._kept, self._source
        edits = self._edits.setdefault(gone.path, [])
        uses = self._uses()
        rebound = [n for n in source.at_module(gone.name) if not self._inside(n)]
        if rebound and not (gone.name == kept.name and self._is_canonical(source, gone.name)):
            raise ReuseRefused(
                f"`{gone.name}` means something else in part of this file "
                f"(line {rebound[0].start_point[0] + 1})."
            )
        for node in uses:
            edits += self._call(source, node, like)
        self._attributes_set(source, uses)
        self._told(source, uses)
        start, end = self._removed
        if not uses and not staying:
            edits.append(TextEdit(start, end, ""))
            return
        bound = gone.name if staying else self._bound(source, gone.name)
        if bound != gone.name:
            edits += [_renamed(n, gone.name, bound) for n in uses]
        if self._same_file and bound == gone.name:
            edits.append(self._alias(source, start, end))
            return
        edits.append(TextEdit(start, end, ""))
        if not (bound == kept.name and self._is_canonical(source, bound)):
            added = python_imports.added(self._modules, source, kept.path, kept.name, bound)
            rest = source.data[:start] + source.data[end:]
            if added is not None and not rest.strip():
                added = TextEdit(added.start, added.end, added.new.rstrip() + source.eol)
            edits += [added] if added is not None else []

    def _uses(self) -> list[Node]:
        """Where the file itself uses the definition, its own body left out."""
        source = self._source
        return [
            n
            for n in source.identifiers(self._gone.name)
            if not self._inside(n) and source.resolved(n).type == "module"
        ]

    def _alias(self, source: Source, start: int, end: int) -> TextEdit:
        """In one file a name that must stay becomes another name of the existing one."""
        if self._kept.start > self._gone.start:
            raise ReuseRefused(
                f"`{self._gone.name}` is used under that name elsewhere, so it has to stay."
            )
        blank = source.data[self._gone.end : end]
        return TextEdit(
            start, end, f"{self._gone.name} = {self._kept.name}{blank.decode('utf-8', 'replace')}"
        )

    def _bound(self, source: Source, name: str) -> str:
        """The existing one's name where the uses can take it, else the one they have."""
        new = self._kept.name
        if self._local(source, name) or (
            self._local(source, new) and not self._is_canonical(source, new)
        ):
            return name
        return new

    def _local(self, source: Source, name: str) -> bool:
        """True where something binds a name in this file besides the two functions."""
        same = source.path == self._kept.path
        return any(
            not (source.path == self._gone.path and self._inside(node))
            and not (same and node.start_byte == self._kept.name_start)
            for node in source.bindings(name)
        )

    def _is_canonical(self, source: Source, name: str) -> bool:
        """True where a name is the existing function already, and nothing else anywhere."""
        nodes = [
            n
            for n in source.bindings(name)
            if not (source.path == self._gone.path and self._inside(n))
        ]
        items = [item for item in source.imports if item.bound == name and item.name is not None]
        own = [
            n for n in nodes if source.path == self._kept.path
            and n.start_byte == self._kept.name_start
        ]  # fmt: skip
        if len(nodes) != len(items) + len(own) or not nodes:
            return False
        canonical = Origin("defined", self._kept.path, self._kept.name)
        for item in items:
            path = self._modules.path(self._modules.target(source.path, item) or "")
            if item.statement.parent is None or item.statement.parent.type != "module":
                return False
            if path is None or self._modules.origin(path, item.name or "") != canonical:
                return False
        return True

    def _call(self, source: Source, node: Node, like: Likeness) -> list[TextEdit]:
        """What a call's arguments need; a use that is no call may become one that is not seen."""
        if not like.permuted and not like.keywords:
            return []
        call = python_calls.call_of(node)
        if call is not None:
            return python_calls.adapted(source, call, like)
        parent = node.parent
        if parent is not None and parent.type == "global_statement":
            return []
        if like.permuted:
            raise ReuseRefused(
                f"Line {node.start_point[0] + 1} of {source.path} passes `{self._gone.name}` on as "
                f"a value, and `{self._kept.name}` takes its arguments in another order."
            )
        self._by_keyword(like)
        return []

    def _attributes_set(self, source: Source, uses: list[Node]) -> None:
        for node in uses:
            parent = node.parent
            if parent is None or parent.type != "attribute" or parent.parent is None:
                continue
            if parent.parent.child_by_field_name("left") == parent:
                self._checks.append(
                    f"Line {node.start_point[0] + 1} of {source.path} sets an attribute on "
                    f"`{self._gone.name}`, and would set it on `{self._kept.name}`."
                )

    def _inside(self, node: Node) -> bool:
        return self._gone.start <= node.start_byte < self._gone.end

    def _rewritten(self, user: User, found: Reach, like: Likeness) -> bool:
        """Rewrites one other file; False where the name must stay where it is for its sake."""
        source = user.source
        if source.path == self._kept.path:
            return False
        edits: list[TextEdit] = []
        whole = True
        for item in user.imports:
            edits += self._imported(source, item, found, like)
        for node, item in user.attributes:
            done = self._attribute(source, node, item, like)
            if done is None:
                whole = False
                done = self._call(source, node, like)
            edits += done
        if edits:
            self._edits[source.path] = _once(edits)
        return whole

    def _imported(
        self, source: Source, item: Imported, found: Reach, like: Likeness
    ) -> list[TextEdit]:
        """The edits of `from module import name`, and of its uses."""
        gone, kept = self._gone, self._kept
        name = item.bound
        uses = _uses_of(source, item)
        edits = [edit for node in uses for edit in self._call(source, node, like)]
        self._attributes_set(source, uses)
        taken = taken_from(found, self._modules, source.path, name)
        if taken and like.permuted:
            raise ReuseRefused(
                f"{source.path} passes `{name}` on to others, and `{kept.name}` takes its "
                "arguments in another order."
            )
        if taken and like.keywords:
            self._by_keyword(like)
        bound = name
        alone = len(source.bindings(name)) == 1
        free = not source.bindings(kept.name) or self._is_canonical(source, kept.name)
        if name == gone.name and not item.aliased and alone and free and not taken:
            bound = kept.name
        edits += [_renamed(n, name, bound) for n in uses if bound != name]
        if bound == kept.name and bound != name and self._is_canonical(source, bound):
            # It is imported already: this import of it only has to go.
            return edits + python_imports.dropped(source, item)
        return edits + python_imports.replaced(
            self._modules, source, item, kept.path, kept.name, bound, alone=alone
        )

    def _attribute(
        self, source: Source, node: Node, item: Imported, like: Likeness
    ) -> list[TextEdit] | None:
        """The edits of `module.name`; None where it has to be left as it is."""
        kept, modules = self._kept, self._modules
        edits = self._call(source, node, like)
        target = modules.name(kept.path)
        inner = node.child_by_field_name("object")
        plain = item.name is None and not item.aliased
        if plain and inner is not None and source.word(inner) == item.module:
            same_top = target.split(".")[0] == item.module.split(".")[0]
            if same_top or not source.bindings(target.split(".")[0]):
                edits.append(TextEdit(node.start_byte, node.end_byte, f"{target}.{kept.name}"))
                if not any(i.name is None and not i.aliased and i.module == target
                           for i in source.imports):  # fmt: skip
                    line = f"import {target}"
                    edits.append(python_imports.after(source, item.statement, line))
                return edits
        present = self._is_canonical(source, kept.name)
        if source.bindings(kept.name) and not present:
            return None
        edits.append(TextEdit(node.start_byte, node.end_byte, kept.name))
        if present:
            return edits
        if source.in_function(item.statement):
            module = python_imports.spelled(modules, source.path, kept.path)
            line = f"from {module} import {kept.name}"
            edits.append(python_imports.after(source, item.statement, line))
            return edits
        added = python_imports.added(modules, source, kept.path, kept.name, kept.name)
        return edits + ([added] if added is not None else [])


def _uses_of(source: Source, item: Imported) -> list[Node]:
    """Where a file uses what one of its imports brings."""
    name = item.bound
    scopes = {source.scope(n).id for n in source.bindings(name)
              if item.node.start_byte <= n.start_byte < item.node.end_byte}  # fmt: skip
    return [n for n in source.identifiers(name) if source.resolved(n).id in scopes]


def _renamed(node: Node, name: str, new: str) -> TextEdit:
    return TextEdit(node.start_byte, node.start_byte + len(name.encode()), new)


def _once(edits: list[TextEdit]) -> list[TextEdit]:
    """Without repetitions: two uses of one module need one import."""
    return list(dict.fromkeys(edits))


def _removal(source: Source, definition: Definition) -> tuple[int, int]:
    """The definition's lines with the blank lines that would be left over."""
    data = source.data
    start = source.line_start(definition.start)
    end = source.after_line(definition.end)
    if data[start : definition.start].strip() or start != definition.start:
        raise ReuseRefused("It is defined under a condition, which would be left empty.")
    if data[definition.end : end].strip() and not data[definition.end : end].strip().startswith(
        b"#"
    ):
        raise ReuseRefused("Something else stands on the last line of the definition.")
    return source.with_blank_lines(start, end)
