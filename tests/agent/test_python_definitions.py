import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.languages.python import PYTHON, module_name


def definitions(path, text):
    return list(index_text(path, text).definitions)


def read(text: str, path: str = "app.py") -> list[Definition]:
    return definitions(path, text)


def names(text: str) -> list[str]:
    return [d.qualified for d in read(text)]


def one(text: str, qualified: str) -> Definition:
    (found,) = [d for d in read(text) if d.qualified == qualified]
    return found


NESTED = """\
LIMIT = 3
lower = 4

class Post:
    SIZE = 5

    def slug(self):
        def clean(text):
            return text

        class Local:
            def inside(self):
                return 1

        return clean(self.title)

    class Meta:
        def order(self):
            return "date"


async def load(path):
    return path
"""


def test_qualified_names_follow_the_nesting() -> None:
    assert names(NESTED) == [
        "LIMIT",
        "Post",
        "Post.slug",
        "Post.slug.clean",
        "Post.slug.Local",
        "Post.slug.Local.inside",
        "Post.Meta",
        "Post.Meta.order",
        "load",
    ]


@pytest.mark.parametrize(
    ("qualified", "kind", "local", "module_level"),
    [
        ("LIMIT", "constant", False, True),
        ("Post", "class", False, True),
        ("Post.slug", "method", False, False),
        ("Post.slug.clean", "function", True, False),
        ("Post.slug.Local", "class", True, False),
        ("Post.slug.Local.inside", "method", True, False),
        ("Post.Meta", "class", False, False),
        ("Post.Meta.order", "method", False, False),
        ("load", "function", False, True),
    ],
)
def test_kind_and_reach(qualified: str, kind: str, local: bool, module_level: bool) -> None:
    found = one(NESTED, qualified)
    assert (found.kind, found.local, found.module_level) == (kind, local, module_level)


def test_a_constant_is_upper_case_and_at_module_level() -> None:
    text = "LIMIT = 1\nLimit = 2\n_HIDDEN = 3\nA, B = 1, 2\nNAME: int = 4\nNAME.x = 5\nONLY: int\n"
    assert names(text) == ["LIMIT", "NAME"]
    assert one(text, "NAME").signature == "NAME: int = 4"


def test_a_long_constant_is_cut() -> None:
    signature = one(f"LIMITS = [{'9, ' * 100}]\n", "LIMITS").signature
    assert 110 < len(signature) <= 120
    assert signature.endswith("...")


def test_what_is_cut_ends_with_a_whole_word() -> None:
    """Half a secret would be shown, since it would not be known for one."""
    assert one(f"TOKEN = 'k{'9' * 500}'\n", "TOKEN").signature == "TOKEN = ..."
    head = f"def f({'argument, ' * 28}"
    found = one(f"{head}token='k{'9' * 80}'):\n    '{'word ' * 38}k{'9' * 80}'\n", "f")
    assert found.signature == f"{head}token=..."
    assert found.doc.split() == ["word"] * 38
    above = one(f"# {'word ' * 38}k{'9' * 80}\ndef g():\n    return 1\n", "g")
    assert above.doc.split() == ["word"] * 38
    # A script without blanks is no word as long as its line.
    long = "\u6587" * 300
    assert one(f"def h():\n    '{long}'\n", "h").doc == long[:200]


def test_a_constant_in_a_branch_knows_its_branch() -> None:
    first, second = read("if x:\n    LIMIT = 1\nelse:\n    LIMIT = 2\n")
    assert first.branch
    assert second.branch
    assert first.branch != second.branch


def test_spans_are_bytes_and_take_in_decorators() -> None:
    text = "# ü\n@cache\n@app.route('/', methods=['GET'])\ndef index():\n    return 1\n\n\nx = 1\n"
    found = one(text, "index")
    data = text.encode()
    assert data[found.start : found.end].decode() == (
        "@cache\n@app.route('/', methods=['GET'])\ndef index():\n    return 1"
    )
    assert data[found.name_start :].startswith(b"index()")
    assert found.line == 4
    assert found.decorators == ("cache", "app.route('/', methods=['GET'])")


