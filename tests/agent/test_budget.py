"""The budget holds: over rounds, retries, crashes, resumes, sessions in parallel, and days."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from in_memory_editor import InMemoryEditor
from steadyhand_agent import context
from steadyhand_agent.errors import BudgetSpent, ModelRejected, ModelTransient, SettingsError
from steadyhand_agent.guard import budget
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage
from steadyhand_agent.session import Limits, Result, Round, SessionState, Task
from steadyhand_agent.state.sqlite import SqliteJournal
from steadyhand_agent.workspace import Workspace
from steadyhand_server.engine import Engine
from steadyhand_server.settings import load

Behaviour = Literal["tool", "think", "silent", "transient", "rejected", "cut", "nonsense"]


class RandomModel:
    """A model whose tokens are a fixed share of its bytes, as a tokeniser's nearly are.

    Args:
        behaviours: What it does, call after call; at the end it finishes.
        ratio: Tokens a byte, at most what the estimate assumes.
        output: The share of `max_tokens` that it uses.
        cached: The share of the prompt that it reads from its cache.
    """

    name = "random"
    unmetered = False

    def __init__(
        self,
        behaviours: Sequence[str],
        ratio: float = 0.3,
        output: float = 1.0,
        cached: float = 0.0,
        context: int = 1_000_000,
    ) -> None:
        self.behaviours = list(behaviours)
        self.ratio, self.output, self.cached = ratio, output, cached
        self.context = context
        self.calls = 0
        self.cost = 0
        self.prompts: list[int] = []
        self.requests: list[ModelRequest] = []

    async def ask(self, request: ModelRequest) -> ModelReply:
        await asyncio.sleep(0)
        self.calls += 1
        self.requests.append(request)
        does = self.behaviours.pop(0) if self.behaviours else "finish"
        prompt = int(budget.request_bytes(request) * self.ratio)
        self.prompts.append(prompt)
        cached = int(prompt * self.cached)
        out = max(1, int(request.max_tokens * self.output))
        usage = Usage(prompt - cached, out, 0, cached)
        self.cost += usage.charged
        match does:
            case "transient":
                raise ModelTransient("It broke off.")
            case "rejected":
                raise ModelRejected("It said no.")
            case "silent":
                return ModelReply([_call("read_file", self.calls)], "tool_use", None)
            case "think":
                block = {"type": "text", "text": f"thought number {self.calls} {'x ' * 400}"}
                return ModelReply([block], "end_turn", usage)
            case "cut":
                return ModelReply([_call("read_file", self.calls)], "max_tokens", usage)
            case "nonsense":
                return ModelReply([], "end_turn", usage)
            case "tool":
                return ModelReply([_call("read_file", self.calls)], "tool_use", usage)
            case _:
                return ModelReply([_call("finish", self.calls)], "tool_use", usage)


def _call(name: str, number: int) -> dict[str, Any]:
    # It pages through a file, so that the guard against loops has nothing to say.
    given = {
        "reason": "r",
        "path": "a.py",
        "start_line": number,
        "end_line": number,
        "summary": "s",
    }
    return {"type": "tool_use", "id": f"c{number}", "name": name, "input": given}


def engine_of(folder: Path, model: RandomModel, state: str = "state", **client: Any) -> Engine:
    root = folder / "ws"
    root.mkdir(exist_ok=True)
    (root / "a.py").write_text("".join(f"{chr(97 + n % 26) * (n % 9 + 1)}\n" for n in range(400)))
    values = {"retry_min_seconds": 0.0, "retry_max_seconds": 0.0, **client}
    loaded, ignored = load(values, [root], {"STEADYHAND_STATE_DIR": str(folder / state)})
    assert not ignored
    engine = Engine([root], loaded, InMemoryEditor(Workspace([root])))
    engine.agent.model_for = lambda state: model  # pyright: ignore[reportAttributeAccessIssue]
    return engine


BEHAVIOURS: st.SearchStrategy[list[Behaviour]] = st.lists(
    st.sampled_from(get_args(Behaviour)), max_size=25
)


@settings(max_examples=25)
@given(
    behaviours=BEHAVIOURS,
    ratio=st.floats(0.1, 1 / budget.BYTES_PER_TOKEN),
    output=st.floats(0.05, 1.0),
    cached=st.floats(0.0, 0.95),
    tokens=st.integers(3_000, 30_000),
    grants=st.lists(st.integers(0, 8_000), max_size=4),
)
def test_no_model_makes_a_session_overspend(
    behaviours: list[Behaviour],
    ratio: float,
    output: float,
    cached: float,
    tokens: int,
    grants: list[int],
) -> None:
    """Whatever it does, and however often the session is resumed, by this process or another."""

    async def run(folder: Path) -> None:
        model = RandomModel(behaviours, ratio, output, cached)
        session = ""
        for grant in (None, *grants):
            engine = engine_of(folder, model, max_tokens=tokens)
            await engine.fill()
            if not session:
                session = (await engine.sessions.start(Task(prompt="x"))).id
            else:
                more = Limits(rounds=3, tokens=grant or 0, minutes=0)
                try:
                    await engine.sessions.resume(session, more)
                except Exception as error:
                    assert "start a new task" in str(error)
            state = await engine.sessions.wait(session)
            assert state.state in ("paused", "finished")
            assert state.spent <= state.limits.tokens
            assert model.cost <= state.spent
            assert state.round <= state.limits.rounds
            await engine.close()

    with TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


@settings(max_examples=12)
@given(
    each=st.lists(BEHAVIOURS, min_size=2, max_size=4),
    limit=st.integers(4_000, 40_000),
    ratio=st.floats(0.1, 1 / budget.BYTES_PER_TOKEN),
)
def test_sessions_in_parallel_share_one_day(
    each: list[list[Behaviour]], limit: int, ratio: float
) -> None:
    """In two servers on one journal, as two editor windows on one folder are."""

    async def run(folder: Path) -> None:
        models = [RandomModel(behaviours, ratio) for behaviours in each]
        engines = [engine_of(folder, m, daily_token_limit=limit) for m in models]
        started: list[tuple[Engine, str]] = []
        for engine in engines:
            await engine.fill()
            started.append((engine, (await engine.sessions.start(Task(prompt="x"))).id))
        for engine, session in started:
            await engine.sessions.wait(session)
        assert sum(model.cost for model in models) <= limit
        states = [await engine.sessions.state(session) for engine, session in started]
        assert sum(state.spent for state in states) <= limit
        for engine in engines:
            await engine.close()

    with TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


async def test_a_spent_day_says_so_and_grants_nothing(tmp_path: Path) -> None:
    model = RandomModel(["tool"] * 30)
    engine = engine_of(tmp_path, model, daily_token_limit=12_000)
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    state = await engine.sessions.wait(state.id)
    assert state.state == "paused"
    assert "`daily_token_limit`" in state.reason
    assert engine.editor.asked_for_more == []  # pyright: ignore[reportAttributeAccessIssue]
    await engine.close()


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", None])
async def test_what_was_never_sent_is_not_charged(
    tmp_path: Path, base_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key, or nobody who answers: the session and the day have all that they had."""
    if base_url:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    engine = engine_of(tmp_path, RandomModel([]))
    del engine.agent.model_for
    engine.settings = engine.settings.model_copy(update={"base_url": base_url})
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    state = await engine.sessions.wait(state.id)
    assert (state.state, state.pause, state.spent) == ("paused", "model", 0)
    journal = SqliteJournal(tmp_path / "state" / "journal.sqlite")
    day = time.strftime("%Y-%m-%d")
    assert await journal.spent(engine.workspace.id, day) == 0
    await journal.close()
    await engine.close()


