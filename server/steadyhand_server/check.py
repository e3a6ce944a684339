"""`steadyhand check`: looks a repository through and says what is defined twice.

Owns which files and findings are asked for, and where the report goes. What is a finding, and what
has been settled, is decided below: the editor shows the same.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from steadyhand_agent import git
from steadyhand_agent.errors import SettingsError
from steadyhand_agent.index.suppress import (
    TIERS,
    baseline_bytes,
    read_baseline,
)
from steadyhand_agent.workspace import Workspace
from steadyhand_server import report
from steadyhand_server.engine import Engine
from steadyhand_server.look import Look
from steadyhand_server.settings import WORKSPACE_FILE, load
from steadyhand_server.terminal import TerminalEditor

FORMATS = ("text", "json", "sarif", "github", "html")
# A hint is for the agent; nobody fails a build by one.
MIN_TIERS = tuple(tier for tier in TIERS if tier != "T4")
NONE, FOUND = 0, 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for.

    Attributes:
        root: The repository's folder; all of it is indexed.
        only: The paths in it whose findings are wanted; empty for all.
        base: Show what is new or changed against this git revision; empty for all.
        baseline: What was found in this file's time is settled.
        write_baseline: Take what is found as the new baseline.
        form: One of `FORMATS`.
        output: Where the report goes; None for stdout.
        min_tier: The least severe tier that is shown; empty for all.
        stats: Say what was looked at.
        quiet: Say nothing but the findings.
    """

    root: Path
    only: tuple[str, ...] = ()
    base: str = ""
    baseline: Path | None = None
    write_baseline: Path | None = None
    form: str = "text"
    output: Path | None = None
    min_tier: str = ""
    stats: bool = False
    quiet: bool = False


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `steadyhand check`."""
    command.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files and folders of one repository"
    )
    command.add_argument(
        "--diff", metavar="BASE", default="", help="only what is new or changed since a revision"
    )
    command.add_argument(
        "--baseline", type=Path, metavar="FILE", help="leave out what this file holds"
    )
    command.add_argument(
        "--write-baseline", type=Path, metavar="FILE", help="take what is found now as settled"
    )
    command.add_argument("--format", choices=FORMATS, default="text", dest="form")
    command.add_argument("--output", type=Path, metavar="FILE", help="write the report there")
    command.add_argument(
        "--min-tier",
        choices=MIN_TIERS,
        default="",
        help="leave out what matters less; T2, T3 and T0x are looked for where they are named, or "
        "with --diff in what is new (default: the setting `tiers`)",
    )
    command.add_argument("--stats", action="store_true", help="say what was looked at")
    command.add_argument("--quiet", action="store_true", help="say nothing but the findings")


def check(given: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    root, only = repository_of(given.paths)
    if given.write_baseline and (given.diff or only):
        raise SettingsError(
            "--write-baseline",
            "command line",
            "a baseline is of the whole repository; leave out `--diff` and the paths in it.",
        )
    asked = Asked(
        root, only, given.diff, given.baseline, given.write_baseline, given.form, given.output,
        given.min_tier, given.stats, given.quiet,
    )  # fmt: skip
    return asyncio.run(_check(asked))


def repository_of(paths: list[Path]) -> tuple[Path, tuple[str, ...]]:
    """The folder that is indexed, and the paths in it that were named; none for all of it.

    It is the nearest one around them that holds `.git` or `steadyhand.toml`, since findings need
    the whole repository; where there is none, the folder that was named.

    Raises:
        SettingsError: A path does not exist, or they belong to several repositories.
    """
    real: list[Path] = []
    for path in paths or [Path()]:
        if not path.exists():
            raise SettingsError("PATH", "command line", f"{path} does not exist.")
        real.append(path.resolve())
    folders = [path if path.is_dir() else path.parent for path in real]
    roots = {_marked(folder) for folder in folders}
    if len(roots) > 1:
        raise SettingsError(
            "PATH", "command line", "the paths lie in several repositories; check one at a time."
        )
    root = roots.pop() or Path(os.path.commonpath(folders))
    only = sorted({path.relative_to(root).as_posix() for path in real})
    return root, () if "." in only else tuple(only)


def _marked(folder: Path) -> Path | None:
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists() or (candidate / WORKSPACE_FILE).is_file():
            return candidate
    return None


async def _check(asked: Asked) -> int:
    began = time.monotonic()
    err = Console(stderr=True, highlight=False)
    settings, ignored = load(roots=[asked.root])
    for sentence in ignored:
        err.print(f"Ignored setting {sentence}", markup=False)
    if asked.min_tier:
        least = TIERS.index(asked.min_tier)
        shown = tuple(tier for tier in settings.tiers if TIERS.index(tier) <= least)
        settings = settings.model_copy(update={"tiers": shown})
    engine = Engine([asked.root], settings, TerminalEditor(Workspace([asked.root]), err, yes=False))
    # Looked up before the work begins, so that a wrong name costs no minute.
    base = git.commit(asked.root, asked.base) if asked.base else ""
    known = read_baseline(asked.baseline) if asked.baseline and not asked.write_baseline else None
    if known:
        engine.use_baselines({asked.root: known})
    quiet = asked.quiet or not err.is_terminal
    with _progress(err, quiet=quiet) as bar:
        indexing = bar.add_task("indexing", total=None)
        await engine.fill(lambda done, of: bar.update(indexing, completed=done, total=of))
        old = asked.min_tier not in ("", "T0", "T1")
        look = Look(engine, asked.only, base, baseline=known is not None, old=old)
        for path in bar.track(look.paths(), description="comparing"):
            look.at(path)
    outcome = look.report()
    if known is not None and not asked.only:
        outcome.stats.outdated = known.keys.total() - outcome.stats.settled["baseline"]
    outcome.stats.seconds = time.monotonic() - began
    if asked.write_baseline:
        keys = [row.key for row in outcome.rows if row.ours is not None]
        write(asked.write_baseline, baseline_bytes(keys), "--write-baseline")
        if not asked.quiet:
            err.print(f"{_count(len(keys), 'finding')} settled in {asked.write_baseline}.")
        return NONE
    code = FOUND if outcome.rows else NONE
    _give(outcome, asked, code)
    if asked.stats:
        err.print(_table(outcome))
    if not asked.quiet:
        err.print(_summary(outcome), soft_wrap=True, markup=False)
    return code


def _progress(err: Console, *, quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        console=err, transient=True, disable=quiet,
    )  # fmt: skip


def write(path: Path, data: bytes, option: str) -> None:
    """Writes a file whole or not at all.

    Raises:
        SettingsError: It cannot be written; names the option that asked for it.
    """
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device is written to, not replaced.
            path.write_bytes(data)
            return
        target = path.resolve()
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            file.write(data)
        # What `open` would have given it; a temporary file is for its owner alone.
        mask = os.umask(0)
        os.umask(mask)
        Path(file.name).chmod(0o666 & ~mask)
        Path(file.name).replace(target)
    except OSError as error:
        raise SettingsError(
            option, "command line", f"{path} cannot be written: {error.strerror or error}."
        ) from error


def _give(outcome: report.Report, asked: Asked, code: int) -> None:
    if asked.form == "text" and asked.output is None:
        out = Console(highlight=False, soft_wrap=True)
        for row in outcome.rows:
            out.print(report.text(row))
        return
    data = _rendered(outcome, asked, code)
    if asked.output is not None:
        write(asked.output, data, "--output")
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def _rendered(outcome: report.Report, asked: Asked, code: int) -> bytes:
    # Imported where they are needed: most checks print text.
    if asked.form == "sarif":
        from steadyhand_server.report_sarif import sarif

        return sarif(outcome, code)
    if asked.form == "html":
        from steadyhand_server.report_html import html

        return html(outcome, asked.root.name or "this folder")
    if asked.form == "json":
        return report.as_json(outcome)
    if asked.form == "github":
        return report.github(outcome)
    return "".join(f"{report.text(row).plain}\n" for row in outcome.rows).encode("utf-8", "replace")


def _summary(outcome: report.Report) -> str:
    stats = outcome.stats
    parts = [
        f"{_count(len(outcome.rows), 'finding')} in {_count(stats.files, 'file')}, "
        f"{_count(stats.definitions, 'definition')}"
    ]
    if stats.settled:
        parts.append(f"settled: {_listed(stats.settled)}")
    if stats.passed_over:
        parts.append(f"passed over: {_listed(stats.passed_over)}")
    if stats.outdated:
        parts.append(f"no longer found: {stats.outdated:,} of the baseline, write it anew")
    return "; ".join(parts) + "."


def _table(outcome: report.Report) -> Table:
    stats = outcome.stats
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    tiers = outcome.tiers
    folders = Counter(row.span.path.rpartition("/")[0] or "." for row in outcome.rows)
    for name, value in (
        *((f"{tier} {report.RULES[tier].title.lower()}", tiers[tier]) for tier in TIERS),
        ("repeated lines", outcome.repeated),
        ("files", stats.files),
        ("lines", sum(stats.lines.values())),
        ("definitions", stats.definitions),
        *((f"settled by {why}", n) for why, n in sorted(stats.settled.items())),
        *((f"passed over, {why}", n) for why, n in sorted(stats.passed_over.items())),
        *((f"findings in {folder}", n) for folder, n in _most(folders)),
    ):
        table.add_row(name, f"{value:,}")
    table.add_row("seconds", f"{stats.seconds:.1f}")
    return table


def _most(folders: Counter[str]) -> Iterator[tuple[str, int]]:
    yield from sorted(folders.most_common(), key=lambda item: (-item[1], item[0]))[:5]


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{n:,} {why}" for why, n in sorted(counted.items()))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
