"""What the model sees: a byte-stable head, the task, and the rounds so far.

Everything here is derived from the session's state, so a resumed session sends the same bytes and
the endpoint's cache still serves. Text from files is fenced as data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from steadyhand_agent.guard.visible import visible_line
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
    messages: list[Json] = [{"role": "user", "content": [_text(_task(state.task, state.id))]}]
    for done in state.rounds:
        messages.append({"role": "assistant", "content": done.blocks or [_text("(no reply)")]})
        messages.append({"role": "user", "content": _answers(done)})
    return ModelRequest(system_prompt(), tools, messages, state.limits.output)


def _answers(done: Round) -> list[Json]:
    """One result for every call of the reply: the API refuses a call without one."""
    results = {result.call_id: result for result in done.results if result.call_id}
    content: list[Json] = []
    for block in done.blocks:
        if block.get("type") != "tool_use":
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


def fence(session: str, text: str) -> str:
    """A number that the text does not hold, the same whenever the session is asked for it.

    Whoever wrote the text could not know it, so nothing in the text can end the fence.
    """
    for attempt in count():
        seed = f"{session}/{attempt}".encode()
        number = hashlib.blake2b(seed, digest_size=4, person=b"fence").hexdigest()
        if number not in text:
            return number
    raise AssertionError("unreachable: one of the numbers is not in the text")


def _task(task: Task, session: str) -> str:
    parts: list[tuple[str, str, str]] = []
    path = quoteattr(visible_line(task.path)) if task.path else ""
    if path and task.selection:
        first, last = task.lines or (1, 1)
        parts.append(("selection", f' path={path} lines="{first}-{last}"', task.selection))
    elif path:
        parts.append(("file", f" path={path}", "The person has this file open."))
    parts += [("diagnostic", "", text) for text in task.diagnostics]
    parts += [("excerpt", "", text) for text in task.excerpts]
    number = fence(session, "\n".join((task.prompt, path, *(text for _, _, text in parts))))
    fenced = [f"<{tag}-{number}{more}>\n{text}\n</{tag}-{number}>" for tag, more, text in parts]
    return "\n\n".join([task.prompt.strip(), *fenced])


def _text(text: str) -> Json:
    return {"type": "text", "text": text}
