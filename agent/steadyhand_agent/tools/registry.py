"""The tools' common shape, and the wrapper through which every one of them runs.

Owns validation of arguments, the dry run, the time limit, further attempts after a failure that may
pass, the bound on a result, and what is measured of a call. A tool never asks a person, never
journals and never touches a file of the user's: an edit goes into the overlay.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import logging
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from steadyhand_agent import process
from steadyhand_agent.actions import Action
from steadyhand_agent.checks import Checks
from steadyhand_agent.errors import SteadyhandError, ToolFailed, ToolTransient
from steadyhand_agent.guard.budget import bounded
from steadyhand_agent.guard.visible import without_colours
from steadyhand_agent.index.store import View
from steadyhand_agent.patience import Patience
from steadyhand_agent.ports import Clock, Neighbours, SystemClock
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.workspace import Workspace, is_whole

log = logging.getLogger(__name__)

Json = dict[str, Any]
REASON = "Why you take this step, in one or two sentences."
# For files and commands; a tool that asks over a wire sets a shorter one of its own.
FILE_SECONDS = 60.0
WIRE_SECONDS = 30.0
# Secrets in a longer result are looked for in a thread: the editor waits for the event loop.
_SHOWN_AT_ONCE = 20_000
# Of a result that is longer than two of these its two ends are kept; a model sees far less of them.
_END = 2_000_000


class Arguments(BaseModel):
    """What every tool takes. Unknown keys are let pass: models invent some."""

    model_config = ConfigDict(extra="ignore", str_max_length=400_000)

    reason: str = Field(default="", description=REASON)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the person has said yes to in this session.

    Attributes:
        keys: A name for each thing, command and proposal together.
        texts: What the session proposed at the last yes, by path.
    """

    keys: Collection[str] = ()
    texts: Mapping[str, str | None] = field(default_factory=dict[str, str | None])


