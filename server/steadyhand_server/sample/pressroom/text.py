"""Plain text helpers."""

import re
import unicodedata

WORDS_PER_MINUTE = 220

_SKIPPED = re.compile(
    r"^```.*?^```[ \t]*$|^-{3,}[ \t]*$|^#{1,6}[ \t].*?$|!\[[^\]]*\]\([^)]*\)",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_LINE_MARK = re.compile(r"^\s*(?:>|[-*+]|\d+\.)\s+", re.MULTILINE)
_SPAN_MARK = re.compile(r"[*`]+")


def slugify(title: str) -> str:
    """Return a title as lowercase ASCII words joined by single dashes."""
    decomposed = unicodedata.normalize("NFKD", title)
    # Combining accents are separate characters now, and are dropped here.
    plain = decomposed.encode("ascii", "ignore").decode("ascii")
    lowered = plain.lower()
    dashed = re.sub(r"[^a-z0-9]+", "-", lowered)
    slug = dashed.strip("-")
    return slug


def plain_text(markup: str) -> str:
    """Return markup as one line of text, without headings, code blocks and images."""
    text = _SKIPPED.sub(" ", markup)
    text = _LINK.sub(r"\1", text)
    text = _LINE_MARK.sub("", text)
    text = _SPAN_MARK.sub("", text)
    return " ".join(text.split())


def excerpt(markup: str, limit: int = 160) -> str:
    """Return the start of the text, cut between words to at most *limit* characters."""
    text = plain_text(markup)
    if len(text) <= limit:
        return text
    room = limit - len("...")
    head = text[: room + 1]
    cut = head.rfind(" ")
    if cut <= 0:
        cut = room
    return head[:cut].rstrip(" ,;:.-") + "..."


def word_count(markup: str) -> int:
    """Count the words a reader would see."""
    return len(plain_text(markup).split())


def reading_minutes(markup: str) -> int:
    """Estimate the reading time in whole minutes, never less than one."""
    return max(1, round(word_count(markup) / WORDS_PER_MINUTE))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 post``, ``2 posts``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
