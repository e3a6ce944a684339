"""What one workspace runs on: its index, its sessions, and the settings in force."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import steadyhand_agent
from steadyhand_agent.asking import Daily
from steadyhand_agent.checks import Checks
from steadyhand_agent.errors import JournalError, SettingsError, SteadyhandError
from steadyhand_agent.guard.disclosure import Disclosure
from steadyhand_agent.guard.env_files import EnvFiles
from steadyhand_agent.guard.secrets import Secrets, installation_key
from steadyhand_agent.index.definitions import Finding
from steadyhand_agent.index.findings import Known
from steadyhand_agent.index.keeper import Keeper, Progress
from steadyhand_agent.index.store import Index
from steadyhand_agent.index.suppress import (
    BASELINE_FILE,
    Baseline,
    Shown,
    Suppression,
    read_baseline,
)
from steadyhand_agent.loop import Surroundings
from steadyhand_agent.models.anthropic import AnthropicModel
from steadyhand_agent.models.keys import Keys
from steadyhand_agent.models.openai_compatible import OpenAiCompatibleModel
from steadyhand_agent.models.profiles import profile
from steadyhand_agent.models.replay import RecordingModel, ReplayModel
from steadyhand_agent.patience import Patience
from steadyhand_agent.ports import Editor, Model, Neighbours, SystemClock
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.session import Limits, SessionState
from steadyhand_agent.sessions import Sessions
from steadyhand_agent.state import outward
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.tier import Tier
from steadyhand_agent.state.tiers import Store
from steadyhand_agent.telemetry import Exporter, LogAlone, Telemetry
from steadyhand_agent.tools import registry
from steadyhand_agent.tools.registry import Registry
from steadyhand_agent.workspace import Workspace
from steadyhand_server.settings import Settings

log = logging.getLogger(__name__)

# As OpenTelemetry calls them.
_PROVIDERS = {"openai_compatible": "openai"}


class Engine:
    """Index and sessions of one workspace; must be made on the event loop.

    Args:
        roots: The workspace's folders.
        settings: In force.
        editor: Who shows and writes.
        neighbours: The editor's other language servers, where it lets us ask them.

    Raises:
        JournalError: The journal cannot be opened.
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
        cache_file = settings.state_path / "index" / f"{self.workspace.id}.segment"
        self.keeper = Keeper(self.workspace, self.index, cache_file)
        self.editor = editor
        self.neighbours = neighbours
        self._baselines: dict[Path, Baseline] = {}
        self._suppression = self._settled()
        # Brings the index's buffers up to date with the open documents; the server sets it.
        self.settle: Callable[[], None] = _nothing_open
        self._sessions: Sessions | None = None
        self._around: Surroundings | None = None
        self._journal: SqliteJournal | None = None

    @property
    def sessions(self) -> Sessions:
        """The sessions; the journal is opened when they are first asked for."""
        if self._sessions is None:
            settings = self.settings
            journal = SqliteJournal(settings.state_path / "journal.sqlite")
            known = EnvFiles(self.workspace.roots)
            disclosure = Disclosure(Secrets(installation_key(settings.state_path), known.values))
            store = Store(
                journal,
                tiers(settings, lambda message: self.editor.tell(message, warning=True)),
                lambda message: self.editor.tell(message, warning=True),
                lambda state: self._come_home(state, disclosure),
                disclosure.hiding,
                settings.durability,
            )
            store.start()
            if journal.notice:
                self.editor.tell(journal.notice, warning=True)
            around = Surroundings(
                workspace=self.workspace,
                index=self.index,
                ready=self.keeper.ready.wait,
                files=lambda: self.keeper.files,
                settle=self.settle,
                tools=self._tools(),
                editor=self.editor,
                clock=SystemClock(),
                patience=_patience(settings),
                disclosure=disclosure,
                daily=Daily(journal, settings.daily_token_limit),
                telemetry=self._telemetry(),
                neighbours=self.neighbours,
                checks=self._checks(),
                on_branch_switch=settings.on_branch_switch,
            )
            self._journal = journal
            self._around = around
            self._sessions = Sessions(around, store, self.model_for, _limits(settings))
        return self._sessions

    def _come_home(self, state: SessionState, disclosure: Disclosure) -> None:
        """Gives a session that another machine left the files of this checkout as its bases."""
        overlay = Overlay(self.workspace, self.editor.text, {}, {})

        def current(path: str) -> str | None:
            try:
                return overlay.read(path)
            except SteadyhandError:
                return None

        lost = outward.home(state, current, disclosure.reveal)
        if lost:
            self.editor.tell(
                f"Session {state.id} comes from another machine, and its changes to "
                f"{', '.join(lost)} cannot be used here: the files differ, or hold secrets of "
                "their own. The rest is kept; have the session make those changes again.",
                warning=True,
            )

    def _telemetry(self) -> Telemetry:
        """The log, and a collector where one is configured; a person is told if it is not there."""
        if not self.settings.otlp_endpoint:
            return LogAlone()
        try:
            provider = _PROVIDERS.get(self.settings.provider, self.settings.provider)
            return Exporter(self.settings.otlp_endpoint, steadyhand_agent.__version__, provider)
        except SettingsError as error:
            self.editor.tell(f"{error} Sessions go on without it.", warning=True)
            return LogAlone()

    def _tools(self) -> Registry:
        return registry(self.workspace, self.neighbours, self._checks())

    def _checks(self) -> Checks | None:
        settings = self.settings
        if not settings.checks:
            return None
        ours = (*self.workspace.roots, settings.state_path, settings.api_key_file)
        return Checks(
            commands=settings.checks,
            folder=settings.state_path / "scratch",
            paths=settings.check_paths,
            seconds=settings.check_seconds,
            most_bytes=settings.check_megabytes * 1_000_000,
            hidden=tuple(path.expanduser().resolve() for path in ours if path is not None),
        )

    def shown(
        self, path: str, text: str, known: Known | None = None, *, old: bool = False
    ) -> Shown:
        """The findings of one file that nobody has settled, for every face alike.

        Args:
            path: The file.
            text: Its text as of now.
            known: What was there before the person began; None for all of it.
            old: Hold that to as much as what is new.
        """
        return self._suppression.shown(self.index.view(), path, text, known, old=old)

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

    def model_for(self, state: SessionState) -> Model:
        """The model that a session asks, by the settings in force."""
        settings = self.settings
        model = _model(settings, self.workspace.roots)
        if settings.record is not None:
            return RecordingModel(model, settings.record, self.workspace.roots, state.task.prompt)
        return model

    def use(self, settings: Settings) -> None:
        """Takes new settings: findings at once, limits and models with the next session."""
        self.settings = settings
        self.workspace.allow_secret_files = settings.allow_secret_files
        self._suppression = self._settled()
        if self._sessions and self._around and self._journal:
            self._sessions.limits = _limits(settings)
            self._around.patience = _patience(settings)
            self._around.on_branch_switch = settings.on_branch_switch
            self._around.daily = Daily(self._journal, settings.daily_token_limit)
            self._around.tools, self._around.checks = (
                self._tools(),
                self._checks(),
            )

    @property
    def journal(self) -> SqliteJournal:
        """Where the sessions are kept on this machine."""
        assert self.sessions is not None
        assert self._journal is not None
        return self._journal

    async def retire(self) -> list[str]:
        """Deletes sessions that are over and older than the settings want them kept."""
        from steadyhand_agent.state.care import retire

        days, size = self.settings.keep_days, self.settings.keep_megabytes
        gone = await retire(self.journal, time.time(), days, size)
        if gone:
            log.info("deleted %d sessions that were over: %s", len(gone), ", ".join(gone))
        await self.sessions.retire_archive(self.settings.archive_days)
        return gone

    def applied_to(self, path: str) -> bool:
        """True where a session of this window has written into a file."""
        return self._sessions is not None and self._sessions.applied_to(path)

    async def fill(self, progress: Progress | None = None) -> None:
        """Builds the index."""
        await self.keeper.fill(progress)

    async def close(self) -> None:
        """Pauses what runs and closes the journal."""
        if self._sessions is not None:
            await self._sessions.close()


