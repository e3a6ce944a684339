"""`edit_file`: an exact, unique replacement in one text."""

from __future__ import annotations

import unicodedata
from typing import ClassVar

from pydantic import Field
from rapidfuzz import fuzz, process

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

# Of what was looked for, and of each line of it, so much is compared.
_MOST_WANTED = 15
_LINE = 400
_LIKELY = 50
DUPLICATE_REASON = (
    "Only after the duplicate guard refused this edit: why the existing definition cannot serve."
)


class EditFileArguments(Arguments):
    """Arguments of `edit_file`."""

    path: str = Field(description="Path of an existing file below the workspace.")
    old_text: str = Field(
        min_length=1,
        description="The exact text to replace, whitespace included; it must occur exactly once.",
    )
    new_text: str = Field(description="What stands there afterwards.")
    duplicate_reason: str = Field(default="", description=DUPLICATE_REASON)


class EditFile:
    """Puts the new text into the overlay; no file is written."""

    name: ClassVar[str] = "edit_file"
    description: ClassVar[str] = (
        "Replaces one exact, unique piece of a file. Nothing is written until the person agrees. "
        "New definitions are compared with the whole workspace first; a duplicate is refused."
    )
    arguments: ClassVar[type[Arguments]] = EditFileArguments

    def preview(self, arguments: EditFileArguments, context: ToolContext) -> tuple[str, str, str]:
        """The path, the text before and after."""
        path = context.workspace.normal(arguments.path)
        text = context.overlay.read(path)
        if path not in context.overlay.texts:
            refuse_link(path, context, "edited")
        if arguments.old_text == arguments.new_text:
            raise ToolFailed("`old_text` and `new_text` are the same; nothing would change.")
        old, new = _fitted(text, arguments.old_text, arguments.new_text)
        at = text.find(old)
        if at < 0:
            raise ToolFailed(
                f"`old_text` does not occur in `{path}`, and nothing was changed."
                # As it is shown: what is like a secret must not bring the secret to light.
                f"{_nearest(context.overlay.show(text), context.overlay.show(old))}"
            )
        # Overlaps count: each is a place that could be meant.
        if text.find(old, at + 1) >= 0:
            raise ToolFailed(
                f"`old_text` occurs more than once in `{path}`, and nothing was changed. "
                "Take in more lines around it, so that it is unique."
            )
        return path, text, text.replace(old, new)

    def run(self, arguments: EditFileArguments, context: ToolContext) -> Outcome:
        """Takes the edit into the overlay."""
        path, before, after = self.preview(arguments, context)
        change = context.overlay.put(path, after)
        first = before[: _first_difference(before, after)].count("\n") + 1
        return Outcome(f"Edited `{path}` from line {first}.", changes=(change,))


def refuse_link(path: str, context: ToolContext, done: str) -> None:
    """One file under two names would be two texts of the session, and one of them be lost.

    Raises:
        ToolFailed: The path, or a folder in it, is a link.
    """
    root, inside = context.workspace.split(path)
    real = context.workspace.locate(path)
    if real != root / inside:
        target = context.workspace.name_of(real)
        raise ToolFailed(
            f"`{path}` is a link to `{target}` and cannot be {done}; nothing was changed. Name "
            f"`{target}` if that file is meant, else leave the link to the person."
        )


def _fitted(text: str, old: str, new: str) -> tuple[str, str]:
    """What is replaced and by what, in the file's own line ends and white space.

    The model sees plain line ends, and white space and accents that it cannot always copy. Where
    its text is not there by the letter, but whole lines are that differ in nothing else, in one
    place, it means those; what they are replaced by is indented as they are.
    """
    crlf = "\r\n" in text and text.count("\n") == text.count("\r\n")
    if "\r" not in text:
        new = new.replace("\r\n", "\n")
    if old in text:
        return old, _crlf(new) if crlf else new
    if "\r\n" in text and _crlf(old) in text:
        return _crlf(old), _crlf(new)
    lines = text.split("\n")
    wanted = [line.rstrip() for line in old.replace("\r\n", "\n").strip("\n").split("\n")]
    if not any(wanted):
        return old, new
    bare = [_spelled(line) for line in wanted]
    stripped = [_spelled(line) for line in lines]
    places = [
        (at, shift)
        for at in range(len(lines) - len(bare) + 1)
        if stripped[at : at + len(bare)] == bare
        and (shift := _shift(wanted, lines[at : at + len(bare)])) is not None
    ]
    if len(places) != 1:
        return old, new
    at, shift = places[0]
    found = "\n".join(lines[at : at + len(bare)])
    if old.endswith("\n") and at + len(bare) < len(lines):
        found += "\n"
    else:
        found = found.removesuffix("\r")
    shifted = "\n".join(_moved(line, shift) for line in new.replace("\r\n", "\n").split("\n"))
    if old.startswith("\n"):
        # An empty line that was wanted before the others is not part of what is replaced.
        shifted = shifted.removeprefix("\n")
    return found, _crlf(shifted) if crlf else shifted


def _spelled(line: str) -> str:
    """A line in one spelling: a model cannot tell a blank that does not break from another, nor
    an accent that is a sign of its own from one that is part of its letter."""
    line = line.strip()
    return line if line.isascii() else unicodedata.normalize("NFC", line.replace("\xa0", " "))


def _shift(wanted: list[str], there: list[str]) -> tuple[str, str] | None:
    """The indentation to take off and to put on, the same for every line; None where it is not."""
    shifts: set[tuple[str, str]] = set()
    for mine, theirs in zip(wanted, there, strict=True):
        if not mine:
            continue
        a, b = _indent(mine), _indent(theirs)
        if a.endswith(b):
            shifts.add((a[: len(a) - len(b)], ""))
        elif b.endswith(a):
            shifts.add(("", b[: len(b) - len(a)]))
        else:
            return None
    return shifts.pop() if len(shifts) == 1 else None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _moved(line: str, shift: tuple[str, str]) -> str:
    off, on = shift
    return on + line.removeprefix(off) if line.strip() else line


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _first_difference(before: str, after: str) -> int:
    for at, (a, b) in enumerate(zip(before, after, strict=False)):
        if a != b:
            return at
    return min(len(before), len(after))


def _nearest(text: str, old: str) -> str:
    """The region of the text that is most like what was looked for, with line numbers."""
    wanted = [line.strip()[:_LINE] for line in old.strip().replace("\r\n", "\n").split("\n")]
    wanted = wanted[:_MOST_WANTED]
    lines = text.replace("\r\n", "\n").split("\n")
    if not any(wanted) or len(lines) > 20_000:
        return ""
    stripped = [line.strip()[:_LINE] for line in lines]
    # Where the region would begin, if a line that is like a wanted one were that one.
    begins = {
        max(0, at - offset)
        for offset, line in enumerate(wanted)
        if line
        for _, _, at in process.extract(
            line, stripped, scorer=fuzz.ratio, score_cutoff=60, limit=_LIKELY
        )
    }
    if not begins:
        return " Read the file again before the next edit."

    def likeness(begin: int) -> float:
        return sum(map(fuzz.ratio, wanted, stripped[begin : begin + len(wanted)]))

    begin = min(begins, key=lambda at: (-likeness(at), at))
    region = lines[begin : begin + min(len(wanted) + 2, _MOST_WANTED)]
    shown = "\n".join(f"{number}\t{line}" for number, line in enumerate(region, begin + 1))
    return (
        f" The nearest region begins at line {begin + 1} (the number and the tab before each line "
        f"are not part of it):\n{shown}"
    )
