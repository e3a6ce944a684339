"""The protocol object: pygls's, with what it gets wrong put right.

Each repair has a wire test in tests/wire that would notice when it is no longer needed:

- invalid params on a known request were never answered (test_invalid_params_are_answered);
- a nested object with a "jsonrpc" key was parsed as a message (test_nested_jsonrpc_key);
- each notification leaked a future (test_no_future_leaks);
- requests before `initialize` and after `shutdown` went unanswered (test_lifecycle_errors);
- `exit` without `shutdown` ended with code 0 (test_exit_without_shutdown);
- the client's first position encoding was announced, whether it is one that we know or not
  (test_positions_count_as_announced);
- cancelling a command answered, and the handler ran on (test_command_cancel);
- an answer to a question that was given up raised (test_an_answer_that_comes_too_late).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.language_server import lsp_method

from steadyhand_server.documents import Encoding

if TYPE_CHECKING:
    from steadyhand_server.app import SteadyhandServer

log = logging.getLogger(__name__)

Json = dict[str, Any]
Command = Callable[["SteadyhandServer", Json], Awaitable[Any]]

# Our own notification: what a session does, one event at a time (see server/README.md).
SESSION_EVENT = "steadyhand/session"
# Another, to a client that announces it: to ask for a reply to a session in its own box.
REPLY_NOTICE = "steadyhand/reply"
# Our own requests to a client that announces them: what its other language servers know.
REFERENCES_REQUEST = "steadyhand/references"
DIAGNOSTICS_REQUEST = "steadyhand/diagnostics"
# Another: to show a proposal, or two texts beside each other, in its own diff editor.
SHOW_REQUEST = "steadyhand/show"
# Requests of a client's: a proposal, hunk by hunk, and its texts as documents.
PROPOSAL_GET = "steadyhand/proposal/get"
PROPOSAL_HUNKS = "steadyhand/proposal/hunks"
PROPOSAL_ACCEPT = "steadyhand/proposal/accept"
PROPOSAL_REJECT = "steadyhand/proposal/reject"
PROPOSAL_APPLY = "steadyhand/proposal/apply"
PROPOSAL_REVERT = "steadyhand/proposal/revert"
PROPOSAL_REDO = "steadyhand/proposal/redo"
DOCUMENT_REQUEST = "steadyhand/document"


@dataclass
class ProposalParams:
    """Names a session."""

    session: str


@dataclass
class HunksParams:
    """Names hunks of a session; which, where it names none, the request says."""

    session: str
    hunks: list[str] | None = None


@dataclass
class TurnParams:
    """Names what to take back or bring back: hunks, a round, or everything."""

    session: str
    hunks: list[str] | None = None
    round: int | None = None


@dataclass
class DocumentParams:
    """Names a virtual document."""

    uri: str


@dataclass
class ProposalRequest:
    """A request about one session."""

    id: int | str
    params: ProposalParams
    method: str
    jsonrpc: str = "2.0"


@dataclass
class HunksRequest:
    """A request about hunks."""

    id: int | str
    params: HunksParams
    method: str
    jsonrpc: str = "2.0"


@dataclass
class TurnRequest:
    """A request to take back, or to bring back."""

    id: int | str
    params: TurnParams
    method: str
    jsonrpc: str = "2.0"


@dataclass
class DocumentRequest:
    """A request for a virtual document's text."""

    id: int | str
    params: DocumentParams
    method: str
    jsonrpc: str = "2.0"


@dataclass
class DiagnosticsAnswer:
    """A client's answer to `steadyhand/diagnostics`."""

    id: int | str | None
    result: list[lsp.PublishDiagnosticsParams] | None = None
    jsonrpc: str = "2.0"


# Without a type of their own pygls makes a tuple of a request's params, names changed.
REQUEST_TYPES: dict[str, type[Any]] = {
    PROPOSAL_GET: ProposalRequest,
    PROPOSAL_HUNKS: ProposalRequest,
    PROPOSAL_ACCEPT: HunksRequest,
    PROPOSAL_REJECT: HunksRequest,
    PROPOSAL_APPLY: HunksRequest,
    PROPOSAL_REVERT: TurnRequest,
    PROPOSAL_REDO: TurnRequest,
    DOCUMENT_REQUEST: DocumentRequest,
}
_ENCODINGS: dict[str, Encoding] = {"utf-8": "utf-8", "utf-16": "utf-16", "utf-32": "utf-32"}
_RESULTS: dict[str, type[Any]] = {
    REFERENCES_REQUEST: lsp.ReferencesResponse,
    DIAGNOSTICS_REQUEST: DiagnosticsAnswer,
}


