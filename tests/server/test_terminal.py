import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from steadyhand_agent.errors import PathRefused, StaleDocument
from steadyhand_agent.proposals.changes import FileChange, Proposal
from steadyhand_agent.workspace import Workspace
from steadyhand_server.terminal import TerminalEditor, show_diff


def editor_of(root: Path, *, yes: bool = True) -> tuple[TerminalEditor, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=False)
    return TerminalEditor(Workspace([root]), console, yes=yes), out


async def apply(root: Path, *changes: FileChange) -> list[tuple[str, str]]:
    report = await editor_of(root)[0].apply(changes, "label")
    return [(f.path, f.status) for f in report.files]


async def test_files_are_changed_created_and_deleted(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "c").write_text("3")
    changes = [
        FileChange("a", "1", "2"),
        FileChange("p/q/b", None, "new"),
        FileChange("c", "3", None),
    ]
    report = await editor_of(tmp_path)[0].apply(changes, "label")
    assert report.complete
    assert report.sentence() == "applied: a, p/q/b, c."
    assert (tmp_path / "a").read_text() == "2"
    assert (tmp_path / "p" / "q" / "b").read_text() == "new"
    assert not (tmp_path / "c").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "p"]


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o640])
async def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "a").chmod(mode)
    await apply(tmp_path, FileChange("a", "1", "2"))
    assert (tmp_path / "a").stat().st_mode & 0o7777 == mode


