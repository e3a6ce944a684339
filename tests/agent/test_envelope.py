"""The JSON envelope: what is forgiven, what is not, and how a conversation is put to such a model."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steadyhand_agent.actions import Action
from steadyhand_agent.errors import ReplyUnreadable
from steadyhand_agent.models import dialect, envelope, plain_text
from steadyhand_agent.models.envelope import Envelope
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage
from steadyhand_agent.tools import registry

Json = dict[str, Any]
READ = '{"action": "tool", "content": {"tool": "read_file", "path": "a.py"}, "reason": "to see"}'
WANTED = Envelope("tool", "read_file", {"path": "a.py"}, "to see")


def block(text: str, number: int = 1) -> Json:
    return {"type": "envelope", "id": f"envelope_{number}", "text": text}


@pytest.mark.parametrize(
    "text",
    [
        READ,
        f"```json\n{READ}\n```",
        f"```\n{READ}```",
        f"Sure! I'll look at it first.\n\n{READ}\n\nThen I will edit it.",
        f'He said "yes, then {READ}',
        f"With braces {{x}} and {{}} and {{'a': 1}}: {READ}",
        f'{{"thought": "no action here"}} {READ}',
        f"<think>\nMaybe {READ.replace('a.py', 'wrong.py')}?\n</think>\n{READ}",
        READ.replace("}", ",}"),
        READ.replace('"a.py"}', '"a.py",\n  }'),
        READ.replace('"reason"', '"confidence": 0.9, "steps": [1, 2,], "reason"'),
        READ.replace('"tool": "read_file", ', "").replace(
            '"action"', '"tool": "read_file", "action"'
        ),
        READ.replace(
            '"tool": "read_file", "path": "a.py"',
            '"name": "read_file", "arguments": {"path": "a.py"}',
        ),
        READ.replace(
            '"tool": "read_file", "path": "a.py"',
            '"tool": "read_file", "arguments": {"path": "a.py"}',
        ),
        READ.replace('"action": "tool"', '"action": "read_file"').replace(
            '"tool": "read_file", ', ""
        ),
        READ.replace('"tool",', '" Tool ",'),
        f"{READ}\n{READ.replace('a.py', 'b.py')}",
        "{" * 100 + READ,
    ],
)
def test_what_is_forgiven(text: str) -> None:
    assert envelope.read(text) == WANTED


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no JSON object"),
        ("I would read the file.", "no JSON object"),
        (READ[:-1], "incomplete"),
        (READ[:40], "incomplete"),
        ("```json\n" + READ[:60] + "\n```", "incomplete"),
        ('{"action": "tool|think|finish", "content": {}, "reason": ""}', "tool|think|finish"),
        ('{"action": null, "content": {}}', "null"),
        ('{"action": ["tool"], "content": {}}', "tool"),
        ('{"action": "tool", "content": "read_file"}', "`content` was no JSON object"),
        ('{"action": "tool", "content": {}}', "names no tool"),
        ('{"action": "tool", "content": {"tool": "a b"}}', "names no tool"),
        ('{"action": "tool", "content": {"tool": 7}}', "names no tool"),
        ('{"content": {"tool": "read_file"}}', "incomplete or broken"),
        ("<think>" + READ, "no JSON object"),
        ('{"action": "tool", "content": {"tool": "t", "x": {"action": "finish", "content": ""}', "incomplete"),
        ('{"a": [{"action": "finish", "content": {}}, ', "incomplete"),
    ],
)  # fmt: skip
def test_what_goes_back_with_the_reason(text: str, word: str) -> None:
    with pytest.raises(ReplyUnreadable) as raised:
        envelope.read(text)
    assert word in str(raised.value)
    # Whatever was wrong, the model is shown the form.
    assert '"action": "tool"' in str(raised.value)


def test_line_breaks_within_a_string_are_kept() -> None:
    text = '{"action": "tool", "content": {"tool": "create_file", "text": "a = 1\n\tb,}\n"}}'
    assert envelope.read(text).content == {"text": "a = 1\n\tb,}\n"}


def test_thoughts_and_ends() -> None:
    think = dialect.actions([block('{"action": "think", "content": {"text": "hm"}}')], "end_turn")
    assert think == [Action(kind="think", content={"text": "hm"}, call_id="envelope_1")]
    plain = dialect.actions([block('{"action": "think", "content": "hm", "reason": "r"}')], "stop")
    assert plain[0].content == {"text": "hm"}
    (end,) = dialect.actions([block('{"action": "finish", "content": "All done."}')], "end_turn")
    assert (end.kind, end.content["summary"]) == ("finish", "All done.")
    (named,) = dialect.actions(
        [block('{"action": "tool", "content": {"tool": "finish", "summary": "s"}}')], "end_turn"
    )
    assert (named.kind, named.content["summary"]) == ("finish", "s")


def test_an_envelope_is_an_action_under_its_block_s_id() -> None:
    assert dialect.actions([block(READ, 3)], "end_turn") == [
        Action(
            kind="tool", tool="read_file", content={"path": "a.py"}, reason="to see",
            call_id="envelope_3",
        )
    ]  # fmt: skip


def test_a_cut_envelope_is_told_as_cut() -> None:
    with pytest.raises(ReplyUnreadable, match="cut at its token limit"):
        dialect.actions([block(READ)], "max_tokens")


# --- property -------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(
    WORDS | st.integers(-(2**40), 2**40) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
# Names that mean something to the reader are tried by hand above.
ARGUMENTS = st.dictionaries(
    WORDS.filter(lambda w: w not in ("tool", "arguments", "name", "reason", "action")),
    VALUES,
    max_size=4,
)
PROSE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}<"), max_size=60)


@given(ARGUMENTS, WORDS, PROSE, PROSE, st.booleans(), st.sampled_from([None, 1, 4]))
@example({"a": 'x",}', "b": "\\"}, ',"}', 'a " b', "", True, None)
def test_every_complete_envelope_is_read_as_it_was_meant(
    arguments: Json, reason: str, before: str, after: str, ascii_only: bool, indent: int | None
) -> None:
    whole = {"action": "tool", "content": {"tool": "t", **arguments}, "reason": reason, "x": [1]}
    text = json.dumps(whole, ensure_ascii=ascii_only, indent=indent)
    found = envelope.read(f"{before}{text}{after}")
    assert found == Envelope("tool", "t", arguments, reason)


@given(ARGUMENTS, WORDS, st.data())
def test_no_part_of_an_envelope_is_an_action(arguments: Json, reason: str, data: Any) -> None:
    whole = {"action": "tool", "content": {"tool": "t", **arguments}, "reason": reason}
    text = json.dumps(whole)
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ReplyUnreadable):
        envelope.read(text[:end])


@given(
    st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('{}[]",:\\'), max_size=200)
)
def test_nothing_else_is_ever_raised(text: str) -> None:
    try:
        found = envelope.read(text)
    except ReplyUnreadable:
        return
    assert found.kind in ("tool", "think", "finish")


def test_a_reply_of_nothing_but_braces_is_refused_at_once() -> None:
    for text in ("{" * 50_000, '{"a":' * 20_000, '{"' * 20_000, '{"action":[' * 10_000):
        with pytest.raises(ReplyUnreadable):
            envelope.read(text)


# --- how a conversation is put --------------------------------------------------------------------


def conversation(*turns: list[Json]) -> ModelRequest:
    messages = [
        {"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)
    ]
    return ModelRequest("You are Steadyhand.", registry().schemas, messages, 1_000)


def text(said: str) -> Json:
    return {"type": "text", "text": said}


def result(call_id: str, content: str, error: bool = False) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": error}


def test_a_conversation_without_tools_and_results() -> None:
    request = conversation([text("Do it.")], [block(READ)], [result("envelope_1", "1\tx = 1")])
    put = plain_text.in_text(request)
    assert put.tools == ()
    assert put.system.startswith("You are Steadyhand.")
    for name in ("read_file", "edit_file", "create_file", "old_text"):
        assert f"`{name}`" in put.system
    assert [m["content"] for m in put.messages] == [
        [text("Do it.")], [text(READ)], [text("Result of `read_file`:\n1\tx = 1")],
    ]  # fmt: skip
    assert plain_text.in_text(request) == put


def test_a_failure_a_note_and_what_was_too_much_are_told() -> None:
    two = block(READ + READ)
    request = conversation(
        [text("t")], [two], [result("envelope_1", "no such file", True), text("note")]
    )
    told = [b["text"] for b in plain_text.in_text(request).messages[-1]["content"]]
    assert told[0] == "Failure of `read_file`:\nno such file"
    assert "Only the first JSON object" in told[1]
    assert told[2] == "note"


def test_calls_of_a_model_with_tools_are_told_to_one_without() -> None:
    call = {
        "type": "tool_use",
        "id": "c",
        "name": "read_file",
        "input": {"path": "a", "reason": "r"},
    }
    thinking = {"type": "thinking", "thinking": "x", "signature": "s"}
    request = conversation([text("t")], [thinking, call], [result("c", "ok")])
    messages = plain_text.in_text(request).messages
    assert envelope.read(messages[1]["content"][0]["text"]) == Envelope(
        "tool", "read_file", {"path": "a"}, "r"
    )
    assert messages[2]["content"] == [text("Result of `read_file`:\nok")]


def test_envelopes_are_text_to_a_model_with_tools() -> None:
    call = {"type": "tool_use", "id": "c", "name": "list_files", "input": {}}
    request = conversation(
        [text("t")], [block(READ)], [result("envelope_1", "1\tx"), text("note")],
        [call], [result("c", "a.py")],
    )  # fmt: skip
    put = plain_text.as_text(request.messages)
    assert put[1]["content"] == [text(READ)]
    assert put[2]["content"] == [text("note"), text("Result of `read_file`:\n1\tx")]
    assert put[3:] == list(request.messages[3:])


def test_the_reply_is_kept_verbatim_in_its_block() -> None:
    given = ModelReply(
        [{"type": "thinking", "thinking": "x"}, text("a"), text("b")], "end_turn", Usage(1, 2)
    )
    found = plain_text.reply(given, 4)
    assert found.blocks == [{"type": "thinking", "thinking": "x"}, block("ab", 4)]
    assert (found.stop_reason, found.usage) == ("end_turn", Usage(1, 2))


def test_what_no_journal_could_hold_is_made_keepable() -> None:
    """The block is kept as text, so only reading it brings the half surrogate back."""
    said = '{"action": "tool", "content": {"tool": "read_file", "path": "a\\ud800.py"}, "reason": "\\ud83d"}'
    (action,) = dialect.actions([{"type": "envelope", "id": "c1", "text": said}], "end_turn")
    orjson.dumps([action.tool, action.content, action.reason])
    assert action.content["path"] == "a\ufffd.py"


@pytest.mark.parametrize("end", ["", ",}", "\\"])
def test_a_string_without_an_end_is_looked_at_once(end: str) -> None:
    """From each of its quotation marks anew would take hours."""
    with pytest.raises(ReplyUnreadable, match="incomplete or broken"):
        envelope.read('{"action": "tool", "content": {"text": "' + '\\"' * 1_000_000 + end)
