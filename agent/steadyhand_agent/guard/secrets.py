"""Secrets in texts: found, hidden behind placeholders, and put back where an edit carries them.

Owns what a secret looks like and what stands for it. A placeholder is a keyed hash of the secret,
so the same secret always has the same one and nobody can try guesses without the installation's
key; nothing is kept, the way back is found again in the text that is edited. Never decides what
may be read: that is `paths`.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from steadyhand_agent.errors import JournalError, ToolFailed
from steadyhand_agent.guard.secret_forms import (
    AFTER_BARE,
    ASSIGNED,
    AUTHORIZATION,
    BARE_REST,
    FLAG,
    FORMS,
    HEADER,
    KEYWORDS,
    NETRC,
    PRIVATE,
    PUTTY,
    URL,
    USER,
    WEB_KEY,
)

PLACEHOLDER = re.compile(r"\[secret:[0-9a-f]{12}\]")
KEY_FILE = "redaction.key"
_KEY_BYTES = 32

_TRIVIAL = re.compile(
    r"example|sample|placeholder|change.?me|your|dummy|fake|test|demo|fixture|redacted|todo|"
    r"passw|secret|token|hunter|foo|bar|xxx|\*\*\*|\.\.\.|1234|abcd",
    re.IGNORECASE,
)
# Something else is put in its place, or it is a sentence. One sign alone is part of a password.
_TEMPLATE = re.compile(r"\s|[{}]|^<|>$|\$\(|^\$|\$[A-Z][A-Z0-9_]{2,}|%\(\w+\)s|%[sdr]$|^%\w+%$")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
# By chance a random text of this length holds one of the words above.
_LONG = 60
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_WORDS = frozenset(
    {
        "pass", "admin", "root", "guest", "user", "postgres", "mysql", "redis", "rabbit", "none",
        "null", "true", "false",
    }
)  # fmt: skip
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PLACE = re.compile(r"[.~]{0,2}/|[a-z]+://|[A-Za-z]:\\")
_CHUNK = re.compile(r"[A-Za-z0-9+/=]{4,}")
_KEY_LINE = re.compile(r"(?m)^[+ -]?[ \t]*([A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70})\r?$")
_TRIES = 20
_KEY_HEADER = re.compile(r"[A-Za-z-]+: ")
# Lines of the longest private key that anybody uses, with room.
_LONGEST_KEY = 20_000

_RUN = b"x" * 20
_BEFORE_RUN = 70
_CLASSES = bytes(
    ord("x") if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "_-") else ord(" ")
    for c in range(256)
)

Span = tuple[int, int]


class Secrets:
    """Hides secrets and puts them back.

    Args:
        key: Of this installation; another key gives other placeholders.
        known: Secrets that are known as such, whatever they look like: values of `.env`, API keys.
    """

    def __init__(self, key: bytes, known: Callable[[], Iterable[str]] = tuple) -> None:
        self._key = key
        self._known = known

    def hide(self, text: str) -> str:
        """The text with a placeholder for each secret; its lines stay where they are."""
        return self._hidden(text, self._known())

    def hiding(self) -> Callable[[str], str]:
        """`hide` with what is known as of now, for many texts: to ask looks into folders."""
        known = tuple(self._known())
        return lambda text: self._hidden(text, known)

    def _hidden(self, text: str, known: Iterable[str]) -> str:
        spans = find(text, known)
        if not spans:
            return text
        parts: list[str] = []
        at = 0
        for start, end in spans:
            parts += [text[at:start], self._placeholder(text[start:end])]
            at = end
        return "".join([*parts, text[at:]])

    def reveal(self, text: str, *sources: str) -> str:
        """The text with the secrets of `sources` in the place of their placeholders.

        Raises:
            ToolFailed: A placeholder stands for none of them.
        """
        wanted = set(PLACEHOLDER.findall(text))
        if not wanted:
            return text
        known: dict[str, str] = {}
        for source in sources:
            for start, end in find(source, self._known()):
                known[self._placeholder(source[start:end])] = source[start:end]
            # A text about placeholders means them literally.
            for name in wanted:
                if name in source:
                    known.setdefault(name, name)
        for name in sorted(wanted - known.keys()):
            raise ToolFailed(
                f"`{name}` stands for a secret that is not in this file, so it cannot be written "
                "here, and nothing was changed. Leave secrets where they are: refer to the "
                "variable or setting that holds this one."
            )
        return PLACEHOLDER.sub(lambda match: known[match[0]], text)

    def _placeholder(self, secret: str) -> str:
        data = secret.encode("utf-8", "surrogatepass")
        return f"[secret:{hashlib.blake2b(data, key=self._key, digest_size=6).hexdigest()}]"


def find(text: str, known: Iterable[str] = ()) -> list[Span]:
    """Where the secrets of a text are, in order, none over another."""
    found = [*_of_forms(text), *_private_keys(text), *_in_urls(text), *_in_headers(text)]
    found += [*_assigned(text), *_keys_in_diffs(text), *_given(text), *_web_keys(text)]
    for value in known:
        found += [(at, at + len(value)) for at in _places(text, value)]
    if not found:
        return []
    spans: list[Span] = []
    for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
        # What is hidden already is no secret any more.
        if (not spans or start >= spans[-1][1]) and not PLACEHOLDER.search(
            text, start - 1, end + 1
        ):
            spans.append((start, end))
    return spans


def installation_key(folder: Path) -> bytes:
    """The key that placeholders of this installation are made with; made when first asked for.

    Raises:
        JournalError: It can be neither read nor made.
    """
    path = folder / KEY_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = path.with_name(f"{KEY_FILE}.{os.getpid()}")
        if not path.exists():
            # Whole or not at all: of two processes that begin at once, one key counts.
            fd = os.open(made, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
            try:
                os.link(made, path)
            except FileExistsError:
                pass
            finally:
                made.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise JournalError(
            f"The key for hiding secrets, {path}, cannot be kept ({error}); no session can start. "
            "Set STEADYHAND_STATE_DIR to a folder that can be written."
        ) from error
    if len(key) != _KEY_BYTES:
        raise JournalError(
            f"The key for hiding secrets, {path}, is damaged; no session can start. Delete it: "
            "old placeholders are then no longer understood, and nothing else is lost."
        )
    return key


# --- what they look like --------------------------------------------------------------------------


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _of_forms(text: str) -> Iterator[Span]:
    """Tokens that say themselves what they are; each has a long run of letters and digits in it."""
    for start, end in _near_runs(text):
        near = text[start:end]
        for word, back, form in FORMS:
            if word not in near:
                continue
            for at in _places(near, word):
                # Where it may begin and nowhere else: to search on from each word takes its square.
                begins = range(max(0, start + at - back), start + at + 1)
                match = next(filter(None, (form.match(text, begin) for begin in begins)), None)
                if match is not None and "EXAMPLE" not in match[0]:
                    yield match.span(match.lastindex or 0)


def _near_runs(text: str) -> Iterator[Span]:
    """Parts of the text that end with a run and begin a little before one."""
    begins, ends = 0, -1
    for start, end in _runs(text):
        if ends >= 0 and start - _BEFORE_RUN > ends:
            yield begins, ends
            ends = -1
        begins, ends = (max(0, start - _BEFORE_RUN) if ends < 0 else begins), end
    if ends >= 0:
        yield begins, ends


def _runs(text: str) -> Iterator[Span]:
    """Where so many letters, digits, `_` and `-` follow each other that they can be a token."""
    # One byte a character: the classes are looked for at the speed of memory.
    classes = text.encode("latin-1", "replace").translate(_CLASSES)
    at = classes.find(_RUN)
    while at >= 0:
        end = classes.find(b" ", at)
        end = len(classes) if end < 0 else end
        yield at, end
        at = classes.find(_RUN, end)


def _private_keys(text: str) -> Iterator[Span]:
    """The lines between the borders of a private key, each by itself, so that lines keep theirs."""
    if "PRIVATE KEY" not in text:
        return
    borders = list(PRIVATE.finditer(text))
    for number, border in enumerate(borders):
        if border["side"] == "BEGIN":
            start = border.end()
            following = borders[number + 1] if number + 1 < len(borders) else None
            end = following.start() if following else min(len(text), start + _LONGEST_KEY)
            if following is None:
                gap = re.compile(r"\n[ \t]*\n[ \t]*\S").search(text, start + 200)
                end = min(end, gap.start()) if gap else end
        elif number == 0 or borders[number - 1]["side"] == "END":
            start, end = max(0, border.start() - _LONGEST_KEY), border.start()
            start = max(start, borders[number - 1].end() if number else 0)
        else:
            continue
        # Only the border's end was read: what stands right above it in whole lines is the key.
        tail = border["side"] == "END"
        for line in re.compile(r"(?:\\n|[^\n\\])+").finditer(text, start, end):
            if not _KEY_HEADER.search(line[0]):
                yield from _chunks(line, least=40 if tail else 4)


def _keys_in_diffs(text: str) -> Iterator[Span]:
    """Lines out of the middle of a key, as a diff's hunk shows them: no border tells of them."""
    if "\n@@ -" not in text and not text.startswith("@@ -"):
        return
    lines = list(_KEY_LINE.finditer(text))
    for number, line in enumerate(lines):
        near = lines[max(0, number - 1) : number + 2]
        beside = [a.end() + 1 >= b.start() for a, b in pairwise(near)]
        if any(beside) and {"d", "u", "l"} <= {_kind(c) for c in line[1]}:
            yield line.span(1)


