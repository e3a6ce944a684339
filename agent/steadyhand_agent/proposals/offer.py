"""A proposal as a person sees it: on the texts as they are now, hunk by hunk.

Owns what is shown: both texts of each file, the hunks with their rounds and reasons, what the guard
remarked, what no longer fits, and what another session would change in the same lines. Pure and
read only; the texts move on, so it holds for the moment of the look alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.proposals import plan
from steadyhand_agent.proposals.changes import FileChange, Proposal, split_lines
from steadyhand_agent.proposals.hunks import PENDING, Hunk, Mark, Patch, forward, kind_of
from steadyhand_agent.proposals.plan import FilePlan, Read
from steadyhand_agent.proposals.standing import differing, stands
from steadyhand_agent.session import SessionState
from steadyhand_agent.workspace import text_hash

Json = dict[str, Any]
_CONTEXT = 3


class Reading:
    """Reads each file once: one look at a proposal is at one state of the files."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._texts: dict[str, str | SteadyhandError | None] = {}

    def known(self, path: str) -> str | SteadyhandError | None:
        """The text, or why there is none to be read."""
        if path not in self._texts:
            try:
                self._texts[path] = self._read(path)
            except SteadyhandError as error:
                self._texts[path] = error
        return self._texts[path]

    def __call__(self, path: str) -> str | None:
        """The text; see `Read`."""
        found = self.known(path)
        if isinstance(found, SteadyhandError):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class Shown:
    """A hunk as it is shown.

    Attributes:
        hunk: It, with its mark as of now.
        kind: What it does to its file.
        path: The file; of one that moves, its new name.
        source: The old name of one that moves.
        old, new: The lines that go and the lines that come.
        place: The lines of the file as it is that it is about, first and one past the last.
        now: What stands in its place, where that is neither.
        reasons: Why the rounds that made it say they did.
        remarks: What the guard remarked upon the edits of those rounds to this file.
        overlaps: Other sessions that would change the same lines.
    """

    hunk: Hunk
    kind: str
    path: str
    old: str
    new: str
    place: tuple[int, int]
    source: str = ""
    now: str | None = None
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """For the wire; lines are counted from 0."""
        hunk = self.hunk
        return {
            "id": hunk.id,
            "path": self.path,
            "source": self.source or None,
            "kind": self.kind,
            "state": hunk.mark,
            "edited": hunk.edited,
            "first": self.place[0],
            "end": self.place[1],
            "old": self.old,
            "new": self.new,
            "now": self.now,
            "rounds": hunk.rounds,
            "reasons": list(self.reasons),
            "remarks": list(self.remarks),
            "overlaps": list(self.overlaps),
        }


@dataclass(slots=True)
class FileOffer:
    """One file of a proposal.

    Attributes:
        path: Workspace path.
        base: Its text as it is now; None where there is no file.
        proposed: Its text with what is pending and fits; None where it would go.
        hunks: All of them, in the order of the file.
        remarks: What the guard remarked, and why something no longer fits.
    """

    path: str
    base: str | None
    proposed: str | None
    hunks: list[Shown]
    remarks: list[str]

    def as_json(self) -> Json:
        """For the wire, without the texts."""
        return {
            "path": self.path,
            "kind": kind_of(self.base, self.proposed),
            "base_hash": text_hash(self.base) if self.base is not None else None,
            "hunks": [shown.hunk.id for shown in self.hunks],
            "remarks": self.remarks,
        }


@dataclass(slots=True)
class Offer:
    """Everything that a session proposes or has applied."""

    session: str
    state: str
    summary: str
    files: list[FileOffer] = field(default_factory=list[FileOffer])

    def proposal(self) -> Proposal:
        """What is pending, as changes of the texts as they are."""
        changes = tuple(
            FileChange(file.path, file.base, file.proposed)
            for file in self.files
            if file.base != file.proposed
        )
        remarks = {file.path: tuple(file.remarks) for file in self.files if file.remarks}
        return Proposal(self.session, changes, self.summary, remarks)

    def hunks(self) -> list[Shown]:
        """Every hunk once; one that moves a file stands under the new name."""
        moved = {s.hunk.id for f in self.files for s in f.hunks if s.kind == "rename"}
        return [
            shown
            for file in self.files
            for shown in file.hunks
            if shown.kind == "rename" or shown.hunk.id not in moved
        ]

    def diff(self) -> str:
        """The unified diff, a piece a hunk; the head of each names its hunk and its state."""
        lines: list[str] = []
        for file in self.files:
            pending = [s for s in file.hunks if s.hunk.mark in PENDING or s.hunk.mark == "rejected"]
            if not pending:
                continue
            lines += [f"# {' '.join(remark.split())}\n" for remark in file.remarks]
            gone, come = file.base is None, file.proposed is None
            lines.append("--- /dev/null\n" if gone else f"--- a/{file.path}\n")
            lines.append("+++ /dev/null\n" if come else f"+++ b/{file.path}\n")
            now = split_lines(file.base or "")
            moved = 0
            for number, shown in enumerate(pending):
                before = pending[number - 1].place[1] if number else 0
                after = pending[number + 1].place[0] if number + 1 < len(pending) else len(now)
                lines += _piece(shown, now, before, after, moved)
                if shown.hunk.mark in ("open", "accepted"):
                    moved += len(split_lines(shown.new)) - (shown.place[1] - shown.place[0])
        return "".join(lines)


