"""`read_file`: a text as the session sees it, with line numbers."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

_MAX_LINES = 400


class ReadFileArguments(Arguments):
    """Arguments of `read_file`."""

    path: str = Field(description="Path below the workspace, like `src/app.py`.")
    start_line: int = Field(default=1, ge=1, description="First line, counted from 1.")
    end_line: int = Field(default=0, ge=0, description="Last line; 0 for as far as fits.")


class ReadFile:
    """Reads open buffers before disk, and the session's own changes before both."""

    name: ClassVar[str] = "read_file"
    description: ClassVar[str] = (
        "Reads a text file, with your own pending changes in it. Each line is shown as "
        f"`number<TAB>text`; at most {_MAX_LINES} lines at once."
    )
    arguments: ClassVar[type[Arguments]] = ReadFileArguments

    def run(self, arguments: ReadFileArguments, context: ToolContext) -> Outcome:
        """Numbered lines of the part that was asked for."""
        lines = context.overlay.shown(arguments.path).replace("\r\n", "\n").split("\n")
        if lines and lines[-1] == "":
            lines.pop()
        first = arguments.start_line
        if first > max(len(lines), 1):
            raise ToolFailed(f"`{arguments.path}` has {len(lines)} lines; line {first} is past it.")
        if 0 < arguments.end_line < first:
            raise ToolFailed(f"`end_line` {arguments.end_line} lies before `start_line` {first}.")
        last = min(arguments.end_line or len(lines), len(lines), first + _MAX_LINES - 1)
        shown = [f"{n}\t{lines[n - 1]}" for n in range(first, last + 1)]
        if last < len(lines):
            shown.append(f"[{len(lines) - last} more lines; read on from line {last + 1}]")
        return Outcome("\n".join(shown) or "[empty file]")
