"""`find_similar`: what may already do it under another name."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.index.likeness import (
    Likeness,
    ranked,
    words_of_code,
    words_of_description,
)
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

# The right one is among the first five in eight of ten cases or more; further ones cost tokens.
_SHOWN = 5
# Under this share even the best hit is mostly about something else.
_DISTANT = 0.35


class FindSimilarArguments(Arguments):
    """Arguments of `find_similar`."""

    description: str = Field(
        default="",
        max_length=2_000,
        description="What it should do, in a few words: `retry a call with growing waits`.",
    )
    code: str = Field(
        default="",
        max_length=20_000,
        description="Or the function as you would write it; this finds more than a description.",
    )
    path: str = Field(
        default="snippet.py",
        description="With `code`: the file it would stand in; its suffix tells the language.",
    )


class FindSimilar:
    """Asks the index by words, with the session's own changes on top."""

    name: ClassVar[str] = "find_similar"
    asks_index: ClassVar[bool] = True
    description: ClassVar[str] = (
        "Finds functions, methods and classes that may already do what you need, whatever they "
        "are called: by a description, or by the code that you would write. Gives the "
        f"{_SHOWN} likeliest with place, signature and how to import them; they are guesses by "
        "words, so read one with `read_file` before you rely on it. Ask this before you write a "
        "helper when `find_definition` knows no such name."
    )
    arguments: ClassVar[type[Arguments]] = FindSimilarArguments

    def run(self, arguments: FindSimilarArguments, context: ToolContext) -> Outcome:
        """The likeliest definitions, one a paragraph, best first."""
        code, description = arguments.code.strip(), arguments.description.strip()
        if not code and not description:
            raise ToolFailed(
                "`find_similar` needs `description` (what it should do) or `code` (the function "
                "as you would write it)."
            )
        view = context.view
        words = words_of_code(code, arguments.path) if code else {}
        for word, weight in words_of_description(description).items():
            words[word] = words.get(word, 0) + weight
        if not words:
            raise ToolFailed(
                "There is no word in this to search by. Say in English what the helper does, "
                "such as `split a list into batches`."
            )
        hits = ranked(view, words, _SHOWN, callable_only=bool(code))
        if not hits:
            return Outcome("Nothing in this workspace resembles it. You can write it.")
        head = (
            "Only distant likenesses; most likely none of these does it:"
            if hits[0].score < _DISTANT
            else "These may already do it, likeliest first; read one before you use it:"
        )
        return Outcome("\n".join([head, *(_paragraph(hit, context) for hit in hits)]))


def _paragraph(hit: Likeness, context: ToolContext) -> str:
    found = hit.definition
    lines = [f"{found.place}  {found.kind} {found.qualified}", f"  {found.signature}"]
    if found.doc:
        lines.append(f"  {found.doc}")
    if found.module_level:
        lines.append(f"  {context.view.import_line(found)}")
    return "\n".join(lines)
