"""Which workspaces' `steadyhand.toml` may name commands: the person's word, kept on this machine.

Owns the file `trust.json` in the state directory (0600): per real path of a workspace, the hash of
the very settings that were trusted. Another word in them, and the person is asked again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from steadyhand_agent.errors import SettingsError
from steadyhand_agent.guard.visible import visible_line

Json = dict[str, Any]
_FILE = "trust.json"


def digest(wanted: Json) -> str:
    """What trust in these settings hangs on."""
    text = json.dumps(wanted, sort_keys=True, ensure_ascii=True, default=repr)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def holds(state: Path, root: Path, wanted: Json) -> bool:
    """True where the person trusted these settings of this workspace, and no word has changed."""
    return _read(state).get(str(root.resolve())) == digest(wanted)


def give(state: Path, root: Path, wanted: Json) -> None:
    """Keeps the person's word.

    Raises:
        SettingsError: It could not be kept.
    """
    known = _read(state)
    known[str(root.resolve())] = digest(wanted)
    _write(state, known)


def take_back(state: Path, root: Path) -> bool:
    """Forgets it; returns whether there was anything to forget.

    Raises:
        SettingsError: It could not be kept.
    """
    known = _read(state)
    there = known.pop(str(root.resolve()), None) is not None
    if there:
        _write(state, known)
    return there


def sentence(wanted: Json) -> str:
    """What would be trusted, in words: validated settings, on one line, nothing unseen."""
    parts = [f"{name} = {command}" for name, command in wanted.get("checks", {}).items()]
    if paths := wanted.get("check_paths"):
        parts.append(f"copies of {', '.join(paths)}")
    return "; ".join(map(visible_line, parts))


def question(root: Path, wanted: Json) -> str:
    """What the person is asked before their word is kept."""
    return (
        f"Let the agent run what {visible_line(root.name)}/steadyhand.toml names "
        f"({sentence(wanted)})? A changed word in it asks you again."
    )


def _read(state: Path) -> dict[str, str]:
    """What is kept; a file that cannot be read trusts nobody."""
    try:
        found = json.loads((state / _FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _write(state: Path, known: dict[str, str]) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made 0600, and moved over the old one: it is never half written.
        fd, name = tempfile.mkstemp(dir=state, prefix=f".{_FILE}.")
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1, sort_keys=True)
        Path(name).replace(state / _FILE)
    except OSError as error:
        raise SettingsError(
            "state_dir", str(state), f"trust could not be kept there ({error.strerror})."
        ) from error
