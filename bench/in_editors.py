"""What a person waits for in real editors: the first diagnostic, and the menu of code actions.

Owns the section `editors`: the runs in turn, and the tables. The workspace and its servers are in
`probe.py`, each editor is in a module of its own; nothing here knows how it is driven.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import in_neovim
import in_vscode
import peers
import probe
from probe import Seen, Server, Workspace
from report import ms, table

# The first round fills the caches of the disk and is not counted.
ROUNDS, UNCOUNTED = 5, 1
PRESSES = 3
_PEER = "basedpyright"

_DIAGNOSTICS = (
    "editor",
    "server",
    "text on the screen",
    "the editor starts the server",
    "first diagnostic",
    "÷ basedpyright",
    "of it from the server's start on",
    "÷ basedpyright",
)
_OF_DIAGNOSTICS = (
    "VS Code: from the page's navigation to the squiggle. Neovim: from the start of the process to "
    "`DiagnosticChanged` with something in it. Cold: nothing is known of the workspace. "
    "basedpyright keeps nothing between two runs, and looks at the open file and at what it "
    "imports; ours looks at all of the workspace. In VS Code our extension drives both, so that "
    "the client costs the same; the extension that basedpyright has of its own is not measured. "
    "Both servers are started by the Python program that PyPI installs; basedpyright's then starts "
    "Node.js."
)
_MENUS = (
    "editor",
    "server",
    "what is offered",
    "first press",
    f"the next {PRESSES}",
    "÷ basedpyright's import, first",
    "next",
    "÷ basedpyright's comment, first",
    "next",
)
_OF_MENUS = (
    "VS Code: from Control+. to the row in the menu; it asks the server by itself as soon as the "
    "cursor rests, so that no press is the first, and a press whose menu it gives up is repeated "
    "and not counted. Neovim: from `vim.lsp.buf.code_action` to "
    "`vim.ui.select`. What basedpyright offers to import it looks for in all of the workspace when "
    "it is first asked, and keeps. Ours works the edit out before the menu where the editor cannot "
    "ask about it afterwards, as in Neovim."
)

Run = Callable[[Server, Path], Seen]
# Everything that was seen of the servers in one editor.
Rounds = dict[str, list[Seen]]


def section() -> list[str]:
    """Both tables."""
    diagnostics: list[list[str]] = []
    menus: list[list[str]] = []
    with tempfile.TemporaryDirectory(prefix="steadyhand-bench-") as name:
        folder = Path(name).resolve()
        workspace = probe.made(folder / "django")
        asyncio.run(probe.indexed(workspace, folder / "known"))
        for editor, run in _editors(workspace, folder).items():
            print(f"  {editor}", file=sys.stderr)
            rounds = _rounds(workspace, folder / editor, folder / "known", run)
            diagnostics += opened(editor, rounds)
            menus += asked(editor, rounds, workspace.servers(folder, folder))
    return _told(diagnostics, menus)


def _editors(workspace: Workspace, folder: Path) -> dict[str, Run]:
    vsix = in_vscode.installed(folder / "vsix")

    def vscode(server: Server, home: Path) -> Seen:
        return in_vscode.run(vsix, workspace, server, home, PRESSES)

    def neovim(version: str) -> Run:
        return lambda server, home: asyncio.run(
            in_neovim.run(version, workspace, server, home, PRESSES)
        )

    editors: dict[str, Run] = {f"VS Code (code-server {in_vscode.version()})": vscode}
    return editors | {f"Neovim {version}": neovim(version) for version in in_neovim.VERSIONS}


def _rounds(workspace: Workspace, folder: Path, known: Path, run: Run) -> Rounds:
    """The servers take turns, so that what else the machine does meets all of them."""
    rounds: Rounds = {}
    for number in range(UNCOUNTED + ROUNDS):
        home = folder / str(number)
        for server in workspace.servers(home / "fresh", known):
            own = home / server.label
            own.mkdir(parents=True)
            seen = run(server, own)
            if number >= UNCOUNTED:
                rounds.setdefault(server.label, []).append(seen)
    return rounds


def opened(editor: str, rounds: Rounds) -> list[list[str]]:
    """The rows of the first table for one editor."""
    peer = rounds[_PEER]
    return [
        [
            editor,
            server,
            _seconds(one.text for one in seen),
            _seconds(one.server for one in seen),
            _seconds(one.diagnostic for one in seen),
            _ratio(_whole(seen), _whole(peer)) if seen is not peer else "",
            _seconds(_beyond(seen)),
            _ratio(_beyond(seen), _beyond(peer)) if seen is not peer else "",
        ]
        for server, seen in rounds.items()
    ]


def _whole(rounds: Sequence[Seen]) -> list[float]:
    return [one.diagnostic for one in rounds]


def _beyond(rounds: Sequence[Seen]) -> list[float]:
    """What the server takes, with the little that the editor still does beside it."""
    return [one.diagnostic - one.server for one in rounds]


def asked(editor: str, rounds: Rounds, servers: Sequence[Server]) -> list[list[str]]:
    """The rows of the second table for one editor; the peer's are measures for ours."""
    peer = rounds[_PEER]
    measures = range(len(peer[0].menus))
    rows: list[list[str]] = []
    for server in servers:
        seen = rounds[server.label]
        for number, place in enumerate(server.places):
            first, again = _first(seen, number), _again(seen, number)
            ratios = [""] * (2 * len(measures))
            if seen is not peer:
                ratios = [
                    ratio
                    for other in measures
                    for ratio in (
                        _ratio(first, _first(peer, other)),
                        _ratio(again, _again(peer, other)),
                    )
                ]
            rows.append(
                [editor, server.label, place.label, _spread(first), _spread(again), *ratios]
            )
    return rows


def _first(rounds: Sequence[Seen], place: int) -> list[float]:
    presses = (one.menus[place].first for one in rounds)
    return [seconds for seconds in presses if seconds is not None]


def _again(rounds: Sequence[Seen], place: int) -> list[float]:
    return [seconds for one in rounds for seconds in one.menus[place].again]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    if not ours or not theirs:
        return "–"
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"


def _seconds(values: Iterable[float]) -> str:
    known = list(values)
    return f"{statistics.median(known):.2f} s ({min(known):.2f}–{max(known):.2f})"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{ms(statistics.median(values))} ({ms(min(values))} – {ms(max(values))})"


def _told(diagnostics: list[list[str]], menus: list[list[str]]) -> list[str]:
    return [
        "## In real editors",
        "",
        f"Django with one file more, beside {peers.BASEDPYRIGHT} with its defaults; the file holds "
        "a copied function and a name that is not defined. Median (least – most) of "
        f"{ROUNDS} runs, the servers in turn; each run has an editor with a fresh profile.",
        "",
        "### From opening to the first diagnostic",
        "",
        *table(_DIAGNOSTICS, diagnostics),
        _OF_DIAGNOSTICS,
        "",
        "### From the key to the menu of code actions",
        "",
        *table(_MENUS, menus),
        _OF_MENUS,
    ]
