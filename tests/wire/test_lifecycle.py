"""`initialize` to `exit` by the letter of the protocol, and every way in which a client can go."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from messages_server import MessagesServer, Reply
from raw_client import CAPABILITIES, LATER, SERVER, Editor, RawClient, environment, packed, uri_of

# Twice what is promised: the machine may be busy with other tests.
GONE = 5.0
# Where the process has yet to start.
PATIENT = 20.0


def hello(root: Path | None = None, process: int | None = None) -> dict[str, object]:
    return {
        "processId": process,
        "rootUri": uri_of(root) if root else None,
        "capabilities": CAPABILITIES,
    }


def test_the_answer_to_initialize(tmp_path: Path) -> None:
    with RawClient(tmp_path) as client:
        answer = client.call("initialize", hello())
    capabilities = answer["capabilities"]
    assert capabilities["textDocumentSync"]["openClose"] is True
    assert capabilities["textDocumentSync"]["change"] == 1  # the whole text
    assert capabilities["codeActionProvider"]["resolveProvider"] is True
    assert set(capabilities["codeActionProvider"]["codeActionKinds"]) == {
        "quickfix",
        "refactor.rewrite",
    }
    assert set(capabilities["executeCommandProvider"]["commands"]) >= {
        f"steadyhand.{name}"
        for name in (
            "task", "sessions", "resume", "cancel", "proposal", "apply", "discard", "undo", "goto",
        )
    }  # fmt: skip
    # This one is the client's own.
    assert "steadyhand.promptTask" not in capabilities["executeCommandProvider"]["commands"]
    assert answer["serverInfo"]["name"] == "steadyhand"
    assert answer["serverInfo"]["version"]


@pytest.mark.parametrize(
    ("wished", "expected", "units"),
    [
        (["utf-8", "utf-16"], "utf-8", len("𝐟é".encode())),
        (["utf-32", "utf-8"], "utf-32", 2),
        (["utf-16"], "utf-16", 3),
        (["utf-7"], "utf-16", 3),
        (None, "utf-16", 3),
    ],
)
def test_positions_count_as_announced(
    tmp_path: Path, wished: list[str] | None, expected: str, units: int
) -> None:
    """A client may prefer another encoding; what is announced must be what is sent."""
    text = "def 𝐟é(a):\n    return a + 1\n\n\ndef 𝐟é(b):\n    return b\n"
    general = {} if wished is None else {"positionEncodings": wished}
    capabilities = CAPABILITIES | {"general": general}
    with Editor(tmp_path / "ws", tmp_path / "private", capabilities=capabilities) as editor:
        chosen = editor.initialized["capabilities"].get("positionEncoding", "utf-16")
        found = editor.findings(editor.show("a.py", text))["diagnostics"][0]
    assert chosen == expected
    assert found["range"] == {
        "start": {"line": 4, "character": 4},
        "end": {"line": 4, "character": 4 + units},
    }


def test_lifecycle_errors(tmp_path: Path) -> None:
    with RawClient(tmp_path) as client:
        for method in ("workspace/executeCommand", "textDocument/codeAction", "shutdown", "a/b"):
            assert client.error(method, {}).code == -32002
        # A notification before its time is let drop.
        client.notify("textDocument/didOpen", {"textDocument": {}})
        client.notify("textDocument/didChange", {})
        client.call("initialize", hello())
        assert client.error("initialize", hello()).code == -32600
        last = client.request("shutdown")
        assert client.response(last) == {"jsonrpc": "2.0", "id": last, "result": None}
        for method in ("shutdown", "initialize", "textDocument/codeAction", "a/b"):
            assert client.error(method, hello()).code == -32600
        assert client.process.poll() is None
        client.notify("exit")
        assert client.exit_code() == 0


def test_exit_without_shutdown(tmp_path: Path) -> None:
    with RawClient(tmp_path) as client:
        client.call("initialize", hello())
        client.notify("exit")
        assert client.exit_code() == 1


def test_exit_before_initialize(tmp_path: Path) -> None:
    with RawClient(tmp_path) as client:
        client.notify("exit")
        assert client.exit_code(PATIENT) == 1


def test_flags_that_editors_add_are_accepted(tmp_path: Path) -> None:
    with RawClient(tmp_path, command=[*SERVER, "--stdio", "--clientProcessId=1"]) as client:
        assert client.call("initialize", hello())["serverInfo"]["name"] == "steadyhand"


def test_a_window_that_shows_findings_alone_leaves_no_trace_of_sessions(tmp_path: Path) -> None:
    """An extension asks for the list at its start; without a session that makes no journal."""
    state = tmp_path / "private" / "state"
    with Editor(tmp_path / "ws", tmp_path / "private") as editor:
        assert editor.command("steadyhand.sessions") == {"sessions": []}
        assert editor.findings(editor.show("a.py", "def f(a):\n    return a\n" * 2))
        assert {p.name for p in state.iterdir()} <= {"log", "index"}
        # What sessions need was not even imported; Linux alone tells that from outside.
        maps = Path(f"/proc/{editor.process.pid}/maps")
        assert not maps.exists() or b"/apsw/" not in maps.read_bytes()


def test_a_journal_that_cannot_be_read_is_said_at_the_start(tmp_path: Path) -> None:
    """Else the sessions would only seem to be gone after a step back to an older version."""
    state = tmp_path / "private" / "state"
    state.mkdir(parents=True)
    with sqlite3.connect(state / "journal.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    with Editor(tmp_path / "ws", tmp_path / "private") as editor:
        editor.wait_message("window/showMessage", lambda p: "newer Steadyhand" in p["message"])
        assert editor.findings(editor.show("a.py", "def f(a):\n    return a\n" * 2))


def states(journal: Path, session: str) -> list[str]:
    """Where a session stood, one after the other, read without the server's code."""
    with sqlite3.connect(journal) as db:
        rows = db.execute(
            "SELECT body FROM records WHERE session = ? AND kind = 'state' ORDER BY seq", (session,)
        )
        return [json.loads(body)["state"] for (body,) in rows]


