"""The archive: every session's records and last snapshot in PostgreSQL, searchable.

Owns its tables, their form and their migrations. It is fed in order by the outbox, and never the
only copy while a session runs. Bodies are JSONB, whose bytes PostgreSQL chooses, so each carries a
digest of the text that PostgreSQL gives back; what does not match is as good as absent.
"""

from __future__ import annotations

import hashlib
import logging
import re
import zlib
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import zstandard

from steadyhand_agent.errors import JournalError
from steadyhand_agent.state.care import searched, strings
from steadyhand_agent.state.journal import MOST_UNPACKED, Head, Record, Summary, opened_up
from steadyhand_agent.state.tier import SECONDS, Checkpoint, Pushed

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

log = logging.getLogger(__name__)

Json = dict[str, Any]

# A generated tsvector over more than 1 MB of lexemes fails the whole INSERT (measured with 18).
_MOST_SAID = 200_000
_AROUND = 60
# Any number that is always the same: two daemons must not upgrade at once.
_LOCK = 7_301_945_112

_STEPS = (
    """
    CREATE TABLE steadyhand_sessions (
        id text PRIMARY KEY,
        workspace text NOT NULL,
        fence bigint NOT NULL DEFAULT 0,
        seq bigint NOT NULL DEFAULT 0,
        digest text NOT NULL DEFAULT '',
        updated timestamptz NOT NULL DEFAULT now(),
        summary jsonb NOT NULL DEFAULT '{}',
        snapshot bytea,
        holder text NOT NULL DEFAULT '',
        held_until timestamptz NOT NULL DEFAULT '-infinity'
    );
    CREATE INDEX steadyhand_sessions_by_workspace
        ON steadyhand_sessions (workspace, updated DESC);
    CREATE TABLE steadyhand_records (
        session text NOT NULL REFERENCES steadyhand_sessions (id) ON DELETE CASCADE,
        seq bigint NOT NULL,
        round int NOT NULL,
        fence bigint NOT NULL,
        kind text NOT NULL,
        schema int NOT NULL,
        at timestamptz NOT NULL,
        prev text NOT NULL,
        digest text NOT NULL,
        body jsonb NOT NULL,
        sum bytea NOT NULL,
        said text NOT NULL,
        words tsvector GENERATED ALWAYS AS (to_tsvector('simple', said)) STORED,
        PRIMARY KEY (session, seq)
    );
    CREATE INDEX steadyhand_records_by_words ON steadyhand_records USING gin (words);
    """,
)
VERSION = len(_STEPS)

_PUT_RECORD = """
INSERT INTO steadyhand_records
    (session, seq, round, fence, kind, schema, at, prev, digest, body, sum, said)
VALUES (%s, %s, %s, %s, %s, %s, to_timestamp(%s), %s, %s, %s::jsonb,
        sha256(convert_to((%s::jsonb)::text, 'UTF8')), %s)
ON CONFLICT (session, seq) DO NOTHING
"""
_PUT_SESSION = """
INSERT INTO steadyhand_sessions (id, workspace, fence, seq, digest, updated, summary, snapshot)
VALUES (%s, %s, %s, %s, %s, to_timestamp(%s), %s::jsonb, %s)
ON CONFLICT (id) DO UPDATE SET workspace = excluded.workspace, fence = excluded.fence,
    seq = excluded.seq, digest = excluded.digest, updated = excluded.updated,
    summary = excluded.summary, snapshot = excluded.snapshot
"""
_TAKE = """
INSERT INTO steadyhand_sessions (id, workspace, fence, holder, held_until)
VALUES (%(id)s, '', %(least)s, %(holder)s, now() + make_interval(secs => %(seconds)s))
ON CONFLICT (id) DO UPDATE SET fence = greatest(steadyhand_sessions.fence + 1, excluded.fence),
    holder = excluded.holder, held_until = excluded.held_until
RETURNING fence
"""
_RENEW = """
INSERT INTO steadyhand_sessions (id, workspace, fence, holder, held_until)
VALUES (%(id)s, '', %(fence)s, %(holder)s, now() + make_interval(secs => %(seconds)s))
ON CONFLICT (id) DO UPDATE SET fence = excluded.fence, holder = excluded.holder,
    held_until = excluded.held_until
WHERE steadyhand_sessions.fence <= excluded.fence
RETURNING fence
"""
_SEARCH = """
SELECT s.summary::text, r.kind, r.round, r.said
FROM steadyhand_records r JOIN steadyhand_sessions s ON s.id = r.session
WHERE r.words @@ websearch_to_tsquery('simple', %s) AND s.workspace = ANY(%s)
ORDER BY r.at DESC LIMIT %s
"""


