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
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steadyhand_agent.errors import SettingsError

Json = dict[str, Any]

# Only from the environment and the user's own file.
TRUSTED = frozenset(
    {"base_url", "api_key_file", "redis_url", "redis_ttl", "state_dir", "replay", "record"}
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
    findings: bool = Field(default=True, description="Show duplicate findings as diagnostics.")
    preview: Literal["auto", "annotations", "message"] = Field(
        default="auto",
        description="How a proposal is shown: the editor's own preview, or a question.",
    )

    @property
    def state_path(self) -> Path:
        """The folder of the journal and of the diffs that are shown."""
        return self.state_dir or Path(platformdirs.user_state_dir("steadyhand", appauthor=False))


def user_file() -> Path:
    """The user's own configuration."""
    return Path(platformdirs.user_config_dir("steadyhand", appauthor=False)) / "config.toml"


def load(
    client: Mapping[str, Any] | None = None,
    roots: list[Path] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Settings, list[str]]:
    """The settings in force, and what was ignored for lack of trust.

    Args:
        client: What the editor sent.
        roots: The workspace's roots; the first that has a `steadyhand.toml` counts.
        environment: `STEADYHAND_<KEY>` for each key.

    Raises:
        SettingsError: A value is not usable; the message names the key and its source.
    """
    environment = os.environ if environment is None else environment
    ignored: list[str] = []
    sources: dict[str, str] = {}
    values: Json = {}
    workspace = _toml(roots or [])
    for source, given in (
        (WORKSPACE_FILE, workspace),
        ("editor", dict(client or {})),
        (str(user_file()), _read(user_file())),
        ("environment", _from_environment(environment)),
    ):
        trusted = source not in (WORKSPACE_FILE, "editor")
        for key, value in given.items():
            if key not in Settings.model_fields:
                if trusted:
                    raise SettingsError(key, source, "there is no such setting.")
                ignored.append(f"`{key}` ({source}): there is no such setting.")
                continue
            if key in TRUSTED and not trusted:
                ignored.append(
                    f"`{key}` ({source}) is taken from the environment or {user_file()} alone."
                )
                continue
            values[key], sources[key] = value, source
    settings = _validated(values, sources)
    lowered = {
        key: workspace[key]
        for key in LIMITS
        if isinstance(workspace.get(key), int | float) and workspace[key] < getattr(settings, key)
    }
    for key in LIMITS.intersection(values):
        default = Settings.model_fields[key].default
        if sources[key] == WORKSPACE_FILE and values[key] > default:
            ignored.append(f"`{key}` ({WORKSPACE_FILE}) may lower the limit, not raise it.")
            values.pop(key)
    merged = {**values, **lowered}
    return _validated(merged, {**sources, **dict.fromkeys(lowered, WORKSPACE_FILE)}), ignored


def _validated(values: Json, sources: Mapping[str, str]) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        problem = error.errors()[0]
        key = str(problem["loc"][0])
        raise SettingsError(
            key, sources.get(key, "default"), problem["msg"].lower() + "."
        ) from None


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
