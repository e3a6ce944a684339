"""What the person decides about a session's hunks: take, leave, take back, bring back.

Owns the order in which a decision is journaled and carried out: numbered, planned on the texts as
they are, the intent kept, written by the Editor port, compared, the outcome kept. Never writes a
file and never decides for the person. A crash between intent and outcome is seen to by `observe`,
which looks at what stands in the files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from steadyhand_agent.errors import SessionError, StaleDocument, SteadyhandError
from steadyhand_agent.ports import ApplyReport, Editor, FileOutcome
from steadyhand_agent.proposals import plan as plans
from steadyhand_agent.proposals.formatting import formatted
from steadyhand_agent.proposals.hunks import PENDING, Hunk, Mark, Patch
from steadyhand_agent.proposals.plan import FilePlan, Read
from steadyhand_agent.proposals.standing import differing, stands
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Kind

Json = dict[str, Any]
Keep = Callable[[Kind, Json], Awaitable[None]]
_WRITTEN = ("applied", "unsaved", "unconfirmed")
_DOUBTED = ("unconfirmed", "refused")
_AS_MEANT: tuple[Mark, bool] = ("applied", False)


@dataclass(slots=True)
class Outcome:
    """What came of a decision.

    Attributes:
        report: Per file, as the editor port saw it.
        done: Hunks that stand in the files now, or no longer do.
        conflicts: Hunks that were left as they are, since their lines are others by now.
    """

    report: ApplyReport
    done: list[str] = field(default_factory=list[str])
    conflicts: list[str] = field(default_factory=list[str])

    @property
    def complete(self) -> bool:
        """True where everything that was asked for came about."""
        return self.report.complete and not self.conflicts

    def sentence(self, word: str = "applied") -> str:
        """The outcome for a person."""
        return self.report.sentence(word)


class Decisions:
    """The person's decisions about one session.

    Args:
        state: Changed only by `keep`.
        keep: Journals a record and folds it in.
        editor: Writes, after consent.
        read: The text of a file as it is now.
    """

    def __init__(self, state: SessionState, keep: Keep, editor: Editor, read: Read) -> None:
        self._state = state
        self._keep = keep
        self._editor = editor
        self._read = read

    async def number(self) -> None:
        """Gives every hunk its number, once."""
        numbers = self._state.numbers()
        if numbers is not None:
            await self._keep("hunks", numbers)

    async def observe(self, path: str | None = None) -> list[str]:
        """Looks at what was applied: taken back, edited, or put back by hand since.

        Args:
            path: The file to look at; all of them where none is named.

        Returns:
            The hunks whose state is another now.
        """
        state = self._state
        if state.writing:
            # How that ended is not known; what stands there as it was meant was written.
            found = stands(state.writing, self._read)
            await self._keep_applied([id for id, now in found.items() if now == _AS_MEANT], [])
        changed = differing(state, self._read, path)
        if changed:
            await self._keep(
                "marks",
                {
                    "set": {id: mark for id, (mark, _) in changed.items()},
                    "edited": [id for id, (_, edited) in changed.items() if edited],
                },
            )
        return list(changed)

    async def mark(self, ids: Collection[str], mark: Mark) -> None:
        """Accepts or rejects hunks that are not applied; nothing is written.

        Raises:
            SessionError: One of them is unknown, or is written already.
        """
        await self.number()
        for hunk in self._named(ids):
            if hunk.mark in ("applied", "reverted"):
                raise SessionError(
                    f"Hunk {hunk.id} is {hunk.mark}; use revert or redo to change that."
                )
            if hunk.mark == "unavailable":
                raise SessionError(f"Hunk {hunk.id} was made of a file that is another one here.")
        await self._keep("marks", {"set": dict.fromkeys(ids, mark)})

    async def apply(self, ids: Collection[str], label: str, *, preview: bool = False) -> Outcome:
        """Writes hunks into the texts as they are now.

        Args:
            ids: Which; none says those that were accepted, or all that are open where none was.
            label: What the editor calls it.
            preview: Have the editor show the edit and ask.

        Raises:
            SessionError: There is nothing to apply.
            StaleDocument: The person edited all of those lines since; nothing was written.
        """
        await self.number()
        await self.observe()
        state = self._state
        chosen = self._chosen(ids)
        texts = {
            path: (state.bases[path], state.texts[path])
            for path in state.offered
            if path in state.texts
        }
        hunks = {path: state.offered[path] for path in texts}
        planned = plans.plan_apply(texts, hunks, chosen, self._read)
        conflicts = list(dict.fromkeys(id for one in planned for id in one.conflicts))
        going = [one for one in planned if one.done or one.there]
        if not going:
            raise StaleDocument(
                f"{_reasons(planned)} Nothing was applied and nothing was overwritten; the "
                "proposal still waits. Undo your edit and apply again, or reject those hunks."
            )
        patches = [
            plans.patch_of(one, hunks[one.path], texts[one.path][1]) for one in going if one.done
        ]
        report = await self._write(planned, patches, label, preview=preview)
        status = {f.path: f.status for f in report.files}
        sent, patches = patches, [self._as_formatted(p, status.get(p.path)) for p in patches]
        if patches != sent:
            # What stands there is ours all the same; undo has to know it as it is.
            await self._intend(planned, patches)
        found = stands([p for p in patches if p.path in status], self._read)
        # Of a file that holds neither text, and of one that the editor says it left alone, only
        # what can be seen there was written.
        doubted = {h.id for p in patches if status.get(p.path) in _DOUBTED for h in p.hunks}
        done = [
            id
            for id, now in found.items()
            if now == _AS_MEANT or (now[0] == "applied" and id not in doubted)
        ]
        report.files = [_confirmed(outcome, patches, done) for outcome in report.files]
        # What stood there already is as good as applied, and not ours to take back.
        stood = [id for one in planned for id in one.there if id not in found]
        # A formatter may have changed it on the way: it is ours all the same, and can be undone.
        edited = [id for id in done if found[id] != _AS_MEANT]
        if done or stood:
            await self._keep_applied([*done, *stood], edited)
        # Else the intent stays: an editor may be late, and what it writes then is ours.
        return Outcome(report, [*done, *stood], conflicts)

    def _as_formatted(self, patch: Patch, status: str | None) -> Patch:
        if status != "unconfirmed":
            return patch
        try:
            return formatted(patch, self._read(patch.path)) or patch
        except SteadyhandError:
            return patch

    async def back(self, ids: Collection[str], label: str) -> Outcome:
        """Takes back what was applied, and only that.

        Args:
            ids: Which; none says everything.
            label: What the editor calls it.

        Raises:
            SessionError: Nothing of it stands there.
            StaleDocument: The person edited all of those lines since; nothing was changed.
        """
        return await self._turn(ids, label, "applied", "reverted")

    async def again(self, ids: Collection[str], label: str) -> Outcome:
        """Brings back what was taken back; raises as `back` does."""
        return await self._turn(ids, label, "reverted", "applied")

    async def _turn(self, ids: Collection[str], label: str, mark: Mark, to: Mark) -> Outcome:
        await self.observe()
        state = self._state
        if ids:
            self._named(ids)
        wanted = {
            hunk.id
            for patch in state.applied
            for hunk in patch.hunks
            if hunk.mark == mark and (not ids or hunk.id in ids)
        }
        if not wanted:
            word = "undone" if to == "reverted" else "redone"
            what = f"{', '.join(ids)} of session {state.id}" if ids else f"Session {state.id}"
            raise SessionError(f"{what} has nothing that could be {word}.")
        # What lies on top goes first, and comes last.
        order = list(reversed(state.applied)) if to == "reverted" else list(state.applied)
        texts: dict[str, str | None] = {}
        planned = [
            one for patch in order if (one := self._turned(patch, wanted, to, texts)) is not None
        ]
        conflicts = list(dict.fromkeys(id for one in planned for id in one.conflicts))
        going = _together(planned, texts)
        if not any(one.done or one.there for one in going):
            raise StaleDocument(
                f"{_reasons(planned)} Nothing was {'undone' if to == 'reverted' else 'redone'}; "
                "undo your edits there first, or do it by hand."
            )
        report = await self._write(going, [], label)
        written = {f.path for f in report.files if f.status in _WRITTEN}
        done = list(
            dict.fromkeys(
                id
                for one in going
                for id in (*one.done, *one.there)
                if id not in conflicts and (one.path in written or one.change is None)
            )
        )
        if done:
            kind: Kind = "undone" if to == "reverted" else "redone"
            await self._keep(kind, {"set": dict.fromkeys(done, to)})
        await self.observe()
        return Outcome(report, done, conflicts)

    def _turned(
        self, patch: Patch, wanted: Collection[str], to: Mark, texts: dict[str, str | None]
    ) -> FilePlan | None:
        """One patch's part, on what the parts before it make of the file."""

        def read(path: str) -> str | None:
            return texts[path] if path in texts else self._read(path)

        mark = "applied" if to == "reverted" else "reverted"
        if not any(hunk.id in wanted and hunk.mark == mark for hunk in patch.hunks):
            return None
        work = plans.plan_back if to == "reverted" else plans.plan_again
        planned = work(patch, wanted, read)
        if patch.base is None and to == "reverted" and planned.after and self._moves(patch):
            # Under its old name it would lack what the person has put in, and lie in two pieces.
            planned.conflicts += planned.done
            planned.done, planned.after = [], planned.now
            planned.why = f"{patch.path} was edited since it was moved, and was left as it is."
        if planned.done:
            texts[patch.path] = planned.after
        return planned

    def _moves(self, patch: Patch) -> bool:
        """True where a patch makes a file that goes under another name."""
        ids = {hunk.id for hunk in patch.hunks}
        return any(
            other.new is None and not ids.isdisjoint(hunk.id for hunk in other.hunks)
            for other in self._state.applied
        )

    async def _write(
        self,
        planned: Iterable[FilePlan],
        patches: list[Patch],
        label: str,
        *,
        preview: bool = False,
    ) -> ApplyReport:
        """Journals the intent, has the editor write, and tells of every file that was meant."""
        planned = list(planned)
        await self._intend(planned, patches)
        changes = [one.change for one in planned if one.change is not None]
        report = ApplyReport()
        if changes:
            report = await self._editor.apply(changes, label, preview=preview)
        told = {outcome.path: outcome for outcome in report.files}
        files: list[FileOutcome] = []
        for one in planned:
            outcome = told.get(one.path)
            if outcome is not None and one.conflicts:
                outcome = FileOutcome(
                    one.path, outcome.status, _and(outcome.detail, one.sentence())
                )
            elif outcome is None:
                status = "refused" if one.conflicts and not one.there else "applied"
                outcome = FileOutcome(one.path, status, one.sentence())
            files.append(outcome)
        return ApplyReport(files)

    async def _intend(self, planned: list[FilePlan], patches: list[Patch]) -> None:
        """Keeps what is about to be written, before the first file is touched.

        Raises:
            StaleWriter: Another window has the session by now; nothing was written.
            JournalError: It cannot be kept; nothing was written.
        """
        paths = [one.path for one in planned if one.change is not None]
        told = [patch.model_dump(exclude_defaults=True) for patch in patches]
        await self._keep("applying", {"paths": paths, "patches": told})

    async def _keep_applied(self, done: list[str], edited: list[str]) -> None:
        await self._keep("applied", {"set": dict.fromkeys(done, "applied"), "edited": edited})

    def _chosen(self, ids: Collection[str]) -> set[str]:
        if ids:
            named = self._named(ids)
            for hunk in named:
                if hunk.mark in ("applied", "reverted", "unavailable"):
                    raise SessionError(f"Hunk {hunk.id} is {hunk.mark}; it cannot be applied.")
            return {hunk.id for hunk in named}
        every = [hunk for hunks in self._state.offered.values() for hunk in hunks]
        accepted = {hunk.id for hunk in every if hunk.mark == "accepted"}
        chosen = accepted or {hunk.id for hunk in every if hunk.mark in PENDING}
        if not chosen:
            raise SessionError(f"Session {self._state.id} proposes no change.")
        return chosen

    def _named(self, ids: Collection[str]) -> list[Hunk]:
        known = self._state.hunks()
        unknown = [id for id in ids if id not in known]
        if unknown:
            raise SessionError(f"Session {self._state.id} has no hunk {', '.join(unknown)}.")
        return [known[id] for id in ids]


