"""The workspace that the editors open: Django with one more file, and the servers that read it.

Owns what is to be found in that file, where, and by which server. Knows nothing of editors.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import corpora
import live
import peers
from our_server import SERVER, environment

_FILE = "django/utils/probe.py"
_HEAD = '''"""Something to report and to mend for either server."""

import datetime

from django.utils.dateparse import (
    iso8601_duration_re,
    postgres_interval_re,
    standard_duration_re,
)


def _token():
    return get_random_string(12)


'''
_COPY = "_read_duration"
_MISSING = "get_random_string"


@dataclass(frozen=True)
class Place:
    """Where the cursor stands when the menu is asked for.

    Attributes:
        line: From 1.
        column: From 1.
        title: How the title of the action begins that is waited for.
        label: What the action does, for the table.
    """

    line: int
    column: int
    title: str
    label: str


@dataclass(frozen=True)
class Server:
    """A language server in a state.

    Attributes:
        label: Its name and what it knows when it starts.
        command: How it is started.
        environment: Beside the editor's own.
        places: Where it has something to mend, in the order in which they are visited.
    """

    label: str
    command: Sequence[str]
    environment: Mapping[str, str]
    places: Sequence[Place]

    @property
    def mark(self) -> str:
        """The word of the command that tells its process from others."""
        return self.command[-2]


@dataclass(frozen=True)
class Menu:
    """What the key did at one place, in seconds to the menu.

    Attributes:
        first: The first press; None with an editor that had asked by itself before it.
        again: Those after it.
    """

    first: float | None
    again: Sequence[float]


@dataclass(frozen=True)
class Seen:
    """What one run of an editor showed, in seconds.

    Attributes:
        text: From the start to the file's text.
        server: From the start until the editor starts the server.
        diagnostic: From the start to the first diagnostic.
        menus: One for each place of the server.
    """

    text: float
    server: float
    diagnostic: float
    menus: Sequence[Menu]


@dataclass(frozen=True)
class Workspace:
    """A checkout of Django with the probe in it."""

    root: Path

    @property
    def file(self) -> Path:
        """The probe."""
        return self.root / _FILE

    def servers(self, fresh: Path, known: Path) -> list[Server]:
        """The servers to be compared: ours without and with what it wrote before, and a peer."""
        command, settings = peers.basedpyright()
        use = [self._place(f"def {_COPY}", _COPY, "Use `parse_duration`", "use the existing one")]
        mend = [
            self._place(f"return {_MISSING}", _MISSING, "from django.utils", "import it"),
            self._place(f"def {_COPY}", _COPY, "Add `# pyright: ignore", "ignore it, by a comment"),
        ]
        return [
            Server("Steadyhand, cold", SERVER, environment(fresh), use),
            Server("Steadyhand, warm", SERVER, environment(known), use),
            Server("basedpyright", command, settings, mend),
        ]

    def _place(self, line: str, word: str, title: str, label: str) -> Place:
        lines = self.file.read_text("utf-8").splitlines()
        number = next(n for n, text in enumerate(lines) if line in text)
        return Place(number + 1, lines[number].index(word) + 2, title, label)


def made(root: Path) -> Workspace:
    """Copies Django and puts the probe into it; all of it is committed, as it is with a person."""
    django = corpora.django()
    shutil.copytree(django.root, root)
    _, copied = peers.copy_of(django)
    workspace = Workspace(root)
    workspace.file.write_text(_HEAD + copied.replace("parse_duration", _COPY, 1), "utf-8")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "Django"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return workspace


async def indexed(workspace: Workspace, known: Path) -> None:
    """Has our server read the workspace once, so that the next one starts from what it wrote."""
    async with live.started(SERVER, workspace.root, environment(known)) as (client, _):
        uri = await client.open(workspace.file)
        await client.wait_for(
            lambda method, params: (
                method == "textDocument/publishDiagnostics"
                and params["uri"] == uri
                and bool(params["diagnostics"])
            ),
            120,
        )
        await live.quiet(client.process.pid)


def of_a_stranger(home: Path, server: Server) -> dict[str, str]:
    """The environment of an editor whose user has settings of no kind."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STEADYHAND_", "VSCODE_", "XDG_"))
    }
    return {**inherited, "HOME": str(home), **server.environment}
