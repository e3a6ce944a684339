"""The tiers together: the local journal first and always, PostgreSQL and Redis beside it.

Owns who is written first, who decides on a read, and who gives the fence. The local journal's head
decides: another store serves where its history extends ours; where the two differ, the other is
kept as a session of its own, a named fork, and neither is dropped. A store that is away never stops
a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import orjson

from steadyhand_agent.errors import (
    CorruptRecord,
    JournalError,
    SessionError,
    StaleWriter,
    StoreAway,
)
from steadyhand_agent.session import CHAIN_DIGITS, SessionState
from steadyhand_agent.state import care, leases, outward
from steadyhand_agent.state.care import Found
from steadyhand_agent.state.journal import Head, Journal, Record, Summary, snapshot, verified
from steadyhand_agent.state.leases import Holder, Leases
from steadyhand_agent.state.outbox import Outbox, rounds_not_in
from steadyhand_agent.state.texts import names_in
from steadyhand_agent.state.tier import Archive, Checkpoint, Tier
from steadyhand_agent.workspace import text_hash

log = logging.getLogger(__name__)

Durability = Literal["local", "shared"]

# A checkpoint goes to the tiers when a session reaches one of these; in between, only locally.
_CHECKPOINTS = frozenset(
    {"task", "word", "round", "state", "applied", "undone", "redone", "marks", "rebased", "lease"}
)
# Before these the stores that others reach are asked whether the session is still ours: tokens or
# files are at stake.
_ASKED_BEFORE = frozenset({"call", "applying"})
# What an acknowledgement may wait for a store that others reach.
_SHARED_SECONDS = 1.0


class Store:
    """Where sessions are kept.

    Args:
        journal: The local one.
        tiers: The others; the first is the one that gives fences where it can be reached.
        tell: Says one sentence to the person.
        home: Completes a state that another machine left with what is here.
        hiding: Gives what takes the secrets out of a text; asked once a checkpoint.
        durability: What an acknowledgement needs; `shared` wants the tiers that forget nothing to
            have it, too.
        folder: Where the names of machine and workspaces are remembered.

    Attributes:
        machine: What this machine is called in records, whatever its name is by now.
        names: The folder of the names that workspaces had; None where nothing is remembered.
    """

    def __init__(
        self,
        journal: Journal,
        tiers: Sequence[Tier],
        tell: Callable[[str], None],
        home: Callable[[SessionState], None] = lambda _: None,
        hiding: outward.Hiding = lambda: str,
        durability: Durability = "local",
        folder: Path | None = None,
    ) -> None:
        self.machine = leases.called(folder)
        self.names = folder / "workspaces" if folder is not None else None
        self._home = home
        self._journal = journal
        self._tell = tell
        self._durability: Durability = durability
        self._outboxes = [Outbox(journal, tier, self._fold, hiding, self, tell) for tier in tiers]
        self._us = Holder.ourselves()
        self._leases = Leases(self._renew, self.taken)
        self._stale: set[str] = set()
        self._told_unwell: set[str] = set()
        # Told of a session that somebody else writes now; its owner sets it.
        self.lost: Callable[[str], None] = lambda _: None

    def start(self) -> None:
        """Begins to bring the tiers up to date with what an earlier process left."""
        for outbox in self._outboxes:
            outbox.start()

    async def append(
        self, item: Record, state: SessionState, texts: Mapping[str, str] | None = None
    ) -> None:
        """Keeps a record; durable on return. `state` has it folded in already.

        Args:
            item: The record.
            state: The session's.
            texts: Those that the record refers to, by their hashes.

        Raises:
            StaleWriter: Somebody else writes the session now.
            JournalError: It is not durable, and the session must not go on.
        """
        if self._outboxes and item.kind in _ASKED_BEFORE:
            await self._still_ours(item.session, item.fence)
        if item.session in self._stale:
            raise _stale(item.session)
        await self._journal.append(item, state.to_summary(), texts)
        if item.kind not in _CHECKPOINTS or state.seq != item.seq:
            return
        for outbox in self._outboxes:
            outbox.put(state)
        lasting = [outbox for outbox in self._outboxes if not outbox.tier.lifetime]
        if self._durability == "shared" and lasting:
            # Where it is away, the session goes on and says so.
            await lasting[0].reached(item.session, item.seq, _SHARED_SECONDS)
            if item.session in self._stale:
                raise _stale(item.session)

    async def _still_ours(self, session: str, fence: int) -> None:
        for outbox in self._outboxes:
            try:
                newest = await outbox.reach.ask(outbox.tier.fence(session))
            except StoreAway:
                continue
            if newest > fence:
                self._stale.add(session)

    def degraded(self, state: SessionState) -> str:
        """What of a session is kept on this machine alone, in words; empty where nothing is."""
        return rounds_not_in(self._outboxes, state)

    async def load(self, session: str) -> SessionState:
        """A session as of its last good record.

        Raises:
            SessionError: No store knows it.
            JournalError: What is kept cannot be read.
        """
        head = await self._journal.head(session)
        if head is None:
            for other in await self._fetched(session):
                return await self._adopt(other)
            raise SessionError(f"There is no session {session} here.")
        state = await self._fold(session)
        for other in await self._fetched(session):
            head = await self._journal.head(session)
            if head is not None and head.seq > state.seq:
                # Another window of this machine writes it: what the tier has came from here.
                state = await self._fold(session)
            if other.seq > state.seq and other.follows(state.seq, state.digest):
                state = await self._extended(state, other)
            elif not state.follows(other.seq, other.digest):
                await self._forked(other, state)
        return state

    async def _fetched(self, session: str) -> list[SessionState]:
        """What the tiers have of a session, the longest history first.

        Raises:
            JournalError: A newer Steadyhand went on with it.
        """
        found = await asyncio.gather(*(self._fetch(outbox, session) for outbox in self._outboxes))
        there = [one for one in found if one is not None]
        return sorted(there, key=lambda one: one.seq, reverse=True)

    async def _fetch(self, outbox: Outbox, session: str) -> SessionState | None:
        try:
            found = await outbox.reach.ask(outbox.tier.fetch(session))
        except StoreAway:
            return None
        if found is None or not found.newer:
            return _state(found)
        raise JournalError(
            f"A newer Steadyhand went on with session {session}, and {outbox.tier.name} has it in "
            "a form that this one does not read; it was left untouched. Install the newer one "
            "here, too, to go on with it."
        )

    async def _fold(self, session: str) -> SessionState:
        """A session from the local journal, mended where something in it is damaged."""
        # The head first: what is appended meanwhile must not look like something that is missing.
        head = await self._journal.head(session)
        records = await self._journal.records(session)
        first = Head(records[0].seq - 1, 0, records[0].prev) if records else Head(0, 0, "")
        if records and records[0].kind != "snapshot" and records[0].seq != 1:
            first = Head(0, 0, "")
        good, broken = await asyncio.to_thread(verified, records, first)
        named = {name for item in good for name in names_in(item.kind, orjson.loads(item.body))}
        texts = await self._journal.texts(named)
        state = SessionState(id=session)
        for at, item in enumerate(good):
            try:
                state.take(item, texts)
            except (CorruptRecord, KeyError, TypeError, ValueError, IndexError) as error:
                good, broken = good[:at], CorruptRecord(str(error))
                break
        if broken is None and head is not None and head.seq > state.seq:
            broken = CorruptRecord(f"The records after {state.seq} are missing.")
        if broken is None:
            return state
        return await self._mended(session, good, records, texts, broken)

    async def _mended(
        self,
        session: str,
        good: list[Record],
        records: list[Record],
        texts: Mapping[str, str],
        broken: CorruptRecord,
    ) -> SessionState:
        """Another store's history where it has more, else ours up to what is whole."""
        state = SessionState(id=session)
        for item in good:
            state.take(item, texts)
        rounds = sum(item.kind == "reply" for item in records)
        why = str(broken)
        await self._journal.roll_back(session, state.seq, why)
        self._tell_damage(session, state, max(0, rounds - state.round), why)
        for other in await self._fetched(session):
            if other.seq > state.seq and (other.follows(state.seq, state.digest) or not good):
                self._tell(f"Session {session} was completed from another store.")
                if not good:
                    return await self._adopt(other)
                return await self._extended(state, other)
        if not good:
            raise CorruptRecord(
                f"Nothing of session {session} could be read ({why}); its bytes were put aside."
            )
        return state

    def _tell_damage(self, session: str, state: SessionState, lost: int, why: str) -> None:
        what = (
            "no round was" if not lost else "one round was" if lost == 1 else f"{lost} rounds were"
        )
        self._tell(
            f"The journal of session {session} is damaged: {why} The bytes were put aside; "
            f"{what} lost after round {state.round}, and everything before is kept."
        )

    async def _extended(self, ours: SessionState, other: SessionState) -> SessionState:
        """Takes over what another machine did after us, with what never left this one."""
        for path, base in ours.bases.items():
            # What both machines began from is still here, whatever the file holds by now.
            if other.away.get(path) == (text_hash(base) if base is not None else ""):
                other.bases[path] = base
        for path, digest in list(other.large.items()):
            text = ours.texts.get(path)
            if text is not None and text_hash(text) == digest:
                other.texts[path] = text
                del other.large[path]
        other.parked, other.left = ours.parked, dict(ours.left)
        if other.place == ours.place:
            other.applied, other.writing = ours.applied, ours.writing
        else:
            # It stands in the files here, and counts again once the session works here.
            other.left[ours.place] = [*ours.applied, *ours.writing]
        return await self._adopt(other)

    async def _adopt(self, at: SessionState) -> SessionState:
        """What another machine left becomes this journal's, as a snapshot of where it stood."""
        self._home(at)
        item = snapshot(at.model_dump(mode="json"), at.head, at.id, at.updated)
        state = SessionState(id=at.id)
        state.take(item)
        await self._journal.append(item, state.to_summary())
        return state

    async def foreign(self, tier: Tier, session: str) -> bool:
        """A tier has another history: it becomes a session of its own; see `Conflicts`."""
        outbox = next(one for one in self._outboxes if one.tier is tier)
        found = await outbox.reach.ask(tier.fetch(session))
        if found is not None and found.newer:
            return False  # Not ours to judge, and nobody's to overwrite.
        other = _state(found)
        if other is None:
            return True  # Damaged beyond use: ours takes its place.
        ours = await self._fold(session)
        if other.follows(ours.seq, ours.digest):
            return False  # It goes on where we stopped; whoever resumes takes it over.
        if ours.follows(other.seq, other.digest):
            return True
        await self._forked(other, ours)
        return True

    async def _forked(self, other: SessionState, ours: SessionState) -> None:
        """Keeps another history of a session under a name of its own, the same as it grows."""
        session, name = other.id, f"{other.id}-{_parting(other.chain, ours.chain)}"
        fork = other.model_copy(deep=True)
        fork.id = name
        known = await self._journal.head(name) is not None
        if known:
            kept = await self._fold(name)
            if kept.follows(other.seq, other.digest):
                return
            fork.fence = max(other.fence, kept.fence)
            if not other.follows(kept.seq, kept.digest):
                # Somebody works on the fork here, and elsewhere the history goes on: a third one.
                name, known = f"{other.id}-{other.digest[:6]}", False
                if await self._journal.head(name) is not None:
                    return
                fork.id = name
        where = other.machine or "another machine"
        fork.state = "paused" if fork.state in ("running", "waiting") else fork.state
        fork.reason = f"A fork of session {session}: what {where} did while the two were apart."
        await self._adopt(fork)
        if known:
            return
        self._tell(
            f"Session {session} has another history than on this machine, made on {where}. This "
            f"machine's goes on; the other is kept as session {name}."
        )

    def taken(self, session: str) -> None:
        """Somebody else writes the session now; see `Conflicts`."""
        self._leases.let_go(session)
        if session not in self._stale:
            self._stale.add(session)
            self.lost(session)

    async def take(self, session: str) -> int:
        """A new, higher fence, from the first store that can give one, and the lease with it."""
        head = await self._journal.head(session)
        fence = head.fence + 1 if head is not None else 1
        for outbox in self._outboxes:
            await outbox.recall(session)
            work = outbox.tier.take(session, fence, self._us.told(), leases.SECONDS)
            try:
                fence = max(fence, await outbox.reach.ask(work))
            except StoreAway as away:
                log.info("the fence of %s is not from %s: %s", session, outbox.tier.name, away)
        until = time.time() + leases.SECONDS
        fence = await self._journal.take(session, fence, self._us.told(), until)
        self._stale.discard(session)
        return fence

    async def hold(self, session: str, fence: int) -> None:
        """Holds the lease of a session that works, and renews it."""
        await self._renew(session, fence)
        self._leases.hold(session, fence)

    async def let_go(self, session: str, fence: int) -> None:
        """Gives the lease up; whoever comes next need not ask."""
        self._leases.let_go(session)
        await self._renew(session, fence, 0.0)

    async def held(self, session: str) -> Holder | None:
        """Who else works on a session now; None where nobody does."""
        told, until = await self._journal.held(session)
        found = [told] if until > time.time() else []
        for outbox in self._outboxes:
            try:
                found.append(await outbox.reach.ask(outbox.tier.held(session)))
            except StoreAway:
                continue
        for one in found:
            holder = Holder.read(one)
            if holder is not None and holder != self._us and not holder.gone():
                return holder
        return None

    async def _renew(self, session: str, fence: int, seconds: float = leases.SECONDS) -> bool:
        us = self._us.told()
        ours = await self._journal.renew(session, fence, us, time.time() + seconds)
        for outbox in self._outboxes:
            try:
                work = outbox.tier.renew(session, fence, us, seconds)
                ours = await outbox.reach.ask(work) and ours
            except StoreAway:
                continue
        return ours

    async def delete(self, session: str) -> bool:
        """Forgets a session in every store that can be reached; False where none knew it."""
        known = False
        for outbox in self._outboxes:
            outbox.forget(session)
            try:
                known = await outbox.reach.ask(outbox.tier.delete(session)) or known
            except StoreAway as error:
                log.warning("session %s is not deleted there: %s", session, error)
                self._tell(
                    f"{outbox.tier.name} cannot be reached and may still have session {session}; "
                    "where it is listed again, delete it again."
                )
        return await self._journal.delete(session) or known

    async def sessions(
        self, workspaces: Collection[str] | None = None, *, elsewhere: bool = False
    ) -> list[Summary]:
        """All sessions, or those of a workspace, the newest first.

        Args:
            workspaces: The workspace's names.
            elsewhere: Those that only other stores know, too.
        """
        found = {one.session: one for one in await self._journal.sessions(workspaces)}
        if elsewhere and workspaces is not None:
            for outbox in self._outboxes:
                try:
                    listed = await outbox.reach.ask(outbox.tier.sessions(workspaces))
                except StoreAway:
                    continue
                for one in listed:
                    known = found.get(one.session)
                    if known is None:
                        found[one.session] = replace(one, only_in=outbox.tier.name)
                    elif one.updated > known.updated:
                        # Another machine went on with it; where it is kept stays as it was.
                        found[one.session] = replace(one, only_in=known.only_in)
        return sorted(found.values(), key=lambda one: one.updated, reverse=True)

    async def search(self, words: str, workspaces: Collection[str]) -> AsyncIterator[Found]:
        """The places where sessions say all of some words, the newest first.

        An archive is asked where there is one; of what it does not know yet, the journal is.
        """
        only: set[str] | None = None
        for outbox in self._outboxes:
            if isinstance(outbox.tier, Archive):
                try:
                    work = outbox.tier.search(words, workspaces)
                    for summary, kind, number, around in await outbox.reach.ask(work, 5.0):
                        yield Found(summary, kind, number, around)
                    only = set(await self._journal.behind(outbox.tier.id))
                except StoreAway as away:
                    log.info("searched in the journal alone: %s", away)
        async for found in care.search(self._journal, words, workspaces, only):
            yield found

    async def retire_archive(self, days: float) -> None:
        """Has the archive let old sessions go; 0 keeps them for ever."""
        for outbox in self._outboxes:
            if days and isinstance(outbox.tier, Archive):
                with contextlib.suppress(StoreAway):
                    gone = await outbox.reach.ask(outbox.tier.retire(days), 20.0)
                    log.info("the archive let %d sessions go", gone)

    async def alerts(self) -> list[str]:
        """What a person should know of the stores, a sentence each."""
        said: list[str] = []
        for outbox in self._outboxes:
            try:
                said += await outbox.reach.ask(outbox.tier.health())
            except StoreAway as away:
                said.append(str(away))
        return said

    def unwell(self, said: list[str]) -> None:
        """Tells the person what a store says of itself, each kind of sentence once."""
        for sentence in said:
            if _kind(sentence) not in self._told_unwell:
                self._told_unwell.add(_kind(sentence))
                self._tell(sentence)

    async def close(self) -> None:
        """Lets go of every store."""
        await self._leases.close()
        await asyncio.gather(*(outbox.close() for outbox in self._outboxes))
        await self._journal.close()


def _kind(sentence: str) -> str:
    """A sentence without its numbers: what is worth telling once."""
    return "".join(char for char in sentence if not char.isdigit())


def _parting(theirs: str, ours: str) -> str:
    """The first digits of the record at which a history left ours."""
    for at in range(0, len(theirs), CHAIN_DIGITS):
        one, other = theirs[at : at + CHAIN_DIGITS], ours[at : at + CHAIN_DIGITS]
        # A history whose beginning is not known has blanks there.
        if one != other and one.strip() and (other.strip() or at >= len(ours)):
            return one[:6]
    return theirs[-CHAIN_DIGITS:][:6]


def _state(found: Checkpoint | None) -> SessionState | None:
    """The state in a checkpoint; None for one that is none, whatever its checksum says."""
    try:
        return SessionState(**found.state) if found is not None else None
    except (ValueError, TypeError) as error:
        log.warning("what a store has of a session is not used: %s", error)
        return None


def _stale(session: str) -> StaleWriter:
    return StaleWriter(
        f"Session {session} was taken over by another window or machine; nothing more was written "
        "here. Resume it to take it back."
    )
