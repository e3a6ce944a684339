"""The tools that ask git, in ordinary and in hostile repositories."""

import contextlib
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

import secret_texts as made
from repositories import ENVIRONMENT, hostile, repository, run
from steadyhand_agent import git, git_history
from steadyhand_agent.actions import Action, Permit, Refuse
from steadyhand_agent.errors import GitFailed
from steadyhand_agent.guard.decide import decide
from steadyhand_agent.guard.secrets import Secrets
from steadyhand_agent.index.store import Index
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.tools import registry
from steadyhand_agent.tools.registry import Outcome, ToolContext
from steadyhand_agent.workspace import Workspace

__all__ = ["hostile", "repository"]

TOOLS = ("git_status", "git_diff", "git_log", "git_show", "git_blame")


def context_at(root: Path) -> tuple[ToolContext, Index]:
    workspace, index = Workspace([root]), Index()
    overlay = Overlay(workspace, lambda _: None, {}, {}, Secrets(b"k" * 32).hide)
    return ToolContext(workspace, overlay, index.view(), []), index


async def ask(root: Path, tool: str, **content: Any) -> Outcome:
    """As the loop does: the guard first, then the tool."""
    context, index = context_at(root)
    tools = registry(context.workspace)
    action = Action(kind="tool", tool=tool, content=content)
    verdict = decide(action, tools, context, index, [])
    if isinstance(verdict, Refuse):
        return Outcome(verdict.why, error=True)
    assert isinstance(verdict, Permit)
    return await tools.run(action, context, 12_000)


async def answer(root: Path, tool: str, **content: Any) -> str:
    outcome = await ask(root, tool, **content)
    assert not outcome.error, outcome.text
    return outcome.text


def test_they_are_offered_where_there_is_a_repository(repository: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    below = repository / "sub"
    below.mkdir()
    offered = [
        {schema["name"] for schema in registry(Workspace([root])).schemas}
        for root in (repository, below, alone)
    ]
    assert [set(TOOLS) <= names for names in offered] == [True, True, False]
    assert not set(TOOLS) & offered[2]


async def test_status(repository: Path) -> None:
    assert await answer(repository, "git_status") == (
        "## main\nNothing differs from the last commit."
    )
    (repository / "a.py").write_text("a = 2\n")
    (repository / "größe.py").write_text("b = 1\n")
    assert await answer(repository, "git_status") == "## main\n M a.py\n?? größe.py"


async def test_diff(repository: Path) -> None:
    assert await answer(repository, "git_diff") == "Nothing changed since `HEAD`."
    (repository / "a.py").write_text("a = 2\n")
    assert "-a = 1\n+a = 2" in await answer(repository, "git_diff")
    assert "+a = 2" in await answer(repository, "git_diff", path="a.py")
    run(repository, "commit", "-q", "-a", "-m", "second")
    text = await answer(repository, "git_diff", revision="HEAD~1", to="HEAD")
    assert "-a = 1\n+a = 2" in text
    assert (await answer(repository, "git_diff", revision="HEAD~1", path="b.py")).startswith(
        "Nothing changed"
    )


async def test_log_and_show(repository: Path) -> None:
    (repository / "b.py").write_text("b = 1\n")
    run(repository, "add", "-A")
    run(repository, "commit", "-q", "-m", "second: b\n\nA body.")
    lines = (await answer(repository, "git_log")).splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == ["second: b", "first"]
    assert len((await answer(repository, "git_log", count=1)).splitlines()) == 1
    assert "first" in await answer(repository, "git_log", path="a.py")
    assert "second" not in await answer(repository, "git_log", path="a.py")
    assert await answer(repository, "git_log", path="c.py") == "No commit touches `c.py`."
    shown = await answer(repository, "git_show", revision=lines[0].split()[0])
    assert "A body." in shown
    assert "+b = 1" in shown
    assert await answer(repository, "git_show", revision="HEAD", path="b.py") == "b = 1"
    outcome = await ask(repository, "git_show", revision="HEAD~1", path="b.py")
    assert outcome.error
    assert "has no file `b.py`" in outcome.text
    assert outcome.code == 128


async def test_blame(repository: Path) -> None:
    (repository / "a.py").write_text("a = 1\nb = 2\n")
    run(repository, "commit", "-q", "-a", "-m", "second")
    lines = (await answer(repository, "git_blame", path="a.py")).splitlines()
    assert [line.rpartition(") ")[2] for line in lines] == ["a = 1", "b = 2"]
    assert lines[0].split()[0] != lines[1].split()[0]
    assert len((await answer(repository, "git_blame", path="a.py", start_line=2)).splitlines()) == 1
    assert "past it" in (await ask(repository, "git_blame", path="a.py", start_line=9)).text
    (repository / "new.py").write_text("x = 1\n")
    outcome = await ask(repository, "git_blame", path="new.py")
    assert (outcome.error, outcome.code) == (True, 128)


async def test_a_folder_of_a_repository_shows_nothing_above_it(repository: Path) -> None:
    below = repository / "sub"
    below.mkdir()
    (below / "c.py").write_text("c = 1\n")
    run(repository, "add", "-A")
    run(repository, "commit", "-q", "-m", "second")
    (repository / "a.py").write_text("secret = 2\n")
    (below / "c.py").write_text("c = 2\n")
    assert await answer(below, "git_status") == "## main\n M c.py"
    shown = await answer(below, "git_diff")
    assert "a/c.py" in shown
    assert "secret" not in shown
    shown = await answer(below, "git_show", revision="HEAD")
    assert "c.py" in shown
    assert "a.py" not in shown
    assert await answer(below, "git_show", revision="HEAD", path="c.py") == "c = 1"
    assert (await ask(below, "git_show", revision="HEAD", path="../a.py")).error


@pytest.mark.parametrize("tool", TOOLS)
async def test_no_repository_is_said_with_git_s_code(repository: Path, tool: str) -> None:
    context, _ = context_at(repository)
    tools = registry(context.workspace)
    (repository / ".git" / "HEAD").unlink()
    content = {"path": "a.py", "revision": "HEAD"}
    outcome = await tools.run(Action(kind="tool", tool=tool, content=content), context, 12_000)
    assert outcome.error
    assert outcome.code == 128


BAD = [
    "--output=x",
    "-O/tmp/x",
    "--ext-diff",
    "--no-index",
    "HEAD..HEAD",
    "HEAD --output=x",
    "@{u}",
    "",
]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    ("tool", "argument"),
    [
        ("git_diff", "revision"),
        ("git_diff", "to"),
        ("git_log", "revision"),
        ("git_show", "revision"),
    ],
)
async def test_a_revision_is_no_option(
    repository: Path, tool: str, argument: str, bad: str
) -> None:
    if argument == "to" and not bad:
        assert not (await ask(repository, tool, to="")).error
        return
    before = sorted(repository.iterdir())
    content = {"revision": "HEAD", argument: bad}
    assert (await ask(repository, tool, **content)).error
    assert sorted(repository.iterdir()) == before