def _model(settings: Settings, roots: list[Path]) -> Model:
    """The model that the settings name.

    Raises:
        SettingsError: They name a recording and do not say which.
    """
    if settings.replay is not None or settings.provider == "replay":
        if settings.replay is None:
            raise SettingsError("provider", "replay", "`replay` names no recorded session.")
        return ReplayModel(settings.replay, roots)
    chat = settings.provider == "openai_compatible"
    accepted = profile(settings.model, "chat" if chat else "messages", settings.profiles)
    make = OpenAiCompatibleModel if chat else AnthropicModel
    return make(
        settings.model,
        keys=keys(settings),
        profile=accepted,
        base_url=settings.base_url,
        sampling={"temperature": settings.temperature, "top_p": settings.top_p},
        seconds=settings.api_seconds,
    )


def keys(settings: Settings) -> Keys:
    """Where the keys of the configured provider are read."""
    chat = settings.provider == "openai_compatible"
    return Keys(
        "OPENAI_API_KEY" if chat else "ANTHROPIC_API_KEY",
        file=settings.api_key_file,
        command=settings.api_key_command,
        # Ollama and the like want none.
        needed=not (chat and settings.base_url is not None),
    )


def _nothing_open() -> None:
    """A terminal holds no document open."""


def _patience(settings: Settings) -> Patience:
    return Patience(settings.retry_attempts, settings.retry_min_seconds, settings.retry_max_seconds)


def _limits(settings: Settings) -> Limits:
    return Limits(
        rounds=settings.max_rounds,
        tokens=settings.max_tokens,
        output=settings.max_output,
        minutes=settings.max_minutes,
    )


def tiers(settings: Settings, tell: Callable[[str], None]) -> list[Tier]:
    """The stores beside the journal that are configured, the one that gives fences first.

    Args:
        settings: In force.
        tell: Says which driver is missing, or which address is none.
    """
    found: list[Tier] = []
    for name, make in (("postgres", _archive), ("redis", _hot)):
        try:
            tier = make(settings)
        except ImportError:
            tell(f"A store is configured, but its driver is missing: install steadyhand[{name}].")
            continue
        except JournalError as error:
            tell(f"{error} Sessions are kept without it.")
            continue
        if tier is not None:
            found.append(tier)
    if settings.durability == "shared" and all(tier.lifetime for tier in found):
        tell(
            "`durability` is `shared`, and no PostgreSQL is there that a round could wait for; "
            "rounds wait for this machine's journal alone. Set `archive_url`, or `durability` to "
            "`local`."
        )
    return found


def _archive(settings: Settings) -> Tier | None:
    if not settings.archive_url:
        return None
    from steadyhand_agent.state.postgres import PostgresTier

    return PostgresTier(settings.archive_url)


def _hot(settings: Settings) -> Tier | None:
    if not settings.redis_url:
        return None
    from steadyhand_agent.state.redis import RedisTier

    return RedisTier(settings.redis_url, settings.redis_ttl)


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
