"""The hot tier: a session's snapshot and last ten rounds under `agent:{session_id}` in Redis.

Owns the keys' form, their time to live, their checksums, and the one script by which a session is
written: it compares place, digest and fence and sets all of them at once, so a repeated call or a
late writer changes nothing. Never the only copy: the local journal is written first. A read
verifies every part; what does not match is as good as absent.
"""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Collection
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from steadyhand_agent.errors import JournalError
from steadyhand_agent.state.journal import Head, Record, Summary, packed, unpacked
from steadyhand_agent.state.tier import FORM, Checkpoint, Pushed

log = logging.getLogger(__name__)

ROUNDS = 10
MAX_BYTES = 1_000_000
_MOST_MEMORY = 0.8
# What a value of ours can come to that was packed into a megabyte.
_MOST_UNPACKED = 64_000_000

_FIELDS = ("session", "seq", "fence", "kind", "schema", "at", "prev", "digest", "crc")

# KEYS: the session. ARGV: fence, expected seq ("" for unknown), expected digest, new seq, new
# digest, seconds to live, first record to keep, replace, then names and values.
_PUSH = """
local k = KEYS[1]
local known = redis.call('HMGET', k, 'seq', 'digest', 'fence')
local fence = tonumber(known[3] or '0')
local seq, digest = known[1] or '', known[2] or ''
local new_fence = tonumber(ARGV[1])
if fence > new_fence then return {'stale', seq, digest, tostring(fence)} end
local same = seq == ARGV[4] and digest == ARGV[5]
if not same then
  if seq ~= '' and (seq ~= ARGV[2] or digest ~= ARGV[3]) then
    return {'other', seq, digest, tostring(fence)}
  end
  if seq == '' and ARGV[2] ~= '' then return {'other', '', '', tostring(fence)} end
  local keep = tonumber(ARGV[7])
  for _, name in ipairs(redis.call('HKEYS', k)) do
    if string.sub(name, 1, 2) == 'r:' and
       (ARGV[8] == '1' or tonumber(string.sub(name, 3)) < keep) then
      redis.call('HDEL', k, name)
    end
  end
  for i = 9, #ARGV, 2 do redis.call('HSET', k, ARGV[i], ARGV[i + 1]) end
  redis.call('HSET', k, 'seq', ARGV[4], 'digest', ARGV[5])
end
redis.call('HSET', k, 'fence', ARGV[1])
redis.call('EXPIRE', k, ARGV[6])
return {'kept', ARGV[4], ARGV[5], ARGV[1]}
"""

# The server's own clock tells when a lease ends: those of two machines may differ.
# KEYS: the session. ARGV: fence (the least one, or the holder's), holder, seconds of the lease,
# seconds to live.
_TAKE = """
local k = KEYS[1]
local fence = math.max(tonumber(redis.call('HGET', k, 'fence') or '0') + 1, tonumber(ARGV[1]))
local now = redis.call('TIME')
redis.call('HSET', k, 'fence', fence, 'holder', ARGV[2], 'until', now[1] + ARGV[3])
redis.call('EXPIRE', k, ARGV[4])
return fence
"""
_RENEW = """
local k = KEYS[1]
local fence = tonumber(redis.call('HGET', k, 'fence') or '0')
if fence > tonumber(ARGV[1]) then return 0 end
local now = redis.call('TIME')
redis.call('HSET', k, 'fence', ARGV[1], 'holder', ARGV[2], 'until', now[1] + ARGV[3])
redis.call('EXPIRE', k, ARGV[4])
return 1
"""
_HELD = """
local known = redis.call('HMGET', KEYS[1], 'holder', 'until')
local now = redis.call('TIME')
if known[2] and tonumber(known[2]) > tonumber(now[1]) then return known[1] end
return ''
"""


