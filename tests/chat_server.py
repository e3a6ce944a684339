"""A local HTTP server that answers chat completions from the same scripts as `messages_server`.

Owns the wire format the real `openai` SDK meets in tests; connections, keys, faults and the record
of what was asked are those of `MessagesServer`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from messages_server import Failure, Json, MessagesServer, Reply, pieces

_FINISH = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
    None: None,
}


class ChatServer(MessagesServer):
    """Serves `POST /v1/chat/completions`; give the SDK `url + "/v1"`."""

    path = "/v1/chat/completions"
    required = frozenset({"messages", "model"})

    def whole(self, reply: Reply, body: Json, number: str) -> Json:
        """The answer to a request without `stream`."""
        raise NotImplementedError("nothing of ours asks without a stream")

    def frames(self, reply: Reply, body: Json, number: str) -> list[bytes]:
        """The chunks, the usage where it was asked for, and the end mark."""
        head: Json = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": body["model"],
        }
        message = reply.message(number, str(body["model"]))
        finish = _FINISH.get(message["stop_reason"], "stop")
        deltas: list[Json] = [{"role": "assistant", "content": ""}, *_deltas(reply.blocks)]
        chunks = [head | {"choices": [_choice(delta)]} for delta in deltas]
        chunks.append(head | {"choices": [_choice({}, finish)]})
        if body.get("stream_options", {}).get("include_usage"):
            chunks.append(head | {"choices": [], "usage": _usage(reply.usage)})
        return [*(_frame(chunk) for chunk in chunks), b"data: [DONE]\n\n"]

    def broken(self, number: str) -> bytes:
        """An error in the middle of a stream."""
        return _frame({"error": {"type": "server_error", "message": "Overloaded", "code": None}})

    def failure(self, failure: Failure, number: str) -> Json:
        """The body of an HTTP error."""
        return {
            "error": {
                "message": failure.message, "type": failure.type, "param": None, "code": None,
            }
        }  # fmt: skip


def _choice(delta: Json, finish: str | None = None) -> Json:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _deltas(blocks: list[Json]) -> Iterator[Json]:
    number = -1
    for block in blocks:
        if block["type"] == "text":
            yield from ({"content": part} for part in pieces(block["text"]))
        elif block["type"] == "thinking":
            yield from ({"reasoning_content": part} for part in pieces(block["thinking"]))
        elif block["type"] == "tool_use":
            number += 1
            yield from _call(number, block)


def _call(number: int, block: Json) -> Iterator[Json]:
    given = block["input"]
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    start: dict[str, Any] = {"name": block["name"], "arguments": ""}
    call = {"index": number, "id": block["id"], "type": "function", "function": start}
    yield {"tool_calls": [call]}
    for part in pieces(text):
        yield {"tool_calls": [{"index": number, "function": {"arguments": part}}]}


def _usage(given: Json) -> Json:
    cached = given.get("cache_read_input_tokens") or 0
    prompt = given["input_tokens"] + cached + (given.get("cache_creation_input_tokens") or 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": given["output_tokens"],
        "total_tokens": prompt + given["output_tokens"],
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _frame(chunk: Json) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()
