"""Open documents. Each handler is synchronous and tiny: it waits for no model, disk or git."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from steadyhand_server.handlers import previews

if TYPE_CHECKING:
    from steadyhand_server.app import SteadyhandServer


def did_open(server: SteadyhandServer, params: lsp.DidOpenTextDocumentParams) -> None:
    """Takes in a document."""
    opened = params.text_document
    server.documents.put(opened.uri, server.path_of(opened.uri), opened.version, opened.text)
    server.findings.opened(opened.uri, opened.text)


def did_change(server: SteadyhandServer, params: lsp.DidChangeTextDocumentParams) -> None:
    """Takes in a new text; the last change holds all of it (full sync)."""
    uri = params.text_document.uri
    if not params.content_changes:
        return
    text = params.content_changes[-1].text
    path = server.path_of(uri)
    server.documents.put(uri, path, params.text_document.version, text)
    server.findings.changed(uri)
    if path is not None:
        previews.touched(server, path)


def did_save(server: SteadyhandServer, params: lsp.DidSaveTextDocumentParams) -> None:
    """The watcher brings the disk's text in; nothing is to be done here."""


def did_close(server: SteadyhandServer, params: lsp.DidCloseTextDocumentParams) -> None:
    """Lets a document go; disk counts again."""
    gone = server.documents.drop(params.text_document.uri)
    previews.closed(server, params.text_document.uri)
    if gone is not None and gone.path is not None:
        previews.touched(server, gone.path)
    if gone is not None and gone.path is not None and server.engine is not None:
        other = server.documents.at(gone.path)
        if other is None:
            server.engine.index.drop_buffer(gone.path)
        else:
            # The same file is open under another spelling of its name.
            server.engine.index.put_buffer(gone.path, other.text)
    server.findings.closed(params.text_document.uri)
