"""`steadyhand stats`: what the sessions came to, as a table with bars, or as JSON.

Owns how figures are shown; they are counted in `steadyhand_agent.statistics`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson
from rich.bar import Bar
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from steadyhand_agent.statistics import MANY_TOKENS, Statistics, gather, quantile
from steadyhand_server.terminal_commands import engine_in, folder

Json = dict[str, Any]

_SHOWN_TASKS = 20
_BAR_WIDTH = 40


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `steadyhand stats`."""
    command.add_argument("path", nargs="?", type=Path, default=Path(), metavar="PATH")
    command.add_argument("--all", action="store_true", help="sessions of every workspace")
    command.add_argument("--days", type=float, default=30.0, help="how far back (default: 30)")
    command.add_argument("--format", choices=("text", "json"), default="text")


def stats(given: argparse.Namespace) -> int:
    """Counts and shows; exit code 1 where something should be looked at."""
    root, _ = folder(given.path)
    console = Console(highlight=False)

    async def count() -> tuple[Statistics, list[str]]:
        engine = engine_in(root, console, yes=False)
        try:
            since = time.time() - given.days * 86_400
            states = engine.sessions.all_states(since, everywhere=given.all)
            found = gather([state async for state in states])
            return found, await engine.sessions.alerts()
        finally:
            await engine.close()

    found, stores = asyncio.run(count())
    if given.format == "json":
        told = as_json(found, stores)
        sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        show(console, found)
        for alert in stores:
            console.print(f"[yellow]{escape(alert)}[/yellow]")
    return 1 if found.alerts() or stores else 0


def as_json(found: Statistics, stores: Sequence[str] = ()) -> Json:
    """The figures for a program, and what there is to say of the stores."""
    return {
        "sessions": dict(found.states),
        "rounds": _spread([rounds for _, rounds, _ in found.tasks]),
        "tokens": _spread([tokens for _, _, tokens in found.tasks]),
        "tokens_charged": found.charged,
        "tokens_raw": found.raw,
        "cache_share": round(found.cache_share, 4),
        "tool_success": round(found.tool_success, 4),
        "tools": {
            name: {
                "calls": tool.calls,
                "failures": tool.failures,
                "codes": {str(code): count for code, count in tool.codes.items()},
                "seconds": _spread(tool.seconds),
            }
            for name, tool in sorted(found.tools.items())
        },
        "refusals": dict(found.refusals),
        "pauses": dict(found.pauses),
        "parse_retries": found.misread,
        "compactions": found.compactions,
        "alerts": [*found.alerts(), *stores],
    }


def show(console: Console, found: Statistics) -> None:
    """The figures for a person."""
    if not found.tasks:
        console.print("No session yet in that time; `--days` and `--all` look further.")
        return
    states = ", ".join(f"{count} {state}" for state, count in found.states.most_common())
    console.print(f"[bold]{len(found.tasks)} sessions[/bold]: {states}")
    for name, values in (
        ("rounds", [rounds for _, rounds, _ in found.tasks]),
        ("tokens", [tokens for _, _, tokens in found.tasks]),
    ):
        mean, p95 = fmean(values), quantile(values, 0.95)
        console.print(f"{name} a task: mean {mean:,.0f}, p95 {p95:,.0f}, most {max(values):,}")
    console.print(
        f"tokens in all: {found.charged:,} charged of {found.raw:,} ({found.cache_share:.0%} read "
        "from the cache)"
    )
    console.print(
        f"refused by the guard: {_counted(found.refusals)}; paused: {_counted(found.pauses)}; "
        f"replies asked for again: {found.misread}; prompts summed up: {found.compactions}"
    )
    if found.tools:
        console.print(_tools(found))
    console.print(_tasks(found))
    for alert in found.alerts():
        console.print(f"[yellow]{alert}[/yellow]")


def _tools(found: Statistics) -> Table:
    table = Table("tool", "calls", "succeeded", "", "error codes", "p50", "p95")
    for name, tool in sorted(found.tools.items(), key=lambda item: -item[1].calls):
        codes = [
            f"{'no code' if code is None else code} × {count}"
            for code, count in tool.codes.most_common(4)
        ]
        table.add_row(
            name,
            f"{tool.calls:,}",
            f"{tool.success:.1%}",
            Bar(1.0, 0.0, tool.success, width=12, color="green"),
            ", ".join(codes),
            f"{quantile(tool.seconds, 0.5):.2f} s",
            f"{quantile(tool.seconds, 0.95):.2f} s",
        )
    return table


def _tasks(found: Statistics) -> Table:
    shown = found.tasks[-_SHOWN_TASKS:]
    most = max(tokens for _, _, tokens in shown) or 1
    table = Table("session", "rounds", "tokens", f"the last {len(shown)}")
    for session, rounds, tokens in shown:
        color = "red" if tokens > MANY_TOKENS else "blue"
        bar = Bar(float(most), 0.0, float(tokens), width=_BAR_WIDTH, color=color)
        table.add_row(session, str(rounds), f"{tokens:,}", bar)
    return table


def _counted(counts: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"


def _spread(values: list[Any]) -> Json:
    return {
        "mean": round(fmean(values), 3) if values else 0,
        "p95": round(quantile(values, 0.95), 3),
        "max": round(max(values, default=0), 3),
    }
