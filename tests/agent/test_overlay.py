from collections.abc import Callable
from typing import Any

import pytest

from steadyhand_agent.errors import PathRefused, ToolFailed
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.proposals.overlay import Overlay

ContextOf = Callable[..., tuple[Any, Any]]


def overlay_of(context_of: ContextOf, *args: Any, **named: Any) -> Overlay:
    return context_of(*args, **named)[0].overlay


def test_texts_are_read_from_the_uppermost_layer(context_of: ContextOf) -> None:
    overlay = overlay_of(
        context_of,
        {"a": "disk", "b": "disk", "c": "disk"},
        buffers={"b": "buffer", "c": "buffer", "new": "unsaved"},
        texts={"c": "mine"},
    )
    assert [overlay.read(p) for p in ("a", "b", "c", "new")] == [
        "disk",
        "buffer",
        "mine",
        "unsaved",
    ]
    assert overlay.below("c") == "buffer"


def test_an_empty_text_is_a_text(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {"a": "disk", "b": "disk"}, buffers={"a": ""}, texts={"b": ""})
    assert (overlay.read("a"), overlay.read("b")) == ("", "")
    assert overlay.exists("a")
    assert overlay.exists("b")


def test_every_spelling_of_a_path_is_one_file(context_of: ContextOf) -> None:
    overlay = overlay_of(
        context_of, {"p/a": "disk"}, buffers={"p/b": "buffer"}, texts={"p/a": "mine"}
    )
    assert overlay.read("./p//a") == "mine"
    assert overlay.read("p\\b") == "buffer"
    assert overlay.below("./p/b") == "buffer"
    assert overlay.exists("p/./b")


def test_put_takes_every_spelling_as_one_file(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {"p/a": "disk"})
    overlay.put("./p/a", "mine")
    assert overlay.read("p/a") == "mine"
    assert overlay.changes() == (FileChange("p/a", "disk", "mine"),)


def test_the_first_touch_fixes_the_base(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {"a": "disk"}, buffers={"a": "buffer"})
    assert overlay.put("a", "one") == FileChange("a", "buffer", "one")
    assert overlay.put("a", "two") == FileChange("a", "buffer", "two")
    assert overlay.changes() == (FileChange("a", "buffer", "two"),)


def test_a_text_that_could_not_be_read_again_is_not_taken(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {"a": "disk"})
    overlay.put("a", "é" * 500_000)
    with pytest.raises(ToolFailed, match="larger than 1 MB"):
        overlay.put("a", "é" * 500_001)
    assert overlay.read("a") == "é" * 500_000


def test_a_new_file_has_no_base(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {})
    assert not overlay.exists("p/new")
    assert overlay.put("p/new", "x") == FileChange("p/new", None, "x")
    assert overlay.exists("p/new")


def test_a_deleted_file_is_gone(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {"a": "disk"})
    assert overlay.put("a", None) == FileChange("a", "disk", None)
    assert not overlay.exists("a")
    with pytest.raises(ToolFailed, match="deleted"):
        overlay.read("a")
    assert overlay.below("a") == "disk"


def test_what_ended_as_it_began_is_no_change(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {"b": "x", "a": "y"})
    overlay.put("b", "z")
    overlay.put("a", "z")
    overlay.put("new", "z")
    assert [c.path for c in overlay.changes()] == ["a", "b", "new"]
    overlay.put("b", "x")
    overlay.put("new", None)
    assert [c.path for c in overlay.changes()] == ["a"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", ".git/config", ""])
def test_paths_outside_are_refused(context_of: ContextOf, path: str) -> None:
    overlay = overlay_of(context_of, {})
    for use in (overlay.read, overlay.below, overlay.exists, lambda p: overlay.put(p, "x")):
        with pytest.raises(PathRefused):
            use(path)


def test_a_buffer_does_not_open_a_way_out(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {}, buffers={"../x": "secret"})
    with pytest.raises(PathRefused):
        overlay.below("../x")


def test_reading_what_is_not_there_fails(context_of: ContextOf) -> None:
    overlay = overlay_of(context_of, {"folder/a": "x", "binary": b"\0"})
    for path in ("missing", "folder", "binary"):
        with pytest.raises(ToolFailed):
            overlay.read(path)


def test_a_live_overlay_does_not_change_what_it_was_made_from(context_of: ContextOf) -> None:
    context, _ = context_of({"a": "disk"})
    bases: dict[str, str | None] = {}
    texts: dict[str, str | None] = {}
    Overlay(context.workspace, lambda path: None, bases, texts).put("a", "x")
    assert (bases, texts) == ({}, {})
