from collections.abc import Callable

import pytest

from steadyhand_agent.index.definitions import Definition, Finding
from steadyhand_agent.index.findings import MAX_FAMILY, duplicates_of, exempt, file_findings
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.store import Index, View

BODY = """\
    total = 0
    for item in items:
        if item.price > limit:
            total += item.price
    return round(total, 2)
"""
SHORT = "    return a.strip().lower()\n"


def function(name: str, body: str = BODY, parameters: str = "items, limit") -> str:
    return f"def {name}({parameters}):\n{body}"


def index_of(files: dict[str, str]) -> Index:
    index = Index()
    for path, text in files.items():
        index.put_base(index_text(path, text))
    return index


def view_of(files: dict[str, str]) -> View:
    return index_of(files).view()


# Nothing was there before: all of it is new.
NOTHING: frozenset[tuple[str, str]] = frozenset()


def findings(
    files: dict[str, str], path: str, known: frozenset[tuple[str, str]] | None = None
) -> list[Finding]:
    return file_findings(view_of(files), path, files[path], known)


def tiers(
    files: dict[str, str], path: str, known: frozenset[tuple[str, str]] | None = None
) -> list[str]:
    return [finding.tier for finding in findings(files, path, known)]


def otherwise(number: int) -> str:
    """A body of its own, as long as `BODY`."""
    steps = "".join(f"    step{number}.go{n}(items, limit)\n" for n in range(5))
    return f"{steps}    return step{number}.end(items)\n"


def defined(view: View, path: str, qualified: str) -> Definition:
    entry = view.entry(path)
    assert entry is not None
    (found,) = [d for d in entry.definitions if d.qualified == qualified]
    return found


TWICE = "def f(a):\n    return a\n\n\ndef f(b):\n    return b + 1\n"


def test_the_later_of_two_in_one_scope_overwrites() -> None:
    (finding,) = findings({"a.py": TWICE}, "a.py")
    assert (finding.tier, finding.score) == ("T0", 1.0)
    assert (finding.canonical.line, finding.definition.line) == (1, 5)
    assert "line 1" in finding.reason


def test_each_of_three_is_measured_against_the_one_before() -> None:
    text = TWICE + "\n\ndef f(c):\n    return c + 2\n"
    found = findings({"a.py": text}, "a.py")
    assert [(f.canonical.line, f.definition.line) for f in found] == [(1, 5), (5, 9)]


def test_methods_and_classes_overwrite_too() -> None:
    text = (
        "class A:\n    def f(self):\n        return 1\n\n    def f(self):\n        return 2\n\n\n"
        "class A:\n    pass\n"
    )
    assert [f.definition.qualified for f in findings({"a.py": text}, "a.py")] == ["A.f", "A"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "@overload\ndef f(a: int): ...\n@overload\ndef f(a: str): ...\ndef f(a):\n    return a\n",
            id="overloads",
        ),
        pytest.param(
            "@t.overload\ndef f(a: int): ...\n\n@typing.overload\ndef f(a: str): ...\n", id="dotted"
        ),
        pytest.param(
            "class A:\n    @property\n    def f(self):\n        return 1\n\n"
            "    @f.setter\n    def f(self, v):\n        self.v = v\n\n"
            "    @f.deleter\n    def f(self):\n        del self.v\n",
            id="property",
        ),
        pytest.param(
            "@singledispatch\ndef f(a):\n    return a\n\n@f.register\ndef f(a: int):\n    return 1\n",
            id="own decorator",
        ),
        pytest.param(
            "@g.register(int)\ndef _(a):\n    return a\n\n@g.register(str)\ndef _(a):\n    return 1\n",
            id="registered without a name",
        ),
        pytest.param(
            "@g.register(int)\ndef f(a):\n    return a\n\n@g.register(str)\ndef f(a):\n    return 1\n",
            id="registered",
        ),
        pytest.param("if a:\n    def f(): return 1\nelse:\n    def f(): return 2\n", id="branches"),
        pytest.param(
            "try:\n    from m import f\nexcept ImportError:\n    def f(): return 2\n", id="fallback"
        ),
        pytest.param("def f(): return 1\nif a:\n    def f(): return 2\n", id="conditional second"),
        pytest.param("def f(): return 1\ng(f)\ndef f(): return 2\n", id="used between"),
        pytest.param("def f(): return 1\nf = cache(f)\ndef f(): return 2\n", id="wrapped between"),
        pytest.param("LIMIT = 1\nLIMIT = 2\n", id="constants"),
        pytest.param(
            "def f():\n    def g(): return 1\n    return g\ndef g(): return 1\n", id="scopes"
        ),
        pytest.param("def f():\n    return 1\n    def f(): return 2\n", id="inside itself"),
        pytest.param("class f:\n    def f(self): return 1\n", id="method like its class"),
    ],
)
def test_what_is_not_overwritten(text: str) -> None:
    assert "T0" not in tiers({"a.py": text}, "a.py")


