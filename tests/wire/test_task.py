"""Tasks from the question to the undo, against a model on a local HTTP server."""

import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from messages_server import Reply
from proposing_desk import AFTER, BEFORE, FIRST, HERE, Desk, call, cleaned, desk, edit, finish
from raw_client import (
    CAPABILITIES,
    LATER,
    Editor,
    RpcError,
    disk,
    edited,
    function,
    path_of,
    uri_of,
)

Json = dict[str, Any]


@pytest.fixture(scope="module")
def asking_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("asking")) as made:
        yield made


@pytest.fixture
def asking(asking_desk: Desk) -> Iterator[Desk]:
    """A client that is asked by a message; questions stay open until they are answered."""
    yield from cleaned(asking_desk)


@pytest.fixture(scope="module")
def previewing_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    workspace = CAPABILITIES["workspace"]
    support = workspace["workspaceEdit"] | {"changeAnnotationSupport": {"groupsOnLabel": True}}
    capabilities = CAPABILITIES | {"workspace": workspace | {"workspaceEdit": support}}
    with desk(tmp_path_factory.mktemp("previewing"), capabilities=capabilities) as made:
        yield made


@pytest.fixture
def previewing(previewing_desk: Desk) -> Iterator[Desk]:
    """A client that shows annotated edits itself."""
    yield from cleaned(previewing_desk)


def test_a_task_answers_at_once_and_tells_its_way(asking: Desk) -> None:
    editor = asking.editor
    uri = editor.show("way.py", BEFORE)
    since = len(editor.heard)
    session = asking.start(
        Reply([call("read_file", path="way.py")], delay=0.4),
        Reply([edit("way.py")], delay=0.2),
        finish("Doubled."),
        uri=uri,
        range=HERE,
    )
    asking.reached(session, "waiting")
    editor.wait_message(
        "$/progress",
        lambda p: p["token"] == f"session-{session}" and p["value"]["kind"] == "end",
    )
    heard = editor.heard[since:]
    events = [m["params"] for m in heard if m.get("method") == "steadyhand/session"]
    assert {e["session"] for e in events} == {session}
    steps = [(e["event"], e["round"]) for e in events]
    assert steps == [
        ("call", 1), ("reply", 1), ("verdict", 1), ("result", 1), ("round", 1),
        ("call", 2), ("reply", 2), ("verdict", 2), ("result", 2), ("round", 2),
        ("call", 3), ("reply", 3), ("round", 3), ("state", 3),
    ]  # fmt: skip
    answer = {"session": session, "conventions": []}
    answered = next(n for n, m in enumerate(heard) if m.get("result") == answer)
    replied = next(n for n, m in enumerate(heard) if m.get("params") == events[1])
    assert answered < replied, "the id came only after the model"
    assert [e["tokens"] for e in events if e["event"] == "reply"] == [120, 240, 360]
    token = f"session-{session}"
    progress = [p["value"] for p in editor.messages("$/progress", since) if p["token"] == token]
    kinds = [value["kind"] for value in progress]
    assert kinds[0] == "begin"
    assert kinds[-1] == "end"
    assert set(kinds[1:-1]) == {"report"}
    assert progress[0]["cancellable"] is True
    assert asking.prompt in progress[0]["title"]
    created = editor.messages("window/workDoneProgress/create", since)
    assert created == [{"token": token}]
    # The model was shown the text as it is open; there is nothing on disk.
    result = asking.asked(asking.prompt)[1]["messages"][-1]["content"][0]
    assert "second = 2" in result["content"]


