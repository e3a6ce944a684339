"""What has two equal bodies for a reason: some always, some where they stand already."""

import pytest

from steadyhand_agent.index.findings import duplicates_of, file_findings
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.store import Index, View

BODY = """\
    total = 0
    for item in items:
        if item.price > limit:
            total += item.price
    return round(total, 2)
"""
READY = """\
function ready(fn) {
  if (document.readyState !== 'loading') {
    fn();
  } else {
    document.addEventListener('DOMContentLoaded', fn);
  }
}
"""
C_BODY = """\
static int {name}(int *items, int n)
{{
    int total = 0;
    for (int i = 0; i < n; i++)
        if (items[i] > LIMIT)
            total += items[i];
    return check(total);
}}
"""
CS_BODY = """\
class Shop {{
  static int {name}(int[] items) {{
    var total = 0;
    foreach (var item in items)
      if (item > Limit)
        total += item;
    return Check(total);
  }}
}}
"""
RUST_BODY = """\
pub fn {name}(items: &[u32]) -> u32 {{
    let mut total = 0;
    for item in items {{
        if *item > LIMIT {{
            total += item;
        }}
    }}
    check(total)
}}
"""
GO_BODY = """\
//go:build {tag}

package shop

func {name}(items []int) int {{
	total := 0
	for _, item := range items {{
		if item > Limit {{
			total += item
		}}
	}}
	return check(total)
}}
"""
JS_BODY = """\
export function {name}(items) {{
  let total = 0;
  for (const item of items) {{
    if (item.price > LIMIT) total += item.price;
  }}
  return check(total);
}}
"""
NOTHING: frozenset[tuple[str, str]] = frozenset()


def function(name: str, body: str = BODY, parameters: str = "items, limit") -> str:
    return f"def {name}({parameters}):\n{body}\n\n"


def indented(text: str) -> str:
    return "".join(
        "    " + line if line.strip() else line for line in text.splitlines(keepends=True)
    )


def method(name: str) -> str:
    return indented(function(name, parameters="self, items, limit"))


def view_of(files: dict[str, str]) -> View:
    index = Index()
    for path, text in files.items():
        index.put_base(index_text(path, text))
    return index.view()


def shown(
    files: dict[str, str], path: str, known: frozenset[tuple[str, str]] | None = None
) -> list[str]:
    found = file_findings(view_of(files), path, files[path], known)
    return [f"{f.tier} {f.definition.name}" for f in found]


def other_body(number: int) -> str:
    steps = "".join(f"    step{number}.go{n}(items, limit)\n" for n in range(5))
    return f"{steps}    return step{number}.end(items)\n"


