"""Every language passes the same fixtures; tests/corpus/languages/README.md describes them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.findings import overwritten
from steadyhand_agent.index.languages import LANGUAGES, SUFFIXES, index_text
from steadyhand_agent.index.store import Index

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parents[1] / "corpus" / "languages"
NAMES = [language.name for language in LANGUAGES]
MARKER = re.compile(r"[ \t]*(?://|#|--)~[ \t]*(.*)")
ATTRIBUTE = re.compile(r"""(\w+)=(["`])(.*?)\2""")
FLAGS = ("test", "trivial", "local", "branch", "private", "contract")
SECTIONS = {
    "same: layout", "same: comments", "same: renamed locals", "shape: literals",
    "differ: called name", "differ: attribute", "differ: operator", "differ: order",
}  # fmt: skip


@dataclass
class Expected:
    line: int
    kind: str
    qualified: str
    flags: frozenset[str]
    attributes: dict[str, str]


@dataclass
class Source:
    """One file of definitions, its markers taken out."""

    path: str
    text: str = ""
    importing: str | None = None
    generated: bool = False
    expected: list[Expected] = field(default_factory=list)


def read_source(file: Path) -> Source:
    source = Source(file.name)
    lines: list[str] = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        marker = MARKER.search(line)
        lines.append(line[: marker.start()] if marker else line)
        if marker is None:
            continue
        if marker.start() == 0 and marker[1].startswith("path "):
            source.path = marker[1][5:].strip()
        elif marker.start() == 0 and marker[1].startswith("from "):
            source.importing = marker[1][5:].strip()
        elif marker.start() == 0 and marker[1].strip() == "generated":
            source.generated = True
        else:
            source.expected += [expected(number, part) for part in marker[1].split(" ~ ")]
    source.text = "\n".join(lines) + "\n"
    return source


def expected(line: int, text: str) -> Expected:
    kind, qualified, *words = ATTRIBUTE.sub("", text).split()
    assert set(words) <= set(FLAGS), f"line {line}: {words}"
    attributes = {name: value for name, _, value in ATTRIBUTE.findall(text)}
    return Expected(line, kind, qualified, frozenset(words), attributes)


def described(definition: Definition) -> str:
    """A definition in a marker's words."""
    found = {
        "test": definition.test,
        "trivial": definition.trivial and definition.kind in ("function", "method"),
        "local": definition.local,
        "branch": bool(definition.branch),
        "private": definition.private,
        "contract": definition.contract,
    }
    words = [f"{definition.line}:", definition.kind, definition.qualified]
    words += [flag for flag in FLAGS if found[flag]]
    words.append(f'doc="{definition.doc}"')
    words.append(f'decorators="{" | ".join(definition.decorators)}"')
    return " ".join(words)


def said(marker: Expected) -> str:
    words = [f"{marker.line}:", marker.kind, marker.qualified]
    words += [flag for flag in FLAGS if flag in marker.flags]
    words.append(f'doc="{marker.attributes.get("doc", "")}"')
    words.append(f'decorators="{marker.attributes.get("decorators", "")}"')
    return " ".join(words)


def sources(language: str) -> list[Path]:
    found = sorted((CORPUS / language).glob("*"))
    return [file for file in found if not file.name.startswith("pairs.")]


SOURCES = [pytest.param(file, id=f"{name}/{file.name}") for name in NAMES for file in sources(name)]


@pytest.mark.parametrize("file", SOURCES)
def test_definitions(file: Path) -> None:
    source = read_source(file)
    entry = index_text(source.path, source.text)
    # In the order of their lines: what is nested begins where or after its owner does.
    assert sorted(map(described, entry.definitions)) == sorted(map(said, source.expected))
    assert {d.generated for d in entry.definitions} == {source.generated}
    data = source.text.encode()
    for definition in entry.definitions:
        assert 0 <= definition.start <= definition.name_start < definition.end <= len(data)
        named = data[definition.name_start :]
        assert named.startswith(definition.name.encode())


@pytest.mark.parametrize("file", SOURCES)
def test_signatures(file: Path) -> None:
    source = read_source(file)
    found = {
        (d.line, d.qualified): d.signature for d in index_text(source.path, source.text).definitions
    }
    for marker in source.expected:
        if "signature" in marker.attributes:
            assert found[marker.line, marker.qualified] == marker.attributes["signature"]


@pytest.mark.parametrize("file", SOURCES)
def test_how_another_file_gets_it(file: Path) -> None:
    source = read_source(file)
    index = Index()
    index.put_base(index_text(source.path, source.text))
    view = index.view()
    for marker in source.expected:
        if "import" in marker.attributes:
            (found,) = [d for d in view.named(marker.qualified) if d.line == marker.line]
            assert view.import_line(found, source.importing) == marker.attributes["import"]


@dataclass
class Section:
    kind: str
    title: str
    snippets: list[tuple[str, str]]  # suffix and text


def read_pairs(language: str) -> list[Section]:
    found: list[Section] = []
    for file in sorted((CORPUS / language).glob("pairs.*")):
        for line in file.read_text().splitlines():
            marker = MARKER.fullmatch(line)
            if marker is None:
                if found:
                    suffix, text = found[-1].snippets[-1]
                    found[-1].snippets[-1] = (suffix, f"{text}{line}\n")
            elif marker[1].startswith("and"):
                found[-1].snippets.append((marker[1][3:].strip() or file.suffix, ""))
            else:
                kind, _, title = marker[1].partition(":")
                assert kind in ("same", "differ", "shape"), line
                found.append(Section(kind, title.strip(), [(file.suffix, "")]))
    return found


PAIRS = [
    pytest.param(section, id=f"{name}/{section.kind}: {section.title}")
    for name in NAMES
    for section in read_pairs(name)
]


def first(suffix: str, text: str) -> Definition:
    found = [d for d in index_text(f"snippet{suffix}", text).definitions if d.body]
    assert found, f"nothing with a body in:\n{text}"
    return found[0]


@pytest.mark.parametrize("section", PAIRS)
def test_pairs(section: Section) -> None:
    assert len(section.snippets) >= 2
    plain, *others = [first(*snippet) for snippet in section.snippets]
    for other in others:
        assert (other.body == plain.body) is (section.kind == "same")
        assert (other.shape == plain.shape) is (section.kind != "differ")


@pytest.mark.parametrize("language", NAMES)
def test_a_language_has_fixtures(language: str) -> None:
    files = [read_source(file) for file in sources(language)]
    markers = [marker for source in files for marker in source.expected]
    assert any(source.generated for source in files)
    assert any(marker.kind in ("function", "method") for marker in markers)
    assert any("doc" in marker.attributes for marker in markers)
    assert any("import" in marker.attributes for marker in markers)
    assert any("signature" in marker.attributes for marker in markers)
    for flag in ("test", "trivial", "local"):
        assert any(flag in marker.flags for marker in markers), flag
    assert {f"{s.kind}: {s.title}" for s in read_pairs(language)} >= SECTIONS


def test_the_example_that_the_page_gives_is_all_that_a_language_needs(monkeypatch) -> None:
    page = (ROOT / "docs" / "languages.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    # "In under 40 lines" is what the page promises.
    assert len(code.splitlines()) < 40
    module: dict[str, Any] = {}
    exec(code, module)
    bash = module["BASH"]
    monkeypatch.setitem(SUFFIXES, ".sh", bash)
    body = '    local title="$1"\n    echo "${title,,}" | tr " " "-"\n'
    text = (
        f"LIMIT=3\nlower=1\n\n# Makes a slug.\nslugify() {{\n{body}}}\n\n"
        "function nothing { :; }\n\n"
        'if [ -n "$LIMIT" ]; then\n  shout() { echo A; }\nelse\n  shout() { echo B; }\nfi\n\n'
        "slugify() {\n    echo other\n}\n"
    )
    entry = index_text("bin/text.sh", text)
    found = [(d.line, d.kind, d.qualified) for d in entry.definitions]
    assert found == [
        (1, "constant", "LIMIT"),
        (5, "function", "slugify"),
        (10, "function", "nothing"),
        (13, "function", "shout"),
        (15, "function", "shout"),
        (18, "function", "slugify"),
    ]
    slug = entry.definitions[1]
    assert (slug.doc, slug.statements) == ("Makes a slug.", 2)
    assert [d.trivial for d in entry.definitions if d.name == "nothing"] == [True]
    assert [d.name for d in entry.definitions if d.branch] == ["shout", "shout"]
    # Findings and the guard: the later one overwrites, and a copy elsewhere is the same body.
    (twice,) = overwritten(entry.definitions, text)
    assert (twice.canonical.line, twice.definition.line) == (5, 18)
    copy = first(".sh", f"# Another file.\nto_slug() {{\n{body}}}  # the end\n")
    assert copy.body == slug.body
    assert first(".sh", f"to_slug() {{\n{body.replace('tr', 'sed')}}}\n").shape != slug.shape


@pytest.mark.parametrize(
    "head",
    [
        "# AUTOGENERATED FILE",
        "# AUTO-GENERATED -- DO NOT MODIFY",
        "# GENERATED CODE - DO NOT MODIFY BY HAND",
        "# This file was automatically generated. Do not modify.",
        "# This file is auto-generated by the build.",
        "# Generated by Django 4.2 on 2023-05-01 10:11",
        '"""Generated from schema.json."""',
        "# @generated",
        "# @generated by protobuf",
        "# Do not edit.\n#\n# It was generated by a script.",
        "# " + "licence " * 300 + "\n# Code generated by mockgen. DO NOT EDIT.",
    ],
)
def test_what_a_program_wrote_says_so(head: str) -> None:
    entry = index_text("a.py", f"{head}\ndef f(a):\n    return a.go()\n")
    assert [d.generated for d in entry.definitions] == [True]


@pytest.mark.parametrize(
    "head",
    [
        '"""Parses reports generated by the scanner."""',
        "# If it fails, do not edit the config of the server.",
        "# Helpers for auto-generated ids.",
        "# Reads what was generated by hand.",
        'MARK = "# Code generated by x. DO NOT EDIT."',
        "def g():\n    # Generated by the parser, read by us\n    return 1\n",
        "# The ids are generated.\n#\n#\n#\n#\n# Do not change their order.",
    ],
)
def test_who_only_speaks_of_it_wrote_it_themselves(head: str) -> None:
    entry = index_text("a.py", f"{head}\ndef f(a):\n    return a.go()\n")
    assert not any(d.generated for d in entry.definitions)


def test_java_has_an_annotation_for_it() -> None:
    body = "class A { int f(int a) { return a; } }\n"
    for mark in ('@Generated("x")', '@javax.annotation.processing.Generated("x")'):
        entry = index_text("A.java", f"package a;\n\n{mark}\n{body}")
        assert all(d.generated for d in entry.definitions)
    assert not any(d.generated for d in index_text("A.java", f"package a;\n{body}").definitions)
