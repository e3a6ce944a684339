"""Secrets are found and hidden, look-alikes are left, and what was hidden comes back exactly."""

from __future__ import annotations

import logging
import random
import stat
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import secret_texts as made
from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.guard.env_files import EnvFiles, values
from steadyhand_agent.guard.secrets import (
    PLACEHOLDER,
    Secrets,
    find,
    installation_key,
)
from steadyhand_server import logs

SECRETS = Secrets(b"k" * 32)
SEEDS = st.integers(0, 2**32)


def hidden(text: str) -> list[str]:
    return [text[start:end] for start, end in find(text)]


@pytest.mark.parametrize("form", made.TOKENS)
@pytest.mark.parametrize("place", made.PLACES)
def test_tokens_are_hidden_wherever_they_stand(form: str, place: str) -> None:
    for seed in range(20):
        token = made.TOKENS[form](random.Random(seed))
        text = made.PLACES[place](token)
        assert hidden(text) == [token], text


@pytest.mark.parametrize("form", made.ASSIGNED)
def test_secrets_that_their_place_betrays(form: str) -> None:
    missed = []
    for seed in range(40):
        text, secret = made.ASSIGNED[form](random.Random(seed))
        text = text.format(secret)
        shown = SECRETS.hide(text)
        assert SECRETS.reveal(shown, text) == text
        missed += [secret] if secret in shown else []
    # One in forty may look as if somebody had chosen it.
    assert len(missed) <= 1, missed


@pytest.mark.parametrize("name", made.look_alikes(random.Random(0)))
def test_look_alikes_are_left(name: str) -> None:
    for seed in range(40):
        text = made.look_alikes(random.Random(seed))[name]
        assert hidden(text) == [], text