# Each: the files, and the one whose definition is spoken of. First what is never one too many.
NEVER = [
    pytest.param(
        {"shop/posix_paths.py": function("f"), "shop/win32_paths.py": function("g")},
        "shop/win32_paths.py",
        id="one file for each platform",
    ),
    pytest.param(
        {
            "io/linux/disk.py": function("f"),
            "io/darwin/size.py": "",
            "io/nt/disk.py": function("g"),
        },
        "io/nt/disk.py",
        id="one folder for each platform",
    ),
    pytest.param(
        {
            "a.py": function("f"),
            "b.py": "try:\n    from a import f as g\nexcept ImportError:\n"
            + indented(function("g")),
        },
        "b.py",
        id="for when the import fails",
    ),
    pytest.param(
        {
            "a.py": "import sys\nif sys.platform == 'win32':\n" + indented(function("f")),
            "b.py": function("g"),
        },
        "b.py",
        id="the other one is there on one platform",
    ),
    pytest.param(
        {"a.py": function("f"), "b.py": "if PY3:\n    g = str\nelse:\n" + indented(function("g"))},
        "b.py",
        id="for one version",
    ),
    pytest.param(
        {"src/unix/poll.c": C_BODY.format(name="f"), "src/windows/poll.c": C_BODY.format(name="g")},
        "src/windows/poll.c",
        id="folders of C for each platform",
    ),
    pytest.param(
        {
            "a.c": C_BODY.format(name="f"),
            "b.c": "#ifndef HAVE_G\n" + C_BODY.format(name="g") + "#endif\n",
        },
        "b.c",
        id="for compilers without it",
    ),
    pytest.param(
        {
            "a.cs": CS_BODY.format(name="F"),
            "b.cs": CS_BODY.replace("Shop", "Store")
            .format(name="G")
            .replace("  static", "#if NETSTANDARD2_0\n  static", 1)
            .replace("  }\n}", "  }\n#endif\n}"),
        },
        "b.cs",
        id="for one framework",
    ),
    pytest.param(
        {
            "src/a.rs": RUST_BODY.format(name="f"),
            "src/b.rs": '#[cfg(all(unix, feature = "x"))]\n' + RUST_BODY.format(name="g"),
        },
        "src/b.rs",
        id="for one target",
    ),
    pytest.param(
        {
            "a/a.go": GO_BODY.format(name="F", tag="linux"),
            "b/b.go": GO_BODY.format(name="G", tag="windows"),
        },
        "b/b.go",
        id="files of Go for two builds, in two folders",
    ),
    pytest.param(
        {
            "a.js": JS_BODY.format(name="f"),
            "b.js": "import x from './x'\nif (process.platform === 'win32') {\n"
            + JS_BODY.format(name="g").replace("export ", "")
            + "}\n",
        },
        "b.js",
        id="for one platform of JavaScript",
    ),
]
MEANT = [
    pytest.param(
        {"a.py": "if fast:\n    f = c.f\nelse:\n" + indented(function("f")), "b.py": function("g")},
        "b.py",
        id="the other one is there under a condition",
    ),
    pytest.param(
        {"a.py": "class A:\n" + method("f"), "b.py": "class B:\n" + method("g")},
        "b.py",
        id="methods of two classes",
    ),
    pytest.param(
        {"a.py": "class A:\n" + method("total") + method("sum_of")},
        "a.py",
        id="two public methods of one class",
    ),
    pytest.param(
        {
            "a.py": "class A:\n" + method("_check_host") + method("_check_path"),
            "b.py": "class Lax(a.A):\n    def _check_path(self, items, limit):\n        return 1\n",
        },
        "a.py",
        id="a hook that a subclass replaces",
    ),
    pytest.param(
        {
            "a.py": "class Text:\n    def page(self, limit):\n" + indented(indented(function("f")))
            + "        return f\n\n\nclass Html:\n    def page(self, limit):\n"
            + indented(indented(function("f"))) + "        return f(1)\n",
        },
        "a.py",
        id="inside of two overrides",
    ),
    pytest.param(
        {
            "a.py": function("what", other_body(1)) + function("f", BODY.replace("item.price", "what(item)")),
            "b.py": function("what", other_body(2)) + function("g", BODY.replace("item.price", "what(item)")),
        },
        "b.py",
        id="a name that each file gives a meaning of its own",
    ),
    pytest.param(
        {
            "a.py": "RATE = 2\n\n\n" + function("f", BODY.replace("item.price", "RATE")),
            "b.py": "RATE = 3\n\n\n" + function("g", BODY.replace("item.price", "RATE")),
        },
        "b.py",
        id="a constant that differs",
    ),
    pytest.param(
        {
            path: "".join(function(name, other_body(3 * file + n)) for n, name in enumerate("abc"))
            + function("size")
            for file, path in enumerate(("gzip.py", "lzma.py"))
        },
        "lzma.py",
        id="two files that serve one interface",
    ),
    pytest.param(
        {"a.js": READY, "b.js": READY.replace("ready(", "loaded(")},
        "b.js",
        id="scripts that are no modules",
    ),
    pytest.param(
        {"a.py": function("f"), "b.py": "# Copied from a, which costs too much to import.\n" + function("g")},
        "b.py",
        id="a copy that says so",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("files", "path"), NEVER)
def test_what_one_platform_or_a_failed_import_needs_is_never_shown(
    files: dict[str, str], path: str
) -> None:
    view = view_of(files)
    assert shown(files, path) == []
    assert shown(files, path, NOTHING) == []
    assert file_findings(view, path, files[path], as_new=True) == []
    for definition in view.definitions(path):
        assert duplicates_of(view, definition, files[path]) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("b.py", "if debug:\n" + indented(function("g"))),
        ("b.c", "#ifndef LAZY\n" + C_BODY.format(name="g") + "#endif\n"),
        ("b.rs", '#[cfg(feature = "x")]\n' + RUST_BODY.format(name="g")),
        ("b.go", GO_BODY.format(name="G", tag="x").replace("//go:build x\n", "")),
        # What some builds take may use what all have.
        ("b.go", GO_BODY.format(name="G", tag="linux")),
        ("b.js", "import x from './x'\nif (debug) {\n"
         + JS_BODY.format(name="g").replace("export ", "") + "}\n"),
    ],
)  # fmt: skip
def test_another_condition_is_none_of_a_platform(path: str, text: str) -> None:
    first = {
        "b.py": function("f"),
        "b.c": C_BODY.format(name="f"),
        "b.rs": RUST_BODY.format(name="f"),
        "b.go": GO_BODY.format(name="F", tag="x").replace("//go:build x\n", ""),
        "b.js": JS_BODY.format(name="f"),
    }
    (found,) = shown({f"a/a{path[1:]}": first[path], path: text}, path, NOTHING)
    # In Rust an attribute is part of what a function is.
    assert found == {"b.go": "T1 G", "b.rs": "T3 g"}.get(path, "T1 g")