@dataclass(slots=True)
class ToolContext:
    """What a tool may look at.

    Attributes:
        workspace: Its paths.
        overlay: The session's texts over open buffers over disk.
        view: The index, with the session's texts on top.
        files: Every path that is not ignored.
        clock: What is waited by between attempts.
        patience: How often and how long.
        neighbours: The editor's other language servers, where it lets us ask them.
        checks: The commands that the person configured.
        agreed: What the person has said yes to.
        conventions: What files are called that a session begins with.
    """

    workspace: Workspace
    overlay: Overlay
    view: View
    files: Sequence[str]
    clock: Clock = field(default_factory=SystemClock)
    patience: Patience = field(default_factory=Patience)
    neighbours: Neighbours | None = None
    checks: Checks | None = None
    agreed: Agreed = field(default_factory=Agreed)
    conventions: Sequence[str] = ()

    def place(self, path: str) -> tuple[Path, str]:
        """A root, and a path below it; `.` and nothing are the first root itself.

        Raises:
            PathRefused: The path leaves the workspace.
        """
        if is_whole(path):
            return self.workspace.root, ""
        name = self.workspace.normal(path)
        self.workspace.locate(name)
        return self.workspace.split(name)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool gave.

    Attributes:
        text: For the model.
        error: It did not do what was asked.
        changes: What the session's texts are from now on.
        code: An error's number or a program's exit code.
        gave_up: Every attempt failed for a reason that may pass: the person has to look.
        attempts: How often it was tried.
        seconds: How long all of it took, waiting between attempts included.
    """

    text: str
    error: bool = False
    changes: tuple[FileChange, ...] = ()
    code: int | None = None
    gave_up: bool = False
    attempts: int = field(default=1, compare=False)
    seconds: float = field(default=0.0, compare=False)


class Tool(Protocol):
    """One tool.

    It may besides have: `preview` (it edits: the path, the text before and the text that would be
    after, for the guard, which raises as `run` does), `leaves` (the path that is no more
    afterwards), `asks_index` (it reads the index, on the event loop), `seconds` (its time
    limit), `once` (it has effects that must not be repeated), `rest` (how to get what a long result
    leaves out), `particulars` (a sentence on what is special here), `dry_run` (fails where `run`
    would, before anything is done) and `consent` (what only a person can allow).
    """

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: ClassVar[type[Arguments]]

    def run(self, arguments: Any, context: ToolContext) -> Any:
        """Does the work and gives an Outcome: in a thread, unless it edits or has `asks_index`.

        It may be a coroutine function, which then runs on the event loop.

        Raises:
            ToolFailed: With words for the model.
            PathRefused: A path leaves the workspace.
        """
        ...


class Finish(Arguments):
    """Arguments of `finish`, which the loop itself carries out."""

    summary: str = Field(
        default="", description="What you changed and why, in two or three sentences."
    )


class Registry:
    """The tools of a session."""

    def __init__(self, tools: Sequence[Tool], *, file_seconds: float = FILE_SECONDS) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._file_seconds = file_seconds

    @cached_property
    def schemas(self) -> list[Json]:
        """Flat schemas for native tool use, `finish` last; the same bytes every time.

        Making them took two thirds of what a round costs besides the model.
        """
        shown = [
            _schema(tool.name, tool.description + getattr(tool, "particulars", ""), tool.arguments)
            for tool in self._tools.values()
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

    def once(self, action: Action) -> bool:
        """True where an action that may have run must not be run again."""
        return bool(getattr(self._tools.get(action.tool), "once", False))

    async def run(self, action: Action, context: ToolContext, limit: int) -> Outcome:
        """Runs a permitted action; a failure becomes a result that the model can read.

        Args:
            action: What the guard permitted.
            context: What the tool may look at.
            limit: Bytes that the result may take.
        """
        started = time.monotonic()
        tries = _Tries()
        tool: Tool | None = None
        try:
            tool, arguments = self.parse(action)
            outcome = await self._attempts(tool, arguments, context, tries)
        except Exception as error:
            outcome = self._failure(action, tool, error, tries)
        rest = getattr(tool, "rest", None)
        # Whole first, then bounded: half a secret would not be known for one.
        if len(outcome.text) > _SHOWN_AT_ONCE:
            text = await asyncio.to_thread(_shown, outcome.text, context)
        else:
            text = _shown(outcome.text, context)
        text = bounded(text, limit, rest) if rest else bounded(text, limit)
        seconds = time.monotonic() - started
        return dataclasses.replace(outcome, text=text, attempts=tries.made, seconds=seconds)

    async def _attempts(
        self, tool: Tool, arguments: Arguments, context: ToolContext, tries: _Tries
    ) -> Outcome:
        """Tries again what failed for a reason that may pass, unless it has effects."""
        patience = context.patience
        tries.most = 1 if _has_effects(tool) else patience.attempts

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.warning("tool %s, attempt %d: %s", tool.name, state.attempt_number, error)

        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(ToolTransient),
            stop=stop_after_attempt(tries.most),
            wait=patience.wait,
            sleep=context.clock.sleep,
            before_sleep=tell,
            reraise=True,
        ):
            with attempt:
                tries.made = attempt.retry_state.attempt_number
                return await self._once(tool, arguments, context)
        raise AssertionError("unreachable: the last attempt is raised")

    async def _once(self, tool: Tool, arguments: Arguments, context: ToolContext) -> Outcome:
        seconds = self._seconds(tool)
        dry_run = getattr(tool, "dry_run", None)
        if hasattr(tool, "preview") or getattr(tool, "asks_index", False):
            # The overlay and the index belong to the event loop, and both are quick.
            return tool.run(arguments, context)
        if dry_run is not None:
            await asyncio.wait_for(_in_thread(dry_run, arguments, context), seconds)
        if inspect.iscoroutinefunction(tool.run):
            try:
                return await asyncio.wait_for(tool.run(arguments, context), seconds)
            except TimeoutError:
                raise ToolTransient(
                    f"`{tool.name}` had no answer from the editor within {seconds:g} s."
                ) from None
        return await asyncio.wait_for(_in_thread(tool.run, arguments, context), seconds)

    def _seconds(self, tool: Tool) -> float:
        return float(getattr(tool, "seconds", self._file_seconds))

    def _failure(
        self, action: Action, tool: Tool | None, error: Exception, tries: _Tries
    ) -> Outcome:
        if isinstance(error, TimeoutError) and tool is not None:
            text = (
                f"`{action.tool}` took longer than {self._seconds(tool):g} s and was ended. "
                "Ask for less at once."
            )
            return Outcome(text, error=True)
        if isinstance(error, ToolTransient) and tries.made >= tries.most > 1:
            text = f"{error} It was tried {tries.made} times."
            return Outcome(text, error=True, code=error.code, gave_up=True)
        if isinstance(error, SteadyhandError):
            return Outcome(str(error), error=True, code=getattr(error, "code", None))
        log.error("tool %s failed", action.tool, exc_info=error)
        return Outcome(
            f"`{action.tool}` failed: {type(error).__name__}. That is a defect of the tool, not of "
            "your call; choose another way.",
            error=True,
        )


@dataclass(slots=True)
class _Tries:
    """How often a tool was tried, and how often it may be."""

    made: int = 1
    most: int = 1


def _has_effects(tool: Tool) -> bool:
    return hasattr(tool, "preview") or bool(getattr(tool, "once", False))


def _shown(text: str, context: ToolContext) -> str:
    """A result as a model is shown it, before it is bounded."""
    if len(text) > 2 * _END:
        text = f"{text[:_END]}\n[... the middle is left out ...]\n{text[-_END:]}"
    return context.overlay.show(without_colours(text))


async def _in_thread(work: Any, arguments: Arguments, context: ToolContext) -> Any:
    """Runs in a thread; a program that it runs is killed where nobody waits for it any more."""
    stop = threading.Event()
    token = process.stopping.set(stop)
    try:
        return await asyncio.to_thread(work, arguments, context)
    finally:
        stop.set()
        process.stopping.reset(token)


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