@pytest.mark.parametrize("kind", ["RSA ", "", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_private_keys_keep_their_lines(kind: str) -> None:
    key = made.private_key(random.Random(1), kind)
    text = f"before\n{key}\nafter\n"
    shown = SECRETS.hide(text)
    assert shown.count("\n") == text.count("\n")
    assert shown.startswith(f"before\n-----BEGIN {kind}PRIVATE KEY-----\n[secret:")
    assert not any(line in shown for line in key.split("\n")[1:-1])
    assert SECRETS.reveal(shown, text) == text


def test_a_private_key_within_a_json_string_or_indented() -> None:
    key = made.private_key(random.Random(2))
    inner = key.split("\n")[1:-1]
    for text in (
        '{"private_key": "' + key.replace("\n", "\\n") + '\\n", "id": "x"}',
        "tls:\n  key: |\n" + "".join(f"    {line}\n" for line in key.split("\n")) + "port: 443\n",
        "".join(f"+{line}\n" for line in key.split("\n")),
    ):
        shown = SECRETS.hide(text)
        assert not any(line in shown for line in inner), shown
        assert SECRETS.reveal(shown, text) == text


def test_a_private_key_that_is_cut_off() -> None:
    key = made.private_key(random.Random(3))
    lines = key.split("\n")
    for part in (lines[:8], lines[6:]):
        shown = SECRETS.hide("\n".join(part))
        assert not any(line in shown for line in part if "-----" not in line and len(line) > 30)


@given(SEEDS, st.text(max_size=60), st.text(max_size=60))
def test_what_is_hidden_comes_back_exactly(seed: int, before: str, after: str) -> None:
    rng = random.Random(seed)
    parts = [before]
    for _ in range(rng.randrange(1, 5)):
        token = made.TOKENS[rng.choice(list(made.TOKENS))](rng)
        parts += [made.PLACES[rng.choice(list(made.PLACES))](token), after]
    text = "\n".join(parts)
    shown = SECRETS.hide(text)
    assert SECRETS.reveal(shown, text) == text
    assert SECRETS.hide(shown) == shown
    assert shown.count("\n") == text.count("\n")


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    spans = find(text)
    assert spans == sorted(spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_letters_that_grow_when_small_move_nothing() -> None:
    token = made.some(random.Random(1), made.ALNUM, 32)
    assert hidden(f'İİİ API_KEY = "{token}"') == [token]


def test_a_placeholder_depends_on_the_secret_and_the_installation() -> None:
    one, two = (made.TOKENS["github"](random.Random(n)) for n in (1, 2))
    assert SECRETS.hide(one) == SECRETS.hide(one) != SECRETS.hide(two)
    assert SECRETS.hide(one) != Secrets(b"l" * 32).hide(one)
    assert PLACEHOLDER.fullmatch(SECRETS.hide(one))


def test_a_placeholder_of_another_file_is_refused() -> None:
    token = made.TOKENS["stripe"](random.Random(1))
    with pytest.raises(ToolFailed, match="not in this file"):
        SECRETS.reveal(f"x = {SECRETS.hide(token)}", "nothing here")
    with pytest.raises(ToolFailed):
        SECRETS.reveal("x = [secret:0123456789ab]", token)


def test_a_text_about_placeholders_means_them_as_they_stand() -> None:
    text = "The log says [secret:0123456789ab] instead.\n"
    assert SECRETS.reveal(text, text) == text


def test_known_values_are_hidden_whatever_they_look_like() -> None:
    secrets = Secrets(b"k" * 32, lambda: {"correct horse battery"})
    shown = secrets.hide("it said: correct horse battery, thrice")
    assert "horse" not in shown
    assert (
        secrets.reveal(shown, "correct horse battery") == "it said: correct horse battery, thrice"
    )


def test_values_of_env_files() -> None:
    text = (
        "# comment\nDB_PASSWORD='correct horse'\nexport API_TOKEN=plainwords\nDEBUG=true\n"
        "HOST=localhost\nURL=https://example.com/path\nTIMEOUT=30000000\nDSN=postgres://u:pw1@h/d\n"
        "SHORT=abc\nSESSION=ab12cd34ef # a remark\n"
    )
    assert values(text) == {"correct horse", "postgres://u:pw1@h/d", "ab12cd34ef"}


def test_values_of_env_files_in_quotes_with_remarks_and_over_lines() -> None:
    text = (
        'DB_PASSWORD="winter-garden-7" # the production one\n'
        "export MAIL_PASSWORD='correcthorse' # a word\n"
        'API_SECRET="with \\"quotes\\" in it"\n'
        'KEYS="first-line-0001\nsecond-line-0002"\nTHEME="darkorange"\n'
        'MODE="production" # nothing\nA_KEY=jBidsyNBOgmM\nB_KEY=someBackend\nstray "quote\nAPI_TOKEN = ab12cd34ef\n'
    )
    assert values(text) == {
        "winter-garden-7", "correcthorse", 'with \\"quotes\\" in it', 'with "quotes" in it',
        "first-line-0001", "second-line-0002", "ab12cd34ef",
        "jBidsyNBOgmM",
    }  # fmt: skip


def test_env_files_of_the_folders_below_are_known(tmp_path: Path) -> None:
    for number, name in enumerate(("api", "apps/web", "apps/web/deeper", "node_modules/x")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / ".env.local").write_text(f"A_SECRET=some-value-{number}\n")
    now = [0.0]
    known = EnvFiles([tmp_path], lambda: now[0])
    assert known.values() == {"some-value-0", "some-value-1"}
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / ".env").write_text("A_SECRET=some-value-9\n")
    (tmp_path / "api" / ".env.local").write_text("A_SECRET=changed-value\n")
    assert known.values() == {"changed-value", "some-value-1"}
    now[0] = 60.0
    assert known.values() == {"changed-value", "some-value-1", "some-value-9"}


def test_env_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    (tmp_path / ".env.example").write_text("A_SECRET=not-this-0001\n")
    file.write_text("A_SECRET=first-value-01\n")
    known = EnvFiles([tmp_path])
    assert known.values() == {"first-value-01"}
    file.write_text("A_SECRET=second-value-002\n")
    assert known.values() == {"second-value-002"}
    file.unlink()
    assert known.values() == set()


def test_the_key_is_made_once_and_for_the_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    key = installation_key(folder)
    assert len(key) == 32
    assert installation_key(folder) == key
    assert stat.S_IMODE((folder / "redaction.key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["redaction.key"]


def test_a_log_line_and_its_traceback_hold_no_secret() -> None:
    token = made.TOKENS["openai"](random.Random(4))
    try:
        raise ValueError(f"the endpoint said {token}")
    except ValueError:
        record = logging.LogRecord("n", logging.ERROR, "", 1, "with %s", (token,), sys.exc_info())
    line = logs.HidingFormatter("%(message)s").format(record)
    assert token not in line
    assert "ValueError" in line


def test_the_middle_of_a_key_in_a_diff() -> None:
    lines = made.private_key(random.Random(9)).split("\n")[4:8]
    text = "--- a/x\n+++ b/x\n@@ -9,3 +9,3 @@\n" + "\n".join(f"+{line}" for line in lines) + "\n"
    shown = SECRETS.hide(text)
    assert not any(line in shown for line in lines)
    sums = "".join(f" {made.some(random.Random(n), made.HEX, 64)}\n" for n in range(4))
    assert hidden(f"@@ -1,4 +1,4 @@\n{sums}") == []


@pytest.mark.parametrize("word", ["token=", "pass=", "password", "Authorization:", "--token "])
def test_words_that_speak_in_one_run_are_not_looked_at_each_to_its_end(word: str) -> None:
    """A minute of a thread, and of the editor's patience, by one line of a hostile file."""
    assert hidden(word * 150_000) == []
    secret = made.some(random.Random(5), made.ALNUM, 40)
    assert hidden(f"{word * 150_000}\nAPI_TOKEN={secret}\n") == [secret]


@pytest.mark.parametrize("word", [":AA", "-us", ".atlasv1."])
def test_a_text_full_of_words_that_tokens_hold_is_searched_in_one_pass(word: str) -> None:
    """The square of its length would take hours."""
    assert hidden(f"{'x' * 20} {word} " * 100_000) == []


@pytest.mark.parametrize("digits", [8, 9, 10])
def test_a_token_is_hidden_to_its_end_wherever_before_the_word_it_begins(digits: int) -> None:
    rng = random.Random(digits)
    token = f"{made.some(rng, '123456789', digits)}:AA{made.some(rng, made.ALNUM, 33)}"
    long = f"{made.some(rng, made.ALNUM, 14)}.atlasv1.{made.some(rng, made.ALNUM, 300)}"
    assert hidden(f"x={token} y=({long})") == [token, long]


def test_each_of_several_keys_in_the_environment_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "first-of-them, second-of-them")
    assert EnvFiles([tmp_path]).values() == {"first-of-them", "second-of-them"}