@pytest.mark.parametrize("way", ["progress", "command"])
def test_cancel_stops_a_reply_in_the_middle(asking: Desk, way: str) -> None:
    editor = asking.editor
    editor.show("cancelled.py", BEFORE)
    session = asking.start(Reply([edit("cancelled.py")], pause=5))
    editor.wait(lambda: asking.asked(asking.prompt), "request", FIRST)
    if way == "progress":
        token = f"session-{session}"
        editor.wait_message(
            "$/progress", lambda p: p["token"] == token and p["value"]["kind"] == "begin"
        )
        editor.notify("window/workDoneProgress/cancel", {"token": token})
    else:
        assert editor.command("steadyhand.cancel", session=session)["state"] == "cancelled"
    asking.reached(session, "cancelled")
    # The call itself was ended, long before the reply was.
    request = asking.asked(asking.prompt)[0]
    editor.wait(lambda: request in asking.model.abandoned, "end of the call", 4)
    assert asking.state(session) == "cancelled"
    assert editor.applied == []
    editor.wait_message(
        "$/progress",
        lambda p: p["token"] == f"session-{session}" and p["value"]["kind"] == "end",
    )


def test_show_diff_then_apply(asking: Desk) -> None:
    editor = asking.editor
    editor.put("shown.py", BEFORE)
    uri = editor.show("shown.py")
    since = len(editor.heard)
    session = asking.propose(edit("shown.py"))
    question = asking.question()
    assert "1 file" in question["params"]["message"]
    assert [a["title"] for a in question["params"]["actions"]] == ["Apply", "Show diff", "Discard"]
    asking.press(question, "Show diff")
    question = asking.question(editor.heard.index(question) + 1)
    (shown,) = editor.documents
    diff = path_of(shown["uri"])
    assert stat.S_IMODE(diff.stat().st_mode) == 0o600
    assert diff.is_relative_to(editor.private / "state")
    assert disk(diff).startswith("--- a/shown.py\n+++ b/shown.py\n")
    assert "\n-second = 2\n+second = 22\n" in disk(diff)
    assert editor.text("shown.py") == BEFORE
    asking.press(question, "Apply")
    report = asking.told("shown.py", "saved", since=since)
    assert "not saved" in report
    assert asking.reached(session, "finished")
    (applied,) = editor.applied
    (change,) = applied["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": uri, "version": 1}
    assert editor.text("shown.py") == AFTER
    assert disk(editor.root / "shown.py") == BEFORE, "only the editor saves"


def test_a_diff_that_cannot_be_shown_loses_nothing(asking: Desk) -> None:
    editor = asking.editor
    editor.show("unshown.py", BEFORE)

    def refuse(_: Any) -> Any:
        raise RpcError(-32603, "no window")

    editor.on["window/showDocument"] = refuse
    session = asking.propose(edit("unshown.py"))
    question = asking.question()
    asking.press(question, "Show diff")
    # The person is asked again, or can still decide by a command.
    editor.wait(
        lambda: (
            any(m["method"] == "window/showMessageRequest" for m in editor.open)
            or any(session in text for text in editor.shown(editor.heard.index(question)))
        ),
        "word after the diff",
    )
    assert asking.state(session) == "waiting"
    assert editor.command("steadyhand.apply", session=session)["state"] == "finished"
    assert editor.text("unshown.py") == AFTER


def test_discard_changes_nothing(asking: Desk) -> None:
    editor = asking.editor
    editor.show("discarded.py", BEFORE)
    session = asking.propose(edit("discarded.py"))
    asking.press(asking.question(), "Discard")
    asking.reached(session, "finished")
    assert editor.applied == []
    assert editor.text("discarded.py") == BEFORE
    assert asking.listed(session)["applied"] is False
    assert editor.command_error("steadyhand.undo", session=session).code == -32803


def test_a_question_that_is_closed_can_be_answered_later(asking: Desk) -> None:
    editor = asking.editor
    editor.show("later.py", BEFORE)
    session = asking.propose(edit("later.py"))
    asking.press(asking.question(), None)
    assert asking.state(session) == "waiting"
    assert editor.text("later.py") == BEFORE
    editor.command("steadyhand.proposal", session=session)
    assert "second = 22" in disk(path_of(editor.documents[-1]["uri"]))
    # Asked once more by `resume`.
    since = len(editor.heard)
    editor.command("steadyhand.resume", session=session)
    asking.press(asking.question(since), None)
    answer = editor.command("steadyhand.apply", session=session)
    assert answer["state"] == "finished"
    assert "later.py" in answer["message"]
    assert editor.text("later.py") == AFTER


