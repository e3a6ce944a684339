"""Keeps the index true: the cold start in worker processes, then every change on disk.

Owns the worker processes and the file watcher. Never blocks the event loop: listing and hashing run
in threads, parsing of many files in workers, and the index itself is touched on the loop alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from steadyhand_agent.index import worker
from steadyhand_agent.index.languages import language_of
from steadyhand_agent.index.store import Index
from steadyhand_agent.index.walk import CLOSED, Walk, kept, walk
from steadyhand_agent.workspace import Workspace

log = logging.getLogger(__name__)

_BATCH = 40
# Below this many files a worker costs more to start than it saves.
_IN_PROCESS = 60
# A worker's answer is one line; forty large files of definitions stay well below this.
_LINE_LIMIT = 64 * 1024 * 1024

Progress = Callable[[int, int], None]
Take = Callable[[list[Any]], None]


class Keeper:
    """Fills an index from disk and follows the disk.

    Attributes:
        ready: Set once the cold start is over.
        passed_over: How many files were left out, by reason.
        files: Every path of the workspace that is not ignored.
    """

    def __init__(self, workspace: Workspace, index: Index) -> None:
        self.workspace = workspace
        self.index = index
        self.ready = asyncio.Event()
        self.passed_over: Counter[str] = Counter()
        self.files: set[str] = set()
        self._changed: list[Callable[[set[str]], None]] = []

    def on_change(self, listener: Callable[[set[str]], None]) -> None:
        """Has `listener` called with the paths that changed on disk."""
        self._changed.append(listener)

    async def fill(self, progress: Progress | None = None) -> None:
        """Reads the whole workspace once; partial results are in the index as they come."""
        try:
            outcome: Walk = await asyncio.to_thread(walk, self.workspace)
            self.files = {*outcome.sources, *outcome.others}
            self.passed_over = outcome.passed_over
            await self._read(outcome.sources, progress)
        finally:
            self.ready.set()

    async def watch(self) -> None:
        """Follows the disk until cancelled."""
        from watchfiles import DefaultFilter, awatch  # pyright: ignore[reportUnknownVariableType]

        watched = DefaultFilter(ignore_dirs=tuple(CLOSED))
        roots = self.workspace.roots
        async for changes in awatch(*roots, watch_filter=watched, debounce=200):
            names = {self.workspace.name_of(Path(name)) for _, name in changes}
            await self.refresh({name for name in names if name is not None})

    async def refresh(self, paths: set[str]) -> None:
        """Takes in paths that may have changed, appeared or gone."""
        if not paths:
            return
        outcome = await asyncio.to_thread(kept, self.workspace, paths)
        alive = {*outcome.sources, *outcome.others}
        gone = paths - alive
        for path in gone:
            self.index.drop_base(path)
        # A folder that vanished takes everything below it along.
        for path in [p for p in self.files if any(p.startswith(g + "/") for g in gone)]:
            if not await asyncio.to_thread(self._exists, path):
                gone.add(path)
                self.index.drop_base(path)
        self.files = (self.files - gone) | alive
        await self._read(outcome.sources, None)
        for listener in self._changed:
            listener(paths | gone)

    def _exists(self, path: str) -> bool:
        root, inside = self.workspace.split(path)
        return (root / inside).is_file()

    async def _read(self, sources: list[str], progress: Progress | None) -> None:
        jobs = [(path, *self.workspace.split(path)) for path in sources if language_of(path)]
        pairs = [[path, str(root), inside] for path, root, inside in jobs]
        batches = [pairs[at : at + _BATCH] for at in range(0, len(pairs), _BATCH)]
        done = 0

        def take(answers: list[Any]) -> None:
            nonlocal done
            for fields in answers:
                entry = worker.unpack(fields)
                if entry is None:
                    self.passed_over["unreadable"] += 1
                    self.index.drop_base(str(fields[0]))
                else:
                    self.index.put_base(entry)
            done += len(answers)
            if progress is not None:
                progress(done, len(pairs))

        if len(pairs) <= _IN_PROCESS:
            for batch in batches:
                take(await asyncio.to_thread(worker.answer, batch))
            return
        count = max(1, min(4, os.cpu_count() or 1, len(batches)))
        queue = iter(batches)
        await asyncio.gather(*(self._work(queue, take) for _ in range(count)))

    async def _work(self, queue: Iterator[list[list[str]]], take: Take) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "steadyhand_agent.index.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for batch in queue:
                line = b""
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    process.stdin.write(orjson.dumps(batch) + b"\n")
                    await process.stdin.drain()
                    line = await process.stdout.readline()
                if line:
                    take(orjson.loads(line))
                else:
                    log.warning("an index worker ended early; its files are read in this process")
                    take(await asyncio.to_thread(worker.answer, batch))
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
