"""A scratch copy of the workspace with a session's texts in it, for commands to run on.

Owns what is copied and what is linked. Copies share blocks with the originals where the file system
can (reflinks) and never an inode: a hard link would let a command write the person's file. Ignored
folders of dependencies are linked, since they are large and nobody's own work.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steadyhand_agent import git
from steadyhand_agent.errors import GitFailed, PathRefused, ToolFailed
from steadyhand_agent.index.walk import CLOSED
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.workspace import Workspace

# Linux; elsewhere the call fails, and bytes are copied.
_FICLONE = 0x40049409
# Looked for at each root; taken only where they are ignored.
_DEPENDENCIES = (".venv", "venv", "node_modules", "vendor")
_PREFIX = "check-"


@dataclass(slots=True)
class Scratch:
    """One copy.

    Attributes:
        folder: All of it; removed afterwards.
        root: The copy of the workspace's first root, where commands run.
        linked: What each link in it leads to.
        import_paths: Folders of the copy that stand for those of an editable installation.
    """

    folder: Path
    root: Path
    linked: dict[Path, Path] = field(default_factory=dict[Path, Path])
    import_paths: list[Path] = field(default_factory=list[Path])

    @property
    def home(self) -> Path:
        """An empty home for the command."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Where it may leave temporary files."""
        return self.folder / "tmp"


def size(workspace: Workspace, files: Sequence[str]) -> int:
    """Bytes that a copy of these files takes."""
    total = 0
    for name in files:
        with contextlib.suppress(OSError, PathRefused):
            root, inside = workspace.split(name)
            total += os.lstat(root / inside).st_size
    return total


@contextlib.contextmanager
def copied(
    workspace: Workspace,
    overlay: Overlay,
    files: Sequence[str],
    folder: Path,
    paths: Sequence[str] = (),
) -> Generator[Scratch]:
    """Makes a copy, and removes it however its use ends.

    Args:
        workspace: What is copied.
        overlay: The session's texts over open buffers.
        files: Every path that is not ignored.
        folder: Below which the copy is made, 0700.
        paths: Ignored paths that the person wants in it.

    Raises:
        ToolFailed: It could not be made; nothing of it is left.
    """
    made: Path | None = None
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _remove_left_over(folder)
            made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=folder))
            scratch = _fill(made, workspace, overlay, files, paths)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            why = "there is no room for it" if full else error.strerror or str(error)
            raise ToolFailed(
                f"The scratch copy of the workspace could not be made in {folder}: {why}. Nothing "
                "of the person's files was touched. Finish without this check and say so.",
                error.errno,
            ) from error
        yield scratch
    finally:
        if made is not None:
            shutil.rmtree(made, onerror=_make_writable)  # pyright: ignore[reportDeprecated]


def _fill(
    made: Path, workspace: Workspace, overlay: Overlay, files: Sequence[str], paths: Sequence[str]
) -> Scratch:
    targets = {root: made / "work" / workspace.prefix(root).rstrip("/") for root in workspace.roots}
    scratch = Scratch(made, targets[workspace.root])
    for target in (*targets.values(), scratch.home, scratch.temporary):
        target.mkdir(parents=True, exist_ok=True)
    clone = True
    for name in files:
        if name in overlay.texts:
            continue
        root, inside = workspace.split(name)
        target = targets[root] / inside
        text = overlay.open_text(name)
        if text is not None:
            _write(target, text)
        else:
            clone = _copy(root, inside, target, clone=clone)
    for name, text in overlay.texts.items():
        if text is not None:
            root, inside = workspace.split(name)
            _write(targets[root] / inside, text)
            with contextlib.suppress(OSError):
                mode = stat.S_IMODE(os.lstat(root / inside).st_mode)
                (targets[root] / inside).chmod(mode | 0o600)
    for root, target in targets.items():
        _link(root, target, scratch, paths)
    return scratch


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode("utf-8", "surrogatepass"))


def _copy(root: Path, inside: str, target: Path, *, clone: bool) -> bool:
    """Copies one regular file; returns whether to try sharing blocks with the next one."""
    source = root / inside
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return clone  # Gone since it was listed, a link, or not ours to read.
    with os.fdopen(fd, "rb") as given:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or not source.resolve().is_relative_to(root):
            return clone
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as taken:
            if clone:
                try:
                    fcntl.ioctl(taken.fileno(), _FICLONE, fd)
                except OSError:
                    clone = False
            if not clone:
                shutil.copyfileobj(given, taken, 1 << 20)
        target.chmod(stat.S_IMODE(status.st_mode) | 0o600)
    return clone


def _link(root: Path, target: Path, scratch: Scratch, paths: Sequence[str]) -> None:
    """Links ignored dependencies, and what the person named; nothing that leads out of the root."""
    wanted = [name.strip("/") for name in (*_DEPENDENCIES, *paths) if ".." not in name.split("/")]
    there = [name for name in dict.fromkeys(wanted) if name and (root / name).exists()]
    # Where no git says what is ignored, the walk's own closed folders are.
    ignored = git.ignored(root, there) if git.is_repository(root) else CLOSED
    for name in there:
        link, leads_to = target / name, (root / name).resolve()
        named = name in paths
        if link.exists() or not (named or name in ignored):
            continue
        if not leads_to.is_relative_to(root):
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(leads_to)
        scratch.linked[link] = leads_to
        scratch.import_paths += _installed(leads_to, root, target)
    with contextlib.suppress(GitFailed):
        _relative_links(root, target)


def _relative_links(root: Path, target: Path) -> None:
    """Makes the links that the repository has, where they stay inside it."""
    if not git.is_repository(root):
        return
    for name in git.files(root):
        source, link = root / name, target / name
        if not source.is_symlink() or link.exists() or link.is_symlink():
            continue
        leads_to = source.readlink()
        if leads_to.is_absolute() or not source.resolve().is_relative_to(root):
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(leads_to)


def _installed(environment: Path, root: Path, target: Path) -> list[Path]:
    """Where an editable installation would import the person's own files: the copy's instead."""
    found: list[Path] = []
    for file in sorted(environment.glob("lib/python3*/site-packages/*.pth")):
        with contextlib.suppress(OSError):
            for line in file.read_text("utf-8", "replace").splitlines():
                path = Path(line.strip())
                if path.is_absolute() and path.is_relative_to(root):
                    found.append(target / path.relative_to(root))
    return found


def _remove_left_over(folder: Path) -> None:
    """Removes the copies of processes that are no more."""
    for old in folder.glob(f"{_PREFIX}*"):
        owner = old.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and Path("/proc/self").exists():
            shutil.rmtree(old, onerror=_make_writable)  # pyright: ignore[reportDeprecated]


def _make_writable(_function: object, path: str, _error: object) -> None:
    """A command may have taken the right to write from a folder of its own."""
    found = Path(path)
    with contextlib.suppress(OSError):
        found.parent.chmod(0o700)
        # A link's own mode counts for nothing, and what it leads to is the person's.
        if found.is_dir() and not found.is_symlink():
            found.chmod(0o700)
            shutil.rmtree(found, ignore_errors=True)
        else:
            found.unlink(missing_ok=True)
