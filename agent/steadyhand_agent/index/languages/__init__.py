"""One module a language: how to find its definitions, and how its imports are written."""

from __future__ import annotations

from steadyhand_agent.index.definitions import FileEntry
from steadyhand_agent.workspace import text_hash

# Python alone for now; a further language is a module here with the same function `definitions`.
SUFFIXES = {".py": "python", ".pyi": "python"}


def language_of(path: str) -> str | None:
    """The language of a workspace path by its suffix, or None."""
    dot = path.rfind(".")
    return SUFFIXES.get(path[dot:]) if dot >= 0 else None


def index_text(path: str, text: str) -> FileEntry:
    """Reads the definitions of one text; a text that cannot be parsed gives what can be read."""
    from steadyhand_agent.index.languages import python

    found = python.definitions(path, text) if language_of(path) == "python" else ()
    return FileEntry(path, text_hash(text), text.count("\n") + 1, tuple(found))
