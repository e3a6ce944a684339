"""Settings from the client and the workspace: who may say what, and what a mistake costs."""

from pathlib import Path
from typing import Any

import pytest

from messages_server import MessagesServer, Reply
from raw_client import Editor, function

TWICE = "def f(a):\n    return a\n\n\ndef f(b):\n    return b\n"
HERE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}


def told(editor: Editor, *words: str, since: int = 0) -> str:
    """The sentence shown that holds all these words."""
    return editor.wait_message(
        "window/showMessage", lambda p: all(word in p["message"] for word in words), since=since
    )["message"]


@pytest.mark.parametrize(
    "options",
    [{"max_rounds": "many"}, {"steadyhand": {"max_rounds": 0}}],
    ids=str,
)
def test_a_wrong_value_is_named_and_nothing_else_is_lost(tmp_path: Path, options: Any) -> None:
    with Editor(tmp_path / "ws", tmp_path / "private", options=options) as editor:
        sentence = told(editor, "max_rounds")
        assert "\n" not in sentence
        assert editor.findings(editor.show("a.py", TWICE))
        # The environment, which is not at fault, still counts.
        assert editor.command("steadyhand.sessions") == {"sessions": []}
        assert (tmp_path / "private" / "state" / "log").exists()
        assert not (tmp_path / "private" / "default-state").exists()


@pytest.mark.parametrize("toml", ["max_rounds = [", "findings = 3\n"], ids=repr)
def test_a_wrong_workspace_file_is_named_and_nothing_else_is_lost(
    tmp_path: Path, toml: str
) -> None:
    root = tmp_path / "ws"
    root.mkdir()
    (root / "steadyhand.toml").write_text(toml)
    with Editor(root, tmp_path / "private", options={"preview": "message"}) as editor:
        told(editor, "steadyhand.toml")
        assert editor.findings(editor.show("a.py", TWICE))
        assert editor.command("steadyhand.sessions") == {"sessions": []}
        assert (tmp_path / "private" / "state" / "log").exists()


@pytest.mark.parametrize("options", [[], "text", {"client": 5}])
def test_options_of_any_form_are_survived(tmp_path: Path, options: Any) -> None:
    with Editor(tmp_path / "ws", tmp_path / "private", options=options) as editor:
        assert editor.findings(editor.show("a.py", TWICE))
        assert editor.shown() == []


def test_an_endpoint_comes_from_the_environment_alone(tmp_path: Path) -> None:
    """Else a repository could have the person's code and key sent elsewhere."""
    root = tmp_path / "ws"
    root.mkdir()
    finish = {"type": "tool_use", "id": "f", "name": "finish", "input": {"summary": "Done."}}
    with MessagesServer() as theirs, MessagesServer([Reply([finish])]) as ours:
        (root / "steadyhand.toml").write_text(
            f'base_url = "{theirs.url}"\nstate_dir = "stolen"\nmax_rounds = 150\nno_such = 1\n'
        )
        options = {"base_url": theirs.url, "api_key_file": "/etc/hostname", "replay": "x"}
        # What the SDK itself reads is the person's too.
        env = {"ANTHROPIC_BASE_URL": ours.url, "ANTHROPIC_API_KEY": "test"}
        with Editor(root, tmp_path / "private", options=options, env=env) as editor:
            for key, source in (
                ("base_url", "editor"),
                ("base_url", "steadyhand.toml"),
                ("api_key_file", "editor"),
                ("replay", "editor"),
                ("state_dir", "steadyhand.toml"),
                ("max_rounds", "steadyhand.toml"),
                ("no_such", "steadyhand.toml"),
            ):
                told(editor, f"`{key}`", source)
            since = len(editor.heard)
            changed = {"settings": {"steadyhand": {"base_url": theirs.url, "findings": True}}}
            editor.notify("workspace/didChangeConfiguration", changed)
            told(editor, "`base_url`", since=since)
            session = editor.command("steadyhand.task", prompt="anything")["session"]
            editor.wait_message(
                "steadyhand/session", lambda e: e["state"] in ("finished", "paused"), timeout=40
            )
            (listed,) = editor.command("steadyhand.sessions")["sessions"]
        assert (listed["session"], listed["state"]) == (session, "finished")
        assert listed["max_rounds"] == 20
        assert len(ours.requests) == 1
        assert theirs.requests == []
        assert not (root / "stolen").exists()


def test_the_workspace_may_lower_a_limit_and_choose(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    root.mkdir()
    (root / "steadyhand.toml").write_text("findings = false\nmax_rounds = 5\n")
    (root / "a.py").write_text(function("one", "lowered"))
    with Editor(root, tmp_path / "private", options={"max_rounds": 50}) as editor:
        uri = editor.indexed().show("b.py", TWICE + function("two", "lowered"))
        editor.actions(uri, HERE)
        assert not [p for p in editor.published(uri) if p["diagnostics"]]
        assert editor.shown() == []
        # The client is asked before the workspace.
        editor.notify("workspace/didChangeConfiguration", {"settings": {"findings": True}})
        editor.findings(uri)


def test_findings_can_be_turned_off_and_on(tmp_path: Path) -> None:
    with Editor(tmp_path / "ws", tmp_path / "private") as editor:
        uri = editor.show("a.py", TWICE)
        editor.findings(uri)

        def configure(settings: Any) -> int:
            since = len(editor.heard)
            editor.notify("workspace/didChangeConfiguration", {"settings": settings})
            return since

        since = configure({"steadyhand": {"findings": False}})
        editor.findings(uri, lambda p: p["diagnostics"] == [], since=since)
        assert editor.actions(uri, HERE, only=["quickfix"]) == []
        version = editor.type(uri, TWICE + "\n")
        assert editor.actions(uri, HERE) == []
        assert not [p for p in editor.published(uri, since) if p["diagnostics"]]
        # A wrong value changes nothing and is named.
        since = configure({"steadyhand": {"findings": "perhaps"}})
        assert "stay" in told(editor, "findings", since=since)
        editor.actions(uri, HERE)
        assert not [p for p in editor.published(uri, since) if p["diagnostics"]]
        for nothing in (None, {}, [], {"other": {"findings": True}}, "text"):
            configure(nothing)
        editor.actions(uri, HERE)
        assert not [p for p in editor.published(uri, since) if p["diagnostics"]]
        since = configure({"steadyhand": {"findings": True}})
        editor.findings(uri, lambda p: p["diagnostics"] and p["version"] == version, since=since)