def test_signature_is_one_line_without_comments() -> None:
    text = "async def load(\n    path: str,  # where\n    *,\n    deep: bool = False,\n) -> int:\n    ...\n"
    assert one(text, "load").signature == (
        "async def load( path: str, *, deep: bool = False, ) -> int"
    )


def test_signature_keeps_a_hash_sign_in_a_default() -> None:
    text = 'def colour(value="#fff", other=1):\n    return value\n'
    assert one(text, "colour").signature == 'def colour(value="#fff", other=1)'


def test_signature_of_a_class_is_its_head() -> None:
    assert one("class A(B, metaclass=C):\n    x = 1\n", "A").signature == "class A(B, metaclass=C)"


@pytest.mark.parametrize(
    "text",
    [
        "if a:\n    def f(): return 1\nelse:\n    def f(): return 2\n",
        "if a:\n    def f(): return 1\nelif b:\n    def f(): return 2\n",
        "try:\n    def f(): return 1\nexcept ImportError:\n    def f(): return 2\n",
        "try:\n    def f(): return 1\nexcept* OSError:\n    def f(): return 2\n",
        "try:\n    pass\nexcept A:\n    def f(): return 1\nfinally:\n    def f(): return 2\n",
        "match a:\n    case 1:\n        def f(): return 1\n    case _:\n        def f(): return 2\n",
        "class A:\n    if a:\n        def f(self): return 1\n    else:\n        def f(self): return 2\n",
    ],
)
def test_branches_of_one_condition_are_told_apart(text: str) -> None:
    first, second = [d for d in read(text) if d.name == "f"]
    assert first.branch
    assert second.branch
    assert first.branch != second.branch


@pytest.mark.parametrize("head", ["with a:", "for a in b:", "while a:"])
def test_plain_blocks_are_no_branches(head: str) -> None:
    found = one(f"{head}\n    def f():\n        return 1\n", "f")
    assert found.branch == ()
    assert found.module_level


def test_two_definitions_in_one_branch_share_it() -> None:
    first, second = read("if a:\n    def f(): return 1\n    def f(): return 2\n")
    assert first.branch == second.branch


@pytest.mark.parametrize(
    ("literal", "doc"),
    [
        ('"""First line.\n\n    More."""', "First line."),
        ("'one'", "one"),
        ('r"""Raw."""', "Raw."),
        ('"""\n    Below the quotes.\n    """', "Below the quotes."),
        ('("grouped")', ""),
        ('"a" "b"', 'a" "b'),
    ],
)
def test_first_line_of_the_docstring(literal: str, doc: str) -> None:
    assert one(f"def f():\n    {literal}\n    return 1\n", "f").doc == doc


def test_a_docstring_that_ends_in_a_quoted_word_keeps_it_readable() -> None:
    assert one('def f():\n    """Says "no"."""\n    return 1\n', "f").doc == 'Says "no".'


def test_a_docstring_after_a_comment_is_a_docstring() -> None:
    found = one('def f():\n    # note\n    """Doc."""\n    return 1\n', "f")
    assert found.doc == "Doc."
    assert found.statements == 1


def test_a_later_string_is_no_docstring() -> None:
    assert one('def f():\n    x = 1\n    """no"""\n    return x\n', "f").doc == ""


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "...",
        '"""Doc."""',
        "raise NotImplementedError",
        "raise NotImplementedError('later')",
        '"""Doc."""\n    ...',
        "# note\n    pass",
    ],
)
def test_trivial_bodies(body: str) -> None:
    assert one(f"def f(self):\n    {body}\n", "f").trivial


@pytest.mark.parametrize("body", ["return None", "x = 1", "raise ValueError", "pass\n    f()", "1"])
def test_bodies_with_behaviour_are_not_trivial(body: str) -> None:
    assert not one(f"def f(self):\n    {body}\n", "f").trivial


