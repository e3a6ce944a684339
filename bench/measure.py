"""Measures programs: time, CPU and memory of everything they start.

Owns how a figure is taken, so that ours and a peer's are taken the same way. Never says what a
figure means.
"""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# Listing all processes costs 2 ms, which is taken from the program on a machine of two cores; the
# peak of a single process is exact in any case, since the kernel keeps it.
_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """One program's run.

    Attributes:
        wall: Seconds from start to end.
        cpu: CPU seconds of the program and of all that it waited for.
        peak: Highest sum of resident memory over all its processes, in bytes.
        code: Its exit code.
        output: Its stdout.
    """

    wall: float
    cpu: float
    peak: int
    code: int
    output: str


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = 600,
) -> Run:
    """Runs a program to its end; one that takes longer than `seconds` is killed."""
    peak = 0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )
        done = threading.Event()

        def sample() -> None:
            nonlocal peak
            while not done.is_set():
                peak = max(peak, resident(process.pid))
                if time.perf_counter() - started > seconds:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, 9)
                done.wait(_SAMPLE_SECONDS)

        sampler = threading.Thread(target=sample)
        sampler.start()
        # wait4 also says what the processes cost that the program itself waited for.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        done.set()
        sampler.join()
        out.seek(0)
        output = out.read().decode("utf-8", "replace")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(wall, cpu, max(peak, usage.ru_maxrss * 1024), process.returncode, output)


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it that are alive."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def resident(pid: int) -> int:
    """Resident memory of a process and all below it; what they share counts more than once."""
    total = 0
    for process in family(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def cpu_seconds(pid: int) -> float:
    """CPU time so far of a process, of all below it, and of those that it has waited for."""
    total = 0.0
    for process in family(pid):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


class Peak:
    """The highest resident memory of a process family while a block runs."""

    def __init__(self, pid: int) -> None:
        self.highest = 0
        self._pid = pid
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample)

    def __enter__(self) -> Peak:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._done.is_set():
            self.highest = max(self.highest, resident(self._pid))
            self._done.wait(_SAMPLE_SECONDS)


def at(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed; nan where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def machine() -> str:
    """What this runs on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def load() -> float:
    """How many processes wanted a core over the last minute."""
    return os.getloadavg()[0]
