"""Our server over stdio, as an editor feels it: start, cold and warm index, keys, memory, rest.

Owns the sections `start`, `server` and `index`. Knows nothing of the index's inside but what
`ours.py` tells.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import corpora
import live
import measure
from corpora import Corpus
from report import mib, ms, table
from steadyhand_server.client import Client

SERVER = (sys.executable, "-P", "-m", "steadyhand_server.cli", "lsp")
OURS = Path(__file__).with_name("ours.py")
EDITS = 200
IDLE_SECONDS = 20
# Of a person who types fast, so that the debounce and the parse overlap as they would.
_KEY_PAUSE = 0.02


def environment(state: Path) -> dict[str, str]:
    """A server that knows nothing yet and keeps what it learns below one folder."""
    return {
        "STEADYHAND_STATE_DIR": str(state / "state"),
        "XDG_CACHE_HOME": str(state / "cache"),
        "XDG_STATE_HOME": str(state / "xdg-state"),
    }


def start() -> list[str]:
    """Spawn to the answer of `initialize`, beside a bare import of pygls; medians of 7."""
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"processId": None, "rootUri": None, "capabilities": {}},
        }
    ).encode()
    taken: list[float] = []
    bare: list[float] = []
    for _ in range(7):
        began = time.perf_counter()
        with subprocess.Popen(SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            server.stdin.flush()
            server.stdout.readline()
            taken.append(time.perf_counter() - began)
            server.kill()
        bare.append(measure.run([sys.executable, "-c", "import pygls.lsp.server"]).wall)
    ours, raw = statistics.median(taken), statistics.median(bare)
    head = [
        "spawn to the answer of `initialize`",
        "bare `import pygls.lsp.server`",
        "ratio (≤ 1.3)",
    ]
    return ["## Start", "", *table(head, [[ms(ours), ms(raw), f"{ours / raw:.2f}"]])]


def server() -> list[str]:
    """Cold and warm start, keys and rest, on three workspaces."""
    rows: list[list[str]] = []
    for corpus in (corpora.django(), corpora.stdlib(), corpora.big()):
        print(f"  {corpus.name}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            settings = environment(Path(folder))
            cold = asyncio.run(_session(corpus, settings, typing=False))
            warm = asyncio.run(_session(corpus, settings, typing=True))
        with tempfile.TemporaryDirectory() as folder:
            busy = asyncio.run(_typing_while_cold(corpus, environment(Path(folder))))
        rows.append(
            [
                corpus.label,
                f"{cold['indexed']:.2f} s / {cold['settled']:.2f} s",
                f"{cold['cpu']:.1f} s",
                f"{warm['indexed']:.2f} s ({warm['indexed'] / cold['indexed']:.0%})",
                f"{mib(cold['peak'])} / {mib(cold['after'])} / {mib(warm['after'])}",
                _quantiles(warm["waits"]),
                f"{_quantiles(busy['waits'])} ({len(busy['waits'])} keys)",
                f"{warm['idle']:.2f} s",
            ]
        )
    return [
        "## Real code through the real server",
        "",
        *table(
            [
                "workspace",
                "cold: indexed / all processes at rest",
                "CPU, all processes",
                "warm: indexed (share of cold)",
                "resident, all processes: highest / after cold / after warm",
                "didChange to diagnostics p50 / p99, idle",
                "the same while the cold index runs",
                f"CPU in {IDLE_SECONDS} s at rest",
            ],
            rows,
        ),
        "Times from spawn. 50 ms of each key's time is the debounce. Resident memory is the sum over "
        "processes, so pages that they share count more than once.",
    ]


def index() -> list[str]:
    """The index beside bare parsing, workers beside one another, and look-ups; no server."""
    rows: list[list[str]] = []
    for make in (corpora.django, corpora.stdlib, corpora.big, corpora.typescript):
        corpus = make()
        print(f"  {corpus.name}", file=sys.stderr)
        seen = _ours("cpu", corpus)
        if not seen["files"]:
            files, lines = corpus.size
            rows.append([corpus.label, f"{files:,}", f"{lines:,}", *["not read yet"] + ["–"] * 6])
            continue
        one, two = (_ours("cold", corpus, str(count))["wall"] for count in (1, 2))
        rows.append(
            [
                corpus.label,
                f"{seen['files']:,}",
                f"{seen['lines']:,}",
                f"{seen['definitions']:,}",
                f"{seen['parse']:.1f} s",
                f"{seen['index']:.1f} s",
                f"{seen['index'] / seen['parse']:.2f}",
                f"{seen['lines'] / seen['index'] / 1000:.0f}",
                f"{one:.1f} s / {two:.1f} s",
                f"{one / two:.2f}",
            ]
        )
    asked = _ours("queries", corpora.big())
    return [
        "## The index by itself",
        "",
        *table(
            [
                "workspace",
                "files",
                "lines",
                "definitions",
                "CPU: the same parser, nothing else",
                "CPU: indexed",
                "ratio (≤ 2.0)",
                "thousand lines per CPU second",
                "wall, one worker / two",
                "one ÷ two (≥ 1.8)",
            ],
            rows,
        ),
        f"Look-ups in BIG: {asked['functions']:,} functions, {asked['definitions']:,} definitions.",
        "",
        *table(
            ["look-up", "p50", "p99"],
            [
                [name, *([ms(t) for t in taken] if taken else ["not there yet", "–"])]
                for name, taken in asked["taken"].items()
            ],
        ),
    ]


def _ours(what: str, corpus: Corpus, *rest: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(OURS), what, str(corpus.root), *rest],
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


async def _session(corpus: Corpus, settings: dict[str, str], *, typing: bool) -> dict[str, Any]:
    """One server's life: indexed, at rest, and, where wanted, typed to and left alone."""
    async with live.started(SERVER, corpus.root, settings) as (client, spawned):
        pid = client.process.pid
        with measure.Peak(pid) as peak:
            await _indexed(client)
            ready = time.perf_counter()
            rest = max(ready, await live.quiet(pid))
        seen: dict[str, Any] = {
            "indexed": ready - spawned,
            "settled": rest - spawned,
            "cpu": measure.cpu_seconds(pid),
            "peak": peak.highest,
            "after": measure.resident(pid),
        }
        if typing:
            uri, text = await _open(client, corpus)
            seen["waits"] = [await _key(client, uri, text, n) for n in range(EDITS)]
            await live.quiet(pid)
            before = measure.cpu_seconds(pid)
            await asyncio.sleep(IDLE_SECONDS)
            seen["idle"] = measure.cpu_seconds(pid) - before
            seen["after"] = measure.resident(pid)
    return seen


