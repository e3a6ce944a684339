from pathlib import Path
from typing import Any

import pytest

from steadyhand_agent.errors import SettingsError
from steadyhand_server.engine import client_settings
from steadyhand_server.settings import (
    EDITORS,
    LIMITS,
    TRUSTABLE,
    TRUSTED,
    WORKSPACE_FILE,
    Settings,
    load,
    user_file,
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, with the user's own file somewhere else."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def settings(
    root: Path, *, client: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> tuple[Settings, list[str]]:
    return load(client, [root], environment or {})


def test_defaults(root: Path) -> None:
    found, ignored = settings(root)
    assert found == Settings()
    assert ignored == []
    assert (found.max_rounds, found.max_tokens, found.max_output) == (20, 32_000, 4_096)
    assert (found.retry_attempts, found.retry_min_seconds, found.retry_max_seconds) == (
        3,
        4.0,
        10.0,
    )
    assert (found.redis_ttl, found.api_seconds) == (3_600, 30.0)


def test_the_user_file_lies_where_the_system_says(root: Path, tmp_path: Path) -> None:
    assert user_file() == tmp_path / "config" / "steadyhand" / "config.toml"


def test_who_is_heard_first(root: Path) -> None:
    write(root / WORKSPACE_FILE, 'model = "workspace"\n')
    assert settings(root)[0].model == "workspace"
    assert settings(root, client={"model": "client"})[0].model == "client"
    write(user_file(), 'model = "user"\n')
    assert settings(root, client={"model": "client"})[0].model == "user"
    environment = {"STEADYHAND_MODEL": "environment"}
    found, ignored = settings(root, client={"model": "client"}, environment=environment)
    assert (found.model, ignored) == ("environment", [])


def test_sources_are_merged_key_by_key(root: Path) -> None:
    write(root / WORKSPACE_FILE, "findings = false\n")
    write(user_file(), "api_seconds = 5\n")
    found, _ = settings(root, client={"preview": "message"}, environment={"STEADYHAND_MODEL": "m"})
    assert (found.findings, found.api_seconds, found.preview, found.model) == (
        False,
        5.0,
        "message",
        "m",
    )


VALUES: dict[str, Any] = {
    "base_url": "http://evil", "api_key_file": "/etc/passwd", "redis_url": "redis://evil",
    "archive_url": "postgresql://evil", "archive_days": 1.0, "durability": "shared",
    "redis_ttl": 1, "state_dir": "/tmp/evil", "replay": "/tmp/x", "record": "/tmp/y",
    "allow_secret_files": "*.pem,.env.local",
    "check_seconds": 9.0, "check_megabytes": 9, "keep_days": 9.0, "keep_megabytes": 9.0,
    "otlp_endpoint": "http://evil", "provider": "openai_compatible", "api_key_command": "pass 'my key'", "profiles": '{"a*": {"tools": false}}',
    "preview": "annotations", "on_branch_switch": "follow", "api_seconds": 500.0, "retry_attempts": 10, "retry_min_seconds": 500.0, "retry_max_seconds": 500.0,
    "conventions": "STYLE.md,AGENTS.md",
}  # fmt: skip
READ: dict[str, Any] = {
    "api_key_command": ("pass", "my key"), "profiles": {"a*": {"tools": False}},
    "allow_secret_files": ("*.pem", ".env.local"), "conventions": ("STYLE.md", "AGENTS.md"),
}  # fmt: skip


def test_every_trusted_key_is_tried_below() -> None:
    """But what a workspace may name once it is trusted: tests/server/test_trust.py."""
    assert set(VALUES) == TRUSTED - TRUSTABLE


@pytest.mark.parametrize("key", sorted(VALUES))
def test_what_must_be_trusted_is_not_taken_from_a_repository(root: Path, key: str) -> None:
    value = VALUES[key]
    write(root / WORKSPACE_FILE, f"{key} = {value!r}\n")
    found, ignored = settings(root, client={} if key in EDITORS else {key: value})
    assert found == Settings()
    assert len(ignored) == (1 if key in EDITORS else 2)
    assert all(f"`{key}`" in said for said in ignored)
    assert str(user_file()) in ignored[0]


@pytest.mark.parametrize("key", sorted(VALUES))
def test_what_must_be_trusted_is_taken_from_the_user(root: Path, key: str) -> None:
    value = VALUES[key]
    write(user_file(), f"{key} = {value!r}\n")
    found, ignored = settings(root)
    assert str(getattr(found, key)) == str(READ.get(key, value))
    assert ignored == []
    user_file().unlink()
    found, _ = settings(root, environment={f"STEADYHAND_{key.upper()}": str(value)})
    assert str(getattr(found, key)) == str(READ.get(key, value))


@pytest.mark.parametrize("key", sorted(EDITORS))
def test_an_editor_says_how_it_asks_and_waits(root: Path, key: str) -> None:
    """The Neovim plugin does; the repository's own file beside it is not heard."""
    write(root / WORKSPACE_FILE, f"{key} = {VALUES[key]!r}\n")
    others = {"preview": "message", "on_branch_switch": "stay", "conventions": ("A.md",)}
    other = others.get(key, 7.0)
    found, ignored = settings(root, client={key: other})
    assert getattr(found, key) == other
    assert [f"`{key}` ({WORKSPACE_FILE})" in said for said in ignored] == [True]


@pytest.mark.parametrize(("key", "low", "high"), [
    ("max_rounds", 5, 200), ("max_tokens", 2_000, 10**6), ("max_output", 600, 10**5), ("max_minutes", 1.5, 999.0),
])  # fmt: skip
def test_a_workspace_lowers_a_limit_and_never_raises_it(
    root: Path, key: str, low: float, high: float
) -> None:
    assert key in LIMITS
    default = getattr(Settings(), key)
    write(root / WORKSPACE_FILE, f"{key} = {low}\n")
    assert getattr(settings(root)[0], key) == low
    for client in ({key: default}, {key: high}):
        assert getattr(settings(root, client=client)[0], key) == low
    environment = {f"STEADYHAND_{key.upper()}": str(high)}
    assert getattr(settings(root, environment=environment)[0], key) == low

    write(root / WORKSPACE_FILE, f"{key} = {high}\n")
    found, ignored = settings(root)
    assert getattr(found, key) == default
    assert ignored == [
        f"The setting `{key}` ({WORKSPACE_FILE}) is ignored: it may lower the limit, not raise it."
    ]
    write(user_file(), f"{key} = {low}\n")
    assert getattr(settings(root)[0], key) == low


def test_a_workspace_does_not_raise_what_a_person_lowered(root: Path) -> None:
    write(root / WORKSPACE_FILE, "max_rounds = 15\n")
    write(user_file(), "max_rounds = 10\n")
    assert settings(root)[0].max_rounds == 10


def test_a_person_may_raise_a_limit(root: Path) -> None:
    write(user_file(), "max_tokens = 100000\n")
    assert settings(root)[0].max_tokens == 100_000
    assert settings(root, client={"max_rounds": 50})[0].max_rounds == 50


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_rounds", 0), ("max_rounds", 201), ("max_tokens", 10), ("max_output", 1), ("max_minutes", 0),
        ("max_rounds", "many"), ("preview", "loud"), ("findings", "perhaps"), ("api_seconds", 0),
        ("retry_attempts", 0), ("model", 3), ("retry_min_seconds", -1), ("temperature", 0.31),
        ("api_seconds", 601), ("retry_min_seconds", 601), ("retry_max_seconds", 1e9),
        ("temperature", 0.09), ("top_p", 0.79), ("top_p", 0.96),
    ],
)  # fmt: skip
def test_an_error_names_the_key_and_its_source(root: Path, key: str, value: Any) -> None:
    with pytest.raises(SettingsError) as raised:
        settings(root, client={key: value})
    assert (raised.value.key, raised.value.source) == (key, "editor")
    assert f"`{key}` (editor)" in str(raised.value)


