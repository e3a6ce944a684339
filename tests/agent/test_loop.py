"""The loop against a real HTTP server that speaks the Messages API, through the real SDK."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from loop_desk import FINISH, USAGE, Desk, call, finish_with, say
from messages_server import Failure, Garbage, MessagesServer, Reply
from steadyhand_agent import sessions
from steadyhand_agent.errors import SessionError, StaleWriter
from steadyhand_agent.proposals.offer import offer
from steadyhand_agent.session import Limits, Task


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")


async def test_a_guarded_edit_reaches_the_proposal(sample: Path) -> None:
    before = (sample / "pressroom/archive.py").read_text()
    copied = (sample / "pressroom/text.py").read_text()
    body = copied[copied.index("def slugify") : copied.index("    return slug\n") + 16]
    again = body.replace("slugify", "make_slug").replace("dashed", "hyphens")
    old = 'ARCHIVE_INDEX = "archive.html"\n'
    state, desk, server = await finish_with(
        sample,
        say(call("edit_file", path="pressroom/archive.py", old_text=old, new_text=old + again)),
        say(call("edit_file", path="pressroom/archive.py", old_text="counted\n", new_text="x\n")),
        FINISH,
    )
    assert state.state == "waiting"
    refusal = server.requests[1]["messages"][-1]["content"][0]
    assert refusal["is_error"]
    assert "pressroom/text.py:17" in refusal["content"]
    assert "def slugify(title: str) -> str" in refusal["content"]
    assert "from pressroom.text import slugify" in refusal["content"]
    (proposal,) = desk.editor.offered
    assert [c.path for c in proposal.changes] == ["pressroom/archive.py"]
    assert "make_slug" not in (proposal.changes[0].new or "")
    assert (sample / "pressroom/archive.py").read_text() == before


async def test_an_override_needs_a_refusal_first_and_a_reason(sample: Path) -> None:
    copied = (sample / "pressroom/text.py").read_text()
    body = copied[copied.index("def slugify") : copied.index("    return slug\n") + 16]
    text = "import re\nimport unicodedata\n\n\n" + body.replace("slugify", "make_slug")
    tries = [
        say(call("create_file", path="pressroom/a.py", text=text, duplicate_reason="I like it")),
        say(call("create_file", path="pressroom/a.py", text=text)),
        say(call("create_file", path="pressroom/a.py", text=text, duplicate_reason="frozen copy")),
        FINISH,
    ]
    state, desk, _ = await finish_with(sample, *tries)
    words = [v["verdict"] for r in state.rounds for v in r.verdicts]
    assert words == ["refuse", "refuse", "permit"]
    assert "frozen copy" in desk.editor.offered[0].diff()
    (shown,) = offer(state, desk.engine.workspace.present).hunks()
    assert any("frozen copy" in remark for remark in shown.remarks)
    assert "pressroom/text.py:17" in desk.editor.offered[0].diff()


async def test_the_head_of_the_prompt_is_byte_stable(sample: Path) -> None:
    _, _, server = await finish_with(
        sample,
        say(call("list_files")),
        say(call("read_file", path="pressroom/text.py")),
        FINISH,
    )
    mark = b',"cache_control":{"type":"ephemeral"}'
    first, second, third = server.raw
    for part in (b'"system":[', b'"tools":['):
        heads = {
            raw[raw.index(part) : raw.index(b"]", raw.index(mark, raw.index(part)))]
            for raw in server.raw
        }
        assert len(heads) == 1
    # The conversation of a round is the beginning of the next; where the cache points stand is
    # no part of what is cached.
    asked = [raw.replace(mark, b"") for raw in (first, second, third)]
    talks = [raw[raw.index(b'"messages":[') : raw.index(b'],"model"')] for raw in asked]
    assert talks[1].startswith(talks[0])
    assert talks[2].startswith(talks[1])


async def test_each_round_reads_the_cache_of_the_round_before(sample: Path) -> None:
    many = say(*(call("read_file", n, path=f"no/{n}.py") for n in range(12)))
    _, _, server = await finish_with(sample, many, say(call("list_files")), FINISH)

    def marked(request: dict[str, Any]) -> list[int]:
        return [
            place
            for place, message in enumerate(request["messages"])
            if "cache_control" in message["content"][-1]
        ]

    assert [marked(request) for request in server.requests] == [[0], [0, 2], [2, 4]]
    for request, raw in zip(server.requests, server.raw, strict=True):
        assert "cache_control" in request["system"][-1]
        assert "cache_control" in request["tools"][-1]
        assert raw.count(b"cache_control") <= 4


async def test_sampling_is_not_sent_and_effort_is(sample: Path) -> None:
    _, _, server = await finish_with(sample, FINISH)
    sent = server.requests[0]
    assert not {"temperature", "top_p", "top_k"} & set(sent)
    assert sent["output_config"] == {"effort": "low"}


async def test_an_unknown_model_gets_the_careful_profile(sample: Path) -> None:
    _, _, server = await finish_with(sample, FINISH, model="some-local-model")
    assert not {"cache_control", "output_config", "thinking"} & set(server.requests[0])


async def test_thinking_goes_back_verbatim(sample: Path) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    _, _, server = await finish_with(sample, say(thought, call("list_files")), FINISH)
    assert server.requests[1]["messages"][1]["content"][0] == thought


@pytest.mark.parametrize(
    "fault",
    [
        Failure(500, "api_error"),
        Failure(504, "timeout_error"),
        Reply([{"type": "text", "text": "hello"}], cut_after=3),
        Reply([{"type": "text", "text": "hello"}], cut_after=4, clean_cut=True),
        Reply([{"type": "text", "text": "hello"}], error_after=3),
        Garbage(),
        Garbage(b"{}", "application/json"),
    ],
)
async def test_a_transient_fault_is_tried_again(sample: Path, fault: Any) -> None:
    state, desk, server = await finish_with(sample, fault, FINISH)
    assert state.state == "finished"
    assert len(server.requests) == 2
    assert any(event["event"] == "retry" for event in desk.editor.events)
    # The attempt that failed keeps its reservation as its charge.
    assert state.charged > USAGE["input_tokens"] + USAGE["output_tokens"]


@pytest.mark.parametrize(
    "fault",
    [
        Failure(429, "rate_limit_error", headers={"retry-after": "0"}),
        Failure(529, "overloaded_error"),
    ],
)
async def test_what_the_endpoint_turned_away_is_tried_again_and_not_charged(
    sample: Path, fault: Any
) -> None:
    state, _, server = await finish_with(sample, fault, fault, FINISH)
    assert state.state == "finished"
    assert len(server.requests) == 3
    assert state.charged == USAGE["input_tokens"] + USAGE["output_tokens"]


async def test_three_failures_pause_and_resume_goes_on(sample: Path) -> None:
    down = Failure(529, "overloaded_error")
    with MessagesServer([down, down, down, say(call("list_files")), FINISH]) as server:
        desk = Desk(sample, server)
        state = await desk.run()
        assert state.state == "paused"
        assert "resume" in state.reason
        assert len(server.requests) == 3
        resumed = await desk.sessions.resume(state.id)
        resumed = await desk.sessions.wait(resumed.id)
        await desk.engine.close()
    assert resumed.state == "finished"
    assert not server.exhausted


async def test_a_long_retry_after_pauses_at_once(sample: Path) -> None:
    busy = Failure(429, "rate_limit_error", headers={"retry-after": "3600"})
    state, _, server = await finish_with(sample, busy)
    assert state.state == "paused"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        (Failure(401, "authentication_error"), "key"),
        (Failure(400, "invalid_request_error", "bad thing"), "bad thing"),
    ],
)
async def test_a_refusal_of_the_endpoint_is_not_repeated(
    sample: Path, failure: Any, word: str
) -> None:
    state, desk, server = await finish_with(sample, failure)
    assert state.state == "paused"
    assert len(server.requests) == 1
    assert word in state.reason
    assert state.spent == 0, "a setting that is wrong costs nothing"
    assert any(state.id in told for told in desk.editor.told)


async def test_no_key_says_how_to_set_one(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    state, _, server = await finish_with(sample)
    assert state.state == "paused"
    assert "ANTHROPIC_API_KEY" in state.reason
    assert not server.requests


async def test_a_cut_reply_executes_nothing_and_is_told(sample: Path) -> None:
    cut = say(
        call("create_file", path="x.py", text="x = 1\n"), stop_reason="max_tokens", usage=USAGE
    )
    state, _, server = await finish_with(sample, cut, FINISH)
    assert state.state == "finished"
    assert not state.texts
    answer = server.requests[1]["messages"][-1]["content"]
    assert answer[0]["tool_use_id"] == "call_1"
    assert "cut" in answer[1]["text"]


async def test_three_unreadable_replies_go_to_the_person(sample: Path) -> None:
    cut = say({"type": "text", "text": "aaaa"}, stop_reason="max_tokens", usage=USAGE)
    state, _, server = await finish_with(sample, cut, cut, cut)
    assert state.state == "paused"
    assert len(server.requests) == 3


async def test_text_without_a_call_is_a_thought(sample: Path) -> None:
    state, _, server = await finish_with(sample, say({"type": "text", "text": "I wonder"}), FINISH)
    assert state.state == "finished"
    assert server.requests[1]["messages"][-1]["content"][0]["text"].startswith("Noted")


async def test_a_loop_is_told_to_the_model_then_handed_to_the_person(sample: Path) -> None:
    same = say(call("read_file", path="pressroom/text.py", start_line=1, end_line=2))
    state, desk, server = await finish_with(sample, *[same] * 5)
    assert state.state == "paused"
    assert state.reason.startswith("The agent is stuck")
    assert "`read_file pressroom/text.py` (5 times)" in state.reason
    assert any("stuck" in told for told in desk.editor.told)
    # The third time is said with its result, and what the model has seen stays as it was.
    assert [len(r.notes) for r in state.rounds] == [0, 0, 1, 0, 0]
    note = server.requests[3]["messages"][-1]["content"][-1]["text"]
    assert "choose another way" in note.lower()


async def test_a_nudge_that_helps_is_all_there_is(sample: Path) -> None:
    same = say(call("read_file", path="pressroom/text.py"))
    state, _, _ = await finish_with(sample, same, same, same, say(call("list_files")), FINISH)
    assert state.state == "finished"


async def test_after_a_persons_word_the_loop_guard_begins_anew(sample: Path) -> None:
    same = say(call("read_file", path="pressroom/text.py"))
    with MessagesServer([*[same] * 9, FINISH]) as server:
        desk = Desk(sample, server)
        state = await desk.run()
        assert len(state.rounds) == 5
        await desk.sessions.resume(state.id)
        state = await desk.sessions.wait(state.id)
        await desk.engine.close()
    assert state.state == "finished"
    assert [r.number for r in state.rounds if r.notes] == [3, 8]


async def test_many_same_calls_in_one_reply_are_one_chance(sample: Path) -> None:
    many = say(*[call("read_file", n, path="pressroom/text.py") for n in range(8)])
    state, _, _ = await finish_with(sample, many, FINISH)
    assert state.state == "finished"
    assert len(state.rounds[0].notes) == 1


async def test_rounds_are_limited_and_more_can_be_granted(sample: Path) -> None:
    steps = [say(call("read_file", i, path="pressroom/text.py", start_line=i)) for i in (1, 2, 3)]
    with MessagesServer([*steps, FINISH]) as server:
        desk = Desk(sample, server, max_rounds=2)
        state = await desk.run()
        assert state.state == "paused"
        assert "2 rounds" in state.reason
        await desk.sessions.resume(state.id, Limits(rounds=5, tokens=0, minutes=0))
        state = await desk.sessions.wait(state.id)
        await desk.engine.close()
    assert state.state == "finished"
    assert not server.exhausted


async def test_tokens_are_charged_as_designed(sample: Path) -> None:
    usage = {
        "input_tokens": 100,
        "output_tokens": 40,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 1_005,
    }
    state, _, _ = await finish_with(sample, say(call("finish", summary="s"), usage=usage))
    assert state.charged == 40 + 100 + 300 + 101
    assert state.raw == 40 + 100 + 300 + 1_005


async def test_the_token_budget_clamps_and_then_pauses(sample: Path) -> None:
    heavy = {"input_tokens": 2_000, "output_tokens": 1_500}
    steps = [
        say(call("read_file", i, path="pressroom/text.py", start_line=i), usage=heavy)
        for i in range(1, 12)
    ]
    with MessagesServer(steps) as server:
        desk = Desk(sample, server, max_tokens=12_000)
        state = await desk.run()
        await desk.engine.close()
    assert state.state == "paused"
    assert "tokens" in state.reason
    asked = [request["max_tokens"] for request in server.requests]
    assert asked[0] == 4_096
    assert asked[-1] < 4_096
    assert all(512 <= limit <= 4_096 for limit in asked)
    assert state.charged <= 12_000


async def test_several_calls_are_answered_in_order(sample: Path) -> None:
    reply = say(
        call("read_file", 1, path="pressroom/text.py"),
        call("read_file", 2, path="no/such.py"),
        call("nonsense", 3),
        call("read_file", 4, start_line="x"),
    )
    state, _, server = await finish_with(sample, reply, FINISH)
    answers = server.requests[1]["messages"][-1]["content"]
    assert [a["tool_use_id"] for a in answers] == ["call_1", "call_2", "call_3", "call_4"]
    assert [a["is_error"] for a in answers] == [False, True, True, True]
    assert "There is no tool" in answers[2]["content"]
    assert "`path`" in answers[3]["content"]
    assert state.state == "finished"


async def test_escapes_are_refused_and_told(sample: Path) -> None:
    (sample / "out").symlink_to("/etc")
    reply = say(
        call("read_file", 1, path="/etc/passwd"),
        call("read_file", 2, path="../x"),
        call("read_file", 3, path="out/passwd"),
        call("create_file", 4, path=".git/hooks/post-commit", text="#!/bin/sh\n"),
    )
    state, _, _ = await finish_with(sample, reply, FINISH)
    assert [v["rule"] for v in state.rounds[0].verdicts] == ["path"] * 4
    assert not state.proposal().changes


async def test_the_open_buffer_is_what_the_agent_sees(sample: Path) -> None:
    with MessagesServer([say(call("read_file", path="pressroom/text.py")), FINISH]) as server:
        desk = Desk(sample, server)
        desk.editor.buffers["pressroom/text.py"] = "UNSAVED = 1\n"
        await desk.run()
        await desk.engine.close()
    assert "UNSAVED" in server.requests[1]["messages"][-1]["content"][0]["content"]


async def test_cancel_in_mid_stream_keeps_the_journal(sample: Path) -> None:
    slow = say({"type": "text", "text": "a" * 50}, pause=5.0)
    with MessagesServer([say(call("list_files")), slow]) as server:
        desk = Desk(sample, server)
        await desk.engine.fill()
        state = await desk.sessions.start(Task(prompt="x"))
        while len(server.requests) < 2:
            await asyncio.sleep(0.01)
        state = await desk.sessions.cancel(state.id)
        assert state.state == "cancelled"
        assert len(state.rounds) == 1
        kept = await desk.sessions.list()
        await desk.engine.close()
    assert [s.state for s in kept] == ["cancelled"]


async def test_branch_and_commit_are_recorded(sample: Path) -> None:
    import subprocess

    for words in (
        ["init", "-q", "-b", "trunk"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *words], cwd=sample, check=True)
    state, _, _ = await finish_with(sample, say(call("list_files")), FINISH)
    assert state.rounds[0].branch == "trunk"
    assert len(state.rounds[0].commit) == 40


async def test_an_empty_task_is_refused(sample: Path) -> None:
    with MessagesServer([]) as server:
        desk = Desk(sample, server)
        with pytest.raises(SessionError):
            await desk.sessions.start(Task(prompt="  "))
        await desk.engine.close()


async def test_apply_discard_and_undo(sample: Path) -> None:
    target = sample / "pressroom/archive.py"
    before = target.read_text()
    edit = call(
        "edit_file", path="pressroom/archive.py", old_text='"archive.html"', new_text='"old.html"'
    )
    create = call("create_file", 2, path="pressroom/new/thing.py", text="THING = 1\n")
    with MessagesServer([say(edit, create), FINISH]) as server:
        desk = Desk(sample, server)
        state = await desk.run()
        assert target.read_text() == before
        state, report = await desk.sessions.apply(state.id)
        assert report.complete
        assert state.state == "finished"
        assert '"old.html"' in target.read_text()
        assert (sample / "pressroom/new/thing.py").read_text() == "THING = 1\n"
        # What the person typed since stays.
        target.write_text(target.read_text() + "\nMINE = 2\n")
        state, report = await desk.sessions.undo(state.id)
        assert report.complete
        assert target.read_text() == before + "\nMINE = 2\n"
        assert not (sample / "pressroom/new/thing.py").exists()
        with pytest.raises(SessionError):
            await desk.sessions.undo(state.id)
        await desk.engine.close()


async def test_an_editor_that_never_answers_is_told_of(
    sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_UNANSWERED_SECONDS", 0.0)
    edit = call(
        "edit_file", path="pressroom/archive.py", old_text='"archive.html"', new_text='"old.html"'
    )
    with MessagesServer([say(edit), FINISH]) as server:
        desk = Desk(sample, server)
        state = await desk.run()
        apply, asked, answered = desk.editor.apply, asyncio.Event(), asyncio.Event()

        async def slow(*args: Any, **more: Any) -> Any:
            asked.set()
            await answered.wait()
            return await apply(*args, **more)

        monkeypatch.setattr(desk.editor, "apply", slow)
        for decide, other in (
            (desk.sessions.apply, desk.sessions.cancel),
            (desk.sessions.undo, desk.sessions.redo),
        ):
            asked.clear()
            answered.clear()
            working = asyncio.create_task(decide(state.id))
            await asked.wait()
            with pytest.raises(SessionError, match="has not answered yet"):
                await other(state.id)
            answered.set()
            assert (await working)[1].complete
        await desk.sessions.redo(state.id)
        await desk.engine.close()


async def test_resuming_twice_at_once_runs_one_loop(sample: Path) -> None:
    down = Failure(529, "overloaded_error")
    slow = say({"type": "text", "text": "hm"}, delay=0.3)
    with MessagesServer([down, down, down, slow, FINISH]) as server:
        desk = Desk(sample, server)
        state = await desk.run()
        both = await asyncio.gather(
            desk.sessions.resume(state.id), desk.sessions.resume(state.id), return_exceptions=True
        )
        assert sum(isinstance(outcome, SessionError) for outcome in both) == 1
        state = await desk.sessions.wait(state.id)
        await desk.engine.close()
    assert state.state == "finished"
    assert not server.exhausted


async def test_two_processes_take_a_session_over_once_each(sample: Path) -> None:
    """Opening it twice at once in one process must not make two writers."""
    with MessagesServer([say(call("list_files")), FINISH, FINISH]) as server:
        desk = Desk(sample, server, max_rounds=1)
        state = await desk.run()
        await desk.engine.close()
        other = Desk(sample, server, max_rounds=1)
        await other.engine.fill()
        grant = Limits(rounds=5, tokens=0, minutes=0)
        await asyncio.gather(
            other.sessions.resume(state.id, grant),
            other.sessions.resume(state.id, grant),
            return_exceptions=True,
        )
        state = await other.sessions.wait(state.id)
        await other.engine.close()
    assert (state.state, state.fence) == ("finished", 2)


@pytest.mark.parametrize("use", ["apply", "undo"])
async def test_a_window_whose_session_was_taken_over_writes_nothing(sample: Path, use: str) -> None:
    create = call("create_file", path="new.py", text="X = 1\n")
    with MessagesServer([say(create), FINISH]) as server:
        desk = Desk(sample, server)
        state = await desk.run()
        if use == "undo":
            await desk.sessions.apply(state.id)
        other = Desk(sample, server)
        await other.engine.fill()
        # The other window journals what it does, and so takes the session over.
        with pytest.raises(SessionError):
            await getattr(other.sessions, "undo" if use == "apply" else "discard")(state.id)
        with pytest.raises(StaleWriter, match="taken over by another editor; nothing was written"):
            await getattr(desk.sessions, use)(state.id)
        assert (sample / "new.py").exists() == (use == "undo")
        await getattr(other.sessions, use)(state.id)
        assert (sample / "new.py").exists() == (use == "apply")
        await desk.engine.close()
        await other.engine.close()


async def test_a_cancel_in_the_middle_of_an_apply_keeps_the_undo(sample: Path) -> None:
    target = sample / "pressroom/archive.py"
    before = target.read_text()
    edit = call(
        "edit_file", path="pressroom/archive.py", old_text='"archive.html"', new_text='"old.html"'
    )
    with MessagesServer([say(edit), FINISH]) as server:
        desk = Desk(sample, server)
        desk.editor.decision = "apply"
        begun, go_on = asyncio.Event(), asyncio.Event()
        apply = desk.editor.apply

        async def slowly(changes, label, *, preview=False):
            report = await apply(changes, label, preview=preview)
            begun.set()
            await go_on.wait()
            return report

        desk.editor.apply = slowly
        await desk.engine.fill()
        state = await desk.sessions.start(Task(prompt="x"))
        await begun.wait()
        cancelling = asyncio.create_task(desk.sessions.cancel(state.id))
        await asyncio.sleep(0.05)
        go_on.set()
        state = await cancelling
        assert '"old.html"' in target.read_text()
        assert state.applied
        desk.editor.apply = apply
        await desk.sessions.undo(state.id)
        assert target.read_text() == before
        await desk.engine.close()


async def test_a_session_of_another_workspace_is_not_for_this_editor(
    sample: Path, tmp_path: Path
) -> None:
    create = call("create_file", path="new.py", text="X = 1\n")
    other = tmp_path / "other"
    other.mkdir()
    with MessagesServer([say(create), FINISH]) as server:
        desk = Desk(sample, server)
        state = await desk.run()
        await desk.engine.close()
        elsewhere = Desk(other, server)
        for use in ("apply", "undo", "resume", "cancel", "discard", "show"):
            with pytest.raises(SessionError, match="another workspace"):
                await getattr(elsewhere.sessions, use)(state.id)
        await elsewhere.engine.close()
    assert list(other.iterdir()) == []


async def test_a_file_larger_than_a_record_is_edited_all_the_same(sample: Path) -> None:
    """A record names texts by their hashes; the texts lie beside it."""
    (sample / "large.py").write_text("X = 1\n" + "filler = 0\n" * 80_000)
    edit = call("edit_file", path="large.py", old_text="X = 1\n", new_text="X = 2\n")
    state, _, _ = await finish_with(sample, say(edit), FINISH)
    assert state.state == "waiting"
    (change,) = state.proposal().changes
    assert (change.new or "").startswith("X = 2\nfiller = 0\n")


async def test_a_journal_that_fails_is_told_and_the_session_reads_as_paused(sample: Path) -> None:
    from steadyhand_agent.errors import JournalError

    with MessagesServer([say(call("list_files")), FINISH]) as server:
        desk = Desk(sample, server)
        store = desk.sessions._store
        append = store.append

        async def full(item, state, texts=None):
            if item.kind == "verdict":
                raise JournalError("The disk is full.")
            await append(item, state, texts)

        store.append = full
        state = await desk.run_failing()
        assert any("disk is full" in told for told in desk.editor.told)
        assert desk.editor.events[-1]["state"] == "paused"
        store.append = append
        assert [s.state for s in await desk.sessions.list()] == ["paused"]
        await desk.sessions.resume(state.id)
        assert (await desk.sessions.wait(state.id)).state == "finished"
        await desk.engine.close()


async def test_a_pause_for_its_time_is_resumed_with_more(sample: Path) -> None:
    with MessagesServer([say(call("list_files"), delay=0.2), FINISH]) as server:
        desk = Desk(sample, server, max_minutes=0.001)
        state = await desk.run()
        assert state.state == "paused"
        assert "minutes" in state.reason
        desk.sessions.limits = Limits(minutes=5)
        await desk.sessions.resume(state.id)
        state = await desk.sessions.wait(state.id)
        await desk.engine.close()
    assert state.state == "finished"


async def test_commands_are_answered_while_the_editor_previews(sample: Path) -> None:
    create = call("create_file", path="new.py", text="X = 1\n")
    with MessagesServer([say(create), FINISH]) as server:
        desk = Desk(sample, server)
        desk.editor.decision = "preview"
        begun, go_on = asyncio.Event(), asyncio.Event()
        apply = desk.editor.apply

        async def looked_at(changes, label, *, preview=False):
            assert preview
            begun.set()
            await go_on.wait()
            return await apply(changes, label)

        desk.editor.apply = looked_at
        await desk.engine.fill()
        state = await desk.sessions.start(Task(prompt="x"))
        await begun.wait()
        for use in ("cancel", "discard", "apply", "resume"):
            async with asyncio.timeout(5):
                with pytest.raises(SessionError, match="preview"):
                    await getattr(desk.sessions, use)(state.id)
        go_on.set()
        state = await desk.sessions.wait(state.id)
        await desk.engine.close()
    assert state.state == "finished"
    assert (sample / "new.py").exists()


async def test_what_a_formatter_changes_on_the_way_can_be_undone(sample: Path) -> None:
    from steadyhand_agent.ports import ApplyReport, FileOutcome

    target = sample / "pressroom/archive.py"
    before = target.read_text()
    edit = call(
        "edit_file", path="pressroom/archive.py", old_text='"archive.html"', new_text='"old.html"'
    )
    with MessagesServer([say(edit), FINISH]) as server:
        desk = Desk(sample, server)
        state = await desk.run()
        apply = desk.editor.apply

        async def formatted(changes, label, *, preview=False):
            await apply(changes, label)
            target.write_text(target.read_text() + "# formatted\n")
            return ApplyReport([FileOutcome("pressroom/archive.py", "unconfirmed", "Look at it.")])

        desk.editor.apply = formatted
        state, report = await desk.sessions.apply(state.id)
        # All that was ours is there: the person need not look at it.
        assert report.complete
        assert "was changed further" in report.sentence()
        assert [patch.path for patch in state.applied] == ["pressroom/archive.py"]
        desk.editor.apply = apply
        await desk.sessions.undo(state.id)
        await desk.engine.close()
    assert target.read_text() == before + "# formatted\n"


async def test_a_defect_of_the_guard_does_not_stop_the_session_for_good(
    sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply is durable, so what it raises would be raised at every resume."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("steadyhand_agent.guard.duplicates.check", broken)
    create = say(call("create_file", path="new.py", text="x = 1\n"))
    state, _, _ = await finish_with(sample, create, FINISH)
    assert state.state == "finished"
    assert "could not be judged (RuntimeError)" in state.results()[0].text


async def test_finish_beside_a_call_that_failed_is_not_the_end(sample: Path) -> None:
    """The model sums up an edit as done that was never made: it has not seen the result."""
    create = call("create_file", 2, path="new.py", text="NEW_VALUE = 1\n")
    script = [
        say(call("edit_file", path="no.py", old_text="a", new_text="b"), call("finish", 2)),
        say(call("read_file", path="README.md"), create, call("finish", 3, summary="done")),
    ]
    state, _, _ = await finish_with(sample, *script)
    told = [(r.tool, r.error) for r in state.rounds[0].results]
    assert told == [("edit_file", True), ("finish", True)]
    assert "`edit_file`" in state.rounds[0].results[1].text
    assert (state.state, len(state.rounds)) == ("waiting", 2)
    assert [change.path for change in state.proposal().changes] == ["new.py"]


async def test_what_is_wrong_with_a_proposal_is_told_also_after_a_finish_too_soon(
    sample: Path,
) -> None:
    broken = call("create_file", path="new.py", text="def broken(:\n")
    failing = call("read_file", 2, path="no.py")
    script = [say(broken, failing, call("finish", 3)), say(call("finish")), say(call("finish"))]
    state, _, _ = await finish_with(sample, *script)
    said = [r.text for r in state.results() if r.tool == "finish"]
    assert [text.partition(":")[0] for text in said] == [
        "Not offered",
        "Not offered yet",
        "Offered.",
    ]
