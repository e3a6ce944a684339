"""Names that a Python text makes while it runs, and whose they are.

Owns what such a name could be, as far as its text says: `f"do_{x}"` begins with `do_`. Knows one
text only; whether an object is some module is for others to find out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from steadyhand_agent.proposals.python_calls import call_of
from steadyhand_agent.proposals.python_source import Source

# Whether a text is worth being parsed for what it looks up while it runs.
LOOKS_UP = re.compile(
    r"\b(?:vars|dir|getmembers\w*|attrgetter|methodcaller)\s*\(|\b__dict__\b"
    r"|\b(?:get|set|del)attr\s*\((?!\s*self\s*,)(?![^,()\"']*,\s*[\"']\w+[\"']\s*[,)])"
)
_OWN = re.compile(r"\b(?:globals|locals|vars|dir|eval|exec)\s*\(|__name__|\b__dict__\b")
_IMPORTS = re.compile(
    r"\bmodule_from_spec\b|(?:\b(?:import_module|__import__)\s*\(|\bmodules\[)"
    r"\s*(?!__name__|[\"'][\w.]*[\"']\s*[\]),])"
)

_THIS_MODULE = re.compile(r"\b(?:modules(?:\[|\.get\()|import_module\(|__import__\()\s*__name__\b")
_LOADED = re.compile(r"\b(?:import_module|__import__)\s*\(|\bmodules(?:\[|\.get\()")
_ANYTHING = ".*"
_FORMAT = re.compile(r"\{\{|\}\}|\{[^{}]*\}")
_PERCENT = re.compile(r"%%|%(?:\(\w+\))?[-+ #0-9.*]*[a-zA-Z]")
_READING = frozenset({"get", "pop", "setdefault", "__getitem__"})
# How far a name is followed to what was assigned to it.
_MAX_HOPS = 3


@dataclass(frozen=True, slots=True)
class Lookup:
    """One place where a name is looked up that is made while the program runs.

    Attributes:
        owner: What is asked for the name; None for the module that the text is.
        name: A regular expression of what the name may be.
        sets: Something is put there, or taken away.
        whole: All names are taken at once.
    """

    owner: Node | None
    name: str
    sets: bool = False
    whole: bool = False

    def may_be(self, name: str) -> bool:
        """True where this could be a name."""
        return re.fullmatch(self.name, name, re.DOTALL) is not None

    @property
    def vague(self) -> bool:
        """True where nothing of the name is written."""
        return is_vague(self.name)


def imports(text: str) -> bool:
    """True where a text takes a module by a name that it makes, as far as can be seen at once."""
    words = ("import_module", "__import__", "modules[", "module_from_spec")
    return any(word in text for word in words) and _IMPORTS.search(text) is not None


def lookups(source: Source) -> Iterator[Lookup]:
    """Every lookup of a name in a namespace, those of the text's own included."""
    for word in ("getattr", "setattr", "delattr", "object"):
        nodes = source.attributes(word) if word != "getattr" else []
        for node in [*nodes, *(source.identifiers(word) if word != "object" else [])]:
            given = _given(node)
            if len(given) > 1:
                yield Lookup(given[0], spelled(source, given[1]), sets=word != "getattr")
    for word in ("attrgetter", "methodcaller"):
        for node in [*source.attributes(word), *source.identifiers(word)]:
            for given in _given(node)[:1]:
                yield Lookup(given, spelled(source, given))
    for node, owner in _namespaces(source):
        key, sets = _key(source, node)
        name = spelled(source, key) if key is not None else _ANYTHING
        yield Lookup(owner, name, sets, whole=key is None)
    for word in ("eval", "exec"):
        for node in source.identifiers(word):
            for code in _given(node)[:1]:
                # A name may stand anywhere in code.
                inside = spelled(source, code) if code.type == "string" else _ANYTHING
                names = set(re.findall(r"\w+", inside)) if inside != _ANYTHING else set[str]()
                yield Lookup(None, "|".join(names) if names else _ANYTHING)


def modules(source: Source) -> Iterator[str]:
    """What the names of modules may be that are made while the program runs."""
    for word in ("import_module", "__import__"):
        for node in [*source.attributes(word), *source.identifiers(word)]:
            for given in _given(node)[:1]:
                yield spelled(source, given)
    if "module_from_spec" in source.text:
        yield _ANYTHING  # Of a file, whatever its name.
    for node in source.attributes("modules"):
        parent = node.parent
        key = parent.child_by_field_name("subscript") if parent is not None else None
        if parent is None or parent.type != "subscript" or key is None:
            continue
        if source.word(key) != "__name__":
            yield spelled(source, key)


def goes_through(source: Source, package: str) -> bool:
    """True where a text lists the modules of a package, to load them all."""
    last = re.escape(package.rpartition(".")[2])
    listed = rf"\b(?:iter_modules|walk_packages)\s*\((?:[^)\n]*\b{last}\.)?[^)\n.]*\b__path__"
    return re.search(listed, source.text) is not None


def patched(source: Source) -> Iterator[str]:
    """What the dotted names may be that a mock is given, where they are made of several parts."""
    for word in ("patch", "setattr", "delattr"):
        for node in [*source.attributes(word), *source.identifiers(word)]:
            made = [spelled(source, given) for given in _given(node)[:1]]
            yield from (name for name in made if not is_vague(name))


