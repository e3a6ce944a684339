"""Models that speak the Messages API, through the anthropic SDK.

Owns the mapping from what the SDK raises, and what it does not raise, to our own errors. Retrying
is the loop's: the SDK's own retries are off, or they would multiply. The key is read for each
request and never kept. Importing the SDK takes a second, so it is imported on first use.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steadyhand_agent.errors import ModelError, ModelKeyMissing, ModelRejected, ModelTransient
from steadyhand_agent.models.profiles import profile
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage

if TYPE_CHECKING:
    from anthropic.types import Message

Json = dict[str, Any]

# These types arrive in the middle of a stream whose HTTP status was 200.
_TRANSIENT_TYPES = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error"})
_TRANSIENT_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class AnthropicModel:
    """A `Model` on the Messages API.

    Args:
        name: The model's id.
        base_url: Another endpoint that speaks the Messages API; None for Anthropic's own.
        key_file: A file that holds the key; None for the environment's ANTHROPIC_API_KEY.
        seconds: Limit to the first byte, and between bytes.
    """

    unmetered = False

    def __init__(
        self, name: str, *, base_url: str | None, key_file: Path | None, seconds: float = 30.0
    ) -> None:
        self.name = name
        self._base_url = base_url
        self._key_file = key_file
        self._seconds = seconds

    @property
    def context_window(self) -> int:
        """Tokens that a prompt and its reply may take together."""
        return profile(self.name).context

    async def ask(self, request: ModelRequest) -> ModelReply:
        """Answers one request by streaming; see `Model.ask`."""
        key = self._key()
        # A second of importing must not hold the loop: requests are answered meanwhile.
        anthropic = await asyncio.to_thread(importlib.import_module, "anthropic")
        import httpx2

        limits = httpx2.Timeout(self._seconds, connect=min(10.0, self._seconds))
        client = anthropic.AsyncAnthropic(
            api_key=key, base_url=self._base_url, max_retries=0, timeout=limits
        )
        try:
            async with client, client.messages.stream(**self._arguments(request)) as stream:
                message = await stream.get_final_message()
        except anthropic.APIStatusError as error:
            raise _status_error(error, self.name) from error
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise ModelTransient(
                f"The model's endpoint could not be reached or broke off ({type(error).__name__})."
            ) from error
        except (AssertionError, json.JSONDecodeError, TypeError, ValueError) as error:
            # What the SDK does with an answer that is no event stream at all.
            raise ModelTransient(
                "The model's endpoint answered with something unreadable."
            ) from error
        if message.stop_reason is None:
            # A stream that ends early raises nothing; only this tells.
            raise ModelTransient("The model's reply broke off in the middle.")
        return ModelReply(_blocks(message), message.stop_reason, _usage(message))

    def _key(self) -> str:
        if self._key_file is not None:
            try:
                key = self._key_file.expanduser().read_text("utf-8").strip()
            except OSError as error:
                raise ModelKeyMissing(
                    f"The key file {self._key_file} cannot be read ({error.strerror}); "
                    "everything else works. Mend `api_key_file` in your settings."
                ) from error
        else:
            key = os.environ.get("ANTHROPIC_API_KEY", "").strip()
        if not key:
            raise ModelKeyMissing(
                "No API key is set, so no task can run; findings and quick fixes work without. "
                "Set ANTHROPIC_API_KEY, or `api_key_file` in your steadyhand config.toml, and "
                "resume the session."
            )
        return key

    def _arguments(self, request: ModelRequest) -> Json:
        known = profile(self.name)
        arguments: Json = {
            "model": self.name,
            "max_tokens": request.max_tokens,
            "messages": list(request.messages),
            "tools": list(request.tools),
            "system": [{"type": "text", "text": request.system}],
        }
        if known.caching:
            arguments["system"][0]["cache_control"] = {"type": "ephemeral"}
            arguments["cache_control"] = {"type": "ephemeral"}
        if known.effort is not None:
            arguments["output_config"] = {"effort": known.effort}
        return arguments


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
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_creation_input_tokens or 0,
        usage.cache_read_input_tokens or 0,
    )


def _status_error(error: Any, model: str) -> ModelError:
    status: int = error.status_code
    said = str(error.api_message or error.type or f"HTTP {status}")[:300]
    if status in _TRANSIENT_STATUS or error.type in _TRANSIENT_TYPES:
        header = error.response.headers.get("retry-after", "")
        try:
            after = max(0.0, float(header)) if header else None
        except ValueError:
            after = None
        return ModelTransient(f"The model's endpoint is not able to answer now: {said}", after)
    if status == 401:
        return ModelRejected(
            "The endpoint does not accept the API key. Set another key and resume the session."
        )
    return ModelRejected(f"The endpoint refused the request for {model} ({status}): {said}")