async def test_a_recording_that_cannot_be_written_is_said_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    engine = engine_of(tmp_path, RandomModel([]))
    del engine.agent.model_for
    update = {"record": tmp_path / "no" / "such" / "folder.jsonl"}
    engine.settings = engine.settings.model_copy(update=update)
    await engine.fill()
    with pytest.raises(SettingsError, match="cannot be written"):
        await engine.sessions.start(Task(prompt="x"))
    await engine.close()


@pytest.mark.parametrize("usage", [Usage(0, 0), Usage(-5, 10), Usage(0, 10), Usage(10, 0)])
async def test_counts_that_cannot_be_keep_what_was_set_aside(tmp_path: Path, usage: Usage) -> None:
    class Lying(RandomModel):
        async def ask(self, request: ModelRequest) -> ModelReply:
            reply = await super().ask(request)
            return ModelReply(reply.blocks, reply.stop_reason, usage)

    engine = engine_of(tmp_path, Lying([]))
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    state = await engine.sessions.wait(state.id)
    assert state.spent > 4_000
    await engine.close()


async def test_more_is_offered_where_a_budget_is_spent(tmp_path: Path) -> None:
    model = RandomModel(["tool"] * 5, output=0.01)
    engine = engine_of(tmp_path, model, max_rounds=4)
    editor: Any = engine.editor
    editor.grants = 1
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    state = await engine.sessions.wait(state.id)
    assert state.state == "finished"
    assert state.limits.rounds == 6
    (asked,) = editor.asked_for_more
    assert "All 4 rounds are used" in asked
    assert "Nothing is proposed." in asked
    assert asked.endswith("+2 rounds")
    await engine.close()


