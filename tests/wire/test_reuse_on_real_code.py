"""Real packages keep their tests green when copies of their functions give way to the originals."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from copied_functions import Copied, Copier, Package, outcome, run_tests
from raw_client import CAPABILITIES, Editor, cut

# Tests that watch the clock are left out: they fail where the machine is busy.
BOLTONS = ("tests", "-k", "not socket and not gc and not hashing and not setutils")
MISTUNE = ("tests", "-k", "not linear and not misc and not limits and not security")
SQLPARSE = ("tests", "-k", "not dos")

# With how many copies each takes at least; chosen for suites that need nothing but pytest.
PACKAGES = {
    Package("boltons==26.2.0", "boltons", "boltons", BOLTONS): 12,
    Package("toolz==1.2.0", "toolz", "toolz", ("toolz",), ("/curried", "/compat")): 12,
    Package("mistune==3.4.0", "src/mistune", "mistune", MISTUNE): 5,
    Package("sqlparse==0.6.1", "sqlparse", "sqlparse", SQLPARSE): 3,
    Package("isodate==0.7.2", "src/isodate", "isodate", untouched=("/version.",)): 2,
}


@pytest.mark.packages
@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.name)
def test_a_package_passes_its_own_tests_as_before(package: Package, tmp_path: Path) -> None:
    before = outcome(package)
    root = tmp_path / package.name
    shutil.copytree(package.home, root)
    copies = Copier(root, package).copy(12)
    assert len(copies) >= PACKAGES[package]
    assert run_tests(root, package) == before, "the copies are no good, whatever the fix does"
    with Editor(root, tmp_path / "private", capabilities=_shows_refusals()) as editor:
        editor.indexed()
        titles = [use_the_existing_one(editor, copied) for copied in copies]
    assert sum("check:" in title for title in titles) <= len(titles) // 3, titles
    for copied in copies:
        assert not defines(root / copied.path, copied.name), copied
    assert run_tests(root, package) == before


def _shows_refusals() -> Any:
    """What a client says that shows an action it cannot take, with the reason."""
    copy = json.loads(json.dumps(CAPABILITIES))
    copy["textDocument"]["codeAction"]["disabledSupport"] = True
    return copy


def use_the_existing_one(editor: Editor, copied: Copied) -> str:
    """Applies the quick fix to one copy and saves what it changed; returns the action's title."""
    uri = editor.show(copied.path)

    def ours(params: Any) -> list[Any]:
        text = editor.texts[uri][1]
        return [d for d in params["diagnostics"] if cut(text, d["range"]) == copied.name]

    found = ours(editor.findings(uri, ours))[0]
    actions = [
        a for a in editor.actions(uri, found["range"], [found]) if a["title"].startswith("Use ")
    ]
    assert actions, (copied, editor.actions(uri, found["range"], [found]))
    (action,) = actions
    assert "disabled" not in action, (copied, action["disabled"])
    edit = editor.call("codeAction/resolve", action)["edit"]
    assert editor.apply(edit)
    for changed in list(editor.texts):
        editor.save(changed)
        editor.shut(changed)
    return action["title"]


def defines(path: Path, name: str) -> bool:
    """True where a file still defines a function of that name."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in nodes)
