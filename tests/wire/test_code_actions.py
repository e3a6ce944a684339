"""Quick fixes and ways into a task, on a copy of the sample workspace."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import steadyhand_server
from raw_client import CAPABILITIES, Editor, cut, disk, edited, path_of, without

SAMPLE = Path(steadyhand_server.__file__).parent / "sample"
FEEDS = "pressroom/feeds.py"
TITLE = "Use `slugify` from `pressroom.text`"


def editor_on_sample(folder: Path, **more: Any) -> Editor:
    root = folder / "sample"
    shutil.copytree(SAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
    return Editor(root, folder / "private", **more)


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with editor_on_sample(tmp_path_factory.mktemp("actions")) as editor:
        yield editor.indexed()


@pytest.fixture
def editor(plain_server: Editor) -> Iterator[Editor]:
    """A client that can do all; its documents are closed afterwards, nothing is saved."""
    plain_server.reset()
    plain_server.documents.clear()
    yield plain_server
    for uri in list(plain_server.texts):
        plain_server.shut(uri)


def slug_finding(editor: Editor) -> tuple[str, Any]:
    """feeds.py, opened, and its finding."""
    since = len(editor.heard)
    uri = editor.show(FEEDS)
    (found,) = editor.findings(uri, since=since)["diagnostics"]
    assert cut(editor.texts[uri][1], found["range"]) == "_feed_slug"
    return uri, found


def titled(actions: list[Any], start: str) -> Any:
    """The one action whose title begins so."""
    found = [action for action in actions if action["title"].startswith(start)]
    assert len(found) == 1, [action["title"] for action in actions]
    return found[0]


def suite_passes(root: Path) -> bool:
    """Whether the sample's own tests pass."""
    command = [sys.executable, "-B", "-m", "unittest", "discover", "-q"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert "Ran 0 tests" not in run.stderr
    return run.returncode == 0


def test_use_the_existing_one(editor: Editor) -> None:
    uri, found = slug_finding(editor)
    action = titled(editor.actions(uri, found["range"], [found]), TITLE)
    assert action["kind"] == "quickfix"
    assert "edit" not in action, "it is worked out when it is chosen"
    resolved = editor.call("codeAction/resolve", action)
    (change,) = resolved["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": uri, "version": 1}
    assert editor.apply(resolved["edit"])
    text = editor.texts[uri][1]
    compile(text, FEEDS, "exec")
    assert "def _feed_slug" not in text
    assert "from pressroom.text import slugify\n" in text
    assert not editor.actions(uri, found["range"], only=["quickfix"])
    original = disk(path_of(uri))
    try:
        editor.save(uri)
        assert suite_passes(editor.root)
    finally:
        path_of(uri).write_bytes(original.encode())


def test_an_edit_is_of_the_text_as_it_is_when_chosen(editor: Editor) -> None:
    uri, found = slug_finding(editor)
    action = titled(editor.actions(uri, found["range"]), TITLE)
    # Typed below the definition, astral characters included, after the menu was opened.
    version = editor.type(uri, editor.texts[uri][1] + "# 🙂 typed since\n")
    edit = editor.call("codeAction/resolve", action)["edit"]
    assert edit["documentChanges"][0]["textDocument"]["version"] == version
    assert editor.apply(edit)
    compile(editor.texts[uri][1], FEEDS, "exec")
    assert editor.texts[uri][1].endswith("# 🙂 typed since\n")


def test_an_action_of_a_text_that_has_changed_is_refused(editor: Editor) -> None:
    uri, found = slug_finding(editor)
    action = titled(editor.actions(uri, found["range"]), TITLE)
    editor.type(uri, "# moved\n" + editor.texts[uri][1])
    error = editor.error("codeAction/resolve", action)
    assert error.code == -32803
    assert "changed" in error.message


def test_a_fix_keeps_the_ends_of_lines(editor: Editor) -> None:
    since = len(editor.heard)
    text = editor.text(FEEDS).replace("\n", "\r\n")
    uri = editor.show(FEEDS, text)
    (found,) = editor.findings(uri, since=since)["diagnostics"]
    action = titled(editor.actions(uri, found["range"]), TITLE)
    assert editor.apply(editor.call("codeAction/resolve", action)["edit"])
    after = editor.texts[uri][1]
    assert "def _feed_slug" not in after
    assert after.count("\n") == after.count("\r\n")
    compile(after, FEEDS, "exec")


def test_go_to_the_existing_definition(editor: Editor) -> None:
    uri, found = slug_finding(editor)
    action = titled(editor.actions(uri, found["range"]), "Go to the existing definition")
    assert action["command"]["command"] == "steadyhand.goto"
    assert editor.call("workspace/executeCommand", action["command"]) is None
    (shown,) = editor.documents
    assert shown["uri"] == editor.uri("pressroom/text.py")
    assert cut(editor.text("pressroom/text.py"), shown["selection"]) == "slugify"
    # In the text as it is open, not as it is on disk.
    editor.show("pressroom/text.py", "# 🙂\n\n" + editor.text("pressroom/text.py"))
    editor.actions(uri, found["range"])
    assert editor.call("workspace/executeCommand", action["command"]) is None
    assert cut(editor.text("pressroom/text.py"), editor.documents[1]["selection"]) == "slugify"
    # Nothing to go to any more.
    editor.type(editor.uri("pressroom/text.py"), "a = 1\n")
    editor.actions(uri, found["range"])
    error = editor.error("workspace/executeCommand", action["command"])
    assert error.code == -32803


def test_only_the_kinds_that_are_asked_for(editor: Editor) -> None:
    uri, found = slug_finding(editor)
    for only, some in (
        (["quickfix"], True),
        (["quickfix.steadyhand"], False),
        (["refactor"], False),
        (["source.organizeImports"], False),
        (["", "source"], True),
        ([], True),
    ):
        kinds = {a["kind"] for a in editor.actions(uri, found["range"], [found], only=only)}
        assert ("quickfix" in kinds) is some, only


def test_another_servers_diagnostic_can_be_handed_to_the_agent(editor: Editor) -> None:
    uri, found = slug_finding(editor)
    theirs = {
        "range": found["range"],
        "message": "`text` is not accessed 🙂\nsecond line",
        "source": "pyright",
        "severity": 1,
        "code": 7,
    }
    actions = editor.actions(uri, found["range"], [theirs])
    action = titled(actions, "Steadyhand: fix this diagnostic")
    assert "`text` is not accessed" in action["title"]
    assert "\n" not in action["title"]
    assert action["diagnostics"][0]["message"] == theirs["message"]
    command = action["command"]
    assert command["command"] == "steadyhand.task"
    (argument,) = command["arguments"]
    assert argument["uri"] == uri
    assert argument["prompt"]
    assert any("`text` is not accessed 🙂" in text for text in argument["diagnostics"])
    assert any("pyright" in text for text in argument["diagnostics"])
    assert argument["range"]["start"]["line"] == found["range"]["start"]["line"]


def test_a_comment_becomes_a_task_where_the_client_cannot_ask(editor: Editor) -> None:
    text = "a = 1\n    # Add a function that counts words 🙂 \nb = 2\n# short\n"
    uri = editor.show("pressroom/comment.py", text)

    def here(line: int) -> list[Any]:
        span = {"start": {"line": line, "character": 4}, "end": {"line": line, "character": 4}}
        found = editor.actions(uri, span)
        return [a for a in found if a["kind"] == "refactor.rewrite"]

    (action,) = here(1)
    assert action["title"].startswith("Steadyhand: do this here")
    assert action["command"]["command"] == "steadyhand.task"
    (argument,) = action["command"]["arguments"]
    assert argument["prompt"] == "Add a function that counts words 🙂"
    assert argument["uri"] == uri
    assert argument["range"]["start"]["line"] == 1
    assert [here(line) for line in (0, 2, 3, 4, 99)] == [[]] * 5


@pytest.mark.parametrize(
    ("name", "line", "prompt"),
    [
        ("a.ts", "// Add a function that counts", "Add a function that counts"),
        ("a.lua", "  -- Add a function that counts", "Add a function that counts"),
        ("a.c", "/* Add a function that counts */", "Add a function that counts"),
        ("a.c", "#include <a_long_header.h>", None),
        ("a.rs", "#[derive(Clone, Copy, Debug)]", None),
        ("a.cs", "#region A long name of it", None),
    ],
)
def test_a_comment_of_any_language_becomes_a_task(
    editor: Editor, name: str, line: str, prompt: str | None
) -> None:
    uri = editor.show(f"comments/{name}", f"{line}\n")
    here = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
    found = [a for a in editor.actions(uri, here) if a["kind"] == "refactor.rewrite"]
    assert [a["command"]["arguments"][0]["prompt"] for a in found] == ([prompt] if prompt else [])


def test_a_client_that_can_ask_is_given_its_own_command_and_plain_edits(tmp_path: Path) -> None:
    """Without `documentChanges` an edit has `changes`; `client.prompt` means its own command."""
    capabilities = without(CAPABILITIES, "workspace", "workspaceEdit", "documentChanges")
    options = {"client": {"prompt": True}}
    with editor_on_sample(tmp_path, capabilities=capabilities, options=options) as editor:
        uri, found = slug_finding(editor.indexed())
        actions = editor.actions(uri, found["range"])
        action = titled(actions, "Steadyhand: do this here")
        assert action["command"]["command"] == "steadyhand.promptTask"
        (argument,) = action["command"]["arguments"]
        assert argument["uri"] == uri
        assert argument["range"] == found["range"]
        edit = editor.call("codeAction/resolve", titled(actions, TITLE))["edit"]
        assert set(edit) == {"changes"}
        assert set(edit["changes"]) == {uri}
        compile(edited(editor.texts[uri][1], edit["changes"][uri]), FEEDS, "exec")
        assert editor.shown() == [], "`client` is no setting"


def test_a_client_that_cannot_resolve_is_given_the_edit_at_once(tmp_path: Path) -> None:
    capabilities = without(CAPABILITIES, "textDocument", "codeAction", "resolveSupport")
    with editor_on_sample(tmp_path, capabilities=capabilities) as editor:
        uri, found = slug_finding(editor.indexed())
        action = titled(editor.actions(uri, found["range"]), TITLE)
        (change,) = action["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": uri, "version": 1}
        text = edited(editor.texts[uri][1], change["edits"])
        compile(text, FEEDS, "exec")
        assert "def _feed_slug" not in text
        assert "from pressroom.text import slugify\n" in text
