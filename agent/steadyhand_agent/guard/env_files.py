"""The secrets that a workspace says are such: values in its `.env` files, and the agent's own keys.

Owns reading them, so that a program's output that repeats one is known. Never keeps them anywhere
but in memory, and never gives them to anything but the search for secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$", re.MULTILINE)
_SPEAKS = re.compile(r"secret|token|passw|pwd|key|credential|auth|dsn|private", re.IGNORECASE)
_SHORTEST, _MOST_FILES, _MOST_BYTES = 8, 20, 100_000
_PLAIN = re.compile(r"[A-Za-z]+|[\d.]+|true|false|(?:https?|file)://[^@]*|[./~][\w./-]*")
_OWN_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY")


class EnvFiles:
    """The values as of now; a file is read again when it has changed.

    Args:
        roots: Folders whose `.env` and `.env.*` are read.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._read: dict[Path, tuple[tuple[int, int], frozenset[str]]] = {}

    def values(self) -> set[str]:
        """Every value that is long enough to be told from a word."""
        # Several keys stand in one variable, with commas between them (`models/keys.py`).
        found = {key.strip() for name in _OWN_KEYS for key in os.environ.get(name, "").split(",")}
        for root in self._roots:
            for path in sorted(root.glob(".env*"))[:_MOST_FILES]:
                found |= self._of(path)
        return {value for value in found if len(value) >= _SHORTEST}

    def _of(self, path: Path) -> frozenset[str]:
        if path.suffix in (".example", ".sample", ".template", ".dist"):
            return frozenset()
        try:
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size
            known = self._read.get(path)
            if known is None or known[0] != stamp:
                if not path.is_file() or status.st_size > _MOST_BYTES:
                    return frozenset()
                known = stamp, values(path.read_text("utf-8", "replace"))
                self._read[path] = known
        except OSError:
            # Not readable by this user: then no tool of theirs repeats it either.
            return frozenset()
        return known[1]


def values(text: str) -> frozenset[str]:
    """The values of a `.env` file that may be secrets."""
    found: set[str] = set()
    for match in _LINE.finditer(text):
        name, value = match[1], match[2]
        if value[:1] in ("'", '"') and value[-1:] == value[:1]:
            value = value[1:-1]
        else:
            value = value.partition(" #")[0].rstrip()
        if len(value) < _SHORTEST or _PLAIN.fullmatch(value):
            continue
        if _SPEAKS.search(name) or any(c.isdigit() for c in value):
            found.add(value)
    return frozenset(found)
