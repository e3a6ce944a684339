"""A workspace's `steadyhand.toml` names commands only once the person has trusted those commands."""

import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from steadyhand_agent.errors import SettingsError
from steadyhand_server import cli, trust
from steadyhand_server.settings import WORKSPACE_FILE, Settings, load, user_file, wanted

TOML = 'checks = { tests = "pytest -q" }\ncheck_paths = ["data"]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / WORKSPACE_FILE).write_text(TOML)
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def settings(root: Path, **more: Any) -> tuple[Settings, list[str]]:
    return load(roots=[root], **more)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    assert isinstance(left.value.code, int)
    return left.value.code


def test_what_nobody_trusted_is_not_used(root: Path) -> None:
    found, ignored = settings(root)
    assert (found.checks, found.check_paths) == ({}, ())
    (said,) = ignored
    assert "tests = pytest -q" in said
    assert "steadyhand.trust" in said


def test_the_command_line_asks_and_keeps_the_word(
    root: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("trust", str(root)) == 1, "without a terminal nobody has said yes"
    assert settings(root)[0].checks == {}
    assert run("trust", str(root), "--yes") == 0
    assert "tests = pytest -q" in capsys.readouterr().out
    found, ignored = settings(root)
    assert (found.checks, found.check_paths, ignored) == ({"tests": "pytest -q"}, ("data",), [])
    file = state / "trust.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(json.loads(file.read_text())) == [str(root)]
    assert run("trust", str(root), "--revoke") == 0
    assert settings(root)[0].checks == {}


@pytest.mark.parametrize(
    "changed",
    [
        'checks = { tests = "pytest -q; curl evil" }\ncheck_paths = ["data"]\n',
        'checks = { tests = "pytest -q", more = "x" }\ncheck_paths = ["data"]\n',
        'checks = { tests = "pytest -q" }\ncheck_paths = ["data", "more"]\n',
        'checks = { Tests = "pytest -q" }\ncheck_paths = ["data"]\n',
    ],
)
def test_a_changed_word_asks_again(root: Path, state: Path, changed: str) -> None:
    trust.give(state, *wanted([root]))
    (root / WORKSPACE_FILE).write_text("findings = false\n" + TOML)
    assert settings(root)[0].checks == {"tests": "pytest -q"}, "nothing that was trusted changed"
    (root / WORKSPACE_FILE).write_text(changed)
    found, ignored = settings(root)
    assert (found.checks, found.check_paths) == ({}, ())
    assert len(ignored) == 1


def test_trust_is_for_one_real_path(root: Path, state: Path, tmp_path: Path) -> None:
    trust.give(state, *wanted([root]))
    other = tmp_path / "other"
    other.mkdir()
    (other / WORKSPACE_FILE).write_text(TOML)
    assert settings(other)[0].checks == {}
    link = tmp_path / "link"
    link.symlink_to(root)
    assert settings(link)[0].checks == {"tests": "pytest -q"}, "the same folder by another name"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', "\xff"])
def test_a_damaged_file_trusts_nobody(root: Path, state: Path, text: str) -> None:
    trust.give(state, *wanted([root]))
    (state / "trust.json").write_bytes(text.encode("latin-1"))
    assert settings(root)[0].checks == {}
    trust.give(state, *wanted([root]))
    assert settings(root)[0].checks == {"tests": "pytest -q"}


def test_an_editor_s_settings_name_no_command(root: Path, state: Path) -> None:
    """They may come from the repository's own editor configuration."""
    (root / WORKSPACE_FILE).unlink()
    found, ignored = settings(root, client={"checks": {"x": "evil"}, "check_paths": ["/etc"]})
    assert (found.checks, found.check_paths) == ({}, ())
    assert len(ignored) == 2


def test_the_person_s_own_commands_have_the_last_word(root: Path, state: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text('checks = { tests = "mine", lint = "ruff check" }\n')
    assert settings(root)[0].checks == {"tests": "mine", "lint": "ruff check"}
    trust.give(state, *wanted([root]))
    (root / WORKSPACE_FILE).write_text('checks = { tests = "theirs", types = "mypy" }\n')
    trust.give(state, *wanted([root]))
    expected = {"tests": "mine", "lint": "ruff check", "types": "mypy"}
    assert settings(root)[0].checks == expected
    environment = {"STEADYHAND_CHECKS": '{"only": "this"}', "STEADYHAND_STATE_DIR": str(state)}
    found = load(roots=[root], environment=environment)[0].checks
    assert found == {"tests": "theirs", "types": "mypy", "only": "this"}


UNUSABLE = [
    'checks = ["pytest"]\n', "checks = { a = 1 }\n", "check_paths = 3\n",
    # A text would be read as a table or a list where it is used, and not be shown where it is asked.
    """checks = '{"tests": "sh -c evil"}'\n""", 'check_paths = "secrets,more"\n',
]  # fmt: skip


@pytest.mark.parametrize("toml", UNUSABLE)
def test_what_is_not_usable_is_never_asked_about(root: Path, state: Path, toml: str) -> None:
    (root / WORKSPACE_FILE).write_text(toml)
    with pytest.raises(SettingsError, match="not usable"):
        wanted([root])
    assert run("trust", str(root), "--yes") == 2
    found, ignored = settings(root)
    assert (found.checks, found.check_paths) == ({}, ())
    (said,) = ignored
    assert "not usable" in said
    # Nor does trust in such a text, as an older version may have kept it.
    trust.give(state, root, tomllib.loads(toml))
    assert (settings(root)[0].checks, settings(root)[0].check_paths) == ({}, ())


def test_what_is_asked_is_what_is_used(root: Path, state: Path) -> None:
    (root / WORKSPACE_FILE).write_text("checks = '{\"tests\": \"evil\"}'\ncheck_paths = ['data']\n")
    place, asked = wanted([root])
    assert "copies of data" in trust.question(place, asked)
    trust.give(state, place, asked)
    found, _ = settings(root)
    assert (found.checks, found.check_paths) == ({}, ("data",))


def test_the_question_hides_no_character(root: Path) -> None:
    (root / WORKSPACE_FILE).write_text(
        'checks = { "te\\u202Ests" = "true\\n\\u200Bevil" }\ncheck_paths = ["a\\u2066b"]\n'
    )
    asked = trust.question(*wanted([root]))
    assert "te<U+202E>sts = true<U+000A><U+200B>evil; copies of a<U+2066>b" in asked
    assert asked.isprintable()


def test_nothing_to_trust_is_said(root: Path) -> None:
    (root / WORKSPACE_FILE).write_text("findings = false\n")
    with pytest.raises(SettingsError, match="nothing in it"):
        wanted([root])
    assert run("trust", str(root), "--yes") == 2


def test_a_link_in_place_of_the_file_is_not_read(root: Path, tmp_path: Path) -> None:
    (root / WORKSPACE_FILE).rename(tmp_path / "elsewhere.toml")
    (root / WORKSPACE_FILE).symlink_to(tmp_path / "elsewhere.toml")
    assert settings(root) == (Settings(state_dir=tmp_path / "state"), [])