def is_vague(name: str) -> bool:
    """True for a regular expression of a name that holds no word of it, or not always."""
    written = re.search(r"\w", name.replace(_ANYTHING, ""))
    return written is None or re.fullmatch(name, "\0", re.DOTALL) is not None


def is_own(source: Source, lookup: Lookup) -> bool:
    """True where a lookup is in the module that the text itself is."""
    if lookup.owner is None:
        return True
    return _THIS_MODULE.search(source.word(_followed(source, lookup.owner))) is not None


def own_lookups(source: Source, name: str) -> list[Lookup]:
    """Those lookups in the text's own namespace that could be of a name."""
    if not _OWN.search(source.text):
        return []
    return [one for one in lookups(source) if is_own(source, one) and one.may_be(name)]


def is_loaded(source: Source, lookup: Lookup) -> bool:
    """True where a module is asked that was taken by its name right there."""
    asked = _followed(source, lookup.owner) if lookup.owner is not None else None
    return _LOADED.search(source.word(asked)) is not None


def spelled(source: Source, node: Node, hops: int = 0) -> str:
    """A regular expression of what a string expression may say."""
    kind = node.type
    if kind == "string":
        return _written(source, node)
    if kind in ("concatenated_string", "parenthesized_expression"):
        return "".join(spelled(source, n, hops) for n in node.named_children if n.type != "comment")
    if kind == "conditional_expression":
        first, _, last = (n for n in node.named_children if n.type != "comment")
        return f"(?:{spelled(source, first, hops)}|{spelled(source, last, hops)})"
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if kind == "binary_operator" and left is not None and right is not None:
        operator = source.word(node.child_by_field_name("operator"))
        if operator == "+":
            return spelled(source, left, hops) + spelled(source, right, hops)
        if operator == "%" and left.type == "string":
            return _filled(_content(source, left), _PERCENT)
    function = node.child_by_field_name("function")
    if kind == "call" and function is not None and function.type == "attribute":
        text = function.child_by_field_name("object")
        method = source.word(function.child_by_field_name("attribute"))
        if method == "format" and text is not None and text.type == "string":
            return _filled(_content(source, text), _FORMAT)
    if kind == "identifier" and hops < _MAX_HOPS:
        value = _followed(source, node)
        return spelled(source, value, hops + 1) if value != node else _ANYTHING
    return _ANYTHING


def _written(source: Source, node: Node) -> str:
    parts: list[str] = []
    for child in node.children:
        if child.type == "interpolation":
            parts.append(_ANYTHING)
        elif child.type == "string_content":
            parts.append(re.escape(source.word(child)))
    return "".join(parts)


def _content(source: Source, node: Node) -> str:
    return "".join(source.word(n) for n in node.children if n.type == "string_content")


def _filled(text: str, hole: re.Pattern[str]) -> str:
    parts: list[str] = []
    end = 0
    for found in hole.finditer(text):
        same = found[0] in ("{{", "}}", "%%")
        parts += [re.escape(text[end : found.start()]), found[0][0] if same else _ANYTHING]
        end = found.end()
    return "".join([*parts, re.escape(text[end:])])


def _followed(source: Source, node: Node) -> Node:
    """What a name was given, where it is given something once; else the node itself."""
    if node.type != "identifier":
        return node
    scope = source.resolved(node)
    bound = [b for b in source.bindings(source.word(node)) if source.scope(b) == scope]
    parent = bound[0].parent if len(bound) == 1 else None
    if parent is None or parent.type not in ("assignment", "named_expression"):
        return node
    value = parent.child_by_field_name("right") or parent.child_by_field_name("value")
    return value if value is not None and parent.child_by_field_name("right") != bound[0] else node


def _given(node: Node) -> list[Node]:
    """The positional arguments of the call whose function a node is."""
    call = call_of(node)
    arguments = call.child_by_field_name("arguments") if call is not None else None
    given = arguments.named_children if arguments is not None else []
    return [n for n in given if n.type not in ("comment", "keyword_argument")]


def _namespaces(source: Source) -> Iterator[tuple[Node, Node | None]]:
    """Every expression that is a namespace as a whole, and whose."""
    for word in ("globals", "locals", "vars", "dir", "getmembers", "getmembers_static"):
        members = source.attributes(word) if word.startswith("get") else []
        for node in [*members, *source.identifiers(word)]:
            call, given = call_of(node), _given(node)
            if call is None:
                continue
            if given:
                yield call, given[0]
            elif word == "globals" or not source.in_function(node):
                yield call, None
    for node in source.attributes("__dict__"):
        owner = node.child_by_field_name("object")
        if owner is not None:
            yield node, owner


def _key(source: Source, node: Node) -> tuple[Node | None, bool]:
    """The key that a namespace is asked for, None for all; and whether something is put there."""
    parent = node.parent
    if parent is not None and parent.type == "subscript":
        above = parent.parent
        sets = above is not None and (
            above.type == "delete_statement" or above.child_by_field_name("left") == parent
        )
        return parent.child_by_field_name("subscript"), sets
    if parent is not None and parent.type == "attribute":
        method = source.word(parent.child_by_field_name("attribute"))
        given = _given(parent)
        if method in _READING and given:
            return given[0], method == "pop"
    return None, False
