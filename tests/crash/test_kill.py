"""kill -9 at every journaled step: afterwards no round is lost and none is done twice.

The model is the demo's script. It is strict: a replay whose tools answer otherwise, in another
order or once more than before fails, so the resumed session must go on exactly where it stood.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Head, verified
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.tiers import Store
from steadyhand_server import demo
from steadyhand_server.client import Client

VICTIM = Path(__file__).parent / "victim.py"
# task, five rounds of call, reply, verdicts, results and round, hunks after the two that changed a
# text, the proposal, and the state: a run that is not disturbed writes so many records
# (test_the_number_of_steps holds it true).
STEPS = 33


def environment(folder: Path, crash_at: str = "", script: Path = demo.SCRIPT) -> dict[str, str]:
    found = {k: v for k, v in os.environ.items() if not k.startswith("STEADYHAND_")}
    found |= {
        # A call that dies keeps its reservation as its charge; a storm of them needs a budget.
        "STEADYHAND_MAX_TOKENS": "400000",
        "STEADYHAND_STATE_DIR": str(folder / "state"),
        "STEADYHAND_REPLAY": str(script),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    if crash_at:
        found["STEADYHAND_CRASH_AT"] = crash_at
    return found


def task(
    folder: Path, sample: Path, *words: str, crash_at: str = "", script: Path = demo.SCRIPT
) -> int:
    command = [sys.executable, "-P", str(VICTIM), *words, "--path", str(sample)]
    done = subprocess.run(
        command,
        env=environment(folder, crash_at, script),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode


async def journal(folder: Path) -> tuple[str, SessionState]:
    """The one session in the journal, its chain verified."""
    kept = SqliteJournal(folder / "state" / "journal.sqlite")
    (summary,) = await kept.sessions()
    records = await kept.records(summary.session)
    good, broken = verified(records, Head(0, 0, ""))
    assert broken is None
    assert len(good) == len(records)
    state = await Store(kept, [], print).load(summary.session)
    await kept.close()
    return summary.session, state


def check_whole(state: SessionState) -> None:
    """What an undisturbed run comes to."""
    assert state.state == "waiting"
    assert [r.number for r in state.rounds] == [1, 2, 3, 4, 5]
    assert [len(r.results) for r in state.rounds] == [2, 1, 2, 1, 1]
    assert [len(r.verdicts) for r in state.rounds] == [2, 1, 2, 1, 0]
    assert all(r.over for r in state.rounds)
    assert "archive_path" in (state.texts["pressroom/archive.py"] or "")
    assert set(state.texts) == {"pressroom/archive.py", "tests/test_archive.py"}


def kill_and_resume(tmp_path: Path, sample: Path, crash_at: str) -> None:
    before = (sample / "pressroom/archive.py").read_text()
    code = task(tmp_path, sample, "task", "x", crash_at=crash_at)
    assert code == -signal.SIGKILL
    if crash_at == "1-":
        return  # The task was never acknowledged, so there is nothing to resume.
    session, _ = asyncio.run(journal(tmp_path))
    task(tmp_path, sample, "resume", session)
    _, state = asyncio.run(journal(tmp_path))
    check_whole(state)
    assert (sample / "pressroom/archive.py").read_text() == before


def test_the_number_of_steps(tmp_path: Path, sample: Path) -> None:
    assert task(tmp_path, sample, "task", "x") == 1  # It waits for a decision.
    _, state = asyncio.run(journal(tmp_path))
    check_whole(state)
    assert state.seq == STEPS


@pytest.mark.parametrize("crash_at", ["1+", "4-", "5+", "12+", "20-", f"{STEPS}+"])
def test_kill_at_some_steps(tmp_path: Path, sample: Path, crash_at: str) -> None:
    kill_and_resume(tmp_path, sample, crash_at)


@pytest.mark.crash
@pytest.mark.parametrize("side", ["-", "+"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_kill_at_every_step(tmp_path: Path, sample: Path, step: int, side: str) -> None:
    kill_and_resume(tmp_path, sample, f"{step}{side}")


@pytest.mark.parametrize("crash_at", [f"{STEPS + n}{side}" for n in (1, 2, 3) for side in "-+"])
def test_kill_while_it_is_applied(tmp_path: Path, sample: Path, crash_at: str) -> None:
    """Before and after the intent, the outcome and the end: what was written can be taken back."""
    before = {path: path.read_bytes() for path in sample.rglob("*.py")}
    code = task(tmp_path, sample, "task", "x", "--yes", crash_at=crash_at)
    assert code == -signal.SIGKILL
    session, _ = asyncio.run(journal(tmp_path))
    now = {path: path.read_bytes() for path in sample.rglob("*.py")}
    undone = task(tmp_path, sample, "undo", session)
    assert undone == (0 if now != before else 2)
    assert {path: path.read_bytes() for path in sample.rglob("*.py")} == before
    assert task(tmp_path, sample, "redo", session) == (0 if now != before else 2)
    assert {path: path.read_bytes() for path in sample.rglob("*.py")} == now


@pytest.mark.crash
def test_kill_again_and_again(tmp_path: Path, sample: Path) -> None:
    """Every process gets two records further and dies; the session still comes to its end."""
    task(tmp_path, sample, "task", "x", crash_at="2+")
    session, state = asyncio.run(journal(tmp_path))
    for _ in range(60):
        # Resuming writes a lease and a state before it goes on.
        task(tmp_path, sample, "resume", session, crash_at="4+")
        _, state = asyncio.run(journal(tmp_path))
        if state.state == "waiting":
            break
    check_whole(state)


def circling(folder: Path) -> Path:
    """A script that takes one step for ever; it has one reply more than the guard lets it."""
    read = {"path": "pressroom/tags.py", "reason": "again"}
    lines = (demo.SAMPLE / "pressroom/tags.py").read_text().splitlines()
    said = "\n".join(f"{number}\t{line}" for number, line in enumerate(lines, 1))
    # A replay does not look at blanks at the ends of lines.
    said = re.sub(r"[ \t]+(?=\n|$)", "", said)
    steps = [
        {
            "expect": [{"tool": "read_file", "result": said}] if number else [],
            "blocks": [
                {"type": "tool_use", "id": f"c{number}", "name": "read_file", "input": read}
            ],
        }
        for number in range(6)
    ]
    script = folder / "circling.jsonl"
    lines = [{"steadyhand-replay": 1, "label": "in circles", "task": "x"}, *steps]
    script.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return script


def killed_in_a_circle(tmp_path: Path, sample: Path, crash_at: str) -> None:
    """Wherever it is killed: the same nudge after the third round, the same stop after the fifth."""
    script = circling(tmp_path)
    code = task(tmp_path, sample, "task", "x", crash_at=crash_at, script=script)
    assert code == -signal.SIGKILL
    session, before = asyncio.run(journal(tmp_path))
    if before.state == "running":
        task(tmp_path, sample, "resume", session, script=script)
    _, state = asyncio.run(journal(tmp_path))
    assert [len(r.notes) for r in state.rounds] == [0, 0, 1, 0, 0]
    assert state.state == "paused"
    assert state.reason.startswith("The agent is stuck")


# The third round's result, its note, its end; the fifth's result, its end; the pause.
@pytest.mark.parametrize("crash_at", ["14+", "15-", "15+", "16+", "25+", "26+", "27-", "27+"])
def test_a_session_in_a_circle_stops_at_the_same_point(
    tmp_path: Path, sample: Path, crash_at: str
) -> None:
    killed_in_a_circle(tmp_path, sample, crash_at)


@pytest.mark.crash
@pytest.mark.parametrize("side", ["-", "+"])
@pytest.mark.parametrize("step", range(2, 28))
def test_a_circle_is_killed_at_every_step(
    tmp_path: Path, sample: Path, step: int, side: str
) -> None:
    killed_in_a_circle(tmp_path, sample, f"{step}{side}")


def going_on(folder: Path) -> Path:
    """The demo's script, and what the model does when it is told more."""
    read = {"path": "README.md", "reason": "asked"}
    said = "\n".join(
        f"{number}\t{line}"
        for number, line in enumerate((demo.SAMPLE / "README.md").read_text().splitlines(), 1)
    )
    steps = [
        {
            "expect": [{"tool": "finish", "result": "Offered."}],
            "blocks": [{"type": "tool_use", "id": "r1", "name": "read_file", "input": read}],
        },
        {
            "expect": [{"tool": "read_file", "result": re.sub(r"[ \t]+(?=\n|$)", "", said)}],
            "blocks": [
                {"type": "tool_use", "id": "r2", "name": "finish", "input": {"summary": "s"}}
            ],
        },
    ]
    script = folder / "going_on.jsonl"
    script.write_text(demo.SCRIPT.read_text() + "".join(json.dumps(step) + "\n" for step in steps))
    return script


