"""What a model may decide and what the guard may answer: Action and Verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Json = dict[str, Any]

# The argument that tells most of a call: the first of these that it has.
_TELLING = ("path", "name", "check", "text", "pattern", "code", "description", "revision")


class Action(BaseModel):
    """One decision of the model.

    Attributes:
        kind: `tool` runs a tool, `think` only records a thought, `finish` offers the proposal.
        tool: The tool's name where kind is `tool`, else empty.
        content: The tool's arguments; for `think` and `finish`, `{"text": ...}`.
        reason: Why, in the model's words.
        call_id: The reply block that this action came from; its result goes back under it.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["tool", "think", "finish"]
    tool: str = ""
    content: Json = {}
    reason: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Permit:
    """The action may be executed.

    Attributes:
        remarks: What a person should see about it, such as an override of the duplicate guard.
        note: What the model is told along with the result.
    """

    remarks: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Only a person can allow the action.

    Attributes:
        question: What they are asked.
        details: What their answer hangs on, such as a diff.
        key: What a yes is for; the same again is not asked again.
    """

    question: str
    details: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The action is not executed; `why` goes back to the model.

    Attributes:
        why: Written for the model: what is wrong and what would work.
        rule: The rule that refused, such as `duplicate`, `path` or `arguments`.
        details: What a second try is recognised by, such as the refused definitions' names.
    """

    why: str
    rule: str
    details: tuple[str, ...] = field(default=())


Verdict = Permit | Ask | Refuse


def about(arguments: Json) -> str:
    """What a call is about, in the words of the argument that tells most; empty without one."""
    return next((str(arguments[key]) for key in _TELLING if arguments.get(key)), "")
