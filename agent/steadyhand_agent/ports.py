"""The protocols through which the agent reaches the outside; the server implements them.

Nothing here knows LSP: texts are `str`, places are paths below the workspace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from steadyhand_agent.proposals.changes import FileChange, Proposal

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call as the endpoint reported them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0

    @property
    def raw(self) -> int:
        """All tokens, cached or not."""
        return (
            self.input_tokens
            + self.output_tokens
            + self.cache_creation_input_tokens
            + self.cache_read_input_tokens
        )

    @property
    def charged(self) -> int:
        """Output + uncached input (cache writes included) + a tenth of the cache reads."""
        uncached = self.input_tokens + self.cache_creation_input_tokens
        return self.output_tokens + uncached + -(-self.cache_read_input_tokens // 10)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call: a byte-stable head (system, tools), the conversation, a limit on the reply.

    Attributes:
        number: How many replies there were before; the conversation may show fewer of them.
    """

    system: str
    tools: Sequence[Json]
    messages: Sequence[Json]
    max_tokens: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What came back.

    Attributes:
        blocks: The reply's content blocks, verbatim: signed thinking must go back unchanged. A
            reply of a model without tools is one block of type `envelope`.
        stop_reason: `end_turn`, `tool_use`, `max_tokens`, `refusal`, ...
        usage: None where the endpoint reported none; the reservation is then kept as the charge.
    """

    blocks: list[Json]
    stop_reason: str | None
    usage: Usage | None = None


class Model(Protocol):
    """Something that answers one request; retrying is the loop's."""

    @property
    def name(self) -> str:
        """The model's id, as shown to the person."""
        ...

    @property
    def context(self) -> int | None:
        """Tokens that the model can read at once; None where unknown."""
        ...

    @property
    def unmetered(self) -> bool:
        """True where a call costs nothing, as in a replay."""
        ...

    async def ask(self, request: ModelRequest) -> ModelReply:
        """Answers one request.

        Raises:
            ModelTransient: Another attempt may help.
            ModelError: It will not.
        """
        ...


# `preview`: the editor itself shows the edit and asks, when it is applied.
Decision = Literal["apply", "preview", "discard", "later"]


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file of a proposal: `applied`, `unsaved`, `refused` or `unconfirmed`."""

    path: str
    status: Literal["applied", "unsaved", "refused", "unconfirmed"]
    detail: str = ""


# A sentence with more names than these is not read.
_MOST_NAMED = 5


@dataclass(slots=True)
class ApplyReport:
    """What an editor did with an edit, as seen by comparing texts, not by believing it."""

    files: list[FileOutcome] = field(default_factory=list[FileOutcome])

    @property
    def complete(self) -> bool:
        """True where every file holds what was proposed."""
        return bool(self.files) and all(f.status in ("applied", "unsaved") for f in self.files)

    def sentence(self, done: str = "applied") -> str:
        """The report for a person.

        Args:
            done: What happened to a file where all went well.
        """
        parts: list[str] = []
        for status, words in (
            ("applied", done),
            ("unsaved", f"{done}, not saved yet"),
            ("refused", f"not {done}"),
            ("unconfirmed", "could not be confirmed"),
        ):
            names = [f.path for f in self.files if f.status == status]
            if names:
                named = ", ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} files"
                parts.append(f"{words}: {named}")
        why = [f.detail for f in self.files if f.detail]
        return "; ".join(parts) + (". " + " ".join(why) if why else ".")


class Editor(Protocol):
    """The person's editor, or a terminal: the only one that writes the user's files."""

    def text(self, path: str) -> str | None:
        """The text of an open document below the workspace; None where it is not open."""
        ...

    async def decide(self, proposal: Proposal) -> Decision:
        """Asks what to do with a proposal; `later` where the person did not answer."""
        ...

    async def apply(
        self, changes: Sequence[FileChange], label: str, *, preview: bool = False
    ) -> ApplyReport:
        """Applies changes to texts that still equal their base, and compares afterwards.

        Args:
            changes: What to apply.
            label: What the editor calls it in its undo history and its preview.
            preview: Have the editor show the edit and ask before it does it.

        Raises:
            StaleDocument: A text is no longer the base; nothing was written.
        """
        ...

    async def grant(self, reason: str, more: str) -> bool:
        """Asks whether a session whose budget is spent may have more.

        Args:
            reason: Why it is paused, and what there is so far.
            more: What it would be given, like `+10 rounds`.

        Returns:
            True to go on; False where the person declined or did not answer.
        """
        ...

    async def show(self, proposal: Proposal) -> None:
        """Opens the unified diff of a proposal, read only."""
        ...

    async def show_diff(self, name: str, diff: str) -> None:
        """Opens a unified diff, read only.

        Args:
            name: What the document is called, without a suffix.
            diff: Its text.
        """
        ...

    async def renew_diff(self, session: str, diff: str) -> None:
        """Brings the diff of a proposal up to date, where it is still on screen."""
        ...

    async def confirm(self, question: str, details: str) -> bool | None:
        """Asks what only the person can allow.

        Args:
            question: One or two sentences that can be answered by yes or no.
            details: What the answer hangs on, such as a diff; shown where the person wants it.

        Returns:
            The answer; None where there was none.
        """
        ...

    def tell(self, message: str, *, warning: bool = False) -> None:
        """Says one sentence to the person."""
        ...

    def event(self, event: Json) -> None:
        """Passes on what a session does, for progress; must not block."""
        ...


class Ledger(Protocol):
    """What the sessions of a workspace spent on each day, in whichever process they run."""

    async def spent(self, workspace: str, day: str) -> int:
        """Tokens spent or set aside on a day (`2026-11-23`)."""
        ...

    async def spend(self, workspace: str, day: str, tokens: int, limit: int = 0) -> bool:
        """Adds to a day, which a negative number takes back from.

        Returns:
            False, with nothing added, where the day would then hold more than `limit` (0: none).
        """
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file of the workspace; line counted from 1."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Remark:
    """What a language server says about a place.

    Attributes:
        place: Where.
        severity: `error`, `warning`, `information` or `hint`.
        message: In its words.
        source: Its name, and a code where it gave one.
    """

    place: Place
    severity: str
    message: str
    source: str = ""


class Neighbours(Protocol):
    """The editor's other language servers, asked through the editor; texts are as it has them."""

    @property
    def answers(self) -> frozenset[str]:
        """Which of these the editor answers: `references`, `diagnostics`."""
        ...

    async def references(self, path: str, line: int, column: int) -> list[Place]:
        """Where the name at a place is used.

        Args:
            path: Workspace path.
            line: Counted from 1.
            column: Characters (code points) before the name's first.

        Raises:
            ToolFailed: The editor cannot tell.
        """
        ...

    async def diagnostics(self, path: str | None) -> list[Remark]:
        """What is said about a file, or about all of them; our own findings left out.

        Raises:
            ToolFailed: The editor cannot tell.
        """
        ...


class Clock(Protocol):
    """Time, so that a test need not wait for it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        import asyncio

        await asyncio.sleep(seconds)


ReadText = Callable[[str], str | None]
