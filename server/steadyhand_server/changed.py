"""Which definitions are new or changed against a git revision.

Owns the comparison of files as they are on disk with files as a commit has them. Reads the commit
through `steadyhand_agent.git` alone, which runs nothing that a repository brings along; a `git
diff` of the work tree would run its filters.
"""

from __future__ import annotations

from collections.abc import Iterable

from steadyhand_agent import git
from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.guard.duplicates import Edit, introduced
from steadyhand_agent.workspace import MAX_FILE_BYTES, Workspace, decode


def changed_since(workspace: Workspace, revision: str, paths: Iterable[str]) -> dict[str, set[int]]:
    """Where definitions begin that a revision has not, or has with another body.

    Args:
        workspace: Of a single root.
        revision: As a person names it.
        paths: The files to compare.

    Returns:
        Byte offsets by path, for those of `paths` that differ from the revision at all. In a file
        that the revision has not, and did not have under another name, everything is new.

    Raises:
        GitFailed: There is no such revision, or git did not answer.
    """
    root = workspace.root
    commit = git.commit(root, revision)
    before = git.blobs(root, commit)
    renamed: dict[str, str] | None = None
    now: dict[str, str] = {}
    was: dict[str, git.Blob] = {}
    for path in sorted(set(paths)):
        try:
            data = workspace.read_bytes(path)
            text = decode(data, path)
        except SteadyhandError:
            continue  # Gone since it was indexed.
        blob = before.get(path)
        if blob is None:
            if renamed is None:
                renamed = git.renames(root, commit)
            blob = before.get(renamed.get(path, ""))
        if blob is not None and blob.holds(data):
            continue
        now[path] = text
        # What was too large to be indexed had no definitions.
        if blob is not None and blob.size <= MAX_FILE_BYTES:
            was[path] = blob
    texts = git.contents(root, was.values())
    found: dict[str, set[int]] = {}
    for path, text in now.items():
        old = _text(texts[was[path].name], path) if path in was else ""
        found[path] = {definition.start for definition in introduced(Edit(path, old, text))}
    return found


def _text(data: bytes, path: str) -> str:
    try:
        return decode(data, path)
    except SteadyhandError:
        return ""