def _piece(shown: Shown, now: Sequence[str], before: int, after: int, moved: int) -> list[str]:
    """One hunk of the diff; its context ends where its neighbours begin."""
    first, end = shown.place
    # Several conflicts may be about the same lines; then none is the other's neighbour.
    start = min(first, max(before, first - _CONTEXT))
    stop = max(end, min(after, end + _CONTEXT))
    new = split_lines(shown.new)
    old_size, new_size = stop - start, stop - start - (end - first) + len(new)
    old_at = start + 1 if old_size else start
    new_at = start + moved + (1 if new_size else 0)
    told = f"{shown.hunk.id} {shown.hunk.mark}"
    if shown.hunk.rounds:
        told += f", round {', '.join(map(str, shown.hunk.rounds))}"
    if shown.source:
        told += f", moved from {shown.source}"
    for other in shown.overlaps:
        told += f"; session {other} would change the same lines"
    out = [f"@@ -{old_at},{old_size} +{new_at},{new_size} @@ {told}\n"]
    for sign, part in (
        (" ", now[start:first]),
        ("-", now[first:end]),
        ("+", new),
        (" ", now[end:stop]),
    ):
        for line in part:
            out.append(sign + line)
            if not line.endswith("\n"):
                out.append("\n\\ No newline at end of file\n")
    return split_lines("".join(out))


def offer(
    state: SessionState, read: Read, others: Mapping[str, SessionState] | None = None
) -> Offer:
    """What a session proposes and has applied, on the texts as they are now.

    Args:
        state: The session's.
        read: The text of a file as it is.
        others: Sessions whose proposals may come as well, by id.
    """
    found = Offer(state.id, state.state, state.summary)
    files, _ = state.numbered()
    now: dict[str, tuple[Mark, bool]] = {
        hunk.id: (hunk.mark, hunk.edited) for patch in state.applied for hunk in patch.hunks
    }
    now |= differing(state, read)
    # What was being written when that ended unheard, or comes late, stands there or it does not.
    written = stands(state.writing, read)
    now |= {id: mark for id, mark in written.items() if mark == ("applied", False)}
    reasons = _reasons(state)
    theirs = {
        id: planned for id, other in (others or {}).items() if (planned := _planned(other, read))
    }
    for path in sorted(files):
        found.files.append(_file(state, path, files, read, now, reasons, theirs))
    by_path = {file.path: file for file in found.files}
    for patch in state.applied:
        file = by_path.get(patch.path)
        if file is None:
            text = _text(read, patch.path)
            file = by_path[patch.path] = FileOffer(patch.path, text, text, [], [])
            found.files.append(file)
        file.hunks = _with_patch(file.hunks, patch, read, now, reasons)
    found.files.sort(key=lambda file: file.path)
    return found


def _file(
    state: SessionState,
    path: str,
    files: Mapping[str, Sequence[Hunk]],
    read: Read,
    now: Mapping[str, tuple[Mark, bool]],
    reasons: Mapping[int, str],
    theirs: Mapping[str, Mapping[str, FilePlan]],
) -> FileOffer:
    hunks = files[path]
    if path not in state.texts:
        # Its base stayed on another machine, and the file here is another one.
        lost = [Shown(hunk, "edit", path, "", "", (0, 0)) for hunk in hunks]
        return FileOffer(path, None, None, lost, [f"{path} is another file on this machine."])
    base, new = state.bases[path], state.texts[path]
    old_lines, new_lines = split_lines(base or ""), split_lines(new or "")
    current = [
        h.model_copy(update=dict(zip(("mark", "edited"), now[h.id], strict=True)))
        if h.id in now
        else h
        for h in hunks
    ]
    pending = [h for h in current if h.mark in PENDING]
    planned = plan.plan_file(path, base, new, [forward(h, new_lines) for h in pending], read)
    left_out = [h for h in current if h.mark not in PENDING]
    places = dict(planned.places)
    if left_out:
        where = plan.plan_file(path, base, new, [forward(h, new_lines) for h in left_out], read)
        places = where.places | places
    current_lines = split_lines(planned.now or "")
    source = _source(state, path, hunks, files)
    shown: list[Shown] = []
    for hunk in current:
        mark = "conflict" if hunk.id in planned.conflicts else hunk.mark
        place = places.get(hunk.id, (0, 0))
        stands = "".join(current_lines[place[0] : place[1]]) if mark == "conflict" else None
        shown.append(
            Shown(
                hunk.model_copy(update={"mark": mark}),
                "rename" if source else kind_of(base, new),
                path,
                "".join(old_lines[hunk.first : hunk.end]),
                "".join(new_lines[hunk.new_first : hunk.new_end]),
                place,
                source,
                stands,
                tuple(reasons[n] for n in hunk.rounds if n in reasons),
                _remarks(state, path, hunk),
                _overlapping(path, place, theirs) if mark in PENDING else (),
            )
        )
    remarks = list(state.remarked(path))
    if planned.conflicts:
        remarks.append(planned.sentence())
    beside = dict.fromkeys(other for one in shown for other in one.overlaps)
    remarks += [f"Session {id} would change the same lines." for id in beside]
    return FileOffer(path, planned.now, planned.after, shown, remarks)


