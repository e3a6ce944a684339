"""`steadyhand compare`: real runs of recorded sessions on copies, and the arithmetic."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from steadyhand_server import demo
from steadyhand_server.cli import main
from steadyhand_server.compare import quiet
from steadyhand_server.trials import Trial, chance, difference, mean_interval, spread, success

Printed = Callable[..., tuple[int, str, str]]


def trial(model: str, done: bool, tokens: int = 100, **more: Any) -> Trial:
    return Trial(model, "t", done, 3, tokens, 1.0, 0, **more)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    def run(*arguments: str, guard: Sequence[str] = ("--unguarded",)) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["compare", *arguments, *guard])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def tasks(sample: Path) -> Path:
    """The demo's task, with the sample's own tests as its check; one recording does nothing."""
    file = sample.parent / "tasks.toml"
    python = sys.executable
    file.write_text(
        "[[task]]\n"
        f"name = 'archive'\nprompt = {demo.PROMPT!r}\nworkspace = 'sample'\n"
        f"check = '''{python} -c \"import pressroom.archive as a; a.archive_path\"'''\n"
    )
    shutil.copy(demo.SCRIPT, sample.parent / "good.jsonl")
    step = {"blocks": [_finish()], "stop_reason": "tool_use", "expect": []}
    head = {"steadyhand-replay": 1, "label": "idle", "task": "x"}
    (sample.parent / "idle.jsonl").write_text(f"{json.dumps(head)}\n{json.dumps(step)}\n")
    return file


def _finish() -> dict[str, Any]:
    given = {"summary": "nothing to do", "reason": "r"}
    return {"type": "tool_use", "id": "c1", "name": "finish", "input": given}


def test_two_recordings_are_compared(tasks: Path, sample: Path, printed: Printed) -> None:
    before = {p: p.read_bytes() for p in sample.rglob("*") if p.is_file()}
    good, idle = (f"replay:{tasks.parent / name}" for name in ("good.jsonl", "idle.jsonl"))
    options = ["--models", f"{good},{idle}", "--tasks", str(tasks), "-n", "2", "--format", "json"]
    code, out, _ = printed(*options)
    told = json.loads(out)
    assert code == 0, told
    assert [(t["model"] == good, t["success"]) for t in told] == [(True, True), (False, False)] * 2
    assert all(t["rounds"] >= 1 and not t["error"] for t in told)
    assert told[0]["refusals"] >= 1
    assert {p: p.read_bytes() for p in sample.rglob("*") if p.is_file()} == before


def test_without_a_sandbox_nothing_runs_unless_told(
    tasks: Path, printed: Printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    text = tasks.read_text().partition("check = ")[0]
    tasks.write_text(f"{text}check = 'touch {ran}'\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("touch", "git"):
        (programs / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(programs))
    good = f"replay:{tasks.parent / 'good.jsonl'}"
    options = ["--models", good, "--tasks", str(tasks), "-n", "1", "--format", "json"]
    code, out, error = printed(*options, guard=())
    assert (code, out) == (2, "")
    assert "bubblewrap" in error
    assert "--unguarded" in error
    assert not ran.exists()
    code, out, _ = printed(*options)
    assert (code, json.loads(out)[0]["success"]) == (0, True)
    assert ran.exists()


async def test_a_run_asks_nobody_even_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quiet console is still a terminal: the question was not seen, and waited for an answer."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\nyes\n"))
    assert Console(quiet=True).is_terminal
    editor = quiet(tmp_path)
    assert await editor.grant("spent", "+1 round") is False
    assert await editor.confirm("run it?", "+x\n") is None
    assert sys.stdin.read() == "y\nyes\n"


def test_the_table_is_for_a_person(tasks: Path, printed: Printed) -> None:
    idle = f"replay:{tasks.parent / 'idle.jsonl'}"
    code, out, _ = printed("--models", idle, "--tasks", str(tasks), "-n", "1")
    assert code == 0
    assert "0% (0% to 79%)" in out
    assert "│ archive │" in out.replace("  ", "")
    assert "replay:idle.jsonl, archive: finished" in out


def test_a_run_that_could_not_be_made_is_no_failure_of_the_model(
    tasks: Path, printed: Printed
) -> None:
    """No key, or a check that is no program: the exit code says so, and why."""
    options = ["--tasks", str(tasks), "-n", "1", "--format", "json"]
    code, out, _ = printed("--models", "some-model", *options)
    assert code == 1
    assert "API key" in json.loads(out)[0]["error"]
    tasks.write_text(tasks.read_text().split("check =")[0] + "check = 'no-such-program'\n")
    idle = f"replay:{tasks.parent / 'idle.jsonl'}"
    code, out, _ = printed("--models", idle, *options)
    assert code == 1
    assert "could not be started" in json.loads(out)[0]["error"]


def test_a_recording_that_is_missing_is_said_and_the_others_run(
    tasks: Path, printed: Printed
) -> None:
    idle = f"replay:{tasks.parent / 'idle.jsonl'}"
    options = ["--models", f"replay:nowhere.jsonl,{idle}", "--tasks", str(tasks), "-n", "1"]
    code, out, _ = printed(*options, "--format", "json")
    assert code == 1
    told = json.loads(out)
    assert "there is no recording" in told[0]["error"]
    assert not told[1]["error"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs [[task]] tables"),
        ("[[task]]\nname='a'\nprompt='p'\n[[task]]\nname='a'\nprompt='q'\n", "its own name"),
        ("[[task]]\nname='a'\nprompt='p'\nworkspace='nowhere'\n", "there is no folder"),
        ("[[task]]\nname='a'\n", "prompt"),
        ("[[task]]\nname='a'\nprompt='p'\nchek='x'\n", "chek"),
        ("no toml", "cannot be read"),
    ],
)
def test_a_wrong_tasks_file_is_said(tmp_path: Path, printed: Printed, text: str, said: str) -> None:
    file = tmp_path / "tasks.toml"
    file.write_text(text)
    code, _, error = printed("--models", "m", "--tasks", str(file))
    assert code == 2
    assert said in error


@pytest.mark.parametrize(
    ("wins", "runs", "low", "high"),
    # Wilson's interval, by the worked examples of Newcombe (1998), table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_of_shares(wins: int, runs: int, low: float, high: float) -> None:
    found = success([trial("a", n < wins) for n in range(runs)])
    assert found == pytest.approx((low, high), abs=5e-5)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_an_interval_of_means_holds_the_mean(values: list[float]) -> None:
    low, high = mean_interval(values)
    mean = sum(values) / len(values)
    slack = 1e-6 + 0.2 * (max(values) - min(values))
    assert min(values) - 1e-6 <= low <= mean + slack
    assert mean - slack <= high <= max(values) + 1e-6


def test_what_may_be_said() -> None:
    a = [trial("a", True, 100 + n) for n in range(12)]
    b = [trial("b", False, 200 + n) for n in range(12)]
    told = difference(a, b)
    assert told[0] == "b has 100% less success than a."
    assert "more tokens than a." in told[1]
    assert difference(a, a[:]) == ["Between a and a no difference can be told from 12 runs each."]
    assert chance([1, 1], [0, 0]) > 0.05
    assert spread([]) == "–"
