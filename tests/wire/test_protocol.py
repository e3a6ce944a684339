"""The protocol on the wire: whatever a client sends, a request is answered exactly once.

The names of the tests in the first half stand in the server's protocol.py and transport.py: each
notices when a repair there is lost, or no longer needed.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raw_client import CAPABILITIES, LATER, Editor, RawClient, frame, packed

HERE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
SESSIONS = {"command": "steadyhand.sessions", "arguments": [{}]}

# The real server with commands of the test's own: what goes on inside is told over the wire.
DRIVER = """
import asyncio, os, subprocess, sys
from pathlib import Path
from steadyhand_server import app
from steadyhand_server.handlers import commands

log = Path(sys.argv[1])

async def noise(server, given):
    print("printed")
    sys.stdout.flush()
    os.write(1, b"written to 1")
    subprocess.run(["echo", "echoed"], check=True)
    os.system("echo from a shell; cat")
    return {"stdin": sys.stdin.read()}

async def futures(server, given):
    return {"futures": len(server.protocol._request_futures)}

async def sleeper(server, given):
    log.write_text("begun")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        log.write_text("cancelled")
        raise
    log.write_text("ran on")

async def failing(server, given):
    raise RuntimeError("a secret in the traceback\\nand more of it")

commands.COMMANDS.update({
    f"test.{f.__name__}": f for f in (noise, futures, sleeper, failing)
})
app.run_stdio()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One server for all tests here: none of them may harm it."""
    folder = tmp_path_factory.mktemp("protocol")
    log = folder / "driver.log"
    command = [sys.executable, "-P", "-c", DRIVER, str(log)]
    with Editor(folder / "ws", folder / "private", command=command) as editor:
        editor.put("a.py", "def shown(a):\n    return a\n")
        yield editor.indexed()


@pytest.fixture
def editor(server: Editor) -> Iterator[Editor]:
    """The shared server, asked afterwards whether it is still whole."""
    server.reset()
    yield server
    assert server.call("workspace/executeCommand", SESSIONS)["sessions"] == []
    answers = [m for m in server.heard if "method" not in m and m.get("id") is not None]
    counts = Counter((type(m["id"]), m["id"]) for m in answers)
    assert [number for number, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(
    "method, params",
    [
        ("textDocument/codeAction", {}),
        ("textDocument/codeAction", {"textDocument": 7}),
        ("textDocument/codeAction", None),
        ("codeAction/resolve", {"kind": 3}),
        ("workspace/executeCommand", {"command": []}),
        ("workspace/executeCommand", {"command": "steadyhand.sessions", "arguments": 3}),
    ],
)
def test_invalid_params_are_answered(editor: Editor, method: str, params: Any) -> None:
    since = len(editor.heard)
    error = editor.error(method, params)
    assert error.code == -32602
    assert "Traceback" not in error.message
    # pygls says it by a message to the person, who has done nothing wrong.
    assert editor.shown(since) == []


def test_nested_jsonrpc_key(editor: Editor) -> None:
    inner = {"jsonrpc": "2.0", "id": 1, "method": "shutdown", "params": {"jsonrpc": "2.0"}}
    result = editor.command("steadyhand.sessions", **inner, deep=[inner])
    assert result == {"sessions": []}
    error = editor.command_error("steadyhand.resume", **inner, session={"jsonrpc": "2.0"})
    assert error.code == -32602


def test_no_future_leaks(editor: Editor) -> None:
    uri = editor.show("leak.py", "a = 0\n")
    for number in range(5_000):
        editor.type(uri, f"a = {number}\n")
    editor.shut(uri)
    # One is the question's own.
    assert editor.command("test.futures")["futures"] <= 1


def test_command_cancel(editor: Editor) -> None:
    log = Path(editor.process.args[-1])  # type: ignore[index]
    number = editor.request("workspace/executeCommand", {"command": "test.sleeper"})
    editor.wait(lambda: log.exists() and log.read_text() == "begun", "begin of the command")
    editor.notify("$/cancelRequest", {"id": number})
    assert editor.response(number)["error"]["code"] == -32800
    editor.command("steadyhand.sessions")
    assert log.read_text() == "cancelled"
    # Once more, too late: it is answered already.
    editor.notify("$/cancelRequest", {"id": number})
    editor.command("steadyhand.sessions")
    assert len(editor.answers(number)) == 1


def test_a_command_that_waits_for_the_client_can_be_cancelled(editor: Editor) -> None:
    editor.on["window/showDocument"] = lambda _: LATER
    argument = {"path": "a.py", "qualified": "shown"}
    number = editor.request(
        "workspace/executeCommand", {"command": "steadyhand.goto", "arguments": [argument]}
    )
    question = editor.asked("window/showDocument")
    editor.notify("$/cancelRequest", {"id": number})
    assert editor.response(number)["error"]["code"] == -32800
    editor.answer(question, {"success": True})
    editor.command("steadyhand.sessions")
    assert len(editor.answers(number)) == 1


def test_prints_do_not_reach_stdout(editor: Editor) -> None:
    assert editor.command("test.noise") == {"stdin": ""}
    assert editor.command("steadyhand.sessions") == {"sessions": []}
    assert editor.noise == b""
    for said in ("printed", "written to 1", "echoed", "from a shell"):
        assert said in editor.stderr()


def test_an_internal_error_has_no_traceback(editor: Editor) -> None:
    error = editor.command_error("test.failing")
    assert error.code == -32603
    assert "Traceback" not in error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    "body, code",
    [
        (b"{", -32700),
        (b"", None),
        (b"\xff\xfe\x00", -32700),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "a" "b"}', -32700),
        (b"[" * 100_000, -32700),
        (b'{"a":' * 100_000, -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc": "2.0", "id": "in a batch", "method": "shutdown"}]', -32600),
        (b'"text"', -32600),
        (b"null", -32600),
        (b'{"id": 1, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "1.0", "id": "old", "method": "shutdown"}', -32600),
        (b"{}", -32600),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else str(value),
)
def test_malformed_messages_are_answered(editor: Editor, body: bytes, code: int | None) -> None:
    since = len(editor.heard)
    editor.send_raw(frame(body))
    editor.command("steadyhand.sessions")
    answers = [m for m in editor.heard[since:] if "error" in m]
    # An empty message asks for nothing; it may be answered, if as a parse error.
    assert [a["error"]["code"] for a in answers] in ([[code]] if code else [[], [-32700]])
    for answer in answers:
        assert answer["jsonrpc"] == "2.0"
        assert "id" in answer, "an error response has an id, null where none is known"


@pytest.mark.parametrize("number", ["text", "", 0, -1, 2**31 - 1, "ünï", "1"])
def test_ids_of_every_kind_come_back(editor: Editor, number: Any) -> None:
    editor.send({"id": number, "method": "workspace/executeCommand", "params": SESSIONS})
    answer = editor.response(number)
    assert answer["result"] == {"sessions": []}
    assert type(answer["id"]) is type(number)


def test_unknown_methods(editor: Editor) -> None:
    for method in ("no/such", "$/no/such", "textDocument/hover", "window/showMessage"):
        for params in ({"a": 1}, {}, None):
            assert editor.error(method, params).code == -32601
    since = len(editor.heard)
    for method in ("no/such", "$/no/such"):
        editor.notify(method, {"from": 1, "class": 2, "a-b": 3})
    editor.command("steadyhand.sessions")
    assert len(editor.heard) == since + 1


def test_a_method_that_is_no_text(editor: Editor) -> None:
    for method in (5, {}, [], None):
        number = editor.next_id()
        editor.send({"id": number, "method": method})
        assert editor.response(number)["error"]["code"] in (-32600, -32602)


@pytest.mark.parametrize(
    "params",
    [
        {"command": "steadyhand.no"},
        {"command": ""},
        {"command": "steadyhand.promptTask", "arguments": [{}]},
        {"command": "steadyhand.sessions", "arguments": [{}, {}]},
        {"command": "steadyhand.sessions", "arguments": ["text"]},
        {"command": "steadyhand.sessions", "arguments": [[]]},
        {"command": "steadyhand.task", "arguments": [{}]},
        {"command": "steadyhand.task", "arguments": [{"prompt": 5}]},
        {"command": "steadyhand.task", "arguments": [{"prompt": " \n"}]},
        {"command": "steadyhand.task", "arguments": [{"prompt": "x", "uri": "URI", "range": 5}]},
        {"command": "steadyhand.resume", "arguments": [{}]},
        {"command": "steadyhand.resume", "arguments": [{"session": 3}]},
        {"command": "steadyhand.resume", "arguments": [{"session": "x", "rounds": "3"}]},
        {"command": "steadyhand.resume", "arguments": [{"session": "x", "tokens": -3}]},
        {"command": "steadyhand.resume", "arguments": [{"session": "x", "rounds": 1e400}]},
    ],
    ids=lambda params: json.dumps(params)[:90],
)
def test_wrong_commands_are_answered_with_one_sentence(editor: Editor, params: Any) -> None:
    uri = editor.show("wrong.py", "a = 1\n")
    text = json.dumps(params).replace("URI", uri)
    error = editor.error("workspace/executeCommand", json.loads(text))
    editor.shut(uri)
    assert error.code == -32602
    assert "\n" not in error.message
    assert "Traceback" not in error.message


def test_a_command_without_arguments(editor: Editor) -> None:
    for arguments in ({}, {"arguments": []}, {"arguments": None}):
        params = {"command": "steadyhand.sessions"} | arguments
        assert editor.call("workspace/executeCommand", params) == {"sessions": []}


def test_a_task_with_half_a_character_is_answered(editor: Editor) -> None:
    """A lone surrogate is valid JSON and no valid text."""
    error = editor.command_error("steadyhand.task", prompt="\ud800 \n", uri="\udfff")
    assert error.code in (-32602, -32803)


@pytest.mark.parametrize("data", [{"uri": "file:///no"}, {"uri": 5}, {}, [], "theirs", None])
def test_an_action_that_is_not_ours_is_no_internal_error(editor: Editor, data: Any) -> None:
    action = {"title": "Another server's", "data": data}
    number = editor.request("codeAction/resolve", action)
    answer = editor.response(number)
    if "error" in answer:
        assert answer["error"]["code"] in (-32602, -32803)
    else:
        assert answer["result"].get("edit") is None


def test_a_huge_message(editor: Editor) -> None:
    size = 12_000_000
    assert editor.command("steadyhand.sessions", padding="é" * (size // 2)) == {"sessions": []}
    assert editor.error("no/such", {"padding": "x" * size}).code == -32601


def test_content_type_and_header_order(editor: Editor) -> None:
    kind = b"Content-Type: application/vscode-jsonrpc; charset=utf-8"
    for number, header in (("type first", [kind]), ("lower case", [kind.lower(), b"x: y"])):
        body = {"id": number, "method": "workspace/executeCommand", "params": SESSIONS}
        editor.send_raw(frame(json.dumps(body | {"jsonrpc": "2.0"}).encode(), *header))
        assert editor.result(number) == {"sessions": []}
    body = b'{"jsonrpc": "2.0", "id": "type last", "method": "no/such", "params": {}}'
    editor.send_raw(b"Content-Length: %d\r\n%b\r\n\r\n%b" % (len(body), kind, body))
    assert editor.response("type last")["error"]["code"] == -32601


def test_messages_split_at_every_byte_and_joined(editor: Editor) -> None:
    first = packed({"id": "one ü", "method": "workspace/executeCommand", "params": SESSIONS})
    for byte in first:
        editor.send_raw(bytes([byte]))
    assert editor.result("one ü") == {"sessions": []}
    many = [packed({"id": f"n{n}", "method": "no/such", "params": {}}) for n in range(50)]
    whole = b"".join(many)
    for at in range(0, len(whole), 37):
        editor.send_raw(whole[at : at + 37])
    for n in range(50):
        assert editor.response(f"n{n}")["error"]["code"] == -32601


def test_every_request_of_a_burst_is_answered_once(editor: Editor) -> None:
    editor.on["window/showDocument"] = lambda _: LATER
    uri = editor.show("burst.py", "def f(a):\n    return a\n")
    goto = {"command": "steadyhand.goto", "arguments": [{"path": "a.py", "qualified": "shown"}]}
    kinds: list[tuple[str, Any, bool]] = [
        ("workspace/executeCommand", SESSIONS, False),
        ("workspace/executeCommand", SESSIONS, True),
        ("workspace/executeCommand", goto, True),
        ("workspace/executeCommand", {"command": "no"}, True),
        ("textDocument/codeAction", {}, True),
        (
            "textDocument/codeAction",
            {"textDocument": {"uri": uri}, "range": HERE, "context": {}},
            False,
        ),
        (
            "textDocument/codeAction",
            {"textDocument": {"uri": uri}, "range": HERE, "context": {"diagnostics": []}},
            True,
        ),
        ("codeAction/resolve", {"title": "t", "data": {"uri": uri}}, True),
        ("codeAction/resolve", {"title": "t"}, True),
        ("no/such", None, True),
        ("initialize", {"capabilities": {}}, True),
    ]
    asked: list[int] = []
    for turn in range(40):
        for method, params, cancelled in kinds:
            asked.append(editor.request(method, params))
            if cancelled:
                editor.notify("$/cancelRequest", {"id": asked[-1]})
        editor.type(uri, f"def f(a):\n    return a + {turn}\n")
        editor.notify("$/cancelRequest", {"id": "never asked"})
        editor.notify("$/cancelRequest", {})
    for number in asked:
        editor.response(number)
    editor.shut(uri)
    editor.command("steadyhand.sessions")
    assert {len(editor.answers(number)) for number in asked} == {1}
    codes = {a["error"]["code"] for n in asked for a in editor.answers(n) if "error" in a}
    assert codes <= {-32600, -32601, -32602, -32800, -32803}, codes


def test_answers_to_questions_never_asked_are_let_pass(editor: Editor) -> None:
    for message in (
        {"id": "unknown", "result": 5},
        {"id": 99_999, "error": {"code": 1, "message": "no"}},
        {"id": 99_998, "error": "not even an error"},
        {"id": None, "result": None},
        {"id": [], "result": None},
    ):
        editor.send(message)
    since = len(editor.heard)
    assert editor.command("steadyhand.sessions") == {"sessions": []}
    assert len(editor.heard) == since + 1


def test_a_server_without_a_folder_answers(tmp_path: Path) -> None:
    """A lone file: no findings, and commands say what is missing."""
    with RawClient(tmp_path) as client:
        client.call(
            "initialize", {"processId": None, "rootUri": None, "capabilities": CAPABILITIES}
        )
        client.notify("initialized", {})
        item = {"uri": "untitled:1", "languageId": "python", "version": 1, "text": "a = 1\n"}
        client.notify("textDocument/didOpen", {"textDocument": item})
        params = {"textDocument": item, "range": HERE, "context": {"diagnostics": []}}
        assert client.call("textDocument/codeAction", params) is None
        error = client.command_error("steadyhand.sessions")
        assert error.code == -32803
        assert "folder" in error.message
