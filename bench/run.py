"""Real code, real servers, real peers: `make bench` writes bench/RESULTS.md.

`make bench ARGS="peers matcher"` repeats two sections and leaves the others as they were. Nothing
here is a test; every figure stands beside a raw limit or a peer measured in the same run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import in_editors
import matching
import measure
import our_server
import peers
import proposals
import read_findings
import report
import stores
import stuck
import t4
import tasks

SECTIONS: dict[str, Callable[[], list[str]]] = {
    "start": our_server.start,
    "server": our_server.server,
    "index": our_server.index,
    "peers": peers.section,
    "live": peers.live_section,
    "matcher": matching.section,
    "likeness": t4.section,
    "findings": read_findings.section,
    "stuck": stuck.section,
    "tasks": tasks.section,
    "proposals": proposals.section,
    "stores": stores.section,
    "editors": in_editors.section,
}


def main() -> None:
    """Runs the sections that were asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=", ".join(SECTIONS))
    wanted: list[str] = parser.parse_args().sections or list(SECTIONS)
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    for name in wanted:
        print(name, file=sys.stderr)
        load = measure.load()
        report.write(name, SECTIONS[name](), list(SECTIONS), load)


if __name__ == "__main__":
    main()
