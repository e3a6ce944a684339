"""How well a matcher finds clones and how seldom it is wrong: `score(matcher)`.

Owns the measure, not the matchers: ours stands behind `ours.OurMatcher`, jscpd behind
`peers.JscpdMatcher`, and both are asked the same questions.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import corpora
import measure
import ours
import pairs
import peers
from pairs import Pair
from report import ms, table
from syntax import SYNTAXES

BACKGROUND = 20_000
# A background function that is this much like the original, token by token and as written, is a
# sibling that was there before: finding it is no mistake, and it is counted apart.
SIBLING = 0.6


class Matcher(Protocol):
    """What is scored."""

    def add(self, id: str, path: str, code: str) -> None:
        """Takes one function into the index."""

    def prepare(self, queries: Sequence[tuple[str, str]]) -> None:
        """Told all (path, code) to come, for a matcher that can only do them all at once."""

    def match(self, code: str, path: str) -> list[tuple[str, str, float]]:
        """What the index has like this function: (id, tier, score), best first."""
        ...


@dataclass
class Score:
    """What came out.

    Attributes:
        asked: How many clones, by tier and edits.
        found: How many of them were found.
        wrong: Answers that are no clones.
        siblings: Answers that were alike before anything was mutated.
        waits: Seconds for each look-up.
        mistakes: What was wrong, for a person to read.
    """

    asked: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    found: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    wrong: int = 0
    siblings: int = 0
    waits: list[float] = field(default_factory=list[float])
    mistakes: list[str] = field(default_factory=list[str])

    def recall(self, tier: str, edits: int | None = None) -> float:
        """The share found of a tier, of all edits or of some."""
        keys = [k for k in self.asked if k[0] == tier and edits in (None, k[1])]
        asked = sum(self.asked[k] for k in keys)
        return sum(self.found[k] for k in keys) / asked if asked else float("nan")

    @property
    def precision(self) -> float:
        """The share of answers that are right, siblings left out."""
        right = self.found.total()
        return right / (right + self.wrong) if right + self.wrong else float("nan")


def score(matcher: Matcher, language: str, labelled: Sequence[Pair], unrelated: list[str]) -> Score:
    """Asks a matcher for every clone among the originals and unrelated functions.

    Args:
        matcher: Empty.
        language: Of all the functions.
        labelled: The pairs; the clone of one that is none is asked for, too.
        unrelated: Real functions that stand in the index beside the originals.
    """
    suffix = SYNTAXES[language].suffix
    # An original that serves several pairs is one function, and any of them finds it.
    ids: dict[str, str] = {}
    for number, code in enumerate([*(pair.original for pair in labelled), *unrelated]):
        ids.setdefault(code, f"f{number}")
    known = {name: code for code, name in ids.items()}
    for number, (name, code) in enumerate(known.items()):
        matcher.add(name, f"known/k{number:06}{suffix}", code)
    queries = [(f"asked/q{n:06}{suffix}", pair.clone) for n, pair in enumerate(labelled)]
    matcher.prepare(queries)
    outcome = Score()
    for pair, (path, code) in zip(labelled, queries, strict=True):
        started = time.perf_counter()
        answers = matcher.match(code, path)
        outcome.waits.append(time.perf_counter() - started)
        _judge(outcome, pair, ids[pair.original], {n for n, _, _ in answers}, known, language)
    return outcome


def _judge(
    outcome: Score,
    pair: Pair,
    partner: str,
    names: set[str],
    known: dict[str, str],
    language: str,
) -> None:
    key = (pair.tier, pair.edits)
    clone = pair.tier != "no"
    if clone:
        outcome.asked[key] += 1
        outcome.found[key] += partner in names
    truth = pair.original if clone else pair.clone
    for name in sorted(names):
        # The function that is asked for may itself stand in the index, for another pair.
        if (name == partner and clone) or known[name] == pair.clone:
            continue
        if name != partner and pairs.overlap(language, truth, known[name]) >= SIBLING:
            outcome.siblings += 1
        else:
            outcome.wrong += 1
            outcome.mistakes.append(f"{pair.id} -> {name}")


def section() -> list[str]:
    """Recall by tier and edits, and precision, for every language and matcher."""
    rows: list[list[str]] = []
    told: list[str] = []
    for language, sources, drawn in (
        ("python", (corpora.django, corpora.stdlib, corpora.big), (corpora.django, corpora.big)),
        ("typescript", (corpora.typescript,), (corpora.typescript,)),
        ("go", (corpora.go,), (corpora.go,)),
        ("java", (corpora.java,), (corpora.java, corpora.jdk)),
    ):
        try:
            labelled, source = pairs.pairs(sources[0]())
            texts = {text for pair in labelled for text in (pair.original, pair.clone)}
            pooled = pairs.background([make() for make in drawn], BACKGROUND, texts)
        except corpora.NotToBeHad as error:
            told.append(f"{language.capitalize()} was left out. {error}")
            continue
        unrelated = [function.code for function in pooled]
        counts = Counter(pair.tier for pair in labelled)
        told.append(
            f"{language.capitalize()}: {source}; {counts['T1']} T1, {counts['T2']} T2, "
            f"{counts['T3']} T3 and {counts['no']} non-clones, among {len(unrelated):,} unrelated."
        )
        matchers: list[tuple[str, Matcher]] = []
        if ours.knows(language):
            matchers.append(("steadyhand", ours.OurMatcher(floors=False)))
            matchers.append(("steadyhand, default floors", ours.OurMatcher(floors=True)))
        for label, options in peers.JSCPD_MATCHING:
            matchers.append((f"jscpd {label}", peers.JscpdMatcher(language, options)))
        for label, matcher in matchers:
            print(f"  {language}, {label}", file=sys.stderr)
            rows.append(_row(language, label, score(matcher, language, labelled, unrelated)))
    return [
        "## Clones that are known",
        "",
        *(f"- {line}" for line in told),
        "",
        *table(
            [
                "language", "matcher", "T1", "T2", "T3", "1 edit", "2 edits", "3 edits",
                "precision", "wrong", "siblings", "look-up p50 / p99",
            ],
            rows,
        ),
        f"*Wrong*: answers that are neither the original nor alike before the mutation ({SIBLING:.0%}"
        " of the tokens as written, in any order); such *siblings* stand apart. *Default floors*: as"
        " shown to a person, so small functions, stubs and tests are left alone. A look-up is from text to answer; a"
        " batch tool has none. *Loose* jscpd: `--similarity=0.7`, identifiers and literals ignored,"
        " gaps of 3 lines, from 25 tokens.",
    ]  # fmt: skip


def _row(language: str, label: str, outcome: Score) -> list[str]:
    shares = [outcome.recall("T1"), outcome.recall("T2"), outcome.recall("T3")]
    shares += [outcome.recall("T3", edits) for edits in (1, 2, 3)]
    p50, p99 = measure.at(outcome.waits, 0.5), measure.at(outcome.waits, 0.99)
    single = "batch" if label.startswith("jscpd") else f"{ms(p50)} / {ms(p99)}"
    return [
        language,
        label,
        *(f"{share:.3f}" for share in shares),
        f"{outcome.precision:.3f}",
        str(outcome.wrong),
        str(outcome.siblings),
        single,
    ]
