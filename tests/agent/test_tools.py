import asyncio
import os
import random
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import orjson
import pytest

import secret_texts as made
from steadyhand_agent.actions import Action
from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.guard.secrets import Secrets
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.segment import Segment
from steadyhand_agent.ports import Place, Remark
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.tools import registry
from steadyhand_agent.tools.references import References
from steadyhand_agent.tools.registry import Arguments, Outcome, Registry, ToolContext

ContextOf = Callable[..., tuple[Any, Any]]


async def use(context: ToolContext, tool: str, limit: int = 12_000, **content: Any) -> Outcome:
    return await registry().run(Action(kind="tool", tool=tool, content=content), context, limit)


async def text_of(context: ToolContext, tool: str, **content: Any) -> str:
    outcome = await use(context, tool, **content)
    assert not outcome.error, outcome.text
    return outcome.text


async def failure_of(context: ToolContext, tool: str, **content: Any) -> str:
    outcome = await use(context, tool, **content)
    assert outcome.error
    assert outcome.changes == ()
    return outcome.text


# --- read_file ------------------------------------------------------------------------------------


async def test_read_numbers_the_lines(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\n\n  three\n"})
    assert await text_of(context, "read_file", path="a.py") == "1\tone\n2\t\n3\t  three"


@pytest.mark.parametrize("text", ["one\ntwo", "one\ntwo\n", "one\r\ntwo\r\n"])
async def test_read_shows_plain_line_ends(context_of: ContextOf, text: str) -> None:
    context, _ = context_of({"a.py": text})
    assert await text_of(context, "read_file", path="a.py") == "1\tone\n2\ttwo"


async def test_read_a_part(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "".join(f"l{n}\n" for n in range(1, 11))})
    text = await text_of(context, "read_file", path="a.py", start_line=3, end_line=4)
    assert text == "3\tl3\n4\tl4\n[6 more lines; read on from line 5]"
    assert await text_of(context, "read_file", path="a.py", start_line=10, end_line=99) == "10\tl10"


async def test_read_stops_after_400_lines(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x\n" * 1_000})
    text = await text_of(context, "read_file", path="a.py")
    assert text.endswith("400\tx\n[600 more lines; read on from line 401]")
    text = await text_of(context, "read_file", path="a.py", start_line=601)
    assert text.endswith("\n1000\tx")


async def test_read_with_the_end_before_the_start_fails(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\ntwo\nthree\n"})
    text = await failure_of(context, "read_file", path="a.py", start_line=3, end_line=2)
    assert "3" in text


async def test_read_an_empty_file(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": ""})
    assert await text_of(context, "read_file", path="a.py") == "[empty file]"


async def test_read_past_the_end_fails(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\n"})
    text = await failure_of(context, "read_file", path="a.py", start_line=2)
    assert text == "`a.py` has 1 lines; line 2 is past it."


async def test_read_sees_buffers_and_own_changes(context_of: ContextOf) -> None:
    context, _ = context_of({"a": "1", "b": "1"}, buffers={"a": "2", "b": "2"}, texts={"b": "3"})
    assert await text_of(context, "read_file", path="a") == "1\t2"
    assert await text_of(context, "read_file", path="./b") == "1\t3"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("missing.py", "cannot be read"),
        ("folder", "not a regular file"),
        ("binary", "binary"),
        ("latin", "UTF-8"),
        ("../x", "climbs"),
        ("/etc/passwd", "absolute"),
    ],
)
async def test_read_says_why_it_cannot(context_of: ContextOf, path: str, why: str) -> None:
    context, _ = context_of({"folder/x": "", "binary": b"\0", "latin": b"\xe9"})
    assert why in await failure_of(context, "read_file", path=path)


# --- list_files -----------------------------------------------------------------------------------


async def test_list_shows_the_files_as_the_session_sees_them(context_of: ContextOf) -> None:
    context, _ = context_of(
        {"b.py": "", "a.py": "", "p/c.md": ""}, texts={"a.py": None, "p/new.py": "x"}
    )
    assert await text_of(context, "list_files") == "b.py\np/c.md\np/new.py"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.py", "a.py\np/b.py\np/q/c.py"),
        ("p/*", "p/b.py\np/q/c.py"),
        ("p/", "p/b.py\np/q/c.py"),
        ("./p/", "p/b.py\np/q/c.py"),
        ("./", "a.py\np/b.py\np/q/c.py\nx.md"),
        ("", "a.py\np/b.py\np/q/c.py\nx.md"),
        ("**/*.py", "p/b.py\np/q/c.py"),
        ("?.md", "x.md"),
        ("[ab].py", "a.py"),
        ("*.rs", "No file matches `*.rs` (4 files in all)."),
    ],
)
async def test_list_takes_a_pattern(context_of: ContextOf, pattern: str, expected: str) -> None:
    context, _ = context_of({"a.py": "", "p/b.py": "", "p/q/c.py": "", "x.md": ""})
    assert await text_of(context, "list_files", pattern=pattern) == expected


