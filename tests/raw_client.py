"""A small language client that shares no code with the server, nor with pygls.

Owns framing, a reader thread, a record of all traffic, and a plain text editor on top of it that
applies edits by the letter of the protocol. Bytes can be sent as they are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

Json = dict[str, Any]
Handler = Callable[[Any], Any]

# A patient limit: it is reached only where something is broken.
PATIENCE = 20.0
SERVER = (sys.executable, "-P", "-m", "steadyhand_server.cli", "lsp")
# Returned by a handler: the request stays open until `answer`.
LATER = object()

CAPABILITIES: Json = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": ["create", "rename", "delete"],
        },
    },
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {
                "codeActionKind": {"valueSet": ["", "quickfix", "refactor"]}
            },
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        },
        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
    },
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
}


class RpcError(Exception):
    """An error response."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.data = code, message, data


def frame(body: bytes, *more: bytes) -> bytes:
    """A message with its header; `more` are further header lines."""
    lines = [*more, b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", b""]) + body


def packed(message: Json) -> bytes:
    """A whole message as bytes."""
    return frame(json.dumps(message | {"jsonrpc": "2.0"}).encode())


def environment(private: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The test's own environment: nothing of the person's reaches the server, nor its key."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STEADYHAND_", "ANTHROPIC_", "COV_"))
    }
    folders = {
        "STEADYHAND_STATE_DIR": str(private / "state"),
        "XDG_CONFIG_HOME": str(private / "config"),
        "XDG_STATE_HOME": str(private / "default-state"),
    }
    return kept | folders | dict(more or {})