async def _typing_while_cold(corpus: Corpus, settings: dict[str, str]) -> dict[str, Any]:
    """Keys from the first moment until the cold index is done."""
    async with live.started(SERVER, corpus.root, settings) as (client, _):
        indexed = asyncio.ensure_future(_indexed(client))
        uri, text = await _open(client, corpus)
        waits: list[float] = []
        while not indexed.done():
            waits.append(await _key(client, uri, text, len(waits)))
        await indexed
    return {"waits": waits}


async def _indexed(client: Client) -> None:
    ended = asyncio.Event()

    def heard(method: str, params: Any) -> None:
        if method == "$/progress" and params["value"]["kind"] == "end":
            ended.set()

    client.on_notification = heard
    async with asyncio.timeout(600):
        await ended.wait()


async def _open(client: Client, corpus: Corpus) -> tuple[str, str]:
    """Opens the file that comes nearest to 1,000 lines; answers once it has diagnostics."""
    large = min(
        (path for path in corpus.files() if "test" not in str(path.relative_to(corpus.root))),
        key=lambda path: abs(path.read_bytes().count(b"\n") - 1_000),
    )
    uri = await client.open(large)
    await client.wait_for(
        lambda m, p: m == "textDocument/publishDiagnostics" and p["uri"] == uri, 120
    )
    return uri, client.texts[uri]


async def _key(client: Client, uri: str, text: str, number: int) -> float:
    await asyncio.sleep(_KEY_PAUSE)
    client.notifications.clear()
    before = time.perf_counter()
    client.change(uri, f"{text}\n# {number}\n")
    version = client.versions[uri]
    await client.wait_for(
        lambda m, p: (
            m == "textDocument/publishDiagnostics" and p["uri"] == uri and p["version"] >= version
        ),
        120,
    )
    return time.perf_counter() - before


def _quantiles(waits: list[float]) -> str:
    return f"{ms(measure.at(waits, 0.5))} / {ms(measure.at(waits, 0.99))}"


if os.name != "posix":
    raise SystemExit("The bench measures with wait4 and process groups: Linux or macOS.")
