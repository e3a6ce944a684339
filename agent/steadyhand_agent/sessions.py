"""The sessions of one workspace: start, resume, cancel, apply, discard, undo, list.

Owns which sessions run in this process. What a session knows is in its journal; what it does is in
its loop; how it comes here from elsewhere is in `custody`; what touches the user's files goes
through the Editor port, after consent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from steadyhand_agent import conventions, git
from steadyhand_agent.custody import Custody
from steadyhand_agent.decisions import Decisions, Outcome
from steadyhand_agent.errors import JournalError, SessionError, SteadyhandError
from steadyhand_agent.loop import Loop, Surroundings
from steadyhand_agent.ports import Model
from steadyhand_agent.proposals.hunks import PENDING
from steadyhand_agent.proposals.offer import Offer, Reading, offer
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.session import OVER, Limits, SessionState, State, Task
from steadyhand_agent.state.care import Found
from steadyhand_agent.state.journal import Kind, Summary, record
from steadyhand_agent.state.texts import taken_out
from steadyhand_agent.state.tiers import Store

log = logging.getLogger(__name__)

Json = dict[str, Any]
# What of a task a person or a file wrote: secrets in it are hidden before it is kept anywhere.
_TASK_TEXTS = ("prompt", "selection", "diagnostics", "excerpts")
# The pauses that a person answers by giving more.
_MORE = ("rounds", "tokens", "time")
T = TypeVar("T")
_UNDECIDED = ("running", "waiting", "paused")
# So long an edit may take in the editor before other decisions about its session are refused.
_UNANSWERED_SECONDS = 10.0
# More sessions than that are not compared with one.
_MOST_BESIDE = 8
ModelFor = Callable[[SessionState], Model]


@dataclass(slots=True)
class _Live:
    """A session that this process writes."""

    state: SessionState
    lock: asyncio.Lock
    # Held while a record is kept: the person may say something while the loop works.
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)
    task: asyncio.Task[None] | None = None
    # Open while the person is asked whether a session may have more.
    question: asyncio.Task[None] | None = None
    # True while the editor's own preview is open: it lasts as long as the person looks.
    previewing: bool = False
    # Since when the editor has been writing; 0 where it is not.
    writing: float = 0.0
    # True until the loop has looked at what changed while the session stood still.
    resumed: bool = False


class Sessions:
    """The sessions of one workspace.

    Args:
        around: What a loop works with.
        store: Where records go.
        model_for: Gives the model of a session.
        limits: What a new session may use.
    """

    def __init__(
        self, around: Surroundings, store: Store, model_for: ModelFor, limits: Limits
    ) -> None:
        self._around = around
        self._store = store
        self._custody = Custody(around.workspace, store, around.editor)
        self._model_for = model_for
        self.limits = limits
        self._live: dict[str, _Live] = {}
        self._opening = asyncio.Lock()
        self._looked: tuple[Any, Offer] | None = None
        self._beside: dict[str, SessionState] = {}
        around.proposals = self._proposed_beside
        around.degraded = store.degraded
        store.lost = self._lost

    async def names(self) -> tuple[str, ...]:
        """The names under which this workspace's sessions are kept, the present one first."""
        return await self._custody.names()

    async def start(self, task: Task) -> SessionState:
        """Begins a session; its loop runs on after this returns.

        Raises:
            SessionError: The task is empty.
            JournalError: It could not be kept.
        """
        if not task.prompt.strip():
            raise SessionError("The task is empty; say what should be done.")
        workspace = self._around.workspace
        name = (await self.names())[0]
        state = SessionState(id=secrets.token_hex(4), workspace=name)
        live = _Live(state, asyncio.Lock())
        model = self._model_for(state)
        stands = await asyncio.to_thread(git.stands, workspace.root)
        found = await asyncio.to_thread(self._conventions, task.path, model)
        body: Json = {
            "task": self._hidden(task) | {"conventions": found},
            "limits": self.limits.model_dump(),
            "workspace": name,
            "model": model.name,
            **self._custody.here,
            **stands.as_json(),
        }
        await self._keep(live, "task", body)
        self._live[state.id] = live
        self._run(live, model)
        return state

    def _conventions(self, path: str | None, model: Model) -> list[Json]:
        """The project's, with secrets hidden; kept, so that a resumed session sends the same."""
        around = self._around
        overlay = Overlay(around.workspace, around.editor.text, {}, {}, around.disclosure.text)
        room = conventions.room(self.limits, model.context)
        names = around.conventions
        found = conventions.taken(names, around.workspace, overlay, path, room)
        return [one.model_dump() for one in found]

    async def resume(self, session: str, grant: Limits | None = None) -> SessionState:
        """Goes on with a session; one that waits for a decision is offered again.

        Args:
            session: Its id.
            grant: What is added to its limits.

        Raises:
            SessionError: It runs already, is finished, or is unknown.
        """
        live = await self._own(session, moving=True)
        _not_previewing(live)
        async with live.lock:
            return await self._resume(live, grant)

    async def reply(self, session: str, said: Task) -> SessionState:
        """Tells a session what the person says to what it does, did or proposes.

        One that works hears it before its next step; any other goes on with it, with at least half
        of the usual limits left. What it proposes stays, and changes only by what it does next.

        Args:
            session: Its id.
            said: The words, and what they are about.

        Raises:
            SessionError: They are empty, the editor's preview is open, or the session is unknown.
            JournalError: They could not be kept.
        """
        if not said.prompt.strip():
            raise SessionError("The reply is empty; say what should be done.")
        live = await self._own(session, moving=True)
        _not_previewing(live)
        async with live.lock:
            state = live.state
            if not self._working(live):
                await self._ask_no_more(live)
            await self._keep(live, "word", {"said": self._hidden(said)})
            # The loop may have come to its end meanwhile; else it looks once more before that.
            if self._working(live):
                self._tell(live, "It is told before its next step.", "word")
                return state
            await self._ask_no_more(live)
            return await self._resume(live, self._missing(state))

    def _working(self, live: _Live) -> bool:
        return live.state.state == "running" and self.running(live.state.id)

    async def _ask_no_more(self, live: _Live) -> None:
        """Drops the question about what was proposed, or about more to spend."""
        await self._stop(live)
        if live.question is not None:
            live.question.cancel()

    def _missing(self, state: SessionState) -> Limits | None:
        """What a session lacks of half of the usual limits, and of what its prompt takes again."""
        usual, limits = self.limits, state.limits
        tokens = usual.tokens // 2 + state.prompt_tokens - (limits.tokens - state.spent)
        more = Limits(
            rounds=max(0, usual.rounds // 2 - (limits.rounds - state.round)),
            tokens=max(0, tokens),
            minutes=max(0.0, usual.minutes / 2 - (limits.minutes - state.seconds / 60)),
        )
        return more if more.rounds or more.tokens or more.minutes else None

    def _hidden(self, task: Task) -> Json:
        """What the person asked for, without secrets."""
        said = task.model_dump()
        return said | {key: self._around.disclosure.tree(said[key]) for key in _TASK_TEXTS}

    async def _resume(self, live: _Live, grant: Limits | None) -> SessionState:
        state, session = live.state, live.state.id
        if live.task is not None and not live.task.done():
            raise SessionError(f"Session {session} is running already.")
        if state.state in ("finished", "failed") and not state.unheard:
            raise SessionError(
                f"Session {session} is {state.state}; reply to it, or start a new task."
            )
        if grant is None and state.seconds >= state.limits.minutes * 60:
            # A pause for its time says that resuming gives more.
            more = state.seconds / 60 - state.limits.minutes + self.limits.minutes
            grant = Limits(rounds=0, tokens=0, minutes=more)
        if grant is not None:
            await self._keep(
                live, "grant", grant.model_dump(include={"rounds", "tokens", "minutes"})
            )
        model = self._model_for(state)
        if state.state != "waiting" or state.unheard:
            await self._keep(live, "state", {"state": "running", "reason": "resumed"})
            live.resumed = True
        self._run(live, model)
        return state

    async def cancel(self, session: str) -> SessionState:
        """Ends a session's work at once; its journal and its proposal are kept.

        Raises:
            SessionError: The editor's preview is open, and only the person can close that.
        """
        live = await self._own(session)
        _not_previewing(live)
        await self._stop(live)
        # An edit that is being applied is finished and journaled first, so that it can be undone.
        async with live.lock:
            if live.state.state not in OVER:
                await self._move(live, "cancelled", "Cancelled by you; everything so far is kept.")
        return live.state

    async def apply(self, session: str, hunks: Sequence[str] = ()) -> tuple[SessionState, Outcome]:
        """Applies what a session proposes.

        Args:
            session: Its id.
            hunks: Which; none says those that were accepted, or all where none was.

        Raises:
            SessionError: It proposes nothing.
            StaleDocument: The person edited all of those lines since; nothing was applied.
        """
        live = await self._own(session)
        _not_previewing(live)
        return live.state, await _to_its_end(self._apply(live, hunks))

    async def mark(
        self, session: str, hunks: Sequence[str], mark: Literal["accepted", "rejected"]
    ) -> SessionState:
        """Accepts or rejects hunks; the one takes the other back, and nothing is written.

        Raises:
            SessionError: A hunk is unknown or applied, or the session is still working.
        """
        live = await self._own(session)
        _not_previewing(live)
        async with live.lock:
            _not_running(live)
            await self._decisions(live).mark(hunks, mark)
            self._tell_hunks(live)
            if live.state.state == "waiting" and not live.state.proposal().changes:
                await self._move(live, "finished", _settled(live.state))
        return live.state

    async def discard(self, session: str) -> SessionState:
        """Lets a proposal go, and its session with it; nothing was written.

        Raises:
            SessionError: It waits for no decision, or the editor's preview is open.
        """
        live = await self._own(session)
        _not_previewing(live)
        if live.state.state not in ("waiting", "paused"):
            raise SessionError(
                f"Session {session} waits for no decision; it is {live.state.state}."
            )
        await self._stop(live)
        async with live.lock:
            # The person may have replied meanwhile.
            _not_running(live)
            if live.state.state in ("waiting", "paused"):
                await self._discard(live)
        return live.state

    async def show(self, session: str) -> SessionState:
        """Opens the diff of what a session proposes."""
        state = await self.state(session)
        if not state.proposal().changes:
            raise SessionError(f"Session {session} proposes no change.")
        await self._around.editor.show((await self.look(session)).proposal())
        return state

    async def undo(
        self, session: str, hunks: Sequence[str] = (), round: int | None = None
    ) -> tuple[SessionState, Outcome]:
        """Takes back what a session applied, and only that.

        Args:
            session: Its id.
            hunks: Which; none says everything.
            round: Those that this round made, alone or with others.

        Raises:
            SessionError: It applied nothing of that which is still there.
            StaleDocument: The person edited the same lines since; nothing was changed.
        """
        return await _to_its_end(self._turn(session, hunks, round, back=True))

    async def redo(
        self, session: str, hunks: Sequence[str] = (), round: int | None = None
    ) -> tuple[SessionState, Outcome]:
        """Brings back what was taken back; see `undo`."""
        return await _to_its_end(self._turn(session, hunks, round, back=False))

    async def _turn(
        self, session: str, hunks: Sequence[str], round: int | None, *, back: bool
    ) -> tuple[SessionState, Outcome]:
        live = await self._own(session)
        _not_previewing(live)
        async with live.lock:
            wanted = [*hunks, *(_made_by(live.state, round) if round is not None else ())]
            decisions = self._decisions(live)
            work = decisions.back if back else decisions.again
            live.writing = time.monotonic()
            try:
                outcome = await work(wanted, f"Steadyhand: {'undo' if back else 'redo'} {session}")
            finally:
                live.writing = 0.0
            self._tell_hunks(live)
        return live.state, outcome

    async def look(self, session: str) -> Offer:
        """What a session proposes and has applied, as it stands in the files now; read only."""
        state = await self.state(session)
        others = await self._offers_beside(session)
        read = Reading(self.read)
        # The same proposal on the same texts is asked for again and again, file by file.
        paths = {*state.texts, *(patch.path for patch in state.applied)}
        told = [(one.id, one.seq) for one in (state, *others.values())]
        key = told, [read.known(path) for path in sorted(paths)]
        if self._looked is not None and self._looked[0] == key:
            return self._looked[1]
        found = offer(state, read, others)
        self._looked = key, found
        return found

    def applied_to(self, path: str) -> bool:
        """True where a session of this process has written into a file."""
        lives = self._live.values()
        return any(path in live.state.written() for live in lives)

    async def noticed(self, path: str) -> None:
        """A text has changed: what was applied to it may have been taken back by hand."""
        for live in list(self._live.values()):
            if live.lock.locked() or path not in live.state.written():
                continue
            async with live.lock:
                late = bool(live.state.writing)
                if await self._decisions(live).observe(path) or late:
                    self._tell_hunks(live)
                if late and live.state.state == "waiting" and not live.state.proposal().changes:
                    await self._move(live, "finished", "All that it proposed stands in the files.")

    async def delete(self, session: str) -> SessionState:
        """Forgets a session everywhere; what it wrote stays, and can no longer be undone.

        Raises:
            SessionError: It runs here, is another workspace's, or is unknown.
        """
        if self.running(session):
            raise SessionError(f"Session {session} is still working; cancel it first.")
        state = await self.state(session)
        holder = await self._store.held(session)
        if holder is not None:
            raise SessionError(
                f"Session {session} is being worked on in {holder.sentence()}; cancel it there "
                "first. Nothing was deleted."
            )
        self._live.pop(session, None)
        await self._store.delete(session)
        return state

    async def list(self) -> list[Summary]:
        """The workspace's sessions, newest first; one whose process died reads as paused."""
        from dataclasses import replace

        found = await self._store.sessions(await self.names(), elsewhere=True)
        return [
            replace(s, state="paused")
            if s.state == "running"
            and not self.running(s.session)
            and await self._store.held(s.session) is None
            else s
            for s in found
        ]

    async def alerts(self) -> list[str]:
        """What a person should know of the stores, a sentence each."""
        return await self._store.alerts()

    async def search(self, words: str) -> AsyncIterator[Found]:
        """The places where this workspace's sessions say all of some words, the newest first."""
        async for found in self._store.search(words, await self.names()):
            yield found

    async def retire_archive(self, days: float) -> None:
        """Has an archive let old sessions go; 0 keeps them for ever."""
        await self._store.retire_archive(days)

    async def all_states(
        self, since: float = 0.0, *, everywhere: bool = False
    ) -> AsyncIterator[SessionState]:
        """What every session knows, read only; those whose journal is damaged are passed over.

        Args:
            since: Only those that changed after this time (seconds since the epoch).
            everywhere: Those of other workspaces, too.
        """
        names = None if everywhere else await self.names()
        for summary in await self._store.sessions(names):
            if summary.updated < since:
                continue
            try:
                yield await self._store.load(summary.session)
            except SteadyhandError as error:
                log.warning("session %s cannot be counted: %s", summary.session, error)

    async def state(self, session: str) -> SessionState:
        """What a session knows, read only."""
        if session in self._live:
            return self._live[session].state
        return await self._custody.load(session)

    def running(self, session: str) -> bool:
        """True where this process runs the session's loop."""
        live = self._live.get(session)
        return live is not None and live.task is not None and not live.task.done()

    async def wait(self, session: str) -> SessionState:
        """Waits until a session's loop ends, for a terminal and for tests."""
        live = await self._own(session)
        while pending := [t for t in (live.task, live.question) if t is not None and not t.done()]:
            await asyncio.wait(pending)
        return live.state

    async def close(self) -> None:
        """Pauses what runs and lets go of the store."""
        for live in list(self._live.values()):
            running = live.task is not None and not live.task.done()
            await self._stop(live)
            if live.question is not None:
                live.question.cancel()
            if running and live.state.state == "running":
                with contextlib.suppress(JournalError):
                    await self._keep(
                        live, "state", {"state": "paused", "reason": "The editor was closed."}
                    )
        await self._store.close()
        await asyncio.to_thread(self._around.telemetry.close)

    def _proposed_beside(self, session: str) -> dict[str, str]:
        """The texts that other sessions propose: they may come, so they count in the guard."""
        return {
            path: text
            for live in self._live.values()
            if live.state.id != session and live.state.state in ("running", "waiting", "paused")
            for path, text in live.state.texts.items()
            if text is not None and text != live.state.bases[path]
        }

    async def _own(self, session: str, *, moving: bool = False) -> _Live:
        """The live session, taken over from the journal where this process does not have it.

        Args:
            session: Its id.
            moving: True to bring a session of another checkout here, once the person said so.
        """
        if session not in self._live:
            await self._custody.ask(session, moving=moving)
        async with self._opening:
            live = self._live.get(session)
            if live is None:
                state = await self._custody.take(session)
                live = _Live(state, asyncio.Lock())
                name = (await self.names())[0]
                await self._keep(live, "lease", {**self._custody.here, "workspace": name})
                self._live[session] = live
                if live.state.writing:
                    # The process that was writing died: what stands there is what was written.
                    await self._decisions(live).observe()
                await self._store.let_go(session, state.fence)
            return live

    def _lost(self, session: str) -> None:
        """Somebody else writes a session now: its work here ends, and the person is told."""
        live = self._live.pop(session, None)
        if live is None:
            return
        for task in (live.task, live.question):
            if task is not None and not task.done():
                task.cancel()
        reason = "It was taken over by another window or machine."
        live.state.state = "paused"
        self._tell(live, reason)
        self._around.editor.tell(
            f"Session {session}: {reason} Nothing more is written here; resume it to take it back.",
            warning=True,
        )

    async def _keep(self, live: _Live, kind: Kind, body: Json) -> None:
        """Journals a record and folds it in; the state is true only once it is durable."""
        # What is folded in must be kept, though whoever wanted it kept is cancelled meanwhile.
        await _to_its_end(self._kept(live, kind, body))

    async def _kept(self, live: _Live, kind: Kind, body: Json) -> None:
        state = live.state
        kept, texts = taken_out(kind, body)
        # One after the other: a store that is asked before it appends must not let the next pass.
        async with live.keeping:
            item = record(
                state.id, state.head, kind, kept, fence=state.fence, at=self._around.clock.now()
            )
            state.take(item, texts)
            try:
                await self._store.append(item, state, texts)
            except JournalError:
                # This process's picture is ahead of the journal: it is read again on resume.
                if self._live.get(state.id) is live:
                    del self._live[state.id]
                raise
            self._around.telemetry.seen(kind, body, state)

    def _run(self, live: _Live, model: Model) -> None:
        live.task = asyncio.create_task(self._whole(live, model), name=f"session {live.state.id}")

    async def _whole(self, live: _Live, model: Model) -> None:
        """The loop, and the offer at its end; whatever fails is told to the person."""
        editor = self._around.editor

        def keep(kind: Kind, body: Json) -> Coroutine[Any, Any, None]:
            return self._keep(live, kind, body)

        try:
            await self._store.hold(live.state.id, live.state.fence)
            if live.state.state == "running":
                resumed, live.resumed = live.resumed, False
                await Loop(live.state, keep, model, self._around, resumed=resumed).run()
                while await self._said_at_its_end(live):
                    await Loop(live.state, keep, model, self._around).run()
            elif live.state.state == "waiting":
                # Resumed: this editor has not heard of it yet.
                self._tell(live, live.state.reason)
            if live.state.state == "waiting":
                await self._offer(live)
            elif live.state.state == "paused" and live.state.pause in _MORE:
                live.question = asyncio.create_task(self._offer_more(live), name="offer more")
            elif live.state.state == "paused":
                editor.tell(f"Session {live.state.id} is paused. {live.state.reason}", warning=True)
            elif live.state.state == "finished":
                editor.tell(f"Session {live.state.id}: {live.state.reason}")
        except SteadyhandError as error:
            if live.state.state == "running":
                await self._halt(live, str(error))
            editor.tell(str(error), warning=True)
        except Exception as error:
            log.exception("session %s failed", live.state.id)
            await self._halt(live, f"An internal error ({type(error).__name__}); see the log.")
            editor.tell(
                f"Session {live.state.id} met an internal error ({type(error).__name__}). Its "
                "rounds are kept; look at the log, then resume it.",
                warning=True,
            )
        finally:
            with contextlib.suppress(SteadyhandError):
                await self._store.let_go(live.state.id, live.state.fence)

    async def _said_at_its_end(self, live: _Live) -> bool:
        """Takes back an end beside which the person's words were kept, too late for the loop."""
        state = live.state
        if not state.unheard:
            return False
        # Whoever says something has the lock, and sees to it where the end was kept before it.
        async with live.lock:
            if state.state not in ("waiting", "finished") and state.pause != "stuck":
                return False
            await self._keep(live, "state", {"state": "running", "reason": "resumed"})
            return True

    async def _halt(self, live: _Live, reason: str) -> None:
        """Pauses a session whose loop failed; where the journal is what failed, it is only told."""
        try:
            await self._move(live, "paused", reason)
        except JournalError:
            # What is durable reads as paused once no process runs it.
            live.state.state = "paused"
            self._tell(live, reason)

    async def _offer(self, live: _Live) -> None:
        async with live.lock:
            await self._decisions(live).number()
        decision = await self._around.editor.decide((await self.look(live.state.id)).proposal())
        if live.state.state != "waiting":
            # Decided by a command while the question was open.
            if decision in ("apply", "discard"):
                self._around.editor.tell(
                    f"Session {live.state.id} was decided already; this answer changed nothing."
                )
            return
        if decision in ("apply", "preview"):
            report = await _to_its_end(self._apply(live, preview=decision == "preview"))
            if decision == "preview" and not report.done and not report.conflicts:
                # To close the editor's own preview is no decision yet.
                self._around.editor.tell(
                    f"Nothing was applied. What session {live.state.id} proposes is kept: show it "
                    "again, apply it or discard it when you like."
                )
            else:
                self._around.editor.tell(report.sentence(), warning=not report.complete)
        elif decision == "discard":
            async with live.lock:
                if live.state.state == "waiting":
                    await self._discard(live)

    async def _offer_more(self, live: _Live) -> None:
        """Asks whether a session may have more of what it used up: half of what is usual."""
        if live.task is not None:
            # An answer that comes at once must not find the loop still at its end.
            await asyncio.wait({live.task})
        state, usual = live.state, self.limits
        more = Limits(rounds=0, tokens=0, minutes=0.0)
        match state.pause:
            case "rounds":
                more.rounds = max(1, usual.rounds // 2)
                offer = f"+{more.rounds} {'round' if more.rounds == 1 else 'rounds'}"
            case "tokens":
                more.tokens = max(1_000, usual.tokens // 2)
                offer = f"+{more.tokens:,} tokens"
            case _:
                more.minutes = usual.minutes / 2
                offer = f"+{more.minutes:g} minutes"
        asked = state.seq
        reason = f"Session {state.id} is paused. {state.reason}"
        if await self._around.editor.grant(reason, offer) and state.seq == asked:
            try:
                await self.resume(state.id, more)
            except SteadyhandError as error:
                self._around.editor.tell(str(error), warning=True)

    async def _apply(
        self, live: _Live, hunks: Sequence[str] = (), *, preview: bool = False
    ) -> Outcome:
        state = live.state
        async with live.lock:
            if not hunks and not state.proposal().changes:
                raise SessionError(f"Session {state.id} proposes no change.")
            _not_running(live)
            label = f"Steadyhand: {state.task.prompt[:60]}"
            live.previewing, live.writing = preview, time.monotonic()
            try:
                outcome = await self._decisions(live).apply(hunks, label, preview=preview)
            finally:
                live.previewing, live.writing = False, 0.0
            self._tell_hunks(live)
            # Words that a pause kept from being heard are still to be answered.
            over = not state.proposal().changes and not state.unheard
            if state.state in ("waiting", "paused") and over:
                await self._move(live, "finished", outcome.sentence())
        return outcome

    async def _discard(self, live: _Live) -> None:
        """Nothing of what is still open will be written."""
        decisions = self._decisions(live)
        await decisions.number()
        pending = [id for id, hunk in live.state.hunks().items() if hunk.mark in PENDING]
        if pending:
            await decisions.mark(pending, "rejected")
        await self._move(live, "finished", _settled(live.state))

    def _decisions(self, live: _Live) -> Decisions:
        def keep(kind: Kind, body: Json) -> Coroutine[Any, Any, None]:
            return self._keep(live, kind, body)

        return Decisions(live.state, keep, self._around.editor, self.read)

    async def _offers_beside(self, session: str) -> dict[str, SessionState]:
        """The workspace's other sessions whose proposals are not decided yet, the newest ones."""
        found: dict[str, SessionState] = {}
        for summary in await self._store.sessions(await self.names()):
            if summary.session == session or summary.state not in _UNDECIDED:
                continue
            live, kept = self._live.get(summary.session), self._beside.get(summary.session)
            try:
                if live is not None:
                    found[summary.session] = live.state
                elif kept is not None and kept.updated == summary.updated:
                    found[summary.session] = kept
                else:
                    found[summary.session] = await self._custody.load(summary.session)
            except SteadyhandError as error:
                log.warning("session %s cannot be compared with: %s", summary.session, error)
            if len(found) == _MOST_BESIDE:
                break
        # Those of other windows are read again only once they have changed.
        self._beside = {id: state for id, state in found.items() if id not in self._live}
        return found

    def _tell_hunks(self, live: _Live) -> None:
        """Has every screen that shows the proposal look again."""
        self._tell(live, live.state.reason, "hunks")

    async def _move(self, live: _Live, state: State, reason: str) -> None:
        await self._keep(live, "state", {"state": state, "reason": reason})
        self._tell(live, reason)

    def _tell(self, live: _Live, reason: str, event: str = "state") -> None:
        summary = live.state.to_summary()
        self._around.editor.event(
            {
                "session": live.state.id,
                "event": event,
                "state": live.state.state,
                "prompt": summary.prompt,
                "round": summary.round,
                "max_rounds": summary.max_rounds,
                "tokens": summary.tokens,
                "raw_tokens": live.state.raw,
                "cached_tokens": live.state.cached,
                "max_tokens": summary.max_tokens,
                "degraded": self._store.degraded(live.state),
                "message": reason,
            }
        )

    async def _stop(self, live: _Live) -> None:
        task = live.task
        if task is None or task.done() or task is asyncio.current_task():
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def read(self, path: str) -> str | None:
        """The text of a file as it is now: the open document, else the disk."""
        text = self._around.editor.text(path)
        return text if text is not None else self._around.workspace.present(path)


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """What an editor has begun to write must be journaled, cancelled or not."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(_seen)
    return await asyncio.shield(task)


def _seen(task: asyncio.Task[Any]) -> None:
    """Takes an outcome that nobody may be left to hear of; the journal has what was done."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.info("a decision ended with: %s", error)


def _not_previewing(live: _Live) -> None:
    if live.previewing:
        raise SessionError(
            f"The editor's preview of session {live.state.id} is open; accept or close it first."
        )
    if live.writing and time.monotonic() - live.writing > _UNANSWERED_SECONDS:
        raise SessionError(
            f"The editor has not answered yet what became of an edit of session {live.state.id}, "
            "so nothing else can be decided about it. Where a question is open in the editor, "
            "answer it; else restart the server, which then looks at what was written."
        )


def _not_running(live: _Live) -> None:
    if live.state.state == "running":
        raise SessionError(f"Session {live.state.id} is still working; wait, or cancel it.")


def _settled(state: SessionState) -> str:
    """How a proposal ended of which nothing is open any more."""
    written = any(hunk.mark == "applied" for patch in state.applied for hunk in patch.hunks)
    return "The rest was discarded." if written else "Discarded; no file was changed."


def _made_by(state: SessionState, round: int) -> list[str]:
    """The hunks that a round had a part in.

    Raises:
        SessionError: There are none.
    """
    found = [h.id for patch in state.applied for h in patch.hunks if round in h.rounds]
    if not found:
        raise SessionError(f"Round {round} of session {state.id} has no part in what was applied.")
    return list(dict.fromkeys(found))
