"""The arithmetic of a comparison: shares and means with intervals, and what may be said of two.

Pure functions over the outcomes of runs. Never runs anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The two-sided 95 % point of the normal distribution.
_Z = 1.959964
_DRAWS = 10_000
_SEED = 7


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of one task with one model.

    Attributes:
        success: The check ended with 0.
        rounds, tokens, seconds, refusals: What the session took; tokens as they are charged.
        ended: How it ended, in words.
        error: Why it could not be run at all.
    """

    model: str
    task: str
    success: bool
    rounds: int
    tokens: int
    seconds: float
    refusals: int
    ended: str = ""
    error: str = ""


def success(trials: Sequence[Trial]) -> tuple[float, float]:
    """Between which shares the true rate of success lies, with 95 % confidence.

    The score interval (Wilson 1927): it stays inside 0 to 1 and holds for few runs.
    """
    n = len(trials)
    if n == 0:
        return 0.0, 1.0
    share = sum(t.success for t in trials) / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Between which values the true mean lies, with 95 % confidence, by resampling (Efron 1979)."""
    if len(values) < 2:
        return (float(values[0]), float(values[0])) if values else (0.0, 0.0)
    drawn = _resampled(values)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def spread(values: Sequence[float]) -> str:
    """`12.3 (10.1 to 14.8)`: a mean and its interval."""
    if not values:
        return "–"
    low, high = mean_interval(values)
    digits = 1 if max(abs(v) for v in values) < 100 else 0
    mean = sum(values) / len(values)
    return f"{mean:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def difference(first: Sequence[Trial], other: Sequence[Trial]) -> list[str]:
    """What may be said of two models, a sentence a measure; silence is said to be silence."""
    if not first or not other:
        return []
    ours, theirs = first[0].model, other[0].model
    found: list[str] = []
    for name in ("success", "rounds", "tokens", "seconds"):
        a, b = ([float(getattr(trial, name)) for trial in of_it] for of_it in (first, other))
        if chance(a, b) < 0.05:
            more = "more" if sum(b) / len(b) > sum(a) / len(a) else "less"
            # A rate is told in points of a hundred, the others in what they count.
            gap = abs(sum(b) / len(b) - sum(a) / len(a))
            told = f"{gap:.0%}" if name == "success" else f"{gap:,.1f}"
            found.append(f"{theirs} has {told} {more} {name} than {ours}.")
    silent = f"Between {ours} and {theirs} no difference can be told from {len(first)} runs each."
    return found or [silent]


def chance(a: Sequence[float], b: Sequence[float]) -> float:
    """How often chance alone would set two means so far apart (a permutation test, Fisher 1935)."""
    pooled = np.array([*a, *b], dtype=float)
    seen = abs(pooled[: len(a)].mean() - pooled[len(a) :].mean())
    draw = np.random.default_rng(_SEED)
    shuffled = draw.permuted(np.tile(pooled, (_DRAWS, 1)), axis=1)
    gaps = np.abs(shuffled[:, : len(a)].mean(axis=1) - shuffled[:, len(a) :].mean(axis=1))
    # The order that was seen is one of those that could have been.
    return float((np.count_nonzero(gaps >= seen - 1e-12) + 1) / (_DRAWS + 1))


def _resampled(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    draw = np.random.default_rng(_SEED)
    picked = draw.choice(np.array(values, dtype=float), size=(_DRAWS, len(values)))
    return picked.mean(axis=1)
