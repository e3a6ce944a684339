"""Runs one command and outlives it: whatever the command started ends with it.

Started by `process.run` as a program of its own, with the standard library alone. A process that
forks, begins a session of its own and ignores SIGTERM becomes a child of the warden when its parent
ends (Linux: PR_SET_CHILD_SUBREAPER), and is killed. The warden's stdin tells it when to stop: it
closes when the limit is reached, and also when whoever started the warden dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36
_TICK = 0.02
# A command that forks faster than it can be killed is left to its process group's end.
_SWEEP_SECONDS = 4.0


def main() -> int:
    """Runs the command in `sys.argv`; returns its exit code as a shell would."""
    adopting = _adopt()
    try:
        child = subprocess.Popen(  # noqa: S603 - the person configured this command
            sys.argv[1:], stdin=subprocess.DEVNULL, close_fds=True
        )
    except OSError as error:
        sys.stderr.write(f"{sys.argv[1]} could not be started: {error.strerror}\n")
        return 127
    stopped = False
    while child.poll() is None and not stopped:
        readable, _, _ = select.select([0], [], [], _TICK)
        stopped = bool(readable) and not os.read(0, 1)
    if child.poll() is None:
        child.kill()
    code = child.wait()
    if adopting:
        _sweep()
    return code if code >= 0 else 128 - code


def _adopt() -> bool:
    """Has orphans below become our children; False where the system knows no such thing."""
    with contextlib.suppress(OSError, AttributeError):
        return ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    return False


def _sweep() -> None:
    until = time.monotonic() + _SWEEP_SECONDS
    while (found := _descendants()) and time.monotonic() < until:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.005)


def _descendants() -> list[int]:
    """Everything that has us among its ancestors and is not a zombie of somebody else's."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - nothing more than this is imported
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/stat", errors="replace") as file:  # noqa: PTH123
                fields = file.read().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


if __name__ == "__main__":
    sys.exit(main())
