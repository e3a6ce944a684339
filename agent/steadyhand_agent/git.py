"""git, read only, with a hostile repository in mind.

Owns every use of git. Never runs a hook, a filter, a file system monitor, an external diff, a
prompt or the network, and never writes the index or the work tree. HEAD is read by GitPython, which
reads the files itself and starts nothing, or asked of git where that cannot read them; its `Repo`
is closed at once, since GitPython says of itself that it leaks in long-running processes. Listings
need the git program and go through `process`, because GitPython's own time limit misses
grandchildren.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from steadyhand_agent import process
from steadyhand_agent.errors import GitFailed

_SAFE = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.untrackedCache=false",
    "-c", "core.attributesFile=/dev/null",
    "-c", "core.pager=cat",
    "-c", "diff.external=",
    "-c", "submodule.recurse=false",
    "-c", "protocol.allow=never",
    "-c", "mailmap.file=",
    "-c", "mailmap.blob=",
    # What is in another encoding, no secret is found in.
    "-c", "i18n.logOutputEncoding=UTF-8",
)  # fmt: skip

# Well below what `process` keeps of an answer.
_BATCH_BYTES = 16_000_000
_SHA256_DIGITS = 64
# What a round may wait for, and how much of what is uncommitted is read to tell it apart.
_STATUS_SECONDS = 5.0
_MOST_READ = 500
_MOST_BYTES = 1_000_000


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ATTR_NOSYSTEM": "1",
    }


@dataclass(frozen=True, slots=True)
class Head:
    """Where a checkout stands. Empty strings where there is no git, or no commit yet.

    Attributes:
        commit: HEAD's object name.
        branch: The branch's name; empty when detached.
    """

    commit: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a checkout stands, with what is not committed.

    Attributes:
        commit, branch: As `Head` has them.
        dirty: A hash of the uncommitted files and their contents; empty where nobody can tell.
    """

    commit: str = ""
    branch: str = ""
    dirty: str = ""

    def as_json(self) -> dict[str, str]:
        """For a record."""
        return {"commit": self.commit, "branch": self.branch, "dirty": self.dirty}


def available() -> bool:
    """True where a git program can be found."""
    return shutil.which("git") is not None


def is_repository(root: Path) -> bool:
    """True where `root` lies in a work tree that git is willing to read."""
    if not available():
        return False
    try:
        return _git(root, "rev-parse", "--is-inside-work-tree").strip() == b"true"
    except GitFailed:
        return False


def head(root: Path) -> Head:
    """HEAD and branch of a checkout; empty where there is no git, no commit, or no telling."""
    # GitPython runs `git version` on import unless told not to mind its absence.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from git import Repo
    from git.exc import GitError

    try:
        with Repo(root, search_parent_directories=True) as repo:
            try:
                branch = "" if repo.head.is_detached else repo.head.reference.name
                return Head(repo.head.commit.hexsha, branch)
            except (ValueError, TypeError, IndexError):
                # No commit yet, or a form that GitPython does not read: SHA-256, reftable.
                return _asked(root)
    except (GitError, OSError, ValueError, TypeError, IndexError):
        # A broken or hostile `.git` is worth no more than none: the session works without.
        return Head()


def _asked(root: Path) -> Head:
    """HEAD and branch as the git program tells them."""
    told: list[str] = []
    for words in (("rev-parse", "--verify", "HEAD"), ("symbolic-ref", "--short", "HEAD")):
        try:
            told.append(_git(root, *words).decode("utf-8", "replace").strip())
        except GitFailed:
            told.append("")
    return Head(*told)


def stands(root: Path) -> Stands:
    """HEAD, branch and a hash of what is not committed; empty where there is no telling."""
    now = head(root)
    if not now.commit:
        return Stands(now.commit, now.branch)
    listed = uncommitted(root)
    if listed is None:
        return Stands(now.commit, now.branch)
    digest = hashlib.blake2b(digest_size=16)
    for at, line in enumerate(listed):
        digest.update(os.fsencode(line) + b"\0")
        digest.update(_content(root / line[3:], whole=at < _MOST_READ) + b"\0")
    return Stands(now.commit, now.branch, digest.hexdigest())


def uncommitted(root: Path) -> list[str] | None:
    """What differs from HEAD below `root`: two letters, a blank, the path; None for no telling."""
    try:
        said = looked_at(
            root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal",
            "--ignore-submodules=all", "--", ".", seconds=_STATUS_SECONDS,
        )  # fmt: skip
    except GitFailed:
        return None
    return [line for line in said.split("\0") if line]


