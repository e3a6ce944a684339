"""What the model may ask of git: status, diff, log, show and blame, as text.

Owns the arguments of these commands. Every revision is resolved to an object name first and every
path stands behind `--`, literally, so that no name is an option or a pattern. Nothing outside the
root is shown, no submodule is entered, and `git` sees to it that nothing of the repository's runs.
"""

from __future__ import annotations

import re
from pathlib import Path

from steadyhand_agent import git
from steadyhand_agent.errors import GitFailed

# A repository may configure a program for the first two, and how the headers are written, by which
# `paths` tells whose diff it reads.
_PLAIN = (
    "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all", "--relative",
    "--src-prefix=a/", "--dst-prefix=b/", "--diff-merges=first-parent",
)  # fmt: skip
# What git says where it is the file that cannot be blamed.
_OF_THE_FILE = re.compile(r"no such path|has only \d+ line|did not end in time|is outside")
_LINE = "--format=%h %ad %an: %s"


def status(root: Path) -> str:
    """The branch, and a line for each file that differs from it or is new.

    Raises:
        GitFailed: There is no repository, or git did not answer.
    """
    return git.looked_at(
        root, "status", "--short", "--branch", "--untracked-files=normal",
        "--ignore-submodules=all", "--", ".",
    )  # fmt: skip


def diff(root: Path, revision: str, path: str = "", to: str = "") -> str:
    """What changed since a revision, up to the work tree or another revision.

    Raises:
        GitFailed: A revision is none, or git did not answer.
    """
    ends = [git.commit(root, name) for name in ((revision, to) if to else (revision,))]
    return git.looked_at(root, "diff", *_PLAIN, *ends, "--", path or ".")


def log(root: Path, revision: str, path: str = "", count: int = 20) -> str:
    """The newest commits, a line each.

    Raises:
        GitFailed: The revision is none, or git did not answer.
    """
    start = git.commit(root, revision)
    return git.looked_at(
        root, "log", f"--max-count={count}", "--no-show-signature", "--no-color", "--date=short",
        _LINE, start, "--", path or ".",
    )  # fmt: skip


def between(root: Path, old: str, new: str, count: int) -> str:
    """The newest commits that `new` has and `old` has not, a line each.

    Raises:
        GitFailed: One of them is none, or git did not answer.
    """
    start, end = git.commit(root, old), git.commit(root, new)
    return git.looked_at(
        root, "log", f"--max-count={count}", "--no-show-signature", "--no-color", "--date=short",
        _LINE, end, f"^{start}", "--",
    )  # fmt: skip


def show(root: Path, revision: str, path: str = "") -> str:
    """A commit with its diff, or a file as the commit has it.

    Raises:
        GitFailed: The revision is none, it has no such file, or git did not answer.
    """
    found = git.commit(root, revision)
    if not path:
        return git.looked_at(
            root,
            "show",
            "--no-show-signature",
            "--format=medium",
            "--date=iso",
            *_PLAIN,
            found,
            "--",
            ".",
        )
    blob = git.blobs(root, found).get(path)
    if blob is None:
        raise GitFailed(
            f"The commit `{revision}` has no file `{path}` (links and submodules are not shown). "
            "Look for it with `git_log`, or name another revision.",
            128,
        )
    return git.contents(root, [blob])[blob.name].decode("utf-8", "replace")


def blame(root: Path, path: str, first: int, last: int) -> str:
    """Who wrote each line last, of the file on disk.

    Raises:
        GitFailed: The file is not tracked or has no such line, or git did not answer.
    """
    try:
        return git.looked_at(
            root, "blame", "--no-textconv", "--date=short", f"-L{first},{last}", "--", path
        )
    except GitFailed as error:
        if _OF_THE_FILE.search(str(error)):
            raise
        # A repository may name any file as its list of revisions to ignore, and nothing takes that
        # back; of a file that is none, git quotes a line.
        raise GitFailed(
            f"git cannot blame `{path}` here: the repository's own configuration is in the way "
            "(`blame.ignoreRevsFile`, for one). Ask `git_log` about the file instead.",
            error.code,
        ) from None
