"""API keys: where they are read, and which of several is used.

Owns the reading, for each request anew: from a command, a file, or the environment. A key is held
for the length of one request and never kept, logged or put into a message. What a key is refused
for decides what follows: on 401 the keys are read once more, on 401 and 429 the next one is tried.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from steadyhand_agent import process
from steadyhand_agent.errors import KeyRefused, ModelBusy, ModelKeyMissing
from steadyhand_agent.ports import ModelReply

# A key ring that asks for a passphrase may keep a person busy for a while.
COMMAND_SECONDS = 20.0
# Stands in where an endpoint wants no key and the SDK insists on one.
NO_KEY = "none"


class Keys:
    """The keys of one model.

    Args:
        variable: The environment's variable; several keys are separated by commas.
        file: A file with a key a line; None for none.
        command: A program that prints a key a line; counts before file and environment.
        needed: False where the endpoint may do without.
        seconds: The command's time limit.
    """

    def __init__(
        self,
        variable: str,
        *,
        file: Path | None = None,
        command: Sequence[str] = (),
        needed: bool = True,
        seconds: float = COMMAND_SECONDS,
    ) -> None:
        self._variable = variable
        self._file = file
        self._command = tuple(command)
        self._needed = needed
        self._seconds = seconds
        # Which one comes first; a place in the list, not a key.
        self._first = 0

    async def read(self) -> list[str]:
        """The keys as of now, in the order in which they are to be tried.

        Raises:
            ModelKeyMissing: There is none, or it cannot be read.
        """
        if self._command:
            text = await asyncio.to_thread(self._from_command)
        elif self._file is not None:
            text = self._from_file(self._file)
        else:
            text = os.environ.get(self._variable, "").replace(",", "\n")
        keys = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
        if not all(key.isascii() and key.isprintable() and " " not in key for key in keys):
            raise ModelKeyMissing(
                f"What is set as the API key ({self._source()}) holds blanks or characters that "
                "no request can carry; everything else works. Mend it and resume the session."
            )
        if not keys and self._needed:
            raise ModelKeyMissing(
                f"No API key is set ({self._source()} is empty), so no task can run; findings and "
                f"quick fixes work without. Set {self._variable}, or `api_key_file` or "
                "`api_key_command` in your steadyhand config.toml, and resume the session."
            )
        first = self._first % len(keys) if keys else 0
        return [*keys[first:], *keys[:first]]

    async def use(self, send: Callable[[str], Awaitable[ModelReply]]) -> ModelReply:
        """Sends with one key after the other until one is served.

        Raises:
            KeyRefused: No key is accepted, also after reading them once more.
            ModelBusy: Each has asked too often; it holds the shortest wait.
        """
        tried: set[str] = set()
        refused: KeyRefused | None = None
        busy: ModelBusy | None = None
        for _ in range(2):
            keys = await self.read() or [NO_KEY]
            for key in keys:
                if key in tried:
                    continue
                tried.add(key)
                try:
                    return await send(key)
                except KeyRefused as error:
                    refused = error
                except ModelBusy as error:
                    busy = error if busy is None else _sooner(busy, error)
                self._first += 1
            if refused is None:
                break
        failed = busy or refused
        assert failed is not None, "the first pass tries a key at least"
        # One that is only busy serves again by waiting.
        raise failed

    def _source(self) -> str:
        if self._command:
            return f"the output of `{self._command[0]}`"
        return str(self._file) if self._file is not None else self._variable

    def _from_file(self, file: Path) -> str:
        try:
            return file.expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise ModelKeyMissing(
                f"The key file {file} cannot be read ({why}); everything else works. Mend "
                "`api_key_file` in your settings and resume the session."
            ) from error

    def _from_command(self) -> str:
        """What the program printed; nothing of it goes into a message."""
        name = self._command[0]
        try:
            # A key ring finds its agent, its home and its screen by the environment.
            done = process.run(
                self._command,
                cwd=Path.home(),
                environment=os.environ,
                timeout=self._seconds,
                limit=64_000,
            )
        except OSError as error:
            raise ModelKeyMissing(
                f"`api_key_command` could not start `{name}` ({error.strerror}); everything else "
                "works. Mend it in your settings and resume the session."
            ) from error
        if done.timed_out or done.code != 0:
            how = (
                f"took longer than {self._seconds:g} s"
                if done.timed_out
                else f"ended with code {done.code}"
            )
            raise ModelKeyMissing(
                f"`api_key_command` gave no key: `{name}` {how}; everything else works. Run it "
                "in a terminal to see why, then resume the session."
            )
        return done.stdout.decode("utf-8", "replace")


def _sooner(one: ModelBusy, other: ModelBusy) -> ModelBusy:
    far = float("inf")
    return min(one, other, key=lambda e: far if e.retry_after is None else e.retry_after)
