"""Putting a whole site together and writing it out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pressroom.archive import ARCHIVE_INDEX, render_archive
from pressroom.config import SiteConfig
from pressroom.errors import PressroomError
from pressroom.feeds import feed_path, render_atom
from pressroom.pages import HOME_PATH, render_home, render_post
from pressroom.post import Post, newest_first
from pressroom.sitemap import SITEMAP_PATH, render_sitemap
from pressroom.tags import TAG_INDEX_PATH, group_by_tag, render_tag_index, render_tag_page, tag_path
from pressroom.templates import STYLESHEET, STYLESHEET_PATH


def render_site(config: SiteConfig, posts: Iterable[Post]) -> dict[str, str]:
    """Render every file of the site, by output path."""
    ordered = newest_first(posts)
    files: dict[str, str] = {}
    for path, content in _outputs(config, ordered):
        if path in files:
            raise PressroomError(f"two pages would be written to {path}")
        files[path] = content
    dates = {post.path: post.date for post in ordered}
    pages = {path: dates.get(path) for path in files if path.endswith(".html")}
    files[SITEMAP_PATH] = render_sitemap(config, pages)
    return files


def _outputs(config: SiteConfig, posts: Sequence[Post]) -> Iterator[tuple[str, str]]:
    """Yield the path and the content of each file, except the sitemap."""
    yield STYLESHEET_PATH, STYLESHEET
    yield HOME_PATH, render_home(config, posts)
    for post in posts:
        yield post.path, render_post(config, post)
    yield ARCHIVE_INDEX, render_archive(config, posts)
    groups = group_by_tag(posts)
    yield TAG_INDEX_PATH, render_tag_index(config, groups)
    for group in groups:
        feed = feed_path(group.label)
        yield tag_path(group.label), render_tag_page(config, group, feed)
        yield feed, render_atom(config, group.posts, group.label)
    yield feed_path(), render_atom(config, posts)


def write_site(files: Mapping[str, str], out: Path) -> None:
    """Write files below a folder, which is made if it is missing."""
    for path, content in files.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8", newline="\n")
