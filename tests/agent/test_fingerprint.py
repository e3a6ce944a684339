import ast
import keyword
import textwrap
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from steadyhand_agent.index.languages import index_text


def definitions(path, text):
    return list(index_text(path, text).definitions)


def body(text: str, name: str = "f") -> str:
    (found,) = [d for d in definitions("app.py", textwrap.dedent(text)) if d.qualified == name]
    assert found.body
    return found.body


def same(left: str, right: str) -> bool:
    return body(left) == body(right)


PLAIN = """\
def f(items, limit):
    total = 0
    for item in items:
        if item.price > limit:
            total += item.price
    return round(total, 2)
"""


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(PLAIN.replace("    total = 0\n", "    # start\n    total = 0  # zero\n"), id="comments"),
        pytest.param(PLAIN.replace("    total = 0\n", '    """Sums."""\n    total = 0\n'), id="docstring"),
        pytest.param(PLAIN.replace("    ", "  "), id="narrow indentation"),
        pytest.param(PLAIN.replace("    ", "\t"), id="tabs"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="crlf"),
        pytest.param(PLAIN.replace("\n    ", "\n\n    "), id="blank lines"),
        pytest.param(PLAIN.replace("items, limit", "\n    items,\n    limit,\n"), id="black"),
        pytest.param(PLAIN.replace("total, 2", "total, 2,"), id="trailing comma"),
        pytest.param(PLAIN.replace("item.price > limit", "(item.price > limit)"), id="parentheses"),
        pytest.param(PLAIN.replace("item.price > limit", "((item.price) > (limit))"), id="more"),
        pytest.param(PLAIN.replace("round(total, 2)", "(\n        round(total, 2)\n    )"), id="wrapped"),
        pytest.param(PLAIN.replace("total = 0", "total \\\n        = 0"), id="backslash"),
        pytest.param(PLAIN.replace("total = 0", "total=0"), id="spaces"),
        pytest.param(PLAIN.replace("(items, limit)", "(items: list[Item], limit: float) -> float"), id="types"),
        pytest.param(PLAIN.replace("total = 0", "total: int = 0"), id="typed local"),
        pytest.param(PLAIN.replace("limit", "ceiling"), id="parameter"),
        pytest.param(PLAIN.replace("total", "acc").replace("item", "x"), id="locals"),
        pytest.param(PLAIN.replace("def f", "def  f"), id="head"),
    ],
)  # fmt: skip
def test_what_makes_no_difference(other: str) -> None:
    assert other != PLAIN
    assert same(PLAIN, other)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(PLAIN.replace("round", "floor"), id="called name"),
        pytest.param(PLAIN.replace("item.price > limit", "item.cost > limit"), id="attribute"),
        pytest.param(PLAIN.replace(" > ", " >= "), id="comparison"),
        pytest.param(PLAIN.replace("+=", "-="), id="operator"),
        pytest.param(PLAIN.replace("= 0", "= 1"), id="number"),
        pytest.param(PLAIN.replace("= 0", "= 0.0"), id="kind of number"),
        pytest.param(PLAIN.replace("total = 0", "total = '0'"), id="string"),
        pytest.param(PLAIN.replace("> limit", "> LIMIT"), id="global"),
        pytest.param(PLAIN.replace("(items, limit)", "(limit, items)"), id="order of parameters"),
        pytest.param(PLAIN.replace("(items, limit)", "(items, limit=3)"), id="default"),
        pytest.param(PLAIN.replace("(items, limit)", "(items, *, limit)"), id="keyword only"),
        pytest.param(PLAIN.replace("(items, limit)", "(items, *limit)"), id="star"),
        pytest.param(PLAIN.replace("    return", "        return"), id="end of the loop"),
        pytest.param(PLAIN.replace("    return", "            return"), id="end of the branch"),
        pytest.param(PLAIN.replace("total, 2", "2, total"), id="order of arguments"),
        pytest.param(PLAIN.replace("> limit", "> total"), id="another local"),
        pytest.param("async " + PLAIN, id="async"),
        pytest.param("@cache\n" + PLAIN, id="decorator"),
    ],
)
def test_what_makes_a_difference(other: str) -> None:
    assert other != PLAIN
    assert not same(PLAIN, other)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("return (a,)", "return (a)", id="tuple of one"),
        pytest.param("return a,", "return a", id="bare tuple of one"),
        pytest.param("return g(x=a)", "return g(y=a)", id="keyword argument"),
        pytest.param("return g(a=a)", "return g(b=a)", id="keyword like a parameter"),
        pytest.param("return a[b,]", "return a[b]", id="subscript with a tuple"),
        pytest.param("(x,) = a\n    return x", "(x) = a\n    return x", id="unpacking of one"),
        pytest.param("return not a", "return a", id="not"),
        pytest.param("return (a or b).name", "return a or b.name", id="grouping before an attribute"),
        pytest.param("return (a or b)[0]", "return a or b[0]", id="grouping before a subscript"),
        pytest.param("return ((a or b)).x", "return a or b.x", id="grouped twice"),
        pytest.param("return (a or b)(1)", "return a or b(1)", id="grouping before a call"),
        pytest.param("return (await a).x", "return await a.x", id="grouping around await"),
        pytest.param("return (lambda: a) or b", "return lambda: a or b", id="grouping around lambda"),
        pytest.param("return (yield a) or b", "return (yield a or b)", id="grouping around yield"),
        pytest.param("return (a < b) < 1", "return a < b < 1", id="chained comparison"),
        pytest.param("return g((x for x in a), b)", "return g([x for x in a], b)", id="generator"),
        pytest.param("return (a, b)[0]", "return a, b[0]", id="tuple before a subscript"),
        pytest.param("return (a if b else 1) + 2", "return a if b else 1 + 2", id="grouped condition"),
        pytest.param("return not (a and b)", "return not a and b", id="grouping after not"),
        pytest.param("return a - (b - 1)", "return a - b - 1", id="grouping that counts"),
        pytest.param("return (a + b) * 2", "return a + b * 2", id="precedence"),
        pytest.param("return -(a ** 2)", "return (-a) ** 2", id="sign and power"),
        pytest.param("return a is b", "return a is not b", id="is not"),
        pytest.param("return a // b", "return a / b", id="floor division"),
        pytest.param("a <<= b\n    return a", "a >>= b\n    return a", id="shift"),
        pytest.param("return 'x'", "return b'x'", id="prefix"),
        pytest.param("return 'x'", "return r'x'", id="raw"),
        pytest.param("return f'{a}'", "return f'{b}'", id="interpolated"),
        pytest.param("return f'{a!r}'", "return f'{a!s}'", id="conversion"),
        pytest.param("return f'{a:>3}'", "return f'{a:<3}'", id="format"),
        pytest.param("return f'{a}x'", "return f'{a}y'", id="text around"),
        pytest.param("return 'a b'", "return 'a  b'", id="spaces in a string"),
        pytest.param("return '# a'", "return '# b'", id="hash sign in a string"),
        pytest.param("return 0x10", "return 16", id="base"),
        pytest.param("return 1e3", "return 1e4", id="exponent"),
        pytest.param("return 1j", "return 1", id="imaginary"),
        pytest.param("yield a", "return a", id="yield"),
        pytest.param("return await a", "return a", id="await"),
        pytest.param("return [x for x in a]", "return {x for x in a}", id="brackets"),
        pytest.param("return [x for x in a]", "return [x for x in b]", id="source"),
        pytest.param("import json\n    return json", "import yaml\n    return yaml", id="import"),
        pytest.param("from m import x\n    return x", "from m import y\n    return y", id="from"),
        pytest.param("with g(a) as h:\n        pass\n    return b", "with g(a) as h:\n        pass\n        return b", id="end of with"),
        pytest.param("if a:\n        if b:\n            return 1\n        else:\n            return 2", "if a:\n        if b:\n            return 1\n    else:\n        return 2", id="whose else"),
        pytest.param("def inner():\n        return a\n    return inner", "def inner():\n        return a\n    return inner()", id="call"),
        pytest.param("return lambda x: a", "return lambda a: a", id="captured"),
    ],
)  # fmt: skip
def test_small_things_that_mean_something_else(left: str, right: str) -> None:
    assert not same(f"def f(a, b):\n    {left}\n", f"def f(a, b):\n    {right}\n")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("return [x for x in a]", "return [y for y in a]", id="list"),
        pytest.param("return {k: v for k, v in a}", "return {x: y for x, y in a}", id="dict"),
        pytest.param("return {x for y in a for x in y}", "return {p for q in a for p in q}", id="two"),
        pytest.param("return sum(x for x in a if x)", "return sum(i for i in a if i)", id="generator"),
        pytest.param("with open(a) as h:\n        return h.read()", "with open(a) as file:\n        return file.read()", id="with"),
        pytest.param("with g(a) as (x, y):\n        return x", "with g(a) as (p, q):\n        return p", id="with a tuple"),
        pytest.param("try:\n        pass\n    except E as e:\n        return e", "try:\n        pass\n    except E as error:\n        return error", id="except"),
        pytest.param("x, y = a\n    return y", "p, q = a\n    return q", id="unpacking"),
        pytest.param("(x, [y, *z]) = a\n    return z", "(p, [q, *r]) = a\n    return r", id="nested unpacking"),
        pytest.param("for i, (j, k) in a:\n        print(k)", "for p, (q, r) in a:\n        print(r)", id="for"),
        pytest.param("return f'{a} {x!r:>{b}}' if (x := a) else b", "return f'{a} {y!r:>{b}}' if (y := a) else b", id="f-string"),
        pytest.param("x = a\n    return f'{x}'", "y = a\n    return f'{y}'", id="interpolation"),
        pytest.param("x = a\n    return f'{x.name} {g(x)}'", "y = a\n    return f'{y.name} {g(y)}'", id="expression"),
        pytest.param("x = a\n    return f'{x=}'", "y = a\n    return f'{y=}'", id="debug format"),
        pytest.param("return lambda x: x + a", "return lambda y: y + a", id="lambda"),
        pytest.param("return lambda *x, **y: x", "return lambda *p, **q: p", id="lambda stars"),
        pytest.param("def g(x):\n        return x\n    return g", "def h(y):\n        return y\n    return h", id="inner function"),
        pytest.param("class G:\n        pass\n    return G", "class H:\n        pass\n    return H", id="inner class"),
        pytest.param("import json as x\n    return x", "import json as y\n    return y", id="alias"),
        pytest.param("x = a\n    x.name = 1\n    x[0] = x\n    del x", "y = a\n    y.name = 1\n    y[0] = y\n    del y", id="targets"),
        pytest.param("x: int\n    x = a\n    return x", "y: int\n    y = a\n    return y", id="declared"),
        pytest.param("x = a\n    x += 1\n    return x", "y = a\n    y += 1\n    return y", id="augmented"),
        pytest.param("match a:\n        case [x, *y]:\n            return x", "match a:\n        case [p, *q]:\n            return p", id="match"),
        pytest.param("match a:\n        case P(n=x) as w:\n            return x, w", "match a:\n        case P(n=y) as v:\n            return y, v", id="match class"),
        pytest.param("match a:\n        case {'k': x, **r}:\n            return x", "match a:\n        case {'k': y, **s}:\n            return y", id="match mapping"),
        pytest.param("nonlocal_x = a\n    return nonlocal_x", "y = a\n    return y", id="name with a keyword in it"),
        pytest.param("größe = a\n    return größe", "y = a\n    return y", id="not ascii"),
        pytest.param("return (a, b)", "return (a, b,)", id="comma in a tuple"),
        pytest.param("return (a > b) and not (a == 1)", "return a > b and not a == 1", id="idle grouping"),
        pytest.param("return (a * b) + 1", "return a * b + 1", id="idle precedence"),
        pytest.param("return {'a': a}", "return {'a': a,}", id="comma in a dict"),
        pytest.param("for x in (a, b): pass", "for x in (\n        a,\n        b,\n    ):\n        pass", id="one line"),
        pytest.param("x = 1; y = 2", "x = 1\n    y = 2", id="semicolon"),
        pytest.param("return g(*a, **b)", "return g(\n        *a,\n        **b,\n    )", id="call with stars"),
    ],
)  # fmt: skip
def test_small_things_that_mean_the_same(left: str, right: str) -> None:
    assert same(f"def f(a, b):\n    {left}\n", f"def f(a, b):\n    {right}\n")


