"""A person's desk for editors without a plugin: a workspace, a fresh home, a replayed model.

Owns the folder and the environment that editors and servers get. Never starts anything but git.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
EDITORS = os.environ.get("STEADYHAND_RELEASE_EDITORS", "")
_SPEC = find_spec("steadyhand_server")
assert _SPEC is not None and _SPEC.origin is not None
_SERVER = Path(_SPEC.origin).parent
SAMPLE, DEMO = _SERVER / "sample", _SERVER / "demo_script.jsonl"
COMMENT = "# Add archive_path to the archive"


def program(name: str) -> str:
    """An editor as install.sh has unpacked it, in the folder that is named by the environment."""
    assert EDITORS, "STEADYHAND_RELEASE_EDITORS names no folder: see install.sh"
    return str(Path(EDITORS) / "bin" / name)


def documented(language: str) -> str:
    """The first snippet of docs/editors.md in a language: what the reader pastes is what is tried."""
    text = (ROOT / "docs" / "editors.md").read_text()
    return text.split(f"```{language}\n", 1)[1].split("```", 1)[0]


class Desk:
    """A fresh home and a copy of the sample, with the comment of a task at its end, in a repository.

    Attributes:
        folder: Holds everything, the home too.
        env: What an editor is started with; `steadyhand` is on its path.
        before: archive.py as it is committed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "work" / "pressroom-sample"
        self.archive = self.workspace / "pressroom" / "archive.py"
        self.feeds = self.workspace / "pressroom" / "feeds.py"
        self.new_test = self.workspace / "tests" / "test_archive.py"
        shutil.copytree(SAMPLE, self.workspace, ignore=shutil.ignore_patterns("__pycache__"))
        script = _commented(DEMO.read_text(), self.archive.read_text())
        (folder / "script.jsonl").write_text(script)
        with self.archive.open("a") as file:
            file.write(f"\n\n{COMMENT}\n")
        self.before = self.archive.read_text()
        self.comment_line = len(self.before.splitlines())
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "The sample"]):
            identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
            subprocess.run(["git", *identity, *arguments], cwd=self.workspace, check=True)
        program = folder / "bin" / "steadyhand"
        program.parent.mkdir()
        server = f"{sys.executable} -P -m steadyhand_server.cli"
        program.write_text(f'#!/bin/sh\nexec {server} "$@"\n')
        program.chmod(0o755)
        self.env = {
            k: v for k, v in os.environ.items() if not k.startswith(("STEADYHAND_", "TMUX"))
        }
        self.env |= {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "STEADYHAND_REPLAY": str(folder / "script.jsonl"),
            "STEADYHAND_STATE_DIR": str(folder / "steadyhand"),
            "HOME": str(folder),
            **{
                f"XDG_{name}_HOME": str(folder / "xdg" / name.lower())
                for name in ("CONFIG", "DATA", "STATE", "CACHE")
            },
        }

    def untouched(self) -> None:
        """Git sees no change; the lock that Emacs lays beside an unsaved file is none."""
        status = ["git", "status", "--porcelain", "--", ".", ":!**/.#*"]
        done = subprocess.run(
            status, cwd=self.workspace, capture_output=True, text=True, check=True
        )
        assert done.stdout == ""

    def tests_pass(self) -> None:
        """The sample's own tests, on what is on disk."""
        command = [
            sys.executable,
            "-B",
            "-m",
            "unittest",
            "discover",
            "-q",
            "-s",
            "tests",
            "-t",
            ".",
        ]
        done = subprocess.run(
            command, cwd=self.workspace, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def on_disk(path: Path, found: Callable[[str], object], seconds: float = 20.0) -> None:
    """Waits until a file's text passes; it is empty where there is no file, as while one is saved."""
    limit = time.monotonic() + seconds
    while True:
        text = ""
        with contextlib.suppress(FileNotFoundError):
            text = path.read_text()
        if found(text):
            return
        assert time.monotonic() < limit, f"{path}:\n{text}"
        time.sleep(0.05)


def _commented(script: str, before: str) -> str:
    """The demo's script, for an archive.py that ends with the comment: the replay is strict."""
    lines = before.splitlines()
    last = f"{len(lines)}\t{lines[-1]}"
    more = f"{last}\n{len(lines) + 1}\n{len(lines) + 2}\n{len(lines) + 3}\t{COMMENT}"
    steps: list[dict[str, Any]] = [json.loads(line) for line in script.splitlines()]
    for step in steps:
        for expected in step.get("expect", []):
            expected["result"] = expected["result"].replace(last, more)
    return "".join(json.dumps(step) + "\n" for step in steps)