def test_a_test_that_is_overwritten_is_never_run() -> None:
    text = "def test_a():\n    assert 1\n\n\ndef test_a():\n    assert 2\n"
    assert tiers({"tests/test_a.py": text}, "tests/test_a.py") == ["T0"]


def test_a_longer_name_between_is_no_use() -> None:
    text = "def f(): return 1\n\nxf = fx\n\ndef f(): return 2\n"
    assert tiers({"a.py": text}, "a.py") == ["T0"]


def test_the_same_body_under_another_name() -> None:
    files = {"a.py": function("total_above"), "b.py": function("sum_over").replace("item", "row")}
    assert findings(files, "a.py") == []
    (finding,) = findings(files, "b.py")
    assert (finding.tier, finding.canonical.place) == ("T1", "a.py:1")
    assert "`sum_over`" in finding.reason
    assert "`total_above` in a.py:1" in finding.reason


def test_the_same_body_twice_in_one_file() -> None:
    (finding,) = findings({"a.py": function("f") + "\n\n" + function("g")}, "a.py")
    assert (finding.definition.name, finding.canonical.name) == ("g", "f")


def test_a_method_gives_way_to_a_function() -> None:
    method = "class A:\n" + "".join(
        "    " + line for line in function("f").splitlines(keepends=True)
    )
    files = {"deep/er/a.py": function("g"), "b.py": method}
    (finding,) = findings(files, "b.py")
    assert finding.canonical.path == "deep/er/a.py"
    assert findings(files, "deep/er/a.py") == []


def test_a_function_does_not_give_way_to_a_method() -> None:
    method = "class A:\n" + "".join(
        "    " + line for line in function("f").splitlines(keepends=True)
    )
    files = {"a.py": method, "b.py": function("g")}
    assert findings(files, "b.py") == []


@pytest.mark.parametrize(
    ("canonical", "other"),
    [
        pytest.param(("z.py", "public"), ("a.py", "_private"), id="public over private"),
        pytest.param(("z.py", "f"), ("tests/a.py", "g"), id="library over test"),
        pytest.param(("z.py", "f"), ("a/b.py", "g"), id="shallower path"),
        pytest.param(("a.py", "z"), ("b.py", "a"), id="path"),
        pytest.param(("a/b/z.py", "f"), ("a.py", "_g"), id="public before shallow"),
        pytest.param(("z/y.py", "_f"), ("tests/a.py", "g"), id="library before public"),
    ],
)
def test_which_one_is_canonical(canonical: tuple[str, str], other: tuple[str, str]) -> None:
    files = {path: function(name) for path, name in (canonical, other)}
    view = view_of(files)
    assert file_findings(view, canonical[0], files[canonical[0]]) == []
    found = duplicates_of(view, defined(view, *other))
    assert [(f.canonical.path, f.canonical.name) for f in found] == [canonical]


def test_four_lines_are_not_enough_for_a_diagnostic() -> None:
    body = (
        "    a = one(items, limit)\n    b = two(items, limit, a)\n    return three(a, b, items)\n"
    )
    assert tiers({"a.py": function("f", body), "b.py": function("g", body)}, "b.py") == []
    longer = body.replace("    return", "    four(a, b)\n    return")
    assert tiers({"a.py": function("f", longer), "b.py": function("g", longer)}, "b.py") == ["T1"]


def test_few_tokens_are_not_enough_for_a_diagnostic() -> None:
    body = "    a()\n    b()\n    c()\n    d()\n"
    files = {"a.py": function("f", body, ""), "b.py": function("g", body, "")}
    assert tiers(files, "b.py") == []


