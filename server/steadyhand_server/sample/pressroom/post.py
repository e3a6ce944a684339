"""The post itself."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from pressroom.markup import render_markup
from pressroom.text import excerpt, slugify


@dataclass(frozen=True)
class Post:
    """One entry of the blog, as read from its file."""

    title: str
    date: datetime.date
    tags: tuple[str, ...] = ()
    body: str = ""
    summary: str = ""
    slug_override: str = ""

    @property
    def slug(self) -> str:
        """The name of the post in addresses."""
        return slugify(self.slug_override or self.title)

    @property
    def path(self) -> str:
        """Where the page of the post is written, relative to the output folder."""
        return f"posts/{self.slug}.html"

    @property
    def description(self) -> str:
        """The summary from the front matter, or else the start of the body."""
        return self.summary or excerpt(self.body)

    def html(self) -> str:
        """Render the body."""
        return render_markup(self.body)


def newest_first(posts: Iterable[Post]) -> list[Post]:
    """Sort posts by date, newest first, and by title within a day."""
    return sorted(posts, key=lambda post: (-post.date.toordinal(), post.title.casefold()))
