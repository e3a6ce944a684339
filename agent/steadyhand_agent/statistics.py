"""What sessions came to, in figures: counted from their journals, and from nothing else.

Owns the counting and the alerts. Never keeps a counter of its own, so that the figures are the same
in every process and after every restart.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from steadyhand_agent.session import SessionState

# Design, section 5: a fleet that is well has fewer than these.
MANY_ROUNDS = 50
MANY_TOKENS = 50_000
LEAST_TOOL_SUCCESS = 0.95
# A rate of fewer calls than this says nothing yet.
_FEWEST_CALLS = 20


@dataclass(slots=True)
class ToolFigures:
    """What became of one tool's calls.

    Attributes:
        calls: Those that the guard permitted.
        failures: Those that ended in an error.
        codes: Exit codes and error numbers of the failures; None where there was none.
        seconds: How long each took.
    """

    calls: int = 0
    failures: int = 0
    codes: Counter[int | None] = field(default_factory=Counter[int | None])
    seconds: list[float] = field(default_factory=list[float])

    @property
    def success(self) -> float:
        """The share of calls that did what was asked."""
        return 1 - self.failures / self.calls if self.calls else 1.0


@dataclass(slots=True)
class Statistics:
    """Figures of many sessions.

    Attributes:
        states: Sessions by the state they are in.
        tasks: Session, rounds, charged tokens, in the order of their beginning.
        tools: By name.
        refusals: The guard's, by rule.
        pauses: By kind (see `SessionState.pause`).
        misread: Replies that held no action and were asked for again.
        compactions: How often earlier rounds were summed up.
        charged, raw, cache_reads: Tokens.
    """

    states: Counter[str] = field(default_factory=Counter[str])
    tasks: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    tools: dict[str, ToolFigures] = field(default_factory=dict[str, ToolFigures])
    refusals: Counter[str] = field(default_factory=Counter[str])
    pauses: Counter[str] = field(default_factory=Counter[str])
    misread: int = 0
    compactions: int = 0
    charged: int = 0
    raw: int = 0
    cache_reads: int = 0

    @property
    def tool_success(self) -> float:
        """The share of all permitted calls that did what was asked."""
        calls = sum(tool.calls for tool in self.tools.values())
        failures = sum(tool.failures for tool in self.tools.values())
        return 1 - failures / calls if calls else 1.0

    @property
    def cache_share(self) -> float:
        """The share of all tokens that was read from the endpoint's cache."""
        return self.cache_reads / self.raw if self.raw else 0.0

    def alerts(self) -> list[str]:
        """What somebody should look at, a sentence each."""
        found: list[str] = []
        for session, rounds, tokens in self.tasks:
            if rounds > MANY_ROUNDS:
                found.append(f"Session {session} took {rounds} rounds (more than {MANY_ROUNDS}).")
            if tokens > MANY_TOKENS:
                found.append(
                    f"Session {session} took {tokens:,} tokens (more than {MANY_TOKENS:,})."
                )
        calls = sum(tool.calls for tool in self.tools.values())
        if calls >= _FEWEST_CALLS and self.tool_success < LEAST_TOOL_SUCCESS:
            found.append(
                f"{self.tool_success:.1%} of the tool calls succeeded (fewer than "
                f"{LEAST_TOOL_SUCCESS:.0%})."
            )
        return found


def gather(states: Iterable[SessionState]) -> Statistics:
    """The figures of sessions."""
    found = Statistics()
    for state in sorted(states, key=lambda state: state.created):
        found.states[state.state] += 1
        found.tasks.append((state.id, state.round, state.spent))
        found.pauses.update(state.pauses)
        found.misread += state.misread
        found.compactions += state.compactions
        found.charged += state.spent
        found.raw += state.raw
        found.cache_reads += state.cached
        for done in state.rounds:
            for verdict in done.verdicts:
                if verdict["verdict"] == "refuse":
                    found.refusals[verdict["rule"]] += 1
            # `finish` has a result and no verdict; it comes last.
            for verdict, result in zip(done.verdicts, done.results, strict=False):
                if verdict["verdict"] != "permit" or not result.tool:
                    continue
                tool = found.tools.setdefault(result.tool, ToolFigures())
                tool.calls += 1
                tool.seconds.append(result.seconds)
                if result.error:
                    tool.failures += 1
                    tool.codes[result.code] += 1
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