async def test_a_new_file_has_the_mode_that_the_person_s_mask_says(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        await apply(tmp_path, FileChange("a", None, "x"))
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o640


async def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    name = "é" * 127
    await apply(tmp_path, FileChange(name, None, "x"))
    await apply(tmp_path, FileChange(name, "x", "y"))
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {name: "y"}


@pytest.mark.parametrize("text", ["a\r\nb\r\n", "\ufeffa\n", "a\rb", "no end", "é😀\u2028\f", ""])
async def test_texts_are_written_as_they_are(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_bytes(("old" + text).encode())
    await apply(tmp_path, FileChange("a", "old" + text, text), FileChange("b", None, text))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == text.encode()


@pytest.mark.parametrize(
    "stale",
    [
        pytest.param(FileChange("a", "other", "2"), id="changed"),
        pytest.param(FileChange("a", None, "2"), id="appeared"),
        pytest.param(FileChange("missing", "1", "2"), id="gone"),
        pytest.param(FileChange("binary", "1", "2"), id="unreadable"),
        pytest.param(FileChange("a", "other", None), id="changed before its end"),
        pytest.param(FileChange("a", "1\r\n", "2"), id="other line ends"),
    ],
)
async def test_a_stale_base_writes_nothing_at_all(tmp_path: Path, stale: FileChange) -> None:
    (tmp_path / "a").write_text("1\n")
    (tmp_path / "binary").write_bytes(b"\0")
    (tmp_path / "ok").write_text("1")
    with pytest.raises(StaleDocument, match=stale.path):
        await apply(tmp_path, FileChange("ok", "1", "2"), stale)
    assert (tmp_path / "ok").read_text() == "1"
    assert (tmp_path / "a").read_text() == "1\n"


async def test_a_binary_file_that_appeared_is_not_overwritten(tmp_path: Path) -> None:
    """It cannot be read as a text, and it is there all the same."""
    (tmp_path / "a").write_bytes(b"\0precious")
    with pytest.raises(StaleDocument):
        await apply(tmp_path, FileChange("a", None, "new"))
    assert (tmp_path / "a").read_bytes() == b"\0precious"


async def test_a_binary_file_is_not_taken_for_a_deleted_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0precious")
    with pytest.raises(StaleDocument):
        await apply(tmp_path, FileChange("a", "text", None))
    assert (tmp_path / "a").exists()


async def test_what_is_applied_already_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("2")
    (tmp_path / "b").write_text("1")
    assert await apply(tmp_path, FileChange("a", "1", "2"), FileChange("b", "1", "2")) == [
        ("a", "applied"),
        ("b", "applied"),
    ]
    assert (tmp_path / "b").read_text() == "2"


async def test_a_failure_leaves_the_file_and_no_litter(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "file").write_text("x")
    found = await apply(tmp_path, FileChange("file/below", None, "x"), FileChange("a", "1", "2"))
    assert found == [("file/below", "refused"), ("a", "applied")]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "file"]


async def test_a_renamed_file_is_there_before_the_old_one_goes(tmp_path: Path) -> None:
    """`a` comes first by its name; where `b` cannot be made, the text must not be lost."""
    (tmp_path / "a").write_text("only copy")
    (tmp_path / "file").write_text("x")
    changes = [FileChange("a", "only copy", None), FileChange("file/b", None, "only copy")]
    report = await editor_of(tmp_path)[0].apply(changes, "label")
    assert [(f.path, f.status) for f in report.files] == [("a", "refused"), ("file/b", "refused")]
    assert report.files[0].detail == "a is left as it is, since file/b could not be written."
    assert (tmp_path / "a").read_text() == "only copy"


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("mode", [0o755, 0o600])
async def test_a_rename_keeps_the_mode(tmp_path: Path, names: tuple[str, str], mode: int) -> None:
    old, new = names
    (tmp_path / old).write_text("#!/bin/sh\n")
    (tmp_path / old).chmod(mode)
    changes = [FileChange(old, "#!/bin/sh\n", None), FileChange(new, None, "#!/bin/sh\n")]
    await apply(tmp_path, *sorted(changes, key=lambda change: change.path))
    assert [p.name for p in tmp_path.iterdir()] == [new]
    assert (tmp_path / new).stat().st_mode & 0o7777 == mode


async def test_a_link_that_goes_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1")
    (tmp_path / "link").symlink_to("real")
    await apply(tmp_path, FileChange("link", "1", None))
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "1"


async def test_a_link_inside_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1")
    (tmp_path / "link").symlink_to("real")
    await apply(tmp_path, FileChange("link", "1", "2"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "2"


async def test_a_link_that_leads_out_by_now_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "p").symlink_to(outside)
    with pytest.raises((PathRefused, StaleDocument)):
        await apply(root, FileChange("p/new", None, "x"))
    assert list(outside.iterdir()) == []


async def test_a_path_that_leads_out_stops_before_the_first_write(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    with pytest.raises((PathRefused, StaleDocument)):
        await apply(tmp_path, FileChange("a", "1", "2"), FileChange("../x", None, "x"))
    assert (tmp_path / "a").read_text() == "1"


async def test_without_a_terminal_nothing_is_applied_unless_told(tmp_path: Path) -> None:
    proposal = Proposal("s", (FileChange("a", None, "x\n"),))
    editor, out = editor_of(tmp_path, yes=False)
    assert await editor.decide(proposal) == "later"
    assert "+x" in out.getvalue()
    assert "--yes" in out.getvalue()
    assert await editor_of(tmp_path, yes=True)[0].decide(proposal) == "apply"


def test_a_diff_is_printed_as_it_is() -> None:
    out = io.StringIO()
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-[bold]old[/bold] :smile:\n+" + "long " * 40 + "\n"
    show_diff(Console(file=out, width=40, force_terminal=False), diff)
    assert out.getvalue() == diff


def test_words_of_a_model_are_no_markup(tmp_path: Path) -> None:
    editor, out = editor_of(tmp_path)
    event = {
        "event": "verdict", "round": 1, "max_rounds": 20, "tokens": 1_234, "max_tokens": 32_000, "cached_tokens": 5_678,
        "tool": "edit_file", "arguments": {"path": "[red]a.py"}, "verdict": "refuse",
        "rule": "duplicate", "message": "see [/bold] there",
    }  # fmt: skip
    editor.event(event)
    editor.tell("[/red] said")
    for piece in (
        "round 1/20",
        "1,234/32,000 tokens (5,678 read from the cache)",
        "[red]a.py",
        "refuse (duplicate)",
        "see [/bold] there",
        "[/red] said",
    ):
        assert piece in out.getvalue()


def test_a_terminal_holds_no_document(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert editor_of(tmp_path)[0].text("a") is None
