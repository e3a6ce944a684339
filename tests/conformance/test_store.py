"""The stores together: two machines that share one tier, and everything that can go wrong there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lossy_proxy import LossyProxy
from machines import Machine
from memory_stores import MemoryTier
from steadyhand_agent.errors import CorruptRecord, JournalError, StaleWriter
from steadyhand_agent.session import SessionState
from steadyhand_agent.state import outward
from steadyhand_agent.state.postgres import PostgresTier
from steadyhand_agent.state.redis import RedisTier
from steadyhand_agent.state.tier import FORM, Checkpoint, Tier

Made = Callable[[], Tier]


@pytest.fixture(params=["memory", "redis", "postgres"])
def tier(request: pytest.FixtureRequest) -> Made:
    """A new client of the one store that the machines share."""
    if request.param == "memory":
        one = MemoryTier()
        return lambda: one
    if request.param == "redis":
        url = request.getfixturevalue("valkey").connection_url
        return lambda: RedisTier(url)
    address = request.getfixturevalue("postgres")
    return lambda: PostgresTier(address)


@pytest.fixture
async def machines(tmp_path: Path, tier: Made) -> AsyncIterator[tuple[Machine, Machine]]:
    pair = Machine(tmp_path / "a", tier()), Machine(tmp_path / "b", tier())
    yield pair
    for machine in pair:
        await machine.store.close()


Pair = tuple[Machine, Machine]


def texts(state: SessionState) -> list[str]:
    return [done.blocks[0]["text"] for done in state.rounds]


async def test_another_machine_lists_and_resumes(machines: Pair) -> None:
    here, there = machines
    state = await here.begin()
    await here.rounds(state, 12)
    await here.sent(state)
    (listed,) = await there.store.sessions(["w"], elsewhere=True)
    assert (listed.session, listed.prompt, listed.round) == ("s", "Add a retry", 12)
    assert listed.only_in
    assert await there.store.sessions(["w"]) == []
    found = await there.store.load("s")
    assert found == state
    assert await there.store.load("s") == state
    assert [s.only_in for s in await there.store.sessions(["w"], elsewhere=True)] == [""]
    assert not here.told + there.told


async def test_a_long_session_comes_home_whole(machines: Pair) -> None:
    """Its snapshot is larger than any one record may be."""
    here, there = machines
    state = await here.begin()
    await here.rounds(state, 4, "long " * 100_000)
    await here.sent(state)
    assert await there.store.load("s") == state
    # The second time it is read from the journal that has taken it in.
    assert await there.store.load("s") == state
    assert not here.told + there.told


async def test_what_the_person_said_is_on_the_other_machine_at_once(machines: Pair) -> None:
    """Not with the round that answers it: a model that is missing may never answer."""
    here, there = machines
    state = await here.begin()
    await here.rounds(state, 12)
    await here.add(state, "word", {"said": {"prompt": "and the tests"}})
    await here.sent(state)
    state = await there.over()
    assert [(word.after, word.said.prompt) for word in state.words] == [(12, "and the tests")]
    assert state.unheard


async def test_to_and_fro_is_one_history(machines: Pair) -> None:
    here, there = machines
    state = await here.begin()
    said: list[str] = []
    for turn in range(4):
        machine, name = (here, "here") if turn % 2 == 0 else (there, "there")
        if turn:
            state = await machine.over()
        # More rounds than a store that keeps ten has records of.
        await machine.rounds(state, 11, name)
        said += [f"{name} {n}" for n in range(turn * 11 + 1, turn * 11 + 12)]
        await machine.sent(state)
    assert texts(await here.store.load("s")) == said
    assert not here.told + there.told


async def test_a_late_writer_is_refused_before_it_spends_anything(machines: Pair) -> None:
    here, there = machines
    state = await here.begin()
    await here.rounds(state, 1)
    await here.sent(state)
    taken = await there.over()
    await there.rounds(taken, 1, "there")
    await there.sent(taken)
    records = len(await here.journal.records("s"))
    with pytest.raises(StaleWriter, match="taken over"):
        await here.add(state, "call", {"reserved": 10})
    assert len(await here.journal.records("s")) == records
    # The next one to resume here goes on from what was done there.
    assert texts(await here.over()) == ["said 1", "there 2"]


async def test_a_late_checkpoint_makes_its_process_stop(machines: Pair) -> None:
    here, there = machines
    state = await here.begin()
    await here.sent(state)
    await there.over()
    await here.add(state, "state", {"state": "paused", "reason": "here"})
    for _ in range(100):
        if here.lost:
            break
        await asyncio.sleep(0.02)
    assert here.lost == ["s"]
    with pytest.raises(StaleWriter):
        await here.add(state, "note", {"text": "more"})


async def test_two_histories_are_both_kept(tmp_path: Path, tier: Made) -> None:
    """Written while neither could see the other: one goes on, the other has a name."""
    here, there = Machine(tmp_path / "a", tier()), Machine(tmp_path / "b", tier())
    state = await here.begin()
    await here.rounds(state, 2)
    await here.sent(state)
    other = await there.store.load("s")
    await here.store.close()
    alone = Machine(tmp_path / "a")
    await alone.rounds(state, 2, "apart")
    await alone.store.close()
    await there.rounds(other, 3, "there")
    await there.sent(other)
    here = Machine(tmp_path / "a", tier())
    found = await here.over()
    assert texts(found) == ["said 1", "said 2", "apart 3", "apart 4"]
    # Each is named after the record at which it left the other.
    parted = state.seq - 6
    name = f"s-{other.chain[parted * 8 :][:6]}"
    assert sum(name in sentence for sentence in here.told) == 1
    fork = await here.store.load(name)
    assert texts(fork) == texts(other)
    assert {s.session for s in await here.store.sessions(["w"])} == {"s", name}
    await here.sent(found)
    # The other machine learns it, too, and loses nothing.
    assert texts(await there.store.load("s")) == texts(other)
    assert texts(await there.store.load(f"s-{found.chain[parted * 8 :][:6]}")) == texts(found)
    await here.store.close()
    await there.store.close()


async def test_a_fork_that_grows_is_the_same_fork(tmp_path: Path) -> None:
    """Both machines go on by turns: each knows the other's history as one, told of once."""
    tier = MemoryTier()
    here, there = Machine(tmp_path / "a", tier), Machine(tmp_path / "b", tier)
    state = await here.begin()
    await here.sent(state)
    other = await there.over()
    await there.sent(other)
    tier.forget_all()
    await here.rounds(await here.over(), 2, "here")
    await there.rounds(other, 2, "there")
    for _ in range(3):
        for machine, name in ((here, "here"), (there, "there")):
            state = await machine.over()
            await machine.rounds(state, 1, name)
            await machine.sent(state)
    for machine, name in ((here, "there"), (there, "here")):
        forks = [s for s in await machine.store.sessions() if s.session != "s"]
        assert len(forks) == 1
        assert len([told for told in machine.told if "another history" in told]) == 1
        kept = texts(await machine.store.load(forks[0].session))
        assert {said.split()[0] for said in kept} == {name}
        assert len(kept) >= 4
    # What somebody goes on with here is not overwritten by what goes on there.
    (fork,) = [s.session for s in await here.store.sessions() if s.session != "s"]
    mine = await here.over(fork)
    await here.rounds(mine, 1, "mine")
    await there.rounds(state, 1, "there")
    await there.sent(state)
    await here.over()
    assert texts(await here.store.load(fork))[-1].startswith("mine")
    assert len(await here.store.sessions()) == 3
    await here.store.close()
    await there.store.close()


