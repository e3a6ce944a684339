"""One call of the model: set aside what it may cost, ask, try again, and settle.

Owns the budget's side of a call and the retrying. Never decides what an action may do, and never
asks past a limit: what a call may cost is set aside, durably, before it is made.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from steadyhand_agent import context
from steadyhand_agent.errors import BudgetSpent, ModelError, ModelTransient, SteadyhandError
from steadyhand_agent.guard import budget
from steadyhand_agent.patience import Patience
from steadyhand_agent.ports import Clock, Ledger, Model, ModelReply, ModelRequest, Usage
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Kind

log = logging.getLogger(__name__)

Json = dict[str, Any]

# Bytes that no endpoint reads as no token at all.
_GROWN = 2_000
# What most models that nobody has a profile of take, and what a session spends in all.
_CAREFUL_CONTEXT = 32_768


@dataclass(frozen=True, slots=True)
class Daily:
    """What a workspace may spend in a day, over all of its sessions and processes.

    Attributes:
        ledger: Where it is kept.
        limit: Tokens.
    """

    ledger: Ledger
    limit: int


class Asking:
    """Asks a session's model, round after round.

    Args:
        state: The session; changed only by folding records in.
        journal: Keeps a record and folds it into `state`; durable when it returns.
        model: What is asked.
        clock: Waits between attempts, and says what day it is.
        patience: How a failing model is asked again.
        daily: What the workspace may spend in a day; None where nobody counts.
        tell: Passes on what happens: an event, and a message.
        show: What a model is shown of a text.
    """

    def __init__(
        self,
        state: SessionState,
        journal: Callable[[Kind, Json], Awaitable[None]],
        model: Model,
        clock: Clock,
        patience: Patience,
        daily: Daily | None,
        tell: Callable[[str, str], None],
        show: Callable[[str], str] = str,
    ) -> None:
        self._show = show
        self._state = state
        self._journal = journal
        self._model = model
        self._clock = clock
        self._patience = patience
        self._daily = None if model.unmetered else daily
        self._tell = tell
        self.lost_seconds = 0.0
        # How many of the person's words are in the request that was built last.
        self._heard = 0
        self._told_of_cut = False

    async def ask(self, tools: list[Json]) -> None:
        """One call; its reservation is journaled before, its reply after.

        Raises:
            BudgetSpent: A limit is reached.
            ModelError: No attempt succeeded.
        """
        state = self._state
        budget.check_limits(state)
        request = await self._fitting(tools)
        heard = self._heard
        started = time.monotonic()
        try:
            reply, size = await self._attempts(request)
        except SteadyhandError:
            # No reply will tell how long it took; the record of the pause does.
            self.lost_seconds += time.monotonic() - started
            raise
        usage = reply.usage if _credible(reply.usage) else None
        self._watch(usage, size)
        reserved = state.reserved
        charged = usage.charged if usage else reserved
        await self._journal(
            "reply",
            {
                "round": state.round + 1,
                "heard": heard,
                "blocks": reply.blocks,
                "stop_reason": reply.stop_reason,
                "charged": charged,
                "raw": usage.raw if usage else reserved,
                "input": usage.raw - usage.output_tokens if usage else 0,
                "bytes": size,
                "cached_input": usage.cache_read_input_tokens if usage else 0,
                "seconds": time.monotonic() - started,
            },
        )
        if self._daily is not None and charged != reserved:
            # A crash before this leaves more charged to the day than was spent, never less.
            await self._daily.ledger.spend(state.workspace, self._today(), charged - reserved)
        self._tell("reply", "")

    def _watch(self, usage: Usage | None, size: int) -> None:
        """Says once where an endpoint reads less than it is sent: it drops what came first."""
        state = self._state
        if usage is None or self._told_of_cut or size < state.prompt_bytes + _GROWN:
            return
        if any("thinking" in str(b.get("type")) for done in state.rounds for b in done.blocks):
            return  # What was thought earlier is dropped by the API itself.
        read = usage.raw - usage.output_tokens
        if 0 < read <= state.prompt_tokens:
            self._told_of_cut = True
            log.warning(
                "%s read %d tokens of a prompt that had grown since it read %d: its endpoint drops "
                "what comes first, the task itself. Give it a larger context "
                "(OLLAMA_CONTEXT_LENGTH for Ollama), and set `context` in its profile.",
                self._model.name,
                read,
                state.prompt_tokens,
            )

    async def _fitting(self, tools: list[Json]) -> ModelRequest:
        """The next request, its earlier rounds in summary where they no longer fit."""
        state, window = self._state, self._model.context or _CAREFUL_CONTEXT
        self._heard = len(state.words)
        request = context.build(state, tools)
        if self._needs(request) <= window:
            return request
        # Long diffs take seconds, and nobody's keystroke may wait for them.
        found = await asyncio.to_thread(context.compacted, state, tools, window // 2, self._show)
        if found is not None:
            await self._journal("compacted", {"through": found.through, "earlier": found.text})
            self._tell("compacted", f"Rounds 1 to {found.through} are summed up from now on.")
            self._heard = len(state.words)
            request = context.build(state, tools)
        if self._needs(request) > window:
            raise BudgetSpent(
                f"The task takes about {self._needs(request):,} tokens, which is more than the "
                f"{window:,} that {self._model.name} takes at once. Everything so far is kept: "
                "choose a model with a larger context, or give it a smaller task."
            )
        return request

    def _needs(self, request: ModelRequest) -> int:
        prompt = budget.prompt_tokens(self._state, budget.request_bytes(request))
        return prompt + budget.MIN_OUTPUT

    async def _attempts(self, request: ModelRequest) -> tuple[ModelReply, int]:
        """Asks as often as patience has it; an attempt that reached a model keeps its charge."""
        patience = self._patience
        usual = patience.wait

        def wait(attempt: RetryCallState) -> float:
            error = attempt.outcome.exception() if attempt.outcome else None
            if isinstance(error, ModelTransient) and error.retry_after is not None:
                return error.retry_after
            return usual(attempt)

        def give_up(attempt: RetryCallState) -> bool:
            error = attempt.outcome.exception() if attempt.outcome else None
            asked = error.retry_after if isinstance(error, ModelTransient) else None
            late = asked is not None and asked > patience.longest
            return late or stop_after_attempt(patience.attempts)(attempt)

        def tell(attempt: RetryCallState) -> None:
            error = attempt.outcome.exception() if attempt.outcome else None
            self._tell("retry", f"{error} Attempt {attempt.attempt_number + 1} follows.")

        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(ModelTransient),
            stop=give_up,
            wait=wait,
            sleep=self._clock.sleep,
            before_sleep=tell,
            reraise=True,
        ):
            with attempt:
                aside = await self._set_aside(request)
                self._tell("call", "")
                asked = dataclasses.replace(request, max_tokens=aside.max_tokens)
                try:
                    return await self._in_time(asked), aside.size
                except ModelError as error:
                    if not error.reached:
                        await self._give_back(aside)
                    raise
        raise AssertionError("unreachable: the last attempt is raised")

    async def _in_time(self, request: ModelRequest) -> ModelReply:
        """The reply, unless the session's time ends first."""
        limits = self._state.limits
        left = asyncio.timeout(max(0.0, limits.minutes * 60 - self._state.seconds))
        try:
            async with left:
                return await self._model.ask(request)
        except TimeoutError:
            if not left.expired():
                raise
            raise BudgetSpent(
                f"The {limits.minutes:g} minutes of the session ended in the middle of a reply, "
                "which is charged and lost. Everything before it is kept: look at the proposal, or "
                "resume to give it more time.",
                "time",
            ) from None

    async def _set_aside(self, request: ModelRequest) -> budget.Reservation:
        """Reserves what one attempt may cost, of the session's budget and of the day's."""
        state, daily = self._state, self._daily
        while True:
            today = None
            if daily is not None:
                spent = await daily.ledger.spent(state.workspace, self._today())
                today = budget.DayBudget(daily.limit, spent)
            aside = budget.reserve(state, request, today)
            # Another session may have been quicker; then what is left is asked for again.
            if daily is None or await daily.ledger.spend(
                state.workspace, self._today(), aside.tokens, daily.limit
            ):
                break
        await self._journal("call", {"round": state.round + 1, "reserved": aside.tokens})
        return aside

    async def _give_back(self, aside: budget.Reservation) -> None:
        """Takes a reservation back: no model was reached, so nothing can have been charged."""
        await self._journal("unsent", {})
        if self._daily is not None:
            await self._daily.ledger.spend(self._state.workspace, self._today(), -aside.tokens)

    def _today(self) -> str:
        return time.strftime("%Y-%m-%d", time.localtime(self._clock.now()))


def _credible(usage: Usage | None) -> bool:
    """False for counts that cannot be: some endpoints report nothing as 0, or less than that."""
    if usage is None:
        return False
    counts = [getattr(usage, name) for name in Usage.__slots__]
    return min(counts) >= 0 and usage.output_tokens > 0 and usage.raw > usage.output_tokens
