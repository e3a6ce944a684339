"""Atom feeds."""

import datetime
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from pressroom.config import SiteConfig
from pressroom.post import Post

ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"

_EPOCH = datetime.date(1970, 1, 1)


def _feed_slug(text: str) -> str:
    """Make text safe to use in feed ids and file names."""
    normal = unicodedata.normalize("NFKD", text)
    letters = normal.encode("ascii", "ignore").decode("ascii")
    small = letters.lower()
    # Runs of spaces and punctuation become one dash.
    joined = re.sub(r"[^a-z0-9]+", "-", small)
    result = joined.strip("-")
    return result


def feed_path(tag: str | None = None) -> str:
    """Return where the feed of a tag, or of the whole site, is written."""
    if tag is None:
        return "feed.xml"
    return f"feeds/{_feed_slug(tag)}.xml"


def entry_id(config: SiteConfig, post: Post) -> str:
    """Return a tag URI that stays the same when the site moves its pages."""
    name = _feed_slug(post.slug_override or post.title)
    return f"tag:{config.host},{post.date.isoformat()}:{name}"


def render_atom(config: SiteConfig, posts: Sequence[Post], tag: str | None = None) -> str:
    """Render an Atom feed of the first posts given, newest first."""
    shown = posts[: config.feed_size]
    address = config.absolute(feed_path(tag))
    feed = ET.Element("feed", {"xmlns": ATOM_NAMESPACE, "xml:lang": config.language})
    _add(feed, "title", config.title if tag is None else f"{config.title}: {tag}")
    if config.description:
        _add(feed, "subtitle", config.description)
    _add(feed, "id", address)
    _add(feed, "link", rel="self", href=address)
    _add(feed, "link", rel="alternate", href=config.absolute("index.html"))
    _add(feed, "updated", _timestamp(max((post.date for post in shown), default=_EPOCH)))
    _add(_add(feed, "author"), "name", config.title)
    for post in shown:
        feed.append(_atom_entry(config, post))
    ET.indent(feed)
    document = ET.tostring(feed, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{document}\n'


def _atom_entry(config: SiteConfig, post: Post) -> ET.Element:
    """Build the Atom entry of one post."""
    entry = ET.Element("entry")
    _add(entry, "title", post.title)
    _add(entry, "id", entry_id(config, post))
    _add(entry, "link", rel="alternate", href=config.absolute(post.path))
    _add(entry, "published", _timestamp(post.date))
    _add(entry, "updated", _timestamp(post.date))
    for tag in post.tags:
        _add(entry, "category", term=tag)
    _add(entry, "summary", post.description)
    _add(entry, "content", post.html(), type="html")
    return entry


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    """Append a child element and return it."""
    child = ET.SubElement(parent, name, attributes)
    child.text = text
    return child


def _timestamp(day: datetime.date) -> str:
    """Return midnight UTC of a day in RFC 3339 form."""
    return f"{day.isoformat()}T00:00:00Z"
