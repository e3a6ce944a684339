"""What one workspace runs on: its index, its findings, and the settings in force.

Sessions and what they need are in `agent`, which is imported only when one is asked for.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steadyhand_agent.errors import SettingsError
from steadyhand_agent.index.definitions import Finding
from steadyhand_agent.index.findings import Known
from steadyhand_agent.index.keeper import Keeper, Opened, Progress
from steadyhand_agent.index.store import Index
from steadyhand_agent.index.suppress import (
    BASELINE_FILE,
    Baseline,
    Shown,
    Suppression,
    read_baseline,
)
from steadyhand_agent.ports import Editor, Neighbours
from steadyhand_agent.workspace import Workspace
from steadyhand_server.settings import Settings

if TYPE_CHECKING:
    from steadyhand_agent.sessions import Sessions
    from steadyhand_server.agent import Agent


class Engine:
    """Index and findings of one workspace, and the way to its sessions.

    Must be made on the event loop.

    Args:
        roots: The workspace's folders.
        settings: In force.
        editor: Who shows and writes.
        neighbours: The editor's other language servers, where it lets us ask them.
    """

    def __init__(
        self,
        roots: list[Path],
        settings: Settings,
        editor: Editor,
        neighbours: Neighbours | None = None,
    ) -> None:
        self.settings = settings
        self.workspace = Workspace(roots, settings.allow_secret_files)
        self.index = Index()
        self.keeper = Keeper(self.workspace, self.index, cache_of(settings, self.workspace))
        self.editor = editor
        self.neighbours = neighbours
        self._baselines: dict[Path, Baseline] = {}
        self._suppression = self._settled()
        # Brings the index's buffers up to date with the open documents; the server sets it.
        self.settle: Callable[[], None] = _nothing_open
        self._agent: Agent | None = None

    @property
    def agent(self) -> Agent:
        """What sessions run on; imported and opened when it is first asked for.

        Raises:
            JournalError: The journal cannot be opened.
        """
        if self._agent is None:
            from steadyhand_server.agent import Agent

            self._agent = Agent(self)
        return self._agent

    @property
    def may_know_sessions(self) -> bool:
        """False where nothing of this machine or of a shared store could hold a session yet.

        Who only wants findings is asked for sessions, too, and should leave no trace by it.
        """
        settings = self.settings
        stores = settings.archive_url or settings.redis_url
        return bool(self._agent or stores or (settings.state_path / "journal.sqlite").exists())

    async def opened(self) -> Agent:
        """The agent; what it needs is imported beside the event loop, so that keys are answered."""
        if self._agent is None:
            await asyncio.to_thread(importlib.import_module, "steadyhand_server.agent")
        return self.agent

    @property
    def sessions(self) -> Sessions:
        """The sessions; see `agent`."""
        return self.agent.sessions

    def shown(
        self,
        path: str,
        text: str,
        known: Known | None = None,
        *,
        old: bool = False,
        as_new: bool = False,
    ) -> Shown:
        """The findings of one file that nobody has settled, for every face alike.

        Args:
            path: The file.
            text: Its text as of now.
            known: What was there before the person began; None for all of it.
            old: Look for all tiers there, too.
            as_new: Judge it as if it were new.
        """
        view = self.index.view()
        return self._suppression.shown(view, path, text, known, old=old, as_new=as_new)

    def key(self, finding: Finding, data: bytes) -> str:
        """What a finding is called from run to run; `data` is its definition's file."""
        return self._suppression.key(finding, data)

    def use_baselines(self, baselines: dict[Path, Baseline]) -> None:
        """Takes what was found before as settled, by root."""
        self._baselines = baselines
        self._suppression = self._settled()

    def read_baselines(self) -> str:
        """Takes the baselines at the roots; returns what is wrong with one, empty if all is well.

        One that cannot be used is left out, and the others count.
        """
        found: dict[Path, Baseline] = {}
        wrong = ""
        for root in self.workspace.roots:
            file = root / BASELINE_FILE
            # A link could lead anywhere, and a repository may have brought it along.
            if file.is_file() and not file.is_symlink():
                try:
                    found[root] = read_baseline(file)
                except SettingsError as error:
                    wrong = f"{error} It is left out."
        self.use_baselines(found)
        return wrong

    def _settled(self) -> Suppression:
        return Suppression(
            self.workspace,
            ignore=self.settings.ignore,
            tiers=self.settings.tiers,
            baselines=self._baselines,
        )

    def use(self, settings: Settings) -> None:
        """Takes new settings: findings at once, limits and models with the next session."""
        self.settings = settings
        self.workspace.allow_secret_files = settings.allow_secret_files
        self._suppression = self._settled()
        if self._agent is not None:
            self._agent.use(settings)

    def applied_to(self, path: str) -> bool:
        """True where a session of this window has written into a file."""
        return self._agent is not None and self._agent.sessions.applied_to(path)

    async def fill(self, progress: Progress | None = None, opened: Opened | None = None) -> None:
        """Builds the index; see `Keeper.fill`."""
        await self.keeper.fill(progress, opened)

    async def close(self) -> None:
        """Pauses what runs and closes the journal."""
        if self._agent is not None:
            await self._agent.sessions.close()


def cache_of(settings: Settings, workspace: Workspace) -> Path:
    """Where the index of a workspace lies on disk."""
    return settings.state_path / "index" / f"{workspace.id}.segment"


def _nothing_open() -> None:
    """A terminal holds no document open."""


def client_settings(given: Any) -> Mapping[str, Any]:
    """The settings among what an editor sent: its section, or else the keys that we know."""
    if not isinstance(given, dict):
        return {}
    values: dict[str, Any] = {str(key): value for key, value in given.items()}
    section = values.get("steadyhand")
    if isinstance(section, dict):
        inner: dict[str, Any] = {str(key): value for key, value in section.items()}
        if "steadyhand" in inner:
            return client_settings(inner)
        # All of our own section counts, so that a misspelt key is said.
        return {
            key: value
            for key, value in inner.items()
            if key not in ("client", "whole") and value is not None
        }
    return {k: v for k, v in values.items() if k in Settings.model_fields and v is not None}
