"""What can be done about a finding: several files at once, what to check, compare, the agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raw_client import CAPABILITIES, Editor, Json, cut, disk, edited, function, path_of, without

LIBRARY = function("existing", "strip")
OLD = f"from pkg.tools import strip\n\n\n{function('_mine', 'strip')}\n\ndef use(x):\n    return _mine(x)\n"
FILES = {
    "pkg/__init__.py": "",
    "pkg/tools.py": "def strip(x):\n    return x\n",
    "pkg/new.py": f"from pkg.tools import strip\n\n\n{LIBRARY}",
    "pkg/old.py": OLD,
    "pkg/user.py": "# 😀\nfrom pkg.old import _mine as m  # 😀\n\nx = m([1])\n",
    "pkg/attribute.py": "import pkg.old\n\nx = pkg.old._mine([1])\n",
}
# The same, but `strip` is another in the two modules.
UNSURE = FILES | {"pkg/new.py": f"from pkg.others import strip\n\n\n{LIBRARY}", "pkg/others.py": ""}
CIRCLE = FILES | {"pkg/tools.py": "def strip(x):\n    return x\n", "pkg/new.py": f"import pkg.old\nfrom pkg.tools import strip\n\n\n{LIBRARY}"}  # fmt: skip


def with_support(**support: Any) -> Json:
    """Capabilities of a client that can do more."""
    copy: Json = json.loads(json.dumps(CAPABILITIES))
    if support.get("annotations"):
        copy["workspace"]["workspaceEdit"]["changeAnnotationSupport"] = {}
    if support.get("disabled"):
        copy["textDocument"]["codeAction"]["disabledSupport"] = True
    return copy


def opened(folder: Path, files: Json, **more: Any) -> Editor:
    root = folder / "project"
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    return Editor(root, folder / "private", **more)


def on(editor: Editor, name: str = "_mine", path: str = "pkg/old.py") -> tuple[str, list[Json]]:
    """A document, opened, and the code actions of its finding."""
    uri = editor.show(path)

    def ours(params: Json) -> list[Json]:
        return [d for d in params["diagnostics"] if cut(editor.texts[uri][1], d["range"]) == name]

    finding = ours(editor.findings(uri, ours))[0]
    return uri, editor.actions(uri, finding["range"], [finding])


def use(actions: list[Json]) -> Json:
    (action,) = [a for a in actions if a["title"].startswith("Use ")]
    return action


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    with opened(tmp_path, FILES) as made:
        yield made.indexed()


def test_one_fix_changes_several_files(editor: Editor) -> None:
    user = editor.show("pkg/user.py")
    editor.type(user, editor.texts[user][1] + "y = m([2])\n")
    uri, actions = on(editor)
    action = use(actions)
    assert action["title"] == "Use `existing` from `pkg.new`"
    assert action["isPreferred"] is True
    edit = editor.call("codeAction/resolve", action)["edit"]
    versions = {
        path_of(c["textDocument"]["uri"]).name: c["textDocument"]["version"]
        for c in edit["documentChanges"]
    }
    assert versions == {"old.py": 1, "user.py": 2, "attribute.py": None}
    assert "changeAnnotations" not in edit
    assert editor.apply(edit)
    assert editor.texts[uri][1] == (
        "from pkg.new import existing\nfrom pkg.tools import strip\n\n\n"
        "def use(x):\n    return existing(x)\n"
    )
    # Unsaved text counts; what was typed there is kept.
    assert editor.texts[user][1] == (
        "# 😀\nfrom pkg.new import existing as m  # 😀\n\nx = m([1])\ny = m([2])\n"
    )
    assert editor.text("pkg/attribute.py") == (
        "import pkg.old\nimport pkg.new\n\nx = pkg.new.existing([1])\n"
    )


def test_a_byte_order_mark_is_no_character_of_the_first_line(editor: Editor) -> None:
    """An editor opens the file without it; what is put in must not stand one to the right."""
    rest = "from pkg.old import _mine as m\n\nx = m([1])\n"
    editor.put("pkg/user.py", "\ufeff" + rest)
    _, actions = on(editor)
    edit = editor.call("codeAction/resolve", use(actions))["edit"]
    (change,) = [c for c in edit["documentChanges"] if c["textDocument"]["uri"].endswith("user.py")]
    assert edited(rest, change["edits"]) == rest.replace(
        "pkg.old import _mine", "pkg.new import existing"
    )


def test_line_ends_that_an_editor_counts_otherwise_are_not_edited(editor: Editor) -> None:
    """Neovim takes a lone CR for no line's end: the edit would hit the line below."""
    editor.put("pkg/user.py", "# a\r# b\nfrom pkg.old import _mine as m\n\nx = m([1])\n")
    _, actions = on(editor)
    error = editor.error("codeAction/resolve", use(actions))
    assert error.code == -32803
    assert "pkg/user.py has line ends" in error.message


