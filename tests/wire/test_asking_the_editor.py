"""What the server asks of an editor: its other language servers, and the person's consent."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from messages_server import MessagesServer, Reply
from raw_client import LATER, Editor, Json, RpcError

TEXT = "\U0001f600 = 1; määr = 2\nprint(määr)\n"
_numbers = count(1)


def call(tool: str, **arguments: Any) -> Json:
    given = {"reason": "asked for"} | arguments
    return {"type": "tool_use", "id": f"toolu_{next(_numbers)}", "name": tool, "input": given}


class Desk:
    def __init__(self, editor: Editor, model: MessagesServer) -> None:
        self.editor = editor
        self.model = model

    def results(self, *calls: Json) -> list[str]:
        """Has a session make these calls; what the model is told of each."""
        self.script[:] = [Reply([*calls]), Reply([call("finish", summary="done")])]
        before = len(self.model.requests)
        session = self.editor.command("steadyhand.task", prompt="do it")["session"]
        self.ended(session)
        told = self.model.requests[before + 1]["messages"][-1]["content"]
        return [block["content"] for block in told]

    def ended(self, session: str) -> Json:
        return self.editor.wait_message(
            "steadyhand/session",
            lambda e: e["session"] == session and e["event"] == "state" and e["state"] != "running",
            timeout=40.0,
        )

    def tools(self) -> set[str]:
        """The tools that the model was offered last."""
        return {tool["name"] for tool in self.model.requests[-1]["tools"]}

    script: list[Reply]


@contextmanager
def desk(folder: Path, **more: Any) -> Generator[Desk]:
    script: list[Reply] = []
    env = {"ANTHROPIC_API_KEY": "test", **more.pop("env", {})}
    with MessagesServer(lambda _: script.pop(0)) as model:
        env["STEADYHAND_BASE_URL"] = model.url
        root = folder / "ws"
        root.mkdir()
        (root / "a.py").write_text(TEXT)
        if toml := more.pop("toml", ""):
            (root / "steadyhand.toml").write_text(toml)
        with Editor(root, folder / "private", env=env, **more) as editor:
            made = Desk(editor, model)
            made.script = script
            editor.indexed()
            yield made


ANSWERS = {"client": {"references": True, "diagnostics": True}}


def at(line: int) -> Json:
    return {"start": {"line": line, "character": 4}, "end": {"line": line, "character": 8}}


@pytest.mark.parametrize(
    ("options", "offered"),
    [
        (None, set[str]()),
        ({"client": {"references": "yes"}}, set[str]()),
        ({"client": {"references": True}}, {"references"}),
        (ANSWERS, {"references", "diagnostics"}),
    ],
)
def test_they_are_offered_to_who_announces_them(
    tmp_path: Path, options: Any, offered: set[str]
) -> None:
    with desk(tmp_path, options=options) as made:
        made.results(call("list_files"))
        assert made.tools() & {"references", "diagnostics"} == offered


def test_references_in_utf16_and_inside_the_workspace(tmp_path: Path) -> None:
    with desk(tmp_path, options=ANSWERS) as made:
        asked: list[Json] = []

        def answer(params: Json) -> Any:
            asked.append(params)
            here = made.editor.uri("a.py")
            return [
                {"uri": here, "range": at(1)},
                {"uri": here, "range": at(0)},
                {"uri": here, "range": at(0)},
                {"uri": "file:///usr/lib/elsewhere.py", "range": at(0)},
            ]

        made.editor.on["steadyhand/references"] = answer
        (text,) = made.results(call("references", path="a.py", line=1, name="määr"))
        assert text == "a.py:1: \U0001f600 = 1; määr = 2\na.py:2: print(määr)"
        assert asked == [{"uri": made.editor.uri("a.py"), "position": {"line": 0, "character": 8}}]
        # A name that is not there is told without asking the editor.
        (text,) = made.results(call("references", path="a.py", line=2, name="other"))
        assert "does not hold `other`" in text
        made.editor.on["steadyhand/references"] = lambda _: None
        (text,) = made.results(call("references", path="a.py", line=2, name="x.määr"))
        assert "knows no use" in text
        assert len(asked) == 1


def test_diagnostics_of_others(tmp_path: Path) -> None:
    with desk(tmp_path, options=ANSWERS) as made:

        def answer(params: Json) -> Any:
            here = params.get("uri", made.editor.uri("a.py"))
            shown = [
                {
                    "range": at(1),
                    "severity": 2,
                    "message": "unused\n  name",
                    "source": "ruff",
                    "code": "F841",
                },
                {"range": at(0), "severity": 1, "message": "bad"},
                {"range": at(0), "severity": 1, "message": "ours", "source": "steadyhand"},
            ]
            return [
                {"uri": here, "diagnostics": shown},
                {"uri": "file:///elsewhere.py", "diagnostics": shown},
            ]

        made.editor.on["steadyhand/diagnostics"] = answer
        expected = "a.py:1: error: bad\na.py:2: warning: unused name (ruff F841)"
        calls = [
            call("diagnostics"),
            call("diagnostics", path="a.py"),
            call("diagnostics", path="b.py"),
        ]
        everywhere, here, nowhere = made.results(*calls)
        assert (everywhere, here) == (expected, expected)
        assert nowhere.count("\n") == 1
        made.editor.on["steadyhand/diagnostics"] = lambda _: []
        (text,) = made.results(call("diagnostics"))
        assert "shows nothing about any file" in text


def test_an_editor_that_fails_is_no_fault_of_the_session(tmp_path: Path) -> None:
    with desk(tmp_path, options=ANSWERS) as made:

        def refuse(_: Json) -> Any:
            raise RpcError(-32603, "no server there", None)

        made.editor.on["steadyhand/diagnostics"] = refuse
        (text,) = made.results(call("diagnostics"))
        assert "could not answer" in text


# --- consent --------------------------------------------------------------------------------------

TOML = 'checks = { show = "cat a.py" }\n'
# No bubblewrap on this PATH: the person has to be asked.
BARE = {"PATH": "/usr/bin:/bin", "STEADYHAND_CHECKS": '{"show": "cat a.py"}'}


def pressed(made: Desk, button: str | None, since: int = 0) -> Json:
    question = made.editor.asked("window/showMessageRequest", since)
    titles = [action["title"] for action in question["params"]["actions"]]
    assert button is None or button in titles, titles
    made.editor.answer(question, None if button is None else {"title": button})
    return question["params"]


@pytest.fixture
def without_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """An environment in which bubblewrap is found first and does not work."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (folder / "bwrap").chmod(0o755)
    return BARE | {"PATH": f"{folder}:{BARE['PATH']}"}


