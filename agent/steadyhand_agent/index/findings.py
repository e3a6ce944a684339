"""Which definitions say the same thing, and which of them should go.

Precision comes first: in large repositories a quarter of all functions have a near neighbour and
half of all methods share a name with another, nearly all rightly so. What is never a finding:
overloads, property setters, registered implementations, branches of one condition, stubs, dunders,
tests, and families of more than five alike, which are a pattern and not a slip.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from steadyhand_agent.index.definitions import Definition, Finding
from steadyhand_agent.index.store import View
from steadyhand_agent.workspace import utf8

# Below these a shared body is chance or idiom (measured on Django and the standard library).
MIN_LINES = 5
MIN_TOKENS = 25
# The guard looks closer than the diagnostics do, since most helpers are short.
GUARD_MIN_STATEMENTS = 2
GUARD_MIN_TOKENS = 12
MAX_FAMILY = 5

_OVERLOAD = re.compile(
    r"(^|\.)(overload|setter|getter|deleter|register|singledispatch|abstractmethod|override"
    r"|fixture|hookimpl|validator|field_validator|model_validator)\b"
)

ReadText = Callable[[str], str | None]


def file_findings(view: View, path: str, text: str) -> list[Finding]:
    """The findings to show in one file: those whose definition there should go.

    Args:
        view: What to compare with.
        path: The file.
        text: Its text in that view.
    """
    entry = view.entry(path)
    if entry is None or path.endswith(".pyi"):
        return []
    found = list(overwritten(entry.definitions, text))
    seen = {finding.definition.start for finding in found}
    for definition in entry.definitions:
        if definition.start in seen or _exempt(definition) or definition.test:
            continue
        finding = _same_body(view, definition) or _same_name(view, definition)
        if finding is not None:
            found.append(finding)
    found.sort(key=lambda f: f.definition.start)
    return found


def overwritten(definitions: tuple[Definition, ...], text: str) -> list[Finding]:
    """T0: the same name defined twice in one scope, the later overwriting the earlier.

    Args:
        definitions: One text's definitions, in order.
        text: That text; a use of the name between the two says that the first one served.
    """
    last: dict[str, Definition] = {}
    found: list[Finding] = []
    data = utf8(text)
    for definition in definitions:
        if definition.kind == "constant" or definition.name == "_":
            continue
        if definition.test and definition.local:
            # Inside a test the same name again and again is how cases are written.
            continue
        earlier = last.get(definition.qualified)
        last[definition.qualified] = definition
        if (
            earlier is None
            or earlier.branch != definition.branch
            or earlier.kind == "constant"
            or _redefines(definition, earlier)
            or earlier.end > definition.start
            or _mentions(data[earlier.end : definition.start], definition.name)
        ):
            continue
        scope = definition.qualified.rpartition(".")[0] or "this module"
        found.append(
            Finding(
                "T0",
                definition,
                earlier,
                1.0,
                f"`{definition.name}` is already defined in {scope} on line {earlier.line}; "
                "the later definition silently replaces it.",
            )
        )
    return found


def duplicates_of(view: View, definition: Definition) -> list[Finding]:
    """What a new definition would say again, for the guard: lower floors than the diagnostics.

    Args:
        view: A view in which `definition` stands.
        definition: The new definition.
    """
    if _exempt(definition):
        return []
    found: list[Finding] = []
    if definition.body and (
        definition.statements >= GUARD_MIN_STATEMENTS or definition.tokens >= GUARD_MIN_TOKENS
    ):
        alike = [d for d in view.with_body(definition.body) if _comparable(definition, d)]
        if 0 < len(alike) <= MAX_FAMILY:
            best = min(alike, key=_rank)
            found.append(Finding("T1", definition, best, 1.0, _same_body_reason(definition, best)))
    if _importable(definition) and not definition.test:
        twins = [d for d in view.named(definition.name) if _namesake(definition, d)]
        if 0 < len(twins) < MAX_FAMILY and not found:
            best = min(twins, key=_rank)
            found.append(Finding("T0x", definition, best, 0.8, _same_name_reason(view, best)))
    return found


def _same_body(view: View, definition: Definition) -> Finding | None:
    if not definition.body or definition.lines < MIN_LINES or definition.tokens < MIN_TOKENS:
        return None
    alike = [d for d in view.with_body(definition.body) if _comparable(definition, d)]
    if not 0 < len(alike) < MAX_FAMILY:
        return None
    best = min(alike, key=_rank)
    if _rank(best) > _rank(definition):
        return None
    return Finding("T1", definition, best, 1.0, _same_body_reason(definition, best))


def _same_name(view: View, definition: Definition) -> Finding | None:
    if not _importable(definition) or definition.private or definition.lines < MIN_LINES:
        return None
    twins = [d for d in view.named(definition.name) if _namesake(definition, d)]
    if not 0 < len(twins) < MAX_FAMILY:
        return None
    best = min(twins, key=_rank)
    if _rank(best) > _rank(definition):
        return None
    return Finding("T0x", definition, best, 0.8, _same_name_reason(view, best))


def _same_body_reason(definition: Definition, best: Definition) -> str:
    return (
        f"`{definition.qualified}` does the same, statement by statement, as "
        f"`{best.qualified}` in {best.place}."
    )


def _same_name_reason(view: View, best: Definition) -> str:
    return f"{view.module(best.path)} already has a {best.kind} named `{best.name}` ({best.place})."


def _exempt(definition: Definition) -> bool:
    """Definitions that are meant to be alike, or say too little to compare."""
    return (
        definition.kind == "constant"
        or (definition.trivial and definition.kind != "class")
        or (definition.name.startswith("__") and definition.name.endswith("__"))
        or any(_OVERLOAD.search(decorator) for decorator in definition.decorators)
    )


def _comparable(definition: Definition, other: Definition) -> bool:
    """True where `other` could stand in for `definition`."""
    return (
        (other.path, other.start) != (definition.path, definition.start)
        and not _exempt(other)
        and (definition.test or not other.test)
        and not other.path.endswith(".pyi")
        # A method cannot be imported, and a helper inside a function cannot be reached.
        and (other.kind == definition.kind or other.module_level)
        and not (other.local and other.path != definition.path)
        and not (other.branch and definition.branch and other.path == definition.path)
        and not _encloses(other, definition)
        and not _encloses(definition, other)
    )


def _namesake(definition: Definition, other: Definition) -> bool:
    return (
        other.path != definition.path
        and other.kind == definition.kind
        and _importable(other)
        and not other.test
        and not _exempt(other)
        and not other.path.endswith(".pyi")
    )


def _importable(definition: Definition) -> bool:
    return (
        definition.module_level
        and definition.kind in ("function", "class")
        and not definition.branch
        and definition.name not in ("main", "setup", "run", "_")
    )


def _encloses(outer: Definition, inner: Definition) -> bool:
    return outer.path == inner.path and outer.start <= inner.start and inner.end <= outer.end


def _redefines(later: Definition, earlier: Definition) -> bool:
    """True where decorators say that both are wanted: overloads, setters, registrations."""
    own = later.name + "."
    return any(
        _OVERLOAD.search(decorator) or decorator.startswith(own)
        for decorator in (*later.decorators, *earlier.decorators)
    )


def _mentions(between: bytes, name: str) -> bool:
    return re.search(rb"\b" + re.escape(name.encode()) + rb"\b", between) is not None


def _rank(definition: Definition) -> tuple[bool, bool, bool, int, str, int]:
    """The canonical one has the least: not a test, public, at module level, near the root."""
    return (
        definition.test,
        definition.private,
        not definition.module_level,
        definition.path.count("/"),
        definition.path,
        definition.start,
    )
