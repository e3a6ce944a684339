"""`create_file`: a file that is not there yet."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.tools.edit_file import DUPLICATE_REASON
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext


class CreateFileArguments(Arguments):
    """Arguments of `create_file`."""

    path: str = Field(description="Path of a new file below the workspace.")
    text: str = Field(description="Its whole text.")
    duplicate_reason: str = Field(default="", description=DUPLICATE_REASON)


class CreateFile:
    """Puts a new text into the overlay; no file is written."""

    name: ClassVar[str] = "create_file"
    description: ClassVar[str] = (
        "Creates a new file. Nothing is written until the person agrees. New definitions are "
        "compared with the whole workspace first; a duplicate is refused."
    )
    arguments: ClassVar[type[Arguments]] = CreateFileArguments

    def preview(self, arguments: CreateFileArguments, context: ToolContext) -> tuple[str, str, str]:
        """The path, nothing before, and the text after."""
        path = context.workspace.normal(arguments.path)
        if context.overlay.exists(path):
            raise ToolFailed(f"`{path}` exists; change it with `edit_file`.")
        above = context.workspace.locate(path).parent
        while not above.exists():
            above = above.parent
        if not above.is_dir():
            raise ToolFailed(f"`{path}` cannot be made: `{above.name}` is a file, not a folder.")
        text = arguments.text
        # A text file ends with a line end; an editor that adds it would differ from what was
        # agreed to.
        return path, "", text if text.endswith("\n") or not text else text + "\n"

    def run(self, arguments: CreateFileArguments, context: ToolContext) -> Outcome:
        """Takes the file into the overlay."""
        path, _, text = self.preview(arguments, context)
        return Outcome(f"Created `{path}`.", changes=(context.overlay.put(path, text),))
