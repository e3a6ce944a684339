import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from steadyhand_agent.actions import Action
from steadyhand_agent.errors import ReplayDiverged, ReplyUnreadable, SettingsError
from steadyhand_agent.models import chat_completions, dialect, exchange, schemas
from steadyhand_agent.models.profiles import Accepted, Profile, forget, profile
from steadyhand_agent.models.replay import RecordingModel, ReplayModel, normal, observations
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage
from steadyhand_agent.tools import registry

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def unlearnt() -> None:
    forget()


# --- dialect --------------------------------------------------------------------------------------


def call(name: str, call_id: str = "c1", **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def text(said: str) -> Json:
    return {"type": "text", "text": said}


def test_a_call_is_an_action() -> None:
    blocks = [text("Let me look."), call("read_file", path="a.py", reason="to see")]
    assert dialect.actions(blocks, "tool_use") == [
        Action(
            kind="tool", tool="read_file", content={"path": "a.py", "reason": "to see"},
            reason="to see", call_id="c1",
        )
    ]  # fmt: skip


def test_calls_keep_their_order() -> None:
    blocks = [
        call("a", "1"),
        {"type": "thinking", "thinking": "x"},
        call("b", "2"),
        call("finish", "3"),
    ]
    found = dialect.actions(blocks, "tool_use")
    assert [(a.kind, a.tool, a.call_id) for a in found] == [
        ("tool", "a", "1"), ("tool", "b", "2"), ("finish", "finish", "3"),
    ]  # fmt: skip


def test_text_without_a_call_is_a_thought() -> None:
    assert dialect.actions([text("one"), text("two")], "end_turn") == [
        Action(kind="think", content={"text": "one\ntwo"})
    ]


@pytest.mark.parametrize("stop", ["end_turn", "stop_sequence", None])
def test_a_call_counts_whatever_the_stop_reason(stop: str | None) -> None:
    """Some endpoints report `end_turn` for a call."""
    assert dialect.actions([call("read_file", path="a")], stop)[0].kind == "tool"


@pytest.mark.parametrize(
    ("blocks", "stop"),
    [
        ([], "end_turn"),
        ([text("")], "end_turn"),
        ([text(" \n")], "end_turn"),
        ([{"type": "thinking", "thinking": "x"}], "end_turn"),
        ([text("half a sent")], "max_tokens"),
        ([call("edit_file", path="a")], "max_tokens"),
        ([{"type": "tool_use", "id": "1", "name": "a", "input": "text"}], "tool_use"),
        ([{"type": "tool_use", "id": "1", "name": "a", "input": None}], "tool_use"),
        ([{"type": "tool_use", "id": "1", "name": "a"}], "tool_use"),
        ([{"type": "tool_use", "id": "1", "name": "a", "input": [1]}], "tool_use"),
    ],
)
def test_replies_that_cannot_be_used(blocks: list[Json], stop: str) -> None:
    with pytest.raises(ReplyUnreadable):
        dialect.actions(blocks, stop)


def test_a_cut_reply_is_told_apart() -> None:
    with pytest.raises(ReplyUnreadable, match="cut at its token limit"):
        dialect.actions([call("a")], "max_tokens")


def test_one_bad_call_stops_them_all() -> None:
    with pytest.raises(ReplyUnreadable, match="`b`"):
        dialect.actions(
            [call("a"), {"type": "tool_use", "id": "1", "name": "b", "input": 1}], "tool_use"
        )


def test_a_long_reason_is_cut_and_the_action_is_kept() -> None:
    (action,) = dialect.actions([call("a", reason="é" * 5_000)], "tool_use")
    assert action.reason.endswith(" [cut]")
    assert len(action.reason.encode()) <= dialect.REASON_BYTES + 6
    (action,) = dialect.actions([call("a", reason="é" * 100)], "tool_use")
    assert action.reason == "é" * 100


def test_a_reason_of_another_type_is_words_all_the_same() -> None:
    (action,) = dialect.actions([call("a", reason=["x"])], "tool_use")
    assert action.reason == "['x']"


@pytest.mark.parametrize("stop", ["refusal", "model_context_window_exceeded"])
def test_a_reply_that_hands_over_says_why(stop: str) -> None:
    assert "resume" in (dialect.handed_over(stop) or "")


@pytest.mark.parametrize("stop", ["end_turn", "tool_use", "max_tokens", "pause_turn", "new", None])
def test_every_other_reply_goes_on(stop: str | None) -> None:
    assert dialect.handed_over(stop) is None


def test_a_paused_turn_without_words_is_a_thought() -> None:
    assert dialect.actions([], "pause_turn") == [Action(kind="think", content={"text": ""})]


def test_null_is_an_argument_that_is_not_meant() -> None:
    (action,) = dialect.actions([call("read_file", path="a", start_line=None)], "tool_use")
    assert action.content == {"path": "a"}


@pytest.mark.parametrize("name", [" finish", "functions.finish", "finish<|channel|>commentary"])
def test_what_a_template_leaves_around_a_name_is_taken_off(name: str) -> None:
    (action,) = dialect.actions([call(name, reason={"why": 1})], "tool_use")
    assert (action.kind, action.tool) == ("finish", "finish")
    assert action.content["reason"] == action.reason == "{'why': 1}"


@pytest.mark.parametrize(
    "said",
    [
        '{"action": "tool", "content": {"tool": "read_file", "path": "a"}, "reason": "r"}',
        '```json\n{"name": "read_file", "arguments": {"path": "a"}}\n```',
        '<tool_call>\n{"name": "read_file", "parameters": {"path": "a"}}\n</tool_call>',
        '[{"function": {"name": "read_file"}}]',
        "<function=read_file>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>",
        "<\uff5ctool\u2581calls\u2581begin\uff5c>function<\uff5ctool\u2581sep\uff5c>read_file",
    ],
)
def test_a_call_that_is_written_down_is_the_wrong_dialect(said: str) -> None:
    with pytest.raises(ReplyUnreadable, match="wrote a tool call as text"):
        dialect.actions([text(said)], "end_turn")


@pytest.mark.parametrize("said", ['{"a": 1}', "Use {x}.", '{"name": "x"}', "{", "```py\nx\n```"])
def test_other_text_with_braces_is_a_thought(said: str) -> None:
    assert dialect.actions([text(said)], "end_turn")[0].kind == "think"


# --- profiles -------------------------------------------------------------------------------------


def sent(found: Profile) -> tuple[Any, ...]:
    return found.sampling, found.effort, found.strict, found.caching


@pytest.mark.parametrize(
    "model",
    [
        "claude-sonnet-5-5",
        "claude-fable-5-2",
        "claude-opus-5",
        "claude-haiku-5-5",
        "claude-sonnet-5",
        "claude-sonnet-5-5-20261101",
        "claude-mythos-preview",
        "us.anthropic.claude-opus-5-v1:0",
        "claude-opus-10",
    ],
)
def test_the_fifth_series_takes_an_effort_and_no_sampling(model: str) -> None:
    assert sent(profile(model)) == ((), "low", True, True)


@pytest.mark.parametrize(
    ("model", "effort", "strict"),
    [
        ("claude-sonnet-4-6", "medium", True),
        ("claude-opus-4-6", "medium", True),
        ("claude-opus-4-5-20251101", None, True),
        ("claude-haiku-4-5", None, True),
        ("claude-sonnet-4-5", None, True),
        ("claude-opus-4-1-20250805", None, False),
        ("claude-opus-4-20250514", None, False),
        ("claude-3-5-haiku-latest", None, False),
        ("anthropic/claude-3-7-sonnet", None, False),
    ],
)
def test_older_models_take_one_of_the_two(model: str, effort: str | None, strict: bool) -> None:
    found = profile(model)
    assert sent(found) == (("temperature",), effort, strict, True)
    assert found.version == "2023-06-01"


@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-opus-4-8"])
def test_the_last_of_the_fourth_series_take_no_sampling(model: str) -> None:
    assert sent(profile(model)) == ((), "medium", True, True)


def test_a_dated_model_is_like_the_one_without_a_date() -> None:
    assert profile("claude-sonnet-5-5-20261101") == profile("claude-sonnet-5-5")
    assert profile("claude-opus-4-5-20251101") == profile("claude-opus-4-5")


@pytest.mark.parametrize("model", ["", "llama-3", "qwen3-coder", "my-claude-5", "gpt-5", "claude-"])
def test_an_unknown_model_is_sent_nothing_special(model: str) -> None:
    assert profile(model) == Profile()


@pytest.mark.parametrize("model", ["llama3.2", "qwen3-coder:30b", "gpt-oss-120b", "mistral-large"])
def test_an_unknown_model_of_chat_completions_takes_both(model: str) -> None:
    found = profile(model, "chat")
    assert sent(found) == (("temperature", "top_p"), None, False, False)
    assert found.limit == "max_tokens"


@pytest.mark.parametrize("model", ["gpt-5", "gpt-6.2-sol", "openai/gpt-5.4-mini", "o3", "o4-mini"])
def test_models_of_openai_that_reason_take_an_effort(model: str) -> None:
    found = profile(model, "chat")
    assert sent(found) == ((), "low", True, False)
    assert found.limit == "max_completion_tokens"


@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-4o-mini", "openai/gpt-4o"])
def test_older_models_of_openai_take_both(model: str) -> None:
    assert sent(profile(model, "chat")) == (("temperature", "top_p"), None, True, False)


def test_a_person_knows_better() -> None:
    overrides = {"qwen*": {"tools": False, "effort": "low"}, "qwen3-*": {"effort": None}}
    assert profile("qwen2", "chat", overrides).effort == "low"
    found = profile("qwen3-coder", "chat", overrides)
    assert (found.tools, found.effort, found.sampling) == (False, None, ("temperature", "top_p"))
    assert profile("llama", "chat", overrides).tools


@pytest.mark.parametrize(
    ("parameter", "field"),
    [
        ("strict", "strict"), ("cache_control", "caching"), ("effort", "effort"),
        ("reasoning_effort", "effort"), ("output_config", "structured"), ("tools", "tools"),
        ("response_format", "structured"), ("thinking", "thinking"), ("stream_options", "usage"),
    ],
)  # fmt: skip
def test_what_is_refused_is_left_out_and_nothing_else(parameter: str, field: str) -> None:
    before = Profile(
        sampling=("temperature", "top_p"), effort="low", thinking="adaptive", strict=True,
        structured=True, caching=True,
    )  # fmt: skip
    after = before.without(parameter)
    assert not getattr(after, field)
    changed = {n for n in Profile.model_fields if getattr(before, n) != getattr(after, n)}
    assert changed == ({"effort", "structured"} if parameter == "output_config" else {field})


def test_the_limit_of_a_reply_is_renamed_and_never_left_out() -> None:
    assert Profile().without("max_tokens").limit == "max_completion_tokens"
    assert (
        Profile(limit="max_completion_tokens").without("max_completion_tokens").limit
        == "max_tokens"
    )


def test_one_endpoint_s_refusal_is_no_other_s(caplog: pytest.LogCaptureFixture) -> None:
    given = Profile(sampling=("temperature", "top_p"))
    here, there = Accepted("m", "http://here", given), Accepted("m", "http://there", given)
    assert here.drop("top_p", "no")
    assert here.now.sampling == ("temperature",)
    assert Accepted("m", "http://here", given).now.sampling == ("temperature",)
    assert there.now == given
    # Once, also in the log.
    assert not here.drop("top_p", "no")
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "`top_p`" in caplog.text


# --- tools as each protocol wants them ------------------------------------------------------------


def test_strict_schemas_keep_to_the_subset() -> None:
    for shown in schemas.for_messages(registry().schemas, strict=True):
        assert shown["strict"]
        schema = shown["input_schema"]
        assert schema["additionalProperties"] is False
        for value in schema["properties"].values():
            assert set(value) <= {"type", "description", "enum", "items"}
            assert isinstance(value["type"], str)


def test_strict_tools_of_chat_require_all_and_let_the_optional_be_null() -> None:
    tools = registry().schemas
    for given, shown in zip(tools, schemas.for_chat(tools, strict=True), strict=True):
        function = shown["function"]
        assert function["strict"]
        properties = function["parameters"]["properties"]
        assert function["parameters"]["required"] == list(properties)
        for name, value in properties.items():
            optional = name not in given["input_schema"]["required"]
            assert isinstance(value["type"], list) == optional


def test_without_strict_the_schemas_are_the_registry_s() -> None:
    tools = registry().schemas
    assert schemas.for_messages(tools, strict=False) == tools
    shown = schemas.for_chat(tools, strict=False)
    assert [s["function"]["parameters"] for s in shown] == [t["input_schema"] for t in tools]


def test_no_more_is_strict_than_a_request_may_hold() -> None:
    one = registry().schemas[0]
    names = [shown.get("strict") for shown in schemas.for_messages([one] * 30, strict=True)]
    # Two of its parameters are optional, and a request may hold 24.
    assert names == [True] * 12 + [None] * 18


def test_null_in_a_schema_is_an_optional_parameter() -> None:
    value = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "description": "d"}
    tool = {
        "name": "t",
        "description": "",
        "input_schema": {"type": "object", "properties": {"n": value}},
    }
    (shown,) = schemas.for_messages([tool], strict=True)
    assert shown["input_schema"]["properties"] == {"n": {"type": "integer", "description": "d"}}


