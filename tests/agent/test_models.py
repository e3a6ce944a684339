import json
from pathlib import Path
from typing import Any

import pytest

from steadyhand_agent.actions import Action
from steadyhand_agent.errors import ReplayDiverged, ReplyUnreadable, SettingsError
from steadyhand_agent.models import dialect
from steadyhand_agent.models.profiles import Profile, profile
from steadyhand_agent.models.replay import RecordingModel, ReplayModel, normal, observations
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage

Json = dict[str, Any]

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


# --- profiles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        "claude-sonnet-5-5",
        "claude-fable-5-2",
        "claude-opus-5",
        "claude-haiku-5-5",
        "claude-sonnet-5",
    ],
)
def test_the_fifth_series_caches_and_takes_an_effort(model: str) -> None:
    assert profile(model) == Profile(context=200_000, caching=True, effort="low")


@pytest.mark.parametrize(
    "model", ["claude-opus-4-8", "claude-sonnet-4-5", "claude-3-5-haiku-latest"]
)
def test_older_models_cache_and_take_no_effort(model: str) -> None:
    assert profile(model) == Profile(context=200_000, caching=True)


def test_a_dated_model_is_like_the_one_without_a_date() -> None:
    assert profile("claude-sonnet-5-5-20261101") == profile("claude-sonnet-5-5")
    assert (
        profile("claude-opus-4-5-20251101")
        == profile("claude-opus-4-5")
        == Profile(context=200_000, caching=True)
    )


@pytest.mark.parametrize("model", ["", "llama-3", "qwen3-coder", "my-claude-5", "gpt-5"])
def test_an_unknown_model_is_sent_nothing_special(model: str) -> None:
    assert profile(model) == Profile()


# --- replay ---------------------------------------------------------------------------------------


class Scripted:
    """A `Model` that answers from a list."""

    name = "scripted"
    unmetered = False
    context_window = 200_000

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
