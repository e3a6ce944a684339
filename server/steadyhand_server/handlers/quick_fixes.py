"""What can be done about a finding: use the existing one, go there, compare, have the agent merge.

Owns the code actions of one finding and the edit of "Use the existing one". How that edit comes
about is the agent's (`proposals/reuse.py`); nothing here knows a programming language.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from steadyhand_agent.errors import SteadyhandError
from steadyhand_server import convert
from steadyhand_server.documents import Snapshot

if TYPE_CHECKING:
    from steadyhand_agent.index.definitions import Definition, FileEntry, Finding
    from steadyhand_agent.proposals.reuse import Code, Plan, TextEdit
    from steadyhand_server.app import SteadyhandServer
    from steadyhand_server.engine import Engine

Json = dict[str, Any]

REQUEST_FAILED = -32803
# The tiers whose bodies are the same, at least but for literals.
_SAME_BODY = ("T1", "T2")
# Near copies, among which are those that take the same arguments in another order.
_NEAR = "T3"
# Similar bodies in two modules, from which a third could be made.
_SIMILAR = ("T2", "T3")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two definitions as they stand in the texts of this moment."""

    code: Code
    ours: Definition
    theirs: Definition


class Planned:
    """The plan that was worked out last, for who presses the key again.

    It is used only where every text that it was made from is still the same.
    """

    def __init__(self) -> None:
        # What was asked, the texts that were read, and the plan or what forbids it.
        self._last: tuple[object, dict[str, int], Plan | SteadyhandError] | None = None

    def plan(self, pair: Pair) -> Plan:
        """The plan for a pair; reads many files, so in a thread.

        Raises:
            SteadyhandError: It cannot be done; says why.
        """
        asked = pair.ours, pair.theirs, pair.code.paths
        known = self._last
        if known is not None and known[0] == asked and _unchanged(pair.code, known[1]):
            outcome = known[2]
        else:
            outcome, texts = _worked_out(pair)
            self._last = asked, texts, outcome
        if isinstance(outcome, SteadyhandError):
            raise outcome
        return outcome


def _worked_out(pair: Pair) -> tuple[Plan | SteadyhandError, dict[str, int]]:
    from steadyhand_agent.proposals.reuse import Code, reuse

    texts: dict[str, int] = {}

    def read(path: str) -> str | None:
        text = pair.code.read(path)
        texts[path] = hash(text)
        return text

    try:
        return reuse(Code(pair.code.paths, read), pair.ours, pair.theirs), texts
    except SteadyhandError as error:
        return error, texts


def _unchanged(code: Code, texts: dict[str, int]) -> bool:
    return all(hash(code.read(path)) == known for path, known in texts.items())


async def actions(
    server: SteadyhandServer,
    engine: Engine,
    snapshot: Snapshot,
    finding: Finding,
    *,
    weighed: bool = False,
) -> list[lsp.CodeAction]:
    """The quick fixes of one finding.

    Args:
        server: The server.
        engine: Its engine.
        snapshot: The document.
        finding: One of its findings.
        weighed: Says of each what there is to check, even where the editor would ask later.
    """
    opened = server.documents.at(finding.canonical.path)
    diagnostic = convert.diagnostic(
        finding,
        snapshot.table,
        server.uri_of(finding.canonical.path),
        opened.table if opened else None,
    )
    data: Json = {
        "uri": snapshot.uri,
        "definition": finding.definition.qualified,
        "start": finding.definition.start,
        "canonical": finding.canonical.qualified,
        "canonical_path": finding.canonical.path,
    }
    found = [
        *await _use(server, engine, finding, data, weighed=weighed),
        _goto(finding.canonical),
        _compare(data),
        *_agent(snapshot, finding, data),
    ]
    for action in found:
        action.diagnostics = [diagnostic]
    return found