def test_a_file_that_was_saved_a_moment_ago_is_seen_as_it_is(editor: Editor) -> None:
    """The index hears of the disk a moment later; the fix reads the disk."""
    _, actions = on(editor)
    editor.put("pkg/new.py", "# moved\n\n\n" + FILES["pkg/new.py"])
    editor.put("pkg/late.py", "from pkg.old import _mine\n\nx = _mine([1])\n")
    assert editor.call("codeAction/resolve", use(actions))["edit"]
    editor.put("pkg/new.py", "existing = None\n")
    error = editor.error("codeAction/resolve", use(actions))
    assert error.code == -32803


def test_a_plan_that_is_remembered_is_made_of_the_texts_of_now(editor: Editor) -> None:
    """The key is pressed again: same texts, same edit; a new use anywhere is in the next one."""
    _, actions = on(editor)

    def places() -> dict[str, int]:
        edit = editor.call("codeAction/resolve", use(actions))["edit"]
        changes = edit["documentChanges"]
        return {path_of(c["textDocument"]["uri"]).name: len(c["edits"]) for c in changes}

    first = places()
    assert places() == first
    more = FILES["pkg/attribute.py"] + "y = pkg.old._mine([2])\n"
    editor.put("pkg/attribute.py", more)
    assert places() == first | {"attribute.py": first["attribute.py"] + 1}
    user = editor.show("pkg/user.py")
    editor.type(user, "from pkg.old import _mine as m\nfrom pkg.old import _mine as n\n")
    assert places()["user.py"] > first["user.py"]


def test_a_client_without_versions_gets_plain_edits_of_all_files(tmp_path: Path) -> None:
    capabilities = without(CAPABILITIES, "workspace", "workspaceEdit", "documentChanges")
    with opened(tmp_path, FILES, capabilities=capabilities) as editor:
        _, actions = on(editor.indexed())
        edit = editor.call("codeAction/resolve", use(actions))["edit"]
        assert {path_of(uri).name for uri in edit["changes"]} == {
            "old.py", "user.py", "attribute.py",
        }  # fmt: skip


def test_what_is_to_be_checked_stands_in_the_annotation(tmp_path: Path) -> None:
    with opened(tmp_path, UNSURE, capabilities=with_support(annotations=True)) as editor:
        _, actions = on(editor.indexed())
        action = use(actions)
        assert "check" not in action["title"], "the editor asks"
        edit = editor.call("codeAction/resolve", action)["edit"]
        ((name, annotation),) = edit["changeAnnotations"].items()
        assert annotation["needsConfirmation"] is True
        assert annotation["description"] == "`strip` may be another in pkg/new.py than here."
        edits = [e for change in edit["documentChanges"] for e in change["edits"]]
        assert {e["annotationId"] for e in edits} == {name}


AUTO_FIX: Json = {"only": ["quickfix"], "triggerKind": 1}


@pytest.mark.parametrize(("files", "safe"), [(FILES, True), (UNSURE, False), (CIRCLE, False)])
def test_only_what_is_known_to_be_safe_is_preferred(
    tmp_path: Path, files: Json, safe: bool
) -> None:
    """An "auto fix" applies what is preferred, and nobody sees it before."""
    capabilities = with_support(annotations=True, disabled=True)
    with opened(tmp_path, files, capabilities=capabilities) as editor:
        uri, actions = on(editor.indexed())
        assert "isPreferred" not in use(actions), "a menu is not kept waiting"
        finding = actions[0]["diagnostics"][0]
        looked = editor.actions(uri, finding["range"], [finding], only=["quickfix"], triggerKind=2)
        assert "isPreferred" not in use(looked), "nor an editor that looks on its own account"
        asked = use(editor.actions(uri, finding["range"], [finding], **AUTO_FIX))
        assert asked.get("isPreferred", False) is safe
        assert ("disabled" in asked) is (files is CIRCLE)


