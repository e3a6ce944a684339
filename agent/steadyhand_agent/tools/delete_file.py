"""`delete_file`: a file that is to go."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.tools.edit_file import refuse_link
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext


class DeleteFileArguments(Arguments):
    """Arguments of `delete_file`."""

    path: str = Field(description="Path of an existing text file below the workspace.")


class DeleteFile:
    """Marks the file as gone in the overlay; nothing is deleted."""

    name: ClassVar[str] = "delete_file"
    description: ClassVar[str] = (
        "Proposes to delete one text file. Nothing is deleted until the person agrees. Look with "
        "`search_text` for what still uses it first."
    )
    arguments: ClassVar[type[Arguments]] = DeleteFileArguments

    def preview(self, arguments: DeleteFileArguments, context: ToolContext) -> tuple[str, str, str]:
        """The path, the text before, and nothing after."""
        path = context.workspace.normal(arguments.path)
        if not context.overlay.exists(path):
            raise ToolFailed(
                f"There is no file `{path}` to delete; `list_files` shows those there are."
            )
        refuse_link(path, context, "deleted")
        return path, context.overlay.read(path), ""

    def run(self, arguments: DeleteFileArguments, context: ToolContext) -> Outcome:
        """Takes the deletion into the overlay."""
        path, _, _ = self.preview(arguments, context)
        return Outcome(
            f"`{path}` is deleted in your proposal.", changes=(context.overlay.put(path, None),)
        )
