"""Writes one session for ever and says on stdout what was acknowledged; it is meant to be killed.

Arguments: the state folder, durability, the addresses of Redis and PostgreSQL, each may be "", and
seconds between two rounds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import record
from steadyhand_agent.state.postgres import PostgresTier
from steadyhand_agent.state.redis import RedisTier
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.tier import Tier
from steadyhand_agent.state.tiers import Store

TASK: dict[str, Any] = {
    "task": {"prompt": "p"}, "limits": {}, "workspace": "w", "checkout": "c", "machine": "m",
    "model": "x", "branch": "", "commit": "", "dirty": "",
}  # fmt: skip


def store_of(folder: str, durability: Any, redis: str, archive: str, tell: Any) -> Store:
    tiers: list[Tier] = [PostgresTier(archive)] if archive else []
    tiers += [RedisTier(redis)] if redis else []
    journal = SqliteJournal(Path(folder) / "journal.sqlite")
    return Store(journal, tiers, tell, durability=durability)


def say(*words: Any) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def main(folder: str, durability: str, redis: str, archive: str, pause: str = "0") -> None:
    def told(sentence: str) -> None:
        say("told", sentence)

    say("up")
    store = store_of(folder, durability, redis, archive, told)
    store.start()

    async def add(kind: Any, body: dict[str, Any]) -> None:
        item = record(state.id, state.head, kind, body, fence=state.fence, at=time.time())
        state.take(item)
        await store.append(item, state)
        say("acknowledged", item.session, item.seq, item.digest)

    known = await store.sessions(["w"])
    if known:
        state = await store.load(known[0].session)
        state.fence = await store.take(state.id)
        await add("lease", {"checkout": "c", "machine": "m"})
    else:
        state = SessionState(id="s0", workspace="w")
        await add("task", TASK)
    await store.hold(state.id, state.fence)
    while True:
        number = state.round + 1
        if number > 60:
            # No session of people is much longer.
            state = SessionState(id=f"s{int(state.id[1:]) + 1}", workspace="w")
            await add("task", TASK)
            await store.hold(state.id, state.fence)
            continue
        await asyncio.sleep(float(pause))
        await add("call", {"reserved": 1})
        await add("reply", {
            "round": number, "charged": 1, "raw": 1, "cached_input": 0, "seconds": 0.1,
            "blocks": [{"type": "text", "text": f"round {number} " + "x" * 2_000}],
            "stop_reason": "end_turn",
        })  # fmt: skip
        await add("round", {"branch": "", "commit": "", "dirty": ""})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
