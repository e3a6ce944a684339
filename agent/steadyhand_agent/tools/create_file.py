"""`create_file`: a file that is not there yet."""

from __future__ import annotations

import stat
from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.tools.edit_file import DUPLICATE_REASON, refuse_link
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
        free_path(path, context)
        text = arguments.text
        # A text file ends with a line end; an editor that adds it would differ from what was
        # agreed to.
        return path, "", text if text.endswith("\n") or not text else text + "\n"

    def run(self, arguments: CreateFileArguments, context: ToolContext) -> Outcome:
        """Takes the file into the overlay."""
        path, _, text = self.preview(arguments, context)
        return Outcome(f"Created `{path}`.", changes=(context.overlay.put(path, text),))


def free_path(path: str, context: ToolContext) -> None:
    """Makes sure that a file can be made at a path.

    Raises:
        ToolFailed: Something is there, or a part of the path is a file.
        PathRefused: The path leaves the workspace.
    """
    if context.overlay.exists(path):
        raise ToolFailed(f"`{path}` exists; change it with `edit_file`.")
    refuse_link(path, context, "made")
    # What the session deletes is still on disk until the person agrees.
    if stat.S_ISDIR(context.workspace.mode(path)):
        raise ToolFailed(f"`{path}` cannot be made: a folder has this name. Choose another.")
    above = path
    while "/" in above:
        above = above.rpartition("/")[0]
        if mode := context.workspace.mode(above):
            if stat.S_ISDIR(mode):
                break
            raise ToolFailed(f"`{path}` cannot be made: `{above}` is a file, not a folder.")
    for known, text in context.overlay.texts.items():
        if text is not None and path.startswith(f"{known}/"):
            raise ToolFailed(f"`{path}` cannot be made: `{known}` is a file in your proposal.")
        if text is not None and known.startswith(f"{path}/"):
            raise ToolFailed(f"`{path}` cannot be made: it is a folder in your proposal.")
