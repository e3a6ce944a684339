"""`edit_file`: an exact, unique replacement in one text."""

from __future__ import annotations

import difflib
from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

DUPLICATE_REASON = (
    "Only after the duplicate guard refused this edit: why the existing definition cannot serve."
)


class EditFileArguments(Arguments):
    """Arguments of `edit_file`."""

    path: str = Field(description="Path of an existing file below the workspace.")
    old_text: str = Field(
        min_length=1,
        description="The exact text to replace, whitespace included; it must occur exactly once.",
    )
    new_text: str = Field(description="What stands there afterwards.")
    duplicate_reason: str = Field(default="", description=DUPLICATE_REASON)


class EditFile:
    """Puts the new text into the overlay; no file is written."""

    name: ClassVar[str] = "edit_file"
    description: ClassVar[str] = (
        "Replaces one exact, unique piece of a file. Nothing is written until the person agrees. "
        "New definitions are compared with the whole workspace first; a duplicate is refused."
    )
    arguments: ClassVar[type[Arguments]] = EditFileArguments

    def preview(self, arguments: EditFileArguments, context: ToolContext) -> tuple[str, str, str]:
        """The path, the text before and after."""
        path = context.workspace.normal(arguments.path)
        text = context.overlay.read(path)
        old, new = arguments.old_text, arguments.new_text
        # The model sees plain line ends; the file keeps its own.
        converted = "\r\n" in text and old not in text
        if converted:
            old = _crlf(old)
        if converted or ("\r\n" in text and text.count("\n") == text.count("\r\n")):
            new = _crlf(new)
        count = _occurrences(text, old)
        if count == 0:
            raise ToolFailed(
                f"`old_text` does not occur in `{path}`, and nothing was changed."
                f"{_nearest(text, old)}"
            )
        if count > 1:
            raise ToolFailed(
                f"`old_text` occurs {count} times in `{path}`, and nothing was changed. "
                "Take in more lines around it, so that it is unique."
            )
        if old == new:
            raise ToolFailed("`old_text` and `new_text` are the same; nothing would change.")
        return path, text, text.replace(old, new)

    def run(self, arguments: EditFileArguments, context: ToolContext) -> Outcome:
        """Takes the edit into the overlay."""
        path, before, after = self.preview(arguments, context)
        change = context.overlay.put(path, after)
        first = before[: _first_difference(before, after)].count("\n") + 1
        return Outcome(f"Edited `{path}` from line {first}.", changes=(change,))


def _occurrences(text: str, old: str) -> int:
    """How often it occurs, overlaps counted: each is a place that could be meant."""
    count, at = 0, text.find(old)
    while at >= 0:
        count, at = count + 1, text.find(old, at + 1)
    return count


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _first_difference(before: str, after: str) -> int:
    for at, (a, b) in enumerate(zip(before, after, strict=False)):
        if a != b:
            return at
    return min(len(before), len(after))


def _nearest(text: str, old: str) -> str:
    """The region of the text that is most like what was looked for."""
    wanted = [line.strip() for line in old.splitlines() if line.strip()]
    lines = text.replace("\r\n", "\n").split("\n")
    if not wanted or len(lines) > 20_000:
        return ""
    close = difflib.get_close_matches(wanted[0], [line.strip() for line in lines], n=1, cutoff=0.6)
    if not close:
        return " Read the file again before the next edit."
    at = next(i for i, line in enumerate(lines) if line.strip() == close[0])
    region = "\n".join(lines[at : at + min(len(wanted) + 2, 15)])
    return f" The nearest region begins at line {at + 1}:\n{region}"
