"""The tools' common shape, and the wrapper through which every one of them runs.

Owns validation of arguments, the time limit and the bound on a result. A tool never asks a
person, never journals and never touches a file of the user's: an edit goes into the overlay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steadyhand_agent.actions import Action
from steadyhand_agent.errors import SteadyhandError, ToolFailed
from steadyhand_agent.guard.budget import bounded
from steadyhand_agent.guard.visible import without_colours
from steadyhand_agent.index.store import View
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.workspace import Workspace

log = logging.getLogger(__name__)

Json = dict[str, Any]
REASON = "Why you take this step, in one or two sentences."


class Arguments(BaseModel):
    """What every tool takes. Unknown keys are let pass: models invent some."""

    model_config = ConfigDict(extra="ignore", str_max_length=400_000)

    reason: str = Field(default="", description=REASON)


@dataclass(slots=True)
class ToolContext:
    """What a tool may look at: the session's texts, the index through its view, the file list."""

    workspace: Workspace
    overlay: Overlay
    view: View
    files: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool gave."""

    text: str
    error: bool = False
    changes: tuple[FileChange, ...] = ()


class Tool(Protocol):
    """One tool."""

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: ClassVar[type[Arguments]]

    def run(self, arguments: Any, context: ToolContext) -> Outcome:
        """Does the work, in a thread unless it edits or has `asks_index`.

        Raises:
            ToolFailed: With words for the model.
            PathRefused: A path leaves the workspace.
        """
        ...


class EditTool(Tool, Protocol):
    """A tool that changes a text; the guard sees the new text before the overlay does."""

    def preview(self, arguments: Any, context: ToolContext) -> tuple[str, str, str]:
        """The path, the text before, and the text that would be after; raises as `run` does."""
        ...


class Finish(Arguments):
    """Arguments of `finish`, which the loop itself carries out."""

    summary: str = Field(
        default="", description="What you changed and why, in two or three sentences."
    )


class Registry:
    """The tools of a session."""

    def __init__(self, tools: Sequence[Tool], *, file_seconds: float = 60.0) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._file_seconds = file_seconds

    def schemas(self) -> list[Json]:
        """Flat schemas for native tool use, `finish` last; the same bytes every time."""
        shown = [
            _schema(tool.name, tool.description, tool.arguments) for tool in self._tools.values()
        ]
        finish = "Ends the task and offers your changes to the person, who decides on them."
        return [*shown, _schema("finish", finish, Finish)]

    def get(self, name: str) -> Tool:
        """A tool by name.

        Raises:
            ToolFailed: There is none; the message lists those there are.
        """
        if name not in self._tools:
            raise ToolFailed(f"There is no tool `{name}`. Use one of: {', '.join(self._tools)}.")
        return self._tools[name]

    def parse(self, action: Action) -> tuple[Tool, Arguments]:
        """The tool and its validated arguments.

        Raises:
            ToolFailed: The tool or an argument is wrong; the message names each.
        """
        tool = self.get(action.tool)
        try:
            return tool, tool.arguments.model_validate(action.content)
        except ValidationError as error:
            problems = "; ".join(
                f"`{'.'.join(map(str, p['loc'])) or 'arguments'}`: {p['msg'].lower()}"
                for p in error.errors()
            )
            raise ToolFailed(
                f"The arguments of `{tool.name}` are not usable: {problems}."
            ) from None

    async def run(self, action: Action, context: ToolContext, limit: int) -> Outcome:
        """Runs a permitted action; a failure becomes a result that the model can read.

        Args:
            action: What the guard permitted.
            context: What the tool may look at.
            limit: Bytes that the result may take.
        """
        try:
            tool, arguments = self.parse(action)
            if hasattr(tool, "preview") or getattr(tool, "asks_index", False):
                # The overlay and the index belong to the event loop, and both are quick.
                outcome = tool.run(arguments, context)
            else:
                outcome = await asyncio.wait_for(
                    asyncio.to_thread(tool.run, arguments, context), self._file_seconds
                )
        except TimeoutError:
            return Outcome(
                f"`{action.tool}` took longer than {self._file_seconds:g} s and was ended. "
                "Ask for less at once.",
                error=True,
            )
        except SteadyhandError as error:
            return Outcome(str(error), error=True)
        except Exception as error:
            log.exception("tool %s failed", action.tool)
            return Outcome(f"`{action.tool}` failed: {type(error).__name__}.", error=True)
        # Whole first, then bounded: half a secret would not be known for one.
        text = context.overlay.show(without_colours(outcome.text))
        return Outcome(bounded(text, limit), outcome.error, outcome.changes)


def _schema(name: str, description: str, arguments: type[Arguments]) -> Json:
    schema = arguments.model_json_schema()
    properties = {
        key: {k: v for k, v in value.items() if k not in ("title", "default")}
        for key, value in schema["properties"].items()
    }
    # `reason` is asked of the model although a missing one is forgiven.
    required = [*schema.get("required", []), "reason"]
    ordered = {k: v for k, v in properties.items() if k != "reason"}
    ordered["reason"] = properties["reason"]
    return {
        "name": name,
        "description": description,
        "input_schema": {"type": "object", "properties": ordered, "required": required},
    }
