"""A proposal tried out before anybody sees it: does it apply, and does it still parse?

Owns the patch that is tried and the words for what is wrong. git works on an index and objects of
our own, made from the session's texts; the person's repository is not even looked at.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from steadyhand_agent import git
from steadyhand_agent.errors import GitFailed
from steadyhand_agent.index.languages import language_of
from steadyhand_agent.index.parsing import TooSlow, encoded, parse
from steadyhand_agent.proposals.changes import FileChange, split_lines
from steadyhand_agent.proposals.source_text import broken

_MODE = "100644"
_APPLY = ("apply", "--cached", "--whitespace=nowarn")
_OTHER = "`{path}` would not hold what was proposed for it."
_SHOWN = 3
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


def problems(changes: Sequence[FileChange], show: Callable[[str], str] = str) -> dict[str, str]:
    """What is wrong with each file, a sentence each; slow, so it is called in a thread.

    Args:
        changes: The proposal.
        show: What a model is shown of a file's text; lines are quoted from that.
    """
    found = _as_git_would(changes) if git.available() else None
    if found is None:
        found = _as_we_would(changes)
    for change in changes:
        if change.path not in found and (said := _unreadable(change, show)):
            found[change.path] = said
    return found


def patch(change: FileChange) -> str:
    """A file's change as git writes one, so that also an empty file can come or go."""
    name = change.path.replace('"', '\\"')
    quoted = '"' in change.path
    old, new = (f'"{side}/{name}"' if quoted else f"{side}/{name}" for side in "ab")
    head = f"diff --git {old} {new}\n"
    if change.base is None:
        head += f"new file mode {_MODE}\n"
    elif change.new is None:
        head += f"deleted file mode {_MODE}\n"
    body = change.diff()
    if not body:
        return head
    # The tab ends a name that holds a space.
    sides = (
        "/dev/null" if change.base is None else old,
        "/dev/null" if change.new is None else new,
    )
    hunks = body.split("\n", 2)[2]
    return f"{head}--- {sides[0]}\t\n+++ {sides[1]}\t\n{hunks}"


def _as_git_would(changes: Sequence[FileChange]) -> dict[str, str] | None:
    """What git says to each file's patch; None where git cannot be asked."""
    try:
        with tempfile.TemporaryDirectory(prefix="steadyhand-dry-run-") as name:
            return _tried(Path(name), changes)
    except (GitFailed, OSError):
        # A full disk, say: the proposal is tried without git, and the session goes on.
        return None


def _tried(folder: Path, changes: Sequence[FileChange]) -> dict[str, str]:
    """What git says to each file's patch in a repository made in an empty folder."""
    own = git.own_repository(folder / "git")
    _stage_bases(own, folder, changes)
    found: dict[str, str] = {}
    for change in changes:
        given = _bytes(patch(change))
        try:
            git.in_own(own, *_APPLY, "--check", "-", given=given)
            git.in_own(own, *_APPLY, "-", given=given)
        except GitFailed as error:
            said = str(error).removeprefix("git apply failed: ").replace("error: ", "")
            found[change.path] = f"`{change.path}` cannot be changed so: {said}."
    staged = _staged(own)
    for change in changes:
        blob = staged.get(change.path)
        same = (
            blob is None
            if change.new is None
            else blob is not None and blob.holds(_bytes(change.new))
        )
        if not same:
            found.setdefault(change.path, _OTHER.format(path=change.path))
    return found


def _stage_bases(own: Path, folder: Path, changes: Sequence[FileChange]) -> None:
    """Puts what the changes were made from into our index."""
    bases = [(c.path, c.base) for c in changes if c.base is not None]
    if not bases:
        return
    files: list[str] = []
    for number, (_, text) in enumerate(bases):
        file = folder / f"base-{number}"
        file.write_bytes(_bytes(text))
        files.append(str(file))
    listed = "".join(f"{file}\n" for file in files).encode()
    said = git.in_own(own, "hash-object", "-w", "--no-filters", "--stdin-paths", given=listed)
    entries = b"".join(
        f"{_MODE} {blob} 0\t".encode() + _bytes(path) + b"\0"
        for (path, _), blob in zip(bases, said.decode("ascii").split(), strict=True)
    )
    git.in_own(own, "update-index", "-z", "--index-info", given=entries)


def _staged(own: Path) -> dict[str, git.Blob]:
    """What our index holds by now."""
    found: dict[str, git.Blob] = {}
    for line in git.in_own(own, "ls-files", "--stage", "-z").split(b"\0"):
        # "<mode> <object> <stage>\t<path>"
        fields, _, path = line.partition(b"\t")
        if path:
            name = fields.split()[1].decode("ascii")
            found[path.decode("utf-8", "surrogatepass")] = git.Blob(name, 0)
    return found


def _as_we_would(changes: Sequence[FileChange]) -> dict[str, str]:
    """The same without git: each diff is applied to its base, by the letter."""
    return {
        change.path: _OTHER.format(path=change.path)
        for change in changes
        if applied(change.base or "", change.diff()) != (change.new or "")
    }


def applied(base: str, diff: str) -> str | None:
    """A text after a unified diff; None where the diff does not fit it exactly."""
    old = split_lines(base)
    out: list[str] = []
    at = 0
    lines = [*diff.split("\n")[2:], ""]
    for line, after in pairwise(lines):
        if hunk := _HUNK.match(line):
            start = int(hunk[1]) - (0 if hunk[2] == "0" else 1)
            if not at <= start <= len(old):
                return None
            out += old[at:start]
            at = start
        elif line.startswith((" ", "-", "+")):
            # "\ No newline at end of file"
            text = line[1:] if after.startswith("\\") else line[1:] + "\n"
            if line[0] != "+":
                if at >= len(old) or old[at] != text:
                    return None
                at += 1
            if line[0] != "-":
                out.append(text)
    return "".join([*out, *old[at:]])


def _unreadable(change: FileChange, show: Callable[[str], str]) -> str:
    """What parses worse than before, in words; empty where nothing does."""
    language = language_of(change.path)
    if language is None or change.new is None:
        return ""
    try:
        new = broken(parse(language, encoded(change.new)))
        if not new or len(new) <= len(broken(parse(language, encoded(change.base or "")))):
            return ""
    except TooSlow:
        return ""
    # The whole text is shown, then cut: half a secret would not be known for one.
    lines = show(change.new).split("\n")
    shown = "; ".join(
        f"line {row + 1}: `{lines[row].strip()[:80]}`" for row in sorted(set(new))[:_SHOWN]
    )
    return f"`{change.path}` does not parse as {language.name} any more ({shown})."


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
