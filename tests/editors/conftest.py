"""Fixtures for the tests of editors: each test of a desk runs in every Neovim."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from editors.neovim import WHEELS
from editors.neovim_desk import Desk

# Read before the tests are shut off from their user's own settings.
SHOTS = os.environ.get("STEADYHAND_SHOTS")


@pytest.fixture(params=sorted(WHEELS))
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(request.param, tmp_path)
    yield desk
    await desk.close()


@pytest.fixture(scope="session")
def tools() -> Path:
    """VS Code, Node.js 24 and Chromium, installed once for a lock."""
    folder = Path(os.environ.get("STEADYHAND_TOOLS", Path.home() / ".cache/steadyhand-tools"))
    folder = folder / "vscode"
    done = subprocess.run(
        ["sh", Path(__file__).parent / "vscode" / "install.sh", folder],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return folder


@pytest.fixture(scope="session")
def shots(tools: Path) -> Path:
    """Where pictures of the screen go."""
    return Path(SHOTS) if SHOTS else tools.parent / "screens"