def test_a_safe_fix_is_not_annotated(tmp_path: Path) -> None:
    with opened(tmp_path, FILES, capabilities=with_support(annotations=True)) as editor:
        _, actions = on(editor.indexed())
        edit = editor.call("codeAction/resolve", use(actions))["edit"]
        assert "changeAnnotations" not in edit


def test_what_is_to_be_checked_stands_in_the_title_for_other_clients(tmp_path: Path) -> None:
    with opened(tmp_path, UNSURE) as editor:
        _, actions = on(editor.indexed())
        action = use(actions)
        assert action["title"] == (
            "Use `existing` from `pkg.new` (check: `strip` may be another in pkg/new.py than here)"
        )
        assert not action.get("isPreferred")


def test_what_is_refused_says_why(tmp_path: Path) -> None:
    with opened(tmp_path / "a", CIRCLE, capabilities=with_support(disabled=True)) as editor:
        _, actions = on(editor.indexed())
        reason = use(actions)["disabled"]["reason"]
        assert reason == "`pkg.new` imports `pkg.old`, so importing it here would be circular."
    with opened(tmp_path / "b", CIRCLE) as editor:
        _, actions = on(editor.indexed())
        assert not [a for a in actions if a["title"].startswith("Use ")]
        assert [a for a in actions if a["title"] == "Compare the two"]
    with opened(tmp_path / "c", CIRCLE, capabilities=with_support(annotations=True)) as editor:
        _, actions = on(editor.indexed())
        error = editor.error("codeAction/resolve", use(actions))
        assert (error.code, error.message) == (-32803, reason)


def test_the_two_are_compared(editor: Editor) -> None:
    _, actions = on(editor)
    (action,) = [a for a in actions if a["title"] == "Compare the two"]
    assert editor.call("workspace/executeCommand", action["command"]) is None
    (shown,) = editor.documents
    text = disk(path_of(shown["uri"]))
    assert text.startswith("--- pkg/old.py:4 _mine\n+++ pkg/new.py:4 existing\n")
    assert "-def _mine(items, limit=3):\n+def existing(items, limit=3):\n" in text
    error = editor.command_error("steadyhand.compare", uri=editor.uri("pkg/old.py"), definition="x")
    assert error.code == -32803


def test_the_agent_is_given_the_two_and_their_callers(tmp_path: Path) -> None:
    with opened(tmp_path, FILES) as editor:
        _, actions = on(editor.indexed())
        (action,) = [a for a in actions if a["title"] == "Let the agent merge them"]
        assert action["command"]["command"] == "steadyhand.task"
        (argument,) = action["command"]["arguments"]
        assert "`_mine` (pkg/old.py:4)" in argument["prompt"]
        started = editor.call("workspace/executeCommand", action["command"])
        assert started["session"]
        sessions = editor.command("steadyhand.sessions")["sessions"]
        assert [s["id"] for s in sessions] == [started["session"]]


def test_other_languages_have_their_fixes(tmp_path: Path) -> None:
    body = "(items, limit) {\n  const found = [];\n  for (const item of items) {\n    if (item && found.length < limit) {\n      found.push(item);\n    }\n  }\n  return found;\n}\n"  # fmt: skip
    go = "package a\n\nfunc {}(items []int, limit int) []int {{\n\tvar found []int\n\tfor _, item := range items {{\n\t\tif item > 0 && len(found) < limit {{\n\t\t\tfound = append(found, item)\n\t\t}}\n\t}}\n\treturn found\n}}\n"  # fmt: skip
    files = {
        "src/new.js": f"export function existing{body}",
        "src/deep/old.js": f"export function mine{body}",
        "src/user.js": "import { mine } from './deep/old.js';\n\nmine([1], 2);\n",
        "a/new.go": go.format("Existing"),
        "a/b/old.go": go.format("mine"),
    }
    with opened(tmp_path, files) as editor:
        _, actions = on(editor.indexed(), "mine", "src/deep/old.js")
        action = use(actions)
        assert action["title"] == "Use `existing` from `src/new.js`"
        assert editor.apply(editor.call("codeAction/resolve", action)["edit"])
        assert editor.text("src/deep/old.js") == ""
        assert editor.text("src/user.js") == (
            "import { existing } from './new.js';\n\nexisting([1], 2);\n"
        )
        _, actions = on(editor, "mine", "a/b/old.go")
        titles = [a["title"] for a in actions if a["kind"] == "quickfix"]
        assert titles[:3] == [
            "Go to the existing definition (a/new.go:3)",
            "Compare the two",
            "Let the agent merge them",
        ]


