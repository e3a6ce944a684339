"""What every provider must do, in both dialects. One more provider is one more line in `PROVIDERS`.

The scripts are decisions, which each provider's server says in its own protocol and dialect; the
expectations are the loop's: actions, a stop reason, usage, and our own errors.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chat_server import ChatServer
from messages_server import Failure, Garbage, MessagesServer, Reply
from steadyhand_agent.errors import (
    KeyRefused,
    ModelBusy,
    ModelError,
    ModelRejected,
    ModelTransient,
    ReplyUnreadable,
)
from steadyhand_agent.models import dialect, exchange
from steadyhand_agent.models.anthropic import AnthropicModel
from steadyhand_agent.models.keys import Keys
from steadyhand_agent.models.openai_compatible import OpenAiCompatibleModel
from steadyhand_agent.models.profiles import Profile, forget
from steadyhand_agent.models.replay import RecordingModel, ReplayModel
from steadyhand_agent.ports import Model, ModelReply, ModelRequest, Usage
from steadyhand_agent.tools import registry

Json = dict[str, Any]
USAGE = {"input_tokens": 30, "output_tokens": 20, "cache_read_input_tokens": 70}


@dataclass(frozen=True)
class Provider:
    """A provider, a server that speaks its protocol, and the dialect it is asked in."""

    server: type[MessagesServer]
    make: Callable[..., Any]
    suffix: str = ""
    tools: bool = True
    recorded: bool = False

    def model(self, server: MessagesServer, *, seconds: float = 20.0, **profile: Any) -> Any:
        return self.make(
            "some-model",
            keys=Keys("SOME_KEY"),
            profile=Profile.model_validate({"tools": self.tools} | profile),
            base_url=server.url + self.suffix,
            sampling={"temperature": 0.2, "top_p": 0.9},
            seconds=seconds,
        )

    def says(self, *decisions: Json, **more: Any) -> Reply:
        """A reply in this provider's dialect: calls, or envelopes one after the other."""
        more.setdefault("usage", USAGE)
        if self.tools:
            return Reply(list(decisions), **more)
        texts = [
            block["text"]
            if block["type"] == "text"
            else json.dumps(
                {"action": "tool", "content": {"tool": block["name"], **block["input"]}}
            )
            for block in decisions
        ]
        return Reply([{"type": "text", "text": "\n".join(texts)}], **more)


ANTHROPIC = Provider(MessagesServer, AnthropicModel)
CHAT = Provider(ChatServer, OpenAiCompatibleModel, "/v1")
PROVIDERS = {
    "anthropic": ANTHROPIC,
    "anthropic_envelope": replace(ANTHROPIC, tools=False),
    "openai_compatible": CHAT,
    "openai_compatible_envelope": replace(CHAT, tools=False),
    "replay": replace(ANTHROPIC, recorded=True),
    "replay_envelope": replace(CHAT, tools=False, recorded=True),
}
OVER_HTTP = {name: provider for name, provider in PROVIDERS.items() if not provider.recorded}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "test-key")
    forget()


@pytest.fixture(params=sorted(PROVIDERS))
def provider(request: pytest.FixtureRequest) -> Provider:
    return PROVIDERS[request.param]


@pytest.fixture(params=sorted(OVER_HTTP))
def http(request: pytest.FixtureRequest) -> Provider:
    return OVER_HTTP[request.param]


@contextmanager
def serving(provider: Provider, *script: Any, **more: Any) -> Iterator[MessagesServer]:
    with provider.server(script, **more) as server:
        yield server
    assert not server.exhausted