def test_a_question_answered_twice_counts_once(asking: Desk) -> None:
    """The person applies by a command while the question is still open, then answers that too."""
    editor = asking.editor
    editor.show("twice.py", BEFORE)
    session = asking.propose(edit("twice.py"))
    question = asking.question()
    assert editor.command("steadyhand.apply", session=session)["state"] == "finished"
    asking.press(question, "Discard")
    assert asking.state(session) == "finished"
    assert editor.text("twice.py") == AFTER
    assert asking.listed(session)["applied"] is True
    assert editor.command("steadyhand.undo", session=session)["state"] == "finished"
    assert asking.listed(session)["applied"] is False
    assert editor.text("twice.py") == BEFORE


def test_a_file_that_is_not_open_is_changed_by_the_editor(asking: Desk) -> None:
    editor = asking.editor
    text = ("# 🙂\x0c\n" + BEFORE).replace("\n", "\r\n")
    editor.put("closed.py", text)
    session = asking.propose(edit("closed.py", "second = 2\nthird", "second = 22\nthird"))
    asking.press(asking.question(), "Apply")
    asking.reached(session, "finished")
    assert editor.text("closed.py") == text.replace("second = 2\r", "second = 22\r")
    assert disk(editor.root / "closed.py") == text


def test_an_edit_that_arrives_after_the_answer_is_waited_for(asking: Desk) -> None:
    editor = asking.editor
    editor.show("slow.py", BEFORE)

    def slowly(params: Json) -> Json:
        threading.Timer(0.4, lambda: editor.apply(params["edit"])).start()
        return {"applied": True}

    editor.on["workspace/applyEdit"] = slowly
    session = asking.propose(edit("slow.py"))
    answer = editor.command("steadyhand.apply", session=session)
    assert answer["state"] == "finished"
    assert "not applied" not in answer["message"]
    assert editor.text("slow.py") == AFTER


@pytest.mark.parametrize("said", [True, False])
def test_what_was_not_applied_is_reported_so(asking: Desk, said: bool) -> None:
    """`applied: true` is not believed, and `applied: false` loses nothing."""
    editor = asking.editor
    editor.show("lied.py", BEFORE)
    editor.on["workspace/applyEdit"] = lambda _: {"applied": said, "failureReason": "busy now"}
    session = asking.propose(edit("lied.py"))
    since = len(editor.heard)
    asking.press(asking.question(), "Apply")
    message = asking.told("not applied", "lied.py", since=since)
    assert ("busy now" in message) is not said
    assert asking.state(session) == "waiting"
    editor.reset()
    assert editor.command("steadyhand.apply", session=session)["state"] == "finished"
    assert editor.text("lied.py") == AFTER


def test_a_text_that_changed_since_is_not_touched(asking: Desk) -> None:
    editor = asking.editor
    uri = editor.show("stale.py", BEFORE)
    session = asking.propose(edit("stale.py"))
    typed = BEFORE.replace("second = 2\n", "second = 'mine'\n")
    editor.type(uri, typed)
    since = len(editor.heard)
    asking.press(asking.question(), "Apply")
    asking.told("stale.py", "changed", since=since)
    assert editor.text("stale.py") == typed
    assert editor.applied == []
    error = editor.command_error("steadyhand.apply", session=session)
    assert error.code == -32803
    assert "stale.py" in error.message
    assert asking.state(session) == "waiting"
    # Once the person has taken their change back, it fits again.
    editor.type(uri, BEFORE)
    assert editor.command("steadyhand.apply", session=session)["state"] == "finished"
    assert editor.text("stale.py") == AFTER


def test_a_file_that_changed_on_disk_since_is_not_touched(asking: Desk) -> None:
    editor = asking.editor
    editor.put("disk.py", BEFORE)
    session = asking.propose(edit("disk.py"))
    editor.put("disk.py", "written = 'by another program'\n")
    error = editor.command_error("steadyhand.apply", session=session)
    assert error.code == -32803
    assert editor.applied == []
    assert asking.state(session) == "waiting"


