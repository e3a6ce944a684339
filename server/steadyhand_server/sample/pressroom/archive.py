"""The archive: all posts by year and month."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from pressroom.config import SiteConfig
from pressroom.post import Post, newest_first
from pressroom.templates import render_layout, render_post_list
from pressroom.text import counted

ARCHIVE_INDEX = "archive.html"


@dataclass(frozen=True)
class Month:
    """The posts of one month, newest first."""

    year: int
    number: int
    posts: tuple[Post, ...]

    @property
    def name(self) -> str:
        """The name of the month, without the year."""
        return calendar.month_name[self.number]

    @property
    def anchor(self) -> str:
        """The id of the month on the archive page."""
        return f"m{self.year:04}-{self.number:02}"


def group_by_month(posts: Iterable[Post]) -> list[Month]:
    """Group posts by calendar month, newest month first."""
    groups = groupby(newest_first(posts), key=lambda post: (post.date.year, post.date.month))
    return [Month(year, number, tuple(members)) for (year, number), members in groups]


def group_by_year(posts: Iterable[Post]) -> dict[int, list[Month]]:
    """Group posts by year and then by month, newest first."""
    years: dict[int, list[Month]] = {}
    for month in group_by_month(posts):
        years.setdefault(month.year, []).append(month)
    return years


def render_archive(config: SiteConfig, posts: Iterable[Post]) -> str:
    """Render the archive index: a section for each year, a list for each month."""
    lines = ["<h1>Archive</h1>"]
    for year, months in group_by_year(posts).items():
        total = sum(len(month.posts) for month in months)
        lines.append(f'<h2>{year} <span class="meta">{counted(total, "post")}</span></h2>')
        for month in months:
            lines.append(f'<h3 id="{month.anchor}">{month.name}</h3>')
            lines.append(render_post_list(ARCHIVE_INDEX, month.posts))
    return render_layout(config, ARCHIVE_INDEX, "\n".join(lines), title="Archive")