def test_an_error_names_the_environment_and_the_files(root: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        settings(root, environment={"STEADYHAND_MAX_ROUNDS": "x"})
    assert (raised.value.key, raised.value.source) == ("max_rounds", "environment")
    write(user_file(), "max_rounds = 0\n")
    with pytest.raises(SettingsError) as raised:
        settings(root)
    assert raised.value.source == str(user_file())
    user_file().unlink()
    write(root / WORKSPACE_FILE, 'findings = "perhaps"\n')
    with pytest.raises(SettingsError) as raised:
        settings(root)
    assert (raised.value.key, raised.value.source) == ("findings", WORKSPACE_FILE)


@pytest.mark.parametrize("value", ['"x"', "0", "-1", "nan", "[1]"])
def test_a_limit_of_a_workspace_that_is_none_is_named(root: Path, value: str) -> None:
    """Also where the person has set the same limit, so that the workspace's is not used as it is."""
    write(root / WORKSPACE_FILE, f"max_rounds = {value}\n")
    for client in (None, {"max_rounds": 10}):
        try:
            found, _ = settings(root, client=client)
        except SettingsError as error:
            assert (error.key, error.source) == ("max_rounds", WORKSPACE_FILE)
        else:
            assert found.max_rounds in (10, 20)


def test_an_unknown_key_of_one_s_own_is_an_error(root: Path) -> None:
    write(user_file(), "max_round = 3\n")
    with pytest.raises(SettingsError, match=r"`max_round`.*no such setting"):
        settings(root)


def test_an_unknown_key_of_others_is_told(root: Path) -> None:
    write(root / WORKSPACE_FILE, "colour = 3\n")
    found, ignored = settings(root, client={"trace": "off"})
    assert found == Settings()
    assert ignored == [
        f"The setting `colour` ({WORKSPACE_FILE}) is not usable: there is no such setting.",
        "The setting `trace` (editor) is not usable: there is no such setting.",
    ]


def test_other_variables_of_the_environment_are_left_alone(root: Path) -> None:
    environment = {"STEADYHAND_TOOLS": "/x", "STEADYHAND_MODEL": "", "MODEL": "m", "HOME": "/"}
    assert settings(root, environment=environment) == (Settings(), [])


@pytest.mark.parametrize("text", ["model = ", "\xff", "[a\n", "model = 1\nmodel = 2\n"])
def test_a_file_that_cannot_be_read_is_named(root: Path, text: str) -> None:
    for path in (user_file(), root / WORKSPACE_FILE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(SettingsError, match="cannot be read"):
            settings(root)
        path.unlink()


def test_a_workspace_file_that_is_a_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere.toml", "findings = false\n")
    (root / WORKSPACE_FILE).symlink_to(tmp_path / "elsewhere.toml")
    assert settings(root)[0].findings


def test_the_first_root_that_has_a_file_counts(tmp_path: Path, root: Path) -> None:
    second, third = tmp_path / "2", tmp_path / "3"
    write(second / WORKSPACE_FILE, 'model = "two"\n')
    write(third / WORKSPACE_FILE, 'model = "three"\n')
    assert load({}, [root, second, third], {})[0].model == "two"


def test_without_a_workspace_and_a_client(root: Path) -> None:
    assert load(None, None, {}) == (Settings(), [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {}),
        ([], {}),
        ({"model": "m", "client": {"prompt": True}, "preview": None}, {"model": "m"}),
        ({"steadyhand": {"model": "m"}}, {"model": "m"}),
        ({"steadyhand": None, "model": "m"}, {"model": "m"}),
        ({"steadyhand": {"steadyhand": {"model": "m"}}}, {"model": "m"}),
    ],
)
def test_settings_of_an_editor(given: Any, expected: dict[str, Any]) -> None:
    assert client_settings(given) == expected


@pytest.mark.parametrize("value", ['"200"', "true"])
def test_a_limit_that_is_no_number_does_not_raise_one(root: Path, value: str) -> None:
    write(root / WORKSPACE_FILE, f"max_rounds = {value}\nmax_tokens = {value}\n")
    found, ignored = settings(root)
    assert (found.max_rounds, found.max_tokens) == (20, 32_000)
    assert len(ignored) == 2


def test_an_unusable_limit_of_a_workspace_takes_nothing_else_away(root: Path) -> None:
    write(root / WORKSPACE_FILE, "max_tokens = 5\n")
    found, ignored = settings(root, environment={"STEADYHAND_MAX_TOKENS": "10000"})
    assert found.max_tokens == 10_000
    assert "max_tokens" in ignored[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ignore = ["vendor/**"]', {"vendor/**": ("*",)}),
        (
            '[ignore]\n"m/**" = ["T1", "T3"]\n"v/**" = "*"',
            {"m/**": ("T1", "T3"), "v/**": ("*",)},
        ),
        ("ignore = []", {}),
        ("[ignore]", {}),
    ],
)
def test_what_is_ignored_is_a_list_or_a_table(
    root: Path, text: str, expected: dict[str, Any]
) -> None:
    for file in (root / WORKSPACE_FILE, user_file()):
        write(file, text + "\n")
        assert settings(root)[0].ignore == expected
        file.unlink()