def test_undo_keeps_what_was_typed_since(asking: Desk) -> None:
    editor = asking.editor
    uri = editor.show("undone.py", BEFORE)
    session = asking.propose(edit("undone.py"))
    editor.command("steadyhand.apply", session=session)
    editor.type(uri, "# mine 🙂\n" + AFTER + "sixth = 6\n")
    answer = editor.command("steadyhand.undo", session=session)
    assert "undone" in answer["message"]
    assert editor.text("undone.py") == "# mine 🙂\n" + BEFORE + "sixth = 6\n"
    # Only once.
    error = editor.command_error("steadyhand.undo", session=session)
    assert error.code == -32803
    assert editor.text("undone.py") == "# mine 🙂\n" + BEFORE + "sixth = 6\n"


def test_undo_of_lines_that_the_person_changed_is_refused(asking: Desk) -> None:
    editor = asking.editor
    uri = editor.show("kept.py", BEFORE)
    session = asking.propose(edit("kept.py"))
    editor.command("steadyhand.apply", session=session)
    typed = AFTER.replace("second = 22", "second = 23")
    editor.type(uri, typed)
    error = editor.command_error("steadyhand.undo", session=session)
    assert error.code == -32803
    assert "kept.py" in error.message
    assert editor.text("kept.py") == typed
    # Nothing is forgotten by it.
    editor.type(uri, AFTER)
    editor.command("steadyhand.undo", session=session)
    assert editor.text("kept.py") == BEFORE


def test_a_created_file_goes_with_the_undo(asking: Desk) -> None:
    editor = asking.editor
    path = editor.root / "new" / "made.py"
    session = asking.propose(call("create_file", path="new/made.py", text="made = '🙂'\n"))
    asking.press(asking.question(), "Apply")
    asking.reached(session, "finished")
    (applied,) = editor.applied
    create = applied["edit"]["documentChanges"][0]
    assert create["kind"] == "create"
    assert create["options"] == {"ignoreIfExists": True}
    assert editor.text("new/made.py") == "made = '🙂'\n"
    editor.save(uri_of(path))
    editor.command("steadyhand.undo", session=session)
    assert not path.exists()
    assert uri_of(path) not in editor.texts


def test_a_file_that_appeared_meanwhile_is_not_overwritten(asking: Desk) -> None:
    editor = asking.editor
    session = asking.propose(call("create_file", path="appeared.py", text="proposed = 1\n"))
    editor.put("appeared.py", "mine = 1\n")
    assert editor.command_error("steadyhand.apply", session=session).code == -32803
    assert editor.text("appeared.py") == "mine = 1\n"
    assert editor.applied == []


def test_a_duplicate_is_refused_with_the_place_of_the_one_that_exists(asking: Desk) -> None:
    editor = asking.editor
    editor.actions(editor.show("has_it.py", function("existing_helper", "guarded")), HERE)
    copy = call("create_file", path="copy.py", text=function("new_helper", "guarded"))
    session = asking.start(Reply([copy]), finish("There is one already."))
    refused = editor.wait_message(
        "steadyhand/session", lambda e: e["session"] == session and e.get("verdict") == "refuse"
    )
    assert refused["rule"] == "duplicate"
    assert "has_it.py:1" in refused["message"]
    asking.reached(session, "finished")
    (result,) = asking.asked(asking.prompt)[1]["messages"][-1]["content"]
    assert result["is_error"] is True
    assert "from has_it import existing_helper" in result["content"]
    assert editor.applied == []


def test_the_guard_sees_what_is_being_typed(asking: Desk) -> None:
    """Without a pause between the keys: what stands in the buffer counts, not what stood there."""
    editor = asking.editor
    uri = editor.show("typed.py", "a = 1\n")
    typed = function("typed_helper", "typing")
    editor.type(uri, typed)
    over = threading.Event()

    def keys() -> None:
        while not over.wait(0.01):
            editor.type(uri, editor.texts[uri][1] + "#")

    typing = threading.Thread(target=keys)
    typing.start()
    try:
        copy = call("create_file", path="copy.py", text=function("new_helper", "typing"))
        session = asking.start(Reply([copy]), finish())
        event = editor.wait_message(
            "steadyhand/session",
            lambda e: e["session"] == session and e["event"] == "verdict",
            timeout=FIRST,
        )
    finally:
        over.set()
        typing.join()
    assert event["verdict"] == "refuse"
    assert "typed.py:1" in event["message"]