async def _use(
    server: SteadyhandServer, engine: Engine, finding: Finding, data: Json, *, weighed: bool
) -> list[lsp.CodeAction]:
    from steadyhand_agent.proposals.reuse import offered

    definition, canonical = finding.definition, finding.canonical
    if not offered(definition, canonical):
        return []
    if finding.tier not in _SAME_BODY and not (
        finding.tier == _NEAR and await _reordered(server, engine, data)
    ):
        return []
    origin = ""
    if canonical.path != definition.path:
        place = canonical.path
        if place.endswith(".py"):
            place = engine.index.view().module(place)
        origin = f" from `{place}`"
    action = lsp.CodeAction(
        title=f"Use `{canonical.name}`{origin}",
        kind=lsp.CodeActionKind.QuickFix,
        data=data,
    )
    if _resolves(server) and _confirms(server) and not weighed:
        # The editor asks about what is to be checked; the work is done when the person chooses.
        # Whether it is safe is not known yet, so that nobody is told to prefer it.
        return [action]
    pair = meant(server, engine, data)
    try:
        plan = await asyncio.to_thread(server.planned.plan, pair)
    except SteadyhandError as error:
        if not _shows_disabled(server):
            return []
        action.disabled = lsp.CodeActionDisabled(str(error))
        return [action]
    # An editor may take what is preferred without showing it.
    action.is_preferred = plan.safe or None
    if plan.checks:
        first, *others = plan.checks
        more = f"; {len(others)} more" if others else ""
        action.title += f" (check: {first.rstrip('.')}{more})"
    if not _resolves(server):
        action.edit = _edit(server, pair, plan)
    return [action]


async def _reordered(server: SteadyhandServer, engine: Engine, data: Json) -> bool:
    """True where the two are the same but for the order of their parameters."""
    from steadyhand_agent.proposals.reuse import reordered

    try:
        pair = meant(server, engine, data)
    except JsonRpcException:
        return False
    return await asyncio.to_thread(reordered, pair.code, pair.ours, pair.theirs)


async def resolved(server: SteadyhandServer, engine: Engine, data: Json) -> lsp.WorkspaceEdit:
    """The edit of "Use the existing one", from the texts as they are now.

    Raises:
        JsonRpcException: It cannot be done; the sentence is shown by the editor.
    """
    pair = meant(server, engine, data)
    # The files are read in a thread; the index and the open texts belong to the event loop.
    try:
        plan = await asyncio.to_thread(server.planned.plan, pair)
    except SteadyhandError as error:
        raise JsonRpcException(str(error), REQUEST_FAILED) from error
    return _edit(server, pair, plan)


def meant(server: SteadyhandServer, engine: Engine, data: Json) -> Pair:
    """The two definitions that a code action speaks of, and the texts they stand in.

    Raises:
        JsonRpcException: They are not there any more.
    """
    server.findings.settle()
    view = engine.index.view()
    code = code_of(server, engine)
    path = server.path_of(str(data.get("uri")))
    ours = _find(_fresh(code, view.entry(path or "")), data.get("definition"), data.get("start"))
    other = view.entry(str(data.get("canonical_path")))
    theirs = _find(_fresh(code, other), data.get("canonical"), None)
    if ours is None or theirs is None:
        raise moved_on()
    return Pair(code, ours, theirs)


def _fresh(code: Code, entry: FileEntry | None) -> FileEntry | None:
    """An entry of the text as it is: a file that was just saved is indexed a moment later."""
    from steadyhand_agent.index.languages import index_text
    from steadyhand_agent.workspace import text_hash

    text = code.read(entry.path) if entry is not None else None
    if entry is None or text is None or entry.content_hash == text_hash(text):
        return entry
    return index_text(entry.path, text)


def code_of(server: SteadyhandServer, engine: Engine) -> Code:
    """The workspace's texts as of now: those that are open, else the disk's."""
    from steadyhand_agent.proposals.reuse import Code
    from steadyhand_agent.workspace import decode

    opened = {s.path: s.text for s in server.documents.all() if s.path is not None}
    on_disk = engine.workspace.reader()

    def read(path: str) -> str | None:
        if path in opened:
            return opened[path]
        try:
            return decode(on_disk(path), path)
        except SteadyhandError:
            return None

    return Code(frozenset({*engine.index.view().paths(), *engine.keeper.files, *opened}), read)


def moved_on() -> JsonRpcException:
    """The answer to an action whose texts have changed."""
    return JsonRpcException(
        "The text has changed since; ask for the code actions again.", REQUEST_FAILED
    )


def _find(entry: FileEntry | None, qualified: Any, start: Any) -> Definition | None:
    for definition in entry.definitions if entry else ():
        if definition.qualified == qualified and start in (None, definition.start):
            return definition
    return None


