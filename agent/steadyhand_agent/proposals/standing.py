"""What stands in the files of what was applied, whoever has touched them since.

Owns the question whether a hunk is there, was taken back, or was edited by hand. It is answered
from the texts, not from what an editor says it did; only where they leave it open does what was
known before hold. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.proposals.changes import split_lines
from steadyhand_agent.proposals.hunks import Mark, Patch, forward
from steadyhand_agent.proposals.merge import Change, carry
from steadyhand_agent.proposals.plan import Read, plan_back, plan_file
from steadyhand_agent.session import SessionState

_OPEN: tuple[Mark, bool] = ("open", False)


def stands(patches: Sequence[Patch], read: Read) -> dict[str, tuple[Mark, bool]]:
    """What became of the hunks of patches: the mark of each, and whether it was edited by hand.

    A hunk is `reverted` where the text it replaced stands there again, whoever brought it back.
    Where neither stands, it is the person's text by now: it counts as applied, and as edited. Each
    is looked at as if the hunks that were applied after it had not been, and in the midst of those
    before it as they stand; where that leaves nothing of it to be seen, it is as it was known.

    Args:
        patches: Oldest first; their hunks' marks say what is known.
        read: See `Read`.
    """
    by_path: dict[str, list[Patch]] = {}
    for patch in patches:
        by_path.setdefault(patch.path, []).append(patch)
    found: dict[str, tuple[Mark, bool]] = {}
    for path, own in by_path.items():
        for id, state in _in_file(own, path, read):
            # Of a file that moves, one half here and one there: it was changed by hand.
            found[id] = state if found.get(id, state) == state else ("applied", True)
    return found


def _in_file(
    patches: Sequence[Patch], path: str, read: Read
) -> Iterator[tuple[str, tuple[Mark, bool]]]:
    """The state of each hunk of one file's patches."""
    try:
        now = read(path)
    except SteadyhandError:
        for hunk in (hunk for patch in patches for hunk in patch.hunks):
            yield hunk.id, ("applied", True)
        return
    then = now
    for number in reversed(range(len(patches))):
        patch = patches[number]
        yield from _standing(patch, patches[:number], then, now).items()
        if number:
            then = _without(patch, "applied", then)


def _standing(
    patch: Patch, earlier: Sequence[Patch], then: str | None, now: str | None
) -> dict[str, tuple[Mark, bool]]:
    """The state of a patch's hunks.

    Args:
        patch: It.
        earlier: Those before it in this file.
        then: The file's text without what was applied after it.
        now: The file's text.
    """
    ids = [hunk.id for hunk in patch.hunks]
    if patch.base is None or patch.new is None:
        gone = patch.base is None and then != patch.new and _nothing_of(patch.new, then)
        back = then == patch.base or gone
        mark: Mark = "reverted" if back else "applied"
        edited = mark == "applied" and (then != patch.new or then != now)
        return dict.fromkeys(ids, (mark, edited))
    if now is None or then is None:
        return dict.fromkeys(ids, ("applied", True))
    base: str | None = patch.base
    for one in reversed(earlier):
        base = _without(one, "reverted", base)
    lines = split_lines(patch.new)
    own = {hunk.id: forward(hunk, lines) for hunk in patch.hunks}
    seen = list(own.values())
    if base != patch.base:
        placed = carry(patch.base, seen, base or "")
        seen = [Change(id, *placed.places[id], own[id].lines) for id in placed.done]
    known: dict[str, tuple[Mark, bool]] = {h.id: (h.mark, h.edited) for h in patch.hunks}
    told = _told(base or "", seen, then, known)
    plain = told if then == now else _told(base or "", seen, now, known)
    now_lines = split_lines(now)
    for id, (mark, edited) in known.items():
        if id in told:
            mark, edited = told[id]
            known[id] = mark, edited or plain[id] != told[id]
        elif mark == "applied" and not _holds(now_lines, own[id].lines):
            # Nothing of it is to be seen, so that it is known is all that can be said.
            known[id] = mark, True
    return known


