"""The command line as a person runs it: real processes, no terminal."""

from __future__ import annotations

import dataclasses
import io
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from rich.console import Console

from steadyhand_agent.state.journal import Summary
from steadyhand_server import demo
from steadyhand_server.terminal_commands import _list_sessions


def run(
    *words: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "steadyhand_server.cli", *words],
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_version() -> None:
    done = run("--version")
    assert done.stdout.startswith("steadyhand 0.")


def test_check_finds_the_duplicate_and_exits_1(sample: Path) -> None:
    done = run("check", str(sample))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "pressroom/feeds.py:17: T1: `_feed_slug` does the same, statement by statement, as "
        "`slugify` in pressroom/text.py:17."
    ]
    assert "1 finding in 26 files" in done.stderr


def test_check_of_one_file(sample: Path) -> None:
    (sample / "pyproject.toml").exists()
    subprocess.run(["git", "init", "-q"], cwd=sample, check=True)
    assert run("check", str(sample / "pressroom" / "text.py")).returncode == 0
    assert run("check", str(sample / "pressroom" / "feeds.py")).returncode == 1


def test_check_of_clean_code_exits_0(tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    clean.mkdir()
    (clean / "a.py").write_text("X = 1\n")
    assert run("check", str(clean)).returncode == 0


@pytest.mark.parametrize(
    ("words", "environment", "told"),
    [
        (["check", "/no/such/folder"], {}, "does not exist"),
        (["check", "."], {"STEADYHAND_MAX_ROUNDS": "many"}, "max_rounds"),
        (["task", "x"], {"STEADYHAND_REPLAY": "/no/such/script"}, "recorded session"),
        (["resume", "nobody"], {}, "no session nobody"),
        (["undo", "nobody"], {}, "no session nobody"),
        (["task", " "], {}, "empty"),
    ],
)
def test_what_a_person_can_cause_is_one_sentence(
    sample: Path, words: list[str], environment: dict[str, str], told: str
) -> None:
    done = run(*words, cwd=sample, **environment)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout


def test_task_without_a_key_says_how_to_set_one(sample: Path) -> None:
    done = run("task", "x", cwd=sample)
    assert done.returncode == 1
    assert "ANTHROPIC_API_KEY" in done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_task_apply_sessions_undo(sample: Path) -> None:
    before = (sample / "pressroom/archive.py").read_text()
    done = run("task", "x", "--yes", "--replay", str(demo.SCRIPT), cwd=sample)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refuse (duplicate)" in done.stdout.replace("\n", " ").replace("  ", " ")
    assert "archive_path" in (sample / "pressroom/archive.py").read_text()
    listed = run("sessions", cwd=sample)
    assert "finished" in listed.stdout
    session = next(word for word in done.stdout.split() if len(word) == 8 and word in listed.stdout)
    applied = (sample / "pressroom/archive.py").read_text()
    shown = run("hunks", session, cwd=sample)
    assert "pressroom/archive.py" in shown.stdout
    assert "applied" in shown.stdout
    undone = run("undo", session, "--hunk", "h1", cwd=sample)
    assert undone.returncode == 0, undone.stderr
    assert (sample / "pressroom/archive.py").read_text() != applied
    undone = run("undo", session, cwd=sample)
    assert undone.returncode == 0, undone.stderr
    assert (sample / "pressroom/archive.py").read_text() == before
    assert not (sample / "tests/test_archive.py").exists()
    again = run("redo", session, cwd=sample)
    assert again.returncode == 0, again.stderr
    assert (sample / "pressroom/archive.py").read_text() == applied
    wrong = run("undo", session, "--hunk", "h77", cwd=sample)
    assert (wrong.returncode, "no hunk h77" in wrong.stderr) == (2, True)
    state = Path(os.environ["STEADYHAND_STATE_DIR"])
    modes = {p.relative_to(state): stat.S_IMODE(p.stat().st_mode) for p in state.rglob("*")}
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert not {path: oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_sessions_are_searched_shown_exported_imported_and_deleted(
    sample: Path, tmp_path: Path
) -> None:
    done = run("task", "x", "--replay", str(demo.SCRIPT), cwd=sample)
    session = next(word for word in done.stdout.split() if len(word) == 8 and word.isalnum())
    found = run("sessions", "search", "archive_path", cwd=sample)
    assert found.returncode == 0
    assert session in found.stdout
    assert run("sessions", "search", "never said", cwd=sample).returncode == 1
    shown = run("sessions", "show", session, cwd=sample)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("# x\n")
    assert "Refused (duplicate):" in shown.stdout
    assert run("sessions", "show", "00000000", cwd=sample).returncode == 2
    file = tmp_path / "out.json"
    told = run("sessions", "export", session, str(file), cwd=sample)
    assert told.returncode == 0, told.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "secrets" not in told.stdout
    again = run("sessions", "export", session, str(file), cwd=sample)
    assert (again.returncode, "cannot be written" in again.stderr) == (2, True)
    gone = run("sessions", "delete", session, cwd=sample)
    assert gone.returncode == 0, gone.stderr
    assert run("undo", session, cwd=sample).returncode == 2
    assert run("sessions", "import", str(file), cwd=sample).returncode == 0
    applied = run("apply", session, cwd=sample)
    assert applied.returncode == 0, applied.stderr
    assert "archive_path" in (sample / "pressroom/archive.py").read_text()
    usage = run("sessions", "delete", cwd=sample)
    assert (usage.returncode, "steadyhand sessions delete" in usage.stderr) == (2, True)
    wrong = run("sessions", "import", "nowhere.json", cwd=sample)
    assert (wrong.returncode, "cannot be read" in wrong.stderr) == (2, True)


def test_some_hunks_of_a_proposal_that_waits(sample: Path) -> None:
    done = run("task", "x", "--replay", str(demo.SCRIPT), cwd=sample)
    session = next(word for word in done.stdout.split() if len(word) == 8 and word.isalnum())
    listed = run("hunks", session, cwd=sample)
    assert "open" in listed.stdout
    assert "@@" in listed.stdout
    (hunk,) = {w for line in listed.stdout.splitlines() if "tests/test_archive.py" in line
               for w in line.split() if w.startswith("h") and w[1:].isdigit()}  # fmt: skip
    some = run("apply", session, "--hunk", hunk, cwd=sample)
    assert some.returncode == 0, some.stderr
    assert (sample / "tests/test_archive.py").exists()
    assert "archive_path" not in (sample / "pressroom/archive.py").read_text()
    rest = run("apply", session, cwd=sample)
    assert rest.returncode == 0, rest.stderr
    assert "archive_path" in (sample / "pressroom/archive.py").read_text()


def test_without_a_terminal_nothing_is_applied_unasked(sample: Path) -> None:
    done = run("task", "x", "--replay", str(demo.SCRIPT), cwd=sample)
    assert done.returncode == 1
    assert "--yes" in done.stdout
    assert "archive_path" not in (sample / "pressroom/archive.py").read_text()


def test_a_recording_replays_and_holds_no_absolute_path(sample: Path, tmp_path: Path) -> None:
    recorded = tmp_path / "session.jsonl"
    done = run(
        "task", "x", "--yes", "--replay", str(demo.SCRIPT), "--record", str(recorded), cwd=sample
    )
    assert done.returncode == 0, done.stdout
    assert str(tmp_path) not in recorded.read_text()
    steps = [orjson.loads(line) for line in recorded.read_bytes().splitlines()]
    script = [orjson.loads(line) for line in demo.SCRIPT.read_bytes().splitlines()]
    assert steps[1:] == script[1:]


def test_a_replay_that_diverges_fails_loudly(sample: Path) -> None:
    module = sample / "pressroom/archive.py"
    module.write_text(module.read_text().replace("newest month first", "oldest month first"))
    done = run("task", "x", "--yes", "--replay", str(demo.SCRIPT), cwd=sample)
    assert done.returncode == 1
    assert "diverged before reply 2" in " ".join(done.stdout.split())
    assert "archive_path" not in module.read_text()


def test_doctor(sample: Path, tmp_path: Path) -> None:
    done = run("doctor", cwd=sample)
    assert done.returncode == 1  # There is no key.
    assert "ANTHROPIC_API_KEY" in done.stdout
    assert "state directory" in done.stdout
    done = run("doctor", cwd=sample, ANTHROPIC_API_KEY="secret-key-value")
    assert done.returncode == 0
    assert "secret-key-value" not in done.stdout + done.stderr
    settings = {
        "STEADYHAND_PROVIDER": "openai_compatible",
        "STEADYHAND_API_KEY_COMMAND": "echo one-secret",
    }
    done = run("doctor", cwd=sample, **settings)
    assert "API key: set" in done.stdout
    assert "(openai_compatible) at the provider's own address" in done.stdout
    assert "one-secret" not in done.stdout + done.stderr
    local = {
        **settings,
        "STEADYHAND_API_KEY_COMMAND": "",
        "STEADYHAND_BASE_URL": "http://127.0.0.1:1",
    }
    assert run("doctor", cwd=sample, **local).returncode == 0
    done = run("doctor", cwd=sample, STEADYHAND_REDIS_URL="redis://127.0.0.1:1/0")
    assert "missing  Redis" in done.stdout


def test_doctor_names_what_is_not_read(sample: Path, tmp_path: Path) -> None:
    for name, data in {
        "broken.py": b"def f(:\n    pass\n",
        "binary.py": b"a = 1\0",
        "latin.py": b"a = '\xe9'\n",
        "huge.py": b"a = 1\n" * 200_000,
        "made.py": b"# Code generated by x. DO NOT EDIT.\ndef f():\n    return 1\n",
        "vendor/theirs.py": b"def g():\n    return 1\n",
    }.items():
        (sample / name).parent.mkdir(exist_ok=True)
        (sample / name).write_bytes(data)
    told = run("doctor", "--root", str(sample), cwd=tmp_path).stdout
    assert "read in part, syntax errors: 1 (broken.py)" in told
    assert "left out, binary: 1 (binary.py)" in told
    assert "left out, no UTF-8: 1 (latin.py)" in told
    assert "left out, over 1 MB: 1 (huge.py)" in told
    assert "left out, other people's code: 1 (vendor/theirs.py)" in told
    assert "written by a program, nothing is found there: 1 (made.py)" in told
    # Started in a folder that may be somebody's home it waits for no index.
    assert "no git repository" in run("doctor", cwd=tmp_path).stdout


def test_doctor_and_a_task_say_which_conventions_are_taken(sample: Path) -> None:
    assert "conventions: no AGENTS.md, CLAUDE.md in this folder" in run("doctor", cwd=sample).stdout
    (sample / "AGENTS.md").symlink_to("/etc/passwd")
    (sample / "CLAUDE.md").write_text("Names are in English. [red]No[/red]\n" * 1_000)
    told = run("doctor", cwd=sample).stdout
    assert "note     conventions: AGENTS.md, not taken: `AGENTS.md` leads out of" in told
    part = "CLAUDE.md, in part: 6,000 of 35,999 bytes"
    assert f"ok       conventions: {part}, at most 2,0" in told
    told = run("doctor", cwd=sample, STEADYHAND_MAX_TOKENS="16000").stdout
    assert "in part: 3,000 of 35,999 bytes, at most 1,0" in told
    told = run("doctor", cwd=sample, STEADYHAND_CONVENTIONS="[]").stdout
    assert "conventions: none are read, as you have set it" in told

    done = run("task", "look", "--replay", str(demo.SCRIPT), cwd=sample)
    assert "conventions: AGENTS.md (not taken: " in done.stdout, done.stdout + done.stderr
    assert "conventions: CLAUDE.md (in part: 6,000 of 35,999 bytes)" in done.stdout


def test_a_disk_that_is_full_is_one_sentence(sample: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "steadyhand_server.cli", "check", "--format", "json"],
            cwd=sample, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.strip().endswith("steadyhand: No space left on device.")
    assert "Traceback" not in done.stderr


def test_the_demo(tmp_path: Path) -> None:
    done = run("demo", cwd=tmp_path, COLUMNS="200")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout
    for words in (
        "a script written by hand plays the model",
        "pressroom/feeds.py:17",
        "Use `slugify` from `pressroom.text`",
        "round 2/20",
        "/32,000 tokens",
        "refuse (duplicate)",
        "+from pressroom.text import counted, slugify",
        "Ran 64 tests",
        "OK",
        "undone: tests/test_archive.py",
        "VS Code",
        "Neovim",
    ):
        assert words in shown, words
    assert done.stderr == ""


async def test_what_others_wrote_into_a_shared_store_moves_no_cursor() -> None:
    wipe = "\x1b[2J"
    told = Summary(
        f"s{wipe}", "w", "paused", f"x {wipe}\nwipes", 1, 2, 3, 4, 0.0, 0.0,
        checkout=f"/c{wipe}", machine=f"m{wipe}", only_in="Redis",
    )  # fmt: skip

    async def listed() -> list[Summary]:
        return [told, dataclasses.replace(told, only_in="")]

    engine: Any = SimpleNamespace(
        sessions=SimpleNamespace(list=listed), workspace=SimpleNamespace(root=Path("/here"))
    )
    out = io.StringIO()
    await _list_sessions(engine, Console(file=out, width=200))
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().count("wipes") == 2
