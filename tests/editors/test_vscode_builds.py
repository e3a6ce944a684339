"""The VS Code extension builds from its lock alone, and its package holds what it needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from steadyhand_server.handlers.commands import COMMANDS

EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"


def test_its_commands_do_not_collide_with_the_servers() -> None:
    """vscode-languageclient registers the server's commands itself; a second one would throw."""
    package = json.loads((EXTENSION / "package.json").read_text())
    own = {command["command"] for command in package["contributes"]["commands"]}
    assert not own & set(COMMANDS)


def test_what_names_a_program_cannot_come_from_a_workspace() -> None:
    package = json.loads((EXTENSION / "package.json").read_text())
    properties = package["contributes"]["configuration"]["properties"]
    assert properties["steadyhand.command"]["scope"] == "machine"
    trust = package["capabilities"]["untrustedWorkspaces"]
    assert "steadyhand.command" in trust["restrictedConfigurations"]


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (EXTENSION / "package-lock.json").read_text()


@pytest.mark.editors
def test_it_builds(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    assert npm, "npm is missing; install Node.js 20 or newer"
    folder = tmp_path / "vscode"
    shutil.copytree(EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    for words in (["ci"], ["run", "typecheck"], ["run", "package"]):
        subprocess.run([npm, *words], cwd=folder, check=True, capture_output=True, timeout=300)
    with zipfile.ZipFile(folder / "steadyhand.vsix") as package:
        names = package.namelist()
    assert "extension/dist/extension.js" in names
    assert not any("node_modules" in name for name in names)
