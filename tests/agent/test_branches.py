"""A session and a person who switches branches: it asks, follows or waits, and remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

import repositories
from scripted_desk import FINISH, LOOK, TEXT, Desk, Model, edit
from steadyhand_agent import branches

repository, hostile, run = repositories.repository, repositories.hostile, repositories.run


@pytest.fixture
def two(repository: Path) -> Path:
    """A repository with a branch `other`, on which one line of the file is another."""
    (repository / "code.py").write_text(TEXT)
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "code")
    run(repository, "switch", "-q", "-c", "other")
    (repository / "code.py").write_text(TEXT.replace("line_1 = 1\n", "line_1 = 'other'\n"))
    (repository / "more.py").write_text("more = 1\n")
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "another line one")
    run(repository, "switch", "-q", "main")
    return repository


async def test_a_no_waits_until_the_person_is_back(two: Path, tmp_path: Path) -> None:
    model = Model([edit(1)], [LOOK], [FINISH])
    at = Desk(two, model, tmp_path / "state")
    model.before[1] = at.on("other")
    at.editor.answers = [False]
    state = await at.run()
    assert (state.state, state.pause) == ("paused", "branch")
    assert "main" in state.reason
    (question, _) = at.editor.asked[0]
    assert "`main`" in question
    assert "`other`" in question
    # Nothing was carried over: what is proposed is still what was made on main.
    assert state.bases["code.py"] == TEXT
    run(two, "switch", "-q", "main")
    state = await at.resume(state.id)
    assert state.state == "waiting"
    assert len(at.editor.asked) == 1, "back on its branch there is nothing to ask"
    await at.sessions.apply(state.id)
    assert (two / "code.py").read_text() == TEXT.replace("line_1 = 1", "line_1 = 'agent'")
    await at.engine.close()


async def test_a_yes_carries_over_what_fits_and_tells_the_model(two: Path, tmp_path: Path) -> None:
    model = Model([edit(1), edit(7)], [LOOK], [LOOK], [FINISH])
    at = Desk(two, model, tmp_path / "state")
    model.before[1] = at.on("other")
    at.editor.answers = [True]
    state = await at.run()
    assert state.state == "waiting"
    told = model.told()
    for word in ("switched from `main` to `other`", "another line one", "code.py, more.py"):
        assert word in told
    assert "changed on the same lines" in told
    assert len(at.editor.asked) == 1, "asked once, not in every round"
    await at.sessions.apply(state.id)
    other = TEXT.replace("line_1 = 1", "line_1 = 'other'")
    assert (two / "code.py").read_text() == other.replace("line_7 = 7", "line_7 = 'agent'")
    await at.engine.close()


async def test_follow_and_back_again_remembers_what_did_not_fit(two: Path, tmp_path: Path) -> None:
    model = Model([edit(1)], [LOOK], [LOOK], [FINISH])
    at = Desk(two, model, tmp_path / "state", "follow")
    model.before[1], model.before[2] = at.on("other"), at.on("main")
    state = await at.run()
    assert at.editor.asked == []
    assert state.state == "waiting"
    assert "is back" in model.told()
    await at.sessions.apply(state.id)
    assert (two / "code.py").read_text() == TEXT.replace("line_1 = 1", "line_1 = 'agent'")
    await at.engine.close()


async def test_stay_never_asks(two: Path, tmp_path: Path) -> None:
    model = Model([edit(1)], [LOOK], [FINISH])
    at = Desk(two, model, tmp_path / "state", "stay")
    model.before[1] = at.on("other")
    state = await at.run()
    assert (state.state, state.pause, at.editor.asked) == ("paused", "branch", [])
    # Resumed on the wrong branch it waits on, with nothing spent.
    spent = len(model.requests)
    state = await at.resume(state.id)
    assert (state.pause, len(model.requests)) == ("branch", spent)
    await at.engine.close()


async def test_no_answer_is_asked_again(two: Path, tmp_path: Path) -> None:
    model = Model([edit(1)], [LOOK], [FINISH])
    at = Desk(two, model, tmp_path / "state")
    model.before[1] = at.on("other")
    state = await at.run()
    assert (state.state, state.pause) == ("paused", "question")
    at.editor.answers = [True]
    assert (await at.resume(state.id)).state == "finished", "what did not fit was dropped"
    await at.engine.close()


async def test_a_commit_on_the_same_branch_is_told_and_not_asked(two: Path, tmp_path: Path) -> None:
    model = Model([edit(1)], [LOOK], [FINISH])
    at = Desk(two, model, tmp_path / "state")

    def commit() -> None:
        (two / "new.py").write_text("new = 1\n")
        run(two, "add", "new.py")
        run(two, "commit", "-q", "-m", "something <new>")

    model.before[1] = commit
    state = await at.run()
    assert (state.state, at.editor.asked) == ("waiting", [])
    assert "new commits on `main`" in model.told()
    assert "something <new>" in model.told()
    await at.engine.close()


async def test_what_was_applied_on_one_branch_is_not_fought_over_on_another(
    two: Path, tmp_path: Path
) -> None:
    """The case from practice: applied and committed on main, the person goes to other, and back."""
    model = Model([edit(7)], [FINISH])
    at = Desk(two, model, tmp_path / "state")
    at.editor.decision = "apply"
    state = await at.run()
    run(two, "commit", "-q", "-a", "-m", "the agent's")
    run(two, "switch", "-q", "other")
    shown = (await at.sessions.look(state.id)).hunks()
    assert [one.hunk.mark for one in shown] == ["reverted"]
    run(two, "switch", "-q", "main")
    shown = (await at.sessions.look(state.id)).hunks()
    assert [one.hunk.mark for one in shown] == ["applied"]
    await at.sessions.undo(state.id)
    assert (two / "code.py").read_text() == TEXT
    await at.engine.close()


async def test_without_git_and_with_a_rewritten_history(two: Path, tmp_path: Path) -> None:
    assert await branches.moved(tmp_path, "", "") is None
    assert await branches.moved(two, "main", run(two, "rev-parse", "HEAD")) is None
    move = await branches.moved(two, "main", "0" * 40)
    assert move is not None
    assert (move.switched, move.commits, move.touched) == (False, (), ())


async def test_a_hostile_repository_runs_nothing(hostile: tuple[Path, Path]) -> None:
    root, marker = hostile
    old = run(root, "rev-parse", "HEAD")
    marker.unlink(missing_ok=True)
    move = await branches.moved(root, "elsewhere", old)
    assert move is not None
    await branches.moved(root, "main", "1" * 40)
    assert not marker.exists()
