"""A person's desk: a workspace in git, a model that plays a script, Neovims opened and closed.

Owns what the tests of the Neovim plugin share; they themselves say what a person does there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from editors.neovim import Neovim

ROOT = Path(__file__).parents[2]
PLUGIN = Path(os.environ.get("STEADYHAND_NVIM_PLUGIN", ROOT / "editors" / "nvim"))
COMMAND = [sys.executable, "-P", "-m", "steadyhand_server.cli", "lsp"]
SETUP = f"require('steadyhand').setup({{ cmd = {{ {', '.join(map(repr, COMMAND))} }} }})"
TASK = "Add archive_path to the archive"
QUESTION = ("Steadyhand proposes 2 files", "1: Apply", "2: Discard", "3: Reply…", "4: Later")


Step = dict[str, Any]


def _package(name: str) -> Path:
    from importlib.util import find_spec

    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


SERVER = _package("steadyhand_server")
SAMPLE, DEMO = SERVER / "sample", SERVER / "demo_script.jsonl"


# Its replayed model waits before a reply as long as a file says so.
HELD_SERVER = Path(__file__).parent / "vscode" / "held_server.py"
HELD = SETUP.replace("'-m', 'steadyhand_server.cli'", repr(str(HELD_SERVER)))


class Desk:
    """A person's desk: a workspace, a Neovim that can be closed and opened again."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self.folder = folder
        self.workspace = folder / "work" / "pressroom-sample"
        self.archive = self.workspace / "pressroom" / "archive.py"
        self.feeds = self.workspace / "pressroom" / "feeds.py"
        self.new_test = self.workspace / "tests" / "test_archive.py"
        self.script = [json.loads(line) for line in DEMO.read_text().splitlines()]
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("STEADYHAND_")}
        self.env |= {
            "STEADYHAND_REPLAY": str(folder / "script.jsonl"),
            "STEADYHAND_STATE_DIR": str(folder / "state"),
            "STEADYHAND_TEST_HOLDS": str(folder),
            "HOME": str(folder),
            **{
                f"XDG_{name}_HOME": str(folder / "xdg" / name.lower())
                for name in ("CONFIG", "DATA", "STATE", "CACHE")
            },
        }
        self._open: list[Neovim] = []
        self.play(self.script)
        shutil.copytree(SAMPLE, self.workspace, ignore=shutil.ignore_patterns("__pycache__"))
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "The sample"]):
            identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
            subprocess.run(["git", *identity, *arguments], cwd=self.workspace, check=True)
        self.before = self.archive.read_text()

    def play(self, script: list[Step]) -> None:
        """What plays the model, from the next server on."""
        lines = "".join(json.dumps(step) + "\n" for step in script)
        (self.folder / "script.jsonl").write_text(lines)

    def hold(self, reply: int) -> Path:
        """Has the model of a held server wait before its reply N, from 0, until the file goes."""
        file = self.folder / f"hold-{reply}"
        file.touch()
        return file

    async def neovim(self, file: Path | None = None, setup: str = SETUP) -> Neovim:
        """A fresh Neovim with the plugin; with a file open in it, and the server attached."""
        # Without the first, Neovim's own Python ftplugin looks for a provider, for two seconds.
        before = ("let g:loaded_python3_provider = 0", f"set rtp^={PLUGIN}", f"lua {setup}")
        arguments = [word for command in before for word in ("--cmd", command)]
        nv = await Neovim.start(self.version, arguments, env=self.env, cwd=self.workspace)
        self._open.append(nv)
        if file is not None:
            await nv.ex(f"edit {file}")
            await nv.until("vim.lsp.get_clients({ name = 'steadyhand', bufnr = 0 })[1] ~= nil")
        return nv

    async def close(self) -> None:
        for nv in self._open:
            await nv.quit()

    def tests_pass(self) -> None:
        """The sample's own tests, on what is on disk."""
        command = [
            sys.executable,
            "-B",
            "-m",
            *["unittest", "discover", "-q", "-s", "tests", "-t", "."],
        ]
        done = subprocess.run(
            command, cwd=self.workspace, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def untouched(self) -> None:
        """Git sees no change."""
        status = ["git", "status", "--porcelain"]
        done = subprocess.run(status, cwd=self.workspace, capture_output=True, text=True)
        assert done.stdout == ""


async def buffer(nv: Neovim, path: Path) -> str | None:
    """A buffer's text as it would be written; None where there is none."""
    lines = await nv.lua(
        "local b = vim.fn.bufnr(...); "
        "return b ~= -1 and vim.api.nvim_buf_get_lines(b, 0, -1, false) or false",
        str(path),
    )
    return "\n".join(lines) + "\n" if lines else None


async def modified(nv: Neovim, path: Path) -> bool:
    return await nv.lua("return vim.bo[vim.fn.bufnr(...)].modified", str(path))


async def proposed(nv: Neovim) -> str:
    """Runs the task up to the question, diff in view; returns the session's id."""
    await nv.ex(f"Steadyhand task {TASK}")
    return await asked(nv)


async def asked(nv: Neovim) -> str:
    screen = await nv.sees(*QUESTION, "+++ b/pressroom/archive.py", "Steadyhand proposal ")
    return screen.split("Steadyhand proposal ")[1].split()[0]


async def answer(nv: Neovim, number: int, says: str) -> None:
    """Answers the question as a person does, and waits for what Steadyhand says to it."""
    await nv.keys(f"{number}<CR>")
    await told(nv, says)


async def told(nv: Neovim, says: str) -> None:
    await nv.until("vim.fn.execute('messages'):find(..., 1, true)", says)


async def servers(nv: Neovim) -> list[int]:
    return await nv.lua("return vim.api.nvim_get_proc_children(vim.fn.getpid())")
