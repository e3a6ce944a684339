"""Writes an agreed change into a file by ourselves: in a terminal, or where an editor cannot.

Owns how: only over the very text that the change was made from, whole or not at all, with the
file's own mode and owner. Never asks; consent comes before.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from steadyhand_agent.errors import StaleDocument, SteadyhandError
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.workspace import Workspace


def fresh(workspace: Workspace, change: FileChange) -> bool:
    """True where the file holds what the change was made from, or holds it already."""
    if not workspace.locate(change.path).exists():
        return None in (change.base, change.new)
    try:
        return workspace.read(change.path) in (change.base, change.new)
    except SteadyhandError:
        return False  # It is there, and it is no text of ours.


def mode_of(workspace: Workspace, path: str) -> int | None:
    """The permissions of a file; None where there is none."""
    try:
        return workspace.locate(path).stat().st_mode & 0o7777
    except OSError:
        return None


def write(workspace: Workspace, change: FileChange, mode: int | None = None) -> None:
    """Makes, changes or deletes a file.

    Args:
        workspace: It lies there.
        change: What the person has agreed to.
        mode: The permissions of a file that is made; those that are usual without it.

    Raises:
        StaleDocument: The file is another one by now, and was left as it is.
        OSError: It could not be written, and is as it was.
    """
    if change.new is None:
        _look_again(workspace, change)
        # A link goes, never what it leads to.
        workspace.entry(change.path).unlink(missing_ok=True)
        return
    target = workspace.locate(change.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # A name may be as long as a file system takes; so much of it says whose the other one is.
    fd, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:50]}.")
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(change.new.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        _dress(temporary, target, mode)
        _look_again(workspace, change)
        temporary.replace(target)
    except (OSError, StaleDocument):
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _dress(temporary: Path, target: Path, mode: int | None) -> None:
    if target.exists():
        was = target.stat()
        with contextlib.suppress(PermissionError):
            # Who is not root cannot give a file away; then it is theirs already, mostly.
            os.chown(temporary, was.st_uid, was.st_gid)
        temporary.chmod(was.st_mode & 0o7777)
    elif mode is not None:
        temporary.chmod(mode)
    else:
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)


def _look_again(workspace: Workspace, change: FileChange) -> None:
    """Refuses to write over what was saved while the change was on its way.

    Raises:
        StaleDocument: The file is another one by now.
    """
    if not fresh(workspace, change):
        raise StaleDocument(f"{change.path} changed meanwhile and was left as it is.")
