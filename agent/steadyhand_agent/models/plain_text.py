"""A conversation in plain text, for models without native tools, and the block of their reply.

Owns how the tools, the calls and the results are put into words. Everything is derived from the
request, so the same request gives the same bytes, and an endpoint's cache serves.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from steadyhand_agent.errors import ReplyUnreadable
from steadyhand_agent.models import envelope
from steadyhand_agent.ports import ModelReply, ModelRequest

Json = dict[str, Any]


def in_text(request: ModelRequest) -> ModelRequest:
    """A request for a model that knows neither tools nor results; the same bytes every time."""
    messages: list[Json] = []
    before: Sequence[Json] = ()
    for message in request.messages:
        content: Sequence[Json] = message["content"]
        own = message["role"] == "assistant"
        said = _put(content) if own else _answered(content, before)
        texts = [{"type": "text", "text": text} for text in said if text.strip()]
        messages.append(
            {"role": message["role"], "content": texts or [{"type": "text", "text": "(nothing)"}]}
        )
        before = content
    system = f"{request.system.rstrip()}\n\n{_instructions()}\n{_tools(request.tools)}"
    return dataclasses.replace(request, system=system, tools=(), messages=messages)


def as_text(messages: Sequence[Json]) -> list[Json]:
    """A conversation for a model with tools, in which earlier envelopes are text.

    The model of a session may change; a result without its call would be refused.
    """
    put: list[Json] = []
    before: Sequence[Json] = ()
    for message in messages:
        content: Sequence[Json] = message["content"]
        theirs = {block.get("id") for block in before if block.get("type") == "envelope"}
        mine = [
            b for b in content if b.get("type") != "tool_result" or b["tool_use_id"] not in theirs
        ]
        told = _answered([block for block in content if block not in mine], before)
        blocks = [
            {"type": "text", "text": block["text"] or "(nothing)"}
            if block.get("type") == "envelope"
            else block
            for block in mine
        ]
        texts = [{"type": "text", "text": text} for text in told]
        put.append({"role": message["role"], "content": [*blocks, *texts]})
        before = content
    return put


def schema(tools: Sequence[Json]) -> Json:
    """The schema of a reply, for endpoints that hold a model to one."""
    names = [tool["name"] for tool in tools if tool["name"] != "finish"]
    return {
        "type": "object",
        "properties": {
            "action": {"type": "string", "enum": ["tool", "think", "finish"]},
            "content": {
                "type": "object",
                "properties": {"tool": {"type": "string", "enum": names}},
                "additionalProperties": True,
            },
            "reason": {"type": "string"},
        },
        "required": ["action", "content", "reason"],
        "additionalProperties": False,
    }


def reply(given: ModelReply, number: int) -> ModelReply:
    """A reply whose text is an envelope; what is no text, such as signed thinking, stays.

    Args:
        given: As the endpoint gave it.
        number: Which reply of the session it is; makes the block's id.
    """
    text = "".join(str(b.get("text", "")) for b in given.blocks if b.get("type") == "text")
    kept = [block for block in given.blocks if block.get("type") != "text"]
    block: Json = {"type": "envelope", "id": f"envelope_{number}", "text": text}
    return ModelReply([*kept, block], given.stop_reason, given.usage)


def _put(blocks: Sequence[Json]) -> list[str]:
    """What the model said, calls of another dialect included."""
    texts: list[str] = []
    for block in blocks:
        kind = block.get("type")
        if kind in ("envelope", "text"):
            texts.append(str(block.get("text", "")))
        elif kind == "tool_use":
            arguments = dict(envelope.keyed(block.get("input")) or {})
            reason = arguments.pop("reason", "")
            content = {"tool": block.get("name", ""), **arguments}
            texts.append(
                json.dumps(
                    {"action": "tool", "content": content, "reason": reason}, ensure_ascii=False
                )
            )
    return texts


def _answered(blocks: Sequence[Json], before: Sequence[Json]) -> list[str]:
    """What the model is told, each result under the name of what it asked for."""
    asked = {block.get("id"): block for block in before}
    texts: list[str] = []
    for block in blocks:
        if block.get("type") == "tool_result":
            call = asked.get(block["tool_use_id"], {})
            head = "Failure" if block.get("is_error") else "Result"
            texts.append(f"{head} of {_asked(call)}:\n{block['content']}")
            if call.get("type") == "envelope" and envelope.several(str(call["text"])):
                texts.append(
                    "Only the first JSON object of your reply was executed; what followed it was "
                    "not. Send one a reply, then wait for its result."
                )
        else:
            texts.append(str(block.get("text", "")))
    return texts


def _asked(call: Json) -> str:
    """What a result answers."""
    if "name" in call:
        return f"`{call['name']}`"
    try:
        found = envelope.read(str(call.get("text", "")))
    except ReplyUnreadable:
        return "your reply"
    return f"`{found.tool or found.kind}`"


@cache
def _instructions() -> str:
    path = Path(__file__).parent.parent / "prompts" / "envelope.md"
    return path.read_text("utf-8").strip()


def _tools(tools: Sequence[Json]) -> str:
    lines: list[str] = []
    for tool in tools:
        if tool["name"] == "finish":
            continue
        lines.append(f"\n`{tool['name']}`: {tool['description']}")
        given: Json = tool["input_schema"]
        required = given.get("required", ())
        for name, value in given["properties"].items():
            if name == "reason":
                continue
            kind = value.get("type", "text")
            must = "required" if name in required else "optional"
            lines.append(f"- `{name}` ({kind}, {must}): {value.get('description', '')}")
    return "\n".join(lines)
