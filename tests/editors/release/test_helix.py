"""Real Helixes with what docs/editors.md says, in a terminal, as a person would use them.

Owns what Helix does with each of the server's requests. `helix-stable` cannot answer a question of
a server, `helix-next` can: what comes of a task must be within reach in both.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from editors.release.desk import Desk, documented, on_disk, program
from editors.release.terminal import Terminal

pytestmark = pytest.mark.release
QUESTION = ("Steadyhand proposes 2 files", "Apply", "Show diff", "Discard")


class Helix(Terminal):
    """Helix with a file open, the cursor in a line, and the server attached."""

    def __init__(self, version: str, desk: Desk, file: Path, line: int) -> None:
        folder = desk.folder / "xdg" / "config" / "helix"
        folder.mkdir(parents=True, exist_ok=True)
        # Of the servers that the reader may have beside it, none is needed here.
        (folder / "languages.toml").write_text(documented("toml").replace('"ty", "ruff", ', ""))
        command = [program(version), "-v", f"{file}:{line}:5"]
        super().__init__(command, env=desk.env, cwd=desk.workspace)
        self.version = version
        self.sees(" NOR ")

    def escape(self) -> None:
        self.keys("Escape")
        # With a key close behind, a terminal would take both for that key with Alt.
        time.sleep(0.2)

    def actions(self, title: str) -> None:
        """Opens the code actions until this one is there: a server that starts has none."""
        for _ in range(10):
            self.keys("Space", "a")
            with contextlib.suppress(AssertionError):
                self.sees(title, seconds=2.0)
                return
            self.escape()
        raise AssertionError(f"no code action {title}\n{self.screen()}")

    def take(self, title: str, downs: int = 0) -> None:
        """Takes the code action that is so many below the first."""
        self.actions(title)
        self.keys(*["Down"] * downs, "Enter")
        self.gone(title)

    def command(self, text: str) -> None:
        """`:text`, from normal mode."""
        self.escape()
        self.type(f":{text}")
        self.keys("Enter")


@pytest.fixture(params=["helix-stable", "helix-next"])
def version(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def archive(version: str, desk: Desk, opened: list[Terminal]) -> Helix:
    helix = Helix(version, desk, desk.archive, desk.comment_line)
    opened.append(helix)
    return helix


def proposed(helix: Helix) -> None:
    """Runs the task until the diff is in view, and nothing is asked any more."""
    helix.take("Steadyhand: do this here…")
    if helix.version == "helix-next":
        helix.sees(*QUESTION)
        helix.keys("Down", "Enter")
        # Asked again, now with the diff behind it; a question that is left decides nothing.
        helix.until(lambda screen: "h1 open" in screen and "Show diff" not in screen, "the diff")
        helix.sees("Discard")
        helix.escape()
        helix.gone("Discard")
    else:
        helix.sees("h1 open", "Code actions in the diff apply or discard this.")


def test_finding_and_quick_fix(version: str, desk: Desk, opened: list[Terminal]) -> None:
    helix = Helix(version, desk, desk.feeds, 17)
    opened.append(helix)
    helix.sees("`_feed_slug` does the same", "as `slugify` in pressroom/text.py:17.")
    helix.take("Use `slugify` from `pressroom.text`")
    helix.gone("`_feed_slug` does the same")
    helix.command("wa")
    on_disk(desk.feeds, lambda text: "slugify(tag)" in text and "_feed_slug" not in text)
    desk.tests_pass()
    # Helix's own undo takes it back, and the finding is there again.
    helix.keys("u")
    helix.sees("`_feed_slug` does the same")


def test_applied_by_the_question(desk: Desk, opened: list[Terminal]) -> None:
    helix = Helix("helix-next", desk, desk.archive, desk.comment_line)
    opened.append(helix)
    helix.take("Steadyhand: do this here…")
    helix.sees(*QUESTION)
    desk.untouched()
    helix.keys("Enter")
    helix.sees("applied, not saved yet: pressroom/archive.py, tests/test_archive.py.")
    helix.command("wa")
    on_disk(desk.archive, lambda text: "def archive_path" in text)
    on_disk(desk.new_test, lambda text: "archive_path" in text)
    desk.tests_pass()


def test_applied_in_the_diff_and_undone_and_redone(desk: Desk, archive: Helix) -> None:
    proposed(archive)
    desk.untouched()
    archive.command("lsp-workspace-command steadyhand.apply")
    archive.sees("applied, not saved yet: pressroom/archive.py, tests/test_archive.py.")
    archive.command("wa")
    on_disk(desk.archive, lambda text: "def archive_path" in text)
    on_disk(desk.new_test, lambda text: "archive_path" in text)
    desk.tests_pass()

    archive.command("lsp-workspace-command steadyhand.undo")
    archive.sees("undone: tests/test_archive.py; undone, not saved yet: pressroom/archive.py.")
    archive.command("wa")
    on_disk(desk.archive, lambda text: text == desk.before)
    desk.untouched()

    # Helix still shows the file that is gone; it must come back as it was all the same.
    archive.command("lsp-workspace-command steadyhand.redo")
    archive.sees("redone: tests/test_archive.py; redone, not saved yet: pressroom/archive.py.")
    archive.command("wa")
    on_disk(desk.archive, lambda text: "def archive_path" in text)
    desk.tests_pass()


def test_hunks_of_the_diff_one_by_one(desk: Desk, archive: Helix) -> None:
    proposed(archive)
    archive.type("26gg")
    archive.take("Accept h3")
    # The diff is another by now, and Helix shows it only when it is told to; the actions know.
    archive.take("Apply the 1 accepted", downs=2)
    archive.sees("applied, not saved yet: tests/test_archive.py.")
    archive.command("wa")
    on_disk(desk.new_test, lambda text: "archive_path" in text)
    assert desk.archive.read_text() == desk.before
    archive.command("reload")
    archive.gone("h3 open")
    archive.type("ge")
    archive.take("Apply all", downs=3)
    archive.sees("applied, not saved yet: pressroom/archive.py.")
    archive.command("wa")
    on_disk(desk.archive, lambda text: "def archive_path" in text)
    desk.tests_pass()
