"""The loop guard: identical actions, one after the other, are no progress."""

from __future__ import annotations

import json
from collections.abc import Iterable

from steadyhand_agent.actions import Action

LIMIT = 3


def fingerprint(action: Action) -> bytes:
    """What makes two actions the same: all but the words that explain them."""
    arguments = {k: v for k, v in action.content.items() if k != "reason"}
    plain = [action.kind, action.tool, arguments]
    return json.dumps(plain, sort_keys=True, default=repr).encode("utf-8", "replace")


def repeats(actions: Iterable[Action]) -> bool:
    """True where the last three actions are the same; thoughts count like any other."""
    last = [fingerprint(action) for action in actions][-LIMIT:]
    return len(last) == LIMIT and len(set(last)) == 1
