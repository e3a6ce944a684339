"""The loop guard's score: false alarms among healthy runs, and what it finds of the stuck ones.

The trajectories are made by `trajectories.py` from two seeds; the second half was never looked at
while the detector's limits were chosen. `STEADYHAND_TRAJECTORIES` may name a file of real ones,
one JSON object a line: `{"kind", "stuck_from" or null, "steps": [[tool, arguments, observation,
is_error], ...]}`.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

import report
import trajectories
from steadyhand_agent.guard.stuck import Nudge, Stop, StuckDetector
from trajectories import Step, Trajectory

SEED, HELD_OUT = 20260, 77003
# Eight healthy kinds make 400 runs a half.
EACH_HEALTHY, EACH_STUCK = 50, 60


@dataclass
class Score:
    """Of one kind."""

    runs: int = 0
    nudged: int = 0
    stopped: int = 0
    steps_to_nudge: list[int] = field(default_factory=list[int])
    steps_to_stop: list[int] = field(default_factory=list[int])
    # Alarms before the loop had begun.
    early: int = 0


def watch(trajectory: Trajectory) -> tuple[int | None, int | None]:
    """The steps at which the detector first nudged and stopped."""
    detector = StuckDetector()
    nudged: int | None = None
    for at, step in enumerate(trajectory.steps):
        answer = detector.observe(
            step.tool, step.arguments, step.observation, step.is_error, proposal=step.proposal
        )
        if isinstance(answer, Nudge) and nudged is None:
            nudged = at
        if isinstance(answer, Stop):
            return nudged, at
    return nudged, None


def score(runs: Iterable[Trajectory]) -> dict[str, Score]:
    """Scores by kind."""
    found: dict[str, Score] = {}
    for run in runs:
        kind = found.setdefault(run.kind, Score())
        nudged, stopped = watch(run)
        kind.runs += 1
        begins = run.stuck_from
        if begins is not None and nudged is not None and nudged < begins:
            kind.early += 1
        if nudged is not None:
            kind.nudged += 1
            kind.steps_to_nudge.append(nudged - (begins or 0) + 1)
        if stopped is not None:
            kind.stopped += 1
            kind.steps_to_stop.append(stopped - (begins or 0) + 1)
    return found


def section() -> list[str]:
    """The tables."""
    lines = [
        "## Being stuck",
        "",
        "Scripted runs: a healthy one is an alarm if it is nudged once; a stuck one begins healthy "
        "and is then 40 steps long. *Steps* counts from where the loop begins, its first step "
        "included (median, most). The held-out half has another seed, but the same hand wrote both "
        "from what is known of real runs: this says that the guard does what it was meant to, not "
        "how often a real agent is caught. Name a file of real runs in `STEADYHAND_TRAJECTORIES`.",
        "",
    ]
    for half, seed in (("chosen on", SEED), ("held out", HELD_OUT)):
        healthy = score(trajectories.healthy(seed, EACH_HEALTHY))
        runs = sum(kind.runs for kind in healthy.values())
        alarms = sum(kind.nudged for kind in healthy.values())
        stops = sum(kind.stopped for kind in healthy.values())
        where = ", ".join(f"{name}: {s.nudged}" for name, s in healthy.items() if s.nudged)
        lines += [
            f"**Half {half}.** {runs} healthy runs of {len(healthy)} kinds: {alarms} nudged"
            f"{f' ({where})' if where else ''}, {stops} stopped.",
            "",
        ]
        stuck = score(trajectories.stuck(seed, EACH_STUCK))
        head = ("kind", "runs", "nudged", "stopped", "steps to nudge", "steps to stop")
        lines += report.table(head, [_row(name, kind) for name, kind in stuck.items()])
    lines += [f"A step of 8 KB is judged in {_cost():.2f} ms.", ""]
    real = os.environ.get("STEADYHAND_TRAJECTORIES")
    if real:
        found = score(_read(Path(real)))
        head = ("real runs", "runs", "nudged", "stopped", "steps to nudge", "steps to stop")
        lines += report.table(head, [_row(name, kind) for name, kind in found.items()])
    return lines


def _row(name: str, kind: Score) -> tuple[object, ...]:
    return (
        name,
        kind.runs,
        f"{kind.nudged / kind.runs:.1%}",
        f"{kind.stopped / kind.runs:.1%}",
        _spread(kind.steps_to_nudge),
        _spread(kind.steps_to_stop),
    )


def _spread(steps: list[int]) -> str:
    return f"{statistics.median(steps):g}, {max(steps)}" if steps else "–"


def _cost() -> float:
    """Milliseconds a step, for results of 8 KB."""
    detector = StuckDetector()
    texts = ["".join(f"{n}\tvalue_{n} = {n * k}\n" for n in range(400)) for k in range(50)]
    began = time.perf_counter()
    for number, text in enumerate(texts):
        detector.observe("read_file", {"path": f"{number}.py"}, text, False)
    return (time.perf_counter() - began) / len(texts) * 1_000


def _read(path: Path) -> Iterator[Trajectory]:
    for line in path.read_bytes().splitlines():
        held = orjson.loads(line)
        steps = [Step(*step) for step in held["steps"]]
        yield Trajectory(held["kind"], steps, held.get("stuck_from"))
