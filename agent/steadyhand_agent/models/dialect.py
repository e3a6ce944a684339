"""Native tool use: from the blocks of a reply to actions.

Every tool's flat schema carries `reason`; `finish` is a tool; text without a call is a thought.
"""

from __future__ import annotations

from typing import Any

from steadyhand_agent.actions import Action
from steadyhand_agent.errors import ReplyUnreadable
from steadyhand_agent.guard.budget import BYTES_PER_TOKEN

Json = dict[str, Any]

# 500 tokens; a longer reason is cut, the action is not lost over it.
REASON_BYTES = int(500 * BYTES_PER_TOKEN)


def actions(blocks: list[Json], stop_reason: str | None) -> list[Action]:
    """The actions of a reply, in its order.

    Raises:
        ReplyUnreadable: The reply was cut, or holds neither a call nor a text.
    """
    calls = [block for block in blocks if block.get("type") == "tool_use"]
    if stop_reason == "max_tokens":
        raise ReplyUnreadable(
            "Your reply was cut at its token limit, so nothing of it was executed. Take a smaller "
            "step: one call, a shorter text."
        )
    if not calls:
        text = "\n".join(str(b.get("text", "")) for b in blocks if b.get("type") == "text").strip()
        if not text:
            raise ReplyUnreadable("Your reply held neither a tool call nor a text. Call a tool.")
        return [Action(kind="think", content={"text": text})]
    found: list[Action] = []
    for block in calls:
        content = block.get("input")
        if not isinstance(content, dict):
            raise ReplyUnreadable(
                f"The arguments of `{block.get('name')}` were no JSON object, so nothing was "
                "executed. Send the call again."
            )
        arguments: Json = {str(key): value for key, value in content.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        name = str(block.get("name", ""))
        found.append(
            Action(
                kind="finish" if name == "finish" else "tool",
                tool=name,
                content=arguments,
                reason=_cut(str(arguments.get("reason", ""))),
                call_id=str(block.get("id", "")),
            )
        )
    return found


def _cut(reason: str) -> str:
    data = reason.encode("utf-8", "replace")
    if len(data) <= REASON_BYTES:
        return reason
    return data[:REASON_BYTES].decode("utf-8", "ignore") + " [cut]"
