"""Characters that nobody sees, made visible: controls, bidi overrides, zero widths, tags.

Owns which they are, how they are written (`<U+202E>`) and the way back. They can hide an
instruction from a person while a model reads it, or make a path look like another. What belongs to
a script or to an emoji stays: joiners between such letters, one variation selector.
"""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls but tab and line ends
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_ANY = re.compile(f"[{_UNSEEN}]|\r(?!\n)")
_NAMED = re.compile(r"<U\+([0-9A-F]{4,6})>")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")
_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe0e\ufe0f"


def visible(text: str) -> str:
    """The text with each unseen character written as `<U+XXXX>`."""
    return text if text.isascii() and text.isprintable() else _ANY.sub(_written, text)


def visible_line(text: str) -> str:
    """The same for what must stay on one line, such as a path: tabs and line ends too."""
    return re.sub(r"[\t\n\r]", lambda match: _name(match[0]), visible(text))


def without_colours(text: str) -> str:
    """A program's output without the codes that colour a terminal."""
    return _COLOUR.sub("", text)


def exact(text: str, source: str) -> str:
    """The text with the characters of `source` again where it has them written.

    What the source holds written out, or does not hold at all, is meant as it stands.
    """

    def again(match: re.Match[str]) -> str:
        number = int(match[1], 16)
        char = chr(number) if number < 0x110000 else ""
        known = char and char in source and _ANY.search(char) and match[0] not in source
        return char if known else match[0]

    return _NAMED.sub(again, text)


def written_again(text: str) -> str:
    """The text with every character that is written out; for names, where there is no source."""
    return _NAMED.sub(
        lambda match: chr(int(match[1], 16)) if int(match[1], 16) < 0x110000 else match[0], text
    )


def unseen(text: str) -> set[str]:
    """The unseen characters of a text, as they are written."""
    text = text.removeprefix("\ufeff")
    return {_name(m[0]) for m in _ANY.finditer(text) if _written(m) != m[0]}


def stripped(text: str) -> str:
    """The text without them: what a file system may take a name for."""
    return _ANY.sub("", text)


def _written(match: re.Match[str]) -> str:
    char, text = match[0], match.string
    before = text[match.start() - 1] if match.start() else ""
    after = text[match.end() : match.end() + 1]
    if char in _JOINERS and _joins(before) and _joins(after):
        return char
    if (
        char in _SELECTORS
        and before
        and not _ANY.match(before)
        and (_joins(before) or after == "\u20e3")
    ):
        return char
    return _name(char)


def _joins(char: str) -> bool:
    """True for letters and signs of scripts, and for emoji, that joiners are made for."""
    if not char or char.isascii():
        return False
    return unicodedata.category(char)[0] in "LMS" or char in _SELECTORS


def _name(char: str) -> str:
    return f"<U+{ord(char):04X}>"