def test_own_name_makes_no_difference_but_recursion_is_seen() -> None:
    text = "def {0}(n):\n    return n * {0}(n - 1)\n"
    assert body(text.format("f")) == body(text.format("g"), "g")
    assert body(text.format("f")) != body("def g(n):\n    return n * f(n - 1)\n", "g")


def test_renaming_must_be_consistent() -> None:
    assert not same(
        "def f():\n    x = 1\n    y = 2\n    return x\n",
        "def f():\n    x = 1\n    y = 2\n    return y\n",
    )


@pytest.mark.parametrize("word", ["global", "nonlocal"])
def test_names_from_outside_keep_their_names(word: str) -> None:
    text = "def f():\n    {0} count\n    count = count + 1\n    return count\n"
    other = text.replace("count", "total")
    assert not same(text.format(word), other.format(word))


def test_a_global_of_an_inner_function_does_not_hide_a_local_of_the_outer() -> None:
    text = "def f(a):\n    x = a\n    def g():\n        return x\n    return g\n"
    assert same(text, text.replace("x", "y"))


def test_attribute_of_the_name_of_a_local_is_kept() -> None:
    assert not same(
        "def f(a, b):\n    return b.a\n",
        "def f(c, b):\n    return b.c\n",
    )


def test_attribute_across_lines_is_kept() -> None:
    assert not same(
        "def f(name, b):\n    return (b.\n        name)\n",
        "def f(size, b):\n    return (b.\n        size)\n",
    )