def _content(path: Path, *, whole: bool) -> bytes:
    """What tells a file's content: its hash, or for a large or a late one its size and time."""
    try:
        told = path.lstat()
        if whole and stat.S_ISREG(told.st_mode) and told.st_size <= _MOST_BYTES:
            return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
    except OSError:
        return b""
    return f"{told.st_size} {told.st_mtime_ns}".encode()


def remote(root: Path) -> str:
    """The address of `origin`; empty where there is none."""
    try:
        said = _git(root, "config", "--local", "--get", "remote.origin.url")
    except GitFailed:
        return ""
    return said.decode("utf-8", "replace").strip()


def inside(root: Path) -> str:
    """The path of `root` within its repository; empty at its top."""
    try:
        return os.fsdecode(_git(root, "rev-parse", "--show-prefix")).strip().strip("/")
    except GitFailed:
        return ""


def first_commit(root: Path) -> str:
    """The oldest commit without a parent; empty for a shallow clone, or where there is none."""
    try:
        if _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
            return ""
        found = _git(root, "rev-list", "--max-parents=0", "HEAD").split()
    except GitFailed:
        return ""
    # Histories that were merged have several: the same clone lists them in the same order.
    return found[-1].decode("ascii", "replace") if found else ""


def has(root: Path, commit: str) -> bool:
    """True where a repository has a commit, by its object name."""
    try:
        _git(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except GitFailed:
        return False
    return True


def files(root: Path) -> list[str]:
    """Tracked and untracked files below `root` that git does not ignore.

    Raises:
        GitFailed: git did not answer.
    """
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return sorted({os.fsdecode(name) for name in listed.split(b"\0") if name})


def ignored(root: Path, names: list[str]) -> set[str]:
    """Those of `names` (relative to `root`) that git ignores."""
    if not names:
        return set()
    # `./` keeps a name such as `:(glob)x` from being read as a pattern.
    given = b"\0".join(b"./" + os.fsencode(name) for name in names)
    done = _run(root, ("check-ignore", "-z", "--stdin"), given)
    # 1 says that none is ignored; 128 that git cannot tell.
    found = done.stdout.split(b"\0")
    return {os.fsdecode(name.removeprefix(b"./")) for name in found if name}


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a commit.

    Attributes:
        name: Its object name.
        size: Bytes.
    """

    name: str
    size: int

    def holds(self, data: bytes) -> bool:
        """True where `data` is exactly what the commit has, told without asking git."""
        digest = hashlib.sha256 if len(self.name) == _SHA256_DIGITS else hashlib.sha1
        return digest(b"blob %d\0" % len(data) + data).hexdigest() == self.name


def commit(root: Path, revision: str) -> str:
    """The object name of the commit that a person's revision means.

    Raises:
        GitFailed: There is no such commit here, or the revision could be taken for an option.
    """
    if revision.startswith("-") or not revision.isprintable() or not revision.strip():
        raise GitFailed(f"`{revision}` is no revision; name a branch, a tag or a commit.", 128)
    if not is_repository(root):
        raise GitFailed(f"{root} is no git repository, so there is no `{revision}` in it.", 128)
    try:
        found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except GitFailed as error:
        raise GitFailed(
            f"`{revision}` names no commit of this repository; fetch it first (a shallow clone "
            "holds the newest commit alone).",
            error.code,
        ) from error
    return found.decode("ascii", "replace").strip()


def blobs(root: Path, commit: str) -> dict[str, Blob]:
    """The files of a commit below `root`, links and submodules left out.

    Args:
        root: A folder of the work tree.
        commit: An object name, from `commit`.

    Raises:
        GitFailed: git did not answer.
    """
    found: dict[str, Blob] = {}
    for line in _git(root, "ls-tree", "-r", "-z", "-l", commit).split(b"\0"):
        # "<mode> <type> <object> <size>\t<path>"
        fields, _, path = line.partition(b"\t")
        mode, _, rest = fields.decode("ascii", "replace").partition(" ")
        if mode in ("100644", "100755"):
            _, name, size = rest.split()
            found[os.fsdecode(path)] = Blob(name, int(size))
    return found


def contents(root: Path, wanted: Iterable[Blob]) -> dict[str, bytes]:
    """The bytes of blobs as they are stored, by object name; no filter is run.

    Raises:
        GitFailed: git did not answer, or has not got one of them.
    """
    found: dict[str, bytes] = {}
    batch: list[str] = []
    size = 0
    for blob in wanted:
        batch.append(blob.name)
        size += blob.size
        if size > _BATCH_BYTES:
            found |= _batch(root, batch)
            batch, size = [], 0
    return found | _batch(root, batch) if batch else found


def _batch(root: Path, names: list[str]) -> dict[str, bytes]:
    asked = "".join(f"{name}\n" for name in names).encode("ascii")
    said = _git(root, "cat-file", "--batch", given=asked)
    found: dict[str, bytes] = {}
    at = 0
    for name in names:
        # "<object> blob <size>\n<bytes>\n"
        end = said.find(b"\n", at)
        header = said[at:end].split()
        if len(header) != 3 or header[1] != b"blob":
            raise GitFailed(f"git has not got the object {name}; fetch the history first.", 128)
        at = end + 1 + int(header[2])
        found[name] = said[end + 1 : at]
        at += 1
    return found


def renames(root: Path, commit: str) -> dict[str, str]:
    """Files below `root` that HEAD has under another name than a commit had: the old by the new.

    Raises:
        GitFailed: git did not answer.
    """
    said = _git(
        root, "diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status", "--relative",
        "--no-ext-diff", "--no-textconv", commit, "HEAD",
    )  # fmt: skip
    fields = [os.fsdecode(field) for field in said.split(b"\0")]
    # "R<score>", the old name, the new name, and so on.
    return dict(zip(fields[2::3], fields[1::3], strict=False))


def touched(root: Path, old: str, new: str) -> list[str]:
    """Paths that differ between two commits, by their hashes.

    Raises:
        GitFailed: One of them is not there, or git did not answer.
    """
    names = _git(
        root, "diff", "--name-only", "-z", "--no-ext-diff", "--no-textconv", "--no-renames",
        commit(root, old), commit(root, new), "--",
    )  # fmt: skip
    return [os.fsdecode(name) for name in names.split(b"\0") if name]


def own_repository(folder: Path) -> Path:
    """Makes an empty repository of ours in an empty folder, without starting anything."""
    for name in ("objects", "refs"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n", "ascii")
    (folder / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n", "ascii"
    )
    return folder


def in_own(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What git says in a repository of ours: index and objects lie there, nobody else's is read.

    Raises:
        GitFailed: git says no, in its own words.
    """
    own = {
        "GIT_DIR": str(folder),
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
    }
    return _said(arguments[0], _run(folder, arguments, given, own))


def looked_at(root: Path, *arguments: str, seconds: float = 60.0) -> str:
    """What git says when it has to compare the work tree: no filter of the repository is run.

    Raises:
        GitFailed: git did not answer, or said no.
    """
    blank = _without_filters(root)
    words = ("--literal-pathspecs", "-c", "core.quotePath=false", *arguments)
    done = _run(root, words, more=blank, seconds=seconds)
    return _said(arguments[0], done).decode("utf-8", "replace")


def _without_filters(root: Path) -> dict[str, str]:
    """An environment in which each filter that the configuration names is nothing."""
    listed = _git(root, "config", "--list", "-z", "--name-only")
    keys = {os.fsdecode(key) for key in listed.split(b"\0")}
    names = sorted({key.rpartition(".")[0] for key in keys if key.startswith("filter.")})
    # Not `-c`: that takes what follows the first `=` for the value, and a name may hold one.
    blank = [(f"{n}.{what}", "") for n in names for what in ("clean", "smudge", "process")]
    blank += [(f"{name}.required", "false") for name in names]
    found = {"GIT_CONFIG_COUNT": str(len(blank))}
    for at, (key, value) in enumerate(blank):
        found |= {f"GIT_CONFIG_KEY_{at}": key, f"GIT_CONFIG_VALUE_{at}": value}
    return found


def _run(
    root: Path,
    arguments: tuple[str, ...],
    given: bytes = b"",
    more: dict[str, str] | None = None,
    seconds: float = 60.0,
) -> process.Finished:
    try:
        return process.run(
            ("git", *_SAFE, *arguments),
            cwd=root,
            environment=_environment() | (more or {}),
            given=given,
            timeout=seconds,
        )
    except OSError as error:
        raise GitFailed(f"git could not be started: {error}.", 127) from error


def _git(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    return _said(arguments[0], _run(root, arguments, given))


def _said(command: str, done: process.Finished) -> bytes:
    if done.timed_out:
        raise GitFailed(f"git {command} did not end in time.", done.code)
    if done.code != 0:
        said = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.code}"
        raise GitFailed(f"git {command} failed: {said}", done.code)
    return done.stdout
