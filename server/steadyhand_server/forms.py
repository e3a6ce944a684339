"""A text as its file has it, and as an editor holds it: byte order mark, line ends, emptiness.

Owns what editors leave out of the texts that they show us, or would write in their own way. Pure.
"""

from __future__ import annotations

import re

from steadyhand_agent.proposals.changes import split_lines
from steadyhand_agent.proposals.merge import changed_runs

_MARK = "\ufeff"
_LONE = re.compile(r"\r(?!\n)")
# They write whatever line end is put in as the document's own.
_OWN_ENDS = frozenset({"Neovim", "Visual Studio Code"})


def as_in_file(text: str, on_disk: bytes | None, client: str) -> str:
    """A document's text with what its file has besides.

    Args:
        text: As the editor sent it.
        on_disk: What the file holds; None where there is none.
        client: As the editor calls itself.
    """
    if client == "Neovim" and text == "\n" and not on_disk:
        return ""  # An empty buffer is one empty line there.
    if on_disk is None:
        return text
    if client == "Eglot" and "\r" not in text and _plain_crlf(on_disk):
        text = text.replace("\n", "\r\n")
    if on_disk.startswith(_MARK.encode()) and not text.startswith(_MARK):
        text = _MARK + text
    return text


def as_in_editor(base: str, new: str, opened: str | None, client: str) -> tuple[str, str]:
    """Both texts of a change as the editor holds them, whose positions and line ends count.

    Args:
        base: The file's text as it is.
        new: What it is to be.
        opened: The document's text; None where it is not open, and will be opened.
        client: As the editor calls itself.
    """
    if base.startswith(_MARK) and not (opened or "").startswith(_MARK):
        base, new = base[1:], new.removeprefix(_MARK)
    if (
        client == "Eglot"
        and "\r" not in (opened or "")
        and _plain_crlf(base.encode("utf-8", "replace"))
    ):
        base, new = base.replace("\r\n", "\n"), new.replace("\r\n", "\n")
    return base, new


def shows(opened: str, text: str, client: str) -> bool:
    """True where a document holds a text, as far as that editor can show it."""
    return opened == text or (client == "Neovim" and (opened, text) == ("\n", ""))


def unsure(base: str | None, new: str | None, opened: str | None, client: str) -> bool:
    """True where an edit through the editor may hit other lines, or write other line ends.

    A lone CR ends a line in the protocol and in VS Code, and does not in Neovim, Emacs and Helix.
    Where CRLF and LF are mixed, some editors make them one when they open the file.
    """
    if new is None:
        return False
    texts = [text for text in (base, new) if text]
    if any(_LONE.search(text) for text in texts):
        return True
    if not any(0 < text.count("\r\n") < text.count("\n") for text in texts):
        return False
    if opened is None:
        return True
    lines = split_lines(new)
    runs = changed_runs(split_lines(base or ""), lines)
    return client in _OWN_ENDS and any(
        line.endswith("\r\n") for _, _, first, end in runs for line in lines[first:end]
    )


def _plain_crlf(data: bytes) -> bool:
    return 0 < data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
