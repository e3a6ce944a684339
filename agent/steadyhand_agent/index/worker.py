"""A process that reads files and answers with a segment of the index, so that a cold start uses
every core while the server answers requests.

It takes one JSON list of `[workspace path, root, path below the root]` a line on stdin, answers
with one line of JSON and a segment on stdout, and ends when its stdin closes. Never writes a file.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.definitions import FileEntry
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.parsing import TooSlow
from steadyhand_agent.index.reader import NotUnderstood
from steadyhand_agent.index.segment import Segment
from steadyhand_agent.workspace import MAX_FILE_BYTES, Workspace

# A long line on average and no short file: written by a program, for a program.
_MINIFIED_BYTES = 5_000
_MINIFIED_LINE = 400

Job = tuple[str, str, str]


class PassedOver(SteadyhandError):
    """A file that is not indexed; the message is the word it is counted under."""


def read(
    job: Job | list[str], readers: dict[str, Callable[[str], bytes]] | None = None
) -> tuple[FileEntry, int, int]:
    """The entry of one file, with its time of change (ns) and size as of before it was read.

    Args:
        job: Its workspace path, its root, and its path below that.
        readers: One a root, for a look at many files.

    Raises:
        PassedOver: It is binary, no UTF-8, minified, unreadable, not understood, or takes too long.
    """
    path, root, inside = job
    readers = {} if readers is None else readers
    try:
        if root not in readers:
            readers[root] = Workspace([Path(root)]).reader()
        status = os.lstat(f"{root}/{inside}")
        data = readers[root](inside)
    except (OSError, SteadyhandError):
        raise PassedOver("unreadable") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise PassedOver("binary" if b"\0" in data else "not UTF-8") from None
    if why := no_source(text):
        raise PassedOver(why)
    try:
        entry = index_text(path, text)
    except TooSlow:
        raise PassedOver("slow") from None
    except NotUnderstood:
        raise PassedOver("not understood") from None
    return entry, status.st_mtime_ns, status.st_size


def no_source(text: str) -> str:
    """Why a text is nobody's source: `huge`, `binary` or `minified`; empty where it may be one."""
    if len(text) > MAX_FILE_BYTES:
        return "huge"
    if "\0" in text:
        return "binary"
    long = len(text) > _MINIFIED_BYTES and len(text) > _MINIFIED_LINE * (text.count("\n") + 1)
    return "minified" if long else ""


def answer(jobs: list[Any]) -> tuple[Segment, list[list[str]]]:
    """A segment of what could be read, and `[path, reason]` of what was passed over."""
    files: list[tuple[FileEntry, int, int]] = []
    failed: list[list[str]] = []
    readers: dict[str, Callable[[str], bytes]] = {}
    for job in jobs:
        try:
            files.append(read(job, readers))
        except PassedOver as error:
            failed.append([job[0], str(error)])
    return Segment.build(files), failed


def main() -> None:
    """Answers until stdin closes."""
    os.nice(10)
    # Nothing here makes cycles that matter; looking for them costs a tenth of the time.
    gc.disable()
    out: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        segment, failed = answer(orjson.loads(line))
        data = segment.to_bytes()
        out.write(orjson.dumps({"size": len(data), "failed": failed}) + b"\n")
        out.write(data)
        out.flush()


if __name__ == "__main__":
    main()