@pytest.mark.parametrize(
    ("copies", "shown"), [(2, True), (MAX_FAMILY, True), (MAX_FAMILY + 1, False)]
)
def test_a_large_family_is_a_pattern(copies: int, shown: bool) -> None:
    files = {f"m{n}.py": function(f"f{n}") for n in range(copies)}
    assert bool(findings(files, f"m{copies - 1}.py")) is shown


@pytest.mark.parametrize(
    ("copies", "shown"), [(2, True), (MAX_FAMILY, True), (MAX_FAMILY + 1, False)]
)
def test_a_name_in_many_modules_is_a_pattern(copies: int, shown: bool) -> None:
    files = {f"m{n}.py": function("f", otherwise(n)) for n in range(copies)}
    assert tiers(files, f"m{copies - 1}.py", NOTHING) == (["T0x"] if shown else [])
    assert tiers(files, f"m{copies - 1}.py") == []


def indented(text: str) -> str:
    return "".join(
        "    " + line if line.strip() else line for line in text.splitlines(keepends=True)
    )


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda f: "@overload\n" + f, id="overload"),
        pytest.param(lambda f: "@dispatch.register(int)\n" + f, id="registered"),
        pytest.param(lambda f: "class A:\n    @size.setter\n" + indented(f), id="setter"),
        pytest.param(lambda f: "@pytest.fixture\n" + f, id="fixture"),
        pytest.param(lambda f: "class A:\n    @override\n" + indented(f), id="override"),
        pytest.param(lambda f: "class A:\n    @abc.abstractmethod\n" + indented(f), id="abstract"),
        pytest.param(lambda f: "@hookimpl(tryfirst=True)\n" + f, id="hook"),
        pytest.param(
            lambda f: "class A:\n    @field_validator('x')\n" + indented(f), id="validator"
        ),
    ],
)
def test_decorators_that_say_it_is_meant(wrap: Callable[[str], str]) -> None:
    files = {"a.py": wrap(function("f")), "b.py": wrap(function("g")).replace("class A", "class B")}
    assert tiers(files, "b.py") == []
    view = view_of(files)
    entry = view.entry("b.py")
    assert entry is not None
    assert [f for d in entry.definitions if d.kind != "class" for f in duplicates_of(view, d)] == []


def test_dunders_are_alike_by_nature() -> None:
    method = indented(function("__eq__"))
    files = {"a.py": "class A:\n" + method, "b.py": "class B:\n" + method}
    assert tiers(files, "b.py") == []


def test_tests_are_alike_by_nature() -> None:
    files = {"tests/a.py": function("f"), "tests/b.py": function("g")}
    assert tiers(files, "tests/b.py") == []
    files = {"a.py": function("f"), "tests/b.py": function("g")}
    assert tiers(files, "tests/b.py") == []


def test_a_library_function_does_not_give_way_to_a_test_helper() -> None:
    files = {"tests/a.py": function("f"), "b.py": function("g")}
    assert tiers(files, "b.py") == []
    view = view_of(files)
    assert duplicates_of(view, defined(view, "b.py", "g")) == []


def test_branches_of_one_condition_may_be_alike() -> None:
    text = f"if a:\n{indented(function('f'))}else:\n{indented(function('f'))}"
    assert tiers({"a.py": text}, "a.py") == []


def test_stubs_are_alike_by_nature() -> None:
    body = '    """Doc."""\n    raise NotImplementedError\n'
    files = {"a.py": function("f", body), "b.py": function("f", body)}
    assert tiers(files, "b.py") == []
    view = view_of(files)
    assert duplicates_of(view, defined(view, "b.py", "f")) == []


def test_stub_files_are_no_copies() -> None:
    files = {"a.pyi": function("f"), "b.py": function("f")}
    assert tiers(files, "a.pyi") == []
    assert tiers(files, "b.py") == []


def test_local_helpers_of_other_files_cannot_be_reached() -> None:
    files = {
        "a.py": "def outer():\n" + indented(function("f")) + "    return f\n",
        "b.py": function("g"),
    }
    assert tiers(files, "b.py") == []


