"""The one place where an action becomes a verdict; only a Permit is executed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from steadyhand_agent.actions import Action, Permit, Refuse, Verdict
from steadyhand_agent.errors import PathRefused, ToolFailed
from steadyhand_agent.guard import duplicates, paths, visible
from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.store import Index
from steadyhand_agent.tools.registry import Registry, ToolContext
from steadyhand_agent.workspace import is_whole, utf8

_SHOWN_LINES = 12


def decide(
    action: Action,
    tools: Registry,
    context: ToolContext,
    index: Index,
    refused: list[str],
    beside: Mapping[str, str] | None = None,
) -> Verdict:
    """Judges one action.

    Args:
        action: What the model wants.
        tools: What there is.
        context: The session's texts and view.
        index: From which the view of an edit is made, the edit included.
        refused: What the duplicate guard refused this session before.
        beside: What other sessions propose, by path.
    """
    if action.kind != "tool":
        return Permit()
    try:
        tool, arguments = tools.parse(action)
        path = getattr(arguments, "path", None)
        # To a tool that can do without a path the workspace itself is none.
        if path is not None and (
            not is_whole(path) or tool.arguments.model_fields["path"].is_required()
        ):
            context.workspace.locate(path)
            context.overlay.refuse_secret(context.workspace.normal(path))
        preview = getattr(tool, "preview", None)
        if preview is None:
            consent = getattr(tool, "consent", None)
            return Permit() if consent is None else consent(arguments, context)
        path, before, after = preview(arguments, context)
        context.overlay.refuse_secret(path)
        if visible.unseen(path):
            return Refuse(
                f"`{visible.visible(path)}` has characters that cannot be seen; name it without.",
                "path",
            )
        leaves = getattr(tool, "leaves", None)
        gone = {leaves(arguments, context): None} if leaves else {}
    except PathRefused as error:
        return Refuse(str(error), "path")
    except ToolFailed as error:
        return Refuse(str(error), "arguments")
    edit = duplicates.Edit(path, before, after)
    view = index.view({**context.overlay.texts, **gone, path: after}, beside)

    def body_of(definition: Definition) -> str:
        try:
            if beside and view.only_proposed(definition):
                context.overlay.refuse_secret(definition.path)
                text = beside.get(definition.path, "")
            elif definition.path == path:
                text = after
            else:
                text = context.overlay.read(definition.path)
        except (PathRefused, ToolFailed):
            return ""  # Gone or unreadable by now; its place and signature are told all the same.
        data = utf8(text)[definition.start : definition.end]
        return "\n".join(data.decode("utf-8", "replace").splitlines()[:_SHOWN_LINES])

    verdict = duplicates.check(
        edit, view, body_of, refused, getattr(arguments, "duplicate_reason", "")
    )
    remarks = [said for name in gone if (said := paths.remark(name, context.conventions))]
    remarks += _remarks(path, before, after, context.conventions)
    if isinstance(verdict, Permit) and remarks:
        return dataclasses.replace(verdict, remarks=(*verdict.remarks, *remarks))
    return verdict


def _remarks(path: str, before: str, after: str, conventions: Sequence[str]) -> list[str]:
    """What a person should see beside the difference, since it is easily missed in it."""
    found = [paths.remark(path, conventions)]
    new = sorted(visible.unseen(after) - visible.unseen(before))
    if new:
        found.append(f"{path}: brings in characters that cannot be seen: {', '.join(new)}.")
    return [said for said in found if said]
