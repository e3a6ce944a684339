"""What a project says of how it wants code written, such as AGENTS.md, as a session takes it.

Owns which files count for a task, in what order, and how much of them is taken. Reads them as a
tool would, and gives them no weight: what a model makes of them, the prompt says, and what it may
do does not change.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from steadyhand_agent.errors import PathRefused, ToolFailed
from steadyhand_agent.guard import budget
from steadyhand_agent.index.walk import VENDORED
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.session import Convention, Limits
from steadyhand_agent.workspace import Workspace, utf8

# In the default session of 32,000 tokens that is 2,000: they go along with every call.
_SHARE = 16
_MOST_TOKENS = 2_000
# A part that is shorter than an eighth of that says little; the nearest ones count.
_MOST_FILES = 8
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})


def room(limits: Limits, window: int | None) -> int:
    """Tokens that the conventions of a session may take together.

    Args:
        limits: The session's.
        window: What its model takes at once, where that is known.
    """
    return min(_MOST_TOKENS, limits.tokens // _SHARE, (window or limits.tokens) // _SHARE)


def taken(
    names: Sequence[str], workspace: Workspace, overlay: Overlay, path: str | None, tokens: int
) -> list[Convention]:
    """The conventions for a task, the nearest last, as a model is shown them.

    Args:
        names: What the files are called; in each folder the first that is there counts.
        workspace: Whose folders they are.
        overlay: By which they are read, so that what is closed to tools is closed here.
        path: The document that the task is about. Without one those of the roots count.
        tokens: What all of them may take together.
    """
    found: list[Convention] = []
    for folder in _folders(workspace, path):
        found = _first(names, folder, overlay) + found
        if len(found) >= _MOST_FILES:
            break
    return _bounded(found[-_MOST_FILES:], int(tokens * budget.BYTES_PER_TOKEN))


def _folders(workspace: Workspace, path: str | None) -> list[str]:
    """What stands before a file's name in each folder, the nearest first."""
    try:
        normal = workspace.normal(path or "")
        root, inside = workspace.split(normal)
    except PathRefused:
        # No document, or one in a folder that is closed.
        return [workspace.prefix(root) for root in workspace.roots]
    parts = inside.split("/")[:-1]
    # What a dependency brings along is not how the people of this project want code to look.
    own = next((at for at, part in enumerate(parts) if part in VENDORED), len(parts))
    return [
        workspace.prefix(root) + "".join(f"{part}/" for part in parts[:count])
        for count in range(own, -1, -1)
    ]


def _first(names: Sequence[str], folder: str, overlay: Overlay) -> list[Convention]:
    """The first of the names that is there; before it those that are there and cannot be used."""
    found: list[Convention] = []
    for name in names:
        path = f"{folder}{name}"
        shown = overlay.show(path)
        try:
            # A buffer may hold what no journal can.
            text = utf8(overlay.shown(path)).decode().strip()
        except (PathRefused, ToolFailed) as error:
            if isinstance(error, ToolFailed) and error.code in _ABSENT:
                continue
            found.append(Convention(path=shown, note=f"not taken: {overlay.show(str(error))}"))
            continue
        if text:
            found.append(Convention(path=shown, text=text))
        break
    return found


def _bounded(found: list[Convention], left: int) -> list[Convention]:
    """The same within so many bytes: what a short one does not need the longer ones share."""
    sizes = {id(one): len(utf8(one.text)) for one in found if one.text}
    waiting = sorted((one for one in found if one.text), key=lambda one: sizes[id(one)])
    for number, one in enumerate(waiting):
        size, share = sizes[id(one)], left // (len(waiting) - number)
        if size > share:
            one.text = budget.bounded(one.text, share, "`read_file` shows the whole")
            one.note = f"in part: {share:,} of {size:,} bytes"
        left -= min(size, share)
    return found
