"""The sitemap for search engines."""

import datetime
from collections.abc import Mapping
from xml.sax.saxutils import escape

from pressroom.config import SiteConfig

SITEMAP_PATH = "sitemap.xml"
SITEMAP_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def render_sitemap(config: SiteConfig, pages: Mapping[str, datetime.date | None]) -> str:
    """Render the sitemap of pages, each with the date it changed if that is known."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f'<urlset xmlns="{SITEMAP_NAMESPACE}">']
    for path in sorted(pages):
        location = f"<loc>{escape(config.absolute(path))}</loc>"
        changed = pages[path]
        if changed is not None:
            location += f"<lastmod>{changed.isoformat()}</lastmod>"
        lines.append(f"<url>{location}</url>")
    lines.append("</urlset>")
    return "\n".join(lines) + "\n"
