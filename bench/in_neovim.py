"""One run of a real Neovim: from the start of the process to the diagnostic, from a key to the menu.

Owns how a server is set up there. The clock runs inside Neovim (`in_neovim.lua`); what is asked over
its API serves to wait alone.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from editors.neovim import WHEELS, Neovim
from probe import Menu, Place, Seen, Server, Workspace, of_a_stranger

VERSIONS = tuple(WHEELS)

_PLUGIN = Path(__file__).parents[1] / "editors" / "nvim"
_INSIDE = Path(__file__).with_name("in_neovim.lua")
_OURS = "require('steadyhand').setup({ cmd = vim.json.decode([==[%s]==]) })"
_PEER = (
    "vim.lsp.config('basedpyright', { cmd = vim.json.decode([==[%s]==]), filetypes = { 'python' }, "
    "root_markers = { '.git' } }) vim.lsp.enable('basedpyright')"
)
_SECONDS = 120


async def run(version: str, workspace: Workspace, server: Server, home: Path, presses: int) -> Seen:
    """Opens the probe with one server and asks for the menu some times at each of its places."""
    setup = (_PEER if server.label == "basedpyright" else _OURS) % json.dumps(server.command)
    # Without the first, Neovim's own Python ftplugin looks for a provider, for two seconds.
    before = ("let g:loaded_python3_provider = 0", f"set rtp^={_PLUGIN}", f"luafile {_INSIDE}")
    commands = [word for command in (*before, f"lua {setup}") for word in ("--cmd", command)]
    arguments = [*commands, str(workspace.file)]
    environment = of_a_stranger(home, server)
    began = time.monotonic_ns()
    neovim = await Neovim.start(version, arguments, env=environment, cwd=workspace.root)
    try:
        await neovim.until("vim.tbl_get(_G, 'bench', 'diagnostic')", seconds=_SECONDS)
        seen = await neovim.lua(
            "return { bench.text, bench.server, bench.diagnostic, #vim.lsp.get_clients() }"
        )
        assert seen.pop() == 1, "one server alone is measured"
        menus = [await _menu(neovim, place, presses) for place in server.places]
    finally:
        await neovim.quit()
    text, spawned, diagnostic = ((at - began) / 1e9 for at in seen)
    return Seen(text, spawned, diagnostic, menus)


async def _menu(neovim: Neovim, place: Place, presses: int) -> Menu:
    first = await _press(neovim, place)
    return Menu(first, [await _press(neovim, place) for _ in range(presses)])


async def _press(neovim: Neovim, place: Place) -> float:
    """Seconds from the call that the key is mapped to, to the menu."""
    await neovim.lua("vim.api.nvim_win_set_cursor(0, { ... })", place.line, place.column - 1)
    await neovim.lua("bench.menu = nil")
    await neovim.keys("<F2>")
    await neovim.until("bench.menu", seconds=_SECONDS)
    pressed, menu, titles = await neovim.lua("return { bench.pressed, bench.menu, bench.titles }")
    assert any(title.startswith(place.title) for title in titles), titles
    return (menu - pressed) / 1e9
