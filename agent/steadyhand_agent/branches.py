"""The branch a session works on, and what happens when the person switches to another.

Owns the question whether git has moved since the last round, and what the person and the model are
told of it. It only looks: no command here changes a work tree, an index or a branch.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from steadyhand_agent import git, git_history
from steadyhand_agent.errors import GitFailed

Policy = Literal["ask", "follow", "stay"]
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Move:
    """git stands elsewhere than the session last knew.

    Attributes:
        old, new: Where it stood and where it stands.
        commits: Those on the new side that the old did not have, a line each, at most ten.
        touched: Paths that differ between the two.
    """

    old: git.Head
    new: git.Head
    commits: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()

    @property
    def switched(self) -> bool:
        """True for another branch; new commits on the same one are ordinary work."""
        return self.old.branch != self.new.branch

    def question(self) -> str:
        """What the person is asked."""
        return (
            f"This session works on {_name(self.old)}, and you are on {_name(self.new)} now. "
            "Go on here, with its edits carried over? With No it waits until you are back."
        )

    def note(self) -> str:
        """What the model is told; names in it were hidden and made visible by whoever sends it."""
        what = (
            f"The person switched from {_name(self.old)} to {_name(self.new)}."
            if self.switched
            else f"There are new commits on {_name(self.new)}."
        )
        parts = [what]
        if self.commits:
            parts.append("Commits that are new here:\n" + "\n".join(self.commits))
        if self.touched:
            named = ", ".join(self.touched[:_MOST_NAMED])
            rest = max(0, len(self.touched) - _MOST_NAMED)
            more = f" and {rest} more" if rest else ""
            parts.append(f"Files that differ: {named}{more}.")
        parts.append("Read a file again before you rely on what you saw of it.")
        return "\n".join(parts)


async def moved(root: Path, branch: str, commit: str) -> Move | None:
    """How git has moved since it stood there; None where it has not, or nobody can tell."""
    if not commit:
        return None
    now = await asyncio.to_thread(git.head, root)
    old = git.Head(commit, branch)
    if not now.commit or (now.branch, now.commit) == (branch, commit):
        return None
    return await asyncio.to_thread(_looked_at, root, old, now)


def touched(root: Path, dirty: str) -> str:
    """What the model is told where uncommitted work is another than it was; empty where it is not.

    Args:
        root: The checkout.
        dirty: The hash of what was uncommitted when the session last looked.
    """
    if git.stands(root).dirty in ("", dirty):
        return ""
    listed = [line[3:] for line in git.uncommitted(root) or ()]
    named = ", ".join(listed[:_MOST_NAMED]) or "nothing"
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    return (
        f"While this session stood still, files were changed. Not committed now: {named}{more}. "
        "Read a file again before you rely on what you saw of it."
    )


def _looked_at(root: Path, old: git.Head, now: git.Head) -> Move:
    try:
        commits = git_history.between(root, old.commit, now.commit, 10).splitlines()
        touched = git.touched(root, old.commit, now.commit)
    except GitFailed:
        # The old commit may be gone from a rewritten history.
        return Move(old, now)
    return Move(old, now, tuple(commits), tuple(touched))


def _name(head: git.Head) -> str:
    return f"`{head.branch}`" if head.branch else f"commit {head.commit[:10]}"
