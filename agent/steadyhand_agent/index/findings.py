"""Which definitions say the same thing, and which of them should go.

Precision comes first: in large repositories a quarter of all functions have a near neighbour and
half of all methods share a name with another, nearly all rightly so. What is never a finding:
overloads, overrides, property setters, registered implementations, branches of one condition,
stubs, dunders, tests, migrations, generated code, compatibility shims, one file in two languages,
and families of more than five alike, which are a pattern and not a slip. To the guard such a family
is none where one of it could be called: who copies a helper for the seventh time saw the six.

What was there before the person began is held to less than what is new: a name that two modules
share, a near copy and a copy with other literals are shown for new and changed definitions alone,
and `meant` says which of its equal bodies are apart for a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container

from steadyhand_agent.index.definitions import Definition, Finding, Tier
from steadyhand_agent.index.fingerprint import Form
from steadyhand_agent.index.languages import FAMILIES, language_of
from steadyhand_agent.index.meant import apart, falls_back
from steadyhand_agent.index.reader import PLATFORM, WHOLE_FILE
from steadyhand_agent.index.registering import overload_names, registers
from steadyhand_agent.index.store import View
from steadyhand_agent.index.variants import beside, built, of_one_source, of_platforms
from steadyhand_agent.workspace import utf8

# Below these a shared body is chance or idiom (measured on Django and the standard library).
MIN_LINES = 5
MIN_TOKENS = 25
# A near copy says less than a copy, so there has to be more of it (FACTS: 40 tokens to warn).
NEAR_TOKENS = 40
# The guard looks closer than the diagnostics do, since most helpers are short.
GUARD_MIN_STATEMENTS = 2
GUARD_MIN_TOKENS = 12
GUARD_NEAR_TOKENS = 30
MAX_FAMILY = 5
# Ranking asks who uses each; of hundreds of copies any early one serves.
_MOST_RANKED = 30

_OVERLOAD = re.compile(
    r"(^|\.)(_*overload|setter|getter|deleter|register|singledispatch|singledispatchmethod"
    r"|abstractmethod|override|Override|partial|fixture|hookimpl|validator|field_validator"
    r"|model_validator)\b"
)
_MIGRATION = re.compile(r"(^|/)([Mm]igrations?|alembic/versions|db/(\w+_)?migrate)/")
_COMPATIBILITY = re.compile(
    r"(^|/)((_|py[23]\d*_?)?compat\w*|\w+_compat|(\w*_)?py[23]\d{0,2}k?|six|_?backports?"
    r"|polyfill[\w.-]*?|([\w.-]*[._-])?shims?)(/|\.\w+$)"
)
# A template's conditions are none of the language that it makes.
TEMPLATE_BRANCH = re.compile(rb"\{%[-+]?\s*(?:el|end|if|block|case|when)|<%|\{\{[#^/]")
_ACCESSOR = re.compile(r"(?:static |get |set |local |def [\w:]+\.|function [\w.]+[.:])+")
_ECMASCRIPT = FAMILIES["javascript"]
# What a language asks for by a name of its own: `__eq__`, `[Symbol.iterator]`.
_DUNDER = re.compile(r"__.*__$|\[")
# Names that every module may have.
_EVERYWHERE = frozenset({"main", "setup", "run", "init", "default", "register", "handler", "_"})

# The name and the body of each definition that was there before.
Known = Container[tuple[str, str]]


def file_findings(
    view: View,
    path: str,
    text: str,
    known: Known | None = None,
    *,
    old: bool = False,
    as_new: bool = False,
) -> list[Finding]:
    """The findings to show in one file: those whose definition there should go.

    Args:
        view: What to compare with.
        path: The file.
        text: Its text in that view.
        known: `(qualified name, body)` of what was there before; None says that all of it was.
            Of two equals the one that was not is told of.
        old: Look for T2, T3 and T0x among what was there before, too.
        as_new: The same, and nothing is apart for having stood so: who asks says afterwards which
            of the two sides is new.
    """
    entry = view.entry(path)
    if entry is None or path.endswith(".pyi"):
        return []
    found = list(overwritten(entry.definitions, text))
    seen = {finding.definition.start for finding in found}
    for definition, form in zip(entry.definitions, entry.forms, strict=True):
        if definition.start in seen or exempt(definition) or definition.test:
            continue
        fresh = known is not None and (definition.qualified, definition.body) not in known
        finding = _copy(view, definition, None if fresh or as_new else text, fresh=fresh)
        if finding is None and (fresh or old or as_new):
            # What has stood apart with an equal body has it in other tiers, too.
            judged = "" if fresh or as_new else definition.body
            finding = _shown_if_fresh(view, definition, form, judged)
            if finding and not fresh and _goes_first(view, finding.canonical, definition):
                finding = None
        if finding is not None and not falls_back(view, definition, utf8(text)):
            found.append(finding)
    found.sort(key=lambda f: f.definition.start)
    return found


def overwritten(definitions: tuple[Definition, ...], text: str) -> list[Finding]:
    """T0: the same name defined twice in one scope, the later overwriting the earlier.

    Args:
        definitions: One text's definitions, in order.
        text: That text; a use of the name between the two says that the first one served.
    """
    language = language_of(definitions[0].path) if definitions else None
    if language is None or not language.overwrites:
        return []
    last: dict[str, Definition] = {}
    found: list[Finding] = []
    data = utf8(text)
    for definition in definitions:
        if definition.kind in ("constant", "type") or definition.name == "_":
            continue
        if definition.kind == "class" and language.reopens:
            continue
        if definition.test and definition.local:
            # Inside a test the same name again and again is how cases are written.
            continue
        slot = language.slot_of(definition) if language.slot_of else definition.qualified
        earlier = last.get(slot)
        last[slot] = definition
        if (
            earlier is None
            or earlier.branch != definition.branch
            or (earlier.kind != definition.kind and not language.slot_of)
            or _redefines(definition, earlier, text)
            or _accessor(definition) != _accessor(earlier)
            or earlier.end > definition.start
            or _mentions(data[earlier.end : definition.start], definition.name)
            or TEMPLATE_BRANCH.search(data, earlier.end, definition.start)
            or (earlier.trivial and not language.docstrings)
            or definition.generated
        ):
            continue
        scope = definition.qualified.rpartition(".")[0] or "this module"
        reason = (
            f"`{definition.name}` is already defined in {scope} on line {earlier.line}; "
            "the later definition silently replaces it."
        )
        found.append(Finding("T0", definition, earlier, 1.0, reason))
    return found


def duplicates_of(view: View, definition: Definition, text: str = "") -> list[Finding]:
    """What a new definition would say again, for the guard: lower floors than the diagnostics.

    Args:
        view: A view in which `definition` stands.
        definition: The new definition.
        text: The text of its file; without it nobody can see that it stands in for an import.
    """
    found = [] if exempt(definition) else _said_before(view, definition)
    return [] if found and falls_back(view, definition, utf8(text)) else found


def _said_before(view: View, definition: Definition) -> list[Finding]:
    if definition.statements >= GUARD_MIN_STATEMENTS or definition.tokens >= GUARD_MIN_TOKENS:
        tiers: tuple[tuple[Tier, list[Definition]], ...] = (
            ("T1", _bodies(view, definition)),
            ("T2", _shapes(view, definition)),
        )
        for tier, alike in tiers:
            if len(alike) > MAX_FAMILY:
                alike = [d for d in alike if _helper(d, definition, tier)][:_MOST_RANKED]
            if alike:
                best = min(alike, key=_ranked(view))
                reason = _REASONS[tier].format(ours=definition.qualified, other=_named(best))
                return [Finding(tier, definition, best, 1.0, reason)]
    if _importable(definition) and not definition.test:
        twins = _twins(view, definition)
        if 0 < len(twins) < MAX_FAMILY:
            best = min(twins, key=_ranked(view))
            return [Finding("T0x", definition, best, 0.8, _same_name_reason(view, best))]
    form = view.form(definition)
    near = _near(view, definition, form, GUARD_NEAR_TOKENS) if form is not None else None
    return [near] if near is not None else []


def _helper(one_of_many: Definition, definition: Definition, tier: Tier) -> bool:
    """True for what can be imported and called, however many copies of it there are already.

    Many methods alike, functions of a name that every module may have, and tests that differ in
    their values are how a framework wants them; many equal helpers are one that was never shared.
    """
    return (
        one_of_many.kind == "function"
        and one_of_many.module_level
        and one_of_many.name not in _EVERYWHERE
        and (tier == "T1" or not definition.test)
    )


def _copy(
    view: View, definition: Definition, standing: str | None, *, fresh: bool
) -> Finding | None:
    """T1: the same body; `standing` is the text where what was there before is held to less."""
    if not _large(definition):
        return None
    alike = _bodies(view, definition)
    if not 0 < len(alike) < MAX_FAMILY:
        return None
    best = min(alike, key=_ranked(view))
    if standing is not None and apart(view, definition, best, standing, _tellable):
        return None
    if not fresh and _goes_first(view, best, definition):
        return None
    reason = _REASONS["T1"].format(ours=definition.qualified, other=_named(best))
    return Finding("T1", definition, best, 1.0, reason)


def _large(definition: Definition) -> bool:
    return (
        bool(definition.body) and definition.lines >= MIN_LINES and definition.tokens >= MIN_TOKENS
    )


def _tellable(definition: Definition) -> bool:
    return _large(definition) and not definition.test and not exempt(definition)


def _shown_if_fresh(view: View, definition: Definition, form: Form, judged: str) -> Finding | None:
    """T2, T0x and T3: what only somebody who is just writing it can judge.

    Args:
        view: Where it stands.
        definition: The one that would be told of.
        form: Its form.
        judged: A body that was looked at before and is not looked at again; empty for none.
    """
    if definition.lines >= MIN_LINES and definition.tokens >= MIN_TOKENS:
        alike = [d for d in _shapes(view, definition) if d.body != judged]
        if 0 < len(alike) < MAX_FAMILY:
            best = min(alike, key=_ranked(view))
            reason = _REASONS["T2"].format(ours=definition.qualified, other=_named(best))
            return Finding("T2", definition, best, 1.0, reason)
    named = not definition.private and definition.lines >= MIN_LINES and _importable(definition)
    twins = _twins(view, definition) if named else []
    if 0 < len(twins) < MAX_FAMILY:
        best = min(twins, key=_ranked(view))
        return Finding("T0x", definition, best, 0.8, _same_name_reason(view, best))
    if definition.lines >= MIN_LINES:
        return _near(view, definition, form, NEAR_TOKENS, judged)
    return None


def _near(
    view: View, definition: Definition, form: Form, floor: int, judged: str = ""
) -> Finding | None:
    """T3: most of its tokens in the same order."""
    if definition.tokens < floor:
        return None
    alike = [
        pair
        for pair in view.near(form)
        if _comparable(view, definition, pair[0]) and pair[0].body != judged
    ]
    if not 0 < len(alike) < MAX_FAMILY:
        return None
    # The nearest one; among equally near ones the one that should stay.
    ranked = _ranked(view)
    best, score = min(alike, key=lambda pair: (-round(pair[1], 2), ranked(pair[0])))
    reason = (
        f"`{definition.qualified}` is nearly the same ({score:.0%}) as {_named(best)}; "
        "one with a parameter may serve both."
    )
    return Finding("T3", definition, best, score, reason)


_REASONS = {
    "T1": "`{ours}` does the same, statement by statement, as {other}.",
    "T2": "`{ours}` is the same as {other}, but for the values of literals.",
}


def _named(best: Definition) -> str:
    return f"`{best.qualified}` in {best.place}"


def _same_name_reason(view: View, best: Definition) -> str:
    return f"{view.module(best.path)} already has a {best.kind} named `{best.name}` ({best.place})."


def _bodies(view: View, definition: Definition) -> list[Definition]:
    found = view.with_body(definition.body) if definition.body else []
    return [d for d in found if _comparable(view, definition, d)]


def _shapes(view: View, definition: Definition) -> list[Definition]:
    found = view.with_shape(definition.shape) if definition.shape else []
    return [d for d in found if _comparable(view, definition, d)]


def _twins(view: View, definition: Definition) -> list[Definition]:
    return [d for d in view.tops(definition.name) if _namesake(definition, d)]


def exempt(definition: Definition) -> bool:
    """Definitions that are meant to be alike, or say too little to compare."""
    return (
        definition.kind in ("constant", "type")
        or definition.generated
        or definition.contract
        or (definition.trivial and definition.kind != "class")
        or _DUNDER.match(definition.name) is not None
        or _constructs(definition)
        or any(_OVERLOAD.search(decorator) for decorator in definition.decorators)
        or _MIGRATION.search(definition.path) is not None
        or _COMPATIBILITY.search(definition.path) is not None
        or _built(definition.path)
    )


def _built(path: str) -> bool:
    if not built(path):
        return False
    language = language_of(path)
    return language is not None and FAMILIES.get(language.name) == _ECMASCRIPT


def _constructs(definition: Definition) -> bool:
    """True for constructors: each class has its own."""
    owner = definition.qualified.split(".")[-2:-1]
    return definition.kind == "method" and definition.name in ("constructor", *owner)


def _comparable(view: View, definition: Definition, other: Definition) -> bool:
    """True where `other` could stand in for `definition`."""
    return (
        (other.path, other.start, other.qualified)
        != (definition.path, definition.start, definition.qualified)
        and not exempt(other)
        and (definition.test or not other.test)
        and _one_language(definition.path, other.path)
        # A method cannot be imported, and a helper inside a function cannot be reached.
        and (other.kind == definition.kind or other.module_level)
        and not (other.local and other.path != definition.path)
        and not _overrides(definition, other)
        and not _uncalled(other)
        and not (_interlaced(definition, other) and _in_one_text(view, definition, other))
    )


def _in_one_text(view: View, definition: Definition, other: Definition) -> bool:
    """False where places cannot be compared: another session proposes a text of the same file."""
    return other.path != definition.path or not view.only_proposed(other)


def _interlaced(definition: Definition, other: Definition) -> bool:
    """True where one holds the other, or is its alternative."""
    return (
        _alternatives(definition, other)
        or _encloses(other, definition)
        or _encloses(definition, other)
    )


def _alternatives(definition: Definition, other: Definition) -> bool:
    """True where the two stand in different branches of one file, or in files that are such.

    What one platform has is alike in all programs, and none can call what another's build leaves
    out.
    """
    if PLATFORM in definition.branch or PLATFORM in other.branch:
        return True
    if other.path != definition.path:
        return other.branch[:1] == (WHOLE_FILE,)
    return bool(other.branch and definition.branch) and other.branch != definition.branch


def _one_language(path: str, other: str) -> bool:
    """True where one could be used from the other, and is not the other's translation."""
    if of_platforms(path, other):
        return False
    ours, theirs = language_of(path), language_of(other)
    if ours is None or theirs is None or other.endswith(".pyi"):
        return False
    family = FAMILIES.get(ours.name, ours.name)
    if family != FAMILIES.get(theirs.name, theirs.name):
        return False
    if family == _ECMASCRIPT and path != other and of_one_source(path, other):
        return False
    # `a.js` beside `a.ts` is what a compiler made of it, wherever the two lie.
    (stem, suffix), (other_stem, other_suffix) = _parts(path), _parts(other)
    if stem == other_stem:
        return suffix == other_suffix
    return ours.is_variant.sub("", stem) != ours.is_variant.sub("", other_stem)


