"""Where a person reads more: the one place that knows the address of the documentation."""

# RFC 2606 keeps this name free, so that it leads nobody astray until the project has an address.
DOCUMENTATION = "https://steadyhand.example/docs"


def findings_page(tier: str) -> str:
    """The part of docs/findings.md on one tier, or on comments that ignore."""
    anchor = "settling-a-finding" if tier == "ignore" else tier.lower()
    return f"{DOCUMENTATION}/findings.md#{anchor}"
