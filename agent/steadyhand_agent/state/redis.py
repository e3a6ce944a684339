"""The hot tier: a session's snapshot and last ten rounds under `agent:{session_id}` in Redis.

Owns the key's form, its time to live and its checksums. Never the only copy: the local journal is
written first, and never what must stay local: bases, undo texts, secrets (`outward`). A read
verifies every part; what does not match is as good as absent.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from steadyhand_agent.errors import JournalError
from steadyhand_agent.session import SessionState
from steadyhand_agent.state import outward
from steadyhand_agent.state.journal import Record

log = logging.getLogger(__name__)

ROUNDS = 10
MAX_BYTES = 1_000_000
# After a failure nothing is tried for so many seconds: a dead server must not slow every round.
_REST = 5.0

_FIELDS = ("session", "seq", "fence", "kind", "schema", "at", "prev", "digest", "crc")


@dataclass(frozen=True, slots=True)
class HotSession:
    """What Redis holds of a session: its state, and the records of its last rounds."""

    state: SessionState
    records: list[Record]


class RedisTier:
    """Saves and loads snapshots.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        ttl: Seconds that a session is kept after its last use.
        hiding: Gives what takes the secrets out of a text; asked once a save.

    Attributes:
        just_lost: True where the last save was the first to fail.
    """

    def __init__(self, url: str, ttl: int = 3_600, hiding: outward.Hiding = lambda: str) -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import ExponentialWithJitterBackoff

        try:
            self._redis: Any = Redis.from_url(
                url,
                socket_timeout=0.5,
                socket_connect_timeout=0.5,
                # The library's own default of ten retries also repeats what is not idempotent.
                retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.2), 2),
                health_check_interval=30,
            )
        except ValueError as error:
            raise JournalError(f"`redis_url` is not usable: {error}") from error
        self._ttl = ttl
        self._hiding = hiding
        self._closed_until = 0.0
        self.just_lost = False

    async def save(self, state: SessionState, records: list[Record]) -> bool:
        """Puts a snapshot and the records since the last save; False where Redis is away.

        Args:
            state: As of the last of `records`.
            records: In order.
        """
        self.just_lost = False
        if time.monotonic() < self._closed_until:
            return False
        hide = self._hiding()
        snapshot = _sealed(outward.of_state(state, hide))
        fields = {f"r:{r.seq:08d}": _sealed(_packed(r, hide)) for r in records}
        if sum(map(len, fields.values())) + len(snapshot) > MAX_BYTES:
            log.warning("session %s is too large for Redis; it is kept locally", state.id)
            return True
        key = _key(state.id)
        try:
            known = await self._redis.hkeys(key)
            keep = _oldest_kept(state)
            old = [name for name in known if name.startswith(b"r:") and int(name[2:]) < keep]
            async with self._redis.pipeline(transaction=True) as pipe:
                if old:
                    pipe.hdel(key, *old)
                pipe.hset(key, mapping={"snapshot": snapshot, **fields})
                pipe.expire(key, self._ttl)
                await pipe.execute()
        except Exception as error:
            self._lost(error)
            return False
        self._closed_until = 0.0
        return True

    async def load(self, session: str) -> HotSession | None:
        """What Redis holds, verified; None where it holds nothing usable or is away."""
        if time.monotonic() < self._closed_until:
            return None
        key = _key(session)
        try:
            fields: dict[bytes, bytes] = await self._redis.hgetall(key)
            await self._redis.expire(key, self._ttl)
        except Exception as error:
            self._lost(error)
            return None
        if b"snapshot" not in fields:
            return None
        try:
            state = SessionState(**_opened(fields[b"snapshot"]))
            names = sorted(name for name in fields if name.startswith(b"r:"))
            records = [_unpacked(_opened(fields[name])) for name in names]
        except (ValueError, KeyError, TypeError) as error:
            log.warning("session %s in Redis is damaged (%s); it is not used", session, error)
            return None
        return HotSession(state, records)

    async def set_aside(self, session: str, hot: HotSession) -> str:
        """Renames a history that is not ours, so that no save writes over it.

        Returns:
            The key it has now; empty where Redis is away.
        """
        name = f"{_key(session)}:fork:{hot.state.digest[:8]}"
        try:
            # The fork keeps the time to live that it had.
            await self._redis.renamenx(_key(session), name)
            await self._redis.delete(_key(session))
        except Exception as error:
            self._lost(error)
            return ""
        return name

    async def delete(self, session: str) -> bool:
        """Forgets a session; False where it was not there, or Redis is away."""
        try:
            return bool(await self._redis.delete(_key(session)))
        except Exception as error:
            self._lost(error)
            return False

    async def ping(self) -> str:
        """Empty where Redis answers, else why not."""
        try:
            await self._redis.ping()
        except Exception as error:
            return str(error) or type(error).__name__
        return ""

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose()

    def _lost(self, error: Exception) -> None:
        # Any failure of the driver is the same to a session: it goes on without.
        self.just_lost = self._closed_until == 0.0
        self._closed_until = time.monotonic() + _REST
        log.warning("Redis is away: %s", error)


def _packed(record: Record, hide: outward.Hide) -> list[Any]:
    """A record with its place and digest; its body only as far as it may leave this machine."""
    body = orjson.dumps(outward.of_body(record.kind, record.read(), hide))
    kept = dataclasses.replace(record, body=body, crc=zlib.crc32(body))
    return [*(getattr(kept, name) for name in _FIELDS), body.decode()]


def _key(session: str) -> str:
    return f"agent:{session}"


def _oldest_kept(state: SessionState) -> int:
    """The first record to keep: where the tenth round from the end began."""
    return state.round_starts[-ROUNDS] if len(state.round_starts) >= ROUNDS else 0


def _sealed(value: Any) -> bytes:
    body = orjson.dumps(value)
    return b"%08x" % zlib.crc32(body) + body


def _opened(data: bytes) -> Any:
    if zlib.crc32(data[8:]) != int(data[:8], 16):
        raise ValueError("its checksum does not match")
    return orjson.loads(data[8:])


def _unpacked(values: list[Any]) -> Record:
    *head, body = values
    return Record(**dict(zip(_FIELDS, head, strict=True)), body=body.encode())