def test_commands_on_sessions_fail_with_one_sentence(asking: Desk) -> None:
    editor = asking.editor
    finished = asking.start(finish("Nothing to do."))
    asking.reached(finished, "finished")
    running = asking.start(Reply([edit("no.py")], delay=30))
    editor.wait(lambda: asking.asked(asking.prompt), "request")
    names = ("resume", "cancel", "proposal", "apply", "discard", "undo")
    wrong = [(name, "no-such-session") for name in names]
    wrong += [(name, finished) for name in ("resume", "proposal", "apply", "discard", "undo")]
    wrong += [(name, running) for name in ("resume", "apply", "discard", "undo")]
    for name, session in wrong:
        error = editor.command_error(f"steadyhand.{name}", session=session)
        assert error.code == -32803, (name, session)
        assert session in error.message, (name, session)
        assert "\n" not in error.message
        assert "Traceback" not in error.message
    assert asking.state(finished) == "finished"
    assert asking.state(running) == "running"
    assert editor.command("steadyhand.cancel", session=running)["state"] == "cancelled"


def test_the_editors_own_preview_is_used(previewing: Desk) -> None:
    editor = previewing.editor
    uri = editor.show("annotated.py", BEFORE)
    since = len(editor.heard)
    session = previewing.propose(
        edit("annotated.py"), call("create_file", path="beside.py", text="beside = 1\n")
    )
    previewing.reached(session, "finished")
    assert editor.messages("window/showMessageRequest", since) == []
    (applied,) = editor.applied
    annotations = applied["edit"]["changeAnnotations"]
    assert [a["needsConfirmation"] for a in annotations.values()] == [True] * len(annotations)
    for change in applied["edit"]["documentChanges"]:
        parts = change.get("edits", [change])
        assert parts
        assert {part["annotationId"] for part in parts} <= set(annotations)
    first = next(c for c in applied["edit"]["documentChanges"] if "edits" in c)
    assert first["textDocument"] == {"uri": uri, "version": 1}
    assert editor.text("annotated.py") == AFTER
    assert editor.text("beside.py") == "beside = 1\n"
    # What was confirmed once is taken back without asking again.
    editor.command("steadyhand.undo", session=session)
    assert editor.text("annotated.py") == BEFORE
    assert not (editor.root / "beside.py").exists()
    assert not any(p["edit"].get("changeAnnotations") for p in editor.applied[1:])


def test_a_renamed_file_goes_only_once_it_is_there(asking: Desk) -> None:
    """The old name comes first in the list; an editor that makes no file must not lose the text."""
    editor = asking.editor
    editor.put("a_moved.py", BEFORE)
    obey = editor.on["workspace/applyEdit"]

    def no_new_files(params: Json) -> Json:
        kinds = [change.get("kind") for change in params["edit"]["documentChanges"]]
        return {"applied": False} if "create" in kinds else obey(params)

    editor.on["workspace/applyEdit"] = no_new_files
    session = asking.propose(call("rename_file", path="a_moved.py", new_path="b_moved.py"))
    since = len(editor.heard)
    asking.press(asking.question(), "Apply")
    asking.told("a_moved.py is left as it is, since b_moved.py could not be", since=since)
    assert (editor.root / "a_moved.py").read_text() == BEFORE
    assert asking.state(session) == "waiting"
    editor.reset()
    assert editor.command("steadyhand.apply", session=session)["state"] == "finished"
    assert not (editor.root / "a_moved.py").exists()
    assert editor.text("b_moved.py") == BEFORE
    editor.command("steadyhand.undo", session=session)
    assert editor.text("a_moved.py") == BEFORE
    assert not (editor.root / "b_moved.py").exists()