def test_tiers_and_globs_of_the_environment(root: Path) -> None:
    environment = {"STEADYHAND_TIERS": "T0, T1", "STEADYHAND_IGNORE": "a/**,b.py"}
    found, _ = settings(root, environment=environment)
    assert found.tiers == ("T0", "T1")
    assert found.ignore == {"a/**": ("*",), "b.py": ("*",)}
    assert settings(root)[0].tiers == ("T0", "T1", "T2", "T3", "T0x")


@pytest.mark.parametrize(
    "text",
    ["tiers = 3", 'tiers = ["T9"]', "ignore = 3", '[ignore]\n"a" = ["T9"]', '[ignore]\n"a" = 3'],
)
def test_a_tier_that_there_is_not_is_named(root: Path, text: str) -> None:
    write(root / WORKSPACE_FILE, text + "\n")
    with pytest.raises(SettingsError) as raised:
        settings(root)
    assert raised.value.key == text.strip("[").split("]")[0].split(" ")[0]
    found, ignored = load(None, [root], {}, lenient=True)
    assert found == Settings()
    assert len(ignored) == 1


def test_a_tier_that_is_never_shown_cannot_be_asked_for(root: Path) -> None:
    write(root / WORKSPACE_FILE, 'tiers = ["T1", "T4"]\n')
    with pytest.raises(SettingsError, match="`T4` is a note to the agent and never shown"):
        settings(root)


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ('[profiles."qwen*"]\ntools = "perhaps"\n', "qwen*.tools"),
        ('[profiles."qwen*"]\ntemperature = 1\n', "qwen*.temperature"),
        ('[profiles."qwen*"]\nsampling = ["top_k"]\n', "qwen*.sampling"),
    ],
)
def test_a_profile_that_is_none_names_its_field(root: Path, table: str, wrong: str) -> None:
    write(user_file(), table)
    with pytest.raises(SettingsError, match=r"`profiles`") as raised:
        settings(root)
    assert wrong in str(raised.value)
    found, ignored = load(None, [root], {}, lenient=True)
    assert found.profiles == {}
    assert len(ignored) == 1


