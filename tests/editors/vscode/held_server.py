"""Steadyhand, whose replayed model waits before its reply N while a file `hold-N` stands.

A test can so look at a session in the midst of its work, however fast the machine is. While a
file `late-lists` stands, a list of the sessions is old by a second when it comes.
"""

import asyncio
import os
from pathlib import Path

from steadyhand_agent.models.replay import ReplayModel
from steadyhand_agent.ports import ModelReply, ModelRequest
from steadyhand_agent.sessions import Sessions
from steadyhand_agent.state.journal import Summary
from steadyhand_server.cli import main

_HOLDS = Path(os.environ["STEADYHAND_TEST_HOLDS"])
_ask = ReplayModel.ask


async def _held(self: ReplayModel, request: ModelRequest) -> ModelReply:
    while (_HOLDS / f"hold-{request.number}").exists():
        await asyncio.sleep(0.02)
    return await _ask(self, request)


_list = Sessions.list


async def _late(self: Sessions) -> list[Summary]:
    found = await _list(self)
    if (_HOLDS / "late-lists").exists():
        await asyncio.sleep(1)
    return found


ReplayModel.ask = _held
Sessions.list = _late
main()