# --- what no journal could hold -------------------------------------------------------------------


def test_blocks_are_kept_as_they_are() -> None:
    blocks = [
        {"type": "thinking", "thinking": "x", "signature": "s"},
        call("a", "1", n=1.5, s="é😀"),
    ]
    assert exchange.sound(blocks) == blocks


@pytest.mark.parametrize("value", ["\ud800", 2**70, -(2**80), {"\udfff": ["\ud83d"]}])
def test_what_no_journal_could_hold_becomes_text(value: Any) -> None:
    (block,) = exchange.sound([call("a", x=value)])
    assert orjson.loads(orjson.dumps(block)) == block


def test_nesting_without_end_becomes_text() -> None:
    value: Any = 1
    for _ in range(600):
        value = [value]
    orjson.dumps(exchange.sound([call("a", x=value)]))


def test_calls_without_an_id_of_their_own_get_one() -> None:
    found = exchange.sound(
        [
            call("a", ""),
            call("b", "x"),
            call("c", "x"),
            {"type": "tool_use", "name": "d", "input": {}},
        ]
    )
    assert [block["id"] for block in found] == ["call_1", "x", "call_3", "call_4"]


# --- replay ---------------------------------------------------------------------------------------


class Scripted:
    """A `Model` that answers from a list."""

    name = "scripted"
    unmetered = False
    context = None

    def __init__(self, replies: list[ModelReply]) -> None:
        self.replies = replies

    async def ask(self, request: ModelRequest) -> ModelReply:
        return self.replies[request.number]


