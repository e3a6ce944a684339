"""Runs `steadyhand` so that it kills itself with SIGKILL at one numbered step of the journal.

STEADYHAND_CRASH_AT=n+ dies when the n-th record is durable and before anything follows; n- dies
just before it is written. The arguments are the command's own.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys

from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_server.cli import main

AT = os.environ.pop("STEADYHAND_CRASH_AT", "")
_count = itertools.count(1)
_append = SqliteJournal.append


async def append(self, item, summary, texts=None):
    step = next(_count)
    if f"{step}-" == AT:
        os.kill(os.getpid(), signal.SIGKILL)
    await _append(self, item, summary, texts)
    if f"{step}+" == AT:
        os.kill(os.getpid(), signal.SIGKILL)


SqliteJournal.append = append
main(sys.argv[1:])
