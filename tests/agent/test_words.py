import os
import subprocess
import sys
from pathlib import Path

import pytest

from steadyhand_agent.index import words as words_module
from steadyhand_agent.index.likeness import words_of_code
from steadyhand_agent.index.words import (
    ATTRIBUTE,
    BODY,
    CALLED,
    DOC,
    MAX_WORDS,
    NAME,
    PARAMETER,
    body_after_head,
    packed,
    related,
    stem,
    unpacked,
    word_id,
    words_of,
)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("slugify", ["slug", "name", "slugify"]),
        ("parseHTTPDate", ["parse", "http", "date"]),
        ("HTTPServer2Name", ["http", "server", "name"]),
        ("_to_snake_case", ["to", "snake", "underscore", "case"]),
        ("sha256_of", ["sha", "256"]),
        ("größe_in_bytes", ["größe", "bytes"]),
        ("x", []),
        ("_", []),
        ("的名字", ["的名字"]),
        ("makedirs", ["make", "directory", "makedirs"]),
        ("getMakedirs", ["get", "make", "directory", "makedirs"]),
    ],
)
def test_a_token_is_split(token: str, words: list[str]) -> None:
    expected = {stem(word) for word in words} - {"to"}
    assert set(words_of(token, "", "", "")) == expected


def test_endings_do_not_tell_words_apart() -> None:
    assert {stem(w) for w in ("retry", "retries", "retrying", "retried")} == {"retri"}
    assert stem("normalization") == stem("normalize")


def test_a_word_weighs_by_where_it_stands() -> None:
    words = words_of(
        "slug",
        "def slug(heading: str, width=80)",
        "Turn into an address.",
        "    cleaned = heading.translate.table\n    return normal(cleaned)\n",
    )
    assert words["slug"] == NAME
    assert words[stem("heading")] == PARAMETER + BODY
    assert words[stem("address")] == DOC
    assert words[stem("translate")] == ATTRIBUTE
    assert words["normal"] == CALLED
    assert words[stem("cleaned")] == BODY
    assert "str" not in words


def test_keywords_are_words_in_a_name_and_a_doc_but_not_in_a_body() -> None:
    assert stem("delete") in words_of("delete_old", "", "", "")
    assert stem("import") in words_of("", "", "Import an address book.", "")
    body = words_of("", "", "", "import thing\ndelete(thing)\nreturn default\n")
    assert set(body) == {stem("thing")}


@pytest.mark.parametrize("head", ["def slug(text):", "@slug.cached\ndef slug(\n    text,\n):"])
def test_the_docstring_is_not_counted_again_as_body(head: str) -> None:
    text = f'{head}\n    """Make\n    an elephant."""\n    return low(text)\n'
    rest = body_after_head(text, "slug")
    assert "elephant" not in rest
    assert "low(text)" in rest


def test_a_body_on_the_line_of_its_head_is_kept() -> None:
    assert "trim" in body_after_head("const f = (s) => trim(s)", "f")


@pytest.mark.parametrize(
    "code",
    [
        "function removeAccents(text) {\n  return text.normalize('NFD').replace(marks, '')\n}\n",
        "func removeAccents(text string) string {\n\treturn text.normalize(NFD).replace(marks)\n}\n",
        "fn remove_accents(text: &str) -> String {\n    text.normalize(NFD).replace(marks)\n}\n",
    ],
)
def test_languages_share_their_words(code: str) -> None:
    python = "def remove_accents(text):\n    return text.normalize('NFD').replace(marks, '')\n"
    name = "removeAccents" if "removeAccents" in code else "remove_accents"
    here = words_of(name, code.split("{")[0], "", body_after_head(code, name))
    there = words_of(
        "remove_accents",
        "def remove_accents(text)",
        "",
        body_after_head(python, "remove_accents"),
    )
    assert here == there


def test_the_words_are_few_and_the_weightiest() -> None:
    body = "\n".join(f"    word{chr(97 + n // 26)}{chr(97 + n % 26)} = 1" for n in range(200))
    words = words_of("slug_of_title", "", "", body)
    assert len(words) == MAX_WORDS
    assert {"slug", "titl"} <= set(words)


def test_what_is_packed_can_be_read_and_fits_a_byte() -> None:
    words = words_of("slug " * 20, "", "", "join(text)")
    assert dict(unpacked(packed(words))) == {
        word_id("slug"): 255,
        word_id("join"): CALLED,
        word_id("text"): BODY,
    }


def test_another_process_packs_the_same() -> None:
    code = "def a_b(x):\n" + "".join(f"    call_{chr(97 + n)}x.y{n}z()\n" for n in range(26)) * 3
    program = (
        "import sys; from steadyhand_agent.index.likeness import words_of_code;"
        "from steadyhand_agent.index.words import packed;"
        "print(packed(words_of_code(sys.stdin.read())).hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=code,
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == packed(words_of_code(code)).hex()


def test_synonyms_go_both_ways() -> None:
    assert stem("directory") in related(stem("folder"))
    assert stem("folder") in related(stem("directory"))
    assert related("zebra") == ()


def test_the_table_of_synonyms_is_well_formed() -> None:
    path = Path(words_module.__file__).with_name("synonyms.txt")
    seen: set[str] = set()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        assert line == line.lower() == line.strip(), number
        left, arrow, right = line.partition(" -> ")
        words = (right if arrow else left).split()
        assert len(words) > (0 if arrow else 1), number
        assert len(set(words)) == len(words), number
        if arrow:
            assert left not in seen, number
            assert " " not in left, number
            seen.add(left)
