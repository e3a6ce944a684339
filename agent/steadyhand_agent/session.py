"""A session as the fold of its records: the same fold serves a live session and a resumed one.

Owns what a session knows. Never does anything: acting is the loop's, keeping is the journal's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, PrivateAttr

from steadyhand_agent.proposals.changes import FileChange, Proposal, split_lines
from steadyhand_agent.proposals.hunks import (
    PENDING,
    Hunk,
    Made,
    Mark,
    Patch,
    Texts,
    forward,
    numbered,
)
from steadyhand_agent.proposals.merge import composed
from steadyhand_agent.state.journal import Head, Kind, Record, Summary
from steadyhand_agent.state.texts import put_in
from steadyhand_agent.workspace import text_hash

Json = dict[str, Any]
State = Literal["running", "waiting", "paused", "finished", "failed", "cancelled"]
CHAIN_DIGITS = 8
OVER = frozenset({"finished", "failed", "cancelled"})


class Convention(BaseModel):
    """A file in which a project says how it wants code written, as the session began with it.

    Attributes:
        path: Where it stands.
        text: What the model is shown of it; empty where it could not be used.
        note: What a person should know: that it was taken in part, or why not at all.
    """

    path: str
    text: str = ""
    note: str = ""


class Task(BaseModel):
    """What the person asked for.

    Attributes:
        prompt: In their words.
        path: The document it was asked in, if any.
        lines: First and last line of the selection, counted from 1.
        selection: The selected text.
        diagnostics: Messages to mend, as the editor gave them.
        excerpts: Texts that belong to the task, each fenced already.
        conventions: The project's, the nearest last; the sessions set them.
    """

    prompt: str
    path: str | None = None
    lines: tuple[int, int] | None = None
    selection: str = ""
    diagnostics: list[str] = []
    excerpts: list[str] = []
    conventions: list[Convention] = []


class Word(BaseModel):
    """What the person said later.

    Attributes:
        after: The round that it follows: the last one that the model had not heard it in.
        said: Their words, and what they are about.
    """

    after: int
    said: Task


class Limits(BaseModel):
    """What the session may use; a person can grant more."""

    rounds: int = 20
    tokens: int = 32_000
    output: int = 4_096
    minutes: float = 30.0


class Result(BaseModel):
    """What one action of a round came to.

    Attributes:
        code: An error's number or a program's exit code, where there is one.
        attempts, seconds: How often it was tried, and how long all of that took.
    """

    call_id: str = ""
    tool: str = ""
    text: str
    error: bool = False
    code: int | None = None
    attempts: int = 1
    seconds: float = 0.0
    # A digest of what the session proposed after it, by which the loop guard tells progress.
    proposal: str = ""


class Round(BaseModel):
    """One reply and what followed.

    Attributes:
        blocks: The reply, verbatim.
        verdicts: In the order of the actions: `permit`, `ask` or `refuse` with its rule.
        results: In the order of the actions; shorter than the actions while the round runs.
        notes: What the model is told besides.
        branch, commit: Where git stood when the round ended.
        dirty: A hash of what was not committed then; empty where there is no git.
    """

    number: int
    blocks: list[Json] = []
    stop_reason: str | None = None
    verdicts: list[Json] = []
    results: list[Result] = []
    notes: list[str] = []
    over: bool = False
    branch: str = ""
    commit: str = ""
    dirty: str = ""


class SessionState(BaseModel):
    """Everything a session knows, and nothing that is not in its journal."""

    id: str
    workspace: str = ""
    # The working copy that it works on, and whose machine that is on.
    checkout: str = ""
    machine: str = ""
    model: str = ""
    task: Task = Task(prompt="")
    limits: Limits = Limits()
    state: State = "running"
    reason: str = ""
    # What kind of pause it is: `rounds`, `tokens` or `time` that is used up, `stuck`, `unreadable`,
    # `model`, `tool` or `question`.
    pause: str = ""
    rounds: list[Round] = []
    words: list[Word] = []
    # The place of each round's reply in the journal, by which Redis keeps the last ten.
    round_starts: list[int] = []
    charged: int = 0
    raw: int = 0
    # Reserved for the call that is under way; kept as its charge if no usage ever comes.
    reserved: int = 0
    # Of the last round, and in all.
    cached_input: int = 0
    # Bytes and tokens of the last prompt, by which the next one is estimated.
    prompt_bytes: int = 0
    prompt_tokens: int = 0
    wrapping_up: bool = False
    # Rounds up to this one are shown to the model in summary, `earlier`; how often that moved.
    compacted: int = 0
    compactions: int = 0
    earlier: str = ""
    cached: int = 0
    seconds: float = 0.0
    # Replies in a row that held no action, and all of them.
    unreadable: int = 0
    misread: int = 0
    # How often the session paused for what reason.
    pauses: dict[str, int] = {}
    bases: dict[str, str | None] = {}
    # Hashes of bases that stayed on another machine, until this checkout's files take their place.
    away: dict[str, str] = {}
    # Hashes of texts that were too large to travel, until the checkout is looked at.
    large: dict[str, str] = {}
    texts: dict[str, str | None] = {}
    # What the guard remarked on a file, and what the last try of the whole proposal did.
    remarks: dict[str, list[str]] = {}
    tried: dict[str, list[str]] = {}
    # Definitions that the guard has refused once; a second try with a reason is accepted.
    refused: list[str] = []
    # What the person said yes to, and what was proposed at the last yes.
    consents: list[str] = []
    agreed: dict[str, str | None] = {}
    summary: str = ""
    # The loop guard looks at the rounds from this one on; it begins anew after a person's word.
    watched_from: int = 0
    # The numbered hunks of what is proposed, by path; of texts that changed since, the former ones.
    offered: dict[str, list[Hunk]] = {}
    former: dict[str, list[Hunk]] = {}
    hunk_count: int = 0
    # What was written, oldest first, and what is about to be.
    applied: list[Patch] = []
    writing: list[Patch] = []
    # Of what was applied, the hunks of which the model knows that they were taken back.
    taken_back: list[str] = []
    # Where git stood when it began, or when the person said to go on elsewhere.
    branch: str = ""
    commit: str = ""
    # Files of which nothing fitted elsewhere, by the branch they were made on: base and text.
    parked: dict[str, dict[str, tuple[str | None, str | None]]] = {}
    # What was applied in other checkouts, by machine and path: it stands in their files alone.
    left: dict[str, list[Patch]] = {}
    # What git had uncommitted when the last round ended.
    dirty: str = ""
    seq: int = 0
    fence: int = Field(default=1)
    digest: str = ""
    # The first digits of every record's digest, by which two histories are compared.
    chain: str = ""
    created: float = 0.0
    updated: float = 0.0
    # What each round made of a file, by which its hunks know their rounds; not kept elsewhere.
    _made: dict[str, list[Made]] = PrivateAttr(default_factory=dict[str, list[Made]])

    @property
    def head(self) -> Head:
        """The last record's place."""
        return Head(self.seq, self.fence, self.digest)

    @property
    def place(self) -> str:
        """The checkout that it works on, by machine and path."""
        return f"{self.machine}:{self.checkout}"

    def follows(self, seq: int, digest: str) -> bool:
        """True where a record with this place and digest is part of this history, or its start."""
        if seq == self.seq:
            return digest == self.digest
        at = (seq - 1) * CHAIN_DIGITS
        return seq == 0 or self.chain[at : at + CHAIN_DIGITS] == digest[:CHAIN_DIGITS] != ""

    @property
    def spent(self) -> int:
        """Tokens that count against the budget, a call under way included."""
        return self.charged + self.reserved

    @property
    def round(self) -> int:
        """The number of the last round that was begun."""
        return len(self.rounds)

    @property
    def unheard(self) -> bool:
        """True where the person said something that no round has answered yet."""
        return bool(self.words) and self.words[-1].after >= self.round

    @property
    def at_round(self) -> int:
        """The round that it is in, for lists and events alike; one that is asked for counts."""
        return self.round + (1 if self.reserved and self.state == "running" else 0)

    def results(self) -> list[Result]:
        """What every action so far came to, in order."""
        return [result for done in self.rounds for result in done.results]

    def proposal(self) -> Proposal:
        """What the session offers now: what was rejected or applied is no longer part of it."""
        found = (
            FileChange(path, self.bases[path], self._pending(path, text))
            for path, text in sorted(self.texts.items())
        )
        remarks = {path: self.remarked(path) for path in self.texts}
        changes = tuple(change for change in found if change.base != change.new)
        return Proposal(self.id, changes, self.summary, remarks)

    def remarked(self, path: str) -> tuple[str, ...]:
        """What a person should see above a file's diff."""
        return (*self.remarks.get(path, ()), *self.tried.get(path, ()))

    def _pending(self, path: str, text: str | None) -> str | None:
        base, hunks = self.bases[path], self.offered.get(path, ())
        pending = [hunk for hunk in hunks if hunk.mark in PENDING]
        if len(pending) == len(hunks):
            return text
        if base is None or text is None:
            return text if pending else base
        lines = split_lines(text)
        return "".join(composed(split_lines(base), [forward(hunk, lines) for hunk in pending]))

    def numbered(self) -> tuple[dict[str, list[Hunk]], int]:
        """The hunks of what is proposed with their numbers, and the highest one ever given."""
        if all(
            path in self.offered for path, text in self.texts.items() if text != self.bases[path]
        ):
            return self.offered, self.hunk_count
        texts = {
            path: Texts(self.bases[path], text, self._made.get(path, ()))
            for path, text in self.texts.items()
        }
        return numbered(texts, {**self.former, **self.offered}, self.hunk_count)

    def numbers(self) -> Json | None:
        """The `hunks` record that gives every hunk its number; None where each has one."""
        files, last = self.numbered()
        if files is self.offered:
            return None
        told = {
            path: [hunk.model_dump(exclude_defaults=True) for hunk in hunks]
            for path, hunks in files.items()
        }
        return {"files": told, "last": last}

    def written(self) -> set[str]:
        """The files that it has written into, or has asked an editor to."""
        return {patch.path for patch in (*self.applied, *self.writing)}

    def hunks(self) -> dict[str, Hunk]:
        """Every hunk that is proposed or was applied, by its id; of what was applied, the last."""
        found = {hunk.id: hunk for patch in self.applied for hunk in patch.hunks}
        return found | {h.id: h for hunks in self.numbered()[0].values() for h in hunks}

    def so_far(self) -> str:
        """What there is to look at, in a sentence, for a person who is handed the session."""
        changed = [change.path for change in self.proposal().changes]
        refused = sum(v["verdict"] == "refuse" for done in self.rounds for v in done.verdicts)
        parts = [f"proposed so far: {', '.join(changed[:8])}" if changed else "nothing is proposed"]
        if len(changed) > 8:
            parts[0] += f" and {len(changed) - 8} more"
        if refused:
            parts.append(f"{refused} {'step' if refused == 1 else 'steps'} refused by the guard")
        told = "; ".join(parts)
        return f"{told[0].upper()}{told[1:]}."

    def changed(self, path: str) -> None:
        """A round has changed a text: its hunks are numbered anew when they are asked for."""
        self._made.setdefault(path, []).append((self.round, self.texts[path]))
        if path in self.offered:
            self.former[path] = self.offered.pop(path)

    def seed(self, path: str) -> None:
        """What stands in a text so far is no later round's doing."""
        self._made[path] = [(0, self.texts[path])]

    def forget(self, path: str) -> None:
        """A file is no longer proposed."""
        for known in (self.bases, self.texts, self.offered, self.former, self._made):
            known.pop(path, None)

    def mark(self, marks: Mapping[str, Mark], edited: Collection[str]) -> None:
        """Sets what has become of hunks, wherever they are kept."""
        proposed = (*self.offered.values(), *self.former.values())
        for hunk in (hunk for hunks in proposed for hunk in hunks):
            if hunk.id in marks:
                hunk.mark, hunk.edited = marks[hunk.id], hunk.id in edited
        for hunk in (hunk for patch in self.applied for hunk in patch.hunks):
            if marks.get(hunk.id) in ("applied", "reverted"):
                hunk.mark, hunk.edited = marks[hunk.id], hunk.id in edited

    def to_summary(self) -> Summary:
        """What a list of sessions shows."""
        return Summary(
            session=self.id,
            workspace=self.workspace,
            state=self.state,
            prompt=self.task.prompt,
            round=self.at_round,
            max_rounds=self.limits.rounds,
            tokens=self.spent,
            max_tokens=self.limits.tokens,
            created=self.created,
            updated=self.updated,
            checkout=self.checkout,
            machine=self.machine,
            applied=any(h.mark == "applied" for patch in self.applied for h in patch.hunks),
            # A base that stayed on another machine is not known before the session comes home.
            proposes=any(
                path not in self.bases or self._pending(path, text) != self.bases[path]
                for path, text in self.texts.items()
            ),
            reverted=any(h.mark == "reverted" for patch in self.applied for h in patch.hunks),
        )

    def take(self, record: Record, texts: Mapping[str, str] | None = None) -> None:
        """Folds the next record in.

        Args:
            record: It.
            texts: Those that it refers to, by their hashes.

        Raises:
            CorruptRecord: It is damaged.
        """
        body = record.read()
        if record.kind == "snapshot":
            for name, value in SessionState(**body):
                setattr(self, name, value)
        else:
            _FOLD[record.kind](self, put_in(record.kind, body, texts or {}))
            place = (record.seq - 1) * CHAIN_DIGITS
            # A history whose beginning is not known has blanks there.
            self.chain = self.chain.ljust(place)[:place] + record.digest[:CHAIN_DIGITS]
        self.seq, self.digest = record.seq, record.digest
        if record.kind == "reply":
            self.round_starts.append(record.seq)
        self.fence = max(self.fence, record.fence)
        self.created = self.created or record.at
        self.updated = record.at