def result(call_id: str, content: str) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": False}


def conversation(*turns: list[Json]) -> ModelRequest:
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": turn} for n, turn in enumerate(turns)]
    return ModelRequest("system", [], messages, 4_096, len(turns) // 2)


REPLIES = [
    ModelReply([text("I look."), call("read_file", "1", path="a"), call("list_files", "2")], "tool_use", Usage(10, 5, 1, 2)),
    ModelReply([{"type": "thinking", "thinking": "x", "signature": "s"}, call("finish", "3", summary="done")], "tool_use", None),
]  # fmt: skip


def steps(root: Path) -> list[ModelRequest]:
    first = [text("The task.")]
    results = [result("1", f"1\tx {root}/a  \r\n2\ty"), result("2", "a\nb"), text("a note")]
    return [conversation(first), conversation(first, REPLIES[0].blocks, results)]


async def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "session.jsonl"
    model = RecordingModel(Scripted(REPLIES), path, [tmp_path], "The task.")
    for number, request in enumerate(steps(tmp_path)):
        assert await model.ask(request) == REPLIES[number]
    return path


async def test_a_recorded_session_plays_the_same(tmp_path: Path) -> None:
    path = await recorded(tmp_path)
    model = ReplayModel(path, [tmp_path])
    assert [await model.ask(request) for request in steps(tmp_path)] == REPLIES
    assert (model.task, model.label) == ("The task.", "recorded from scripted")
    assert model.unmetered


async def test_a_recorded_session_plays_on_another_machine(tmp_path: Path) -> None:
    path = await recorded(tmp_path)
    assert str(tmp_path) not in path.read_text()
    elsewhere = Path("/home/somebody/project")
    model = ReplayModel(path, [elsewhere])
    assert [await model.ask(request) for request in steps(elsewhere)] == REPLIES


async def test_a_replay_has_no_place_of_its_own(tmp_path: Path) -> None:
    """So a session that is resumed by another process goes on in the right place."""
    path = await recorded(tmp_path)
    for number in (1, 0, 1):
        model = ReplayModel(path, [tmp_path])
        assert await model.ask(steps(tmp_path)[number]) == REPLIES[number]


async def test_a_recording_begins_anew_with_the_first_request(tmp_path: Path) -> None:
    path = await recorded(tmp_path)
    before = path.read_bytes()
    assert await recorded(tmp_path) == path
    assert path.read_bytes() == before


async def test_another_tool_diverges(tmp_path: Path) -> None:
    path = await recorded(tmp_path)
    model = ReplayModel(path, [tmp_path])
    blocks = [call("read_file", "1", path="a"), call("search_text", "2", text="x")]
    request = conversation(
        [text("t")], blocks, [result("1", "1\tx <workspace>/a\n2\ty"), result("2", "a\nb")]
    )
    with pytest.raises(ReplayDiverged, match=r"before reply 2.*'list_files'.*'search_text'"):
        await model.ask(request)


async def test_another_result_diverges(tmp_path: Path) -> None:
    path = await recorded(tmp_path)
    model = ReplayModel(path, [tmp_path])
    results = [result("1", "1\tx <workspace>/a\n2\tz"), result("2", "a\nb")]
    with pytest.raises(ReplayDiverged, match=r"`read_file` answered `2\tz` in line 2.*`2\ty`"):
        await model.ask(conversation([text("t")], REPLIES[0].blocks, results))


@pytest.mark.parametrize("content", ["1\tx <workspace>/a", "1\tx <workspace>/a\n2\ty\n3\tz"])
async def test_a_shorter_and_a_longer_result_diverge(tmp_path: Path, content: str) -> None:
    path = await recorded(tmp_path)
    model = ReplayModel(path, [tmp_path])
    results = [result("1", content), result("2", "a\nb")]
    with pytest.raises(ReplayDiverged, match="no more lines"):
        await model.ask(conversation([text("t")], REPLIES[0].blocks, results))


async def test_a_missing_result_diverges(tmp_path: Path) -> None:
    path = await recorded(tmp_path)
    model = ReplayModel(path, [tmp_path])
    with pytest.raises(ReplayDiverged, match="before reply 2"):
        await model.ask(conversation([text("t")], REPLIES[0].blocks, [result("2", "a\nb")]))


async def test_a_script_that_is_over_diverges(tmp_path: Path) -> None:
    path = await recorded(tmp_path)
    model = ReplayModel(path, [tmp_path])
    request = steps(tmp_path)[1]
    longer = conversation(
        *[m["content"] for m in request.messages], REPLIES[1].blocks, [result("3", "ok")]
    )
    with pytest.raises(ReplayDiverged, match="ends after 2 replies"):
        await model.ask(longer)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n", b"{}", b"[]", b"1", b"null", b"not json", b"\xff", b'{"steadyhand-replay": 2}',
        b'{"steadyhand-replay": 1}\n[]', b'{"steadyhand-replay": 1}\n{}', b'{"steadyhand-replay": 1}\n7',
        b'{"steadyhand-replay": 1}\n{"blocks": 3}',
    ],
)  # fmt: skip
def test_what_is_no_script_is_said_at_once(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"`replay`.*no recorded session"):
        ReplayModel(path, [])


