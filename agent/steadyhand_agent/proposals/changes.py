"""Changes as plain texts: a base, a new text, and the unified diff between them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happens to one file.

    Attributes:
        path: Workspace path.
        base: The text it was made from; None where the file is new.
        new: The text proposed; None where the file goes.
    """

    path: str
    base: str | None
    new: str | None

    def diff(self) -> str:
        """The unified diff, with `/dev/null` for a side that does not exist."""
        old = split_lines(self.base or "")
        new = split_lines(self.new or "")
        from_name = "/dev/null" if self.base is None else f"a/{self.path}"
        to_name = "/dev/null" if self.new is None else f"b/{self.path}"
        out: list[str] = []
        for line in difflib.unified_diff(old, new, from_name, to_name):
            out.append(line)
            if not line.endswith("\n"):
                out.append("\n\\ No newline at end of file\n")
        return "".join(out)

    def counts(self) -> tuple[int, int]:
        """Lines added and removed."""
        lines = self.diff().split("\n")[2:]
        return (
            sum(line.startswith("+") for line in lines),
            sum(line.startswith("-") for line in lines),
        )


def deletions_last(changes: Sequence[FileChange]) -> list[FileChange]:
    """The order to apply in: a text that moves is there under its new name before the old goes."""
    return sorted(changes, key=lambda change: change.new is None)


def left(change: FileChange, failed: Sequence[str]) -> str:
    """Why a file that was to go is still there."""
    return f"{change.path} is left as it is, since {', '.join(failed)} could not be written."


@dataclass(frozen=True, slots=True)
class Proposal:
    """Everything that one session offers.

    Attributes:
        session: Its id.
        changes: Per file.
        summary: What the model says it did.
        remarks: What the guard wants a person to see, by path; such as an override.
    """

    session: str
    changes: tuple[FileChange, ...]
    summary: str = ""
    remarks: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def diff(self) -> str:
        """The unified diff of all files; remarks stand above their file, where git ignores them."""
        parts: list[str] = []
        for change in self.changes:
            parts += [
                f"# {' '.join(remark.split())}\n" for remark in self.remarks.get(change.path, ())
            ]
            parts.append(change.diff())
        return "".join(parts)

    def headline(self) -> str:
        """One line: how many files, how many lines."""
        counts = [change.counts() for change in self.changes]
        added, removed = sum(a for a, _ in counts), sum(r for _, r in counts)
        files = "1 file" if len(self.changes) == 1 else f"{len(self.changes)} files"
        return f"{files}, +{added} -{removed}"


def split_lines(text: str) -> list[str]:
    """Split after each `\\n` alone, as git does; form feeds and U+2028 are text like any other."""
    parts = text.split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines
