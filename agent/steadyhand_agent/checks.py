"""The commands that a person configured, run on a scratch copy of the workspace.

Owns what a command runs with: its words, its environment, its limits, and whether it is shut in.
Never touches the workspace itself, and never gives a command a key of the person's.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steadyhand_agent import process, sandbox
from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.scratch import Scratch

# Nothing else of the person's environment reaches a command: no key, no token, no agent socket.
_ENVIRONMENT = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "LD_LIBRARY_PATH", "JAVA_HOME",
    "GOROOT", "RUSTUP_HOME",
)  # fmt: skip
_HEAD_BYTES = 200_000
_TAIL_BYTES = 400_000


@dataclass(frozen=True, slots=True)
class Checks:
    """What the person configured.

    Attributes:
        commands: A command line by name; it is split as a shell would, and no shell runs it.
        paths: Ignored files and folders that the copy is given besides, such as `data`.
        folder: Where scratch copies are made.
        seconds: How long a command may take.
        most_bytes: The largest workspace that is copied.
        hidden: What a command that is shut in does not see: the workspace itself, our own state,
            and a file with a key.
    """

    commands: Mapping[str, str]
    folder: Path
    paths: tuple[str, ...] = ()
    seconds: float = 60.0
    most_bytes: int = 500_000_000
    hidden: tuple[Path, ...] = ()

    def words(self, name: str) -> list[str]:
        """A command's words.

        Raises:
            ToolFailed: There is no such check, or its quotes do not match.
        """
        if name not in self.commands:
            raise ToolFailed(
                f"There is no check `{name}`. Use one of: {', '.join(sorted(self.commands))}."
            )
        try:
            words = shlex.split(self.commands[name])
        except ValueError as error:
            raise ToolFailed(
                f"The check `{name}` is not usable as the person wrote it: {error}."
            ) from error
        if not words:
            raise ToolFailed(f"The check `{name}` is empty; only the person can change that.")
        return words

    def key(self, name: str, texts: Mapping[str, str | None]) -> str:
        """What a consent is for: this command on this proposal."""
        digest = hashlib.blake2b(digest_size=16)
        for part in (
            name,
            self.commands.get(name, ""),
            *(repr(item) for item in sorted(texts.items())),
        ):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()

    def run(self, name: str, scratch: Scratch) -> process.Finished:
        """Runs a check in a scratch copy, in a thread of the caller's.

        Raises:
            ToolFailed: There is no such check, or its program cannot be started.
        """
        words = self.words(name)
        try:
            return process.run(
                sandbox.wrapped(words, scratch.root, scratch.folder, scratch.linked, self.hidden),
                cwd=scratch.root,
                environment=_environment(scratch),
                timeout=self.seconds,
                limit=_HEAD_BYTES,
                tail=_TAIL_BYTES,
                together=True,
                with_descendants=True,
            )
        except OSError as error:
            raise ToolFailed(
                f"`{words[0]}` could not be started: {error.strerror}.", error.errno
            ) from error


def _environment(scratch: Scratch) -> dict[str, str]:
    found = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    found |= {
        "PATH": found.get("PATH", os.defpath),
        "HOME": str(scratch.home),
        "TMPDIR": str(scratch.temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "CI": "1",
    }
    if scratch.import_paths:
        found["PYTHONPATH"] = os.pathsep.join(str(path) for path in scratch.import_paths)
    return found
