"""The home page and the page of each post."""

from collections.abc import Sequence
from html import escape

from pressroom.config import SiteConfig
from pressroom.post import Post
from pressroom.tags import render_tag_links
from pressroom.templates import relative_link, render_date, render_layout
from pressroom.text import reading_minutes

HOME_PATH = "index.html"


def render_home(config: SiteConfig, posts: Sequence[Post]) -> str:
    """Render the home page, which shows the newest posts."""
    teasers = [_teaser(post) for post in posts[: config.home_size]]
    content = "\n".join(teasers) or "<p>Nothing here yet.</p>"
    return render_layout(config, HOME_PATH, content)


def render_post(config: SiteConfig, post: Post) -> str:
    """Render the page of a post."""
    meta = f"{render_date(post)}, {reading_minutes(post.body)} min"
    if post.tags:
        meta += f", {render_tag_links(post.path, post.tags)}"
    parts = [
        "<article>",
        f"<h1>{escape(post.title)}</h1>",
        f'<p class="meta">{meta}</p>',
        post.html(),
        "</article>",
    ]
    return render_layout(
        config, post.path, "\n".join(parts), title=post.title, description=post.description
    )


def _teaser(post: Post) -> str:
    """Render the title, date and description of a post on the home page."""
    link = relative_link(HOME_PATH, post.path)
    return (
        f'<article>\n<h2><a href="{link}">{escape(post.title)}</a></h2>\n'
        f"{render_date(post)}\n<p>{escape(post.description)}</p>\n</article>"
    )
