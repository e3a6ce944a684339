"""The journal: append-only records of what a session did, each chained to the one before.

Owns the record's form, its digest and its checksum. Stores keep records; they never interpret
their bodies.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import orjson
import zstandard

from steadyhand_agent.errors import CorruptRecord, JournalError
from steadyhand_agent.state.migrations import SCHEMA, upgraded

Json = dict[str, Any]

# task: what was asked · call: a reservation before the model is asked · unsent: it was never
# asked, so nothing is charged · reply: what it said ·
# verdict: the guard's word and, for a permit, the intent · result: what the tool gave ·
# round: a round is over · note: something the model is told · state: where the session stands ·
# proposal: it is offered · applying: files are about to be changed; who
# lost the session to another window learns it by this, before the first file · applied, undone,
# redone: what the editor did · hunks: what is proposed, numbered · marks: what became of hunks ·
# rebased: what is proposed moved along with the person's texts · moved: git stands elsewhere ·
# grant: the person gave more · word: what they said later ·
# compacted: rounds that the model is shown in summary from now on ·
# lease: another process took over · snapshot: a history that began on another machine
Kind = Literal[
    "task", "call", "unsent", "reply", "verdict", "result", "round", "note", "state", "proposal",
    "applying", "applied", "undone", "redone", "hunks", "marks", "rebased", "moved", "grant",
    "compacted", "lease", "word", "snapshot",
]  # fmt: skip

MAX_RECORD_BYTES = 1_000_000
# What anything that was packed may come to: a snapshot holds a whole session.
MOST_UNPACKED = 500_000_000
# A body of more bytes is kept packed.
_PACKED_FROM = 32_000
_ZSTD = zstandard.FRAME_HEADER


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a session's history.

    Attributes:
        session: The session's id.
        seq: Its place, from 1, without gaps.
        fence: The writer's number; it only grows.
        kind: What it tells.
        schema: The form of `body`.
        at: Seconds since the epoch.
        prev: Digest of the record before; empty for the first.
        body: What it tells, as orjson wrote it.
        digest: Of everything above.
        crc: CRC32 of `body`.
    """

    session: str
    seq: int
    fence: int
    kind: Kind
    schema: int
    at: float
    prev: str
    body: bytes
    digest: str
    crc: int

    def read(self) -> Json:
        """The body in today's form, once its checksum and digest have been verified.

        Raises:
            CorruptRecord: They do not match.
            JournalError: A newer Steadyhand wrote it.
        """
        if self.schema > SCHEMA:
            raise JournalError(
                f"Session {self.session} was written by a newer Steadyhand (record form "
                f"{self.schema}, this one reads {SCHEMA}); it was left untouched. "
                "Install the version that wrote it, or a newer one, to open it."
            )
        # A snapshot carries the digest of the record it stands for, so that the chain goes on.
        chained = self.kind == "snapshot" or self.digest == _digest(self)
        if zlib.crc32(self.body) != self.crc or not chained:
            raise CorruptRecord(
                f"Record {self.seq} of session {self.session} is damaged; "
                "the records before it are kept."
            )
        return upgraded(self.kind, self.schema, orjson.loads(self.body))


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a session, by which two stores are compared."""

    seq: int
    fence: int
    digest: str


def record(session: str, head: Head, kind: Kind, body: Json, *, fence: int, at: float) -> Record:
    """The record that follows `head`.

    Raises:
        JournalError: It would be larger than 1 MB.
    """
    try:
        data = orjson.dumps(body)
    except TypeError as error:
        raise JournalError(
            f"A {kind} record cannot be written down ({error}); the session was paused before it."
        ) from error
    if len(data) > MAX_RECORD_BYTES:
        where, size = _largest(body)
        raise JournalError(
            f"A {kind} record of {len(data):,} bytes is larger than the journal takes "
            f"({MAX_RECORD_BYTES:,}); most of it is `{where}` with {size:,}. The session was "
            "paused before it."
        )
    bare = Record(
        session,
        head.seq + 1,
        fence,
        kind,
        SCHEMA,
        float(at),
        head.digest,
        data,
        "",
        zlib.crc32(data),
    )
    return replace(bare, digest=_digest(bare))


def snapshot(state: Json, head: Head, session: str, at: float) -> Record:
    """A record that stands for all up to `head`, where the records themselves stayed behind."""
    data = orjson.dumps(state)
    return Record(
        session,
        head.seq,
        head.fence,
        "snapshot",
        SCHEMA,
        at,
        "",
        data,
        head.digest,
        zlib.crc32(data),
    )


def packed(data: bytes) -> bytes:
    """Bytes as a store keeps them: with zstd where they are many."""
    return zstandard.compress(data, 3) if len(data) > _PACKED_FROM else data


def unpacked(data: bytes, most: int = MOST_UNPACKED) -> bytes:
    """The bytes that were packed; what cannot be unpacked stays as it is, and fails its checksum.

    JSON never begins with the magic number by which zstd's frames are known.
    """
    if not data.startswith(_ZSTD):
        return data
    try:
        return opened_up(data, most)
    except (zstandard.ZstdError, MemoryError):
        return data


def opened_up(data: bytes, most: int) -> bytes:
    """What a frame of zstd holds.

    Raises:
        zstandard.ZstdError: It is damaged, or says that it holds more than `most`.
    """
    # Where the frame says its size, the library takes it at its word and not ours.
    if not 0 <= zstandard.frame_content_size(data) <= most:
        raise zstandard.ZstdError(f"it holds more than {most:,} bytes")
    return zstandard.decompress(data, max_output_size=most)


def _largest(value: Any, name: str = "") -> tuple[str, int]:
    """The longest text in a body, by its place, and its bytes."""
    if isinstance(value, str):
        return name, len(value.encode("utf-8", "surrogatepass"))
    parts: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list | tuple):
        parts = list(enumerate(value))  # pyright: ignore[reportUnknownArgumentType]
    found = [_largest(part, f"{name}.{key}" if name else str(key)) for key, part in parts]
    return max(found, key=lambda one: one[1], default=(name, 0))


def _digest(of: Record) -> str:
    head = f"{of.session}\0{of.seq}\0{of.fence}\0{of.kind}\0{of.schema}\0{of.at!r}\0{of.prev}\0"
    return hashlib.blake2b(head.encode() + of.body, digest_size=16).hexdigest()


def verified(records: Sequence[Record], head: Head) -> tuple[list[Record], CorruptRecord | None]:
    """The unbroken chain that follows `head`, and what broke it, if anything did."""
    good: list[Record] = []
    for item in records:
        try:
            # A snapshot stands for all before it, wherever that is kept.
            begins = item.kind == "snapshot" and (not good or item.seq > head.seq)
            if not begins and (item.seq != head.seq + 1 or item.prev != head.digest):
                raise CorruptRecord(
                    f"Session {item.session} has a gap before record {item.seq}; "
                    "the records before it are kept."
                )
            item.read()
        except CorruptRecord as error:
            return good, error
        good.append(item)
        head = Head(item.seq, item.fence, item.digest)
    return good, None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a list of sessions shows of one."""

    session: str
    workspace: str
    state: str
    prompt: str
    round: int
    max_rounds: int
    tokens: int
    max_tokens: int
    created: float
    updated: float
    # True while something that the session wrote could be taken back; or brought back.
    applied: bool = False
    reverted: bool = False
    # True while something that it proposes is open.
    proposes: bool = False
    # The checkout that it works on.
    checkout: str = ""
    machine: str = ""
    # Empty where this machine has it; else the store that alone knows it.
    only_in: str = ""

    def as_json(self) -> Json:
        """For the wire and for a store."""
        named: Json = {name: getattr(self, name) for name in self.__slots__}
        return {"id": named["session"], **named}

    @classmethod
    def from_json(cls, told: Json) -> Summary:
        """What a store kept; what a newer Steadyhand added is left out."""
        return cls(**{key: value for key, value in told.items() if key in cls.__slots__})


