"""Where keys are read, which of several serves, and that none is kept or told."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from steadyhand_agent.errors import (
    KeyRefused,
    ModelBusy,
    ModelKeyMissing,
    ModelRejected,
    ModelTransient,
    ParameterRefused,
)
from steadyhand_agent.models import faults
from steadyhand_agent.models.keys import NO_KEY, Keys
from steadyhand_agent.ports import ModelReply

REPLY = ModelReply([], "end_turn")


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)


def prints(text: str, code: int = 0) -> list[str]:
    return [sys.executable, "-c", f"print({text!r}); import sys; sys.exit({code})"]


async def test_the_environment_the_file_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "one, two,one ,")
    assert await Keys("SOME_KEY").read() == ["one", "two"]
    file = tmp_path / "keys"
    file.write_text("\nthree\n four\n")
    assert await Keys("SOME_KEY", file=file).read() == ["three", "four"]
    found = await Keys("SOME_KEY", file=file, command=prints("five\nsix")).read()
    assert found == ["five", "six"]


async def test_each_reading_is_anew(tmp_path: Path) -> None:
    file = tmp_path / "key"
    keys = Keys("SOME_KEY", file=file)
    for text in ("first", "second"):
        file.write_text(text)
        assert await keys.read() == [text]


async def test_no_shell_runs_the_command(tmp_path: Path) -> None:
    made = tmp_path / "made"
    keys = Keys("SOME_KEY", command=["echo", f"key;touch${{IFS}}{made}"])
    assert await keys.read() == [f"key;touch${{IFS}}{made}"]
    assert not made.exists()


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (["/no/such/program"], "could not start `/no/such/program`"),
        (prints("the-secret", 3), "ended with code 3"),
        (prints(""), "No API key is set"),
        (prints("two words"), "holds blanks"),
        (prints("kéy"), "holds blanks"),
    ],
)
async def test_a_command_that_gives_no_key(command: list[str], word: str) -> None:
    with pytest.raises(ModelKeyMissing) as raised:
        await Keys("SOME_KEY", command=command).read()
    assert word in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "resume" in str(raised.value)


async def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    script = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    keys = Keys("SOME_KEY", command=[sys.executable, "-c", script, str(told)], seconds=3.0)
    with pytest.raises(ModelKeyMissing, match="took longer"):
        await keys.read()
    assert not psutil.pid_exists(int(told.read_text()))


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for file, word in ((tmp_path / "none", "No such file"), (tmp_path / "binary", "no text")):
        with pytest.raises(ModelKeyMissing, match=word) as raised:
            await Keys("SOME_KEY", file=file).read()
        assert str(file) in str(raised.value)


async def test_a_missing_key_says_how_to_set_one() -> None:
    with pytest.raises(ModelKeyMissing, match=r"SOME_KEY.*`api_key_file`.*`api_key_command`"):
        await Keys("SOME_KEY").read()
    assert await Keys("SOME_KEY", needed=False).read() == []


class Endpoint:
    """Serves some keys, refuses the others, and remembers what it was asked with."""

    def __init__(self, **answers: Exception | None) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, key: str) -> ModelReply:
        self.asked.append(key)
        answer = self.answers.get(key, KeyRefused("no"))
        if answer is not None:
            raise answer
        return REPLY


async def test_the_next_key_serves_where_one_is_refused_or_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_KEY", "a,b,c,d")
    keys = Keys("SOME_KEY")
    endpoint = Endpoint(a=KeyRefused("no"), b=ModelBusy("wait", 9.0), c=None, d=None)
    assert await keys.use(endpoint) is REPLY
    assert endpoint.asked == ["a", "b", "c"]
    # The one that served comes first from then on.
    assert await keys.use(endpoint) is REPLY
    assert endpoint.asked == ["a", "b", "c", "c"]


async def test_a_refused_key_is_read_again_once(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("old")
    keys = Keys("SOME_KEY", file=file)

    class Renewing(Endpoint):
        async def __call__(self, key: str) -> ModelReply:
            file.write_text("new")
            return await super().__call__(key)

    endpoint = Renewing(new=None)
    assert await keys.use(endpoint) is REPLY
    assert endpoint.asked == ["old", "new"]
    never = Endpoint()
    with pytest.raises(KeyRefused):
        await keys.use(never)
    # The same key again is no other key.
    assert never.asked == ["new"]


async def test_busy_keys_ask_for_the_shortest_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "a,b,c,d")
    endpoint = Endpoint(
        a=ModelBusy("w"), b=ModelBusy("w", 9.0), c=ModelBusy("w", 2.0), d=KeyRefused("n")
    )
    with pytest.raises(ModelBusy) as raised:
        await Keys("SOME_KEY").use(endpoint)
    assert raised.value.retry_after == 2.0
    assert endpoint.asked == ["a", "b", "c", "d"]


async def test_another_failure_is_no_reason_for_another_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_KEY", "a,b")
    endpoint = Endpoint(a=ModelTransient("down"))
    with pytest.raises(ModelTransient):
        await Keys("SOME_KEY").use(endpoint)
    assert endpoint.asked == ["a"]


async def test_an_endpoint_that_needs_no_key_is_asked_without() -> None:
    endpoint = Endpoint(**{NO_KEY: None})
    assert await Keys("SOME_KEY", needed=False).use(endpoint) is REPLY


# --- what an endpoint's failure is -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (401, "authentication_error", KeyRefused), (429, None, ModelBusy),
        (429, "insufficient_quota", KeyRefused), (403, "permission_error", ModelRejected),
        (404, "not_found_error", ModelRejected), (413, "request_too_large", ModelRejected),
        (400, "invalid_request_error", ModelRejected), (418, None, ModelRejected),
        (501, None, ModelRejected), (500, "api_error", ModelTransient), (408, None, ModelTransient),
        (502, None, ModelTransient), (503, None, ModelTransient), (504, None, ModelTransient),
        (529, "overloaded_error", ModelTransient), (520, None, ModelTransient),
        (200, "overloaded_error", ModelTransient), (200, "rate_limit_error", ModelBusy),
        (200, "invalid_request_error", ModelRejected),
    ],
)  # fmt: skip
def test_which_failures_may_pass(status: int, kind: str | None, expected: type[Exception]) -> None:
    error = faults.of_status(status, "words", model="m", kind=kind)
    assert type(error) is expected
    assert "words" in str(error)


@pytest.mark.parametrize(
    ("said", "parameter"),
    [
        ("temperature: Extra inputs are not permitted", "temperature"),
        ("`top_p` is not supported for this model.", "top_p"),
        ("`temperature` and `top_p` cannot both be specified for this model.", "top_p"),
        ("`temperature` may only be set to 1 when thinking is enabled.", "temperature"),
        ("tools.3.custom.strict: Extra inputs are not permitted", "strict"),
        ("output_config.effort: not supported", "output_config"),
        ("This model does not support the effort parameter.", "effort"),
        ("system.0.cache_control: Extra inputs are not permitted", "cache_control"),
        ("registry.example/library/gemma does not support tools", "tools"),
        ("tools.0.input_schema: wrong", None),
        ("prompt is too long: 210000 tokens > 200000 maximum", None),
        ("temperatures are high", None),
    ],
)
def test_which_parameter_a_400_is_about(said: str, parameter: str | None) -> None:
    sent = {
        "temperature",
        "top_p",
        "strict",
        "thinking",
        "output_config",
        "effort",
        "cache_control",
        "tools",
    }
    for status in (400, 422):
        error = faults.of_status(status, said, model="m", sent=sent)
        found = error.parameter if isinstance(error, ParameterRefused) else None
        assert found == parameter
    # What was not sent is not to blame.
    assert not isinstance(faults.of_status(400, said, model="m"), ParameterRefused)
    assert not isinstance(faults.of_status(403, said, model="m", sent=sent), ParameterRefused)


def test_an_endpoint_without_tools_may_say_so_with_a_500() -> None:
    error = faults.of_status(500, "tools param requires --jinja flag", model="m", sent={"tools"})
    assert isinstance(error, ParameterRefused)


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after": "7"}, 7, 7), ({"retry-after": "0"}, 0, 0), ({"retry-after": "-3"}, 0, 0),
        ({"retry-after": "0.5"}, 0.5, 0.5), ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5, 1.5),
        ({"retry-after": "Sat, 01 Jan 2095 00:00:00 GMT"}, 1e9, 1e11),
        ({"retry-after": "Fri, 01 Jan 1999 00:00:00 GMT"}, 0, 0),
        ({"retry-after": "1e400"}, float("inf"), float("inf")),
    ],
)  # fmt: skip
def test_how_long_an_endpoint_asks_to_wait(
    headers: dict[str, str], low: float, high: float
) -> None:
    found = faults.retry_after(headers)
    assert found is not None
    assert low <= found <= high


@pytest.mark.parametrize("value", ["", "soon", "nan", "Mon, 99 Foo 2026"])
def test_a_wait_that_cannot_be_read_is_none(value: str) -> None:
    assert faults.retry_after({"retry-after": value}) is None


def test_an_endpoint_that_repeats_the_key_is_not_repeated() -> None:
    key = "sk-abcdefghijkl"
    for status in (401, 400, 500, 429, 404, 413):
        error = faults.of_status(status, f"Incorrect API key provided: {key}", model="m", key=key)
        assert key not in str(error)
        assert "[key]" in str(error)