def test_a_function_is_no_copy_of_what_it_encloses() -> None:
    inner = "def f(a):\n    return a.strip().lower().title()\n"
    text = inner.replace("    return", "    def f(a):\n        return", 1) + "    return f\n"
    assert tiers({"a.py": text}, "a.py") == []


def test_the_same_name_in_two_modules() -> None:
    files = {"shop/__init__.py": "", "shop/cart.py": function("total"),
             "shop/z.py": function("total", otherwise(1))}  # fmt: skip
    (finding,) = findings(files, "shop/z.py", NOTHING)
    assert (finding.tier, finding.score) == ("T0x", 0.8)
    assert finding.reason == "shop.cart already has a function named `total` (shop/cart.py:1)."
    # What was there before is not looked at for its name alone.
    assert findings(files, "shop/z.py") == []


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(
            "class total:\n    a = 1\n    b = 2\n    c = 3\n    d = 4\n", id="another kind"
        ),
        pytest.param(function("total", SHORT, "a"), id="short"),
        pytest.param(
            "class A:\n" + indented(function("total", BODY.replace("2", "3"))), id="method"
        ),
        pytest.param("if x:\n" + indented(function("total", BODY.replace("2", "3"))), id="branch"),
        pytest.param("@overload\n" + function("total", BODY.replace("2", "3")), id="overload"),
    ],
)
def test_names_that_do_not_clash(second: str) -> None:
    files = {"a.py": function("total"), "z.py": second}
    assert "T0x" not in tiers(files, "z.py")


@pytest.mark.parametrize("name", ["main", "setup", "run", "_helper", "__getattr__"])
def test_names_that_every_module_may_have(name: str) -> None:
    files = {"a.py": function(name), "z.py": function(name, BODY.replace("2", "3"))}
    assert tiers(files, "z.py") == []


def test_a_name_of_a_test_does_not_clash() -> None:
    files = {"tests/a.py": function("total"), "z.py": function("total", BODY.replace("2", "3"))}
    assert tiers(files, "z.py") == []
    files = {"a.py": function("total"), "tests/z.py": function("total", BODY.replace("2", "3"))}
    assert tiers(files, "tests/z.py") == []


def test_one_definition_has_one_finding() -> None:
    files = {"a.py": function("f"), "b.py": function("f")}
    assert tiers(files, "b.py") == ["T1"]


def test_findings_come_in_the_order_of_the_text() -> None:
    text = function("g") + "\n\n" + TWICE
    found = findings({"a.py": function("h"), "b.py": text}, "b.py")
    assert [f.tier for f in found] == ["T1", "T0"]


def test_a_path_that_is_not_indexed_has_no_findings() -> None:
    assert file_findings(view_of({}), "a.py", TWICE) == []


def test_the_guard_looks_at_shorter_functions_than_the_diagnostics() -> None:
    body = "    b = a.strip()\n    return b\n"
    files = {"a.py": function("f", body, "a"), "b.py": function("g", body, "a")}
    assert tiers(files, "b.py") == []
    view = view_of(files)
    assert [f.tier for f in duplicates_of(view, defined(view, "b.py", "g"))] == ["T1"]


def test_the_guard_looks_at_one_long_statement() -> None:
    body = "    return a.strip().lower().replace(' ', '-')\n"
    files = {"a.py": function("f", body, "a"), "b.py": function("g", body, "a")}
    view = view_of(files)
    assert [f.tier for f in duplicates_of(view, defined(view, "b.py", "g"))] == ["T1"]


def test_the_guard_lets_one_liners_be() -> None:
    files = {
        "a.py": function("f", "    return a\n", "a"),
        "b.py": function("g", "    return a\n", "a"),
    }
    view = view_of(files)
    assert duplicates_of(view, defined(view, "b.py", "g")) == []


def test_the_guard_sees_the_name_of_a_short_function() -> None:
    files = {
        "a.py": function("f", "    return a\n", "a"),
        "b.py": function("f", "    return 2\n", "a"),
    }
    view = view_of(files)
    assert [f.tier for f in duplicates_of(view, defined(view, "b.py", "f"))] == ["T0x"]


def test_the_guard_does_not_depend_on_which_one_is_canonical() -> None:
    view = view_of({"a.py": function("new"), "z/_old.py": function("_old")})
    (finding,) = duplicates_of(view, defined(view, "a.py", "new"))
    assert finding.canonical.name == "_old"


