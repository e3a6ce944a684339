"""The tiers together: the local journal first and always, Redis beside it when configured.

Owns who is written first and who decides on a read: the local journal's head does. Redis serves
where its head equals it, or extends it with a valid chain; where it differs the two are a fork,
which is said, put aside and never merged. Redis being away never stops a session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

import orjson

from steadyhand_agent.errors import CorruptRecord, JournalError, SessionError
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import (
    Head,
    Journal,
    Record,
    Summary,
    linked,
    snapshot,
    verified,
)
from steadyhand_agent.state.redis import HotSession, RedisTier
from steadyhand_agent.state.texts import names_in
from steadyhand_agent.workspace import text_hash

log = logging.getLogger(__name__)

# A checkpoint goes to Redis when a session reaches one of these; in between, only locally.
_CHECKPOINTS = frozenset(
    {"task", "round", "state", "applied", "undone", "redone", "marks", "rebased", "lease"}
)


class Store:
    """Where sessions are kept.

    Args:
        journal: The local one.
        hot: Redis, or None.
        tell: Says one sentence to the person.
        home: Completes a state that another machine left with what is here.
    """

    def __init__(
        self,
        journal: Journal,
        hot: RedisTier | None,
        tell: Callable[[str], None],
        home: Callable[[SessionState], None] = lambda _: None,
    ) -> None:
        self._home = home
        self._journal = journal
        self._hot = hot
        self._tell = tell
        self._recent: dict[str, list[Record]] = {}

    async def append(
        self, item: Record, state: SessionState, texts: Mapping[str, str] | None = None
    ) -> None:
        """Keeps a record; durable on return. `state` has it folded in already.

        Args:
            item: The record.
            state: The session's.
            texts: Those that the record refers to, by their hashes.

        Raises:
            JournalError: It is not durable, and the session must not go on.
        """
        recent = self._recent.setdefault(item.session, [])
        if self._hot is not None:
            # Before the wait: the local append goes on even if its caller is cancelled, and a
            # record that is missing in Redis would look like another history.
            recent.append(item)
        try:
            await self._journal.append(item, state.to_summary(), texts)
        except JournalError:
            if self._hot is not None:
                recent.remove(item)
            raise
        if self._hot is None:
            return
        if item.kind in _CHECKPOINTS:
            kept = await self._hot.save(state, recent)
            if kept:
                recent.clear()
            elif self._hot.just_lost:
                self._tell(
                    "Redis cannot be reached; sessions go on and are kept on this machine alone "
                    "until it is back."
                )

    async def load(self, session: str) -> SessionState:
        """A session as of its last good record.

        Raises:
            SessionError: No tier knows it.
            JournalError: What is kept cannot be read.
        """
        head = await self._journal.head(session)
        hot = await self._hot.load(session) if self._hot is not None else None
        if head is None:
            if hot is None:
                raise SessionError(f"There is no session {session} here.")
            return await self._adopt(hot)
        # Only what is here is whole: bases and secrets never went to Redis.
        state = await self._fold(session)
        if hot is not None and (hot.state.seq, hot.state.digest) != (head.seq, head.digest):
            return await self._reconcile(state, hot)
        return state

    async def _fold(self, session: str) -> SessionState:
        records = await self._journal.records(session)
        first = Head(records[0].seq - 1, 0, records[0].prev) if records else Head(0, 0, "")
        good, broken = await asyncio.to_thread(verified, records, first)
        if broken is not None:
            raise CorruptRecord(f"{broken} It cannot be resumed from this machine's journal.")
        named = {name for item in good for name in names_in(item.kind, orjson.loads(item.body))}
        texts = await self._journal.texts(named)
        state = SessionState(id=session)
        for item in good:
            state.take(item, texts)
        return state

    async def _reconcile(self, state: SessionState, hot: HotSession) -> SessionState:
        """Takes over what another machine left in Redis, if it follows ours; else it is a fork."""
        if hot.state.seq <= state.seq:
            ours = await self._journal.records(state.id, hot.state.seq - 1)
            if ours[0].seq == hot.state.seq and ours[0].digest != hot.state.digest:
                await self._fork(state.id, hot)
            return state
        newer = [item for item in hot.records if item.seq > state.seq]
        if not linked(newer, state.head, hot.state.head):
            await self._fork(state.id, hot)
            return state
        for path, base in state.bases.items():
            # What both machines began from is still here, whatever the file holds by now.
            if hot.state.away.get(path) == (text_hash(base) if base is not None else ""):
                hot.state.bases[path] = base
        hot.state.applied, hot.state.writing = state.applied, state.writing
        return await self._adopt(hot)

    async def _fork(self, session: str, hot: HotSession) -> None:
        """Puts the other history aside, where this machine's next checkpoint does not reach it."""
        name = await self._hot.set_aside(session, hot) if self._hot is not None else ""
        where = f"the other was put aside as {name}" if name else "the other could not be put aside"
        self._tell(
            f"Session {session} has another history in Redis than on this machine; this machine's "
            f"is used, {where}."
        )

    async def _adopt(self, hot: HotSession) -> SessionState:
        """What another machine left becomes this journal's, as a snapshot of where it stood."""
        at = hot.state
        self._home(at)
        item = snapshot(at.model_dump(mode="json"), at.head, at.id, at.updated)
        state = SessionState(id=at.id)
        state.take(item)
        await self._journal.append(item, state.to_summary())
        return state

    async def take(self, session: str) -> int:
        """A new, higher fence."""
        return await self._journal.take(session)

    async def delete(self, session: str) -> bool:
        """Forgets a session in every tier that can be reached; False where none knew it."""
        elsewhere = await self._hot.delete(session) if self._hot is not None else False
        self._recent.pop(session, None)
        return await self._journal.delete(session) or elsewhere

    async def sessions(self, workspace: str | None = None) -> list[Summary]:
        """All sessions, or those of one workspace, the newest first."""
        return await self._journal.sessions(workspace)

    async def close(self) -> None:
        """Lets go of every tier."""
        if self._hot is not None:
            await self._hot.close()
        await self._journal.close()
