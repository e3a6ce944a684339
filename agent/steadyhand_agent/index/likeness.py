"""What may already do the same, though it is written differently (tier T4).

Owns which definitions are described at all, how the hits of the word index are ranked, and when
one stands out so far that the guard may name it. A likeness is a hint for the agent, never a
finding: words say what a function is about, not that it is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.store import indexed
from steadyhand_agent.index.words import (
    Words,
    body_after_head,
    describable,
    words_of,
    words_of_definition,
)
from steadyhand_agent.workspace import utf8

# More than the word index is asked for, since methods move down and some hits are left out.
_LOOKED_AT = 30
# A method needs an object of its class: it seldom serves where a function was about to be written.
_METHOD = 0.8
# Below this share of the words a hit is chance.
_CHANCE = 0.2

# When the guard may speak, chosen by leaving out 1,000 real functions in turn: it stays silent on
# 95 % of them, though some have a true sibling elsewhere, and on 95.7 % of 2,400 others
# (bench/t4.py). Name and doc alone must point to the candidate before all others, the body alone
# must point to it, and no other may come near.
_SAID = 0.45
_DONE = 0.3
_LEAD = 1.2
# What is shorter is alike by chance.
_TOKENS = 25


class Described(Protocol):
    """What a view offers here."""

    def described(self, words: Mapping[str, int], top: int) -> list[tuple[Definition, float]]:
        """Definitions of this view that answer a query best, with their scores, best first.

        Args:
            words: By `words.words_of`.
            top: How many at most.
        """
        ...


@dataclass(frozen=True, slots=True)
class Likeness:
    """A definition that may already do it.

    Attributes:
        definition: What exists.
        score: Share of the query's words that it answers; 1.0 is as good as the query itself.
    """

    definition: Definition
    score: float


def words_of_code(code: str, path: str = "snippet.py") -> Words:
    """The words of a piece of code: of the first function in it, or of all of it.

    Args:
        code: A definition, or just statements.
        path: Tells the language by its suffix.
    """
    for definition in indexed(path, code).definitions:
        if definition.kind in ("function", "method"):
            text = utf8(code)[definition.start : definition.end].decode("utf-8", "replace")
            return words_of_definition(definition, text)
    return words_of("", "", "", code)


def words_of_description(text: str) -> Words:
    """The words of a description: what it does, or a name that it might have."""
    return words_of("", "", text, "")


def ranked(view: Described, words: Words, top: int, *, callable_only: bool) -> list[Likeness]:
    """What answers a query, best first.

    Args:
        view: The view that is asked.
        words: The query.
        top: How many at most.
        callable_only: Leaves out classes and types, where a function is looked for.
    """
    found: list[Likeness] = []
    for definition, score in view.described(words, _LOOKED_AT):
        if callable_only and definition.kind in ("class", "type"):
            continue
        score *= _METHOD if definition.kind == "method" else 1.0
        if score >= _CHANCE:
            found.append(Likeness(definition, score))
    found.sort(key=lambda hit: -hit.score)
    return found[:top]


def described_like(view: Described, definition: Definition, text: str) -> list[Definition]:
    """What the guard may name beside a new function: the one helper that stands out, or none.

    The file that the function stands in is left out, since neighbours there are alike by design,
    and so is its own name elsewhere, which the other tiers judge.

    Args:
        view: The view with the edit on top.
        definition: The function that is new.
        text: Its text, from `start` to `end`.
    """
    small = definition.tokens < _TOKENS
    if small or definition.kind != "function" or not describable(definition):
        return []
    hits = _elsewhere(view, definition, words_of_definition(definition, text))
    if not hits or (len(hits) > 1 and hits[0].score < _LEAD * hits[1].score):
        return []
    best = hits[0].definition
    said = _elsewhere(view, definition, words_of(definition.name, "", definition.doc, ""))
    if not said or said[0].definition != best or said[0].score < _SAID:
        return []
    body = body_after_head(text, definition.name)
    done = _elsewhere(view, definition, words_of("", definition.signature, "", body))
    agreed = any(hit.definition == best and hit.score >= _DONE for hit in done)
    return [best] if agreed and best.module_level else []


def _elsewhere(view: Described, definition: Definition, words: Words) -> list[Likeness]:
    name = definition.name.strip("_")
    return [
        hit
        for hit in ranked(view, words, _LOOKED_AT, callable_only=True)
        if hit.definition.path != definition.path and hit.definition.name.strip("_") != name
    ]
