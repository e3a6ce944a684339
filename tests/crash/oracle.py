"""Reads what a writer says was acknowledged and keeps it with fsync: the truth after a crash."""

from __future__ import annotations

import os
import sys

with open(sys.argv[1], "ab", buffering=0) as kept:
    for line in sys.stdin.buffer:
        kept.write(line)
        os.fsync(kept.fileno())
