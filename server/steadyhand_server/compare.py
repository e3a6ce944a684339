"""`steadyhand compare`: the same tasks with several models, each run on a copy of its own.

Owns the runs and how they are shown; the arithmetic is in `trials`. Never changes a workspace:
every run has a scratch copy and a journal of its own, which are gone afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from steadyhand_agent import sandbox
from steadyhand_agent.checks import Checks
from steadyhand_agent.errors import SessionError, SettingsError, SteadyhandError, ToolFailed
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.scratch import Scratch, copied
from steadyhand_agent.session import SessionState, Task
from steadyhand_agent.statistics import gather
from steadyhand_agent.workspace import Workspace
from steadyhand_server.engine import Engine
from steadyhand_server.settings import Settings, load
from steadyhand_server.terminal import TerminalEditor
from steadyhand_server.trials import Trial, difference, spread, success

Json = dict[str, Any]
REPLAY = "replay:"
# As shells say it: not a program, or none of that name.
_NOT_STARTED = (126, 127)


class Trying(BaseModel):
    """One `[[task]]` of the tasks file.

    Attributes:
        name: How it is called in the table.
        prompt: What the model is asked.
        workspace: Its folder, from the tasks file.
        check: A command that ends with 0 where the task is done; without one, a session that ends
            with its proposal applied counts.
        path: The document it is asked in, from the workspace.
        minutes: How long the check may take.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    prompt: str = Field(min_length=1)
    workspace: Path = Path()
    check: str = ""
    path: str | None = None
    minutes: float = Field(default=10.0, gt=0)


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `steadyhand compare`."""
    command.add_argument(
        "--models",
        required=True,
        help="ids, with commas between them; `replay:FILE` plays a recorded session, "
        "`replay:FOLDER` the one of each task's name (`FOLDER/NAME.jsonl`)",
    )
    command.add_argument("--tasks", required=True, type=Path, metavar="FILE", help="tasks.toml")
    command.add_argument("-n", "--times", type=int, default=3, help="runs a task (default: 3)")
    command.add_argument("--at-once", type=int, default=2, help="runs at once (default: 2)")
    command.add_argument("--format", choices=("text", "json"), default="text")
    command.add_argument(
        "--unguarded",
        action="store_true",
        help="run the tasks' checks, which run what a model wrote, though nothing shuts them in",
    )


def compare(given: argparse.Namespace) -> int:
    """Runs every task with every model; exit code 0 where each run could be made.

    Raises:
        SettingsError: The tasks file or an option is not usable.
    """
    models = list(dict.fromkeys(m.strip() for m in given.models.split(",") if m.strip()))
    if not models or given.times < 1 or given.at_once < 1:
        problem = "name one model at least, and run each task once at least."
        raise SettingsError("compare", "command line", problem)
    tasks = read_tasks(given.tasks)
    if any(task.check for task in tasks) and not given.unguarded and not sandbox.works():
        raise SettingsError(
            "check",
            str(given.tasks),
            "a check runs what a model wrote, and bubblewrap, which would shut it in, does not "
            "work here, so nothing was run; install it, or say --unguarded where that may run "
            "with your rights.",
        )
    console = Console(highlight=False, stderr=given.format == "json")
    trials = asyncio.run(_run(models, tasks, given, console))
    if given.format == "json":
        told = [{name: getattr(t, name) for name in Trial.__slots__} for t in trials]
        sys.stdout.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        show(console, models, trials)
    return 0 if all(not trial.error for trial in trials) else 1


def read_tasks(file: Path) -> list[Trying]:
    """The tasks of a file; their workspaces are taken from its folder.

    Raises:
        SettingsError: It cannot be read, or a task is not usable.
    """
    try:
        with file.open("rb") as opened:
            listed = tomllib.load(opened).get("task", [])
        tasks = [Trying(**task) for task in listed]
    except (OSError, tomllib.TOMLDecodeError, TypeError, ValidationError) as error:
        told = str(error).splitlines()
        raise SettingsError(
            "tasks", str(file), f"it cannot be read ({'; '.join(told[:3])})."
        ) from error
    if not tasks or len({task.name for task in tasks}) < len(tasks):
        raise SettingsError("tasks", str(file), "it needs [[task]] tables, each with its own name.")
    for task in tasks:
        task.workspace = (file.parent / task.workspace).resolve()
        if not task.workspace.is_dir():
            raise SettingsError("tasks", str(file), f"there is no folder {task.workspace}.")
    return tasks


async def _run(
    models: list[str], tasks: list[Trying], given: argparse.Namespace, console: Console
) -> list[Trial]:
    free = asyncio.Semaphore(given.at_once)
    # Interleaved, so that an endpoint's bad hour does not hit one model alone.
    plan = [(m, t) for _ in range(given.times) for t in tasks for m in models]
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("running", total=len(plan))

        async def one(model: str, task: Trying) -> Trial:
            async with free:
                found = await _try(model, task)
            progress.advance(bar)
            return found

        return await asyncio.gather(*(one(model, task) for model, task in plan))


async def _try(model: str, task: Trying) -> Trial:
    """One task, once, with one model, on a copy that nobody else sees."""
    with tempfile.TemporaryDirectory(prefix="steadyhand-compare-") as name:
        folder = Path(name).resolve()
        started = time.monotonic()
        try:
            settings = _settings(model, task, folder)
            original = Engine([task.workspace], settings, quiet(task.workspace))
            await original.fill()
            files = sorted(original.keeper.files)
            await original.close()
            overlay = Overlay(original.workspace, lambda _: None, {}, {})
            with copied(original.workspace, overlay, files, folder / "copy") as scratch:
                state, seconds = await _session(settings, task, scratch)
                if state.pause == "model" and not state.rounds:
                    raise SessionError(f"It could not be asked at all. {state.reason}")
                done = state.state == "finished" and (bool(state.applied) or bool(task.check))
                if done and task.check:
                    done = await asyncio.to_thread(_checked, task, scratch, folder)
        except (SteadyhandError, OSError) as error:
            return Trial(
                model, task.name, False, 0, 0, time.monotonic() - started, 0, "", str(error)
            )
    figures = gather([state])
    return Trial(
        model,
        task.name,
        done,
        state.round,
        state.spent,
        seconds,
        figures.refusals.total(),
        state.state if state.state == "finished" else f"{state.state}: {state.reason}",
    )


async def _session(
    settings: Settings, task: Trying, scratch: Scratch
) -> tuple[SessionState, float]:
    engine = Engine([scratch.root], settings, quiet(scratch.root))
    try:
        await engine.fill()
        started = time.monotonic()
        state = await engine.sessions.start(Task(prompt=task.prompt, path=task.path))
        return await engine.sessions.wait(state.id), time.monotonic() - started
    finally:
        await engine.close()


def _checked(task: Trying, scratch: Scratch, folder: Path) -> bool:
    hidden = (task.workspace, folder / "state")
    checks = Checks(
        {"check": task.check}, folder / "check", seconds=task.minutes * 60, hidden=hidden
    )
    done = checks.run("check", scratch)
    if done.code in _NOT_STARTED:
        said = done.stdout.decode("utf-8", "replace").strip()[:200]
        raise ToolFailed(f"The check could not be started (exit code {done.code}): {said}")
    return done.code == 0 and not done.timed_out


def _settings(model: str, task: Trying, folder: Path) -> Settings:
    """The person's own, with this model and a journal of its own.

    Raises:
        SettingsError: The recording is not there.
    """
    settings, _ = load(roots=[task.workspace])
    own: Json = {"state_dir": folder / "state", "record": None, "redis_url": None, "replay": None}
    if model.startswith(REPLAY):
        script = Path(model.removeprefix(REPLAY))
        script = script / f"{task.name}.jsonl" if script.is_dir() else script
        if not script.is_file():
            raise SettingsError("models", "command line", f"there is no recording {script}.")
        own["replay"] = script.resolve()
    else:
        own["model"] = model
    return settings.model_copy(update=own)


class _Quiet(TerminalEditor):
    """Says nothing and asks nobody: a question that nobody sees would wait for ever."""

    async def grant(self, reason: str, more: str) -> bool:
        """A run has the limits that were set."""
        return False

    async def confirm(self, question: str, details: str) -> bool | None:
        """Nobody has answered."""
        return None


def quiet(root: Path) -> TerminalEditor:
    """An editor that applies what is proposed, since the copy is nobody's."""
    return _Quiet(Workspace([root]), Console(quiet=True), yes=True)


