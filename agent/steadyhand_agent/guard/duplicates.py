"""The duplicate guard: what a new text defines is looked up before the overlay takes it.

Owns which duplicates are refused always, which once, and the words that send the model to the
definition that exists. Never changes a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from steadyhand_agent.actions import Permit, Refuse
from steadyhand_agent.index.definitions import Definition, Finding
from steadyhand_agent.index.findings import duplicates_of, overwritten
from steadyhand_agent.index.likeness import described_like
from steadyhand_agent.index.redefined import redefined
from steadyhand_agent.index.store import View, indexed
from steadyhand_agent.workspace import utf8

# More than three places at once are noise to a model as they are to a person.
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """A text before and after an edit that has not been taken yet."""

    path: str
    old: str
    new: str


def introduced(edit: Edit) -> list[Definition]:
    """The definitions that the edit adds, or whose body it changes."""
    left = Counter((d.qualified, d.kind, d.body) for d in indexed(edit.path, edit.old).definitions)
    new: list[Definition] = []
    for definition in indexed(edit.path, edit.new).definitions:
        key = (definition.qualified, definition.kind, definition.body)
        left[key] -= 1
        # Below zero: there are more of it than before, so the last ones are new.
        if left[key] < 0:
            new.append(definition)
    return new


def check(
    edit: Edit,
    view: View,
    body_of: Callable[[Definition], str],
    refused: list[str],
    reason: str,
) -> Permit | Refuse:
    """Judges one edit.

    Args:
        edit: The text before and after.
        view: The index with the session's overlay on top, `edit.new` included.
        body_of: Gives the first lines of a definition, to show the model.
        refused: What this session was refused before.
        reason: The model's reason to define it all the same; empty where it gave none.
    """
    new = introduced(edit)
    starts = {d.start for d in new}
    standing = view.definitions(edit.path)
    twice = [
        f
        for f in (*overwritten(standing, edit.new), *redefined(standing, edit.new, starts))
        if f.definition.start in starts or f.canonical.start in starts
    ]
    if twice:
        return Refuse(
            "Refused: "
            + " ".join(f.reason for f in twice[:SHOWN])
            + " Change the existing definition instead of adding another.",
            "duplicate",
        )
    known = {(d.qualified, d.kind) for d in indexed(edit.path, edit.old).definitions}
    # A name that stood here before the edit is no new clash of names.
    found = [
        finding
        for definition in new
        for finding in duplicates_of(view, definition, edit.new)
        if finding.tier != "T0x" or (definition.qualified, definition.kind) not in known
    ]
    if not found:
        return Permit(note=_note(new, view, edit))
    keys = tuple(_key(f) for f in found)
    if reason.strip() and all(key in refused for key in keys):
        return Permit(
            tuple(
                f"Duplicate accepted: `{f.definition.qualified}` beside `{f.canonical.qualified}` "
                f"({f.canonical.place}), because: {reason.strip()}"
                for f in found
            )
        )
    parts = [_sentence(f, view, body_of) for f in found[:SHOWN]]
    if len(found) > SHOWN:
        parts.append(f"({len(found) - SHOWN} more of the same kind are not shown.)")
    parts.append(
        "Use what exists. Only if it truly cannot serve, send the same edit again with "
        "`duplicate_reason` saying why."
    )
    return Refuse("Refused: " + "\n".join(parts), "duplicate", keys)


def _note(new: list[Definition], view: View, edit: Edit) -> str:
    """What may do the same though it is written differently (T4): a hint, never a refusal."""
    data = utf8(edit.new)
    lines: list[str] = []
    for definition in new:
        text = data[definition.start : definition.end].decode("utf-8", "replace")
        for like in described_like(view, definition, text):
            line = view.import_line(like, edit.path)
            if view.only_proposed(like):
                lines.append(
                    f"`{like.signature}`, which another session proposes in {like.place} and "
                    f"nobody has applied yet, may do what `{definition.name}` does."
                )
                continue
            lines.append(
                f"`{like.signature}` in {like.place} may already do what `{definition.name}` does"
                f"{f' (`{line}`)' if line else ''}; read it, and use it instead if it does."
            )
    return "Note: " + "\n".join(lines[:SHOWN]) if lines else ""


def _key(finding: Finding) -> str:
    return f"{finding.definition.qualified}={finding.canonical.path}:{finding.canonical.qualified}"


def _sentence(finding: Finding, view: View, body_of: Callable[[Definition], str]) -> str:
    canonical = finding.canonical
    line = view.import_line(canonical, finding.definition.path)
    use = (
        "It can be called as it is."
        if canonical.path == finding.definition.path
        else f"It is a {canonical.kind} of what you get with `{line}`."
        if line and not canonical.module_level
        else f"It is a {canonical.kind} there."
        if not canonical.module_level
        else f"Import it with `{line}`."
        if line
        else "It can be used without an import."
    )
    if view.only_proposed(canonical):
        use = f"Another session proposes it, and it is not applied yet. {use}"
    return (
        f"{finding.reason} {canonical.place} `{canonical.signature}`. {use}\n{body_of(canonical)}"
    )
