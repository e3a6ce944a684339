"""Questions on a terminal, asked so that a person can always leave.

Owns how an answer is read: nothing that was typed before the question counts, Ctrl-D is no answer,
and Ctrl-C ends the program at once, since no thread sits in the read. Never decides what an answer
means.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
from collections.abc import Sequence

from rich.console import Console

_ANSWER_BYTES = 4_096


async def ask(
    console: Console, question: str, choices: Sequence[str], default: str | None = None
) -> str | None:
    """Asks until one of the choices, or the beginning of one, is typed.

    Args:
        console: Where the question is printed.
        question: Without the choices.
        choices: Words that begin with different letters.
        default: What an empty line means; without one it is asked again.

    Returns:
        A choice; None at the end of the input, or where there is no terminal to ask on.
    """
    if not console.is_terminal or not sys.stdin.isatty():
        return None
    listed = "/".join(f"[{word[0]}]{word[1:]}" for word in choices)
    shown = f"{question} {listed}" + (f" ({default})" if default else "") + ": "
    with contextlib.suppress(termios.error):
        # What was typed while something else was on the screen answers nothing.
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    while True:
        console.print(shown, end="", soft_wrap=True, markup=False, highlight=False)
        line = await _line()
        if line is None:
            console.print()
            return None
        typed = line.strip().lower()
        if not typed and default is not None:
            return default
        if found := [word for word in choices if typed and word.startswith(typed)]:
            return found[0]


async def _line() -> str | None:
    """A line of the terminal; None at its end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    fd = sys.stdin.fileno()
    loop.add_reader(fd, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(fd)
    data = _read(fd)
    return data.decode("utf-8", "replace") if data else None


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _ANSWER_BYTES)
    except OSError:
        return b""  # The terminal has gone.
