"""Settings: environment, the user's file, the client, the workspace's `steadyhand.toml`.

Owns precedence and trust. What names an endpoint, a key, a store or a script is taken from the
environment and the user's file alone: a server cannot tell a client's user settings from what a
repository brought along in its editor configuration. A workspace may only lower a limit, and name
commands only once the person has trusted those very commands (see `trust`).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from steadyhand_agent.errors import SettingsError
from steadyhand_agent.index.definitions import Tier
from steadyhand_agent.index.suppress import EVERY_TIER, SHOWN_TIERS
from steadyhand_agent.models.profiles import Profile
from steadyhand_server import trust

Json = dict[str, Any]

# Only from the environment and the user's own file.
TRUSTED = frozenset(
    {
        "provider", "base_url", "api_key_file", "api_key_command", "profiles",
        "redis_url", "redis_ttl", "archive_url", "archive_days", "durability", "state_dir",
        "replay", "record", "otlp_endpoint",
        "checks", "check_paths", "check_seconds", "check_megabytes", "allow_secret_files",
        "keep_days", "keep_megabytes",
        "preview", "on_branch_switch", "api_seconds", "retry_attempts", "retry_min_seconds",
        "retry_max_seconds", "conventions",
    }
)  # fmt: skip
# An editor may set these besides: its plugin knows how it asks. What a repository can do with them
# through an editor's configuration is bounded: no value takes a question away, and files that are
# named there are read as any tool may read them.
EDITORS = frozenset(
    {
        "preview",
        "on_branch_switch",
        "api_seconds",
        "retry_attempts",
        "retry_min_seconds",
        "retry_max_seconds",
        "conventions",
    }
)
# A workspace's file may name these too, once the person has trusted it.
TRUSTABLE = frozenset({"checks", "check_paths"})
LIMITS = frozenset({"max_rounds", "max_tokens", "max_output", "max_minutes", "daily_token_limit"})
WORKSPACE_FILE = "steadyhand.toml"
_SHAPES = "`checks` is a table of commands by name, `check_paths` a list of paths."


class Settings(BaseModel):
    """Every setting, with its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(default="claude-sonnet-5-5", description="The model's id.")
    provider: Literal["anthropic", "openai_compatible", "replay"] = Field(
        default="anthropic", description="The protocol: Messages, chat completions, or a recording."
    )
    base_url: str | None = Field(default=None, description="Another endpoint of that protocol.")
    api_key_file: Path | None = Field(default=None, description="A file that holds a key a line.")
    api_key_command: tuple[str, ...] = Field(
        default=(), description="A program that prints a key a line."
    )
    profiles: dict[str, Json] = Field(
        default={}, description="What a model accepts, by a glob of its id."
    )
    temperature: float = Field(default=0.2, ge=0.1, le=0.3, description="Where a model takes it.")
    top_p: float = Field(default=0.9, ge=0.8, le=0.95, description="Where a model takes it.")
    lenses: bool = Field(
        default=False, description="A code lens above definitions that others repeat."
    )
    redis_url: str | None = Field(default=None, description="Redis beside the local journal.")
    redis_ttl: int = Field(default=3_600, ge=1, description="Seconds that Redis keeps a session.")
    archive_url: str | None = Field(
        default=None, description="PostgreSQL beside the local journal: every session, searchable."
    )
    archive_days: float = Field(
        default=0.0,
        ge=0,
        description="Days that PostgreSQL keeps a session after its last change; 0: for ever.",
    )
    durability: Literal["local", "shared"] = Field(
        default="local",
        description="What a finished round waits for: this machine's journal, or PostgreSQL too.",
    )
    state_dir: Path | None = Field(default=None, description="Where the journal lies.")
    replay: Path | None = Field(
        default=None, description="Play this recorded session as the model."
    )
    record: Path | None = Field(default=None, description="Record the next session into this file.")
    otlp_endpoint: str | None = Field(
        default=None, description="A collector of OpenTelemetry metrics, OTLP over HTTP."
    )
    max_rounds: int = Field(default=20, ge=1, le=200, description="Rounds in a session.")
    max_tokens: int = Field(default=32_000, ge=1_000, description="Tokens in a session.")
    daily_token_limit: int = Field(
        default=1_000_000, ge=1_000, description="Tokens in a day, in all sessions of a workspace."
    )
    max_output: int = Field(default=4_096, ge=512, description="Tokens in one reply.")
    max_minutes: float = Field(
        default=30.0, gt=0, description="Minutes of the model's and the tools' work in a session."
    )
    api_seconds: float = Field(
        default=30.0, gt=0, le=600, description="Limit to the first byte and between bytes."
    )
    retry_attempts: int = Field(default=3, ge=1, le=10, description="Attempts at what fails.")
    retry_min_seconds: float = Field(
        default=4.0, ge=0, le=600, description="Shortest wait between attempts."
    )
    retry_max_seconds: float = Field(
        default=10.0, ge=0, le=600, description="Longest wait between attempts."
    )
    allow_secret_files: tuple[str, ...] = Field(
        default=(), description="Globs of files that tools may read although they look secret."
    )
    conventions: tuple[str, ...] = Field(
        default=("AGENTS.md", "CLAUDE.md"),
        description="Files in which a project says how it wants code written, by name; none: off.",
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
        description="How a proposal is shown: the editor's own preview, where it has one, or a "
        "question.",
    )

    on_branch_switch: Literal["ask", "follow", "stay"] = Field(
        default="ask",
        description="What a session does when you switch to another branch: ask, go on there with "
        "its edits carried over, or wait until you are back.",
    )

    checks: dict[str, str] = Field(
        default={}, description="Commands that the agent may run on a copy, by name."
    )
    check_paths: tuple[str, ...] = Field(
        default=(), description="Ignored files and folders that such a copy is given."
    )
    check_seconds: float = Field(default=60.0, gt=0, description="How long a check may take.")
    check_megabytes: int = Field(
        default=500, ge=1, description="The largest workspace that is copied for a check."
    )

    keep_days: float = Field(
        default=180.0,
        ge=0,
        description="Days that a session which is over is kept after its last change; 0: for ever.",
    )
    keep_megabytes: float = Field(
        default=2_000.0,
        ge=0,
        description="What all sessions may take; the oldest that are over go first; 0: no limit.",
    )

    @field_validator("checks", "profiles", mode="before")
    @classmethod
    def _table(cls, given: Any) -> Any:
        """The environment has no tables: `{"tests": "pytest -q"}`."""
        return _table(given)

    @field_validator("tiers", "check_paths", "allow_secret_files", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """The environment has no lists: `T0,T1`."""
        return _words(given)

    @field_validator("conventions", mode="before")
    @classmethod
    def _listed_or_none(cls, given: Any) -> Any:
        """The environment, where a setting without a value counts as none, says `[]`."""
        return () if given == "[]" else _words(given)

    @field_validator("conventions")
    @classmethod
    def _names_alone(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            if name in ("", ".", "..") or re.search(r"[/\\\x00-\x1f]|^.:", name):
                raise ValueError(
                    f"`{name}` is not the name of a file alone; name it without a folder, such as "
                    "`AGENTS.md`: it is looked for in each folder from the task's document up to "
                    "the workspace's root"
                )
        return given

    @field_validator("api_key_command", mode="before")
    @classmethod
    def _arguments(cls, given: Any) -> Any:
        """One text is split as a shell would; no shell ever runs it."""
        return shlex.split(given) if isinstance(given, str) else given

    @field_validator("profiles")
    @classmethod
    def _known_fields(cls, given: dict[str, Json]) -> dict[str, Json]:
        for pattern, fields in given.items():
            try:
                Profile(**fields)
            except ValidationError as error:
                problem = error.errors()[0]
                where = ".".join([pattern, *map(str, problem["loc"])])
                raise ValueError(f"`{where}`: {problem['msg'].lower()}") from None
        return given

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

    @field_validator("tiers")
    @classmethod
    def _tiers_that_are_shown(cls, given: tuple[Tier, ...]) -> tuple[Tier, ...]:
        for tier in given:
            if tier not in SHOWN_TIERS:
                raise ValueError(f"`{tier}` is a note to the agent and never shown as a finding")
        return given

    @property
    def state_path(self) -> Path:
        """The folder of the journal and of the diffs that are shown."""
        return self.state_dir or Path(platformdirs.user_state_dir("steadyhand", appauthor=False))


def _words(given: Any) -> Any:
    return [word.strip() for word in given.split(",")] if isinstance(given, str) else given


def _table(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        raise ValueError('it is no table, such as {"tests": "pytest -q"}') from None


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
            elif key in TRUSTABLE and source == WORKSPACE_FILE:
                continue  # Judged below, when it is known where trust is kept.
            elif key in TRUSTED and not trusted and not (key in EDITORS and source == "editor"):
                places = "your editor, the environment" if key in EDITORS else "the environment"
                ignored.append(
                    f"The setting `{key}` ({source}) is ignored: it is taken from {places} or "
                    f"{user_file()} alone."
                )
            elif source == WORKSPACE_FILE and key in LIMITS and not _is_number(value):
                # A text that reads as a number must not slip past the comparison below.
                ignored.append(f"The setting `{key}` ({source}) is ignored: it is not a number.")
            else:
                values[key], sources[key] = value, source
    settings = _validated(values, sources, ignored, lenient=lenient)
    wanted = _trustable(workspace, wrong := [])
    ignored += [f"{SettingsError(key, WORKSPACE_FILE, _SHAPES)} It is left out." for key in wrong]
    if wanted:
        root = next(root for root in roots or [] if _has_file(root))
        if trust.holds(settings.state_path, root, wanted):
            settings = _trusting(settings, wanted)
        else:
            ignored.append(
                f"What {WORKSPACE_FILE} wants to run ({trust.sentence(wanted)}) is not used until "
                "you trust this workspace: run the command `steadyhand.trust`, or `steadyhand "
                "trust` in a terminal."
            )
    return _limited(settings, workspace, values, sources, ignored), ignored


def wanted(roots: list[Path]) -> tuple[Path, Json]:
    """The root whose `steadyhand.toml` counts, and what it needs the person's trust for.

    Raises:
        SettingsError: It cannot be read, or there is nothing in it that needs trust.
    """
    for root in roots:
        if _has_file(root):
            wrong: list[str] = []
            found = _trustable(_read(root / WORKSPACE_FILE), wrong)
            if found:
                return root, found
            if wrong:
                raise SettingsError(wrong[0], WORKSPACE_FILE, _SHAPES)
            break
    raise SettingsError("checks", WORKSPACE_FILE, "there is nothing in it that needs your trust.")


def _trustable(workspace: Json, wrong: list[str]) -> Json:
    """What a workspace's file wants to run, as it would be used: what is asked is what is run.

    Keys that are not usable are added to `wrong`.

    A text in place of a table or a list is the environment's way alone; whoever was asked about
    one would not see what is in it.
    """
    found: Json = {}
    for key in sorted(TRUSTABLE.intersection(workspace)):
        value = workspace[key]
        try:
            if isinstance(value, str):
                raise TypeError("a text is neither a table nor a list")
            usable = getattr(Settings(**{key: value}), key)
        except (TypeError, ValidationError):
            wrong.append(key)
            continue
        if usable:
            found[key] = usable
    return found


def _trusting(settings: Settings, wanted: Json) -> Settings:
    """The settings with a trusted workspace's; the person's own have the last word, by name."""
    theirs = Settings(**wanted)
    checks = {**theirs.checks, **settings.checks}
    paths = tuple(dict.fromkeys((*theirs.check_paths, *settings.check_paths)))
    return settings.model_copy(update={"checks": checks, "check_paths": paths})


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
        if _has_file(root):
            return _read(root / WORKSPACE_FILE)
    return {}


def _has_file(root: Path) -> bool:
    path = root / WORKSPACE_FILE
    return path.is_file() and not path.is_symlink()


def _read(path: Path) -> Json:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(path.name, str(path), f"the file cannot be read ({error}).") from error
