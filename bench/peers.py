"""Other tools on the same corpora in the same run: jscpd, pylint, ctags, ty, basedpyright.

Owns their exact versions, their installation (into `$STEADYHAND_TOOLS`, never into ours) and how
each is called. Their settings are the ones that do most of what we do, named in the table.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import corpora
import live
import measure
from corpora import Corpus
from measure import Run
from report import mib, ms, table
from syntax import PYTHON, functions

JSCPD = "jscpd==5.4.2"
PYLINT = "pylint==4.1.4"
TY = "ty==0.0.105"
BASEDPYRIGHT = "basedpyright==1.40.2"

# (label, options) of what jscpd is asked on labelled pairs.
JSCPD_MATCHING: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("default", ()),
    ("`--similarity`", ("--similarity",)),
    ("loose", ("--similarity=0.7", "--ignore-identifiers", "--ignore-literals",
               "--max-gap-lines", "3", "--min-tokens", "25")),
)  # fmt: skip
# The donor and the file that gets the copy: the copy is the one of the two that should go.
_COPIES = {
    "django": ("django/utils/dateparse.py", "parse_duration", "django/contrib/admin/checks.py"),
    "stdlib": ("textwrap.py", "dedent", "asyncio/base_events.py"),
    "big": ("homeassistant/util/dt.py", "get_age", "homeassistant/components/mqtt/client.py"),
}
# A tool that took this long is not run again.
_ENOUGH_SECONDS = 30
_SYMBOLS = {
    "django": ["get_image_dimensions", "parse_duration", "slugify", "QuerySet", "Paginator"],
    "stdlib": ["dedent", "OrderedDict", "parse_qsl", "Formatter", "mkstemp"],
    "big": ["get_age", "parse_datetime", "trigsimp", "create_engine", "DataUpdateCoordinator"],
}


@cache
def installed(pin: str) -> Path:
    """The folder that holds one tool in one version, with what it needs."""
    target = corpora.FOLDER / "peers" / pin.replace("==", "-")
    if not (target / "bin").is_dir():
        print(f"installing {pin}", file=sys.stderr)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / "part"
            command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(part), pin]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise corpora.NotToBeHad(f"{pin} could not be installed: {done.stderr[-300:]}")
            part.rename(target)
    return target


def jscpd() -> str:
    """jscpd's program."""
    return str(installed(JSCPD) / "bin" / "jscpd")


def basedpyright() -> tuple[list[str], dict[str, str]]:
    """basedpyright's language server as PyPI has it, and the environment that it needs."""
    folder = installed(BASEDPYRIGHT)
    program = folder / "bin" / "basedpyright-langserver"
    return [sys.executable, str(program), "--stdio"], {"PYTHONPATH": str(folder)}


@cache
def ctags() -> str | None:
    """Universal Ctags, where the machine has it: no registry of Python or npm carries it."""
    for name in ("ctags-universal", "universal-ctags", "ctags"):
        path = shutil.which(name)
        if path and "Universal Ctags" in measure.run([path, "--version"]).output:
            return path
    return None


