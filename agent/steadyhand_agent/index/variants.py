"""What the path of a file says about it: which files are one, and which are beside the code.

Owns the names of folders and files by which a platform takes its own of several, a build leaves its
output, and examples lie beside what they show. Never opens a file.
"""

from __future__ import annotations

import re

_PLATFORM = re.compile(
    r"(?<![a-z0-9])(?:nt|posix|unix|linux|win(?:32|64|dows)?|darwin|macos|mac|osx|android|ios"
    r"|(?:free|net|open)bsd|browser|node|amd64|arm64|x86|x64|wasm)(?=path|[^a-z]|$)"
)


def of_platforms(path: str, other: str) -> bool:
    """True where two paths differ by the platform alone: only one of them is ever in use."""
    return path != other and _PLATFORM.sub("*", path.lower()) == _PLATFORM.sub("*", other.lower())
