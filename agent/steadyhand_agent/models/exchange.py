"""What every provider does around a request: parameters that are refused, keys, dialect.

Owns the order of these things, so that a provider is left with its protocol alone: a parameter that
the endpoint refuses is left out and the request sent again; a key that is refused or busy gives way
to the next; a model without tools is asked in the envelope.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from steadyhand_agent.errors import ModelRejected, ParameterRefused
from steadyhand_agent.models import plain_text
from steadyhand_agent.models.keepable import keepable
from steadyhand_agent.models.keys import Keys
from steadyhand_agent.models.profiles import Accepted, Profile
from steadyhand_agent.ports import ModelReply, ModelRequest

Json = dict[str, Any]
Send = Callable[["Question", str], Awaitable[ModelReply]]

# An endpoint that ignores max_tokens is stopped here; no token is longer on average.
_CHARACTERS_PER_TOKEN = 16
# The longest reply at the pace of a small machine: 4,096 tokens, two or three a second.
MOST_SECONDS = 1_800.0


@dataclass(frozen=True, slots=True)
class Question:
    """One request as a provider puts it on the wire.

    Attributes:
        request: The conversation, in plain text already where the model has no tools.
        profile: What may be sent.
        schema: The schema of the whole reply; None where there is none to hold the model to.
    """

    request: ModelRequest
    profile: Profile
    schema: Json | None = None

    @property
    def most_characters(self) -> int:
        """Where a reply that does not end is taken as cut."""
        return 4_000 + self.request.max_tokens * _CHARACTERS_PER_TOKEN


async def ask(request: ModelRequest, accepted: Accepted, keys: Keys, send: Send) -> ModelReply:
    """Asks, and asks again at once where that costs nothing and may help.

    Args:
        request: As the loop wants it.
        accepted: What the model takes, less what was refused before.
        keys: Tried one after the other.
        send: Puts one question with one key; raises `KeyRefused`, `ModelBusy` and
            `ParameterRefused` for what is mended here.

    Raises:
        ModelTransient: Another attempt may help.
        ModelError: It will not.
    """
    while True:
        profile = accepted.now
        question = _question(request, profile)
        try:
            async with asyncio.timeout(MOST_SECONDS):
                reply = await keys.use(lambda key, question=question: send(question, key))
        except TimeoutError:
            # Bytes came all the while, so no limit on silence ends it.
            raise ModelRejected(
                f"The model's reply did not end within {MOST_SECONDS / 60:g} minutes."
            ) from None
        except ParameterRefused as refused:
            if not accepted.drop(refused.parameter, str(refused)):
                failed = ModelRejected(f"The endpoint refused the request: {refused}")
                failed.reached = refused.reached
                raise failed from None
            continue
        if not profile.tools:
            reply = plain_text.reply(reply, request.number + 1)
        return ModelReply(sound(reply.blocks), reply.stop_reason, reply.usage)


def _question(request: ModelRequest, profile: Profile) -> Question:
    if profile.tools:
        return Question(request, profile)
    schema = plain_text.schema(request.tools) if profile.structured else None
    return Question(plain_text.in_text(request), profile, schema)


def sound(blocks: Sequence[Json]) -> list[Json]:
    """Blocks that can be kept and answered: the same, but for what no journal could hold.

    A call without an id of its own gets one, since its result goes back under it. Half a surrogate
    pair, a number beyond 64 bits and nesting without end become text that can be kept.
    """
    seen: set[str] = set()
    found: list[Json] = []
    for number, block in enumerate(blocks, 1):
        try:
            orjson.dumps(block)
        except TypeError:
            block = keepable(block)
        if block.get("type") == "tool_use":
            block = block | {"input": _object(block.get("input"))}
            call_id = str(block.get("id") or "")
            if not call_id or call_id in seen:
                block = block | {"id": f"call_{number}"}
            seen.add(str(block["id"]))
        found.append(block)
    return found


def _object(given: Any) -> Any:
    """Arguments as an object, also where a model wrote them as a text; else as they came."""
    if given is None:
        return {}
    if isinstance(given, str):
        with contextlib.suppress(orjson.JSONDecodeError):
            found: Any = orjson.loads(given)
            if isinstance(found, dict):
                return cast("Json", found)
    return given
