"""`git_show`: one commit, or a file as a commit has it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent import git_history
from steadyhand_agent.guard.paths import refuse_secret, without_secret_files
from steadyhand_agent.tools.git_diff import REVISION
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext


class GitShowArguments(Arguments):
    """Arguments of `git_show`."""

    revision: str = Field(min_length=1, description=REVISION)
    path: str = Field(
        default="", description="A file, to see its text at that commit; empty for the diff."
    )


class GitShow:
    """Asks git for a commit."""

    name: ClassVar[str] = "git_show"
    description: ClassVar[str] = (
        "Shows a commit's message and diff, or with `path` the whole text of a file at that commit."
    )
    arguments: ClassVar[type[Arguments]] = GitShowArguments
    rest: ClassVar[str] = "name one `path`, or ask `git_diff` for one path between two revisions"

    def run(self, arguments: GitShowArguments, context: ToolContext) -> Outcome:
        """The commit or the file."""
        root, path = context.place(arguments.path)
        shown = git_history.show(root, arguments.revision, path)
        allowed = context.workspace.allow_secret_files
        if path:
            # Some names are closed only where the text holds a token.
            refuse_secret(arguments.path, allowed, shown)
        else:
            shown = without_secret_files(shown, allowed)
        nothing = "[empty file]" if path else f"`{arguments.revision}` changes no file here."
        return Outcome(shown.rstrip("\n") or nothing)
