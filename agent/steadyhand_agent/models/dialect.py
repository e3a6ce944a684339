"""From the blocks of a reply to actions, in both dialects.

Native tool use: every tool's flat schema carries `reason`; `finish` is a tool; text without a call
is a thought. The JSON envelope: one decision a reply, in a block that says so. Which of the two a
reply is in stands in its blocks, so a session may change its model between rounds.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from steadyhand_agent.actions import Action
from steadyhand_agent.errors import ReplyUnreadable
from steadyhand_agent.guard.budget import BYTES_PER_TOKEN
from steadyhand_agent.models import envelope
from steadyhand_agent.models.keepable import keepable

Json = dict[str, Any]

# 500 tokens; a longer reason is cut, the action is not lost over it.
REASON_BYTES = int(500 * BYTES_PER_TOKEN)

# What the person says after the task begins with this, and nothing else that a model is told does.
SAID_LATER = "<person-"
_HANDED_OVER = {
    "refusal": (
        "The model declined to go on with this task, and nothing of its last reply was executed. "
        "Everything before is kept: put the task differently in a new session, or set another "
        "model and resume."
    ),
    "model_context_window_exceeded": (
        "The session no longer fits into what the model can read at once, so its last reply was "
        "cut and nothing of it was executed. Everything before is kept: look at the proposal, or "
        "set a model with a larger context and resume."
    ),
}


def handed_over(stop_reason: str | None) -> str | None:
    """Why a reply ends the model's work for now, for the person; None where it does not."""
    return _HANDED_OVER.get(stop_reason or "")


def actions(blocks: list[Json], stop_reason: str | None) -> list[Action]:
    """The actions of a reply, in its order.

    Raises:
        ReplyUnreadable: The reply was cut, is in the wrong dialect, or holds neither a call nor a
            text.
    """
    if stop_reason == "max_tokens":
        raise ReplyUnreadable(
            "Your reply was cut at its token limit, so nothing of it was executed. Take a smaller "
            "step: one call, a shorter text."
        )
    calls = [block for block in blocks if block.get("type") in ("tool_use", "envelope")]
    if not calls:
        return [_thought(blocks, stop_reason)]
    return [_enveloped(b) if b["type"] == "envelope" else _called(b) for b in calls]


def _thought(blocks: list[Json], stop_reason: str | None) -> Action:
    text = "\n".join(str(b.get("text", "")) for b in blocks if b.get("type") == "text").strip()
    if envelope.is_call(text):
        raise ReplyUnreadable(
            "You wrote a tool call as text, so nothing was executed. Make the call itself."
        )
    # A model that pauses its turn goes on where it stopped when it is asked again.
    if not text and stop_reason != "pause_turn":
        raise ReplyUnreadable("Your reply held neither a tool call nor a text. Call a tool.")
    return Action(kind="think", content={"text": text})


def _called(block: Json) -> Action:
    given = envelope.keyed(block.get("input"))
    if given is None:
        raise ReplyUnreadable(
            f"The arguments of `{block.get('name')}` were no JSON object, so nothing was "
            "executed. Send the call again."
        )
    name = _tool(str(block.get("name", "")))
    # Strict schemas ask for every argument, and null for those that are not meant.
    arguments: Json = {key: value for key, value in given.items() if value is not None}
    if "reason" in arguments:
        arguments["reason"] = str(arguments["reason"])
    return Action(
        kind="finish" if name == "finish" else "tool",
        tool=name,
        content=arguments,
        reason=_cut(str(arguments.get("reason", ""))),
        call_id=str(block.get("id", "")),
    )


def _enveloped(block: Json) -> Action:
    found = envelope.read(str(block.get("text", "")))
    # The block is kept as text; what it says need not be something that a journal can hold.
    found = dataclasses.replace(
        found,
        tool=keepable(found.tool),
        content=keepable(found.content),
        reason=keepable(found.reason),
    )
    call_id, reason = str(block.get("id", "")), _cut(found.reason)
    if found.kind == "think":
        text = str(found.content.get("text") or found.reason)
        return Action(kind="think", content={"text": text}, reason=reason, call_id=call_id)
    if found.kind == "finish" or found.tool == "finish":
        content = {"reason": reason, **found.content}
        return Action(kind="finish", tool="finish", content=content, reason=reason, call_id=call_id)
    content = {key: value for key, value in found.content.items() if value is not None}
    return Action(kind="tool", tool=found.tool, content=content, reason=reason, call_id=call_id)


def _tool(name: str) -> str:
    """A tool's name without what the templates of some local models leave around it."""
    return name.partition("<|")[0].strip().removeprefix("functions.")


def _cut(reason: str) -> str:
    data = reason.encode("utf-8", "replace")
    if len(data) <= REASON_BYTES:
        return reason
    return data[:REASON_BYTES].decode("utf-8", "ignore") + " [cut]"
