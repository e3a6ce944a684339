"""The tables of the local journal, and the way from each older form of them to today's.

Owns opening the file. A form that this Steadyhand does not know is left untouched; a file that is
damaged is put aside, never deleted, and what can be read of it is taken over.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

import apsw
import orjson

import steadyhand_agent
from steadyhand_agent.errors import JournalError, SteadyhandError
from steadyhand_agent.state.journal import Record, Summary, unpacked
from steadyhand_agent.state.texts import names_in

log = logging.getLogger(__name__)

# What SQLite says of a file that is none of its own, or no longer whole.
DAMAGED = (apsw.NotADBError, apsw.CorruptError)
_NETWORK = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.ceph",
        "glusterfs", "fuse.glusterfs", "lustre", "gpfs", "beegfs", "virtiofs", "vboxsf",
    }
)  # fmt: skip
# What is taken over from a damaged file, and the order in which each lies there.
_KEYS = {
    "sessions": "rowid",
    "records": "session, seq",
    "texts": "name",
    "text_users": "name, session",
    "spending": "workspace, day",
    "delivered": "tier, session",
    "quarantined": "rowid",
}

_FIRST = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    workspace TEXT NOT NULL,
    fence INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL,
    updated REAL NOT NULL,
    summary BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_workspace ON sessions (workspace, updated DESC);
CREATE TABLE IF NOT EXISTS records (
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    schema INTEGER NOT NULL,
    at REAL NOT NULL,
    prev TEXT NOT NULL,
    body BLOB NOT NULL,
    digest TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (session, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (
    name TEXT PRIMARY KEY,
    data BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spending (
    workspace TEXT NOT NULL,
    day TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (workspace, day)
) STRICT, WITHOUT ROWID;
"""

# Leases; who needs a text; how far each other store knows a session; what was damaged.
_SECOND = """
ALTER TABLE sessions ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN until REAL NOT NULL DEFAULT 0;
CREATE TABLE text_users (
    name TEXT NOT NULL,
    session TEXT NOT NULL,
    PRIMARY KEY (name, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX text_users_by_session ON text_users (session);
CREATE TABLE delivered (
    tier TEXT NOT NULL,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (tier, session)
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantined (
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    why TEXT NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE TABLE written_by (version TEXT NOT NULL) STRICT;
"""


def _to_1(db: apsw.Connection) -> None:
    db.execute(_FIRST)


def _to_2(db: apsw.Connection) -> None:
    db.execute(_SECOND)
    for row in list(db.execute("SELECT session, kind, body FROM records")):
        session, kind, body = cast("tuple[str, str, bytes]", row)
        try:
            names = names_in(kind, orjson.loads(unpacked(body)))
        except (ValueError, KeyError, TypeError):
            continue  # Damaged: it is found out when it is read.
        given = [(name, session) for name in names]
        db.executemany("INSERT OR IGNORE INTO text_users VALUES (?, ?)", given)


_STEPS: tuple[Callable[[apsw.Connection], None], ...] = (_to_1, _to_2)
VERSION = len(_STEPS)


def opened(path: Path) -> tuple[apsw.Connection, str]:
    """A connection to the journal, its tables in today's form, and what the person must know.

    Raises:
        JournalError: A newer Steadyhand wrote it.
        apsw.Error: It cannot be opened.
    """
    at = place(path)
    try:
        db = _opened(path)
    except DAMAGED as error:
        return mended(path, at, error)
    return db, _finished(path, db)


def place(path: Path) -> tuple[int, int]:
    """Which file lies there, by device and number; zeros where none does."""
    try:
        told = path.stat()
    except OSError:
        return 0, 0
    return told.st_dev, told.st_ino


