import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.index import reader, worker
from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import index_text, language_of
from steadyhand_agent.index.merging import in_memory, merged
from steadyhand_agent.index.segment import Segment, SegmentDamaged, write
from steadyhand_agent.index.store import Index, View
from steadyhand_agent.index.words import packed, unpacked, words_of_definition


def filled(files: dict[str, str]) -> Index:
    index = Index()
    for path, text in files.items():
        index.put_base(index_text(path, text))
    return index


def places(view: View, name: str) -> list[str]:
    return [f"{d.path}:{d.qualified}" for d in view.named(name)]


F = "def f():\n    return 1\n"
G = "def g():\n    return 1\n"


def test_a_buffer_hides_what_is_on_disk() -> None:
    index = filled({"a.py": F})
    index.put_buffer("a.py", G)
    view = index.view()
    assert (places(view, "f"), places(view, "g")) == ([], ["a.py:g"])


def test_a_dropped_buffer_gives_the_disk_back() -> None:
    index = filled({"a.py": F})
    index.put_buffer("a.py", G)
    index.drop_buffer("a.py")
    assert places(index.view(), "f") == ["a.py:f"]
    assert places(index.view(), "g") == []


def test_a_dropped_buffer_of_a_new_file_leaves_nothing() -> None:
    index = filled({})
    index.put_buffer("a.py", F)
    index.drop_buffer("a.py")
    index.drop_buffer("a.py")
    assert index.view().paths() == []


def test_an_overlay_hides_buffer_and_disk() -> None:
    index = filled({"a.py": F, "b.py": F})
    index.put_buffer("a.py", G)
    view = index.view({"a.py": "def h():\n    return 1\n"})
    assert places(view, "h") == ["a.py:h"]
    assert places(view, "g") == []
    assert places(view, "f") == ["b.py:f"]
    assert places(index.view(), "g") == ["a.py:g"]


def test_a_hidden_body_is_not_found() -> None:
    index = filled({"a.py": F, "b.py": "x = 1\n"})
    body = index.view().named("f")[0].body
    index.put_buffer("a.py", "x = 1\n")
    assert index.view().with_body(body) == []
    index.put_buffer("b.py", F)
    assert [d.path for d in index.view().with_body(body)] == ["b.py"]


def test_a_path_that_the_overlay_deletes_is_gone_from_every_layer() -> None:
    index = filled({"a.py": F, "b.py": F})
    index.put_buffer("a.py", F)
    body = index.view().named("f")[0].body
    view = index.view({"a.py": None})
    assert view.entry("a.py") is None
    assert view.paths() == ["b.py"]
    assert places(view, "f") == ["b.py:f"]
    assert [d.path for d in view.with_body(body)] == ["b.py"]
    assert view.at("a.py", 5) is None


def test_names_of_a_view_are_those_of_all_its_layers() -> None:
    index = filled({"a.py": F})
    index.put_buffer("b.py", G)
    assert index.view().names() == {"f", "g"}


def test_replacing_a_file_forgets_what_it_held() -> None:
    index = filled({"a.py": F})
    index.put_base(index_text("a.py", G))
    assert places(index.view(), "f") == []
    assert index.definitions == 1


def test_dropping_a_file_keeps_its_namesakes() -> None:
    index = filled({"a.py": F, "b.py": F})
    index.drop_base("a.py")
    index.drop_base("never.py")
    assert places(index.view(), "f") == ["b.py:f"]
    assert index.base_hash("a.py") is None
    assert index.base_hash("b.py") == index_text("b.py", F).content_hash


def test_counts() -> None:
    index = filled({"a.py": F + G, "b.py": F, "c.py": ""})
    assert (index.files, index.definitions, index.lines) == (3, 3, 5 + 3 + 1)


