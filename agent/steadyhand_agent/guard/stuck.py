"""The loop guard: identical actions, one after the other, are no progress."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from steadyhand_agent.actions import Action

LIMIT = 3


def fingerprint(action: Action) -> bytes:
    """What makes two actions the same: all but the words that explain them."""
    arguments = {k: v for k, v in action.content.items() if k != "reason"}
    return orjson.dumps([action.kind, action.tool, arguments], option=orjson.OPT_SORT_KEYS)


def repeats(actions: Iterable[Action]) -> bool:
    """True where the last three actions are the same; thoughts count like any other."""
    last = [fingerprint(action) for action in actions][-LIMIT:]
    return len(last) == LIMIT and len(set(last)) == 1
