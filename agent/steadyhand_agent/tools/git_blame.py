"""`git_blame`: who wrote a line last, and when."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import Field

from steadyhand_agent import git_history
from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.guard.paths import refuse_secret
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

_MAX_LINES = 200


class GitBlameArguments(Arguments):
    """Arguments of `git_blame`."""

    path: str = Field(min_length=1, description="A tracked file below the workspace.")
    start_line: int = Field(default=1, ge=1, description="First line, counted from 1.")
    end_line: int = Field(
        default=0, ge=0, description=f"Last line; 0 for as many as fit ({_MAX_LINES})."
    )


class GitBlame:
    """Asks git about lines of the file on disk."""

    name: ClassVar[str] = "git_blame"
    description: ClassVar[str] = (
        "Shows for each line of a file on disk the commit, author and date of its last change; at "
        f"most {_MAX_LINES} lines at once. `git_show` then tells why."
    )
    arguments: ClassVar[type[Arguments]] = GitBlameArguments
    rest: ClassVar[str] = "ask for fewer lines"

    def run(self, arguments: GitBlameArguments, context: ToolContext) -> Outcome:
        """Lines, each with its commit."""
        root, path = context.place(arguments.path)
        first, end = arguments.start_line, arguments.end_line
        if 0 < end < first:
            raise ToolFailed(f"`end_line` {end} lies before `start_line` {first}.")
        text = context.workspace.read_bytes(arguments.path).decode("utf-8", "replace")
        refuse_secret(arguments.path, context.workspace.allow_secret_files, text)
        lines = text.count("\n") + 1
        last = min(end or lines, lines, first + _MAX_LINES - 1)
        if first > lines:
            raise ToolFailed(f"`{arguments.path}` has {lines} lines; line {first} is past it.")
        # A secret of several lines is known by the whole file alone, so its lines come from there.
        texts = context.overlay.show(text).replace("\r\n", "\n").split("\n")[first - 1 :]
        blamed = git_history.blame(root, path, first, last).rstrip("\n").split("\n")
        pairs = enumerate(zip(blamed, texts, strict=False), first)
        return Outcome("\n".join(_before(line, number) + shown for number, (line, shown) in pairs))


def _before(line: str, number: int) -> str:
    """What git says of a line, without the line: cut at the first place that may be its begin."""
    said = re.match(rf".*?\d{{4}}-\d\d-\d\d +{number}\) ", line)
    return said[0] if said else f"{number}) "