@pytest.mark.parametrize(("files", "path"), MEANT)
def test_what_stood_there_for_a_reason_is_not_shown(files: dict[str, str], path: str) -> None:
    assert shown(files, path) == []


@pytest.mark.parametrize(("files", "path"), MEANT)
def test_new_code_is_told_of_it(files: dict[str, str], path: str) -> None:
    assert any(line.startswith("T1") for line in shown(files, path, NOTHING))


@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        pytest.param(
            {"shop/posix_paths.py": function("f"), "shop/win32_names.py": function("g")},
            "shop/win32_names.py",
            ["T1 g"],
            id="two files that do not differ by the platform alone",
        ),
        pytest.param(
            {"a.py": function("f"), "b.py": "if debug:\n" + indented(function("g"))},
            "b.py",
            ["T1 g"],
            id="a condition without an alternative",
        ),
        pytest.param(
            {"a.py": "class A:\n" + method("f"), "b.py": "class B(A):\n" + method("g")},
            "b.py",
            ["T1 g"],
            id="a method of the class that it is made of",
        ),
        pytest.param(
            {
                f"{name}.java": f"class {name} {{\n  static int {call}(int[] items) {{\n"
                "    int total = 0;\n    for (int item : items) {\n      if (item > 3) {\n"
                "        total += item;\n      }\n    }\n    return total;\n  }\n}\n"
                for name, call in (("A", "f"), ("B", "g"))
            },
            "B.java",
            ["T1 g"],
            id="a method that needs no object",
        ),
        pytest.param(
            {"a.py": "class A:\n" + method("total") + method("_total")},
            "a.py",
            ["T1 _total"],
            id="a private method like a public one",
        ),
        pytest.param(
            {
                "a.py": function("what") + function("f", BODY.replace("item.price", "what(item)")),
                "b.py": function("what") + function("g", BODY.replace("item.price", "what(item)")),
            },
            "b.py",
            ["T1 what", "T1 g"],
            id="a name that means the same in both",
        ),
        pytest.param(
            {
                path: "".join(function(f"{name}", other_body(n)) for n, name in enumerate("abcd"))
                for path in ("x.py", "y.py")
            },
            "y.py",
            ["T1 a"],
            id="a file copied whole is one thing to say",
        ),
    ],
)
def test_what_is_shown_all_the_same(files: dict[str, str], path: str, expected: list[str]) -> None:
    assert shown(files, path) == expected