def test_the_guard_compares_test_helpers_with_each_other() -> None:
    view = view_of({"tests/a.py": function("f"), "tests/b.py": function("g")})
    assert [f.tier for f in duplicates_of(view, defined(view, "tests/b.py", "g"))] == ["T1"]


@pytest.mark.parametrize("tier", ["T1", "T2"])
def test_the_guard_sees_a_helper_however_many_copies_there_are(tier: str) -> None:
    files = {f"m{n}.py": function(f"f{n}") for n in range(MAX_FAMILY + 2)}
    files["new.py"] = function("g", BODY.replace("2", "3" if tier == "T2" else "2"))
    view = view_of(files)
    (found,) = duplicates_of(view, defined(view, "new.py", "g"))
    assert (found.tier, found.canonical.path) == (tier, "m0.py")
    # A method is a copy of the helper as well.
    files["new.py"] = "class A:\n" + indented(files["new.py"])
    view = view_of(files)
    assert [f.tier for f in duplicates_of(view, defined(view, "new.py", "A.g"))] == [tier]


@pytest.mark.parametrize("copies", [2, MAX_FAMILY + 2])
def test_many_methods_alike_are_a_pattern_to_the_guard_too(copies: int) -> None:
    files = {
        f"m{n}.py": f"class A{n}:\n{indented(function(f'f{n}'))}" for n in range(copies)
    }  # fmt: skip
    view = view_of(files)
    found = duplicates_of(view, defined(view, "m0.py", "A0.f0"))
    assert bool(found) is (copies <= MAX_FAMILY)


def test_what_every_module_may_have_is_a_pattern_to_the_guard_too() -> None:
    files = {f"m{n}.py": function("setup") for n in range(MAX_FAMILY + 2)}
    view = view_of(files)
    assert duplicates_of(view, defined(view, "m0.py", "setup")) == []


def test_many_tests_with_other_values_are_a_pattern_to_the_guard_too() -> None:
    files = {
        f"tests/test_{n}.py": function(f"test_{n}", BODY.replace("2", str(n)))
        for n in range(MAX_FAMILY + 2)
    }
    view = view_of(files)
    assert duplicates_of(view, defined(view, "tests/test_0.py", "test_0")) == []
    equal = {path: function("total") for path in files}
    view = view_of(equal)
    (found,) = duplicates_of(view, defined(view, "tests/test_0.py", "total"))
    assert found.tier == "T1"


NAMES_ONLY_DIFFER = """\
    result = []
    for item in items:
        if item.{kept} > {limit}:
            result.{added}(item.{kept})
        elif item.{other}:
            result.{more}(item)
        else:
            log.{told}("left out", item)
    return {made}(result)
"""


PLAIN = {
    "kept": "price", "limit": "LIMIT", "added": "append", "other": "kind", "more": "extend",
    "told": "info", "made": "tuple",
}  # fmt: skip


def near(**names: str) -> list[str]:
    files = {
        "a.py": "def f(items):\n" + NAMES_ONLY_DIFFER.format(**PLAIN),
        "b.py": "def g(items):\n" + NAMES_ONLY_DIFFER.format(**{**PLAIN, **names}),
    }
    return tiers(files, "b.py", NOTHING)


def test_the_fewer_names_two_share_the_more_they_must_have_alike_otherwise() -> None:
    assert near(made="list") == ["T3"]
    assert near(made="list", told="warn", more="update", limit="MOST") == ["T3"]
    assert near(**{name: f"{value}_too" for name, value in PLAIN.items()}) == []


def test_what_a_language_asks_for_by_name_is_no_finding() -> None:
    text = "class {name} {{\n  [Symbol.iterator]() {{\n{body}  }}\n}}\n"
    body = "".join(f"    this.step{n}(this.items, this.limit);\n" for n in range(8))
    files = {f"{n}.ts": text.format(name=n.upper(), body=body) for n in ("a", "b")}
    assert findings(files, "b.ts", NOTHING) == []


