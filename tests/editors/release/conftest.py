"""A desk of its own for each test, and an end for every terminal that it opens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from editors.release.desk import Desk
from editors.release.terminal import Terminal


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def opened() -> Iterator[list[Terminal]]:
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.end()