async def test_list_is_cut(context_of: ContextOf) -> None:
    context, _ = context_of({}, texts={f"f{n:03}": "" for n in range(310)})
    text = await text_of(context, "list_files")
    assert text.endswith("f299\n[10 more; narrow the pattern]")


# --- search_text ----------------------------------------------------------------------------------


async def test_search_shows_place_and_line(context_of: ContextOf) -> None:
    context, _ = context_of(
        {"b.py": "x\n  needle here\n", "a.py": "needle\nneedle\n", "c.py": "Needle\n"}
    )
    assert await text_of(context, "search_text", text="needle") == (
        "a.py:1: needle\na.py:2: needle\nb.py:2: needle here"
    )


async def test_search_sees_the_session_s_texts(context_of: ContextOf) -> None:
    context, _ = context_of(
        {"a.py": "needle\n", "b.py": "needle\n", "c.py": "needle\n", "d.py": "x\n"},
        buffers={"a.py": "x\nneedle\n"},
        texts={"b.py": "gone\n", "c.py": None, "new.py": "a\nb\nneedle\n"},
    )
    assert (
        await text_of(context, "search_text", text="needle") == "a.py:2: needle\nnew.py:3: needle"
    )


async def test_search_takes_the_text_literally(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "f(x).*\nfx\n"})
    assert await text_of(context, "search_text", text="f(x).*") == "a.py:1: f(x).*"


async def test_search_over_lines(context_of: ContextOf) -> None:
    """A text of several lines occurs, so it must not be said that it does not."""
    context, _ = context_of({"a.py": "x\none\ntwo\n"})
    assert (await text_of(context, "search_text", text="one\ntwo")).startswith("a.py:2")


async def test_search_takes_a_pattern(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "needle", "p/b.py": "needle", "c.md": "needle"})
    assert await text_of(context, "search_text", text="needle", pattern="p/*") == "p/b.py:1: needle"
    assert (
        await text_of(context, "search_text", text="needle", pattern="./p/*") == "p/b.py:1: needle"
    )


