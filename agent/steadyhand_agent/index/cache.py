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
from pathlib import Path

from steadyhand_agent.index.segment import Segment, SegmentDamaged

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
    if hasattr(mmap, "MADV_DONTNEED"):
        # Checking the sum has touched every page; only those that are asked for should stay.
        mapped.madvise(mmap.MADV_DONTNEED)
    return segment


def save(path: Path, segment: Segment) -> Segment:
    """Writes a segment, and gives it back as it is mapped from the file.

    Where the file cannot be written the segment is given back as it was: the next start is cold.
    """
    data = segment.to_bytes()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        log.warning("the index could not be kept (%s); the next start reads all files", error)
        return segment
    return load(path) or segment