def _parts(path: str) -> tuple[str, str]:
    """A file's name without the suffix, and that suffix."""
    stem, _, suffix = path.rpartition("/")[2].rpartition(".")
    for more in (".d", ".min"):
        if stem.endswith(more):
            return stem.removesuffix(more), f"{more}.{suffix}"
    return stem, suffix


def _overrides(definition: Definition, other: Definition) -> bool:
    """True for two of one name that serve two purposes: methods of two classes, overloads."""
    if definition.name != other.name:
        return False
    language = language_of(definition.path)
    compiled = language is not None and not language.overwrites
    if (definition.path, definition.qualified) == (other.path, other.qualified):
        # Where a compiler keeps them apart, those of one scope are overloads.
        return compiled
    if definition.kind == other.kind == "method":
        return True
    # Where only one can be linked, two of a name belong to two programs, or to two platforms.
    return (
        language is not None
        and language.one_name
        and definition.qualified == other.qualified
        and not (definition.private or other.private)
    )


def _namesake(definition: Definition, other: Definition) -> bool:
    return (
        other.path != definition.path
        and other.kind == definition.kind
        and not _extends(definition, other)
        and _importable(other)
        and not other.test
        and not exempt(other)
        and _one_language(definition.path, other.path)
    )


def _uncalled(definition: Definition) -> bool:
    """True for what nobody but the language itself can call, such as `init` in Go."""
    language = language_of(definition.path)
    return (
        definition.kind == "function"
        and language is not None
        and language.is_uncalled.match(definition.name) is not None
    )


