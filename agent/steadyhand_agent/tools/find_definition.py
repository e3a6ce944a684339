"""`find_definition`: what the index knows under a name."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from rapidfuzz import fuzz, process

from steadyhand_agent.index.segment import MOST_FOUND
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

_MAX_SHOWN = 12


class FindDefinitionArguments(Arguments):
    """Arguments of `find_definition`."""

    name: str = Field(
        min_length=1, description="`slugify`, `Post.slug` or `pressroom.text.slugify`."
    )


class FindDefinition:
    """Asks the index, with the session's own changes on top."""

    name: ClassVar[str] = "find_definition"
    asks_index: ClassVar[bool] = True
    description: ClassVar[str] = (
        "Finds functions, classes, methods and constants by name in the whole workspace: place, "
        "signature, first line of the docstring, and how to import it. Ask this before you write "
        "a helper: it may exist."
    )
    arguments: ClassVar[type[Arguments]] = FindDefinitionArguments

    def run(self, arguments: FindDefinitionArguments, context: ToolContext) -> Outcome:
        """Definitions, one a paragraph; near names where there is none."""
        named = context.view.named(arguments.name.strip())
        found = [d for d in named if not d.local]
        if not found:
            return Outcome(self._nothing(arguments.name, context))
        shown: list[str] = []
        for d in found[:_MAX_SHOWN]:
            lines = [f"{d.place}  {d.kind} {d.qualified}", f"  {d.signature}"]
            if d.doc:
                lines.append(f"  {d.doc}")
            line = context.view.import_line(d)
            if line:
                lines.append(f"  {line}")
            shown.append("\n".join(lines))
        if len(found) > _MAX_SHOWN:
            # Of more than that the index tells the first ones alone.
            least = "at least " if len(named) >= MOST_FOUND else ""
            shown.append(f"[{least}{len(found) - _MAX_SHOWN} more with this name]")
        return Outcome("\n".join(shown))

    def _nothing(self, name: str, context: ToolContext) -> str:
        bare = name.rpartition(".")[2]
        names = sorted(context.view.names())
        close = process.extract(bare, names, scorer=fuzz.ratio, score_cutoff=70, limit=5)
        hint = f" Near names: {', '.join(name for name, _, _ in close)}." if close else ""
        return f"No definition is named `{name}`.{hint}"