def test_methods_and_functions_of_one_form_are_alike() -> None:
    method = "class A:\n    def f(self, x):\n        return x.strip()\n"
    function = "def f(this, value):\n    return value.strip()\n"
    assert body(method, "A.f") == body(function)


def test_nested_definitions_have_their_own_form() -> None:
    nested = "def g():\n    def f(x):\n        return x + 1\n    return f\n"
    assert body(nested, "g.f") == body("def f(y):\n    return y + 1\n")


def test_the_last_method_of_a_class_is_like_the_others() -> None:
    text = "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 1\n"
    assert body(text, "A.f") == body(text, "A.g")


def test_the_last_inner_function_is_like_the_others() -> None:
    text = "if a:\n    if b:\n        def f(x):\n            return x\n"
    assert body(text) == body("def f(x):\n    return x\n")


def test_a_string_over_lines_keeps_its_text() -> None:
    text = 'def f():\n    return """a\n  b\n"""\n'
    assert not same(text, text.replace("  b", "   b"))


def test_a_body_does_not_depend_on_what_stands_around() -> None:
    around = (
        'X = (1,)\n"""text"""\n'
        + PLAIN
        + "\n\ndef g(items):\n    global total\n    total = items\n"
    )
    assert body(PLAIN) == body(around)


NAMES = st.sampled_from(["a", "b", "g(a)", "a.b", "b[a]", "1", "'s'", "[a]", "(a, b)", "(a,)"])


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouped = inner.map(lambda text: f"({text})")
    either = inner | grouped
    signs = ["+", "-", "*", "/", "//", "%", "**", "@", "<<", "&", "|", "^", "and", "or", "<", "==",
             "in", "not in", "is", "is not"]  # fmt: skip
    return st.one_of(
        st.builds("{} {} {}".format, either, st.sampled_from(signs), either),
        st.builds("{} {}".format, st.sampled_from(["not", "-", "~", "+", "await"]), either),
        st.builds("{} if {} else {}".format, either, either, either),
        st.builds("lambda: {}".format, either),
        st.builds("({}).x".format, inner),
        st.builds("({})[{}]".format, inner, either),
        st.builds("({})(b, k={})".format, inner, either),
        st.builds("[{}, {}]".format, either, either),
        st.builds("{}.x".format, inner),
        st.builds("{}[0]".format, inner),
        grouped,
    )


