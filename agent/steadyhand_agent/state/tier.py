"""The protocol of the stores beside the local journal, and whether one can be reached.

Owns the form in which a session leaves this machine: a Checkpoint, which holds no base, nothing to
undo with and no secret (`outward`). Owns the time limits and the circuit breaker, too: a store that
is away, slow or full never holds a round up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from steadyhand_agent.errors import StoreAway
from steadyhand_agent.state.journal import Head, Record, Summary

log = logging.getLogger(__name__)

Json = dict[str, Any]
T = TypeVar("T")

# The form of a state as it leaves this machine, to be raised where an older Steadyhand would take
# it for damaged, or leave out of it what it does not know.
FORM = 1
# What one call may take, and how long a store that failed is left alone: at first, and at most.
SECONDS = 0.5
_REST, _LONGEST_REST = 1.0, 30.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A session as of one record, as it may leave this machine.

    Attributes:
        head: That record's place.
        summary: What a list shows.
        state: The session's state.
        records: Those since the last checkpoint, or the last ones; bodies as they may leave, too.
        keep: The first record that a store which keeps ten rounds still keeps.
    """

    head: Head
    summary: Summary
    state: Json
    records: Sequence[Record]
    keep: int = 0

    @property
    def newer(self) -> bool:
        """True where a newer Steadyhand left it, and this one must not judge it."""
        form = self.state.get("form", FORM)
        return isinstance(form, int) and form > FORM


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a store said of a checkpoint.

    Attributes:
        outcome: `kept`; `stale` where the session has a newer writer; `other` where the store
            stands elsewhere than was expected.
        head: Where it stands now; None where it does not know the session.
    """

    outcome: Literal["kept", "stale", "other"]
    head: Head | None = None


class Tier(Protocol):
    """A store beside the local journal, which other machines can reach, too.

    Every method may raise whatever its driver raises: to a session all of that is "away".

    Attributes:
        name: What a person calls it.
        id: Which one it is, without anything secret.
        bytes_at_most: What a checkpoint may take there.
        lifetime: Seconds that a session is kept after its last use; 0 for ever.
    """

    name: str
    id: str
    bytes_at_most: int
    lifetime: float

    async def push(
        self, checkpoint: Checkpoint, expected: Head | None, *, replace: bool = False
    ) -> Pushed:
        """Keeps a checkpoint where the store stands as expected; repeating it changes nothing.

        Args:
            checkpoint: It.
            expected: Where the store is thought to stand; None where it knows nothing.
            replace: Let everything go that the store has of the session.
        """
        ...

    async def fetch(self, session: str) -> Checkpoint | None:
        """What the store has of a session, verified; None where that is nothing usable."""
        ...

    async def fence(self, session: str) -> int:
        """The session's newest fence; 0 where it is unknown."""
        ...

    async def take(self, session: str, least: int, holder: str, seconds: float) -> int:
        """A new, higher fence, and the lease with it."""
        ...

    async def renew(self, session: str, fence: int, holder: str, seconds: float) -> bool:
        """Prolongs a lease; False where somebody has a newer fence."""
        ...

    async def held(self, session: str) -> str:
        """Who holds the lease now; empty where nobody does."""
        ...

    async def sessions(self, workspaces: Collection[str]) -> list[Summary]:
        """The sessions of a workspace, by any of its names."""
        ...

    async def delete(self, session: str) -> bool:
        """Forgets a session; False where it was not there."""
        ...

    async def health(self) -> list[str]:
        """What a person should know of the store, a sentence each."""
        ...

    async def ping(self) -> None:
        """Answers, or raises."""
        ...

    async def close(self) -> None:
        """Lets go of the connections."""
        ...


@runtime_checkable
class Archive(Tier, Protocol):
    """A tier that keeps every record, and can be searched."""

    async def search(
        self, words: str, workspaces: Collection[str], most: int = 200
    ) -> list[tuple[Summary, str, int, str]]:
        """The newest records that say some words: summary, kind, round, what stands around."""
        ...

    async def retire(self, days: float) -> int:
        """Deletes sessions that nothing was written to for so many days; returns how many."""
        ...


class Reach:
    """Whether a store can be reached: time limits, and a rest after each failure.

    Args:
        tier: The store.

    Attributes:
        away: Why it is away; empty where it is not.
    """

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.away = ""
        self._rest = _REST
        self._until = 0.0
        self._left: set[asyncio.Task[Any]] = set()

    @property
    def resting(self) -> float:
        """Seconds until it is tried again; 0 where it may be tried now."""
        return max(0.0, self._until - time.monotonic())

    async def ask(self, work: Coroutine[Any, Any, T], seconds: float = SECONDS) -> T:
        """The answer of a call.

        Raises:
            StoreAway: There is none in time, or the store is being left alone.
        """
        if self.resting:
            work.close()
            raise StoreAway(f"{self.tier.name} is away ({self.away}).")
        task = asyncio.ensure_future(work)
        try:
            # Not `wait_for`: a driver may take its time to be cancelled, too.
            await asyncio.wait({task}, timeout=seconds)
            if not task.done():
                raise TimeoutError(f"no answer in {seconds:g} s")
            found = task.result()
        except Exception as error:
            self._failed(error)
            raise StoreAway(f"{self.tier.name} is away ({self.away}).") from error
        finally:
            if not task.done():
                task.cancel()
                self._left.add(task)
                task.add_done_callback(self._forget)
        self.away, self._rest, self._until = "", _REST, 0.0
        return found

    async def close(self) -> None:
        """Waits for calls that were given up, so that their connections can be closed."""
        if self._left:
            await asyncio.wait(set(self._left), timeout=SECONDS)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.debug("%s answered late: %s", self.tier.name, error)

    def _failed(self, error: Exception) -> None:
        self.away = (
            str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        )
        self._until = time.monotonic() + self._rest
        self._rest = min(self._rest * 2, _LONGEST_REST)
        log.warning("%s is away: %s", self.tier.name, self.away)
