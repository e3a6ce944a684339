"""Labelled pairs: functions that are clones of each other, and functions that are not.

Owns where they come from: the file that `STEADYHAND_CLONES` names, or real functions and the
mutants that `mutate` makes of them. Labelled sets are read, never copied into the repository.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from corpora import Corpus
from mutate import mutant
from syntax import SYNTAXES, Function, functions

SEED = 20_261_123
# A function smaller than this is an idiom, a larger one is not read as one.
_LINES = range(5, 81)
_LEAST_TOKENS = 25
# Enough to choose from; more would only take longer to cut out.
_MOST_DRAWN = 20_000
# What mutants are made of: (tier, edits, how many).
_PLAN = (("T1", 0, 400), ("T2", 0, 400), ("T3", 1, 400), ("T3", 2, 400), ("T3", 3, 400))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two functions and what is known of them.

    Attributes:
        tier: `T1`, `T2`, `T3`, or `no` where they are no clones.
        edits: How many statements differ.
        original: The function that is in the index.
        clone: The function that is looked up.
    """

    id: str
    tier: str
    edits: int
    original: str
    clone: str


def pairs(corpus: Corpus) -> tuple[list[Pair], str]:
    """The labelled pairs of a corpus's language and where they come from."""
    named = os.environ.get("STEADYHAND_CLONES")
    if named and corpus.language == "python":
        return _read(Path(named)), f"labelled set, {Path(named).name}"
    return _made(corpus), f"mutants of {corpus.label}"


def background(corpora: list[Corpus], count: int, without: set[str]) -> list[Function]:
    """Real functions, no two of the same tokens, and none whose text is in `without`."""
    known: set[tuple[bytes, ...]] = set()
    drawn: list[Function] = []
    syntax = SYNTAXES[corpora[0].language]
    for function in drawn_from(corpora):
        if len(drawn) == count:
            break
        tokens = tuple(syntax.tokens(function.code.encode()))
        if tokens in known or function.code in without or len(tokens) < _LEAST_TOKENS:
            continue
        known.add(tokens)
        drawn.append(function)
    return drawn


def drawn_from(corpora: list[Corpus]) -> Iterator[Function]:
    """Every function that is neither tiny nor huge, files in a random but fixed order."""
    files = [(corpus, path) for corpus in corpora for path in corpus.files()]
    Random(SEED).shuffle(files)
    for corpus, path in files:
        inside = path.relative_to(corpus.root).as_posix()
        for function in functions(SYNTAXES[corpus.language], inside, path.read_bytes()):
            if function.lines in _LINES:
                yield function


def overlap(language: str, one: str, other: str) -> float:
    """The share of tokens, as they are written and in any order, that two functions have alike."""
    first, second = _bag(language, one), _bag(language, other)
    return 2 * (first & second).total() / max(1, first.total() + second.total())


@lru_cache(maxsize=50_000)
def _bag(language: str, text: str) -> Counter[bytes]:
    return Counter(SYNTAXES[language].tokens(text.encode()))


def _read(path: Path) -> list[Pair]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Pair(
            row["id"],
            row["type"] if row["clone"] else "no",
            row.get("edits") or 0,
            row["a"]["code"],
            row["b"]["code"],
        )
        for row in rows
    ]


def _made(corpus: Corpus) -> list[Pair]:
    rng = Random(SEED)
    syntax = SYNTAXES[corpus.language]
    everything = list(itertools.islice(drawn_from([corpus]), _MOST_DRAWN))
    rng.shuffle(everything)
    used: set[str] = set()
    made: list[Pair] = []
    for tier, edits, count in _PLAN:
        wanted = count
        # A small corpus gives fewer pairs: no function serves twice.
        for function in everything:
            if not wanted:
                break
            if function.code in used:
                continue
            if len(syntax.tokens(function.code.encode())) < _LEAST_TOKENS:
                continue
            clone = mutant(syntax, function.code, tier, edits, rng)
            if clone is None:
                continue
            used.add(function.code)
            made.append(Pair(f"{tier}-{edits}-{len(made)}", tier, edits, function.code, clone.code))
            wanted -= 1
    others = [f for f in everything if f.code not in used]
    for number, (one, other) in enumerate(zip(others[:600:2], others[1:600:2], strict=False)):
        if one.name != other.name:
            made.append(Pair(f"no-{number}", "no", 0, one.code, other.code))
    return made
