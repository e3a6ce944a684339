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
from steadyhand_agent.state.tier import FORM
from steadyhand_agent.workspace import text_hash, utf8

Json = dict[str, Any]
Hide = Callable[[str], str]
Hiding = Callable[[], Hide]

_THOUGHTS = ("thinking", "redacted_thinking")


def of_state(dump: Json, hide: Hide, most: int) -> Json:
    """A session's state as others may hold it.

    Args:
        dump: The state as JSON.
        hide: Takes the secrets out of a text.
        most: Bytes that the new texts of its files may take together; the largest ones stay behind,
            and are looked for by their hashes where the session comes home.
    """
    told: Json = _hidden(dump | {"bases": {}, "texts": {}}, hide)
    # Long hexadecimal texts of our own, which must not be taken for somebody's secret.
    told |= {key: dump[key] for key in ("id", "workspace", "digest", "chain")}
    told["form"] = FORM
    told |= {"applied": [], "writing": [], "parked": {}, "left": {}, "agreed": {}}
    for kept in ("offered", "former"):
        told[kept] = _without_digests(told[kept])
    told["away"] = {
        path: text_hash(base) if base is not None else "" for path, base in dump["bases"].items()
    }
    texts, away = told["texts"], told["large"] = {}, {}
    left = most
    sizes = {path: len(utf8(text)) if text else 0 for path, text in dump["texts"].items()}
    for path in sorted(sizes, key=lambda path: sizes[path]):
        text = dump["texts"][path]
        left -= sizes[path]
        if text is not None and (left < 0 or not _plain(text)):
            away[path] = text_hash(text)
        else:
            texts[path] = text and hide(text)
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
    for path, digest in state.large.items():
        # What was too large to travel may have come by git: then there is nothing left to change.
        here = current(path)
        if here is not None and text_hash(here) == digest:
            state.forget(path)
            state.away.pop(path, None)
    for path, digest in sorted(state.away.items()):
        base = state.bases[path] if path in state.bases else current(path) if digest else None
        new = state.texts.get(path)
        try:
            if digest and (base is None or text_hash(base) != digest):
                raise ToolFailed(f"`{path}` is another file here.")
            if path not in state.texts:
                raise ToolFailed(f"The new text of `{path}` was too large to travel.")
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
    state.away, state.large = {}, {}
    return lost


def _without_digests(files: Json) -> Json:
    """Hunks by path without what somebody could try guesses of a secret on."""
    return {path: [{**hunk, "digest": ""} for hunk in hunks] for path, hunks in files.items()}


def _plain(text: str) -> bool:
    """True where a text has no lone surrogate, which no store of others takes."""
    return text.isascii() or text.encode("utf-8", "surrogatepass") == utf8(text)


def _hidden(value: Any, hide: Hide) -> Any:
    """Every text hidden, but signed thinking, which must go back to the model unchanged."""
    if isinstance(value, str):
        # JSON has no lone surrogates.
        return hide(value if value.isascii() else utf8(value).decode())
    if isinstance(value, list):
        return [_hidden(part, hide) for part in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        if value.get("type") in _THOUGHTS:  # pyright: ignore[reportUnknownMemberType]
            return value  # pyright: ignore[reportUnknownVariableType]
        return {key: _hidden(part, hide) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