@pytest.mark.parametrize("name", ["--output=x", "-Ofile", ":(glob)*", "*.py", ":!x", "!a.py"])
async def test_a_path_is_no_option_and_no_pattern(repository: Path, name: str) -> None:
    before = sorted(repository.iterdir())
    for tool in ("git_diff", "git_log"):
        text = await answer(repository, tool, path=name)
        assert text.startswith(("Nothing changed", "No commit")), text
    assert (await ask(repository, "git_show", revision="HEAD", path=name)).error
    assert (await ask(repository, "git_blame", path=name)).error
    assert sorted(repository.iterdir()) == before
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text("odd = 1\n")
    run(repository, "--literal-pathspecs", "add", "--", name)
    run(repository, "commit", "-q", "-m", "odd")
    assert await answer(repository, "git_show", revision="HEAD", path=name) == "odd = 1"
    assert "odd = 1" in await answer(repository, "git_blame", path=name)
    assert len((await answer(repository, "git_log", path=name)).splitlines()) == 1


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", ".git/config", "sub/../../x"])
@pytest.mark.parametrize("tool", ["git_diff", "git_log", "git_show", "git_blame"])
async def test_paths_stay_in_the_workspace(repository: Path, tool: str, path: str) -> None:
    outcome = await ask(repository, tool, path=path, revision="HEAD")
    assert outcome.error


