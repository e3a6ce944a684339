"""A tool's way through the loop: asked for, tried again, handed over, interrupted."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from in_memory_editor import InMemoryEditor
from steadyhand_agent import sandbox
from steadyhand_agent.errors import StaleDocument
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage
from steadyhand_agent.session import SessionState, Task
from steadyhand_agent.tools.registry import Registry
from steadyhand_agent.workspace import Workspace
from steadyhand_server.engine import Engine
from steadyhand_server.settings import Settings


class Scripted:
    """A model that says one reply after the other, each a list of calls."""

    name = "scripted"
    unmetered = True
    context: int | None = None

    def __init__(self, replies: Sequence[list[dict[str, Any]]]) -> None:
        self.replies = replies
        self.requests: list[ModelRequest] = []

    async def ask(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        number = sum(message["role"] == "assistant" for message in request.messages)
        blocks = [
            {
                "type": "tool_use",
                "id": f"call_{number}_{at}",
                "name": call.pop("tool"),
                "input": call,
            }
            for at, call in enumerate([dict(call) for call in self.replies[number]])
        ]
        return ModelReply(blocks, "tool_use", Usage(10, 10))

    def heard(self) -> list[str]:
        """The results that the model was told, in order."""
        last = self.requests[-1].messages
        return [
            block["content"]
            for message in last
            if message["role"] == "user"
            for block in message["content"]
            if block["type"] == "tool_result"
        ]


class Impatient:
    """A clock that waits for nothing and remembers for how long it should have."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def now(self) -> float:
        return 1_700_000_000.0

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


class Desk:
    def __init__(self, root: Path, *replies: list[dict[str, Any]], **settings: Any) -> None:
        self.model = Scripted(replies)
        self.editor = InMemoryEditor(Workspace([root]))
        self.engine = Engine([root], Settings(**settings), self.editor)
        self.engine.agent.model_for = lambda _: self.model  # type: ignore[method-assign]
        self.clock = Impatient()
        self.sessions = self.engine.sessions
        self.engine.agent.around.clock = self.clock

    async def run(self) -> SessionState:
        if not self.engine.keeper.ready.is_set():
            await self.engine.fill()
        state = await self.sessions.start(Task(prompt="do it"))
        return await self.sessions.wait(state.id)

    async def resume(self, session: str) -> SessionState:
        await self.sessions.resume(session)
        return await self.sessions.wait(session)


EDIT = {"tool": "edit_file", "path": "a.py", "old_text": "one", "new_text": "two"}
CHECK = {"tool": "run_check", "check": "show", "reason": "to see"}
FINISH = {"tool": "finish", "summary": "done"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "a.py").write_text("x = 'one'\n")
    return folder


