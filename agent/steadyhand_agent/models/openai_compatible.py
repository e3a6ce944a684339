"""Models that speak chat completions, through the openai SDK: GPT, Ollama, vLLM, llama.cpp.

Owns sending and receiving; `chat_completions` owns the words. Retrying is the loop's: the SDK's own
retries are off, or they would multiply. The SDK is an extra, `steadyhand[openai]`, and importing it
takes a second, so it is imported on first use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from steadyhand_agent.errors import ModelError, ModelRejected
from steadyhand_agent.models import chat_completions, connection, exchange, faults, schemas
from steadyhand_agent.models.exchange import Question
from steadyhand_agent.models.keys import Keys
from steadyhand_agent.models.profiles import Accepted, Profile
from steadyhand_agent.ports import ModelReply, ModelRequest

Json = dict[str, Any]

_MAY_BE_LEFT_OUT = frozenset(
    {"temperature", "top_p", "reasoning_effort", "response_format", "stream_options", "tools"}
)


class OpenAiCompatibleModel:
    """A `Model` on chat completions.

    Args:
        name: The model's id.
        keys: Read for each request.
        profile: What the model accepts.
        base_url: The endpoint, mostly with `/v1` at its end; None for OpenAI's own.
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
        try:
            openai = await connection.sdk("openai")
        except ImportError:
            missing = ModelRejected(
                "`provider` is `openai_compatible`, but its SDK is missing: install "
                "steadyhand[openai] and resume the session."
            )
            missing.reached = False
            raise missing from None
        import httpx2

        arguments = self._arguments(question)
        opened = await connection.opened(self._seconds)
        client = openai.AsyncOpenAI(
            api_key=key,
            base_url=self._base_url,
            max_retries=0,
            timeout=opened.timeout,
            http_client=opened,
        )
        received = chat_completions.Received()
        try:
            async with client, await client.chat.completions.create(**arguments) as stream:
                async for chunk in stream:
                    received.take(chunk)
                    if received.length > question.most_characters:
                        return ModelReply(received.blocks(), "max_tokens", received.usage)
        except openai.APIStatusError as error:
            raise self._fault(error.status_code, error, arguments, key) from None
        except openai.APIConnectionError as error:
            raise faults.unreachable(error) from None
        except openai.APIError as error:
            # In the middle of a stream; some endpoints put their status into the body.
            code = str(error.code or "")
            status = int(code) if code.isdecimal() else 500
            raise self._fault(status, error, arguments, key, begun=True) from None
        except httpx2.HTTPError as error:
            raise faults.unreachable(error) from None
        except (json.JSONDecodeError, AttributeError, TypeError, ValueError) as error:
            raise faults.unreadable() from error
        if received.finish is None:
            # A stream that ends early raises nothing; only this tells.
            raise faults.broke_off()
        limit = question.request.max_tokens
        return ModelReply(received.blocks(), received.stop_reason(limit), received.usage)

    def _fault(
        self, status: int, error: Any, arguments: Json, key: str, *, begun: bool = False
    ) -> ModelError:
        response = getattr(error, "response", None)
        sent = set(_MAY_BE_LEFT_OUT & arguments.keys())
        said = _said(error)
        if "max_completion_tokens" in said:
            # Only then is another name for the limit of use; else the limit itself is too high.
            sent |= {"max_tokens", "max_completion_tokens"} & arguments.keys()
        if any("strict" in tool["function"] for tool in arguments.get("tools", ())):
            sent.add("strict")
        return faults.of_status(
            status,
            said,
            model=self.name,
            kind=error.code if error.code == "insufficient_quota" else error.type,
            parameter=error.param,
            sent=sent,
            headers=response.headers if response is not None else {},
            key=key,
            begun=begun,
        )

    def _arguments(self, question: Question) -> Json:
        request, profile = question.request, question.profile
        arguments: Json = {
            "model": self.name,
            "messages": chat_completions.messages(request.system, request.messages),
            "stream": True,
            profile.limit: request.max_tokens,
        }
        if request.tools:
            arguments["tools"] = schemas.for_chat(request.tools, strict=profile.strict)
        if question.schema is not None:
            form = {"name": "decision", "schema": question.schema}
            arguments["response_format"] = {"type": "json_schema", "json_schema": form}
        if profile.usage:
            arguments["stream_options"] = {"include_usage": True}
        if profile.effort is not None:
            arguments["reasoning_effort"] = profile.effort
        arguments |= {n: v for n, v in self._sampling.items() if n in profile.sampling}
        if profile.body:
            arguments["extra_body"] = profile.body
        return arguments


def _said(error: Any) -> str:
    """The endpoint's words; not every endpoint puts them where OpenAI does."""
    body = error.body
    if isinstance(body, dict):
        for name in ("message", "error", "detail"):
            if isinstance(body.get(name), str):  # pyright: ignore[reportUnknownMemberType]
                return str(body[name])  # pyright: ignore[reportUnknownArgumentType]
    return str(error.message or "")
