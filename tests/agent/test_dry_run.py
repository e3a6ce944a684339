"""A proposal is tried out as git would before anybody sees it."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import secret_texts as made
from steadyhand_agent import git
from steadyhand_agent.errors import GitFailed
from steadyhand_agent.guard.secrets import Secrets
from steadyhand_agent.proposals import dry_run
from steadyhand_agent.proposals.changes import FileChange

NO_PROBLEM: dict[str, str] = {}
FINE = [
    FileChange("a.py", "x = 1\ny = 2\n", "x = 1\ny = 3\n"),
    FileChange("new.py", None, "x = 1\n"),
    FileChange("empty.py", None, ""),
    FileChange("gone.py", "x = 1\n", None),
    FileChange("was_empty.py", "", None),
    FileChange("emptied.py", "x = 1\n", ""),
    FileChange("filled.py", "", "x = 1\n"),
    FileChange("crlf.py", "x = 1\r\ny = 2\r\n", "x = 1\r\ny = 3\r\n"),
    FileChange("no_end.py", "x = 1\ny = 2", "x = 1\ny = 3"),
    FileChange("end_added.py", "x = 1", "x = 1\n"),
    FileChange("end_removed.py", "x = 1\n", "x = 1"),
    FileChange("odd\f.txt", "a\fb\u2028c\n", "a\fb\u2028d\n"),
    FileChange("with space.py", "x = 1\n", "x = 2\n"),
    FileChange("trailing space .py", None, "x = 1\n"),
    FileChange('quo"te.py', "x = 1\n", "x = 2\n"),
    FileChange("größe.py", "x = 1\n", "x = 2\n"),
    FileChange("-c.py", None, "x = 1\n"),
    FileChange("--output=x.py", "x = 1\n", "x = 2\n"),
    FileChange(":(glob)*.py", "x = 1\n", "x = 2\n"),
    FileChange("diff.txt", "--- a\n+++ b\n@@ -1 +1 @@\n-x\n", "--- a\n+++ b\n@@ -1 +1 @@\n+x\n"),
    FileChange(".gitattributes", None, "* text=auto eol=crlf filter=evil working-tree-encoding=UTF-16\n"),
    FileChange("surrogate.txt", "a\n", "a\ud800\n"),
]  # fmt: skip


@pytest.fixture(params=["git", "no git"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no git":
        monkeypatch.setattr(git, "available", lambda: False)


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("change", FINE, ids=lambda change: change.path)
def test_what_applies_is_fine(change: FileChange) -> None:
    assert dry_run.problems([change]) == NO_PROBLEM


@pytest.mark.usefixtures("each_way")
def test_all_at_once() -> None:
    assert dry_run.problems(FINE) == NO_PROBLEM
    assert dry_run.problems([]) == NO_PROBLEM


# No file of a work tree holds half a surrogate pair.
IN_A_TREE = [change for change in FINE if change.path != "surrogate.txt"]


@pytest.mark.parametrize("change", IN_A_TREE, ids=lambda change: change.path)
def test_the_patch_is_one_that_git_takes_in_a_work_tree(change: FileChange, tmp_path: Path) -> None:
    """The same by the plainest way there is."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, env=environment, check=True)
    target = tmp_path / change.path
    if change.base is not None:
        target.write_bytes(change.base.encode())
    patch = dry_run.patch(change).encode()
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, env=environment, check=True, input=patch)
    if change.new is None:
        assert not target.exists()
    elif change.path != ".gitattributes":
        assert target.read_bytes() == change.new.encode()


def test_git_s_own_word_is_passed_on() -> None:
    found = dry_run.problems([FileChange("a", None, "x\n"), FileChange("a/b.py", None, "x = 1\n")])
    assert list(found) == ["a/b.py"]
    assert "cannot be changed so" in found["a/b.py"]


