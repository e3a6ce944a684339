"""Findings for a person to read: a sample by a fixed seed, and the verdicts that came of it.

`python bench/read_findings.py CORPUS [N]` prints N findings with both bodies. What the reader
thinks goes into bench/verdicts/CORPUS.md, one line a finding: its key, then `yes` (one of these
should go) or `no`, then why. The section `findings` counts them. The verdicts stand under keys made
of what is found, so a verdict stays with its finding when others come and go, and findings that
were not sampled this time are not counted.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import corpora
import ours
from corpora import Corpus
from report import table
from steadyhand_agent.index.definitions import Definition, Finding

SEED = 7
SAMPLED = 100
_SHOWN_LINES = 40
VERDICTS = Path(__file__).with_name("verdicts")
_VERDICT = re.compile(r"^- `([0-9a-f]{8})` (yes|no)\b", re.MULTILINE)


@cache
def found(corpus: Corpus) -> tuple[list[Finding], dict[str, str], int]:
    """All findings of a corpus in a stable order, its texts, and its lines."""
    everything, texts, lines = ours.findings(corpus.root)
    return sorted(everything, key=key), texts, lines


def key(finding: Finding) -> str:
    """A short name of a finding that other findings do not change."""
    parts = (
        finding.tier,
        *(f"{d.path}::{d.qualified}" for d in (finding.definition, finding.canonical)),
    )
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=4).hexdigest()


def sample(findings: Sequence[Finding], count: int = SAMPLED) -> list[Finding]:
    """As if drawn by lot, but each finding keeps its lot: when rules change, most of those that were
    read are drawn again.
    """
    return sorted(findings, key=_lot)[:count]


def _lot(finding: Finding) -> bytes:
    return hashlib.blake2b(f"{SEED} {key(finding)}".encode()).digest()


def verdicts(corpus: Corpus) -> dict[str, bool]:
    """What was read so far."""
    path = VERDICTS / f"{corpus.name}.md"
    text = path.read_text("utf-8") if path.exists() else ""
    return {match[1]: match[2] == "yes" for match in _VERDICT.finditer(text)}


def section() -> list[str]:
    """How many findings there are, and how many of those read were right."""
    rows: list[list[str]] = []
    for make in (corpora.django, corpora.stdlib, corpora.rxjs):
        corpus = make()
        if not ours.knows(corpus.language):
            rows.append([corpus.label, f"{corpus.language} is not read yet", *["–"] * 4])
            continue
        findings, _, lines = found(corpus)
        tiers = Counter(finding.tier for finding in findings)
        known = verdicts(corpus)
        read = [known[key(f)] for f in sample(findings) if key(f) in known]
        by_tier = ", ".join(f"{tier} {count}" for tier, count in sorted(tiers.items()))
        rows.append(
            [
                corpus.label,
                f"{len(findings):,} ({by_tier})",
                f"{len(findings) / lines * 1000:.2f}",
                f"{len(read)} of {len(sample(findings))}",
                str(sum(read)),
                f"{sum(read) / len(read):.3f}" if read else "–",
            ]
        )
    head = ["workspace", "findings", "per 1,000 lines (≤ 2)", "read", "yes", "precision (≥ 0.95)"]
    return [
        "## What a person is shown in an existing repository",
        "",
        *table(head, rows),
        "*Yes* means that one of the two should go. The verdicts and their reasons are in "
        f"bench/verdicts; the sample is of {SAMPLED} by seed {SEED}.",
    ]


def show(corpus: Corpus, count: int) -> None:
    """Prints a sample, numbered, those without a verdict marked."""
    findings, texts, _ = found(corpus)
    known = verdicts(corpus)
    for number, finding in enumerate(sample(findings, count), 1):
        verdict = {True: "yes", False: "no", None: "NOT READ"}[known.get(key(finding))]
        print(f"\n{'=' * 100}\n{number}. `{key(finding)}` {finding.tier} {verdict}")
        print(f"   {finding.reason}")
        for definition in (finding.definition, finding.canonical):
            print(f"\n--- {definition.place} {definition.qualified}")
            print(_body(definition, texts[definition.path]))


def _body(definition: Definition, text: str) -> str:
    data = text.encode("utf-8", "replace")[definition.start : definition.end]
    lines = data.decode("utf-8", "replace").splitlines()
    more = [f"… {len(lines) - _SHOWN_LINES} more lines"] if len(lines) > _SHOWN_LINES else []
    return "\n".join(lines[:_SHOWN_LINES] + more)


def main() -> None:
    """`read_findings.py CORPUS [N]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", choices=list(corpora.ALL))
    parser.add_argument("count", nargs="?", type=int, default=SAMPLED)
    asked = parser.parse_args()
    show(corpora.ALL[asked.corpus](), asked.count)


if __name__ == "__main__":
    main()
