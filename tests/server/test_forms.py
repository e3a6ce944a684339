"""Texts as files have them, and as editors show them."""

import pytest

from steadyhand_server import forms

MARK = "\ufeff"


@pytest.mark.parametrize(
    ("text", "on_disk", "client", "found"),
    [
        ("a\n", f"{MARK}b\n", "Visual Studio Code", f"{MARK}a\n"),
        (f"{MARK}a\n", f"{MARK}b\n", "kept it", f"{MARK}a\n"),
        ("a\n", "b\n", "Neovim", "a\n"),
        ("a\n", None, "Neovim", "a\n"),
        ("\n", None, "Neovim", ""),
        ("\n", "", "Neovim", ""),
        ("\n", "\n", "Neovim", "\n"),
        ("\n", "", "Visual Studio Code", "\n"),
        ("a\nb\n", "a\r\n", "Eglot", "a\r\nb\r\n"),
        ("a\nb\n", "a\r\nb\n", "Eglot", "a\nb\n"),
        # The person may be converting it.
        ("a\nb\n", "a\r\n", "Visual Studio Code", "a\nb\n"),
    ],
)
def test_a_documents_text_is_told_as_its_file_has_it(
    text: str, on_disk: str | None, client: str, found: str
) -> None:
    data = None if on_disk is None else on_disk.encode()
    assert forms.as_in_file(text, data, client) == found


@pytest.mark.parametrize(
    ("base", "opened", "client", "found"),
    [
        (f"{MARK}a\n", None, "", ("a\n", "x\n")),
        (f"{MARK}a\n", "a\n", "", ("a\n", "x\n")),
        (f"{MARK}a\n", f"{MARK}a\n", "", (f"{MARK}a\n", f"{MARK}x\n")),
        ("a\r\n", "a\n", "Eglot", ("a\n", "x\n")),
        ("a\r\n", None, "Eglot", ("a\n", "x\n")),
        ("a\r\n", None, "helix", ("a\r\n", "x\r\n")),
    ],
)
def test_an_edit_is_of_what_the_editor_holds(
    base: str, opened: str | None, client: str, found: tuple[str, str]
) -> None:
    assert forms.as_in_editor(base, base.replace("a", "x"), opened, client) == found


@pytest.mark.parametrize(
    ("base", "new", "opened", "client", "found"),
    [
        ("a\nb\n", "a\nc\n", None, "", False),
        ("a\r\nb\r\n", "a\r\nc\r\n", None, "", False),
        ("a\rb\nc\n", "a\rb\nd\n", None, "", True),
        ("a\rb\nc\n", "a\rb\nd\n", "a\rb\nc\n", "", True),
        ("a\nb\n", "a\n\r", "a\nb\n", "", True),
        ("a\r\nb\n", "a\r\nc\n", None, "", True),
        ("a\r\nb\n", "a\r\nc\n", "a\r\nb\n", "Neovim", False),
        ("a\r\nb\n", "c\r\nb\n", "a\r\nb\n", "Neovim", True),
        ("a\r\nb\n", "c\r\nb\n", "a\r\nb\n", "helix", False),
        (None, "a\r\nb\n", None, "", True),
        ("a\rb\n", None, "a\rb\n", "Neovim", False),
    ],
)
def test_line_ends_that_an_editor_may_count_or_write_otherwise(
    base: str | None, new: str | None, opened: str | None, client: str, found: bool
) -> None:
    assert forms.unsure(base, new, opened, client) is found