class PostgresTier:
    """A `Tier` on PostgreSQL 12 or newer.

    Args:
        url: `postgresql://`, as libpq takes it.

    Raises:
        JournalError: The address is none.
    """

    name = "PostgreSQL"
    bytes_at_most = 50_000_000
    lifetime = 0.0

    def __init__(self, url: str) -> None:
        import psycopg_pool as _pool  # Its absence is said before a session counts on it.
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        try:
            given = conninfo_to_dict(url)
            self._conninfo = make_conninfo(url, connect_timeout=2, application_name="steadyhand")
            parts = urlsplit(url)
        except (ProgrammingError, ValueError) as error:
            raise JournalError("`archive_url` is not usable; write postgresql://….") from error
        where = f"{parts.hostname or ''}:{parts.port or ''}{parts.path}?{given.get('host', '')}"
        self.id = f"postgres:{hashlib.blake2b(where.encode(), digest_size=6).hexdigest()}"
        self._opened: AsyncConnectionPool[AsyncConnection[Any]] | None = None
        self._ready = False
        self._pool_of = _pool.AsyncConnectionPool

    @asynccontextmanager
    async def _work(self) -> AsyncGenerator[AsyncConnection[Any]]:
        """A connection in a transaction, the tables in today's form."""
        if self._opened is None:
            make = self._pool_of
            self._opened = make(
                self._conninfo,
                min_size=0,
                max_size=3,
                timeout=SECONDS,
                max_idle=60,
                reconnect_timeout=1,
                check=make.check_connection,
                # Behind a pooler the next statement may go to another connection.
                kwargs={"prepare_threshold": None},
                open=False,
                name="steadyhand",
            )
            await self._opened.open()
        async with self._opened.connection() as connection:
            # A statement that hangs in the server must not outlive the call that gave it up. Not
            # as an option of the connection: a pooler such as PgBouncer refuses those.
            await connection.execute("SET LOCAL statement_timeout = '20s'")
            if not self._ready:
                await _upgrade(connection)
                self._ready = True
            yield connection

    async def push(
        self, checkpoint: Checkpoint, expected: Head | None, *, replace: bool = False
    ) -> Pushed:
        """Keeps a checkpoint in one transaction; see `Tier.push`."""
        head, session = checkpoint.head, checkpoint.summary.session
        async with self._work() as db:
            cursor = await db.execute(
                "SELECT seq, fence, digest FROM steadyhand_sessions WHERE id = %s FOR UPDATE",
                (session,),
            )
            row = await cursor.fetchone()
            stands = Head(*row) if row and row[0] else None
            if row and row[1] > head.fence:
                return Pushed("stale", Head(row[0], row[1], row[2]))
            place = (stands.seq, stands.digest) if stands else None
            if place == (head.seq, head.digest):
                return Pushed("kept", stands)
            if place != ((expected.seq, expected.digest) if expected else None):
                return Pushed("other", stands)
            if replace:
                await db.execute("DELETE FROM steadyhand_records WHERE session = %s", (session,))
            summary = checkpoint.summary
            await db.execute(
                _PUT_SESSION,
                (
                    session, summary.workspace, head.fence, head.seq, head.digest, summary.updated,
                    _escaped(summary.as_json()), _sealed(checkpoint.state),
                ),
            )  # fmt: skip
            rows = list(_rows(checkpoint.records, checkpoint.state))
            if rows:
                async with db.cursor() as many:
                    await many.executemany(_PUT_RECORD, rows)
        return Pushed("kept", head)

    async def fetch(self, session: str) -> Checkpoint | None:
        """The snapshot; the records stay where they are searched. See `Tier.fetch`."""
        async with self._work() as db:
            cursor = await db.execute(
                "SELECT seq, fence, digest, summary::text, snapshot FROM steadyhand_sessions "
                "WHERE id = %s",
                (session,),
            )
            row = await cursor.fetchone()
        if row is None or row[4] is None:
            return None
        seq, fence, digest, summary, snapshot = row
        try:
            state = _opened(snapshot)
            if (state["seq"], state["digest"]) != (seq, digest):
                raise ValueError("its parts are of different times")
            told = Summary.from_json(_unescaped(orjson.loads(summary)))
        except (ValueError, KeyError, TypeError, zstandard.ZstdError, MemoryError) as error:
            log.warning("session %s in PostgreSQL is damaged (%s); not used", session, error)
            return None
        return Checkpoint(Head(seq, fence, digest), told, state, ())

    async def records(self, session: str) -> list[Record]:
        """The records of a session as they left its machine, those that are whole, in order."""
        async with self._work() as db:
            cursor = await db.execute(
                "SELECT seq, fence, kind, schema, extract(epoch FROM at)::float8, prev, digest, "
                "body::text, sum FROM steadyhand_records WHERE session = %s ORDER BY seq",
                (session,),
            )
            rows = await cursor.fetchall()
        found: list[Record] = []
        for seq, fence, kind, schema, at, prev, digest, text, total in rows:
            if hashlib.sha256(text.encode()).digest() != bytes(total):
                log.warning("record %d of session %s in PostgreSQL is damaged", seq, session)
                continue
            body = orjson.dumps(_unescaped(orjson.loads(text)))
            crc = zlib.crc32(body)
            found.append(Record(session, seq, fence, kind, schema, at, prev, body, digest, crc))
        return found

    async def fence(self, session: str) -> int:
        """The newest fence; see `Tier.fence`."""
        async with self._work() as db:
            cursor = await db.execute(
                "SELECT fence FROM steadyhand_sessions WHERE id = %s", (session,)
            )
            row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def take(self, session: str, least: int, holder: str, seconds: float) -> int:
        """A new fence and the lease; see `Tier.take`."""
        given = {"id": session, "least": least, "holder": holder, "seconds": seconds}
        async with self._work() as db:
            row = await (await db.execute(_TAKE, given)).fetchone()
        assert row is not None
        return int(row[0])

    async def renew(self, session: str, fence: int, holder: str, seconds: float) -> bool:
        """Prolongs a lease; see `Tier.renew`."""
        given = {"id": session, "fence": fence, "holder": holder, "seconds": seconds}
        async with self._work() as db:
            return await (await db.execute(_RENEW, given)).fetchone() is not None

    async def held(self, session: str) -> str:
        """Who holds the lease now; see `Tier.held`."""
        async with self._work() as db:
            cursor = await db.execute(
                "SELECT holder FROM steadyhand_sessions WHERE id = %s AND held_until > now()",
                (session,),
            )
            row = await cursor.fetchone()
        return str(row[0]) if row else ""

    async def sessions(self, workspaces: Collection[str]) -> list[Summary]:
        """The sessions of a workspace; see `Tier.sessions`."""
        async with self._work() as db:
            cursor = await db.execute(
                "SELECT summary::text FROM steadyhand_sessions WHERE workspace = ANY(%s) "
                "AND seq > 0 ORDER BY updated DESC LIMIT 500",
                (list(workspaces),),
            )
            rows = await cursor.fetchall()
        return [Summary.from_json(_unescaped(orjson.loads(row[0]))) for row in rows]

    async def search(
        self, words: str, workspaces: Collection[str], most: int = 200
    ) -> list[tuple[Summary, str, int, str]]:
        """The newest records that say all of some words, as a search engine reads them.

        Returns:
            Summary of the session, kind of the record, its round, and what stands around.
        """
        async with self._work() as db:
            cursor = await db.execute(_SEARCH, (_plain(words), list(workspaces), most))
            rows = await cursor.fetchall()
        first = (words.split() or [""])[0].strip('"-').casefold()
        found: list[tuple[Summary, str, int, str]] = []
        for summary, kind, number, said in rows:
            at = max(0, said.casefold().find(first))
            around = said[max(0, at - _AROUND) : at + len(first) + _AROUND]
            told = Summary.from_json(_unescaped(orjson.loads(summary)))
            found.append((told, kind, number, re.sub(r"\s+", " ", around).strip()))
        return found

    async def retire(self, days: float) -> int:
        """Deletes sessions that nothing was written to for so many days; returns how many."""
        async with self._work() as db:
            cursor = await db.execute(
                "DELETE FROM steadyhand_sessions WHERE updated < now() - make_interval(secs => %s) "
                "AND held_until < now()",
                (days * 86_400,),
            )
            return cursor.rowcount

    async def delete(self, session: str) -> bool:
        """Forgets a session; see `Tier.delete`."""
        async with self._work() as db:
            cursor = await db.execute("DELETE FROM steadyhand_sessions WHERE id = %s", (session,))
            return cursor.rowcount > 0

    async def health(self) -> list[str]:
        """What a person should know; see `Tier.health`."""
        async with self._work() as db:
            row = await (await db.execute("SELECT pg_is_in_recovery()")).fetchone()
        return ["PostgreSQL is a replica that takes no writes."] if row and row[0] else []

    async def ping(self) -> None:
        """Answers, or raises."""
        async with self._work() as db:
            await db.execute("SELECT 1")

    async def close(self) -> None:
        """Closes the connections."""
        pool, self._opened = self._opened, None
        if pool is not None:
            await pool.close(timeout=1)