EXPRESSIONS = st.recursive(NAMES, _grow, max_leaves=6)


def tree(expression: str) -> str | None:
    try:
        return ast.dump(ast.parse(f"async def f(a, b):\n    return {expression}\n"))
    except SyntaxError:
        return None


@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(EXPRESSIONS, st.data())
def test_grouping_is_dropped_only_where_it_changes_nothing(
    expression: str, data: st.DataObject
) -> None:
    """Some pairs of brackets fewer: the same form must mean the same tree."""
    pairs = list(_pairs(expression))
    assume(pairs)
    fewer = data.draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=3, unique=True))
    dropped = {at for pair in fewer for at in pair}
    other = "".join(char for at, char in enumerate(expression) if at not in dropped)
    trees = tree(expression), tree(other)
    assume(None not in trees and trees[0] != trees[1])
    head = "async def f(a, b):\n    return "
    assert body(f"{head}{expression}\n") != body(f"{head}{other}\n")


def _pairs(expression: str) -> Iterator[tuple[int, int]]:
    stack: list[int] = []
    for at, char in enumerate(expression):
        if char == "(":
            stack.append(at)
        elif char == ")":
            yield stack.pop(), at


LOCAL = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(
    lambda name: (
        not keyword.iskeyword(name)
        and not keyword.issoftkeyword(name)
        and name not in ("f", "g", "h", "print", "self")
    )
)