def test_a_check_is_asked_for_with_the_diff_at_hand(
    tmp_path: Path, without_bubblewrap: dict[str, str]
) -> None:
    with desk(tmp_path, env=without_bubblewrap) as made:
        made.editor.on["window/showMessageRequest"] = lambda _: LATER
        edit = call("edit_file", path="a.py", old_text="määr = 2", new_text="määr = 3")
        made.script[:] = [
            Reply([edit, call("run_check", check="show")]),
            Reply([call("finish", summary="done")]),
        ]
        session = made.editor.command("steadyhand.task", prompt="x")["session"]
        asked = pressed(made, "Show diff")
        assert "`show` (cat a.py)" in asked["message"]
        made.editor.wait(lambda: made.editor.documents, "diff on screen")
        shown = Path(made.editor.documents[0]["uri"].removeprefix("file://")).read_text()
        assert "+\U0001f600 = 1; määr = 3" in shown
        pressed(made, "Yes")
        assert made.ended(session)["state"] == "waiting"
        (_, result) = made.model.requests[1]["messages"][-1]["content"]
        assert result["content"].startswith(
            "`show` passed (exit code 0).\n\U0001f600 = 1; määr = 3"
        )
        assert made.editor.text("a.py") == TEXT


def test_two_open_questions_have_their_own_diffs(
    tmp_path: Path, without_bubblewrap: dict[str, str]
) -> None:
    """Who says yes to one must not have been shown the other."""
    with desk(tmp_path, env=without_bubblewrap) as made:
        editor = made.editor
        editor.on["window/showMessageRequest"] = lambda _: LATER
        for number in (3, 4):
            edit = call("edit_file", path="a.py", old_text="määr = 2", new_text=f"määr = {number}")
            made.script[:] = [Reply([edit, call("run_check", check="show")])]
            since = len(editor.heard)
            editor.command("steadyhand.task", prompt=f"task {number}")
            question = editor.asked("window/showMessageRequest", since)
            editor.answer(question, {"title": "Show diff"})
            # Asked again, with the diff on screen; it stays open.
            editor.asked("window/showMessageRequest", editor.heard.index(question) + 1)
        first, second = (
            Path(shown["uri"].removeprefix("file://")).read_text() for shown in editor.documents
        )
        assert ("määr = 3" in first, "määr = 4" in first) == (True, False)
        assert ("määr = 3" in second, "määr = 4" in second) == (False, True)
        for question in [m for m in editor.open if m["method"] == "window/showMessageRequest"]:
            editor.answer(question, None)


def test_a_dismissed_question_pauses_the_session(
    tmp_path: Path, without_bubblewrap: dict[str, str]
) -> None:
    with desk(tmp_path, env=without_bubblewrap) as made:
        made.editor.on["window/showMessageRequest"] = lambda _: None
        made.script[:] = [Reply([call("run_check", check="show")])]
        session = made.editor.command("steadyhand.task", prompt="x")["session"]
        event = made.ended(session)
        assert event["state"] == "paused"
        assert "waits for your answer" in event["message"]


def test_trust_is_asked_for_and_takes_effect_at_once(tmp_path: Path) -> None:
    with desk(tmp_path, toml=TOML) as made:
        assert any("steadyhand.trust" in said for said in made.editor.shown())
        made.results(call("list_files"))
        assert "run_check" not in made.tools()
        made.editor.on["window/showMessageRequest"] = lambda _: None
        assert made.editor.command("steadyhand.trust")["trusted"] is False
        made.editor.on["window/showMessageRequest"] = lambda _: {"title": "Yes"}
        answer = made.editor.command("steadyhand.trust")
        assert answer == {"trusted": True, "message": "Trusted: show = cat a.py."}
        assert "show = cat a.py" in made.editor.messages("window/showMessageRequest")[-1]["message"]
        made.results(call("list_files"))
        assert "run_check" in made.tools()
        made.editor.command("steadyhand.trust", revoke=True)
        made.results(call("list_files"))
        assert "run_check" not in made.tools()
        (made.editor.root / "steadyhand.toml").unlink()
        assert "nothing in it" in str(made.editor.command_error("steadyhand.trust"))
