"""The index on disk, from which a workspace starts warm.

Owns the cache file: private, replaced whole, and worth nothing: one that is damaged, of another
version or gone is built anew. Two servers on one workspace each keep what they have mapped.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from steadyhand_agent.index.segment import Arrays, FileRow, Segment, SegmentDamaged, write

log = logging.getLogger(__name__)


def load(path: Path) -> Segment | None:
    """The segment in a cache file, mapped into memory; None where there is none that is whole."""
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    try:
        segment = Segment.from_buffer(mapped)
    except SegmentDamaged as error:
        log.info("%s The index of this workspace is built anew.", error)
        return None
    _forget_pages(mapped)
    return segment


def save(path: Path, rows: Sequence[FileRow], arrays: Arrays) -> Segment | None:
    """Writes a segment as it comes, and gives it back as it is mapped from the file.

    None where the file cannot be written: the next start is cold.
    """
    try:
        path.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                write(file, rows, arrays)
            Path(name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        log.warning("the index could not be kept (%s); the next start reads all files", error)
        return None
    return load(path)


def laid_aside(path: Path, data: bytes) -> Segment:
    """A segment that is mapped from a file without a name, beside the cache, until it is merged.

    Where no file can be written it stays in memory.

    Raises:
        SegmentDamaged: The bytes are none.
    """
    try:
        path.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(data)
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return Segment.from_buffer(data)
    segment = Segment.from_buffer(mapped)
    _forget_pages(mapped)
    return segment


def _forget_pages(mapped: mmap.mmap) -> None:
    """Checking the sum has touched every page; only those that are asked for should stay."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
