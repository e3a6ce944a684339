"""What the command line's commands do, but for `check`; `cli` parses, this acts."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from steadyhand_agent.decisions import Outcome
from steadyhand_agent.errors import SettingsError, SteadyhandError
from steadyhand_agent.guard.visible import visible, visible_line
from steadyhand_agent.session import Limits, SessionState, Task
from steadyhand_agent.state import care
from steadyhand_agent.workspace import Workspace
from steadyhand_server import logs
from steadyhand_server import trust as kept
from steadyhand_server.engine import Engine
from steadyhand_server.settings import load, wanted
from steadyhand_server.terminal import TerminalEditor, confirm, show_diff
from steadyhand_server.transcript import transcript


def task(given: argparse.Namespace) -> int:
    """Runs a task to its end in the terminal."""

    async def work(engine: Engine) -> SessionState:
        return await engine.sessions.start(Task(prompt=given.prompt))

    return _run_session(given, work)


def resume(given: argparse.Namespace) -> int:
    """Goes on with a session."""
    grant = None
    if given.rounds or given.tokens:
        grant = Limits(rounds=max(0, given.rounds), tokens=max(0, given.tokens))

    async def work(engine: Engine) -> SessionState:
        return await engine.sessions.resume(given.session, grant)

    return _run_session(given, work)


def reply(given: argparse.Namespace) -> int:
    """Tells a session more, and goes on with it."""

    async def work(engine: Engine) -> SessionState:
        return await engine.sessions.reply(given.session, Task(prompt=given.text))

    return _run_session(given, work)


def _run_session(
    given: argparse.Namespace, work: Callable[[Engine], Awaitable[SessionState]]
) -> int:
    for name in ("record", "replay"):
        if getattr(given, name):
            os.environ[f"STEADYHAND_{name.upper()}"] = str(Path(getattr(given, name)).absolute())
    root, _ = folder(given.path)

    async def run() -> int:
        console = Console(highlight=False)
        engine = engine_in(root, console, yes=given.yes)
        try:
            with console.status("indexing"):
                await engine.fill()
            state = await work(engine)
            console.print(f"session {state.id}  {escape(state.model)}")
            for one in state.task.conventions:
                note = f" ({one.note})" if one.note else ""
                console.print(escape(visible(f"conventions: {one.path}{note}")), soft_wrap=True)
            state = await engine.sessions.wait(state.id)
        finally:
            await engine.close()
        return 0 if state.state == "finished" else 1

    return asyncio.run(run())


def sessions(given: argparse.Namespace) -> int:
    """Lists the sessions of a folder; searches, shows, exports, imports or deletes them."""
    words: list[str] = given.words
    verb = words[0] if words else ""
    if verb in _CARE and not Path(verb).is_dir():
        count, usage, work = _CARE[verb]
        if len(words) - 1 < count:
            raise SteadyhandError(f"How it is used: steadyhand sessions {usage}")
        return _in_folder(given, lambda engine, console: work(engine, console, words[1:]))
    if words:
        given.path = Path(verb)
    return _in_folder(given, _list_sessions)


async def _list_sessions(engine: Engine, console: Console) -> int:
    found = await engine.sessions.list()
    if not found:
        console.print("No session in this folder yet.")
        return 0
    table = Table("session", "state", "round", "tokens", "last", "task")
    here = str(engine.workspace.root)
    for item in found:
        elsewhere = visible_line(item.checkout) if item.checkout not in ("", here) else ""
        if item.only_in:
            elsewhere = visible_line(f"{item.machine}, in {item.only_in}")
        table.add_row(
            escape(visible_line(item.session)),
            f"{item.state} ({escape(elsewhere)})" if elsewhere else item.state,
            f"{item.round}/{item.max_rounds}",
            f"{item.tokens:,}/{item.max_tokens:,}",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(item.updated)),
            escape(visible_line(item.prompt[:70])),
        )
    console.print(table)
    return 0


async def _search(engine: Engine, console: Console, words: list[str]) -> int:
    count = 0
    async for found in engine.sessions.search(" ".join(words)):
        count += 1
        place = f"{found.session.session}  round {found.round}  {found.kind}"
        console.print(f"{place}  [dim]{escape(visible(found.around))}[/dim]", soft_wrap=True)
    if not count:
        console.print("No session of this folder says that.")
    return 0 if count else 1


async def _show(engine: Engine, console: Console, words: list[str]) -> int:
    text = transcript(await engine.sessions.state(words[0]))
    console.print(text, markup=False, highlight=False, soft_wrap=True, end="")
    return 0


async def _export(engine: Engine, console: Console, words: list[str]) -> int:
    await engine.sessions.state(words[0])  # One of this folder, or it is said.
    data = await care.exported(engine.agent.journal, words[0])
    target = Path(words[1] if len(words) > 1 else f"session-{words[0]}.json")
    try:
        # It holds texts of the person's files: nobody else's to read, and nothing written over.
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except OSError as error:
        raise SteadyhandError(f"{target} cannot be written: {error.strerror}.") from error
    console.print(f"Session {words[0]} is in {escape(str(target))}, {len(data):,} bytes.")
    hide = engine.agent.around.disclosure.hiding()
    if await asyncio.to_thread(care.exact_texts_hold, data, hide):
        console.print(
            "[yellow]It holds secrets: for undo, the texts of the files that the session edited "
            "are exact in it. Give it to nobody who must not know them.[/yellow]"
        )
    return 0


async def _import(engine: Engine, console: Console, words: list[str]) -> int:
    try:
        data = await asyncio.to_thread(Path(words[0]).read_bytes)
    except OSError as error:
        raise SteadyhandError(f"{words[0]} cannot be read: {error.strerror}.") from error
    here = {
        "checkout": str(engine.workspace.root),
        "machine": engine.agent.machine,
        "workspace": (await engine.sessions.names())[0],
    }
    session = await care.imported(engine.agent.journal, data, here, time.time())
    console.print(f"Session {session} is here now; `steadyhand resume {session}` goes on with it.")
    return 0


async def _delete(engine: Engine, console: Console, words: list[str]) -> int:
    for session in words:
        state = await engine.sessions.delete(session)
        kept = " What it wrote into files stays." if state.applied else ""
        console.print(f"Session {session} is deleted.{kept}")
    return 0


_CARE: dict[str, tuple[int, str, Callable[[Engine, Console, list[str]], Awaitable[int]]]] = {
    "search": (1, "search WORDS", _search),
    "show": (1, "show SESSION", _show),
    "export": (1, "export SESSION [FILE]", _export),
    "import": (1, "import FILE", _import),
    "delete": (1, "delete SESSION ...", _delete),
}


def hunks(given: argparse.Namespace) -> int:
    """Lists the hunks of a session's proposal, and shows their diff."""

    async def work(engine: Engine, console: Console) -> int:
        offer = await engine.sessions.look(given.session)
        table = Table("hunk", "state", "rounds", "place", "what")
        for shown in offer.hunks():
            hunk = shown.hunk
            first, last = shown.place[0] + 1, max(shown.place[1], shown.place[0] + 1)
            place = f"{shown.path}:{first}" + (f"-{last}" if last > first else "")
            state = f"{hunk.mark}, edited since" if hunk.edited else hunk.mark
            what = f"{shown.kind} from {shown.source}" if shown.source else shown.kind
            table.add_row(
                hunk.id, state, ", ".join(map(str, hunk.rounds)), escape(place), escape(what)
            )
        if not table.row_count:
            console.print("This session proposes nothing and has applied nothing.")
            return 0
        console.print(table)
        show_diff(console, offer.diff())
        return 0

    return _in_folder(given, work)


