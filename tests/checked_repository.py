"""A real git repository, and `steadyhand check` on it as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

BODY = """\
    total = 0
    for item in items:
        if item.price > limit:
            total += item.price * RATE
    return round(total, 2)
"""


def function(name: str, rate: str = "vat", body: str = BODY) -> str:
    """A function that is long enough to be a finding; another rate makes it another body."""
    return f"def {name}(items, limit):\n{body.replace('RATE', rate)}"


class Repository:
    """A repository with one author.

    Args:
        root: Its folder; made and initialised.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        """Runs git; returns what it says."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.com",
        }
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def put(self, **files: str) -> None:
        """Writes files; `a__b` stands for `a/b.py`."""
        for name, text in files.items():
            self.write(name.replace("__", "/") + ".py", text)

    def write(self, path: str, text: str) -> None:
        """Writes one file."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())

    def commit(self) -> str:
        """Commits everything; returns the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def check(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        """Runs `steadyhand check` in the repository."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "steadyhand_server.cli", "check", *words],
            cwd=cwd or self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )

    def found(self, *words: str) -> list[tuple[str, str, str]]:
        """Tier, place and name of what is found."""
        done = self.check("--format", "json", *words)
        rows: list[dict[str, Any]] = orjson.loads(done.stdout)["findings"]
        assert done.returncode == (1 if rows else 0), done.stderr
        return [
            (r["tier"], f"{r['path']}:{r['line']}", r.get("definition", {}).get("name", ""))
            for r in rows
        ]

    def refused(self, *words: str) -> str:
        """The sentence with which a check refuses to run."""
        done = self.check(*words)
        said = done.stderr.decode()
        assert (done.returncode, done.stdout) == (2, b""), said
        assert "Traceback" not in said
        assert len(said.strip().splitlines()) == 1
        return said
