"""The names of a workspace: the same in every clone of a repository, wherever it lies.

Owns how a name is made of a repository's remote and its first commit. A workspace may have several:
one that was opened before it had a remote is still found under the old one.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from steadyhand_agent import git
from steadyhand_agent.workspace import Workspace

# host:path, as ssh and scp write it.
_SCP = re.compile(r"^(?:[^@/]+@)?([^:/]{2,}):(?!//)(.+)$")


def names(workspace: Workspace) -> tuple[str, ...]:
    """Every name of a workspace, the one to keep a new session under first.

    The first is of the normalised remotes and the first commits of its roots; without a history,
    as in a shallow clone, of the remotes alone; without a remote, of the real paths.
    """
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
