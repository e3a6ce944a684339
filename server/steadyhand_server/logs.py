"""Where the log goes: stderr for whoever started the server, and a rotating file that stays.

Owns the handlers and their levels. Never writes to stdout, which is the protocol's.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from logging.handlers import RotatingFileHandler
from pathlib import Path

_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_FILE_BYTES = 2_000_000
_KEPT_FILES = 3


def to_stderr() -> None:
    """Warnings and errors go to stderr; `STEADYHAND_LOG=INFO` makes it say more."""
    level = os.environ.get("STEADYHAND_LOG", "WARNING").upper()
    level = level if level in logging.getLevelNamesMapping() else "WARNING"
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    # A traceback repeats what a file or an endpoint said.
    handler.setFormatter(HidingFormatter(_FORM))
    _add(handler)


def to_file(state: Path) -> Path | None:
    """Everything from INFO on goes to a file, too; only the user can read it.

    Args:
        state: The state directory.

    Returns:
        The file; None where it cannot be written, which is logged.
    """
    path = state / "log" / "steadyhand.log"
    root = logging.getLogger()
    if any(getattr(h, "baseFilename", None) == str(path.absolute()) for h in root.handlers):
        return path
    try:
        # The mode is for the last of them alone.
        path.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = _PrivateFile(
            path, maxBytes=_FILE_BYTES, backupCount=_KEPT_FILES, encoding="utf-8", errors="replace"
        )
    except OSError as error:
        logging.getLogger(__name__).warning("there is no log file: %s", error)
        return None
    handler.setLevel(logging.INFO)
    handler.setFormatter(HidingFormatter(f"%(process)d {_FORM}"))
    _add(handler)
    return path


def _add(handler: logging.Handler) -> None:
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(min(logging.INFO, handler.level))
    # At INFO the HTTP client logs addresses, and what it is built on every byte's event.
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "anthropic", "openai", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # At INFO pygls logs whole bodies: people's source code, and keys they may have typed. It logs
    # refusals that a person was told of as errors with a traceback; real ones come through
    # `report_server_error`.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)


@cache
def _hide() -> Callable[[str], str]:
    # Eighty patterns, which nothing needs before there is a line to log.
    from steadyhand_agent.guard.secrets import Secrets

    return Secrets(os.urandom(32)).hide


class HidingFormatter(logging.Formatter):
    """A log's lines without secrets; their placeholders mean nothing outside this process."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole line, stack included."""
        return _hide()(super().format(record))


class _PrivateFile(RotatingFileHandler):
    """A rotating file that nobody else can read, whatever the umask says."""

    def _open(self):
        os.close(os.open(self.baseFilename, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        return super()._open()
