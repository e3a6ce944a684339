"""Forms of a record's body: how one that an older Steadyhand wrote becomes one of today's.

Owns one function a step. A body is kept as it was written, since its digest is over those bytes;
it is brought up to date each time it is read. `tests/corpus/journals` has a journal of every form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def upgraded(kind: str, schema: int, body: Json) -> Json:
    """A body in today's form.

    Args:
        kind: The record's.
        schema: The form it was written in, from 1.
        body: As it was written.
    """
    for step in _STEPS[schema - 1 :]:
        body = step(kind, body)
    return body


def _to_2(kind: str, body: Json) -> Json:
    """What git says of uncommitted work, kept a round; the machine that a lease is held on."""
    match kind:
        case "task":
            return {"branch": "", "commit": "", "dirty": "", "machine": "", **body}
        case "round":
            return {"dirty": "", **body}
        case "lease":
            return {"machine": "", **body}
        case _:
            return body


_STEPS: tuple[Callable[[str, Json], Json], ...] = (_to_2,)
SCHEMA = len(_STEPS) + 1