def _source(
    state: SessionState,
    path: str,
    hunks: Sequence[Hunk],
    files: Mapping[str, Sequence[Hunk]],
) -> str:
    """The old name of a file that moves."""
    if state.bases.get(path, "") is not None or not hunks:
        return ""
    return next(
        (
            other
            for other, listed in files.items()
            if other != path and listed and listed[0].id == hunks[0].id
        ),
        "",
    )


def _with_patch(
    shown: Sequence[Shown],
    patch: Patch,
    read: Read,
    now: Mapping[str, tuple[Mark, bool]],
    reasons: Mapping[int, str],
) -> list[Shown]:
    """The hunks of a file with those that were applied: where they stand now, each once."""
    marks = {hunk.id: now[hunk.id] for hunk in patch.hunks}
    hunks = [
        hunk.model_copy(update={"mark": marks[hunk.id][0], "edited": marks[hunk.id][1]})
        for hunk in patch.hunks
    ]
    stood = patch.model_copy(update={"hunks": hunks})
    places = {
        **plan.plan_back(stood, list(marks), read).places,
        **plan.plan_again(stood, list(marks), read).places,
    }
    old, new = split_lines(patch.base or ""), split_lines(patch.new or "")
    found = {one.hunk.id: one for one in shown}
    for hunk in hunks:
        place = places.get(hunk.id, (hunk.new_first, hunk.new_end))
        known = found.get(hunk.id)
        if known is not None:
            found[hunk.id] = dataclasses.replace(known, place=place)
            continue
        found[hunk.id] = Shown(
            hunk,
            kind_of(patch.base, patch.new),
            patch.path,
            "".join(old[hunk.first : hunk.end]),
            "".join(new[hunk.new_first : hunk.new_end]),
            place,
            reasons=tuple(reasons[n] for n in hunk.rounds if n in reasons),
        )
    return sorted(found.values(), key=lambda one: one.place)


def _text(read: Read, path: str) -> str | None:
    try:
        return read(path)
    except SteadyhandError:
        return None


def _planned(state: SessionState, read: Read) -> dict[str, FilePlan]:
    """Where another session's pending hunks would be written."""
    files, _ = state.numbered()
    found: dict[str, FilePlan] = {}
    for path, hunks in files.items():
        if path not in state.texts:
            continue
        lines = split_lines(state.texts[path] or "")
        pending = [forward(hunk, lines) for hunk in hunks if hunk.mark in PENDING]
        if pending:
            found[path] = plan.plan_file(path, state.bases[path], state.texts[path], pending, read)
    return found


def _overlapping(
    path: str, place: tuple[int, int], theirs: Mapping[str, Mapping[str, FilePlan]]
) -> tuple[str, ...]:
    """The sessions that would change these lines, or put something in right there."""
    return tuple(
        id
        for id, planned in theirs.items()
        if path in planned
        and any(
            first <= place[1] and place[0] <= end for first, end in planned[path].places.values()
        )
    )


def _remarks(state: SessionState, path: str, hunk: Hunk) -> tuple[str, ...]:
    verdicts = [
        verdict for done in state.rounds if done.number in hunk.rounds for verdict in done.verdicts
    ]
    return tuple(said for v in verdicts for said in v.get("remarks", {}).get(path, ()))


def _reasons(state: SessionState) -> dict[int, str]:
    """Why each round says it acted."""
    found: dict[int, str] = {}
    for done in state.rounds:
        said = [
            str(block["input"]["reason"])
            for block in done.blocks
            if block.get("type") == "tool_use"
            and isinstance(block.get("input"), dict)
            and block["input"].get("reason")
        ]
        if said:
            found[done.number] = said[0]
    return found
