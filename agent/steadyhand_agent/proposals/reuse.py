"""The quick fix without a model: a definition gives way to the one that exists.

Owns what such a fix is: edits of several files, and what a person should look at before they are
made. Each language writes its own in a module beside this one. Never guesses: what cannot be seen
through is left working under its old name, or named as something to check, or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from steadyhand_agent.errors import SteadyhandError

if TYPE_CHECKING:
    from steadyhand_agent.index.definitions import Definition
    from steadyhand_agent.ports import ReadText


class ReuseRefused(SteadyhandError):
    """The fix would change what the code does; the message says why."""


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A replacement of a span of bytes (UTF-8 offsets in the old text)."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Code:
    """A workspace's texts as they are at one moment.

    Attributes:
        paths: Every file that is not ignored, in any language.
        read: The text of one of them; None where it cannot be had.
    """

    paths: frozenset[str]
    read: ReadText


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fix would do.

    Attributes:
        edits: By path; never empty for the file that held the definition.
        checks: One sentence for each thing that a person should look at; none where it is safe.
    """

    edits: dict[str, list[TextEdit]]
    checks: tuple[str, ...] = field(default=())

    @property
    def safe(self) -> bool:
        """True where there is nothing to check."""
        return not self.checks


class _Language(Protocol):
    """What a language's module offers."""

    def plan(self, code: Code, definition: Definition, canonical: Definition) -> Plan:
        """The edits that put `canonical` in the place of `definition`."""
        ...

    def reordered(self, code: Code, definition: Definition, canonical: Definition) -> bool:
        """True where nothing but the order of their parameters tells the two apart."""
        ...


def _python() -> _Language:
    from steadyhand_agent.proposals import reuse_python

    return reuse_python


def _ecmascript() -> _Language:
    from steadyhand_agent.proposals import reuse_ecmascript

    return reuse_ecmascript


_LANGUAGES: dict[str, Callable[[], _Language]] = {
    ".py": _python,
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), _ecmascript),
}


def _language(path: str) -> Callable[[], _Language] | None:
    return _LANGUAGES.get(path[path.rfind(".") :])


def offered(definition: Definition, canonical: Definition) -> bool:
    """True where a fix is worth trying: both are functions that a module of one language holds."""
    return (
        definition.kind == canonical.kind == "function"
        and definition.module_level
        and canonical.module_level
        and _language(definition.path) is not None
        and _language(definition.path) == _language(canonical.path)
    )


def reordered(code: Code, definition: Definition, canonical: Definition) -> bool:
    """True where the two are the same but for the order of their parameters.

    The index takes such a pair for a near copy, since it numbers names as they come. Here the two
    bodies are read side by side, as `reuse` does; how alike they look counts for nothing.
    """
    load = _language(definition.path)
    return (
        load is not None
        and offered(definition, canonical)
        and definition.decorators == canonical.decorators
        and load().reordered(code, definition, canonical)
    )


def reuse(code: Code, definition: Definition, canonical: Definition) -> Plan:
    """The fix that puts `canonical` in the place of `definition`, everywhere.

    Args:
        code: The workspace, in which both stand.
        definition: What goes; a function at the top of its module.
        canonical: What is used instead.

    Raises:
        ReuseRefused: It cannot be done without a person's judgement.
    """
    if not (definition.module_level and canonical.module_level):
        raise ReuseRefused("Only functions at the top of a module can be replaced by an import.")
    load = _language(definition.path)
    if load is None or not offered(definition, canonical):
        raise ReuseRefused("Only functions of one language can stand in for each other.")
    plan = load().plan(code, definition, canonical)
    for path, edits in plan.edits.items():
        before = code.read(path) or ""
        after = applied(before, edits)
        if _errors(path, after) > _errors(path, before):
            raise ReuseRefused(f"{path} would no longer parse; make this change by hand.")
    return plan


def _errors(path: str, text: str) -> int:
    # Where a fix is worked out its language is loaded; before that nothing heavy is.
    from steadyhand_agent.proposals.source_text import SourceText, broken

    return len(broken(SourceText(path, text).root))


def applied(text: str, edits: list[TextEdit]) -> str:
    """The text with edits made; they must not overlap."""
    data = text.encode("utf-8", "surrogatepass")
    order = sorted(enumerate(edits), key=lambda pair: (pair[1].start, pair[1].end, pair[0]))
    for _, edit in reversed(order):
        data = data[: edit.start] + edit.new.encode("utf-8", "surrogatepass") + data[edit.end :]
    return data.decode("utf-8", "surrogatepass")
