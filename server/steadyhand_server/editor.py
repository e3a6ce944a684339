"""The Editor port on LSP: ask, show, apply, and compare afterwards.

What a client answers to `workspace/applyEdit` is not believed: a partial apply answers true, and a
stale edit may be skipped in silence. The texts are compared instead.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcMethodNotFound

from steadyhand_agent.errors import StaleDocument, SteadyhandError
from steadyhand_agent.guard.visible import visible
from steadyhand_agent.index.languages import language_of
from steadyhand_agent.ports import ApplyReport, Decision, FileOutcome
from steadyhand_agent.proposals.changes import (
    FileChange,
    Proposal,
    deletions_last,
    left,
    split_lines,
)
from steadyhand_agent.proposals.merge import changed_runs
from steadyhand_server import convert, forms, writing
from steadyhand_server.documents import Encoding, LineTable
from steadyhand_server.handlers import previews
from steadyhand_server.protocol import REPLY_NOTICE, SESSION_EVENT, SHOW_REQUEST

if TYPE_CHECKING:
    from steadyhand_server.app import SteadyhandServer

log = logging.getLogger(__name__)

Json = dict[str, Any]

# How long a client may take to send the didChange of an edit that it has applied.
_SETTLE_SECONDS = 5.0
# After a preview most texts may be what they were; clients send what changed before they answer.
_PREVIEWED_SECONDS = 1.0
_POLL_SECONDS = 0.02
# A text that is neither the old nor the new one, and no longer moves.
_STEADY_SECONDS = 0.6
# VS Code's client keeps what is typed for 250 ms unless it sends a request; an answer is none.
_TYPED_SECONDS = 0.3
_APPLY, _SHOW, _DISCARD, _LATER = "Apply", "Show diff", "Discard", "Later"
_REPLY = "Reply…"
_YES, _NO = "Yes", "No"
_RESUME = "Resume"


class LspEditor:
    """One connection's editor."""

    def __init__(self, server: SteadyhandServer) -> None:
        self._server = server
        self._progress: dict[str, bool] = {}
        self._asks = True
        # What files held that the person had us delete, by path: Helix and Emacs keep them open.
        self._deleted: dict[str, str | None] = {}
        # What those files could be used for: an editor makes a file anew that no program can start.
        self._modes: dict[str, int | None] = {}

    def text(self, path: str) -> str | None:
        """The text of an open document, as its file has it."""
        opened = self._server.documents.at(path)
        if opened is None or self._left_open(path):
            return None
        return forms.as_in_file(opened.text, self._on_disk(path), self._server.client_name)

    def _on_disk(self, path: str) -> bytes | None:
        engine = self._server.engine
        try:
            return engine.workspace.read_bytes(path) if engine is not None else None
        except SteadyhandError:
            return None

    async def decide(self, proposal: Proposal) -> Decision:
        """The editor's own preview where it has one, else a question with the diff at hand."""
        # What an editor would write in its own way, it does not show in its own way either.
        if self._previews() and not any(map(self._unsure, proposal.changes)):
            return "preview"
        headline = f"Steadyhand proposes {proposal.headline()}: {proposal.summary[:200]}"
        more = [_REPLY] if self._server.client_can("reply") else []
        choices = [_APPLY, _SHOW, _DISCARD, *more]
        while True:
            answer = await self._ask(headline, choices)
            if answer is None and not self._asks:
                # Helix up to 25.07 knows no such question: the code actions in the diff serve.
                await self.show(proposal)
                self.tell(f"Code actions in the diff apply or discard this. {headline}")
                return "later"
            if answer == _SHOW:
                await self.show(proposal)
                if self._server.client_can("show"):
                    # The editor that shows it has the buttons there.
                    return "later"
                choices = [_APPLY, _DISCARD, *more]
                continue
            if answer == _REPLY:
                # It asks for the words in its own box, and sends them as a command.
                self._server.protocol.notify(REPLY_NOTICE, {"session": proposal.session})
                return "later"
            if answer == _APPLY:
                await asyncio.sleep(_TYPED_SECONDS)
                return "apply"
            return "discard" if answer == _DISCARD else "later"

    async def grant(self, reason: str, more: str) -> bool:
        """Asks whether a paused session may go on."""
        go_on = f"Continue ({more})"
        answer = await self._ask(reason, [go_on, _LATER])
        if answer is None and not self._asks:
            self.tell(f"{reason} Resume it with more to go on.", warning=True)
        return answer == go_on

    async def confirm(self, question: str, details: str) -> bool | None:
        """Asks yes or no, with the details at hand; None where the question was dismissed."""
        choices = [_YES, _SHOW, _NO] if details else [_YES, _NO]
        while True:
            answer = await self._ask(question, choices)
            if answer is None and not self._asks:
                said = f"This editor cannot ask, so nothing was allowed. {question}"
                self.tell(said, warning=True)
            if answer != _SHOW:
                return {_YES: True, _NO: False}.get(answer or "")
            # Named by what it holds: a question that is still open elsewhere keeps its own.
            name = hashlib.blake2b(details.encode("utf-8", "replace"), digest_size=8).hexdigest()
            await self.show_diff(f"steadyhand-question-{name}", details)
            choices = [_YES, _NO]

    async def show(self, proposal: Proposal) -> None:
        """Opens a proposal in the editor's own diff, else as a unified diff, hunk by hunk."""
        if self._server.client_can("show"):
            await self._show({"session": proposal.session})
            return
        engine = self._server.engine
        assert engine is not None
        offer = await engine.sessions.look(proposal.session)
        await self.show_diff(proposal.session, offer.diff())

    async def renew_diff(self, session: str, diff: str) -> None:
        """Brings the diff of a proposal up to date, where it is a file that was shown."""
        engine = self._server.engine
        assert engine is not None
        if (engine.settings.state_path / "diffs" / f"{session}.diff").exists():
            self._write(f"{session}.diff", diff)

    async def show_beside(self, ours: Json, theirs: Json) -> None:
        """Shows two texts beside each other: `{title, path, text}` each."""
        await self._show({"texts": [ours, theirs]})

    async def _show(self, what: Json) -> None:
        try:
            await self._server.protocol.send_request_async(SHOW_REQUEST, what)
        except JsonRpcException as error:
            raise SteadyhandError(
                f"The editor could not show it ({error.message}). Nothing was changed."
            ) from error

    async def offer_to_resume(self, message: str) -> bool:
        """Says what can be resumed; True where the person wants it now."""
        if self._server.client_can("sessions"):
            return await self._ask(message, [_RESUME, _LATER]) == _RESUME
        self.tell(message)
        return False

    async def show_diff(self, name: str, diff: str) -> None:
        """Opens a unified diff, a private file in the state directory."""
        await self._show_file("diff", self._write(f"{name}.diff", diff))

    async def show_transcript(self, session: str, text: str) -> None:
        """Opens a session's transcript, a private file in the state directory."""
        await self._show_file("transcript", self._write(f"{session}.md", text))

    async def _show_file(self, what: str, path: Path) -> None:
        window = self._server.client_capabilities.window
        can = window and window.show_document and window.show_document.support
        # Helix can from 24.03 on, and 25.01 does not announce it.
        if can or self._server.client_name == "helix":
            shown = lsp.ShowDocumentParams(uri=path.as_uri(), external=False, take_focus=False)
            try:
                if (await self._server.window_show_document_async(shown)).success:
                    return
            except JsonRpcException as error:
                log.warning("the client cannot show a document: %s", error)
        self.tell(f"The {what} is in {path}.")

    def _write(self, name: str, text: str) -> Path:
        engine = self._server.engine
        assert engine is not None
        folder = engine.settings.state_path / "diffs"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        # Whoever looks meanwhile sees the one or the other, and never none or half of one.
        fd, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        with os.fdopen(fd, "w", encoding="utf-8", errors="replace", newline="") as file:
            # What an editor would hide, such as a bidi override, is written out.
            file.write(visible(text))
        Path(temporary).replace(path)
        return path

    async def apply(
        self, changes: Sequence[FileChange], label: str, *, preview: bool = False
    ) -> ApplyReport:
        """Applies changes; see `Editor.apply`."""
        todo = [change for change in changes if not self._holds(change.path, change.new)]
        stale = [change.path for change in todo if not self._holds(change.path, change.base)]
        if stale:
            raise StaleDocument(
                f"{', '.join(stale)} changed this very moment, so nothing was applied and nothing "
                "was overwritten. Try again."
            )
        gone = {c.base: self._mode(c.path) for c in todo if c.new is None}
        self._modes |= {c.path: gone[c.base] for c in todo if c.new is None}
        # One document at a time: some clients check only the first version of an edit.
        todo = deletions_last(todo)
        groups = [todo] if preview else [[change] for change in todo]
        answers: dict[str, str] = {}
        failed: list[str] | None = None
        for group in groups:
            if not group:
                continue
            if group[0].new is None and not preview:
                if failed is None:
                    failed = await self._unwritten(changes, answers)
                if failed:
                    answers |= {change.path: left(change, failed) for change in group}
                    continue
            # The person may have typed while the file before was being applied.
            late = [c.path for c in group if not self._holds(c.path, c.base)]
            if late:
                said = f"{', '.join(late)} changed meanwhile and was left as it is."
                answers |= dict.fromkeys((change.path for change in group), said)
                continue
            said = await self._send(group, label, confirm=preview)
            answers |= dict.fromkeys((change.path for change in group), said)
        limit = _PREVIEWED_SECONDS if preview else _SETTLE_SECONDS
        waits = (self._outcome(c, answers.get(c.path, ""), limit) for c in changes)
        outcomes = await asyncio.gather(*waits)
        for change, outcome in zip(changes, outcomes, strict=True):
            if change.base is None and outcome.status in ("applied", "unsaved"):
                self._make_executable(
                    change.path, gone.get(change.new, self._modes.get(change.path))
                )
        return ApplyReport(outcomes)

    def _mode(self, path: str) -> int | None:
        engine = self._server.engine
        assert engine is not None
        return writing.mode_of(engine.workspace, path)

    def _make_executable(self, path: str, mode: int | None) -> None:
        """Gives a file that moved, or came back, to those who could run it before."""
        engine, now = self._server.engine, self._mode(path)
        if engine is None or mode is None or now is None or not mode & 0o111 & ~now:
            return
        try:
            engine.workspace.locate(path).chmod(now | mode & 0o111)
        except OSError as error:
            log.warning("%s could not be made executable again: %s", path, error)

    def tell(self, message: str, *, warning: bool = False) -> None:
        """Says one sentence."""
        kind = lsp.MessageType.Warning if warning else lsp.MessageType.Info
        self._server.say(message, kind)

    def event(self, event: Json) -> None:
        """Passes a session's event on, as our notification and as work-done progress."""
        self._server.protocol.notify(SESSION_EVENT, event)
        if event["event"] == "hunks":
            self._server.spawn(previews.refresh(self._server, event["session"]), "previews")
        window = self._server.client_capabilities.window
        # An editor with a view of sessions would say everything twice.
        if window and window.work_done_progress and not self._server.client_can("sessions"):
            self._show_progress(event)

    def _previews(self) -> bool:
        engine = self._server.engine
        chosen = engine.settings.preview if engine else "auto"
        if chosen == "message" or (chosen == "auto" and self._server.client_can("show")):
            return False
        # Whatever a setting says: a client that cannot confirm an edit would apply it unasked.
        edit = self._workspace_edit()
        return bool(edit and edit.change_annotation_support and edit.document_changes)

    def _workspace_edit(self) -> lsp.WorkspaceEditClientCapabilities | None:
        workspace = self._server.client_capabilities.workspace
        return workspace.workspace_edit if workspace else None

    async def _ask(self, message: str, choices: list[str]) -> str | None:
        try:
            answer = await self._server.window_show_message_request_async(
                lsp.ShowMessageRequestParams(
                    lsp.MessageType.Info, message, [lsp.MessageActionItem(c) for c in choices]
                )
            )
        except JsonRpcException as error:
            log.warning("the client cannot ask: %s", error)
            self._asks = not isinstance(error, JsonRpcMethodNotFound)
            return None
        return answer.title if answer else None

    def _left_open(self, path: str) -> bool:
        """True where a document shows a file that we deleted, as it was then."""
        engine, opened = self._server.engine, self._server.documents.at(path)
        if engine is None or opened is None or path not in self._deleted:
            return False
        gone = self._deleted[path] or ""
        held, _ = forms.as_in_editor(gone, gone, opened.text, self._server.client_name)
        if opened.text != held:
            return False
        return not os.path.lexists(engine.workspace.locate(path))

    def _holds(self, path: str, text: str | None) -> bool:
        """True where a path holds this very text: the open document, else the disk.

        None is nothing at all; a file that cannot be read as a text is something.
        """
        opened = self.text(path)
        if opened is not None:
            return text is not None and forms.shows(opened, text, self._server.client_name)
        engine = self._server.engine
        assert engine is not None
        if not os.path.lexists(engine.workspace.locate(path)):
            return text is None
        try:
            return engine.workspace.read(path) == text
        except SteadyhandError:
            return False

    async def _send(self, changes: Sequence[FileChange], label: str, *, confirm: bool) -> str:
        """One `workspace/applyEdit`; returns why the client says it did not apply, or nothing."""
        for change in changes:
            if self._server.documents.at(change.path) is not None and self._unsure(change):
                return (
                    f"{change.path} has line ends that editors count or write in ways of their own "
                    "(a CR alone, or CRLF beside LF), so it was left as it is; save and close it, "
                    "then apply again."
                )
        files = any(change.base is None or change.new is None for change in changes)
        takes = self._server.takes_files() if files else self._server.takes_document_changes()
        left_open = any(change.base is None and self._left_open(change.path) for change in changes)
        self._deleted |= {change.path: change.base for change in changes if change.new is None}
        unseen = any(self._may_be_dirty(change) or self._unsure(change) for change in changes)
        if not confirm and (not takes or left_open or unseen):
            return await self._send_plainly(changes, label)
        parts: list[Any] = []
        for change in changes:
            parts += self._parts(change)
        edit = lsp.WorkspaceEdit(document_changes=parts)
        if confirm:
            annotation = lsp.ChangeAnnotation(label, needs_confirmation=True)
            edit.change_annotations = {"steadyhand": annotation}
            for part in parts:
                if isinstance(part, lsp.TextDocumentEdit):
                    part.edits = [
                        lsp.AnnotatedTextEdit("steadyhand", e.range, e.new_text)
                        for e in part.edits
                        if isinstance(e, lsp.TextEdit)
                    ]
                else:
                    part.annotation_id = "steadyhand"
        return await self._edit(edit, label)

    def _may_be_dirty(self, change: FileChange) -> bool:
        """True for a file of a kind that the client does not open with us.

        It may be open there with text that is not saved; positions in the disk's text would then
        change the wrong lines. Plugins of ours see to that themselves.
        """
        plugin = isinstance(self._server.options.get("client"), dict)
        both = change.base is not None and change.new is not None
        if plugin or not both or self._server.documents.at(change.path) is not None:
            return False
        return language_of(change.path) is None

    def _unsure(self, change: FileChange) -> bool:
        opened = self._server.documents.at(change.path)
        text = None if opened is None else opened.text
        return forms.unsure(change.base, change.new, text, self._server.client_name)

    async def _send_plainly(self, changes: Sequence[FileChange], label: str) -> str:
        """For a client that takes `changes` alone, which can neither make nor delete a file.

        The person has agreed to the change, so those files are made and deleted here; and so are
        those that the client may hold open with text that nobody has shown us, or would write with
        line ends of its own.
        """
        engine = self._server.engine
        assert engine is not None
        said = ""
        for change in changes:
            if not self._holds(change.path, change.base):
                said = f"{change.path} changed meanwhile and was left as it is."
                continue
            edits_it = change.base is not None and change.new is not None
            if edits_it and not self._may_be_dirty(change) and not self._unsure(change):
                edits = self._edits(change)
                uri = self._server.uri_of(change.path)
                edit = lsp.WorkspaceEdit(changes={uri: edits})
                said = await self._edit(edit, label) or said
                continue
            try:
                await asyncio.to_thread(writing.write, engine.workspace, change)
            except StaleDocument as error:
                said = str(error)
            except OSError as error:
                said = f"{change.path} could not be written: {error.strerror}."
        return said

    async def _edit(self, edit: lsp.WorkspaceEdit, label: str) -> str:
        try:
            result = await self._server.workspace_apply_edit_async(
                lsp.ApplyWorkspaceEditParams(edit, label=label)
            )
        except JsonRpcException as error:
            return f"The editor answered: {error}."
        if result.applied:
            return ""
        return f"The editor answered: {result.failure_reason or 'not applied'}."

    def _parts(self, change: FileChange) -> list[Any]:
        uri = self._server.uri_of(change.path)
        if change.new is None:
            return [
                lsp.DeleteFile(uri=uri, options=lsp.DeleteFileOptions(ignore_if_not_exists=True))
            ]
        opened = self._server.documents.at(change.path)
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(
            uri, opened.version if opened else None
        )
        edits = self._edits(change)
        if not change.base and self._server.client_name == "Neovim":
            # Its empty buffer is one line end long; left there, the file ends with a blank line.
            everything = lsp.Range(lsp.Position(0, 0), lsp.Position(1, 0))
            edits = [lsp.TextEdit(everything, change.new)]
        parts: list[Any] = [lsp.TextDocumentEdit(identifier, list(edits))]
        if change.base is None:
            # Without `ignoreIfExists` some clients truncate a file that appeared meanwhile.
            options = lsp.CreateFileOptions(ignore_if_exists=True)
            parts.insert(0, lsp.CreateFile(uri=uri, options=options))
        return parts

    def _edits(self, change: FileChange) -> list[lsp.TextEdit]:
        opened = self._server.documents.at(change.path)
        text = None if opened is None else opened.text
        name = self._server.client_name
        base, new = forms.as_in_editor(change.base or "", change.new or "", text, name)
        return text_edits(base, new, self._server.documents.encoding)

    async def _outcome(
        self, change: FileChange, said: str, seconds: float = _SETTLE_SECONDS
    ) -> FileOutcome:
        """Waits until a text is what was proposed; any later version that equals it will do."""
        limit = time.monotonic() + (0.3 if said else seconds)
        before, since = self._present(change.path), time.monotonic()
        while not self._holds(change.path, change.new):
            now = self._present(change.path)
            if now != before:
                before, since = now, time.monotonic()
            # The editor may have formatted it on the way; then it is what it will be.
            other = bool(now) and now not in (change.base, change.new)
            if time.monotonic() > (since + _STEADY_SECONDS if other else limit):
                if self._holds(change.path, change.base):
                    return FileOutcome(change.path, "refused", said)
                if said:
                    said = f"{change.path} changed meanwhile and was left as it is; apply again."
                    return FileOutcome(change.path, "refused", said)
                return FileOutcome(
                    change.path,
                    "unconfirmed",
                    f"{change.path} holds neither the old nor the proposed text; look at it.",
                )
            await asyncio.sleep(_POLL_SECONDS)
        return FileOutcome(change.path, "unsaved" if self._unsaved(change) else "applied")

    def _present(self, path: str) -> str | None:
        """What a path holds now; None for nothing, or for no text."""
        engine = self._server.engine
        assert engine is not None
        try:
            return text if (text := self.text(path)) is not None else engine.workspace.present(path)
        except SteadyhandError:
            return None

    async def _unwritten(self, changes: Sequence[FileChange], answers: dict[str, str]) -> list[str]:
        """The paths that do not hold what was to be written there."""
        outcomes = [
            await self._outcome(change, answers.get(change.path, ""))
            for change in changes
            if change.new is not None
        ]
        return [o.path for o in outcomes if o.status in ("refused", "unconfirmed")]

    def _unsaved(self, change: FileChange) -> bool:
        engine = self._server.engine
        if self.text(change.path) is None or engine is None:
            return False
        try:
            return engine.workspace.read(change.path) != change.new
        except SteadyhandError:
            return True

    def _show_progress(self, event: Json) -> None:
        session = event["session"]
        token = f"session-{session}"
        progress = self._server.work_done_progress
        running = event["state"] == "running"
        text = f"round {event['round']}/{event['max_rounds']}, {event['tokens']:,} tokens"
        if event["cached_tokens"]:
            text += f" ({event['cached_tokens']:,} cached)"
        if event.get("tool"):
            text += f", {event['tool']}"
        if running and session not in self._progress:
            self._progress[session] = False
            self._server.spawn(self._begin(session, token, event["prompt"]), "progress")
        elif running and self._progress.get(session):
            share = event["tokens"] * 100 // max(event["max_tokens"], 1)
            progress.report(
                token, lsp.WorkDoneProgressReport(message=text, percentage=min(share, 100))
            )
        elif not running and self._progress.pop(session, False):
            progress.end(token, lsp.WorkDoneProgressEnd(message=event.get("message", "")[:120]))
            progress.tokens.pop(token, None)

    async def _begin(self, session: str, token: str, prompt: str) -> None:
        progress = self._server.work_done_progress
        if token not in progress.tokens:
            try:
                await progress.create_async(token)
            except JsonRpcException as error:
                log.warning("the client takes no progress: %s", error)
                return
        if session in self._progress:
            progress.begin(
                token,
                lsp.WorkDoneProgressBegin(
                    f"Steadyhand: {prompt[:60]}", cancellable=True, percentage=0
                ),
            )
            self._progress[session] = True


def text_edits(base: str, new: str, encoding: Encoding = "utf-16") -> list[lsp.TextEdit]:
    """The edits from one text to another, line by line, so that cursors and folds stay.

    Args:
        base: The text as it is.
        new: What it is to be.
        encoding: What the client's positions count.
    """
    table = LineTable(base, encoding)
    old_lines, new_lines = split_lines(base), split_lines(new)
    offsets = [0]
    for line in old_lines:
        offsets.append(offsets[-1] + len(line.encode("utf-8", "surrogatepass")))
    edits: list[lsp.TextEdit] = []
    for first, end, new_first, new_end in changed_runs(old_lines, new_lines):
        # Neovim adds a blank line to what is inserted after the last line; so that goes along.
        along = 1 if first == len(old_lines) and first > 0 else 0
        where = convert.span(table, offsets[first - along], offsets[end])
        edits.append(lsp.TextEdit(where, "".join(new_lines[new_first - along : new_end])))
    return edits
