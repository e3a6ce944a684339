"""Reading posts from a folder."""

from pathlib import Path

from pressroom.errors import FrontMatterError, PressroomError
from pressroom.frontmatter import split_front_matter
from pressroom.post import Post, newest_first
from pressroom.text import slugify


def parse_post(source: str) -> Post:
    """Make a post from its source."""
    front, body = split_front_matter(source)
    title = front.text("title")
    if not title:
        raise FrontMatterError("'title' is missing")
    post = Post(
        title=title,
        date=front.day("date"),
        tags=front.words("tags"),
        body=body,
        summary=front.text("summary"),
        slug_override=front.text("slug"),
    )
    if not post.slug:
        raise FrontMatterError(f"no slug can be made from {title!r}; add a 'slug' field")
    for tag in post.tags:
        if not slugify(tag):
            raise FrontMatterError(f"no file name can be made from the tag {tag!r}")
    return post


def load_posts(folder: Path) -> list[Post]:
    """Read every post in a folder and its subfolders, newest first."""
    if not folder.is_dir():
        raise PressroomError(f"{folder} is not a folder")
    posts: list[Post] = []
    sources: dict[str, Path] = {}
    for file in sorted(folder.rglob("*.md")):
        try:
            post = parse_post(file.read_text(encoding="utf-8-sig"))
        except (FrontMatterError, UnicodeDecodeError) as error:
            raise PressroomError(f"{file}: {error}") from error
        if post.slug in sources:
            raise PressroomError(f"{file}: same slug as {sources[post.slug]}: {post.slug!r}")
        sources[post.slug] = file
        posts.append(post)
    return newest_first(posts)