def apply(given: argparse.Namespace) -> int:
    """Applies what a session proposes, or some hunks of it."""

    async def work(engine: Engine, console: Console) -> int:
        _, outcome = await engine.sessions.apply(given.session, given.hunk)
        return _told(console, outcome, "applied")

    return _in_folder(given, work)


def undo(given: argparse.Namespace) -> int:
    """Takes back what a session applied, or some hunks or a round of it."""

    async def work(engine: Engine, console: Console) -> int:
        _, outcome = await engine.sessions.undo(given.session, given.hunk, given.round)
        return _told(console, outcome, "undone")

    return _in_folder(given, work)


def redo(given: argparse.Namespace) -> int:
    """Brings back what was taken back."""

    async def work(engine: Engine, console: Console) -> int:
        _, outcome = await engine.sessions.redo(given.session, given.hunk, given.round)
        return _told(console, outcome, "redone")

    return _in_folder(given, work)


def _in_folder(given: argparse.Namespace, work: Callable[[Engine, Console], Awaitable[int]]) -> int:
    root, _ = folder(given.path)

    async def run() -> int:
        console = Console(highlight=False)
        engine = engine_in(root, console, yes=True)
        try:
            return await work(engine, console)
        finally:
            await engine.close()

    return asyncio.run(run())


def _told(console: Console, outcome: Outcome, word: str) -> int:
    console.print(escape(outcome.sentence(word)))
    return 0 if outcome.complete else 1


def trust(given: argparse.Namespace) -> int:
    """Keeps, or takes back, the person's trust in a folder's `steadyhand.toml`."""
    root, _ = folder(given.path)
    console = Console(highlight=False, soft_wrap=True)
    state = load(roots=[root])[0].state_path
    if given.revoke:
        there = kept.take_back(state, root)
        console.print("No longer trusted." if there else "It was not trusted.")
        return 0
    root, found = wanted([root])
    if not given.yes and not asyncio.run(confirm(console, kept.question(root, found), "")):
        console.print("Nothing was trusted.")
        return 1
    kept.give(state, root, found)
    console.print(f"Trusted in {escape(str(root))}: {escape(kept.sentence(found))}.")
    return 0


def demo(given: argparse.Namespace) -> int:
    """The demo."""
    from steadyhand_server import demo as shown

    return asyncio.run(shown.run(yes=given.yes, record=given.record))


def folder(path: Path) -> tuple[Path, str | None]:
    """The workspace folder, and the one file in it that was named, if any."""
    real = path.resolve()
    if real.is_dir():
        return real, None
    if not real.exists():
        raise SettingsError("PATH", "command line", f"{path} does not exist.")
    root = next((p for p in real.parents if (p / ".git").exists()), real.parent)
    return root, real.relative_to(root).as_posix()


def engine_in(root: Path, console: Console, *, yes: bool) -> Engine:
    """The engine of a folder, with a terminal as its editor."""
    settings, ignored = load(roots=[root])
    for sentence in ignored:
        console.print(f"[yellow]Ignored setting {escape(sentence)}[/yellow]")
    logs.to_file(settings.state_path)
    return Engine([root], settings, TerminalEditor(Workspace([root]), console, yes=yes))