async def test_a_session_that_is_not_given_more_stays_paused(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, RandomModel(["tool"] * 5, output=0.01), max_rounds=2)
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    state = await engine.sessions.wait(state.id)
    assert (state.state, state.round) == ("paused", 2)
    await engine.close()


async def test_the_sessions_time_ends_a_reply_and_counts_the_tools(tmp_path: Path) -> None:
    class Slow(RandomModel):
        async def ask(self, request: ModelRequest) -> ModelReply:
            if self.calls == 1:
                await asyncio.sleep(3_600)
            return await super().ask(request)

    engine = engine_of(tmp_path, Slow(["tool"] * 5), max_minutes=0.08)
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    state = await engine.sessions.wait(state.id)
    assert (state.state, state.pause, state.round) == ("paused", "time", 1)
    assert "ended in the middle of a reply" in state.reason
    assert state.reserved > 0
    # So that a resume gives more, and does not ask the same again and again.
    assert state.seconds >= state.limits.minutes * 60
    assert state.seconds >= state.rounds[0].results[0].seconds > 0
    await engine.close()


async def test_near_its_end_the_model_is_told_once(tmp_path: Path) -> None:
    model = RandomModel(["tool"] * 12, output=0.01)
    engine = engine_of(tmp_path, model, max_rounds=10)
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    state = await engine.sessions.wait(state.id)
    told = [done.number for done in state.rounds if any("left." in note for note in done.notes)]
    assert told == [8]
    sent = orjson.dumps(list(model.requests[8].messages)).decode()
    assert "You have 2 rounds and" in sent
    await engine.close()


async def test_what_the_last_prompt_took_is_not_estimated_again() -> None:
    state = SessionState(id="s", limits=Limits(tokens=10_000))
    request = ModelRequest("s" * 9_000, [], [], 4_096)
    guessed = budget.reserve(state, request)
    assert guessed.input > 3_000
    state.prompt_bytes, state.prompt_tokens = guessed.size, 1_800
    assert budget.reserve(state, request).input < 1_850


async def test_an_estimate_that_missed_is_charged_and_pauses(tmp_path: Path) -> None:
    model = RandomModel(["tool"] * 5, ratio=3.0, output=0.5)
    engine = engine_of(tmp_path, model, max_tokens=8_000)
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    state = await engine.sessions.wait(state.id)
    assert state.state == "paused"
    assert model.calls == 1
    assert state.charged == model.cost > 8_000
    await engine.close()


async def test_earlier_rounds_are_summed_up_where_they_no_longer_fit(tmp_path: Path) -> None:
    model = RandomModel(["tool", "think"] * 8, output=0.02, context=4_200)
    engine = engine_of(tmp_path, model, max_rounds=40, max_tokens=200_000)
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="the task itself"))
    state = await engine.sessions.wait(state.id)
    assert state.state == "finished"
    assert state.compactions >= 1
    assert max(model.prompts) <= 4_200
    last = orjson.dumps(list(model.requests[-1].messages)).decode()
    assert "the task itself" in last
    assert re.search(rf'<earlier-[0-9a-f]{{8}} rounds=\\"1-{state.compacted}\\">', last)
    assert "1. read_file path='a.py'" in last
    # A resumed session sends the same bytes.
    again = context.build(state, model.requests[-1].tools).messages
    sent = list(model.requests[-1].messages)
    assert list(again)[: len(sent)] == sent
    await engine.close()


