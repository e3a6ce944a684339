"""How something that failed for a reason that may pass is tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How a failing model or tool is asked again.

    Attributes:
        attempts: In all.
        least, most: Seconds between them, growing exponentially, with jitter.
        longest: A `Retry-After` beyond this pauses the session instead.
    """

    attempts: int = 3
    least: float = 4.0
    most: float = 10.0
    longest: float = 60.0