class Journal(Protocol):
    """A store of records that is durable when `append` returns."""

    async def append(
        self, item: Record, summary: Summary, texts: Mapping[str, str] | None = None
    ) -> None:
        """Keeps a record, and the texts that it refers to by their hashes, or neither.

        Raises:
            StaleWriter: The session has a newer writer than the record's fence.
            JournalError: It could not be kept; the session must not go on.
        """
        ...

    async def records(self, session: str, after: int = 0) -> list[Record]:
        """A session's records in order, those after a place."""
        ...

    async def texts(self, names: Collection[str]) -> dict[str, str]:
        """Texts by their hashes; those that are not there, or are damaged, are left out."""
        ...

    async def head(self, session: str) -> Head | None:
        """The last record's place; None for an unknown session."""
        ...

    async def take(self, session: str, least: int = 0, holder: str = "", until: float = 0.0) -> int:
        """A new, higher fence for a session, and its lease; older writers are refused from now on.

        Args:
            session: Its id.
            least: The fence is no less.
            holder: Who writes it from now on.
            until: When the lease ends, in seconds since the epoch.
        """
        ...

    async def renew(self, session: str, fence: int, holder: str, until: float) -> bool:
        """Prolongs a lease; False where somebody has a newer fence."""
        ...

    async def held(self, session: str) -> tuple[str, float]:
        """Who holds the lease, and until when; empty where nobody ever did."""
        ...

    async def roll_back(self, session: str, seq: int, why: str) -> None:
        """Puts the records after a place aside, so that the session goes on from there."""
        ...

    async def behind(self, tier: str) -> list[str]:
        """The sessions that another store does not know up to their last record."""
        ...

    async def delivered(self, tier: str, session: str) -> tuple[int, str]:
        """How far another store knows a session: the seq and the digest of the last record."""
        ...

    async def deliver(self, tier: str, session: str, seq: int, digest: str) -> None:
        """Keeps how far another store knows a session."""
        ...

    async def sessions(self, workspaces: Collection[str] | None = None) -> list[Summary]:
        """All sessions, or those of a workspace by any of its names, the newest first."""
        ...

    async def delete(self, session: str) -> bool:
        """Forgets a session and the texts that no other one needs; False where it is unknown."""
        ...

    async def size(self) -> int:
        """Bytes that all of it takes."""
        ...

    async def close(self) -> None:
        """Waits for what is under way and lets go of the store."""
        ...
