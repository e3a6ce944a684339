"""Which files of a workspace are read, and why the others are not.

Owns ignoring, size and suffix rules. Never opens a file and never follows a link out of a root.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from steadyhand_agent import git
from steadyhand_agent.errors import GitFailed
from steadyhand_agent.index.languages import language_of
from steadyhand_agent.workspace import MAX_FILE_BYTES, Workspace

# Folders that hold nothing of the person's, where no git says so.
CLOSED = frozenset(
    {
        ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache",
        ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".eggs", "site-packages",
    }
)  # fmt: skip


# Folders that hold other people's code, committed or not: listed and searched, never indexed.
VENDORED = frozenset(
    {
        "node_modules", "bower_components", "jspm_packages", "vendor", "vendors", "vendored",
        "_vendor", "_vendored", "third_party", "third-party", "thirdparty", "3rdparty", "extern",
        "Godeps", "site-packages",
    }
)  # fmt: skip
_MINIFIED = re.compile(r"[.-](min|bundle|umd)\.[cm]?js$")
_IGNORE_FILES = (".gitignore", ".ignore")


@dataclass(slots=True)
class Walk:
    """The outcome: workspace paths to read, all paths that exist, and what was passed over.

    Attributes:
        sources: Paths in a language that is indexed.
        others: Every other path that is not ignored (for listing and searching).
        stats: Of each source, its time of change (ns) and its size.
        left_out: Why others are not read, by path: `huge`, `link`, `name`, `vendored`, `minified`,
            or `locked`, a folder that nobody may look into.
    """

    sources: list[str] = field(default_factory=list[str])
    others: list[str] = field(default_factory=list[str])
    stats: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    left_out: dict[str, str] = field(default_factory=dict[str, str])


def walk(workspace: Workspace) -> Walk:
    """Lists a workspace; slow on a large one, so it is called in a thread."""
    outcome = Walk()
    for root in workspace.roots:
        prefix = workspace.prefix(root)
        locked: list[str] = []
        for name in _listing(root, locked):
            _sort_in(outcome, root, prefix, name)
        outcome.left_out.update((prefix + folder, "locked") for folder in locked)
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
        found = {name for name in names if not _below_a_link(root, name)}
        folders = [n for n in found if (root / n).is_dir() and not (root / n).is_symlink()]
        for folder in folders:
            found |= set(_walked(root, _Ignores(root, _IGNORE_FILES), [], folder))
        for name in sorted(_not_ignored(root, found)):
            _sort_in(outcome, root, prefix, name)
    return outcome


def indexable(workspace: Workspace, path: str) -> bool:
    """True where a file of this path would be read, were it there; asks git, so in a thread."""
    root, inside = workspace.split(path)
    return named_as_source(inside) and bool(_not_ignored(root, {inside}))


def named_as_source(name: str) -> bool:
    """True for a path in a language that is indexed, and not another's code by its name."""
    vendored = not VENDORED.isdisjoint(name.split("/")[:-1])
    return language_of(name) is not None and not vendored and _MINIFIED.search(name) is None


def _not_ignored(root: Path, names: set[str]) -> set[str]:
    """Those of some paths below a root that neither git nor an ignore file leaves out."""
    names = {name for name in names if ".git" not in name.split("/")}
    repository = git.is_repository(root)
    if repository:
        names -= git.ignored(root, sorted(names))
    ignores = _Ignores(root, (".ignore",) if repository else _IGNORE_FILES)
    for name in names:
        ignores.read_above(name)
    return {
        name
        for name in names
        if not ignores.match(name) and (repository or not CLOSED.intersection(name.split("/")))
    }


def _below_a_link(root: Path, name: str) -> bool:
    folder = (root / name).parent
    while folder != root and folder != folder.parent:
        if folder.is_symlink():
            return True
        folder = folder.parent
    return False


def _listing(root: Path, locked: list[str]) -> list[str]:
    if git.is_repository(root):
        # A repository that cannot be listed, or that ignores this very folder, is no guide.
        with contextlib.suppress(GitFailed):
            if listed := git.files(root):
                ignores = _Ignores(root, (".ignore",))
                ignores.read({name.rpartition("/")[0] for name in listed if _is_ignore(name)})
                return [name for name in listed if not ignores.match(name)]
    return _walked(root, _Ignores(root, _IGNORE_FILES), locked)


