"""Settings: environment, the user's file, the client, the workspace's `steadyhand.toml`.

Owns precedence and trust. What names an endpoint, a key, a store or a script is taken from the
environment and the user's file alone: a server cannot tell a client's user settings from what a
repository brought along in its editor configuration. A workspace may only lower a limit.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from steadyhand_agent.errors import SettingsError
from steadyhand_agent.index.suppress import EVERY_TIER, SHOWN_TIERS, Tier

Json = dict[str, Any]

# Only from the environment and the user's own file.
TRUSTED = frozenset(
    {"base_url", "api_key_file", "redis_url", "redis_ttl", "state_dir", "replay", "record"}
    | {"allow_secret_files"}
)
LIMITS = frozenset({"max_rounds", "max_tokens", "max_output", "max_minutes"})
WORKSPACE_FILE = "steadyhand.toml"


class Settings(BaseModel):
    """Every setting, with its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(default="claude-sonnet-5-5", description="The model's id.")
    base_url: str | None = Field(default=None, description="Another endpoint of the Messages API.")
    api_key_file: Path | None = Field(default=None, description="A file that holds the key.")
    redis_url: str | None = Field(default=None, description="Redis beside the local journal.")
    redis_ttl: int = Field(default=3_600, ge=1, description="Seconds that Redis keeps a session.")
    state_dir: Path | None = Field(default=None, description="Where the journal lies.")
    replay: Path | None = Field(
        default=None, description="Play this recorded session as the model."
    )
    record: Path | None = Field(default=None, description="Record the next session into this file.")
    max_rounds: int = Field(default=20, ge=1, le=200, description="Rounds in a session.")
    max_tokens: int = Field(default=32_000, ge=1_000, description="Tokens in a session.")
    max_output: int = Field(default=4_096, ge=512, description="Tokens in one reply.")
    max_minutes: float = Field(
        default=30.0, gt=0, description="Minutes of the model's time in a session."
    )
    api_seconds: float = Field(
        default=30.0, gt=0, description="Limit to the first byte and between bytes."
    )
    retry_attempts: int = Field(default=3, ge=1, le=10, description="Attempts at a failing model.")
    retry_min_seconds: float = Field(
        default=4.0, ge=0, description="Shortest wait between attempts."
    )
    retry_max_seconds: float = Field(
        default=10.0, ge=0, description="Longest wait between attempts."
    )
    allow_secret_files: tuple[str, ...] = Field(
        default=(), description="Globs of files that tools may read although they look secret."
    )
    findings: bool = Field(default=True, description="Show duplicate findings as diagnostics.")
    tiers: tuple[Tier, ...] = Field(
        default=SHOWN_TIERS, description="The tiers of findings that are shown."
    )
    ignore: dict[str, tuple[Tier | Literal["*"], ...]] = Field(
        default={}, description="Tiers that are not shown, by glob."
    )
    preview: Literal["auto", "annotations", "message"] = Field(
        default="auto",
        description="How a proposal is shown: the editor's own preview, or a question.",
    )

    @field_validator("tiers", "allow_secret_files", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """The environment has no lists: `T0,T1`."""
        return _words(given)

    @field_validator("ignore", mode="before")
    @classmethod
    def _by_glob(cls, given: Any) -> Any:
        """A list of globs ignores every tier; a glob of a table may name a single one."""
        given = _words(given)
        if isinstance(given, list | tuple):
            return dict.fromkeys(cast("list[Any]", given), (EVERY_TIER,))
        if isinstance(given, dict):
            return {glob: _words(tiers) for glob, tiers in cast("Json", given).items()}
        return given

    @property
    def state_path(self) -> Path:
        """The folder of the journal and of the diffs that are shown."""
        return self.state_dir or Path(platformdirs.user_state_dir("steadyhand", appauthor=False))


def _words(given: Any) -> Any:
    return [word.strip() for word in given.split(",")] if isinstance(given, str) else given


def user_file() -> Path:
    """The user's own configuration."""
    return Path(platformdirs.user_config_dir("steadyhand", appauthor=False)) / "config.toml"


def load(
    client: Mapping[str, Any] | None = None,
    roots: list[Path] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    lenient: bool = False,
) -> tuple[Settings, list[str]]:
    """The settings in force, and what was ignored, a sentence each.

    Args:
        client: What the editor sent.
        roots: The workspace's roots; the first that has a `steadyhand.toml` counts.
        environment: `STEADYHAND_<KEY>` for each key.
        lenient: Leave out a value that is not usable, and say so, instead of raising: one wrong
            value must not take an editor's findings away.

    Raises:
        SettingsError: A value is not usable; the message names the key and its source.
    """
    environment = os.environ if environment is None else environment
    ignored: list[str] = []
    sources: dict[str, str] = {}
    values: Json = {}
    workspace: Json = {}
    for source, read in (
        (WORKSPACE_FILE, lambda: _toml(roots or [])),
        ("editor", lambda: dict(client or {})),
        (str(user_file()), lambda: _read(user_file())),
        ("environment", lambda: _from_environment(environment)),
    ):
        try:
            given = read()
        except SettingsError as error:
            if not lenient:
                raise
            ignored.append(f"{error} It is left out.")
            continue
        if source == WORKSPACE_FILE:
            workspace = given
        trusted = source not in (WORKSPACE_FILE, "editor")
        for key, value in given.items():
            if key not in Settings.model_fields:
                error = SettingsError(key, source, "there is no such setting.")
                if trusted and not lenient:
                    raise error
                ignored.append(str(error))
            elif key in TRUSTED and not trusted:
                ignored.append(
                    f"The setting `{key}` ({source}) is ignored: it is taken from the environment "
                    f"or {user_file()} alone."
                )
            elif source == WORKSPACE_FILE and key in LIMITS and not _is_number(value):
                # A text that reads as a number must not slip past the comparison below.
                ignored.append(f"The setting `{key}` ({source}) is ignored: it is not a number.")
            else:
                values[key], sources[key] = value, source
    settings = _validated(values, sources, ignored, lenient=lenient)
    return _limited(settings, workspace, values, sources, ignored), ignored


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _limited(
    settings: Settings, workspace: Json, values: Json, sources: dict[str, str], ignored: list[str]
) -> Settings:
    """The settings with the workspace's limits, which lower and never raise."""
    changed: Json = {}
    for key in sorted(LIMITS.intersection(workspace)):
        limit = workspace[key]
        if not _is_number(limit) or key not in values:
            continue
        if sources[key] == WORKSPACE_FILE:
            default = Settings.model_fields[key].default
            if limit > default:
                ignored.append(
                    f"The setting `{key}` ({WORKSPACE_FILE}) is ignored: it may lower the limit, "
                    "not raise it."
                )
                changed[key] = default
        elif limit < getattr(settings, key):
            changed[key] = limit
    # A repository's limit that is not usable is left out; it takes nothing else away.
    for key, limit in changed.items():
        try:
            settings = Settings(**(settings.model_dump() | {key: limit}))
        except ValidationError:
            ignored.append(f"The setting `{key}` ({WORKSPACE_FILE}) is not usable. It is left out.")
    return settings


def _validated(
    values: Json, sources: Mapping[str, str], ignored: list[str], *, lenient: bool
) -> Settings:
    while True:
        try:
            return Settings(**values)
        except ValidationError as error:
            problem = error.errors()[0]
            key = str(problem["loc"][0])
            said = problem["msg"][:1].lower() + problem["msg"][1:]
            wrong = SettingsError(key, sources.get(key, "default"), f"{said}.")
            if not lenient:
                raise wrong from None
            ignored.append(f"{wrong} It is left out.")
            del values[key]


def _from_environment(environment: Mapping[str, str]) -> Json:
    prefix = "STEADYHAND_"
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in environment.items()
        if name.startswith(prefix)
        and value
        and name.removeprefix(prefix).lower() in Settings.model_fields
    }


def _toml(roots: list[Path]) -> Json:
    for root in roots:
        path = root / WORKSPACE_FILE
        if path.is_file() and not path.is_symlink():
            return _read(path)
    return {}


def _read(path: Path) -> Json:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(path.name, str(path), f"the file cannot be read ({error}).") from error
