"""A TCP proxy that can swallow the reply to what it has passed on, and break the connection."""

from __future__ import annotations

import asyncio


class LossyProxy:
    """Stands before a server on this machine.

    Attributes:
        lose: While True, what the server answers never arrives: the work is done, and nobody knows.
        lost: How many replies were swallowed.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.lose = False
        self.lost = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> LossyProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)

        async def out() -> None:
            while data := await reader.read(65_536):
                back.write(data)
                await back.drain()

        async def home() -> None:
            while data := await there.read(65_536):
                if self.lose:
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()

        tasks = [asyncio.create_task(out()), asyncio.create_task(home())]
        self._tasks.update(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)
            for end in (writer, back):
                end.close()