def _extends(definition: Definition, other: Definition) -> bool:
    """True where one class is made of the other, `class Message(base.Message)`."""
    again = re.compile(rf"\b{re.escape(definition.name)}\b.*\b{re.escape(definition.name)}\b")
    return any(again.search(d.signature) for d in (definition, other))


def _importable(definition: Definition) -> bool:
    language = language_of(definition.path)
    return (
        definition.module_level
        and (
            definition.kind == "function"
            or (definition.kind == "class" and language is not None and not language.reopens)
        )
        and not definition.branch
        and definition.name not in _EVERYWHERE
    )


def _encloses(outer: Definition, inner: Definition) -> bool:
    return outer.path == inner.path and outer.start <= inner.start and inner.end <= outer.end


def _redefines(later: Definition, earlier: Definition, text: str) -> bool:
    """True where decorators say that both are wanted: overloads, setters, registrations."""
    if not (later.decorators or earlier.decorators):
        return False
    own, overloads = later.name + ".", overload_names(text)
    if any(
        _OVERLOAD.search(decorator) or decorator.startswith(own) or decorator in overloads
        for decorator in (*later.decorators, *earlier.decorators)
    ):
        return True
    language = language_of(earlier.path)
    if language is not None and language.is_test_name.match(earlier.name):
        # A runner finds it by its name, whoever wraps it.
        return False
    return any(registers(decorator, text) for decorator in earlier.decorators)


def _accessor(definition: Definition) -> str:
    """What makes it another one than its namesake: `get`, `static`, `self.`, a table."""
    found = _ACCESSOR.match(definition.signature)
    return found.group().replace(":", ".") if found else ""


def _mentions(between: bytes, name: str) -> bool:
    return re.search(rb"\b" + re.escape(name.encode()) + rb"\b", between) is not None


def _goes_first(view: View, canonical: Definition, definition: Definition) -> bool:
    """True where it is the other one of the two that should go."""
    ranked = _ranked(view)
    return ranked(canonical) > ranked(definition)


_Rank = tuple[bool, bool, bool, bool, int, int, str, int]


def _ranked(view: View) -> Callable[[Definition], _Rank]:
    """The canonical one has the least: no test or example, public, at module level, much used.

    Who wrote it first is not asked: blame takes git longer than anyone who types would wait, and
    the editor and the command line have to name the same one.
    """

    def rank(definition: Definition) -> _Rank:
        return (
            definition.test,
            beside(definition.path),
            definition.private,
            not definition.module_level,
            -view.users(definition.name),
            definition.path.count("/"),
            definition.path,
            definition.start,
        )

    return rank
