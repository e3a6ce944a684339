"""`list_files`: what the workspace holds."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import ClassVar

from pydantic import Field

from steadyhand_agent.guard.visible import visible_line
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

_MAX_NAMES = 300


class ListFilesArguments(Arguments):
    """Arguments of `list_files`."""

    pattern: str = Field(
        default="*", description="A shell pattern over the whole path, like `src/*.py`."
    )


class ListFiles:
    """Lists files that git does not ignore, and those that the session would create."""

    name: ClassVar[str] = "list_files"
    description: ClassVar[str] = (
        "Lists the workspace's files (ignored ones left out); `*` also matches `/`."
    )
    arguments: ClassVar[type[Arguments]] = ListFilesArguments

    def run(self, arguments: ListFilesArguments, context: ToolContext) -> Outcome:
        """Paths, one a line."""
        texts = context.overlay.texts
        names = {name for name in context.files if texts.get(name, "") is not None}
        names |= {path for path, text in texts.items() if text is not None}
        pattern = arguments.pattern.removeprefix("./") or "*"
        if pattern.endswith("/"):
            pattern += "*"
        found = sorted(name for name in names if fnmatchcase(name, pattern))
        if not found:
            return Outcome(f"No file matches `{arguments.pattern}` ({len(names)} files in all).")
        shown = [visible_line(name) for name in found[:_MAX_NAMES]]
        if len(found) > _MAX_NAMES:
            shown.append(f"[{len(found) - _MAX_NAMES} more; narrow the pattern]")
        return Outcome("\n".join(shown))
