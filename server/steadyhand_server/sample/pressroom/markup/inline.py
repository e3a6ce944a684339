"""Markup within a line: emphasis, code, links and images."""

import re
from html import escape

_TOKEN = re.compile(
    r"""
    \\(?P<literal>[\\`*\[\]!\#])
    | `(?P<code>[^`]+)`
    | !\[(?P<alt>[^\]]*)\]\((?P<src>[^()\s]+)\)
    | \[(?P<label>[^\]]+)\]\((?P<href>[^()\s]+)\)
    | \*\*(?P<strong>\S(?:.*?\S)?)\*\*
    | \*(?P<em>[^*\s](?:[^*]*[^*\s])?)\*
    """,
    re.VERBOSE | re.DOTALL,
)


def render_inline(text: str) -> str:
    """Render the spans of a line or paragraph; everything else is escaped."""
    parts: list[str] = []
    position = 0
    for match in _TOKEN.finditer(text):
        parts.append(escape(text[position : match.start()], quote=False))
        parts.append(_render_span(match))
        position = match.end()
    parts.append(escape(text[position:], quote=False))
    return "".join(parts)


def _render_span(match: re.Match[str]) -> str:
    """Render one matched span."""
    if match["literal"]:
        return escape(match["literal"])
    if match["code"]:
        return f"<code>{escape(match['code'], quote=False)}</code>"
    if match["src"]:
        return f'<img src="{escape(match["src"])}" alt="{escape(match["alt"])}">'
    if match["href"]:
        label = render_inline(match["label"])
        return f'<a href="{escape(match["href"])}">{label}</a>'
    if match["strong"]:
        return f"<strong>{render_inline(match['strong'])}</strong>"
    return f"<em>{render_inline(match['em'])}</em>"