def _together(planned: list[FilePlan], texts: dict[str, str | None]) -> list[FilePlan]:
    """One plan a file: several patches of one file are written at once."""
    by_path: dict[str, FilePlan] = {}
    for one in planned:
        known = by_path.get(one.path)
        if known is None:
            by_path[one.path] = one
            continue
        known.done += one.done
        known.there += one.there
        known.conflicts += one.conflicts
        known.places |= one.places
        known.why = _and(known.why, one.why)
    failed = {id for one in planned for id in one.conflicts}
    for path, one in by_path.items():
        one.after = texts.get(path, one.now)
        if None in (one.now, one.after) and failed & {*one.done}:
            # The other half of a file that moves stays where it is, so this one does, too.
            one.after, one.done = one.now, []
    return list(by_path.values())


def _confirmed(outcome: FileOutcome, patches: Sequence[Patch], done: Sequence[str]) -> FileOutcome:
    """A file that holds another text than was sent, and all of ours in it, is as good as meant.

    Of one that holds some of it, whatever the editor says, that is told.
    """
    ours = {h.id for p in patches if p.path == outcome.path for h in p.hunks}
    there = ours & set(done)
    if outcome.status not in _DOUBTED or not there:
        return outcome
    if there == ours:
        return FileOutcome(
            outcome.path, "applied", f"{outcome.path} was changed further, as formatters do."
        )
    said = f"{outcome.path} holds {len(there)} of {len(ours)} hunks; the others are still open."
    return FileOutcome(outcome.path, "unconfirmed", said)


def _reasons(planned: Iterable[FilePlan]) -> str:
    return " ".join(said for one in planned if (said := one.sentence()))


def _and(one: str, other: str) -> str:
    return f"{one} {other}".strip()
