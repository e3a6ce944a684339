"""One module a language: how to find its definitions, and what counts in them."""

from __future__ import annotations

from steadyhand_agent.index import reader
from steadyhand_agent.index.definitions import FileEntry
from steadyhand_agent.index.languages.c import C
from steadyhand_agent.index.languages.cpp import CPP
from steadyhand_agent.index.languages.csharp import CSHARP
from steadyhand_agent.index.languages.go import GO
from steadyhand_agent.index.languages.java import JAVA
from steadyhand_agent.index.languages.javascript import JAVASCRIPT
from steadyhand_agent.index.languages.language import Language
from steadyhand_agent.index.languages.lua import LUA
from steadyhand_agent.index.languages.php import PHP
from steadyhand_agent.index.languages.python import PYTHON
from steadyhand_agent.index.languages.ruby import RUBY
from steadyhand_agent.index.languages.rust import RUST
from steadyhand_agent.index.languages.typescript import TSX, TYPESCRIPT
from steadyhand_agent.workspace import text_hash

LANGUAGES: tuple[Language, ...] = (
    PYTHON, JAVASCRIPT, TYPESCRIPT, TSX, GO, RUST, JAVA, C, CPP, CSHARP, RUBY, PHP, LUA,
)  # fmt: skip
# Languages whose modules import each other.
FAMILIES = {
    "javascript": "ecmascript",
    "typescript": "ecmascript",
    "tsx": "ecmascript",
    "c": "c",
    "cpp": "c",
}
SUFFIXES = {suffix: language for language in LANGUAGES for suffix in language.suffixes}


def language_of(path: str) -> Language | None:
    """The language of a workspace path by its suffix, or None."""
    dot = path.rfind(".")
    return SUFFIXES.get(path[dot:]) if dot >= 0 else None


def index_text(path: str, text: str, seconds: float = 5.0) -> FileEntry:
    """Reads the definitions of one text; a text that cannot be parsed gives what can be read.

    Raises:
        TooSlow: Parsing took longer than `seconds`.
    """
    language = language_of(path)
    if language is None:
        return FileEntry(path, text_hash(text), text.count("\n") + 1, ())
    return reader.read(language, path, text, seconds)
