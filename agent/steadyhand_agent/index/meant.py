"""Which equal bodies of an existing repository are apart for a reason.

Owns what the text around two equal bodies says about them: the class, the condition or the file
that each stands in, and what the names in it mean there. It never says what a copy is. But for what
stands in where an import fails, new code is not asked: who is writing it can still choose, while
what has stood for years was chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import FAMILIES, language_of
from steadyhand_agent.index.store import View
from steadyhand_agent.workspace import utf8

# Fewer names in common are chance, two modules may well share `parse` and `render`.
_SHARED_NAMES = 3
_WORD = re.compile(rb"(?<![\w.$])[A-Za-z_$][\w$]*")
_MODULE = re.compile(
    rb"^\s*(?:import|export)\b|\brequire\s*\(|\bmodule\.exports\b"
    rb"|^exports\s*(?:\.\s*[\w$]+|\[[^\]\n]+\])\s*=(?!=)",
    re.MULTILINE,
)
_COPIED = re.compile(
    rb"\b(?:copied|taken|borrowed|adapted|vendored|lifted|(?:back)?ported)\s+(?:\w+\s+)?from\b"
    rb"|\bin sync with\b",
    re.IGNORECASE,
)
_MADE = re.compile(r"[(\[{]")
_STATIC = re.compile(r"\bstatic\b|^def self\.")

Eligible = Callable[[Definition], bool]


def apart(
    view: View, definition: Definition, other: Definition, text: str, eligible: Eligible
) -> bool:
    """True where two equal bodies are rightly two.

    Args:
        view: Where both stand.
        definition: The one that would be told of.
        other: The one to use instead.
        text: The text of `definition`'s file.
        eligible: Whether a definition is one that a person could be told of.
    """
    data = utf8(text)
    return (
        (other.path != definition.path and _script(definition.path, data))
        # What stands under a condition is not there for everybody to use.
        or (bool(other.branch) and other.path != definition.path)
        or _says_so(definition, data)
        or _of_another_object(view, definition, other)
        or _interface(view, definition, other)
        or _in_overrides(definition, other)
        or _means_another(view, definition, other, data)
        or _variants(view, definition, other, eligible)
    )


def _script(path: str, data: bytes) -> bool:
    """True for a JavaScript file that is no module: it can import nothing from another."""
    language = language_of(path)
    if language is None or FAMILIES.get(language.name) != FAMILIES["javascript"]:
        return False
    return _MODULE.search(data) is None


def falls_back(view: View, definition: Definition, data: bytes) -> bool:
    """True where the name comes from elsewhere if it can be had: `try: from a import f`.

    Nobody can do without such a one, however new it is.

    Args:
        view: Where it stands.
        definition: The one that would be told of.
        data: The text of its file, as UTF-8.
    """
    if not definition.branch:
        return False
    name = re.escape(definition.name.encode())
    bound = re.compile(rb"\b%b\s*=[^=]|\bimport\b(?:\s*\([^)]*|[^\n]*)\b%b\b" % (name, name))
    if bound.search(data) is None:
        return False
    return any(bound.search(piece) for piece in _around(view, definition, data))


def _around(view: View, definition: Definition, data: bytes) -> Iterator[bytes]:
    """What a name means where a definition stands: the text without what other functions hold."""
    at = 0
    for other in view.definitions(definition.path):
        encloses = other.start < definition.start and definition.end <= other.end
        if other.start < at or encloses or other.kind in ("constant", "type"):
            continue
        yield data[at : other.start]
        at = other.end
    yield data[at:]


def _says_so(definition: Definition, data: bytes) -> bool:
    """True where the author says that it is a copy, who thus knows it and chose it."""
    paragraph = data.rfind(b"\n\n", 0, definition.start) + 1
    return _COPIED.search(data, paragraph, definition.end) is not None


def _of_another_object(view: View, definition: Definition, other: Definition) -> bool:
    """True for methods of two classes neither of which is made of the other.

    The one cannot be called where the other is, unless it needs no object.
    """
    return (
        definition.kind == other.kind == "method"
        and _owner(definition) != _owner(other)
        and not _static(other)
        and _owner_name(other) not in _words(_class_line(view, definition))
    )


def _interface(view: View, definition: Definition, other: Definition) -> bool:
    """True for two methods of one class that others call or replace by their names."""
    if definition.kind != "method" or _owner(definition) != _owner(other):
        return False
    # Public ones are aliases, or answer to an interface; somebody calls each.
    return not definition.private or _overridden(view, definition)


def _overridden(view: View, method: Definition) -> bool:
    """True where a class made of the method's class has its own: a hook cannot go."""
    named = view.named(method.name)
    return any(
        d.kind == "method" and _owner_name(method) in _words(_class_line(view, d))
        for d in named
        if _owner(d) != _owner(method)
    )


