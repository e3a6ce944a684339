"""The VS Code extension builds from its lock alone, and its package holds what it needs."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from packaged_extension import package
from steadyhand_server.handlers.commands import COMMANDS
from steadyhand_server.settings import EDITORS, TRUSTED, Settings

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


def test_each_command_has_an_icon_and_is_registered() -> None:
    package_json = json.loads((EXTENSION / "package.json").read_text())
    sources = "".join(path.read_text() for path in (EXTENSION / "src").glob("*.ts"))
    for command in package_json["contributes"]["commands"]:
        assert command["icon"].startswith("$("), command
        assert f"'{command['command']}'" in sources, command


def test_what_a_workspace_could_spend_waits_for_trust() -> None:
    package_json = json.loads((EXTENSION / "package.json").read_text())
    restricted = package_json["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    properties = package_json["contributes"]["configuration"]["properties"]
    spending = {name for name in properties if "max" in name or name.endswith("model")}
    assert spending < set(restricted)
    assert all(entry.get("description") or entry.get("markdownDescription")
               for entry in properties.values())  # fmt: skip


def test_what_is_set_there_is_a_setting_of_the_server() -> None:
    properties = json.loads((EXTENSION / "package.json").read_text())["contributes"][
        "configuration"
    ]["properties"]
    sent = re.findall(r"(\w+): \{ name: '(\w+)'", (EXTENSION / "src" / "settings.ts").read_text())
    assert {name for _, name in sent} >= {
        "conventions",
        "on_branch_switch",
        "preview",
        "max_rounds",
    }
    for key, name in sent:
        shown = properties[f"steadyhand.{key}"]
        if name in TRUSTED:
            # What the server takes from an editor as the person's own, no workspace may set there.
            assert name in EDITORS
            assert shown["scope"] == "application"
        if name in ("conventions", "on_branch_switch", "preview", "lenses") or "max" in name:
            default = Settings.model_fields[name].default
            assert shown["default"] == (list(default) if isinstance(default, tuple) else default)


@pytest.mark.editors
def test_it_builds(tmp_path: Path) -> None:
    assert shutil.which("npm"), "npm is missing; install Node.js 20 or newer"
    package(tmp_path)
    with zipfile.ZipFile(tmp_path / "steadyhand.vsix") as built:
        names = built.namelist()
    assert "extension/dist/extension.js" in names
    assert "extension/server/requirements.lock" in names
    assert [name for name in names if name.endswith(".whl")]
    assert not any("node_modules" in name for name in names)
