"""A connection to an endpoint, made the same way for both SDKs.

Owns the time limits and the trust store, which takes 40 ms to read and is read once, in a thread:
nothing on the event loop may wait that long. A connection lasts for one request.
"""

from __future__ import annotations

import asyncio
import importlib
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

    import httpx2

_CONNECT_SECONDS = 10.0


async def sdk(name: str) -> ModuleType:
    """An SDK, imported in a thread: that takes a second, and requests are answered meanwhile.

    Raises:
        ImportError: It is not installed.
    """
    return await asyncio.to_thread(importlib.import_module, name)


async def opened(seconds: float) -> httpx2.AsyncClient:
    """A client whose limit holds to the first byte, and between bytes."""
    trusted = await asyncio.to_thread(_trusted)
    import httpx2

    limits = httpx2.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
    return httpx2.AsyncClient(verify=trusted, timeout=limits, follow_redirects=True)


@cache
def _trusted() -> ssl.SSLContext:
    import httpx2

    return httpx2.create_ssl_context()