def test_nothing_of_the_person_s_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, env=environment, check=True)
    (tmp_path / "a.py").write_text("theirs\n")
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, env=environment, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / ".git" / "index"))

    def everything() -> dict[str, Any]:
        return {str(p): p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))}

    before = everything()
    assert dry_run.problems([FileChange("a.py", "x = 1\n", "x = 2\n")]) == NO_PROBLEM
    assert everything() == before


@pytest.mark.parametrize(
    ("base", "new", "wrong"),
    [
        ("def f():\n    return 1\n", "def f(:\n    return 1\n", True),
        ("def f():\n    return 1\n", "def f():\n    return 2\n", False),
        (None, "class C(\n", True),
        ("def f(:\n", "def f(:\n    x = 1\n", False),
        ("def f(:\n", "def f():\n    pass\n", False),
        ("def f(:\n    pass\n", "def f(:\n    pass\n\ndef g(:\n    pass\n", True),
        ("x = 1\n", None, False),
        ("\ufeffx = 1\n", "\ufeffx = 2\n", False),
    ],
)
def test_what_parses_worse_than_before_is_said(
    base: str | None, new: str | None, wrong: bool
) -> None:
    found = dry_run.problems([FileChange("a.py", base, new)])
    assert bool(found) is wrong
    if wrong:
        assert "does not parse as python any more (line " in found["a.py"]


@pytest.mark.parametrize(
    ("path", "broken"),
    [
        ("a.ts", "function f( { return 1\n"),
        ("a.go", "func f( {\n"),
        ("a.rs", "fn f( {\n"),
        ("a.lua", "function f( end end\n"),
    ],
)
def test_in_other_languages_too(path: str, broken: str) -> None:
    assert "does not parse" in dry_run.problems([FileChange(path, "", broken)])[path]


def test_a_text_of_no_language_is_not_parsed() -> None:
    assert dry_run.problems([FileChange("a.txt", "", "def f(:\n")]) == NO_PROBLEM


LINES = st.lists(
    st.sampled_from(["a", "b", "c", "", " d", "-e", "+f", "@@ -1 +1 @@", "\\ x", "g\r"]),
    max_size=12,
)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))


@given(TEXTS, TEXTS)
def test_our_own_check_takes_every_diff_of_ours(base: str, new: str) -> None:
    assert dry_run.applied(base, FileChange("a", base, new).diff()) == new


@pytest.mark.parametrize("other", ["", "a\nX\nc\n", "a\nb\n", "a\nb\nc", "b\nc\n", "X\na\nb\nc\n"])
def test_our_own_check_fits_by_the_letter(other: str) -> None:
    diff = FileChange("a", "a\nb\nc\n", "a\nB\nc\n").diff()
    assert dry_run.applied("a\nb\nc\n", diff) == "a\nB\nc\n"
    assert dry_run.applied(other, diff) is None


def test_without_room_for_git_s_files_it_is_tried_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert dry_run.problems(FINE) == NO_PROBLEM
    assert "does not parse" in dry_run.problems([FileChange("a.py", "", "f(\n")])["a.py"]


@pytest.mark.parametrize("command", ["hash-object", "ls-files"])
def test_where_git_fails_it_is_tried_without_git(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    asked = git.in_own

    def failing(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
        if arguments[0] == command:
            raise GitFailed(f"git {command} failed: No space left on device", 128)
        return asked(folder, *arguments, given=given)

    monkeypatch.setattr(git, "in_own", failing)
    assert dry_run.problems(FINE) == NO_PROBLEM


def test_a_line_that_does_not_parse_is_quoted_without_half_a_secret() -> None:
    """What is cut off first is not known for a secret any more."""
    token = made.TOKENS["npm"](random.Random(1))
    line = f"assert respond_to('{'x' * 30}') == '{token}' f(\n"
    assert line.index(token) < 80 < line.index(token) + len(token)
    show = Secrets(b"k" * 32).hide
    said = dry_run.problems([FileChange("a.py", "", line)], show)["a.py"]
    assert "[secret:" in said
    assert token[:12] not in said
