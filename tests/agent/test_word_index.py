import mmap
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.index.word_index import LivePostings, Postings, weighed
from steadyhand_agent.index.words import Words, packed, words_of

SLUG = words_of("slugify", "(title)", "Turn a title into an address.", "return normal(title)")
RETRY = words_of("retry", "(times)", "Call again when it raises.", "sleep(delay)")
SIZE = words_of("human_size", "(n)", "Bytes as a person reads them.", "return unit(n)")
DOCUMENTS = [packed(SLUG), packed(RETRY), packed(SIZE)]

A_WORD = st.text("abcdefgh", min_size=2, max_size=3)
SOME_WORDS = st.dictionaries(A_WORD, st.integers(1, 255), min_size=1, max_size=8)


def search(
    postings: Postings, words: Words, top: int = 20, dead: list[tuple[int, int]] | None = None
) -> list[tuple[int, float]]:
    return postings.best(weighed(words, [postings]), top, dead or [])


def numbers(hits: list[tuple[int, float]]) -> list[int]:
    return [document for document, _ in hits]


def test_a_query_finds_itself_and_gets_all_of_its_share() -> None:
    postings = Postings.build(DOCUMENTS)
    for document, words in enumerate((SLUG, RETRY, SIZE)):
        (best, score), *others = search(postings, words)
        assert best == document
        # Where two words of a query are synonyms, each counts for the other too.
        assert score == pytest.approx(1.0, abs=0.02)
        assert all(other < 0.5 for _, other in others)


def test_a_synonym_finds_and_counts_less_than_the_word() -> None:
    postings = Postings.build([packed({"folder": 30}), packed({"directori": 30})])
    hits = search(postings, {"folder": 30})
    assert numbers(hits) == [0, 1]
    assert hits[1][1] < 0.7 * hits[0][1]


def test_words_that_nobody_has_find_nothing_and_lower_the_share() -> None:
    postings = Postings.build(DOCUMENTS)
    assert search(postings, {"zebra": 30}) == []
    assert search(postings, {}) == []
    assert search(Postings.build([]), SLUG) == []
    assert search(Postings.build([b""]), SLUG) == []
    ((document, score),) = search(postings, SLUG | {"zebra": 30, "quagga": 30}, top=1)
    assert document == 0
    assert score < 0.9


def test_rare_words_say_more_than_frequent_ones() -> None:
    many = [packed({"qqa": 10})] * 500
    postings = Postings.build([*many, packed({"qqb": 10})])
    assert numbers(search(postings, {"qqa": 10, "qqb": 10}, top=3)) == [500, 0, 1]


def test_in_a_small_index_a_word_that_all_have_still_counts() -> None:
    postings = Postings.build([packed({"qqa": 10})] * 2)
    hits = search(postings, {"qqa": 10, "zebra": 10})
    assert [score > 0.3 for _, score in hits] == [True, True]


def test_what_is_out_of_date_is_not_found() -> None:
    postings = Postings.build([packed(SLUG)] * 6)
    assert numbers(search(postings, SLUG, dead=[(0, 2), (3, 5)])) == [2, 5]


def test_equal_ones_come_by_their_number() -> None:
    postings = Postings.build([b"", *[packed(SLUG)] * 5])
    assert numbers(search(postings, SLUG, top=3)) == [1, 2, 3]


def test_joined_parts_answer_like_one() -> None:
    rest = [packed({"qqa": 10, "qqb": 30}), packed(SLUG), b"", packed({"qqc": 10})]
    one, other = Postings.build(DOCUMENTS), Postings.build(rest)
    kept = np.array([True, False, True]), np.array([True, True, True, False])
    joined = Postings.joined([(one, kept[0]), (other, kept[1])])
    again = Postings.build([DOCUMENTS[0], DOCUMENTS[2], *rest[:3]])
    for name in ("words", "starts", "documents", "impacts"):
        assert np.array_equal(getattr(joined, name), getattr(again, name)), name
        assert getattr(joined, name).dtype == getattr(again, name).dtype, name
    assert len(joined) == len(again) == 5
    assert len(Postings.joined([])) == 0


def test_the_arrays_may_lie_in_a_mapped_file(tmp_path: Path) -> None:
    built = Postings.build(DOCUMENTS)
    arrays = [built.words, built.starts, built.documents, built.impacts]
    target = tmp_path / "words"
    target.write_bytes(b"".join(array.tobytes() for array in arrays))
    with target.open("rb") as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    read: list[np.ndarray] = []
    at = 0
    for array in arrays:
        read.append(np.frombuffer(mapped, array.dtype, len(array), at))
        at += array.nbytes
    again = Postings(*read, count=3)
    assert search(again, SLUG, dead=[(2, 3)]) == search(built, SLUG, dead=[(2, 3)])


def test_live_documents_come_and_go() -> None:
    live = LivePostings[str]()
    live.put("a.py:slug", packed(SLUG))
    live.put("a.py:retry", packed(RETRY))
    assert len(live) == 2
    query = weighed(SLUG, [live])
    assert next(document for document, _ in live.best(query, 5)) == "a.py:slug"
    live.put("a.py:slug", packed(SIZE))
    assert "a.py:slug" not in [document for document, _ in live.best(query, 5)]
    live.drop("a.py:slug")
    live.drop("a.py:retry")
    live.drop("never.py:there")
    assert len(live) == 0
    assert live._by_word == {}


def test_a_word_is_as_rare_as_in_all_parts_together() -> None:
    postings = Postings.build([packed({"qqa": 10})] * 300)
    live = LivePostings[str]()
    live.put("a", packed({"qqa": 10, "qqb": 10}))
    alone = weighed({"qqa": 10, "qqb": 10}, [live])
    together = weighed({"qqa": 10, "qqb": 10}, [postings, live])
    assert len(set(alone.factors.values())) == 1
    assert len(set(together.factors.values())) == 2


@given(st.lists(SOME_WORDS, min_size=1, max_size=12), SOME_WORDS)
def test_settled_and_live_documents_get_the_same_share(
    documents: list[Words], query: Words
) -> None:
    data = [packed(words) for words in documents]
    postings = Postings.build(data)
    live = LivePostings[int]()
    for number, entry in enumerate(data):
        live.put(number, entry)
    settled = dict(postings.best(weighed(query, [postings]), 99))
    moving = dict(live.best(weighed(query, [live]), 99))
    assert settled.keys() == moving.keys()
    for document, score in settled.items():
        # A byte holds an impact; a long document's small ones are rounded up to a step.
        assert score == pytest.approx(moving[document], rel=0.05, abs=0.05)


def test_among_many_the_best_are_those_that_sorting_all_would_give() -> None:
    chance = random.Random(1)
    stems = [a + b for a in "bcdfghklmn" for b in "aeiou"]
    postings = Postings.build(
        [
            packed({chance.choice(stems): chance.randint(1, 60) for _ in range(6)})
            for _ in range(7_777)
        ]
    )
    query = dict.fromkeys(stems[:9], 10)
    every = search(postings, query, top=10_000)
    assert len(every) > 3_000
    assert every == sorted(every, key=lambda hit: (-hit[1], hit[0]))
    for top in (1, 5, 30):
        assert search(postings, query, top=top) == every[:top]


def test_it_stays_small() -> None:
    # 20 MB for 100,000 definitions of 30 words is what the index may take.
    chance = random.Random(2)
    documents = [
        packed({f"w{chance.randrange(5_000)}": 10 for _ in range(30)}) for _ in range(2_000)
    ]
    assert Postings.build(documents).bytes / 2_000 < 200