async def test_the_list_says_how_far_another_machine_has_come(machines: Pair) -> None:
    here, there = machines
    state = await here.begin()
    await here.add(state, "state", {"state": "paused", "reason": "here"})
    await here.sent(state)
    other = await there.over()
    await there.rounds(other, 3)
    await there.add(other, "state", {"state": "finished", "reason": "there"})
    await there.sent(other)
    (listed,) = await here.store.sessions(["w"], elsewhere=True)
    assert (listed.state, listed.round, listed.only_in) == ("finished", 3, "")


async def test_what_a_newer_steadyhand_left_is_not_touched(machines: Pair) -> None:
    here, there = machines
    state = await here.begin()
    await here.sent(state)
    other = await there.over()
    await there.rounds(other, 1)
    outbox = there.store._outboxes[0]
    dump = other.model_dump(mode="json")
    told = outward.of_state(dump, str, 1_000_000) | {"form": FORM + 1, "state": "dreaming"}
    await there.sent(other)
    tier = outbox.tier
    # In the place of what this one sent: the same head, and a state that only the newer one knows.
    await tier.delete("s")
    pushed = await tier.push(Checkpoint(other.head, other.to_summary(), told, ()), None)
    assert pushed.outcome == "kept"
    with pytest.raises(JournalError, match="Install the newer one"):
        await here.store.load("s")
    await here.add(state, "note", {"text": "went on all the same"})
    await asyncio.sleep(0.3)
    found = await tier.fetch("s")
    assert found is not None
    assert found.newer
    # What is of this form and no state is damage, and ours is used.
    await tier.delete("s")
    broken = told | {"form": FORM}
    await tier.push(Checkpoint(other.head, other.to_summary(), broken, ()), None)
    assert (await here.store.load("s")).seq == state.seq