# lease, word, state, two rounds of call, reply, verdict, result and round, the proposal, the state.
REPLY_STEPS = 14


def killed_after_a_reply(tmp_path: Path, sample: Path, crash_at: str) -> None:
    """The word is there once, is heard once, and what was done by it is done once."""
    script = going_on(tmp_path)
    task(tmp_path, sample, "task", "x", script=script)
    session, before = asyncio.run(journal(tmp_path))
    check_whole(before)
    code = task(tmp_path, sample, "reply", session, "look again", crash_at=crash_at, script=script)
    assert code == -signal.SIGKILL
    _, state = asyncio.run(journal(tmp_path))
    kept = int(crash_at[:-1]) + (crash_at[-1] == "+") > 2
    assert [(word.after, word.said.prompt) for word in state.words] == [(5, "look again")] * kept
    task(tmp_path, sample, "resume", session, script=script)
    _, state = asyncio.run(journal(tmp_path))
    assert state.state == "waiting"
    assert not state.unheard
    assert len(state.rounds) == (7 if kept else 5)
    assert all(r.over for r in state.rounds)
    assert [len(r.results) for r in state.rounds[5:]] == [1, 1] * kept
    assert state.texts == before.texts


@pytest.mark.parametrize("crash_at", ["2-", "2+", "3+", "5-", "9+", f"{REPLY_STEPS}-"])
def test_a_reply_is_killed_at_some_steps(tmp_path: Path, sample: Path, crash_at: str) -> None:
    killed_after_a_reply(tmp_path, sample, crash_at)