def _is_ignore(name: str) -> bool:
    return name == ".ignore" or name.endswith("/.ignore")


class _Ignores:
    """The ignore files of a root and its folders, read as the walk meets them.

    As with git, a deeper file has the last word, and within one file the last line.
    """

    def __init__(self, root: Path, names: tuple[str, ...]) -> None:
        self._root = root
        self._names = names
        self._specs: dict[str, GitIgnoreSpec] = {}
        self.read({""})

    def read(self, folders: set[str]) -> None:
        """Takes in the ignore files of these folders (paths below the root)."""
        for folder in folders:
            lines: list[str] = []
            for name in self._names:
                with contextlib.suppress(OSError):
                    path = self._root / folder / name
                    lines += path.read_text("utf-8", "replace").splitlines()
            if lines:
                self._specs[folder] = GitIgnoreSpec.from_lines(lines)

    def read_above(self, name: str) -> None:
        """Takes in the ignore files of every folder that a path lies in."""
        parts = name.split("/")[:-1]
        self.read({"/".join(parts[:end]) for end in range(1, len(parts) + 1)})

    def match(self, name: str) -> bool:
        """True where a path below the root is ignored, or a folder that it lies in."""
        if not self._specs:
            return False
        parts = name.split("/")
        # A folder that is ignored takes everything along; a path that ends in `/` is a folder.
        for end in range(1, len(parts)):
            if self._match_one("/".join(parts[:end]) + "/"):
                return True
        return bool(parts[-1]) and self._match_one(name)

    def _match_one(self, name: str) -> bool:
        folder = name.rstrip("/")
        while True:
            folder = folder.rpartition("/")[0]
            spec = self._specs.get(folder)
            if spec is not None:
                inside = name[len(folder) + 1 :] if folder else name
                found = spec.check_file(inside).include
                if found is not None:
                    return found
            if not folder:
                return False


def _walked(root: Path, ignores: _Ignores, locked: list[str], below: str = "") -> list[str]:
    """Every path below a folder that is not ignored; links are named and not followed.

    Args:
        root: The root.
        ignores: Grows with each ignore file that is met.
        locked: Takes the folders that may not be read.
        below: Where to begin.
    """
    found: list[str] = []
    pending = [below]
    while pending:
        inside = pending.pop()
        prefix = f"{inside}/" if inside else ""
        try:
            with os.scandir(f"{root}/{inside}") as entries:
                # The kind comes with the listing, so that nothing is asked twice.
                kinds = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
        except PermissionError:
            locked.append(inside)
            continue
        except OSError:
            continue  # Gone meanwhile.
        if any(name in kinds for name in _IGNORE_FILES):
            ignores.read({inside})
        for name, is_folder in kinds.items():
            if is_folder:
                if name not in CLOSED and not ignores.match(f"{prefix}{name}/"):
                    pending.append(prefix + name)
            elif not ignores.match(prefix + name):
                found.append(prefix + name)
    return found


def _sort_in(outcome: Walk, root: Path, prefix: str, name: str) -> None:
    if not name.isascii():
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            shown = os.fsencode(name).decode("utf-8", "backslashreplace")
            outcome.left_out[prefix + shown] = "name"
            return
    try:
        status = os.lstat(f"{root}/{name}")
    except OSError:
        return  # Tracked by git, gone from disk.
    if stat.S_ISLNK(status.st_mode):
        outcome.left_out[prefix + name] = "link"
        return
    if not stat.S_ISREG(status.st_mode):
        return
    if status.st_size > MAX_FILE_BYTES:
        outcome.left_out[prefix + name] = "huge"
        return
    if language_of(name) is None:
        outcome.others.append(prefix + name)
        return
    folders = name.split("/")[:-1]
    if not VENDORED.isdisjoint(folders):
        outcome.left_out[prefix + name] = "vendored"
    elif _MINIFIED.search(name):
        outcome.left_out[prefix + name] = "minified"
    else:
        outcome.sources.append(prefix + name)
        outcome.stats[prefix + name] = (status.st_mtime_ns, status.st_size)
        return
    outcome.others.append(prefix + name)
