"""The only starter of programs, besides `index/`, which starts its own workers.

Every program runs in a process group of its own, with nothing on stdin but what it is given,
bounded output, and a time limit after which the whole group is killed. An argument list is never
given to a shell.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

# Set by whoever waits for a thread that may run a program: once it is set, the program is killed.
stopping: ContextVar[threading.Event | None] = ContextVar("stopping", default=None)

# How soon a program that is to stop, or whose children hold its output open, is looked after.
_TICK = 0.05
_CHUNK = 65_536
# What is still in a pipe when its writers are dead comes at once.
_DRAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended.

    Attributes:
        code: Its exit code; negative where a signal ended it.
        stdout: What it wrote, cut at the limit.
        stderr: The same for its errors.
        timed_out: True where the limit ended it.
    """

    code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False


@dataclass(slots=True)
class _Stream:
    """The beginning of a stream, and its end where that was asked for."""

    limit: int
    tail: int
    head: bytearray = field(default_factory=bytearray)
    last: bytearray = field(default_factory=bytearray)
    left_out: int = 0

    def take(self, data: bytes) -> None:
        room = self.limit - len(self.head)
        self.head += data[:room]
        self.last += data[room:]
        over = len(self.last) - self.tail
        if over > 0:
            del self.last[:over]
            self.left_out += over

    def kept(self) -> bytes:
        between = b""
        if self.left_out and self.tail:
            between = b"\n[... %d bytes left out ...]\n" % self.left_out
        return bytes(self.head) + between + bytes(self.last)


def run(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    timeout: float = 60.0,
    limit: int = 64_000_000,
    tail: int = 0,
    given: bytes = b"",
    together: bool = False,
    with_descendants: bool = False,
) -> Finished:
    """Runs a program to its end, in a thread of the caller's.

    Args:
        arguments: The program and its arguments.
        cwd: Where it runs.
        environment: The whole environment; nothing is inherited.
        timeout: Seconds until its process group is killed.
        limit: Bytes kept of each stream's beginning.
        tail: Bytes kept of each stream's end besides.
        given: What it reads on stdin.
        together: Have stdout and stderr come as one stream, in the order they were written.
        with_descendants: End what it leaves behind in other process groups and sessions too, also
            where this process dies. It then reads nothing: what is given would not arrive.

    Raises:
        OSError: It could not be started.
    """
    stop = stopping.get()
    command = [*_warden(), *arguments] if with_descendants else list(arguments)
    child = subprocess.Popen(  # noqa: S603 - the list comes from our own code, no shell
        command,
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE,
        start_new_session=True,
        close_fds=True,
        bufsize=0,
    )
    streams = {"out": _Stream(limit, tail), "err": _Stream(limit, tail)}
    talk = _Talk(child, streams, given, keep_open=with_descendants)
    ended = False
    try:
        ended = talk.until(time.monotonic() + timeout, stop)
    finally:
        # Grandchildren outlive their parent; the group is ended either way.
        _end(child, with_descendants=with_descendants)
        talk.drain()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    out, err = streams["out"].kept(), streams["err"].kept()
    return Finished(child.returncode, out, err, timed_out=not ended)


class _Talk:
    """Reads what a program writes and gives it what it reads, until one of them ends."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        streams: Mapping[str, _Stream],
        given: bytes,
        *,
        keep_open: bool,
    ) -> None:
        self._child = child
        self._streams = streams
        self._given = memoryview(given)
        self._selector = selectors.DefaultSelector()
        for name, pipe in (("out", child.stdout), ("err", child.stderr)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ, name)
        assert child.stdin is not None
        if given and not keep_open:
            os.set_blocking(child.stdin.fileno(), False)
            self._selector.register(child.stdin, selectors.EVENT_WRITE, "in")
        elif not keep_open:
            child.stdin.close()

    def until(self, limit: float, stop: threading.Event | None) -> bool:
        """True once the program has ended; False where time is up or it is to stop."""
        while True:
            self._turn(_TICK)
            if not self._reading():
                # It has closed its output; a moment later it has ended too, as a rule.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(_TICK)
            if self._child.poll() is not None:
                return True
            if time.monotonic() > limit or (stop is not None and stop.is_set()):
                return False

    def drain(self) -> None:
        """Takes what is left in the pipes of a program that is dead."""
        limit = time.monotonic() + _DRAIN_SECONDS
        while self._reading() and time.monotonic() < limit:
            self._turn(_TICK)
        self._selector.close()

    def _reading(self) -> bool:
        return any(key.data != "in" for key in self._selector.get_map().values())

    def _turn(self, seconds: float) -> None:
        if not self._selector.get_map():
            return
        for key, _ in self._selector.select(seconds):
            pipe: IO[bytes] = key.fileobj  # pyright: ignore[reportAssignmentType]
            if key.data == "in":
                self._give(pipe)
                continue
            data = os.read(pipe.fileno(), _CHUNK)
            if data:
                self._streams[key.data].take(data)
            else:
                self._selector.unregister(pipe)

    def _give(self, pipe: IO[bytes]) -> None:
        try:
            self._given = self._given[os.write(pipe.fileno(), self._given[:_CHUNK]) :]
        except BrokenPipeError:
            self._given = self._given[:0]
        if not self._given:
            self._selector.unregister(pipe)
            pipe.close()


def _end(child: subprocess.Popen[bytes], *, with_descendants: bool) -> None:
    """Kills the program's group; its warden first gets the time to end what left the group."""
    if with_descendants and child.poll() is None:
        assert child.stdin is not None
        child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5.0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _warden() -> list[str]:
    # -I and -S: nothing of the folder it runs in, and nothing installed, is imported.
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("warden.py"))]
