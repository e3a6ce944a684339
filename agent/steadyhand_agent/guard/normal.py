"""What two actions or two results have in common once what changes by itself is taken away.

Owns the words of volatility: times, durations, ids, line numbers. Never decides what a likeness
means: that is the loop guard's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

# Of a longer result only the head and the tail are looked at closely, so that the cost stays flat.
_CLOSELY = 4_000
_FIGURES = str.maketrans("", "", "0123456789abcdefABCDEF")
_VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"  # a date
    r"|\b\d\d:\d\d:\d\d(?:[.,]\d+)?"  # a time of day
    r"|\b\d+(?:\.\d+)?\s?(?:ms|µs|us|ns|s|secs?|seconds?|min|minutes?)\b"  # a duration
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"  # a UUID
    r"|\b0x[0-9a-f]+\b"  # an address
    r"|\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b"  # an object name
    r"|\b(?:lines?|col(?:umn)?|attempt|try|pid|port)[ :=#]*\d+(?:\s?-\s?\d+)?"
    r"|(?<=[\w)\]]):\d+(?::\d+)?\b"  # path:line:column
    r"|(?:/tmp|/var/folders)/[^\s'\"`:,)]+",
    re.IGNORECASE,
)
# How many failed is what a person looks at first, so these figures are never taken away.
_FIGURE = re.compile(
    r"(?<!\d)\d++(?![\d.]*+\s*+(?:/|of\b|failed|failures?|passed|errors?|warnings?|tests?|problems?))"
)
_EMPTIED = re.compile(r"[(\[]~[)\]]")
_SPACE = re.compile(r"\s+")


def steady(text: str) -> str:
    """A text without times, durations, ids and line numbers; its other figures stay."""
    if len(text) > _CLOSELY:
        half = _CLOSELY // 2
        middle = text[half:-half].translate(_FIGURES).encode("utf-8", "replace")
        text = f"{text[:half]} {_digest(middle)} {text[-half:]}"
    return _SPACE.sub(" ", _EMPTIED.sub("", _VOLATILE.sub("~", text))).strip()


def bare(text: str) -> str:
    """The same without figures and case, but for how many passed and failed."""
    return _FIGURE.sub("#", steady(text)).casefold()


def without_arguments(text: str, arguments: Mapping[str, Any]) -> str:
    """A result that does not repeat what it was asked: an error that quotes is still the same."""
    given = {str(v) for k, v in arguments.items() if isinstance(v, str) and k != "reason"}
    for value in sorted(given, key=len, reverse=True):
        if 3 <= len(value) <= 400:
            text = text.replace(value, "<given>")
    return text


def action(tool: str, arguments: Mapping[str, Any]) -> str:
    """What makes two actions the same: all but the words that explain them."""
    plain = {k: v for k, v in arguments.items() if k != "reason"}
    return f"{tool} {steady(json.dumps(plain, sort_keys=True, default=repr))}"


def _digest(data: bytes) -> str:
    """Letters alone: what tells one middle from another must not pass for an object's name."""
    digits = hashlib.blake2b(data, digest_size=8).hexdigest()
    return digits.translate(str.maketrans("0123456789abcdef", "ghijklmnopqrstuv"))
