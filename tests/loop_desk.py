"""An engine on the sample workspace that asks a scripted endpoint, over real HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from in_memory_editor import InMemoryEditor
from messages_server import MessagesServer, Reply
from steadyhand_agent.session import SessionState, Task
from steadyhand_agent.workspace import Workspace
from steadyhand_server.engine import Engine
from steadyhand_server.settings import load

USAGE = {"input_tokens": 500, "output_tokens": 50}


def call(name: str, number: int = 1, **arguments: Any) -> dict[str, Any]:
    arguments.setdefault("reason", "because")
    return {"type": "tool_use", "id": f"call_{number}", "name": name, "input": arguments}


def say(*blocks: dict[str, Any], **more: Any) -> Reply:
    return Reply(list(blocks), usage=more.pop("usage", USAGE), **more)


FINISH = say(call("finish", 99, summary="done"))


class Desk:
    """An engine on the sample workspace, with a scripted endpoint."""

    def __init__(self, root: Path, server: MessagesServer, **settings: Any) -> None:
        client = {"retry_min_seconds": 0.0, "retry_max_seconds": 0.0, "api_seconds": 2.0}
        environment = {"STEADYHAND_BASE_URL": server.url}
        environment["STEADYHAND_STATE_DIR"] = str(root.parent / "state")
        loaded, ignored = load({**client, **settings}, [root], environment)
        assert not ignored
        self.editor = InMemoryEditor(Workspace([root]))
        self.engine = Engine([root], loaded, self.editor)
        self.sessions = self.engine.sessions

    async def run(self, prompt: str = "do it", **task: Any) -> SessionState:
        await self.engine.fill()
        state = await self.sessions.start(Task(prompt=prompt, **task))
        return await self.sessions.wait(state.id)

    async def run_failing(self) -> SessionState:
        """Waits for the loop itself: a session whose journal fails is let go of."""
        await self.engine.fill()
        state = await self.sessions.start(Task(prompt="x"))
        await asyncio.wait([task for task in asyncio.all_tasks() if state.id in task.get_name()])
        return state


async def finish_with(
    sample: Path, *script: Any, **settings: Any
) -> tuple[SessionState, Desk, Any]:
    with MessagesServer(script) as server:
        desk = Desk(sample, server, **settings)
        state = await desk.run()
        await desk.engine.close()
    assert not server.exhausted
    return state, desk, server