def _task(state: SessionState, body: Json) -> None:
    state.task = Task(**body["task"])
    state.limits = Limits(**body["limits"])
    state.workspace, state.checkout = body["workspace"], body["checkout"]
    state.model, state.machine = body["model"], body["machine"]
    state.branch, state.commit, state.dirty = body["branch"], body["commit"], body["dirty"]


def _call(state: SessionState, body: Json) -> None:
    # A reservation that was never settled belonged to a call that died: it stays charged.
    state.charged += state.reserved
    state.raw += state.reserved
    state.reserved = body["reserved"]


def _unsent(state: SessionState, _: Json) -> None:
    state.reserved = 0


def _reply(state: SessionState, body: Json) -> None:
    state.charged += body["charged"]
    state.raw += body["raw"]
    state.reserved = 0
    state.cached_input = body["cached_input"]
    state.prompt_tokens, state.prompt_bytes = body.get("input", 0), body.get("bytes", 0)
    state.cached += body["cached_input"]
    state.seconds += body["seconds"]
    state.rounds.append(
        Round(number=body["round"], blocks=body["blocks"], stop_reason=body["stop_reason"])
    )
    for word in state.words[body.get("heard", len(state.words)) :]:
        # It was said while the model was at this reply already.
        word.after = state.round


def _verdict(state: SessionState, body: Json) -> None:
    verdicts = state.rounds[-1].verdicts
    index = body.get("index", len(verdicts))
    if index < len(verdicts):
        # The person has answered: their word stands where the question stood.
        verdicts[index] = body
    else:
        verdicts.append(body)
    if body.get("consent"):
        state.consents.append(body["consent"])
        state.agreed = dict(state.texts)
    if body["verdict"] == "refuse" and body["rule"] == "duplicate":
        state.refused += [key for key in body["details"] if key not in state.refused]
    for path, lines in body.get("remarks", {}).items():
        state.remarks.setdefault(path, []).extend(lines)