def test_where_hardly_any_name_stands_the_rest_must_be_nearly_the_same() -> None:
    steps = "    b[{0}] = a[{0}] + b[{0}]\n"
    body = "".join(steps.format(n) for n in range(4)) + "    if not a:\n        return b\n"
    one = f"def f(a, b):\n{body}    return a\n"
    close = f"def g(a, b):\n{body}    b[9] = a\n    return a\n"
    more = "    while b:\n        b -= a * 3 // a\n        del b[a:]\n" * 3
    apart = f"def g(a, b):\n{body}{more}    return -a\n"
    assert tiers({"a.py": one, "b.py": close}, "b.py", NOTHING) == ["T3"]
    # 74 % of the tokens, which is enough where names agree as well.
    assert tiers({"a.py": one, "b.py": apart}, "b.py", NOTHING) == []


def test_of_two_equals_the_one_that_more_files_use_stays() -> None:
    users = {f"use{n}.py": f"def use{n}():\n    return sum_up({n}, 1)\n" for n in range(2)}
    files = {"a.py": function("add_up"), "b.py": function("sum_up")}
    (without,) = findings(files, "b.py")
    assert without.canonical.name == "add_up"
    (found,) = findings(files | users, "a.py")
    assert found.canonical.name == "sum_up"
    assert findings(files | users, "b.py") == []


EXPORTED = """\
export function {name}(items, limit) {{
  let total = 0;
  for (const item of items) {{
    if (item.price > limit) total += item.price;
  }}
  return round(total, 2);
}}
"""


@pytest.mark.parametrize(
    "paths",
    [
        ("dist/cjs/sum.js", "dist/esm5/other.js"),
        ("dist/bundle.js", "src/sum.js"),
        ("packages/a/dist/sum.js", "packages/a/src/total.ts"),
        ("lib-esm/sum.js", "src/total.js"),
        ("build/app.js", "src/sum.js"),
        ("packages/a/out/app.js", "packages/a/src/sum.ts"),
        ("cjs/sum.js", "esm/sum.js"),
        ("lib/cjs/sum.js", "lib/esm/sum.js"),
        ("esm/sum.js", "src/sum.ts"),
        ("packages/a/lib/deep/sum.js", "packages/a/src/deep/sum.js"),
        ("sum.cjs.js", "sum.esm.js"),
        ("sum.development.js", "sum.production.js"),
        ("sum.web.js", "sum.native.js"),
        ("sum.android.js", "sum.ios.js"),
        ("sum.js", "sum.native.js"),
        ("sum.web.tsx", "sum.native.tsx"),
    ],
)
def test_what_was_built_is_no_copy_of_its_source(paths: tuple[str, str]) -> None:
    files = {p: EXPORTED.format(name=name) for p, name in zip(paths, ("f", "g"), strict=True)}
    for path in paths:
        assert findings(files, path) == findings(files, path, NOTHING) == []


@pytest.mark.parametrize(
    "paths",
    [
        ("src/build/sum.js", "src/total.js"),
        ("packages/build/src/sum.ts", "packages/web/src/total.ts"),
        ("build/total.js", "build/sum.js"),
        ("lib/total.js", "src/sum.js"),
        ("lib/sum.ts", "src/sum.ts"),
        ("src/sum.js", "sum.js"),
        ("src/dist/sum.js", "src/total.js"),
        ("native/sum.js", "web/total.js"),
    ],
)
def test_what_may_well_be_written_by_hand_is_compared(paths: tuple[str, str]) -> None:
    files = {p: EXPORTED.format(name=name) for p, name in zip(paths, ("f", "g"), strict=True)}
    assert [len(findings(files, path, NOTHING)) for path in paths] == [1, 1]


def test_builds_of_other_languages_are_compared_and_should_go() -> None:
    files = {"build/lib/shop/sums.py": function("f"), "shop/sums.py": function("f")}
    (finding,) = findings(files, "build/lib/shop/sums.py")
    assert finding.canonical.path == "shop/sums.py"
    assert findings(files, "shop/sums.py") == []


@pytest.mark.parametrize(
    "folder",
    ["examples", "example/one", "docs", "Samples", "demo", "benchmarks", "scripts", "a/docs/src"],
)
def test_what_lies_beside_the_code_should_go(folder: str) -> None:
    files = {f"{folder}/a.py": function("f"), "src/deep/er/_a.py": function("_f")}
    (finding,) = findings(files, f"{folder}/a.py")
    assert finding.canonical.path == "src/deep/er/_a.py"
    assert findings(files, "src/deep/er/_a.py") == []


