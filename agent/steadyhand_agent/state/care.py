"""What a person does with the sessions that are kept: search, export, import, delete; and how long.

Owns the form of an exported session, one JSON file. Only what is over is ever deleted unasked. An
export holds the exact texts of the files that the session edited, for undo; whoever makes one is
told where there are secrets among them.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import re
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from typing import Any

import orjson

from steadyhand_agent.errors import CorruptRecord, JournalError, SessionError
from steadyhand_agent.session import OVER, SessionState
from steadyhand_agent.state.journal import Head, Journal, Record, Summary, record, verified
from steadyhand_agent.state.texts import names_in
from steadyhand_agent.workspace import Workspace, text_hash

Json = dict[str, Any]
_FORM = "steadyhand session 1"
_DAY = 86_400.0
_MEGABYTE = 1_000_000
_AROUND = 60
# As sessions and forks of them are named: it stands in file names, keys and on screen.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


async def exported(journal: Journal, session: str) -> bytes:
    """A session as one JSON file.

    Raises:
        SessionError: It is unknown.
    """
    records = await journal.records(session)
    if not records:
        raise SessionError(f"There is no session {session} here.")
    names = {name for item in records for name in names_in(item.kind, orjson.loads(item.body))}
    told: Json = {
        "form": _FORM,
        "session": session,
        "records": [_as_json(item) for item in records],
        "texts": await journal.texts(names),
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2)


def exact_texts_hold(data: bytes, hide: Callable[[str], str]) -> bool:
    """True where an export holds secrets in the texts of files, which undo needs as they are."""
    return any(hide(text) != text for text in orjson.loads(data)["texts"].values())


async def imported(journal: Journal, data: bytes, here: Json, now: float) -> str:
    """Takes an exported session in; returns its id.

    Args:
        journal: Where it is to be kept.
        data: The export.
        here: The `workspace` that it belongs to from now on, its `checkout` and its `machine`.
        now: Seconds since the epoch.

    Raises:
        SessionError: It is none, it is damaged, or a session of that id is here already.
    """
    try:
        told = orjson.loads(data)
        if told["form"] != _FORM:
            raise SessionError(f"This is an export of another form ({told['form']}).")
        session = str(told["session"])
        records = [_from_json(entry) for entry in told["records"]]
        texts = {str(name): str(text) for name, text in told["texts"].items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SessionError(f"This is no exported session ({error}).") from error
    if not _ID.fullmatch(session) or any(item.session != session for item in records):
        raise SessionError("This is no exported session: its records are of another one.")
    if await journal.head(session) is not None:
        raise SessionError(f"Session {session} is here already; delete it first.")
    first = Head(records[0].seq - 1, 0, records[0].prev) if records else Head(0, 0, "")
    good, broken = verified(records, first)
    if broken is not None or not good:
        raise SessionError(f"The export is damaged: {broken or 'it holds no record'}")
    if any(text_hash(text) != name for name, text in texts.items()):
        raise SessionError("The export is damaged: a text is not the one that it was.")
    state = SessionState(id=session)
    try:
        for item in good:
            state.take(item, texts)
        _within(state)
    except (CorruptRecord, LookupError, TypeError, ValueError, AttributeError) as error:
        # Whoever wrote it by hand can give everything a checksum that fits.
        raise SessionError(f"The export is damaged: {error}") from error
    last = record(session, state.head, "lease", here, fence=state.fence, at=now)
    state.take(last)
    try:
        for item in (*good, last):
            own = {n: texts[n] for n in names_in(item.kind, orjson.loads(item.body)) if n in texts}
            await journal.append(item, state.to_summary(), own)
    except JournalError:
        # On a full disk: a half of it would stand in the way of all of it.
        with contextlib.suppress(JournalError):
            await journal.delete(session)
        raise
    return session


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """Where a session speaks of what is looked for.

    Attributes:
        session: Its summary.
        kind, round: What kind of record, in which round.
        around: The words with a little of what stands around them, in one line.
    """

    session: Summary
    kind: str
    round: int
    around: str


async def search(
    journal: Journal,
    words: str,
    workspaces: Collection[str] | None = None,
    only: Collection[str] | None = None,
) -> AsyncIterator[Found]:
    """The places where sessions say all of some words, the newest session first.

    Args:
        journal: Where they are kept.
        words: All of them, in any order.
        workspaces: The names of a workspace; None for all.
        only: The ids of those that are looked at; None for all.

    Only what was said and done is looked at, in the form in which it was kept: secrets are hidden.
    """
    wanted = [word.casefold() for word in words.split()]
    if not wanted:
        return
    for summary in await journal.sessions(workspaces):
        if only is not None and summary.session not in only:
            continue
        number = 0
        for item in await journal.records(summary.session):
            number += item.kind == "reply"
            said = " ".join(strings(searched(orjson.loads(item.body))))
            low = said.casefold()
            if all(word in low for word in wanted):
                at = low.index(wanted[0])
                piece = said[max(0, at - _AROUND) : at + len(wanted[0]) + _AROUND]
                around = re.sub(r"\s+", " ", piece).strip()
                yield Found(summary, item.kind, number, around)


async def retire(
    journal: Journal, now: float, keep_days: float, keep_megabytes: float
) -> list[str]:
    """Deletes sessions that are over and old, and the oldest ones where all take too much.

    Args:
        journal: Where they are kept.
        now: Seconds since the epoch.
        keep_days: How long one is kept after it last changed; 0 keeps them for ever.
        keep_megabytes: How much all may take (10^6 bytes); 0 sets no limit.

    Returns:
        The ids of those that were deleted.
    """
    kept = await journal.sessions()
    over = [one for one in kept if one.state in OVER]
    # Where even the newest seems that old, it is the clock that may be wrong, or a long absence:
    # days are counted again once something is done here.
    counted = keep_days > 0 and any(now - one.updated <= keep_days * _DAY for one in kept)
    gone: list[str] = []
    for summary in reversed(over):
        old = counted and now - summary.updated > keep_days * _DAY
        full = keep_megabytes > 0 and await journal.size() > keep_megabytes * _MEGABYTE
        if not (old or full):
            break
        if await journal.delete(summary.session):
            gone.append(summary.session)
    return gone


def searched(body: Json) -> Json:
    """What of a record's body a search looks at.

    A project's conventions are no session's words: all of them would be found by each of those.
    """
    task: Json | None = body.get("task")
    return body | {"task": task | {"conventions": []}} if task else body


def strings(value: Any) -> list[str]:
    """Every text of a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]  # pyright: ignore[reportUnknownVariableType]
    return []


def _as_json(item: Record) -> Json:
    told = dataclasses.asdict(item)
    told["body"] = base64.b64encode(item.body).decode()
    return told


def _from_json(entry: Json) -> Record:
    values: Json = entry | {"body": base64.b64decode(entry["body"], validate=True)}
    item = Record(**values)
    numbers: list[Any] = [item.seq, item.fence, item.schema, item.crc]
    if not all(isinstance(one, int) and 0 <= one < 2**53 for one in numbers) or item.schema < 1:
        raise ValueError("a number in it is none of a record's")
    return item


def _within(state: SessionState) -> None:
    """Refuses a session of which a file lies outside of every workspace.

    Raises:
        PathRefused: One does.
    """
    anywhere = Workspace([Path("/")])
    for path in {*state.texts, *(patch.path for patch in (*state.applied, *state.writing))}:
        anywhere.normal(path)
