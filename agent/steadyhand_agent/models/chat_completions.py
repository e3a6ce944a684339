"""Chat completions, in words and out of chunks; the blocks of a session stay those of Messages.

Owns the translation both ways and nothing else: `openai_compatible` sends and receives. Endpoints
differ in what they leave out of a chunk, so whatever may be missing is taken as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from steadyhand_agent.models import plain_text
from steadyhand_agent.models.dialect import SAID_LATER
from steadyhand_agent.ports import Usage

Json = dict[str, Any]

# What is thought before a call under this name has to go back with it: DeepSeek and Moonshot refuse
# the next request without, where others do not know it. What is called `reasoning` stays here.
_RETURNED = "reasoning_content"
# Between a result and what the person says: the roles alternate in every chat template.
_HEARING = "(The person has something to say.)"
_STOP_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}


def messages(system: str, conversation: Sequence[Json]) -> list[Json]:
    """The conversation as chat completions wants it; the same bytes every time."""
    put: list[Json] = [{"role": "system", "content": system}]
    conversation = plain_text.as_text(conversation)
    thinks = any(_returned(block) for message in conversation for block in message["content"])
    for message in conversation:
        content: Sequence[Json] = message["content"]
        if message["role"] == "assistant":
            put.append(_said(content, thinks=thinks))
        else:
            put += _told(content)
    return put


def _returned(block: Json) -> bool:
    return block.get("type") == "reasoning" and block.get("field") == _RETURNED


def _said(blocks: Sequence[Json], *, thinks: bool) -> Json:
    text = "\n".join(str(b["text"]) for b in blocks if b.get("type") == "text")
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    if calls:
        said: Json = {"role": "assistant", "content": text, "tool_calls": calls}
        if thinks:
            said[_RETURNED] = "".join(str(b["text"]) for b in blocks if _returned(b))
        return said
    return {"role": "assistant", "content": text.strip() or "(no reply)"}


def _call(block: Json) -> Json:
    given = block.get("input")
    # Arguments that were no object, a call that was cut, say: vLLM, llama.cpp and Ollama read them
    # again with every request, and would refuse each that follows. The result says what was wrong.
    arguments = orjson.dumps(given).decode() if isinstance(given, dict) else "{}"
    return {
        "id": block["id"],
        "type": "function",
        "function": {"name": block["name"] or "unknown", "arguments": arguments},
    }


def _told(blocks: Sequence[Json]) -> list[Json]:
    results: list[Json] = []
    texts: list[str] = []
    words: list[str] = []
    for block in blocks:
        if block.get("type") == "tool_result":
            failed = "Error: " if block.get("is_error") else ""
            results.append(
                {
                    "role": "tool",
                    "tool_call_id": block["tool_use_id"],
                    "content": f"{failed}{block['content']}",
                }
            )
        else:
            text = str(block.get("text", ""))
            (words if text.startswith(SAID_LATER) else texts).append(text)
    text = "\n\n".join(text for text in texts if text)
    if results and text:
        # Some chat templates allow no person between a result and the reply to it.
        results[-1]["content"] += f"\n\n{text}"
    put = results or ([{"role": "user", "content": text}] if text or not words else [])
    if put and words:
        # In one message with a result nobody could tell them from what a file pretends.
        put.append({"role": "assistant", "content": _HEARING})
    return [*put, *([{"role": "user", "content": "\n\n".join(words)}] if words else [])]


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Received:
    """A reply that is being received.

    Attributes:
        length: Characters so far.
        finish: The endpoint's finish reason; None until it gave one.
        usage: None until it was reported.
    """

    length: int = 0
    finish: str | None = None
    usage: Usage | None = None
    _text: list[str] = field(default_factory=list[str])
    _reasoning: list[str] = field(default_factory=list[str])
    _field: str = ""
    _refusal: list[str] = field(default_factory=list[str])
    _calls: list[_Call] = field(default_factory=list[_Call])
    _places: dict[int, int] = field(default_factory=dict[int, int])

    def take(self, chunk: Any) -> None:
        """Adds a chunk of the stream."""
        if getattr(chunk, "usage", None) is not None:
            self.usage = usage(chunk.usage)
        for choice in getattr(chunk, "choices", None) or ():
            self.finish = getattr(choice, "finish_reason", None) or self.finish
            delta = getattr(choice, "delta", None)
            if delta is None:
                continue
            self._take_content(getattr(delta, "content", None))
            self._add(self._refusal, getattr(delta, "refusal", None))
            # Two names for what is thought before the reply.
            thought = getattr(delta, _RETURNED, None)
            self._field = _RETURNED if thought else self._field
            self._add(self._reasoning, thought or getattr(delta, "reasoning", None))
            for call in getattr(delta, "tool_calls", None) or ():
                self._take_call(call)

    def _take_content(self, content: Any) -> None:
        # Mistral's models that think send parts in place of a text.
        for part in content if isinstance(content, list) else [content]:  # pyright: ignore[reportUnknownVariableType]
            self._add(self._text, part.get("text") if isinstance(part, dict) else part)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    def _take_call(self, given: Any) -> None:
        place = getattr(given, "index", None)
        place = place if isinstance(place, int) else len(self._calls)
        known = self._places.get(place)
        call_id = getattr(given, "id", None) or ""
        # Some endpoints send every call whole, and each with the place 0.
        if known is None or (call_id and self._calls[known].id not in ("", call_id)):
            self._calls.append(_Call())
            known = self._places[place] = len(self._calls) - 1
        call = self._calls[known]
        call.id = call.id or str(call_id)
        function = getattr(given, "function", None)
        call.name = call.name or str(getattr(function, "name", None) or "")
        arguments = getattr(function, "arguments", None)
        if isinstance(arguments, dict):
            arguments = orjson.dumps(arguments).decode()
        self._add(call.arguments, arguments)

    def _add(self, to: list[str], part: Any) -> None:
        if isinstance(part, str) and part:
            to.append(part)
            self.length += len(part)

    def blocks(self) -> list[Json]:
        """The reply so far; a call whose arguments are no JSON object keeps their text."""
        found: list[Json] = []
        if self._reasoning:
            thought = {"type": "reasoning", "text": "".join(self._reasoning)}
            found.append(thought | ({"field": self._field} if self._field else {}))
        text = "".join(self._text) or "".join(self._refusal)
        if text:
            found.append({"type": "text", "text": text})
        for call in self._calls:
            written = "".join(call.arguments)
            found.append(
                {"type": "tool_use", "id": call.id, "name": call.name, "input": _parsed(written)}
            )
        return found

    def stop_reason(self, max_tokens: int) -> str:
        """Why it ended; where the limit cut it, that, whatever the endpoint calls it."""
        stop = _STOP_REASONS.get(self.finish or "", "end_turn")
        if self._refusal and not self._calls:
            return "refusal"
        if stop == "refusal":
            return stop
        if self.usage is not None and self.usage.output_tokens == max_tokens:
            return "max_tokens"
        if stop == "end_turn" and self._calls:
            return "tool_use"
        return stop


def _parsed(written: str) -> Any:
    try:
        found = orjson.loads(written or "{}")
        # What cannot be written again could not be journaled either.
        orjson.dumps(found)
    except (orjson.JSONDecodeError, TypeError):
        return written
    return found


def usage(given: Any) -> Usage | None:
    """Tokens as the endpoint counted them; those from its cache stand for themselves."""
    try:
        prompt, output = int(given.prompt_tokens), int(given.completion_tokens)
    except (AttributeError, TypeError, ValueError):
        return None
    details = getattr(given, "prompt_tokens_details", None)
    cached = min(prompt, int(getattr(details, "cached_tokens", None) or 0))
    return Usage(prompt - cached, output, 0, cached)