SHOP = {
    "shop/__init__.py": "VERSION = 1\n",
    "shop/cart.py": "class Cart:\n    def total(self):\n        return 1\n\ndef total():\n    return 2\n",
    "src/site/__init__.py": "",
    "src/site/pages.py": "def total():\n    return 3\n",
    "tools/run.py": "def total():\n    return 4\n",
    "tool.py": "def total():\n    return 5\n",
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("total", ["shop/cart.py:Cart.total", "shop/cart.py:total", "src/site/pages.py:total",
                   "tool.py:total", "tools/run.py:total"]),
        ("Cart.total", ["shop/cart.py:Cart.total"]),
        ("cart.total", ["shop/cart.py:total"]),
        ("shop.cart.total", ["shop/cart.py:total"]),
        ("shop.cart.Cart.total", ["shop/cart.py:Cart.total"]),
        ("site.pages.total", ["src/site/pages.py:total"]),
        ("pages.total", ["src/site/pages.py:total"]),
        ("art.total", []),
        ("shop.VERSION", ["shop/__init__.py:VERSION"]),
        ("nothing", []),
        ("", []),
        (".", []),
    ],
)  # fmt: skip
def test_named(name: str, expected: list[str]) -> None:
    assert places(filled(SHOP).view(), name) == expected


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("shop/__init__.py", "shop"),
        ("shop/cart.py", "shop.cart"),
        ("src/site/pages.py", "site.pages"),
        ("src/site/__init__.py", "site"),
        ("tools/run.py", "tools.run"),
        ("tool.py", "tool"),
    ],
)
def test_module(path: str, module: str) -> None:
    assert filled(SHOP).view().module(path) == module


def test_a_package_of_the_overlay_counts() -> None:
    index = filled({"a/b/c.py": F})
    assert index.view({"a/b/__init__.py": ""}).module("a/b/c.py") == "b.c"
    assert index.view({"a/b/__init__.py": "", "a/__init__.py": ""}).module("a/b/c.py") == "a.b.c"


def test_a_package_that_the_overlay_deletes_does_not_count() -> None:
    index = filled({"a/b/__init__.py": "", "a/b/c.py": F})
    assert index.view().module("a/b/c.py") == "b.c"
    assert index.view({"a/b/__init__.py": None}).module("a/b/c.py") == "a.b.c"


def test_import_line_of_a_function_and_of_a_method() -> None:
    view = filled(SHOP).view()
    lines = [view.import_line(d) for d in view.named("total")][:3]
    assert lines == [
        "from shop.cart import Cart",
        "from shop.cart import total",
        "from site.pages import total",
    ]


def test_the_innermost_definition_around_an_offset() -> None:
    text = "x = 1\nclass A:\n    def f(self):\n        return 1\n    y = 2\n"
    view = filled({"a.py": text}).view()

    def around(piece: str) -> str | None:
        found = view.at("a.py", text.index(piece))
        return found.qualified if found else None

    assert [around(p) for p in ("x =", "class", "return", "y =")] == [None, "A", "A.f", "A"]


def test_other_languages_have_no_definitions() -> None:
    assert language_of("a.txt") is None
    assert language_of("Makefile") is None
    assert language_of("a.pyi") == language_of("a.py")
    assert index_text("a.txt", F).definitions == ()


def test_packed_definitions_come_back_whole() -> None:
    text = "@cache\n@app.get('/')\ndef f(a):\n    return a\n\nif x:\n    class A:\n        B = 1\n"
    for definition in index_text("a.py", text).definitions:
        assert Definition.unpack(list(definition)) == definition


LONG = """\
def {name}(rows, limit):
    kept = []
    for row in rows:
        if row.size > limit:
            kept.append(row.strip())
    logger.info("kept", len(kept))
    return sorted(kept, key=by_size)
"""
KEEP = LONG.format(name="f")
TEXTS = st.sampled_from(
    [
        *(F, G, F + "\n\n" + G, "", "class f:\n    def g(self):\n        return 1\n"),
        # The same function further down, decorated, and twice.
        *(
            KEEP,
            "\n\nX = 1\n" + KEEP,
            "@cache\n" + KEEP,
            KEEP + KEEP,
            KEEP.replace("info", "debug"),
        ),
        "def h():\n    return f() + text.g()\n",
    ]
)
PATHS = st.sampled_from(["a.py", "b.py", "p/c.py"])


def written(parts: list[Segment]) -> Segment:
    """One of several as it is written array by array, which is the one that memory would hold."""
    dead = [part.dead for part in parts]
    file = io.BytesIO()
    write(file, *merged(parts, dead))
    whole, held = Segment.from_buffer(file.getvalue()), in_memory(parts, dead)
    assert whole.rows == held.rows
    assert whole.arrays.keys() == held.arrays.keys()
    for name, array in held.arrays.items():
        assert np.array_equal(whole.arrays[name], array), name
    assert held.to_bytes() == whole.to_bytes()
    return whole


