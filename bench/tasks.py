"""The loop's own cost, how soon it stops, and a thousand tasks with faults in between.

The model is scripted: an instant one in the process for the cost of a round, and a real HTTP
server that speaks the Messages API, asked through the real SDK, for everything else. The raw limit
beside the cost of a round is SQLite writing the same records, one durable transaction each.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw

import report
from steadyhand_agent.ports import ModelReply, ModelRequest, Usage
from steadyhand_agent.session import SessionState, Task
from steadyhand_agent.statistics import quantile
from steadyhand_agent.workspace import Workspace
from steadyhand_server import demo
from steadyhand_server.engine import Engine
from steadyhand_server.settings import load

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from in_memory_editor import InMemoryEditor
from messages_server import Answer, Failure, MessagesServer, Reply

Json = dict[str, Any]

ROUNDS = 150
CANCELS = 20
TASKS, AT_ONCE, FAULTS = 1_000, 16, 0.05
SEED = 7


def section() -> list[str]:
    """The three measurements."""
    lines = ["## Sessions", ""]
    # The scripted endpoint takes any key.
    os.environ["ANTHROPIC_API_KEY"] = "bench"
    with tempfile.TemporaryDirectory(prefix="steadyhand-bench-") as name:
        folder = Path(name).resolve()
        lines += asyncio.run(_cost(folder / "cost"))
        lines += asyncio.run(_cancels(folder / "cancel"))
        lines += asyncio.run(_many(folder / "many"))
    return lines


def _engine(folder: Path, **client: Any) -> Engine:
    root = folder / "ws"
    shutil.copytree(demo.SAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {"STEADYHAND_STATE_DIR": str(folder / "state")}
    base_url = client.pop("base_url", None)
    if base_url:
        environment["STEADYHAND_BASE_URL"] = base_url
    loaded, _ = load(client, [root], environment)
    return Engine([root], loaded, InMemoryEditor(Workspace([root])))


def _call(tool: str, number: int, **arguments: Any) -> Json:
    given = {**arguments, "reason": "as planned"}
    return {"type": "tool_use", "id": f"c{number}", "name": tool, "input": given}


class _Instant:
    """A model that answers at once, paging through the sample's files."""

    name = "instant"
    unmetered = False
    context = None

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self.asked: list[float] = []

    async def ask(self, request: ModelRequest) -> ModelReply:
        self.asked.append(time.perf_counter())
        n = request.number
        if n >= ROUNDS:
            return ModelReply([_call("finish", n, summary="done")], "tool_use", Usage(10, 5))
        path, line = self._files[n % len(self._files)], 1 + 3 * (n // len(self._files))
        block = _call("read_file", n, path=path, start_line=line, end_line=line + 2)
        return ModelReply([block], "tool_use", Usage(10, 5))


async def _cost(folder: Path) -> list[str]:
    folder.mkdir()
    engine = _engine(folder, max_rounds=200, max_tokens=5_000_000, daily_token_limit=50_000_000)
    await engine.fill()
    root = engine.workspace.root
    long = [p for p in root.rglob("*.py") if p.read_text().count("\n") > 40]
    model = _Instant([p.relative_to(root).as_posix() for p in sorted(long)])
    engine.agent.model_for = lambda state: model  # pyright: ignore[reportAttributeAccessIssue]
    started = time.process_time()
    state = await engine.sessions.start(Task(prompt="read"))
    state = await engine.sessions.wait(state.id)
    cpu = time.process_time() - started
    await engine.close()
    gaps = [(b - a) * 1e3 for a, b in zip(model.asked, model.asked[1:], strict=False)]
    raw = _raw(folder / "state" / "journal.sqlite", folder / "raw.sqlite", state.id)
    records = state.seq / state.round
    return [
        f"### What a round costs besides the model ({state.round} rounds of `read_file`)",
        "",
        *report.table(
            ["p50", "p99", "CPU", "records a round", "SQLite alone, the same records", "ratio"],
            [
                [
                    f"{quantile(gaps, 0.5):.1f} ms",
                    f"{quantile(gaps, 0.99):.1f} ms",
                    f"{cpu / state.round * 1e3:.1f} ms",
                    f"{records:.1f}",
                    f"{raw * records:.1f} ms",
                    f"{quantile(gaps, 0.5) / (raw * records):.2f}",
                ]
            ],
        ),
    ]


def _raw(journal: Path, target: Path, session: str) -> float:
    """Milliseconds that one record takes where nothing else is done."""
    source = apsw.Connection(str(journal), flags=apsw.SQLITE_OPEN_READONLY)
    bodies = [
        row[0] for row in source.execute("SELECT body FROM records WHERE session = ?", (session,))
    ]
    db = apsw.Connection(str(target))
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE records (at INTEGER PRIMARY KEY, body BLOB)")
    took: list[float] = []
    for body in bodies:
        began = time.perf_counter()
        db.execute("INSERT INTO records (body) VALUES (?)", (body,))
        took.append((time.perf_counter() - began) * 1e3)
    db.close()
    source.close()
    return statistics.fmean(took)


async def _cancels(folder: Path) -> list[str]:
    folder.mkdir()
    slow = Reply([{"type": "text", "text": "word " * 400}], pause=0.05)
    took: list[float] = []

    def answer(_: Json) -> Answer:
        return slow

    with MessagesServer(answer) as server:
        engine = _engine(folder, base_url=server.url)
        await engine.fill()
        for _ in range(CANCELS):
            asked = len(server.requests)
            state = await engine.sessions.start(Task(prompt="talk"))
            while len(server.requests) == asked:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.2)
            began = time.perf_counter()
            await engine.sessions.cancel(state.id)
            took.append((time.perf_counter() - began) * 1e3)
        await engine.close()
    return [
        f"### From cancel to cancelled, in the middle of a reply ({CANCELS} times)",
        "",
        *report.table(
            ["p50", "most (< 1 s)"], [[f"{quantile(took, 0.5):.0f} ms", f"{max(took):.0f} ms"]]
        ),
    ]


