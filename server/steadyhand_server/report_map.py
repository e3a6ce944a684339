"""The picture of where duplicates live: folders as a treemap, with lines between them.

Owns its geometry, in units of a fixed drawing. A cell's area is the lines of code in a folder; a
link joins the folders of the two sides of a finding. Knows nothing of HTML.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import squarify

from steadyhand_server.report import Report

WIDTH, HEIGHT = 1000.0, 560.0
# More cells than this cannot be read; more links hide the cells.
_CELLS = 48
_SPLIT = 24
_LINKS = 80
# What the largest folder's share of the picture must exceed to be shown by its own folders.
_LARGE = 0.04


@dataclass(slots=True)
class _Folder:
    path: str
    lines: int = 0
    own: int = 0
    inside: dict[str, _Folder] = field(default_factory=dict[str, "_Folder"])


@dataclass(frozen=True, slots=True)
class Cell:
    """A folder in the picture.

    Attributes:
        name: Its path; `.` for the root.
        x: Left edge.
        y: Upper edge.
        width: Its width.
        height: Its height.
        lines: Lines of code.
        findings: How many findings have a side in it.
        heat: From 0 to 1, how many findings there are for its size, against the worst cell.
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    lines: int
    findings: int
    heat: float

    @property
    def center(self) -> tuple[float, float]:
        """Where links end."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Link:
    """Findings between two cells.

    Attributes:
        source: The cell whose definitions should go.
        target: The cell of those to use instead.
        count: How many.
        path: SVG path data.
        width: Of the stroke.
    """

    source: str
    target: str
    count: int
    path: str
    width: float


@dataclass(frozen=True, slots=True)
class Map:
    """The picture: cells from left to right, links from few to many."""

    cells: list[Cell]
    links: list[Link]

    def cell_of(self, path: str) -> str:
        """The name of the cell that a file is counted in."""
        return _cell_of(path, {cell.name for cell in self.cells})


def draw(report: Report) -> Map:
    """The picture of a report."""
    tree = _tree(report.stats.lines)
    if tree.lines == 0:
        return Map([], [])
    places: dict[str, tuple[float, float, float, float, int]] = {}
    _place(tree, _split(tree), (0.0, 0.0, WIDTH, HEIGHT), places)
    between: Counter[tuple[str, str]] = Counter()
    touched: Counter[str] = Counter()
    for row in report.rows:
        if row.theirs is not None:
            ends = _cell_of(row.span.path, places), _cell_of(row.theirs.span.path, places)
            between[ends] += 1
            touched.update(set(ends))
    density = {name: count / max(places[name][4], 1) for name, count in touched.items()}
    worst = max(density.values(), default=1.0)
    cells = {
        name: Cell(name, x, y, w, h, lines, touched[name], density.get(name, 0.0) / worst)
        for name, (x, y, w, h, lines) in places.items()
    }
    apart = Counter({ends: n for ends, n in between.items() if ends[0] != ends[1]})
    most = max(apart.values(), default=1)
    links = [
        Link(a, b, n, _curve(cells[a].center, cells[b].center), 1.0 + 5.0 * n / most)
        for (a, b), n in reversed(apart.most_common(_LINKS))
    ]
    return Map(sorted(cells.values(), key=lambda c: (c.x, c.y)), links)


def _tree(lines: Mapping[str, int]) -> _Folder:
    root = _Folder("")
    for path, count in lines.items():
        here = root
        here.lines += count
        for name in path.split("/")[:-1]:
            inner = f"{here.path}/{name}" if here.path else name
            here = here.inside.setdefault(name, _Folder(inner))
            here.lines += count
        here.own += count
    return root


def _split(root: _Folder) -> set[str]:
    """The folders that are shown by the folders in them: the largest first, while there is room."""
    split: set[str] = set()
    shown = [root]
    while True:
        large = [f for f in shown if f.inside and (f is root or f.lines > _LARGE * root.lines)]
        best = max(large, key=lambda f: (f.lines, f.path), default=None)
        if best is None or len(shown) + min(len(best.inside), _SPLIT) > _CELLS:
            return split
        split.add(best.path)
        shown.remove(best)
        shown += _largest(best)


def _largest(folder: _Folder) -> list[_Folder]:
    return sorted(folder.inside.values(), key=lambda f: (-f.lines, f.path))[:_SPLIT]


def _place(
    folder: _Folder,
    split: set[str],
    area: tuple[float, float, float, float],
    places: dict[str, tuple[float, float, float, float, int]],
) -> None:
    if folder.path not in split:
        places[folder.path or "."] = (*area, folder.lines)
        return
    inner = [f for f in _largest(folder) if f.lines > 0]
    # The folder's own files, and the small folders that have no cell of their own.
    rest = folder.lines - sum(f.lines for f in inner)
    parts: list[tuple[int, _Folder | None]] = [(f.lines, f) for f in inner]
    if rest > 0:
        parts.append((rest, None))
    parts.sort(key=lambda part: -part[0])
    x, y, width, height = area
    sizes = _normal([part[0] for part in parts], width, height)
    for (lines, part), box in zip(parts, _squares(sizes, x, y, width, height), strict=True):
        if part is None:
            places[folder.path or "."] = (*box, lines)
        else:
            _place(part, split, box, places)


def _normal(sizes: list[int], width: float, height: float) -> list[float]:
    total = sum(sizes)
    return [size * width * height / total for size in sizes]


def _squares(
    sizes: list[float], x: float, y: float, width: float, height: float
) -> list[tuple[float, float, float, float]]:
    # The package has no types.
    boxes = cast(
        "list[dict[str, float]]", cast("Any", squarify).squarify(sizes, x, y, width, height)
    )
    return [(box["x"], box["y"], box["dx"], box["dy"]) for box in boxes]


def _cell_of(path: str, places: Container[str]) -> str:
    folder = path.rpartition("/")[0]
    while folder and folder not in places:
        folder = folder.rpartition("/")[0]
    return folder or "."


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A line bent to one side, so that the way back is another one."""
    (x1, y1), (x2, y2) = start, end
    bend_x, bend_y = (x1 + x2) / 2 - (y2 - y1) * 0.18, (y1 + y2) / 2 + (x2 - x1) * 0.18
    return f"M{x1:.1f} {y1:.1f}Q{bend_x:.1f} {bend_y:.1f} {x2:.1f} {y2:.1f}"
