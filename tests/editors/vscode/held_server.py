"""Steadyhand, whose replayed model waits before its reply N while a file `hold-N` stands.

A test can so look at a session in the midst of its work, however fast the machine is.
"""

import asyncio
import os
from pathlib import Path

from steadyhand_agent.models.replay import ReplayModel
from steadyhand_agent.ports import ModelReply, ModelRequest
from steadyhand_server.cli import main

_HOLDS = Path(os.environ["STEADYHAND_TEST_HOLDS"])
_ask = ReplayModel.ask


async def _held(self: ReplayModel, request: ModelRequest) -> ModelReply:
    while (_HOLDS / f"hold-{request.number}").exists():
        await asyncio.sleep(0.02)
    return await _ask(self, request)


ReplayModel.ask = _held
main()
