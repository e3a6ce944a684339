"""The plainest journal and the plainest tier: what the real ones must behave like, and a stage.

`MemoryTier` can be taken away, made slow, emptied and made to lose a reply after the work is done.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import time
from collections.abc import Collection, Mapping

from steadyhand_agent.errors import JournalError, StaleWriter
from steadyhand_agent.state.journal import Head, Record, Summary
from steadyhand_agent.state.tier import Checkpoint, Pushed


@dataclasses.dataclass
class _Kept:
    fence: int = 0
    seq: int = 0
    digest: str = ""
    summary: Summary | None = None
    records: list[Record] = dataclasses.field(default_factory=list)
    holder: str = ""
    until: float = 0.0


class MemoryJournal:
    def __init__(self) -> None:
        self._sessions: dict[str, _Kept] = {}
        self._texts: dict[str, str] = {}
        self._delivered: dict[tuple[str, str], tuple[int, str]] = {}

    async def append(
        self, item: Record, summary: Summary, texts: Mapping[str, str] | None = None
    ) -> None:
        kept = self._sessions.get(item.session)
        seq, fence, digest = (kept.seq, kept.fence, kept.digest) if kept else (0, 0, "")
        if item.fence < fence:
            raise StaleWriter("stale")
        begins = item.kind == "snapshot" and (kept is None or item.seq > seq)
        if not begins and (item.seq, item.prev) != (seq + 1, digest):
            raise JournalError("does not fit")
        kept = self._sessions.setdefault(item.session, _Kept())
        kept.records.append(item)
        kept.fence, kept.seq, kept.digest, kept.summary = item.fence, item.seq, item.digest, summary
        self._texts.update(texts or {})

    async def records(self, session: str, after: int = 0) -> list[Record]:
        kept = self._sessions.get(session, _Kept())
        return [item for item in kept.records if item.seq > after]

    async def texts(self, names: Collection[str]) -> dict[str, str]:
        return {name: self._texts[name] for name in names if name in self._texts}

    async def head(self, session: str) -> Head | None:
        if not session.isprintable():
            raise JournalError("no name")
        kept = self._sessions.get(session)
        return Head(kept.seq, kept.fence, kept.digest) if kept else None

    async def take(self, session: str, least: int = 0, holder: str = "", until: float = 0.0) -> int:
        if session not in self._sessions:
            raise JournalError("unknown")
        kept = self._sessions[session]
        kept.fence, kept.holder, kept.until = max(kept.fence + 1, least), holder, until
        return kept.fence

    async def renew(self, session: str, fence: int, holder: str, until: float) -> bool:
        kept = self._sessions.get(session)
        if kept is None or kept.fence != fence:
            return False
        kept.holder, kept.until = holder, until
        return True

    async def held(self, session: str) -> tuple[str, float]:
        kept = self._sessions.get(session, _Kept())
        return kept.holder, kept.until

    async def roll_back(self, session: str, seq: int, why: str) -> None:
        kept = self._sessions[session]
        kept.records = [item for item in kept.records if item.seq <= seq]
        if not kept.records:
            del self._sessions[session]
            return
        kept.seq, kept.digest = kept.records[-1].seq, kept.records[-1].digest

    async def behind(self, tier: str) -> list[str]:
        def lags(name: str) -> bool:
            return self._delivered.get((tier, name), (0, ""))[1] != self._sessions[name].digest

        return [name for name in self._sessions if lags(name)]

    async def delivered(self, tier: str, session: str) -> tuple[int, str]:
        return self._delivered.get((tier, session), (0, ""))

    async def deliver(self, tier: str, session: str, seq: int, digest: str) -> None:
        self._delivered[tier, session] = (seq, digest)

    async def sessions(self, workspaces: Collection[str] | None = None) -> list[Summary]:
        found = [kept.summary for kept in self._sessions.values() if kept.summary]
        wanted = [s for s in found if workspaces is None or s.workspace in workspaces]
        return sorted(wanted, key=lambda s: s.updated, reverse=True)

    async def delete(self, session: str) -> bool:
        return self._sessions.pop(session, None) is not None

    async def size(self) -> int:
        return sum(len(r.body) for kept in self._sessions.values() for r in kept.records)

    async def close(self) -> None:
        pass


class MemoryTier:
    name = "Memory"
    id = "memory"
    bytes_at_most = 1_000_000
    lifetime = 0.0

    def __init__(self) -> None:
        self.kept: dict[str, _Kept] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.away = False
        self.slow = 0.0
        # How many replies are lost after the work was done.
        self.lost = 0

    async def _asked(self) -> None:
        if self.away:
            raise ConnectionError("refused")
        if self.slow:
            await asyncio.sleep(self.slow)

    def _answered(self) -> None:
        if self.lost:
            self.lost -= 1
            raise ConnectionError("the reply was lost")

    def forget_all(self) -> None:
        self.kept.clear()
        self.checkpoints.clear()

    async def push(
        self, checkpoint: Checkpoint, expected: Head | None, *, replace: bool = False
    ) -> Pushed:
        await self._asked()
        session, head = checkpoint.summary.session, checkpoint.head
        kept = self.kept.get(session, _Kept())
        stands = Head(kept.seq, kept.fence, kept.digest) if kept.seq else None
        if kept.fence > head.fence:
            return Pushed("stale", Head(kept.seq, kept.fence, kept.digest))
        if (kept.seq, kept.digest) != (head.seq, head.digest):
            place = (stands.seq, stands.digest) if stands else None
            if place != ((expected.seq, expected.digest) if expected else None):
                return Pushed("other", stands)
        self.kept[session] = dataclasses.replace(
            kept, fence=head.fence, seq=head.seq, digest=head.digest, summary=checkpoint.summary
        )
        self.checkpoints[session] = copy.deepcopy(checkpoint)
        self._answered()
        return Pushed("kept", head)

    async def fetch(self, session: str) -> Checkpoint | None:
        await self._asked()
        return copy.deepcopy(self.checkpoints.get(session))

    async def fence(self, session: str) -> int:
        await self._asked()
        return self.kept.get(session, _Kept()).fence

    async def take(self, session: str, least: int, holder: str, seconds: float) -> int:
        await self._asked()
        kept = self.kept.setdefault(session, _Kept())
        kept.fence = max(kept.fence + 1, least)
        kept.holder, kept.until = holder, time.time() + seconds
        return kept.fence

    async def renew(self, session: str, fence: int, holder: str, seconds: float) -> bool:
        await self._asked()
        kept = self.kept.setdefault(session, _Kept())
        if kept.fence > fence:
            return False
        kept.fence, kept.holder, kept.until = fence, holder, time.time() + seconds
        return True

    async def held(self, session: str) -> str:
        await self._asked()
        kept = self.kept.get(session, _Kept())
        return kept.holder if kept.until > time.time() else ""

    async def sessions(self, workspaces: Collection[str]) -> list[Summary]:
        await self._asked()
        found = [kept.summary for kept in self.kept.values() if kept.summary]
        return [s for s in found if s.workspace in workspaces]

    async def delete(self, session: str) -> bool:
        await self._asked()
        self.checkpoints.pop(session, None)
        return self.kept.pop(session, None) is not None

    async def health(self) -> list[str]:
        await self._asked()
        return []

    async def ping(self) -> None:
        await self._asked()

    async def close(self) -> None:
        pass
