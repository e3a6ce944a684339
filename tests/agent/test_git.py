import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from repositories import ENVIRONMENT, hostile, repository, run
from steadyhand_agent import git, process
from steadyhand_agent.errors import GitFailed
from steadyhand_agent.index.walk import kept, walk
from steadyhand_agent.workspace import Workspace

__all__ = ["hostile", "repository"]


def test_no_repository(tmp_path: Path) -> None:
    assert not git.is_repository(tmp_path)
    assert git.head(tmp_path) == git.Head()
    with pytest.raises(GitFailed) as failed:
        git.files(tmp_path)
    assert failed.value.code == 128
    assert git.ignored(tmp_path, ["a"]) == set()


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q", "-b", "trunk")
    assert git.is_repository(tmp_path)
    assert git.head(tmp_path) == git.Head("", "trunk")
    assert git.files(tmp_path) == []


def test_a_branch(repository: Path) -> None:
    commit = run(repository, "rev-parse", "HEAD")
    assert git.head(repository) == git.Head(commit, "main")
    run(repository, "checkout", "-q", "-b", "feature/x")
    assert git.head(repository) == git.Head(commit, "feature/x")


def test_a_folder_below_the_root(repository: Path) -> None:
    below = repository / "sub"
    below.mkdir()
    assert git.head(below) == git.head(repository)
    assert git.head(below).branch == "main"


def test_a_detached_head(repository: Path) -> None:
    run(repository, "checkout", "-q", "--detach")
    assert git.head(repository) == git.Head(run(repository, "rev-parse", "HEAD"), "")


def test_packed_refs(repository: Path) -> None:
    run(repository, "pack-refs", "--all")
    run(repository, "gc", "-q")
    assert git.head(repository) == git.Head(run(repository, "rev-parse", "HEAD"), "main")