def test_size_leaves_out_docstring_comments_and_blank_lines() -> None:
    text = (
        "def f(a):\n"
        '    """Doc\n\n    more\n    """\n'
        "\n"
        "    # note\n"
        "    b = a + 1\n"
        "\n"
        "    if b:\n"
        "        return b\n"
        "    return a\n"
    )
    found = one(text, "f")
    assert found.lines == 5
    assert found.statements == 3


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("tests/helpers.py", True),
        ("a/test/b.py", True),
        ("a/testing/b.py", True),
        ("test_a.py", True),
        ("a/b_test.py", True),
        ("a/b_tests.py", True),
        ("tests.py", True),
        ("conftest.py", True),
        ("latest.py", False),
        ("contest/app.py", False),
        ("testimony.py", False),
        ("app.py", False),
    ],
)
def test_files_that_hold_tests(path: str, is_test: bool) -> None:
    assert (PYTHON.is_test_path.search(path) is not None) is is_test
    assert definitions(path, "def f():\n    return 1\n")[0].test is is_test


def test_tests_in_other_files_are_known_by_name() -> None:
    text = "def test_a():\n    return 1\n\nclass TestB:\n    def help(self):\n        return 1\n\ndef testify():\n    return 1\n"
    assert [(d.name, d.test) for d in read(text) if d.name != "help"] == [
        ("test_a", True),
        ("TestB", True),
        ("testify", False),
    ]


def test_helpers_in_a_test_class_are_tests() -> None:
    text = "class TestB:\n    def help(self):\n        return 1\n"
    assert one(text, "TestB.help").test


def test_byte_order_mark_changes_lines_and_offsets_of_nothing() -> None:
    text = "import os\n\ndef first():\n    return os\n\ndef second():\n    return 2\n"
    plain, marked = read(text), read("\ufeff" + text)
    assert [(d.qualified, d.line, d.body) for d in plain] == [
        (d.qualified, d.line, d.body) for d in marked
    ]
    data = ("\ufeff" + text).encode()
    assert [data[d.start : d.end] for d in marked] == [
        text.encode()[d.start : d.end] for d in plain
    ]


def test_byte_order_mark_right_before_a_definition() -> None:
    found = one("\ufeffdef f():\n    return 1\n", "f")
    assert (found.start, found.line) == (3, 1)


def test_crlf_changes_lines_and_bodies_of_nothing() -> None:
    plain, crlf = read(NESTED), read(NESTED.replace("\n", "\r\n"))
    assert [(d.qualified, d.line, d.body, d.lines, d.statements) for d in plain] == [
        (d.qualified, d.line, d.body, d.lines, d.statements) for d in crlf
    ]


def test_form_feed_between_definitions() -> None:
    plain = read("def f():\n    return 1\n\n\ndef g():\n    return 2\n")
    fed = read("def f():\n    return 1\n\f\n\ndef g():\n    return 2\n")
    assert [(d.qualified, d.body, d.line) for d in plain] == [
        (d.qualified, d.body, d.line) for d in fed
    ]


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("def good():\n    return 1\n\ndef broken(:\n    return\n", "good"),
        ("x = = 1\n\ndef good():\n    return 1\n", "good"),
        ("class A:\n    def good(self):\n        return 1\n\n    x = = 2\n", "A.good"),
        ("def good():\n    return 1\n\nif True\n    x = 1\n", "good"),
        ("<<<<<<< HEAD\ndef good():\n    return 1\n=======\n", "good"),
        ("def good():\n    return 1\n\nx = (\n", "good"),
    ],
)
def test_what_can_be_read_of_a_broken_text_is_read(text: str, readable: str) -> None:
    assert readable in names(text)


def test_a_method_above_an_unfinished_one_is_no_function_of_the_module() -> None:
    """A text is in this state at nearly every keystroke."""
    found = read("class A:\n    def good(self):\n        return 1\n\n    def bad(self\n")
    assert [d.module_level for d in found if d.name == "good"] == [False]


@given(st.binary(max_size=300).map(lambda data: data.decode("utf-8", "replace")))
def test_any_text_gives_definitions_that_lie_in_it(text: str) -> None:
    size = len(text.encode())
    for found in read(text):
        assert 0 <= found.start <= found.name_start < found.end <= size


