"""Whatever a person, an agent and an editor do to the same files, in whatever order.

One oracle: no line is lost or put anywhere but where an accepted hunk says so; taking everything
back gives the person's own text; the state that is told of each hunk is the one in the files.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from steadyhand_agent.decisions import Decisions, Outcome
from steadyhand_agent.errors import SessionError, StaleDocument
from steadyhand_agent.ports import ApplyReport, FileOutcome
from steadyhand_agent.proposals.changes import FileChange, split_lines
from steadyhand_agent.proposals.hunks import PENDING
from steadyhand_agent.proposals.merge import changed_runs
from steadyhand_agent.proposals.offer import offer
from steadyhand_agent.proposals.rebase import rebased
from steadyhand_agent.proposals.standing import differing
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Record, record
from steadyhand_agent.state.texts import taken_out

EXAMPLES = 20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 500
SEEDS = st.integers(0, 10_000)
PATHS = st.sampled_from(["a.py", "b.py"])
# Lines as they come: some many times, some with odd ends.
COMMON = ["\n", "x\n", "    return\n", "\f\n", "é\u2028\n", "end\r\n"]
GIT = {"branch": "", "commit": "", "dirty": ""}
TASK = {
    "task": {"prompt": "p"},
    "limits": {},
    "workspace": "w",
    "checkout": "c",
    "model": "m",
    "machine": "",
    **GIT,
}


def done(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs what waits for nothing."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


class Machine(RuleBasedStateMachine):
    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        self.count = 0
        self.texts: dict[str, str] = {}
        for path in ("a.py", "b.py"):
            lines = [
                self.line("l") if (seed >> n) % 3 else COMMON[(seed + n) % 6] for n in range(9)
            ]
            self.texts[path] = "".join(lines)
        # What the files would hold had nothing of the agent's ever been applied; None of a file
        # where the person has worked on the agent's own lines, so that nobody can say.
        self.own: dict[str, str | None] = dict(self.texts)
        self.records: list[tuple[Record, dict[str, str]]] = []
        self.state = SessionState(id="s", workspace="w")
        self.partly = 0
        self.before_apply: dict[str, str | None] = {}
        self.keep("task", TASK)
        self.the_agent_edits("a.py", seed + 1)

    # --- the session ---

    def line(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}\n"

    def keep(self, kind: Any, body: Any) -> None:
        kept, texts = taken_out(kind, body)
        item = record("s", self.state.head, kind, kept, fence=1, at=1.0)
        self.state.take(item, texts)
        self.records.append((item, texts))

    async def kept(self, kind: Any, body: Any) -> None:
        self.keep(kind, body)

    def read(self, path: str) -> str | None:
        return self.texts.get(path)

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.state, self.kept, self, self.read)  # type: ignore[arg-type]

    def text(self, path: str) -> str | None:
        return self.texts.get(path)

    async def apply(
        self, changes: Sequence[FileChange], label: str, *, preview: bool = False
    ) -> ApplyReport:
        """The editor: it may do a part alone, and says whatever it likes."""
        report: list[FileOutcome] = []
        for number, change in enumerate(changes):
            assert self.texts.get(change.path) == change.base, "an edit of another text"
            new, status = change.new, "applied"
            if self.partly:
                if change.base is None or new is None:
                    if (self.partly + number) % 2:
                        report.append(FileOutcome(change.path, "refused", "no"))
                        continue
                else:
                    new = self.part_of(change.base, new)
                    if new != change.new:
                        # Where lines repeat it is no part that hunks could be made of.
                        self.own[change.path] = None
                    status = "unconfirmed" if new != change.new else "applied"
                    status = "refused" if new == change.base != change.new else status
            if new is None:
                del self.texts[change.path]
            else:
                self.texts[change.path] = new
            report.append(FileOutcome(change.path, status))  # type: ignore[arg-type]
        return ApplyReport(report)

    def part_of(self, base: str, new: str) -> str:
        old, lines = split_lines(base), split_lines(new)
        out, at = "", 0
        for number, (first, end, new_first, new_end) in enumerate(changed_runs(old, lines)):
            out += "".join(old[at:first])
            take = (self.partly >> number) % 2
            out += "".join(lines[new_first:new_end] if take else old[first:end])
            at = end
        return out + "".join(old[at:])

    # --- the agent ---

    @rule(path=PATHS, seed=SEEDS)
    def the_agent_edits(self, path: str, seed: int) -> None:
        if self.state.rounds and (moved := rebased(self.state, self.read)):
            self.keep("rebased", moved)
        number = self.state.round + 1
        reply = {"round": number, "blocks": [], "stop_reason": "tool_use", "charged": 1, "raw": 1}
        self.keep("reply", reply | {"cached_input": 0, "seconds": 0.1})
        now = self.state.texts[path] if path in self.state.texts else self.texts.get(path)
        new: str | None
        if now is None:
            new = "".join(self.line("g") for _ in range(1 + seed % 3))
        elif seed % 17 == 0:
            new = None
        else:
            new = self.edited(now, seed, "g")
        change = {"path": path, "new": new}
        if path not in self.state.bases:
            change["base"] = self.texts.get(path)
        self.keep("result", {"result": {"text": "ok"}, "changes": [change]})

    def edited(self, text: str, seed: int, kind: str) -> str:
        lines = split_lines(text)
        for step in range(1 + seed % 3):
            at = (seed >> (2 * step)) % (len(lines) + 1)
            # Put in, replaced, or taken out; now and then a line as there are many.
            what = (seed + step) % 4
            new = COMMON[seed % 6] if (seed + step) % 5 == 0 else self.line(kind)
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += "\n"
            lines[at : at + (what > 1)] = [] if what == 3 else [new]
        if seed % 11 == 0 and lines:
            lines[-1] = lines[-1].rstrip("\n") or lines[-1]
        return "".join(lines)

    # --- the person ---

    @rule(path=PATHS, seed=SEEDS)
    def the_person_types(self, path: str, seed: int) -> None:
        if path not in self.texts:
            self.texts[path] = self.line("p")
            self.own[path] = None
            return
        before = self.texts[path]
        after = self.texts[path] = self.edited(before, seed, "p")
        # The same on what would stand there without the agent, where that can be said.
        own = self.own[path]
        self.own[path] = after if own == before else None
        if any(mark == "applied" for mark, _ in differing(self.state, self.read).values()):
            # By chance it is what a hunk said that was taken back: nobody can tell whose it is.
            self.own[path] = None

    @rule(path=PATHS, seed=SEEDS)
    def the_person_types_far_away(self, path: str, seed: int) -> None:
        """At an end of the file, with a few lines between, so that nobody's lines are touched."""
        if path not in self.texts:
            return
        far = "".join([self.line("p"), *(self.line("far") for _ in range(3))])
        near = "".join([*(self.line("far") for _ in range(3)), self.line("p")])
        for texts in (self.texts, self.own):
            text = texts.get(path)
            if text is None:
                continue
            if seed % 2:
                texts[path] = far + text
            elif text.endswith("\n") or not text:
                texts[path] = text + near
            elif texts is self.texts:
                self.own[path] = None
                return

    @rule(path=PATHS)
    def the_person_deletes(self, path: str) -> None:
        self.texts.pop(path, None)
        self.own[path] = None

    @rule(path=PATHS)
    def the_editors_own_undo(self, path: str) -> None:
        """It brings back a text as it was before the last edit of ours."""
        text = self.before_apply.get(path)
        if text is not None and path in self.texts:
            self.texts[path] = text
            self.own[path] = None

    # --- decisions ---

    def any(self, mark: str) -> bool:
        return any(hunk.mark == mark for patch in self.state.applied for hunk in patch.hunks)

    def ids(self, seed: int, wanted: frozenset[str]) -> list[str]:
        found = [id for id, hunk in self.state.hunks().items() if hunk.mark in wanted]
        return [id for n, id in enumerate(found) if (seed >> n) % 2] or found[:1]

    @precondition(lambda self: bool(self.state.proposal().changes))
    @rule(seed=SEEDS, mark=st.sampled_from(["accepted", "rejected"]))
    def marks(self, seed: int, mark: Any) -> None:
        done(self.decisions.number())
        if ids := self.ids(seed, PENDING | {"rejected"}):
            done(self.decisions.mark(ids, mark))

    @precondition(lambda self: bool(self.state.proposal().changes))
    @rule(seed=SEEDS, some=st.booleans(), partly=st.one_of(st.just(0), SEEDS))
    def applies(self, seed: int, some: bool, partly: int) -> None:
        done(self.decisions.number())
        ids = self.ids(seed, PENDING) if some else []
        self.judged(self.decisions.apply(ids, "apply"), partly)

    @precondition(lambda self: self.any("applied"))
    @rule(seed=SEEDS, some=st.booleans(), partly=st.one_of(st.just(0), SEEDS))
    def takes_back(self, seed: int, some: bool, partly: int) -> None:
        ids = self.ids(seed, frozenset({"applied"})) if some else []
        ids = [id for id in ids if any(h.id == id for p in self.state.applied for h in p.hunks)]
        self.judged(self.decisions.back(ids, "undo"), partly)

    @precondition(lambda self: self.any("reverted"))
    @rule(seed=SEEDS, some=st.booleans())
    def brings_back(self, seed: int, some: bool) -> None:
        ids = self.ids(seed, frozenset({"reverted"})) if some else []
        self.judged(self.decisions.again(ids, "redo"), 0)

    def judged(self, work: Coroutine[Any, Any, Outcome], partly: int) -> None:
        """Lets a decision be carried out, and looks at every line of every file afterwards."""
        before = dict(self.texts)
        self.partly = partly
        try:
            done(work)
        except (SessionError, StaleDocument):
            assert self.texts == before, "it failed, and wrote"
            return
        finally:
            self.partly = 0
        pieces = self.pieces()
        for path in ("a.py", "b.py"):
            old, new = self.read(path), self.read(path)
            old = before.get(path)
            if old == new:
                continue
            self.before_apply[path] = old
            was, now = split_lines(old or ""), split_lines(new or "")
            gone, come = Counter(was) - Counter(now), Counter(now) - Counter(was)
            stray = (gone | come) - Counter(pieces[path])
            if partly:
                # An editor that does a part may cut a run of lines that repeat where it likes.
                stray = Counter(line for line in stray if line[:1] == "p")
            assert not stray, path
            once = [line for line in was if was.count(line) == now.count(line) == 1]
            untouched = [line for line in once if line not in pieces[path]]
            kept = [line for line in now if line in untouched]
            assert partly or untouched == kept, "in another order"

    def pieces(self) -> dict[str, list[str]]:
        """Every line that is part of a hunk, by file."""
        found: dict[str, list[str]] = {"a.py": [], "b.py": []}
        for patch in self.state.applied:
            base, new = split_lines(patch.base or ""), split_lines(patch.new or "")
            for hunk in patch.hunks:
                found[patch.path] += base[hunk.first : hunk.end]
                found[patch.path] += new[hunk.new_first : hunk.new_end]
        return found

    @precondition(lambda self: self.any("applied"))
    @rule()
    def takes_everything_back(self) -> None:
        try:
            outcome: Outcome = done(self.decisions.back([], "undo"))
        except (SessionError, StaleDocument):
            return
        if outcome.conflicts:
            return
        for path, own in self.own.items():
            if own is not None:
                assert self.texts.get(path) == own

    @precondition(lambda self: len(self.records) > 4)
    @rule()
    def starts_again(self) -> None:
        """Whoever was killed knows what the journal says, and nothing else."""
        known = self.state.model_dump()
        texts = {name: text for _, some in self.records for name, text in some.items()}
        self.state = SessionState(id="s")
        for item, _ in self.records:
            self.state.take(item, texts)
        assert self.state.model_dump() == known

    @precondition(lambda self: hasattr(self, "state"))
    @invariant()
    def what_is_told_is_true(self) -> None:
        told = offer(self.state, self.read)
        # Of several patches one may have replaced what another had brought.
        patched = Counter(patch.path for patch in self.state.applied)
        alone = {
            h.id for p in self.state.applied if patched[p.path] == 1 and p.base for h in p.hunks
        }
        for file in told.files:
            text = self.read(file.path)
            assert file.base == text
            for shown in file.hunks:
                hunk = shown.hunk
                whole = shown.kind != "edit"
                if hunk.mark == "applied" and not hunk.edited and not whole:
                    assert shown.new in (text or ""), (shown, text)
                if hunk.mark == "reverted" and not hunk.edited and hunk.id in alone:
                    assert shown.old in (text or ""), (shown, text)
                if hunk.mark in ("open", "accepted") and not whole and text is not None:
                    first, end = shown.place
                    stands = "".join(split_lines(text)[first:end])
                    assert stands in (shown.old, shown.new), (shown, text)
                if hunk.mark == "conflict":
                    assert shown.now is not None or text is None


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None)
