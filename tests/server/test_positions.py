import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from steadyhand_agent.index.languages import index_text
from steadyhand_server import convert
from steadyhand_server.client import edited
from steadyhand_server.documents import Documents, LineTable
from steadyhand_server.editor import text_edits

# What other line splitters take for a line's end, and what UTF-8 and UTF-16 count differently.
TEXTS = st.text(
    st.sampled_from("ab \t\n\r\f\v\x1c\x1d\x1e\x85\u2028\u2029\ufeffé€😀𝒳\u0301\ud800")
    | st.characters(),
    max_size=40,
)
LINES = st.lists(
    st.tuples(st.sampled_from(["", "a", "b", "é😀", "\f", "\u2028", "\x85x", "\v"]),
              st.sampled_from(["\n", "\r\n", "\r"])),
    max_size=8,
)  # fmt: skip
FILES = st.builds(
    lambda lines, last: "".join(text + end for text, end in lines) + last,
    LINES,
    st.sampled_from(["", "a", "😀"]),
)


def lsp_lines(text: str) -> list[str]:
    return re.split(r"\r\n|\n|\r", text)


def units(text: str, encoding: str = "utf-16") -> int:
    name, width = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[
        encoding
    ]
    return len(text.encode(name, "surrogatepass")) // width


def size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("mark", ["\f", "\v", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_only_the_protocol_s_line_ends_end_a_line(mark: str) -> None:
    assert LineTable(f"a{mark}b").lines == 1


@pytest.mark.parametrize(
    ("text", "lines"),
    [("", 1), ("a", 1), ("\n", 2), ("\r", 2), ("\r\n", 2), ("\n\r", 3), ("\r\r\n\n", 4)],
)
def test_line_ends_are_counted(text: str, lines: int) -> None:
    assert LineTable(text).lines == lines


@given(TEXTS)
def test_lines_are_the_protocol_s(text: str) -> None:
    table, expected = LineTable(text), lsp_lines(text)
    assert table.lines == len(expected)
    found = [table.line(n)[1].decode("utf-8", "surrogatepass") for n in range(table.lines)]
    assert found == expected
    assert table.line(table.lines + 3) == (size(text), b"")


@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_every_offset_has_a_position_and_leads_back(text: str, encoding: Any) -> None:
    table = LineTable(text, encoding)
    for at in range(len(text) + 1):
        if text[at - 1 : at + 1] == "\r\n" and at:
            continue  # There is no position between the two.
        before = text[:at]
        lines = lsp_lines(before)
        expected = lsp.Position(len(lines) - 1, units(lines[-1], encoding))
        assert convert.position(table, size(before)) == expected
        assert convert.offset(table, expected) == size(before)


@given(TEXTS, st.integers(0, 60), st.integers(0, 60))
def test_every_position_leads_into_the_text(text: str, line: int, character: int) -> None:
    table = LineTable(text)
    at = convert.offset(table, lsp.Position(line, character))
    assert 0 <= at <= size(text)
    table.data[:at].decode("utf-8", "surrogatepass")
    lines = lsp_lines(text)
    if line >= len(lines):
        assert at == size(text)
    elif character >= units(lines[line]):
        assert convert.position(table, at) == lsp.Position(line, units(lines[line]))


def test_a_position_inside_a_pair_is_the_one_before() -> None:
    assert convert.offset(LineTable("a😀b"), lsp.Position(0, 2)) == 1
    assert convert.offset(LineTable("a😀b"), lsp.Position(0, 3)) == 5


def test_offsets_past_the_ends_are_the_ends() -> None:
    table = LineTable("a\nb")
    assert convert.position(table, -5) == lsp.Position(0, 0)
    assert convert.position(table, 99) == lsp.Position(1, 1)


@given(TEXTS)
def test_the_whole_range_is_the_whole_text(text: str) -> None:
    table = LineTable(text)
    found = convert.span(table, 0, len(table.data))
    assert (convert.offset(table, found.start), convert.offset(table, found.end)) == (0, size(text))


@pytest.mark.parametrize("head", ["", "\ufeff", "x = '😀é'; ", "# \f\u2028\r\n", "\r\r"])
def test_the_range_of_a_name(head: str) -> None:
    text = f"{head}\ndef größe_😀(a): return a\n".replace("😀", "x")
    (found,) = [d for d in index_text("a.py", text).definitions if d.kind == "function"]
    table = LineTable(text)
    span = convert.name_span(table, found)
    start, end = convert.offset(table, span.start), convert.offset(table, span.end)
    assert table.data[start:end].decode() == "größe_x"
    assert span.end.character - span.start.character == len("größe_x")


def as_json(edits: list[lsp.TextEdit]) -> list[dict[str, Any]]:
    def place(position: lsp.Position) -> dict[str, int]:
        return {"line": position.line, "character": position.character}

    return [
        {"range": {"start": place(e.range.start), "end": place(e.range.end)}, "newText": e.new_text}
        for e in edits
    ]


@given(FILES, FILES)
@example("a\r", "a\r\n")
@example("a\r\n", "a\n")
@example("a\r\nb", "a\nb")
@example("", "😀")
@example("a\n\r", "a\n\rb\n")
def test_applying_the_edits_gives_the_new_text(base: str, new: str) -> None:
    assert edited(base, as_json(text_edits(base, new))) == new


@given(TEXTS, TEXTS)
def test_applying_the_edits_of_any_texts_gives_the_new_text(base: str, new: str) -> None:
    assert edited(base, as_json(text_edits(base, new))) == new


@given(FILES, FILES)
def test_edits_are_in_order_and_do_not_overlap(base: str, new: str) -> None:
    table = LineTable(base)
    at = 0
    for edit in text_edits(base, new):
        start, end = convert.offset(table, edit.range.start), convert.offset(table, edit.range.end)
        assert at <= start <= end
        at = end


def test_equal_texts_need_no_edit() -> None:
    assert text_edits("a\nb\n", "a\nb\n") == []


def test_an_edit_touches_only_the_lines_that_change() -> None:
    (edit,) = text_edits("a\nb\nc\n", "a\nB\nc\n")
    assert edit.range == lsp.Range(lsp.Position(1, 0), lsp.Position(2, 0))
    assert edit.new_text == "B\n"


def test_documents_are_found_by_uri_and_by_path() -> None:
    documents = Documents()
    one = documents.put("file:///w/a.py", "a.py", 1, "x")
    other = documents.put("untitled:1", None, 1, "y")
    assert documents.get("file:///w/a.py") is documents.at("a.py") is one
    assert documents.all() == [one, other]
    two = documents.put("file:///w/a.py", "a.py", 2, "z")
    assert documents.at("a.py") == two
    assert one.text == "x"
    assert documents.drop("file:///w/a.py") == two
    assert documents.at("a.py") is documents.get("file:///w/a.py") is None
    assert documents.drop("file:///w/a.py") is None
    assert documents.at("never") is None


def test_a_second_document_of_the_same_path_keeps_the_first_one_s_name() -> None:
    """Two spellings of one file's URI, one of which is closed: the other is still open."""
    documents = Documents()
    documents.put("file:///w/a.py", "a.py", 1, "first")
    documents.put("file:///w/link.py", "a.py", 1, "second")
    documents.drop("file:///w/link.py")
    left = documents.at("a.py")
    assert left is not None
    assert left.text == "first"
