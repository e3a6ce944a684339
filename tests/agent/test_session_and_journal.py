from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.errors import CorruptRecord, JournalError
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import (
    MAX_RECORD_BYTES,
    Head,
    Kind,
    Record,
    record,
    snapshot,
    verified,
)
from steadyhand_agent.state.migrations import SCHEMA

START = Head(0, 1, "")
LIMITS = {"rounds": 20, "tokens": 32_000, "output": 4_096, "minutes": 30.0}
TASK = {
    "task": {"prompt": "Do it", "path": "a.py", "lines": [1, 2], "selection": "x", "diagnostics": ["d"]},
    "limits": LIMITS, "workspace": "w", "checkout": "/c", "model": "m",
    "machine": "", "branch": "", "commit": "", "dirty": "",
}  # fmt: skip


def reply(number: int, **named: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "round": number, "blocks": [{"type": "text", "text": "x"}], "stop_reason": "tool_use",
        "charged": 10, "raw": 20, "cached_input": 5, "seconds": 1.5,
    }  # fmt: skip
    return body | named


def result(call_id: str = "c", changes: list[Any] | None = None) -> dict[str, Any]:
    answer = {"call_id": call_id, "tool": "read_file", "text": "t", "error": False}
    return {"result": answer, "changes": changes or []}


def chain(*steps: tuple[Kind, dict[str, Any]], session: str = "s") -> list[Record]:
    head, found = START, []
    for number, (kind, body) in enumerate(steps, 1):
        item = record(session, head, kind, body, fence=1, at=float(number))
        head = Head(item.seq, item.fence, item.digest)
        found.append(item)
    return found


def folded(*steps: tuple[Kind, dict[str, Any]]) -> SessionState:
    state = SessionState(id="s")
    for item in chain(*steps):
        state.take(item)
    return state


# --- the fold -------------------------------------------------------------------------------------


def test_a_task_begins_a_session() -> None:
    state = folded(("task", TASK))
    assert (state.task.prompt, state.task.lines, state.state) == ("Do it", (1, 2), "running")
    assert (state.workspace, state.checkout, state.model) == ("w", "/c", "m")
    assert (state.seq, state.created, state.updated) == (1, 1.0, 1.0)


def test_a_reply_settles_its_reservation() -> None:
    state = folded(("task", TASK), ("call", {"reserved": 900}), ("reply", reply(1)))
    assert (state.charged, state.raw, state.reserved, state.spent) == (10, 20, 0, 10)
    assert (state.cached_input, state.seconds, state.round) == (5, 1.5, 1)
    assert state.round_starts == [3]


def test_a_round_gathers_what_followed() -> None:
    state = folded(
        ("task", TASK),
        ("reply", reply(1)),
        ("verdict", {"verdict": "permit", "remarks": {"a.py": ["look"]}}),
        ("result", result()),
        ("note", {"text": "n"}),
        ("round", {"branch": "main", "commit": "c0", "dirty": ""}),
    )
    (done,) = state.rounds
    assert done.verdicts[0]["verdict"] == "permit"
    assert (done.results[0].text, done.notes, done.over) == ("t", ["n"], True)
    assert (done.branch, done.commit) == ("main", "c0")
    assert state.remarks == {"a.py": ["look"]}


def test_what_the_guard_refused_is_known_once() -> None:
    refusal = {"verdict": "refuse", "rule": "duplicate", "details": ["a", "b"]}
    path = {"verdict": "refuse", "rule": "path", "details": ["c"]}
    state = folded(
        ("reply", reply(1)), ("verdict", refusal), ("verdict", refusal), ("verdict", path)
    )
    assert state.refused == ["a", "b"]


def test_unreadable_replies_are_counted_in_a_row() -> None:
    note = {"text": "n", "unreadable": True}
    bad: list[tuple[Kind, dict[str, Any]]] = [
        ("reply", reply(1)),
        ("note", note),
        ("reply", reply(2)),
        ("note", note),
    ]
    assert folded(*bad).unreadable == 2
    assert folded(*bad, ("reply", reply(3)), ("result", result())).unreadable == 0


def test_changes_make_a_proposal() -> None:
    state = folded(
        ("task", TASK),
        ("reply", reply(1)),
        ("result", result(changes=[{"path": "b", "base": "1", "new": "2"}])),
        (
            "result",
            result(changes=[{"path": "b", "new": "3"}, {"path": "a", "base": None, "new": "x"}]),
        ),
        ("result", result(changes=[{"path": "c", "base": "same", "new": "same"}])),
        ("proposal", {"summary": "Done."}),
    )
    assert state.proposal().changes == (FileChange("a", None, "x"), FileChange("b", "1", "3"))
    assert state.proposal().summary == "Done."


def test_what_is_applied_is_no_longer_proposed() -> None:
    state = folded(*APPLIED)
    assert state.proposal().changes == ()
    assert [(p.path, p.base, p.new) for p in state.applied] == [("a", "1", "2")]
    assert state.to_summary().applied


