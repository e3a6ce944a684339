"""`git_log`: the newest commits."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent import git_history
from steadyhand_agent.tools.git_diff import PATH, REVISION
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext


class GitLogArguments(Arguments):
    """Arguments of `git_log`."""

    path: str = Field(default="", description=PATH)
    revision: str = Field(default="HEAD", description=f"Where to begin. {REVISION}")
    count: int = Field(default=20, ge=1, le=100, description="How many commits.")


class GitLog:
    """Asks git for commits."""

    name: ClassVar[str] = "git_log"
    description: ClassVar[str] = (
        "Lists the newest commits that touch a path, one a line: commit, date, author, subject."
    )
    arguments: ClassVar[type[Arguments]] = GitLogArguments
    rest: ClassVar[str] = "ask for a smaller `count`, or begin at a later `revision`"

    def run(self, arguments: GitLogArguments, context: ToolContext) -> Outcome:
        """Commits, newest first."""
        root, path = context.place(arguments.path)
        shown = git_history.log(root, arguments.revision, path, arguments.count)
        return Outcome(shown.rstrip("\n") or f"No commit touches `{arguments.path}`.")