def test_a_missing_script_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        ReplayModel(tmp_path / "missing", [])


async def test_a_script_by_hand_needs_little(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    step = {"blocks": [call("finish", "1")]}
    path.write_text(json.dumps({"steadyhand-replay": 1}) + "\n\n" + json.dumps(step) + "\n")
    reply = await ReplayModel(path, []).ask(conversation([text("t")]))
    assert reply == ModelReply(step["blocks"], "tool_use", None)


def test_results_are_compared_without_what_differs_by_machine() -> None:
    assert normal("/a/b/x  \r\n\ty\t\nz ", [Path("/a/b")]) == "<workspace>/x\n\ty\nz"


def test_only_the_last_results_are_observed() -> None:
    request = conversation(
        [text("t")],
        [call("a", "1")],
        [result("1", "one")],
        [call("b", "1")],
        [result("1", "two"), text("n")],
    )
    assert observations(request, []) == [{"tool": "b", "result": "two"}]
    assert observations(conversation([text("t")]), []) == []


def test_content_in_parts_is_a_text() -> None:
    """As Mistral's models that think send it."""
    received = chat_completions.Received()
    thinks = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]
    parts = [thinks, "So. ", [{"type": "text", "text": "Done."}], None]
    for part in parts:
        delta = SimpleNamespace(content=part)
        received.take(SimpleNamespace(choices=[SimpleNamespace(delta=delta, finish_reason="stop")]))
    assert received.blocks() == [{"type": "text", "text": "So. Done."}]
