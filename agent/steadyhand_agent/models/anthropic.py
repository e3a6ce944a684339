"""Models that speak the Messages API, through the anthropic SDK.

Owns that protocol: what is put on the wire, the points where the prompt is cached, and what the SDK
raises and does not raise. Retrying is the loop's: the SDK's own retries are off, or they would
multiply. Importing the SDK takes a second, so it is imported on first use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steadyhand_agent.errors import ModelError
from steadyhand_agent.models import connection, exchange, faults, plain_text, schemas
from steadyhand_agent.models.exchange import Question
from steadyhand_agent.models.keys import Keys
from steadyhand_agent.models.profiles import Accepted, Profile
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage

if TYPE_CHECKING:
    from anthropic.types import Message

Json = dict[str, Any]

_CACHED: Json = {"cache_control": {"type": "ephemeral"}}
# What the endpoint takes back; blocks of another provider are left out.
_THINKING = frozenset({"thinking", "redacted_thinking"})
_KNOWN_BLOCKS = frozenset({"tool_use", "tool_result"}) | _THINKING
# What the SDK says of arguments that are no JSON.
_NO_JSON = "tool parameter JSON"


class AnthropicModel:
    """A `Model` on the Messages API.

    Args:
        name: The model's id.
        keys: Read for each request.
        profile: What the model accepts.
        base_url: Another endpoint that speaks the Messages API; None for Anthropic's own.
        sampling: `temperature` and `top_p`, sent as far as the model takes them.
        seconds: Limit to the first byte, and between bytes.
    """

    unmetered = False

    def __init__(
        self,
        name: str,
        *,
        keys: Keys,
        profile: Profile,
        base_url: str | None = None,
        sampling: Mapping[str, float] | None = None,
        seconds: float = 30.0,
    ) -> None:
        self.name = name
        self.context = profile.context
        self._keys = keys
        self._accepted = Accepted(name, base_url or "", profile)
        self._base_url = base_url
        self._sampling = dict(sampling or {})
        self._seconds = seconds

    async def ask(self, request: ModelRequest) -> ModelReply:
        """Answers one request by streaming; see `Model.ask`."""
        return await exchange.ask(request, self._accepted, self._keys, self._send)

    async def _send(self, question: Question, key: str) -> ModelReply:
        anthropic = await connection.sdk("anthropic")
        import httpx2

        arguments = self._arguments(question)
        opened = await connection.opened(self._seconds)
        client = anthropic.AsyncAnthropic(
            api_key=key,
            base_url=self._base_url,
            max_retries=0,
            timeout=opened.timeout,
            http_client=opened,
        )
        try:
            async with client, client.messages.stream(**arguments) as stream:
                return await _received(stream, question)
        except anthropic.APIStatusError as error:
            raise self._fault(error, _sent(arguments), key) from None
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise faults.unreachable(error) from None
        except (
            AssertionError,
            AttributeError,
            IndexError,
            json.JSONDecodeError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            # What the SDK does with an answer that is no event stream at all.
            raise faults.unreadable() from error

    def _fault(self, error: Any, sent: set[str], key: str) -> ModelError:
        return faults.of_status(
            error.status_code,
            str(error.api_message or error.type or ""),
            model=self.name,
            kind=error.type,
            sent=sent,
            headers=error.response.headers,
            key=key,
        )

    def _arguments(self, question: Question) -> Json:
        request, profile = question.request, question.profile
        arguments: Json = {
            "model": self.name,
            "max_tokens": request.max_tokens,
            "messages": _messages(request.messages, caching=profile.caching),
            "system": [{"type": "text", "text": request.system}],
        }
        if request.tools:
            arguments["tools"] = schemas.for_messages(request.tools, strict=profile.strict)
        if profile.caching:
            # What comes first is read from the cache by every round of every session.
            arguments["system"][-1] |= _CACHED
            if request.tools:
                arguments["tools"][-1] |= _CACHED
        config: Json = {}
        if profile.effort is not None:
            config["effort"] = profile.effort
        if question.schema is not None:
            config["format"] = {"type": "json_schema", "schema": question.schema}
        if config:
            arguments["output_config"] = config
        if profile.thinking is not None:
            arguments["thinking"] = {"type": profile.thinking}
        # The SDK knows no sampling any more; the models that take it want the API of their time.
        body = {n: v for n, v in self._sampling.items() if n in profile.sampling} | profile.body
        if body:
            arguments["extra_body"] = body
        if profile.version is not None and body:
            arguments["extra_headers"] = {"anthropic-version": profile.version}
        return arguments


def _messages(messages: Sequence[Json], *, caching: bool) -> list[Json]:
    """The conversation, with a cache point on each of the last two turns of the person's side.

    The last one is what the next round reads; the one before is what this round reads, which an
    endpoint that looks back over twenty blocks alone would miss after a reply with many calls.
    """
    put: list[Json] = []
    for message in plain_text.as_text(messages):
        known = [_block(block) for block in message["content"] if _is_taken(block)]
        # A reply that was cut while it thought: one that ends so is refused, with all that follows.
        while known and known[-1]["type"] in _THINKING:
            known.pop()
        put.append(
            {"role": message["role"], "content": known or [{"type": "text", "text": "(no reply)"}]}
        )
    if caching:
        asked = [message for message in put if message["role"] == "user"]
        for message in asked[-2:]:
            message["content"][-1] = message["content"][-1] | _CACHED
    return put


def _is_taken(block: Json) -> bool:
    """False for what the API would refuse: blocks of another provider, and empty text."""
    if block.get("type") == "text":
        return bool(str(block.get("text", "")).strip())
    return block.get("type") in _KNOWN_BLOCKS


def _block(block: Json) -> Json:
    if block.get("type") == "tool_use" and not isinstance(block.get("input"), dict):
        # Arguments that were no JSON, from another provider; the result says what was wrong.
        return block | {"input": {}}
    return block


async def _received(stream: Any, question: Question) -> ModelReply:
    """The reply, its calls checked for being whole."""
    written: dict[int, str] = {}
    try:
        cut = await _followed(stream, question, written)
    except ValueError as error:
        if _NO_JSON not in str(error):
            raise
        # The model's doing, not the endpoint's: it is told, where another attempt would cost as
        # much as the first.
        blocks = _blocks(stream.current_message_snapshot)
        blocks[-1]["input"] = written.get(len(blocks) - 1, "") or "no JSON"
        return ModelReply(blocks, "tool_use", None)
    if cut:
        return ModelReply(_blocks(stream.current_message_snapshot), "max_tokens", None)
    message = await stream.get_final_message()
    stop: str | None = message.stop_reason
    if stop is None:
        # A stream that ends early raises nothing; only this tells.
        raise faults.broke_off()
    usage = _usage(message)
    if _cut(message, written, stop, question.request.max_tokens):
        stop = "max_tokens"
    return ModelReply(_blocks(message), stop, usage)


async def _followed(stream: Any, question: Question, written: dict[int, str]) -> bool:
    """Reads a reply and keeps what its calls were written as; True where it does not end."""
    length = 0
    async for event in stream:
        if event.type != "content_block_delta":
            continue
        delta = event.delta
        part = str(
            getattr(delta, "partial_json", None)
            or getattr(delta, "text", None)
            or getattr(delta, "thinking", None)
            or ""
        )
        length += len(part)
        if delta.type == "input_json_delta":
            written[event.index] = written.get(event.index, "") + part
        if length > question.most_characters:
            return True
    return False


def _cut(message: Message, written: Mapping[int, str], stop: str, max_tokens: int) -> bool:
    """True where the limit ended a reply, whatever the endpoint calls it.

    llama.cpp cuts a call into partial or empty arguments; the SDK closes them, so that only what
    was written tells.
    """
    if stop in ("refusal", "model_context_window_exceeded", "pause_turn"):
        return False
    if message.usage.output_tokens == max_tokens:
        return True
    for text in written.values():
        try:
            json.loads(text or "{}", strict=False)
        except (ValueError, RecursionError):
            return True
    return False


def _sent(arguments: Json) -> set[str]:
    """The names of what may be left out, as an endpoint would name them."""
    sent = {"output_config", "thinking", "tools"} & arguments.keys()
    sent |= arguments.get("extra_body", {}).keys() & {"temperature", "top_p"}
    sent |= {"effort"} if "effort" in arguments.get("output_config", {}) else set[str]()
    tools = arguments.get("tools", ())
    sent |= {"strict"} if any("strict" in tool for tool in tools) else set[str]()
    sent |= {"cache_control"} if "cache_control" in arguments["system"][-1] else set[str]()
    return sent


def _blocks(message: Message) -> list[Json]:
    blocks: list[Json] = []
    for block in message.content:
        plain = block.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        # The SDK's streaming helper adds this to text; the API would not take it back.
        plain.pop("parsed_output", None)
        blocks.append(plain)
    return blocks


def _usage(message: Message) -> Usage:
    usage = message.usage
    return Usage(
        usage.input_tokens or 0,
        usage.output_tokens or 0,
        usage.cache_creation_input_tokens or 0,
        usage.cache_read_input_tokens or 0,
    )
