"""Repositories to test on, as fixtures: a small one, and one that attacks whoever looks at it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
}  # fmt: skip


def run(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=root, env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    run(root, "init", "-q", "-b", "main")
    (root / "a.py").write_text("a = 1\n")
    run(root, "add", "a.py")
    run(root, "commit", "-q", "-m", "first")
    return root


@pytest.fixture
def hostile(repository: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A repository that runs a command wherever git lets it, and the file that tells."""
    marker = tmp_path / "marker"
    command = tmp_path / "command.sh"
    command.write_text(f"#!/bin/sh\necho ran >> {marker}\ncat\n")
    command.chmod(0o755)
    hooks = repository / "evil-hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "post-checkout", "pre-commit",
                 "reference-transaction"):  # fmt: skip
        (hooks / hook).symlink_to(command)
        (repository / ".git" / "hooks" / hook).unlink(missing_ok=True)
        (repository / ".git" / "hooks" / hook).symlink_to(command)
    (repository / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (repository / ".lfsconfig").write_text("[lfs]\n")
    keys = [
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass",
        "core.gitProxy", "core.alternateRefsCommand", "diff.external", "diff.evil.textconv",
        "diff.evil.command", "merge.evil.driver", "filter.evil.clean", "filter.evil.smudge",
        "filter.evil.process", "credential.helper", "pager.ls-files", "pager.check-ignore",
        "gpg.program", "uploadpack.packObjectsHook", "interactive.diffFilter",
    ]  # fmt: skip
    for key in keys:
        run(repository, "config", key, str(command))
    run(repository, "config", "core.hooksPath", str(hooks))
    run(repository, "config", "filter.evil.required", "true")
    for alias in ("ls-files", "check-ignore", "rev-parse", "ls-tree", "cat-file", "diff-tree"):
        run(repository, "config", f"alias.{alias}", f"!{command}")
    run(repository, "config", "extensions.partialClone", "origin")
    run(repository, "config", "core.repositoryformatversion", "1")
    run(repository, "config", "remote.origin.url", f"ext::{command}")
    run(repository, "config", "remote.origin.promisor", "true")
    (repository / "a.py").write_text("a = 2\n")
    os.utime(repository / "a.py", (1, 1))
    (repository / "b.py").write_text("b = 1\n")
    marker.unlink(missing_ok=True)
    return repository, marker
