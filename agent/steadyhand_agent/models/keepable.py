"""What a model wrote, in a form that a journal can hold and an endpoint takes back.

Owns that form alone. Never changes what could be kept as it was.
"""

from __future__ import annotations

from typing import Any

_MOST_DEPTH = 100


def keepable(value: Any, depth: int = 0) -> Any:
    """A JSON value without half a surrogate pair, huge numbers or nesting without end."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 63:
        return str(value)
    if isinstance(value, dict | list) and depth > _MOST_DEPTH:
        return "(nested too deeply)"
    if isinstance(value, dict):
        return {keepable(str(k), depth): keepable(v, depth + 1) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [keepable(one, depth + 1) for one in value]  # pyright: ignore[reportUnknownVariableType]
    return value
