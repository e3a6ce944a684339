"""Fixtures for every test: a copy of the sample workspace, and a state directory of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from steadyhand_server import demo

# Where CI is set the examples are the same in every run: what a chance find breaks is mended at a
# desk, with `make fuzz`, not by whoever's change happens to be tested when it is found.
settings.register_profile(
    "default", max_examples=100, deadline=None, derandomize="CI" in os.environ
)
settings.register_profile("nightly", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings, sessions or keys of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("STEADYHAND_", "ANTHROPIC_", "OPENAI_")) and name != "STEADYHAND_TOOLS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("STEADYHAND_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A scratch copy of the sample workspace."""
    target = tmp_path / "sample"
    shutil.copytree(demo.SAMPLE, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target
