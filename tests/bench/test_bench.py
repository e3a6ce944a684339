"""What the bench counts and writes, on matchers and files whose right answers are known."""

from pathlib import Path

import pytest

import in_editors
import read_findings
import report
from matching import score
from pairs import Pair
from probe import Menu, Place, Seen, Server

HELLO = "def hello(name):\n    text = 'hello ' + name\n    print(text)\n    return text\n"
HALLO = "def hallo(who):\n    said = 'hello ' + who\n    print(said)\n    return said\n"
OTHER = "def area(width, height):\n    assert width > 0\n    return width * height\n"
THIRD = "def close(self):\n    self.file.flush()\n    self.file.close()\n    self.open = False\n"


class Fixed:
    """Answers with the texts it was told to, whatever is asked."""

    def __init__(self, *answers: str):
        self.answers = answers
        self.ids: dict[str, str] = {}

    def add(self, id: str, path: str, code: str) -> None:
        self.ids[code] = id

    def prepare(self, queries) -> None:
        pass

    def match(self, code: str, path: str) -> list[tuple[str, str, float]]:
        return [(self.ids[answer], "T1", 1.0) for answer in self.answers]


CLONE = Pair("1", "T2", 0, HELLO, HALLO)
STRANGERS = Pair("2", "no", 0, OTHER, THIRD)


def test_the_original_is_right_and_a_stranger_is_wrong():
    outcome = score(Fixed(HELLO, OTHER), "python", [CLONE], [OTHER])
    assert outcome.recall("T2") == 1.0
    assert outcome.wrong == 1
    assert outcome.precision == 0.5


def test_nothing_found_is_no_recall():
    outcome = score(Fixed(), "python", [CLONE], [OTHER])
    assert outcome.recall("T2") == 0.0


def test_a_sibling_that_was_there_before_is_no_mistake():
    sibling = HELLO.replace("hello(", "greet(")
    outcome = score(Fixed(HELLO, sibling), "python", [CLONE], [sibling, OTHER])
    assert (outcome.siblings, outcome.wrong) == (1, 0)


def test_a_pair_that_is_no_clone_is_a_mistake_when_it_is_found():
    outcome = score(Fixed(OTHER), "python", [STRANGERS], [])
    assert outcome.wrong == 1
    assert outcome.asked.total() == 0


def test_an_original_of_two_pairs_is_one_function():
    twice = [CLONE, Pair("3", "T3", 1, HELLO, HALLO.replace("print", "log"))]
    outcome = score(Fixed(HELLO), "python", twice, [])
    assert (outcome.recall("T2"), outcome.recall("T3", 1), outcome.siblings) == (1.0, 1.0, 0)


def test_one_section_is_written_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(report, "RESULTS", tmp_path / "RESULTS.md")
    order = ["first", "second"]
    report.write("second", ["## Second", "", "older"], order, 0.0)
    report.write("first", ["## First", "", "one"], order, 0.0)
    report.write("second", ["## Second", "", "three"], order, 0.0)
    text = report.RESULTS.read_text()
    assert text.index("one") < text.index("three")
    assert "older" not in text
    assert text.count("## Second") == 1


def test_verdicts_are_counted_by_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(read_findings, "VERDICTS", tmp_path)
    (tmp_path / "small.md").write_text(
        "# Small\n\n- `0123abcd` yes: a copy.\n- `4567cdef` no: hooks of siblings.\n- not a verdict\n"
    )
    corpus = read_findings.Corpus("small", "small", "python", tmp_path)
    assert read_findings.verdicts(corpus) == {"0123abcd": True, "4567cdef": False}


def _opened(diagnostic: float, *menus: Menu) -> Seen:
    return Seen(text=0.5, server=1.0, diagnostic=diagnostic, menus=menus)


def test_a_server_in_an_editor_is_measured_against_its_peer():
    rounds = {
        "Steadyhand, warm": [_opened(t, Menu(0.2, [0.1])) for t in (2.0, 3.0, 9.0)],
        "basedpyright": [_opened(t, Menu(None, [0.2]), Menu(0.1, [0.1])) for t in (5.0, 5.0, 6.0)],
    }
    ours, peer = in_editors.opened("Vi", rounds)
    assert ours[4:] == ["3.00 s (2.00–9.00)", "0.60", "2.00 s (1.00–8.00)", "0.50"]
    assert peer[5] == peer[7] == ""
    place = Place(1, 1, "Use", "use it")
    servers = [
        Server("Steadyhand, warm", (), {}, [place]),
        Server("basedpyright", (), {}, [place, place]),
    ]
    ours, first, second = in_editors.asked("Vi", rounds, servers)
    # Where an editor asks by itself there is no first press, and so no ratio of one.
    assert ours[5:] == ["–", "0.50", "2.00", "1.00"]
    assert (first[3], second[3]) == ("–", "100 ms (100 ms – 100 ms)")