async def test_search_counts_lines_as_read_does(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\f\u2028\x85\ntwo\n", "b.py": "one\r\ntwo\r\n"})
    assert await text_of(context, "search_text", text="two") == "a.py:2: two\nb.py:2: two"


async def test_search_counts_a_lone_carriage_return_as_read_does(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\rtwo\nthree\n"})
    hit = await text_of(context, "search_text", text="three")
    line = hit.split(":")[1]
    shown = await text_of(
        context, "read_file", path="a.py", start_line=int(line), end_line=int(line)
    )
    assert "three" in shown


async def test_search_passes_over_what_cannot_be_read(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": b"needle\0", "b.py": b"needle\xff", "c.py": "needle\n"})
    context.files = [*context.files, "gone.py", "folder/../x"]
    assert await text_of(context, "search_text", text="needle") == "c.py:1: needle"


async def test_search_over_lines_whatever_their_ends(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x\r\none\r\ntwo\r\n", "b.py": "one\n\ntwo\n"})
    assert await text_of(context, "search_text", text="one\ntwo") == "a.py:2: one"
    assert await text_of(context, "search_text", text="one\r\ntwo") == "a.py:2: one"
    assert await text_of(context, "search_text", text="\n\n") == "b.py:1: one"


async def test_search_follows_no_link_and_waits_for_nobody(
    context_of: ContextOf, tmp_path: Any
) -> None:
    context, _ = context_of({"a.py": "needle\n"})
    outside = tmp_path.parent / "outside.py"
    outside.write_text("needle\n")
    (tmp_path / "link.py").symlink_to(outside)
    (tmp_path / "broken.py").symlink_to("nowhere")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    context.files = ["a.py", "link.py", "broken.py", "folder.py", "pipe.py"]
    assert await text_of(context, "search_text", text="needle") == "a.py:1: needle"


async def test_search_in_more_files_than_are_looked_at_once(context_of: ContextOf) -> None:
    files = {f"f{n:04}.py": "" for n in range(1_200)}
    context, _ = context_of({**files, "f0000.py": "needle\n", "f1199.py": "needle\n"})
    context.overlay.put("f1100.py", "needle\n")
    assert await text_of(context, "search_text", text="needle") == (
        "f0000.py:1: needle\nf1100.py:1: needle\nf1199.py:1: needle"
    )


async def test_search_without_a_hit_says_so(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x"})
    assert await text_of(context, "search_text", text="needle") == (
        "`needle` occurs in no file that can be read."
    )


async def test_search_is_cut(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "needle\n" * 100, "b.py": "needle\n" + "x" * 500 + "needle"})
    lines = (await text_of(context, "search_text", text="needle")).split("\n")
    assert len(lines) == 61
    assert lines[-1] == "[more hits; narrow the text or the pattern]"
    lines = (await text_of(context, "search_text", text="needle", pattern="b.py")).split("\n")
    assert all(len(line) <= 220 for line in lines)


async def test_exactly_as_many_hits_as_fit_are_all_there_are(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "needle\n" * 60})
    lines = (await text_of(context, "search_text", text="needle")).split("\n")
    assert len(lines) == 60
    assert "more hits" not in lines[-1]


# --- find_definition ------------------------------------------------------------------------------

TEXT = 'def slugify(title: str) -> str:\n    """Make a slug.\n\n    More.\n    """\n    return title\n\nclass Post:\n    def slug(self):\n        return 1\n'


async def test_find_shows_place_signature_doc_and_import(context_of: ContextOf) -> None:
    context, _ = context_of({"shop/__init__.py": "", "shop/text.py": TEXT})
    assert await text_of(context, "find_definition", name="slugify") == (
        "shop/text.py:1  function slugify\n"
        "  def slugify(title: str) -> str\n"
        "  Make a slug.\n"
        "  from shop.text import slugify"
    )
    assert await text_of(context, "find_definition", name=" Post.slug ") == (
        "shop/text.py:9  method Post.slug\n  def slug(self)\n  from shop.text import Post"
    )
    assert await text_of(context, "find_definition", name="shop.text.slugify")


async def test_find_names_what_is_near(context_of: ContextOf) -> None:
    context, _ = context_of({"text.py": TEXT})
    assert await text_of(context, "find_definition", name="slugfy") == (
        "No definition is named `slugfy`. Near names: slugify, slug."
    )
    assert await text_of(context, "find_definition", name="zzz") == "No definition is named `zzz`."


async def test_find_sees_the_session_s_texts(context_of: ContextOf) -> None:
    context, _ = context_of(
        {"a.py": TEXT}, texts={"a.py": None, "b.py": "def fresh():\n    return 1\n"}
    )
    assert (await text_of(context, "find_definition", name="slugify")).startswith("No definition")
    assert "from b import fresh" in await text_of(context, "find_definition", name="fresh")


async def test_find_leaves_local_helpers_out(context_of: ContextOf) -> None:
    context, _ = context_of(
        {"a.py": "def f():\n    def inner():\n        return 1\n    return inner\n"}
    )
    assert (await text_of(context, "find_definition", name="inner")).startswith("No definition")


async def test_find_is_cut(context_of: ContextOf) -> None:
    context, _ = context_of({f"m{n:02}.py": "def f():\n    return 1\n" for n in range(15)})
    text = await text_of(context, "find_definition", name="f")
    assert text.endswith("[3 more with this name]")
    assert text.count("function f") == 12


async def test_find_does_not_claim_a_count_that_the_index_has_not_made(
    context_of: ContextOf,
) -> None:
    context, index = context_of({})
    text = "def f():\n    return 1\n"
    index.base.take(Segment.build([(index_text(f"m{n}.py", text), 0, 0) for n in range(130)]))
    found = await text_of(context, "find_definition", name="f")
    assert found.endswith("[at least 88 more with this name]")


# --- edit_file ------------------------------------------------------------------------------------


async def test_edit_replaces_one_piece(context_of: ContextOf, tmp_path: Any) -> None:
    context, _ = context_of({"a.py": "one\ntwo\nthree\n"})
    outcome = await use(context, "edit_file", path="./a.py", old_text="two", new_text="2")
    assert outcome == Outcome(
        "Edited `a.py` from line 2.",
        changes=(FileChange("a.py", "one\ntwo\nthree\n", "one\n2\nthree\n"),),
    )
    assert context.overlay.read("a.py") == "one\n2\nthree\n"
    assert (tmp_path / "a.py").read_text() == "one\ntwo\nthree\n"


async def test_edits_build_on_each_other(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\n"}, buffers={"a.py": "uno\n"})
    await text_of(context, "edit_file", path="a.py", old_text="uno", new_text="due")
    outcome = await use(context, "edit_file", path="a.py", old_text="due", new_text="tre")
    assert outcome.changes == (FileChange("a.py", "uno\n", "tre\n"),)


@pytest.mark.parametrize(
    "line", ["caf\u0065\u0301 = 'a'", "caf\xe9 = 'a'", "caf\xe9\xa0=\xa0'a'", "    caf\xe9 = 'a' "]
)
async def test_edit_of_what_looks_the_same(context_of: ContextOf, line: str) -> None:
    """Shown again as the nearest region, it would be copied wrong again."""
    context, _ = context_of({"a.py": f"x = 1\n{line}\ny = 2\n"})
    edit = {"old_text": "caf\xe9 = 'a'\n", "new_text": "caf\xe9 = 'b'\n"}
    await text_of(context, "edit_file", path="a.py", **edit)
    indent = line[: len(line) - len(line.lstrip())]
    assert context.overlay.read("a.py") == f"x = 1\n{indent}caf\xe9 = 'b'\ny = 2\n"


async def test_edit_brings_no_other_line_ends_into_a_file(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\ntwo\n"})
    await text_of(context, "edit_file", path="a.py", old_text="two", new_text="2\r\n3")
    assert context.overlay.read("a.py") == "one\n2\n3\n"


async def test_edit_of_a_crlf_file_keeps_its_line_ends(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\r\ntwo\r\nthree\r\n"})
    await text_of(context, "edit_file", path="a.py", old_text="one\ntwo\n", new_text="1\n2\n2.5\n")
    assert context.overlay.read("a.py") == "1\r\n2\r\n2.5\r\nthree\r\n"


@pytest.mark.parametrize(
    ("old", "new"), [("two", "2\n2.5"), ("two\r\n", "2\r\n2.5\r\n"), ("two\n", "2\n2.5\n")]
)
async def test_every_edit_of_a_crlf_file_keeps_its_line_ends(
    context_of: ContextOf, old: str, new: str
) -> None:
    """Also where the old text is one line, and the new one is not."""
    context, _ = context_of({"a.py": "one\r\ntwo\r\nthree\r\n"})
    await text_of(context, "edit_file", path="a.py", old_text=old, new_text=new)
    assert context.overlay.read("a.py") == "one\r\n2\r\n2.5\r\nthree\r\n"


async def test_edit_of_a_mixed_file_changes_no_other_line_end(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\r\ntwo\nthree\n"})
    await text_of(context, "edit_file", path="a.py", old_text="two\nthree", new_text="2\n3")
    assert context.overlay.read("a.py") == "one\r\n2\n3\n"


async def test_edit_keeps_the_byte_order_mark(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "\ufeffone\ntwo\n"})
    await text_of(context, "edit_file", path="a.py", old_text="one\n", new_text="1\n")
    assert context.overlay.read("a.py") == "\ufeff1\ntwo\n"


async def test_edit_of_what_is_not_unique_fails(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x = 1\ny = 1\n"})
    text = await failure_of(context, "edit_file", path="a.py", old_text="= 1", new_text="= 2")
    assert "occurs more than once in `a.py`" in text
    assert context.overlay.texts == {}


async def test_overlapping_occurrences_are_not_unique(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x\n\n\ny\n"})
    text = await failure_of(context, "edit_file", path="a.py", old_text="\n\n", new_text="\n")
    assert "more than once" in text


async def test_a_text_of_one_letter_is_told_to_repeat_itself_at_once(
    context_of: ContextOf,
) -> None:
    """To count every place would take longer than anybody waits."""
    context, _ = context_of({"a.py": "a" * 900_000})
    text = await failure_of(context, "edit_file", path="a.py", old_text="a" * 350_000, new_text="b")
    assert "more than once" in text


async def test_edit_of_what_is_not_there_shows_what_is_near(context_of: ContextOf) -> None:
    context, _ = context_of(
        {"a.py": "import os\n\n\ndef greet(name):\n    return name\n\n\nx = 1\n"}
    )
    text = await failure_of(
        context, "edit_file", path="a.py", old_text="def greet(nam):\n    return nam", new_text="x"
    )
    assert "does not occur in `a.py`, and nothing was changed" in text
    assert "begins at line 4 " in text
    assert "\n4\tdef greet(name):\n5\t    return name\n" in text


async def test_the_near_region_holds_no_line_of_a_key(context_of: ContextOf) -> None:
    key = made.private_key(random.Random(1)).split("\n")
    context, _ = context_of({"a.py": "\n".join([*key, "found = look_up(key, 1)", ""])})
    context.overlay.show = Secrets(b"k" * 32).hide
    old = "\n".join([key[-3], key[-2][:-3] + "x", key[-1], "found = look_up(key, 2)"])
    text = await failure_of(context, "edit_file", path="a.py", old_text=old, new_text="x")
    assert "\tfound = look_up(key, 1)" in text
    assert not any(line in text for line in key[1:-1])


async def test_the_near_region_counts_lines_as_read_does(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "a\f\u2028b\x85\nlonger line here\n"})
    text = await failure_of(
        context, "edit_file", path="a.py", old_text="longer line her!", new_text="x"
    )
    assert "\n2\tlonger line here" in text


async def test_the_near_region_is_told_by_all_its_lines(context_of: ContextOf) -> None:
    """The first line alone would lead to the wrong one of many alike."""
    alike = "".join(
        f"def test_{n}():\n    value = {n}\n    assert value == {n}\n\n" for n in range(9)
    )
    context, _ = context_of({"a.py": alike})
    text = await failure_of(
        context,
        "edit_file",
        path="a.py",
        old_text="def test_x():\n    value = 7\n    assert value = 7\n",
        new_text="x",
    )
    assert "begins at line 29 " in text


@pytest.mark.parametrize(
    ("text", "old", "new", "after"),
    [
        # Trailing white space that the model does not see.
        ("a = 1  \nb = 2\t\n", "a = 1\nb = 2\n", "a = 3\n", "a = 3\n"),
        ("a = 1\nb = 2\n", "a = 1  \nb = 2  \n", "a = 3\nb = 4\n", "a = 3\nb = 4\n"),
        # Copied without the indentation that all of it has.
        ("class C:\n    def f(self):\n        return 1\n", "def f(self):\n    return 1", "def f(self):\n    return 2",
         "class C:\n    def f(self):\n        return 2\n"),
        ("if x:\n\tf()\n\n\tg()\n", "f()\n\ng()\n", "g()\n\nf()\n", "if x:\n\tg()\n\n\tf()\n"),
        # Or with more of it than there is.
        ("def f():\n    return 1\n", "        def f():\n            return 1\n",
         "        def f():\n            return 2\n", "def f():\n    return 2\n"),
        # In a file with other line ends.
        ("a = 1 \r\nb = 2\r\n", "a = 1\nb = 2", "a = 3\nb = 4", "a = 3\r\nb = 4\r\n"),
        ("a = 1 \r\nb = 2\r\nc = 3\r\n", "a = 1\nb = 2\n", "", "c = 3\r\n"),
    ],
)  # fmt: skip
async def test_white_space_that_is_off_is_forgiven(
    context_of: ContextOf, text: str, old: str, new: str, after: str
) -> None:
    context, _ = context_of({"a.py": text})
    await text_of(context, "edit_file", path="a.py", old_text=old, new_text=new)
    assert context.overlay.read("a.py") == after


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("if x:\n    f()\nif y:\n        f()\n", "  f()  \n"),
        ("f()\n  g()\n", "f()\ng()\n"),
        ("x = 'a b'\n", "x = 'a  b'\n"),
        ("\tf()\n", "    f()\n  \n"),
        ("a\n\n\nb\n", "  \n  \n"),
    ],
)
async def test_white_space_is_not_forgiven_where_it_means_something(
    context_of: ContextOf, text: str, old: str
) -> None:
    """In more than one place, unevenly, inside a line, or where nothing else is left."""
    context, _ = context_of({"a.py": text})
    await failure_of(context, "edit_file", path="a.py", old_text=old, new_text="x")
    assert context.overlay.texts == {}


async def test_edit_of_what_is_nowhere_near_says_to_read_again(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x = 1\n"})
    text = await failure_of(
        context, "edit_file", path="a.py", old_text="something else", new_text="y"
    )
    assert text.endswith("Read the file again before the next edit.")


async def test_edit_that_changes_nothing_fails(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x = 1\n"})
    assert "same" in await failure_of(context, "edit_file", path="a.py", old_text="x", new_text="x")


async def test_edit_of_a_missing_file_fails(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": ""}, texts={"a.py": None})
    for path in ("missing.py", "a.py"):
        assert path in await failure_of(context, "edit_file", path=path, old_text="x", new_text="y")


async def test_edit_may_remove_a_piece(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "one\ntwo\n"})
    await text_of(context, "edit_file", path="a.py", old_text="two\n", new_text="")
    assert context.overlay.read("a.py") == "one\n"


# --- create_file ----------------------------------------------------------------------------------


async def test_create_takes_a_new_file(context_of: ContextOf, tmp_path: Any) -> None:
    context, _ = context_of({})
    outcome = await use(context, "create_file", path="./p//new.py", text="x = 1\n")
    assert outcome == Outcome(
        "Created `p/new.py`.", changes=(FileChange("p/new.py", None, "x = 1\n"),)
    )
    assert list(tmp_path.glob("p/*")) == []


@pytest.mark.parametrize("path", ["disk.py", "buffer.py", "mine.py", "folder"])
async def test_create_of_what_exists_fails(context_of: ContextOf, path: str) -> None:
    context, _ = context_of(
        {"disk.py": "", "folder/x": ""}, buffers={"buffer.py": ""}, texts={"mine.py": ""}
    )
    text = await failure_of(context, "create_file", path=path, text="x")
    assert text == f"`{path}` exists; change it with `edit_file`."


async def test_create_of_what_the_session_deleted(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "old"}, texts={"a.py": None})
    outcome = await use(context, "create_file", path="a.py", text="new")
    assert outcome.changes == (FileChange("a.py", "old", "new\n"),)


async def test_create_below_a_file_fails(context_of: ContextOf) -> None:
    """It could be proposed, and never applied."""
    context, _ = context_of({"a.py": ""})
    await failure_of(context, "create_file", path="a.py/b.py", text="x")


# --- registry -------------------------------------------------------------------------------------


def test_schemas_are_flat_and_the_same_every_time() -> None:
    schemas = registry().schemas
    assert [s["name"] for s in schemas] == [
        "read_file", "list_files", "search_text", "find_definition", "find_similar", "edit_file",
        "create_file", "rename_file", "delete_file", "finish",
    ]  # fmt: skip
    assert orjson.dumps(schemas) == orjson.dumps(registry().schemas)
    for schema in schemas:
        properties = schema["input_schema"]["properties"]
        assert list(properties)[-1] == "reason"
        assert "reason" in schema["input_schema"]["required"]
        for value in properties.values():
            assert value["type"] in ("string", "integer")
            assert value["description"]


async def test_a_long_result_is_bounded(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x" * 50_000})
    outcome = await use(context, "read_file", limit=900, path="a.py")
    assert len(outcome.text) < 1_000
    assert "bytes left out" in outcome.text


async def test_a_long_failure_is_bounded_too(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "longer line here" + "x" * 60_000 + "\n"})
    wanted = "longer line her" + "x" * 60_000
    outcome = await use(
        context, "edit_file", limit=900, path="a.py", old_text=wanted + "!", new_text=""
    )
    assert outcome.error
    assert len(outcome.text) < 1_000


async def test_unknown_arguments_are_let_pass(context_of: ContextOf) -> None:
    context, _ = context_of({"a.py": "x\n"})
    assert await text_of(context, "read_file", path="a.py", encoding="utf-8") == "1\tx"


async def test_an_unknown_tool_fails(context_of: ContextOf) -> None:
    context, _ = context_of({})
    assert "Use one of: read_file" in await failure_of(context, "shell")


class Broken:
    """A tool with a fault, and one that takes too long."""

    name: ClassVar[str] = "broken"
    description: ClassVar[str] = "Fails."
    arguments: ClassVar[type[Arguments]] = Arguments

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def run(self, arguments: Arguments, context: ToolContext) -> Outcome:
        if self.error is not None:
            raise self.error
        import time

        time.sleep(0.5)
        return Outcome("late")


async def test_a_fault_of_a_tool_becomes_a_result(context_of: ContextOf) -> None:
    context, _ = context_of({})
    action = Action(kind="tool", tool="broken")
    outcome = await Registry([Broken(RuntimeError("secret"))]).run(action, context, 999)
    assert outcome.error
    assert "`broken` failed: RuntimeError" in outcome.text
    assert "secret" not in outcome.text
    outcome = await Registry([Broken(ToolFailed("in words"))]).run(action, context, 999)
    assert outcome == Outcome("in words", error=True)


async def test_a_tool_that_takes_too_long_is_given_up(context_of: ContextOf) -> None:
    context, _ = context_of({})
    action = Action(kind="tool", tool="broken")
    outcome = await Registry([Broken()], file_seconds=0.05).run(action, context, 999)
    assert outcome.error
    assert "longer than 0.05 s" in outcome.text


async def test_cancelling_is_not_swallowed(context_of: ContextOf) -> None:
    context, _ = context_of({})
    task = asyncio.create_task(
        Registry([Broken()]).run(Action(kind="tool", tool="broken"), context, 9)
    )
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_index_is_not_changed_by_an_edit(context_of: ContextOf) -> None:
    context, index = context_of({"a.py": "x = 1\n"})
    context.overlay.put("a.py", "def f():\n    return 1\n")
    assert index.base_hash("a.py") == index_text("a.py", "x = 1\n").content_hash
    assert index.view().named("f") == []


# --- delete_file, rename_file ---------------------------------------------------------------------


async def test_delete_marks_the_file_as_gone(context_of: ContextOf, tmp_path: Any) -> None:
    context, _ = context_of({"a.py": "one\n", "b.py": "two\n"})
    outcome = await use(context, "delete_file", path="./a.py")
    assert outcome.changes == (FileChange("a.py", "one\n", None),)
    assert (tmp_path / "a.py").read_text() == "one\n"
    assert await text_of(context, "list_files") == "b.py"
    assert "deleted in this proposal" in await failure_of(context, "read_file", path="a.py")
    assert "no file `a.py`" in await failure_of(context, "delete_file", path="a.py")


async def test_delete_of_the_session_s_own_file_leaves_nothing(context_of: ContextOf) -> None:
    context, _ = context_of({}, texts={"new.py": "x\n"})
    outcome = await use(context, "delete_file", path="new.py")
    assert outcome.changes == (FileChange("new.py", None, None),)
    assert context.overlay.changes() == ()


@pytest.mark.parametrize(
    ("path", "why"),
    [("missing.py", "no file"), ("folder", "regular"), ("binary", "binary"), ("../x", "climbs")],
)
async def test_delete_says_why_it_cannot(context_of: ContextOf, path: str, why: str) -> None:
    context, _ = context_of({"folder/x": "", "binary": b"\0"})
    assert why in await failure_of(context, "delete_file", path=path)


async def test_rename_is_the_same_text_elsewhere(context_of: ContextOf, tmp_path: Any) -> None:
    context, _ = context_of({"a.py": "old\n"}, buffers={"a.py": "one\r\n"})
    outcome = await use(context, "rename_file", path="a.py", new_path="p/b.py")
    assert outcome.changes == (
        FileChange("a.py", "one\r\n", None),
        FileChange("p/b.py", None, "one\r\n"),
    )
    assert await text_of(context, "list_files") == "p/b.py"
    assert not (tmp_path / "p").exists()
    await text_of(context, "rename_file", path="p/b.py", new_path="a.py")
    assert context.overlay.changes() == ()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("missing.py", "x.py", "no file"),
        ("a.py", "b.py", "exists"),
        ("a.py", "./a.py", "already"),
        ("a.py", "folder", "exists"),
        ("a.py", "b.py/c.py", "is a file, not a folder"),
        ("a.py", "../c.py", "climbs"),
        ("a.py", "/tmp/c.py", "absolute"),
        ("a.py", ".git/hooks/pre-commit", "does not touch"),
        ("a.py", "out/c.py", "out of the workspace"),
    ],
)
async def test_rename_says_why_it_cannot(
    context_of: ContextOf, tmp_path: Any, old: str, new: str, why: str
) -> None:
    context, _ = context_of({"a.py": "x\n", "b.py": "y\n", "folder/x": ""})
    (tmp_path / "out").symlink_to("/tmp")
    assert why in await failure_of(context, "rename_file", path=old, new_path=new)
    assert context.overlay.texts == {}


@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("delete_file", {}),
        ("rename_file", {"new_path": "moved.py"}),
        ("edit_file", {"old_text": "x", "new_text": "y"}),
    ],
)
async def test_a_link_is_not_taken_for_the_file_it_leads_to(
    context_of: ContextOf, tmp_path: Any, tool: str, more: dict[str, str]
) -> None:
    context, _ = context_of({"real.py": "x\n"})
    (tmp_path / "link.py").symlink_to("real.py")
    said = await failure_of(context, tool, path="link.py", **more)
    assert "`link.py` is a link to `real.py`" in said
    assert context.overlay.texts == {}
    await text_of(context, tool, path="real.py", **more)


async def test_a_file_has_one_name_in_a_session(context_of: ContextOf, tmp_path: Any) -> None:
    """By two names it would have two texts, of which applying can write one alone."""
    context, _ = context_of({"real/a.py": "x\n"})
    (tmp_path / "link").symlink_to("real")
    edit = {"old_text": "x", "new_text": "y"}
    said = await failure_of(context, "edit_file", path="link/a.py", **edit)
    assert "Name `real/a.py`" in said
    said = await failure_of(context, "create_file", path="link/b.py", text="z\n")
    assert "Name `real/b.py`" in said
    assert await text_of(context, "read_file", path="link/a.py") == "1\tx"
    await text_of(context, "edit_file", path="real/a.py", **edit)


async def test_nothing_is_proposed_below_a_file_that_is_proposed(context_of: ContextOf) -> None:
    context, _ = context_of({}, texts={"a": "x\n", "p/q.py": "y\n"})
    assert "is a file in your proposal" in await failure_of(
        context, "create_file", path="a/b.py", text="z"
    )
    assert "is a folder in your proposal" in await failure_of(
        context, "create_file", path="p", text="z"
    )


# --- what is shown --------------------------------------------------------------------------------


class Talkative:
    """A tool with a result that is as long as one likes."""

    name: ClassVar[str] = "talkative"
    description: ClassVar[str] = "Talks."
    arguments: ClassVar[type[Arguments]] = Arguments

    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, arguments: Arguments, context: ToolContext) -> Outcome:
        return Outcome(self.text)


@pytest.mark.parametrize("length", [30_000, 10_000_000])
async def test_secrets_in_a_long_result_are_looked_for_off_the_event_loop(
    context_of: ContextOf, length: int
) -> None:
    seen: list[tuple[bool, int]] = []

    def show(text: str) -> str:
        on_loop = threading.current_thread() is threading.main_thread()
        seen.append((on_loop, len(text)))
        return text

    context, _ = context_of({})
    context.overlay.show = show
    action = Action(kind="tool", tool="talkative")
    outcome = await Registry([Talkative(f"begin{'x' * length}end")]).run(action, context, 999)
    assert outcome.text.startswith("begin")
    assert outcome.text.endswith("end")
    ((on_loop, looked_at),) = seen
    assert not on_loop
    assert looked_at < 5_000_000


class Neighbour:
    """An editor that knows of one use."""

    answers: ClassVar[frozenset[str]] = frozenset({"references"})

    async def references(self, path: str, line: int, column: int) -> list[Place]:
        return [Place("a.py", 2), Place("gone.py", 1)]

    async def diagnostics(self, path: str | None) -> list[Remark]:
        return []


async def test_a_use_is_shown_without_half_a_secret(context_of: ContextOf) -> None:
    token = made.TOKENS["npm"](random.Random(1))
    line = f"f({'1, ' * 42}'{token}')"
    assert line.index(token) < 160 < line.index(token) + len(token)
    context, _ = context_of({"a.py": f"def f(*a): ...\n{line}\n"})
    context.overlay.show = Secrets(b"k" * 32).hide
    context.neighbours = Neighbour()
    action = Action(
        kind="tool", tool="references", content={"path": "a.py", "line": 1, "name": "f"}
    )
    outcome = await Registry([References()]).run(action, context, 999)
    assert not outcome.error
    assert "a.py:2: f(1, 1" in outcome.text
    assert "[secret:" in outcome.text
    assert token[:12] not in outcome.text
    assert outcome.text.endswith("gone.py:1: ")
