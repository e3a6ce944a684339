import json
import sysconfig
from pathlib import Path

import pytest

from described_view import DescribedView
from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.likeness import (
    described_like,
    ranked,
    words_of_code,
    words_of_description,
)
from steadyhand_agent.index.words import describable

PAIRS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "bench" / "t4_pairs.jsonl").read_text().splitlines()
]
STDLIB = Path(sysconfig.get_path("stdlib"))
HAYSTACK = ("shutil", "argparse", "textwrap", "datetime", "statistics", "json/decoder", "random")

ENSURE = '''
def ensure_directory(path):
    """Make a directory with its parents if it is not there."""
    Path(path).mkdir(parents=True, exist_ok=True)
    return path
'''
FOLDER = '''
def create_directory(path: str) -> None:
    """Make a directory and its missing parents."""
    target = Path(path)
    if not target.exists():
        target.mkdir(parents=True)
'''
OTHERS = '''
def parse_amount(text):
    """Read an amount of money."""
    return Decimal(text.replace(",", "."))


class Order:
    """What a customer wants."""

    def total(self):
        """Sum over the lines."""
        return sum(line.price for line in self.lines)
'''


def first(code: str, path: str = "new.py") -> Definition:
    return next(d for d in index_text(path, code).definitions if d.kind in ("function", "method"))


def found(view: DescribedView, query: dict[str, int], *, callable_only: bool = True) -> list[str]:
    hits = ranked(view, query, 5, callable_only=callable_only)
    return [hit.definition.qualified for hit in hits]


@pytest.fixture(scope="module")
def haystack() -> DescribedView:
    texts = {f"{name}.py": (STDLIB / f"{name}.py").read_text("utf-8") for name in HAYSTACK}
    texts |= {f"pairs/{n}.py": pair["existing"] for n, pair in enumerate(PAIRS)}
    return DescribedView(texts)


@pytest.mark.parametrize(("kind", "least"), [("test", 0.8), ("fresh", 0.7)])
def test_the_helper_is_among_the_first_five(
    haystack: DescribedView, kind: str, least: float
) -> None:
    hits = [
        f"pairs/{number}.py"
        in {
            hit.definition.path
            for hit in ranked(haystack, words_of_code(pair["rewrite"]), 5, callable_only=True)
        }
        for number, pair in enumerate(PAIRS)
        if pair["set"] == kind
    ]
    assert len(hits) >= 30
    assert sum(hits) / len(hits) >= least


def test_the_pairs_are_written_differently_under_another_name() -> None:
    assert sum(pair["set"] == "test" for pair in PAIRS) == 60
    for pair in PAIRS:
        one, other = first(pair["existing"]), first(pair["rewrite"])
        assert one.name != other.name, pair["topic"]
        assert one.body != other.body, pair["topic"]


def test_statements_and_descriptions_find_it_too() -> None:
    view = DescribedView({"paths.py": ENSURE, "orders.py": OTHERS})
    assert found(view, words_of_code("p = Path('x')\np.mkdir(parents=True)\n"))[0] == (
        "ensure_directory"
    )
    assert found(view, words_of_description("create a folder"))[0] == "ensure_directory"


def test_classes_answer_a_description_only() -> None:
    view = DescribedView({"orders.py": OTHERS})
    words = words_of_description("what a customer wants")
    assert found(view, words, callable_only=False) == ["Order"]
    assert found(view, words) == []


def test_a_method_stands_behind_a_function_that_fits_as_well() -> None:
    method = "class Paths:\n" + "\n".join("    " + line for line in ENSURE.splitlines())
    view = DescribedView({"a.py": method, "b.py": ENSURE})
    assert found(view, words_of_code(FOLDER)) == ["ensure_directory", "Paths.ensure_directory"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("tests/test_a.py", "def test_slug():\n    assert slug('a')\n"),
        ("tests/a.py", "def slug_of(text):\n    return text.lower()\n"),
        ("a.py", "SLUG = 'a'\n"),
        ("a.py", "def slug(text):\n    ...\n"),
        ("a.py", "class Slug:\n    def __init__(self, text):\n        self.text = text\n"),
    ],
)
def test_what_nobody_can_use_is_not_described(path: str, code: str) -> None:
    last = index_text(path, code).definitions[-1]
    assert not describable(last)


# --- the guard's note -----------------------------------------------------------------------------


def note(existing: str, new: str, *, path: str = "new.py", at: str = "paths.py") -> list[str]:
    view = DescribedView({at: existing, "orders.py": OTHERS, path: new if path != at else existing})
    return [d.place for d in described_like(view, first(new, path), new.strip() + "\n")]


def test_the_guard_names_what_stands_out() -> None:
    assert note(ENSURE, FOLDER) == ["paths.py:2"]


def test_the_guard_is_silent_where_nothing_is_alike() -> None:
    new = (
        "def shade(color, share):\n    red, green, blue = color\n"
        "    return tuple(int(part * share) for part in (red, green, blue))\n"
    )
    assert note(ENSURE, new) == []


def test_the_guard_is_silent_on_two_that_are_equally_alike() -> None:
    twin = ENSURE.replace("ensure_directory", "assure_directory")
    assert note(ENSURE + "\n" + twin, FOLDER) == []


def test_the_guard_leaves_the_same_file_and_the_same_name_to_other_tiers() -> None:
    assert note(ENSURE, FOLDER, path="paths.py") == []
    same = FOLDER.replace("create_directory", "ensure_directory")
    assert note(ENSURE, same) == []


def test_the_guard_names_no_method_and_nothing_beside_a_one_liner() -> None:
    method = "class Paths:\n" + "\n".join("    " + line for line in ENSURE.splitlines())
    assert note(method, FOLDER) == []
    short = 'def make_folder(path):\n    """Make a directory."""\n    path.mkdir(parents=True)\n'
    assert note(ENSURE, short) == []


def test_the_guard_needs_the_body_to_agree() -> None:
    new = FOLDER.replace("Path(path)", "Ledger(page)").replace("path: str", "page: str")
    new = new.replace("exists", "settled").replace("mkdir(parents=True)", "post(clerk, page)")
    assert note(ENSURE, FOLDER) != []
    assert note(ENSURE, new) == []


def test_the_guard_needs_name_and_doc_to_agree() -> None:
    new = FOLDER.replace("create_directory", "settle")
    new = new.replace("Make a directory and its missing parents.", "Close the ledger.")
    assert note(ENSURE, new) == []
