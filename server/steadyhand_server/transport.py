"""stdio claimed for the protocol, and the watch over the parent.

Owns file descriptors 0 and 1 from the first moment: a print or a child process that finds them
writes into the log or reads nothing, and the protocol stays whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

# How often the parent is looked at; with the stop itself this stays under two seconds.
_PARENT_SECONDS = 0.5
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Stdio:
    """Private copies of the protocol's two descriptors."""

    incoming: int
    outgoing: int


def claim_stdio() -> Stdio:
    """Takes 0 and 1 for the protocol; 0 then reads nothing, and 1 is the log."""
    claimed = Stdio(os.dup(0), os.dup(1))
    for fd in (claimed.incoming, claimed.outgoing):
        os.set_inheritable(fd, False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return claimed


class PipeWriter:
    """Writes whole messages to a descriptor, from a thread of its own.

    A client that does not read must not hold the event loop, and with it the way out.
    """

    def __init__(self, fd: int, on_broken: Callable[[], None]) -> None:
        self._fd = fd
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="stdout", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Has `data` written after all that was given before."""
        self._queue.put(data)

    def close(self) -> None:
        """The descriptor stays open until the process ends."""

    def drain(self, seconds: float) -> None:
        """Waits until all is written, so long at most."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self._fd, view) :]
            except OSError:
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._on_broken)
                return


def start_reading(fd: int) -> asyncio.StreamReader:
    """A stream fed by a thread that dies with the process.

    The thread is not one of pygls's pool: two busy handlers would stop all reading there.
    """
    stream = asyncio.StreamReader(limit=_CHUNK)
    loop = asyncio.get_running_loop()

    def read() -> None:
        while True:
            try:
                chunk = os.read(fd, _CHUNK)
            except OSError:
                chunk = b""
            try:
                if not chunk:
                    loop.call_soon_threadsafe(stream.feed_eof)
                    return
                loop.call_soon_threadsafe(stream.feed_data, chunk)
            except RuntimeError:
                return  # The loop is closed; nobody listens any more.

    threading.Thread(target=read, name="stdin", daemon=True).start()
    return stream


async def message(stream: asyncio.StreamReader) -> bytes | None:
    """The body of the next message; None at the end of the stream."""
    length = 0
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            return None  # A header line without an end is no client of ours.
        if not line:
            return None
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
        elif not line.strip() and length:
            break
    try:
        return await stream.readexactly(length)
    except asyncio.IncompleteReadError:
        return None


async def parent_gone(process_id: int | None) -> None:
    """Returns once the editor's process, or the process that started us, has ended."""
    started_by = os.getppid()
    while os.getppid() == started_by and (process_id is None or _alive(process_id)):  # noqa: ASYNC110
        # There is no event to wait for: a parent tells nobody that it dies.
        await asyncio.sleep(_PARENT_SECONDS)


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # It exists and belongs to somebody else.
    return True
