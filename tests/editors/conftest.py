"""Fixtures for the tests of editors: each test of a desk runs in every Neovim."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from editors.neovim import WHEELS
from editors.neovim_desk import Desk


@pytest.fixture(params=sorted(WHEELS))
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(request.param, tmp_path)
    yield desk
    await desk.close()
