"""`steadyhand demo`: the whole way once, on the sample workspace, through the real server.

It plays the editor: it starts `steadyhand lsp` on stdio, opens a file, shows the findings, runs one
task, shows each round, asks, applies to its own scratch copy, runs the sample's tests, and undoes.
Nothing outside the scratch copy is written.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from steadyhand_server.client import Client, Json
from steadyhand_server.terminal import decide, show_diff, show_event

HERE = Path(__file__).parent
SAMPLE = HERE / "sample"
SCRIPT = HERE / "demo_script.jsonl"
PROMPT = (
    "Add a function `archive_path(post)` to pressroom/archive.py that gives the path of a post "
    "in the archive, such as `2026/11/a-fine-day.html`, from its date and its title; and a test "
    "for it."
)


async def run(*, yes: bool, record: str | None) -> int:
    """Runs the demo; the exit code is 0 where the task was applied and the tests passed."""
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="steadyhand-demo-") as name:
        folder = Path(name).resolve()
        workspace = folder / "pressroom-sample"
        await asyncio.to_thread(
            shutil.copytree, SAMPLE, workspace, ignore=shutil.ignore_patterns("__pycache__")
        )
        environment = _environment(folder, record)
        real = "STEADYHAND_REPLAY" not in environment
        console.rule("Steadyhand demo")
        console.print(f"The sample workspace is a scratch copy in {workspace}.")
        if real:
            console.print("The model is the real one: ANTHROPIC_API_KEY is set.")
        else:
            console.print(
                "[bold]No ANTHROPIC_API_KEY is set: a script written by hand plays the model."
                "[/bold] Everything else is real."
            )
        command = (sys.executable, "-P", "-m", "steadyhand_server.cli", "lsp")
        client = await Client.start(command, environment=environment, cwd=folder)
        try:
            return await _Demo(console, client, workspace, yes=yes).play()
        finally:
            await client.stop()


def _environment(folder: Path, record: str | None) -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STEADYHAND_")}
    kept: Mapping[str, str] = os.environ
    for name in ("STEADYHAND_MODEL", "STEADYHAND_BASE_URL", "STEADYHAND_LOG"):
        if name in kept:
            environment[name] = kept[name]
    environment["STEADYHAND_STATE_DIR"] = str(folder / "state")
    if not environment.get("ANTHROPIC_API_KEY"):
        environment["STEADYHAND_REPLAY"] = os.environ.get("STEADYHAND_REPLAY", str(SCRIPT))
    if record:
        environment["STEADYHAND_RECORD"] = str(Path(record).absolute())
    return environment


class _Demo:
    """One run."""

    def __init__(self, console: Console, client: Client, workspace: Path, *, yes: bool) -> None:
        self.console = console
        self.client = client
        self.workspace = workspace
        # Without a terminal there is nobody to ask, and the scratch copy is nobody's.
        self.yes = yes or not (console.is_terminal and sys.stdin.isatty())
        self.applied = False
        client.on_notification = self._notified
        client.on_request["window/showMessageRequest"] = self._asked
        client.on_request["window/showDocument"] = self._shown

    async def play(self) -> int:
        """From the finding to the undo."""
        await self.client.initialize(self.workspace)
        self.console.rule("Findings, with no model at all")
        uri = await self.client.open(self.workspace / "pressroom" / "feeds.py")
        found = await self.client.wait_for(
            lambda method, params: (
                method == "textDocument/publishDiagnostics"
                and params["uri"] == uri
                and bool(params["diagnostics"])
            )
        )
        for diagnostic in found["diagnostics"]:
            line = diagnostic["range"]["start"]["line"] + 1
            self.console.print(f"pressroom/feeds.py:{line}: {escape(diagnostic['message'])}")
            await self._fixes(uri, diagnostic)
        self.console.rule("A task")
        self.console.print(escape(PROMPT))
        archive = await self.client.open(self.workspace / "pressroom" / "archive.py")
        started = await self.client.command("steadyhand.task", {"prompt": PROMPT, "uri": archive})
        session = started["session"]
        over = await self.client.wait_for(
            lambda method, params: (
                method == "steadyhand/session"
                and params["session"] == session
                and params["state"] in ("finished", "paused", "failed", "cancelled")
            ),
            600,
        )
        if not self.applied:
            self.console.print(escape(over.get("message", "")))
            return 0 if over["state"] == "finished" else 1
        await self.client.save_all()
        passed = await self._tests()
        await self._undo(session)
        self._connect()
        return 0 if passed else 1

    async def _fixes(self, uri: str, diagnostic: Json) -> None:
        context = {"diagnostics": [diagnostic]}
        params = {"textDocument": {"uri": uri}, "range": diagnostic["range"], "context": context}
        for action in await self.client.request("textDocument/codeAction", params) or []:
            self.console.print(f"    [green]quick fix[/green]  {escape(action['title'])}")

    def _notified(self, method: str, params: Any) -> None:
        if method == "steadyhand/session":
            show_event(self.console, params)
        elif method == "window/showMessage":
            self.console.print(escape(params["message"]))

    async def _asked(self, params: Json) -> Json | None:
        titles = [action["title"] for action in params.get("actions") or []]
        if "Show diff" in titles:
            self.console.rule("The proposal")
            self.console.print(escape(params["message"]))
            return {"title": "Show diff"}
        if "Apply" not in titles:
            return None  # It is about something else, which the demo leaves open.
        decision = await decide(self.console, yes=self.yes)
        if self.yes:
            self.console.print("Applied to the scratch copy.")
        self.applied = decision == "apply"
        return {"title": "Apply" if self.applied else "Discard"}

    async def _shown(self, params: Json) -> Json:
        text = await asyncio.to_thread(
            Path(params["uri"].removeprefix("file://")).read_text, "utf-8"
        )
        show_diff(self.console, text)
        return {"success": True}

    async def _tests(self) -> bool:
        self.console.rule("The sample's own tests")
        tests = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "unittest", "discover", "-q", "-s", "tests", "-t", "."),
            cwd=self.workspace,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await tests.communicate()
        self.console.print(escape(out.decode("utf-8", "replace").strip()))
        return tests.returncode == 0

    async def _undo(self, session: str) -> None:
        self.console.rule("Undo")
        answer = await self.client.command("steadyhand.undo", {"session": session})
        self.console.print(escape(answer["message"]))

    def _connect(self) -> None:
        self.console.rule("Connect your editor")
        self.console.print(
            "VS Code: build and install the extension in editors/vscode (its README says how).\n"
            "Neovim:  add editors/nvim to your runtimepath and call "
            "require('steadyhand').setup().\n"
            "Others:  start `steadyhand lsp` on stdio; see the README."
        )