def _edit(server: SteadyhandServer, pair: Pair, plan: Plan) -> lsp.WorkspaceEdit:
    """The plan as the client takes it."""
    documents: list[tuple[str, int | None, list[lsp.TextEdit]]] = []
    for path, edits in sorted(plan.edits.items()):
        text = pair.code.read(path)
        opened = server.documents.at(path)
        if text is None or (opened is not None and opened.text != text):
            # Typed meanwhile: the two may no longer be the same, and the offsets are old.
            raise moved_on()
        version = opened.version if opened is not None else None
        documents.append((server.uri_of(path), version, _converted(server, path, text, edits)))
    if not (plan.checks and _confirms(server)):
        return server.edit_of(documents)
    annotation = lsp.ChangeAnnotation(
        f"Use {pair.theirs.name}: please check",
        needs_confirmation=True,
        description=" ".join(plan.checks),
    )
    return server.edit_of(documents, annotation)


def _converted(
    server: SteadyhandServer, path: str, text: str, edits: list[TextEdit]
) -> list[lsp.TextEdit]:
    """Edits of a text as the editor counts in it.

    Raises:
        JsonRpcException: Through this editor they may hit other lines.
    """
    # Not at the start: what plans and merges texts takes its time to import.
    from steadyhand_agent.proposals.reuse import applied
    from steadyhand_server import forms
    from steadyhand_server.editor import text_edits

    opened = server.documents.at(path)
    table = opened.table if opened is not None else server.documents.table(text)
    order = sorted(edits, key=lambda e: (e.start, e.end))
    new = applied(text, edits)
    shown, client = opened.text if opened is not None else None, server.client_name
    if forms.unsure(text, new, shown, client):
        raise JsonRpcException(
            f"{path} has line ends that editors count or write in ways of their own, so nothing "
            "was changed. Make them alike, then ask again.",
            REQUEST_FAILED,
        )
    held, wanted = forms.as_in_editor(text, new, shown, client)
    if held != text:
        return text_edits(held, wanted, server.documents.encoding)
    return [lsp.TextEdit(convert.span(table, e.start, e.end), e.new) for e in order]


def _resolves(server: SteadyhandServer) -> bool:
    document = server.client_capabilities.text_document
    actions = document.code_action if document else None
    support = actions.resolve_support if actions else None
    return support is not None and "edit" in support.properties


def _shows_disabled(server: SteadyhandServer) -> bool:
    document = server.client_capabilities.text_document
    actions = document.code_action if document else None
    return bool(actions and actions.disabled_support)


def _confirms(server: SteadyhandServer) -> bool:
    workspace = server.client_capabilities.workspace
    edit = workspace.workspace_edit if workspace else None
    return bool(edit and edit.change_annotation_support and edit.document_changes)


def _goto(canonical: Definition) -> lsp.CodeAction:
    title = f"Go to the existing definition ({canonical.place})"
    argument = {"path": canonical.path, "qualified": canonical.qualified}
    return lsp.CodeAction(
        title=title,
        kind=lsp.CodeActionKind.QuickFix,
        command=lsp.Command(title, "steadyhand.goto", arguments=[argument]),
    )


def _compare(data: Json) -> lsp.CodeAction:
    title = "Compare the two"
    return lsp.CodeAction(
        title=title,
        kind=lsp.CodeActionKind.QuickFix,
        command=lsp.Command(title, "steadyhand.compare", arguments=[data]),
    )


def _agent(snapshot: Snapshot, finding: Finding, data: Json) -> list[lsp.CodeAction]:
    """What is left to the agent: merging the two, or making one of what both share."""
    ours, theirs = finding.definition, finding.canonical
    tier: str = finding.tier
    if tier == "T0":
        return []  # One overwrites the other; nothing can be merged without a person's word.
    wanted = [
        (
            "Let the agent merge them",
            f"Merge `{ours.qualified}` ({ours.place}) into `{theirs.qualified}` ({theirs.place}): "
            "keep one definition that serves the callers of both, remove the other, and change "
            "its callers.",
        )
    ]
    if tier in _SIMILAR and ours.path != theirs.path:
        wanted.append(
            (
                "Let the agent extract both to one place…",
                f"`{ours.qualified}` ({ours.place}) and `{theirs.qualified}` ({theirs.place}) are "
                "nearly the same. Extract what they share into one definition in the module where "
                "it belongs, and have both use it; what differs becomes a parameter.",
            )
        )
    return [
        lsp.CodeAction(
            title=title,
            kind=lsp.CodeActionKind.QuickFix,
            command=lsp.Command(
                title,
                "steadyhand.task",
                arguments=[{"prompt": prompt, "uri": snapshot.uri, "pair": data}],
            ),
        )
        for title, prompt in wanted
    ]
