"""Texts of files beside the records that tell of them: each is kept once, by its hash.

A session that edits one file ten times would otherwise keep its base ten times, and a large file
would not fit into a record. Owns which parts of a record's body are such texts. They are exact, and
leave this machine in nothing but a person's own export.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steadyhand_agent.errors import CorruptRecord
from steadyhand_agent.workspace import text_hash

Json = dict[str, Any]
_SIDES = ("base", "new")


def taken_out(kind: str, body: Json) -> tuple[Json, dict[str, str]]:
    """A body with the hashes of its texts in their place, and the texts by hash."""
    found: dict[str, str] = {}

    def out(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        name = text_hash(value)
        found[name] = value
        return {"text": name}

    return _changed(kind, body, out), found


def names_in(kind: str, body: Json) -> set[str]:
    """The hashes of the texts that a body refers to."""
    found: set[str] = set()

    def look(value: Any) -> Any:
        if isinstance(value, dict):
            found.add(str(value["text"]))  # pyright: ignore[reportUnknownArgumentType]
        return None

    _changed(kind, body, look)
    return found


def put_in(kind: str, body: Json, texts: Mapping[str, str]) -> Json:
    """A body with its texts.

    Raises:
        CorruptRecord: One of them is not there.
    """

    def back(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        name = str(value["text"])  # pyright: ignore[reportUnknownArgumentType]
        if name not in texts:
            raise CorruptRecord(f"A text of a {kind} record is missing ({name}).")
        return texts[name]

    return _changed(kind, body, back)


def _changed(kind: str, body: Json, change: Callable[[Any], Any]) -> Json:
    def sides(part: Json) -> Json:
        return {key: change(value) if key in _SIDES else value for key, value in part.items()}

    match kind:
        case "result":
            return body | {"changes": [sides(one) for one in body.get("changes", ())]}
        case "applying":
            return body | {"patches": [sides(one) for one in body.get("patches", ())]}
        case "rebased":
            files = {path: one and sides(one) for path, one in body["files"].items()}
            return body | {"files": files}
        case _:
            return body
