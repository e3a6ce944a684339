"""Sessions that are searched, exported, imported, deleted, and let go of when they are old."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from steadyhand_agent.errors import SessionError, SteadyhandError
from steadyhand_agent.session import SessionState
from steadyhand_agent.state import care
from steadyhand_agent.state.journal import Head, record
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.texts import taken_out

TASK = {
    "task": {"prompt": "Add a retry"},
    "limits": {},
    "workspace": "w",
    "checkout": "/c",
    "machine": "",
    "branch": "",
    "commit": "",
    "dirty": "",
}
REPLY = {
    "round": 1, "stop_reason": "tool_use", "charged": 1, "raw": 1, "cached_input": 0, "seconds": 0.1,
    "blocks": [{"type": "text", "text": "An exponential backoff\nwith jitter fits here."}],
}  # fmt: skip


@pytest.fixture
async def journal(tmp_path: Path):
    made = SqliteJournal(tmp_path / "journal.sqlite")
    yield made
    await made.close()


async def session(
    journal: SqliteJournal,
    name: str,
    state: str = "finished",
    at: float = 1.0,
    base: str = "x = 1\n",
) -> SessionState:
    made = SessionState(id=name)
    change = {"path": "a.py", "base": base, "new": base + "y = 2\n"}
    for kind, body in (
        ("task", TASK | {"model": "m"}),
        ("reply", REPLY),
        ("result", {"result": {"text": "Edited."}, "changes": [change]}),
        ("round", {"branch": "main", "commit": "c" * 40, "dirty": ""}),
        ("state", {"state": state, "reason": "because"}),
    ):
        kept, texts = taken_out(kind, body)
        item = record(name, made.head, kind, kept, fence=1, at=at)  # type: ignore[arg-type]
        made.take(item, texts)
        await journal.append(item, made.to_summary(), texts)
    return made


HERE = {"workspace": "elsewhere", "checkout": "/there", "machine": "m"}


async def loaded(journal: SqliteJournal, name: str) -> SessionState:
    from steadyhand_agent.state.tiers import Store

    return await Store(journal, [], print).load(name)


async def test_an_export_comes_in_elsewhere_as_it_was(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    was = await session(journal, "s1", "paused")
    data = await care.exported(journal, "s1")
    other = SqliteJournal(tmp_path / "other" / "journal.sqlite")
    assert await care.imported(other, data, HERE, 9.0) == "s1"
    found = await loaded(other, "s1")
    assert (found.workspace, found.checkout, found.state) == ("elsewhere", "/there", "paused")
    assert (found.bases, found.texts, found.rounds) == (was.bases, was.texts, was.rounds)
    assert [s.session for s in await other.sessions(["elsewhere"])] == ["s1"]
    with pytest.raises(SessionError, match="here already"):
        await care.imported(other, data, HERE, 9.0)
    await other.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.update(form="steadyhand session 99"),
        lambda told: told["records"].pop(1),
        lambda told: told["records"][1].update(body="e30="),
        lambda told: told["records"][1].update(body="no base 64"),
        lambda told: told["records"][0].pop("kind"),
        lambda told: told.update(records=[]),
        lambda told: told["texts"].update(dict.fromkeys(told["texts"], "other")),
        lambda told: told.update(texts={}),
        lambda told: told.pop("session"),
        lambda told: told.clear(),
    ],
)
async def test_a_damaged_export_is_refused_whole(
    journal: SqliteJournal, tmp_path: Path, spoil
) -> None:
    await session(journal, "s1")
    told = orjson.loads(await care.exported(journal, "s1"))
    spoil(told)
    other = SqliteJournal(tmp_path / "other" / "journal.sqlite")
    with pytest.raises(SessionError):
        await care.imported(other, orjson.dumps(told), HERE, 9.0)
    assert await other.sessions() == []
    for nonsense in (b"", b"[]", b"{}", b"\xff", b'{"form": 1}'):
        with pytest.raises(SessionError):
            await care.imported(other, nonsense, HERE, 9.0)
    await other.close()


async def test_an_export_tells_of_secrets_in_the_exact_texts(journal: SqliteJournal) -> None:
    await session(journal, "s1", base="key = 'hunter2hunter2'\n")
    await session(journal, "s2")

    def hide(text: str) -> str:
        return text.replace("hunter2hunter2", "[secret:0]")

    assert care.exact_texts_hold(await care.exported(journal, "s1"), hide)
    assert not care.exact_texts_hold(await care.exported(journal, "s2"), hide)


async def test_an_unknown_session_cannot_be_exported(journal: SqliteJournal) -> None:
    with pytest.raises(SessionError, match="no session nobody"):
        await care.exported(journal, "nobody")


async def test_search_finds_all_of_the_words_wherever_they_stand(journal: SqliteJournal) -> None:
    await session(journal, "old", at=1.0)
    await session(journal, "new", at=2.0)
    found = [one async for one in care.search(journal, "JITTER backoff", ["w"])]
    assert [(f.session.session, f.kind, f.round) for f in found] == [
        ("new", "reply", 1), ("old", "reply", 1),
    ]  # fmt: skip
    assert "backoff with jitter" in found[0].around
    assert [f.kind async for f in care.search(journal, "add a retry")] == ["task", "task"]
    assert [f async for f in care.search(journal, "backoff", ["another workspace"])] == []
    assert [f async for f in care.search(journal, "  ")] == []


def test_what_a_project_says_of_its_code_is_not_searched() -> None:
    told = [{"path": "AGENTS.md", "text": "backoff", "note": ""}]
    task = TASK | {"task": {"prompt": "Add a retry", "conventions": told}}
    assert "backoff" not in care.strings(care.searched(task))
    assert "Add a retry" in care.strings(care.searched(task))
    assert care.searched(REPLY) == REPLY


async def test_delete_takes_the_texts_that_nobody_else_needs(journal: SqliteJournal) -> None:
    one = await session(journal, "one", base="shared = 1\n")
    await session(journal, "two", base="shared = 1\n")
    await session(journal, "three", base="own = 1\n")
    names = set(await journal._do(lambda db: list(db.execute("SELECT name FROM texts"))))
    assert len(names) == 4
    assert await journal.delete("three")
    assert await journal.delete("one")
    assert not await journal.delete("one")
    assert await journal.records("one") == []
    left = await journal._do(lambda db: list(db.execute("SELECT name FROM texts")))
    assert len(left) == 2
    again = await loaded(journal, "two")
    assert again.bases == one.bases


async def test_only_what_is_over_and_old_is_let_go_of(journal: SqliteJournal) -> None:
    day = 86_400.0
    await session(journal, "old", at=1 * day)
    await session(journal, "paused", "paused", at=1 * day)
    await session(journal, "young", at=99 * day)
    assert await care.retire(journal, 100 * day, 0, 0) == []
    assert await care.retire(journal, 100 * day, 30, 0) == ["old"]
    assert {s.session for s in await journal.sessions()} == {"paused", "young"}
    # All of it takes too much: the oldest that are over go, and a paused one never.
    await session(journal, "younger", at=100 * day)
    assert await care.retire(journal, 100 * day, 0, 0.000_001) == ["young", "younger"]
    assert [s.session for s in await journal.sessions()] == ["paused"]


async def test_a_clock_that_is_years_ahead_lets_nothing_go(journal: SqliteJournal) -> None:
    """As of a machine that has not asked for the time yet."""
    day = 86_400.0
    await session(journal, "old", at=1 * day)
    await session(journal, "young", at=99 * day)
    assert await care.retire(journal, 3_000 * day, 30, 0) == []
    assert await care.retire(journal, 100 * day, 30, 0) == ["old"]


Json = dict[str, Any]
ASKED: Json = TASK | {"model": "m"}


def _export(*bodies: tuple[Any, Json], session: str = "0badcafe") -> Json:
    """What somebody could write by hand: every digest and checksum is right."""
    head, records = Head(0, 0, ""), list[Json]()
    for kind, body in bodies:
        item = record(session, head, kind, body, fence=1, at=1.0)
        head = Head(item.seq, item.fence, item.digest)
        told = dataclasses.asdict(item)
        records.append(told | {"body": base64.b64encode(item.body).decode()})
    return {"form": "steadyhand session 1", "session": session, "records": records, "texts": {}}


def _changing(path: str) -> Json:
    change = {"path": path, "base": None, "new": None}
    return {"result": {"text": "done"}, "changes": [change]}


@pytest.mark.parametrize(
    "told",
    [
        _export(("verdict", {"verdict": "permit"})),
        _export(("task", {})),
        _export(("task", ASKED | {"limits": {"rounds": "x"}})),
        _export(("task", ASKED), session="\x1b[2J../../x\n"),
        _export(("task", ASKED), session=""),
        _export(("task", ASKED)) | {"session": "other"},
        _export(("task", ASKED), ("reply", REPLY), ("result", _changing("../../.bashrc"))),
        _export(("task", ASKED), ("reply", REPLY), ("result", _changing("/etc/passwd"))),
        _export(
            ("task", ASKED), ("reply", REPLY), ("result", _changing(".git/hooks/post-checkout"))
        ),
    ],
    ids=range(9),
)
async def test_an_export_that_was_tampered_with_is_one_sentence(
    journal: SqliteJournal, told: Json
) -> None:
    with pytest.raises(SteadyhandError):
        await care.imported(journal, orjson.dumps(told), HERE, 2.0)
    assert await journal.sessions() == []


async def test_an_import_that_does_not_fit_on_the_disk_leaves_nothing(
    journal: SqliteJournal,
) -> None:
    await session(journal, "s1", base=os.urandom(60_000).hex())
    data = await care.exported(journal, "s1")
    await journal.delete("s1")
    pages = await journal._do(lambda db: db.execute("PRAGMA page_count").fetchone())
    assert pages
    await session(journal, "other", base=os.urandom(30_000).hex())
    await journal._do(lambda db: db.execute(f"PRAGMA max_page_count = {pages[0]}"))
    with pytest.raises(SteadyhandError):
        await care.imported(journal, data, HERE, 2.0)
    assert [one.session for one in await journal.sessions()] == ["other"]
    await journal._do(lambda db: db.execute("PRAGMA max_page_count = 1000000"))
    assert await care.imported(journal, data, HERE, 2.0) == "s1"


@pytest.mark.parametrize("field", ["seq", "fence", "schema", "crc"])
@pytest.mark.parametrize("value", ["1", -1, 2**70, None, 1.5])
async def test_an_export_with_other_numbers_is_one_sentence(
    journal: SqliteJournal, field: str, value: Any
) -> None:
    told = _export(("task", ASKED))
    told["records"][0][field] = value
    with pytest.raises(SteadyhandError):
        await care.imported(journal, json.dumps(told).encode(), HERE, 2.0)
