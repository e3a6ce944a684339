"""The screen of a Neovim, kept from what it tells an attached UI (`:help ui-linegrid`)."""

from __future__ import annotations

from typing import Any, NamedTuple


class Cell(NamedTuple):
    """What stands in one place; the right half of a wide character has no text."""

    text: str
    look: int


class Grid:
    """Rows of cells, what their looks are, and where the cursor stands."""

    def __init__(self, columns: int, lines: int) -> None:
        # Number 0 is the default; what a look does not say is as in that.
        self.looks: dict[int, dict[str, Any]] = {0: {}}
        self.cursor = (0, 0)
        self._resize(columns, lines)

    def text(self) -> str:
        """What a person reads."""
        return "\n".join("".join(cell.text for cell in row).rstrip() for row in self.rows)

    def draw(self, name: str, call: list[Any]) -> None:
        """Takes one call of a redraw event."""
        if name == "grid_line":
            self._line(*call[1:4])
        elif name == "grid_clear":
            self._resize(self.columns, self.lines)
        elif name == "grid_resize":
            self._resize(*call[1:3])
        elif name == "grid_scroll":
            self._scroll(*call[1:6])
        elif name == "grid_cursor_goto":
            self.cursor = (call[1], call[2])
        elif name == "hl_attr_define":
            self.looks[call[0]] = call[1]
        elif name == "default_colors_set":
            self.looks[0] = dict(zip(("foreground", "background", "special"), call, strict=False))

    def _resize(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self.rows = [[Cell(" ", 0)] * columns for _ in range(lines)]

    def _line(self, row: int, column: int, cells: list[list[Any]]) -> None:
        look = 0
        for text, *rest in cells:
            # A cell that names no look has that of the one before.
            look = rest[0] if rest else look
            times = rest[1] if len(rest) > 1 else 1
            self.rows[row][column : column + times] = [Cell(text, look)] * times
            column += times

    def _scroll(self, top: int, bottom: int, left: int, right: int, rows: int) -> None:
        span = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in span:
            self.rows[row][left:right] = self.rows[row + rows][left:right]
