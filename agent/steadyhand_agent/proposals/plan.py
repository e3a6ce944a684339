"""What would be written: a session's hunks, carried onto the texts as they are now.

Owns the decision which hunks can be applied or taken back, and what that makes of each file. Pure:
it reads through a function that is handed in and writes nothing; the Editor port does that, after
consent, and compares afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.proposals.changes import FileChange, split_lines
from steadyhand_agent.proposals.hunks import Hunk, Mark, Patch, forward
from steadyhand_agent.proposals.merge import Change, carry, matching

# The text of a file as it is now: the open document, else the disk; None where there is no file.
# Raises SteadyhandError where there is something that is no text, or that must not be read.
Read = Callable[[str], "str | None"]


@dataclass(slots=True)
class FilePlan:
    """What would become of one file.

    Attributes:
        path: Workspace path.
        now: Its text as it is; None where there is no file.
        after: Its text with the hunks that fit.
        done: Hunks that would be written.
        there: Hunks that stand there already.
        conflicts: Hunks whose lines are others by now.
        places: The lines of `now` that each hunk is about, first and one past the last.
        why: Why nothing fits, where that is one reason for all of the file.
    """

    path: str
    now: str | None
    after: str | None
    done: list[str] = field(default_factory=list[str])
    there: list[str] = field(default_factory=list[str])
    conflicts: list[str] = field(default_factory=list[str])
    places: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    why: str = ""

    @property
    def change(self) -> FileChange | None:
        """What has to be written, if anything."""
        return FileChange(self.path, self.now, self.after) if self.now != self.after else None

    def sentence(self) -> str:
        """Why some of it cannot be written, for a person; empty where all of it can."""
        if self.why:
            return self.why
        spans = sorted(self.places[hunk] for hunk in self.conflicts)
        if not spans:
            return ""
        lines = ", ".join(str(a + 1) if b <= a + 1 else f"{a + 1}-{b}" for a, b in spans)
        return f"{self.path} was changed on the same lines since (line {lines})."


def plan_file(
    path: str,
    base: str | None,
    new: str | None,
    changes: Sequence[Change],
    read: Read,
) -> FilePlan:
    """What would become of a file by some of the changes between two texts.

    Args:
        path: Workspace path.
        base: What the changes were made for; None where they make the file.
        new: None where they delete it.
        changes: Of `base`; of a file that comes or goes, the one that says so.
        read: See `Read`.
    """
    ids = [change.id for change in changes]
    try:
        now = read(path)
    except SteadyhandError as error:
        return FilePlan(path, None, None, conflicts=ids, places=_nowhere(ids), why=str(error))
    if base is None or new is None:
        return _whole(path, base, new, ids, now)
    if now is None:
        why = f"{path} is gone since; put it back, then try again."
        return FilePlan(path, None, None, conflicts=ids, places=_nowhere(ids), why=why)
    carried = carry(base, changes, now)
    return FilePlan(
        path, now, carried.text, carried.done, carried.there, carried.conflicts, carried.places
    )


def _whole(
    path: str, base: str | None, new: str | None, ids: list[str], now: str | None
) -> FilePlan:
    """A file that comes or goes, which is all or nothing."""
    places = _all_of(ids, now)
    if now == new:
        return FilePlan(path, now, now, there=ids, places=places)
    if now == base:
        return FilePlan(path, now, new, done=ids, places=places)
    why = (
        f"There is a file {path} by now, with another text."
        if base is None
        else f"{path} was to go, and holds another text by now."
    )
    return FilePlan(path, now, now, conflicts=ids, places=places, why=why)


def _all_of(ids: Sequence[str], now: str | None) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(ids, (0, len(split_lines(now or ""))))


def _nowhere(ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(ids, (0, 0))


# --- applying ---


def plan_apply(
    texts: Mapping[str, tuple[str | None, str | None]],
    hunks: Mapping[str, Sequence[Hunk]],
    chosen: Collection[str],
    read: Read,
) -> list[FilePlan]:
    """What applying some hunks would write.

    A file that moves is written under its new name and taken away under its old one, or neither.

    Args:
        texts: Base and new text by path.
        hunks: By path.
        chosen: Their ids.
        read: See `Read`.
    """
    plans: list[FilePlan] = []
    for path, listed in hunks.items():
        base, new = texts[path]
        lines = split_lines(new or "")
        wanted = [forward(hunk, lines) for hunk in listed if hunk.id in chosen]
        if wanted:
            plans.append(plan_file(path, base, new, wanted, read))
    failed = {hunk for plan in plans for hunk in plan.conflicts}
    for plan in plans:
        half = [hunk for hunk in plan.done if hunk in failed]
        if half and not plan.conflicts:
            plan.done, plan.conflicts, plan.after = [], half, plan.now
            plan.why = f"{plan.path} is left as it is, since its other name cannot be written."
    return plans


def patch_of(plan: FilePlan, hunks: Sequence[Hunk], new: str | None) -> Patch:
    """What a plan writes, as it is kept for undo: hunks of the text that was there before.

    What stood there already is none of our doing, and is not in it.

    Args:
        plan: What is about to be written.
        hunks: The file's hunks.
        new: The text they lead to in the proposal.
    """
    mine = {hunk.id: hunk for hunk in hunks}
    whole = plan.now is None or plan.after is None
    moved = 0
    found: list[Hunk] = []
    for id in sorted(plan.done, key=lambda id: plan.places[id]):
        hunk = mine[id]
        first, end = plan.places[id]
        size = len(split_lines(new or "")) if whole else hunk.new_end - hunk.new_first
        place = {"first": first, "end": end, "new_first": first + moved}
        place["new_end"] = first + moved + size
        found.append(hunk.model_copy(update={**place, "mark": "open", "edited": False}))
        moved += size - (end - first)
    return Patch(path=plan.path, base=plan.now, new=plan.after, hunks=found)


# --- taking back, and bringing back ---


def plan_back(patch: Patch, chosen: Collection[str], read: Read) -> FilePlan:
    """What taking back some hunks of a patch would write; only our own text goes."""
    return _turned(patch, chosen, "applied", "reverted", read)


def plan_again(patch: Patch, chosen: Collection[str], read: Read) -> FilePlan:
    """What bringing back some hunks that were taken back would write."""
    return _turned(patch, chosen, "reverted", "applied", read)


def _turned(patch: Patch, chosen: Collection[str], mark: Mark, to: Mark, read: Read) -> FilePlan:
    ids = [hunk.id for hunk in patch.hunks if hunk.id in chosen and hunk.mark == mark]
    back = to == "reverted"
    if patch.base is None or patch.new is None:
        old, new = (patch.new, patch.base) if back else (patch.base, patch.new)
        plan = plan_file(patch.path, old, new, _entire(ids, old, new), read)
        if back and plan.conflicts and patch.base is None and plan.now is not None:
            return _without_ours(patch, ids, plan.now)
        return plan
    held = patch.holding(["applied"])
    wanted = (
        [change for change in patch.changes(["applied"], back=True) if change.id in ids]
        if back
        else _beside(patch, ids)
    )
    return plan_file(patch.path, held, patch.new, wanted, read)


def _beside(patch: Patch, ids: Collection[str]) -> list[Change]:
    """Hunks that were taken back, as changes of the text that holds those that were not."""
    lines = split_lines(patch.new or "")
    found: list[Change] = []
    moved = 0
    for hunk in sorted(patch.hunks, key=lambda h: (h.first, h.end)):
        change = forward(hunk, lines)
        if hunk.id in ids:
            found.append(Change(hunk.id, hunk.first + moved, hunk.end + moved, change.lines))
        if hunk.mark == "applied":
            moved += len(change.lines) - (hunk.end - hunk.first)
    return found


def _entire(ids: Sequence[str], old: str | None, new: str | None) -> list[Change]:
    size = len(split_lines(old or ""))
    return [Change(id, 0, size, tuple(split_lines(new or ""))) for id in ids]


def _without_ours(patch: Patch, ids: list[str], now: str) -> FilePlan:
    """A file that we made and the person went on with: what they put in stays, ours goes."""
    ours, lines = split_lines(patch.new or ""), split_lines(now)
    places = _all_of(ids, now)
    own = matching(ours, lines)
    if sum(size for _, _, size in own) < len(ours):
        why = f"{patch.path} was edited since; it was left as it is."
        return FilePlan(patch.path, now, now, conflicts=ids, places=places, why=why)
    gone = {at + n for _, at, size in own for n in range(size)}
    kept = "".join(line for number, line in enumerate(lines) if number not in gone)
    return FilePlan(patch.path, now, kept, done=ids, places=places)
