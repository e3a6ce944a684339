from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.actions import Action, Permit, Refuse
from steadyhand_agent.errors import BudgetSpent
from steadyhand_agent.guard import duplicates
from steadyhand_agent.guard.budget import (
    BYTES_PER_TOKEN,
    MIN_OUTPUT,
    bounded,
    check_limits,
    estimate,
    reserve,
    result_limit,
)
from steadyhand_agent.guard.decide import decide
from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.store import Index
from steadyhand_agent.ports import ModelRequest, Usage
from steadyhand_agent.session import Limits, Round, SessionState
from steadyhand_agent.state.journal import record
from steadyhand_agent.tools import registry

ContextOf = Callable[..., tuple[Any, Any]]


def request(size: int) -> ModelRequest:
    return ModelRequest("x" * size, [], [], 1)


def state(**named: Any) -> SessionState:
    limits = Limits(**{k: named.pop(k) for k in ("tokens", "output") if k in named})
    return SessionState(id="s", limits=limits, **named)


# --- budget ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "raw", "charged"),
    [
        (Usage(100, 20), 120, 120),
        (Usage(100, 20, 50, 0), 170, 170),
        (Usage(0, 0, 0, 1_000), 1_000, 100),
        (Usage(0, 0, 0, 1), 1, 1),
        (Usage(10, 20, 30, 95), 155, 70),
        (Usage(), 0, 0),
    ],
)
def test_what_a_usage_costs(usage: Usage, raw: int, charged: int) -> None:
    assert (usage.raw, usage.charged) == (raw, charged)


def test_input_and_reply_are_reserved() -> None:
    asked = request(3_000)
    found = reserve(state(), asked)
    assert found.input >= 3_000 / BYTES_PER_TOKEN
    assert found.max_tokens == 4_096
    assert found.tokens == found.input + 4_096


def test_the_estimate_errs_upwards() -> None:
    assert estimate(0) == 1
    assert estimate(3_000) >= 1_000


def test_what_is_left_bounds_the_reply() -> None:
    found = reserve(state(tokens=10_000, charged=8_000), request(300))
    assert found.tokens == 2_000
    assert found.max_tokens < 4_096


def test_an_open_reservation_counts_as_spent() -> None:
    found = reserve(state(tokens=10_000, charged=4_000, reserved=4_000), request(300))
    assert found.tokens == 2_000


def test_tools_and_messages_are_estimated_too() -> None:
    small = reserve(state(), ModelRequest("x", [], [], 1)).input
    tools = reserve(state(), ModelRequest("x", [{"name": "y" * 3_000}], [], 1)).input
    talk = reserve(
        state(), ModelRequest("x", [], [{"role": "user", "content": "é" * 1_500}], 1)
    ).input
    assert tools - small >= 1_000
    assert talk - small >= 1_000


