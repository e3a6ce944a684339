"""Whole sessions with every provider and dialect: faults, odd models, keys."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chat_server import ChatServer
from in_memory_editor import InMemoryEditor
from messages_server import Failure, Garbage, MessagesServer, Reply
from steadyhand_agent.errors import SettingsError
from steadyhand_agent.models.profiles import forget
from steadyhand_agent.session import Limits, SessionState, Task
from steadyhand_agent.workspace import Workspace
from steadyhand_server.engine import Engine
from steadyhand_server.settings import load

Json = dict[str, Any]
USAGE = {"input_tokens": 400, "output_tokens": 40, "cache_read_input_tokens": 100}


@dataclass(frozen=True)
class Way:
    """One provider in one dialect, as a person sets it."""

    provider: str
    server: type[MessagesServer]
    suffix: str = ""
    tools: bool = True

    def environment(self, server: MessagesServer, state: Path) -> dict[str, str]:
        return {
            "STEADYHAND_PROVIDER": self.provider,
            "STEADYHAND_MODEL": "some-model",
            "STEADYHAND_BASE_URL": server.url + self.suffix,
            "STEADYHAND_STATE_DIR": str(state),
            "STEADYHAND_PROFILES": json.dumps({"some-*": {"tools": self.tools}}),
        }

    def says(self, *blocks: Json, **more: Any) -> Reply:
        more.setdefault("usage", USAGE)
        if self.tools:
            return Reply(list(blocks), **more)
        texts = [block["text"] if block["type"] == "text" else _envelope(block) for block in blocks]
        return Reply([{"type": "text", "text": "\n".join(texts)}], **more)


def _envelope(block: Json) -> str:
    given = dict(block["input"])
    reason = given.pop("reason", "")
    return json.dumps(
        {"action": "tool", "content": {"tool": block["name"], **given}, "reason": reason}
    )


WAYS = {
    "anthropic": Way("anthropic", MessagesServer),
    "anthropic_envelope": Way("anthropic", MessagesServer, tools=False),
    "openai_compatible": Way("openai_compatible", ChatServer, "/v1"),
    "openai_compatible_envelope": Way("openai_compatible", ChatServer, "/v1", tools=False),
}


@pytest.fixture(params=sorted(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture(params=["anthropic", "openai_compatible"])
def native(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    forget()


def call(name: str, number: int = 1, **arguments: Any) -> Json:
    arguments.setdefault("reason", "because")
    return {"type": "tool_use", "id": f"call_{number}", "name": name, "input": arguments}


def text(said: str) -> Json:
    return {"type": "text", "text": said}


FINISH = call("finish", 99, summary="done")
QUICK = {"retry_min_seconds": 0.0, "retry_max_seconds": 0.0, "api_seconds": 5.0}


class Desk:
    """An engine on the sample workspace that asks a scripted endpoint."""

    def __init__(self, sample: Path, way: Way, server: MessagesServer, **settings: Any) -> None:
        environment = way.environment(server, sample.parent / "state")
        environment |= {
            f"STEADYHAND_{k.upper()}": v for k, v in settings.pop("trusted", {}).items()
        }
        loaded, ignored = load({**QUICK, **settings}, [sample], environment)
        assert not ignored
        self.editor = InMemoryEditor(Workspace([sample]))
        self.engine = Engine([sample], loaded, self.editor)
        self.sessions = self.engine.sessions

    async def run(self) -> SessionState:
        await self.engine.fill()
        state = await self.sessions.start(Task(prompt="do it"))
        return await self.sessions.wait(state.id)

    async def resume(self, session: str, grant: Limits | None = None) -> SessionState:
        await self.sessions.resume(session, grant)
        return await self.sessions.wait(session)


async def run(
    sample: Path, way: Way, *script: Any, **settings: Any
) -> tuple[SessionState, Desk, Any]:
    with way.server(script) as server:
        desk = Desk(sample, way, server, **settings)
        state = await desk.run()
        await desk.engine.close()
    assert not server.exhausted
    return state, desk, server


# --- sessions -------------------------------------------------------------------------------------


async def test_a_guarded_edit_with_every_provider(sample: Path, way: Way) -> None:
    copied = (sample / "pressroom/text.py").read_text()
    body = copied[copied.index("def slugify") : copied.index("    return slug\n") + 16]
    again = body.replace("slugify", "make_slug")
    old = 'ARCHIVE_INDEX = "archive.html"\n'
    edit = call("edit_file", path="pressroom/archive.py", old_text=old, new_text=old + again)
    better = call("edit_file", 2, path="pressroom/archive.py", old_text=old, new_text=old + "# é\n")
    script = [way.says(edit), way.says(better), way.says(FINISH)]
    state, desk, server = await run(sample, way, *script)
    assert state.state == "waiting"
    assert [v["verdict"] for r in state.rounds for v in r.verdicts] == ["refuse", "permit"]
    assert [r.reason for r in _actions(state)] == ["because"] * 3
    # The refusal reached the model, in its dialect.
    assert "pressroom/text.py:17" in json.dumps(server.requests[1]["messages"])
    assert "# é" in desk.editor.offered[0].diff()
    # What the cache served is counted and shown.
    assert state.cached == 300
    assert desk.editor.events[-1]["cached_tokens"] == 300


def _actions(state: SessionState) -> list[Any]:
    from steadyhand_agent.models import dialect

    return [a for r in state.rounds for a in dialect.actions(r.blocks, r.stop_reason)]


async def test_a_session_plays_again_from_its_recording(
    sample: Path, way: Way, tmp_path: Path
) -> None:
    path = tmp_path / "session.jsonl"
    script = [way.says(call("read_file", path="pressroom/text.py")), way.says(FINISH)]
    state, _, _ = await run(sample, way, *script, trusted={"record": str(path)})
    with way.server() as server:
        trusted = {"record": "", "replay": str(path), "provider": "replay"}
        desk = Desk(sample, way, server, trusted=trusted)
        played = await desk.run()
        await desk.engine.close()
    assert not server.requests
    results = [
        [(r.tool, r.text, r.error) for r in s.rounds for r in r.results] for s in (played, state)
    ]
    assert results[0] == results[1]


async def test_the_provider_replay_needs_a_recording(sample: Path, way: Way) -> None:
    with way.server() as server:
        desk = Desk(sample, way, server, trusted={"provider": "replay"})
        with pytest.raises(SettingsError, match="names no recorded session"):
            await desk.run()
        await desk.engine.close()


async def test_a_local_endpoint_needs_no_key(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    chat = WAYS["openai_compatible"]
    state, _, _ = await run(sample, chat, chat.says(FINISH))
    assert state.state == "finished"


# --- odd models -----------------------------------------------------------------------------------


async def test_a_model_that_finishes_at_once(sample: Path, way: Way) -> None:
    state, _, _ = await run(sample, way, way.says(FINISH))
    assert (state.state, state.round, state.reason) == ("finished", 1, "done")


async def test_a_model_that_never_finishes(sample: Path, way: Way) -> None:
    steps = [
        way.says(call("search_text", n, text=f"word {n}"), text(f"Step {n}.")) for n in range(4)
    ]
    state, _, server = await run(sample, way, *steps, max_rounds=4)
    assert state.state == "paused"
    assert "4 rounds" in state.reason
    assert len(server.requests) == 4


async def test_ten_calls_at_once(sample: Path, native: Way) -> None:
    calls = [call("read_file", n, path="pressroom/text.py", start_line=n + 1) for n in range(10)]
    state, _, server = await run(sample, native, native.says(*calls), native.says(FINISH))
    assert state.state == "finished"
    assert len(state.rounds[0].results) == 10
    assert all(not result.error for result in state.rounds[0].results)
    sent = json.dumps(server.requests[1]["messages"])
    places = [sent.index(f'"call_{n}"', sent.rindex('"name"')) for n in range(10)]
    assert places == sorted(places)


async def test_ten_envelopes_at_once_are_one(sample: Path) -> None:
    way = WAYS["openai_compatible_envelope"]
    calls = [call("read_file", n, path="pressroom/text.py", start_line=n + 1) for n in range(10)]
    state, _, server = await run(sample, way, way.says(*calls), way.says(FINISH))
    assert len(state.rounds[0].results) == 1
    assert "Only the first JSON object" in json.dumps(server.requests[1]["messages"][-1])


WRONG: dict[bool, tuple[str, ...]] = {
    True: (
        '{"action": "tool", "content": {"tool": "list_files"}}',
        '```json\n{"name": "list_files", "arguments": {}}\n```',
        "",
    ),
    False: (
        "I will list the files.",
        '{"action": "tool|think|finish", "content": {}}',
        '{"action": "to',
    ),
}


async def test_the_wrong_dialect_three_times_goes_to_the_person(sample: Path, way: Way) -> None:
    wrong = [way.says(text(said)) for said in WRONG[way.tools]]
    with way.server([*wrong, *wrong[:2], way.says(FINISH)]) as server:
        desk = Desk(sample, way, server)
        state = await desk.run()
        assert state.state == "paused"
        assert "last 3 replies could not be used" in state.reason
        assert len(server.requests) == 3
        # Each time the model was told why.
        for request, round_ in zip(server.requests[1:], state.rounds, strict=False):
            assert round_.notes
            assert json.dumps(round_.notes[0])[1:-1] in json.dumps(request["messages"][-1])
        # Who resumes gives it three tries anew.
        state = await desk.resume(state.id)
        await desk.engine.close()
    assert state.state == "finished"
    assert not server.exhausted


async def test_one_good_reply_starts_the_count_again(sample: Path, way: Way) -> None:
    wrong = [way.says(text(said)) for said in WRONG[way.tools][:2]]
    good = way.says(call("list_files"))
    state, _, _ = await run(sample, way, *wrong, good, *wrong, way.says(FINISH))
    assert state.state == "finished"


async def test_a_cut_reply_executes_nothing(sample: Path, way: Way) -> None:
    create = call("create_file", path="x.py", text="X = 1\n")
    cut = way.says(create, stop_reason="max_tokens")
    state, _, server = await run(sample, way, cut, way.says(FINISH))
    assert state.state == "finished"
    assert not state.texts
    assert "cut at its token limit" in json.dumps(server.requests[1]["messages"][-1])


@pytest.mark.parametrize("stop", ["refusal", "model_context_window_exceeded"])
@pytest.mark.parametrize(
    "blocks", [[], [text("I can't.")], [call("create_file", path="x.py", text="X = 1\n")]]
)
async def test_a_model_that_hands_over(sample: Path, stop: str, blocks: list[Json]) -> None:
    anthropic = WAYS["anthropic"]
    over = Reply(blocks, stop_reason=stop, usage=USAGE)
    with MessagesServer(
        [anthropic.says(call("list_files")), over, anthropic.says(FINISH)]
    ) as server:
        desk = Desk(sample, anthropic, server)
        state = await desk.run()
        assert state.state == "paused"
        assert "resume" in state.reason
        assert not state.texts
        assert len(state.rounds) == 2
        state = await desk.resume(state.id)
        await desk.engine.close()
    assert state.state == "finished"


async def test_a_paused_turn_goes_on(sample: Path) -> None:
    anthropic = WAYS["anthropic"]
    paused = Reply([text("Wait.")], stop_reason="pause_turn", usage=USAGE)
    empty = Reply([], stop_reason="pause_turn", usage=USAGE)
    state, _, server = await run(sample, anthropic, paused, empty, anthropic.says(FINISH))
    assert state.state == "finished"
    assert server.requests[1]["messages"][1]["content"] == [text("Wait.")]


async def test_what_no_journal_could_hold_does_not_end_a_session(sample: Path, native: Way) -> None:
    odd = '{"path": "\\ud800", "start_line": 99999999999999999999999, "reason": "\\udfff"}'
    deep = '{"path": ' + "[" * 150 + "]" * 150 + "}"
    script = [native.says(call("read_file") | {"input": given}) for given in (odd, deep)]
    state, desk, _ = await run(
        sample, native, *script, native.says(text("\ud83d x")), native.says(FINISH)
    )
    assert state.state == "finished"
    # It is also read again.
    again = await desk.sessions.state(state.id)
    odd_round = again.rounds[0]
    # It is no argument that a tool takes, or no JSON; the model is told either way.
    assert odd_round.notes or odd_round.results[0].error


async def test_null_stands_for_an_argument_that_is_not_meant(sample: Path, native: Way) -> None:
    reply = native.says(call("read_file", path="pressroom/text.py", start_line=None, end_line=None))
    state, _, _ = await run(sample, native, reply, native.says(FINISH))
    assert not state.rounds[0].results[0].error


async def test_another_model_goes_on_with_the_session(sample: Path, way: Way) -> None:
    """Each round is in the dialect of the model that was asked."""
    for other in WAYS.values():
        with other.server([other.says(call("read_file", path="pressroom/text.py"))]) as server:
            desk = Desk(sample, other, server, max_rounds=1)
            state = await desk.run()
            await desk.engine.close()
        with way.server([way.says(FINISH)]) as server:
            desk = Desk(sample, way, server)
            await desk.engine.fill()
            state = await desk.resume(state.id, Limits(rounds=5, tokens=0, minutes=0))
            await desk.engine.close()
        assert state.state == "finished"
        assert "def slugify" in json.dumps(server.requests[0]["messages"][-1])


# --- faults ---------------------------------------------------------------------------------------

PASSING: dict[str, Callable[[Way], Any]] = {
    **{
        str(status): lambda _, status=status: Failure(status, "some_error", "words")
        for status in (408, 500, 502, 503, 504, 529)
    },
    "429": lambda _: Failure(429, "rate_limit_error", headers={"retry-after": "0"}),
    "silence": lambda way: replace(way.says(text("hm")), delay=30.0),
    "silence_between": lambda way: replace(way.says(text("hm")), pause=30.0),
    "cut": lambda way: replace(way.says(text("hello")), cut_after=2),
    "cut_cleanly": lambda way: replace(way.says(text("hello")), cut_after=3, clean_cut=True),
    "overloaded": lambda way: replace(way.says(text("hello")), error_after=2),
    "garbage": lambda _: Garbage(),
    "no_stream": lambda _: Garbage(b"{}", "application/json"),
}


@pytest.mark.parametrize("fault", sorted(PASSING))
async def test_a_fault_that_passes_is_tried_again(sample: Path, native: Way, fault: str) -> None:
    create = native.says(call("create_file", path="x.py", text="X = 1\n"))
    script = [create, PASSING[fault](native), native.says(FINISH)]
    state, desk, server = await run(sample, native, *script, api_seconds=1.0)
    assert state.state == "waiting"
    assert len(server.requests) == 3
    # The round before was neither lost nor done again.
    assert server.requests[1]["messages"] == server.requests[2]["messages"]
    assert [c.path for c in state.proposal().changes] == ["x.py"]
    assert [e["event"] for e in desk.editor.events].count("retry") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_a_fault_that_stays_pauses_with_everything_kept(
    sample: Path, native: Way, status: int
) -> None:
    create = native.says(call("create_file", path="x.py", text="X = 1\n"))
    failure = Failure(status, "some_error", "the words")
    with native.server([create, failure, native.says(FINISH)]) as server:
        desk = Desk(sample, native, server)
        state = await desk.run()
        assert state.state == "paused"
        assert "the words" in state.reason
        assert len(server.requests) == 2
        assert len(state.rounds) == 1
        state = await desk.resume(state.id)
        await desk.engine.close()
    assert state.state == "waiting"
    assert [c.path for c in state.proposal().changes] == ["x.py"]


async def test_a_long_wait_pauses_and_names_it(sample: Path, native: Way) -> None:
    busy = Failure(429, "rate_limit_error", "slow down", {"retry-after": "3600"})
    state, _, server = await run(sample, native, busy)
    assert state.state == "paused"
    assert "slow down" in state.reason
    assert len(server.requests) == 1


# --- keys -----------------------------------------------------------------------------------------


async def test_a_new_key_is_taken_up_by_resuming(sample: Path, way: Way, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("old-key")
    script = [way.says(call("list_files")), way.says(FINISH)]
    with way.server(script, key="new-key") as server:
        trusted = {"api_key_file": str(file)}
        desk = Desk(sample, way, server, trusted=trusted)
        state = await desk.run()
        assert state.state == "paused"
        assert "key" in state.reason
        file.write_text("new-key")
        state = await desk.resume(state.id)
        await desk.engine.close()
    assert state.state == "finished"
    assert not server.exhausted


SECRETS = ("sk-first-7f3a9c1e", "sk-second-0b8d4e6f")


async def test_no_key_is_kept_or_told(
    sample: Path,
    way: Way,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Over a whole session, with an endpoint that repeats the keys in whatever it says."""
    file = tmp_path / "elsewhere" / "keys"
    file.parent.mkdir()
    file.write_text("\n".join(SECRETS))
    echoes = [
        Failure(status, kind, f"no: {' and '.join(SECRETS[:1])}", {"retry-after": "0"})
        for status, kind in ((500, "api_error"), (400, "invalid_request_error"))
    ]
    refused = [Failure(401, "authentication_error", f"Bad key {secret}.") for secret in SECRETS]
    script = [way.says(call("list_files")), echoes[0], echoes[1], *refused, way.says(FINISH)]
    with caplog.at_level(logging.DEBUG), way.server(script) as server:
        desk = Desk(sample, way, server, trusted={"api_key_file": str(file)})
        state = await desk.run()
        states = [state.state]
        for _ in range(2):
            state = await desk.resume(state.id)
            states.append(state.state)
        await desk.engine.close()
    assert states == ["paused", "paused", "finished"]
    assert {h["authorization"].split()[1] for h in server.headers} == set(SECRETS)
    journal = sample.parent / "state" / "journal.sqlite"
    with closing(sqlite3.connect(journal)) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
    values = [
        value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
    ]
    assert any(b"list_files" in value for value in values)
    kept = [path.read_bytes() for path in (sample.parent / "state").rglob("*") if path.is_file()]
    kept += [*values, caplog.text.encode(), *(s.encode() for s in capfd.readouterr())]
    kept += [
        json.dumps([desk.editor.events, desk.editor.told]).encode(),
        state.model_dump_json().encode(),
    ]
    assert caplog.records
    for secret in SECRETS:
        assert not any(secret.encode() in text for text in kept)