def show(console: Console, models: list[str], trials: list[Trial]) -> None:
    """A table of the models, one of the tasks, and what can be said of the difference."""
    by_model = {model: [t for t in trials if t.model == model] for model in models}
    table = Table("mean (95 % interval)", *(escape(_short(model)) for model in models))
    table.add_row("runs", *(str(len(of_it)) for of_it in by_model.values()))
    table.add_row("success", *(_share(of_it) for of_it in by_model.values()))
    for name in ("rounds", "tokens", "seconds", "refusals"):
        values = [[float(getattr(t, name)) for t in of_it] for of_it in by_model.values()]
        table.add_row(name, *(spread(of_it) for of_it in values))
    console.print(table)
    tasks = list(dict.fromkeys(t.task for t in trials))
    per_task = Table("task", *(escape(_short(model)) for model in models))
    for task in tasks:
        cells = [[t for t in by_model[model] if t.task == task] for model in models]
        per_task.add_row(escape(task), *(f"{sum(t.success for t in c)}/{len(c)}" for c in cells))
    console.print(per_task)
    for other in models[1:]:
        for sentence in difference(by_model[models[0]], by_model[other]):
            console.print(escape(sentence))
    for trial in trials:
        if trial.error or not trial.success:
            why = trial.error or trial.ended
            console.print(f"[dim]{escape(f'{_short(trial.model)}, {trial.task}: {why}')}[/dim]")


def _share(trials: list[Trial]) -> str:
    low, high = success(trials)
    done = sum(t.success for t in trials)
    return f"{done / len(trials):.0%} ({low:.0%} to {high:.0%})"


def _short(model: str) -> str:
    return f"{REPLAY}{Path(model).name}" if model.startswith(REPLAY) else model
