"""The Editor port on a terminal: `steadyhand task`, and the look of rounds in the demo.

Owns what is printed of a session. Files are written after consent alone, atomically: a temporary
file beside the target, fsync, rename, with the target's mode kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from steadyhand_agent.actions import about
from steadyhand_agent.errors import StaleDocument
from steadyhand_agent.guard.visible import visible
from steadyhand_agent.ports import ApplyReport, Decision, FileOutcome
from steadyhand_agent.proposals.changes import FileChange, Proposal, deletions_last, left
from steadyhand_agent.workspace import Workspace
from steadyhand_server import writing
from steadyhand_server.questions import ask

Json = dict[str, Any]

# What a step was about: the first of these that it has.
_VERDICTS = {"permit": "[green]permit[/green]", "ask": "[yellow]asks you[/yellow]"}
_DIFF_STYLES = (
    ("+++", "bold"),
    ("---", "bold"),
    ("@@", "cyan"),
    ("+", "green"),
    ("-", "red"),
    ("#", "yellow"),
)


class TerminalEditor:
    """A terminal as the editor.

    Args:
        workspace: Where files are written.
        console: Where it prints.
        yes: Apply without asking.
    """

    def __init__(self, workspace: Workspace, console: Console, *, yes: bool) -> None:
        self._workspace = workspace
        self._console = console
        self._yes = yes

    def text(self, path: str) -> str | None:
        """A terminal holds no document open."""
        return None

    async def decide(self, proposal: Proposal) -> Decision:
        """Shows the diff and asks; without a terminal it applies only with `--yes`."""
        await self.show(proposal)
        if proposal.summary:
            self._console.print(escape(f"{proposal.headline()}: {proposal.summary}"))
        decision = await decide(self._console, yes=self._yes)
        if decision == "later":
            how = f"steadyhand resume {proposal.session}"
            self.tell(
                f"The proposal waits: `{how}` asks again, with --yes it applies it; `steadyhand "
                f'reply {proposal.session} "…"` says what should be otherwise.'
            )
        return decision

    async def grant(self, reason: str, more: str) -> bool:
        """Asks whether a paused session may go on; without a terminal it may not."""
        self.tell(reason, warning=True)
        return await ask(self._console, f"Continue ({more})?", ("yes", "no"), "no") == "yes"

    async def apply(
        self, changes: Sequence[FileChange], label: str, *, preview: bool = False
    ) -> ApplyReport:
        """Writes files that still hold their base; see `Editor.apply`."""
        stale = [c.path for c in changes if not writing.fresh(self._workspace, c)]
        if stale:
            raise StaleDocument(
                f"{', '.join(stale)} changed this very moment, so nothing was applied and nothing "
                "was overwritten. Try again."
            )
        # A text that goes under one name and comes under another is the same file.
        modes = {c.base: writing.mode_of(self._workspace, c.path) for c in changes if c.new is None}
        outcomes: dict[str, FileOutcome] = {}
        failed: list[str] = []
        for change in deletions_last(changes):
            if change.new is None and failed:
                outcomes[change.path] = FileOutcome(change.path, "refused", left(change, failed))
                continue
            try:
                mode = modes.get(change.new) if change.base is None else None
                await asyncio.to_thread(writing.write, self._workspace, change, mode)
            except (OSError, StaleDocument) as error:
                said = f"{error}" if isinstance(error, StaleDocument) else f"{error}."
                outcomes[change.path] = FileOutcome(change.path, "refused", said)
                failed.append(change.path)
                continue
            outcomes[change.path] = FileOutcome(change.path, "applied")
        return ApplyReport([outcomes[change.path] for change in changes])

    async def show(self, proposal: Proposal) -> None:
        """Prints the unified diff."""
        await self.show_diff(proposal.session, proposal.diff())

    async def show_diff(self, name: str, diff: str) -> None:
        """Prints a unified diff."""
        show_diff(self._console, diff)

    async def renew_diff(self, session: str, diff: str) -> None:
        """What a terminal has printed stays as it is."""

    async def confirm(self, question: str, details: str) -> bool | None:
        """Prints the details and asks; None without a terminal, whatever `--yes` says."""
        return await confirm(self._console, question, details)

    def tell(self, message: str, *, warning: bool = False) -> None:
        """Prints one sentence."""
        self._console.print(escape(message), style="yellow" if warning else "")

    def event(self, event: Json) -> None:
        """Prints a step of a session."""
        show_event(self._console, event)


async def decide(console: Console, *, yes: bool) -> Decision:
    """Asks what to do with a proposal; without a terminal, `later` unless `yes`."""
    if yes:
        return "apply"
    match await ask(console, "What now?", ("apply", "discard", "later")):
        case "apply":
            return "apply"
        case "discard":
            return "discard"
        case _:
            return "later"


async def confirm(console: Console, question: str, details: str) -> bool | None:
    """Asks yes or no; without a terminal nobody has answered."""
    if details:
        show_diff(console, details)
    console.print(escape(question), style="yellow")
    answer = await ask(console, "Your answer?", ("yes", "no"))
    if answer is None:
        console.print("Nobody has answered; the question stays open.")
        return None
    return answer == "yes"


def show_diff(console: Console, diff: str) -> None:
    """Prints a unified diff in colour; long lines are kept whole, so that they can be copied.

    A terminal would obey control characters of a file's, so they are written out.
    """
    for line in visible(diff).rstrip("\n").split("\n"):
        style = next((style for start, style in _DIFF_STYLES if line.startswith(start)), "")
        console.print(Text(line, style=style), soft_wrap=True)


def show_event(console: Console, event: Json) -> None:
    """Prints a step: round n/20, tokens used of 32,000, tool, verdict."""
    cached = event["cached_tokens"]
    place = (
        f"[bold]round {event['round']}/{event['max_rounds']}[/bold]"
        f"  {event['tokens']:,}/{event['max_tokens']:,} tokens"
        + (f" ({cached:,} read from the cache)" if cached else "")
    )
    match event["event"]:
        case "verdict":
            arguments = event.get("arguments", {})
            told = about(arguments)
            verdict = str(event.get("verdict"))
            word = _VERDICTS.get(verdict, f"[red]refuse ({event.get('rule')})[/red]")
            console.print(f"{place}  {escape(event['tool'])} {escape(told[:60])}  {word}")
            if verdict == "refuse":
                for line in str(event.get("message", "")).splitlines()[:6]:
                    console.print(f"    [red]{escape(line)}[/red]")
            for remark in event.get("remarks", []):
                console.print(f"    [yellow]{escape(remark)}[/yellow]")
        case "retry":
            console.print(f"{place}  [yellow]{escape(event.get('message', ''))}[/yellow]")
        case "result" if event.get("message"):
            first = str(event["message"]).splitlines()[0]
            console.print(f"    [dim]{escape(first[:160])}[/dim]")
        case "state":
            console.print(f"{place}  {event['state']}: {escape(event.get('message', ''))}")
        case _:
            pass