def test_a_profile_is_a_table_in_the_user_s_file(root: Path) -> None:
    write(user_file(), '[profiles."qwen*"]\ntools = false\nsampling = ["temperature"]\n')
    assert settings(root)[0].profiles == {"qwen*": {"tools": False, "sampling": ["temperature"]}}


@pytest.mark.parametrize("given", [[], ()])
def test_no_conventions_are_read_where_none_are_named(root: Path, given: Any) -> None:
    assert settings(root)[0].conventions == ("AGENTS.md", "CLAUDE.md")
    assert settings(root, client={"conventions": given})[0].conventions == ()
    assert settings(root, environment={"STEADYHAND_CONVENTIONS": "[]"})[0].conventions == ()


@pytest.mark.parametrize(
    "name",
    ["docs/STYLE.md", "..", ".", "", "/etc/passwd", "../AGENTS.md", "a\\b", "C:AGENTS.md", "a\n"],
)
def test_conventions_are_names_and_no_paths(root: Path, name: str) -> None:
    with pytest.raises(
        SettingsError, match="not the name of a file alone; name it without"
    ) as said:
        settings(root, client={"conventions": ["AGENTS.md", name]})
    assert str(said.value).startswith("The setting `conventions` (editor) is not usable: ")
    found, ignored = load({"conventions": [name]}, [root], {}, lenient=True)
    assert found == Settings()
    assert len(ignored) == 1
    assert "It is left out" in ignored[0]
