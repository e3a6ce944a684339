"""A terminal program in tmux: keys go in, the screen is read, as a person would.

Owns the tmux server and what runs in it. Never looks inside the program: what is not on the screen
or on disk is not known here.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

COLUMNS, LINES = 120, 40
SECONDS = 20.0


class Terminal:
    """One program on a screen of its own, from start to end."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> None:
        assert shutil.which("tmux"), "tmux is not installed"
        # Not a path: a socket's may be no longer than 107 characters.
        self._socket = f"steadyhand-{uuid.uuid4().hex[:8]}"
        self._env = {**env, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        size = ("-x", str(COLUMNS), "-y", str(LINES))
        # The server lives on after the program, so that its last words can be read.
        options = ("set", "-g", "remain-on-exit", "on", ";", "set", "-s", "escape-time", "0", ";")
        start = ("-f", "/dev/null", "start-server", ";", *options, "new-session", "-d", *size)
        self._tmux(*start, "-c", str(cwd), *command)

    def keys(self, *keys: str) -> None:
        """Presses keys by tmux's names: `C-x`, `M-x`, `Enter`, `Escape`, or a character."""
        self._tmux("send-keys", "-t", ":", *keys)

    def type(self, text: str) -> None:
        """Types a text as it is."""
        self._tmux("send-keys", "-t", ":", "-l", text)

    def screen(self) -> str:
        """What a person sees now."""
        return self._tmux("capture-pane", "-t", ":", "-p")

    def sees(self, *texts: str, seconds: float = SECONDS) -> str:
        """Waits until all texts are on the screen at once; returns the screen."""
        return self.until(lambda screen: all(text in screen for text in texts), texts, seconds)

    def gone(self, *texts: str, seconds: float = SECONDS) -> str:
        """Waits until none of the texts is on the screen; returns the screen."""
        return self.until(
            lambda screen: not any(text in screen for text in texts), ("not", *texts), seconds
        )

    def until(self, found: Callable[[str], object], what: object, seconds: float = SECONDS) -> str:
        """Waits until a screen passes; fails with the screen in the message."""
        limit = time.monotonic() + seconds
        while not found(screen := self.screen()):
            assert time.monotonic() < limit, f"never on the screen: {what}\n{screen}"
            time.sleep(0.05)
        return screen

    def end(self) -> None:
        """Ends the program and the terminal."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-L", self._socket, *words]
        done = subprocess.run(
            command, env=self._env, capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout
