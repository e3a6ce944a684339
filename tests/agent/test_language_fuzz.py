"""Whatever bytes a file holds, every language reads it: no crash, and no span outside of the text."""

import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from steadyhand_agent.index.definitions import Definition, FileEntry
from steadyhand_agent.index.fingerprint import SKETCH_SIZE, sketches
from steadyhand_agent.index.languages import LANGUAGES, index_text
from steadyhand_agent.index.languages.language import Language
from steadyhand_agent.index.parsing import TooSlow
from steadyhand_agent.workspace import text_hash, utf8

CORPUS = Path(__file__).parents[1] / "corpus" / "languages"
EVERY = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
# Of thirteen languages, so that all of it takes less than a minute with the suite's profile.
FEW = settings(
    max_examples=1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MOST = 6_000
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")

# What breaks readers of text: marks, halves of characters, ends of lines that are none.
ODD = st.sampled_from(
    [
        *("\0", "\ufeff", "\ud800", "\udfff", "\r", "\r\n", "\v", "\f", "\u2028", "\x85", "\x01"),
        *("\x03", "\x0e", "\x1a", "\\\n", "\\", '"', "'", "`", '"""', "/*", "*/", "//", "#", "--"),
        *("<!--", "${", "#{", "<?php ", "?>", "=begin\n", "=end\n", "<<A\n", 'R"x(', "é", "𝄞"),
    ]
)
BRACKETS = st.sampled_from(["()", "[]", "{}", "<>", "({", "[(", "<(", "{<", "((", "<<"])


def fixtures(language: Language) -> list[str]:
    """Real text of a language, the markers for other tests included."""
    return [file.read_text() for file in sorted((CORPUS / language.name).glob("*"))]


@st.composite
def mutated(draw: st.DrawFn, language: Language) -> str:
    """A fixture with pieces cut, repeated, moved, and odd things put between."""
    text = draw(st.sampled_from(fixtures(language)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 80)))
        piece = text[start:end]
        new = draw(
            st.one_of(
                st.just(""),
                ODD,
                st.just(piece * 2),
                st.just(piece[::-1]),
                st.builds(lambda at, t=text: t[at : at + 60], st.integers(0, len(text))),
                st.text(max_size=5),
            )
        )
        text = (text[:start] + new + text[end:])[:MOST]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


@st.composite
def nested(draw: st.DrawFn, language: Language) -> str:
    """Brackets around brackets, thousands deep, closed or not, around a piece of a fixture."""
    opened, closed = draw(BRACKETS)
    deep = draw(st.sampled_from([1, 20, 199, 201, 2_001, 2_999, 3_001, 5_000]))
    words = _TOKEN.findall(draw(st.sampled_from(fixtures(language))))
    at = draw(st.integers(0, len(words)))
    head, inside = "".join(words[max(0, at - 8) : at]), "".join(words[at : at + 20])
    left = draw(st.sampled_from([deep, deep - 1, deep // 2, 0]))
    gap = draw(st.sampled_from(["", " ", "\n", "a", "a "]))
    return head + (opened + gap) * deep + inside + closed * left


@st.composite
def repeated(draw: st.DrawFn, language: Language) -> str:
    """Long lines and long runs: a few tokens of the language, again and again."""
    words = _TOKEN.findall(draw(st.sampled_from(fixtures(language))))
    at = draw(st.integers(0, len(words)))
    piece = "".join(words[at : at + draw(st.integers(1, 6))])
    head = "".join(words[max(0, at - 10) : at])
    return head + (piece * draw(st.sampled_from([30, 300, 3_000])))[:MOST]


def from_bytes() -> SearchStrategy[str]:
    """Bytes as they come from a disk: read as UTF-8 with what is none replaced, or kept apart."""
    return st.builds(
        lambda data, errors: data.decode("utf-8", errors),
        st.binary(max_size=400),
        st.sampled_from(["replace", "surrogateescape"]),
    )


def texts(language: Language) -> SearchStrategy[str]:
    return st.one_of(
        from_bytes(),
        st.text(st.characters(), max_size=200),
        st.lists(st.one_of(ODD, st.sampled_from(list("(){}[]<>;,.:=\n ab")))).map("".join),
        mutated(language),
    )


def read(language: Language, text: str) -> FileEntry | None:
    path = f"some/where{language.suffixes[0]}"
    try:
        return index_text(path, text)
    except TooSlow:
        return None


def hold(entry: FileEntry | None, text: str) -> None:
    """Asserts all that the rest of the index relies on."""
    if entry is None:
        return
    data = utf8(text)
    assert entry.content_hash == text_hash(text)
    assert len(entry.forms) == len(entry.definitions)
    for definition, form in zip(entry.definitions, entry.forms, strict=True):
        stands_inside(definition, data, entry.lines)
        assert definition.tokens == len(form.tokens)
        assert bool(definition.body) == bool(definition.shape) == bool(form.tokens)
        # It goes into the cache as UTF-16 and into answers as UTF-8.
        form.tokens.encode("utf-16-le")
        f"{definition.signature}{definition.doc}{definition.decorators}".encode()
    for sketch in sketches([form.tokens for form in entry.forms]):
        assert len(sketch) <= SKETCH_SIZE
        assert sorted(set(sketch.tolist())) == sketch.tolist()
    nests(entry.definitions)


def stands_inside(definition: Definition, data: bytes, lines: int) -> None:
    assert 0 <= definition.start <= definition.name_start < definition.end <= len(data)
    name = definition.name.encode()
    assert name
    assert data[definition.name_start : definition.name_start + len(name)] == name or "\ufffd" in (
        definition.name
    )
    assert definition.name_start + len(name) <= definition.end or "\ufffd" in definition.name
    assert definition.qualified.endswith(definition.name)
    assert 1 <= definition.line <= lines
    assert 0 <= definition.lines <= lines
    assert definition.statements >= 1


def nests(definitions: tuple[Definition, ...]) -> None:
    """Asserts that they are in order, and one is inside of another or beside it."""
    assert all(one.start <= two.start for one, two in pairwise(definitions))
    around: list[Definition] = []
    for definition in definitions:
        while around and around[-1].end <= definition.start:
            around.pop()
        # Two of one text, `a = b = 1`, may begin together, the outer one behind.
        for outer in around:
            assert definition.end <= outer.end or outer.start == definition.start, (
                outer,
                definition,
            )
        around.append(definition)


@EVERY
def test_any_text(language: Language) -> None:
    @FEW
    @given(texts(language))
    @example("")
    @example("\ufeff")
    @example("\ud800")
    @example("\0")
    def reads(text: str) -> None:
        hold(read(language, text), text)

    reads()


@EVERY
def test_nesting_and_long_runs(language: Language) -> None:
    @FEW
    @given(st.one_of(nested(language), repeated(language)))
    def reads(text: str) -> None:
        hold(read(language, text), text)

    reads()


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_what_people_wrote_is_read(language: Language) -> None:
    """Else all of the above would hold of a reader that gives up."""
    for text in fixtures(language):
        entry = read(language, text)
        assert entry is not None
        hold(entry, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # An error between the two lists of an assignment.
        ("lua", "local other[ = function(a) return a + 2 end --]"),
    ],
)
def test_what_once_broke_a_reader(name: str, text: str) -> None:
    (language,) = [language for language in LANGUAGES if language.name == name]
    entry = read(language, text)
    assert entry is not None
    hold(entry, text)
