"""One session's loop: ask the model, decide, act, record; readable in one sitting.

Every step is journaled before the next begins, and each step looks only at the session's state:
a loop that is killed anywhere goes on from its journal, and no round is lost or done twice. There
is no process-global state. Nothing here writes a file of the user's.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steadyhand_agent import branches, git, sandbox
from steadyhand_agent.actions import Action, Ask, Permit, Refuse, Verdict
from steadyhand_agent.asking import Asking, Daily
from steadyhand_agent.checks import Checks
from steadyhand_agent.errors import (
    BudgetSpent,
    ModelError,
    PathRefused,
    ReplyUnreadable,
    ToolFailed,
)
from steadyhand_agent.guard import budget
from steadyhand_agent.guard.decide import decide
from steadyhand_agent.guard.disclosure import Disclosure
from steadyhand_agent.guard.secrets import Secrets
from steadyhand_agent.guard.stuck import Nudge, Stop, StuckDetector
from steadyhand_agent.guard.visible import visible, visible_line
from steadyhand_agent.index.store import Index
from steadyhand_agent.models import dialect
from steadyhand_agent.patience import Patience
from steadyhand_agent.ports import Clock, Editor, Model, Neighbours
from steadyhand_agent.proposals import dry_run
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.proposals.rebase import rebased
from steadyhand_agent.session import Round, SessionState
from steadyhand_agent.state.journal import Kind
from steadyhand_agent.telemetry import LogAlone, Telemetry
from steadyhand_agent.tools.registry import Agreed, Outcome, Registry, ToolContext
from steadyhand_agent.workspace import Workspace

log = logging.getLogger(__name__)

Json = dict[str, Any]
MAX_UNREADABLE = 3
_UNKNOWN = (
    "The session was interrupted while `{tool}` was under way; how it ended is not known. None of "
    "the person's files was touched. Run it again if you need its result."
)
_NOT_YET = (
    "Not offered yet: {problems} Mend this and call `finish` again. If it must be so, call "
    "`finish` again as it is; the person is then shown this remark."
)
_NOT_JUDGED = (
    "`{}` could not be judged ({}), so it was not done. That is a defect of the guard, not of your "
    "call; choose another way."
)
_UNSEEN = "Not offered: "
_TOO_SOON = (
    _UNSEEN + "you called `finish` in the same reply as {tools}, whose result you had not seen: it "
    "failed. Look at it, mend what is to be mended, and then call `finish` by itself."
)


@dataclass(slots=True)
class Surroundings:
    """What a loop works with; the same for every session of a workspace.

    Attributes:
        neighbours: The editor's other language servers, where it lets us ask them.
        checks: The commands that the person configured.
        on_branch_switch: What a session does when the person switches to another branch.
        conventions: What files are called in which a project says how it wants code written.
    """

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
    neighbours: Neighbours | None = None
    checks: Checks | None = None
    # What the other sessions of the workspace propose, by path; they set it themselves.
    proposals: Callable[[str], Mapping[str, str]] = field(default=lambda _: {})
    daily: Daily | None = None
    telemetry: Telemetry = field(default_factory=LogAlone)
    on_branch_switch: branches.Policy = "ask"
    conventions: Sequence[str] = ()
    # What of a session is kept on this machine alone, in words; the sessions set it themselves.
    degraded: Callable[[SessionState], str] = field(default=lambda _: "")


class Loop:
    """Runs one session until it is over, waits for the person, or is paused.

    Args:
        state: The session; changed only by folding records in.
        journal: Keeps a record and folds it into `state`; durable when it returns.
        model: What is asked.
        around: Everything else.
        resumed: True where the session stood still before: what changed meanwhile is looked at.
    """

    def __init__(
        self,
        state: SessionState,
        journal: Callable[[Kind, Json], Awaitable[None]],
        model: Model,
        around: Surroundings,
        *,
        resumed: bool = False,
    ) -> None:
        self.resumed = resumed
        self.state = state
        self.journal = journal
        self.model = model
        self.around = around
        self.asking = Asking(
            state,
            journal,
            model,
            around.clock,
            around.patience,
            around.daily,
            lambda event, message: self._event(event, message=message),
            around.disclosure.text,
        )
        self._detector = StuckDetector()
        self._watched = self._since = state.watched_from
        self._said: Nudge | Stop | None = None

    async def run(self) -> None:
        """Goes on from wherever the state stands; ends with the state no longer `running`."""
        try:
            await self.around.ready()
            while self.state.state == "running":
                await self._step()
        except BudgetSpent as spent:
            reason = f"{spent} {self.state.so_far()}"
            await self._pause(reason, spent.what)
        except ModelError as error:
            await self._pause(f"{error} Nothing is lost: resume the session to go on.", "model")

    async def _step(self) -> None:
        """Finishes the round that is under way, or begins the next."""
        last = self.state.rounds[-1] if self.state.rounds else None
        if last is not None and any(r.tool == "finish" and not r.error for r in last.results):
            if not self.state.unheard:
                await self._offer(last)
                return
            if not last.over:
                await self._end_round()
                return
        if last is None or last.over:
            stuck = self._stuck()
            if isinstance(stuck, Stop):
                await self._pause(stuck.message, "stuck")
                return
            if last is not None and not await self._goes_on():
                return
            await self.asking.ask(self.around.tools.schemas)
            return
        why = dialect.handed_over(last.stop_reason)
        if why is not None:
            await self._end_round()
            await self._pause(why, "model")
            return
        try:
            actions = dialect.actions(last.blocks, last.stop_reason)
        except ReplyUnreadable as error:
            await self._unreadable(last, error)
            return
        for index in range(len(last.results), len(actions)):
            action = actions[index]
            if action.kind == "finish":
                await self._finish(action)
                return
            await self._act(last, index, action)
            if self.state.state != "running":
                return
        stuck = self._stuck()
        if isinstance(stuck, Nudge) and stuck.message not in last.notes:
            await self.journal("note", {"text": stuck.message})
        await self._end_round()

    async def _goes_on(self) -> bool:
        """Looks where git stands, and brings the proposal up to date; False after a pause."""
        state, left = self.state, ""
        move = await branches.moved(self.around.workspace.root, state.branch, state.commit)
        if move is not None:
            if move.switched:
                if not await self._follows(move):
                    return False
                left = state.branch
            note = self.around.disclosure.text(visible(move.note()))
            now = move.new
            await self.journal("moved", {"branch": now.branch, "commit": now.commit, "note": note})
        elif self.resumed and state.dirty:
            note = await asyncio.to_thread(
                branches.touched, self.around.workspace.root, state.dirty
            )
            if note:
                body = {"branch": state.branch, "commit": state.commit}
                told = self.around.disclosure.text(visible(note))
                await self.journal("moved", {**body, "note": told})
        self.resumed = False
        await self._rebase(left)
        return True

    async def _follows(self, move: branches.Move) -> bool:
        """Whether the session goes on where the person is now; a session that stays is paused."""
        policy = self.around.on_branch_switch
        if policy == "ask":
            yes = await self.around.editor.confirm(visible(move.question()), "")
            if yes is None:
                why = "A question waits for your answer; resume to be asked again."
                await self._pause(why, "question")
                return False
            policy = "follow" if yes else "stay"
        if policy == "follow":
            return True
        branch = visible_line(move.old.branch or move.old.commit[:10])
        await self._pause(
            f"It waits until you are back on {branch}. {self.state.so_far()} Switch back and "
            "resume it, or set on_branch_switch to follow.",
            "branch",
        )
        return False

    async def _rebase(self, left: str) -> None:
        """Brings the proposal up to date with the person's files, and tells the model."""
        moved = await asyncio.to_thread(rebased, self.state, self._read, left)
        if moved is not None:
            moved["note"] = self.around.disclosure.text(moved["note"])
            await self.journal("rebased", moved)

    def _read(self, path: str) -> str | None:
        text = self.around.editor.text(path)
        return text if text is not None else self.around.workspace.present(path)

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
        resumed = index < len(last.verdicts)
        if resumed:
            verdict = _from_json(last.verdicts[index])
        else:
            if seen.checks is not None:
                # The guard has no time to try a sandbox out; it is done once a process.
                await asyncio.to_thread(sandbox.works)
            verdict = self._judged(meant, seen)
            await self.journal("verdict", _to_json(index, action, verdict))
        self._event("verdict", action, verdict)
        if isinstance(verdict, Ask):
            answer = await self._consent(index, action, verdict, again=resumed)
            if answer is None:
                return
            verdict, resumed = answer, False
        match verdict:
            case Permit(note=note):
                if action.kind == "think":
                    outcome = Outcome("Noted.")
                elif isinstance(meant, Refuse):
                    # Permitted before a restart, and no longer possible since.
                    outcome = Outcome(meant.why, error=True)
                elif resumed and tools.once(action):
                    outcome = Outcome(_UNKNOWN.format(tool=action.tool), error=True)
                else:
                    outcome = await tools.run(meant, seen, budget.result_limit(state))
                if note and not outcome.error:
                    outcome = dataclasses.replace(outcome, text=f"{outcome.text}\n{note}")
            case Refuse(why):
                outcome = Outcome(budget.bounded(why, budget.result_limit(state)), error=True)
        # Nothing of an answer is sent, journaled or logged before this.
        outcome = dataclasses.replace(outcome, text=shown(outcome.text))
        changes = self._kept(outcome)
        result = {
            "call_id": action.call_id,
            "tool": action.tool,
            "text": outcome.text,
            "error": outcome.error,
            "code": outcome.code,
            "attempts": outcome.attempts,
            "seconds": outcome.seconds,
        }
        await self.journal("result", {"result": result, "changes": changes})
        failed = outcome.error and isinstance(verdict, Permit)
        self._event("result", action, message=outcome.text if failed else "")
        if outcome.gave_up:
            await self._pause(
                f"`{action.tool}` failed {outcome.attempts} times in a row: {outcome.text} What "
                "the session has done is kept; see to it, then resume.",
                "tool",
            )

    def _judged(self, meant: Action | Refuse, seen: ToolContext) -> Verdict:
        """The guard's word on an action, as it may be told."""
        around, state = self.around, self.state
        verdict: Verdict
        if isinstance(meant, Refuse):
            verdict = meant
        else:
            beside = around.proposals(state.id)
            try:
                verdict = decide(meant, around.tools, seen, around.index, state.refused, beside)
            except Exception as error:
                # The reply is durable: what is raised here would be raised at each resume, too.
                log.error("the guard failed on %s", meant.tool, exc_info=error)
                verdict = Refuse(_NOT_JUDGED.format(meant.tool, type(error).__name__), "guard")
        if isinstance(verdict, Refuse):
            verdict = dataclasses.replace(verdict, why=seen.overlay.show(verdict.why))
        return verdict

    def _kept(self, outcome: Outcome) -> list[Json]:
        """An outcome's changes as the journal keeps them: what a file began from, once."""
        changes: list[Json] = []
        for change in outcome.changes:
            kept: Json = {"path": change.path, "new": change.new}
            if change.path not in self.state.bases:
                kept["base"] = change.base
            changes.append(kept)
        return changes

    async def _consent(
        self, index: int, action: Action, ask: Ask, *, again: bool
    ) -> Permit | Refuse | None:
        """What the person says; None, and a pause, where they say nothing."""
        yes: bool | None = None
        # Who was asked and has said something else is not asked again before that is heard.
        if not (again and self.state.unheard):
            yes = await self.around.editor.confirm(ask.question, ask.details)
        if yes is None and not self.state.unheard:
            why = (
                "A question waits for your answer; resume to be asked again, or reply to go on "
                "without it."
            )
            await self._pause(why, "question")
            return None
        answer: Permit | Refuse = Permit()
        if yes is None:
            answer = Refuse(
                "The person was asked whether this may run, and has said something else instead; "
                "it was not run.",
                "person",
            )
        elif not yes:
            answer = Refuse(
                f"The person said no to this: {ask.question} Do not ask for it again; go on "
                "without it, or finish and say that it was not done.",
                "person",
            )
        # The yes is the intent, and is kept before anything runs.
        body = _to_json(index, action, answer) | {"consent": ask.key if yes else ""}
        await self.journal("verdict", body)
        self._event("verdict", action, answer)
        return answer

    async def _finish(self, action: Action) -> None:
        """Tries the proposal out; what is wrong with it is told to the model once, then shown."""
        shown = self.around.disclosure.text
        unseen = [f"`{r.tool}`" for r in self.state.rounds[-1].results if r.error or r.code]
        if unseen:
            # What it sums up as done is not.
            text = _TOO_SOON.format(tools=", ".join(dict.fromkeys(unseen)))
            await self._unfinished(action, text)
            return
        summary = shown(str(action.content.get("summary") or action.reason or "Done."))
        tried = await asyncio.to_thread(dry_run.problems, self.state.proposal().changes, shown)
        wrong = {path: shown(said) for path, said in tried.items()}
        # Once since the person's last word.
        since = self.state.words[-1].after if self.state.words else 0
        told = any(
            result.tool == "finish" and result.error and not result.text.startswith(_UNSEEN)
            for done in self.state.rounds[since:]
            for result in done.results
        )
        if wrong and not told:
            problems = budget.bounded(" ".join(wrong.values()), budget.result_limit(self.state))
            await self._unfinished(action, _NOT_YET.format(problems=problems))
            return
        remarks = {path: [said] for path, said in wrong.items()}
        await self.journal("proposal", {"summary": summary, "remarks": remarks})
        result = {"call_id": action.call_id, "tool": "finish", "text": "Offered.", "error": False}
        await self.journal("result", {"result": result, "changes": []})

    async def _unfinished(self, action: Action, text: str) -> None:
        result = {"call_id": action.call_id, "tool": "finish", "text": text, "error": True}
        await self.journal("result", {"result": result, "changes": []})
        self._event("result", action, message=text)

    async def _offer(self, last: Round) -> None:
        """Ends the round that holds `finish`; a kill before any of these steps leads here again."""
        if not last.over:
            await self._end_round()
        if self.state.unheard:
            return
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
                "Everything before is kept; resume to try again, or choose another model.",
                "unreadable",
            )

    async def _end_round(self) -> None:
        if note := budget.wrap_up(self.state):
            await self.journal("note", {"text": note, "wrap_up": True})
        if numbers := self.state.numbers():
            # Whoever looks meanwhile names hunks by these.
            await self.journal("hunks", numbers)
        stands = await asyncio.to_thread(git.stands, self.around.workspace.root)
        await self.journal("round", stands.as_json())
        self._event("round")
        if numbers and (self.state.summary or self.state.words):
            # Somebody may be looking at what was proposed before.
            self._event("hunks")

    async def _pause(self, reason: str, why: str = "") -> None:
        await self._move("paused", reason, why)

    async def _move(self, state: str, reason: str, why: str = "") -> None:
        lost, self.asking.lost_seconds = self.asking.lost_seconds, 0.0
        body = {"state": state, "reason": reason, "pause": why, "seconds": lost}
        await self.journal("state", body)
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
        return ToolContext(
            around.workspace,
            overlay,
            view,
            sorted(around.files()),
            clock=around.clock,
            patience=around.patience,
            neighbours=around.neighbours,
            checks=around.checks,
            conventions=around.conventions,
            agreed=Agreed(self.state.consents, self.state.agreed),
        )

    def _stuck(self) -> Nudge | Stop | None:
        """What the loop guard says of the last round; the same again after a restart."""
        if self.state.watched_from != self._since:
            # The person said something meanwhile, and what is done now answers that.
            self._since = self._watched = self.state.watched_from
            self._detector, self._said = StuckDetector(), None
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
            "round": state.at_round,
            "max_rounds": state.limits.rounds,
            "tokens": state.spent,
            "raw_tokens": state.raw,
            "cached_tokens": state.cached,
            "max_tokens": state.limits.tokens,
            "degraded": self.around.degraded(state),
        }
        if action is not None:
            name = visible_line(action.tool or action.kind)
            told |= {"tool": name, "reason": visible(action.reason)}
            told["arguments"] = {
                key: visible(str(value)[:120])
                for key, value in action.content.items()
                if key != "reason"
            }
        if isinstance(verdict, Refuse):
            told |= {"verdict": "refuse", "rule": verdict.rule, "message": verdict.why}
        elif isinstance(verdict, Ask):
            told |= {"verdict": "ask", "message": verdict.question}
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
        case Ask(question, details, key):
            body |= {"verdict": "ask", "why": question, "details": details, "key": key}
        case Refuse(why, rule, details):
            body |= {"verdict": "refuse", "why": why, "rule": rule, "details": list(details)}
    return body


def _from_json(body: Json) -> Verdict:
    if body["verdict"] == "refuse":
        return Refuse(body["why"], body["rule"], tuple(body["details"]))
    if body["verdict"] == "ask":
        return Ask(body["why"], body["details"], body["key"])
    return Permit(note=body.get("note", ""))
