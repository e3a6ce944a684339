"""A TCP proxy that can swallow the reply to what it has passed on, and break the connection."""

from __future__ import annotations

import asyncio
import contextlib


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
        self._serving: set[asyncio.Task[None]] = set()

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
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _admitted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """What a client begins with; it is passed on."""
        return await reader.read(65_536)

    def _passes(self, data: bytes) -> bool:
        """False for what breaks the connection."""
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        there, back = await asyncio.open_connection("127.0.0.1", self._target)

        async def out() -> None:
            back.write(await self._admitted(reader, writer))
            while (data := await reader.read(65_536)) and self._passes(data):
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
                with contextlib.suppress(OSError):
                    await end.wait_closed()


class StrictPooler(LossyProxy):
    """Refuses what PgBouncer does where a transaction has a connection, and a client has none.

    Options of a connection are refused in words, prepared statements by its end.
    """

    _SSL_REQUEST = bytes.fromhex("0000000804d2162f")
    _ERROR = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"

    async def _admitted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        first = await reader.read(65_536)
        if first == self._SSL_REQUEST:
            writer.write(b"N")
            first = await reader.read(65_536)
        if b"\0options\0" not in first:
            return first
        writer.write(b"E" + (4 + len(self._ERROR)).to_bytes(4, "big") + self._ERROR)
        await writer.drain()
        raise ConnectionError("The client brought options.")

    def _passes(self, data: bytes) -> bool:
        return b"_pg3_" not in data