def test_below_sources_such_a_name_is_one_of_many() -> None:
    files = {"src/docs/a.py": function("f"), "src/shop/a.py": function("g")}
    assert findings(files, "src/docs/a.py") == []
    assert len(findings(files, "src/shop/a.py")) == 1


RUBY = """\
module {name}
  def {method}(items, limit)
    total = 0
    items.each do |item|
      total += item.price if item.price > limit
    end
    total.round(2)
  end
end
"""


@pytest.mark.parametrize(
    "path",
    [
        "shop/migrations/0001_a.py", "alembic/versions/1f.py", "db/migrate/2026_add.rb",
        "engines/a/db/animals_migrate/2026_add.rb", "src/Data/Migrations/20260101_Add.cs",
        "shop/py2/a.py", "shop/_py3.py", "shop/py27.py", "shop/py310/a.py", "shop/tools_py3.py",
        "shims.py", "shim/a.py", "shop/http_shim.py", "src/http.shim.js", "polyfill-mb/a.php",
        "polyfills/a.js", "src/polyfill.array.js", "compat.py", "shop/_compat/a.py", "six.py",
        "py3compat.py", "shop/py3k.py",
    ],
)  # fmt: skip
def test_paths_of_what_is_alike_by_nature(path: str) -> None:
    suffix = path.rpartition(".")[2]
    assert exempt(_of(path, suffix))
    assert not exempt(_of(f"shop/a.{suffix}", suffix))


@pytest.mark.parametrize(
    "path",
    [
        "py3status/a.py", "py2neo.py", "numpy3.py", "shop/happy3.py", "db/migrated/a.rb",
        "app/migrate/a.rb", "shop/shimmer.py", "shop/polymer.js", "shop/spy2.py",
        "shop/check_compatibility.py",
    ],
)  # fmt: skip
def test_paths_that_only_look_so(path: str) -> None:
    assert not exempt(_of(path, path.rpartition(".")[2]))


def _of(path: str, suffix: str) -> Definition:
    """A definition in that path, whatever its language."""
    text = {"py": function("f"), "rb": RUBY.format(name="A", method="f")}.get(
        suffix, EXPORTED.format(name="f")
    )
    language = "a.py" if suffix == "py" else "a.rb" if suffix == "rb" else "a.js"
    found = [d for d in index_text(language, text).definitions if d.name == "f"]
    return found[0]._replace(path=path)


def test_the_guard_lets_migrations_of_rails_be() -> None:
    files = {f"db/migrate/{n}_a.rb": RUBY.format(name=f"A{n}", method=f"self.f{n}") for n in (1, 2)}
    view = view_of(files)
    for path in files:
        assert findings(files, path, NOTHING) == []
        assert [f for d in view.definitions(path) for f in duplicates_of(view, d)] == []


@pytest.mark.parametrize(
    ("first", "second"),
    [("M.alpha(self, a)", "M:alpha(a)"), ("M:alpha(a)", "M.alpha(self, a)")],
)
@pytest.mark.parametrize("end", ["return M\n", "return {}\n"])
def test_a_dot_and_a_colon_name_one_field_in_lua(first: str, second: str, end: str) -> None:
    text = f"local M = {{}}\nfunction {first}\n  return a\nend\nfunction {second}\n  return a + 1\nend\n{end}"
    assert tiers({"a.lua": text}, "a.lua") == ["T0"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("M.alpha(a)", "N:alpha(a)"), ("M.N.alpha(a)", "M:alpha(a)"), ("alpha(a)", "M:alpha(a)")],
)
def test_other_tables_have_other_fields_in_lua(first: str, second: str) -> None:
    text = f"local M = {{}}\nfunction {first}\n  return a\nend\nfunction {second}\n  return a + 1\nend\nreturn M\n"
    assert tiers({"a.lua": text}, "a.lua") == []


