"""One session's loop: ask the model, decide, act, record; readable in one sitting.

Every step is journaled before the next begins, and each step looks only at the session's state:
a loop that is killed anywhere goes on from its journal, and no round is lost or done twice. There
is no process-global state. Nothing here writes a file of the user's.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from steadyhand_agent import context, git
from steadyhand_agent.actions import Action, Ask, Permit, Refuse, Verdict
from steadyhand_agent.errors import (
    BudgetSpent,
    ModelError,
    ModelTransient,
    PathRefused,
    ReplyUnreadable,
    ToolFailed,
)
from steadyhand_agent.guard import budget
from steadyhand_agent.guard.decide import decide
from steadyhand_agent.guard.disclosure import Disclosure
from steadyhand_agent.guard.secrets import Secrets
from steadyhand_agent.guard.stuck import Nudge, Stop, StuckDetector
from steadyhand_agent.index.store import Index
from steadyhand_agent.models import dialect
from steadyhand_agent.ports import Clock, Editor, Model, ModelReply, ModelRequest
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.session import Round, SessionState
from steadyhand_agent.state.journal import MAX_RECORD_BYTES, Kind
from steadyhand_agent.tools.registry import Outcome, Registry, ToolContext
from steadyhand_agent.workspace import Workspace

Json = dict[str, Any]
MAX_UNREADABLE = 3
# What remains of a record for the result's own text.
_MAX_CHANGE_BYTES = MAX_RECORD_BYTES - 100_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How a failing model is asked again.

    Attributes:
        attempts: In all.
        least, most: Seconds between them, growing exponentially, with jitter.
        longest: A `Retry-After` beyond this pauses the session instead.
    """

    attempts: int = 3
    least: float = 4.0
    most: float = 10.0
    longest: float = 60.0


@dataclass(slots=True)
class Surroundings:
    """What a loop works with; the same for every session of a workspace."""

    workspace: Workspace
    index: Index
    ready: Callable[[], Awaitable[object]]
    files: Callable[[], set[str]]
    settle: Callable[[], None]
    tools: Registry
    editor: Editor
    clock: Clock
    patience: Patience = field(default_factory=Patience)
    disclosure: Disclosure = field(default_factory=lambda: Disclosure(Secrets(os.urandom(32))))
    # What the other sessions of the workspace propose, by path; they set it themselves.
    proposals: Callable[[str], Mapping[str, str]] = field(default=lambda _: {})