def _nothing_of(ours: str | None, text: str | None) -> bool:
    """True where a file that we made holds what the person put in, and none of our lines."""
    lines = {line.strip() for line in (ours or "").split("\n")} - {""}
    return text is not None and lines.isdisjoint(line.strip() for line in text.split("\n"))


def _told(
    base: str, changes: Sequence[Change], text: str, known: Mapping[str, tuple[Mark, bool]]
) -> dict[str, tuple[Mark, bool]]:
    """What of some changes stands in a text.

    Where neither the old nor the new lines stand alone, somebody has typed in their midst or right
    beside them: then what is known holds, unless the lines that speak against it are there.
    """
    carried = carry(base, changes, text)
    found: dict[str, tuple[Mark, bool]] = dict.fromkeys(carried.there, ("applied", False))
    found |= dict.fromkeys(carried.done, ("reverted", False))
    was, lines = split_lines(base), split_lines(text)
    for change in changes:
        first, end = carried.places.get(change.id, (0, 0))
        if change.id in carried.done and known[change.id][0] != "reverted" and change.lines:
            # Both may stand side by side, where the person has put the old line there again.
            size = len(change.lines)
            near = lines[max(0, first - size) : end + size]
            before = was[max(0, change.first - size) : change.end + size]
            if _holds(near, change.lines) and not _holds(before, change.lines):
                found[change.id] = ("applied", True)
        if change.id not in carried.conflicts:
            continue
        region = lines[first:end]
        old = _holds(region, was[change.first : change.end])
        new = bool(change.lines) and _holds(region, change.lines)
        undone = known[change.id][0] == "reverted"
        stands = (new and not old) if undone else (new or not old)
        found[change.id] = ("applied", True) if stands else ("reverted", not old)
    return found


def _holds(lines: Sequence[str], run: Sequence[str]) -> bool:
    """True where a run of lines stands among others; nothing stands everywhere."""
    size = len(run)
    return any(list(lines[at : at + size]) == list(run) for at in range(len(lines) - size + 1))


def _without(patch: Patch, mark: Mark, text: str | None) -> str | None:
    """A text without what those hunks of a patch brought that have a mark."""
    chosen = {hunk.id for hunk in patch.hunks if hunk.mark == mark}
    if not chosen:
        return text
    stood = [
        hunk.model_copy(update={"mark": "applied"}) if hunk.id in chosen else hunk
        for hunk in patch.hunks
    ]
    return plan_back(patch.model_copy(update={"hunks": stood}), chosen, lambda _: text).after


def differing(
    state: SessionState, read: Read, only: str | None = None
) -> dict[str, tuple[Mark, bool]]:
    """The hunks that were applied and whose state in the files is another than is known.

    Args:
        state: The session's.
        read: See `Read`.
        only: The one file to look at, and the other name of one that moved.
    """
    patches = state.applied
    if only is not None:
        ids = {hunk.id for patch in patches if patch.path == only for hunk in patch.hunks}
        patches = [p for p in patches if any(hunk.id in ids for hunk in p.hunks)]
    known = {h.id: (h.mark, h.edited) for patch in state.applied for h in patch.hunks}
    changed = {id: now for id, now in stands(patches, read).items() if now != known[id]}
    for path, hunks in state.offered.items():
        if only not in (None, path):
            continue
        # What stood there without our doing may be gone again: then it is open as before.
        stood = [hunk for hunk in hunks if hunk.mark == "applied" and hunk.id not in known]
        if stood and path in state.texts:
            lines = split_lines(state.texts[path] or "")
            again = [forward(hunk, lines) for hunk in stood]
            planned = plan_file(path, state.bases[path], state.texts[path], again, read)
            gone = [hunk.id for hunk in stood if hunk.id not in planned.there]
            changed |= dict.fromkeys(gone, _OPEN)
    return changed
