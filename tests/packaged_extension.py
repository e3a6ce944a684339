"""The VS Code extension as a person installs it: built by the repository's own script."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "editors" / "vscode" / "package.sh"


def package(folder: Path) -> None:
    """Builds `steadyhand.vsix` into a folder."""
    done = subprocess.run(
        ["sh", SCRIPT, sys.executable, folder],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
