"""Rounds, tokens and time: whether another call may be made, and how long its reply may be.

Pure arithmetic over a session's state. Never talks to a model and never keeps a count of its own,
so the same numbers come out after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from steadyhand_agent.errors import BudgetSpent
from steadyhand_agent.ports import ModelRequest
from steadyhand_agent.session import SessionState

# A shorter reply cannot hold an edit with its reason.
MIN_OUTPUT = 512
# From this share of its rounds or tokens on, the model is told to come to an end.
WRAP_UP = 0.8
# Code is denser than prose: measured replies and prompts of code run at 3 to 4 bytes a token, and
# an estimate that errs must err upwards.
BYTES_PER_TOKEN = 3.0


def estimate(text_bytes: int) -> int:
    """Tokens that a text of so many bytes may take."""
    return int(text_bytes / BYTES_PER_TOKEN) + 1


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a call may cost.

    Attributes:
        input: Estimated input, in charged tokens.
        max_tokens: The longest reply.
        size: Bytes of what will be sent.
    """

    input: int
    max_tokens: int
    size: int = 0

    @property
    def tokens(self) -> int:
        """What is set aside until the usage is known."""
        return self.input + self.max_tokens


@dataclass(frozen=True, slots=True)
class DayBudget:
    """What a workspace may spend in one day, over all of its sessions."""

    limit: int
    spent: int

    @property
    def left(self) -> int:
        """Tokens that are not spent or set aside."""
        return max(0, self.limit - self.spent)


def check_limits(state: SessionState) -> None:
    """Raises where the session has used up its rounds or its time.

    Raises:
        BudgetSpent: With what was used and how to go on.
    """
    if state.round >= state.limits.rounds:
        raise BudgetSpent(
            f"All {state.limits.rounds} rounds are used. Everything so far is kept: look at the "
            "proposal, or resume with more rounds.",
            "rounds",
        )
    if state.seconds >= state.limits.minutes * 60:
        raise BudgetSpent(
            f"The session has worked for {state.limits.minutes:g} minutes. Everything so far is "
            "kept: look at the proposal, or resume to give it more time.",
            "time",
        )


def request_bytes(request: ModelRequest) -> int:
    """How large a request is, by which its tokens are estimated."""
    return len(orjson.dumps([request.system, list(request.tools), list(request.messages)]))


def prompt_tokens(state: SessionState, size: int) -> int:
    """Tokens that a prompt of so many bytes may take.

    What the last prompt took is known from its usage, so only what was added since is estimated.
    """
    added = size - state.prompt_bytes
    if state.prompt_tokens and added >= 0:
        return state.prompt_tokens + estimate(added)
    return estimate(size)


def reserve(
    state: SessionState, request: ModelRequest, today: DayBudget | None = None
) -> Reservation:
    """Sets tokens aside for one call.

    Args:
        state: The session; a reservation that was left over counts as spent.
        request: What will be sent; its `max_tokens` is ignored.
        today: What the workspace may spend today, where that is limited.

    Raises:
        BudgetSpent: What is left would not hold a useful reply.
    """
    size = request_bytes(request)
    whole = prompt_tokens(state, size)
    # Uncached, unless the round before was seen to read its prompt from the cache.
    cached = min(state.cached_input, whole)
    charge = whole - cached + -(-cached // 10)
    left = state.limits.tokens - state.spent
    max_tokens = min(state.limits.output, left - charge)
    if max_tokens < MIN_OUTPUT:
        raise BudgetSpent(
            f"{state.spent:,} of {state.limits.tokens:,} tokens are used and the next call may "
            f"need {charge + MIN_OUTPUT:,}. Everything so far is kept: look at the proposal, or "
            "resume with more tokens.",
            "tokens",
        )
    if today is not None:
        max_tokens = min(max_tokens, today.left - charge)
        if max_tokens < MIN_OUTPUT:
            raise BudgetSpent(
                f"{today.spent:,} of the {today.limit:,} tokens that this workspace may use in a "
                f"day are used and the next call may need {charge + MIN_OUTPUT:,}. Everything so "
                "far is kept: resume tomorrow, or raise `daily_token_limit`."
            )
    return Reservation(charge, max_tokens, size)


def wrap_up(state: SessionState) -> str:
    """What a model is told, once, when most of its rounds or tokens are gone; empty before."""
    if state.wrapping_up:
        return ""
    rounds = state.limits.rounds - state.round
    tokens = max(0, state.limits.tokens - state.spent)
    used = max(state.round / state.limits.rounds, state.spent / state.limits.tokens)
    if used < WRAP_UP:
        return ""
    return (
        f"You have {rounds} {'round' if rounds == 1 else 'rounds'} and {tokens:,} tokens left. "
        "Come to an end: finish what you have begun, or call `finish` and say what is left."
    )


def result_limit(state: SessionState) -> int:
    """Bytes that one tool result may take: 4,000 tokens or a quarter of what is left."""
    left = max(0, state.limits.tokens - state.spent)
    return int(min(4_000, left // 4) * BYTES_PER_TOKEN)


def bounded(text: str, limit: int, rest: str = "ask for a smaller part") -> str:
    """A result that fits: its head and tail, and a line that says what is left out.

    Args:
        text: The whole result.
        limit: Bytes of UTF-8.
        rest: How to get what is left out.
    """
    data = text.encode("utf-8", "replace")
    limit = max(limit, 200)
    if len(data) <= limit:
        return text
    head = data[: limit * 2 // 3].decode("utf-8", "ignore")
    tail = data[-limit // 3 :].decode("utf-8", "ignore")
    left_out = len(data) - len(head.encode()) - len(tail.encode())
    return f"{head}\n[... {left_out:,} bytes left out; {rest} ...]\n{tail}"
