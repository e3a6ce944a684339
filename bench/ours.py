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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from tree_sitter import Parser

from measure import at
from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index import worker
from steadyhand_agent.index.definitions import Definition, FileEntry, Finding
from steadyhand_agent.index.findings import (
    MIN_LINES,
    MIN_TOKENS,
    NEAR_TOKENS,
    exempt,
    file_findings,
)
from steadyhand_agent.index.fingerprint import Form
from steadyhand_agent.index.keeper import Keeper
from steadyhand_agent.index.languages import index_text, language_of
from steadyhand_agent.index.segment import Segment
from steadyhand_agent.index.store import Index, View
from steadyhand_agent.index.walk import walk
from steadyhand_agent.workspace import Workspace, decode
from syntax import SYNTAXES

_ASKED = 2_000
# About as many files as a worker gets at a time.
_PIECE = 100


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


def filled(root: Path) -> Index:
    """The index of a whole workspace as a cold start leaves it, without a cache on disk."""
    index = Index()
    asyncio.run(Keeper(Workspace([root]), index).fill())
    return index


def findings(root: Path) -> tuple[list[Finding], dict[str, str], int]:
    """What a person is shown in an existing repository, its texts, and how many lines it has."""
    index = filled(root)
    read = dict(texts(root))
    view = index.view()
    found = [f for path, text in read.items() for f in file_findings(view, path, text)]
    return found, read, index.lines


class OurMatcher:
    """The index as `matching.score` asks it.

    Args:
        floors: Keep to what is shown by default: from some sizes on, no stubs and the like, and
            nobody is told to use a test.
    """

    def __init__(self, *, floors: bool) -> None:
        self._index = Index()
        self._floors = floors
        self._entries: list[FileEntry] = []
        # Of a function with others inside, only the whole is what was added.
        self._ids: dict[tuple[str, int], str] = {}

    def add(self, id: str, path: str, code: str) -> None:
        """Takes one function as a file of its own."""
        entry = index_text(path, code)
        self._entries.append(entry)
        whole = _whole(entry)
        if whole is not None:
            self._ids[path, whole[0].start] = id

    def prepare(self, queries: Sequence[tuple[str, str]]) -> None:
        """Puts what was added into one segment, as a cold start does."""
        self._index.base.take(Segment.build([(entry, 0, 0) for entry in self._entries]))

    def match(self, code: str, path: str) -> list[tuple[str, str, float]]:
        """What the index has like this function."""
        asked = _whole(index_text(path, code))
        if asked is None:
            return []
        definition, form = asked
        if self._floors and (
            definition.lines < MIN_LINES or definition.tokens < MIN_TOKENS or exempt(definition)
        ):
            return []
        return [
            (self._ids[d.path, d.start], tier, score)
            for d, tier, score in _alike(self._index.view(), definition, form)
            if (d.path, d.start) in self._ids and (not self._floors or _shown(definition, d, tier))
        ]


def _shown(definition: Definition, other: Definition, tier: str) -> bool:
    """As `findings.py` has it, but for what depends on where the two stand."""
    return (
        not exempt(other)
        and (definition.test or not other.test)
        # A near copy says less than a copy, so there has to be more of it.
        and (tier != "T3" or definition.tokens >= NEAR_TOKENS)
    )


def _whole(entry: FileEntry) -> tuple[Definition, Form] | None:
    return max(
        (
            (definition, form)
            for definition, form in zip(entry.definitions, entry.forms, strict=True)
            if definition.kind in ("function", "method")
        ),
        key=lambda pair: pair[0].end - pair[0].start,
        default=None,
    )


def _alike(view: View, asked: Definition, form: Form) -> Iterator[tuple[Definition, str, float]]:
    """Definitions like one: by equal body, by equal shape, then by likeness; none twice."""
    seen: set[tuple[str, int]] = set()
    tiers = [
        ("T1", [(d, 1.0) for d in view.with_body(asked.body)] if asked.body else []),
        ("T2", [(d, 1.0) for d in view.with_shape(asked.shape)] if asked.shape else []),
        ("T3", view.near(form)),
    ]
    for tier, found in tiers:
        for definition, score in found:
            place = definition.path, definition.start
            if place not in seen:
                seen.add(place)
                yield definition, tier, score


# --- measured in a process of its own ---


def cpu(root: Path) -> dict[str, Any]:
    """CPU seconds of parsing every text and nothing else, and of all that a worker does."""
    workspace = Workspace([root])
    jobs = [(path, *workspace.split(path)) for path in walk(workspace).sources]
    parsers: dict[str, Parser] = {}
    data: list[tuple[Parser, bytes]] = []
    for path, text in texts(root):
        language = language_of(path)
        if language is not None:
            parser = parsers.setdefault(language.name, Parser(language.parser_language))
            data.append((parser, text.encode("utf-8", "replace")))
    # As in a worker, where nothing makes cycles that matter.
    gc.disable()
    # What runs first pays for cold caches; parsing does, so the ratio is not made to look good.
    parse = _cpu_of(lambda: _parse_all(data))
    segments: list[Segment] = []
    index = _cpu_of(
        lambda: segments.extend(
            worker.answer([[path, str(top), inside] for path, top, inside in jobs[n : n + _PIECE]])[
                0
            ]
            for n in range(0, len(jobs), _PIECE)
        )
    )
    return {
        "files": len(data),
        "lines": sum(segment.lines for segment in segments),
        "definitions": sum(segment.definitions for segment in segments),
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
    """Seconds of look-ups by name, by body and by likeness, and of one file indexed anew."""
    index = filled(root)
    view = index.view()
    entries = [entry for path in view.paths() if (entry := view.entry(path)) is not None]
    known = [
        (definition, form)
        for entry in entries
        for definition, form in zip(entry.definitions, entry.forms, strict=True)
        if definition.kind in ("function", "method")
    ]
    asked = random.Random(7).sample(known, min(_ASKED, len(known)))
    bodies = [d for d, _ in asked if d.body]
    lines = {entry.path: entry.lines for entry in entries}
    large = min(lines, key=lambda path: abs(lines[path] - 1_000))
    text = dict(texts(root))[large]
    functions = len(known)
    # The look-ups shall not carry the cost of everything that was unpacked to choose them.
    del known, entries
    taken = {
        "by name": _each(asked, lambda pair: view.named(pair[0].name)),
        "by qualified name": _each(asked, lambda pair: view.named(pair[0].qualified)),
        "by equal body": _each(bodies, lambda d: view.with_body(d.body)),
        "by equal shape": _each(bodies, lambda d: view.with_shape(d.shape)),
        "by likeness": _each(asked, lambda pair: view.near(pair[1])),
        f"file of {lines[large]:,} lines indexed anew": _each(
            range(100), lambda n: index.put_buffer(large, f"{text}\n# {n}\n")
        ),
    }
    return {
        "functions": functions,
        "definitions": index.definitions,
        "taken": {name: [at(v, 0.5), at(v, 0.99)] if v else None for name, v in taken.items()},
    }


def _parse_all(data: list[tuple[Parser, bytes]]) -> None:
    for parser, text in data:
        parser.parse(text)


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
