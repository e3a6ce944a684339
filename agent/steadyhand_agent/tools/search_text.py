"""`search_text`: where a text occurs."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import ClassVar

from pydantic import Field

from steadyhand_agent.errors import PathRefused, ToolFailed
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

_MAX_HITS = 60
_MAX_LINE = 200


class SearchTextArguments(Arguments):
    """Arguments of `search_text`."""

    text: str = Field(min_length=1, description="The exact text to look for, case counts.")
    pattern: str = Field(
        default="*", description="Only in paths that match this shell pattern, like `src/*.py`."
    )


class SearchText:
    """Searches the session's texts, open buffers and disk.

    The text is taken literally: a regular expression from a model can take exponential time.
    """

    name: ClassVar[str] = "search_text"
    description: ClassVar[str] = (
        "Finds an exact text in the workspace's files; each hit is `path:line: text`."
    )
    arguments: ClassVar[type[Arguments]] = SearchTextArguments

    def run(self, arguments: SearchTextArguments, context: ToolContext) -> Outcome:
        """Hits in path order."""
        needle = arguments.text.replace("\r\n", "\n")
        pattern = arguments.pattern.removeprefix("./")
        names = sorted({*context.files, *context.overlay.texts})
        hits: list[str] = []
        for name in names:
            if not fnmatchcase(name, pattern):
                continue
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
