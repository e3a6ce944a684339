"""An Editor port that keeps what it is told, and writes files only when it is asked to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from steadyhand_agent.ports import ApplyReport, Decision
from steadyhand_agent.proposals.changes import FileChange, Proposal
from steadyhand_agent.workspace import Workspace
from steadyhand_server.terminal import TerminalEditor


class InMemoryEditor:
    """Open buffers in a dict; everything else is the terminal's editor on disk."""

    def __init__(self, workspace: Workspace, decision: Decision = "later") -> None:
        self.disk = TerminalEditor(workspace, Console(quiet=True), yes=True)
        self.buffers: dict[str, str] = {}
        self.decision: Decision = decision
        self.told: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.offered: list[Proposal] = []
        # How often a session whose budget is spent is given more.
        self.grants = 0
        self.renewed: tuple[str, str] | None = None
        self.asked_for_more: list[str] = []
        self.answers: list[bool | None] = []
        self.asked: list[tuple[str, str]] = []

    def text(self, path: str) -> str | None:
        return self.buffers.get(path)

    async def decide(self, proposal: Proposal) -> Decision:
        self.offered.append(proposal)
        return self.decision

    async def grant(self, reason: str, more: str) -> bool:
        self.asked_for_more.append(f"{reason} {more}")
        self.grants -= 1
        return self.grants >= 0

    async def apply(
        self, changes: Sequence[FileChange], label: str, *, preview: bool = False
    ) -> ApplyReport:
        return await self.disk.apply(changes, label, preview=preview)

    async def show(self, proposal: Proposal) -> None:
        self.offered.append(proposal)

    async def show_diff(self, name: str, diff: str) -> None:
        self.told.append(diff)

    async def renew_diff(self, session: str, diff: str) -> None:
        self.renewed = (session, diff)

    async def confirm(self, question: str, details: str) -> bool | None:
        self.asked.append((question, details))
        return self.answers.pop(0) if self.answers else None

    def tell(self, message: str, *, warning: bool = False) -> None:
        self.told.append(message)

    def event(self, event: dict[str, Any]) -> None:
        self.events.append(event)