def test_what_is_undone_can_be_redone() -> None:
    state = folded(*APPLIED, ("undone", {"set": {"h1": "reverted"}}))
    assert state.hunks()["h1"].mark == "reverted"
    assert not state.to_summary().applied
    again = folded(
        *APPLIED, ("undone", {"set": {"h1": "reverted"}}), ("redone", {"set": {"h1": "applied"}})
    )
    assert again.applied == folded(*APPLIED).applied


def test_a_grant_adds_to_the_limits() -> None:
    state = folded(("task", TASK), ("grant", {"rounds": 5, "tokens": 1_000, "minutes": 2.5}))
    assert (state.limits.rounds, state.limits.tokens, state.limits.minutes) == (25, 33_000, 32.5)


def test_a_lease_moves_the_session_and_raises_the_fence() -> None:
    state = folded(("task", TASK))
    state.take(record("s", state.head, "lease", {"checkout": "/d", "machine": ""}, fence=4, at=2.0))
    assert (state.checkout, state.fence) == ("/d", 4)


def test_a_state_has_its_reason() -> None:
    state = folded(("task", TASK), ("state", {"state": "paused", "reason": "why"}))
    assert (state.state, state.reason) == ("paused", "why")
    assert state.to_summary().state == "paused"


def test_a_damaged_record_is_not_folded_in() -> None:
    state = folded(("task", TASK))
    before = state.model_dump()
    item = record(
        "s", state.head, "grant", {"rounds": 5, "tokens": 0, "minutes": 0}, fence=1, at=2.0
    )
    with pytest.raises(CorruptRecord):
        state.take(replace(item, body=item.body.replace(b"5", b"6")))
    assert state.model_dump() == before


HUNK = {"id": "h1", "first": 0, "end": 1, "new_first": 0, "new_end": 1, "rounds": [1]}
APPLIED: list[tuple[Kind, dict[str, Any]]] = [
    ("reply", reply(1)),
    ("result", result(changes=[{"path": "a", "base": "1", "new": "2"}])),
    ("hunks", {"files": {"a": [HUNK]}, "last": 1}),
    ("applying", {"patches": [{"path": "a", "base": "1", "new": "2", "hunks": [HUNK]}]}),
    ("applied", {"set": {"h1": "applied"}}),
]


STEPS: list[tuple[Kind, dict[str, Any]]] = [
    ("task", TASK),
    ("call", {"reserved": 700}),
    ("call", {"reserved": 800}),
    ("reply", reply(1)),
    ("verdict", {"verdict": "refuse", "rule": "duplicate", "details": ["k"], "why": "w"}),
    ("result", result(changes=[{"path": "a", "base": "1", "new": "2"}])),
    ("round", {"branch": "b", "commit": "c", "dirty": ""}),
    ("reply", reply(2)),
    ("note", {"text": "n", "unreadable": True}),
    ("grant", {"rounds": 1, "tokens": 2, "minutes": 3.0}),
    ("proposal", {"summary": "s"}),
    ("rebased", {"files": {"a": {"base": "1", "new": "2"}, "b": None}, "note": "moved"}),
    *APPLIED[2:],
    ("state", {"state": "finished", "reason": "r"}),
    ("lease", {"checkout": "/e", "machine": ""}),
    ("undone", {"set": {"h1": "reverted"}}),
]


@given(st.integers(1, len(STEPS)))
def test_a_snapshot_anywhere_leads_to_the_same_state(cut: int) -> None:
    records = chain(*STEPS)
    whole = SessionState(id="s")
    for item in records:
        whole.take(item)
    first = SessionState(id="s")
    for item in records[:cut]:
        first.take(item)
    second = SessionState(id="s")
    second.take(snapshot(first.model_dump(mode="json"), first.head, "s", at=99.0))
    assert second.head == first.head
    for item in records[cut:]:
        second.take(item)
    assert second.model_dump(exclude={"updated"}) == whole.model_dump(exclude={"updated"})


# --- records --------------------------------------------------------------------------------------


def test_a_record_can_be_read() -> None:
    item = record("s", START, "note", {"text": "é"}, fence=3, at=1.25)
    assert (item.seq, item.prev, item.fence, item.schema) == (1, "", 3, SCHEMA)
    assert item.read() == {"text": "é"}


@pytest.mark.parametrize(
    "change",
    [
        {"session": "t"}, {"seq": 2}, {"fence": 2}, {"kind": "state"}, {"at": 2.0}, {"prev": "x"},
        {"body": b'{"text":"y"}'}, {"digest": "0" * 32}, {"digest": ""}, {"crc": 0}, {"schema": 0},
    ],
)  # fmt: skip
def test_a_record_that_was_changed_is_damaged(change: dict[str, Any]) -> None:
    item = record("s", START, "note", {"text": "x"}, fence=1, at=1.0)
    with pytest.raises(CorruptRecord, match="damaged"):
        replace(item, **change).read()