def test_input_that_was_read_from_the_cache_is_reserved_as_such() -> None:
    asked = request(30_000)
    plain = reserve(state(), asked)
    cached = reserve(state(cached_input=9_000), asked)
    assert plain.input - cached.input == 8_100
    # More than the whole cannot be cached.
    whole = reserve(state(cached_input=1_000_000), asked)
    assert whole.input == -(-plain.input // 10)


def test_a_reply_of_the_least_length_is_still_asked_for() -> None:
    asked = request(300)
    size = reserve(state(), asked).input
    exact = state(tokens=10_000, charged=10_000 - size - MIN_OUTPUT)
    assert reserve(exact, asked).max_tokens == MIN_OUTPUT
    exact.charged += 1
    with pytest.raises(BudgetSpent, match="10,000 tokens"):
        reserve(exact, asked)


@pytest.mark.parametrize(
    "spent",
    [state(tokens=1_000, charged=5_000), state(tokens=1_000, reserved=1_000), state(tokens=0)],
)
def test_an_overdrawn_session_makes_no_call(spent: SessionState) -> None:
    with pytest.raises(BudgetSpent):
        reserve(spent, request(1))


def test_a_limit_on_the_reply_is_kept() -> None:
    assert reserve(state(output=700), request(1)).max_tokens == 700


USAGES = st.builds(
    Usage,
    st.integers(0, 9_000),
    st.integers(0, 5_000),
    st.integers(0, 9_000),
    st.integers(0, 90_000),
)


@given(
    st.integers(1_000, 40_000),
    st.lists(st.tuples(st.integers(0, 40_000), st.none() | USAGES, st.booleans()), max_size=12),
)
def test_no_call_is_begun_that_could_cost_more_than_is_left(
    tokens: int, calls: list[tuple[int, Usage | None, bool]]
) -> None:
    """Calls that die, replies without a usage, and usages far beyond the estimate included."""
    session = state(tokens=tokens)

    def keep(kind: Any, body: dict[str, Any]) -> None:
        session.take(record("s", session.head, kind, body, fence=1, at=1.0))

    for number, (size, usage, dies) in enumerate(calls, 1):
        before = session.spent
        try:
            set_aside = reserve(session, request(size))
        except BudgetSpent:
            assert session.spent == before
            continue
        assert MIN_OUTPUT <= set_aside.max_tokens <= session.limits.output
        assert session.spent + set_aside.tokens <= tokens
        keep("call", {"round": number, "reserved": set_aside.tokens})
        assert session.spent == before + set_aside.tokens <= tokens
        if dies:
            continue
        charged = usage.charged if usage else session.reserved
        keep(
            "reply",
            {
                "round": number, "blocks": [], "stop_reason": "end_turn", "charged": charged,
                "raw": usage.raw if usage else session.reserved,
                "cached_input": usage.cache_read_input_tokens if usage else 0, "seconds": 0.0,
            },
        )  # fmt: skip
        assert session.spent == before + charged
        if usage is None or usage.charged <= set_aside.tokens:
            assert session.spent <= tokens


def test_a_call_that_died_keeps_its_reservation_as_its_charge() -> None:
    session = state()
    for _ in range(2):
        session.take(record("s", session.head, "call", {"reserved": 500}, fence=1, at=1.0))
    assert (session.charged, session.reserved, session.spent, session.raw) == (500, 500, 1_000, 500)


def test_rounds_and_time_are_limited() -> None:
    check_limits(SessionState(id="s", limits=Limits(rounds=2), rounds=[Round(number=1)]))
    with pytest.raises(BudgetSpent, match="2 rounds"):
        check_limits(
            SessionState(id="s", limits=Limits(rounds=2), rounds=[Round(number=1), Round(number=2)])
        )
    with pytest.raises(BudgetSpent, match=r"0\.5 minutes"):
        check_limits(SessionState(id="s", limits=Limits(minutes=0.5), seconds=30.0))


def test_a_result_takes_a_quarter_of_what_is_left_at_most() -> None:
    assert result_limit(state(tokens=32_000)) == 4_000 * 3
    assert result_limit(state(tokens=32_000, charged=24_000)) == 2_000 * 3
    assert result_limit(state(tokens=32_000, charged=20_000, reserved=4_000)) == 2_000 * 3
    assert result_limit(state(tokens=1_000, charged=9_000)) == 0


# --- bounded --------------------------------------------------------------------------------------


def test_a_short_text_is_left_as_it_is() -> None:
    assert bounded("é" * 100, 200) == "é" * 100


def test_a_long_text_keeps_head_and_tail() -> None:
    text = "".join(f"line {n}\n" for n in range(2_000))
    short = bounded(text, 900)
    assert short.startswith("line 0\nline 1\n")
    assert short.endswith("line 1999\n")
    assert "bytes left out" in short


@given(st.text(alphabet="ab\n é😀\ud800", max_size=900), st.integers(0, 700))
def test_a_bounded_text_fits_and_says_what_is_missing(text: str, limit: int) -> None:
    short = bounded(text, limit)
    size = len(text.encode("utf-8", "replace"))
    if size <= max(limit, 200):  # A tiny limit still shows something.
        assert short == text
        return
    # The line that says what is missing comes on top.
    assert len(short.encode("utf-8", "replace")) <= max(limit, 200) + 100
    head, _, rest = short.partition("\n[... ")
    number, _, tail = rest.partition(" bytes left out; ask for a smaller part ...]\n")
    kept = len(head.encode("utf-8", "replace")) + len(tail.encode("utf-8", "replace"))
    assert kept + int(number.replace(",", "")) == size
    assert int(number.replace(",", "")) > 0


def test_a_limit_below_the_least_does_not_repeat_the_text() -> None:
    """A text of 100 bytes is whole in 200, whatever was asked for."""
    text = "x" * 100
    assert bounded(text, 10) == text


def call(tool: str = "read_file", call_id: str = "", reason: str = "", **content: Any) -> Action:
    return Action(
        kind="tool",
        tool=tool,
        content={**content, "reason": reason},
        reason=reason,
        call_id=call_id,
    )


# --- duplicates -----------------------------------------------------------------------------------

BODY = "    cleaned = text.strip().lower()\n    return cleaned.replace(' ', '-')\n"
SLUG = "def slugify(text):\n" + BODY
OTHER = "def greet(name):\n    print(name)\n    return name.title() + '!'\n"


def check(
    old: str, new: str, *, refused: list[str] | None = None, reason: str = "",
    path: str = "app.py", files: dict[str, str] | None = None,
) -> Permit | Refuse:  # fmt: skip
    index = Index()
    for name, text in (files or {"shop/__init__.py": "", "shop/text.py": SLUG}).items():
        index.put_base(index_text(name, text))

    def body_of(definition: Definition) -> str:
        return f"<body of {definition.qualified}>"

    edit = duplicates.Edit(path, old, new)
    return duplicates.check(edit, index.view({path: new}), body_of, refused or [], reason)


def test_what_exists_is_refused_with_the_way_to_use_it() -> None:
    verdict = check("", "def make_slug(title):\n" + BODY.replace("text", "title"))
    assert isinstance(verdict, Refuse)
    assert verdict.rule == "duplicate"
    assert verdict.details == ("make_slug=shop/text.py:slugify",)
    for piece in (
        "shop/text.py:1", "def slugify(text)", "from shop.text import slugify",
        "<body of slugify>", "duplicate_reason",
    ):  # fmt: skip
        assert piece in verdict.why


def test_a_second_try_with_a_reason_is_accepted_with_a_remark() -> None:
    new = "def make_slug(text):\n" + BODY
    first = check("", new)
    assert isinstance(first, Refuse)
    second = check("", new, refused=list(first.details), reason=" no dependency on shop ")
    assert isinstance(second, Permit)
    (remark,) = second.remarks
    assert "`make_slug` beside `slugify`" in remark
    assert "shop/text.py:1" in remark
    assert remark.endswith("because: no dependency on shop")


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_second_try_without_a_reason_is_refused_again(reason: str) -> None:
    new = "def make_slug(text):\n" + BODY
    first = check("", new)
    assert isinstance(first, Refuse)
    assert check("", new, refused=list(first.details), reason=reason) == first


def test_a_reason_at_the_first_try_is_not_enough() -> None:
    assert isinstance(check("", "def make_slug(text):\n" + BODY, reason="because"), Refuse)


def test_a_reason_for_one_is_none_for_another() -> None:
    files = {"a.py": SLUG, "b.py": OTHER}
    new = "def make_slug(text):\n" + BODY
    first = check("", new, files=files)
    assert isinstance(first, Refuse)
    both = new + "\n\n" + OTHER.replace("greet", "hello")
    second = check("", both, refused=list(first.details), reason="because", files=files)
    assert isinstance(second, Refuse)
    assert len(second.details) == 2


def test_overwriting_is_refused_always() -> None:
    new = OTHER + "\n\n" + OTHER.replace("title", "upper")
    for refused, reason in (([], ""), (["greet=app.py:greet"], "because")):
        verdict = check(OTHER, new, refused=refused, reason=reason)
        assert isinstance(verdict, Refuse)
        assert "already defined" in verdict.why
        assert verdict.details == ()


def test_a_name_that_was_overwritten_before_is_not_this_edit_s_fault() -> None:
    old = OTHER + "\n\n" + OTHER.replace("title", "upper")
    assert check(old, old + "\n\nx = 1\n") == Permit()


def test_definitions_that_were_there_are_not_reported() -> None:
    old = "def make_slug(text):\n" + BODY
    assert check(old, old + "\n\nx = 1\n") == Permit()
    assert check(old, "import os\n\n\n" + old) == Permit()
    assert check(old, old.replace("text", "title")) == Permit()


def test_a_copy_of_what_was_there_is_reported() -> None:
    verdict = check(OTHER, OTHER + "\n\n" + OTHER.replace("greet", "hello"), files={"z.py": ""})
    assert isinstance(verdict, Refuse)
    assert "It can be called as it is." in verdict.why


def test_code_that_moves_within_a_file_is_no_duplicate() -> None:
    old = OTHER + "\n\nx = 1\n\n\n" + "def last():\n    return 1\n"
    new = "def last():\n    return 1\n\n\nx = 1\n\n\n" + OTHER
    assert check(old, new, path="a.py", files={"a.py": old}) == Permit()


def test_code_that_moves_to_another_file_is_no_duplicate_once_it_is_gone_from_the_first() -> None:
    index = Index()
    index.put_base(index_text("shop/text.py", SLUG))
    edit = duplicates.Edit("new.py", "", SLUG)
    view = index.view({"shop/text.py": "", "new.py": SLUG})
    assert duplicates.check(edit, view, lambda d: "", [], "") == Permit()


def test_a_changed_body_that_becomes_a_copy_is_reported() -> None:
    old = "def make_slug(text):\n    return text\n"
    assert isinstance(check(old, "def make_slug(text):\n" + BODY), Refuse)


def test_a_name_that_stood_here_before_is_no_new_clash() -> None:
    files = {"shop/text.py": SLUG}
    old = "def slugify(text):\n    return text.lower()\n"
    assert check(old, old.replace("lower", "upper"), files=files) == Permit()


def test_a_new_function_with_a_name_that_another_module_has_is_refused() -> None:
    verdict = check("", "def slugify(text):\n    return text.upper()\n")
    assert isinstance(verdict, Refuse)
    assert "already has a function named `slugify`" in verdict.why


def test_many_duplicates_are_told_in_few_words() -> None:
    files = {f"m{n}.py": f"def f{n}(a):\n    print(a)\n    return a + {n}\n" for n in range(5)}
    new = "\n\n".join(text.replace("def f", "def g") for text in files.values())
    verdict = check("", new, files=files)
    assert isinstance(verdict, Refuse)
    assert len(verdict.details) == 5
    assert verdict.why.count("<body of") == duplicates.SHOWN
    assert "2 more" in verdict.why


def test_a_method_that_exists_comes_with_its_class() -> None:
    files = {
        "a.py": "class A:\n    def slugify(self, text):\n"
        + BODY.replace("    ", "        ")
        + "\n    x = 1\n"
    }
    new = (
        "class B:\n    def other(self, text):\n"
        + BODY.replace("    ", "        ")
        + "\n    x = 1\n"
    )
    verdict = check("", new, files=files)
    assert isinstance(verdict, Refuse)
    assert "It is a method of what you get with `from a import A`." in verdict.why


def test_the_seventh_copy_of_a_helper_is_refused_once() -> None:
    files = {f"m{n}.py": SLUG for n in range(6)}
    verdict = check("", SLUG, path="m6.py", files=files)
    assert isinstance(verdict, Refuse)
    assert "m0.py:1" in verdict.why
    again = check(
        "", SLUG, path="m6.py", files=files, refused=list(verdict.details), reason="plugins"
    )
    assert isinstance(again, Permit)


def test_two_copies_in_one_edit_are_reported() -> None:
    verdict = check("", OTHER + "\n\n" + OTHER.replace("greet", "hello"), files={"z.py": ""})
    assert isinstance(verdict, Refuse)


def test_introduced_counts_copies() -> None:
    edit = duplicates.Edit("a.py", OTHER, OTHER + "\n\n" + OTHER)
    assert [d.line for d in duplicates.introduced(edit)] == [6]


def filled(files: dict[str, str]) -> Index:
    index = Index()
    for name, text in files.items():
        index.put_base(index_text(name, text))
    return index


NEAR = """\
def summed(rows, ceiling):
    total = 0
    for row in rows:
        if row.price > ceiling:
            log.debug("above %s", ceiling)
            total += row.price
        else:
            log.warning("below %s", row.price)
    return round(total, 2)
"""


def test_a_near_copy_is_refused_once() -> None:
    """T3: a statement less, and everything else the same."""
    files = {"shop/sums.py": NEAR, "shop/__init__.py": ""}
    near = NEAR.replace("summed", "counted").replace(
        '            log.debug("above %s", ceiling)\n', ""
    )
    verdict = check("", near, files=files)
    assert isinstance(verdict, Refuse)
    assert "nearly the same" in verdict.why
    assert "from shop.sums import summed" in verdict.why
    again = check("", near, files=files, refused=list(verdict.details), reason="rounds otherwise")
    assert isinstance(again, Permit)
    assert "rounds otherwise" in again.remarks[0]


def test_other_literals_are_refused_once() -> None:
    files = {"shop/sums.py": NEAR, "shop/__init__.py": ""}
    other = NEAR.replace("summed", "counted").replace(", 2)", ", 4)").replace("below", "under")
    verdict = check("", other, files=files)
    assert isinstance(verdict, Refuse)
    assert "values of literals" in verdict.why


def test_what_another_session_proposes_counts_and_is_named_as_such() -> None:
    index = filled({"shop/cart.py": "x = 1\n", "shop/__init__.py": ""})
    beside = {"shop/cart.py": f"x = 1\n\n\n{NEAR}"}
    view = index.view({"shop/bill.py": NEAR.replace("summed", "counted")}, beside)
    edit = duplicates.Edit("shop/bill.py", "", NEAR.replace("summed", "counted"))
    verdict = duplicates.check(edit, view, lambda _: "", [], "")
    assert isinstance(verdict, Refuse)
    assert "Another session proposes it" in verdict.why
    assert "shop/cart.py:4" in verdict.why


SLUG_OF_TITLE = (
    "def slugify(title: str) -> str:\n"
    '    """Turn a title into a url slug: lower case ascii words joined by hyphens."""\n'
    '    words = re.findall(r"[a-z0-9]+", unaccented(title).lower())\n'
    '    return "-".join(words)\n'
)
SLUG_BY_HAND = (
    "def make_url_slug(title: str) -> str:\n"
    '    """Make a url slug of a title: lower case words with hyphens between them."""\n'
    "    slug = []\n"
    "    for char in title.lower():\n"
    "        slug.append(char if char.isalnum() else '-')\n"
    "    joined = ''.join(slug)\n"
    "    while '--' in joined:\n"
    "        joined = joined.replace('--', '-')\n"
    "    return joined.strip('-')\n"
)


def test_a_near_copy_of_what_another_session_proposes_is_refused() -> None:
    near = NEAR.replace("summed", "counted").replace(
        '            log.debug("above %s", ceiling)\n', ""
    )
    index = filled({"shop/__init__.py": ""})
    view = index.view({"shop/bill.py": near}, {"shop/cart.py": NEAR})
    verdict = duplicates.check(
        duplicates.Edit("shop/bill.py", "", near), view, lambda _: "", [], ""
    )
    assert isinstance(verdict, Refuse)
    assert "nearly the same" in verdict.why
    assert "Another session proposes it" in verdict.why


def test_two_sessions_that_make_one_file_are_compared() -> None:
    copy = NEAR.replace("summed", "counted")
    index = filled({"shop/__init__.py": ""})
    view = index.view({"shop/cart.py": copy}, {"shop/cart.py": NEAR})
    verdict = duplicates.check(
        duplicates.Edit("shop/cart.py", "", copy), view, lambda _: "", [], ""
    )
    assert isinstance(verdict, Refuse)
    assert verdict.details == ("counted=shop/cart.py:summed",)


def test_what_another_session_changes_is_not_compared_with_itself() -> None:
    index = filled({"shop/cart.py": NEAR, "shop/__init__.py": ""})
    mine = NEAR.replace('            log.debug("above %s", ceiling)\n', "")
    view = index.view({"shop/cart.py": mine}, {"shop/cart.py": NEAR + "\n\nx = 1\n"})
    edit = duplicates.Edit("shop/cart.py", NEAR, mine)
    assert duplicates.check(edit, view, lambda _: "", [], "") == Permit()


def test_what_another_session_proposes_may_do_the_same() -> None:
    files = {f"shop/m{n}.py": f"def other{n}(a):\n    return go{n}(a)\n" for n in range(40)}
    index = filled(files)
    view = index.view({"shop/new.py": SLUG_BY_HAND}, {"shop/text.py": SLUG_OF_TITLE})
    edit = duplicates.Edit("shop/new.py", "", SLUG_BY_HAND)
    verdict = duplicates.check(edit, view, lambda _: "", [], "")
    assert isinstance(verdict, Permit)
    assert "which another session proposes in shop/text.py:1" in verdict.note


def test_what_another_session_would_remove_is_still_there() -> None:
    index = filled({"shop/cart.py": NEAR, "shop/__init__.py": ""})
    copy = NEAR.replace("summed", "counted")
    view = index.view({"shop/bill.py": copy}, {"shop/cart.py": "x = 1\n"})
    verdict = duplicates.check(
        duplicates.Edit("shop/bill.py", "", copy), view, lambda _: "", [], ""
    )
    assert isinstance(verdict, Refuse)
    assert "Another session" not in verdict.why


def test_what_may_do_the_same_is_a_note_and_no_refusal() -> None:
    files = {f"shop/m{n}.py": f"def other{n}(a):\n    return go{n}(a)\n" for n in range(40)}
    files |= {"shop/text.py": SLUG_OF_TITLE, "shop/__init__.py": ""}
    verdict = check("", SLUG_BY_HAND, files=files)
    assert isinstance(verdict, Permit)
    assert "slugify" in verdict.note
    assert "shop/text.py:1" in verdict.note
    assert verdict.remarks == ()


# --- decide ---------------------------------------------------------------------------------------


def decided(context_of: ContextOf, action: Action, **named: Any) -> Any:
    files = {"shop/__init__.py": "", "shop/text.py": SLUG, "app.py": "x = 1\n", "dir/a.py": ""}
    context, index = context_of(files, **named)
    return decide(action, registry(), context, index, [])


def test_thinking_and_finishing_are_permitted(context_of: ContextOf) -> None:
    assert decided(context_of, Action(kind="think", content={"text": "hm"})) == Permit()
    assert decided(context_of, Action(kind="finish", tool="finish")) == Permit()


def test_reading_is_permitted(context_of: ContextOf) -> None:
    assert decided(context_of, call("read_file", path="app.py")) == Permit()
    assert decided(context_of, call("list_files")) == Permit()
    assert decided(context_of, call("search_text", text="x")) == Permit()


def test_an_unknown_tool_is_refused_with_those_there_are(context_of: ContextOf) -> None:
    verdict = decided(context_of, call("shell", command="ls"))
    assert (verdict.rule, "edit_file" in verdict.why) == ("arguments", True)


@pytest.mark.parametrize(
    ("action", "word"),
    [
        (call("read_file"), "path"),
        (call("read_file", path=3), "path"),
        (call("read_file", path="app.py", start_line=0), "start_line"),
        (call("read_file", path="app.py", start_line="many"), "start_line"),
        (call("search_text", text=""), "text"),
        (call("find_definition", name=None), "name"),
        (call("edit_file", path="app.py", old_text="", new_text="y"), "old_text"),
        (call("edit_file", path="app.py", old_text="y", new_text="z"), "does not occur"),
        (call("edit_file", path="missing.py", old_text="y", new_text="z"), "missing.py"),
        (call("create_file", path="app.py", text=""), "edit_file"),
        (call("create_file", path="x.py", text="x" * 400_001), "text"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(
    context_of: ContextOf, action: Action, word: str
) -> None:
    verdict = decided(context_of, action)
    assert isinstance(verdict, Refuse)
    assert verdict.rule == "arguments"
    assert word in verdict.why


@pytest.mark.parametrize("tool", ["read_file", "edit_file", "create_file"])
@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", ".git/hooks/x", ".GIT/x", "", "a\0b"]
)
def test_paths_outside_are_refused(context_of: ContextOf, tool: str, path: str) -> None:
    action = call(tool, path=path, old_text="a", new_text="b", text="c")
    verdict = decided(context_of, action)
    assert isinstance(verdict, Refuse)
    assert verdict.rule == "path"


@pytest.mark.parametrize("tool", ["edit_file", "create_file"])
def test_a_folder_is_no_file(context_of: ContextOf, tool: str) -> None:
    verdict = decided(context_of, call(tool, path="dir", old_text="a", new_text="b", text="c"))
    assert isinstance(verdict, Refuse)
    assert verdict.rule == "arguments"


def test_a_link_out_is_refused(context_of: ContextOf, tmp_path: Any) -> None:
    (tmp_path / "link").symlink_to("/etc")
    assert decided(context_of, call("read_file", path="link/passwd")).rule == "path"


def test_an_edit_is_judged_by_its_new_text(context_of: ContextOf) -> None:
    new = "def make_slug(text):\n" + BODY
    verdict = decided(
        context_of, call("edit_file", path="app.py", old_text="x = 1\n", new_text=new)
    )
    assert verdict.rule == "duplicate"
    assert "cleaned = text.strip().lower()" in verdict.why
    verdict = decided(context_of, call("create_file", path="new.py", text=new))
    assert verdict.rule == "duplicate"
    assert decided(context_of, call("create_file", path="new.py", text="y = 2\n")) == Permit()


def test_an_edit_is_judged_with_the_session_s_own_changes(context_of: ContextOf) -> None:
    new = "def make_slug(text):\n" + BODY
    action = call("create_file", path="new.py", text=new)
    assert decided(context_of, action, texts={"shop/text.py": None}) == Permit()
    assert decided(context_of, action, texts={"shop/text.py": "x = 1\n"}) == Permit()
    own = decided(
        context_of, call("create_file", path="new.py", text=OTHER), texts={"mine.py": OTHER}
    )
    assert own.rule == "duplicate"


def test_an_edit_is_judged_with_unsaved_text(context_of: ContextOf) -> None:
    action = call("create_file", path="new.py", text=OTHER)
    assert decided(context_of, action, buffers={"app.py": OTHER}).rule == "duplicate"


def test_judging_changes_nothing(context_of: ContextOf) -> None:
    context, index = context_of({"app.py": "x = 1\n"})
    action = call("edit_file", path="app.py", old_text="x", new_text="y")
    assert decide(action, registry(), context, index, []) == Permit()
    assert context.overlay.texts == {}
    assert context.overlay.read("app.py") == "x = 1\n"


def test_a_long_body_is_shown_in_part(context_of: ContextOf) -> None:
    lines = "".join(f"    step_{n}(a)\n" for n in range(40))
    context, index = context_of({"a.py": "def f(a):\n" + lines})
    action = call("create_file", path="b.py", text="def g(a):\n" + lines)
    verdict = decide(action, registry(), context, index, [])
    assert isinstance(verdict, Refuse)
    assert "step_10(a)" in verdict.why
    assert "step_20(a)" not in verdict.why


@pytest.mark.parametrize(
    "new",
    [
        "try:\n    from fast import slug\nexcept ImportError:\n\n    def slug(text):\n{body}",
        "import sys\n\nif sys.platform == 'win32':\n\n    def slug(text):\n{body}",
    ],
)
def test_what_another_platform_or_a_failed_import_needs_is_let_through(new: str) -> None:
    body = "".join(f"    {line}" for line in BODY.splitlines(keepends=True))
    assert isinstance(check("", new.format(body=body)), Permit)
    # Any other condition does not make it another function.
    plain = new.format(body=body).replace("sys.platform", "sys.argv").replace("from fast", "from f")
    refused = check("", plain.replace("import slug", "import x"))
    assert isinstance(refused, Refuse)


@pytest.mark.parametrize("there", [{}, {"shop/cart.py": "x = 1  # nothing that is proposed\n" * 9}])
@pytest.mark.parametrize("path", ["shop/bill.py", "shop/cart.py"])
def test_a_refusal_shows_what_another_session_proposes(
    context_of: ContextOf, there: dict[str, str], path: str
) -> None:
    context, index = context_of({"shop/__init__.py": "", **there})
    proposed = {"shop/cart.py": f"import log\n\n\n{NEAR}"}
    new = "limit = 1\n" * 9 + NEAR.replace("summed", "counted")
    tool = "edit_file" if path in there else "create_file"
    named = (
        {"old_text": there[path], "new_text": new} if tool == "edit_file" else {"text": new}
    )  # fmt: skip
    action = call(tool, path=path, **named)
    verdict = decide(action, registry(), context, index, [], proposed)
    assert isinstance(verdict, Refuse)
    assert "Another session proposes it" in verdict.why
    assert "\n" + "\n".join(NEAR.splitlines()[:12]) in verdict.why
    assert "nothing that is proposed" not in verdict.why


# --- what a compiler would refuse ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        pytest.param(
            "a.go",
            "package a\n\nfunc f(a int) int {\n\treturn a + 1\n}\n",
            "\nfunc f(a int) int {\n\treturn a + 1\n}\n",
            id="go",
        ),
        pytest.param(
            "a.go",
            "package a\n\nfunc (s *S) f(a int) int {\n\treturn a + 1\n}\n",
            "\nfunc (t S) f(a int, b int) int {\n\treturn a + 2\n}\n",
            id="go m",
        ),
        pytest.param(
            "a.go",
            "package a\n\ntype A struct {\n\tx int\n}\n",
            "\ntype A struct {\n\ty int\n}\n",
            id="go type",
        ),
        pytest.param(
            "a.rs",
            "fn f(a: u8) -> u8 {\n    a + 1\n}\n",
            "\npub fn f(b: u8) -> u8 {\n    b + 2\n}\n",
            id="rust",
        ),
        pytest.param(
            "a.rs",
            "impl A {\n    fn f(&self) -> u8 {\n        1\n    }\n}\n",
            "\nimpl A {\n    fn f(&self) -> u8 {\n        2\n    }\n}\n",
            id="rust impl",
        ),
        pytest.param(
            "a.rs",
            "#[cfg(test)]\nmod tests {\n    #[test]\n    fn f() {\n        a();\n    }\n",
            "    #[test]\n    fn f() {\n        b();\n    }\n}\n",
            id="rust test",
        ),
        pytest.param("a.rs", "struct A;\n", "struct A;\n", id="rust struct"),
        pytest.param(
            "A.java",
            "class A {\n  public int f(int a) {\n    return 1;\n  }\n",
            "  private long f(final int b) {\n    return 2;\n  }\n}\n",
            id="java",
        ),
        pytest.param(
            "A.java",
            "class A {\n  A(int a) {\n    x = 1;\n  }\n",
            "  A(int a) {\n    x = 2;\n  }\n}\n",
            id="java ctor",
        ),
        pytest.param(
            "A.java",
            "class A {\n  <T> int f(java.util.List<T> a) {\n    return 1;\n  }\n",
            "  <T> int f(java.util.List<T> a) {\n    return 2;\n  }\n}\n",
            id="java gen",
        ),
        pytest.param(
            "A.java", "class A {\n  int x;\n}\n", "class A {\n  int y;\n}\n", id="java class"
        ),
        pytest.param(
            "a.c",
            "static int f(int a, char *b) {\n  return a;\n}\n",
            "int f(int x, char *y) {\n  return x + 1;\n}\n",
            id="c",
        ),
        pytest.param(
            "a.cpp",
            "int f(const A& a, int b = 1) {\n  return b;\n}\n",
            "int f(const A& x, int c) {\n  return c + 1;\n}\n",
            id="cpp",
        ),
        pytest.param(
            "a.cpp",
            "int A::f(int a) const {\n  return b;\n}\n",
            "int A::f(int b) const {\n  return c + 1;\n}\n",
            id="cpp m",
        ),
        pytest.param(
            "a.cpp",
            "class A {\n  int f(int a) const {\n    return b;\n  }\n",
            "  int f(int b) const {\n    return c + 1;\n  }\n};\n",
            id="cpp in",
        ),
        pytest.param(
            "a.cpp",
            "A::A(int a) : x(a) {\n  b();\n}\n",
            "A::A(int a) : x(a + 1) {\n  c();\n}\n",
            id="cpp ctor",
        ),
        pytest.param(
            "a.cpp",
            "namespace n {\nint f(int a) {\n  return b;\n}\n}\n",
            "namespace n {\nint f(int b) {\n  return c + 1;\n}\n}\n",
            id="cpp ns",
        ),
        pytest.param(
            "a.cpp", "TEST(A, b) {\n  c();\n}\n", "TEST(A, b) {\n  e(1);\n}\n", id="cpp TEST2"
        ),
        pytest.param(
            "a.cpp",
            '#ifdef __cplusplus\nextern "C"\n{\n#endif\nstatic int f(int a) {\n  return a;\n}\n',
            "static int f(int a) {\n  return a + 1;\n}\n#ifdef __cplusplus\n}\n#endif\n",
            id="cpp extern",
        ),
        pytest.param(
            "a.cpp",
            "int& A::f(int a) {\n  return a;\n}\n",
            "int& A::f(int b) {\n  return b;\n}\n",
            id="cpp refs",
        ),
        pytest.param(
            "a.cpp", "class A : B {\n  int x;\n};\n", "class A {\n  int y;\n};\n", id="cpp class"
        ),
        pytest.param(
            "a.h",
            "#ifndef A_H\n#define A_H\ntemplate <class T> T f(T a) {\n  return a;\n}\n",
            "template <class T> T f(T b) {\n  return b;\n}\n#endif\n",
            id="cpp tmpl",
        ),
        pytest.param(
            "a.cs",
            "class A {\n  public int F(int a, ref string b) {\n    return 1;\n  }\n",
            "  private int F(int c, ref string d) {\n    return 2;\n  }\n}\n",
            id="cs",
        ),
        pytest.param(
            "a.cs", "class A {\n  public int F => 2;\n", "  public long F => 3;\n}\n", id="cs prop"
        ),
        pytest.param(
            "a.cs",
            "namespace N {\nclass A {\n  int F<T>(T a) where T : class {\n    return 1;\n  }\n",
            "  int F<T>(T a) {\n    return 2;\n  }\n}\n}\n",
            id="cs gen",
        ),
        pytest.param(
            "a.php",
            "<?php\nfunction f($a) {\n  return $a;\n}\n",
            "function f($a, $b) {\n  return $b;\n}\n",
            id="php",
        ),
        pytest.param(
            "a.php",
            "<?php\nnamespace A;\nclass B {\n  public function f($a) {\n    return $a;\n  }\n",
            "  private function f($a, $b) {\n    return $b;\n  }\n}\n",
            id="php ns",
        ),
        pytest.param(
            "a.ts",
            "export function f(a: number): number {\n  return a;\n}\n",
            "function f(a: string): string {\n  return a + 'x';\n}\n",
            id="ts",
        ),
        pytest.param(
            "a.ts",
            "export const f = (a: number) => {\n  return a;\n};\n",
            "export const f = (a: number) => {\n  return a + 1;\n};\n",
            id="ts const",
        ),
        pytest.param(
            "a.go",
            "package a\n\ntype (\n\tA struct {\n\t\tx int\n\t}\n\tB struct {\n\t\tx int\n\t}\n)\n",
            "\ntype A struct {\n\ty int\n}\n",
            id="go types",
        ),
        pytest.param(
            "a.ts",
            "class A {\n  f(a: number) {\n    return a;\n  }\n",
            "  private f(a: number) {\n    return a;\n  }\n}\n",
            id="ts m",
        ),
        pytest.param(
            "a.ts",
            "function f(a: number): number;\nfunction f(a: string): string;\nfunction f(a: any) {\n  return a;\n}\n",
            "function f(a: any) {\n  return a + 1;\n}\n",
            id="ts ovl",
        ),
        pytest.param(
            "a.tsx",
            "function F(a: number) {\n  return <a/>;\n}\n",
            "function F(a: number) {\n  return <b/>;\n}\n",
            id="tsx",
        ),
        pytest.param("a.ts", "class A {\n  x = 1;\n}\n", "class A {\n  y = 1;\n}\n", id="ts class"),
    ],
)
def test_what_a_scope_has_already_is_refused_always(path: str, first: str, second: str) -> None:
    for reason in ("", "because"):
        verdict = check(first, first + second, path=path, files={path: first}, reason=reason)
        assert isinstance(verdict, Refuse)
        assert "already defined" in verdict.why
        assert "only one of the two can stand" in verdict.why
        assert verdict.details == ()


