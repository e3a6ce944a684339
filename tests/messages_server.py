"""A local HTTP server that answers the Anthropic Messages API from a script.

Owns the wire format the real `anthropic` SDK meets in tests: JSON replies, server-sent
events over chunked transfer, error bodies, broken streams, and a record of what was asked.
"""

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import chain
from time import monotonic
from typing import Any, Final, Self, TypeAlias, cast

Json: TypeAlias = dict[str, Any]

AUTO_STOP: Final = "auto"
_JSON_TYPE: Final = {"content-type": "application/json"}
_STREAM_HEADERS: Final = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}


@dataclass(frozen=True)
class Reply:
    """One scripted message; `stream` in the request decides how it is sent.

    Attributes:
        blocks: Content blocks as the API returns them; an `input` that is text is sent as it is,
            which may be half a JSON object.
        stop_reason: `AUTO_STOP` means tool_use if a block is one, else end_turn; None is null.
        usage: Token counts; `cache_*` keys are passed on.
        delay: Seconds before the first byte.
        pause: Seconds between stream events.
        cut_after: Stream only: break the connection after that many of `events`.
        clean_cut: End the cut body properly instead of breaking the connection.
        error_after: Stream only: end with an overloaded_error after that many of `events`.
    """

    blocks: list[Json]
    stop_reason: str | None = AUTO_STOP
    usage: Json = field(default_factory=lambda: {"input_tokens": 100, "output_tokens": 20})
    delay: float = 0
    pause: float = 0
    cut_after: int | None = None
    clean_cut: bool = False
    error_after: int | None = None

    def message(self, message_id: str, model: str) -> Json:
        """Returns the whole message, as a request without `stream` receives it."""
        stop_reason = self.stop_reason
        if stop_reason == AUTO_STOP:
            uses_tool = any(block["type"] == "tool_use" for block in self.blocks)
            stop_reason = "tool_use" if uses_tool else "end_turn"
        head: Json = {"id": message_id, "type": "message", "role": "assistant", "model": model}
        end: Json = {"stop_reason": stop_reason, "stop_sequence": None, "usage": self.usage}
        return head | {"content": self.blocks} | end

    def events(self, message_id: str = "msg_0", model: str = "test") -> list[Json]:
        """Returns the uncut stream: message_start, ping, blocks, message_delta, message_stop."""
        whole = self.message(message_id, model)
        usage = self.usage | {"output_tokens": 1}
        start: Json = whole | {"content": [], "stop_reason": None, "usage": usage}
        events: list[Json] = [{"type": "message_start", "message": start}, {"type": "ping"}]
        for index, block in enumerate(self.blocks):
            events.extend(_block_events(index, block))
        delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        events.append({"type": "message_delta", "delta": delta, "usage": self.usage})
        return [*events, {"type": "message_stop"}]


@dataclass(frozen=True)
class Failure:
    """An HTTP error with the API's error body, e.g. `headers={"retry-after": "0"}`."""

    status: int
    type: str
    message: str = "scripted failure"
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Garbage:
    """A 200 whose body is neither JSON nor server-sent events."""

    body: bytes = b"<html>not json</html>"
    content_type: str = "text/html"


Answer: TypeAlias = Reply | Failure | Garbage
Script: TypeAlias = Iterable[Answer] | Callable[[Json], Answer]