async def test_one_that_a_store_does_not_take_holds_no_other_up(tmp_path: Path) -> None:
    tier = MemoryTier()
    push = tier.push

    async def choosy(checkpoint: Checkpoint, *rest: Any, **more: Any) -> Any:
        if checkpoint.summary.session == "bad":
            raise ValueError("not this one")
        return await push(checkpoint, *rest, **more)

    tier.push = choosy
    here = Machine(tmp_path, tier)
    await here.begin("bad")
    state = await here.begin("good")
    for _ in range(600):
        if "good" in tier.kept:
            break
        await asyncio.sleep(0.02)
    assert "good" in tier.kept
    assert "bad" in here.store._outboxes[0]._waiting
    assert (await here.store.load("good")).seq == state.seq
    await here.store.close()


async def test_what_could_not_be_deleted_is_said(tmp_path: Path) -> None:
    tier = MemoryTier()
    here = Machine(tmp_path, tier)
    await here.sent(await here.begin())
    tier.away = True
    assert await here.store.delete("s")
    assert "may still have session s" in here.told[-1]
    await here.store.close()


async def test_a_look_from_a_second_window_meets_a_slow_store(tmp_path: Path) -> None:
    """What the store tells was written by the first window meanwhile: no history of others."""
    tier = MemoryTier()
    here, beside = Machine(tmp_path, tier), Machine(tmp_path, tier)
    state = await here.begin()
    await here.sent(state)
    fetch = tier.fetch

    async def late(session: str) -> Any:
        await here.rounds(state, 1)
        await here.sent(state)
        return await fetch(session)

    tier.fetch = late
    assert (await beside.store.load("s")).round == 1
    assert "snapshot" not in [item.kind for item in await here.journal.records("s")]
    await here.store.close()
    await beside.store.close()


async def test_the_outbox_goes_on_where_another_process_stopped(tmp_path: Path, tier: Made) -> None:
    alone = Machine(tmp_path / "a")
    states = [await alone.begin(f"s{n}") for n in range(5)]
    for state in states:
        await alone.rounds(state, 3)
    await alone.store.close()
    here, there = Machine(tmp_path / "a", tier()), Machine(tmp_path / "b", tier())
    for state in states:
        await here.sent(state)
        assert await there.store.load(state.id) == state
    await here.store.close()
    await there.store.close()


async def test_damage_is_completed_from_the_tier(machines: Pair) -> None:
    here, _ = machines
    state = await here.begin()
    await here.rounds(state, 4)
    await here.sent(state)
    import apsw

    db = apsw.Connection(str(here.path))
    db.execute("UPDATE records SET body = x'00' WHERE seq = 5")
    found = await here.store.load("s")
    assert found == state
    assert any("completed from another store" in sentence for sentence in here.told)
    assert db.execute("SELECT count(*) FROM quarantined").get == state.seq - 4
    db.close()
    await here.rounds(found, 1)
    assert texts(await here.store.load("s")) == [*texts(state), "said 5"]


async def test_a_deleted_session_is_gone_everywhere(machines: Pair) -> None:
    here, there = machines
    state = await here.begin()
    await here.rounds(state, 1)
    await here.sent(state)
    assert await here.store.delete("s")
    assert await there.store.sessions(["w"], elsewhere=True) == []
    assert not await there.store.delete("s")


async def test_leases_are_seen_from_the_other_machine(machines: Pair) -> None:
    here, there = machines
    state = await here.begin()
    await here.sent(state)
    await here.store.hold("s", state.fence)
    assert await here.store.held("s") is None
    holder = await there.store.held("s")
    assert holder is not None
    assert "another window (process" in holder.sentence()
    await here.store.let_go("s", state.fence)
    assert await there.store.held("s") is None


# What only a store that does as it is told can show.


async def test_away_is_said_once_and_so_is_back(tmp_path: Path) -> None:
    tier = MemoryTier()
    tier.away = True
    here = Machine(tmp_path, tier)
    state = await here.begin()
    await here.rounds(state, 3)
    for _ in range(100):
        if here.told:
            break
        await asyncio.sleep(0.02)
    assert here.store.degraded(state) == "degraded: 3 rounds local only"
    assert [("cannot be reached" in told) for told in here.told] == [True]
    tier.away = False
    await here.rounds(state, 1)
    for _ in range(200):
        if len(here.told) == 2:
            break
        await asyncio.sleep(0.02)
    assert here.told[1] == "Memory is back and has what it missed."
    assert here.store.degraded(state) == ""
    assert tier.checkpoints["s"].head == state.head
    await here.store.close()


