"""What the model sees: a byte-stable head, the task, and the rounds so far.

Everything here is derived from the session's state, so a resumed session sends the same bytes and
the endpoint's cache still serves. Where the rounds no longer fit into the model's context, the
earlier ones are summed up once, and a new head begins. Text from files is fenced as data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from steadyhand_agent.errors import ReplyUnreadable
from steadyhand_agent.guard import budget
from steadyhand_agent.guard.visible import visible_line
from steadyhand_agent.models import dialect
from steadyhand_agent.ports import ModelRequest
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.session import Round, SessionState, Task, Word

Json = dict[str, Any]

# The arguments that say what a step was about; the others may be whole texts.
_TELLING = (
    "path", "new_path", "revision", "to", "check", "name", "text", "pattern", "start_line", "code",
    "description",
)  # fmt: skip

_GO_ON = "Noted. Go on with a tool call, or call `finish`."


@cache
def system_prompt() -> str:
    """The head of every request."""
    return (Path(__file__).parent / "prompts" / "system.md").read_text("utf-8")


def build(state: SessionState, tools: Sequence[Json]) -> ModelRequest:
    """The next request of a session; `max_tokens` is set by the budget."""
    return ModelRequest(
        system_prompt(),
        tools,
        _messages(state, state.compacted, state.earlier),
        state.limits.output,
        len(state.rounds),
    )


@dataclass(frozen=True, slots=True)
class Compacted:
    """The earlier rounds in summary.

    Attributes:
        through: The last round that is summed up.
        text: What stands for them.
    """

    through: int
    text: str


def compacted(
    state: SessionState, tools: Sequence[Json], room: int, show: Callable[[str], str] = str
) -> Compacted | None:
    """The fewest rounds that have to be summed up; None where there is nothing left to sum up.

    Args:
        state: The session.
        tools: Their schemas.
        room: Tokens that the new prompt should take at most; the last round stays in any case.
        show: What a model is shown of a text: what it edited is exact in the state.
    """
    last = len(state.rounds) - 1
    changes = _changes(state, room, show)
    for through in range(state.compacted + 1, last + 1):
        text = _summed_up(state, through, changes)
        messages = _messages(state, through, text)
        request = ModelRequest(system_prompt(), tools, messages, 0)
        if budget.estimate(budget.request_bytes(request)) <= room or through == last:
            return Compacted(through, text)
    return None


def _messages(state: SessionState, through: int, earlier: str) -> list[Json]:
    task = _task(state.task, state.id)
    messages: list[Json] = [{"role": "user", "content": [_text(task)]}]
    if earlier:
        messages[0]["content"].append(_text(earlier))
    # What the person said is never summed up; of what was done before and after it, that is told.
    messages[0]["content"] += [
        _said(word, state.id, f' after-round="{word.after}"' if word.after else "")
        for word in state.words
        if word.after <= through
    ]
    for done in state.rounds[through:]:
        said = [_said(word, state.id) for word in state.words if word.after == done.number]
        messages.append({"role": "assistant", "content": done.blocks or [_text("(no reply)")]})
        messages.append({"role": "user", "content": _answers(done, said)})
    return messages


def _said(word: Word, session: str, when: str = "") -> Json:
    """What the person said later, told from what tools answer and from our notes."""
    number = fence(session, word.said.prompt)
    words = f"{dialect.SAID_LATER}{number}{when}>\n{word.said.prompt.strip()}\n</person-{number}>"
    return _text(_task(word.said.model_copy(update={"prompt": words}), session))


def _changes(state: SessionState, room: int, show: Callable[[str], str]) -> list[str]:
    """What is proposed so far, in a third of the room."""
    proposal = state.proposal()
    if not proposal.changes:
        return []
    diff = "".join(
        FileChange(c.path, c.base and show(c.base), c.new and show(c.new)).diff()
        for c in proposal.changes
    )
    limit = int(room * budget.BYTES_PER_TOKEN / 3)
    return ["Your changes so far:", budget.bounded(diff, limit)]


def _summed_up(state: SessionState, through: int, changes: list[str]) -> str:
    """A line for each step; refusals and the edits so far are kept whole, as far as they fit."""
    lines = [
        "What you did before, in short. Results are left out; ask again for what you need.",
    ]
    for done in state.rounds[:through]:
        try:
            actions = dialect.actions(done.blocks, done.stop_reason)
        except ReplyUnreadable:
            continue
        for action, result in zip(actions, done.results, strict=False):
            about = " ".join(
                f"{key}={str(value)[:80]!r}"
                for key, value in action.content.items()
                if key in _TELLING and str(value)
            )
            head = f"{done.number}. {action.tool or action.kind} {about}".rstrip()
            if result.error:
                lines.append(f"{head}: {budget.bounded(result.text, 1_200)}")
            else:
                size = result.text.count("\n") + 1
                first = result.text.partition("\n")[0][:120]
                lines.append(f"{head}: {first}" + (f" [{size} lines]" if size > 1 else ""))
    lines += changes
    text = "\n".join(lines)
    number = fence(state.id, text)
    return f'<earlier-{number} rounds="1-{through}">\n{text}\n</earlier-{number}>'


def _answers(done: Round, said: Sequence[Json]) -> list[Json]:
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
    content += said
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
    parts = [
        ("conventions", f" path={quoteattr(visible_line(one.path))}", one.text)
        for one in task.conventions
        if one.text
    ]
    path = quoteattr(visible_line(task.path)) if task.path else ""
    if task.selection:
        first, last = task.lines or (1, 1)
        where = f' path={path} lines="{first}-{last}"' if path else ""
        parts.append(("selection", where, task.selection))
    elif path:
        parts.append(("file", f" path={path}", "The person has this file open."))
    parts += [("diagnostic", "", text) for text in task.diagnostics]
    parts += [("excerpt", "", text) for text in task.excerpts]
    number = fence(
        session, "\n".join((task.prompt, path, *(more + text for _, more, text in parts)))
    )
    fenced = [f"<{tag}-{number}{more}>\n{text}\n</{tag}-{number}>" for tag, more, text in parts]
    return "\n\n".join([task.prompt.strip(), *fenced])


def _text(text: str) -> Json:
    return {"type": "text", "text": text}