class Loop:
    """Runs one session until it is over, waits for the person, or is paused.

    Args:
        state: The session; changed only by folding records in.
        journal: Keeps a record and folds it into `state`; durable when it returns.
        model: What is asked.
        around: Everything else.
    """

    def __init__(
        self,
        state: SessionState,
        journal: Callable[[Kind, Json], Awaitable[None]],
        model: Model,
        around: Surroundings,
    ) -> None:
        self.state = state
        self.journal = journal
        self.model = model
        self.around = around
        self._detector = StuckDetector()
        self._watched = state.watched_from
        self._said: Nudge | Stop | None = None

    async def run(self) -> None:
        """Goes on from wherever the state stands; ends with the state no longer `running`."""
        try:
            await self.around.ready()
            while self.state.state == "running":
                await self._step()
        except BudgetSpent as spent:
            await self._pause(str(spent))
        except ModelError as error:
            await self._pause(f"{error} Nothing is lost: resume the session to go on.")

    async def _step(self) -> None:
        """Finishes the round that is under way, or begins the next."""
        last = self.state.rounds[-1] if self.state.rounds else None
        if last is not None and any(result.tool == "finish" for result in last.results):
            await self._offer(last)
            return
        if last is None or last.over:
            stuck = self._stuck()
            if isinstance(stuck, Stop):
                reason = {"state": "paused", "reason": stuck.message, "stuck": True}
                await self.journal("state", reason)
                self._event("state", message=stuck.message)
                return
            await self._ask()
            return
        try:
            actions = dialect.actions(last.blocks, last.stop_reason)
        except ReplyUnreadable as error:
            await self._unreadable(last, error)
            return
        if last.stop_reason == "refusal":
            await self._end_round()
            await self._pause("The model declined to go on with this task. Put it differently.")
            return
        for index in range(len(last.results), len(actions)):
            action = actions[index]
            if action.kind == "finish":
                await self._finish(action)
                return
            await self._act(last, index, action)
        stuck = self._stuck()
        if isinstance(stuck, Nudge) and stuck.message not in last.notes:
            await self.journal("note", {"text": stuck.message})
        await self._end_round()

    async def _ask(self) -> None:
        """One call of the model; its reservation is journaled before, its reply after."""
        budget.check_limits(self.state)
        request = context.build(self.state, self.around.tools.schemas())
        started = time.monotonic()
        reply = await self._attempts(request)
        usage = reply.usage
        await self.journal(
            "reply",
            {
                "round": self.state.round + 1,
                "blocks": reply.blocks,
                "stop_reason": reply.stop_reason,
                "charged": usage.charged if usage else self.state.reserved,
                "raw": usage.raw if usage else self.state.reserved,
                "cached_input": usage.cache_read_input_tokens if usage else 0,
                "seconds": time.monotonic() - started,
            },
        )
        self._event("reply")

    async def _attempts(self, request: ModelRequest) -> ModelReply:
        """Asks up to three times; each attempt that fails keeps its reservation as its charge."""
        patience = self.around.patience
        backoff = wait_exponential(multiplier=1, min=patience.least, max=patience.most)
        jitter = wait_random(0, patience.least / 4)

        def wait(attempt: RetryCallState) -> float:
            error = attempt.outcome.exception() if attempt.outcome else None
            if isinstance(error, ModelTransient) and error.retry_after is not None:
                return error.retry_after
            return backoff(attempt) + jitter(attempt)

        def give_up(attempt: RetryCallState) -> bool:
            error = attempt.outcome.exception() if attempt.outcome else None
            asked = error.retry_after if isinstance(error, ModelTransient) else None
            late = asked is not None and asked > patience.longest
            return late or stop_after_attempt(patience.attempts)(attempt)

        def tell(attempt: RetryCallState) -> None:
            error = attempt.outcome.exception() if attempt.outcome else None
            self._event("retry", message=f"{error} Attempt {attempt.attempt_number + 1} follows.")

        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(ModelTransient),
            stop=give_up,
            wait=wait,
            sleep=self.around.clock.sleep,
            before_sleep=tell,
            reraise=True,
        ):
            with attempt:
                set_aside = budget.reserve(self.state, request)
                await self.journal(
                    "call", {"round": self.state.round + 1, "reserved": set_aside.tokens}
                )
                self._event("call")
                return await self.model.ask(
                    dataclasses.replace(request, max_tokens=set_aside.max_tokens)
                )
        raise AssertionError("unreachable: the last attempt is raised")

    async def _act(self, last: Round, index: int, action: Action) -> None:
        """Verdict, tool, result; a verdict that is journaled already is not made again."""
        tools, state = self.around.tools, self.state
        seen = self._context()
        shown = seen.overlay.show
        meant: Action | Refuse
        try:
            # Only here are placeholders exact again: what is journaled and told keeps them.
            meant = self.around.disclosure.meant(action, seen.overlay)
        except (PathRefused, ToolFailed) as error:
            meant = Refuse(str(error), "secret" if isinstance(error, ToolFailed) else "path")
        if index < len(last.verdicts):
            verdict = _from_json(last.verdicts[index])
        else:
            verdict = (
                meant
                if isinstance(meant, Refuse)
                else decide(
                    meant,
                    tools,
                    seen,
                    self.around.index,
                    state.refused,
                    self.around.proposals(state.id),
                )
            )
            if isinstance(verdict, Refuse):
                verdict = dataclasses.replace(verdict, why=shown(verdict.why))
            await self.journal("verdict", _to_json(index, action, verdict))
        self._event("verdict", action, verdict)
        match verdict:
            case Permit(note=note):
                if action.kind == "think":
                    outcome = Outcome("Noted.")
                elif isinstance(meant, Refuse):
                    # Permitted before a restart, and no longer possible since.
                    outcome = Outcome(shown(meant.why), error=True)
                else:
                    outcome = await tools.run(meant, seen, budget.result_limit(state))
                if note and not outcome.error:
                    outcome = dataclasses.replace(outcome, text=f"{outcome.text}\n{note}")
                # Nothing is sent, journaled or logged of a tool's answer before this.
                outcome = dataclasses.replace(outcome, text=shown(outcome.text))
            case Ask(question):
                outcome = Outcome(f"This needs the person's consent: {question}", error=True)
            case Refuse(why):
                outcome = Outcome(budget.bounded(why, budget.result_limit(state)), error=True)
        changes: list[Json] = []
        for change in outcome.changes:
            kept: Json = {"path": change.path, "new": change.new}
            if change.path not in state.bases:
                kept["base"] = change.base
            changes.append(kept)
        if len(orjson.dumps(changes)) > _MAX_CHANGE_BYTES:
            # Base and new text go into one record; one that does not fit could never be resumed.
            changes = []
            outcome = Outcome(
                f"The file is too large to be edited here (more than {_MAX_CHANGE_BYTES // 2:,} "
                "bytes of text). Nothing was changed; finish with what a person should do by hand.",
                error=True,
            )
        result = {
            "call_id": action.call_id,
            "tool": action.tool,
            "text": outcome.text,
            "error": outcome.error,
        }
        await self.journal("result", {"result": result, "changes": changes})
        failed = outcome.error and isinstance(verdict, Permit)
        self._event("result", action, message=outcome.text if failed else "")

    async def _finish(self, action: Action) -> None:
        said = str(action.content.get("summary") or action.reason or "Done.")
        summary = self.around.disclosure.text(said)
        await self.journal("proposal", {"summary": summary})
        result = {"call_id": action.call_id, "tool": "finish", "text": "Offered.", "error": False}
        await self.journal("result", {"result": result, "changes": []})

    async def _offer(self, last: Round) -> None:
        """Ends the round that holds `finish`; a kill before any of these steps leads here again."""
        if not last.over:
            await self._end_round()
        if self.state.proposal().changes:
            await self._move("waiting", "The proposal waits for a decision.")
        else:
            await self._move("finished", self.state.summary)

    async def _unreadable(self, last: Round, error: ReplyUnreadable) -> None:
        if not last.notes:
            await self.journal("note", {"text": str(error), "unreadable": True})
        await self._end_round()
        if self.state.unreadable >= MAX_UNREADABLE:
            await self._pause(
                f"The model's last {MAX_UNREADABLE} replies could not be used ({error}) "
                "Everything before is kept; resume to try again, or choose another model."
            )

    async def _end_round(self) -> None:
        stands = await asyncio.to_thread(git.head, self.around.workspace.root)
        await self.journal("round", {"branch": stands.branch, "commit": stands.commit})
        self._event("round")

    async def _pause(self, reason: str) -> None:
        await self._move("paused", reason)

    async def _move(self, state: str, reason: str) -> None:
        await self.journal("state", {"state": state, "reason": reason})
        self._event("state", message=reason)

    def _context(self) -> ToolContext:
        around = self.around
        # What is being typed counts in the guard at once, not when typing pauses.
        around.settle()
        overlay = Overlay(
            around.workspace,
            around.editor.text,
            self.state.bases,
            self.state.texts,
            around.disclosure.text,
        )
        view = around.index.view(overlay.texts)
        return ToolContext(around.workspace, overlay, view, sorted(around.files()))

    def _stuck(self) -> Nudge | Stop | None:
        """What the loop guard says of the last round; the same again after a restart."""
        for done in self.state.rounds[self._watched :]:
            self._watched += 1
            self._said = None
            try:
                actions = dialect.actions(done.blocks, done.stop_reason)
            except ReplyUnreadable:
                continue  # Counted by itself; nothing was done.
            for action, result in zip(actions, done.results, strict=False):
                said = self._detector.observe(
                    action.tool or action.kind,
                    action.content,
                    result.text,
                    result.error,
                    proposal=result.proposal,
                    round=done.number,
                )
                self._said = said or self._said
        return self._said

    def _event(
        self,
        event: str,
        action: Action | None = None,
        verdict: Verdict | None = None,
        message: str = "",
    ) -> None:
        state = self.state
        told: Json = {
            "session": state.id,
            "event": event,
            "state": state.state,
            "prompt": state.task.prompt,
            "round": state.round + (1 if event == "call" else 0),
            "max_rounds": state.limits.rounds,
            "tokens": state.spent,
            "raw_tokens": state.raw,
            "max_tokens": state.limits.tokens,
        }
        if action is not None:
            told |= {"tool": action.tool or action.kind, "reason": action.reason}
            told["arguments"] = {
                key: str(value)[:120] for key, value in action.content.items() if key != "reason"
            }
        if isinstance(verdict, Refuse):
            told |= {"verdict": "refuse", "rule": verdict.rule, "message": verdict.why}
        elif isinstance(verdict, Permit):
            told |= {"verdict": "permit", "remarks": list(verdict.remarks)}
        if message:
            told["message"] = message
        self.around.editor.event(told)


def _to_json(index: int, action: Action, verdict: Verdict) -> Json:
    body: Json = {"index": index, "tool": action.tool, "reason": action.reason}
    match verdict:
        case Permit(remarks, note):
            path = str(action.content.get("path", ""))
            body |= {"verdict": "permit", "remarks": {path: list(remarks)} if remarks else {}}
            body |= {"note": note} if note else {}
        case Ask(question):
            body |= {"verdict": "ask", "why": question}
        case Refuse(why, rule, details):
            body |= {"verdict": "refuse", "why": why, "rule": rule, "details": list(details)}
    return body


def _from_json(body: Json) -> Verdict:
    if body["verdict"] == "refuse":
        return Refuse(body["why"], body["rule"], tuple(body["details"]))
    if body["verdict"] == "ask":
        return Ask(body["why"])
    return Permit(note=body.get("note", ""))
