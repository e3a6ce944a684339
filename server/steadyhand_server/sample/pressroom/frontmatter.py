"""The ``key: value`` block at the top of a post."""

import datetime
import re
from dataclasses import dataclass, field

from pressroom.errors import FrontMatterError

FENCE = "---"

_FIELD = re.compile(r"([A-Za-z][\w-]*)\s*:(?:\s+(.*))?$")


@dataclass(frozen=True)
class FrontMatter:
    """The fields of a post, with typed access to their values."""

    fields: dict[str, str] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return a value without its quotes, or an empty string."""
        value = self.fields.get(key, "")
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            return value[1:-1]
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """Return a comma separated list, each item once and in order."""
        value = self.fields.get(key, "")
        if value.startswith("[") and value.endswith("]"):
            value = value[1:-1]
        items = (item.strip().strip("\"'") for item in value.split(","))
        return tuple(dict.fromkeys(item for item in items if item))

    def day(self, key: str) -> datetime.date:
        """Return an ISO date, which must be there."""
        value = self.text(key)
        if not value:
            raise FrontMatterError(f"{key!r} is missing")
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            raise FrontMatterError(f"{key!r} is not a date: {value!r}") from None


def split_front_matter(source: str) -> tuple[FrontMatter, str]:
    """Split the source of a post into its front matter and its body."""
    lines = source.splitlines()
    if not lines or lines[0].rstrip() != FENCE:
        raise FrontMatterError(f"line 1: a post must start with {FENCE!r}")
    fields: dict[str, str] = {}
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() == FENCE:
            body = "\n".join(lines[number:]).strip("\n")
            return FrontMatter(fields), body
        if not line.strip() or line.startswith("#"):
            continue
        match = _FIELD.match(line.rstrip())
        if match is None:
            raise FrontMatterError(f"line {number}: expected 'key: value', found {line!r}")
        key = match[1].lower()
        if key in fields:
            raise FrontMatterError(f"line {number}: {key!r} is given twice")
        fields[key] = (match[2] or "").strip()
    raise FrontMatterError(f"the closing {FENCE!r} is missing")
