"""What `steadyhand check` found, as one page that needs nothing but itself.

Owns the page's template. Whatever comes from a repository is escaped by the template engine, and
the page's own policy lets nothing run or load but the script and the style that it was made with.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import steadyhand_agent
from steadyhand_agent.index.suppress import TIERS
from steadyhand_server.report import IGNORE, RULES, Report
from steadyhand_server.report_map import HEIGHT, WIDTH, draw

_FOLDER = Path(__file__).parent / "report_page"


def html(report: Report, name: str) -> bytes:
    """The whole page.

    Args:
        report: What was found.
        name: What the repository is called.
    """
    pages = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["thousands"] = lambda n: f"{n:,}"
    style, script = ((_FOLDER / file).read_text("utf-8") for file in ("page.css", "page.js"))
    tiers = report.tiers
    order = (*TIERS, IGNORE)
    text = pages.get_template("page.html.jinja").render(
        name=name,
        version=steadyhand_agent.__version__,
        report=report,
        rows=sorted(report.rows, key=lambda row: (order.index(row.tier), row.span.path)),
        rank={tier: place for place, tier in enumerate(order)},
        rules=RULES,
        tiers=[(tier, tiers[tier]) for tier in order if tiers[tier]],
        picture=draw(report),
        width=WIDTH,
        height=HEIGHT,
        style=style,
        script=script,
        style_digest=_digest(style),
        script_digest=_digest(script),
    )
    return text.encode("utf-8", "replace")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
