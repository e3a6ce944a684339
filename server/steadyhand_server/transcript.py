"""A session as a text to read: what was asked, said, done, refused and offered, round by round.

Owns the words and the Markdown. Knows nothing of LSP or a terminal, and changes nothing. What a
model or a file wrote is quoted, with what an editor would hide written out; nothing in it is meant
to be rendered, since a picture in it would tell a stranger that it was read.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from difflib import unified_diff

from steadyhand_agent.actions import Action, about
from steadyhand_agent.errors import ReplyUnreadable
from steadyhand_agent.guard.visible import visible, visible_line
from steadyhand_agent.models import dialect
from steadyhand_agent.session import Result, Round, SessionState

# A result is looked at again in its file, not here; an edit is what the text is read for.
_RESULT_LINES = 12
_EDIT_LINES = 80
_WIDEST = 400
_SUFFIX = re.compile(r"\.([A-Za-z0-9]+)\Z")
_FENCE = re.compile(r"`{3,}")


def transcript(state: SessionState) -> str:
    """The whole session in Markdown."""
    parts = ["\n".join(_head(state))]
    if state.task.selection:
        parts.append(_quoted("The selection:", state.task.selection, _EDIT_LINES))
    parts += ["\n".join(f"- {visible_line(line)}" for line in state.task.diagnostics)]
    parts += _words(state, 0)
    for done in state.rounds:
        parts += _round(done)
        parts += _words(state, done.number)
    if state.summary:
        parts += ["## What it came to", visible(state.summary).strip()]
    hunks = [
        f"- {hunk.id} {visible_line(path)}: {hunk.mark}"
        for path, found in sorted(state.offered.items())
        for hunk in found
    ]
    if hunks:
        parts += ["## Hunks", "\n".join(hunks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(state: SessionState) -> Iterator[str]:
    first, *more = visible(state.task.prompt).strip().splitlines() or ["A task without words"]
    yield f"# {first}"
    if more:
        yield "\n" + "\n".join(more)
    yield ""
    reason = f": {visible_line(state.reason)}" if state.reason else ""
    yield f"- session {state.id}, {state.state}{reason}"
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(state.created))
    yield f"- begun {begun}, {state.seconds:,.0f} s of work, with {state.model or 'no model yet'}"
    yield (
        f"- {state.round} of {state.limits.rounds} rounds, {state.spent:,} of "
        f"{state.limits.tokens:,} tokens ({state.cached:,} more from the provider's cache)"
    )
    for one in state.task.conventions:
        note = f" ({visible_line(one.note)})" if one.note else ""
        yield f"- conventions: {visible_line(one.path)}{note}"
    marks = Counter(hunk.mark for hunk in state.hunks().values())
    if marks:
        yield "- hunks: " + ", ".join(f"{count} {mark}" for mark, count in sorted(marks.items()))
    if state.branch:
        yield f"- on {visible_line(state.branch)}, {state.commit[:10]}"


def _round(done: Round) -> Iterator[str]:
    yield f"## Round {done.number}"
    try:
        actions = dialect.actions(done.blocks, done.stop_reason)
    except ReplyUnreadable as error:
        actions = []
        yield f"*The reply could not be used: {visible_line(str(error))}*"
    said = [str(block.get("text", "")) for block in done.blocks if block.get("type") == "text"]
    if words := visible("\n".join(said)).strip():
        yield "\n".join(f"> {line}".rstrip() for line in words.splitlines())
    for index, action in enumerate(actions):
        if action.kind == "think" and not action.call_id:
            continue  # It is what was said.
        verdict = done.verdicts[index] if index < len(done.verdicts) else {}
        result = done.results[index] if index < len(done.results) else None
        yield from _step(action, verdict, result)
    for note in done.notes:
        yield f"*Told: {visible_line(note)}*"


def _words(state: SessionState, after: int) -> Iterator[str]:
    """What the person said after a round."""
    for word in state.words:
        if word.after == after:
            yield "## You"
            yield visible(word.said.prompt).strip()
            if word.said.selection:
                yield _quoted("The selection:", word.said.selection, _EDIT_LINES)


def _step(action: Action, verdict: dict[str, object], result: Result | None) -> Iterator[str]:
    if action.kind != "tool":
        name, what = action.kind, visible(str(action.content.get("text", ""))).strip()
    else:
        name, what = visible_line(action.tool), visible_line(about(action.content))
    reason = f" ({visible_line(action.reason)})" if action.reason else ""
    took = f", {result.seconds:.0f} s" if result is not None and result.seconds >= 1 else ""
    yield f"**{name}**" + (f" {what}" if what else "") + reason + took
    if action.tool == "edit_file":
        yield _fenced("diff", _difference(action), _EDIT_LINES)
    elif action.tool == "create_file":
        suffix = _SUFFIX.search(str(action.content.get("path", "")))
        text = str(action.content.get("text", ""))
        yield _fenced(suffix[1] if suffix else "", text, _EDIT_LINES)
    if verdict.get("verdict") == "refuse":
        yield _quoted(f"Refused ({verdict.get('rule')}):", str(verdict.get("why", "")), _EDIT_LINES)
        return
    remarks = verdict.get("remarks")
    if isinstance(remarks, dict):
        for lines in remarks.values():  # pyright: ignore[reportUnknownVariableType]
            for line in lines:  # pyright: ignore[reportUnknownVariableType]
                yield f"Accepted, though: {visible_line(str(line))}"  # pyright: ignore[reportUnknownArgumentType]
    if result is None:
        yield "*It has not come to its end.*"
    elif result.text.strip() and action.kind == "tool":
        yield _quoted("Failed:" if result.error else "", result.text, _RESULT_LINES)


def _difference(action: Action) -> str:
    old, new = (str(action.content.get(f"{side}_text", "")) for side in ("old", "new"))
    lines = unified_diff(old.splitlines(), new.splitlines(), n=3, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _quoted(label: str, text: str, most: int) -> str:
    text = visible(text).strip("\n")
    if "\n" not in text and len(text) <= _WIDEST:
        return f"{label} {text}".strip()
    return f"{label}\n\n{_fenced('', text, most)}".strip()


def _fenced(language: str, text: str, most: int) -> str:
    """A text between fences that nothing in it can close, cut where it is long."""
    lines = visible(text).rstrip().splitlines()
    shown = [line if len(line) <= _WIDEST else f"{line[:_WIDEST]} …" for line in lines[:most]]
    if len(lines) > most:
        left = len(lines) - most
        shown.append(f"[… {left} more {'line' if left == 1 else 'lines'}]")
    body = "\n".join(shown)
    fence = "`" * max([3, *(len(found) + 1 for found in _FENCE.findall(body))])
    return f"{fence}{language}\n{body}\n{fence}"
