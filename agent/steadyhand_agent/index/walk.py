"""Which files of a workspace are read, and why the others are not.

Owns ignoring, size and suffix rules. Never opens a file and never follows a link out of a root.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from steadyhand_agent import git
from steadyhand_agent.errors import GitFailed
from steadyhand_agent.index.languages import language_of
from steadyhand_agent.workspace import MAX_FILE_BYTES, Workspace

# Folders that hold other people's code or nothing of interest, where no git says so.
CLOSED = frozenset(
    {
        ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache",
        ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".eggs", "site-packages",
    }
)  # fmt: skip


@dataclass(slots=True)
class Walk:
    """The outcome: workspace paths to read, all paths that exist, and what was passed over.

    Attributes:
        sources: Paths in a language that is indexed.
        others: Every other path that is not ignored (for listing and searching).
        passed_over: How many, by reason: `huge`, `link`, `unreadable`, `name`.
    """

    sources: list[str] = field(default_factory=list[str])
    others: list[str] = field(default_factory=list[str])
    passed_over: Counter[str] = field(default_factory=Counter[str])


def walk(workspace: Workspace) -> Walk:
    """Lists a workspace; slow on a large one, so it is called in a thread."""
    outcome = Walk()
    for root in workspace.roots:
        prefix = workspace.prefix(root)
        for name in _listing(root):
            _sort_in(outcome, root, prefix, name)
    outcome.sources.sort()
    outcome.others.sort()
    return outcome


def kept(workspace: Workspace, paths: set[str]) -> Walk:
    """The same judgement for a few paths, as a file system event brings them.

    A folder stands for everything below it: moved into the workspace, it is one event.
    """
    outcome = Walk()
    by_root: dict[Path, set[str]] = {}
    for path in paths:
        root, inside = workspace.split(path)
        by_root.setdefault(root, set()).add(inside)
    for root, names in by_root.items():
        prefix = workspace.prefix(root)
        repository = git.is_repository(root)
        found = {name for name in names if not _below_a_link(root, name)}
        folders = [n for n in found if (root / n).is_dir() and not (root / n).is_symlink()]
        for folder in folders:
            found |= {f"{folder}/{name}" for name in _walked(root / folder, _spec(root))}
        found = {name for name in found if ".git" not in name.split("/")}
        if repository:
            found -= git.ignored(root, sorted(found))
        else:
            spec = _spec(root)
            found = {
                name
                for name in found
                if not spec.match_file(name) and not CLOSED.intersection(name.split("/"))
            }
        for name in sorted(found):
            _sort_in(outcome, root, prefix, name)
    return outcome


def _below_a_link(root: Path, name: str) -> bool:
    folder = (root / name).parent
    while folder != root and folder != folder.parent:
        if folder.is_symlink():
            return True
        folder = folder.parent
    return False


def _listing(root: Path) -> list[str]:
    if git.is_repository(root):
        # A repository that cannot be listed, or that ignores this very folder, is no guide.
        with contextlib.suppress(GitFailed):
            if listed := git.files(root):
                return listed
    return _walked(root, _spec(root))


def _walked(root: Path, spec: GitIgnoreSpec) -> list[str]:
    """Every path below a folder that is not ignored; links are named and not followed."""
    found: list[str] = []
    for folder, folders, files in os.walk(root, followlinks=False):
        inside = os.path.relpath(folder, root)
        inside = "" if inside == "." else inside.replace(os.sep, "/") + "/"
        linked = [name for name in folders if Path(folder, name).is_symlink()]
        folders[:] = sorted(
            name
            for name in folders
            if name not in CLOSED and name not in linked and not spec.match_file(f"{inside}{name}/")
        )
        found.extend(
            f"{inside}{name}"
            for name in (*files, *linked)
            if not spec.match_file(f"{inside}{name}")
        )
    return found


def _spec(root: Path) -> GitIgnoreSpec:
    lines: list[str] = []
    for name in (".gitignore", ".ignore"):
        try:
            lines += (root / name).read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
    return GitIgnoreSpec.from_lines(lines)


def _sort_in(outcome: Walk, root: Path, prefix: str, name: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        outcome.passed_over["name"] += 1
        return
    path = root / name
    try:
        status = path.lstat()
    except OSError:
        return  # Tracked by git, gone from disk.
    if path.is_symlink():
        outcome.passed_over["link"] += 1
        return
    if not path.is_file():
        return
    if status.st_size > MAX_FILE_BYTES:
        outcome.passed_over["huge"] += 1
        return
    bucket = outcome.sources if language_of(name) is not None else outcome.others
    bucket.append(prefix + name)
