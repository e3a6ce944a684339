"""Site settings and where they are read from."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import quote, urlsplit

from pressroom.errors import PressroomError


@dataclass(frozen=True)
class SiteConfig:
    """Settings shared by every page of a site."""

    title: str = "Untitled site"
    description: str = ""
    base_url: str = "http://localhost:8000"
    language: str = "en"
    home_size: int = 10
    feed_size: int = 20

    def __post_init__(self) -> None:
        if urlsplit(self.base_url).scheme not in ("http", "https"):
            raise PressroomError(f"base_url must be an http(s) address, not {self.base_url!r}")

    @property
    def host(self) -> str:
        """The host name in the base address."""
        return urlsplit(self.base_url).hostname or "localhost"

    def absolute(self, path: str) -> str:
        """Return the public address of an output path."""
        if path == "index.html":
            path = ""
        return f"{self.base_url.rstrip('/')}/{quote(path)}"


def load_config(path: Path) -> SiteConfig:
    """Read the ``[tool.pressroom]`` table of a TOML file."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PressroomError(f"{path} is not valid TOML: {error}") from error
    settings = document.get("tool", {}).get("pressroom", {})
    unknown = sorted(settings.keys() - {field.name for field in fields(SiteConfig)})
    if unknown:
        raise PressroomError(f"{path}: unknown settings: {', '.join(unknown)}")
    return SiteConfig(**settings)
