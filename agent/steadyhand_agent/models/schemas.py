"""Tools as each protocol wants them, from the flat schemas that the registry gives.

Owns the strict subset of JSON Schema: what it does not know is left out, since the tool validates
its arguments anyhow. The same tools give the same bytes every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

# Bounds of values are not in the subset; neither are titles, defaults and formats of our own.
_KEPT = frozenset({"type", "description", "enum", "const", "items", "properties", "required"})
# A request may hold so many strict tools and optional parameters; the rest goes without.
_STRICT_TOOLS = 20
_STRICT_OPTIONAL = 24


def for_messages(tools: Sequence[Json], *, strict: bool) -> list[Json]:
    """Tools for the Messages API; as many strict ones as it takes."""
    shown: list[Json] = []
    count = optional = 0
    for tool in tools:
        schema: Json = tool["input_schema"]
        more = len(schema["properties"]) - len(schema.get("required", ()))
        if strict and count < _STRICT_TOOLS and optional + more <= _STRICT_OPTIONAL:
            count, optional = count + 1, optional + more
            shown.append(tool | {"input_schema": _subset(schema), "strict": True})
        else:
            shown.append(dict(tool))
    return shown


def for_chat(tools: Sequence[Json], *, strict: bool) -> list[Json]:
    """Tools for chat completions; where strict, every parameter is required and may be null."""
    shown: list[Json] = []
    for tool in tools:
        schema: Json = tool["input_schema"]
        function: Json = {
            "name": tool["name"],
            "description": tool["description"],
            "parameters": _all_required(_subset(schema)) if strict else schema,
        }
        if strict:
            function["strict"] = True
        shown.append({"type": "function", "function": function})
    return shown


def _subset(schema: Json) -> Json:
    alternatives = [
        one
        for one in schema.get("anyOf", ())
        # An optional parameter that is absent says the same.
        if one.get("type") != "null"
    ]
    if len(alternatives) == 1:
        schema = {**{k: v for k, v in schema.items() if k != "anyOf"}, **alternatives[0]}
    found: Json = {key: value for key, value in schema.items() if key in _KEPT}
    if "items" in found:
        found["items"] = _subset(found["items"])
    if found.get("type") == "object":
        found["properties"] = {k: _subset(v) for k, v in found.get("properties", {}).items()}
        found["additionalProperties"] = False
    return found


def _all_required(schema: Json) -> Json:
    required = set(schema.get("required", ()))
    properties = {
        name: value if name in required else value | {"type": [value.get("type", "string"), "null"]}
        for name, value in schema["properties"].items()
    }
    return schema | {"properties": properties, "required": list(properties)}