PIECES = ["def f", "(", ")", ":", "\n", "    ", "class A", "return", "x", "=", "@", '"""', "f'{", "#",
          "\r", "\f", "\\", "\x85", "é", "\u2028", "😀", ",", "lambda", "async ", "\ud800", "if a:"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_scraps_of_code_give_definitions_that_lie_in_them(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    for found in read(text):
        assert 0 <= found.start <= found.name_start < found.end <= size


def test_lone_surrogates_do_not_stop_the_reading() -> None:
    assert names("X = '\ud800'\n\ndef f():\n    return '\udfff'\n") == ["X", "f"]


def test_a_hundred_thousand_open_brackets_are_read_in_time() -> None:
    """The limit is generous: what it catches took minutes, or ended the process."""
    started = time.monotonic()
    for bracket in ("(", "[", "{"):
        found = read("def f():\n    return 1\n\nx = " + bracket * 100_000)
        assert "f" in [d.name for d in found]
    assert time.monotonic() - started < 20


def test_a_hundred_thousand_closed_brackets_are_no_obstacle_to_the_others() -> None:
    plain = "def f():\n    return 1\n\n"
    text = plain + "x = " + "[" * 100_000 + "]" * 100_000 + "\n\n\ndef g():\n    return 2\n"
    found = {d.name: d for d in read(text)}
    assert found["f"].body == read(plain)[0].body
    assert "g" in found


def test_long_runs_of_comments_are_read_in_time() -> None:
    """tree-sitter's time grows with the square of their number: minutes for these."""
    text = "def f():\n    return 1\n\n" + "# note\n" * 70_000
    started = time.monotonic()
    assert [d.name for d in read(text)] == ["f"]
    assert time.monotonic() - started < 20


def test_brackets_in_a_deep_text_are_no_obstacle_to_the_others() -> None:
    found = read("def f():\n    return " + "(" * 1_000 + "1" + ")" * 1_000 + "\n")
    assert [d.name for d in found] == ["f"]
    assert found[0].body == read("def f():\n    return 1\n")[0].body


def test_deep_indentation_does_not_overflow() -> None:
    depth = 400
    lines = [" " * level + f"def f{level}():" for level in range(depth)]
    text = "\n".join([*lines, " " * depth + "return 1"]) + "\n"
    found = read(text)
    assert len(found) == depth
    assert found[-1].qualified.count(".") == depth - 1


def test_deep_conditions_do_not_overflow() -> None:
    depth = 400
    lines = [" " * level + "if x:" for level in range(depth)]
    text = "\n".join([*lines, " " * depth + "def f():", " " * (depth + 1) + "return 1"]) + "\n"
    (found,) = read(text)
    assert len(found.branch) >= depth


@dataclass
class Packages:
    folders: set[str]

    def has(self, path: str) -> bool:
        return path.removesuffix("/__init__.py") in self.folders


@pytest.mark.parametrize(
    ("path", "packages", "module"),
    [
        ("app.py", set(), "app"),
        ("tools/app.py", set(), "tools.app"),
        ("src/app.py", set(), "app"),
        ("lib/app.py", set(), "app"),
        ("src/shop/cart.py", {"src/shop"}, "shop.cart"),
        ("shop/cart.py", {"shop"}, "shop.cart"),
        ("shop/__init__.py", {"shop"}, "shop"),
        ("shop/deep/__init__.py", {"shop", "shop/deep"}, "shop.deep"),
        ("shop/deep/x.py", {"shop", "shop/deep"}, "shop.deep.x"),
        ("backend/shop/cart.py", {"backend/shop"}, "shop.cart"),
        ("stubs/shop.pyi", set(), "stubs.shop"),
    ],
)
def test_module_names(path: str, packages: set[str], module: str) -> None:
    assert module_name(path, Packages(packages)) == module


def test_constants_in_conditions_of_a_module_count_and_others_do_not() -> None:
    text = """\
try:
    A = 1
except ImportError:
    if x:
        B = 2
else:
    with y:
        C = 3
for z in x:
    D = z
    match z:
        case 1:
            E = z
class F:
    if x:
        G = 1
    H = 2
def f():
    I = 1
    if x:
        J = 1
"""
    found = [d.name for d in index_text("a.py", text).definitions if d.kind == "constant"]
    assert found == ["A", "B", "C", "D", "E"]