def _result(state: SessionState, body: Json) -> None:
    state.unreadable = 0
    for change in body.get("changes", ()):
        path = change["path"]
        state.bases.setdefault(path, change.get("base"))
        state.texts[path] = change["new"]
        state.changed(path)
    result = Result(**body["result"])
    state.seconds += result.seconds
    result.proposal = _standing(state) if body.get("changes") else _stood(state)
    state.rounds[-1].results.append(result)


def _standing(state: SessionState) -> str:
    """A digest of what is proposed; empty where that is nothing."""
    changed = [(path, new) for path, new in sorted(state.texts.items()) if new != state.bases[path]]
    return text_hash(repr(changed)) if changed else ""


def _stood(state: SessionState) -> str:
    """The digest as of the last result."""
    for done in reversed(state.rounds):
        if done.results:
            return done.results[-1].proposal
    return ""


def _round(state: SessionState, body: Json) -> None:
    last = state.rounds[-1]
    last.over, last.branch, last.commit = True, body["branch"], body["commit"]
    state.dirty = last.dirty = body["dirty"]
    if not state.commit:
        # From then on only the person's word moves it: a switch in the midst of a round is one.
        state.branch, state.commit = last.branch, last.commit


def _note(state: SessionState, body: Json) -> None:
    if body.get("unreadable"):
        state.unreadable += 1
        state.misread += 1
    if body.get("wrap_up"):
        state.wrapping_up = True
    if state.rounds:
        state.rounds[-1].notes.append(body["text"])


