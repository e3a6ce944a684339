"""What of a session may leave this machine: no secret, no base, nothing to undo with.

Owns the way out and the way home. Base texts stay local, so what comes home names the bases by
their hashes: where the file there is the same, the change can be used; else it cannot, and that is
said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.proposals.hunks import renewed
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Kind
from steadyhand_agent.workspace import text_hash

Json = dict[str, Any]
Hide = Callable[[str], str]
Hiding = Callable[[], Hide]

_THOUGHTS = ("thinking", "redacted_thinking")


def of_state(state: SessionState, hide: Hide) -> Json:
    """A session's state as others may hold it."""
    told: Json = _hidden(state.model_dump(mode="json"), hide)
    told |= {"bases": {}, "applied": [], "writing": [], "parked": {}}
    for kept in ("offered", "former"):
        told[kept] = _without_digests(told[kept])
    told["away"] = {
        path: text_hash(base) if base is not None else "" for path, base in state.bases.items()
    }
    return told


def of_body(kind: Kind, body: Json, hide: Hide) -> Json:
    """A record's body as others may hold it."""
    told: Json = _hidden(body, hide)
    if kind == "result":
        told["changes"] = [{"path": change["path"]} for change in body.get("changes", ())]
    if kind == "applying":
        told["patches"] = [{"path": patch["path"]} for patch in body.get("patches", ())]
    if kind == "hunks":
        told["files"] = _without_digests(body["files"])
    if kind == "rebased":
        told["files"] = dict.fromkeys(body["files"])
    return told


def home(
    state: SessionState,
    current: Callable[[str], str | None],
    reveal: Callable[[str, str], str],
) -> list[str]:
    """Completes a state that came from elsewhere with the bases of this checkout.

    Args:
        state: Changed in place.
        current: The text of a file here, or None.
        reveal: A text with the secrets of another put back; raises ToolFailed where it cannot.

    Returns:
        The paths whose changes cannot be used here.
    """
    lost: list[str] = []
    for path, digest in sorted(state.away.items()):
        base = state.bases[path] if path in state.bases else current(path) if digest else None
        new = state.texts.get(path)
        try:
            if digest and (base is None or text_hash(base) != digest):
                raise ToolFailed(f"`{path}` is another file here.")
            state.texts[path] = None if new is None else reveal(new, base or "")
            state.bases[path] = base
        except ToolFailed:
            state.texts.pop(path, None)
            state.bases.pop(path, None)
            lost.append(path)
    gone = {hunk.id for path in lost for hunk in state.offered.get(path, ())}
    for path, hunks in state.offered.items():
        # Of a file that moves neither half can be used alone.
        for hunk in hunks:
            if hunk.id in gone:
                hunk.mark = "unavailable"
        if path in state.texts:
            base, new = state.bases[path], state.texts[path]
            state.offered[path] = [renewed(hunk, base, new) for hunk in hunks]
    state.away = {}
    return lost


def _without_digests(files: Json) -> Json:
    """Hunks by path without what somebody could try guesses of a secret on."""
    return {path: [{**hunk, "digest": ""} for hunk in hunks] for path, hunks in files.items()}


def _hidden(value: Any, hide: Hide) -> Any:
    """Every text hidden, but signed thinking, which must go back to the model unchanged."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, list):
        return [_hidden(part, hide) for part in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        if value.get("type") in _THOUGHTS:  # pyright: ignore[reportUnknownMemberType]
            return value  # pyright: ignore[reportUnknownVariableType]
        return {key: _hidden(part, hide) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
