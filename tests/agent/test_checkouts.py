"""One workspace in several checkouts and windows: found everywhere, moved and taken over on a yes."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import repositories
from scripted_desk import FINISH, LOOK, TEXT, Desk, Model, edit
from steadyhand_agent import git, identity
from steadyhand_agent.errors import SessionError
from steadyhand_agent.session import Task
from steadyhand_agent.workspace import Workspace

hostile, repository, run = repositories.hostile, repositories.repository, repositories.run


@pytest.fixture
def clones(repository: Path, tmp_path: Path) -> tuple[Path, Path]:
    (repository / "code.py").write_text(TEXT)
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "code")
    for name in ("one", "two"):
        run(tmp_path, "clone", "-q", str(repository), name)
    return tmp_path / "one", tmp_path / "two"


def names(root: Path) -> tuple[str, ...]:
    return identity.names(Workspace([root]))


def test_clones_are_one_workspace(clones: tuple[Path, Path], repository: Path) -> None:
    one, two = clones
    assert names(one)[0] == names(two)[0]
    assert names(one)[-1] != names(two)[-1]
    # What has no remote is itself alone; what gets one keeps its old name beside the new.
    assert names(repository) == (Workspace([repository]).id,)
    run(repository, "remote", "add", "origin", f"{repository}")
    assert names(repository)[0] == names(one)[0]
    assert names(repository)[-1] == Workspace([repository]).id
    sub = one / "inner"
    sub.mkdir()
    assert set(names(sub)).isdisjoint(names(one))


def test_a_shallow_clone_is_known_by_its_remote(clones: tuple[Path, Path], tmp_path: Path) -> None:
    one, _ = clones
    url = run(one, "config", "remote.origin.url")
    run(tmp_path, "clone", "-q", "--depth", "1", f"file://{url}", "shallow")
    run(tmp_path / "shallow", "remote", "set-url", "origin", url)
    found = names(tmp_path / "shallow")
    assert found[0] in names(one)


def test_another_remote_or_another_beginning_loses_no_session(
    clones: tuple[Path, Path], tmp_path: Path
) -> None:
    """`git remote set-url` and an orphan branch change the name; the former one still counts."""
    one, two = clones
    memory = tmp_path / "memory"

    def known(root: Path) -> tuple[str, ...]:
        return identity.names(Workspace([root]), memory)

    first = known(one)
    assert first == names(one)
    run(one, "remote", "set-url", "origin", "https://example.com/me/fork.git")
    assert known(one)[0] == names(one)[0] != first[0]
    assert set(first) <= set(known(one))
    run(one, "checkout", "-q", "--orphan", "pages")
    run(one, "commit", "-q", "-m", "pages")
    assert set(first) <= set(known(one))
    (file,) = memory.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    # Another repository at the same path is another workspace.
    shutil.rmtree(one)
    one.mkdir()
    run(one, "init", "-q")
    run(one, "commit", "-q", "--allow-empty", "-m", "another")
    assert known(one) == (Workspace([one]).id,)
    file.write_text("no names\n\0")
    assert known(two) == names(two)


@pytest.mark.parametrize("url", [
    "https://user:secret@Example.com/team/thing.git", "https://example.com/team/thing",
    "git@example.com:team/thing.git", "ssh://git@example.com:2222/team/thing.git/",
    "example.com:team/thing",
])  # fmt: skip
def test_one_remote_in_every_spelling(url: str, tmp_path: Path) -> None:
    assert identity.normalised(url, tmp_path) == "example.com/team/thing"


@given(url=st.text(max_size=60))
def test_any_remote_has_a_name_without_user_info(url: str) -> None:
    found = identity.normalised(url, Path("/somewhere"))
    assert bool(found) <= bool(url.strip())
    assert "secret" not in identity.normalised(f"https://u:secret@h/{url}", Path("/x")) or (
        "secret" in url
    )


def test_names_of_a_hostile_repository_run_nothing(hostile: tuple[Path, Path]) -> None:
    root, marker = hostile
    run_before = marker.exists()
    names(root)
    git.stands(root)
    git.uncommitted(root)
    assert marker.exists() == run_before


async def test_a_session_goes_on_in_another_checkout_on_a_yes(
    clones: tuple[Path, Path], tmp_path: Path
) -> None:
    one, two = clones
    (two / "code.py").write_text("# mine\n" + TEXT)
    at = Desk(one, Model([edit(1), edit(5)], [FINISH]), tmp_path / "state")
    state = await at.run()
    assert state.state == "waiting"
    first, second = [hunk.id for hunk in state.hunks().values()]
    await at.sessions.apply(state.id, [first])
    before = (one / "code.py").read_text()
    assert "line_1 = 'agent'" in before
    await at.engine.close()

    there = Desk(two, Model(), tmp_path / "state")
    (listed,) = await there.sessions.list()
    assert (listed.session, listed.checkout) == (state.id, str(one))
    for work in (there.sessions.apply, there.sessions.undo):
        with pytest.raises(SessionError, match="resume it here first"):
            await work(state.id)
    there.editor.answers = [False]
    with pytest.raises(SessionError, match="stays in"):
        await there.sessions.resume(state.id)
    assert "was made in" in there.editor.asked[0][0]
    there.editor.answers = [True]
    state = await there.resume(state.id)
    assert (state.state, state.checkout) == ("waiting", str(two))
    await there.sessions.apply(state.id, [second])
    assert (two / "code.py").read_text() == "# mine\n" + TEXT.replace(
        "line_5 = 5", "line_5 = 'agent'"
    )
    assert (one / "code.py").read_text() == before
    # What stands in the other checkout alone is open here: it can be had in this one, too.
    marks = {hunk.id: hunk.mark for hunk in state.hunks().values()}
    assert marks == {first: "open", second: "applied"}
    # Here is undone what was applied here.
    await there.sessions.undo(state.id)
    assert (two / "code.py").read_text() == "# mine\n" + TEXT
    await there.engine.close()

    # Back where it was made, what was applied there can be undone again.
    back = Desk(one, Model(), tmp_path / "state")
    back.editor.answers = [True]
    await back.resume(state.id)
    await back.sessions.undo(state.id)
    assert (one / "code.py").read_text() == TEXT
    await back.engine.close()


async def test_another_window_takes_a_running_session_over(
    clones: tuple[Path, Path], tmp_path: Path
) -> None:
    one, _ = clones
    reached, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Model):
        async def ask(self, request):
            if request.number == 1:
                reached.set()
                await go_on.wait()
            return await super().ask(request)

    first = Desk(one, Slow([LOOK], [LOOK], [FINISH]), tmp_path / "state")
    await first.engine.fill()
    state = await first.sessions.start(Task(prompt="do it"))
    await reached.wait()

    second = Desk(one, Model([LOOK], [LOOK], [FINISH]), tmp_path / "state")
    await second.engine.fill()
    assert [s.state for s in await second.sessions.list()] == ["running"]
    for answer in (None, False):
        second.editor.answers = [answer]
        with pytest.raises(SessionError, match="being worked on in another window"):
            await second.sessions.resume(state.id)
    with pytest.raises(SessionError, match="cancel it there first"):
        await second.sessions.delete(state.id)
    second.editor.answers = [True]
    done = await second.resume(state.id)
    assert done.state == "finished"
    assert [r.number for r in done.rounds] == [1, 2, 3]

    # The first one learns it with its next write, says so, and writes nothing more.
    go_on.set()
    for _ in range(200):
        if any("taken over" in told for told in first.editor.told):
            break
        await asyncio.sleep(0.01)
    assert any("taken over" in told for told in first.editor.told)
    await first.engine.close()
    again = await second.sessions.state(state.id)
    assert again.digest == done.digest
    await second.engine.close()


async def test_uncommitted_changes_while_it_stood_still_are_told(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "code.py").write_text(TEXT)
    run(repository, "add", ".")
    run(repository, "commit", "-q", "-m", "code")
    model = Model([LOOK], [LOOK], [LOOK], [FINISH])
    at = Desk(repository, model, tmp_path / "state")
    at.engine.settings = at.engine.settings.model_copy(update={"max_rounds": 1})
    at.sessions.limits.rounds = 1
    state = await at.run()
    assert (state.state, state.pause) == ("paused", "rounds")
    assert state.dirty == git.stands(repository).dirty != ""
    (repository / "new file.py").write_text("new = 1\n")
    at.sessions.limits.rounds = 20
    from steadyhand_agent.session import Limits

    await at.sessions.resume(state.id, Limits(rounds=9, tokens=0, minutes=0))
    state = await at.sessions.wait(state.id)
    assert state.state == "finished"
    assert "While this session stood still, files were changed" in model.told()
    assert "new file.py" in model.told()
    assert model.told().count("stood still") == 1
    await at.engine.close()


def test_what_is_uncommitted_is_told_by_content(repository: Path) -> None:
    clean = git.stands(repository).dirty
    (repository / "a.py").write_text("a = 2\n")
    changed = git.stands(repository).dirty
    (repository / "a.py").write_text("a = 3\n")
    again = git.stands(repository).dirty
    (repository / "a.py").write_text("a = 2\n")
    assert len({clean, changed, again}) == 3
    assert git.stands(repository).dirty == changed
    (repository / "a.py").write_text("a = 1\n")
    assert git.stands(repository).dirty == clean
    assert git.stands(repository.parent).dirty == ""
