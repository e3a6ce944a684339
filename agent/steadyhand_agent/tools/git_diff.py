"""`git_diff`: what changed since a commit."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent import git_history
from steadyhand_agent.guard.paths import without_secret_files
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

REVISION = "A branch, a tag or a commit, such as `HEAD`, `main` or `HEAD~2`."
PATH = "Only this file or folder; empty for the whole workspace."


class GitDiffArguments(Arguments):
    """Arguments of `git_diff`."""

    revision: str = Field(default="HEAD", description=f"Since when. {REVISION}")
    to: str = Field(default="", description="Up to this revision; empty for the files on disk.")
    path: str = Field(default="", description=PATH)


class GitDiff:
    """Asks git for a unified diff."""

    name: ClassVar[str] = "git_diff"
    description: ClassVar[str] = (
        "Shows the unified diff from a commit to the files on disk, or to another commit. Your own "
        "pending changes are not in it."
    )
    arguments: ClassVar[type[Arguments]] = GitDiffArguments
    rest: ClassVar[str] = "name one `path`"

    def run(self, arguments: GitDiffArguments, context: ToolContext) -> Outcome:
        """The diff, or a sentence where there is none."""
        root, path = context.place(arguments.path)
        shown = git_history.diff(root, arguments.revision, path, arguments.to)
        shown = without_secret_files(shown, context.workspace.allow_secret_files)
        return Outcome(shown.rstrip("\n") or f"Nothing changed since `{arguments.revision}`.")
