"""What is said when a session goes in circles: to the model, and to the person who takes over.

Owns the words. Every sentence is made of steps that were taken; nothing is guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LOOKED_BACK = 12
_SHOWN = 3
_WIDE = 60
_LONG = 160

_SEEN = {
    "repetition": "the same step with the same result, again and again",
    "cycle": "the same few steps in turn, each with the result it had before",
    "same failure": "the same check fails in the same way after every change",
    "same result": "the same answer whatever was tried",
    "few errors": "one failure after the other, and always the same few",
    "stalled": "nothing in the last rounds was new",
    "text loop": "the same thought in nearly the same words, and no step taken",
}
_COULD = {
    "same failure": "look at that failure yourself, or reply what the check really needs",
    "same result": "reply where it should look instead, or put right what stands in its way",
    "few errors": "put right what the failures name, or reply how to do without it",
    "text loop": "reply which step it should take first",
}
_ANYWAY = "reply what it should do instead"


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it was taken."""

    tool: str
    arguments: Mapping[str, Any]
    observation: str
    error: bool


def to_model(kind: str, steps: Sequence[Step]) -> str:
    """The nudge."""
    done = f" ({_tried(steps, kind)})" if steps and kind != "text loop" else ""
    return (
        f"You have done this before: {_SEEN[kind]}{done}. More of it will not help. Choose another "
        "way, or call `finish` with what you know."
    )


def to_person(kind: str, steps: Sequence[Step], *, proposed: bool = False) -> str:
    """The hand-over: what was tried, what is known, what can be done.

    Args:
        kind: What was seen.
        steps: All that were taken, the last ones last.
        proposed: Whether there is a proposal that could be taken as it is.
    """
    said = [f"The agent is stuck: {_SEEN[kind]}."]
    if steps:
        said.append(f"It tried {_tried(steps, kind)}.")
        known = _first_line(steps[-1].observation)
        if known:
            word = "The last failure was" if steps[-1].error else "What it last saw was"
            said.append(f"{word}: {known}")
    could = _COULD.get(kind, _ANYWAY)
    take = ", take the proposal as it stands," if proposed else ""
    said.append(f"Everything so far is kept: {could}{take} or resume to let it try again.")
    return " ".join(said)


def _tried(steps: Sequence[Step], kind: str) -> str:
    """The steps most often taken of late, with how often."""
    looked = 1 if kind == "repetition" else _SHOWN
    counts = Counter(_described(step) for step in steps[-_LOOKED_BACK:])
    words = [
        f"{name} ({count} times)" if count > 1 else name
        for name, count in counts.most_common(looked)
    ]
    rest = len(counts) - len(words)
    if rest and kind != "repetition":
        words.append(f"{rest} more like these")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _described(step: Step) -> str:
    """`read_file src/app.py`: the tool and what it was given first."""
    values = [str(v) for k, v in step.arguments.items() if k != "reason" and str(v).strip()]
    given = str(step.arguments.get("path") or (values[0] if values else ""))
    given = " ".join(given.split())
    given = given if len(given) <= _WIDE else f"{given[: _WIDE - 1]}…"
    return f"`{step.tool} {given}`" if given else f"`{step.tool}`"


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = line if len(line) <= _LONG else f"{line[: _LONG - 1]}…"
    return line if not line or line[-1] in ".!?…" else f"{line}."
