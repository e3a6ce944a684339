"""Recorded sessions: played again as a model, and written while a real model is asked.

A script is a file of JSON lines: a head, then one step a reply, each with what the tools answered
before it. A replay is ordered and strict: where a tool or its result differs from the script, it
fails at once. It holds no absolute path and knows no state of its own: the step is the number of
replies in the conversation, so a resumed session goes on in the right place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from steadyhand_agent.errors import ReplayDiverged, SettingsError
from steadyhand_agent.guard.secrets import PLACEHOLDER
from steadyhand_agent.ports import Model, ModelReply, ModelRequest, Usage

Json = dict[str, Any]

_HEAD = "steadyhand-replay"
_VERSION = 1


class ReplayModel:
    """A `Model` that plays a script.

    Args:
        path: The script.
        roots: Folders that are written as `<workspace>` in results.

    Raises:
        SettingsError: The file is no script.
    """

    unmetered = True
    context = None

    def __init__(self, path: Path, roots: Sequence[Path]) -> None:
        self._roots = roots
        try:
            lines = path.read_bytes().splitlines()
            head, *steps = [orjson.loads(line) for line in lines if line.strip()]
            if head.get(_HEAD) != _VERSION:
                raise ValueError("it has another head")
            if not all(isinstance(step["blocks"], list) for step in steps):
                raise ValueError("a step holds no reply")
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise SettingsError(
                "replay", str(path), f"it is no recorded session ({error})."
            ) from error
        self.label: str = head.get("label", "")
        self.task: str = head.get("task", "")
        self._steps: list[Json] = steps
        self.name = f"replay of {path.name}"

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The next reply of the script.

        Raises:
            ReplayDiverged: What happened is not what the script holds, or it is over.
        """
        number = request.number
        if number >= len(self._steps):
            raise ReplayDiverged(
                f"The recorded session ends after {len(self._steps)} replies, but another was "
                "asked for."
            )
        step = self._steps[number]
        expected, actual = step.get("expect", []), observations(request, self._roots)
        if expected != actual:
            raise ReplayDiverged(_difference(number + 1, expected, actual))
        usage = step.get("usage")
        return ModelReply(
            step["blocks"], step.get("stop_reason", "tool_use"), Usage(**usage) if usage else None
        )


class RecordingModel:
    """A `Model` that asks another and writes the session down."""

    def __init__(self, inner: Model, path: Path, roots: Sequence[Path], task: str) -> None:
        self._inner = inner
        try:
            # A reply that could not be written down would be paid for and lost.
            path.open("ab").close()
        except OSError as error:
            problem = f"it cannot be written ({error.strerror})."
            raise SettingsError("record", str(path), problem) from error
        self._path = path
        self._roots = roots
        self._task = task
        self.name = inner.name
        self.unmetered = inner.unmetered
        self.context = inner.context

    async def ask(self, request: ModelRequest) -> ModelReply:
        """Asks, and appends the step."""
        reply = await self._inner.ask(request)
        step: Json = {
            "expect": observations(request, self._roots),
            "blocks": reply.blocks,
            "stop_reason": reply.stop_reason,
        }
        if reply.usage is not None:
            step["usage"] = {name: getattr(reply.usage, name) for name in Usage.__slots__}
        first = request.number == 0
        with self._path.open("wb" if first else "ab") as file:
            if first:
                head = {_HEAD: _VERSION, "label": f"recorded from {self.name}", "task": self._task}
                file.write(orjson.dumps(head) + b"\n")
            file.write(orjson.dumps(step) + b"\n")
        return reply


def observations(request: ModelRequest, roots: Sequence[Path]) -> list[Json]:
    """The tools' results that came in after the last reply, normalised."""
    names: dict[str, str] = {}
    for message in request.messages:
        if message["role"] == "assistant":
            names = {b["id"]: b.get("name", "") for b in message["content"] if "id" in b}
    last = request.messages[-1]["content"]
    return [
        {"tool": names.get(block["tool_use_id"], ""), "result": normal(block["content"], roots)}
        for block in last
        if block.get("type") == "tool_result"
    ]


def normal(text: str, roots: Sequence[Path]) -> str:
    """A result without what differs from machine to machine."""
    for root in roots:
        text = text.replace(str(root), "<workspace>")
    # A placeholder is a hash with the installation's own key.
    text = PLACEHOLDER.sub("[secret]", text.replace("\r\n", "\n"))
    return re.sub(r"[ \t]+(?=\n|$)", "", text)


def _difference(number: int, expected: list[Json], actual: list[Json]) -> str:
    where = f"The replay diverged before reply {number}: "
    tools, found = [e["tool"] for e in expected], [a["tool"] for a in actual]
    if tools != found:
        return f"{where}the script expects results of {tools}, but got {found}."
    for wanted, got in zip(expected, actual, strict=True):
        if wanted != got:
            old, new = wanted["result"].split("\n"), got["result"].split("\n")
            at = next(
                (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
                min(len(old), len(new)),
            )
            line_old = old[at] if at < len(old) else "(no more lines)"
            line_new = new[at] if at < len(new) else "(no more lines)"
            return (
                f"{where}`{wanted['tool']}` answered `{line_new}` in line {at + 1}, where the "
                f"script holds `{line_old}`."
            )
    return f"{where}the results differ."
