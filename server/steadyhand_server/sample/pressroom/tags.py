"""Tags: grouping, the page of each tag and the list of all tags."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from pressroom.config import SiteConfig
from pressroom.post import Post
from pressroom.templates import relative_link, render_layout, render_post_list
from pressroom.text import counted, slugify

TAG_INDEX_PATH = "tags.html"


@dataclass
class TagGroup:
    """A tag, as first written, and the posts that carry it."""

    label: str
    posts: list[Post] = field(default_factory=list)


def tag_path(tag: str) -> str:
    """Return where the page of a tag is written."""
    return f"tags/{slugify(tag)}.html"


def group_by_tag(posts: Iterable[Post]) -> list[TagGroup]:
    """Collect posts by tag; spellings that share a page are one tag."""
    groups: dict[str, TagGroup] = {}
    for post in posts:
        for tag in post.tags:
            group = groups.setdefault(tag_path(tag), TagGroup(tag))
            if not group.posts or group.posts[-1] is not post:
                group.posts.append(post)
    return sorted(groups.values(), key=lambda group: group.label.casefold())


def render_tag_links(page: str, tags: Iterable[str]) -> str:
    """Render tags as links from a page."""
    return ", ".join(
        f'<a rel="tag" href="{relative_link(page, tag_path(tag))}">{escape(tag)}</a>'
        for tag in tags
    )


def render_tag_page(config: SiteConfig, group: TagGroup, feed: str) -> str:
    """Render the posts of one tag, with a link to its feed."""
    path = tag_path(group.label)
    content = [
        f"<h1>Posts about {escape(group.label)}</h1>",
        render_post_list(path, group.posts),
        f'<p class="meta"><a href="{relative_link(path, feed)}">Feed of this tag</a></p>',
    ]
    return render_layout(config, path, "\n".join(content), title=group.label)


def render_tag_index(config: SiteConfig, groups: Iterable[TagGroup]) -> str:
    """Render the list of all tags with the number of posts in each."""
    lines = ["<h1>Tags</h1>", "<ul>"]
    for group in groups:
        link = render_tag_links(TAG_INDEX_PATH, [group.label])
        lines.append(f"<li>{link} ({counted(len(group.posts), 'post')})</li>")
    lines.append("</ul>")
    return render_layout(config, TAG_INDEX_PATH, "\n".join(lines), title="Tags")
