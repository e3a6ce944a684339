"""A session's texts moved along with the person's: before a round, so that the model sees what is.

Owns what becomes of a proposal whose files have changed underneath it, and what the model is told
of that. Pure; the loop keeps the outcome in the journal.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.proposals.changes import split_lines
from steadyhand_agent.proposals.hunks import PENDING, forward
from steadyhand_agent.proposals.plan import Read, plan_file
from steadyhand_agent.session import SessionState

Json = dict[str, Any]


def rebased(state: SessionState, read: Read, left: str = "") -> Json | None:
    """The `rebased` record that brings a session's texts up to date; None where they are.

    Args:
        state: The session's.
        read: The text of a file as it is now.
        left: The branch that the person has just left; a file of which nothing fits here waits
            there.
    """
    numbered, _ = state.numbered()
    files: dict[str, Json | None] = {}
    told: list[str] = []
    for path, base in state.bases.items():
        hunks = numbered.get(path, [])
        now, why = _now(read, path)
        if why == "" and now == base and all(hunk.mark in PENDING for hunk in hunks):
            continue
        new = state.texts[path]
        lines = split_lines(new or "")
        pending = [forward(hunk, lines) for hunk in hunks if hunk.mark in PENDING]
        carried = plan_file(path, base, new, pending, read)
        files[path] = (
            {"base": carried.now, "new": carried.after}
            if carried.done and carried.now != carried.after
            else None
        )
        rejected = [hunk.id for hunk in hunks if hunk.mark == "rejected"]
        told.append(_told(path, carried.sentence(), now != base, rejected, files[path] is not None))
    for path, (base, new) in state.parked.get(state.branch, {}).items():
        now, why = _now(read, path)
        if path not in state.texts and why == "" and now == base:
            files[path] = {"base": base, "new": new}
            told.append(f"Your edit of `{path}` from before on this branch is back.")
    back, turned = _turned(state)
    told += turned
    if not files and not turned:
        return None
    note = " ".join(["While you worked the person's files moved on.", *filter(None, told)])
    return {"files": files, "note": note, "left": left, "back": back}


def _turned(state: SessionState) -> tuple[list[str], list[str]]:
    """The applied hunks that were taken back, and what the model was not told of that yet."""
    marks = {hunk.id: (hunk.mark, p.path) for p in state.applied for hunk in p.hunks}
    back = [id for id, (mark, _) in marks.items() if mark == "reverted"]
    gone = Counter(marks[id][1] for id in back if id not in state.taken_back)
    again = Counter(
        path for id, (mark, path) in marks.items() if mark == "applied" and id in state.taken_back
    )
    return back, [
        *(f"The person undid {_edits(n)} of yours in `{path}`." for path, n in gone.items()),
        *(f"The person redid {_edits(n)} of yours in `{path}`." for path, n in again.items()),
    ]


def _edits(count: int) -> str:
    return "an edit" if count == 1 else f"{count} edits"


def _now(read: Read, path: str) -> tuple[str | None, str]:
    try:
        return read(path), ""
    except SteadyhandError as error:
        return None, str(error)


def _told(path: str, lost: str, changed: bool, rejected: list[str], kept: bool) -> str:
    parts: list[str] = []
    if lost:
        parts.append(f"{lost} Your edit there is dropped; read the file before you edit it again.")
    elif changed:
        what = "your other edits are carried over" if kept else "nothing of yours is open there"
        parts.append(f"`{path}` was changed, or edits of yours were applied; {what}.")
    if rejected:
        count = _edits(len(rejected))
        parts.append(f"The person rejected {count} in `{path}`; do not make them again.")
    return " ".join(parts)
