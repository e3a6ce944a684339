"""Refreshes what the demo's script expects of the tools, after their output was changed on purpose.

The replies stay as they were written by hand; the demo is played with the checks off, and what the
tools answered is written back. Run: `.venv/bin/python tests/refresh_demo_script.py`, then read the
difference before committing it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import orjson
from rich.console import Console

from steadyhand_agent.models.replay import RecordingModel, ReplayModel
from steadyhand_agent.session import Task
from steadyhand_agent.workspace import Workspace
from steadyhand_server import demo, engine
from steadyhand_server.settings import Settings
from steadyhand_server.terminal import TerminalEditor


class Unchecked(ReplayModel):
    """Plays the replies whatever the tools said."""

    async def ask(self, request):
        number = sum(message["role"] == "assistant" for message in request.messages)
        self._steps[number]["expect"] = engine_observations(request, self._roots)
        return await super().ask(request)


def engine_observations(request, roots):
    from steadyhand_agent.models.replay import observations

    return observations(request, roots)


async def main() -> None:
    head = demo.SCRIPT.read_bytes().splitlines()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        workspace = folder / "pressroom-sample"
        shutil.copytree(demo.SAMPLE, workspace, ignore=shutil.ignore_patterns("__pycache__"))
        recorded = folder / "script.jsonl"
        editor = TerminalEditor(Workspace([workspace]), Console(), yes=True)
        run = engine.Engine([workspace], Settings(state_dir=folder / "state"), editor)
        roots = [workspace]
        model = RecordingModel(Unchecked(demo.SCRIPT, roots), recorded, roots, demo.PROMPT)
        run.agent.model_for = lambda state: model
        await run.fill()
        task = Task(prompt=demo.PROMPT, path="pressroom/archive.py")
        state = await run.sessions.start(task)
        await run.sessions.wait(state.id)
        await run.close()
        lines = recorded.read_bytes().splitlines()
        first = orjson.loads(lines[0]) | {"label": orjson.loads(head)["label"]}
        demo.SCRIPT.write_bytes(b"\n".join([orjson.dumps(first), *lines[1:]]) + b"\n")


if __name__ == "__main__":
    asyncio.run(main())
