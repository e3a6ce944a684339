"""The pictures of Neovim for the README. What is on them is tested elsewhere; a person looks at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from editors.neovim import Neovim
from editors.neovim_desk import SETUP, TASK, Desk, told
from editors.pictures import take
from editors.test_neovim_preview import OFFERED

pytestmark = [pytest.mark.vscode, pytest.mark.parametrize("desk", ["0.12"], indirect=True)]

# What many people have set; and names without a session's id, so that a picture stays as it is.
OPTIONS = """
vim.o.laststatus = 3
vim.o.statusline = " %t %m%=%{v:lua.require'steadyhand'.status()} "
""".replace("\n", " ")


async def shown(desk: Desk, form: str, columns: int, lines: int, options: str = "") -> Neovim:
    """A Neovim of a size in which all hunks of the archive are on the screen, the first accepted."""
    setup = OPTIONS + SETUP.replace("setup({", f"setup({{ preview = '{form}',")
    nv = await desk.neovim(desk.archive, setup)
    await nv.call("nvim_ui_try_resize", columns, lines)
    await nv.ex(f"{options} Steadyhand task {TASK}")
    await told(nv, OFFERED)
    await nv.keys("gg]cdo")
    await nv.sees("h1 accepted")
    await nv.keys("]c")
    return nv


async def test_inline(desk: Desk, tools: Path, shots: Path) -> None:
    nv = await shown(desk, "inline", 100, 44, "set number | setlocal foldmethod=indent |")
    await nv.until("vim.fn.line('.') == 48")
    await nv.lua("vim.fn.winrestview({ topline = 9 })")
    await nv.sees("h1 accepted", "h2 open", "h3 open", "def render_archive")
    take(nv.grid, tools, shots / "neovim" / "inline.png")


async def test_tab(desk: Desk, tools: Path, shots: Path) -> None:
    nv = await shown(desk, "tab", 124, 32)
    await nv.until("vim.fn.line('.') == 49")
    await nv.sees("h1 accepted", "h2 open", "def render_archive")
    take(nv.grid, tools, shots / "neovim" / "tab.png")