class SteadyhandProtocol(LanguageServerProtocol):
    """One connection's protocol.

    Attributes:
        commands: By name; set by the server's dispatch table.
    """

    _server: SteadyhandServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands: dict[str, Command] = {}
        self._initialized = False

    def receive(self, body: bytes) -> None:
        """Takes one message; whatever is wrong with a request is answered."""
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            self._refuse(None, JsonRpcParseError("The message is not JSON."))
            return
        if not isinstance(data, dict) or data.get("jsonrpc") != "2.0":
            self._refuse(None, JsonRpcInvalidRequest("The message is not JSON-RPC 2.0."))
            return
        message: Json = data
        is_request = "method" in message and "id" in message
        if not isinstance(message.get("method", ""), str):
            wrong = JsonRpcInvalidRequest("A method is a name.")
            self._refuse(message.get("id"), wrong)
            return
        if is_request and (error := self._out_of_turn(message["method"])) is not None:
            self._refuse(message["id"], error)
            return
        if is_request and not self._knows(message["method"]):
            self._refuse(message["id"], JsonRpcMethodNotFound.of(str(message["method"])))
            return
        try:
            structured = self.structure_message(message)
        except JsonRpcException as error:
            if is_request:
                wrong = JsonRpcInvalidParams(f"The params of {message['method']} are not valid.")
                self._refuse(message["id"], wrong)
            else:
                log.warning("ignored a message that is not valid: %s", error)
            return
        if is_request and message["method"] == lsp.INITIALIZE:
            # Only now: after a refused `initialize` a correct one may follow.
            self._initialized = True
            request: Any = structured
            params = request.params
            self._agree_on_positions(request)
            self._server.announce(params.initialization_options)
        self.handle_message(structured)  # pyright: ignore[reportArgumentType]

    def _agree_on_positions(self, request: Any) -> None:
        """Counts as the client likes best; without a word of it, or of one we know, in UTF-16."""
        general = request.params.capabilities.general
        wished: list[Any] = list((general and general.position_encodings) or ())
        known = [str(getattr(one, "value", one)) for one in wished]
        chosen = next((name for name in known if name in _ENCODINGS), "utf-16")
        self._server.documents.encoding = _ENCODINGS[chosen]
        if general is not None and general.position_encodings:
            # pygls announces the first of these.
            general.position_encodings = [lsp.PositionEncodingKind(chosen)]

    def _out_of_turn(self, method: str) -> JsonRpcException | None:
        if self._shutdown:
            return JsonRpcInvalidRequest("The server was shut down; only `exit` may follow.")
        if method == lsp.INITIALIZE:
            if self._initialized:
                return JsonRpcInvalidRequest("`initialize` was sent twice.")
        elif not self._initialized:
            return JsonRpcServerNotInitialized("`initialize` comes first.")
        return None

    def _send_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        """As pygls does, without the traceback that it puts into an internal error's message."""
        if error is not None and error.code == JsonRpcInternalError.CODE:
            first = error.message.strip().splitlines()[0] if error.message else "unknown"
            error.message = f"Internal error ({first[:200]}); the server's log has the details."
        super()._send_response(msg_id, result, error)

    def _knows(self, method: Any) -> bool:
        return method in self.fm.builtin_features or method in self.fm.features

    def _refuse(self, msg_id: Any, error: JsonRpcException) -> None:
        if msg_id is None:
            # The types leave a null id out, and the specification wants it there.
            wrong = {"code": error.code, "message": error.message}
            self._send_data({"jsonrpc": "2.0", "id": None, "error": wrong})
            return
        self._send_response(msg_id, error=error.to_response_error())

    def _handle_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        """As pygls does; an answer that nobody waits for any more is let go."""
        future = self._request_futures.get(msg_id)
        if future is not None and future.cancelled():
            del self._request_futures[msg_id]
            # Editors keep a question on the screen that was decided elsewhere.
            if isinstance(result, lsp.MessageActionItem) and result.title != "Later":
                self._server.say(
                    "That question is over: it was decided meanwhile, and this answer changed "
                    "nothing.",
                    lsp.MessageType.Info,
                )
            return
        super()._handle_response(msg_id, result, error)

    def get_message_type(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, method: str
    ) -> type[Any] | None:
        """The form of one of our own requests, else pygls's."""
        return REQUEST_TYPES.get(method) or super().get_message_type(method)

    def get_result_type(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, method: str
    ) -> type[Any] | None:
        """The form of an answer to one of our own requests, else pygls's."""
        return _RESULTS.get(method) or super().get_result_type(method)

    def _execute_handler(
        self,
        msg_id: Any,
        handler: Any,
        callback: Any,
        args: tuple[Any, ...] | None = None,
        kwargs: Json | None = None,
    ) -> None:
        """As pygls does, and forgets the future once it is done, a notification's too."""

        def forget(future: Any) -> None:
            self._request_futures.pop(msg_id, None)
            callback(future)

        super()._execute_handler(msg_id, handler, forget, args, kwargs)

    @lsp_method(lsp.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Ends the process in good order; 1 where `shutdown` did not come first."""
        self._server.stop(0 if self._shutdown else 1)

    @lsp_method(lsp.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, params: lsp.ExecuteCommandParams
    ) -> Any:
        """Runs a command; a coroutine, so that cancelling the request cancels it in truth."""
        command = self.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"There is no command {params.command}.")
        arguments = list(params.arguments or [])
        given = arguments[0] if arguments else {}
        if len(arguments) > 1 or not isinstance(given, dict):
            raise JsonRpcInvalidParams(f"{params.command} takes one object as its argument.")
        return await command(self._server, given)

    def register(self, commands: dict[str, Command]) -> None:
        """Takes the commands of the dispatch table and advertises their names."""
        self.commands = commands
        # pygls advertises what it knows as commands; the call itself comes to us.
        self.fm.commands.update({name: partial(command) for name, command in commands.items()})

    def plain(self, value: Any) -> Json:
        """An LSP object as JSON, for a command's argument."""
        return self._converter.unstructure(value)

    def range(self, value: Any) -> lsp.Range:
        """A range from a command's argument.

        Raises:
            JsonRpcInvalidParams: It is none.
        """
        try:
            return self._converter.structure(value, lsp.Range)
        except Exception as error:
            raise JsonRpcInvalidParams("`range` is not a range.") from error
