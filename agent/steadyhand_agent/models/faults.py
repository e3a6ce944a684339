"""What went wrong at an endpoint, as our own errors: one mapping for both SDKs.

Owns which failures are worth another attempt, which parameter a 400 is about, and how long an
endpoint asks to wait. A key that an endpoint repeats in its answer is taken out here, before the
words reach a person, the log or the journal.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime

from steadyhand_agent.errors import (
    KeyRefused,
    ModelBusy,
    ModelError,
    ModelRejected,
    ModelTransient,
    ParameterRefused,
)

# These arrive in the middle of a stream whose HTTP status was 200.
TRANSIENT_TYPES = frozenset(
    {"overloaded_error", "api_error", "rate_limit_error", "timeout_error", "server_error"}
)
_TRANSIENT_STATUS = frozenset({408, 409, 425, 500, 502, 503, 504, 529})
# Of 4xx those that a proxy may give after the model began.
_PERHAPS_BEGUN = frozenset({408, 499})
_OVERLOADED = 529
# By name, since importing the HTTP client costs a second; nothing was sent by then.
_NEVER_CONNECTED = frozenset({"ConnectError", "ConnectTimeout"})
# A 429 that waiting does not mend.
_NO_QUOTA = "insufficient_quota"
_NO_TOOLS = re.compile(
    r"(?:does not|doesn't|not) support (?:native )?(?:tool|function)"
    r"|(?:tools?|function calling) (?:is|are|param) (?:not supported|not enabled|requires)"
    r"|tools param requires|tool choice requires",
    re.IGNORECASE,
)
_MAX_SAID = 300


def of_status(
    status: int,
    said: str,
    *,
    model: str,
    kind: str | None = None,
    parameter: str | None = None,
    sent: Collection[str] = (),
    headers: Mapping[str, str] | None = None,
    key: str = "",
    begun: bool = False,
) -> ModelError:
    """The error for an answer that is none; an endpoint that took nothing charges nothing.

    Args:
        status: HTTP's; 200 where it came in the middle of a stream.
        said: The endpoint's own words.
        model: What was asked.
        kind: The endpoint's name for it, such as `overloaded_error`.
        parameter: The parameter that the endpoint says it is about.
        sent: The names of the parameters that may be left out.
        headers: Of the answer.
        key: What must not be repeated.
        begun: The status is not HTTP's own: it came in the body of an answer that had begun.
    """
    found = _of_status(
        status, said, model=model, kind=kind, parameter=parameter, sent=sent, headers=headers,
        key=key,
    )  # fmt: skip
    turned_away = 400 <= status < 500 and status not in _PERHAPS_BEGUN
    if not begun and (turned_away or status == _OVERLOADED):
        found.reached = False
    return found


def _of_status(
    status: int,
    said: str,
    *,
    model: str,
    kind: str | None,
    parameter: str | None,
    sent: Collection[str],
    headers: Mapping[str, str] | None,
    key: str,
) -> ModelError:
    said = without_key(said, key)[:_MAX_SAID] or f"HTTP {status}"
    headers = headers or {}
    if status == 401 or kind == "authentication_error":
        return KeyRefused(
            f"The endpoint does not accept the API key ({said}). Set another key and resume the "
            "session."
        )
    if kind == _NO_QUOTA:
        return KeyRefused(f"The account of this API key has nothing left: {said}")
    if status == 429 or kind == "rate_limit_error":
        return ModelBusy(f"The endpoint takes no more for now: {said}", retry_after(headers))
    if status in _TRANSIENT_STATUS or status > 504 or kind in TRANSIENT_TYPES:
        refused = _refused_tools(said, sent)
        if refused is not None:
            return refused
        return ModelTransient(
            f"The model's endpoint is not able to answer now: {said}", retry_after(headers)
        )
    if status in (400, 422):
        named = _named(said, parameter, sent)
        if named is not None:
            return ParameterRefused(said, named)
    return ModelRejected(_rejected(status, said, model))


def unreachable(error: Exception) -> ModelTransient:
    """A connection that failed, broke, or was silent for too long."""
    name = type(error).__name__
    found = ModelTransient(f"The model's endpoint could not be reached or broke off ({name}).")
    if "Timeout" in name:
        found = ModelTransient(
            f"The model's endpoint was silent for longer than `api_seconds` allows ({name}); raise "
            "it for a model that has to be loaded first, or that reads slowly."
        )
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__name__ in _NEVER_CONNECTED:
            found = ModelTransient("The model's endpoint cannot be reached.")
            found.reached = False
        cause = cause.__cause__ or cause.__context__
    return found


def unreadable() -> ModelTransient:
    """An answer that is not of the protocol at all."""
    return ModelTransient("The model's endpoint answered with something unreadable.")


def broke_off() -> ModelTransient:
    """A stream that ended before its end, which raises nothing by itself."""
    return ModelTransient("The model's reply broke off in the middle.")


def without_key(text: str, key: str) -> str:
    """A text in which the key does not stand."""
    return text.replace(key, "[key]") if len(key) > 4 else text


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` in either of its forms."""
    try:
        if headers.get("retry-after-ms"):
            return _seconds(float(headers["retry-after-ms"]) / 1_000)
        value = headers.get("retry-after", "")
        if not value:
            return None
        try:
            return _seconds(float(value))
        except ValueError:
            return _seconds(parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _seconds(value: float) -> float | None:
    return None if math.isnan(value) else max(0.0, value)


def _rejected(status: int, said: str, model: str) -> str:
    if status == 413:
        return (
            f"The endpoint refuses a request of this size ({said}). Everything so far is kept: "
            "look at the proposal, or start a smaller task."
        )
    if status == 404:
        return (
            f"The endpoint knows no `{model}`, or has another address ({said}). Set `model` or "
            "`base_url` and resume the session."
        )
    return f"The endpoint refused the request for {model} ({status}): {said}"


def _named(said: str, parameter: str | None, sent: Collection[str]) -> str | None:
    if parameter in sent:
        return parameter
    places = {
        name: match.start()
        for name in sent
        if name != "tools" and (match := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", said))
    }
    if {"temperature", "top_p"} <= places.keys():
        # A model that takes one of the two keeps the one that steadies it.
        return "top_p"
    if places:
        return min(places, key=lambda name: (places[name], name))
    refused = _refused_tools(said, sent)
    return refused.parameter if refused else None


def _refused_tools(said: str, sent: Collection[str]) -> ParameterRefused | None:
    if "tools" in sent and _NO_TOOLS.search(said):
        return ParameterRefused(said, "tools")
    return None
