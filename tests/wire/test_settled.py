"""What settles a finding settles it in the editor too: diagnostics and quick fixes alike."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from raw_client import Editor, cut, function

FILE = ".steadyhand-baseline.json"
HERE = {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 4}}


def _two(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "a.py").write_text(function("one", "measured"))
    (root / "b.py").write_text(function("two", "measured"))


def _empty(published: Any) -> bool:
    return published["diagnostics"] == []


def test_a_comment_with_a_reason(tmp_path: Path) -> None:
    _two(tmp_path / "ws")
    with Editor(tmp_path / "ws", tmp_path / "private") as editor:
        uri = editor.indexed().show("b.py")
        (found,) = editor.findings(uri)["diagnostics"]
        assert found["code"] == "T1"
        assert editor.actions(uri, found["range"], only=["quickfix"])
        text = editor.texts[uri][1]
        # Without a reason it settles nothing, and is told of itself.
        version = editor.type(uri, "# 🙂 steadyhand: ignore\n" + text)
        editor.type(uri, "# steadyhand: ignore[]\n" + text)
        told = editor.findings(uri, lambda p: p["version"] == version + 1)["diagnostics"]
        assert sorted(d["code"] for d in told) == ["T1", "ignore"]
        (remark,) = [d for d in told if d["code"] == "ignore"]
        assert cut(editor.texts[uri][1], remark["range"]) == "# steadyhand: ignore[]"
        assert (remark["source"], remark["severity"]) == ("steadyhand", 3)
        since = len(editor.heard)
        editor.type(uri, "# steadyhand: ignore[two teams]\n" + text)
        editor.findings(uri, _empty, since=since)
        at = {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 4}}
        assert editor.actions(uri, at, only=["quickfix"]) == []
        since = len(editor.heard)
        editor.type(uri, text)
        editor.findings(uri, since=since)


def test_settings_of_the_workspace_and_of_the_client(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    _two(root)
    (root / "steadyhand.toml").write_text('[ignore]\n"b.py" = ["T1"]\n')
    with Editor(root, tmp_path / "private") as editor:
        uri = editor.indexed().show("b.py")
        assert editor.actions(uri, HERE, only=["quickfix"]) == []
        assert not [p for p in editor.published(uri) if p["diagnostics"]]

        def configure(settings: Any) -> int:
            since = len(editor.heard)
            editor.notify("workspace/didChangeConfiguration", {"settings": settings})
            return since

        since = configure({"ignore": {"a/**": ["T1"]}})
        editor.findings(uri, since=since)
        since = configure({"tiers": ["T0"]})
        editor.findings(uri, _empty, since=since)
        since = configure({"tiers": ["T0", "T1"], "ignore": []})
        editor.findings(uri, since=since)
        since = configure({"ignore": ["*.py"]})
        editor.findings(uri, _empty, since=since)
        since = configure({"ignore": {"*.py": ["T9"]}})
        editor.wait_message("window/showMessage", lambda p: "ignore" in p["message"], since=since)
        assert editor.actions(uri, HERE, only=["quickfix"]) == []


def test_a_baseline_at_the_root_and_what_becomes_of_it(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    _two(root)
    command = [sys.executable, "-P", "-m", "steadyhand_server.cli", "check", str(root)]
    written = subprocess.run(
        [*command, "--write-baseline", str(root / FILE)], capture_output=True, check=False
    )
    assert written.returncode == 0, written.stderr
    with Editor(root, tmp_path / "private") as editor:
        uri = editor.indexed().show("b.py")
        assert editor.actions(uri, HERE, only=["quickfix"]) == []
        assert not [p for p in editor.published(uri) if p["diagnostics"]]
        # What comes after it is told.
        other = editor.show("c.py", function("three", "measured"))
        editor.findings(other)
        editor.shut(other)
        # It is followed on disk, as a checkout of another branch brings it.
        held = (root / FILE).read_bytes()
        since = len(editor.heard)
        (root / FILE).unlink()
        editor.findings(uri, since=since)
        since = len(editor.heard)
        (root / FILE).write_bytes(held)
        editor.findings(uri, _empty, since=since)
        since = len(editor.heard)
        (root / FILE).write_text("<<<<<<< ours\n")
        editor.wait_message(
            "window/showMessage",
            lambda p: FILE in p["message"] and "left out" in p["message"],
            since=since,
        )
        editor.findings(uri, since=since)