@pytest.mark.parametrize("by", ["repository", "editor"])
def test_no_setting_takes_the_question_away(tmp_path: Path, by: str) -> None:
    """A client that cannot confirm an edit would apply it at once."""
    (tmp_path / "ws").mkdir()
    if by == "repository":
        (tmp_path / "ws/steadyhand.toml").write_text('preview = "annotations"\n')
    options = {"preview": "annotations"} if by == "editor" else {}
    with desk(tmp_path, options=options) as made:
        made.editor.on["window/showMessageRequest"] = lambda _: LATER
        made.editor.show("asked.py", BEFORE)
        made.propose(edit("asked.py"))
        question = made.question()
        assert made.editor.applied == []
        made.press(question, "Apply")
        made.told("applied", "asked.py")
        assert made.editor.text("asked.py") == AFTER


def test_a_preview_that_is_discarded_loses_nothing(previewing: Desk) -> None:
    editor = previewing.editor
    editor.show("refused.py", BEFORE)
    editor.on["workspace/applyEdit"] = lambda _: {"applied": False}
    since = len(editor.heard)
    session = previewing.propose(edit("refused.py"))
    previewing.told("Nothing was applied", session, "is kept", since=since)
    assert previewing.state(session) == "waiting"
    assert editor.text("refused.py") == BEFORE
    editor.reset()
    editor.command("steadyhand.proposal", session=session)
    assert "second = 22" in disk(path_of(editor.documents[-1]["uri"]))
    assert editor.command("steadyhand.apply", session=session)["state"] == "finished"
    assert editor.text("refused.py") == AFTER


def test_a_preview_that_is_taken_in_part(previewing: Desk) -> None:
    """The editor says `applied: true`; one file was left out."""
    editor = previewing.editor
    editor.show("part_a.py", BEFORE)
    editor.show("part_b.py", BEFORE)

    def first_only(params: Json) -> Json:
        editor.apply_one(params["edit"]["documentChanges"][0])
        return {"applied": True}

    editor.on["workspace/applyEdit"] = first_only
    since = len(editor.heard)
    session = previewing.propose(edit("part_a.py"), edit("part_b.py"))
    message = previewing.told("part_a.py", "part_b.py", "not applied", since=since)
    assert message.index("part_a.py") < message.index("not applied") < message.index("part_b.py")
    assert (editor.text("part_a.py"), editor.text("part_b.py")) == (AFTER, BEFORE)
    assert previewing.state(session) == "waiting"
    editor.command("steadyhand.proposal", session=session)
    diff = disk(path_of(editor.documents[-1]["uri"]))
    assert "part_b.py" in diff
    assert "part_a.py" not in diff
    editor.reset()
    assert editor.command("steadyhand.apply", session=session)["state"] == "finished"
    assert (editor.text("part_a.py"), editor.text("part_b.py")) == (AFTER, AFTER)
    editor.command("steadyhand.undo", session=session)
    assert (editor.text("part_a.py"), editor.text("part_b.py")) == (BEFORE, BEFORE)


TYPED = "# typed meanwhile\n"


def test_what_is_typed_while_another_file_is_applied_is_kept(asking: Desk) -> None:
    """Files are applied one by one; the person may type in the second before its turn comes."""
    editor = asking.editor
    editor.show("busy_a.py", BEFORE)
    second = editor.show("busy_b.py", BEFORE)

    def apply_and_type(params: Json) -> Json:
        applied = editor.apply(params["edit"])
        if TYPED not in editor.text("busy_b.py"):
            editor.type(second, TYPED + editor.text("busy_b.py"))
        return {"applied": applied}

    editor.on["workspace/applyEdit"] = apply_and_type
    session = asking.propose(edit("busy_a.py"), edit("busy_b.py"))
    since = len(editor.heard)
    asking.press(asking.question(), "Apply")
    told = asking.told("busy_b.py", "not applied", since=since)
    assert "changed meanwhile" in told
    assert editor.text("busy_a.py") == AFTER
    assert editor.text("busy_b.py") == TYPED + BEFORE
    assert asking.state(session) == "waiting"
    editor.reset()
    assert editor.command("steadyhand.undo", session=session)["message"].startswith("undone")
    assert editor.text("busy_a.py") == BEFORE
    assert editor.text("busy_b.py") == TYPED + BEFORE


