"""`diagnostics`: what the editor's other language servers find wrong."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.tools.registry import WIRE_SECONDS, Arguments, Outcome, ToolContext
from steadyhand_agent.workspace import is_whole

_MAX_SHOWN = 100
_WORST_FIRST = ("error", "warning", "information", "hint")


class DiagnosticsArguments(Arguments):
    """Arguments of `diagnostics`."""

    path: str = Field(default="", description="Only this file; empty for all that are known.")


class Diagnostics:
    """Asks the editor what it shows."""

    name: ClassVar[str] = "diagnostics"
    description: ClassVar[str] = (
        "Lists the errors and warnings that the person's editor shows now, from type checkers and "
        "linters. They are about the files as the editor has them: your own pending changes are "
        "not in it. Each is `path:line: severity: message (source)`."
    )
    arguments: ClassVar[type[Arguments]] = DiagnosticsArguments
    seconds: ClassVar[float] = WIRE_SECONDS
    rest: ClassVar[str] = "name one `path`"

    async def run(self, arguments: DiagnosticsArguments, context: ToolContext) -> Outcome:
        """What is wrong, worst first."""
        if context.neighbours is None:
            raise ToolFailed("The editor cannot be asked for this; go on without it.")
        path = None if is_whole(arguments.path) else context.workspace.normal(arguments.path)
        found = await context.neighbours.diagnostics(path)
        if not found:
            about = f"about `{path}`" if path else "about any file"
            return Outcome(
                f"The editor shows nothing {about}. A file that is not open may not have been "
                "looked at."
            )
        ranked = sorted(
            found, key=lambda r: (_WORST_FIRST.index(r.severity), r.place.path, r.place.line)
        )
        shown = [
            f"{r.place.path}:{r.place.line}: {r.severity}: {' '.join(r.message.split())}"
            f"{f' ({r.source})' if r.source else ''}"
            for r in ranked[:_MAX_SHOWN]
        ]
        if len(found) > _MAX_SHOWN:
            shown.append(f"[{len(found) - _MAX_SHOWN} more; name one `path`]")
        return Outcome("\n".join(shown))