def _state(state: SessionState, body: Json) -> None:
    state.state, state.reason = body["state"], body["reason"]
    if state.state == "running" and state.pause == "stuck":
        state.watched_from = state.round
    state.pause = body.get("pause", "")
    state.seconds += body.get("seconds", 0.0)
    if state.pause:
        state.pauses[state.pause] = state.pauses.get(state.pause, 0) + 1
    if state.state == "running":
        # A person who resumes gives the model its tries anew.
        state.unreadable = 0


def _proposal(state: SessionState, body: Json) -> None:
    state.summary = body["summary"]
    # One that was offered before was tried as it was then.
    state.tried = body.get("remarks", {})


def _hunks(state: SessionState, body: Json) -> None:
    state.offered = {
        path: [Hunk(**hunk) for hunk in hunks] for path, hunks in body["files"].items()
    }
    state.former, state.hunk_count = {}, body["last"]


def _marks(state: SessionState, body: Json) -> None:
    state.mark(body["set"], frozenset(body.get("edited", ())))


def _applying(state: SessionState, body: Json) -> None:
    """An intent: what is about to be written, so that it can be taken back after a crash, too."""
    state.writing = [Patch(**patch) for patch in body.get("patches", ())]


def _applied(state: SessionState, body: Json) -> None:
    """What of the intent came about; the texts stay, for undo."""
    marks: dict[str, Mark] = body["set"]
    for patch in state.writing:
        patch.hunks = [hunk for hunk in patch.hunks if hunk.id in marks]
        if patch.hunks:
            state.applied.append(patch)
    state.writing = []
    _marks(state, body)


