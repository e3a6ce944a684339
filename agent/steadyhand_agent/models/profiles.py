"""What each model accepts, by a pattern of its id, and what an endpoint has since refused.

Owns the two tables of known models, one a protocol, and the memory of parameters that an endpoint
answered with a 400: such a parameter is left out for the rest of the process. What is not known to
be accepted is not sent. Never talks to a model.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

log = logging.getLogger(__name__)

Json = dict[str, Any]
Protocol = Literal["messages", "chat"]
Effort = Literal["minimal", "low", "medium", "high", "xhigh", "max"]
Sampling = Literal["temperature", "top_p"]


class Profile(BaseModel):
    """How a model is to be asked.

    Attributes:
        sampling: Which of the two it takes.
        version: The `anthropic-version` that sampling asks for; None for the SDK's own.
        effort: What to send as effort; None where it is not taken. The 5 series thinks by default
            and counts that toward max_tokens, so a low effort leaves room for the action within
            4,096 tokens.
        thinking: What to send as `thinking`; None leaves the model its own way.
        tools: It takes native tools; else it is asked for a JSON envelope.
        strict: It takes `strict` on a tool.
        structured: It takes a schema for its whole reply; used for the envelope.
        caching: It takes `cache_control`.
        context: Tokens that its context holds; None where unknown.
        limit: What chat completions calls the limit on a reply.
        usage: Chat completions: it takes `stream_options`, and then reports usage.
        body: Sent as it is, besides everything else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampling: tuple[Sampling, ...] = ()
    version: str | None = None
    effort: Effort | None = None
    thinking: Literal["adaptive", "disabled"] | None = None
    tools: bool = True
    strict: bool = False
    structured: bool = False
    caching: bool = False
    context: int | None = Field(default=None, ge=1_024)
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    usage: bool = True
    body: Json = {}

    def without(self, parameter: str) -> Profile:
        """The profile that no longer sends a parameter, by its name on the wire."""
        if parameter in self.sampling:
            rest = tuple(name for name in self.sampling if name != parameter)
            return self.model_copy(update={"sampling": rest})
        if parameter in ("max_tokens", "max_completion_tokens"):
            # The limit itself is never left out: the budget rests on it.
            other = "max_tokens" if parameter != "max_tokens" else "max_completion_tokens"
            return self.model_copy(update={"limit": other})
        return self.model_copy(update=_WITHOUT.get(parameter, {}))


_WITHOUT: dict[str, Json] = {
    "strict": {"strict": False},
    "cache_control": {"caching": False},
    "effort": {"effort": None},
    "reasoning_effort": {"effort": None},
    "output_config": {"effort": None, "structured": False},
    "response_format": {"structured": False},
    "thinking": {"thinking": None},
    "stream_options": {"usage": False},
    "tools": {"tools": False},
}

# `us.anthropic.claude-…` and `anthropic/claude-…` are the same models elsewhere.
_CLAUDE = r"(?:[a-z0-9.-]+\.|anthropic/)?claude-"
_ANY = r"(?:[-@:].*)?"
_FIFTH = Profile(effort="low", strict=True, structured=True, caching=True, context=200_000)
_LATE_FOURTH = _FIFTH.model_copy(update={"effort": "medium"})
_OLD = Profile(sampling=("temperature",), version="2023-06-01", caching=True, context=200_000)
_OLD_STRICT = _OLD.model_copy(update={"strict": True, "structured": True})

_MESSAGES: tuple[tuple[re.Pattern[str], Profile], ...] = (
    (re.compile(rf"{_CLAUDE}[a-z]+-(?:[5-9]|[1-9]\d){_ANY}"), _FIFTH),
    (re.compile(rf"{_CLAUDE}mythos-preview{_ANY}"), _FIFTH),
    (re.compile(rf"{_CLAUDE}[a-z]+-4-[7-9]{_ANY}"), _LATE_FOURTH),
    (
        re.compile(rf"{_CLAUDE}(?:opus|sonnet)-4-6{_ANY}"),
        _OLD_STRICT.model_copy(update={"effort": "medium"}),
    ),
    (re.compile(rf"{_CLAUDE}[a-z]+-4-[56]{_ANY}"), _OLD_STRICT),
    (re.compile(rf"{_CLAUDE}(?:[a-z]+-4|3|2){_ANY}"), _OLD),
)

_GPT = Profile(
    sampling=("temperature", "top_p"),
    strict=True,
    structured=True,
    context=128_000,
    limit="max_completion_tokens",
)
_REASONING = _GPT.model_copy(update={"sampling": (), "effort": "low"})
_CHAT: tuple[tuple[re.Pattern[str], Profile], ...] = (
    (re.compile(r"(?:openai/)?(?:gpt-(?:[5-9]|[1-9]\d)|o\d)(?:[-.].*)?"), _REASONING),
    (re.compile(r"(?:openai/)?(?:chat)?gpt-(?!oss)\d.*"), _GPT),
)

_CAREFUL = Profile()
# Ollama, vLLM and llama.cpp take both, and a schema.
_CAREFUL_CHAT = Profile(sampling=("temperature", "top_p"), structured=True)


def profile(
    model: str,
    protocol: Protocol = "messages",
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Profile:
    """The profile of a model id; an unknown one gets the protocol's careful profile.

    Args:
        model: The id.
        protocol: What the endpoint speaks.
        overrides: Fields by glob of the id, as a person set them; a later one counts more.
    """
    known, careful = (_MESSAGES, _CAREFUL) if protocol == "messages" else (_CHAT, _CAREFUL_CHAT)
    found = next((p for pattern, p in known if pattern.fullmatch(model)), careful)
    for pattern, fields in (overrides or {}).items():
        if fnmatchcase(model, pattern):
            found = Profile(**(found.model_dump() | dict(fields)))
    return found


# By endpoint and model: what was refused there in this process. A new process asks anew, since an
# endpoint may have learnt meanwhile.
_refused: dict[tuple[str, str], tuple[str, ...]] = {}


class Accepted:
    """The profile of one model at one endpoint, less what the endpoint has refused.

    Args:
        model: The model's id.
        endpoint: Its address; two endpoints may serve one id differently.
        given: What was known beforehand.
    """

    def __init__(self, model: str, endpoint: str, given: Profile) -> None:
        self._model = model
        self._place = (endpoint, model)
        self._given = given

    @property
    def now(self) -> Profile:
        """What may be sent."""
        found = self._given
        for parameter in _refused.get(self._place, ()):
            found = found.without(parameter)
        return found

    def drop(self, parameter: str, said: str) -> bool:
        """Leaves a parameter out from now on; False where that was tried already.

        Args:
            parameter: Its name on the wire.
            said: The endpoint's words, for the log.
        """
        known = _refused.get(self._place, ())
        if parameter in known:
            return False
        _refused[self._place] = (*known, parameter)
        log.warning(
            "%s does not take `%s` (%s); it is left out until Steadyhand is started again. "
            "`profiles` in your settings makes that lasting.",
            self._model,
            parameter,
            said,
        )
        return True


def forget() -> None:
    """Forgets what endpoints refused, for tests that share a process."""
    _refused.clear()