class JscpdMatcher:
    """jscpd as `matching.score` asks it: all at once, over two folders."""

    def __init__(self, language: str, options: Sequence[str]) -> None:
        self._language = language
        self._options = options
        self._known: dict[str, tuple[str, str]] = {}
        self._found: dict[str, set[str]] = {}

    def add(self, id: str, path: str, code: str) -> None:
        """Keeps one function for the run."""
        self._known[path] = (id, code)

    def prepare(self, queries: Sequence[tuple[str, str]]) -> None:
        """Writes everything to files and runs jscpd once."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, code in [*((p, c) for p, (_, c) in self._known.items()), *queries]:
                (root / path).parent.mkdir(exist_ok=True)
                (root / path).write_text(code, "utf-8")
            # Only pairs across the two folders count: what is known against what is asked. Each
            # folder is named by itself, since "local" means below the same argument.
            options = [*self._options, "--skip-local"]
            clones, _ = _jscpd(root, self._language, options, ("known", "asked"))
        ids = {Path(path).name: name for path, (name, _) in self._known.items()}
        for clone in clones:
            names = [str(clone[side]["name"]) for side in ("firstFile", "secondFile")]
            for known, asked in (names, reversed(names)):
                if known in ids and asked not in ids:
                    self._found.setdefault(asked, set()).add(ids[known])

    def match(self, code: str, path: str) -> list[tuple[str, str, float]]:
        """What the run found for one of the queries."""
        return [(name, "clone", 1.0) for name in sorted(self._found.get(Path(path).name, ()))]


def section() -> list[str]:
    """One table a corpus, and the live ones."""
    lines = ["## Others on the same files", "", *_versions()]
    for make in (corpora.django, corpora.stdlib, corpora.big, corpora.typescript):
        corpus = make()
        print(f"  {corpus.name}", file=sys.stderr)
        files, count = corpus.size
        lines += [f"### {corpus.label}: {files:,} files, {count:,} lines", ""]
        rows = [_row(label, work) for label, work in _batch(corpus)]
        lines += table(["tool", "wall", "CPU", "highest resident", "finds"], rows)
    return lines


def live_section() -> list[str]:
    """As language servers: the time to the first diagnostics, after a change, and for symbols."""
    lines = ["## As language servers", ""]
    from our_server import SERVER, environment

    for corpus in (corpora.django(), corpora.stdlib(), corpora.big()):
        print(f"  {corpus.name}", file=sys.stderr)
        file, copied = copy_of(corpus)
        rows: list[list[str]] = []
        with tempfile.TemporaryDirectory() as folder:
            candidates: list[tuple[str, Sequence[str], dict[str, str]]] = [
                ("steadyhand", SERVER, environment(Path(folder))),
                ("jscpd `--lsp`", _lsp("clones"), {}),
                ("jscpd `--lsp`, similar functions too", _lsp("clones,ast"), {}),
            ]
            for label, command, settings in candidates:
                felt = asyncio.run(_felt(command, corpus, file, copied, settings))
                rows.append([label, *_cells(felt)])
        lines += [f"### {corpus.label}: a copied function appears and goes", ""]
        head = ["server", "spawn to first diagnostics", "didChange to diagnostics p50 / p99"]
        lines += table([*head, "highest resident", "CPU"], rows)
        rows = [[label, *_symbol_cells(corpus, file, cmd)] for label, cmd in _symbol_servers()]
        lines += [f"### {corpus.label}: `workspace/symbol` (names only)", ""]
        head = ["server", "spawn to first answer that knows the name", "look-up p50 / p99"]
        lines += table([*head, "highest resident", "CPU", "names found"], rows)
    return lines


def copy_of(corpus: Corpus) -> tuple[Path, str]:
    """The file that a function is copied into, and the function."""
    donor, name, target = _COPIES[corpus.name]
    data = (corpus.root / donor).read_bytes()
    copied = next(f.code for f in functions(PYTHON, donor, data) if f.name == name)
    return corpus.root / target, copied


def _versions() -> list[str]:
    known = [JSCPD, PYLINT, TY, BASEDPYRIGHT]
    if (program := ctags()) is not None:
        known.append(measure.run([program, "--version"]).output.split(",")[0])
    else:
        known.append("Universal Ctags is not on this machine and was left out")
    return [
        f"{', '.join(known)}. Each tool reads source files of the corpus's language alone; the "
        "figures are those of the fastest of three runs, or of fewer where they take long.",
        "",
    ]


def _batch(corpus: Corpus) -> list[tuple[str, Callable[[], tuple[Run, str]]]]:
    """The tools for one corpus: a label, and a run with what it found in words."""
    similar, renamed = ["--similarity"], ["--ignore-identifiers", "--ignore-literals"]
    known: list[tuple[str, Callable[[], tuple[Run, str]]]] = [
        ("steadyhand check, cold", lambda: _check(corpus, [])),
        ("steadyhand check `--min-tier T3`, cold", lambda: _check(corpus, ["--min-tier", "T3"])),
        ("jscpd", lambda: _jscpd_row(corpus, [])),
        ("jscpd `--similarity`", lambda: _jscpd_row(corpus, similar)),
        ("jscpd `--similarity`, renamed too", lambda: _jscpd_row(corpus, [*similar, *renamed])),
    ]
    if corpus.name == "django":
        known.append(("pylint R0801, `-j2`", lambda: _pylint(corpus)))
    if ctags() is not None:
        known.append(("universal-ctags (names only)", lambda: _ctags(corpus)))
    return known


def _row(label: str, work: Callable[[], tuple[Run, str]]) -> list[str]:
    runs = [work()]
    while len(runs) < 3 and sum(run.wall for run, _ in runs) < _ENOUGH_SECONDS:
        runs.append(work())
    # The fastest is the one that others on the machine disturbed least.
    done, finds = min(runs, key=lambda run: run[0].wall)
    return [label, f"{done.wall:.2f} s", f"{done.cpu:.2f} s", mib(done.peak), finds]


def _check(corpus: Corpus, options: Sequence[str]) -> tuple[Run, str]:
    """Ours from nothing: the index is built in the same run, for all tiers."""
    command = [sys.executable, "-P", "-m", "steadyhand_server.cli", "check", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        settings = {"STEADYHAND_STATE_DIR": folder}
        words = [*command, "--format", "json", *options, str(corpus.root)]
        done = measure.run(words, environment=settings)
    kinds = Counter(found["tier"] for found in json.loads(done.output)["findings"])
    return done, ", ".join(
        f"{count:,} {tier}" for tier, count in sorted(kinds.items())
    ) or "nothing"


def _jscpd_row(corpus: Corpus, options: Sequence[str]) -> tuple[Run, str]:
    clones, done = _jscpd(corpus.root, corpus.language, options)
    kinds = Counter(str(clone.get("kind")) for clone in clones)
    return done, ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) or "nothing"


def _jscpd(
    root: Path, language: str, options: Sequence[str], paths: Sequence[str] = (".",)
) -> tuple[list[dict[str, dict[str, str]]], Run]:
    with tempfile.TemporaryDirectory() as out:
        wanted = "typescript,tsx" if language == "typescript" else language
        command = [jscpd(), "--format", wanted, "--silent", "--no-tips", "-r", "json", "-o", out]
        done = measure.run([*command, *options, *paths], cwd=root)
        report = json.loads((Path(out) / "jscpd-report.json").read_text("utf-8"))
    return report["duplicates"], done


def _pylint(corpus: Corpus) -> tuple[Run, str]:
    command = [sys.executable, "-m", "pylint", "-j2", "--disable=all", "--enable=R0801"]
    with tempfile.TemporaryDirectory() as home:
        settings = {"PYTHONPATH": str(installed(PYLINT)), "PYLINTHOME": home}
        done = measure.run([*command, "django"], cwd=corpus.root, environment=settings)
    return done, f"{done.output.count('R0801'):,} similar stretches"


def _ctags(corpus: Corpus) -> tuple[Run, str]:
    program = ctags() or ""
    wanted = "Python" if corpus.language == "python" else "TypeScript"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "tags"
        command = [program, "-R", f"--languages={wanted}", "-f", str(out), "."]
        done = measure.run(command, cwd=corpus.root)
        count = sum(not line.startswith(b"!") for line in out.read_bytes().splitlines())
    return done, f"{count:,} names"


def _lsp(analyses: str) -> list[str]:
    return [jscpd(), "--lsp", "--lsp-analyses", analyses, "--format", "python"]


async def _felt(
    command: Sequence[str], corpus: Corpus, file: Path, copied: str, settings: dict[str, str]
) -> live.Felt | str:
    try:
        return await live.diagnostics(command, corpus.root, file, copied, environment=settings)
    except TimeoutError:
        return "nothing within the time given"


def _cells(felt: live.Felt | str) -> list[str]:
    if isinstance(felt, str):
        return [felt, "–", "–", "–"]
    waits = f"{ms(measure.at(felt.waits, 0.5))} / {ms(measure.at(felt.waits, 0.99))}"
    return [f"{felt.first:.2f} s", waits, mib(felt.peak), f"{felt.cpu:.1f} s"]


def _symbol_servers() -> list[tuple[str, list[str]]]:
    return [
        ("ty", [str(installed(TY) / "bin" / "ty"), "server"]),
        ("basedpyright", basedpyright()[0]),
    ]


def _symbol_cells(corpus: Corpus, file: Path, command: list[str]) -> list[str]:
    names = _SYMBOLS[corpus.name]
    settings = basedpyright()[1] if "--stdio" in command else {}
    try:
        felt = asyncio.run(live.symbols(command, corpus.root, file, names, environment=settings))
    except TimeoutError:
        return ["nothing within the time given", "–", "–", "–", "–"]
    return [*_cells(felt), f"{felt.found} of {len(names)}"]