def test_branches_behind_a_definition_in_ruby() -> None:
    text = "class A\n  def x\n    1\n  end unless W\n\n  def x\n    2\n  end if W\nend\n"
    assert tiers({"a.rb": text}, "a.rb") == []
    assert tiers({"a.rb": text.replace(" unless W", "").replace(" if W", "")}, "a.rb") == ["T0"]


def test_what_go_calls_itself_is_nothing_to_use_instead() -> None:
    boot = "package a\n\nfunc {}() {{\n\tone := first()\n\tregister(one)\n\tsetUp(one, 3)\n\trun(one, two)\n\tlast(one)\n}}\n"
    files = {"a.go": boot.format("init"), "b.go": boot.format("init"), "c.go": boot.format("boot")}
    view = view_of(files)
    (found,) = duplicates_of(view, defined(view, "b.go", "init"))
    assert found.canonical.path == "c.go"
    assert duplicates_of(view, defined(view, "c.go", "boot")) == []
    del files["c.go"]
    view = view_of(files)
    assert duplicates_of(view, defined(view, "b.go", "init")) == []
    assert [tiers(files, path, NOTHING) for path in files] == [[], []]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("given('a')", "when('b')"),
        ("given('a thing')", "given('another')"),
        ("given(parsers.parse('{n} things'))", "given(parsers.parse('{n} more'))"),
        ("app.route('/a')", "app.route('/b')"),
        ("app.route('/a')", "app.route('/a')"),
        ("app.before_request", "app.before_request"),
        ("receiver(post_save, sender=A)", "receiver(post_save, sender=B)"),
        ("receiver(x)", "receiver(x)"),
        ("event.listens_for(Engine, 'connect')", "event.listens_for(Pool, 'connect')"),
        ("cli.command('a')", "cli.command('b')"),
        ("cli.command()", "cli.command()"),
        ("router.get('/x')", "router.post('/x')"),
        ("dispatch(int)", "dispatch(str)"),
        ("app.get('/x')\n@cache", "cache"),
    ],
)
def test_what_a_registry_keeps_is_not_overwritten(first: str, second: str) -> None:
    text = f"@{first}\ndef f(a):\n    return a\n\n\n@{second}\ndef f(b):\n    return b + 1\n"
    assert tiers({"a.py": text}, "a.py") == []


@pytest.mark.parametrize(
    "decorator",
    [
        "functools.lru_cache(maxsize=9)", "lru_cache(maxsize=9)", "functools.cache", "cache",
        "functools.wraps(g)", "contextlib.contextmanager", "asynccontextmanager",
        "pytest.mark.parametrize('a', [1])", "patch('a.b')", "mock.patch.object(a, 'b')", "property",
        "staticmethod", "classmethod", "dataclass(frozen=True)", "given(st.text())",
        "given(a=st.integers())", "unittest.skipIf(W, 'no')", "skipUnless(W, 'no')", "memoize",
        "login_required(login_url='/in')", "retry(times=3)", "library.fast", "library.fast()",
        "click.option('--a')", "cachetools.cached(cache={})",
    ],
)  # fmt: skip
def test_what_is_only_wrapped_is_overwritten(decorator: str) -> None:
    text = (
        "import other, library\n\n\n"
        f"@{decorator}\ndef f(a):\n    return a\n\n\n@{decorator}\ndef f(b):\n    return b + 1\n"
    )
    assert tiers({"a.py": text}, "a.py") == ["T0"]


def test_what_is_registered_later_overwrites_what_was_not() -> None:
    text = "def f(a):\n    return a\n\n\n@app.route('/a')\ndef f(b):\n    return b + 1\n"
    assert tiers({"a.py": text}, "a.py") == ["T0"]


def test_a_test_is_found_by_its_name_whatever_wraps_it() -> None:
    one = "@rule('a')\ndef test_f(a):\n    assert a\n\n\n"
    assert tiers({"tests/test_a.py": one + one}, "tests/test_a.py") == ["T0"]


@pytest.mark.parametrize("name", ["_overload", "ov"])
def test_overloads_under_another_name(name: str) -> None:
    text = (
        f"from typing import overload as {name}\n\n\n@{name}\ndef f(a: int) -> int: ...\n\n\n"
        f"@{name}\ndef f(a: str) -> str: ...\n\n\ndef f(a):\n    return a\n"
    )
    assert tiers({"a.py": text}, "a.py") == []