def _chunks(line: re.Match[str], least: int) -> Iterator[Span]:
    for part in re.compile(r"(?:(?!\\n)[^\s\"'\\])+").finditer(line.string, *line.span()):
        for chunk in _CHUNK.finditer(line.string, *part.span()):
            if chunk.end() - chunk.start() >= least:
                yield chunk.span()


def _in_urls(text: str) -> Iterator[Span]:
    """The password of `scheme://user:password@host`, or a token in the place of the user."""
    for at in _places(text, "://"):
        match = URL.match(text, at)
        if match is None:
            continue
        if match[2]:
            if _random(match[2]):
                yield match.span(2)
        elif not _trivial(_ENCODED.sub("%", match[1])) and match[1].lower() not in _WORDS:
            yield match.span(1)


def _in_headers(text: str) -> Iterator[Span]:
    """What follows `Bearer` or `Basic`, or `Authorization` by any scheme."""
    for word, form in _HEADERS:
        for at in _places(text, word):
            match = form.match(text, at)
            if match and _random(match[1]):
                yield match.span(1)


def _given(text: str) -> Iterator[Span]:
    """What a program is given as an argument, and a line of `.netrc`."""
    for word, form, least in _GIVEN:
        for at in _places(text, word):
            match = form.match(text, at)
            if match is None or _UUID.fullmatch(match[1]):
                continue
            if _random(match[1]) or _chosen(match[1], least):
                yield match.span(1)