@pytest.mark.crash
@pytest.mark.parametrize("side", ["-", "+"])
@pytest.mark.parametrize("step", range(1, REPLY_STEPS + 1))
def test_a_reply_is_killed_at_every_step(
    tmp_path: Path, sample: Path, step: int, side: str
) -> None:
    killed_after_a_reply(tmp_path, sample, f"{step}{side}")


async def test_the_server_is_killed_and_resumed(tmp_path: Path, sample: Path) -> None:
    """The same through the language server: sessions lists it, resume goes on, apply works."""
    victim = [sys.executable, "-P", str(VICTIM), "lsp"]
    first = await Client.start(victim, environment=environment(tmp_path, "14+"))
    await first.initialize(sample)
    started = await first.command("steadyhand.task", {"prompt": "x"})
    assert await first.ended() == -signal.SIGKILL

    second = await Client.start(victim, environment=environment(tmp_path))
    asked: list[str] = []

    async def apply(params):
        asked.append(params["message"])
        return {"title": "Apply"}

    second.on_request["window/showMessageRequest"] = apply
    await second.initialize(sample)
    told = await second.wait_for(lambda method, _: method == "window/showMessage")
    assert started["session"] in told["message"]
    (listed,) = (await second.command("steadyhand.sessions"))["sessions"]
    assert (listed["id"], listed["state"]) == (started["session"], "paused")
    await second.command("steadyhand.resume", {"session": started["session"]})
    await second.wait_for(
        lambda method, params: method == "steadyhand/session" and params["state"] == "finished"
    )
    assert len(asked) == 1
    await second.save_all()
    assert "archive_path" in (sample / "pressroom/archive.py").read_text()
    assert await second.stop() == 0


def test_a_damaged_record_costs_what_came_after_it_and_nothing_else(
    tmp_path: Path, sample: Path
) -> None:
    """It is said, the bytes are put aside, and the session goes on from the last good record."""
    task(tmp_path, sample, "task", "x")
    session, before = asyncio.run(journal(tmp_path))
    import apsw

    path = str(tmp_path / "state" / "journal.sqlite")
    db = apsw.Connection(path)
    body = db.execute("SELECT body FROM records WHERE seq = 9").get
    flipped = bytes([*body[:10], body[10] ^ 1, *body[11:]])
    db.execute("UPDATE records SET body = ? WHERE seq = 9", (flipped,))
    db.close()
    command = [sys.executable, "-P", str(VICTIM), "resume", session, "--path", str(sample)]
    done = subprocess.run(
        command, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "damaged" in done.stdout
    assert "4 rounds were lost after round 1" in " ".join(done.stdout.split())
    _, after = asyncio.run(journal(tmp_path))
    check_whole(after)
    assert after.rounds[0] == before.rounds[0]
    db = apsw.Connection(path)
    assert db.execute("SELECT count(*) FROM quarantined").get == STEPS - 8
    db.close()


def test_two_writers_one_wins(tmp_path: Path, sample: Path) -> None:
    shutil.rmtree(tmp_path / "state", ignore_errors=True)

    async def race() -> None:
        from steadyhand_agent.errors import StaleWriter
        from steadyhand_agent.state.journal import record

        store = SqliteJournal(tmp_path / "state" / "journal.sqlite")
        other = SqliteJournal(tmp_path / "state" / "journal.sqlite")
        state = SessionState(id="s", workspace="w")
        body = {"task": {"prompt": "p"}, "limits": {}, "workspace": "w", "checkout": "c"}
        body |= {"machine": "", "branch": "", "commit": "", "dirty": ""}
        item = record("s", state.head, "task", body | {"model": "m"}, fence=1, at=1.0)
        state.take(item)
        await store.append(item, state.to_summary())
        fence = await other.take("s")
        stale = record("s", state.head, "note", {"text": "late"}, fence=1, at=2.0)
        with pytest.raises(StaleWriter):
            await store.append(stale, state.to_summary())
        fresh = record("s", state.head, "note", {"text": "mine"}, fence=fence, at=2.0)
        await other.append(fresh, state.to_summary())
        assert [r.fence for r in await store.records("s")] == [1, 2]
        await store.close()
        await other.close()

    asyncio.run(race())
