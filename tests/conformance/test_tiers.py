"""What every store beside the journal must do. One more store is one more line in `TIERS`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import pytest

from lossy_proxy import StrictPooler
from memory_stores import MemoryTier
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Head
from steadyhand_agent.state.postgres import PostgresTier
from steadyhand_agent.state.redis import RedisTier
from steadyhand_agent.state.tier import Tier
from written_session import WrittenSession as Session


def memory(_: pytest.FixtureRequest) -> Tier:
    return MemoryTier()


def redis(request: pytest.FixtureRequest) -> Tier:
    return RedisTier(request.getfixturevalue("valkey").connection_url)


def postgres(request: pytest.FixtureRequest) -> Tier:
    return PostgresTier(request.getfixturevalue("postgres"))


TIERS: dict[str, Callable[[pytest.FixtureRequest], Tier]] = {
    "memory": memory,
    "redis": redis,
    "postgres": postgres,
}


@pytest.fixture(params=[*sorted(TIERS), "pooled postgres"])
async def tier(request: pytest.FixtureRequest) -> AsyncIterator[Tier]:
    if request.param in TIERS:
        made = TIERS[request.param](request)
        yield made
        await made.close()
        return
    address = str(request.getfixturevalue("postgres"))
    port = urlsplit(address).port
    assert port is not None
    async with StrictPooler(port) as pooler:
        made = PostgresTier(address.replace(str(port), str(pooler.port)))
        yield made
        await made.close()


async def test_what_was_pushed_is_fetched(tier: Tier) -> None:
    session = Session()
    session.rounds(3, "é 😀 \0 \uf8ff0 \u2028")
    assert (await tier.push(session.checkpoint(), None)).outcome == "kept"
    found = await tier.fetch(session.id)
    assert found is not None
    assert SessionState(**found.state) == session.state
    assert found.head == session.state.head
    assert found.summary == session.state.to_summary()


async def test_nothing_is_known_of_an_unknown_session(tier: Tier) -> None:
    assert await tier.fetch("nobody") is None
    assert await tier.fence("nobody") == 0
    assert await tier.held("nobody") == ""
    assert await tier.sessions(["nowhere"]) == []
    assert not await tier.delete("nobody")


async def test_the_same_push_again_changes_nothing(tier: Tier) -> None:
    session = Session()
    session.rounds(1)
    first = session.checkpoint()
    for _ in range(3):
        assert (await tier.push(first, None)).outcome == "kept"
    head = session.state.head
    session.rounds(1)
    for _ in range(3):
        pushed = await tier.push(session.checkpoint(head.seq), head)
        assert (pushed.outcome, pushed.head) == ("kept", session.state.head)
    found = await tier.fetch(session.id)
    assert found is not None
    assert found.head == session.state.head


async def test_a_push_that_expects_another_head_is_told_where_the_store_stands(tier: Tier) -> None:
    session = Session()
    session.rounds(1)
    await tier.push(session.checkpoint(), None)
    stood = session.state.head
    session.rounds(1)
    for expected in (None, Head(1, 1, "other"), Head(stood.seq, 1, "other")):
        pushed = await tier.push(session.checkpoint(), expected)
        assert (pushed.outcome, pushed.head) == ("other", stood)
    found = await tier.fetch(session.id)
    assert found is not None
    assert found.head == stood


async def test_a_store_that_has_forgotten_says_so(tier: Tier) -> None:
    session = Session()
    session.rounds(2)
    pushed = await tier.push(session.checkpoint(3), Head(3, 1, "somewhere"))
    assert (pushed.outcome, pushed.head) == ("other", None)
    assert (await tier.push(session.checkpoint(), None)).outcome == "kept"


async def test_another_history_takes_its_place_only_when_told_so(tier: Tier) -> None:
    ours = Session()
    other = Session(name=ours.id)
    other.rounds(4, "theirs")
    await tier.push(other.checkpoint(), None)
    ours.rounds(2, "ours")
    there = other.state.head
    assert (await tier.push(ours.checkpoint(), None)).outcome == "other"
    assert (await tier.push(ours.checkpoint(), there, replace=True)).outcome == "kept"
    found = await tier.fetch(ours.id)
    assert found is not None
    assert SessionState(**found.state) == ours.state


async def test_an_old_fence_is_refused(tier: Tier) -> None:
    session = Session()
    await tier.push(session.checkpoint(), None)
    fence = await tier.take(session.id, 2, "them", 45)
    assert fence == 2
    head = session.state.head
    session.rounds(1)
    pushed = await tier.push(session.checkpoint(head.seq), head)
    assert pushed.outcome == "stale"
    assert pushed.head is not None
    assert pushed.head.fence == 2
    assert await tier.fence(session.id) == 2
    found = await tier.fetch(session.id)
    assert found is not None
    assert found.head.seq == head.seq


async def test_fences_only_grow_and_are_given_once(tier: Tier) -> None:
    session = Session()
    given = [await tier.take(session.id, 1, "a", 45)]
    given += await asyncio.gather(*(tier.take(session.id, 1, str(n), 45) for n in range(9)))
    assert sorted(given) == list(range(1, 11))
    assert await tier.take(session.id, 50, "far", 45) == 50


async def test_a_lease_is_held_renewed_lost_and_let_go(tier: Tier) -> None:
    session = Session()
    fence = await tier.take(session.id, 1, "first", 45)
    assert await tier.held(session.id) == "first"
    assert await tier.renew(session.id, fence, "first", 45)
    newer = await tier.take(session.id, 1, "second", 45)
    assert not await tier.renew(session.id, fence, "first", 45)
    assert await tier.held(session.id) == "second"
    assert await tier.renew(session.id, newer, "second", 0)
    assert await tier.held(session.id) == ""


async def test_sessions_are_listed_by_workspace(tier: Tier) -> None:
    name = f"workspace of {Session().id}"
    ours = [Session(name) for _ in range(3)]
    other = Session(f"{name} elsewhere")
    for session in (*ours, other):
        await tier.push(session.checkpoint(), None)
    found = await tier.sessions([name, "nowhere"])
    assert {s.session for s in found} == {s.id for s in ours}
    assert {s.prompt for s in found} == {"Add a retry"}
    assert await tier.delete(ours[0].id)
    assert {s.session for s in await tier.sessions([name])} == {s.id for s in ours[1:]}
    assert await tier.fetch(ours[0].id) is None


async def test_two_writers_make_one_history(tier: Tier) -> None:
    """Each adds a round wherever the store stands; none of the acknowledged ones is lost."""
    base = Session()
    await tier.push(base.checkpoint(), None)
    acknowledged: list[str] = []

    async def writer(name: str) -> None:
        for number in range(15):
            while True:
                found = await tier.fetch(base.id)
                assert found is not None
                mine = Session()
                mine.state, mine.records = SessionState(**found.state), []
                head = mine.state.head
                mine.add("note", {"text": f"{name} {number}"})
                mine.rounds(1, f"{name} {number}")
                pushed = await tier.push(mine.checkpoint(), head)
                if pushed.outcome == "kept":
                    acknowledged.append(f"{name} {number}")
                    break

    await asyncio.gather(writer("a"), writer("b"))
    found = await tier.fetch(base.id)
    assert found is not None
    said = [r.blocks[0]["text"].rsplit(" ", 1)[0] for r in SessionState(**found.state).rounds]
    assert sorted(said) == sorted(acknowledged)
    assert [s for s in said if s.startswith("a")] == [f"a {n}" for n in range(15)]


async def test_health_and_ping(tier: Tier) -> None:
    await tier.ping()
    assert await tier.health() == []


async def test_any_text_comes_back(tier: Tier) -> None:
    for text in ("\0", "\uf8ff", "\uf8ff0\0", "\\u0000", '"', "\x7f\x80", "😀" * 30):
        session = Session()
        session.rounds(1, text)
        assert (await tier.push(session.checkpoint(), None)).outcome == "kept"
        found = await tier.fetch(session.id)
        assert found is not None
        assert SessionState(**found.state) == session.state
