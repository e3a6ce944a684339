"""The local journal: SQLite in WAL mode with full synchronisation, written by one owned thread.

Owns the file and its connection. Everything that is queued while a transaction runs is committed
together in the next one. The `apsw` wheel brings a current SQLite: the one that Python was built
with may have the WAL-reset bug that was mended in 3.51.3.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import queue
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import apsw
import orjson
import zstandard

from steadyhand_agent.errors import JournalError, StaleWriter
from steadyhand_agent.state import sqlite_schema
from steadyhand_agent.state.journal import Head, Record, Summary, packed, unpacked
from steadyhand_agent.workspace import text_hash

log = logging.getLogger(__name__)

T = TypeVar("T")

_COLUMNS = "session, seq, fence, kind, schema, at, prev, body, digest, crc"

_Job = tuple[Callable[[apsw.Connection], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class SqliteJournal:
    """A `Journal` and a `Ledger` in one file, safe with several processes on it.

    Args:
        path: The file; its folder is made, private to the user.

    Attributes:
        notice: What the person must know of the file; empty where all is well.
        tell: Says what they must know of it later; called on the event loop.

    Raises:
        JournalError: It cannot be opened, or a newer Steadyhand wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tell: Callable[[str], None] = log.warning
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._connection, self.notice = sqlite_schema.opened(path)
        except (OSError, apsw.Error) as error:
            raise _not_opened(path, error) from error
        self._place = sqlite_schema.place(path)
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._thread.start()

    async def append(
        self, item: Record, summary: Summary, texts: Mapping[str, str] | None = None
    ) -> None:
        """Keeps a record; see `Journal.append`."""

        def job(db: apsw.Connection) -> None:
            _append(db, item, summary)
            # Packed here: a caller that waited for it could be cancelled before this is queued.
            for name, text in (texts or {}).items():
                data = zstandard.compress(text.encode("utf-8", "surrogatepass"), 3)
                db.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (name, data))
                users = "INSERT OR IGNORE INTO text_users VALUES (?, ?)"
                db.execute(users, (name, item.session))

        await self._do(job)

    async def texts(self, names: Collection[str]) -> dict[str, str]:
        """Texts by their hashes; see `Journal.texts`."""
        wanted = list(names)

        def job(db: apsw.Connection) -> list[tuple[str, bytes]]:
            found: list[tuple[str, bytes]] = []
            for name in wanted:
                row = db.execute("SELECT data FROM texts WHERE name = ?", (name,)).fetchone()
                if row is not None:
                    found.append((name, row[0]))
            return found

        return await asyncio.to_thread(_unpacked, await self._do(job)) if wanted else {}

    async def records(self, session: str, after: int = 0) -> list[Record]:
        """A session's records in order, those after a place."""
        rows = await self._do(
            lambda db: list(
                db.execute(
                    f"SELECT {_COLUMNS} FROM records WHERE session = ? AND seq > ? ORDER BY seq",  # noqa: S608
                    (session, after),
                )
            )
        )
        return [_read(row) for row in rows]

    async def head(self, session: str) -> Head | None:
        """The last record's place; None for an unknown session."""
        row = await self._do(
            lambda db: db.execute(
                "SELECT seq, fence, digest FROM sessions WHERE id = ?", (session,)
            ).fetchone()
        )
        return Head(*row) if row else None

    async def take(self, session: str, least: int = 0, holder: str = "", until: float = 0.0) -> int:
        """A new, higher fence; see `Journal.take`."""

        def job(db: apsw.Connection) -> int:
            row = db.execute(
                "UPDATE sessions SET fence = max(fence + 1, ?), holder = ?, until = ? "
                "WHERE id = ? RETURNING fence",
                (least, holder, until, session),
            ).fetchone()
            if row is None:
                raise JournalError(f"There is no session {session} in {self.path}.")
            return int(row[0])

        return await self._do(job)

    async def renew(self, session: str, fence: int, holder: str, until: float) -> bool:
        """Prolongs a lease; see `Journal.renew`."""

        def job(db: apsw.Connection) -> bool:
            row = db.execute(
                "UPDATE sessions SET holder = ?, until = ? WHERE id = ? AND fence = ? RETURNING id",
                (holder, until, session, fence),
            ).fetchone()
            return row is not None

        return await self._do(job)

    async def held(self, session: str) -> tuple[str, float]:
        """Who holds the lease, and until when; see `Journal.held`."""
        row = await self._do(
            lambda db: db.execute(
                "SELECT holder, until FROM sessions WHERE id = ?", (session,)
            ).fetchone()
        )
        return (str(row[0]), float(row[1])) if row else ("", 0.0)

    async def roll_back(self, session: str, seq: int, why: str) -> None:
        """Puts records aside, with the bytes as they are; see `Journal.roll_back`."""

        def job(db: apsw.Connection) -> None:
            after = (session, seq)
            look = f"SELECT {_COLUMNS} FROM records WHERE session = ? AND seq > ?"  # noqa: S608
            for row in list(db.execute(look, after)):
                kept = orjson.dumps([str(v) if not isinstance(v, bytes) else v.hex() for v in row])
                put = "INSERT INTO quarantined VALUES (?, ?, ?, ?, ?)"
                db.execute(put, (session, row[1], time.time(), why, kept))
            db.execute("DELETE FROM records WHERE session = ? AND seq > ?", after)
            last = db.execute(
                "SELECT seq, digest FROM records WHERE session = ? ORDER BY seq DESC LIMIT 1",
                (session,),
            ).fetchone()
            if last is None:
                _forget(db, session)
                return
            db.execute("UPDATE sessions SET seq = ?, digest = ? WHERE id = ?", (*last, session))
            db.execute("UPDATE delivered SET seq = 0 WHERE session = ? AND seq > ?", after)

        await self._do(job)

    async def behind(self, tier: str) -> list[str]:
        """The sessions that another store lacks something of; see `Journal.behind`."""
        rows = await self._do(
            lambda db: list(
                db.execute(
                    "SELECT id FROM sessions LEFT JOIN delivered ON id = session AND tier = ? "
                    "WHERE delivered.digest IS NOT sessions.digest ORDER BY updated",
                    (tier,),
                )
            )
        )
        return [str(row[0]) for row in rows]

    async def delivered(self, tier: str, session: str) -> tuple[int, str]:
        """How far another store knows a session; see `Journal.delivered`."""
        row = await self._do(
            lambda db: db.execute(
                "SELECT seq, digest FROM delivered WHERE tier = ? AND session = ?", (tier, session)
            ).fetchone()
        )
        return (int(row[0]), str(row[1])) if row else (0, "")

    async def deliver(self, tier: str, session: str, seq: int, digest: str) -> None:
        """Keeps how far another store knows a session; see `Journal.deliver`."""

        def job(db: apsw.Connection) -> None:
            put = "INSERT OR REPLACE INTO delivered VALUES (?, ?, ?, ?)"
            db.execute(put, (tier, session, seq, digest))

        await self._do(job)

    async def sessions(self, workspaces: Collection[str] | None = None) -> list[Summary]:
        """All sessions, or those of a workspace by any of its names, the newest first."""
        given = tuple(workspaces or ())
        where = "" if workspaces is None else f"WHERE workspace IN ({', '.join('?' * len(given))})"
        rows = await self._do(
            lambda db: list(
                db.execute(
                    f"SELECT summary FROM sessions {where} ORDER BY updated DESC",  # noqa: S608
                    given,
                )
            )
        )
        return [Summary.from_json(orjson.loads(row[0])) for row in rows]

    async def delete(self, session: str) -> bool:
        """Forgets a session; see `Journal.delete`."""

        def job(db: apsw.Connection) -> bool:
            if db.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone() is None:
                return False
            _forget(db, session)
            db.execute("DELETE FROM quarantined WHERE session = ?", (session,))
            return True

        return await self._do(job)

    async def size(self) -> int:
        """Bytes in use; see `Journal.size`."""

        def job(db: apsw.Connection) -> int:
            names = ("page_count", "freelist_count", "page_size")
            rows: list[Any] = [db.execute(f"PRAGMA {name}").fetchone() for name in names]
            pages, free, size = (int(row[0]) for row in rows)
            return (pages - free) * size

        return await self._do(job)

    async def spent(self, workspace: str, day: str) -> int:
        """Tokens of a day; see `Ledger.spent`."""
        return await self._do(lambda db: _spent(db, workspace, day))

    async def spend(self, workspace: str, day: str, tokens: int, limit: int = 0) -> bool:
        """Adds to a day; see `Ledger.spend`."""

        def job(db: apsw.Connection) -> bool:
            after = max(0, _spent(db, workspace, day) + tokens)
            if limit and tokens > 0 and after > limit:
                return False
            db.execute("INSERT OR REPLACE INTO spending VALUES (?, ?, ?)", (workspace, day, after))
            return True

        return await self._do(job)

    async def close(self) -> None:
        """Waits for what is queued and closes the file."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    async def _do(self, job: Callable[[apsw.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._thread.is_alive():
            raise JournalError("The journal is closed; the session was not changed.")
        self._jobs.put((job, future, loop))
        # What was queued is done even if the caller is cancelled: a record is never half kept.
        return await asyncio.shield(future)

    def _serve(self) -> None:
        closing = False
        while not closing:
            jobs = [self._jobs.get()]
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            closing = None in jobs
            self._commit([job for job in jobs if job is not None])
        self._connection.close()

    def _commit(self, jobs: list[_Job], *, again: bool = False) -> None:
        """Runs jobs in one transaction; a job that fails takes back its own part alone."""
        outcomes: list[tuple[_Job, Any, Exception | None]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for entry in jobs:
                try:
                    with self._connection:
                        outcomes.append((entry, entry[0](self._connection), None))
                except sqlite_schema.DAMAGED:
                    raise
                except Exception as error:
                    # Whatever a job raises is its caller's; the thread must live on.
                    outcomes.append((entry, None, _told(error, self.path)))
            self._connection.execute("COMMIT")
            if sqlite_schema.place(self.path) != self._place:
                # What was written went into a file that nobody will look for.
                raise _ElsewhereError
        except (*sqlite_schema.DAMAGED, _ElsewhereError) as error:
            hindered = self._anew(error, jobs[0][2]) if not again else _told(error, self.path)
            if hindered is None:
                self._commit(jobs, again=True)
                return
            outcomes = [(entry, None, hindered) for entry in jobs]
        except apsw.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            outcomes = [(entry, None, _told(error, self.path)) for entry in jobs]
        for (_, future, loop), value, error in outcomes:
            loop.call_soon_threadsafe(_settle, future, value, error)

    def _anew(self, why: Exception, loop: asyncio.AbstractEventLoop) -> JournalError | None:
        """Opens what lies there now, or what is whole of a damaged file; what hinders that."""
        self._connection.close(force=True)
        notice = (
            "The journal was moved, deleted or put back from a copy while it was in use; sessions "
            "go on with the one that lies there now."
        )
        try:
            if isinstance(why, _ElsewhereError):
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
                self._connection, damage = sqlite_schema.opened(self.path)
                notice = f"{notice} {damage}".strip()
            else:
                self._connection, notice = sqlite_schema.mended(self.path, self._place, why)
            self._place = sqlite_schema.place(self.path)
        except (OSError, apsw.Error, JournalError) as error:
            # In no file at all, so the next job comes here again.
            self._connection, self._place = apsw.Connection(":memory:"), (0, 0)
            return error if isinstance(error, JournalError) else _not_opened(self.path, error)
        if notice:
            loop.call_soon_threadsafe(self.tell, notice)
        return None


class _ElsewhereError(Exception):
    """The file that was opened is no longer the one that lies at its path."""


def _forget(db: apsw.Connection, session: str) -> None:
    """Deletes a session, and the texts that no other one needs."""
    db.execute("DELETE FROM sessions WHERE id = ?", (session,))
    db.execute("DELETE FROM records WHERE session = ?", (session,))
    db.execute("DELETE FROM delivered WHERE session = ?", (session,))
    db.execute(
        "DELETE FROM texts WHERE name IN (SELECT name FROM text_users WHERE session = ?) AND "
        "NOT EXISTS (SELECT 1 FROM text_users u WHERE u.name = texts.name AND u.session <> ?)",
        (session, session),
    )
    db.execute("DELETE FROM text_users WHERE session = ?", (session,))


def _read(row: Any) -> Record:
    item = Record(*row)
    return dataclasses.replace(item, body=unpacked(item.body))


def _unpacked(rows: list[tuple[str, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, data in rows:
        try:
            # The first form packed with zlib, whose streams never begin as zstd's frames do.
            zstd = data.startswith(zstandard.FRAME_HEADER)
            bare = zstandard.decompress(data) if zstd else zlib.decompress(data)
            text = bare.decode("utf-8", "surrogatepass")
        except (zstandard.ZstdError, zlib.error, MemoryError, UnicodeDecodeError):
            continue
        if text_hash(text) == name:
            found[name] = text
    return found


def _settle(future: asyncio.Future[Any], value: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)


def _not_opened(path: Path, error: Exception) -> JournalError:
    return JournalError(
        f"The journal {path} cannot be opened ({error}); no session can start. "
        "Set STEADYHAND_STATE_DIR to a folder that can be written."
    )


def _told(error: Exception, path: Path) -> JournalError:
    if isinstance(error, JournalError):
        return error
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return JournalError(
            f"The journal {path} is locked by another program ({error}); nothing was written, and "
            "everything before is kept. Try again once that has ended, or end it."
        )
    return JournalError(
        f"The journal {path} could not be written ({error}); everything before is kept. "
        "Free some space or mend its permissions, then resume the session."
    )


def _spent(db: apsw.Connection, workspace: str, day: str) -> int:
    row = db.execute(
        "SELECT tokens FROM spending WHERE workspace = ? AND day = ?", (workspace, day)
    ).fetchone()
    return int(row[0]) if row else 0


def _append(db: apsw.Connection, item: Record, summary: Summary) -> None:
    row = db.execute(
        "SELECT seq, fence, digest FROM sessions WHERE id = ?", (item.session,)
    ).fetchone()
    seq, fence, digest = row if row is not None else (0, 0, "")
    if item.fence < fence:
        raise StaleWriter(
            f"Session {item.session} was taken over by another editor; nothing was written. "
            "Resume it here to take it back."
        )
    begins = item.kind == "snapshot" and (row is None or item.seq > seq)
    if not begins and (item.seq, item.prev) != (seq + 1, digest):
        raise JournalError(
            f"Session {item.session} stands at record {seq}, so record {item.seq} does not fit; "
            "nothing was written. Resume the session to go on from what is kept."
        )
    db.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            item.session,
            item.seq,
            item.fence,
            item.kind,
            item.schema,
            item.at,
            item.prev,
            packed(item.body),
            item.digest,
            item.crc,
        ),
    )
    db.execute(
        "INSERT INTO sessions (id, workspace, fence, seq, digest, updated, summary) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
        "workspace = excluded.workspace, fence = excluded.fence, seq = excluded.seq, "
        "digest = excluded.digest, updated = excluded.updated, summary = excluded.summary",
        (
            item.session,
            summary.workspace,
            item.fence,
            item.seq,
            item.digest,
            item.at,
            orjson.dumps({name: getattr(summary, name) for name in summary.__slots__}),
        ),
    )
