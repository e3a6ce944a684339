"""What the sessions of one workspace run on: journal and stores, model and tools, limits.

Owns what costs time to import and to open, and is made when a session is first asked for: who
only wants findings never pays for it. Knows nothing of LSP.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import steadyhand_agent
from steadyhand_agent.asking import Daily
from steadyhand_agent.checks import Checks
from steadyhand_agent.errors import JournalError, SettingsError, SteadyhandError
from steadyhand_agent.guard.disclosure import Disclosure
from steadyhand_agent.guard.env_files import EnvFiles
from steadyhand_agent.guard.secrets import Secrets, installation_key
from steadyhand_agent.loop import Surroundings
from steadyhand_agent.models.anthropic import AnthropicModel
from steadyhand_agent.models.keys import Keys
from steadyhand_agent.models.openai_compatible import OpenAiCompatibleModel
from steadyhand_agent.models.profiles import profile
from steadyhand_agent.models.replay import RecordingModel, ReplayModel
from steadyhand_agent.patience import Patience
from steadyhand_agent.ports import Model, SystemClock
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.session import Limits, SessionState
from steadyhand_agent.sessions import Sessions
from steadyhand_agent.state import outward
from steadyhand_agent.state.care import retire
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.state.tier import Tier
from steadyhand_agent.state.tiers import Store
from steadyhand_agent.telemetry import Exporter, LogAlone, Telemetry
from steadyhand_agent.tools import registry
from steadyhand_server.settings import Settings

if TYPE_CHECKING:
    from steadyhand_server.engine import Engine

log = logging.getLogger(__name__)

# As OpenTelemetry calls them.
_PROVIDERS = {"openai_compatible": "openai"}


class Agent:
    """The sessions of one workspace, with what they run on.

    Args:
        engine: The workspace's index, settings and editor.

    Attributes:
        sessions: The sessions.
        journal: Where they are kept on this machine.
        around: What every session's loop is given.
        machine: What this machine is called in records.

    Raises:
        JournalError: The journal cannot be opened.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        settings, editor, workspace = engine.settings, engine.editor, engine.workspace
        self.journal = SqliteJournal(settings.state_path / "journal.sqlite")
        known = EnvFiles(workspace.roots)
        disclosure = Disclosure(Secrets(installation_key(settings.state_path), known.values))
        store = Store(
            self.journal,
            tiers(settings, self._warn),
            self._warn,
            lambda state: self._come_home(state, disclosure),
            disclosure.hiding,
            settings.durability,
            settings.state_path,
        )
        self.machine = store.machine
        store.start()
        self.journal.tell = self._warn
        if self.journal.notice:
            self._warn(self.journal.notice)
        checks = self._checks()
        self.around = Surroundings(
            workspace=workspace,
            index=engine.index,
            ready=engine.keeper.ready.wait,
            files=lambda: engine.keeper.files,
            settle=engine.settle,
            tools=registry(workspace, engine.neighbours, checks),
            editor=editor,
            clock=SystemClock(),
            patience=_patience(settings),
            disclosure=disclosure,
            daily=Daily(self.journal, settings.daily_token_limit),
            telemetry=self._telemetry(),
            neighbours=engine.neighbours,
            checks=checks,
            on_branch_switch=settings.on_branch_switch,
            conventions=settings.conventions,
        )
        self.sessions = Sessions(self.around, store, self._model_now, limits(settings))

    def model_for(self, state: SessionState) -> Model:
        """The model that a session asks, by the settings in force."""
        settings, roots = self._engine.settings, self._engine.workspace.roots
        model = _model(settings, roots)
        if settings.record is not None:
            return RecordingModel(model, settings.record, roots, state.task.prompt)
        return model

    def use(self, settings: Settings) -> None:
        """Takes new settings: limits and models with the next session."""
        self.sessions.limits = limits(settings)
        self.around.patience = _patience(settings)
        self.around.on_branch_switch = settings.on_branch_switch
        self.around.conventions = settings.conventions
        self.around.daily = Daily(self.journal, settings.daily_token_limit)
        self.around.checks = self._checks()
        self.around.tools = registry(
            self._engine.workspace, self._engine.neighbours, self.around.checks
        )

    async def retire(self) -> list[str]:
        """Deletes sessions that are over and older than the settings want them kept."""
        settings = self._engine.settings
        gone = await retire(self.journal, time.time(), settings.keep_days, settings.keep_megabytes)
        if gone:
            log.info("deleted %d sessions that were over: %s", len(gone), ", ".join(gone))
        await self.sessions.retire_archive(settings.archive_days)
        return gone

    def _warn(self, message: str) -> None:
        self._engine.editor.tell(message, warning=True)

    def _model_now(self, state: SessionState) -> Model:
        # Looked up at each call, so that another can be put in its place.
        return self.model_for(state)

    def _come_home(self, state: SessionState, disclosure: Disclosure) -> None:
        """Gives a session that another machine left the files of this checkout as its bases."""
        overlay = Overlay(self._engine.workspace, self._engine.editor.text, {}, {})

        def current(path: str) -> str | None:
            try:
                return overlay.read(path)
            except SteadyhandError:
                return None

        lost = outward.home(state, current, disclosure.reveal)
        if lost:
            self._warn(
                f"Session {state.id} comes from another machine, and its changes to "
                f"{', '.join(lost)} cannot be used here: the files differ, or hold secrets of "
                "their own. The rest is kept; have the session make those changes again."
            )

    def _telemetry(self) -> Telemetry:
        """The log, and a collector where one is configured; a person is told if it is not there."""
        settings = self._engine.settings
        if not settings.otlp_endpoint:
            return LogAlone()
        try:
            provider = _PROVIDERS.get(settings.provider, settings.provider)
            return Exporter(settings.otlp_endpoint, steadyhand_agent.__version__, provider)
        except SettingsError as error:
            self._warn(f"{error} Sessions go on without it.")
            return LogAlone()

    def _checks(self) -> Checks | None:
        settings, roots = self._engine.settings, self._engine.workspace.roots
        if not settings.checks:
            return None
        ours = (*roots, settings.state_path, settings.api_key_file)
        return Checks(
            commands=settings.checks,
            folder=settings.state_path / "scratch",
            paths=settings.check_paths,
            seconds=settings.check_seconds,
            most_bytes=settings.check_megabytes * 1_000_000,
            hidden=tuple(path.expanduser().resolve() for path in ours if path is not None),
        )


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


def _patience(settings: Settings) -> Patience:
    return Patience(settings.retry_attempts, settings.retry_min_seconds, settings.retry_max_seconds)


def limits(settings: Settings) -> Limits:
    """What a new session may use."""
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
