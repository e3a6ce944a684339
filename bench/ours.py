"""Our index, asked in this process: the one file to adapt when its internals change.

Owns every call from the bench into `steadyhand_agent`. Whatever a person would feel is measured
through a real server instead (`our_server.py`). Run as a program it measures one thing in a process of
its own and answers in JSON, so that no figure carries another's garbage.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast
from unittest import mock

from tree_sitter import Parser

from measure import at
from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.definitions import Definition, FileEntry, Finding
from steadyhand_agent.index.findings import MIN_LINES, MIN_TOKENS, file_findings
from steadyhand_agent.index.keeper import Keeper
from steadyhand_agent.index.languages import index_text, language_of
from steadyhand_agent.index.store import Index, View
from steadyhand_agent.index.walk import walk
from steadyhand_agent.workspace import Workspace, decode
from syntax import SYNTAXES

TOP = 20
_ASKED = 2_000


def knows(language: str) -> bool:
    """Whether the index reads a language at all."""
    return language_of(f"a{SYNTAXES[language].suffix}") is not None


def texts(root: Path) -> list[tuple[str, str]]:
    """Path and text of every file that the index would read."""
    workspace = Workspace([root])
    found: list[tuple[str, str]] = []
    for path in walk(workspace).sources:
        with contextlib.suppress(SteadyhandError, OSError):
            found.append((path, decode(workspace.read_bytes(path), path)))
    return found


def filled(root: Path) -> tuple[Index, list[FileEntry]]:
    """An index of a whole workspace, made in this process."""
    index = Index()
    entries = [index_text(path, text) for path, text in texts(root)]
    for entry in entries:
        index.put_base(entry)
    return index, entries


def findings(root: Path) -> tuple[list[Finding], dict[str, str], int]:
    """What a person is shown in an existing repository, its texts, and how many lines it has."""
    index = Index()
    read = dict(texts(root))
    lines = 0
    for path, text in read.items():
        entry = index_text(path, text)
        lines += entry.lines
        index.put_base(entry)
    view = index.view()
    found = [f for path, text in read.items() for f in file_findings(view, path, text)]
    return found, read, lines


class OurMatcher:
    """The index as `matching.score` asks it.

    Args:
        floors: Keep to the sizes below which nothing is shown by default.
    """

    def __init__(self, *, floors: bool) -> None:
        self._index = Index()
        self._floors = floors
        # Of a function with others inside, only the whole is what was added.
        self._ids: dict[tuple[str, int], str] = {}

    def add(self, id: str, path: str, code: str) -> None:
        """Takes one function as a file of its own."""
        entry = index_text(path, code)
        self._index.put_base(entry)
        whole = _whole(entry)
        if whole is not None:
            self._ids[path, whole.start] = id

    def prepare(self, queries: Sequence[tuple[str, str]]) -> None:
        """Nothing to do: the index answers one by one."""

    def match(self, code: str, path: str) -> list[tuple[str, str, float]]:
        """What the index has like this function."""
        asked = _whole(index_text(path, code))
        if asked is None or (
            self._floors and (asked.lines < MIN_LINES or asked.tokens < MIN_TOKENS)
        ):
            return []
        answers = _alike(self._index.view(), asked)
        return [
            (self._ids[d.path, d.start], tier, score)
            for d, tier, score in answers
            if (d.path, d.start) in self._ids
        ]


def _whole(entry: FileEntry) -> Definition | None:
    return max(
        (d for d in entry.definitions if d.kind in ("function", "method")),
        key=lambda d: d.end - d.start,
        default=None,
    )


def _alike(view: View, asked: Definition) -> list[tuple[Definition, str, float]]:
    """Definitions like one, best first: by similarity once the view has it, else by equal body."""
    found = [(d, "T1", 1.0) for d in view.with_body(asked.body)] if asked.body else []
    similar = getattr(view, "similar", None)
    if similar is not None:
        exact = {(d.path, d.start) for d, _, _ in found}
        close = cast(list[tuple[Definition, float]], similar(asked, TOP))
        found += [(d, "T3", score) for d, score in close if (d.path, d.start) not in exact]
    return found


# --- measured in a process of its own ---


def cpu(root: Path) -> dict[str, Any]:
    """CPU seconds of parsing every text and nothing else, and of indexing every text."""
    read = texts(root)
    parsers = {name: Parser(syntax.language) for name, syntax in SYNTAXES.items()}
    data = [
        (parsers[name], text.encode("utf-8", "replace"))
        for path, text in read
        if (name := language_of(path)) in parsers
    ]
    # What runs first pays for cold caches; parsing does, so the ratio is not made to look good.
    parse = _cpu_of(lambda: [parser.parse(text) for parser, text in data])
    entries: list[FileEntry] = []
    index = _cpu_of(lambda: entries.extend(index_text(path, text) for path, text in read))
    return {
        "files": len(read),
        "lines": sum(entry.lines for entry in entries),
        "definitions": sum(len(entry.definitions) for entry in entries),
        "parse": parse,
        "index": index,
    }


def cold(root: Path, workers: int) -> dict[str, Any]:
    """Wall seconds of a cold start with so many worker processes."""

    async def fill() -> float:
        keeper = Keeper(Workspace([root]), Index())
        started = time.perf_counter()
        # The keeper takes as many workers as there are cores.
        with mock.patch("os.cpu_count", return_value=workers):
            await keeper.fill()
        return time.perf_counter() - started

    return {"wall": asyncio.run(fill())}


def queries(root: Path) -> dict[str, Any]:
    """Seconds of look-ups by name, by body and by similarity, and of one file indexed anew."""
    index, entries = filled(root)
    functions = [
        d for entry in entries for d in entry.definitions if d.kind in ("function", "method")
    ]
    asked = random.Random(7).sample(functions, min(_ASKED, len(functions)))
    view = index.view()
    similar = getattr(view, "similar", None)
    large = min(entries, key=lambda entry: abs(entry.lines - 1_000))
    text = next(text for path, text in texts(root) if path == large.path)
    taken: dict[str, list[float]] = {
        "by name": _each(asked, lambda d: view.named(d.name)),
        "by qualified name": _each(asked, lambda d: view.named(d.qualified)),
        "by equal body": _each([d for d in asked if d.body], lambda d: view.with_body(d.body)),
        "by similarity": _each(asked, lambda d: similar(d, TOP)) if similar else [],
        f"file of {large.lines:,} lines indexed anew": _each(
            range(100), lambda n: index.put_buffer(large.path, f"{text}\n# {n}\n")
        ),
    }
    return {
        "functions": len(functions),
        "definitions": sum(len(entry.definitions) for entry in entries),
        "taken": {name: [at(v, 0.5), at(v, 0.99)] if v else None for name, v in taken.items()},
    }


def _each(items: Sequence[Any], work: Callable[[Any], object]) -> list[float]:
    gc.collect()
    taken: list[float] = []
    for item in items:
        started = time.perf_counter()
        work(item)
        taken.append(time.perf_counter() - started)
    return taken


def _cpu_of(work: Callable[[], object]) -> float:
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """`ours.py cpu ROOT`, `ours.py cold ROOT WORKERS`, `ours.py queries ROOT`."""
    what, root, *rest = sys.argv[1:]
    if what == "cold":
        answer = cold(Path(root), int(rest[0]))
    else:
        answer = {"cpu": cpu, "queries": queries}[what](Path(root))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
