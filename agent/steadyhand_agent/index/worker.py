"""A process that reads files and answers with their definitions, so that a cold start uses every
core while the server answers requests.

It speaks one JSON list of `[workspace path, real path]` pairs a line on stdin and one JSON list of
answers a line on stdout, and ends when its stdin closes. It never writes a file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import orjson

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.definitions import Definition, FileEntry
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.workspace import Workspace, decode


def answer(pairs: list[list[str]]) -> list[Any]:
    """Entries for `[path, root, path below the root]`, or `[path, reason]` where unreadable."""
    answers: list[Any] = []
    for path, root, inside in pairs:
        try:
            text = decode(Workspace([Path(root)]).read_bytes(inside), path)
            entry = index_text(path, text)
        except SteadyhandError as error:
            answers.append([path, str(error)])
            continue
        packed = [definition.pack() for definition in entry.definitions]
        answers.append([path, entry.content_hash, entry.lines, packed])
    return answers


def unpack(fields: list[Any]) -> FileEntry | None:
    """The entry in one answer; None where the file was passed over."""
    if len(fields) == 2:
        return None
    path, content_hash, lines, packed = fields
    return FileEntry(path, content_hash, lines, tuple(Definition.unpack(d) for d in packed))


def main() -> None:
    """Answers until stdin closes."""
    os.nice(10)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        out.write(orjson.dumps(answer(orjson.loads(line))) + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