def on_network(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """True where a file lies on a file system that other hosts may write, too; told on Linux."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
        there = path.resolve()
    except (OSError, RuntimeError):
        return False
    found, kind = -1, ""
    for line in lines:
        # "36 35 98:0 /root /mount/point rw … - type source options"; blanks are written \\040.
        head, _, tail = line.partition(" - ")
        fields = head.split(" ")
        if len(fields) < 5 or not tail:
            continue
        point = Path(fields[4].replace("\\040", " "))
        # The later of two at one place lies above.
        if there.is_relative_to(point) and len(point.parts) >= found:
            found, kind = len(point.parts), tail.split(" ")[0]
    return kind in _NETWORK


def mended(path: Path, at: tuple[int, int], error: Exception) -> tuple[apsw.Connection, str]:
    """A new journal in the place of a damaged one, with all that could still be read of that.

    Args:
        path: Where it lies.
        at: Which file was found damaged; another one there was mended by somebody else meanwhile.
        error: What SQLite said of it.
    """
    with _mending(path).open("ab+") as one_at_a_time:
        os.fchmod(one_at_a_time.fileno(), 0o600)
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if place(path) != at:
            return _opened(path), ""
        at_second = int(time.time())
        aside = path.with_name(f"{path.name}.damaged-{at_second}")
        while aside.exists():
            at_second += 1
            aside = path.with_name(f"{path.name}.damaged-{at_second}")
        log.error("the journal %s is damaged (%s); it is put aside as %s", path, error, aside)
        # A crash from here on is seen to by whoever opens it next.
        one_at_a_time.write(aside.name.encode())
        one_at_a_time.flush()
        os.fsync(one_at_a_time.fileno())
        # First, and only then read: who has it open sees that what is written from now on is lost.
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        path.touch(mode=0o600)
        db = _opened(path)
        return db, _taken_over(aside, db, one_at_a_time, str(error))


def _mending(path: Path) -> Path:
    """Is locked by whoever mends a journal, and names what was put aside until that is done."""
    return path.with_name(f"{path.name}.mending")


def _finished(path: Path, db: apsw.Connection) -> str:
    """Takes over what a process that died while it mended the journal did not come to."""
    file = _mending(path)
    if not file.exists() or not file.stat().st_size:
        return ""
    with file.open("ab+") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        one_at_a_time.seek(0)
        name = one_at_a_time.read().decode("utf-8", "replace")
        aside = path.with_name(Path(name).name) if name else path
        if not name or not aside.is_file():
            # Done meanwhile, or not begun: then the damage is met again.
            one_at_a_time.truncate(0)
            return ""
        return _taken_over(aside, db, one_at_a_time, "mending it was interrupted")


def _taken_over(aside: Path, db: apsw.Connection, marker: IO[bytes], why: str) -> str:
    db.execute("BEGIN IMMEDIATE")
    try:
        count = _salvaged(aside, db)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    marker.truncate(0)
    return (
        f"The journal was damaged ({why}). It was put aside as {aside.name}, and what could "
        f"still be read of it ({count:,} rows) was taken over; sessions may lack their end."
    )


def _salvaged(aside: Path, db: apsw.Connection) -> int:
    """Takes over what can still be read of a damaged journal; returns how many rows."""
    try:
        old = apsw.Connection(str(aside), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error:
        return 0

    def taken(table: str, where: str = "", *given: str) -> bool:
        """Copies rows as far as a damaged page; False where there was one."""
        try:
            rows = old.execute(f"SELECT * FROM {table} {where}", given)  # noqa: S608
            for row in rows:
                names = ", ".join(column[0] for column in rows.get_description())
                marks = ", ".join("?" * len(row))
                put = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
                db.execute(put, row)
        except apsw.Error as error:
            log.warning("of %s in %s not all could be read: %s", table, aside, error)
            return False
        return True

    for table, key in _KEYS.items():
        # From both ends, since a scan stops at the damage.
        if not taken(table, f"ORDER BY {key}"):
            taken(table, f"ORDER BY {key} DESC")
    ids = {str(row[0]) for row in db.execute("SELECT id FROM sessions")}
    ids |= {str(row[0]) for row in db.execute("SELECT DISTINCT session FROM records")}
    for session in sorted(ids):
        # One by one: where several pages are damaged, what lies between them is reached so alone.
        if not taken("records", "WHERE session = ? ORDER BY seq", session):
            taken("records", "WHERE session = ? ORDER BY seq DESC", session)
        _listed(db, session)
    old.close()
    total = " + ".join(f"(SELECT count(*) FROM {table})" for table in _KEYS)  # noqa: S608
    row = db.execute(f"SELECT {total}").fetchone()
    return int(str(row[0])) if row else 0


def _listed(db: apsw.Connection, session: str) -> None:
    """Names a session again of which only the records could be read."""
    if db.execute("SELECT 1 FROM sessions WHERE id = ?", (session,)).fetchone() is not None:
        return
    # A session is a fold of its records; it knows this package, so it is imported late.
    from steadyhand_agent.session import SessionState

    state = SessionState(id=session)
    look = "SELECT * FROM records WHERE session = ? ORDER BY seq"
    for row in list(db.execute(look, (session,))):
        item = Record(*row)
        item = replace(item, body=unpacked(item.body))
        try:
            if item.kind != "snapshot" and (item.seq, item.prev) != (state.seq + 1, state.digest):
                break
            names = names_in(item.kind, orjson.loads(item.body))
            # What the texts say is read when the session is.
            state.take(item, {name: name for name in names})
        except (SteadyhandError, ValueError, KeyError, TypeError, IndexError):
            break
    if state.seq:
        put = "INSERT INTO sessions (id, workspace, fence, seq, digest, updated, summary) VALUES "
        told = orjson.dumps({name: getattr(state.to_summary(), name) for name in Summary.__slots__})
        db.execute(
            f"{put} (?, ?, ?, ?, ?, ?, ?)",
            (session, state.workspace, state.fence, state.seq, state.digest, state.updated, told),
        )


def _opened(path: Path) -> apsw.Connection:
    db = apsw.Connection(str(path))
    try:
        db.set_busy_timeout(5_000)
        version = _version(db)
        if version > VERSION:
            raise JournalError(
                f"The journal {path} was written by a newer Steadyhand ({_writer(db)}); it was "
                "left untouched. Install that version or a newer one to open it."
            )
        # What a WAL keeps in shared memory, two hosts would not see alike: it would be damaged.
        mode = "DELETE" if on_network(path) else "WAL"
        db.execute(f"PRAGMA journal_mode = {mode}")
        db.execute("PRAGMA synchronous = FULL")
        if version < VERSION:
            _upgrade(db)
        return db
    except BaseException:
        db.close()
        raise


def _upgrade(db: apsw.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another daemon may have done it meanwhile.
        for step in _STEPS[_version(db) :]:
            step(db)
        db.execute("DELETE FROM written_by")
        db.execute("INSERT INTO written_by VALUES (?)", (steadyhand_agent.__version__,))
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _version(db: apsw.Connection) -> int:
    row = db.execute("PRAGMA user_version").fetchone()
    return int(row[0]) if row is not None else 0


def _writer(db: apsw.Connection) -> str:
    try:
        row = db.execute("SELECT version FROM written_by").fetchone()
    except apsw.Error:
        row = None
    version = _version(db)
    return f"{row[0]}, form {version}" if row else f"form {version}, this one reads {VERSION}"
