"""`rename_file`: the same text under another path."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.tools.create_file import free_path
from steadyhand_agent.tools.edit_file import refuse_link
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext


class RenameFileArguments(Arguments):
    """Arguments of `rename_file`."""

    path: str = Field(description="Path of an existing text file below the workspace.")
    new_path: str = Field(description="Its new path below the workspace; nothing may be there yet.")


class RenameFile:
    """Takes a file away under one name and adds it under another, in the overlay."""

    name: ClassVar[str] = "rename_file"
    description: ClassVar[str] = (
        "Moves or renames one text file. Nothing is written until the person agrees. Imports and "
        "other mentions of the old path are not changed: find them with `search_text` or "
        "`references`, and edit them."
    )
    arguments: ClassVar[type[Arguments]] = RenameFileArguments

    def preview(self, arguments: RenameFileArguments, context: ToolContext) -> tuple[str, str, str]:
        """The new path with the same text before and after: nothing in it is new."""
        path = context.workspace.normal(arguments.path)
        if not context.overlay.exists(path):
            raise ToolFailed(
                f"There is no file `{path}` to rename; `list_files` shows those there are."
            )
        refuse_link(path, context, "renamed")
        new_path = context.workspace.normal(arguments.new_path)
        if new_path == path:
            raise ToolFailed(f"`{path}` has this name already; nothing would change.")
        free_path(new_path, context)
        text = context.overlay.read(path)
        return new_path, text, text

    def leaves(self, arguments: RenameFileArguments, context: ToolContext) -> str:
        """The path that is no more afterwards."""
        return context.workspace.normal(arguments.path)

    def run(self, arguments: RenameFileArguments, context: ToolContext) -> Outcome:
        """Takes both halves into the overlay."""
        new_path, text, _ = self.preview(arguments, context)
        path = self.leaves(arguments, context)
        gone, come = context.overlay.put(path, None), context.overlay.put(new_path, text)
        return Outcome(
            f"`{path}` is `{new_path}` in your proposal. Mentions of the old path are unchanged.",
            changes=(gone, come),
        )
