"""What every journal must do. One more store is one more line in `JOURNALS`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_stores import MemoryJournal
from steadyhand_agent.errors import CorruptRecord, JournalError, StaleWriter
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Head, Journal, record, verified
from steadyhand_agent.state.sqlite import SqliteJournal


def sqlite(folder: Path) -> Journal:
    return SqliteJournal(folder / "journal.sqlite")


def memory(folder: Path) -> Journal:
    return MemoryJournal()


JOURNALS = {"memory": memory, "sqlite": sqlite}
TASK = {
    "task": {"prompt": "p"},
    "limits": {},
    "workspace": "w",
    "checkout": "c",
    "machine": "x",
    "model": "m",
    "branch": "",
    "commit": "",
    "dirty": "",
}


@pytest.fixture(params=sorted(JOURNALS))
async def journal(request: pytest.FixtureRequest, tmp_path: Path):
    made = JOURNALS[request.param](tmp_path)
    yield made
    await made.close()


async def begin(journal: Journal, name: str = "s") -> SessionState:
    state = SessionState(id=name, workspace="w")
    await add(journal, state, "task", TASK)
    return state


async def add(journal: Journal, state: SessionState, kind, body, fence: int = 1):
    item = record(state.id, state.head, kind, body, fence=fence, at=1.0 + state.seq)
    state.take(item)
    await journal.append(item, state.to_summary())
    return item


async def test_records_come_back_in_order(journal: Journal) -> None:
    state = await begin(journal)
    for number in range(50):
        await add(journal, state, "note", {"text": f"{number} é 😀 \u0000"})
    records = await journal.records("s")
    assert [r.seq for r in records] == list(range(1, 52))
    assert [r.read()["text"] for r in records[1:]] == [f"{n} é 😀 \u0000" for n in range(50)]
    assert [r.seq for r in await journal.records("s", after=48)] == [49, 50, 51]
    head = await journal.head("s")
    assert head is not None
    assert (head.seq, head.digest) == (51, state.digest)


async def test_unknown_sessions(journal: Journal) -> None:
    assert await journal.head("nobody") is None
    assert await journal.records("nobody") == []
    with pytest.raises(JournalError):
        await journal.take("nobody")


async def test_a_record_that_does_not_fit_is_refused(journal: Journal) -> None:
    state = await begin(journal)
    for head in (Head(0, 1, ""), Head(5, 1, state.digest), Head(1, 1, "other")):
        item = record("s", head, "note", {"text": "x"}, fence=1, at=2.0)
        with pytest.raises(JournalError):
            await journal.append(item, state.to_summary())
    assert len(await journal.records("s")) == 1


async def test_an_old_fence_is_refused(journal: Journal) -> None:
    state = await begin(journal)
    assert await journal.take("s") == 2
    with pytest.raises(StaleWriter):
        await add(journal, state, "note", {"text": "x"}, fence=1)


async def test_one_bad_append_does_not_take_the_others_along(journal: Journal) -> None:
    good, bad = await begin(journal, "good"), await begin(journal, "bad")
    await journal.take("bad")
    results = await asyncio.gather(
        add(journal, good, "note", {"text": "a"}),
        add(journal, bad, "note", {"text": "b"}),
        add(journal, await begin(journal, "third"), "note", {"text": "c"}),
        return_exceptions=True,
    )
    assert [isinstance(r, StaleWriter) for r in results] == [False, True, False]
    assert len(await journal.records("good")) == 2
    assert len(await journal.records("bad")) == 1


async def test_sessions_by_workspace_newest_first(journal: Journal) -> None:
    for name in ("a", "b", "c"):
        await add(journal, await begin(journal, name), "note", {"text": "x"})
    other = SessionState(id="d", workspace="elsewhere")
    item = record("d", other.head, "task", TASK | {"workspace": "elsewhere"}, fence=1, at=9.0)
    other.take(item)
    await journal.append(item, other.to_summary())
    assert (await journal.sessions())[0].session == "d"
    assert {s.session for s in await journal.sessions(["w"])} == {"a", "b", "c"}


async def test_many_sessions_at_once(journal: Journal) -> None:
    async def work(name: str) -> None:
        state = await begin(journal, name)
        for number in range(20):
            await add(journal, state, "note", {"text": str(number)})

    await asyncio.gather(*(work(f"s{n}") for n in range(20)))
    for n in range(20):
        good, broken = verified(await journal.records(f"s{n}"), Head(0, 0, ""))
        assert broken is None
        assert len(good) == 21


def test_a_record_over_one_megabyte_is_refused() -> None:
    with pytest.raises(JournalError, match="larger"):
        record("s", Head(0, 0, ""), "note", {"text": "x" * 1_000_001}, fence=1, at=0.0)


@settings(max_examples=60)
@given(data=st.data(), bodies=st.lists(st.text(max_size=20), min_size=2, max_size=6))
def test_any_damage_is_noticed(data: st.DataObject, bodies: list[str]) -> None:
    head, records = Head(0, 0, ""), []
    for number, text in enumerate(bodies):
        item = record("s", head, "note", {"text": text}, fence=1, at=float(number))
        records.append(item)
        head = Head(item.seq, item.fence, item.digest)
    place = data.draw(st.integers(0, len(records) - 1))
    from dataclasses import replace

    victim = records[place]
    how = data.draw(st.sampled_from(["flip", "cut", "gap", "seq", "fence", "swap"]))
    if how == "flip":
        at = data.draw(st.integers(0, len(victim.body) - 1))
        body = bytearray(victim.body)
        body[at] ^= 1 << data.draw(st.integers(0, 7))
        records[place] = replace(victim, body=bytes(body))
    elif how == "cut":
        records[place] = replace(victim, body=victim.body[:-1])
    elif how == "gap":
        if place == len(records) - 1:
            return  # A missing tail is told by the head, not by the chain.
        del records[place]
    elif how == "seq":
        records[place] = replace(victim, seq=victim.seq + 1)
    elif how == "fence":
        records[place] = replace(victim, fence=victim.fence + 1)
    else:
        other = (place + 1) % len(records)
        records[place], records[other] = records[other], records[place]
    good, broken = verified(records, Head(0, 0, ""))
    assert isinstance(broken, CorruptRecord)
    assert len(good) <= place


async def test_files_are_private(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "deep" / "journal.sqlite")
    await begin(journal)
    for path in (tmp_path / "deep").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    assert (tmp_path / "deep").stat().st_mode & 0o077 == 0
    await journal.close()


async def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    import apsw

    path = tmp_path / "journal.sqlite"
    db = apsw.Connection(str(path))
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="newer"):
        SqliteJournal(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_sentence(sample: Path) -> None:
    environment = dict(os.environ) | {"STEADYHAND_STATE_DIR": "/proc/nothing"}
    words = [
        sys.executable,
        "-P",
        "-m",
        "steadyhand_server.cli",
        "task",
        "x",
        "--path",
        str(sample),
    ]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "STEADYHAND_STATE_DIR" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_job_that_fails_in_any_way_leaves_the_journal_working(journal: Journal) -> None:
    with pytest.raises(JournalError):
        await journal.head("\ud800")
    state = await begin(journal)
    assert (await journal.head("s")) == state.head
