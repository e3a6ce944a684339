"""What a large proposal costs: showing it, applying it, taking it back; beside git on the same texts.

Files are written by the terminal's editor port, atomically and with fsync, as a person's would be.
git's share is that of its own programs, its start included, which is what another tool would pay.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

import report
from steadyhand_agent.decisions import Decisions
from steadyhand_agent.proposals.changes import FileChange, split_lines
from steadyhand_agent.proposals.hunks import forward, hunks_between
from steadyhand_agent.proposals.merge import carry
from steadyhand_agent.proposals.offer import offer
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Kind, record
from steadyhand_agent.state.texts import taken_out
from steadyhand_agent.workspace import Workspace
from steadyhand_server.terminal import TerminalEditor

FILES, HUNKS, LINES = 200, 10, 400
LARGE = 20_000
RUNS = 3


def section() -> list[str]:
    """The lines of the section."""
    with tempfile.TemporaryDirectory() as folder:
        shown, applied, undone, git = _median(lambda: _proposal(Path(folder)))
        merged, merge_file, same = _merge(Path(folder))
    return [
        "## Proposals",
        "",
        f"### {FILES} files of {LINES} lines, {FILES * HUNKS:,} hunks",
        "",
        *report.table(
            ["", "time", "beside `git apply` of the same diff"],
            [
                [
                    "shown (all hunks on the texts as they are, the diff)",
                    _ms(shown),
                    _times(shown, git),
                ],
                [
                    "applied (merged, written with fsync, compared)",
                    _ms(applied),
                    _times(applied, git),
                ],
                ["taken back", _ms(undone), _times(undone, git)],
                ["`git apply`", _ms(git), ""],
            ],
        ),
        f"### A file of {LARGE:,} lines, changed in 200 places by each side",
        "",
        *report.table(
            ["ours", "`git merge-file`", "ratio", "the same text"],
            [[_ms(merged), _ms(merge_file), _times(merged, merge_file), "yes" if same else "no"]],
        ),
        f"The median of {RUNS} runs. `git apply` does not sync what it writes to the disk; ours does, "
        "a file at a time.",
    ]


class _Session:
    """A session without its journal on disk."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace([root])
        self.state = SessionState(id="bench", workspace="w")

    async def keep(self, kind: Kind, body: dict[str, Any]) -> None:
        """Folds a record in."""
        kept, texts = taken_out(kind, body)
        item = record("bench", self.state.head, kind, kept, fence=1, at=1.0)
        self.state.take(item, texts)

    @property
    def decisions(self) -> Decisions:
        """What a person may decide."""
        editor = TerminalEditor(self.workspace, Console(quiet=True), yes=True)
        return Decisions(self.state, self.keep, editor, self.workspace.present)


def _texts(seed: int) -> tuple[str, str]:
    rand = random.Random(seed)
    lines = [f"value_{seed}_{n} = {rand.random()}\n" for n in range(LINES)]
    new = list(lines)
    for at in range(20, LINES, LINES // HUNKS):
        new[at] = f"changed_{seed}_{at} = 1\n"
    return "".join(lines), "".join(new)


def _proposal(folder: Path) -> tuple[float, float, float, float]:
    root = Path(tempfile.mkdtemp(dir=folder))
    texts = {f"file_{n}.py": _texts(n) for n in range(FILES)}
    for name, (base, _) in texts.items():
        (root / name).write_text(base)
    session = _Session(root)

    async def work() -> tuple[float, float, float]:
        reply = {"round": 1, "blocks": [], "stop_reason": "x", "charged": 1, "raw": 1}
        await session.keep("reply", reply | {"cached_input": 0, "seconds": 0.1})
        for name, (base, new) in texts.items():
            change = {"path": name, "base": base, "new": new}
            await session.keep("result", {"result": {"text": "ok"}, "changes": [change]})
        started = time.perf_counter()
        seen = offer(session.state, session.workspace.present)
        seen.diff()
        shown = time.perf_counter() - started
        assert len(seen.hunks()) == FILES * HUNKS
        await session.decisions.number()
        started = time.perf_counter()
        outcome = await session.decisions.apply([], "apply")
        applied = time.perf_counter() - started
        assert outcome.complete
        started = time.perf_counter()
        outcome = await session.decisions.back([], "undo")
        assert outcome.complete
        return shown, applied, time.perf_counter() - started

    shown, applied, undone = asyncio.run(work())
    assert all((root / name).read_text() == base for name, (base, _) in texts.items())
    diff = "".join(FileChange(name, base, new).diff() for name, (base, new) in texts.items())
    patch = root / "all.diff"
    patch.write_text(diff)
    started = time.perf_counter()
    subprocess.run(["git", "apply", "all.diff"], cwd=root, check=True)
    return shown, applied, undone, time.perf_counter() - started


def _merge(folder: Path) -> tuple[float, float, bool]:
    rand = random.Random(7)
    base = [rand.choice(["\n", "    return\n", f"line {n} of many\n"]) for n in range(LARGE)]
    ours, theirs = list(base), list(base)
    for at in range(50, LARGE, LARGE // 200):
        ours[at] = f"ours {at}\n"
        theirs[at + 25] = f"theirs {at}\n"
    texts = ["".join(part) for part in (base, ours, theirs)]
    for name, text in zip(("base", "ours", "theirs"), texts, strict=True):
        (folder / name).write_text(text)
    taken: list[float] = []
    carried = ""
    for _ in range(RUNS):
        started = time.perf_counter()
        lines = split_lines(texts[1])
        changes = [
            forward(hunk.model_copy(update={"id": str(n)}), lines)
            for n, hunk in enumerate(hunks_between(texts[0], texts[1]))
        ]
        carried = carry(texts[0], changes, texts[2]).text
        taken.append(time.perf_counter() - started)
    gits: list[float] = []
    merged = ""
    for _ in range(RUNS):
        started = time.perf_counter()
        done = subprocess.run(
            ["git", "merge-file", "-p", "theirs", "base", "ours"],
            cwd=folder,
            capture_output=True,
            check=True,
            text=True,
        )
        gits.append(time.perf_counter() - started)
        merged = done.stdout
    return statistics.median(taken), statistics.median(gits), carried == merged


def _median(
    work: Callable[[], tuple[float, float, float, float]],
) -> tuple[float, float, float, float]:
    runs = [work() for _ in range(RUNS)]
    one, two, three, four = (statistics.median(column) for column in zip(*runs, strict=True))
    return one, two, three, four


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _times(seconds: float, other: float) -> str:
    return f"{seconds / other:.1f}×"
