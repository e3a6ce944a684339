"""Leases: one writer a session, by the name under which a process holds it.

Owns who we are, who somebody else is, and the renewing of what we hold. A lease lasts 45 s and is
renewed each 15 s, as others do it; what really keeps a late writer out is the fence, which every
store checks at every write. A holder on this machine whose process is gone holds nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from steadyhand_agent.errors import SteadyhandError

log = logging.getLogger(__name__)

SECONDS = 45.0
_RENEWED_EACH = 15.0
# False where somebody has a newer fence.
Renew = Callable[[str, int], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that writes a session.

    Attributes:
        machine: Its host's name.
        pid: Its number there.
        token: Tells two of the same number apart.
    """

    machine: str
    pid: int
    token: str

    @classmethod
    def ourselves(cls) -> Holder:
        """This process, anew each time it is asked."""
        return cls(machine(), os.getpid(), secrets.token_hex(4))

    @classmethod
    def read(cls, told: str) -> Holder | None:
        """The holder that a store names; None where it names none."""
        try:
            found = orjson.loads(told)
            return cls(str(found["machine"]), int(found["pid"]), str(found["token"]))
        except (ValueError, KeyError, TypeError):
            return None

    def told(self) -> str:
        """As a store keeps it."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return orjson.dumps(named).decode()

    def gone(self) -> bool:
        """True for a process of this machine that has ended."""
        if self.machine != machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except (PermissionError, OverflowError):
            return False
        return _is_zombie(self.pid)

    def sentence(self) -> str:
        """Who it is, for a person."""
        where = "another window" if self.machine == machine() else f"a window on {self.machine}"
        return f"{where} (process {self.pid})"


def _is_zombie(pid: int) -> bool:
    """True for a process that has ended and whose parent has not asked how; told on Linux alone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text("latin-1")
    except OSError:
        return False
    # The program's name stands in brackets and may hold any of them.
    return told.rpartition(")")[2].split()[:1] in (["Z"], ["X"])


def machine() -> str:
    """This machine's name."""
    return platform.node() or "this machine"


def called(folder: Path | None) -> str:
    """What the machine was called when a state folder was made, by which checkouts are known.

    A laptop has another name in every network and a container at every start; a state folder that
    is copied brings the sessions of the old machine along.
    """
    if folder is None:
        return machine()
    file = folder / "machine"
    try:
        if known := file.read_text("utf-8").strip():
            return known
    except (OSError, ValueError):
        pass
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as kept:
            kept.write(f"{machine()}\n")
    except OSError as error:
        log.warning("the name of this machine is not remembered: %s", error)
    return machine()


class Leases:
    """What this process holds, renewed until it lets go.

    Args:
        renew: Prolongs one in every store.
        lost: Told of one that somebody else has taken.
    """

    def __init__(self, renew: Renew, lost: Callable[[str], None]) -> None:
        self._renew = renew
        self._lost = lost
        self._held: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def hold(self, session: str, fence: int) -> None:
        """Renews a lease from now on."""
        self._held[session] = fence
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._beat(), name="leases")

    def holds(self, session: str) -> bool:
        """True where this process holds it."""
        return session in self._held

    def let_go(self, session: str) -> None:
        """Renews it no more."""
        self._held.pop(session, None)

    async def close(self) -> None:
        """Renews nothing any more."""
        self._held.clear()
        if self._task is not None:
            self._task.cancel()

    async def _beat(self) -> None:
        while self._held:
            await asyncio.sleep(_RENEWED_EACH)
            for session, fence in list(self._held.items()):
                try:
                    if not await self._renew(session, fence) and self.holds(session):
                        self.let_go(session)
                        self._lost(session)
                except SteadyhandError as error:
                    # A journal that is busy or full; the fence still keeps others out.
                    log.warning("the lease of %s could not be renewed: %s", session, error)
