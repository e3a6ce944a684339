"""The JSON envelope: one decision a reply, for models without native tools.

Owns how a reply is read; `plain_text` owns how such a model is asked. A reply is kept verbatim in a
block of our own, `{"type": "envelope", "id": ..., "text": ...}`, so a journal says by itself how it
is to be read, and its result goes back under the block's id like any other.

Models wrap the object in fences and prose, leave commas behind, and break lines inside of strings;
that is forgiven. An object that ends early is not: half an edit is no edit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from steadyhand_agent.errors import ReplyUnreadable

Json = dict[str, Any]

_FORM = (
    '{"action": "tool", "content": {"tool": "read_file", "path": "src/app.py"}, "reason": "..."}'
)
_ONE = (
    f"Answer with one complete JSON object like {_FORM}; `action` is one of `tool`, `think` and "
    "`finish`."
)
# A string in which nothing is touched, or a comma with nothing behind it. One without an end is
# taken to the text's end, or it would be looked at anew from each quotation mark in it.
_LEFT_COMMA = re.compile(r'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|,(?=\s*[}\]])', re.DOTALL)
_THOUGHT = re.compile(r"\A\s*<think>(?:.*?</think>|.*)", re.DOTALL)
# How the models of several makers write a call where their server does not make it one.
_MARKS = (
    "<function=", "<tool_call>\n<function=", "<function_calls>", "<invoke ", "<|tool",
    "<\uff5ctool",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_BEGINNING = re.compile(r'\{\s*"[A-Za-z]')
# Models break lines inside of strings, which JSON does not allow.
_DECODER = json.JSONDecoder(strict=False)
# A reply of 4,096 tokens holds fewer; this bounds the work on one that is nothing but braces.
_MOST_BRACES = 300


@dataclass(frozen=True, slots=True)
class Envelope:
    """One decision.

    Attributes:
        kind: `tool`, `think` or `finish`.
        tool: The tool's name where kind is `tool`.
        content: Its arguments, or what is thought, or the summary.
        reason: Why.
    """

    kind: str
    tool: str
    content: Json
    reason: str


def read(text: str) -> Envelope:
    """The first decision in a reply.

    Raises:
        ReplyUnreadable: There is none; the message says what was wrong, for the model.
    """
    found = next(_decisions(text), None)
    if found is None:
        if "{" in _spoken(text):
            raise ReplyUnreadable(
                "The JSON of your reply is incomplete or broken, so nothing was executed. " + _ONE
            )
        raise ReplyUnreadable("Your reply held no JSON object, so nothing was executed. " + _ONE)
    return _envelope(found)


def several(text: str) -> bool:
    """True where a reply holds more than the one decision that counts."""
    decisions = _decisions(text)
    return next(decisions, None) is not None and next(decisions, None) is not None


def is_call(text: str) -> bool:
    """True where a text is a tool call that was written down instead of made."""
    start = _spoken(text).lstrip()
    if start.startswith(_MARKS):
        return True
    if not start.startswith(("{", "```", "<tool_call>", "[")):
        return False
    keys = next((set(found) for found in _objects(start)), set[str]())
    return bool({"action", "tool", "function", "tool_calls"} & keys) or (
        "name" in keys and bool({"arguments", "parameters", "input"} & keys)
    )


def _decisions(text: str) -> Iterator[Json]:
    return (found for found in _objects(_spoken(text)) if "action" in found)


def _spoken(text: str) -> str:
    """A reply without the thinking that some local models write before it."""
    return _THOUGHT.sub("", text, count=1)


def _objects(text: str) -> Iterator[Json]:
    """The complete objects at the top of a text, in its order."""
    at = 0
    for _ in range(_MOST_BRACES):
        at = text.find("{", at)
        if at < 0:
            return
        # Only from the brace on: a quotation mark in the prose before would turn strings inside
        # out, and a comma within a string would be lost.
        text, at = text[at:], 0
        found, end, early = _object(text)
        if found is None and _BEGINNING.match(text):
            mended = _LEFT_COMMA.sub(lambda m: m[1] or "", text)
            found, end, early = _object(mended)
            text = mended if found is not None else text
        if found is not None:
            yield found
            at = end
        elif early:
            # What is inside of an object that ends early is a part, however whole it looks.
            return
        else:
            at = 1


def _object(text: str) -> tuple[Json | None, int, bool]:
    """The object that a text begins with, where it ends, and whether the text ends before it."""
    try:
        found, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        early = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        return None, 0, early
    except (ValueError, RecursionError):
        # Nesting or a number without end; no decision looks like that.
        return None, 0, True
    return keyed(found), end, False


def _envelope(found: Json) -> Envelope:
    action = found["action"]
    if not isinstance(action, str) or not _NAME.fullmatch(action.strip()):
        raise ReplyUnreadable(
            f"`action` was {json.dumps(action)[:80]}, so nothing was executed. {_ONE}"
        )
    action = action.strip()
    kind = action.lower()
    reason = str(found.get("reason") or "")
    content = keyed(found.get("content"))
    if kind in ("think", "finish"):
        key = "text" if kind == "think" else "summary"
        said = {key: str(found.get("content") or "")} if content is None else content
        return Envelope(kind, "", said, reason or str(said.get("reason") or ""))
    if content is None:
        raise ReplyUnreadable(f"`content` was no JSON object, so nothing was executed. {_ONE}")
    inner = keyed(content.get("arguments"))
    name: Any = action
    if kind == "tool":
        name = content.pop("tool", None) or found.get("tool")
        # `name` is also an argument of a tool: it is the tool's own only where nothing else is.
        if name is None:
            name = content.get("name") if inner is not None else found.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name.strip()):
        raise ReplyUnreadable(f"`content.tool` names no tool, so nothing was executed. {_ONE}")
    arguments = content if inner is None else inner
    return Envelope("tool", name.strip(), arguments, reason or str(arguments.get("reason") or ""))


def keyed(value: Any) -> Json | None:
    """A JSON object with its keys as text; None for anything else."""
    if not isinstance(value, dict):
        return None
    return {str(key): one for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