@given(st.binary(min_size=1, max_size=40), st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_is_seen(data: bytes, at: int, bit: int) -> None:
    item = record("s", START, "note", {"text": data.hex()}, fence=1, at=1.0)
    body = bytearray(item.body)
    body[at % len(body)] ^= 1 << bit
    with pytest.raises(CorruptRecord):
        replace(item, body=bytes(body)).read()


def test_a_newer_form_is_left_untouched() -> None:
    item = record("s", START, "note", {"text": "x"}, fence=1, at=1.0)
    with pytest.raises(JournalError, match="newer Steadyhand") as raised:
        replace(item, schema=SCHEMA + 1).read()
    assert not isinstance(raised.value, CorruptRecord)


def test_a_record_that_is_too_large_is_refused() -> None:
    record("s", START, "note", {"t": "x" * (MAX_RECORD_BYTES - 8)}, fence=1, at=1.0)
    with pytest.raises(JournalError, match="larger"):
        record("s", START, "note", {"t": "x" * MAX_RECORD_BYTES}, fence=1, at=1.0)


@pytest.mark.parametrize("value", ["\ud800", 2**70])
def test_what_cannot_be_written_down_is_said_in_words(value: Any) -> None:
    """An editor's text may hold a lone surrogate, a model's call any number."""
    try:
        item = record("s", START, "note", {"text": value}, fence=1, at=1.0)
    except JournalError:
        return
    assert item.read()["text"] == value


# --- verified -------------------------------------------------------------------------------------


def notes(count: int, session: str = "s") -> list[Record]:
    steps: list[tuple[Kind, dict[str, Any]]] = [("note", {"text": str(n)}) for n in range(count)]
    return chain(*steps, session=session)


def test_a_whole_chain_is_good() -> None:
    records = notes(5)
    assert verified(records, START) == (records, None)
    assert verified([], START) == ([], None)


def test_a_chain_may_go_on_from_its_middle() -> None:
    records = notes(5)
    head = Head(2, 1, records[1].digest)
    assert verified(records[2:], head) == (records[2:], None)
    assert verified(records[3:], head)[0] == []


@pytest.mark.parametrize("gap", range(4))
def test_a_gap_ends_the_chain(gap: int) -> None:
    records = notes(5)
    good, error = verified(records[:gap] + records[gap + 1 :], START)
    assert good == records[:gap]
    assert isinstance(error, CorruptRecord)
    assert f"gap before record {gap + 2}" in str(error)


@pytest.mark.parametrize("at", range(5))
def test_a_damaged_record_ends_the_chain(at: int) -> None:
    records = notes(5)
    records[at] = replace(records[at], body=b'{"text":"forged"}')
    good, error = verified(records, START)
    assert len(good) == at
    assert f"Record {at + 1} of session s is damaged" in str(error)


def test_a_forged_record_with_a_right_digest_breaks_the_chain_behind_it() -> None:
    records = notes(5)
    forged = record("s", Head(2, 1, records[1].digest), "note", {"text": "forged"}, fence=1, at=1.0)
    good, error = verified([*records[:2], forged, *records[3:]], START)
    assert good == [*records[:2], forged]
    assert error is not None


def test_a_repeated_record_ends_the_chain() -> None:
    records = notes(3)
    good, error = verified([*records[:2], records[1], records[2]], START)
    assert good == records[:2]
    assert error is not None


def test_records_out_of_order_end_the_chain() -> None:
    records = notes(3)
    assert verified([records[1], records[0], records[2]], START)[0] == []


def test_a_record_of_another_session_ends_the_chain() -> None:
    """Digests chain it, so a record cannot be moved between sessions."""
    ours, theirs = notes(3), notes(3, "t")
    good, error = verified([ours[0], theirs[1], ours[2]], START)
    assert good == ours[:1]
    assert error is not None


def test_a_snapshot_may_begin_a_chain_and_stand_nowhere_else() -> None:
    records = notes(5)
    state = SessionState(id="s")
    for item in records[:3]:
        state.take(item)
    begins = snapshot(state.model_dump(mode="json"), state.head, "s", at=9.0)
    assert begins.seq == 3
    assert verified([begins, *records[3:]], START) == ([begins, *records[3:]], None)
    good, error = verified([*records[:3], begins, *records[3:]], START)
    assert good == records[:3]
    assert error is not None


def test_a_damaged_snapshot_begins_nothing() -> None:
    state = SessionState(id="s")
    begins = snapshot(state.model_dump(mode="json"), Head(3, 1, "d"), "s", at=9.0)
    good, error = verified([replace(begins, body=begins.body + b" ")], START)
    assert good == []
    assert isinstance(error, CorruptRecord)


def test_a_newer_record_is_not_taken_for_damage() -> None:
    records = notes(3)
    newer = [*records[:2], replace(records[2], schema=SCHEMA + 1)]
    with pytest.raises(JournalError, match="newer"):
        verified(newer, START)


@given(st.lists(st.integers(0, 5), max_size=8))
def test_what_is_verified_is_always_a_beginning_of_the_chain(order: list[int]) -> None:
    records = notes(6)
    good, error = verified([records[n] for n in order], START)
    assert good == records[: len(good)]
    assert (error is None) is (order == list(range(len(order))))


def test_a_summary_is_plain_json() -> None:
    summary = folded(*STEPS[:4]).to_summary().as_json()
    assert orjson.loads(orjson.dumps(summary)) == summary
    assert (summary["id"], summary["round"], summary["tokens"]) == ("s", 1, 710)
