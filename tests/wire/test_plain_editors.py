"""Editors that can less: no question, no session ids, no new files, no reading again of a diff."""

import stat
from collections.abc import Iterator
from typing import Any

import pytest

from proposing_desk import AFTER, BEFORE, Desk, call, cleaned, desk, edit
from raw_client import CAPABILITIES, RpcError, disk, path_of

Json = dict[str, Any]
MINIMAL = CAPABILITIES | {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}
}


@pytest.fixture(scope="module")
def helix_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("helix")) as made:
        yield made


@pytest.fixture
def mute(helix_desk: Desk) -> Iterator[Desk]:
    """An editor that knows no `window/showMessageRequest`."""

    def unknown(_: Any) -> None:
        raise RpcError(-32601, "no such method")

    for made in cleaned(helix_desk):
        made.editor.on["window/showMessageRequest"] = unknown
        yield made


@pytest.fixture(scope="module")
def eglot_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("eglot"), capabilities=MINIMAL) as made:
        yield made


@pytest.fixture
def eglot(eglot_desk: Desk) -> Iterator[Desk]:
    """An editor that neither makes nor deletes files."""
    yield from cleaned(eglot_desk)


def test_who_cannot_be_asked_is_shown_the_diff(mute: Desk) -> None:
    editor = mute.editor
    editor.put("mute.py", BEFORE)
    session = mute.propose(edit("mute.py"))
    mute.told("Code actions in the diff apply or discard this", "proposes 1 file")
    (shown,) = editor.documents
    assert "h1 open" in disk(path_of(shown["uri"]))
    assert mute.state(session) == "waiting"
    # Such an editor may send no argument at all: the only session that fits is meant.
    told = editor.call("workspace/executeCommand", {"command": "steadyhand.apply"})
    assert told["session"] == session
    mute.told("applied, not saved yet: mute.py")
    assert editor.text("mute.py") == AFTER
    editor.call("workspace/executeCommand", {"command": "steadyhand.undo"})
    assert editor.text("mute.py") == BEFORE
    since = len(editor.heard)
    error = editor.error("workspace/executeCommand", {"command": "steadyhand.apply"})
    assert "no session fits" in error.message
    mute.told("no session fits", since=since)


def test_of_several_sessions_one_must_be_named(mute: Desk) -> None:
    editor = mute.editor
    sessions: list[str] = []
    for name in ("several_a.py", "several_b.py"):
        editor.put(name, BEFORE)
        sessions.append(mute.propose(edit(name)))
    error = editor.error("workspace/executeCommand", {"command": "steadyhand.discard"})
    assert all(session in error.message for session in sessions)
    for session in sessions:
        editor.command("steadyhand.discard", session=session)


def test_files_are_made_and_deleted_for_an_editor_that_does_neither(eglot: Desk) -> None:
    editor = eglot.editor
    old = editor.put("goes.py", BEFORE)
    editor.put("stays.py", BEFORE)
    session = eglot.propose(
        call("create_file", path="comes.py", text="made = 1\n"),
        call("delete_file", path="goes.py"),
        edit("stays.py"),
    )
    assert old.exists()
    told = editor.command("steadyhand.apply", session=session)
    assert "not applied" not in told["message"]
    assert disk(editor.root / "comes.py") == "made = 1\n"
    assert not old.exists()
    assert editor.text("stays.py") == AFTER
    editor.command("steadyhand.undo", session=session)
    assert disk(old) == BEFORE
    assert not (editor.root / "comes.py").exists()


def test_a_diff_that_is_not_read_again_offers_what_is_possible_now(mute: Desk) -> None:
    editor = mute.editor
    editor.put("unread.py", BEFORE)
    session = mute.propose(edit("unread.py"))
    (shown,) = editor.wait(lambda: editor.documents, "the diff")
    uri = shown["uri"]
    diff = disk(path_of(uri))
    item = {"uri": uri, "languageId": "diff", "version": 1, "text": diff}
    editor.notify("textDocument/didOpen", {"textDocument": item})
    editor.command("steadyhand.proposal.accept", session=session, hunks=["h1"])
    line = next(n for n, text in enumerate(diff.split("\n")) if text.startswith("@@"))
    at = {"line": line + 1, "character": 0}
    titles = [action["title"] for action in editor.actions(uri, {"start": at, "end": at})]
    assert titles == ["Reject h1", "Go to h1", "Apply the 1 accepted", "Discard"]
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    editor.command("steadyhand.discard", session=session)


def test_a_kind_of_file_that_the_editor_does_not_show_us_is_not_edited_through_it(
    mute: Desk,
) -> None:
    """It may be open there with text that is not saved, and lines would be others than on disk."""
    editor = mute.editor
    notes = editor.put("notes.md", BEFORE)
    session = mute.propose(edit("notes.md"))
    since = len(editor.applied)
    editor.command("steadyhand.apply", session=session)
    assert disk(notes) == AFTER
    assert editor.applied[since:] == []
    editor.command("steadyhand.undo", session=session)
    assert disk(notes) == BEFORE


def test_the_newest_session_is_shown_as_a_file(mute: Desk) -> None:
    editor = mute.editor
    editor.put("newest.py", BEFORE)
    since = len(editor.heard)
    session = mute.propose(edit("newest.py"))
    mute.told("Code actions in the diff apply or discard this", since=since)
    editor.documents.clear()
    editor.call("workspace/executeCommand", {"command": "steadyhand.transcript"})
    (shown,) = editor.documents
    file = path_of(shown["uri"])
    assert file.name == f"{session}.md"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "- h1 newest.py: open" in disk(file).splitlines()
    editor.command("steadyhand.discard", session=session)