def test_modules_of_javascript_share_by_imports() -> None:
    text = (
        "export function %s(items, limit) {\n  let total = 0\n  for (const item of items) {\n"
        "    if (item.price > limit) total += item.price\n  }\n  return round(total, 2)\n}\n"
    )
    files = {"a.js": text % "f", "b.js": text % "g"}
    assert shown(files, "b.js") == ["T1 g"]


@pytest.mark.parametrize("given", ["exports.{0} = {0};\n", "exports['{0}'] = {0};\n"])
def test_a_module_that_only_gives_names_to_exports_is_one(given: str) -> None:
    text = (
        "function %s(items, limit) {\n  let total = 0\n  for (const item of items) {\n"
        "    if (item.price > limit) total += item.price\n  }\n  return round(total, 2)\n}\n"
    )
    files = {"a.js": text % "f" + given.format("f"), "b.js": text % "g" + given.format("g")}
    assert shown(files, "b.js") == ["T1 g"]
    # A script may have something of that name, too, and ask it or fill it.
    for use in (
        "exports.x == 1 && run();\n",
        "(function (exports) {\n  exports.y = 1;\n})(app);\n",
    ):
        asked = {path: text % path[0] + use for path in files}
        assert shown(asked, "b.js") == [], use


def test_the_guard_is_as_strict_as_before() -> None:
    view = view_of({"a.py": "class A:\n" + method("f"), "b.py": "class B:\n" + method("g")})
    entry = view.entry("b.py")
    assert entry is not None
    (asked,) = [d for d in entry.definitions if d.name == "g"]
    assert [f.tier for f in duplicates_of(view, asked)] == ["T1"]


def test_a_branch_of_a_template_overwrites_nothing() -> None:
    once = "app.plural = function(n) { return n == 1 ? 0 : 1; };\n"
    text = f"{{% if plural %}}\n{once}{{% else %}}\n{once}{{% endif %}}\n"
    assert shown({"a.js": text}, "a.js") == []
    assert shown({"a.js": once + "\n" + once}, "a.js") == ["T0 plural"]


REFRESH = """\
  app.{name} = function(rows) {{
    const refresh = function() {{
      for (const row of rows) {{
        row.reset();
        row.bind(app.form, app.limit);
      }}
      app.draw(rows, rows.length);
    }};
    refresh();
  }};
"""


def test_a_closure_is_no_fallback_for_its_namesake_in_another_function() -> None:
    """What another function calls by that name is not what the name means here."""
    inside = REFRESH.format(name="tabular") + REFRESH.format(name="stacked")
    once = ["T1 refresh"]
    text = "const app = require('./app');\n"
    assert shown({"a.js": f"{text}(function() {{\n{inside}}})();\n"}, "a.js")[-1:] == once
    assert shown({"a.js": text + inside}, "a.js")[-1:] == once


def test_a_fallback_inside_of_a_function_is_one() -> None:
    fallback = "try:\n    from a import f as g\nexcept ImportError:\n" + indented(function("g"))
    files = {"a.py": function("f"), "b.py": f"def outer():\n{indented(fallback)}    return g\n"}
    assert shown(files, "b.py") == []


def test_what_is_imported_on_several_lines_has_a_fallback() -> None:
    text = "try:\n    from fast import (\n        f,\n        g,\n    )\nexcept ImportError:\n"
    assert shown({"a.py": function("f"), "b.py": text + indented(function("g"))}, "b.py") == []


RUBY = """\
module {module}
  def {method}(items, limit)
    total = 0
    items.each do |item|
      total += item.price if item.price > limit
    end
    total.round(2)
  end
end
"""


def test_a_function_of_a_ruby_module_needs_no_object() -> None:
    def both(first: str, second: str) -> list[str]:
        files = {
            "a.rb": RUBY.format(module="A", method=first),
            "b.rb": RUBY.format(module="B", method=second),
        }
        return shown(files, "b.rb")

    assert both("self.f", "self.g") == ["T1 g"]
    assert both("f", "g") == []
    # One name in two modules may be what a caller asks of either.
    assert both("self.f", "self.f") == []
