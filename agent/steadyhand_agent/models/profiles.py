"""What each model accepts, by a pattern of its id. What is not known to be accepted is not sent."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
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
    """

    caching: bool = False
    effort: Effort | None = None


_CAREFUL = Profile()
_KNOWN: tuple[tuple[str, Profile], ...] = (
    ("claude-*-5", Profile(caching=True, effort="low")),
    ("claude-*-5-[0-9]", Profile(caching=True, effort="low")),
    ("claude-*", Profile(caching=True)),
)


def profile(model: str) -> Profile:
    """The profile of a model id; an unknown one gets the careful profile."""
    return next((known for pattern, known in _KNOWN if fnmatchcase(model, pattern)), _CAREFUL)
