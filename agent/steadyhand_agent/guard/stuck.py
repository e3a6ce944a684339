"""The loop guard: says when a session makes no progress, first to the model, then to the person.

Owns the history it is shown and nothing else: it knows no session, no journal and no model, and
the same steps always give the same answers, so a resumed session that shows it the journaled
rounds stops at the same point. Results count as much as actions; what changes by itself (times,
ids, line numbers) does not count, and a result that differs is progress: paging through a file,
polling and a batch of similar edits are let be.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz

from steadyhand_agent.guard import handover, normal

# Identical steps in a row before the model is told.
_SAME_STEPS = 3
_LONGEST_CYCLE = 10
# Of the last results so many are one and the same, whatever was done.
_SAME_ERRORS, _SAME_RESULTS = (4, 5, 8), (5, 7, 9)
_DENSE = ((6, 8, 2), (8, 10, 3))
# The same step with the same failure, however much was edited in between.
_SAME_FAILURE, _FAILURE_WINDOW = 5, 24
_STALLED_ROUNDS, _STALLED_LEAST, _STALLED_SHARE = 3, 3, 0.8
_ALIKE, _SAME_THOUGHTS = 82.0, 3
_REPEATED_SENTENCE, _SENTENCE_LENGTH = 6, 20
# After a nudge: so many more steps of the kind are the end, so many others end the episode.
_GRACE, _RECOVERED = 2, 5
_NUDGES = 2
_KEPT = 64
# Tools whose "done" says nothing about whether there is progress.
_CHANGES = re.compile(r"edit|write|creat|replac|insert|renam|mov|delet|remov|patch|apply", re.I)
_SENTENCE = re.compile(r"[.!?\n]+")


@dataclass(frozen=True, slots=True)
class Nudge:
    """Something to tell the model: it goes in circles.

    Attributes:
        kind: What was seen, such as `repetition` or `same result`.
        message: For the model.
    """

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The nudge did not help: the session goes to the person.

    Attributes:
        kind: What was seen.
        message: For the person: what was tried, what is known, what they could do.
    """

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """One step as it is compared."""

    round: int
    action: str
    result: str
    error: bool
    progress: bool
    told: handover.Step

    @property
    def key(self) -> tuple[str, str]:
        return self.action, self.result


