"""A workspace with a scripted model that says one reply after the other, and a person who acts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from in_memory_editor import InMemoryEditor
from repositories import run
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage
from steadyhand_agent.session import SessionState, Task
from steadyhand_agent.workspace import Workspace
from steadyhand_server.engine import Engine
from steadyhand_server.settings import Settings

Json = dict[str, Any]
TEXT = "".join(f"line_{n} = {n}\n" for n in range(9))
FINISH = {"tool": "finish", "summary": "done"}
LOOK = {"tool": "list_files"}


def edit(line: int, path: str = "code.py") -> Json:
    return {
        "tool": "edit_file",
        "path": path,
        "old_text": f"line_{line} = {line}\n",
        "new_text": f"line_{line} = 'agent'\n",
    }


class Model:
    """Says one reply after the other; before some of them the person does something."""

    name, unmetered = "scripted", True
    context: int | None = None

    def __init__(self, *replies: list[Json]) -> None:
        self.replies = replies
        self.before: dict[int, Callable[[], object]] = {}
        self.requests: list[ModelRequest] = []

    async def ask(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        number = request.number
        self.before.get(number, int)()
        blocks = [
            {
                "type": "tool_use",
                "id": f"call_{number}_{at}",
                "name": call["tool"],
                "input": {k: v for k, v in call.items() if k != "tool"} | {"reason": "asked"},
            }
            for at, call in enumerate(self.replies[number])
        ]
        return ModelReply(blocks, "tool_use", Usage(10, 10))

    def told(self) -> str:
        """All that the last request says."""
        return str(self.requests[-1].messages)


class Desk:
    def __init__(self, root: Path, model: Model, state: Path, policy: Any = "ask") -> None:
        self.root, self.model = root, model
        self.editor = InMemoryEditor(Workspace([root]))
        self.engine = Engine(
            [root], Settings(state_dir=state, on_branch_switch=policy), self.editor
        )
        self.engine.agent.model_for = lambda _: model  # type: ignore[method-assign]
        self.sessions = self.engine.sessions

    async def run(self) -> SessionState:
        await self.engine.fill()
        state = await self.sessions.start(Task(prompt="do it"))
        return await self.sessions.wait(state.id)

    async def resume(self, session: str) -> SessionState:
        await self.sessions.resume(session)
        return await self.sessions.wait(session)

    def on(self, branch: str) -> Callable[[], object]:
        return lambda: run(self.root, "switch", "-q", branch)
