"""The command line."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pressroom import __version__
from pressroom.config import load_config
from pressroom.errors import PressroomError
from pressroom.loader import load_posts
from pressroom.site import render_site, write_site
from pressroom.text import counted

DEFAULT_CONFIG = Path("pyproject.toml")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    options = _parser().parse_args(argv)
    try:
        print(options.run(options))
    except (PressroomError, OSError) as error:
        print(f"pressroom: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    parser = argparse.ArgumentParser(prog="pressroom", description="Build a static blog.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")

    build = commands.add_parser("build", help="render posts into a folder")
    build.add_argument("posts", type=Path, help="folder of posts")
    build.add_argument("out", type=Path, help="folder to write the site to")
    build.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="default: %(default)s")
    build.set_defaults(run=_build)
    return parser


def _build(options: argparse.Namespace) -> str:
    """Render the site and say what was done."""
    config = load_config(options.config)
    posts = load_posts(options.posts)
    files = render_site(config, posts)
    write_site(files, options.out)
    return f"{counted(len(posts), 'post')}, {counted(len(files), 'file')} in {options.out}"