def test_a_copy_with_another_literal_is_to_be_checked_or_left_to_the_agent(editor: Editor) -> None:
    """T2, shown for what is new: typed into a document that was open before."""
    uri = editor.show("pkg/user.py")
    editor.findings(uri, lambda p: p["version"] == 1)
    copy = function("other", "strip").replace("limit=3", "limit=4")
    since = len(editor.heard)
    editor.type(uri, f"from pkg.tools import strip\n\n\n{copy}\n\nx = other([1])\n")
    finding = editor.findings(uri, since=since)["diagnostics"][0]
    assert finding["code"] == "T2"
    actions = editor.actions(uri, finding["range"], [finding])
    titles = [a["title"] for a in actions]
    assert use(actions)["title"].endswith("(check: It has `4` where `existing` has `3`)")
    assert "Let the agent extract both to one place…" in titles


COST = """def {name}({order}):
    total = 0
    for item in items:
        if item.price > limit and item.count < 10:
            total += item.price * item.count
            total -= item.discount
    return round(total, 2){more}
"""
COST_JS = """function {name}({order}) {{
  let total = 0;
  for (const item of items) {{
    if (item.price > limit && item.count < 10) {{
      total += item.price * item.count;
      total -= item.discount;
    }}
  }}
  return Math.round(total){more};
}}
"""


@pytest.mark.parametrize(
    ("suffix", "cost", "head", "joined"),
    [
        pytest.param("py", COST, "from pkg.lib import cost\n", " + 1", id="Python"),
        pytest.param("js", "export " + COST_JS, "import { cost } from './lib.js';\n", " + 1", id="JavaScript"),
        pytest.param("ts", "export " + COST_JS, "import { cost } from './lib';\n", " + 1", id="TypeScript"),
    ],
)  # fmt: skip
def test_a_copy_with_its_parameters_in_another_order_is_used_with_its_arguments_so(
    tmp_path: Path, suffix: str, cost: str, head: str, joined: str
) -> None:
    lib, user = f"pkg/lib.{suffix}", f"pkg/user.{suffix}"
    files = {
        lib: cost.format(name="cost", order="limit, items", more=""),
        user: head + ("\n\n" if suffix == "py" else "\n") + "x = cost(1, [])\n",
    }
    if suffix == "py":
        files["pkg/__init__.py"] = ""
    with opened(tmp_path, files) as editor:
        uri = editor.indexed().show(user)
        editor.findings(uri, lambda p: p["version"] == 1)

        def near(more: str) -> list[Json]:
            """The actions for a near copy that was just typed."""
            copy = cost.format(name="price_of", order="items, limit", more=more)
            since = len(editor.heard)
            editor.type(uri, f"{files[user]}\n\n{copy}\n\ny = price_of(things, 7)\n")
            (finding,) = editor.findings(uri, since=since)["diagnostics"]
            assert finding["code"] == "T3"
            return editor.actions(uri, finding["range"], [finding])

        titles = [a["title"] for a in near(joined)]
        assert "Compare the two" in titles
        assert not [t for t in titles if t.startswith("Use ")], "it adds one"
        action = use(near(""))
        assert "check" not in action["title"]
        assert editor.apply(editor.call("codeAction/resolve", action)["edit"])
        assert editor.texts[uri][1].startswith(head)
        assert "price_of" not in editor.texts[uri][1]
        assert "y = cost(7, things)\n" in editor.texts[uri][1]


def test_types_that_callers_may_not_fit_are_to_be_checked(tmp_path: Path) -> None:
    """Annotations are dropped before bodies are compared, so that such a pair is T1."""
    cost = "export " + COST_JS.replace("{order}", "items: {type}[], limit: number").replace(
        "{more}", ""
    )
    files = {
        "src/lib.ts": cost.format(name="cost", type="Priced"),
        "src/deep/old.ts": cost.format(name="priceOf", type="Item"),
        "src/user.ts": "import { priceOf } from './deep/old';\n\npriceOf([], 2);\n",
    }
    with opened(tmp_path, files) as editor:
        _, actions = on(editor.indexed(), "priceOf", "src/deep/old.ts")
        action = use(actions)
        assert action["title"].endswith(
            "(check: `items` is of type `Item[]` here and `Priced[]` in `cost`; see that callers "
            "still fit)"
        )
        assert not action.get("isPreferred")
