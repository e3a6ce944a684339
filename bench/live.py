"""Language servers as an editor feels them: ours and the peers', driven the same way.

Owns the driving over stdio: when the first diagnostics of a copied function come, how long they
take after a change, what a symbol look-up costs, what the processes hold and burn meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import measure
from steadyhand_server.client import CAPABILITIES, Client

_QUIET_SECONDS = 1.0
_LOOKUPS = 20
_CAPABILITIES: dict[str, Any] = {
    **CAPABILITIES,
    "workspace": {
        **CAPABILITIES["workspace"],
        "workspaceFolders": True,
        "symbol": {"dynamicRegistration": False},
    },
}


@dataclass
class Felt:
    """What was seen of one server.

    Attributes:
        first: Seconds from spawn to the first diagnostics that name the copy.
        waits: Seconds from each change to its diagnostics.
        peak: Highest resident memory of all processes.
        after: Resident memory of all processes at the end.
        cpu: CPU seconds of all processes so far.
        found: How many of the names a symbol look-up found.
    """

    first: float = float("nan")
    waits: list[float] = field(default_factory=list[float])
    peak: int = 0
    after: int = 0
    cpu: float = 0.0
    found: int = 0


@asynccontextmanager
async def started(
    command: Sequence[str], root: Path, environment: Mapping[str, str]
) -> AsyncGenerator[tuple[Client, float]]:
    """A server that has answered `initialize`, and when it was spawned."""
    spawned = time.perf_counter()
    client = await Client.start(command, environment={**os.environ, **environment}, cwd=root)
    client.on_request["workspace/configuration"] = _no_settings
    await client.initialize(root, capabilities=_CAPABILITIES)
    try:
        yield client, spawned
    finally:
        everyone = measure.family(client.process.pid)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await client.stop()
        # A server that hangs while closing, or what a wrapper left behind.
        for process in everyone:
            with contextlib.suppress(psutil.Error):
                process.kill()


async def diagnostics(
    command: Sequence[str],
    root: Path,
    file: Path,
    copied: str,
    *,
    environment: Mapping[str, str],
    changes: int = 20,
    seconds: float = 300,
) -> Felt:
    """A file with a function copied into it is opened, then the copy goes and comes.

    A server that publishes only what differs is so always given something to publish.
    """
    felt = Felt()
    async with started(command, root, environment) as (client, spawned):
        pid = client.process.pid
        with measure.Peak(pid) as peak:
            plain = file.read_text("utf-8")
            full = f"{plain}\n\n{copied}"
            uri = file.as_uri()
            client.texts[uri], client.versions[uri] = full, 1
            document = {"uri": uri, "languageId": "python", "version": 1, "text": full}
            client.notify("textDocument/didOpen", {"textDocument": document})
            line = plain.count("\n")
            await _published(client, uri, line, True, seconds)
            felt.first = time.perf_counter() - spawned
            for number in range(changes):
                client.notifications.clear()
                present = number % 2 == 1
                before = time.perf_counter()
                client.change(uri, f"{full if present else plain}\n")
                await _published(client, uri, line, present, 60)
                felt.waits.append(time.perf_counter() - before)
        felt.peak, felt.after = peak.highest, measure.resident(pid)
        felt.cpu = measure.cpu_seconds(pid)
    return felt


async def symbols(
    command: Sequence[str],
    root: Path,
    file: Path,
    names: Sequence[str],
    *,
    environment: Mapping[str, str],
    seconds: float = 300,
) -> Felt:
    """A server with one open file is asked for symbols by name until it knows the first one."""
    felt = Felt()
    async with started(command, root, environment) as (client, spawned):
        pid = client.process.pid
        with measure.Peak(pid) as peak:
            await client.open(file)
            async with asyncio.timeout(seconds):
                while not await client.request("workspace/symbol", {"query": names[0]}):
                    await asyncio.sleep(0.05)
            felt.first = time.perf_counter() - spawned
            known: set[str] = set()
            while len(felt.waits) < _LOOKUPS and time.perf_counter() - spawned < seconds:
                name = names[len(felt.waits) % len(names)]
                before = time.perf_counter()
                answer = await client.request("workspace/symbol", {"query": name})
                felt.waits.append(time.perf_counter() - before)
                if any(symbol["name"] == name for symbol in answer or ()):
                    known.add(name)
            felt.found = len(known)
        felt.peak, felt.after = peak.highest, measure.resident(pid)
        felt.cpu = measure.cpu_seconds(pid)
    return felt


async def quiet(pid: int, seconds: float = 120) -> float:
    """Waits until a process family burns nothing for a second; answers when it last did."""
    last = time.perf_counter()
    burnt = measure.cpu_seconds(pid)
    async with asyncio.timeout(seconds):
        while time.perf_counter() - last < _QUIET_SECONDS:
            await asyncio.sleep(0.1)
            now = measure.cpu_seconds(pid)
            # The client's own look costs the server nothing; a hundredth is one clock tick.
            if now - burnt > 0.015:
                last = time.perf_counter()
            burnt = now
    return last


async def _published(client: Client, uri: str, line: int, present: bool, seconds: float) -> None:
    """Waits for diagnostics that name the copy, which begins at `line`, or that no longer do."""
    await client.wait_for(
        lambda method, params: (
            method == "textDocument/publishDiagnostics"
            and params["uri"] == uri
            and _names(params["diagnostics"], line) == present
        ),
        seconds,
    )


def _names(diagnostics: list[Any], line: int) -> bool:
    """Whether a diagnostic reaches into what begins at `line`."""
    return any(d["range"]["end"]["line"] >= line for d in diagnostics)


async def _no_settings(params: dict[str, Any]) -> list[None]:
    return [None] * len(params["items"])
