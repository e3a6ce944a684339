"""A session on a folder whose model is a script behind the real Messages API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from in_memory_editor import InMemoryEditor
from messages_server import MessagesServer, Reply
from steadyhand_agent.session import SessionState, Task
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.workspace import Workspace
from steadyhand_server.engine import Engine
from steadyhand_server.settings import load

USAGE = {"input_tokens": 50, "output_tokens": 10}
# A replying function's words for a call: the tool and its arguments.
Call = tuple[str, dict[str, Any]]


def reply(*calls: Call) -> Reply:
    """One reply with these calls."""
    blocks = [
        {"type": "tool_use", "id": f"c{n}", "name": name, "input": {"reason": "told so", **given}}
        for n, (name, given) in enumerate(calls)
    ]
    return Reply(blocks, usage=USAGE)


@dataclass
class Ran:
    """What came of a session.

    Attributes:
        state: Where it ended.
        sent: Every request as the model was sent it, in one text.
        results: What each call was answered, in order.
        journal: Every record's body, in one text; `changes` of results are left out, which are
            exact and stay local.
        editor: Who would have written files.
    """

    state: SessionState
    sent: str
    results: list[tuple[str, bool]]
    journal: str
    editor: InMemoryEditor


async def run(
    root: Path,
    rounds: Iterable[Iterable[Call]],
    *,
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    **task: Any,
) -> Ran:
    """Runs the script's rounds, then `finish`."""
    script = [reply(*calls) for calls in rounds]
    script.append(reply(("finish", {"summary": "done"})))
    state_dir = root.parent / "state"
    with MessagesServer(script) as server:
        given = {
            "STEADYHAND_BASE_URL": server.url,
            "STEADYHAND_STATE_DIR": str(state_dir),
            "STEADYHAND_MAX_TOKENS": "400000",
            **(environment or {}),
        }
        loaded, ignored = load(dict(settings or {}), [root], given)
        assert not ignored, ignored
        editor = InMemoryEditor(Workspace([root]))
        engine = Engine([root], loaded, editor)
        await engine.fill()
        state = await engine.sessions.start(Task.model_validate({"prompt": "do it"} | task))
        state = await engine.sessions.wait(state.id)
        await engine.close()
        sent = "\n".join(orjson.dumps(request).decode() for request in server.requests)
        assert not server.exhausted, state.reason
    results = [(result.text, result.error) for r in state.rounds for result in r.results]
    return Ran(state, sent, results, await journal_of(state_dir, state.id), editor)


async def journal_of(folder: Path, session: str) -> str:
    """The journal's bodies without the exact texts of changes."""
    kept = SqliteJournal(folder / "journal.sqlite")
    bodies: list[str] = []
    for item in await kept.records(session):
        body = item.read()
        body.pop("changes", None)
        bodies.append(orjson.dumps(body).decode())
    await kept.close()
    return "\n".join(bodies)