def _rebased(state: SessionState, body: Json) -> None:
    """The person's texts moved on, and what is proposed with them."""
    left = body.get("left")
    for path, texts in body["files"].items():
        if texts is None and left and path in state.texts:
            state.parked.setdefault(left, {})[path] = (state.bases[path], state.texts[path])
        if texts is not None:
            state.parked.get(state.branch, {}).pop(path, None)
        known = state.offered.get(path) or state.former.get(path) or []
        state.forget(path)
        if texts is not None:
            state.bases[path], state.texts[path] = texts["base"], texts["new"]
            # They say what they said, wherever they stand now; no round made them anew. What was
            # applied or rejected is no part of these texts: the same edit elsewhere is a new one.
            state.former[path] = [hunk for hunk in known if hunk.mark in PENDING]
            state.seed(path)
        elif not left:
            # What was remarked on it is no longer part of what is proposed.
            state.remarks.pop(path, None)
    state.taken_back = body.get("back", [])
    state.rounds[-1].notes.append(body["note"])


def _moved(state: SessionState, body: Json) -> None:
    state.branch, state.commit = body["branch"], body["commit"]
    if state.rounds:
        state.rounds[-1].notes.append(body["note"])


def _word(state: SessionState, body: Json) -> None:
    state.words.append(Word(after=state.round, said=Task(**body["said"])))
    state.unreadable = 0
    state.watched_from = state.round


def _grant(state: SessionState, body: Json) -> None:
    state.limits.rounds += body["rounds"]
    state.limits.tokens += body["tokens"]
    state.limits.minutes += body["minutes"]
    state.wrapping_up = False
    state.watched_from = state.round


def _compacted(state: SessionState, body: Json) -> None:
    """The prompt begins anew, so nothing of the last one is known or cached any more."""
    state.compacted, state.earlier = body["through"], body["earlier"]
    state.compactions += 1
    state.cached_input = state.prompt_bytes = state.prompt_tokens = 0


def _lease(state: SessionState, body: Json) -> None:
    here, there = f"{body['machine']}:{body['checkout']}", state.place
    if here != there and state.machine:
        # What was applied stands in the files there; it can be undone there, and not here.
        state.left[there] = [*state.applied, *state.writing]
        state.applied, state.writing = state.left.pop(here, []), []
    state.checkout, state.machine = body["checkout"], body["machine"]
    # An imported session belongs to the workspace that it was brought into.
    state.workspace = body.get("workspace", state.workspace)


_FOLD: dict[Kind, Any] = {
    "task": _task,
    "call": _call,
    "unsent": _unsent,
    "reply": _reply,
    "verdict": _verdict,
    "result": _result,
    "round": _round,
    "note": _note,
    "state": _state,
    "proposal": _proposal,
    "applying": _applying,
    "applied": _applied,
    "undone": _marks,
    "redone": _marks,
    "hunks": _hunks,
    "marks": _marks,
    "rebased": _rebased,
    "moved": _moved,
    "grant": _grant,
    "word": _word,
    "compacted": _compacted,
    "lease": _lease,
}