def _block_events(index: int, block: Json) -> Iterator[Json]:
    """A block of a kind not known here is sent whole in its start event."""
    start, deltas = block, list[Json]()
    if block["type"] == "text":
        start = block | {"text": ""}
        deltas = [{"type": "text_delta", "text": part} for part in pieces(block["text"])]
    elif block["type"] == "tool_use":
        start = block | cast("Json", {"input": {}})
        given = block["input"]
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        parts = ["", *pieces(text)]
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
    elif block["type"] == "thinking":
        start = block | {"thinking": "", "signature": ""}
        parts = pieces(block["thinking"])
        deltas = [{"type": "thinking_delta", "thinking": part} for part in parts]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def pieces(text: str) -> list[str]:
    """Splits a text of two or more characters in two or three."""
    size = max(1, (len(text) + 2) // 3)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _error_body(kind: str, message: str, number: str) -> Json:
    error = {"type": kind, "message": message}
    return {"type": "error", "error": error, "request_id": f"req_{number}"}


class MessagesServer:
    """A context manager that serves `POST /v1/messages` on a free port of 127.0.0.1.

    Another protocol is a subclass that has other frames, such as `chat_server.ChatServer`.

    Attributes:
        url: The base URL for the SDK; set on entering.
        requests: Every JSON object sent to the endpoint, refused ones too, in order.
        raw: The bodies of those requests, as they came.
        headers: The headers of those requests, by lower-case name.
        exhausted: The requests that found the script used up (each got a 500).
        abandoned: The requests that lost their client before the answer was complete.
    """

    path = "/v1/messages"
    required = frozenset({"max_tokens", "messages", "model"})

    def __init__(self, script: Script = (), *, key: str | None = None) -> None:
        """Prepares the answers; nothing listens before entering.

        Args:
            script: Answers consumed in order, or a function from request body to answer,
                called for one request at a time; if it raises, the connection drops.
            key: The only key accepted; without it, any key is.
        """
        self.url = ""
        self.requests: list[Json] = []
        self.raw: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.exhausted: list[Json] = []
        self.abandoned: list[Json] = []
        self._key = key
        self._decide = script if callable(script) else None
        self._script: Iterator[Answer] = iter(()) if callable(script) else iter(script)
        self._lock = threading.RLock()

    def add(self, *answers: Answer) -> None:
        """Appends answers to the script; they come before a function's."""
        with self._lock:
            self._script = chain(self._script, answers)

    def __enter__(self) -> Self:
        """Starts serving."""
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        """Ends all connections and returns within a second, even if a function blocks."""
        self._server.stop()

    def take(self, raw: bytes, headers: dict[str, str]) -> tuple[Json, str, Answer]:
        """Records a request; returns its body, its number and the answer to send."""
        parsed = None
        with suppress(ValueError):
            parsed = json.loads(raw)
        body = cast("Json", parsed) if isinstance(parsed, dict) else None
        with self._lock:
            if body is not None:
                self.requests.append(body)
                self.raw.append(raw)
                self.headers.append(headers)
            return body or {}, str(len(self.requests)), self._answer(body, headers)

    def _answer(self, body: Json | None, headers: dict[str, str]) -> Answer:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = headers.get("x-api-key") or (token if scheme.lower() == "bearer" else "")
        if not key or self._key not in (None, key):
            return Failure(401, "authentication_error", "invalid API key")
        if body is None:
            return Failure(400, "invalid_request_error", "the body is not a JSON object")
        if missing := self.required - body.keys():
            return Failure(400, "invalid_request_error", f"{min(missing)}: Field required")
        answer = next(self._script, None)
        if answer is not None:
            return answer
        if self._decide is not None:
            return self._decide(body)
        self.exhausted.append(body)
        return Failure(500, "script_exhausted", "the script has no answer left")

    def whole(self, reply: Reply, body: Json, number: str) -> Json:
        """The answer to a request without `stream`."""
        return reply.message(f"msg_{number}", str(body["model"]))

    def frames(self, reply: Reply, body: Json, number: str) -> list[bytes]:
        """The uncut answer to a request with `stream`."""
        return [_frame(event) for event in reply.events(f"msg_{number}", str(body["model"]))]

    def broken(self, number: str) -> bytes:
        """The frame of an error in the middle of a stream."""
        return _frame(_error_body("overloaded_error", "Overloaded", number))

    def failure(self, failure: Failure, number: str) -> Json:
        """The body of an HTTP error."""
        return _error_body(failure.type, failure.message, number)


def _frame(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


class _Server(socketserver.ThreadingTCPServer):
    """Not `ThreadingHTTPServer`: its bind resolves the host's name, which can take seconds."""

    request_queue_size = 1024

    def __init__(self, owner: MessagesServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self._open: list[tuple[Any, threading.Thread]] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        deadline = monotonic() + 0.8
        self.shutdown()
        self.server_close()
        for connection, _ in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in self._open:
            thread.join(max(0, deadline - monotonic()))

    def process_request(self, request: object, client_address: object) -> None:
        arguments = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=arguments, daemon=True)
        self._open.append((request, thread))
        thread.start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._send_failure(Failure(404, "not_found_error", f"no such path: {self.path}"), "0")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.partition("?")[0] != self.server.owner.path:
            self.do_GET()
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        body, number, answer = self.server.owner.take(raw, headers)
        try:
            if isinstance(answer, Failure):
                self._send_failure(answer, number)
            elif isinstance(answer, Garbage):
                self._send(200, number, answer.body, {"content-type": answer.content_type})
            else:
                self._wait(answer.delay)
                self._send_reply(answer, body, number)
        except ConnectionError:
            self.server.owner.abandoned.append(body)
            self.close_connection = True

    def _send_reply(self, reply: Reply, body: Json, number: str) -> None:
        owner = self.server.owner
        if not body.get("stream"):
            self._send(
                200, number, json.dumps(owner.whole(reply, body, number)).encode(), _JSON_TYPE
            )
            return
        frames = owner.frames(reply, body, number)[: reply.cut_after]
        if reply.error_after is not None:
            frames = [*frames[: reply.error_after], owner.broken(number)]
        self._send(200, number, None, _STREAM_HEADERS)
        for position, data in enumerate(frames):
            self._wait(reply.pause if position else 0)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        if reply.cut_after is None or reply.clean_cut:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def _send_failure(self, failure: Failure, number: str) -> None:
        body = json.dumps(self.server.owner.failure(failure, number)).encode()
        self._send(failure.status, number, body, _JSON_TYPE | failure.headers)

    def _send(self, status: int, number: str, body: bytes | None, headers: dict[str, str]) -> None:
        length = {} if body is None else {"content-length": str(len(body))}
        self.send_response(status)
        for name, value in ({"request-id": f"req_{number}"} | length | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body or b"")

    def _wait(self, seconds: float) -> None:
        """Sleeps; raises ConnectionError if the client or `stop` ends the connection."""
        self.connection.settimeout(seconds)
        with suppress(TimeoutError, BlockingIOError):
            if not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError
        self.connection.settimeout(None)
