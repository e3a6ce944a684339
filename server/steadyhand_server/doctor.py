"""`steadyhand doctor`: what is configured, reachable and missing, and what of a folder is not read.

Owns the words. Runs nothing of the folder and changes nothing but the index that is kept of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from steadyhand_agent import conventions, git, sandbox
from steadyhand_agent.errors import ModelKeyMissing, SettingsError, StoreAway
from steadyhand_agent.guard import budget
from steadyhand_agent.guard.visible import visible, visible_line
from steadyhand_agent.index.keeper import Keeper
from steadyhand_agent.index.store import Index
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.state.tier import Reach
from steadyhand_agent.workspace import Workspace, utf8
from steadyhand_server.agent import keys, limits, tiers
from steadyhand_server.engine import cache_of
from steadyhand_server.settings import Settings, load, user_file

_MARKS = {True: "[green]ok[/green]     ", False: "[red]missing[/red]", None: "[dim]off[/dim]    "}
# Who wants all of them finds them by the first.
_MOST_NAMED = 5
# Why files are not read, in a person's words.
_REASONS = {
    "huge": "over 1 MB",
    "link": "links, which are not followed",
    "name": "names that are no UTF-8",
    "vendored": "other people's code",
    "minified": "minified",
    "locked": "folders that may not be read",
    "unreadable": "may not be read, or changed while they were",
    "binary": "binary",
    "not UTF-8": "no UTF-8",
    "slow": "take too long to parse",
    "not understood": "brought out a fault of Steadyhand's; please report it",
}


class _Report:
    """Lines with a mark each; knows whether one of them is bad."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self.bad = False

    def say(self, what: str, state: str, well: bool | None) -> None:
        """One line; `well` is None for what is merely so."""
        self.bad |= well is False
        self.console.print(f"{_MARKS[well]}  {what}: {escape(state)}")

    def note(self, what: str, state: str) -> None:
        """One line of what is neither good nor bad."""
        self.console.print(f"[yellow]note[/yellow]     {what}: {escape(state)}")


def doctor(given: argparse.Namespace) -> int:
    """Says it all; 1 where something is missing."""
    report = _Report()
    root = (given.root or Path()).resolve()
    version = ".".join(map(str, sys.version_info[:3]))
    report.say("Python", version, sys.version_info >= (3, 11))
    found = shutil.which("git")
    without = "not found; files are walked without it"
    report.say("git", found or without, bool(found) or None)
    file = user_file()
    there = file.exists()
    report.say("your settings", f"{file}{'' if there else ' (not there)'}", there or None)
    try:
        settings, ignored = load(roots=[root])
    except SettingsError as error:
        report.say("settings", str(error), False)
        return 1
    for sentence in ignored:
        report.say("ignored", sentence, None)
    _say_model(settings, report)
    _say_state(settings, report)
    stands = git.head(root)
    branch = f"branch {stands.branch}" if stands.branch else "no git branch"
    report.say("this folder", branch, True)
    _say_conventions(root, settings, report)
    if given.root is None and not git.is_repository(root):
        # It may be somebody's home, for which nobody wants to wait.
        report.say("index", "no git repository; `--root PATH` has a folder read all the same", None)
    else:
        _say_index(root, settings, report)
    return 1 if report.bad else 0


def _say_conventions(root: Path, settings: Settings, report: _Report) -> None:
    """What a session that is about no document would begin with here."""
    names = ", ".join(settings.conventions)
    if not names:
        report.say("conventions", "none are read, as you have set it", None)
        return
    workspace = Workspace([root], settings.allow_secret_files)
    # Only sizes and names are told, so nothing has to be hidden but what is not seen.
    overlay = Overlay(workspace, lambda _: None, {}, {}, visible)
    room = conventions.room(limits(settings), None)
    found = conventions.taken(settings.conventions, workspace, overlay, None, room)
    for one in found:
        told = one.note or "whole"
        if one.text:
            told += f", at most {budget.estimate(len(utf8(one.text))):,} tokens of each prompt"
            report.say("conventions", f"{one.path}, {told}", True)
        else:
            report.note("conventions", f"{one.path}, {told}")
    if not found:
        report.say("conventions", f"no {names} in this folder", None)


def _say_model(settings: Settings, report: _Report) -> None:
    if settings.checks:
        how = "shut in by bubblewrap" if sandbox.works() else "not shut in: you are asked each time"
        report.say("checks", f"{', '.join(sorted(settings.checks))}; {how}", True)
    if settings.replay is None:
        try:
            found = len(asyncio.run(keys(settings).read()))
            words = {0: "none, and none is asked for", 1: "set"}
            report.say("API key", words.get(found, f"{found} are set"), bool(found) or None)
        except ModelKeyMissing as error:
            report.say("API key", str(error), False)
    at = settings.base_url or "the provider's own address"
    report.say("model", f"{settings.model} ({settings.provider}) at {at}", True)


def _say_state(settings: Settings, report: _Report) -> None:
    state = settings.state_path
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        writable = os.access(state, os.W_OK)
    except OSError:
        writable = False
    said = f"{state}{'' if writable else ' cannot be written'}"
    report.say("state directory", said, writable)
    for name, told, well in asyncio.run(_stores(settings)):
        report.say(name, told, well)


async def _stores(settings: Settings) -> list[tuple[str, str, bool | None]]:
    """What there is to say of the stores beside the journal: name, sentence, whether it is well."""
    said: list[tuple[str, str, bool | None]] = []
    wrong: list[str] = []
    for tier in tiers(settings, wrong.append):
        reach = Reach(tier)
        try:
            await reach.ask(tier.ping(), 2.0)
            alerts = await reach.ask(tier.health(), 2.0)
            said += [(tier.name, alert, False) for alert in alerts]
            said += [] if alerts else [(tier.name, "answers", True)]
        except StoreAway as away:
            said.append((tier.name, str(away), False))
        with contextlib.suppress(Exception):
            await tier.close()
    said += [("stores", sentence, False) for sentence in wrong]
    if not said:
        told = "none besides the journal; sessions are kept on this machine"
        said.append(("Redis, PostgreSQL", told, None))
    return said


def _say_index(root: Path, settings: Settings, report: _Report) -> None:
    """What of a folder is indexed, and by name what is not, or in part."""
    workspace, index = Workspace([root]), Index()
    keeper = Keeper(workspace, index, cache_of(settings, workspace))
    with report.console.status("Reading the folder …"):
        asyncio.run(keeper.fill())
    report.say("index", f"{index.files:,} files, {index.definitions:,} definitions", True)
    if index.broken:
        report.note("read in part, syntax errors", _some(index.broken))
    if index.generated:
        report.note("written by a program, nothing is found there", _some(index.generated))
    by_reason: dict[str, list[str]] = {}
    for path, reason in sorted(keeper.left_out.items()):
        by_reason.setdefault(reason, []).append(path)
    for reason, paths in sorted(by_reason.items()):
        report.note(f"left out, {_REASONS.get(reason, reason)}", _some(paths))


def _some(paths: list[str]) -> str:
    """How many there are, and the first of them by name."""
    named = ", ".join(visible_line(path) for path in paths[:_MOST_NAMED])
    return f"{len(paths):,} ({named}{', …' if len(paths) > _MOST_NAMED else ''})"
