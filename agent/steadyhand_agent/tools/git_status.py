"""`git_status`: what differs from the last commit."""

from __future__ import annotations

from typing import ClassVar

from steadyhand_agent import git_history
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext


class GitStatus:
    """Asks git about the work tree on disk."""

    name: ClassVar[str] = "git_status"
    description: ClassVar[str] = (
        "Shows the branch and the files that differ from the last commit, as `git status --short`. "
        "It is the work tree on disk: your own pending changes are not in it."
    )
    arguments: ClassVar[type[Arguments]] = Arguments
    rest: ClassVar[str] = "ask `git_diff` about one path"

    def run(self, arguments: Arguments, context: ToolContext) -> Outcome:
        """The branch, and a line a file."""
        shown = git_history.status(context.workspace.root)
        clean = "" if shown.count("\n") > 1 else "Nothing differs from the last commit.\n"
        return Outcome((shown + clean).rstrip("\n"))
