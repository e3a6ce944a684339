"""Questions on a real terminal: a pseudo-terminal, a process of its own, and keys."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ASKING = """
import asyncio, signal, sys, time
from pathlib import Path
from rich.console import Console
from steadyhand_server.questions import ask

# Whoever runs the tests in the background has Ctrl-C ignored; a person's terminal does not.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    Path(sys.argv[1], "begun").touch()
    while not Path(sys.argv[1], "go").exists():
        await asyncio.sleep(0.01)
    default = sys.argv[2] or None
    print("ANSWER", await ask(Console(force_terminal=True), "Apply?", ("apply", "discard", "later"), default))

asyncio.run(main())
"""


class Terminal:
    """A process on a pseudo-terminal."""

    def __init__(self, folder: Path, default: str) -> None:
        self.folder = folder
        self.fd, child = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", ASKING, str(folder), default],
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(child)
        self.seen = ""

    def until(self, words: str) -> None:
        limit = time.monotonic() + 30
        while words not in self.seen:
            assert time.monotonic() < limit, self.seen
            if select.select([self.fd], [], [], 0.1)[0]:
                with suppress(OSError):
                    self.seen += os.read(self.fd, 4_096).decode()
            elif self.process.poll() is not None:
                assert words in self.seen, self.seen

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def wait_for(self, name: str) -> None:
        limit = time.monotonic() + 30
        while not (self.folder / name).exists():
            assert time.monotonic() < limit, self.seen
            time.sleep(0.01)

    def go(self) -> None:
        (self.folder / "go").touch()
        self.until("Apply? [a]pply/[d]iscard/[l]ater")


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture(params=[""])
def terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    found = Terminal(tmp_path, request.param)
    found.wait_for("begun")
    yield found
    with suppress(ProcessLookupError):
        found.process.kill()
    found.process.wait()
    os.close(found.fd)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("apply\n", "apply"), ("d\n", "discard"), ("LA\n", "later"), ("\x04", "None")],
)
def test_an_answer_may_be_short(terminal: Terminal, typed: str, answer: str) -> None:
    terminal.go()
    terminal.type(typed)
    terminal.until(f"ANSWER {answer}")
    assert terminal.process.wait(20) == 0


def test_what_was_typed_before_the_question_is_no_answer(terminal: Terminal) -> None:
    terminal.type("apply\n")
    time.sleep(0.2)
    terminal.go()
    terminal.type("discard\n")
    terminal.until("ANSWER discard")


def test_what_is_no_answer_is_asked_again(terminal: Terminal) -> None:
    terminal.go()
    terminal.type("what?\n")
    terminal.type("\n")
    terminal.until("Apply? [a]pply/[d]iscard/[l]ater: what?")
    terminal.type("later\n")
    terminal.until("ANSWER later")


@pytest.mark.parametrize("terminal", ["later"], indirect=True)
def test_an_empty_line_is_the_default(terminal: Terminal) -> None:
    terminal.go()
    assert "(later): " in terminal.seen
    terminal.type("\n")
    terminal.until("ANSWER later")


def test_control_c_ends_it_at_once(terminal: Terminal) -> None:
    terminal.go()
    terminal.type("\x03")
    assert terminal.process.wait(20) in (1, 130, -signal.SIGINT)
    terminal.until("KeyboardInterrupt")
    assert "Fatal Python error" not in terminal.seen
