"""Hunks: their numbers and rounds, merging them onto what stands, taking them back."""

from __future__ import annotations

import os
import re
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from steadyhand_agent.decisions import Decisions
from steadyhand_agent.errors import SessionError, StaleDocument
from steadyhand_agent.ports import ApplyReport, FileOutcome
from steadyhand_agent.proposals.changes import split_lines
from steadyhand_agent.proposals.formatting import formatted
from steadyhand_agent.proposals.hunks import (
    Hunk,
    Patch,
    Texts,
    forward,
    hunks_between,
    kind_of,
    numbered,
)
from steadyhand_agent.proposals.merge import carry, changed_runs, matching
from steadyhand_agent.proposals.offer import offer
from steadyhand_agent.proposals.plan import plan_back
from steadyhand_agent.proposals.rebase import rebased
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import record
from steadyhand_agent.state.outward import home, of_body, of_state
from steadyhand_agent.state.texts import taken_out
from steadyhand_agent.workspace import Workspace
from steadyhand_server import writing
from steadyhand_server.terminal import TerminalEditor

TEXTS = st.text(st.sampled_from("ab\n\r\f\u2028é"), max_size=30)
FILES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "d\r\n", "e\f\n"]), max_size=12)
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


class Files:
    """A session on real files, decided upon in a terminal."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace([root])
        self.editor = TerminalEditor(self.workspace, Console(quiet=True), yes=True)
        self.state = SessionState(id="s", workspace="w")
        self.keep("task", TASK)

    def keep(self, kind, body) -> None:
        kept, texts = taken_out(kind, body)
        self.state.take(record("s", self.state.head, kind, kept, fence=1, at=1.0), texts)

    async def kept(self, kind, body) -> None:
        self.keep(kind, body)

    @property
    def decide(self) -> Decisions:
        return Decisions(self.state, self.kept, self.editor, self.workspace.present)

    def proposes(self, path: str, new: str | None, base: str | None) -> None:
        number = self.state.round + 1
        reply = {"round": number, "blocks": [], "stop_reason": "x", "charged": 1, "raw": 1}
        self.keep("reply", reply | {"cached_input": 0, "seconds": 0.1})
        change = {"path": path, "new": new, "base": base}
        self.keep("result", {"result": {"text": "ok"}, "changes": [change]})

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_bytes(text.encode())

    def bytes(self, path: str) -> bytes:
        return (self.root / path).read_bytes()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


# --- matching and merging ---


@given(FILES, FILES)
def test_what_matches_is_the_same_in_both_and_in_order(old: list[str], new: list[str]) -> None:
    at, at_new = 0, 0
    for start, start_new, size in matching(old, new):
        assert start >= at
        assert start_new >= at_new
        assert old[start : start + size] == new[start_new : start_new + size]
        at, at_new = start + size, start_new + size
    assert (at, at_new) == (len(old), len(new))


@given(FILES, FILES)
def test_runs_lead_from_one_text_to_the_other(old: list[str], new: list[str]) -> None:
    out: list[str] = []
    at = 0
    for first, end, new_first, new_end in changed_runs(old, new):
        assert (first, new_first) != (end, new_end)
        out += old[at:first] + new[new_first:new_end]
        at = end
    assert out + old[at:] == new


@given(FILES, FILES, FILES)
def test_a_merge_keeps_every_line_that_was_typed(
    old: list[str], new: list[str], typed: list[str]
) -> None:
    """Where nothing collides; where something does, it is the typed text that stays."""
    base, wanted, now = "".join(old), "".join(new), "".join(typed)
    hunks = hunks_between(base, wanted)
    changes = [
        forward(hunk.model_copy(update={"id": f"h{n}"}), split_lines(wanted))
        for n, hunk in enumerate(hunks)
    ]
    carried = carry(base, changes, now)
    assert sorted([*carried.done, *carried.there, *carried.conflicts]) == [c.id for c in changes]
    gone = [line for c in changes if c.id in carried.done for line in old[c.first : c.end]]
    left = list(typed)
    for line in gone:
        left.remove(line)
    result = split_lines(carried.text)
    for line in left:
        result.remove(line)
    came = [line for c in changes if c.id in carried.done for line in c.lines]
    assert sorted(result) == sorted(came)
    if now == base:
        assert carried.text == wanted


def patch(base: str | None, new: str | None) -> Patch:
    hunks = hunks_between(base, new)
    for number, hunk in enumerate(hunks):
        hunk.id, hunk.mark = f"h{number}", "applied"
    return Patch(path="a.py", base=base, new=new, hunks=hunks)


def take_back(current: str, base: str | None, new: str | None) -> str | None:
    """The current text without a whole patch; fails where the same lines were edited."""
    applied = patch(base, new)
    plan = plan_back(applied, [hunk.id for hunk in applied.hunks], lambda _: current)
    if plan.conflicts:
        raise StaleDocument(plan.sentence())
    return plan.after


BASE = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"
NEW = BASE.replace("four\n", "4\n4.5\n")


def test_untouched_text_goes_back_to_the_base() -> None:
    assert take_back(NEW, BASE, NEW) == BASE


@pytest.mark.parametrize(
    ("old", "typed"),
    [("one\n", "zero\none\n"), ("one\n", ""), ("seven\n", "seven\neight\n"), ("seven\n", "7")],
)
def test_what_was_typed_elsewhere_is_kept(old: str, typed: str) -> None:
    assert take_back(NEW.replace(old, typed), BASE, NEW) == BASE.replace(old, typed)


@pytest.mark.parametrize("typed", ["4!\n", "", "4\n4.25\n"])
def test_what_was_typed_in_the_same_lines_is_never_lost(typed: str) -> None:
    with pytest.raises(StaleDocument, match=r"a\.py was changed on the same lines"):
        take_back(NEW.replace("4\n", typed, 1), BASE, NEW)


def test_a_new_file_that_was_edited_stays_and_one_that_was_added_to_loses_ours() -> None:
    with pytest.raises(StaleDocument, match="was edited since"):
        take_back("x!\n", None, "x\n")
    assert take_back("mine\nx\nmine, too\n", None, "x\n") == "mine\nmine, too\n"
    assert take_back("x\n", None, "x\n") is None


@pytest.mark.parametrize("typed", ["three\nmine\n4\n4.5\nfive\n", "three\n4\n4.5\nmine\nfive\n"])
def test_what_was_put_in_right_beside_a_hunk_stays_there(typed: str) -> None:
    mine = typed.replace("4\n4.5\n", "four\n")
    current = NEW.replace("three\n4\n4.5\nfive\n", typed)
    assert take_back(current, BASE, NEW) == BASE.replace("three\nfour\nfive\n", mine)


def test_a_last_line_without_an_end_does_not_run_into_what_was_typed_below() -> None:
    hunks = hunks_between("one\ntwo\n", "one\n2")
    change = forward(hunks[0].model_copy(update={"id": "h"}), split_lines("one\n2"))
    carried = carry("one\ntwo\n", [change], "one\ntwo\nmine\n")
    assert (carried.conflicts, carried.text) == (["h"], "one\ntwo\nmine\n")


@given(TEXTS, TEXTS)
def test_taking_back_at_once_restores_the_base(base: str, new: str) -> None:
    assert take_back(new, base, new) == base


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_text_that_was_typed_above_and_below_is_kept(
    base: str, new: str, above: str, below: str
) -> None:
    """A few unique lines stand between, so that the places cannot be mistaken."""
    head, tail = "head 1\nhead 2\nhead 3\n", "\ntail 1\ntail 2\ntail 3\n"
    current = above + "\n" + head + new + tail + below
    found = take_back(current, head + base + tail, head + new + tail)
    assert found == above + "\n" + head + base + tail + below


# --- numbers and rounds ---


def test_a_hunk_keeps_its_number_as_long_as_it_says_the_same() -> None:
    first = {"a": Texts("1\n2\n3\n4\n5\n", "1\nB\n3\n4\nE\n")}
    hunks, last = numbered(first, {}, 0)
    assert ([h.id for h in hunks["a"]], last) == (["h1", "h2"], 2)
    hunks["a"][1].mark = "rejected"
    # Another one above, and the first one says something else.
    second = {"a": Texts("1\n2\n3\n4\n5\n", "0\n1\nBB\n3\n4\nE\n")}
    again, last = numbered(second, hunks, last)
    assert [(h.id, h.mark) for h in again["a"]] == [
        ("h3", "open"), ("h4", "open"), ("h2", "rejected"),
    ]  # fmt: skip
    assert last == 4


def test_each_hunk_knows_the_rounds_that_made_it() -> None:
    base = "".join(f"{n}\n" for n in range(20))
    one = base.replace("3\n", "three\n", 1)
    two = one.replace("10\n", "")
    three = two.replace("three\n", "three\nand a half\n").replace("19\n", "nineteen\n")
    texts = {"a": Texts(base, three, [(1, one), (2, two), (5, three)])}
    hunks, _ = numbered(texts, {}, 0)
    assert [h.rounds for h in hunks["a"]] == [[1, 5], [2], [5]]


def test_a_file_that_moves_is_one_hunk_in_two_places() -> None:
    text = "".join(f"line {n}\n" for n in range(10))
    texts = {
        "old.py": Texts(text, None),
        "new.py": Texts(None, text + "more\n"),
        "other.py": Texts(None, "else\n"),
    }
    hunks, _ = numbered(texts, {}, 0)
    assert hunks["old.py"][0].id == hunks["new.py"][0].id
    assert hunks["other.py"][0].id != hunks["new.py"][0].id
    assert [kind_of(t.base, t.new) for t in texts.values()] == ["delete", "create", "create"]


# --- on real files, byte for byte ---


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a = 1\r\nb = 2\r\nc = 3\r\n", id="crlf"),
        pytest.param("a = 1\nb = 2\r\nc = 3\n", id="mixed line ends"),
        pytest.param("a = 1\rb = 2\nc = 3\n", id="a carriage return alone"),
        pytest.param("a = 1\nb = 2\nc = 3", id="no final line end"),
        pytest.param("\ufeffa = 1\nb = 2\n", id="byte order mark"),
        pytest.param("\ta = 1\n\t\tb = 2\n", id="tabs"),
        pytest.param("a = 1\n\fb = 2\nx\fy\n", id="form feeds"),
        pytest.param("a = '\u2028'\nb = 2\u2029\n", id="other separators"),
        pytest.param("a = '𝒳🙂'\nb = 2\n", id="astral"),
        pytest.param("a = 'e\u0301'\nb = 2\n", id="combining marks"),
        pytest.param("a = '" + "x" * 900_000 + "'\nb = 2\n", id="a line of a megabyte"),
        pytest.param("b = 2\n", id="one line"),
    ],
)
async def test_all_that_is_no_part_of_a_hunk_stays_byte_for_byte(files: Files, text: str) -> None:
    files.write("a.py", text)
    base = files.workspace.present("a.py")
    assert base is not None
    new = base.replace("b = 2", "b = 22")
    files.proposes("a.py", new, base)
    # The person goes on meanwhile, above.
    files.write("a.py", "# mine\n\n" + text)
    before = files.bytes("a.py")
    outcome = await files.decide.apply([], "apply")
    assert outcome.complete
    assert files.bytes("a.py") == before.replace(b"b = 2", b"b = 22")
    await files.decide.back([], "undo")
    assert files.bytes("a.py") == before


async def test_an_empty_file_and_one_that_is_emptied(files: Files) -> None:
    files.write("empty.py", "")
    files.write("full.py", "x = 1\n")
    files.proposes("empty.py", "y = 1\n", "")
    files.proposes("full.py", "", "x = 1\n")
    await files.decide.apply([], "apply")
    assert (files.bytes("empty.py"), files.bytes("full.py")) == (b"y = 1\n", b"")
    await files.decide.back([], "undo")
    assert (files.bytes("empty.py"), files.bytes("full.py")) == (b"", b"x = 1\n")


async def test_what_is_no_text_any_more_is_refused_with_the_reason(files: Files) -> None:
    files.write("a.py", "x = 1\n")
    files.proposes("a.py", "x = 2\n", "x = 1\n")
    (files.root / "a.py").write_bytes(b"x = '\xff\xfe'\n")
    with pytest.raises(StaleDocument, match="is not UTF-8 text"):
        await files.decide.apply([], "apply")
    assert files.bytes("a.py") == b"x = '\xff\xfe'\n"
    (shown,) = offer(files.state, files.workspace.present).hunks()
    assert shown.hunk.mark == "conflict"


async def test_mode_and_owner_are_kept(files: Files) -> None:
    files.write("run.sh", "echo 1\n")
    (files.root / "run.sh").chmod(0o751)
    if os.getuid() == 0:
        os.chown(files.root / "run.sh", 12345, 12345)
    before = os.stat(files.root / "run.sh")
    files.proposes("run.sh", "echo 2\n", "echo 1\n")
    await files.decide.apply([], "apply")
    after = os.stat(files.root / "run.sh")
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode, before.st_uid, before.st_gid,
    )  # fmt: skip


# --- formatters ---


def patch_of(base: str, new: str) -> Patch:
    hunks = hunks_between(base, new)
    for number, hunk in enumerate(hunks):
        hunk.id, hunk.mark = f"h{number}", "applied"
    return Patch(path="a", base=base, new=new, hunks=hunks)


NUMBERS = st.lists(st.integers(0, 20), max_size=12, unique=True)


@given(NUMBERS, NUMBERS, st.lists(st.sampled_from(["", "  ", "\n"]), min_size=12, max_size=12))
def test_what_is_formatted_goes_back_to_the_base_but_for_the_formatting(
    old: list[int], new: list[int], put_in: list[str]
) -> None:
    base, sent = ("".join(f"line {n}\n" for n in numbers) for numbers in (old, new))
    now = "".join(before + line for before, line in zip(put_in, split_lines(sent), strict=False))
    patch = formatted(patch_of(base, sent), now)
    if patch is None:
        return
    assert patch.new == now
    plan = plan_back(patch, {hunk.id for hunk in patch.hunks}, lambda _: now)
    assert plan.after is not None and not plan.conflicts
    kept = [line.strip() for line in plan.after.split("\n") if line.strip()]
    assert kept == base.split("\n")[:-1]


def test_a_formatter_is_told_from_a_person() -> None:
    base = "a\nb\nc\nd\n"
    patch = patch_of(base, "a\nf(x, 'y')\nc\ne\nd\n")
    shaped = formatted(patch, 'a\nf(\n    x,\n    "y",\n)\nc\ne\nd\n')
    assert shaped is not None
    assert [(h.first, h.end, h.new_first, h.new_end) for h in shaped.hunks] == [
        (1, 2, 1, 5), (3, 3, 6, 7),
    ]  # fmt: skip
    for other in (None, base, patch.new, "a\nf(x, 'z')\nc\ne\nd\n"):
        assert formatted(patch, other) is None
    # Two that are one by now cannot be told apart any more.
    assert formatted(patch, "a\nf(x, 'y');c;e\nd\n") is None
    assert formatted(patch_of(base, "b\n").model_copy(update={"base": None}), " b\n") is None


# --- what a crash leaves ---


@pytest.mark.parametrize("written", [True, False])
async def test_a_write_whose_outcome_was_not_kept_is_found_out(files: Files, written: bool) -> None:
    """The process died between the intent and the outcome."""
    files.write("a.py", BASE)
    files.proposes("a.py", NEW, BASE)

    class Died(Exception):
        pass

    apply = files.editor.apply

    async def dies(changes, label, *, preview=False):
        if written:
            await apply(changes, label)
        raise Died

    files.editor.apply = dies
    with pytest.raises(Died):
        await files.decide.apply([], "apply")
    files.editor.apply = apply
    assert files.state.writing
    await files.decide.observe()
    assert not files.state.writing
    mark = "applied" if written else "open"
    assert [h.mark for h in files.state.hunks().values()] == [mark]
    if written:
        await files.decide.back([], "undo")
        assert files.bytes("a.py") == BASE.encode()
    else:
        with pytest.raises(SessionError):
            await files.decide.back([], "undo")


# --- the next round ---


def test_a_proposal_moves_along_with_the_person(files: Files) -> None:
    files.write("a.py", BASE)
    files.proposes("a.py", NEW, BASE)
    assert rebased(files.state, files.workspace.present) is None
    files.write("a.py", "zero\n" + BASE)
    moved = rebased(files.state, files.workspace.present)
    assert moved is not None
    assert moved["files"] == {"a.py": {"base": "zero\n" + BASE, "new": "zero\n" + NEW}}
    assert "carried over" in moved["note"]
    files.keep("rebased", moved)
    assert rebased(files.state, files.workspace.present) is None
    assert [c.new for c in files.state.proposal().changes] == ["zero\n" + NEW]


async def test_the_next_round_sees_what_was_applied_and_what_was_rejected(files: Files) -> None:
    files.write("a.py", BASE)
    files.proposes("a.py", NEW.replace("one\n", "1\n").replace("seven\n", "7\n"), BASE)
    await files.decide.number()
    await files.decide.apply(["h1"], "apply")
    await files.decide.mark(["h3"], "rejected")
    moved = rebased(files.state, files.workspace.present)
    assert moved is not None
    base = BASE.replace("one\n", "1\n")
    assert moved["files"] == {"a.py": {"base": base, "new": NEW.replace("one\n", "1\n")}}
    assert "rejected an edit" in moved["note"]
    files.keep("rebased", moved)
    hunks = {h.id: h.mark for h in files.state.hunks().values()}
    assert hunks["h1"] == "applied"
    assert "open" in hunks.values()


def test_an_edit_that_no_longer_fits_is_told_to_the_model(files: Files) -> None:
    files.write("a.py", BASE)
    files.proposes("a.py", NEW, BASE)
    files.write("a.py", BASE.replace("four\n", "FOUR\n"))
    moved = rebased(files.state, files.workspace.present)
    assert moved is not None
    assert moved["files"] == {"a.py": None}
    assert "read the file before you edit it again" in moved["note"]


# --- what a review proved, and must not come back ---


def test_an_acceptance_stays_with_the_hunk_that_was_looked_at() -> None:
    """Two hunks say the same; the one that was accepted is taken back by the agent."""
    base = "".join("x\n" if n in (3, 20) else f"{n}\n" for n in range(25))
    both = base.replace("x\n", "y\n")
    hunks, last = numbered({"a": Texts(base, both)}, {}, 0)
    hunks["a"][0].mark = "accepted"
    one = "".join("y\n" if n == 20 else line for n, line in enumerate(split_lines(base)))
    again, _ = numbered({"a": Texts(base, one)}, hunks, last)
    assert [(h.id, h.mark, h.first) for h in again["a"]] == [("h2", "open", 20)]


def test_an_acceptance_does_not_wander_to_a_twin_that_a_later_round_makes_above() -> None:
    base = "x\n1\n2\nx\n3\n"
    one, both = "x\n1\n2\ny\n3\n", "y\n1\n2\ny\n3\n"
    hunks, last = numbered({"a": Texts(base, one, [(1, one)])}, {}, 0)
    hunks["a"][0].mark = "accepted"
    again, _ = numbered({"a": Texts(base, both, [(1, one), (2, both)])}, hunks, last)
    assert [(h.id, h.first, h.mark) for h in again["a"]] == [
        ("h2", 0, "open"), ("h1", 3, "accepted"),
    ]  # fmt: skip
    # The other way about: what was accepted is gone, and its twin was not looked at.
    above = "y\n1\n2\nx\n3\n"
    again, _ = numbered({"a": Texts(base, above, [(1, one), (2, above)])}, hunks, last)
    assert [(h.id, h.first, h.mark) for h in again["a"]] == [("h2", 0, "open")]


@pytest.mark.parametrize("decided", ["applied", "rejected"])
async def test_the_same_edit_elsewhere_is_not_taken_for_one_that_was_decided(
    files: Files, decided: str
) -> None:
    base = "a = 0\n1\n2\na = 0\n3\n4\nb = 0\n"
    first = base.replace("a = 0\n1", "a = 1\n1").replace("b = 0", "b = 1")
    files.write("a.py", base)
    files.proposes("a.py", first, base)
    await files.decide.number()
    if decided == "applied":
        await files.decide.apply(["h1"], "apply")
    else:
        await files.decide.mark(["h1"], "rejected")
    moved = rebased(files.state, files.workspace.present)
    assert moved is not None
    files.keep("rebased", moved)
    text = files.state.texts["a.py"]
    assert text is not None
    files.proposes("a.py", text.replace("a = 0\n3", "a = 1\n3"), None)
    await files.decide.number()
    pending = [h for h in files.state.hunks().values() if h.mark == "open"]
    assert [(h.id, h.first) for h in pending] == [("h3", 3), ("h2", 6)]
    await files.decide.apply([], "apply")
    wanted = base.replace("a = 0\n3", "a = 1\n3").replace("b = 0", "b = 1")
    if decided == "applied":
        wanted = wanted.replace("a = 0\n1", "a = 1\n1")
    assert (files.root / "a.py").read_text() == wanted


async def test_a_conflict_does_not_take_an_acceptance_away(files: Files) -> None:
    files.write("a.py", BASE)
    files.proposes("a.py", "ONE\ntwo\nthree\nFOUR\nfive\nsix\nSEVEN\n", BASE)
    await files.decide.number()
    await files.decide.mark(["h1", "h2"], "accepted")
    files.write("a.py", BASE.replace("one\n", "mine\n"))
    outcome = await files.decide.apply([], "apply")
    assert (outcome.done, outcome.conflicts) == (["h2"], ["h1"])
    files.write("a.py", files.bytes("a.py").decode().replace("mine\n", "one\n"))
    outcome = await files.decide.apply([], "apply")
    assert outcome.done == ["h1"], "what nobody accepted was written"


def test_hunks_keep_number_mark_and_rounds_when_the_person_types_above(files: Files) -> None:
    files.write("a.py", BASE)
    files.proposes("a.py", BASE.replace("one\n", "1\n"), BASE)
    files.keep("hunks", files.state.numbers())
    files.proposes("a.py", BASE.replace("one\n", "1\n").replace("five\n", "5\n"), BASE)
    files.keep("hunks", files.state.numbers())
    files.keep("marks", {"set": {"h1": "accepted"}})
    files.write("a.py", "zero\n" + BASE)
    files.keep("rebased", rebased(files.state, files.workspace.present))
    found = [(h.id, h.mark, h.rounds) for h in files.state.numbered()[0]["a.py"]]
    assert found == [("h1", "accepted", [1]), ("h2", "open", [2])]
    # The next round's own edit is its own, and no earlier one's.
    text = files.state.texts["a.py"] or ""
    files.proposes("a.py", text.replace("seven\n", "7\n"), None)
    found = [(h.id, h.rounds) for h in files.state.numbered()[0]["a.py"]]
    assert found == [("h1", [1]), ("h2", [2]), ("h3", [3])]


async def test_what_was_never_written_is_not_told_to_be(files: Files) -> None:
    """An editor that skips the edit while the person types in the very line."""
    files.write("a.py", BASE)
    files.proposes("a.py", NEW, BASE)

    async def skips(changes, label, *, preview=False):
        files.write("a.py", BASE.replace("four\n", "four, mine\n"))
        return ApplyReport([FileOutcome("a.py", "unconfirmed")])

    apply = files.editor.apply
    files.editor.apply = skips
    outcome = await files.decide.apply([], "apply")
    files.editor.apply = apply
    assert outcome.done == []
    assert files.state.hunks()["h1"].mark == "open"
    files.write("a.py", BASE)
    await files.decide.apply([], "apply")
    assert files.bytes("a.py") == NEW.encode()


async def test_a_file_that_moved_and_was_edited_since_stays_in_one_piece(files: Files) -> None:
    files.write("old.py", BASE)
    files.proposes("old.py", None, BASE)
    files.proposes("new.py", BASE, None)
    await files.decide.apply([], "apply")
    files.write("new.py", "mine = 1\n" + BASE)
    with pytest.raises(StaleDocument, match=r"new\.py was edited since it was moved"):
        await files.decide.back([], "undo")
    assert [path.name for path in files.root.iterdir()] == ["new.py"]
    assert files.bytes("new.py").decode() == "mine = 1\n" + BASE
    files.write("new.py", BASE)
    await files.decide.back([], "undo")
    assert [path.name for path in files.root.iterdir()] == ["old.py"]


async def test_a_file_that_is_saved_while_the_one_before_is_written(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.py", "b.py"):
        files.write(name, "x = 1\n")
        files.proposes(name, "x = 2\n", "x = 1\n")
    write = writing.write

    def writes(workspace, change, mode=None):
        if change.path == "a.py":
            files.write("b.py", "x = 1\nmine = 1\n")
        write(workspace, change, mode)

    monkeypatch.setattr(writing, "write", writes)
    outcome = await files.decide.apply([], "apply")
    assert [(f.path, f.status) for f in outcome.report.files] == [
        ("a.py", "applied"), ("b.py", "refused"),
    ]  # fmt: skip
    assert files.bytes("b.py") == b"x = 1\nmine = 1\n"
    assert [h.mark for h in files.state.hunks().values()] == ["applied", "open"]
    monkeypatch.undo()
    await files.decide.apply([], "apply")
    assert files.bytes("b.py") == b"x = 2\nmine = 1\n"


async def test_our_part_of_a_new_file_that_was_added_to_is_known_to_be_gone(files: Files) -> None:
    files.proposes("n.py", "ours\n", None)
    await files.decide.apply([], "apply")
    files.write("n.py", "ours\nmine\n")
    await files.decide.back([], "undo")
    assert files.bytes("n.py") == b"mine\n"
    await files.decide.observe()
    assert files.state.hunks()["h1"].mark == "reverted"
    with pytest.raises(StaleDocument, match="by now"):
        await files.decide.again([], "redo")


def test_the_diff_of_conflicts_in_one_place_is_one_that_can_be_read(files: Files) -> None:
    base = "".join(f"{n}\n" for n in range(12))
    files.write("a.py", base)
    files.proposes("a.py", base.replace("3\n", "three\n").replace("6\n", "six\n"), base)
    files.write("a.py", "0\n1\n" + "mine\n" + "9\n10\n11\n")
    told = offer(files.state, files.workspace.present)
    assert [s.hunk.mark for s in told.hunks()] == ["conflict", "conflict"]
    pieces = re.split(r"(?m)^(?=@@ )", told.diff())[1:]
    for piece, id, size in zip(pieces, ("h1", "h2"), (1, 1), strict=True):
        head, *body = piece.removesuffix("\n").split("\n")
        found = re.match(r"@@ -\d+,(\d+) \+\d+,(\d+) @@ (h\d) conflict", head)
        assert found, head
        assert int(found[1]) == sum(line[:1] in " -" for line in body)
        assert int(found[2]) == sum(line[:1] in " +" for line in body)
        assert (found[3], size) == (id, sum(line[:1] == "+" for line in body))


async def test_what_was_applied_stays_in_the_list_and_in_its_place(files: Files) -> None:
    files.write("a.py", BASE)
    files.proposes("a.py", BASE.replace("four\n", "4\n"), BASE)
    await files.decide.apply([], "apply")
    files.write("a.py", "1\n2\n3\n" + files.bytes("a.py").decode())
    files.keep("rebased", rebased(files.state, files.workspace.present))
    files.proposes("a.py", files.bytes("a.py").decode().replace("seven\n", "7\n"),
                   files.bytes("a.py").decode())  # fmt: skip
    found = offer(files.state, files.workspace.present).hunks()
    assert [(s.hunk.id, s.hunk.mark, s.place) for s in found] == [
        ("h1", "applied", (6, 7)), ("h2", "open", (9, 10)),
    ]  # fmt: skip


def test_nobody_elsewhere_can_try_guesses_of_a_secret_on_a_hunk(files: Files) -> None:
    files.proposes("a.py", "key = 'Sommer2020'\n", "key = 'Sommer2019'\n")
    body = files.state.numbers()
    assert body is not None
    files.keep("hunks", body)
    digest = files.state.offered["a.py"][0].digest
    assert digest
    left = orjson.dumps(
        [of_state(files.state.model_dump(mode="json"), str, 1_000), of_body("hunks", body, str)]
    ).decode()
    assert digest not in left


def test_a_file_that_moves_is_unavailable_as_a_whole(files: Files) -> None:
    files.proposes("old.py", None, BASE)
    files.proposes("new.py", BASE, None)
    files.keep("hunks", files.state.numbers())
    files.state.away = {"old.py": "of another text", "new.py": ""}
    files.state.bases = {}
    assert home(files.state, lambda _: "else\n", lambda new, base: new) == ["old.py"]
    assert {h.mark for hunks in files.state.offered.values() for h in hunks} == {"unavailable"}


def test_hunks_are_plain_data() -> None:
    hunk = Hunk(id="h1", first=0, end=1, new_first=0, new_end=1, rounds=[1])
    assert Hunk(**hunk.model_dump(exclude_defaults=True)) == hunk