def _in_overrides(definition: Definition, other: Definition) -> bool:
    """True inside of two methods of one name: what serves one interface twice is alike."""
    ours, theirs = definition.qualified.split("."), other.qualified.split(".")
    return (
        definition.local
        and other.local
        and len(ours) == len(theirs) > 2
        and ours[0] != theirs[0]
        and ours[1:] == theirs[1:]
    )


def _means_another(view: View, definition: Definition, other: Definition, data: bytes) -> bool:
    """True where a name in the body is one thing in this file and another in that one."""
    if definition.path == other.path:
        return False
    ours, theirs = _tops(view, definition.path), _tops(view, other.path)
    asked, seen = [definition], {definition.name, other.name}
    while asked:
        one = asked.pop()
        for name in {word.decode() for word in _WORD.findall(data, one.start, one.end)} - seen:
            seen.add(name)
            mine, its = ours.get(name), theirs.get(name)
            if mine is None or its is None:
                continue
            # Equal bodies may still call what differs.
            if mine.body and mine.body == its.body:
                asked.append(mine)
            elif (
                mine.kind != "constant"
                or mine.signature != its.signature
                # A value is what it says; what is made stands apart from all that is made alike.
                or _MADE.search(mine.signature)
            ):
                return True
    return False


def _variants(view: View, definition: Definition, other: Definition, eligible: Eligible) -> bool:
    """True where most of a file has its like in the other: a backend, a fork or a copy.

    That is one thing to say and not many. Where most is still equal, the first of the copies says
    it; where it has grown apart, the two files are two on purpose.
    """
    if definition.path == other.path:
        return False
    ours, theirs = _outline(view, definition.path), _outline(view, other.path)
    shared = ours.keys() & theirs.keys()
    if len(shared) < _SHARED_NAMES or len(shared) * 2 < min(len(ours), len(theirs)):
        return False
    large = [d for d in ours.values() if eligible(d)]
    bodies = {d.body for d in theirs.values()}
    copies = [d for d in large if d.body in bodies]
    return len(copies) * 2 < len(large) or copies[:1] != [definition]


def _outline(view: View, path: str) -> dict[str, Definition]:
    """What a file defines for others, by qualified name, in the order of the text."""
    return {
        d.qualified: d
        for d in view.definitions(path)
        if not d.local
        and not d.test
        and d.kind in ("function", "method", "class")
        and not d.name.startswith("__")
    }


def _tops(view: View, path: str) -> dict[str, Definition]:
    """What a name means at the top of a file; a type's is gone when the program runs."""
    return {d.name: d for d in view.definitions(path) if d.module_level and d.kind != "type"}


def _owner(definition: Definition) -> tuple[str, str]:
    return definition.path, definition.qualified.rpartition(".")[0]


def _owner_name(definition: Definition) -> str:
    return definition.qualified.split(".")[-2]


def _class_line(view: View, method: Definition) -> str:
    path, qualified = _owner(method)
    return next((d.signature for d in view.definitions(path) if d.qualified == qualified), "")


def _words(line: str) -> set[str]:
    return set(re.findall(r"[\w$]+", line))


def _static(method: Definition) -> bool:
    return bool(_STATIC.search(method.signature)) or "staticmethod" in method.decorators
