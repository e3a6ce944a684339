"""How something that failed for a reason that may pass is tried again."""

from __future__ import annotations

from dataclasses import dataclass

from tenacity import wait_exponential, wait_random
from tenacity.wait import wait_base


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

    @property
    def wait(self) -> wait_base:
        """How long to wait before each further attempt."""
        growing = wait_exponential(multiplier=1, min=self.least, max=self.most)
        return growing + wait_random(0, self.least / 4)
