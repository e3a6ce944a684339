"""What an editor with views of its own asks for and is asked: sessions, duplicates, diffs, lenses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from messages_server import Reply
from proposing_desk import BEFORE, Desk, call, cleaned, desk, edit, finish
from raw_client import CAPABILITIES, LATER, Editor

Json = dict[str, Any]
CLIENT = {"client": {"show": True, "sessions": True, "peek": True}, "lenses": True}
SLUG = """
def {name}(text: str) -> str:
    words = [word for word in text.lower().split() if word.isalnum()]
    if not words:
        raise ValueError(f"{{text!r}} has no words")
    joined = "-".join(words)
    return joined[:80].rstrip("-") or "untitled"
"""


@pytest.fixture(scope="module")
def viewing_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    lenses = {"codeLens": {"refreshSupport": True}}
    capabilities = CAPABILITIES | {"workspace": CAPABILITIES["workspace"] | lenses}
    folder = tmp_path_factory.mktemp("viewing")
    with desk(folder, options=CLIENT, capabilities=capabilities) as made:
        yield made


@pytest.fixture
def viewing(viewing_desk: Desk) -> Iterator[Desk]:
    """An editor that shows sessions and diffs itself."""
    yield from cleaned(viewing_desk)


def open_virtual(editor: Editor, uri: str) -> str:
    text = editor.call("steadyhand/document", {"uri": uri})["text"]
    item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
    editor.notify("textDocument/didOpen", {"textDocument": item})
    return text


def lenses(editor: Editor, uri: str) -> list[tuple[int, str]]:
    found = editor.call("textDocument/codeLens", {"textDocument": {"uri": uri}})
    return [(lens["range"]["start"]["line"], lens["command"]["title"]) for lens in found or []]


def test_a_session_round_by_round(viewing: Desk) -> None:
    editor = viewing.editor
    editor.put("rounds.py", BEFORE)
    editor.put("twin.py", SLUG.format(name="slug_of"))
    editor.wait(lambda: editor.command("steadyhand.sessions"), "a session list")
    twin = edit("rounds.py", "first = 1\n", "first = 1\n" + SLUG.format(name="slugged"))
    session = viewing.start(
        Reply([{"type": "text", "text": "I look first."}, call("read_file", path="rounds.py")]),
        Reply([twin]),
        Reply([edit("rounds.py")]),
        finish("Two is twenty-two."),
    )
    viewing.reached(session, "waiting")
    told = editor.command("steadyhand.session", session=session)
    assert (told["state"], told["summary"], told["hunks"]) == (
        "waiting", "Two is twenty-two.", {"open": 1},
    )  # fmt: skip
    first, refused, edited, last = told["rounds"]
    assert first["said"] == "I look first."
    (step,) = first["steps"]
    assert (step["tool"], step["about"], step["verdict"]) == ("read_file", "rounds.py", "permit")
    (step,) = refused["steps"]
    assert (step["verdict"], step["rule"], step["error"]) == ("refuse", "duplicate", True)
    assert "slug_of" in step["message"]
    assert [s["tool"] for s in edited["steps"] + last["steps"]] == ["edit_file", "finish"]
    written = editor.command("steadyhand.transcript", session=session)["text"]
    assert "> I look first." in written
    assert "Refused (duplicate):" in written
    assert "- h1 rounds.py: open" in written
    # This editor has a place for it; no file is made.
    assert not list(editor.root.parent.rglob(f"{session}.md"))
    assert editor.command_error("steadyhand.transcript", session="00000000").code == -32803
    assert editor.command_error("steadyhand.session", session="00000000").code == -32803
    assert editor.command_error("steadyhand.session").code == -32602


def test_a_session_says_which_conventions_it_began_with(viewing: Desk) -> None:
    editor = viewing.editor
    editor.put("rounds.py", BEFORE)
    (editor.root / "AGENTS.md").write_text("Names are in English.\n")
    (editor.root / "part").mkdir()
    (editor.root / "part" / "CLAUDE.md").symlink_to("/etc/passwd")
    try:
        prompt = "task with conventions"
        viewing.plans[prompt] = [finish()]
        uri = (editor.root / "part" / "x.py").as_uri()
        answered = editor.command("steadyhand.task", prompt=prompt, uri=uri)
        viewing.reached(answered["session"], "finished")
        told = editor.command("steadyhand.session", session=answered["session"])["conventions"]
    finally:
        (editor.root / "AGENTS.md").unlink()
        (editor.root / "part" / "CLAUDE.md").unlink()
    assert told == answered["conventions"]
    root, part = told
    assert root == {"path": "AGENTS.md", "taken": True, "note": ""}
    assert (part["path"], part["taken"]) == ("part/CLAUDE.md", False)
    assert "leads out of the workspace" in part["note"]
    (asked,) = viewing.asked(prompt)
    assert "Names are in English." in asked["messages"][0]["content"][0]["text"]


def test_a_proposal_is_asked_about_and_shown_by_the_editor(viewing: Desk) -> None:
    editor = viewing.editor
    shown: list[Json] = []
    editor.on["steadyhand/show"] = shown.append
    editor.put("shown.py", BEFORE)
    session = viewing.propose(edit("shown.py"))
    question = viewing.question()
    assert [a["title"] for a in question["params"]["actions"]] == ["Apply", "Show diff", "Discard"]
    viewing.press(question, "Show diff")
    editor.wait(lambda: shown, "the diff")
    assert shown == [{"session": session}]
    assert viewing.state(session) == "waiting"
    # No second question: the diff has the buttons.
    editor.command("steadyhand.apply", session=session)
    assert "second = 22" in editor.text("shown.py")


def test_no_progress_besides_what_the_editor_shows_itself(viewing: Desk) -> None:
    editor = viewing.editor
    editor.put("quiet.py", BEFORE)
    since = len(editor.heard)
    viewing.propose(edit("quiet.py"))
    begun = [p["value"].get("title", "") for p in editor.messages("$/progress", since)]
    assert not [title for title in begun if "task" in title]


def test_lenses_in_a_proposed_text(viewing: Desk) -> None:
    editor = viewing.editor
    refreshed: list[Any] = []
    editor.on["workspace/codeLens/refresh"] = refreshed.append
    editor.put("sides.py", BEFORE)
    session = viewing.propose(
        edit("sides.py", "first = 1\n", "first = 1\nadded = 0\n"),
        edit("sides.py", "fifth = 5\n", "fifth = 55\n"),
    )
    (file,) = editor.call("steadyhand/proposal/get", {"session": session})["files"]
    uri = file["proposed"]
    assert open_virtual(editor, uri).splitlines()[5] == "fifth = 55"
    assert lenses(editor, uri) == [
        (1, "Apply all"), (1, "Discard"),
        (1, "Accept h1"), (1, "Reject h1"), (1, "Go to h1"),
        (5, "Accept h2"), (5, "Reject h2"), (5, "Go to h2"),
    ]  # fmt: skip
    at = {"line": 5, "character": 2}
    titles = [a["title"] for a in editor.actions(uri, {"start": at, "end": at})]
    assert titles[:2] == ["Accept h2", "Reject h2"]
    editor.command("steadyhand.proposal.reject", session=session, hunks=["h1"])
    editor.command("steadyhand.proposal.accept", session=session, hunks=["h2"])
    editor.wait(lambda: refreshed, "word that the lenses say something else now")
    assert lenses(editor, uri) == [
        (1, "Apply the 1 accepted"), (1, "Discard"),
        (1, "h1 rejected"), (1, "Accept h1"), (1, "Go to h1"),
        (4, "h2 accepted"), (4, "Reject h2"), (4, "Go to h2"),
    ]  # fmt: skip
    editor.command("steadyhand.discard", session=session)
    assert not [title for _, title in lenses(editor, uri) if title.startswith("Apply")]
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_duplicates_of_the_workspace_by_what_stays(viewing: Desk) -> None:
    editor = viewing.editor
    kept, gone = editor.put("text.py", SLUG.format(name="slugify")), "feeds.py"
    editor.put(gone, SLUG.format(name="_feed_slug"))

    def found() -> list[Json]:
        groups = editor.command("steadyhand.duplicates")["groups"]
        return [g for g in groups if any(m["path"] == gone for m in g["members"])]

    (group,) = editor.wait(found, "the duplicate")
    member = next(m for m in group["members"] if m["path"] == gone)
    assert (member["name"], member["tier"]) == ("_feed_slug", "T1")
    assert group["name"] in member["reason"]
    assert member["range"]["start"] == {"line": 1, "character": 4}
    # What it names can be compared, in an editor that shows texts beside each other.
    shown: list[Json] = []
    editor.on["steadyhand/show"] = shown.append
    editor.command("steadyhand.compare", **member["pair"])
    (texts,) = [one["texts"] for one in shown]
    assert "_feed_slug" in texts[0]["text"]
    assert kept is not None


def test_a_lens_leads_to_what_is_similar(viewing: Desk) -> None:
    editor = viewing.editor
    twin = SLUG.replace("80", "81")
    editor.put("one.py", twin.format(name="only_here"))
    editor.put("two.py", twin.format(name="_and_there"))

    def lens(uri: str) -> list[Json]:
        found = editor.call("textDocument/codeLens", {"textDocument": {"uri": uri}}) or []
        return [one for one in found if one["command"]["title"] == "1 similar"]

    # Above the one that should go, and above the one that stays.
    for name, other in (("one.py", "two.py"), ("two.py", "one.py")):
        uri = editor.show(name)
        (found,) = editor.wait(lambda uri=uri: lens(uri), "the lens")
        assert found["command"]["command"] == "steadyhand.peek"
        (argument,) = found["command"]["arguments"]
        (location,) = argument["locations"]
        assert location["uri"].endswith(f"/{other}")
        assert location["range"]["start"]["line"] == 1


def test_what_can_be_resumed_is_offered_with_a_button(tmp_path: Path) -> None:
    with desk(tmp_path) as made:
        made.editor.on["window/showMessageRequest"] = lambda _: LATER
        made.editor.put("again.py", BEFORE)
        session = made.propose(edit("again.py"))
    with desk(tmp_path, options=CLIENT) as made:
        made.editor.on["window/showMessageRequest"] = lambda _: LATER
        question = made.question()
        assert session in question["params"]["message"]
        since = len(made.editor.heard)
        made.press(question, "Resume")
        again = made.question(since)
        assert "proposes" in again["params"]["message"]
        made.press(again, None)


def test_an_answer_that_comes_too_late(viewing: Desk) -> None:
    editor = viewing.editor
    editor.put("late.py", BEFORE)
    since = len(editor.heard)
    session = viewing.propose(edit("late.py"))
    question = viewing.question(since)
    editor.command("steadyhand.discard", session=session)
    logged = len(editor.stderr())
    viewing.press(question, "Apply")
    viewing.told("That question is over", since=since)
    assert viewing.state(session) == "finished"
    assert editor.text("late.py") == BEFORE
    assert "Traceback" not in editor.stderr()[logged:]


def test_the_sides_of_a_diff_follow_what_is_typed(viewing: Desk) -> None:
    editor = viewing.editor
    refreshed: list[Any] = []
    editor.on["workspace/codeLens/refresh"] = refreshed.append
    editor.put("typed.py", BEFORE)
    uri = editor.show("typed.py")
    session = viewing.propose(edit("typed.py", "fifth = 5\n", "fifth = 55\n"))
    (file,) = editor.call("steadyhand/proposal/get", {"session": session})["files"]
    open_virtual(editor, file["proposed"])
    before = len(refreshed)
    editor.type(uri, "# mine\n" + BEFORE)
    editor.wait(lambda: len(refreshed) > before, "word that the sides have changed")
    proposed = editor.call("steadyhand/document", {"uri": file["proposed"]})["text"]
    assert proposed.startswith("# mine\n")
    assert (5, "Accept h1") in lenses(editor, file["proposed"])
    editor.command("steadyhand.discard", session=session)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": file["proposed"]}})


def test_a_conflict_can_be_compared(viewing: Desk) -> None:
    editor = viewing.editor
    shown: list[Json] = []
    editor.on["steadyhand/show"] = shown.append
    editor.put("conflict.py", BEFORE)
    uri = editor.show("conflict.py")
    session = viewing.propose(edit("conflict.py"))
    editor.type(uri, BEFORE.replace("second = 2\n", "second = 'mine'\n"))
    (file,) = editor.call("steadyhand/proposal/get", {"session": session})["files"]
    open_virtual(editor, file["proposed"])
    assert [title for _, title in lenses(editor, file["proposed"])] == [
        "h1 conflict", "Reject h1", "Compare h1", "Go to h1",
    ]  # fmt: skip
    editor.command("steadyhand.proposal.compare", session=session, hunks=["h1"])
    (texts,) = [one["texts"] for one in shown]
    assert [one["text"] for one in texts] == ["second = 'mine'\n", "second = 22\n"]
    editor.command("steadyhand.discard", session=session)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": file["proposed"]}})


def test_a_file_that_goes_has_its_lenses_on_the_side_that_there_is(viewing: Desk) -> None:
    editor = viewing.editor
    editor.put("goes.py", BEFORE)
    session = viewing.propose(call("delete_file", path="goes.py"))
    (file,) = editor.call("steadyhand/proposal/get", {"session": session})["files"]
    open_virtual(editor, file["base"])
    titles = [title for _, title in lenses(editor, file["base"])]
    assert titles[2:] == ["Accept h1", "Reject h1", "Go to h1"]
    editor.command("steadyhand.discard", session=session)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": file["base"]}})


def test_a_file_that_moves_names_what_it_was(viewing: Desk) -> None:
    editor = viewing.editor
    editor.put("was.py", BEFORE)
    session = viewing.propose(call("rename_file", path="was.py", new_path="is.py"))
    files = editor.call("steadyhand/proposal/get", {"session": session})["files"]
    assert {file["path"]: file["source"] for file in files}["is.py"] == "was.py"
    editor.command("steadyhand.discard", session=session)


def test_symbols_for_a_box_that_a_task_is_typed_into(viewing: Desk) -> None:
    editor = viewing.editor
    editor.put("symbol.py", SLUG.format(name="a_symbol_of_ours").replace("80", "82"))

    def found(query: str = "a_symbol_of") -> list[Json]:
        return editor.command("steadyhand.symbols", query=query)["symbols"]

    place = editor.wait(found, "the symbol")[0]
    assert (place["name"], place["path"]) == ("a_symbol_of_ours", "symbol.py")
    assert found("A_Symbol_OF")[0] == place


def test_what_an_editor_formats_on_the_way_is_applied_all_the_same(viewing: Desk) -> None:
    editor = viewing.editor
    editor.put("formatted.py", BEFORE + "last = 0   \n")
    session = viewing.propose(edit("formatted.py"))
    apply = editor.on["workspace/applyEdit"]

    def formatting(params: Any) -> Any:
        answer = apply(params)
        uri = editor.uri("formatted.py")
        editor.type(uri, editor.texts[uri][1].replace("   \n", "\n"))
        return answer

    editor.on["workspace/applyEdit"] = formatting
    told = editor.command("steadyhand.apply", session=session)
    assert told["message"].startswith("applied: formatted.py. formatted.py was changed further")
    assert told["state"] == "finished"


def test_a_setting_that_is_taken_back(viewing: Desk) -> None:
    editor = viewing.editor
    twin = SLUG.replace("80", "83")
    editor.put("off_one.py", twin.format(name="kept_here"))
    uri = editor.show("off_two.py", twin.format(name="_kept_there"))

    def similar() -> bool:
        return any(title == "1 similar" for _, title in lenses(editor, uri))

    editor.wait(similar, "the lens")
    section = {"steadyhand": {"whole": True}}
    editor.notify("workspace/didChangeConfiguration", {"settings": section})
    editor.wait(lambda: not similar(), "an end of the lens")
    section = {"steadyhand": {"whole": True, "lenses": True}}
    editor.notify("workspace/didChangeConfiguration", {"settings": section})
    editor.wait(similar, "the lens again")


def test_who_does_not_trust_the_workspace_has_no_model_work(tmp_path: Path) -> None:
    """Whatever asks for it: a command, a lens, or the server's own offer to resume."""
    with desk(tmp_path / "a", options=CLIENT) as made:
        made.editor.put("kept.py", BEFORE)
        session = made.propose(edit("kept.py"))
        root, private = made.editor.root, made.editor.private
    untrusted = {"client": {"show": True, "sessions": True, "trusted": False}}
    with Editor(root, private, options=untrusted) as editor:
        editor.indexed()
        told = editor.wait_message(
            "window/showMessage", lambda p: "to resume here" in p["message"]
        )["message"]
        assert told.endswith("(once this workspace is trusted)")
        assert editor.messages("window/showMessageRequest") == []
        for command, argument in (
            ("task", {"prompt": "x"}),
            ("resume", {"session": session}),
            ("trust", {}),
        ):
            error = editor.command_error(f"steadyhand.{command}", **argument)
            assert "This workspace is not trusted" in error.message
        # What asks no model is there all the same.
        assert editor.command("steadyhand.session", session=session)["state"] == "waiting"
