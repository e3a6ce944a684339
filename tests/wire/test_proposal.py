"""A proposal hunk by hunk, by requests, by commands, and by what an editor shows of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from messages_server import Reply
from proposing_desk import Desk, call, cleaned, desk, edit, finish
from raw_client import CAPABILITIES, LATER, RpcError, disk, edited, path_of
from steadyhand_server import protocol

Json = dict[str, Any]
LINES = [f"line_{n} = {n}\n" for n in range(1, 31)]
BASE = "".join(LINES)


def changed(*numbers: int) -> str:
    """The text with some of its lines as the agent wants them."""
    return "".join(
        f"line_{n} = {n * 100}\n" if n in numbers else line for n, line in enumerate(LINES, 1)
    )


def edits(path: str, *numbers: int) -> list[Json]:
    return [edit(path, f"line_{n} = {n}\n", f"line_{n} = {n * 100}\n") for n in numbers]


@pytest.fixture(scope="module")
def plain_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("plain")) as made:
        yield made


@pytest.fixture
def plain(plain_desk: Desk) -> Iterator[Desk]:
    yield from cleaned(plain_desk)


@pytest.fixture(scope="module")
def newest_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    content = {"textDocumentContent": {"dynamicRegistration": True}}
    capabilities = CAPABILITIES | {"workspace": CAPABILITIES["workspace"] | content}
    with desk(tmp_path_factory.mktemp("newest"), capabilities=capabilities) as made:
        yield made


@pytest.fixture
def newest(newest_desk: Desk) -> Iterator[Desk]:
    """An editor that shows texts which a server provides (LSP 3.18)."""
    yield from cleaned(newest_desk)


def ask(at: Desk, what: str, **params: Any) -> Json:
    return at.editor.call(f"steadyhand/proposal/{what}", params)


def states(at: Desk, session: str) -> dict[str, str]:
    return {hunk["id"]: hunk["state"] for hunk in ask(at, "hunks", session=session)["hunks"]}


def three(at: Desk, path: str) -> str:
    """A session that proposes three hunks, of which two rounds made one each and one both."""
    at.editor.put(path, BASE)
    at.editor.show(path)
    first, second = edits(path, 3, 15)
    session = at.start(Reply([first, second]), Reply(edits(path, 27)), finish("Times a hundred."))
    at.reached(session, "waiting")
    return session


def test_what_is_proposed_can_be_read(plain: Desk) -> None:
    session = three(plain, "read.py")
    got = ask(plain, "get", session=session)
    (file,) = got["files"]
    assert (file["path"], file["kind"], file["hunks"]) == ("read.py", "edit", ["h1", "h2", "h3"])
    assert (got["state"], got["summary"]) == ("waiting", "Times a hundred.")
    hunks = ask(plain, "hunks", session=session)["hunks"]
    assert [(h["first"], h["end"], h["rounds"]) for h in hunks] == [
        (2, 3, [1]), (14, 15, [1]), (26, 27, [2]),
    ]  # fmt: skip
    assert [h["reasons"] for h in hunks] == [["asked for"]] * 3
    assert (hunks[0]["old"], hunks[0]["new"]) == ("line_3 = 3\n", "line_3 = 300\n")
    for side, text in (("base", BASE), ("proposed", changed(3, 15, 27))):
        assert plain.editor.call("steadyhand/document", {"uri": file[side]})["text"] == text
    diff = plain.editor.call("steadyhand/document", {"uri": got["diff"]})["text"]
    assert re.findall(r"^@@ (.*) @@ (h\d) open, round (\d)$", diff, re.M) == [
        ("-1,6 +1,6", "h1", "1"), ("-12,7 +12,7", "h2", "1"), ("-24,7 +24,7", "h3", "2"),
    ]  # fmt: skip


def test_two_of_three_hunks_and_back(plain: Desk) -> None:
    editor = plain.editor
    session = three(plain, "two.py")
    answer = ask(plain, "accept", session=session, hunks=["h1", "h3"])
    assert answer["hunks"] == {"h1": "accepted", "h2": "open", "h3": "accepted"}
    assert editor.text("two.py") == BASE, "accepting writes nothing"
    answer = ask(plain, "apply", session=session)
    assert editor.text("two.py") == changed(3, 27)
    assert answer["hunks"] == {"h1": "applied", "h2": "open", "h3": "applied"}
    assert (answer["state"], [f["status"] for f in answer["files"]]) == ("waiting", ["unsaved"])
    answer = ask(plain, "reject", session=session, hunks=["h2"])
    assert answer["state"] == "finished", "nothing is open any more"
    # A mind can be changed, of finished sessions too.
    assert ask(plain, "accept", session=session, hunks=["h2"])["hunks"]["h2"] == "accepted"
    ask(plain, "apply", session=session)
    assert editor.text("two.py") == changed(3, 15, 27)
    ask(plain, "revert", session=session, hunks=["h1"])
    assert editor.text("two.py") == changed(15, 27)
    ask(plain, "revert", session=session, round=2)
    assert editor.text("two.py") == changed(15)
    answer = ask(plain, "redo", session=session)
    assert editor.text("two.py") == changed(3, 15, 27)
    assert set(answer["hunks"].values()) == {"applied"}
    ask(plain, "revert", session=session)
    assert editor.text("two.py") == BASE


def test_what_was_typed_elsewhere_is_merged_and_what_collides_is_offered_again(plain: Desk) -> None:
    editor = plain.editor
    session = three(plain, "merged.py")
    uri = editor.uri("merged.py")
    typed = "# mine 🙂\n" + BASE.replace("line_15 = 15\n", "line_15 = 'mine'\n")
    editor.type(uri, typed)
    hunks = {h["id"]: h for h in ask(plain, "hunks", session=session)["hunks"]}
    assert [h["state"] for h in hunks.values()] == ["open", "conflict", "open"]
    assert (hunks["h2"]["now"], hunks["h2"]["new"]) == ("line_15 = 'mine'\n", "line_15 = 1500\n")
    assert hunks["h1"]["first"] == 3, "a line further down than it was"
    answer = ask(plain, "apply", session=session)
    assert answer["hunks"] == {"h1": "applied", "h2": "conflict", "h3": "applied"}
    assert "merged.py" in answer["message"]
    assert "line 16" in answer["message"]
    assert editor.text("merged.py") == "# mine 🙂\n" + changed(3, 27).replace(
        "line_15 = 15\n", "line_15 = 'mine'\n"
    )
    # The person makes room, and it fits.
    editor.type(uri, "# mine 🙂\n" + changed(3, 27))
    assert states(plain, session)["h2"] == "open"
    assert ask(plain, "apply", session=session)["state"] == "finished"
    ask(plain, "revert", session=session)
    assert editor.text("merged.py") == "# mine 🙂\n" + BASE


def test_the_editors_own_undo_and_edits_by_hand_are_noticed(plain: Desk) -> None:
    editor = plain.editor
    session = three(plain, "noticed.py")
    ask(plain, "apply", session=session)
    since = len(editor.heard)
    editor.type(editor.uri("noticed.py"), changed(3).replace("line_3 = 300", "line_3 = 301"))
    editor.wait_message(
        "steadyhand/session",
        lambda e: e["session"] == session and e["event"] == "hunks",
        since=since,
    )
    hunks = {h["id"]: h for h in ask(plain, "hunks", session=session)["hunks"]}
    assert [(h["state"], h["edited"]) for h in hunks.values()] == [
        ("applied", True), ("reverted", False), ("reverted", False),
    ]  # fmt: skip
    # Bringing back what the editor took back, and only that.
    ask(plain, "redo", session=session)
    assert editor.text("noticed.py") == changed(15, 27).replace("line_3 = 3", "line_3 = 301")


def test_commands_have_the_names_of_the_requests(plain: Desk) -> None:
    session = three(plain, "commanded.py")
    command = plain.editor.command
    listed = command("steadyhand.proposal.hunks", session=session)["hunks"]
    assert [h["id"] for h in listed] == ["h1", "h2", "h3"]
    command("steadyhand.proposal.accept", session=session, hunks=["h2"])
    command("steadyhand.proposal.apply", session=session)
    assert plain.editor.text("commanded.py") == changed(15)
    command("steadyhand.proposal.revert", session=session, round=1)
    assert plain.editor.text("commanded.py") == BASE
    command("steadyhand.proposal.redo", session=session)
    command("steadyhand.proposal.reject", session=session, hunks=["h1", "h3"])
    assert plain.state(session) == "finished"
    place = command("steadyhand.proposal.goto", session=session, hunks=["h3"])
    assert (place["path"], place["first"]) == ("commanded.py", 26)
    for wrong in ({}, {"session": 5}, {"session": session, "hunks": "h1"}):
        assert plain.editor.command_error("steadyhand.proposal.accept", **wrong).code == -32602


@pytest.mark.parametrize(
    ("what", "params", "code", "word"),
    [
        ("get", {"session": "nobody00"}, -32803, "no session"),
        ("get", {}, -32602, "params"),
        ("accept", {"session": "?", "hunks": ["h9"]}, -32803, "no hunk h9"),
        ("accept", {"session": "?"}, -32602, "Name the hunks"),
        ("apply", {"session": "?", "hunks": []}, -32602, "Name the hunks"),
        ("revert", {"session": "?", "hunks": []}, -32602, "Name the hunks"),
        ("revert", {"session": "?"}, -32803, "nothing that could be undone"),
        ("redo", {"session": "?"}, -32803, "nothing that could be redone"),
        ("revert", {"session": "?", "round": 7}, -32803, "Round 7"),
        ("apply", {"session": "?", "hunks": ["h9"]}, -32803, "no hunk h9"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    plain: Desk, what: str, params: Json, code: int, word: str
) -> None:
    if params.get("session") == "?":
        params = params | {"session": three(plain, f"wrong-{what}.py")}
    with pytest.raises(RpcError) as caught:
        ask(plain, what, **params)
    assert (caught.value.code, word in caught.value.message) == (code, True), caught.value


def test_an_editor_without_a_plugin_takes_it_from_the_diff(plain: Desk) -> None:
    editor = plain.editor
    session = three(plain, "lenses.py")
    editor.command("steadyhand.proposal", session=session)
    (shown,) = editor.documents
    path, uri = path_of(shown["uri"]), shown["uri"]
    item = {"uri": uri, "languageId": "diff", "version": 1, "text": disk(path)}
    editor.notify("textDocument/didOpen", {"textDocument": item})
    lenses = editor.call("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert [lens["command"]["title"] for lens in lenses] == [
        "Apply all", "Discard",
        "Accept h1", "Reject h1", "Go to h1",
        "Accept h2", "Reject h2", "Go to h2",
        "Accept h3", "Reject h3", "Go to h3",
    ]  # fmt: skip
    lines = disk(path).split("\n")
    places = [lens["range"]["start"]["line"] for lens in lenses[2::3]]
    assert [lines[at].split(" @@ ")[1][:2] for at in places] == ["h1", "h2", "h3"]
    inside = {"line": places[1] + 2, "character": 0}
    found = editor.actions(uri, {"start": inside, "end": inside})
    assert [a["title"] for a in found] == [
        "Accept h2", "Reject h2", "Go to h2", "Apply all", "Discard",
    ]  # fmt: skip
    accept = found[0]["command"]
    editor.command(accept["command"], **accept["arguments"][0])
    editor.wait(lambda: " h2 accepted" in disk(path), "the diff as it is now")
    editor.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": disk(path)}]},
    )
    lenses = editor.call("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert lenses[0]["command"]["title"] == "Apply the 1 accepted"
    apply = lenses[0]["command"]
    editor.command(apply["command"], **apply["arguments"][0])
    assert editor.text("lenses.py") == changed(15)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_virtual_documents_for_an_editor_that_asks_by_itself(newest: Desk) -> None:
    editor = newest.editor
    (registered,) = editor.messages("client/registerCapability")[:1]
    (registration,) = registered["registrations"]
    assert registration["method"] == "workspace/textDocumentContent"
    assert registration["registerOptions"]["schemes"] == ["steadyhand-proposal"]
    refreshed: list[str] = []
    editor.on["workspace/textDocumentContent/refresh"] = lambda p: refreshed.append(p["uri"])
    session = three(newest, "virtual.py")
    uri = ask(newest, "get", session=session)["files"][0]["proposed"]
    # Some clients escape the query.
    for spelled in (uri, uri.replace("=", "%3D")):
        text = editor.call("workspace/textDocumentContent", {"uri": spelled})["text"]
        assert text == changed(3, 15, 27)
    ask(newest, "reject", session=session, hunks=["h2"])
    editor.wait(
        lambda: set(refreshed) == {uri, uri.replace("=", "%3D")}, "word that it has changed"
    )
    text = editor.call("workspace/textDocumentContent", {"uri": uri})["text"]
    assert text == changed(3, 27)
    for wrong in (
        "file:///etc/passwd",
        "steadyhand-proposal://[abc/a.py?side=base",
        uri.replace("virtual", "other"),
        uri.replace("proposed", "x"),
    ):
        with pytest.raises(RpcError):
            editor.call("workspace/textDocumentContent", {"uri": wrong})


def test_two_sessions_see_that_they_meet(plain: Desk) -> None:
    first = three(plain, "meet.py")
    second = plain.propose(*edits("meet.py", 15, 20))
    hunks = {h["new"]: h for h in ask(plain, "hunks", session=second)["hunks"]}
    assert hunks["line_15 = 1500\n"]["overlaps"] == [first]
    assert hunks["line_20 = 2000\n"]["overlaps"] == []
    (file,) = ask(plain, "get", session=second)["files"]
    assert any(first in remark for remark in file["remarks"])
    plain.editor.command("steadyhand.proposal", session=second)
    assert first in disk(path_of(plain.editor.documents[-1]["uri"]))


def test_files_that_come_go_and_move(plain: Desk) -> None:
    editor = plain.editor
    editor.put("old_name.py", BASE)
    editor.put("going.py", "x = 1\n")
    session = plain.propose(
        call("rename_file", path="old_name.py", new_path="new_name.py"),
        call("delete_file", path="going.py"),
        call("create_file", path="coming.py", text="y = 2\n"),
    )
    hunks = ask(plain, "hunks", session=session)["hunks"]
    kinds = {h["path"]: (h["kind"], h["source"]) for h in hunks}
    assert kinds == {
        "new_name.py": ("rename", "old_name.py"),
        "going.py": ("delete", None),
        "coming.py": ("create", None),
    }
    by_path = {h["path"]: h["id"] for h in hunks}
    ask(plain, "apply", session=session, hunks=[by_path["new_name.py"]])
    assert not (editor.root / "old_name.py").exists()
    assert editor.text("new_name.py") == BASE
    assert (editor.root / "going.py").exists()
    ask(plain, "apply", session=session)
    assert not (editor.root / "going.py").exists()
    ask(plain, "revert", session=session)
    editor.wait(lambda: (editor.root / "old_name.py").exists(), "old name")
    assert (editor.text("old_name.py"), editor.text("going.py")) == (BASE, "x = 1\n")
    assert not (editor.root / "coming.py").exists()
    assert set(states(plain, session).values()) == {"reverted"}


def test_a_script_that_moves_or_comes_back_can_be_run(plain: Desk) -> None:
    editor = plain.editor
    for name in ("moves.py", "goes.py"):
        editor.put(name, f"#!/usr/bin/env python3\nprint('{name}')\n").chmod(0o755)
    editor.put("plain.py", "x = 1\n").chmod(0o644)
    session = plain.propose(
        call("rename_file", path="moves.py", new_path="moved.py"),
        call("rename_file", path="plain.py", new_path="plainer.py"),
        call("delete_file", path="goes.py"),
    )
    ask(plain, "apply", session=session)
    modes = {p.name: p.stat().st_mode & 0o111 for p in editor.root.glob("*.py")}
    assert (modes["moved.py"], modes["plainer.py"]) == (0o111, 0)
    ask(plain, "revert", session=session)
    modes = {p.name: p.stat().st_mode & 0o111 for p in editor.root.glob("*.py")}
    assert (modes["moves.py"], modes["goes.py"], modes["plain.py"]) == (0o111, 0o111, 0)


@pytest.mark.parametrize("what", ["deleted", "a folder", "a link outside", "another file"])
def test_what_became_of_a_file_meanwhile(plain: Desk, what: str, tmp_path: Path) -> None:
    editor = plain.editor
    name = f"meanwhile-{what.replace(' ', '-')}.py"
    path = editor.put(name, BASE)
    session = plain.propose(*edits(name, 3))
    path.unlink()
    outside = tmp_path / "outside.py"
    if what == "a folder":
        path.mkdir()
    elif what == "a link outside":
        outside.write_text(BASE)
        path.symlink_to(outside)
    elif what == "another file":
        path.write_text("else = 1\n")
    assert states(plain, session) == {"h1": "conflict"}
    error = editor.command_error("steadyhand.apply", session=session)
    assert error.code == -32803
    assert name in error.message
    assert editor.applied == []
    if what == "a link outside":
        assert outside.read_text() == BASE
    assert plain.state(session) == "waiting"
    # What was there comes back, and it fits.
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_text(BASE)
    assert editor.command("steadyhand.apply", session=session)["state"] == "finished"
    assert editor.text(name) == changed(3)


# --- clients as they are (EDITORS) ---


@pytest.fixture(scope="module")
def code_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    workspace = CAPABILITIES["workspace"]
    support = workspace["workspaceEdit"] | {"changeAnnotationSupport": {"groupsOnLabel": True}}
    capabilities = CAPABILITIES | {"workspace": workspace | {"workspaceEdit": support}}
    with desk(tmp_path_factory.mktemp("code"), capabilities=capabilities) as made:
        yield made


@pytest.fixture
def code(code_desk: Desk) -> Iterator[Desk]:
    yield from cleaned(code_desk)


def test_a_preview_that_is_taken_in_part_is_seen_for_what_it_is(code: Desk) -> None:
    """VS Code answers `applied: true` when a part of the edit was unchecked."""
    editor = code.editor

    def in_part(params: Json) -> Json:
        (change,) = params["edit"]["documentChanges"]
        assert params["edit"]["changeAnnotations"]["steadyhand"]["needsConfirmation"]
        uri = change["textDocument"]["uri"]
        kept = [e for e in change["edits"] if "1500" not in e["newText"]]
        editor.type(uri, edited(editor.texts[uri][1], kept))
        return {"applied": True}

    editor.on["workspace/applyEdit"] = in_part
    session = three(code, "partly.py")
    code.told("partly.py")
    assert editor.text("partly.py") == changed(3, 27)
    assert states(code, session) == {"h1": "applied", "h2": "open", "h3": "applied"}
    assert code.state(session) == "waiting"
    editor.on["workspace/applyEdit"] = editor._apply_edit
    ask(code, "revert", session=session)
    assert editor.text("partly.py") == BASE


def test_a_stale_edit_that_is_skipped_in_silence(plain: Desk) -> None:
    """Neovim 0.11 skips what is stale, and answers `applied: true`."""
    editor = plain.editor
    session = three(plain, "skipped.py")
    uri = editor.uri("skipped.py")

    def skip(_: Json) -> Json:
        editor.type(uri, "# typed at the last moment\n" + BASE)
        return {"applied": True}

    editor.on["workspace/applyEdit"] = skip
    answer = ask(plain, "apply", session=session)
    assert set(answer["hunks"].values()) == {"open"}
    assert answer["state"] == "waiting"
    editor.on["workspace/applyEdit"] = editor._apply_edit
    ask(plain, "apply", session=session)
    assert editor.text("skipped.py") == "# typed at the last moment\n" + changed(3, 15, 27)


def test_an_edit_that_was_made_in_part_and_denied_can_be_taken_back(plain: Desk) -> None:
    editor = plain.editor
    session = three(plain, "denied.py")
    uri = editor.uri("denied.py")

    def in_part(_: Json) -> Json:
        editor.type(uri, changed(3, 15))
        return {"applied": False, "failureReason": "something went wrong"}

    editor.on["workspace/applyEdit"] = in_part
    answer = ask(plain, "apply", session=session)
    assert answer["hunks"] == {"h1": "applied", "h2": "applied", "h3": "open"}
    assert "denied.py holds 2 of 3 hunks; the others are still open" in answer["message"]
    editor.on["workspace/applyEdit"] = editor._apply_edit
    ask(plain, "apply", session=session)
    assert editor.text("denied.py") == changed(3, 15, 27)
    ask(plain, "revert", session=session)
    assert editor.text("denied.py") == BASE


def test_what_a_formatter_makes_of_it_is_ours_and_can_be_taken_back(plain: Desk) -> None:
    """VS Code formats a file when what was applied to it is saved."""
    editor = plain.editor
    before = BASE.replace("line_20 = 20", "line_20  =  20")
    editor.put("formatted.py", before)
    uri = editor.show("formatted.py")

    def and_formats(params: Json) -> Json:
        assert editor.apply(params["edit"])
        editor.type(uri, re.sub("  =  +", " = ", editor.texts[uri][1]))
        editor.save(uri)
        return {"applied": True}

    editor.on["workspace/applyEdit"] = and_formats
    session = plain.propose(
        edit("formatted.py", "line_3 = 3\n", "line_3  =  300\n"), *edits("formatted.py", 27)
    )
    answer = ask(plain, "apply", session=session)
    assert editor.text("formatted.py") == changed(3, 27)
    assert (answer["state"], set(answer["hunks"].values())) == ("finished", {"applied"})
    assert "changed further, as formatters do" in answer["message"]
    ask(plain, "revert", session=session, hunks=["h1"])
    assert editor.text("formatted.py") == changed(27)
    ask(plain, "redo", session=session)
    assert editor.text("formatted.py") == changed(3, 27)
    ask(plain, "revert", session=session)
    assert editor.text("formatted.py") == BASE, "with line 20 as the editor has left it"


def test_an_edit_that_comes_when_nobody_waits_for_it_any_more_is_ours(plain: Desk) -> None:
    editor = plain.editor
    session = three(plain, "late.py")
    uri = editor.uri("late.py")
    editor.on["workspace/applyEdit"] = lambda _: {"applied": True}
    answer = ask(plain, "apply", session=session)
    assert (answer["state"], set(answer["hunks"].values())) == ("waiting", {"open"})
    since = len(editor.heard)
    editor.type(uri, changed(3, 15, 27))
    assert set(states(plain, session).values()) == {"applied"}
    editor.wait_message(
        "steadyhand/session",
        lambda e: e["session"] == session and e["state"] == "finished",
        since=since,
    )
    editor.on["workspace/applyEdit"] = editor._apply_edit
    ask(plain, "revert", session=session)
    assert editor.text("late.py") == BASE


def test_what_was_written_when_the_editor_went_is_shown_as_applied(tmp_path: Path) -> None:
    with desk(tmp_path) as at:
        session = three(at, "went.py")
        path = at.editor.root / "went.py"

        def writes(_: Json) -> object:
            path.write_text(changed(3, 15, 27))
            return LATER

        at.editor.on["workspace/applyEdit"] = writes
        at.editor.request("steadyhand/proposal/apply", {"session": session})
        at.editor.wait(lambda: path.read_text() != BASE, "written file")
    with desk(tmp_path) as at:
        assert set(states(at, session).values()) == {"applied"}
        ask(at, "revert", session=session)
        assert at.editor.text("went.py") == BASE


@pytest.mark.parametrize("opened", [False, True])
def test_a_byte_order_mark_stays_one(plain: Desk, opened: bool) -> None:
    """VS Code, Neovim, Helix and Emacs keep it out of the text, and write it again."""
    editor, name = plain.editor, f"marked-{opened}.py"
    mark, after = "\ufeff", BASE.replace("line_1 = 1\n", "line_1 = 100\n")
    path = editor.put(name, mark + BASE)
    uri = editor.show(name, BASE) if opened else editor.uri(name)

    def applies(params: Json) -> Json:
        if uri not in editor.texts:
            editor.show(name, disk(path).removeprefix(mark))
        assert editor.apply(params["edit"])
        path.write_bytes((mark + editor.texts[uri][1]).encode())
        return {"applied": True}

    editor.on["workspace/applyEdit"] = applies
    session = plain.propose(*edits(name, 1))
    answer = ask(plain, "apply", session=session)
    assert disk(path) == mark + after
    assert [f["status"] for f in answer["files"]] == ["applied"]
    editor.shut(uri)
    (hunk,) = ask(plain, "hunks", session=session)["hunks"]
    assert (hunk["state"], hunk["edited"]) == ("applied", False), "closed, it is the same file"
    answer = ask(plain, "revert", session=session)
    assert disk(path) == mark + BASE
    assert [f["status"] for f in answer["files"]] == ["applied"]


def test_line_ends_that_editors_count_in_their_own_way_are_not_left_to_them(plain: Desk) -> None:
    editor = plain.editor
    text = BASE.replace("line_2 = 2\n", "line_2 = 2\r")
    path = editor.put("alone.py", text)
    session = plain.propose(*edits("alone.py", 15))
    uri = editor.show("alone.py")
    answer = ask(plain, "apply", session=session)
    assert [f["status"] for f in answer["files"]] == ["refused"]
    assert "save and close it, then apply again" in answer["message"]
    assert (editor.text("alone.py"), disk(path)) == (text, text)
    editor.shut(uri)
    assert ask(plain, "apply", session=session)["state"] == "finished"
    assert disk(path) == text.replace("line_15 = 15\n", "line_15 = 1500\n")
    assert editor.applied == []
    ask(plain, "revert", session=session)
    assert disk(path) == text


def test_dos_line_ends_in_an_editor_that_shows_them_as_plain_ones(tmp_path: Path) -> None:
    """Emacs does; a CR that is put in there would be written twice."""
    edit_support = {"applyEdit": True, "workspaceEdit": {}}
    capabilities = CAPABILITIES | {"workspace": edit_support}
    with desk(tmp_path, capabilities=capabilities, name="Eglot") as at:
        editor = at.editor
        path = editor.put("dos.py", BASE.replace("\n", "\r\n"))
        uri = editor.uri("dos.py")

        def applies(params: Json) -> Json:
            if uri not in editor.texts:
                editor.show("dos.py", disk(path).replace("\r\n", "\n"))
            assert editor.apply(params["edit"])
            return {"applied": True}

        editor.on["workspace/applyEdit"] = applies
        for opened in (False, True):
            session = at.propose(*edits("dos.py", 15))
            ask(at, "apply", session=session)
            assert editor.text("dos.py") == changed(15), opened
            ask(at, "revert", session=session)
            assert editor.text("dos.py") == BASE
        for question in list(editor.open):
            editor.answer(question, None)


def test_an_editor_that_takes_plain_changes_alone(tmp_path: Path) -> None:
    """Eglot offers neither versions nor files that come and go."""
    edit_support = {"applyEdit": True, "workspaceEdit": {}}
    capabilities = CAPABILITIES | {"workspace": edit_support}
    with desk(tmp_path, capabilities=capabilities) as at:
        session = three(at, "eglot.py")
        ask(at, "apply", session=session, hunks=["h2"])
        assert at.editor.text("eglot.py") == changed(15)
        ask(at, "revert", session=session)
        assert at.editor.text("eglot.py") == BASE
        for question in list(at.editor.open):
            at.editor.answer(question, None)


def test_after_a_restart_all_of_it_is_known(tmp_path: Path) -> None:
    with desk(tmp_path) as at:
        session = three(at, "again.py")
        ask(at, "accept", session=session, hunks=["h1"])
        ask(at, "apply", session=session)
        ask(at, "reject", session=session, hunks=["h3"])
        at.editor.save(at.editor.uri("again.py"))
        for question in list(at.editor.open):
            at.editor.answer(question, None)
    with desk(tmp_path) as at:
        assert states(at, session) == {"h1": "applied", "h2": "open", "h3": "rejected"}
        ask(at, "revert", session=session, hunks=["h1"])
        assert at.editor.text("again.py") == BASE
        ask(at, "redo", session=session, hunks=["h1"])
        ask(at, "apply", session=session, hunks=["h2"])
        assert at.editor.text("again.py") == changed(3, 15)


def test_the_page_names_every_request_and_command() -> None:
    page = (Path(__file__).parents[2] / "server/README.md").read_text()
    for method in protocol.REQUEST_TYPES:
        assert f"`{method}`" in page, method
    for name in ("proposal.goto", "redo", "undo", "apply", "discard"):
        assert f"`steadyhand.{name}`" in page, name