async def _upgrade(db: AsyncConnection[Any]) -> None:
    """Brings the tables into today's form.

    Raises:
        JournalError: A newer Steadyhand made them.
    """
    await db.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    await db.execute("CREATE TABLE IF NOT EXISTS steadyhand_form (version int NOT NULL)")
    row = await (await db.execute("SELECT max(version) FROM steadyhand_form")).fetchone()
    version = int(row[0]) if row and row[0] else 0
    if version > VERSION:
        raise JournalError(
            f"The archive was written by a newer Steadyhand (form {version}, this one reads "
            f"{VERSION}); it was left untouched. Install a newer version to use it."
        )
    for number, step in enumerate(_STEPS[version:], version + 1):
        await db.execute(step)  # pyright: ignore[reportArgumentType, reportCallIssue]
        await db.execute("INSERT INTO steadyhand_form VALUES (%s)", (number,))
    await db.commit()


def _rows(records: Sequence[Record], state: Json) -> Iterator[tuple[Any, ...]]:
    starts: list[int] = state.get("round_starts", [])
    for record in records:
        body = orjson.loads(record.body)
        told = _escaped(body)
        said = _plain(" ".join(strings(searched(body))))[:_MOST_SAID]
        number = sum(start <= record.seq for start in starts)
        yield (
            record.session, record.seq, number, record.fence, record.kind, record.schema, record.at,
            record.prev, record.digest, told, told, said,
        )  # fmt: skip


def _plain(text: str) -> str:
    """Text that PostgreSQL takes: without NUL and lone surrogates."""
    return re.sub("[\0\ud800-\udfff]", " ", text)


# JSONB refuses \u0000: it is written as this private character and a digit, which can be undone.
_MARK = "\uf8ff"


def _escaped(value: Any) -> str:
    return orjson.dumps(_mapped(value, _out)).decode()


def _unescaped(value: Any) -> Any:
    return _mapped(value, _back)


def _out(text: str) -> str:
    return text.replace(_MARK, f"{_MARK}1").replace("\0", f"{_MARK}0")


def _back(text: str) -> str:
    return text.replace(f"{_MARK}0", "\0").replace(f"{_MARK}1", _MARK)


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [_mapped(part, change) for part in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {change(key): _mapped(part, change) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def _sealed(state: Json) -> bytes:
    body = zstandard.compress(orjson.dumps(state), 3)
    return b"%08x" % zlib.crc32(body) + body


def _opened(data: bytes, most: int = MOST_UNPACKED) -> Json:
    data = bytes(data)
    if zlib.crc32(data[8:]) != int(data[:8], 16):
        raise ValueError("its checksum does not match")
    return orjson.loads(opened_up(data[8:], most))