def _script(draw: random.Random) -> Callable[[Json], Answer]:
    """Looks, reads, writes a page of its own, finishes; every twentieth answer is a fault."""

    def answer(body: Json) -> Answer:
        if draw.random() < FAULTS:
            return draw.choice(
                [Failure(529, "overloaded_error"), Failure(500, "api_error"), _CUT, _MID_STREAM]
            )
        said = sum(m["role"] == "assistant" for m in body["messages"])
        number = body["messages"][0]["content"][0]["text"].split()[-1]
        block = [
            _call("find_definition", said, name="slugify"),
            _call("read_file", said, path="pressroom/text.py", start_line=1, end_line=30),
            _call("create_file", said, path=f"notes/{number}.md", text=f"# Note {number}\n"),
            _call("finish", said, summary="written"),
        ][min(said, 3)]
        return Reply([block], usage={"input_tokens": 900 + 300 * said, "output_tokens": 60})

    return answer


_CUT = Reply([{"type": "text", "text": "cut in the middle of it"}], cut_after=2)
_MID_STREAM = Reply([{"type": "text", "text": "overloaded in the middle"}], error_after=2)


async def _many(folder: Path) -> list[str]:
    folder.mkdir()
    draw = random.Random(SEED)
    free = asyncio.Semaphore(AT_ONCE)
    took: list[float] = []
    with MessagesServer(_script(draw)) as server:
        engine = _engine(
            folder,
            base_url=server.url,
            retry_min_seconds=0.05,
            retry_max_seconds=0.2,
            daily_token_limit=1_000_000_000,
        )
        await engine.fill()

        async def one(number: int) -> SessionState:
            async with free:
                began = time.perf_counter()
                state = await engine.sessions.start(Task(prompt=f"Write note {number}"))
                state = await engine.sessions.wait(state.id)
                took.append(time.perf_counter() - began)
                return state

        began = time.perf_counter()
        states = await asyncio.gather(*(one(number) for number in range(TASKS)))
        whole = time.perf_counter() - began
        asked = len(server.requests)
        await engine.close()
    lost = await _lost(folder, states)
    ended = Counter(state.state for state in states)
    done = sum(f"notes/{n}.md" in state.texts for n, state in enumerate(states))
    rounds = [state.round for state in states]
    return [
        f"### {TASKS:,} tasks, {AT_ONCE} at a time, {FAULTS:.0%} of the answers faults",
        "",
        f"{asked:,} requests over HTTP in {whole:.0f} s, the endpoint in the same process.",
        "",
        *report.table(
            [
                "success (> 99 %)",
                "ended",
                "rounds, mean",
                "tokens, mean",
                "a task, p50 / p99",
                "lost records",
            ],
            [
                [
                    f"{done / TASKS:.1%}",
                    ", ".join(f"{n:,} {state}" for state, n in ended.most_common()),
                    f"{statistics.fmean(rounds):.2f}",
                    f"{statistics.fmean(s.spent for s in states):,.0f}",
                    f"{quantile(took, 0.5):.2f} s / {quantile(took, 0.99):.2f} s",
                    str(lost),
                ]
            ],
        ),
    ]


async def _lost(folder: Path, states: Sequence[SessionState]) -> int:
    """Sessions that another process reads differently from what this one had."""
    loaded, _ = load({}, [folder / "ws"], {"STEADYHAND_STATE_DIR": str(folder / "state")})
    engine = Engine([folder / "ws"], loaded, InMemoryEditor(Workspace([folder / "ws"])))
    lost = 0
    for state in states:
        again = await engine.sessions.state(state.id)
        lost += again.model_dump() != state.model_dump()
    await engine.close()
    return lost
