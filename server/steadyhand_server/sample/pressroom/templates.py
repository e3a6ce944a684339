"""The HTML that all pages share."""

import posixpath
from collections.abc import Iterable
from html import escape
from string import Template

from pressroom.config import SiteConfig
from pressroom.post import Post

STYLESHEET_PATH = "style.css"

STYLESHEET = """\
body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font: 1.05rem/1.6 serif; }
header, time, .meta { font-family: sans-serif; font-size: 0.85rem; color: #555; }
header a { margin-right: 1rem; }
pre { padding: 0.75rem; overflow-x: auto; background: #f4f4f0; }
blockquote { margin-left: 0; padding-left: 1rem; border-left: 3px solid #ccc; }
ul.posts { padding: 0; list-style: none; }
"""

_LAYOUT = Template(
    """\
<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<meta name="description" content="$description">
<link rel="canonical" href="$canonical">
<link rel="stylesheet" href="$stylesheet">
<link rel="alternate" type="application/atom+xml" href="$feed">
</head>
<body>
<header>
<a href="$home">$site</a>
<a href="$archive">Archive</a>
<a href="$tags">Tags</a>
</header>
<main>
$content
</main>
</body>
</html>
"""
)


def relative_link(page: str, target: str) -> str:
    """Return the link from one output path to another."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def render_layout(
    config: SiteConfig, path: str, content: str, title: str = "", description: str = ""
) -> str:
    """Put the content of a page into the layout of the site."""
    full_title = f"{title} - {config.title}" if title else config.title
    return _LAYOUT.substitute(
        language=escape(config.language),
        title=escape(full_title),
        description=escape(description or config.description),
        canonical=escape(config.absolute(path)),
        stylesheet=relative_link(path, STYLESHEET_PATH),
        feed=relative_link(path, "feed.xml"),
        home=relative_link(path, "index.html"),
        archive=relative_link(path, "archive.html"),
        tags=relative_link(path, "tags.html"),
        site=escape(config.title),
        content=content,
    )


def render_date(post: Post) -> str:
    """Render the date of a post."""
    day = post.date
    return f'<time datetime="{day.isoformat()}">{day.day} {day:%B} {day.year}</time>'


def render_post_list(page: str, posts: Iterable[Post]) -> str:
    """Render dates and titles, as links from a page."""
    rows = [
        f'<li>{render_date(post)} <a href="{relative_link(page, post.path)}">'
        f"{escape(post.title)}</a></li>"
        for post in posts
    ]
    return "\n".join(['<ul class="posts">', *rows, "</ul>"])
