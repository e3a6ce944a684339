"""Keeps the index true: the cold start in worker processes, then every change on disk.

Owns the worker processes, the file watcher and when the cache is written. Listing, merging and
writing run in threads, parsing of many files in workers, and the index itself is touched on the
event loop alone; it is held up once, for the tenth of a second in which a large tree begins to be
watched, after the first findings.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import orjson

from steadyhand_agent.index import cache, merging, worker
from steadyhand_agent.index.segment import Segment, SegmentDamaged
from steadyhand_agent.index.store import Index
from steadyhand_agent.index.walk import CLOSED, Walk, kept, walk
from steadyhand_agent.workspace import Workspace

log = logging.getLogger(__name__)

# So many bytes of source are one worker's next piece: half a second of work, a fifth of a bar.
_BATCH_BYTES = 1_200_000
# The first pieces are small and grow: what lies near the open files is there at once.
_FIRST_BYTES = 150_000
# Below this many files a worker costs more to start than it saves.
_IN_PROCESS = 40
_MOST_WORKERS = 4
# Every segment is searched in turn; more of them are merged.
_MOST_SEGMENTS = 6
# After so many events at once some may have been lost.
_FLOOD = 1_000
_POLL_SECONDS = 30.0
# Watching a large tree takes a tenth of a second to begin; who has just opened it sees first what
# was found.
_FINDINGS_FIRST = 0.3

Progress = Callable[[int, int], None]
Opened = Callable[[], Collection[str]]
Stat = tuple[int, int]


class Keeper:
    """Fills an index from disk and follows the disk.

    Args:
        workspace: What is indexed.
        index: Where it goes.
        cache_file: What a warm start reads; None for none.

    Attributes:
        ready: Set once the cold start is over.
        files: Every path of the workspace that is not ignored.
    """

    def __init__(self, workspace: Workspace, index: Index, cache_file: Path | None = None) -> None:
        self.workspace = workspace
        self.index = index
        self.ready = asyncio.Event()
        self._listed = asyncio.Event()
        # Two merges of the same segments would both take their place.
        self._settling = asyncio.Lock()
        self.files: set[str] = set()
        self._cache_file = cache_file
        self._stats: dict[str, Stat] = {}
        # Why files were not listed, and why some that were could not be read.
        self._unlisted: dict[str, str] = {}
        self._unread: dict[str, str] = {}
        # What changed while `fill` reads: what it has read of that before is old.
        self._overtaken: set[str] = set()
        self._changed: list[Callable[[set[str]], None]] = []

    @property
    def passed_over(self) -> Counter[str]:
        """How many files were left out, by reason."""
        return Counter(self.left_out.values())

    @property
    def left_out(self) -> dict[str, str]:
        """Why files were left out, by path."""
        return self._unlisted | self._unread

    def on_change(self, listener: Callable[[set[str]], None]) -> None:
        """Has `listener` called with the paths that changed on disk."""
        self._changed.append(listener)

    async def fill(self, progress: Progress | None = None, opened: Opened | None = None) -> None:
        """Reads what the cache does not know; partial results are in the index as they come.

        `ready` is set when all is read; what follows writes the cache.

        Args:
            progress: Told how many of how many files are read.
            opened: Gives the paths that the person looks at: what lies near them is read first.
        """
        try:
            cached = None
            if self._cache_file is not None:
                cached = await asyncio.to_thread(cache.load, self._cache_file)
            outcome: Walk = await asyncio.to_thread(walk, self.workspace)
            self.files = {*outcome.sources, *outcome.others}
            self._stats = outcome.stats
            self._unlisted = outcome.left_out
            todo = outcome.sources
            if cached is not None:
                todo = self._reuse(cached, outcome)
            if len(todo) > _IN_PROCESS:
                self._listed.set()
            if opened is not None:
                todo = nearest_first(todo, opened())
            await self._read(todo, progress, self._overtaken)
            # What was read can be asked for; merging it only makes that faster.
            self._listed.set()
            self.ready.set()
            if cached is None or len(todo) > _IN_PROCESS:
                await self._settle()
        finally:
            self._listed.set()
            self.ready.set()

    async def watch(self) -> None:
        """Follows the disk until cancelled, from what `fill` has listed."""
        from watchfiles import DefaultFilter, awatch  # pyright: ignore[reportUnknownVariableType]

        watched = DefaultFilter(ignore_dirs=tuple(CLOSED))
        roots = self.workspace.roots
        await self._listed.wait()
        await asyncio.sleep(_FINDINGS_FIRST)
        # It runs when the watcher stands: what changed since the listing is found by looking.
        caught_up = asyncio.ensure_future(self.rescan())
        try:
            async for changes in awatch(*roots, watch_filter=watched, debounce=200):
                names = {self.workspace.name_of(Path(name)) for _, name in changes}
                await self.refresh({name for name in names if name is not None})
                if len(changes) > _FLOOD:
                    await self.rescan()
        except (OSError, RuntimeError) as error:
            # The system has no more watches to give, mostly: looking now and then must do.
            log.warning("changes on disk cannot be watched (%s); they are looked for", error)
            while True:
                await asyncio.sleep(_POLL_SECONDS)
                await self.rescan()
        finally:
            caught_up.cancel()

    async def rescan(self) -> None:
        """Compares the whole disk with what is known; for when events may have been lost."""
        outcome = await asyncio.to_thread(walk, self.workspace)
        known = self._stats
        changed = {path for path, stat in outcome.stats.items() if known.get(path) != stat}
        changed |= known.keys() - outcome.stats.keys()
        changed |= self.files ^ {*outcome.sources, *outcome.others}
        await self.refresh(changed)

    async def refresh(self, paths: set[str]) -> None:
        """Takes in paths that may have changed, appeared or gone."""
        if not paths:
            return
        outcome = await asyncio.to_thread(kept, self.workspace, paths)
        alive = {*outcome.sources, *outcome.others}
        gone = paths - alive
        # A folder that vanished takes everything below it along.
        below = [path for path in self.files if path not in gone and _lies_below(path, gone)]
        gone |= await asyncio.to_thread(self._missing, below)
        if not self.ready.is_set():
            self._overtaken |= alive | gone
        for path in gone:
            self.index.drop_base(path)
            self._stats.pop(path, None)
            self._unread.pop(path, None)
        for path in paths | gone:
            self._unlisted.pop(path, None)
        self._unlisted |= outcome.left_out
        self.files = (self.files - gone) | alive
        self._stats.update(outcome.stats)
        await self._read(outcome.sources, None)
        if self.ready.is_set() and len(self.index.base.segments) > _MOST_SEGMENTS:
            await self._settle()
        for listener in self._changed:
            listener(paths | gone)

    def _missing(self, paths: list[str]) -> set[str]:
        gone: set[str] = set()
        for path in paths:
            root, inside = self.workspace.split(path)
            if not (root / inside).is_file():
                gone.add(path)
        return gone

    def _reuse(self, cached: Segment, outcome: Walk) -> list[str]:
        """Takes from the cache what has not changed; gives back what has to be read."""
        current: set[str] = set()
        for row in list(cached.rows):
            if outcome.stats.get(row.path) == (row.modified, row.size):
                current.add(row.path)
            else:
                cached.kill(row.path)
        self.index.base.take(cached)
        return [path for path in outcome.sources if path not in current]

    async def _settle(self) -> None:
        """Merges the segments into one and writes it; what changes meanwhile is marked after."""
        async with self._settling:
            await self._settle_alone()

    async def _settle_alone(self) -> None:
        segments = list(self.index.base.segments)
        marks = [set(segment.dead) for segment in segments]
        merged = await asyncio.to_thread(self._merged, segments, marks)
        for segment, mark in zip(segments, marks, strict=True):
            for number in segment.dead - mark:
                merged.kill(segment.rows[number].path)
        self.index.base.replace(segments, merged)

    def _merged(self, segments: list[Segment], marks: list[set[int]]) -> Segment:
        kept = None
        if self._cache_file is not None:
            kept = cache.save(self._cache_file, *merging.merged(segments, marks))
        return kept if kept is not None else merging.in_memory(segments, marks)

    def _received(self, data: bytes) -> Segment:
        if self._cache_file is None:
            return Segment.from_buffer(data)
        return cache.laid_aside(self._cache_file, data)

    async def _read(
        self,
        sources: list[str],
        progress: Progress | None,
        overtaken: Collection[str] = frozenset(),
    ) -> None:
        jobs = [(path, *self.workspace.split(path)) for path in sources]
        pairs: list[worker.Job] = [(path, str(root), inside) for path, root, inside in jobs]
        done = 0

        def take(segment: Segment, failed: list[list[str]]) -> None:
            nonlocal done
            for path in overtaken:
                segment.kill(path)
            for path, reason in failed:
                if path not in overtaken:
                    self._leave_out(path, reason)
            for path in segment.paths():
                self._unread.pop(path, None)
            self.index.base.take(segment)
            done += len(segment.rows) + len(failed)
            if progress is not None:
                progress(done, len(pairs))

        if len(pairs) <= _IN_PROCESS:
            for job in pairs:
                try:
                    entry, _, _ = await asyncio.to_thread(worker.read, job)
                    if job[0] not in overtaken:
                        self.index.put_base(entry)
                        self._unread.pop(entry.path, None)
                except worker.PassedOver as error:
                    if job[0] not in overtaken:
                        self._leave_out(job[0], str(error))
            return
        batches = self._batches(pairs)
        count = max(1, min(_MOST_WORKERS, os.cpu_count() or 1, len(batches)))
        queue = iter(batches)
        await asyncio.gather(*(self._work(queue, take) for _ in range(count)))

    def _leave_out(self, path: str, reason: str) -> None:
        self.index.drop_base(path)
        self._unread[path] = reason

    def _batches(self, pairs: list[worker.Job]) -> list[list[worker.Job]]:
        batches: list[list[worker.Job]] = []
        room = size = 0
        for job in pairs:
            if size >= room:
                batches.append([])
                size, room = 0, min(_BATCH_BYTES, _FIRST_BYTES * len(batches))
            batches[-1].append(job)
            size += self._stats.get(job[0], (0, 0))[1] + 500
        return batches

    async def _work(
        self,
        queue: Iterator[list[worker.Job]],
        take: Callable[[Segment, list[list[str]]], None],
    ) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "steadyhand_agent.index.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for batch in queue:
                answered: tuple[Segment, list[list[str]]] | None = None
                with contextlib.suppress(OSError, EOFError, ValueError, SegmentDamaged):
                    process.stdin.write(orjson.dumps(batch) + b"\n")
                    await process.stdin.drain()
                    head: Any = orjson.loads(await process.stdout.readline())
                    data = await process.stdout.readexactly(head["size"])
                    answered = await asyncio.to_thread(self._received, data), head["failed"]
                if answered is None:
                    log.warning("an index worker ended early; its files are read in this process")
                    answered = await asyncio.to_thread(worker.answer, list(batch))
                take(*answered)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def nearest_first(paths: list[str], opened: Collection[str]) -> list[str]:
    """Paths, those first that share the most folders with one of those that are open."""
    depths: dict[str, int] = {}
    for path in opened:
        folder = path.rpartition("/")[0]
        while folder:
            depths[folder] = folder.count("/") + 1
            folder = folder.rpartition("/")[0]

    def depth(path: str) -> int:
        folder = path.rpartition("/")[0]
        while folder and folder not in depths:
            folder = folder.rpartition("/")[0]
        return depths.get(folder, 0)

    return sorted(paths, key=depth, reverse=True)


def _lies_below(path: str, folders: set[str]) -> bool:
    at = path.rfind("/")
    while at > 0:
        if path[:at] in folders:
            return True
        at = path.rfind("/", 0, at)
    return False
