"""What each model accepts, by a pattern of its id. What is not known to be accepted is not sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Effort = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Profile:
    """How a model is to be asked.

    Attributes:
        caching: It takes `cache_control`.
        effort: What to send as `output_config.effort`; None where it is not taken. The 5 series
            thinks by default and counts that toward max_tokens, so a low effort leaves room for
            the action within 4,096 tokens.
        context: Tokens that a prompt and its reply may take together.
    """

    context: int = 32_768
    caching: bool = False
    effort: Effort | None = None


_CAREFUL = Profile()
_CLAUDE = re.compile(r"claude-(?:(?P<old>\d)-|[a-z]+-(?P<major>\d+)(?=-|$))")


def profile(model: str) -> Profile:
    """The profile of a model id; an unknown one gets the careful profile."""
    known = _CLAUDE.match(model)
    if known is None:
        return _CAREFUL
    fifth = known["major"] is not None and int(known["major"]) >= 5
    return Profile(context=200_000, caching=True, effort="low" if fifth else None)