@pytest.mark.parametrize("way", ["end of input", "exit"])
def test_a_running_session_outlives_its_process(tmp_path: Path, way: str) -> None:
    """It is paused in the journal, the person is told, and no round is lost or asked for twice."""
    private, root = tmp_path / "private", tmp_path / "ws"
    read = {"type": "tool_use", "id": "r1", "name": "list_files", "input": {"reason": "look"}}
    done = {"type": "tool_use", "id": "f1", "name": "finish", "input": {"summary": "Looked."}}
    with MessagesServer([Reply([read]), Reply([done], delay=60)]) as model:
        env = {"STEADYHAND_BASE_URL": model.url, "ANTHROPIC_API_KEY": "test"}
        with Editor(root, private, env=env) as editor:
            session = editor.command("steadyhand.task", prompt="look around")["session"]
            editor.wait(lambda: len(model.requests) == 2, "second request", 40)
            # A list counts the round that is being asked for, as the events do.
            (listed,) = editor.command("steadyhand.sessions")["sessions"]
            events = editor.messages("steadyhand/session")
            assert listed["round"] == events[-1]["round"] == 2
            if way == "exit":
                editor.call("shutdown")
                editor.notify("exit")
            else:
                editor.end_input()
            assert editor.exit_code(GONE) == 0
        assert states(private / "state" / "journal.sqlite", session) == ["paused"]
        if way == "exit":
            return
        model.add(Reply([done]))
        with Editor(root, private, env=env) as editor:
            told = editor.wait_message("window/showMessage", lambda p: session in p["message"])
            assert "look around" in told["message"]
            (listed,) = editor.command("steadyhand.sessions")["sessions"]
            assert (listed["session"], listed["state"]) == (session, "paused")
            assert editor.command("steadyhand.resume", session=session)["state"] == "running"
            editor.wait_message("steadyhand/session", lambda e: e["state"] == "finished")
        assert len(model.requests) == 3
        assert model.requests[2]["messages"] == model.requests[1]["messages"]


def test_the_end_of_input_ends_a_server_whose_question_is_open(tmp_path: Path) -> None:
    capabilities = {"window": {"showDocument": {"support": True}}}
    with Editor(tmp_path / "ws", tmp_path / "private", capabilities=capabilities) as editor:
        editor.on["window/showDocument"] = lambda _: LATER
        uri = editor.show("a.py", "def f(a):\n    return a\n")
        editor.actions(
            uri, {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
        )
        editor.request(
            "workspace/executeCommand",
            {"command": "steadyhand.goto", "arguments": [{"path": "a.py", "qualified": "f"}]},
        )
        editor.asked("window/showDocument")
        editor.end_input()
        assert editor.exit_code(GONE) == 0


def test_a_cut_message_at_the_end_of_input(tmp_path: Path) -> None:
    with RawClient(tmp_path) as client:
        client.call("initialize", hello())
        client.send_raw(b"Content-Length: 500\r\n\r\n{")
        client.end_input()
        assert client.exit_code(GONE) == 0


def test_the_server_ends_with_the_client_that_does_not_read(tmp_path: Path) -> None:
    """A pipe that is full must not keep the process: nobody will ever empty it."""
    incoming, outgoing = os.pipe()
    server = subprocess.Popen(
        SERVER,
        stdin=subprocess.PIPE,
        stdout=outgoing,
        stderr=subprocess.DEVNULL,
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    os.close(outgoing)
    assert server.stdin is not None
    try:
        with suppress(BrokenPipeError):
            server.stdin.write(packed({"id": 0, "method": "initialize", "params": hello()}))
            for number in range(1, 2_000):  # their answers are more than a pipe holds
                server.stdin.write(packed({"id": number, "method": "no/such/method"}))
            server.stdin.flush()
        sleep(0.5)
        server.stdin.close()
        server.wait(PATIENT)
    finally:
        server.kill()
        server.wait()
        os.close(incoming)


# Starts the server as an editor would, then does nothing; the server's stdin is our own.
STARTER = """
import subprocess, sys, time
server = subprocess.Popen(sys.argv[1:])
print(server.pid, file=sys.stderr, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("when", ["its id is told", "its id is not told", "before initialize"])
def test_the_server_ends_with_its_parent(tmp_path: Path, when: str) -> None:
    """stdin stays open here, as it does where another process has inherited it."""
    command = [sys.executable, "-c", STARTER, *SERVER]
    with RawClient(tmp_path, command=command) as client:
        starter = client.process.pid
        # The first answer says that the server is up; the watch must not wait for `initialize`.
        assert client.error("shutdown").code == -32002
        if when != "before initialize":
            client.call("initialize", hello(process=starter if when == "its id is told" else None))
        server = int(client.stderr().split()[0])
        client.process.kill()
        client.process.wait()
        limit = monotonic() + GONE
        while alive(server) and monotonic() < limit:
            sleep(0.05)
        left = alive(server)
        if left:
            os.kill(server, signal.SIGKILL)
        assert not left, "the server outlived the process that had started it"


def test_the_server_ends_with_the_editor_whose_id_it_was_told(tmp_path: Path) -> None:
    """The editor need not be the parent: a remote host or a wrapper may have started the server."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with RawClient(tmp_path) as client:
            client.call("initialize", hello(process=other.pid))
            other.kill()
            other.wait()
            client.exit_code(GONE)
    finally:
        other.kill()
        other.wait()


def alive(process: int) -> bool:
    """True where a process runs; one that nobody has waited for yet does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
