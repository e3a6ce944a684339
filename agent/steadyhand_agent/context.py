"""What the model sees: a byte-stable head, the task, and the rounds so far.

Everything here is derived from the session's state, so a resumed session sends the same bytes and
the endpoint's cache still serves. Text from files is fenced as data.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from steadyhand_agent.ports import ModelRequest
from steadyhand_agent.session import Round, SessionState, Task

Json = dict[str, Any]

_GO_ON = "Noted. Go on with a tool call, or call `finish`."


@cache
def system_prompt() -> str:
    """The head of every request."""
    return (Path(__file__).parent / "prompts" / "system.md").read_text("utf-8")


def build(state: SessionState, tools: Sequence[Json]) -> ModelRequest:
    """The next request of a session; `max_tokens` is set by the budget."""
    messages: list[Json] = [{"role": "user", "content": [_text(_task(state.task))]}]
    for done in state.rounds:
        messages.append({"role": "assistant", "content": done.blocks or [_text("(no reply)")]})
        messages.append({"role": "user", "content": _answers(done)})
    return ModelRequest(system_prompt(), tools, messages, state.limits.output)


def _answers(done: Round) -> list[Json]:
    """One result for every call of the reply: the API refuses a call without one."""
    results = {result.call_id: result for result in done.results if result.call_id}
    content: list[Json] = []
    for block in done.blocks:
        if block.get("type") not in ("tool_use", "envelope"):
            continue
        result = results.get(block["id"])
        content.append(
            {
                "type": "tool_result",
                "tool_use_id": block["id"],
                "content": result.text if result else "Not executed.",
                "is_error": result.error if result else True,
            }
        )
    content += [_text(note) for note in done.notes]
    return content or [_text(_GO_ON)]


def _task(task: Task) -> str:
    parts = [task.prompt.strip()]
    if task.path and task.selection:
        first, last = task.lines or (1, 1)
        parts.append(
            f'<selection path="{task.path}" lines="{first}-{last}">\n{task.selection}\n</selection>'
        )
    elif task.path:
        parts.append(f'The person has this file open: <file path="{task.path}"/>')
    parts += [f"<diagnostic>{text}</diagnostic>" for text in task.diagnostics]
    parts += task.excerpts
    return "\n\n".join(parts)


def _text(text: str) -> Json:
    return {"type": "text", "text": text}