@pytest.fixture
def desk(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A desk where nothing shuts a check in."""
    monkeypatch.setattr(sandbox, "works", lambda: False)

    def make(*replies: list[dict[str, Any]]) -> Desk:
        return Desk(root, *replies, checks={"show": "cat a.py"}, state_dir=tmp_path / "state")

    return make


async def test_a_yes_runs_the_check_and_holds_for_this_proposal(desk: Any, root: Path) -> None:
    at = desk(
        [EDIT, CHECK], [CHECK], [{**EDIT, "old_text": "two", "new_text": "three"}, CHECK], [FINISH]
    )
    at.editor.answers = [True, True]
    state = await at.run()
    assert state.state == "waiting"
    results = [
        result for done in state.rounds for result in done.results if result.tool == "run_check"
    ]
    assert [result.text.splitlines()[-1] for result in results] == [
        "x = 'two'",
        "x = 'two'",
        "x = 'three'",
    ]
    assert all(result.code == 0 and result.seconds > 0 for result in results)
    assert len(at.editor.asked) == 2, "the same proposal is not asked for twice"
    assert "-x = 'one'\n+x = 'two'" in at.editor.asked[0][1]
    assert "-x = 'two'\n+x = 'three'" in at.editor.asked[1][1]
    assert (root / "a.py").read_text() == "x = 'one'\n"
    await at.engine.close()


async def test_a_no_is_told_to_the_model(desk: Any) -> None:
    at = desk([EDIT, CHECK], [FINISH])
    at.editor.answers = [False]
    state = await at.run()
    assert state.state == "waiting"
    (_, told) = at.model.heard()
    assert "The person said no" in told
    assert [v["verdict"] for v in state.rounds[0].verdicts] == ["permit", "refuse"]
    assert state.consents == []
    await at.engine.close()


async def test_no_answer_pauses_and_resuming_asks_again(desk: Any, root: Path) -> None:
    at = desk([EDIT, CHECK], [FINISH])
    state = await at.run()
    assert state.state == "paused"
    assert "waits for your answer" in state.reason
    await at.engine.close()
    # Another process, later.
    again = desk([EDIT, CHECK], [FINISH])
    again.editor.answers = [True]
    await again.engine.fill()
    state = await again.resume(state.id)
    assert state.state == "waiting"
    assert again.editor.asked == at.editor.asked
    assert "x = 'two'" in again.model.heard()[1]
    await again.engine.close()


async def test_a_reply_goes_on_without_the_answer_to_a_question(desk: Any) -> None:
    """An editor that cannot ask would ask for ever, and the words would never be heard."""
    at = desk([EDIT, CHECK], [CHECK], [FINISH])
    state = await at.run()
    assert "reply to go on without it" in state.reason
    at.editor.answers = [True]
    await at.sessions.reply(state.id, Task(prompt="run it by all means"))
    state = await at.sessions.wait(state.id)
    assert state.state == "waiting"
    first, second = [r for r in state.results() if r.tool == "run_check"]
    assert "said something else instead" in first.text
    assert "x = 'two'" in second.text
    assert len(at.editor.asked) == 2, "what comes after the words is asked as ever"
    await at.engine.close()


async def test_a_check_that_was_interrupted_is_not_run_again_unasked(
    desk: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk([EDIT, CHECK], [FINISH])
    at.editor.answers = [True]
    tools = at.engine.agent.around.tools
    whole = tools.run

    async def dies(action: Any, context: Any, limit: int) -> Any:
        if action.tool == "run_check":
            raise RuntimeError("the process is killed here")
        return await whole(action, context, limit)

    monkeypatch.setattr(tools, "run", dies)
    state = await at.run()
    assert state.state == "paused"
    await at.engine.close()
    again = desk([EDIT, CHECK], [FINISH])
    await again.engine.fill()
    state = await again.resume(state.id)
    assert state.state == "waiting"
    assert "how it ended is not known" in again.model.heard()[1]
    assert again.editor.asked == []
    await again.engine.close()


# --- tried again ----------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, path: Path, number: int, times: int) -> None:
    """Opening `path` fails in so many attempts of a tool; the lowest seam there is."""
    attempts, failing_now = 0, False
    opening, attempt = os.open, Registry._once

    def opened(name: Any, *arguments: Any, **more: Any) -> int:
        if failing_now and str(name) == str(path):
            raise OSError(number, os.strerror(number))
        return opening(name, *arguments, **more)

    async def once(*given: Any) -> Any:
        nonlocal attempts, failing_now
        attempts += 1
        failing_now = attempts <= times
        try:
            return await attempt(*given)
        finally:
            failing_now = False

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(Registry, "_once", once)


READ = {"tool": "read_file", "path": "a.py"}


async def test_what_may_pass_is_tried_again(
    desk: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk([READ], [FINISH])
    await at.engine.fill()
    failing(monkeypatch, root / "a.py", errno.EMFILE, 2)
    state = await at.run()
    assert state.state == "finished"
    result = state.rounds[0].results[0]
    assert (result.text, result.error, result.attempts) == ("1\tx = 'one'", False, 3)
    # 4 to 10 s, growing, with jitter.
    first, second = at.clock.waited
    assert 4 <= first <= 5
    assert 4 <= second <= 10 + 1
    await at.engine.close()


async def test_after_three_attempts_the_person_is_told(
    desk: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk([READ], [FINISH])
    await at.engine.fill()
    failing(monkeypatch, root / "a.py", errno.EBUSY, 3)
    state = await at.run()
    assert state.state == "paused"
    assert "`read_file` failed 3 times in a row" in state.reason
    assert "a.py" in state.reason
    result = state.rounds[0].results[0]
    assert (result.error, result.code, result.attempts) == (True, errno.EBUSY, 3)
    state = await at.resume(state.id)
    assert state.state == "finished"
    assert "It was tried 3 times" in at.model.heard()[0]
    await at.engine.close()


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.EIO, errno.ELOOP])
async def test_what_stays_is_not_tried_again(
    desk: Any, root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    at = desk([READ], [FINISH])
    await at.engine.fill()
    failing(monkeypatch, root / "a.py", number, 1)
    state = await at.run()
    assert state.state == "finished"
    result = state.rounds[0].results[0]
    assert (result.error, result.code, result.attempts) == (True, number, 1)
    assert at.clock.waited == []
    await at.engine.close()


async def test_an_edit_is_never_tried_again(
    desk: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk([EDIT], [FINISH])
    await at.engine.fill()
    failing(monkeypatch, root / "a.py", errno.EBUSY, 1)
    state = await at.run()
    assert state.state == "finished"
    assert at.clock.waited == []
    assert state.rounds[0].results[0].error
    await at.engine.close()


# --- the proposal, tried out ----------------------------------------------------------------------

BREAK = {"tool": "edit_file", "path": "a.py", "old_text": "x = 'one'", "new_text": "x = ("}
MEND = {"tool": "edit_file", "path": "a.py", "old_text": "x = (", "new_text": "x = ()"}


async def test_a_proposal_that_does_not_parse_is_told_to_the_model_first(desk: Any) -> None:
    at = desk([BREAK, FINISH], [MEND, FINISH])
    state = await at.run()
    assert state.state == "waiting"
    assert "does not parse as python any more (line 1: `x = (`)" in at.model.heard()[1]
    (offered,) = at.editor.offered
    assert offered.changes[0].new == "x = ()\n"
    assert "does not parse" not in offered.diff()
    await at.engine.close()


async def test_it_is_told_once_and_then_the_person_sees_it(desk: Any) -> None:
    at = desk([BREAK], [FINISH], [FINISH])
    state = await at.run()
    assert state.state == "waiting"
    assert [r.error for done in state.rounds[1:] for r in done.results] == [True, False]
    (offered,) = at.editor.offered
    assert "# `a.py` does not parse as python any more" in offered.diff()
    await at.engine.close()


async def test_moved_and_deleted_files_land_and_come_back(desk: Any, root: Path) -> None:
    (root / "b.py").write_text("y = 1\n")
    at = desk(
        [
            {"tool": "rename_file", "path": "a.py", "new_path": "p/c.py"},
            {"tool": "delete_file", "path": "b.py"},
        ],
        [FINISH],
    )
    at.editor.decision = "apply"
    state = await at.run()
    assert state.state == "finished"
    assert sorted(str(p.relative_to(root)) for p in root.rglob("*.py")) == ["p/c.py"]
    assert (root / "p" / "c.py").read_text() == "x = 'one'\n"
    _, report = await at.sessions.undo(state.id)
    assert report.complete, report
    assert sorted(str(p.relative_to(root)) for p in root.rglob("*.py")) == ["a.py", "b.py"]
    assert (root / "a.py").read_text() == "x = 'one'\n"
    assert (root / "b.py").read_text() == "y = 1\n"
    await at.engine.close()


async def test_undo_leaves_a_file_alone_that_is_there_again(desk: Any, root: Path) -> None:
    at = desk([{"tool": "delete_file", "path": "a.py"}], [FINISH])
    at.editor.decision = "apply"
    state = await at.run()
    (root / "a.py").write_text("theirs\n")
    with pytest.raises(StaleDocument, match="by now"):
        await at.sessions.undo(state.id)
    assert (root / "a.py").read_text() == "theirs\n"
    await at.engine.close()