SHAPES = [
    "{0} = g({1})",
    "{0} = {1}.attr + {2}",
    "for {0} in {1}:\n        h({0}, key={2})",
    "{0} = [{1} for {1} in {2} if {1}.ready]",
    "{0} = {{{1}: {2} for {1}, {2} in g()}}",
    "with g({0}) as {1}:\n        h({1})",
    "try:\n        g({0})\n    except ValueError as {1}:\n        h({1}, {2})",
    "{0}, *{1} = {2}",
    "{0} = lambda {1}: {1} + {2}",
    "print(f'{{{0}}} of {{{1}.size:>3}}')",
    "if ({0} := g()):\n        {1} = {0}",
    "{0} += {1}",
    "{0}[{1}] = {2}",
    "def {0}({1}):\n        return {1} * {2}",
    "assert {0} or {1}, {2}",
]


@given(
    st.lists(
        st.tuples(st.sampled_from(SHAPES), st.tuples(*[st.integers(0, 4)] * 3)),
        min_size=1,
        max_size=6,
    ),
    st.lists(LOCAL, min_size=10, max_size=10, unique=True),
)
def test_locals_may_have_any_names(
    lines: list[tuple[str, tuple[int, int, int]]], picked: list[str]
) -> None:
    def write(local: list[str]) -> str:
        parts = [shape.format(*(local[at] for at in use)) for shape, use in lines]
        head = f"def f({', '.join(local[:4])}, *{local[4]}):"
        return "\n    ".join([head, *parts, f"return {local[0]}"]) + "\n"

    assert body(write(picked[:5])) == body(write(picked[5:]))


@given(st.permutations(range(4)))
def test_swapped_locals_are_another_function(order: list[int]) -> None:
    local = ["p", "q", "r", "s"]
    head = f"def f({', '.join(local)}):\n    return "
    plain = head + "g(p, h(q), r.x, s)\n"
    swapped = head + "g({}, h({}), {}.x, {})\n".format(*(local[at] for at in order))
    assert same(plain, swapped) is (order == [0, 1, 2, 3])


def test_a_line_with_nothing_but_its_own_name_and_types_is_code() -> None:
    text = "class A {\n  emitted<\n    T\n  >(a: T): T {\n    return a\n  }\n}\n"
    found = {d.name: d.lines for d in index_text("a.ts", text).definitions}
    # What types alone stand in is none.
    assert found["emitted"] == 4
