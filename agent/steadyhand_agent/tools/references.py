"""`references`: where a name is used, as the editor's other language servers know it."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import PathRefused, ToolFailed
from steadyhand_agent.tools.registry import WIRE_SECONDS, Arguments, Outcome, ToolContext

_MAX_SHOWN = 80
_MAX_LINE = 160


class ReferencesArguments(Arguments):
    """Arguments of `references`."""

    path: str = Field(description="The file in which the name stands.")
    line: int = Field(ge=1, description="The line in which it stands, counted from 1.")
    name: str = Field(min_length=1, description="The name itself, such as `slugify`.")


class References:
    """Asks the editor, which asks the language servers of that file."""

    name: ClassVar[str] = "references"
    description: ClassVar[str] = (
        "Finds every use of a function, class, method or variable by asking the person's language "
        "server; it knows scopes and imports, which `search_text` does not. Your own pending "
        "changes are not in it. Each hit is `path:line: text`."
    )
    arguments: ClassVar[type[Arguments]] = ReferencesArguments
    seconds: ClassVar[float] = WIRE_SECONDS
    rest: ClassVar[str] = "search for the name in one folder with `search_text`"

    async def run(self, arguments: ReferencesArguments, context: ToolContext) -> Outcome:
        """Uses in path order."""
        if context.neighbours is None:
            raise ToolFailed("The editor cannot be asked for this; use `search_text` instead.")
        path = context.workspace.normal(arguments.path)
        column = _column(_lines(context, path), arguments)
        places = await context.neighbours.references(path, arguments.line, column)
        if not places:
            return Outcome(
                f"The language server knows no use of `{arguments.name}`. It may know nothing of "
                "this file: `search_text` looks at the text itself."
            )
        shown: list[str] = []
        texts: dict[str, list[str]] = {}
        for place in sorted(set(places), key=lambda found: (found.path, found.line))[:_MAX_SHOWN]:
            if place.path not in texts:
                texts[place.path] = await asyncio.to_thread(_shown_lines, context, place.path)
            known = texts[place.path]
            text = known[place.line - 1].strip() if place.line <= len(known) else ""
            shown.append(f"{place.path}:{place.line}: {text[:_MAX_LINE]}")
        if len(places) > _MAX_SHOWN:
            shown.append(f"[{len(places) - _MAX_SHOWN} more]")
        return Outcome("\n".join(shown))


def _lines(context: ToolContext, path: str) -> list[str]:
    """A file's lines as the editor has them: without the session's own changes."""
    return context.overlay.below(path).replace("\r\n", "\n").split("\n")


def _shown_lines(context: ToolContext, path: str) -> list[str]:
    """The same as a model is shown them; a piece of a line would not betray the secret in it."""
    try:
        text = context.overlay.show(context.overlay.below(path))
    except (ToolFailed, PathRefused):
        return []
    return text.replace("\r\n", "\n").split("\n")


def _column(lines: list[str], arguments: ReferencesArguments) -> int:
    """Where the name begins in its line."""
    line = lines[arguments.line - 1] if arguments.line <= len(lines) else ""
    bare = re.split(r"\.|::", arguments.name)[-1]
    found = re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", line)
    if found is None:
        near = [n for n, text in enumerate(lines, 1) if bare in text][:5]
        where = f" It is in line {', '.join(map(str, near))}." if near else ""
        raise ToolFailed(
            f"Line {arguments.line} of `{arguments.path}`, as the editor has it, does not hold "
            f"`{bare}`.{where} Read the file, and name a line that does."
        )
    return found.start()
