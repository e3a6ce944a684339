"""Where a person reads more: the one place that knows the address of the documentation."""

from functools import cache
from pathlib import Path

# RFC 2606 keeps this name free, so that it leads nobody astray until the project has an address.
DOCUMENTATION = "https://steadyhand.example/docs"


@cache
def _file() -> str:
    """The page as it was installed, or as it stands in the repository."""
    here = Path(__file__).parent
    shipped = here / "docs" / "findings.md"
    return (shipped if shipped.exists() else here.parents[1] / "docs" / "findings.md").as_uri()


def findings_file(tier: str) -> str:
    """The URI of the part of docs/findings.md on one tier, on this machine."""
    return f"{_file()}#{_anchor(tier)}"


def _anchor(tier: str) -> str:
    return "settling-a-finding" if tier == "ignore" else tier.lower()


def findings_page(tier: str) -> str:
    """The part of docs/findings.md on one tier, or on comments that ignore."""
    return f"{DOCUMENTATION}/findings.md#{_anchor(tier)}"