def _web_keys(text: str) -> Iterator[Span]:
    """The private parts of a JSON Web Key, and of a key in PuTTY's form."""
    if '"kty"' in text:
        yield from (match.span(1) for match in WEB_KEY.finditer(text) if _random(match[1]))
    for at in _places(text, "Private-Lines: "):
        if match := PUTTY.match(text, at):
            yield from (part.span() for part in re.compile(r"\S+").finditer(text, *match.span(1)))


_HEADERS = (
    ("earer ", HEADER), ("asic ", HEADER), ("EARER ", HEADER), ("ASIC ", HEADER),
    ("uthorization", AUTHORIZATION), ("UTHORIZATION", AUTHORIZATION),
)  # fmt: skip
# The word, the form, and how much a value must look like a password.
_GIVEN = (("--", FLAG, 3), (" -u", USER, 3), (" --user", USER, 3), ("login ", NETRC, 1))


def _assigned(text: str) -> Iterator[Span]:
    """Values given to names that speak of secrets, where they look as if nobody chose them."""
    low = text.lower()
    if len(low) != len(text):  # A letter whose small form is longer moves all that follows.
        low = "".join(c.lower() if c.isascii() else c for c in text)
    # A bare value may hold words of its own, each of which would look at its rest again.
    tried = Counter[int]()
    for word in KEYWORDS:
        closed = 0
        for at in _places(low, word):
            match = ASSIGNED.match(text, at) if at >= closed else None
            if match is None:
                continue
            group = "quoted" if match["quoted"] is not None else "bare"
            if group == "bare":
                rest = BARE_REST.match(text, match.end())
                end = rest.end() if rest else match.end()
                tried[end] += 1
                closed = end if tried[end] > _TRIES else closed
                if at < closed or end > match.end() or not AFTER_BARE.match(text, end):
                    continue
            name = match["name"].lower()
            if _is_secret(name, match[group], quoted=group == "quoted", weak=bool(match["weak"])):
                yield match.span(group)


def _is_secret(name: str, value: str, *, quoted: bool, weak: bool) -> bool:
    word = name.startswith(("pass", "pwd"))
    if _UUID.fullmatch(value) and "secret" not in name and not word:
        return False
    if _random(value):
        # In brackets may stand the name of a secret, not the secret.
        return word or len(value) >= (20 if weak else 0 if quoted else 16)
    return quoted and word and _chosen(value, least=3 if weak else 2)


def _chosen(value: str, least: int) -> bool:
    """A password that a person chose: neither a word nor one that says it is none."""
    kinds = (
        any(c.isdigit() for c in value),
        any(c.isupper() for c in value) and any(c.islower() for c in value),
        any(not c.isalnum() and c not in "-_." for c in value),
    )
    return sum(kinds) >= least and not _trivial(value) and not _PLACE.match(value)


def _trivial(value: str) -> bool:
    return bool(_TEMPLATE.search(value) or (len(value) < _LONG and _TRIVIAL.search(value)))


def _random(value: str) -> bool:
    """True where characters follow each other as no word and no name lets them."""
    if len(value) < 10 or _trivial(value):
        return False
    # Letters without a digit are a name, unless they are many and their case jumps about.
    digits = any(c.isdigit() for c in value)
    if not digits and len(value) < 20:
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    if entropy < min(3.2, math.log2(len(value)) - 0.6):
        return False
    if _HEX.fullmatch(value):
        return True
    kinds = [_kind(c) for c in value]
    jumps = sum(a != b for a, b in pairwise(kinds) if a and b)
    # Base64 may begin as a path does; a path's case does not jump about as much.
    place = bool(_PLACE.match(value))
    if place and not {"d", "u", "l"} <= set(kinds):
        return False
    return jumps >= (0.45 if place else 0.26 if digits else 0.4) * (len(value) - 1)


def _kind(char: str) -> str:
    if char.isalpha():
        return "u" if char.isupper() else "l"
    return "d" if char.isdigit() else "p" if char in "!@#$%^&*?|" else ""