class RedisTier:
    """A `Tier` on Redis or Valkey.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        ttl: Seconds that a session is kept after its last use.

    Raises:
        JournalError: The address is none.
    """

    name = "Redis"
    bytes_at_most = MAX_BYTES

    def __init__(self, url: str, ttl: int = 3_600) -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import ExponentialWithJitterBackoff

        try:
            self._redis: Any = Redis.from_url(
                url,
                socket_timeout=0.4,
                socket_connect_timeout=0.4,
                # The library's own default of ten retries would outlast every time limit of ours.
                retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.05), 1),
                health_check_interval=30,
            )
            parts = urlsplit(url)
            where = f"{parts.hostname or ''}:{parts.port or ''}{parts.path}"
        except ValueError as error:
            # Not in the library's words: what it takes for a port may be a password.
            raise JournalError(
                "`redis_url` is not usable; write redis://, rediss:// or unix://, and a password's "
                "special characters as %2F and the like."
            ) from error
        self.id = f"redis:{hashlib.blake2b(where.encode(), digest_size=6).hexdigest()}"
        self.lifetime = float(ttl)
        self._ttl = ttl
        self._push = self._redis.register_script(_PUSH)
        self._take = self._redis.register_script(_TAKE)
        self._renew = self._redis.register_script(_RENEW)
        self._held = self._redis.register_script(_HELD)

    async def push(
        self, checkpoint: Checkpoint, expected: Head | None, *, replace: bool = False
    ) -> Pushed:
        """Keeps a checkpoint; see `Tier.push`."""
        head, session = checkpoint.head, checkpoint.summary.session
        fields: list[str | bytes] = ["snapshot", _sealed(checkpoint.state)]
        for record in checkpoint.records:
            if record.seq >= checkpoint.keep:
                fields += [f"r:{record.seq:08d}", _sealed(_packed(record))]
        was = (str(expected.seq), expected.digest) if expected else ("", "")
        said: list[bytes] = await self._push(
            keys=[_key(session)],
            args=[
                head.fence, *was, head.seq, head.digest, self._ttl, checkpoint.keep,
                int(replace), *fields,
            ],
        )  # fmt: skip
        outcome, seq, digest, fence = (part.decode() for part in said)
        if outcome == "kept":
            await self._list(checkpoint.summary)
        stands = Head(int(seq), int(fence), digest) if seq else None
        return Pushed(cast("Any", outcome), stands)

    async def _list(self, summary: Summary) -> None:
        """Names a session where its workspace's are listed."""
        key = f"agents:{summary.workspace}"
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, summary.session, _sealed(summary.as_json()))
            pipe.expire(key, self._ttl)
            await pipe.execute()

    async def fetch(self, session: str) -> Checkpoint | None:
        """What Redis holds, verified; see `Tier.fetch`."""
        key = _key(session)
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(key)
            pipe.expire(key, self._ttl)
            fields, _ = cast("tuple[dict[bytes, bytes], Any]", await pipe.execute())
        if b"snapshot" not in fields:
            return None
        try:
            state = _opened(fields[b"snapshot"])
            names = sorted(name for name in fields if name.startswith(b"r:"))
            records = [_unpacked(_opened(fields[name])) for name in names]
            head = Head(int(fields[b"seq"]), int(fields[b"fence"]), fields[b"digest"].decode())
            if (state["seq"], state["digest"]) != (head.seq, head.digest):
                raise ValueError("its parts are of different times")
            summary = _summary(state, session)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("session %s in Redis is damaged (%s); it is not used", session, error)
            return None
        return Checkpoint(head, summary, state, records)

    async def fence(self, session: str) -> int:
        """The newest fence; see `Tier.fence`."""
        return int(await self._redis.hget(_key(session), "fence") or 0)

    async def take(self, session: str, least: int, holder: str, seconds: float) -> int:
        """A new fence and the lease; see `Tier.take`."""
        args = [least, holder, int(seconds), self._ttl]
        return int(await self._take(keys=[_key(session)], args=args))

    async def renew(self, session: str, fence: int, holder: str, seconds: float) -> bool:
        """Prolongs a lease; see `Tier.renew`."""
        args = [fence, holder, int(seconds), self._ttl]
        return bool(await self._renew(keys=[_key(session)], args=args))

    async def held(self, session: str) -> str:
        """Who holds the lease now; see `Tier.held`."""
        return (await self._held(keys=[_key(session)])).decode()

    async def sessions(self, workspaces: Collection[str]) -> list[Summary]:
        """Those that are listed and still there; see `Tier.sessions`."""
        found: list[Summary] = []
        for workspace in workspaces:
            key = f"agents:{workspace}"
            listed: dict[bytes, bytes] = await self._redis.hgetall(key)
            if not listed:
                continue
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in listed:
                    pipe.hexists(_key(name.decode()), "snapshot")
                there: list[int] = await pipe.execute()
            gone = [name for name, is_there in zip(listed, there, strict=True) if not is_there]
            if gone:
                await self._redis.hdel(key, *gone)
            for name in listed.keys() - set(gone):
                try:
                    found.append(Summary.from_json(_opened(listed[name])))
                except (ValueError, TypeError) as error:
                    log.warning("the list of %s is damaged (%s)", workspace, error)
        return found

    async def delete(self, session: str) -> bool:
        """Forgets a session; its name goes from the list when that is next read."""
        return bool(await self._redis.delete(_key(session)))

    async def health(self) -> list[str]:
        """Memory, evictions, refused writes and the policy; see `Tier.health`."""
        memory: dict[str, Any] = await self._redis.info("memory")
        stats: dict[str, Any] = await self._redis.info("stats")
        said: list[str] = []
        used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
        policy = str(memory.get("maxmemory_policy", ""))
        if most and used > most * _MOST_MEMORY:
            said.append(
                f"Redis uses {used / most:.0%} of its memory ({used // 1_000_000:,} of "
                f"{most // 1_000_000:,} MB); give it more, or sessions are refused or evicted."
            )
        if evicted := int(stats.get("evicted_keys", 0)):
            said.append(
                f"Redis has evicted {evicted:,} keys; sessions may be gone there early. The local "
                "journal keeps them."
            )
        if most and policy and policy != "noeviction":
            said.append(
                f"Redis evicts by `{policy}`, silently; set maxmemory-policy to noeviction, so "
                "that a full server says so."
            )
        errors: dict[str, Any] = await self._redis.info("errorstats")
        refused = errors.get("errorstat_OOM")
        if refused:
            count = refused.get("count", refused) if isinstance(refused, dict) else refused  # pyright: ignore[reportUnknownVariableType]
            said.append(f"Redis has refused {count} writes because its memory was full.")
        return said

    async def ping(self) -> None:
        """Answers, or raises."""
        await self._redis.ping()

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose()


def _summary(state: dict[str, Any], session: str) -> Summary:
    if state.get("form", FORM) > FORM:
        # Whoever reads it says so; here it is only not taken for damaged.
        return Summary(session, "", "paused", "", 0, 0, 0, 0, 0.0, 0.0)
    from steadyhand_agent.session import SessionState

    return SessionState(**state).to_summary()


def _packed(record: Record) -> list[Any]:
    return [*(getattr(record, name) for name in _FIELDS), record.body.decode()]


def _key(session: str) -> str:
    return f"agent:{session}"


def _sealed(value: Any) -> bytes:
    body = packed(orjson.dumps(value))
    return b"%08x" % zlib.crc32(body) + body


def _opened(data: bytes) -> Any:
    if zlib.crc32(data[8:]) != int(data[:8], 16):
        raise ValueError("its checksum does not match")
    return orjson.loads(unpacked(data[8:], _MOST_UNPACKED))


def _unpacked(values: list[Any]) -> Record:
    *head, body = values
    record = Record(**dict(zip(_FIELDS, head, strict=True)), body=body.encode())
    if zlib.crc32(record.body) != record.crc:
        raise ValueError("the checksum of a record does not match")
    return record
