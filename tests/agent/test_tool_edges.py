"""Tools where the disk is not as it was, or not as one would like it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadyhand_agent.actions import Action, Permit, Refuse
from steadyhand_agent.guard.decide import decide
from steadyhand_agent.tools import registry
from steadyhand_agent.tools.registry import Outcome, ToolContext

ContextOf = Callable[..., tuple[ToolContext, Any]]
CALLS: dict[str, dict[str, Any]] = {
    "read_file": {"path": "a.py"},
    "edit_file": {"path": "a.py", "old_text": "one", "new_text": "two"},
    "rename_file": {"path": "a.py", "new_path": "b.py"},
    "delete_file": {"path": "a.py"},
}


def action(tool: str, **more: Any) -> Action:
    return Action(kind="tool", tool=tool, content=CALLS.get(tool, {}) | more)


async def run(context: ToolContext, tool: str, **more: Any) -> Outcome:
    return await registry().run(action(tool, **more), context, 12_000)


def judged(context: ToolContext, index: Any, tool: str, **more: Any) -> Any:
    return decide(action(tool, **more), registry(), context, index, [])


def vanished(path: Path) -> None:
    path.unlink()


def a_folder_now(path: Path) -> None:
    path.unlink()
    path.mkdir()


def below_a_file_now(path: Path) -> None:
    path.unlink()
    path.symlink_to("other/deeper.py")


def a_broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def a_link_out(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def binary_now(path: Path) -> None:
    path.write_bytes(b"\0\1\2")


def huge_now(path: Path) -> None:
    path.write_bytes(b"x" * 1_000_001)


CHANGES = [
    vanished, a_folder_now, below_a_file_now, a_broken_link, a_link_to_itself, a_link_out, a_pipe,
    binary_now, huge_now,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("tool", sorted(CALLS))
async def test_what_changes_between_the_verdict_and_the_tool_is_said(
    context_of: ContextOf, tmp_path: Path, tool: str, change: Callable[[Path], None]
) -> None:
    context, index = context_of({"a.py": "one\n", "other": "x\n"})
    assert isinstance(judged(context, index, tool), Permit)
    change(tmp_path / "a.py")
    outcome = await run(context, tool)
    assert outcome.error
    assert "a.py" in outcome.text
    assert "Error" not in outcome.text, "in words, not by a class's name"
    assert str(tmp_path) not in outcome.text
    assert outcome.changes == ()
    assert context.overlay.texts == {}
    judged(context, index, tool)  # It raises nothing, whatever stands there now.


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changes_after_an_edit_leaves_the_edit_whole(
    context_of: ContextOf, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """The session goes on with its own text; applying compares with the base."""
    context, _ = context_of({"a.py": "one\n", "other": "x\n"})
    assert not (await run(context, "edit_file")).error
    change(tmp_path / "a.py")
    again = await run(context, "edit_file", old_text="two", new_text="three")
    assert (again.error, again.changes[0].base, again.changes[0].new) == (False, "one\n", "three\n")
    if change is not a_link_out:
        assert (await run(context, "read_file")).text == "1\tthree"


async def test_lists_and_searches_pass_over_what_is_gone(
    context_of: ContextOf, tmp_path: Path
) -> None:
    context, _ = context_of({"a.py": "one\n", "p/b.py": "one\n", "c.py": "one\n"})
    shutil.rmtree(tmp_path / "p")
    a_folder_now(tmp_path / "a.py")
    outcome = await run(context, "search_text", text="one")
    assert (outcome.error, outcome.text) == (False, "c.py:1: one")


def refusing(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    """The system refuses to open what is called so: the lowest seam, since tests may run as root."""
    whole = os.open

    def opened(path: Any, *arguments: Any, **more: Any) -> int:
        if str(path).endswith(name):
            raise OSError(number, os.strerror(number))
        return whole(path, *arguments, **more)

    monkeypatch.setattr(os, "open", opened)


@pytest.mark.parametrize("tool", sorted(CALLS))
async def test_permission_denied_is_said_with_its_number(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    context, _ = context_of({"a.py": "one\n"})
    refusing(monkeypatch, "a.py", errno.EACCES)
    outcome = await run(context, tool)
    assert (outcome.error, outcome.code) == (True, errno.EACCES)
    assert "has not given permission" in outcome.text
    assert not outcome.gave_up


async def test_a_folder_that_cannot_be_searched_hides_no_other(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, _ = context_of({"a.py": "one\n", "b.py": "one\n"})
    refusing(monkeypatch, "a.py", errno.EACCES)
    assert (await run(context, "search_text", text="one")).text == "b.py:1: one"


@pytest.mark.parametrize("new_path", ["link/new.py", "folder/../../new.py", "broken/new.py"])
async def test_nothing_is_proposed_behind_a_link_that_leads_out(
    context_of: ContextOf, tmp_path: Path, new_path: str
) -> None:
    context, index = context_of({"a.py": "one\n", "folder/x": ""})
    (tmp_path / "link").symlink_to(tmp_path.parent)
    (tmp_path / "broken").symlink_to("/nonexistent")
    for tool, more in (
        ("rename_file", {"new_path": new_path}),
        ("create_file", {"path": new_path, "text": "x"}),
    ):
        verdict = judged(context, index, tool, **more)
        assert isinstance(verdict, Refuse)
        assert verdict.rule == "path"
        assert (await run(context, tool, **more)).error
    assert context.overlay.texts == {}


NAMED_LONG = "a" * 300
LONG: dict[str, dict[str, Any]] = {
    "read_file": {"path": NAMED_LONG},
    "edit_file": {"path": NAMED_LONG, "old_text": "one", "new_text": "two"},
    "create_file": {"path": f"{NAMED_LONG}/b.py", "text": "x"},
    "rename_file": {"path": "a.py", "new_path": NAMED_LONG},
    "delete_file": {"path": NAMED_LONG},
}


@pytest.mark.parametrize("tool", sorted(LONG))
async def test_a_name_that_no_file_can_have_is_said(context_of: ContextOf, tool: str) -> None:
    context, index = context_of({"a.py": "one\n"})
    verdict = judged(context, index, tool, **LONG[tool])
    outcome = await run(context, tool, **LONG[tool])
    assert "of this length" in outcome.text
    assert isinstance(verdict, Permit) is (tool == "read_file"), "an edit is refused before"


@pytest.mark.parametrize("tool", ["create_file", "rename_file", "delete_file"])
async def test_a_folder_that_is_closed_to_the_person_is_said(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    """A data folder of a container, say: 0700, and somebody else's."""
    context, index = context_of({"a.py": "one\n"})
    whole = os.stat

    def closed(path: Any, **more: Any) -> os.stat_result:
        if "data/" in str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return whole(path, **more)

    monkeypatch.setattr(os, "stat", closed)
    path = {"path": "a.py", "new_path": "data/b.py"} if tool == "rename_file" else {}
    verdict = judged(context, index, tool, text="x", **({"path": "data/b.py"} | path))
    assert isinstance(verdict, Refuse)
    assert "permission" in verdict.why