async def test_a_task_larger_than_the_model_takes_is_said(tmp_path: Path) -> None:
    model = RandomModel(["tool"], context=4_000)
    engine = engine_of(tmp_path, model, max_tokens=200_000)
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x" * 30_000))
    state = await engine.sessions.wait(state.id)
    assert state.state == "paused"
    assert "more than the 4,000 that random takes at once" in state.reason
    assert model.calls == 0
    await engine.close()


def test_a_summary_keeps_refusals_and_edits() -> None:
    state = SessionState(id="s", task=Task(prompt="p"))
    refused = Result(call_id="c1", tool="edit_file", text="refused: it is in b.py:7", error=True)
    for number in (1, 2, 3):
        result = refused if number == 1 else Result(call_id=f"c{number}", text="Changed.")
        block = _call("edit_file", number)
        state.rounds.append(
            Round(number=number, blocks=[block], stop_reason="tool_use", results=[result])
        )
    state.bases["a.py"], state.texts["a.py"] = "A = 1\n", "A = 2\n"
    tight, wide = (context.compacted(state, [], room) for room in (100, 1_000_000))
    assert tight is not None and wide is not None
    assert (tight.through, wide.through) == (2, 1)
    assert "refused: it is in b.py:7" in tight.text
    assert "+A = 2" in tight.text
    state.compacted = 2
    assert context.compacted(state, [], 100) is None


async def test_a_ledger_adds_up_per_day_and_workspace(tmp_path: Path) -> None:
    one, other = SqliteJournal(tmp_path / "j"), SqliteJournal(tmp_path / "j")
    asked = [j.spend("w", "2026-11-23", 300, 1_000) for j in (one, other) for _ in range(5)]
    assert sum(await asyncio.gather(*asked)) == 3
    assert await other.spent("w", "2026-11-23") == 900
    assert await one.spent("w", "2026-11-24") == await one.spent("v", "2026-11-23") == 0
    assert await one.spend("w", "2026-11-23", -800)
    assert await other.spend("w", "2026-11-23", 900, 1_000)
    await one.close()
    await other.close()


@pytest.mark.parametrize(
    ("rounds", "spent", "told"), [(7, 0, False), (8, 0, True), (0, 8_000, True)]
)
def test_when_it_is_time_to_wrap_up(rounds: int, spent: int, told: bool) -> None:
    state = SessionState(id="s", limits=Limits(rounds=10, tokens=10_000), charged=spent)
    state.rounds = [Round(number=n) for n in range(rounds)]
    assert bool(budget.wrap_up(state)) is told
    state.wrapping_up = True
    assert not budget.wrap_up(state)


def test_a_budget_error_says_whether_more_helps() -> None:
    state = SessionState(id="s", limits=Limits(rounds=0))
    with pytest.raises(BudgetSpent) as spent:
        budget.check_limits(state)
    assert spent.value.what == "rounds"


class ShortSighted(RandomModel):
    """Its endpoint reads the last tokens of a prompt and says nothing of it."""

    async def ask(self, request: ModelRequest) -> ModelReply:
        reply = await super().ask(request)
        assert reply.usage is not None
        read = min(reply.usage.input_tokens, 2_000)
        usage = dataclasses.replace(reply.usage, input_tokens=read)
        return dataclasses.replace(reply, usage=usage)


@pytest.mark.parametrize("sees", [ShortSighted, RandomModel])
async def test_an_endpoint_that_drops_what_comes_first_is_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sees: type[RandomModel]
) -> None:
    """As Ollama does, whose context is often 4,096 tokens: the model no longer knows the task."""
    model = sees(["think", "tool"] * 4, output=0.02)
    engine = engine_of(tmp_path, model)
    (tmp_path / "ws" / "a.py").write_text("".join(f"{'x' * 3_000}{n}\n" for n in range(40)))
    await engine.fill()
    state = await engine.sessions.start(Task(prompt="x"))
    await engine.sessions.wait(state.id)
    await engine.close()
    told = [r.message for r in caplog.records if "drops what comes first" in r.message]
    assert len(told) == (1 if sees is ShortSighted else 0)
