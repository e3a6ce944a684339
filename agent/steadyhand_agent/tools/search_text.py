"""`search_text`: where a text occurs."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import PathRefused, ToolFailed
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext
from steadyhand_agent.workspace import MAX_FILE_BYTES, Workspace

_MAX_HITS = 60
_MAX_LINE = 200
# A search ends with the hits it can show; so many files are looked at before it is asked whether.
_CHUNK = 1_000


class SearchTextArguments(Arguments):
    """Arguments of `search_text`."""

    text: str = Field(min_length=1, description="The exact text to look for, case counts.")
    pattern: str = Field(
        default="*", description="Only in paths that match this shell pattern, like `src/*.py`."
    )


class SearchText:
    """Searches the session's texts, open buffers and disk.

    The text is taken literally: a regular expression from a model can take exponential time. Files
    are read here: given the same files, ripgrep was no faster (5.2 million lines: 0.7 s to 0.55 s).
    """

    name: ClassVar[str] = "search_text"
    description: ClassVar[str] = (
        "Finds an exact text in the workspace's files; each hit is `path:line: text`."
    )
    arguments: ClassVar[type[Arguments]] = SearchTextArguments
    rest: ClassVar[str] = "narrow the text or the pattern"

    def run(self, arguments: SearchTextArguments, context: ToolContext) -> Outcome:
        """Hits in path order."""
        needle = arguments.text.replace("\r\n", "\n")
        hits: list[str] = []
        for name in _candidates(context, needle, arguments.pattern.removeprefix("./") or "*"):
            try:
                # Lines are counted as `read_file` shows them.
                text = context.overlay.read(name)
                if needle not in text.replace("\r\n", "\n"):
                    continue
                # Looked for in what is shown too: a search must not find out a secret by guesses.
                text = context.overlay.show(text).replace("\r\n", "\n")
            except (ToolFailed, PathRefused):
                continue  # Binary, huge, gone: passed over, as the index does.
            hits += _hits(name, text, needle)
            if len(hits) > _MAX_HITS:
                hits[_MAX_HITS:] = ["[more hits; narrow the text or the pattern]"]
                break
        return Outcome("\n".join(hits) or f"`{needle[:80]}` occurs in no file that can be read.")


def _candidates(context: ToolContext, needle: str, pattern: str) -> Iterator[str]:
    """Files that may hold the text, in order: those on disk are looked at as bytes first."""
    overlay = context.overlay
    names = sorted({*context.files, *overlay.texts})
    if pattern != "*":
        fits = re.compile(fnmatch.translate(pattern)).match
        names = [name for name in names if fits(name)]
    # The line ends of a file on disk are not known yet, so one line is looked for.
    probe = max(needle.split("\n"), key=len).encode("utf-8", "surrogatepass")
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        # The session's texts and open buffers are not what the disk holds.
        layered = {n for n in chunk if n in overlay.texts or overlay.open_text(n) is not None}
        on_disk = [name for name in chunk if name not in layered]
        yield from sorted(layered | _holding(context.workspace, on_disk, probe))


def _holding(workspace: Workspace, names: Sequence[str], probe: bytes) -> set[str]:
    """Those of the files on disk that hold the bytes; none is left out that could be read."""
    found: set[str] = set()
    for name in names:
        try:
            root, inside = workspace.split(name)
        except PathRefused:
            continue
        if _holds(f"{root}/{inside}", probe):
            found.add(name)
    return found


def _holds(path: str, probe: bytes) -> bool:
    try:
        # No link is followed, and a FIFO in a hostile repository must not hang the reader.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, ValueError):
        return False
    try:
        return probe in os.read(fd, MAX_FILE_BYTES + 1)
    except OSError:
        return False
    finally:
        os.close(fd)


def _hits(name: str, text: str, needle: str) -> list[str]:
    """`path:line: text` for each line in which the needle begins."""
    found: list[str] = []
    at = text.find(needle)
    while at >= 0 and len(found) <= _MAX_HITS:
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        number = text.count("\n", 0, at) + 1
        found.append(f"{name}:{number}: {text[start:end].strip()[:_MAX_LINE]}")
        at = text.find(needle, max(end, at + 1))
    return found