def call(name: str, call_id: str = "c1", **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def text(said: str) -> Json:
    return {"type": "text", "text": said}


def first(prompt: str = "do it", max_tokens: int = 4_096) -> ModelRequest:
    messages = [{"role": "user", "content": [text(prompt)]}]
    return ModelRequest("You are Steadyhand.", registry().schemas, messages, max_tokens)


def following(request: ModelRequest, reply: ModelReply, *results: str) -> ModelRequest:
    """The next request, as `context` builds it."""
    ids = [b["id"] for b in reply.blocks if b["type"] in ("tool_use", "envelope")]
    answers = [
        {"type": "tool_result", "tool_use_id": call_id, "content": result, "is_error": False}
        for call_id, result in zip(ids, results, strict=True)
    ]
    said = {"role": "assistant", "content": reply.blocks}
    told = {"role": "user", "content": answers or [text("Go on.")]}
    messages = [*request.messages, said, told]
    return replace(request, messages=messages, number=request.number + 1)


async def talk(model: Model, results: Sequence[Sequence[str]]) -> list[ModelReply]:
    """One reply for the first request and one for each row of results."""
    request = first()
    replies = [await model.ask(request)]
    for row in results:
        request = following(request, replies[-1], *row)
        replies.append(await model.ask(request))
    return replies


async def replies_of(
    provider: Provider,
    tmp_path: Path,
    script: Sequence[Reply],
    results: Sequence[Sequence[str]] = (),
) -> list[ModelReply]:
    """What the provider makes of a script; a recording is made first and then played."""
    with serving(provider, *script) as server:
        model = provider.model(server)
        if not provider.recorded:
            return await talk(model, results)
        path = tmp_path / "session.jsonl"
        recorded = await talk(RecordingModel(model, path, [tmp_path], "do it"), results)
    played = await talk(ReplayModel(path, [tmp_path]), results)
    assert played == recorded
    return played


def decided(reply: ModelReply) -> list[tuple[str, str, Json]]:
    found = dialect.actions(reply.blocks, reply.stop_reason)
    return [(a.kind, a.tool, {k: v for k, v in a.content.items() if k != "reason"}) for a in found]


# --- every provider -------------------------------------------------------------------------------


async def test_calls_become_actions(provider: Provider, tmp_path: Path) -> None:
    script = [
        provider.says(call("read_file", "1", path="a.py", start_line=2)),
        provider.says(call("edit_file", "2", path="é 😀.py", old_text='a\n\t"b"\\', new_text="")),
        provider.says(call("finish", "3", summary="done")),
    ]
    replies = await replies_of(provider, tmp_path, script, [["1\tx"], ["Edited."]])
    assert [decided(reply) for reply in replies] == [
        [("tool", "read_file", {"path": "a.py", "start_line": 2})],
        [("tool", "edit_file", {"path": "é 😀.py", "old_text": 'a\n\t"b"\\', "new_text": ""})],
        [("finish", "finish", {"summary": "done"})],
    ]


async def test_usage_is_counted_with_what_the_cache_served(
    provider: Provider, tmp_path: Path
) -> None:
    (reply,) = await replies_of(provider, tmp_path, [provider.says(call("list_files"))])
    assert reply.usage is not None
    assert reply.usage == Usage(30, 20, 0, 70)
    assert (reply.usage.raw, reply.usage.charged) == (120, 57)


async def test_ten_calls_at_once_keep_their_order(provider: Provider, tmp_path: Path) -> None:
    calls = [call("read_file", f"c{n}", path=f"{n}.py") for n in range(10)]
    (reply,) = await replies_of(provider, tmp_path, [provider.says(text("I look."), *calls)])
    paths = [content["path"] for _, _, content in decided(reply)]
    # A model without tools is heard once a reply, and told so.
    assert paths == ([f"{n}.py" for n in range(10)] if provider.tools else ["0.py"])


async def test_a_reply_that_was_cut_is_told_as_cut(provider: Provider, tmp_path: Path) -> None:
    script = [provider.says(text("half a sent"), stop_reason="max_tokens")]
    (reply,) = await replies_of(provider, tmp_path, script)
    with pytest.raises(ReplyUnreadable, match="cut at its token limit"):
        decided(reply)


async def test_a_refusal_hands_over(provider: Provider, tmp_path: Path) -> None:
    script = [provider.says(text("I can't."), stop_reason="refusal")]
    (reply,) = await replies_of(provider, tmp_path, script)
    assert dialect.handed_over(reply.stop_reason)


async def test_an_empty_reply_goes_back_with_the_reason(provider: Provider, tmp_path: Path) -> None:
    (reply,) = await replies_of(provider, tmp_path, [provider.says(text(""))])
    with pytest.raises(ReplyUnreadable):
        decided(reply)


async def test_the_wrong_dialect_goes_back_with_the_reason(
    provider: Provider, tmp_path: Path
) -> None:
    written = '{"action": "tool", "content": {"tool": "list_files"}, "reason": "r"}'
    said = text(written if provider.tools else "I will list the files.")
    (reply,) = await replies_of(provider, tmp_path, [provider.says(said)])
    with pytest.raises(ReplyUnreadable, match="nothing was executed"):
        decided(reply)


async def test_the_name_is_the_model_s(http: Provider) -> None:
    with serving(http) as server:
        model = http.model(server, context=32_000)
        assert (model.name, model.unmetered, model.context) == ("some-model", False, 32_000)


# --- what is on the wire --------------------------------------------------------------------------


async def test_three_rounds_have_one_head(http: Provider) -> None:
    script = [http.says(call("list_files", str(n))) for n in range(3)]
    with serving(http, *script) as server:
        await talk(http.model(server, caching=True, strict=True), [["a"], ["b"]])
    mark = b',"cache_control":{"type":"ephemeral"}'
    bodies = [raw.replace(mark, b"") for raw in server.raw]
    heads = {
        tuple(json.dumps(request.get(k)) for k in ("system", "tools"))
        for request in server.requests
    }
    assert len(heads) == 1
    talks = [body[body.index(b'"messages":[') : _end(body)] for body in bodies]
    assert talks[1].startswith(talks[0])
    assert talks[2].startswith(talks[1])
    assert len(talks[0]) < len(talks[1]) < len(talks[2])


def _end(body: bytes) -> int:
    """Where the list of messages ends."""
    start = body.index(b'"messages":[') + len(b'"messages":')
    _, end = json.JSONDecoder().raw_decode(body[start:].decode())
    return start + len(body[start:].decode()[:end].encode()) - 1


async def test_only_what_the_profile_accepts_is_sent(http: Provider) -> None:
    with serving(http, *[http.says(call("list_files"))] * 2) as server:
        await http.model(server, usage=False).ask(first())
        both = ("temperature", "top_p")
        told_all = http.model(server, sampling=both, effort="low", strict=True, body={"seed": 7})
        await told_all.ask(first())
    careful, told = server.requests
    always = {"model", "messages", "stream", "max_tokens"}
    always |= {"system"} if http.server is MessagesServer else set()
    always |= {"tools"} if http.tools else set()
    assert set(careful) == always
    assert (told["temperature"], told["top_p"], told["seed"]) == (0.2, 0.9, 7)
    effort = told["output_config"]["effort"] if "system" in always else told["reasoning_effort"]
    assert effort == "low"
    tools = [tool.get("function", tool) for tool in told.get("tools", ())]
    assert all(tool["strict"] for tool in tools)
    assert "strict" not in json.dumps(careful)


async def test_an_older_claude_is_asked_in_the_api_of_its_time() -> None:
    with serving(ANTHROPIC, *[ANTHROPIC.says(call("list_files"))] * 2) as server:
        old = ANTHROPIC.model(server, sampling=("temperature",), version="2023-06-01")
        await old.ask(first())
        await ANTHROPIC.model(server).ask(first())
    assert server.requests[0]["temperature"] == 0.2
    assert "top_p" not in server.requests[0]
    assert server.headers[0]["anthropic-version"] == "2023-06-01"
    assert server.headers[1]["anthropic-version"] > "2026"


async def test_a_schema_holds_a_model_without_tools(http: Provider) -> None:
    with serving(http, http.says(call("list_files"))) as server:
        await http.model(server, structured=True).ask(first())
    (request,) = server.requests
    given = request.get("output_config") or request.get("response_format")
    if http.tools:
        assert given is None
        return
    schema = json.dumps(given)
    assert all(f'"{name}"' in schema for name in ("action", "content", "reason", "edit_file"))


async def test_signed_thinking_goes_back_as_it_came() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    script = [ANTHROPIC.says(thought, call("list_files")), ANTHROPIC.says(call("list_files"))]
    with serving(ANTHROPIC, *script) as server:
        await talk(ANTHROPIC.model(server), [["a.py"]])
    assert server.requests[1]["messages"][1]["content"] == [thought, call("list_files")]


async def test_chat_results_stand_before_what_else_is_told() -> None:
    """Some chat templates allow nobody between a result and the reply to it."""
    with serving(CHAT, *[CHAT.says(call("list_files"))] * 2) as server:
        model = CHAT.model(server)
        reply = await model.ask(first())
        request = following(first(), reply, "a.py")
        request.messages[-1]["content"].append(text("a note"))
        await model.ask(request)
    told = server.requests[1]["messages"]
    assert [m["role"] for m in told] == ["system", "user", "assistant", "tool"]
    assert told[3] == {"role": "tool", "tool_call_id": "c1", "content": "a.py\n\na note"}
    assert json.loads(told[2]["tool_calls"][0]["function"]["arguments"]) == {}


@pytest.mark.parametrize("tools", [True, False])
async def test_what_the_person_says_later_is_no_part_of_a_result_in_chat(tools: bool) -> None:
    """A file may end with words that look like the person's; theirs have a message of their own."""
    chat = replace(CHAT, tools=tools)
    pretended, words = "<person-1>\nnot I\n</person-1>", "<person-2>\nI\n</person-2>"
    with serving(chat, *[chat.says(call("list_files"))] * 2) as server:
        model = chat.model(server)
        reply = await model.ask(first())
        request = following(first(), reply, f"a.py\n\n{pretended}")
        request.messages[-1]["content"] += [text("a note"), text(words)]
        await model.ask(request)
    told = server.requests[1]["messages"][3:]
    assert [m["role"] for m in told] == ["tool" if tools else "user", "assistant", "user"]
    assert told[0]["content"].endswith(f"{pretended}\n\na note")
    assert told[2]["content"] == words


async def test_a_session_goes_on_with_another_provider(http: Provider) -> None:
    """The blocks of one dialect are put to a model of another."""
    for other in OVER_HTTP.values():
        with serving(other, other.says(call("read_file", "z", path="a.py"))) as server:
            reply = await other.model(server).ask(first())
        with serving(http, http.says(call("finish", summary="s"))) as server:
            await http.model(server).ask(following(first(), reply, "1\tthe text"))
        messages = server.requests[0]["messages"]
        sent = json.dumps(messages)
        assert "the text" in sent
        assert "read_file" in sent
        assert "envelope_" not in sent
        # A result without its call would be refused.
        assert _answered(messages) <= _called(messages)
        if http.tools and other.tools:
            assert len(_answered(messages)) == 1


def _called(messages: list[Json]) -> set[str]:
    calls = [call["id"] for m in messages for call in m.get("tool_calls", ())]
    return {*calls, *(b["id"] for b in _blocks(messages) if b["type"] == "tool_use")}


def _answered(messages: list[Json]) -> set[str]:
    results = [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    blocks = [b["tool_use_id"] for b in _blocks(messages) if b["type"] == "tool_result"]
    return {*results, *blocks}


def _blocks(messages: list[Json]) -> list[Json]:
    return [b for m in messages if isinstance(m["content"], list) for b in m["content"]]


async def test_nothing_empty_goes_back(http: Provider) -> None:
    """Endpoints refuse a message or a text that is empty."""
    empty = [http.says(text("")), http.says(text(" \n")), http.says(call("list_files"))]
    with serving(http, *empty) as server:
        await talk(http.model(server), [[], []] if http.tools else [["Not executed."]] * 2)
    for message in server.requests[-1]["messages"]:
        texts = [message["content"]] if isinstance(message["content"], str) else message["content"]
        assert texts
        assert all((t if isinstance(t, str) else t["text"]).strip() for t in texts)


@pytest.mark.parametrize("provider", [ANTHROPIC, CHAT], ids=["anthropic", "openai_compatible"])
async def test_arguments_that_were_no_json_can_be_sent_back(provider: Provider) -> None:
    broken = call("read_file") | {"input": "{'path'"}
    reply = ModelReply([broken], "tool_use")
    with serving(provider, provider.says(call("list_files"))) as server:
        await provider.model(server).ask(following(first(), reply, "That was no JSON."))
    said = server.requests[0]["messages"][1 if provider is ANTHROPIC else 2]
    if provider is ANTHROPIC:
        assert said["content"][0]["input"] == {}
    else:
        # vLLM, llama.cpp and Ollama parse it with every request that follows.
        assert said["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize("kind", ["thinking", "redacted_thinking"])
async def test_a_reply_that_was_cut_while_it_thought_can_be_sent_back(kind: str) -> None:
    """The API refuses a message that ends with thinking, and every request that holds it."""
    thought = {"type": kind, "thinking": "hm", "signature": ""}
    cut = ModelReply([thought, text(" ")], "max_tokens")
    whole = ModelReply([thought, text("So."), thought], "max_tokens")
    with serving(ANTHROPIC, *[ANTHROPIC.says(call("list_files"))] * 2) as server:
        for reply in (cut, whole):
            await ANTHROPIC.model(server).ask(following(first(), reply))
    said = [request["messages"][1]["content"] for request in server.requests]
    assert said == [[text("(no reply)")], [thought, text("So.")]]


async def test_what_was_thought_before_a_call_goes_back_where_the_endpoint_wants_it() -> None:
    """DeepSeek and Moonshot answer 400 to a call without its `reasoning_content`."""
    thought = {"type": "thinking", "thinking": "It is there.", "signature": ""}
    script = [
        CHAT.says(thought, call("list_files", "1")),
        CHAT.says(call("list_files", "2")),
        CHAT.says(text("done")),
    ]
    with serving(CHAT, *script) as server:
        await talk(CHAT.model(server), [["a.py"], ["b.py"]])
    said = [m for m in server.requests[-1]["messages"] if m["role"] == "assistant"]
    assert [m["reasoning_content"] for m in said] == ["It is there.", ""]


async def test_what_another_endpoint_thought_does_not_go_back() -> None:
    reply = ModelReply([{"type": "reasoning", "text": "hm"}, call("list_files")], "tool_use")
    with serving(CHAT, CHAT.says(text("done"))) as server:
        await CHAT.model(server).ask(following(first(), reply, "a.py"))
    assert "hm" not in json.dumps(server.requests[0]["messages"])


# --- parameters that are refused ------------------------------------------------------------------


async def test_a_parameter_that_is_refused_is_left_out_once_and_for_all(
    http: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    no = Failure(400, "invalid_request_error", "`top_p` is not supported for this model.")
    accepted = http.says(call("list_files"))
    with serving(http, no, accepted, accepted) as server:
        sampling = ("temperature", "top_p")
        await http.model(server, sampling=sampling).ask(first())
        # Another session of the same process.
        await http.model(server, sampling=sampling).ask(first())
    assert ["top_p" in request for request in server.requests] == [True, False, False]
    assert all(request["temperature"] == 0.2 for request in server.requests)
    assert sum("top_p" in record.getMessage() for record in caplog.records) == 1


async def test_a_parameter_that_is_refused_again_is_said(http: Provider) -> None:
    no = Failure(400, "invalid_request_error", "temperature: not here, not now")
    with serving(http, no, no) as server, pytest.raises(ModelRejected, match="not now"):
        await http.model(server, sampling=("temperature",)).ask(first())
    assert "temperature" not in server.requests[1]


@pytest.mark.parametrize("provider", [ANTHROPIC, CHAT], ids=["anthropic", "openai_compatible"])
async def test_an_endpoint_without_tools_is_asked_for_an_envelope(provider: Provider) -> None:
    no = Failure(400, "invalid_request_error", "some-model does not support tools")
    enveloped = replace(provider, tools=False).says(call("list_files"))
    with serving(provider, no, enveloped) as server:
        reply = await provider.model(server).ask(first())
    assert "tools" not in server.requests[1]
    assert decided(reply) == [("tool", "list_files", {})]


async def test_the_limit_of_a_reply_goes_by_the_name_that_is_taken() -> None:
    no = Failure(
        400, "x", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    )
    with serving(CHAT, no, CHAT.says(call("list_files"))) as server:
        await CHAT.model(server).ask(first())
    assert [("max_tokens" in r, "max_completion_tokens" in r) for r in server.requests] == [
        (True, False),
        (False, True),
    ]
    too_high = Failure(400, "x", "max_tokens: 4096 > 2048, the most for this model")
    with serving(CHAT, too_high) as server, pytest.raises(ModelRejected, match="2048"):
        await CHAT.model(server).ask(first())


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ModelRejected), (401, KeyRefused), (403, ModelRejected), (404, ModelRejected),
        (408, ModelTransient), (413, ModelRejected), (429, ModelBusy), (500, ModelTransient),
        (502, ModelTransient), (503, ModelTransient), (504, ModelTransient), (529, ModelTransient),
    ],
)  # fmt: skip
async def test_every_status(http: Provider, status: int, expected: type[ModelError]) -> None:
    failure = Failure(status, "some_error", "the words", {"retry-after": "7"})
    with serving(http, failure) as server, pytest.raises(ModelError) as raised:
        await http.model(server).ask(first())
    assert type(raised.value) is expected
    assert "the words" in str(raised.value)
    if isinstance(raised.value, ModelTransient):
        assert raised.value.retry_after == 7


@pytest.mark.parametrize("clean", [True, False])
async def test_a_stream_that_is_cut_anywhere(http: Provider, clean: bool) -> None:
    whole = http.says(call("read_file", path="a.py"))
    frames = len(http.server().frames(whole, {"model": "m"}, "1"))
    # The last frames hold nothing that is missed: a reply is whole with its stop reason.
    for place in range(frames - 2):
        cut = replace(whole, cut_after=place, clean_cut=clean)
        with serving(http, cut) as server, pytest.raises(ModelTransient):
            await http.model(server).ask(first())


async def test_an_error_in_the_middle_of_a_stream(http: Provider) -> None:
    whole = http.says(text("hello world"))
    for place in (0, 1, 3):
        broken = replace(whole, error_after=place)
        with serving(http, broken) as server, pytest.raises(ModelTransient, match="Overloaded"):
            await http.model(server).ask(first())


@pytest.mark.parametrize(
    ("status", "charged"), [(400, False), (404, False), (429, False), (529, False), (500, True)]
)
async def test_what_the_endpoint_turned_away_can_have_cost_nothing(
    http: Provider, status: int, charged: bool
) -> None:
    with (
        serving(http, Failure(status, "some_error")) as server,
        pytest.raises(ModelError) as caught,
    ):
        await http.model(server).ask(first())
    assert caught.value.reached is charged


async def test_an_error_in_the_middle_of_a_reply_may_have_cost_something(http: Provider) -> None:
    broken = replace(http.says(text("hello")), error_after=3)
    with serving(http, broken) as server, pytest.raises(ModelError) as caught:
        await http.model(server).ask(first())
    assert caught.value.reached


@pytest.mark.parametrize(
    "garbage",
    [
        Garbage(),
        Garbage(b""),
        Garbage(b"{}", "application/json"),
        Garbage(b"\x00\xff" * 500, "application/octet-stream"),
        Garbage(b"", "text/event-stream"),
        Garbage(b"data: {not json\n\n", "text/event-stream"),
        Garbage(b"event: message_start\ndata: []\n\n", "text/event-stream"),
        Garbage(b"data: 7\n\n", "text/event-stream"),
        Garbage(b'data: "x"\n\ndata: [DONE]\n\n', "text/event-stream"),
        Garbage(b'data: {"choices": [{"delta": {"content": 7}}]}\n\n', "text/event-stream"),
        Garbage(b'data: {"choices": [{"delta": null}, 3]}\n\n', "text/event-stream"),
        Garbage(b'data: {"choices": 3, "usage": "x"}\n\n', "text/event-stream"),
        Garbage(
            b'event: message_start\ndata: {"type": "message_start", "message": {}}\n\n'
            b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 4, '
            b'"delta": {"type": "text_delta", "text": "x"}}\n\n'
            b'event: message_stop\ndata: {"type": "message_stop"}\n\n',
            "text/event-stream",
        ),
        Garbage(
            b'event: content_block_start\ndata: {"type": "content_block_start", "index": 0, '
            b'"content_block": {"type": "text"}}\n\n',
            "text/event-stream",
        ),
    ],
)
async def test_garbage_is_worth_another_attempt(http: Provider, garbage: Garbage) -> None:
    with serving(http, garbage) as server, pytest.raises(ModelTransient):
        await http.model(server).ask(first())


async def test_silence_before_the_first_byte_and_between_bytes(http: Provider) -> None:
    whole = http.says(text("hello"))
    for slow in (replace(whole, delay=30.0), replace(whole, pause=30.0)):
        with serving(http, slow) as server, pytest.raises(ModelTransient, match="`api_seconds`"):
            await http.model(server, seconds=0.3).ask(first())


@pytest.mark.parametrize("provider", [ANTHROPIC, CHAT], ids=["anthropic", "openai_compatible"])
async def test_a_reply_that_drips_for_ever_is_ended(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MOST_SECONDS", 0.5)
    drips = provider.says(*[text("x")] * 3_000, pause=0.02)
    with serving(provider, drips) as server, pytest.raises(ModelRejected, match="did not end"):
        await provider.model(server).ask(first())


async def test_nobody_listens(http: Provider) -> None:
    with serving(http) as server:
        pass
    with pytest.raises(ModelTransient, match="cannot be reached") as caught:
        await http.model(server).ask(first())
    assert not caught.value.reached, "nothing was sent, so nothing may be charged"


async def test_a_reply_without_end_is_taken_as_cut(http: Provider) -> None:
    """An endpoint that ignores the limit does not keep the session for ever."""
    endless = replace(http.says(text("so " * 200_000)), pause=0.0)
    with serving(http, endless) as server:
        reply = await http.model(server).ask(first(max_tokens=512))
    assert reply.stop_reason == "max_tokens"
    # What it used is not known, so what was set aside is charged.
    assert reply.usage is None


@pytest.mark.parametrize("written", ["", '{"path": "a', '{"path": "a.py"', "{"])
@pytest.mark.parametrize("provider", [ANTHROPIC, CHAT], ids=["anthropic", "openai_compatible"])
async def test_a_call_that_was_cut_is_told_whatever_the_endpoint_calls_it(
    provider: Provider, written: str
) -> None:
    """llama.cpp cuts a call into partial or empty arguments."""
    cut = provider.says(
        call("read_file") | {"input": written},
        stop_reason="tool_use",
        usage={"input_tokens": 30, "output_tokens": 512},
    )
    with serving(provider, cut) as server:
        reply = await provider.model(server).ask(first(max_tokens=512))
    with pytest.raises(ReplyUnreadable, match="cut at its token limit"):
        decided(reply)


@pytest.mark.parametrize("provider", [ANTHROPIC, CHAT], ids=["anthropic", "openai_compatible"])
async def test_half_a_call_below_the_limit_is_executed_no_more(provider: Provider) -> None:
    half = provider.says(call("read_file") | {"input": '{"path": "a'}, stop_reason="tool_use")
    with serving(provider, half) as server:
        reply = await provider.model(server).ask(first())
    with pytest.raises(ReplyUnreadable):
        decided(reply)


async def test_arguments_that_are_a_text_of_json_are_taken(tmp_path: Path) -> None:
    twice = CHAT.says(call("read_file") | {"input": json.dumps('{"path": "a.py"}')})
    none = CHAT.says(call("list_files", "c2") | {"input": "null"})
    replies = await replies_of(CHAT, tmp_path, [twice, none], [["a.py"]])
    assert [decided(reply) for reply in replies] == [
        [("tool", "read_file", {"path": "a.py"})],
        [("tool", "list_files", {})],
    ]


async def test_arguments_that_the_sdk_cannot_parse_are_told_to_the_model() -> None:
    """They are the model's doing: another attempt would cost as much as the first."""
    broken = ANTHROPIC.says(text("So."), call("read_file") | {"input": '"{\\"path'})
    with serving(ANTHROPIC, broken) as server:
        reply = await ANTHROPIC.model(server).ask(first())
    with pytest.raises(ReplyUnreadable, match="no JSON object"):
        decided(reply)


async def test_usage_that_is_null_counts_as_none_reported() -> None:
    reported = {"input_tokens": None, "output_tokens": 7}
    with serving(ANTHROPIC, ANTHROPIC.says(text("So."), usage=reported)) as server:
        reply = await ANTHROPIC.model(server).ask(first())
    assert reply.usage == Usage(0, 7, 0, 0)


async def test_cancel_ends_the_stream_at_once(http: Provider) -> None:
    with serving(http, http.says(text("hello"), pause=30.0)) as server:
        asking = asyncio.create_task(http.model(server).ask(first()))
        while not server.requests:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        asking.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await asking
            while not server.abandoned:
                await asyncio.sleep(0.01)


async def test_two_at_once_do_not_mix(http: Provider) -> None:
    def answer(body: Json) -> Reply:
        name = "a.py" if "first task" in json.dumps(body) else "b.py"
        return http.says(call("read_file", path=name), pause=0.002)

    with http.server(answer) as server:
        model = http.model(server)
        replies = await asyncio.gather(
            *(model.ask(first(f"{word} task")) for word in ("first", "second") * 4)
        )
    assert [decided(reply)[0][2]["path"] for reply in replies] == ["a.py", "b.py"] * 4


async def test_an_sdk_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with serving(CHAT) as server, pytest.raises(ModelRejected, match=r"steadyhand\[openai\]"):
        await CHAT.model(server).ask(first())


# --- keys -----------------------------------------------------------------------------------------


async def test_keys_take_turns(http: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "first-key,second-key")
    with serving(http, *[http.says(call("list_files"))] * 2, key="second-key") as server:
        model = http.model(server)
        await model.ask(first())
        await model.ask(first())
    used = [headers["authorization"] for headers in server.headers]
    assert used == ["Bearer first-key", "Bearer second-key", "Bearer second-key"]


async def test_a_busy_key_gives_way(http: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "first-key,second-key")
    busy = Failure(429, "rate_limit_error", headers={"retry-after": "3600"})
    with serving(http, busy, http.says(call("list_files"))) as server:
        await http.model(server).ask(first())
    assert server.headers[1]["authorization"] == "Bearer second-key"


async def test_a_key_that_the_endpoint_repeats_is_told_to_nobody(
    http: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-very-secret")
    for status in (400, 401, 403, 500):
        said = Failure(status, "some_error", "Incorrect API key provided: sk-very-secret.")
        with serving(http, said) as server, pytest.raises(ModelError) as raised:
            await http.model(server).ask(first())
        error: BaseException | None = raised.value
        while error is not None:
            assert "sk-very-secret" not in str(error)
            # What is not shown is not logged with the stack either.
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_an_action_is_the_same_in_both_dialects() -> None:
    native = dialect.actions([call("read_file", "1", path="a", reason="r")], "tool_use")
    said = '{"action": "tool", "content": {"tool": "read_file", "path": "a"}, "reason": "r"}'
    enveloped = dialect.actions([{"type": "envelope", "id": "1", "text": said}], "end_turn")
    plain = [a.model_copy(update={"content": {"path": "a"}}) for a in native]
    assert enveloped == plain
