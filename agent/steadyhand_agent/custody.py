"""Where a session belongs: to which workspace, which checkout, and which window or machine.

Owns what is asked before a session is taken from somewhere else, and the taking. Never writes a
record: whoever takes a session says so in its journal.
"""

from __future__ import annotations

import asyncio
from typing import Any

from steadyhand_agent import identity
from steadyhand_agent.errors import SessionError
from steadyhand_agent.ports import Editor
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.tiers import Store
from steadyhand_agent.workspace import Workspace

Json = dict[str, Any]


class Custody:
    """Of the sessions of one workspace, as seen from one checkout of it.

    Args:
        workspace: That checkout.
        store: Where sessions are kept.
        editor: Who asks the person.
    """

    def __init__(self, workspace: Workspace, store: Store, editor: Editor) -> None:
        self._workspace = workspace
        self._store = store
        self._editor = editor
        self._names: tuple[str, ...] = ()

    async def names(self) -> tuple[str, ...]:
        """The names under which this workspace's sessions are kept, the present one first."""
        if not self._names:
            # A sibling that asks meanwhile comes to the same.
            self._names = await asyncio.to_thread(
                identity.names, self._workspace, self._store.names
            )
        return self._names

    @property
    def here(self) -> Json:
        """This checkout, as records name it."""
        return {"checkout": str(self._workspace.root), "machine": self._store.machine}

    async def load(self, session: str) -> SessionState:
        """A session from the store.

        Raises:
            SessionError: It is unknown, or another workspace's and not for this editor.
        """
        state = await self._store.load(session)
        if state.workspace not in await self.names():
            raise SessionError(
                f"Session {session} belongs to another workspace ({state.checkout}); open that "
                "folder to go on with it. Nothing was changed."
            )
        return state

    async def ask(self, session: str, *, moving: bool) -> None:
        """Asks before a session is taken from another window, or brought here from elsewhere.

        Raises:
            SessionError: The person said no, said nothing, or was not to be asked.
        """
        state = await self.load(session)
        confirm = self._editor.confirm
        holder = await self._store.held(session)
        if holder is not None:
            question = (
                f"Session {session} is being worked on in {holder.sentence()}. Take it over? "
                "It stops there, and goes on here from its last record."
            )
            if not await confirm(question, ""):
                raise SessionError(
                    f"Session {session} is being worked on in {holder.sentence()}; nothing was "
                    "changed."
                )
        here = f"{self.here['machine']}:{self.here['checkout']}"
        if state.machine and state.place != here:
            where = state.checkout
            if state.machine != self.here["machine"]:
                where += f" on {state.machine}"
            if not moving:
                raise SessionError(
                    f"Session {session} works on {where}; resume it here first, or decide there."
                )
            question = (
                f"Session {session} was made in {where}. Go on with it in this checkout? What it "
                "proposes is carried over to the files here; what it applied there stays there."
            )
            if not await confirm(question, ""):
                raise SessionError(f"Session {session} stays in {where}; nothing was changed.")

    async def take(self, session: str) -> SessionState:
        """The session with a fence that is higher than anybody else's: it is ours to write."""
        state = await self.load(session)
        state.fence = await self._store.take(session)
        return state