class RawClient:
    """A server process and everything said to and by it.

    Attributes:
        heard: What the server sent, in order.
        said: What was sent to it as messages, in order.
        on: Handlers of the server's requests, by method; others are answered -32601.
        open: The server's requests that wait for `answer`.
        noise: Bytes on stdout that are no message; empty if all is well.
    """

    def __init__(
        self,
        private: Path,
        *,
        command: Sequence[str] = SERVER,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        private.mkdir(parents=True, exist_ok=True)
        self.private = private
        self.heard: list[Json] = []
        self.said: list[Json] = []
        self.open: list[Json] = []
        self.on: dict[str, Handler] = {}
        self.noise = b""
        self.broken: list[BaseException] = []
        self._last_id = 0
        self._changed = threading.Condition()
        self._writing = threading.RLock()
        self.log_file = private / f"stderr-{time.monotonic_ns()}.log"
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(private, env),
                cwd=cwd or private,
                bufsize=0,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def stderr(self) -> str:
        """What the server has logged."""
        return self.log_file.read_text("utf-8", "replace")

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are."""
        assert self.process.stdin is not None
        with self._writing:
            view = memoryview(data)
            while view:
                view = view[self.process.stdin.write(view) or 0 :]

    def send(self, message: Json) -> None:
        """A message."""
        with self._writing:
            self.said.append(message)
            self.send_raw(packed(message))

    def notify(self, method: str, params: Any = None) -> None:
        """A notification."""
        self.send({"method": method} | ({} if params is None else {"params": params}))

    def next_id(self) -> int:
        """An id that was not used yet."""
        with self._writing:
            self._last_id += 1
            return self._last_id

    def request(self, method: str, params: Any = None) -> int:
        """Sends a request; returns its id."""
        number = self.next_id()
        message: Json = {"id": number, "method": method}
        self.send(message | ({} if params is None else {"params": params}))
        return number

    def answers(self, number: Any) -> list[Json]:
        """Every response to an id that has come so far."""
        return [m for m in list(self.heard) if "method" not in m and m.get("id") == number]

    def response(self, number: Any, timeout: float = PATIENCE) -> Json:
        """The response to an id, as it came."""
        self.wait(lambda: bool(self.answers(number)), f"a response to {number}", timeout)
        return self.answers(number)[0]

    def result(self, number: Any, timeout: float = PATIENCE) -> Any:
        """The result of a request; raises RpcError where it is an error."""
        answer = self.response(number, timeout)
        if "error" in answer:
            error = answer["error"]
            raise RpcError(error["code"], error["message"], error.get("data"))
        assert "result" in answer, answer
        return answer["result"]

    def call(self, method: str, params: Any = None, timeout: float = PATIENCE) -> Any:
        """Sends a request and waits for its result."""
        return self.result(self.request(method, params), timeout)

    def error(self, method: str, params: Any = None) -> RpcError:
        """Sends a request that must fail; returns the error."""
        try:
            result = self.call(method, params)
        except RpcError as error:
            return error
        raise AssertionError(f"{method} was answered with {result!r}")

    def command(self, name: str, **argument: Any) -> Any:
        """Runs a command with one object as its argument."""
        return self.call("workspace/executeCommand", {"command": name, "arguments": [argument]})

    def command_error(self, name: str, **argument: Any) -> RpcError:
        """Runs a command that must fail."""
        return self.error("workspace/executeCommand", {"command": name, "arguments": [argument]})

    def messages(self, method: str, since: int = 0) -> list[Any]:
        """The params of what the server sent under a method, from a place in `heard` on."""
        return [m.get("params") for m in list(self.heard)[since:] if m.get("method") == method]

    def shown(self, since: int = 0) -> list[str]:
        """The sentences of `window/showMessage`."""
        return [p["message"] for p in self.messages("window/showMessage", since)]

    def wait(self, until: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
        """Waits until something holds, looking again with each message that comes."""
        limit = time.monotonic() + timeout
        with self._changed:
            while not (found := until()):
                left = limit - time.monotonic()
                if left <= 0 or (not self._reader.is_alive() and not until()):
                    raise AssertionError(f"There was no {what}.\n{self._picture()}")
                self._changed.wait(min(left, 0.1))
            return found

    def wait_message(
        self,
        method: str,
        fits: Callable[[Any], Any] = lambda _: True,
        *,
        since: int = 0,
        timeout: float = PATIENCE,
    ) -> Any:
        """The params of the first message under a method that fits."""

        def found() -> list[Any]:
            return [params for params in self.messages(method, since) if fits(params)]

        return self.wait(found, f"fitting {method}", timeout)[0]

    def asked(self, method: str, since: int = 0, timeout: float = PATIENCE) -> Json:
        """A request of the server that its handler left open (`LATER`)."""

        def found() -> list[Json]:
            late = [m for m in list(self.heard)[since:] if m.get("method") == method and "id" in m]
            return [m for m in late if m in self.open]

        return self.wait(found, f"open {method}", timeout)[0]

    def answer(self, request: Json, result: Any = None, error: RpcError | None = None) -> None:
        """Answers a request of the server."""
        if request in self.open:
            self.open.remove(request)
        if error is not None:
            self.send(
                {"id": request["id"], "error": {"code": error.code, "message": error.message}}
            )
        else:
            self.send({"id": request["id"], "result": result})

    def end_input(self) -> None:
        """Closes the server's stdin."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def exit_code(self, timeout: float = 5.0) -> int:
        """Waits for the process to end; a negative code is the signal that ended it."""
        return self.process.wait(timeout)

    def close(self) -> None:
        """Ends the process, whatever state it is in, and says what went wrong unseen."""
        try:
            if self.process.poll() is None:
                self.end_input()
                self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(5)
        self._reader.join(5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        assert not self.noise, f"stdout held what is no message: {self.noise[:500]!r}"
        assert not self.broken, f"a handler failed: {self.broken!r}"

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _picture(self) -> str:
        last = "\n".join(json.dumps(m)[:400] for m in list(self.heard)[-8:])
        return f"The last messages:\n{last}\nThe log:\n{self.stderr()[-2_000:]}"

    def _read(self) -> None:
        assert self.process.stdout is not None
        stream = open(self.process.stdout.fileno(), "rb", closefd=False)  # noqa: SIM115
        with stream:
            while True:
                length = 0
                while line := stream.readline():
                    if line == b"\r\n":
                        break
                    name, colon, value = line.partition(b": ")
                    if not colon or not line.endswith(b"\r\n") or not name.startswith(b"Content-"):
                        self.noise = line + stream.read()
                        return
                    if name == b"Content-Length":
                        length = int(value)
                body = stream.read(length)
                if len(body) < length or not length:
                    return
                self._take(json.loads(body))

    def _take(self, message: Json) -> None:
        with self._changed:
            if "method" in message and "id" in message:
                self.open.append(message)
            self.heard.append(message)
            self._changed.notify_all()
        if "method" not in message:
            return
        handler = self.on.get(message["method"])
        try:
            if "id" not in message:
                if handler is not None:
                    handler(message.get("params"))
                return
            if handler is None:
                raise RpcError(-32601, f"no {message['method']} here")
            result = handler(message.get("params"))
            if result is not LATER:
                self.answer(message, result)
        except RpcError as error:
            self.answer(message, error=error)
        except OSError:
            pass  # The server has gone meanwhile.
        except ValueError as error:
            if self.process.stdin is None or not self.process.stdin.closed:
                self.broken.append(error)
            # Else we are closing, and this question came in the same moment.
        except BaseException as error:
            self.broken.append(error)


_LINE_END = re.compile(r"\r\n|\n|\r")


def uri_of(path: Path) -> str:
    """A path as editors spell it."""
    return "file://" + quote(str(path))


def path_of(uri: str) -> Path:
    """The path of a file URI."""
    return Path(unquote(urlsplit(uri).path))


def offset(text: str, position: Json) -> int:
    """The place in a text of a position in UTF-16 units; past a line's end is that line's end."""
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    if position["line"] >= len(starts):
        return len(text)
    at, left = starts[position["line"]], position["character"]
    while left > 0 and at < len(text) and text[at] not in "\r\n":
        left -= 2 if ord(text[at]) > 0xFFFF else 1
        at += 1
    assert left == 0 or at == len(text) or text[at] in "\r\n", "a position inside a character"
    return at


def cut(text: str, span: Json) -> str:
    """The part of a text that a range means."""
    return text[offset(text, span["start"]) : offset(text, span["end"])]


def edited(text: str, edits: Sequence[Json]) -> str:
    """A text with edits made; they may not overlap."""
    spans = [(offset(text, e["range"]["start"]), offset(text, e["range"]["end"])) for e in edits]
    order = sorted(range(len(edits)), key=lambda n: (spans[n], n))
    for before, after in pairwise(order):
        assert spans[before][1] <= spans[after][0], f"edits overlap: {edits}"
    for n in reversed(order):
        text = text[: spans[n][0]] + edits[n]["newText"] + text[spans[n][1] :]
    return text


def disk(path: Path) -> str:
    """A file's text with its line ends as they are."""
    return path.read_bytes().decode()


class Editor(RawClient):
    """A client that keeps documents and applies edits.

    Attributes:
        root: The workspace's folder.
        texts: What is open, by URI: version and text.
        applied: The params of each `workspace/applyEdit`.
        documents: The params of each `window/showDocument`.
    """

    def __init__(
        self,
        root: Path,
        private: Path,
        *,
        capabilities: Json | None = None,
        options: Any = None,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = SERVER,
        name: str = "wire tests",
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.texts: dict[str, tuple[int, str]] = {}
        self.applied: list[Json] = []
        self.documents: list[Json] = []
        super().__init__(private, command=command, env=env, cwd=private.parent)
        self.reset()
        self.capabilities = CAPABILITIES if capabilities is None else capabilities
        params: Json = {
            "processId": os.getpid(),
            "clientInfo": {"name": name},
            "rootUri": uri_of(root),
            "workspaceFolders": [{"uri": uri_of(root), "name": root.name}],
            "capabilities": self.capabilities,
        }
        if options is not None:
            params["initializationOptions"] = options
        try:
            self.initialized = self.call("initialize", params)
            self.notify("initialized", {})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Editor:
        return self

    def reset(self) -> None:
        """The handlers that every editor has."""
        self.on = {
            "window/workDoneProgress/create": lambda _: None,
            "workspace/applyEdit": self._apply_edit,
            "window/showDocument": self._show_document,
            "window/showMessageRequest": lambda _: None,
        }

    def indexed(self) -> Editor:
        """Waits until the workspace is indexed; the client must show progress."""
        self.wait_message("$/progress", lambda p: p["value"]["kind"] == "end")
        return self

    def uri(self, name: str) -> str:
        """The URI of a workspace path."""
        return uri_of(self.root / name)

    def text(self, name: str) -> str:
        """What a path holds: the open document, else the disk."""
        uri = self.uri(name)
        return self.texts[uri][1] if uri in self.texts else disk(self.root / name)

    def put(self, name: str, text: str) -> Path:
        """Writes a file on disk."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def show(self, name: str, text: str | None = None, version: int = 1) -> str:
        """Opens a document, with the disk's text unless another is given; returns its URI."""
        uri = self.uri(name)
        self._open(uri, disk(self.root / name) if text is None else text, version)
        return uri

    def type(self, uri: str, text: str) -> int:
        """Gives a document a new text; returns its version."""
        version = self.texts[uri][0] + 1
        self.texts[uri] = (version, text)
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": version},
                "contentChanges": [{"text": text}],
            },
        )
        return version

    def save(self, uri: str) -> None:
        """Writes a document to disk."""
        path_of(uri).write_bytes(self.texts[uri][1].encode())
        self.notify("textDocument/didSave", {"textDocument": {"uri": uri}})

    def shut(self, uri: str) -> None:
        """Closes a document."""
        del self.texts[uri]
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def published(self, uri: str, since: int = 0) -> list[Json]:
        """The diagnostics published for a document, in order."""
        sent = self.messages("textDocument/publishDiagnostics", since)
        return [params for params in sent if params["uri"] == uri]

    def findings(
        self, uri: str, fits: Callable[[Json], Any] = lambda p: p["diagnostics"], *, since: int = 0
    ) -> Json:
        """The first published diagnostics of a document that fit; by default any finding."""
        return self.wait(
            lambda: [p for p in self.published(uri, since) if fits(p)], f"finding in {uri}"
        )[0]

    def actions(
        self, uri: str, span: Json, diagnostics: Sequence[Json] = (), **context: Any
    ) -> list[Json]:
        """The code actions at a range."""
        params = {
            "textDocument": {"uri": uri},
            "range": span,
            "context": {"diagnostics": list(diagnostics)} | context,
        }
        return self.call("textDocument/codeAction", params) or []

    def apply(self, edit: Json) -> bool:
        """Applies a workspace edit as an editor does; False where a version does not fit."""
        changes = edit.get("documentChanges")
        if changes is None:
            changes = [
                {"textDocument": {"uri": uri, "version": None}, "edits": edits}
                for uri, edits in edit["changes"].items()
            ]
        for change in changes:
            version = change.get("textDocument", {}).get("version")
            opened = self.texts.get(str(change.get("textDocument", {}).get("uri")))
            if version is not None and (opened is None or opened[0] != version):
                return False
        for change in changes:
            self.apply_one(change)
        return True

    def apply_one(self, change: Json) -> None:
        """One document change."""
        if change.get("kind") == "create":
            path, options = path_of(change["uri"]), change.get("options") or {}
            if not path.exists() or options.get("overwrite"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
            else:
                assert options.get("ignoreIfExists"), f"{path} exists"
        elif change.get("kind") == "delete":
            if change["uri"] in self.texts:
                self.shut(change["uri"])
            path_of(change["uri"]).unlink()
        else:
            uri = change["textDocument"]["uri"]
            if uri not in self.texts:
                self._open(uri, disk(path_of(uri)))
            self.type(uri, edited(self.texts[uri][1], change["edits"]))

    def _open(self, uri: str, text: str, version: int = 1) -> None:
        self.texts[uri] = (version, text)
        item = {"uri": uri, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def _apply_edit(self, params: Json) -> Json:
        self.applied.append(params)
        return {"applied": self.apply(params["edit"])}

    def _show_document(self, params: Json) -> Json:
        self.documents.append(params)
        return {"success": True}


def without(capabilities: Json, *path: str) -> Json:
    """A copy of capabilities with one of them left out."""
    copy: Json = json.loads(json.dumps(capabilities))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


def function(name: str, verb: str) -> str:
    """A function that is long enough to be a finding where its body stands twice.

    Args:
        name: Its name.
        verb: What it calls; bodies with different verbs are different.
    """
    return (
        f"def {name}(items, limit=3):\n"
        f"    found = []\n"
        f"    for item in items:\n"
        f"        value = {verb}(item)\n"
        f"        if value is not None and len(found) < limit:\n"
        f"            found.append(value)\n"
        f"    return found\n"
    )
