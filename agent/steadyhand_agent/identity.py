"""The names of a workspace: the same in every clone of a repository, wherever it lies.

Owns how a name is made of a repository's remote and its first commit. A workspace may have several:
one that was opened before it had a remote is still found under the old one, and so is one whose
remote was changed since.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from steadyhand_agent import git
from steadyhand_agent.workspace import Workspace

log = logging.getLogger(__name__)

# host:path, as ssh and scp write it.
_SCP = re.compile(r"^(?:[^@/]+@)?([^:/]{2,}):(?!//)(.+)$")


def names(workspace: Workspace, remembered: Path | None = None) -> tuple[str, ...]:
    """Every name of a workspace, the one to keep a new session under first.

    The first is of the normalised remotes and the first commits of its roots; without a history,
    as in a shallow clone, of the remotes alone; without a remote, of the real paths.

    Args:
        workspace: It.
        remembered: The folder in which the names that a workspace had here are kept, so that its
            sessions are found when it gets another remote, or a branch with another beginning.
    """
    found = _present(workspace)
    if remembered is None:
        return found
    file = remembered / workspace.id
    known = _read(file)
    head = git.head(workspace.root).commit
    fresh = {name: head for name in found if name not in known}
    if fresh and (known or found != (workspace.id,)):
        _write(file, known | fresh)
    # Another repository may lie at this path by now: then none of what was here belongs to it.
    there = {commit: not commit or git.has(workspace.root, commit) for commit in {*known.values()}}
    return tuple(dict.fromkeys((*found, *(name for name in known if there[known[name]]))))


def _read(file: Path) -> dict[str, str]:
    """Names by the commit on which a workspace had them."""
    try:
        lines = file.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return {}
    return {parts[0]: parts[-1] for line in lines if len(parts := line.split(" ")) == 2}


def _write(file: Path, known: dict[str, str]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.write_text("".join(f"{name} {commit}\n" for name, commit in known.items()), "ascii")
        fresh.chmod(0o600)
        fresh.replace(file)
    except OSError as error:
        log.warning("the names of a workspace are not remembered: %s", error)


def _present(workspace: Workspace) -> tuple[str, ...]:
    """The names that a workspace has by its repository as it is."""
    whole: list[str] = []
    remotes: list[str] = []
    for root in workspace.roots:
        remote = normalised(git.remote(root), root)
        if not remote:
            return (workspace.id,)
        inside = git.inside(root)
        first = git.first_commit(root)
        remotes.append(f"{remote} {inside}")
        whole.append(f"{remote} {inside} {first}" if first else f"{remote} {inside}")
    found = (_name(whole), _name(remotes), workspace.id)
    return tuple(dict.fromkeys(found))


def normalised(url: str, root: Path) -> str:
    """A remote's address without user, password, scheme, port or `.git`: `host/owner/name`."""
    url = url.strip()
    if not url:
        return ""
    scp = _SCP.match(url)
    if scp and "://" not in url:
        host, path = scp[1], scp[2]
    elif "://" in url:
        try:
            parts = urlsplit(url)
            host, path = parts.hostname or "", parts.path
        except ValueError:
            return ""
    else:
        host, path = "", os.path.normpath(root / url)
    path = path.strip("/").removesuffix(".git").strip("/")
    return f"{host.lower()}/{path}"


def _name(parts: list[str]) -> str:
    return hashlib.blake2b("\0".join(sorted(parts)).encode(), digest_size=8).hexdigest()
