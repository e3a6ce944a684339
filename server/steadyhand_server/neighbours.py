"""What the editor's other language servers know, asked through the editor by requests of our own.

Owns who may be asked: a client that announces it. What comes back is data about files of the
workspace; a place outside is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.ports import Place, Remark
from steadyhand_server.convert import SOURCE
from steadyhand_server.protocol import DIAGNOSTICS_REQUEST, REFERENCES_REQUEST

if TYPE_CHECKING:
    from steadyhand_server.app import SteadyhandServer

_QUESTIONS = ("references", "diagnostics")
_SEVERITIES = {
    lsp.DiagnosticSeverity.Error: "error",
    lsp.DiagnosticSeverity.Warning: "warning",
    lsp.DiagnosticSeverity.Information: "information",
    lsp.DiagnosticSeverity.Hint: "hint",
}


class LspNeighbours:
    """One connection's other language servers.

    Attributes:
        answers: What the client says it answers.
    """

    def __init__(self, server: SteadyhandServer) -> None:
        self._server = server
        self.answers = announced(server.options, server.client_capabilities.experimental)

    async def references(self, path: str, line: int, column: int) -> list[Place]:
        """Where the name at a place is used; see `Neighbours`."""
        found: list[lsp.Location] | None = await self._ask(
            REFERENCES_REQUEST,
            {
                "uri": self._server.uri_of(path),
                "position": {"line": line - 1, "character": self._units(path, line, column)},
            },
        )
        return [
            Place(name, location.range.start.line + 1)
            for location in found or []
            if (name := self._server.path_of(location.uri)) is not None
        ]

    async def diagnostics(self, path: str | None) -> list[Remark]:
        """What is said about a file or all of them; see `Neighbours`."""
        asked = {} if path is None else {"uri": self._server.uri_of(path)}
        found: list[lsp.PublishDiagnosticsParams] | None = await self._ask(
            DIAGNOSTICS_REQUEST, asked
        )
        return [
            _remark(name, diagnostic)
            for document in found or []
            if (name := self._server.path_of(document.uri)) is not None and path in (None, name)
            for diagnostic in document.diagnostics
            if diagnostic.source != SOURCE
        ]

    async def _ask(self, method: str, params: dict[str, Any]) -> Any:
        try:
            return (await self._server.protocol.send_request_async(method, params)) or []
        except JsonRpcException as error:
            raise ToolFailed(
                f"The editor could not answer ({error.message}). Go on without it, or look with "
                "`search_text`.",
                error.code,
            ) from error

    def _units(self, path: str, line: int, column: int) -> int:
        """UTF-16 units before a column that counts characters."""
        opened = self._server.documents.at(path)
        engine = self._server.engine
        assert engine is not None
        text = opened.text if opened else engine.workspace.read(path)
        before = text.replace("\r\n", "\n").split("\n")[line - 1][:column]
        return len(before.encode("utf-16-le", "surrogatepass")) // 2


def announced(options: Any, experimental: Any) -> frozenset[str]:
    """What a client answers, by its options (`client`) or its experimental capabilities."""
    said: set[str] = set()
    for holder, key in ((options, "client"), (experimental, "steadyhand")):
        section = holder.get(key) if isinstance(holder, dict) else getattr(holder, key, None)
        for question in _QUESTIONS:
            value = (
                section.get(question)
                if isinstance(section, dict)
                else getattr(section, question, None)
            )
            if value is True:
                said.add(question)
    return frozenset(said)


def _remark(path: str, diagnostic: lsp.Diagnostic) -> Remark:
    source = " ".join(str(part) for part in (diagnostic.source, diagnostic.code) if part)
    severity = _SEVERITIES.get(diagnostic.severity or lsp.DiagnosticSeverity.Error, "error")
    place = Place(path, diagnostic.range.start.line + 1)
    return Remark(place, severity, diagnostic.message, source)
