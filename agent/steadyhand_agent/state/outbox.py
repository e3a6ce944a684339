"""The outbox: brings one store beside the journal up to date, in order, whenever it can be reached.

Owns the feeding of one tier. What is sent is read from the local journal, so a kill at any moment
loses nothing: how far the tier knows a session is kept there, too. A history of the tier that is
not ours, and a writer that is newer than we are, are the Store's to deal with.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import orjson

from steadyhand_agent.errors import CorruptRecord, SteadyhandError, StoreAway
from steadyhand_agent.session import SessionState
from steadyhand_agent.state import outward
from steadyhand_agent.state.journal import Head, Journal, Record, packed
from steadyhand_agent.state.tier import SECONDS, Checkpoint, Pushed, Reach, Tier

log = logging.getLogger(__name__)

Json = dict[str, Any]
ROUNDS = 10
# A store is asked how it is, in seconds.
_LOOKED_EACH = 60.0
# So many of the newest sessions are made sure of in a store that forgets.
_MOST_AGAIN = 50
# A megabyte more may take so much longer.
_SECONDS_A_MEGABYTE = 2.0


class Conflicts(Protocol):
    """Who decides where a tier and the journal differ."""

    async def foreign(self, tier: Tier, session: str) -> bool:
        """Keeps a history that is not ours; True where ours may take its place."""
        ...

    def taken(self, session: str) -> None:
        """Somebody else writes the session now."""
        ...

    def unwell(self, said: list[str]) -> None:
        """What a store says of its own health."""
        ...


class Outbox:
    """Feeds one tier.

    Args:
        journal: The local one.
        tier: Which.
        fold: Gives a session's state from the local journal.
        hiding: Gives what takes the secrets out of a text.
        conflicts: Who decides.
        tell: Says one sentence to the person.
    """

    def __init__(
        self,
        journal: Journal,
        tier: Tier,
        fold: Callable[[str], Awaitable[SessionState]],
        hiding: outward.Hiding,
        conflicts: Conflicts,
        tell: Callable[[str], None],
    ) -> None:
        self.tier = tier
        self.reach = Reach(tier)
        self._journal = journal
        self._fold = fold
        self._hiding = hiding
        self._conflicts = conflicts
        self._tell = tell
        # The newest state of a session that is durable here and not known there.
        self._waiting: dict[str, Json | None] = {}
        self._known: dict[str, int] = {}
        self._moved = asyncio.Condition()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._caught_up = False
        self._told_away = False
        self._looked = -_LOOKED_EACH
        self._too_large_told: set[str] = set()

    def put(self, state: SessionState) -> None:
        """A checkpoint of a session is durable here; the tier is to know it."""
        self._waiting[state.id] = state.model_dump(mode="json")
        self._wake()

    def forget(self, session: str) -> None:
        """A session was deleted, or is somebody else's now: nothing more of it is sent."""
        self._waiting.pop(session, None)
        self._known.pop(session, None)

    def start(self) -> None:
        """Brings up to date what an earlier process could not."""
        self._wake()

    async def recall(self, session: str) -> None:
        """Learns from the journal what an earlier process has sent of a session."""
        if session not in self._known:
            self._known[session], _ = await self._journal.delivered(self.tier.id, session)

    def known(self, session: str) -> int:
        """The last record that the tier knows of a session, as far as it is known here."""
        return self._known.get(session, 0)

    async def reached(self, session: str, seq: int, seconds: float) -> bool:
        """Waits until the tier knows a record; False where it does not in time, or is away."""

        def settled() -> bool:
            return self.known(session) >= seq or bool(self.reach.away)

        async with self._moved:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait_for(settled), seconds)
        return self.known(session) >= seq

    async def close(self, seconds: float = 1.0) -> None:
        """Sends what can be sent in that time; the rest is sent by whoever comes next."""
        if self._task is not None:
            if not self.reach.away and (self._waiting or not self._caught_up):
                async with self._moved:
                    with contextlib.suppress(TimeoutError):
                        done = self._moved.wait_for(lambda: not self._waiting or self.reach.away)
                        await asyncio.wait_for(done, seconds)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.reach.close()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.tier.close(), 1.0)

    def _wake(self) -> None:
        self._woken.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"outbox {self.tier.name}")

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._send_all()
            except StoreAway:
                # It may come back empty.
                self._caught_up = False
                await self._announce()
                await asyncio.sleep(max(self.reach.resting, 0.05))
                self._woken.set()
            except SteadyhandError as error:
                # The local journal failed; its own writer says so.
                log.warning("the outbox of %s waits: %s", self.tier.name, error)
                await asyncio.sleep(1.0)
                self._woken.set()
            except Exception:
                log.exception("the outbox of %s met an internal error", self.tier.name)
                self._waiting.clear()
                await self._announce()

    async def _send_all(self) -> None:
        if not self._caught_up:
            for session in await self._behind():
                self._waiting.setdefault(session, None)
            self._caught_up = True
        while self._waiting:
            session, dump = next(iter(self._waiting.items()))
            try:
                await self._bring(session, dump)
            except StoreAway:
                # It may be this one alone that is not taken: then the others go first.
                if session in self._waiting:
                    self._waiting[session] = self._waiting.pop(session)
                raise
            except CorruptRecord as error:
                # Whoever loads it next mends it; those behind it need not wait for that.
                log.warning("session %s is not sent to %s: %s", session, self.tier.name, error)
            except SteadyhandError:
                raise
            except Exception:
                log.exception("session %s cannot be sent to %s", session, self.tier.name)
            # A newer one may have come meanwhile.
            if self._waiting.get(session) is dump:
                self._waiting.pop(session, None)
            await self._announce()
        if time.monotonic() - self._looked > _LOOKED_EACH:
            self._looked = time.monotonic()
            self._conflicts.unwell(await self.reach.ask(self.tier.health()))

    async def _behind(self) -> list[str]:
        """Sessions that the tier should know and does not; one that forgets wants no old ones."""
        if not self.tier.lifetime:
            return await self._journal.behind(self.tier.id)
        since = time.time() - self.tier.lifetime
        recent = [s.session for s in await self._journal.sessions() if s.updated > since]
        # It may have been emptied since it was told: what it knows already is not sent again.
        return recent[:_MOST_AGAIN]

    async def _announce(self) -> None:
        """Wakes who waits, and says once that a tier is away, and once that it is back."""
        async with self._moved:
            self._moved.notify_all()
        if self.reach.away and not self._told_away:
            self._told_away = True
            self._tell(
                f"{self.tier.name} cannot be reached; sessions go on and are kept on this machine "
                f"alone until it is back ({self.reach.away})."
            )
        elif not self.reach.away and self._told_away and not self._waiting:
            self._told_away = False
            self._tell(f"{self.tier.name} is back and has what it missed.")

    async def _bring(self, session: str, dump: Json | None) -> None:
        """Brings one session up to date there."""
        if dump is None:
            try:
                dump = (await self._fold(session)).model_dump(mode="json")
            except StoreAway:
                raise
            except SteadyhandError as error:
                log.warning("session %s is not sent to %s: %s", session, self.tier.name, error)
                return
        state = SessionState(**dump)
        seq, digest = await self._journal.delivered(self.tier.id, session)
        expected = Head(seq, 0, digest) if seq and state.follows(seq, digest) else None
        replace = False
        for _ in range(4):
            pushed = await self._push(state, dump, expected, replace=replace)
            if pushed.outcome == "kept":
                await self._journal.deliver(self.tier.id, session, state.seq, state.digest)
                self._known[session] = state.seq
                return
            if pushed.outcome == "stale":
                head = await self._journal.head(session)
                # This process may have taken it itself while this was on its way.
                if head is None or head.fence <= state.fence:
                    self._conflicts.taken(session)
                return
            expected = pushed.head
            if expected is not None and not state.follows(expected.seq, expected.digest):
                if not await self._conflicts.foreign(self.tier, session):
                    return
                replace = True
        raise StoreAway(f"{self.tier.name} is being written by others.")

    async def _push(
        self, state: SessionState, dump: Json, expected: Head | None, *, replace: bool
    ) -> Pushed:
        keep = state.round_starts[-ROUNDS] if len(state.round_starts) >= ROUNDS else 0
        after = 0 if replace or expected is None else expected.seq
        records = await self._journal.records(state.id, after)
        records = [item for item in records if item.seq <= state.seq]
        if self.tier.lifetime:
            records = [item for item in records if item.seq >= keep]
        hide = self._hiding()
        most = self.tier.bytes_at_most

        def made() -> tuple[Checkpoint, int]:
            told = outward.of_state(dump, hide, most // 3)
            bodies = [_outward(item, hide) for item in records if item.kind != "snapshot"]
            size = len(packed(orjson.dumps(told)))
            while bodies and size + sum(len(item.body) for item in bodies) > most:
                # A store that is small keeps the last ones.
                bodies.pop(0)
            head = state.head
            return Checkpoint(head, state.to_summary(), told, bodies, keep), size

        checkpoint, size = await asyncio.to_thread(made)
        size += sum(len(item.body) for item in checkpoint.records)
        if size > most:
            await self._too_large(state, size)
            return Pushed("kept", state.head)
        seconds = SECONDS + _SECONDS_A_MEGABYTE * size / 1_000_000
        return await self.reach.ask(self.tier.push(checkpoint, expected, replace=replace), seconds)

    async def _too_large(self, state: SessionState, size: int) -> None:
        """Takes an older checkpoint away: whoever went on from it would make another history."""
        await self.reach.ask(self.tier.delete(state.id))
        if state.id not in self._too_large_told:
            self._too_large_told.add(state.id)
            self._tell(
                f"Session {state.id} is too large for {self.tier.name} ({size / 1_000_000:.1f} MB "
                "packed); it goes on, and cannot be resumed from there."
            )


def _outward(record: Record, hide: outward.Hide) -> Record:
    """A record with its place and digest; its body only as far as it may leave this machine."""
    body = orjson.dumps(outward.of_body(record.kind, record.read(), hide))
    return dataclasses.replace(record, body=body, crc=zlib.crc32(body))


def rounds_not_in(outboxes: Sequence[Outbox], state: SessionState) -> str:
    """How many rounds are kept here alone, in words; empty where every tier has them all."""
    worst = 0
    for outbox in outboxes:
        if outbox.reach.away:
            known = outbox.known(state.id)
            worst = max(worst, sum(start > known for start in state.round_starts))
    return f"degraded: {worst} {'round' if worst == 1 else 'rounds'} local only" if worst else ""