async def test_what_an_earlier_process_sent_is_not_local_only(tmp_path: Path) -> None:
    tier = MemoryTier()
    before = Machine(tmp_path, tier)
    state = await before.begin()
    await before.rounds(state, 3)
    await before.sent(state)
    await before.store.close()
    tier.away = True
    here = Machine(tmp_path, tier)
    state = await here.over()
    await here.rounds(state, 2)
    for _ in range(100):
        if here.told:
            break
        await asyncio.sleep(0.02)
    assert here.store.degraded(state) == "degraded: 2 rounds local only"
    await here.store.close()


async def test_shared_does_not_wait_for_a_store_that_forgets(tmp_path: Path) -> None:
    tier = MemoryTier()
    tier.slow, tier.lifetime = 30.0, 60.0
    here = Machine(tmp_path, tier, durability="shared")
    state = await here.begin()
    outbox = here.store._outboxes[0]
    asked: list[str] = []

    async def reached(session: str, *_: object) -> bool:
        asked.append(session)
        return False

    outbox.reached = reached  # pyright: ignore[reportAttributeAccessIssue]
    await here.rounds(state, 1)
    assert asked == []
    await here.store.close()


async def test_a_reply_that_is_lost_after_the_work_changes_nothing(tmp_path: Path) -> None:
    tier = MemoryTier()
    here = Machine(tmp_path, tier)
    state = await here.begin()
    for _ in range(5):
        tier.lost = 1
        await here.rounds(state, 1)
    for _ in range(200):
        if tier.checkpoints["s"].head == state.head:
            break
        await asyncio.sleep(0.05)
    assert SessionState(**tier.checkpoints["s"].state) == state
    assert [told for told in here.told if "history" in told] == []
    await here.store.close()


async def test_no_round_waits_longer_than_a_second(tmp_path: Path) -> None:
    """Even with `shared`, where a round waits for the archive: a slow one costs a second at most."""
    tier = MemoryTier()
    tier.slow = 30.0
    here = Machine(tmp_path, tier, durability="shared")
    state = await here.begin()
    longest = 0.0
    for _ in range(4):
        began = time.monotonic()
        await here.rounds(state, 1)
        longest = max(longest, time.monotonic() - began)
    # A limit of the product, not a measurement: a second for the round, half for the fence.
    assert longest < 1.9
    assert "local only" in here.store.degraded(state)
    await here.store.close()


async def test_shared_means_that_the_archive_has_it(tmp_path: Path, postgres: str) -> None:
    here = Machine(tmp_path, PostgresTier(postgres), durability="shared")
    reader = PostgresTier(postgres)
    state = await here.begin()
    for _ in range(5):
        await here.rounds(state, 1)
        found = await reader.fetch("s")
        assert found is not None
        assert found.head == state.head
    await reader.close()
    await here.store.close()


async def test_nothing_left_of_a_session_is_one_sentence(tmp_path: Path) -> None:
    here = Machine(tmp_path)
    await here.begin()
    import apsw

    db = apsw.Connection(str(here.path))
    db.execute("UPDATE records SET body = x'00'")
    with pytest.raises(CorruptRecord, match="put aside"):
        await here.store.load("s")
    assert db.execute("SELECT count(*) FROM quarantined").get == 1
    db.close()
    assert await here.store.sessions() == []
    await here.begin()
    await here.store.close()


@pytest.mark.parametrize("name", ["redis", "postgres"])
async def test_a_reply_that_is_lost_on_the_wire_changes_nothing(
    tmp_path: Path, request: pytest.FixtureRequest, name: str
) -> None:
    """The server has done it, the connection breaks before anybody hears: it is not done twice."""
    fixture = "valkey" if name == "redis" else "postgres"
    found: Any = request.getfixturevalue(fixture)
    address = found.connection_url if name == "redis" else found
    port = urlsplit(address).port
    assert port is not None
    async with LossyProxy(port) as proxy:
        through = address.replace(str(port), str(proxy.port))
        make = RedisTier if name == "redis" else PostgresTier
        here, reader = Machine(tmp_path, make(through)), make(address)
        state = await here.begin()
        await here.sent(state)
        for _ in range(3):
            proxy.lose = True
            lost = proxy.lost
            await here.rounds(state, 1)
            for _ in range(100):
                if proxy.lost > lost:
                    break
                await asyncio.sleep(0.02)
            assert proxy.lost > lost
            proxy.lose = False
            there = None
            for _ in range(300):
                there = await reader.fetch("s")
                if there is not None and there.head == state.head:
                    break
                await asyncio.sleep(0.05)
            assert there is not None
            assert SessionState(**there.state) == state
        if isinstance(reader, PostgresTier):
            seqs = [item.seq for item in await reader.records("s")]
            assert seqs == list(range(1, state.seq + 1))
        assert [told for told in here.told if "history" in told] == []
        await reader.close()
        await here.store.close()
