"""A real Emacs with what docs/editors.md says, in a terminal, as a person would use it.

Owns what Eglot does with each of the server's requests. Never calls Lisp behind the person's back.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from editors.release.desk import Desk, documented, on_disk, program
from editors.release.terminal import Terminal

pytestmark = pytest.mark.release
QUESTION = ("Steadyhand proposes 2 files", "Choose an option: Apply")


class Emacs(Terminal):
    """Emacs with a file open, the cursor in a line, and the server attached."""

    def __init__(self, desk: Desk, file: Path, line: int) -> None:
        init = desk.folder / "init.el"
        init.write_text(documented("elisp"))
        # No window of its own, no site's start-up file: `-Q`, then what the person pasted.
        command = [program("emacs"), "-nw", "-Q", "-l", str(init), f"+{line}:3", str(file)]
        super().__init__(command, env=desk.env, cwd=desk.workspace)
        self.sees("[eglot:pressroom-sample")

    def run(self, command: str) -> None:
        """`M-x command`."""
        self.keys("M-x")
        self.sees("M-x")
        self.type(command)
        self.keys("Enter")

    def choose(self, prompt: str, text: str) -> None:
        """Answers a question in the minibuffer; the beginning of a choice will do."""
        self.sees(prompt)
        self.type(text)
        self.keys("Tab", "Enter")

    def buffer(self, name: str) -> None:
        """Shows one buffer alone."""
        self.keys("C-x", "b")
        self.choose("Switch to buffer", name)
        self.keys("C-x", "1")

    def save_all(self) -> None:
        self.keys("C-u", "C-x", "s")


@pytest.fixture
def archive(desk: Desk, opened: list[Terminal]) -> Emacs:
    emacs = Emacs(desk, desk.archive, desk.comment_line)
    opened.append(emacs)
    return emacs


def test_finding_and_quick_fix(desk: Desk, opened: list[Terminal]) -> None:
    emacs = Emacs(desk, desk.feeds, 17)
    opened.append(emacs)
    emacs.sees("Flymake[0 1]")
    emacs.run("flymake-show-buffer-diagnostics")
    emacs.sees("`_feed_slug` does the same", "`slugify` in")
    emacs.run("eglot-code-action-quickfix")
    emacs.sees("Pick an action (default Use `slugify` from `pressroom.text`)")
    emacs.keys("Enter")
    emacs.sees("Flymake[0 0]")
    emacs.save_all()
    on_disk(desk.feeds, lambda text: "slugify(tag)" in text and "_feed_slug" not in text)
    desk.tests_pass()
    # Emacs's own undo takes it back, and the finding is there again.
    emacs.keys("C-_")
    emacs.sees("Flymake[0 1]")


def test_the_question_applies_and_undo_takes_it_back(desk: Desk, archive: Emacs) -> None:
    archive.run("eglot-code-action-rewrite")
    archive.sees(*QUESTION)
    desk.untouched()
    archive.keys("Enter")
    archive.sees("applied: tests/test_archive.py; applied, not saved yet: pressroom/archive.py.")
    archive.save_all()
    on_disk(desk.archive, lambda text: "def archive_path" in text)
    assert desk.new_test.exists()
    desk.tests_pass()

    archive.run("steadyhand")
    archive.choose("Steadyhand:", "undo")
    archive.choose("Session:", "")
    archive.sees("undone: tests/test_archive.py; undone, not saved yet: pressroom/archive.py.")
    archive.save_all()
    on_disk(desk.archive, lambda text: text == desk.before)
    desk.untouched()


def test_hunks_of_the_diff_one_by_one(desk: Desk, archive: Emacs) -> None:
    archive.run("eglot-code-action-rewrite")
    archive.sees(*QUESTION)
    # "Apply" stands there already. In a minibuffer without a text, these keys would be an error, and
    # Emacs forgets what is typed ahead of one.
    archive.keys("C-a", "C-k")
    archive.choose("Choose an option", "Show diff")
    # Asked again, now with the diff in view; a question that is left decides nothing.
    screen = archive.sees("h1 open", "Choose an option: Apply")
    archive.keys("C-g")
    archive.gone("Choose an option")
    desk.untouched()
    found = re.search(r"([0-9a-f]{8})\.diff", screen)
    assert found is not None
    archive.buffer(f"{found[1]}.diff")
    archive.sees("h3 open", "[eglot:pressroom-sample")
    archive.keys("M-<", "C-s")
    archive.type("h3 open")
    archive.keys("Enter")
    archive.run("eglot-code-actions")
    archive.choose("Pick an action", "Accept h3")
    archive.sees("h3 accepted")
    archive.run("eglot-code-actions")
    archive.choose("Pick an action", "Apply the 1 accepted")
    archive.sees("applied: tests/test_archive.py.")
    assert desk.new_test.exists()
    assert desk.archive.read_text() == desk.before
    archive.gone("h3 accepted")
    archive.run("eglot-code-actions")
    archive.choose("Pick an action", "Apply all")
    archive.sees("applied, not saved yet: pressroom/archive.py.")
    archive.save_all()
    on_disk(desk.archive, lambda text: "def archive_path" in text)
    desk.tests_pass()
