"""The only starter of programs, besides `index/`, which starts its own workers.

Every program runs in a process group of its own, with nothing on stdin, bounded output, and a time
limit after which the whole group is killed. An argument list is never given to a shell.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


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


def run(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    timeout: float = 60.0,
    limit: int = 64_000_000,
    given: bytes = b"",
) -> Finished:
    """Runs a program to its end, in a thread of the caller's.

    Args:
        arguments: The program and its arguments.
        cwd: Where it runs.
        environment: The whole environment; nothing is inherited.
        timeout: Seconds until its process group is killed.
        limit: Bytes kept of each stream.
        given: What it reads on stdin.

    Raises:
        OSError: It could not be started.
    """
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        tempfile.TemporaryFile() as source,
    ):
        source.write(given)
        source.seek(0)
        child = subprocess.Popen(  # noqa: S603 - the list comes from our own code, no shell
            list(arguments),
            cwd=cwd,
            env=dict(environment),
            stdin=source,
            stdout=out,
            stderr=err,
            start_new_session=True,
            close_fds=True,
        )
        timed_out = False
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            # Grandchildren outlive their parent; the group is ended either way.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        out.seek(0)
        err.seek(0)
        return Finished(child.returncode, out.read(limit), err.read(limit), timed_out)
