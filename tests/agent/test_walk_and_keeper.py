import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steadyhand_agent.index import worker
from steadyhand_agent.index.keeper import Keeper, nearest_first
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.segment import Segment
from steadyhand_agent.index.store import Index
from steadyhand_agent.index.walk import Walk, kept, walk
from steadyhand_agent.workspace import MAX_FILE_BYTES, Workspace

F = "def f():\n    return 1\n"


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


def keeper_of(*roots: Path) -> Keeper:
    return Keeper(Workspace(list(roots)), Index())


@pytest.fixture(params=["git", "plain"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An empty folder, once with git and once without."""
    folder = tmp_path / "root"
    folder.mkdir()
    if request.param == "git":
        subprocess.run(["git", "init", "-q", str(folder)], check=True, capture_output=True)
    return folder


def git_root(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", str(folder)], check=True, capture_output=True)
    return folder


def everything(outcome: Walk) -> set[str]:
    return {*outcome.sources, *outcome.others}


def test_sources_and_others(root: Path) -> None:
    write(root, {"a.py": F, "b.pyi": F, "c.md": "", "p/d.py": F, "p/Makefile": ""})
    outcome = walk(Workspace([root]))
    assert outcome.sources == ["a.py", "b.pyi", "p/d.py"]
    assert outcome.others == ["c.md", "p/Makefile"]
    assert not outcome.left_out


def test_ignored_files_are_left_out(root: Path) -> None:
    write(root, {".gitignore": "*.log\n/build/\n!keep.log\n", "a.py": F, "x.log": "", "keep.log": "",
                 "build/b.py": F, "p/build/c.py": F})  # fmt: skip
    assert everything(walk(Workspace([root]))) == {".gitignore", "a.py", "keep.log", "p/build/c.py"}


def test_nested_ignore_files_count(tmp_path: Path) -> None:
    root = git_root(tmp_path)
    write(root, {"p/.gitignore": "secret.py\n/only_here.py\n", "p/secret.py": F, "p/q/secret.py": F,
                 "p/only_here.py": F, "p/q/only_here.py": F, "secret.py": F})  # fmt: skip
    assert walk(Workspace([root])).sources == ["p/q/only_here.py", "secret.py"]


def test_nested_ignore_files_count_for_a_change_too(tmp_path: Path) -> None:
    root = git_root(tmp_path)
    write(root, {"p/.gitignore": "secret.py\n", "p/secret.py": F, "p/a.py": F})
    assert kept(Workspace([root]), {"p/secret.py", "p/a.py"}).sources == ["p/a.py"]


def test_folders_of_other_people_are_closed_without_git(tmp_path: Path) -> None:
    for folder in (".venv", "node_modules", "__pycache__", "site-packages", "a/.tox"):
        write(tmp_path, {f"{folder}/x.py": F})
    write(tmp_path, {"a/b.py": F})
    workspace = Workspace([tmp_path])
    assert walk(workspace).sources == ["a/b.py"]
    assert kept(workspace, {"node_modules/x.py", "a/b.py", "a/.tox/x.py"}).sources == ["a/b.py"]


def test_a_change_is_judged_as_the_listing_was(root: Path) -> None:
    """Or a file would leave the index, or enter it, by being saved."""
    files = [".venv/x.py", "node_modules/m/y.py", "a.py", "p/b.py", "p/c.log", "build/d.py", "e.md"]
    write(root, dict.fromkeys(files, F))
    write(root, {".gitignore": "*.log\nbuild/\n"})
    workspace = Workspace([root])
    assert everything(kept(workspace, {*files, ".gitignore"})) == everything(walk(workspace))


def test_the_repository_itself_is_never_listed(root: Path) -> None:
    write(root, {".git/hooks/x.py": F, "a.py": F})
    workspace = Workspace([root])
    assert everything(walk(workspace)) == {"a.py"}
    assert everything(kept(workspace, {".git/hooks/x.py", "a.py"})) == {"a.py"}


def test_links_are_counted_and_not_followed(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside", {"secret.py": F})
    write(root, {"p/a.py": F})
    (root / "out.py").symlink_to(tmp_path / "outside" / "secret.py")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "p" / "loop").symlink_to("..")
    (root / "self.py").symlink_to("self.py")
    (root / "dead.py").symlink_to("nowhere.py")
    outcome = walk(Workspace([root]))
    assert everything(outcome) == {"p/a.py"}
    assert list(outcome.left_out.values()).count("link") == 5


def test_a_path_below_a_link_is_not_taken_in(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside", {"secret.py": F})
    (root / "folder").symlink_to(tmp_path / "outside")
    assert everything(kept(Workspace([root]), {"folder/secret.py", "folder"})) == set()


def test_huge_files_are_counted(root: Path) -> None:
    write(root, {"big.py": b"#" * (MAX_FILE_BYTES + 1), "full.py": b"#" * MAX_FILE_BYTES})
    outcome = walk(Workspace([root]))
    assert outcome.sources == ["full.py"]
    assert list(outcome.left_out.values()).count("huge") == 1


def test_names_that_are_not_utf8_are_counted(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/odd-\xff.py")).write_text(F)
    write(root, {"a.py": F})
    outcome = walk(Workspace([root]))
    assert everything(outcome) == {"a.py"}
    assert list(outcome.left_out.values()).count("name") == 1


async def test_a_pipe_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    write(root, {"a.py": F})
    keeper = keeper_of(root)
    await asyncio.wait_for(keeper.fill(), 20)
    assert keeper.files == {"a.py"}
    await asyncio.wait_for(keeper.refresh({"pipe.py"}), 20)
    assert keeper.files == {"a.py"}


async def test_a_pipe_that_appears_after_the_listing_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    segment, failed = await asyncio.wait_for(
        asyncio.to_thread(worker.answer, [["pipe.py", str(root), "pipe.py"]]), 20
    )
    assert segment.rows == []
    assert failed == [["pipe.py", "unreadable"]]


async def test_binary_and_odd_texts_are_counted_and_passed_over(root: Path) -> None:
    write(root, {"a.py": F, "binary.py": b"\0\1", "latin.py": "é = 1\n".encode("latin-1"),
                 "empty.py": "", "broken.py": "def f(:\n"})  # fmt: skip
    keeper = keeper_of(root)
    await keeper.fill()
    assert keeper.passed_over == {"binary": 1, "not UTF-8": 1}
    assert keeper.index.view().paths() == ["a.py", "broken.py", "empty.py"]
    assert keeper.files == {"a.py", "binary.py", "latin.py", "empty.py", "broken.py"}


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, whom no mode keeps from reading."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_files_and_folders_without_permission_are_passed_over() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        write(root, {"a.py": F, "closed.py": F, "folder/b.py": F})
        (root / "closed.py").chmod(0)
        (root / "folder").chmod(0)
        keeper = keeper_of(root)
        try:
            with as_nobody():
                await keeper.fill()
        finally:
            (root / "folder").chmod(0o755)
        assert keeper.index.view().paths() == ["a.py"]
        assert keeper.passed_over == {"unreadable": 1, "locked": 1}


async def test_many_files_are_read_by_workers(root: Path) -> None:
    names = [f"p{n % 7}/m{n}.py" for n in range(170)]
    write(root, {name: f"def f{n}():\n    return {n}\n" for n, name in enumerate(names)})
    write(root, {"bad.py": b"\0"})
    keeper = keeper_of(root)
    told: list[tuple[int, int]] = []
    await keeper.fill(lambda done, whole: told.append((done, whole)))
    assert keeper.index.view().paths() == sorted(names)
    assert keeper.passed_over == {"binary": 1}
    assert told[-1] == (171, 171)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    plain = Index()
    for name in names:
        plain.put_base(index_text(name, (root / name).read_text()))
    for n in (0, 99, 169):
        assert keeper.index.view().named(f"f{n}") == plain.view().named(f"f{n}")


async def test_workers_run_nothing_of_the_workspace(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "marker"
    trap = f"open({str(marker)!r}, 'w').close()\n"
    write(root, {f"m{n}.py": trap for n in range(70)})
    write(root, {"orjson.py": trap, "sitecustomize.py": trap, "steadyhand_agent/__init__.py": trap})
    monkeypatch.chdir(root)
    keeper = keeper_of(root)
    await keeper.fill()
    assert keeper.index.files == 73
    assert not marker.exists()


async def test_ready_is_set_when_the_workspace_cannot_be_read(tmp_path: Path) -> None:
    keeper = keeper_of(tmp_path / "missing")
    with contextlib.suppress(OSError):
        await keeper.fill()
    assert keeper.ready.is_set()


async def test_files_that_appear_change_and_go(root: Path) -> None:
    write(root, {"a.py": F, "c.md": ""})
    keeper = keeper_of(root)
    await keeper.fill()
    told: list[set[str]] = []
    keeper.on_change(told.append)

    write(root, {"a.py": "def g():\n    return 2\n", "p/b.py": F, "d.md": ""})
    (root / "c.md").unlink()
    await keeper.refresh({"a.py", "p/b.py", "c.md", "d.md"})
    view = keeper.index.view()
    assert [d.path for d in view.named("f")] == ["p/b.py"]
    assert [d.path for d in view.named("g")] == ["a.py"]
    assert keeper.files == {"a.py", "p/b.py", "d.md"}

    (root / "a.py").unlink()
    await keeper.refresh({"a.py"})
    assert keeper.index.view().named("g") == []
    assert keeper.files == {"p/b.py", "d.md"}
    assert told == [{"a.py", "p/b.py", "c.md", "d.md"}, {"a.py"}]


async def test_a_folder_that_goes_takes_its_files_along(root: Path) -> None:
    write(root, {"p/a.py": F, "p/q/b.py": F, "pq.py": F})
    keeper = keeper_of(root)
    await keeper.fill()
    told: list[set[str]] = []
    keeper.on_change(told.append)
    shutil.rmtree(root / "p")
    await keeper.refresh({"p"})
    assert keeper.index.view().paths() == ["pq.py"]
    assert keeper.files == {"pq.py"}
    assert told == [{"p", "p/a.py", "p/q/b.py"}]


async def test_a_folder_that_comes_brings_its_files_along(root: Path, tmp_path: Path) -> None:
    """A folder moved into the workspace is one event on some systems."""
    write(root, {"a.py": F})
    keeper = keeper_of(root)
    await keeper.fill()
    write(tmp_path / "new", {"b.py": F, "q/c.py": F})
    (tmp_path / "new").rename(root / "p")
    await keeper.refresh({"p"})
    assert keeper.files == {"a.py", "p/b.py", "p/q/c.py"}
    assert keeper.index.view().paths() == ["a.py", "p/b.py", "p/q/c.py"]


async def test_a_file_that_becomes_a_folder(root: Path) -> None:
    write(root, {"p.py": F})
    keeper = keeper_of(root)
    await keeper.fill()
    (root / "p.py").unlink()
    write(root, {"p.py/a.py": F})
    await keeper.refresh({"p.py", "p.py/a.py"})
    assert keeper.index.view().paths() == ["p.py/a.py"]


async def test_a_file_that_becomes_unreadable_is_forgotten(root: Path) -> None:
    write(root, {"a.py": F})
    keeper = keeper_of(root)
    await keeper.fill()
    write(root, {"a.py": b"\0"})
    await keeper.refresh({"a.py"})
    assert keeper.index.view().paths() == []


async def test_a_file_that_becomes_a_link_is_forgotten(root: Path, tmp_path: Path) -> None:
    write(root, {"a.py": F})
    write(tmp_path, {"outside.py": F})
    keeper = keeper_of(root)
    await keeper.fill()
    (root / "a.py").unlink()
    (root / "a.py").symlink_to(tmp_path / "outside.py")
    await keeper.refresh({"a.py"})
    assert keeper.index.view().paths() == []
    assert keeper.files == set()


async def test_a_change_of_nothing_tells_nobody(root: Path) -> None:
    keeper = keeper_of(root)
    await keeper.fill()
    told: list[set[str]] = []
    keeper.on_change(told.append)
    await keeper.refresh(set())
    assert told == []


async def test_an_ignored_change_is_not_taken_in(root: Path) -> None:
    write(root, {".gitignore": "build/\n", "a.py": F})
    keeper = keeper_of(root)
    await keeper.fill()
    write(root, {"build/x.py": F})
    await keeper.refresh({"build/x.py", "build"})
    assert keeper.index.view().paths() == ["a.py"]
    assert keeper.files == {".gitignore", "a.py"}


@pytest.mark.parametrize("names", [("one", "two"), ("app", "app"), (".dot", "two")])
async def test_two_roots(tmp_path: Path, names: tuple[str, str]) -> None:
    first, second = tmp_path / "1" / names[0], tmp_path / "2" / names[1]
    write(first, {"a.py": F, "p/b.py": F})
    write(second, {"a.py": F})
    keeper = keeper_of(first, second)
    await keeper.fill()
    workspace = keeper.workspace
    paths = {workspace.name_of(p) for p in (first / "a.py", first / "p" / "b.py", second / "a.py")}
    assert keeper.files == paths
    assert set(keeper.index.view().paths()) == paths
    write(second, {"a.py": "def g():\n    return 1\n", "new.py": F})
    (first / "a.py").unlink()
    changed = {workspace.name_of(p) for p in (second / "a.py", second / "new.py", first / "a.py")}
    await keeper.refresh({name for name in changed if name})
    assert keeper.files == {
        workspace.name_of(p) for p in (first / "p" / "b.py", second / "a.py", second / "new.py")
    }
    assert [d.path for d in keeper.index.view().named("g")] == [workspace.name_of(second / "a.py")]
    for path in keeper.files:
        assert workspace.read(path)


async def test_a_worker_that_cannot_be_used_loses_no_file(root: Path) -> None:
    """The files that a worker had in hand when it ended are read in this process."""
    write(root, {f"m{n}.py": F for n in range(90)})
    keeper = keeper_of(root)
    ended = False

    def end_a_worker(done: int, whole: int) -> None:
        nonlocal ended
        if not ended:
            ended = True
            own = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _child(p)]
            for pid in own:
                os.kill(pid, 9)

    await keeper.fill(end_a_worker)
    assert ended
    assert keeper.index.files == 90


def _child(process: Path) -> bool:
    try:
        status = (process / "stat").read_text().rpartition(")")[2].split()
        command = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return int(status[1]) == os.getpid() and b"steadyhand_agent.index.worker" in command


async def test_two_merges_never_overlap(tmp_path: Path) -> None:
    """Both would take the place of the same segments, and each definition would be there twice."""
    root = tmp_path / "ws"
    write(root, {f"m{n}.py": f"def f{n}(x):\n    return x.go({n})\n" for n in range(60)})
    keeper = Keeper(Workspace([root]), Index(), tmp_path / "state" / "index.segment")
    await keeper.fill()
    for n in range(8):
        entry = index_text(f"m{n}.py", f"def g{n}(x):\n    return x.went({n})\n")
        keeper.index.base.take(Segment.build([(entry, 0, 0)]))
    await asyncio.gather(keeper._settle(), keeper._settle())
    view = keeper.index.view()
    assert keeper.index.definitions == 60
    assert [len(view.named(f"g{n}")) for n in range(8)] == [1] * 8
    assert [len(view.named(f"f{n}")) for n in range(60)] == [0] * 8 + [1] * 52


async def test_where_no_cache_can_be_written_the_index_is_in_memory(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    write(root, {f"m{n}.py": f"def f{n}(x):\n    return x.go({n})\n" for n in range(60)})
    (tmp_path / "state").write_text("a file where the folder would be")
    keeper = Keeper(Workspace([root]), Index(), tmp_path / "state" / "index.segment")
    await keeper.fill()
    assert keeper.index.definitions == 60
    assert len(keeper.index.base.segments) == 1
    assert keeper.index.view().named("f7")[0].path == "m7.py"


async def test_what_lies_near_the_open_files_is_read_first(tmp_path: Path) -> None:
    body = "def f(x):\n" + "    x.go(1)\n" * 400
    folders = ("a", "b", "b/c", "b/c/d", "e", "f")
    write(tmp_path, {f"{folder}/m{n}.py": body for folder in folders for n in range(70)})
    keeper = keeper_of(tmp_path)
    first: list[str] = []

    def progress(done: int, of: int) -> None:
        if not first:
            first.extend(keeper.index.view().paths())

    await keeper.fill(progress, lambda: ["b/c/open.py", "elsewhere.py"])
    assert first
    assert {path.rpartition("/")[0] for path in first} <= {"b/c", "b/c/d"}
    assert len(first) <= 140
    assert keeper.index.files == 70 * len(folders)


def test_nearest_first() -> None:
    paths = ["a.py", "p/a.py", "p/q/a.py", "p/q/r/a.py", "p/s/a.py", "z/a.py"]
    near = ["p/q/a.py", "p/q/r/a.py", "p/a.py", "p/s/a.py", "a.py", "z/a.py"]
    assert nearest_first(paths, ["p/q/open.py"]) == near
    assert nearest_first(paths, []) == paths
    both = ["p/q/a.py", "p/q/r/a.py", "p/a.py", "p/s/a.py", "z/a.py", "a.py"]
    assert nearest_first(paths, ["z/b.py", "p/q/open.py"]) == both


@pytest.mark.parametrize("files", [10, 60])
async def test_what_changes_while_it_is_read_is_not_taken_back(
    tmp_path: Path, files: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout in the midst of a cold start: an old text that comes later is old."""
    write(tmp_path, {f"m{n}.py": f"def old{n}(x):\n    return x.go({n})\n" for n in range(files)})
    keeper = keeper_of(tmp_path)

    async def changes() -> None:
        (tmp_path / "m3.py").write_text("def new3(x):\n    return x.went(3)\n")
        (tmp_path / "m4.py").unlink()
        await keeper.refresh({"m3.py", "m4.py"})

    if files < 40:
        read = worker.read
        loop = asyncio.get_running_loop()

        def slow(job: worker.Job) -> object:
            found = read(job)
            if job[0] == "m3.py" and (tmp_path / "m4.py").exists():
                asyncio.run_coroutine_threadsafe(changes(), loop).result(10)
            return found

        monkeypatch.setattr(worker, "read", slow)
    else:

        async def work(queue: Iterator[list[worker.Job]], take: Callable[..., None]) -> None:
            for batch in queue:
                answered = worker.answer(list(batch))
                await changes()
                take(*answered)

        monkeypatch.setattr(keeper, "_work", work)
    await keeper.fill()
    view = keeper.index.view()
    assert [d.path for d in view.named("new3")] == ["m3.py"]
    assert view.named("old3") == view.named("old4") == []
    assert keeper.index.definitions == files - 1


def test_other_people_s_code_is_counted_and_not_indexed(root: Path) -> None:
    theirs = (
        "vendor", "static/vendors", "src/extern", "Godeps/_workspace", "third_party", "3rdparty",
    )  # fmt: skip
    # These are many people's own.
    ours = ("external", "deps", "externals", "vendoring")
    write(root, {f"{folder}/x.py": F for folder in (*theirs, *ours)})
    outcome = walk(Workspace([root]))
    assert outcome.sources == sorted(f"{folder}/x.py" for folder in ours)
    assert list(outcome.left_out.values()).count("vendored") == len(theirs)