@pytest.fixture
def worse(hostile: tuple[Path, Path]) -> tuple[Path, Path]:
    """The hostile repository, with more of what these commands would look at."""
    root, marker = hostile
    command = str(root.parent / "command.sh")
    for command_name in ("status", "diff", "log", "show", "blame", "config", "apply"):
        run(root, "config", f"alias.{command_name}", f"!{command}")
    for name in ("a=b", "with space", 'quo"te'):
        for what in ("clean", "smudge", "process"):
            run(root, "config", f"filter.{name}.{what}", command)
        run(root, "config", f"filter.{name}.required", "true")
    for key, value in {
        "log.showSignature": "true", "gpg.format": "ssh", "gpg.ssh.program": command,
        "gpg.ssh.allowedSignersFile": "a.py", "status.submoduleSummary": "true",
        "diff.submodule": "log", "pager.status": command, "pager.diff": command,
        "pager.log": command, "pager.show": command, "pager.blame": command,
        "core.alternateRefsPrefixes": "x", "diff.textconv": command, "core.excludesFile": "/dev/null",
    }.items():  # fmt: skip
        run(root, "config", key, value)
    # A submodule with a configuration of its own.
    inner = root / "inner"
    inner.mkdir()
    run(inner, "init", "-q", "-b", "main")
    (inner / "x.py").write_text("x = 1\n")
    run(inner, "add", "x.py")
    run(inner, "commit", "-q", "-m", "inner")
    run(inner, "config", "core.fsmonitor", command)
    run(inner, "config", "filter.evil.clean", command)
    (inner / ".gitattributes").write_text("* filter=evil\n")
    name = run(inner, "-c", "core.fsmonitor=false", "rev-parse", "HEAD")
    run(root, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "update-index",
        "--add", "--cacheinfo", f"160000,{name},inner")  # fmt: skip
    (root / ".gitmodules").write_text('[submodule "inner"]\n\tpath = inner\n\turl = ./inner\n')
    (inner / "x.py").write_text("x = 2\n")
    os.utime(inner / "x.py", (1, 1))
    for path, attribute in {"f1.py": "a=b", "f2.py": "evil"}.items():
        (root / path).write_text("f = 1\n")
        with (root / ".gitattributes").open("a") as file:
            file.write(f"{path} filter={attribute}\n")
    marker.unlink(missing_ok=True)
    return root, marker


async def test_a_hostile_repository_runs_nothing_for_any_tool(
    worse: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, marker = worse
    command = str(root.parent / "command.sh")
    for name in ("GIT_PAGER", "GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND", "PAGER", "GIT_EDITOR"):
        monkeypatch.setenv(name, command)
    index = (root / ".git" / "index").read_bytes()
    assert " M a.py" in await answer(root, "git_status")
    assert "-a = 1\n+a = 2" in await answer(root, "git_diff")
    assert "+a = 2" in await answer(root, "git_diff", path="a.py")
    assert "first" in await answer(root, "git_log")
    assert "+a = 1" in await answer(root, "git_show", revision="HEAD")
    assert await answer(root, "git_show", revision="HEAD", path="a.py") == "a = 1"
    assert "a = 2" in await answer(root, "git_blame", path="a.py")
    await ask(root, "git_diff", path="inner")
    await ask(root, "git_diff", path="inner/x.py")
    await ask(root, "git_blame", path="inner/x.py")
    assert not marker.exists(), marker.read_text()
    assert (root / ".git" / "index").read_bytes() == index


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("diff", "HEAD"),
        ("-c", "diff.external=", "diff", "--textconv", "HEAD"),
        ("show", "--ext-diff", "HEAD"),
    ],
)
def test_the_traps_of_each_command_work(
    worse: tuple[Path, Path], arguments: tuple[str, ...]
) -> None:
    root, marker = worse
    subprocess.run(["git", *arguments], cwd=root, env=ENVIRONMENT, capture_output=True, check=False)
    assert marker.exists()


def test_the_work_tree_is_compared_without_its_filters(worse: tuple[Path, Path]) -> None:
    root, marker = worse
    # The same command without the filters blanked; what is no good filter fails besides.
    with contextlib.suppress(GitFailed):
        git._git(root, "status", "--short", "--ignore-submodules=all")
    assert marker.exists(), "or the next lines would prove nothing"
    marker.unlink()
    git_history.status(root)
    assert not marker.exists()


async def test_what_git_prints_is_cut_with_a_way_on(repository: Path) -> None:
    (repository / "a.py").write_text("".join(f"a{n} = {n}\n" for n in range(2_000)))
    context, _ = context_at(repository)
    action = Action(kind="tool", tool="git_diff", content={})
    outcome = await registry(context.workspace).run(action, context, 900)
    assert len(outcome.text) < 1_000
    assert "left out; name one `path`" in outcome.text
    assert outcome.text.startswith("diff --git")
    assert outcome.text.endswith("+a1999 = 1999")


