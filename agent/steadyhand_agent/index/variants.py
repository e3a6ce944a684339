"""What the path of a file says about it: which files are one, and which are beside the code.

Owns the names of folders and files by which a platform takes its own of several, a build leaves its
output, and examples lie beside what they show. Never opens a file.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PLATFORM = re.compile(
    r"(?<![a-z0-9])(?:nt|posix|unix|linux|win(?:32|64|dows)?|darwin|macos|mac|osx|android|ios"
    r"|(?:free|net|open)bsd|browser|node|amd64|arm64|x86|x64|wasm)(?=path|[^a-z]|$)"
)

# What a bundler or a compiler of JavaScript leaves: whole folders that nobody writes by hand.
_MADE = r"dist(?:[-_.]\w+)*|lib[-_.](?:esm?|cjs|umd|amd|commonjs|module)|_?f?esm(?:5|20\d\d)"
_OUTPUT = re.compile(rf"(?:(?!src/)[^/]+/)*?(?:{_MADE})/")
# These may just as well hold what makes the build; nothing that is made lies below sources.
_BUILD = re.compile(r"(?!(?:.*/)?src/)(?:[^/]+/)*(?:build|out)/")
# What says of a path how it was built, and not what it is.
_FORM = re.compile(
    rf"(?<![^/])(?:{_MADE}|build|out|lib(?=/(?:esm?|cjs|umd|amd)/)|_?f?esm?(?:next|\d+)?|cjs|umd"
    r"|amd|commonjs)/"
)
_FORMED = re.compile(r"(?:\.(?:esm?|cjs|umd|amd|iife|min|d|development|production))+(?=\.\w+$)")
_SOURCES = re.compile(r"(?<![^/])src/")
# The same path in both may be what a compiler made of the other, unless each is in TypeScript.
_TREES = re.compile(r"(?<![^/])(?:src|lib)/")
_COMPILED = re.compile(r"(?:.*/)?lib/.*(?:\.[cm]?jsx?|\.d\.[cm]?ts)")
_SUFFIX = re.compile(r"\.[cm]?[jt]sx?$")
# Bundlers take one of these by the platform, `button.ios.js` before `button.js`.
_TAKEN = re.compile(
    r"(?:\.(?:web|native|android|ios|windows|macos|browser|node|deno|electron))+(?=\.[cm]?[jt]sx?$)"
)

# What shows, measures or serves the code, and nobody imports; below sources it is a part of them.
_BESIDE = re.compile(
    r"(?:(?!src/)[^/]+/)*?(?:(?:examples?|samples?|demos?|docs?|tutorials?|snippets|playgrounds?"
    r"|bench|benches|benchmarks?|scripts)|dist|(?:build|out)(?!/(?:.*/)?src/))/",
    re.IGNORECASE,
)


def of_platforms(path: str, other: str) -> bool:
    """True where two paths differ by the platform alone: only one of them is ever in use."""
    return path != other and _placeless(path) == _placeless(other)


# The same few paths are asked for again and again, once for each pair of definitions.
@lru_cache(maxsize=4_096)
def _placeless(path: str) -> str:
    return _PLATFORM.sub("*", path.lower())


@lru_cache(maxsize=4_096)
def built(path: str) -> bool:
    """True for JavaScript that a tool made of other files, though no comment says so.

    Args:
        path: A file of JavaScript or TypeScript.
    """
    return _OUTPUT.match(path) is not None


def of_one_source(path: str, other: str) -> bool:
    """True where two files are made of one, or the one of the other.

    Args:
        path: A file of JavaScript or TypeScript.
        other: Another one.
    """
    if _TAKEN.sub("", path) == _TAKEN.sub("", other):
        return True
    if (_BUILD.match(path) is None) != (_BUILD.match(other) is None):
        # A bundle has all that it was made of.
        return True
    ours, theirs = _formless(path), _formless(other)
    if ours == theirs:
        return True
    if _TREES.sub("*/", ours, 1) == _TREES.sub("*/", theirs, 1):
        return any(_COMPILED.fullmatch(p) for p in (path, other))
    made = (ours, theirs) != (_SUFFIX.sub("", path), _SUFFIX.sub("", other))
    return made and _SOURCES.sub("", ours) == _SOURCES.sub("", theirs)


@lru_cache(maxsize=4_096)
def _formless(path: str) -> str:
    return _SUFFIX.sub("", _FORMED.sub("", _FORM.sub("", path)))


@lru_cache(maxsize=4_096)
def beside(path: str) -> bool:
    """True for what lies beside the code, in whichever language: examples, scripts, what was built.

    Args:
        path: A workspace path.
    """
    return _BESIDE.match(path) is not None
