"""A machine with a journal of its own, and the tiers that it shares with others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import record
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.tier import Tier
from steadyhand_agent.state.tiers import Store
from written_session import TASK


class Machine:
    """A machine with a journal of its own."""

    def __init__(self, folder: Path, *tiers: Tier, durability: Any = "local") -> None:
        self.told: list[str] = []
        self.lost: list[str] = []
        self.path = folder / "journal.sqlite"
        self.journal = SqliteJournal(self.path)
        self.store = Store(self.journal, tiers, self.told.append, durability=durability)
        self.store.lost = self.lost.append
        self.store.start()

    async def begin(self, name: str = "s", workspace: str = "w") -> SessionState:
        state = SessionState(id=name, workspace=workspace)
        await self.add(state, "task", TASK | {"workspace": workspace})
        return state

    async def add(self, state: SessionState, kind: Any, body: dict[str, Any]) -> None:
        item = record(state.id, state.head, kind, body, fence=state.fence, at=time.time())
        state.take(item)
        await self.store.append(item, state)

    async def rounds(self, state: SessionState, count: int, text: str = "said") -> None:
        for _ in range(count):
            await self.add(state, "call", {"reserved": 10})
            await self.add(state, "reply", {
                "round": state.round + 1, "charged": 1, "raw": 1, "cached_input": 0, "seconds": 0.1,
                "blocks": [{"type": "text", "text": f"{text} {state.round + 1}"}],
                "stop_reason": "end_turn",
            })  # fmt: skip
            await self.add(state, "round", {"branch": "", "commit": "", "dirty": ""})

    async def over(self, name: str = "s") -> SessionState:
        """Loads a session and takes it over."""
        state = await self.store.load(name)
        state.fence = await self.store.take(name)
        await self.add(state, "lease", {"checkout": "/c", "machine": "m"})
        return state

    async def sent(self, state: SessionState) -> None:
        """Waits until the tier knows all of it."""
        for outbox in self.store._outboxes:
            assert await outbox.reached(state.id, state.seq, 30.0)
