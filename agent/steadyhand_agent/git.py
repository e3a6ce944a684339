"""git, read only, with a hostile repository in mind.

Owns every use of git. Never runs a hook, a filter, a file system monitor, an external diff, a
prompt or the network, and never writes the index or the work tree. HEAD is read by GitPython, which
reads the files itself and starts nothing; its `Repo` is closed at once, since GitPython says of
itself that it leaks in long-running processes. Listings need the git program and go through
`process`, because GitPython's own time limit misses grandchildren.
"""

from __future__ import annotations

import os
import shutil
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
)  # fmt: skip


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
            reference = repo.head
            branch = "" if reference.is_detached else reference.reference.name
            try:
                return Head(reference.commit.hexsha, branch)
            except ValueError:
                return Head("", branch)
    except (GitError, OSError, ValueError, TypeError, IndexError):
        # A broken or hostile `.git` is worth no more than none: the session works without.
        return Head()


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


def _run(root: Path, arguments: tuple[str, ...], given: bytes = b"") -> process.Finished:
    try:
        return process.run(
            ("git", *_SAFE, *arguments), cwd=root, environment=_environment(), given=given
        )
    except OSError as error:
        raise GitFailed(f"git could not be started: {error}.", 127) from error


def _git(root: Path, *arguments: str) -> bytes:
    done = _run(root, arguments)
    if done.timed_out:
        raise GitFailed(f"git {arguments[0]} did not end within 60 seconds.", done.code)
    if done.code != 0:
        said = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.code}"
        raise GitFailed(f"git {arguments[0]} failed: {said}", done.code)
    return done.stdout
