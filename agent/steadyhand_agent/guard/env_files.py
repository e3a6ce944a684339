"""The secrets that a workspace says are such: values in its `.env` files, and the agent's own keys.

Owns reading them, so that a program's output that repeats one is known. Never keeps them anywhere
but in memory, and never gives them to anything but the search for secrets.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# A value in quotes may go over several lines, and a remark may follow it.
_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*"
    r"(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|`([^`]*)`|([^\n]*))",
    re.MULTILINE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPEAKS = re.compile(r"secret|token|passw|pwd|key|credential|auth|dsn|private", re.IGNORECASE)
# What is called so is a secret though it be a word.
_PASSWORD = re.compile(r"passw|pwd|passphrase", re.IGNORECASE)
_SHORTEST, _MOST_FILES, _MOST_BYTES = 8, 20, 100_000
# `apps/web/.env` of a repository of several; more folders than these are not looked into.
_DEEP, _MOST_FOLDERS, _LOOK_SECONDS = 2, 100, 30.0
_NOT_LOOKED_INTO = frozenset({"node_modules", "vendor", "venv", "__pycache__"})
_PLAIN = re.compile(
    r"[A-Z]+|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*|[\d.]+|true|false|(?:https?|file)://[^@]*|[./~][\w./-]*"
)
_OWN_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY")


class EnvFiles:
    """The values as of now; a file is read again when it has changed.

    Args:
        roots: Folders whose `.env` and `.env.*` are read, and those of the folders in them.
        clock: What time it is: folders below are looked for twice a minute.
    """

    def __init__(self, roots: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._roots = roots
        self._clock = clock
        self._folders: list[Path] = []
        self._looked = float("-inf")
        self._read: dict[Path, tuple[tuple[int, int], frozenset[str]]] = {}

    def values(self) -> set[str]:
        """Every value that is long enough to be told from a word."""
        # Several keys stand in one variable, with commas between them (`models/keys.py`).
        found = {key.strip() for name in _OWN_KEYS for key in os.environ.get(name, "").split(",")}
        if self._clock() - self._looked > _LOOK_SECONDS:
            self._folders = [folder for root in self._roots for folder in _below(root)]
            self._looked = self._clock()
        for folder in (*self._roots, *self._folders):
            for path in sorted(folder.glob(".env*"))[:_MOST_FILES]:
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


def _below(root: Path) -> list[Path]:
    """The folders below a root that hold such a file."""
    found: list[Path] = []
    level, left = [root], _MOST_FOLDERS
    for deep in range(_DEEP + 1):
        inside: list[Path] = []
        for folder in level:
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".env") and folder != root:
                        found.append(folder)
                    elif deep < _DEEP and _looked_into(entry):
                        inside.append(Path(entry.path))
        level = sorted(inside)[:left]
        left -= len(level)
    return list(dict.fromkeys(found))


def _looked_into(entry: os.DirEntry[str]) -> bool:
    hidden = entry.name.startswith(".") or entry.name in _NOT_LOOKED_INTO
    return not hidden and entry.is_dir(follow_symlinks=False)


def values(text: str) -> frozenset[str]:
    """The values of a `.env` file that may be secrets; of several lines, each."""
    found: set[str] = set()
    for match in _LINE.finditer(text.replace("\r\n", "\n")):
        name, double, single, tick, bare = match.groups()
        if bare is not None:
            given = [bare.partition(" #")[0].strip()]
        else:
            whole = next(one for one in (double, single, tick) if one is not None)
            # As it is written, and as a program has it.
            given = [*whole.split("\n"), *_plain(whole).split("\n")]
        found.update(value for value in given if _is_secret(name, value.strip()))
    return frozenset(value.strip() for value in found)


def _plain(written: str) -> str:
    return _ESCAPED.sub(lambda m: {"n": "\n", "t": "\t", "r": "\r"}.get(m[1], m[1]), written)


def _is_secret(name: str, value: str) -> bool:
    if len(value) < _SHORTEST:
        return False
    if _PLAIN.fullmatch(value):
        return bool(_PASSWORD.search(name)) and value.isalpha()
    return bool(_SPEAKS.search(name)) or any(c.isdigit() for c in value)