def test_a_worktree(repository: Path, tmp_path: Path) -> None:
    run(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    assert git.head(tmp_path / "side") == git.Head(run(repository, "rev-parse", "HEAD"), "side")
    assert git.files(tmp_path / "side") == ["a.py"]


def test_files_of_a_revision(repository: Path) -> None:
    first = run(repository, "rev-parse", "HEAD")
    (repository / "sub").mkdir()
    (repository / "sub" / "b.py").write_bytes(b"b = 1\r\n")
    (repository / "sub" / "run.py").write_text("c = 1\n")
    (repository / "sub" / "run.py").chmod(0o755)
    (repository / "link.py").symlink_to("a.py")
    run(repository, "add", "-A")
    run(repository, "commit", "-q", "-m", "second")
    run(repository, "tag", "-a", "-m", "x", "v1")
    for name in ("HEAD", "main", "v1", "HEAD~0", first[:12], "HEAD^{/second}"):
        assert len(git.commit(repository, name)) == 40
    second = git.commit(repository, "v1")
    assert set(git.blobs(repository, first)) == {"a.py"}
    found = git.blobs(repository, second)
    assert set(found) == {"a.py", "sub/b.py", "sub/run.py"}, "no link"
    # From a folder below, the names count from there.
    assert set(git.blobs(repository / "sub", second)) == {"b.py", "run.py"}
    b = found["sub/b.py"]
    assert b.holds(b"b = 1\r\n")
    assert not b.holds(b"b = 1\n")
    held = git.contents(repository, found.values())
    assert [held[found[name].name] for name in sorted(found)] == [
        b"a = 1\n",
        b"b = 1\r\n",
        b"c = 1\n",
    ]
    assert git.contents(repository, []) == {}


def test_a_revision_with_sha256_names(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256")
    (tmp_path / "a.py").write_text("a = 1\n")
    run(tmp_path, "add", "a.py")
    run(tmp_path, "commit", "-q", "-m", "first")
    commit = git.commit(tmp_path, "HEAD")
    assert len(commit) == 64
    assert git.blobs(tmp_path, commit)["a.py"].holds(b"a = 1\n")


def test_where_a_repository_with_sha256_names_stands(tmp_path: Path) -> None:
    """GitPython does not read it, and a switch of branches would go unnoticed for ever."""
    run(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256")
    assert git.head(tmp_path) == git.Head("", "main")
    run(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    commit = run(tmp_path, "rev-parse", "HEAD")
    assert git.head(tmp_path) == git.Head(commit, "main")
    run(tmp_path, "checkout", "-q", "--detach")
    assert git.head(tmp_path) == git.Head(commit, "")
    assert git.stands(tmp_path).dirty


def test_more_than_one_batch(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(5):
        (repository / f"f{n}.py").write_text(f"x = {n}\n" * 10)
    run(repository, "add", "-A")
    run(repository, "commit", "-q", "-m", "more")
    monkeypatch.setattr(git, "_BATCH_BYTES", 100)
    found = git.blobs(repository, git.commit(repository, "HEAD"))
    held = git.contents(repository, found.values())
    assert {path: held[blob.name] for path, blob in found.items()} == {
        path.name: path.read_bytes() for path in repository.glob("*.py")
    }


@pytest.mark.parametrize(
    "revision",
    ["--output=x", "-h", "", " ", "no-such", "a.py", "HEAD:a.py", "HEAD^{tree}", "HEAD..HEAD", "main\nmain",
     "\x1b[2J", "HEAD -- a.py", "1" * 40],
)  # fmt: skip
def test_what_is_no_revision_is_refused(repository: Path, revision: str) -> None:
    before = sorted(repository.iterdir())
    with pytest.raises(GitFailed) as failed:
        git.commit(repository, revision)
    assert failed.value.code != 0
    assert sorted(repository.iterdir()) == before


def test_no_revision_without_a_repository(tmp_path: Path, repository: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    with pytest.raises(GitFailed, match="no git repository"):
        git.commit(alone, "HEAD")
    run(alone, "init", "-q")
    with pytest.raises(GitFailed, match="names no commit"):
        git.commit(alone, "HEAD")


def test_an_object_that_is_missing_is_named(repository: Path) -> None:
    with pytest.raises(GitFailed, match="111"):
        git.contents(repository, [git.Blob("1" * 40, 3)])


def test_files_that_were_renamed(repository: Path) -> None:
    text = "".join(f"value_{n} = {n}\n" for n in range(30))
    (repository / "old name.py").write_text(text)
    run(repository, "add", "-A")
    run(repository, "commit", "-q", "-m", "second")
    base = git.commit(repository, "HEAD")
    (repository / "sub").mkdir()
    run(repository, "mv", "old name.py", "sub/new\nname.py")
    (repository / "sub" / "new\nname.py").write_text(text + "more = 1\n")
    run(repository, "add", "-A")
    run(repository, "commit", "-q", "-m", "third")
    assert git.renames(repository, base) == {"sub/new\nname.py": "old name.py"}
    assert git.renames(repository, git.commit(repository, "HEAD")) == {}


def _empty_head(folder: Path) -> None:
    (folder / "HEAD").write_text("")


def _no_head(folder: Path) -> None:
    (folder / "HEAD").unlink()


def _wild_head(folder: Path) -> None:
    (folder / "HEAD").write_bytes(b"\xff\xfe\0 ref: ../../../etc/passwd")


def _climbing_head(folder: Path) -> None:
    (folder / "HEAD").write_text("ref: ../../../../../../etc/passwd\n")


def _head_in_a_circle(folder: Path) -> None:
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "refs" / "heads" / "main").write_text("ref: refs/heads/main\n")


def _head_is_a_folder(folder: Path) -> None:
    (folder / "HEAD").unlink()
    (folder / "HEAD").mkdir()


def _no_object(folder: Path) -> None:
    (folder / "refs" / "heads" / "main").write_text("1" * 40 + "\n")


def _short_name(folder: Path) -> None:
    (folder / "refs" / "heads" / "main").write_text("abc\n")


def _bad_config(folder: Path) -> None:
    (folder / "config").write_bytes(b"[core\n\xff\0")


def _bad_version(folder: Path) -> None:
    (folder / "config").write_text("[core]\nrepositoryformatversion = 99\n")


@pytest.mark.parametrize(
    "break_it",
    [
        _empty_head,
        _no_head,
        _wild_head,
        _climbing_head,
        _head_in_a_circle,
        _head_is_a_folder,
        _no_object,
        _short_name,
        _bad_config,
        _bad_version,
    ],
)
def test_a_broken_repository_is_worth_no_more_than_none(
    repository: Path, break_it: Callable[[Path], None]
) -> None:
    break_it(repository / ".git")
    found = git.head(repository)
    assert isinstance(found, git.Head)
    assert "passwd" not in found.commit
    assert git.ignored(repository, ["a.py"]) == set()
    assert "a.py" in walk(Workspace([repository])).sources


@pytest.mark.parametrize(
    "content", ["", "gitdir: /nonexistent", "gitdir: .", "gitdir: ../..", "\0"]
)
def test_a_git_file_that_leads_nowhere(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    (tmp_path / "a.py").write_text("a = 1\n")
    assert git.head(tmp_path) == git.Head()
    assert walk(Workspace([tmp_path])).sources == ["a.py"]


def test_files_are_tracked_and_untracked_but_not_ignored(repository: Path) -> None:
    (repository / ".gitignore").write_text("*.log\nbuild/\n")
    (repository / "sub").mkdir()
    (repository / "sub" / ".gitignore").write_text("secret.py\n!keep.log\n")
    for name in ("b.py", "x.log", "sub/secret.py", "sub/keep.log", "sub/c.py"):
        (repository / name).write_text("")
    (repository / "build").mkdir()
    (repository / "build" / "d.py").write_text("")
    expected = [".gitignore", "a.py", "b.py", "sub/.gitignore", "sub/c.py", "sub/keep.log"]
    assert sorted(git.files(repository)) == expected
    names = ["a.py", "b.py", "x.log", "sub/secret.py", "sub/keep.log", "build/d.py"]
    assert git.ignored(repository, names) == {"x.log", "sub/secret.py", "build/d.py"}
    assert git.ignored(repository, []) == set()


ODD = [b"--output=x.py", b"-c.py", b"new\nline.py", b"tab\t.py", b'quo"te.py', b"back\\slash.py",
       b":(glob)x.py", b"*.py", b" space .py", "größe.py".encode(), b"not-utf8-\xff.py", b"!x.py", b"#x.py"]  # fmt: skip


def test_odd_names_are_data(repository: Path) -> None:
    for name in ODD:
        (repository / os.fsdecode(name)).write_text("")
    run(repository, "add", "-A")
    expected = sorted([b"a.py", *ODD])
    assert sorted(os.fsencode(name) for name in git.files(repository)) == expected
    (repository / ".gitignore").write_text("*\n!a.py\n")
    # check-ignore looks past tracked files.
    run(repository, "rm", "-r", "-q", "--cached", ".")
    ignored = git.ignored(repository, [os.fsdecode(name) for name in expected])
    assert sorted(os.fsencode(name) for name in ignored) == sorted(ODD)


def test_the_index_is_not_written(repository: Path) -> None:
    index = repository / ".git" / "index"
    os.utime(repository / "a.py", (1, 1))
    before = index.stat().st_mtime_ns, index.read_bytes()
    walk(Workspace([repository]))
    git.head(repository)
    assert (index.stat().st_mtime_ns, index.read_bytes()) == before


def test_the_trap_works(hostile: tuple[Path, Path]) -> None:
    """Or the next test would prove nothing."""
    root, marker = hostile
    subprocess.run(["git", "status"], cwd=root, env=ENVIRONMENT, capture_output=True, check=False)
    assert marker.exists()


def test_a_hostile_repository_runs_nothing(
    hostile: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, marker = hostile
    # What a person's own environment may hold must not open a door either.
    monkeypatch.setenv("GIT_PAGER", str(root.parent / "command.sh"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(root.parent / "command.sh"))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(root.parent / "command.sh"))
    workspace = Workspace([root])
    assert git.is_repository(root)
    assert "b.py" in git.files(root)
    assert git.ignored(root, ["a.py", "b.py"]) == set()
    assert git.head(root).branch == "main"
    assert {"a.py", "b.py"} <= set(walk(workspace).sources)
    assert kept(workspace, {"a.py", "b.py"}).sources == ["a.py", "b.py"]
    commit = git.commit(root, "HEAD")
    blobs = git.blobs(root, commit)
    assert git.contents(root, blobs.values())[blobs["a.py"].name] == b"a = 1\n"
    with pytest.raises(GitFailed):
        git.contents(root, [git.Blob("1" * 40, 3)])
    assert not marker.exists()
    # A commit where the file had another name: now contents are compared.
    tree = subprocess.run(
        ["git", "mktree"], cwd=root, env=ENVIRONMENT, check=True, capture_output=True, text=True,
        input=f"100644 blob {blobs['a.py'].name}\tformer.py\n",
    )  # fmt: skip
    former = run(root, "commit-tree", "-m", "former", tree.stdout.strip())
    marker.unlink(missing_ok=True)
    assert git.renames(root, former) == {"a.py": "former.py"}
    assert not marker.exists()


def test_head_of_a_missing_commit_asks_no_remote(hostile: tuple[Path, Path]) -> None:
    root, marker = hostile
    (root / ".git" / "refs" / "heads" / "main").write_text("1" * 40 + "\n")
    git.head(root)
    walk(Workspace([root]))
    assert not marker.exists()


def test_another_repository_of_the_environment_is_not_looked_at(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run(other, "init", "-q", "-b", "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert git.files(repository) == ["a.py"]
    assert git.head(repository).branch == "main"


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = f"sleep 1000 & echo $! > {pid}; wait"
    done = process.run(
        ("sh", "-c", script), cwd=tmp_path, environment={"PATH": os.environ["PATH"]}, timeout=0.5
    )
    assert done.timed_out
    assert done.code < 0
    child = Path("/proc") / pid.read_text().strip() / "stat"
    # A signal takes a moment; a zombie that nobody has waited for is dead as well.
    limit = time.monotonic() + 10
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_output_is_cut_and_stdin_is_given(tmp_path: Path) -> None:
    done = process.run(("cat",), cwd=tmp_path, environment={"PATH": os.environ["PATH"]}, given=b"x" * 99, limit=9)  # fmt: skip
    assert (done.code, done.stdout, done.stderr, done.timed_out) == (0, b"x" * 9, b"", False)


def test_nothing_is_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    done = process.run(("env",), cwd=tmp_path, environment={"PATH": os.environ["PATH"]})
    assert b"secret" not in done.stdout