@pytest.mark.parametrize(
    ("path", "first", "second"),
    [
        pytest.param(
            "a.go",
            "package a\n\nfunc (s *S) f(a int) int {\n\treturn a + 1\n}\n",
            "\nfunc (t *T) f(a int) int {\n\treturn a * 2 - b\n}\n",
            id="go recv",
        ),
        pytest.param(
            "a.go",
            "package a\n\nfunc init() {\n\ta()\n\tb(3)\n}\n",
            "\nfunc init() {\n\tc()\n\td(4)\n\te()\n}\n",
            id="go init",
        ),
        pytest.param(
            "a.go", "package a\n\nfunc _() {\n\ta()\n}\n", "\nfunc _() {\n\tb()\n}\n", id="go _"
        ),
        pytest.param(
            "a.rs",
            "impl X for A {\n    fn f(&self) -> u8 {\n        1\n    }\n}\n",
            "\nimpl Y for A {\n    fn f(&self) -> u8 {\n        2\n    }\n}\n",
            id="rust traits",
        ),
        pytest.param(
            "a.rs",
            "impl A<u8> {\n    fn f(&self) -> u8 {\n        1\n    }\n}\n",
            "\nimpl A<u16> {\n    fn f(&self) -> u8 {\n        2\n    }\n}\n",
            id="rust types",
        ),
        pytest.param(
            "a.rs",
            "impl From<u8> for A {\n    fn from(a: u8) -> A {\n        x(a)\n    }\n}\n",
            "\nimpl From<u16> for A {\n    fn from(a: u16) -> A {\n        y(a, 1)\n    }\n}\n",
            id="rust from",
        ),
        pytest.param(
            "a.rs",
            "#[cfg(unix)]\nfn f(a: u8) -> u8 {\n    a + 1\n}\n",
            "\n#[cfg(windows)]\nfn f(b: u8) -> u8 {\n    b.c(2)\n}\n",
            id="rust cfg",
        ),
        pytest.param(
            "a.rs",
            "#[cfg(unix)]\nimpl A {\n    fn f(&self) -> u8 {\n        1\n    }\n}\n",
            "\n#[cfg(windows)]\nimpl A {\n    fn f(&self) -> u8 {\n        2\n    }\n}\n",
            id="rust cfg impl",
        ),
        pytest.param(
            "a.rs",
            "mod a {\n    fn f() -> u8 {\n        1\n    }\n}\n",
            "\nmod b {\n    fn f() -> u8 {\n        2\n    }\n}\n",
            id="rust mods",
        ),
        pytest.param(
            "a.rs",
            "trait T {\n    fn f(&self) -> u8;\n}\n",
            "\nimpl T {\n    fn f(&self) -> u8 {\n        2\n    }\n}\n",
            id="rust decl",
        ),
        pytest.param(
            "a.rs",
            "#[rustversion::since(1.70)]\nfn f(a: u8) -> u8 {\n    a + 1\n}\n",
            "\n#[rustversion::before(1.70)]\nfn f(b: u8) -> u8 {\n    b.c(2)\n}\n",
            id="rust ver",
        ),
        pytest.param(
            "a.rs",
            "#[maybe_async::sync_impl]\nfn f(a: u8) -> u8 {\n    a + 1\n}\n",
            "\n#[maybe_async::async_impl]\nasync fn f(b: u8) -> u8 {\n    b.c(2)\n}\n",
            id="rust sync",
        ),
        pytest.param(
            "a.c",
            '__attribute__((target("avx2")))\nint f(int a) {\n  return a;\n}\n',
            '__attribute__((target("default")))\nint f(int a) {\n  return a + 1;\n}\n',
            id="c target",
        ),
        pytest.param(
            "a.cpp",
            '__attribute__((target("avx2")))\nint f(int a) {\n  return a;\n}\n',
            '__attribute__((target("default")))\nint f(int a) {\n  return a + 1;\n}\n',
            id="cpp target",
        ),
        pytest.param(
            "a.c",
            "#define T int\nT f(T a) {\n  return a;\n}\n",
            "#undef T\n#define T long\nT f(T a) {\n  return a + 1;\n}\n",
            id="c undef",
        ),
        pytest.param(
            "A.java",
            "class A {\n  public int f(int a) {\n    return 1;\n  }\n",
            "  public int f(long b) {\n    return 2;\n  }\n}\n",
            id="java ovl",
        ),
        pytest.param(
            "A.java",
            "class A {\n  public int f(int... a) {\n    return 1;\n  }\n",
            "  public int f(int a) {\n    return 2;\n  }\n}\n",
            id="java ovl2",
        ),
        pytest.param(
            "A.java",
            "interface A {\n  int f(int a);\n}\n",
            "class B implements A {\n  public int f(int a) {\n    return 2;\n  }\n}\n",
            id="java decl",
        ),
        pytest.param(
            "A.java",
            "class A {\n  R a = new R() {\n    public int run() {\n      return 1;\n    }\n  };\n",
            "  R b = new R() {\n    public int run() {\n      return 2;\n    }\n  };\n}\n",
            id="java anon",
        ),
        pytest.param(
            "A.java",
            "enum A {\n  X { int f() {\n    return 1;\n  } },\n",
            "  Y { int f() {\n    return 2;\n  } };\n}\n",
            id="java enum",
        ),
        pytest.param(
            "a.c",
            "#ifdef W\nint f(int a) {\n  return a;\n}\n",
            "#else\nint f(int a) {\n  return a + 1;\n}\n#endif\n",
            id="c ifdef",
        ),
        pytest.param(
            "a.c",
            "#if W\nint f(int a) {\n  return a;\n}\n",
            "#endif\n#if !W\nint f(int a) {\n  return a + 1;\n}\n#endif\n",
            id="c if",
        ),
        pytest.param("a.c", "int f(int a);\n", "int f(int a) {\n  return a + 1;\n}\n", id="c decl"),
        pytest.param("a.c", "TEST(foo) {\n  a();\n}\n", "TEST(bar) {\n  b();\n}\n", id="c macros"),
        pytest.param(
            "a.c", "TEST(foo, x) {\n  a();\n}\n", "TEST(foo, x) {\n  b(1);\n}\n", id="c macros2"
        ),
        pytest.param(
            "a.c", "#define F(x) (x + 1)\n", "#undef F\n#define F(x) (x + 2)\n", id="c define"
        ),
        pytest.param(
            "a.cpp",
            "int f(const A& a) {\n  return b;\n}\n",
            "int f(A&& a) {\n  return c + 1;\n}\n",
            id="cpp ovl",
        ),
        pytest.param(
            "a.cpp",
            "int& A::f() {\n  return b;\n}\n",
            "int& A::f() const {\n  return c + 1;\n}\n",
            id="cpp const",
        ),
        pytest.param(
            "a.cpp",
            "int A::f() & {\n  return b;\n}\n",
            "int A::f() && {\n  return c + 1;\n}\n",
            id="cpp ref",
        ),
        pytest.param(
            "a.cpp",
            "template <class T> int f(T a) {\n  return b;\n}\n",
            "template <> int f(int a) {\n  return c + 1;\n}\n",
            id="cpp spec",
        ),
        pytest.param(
            "a.cpp",
            "template <> int f<A>() {\n  return b;\n}\n",
            "template <> int f<B>() {\n  return c + 1;\n}\n",
            id="cpp spec2",
        ),
        pytest.param(
            "a.cpp",
            "template <> int A<int>::f() {\n  return b;\n}\n",
            "template <> int A<char>::f() {\n  return c + 1;\n}\n",
            id="cpp spec3",
        ),
        pytest.param(
            "a.cpp",
            "template <class T> enable_if_t<X<T>, int> f(T a) {\n  return b;\n}\n",
            "template <class T> enable_if_t<!X<T>, int> f(T a) {\n  return c + 1;\n}\n",
            id="cpp sfinae",
        ),
        pytest.param(
            "a.cpp",
            "template <class T> requires X<T> int f(T a) {\n  return b;\n}\n",
            "template <class T> requires Y<T> int f(T a) {\n  return c + 1;\n}\n",
            id="cpp requires",
        ),
        pytest.param(
            "a.cpp",
            "namespace {\nint f(int a) {\n  return b;\n}\n}\n",
            "int f(int a) {\n  return c + 1;\n}\n",
            id="cpp anon",
        ),
        pytest.param(
            "a.cpp",
            "int f(int (&a)[N]) {\n  return b;\n}\n",
            "int f(int (&a)[M]) {\n  return c + 1;\n}\n",
            id="cpp arr",
        ),
        pytest.param(
            "a.cpp", "TEST(A, b) {\n  c();\n}\n", "TEST(A, d) {\n  e(1);\n}\n", id="cpp TEST"
        ),
        pytest.param(
            "a.cpp", "MY_TEST(b) {\n  c();\n}\n", "MY_TEST(d) {\n  e(1);\n}\n", id="cpp mtest"
        ),
        pytest.param(
            "a.cpp",
            "template <class T> struct A {\n  int x;\n};\n",
            "template <> struct A<int> {\n  int y;\n};\ntemplate <class T> struct A<T*> {\n  int y;\n};\n",
            id="cpp tclass",
        ),
        pytest.param(
            "a.cpp",
            "bool operator==(A a, A b) {\n  return a.x == b.x;\n}\n",
            "bool operator==(B a, B b) {\n  return a.y == b.y + 1;\n}\n",
            id="cpp eq",
        ),
        pytest.param(
            "a.cs",
            "class A {\n  static A() {\n    B();\n  }\n",
            "  public A() {\n    C(3);\n  }\n}\n",
            id="cs static",
        ),
        pytest.param(
            "a.cs",
            "class A {\n  int F(int a) {\n    return 1;\n  }\n",
            "  int I.F(int a) {\n    return 2;\n  }\n}\n",
            id="cs explicit",
        ),
        pytest.param(
            "a.cs",
            "class A {\n  int F(int a) {\n    return 1;\n  }\n",
            "  int F<T>(int a) {\n    return 2;\n  }\n}\n",
            id="cs generic",
        ),
        pytest.param(
            "a.cs",
            "class A {\n  int F(int a) {\n    return 1;\n  }\n",
            "  int F(ref int a) {\n    return 2;\n  }\n}\n",
            id="cs ref",
        ),
        pytest.param(
            "a.cs",
            "partial class A {\n  int F(int a) {\n    return 1;\n  }\n}\n",
            "partial class A {\n  int G(int a) {\n    return 2;\n  }\n}\n",
            id="cs partial",
        ),
        pytest.param(
            "a.cs",
            "class A {\n#if X\n  int F(int a) {\n    return 1;\n  }\n",
            "#else\n  int F(int a) {\n    return 2;\n  }\n#endif\n}\n",
            id="cs if",
        ),
        pytest.param(
            "a.php",
            "<?php\nif ($x) {\nfunction f($a) {\n  return $a;\n}\n",
            "} else {\nfunction f($a) {\n  return $b;\n}\n}\n",
            id="php if",
        ),
        pytest.param(
            "a.php",
            "<?php\nclass A {\nfunction f($a) {\n  return $a;\n}\n}\n",
            "class B {\nfunction f($a) {\n  return $b;\n}\n}\n",
            id="php classes",
        ),
        pytest.param(
            "a.php",
            "<?php\nnamespace A;\nfunction f($a) {\n  return $a;\n}\n",
            "namespace B;\nfunction f($a) {\n  return $a - 1;\n}\n",
            id="php ns2",
        ),
        pytest.param(
            "a.ts",
            "function f(a: number): number;\n",
            "function f(a: string): string;\nfunction f(a: any) {\n  return a;\n}\n",
            id="ts ovl",
        ),
        pytest.param(
            "a.ts",
            "class A {\n  f(a: number): number;\n",
            "  f(a: string): string;\n  f(a: any) {\n    return a;\n  }\n}\n",
            id="ts movl",
        ),
        pytest.param(
            "a.ts",
            "class A {\n  get f() {\n    return 1;\n  }\n",
            "  set f(a) {\n    this.a = a;\n  }\n}\n",
            id="ts get",
        ),
        pytest.param(
            "a.ts",
            "class A {\n  static f() {\n    return 1;\n  }\n",
            "  f() {\n    return 2;\n  }\n}\n",
            id="ts static",
        ),
        pytest.param(
            "a.ts",
            "class A {\n  private static f() {\n    return 1;\n  }\n",
            "  private f() {\n    return 2;\n  }\n}\n",
            id="ts pstatic",
        ),
        pytest.param(
            "a.ts",
            "var f = function (x: number) {\n  return x;\n};\n",
            "var f = function (x: number) {\n  return x + 1;\n};\n",
            id="ts var",
        ),
        pytest.param(
            "a.ts",
            "interface A {\n  a: number;\n}\n",
            "interface A {\n  b: number;\n}\nclass A {\n  c = 1;\n}\n",
            id="ts merge",
        ),
        pytest.param(
            "a.ts",
            "a.f = function (x: number) {\n  return x;\n};\n",
            "a.f = function (x: number) {\n  return x + 1;\n};\n",
            id="ts assign",
        ),
        pytest.param(
            "a.ts",
            "describe('a', () => {\n  function f() {\n    return 1;\n  }\n});\n",
            "describe('b', () => {\n  function f() {\n    return 2;\n  }\n});\n",
            id="ts local",
        ),
        pytest.param(
            "a.ts",
            "namespace A {\n  function f() {\n    return 1;\n  }\n}\n",
            "namespace A {\n  function f() {\n    return 2;\n  }\n}\n",
            id="ts ns",
        ),
        pytest.param(
            "a.ts",
            "declare function f(a: number): void;\n",
            "declare function f(a: string): void;\n",
            id="ts declare",
        ),
        pytest.param(
            "a.ts",
            "{\n  function f() {\n    return 1;\n  }\n}\n",
            "{\n  function f() {\n    return 2;\n  }\n}\n",
            id="ts block",
        ),
    ],
)
def test_what_may_stand_in_a_scope_beside_its_namesake(path: str, first: str, second: str) -> None:
    verdict = check(first, first + second, path=path, files={path: first})
    assert "already defined" not in getattr(verdict, "why", "")


def test_what_stood_twice_before_is_not_this_edit_s_fault_in_go_either() -> None:
    old = "package a\n\nfunc f() int {\n\treturn 1\n}\n\nfunc f() int {\n\treturn 2\n}\n"
    assert check(old, old + "\nvar x = 1\n", path="a.go", files={"a.go": old}) == Permit()


def test_a_scope_that_the_parser_did_not_understand_is_let_be() -> None:
    """Between the two stands what may well be the end of the one class and the start of another."""
    first = "class A {\n  int f(int a) { return 1; }\n"
    torn = "  } } class B extends {{ ;\n"
    verdict = check(first, first + torn + "  int f(int a) { return 2; }\n}\n", path="A.java")
    assert "already defined" not in getattr(verdict, "why", "")