class StuckDetector:
    """Watches one session; begin a new one when the person has said how to go on."""

    def __init__(self) -> None:
        self._steps: list[_Seen] = []
        self._thoughts: list[tuple[int, str]] = []
        self._states: list[tuple[int, bool]] = []
        self._known: set[str] = set()
        # Nothing proposed is where every session begins.
        self._proposals: set[str] = {""}
        self._proposal = ""
        self._count = 0
        self._nudges = 0
        self._nudged_in: int | None = None
        self._after = 0
        self._quiet = 0

    def observe(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        observation: str,
        is_error: bool,
        *,
        proposal: str | None = None,
        round: int | None = None,
    ) -> Nudge | Stop | None:
        """Takes one step in.

        Args:
            tool: Its name; `think` for a text without a call.
            arguments: Its arguments; `reason` is not compared.
            observation: What came back.
            is_error: Whether that was a failure.
            proposal: A digest of what the session proposes after the step, empty where that is
                nothing; None where it is not known, and then a tool's name says if it changes
                something.
            round: The round it belongs to; the steps of one round were chosen together. Without
                it every step is a round.
        """
        self._count += 1
        now = self._count if round is None else round
        if tool in ("think", ""):
            kind = self._thought(now, str(arguments.get("text", observation)))
        else:
            kind = self._step(now, tool, arguments, observation, is_error, proposal)
        return self._answer(now, kind)

    # --- what was seen ----------------------------------------------------------------------------

    def _step(
        self,
        now: int,
        tool: str,
        arguments: Mapping[str, Any],
        observation: str,
        is_error: bool,
        proposal: str | None,
    ) -> str:
        plain = normal.without_arguments(observation, arguments)
        result = normal.bare(plain) if is_error else normal.steady(plain)
        action = normal.action(tool, arguments)
        changed = not is_error and bool(_CHANGES.search(tool))
        if proposal is None:
            fresh = changed and all(step.action != action for step in self._steps)
        else:
            fresh = proposal not in self._proposals
            self._proposals.add(proposal)
            self._proposal = proposal
        told = handover.Step(tool, arguments, observation, is_error)
        # An edit's "done" and a command that says nothing are alike wherever they are done.
        silent = changed or (not is_error and not result)
        seen = _Seen(now, action, f"{action} done" if silent else result, is_error, fresh, told)
        self._steps.append(seen)
        del self._steps[:-_KEPT]
        self._state(now, seen, proposal or "")
        return self._kind(seen)

    def _state(self, now: int, seen: _Seen, proposal: str) -> None:
        """The state hash: normalised action, observation and proposal."""
        whole = f"{normal.bare(seen.action)}\0{seen.result}\0{proposal}"
        state = hashlib.blake2b(whole.encode("utf-8", "replace"), digest_size=12).hexdigest()
        self._states.append((now, state in self._known))
        self._known.add(state)
        del self._states[:-_KEPT]

    def _kind(self, seen: _Seen) -> str:
        """What the last step is part of; empty where it may well be progress."""
        steps = self._steps
        if len(steps) >= _SAME_STEPS and len({s.key for s in steps[-_SAME_STEPS:]}) == 1:
            return "repetition"
        if _period([step.key for step in steps]):
            return "cycle"
        if _same_failure(steps):
            return "same failure"
        since = _since_progress(steps)
        if seen.progress or not since:
            return ""
        if _same_result(since):
            return "same result"
        if _few_errors(since):
            return "few errors"
        if self._stalled():
            return "stalled"
        return ""

    def _stalled(self) -> bool:
        """Nearly all that the last rounds came to had been there before."""
        rounds = sorted({number for number, _ in self._states})[-_STALLED_ROUNDS:]
        last = [known for number, known in self._states if number in rounds]
        return (
            len(rounds) == _STALLED_ROUNDS
            and len(last) >= _STALLED_LEAST
            and sum(last) > _STALLED_SHARE * len(last)
        )

    def _thought(self, now: int, text: str) -> str:
        sentences = [
            " ".join(part.split()).casefold()
            for part in _SENTENCE.split(text)
            if len(part) > _SENTENCE_LENGTH
        ]
        plain = normal.bare(text)
        alike = [
            at for at, other in self._thoughts if fuzz.token_sort_ratio(plain, other) >= _ALIKE
        ]
        self._thoughts.append((now, plain))
        del self._thoughts[:-_KEPT]
        if sentences and Counter(sentences).most_common(1)[0][1] >= _REPEATED_SENTENCE:
            return "text loop"
        # What was learnt in between makes the same words another thought.
        learnt = max((at for at, known in self._states if not known), default=0)
        return "text loop" if sum(at > learnt for at in alike) >= _SAME_THOUGHTS - 1 else ""

    # --- what is said -----------------------------------------------------------------------------

    def _answer(self, now: int, kind: str) -> Nudge | Stop | None:
        if not kind:
            self._quiet += 1
            if self._quiet >= _RECOVERED:
                self._nudged_in, self._after = None, 0
            return None
        self._quiet = 0
        told = [step.told for step in self._steps]
        if self._nudged_in is None and self._nudges < _NUDGES:
            self._nudged_in, self._after = now, 0
            self._nudges += 1
            return Nudge(kind, handover.to_model(kind, told))
        # What stood in the same reply as the nudge's cause was chosen before the nudge.
        if now != self._nudged_in:
            self._after += 1
        if self._nudged_in is None or self._after >= _GRACE:
            return Stop(kind, handover.to_person(kind, told, proposed=bool(self._proposal)))
        return None


def _period(keys: Sequence[tuple[str, str]]) -> int:
    """The length of the cycle that the last steps go round in, or 0."""
    for length in range(2, _LONGEST_CYCLE + 1):
        times = 3 if length == 2 else 2
        last = keys[-length * times :]
        if len(last) == length * times and all(
            last[at] == last[at - length] for at in range(length, len(last))
        ):
            return length
    return 0


def _since_progress(steps: Sequence[_Seen]) -> list[_Seen]:
    found: list[_Seen] = []
    for step in reversed(steps):
        if step.progress:
            break
        found.append(step)
    return found[::-1]


def _same_result(steps: Sequence[_Seen]) -> bool:
    """One answer to nearly everything; a failure counts sooner than an empty find."""
    last = steps[-1]
    in_a_row, of_window, window = _SAME_ERRORS if last.error else _SAME_RESULTS
    same = [step.result == last.result for step in steps[-window:]]
    return (len(same) >= in_a_row and all(same[-in_a_row:])) or sum(same) >= of_window


def _few_errors(steps: Sequence[_Seen]) -> bool:
    """Mostly errors, and only a few different ones."""
    if not steps[-1].error:
        return False
    for errors, window, distinct in _DENSE:
        results = [step.result for step in steps[-window:] if step.error]
        if len(results) >= errors and len(set(results)) <= distinct:
            return True
    return False


def _same_failure(steps: Sequence[_Seen]) -> bool:
    """The same step fails in the same way, whatever is edited in between."""
    last = steps[-1]
    window = steps[-_FAILURE_WINDOW:]
    return last.error and sum(step.key == last.key for step in window) >= _SAME_FAILURE