@given(
    st.lists(
        st.tuples(st.sampled_from(["disk", "buffer", "segment"]), PATHS, st.none() | TEXTS),
        max_size=12,
    ),
    st.dictionaries(PATHS, st.none() | TEXTS, max_size=3),
)
def test_a_view_is_what_an_index_of_the_visible_texts_would_say(
    steps: list[tuple[str, str, str | None]], overlay: dict[str, str | None]
) -> None:
    index = Index()
    disk: dict[str, str] = {}
    buffers: dict[str, str] = {}
    for layer, path, text in steps:
        if layer == "segment":
            if text is not None:
                disk[path] = text
                index.base.take(Segment.build([(index_text(path, text), 0, 0)]))
            elif parts := index.base.segments:
                # What has gone out of date is left out of the one that takes their place.
                index.base.replace(parts, written([*parts]))
        elif layer == "disk" and text is not None:
            disk[path] = text
            index.put_base(index_text(path, text))
        elif layer == "disk":
            disk.pop(path, None)
            index.drop_base(path)
        elif text is not None:
            buffers[path] = text
            index.put_buffer(path, text)
        else:
            buffers.pop(path, None)
            index.drop_buffer(path)
    visible = {p: t for p, t in {**disk, **buffers, **overlay}.items() if t is not None}
    plain, view = filled(visible).view(), index.view(overlay)
    assert view.paths() == plain.paths()
    for name in ("f", "g"):
        assert view.named(name) == plain.named(name)
        for definition in plain.named(name):
            if not definition.body:
                continue
            assert view.with_body(definition.body) == plain.with_body(definition.body)
            assert view.with_shape(definition.shape) == plain.with_shape(definition.shape)
        assert view.tops(name) == plain.tops(name)
        assert view.users(name) == plain.users(name)
    asked = index_text("asked.py", KEEP.replace("append", "add")).forms[0]
    assert view.near(asked) == plain.near(asked)


def test_who_uses_a_name_is_counted_by_files() -> None:
    files = {
        "text.py": KEEP,
        "a.py": "from text import f\ndef a(x):\n    return f(x, 1) + f(x, 2)\n",
        "b.py": "import text\ndef b(x):\n    return text.f(x, 1)\n",
        "c.py": "def c(f):\n    return f(1)\n",
        "d.rs": "fn d() -> u8 { text::f(1) }\n",
    }
    assert filled(files).view().users("f") == 3
    assert filled(files).view({"a.py": ""}).users("f") == 2


def test_a_segment_finds_near_copies_as_a_live_layer_does() -> None:
    changed = LONG.replace("logger.info", "logger.debug").format(name="pick")
    other = "def unlike(a):\n    with open(a) as file:\n        return json.load(file)[0]\n"
    files = {"a.py": LONG.format(name="keep"), "b.py": F + other, "c.py": "X = 1\n"}
    entries = [index_text(path, text) for path, text in files.items()]
    live, stored = filled(files), Index()
    stored.base.take(Segment.build([(entry, 0, 0) for entry in entries]))
    asked = index_text("d.py", changed).forms[0]
    found = [list(index.view().near(asked)) for index in (live, stored)]
    assert found[0] == found[1]
    assert [(d.path, score > 0.9) for d, score in found[1]] == [("a.py", True)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "a.py",
            LONG.format(name="keep_large_rows").replace(":\n", ':\n    """Keep rows."""\n', 1),
        ),
        (
            "a.ts",
            "/** Reads it. */\nexport function readAll(file: Input) {\n  return file.all()\n}\n",
        ),
    ],
)
def test_the_index_keeps_the_words_that_a_query_for_the_same_text_has(path: str, text: str) -> None:
    entry = index_text(path, text)
    definition = entry.definitions[0]
    asked = words_of_definition(definition, text[definition.start : definition.end])
    assert dict(unpacked(entry.forms[0].words)) == dict(unpacked(packed(asked)))
    assert len(asked) > 3


def test_a_fault_of_a_reader_leaves_out_one_file_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def fails(*_: object) -> None:
        raise IndexError("list index out of range")

    (tmp_path / "a.py").write_text(F)
    index = filled({"b.py": G})
    monkeypatch.setattr(reader._Reader, "_sweep", fails)
    assert index.put_buffer("a.py", F + "# not read before\n").definitions == ()
    assert "a.py could not be read" in caplog.text
    assert caplog.records[0].exc_info is not None
    assert places(index.view(), "g") == ["b.py:g"]
    segment, failed = worker.answer([["a.py", str(tmp_path), "a.py"]])
    assert (segment.rows, failed) == ([], [["a.py", "not understood"]])


def test_a_segment_whose_bytes_changed_is_damaged() -> None:
    data = Segment.build([(index_text("a.py", F + G), 1, 2)]).to_bytes()
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(SegmentDamaged):
            Segment.from_buffer(bytes(changed))
    for size in range(len(data)):
        with pytest.raises(SegmentDamaged):
            Segment.from_buffer(data[:size])
