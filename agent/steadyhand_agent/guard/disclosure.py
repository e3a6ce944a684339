"""What a model is shown of a text, and the way back from what it says to the exact one.

Owns the order of the two: secrets are hidden, then what nobody sees is made visible. Files keep
their exact texts; an edit that carries a placeholder or a written character means what stands in
the file that it edits, and nothing else.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

from steadyhand_agent.actions import Action
from steadyhand_agent.errors import PathRefused, ToolFailed
from steadyhand_agent.guard import secrets, visible
from steadyhand_agent.proposals.overlay import Overlay

Json = dict[str, Any]

_CARRIES = re.compile(rf"{secrets.PLACEHOLDER.pattern}|<U\+")
_NEVER_EXACT = frozenset({"path", "reason", "duplicate_reason"})


class Disclosure:
    """The two together.

    Args:
        hiding: Finds secrets and hides them.
    """

    def __init__(self, hiding: secrets.Secrets) -> None:
        self._hiding = hiding

    def text(self, exact: str) -> str:
        """A file's text or a tool's answer as a model and a log are shown it."""
        # A byte order mark is no part of the first line.
        return visible.visible(self._hiding.hide(exact.removeprefix("\ufeff")))

    def hiding(self) -> Callable[[str], str]:
        """What takes the secrets known as of now out of texts, and leaves them otherwise."""
        return self._hiding.hiding()

    def reveal(self, text: str, base: str) -> str:
        """A text with the secrets of its base again; raises ToolFailed where that has not all."""
        return self._hiding.reveal(text, base)

    def tree(self, value: Any) -> Any:
        """As `text`, for every text of a JSON value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {str(k): self.tree(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if isinstance(value, list | tuple):
            return [self.tree(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
        return value

    def meant(self, action: Action, overlay: Overlay) -> Action:
        """The action with the exact texts that its arguments stand for.

        Raises:
            ToolFailed: A placeholder stands for no secret of the file that is edited.
            PathRefused: The path leaves the workspace.
        """
        if action.kind != "tool":
            return action
        given: Json = dict(action.content)
        path = given.get("path")
        if isinstance(path, str) and path.strip():
            path = given["path"] = _path(path, overlay)
        carrying = {
            key: value
            for key, value in given.items()
            if isinstance(value, str) and key not in _NEVER_EXACT and _CARRIES.search(value)
        }
        # The file is read for these alone: most calls carry nothing.
        sources = _texts(path, overlay) if carrying and isinstance(path, str) else []
        whole = "\n".join(sources)
        for key, value in carrying.items():
            given[key] = visible.exact(self._hiding.reveal(value, *sources), whole)
        return action.model_copy(update={"content": given}) if given != action.content else action


def _path(path: str, overlay: Overlay) -> str:
    """The path itself, or that of the file whose name was shown so."""
    named = visible.written_again(path)
    if named == path:
        return path
    try:
        return named if not overlay.exists(path) and overlay.exists(named) else path
    except (PathRefused, ToolFailed):
        return path


def _texts(path: str, overlay: Overlay) -> list[str]:
    """The file as the session has it, and as it was: what was shown of it came from one of them."""
    found: list[str] = []
    # A new file, or one that the tool itself will refuse with its own words.
    with contextlib.suppress(PathRefused, ToolFailed):
        found.append(overlay.read(path))
    base = overlay.bases.get(path)
    return [*found, base] if base is not None and base not in found else found
