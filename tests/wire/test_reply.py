"""A reply to a session, from a raw editor: to what it proposes, and while it works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from messages_server import Reply
from proposing_desk import BEFORE, Desk, cleaned, desk, edit, finish
from raw_client import disk, path_of

Json = dict[str, Any]


@pytest.fixture(scope="module")
def plain_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("plain"), options={"client": {"reply": True}}) as made:
        yield made


@pytest.fixture
def at(plain_desk: Desk) -> Iterator[Desk]:
    yield from cleaned(plain_desk)


def test_a_reply_to_a_proposal_carries_the_selection_and_changes_it(at: Desk) -> None:
    uri = at.editor.show("reply.py", BEFORE)
    session = at.propose(edit("reply.py"))
    question = at.question()
    assert [one["title"] for one in question["params"]["actions"]] == [
        "Apply",
        "Show diff",
        "Discard",
        "Reply…",
    ]
    at.press(question, "Reply…")
    notice = at.editor.wait_message("steadyhand/reply", lambda _: True)
    assert notice == {"session": session}

    at.plans[at.prompt] = [Reply([edit("reply.py", "fourth = 4\n", "fourth = 44\n")]), finish()]
    since = len(at.editor.heard)
    third = {"start": {"line": 2, "character": 0}, "end": {"line": 3, "character": 0}}
    answer = at.editor.command(
        "steadyhand.reply", session=session, text="four, too; leave this", uri=uri, range=third
    )
    assert (answer["session"], answer["state"]) == (session, "running")
    question = at.question(since)
    heard = at.asked(at.prompt)[2]["messages"][-1]["content"][-1]["text"]
    assert "four, too; leave this" in heard
    assert "third = 3" in heard
    assert at.editor.command("steadyhand.session", session=session)["rounds"][1]["words"] == [
        "four, too; leave this"
    ]
    text = at.editor.command("steadyhand.transcript", session=session)["text"]
    assert "## You\n\nfour, too; leave this\n" in text
    assert text.index("## Round 2") < text.index("## You") < text.index("## Round 3")
    at.press(question, "Apply")
    at.reached(session, "finished")
    assert at.editor.text("reply.py") == BEFORE.replace("second = 2", "second = 22").replace(
        "fourth = 4", "fourth = 44"
    )


def test_an_answer_to_the_question_before_changes_nothing_and_says_so(at: Desk) -> None:
    at.editor.show("late.py", BEFORE)
    session = at.propose(edit("late.py"))
    first = at.question()
    at.plans[at.prompt] = [Reply([edit("late.py", "fourth = 4\n", "fourth = 44\n")]), finish()]
    since = len(at.editor.heard)
    at.editor.command("steadyhand.reply", session=session, text="four, too")
    second = at.question(since)
    at.press(first, "Apply")
    at.told("That question is over", since=since)
    assert at.state(session) == "waiting"
    assert at.editor.text("late.py") == BEFORE
    at.press(second, "Discard")
    at.reached(session, "finished")


def test_a_finished_session_takes_a_reply(at: Desk) -> None:
    at.editor.show("more.py", BEFORE)
    session = at.propose(edit("more.py"))
    at.press(at.question(), "Apply")
    at.reached(session, "finished")
    at.plans[at.prompt] = [Reply([edit("more.py", "fourth = 4\n", "fourth = 44\n")]), finish()]
    since = len(at.editor.heard)
    at.editor.command("steadyhand.reply", session=session, text="four, too")
    at.press(at.question(since), "Apply")
    at.editor.wait(lambda: "fourth = 44" in at.editor.text("more.py"), "the second part")
    at.editor.wait(lambda: at.state(session) == "finished", "the end")
    at.editor.command("steadyhand.undo", session=session)
    assert at.editor.text("more.py") == BEFORE


def test_what_is_selected_in_a_proposal_goes_with_the_reply(at: Desk) -> None:
    """Most replies are about what is proposed, and not about what stands in the file."""
    at.editor.show("selected.py", BEFORE)
    session = at.propose(edit("selected.py"))
    question = at.question()
    uri = f"steadyhand-proposal://{session}/selected.py?side=proposed"
    at.editor._open(uri, BEFORE.replace("second = 2", "second = 22"))
    second = {"start": {"line": 1, "character": 0}, "end": {"line": 2, "character": 0}}
    at.plans[at.prompt] = [finish(), finish()]
    for about in ({"uri": uri, "range": second}, {"selection": "-second = 2\n+second = 22"}):
        since = len(at.editor.heard)
        at.editor.command("steadyhand.reply", session=session, text="not this", **about)
        question = at.question(since)
    one, other = [
        at.asked(at.prompt)[number]["messages"][-1]["content"][-1]["text"] for number in (2, 3)
    ]
    assert ' path="selected.py" lines="2-2">\nsecond = 22\n' in one
    assert ">\n-second = 2\n+second = 22\n</selection-" in other
    at.press(question, "Discard")
    at.reached(session, "finished")


def test_a_reply_without_words_is_refused(at: Desk) -> None:
    assert "empty" in at.editor.command_error("steadyhand.reply", session="x", text=" ").message
    assert (
        "no session" in at.editor.command_error("steadyhand.reply", session="x", text="a").message
    )


def test_a_diff_that_is_open_follows_what_a_reply_changes(at: Desk) -> None:
    at.editor.show("followed.py", BEFORE)
    session = at.propose(edit("followed.py"))
    opened: list[str] = []
    at.editor.on["window/showDocument"] = lambda p: opened.append(p["uri"]) or {"success": True}
    since = len(at.editor.heard)
    at.press(at.question(), "Show diff")
    at.question(since)
    (uri,) = opened
    assert "+fourth = 44" not in disk(path_of(uri))
    at.plans[at.prompt] = [Reply([edit("followed.py", "fourth = 4\n", "fourth = 44\n")]), finish()]
    since = len(at.editor.heard)
    at.editor.command("steadyhand.reply", session=session, text="four, too")
    question = at.question(since)
    at.editor.wait(lambda: "+fourth = 44" in disk(path_of(uri)), "the second part in the diff")
    at.press(question, "Discard")
    at.reached(session, "finished")