def test_the_plainest_client_can_use_a_task(tmp_path: Path) -> None:
    """It advertises nothing: no progress, no documents to show, no versioned edits."""
    with desk(tmp_path, capabilities={}) as plain:
        editor = plain.editor
        uri = editor.show("plain.py", BEFORE)

        def apply(params: Json) -> Json:
            editor.applied.append(params)
            changes = params["edit"].get("changes")
            if changes is None:
                return {"applied": False, "failureReason": "documentChanges were not offered"}
            editor.type(uri, edited(editor.text("plain.py"), changes[uri]))
            return {"applied": True}

        editor.on = {
            "window/showMessageRequest": lambda _: LATER,
            "workspace/applyEdit": apply,
        }
        plain.propose(edit("plain.py"))
        question = plain.question()
        plain.press(question, "Show diff")
        told = plain.told(".diff")
        (diff,) = (editor.private / "state" / "diffs").iterdir()
        assert str(diff) in told
        assert "second = 22" in disk(diff)
        plain.press(plain.question(editor.heard.index(question) + 1), "Apply")
        plain.told("plain.py", "applied")
        assert set(editor.applied[0]["edit"]) == {"changes"}
        assert editor.text("plain.py") == AFTER
        asked = {m["method"] for m in editor.heard if "method" in m and "id" in m}
        assert asked == {"window/showMessageRequest", "workspace/applyEdit"}
        assert not editor.messages("$/progress")


def test_without_a_key_everything_else_works(tmp_path: Path) -> None:
    with Editor(tmp_path / "ws", tmp_path / "private") as editor:
        uri = editor.indexed().show(
            "a.py", "def f(a):\n    return a\n\n\ndef f(b):\n    return b\n"
        )
        session = editor.command("steadyhand.task", prompt="anything")["session"]
        paused = editor.wait_message(
            "window/showMessage", lambda p: "ANTHROPIC_API_KEY" in p["message"], timeout=FIRST
        )
        assert session in paused["message"]
        assert "Traceback" not in editor.stderr()
        (listed,) = editor.command("steadyhand.sessions")["sessions"]
        assert listed["state"] == "paused"
        (found,) = editor.findings(uri)["diagnostics"]
        assert editor.actions(uri, found["range"], [found])
        version = editor.type(uri, "a = 1\n")
        assert not editor.findings(uri, lambda p: p["version"] == version)["diagnostics"]


# The import of the SDK, made slow for certain; then it is refused, since that is enough here.
SLOW_IMPORT = """
import sys, time
from importlib.machinery import ModuleSpec
from pathlib import Path

class Slow:
    # Python holds one lock for all imports while it looks for a module, and none
    # but the module's own while it runs it; so this waits where the SDK is slow.
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "anthropic" else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        Path(sys.argv[1], "begun").touch()
        while not Path(sys.argv[1], "answered").exists():
            time.sleep(0.01)
        raise ImportError("that is enough")

sys.meta_path.insert(0, Slow())
from steadyhand_server.app import run_stdio
run_stdio()
"""


def test_the_server_answers_while_the_sdk_is_imported(tmp_path: Path) -> None:
    """A keystroke never waits for the model, its import included."""
    command = [sys.executable, "-P", "-c", SLOW_IMPORT, str(tmp_path)]
    env = {"ANTHROPIC_API_KEY": "test"}
    root = tmp_path / "ws"
    with Editor(root, tmp_path / "private", command=command, env=env) as editor:
        uri = editor.indexed().show("a.py", "a = 1\n")
        editor.command("steadyhand.task", prompt="anything")
        editor.wait((tmp_path / "begun").exists, "import")
        # A server that waits for the import never answers, and the call says so.
        editor.actions(uri, HERE)
        (tmp_path / "answered").touch()
