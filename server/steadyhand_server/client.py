"""A small language client over stdio, as an editor would be: for the demo, the bench and tests.

Owns open documents and applies edits to them. It does not use pygls, so what it sees on the wire
is what any editor sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Handler = Callable[[Json], Awaitable[Any]]

_LINE_END = re.compile(r"\r\n|\n|\r")

CAPABILITIES: Json = {
    "general": {"positionEncodings": ["utf-16"]},
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    "workspace": {
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create", "delete"]},
        "configuration": True,
    },
    "textDocument": {
        "publishDiagnostics": {"relatedInformation": True, "versionSupport": True},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
            "resolveSupport": {"properties": ["edit"]},
            "dataSupport": True,
        },
    },
}


class ResponseError(Exception):
    """The server answered a request with an error.

    Attributes:
        code: JSON-RPC's code.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Client:
    """One running server and the documents that are open in it.

    Attributes:
        texts: Open documents by URI.
        versions: Their versions.
        notifications: Everything the server said, in order.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.notifications: list[tuple[str, Any]] = []
        self.on_request: dict[str, Handler] = {
            "window/workDoneProgress/create": _nothing,
            "client/registerCapability": _nothing,
            "window/showDocument": _success,
            "workspace/applyEdit": self.apply_edit,
        }
        self.on_notification: Callable[[str, Any], None] = lambda method, params: None
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reading = asyncio.create_task(self._read(), name="client reads")

    @classmethod
    async def start(
        cls, command: Sequence[str], *, environment: Mapping[str, str], cwd: Path | None = None
    ) -> Client:
        """Starts a server; its log goes to our stderr."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=dict(environment),
            cwd=cwd,
            limit=1 << 26,
        )
        return cls(process)

    async def initialize(
        self, root: Path, *, capabilities: Json | None = None, options: Json | None = None
    ) -> Json:
        """`initialize` and `initialized`."""
        answer = await self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "clientInfo": {"name": "steadyhand client"},
                "rootUri": root.as_uri(),
                "workspaceFolders": [{"uri": root.as_uri(), "name": root.name}],
                "capabilities": CAPABILITIES if capabilities is None else capabilities,
                "initializationOptions": options or {},
            },
        )
        self.notify("initialized", {})
        return answer

    async def open(self, path: Path, language: str = "python") -> str:
        """Opens a file; returns its URI."""
        uri = path.as_uri()
        text = await asyncio.to_thread(_read, path)
        self.texts[uri], self.versions[uri] = text, 1
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, text: str) -> None:
        """Replaces an open document's text."""
        self.texts[uri] = text
        self.versions[uri] += 1
        self.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": self.versions[uri]},
                "contentChanges": [{"text": text}],
            },
        )

    async def save_all(self) -> None:
        """Writes every open document to its file."""
        for uri, text in self.texts.items():
            await asyncio.to_thread(_write, _path(uri), text)

    async def command(self, name: str, argument: Json | None = None) -> Any:
        """`workspace/executeCommand` with one object."""
        params = {"command": name, "arguments": [argument or {}]}
        return await self.request("workspace/executeCommand", params)

    async def request(self, method: str, params: Any = None) -> Any:
        """Sends a request and waits for its answer.

        Raises:
            ResponseError: The server answered with an error.
            ConnectionError: The server ended.
        """
        number = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        self._send({"id": number, "method": method, "params": params})
        return await future

    def notify(self, method: str, params: Any = None) -> None:
        """Sends a notification."""
        self._send({"method": method, "params": params})

    async def wait_for(self, found: Callable[[str, Any], bool], seconds: float = 20.0) -> Any:
        """The params of the first notification, past or to come, that `found` accepts.

        Raises:
            TimeoutError: None came.
        """
        async with asyncio.timeout(seconds):
            seen = 0
            while True:
                for method, params in self.notifications[seen:]:
                    seen += 1
                    if found(method, params):
                        return params
                self._news.clear()
                await self._news.wait()

    async def stop(self) -> int:
        """`shutdown` and `exit`; returns the exit code."""
        with contextlib.suppress(ConnectionError, ResponseError):
            await self.request("shutdown")
            self.notify("exit")
        return await self.ended()

    async def ended(self) -> int:
        """Waits for the process to end by itself; kills it after five seconds."""
        try:
            async with asyncio.timeout(5):
                code = await self.process.wait()
        except TimeoutError:
            self.process.kill()
            code = await self.process.wait()
        await self._reading
        return code

    async def apply_edit(self, params: Json) -> Json:
        """Applies a workspace edit to the open documents, and opens what was closed."""
        for part in params["edit"].get("documentChanges", []):
            kind = part.get("kind")
            uri = part.get("uri") or part["textDocument"]["uri"]
            path = _path(uri)
            if kind == "create":
                if not path.exists():
                    await asyncio.to_thread(_write, path, "")
            elif kind == "delete":
                self.texts.pop(uri, None)
                await asyncio.to_thread(path.unlink, missing_ok=True)
                self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
            else:
                if uri not in self.texts:
                    await self.open(path)
                version = part["textDocument"].get("version")
                if version is not None and version != self.versions[uri]:
                    return {"applied": False, "failureReason": "the document has changed"}
                self.change(uri, edited(self.texts[uri], part["edits"]))
        return {"applied": True}

    def _send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        stream = self.process.stdout
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                header = await stream.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"Content-Length: (\d+)", header).group(1))  # pyright: ignore[reportOptionalMemberAccess]
                self._take(json.loads(await stream.readexactly(length)))
        for future in self._pending.values():
            if not future.done():
                future.set_exception(ConnectionError("the server ended"))
                future.exception()

    def _take(self, message: Json) -> None:
        if "method" not in message:
            future = self._pending.pop(message["id"], None)
            if future is None or future.done():
                return
            if "error" in message:
                error = message["error"]
                future.set_exception(ResponseError(error["code"], error["message"]))
            else:
                future.set_result(message.get("result"))
        elif "id" in message:
            task = asyncio.create_task(self._answer(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self.notifications.append((message["method"], message.get("params")))
            self._news.set()
            self.on_notification(message["method"], message.get("params"))

    async def _answer(self, message: Json) -> None:
        handler = self.on_request.get(message["method"])
        if handler is None:
            error = {"code": -32601, "message": f"no handler for {message['method']}"}
            self._send({"id": message["id"], "error": error})
            return
        self._send({"id": message["id"], "result": await handler(message.get("params") or {})})


def edited(text: str, edits: Sequence[Json]) -> str:
    """A text with LSP edits made; positions count UTF-16 code units."""
    spans = [
        (_offset(text, e["range"]["start"]), _offset(text, e["range"]["end"]), e["newText"])
        for e in edits
    ]
    for start, end, new in sorted(spans, key=lambda s: s[:2], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _offset(text: str, position: Json) -> int:
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    if position["line"] >= len(starts):
        return len(text)
    at, units = starts[position["line"]], position["character"]
    while units > 0 and at < len(text) and text[at] not in "\r\n":
        units -= 2 if ord(text[at]) > 0xFFFF else 1
        at += 1
    return at


def _path(uri: str) -> Path:
    from urllib.parse import unquote, urlparse

    return Path(unquote(urlparse(uri).path))


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))


async def _nothing(params: Json) -> None:
    return None


async def _success(params: Json) -> Json:
    return {"success": True}