@pytest.mark.parametrize("setting", ["diff.mnemonicPrefix", "diff.noprefix"])
async def test_files_of_secrets_stay_out_however_a_repository_writes_its_diffs(
    repository: Path, setting: str
) -> None:
    run(repository, "config", setting, "true")
    (repository / ".env").write_text("MODE=before\n")
    run(repository, "add", "-A")
    run(repository, "commit", "-q", "-m", "second")
    (repository / ".env").write_text("MODE=after\n")
    (repository / "a.py").write_text("a = 2\n")
    shown = await answer(repository, "git_diff") + await answer(
        repository, "git_show", revision="HEAD"
    )
    assert "MODE=" not in shown
    assert "diff --git a/a.py b/a.py" in shown
    assert shown.count("`.env` is left out") == 2


async def test_the_merge_of_a_file_of_secrets_stays_out(repository: Path) -> None:
    def wrote(env: str, python: str, *more: str) -> None:
        (repository / ".env").write_text(f"MODE={env}\n")
        (repository / "a.py").write_text(f"a = {python}\n")
        run(repository, "add", "-A")
        run(repository, *(more or ("commit", "-q", "-m", env)))

    wrote("base", "1")
    run(repository, "checkout", "-q", "-b", "side")
    wrote("side", "2")
    run(repository, "checkout", "-q", "main")
    wrote("main", "3")
    run(repository, "merge", "-q", "-s", "ours", "--no-commit", "side")
    wrote("merged", "4")
    shown = await answer(repository, "git_show", revision="HEAD")
    assert "MODE=" not in shown
    assert "-a = 3\n+a = 4" in shown
    assert "`.env` is left out" in shown


@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_blame_shows_no_line_of_a_key(repository: Path, end: str) -> None:
    key = made.private_key(random.Random(1)).split("\n")
    text = end.join(["x = 1", *key, "y = 2", ""])
    (repository / "a.py").write_text(text, newline="")
    run(repository, "commit", "-q", "-a", "-m", "second")
    run(repository, "config", "core.autocrlf", "input")
    shown = await answer(repository, "git_blame", path="a.py", start_line=5, end_line=6)
    assert [line.rpartition(") ")[2][:8] for line in shown.splitlines()] == ["[secret:"] * 2
    assert not any(line in shown for line in key)
    last = len(key) + 2
    shown = await answer(repository, "git_blame", path="a.py", start_line=last, end_line=last)
    assert shown.endswith(f" {last}) y = 2")


@pytest.mark.parametrize(("tool", "more"), [("git_show", {"revision": "HEAD"}), ("git_blame", {})])
async def test_a_file_that_is_closed_for_the_token_in_it_is_closed_here_too(
    repository: Path, tool: str, more: dict[str, str]
) -> None:
    file = repository / ".npmrc"
    file.write_text("save-exact=true\n")
    run(repository, "add", ".npmrc")
    run(repository, "commit", "-qm", "one")
    assert "save-exact" in await answer(repository, tool, path=".npmrc", **more)
    file.write_text("//registry.example.org/:_authToken=chosen-by-hand\n")
    run(repository, "commit", "-qam", "two")
    outcome = await ask(repository, tool, path=".npmrc", **more)
    assert outcome.error
    assert "looks like a file of secrets" in outcome.text


async def test_no_file_outside_is_quoted_by_way_of_blame(repository: Path, tmp_path: Path) -> None:
    """git names the first line of what it was told to take for a list of revisions."""
    (tmp_path / "outside").write_text("the first line of something private\n")
    run(repository, "config", "blame.ignoreRevsFile", str(tmp_path / "outside"))
    outcome = await ask(repository, "git_blame", path="a.py")
    assert outcome.error
    assert "blame.ignoreRevsFile" in outcome.text
    assert "private" not in outcome.text


async def test_a_commit_is_shown_as_ever_whatever_is_configured(repository: Path) -> None:
    token = made.TOKENS["stripe"](random.Random(3))
    (repository / "a.py").write_text("a = 3\n")
    run(repository, "commit", "-qam", f"rotate {token}\n\nwith a body")
    run(repository, "config", "i18n.logOutputEncoding", "UTF-16")
    run(repository, "config", "format.pretty", "oneline")
    shown = await answer(repository, "git_show", revision="HEAD")
    assert "with a body" in shown
    assert "rotate [secret:" in shown
    assert "rotate [secret:" in await answer(repository, "git_log")
    run(repository, "commit", "-q", "--allow-empty", "-m", "empty")
    assert "changes no file" in await answer(repository, "git_show", revision="HEAD")
