"""The quick fix across a workspace of Python: who else is told, and when it is not safe."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import planned_reuse
from steadyhand_agent.proposals.reuse import Plan, ReuseRefused

EXISTING = "def existing(a, b=2):\n    return [a, b]\n"
MINE = "def mine(a, b=2):\n    return [a, b]\n"
# pkg/old.py holds what goes, pkg/new.py what is used instead.
BASE = {"pkg/__init__.py": "", "pkg/new.py": EXISTING, "pkg/old.py": MINE}


def planned(
    files: Mapping[str, str], *, old: str = "pkg/old.py", new: str = "pkg/new.py", **how: str
) -> tuple[Plan, dict[str, str]]:
    return planned_reuse.planned(files, old, new, **how)


def changed(more: Mapping[str, str], **how: str) -> dict[str, str]:
    """The texts after a safe fix."""
    plan, after = planned(BASE | dict(more), **how)
    assert plan.checks == ()
    return after


def checks(more: Mapping[str, str], **how: str) -> str:
    """What is to be checked."""
    plan, _ = planned(BASE | dict(more), **how)
    assert plan.checks
    return " ".join(plan.checks)


@contextmanager
def loaded(files: Mapping[str, str]) -> Iterator[Any]:
    """Imports `main` of a workspace that is on no disk; gives the module."""

    class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
            stem = fullname.replace(".", "/")
            for name, package in ((f"{stem}/__init__.py", True), (f"{stem}.py", False)):
                if name in files:
                    made = importlib.util.spec_from_loader(fullname, self, is_package=package)
                    assert made is not None
                    made.loader_state = name
                    return made
            return None

        def exec_module(self, module: Any) -> None:
            name = module.__spec__.loader_state
            exec(compile(files[name], name, "exec"), module.__dict__)

    def forget() -> None:
        for name in [n for n in sys.modules if n.split(".")[0] in ("pkg", "main", "tests_of")]:
            del sys.modules[name]

    finder = Finder()
    forget()
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module("main")
    finally:
        sys.meta_path.remove(finder)
        forget()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("from pkg.old import mine\n\nx = mine(1)\n", "from pkg.new import existing\n\nx = existing(1)\n", id="from"),
        pytest.param("from pkg.old import mine as m\n\nx = m(1)\n", "from pkg.new import existing as m\n\nx = m(1)\n", id="from as"),
        pytest.param("from pkg.old import (\n    mine,\n)\n\nx = mine(1)\n", "from pkg.new import (\n    existing,\n)\n\nx = existing(1)\n", id="in brackets"),
        pytest.param("from pkg.old import mine, other\n\nx = mine(1)\n", "from pkg.old import other\nfrom pkg.new import existing\n\nx = existing(1)\n", id="first of two"),
        pytest.param("from pkg.old import other, mine  # why\n\nx = mine(1)\n", "from pkg.old import other  # why\nfrom pkg.new import existing\n\nx = existing(1)\n", id="last of two"),
        pytest.param("from pkg.new import other\nfrom pkg.old import mine\n\nx = mine(1)\n", "from pkg.new import existing, other\n\nx = existing(1)\n", id="beside what is there"),
        pytest.param("from pkg.new import existing\nfrom pkg.old import mine\n\nx = mine(1), existing(2)\n", "from pkg.new import existing\n\nx = existing(1), existing(2)\n", id="both are there"),
        pytest.param("def f():\n    from pkg.old import mine\n    return mine(1)\n", "def f():\n    from pkg.new import existing\n    return existing(1)\n", id="in a function"),
        pytest.param("try:\n    from pkg.old import mine\nexcept ImportError:\n    mine = None\n", "try:\n    from pkg.new import existing as mine\nexcept ImportError:\n    mine = None\n", id="in a try"),
        pytest.param("from pkg.old import mine\n\n\ndef f(existing):\n    return mine(existing)\n", "from pkg.new import existing as mine\n\n\ndef f(existing):\n    return mine(existing)\n", id="the new name is taken"),
        pytest.param("from pkg.old import mine\n\n\ndef f(mine):\n    return mine\n\n\nx = mine(1)\n", "from pkg.new import existing as mine\n\n\ndef f(mine):\n    return mine\n\n\nx = mine(1)\n", id="the old name is taken"),
        pytest.param("import pkg.old\n\nx = pkg.old.mine(1)\n", "import pkg.old\nimport pkg.new\n\nx = pkg.new.existing(1)\n", id="import"),
        pytest.param("import pkg.new\nimport pkg.old\n\nx = pkg.old.mine(1) + pkg.old.mine(2)\n", "import pkg.new\nimport pkg.old\n\nx = pkg.new.existing(1) + pkg.new.existing(2)\n", id="import of both"),
        pytest.param("import pkg.old as o\n\nx = o.mine(1)\n", "import pkg.old as o\n\nfrom pkg.new import existing\n\nx = existing(1)\n", id="import as"),
        pytest.param("from pkg import old\n\nx = old.mine(1) or old.mine\n", "from pkg import old\nfrom pkg.new import existing\n\nx = existing(1) or existing\n", id="from package"),
        pytest.param("def f():\n    from pkg import old\n    return old.mine(1)\n", "def f():\n    from pkg import old\n    from pkg.new import existing\n    return existing(1)\n", id="attribute in a function"),
        pytest.param("from pkg.old import mine\r\n\r\nx = mine(1)\r\n", "from pkg.new import existing\r\n\r\nx = existing(1)\r\n", id="crlf"),
        pytest.param("é = 1\nfrom pkg.old import mine; y = 2\nx = mine('😀')\n", "é = 1\nfrom pkg.new import existing; y = 2\nx = existing('😀')\n", id="wide characters"),
    ],
)  # fmt: skip
def test_another_file_is_told(text: str, expected: str) -> None:
    after = changed({"main.py": text})
    assert after["main.py"] == expected
    assert after["pkg/old.py"] == ""


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("pkg/main.py", "from .old import mine\nx = mine(1)\n", "from .new import existing\nx = existing(1)\n"),
        ("pkg/sub/main.py", "from ..old import mine\nx = mine(1)\n", "from ..new import existing\nx = existing(1)\n"),
        ("pkg/main.py", "from . import old\nx = old.mine(1)\n", "from . import old\nfrom .new import existing\nx = existing(1)\n"),
        ("pkg/main.py", "from pkg.old import mine\nx = mine(1)\n", "from pkg.new import existing\nx = existing(1)\n"),
    ],
)  # fmt: skip
def test_dots_stay_dots(path: str, text: str, expected: str) -> None:
    after = changed({path: text, "pkg/sub/__init__.py": ""})
    assert after[path] == expected


def test_a_package_goes_on_giving_the_name_that_it_gave() -> None:
    after = changed(
        {
            "pkg/__init__.py": "from .old import mine\n\n__all__ = ['mine']\n",
            "main.py": "from pkg import mine\nimport pkg\nx = mine(1) + pkg.mine(2)\n",
        }
    )
    assert after["pkg/__init__.py"] == "from .new import existing as mine\n\n__all__ = ['mine']\n"
    assert set(after) == {"pkg/__init__.py", "pkg/old.py"}
    assert after["pkg/old.py"] == ""


def test_a_module_in_between_keeps_the_name_that_others_take_from_it() -> None:
    between = {"pkg/third.py": "from pkg.old import mine\n\ny = mine(1)\n"}
    alone = changed(between)
    assert alone["pkg/third.py"] == "from pkg.new import existing\n\ny = existing(1)\n"
    for user in (
        "from pkg.third import mine\n",
        "import pkg.third\npkg.third.mine(1)\n",
        "from pkg.third import *\nmine(1)\n",
        "x = 'pkg.third.mine'\n",
    ):
        after = changed(between | {"main.py": user})
        assert after["pkg/third.py"] == "from pkg.new import existing as mine\n\ny = mine(1)\n", (
            user
        )


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("from pkg.old import *\nmine(1)\n", id="star"),
        pytest.param("import pkg.old\ngetattr(pkg.old, 'mine')(1)\n", id="getattr"),
        pytest.param("from unittest import mock\nmock.patch('pkg.old.mine')\n", id="patched by string"),
        pytest.param("from pkg import old\ndef test(monkeypatch):\n    monkeypatch.setattr(old, 'mine', 1)\n", id="setattr"),
        pytest.param("from pkg import old\nold.mine = 1\n", id="assigned"),
        pytest.param("import pkg.old\nmods = [pkg.old]\nfor m in mods:\n    m.mine(1)\n", id="module in a list"),
        pytest.param("import importlib\nimportlib.import_module('pkg.old').mine(1)\n", id="imported by name"),
        pytest.param("from old import mine\n", id="another search path"),
        pytest.param("from pkg import old\nexisting = 1\nold.mine(existing)\n", id="attribute where the new name is taken"),
    ],
)  # fmt: skip
def test_what_cannot_be_rewritten_finds_the_name_where_it_was(user: str) -> None:
    text = f"{MINE}\n\ndef f():\n    return mine(1)\n"
    after = changed({"pkg/old.py": text, "main.py": user})
    assert after == {
        "pkg/old.py": "from pkg.new import existing as mine\n\ndef f():\n    return mine(1)\n"
    }


def test_who_is_patched_is_looked_up_where_it_was() -> None:
    """A mock of `pkg.old.mine` has to reach those that call it there, at the time they call."""
    files = BASE | {
        "pkg/old.py": f"{MINE}\n\ndef f():\n    return mine(1)\n",
        "pkg/other.py": "from pkg import old\n\n\ndef g():\n    return old.mine(1)\n",
        "main.py": (
            "from unittest import mock\nfrom pkg import old, other\n"
            "with mock.patch('pkg.old.mine', lambda a: 'mocked'):\n    seen = old.f(), other.g()\n"
        ),
    }
    _, after = planned(files)
    with loaded(files | after) as main:
        assert main.seen == ("mocked", "mocked")


def test_entry_points_keep_what_they_name() -> None:
    after = changed({"pyproject.toml": '[project.scripts]\nrun = "pkg.old:mine"\n'})
    assert after == {"pkg/old.py": "from pkg.new import existing as mine\n"}


def test_a_public_name_that_nobody_here_uses_stays_and_a_private_one_goes() -> None:
    assert changed({}) == {"pkg/old.py": "from pkg.new import existing as mine\n"}
    private = changed({"pkg/old.py": MINE.replace("mine", "_mine")}, gone="_mine")
    assert private == {"pkg/old.py": ""}


def test_the_same_name_is_imported_under_it() -> None:
    after = changed(
        {
            "pkg/old.py": "def existing(a, b=2):\n    return [a, b]\n\n\nx = existing(1)\n",
            "main.py": "from pkg.old import existing\nimport pkg.old\nx = existing(1), pkg.old.existing(2)\n",
        },
        gone="existing",
    )
    assert after["pkg/old.py"] == "from pkg.new import existing\n\nx = existing(1)\n"
    assert after["main.py"] == (
        "from pkg.new import existing\nimport pkg.old\nimport pkg.new\n"
        "x = existing(1), pkg.new.existing(2)\n"
    )


def test_what_is_imported_already_by_way_of_another_module_is_taken() -> None:
    after = changed(
        {
            "pkg/__init__.py": "from .new import existing\n",
            "pkg/old.py": f"from pkg import existing\n\n\n{MINE}\n\nx = mine(existing)\n",
        }
    )
    assert after == {"pkg/old.py": "from pkg import existing\n\n\nx = existing(existing)\n"}


def test_the_style_of_the_folder_is_followed() -> None:
    text = f"{MINE}\n\nx = mine(1)\n"
    dotted = changed({"pkg/old.py": text, "pkg/a.py": "from .b import c\n"})
    assert dotted["pkg/old.py"].startswith("from .new import existing\n")
    plain = changed({"pkg/old.py": text, "pkg/a.py": "from pkg.b import c\n"})
    assert plain["pkg/old.py"].startswith("from pkg.new import existing\n")
    own = changed({"pkg/old.py": f"from . import b\n{text}", "pkg/a.py": "from pkg.b import c\n"})
    assert own["pkg/old.py"].startswith("from . import b\nfrom .new import existing\n")


@pytest.mark.parametrize(
    "new",
    [
        pytest.param("import pkg.old\n", id="directly"),
        pytest.param("from pkg import old\n", id="from the package"),
        pytest.param("from .old import other\n", id="relatively"),
        pytest.param("from .between import other\n", id="through another"),
        pytest.param("if True:\n    import pkg.old\n", id="in a condition"),
    ],
)
def test_a_circle_is_refused(new: str) -> None:
    more = {"pkg/new.py": f"{new}\n\n{EXISTING}", "pkg/between.py": "from . import old\n"}
    with pytest.raises(ReuseRefused, match=r"`pkg\.new` imports .*circular"):
        planned(BASE | more)


@pytest.mark.parametrize(
    "new",
    [
        pytest.param("def f():\n    import pkg.old\n", id="in a function"),
        pytest.param("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .old import X\n", id="for typing"),
        pytest.param("import pkg\n", id="the package around"),
        pytest.param("from . import other\n", id="another module of the package"),
    ],
)  # fmt: skip
def test_what_is_no_circle_is_safe(new: str) -> None:
    changed({"pkg/new.py": f"{new}\n\n{EXISTING}", "pkg/other.py": ""})


def test_a_package_that_imports_the_module_on_its_way_is_a_circle() -> None:
    """`from . import LIMIT` needs the package to be further than it is when pkg.old is imported."""
    more = {
        "pkg/__init__.py": "from .old import f\n\nLIMIT = 1\n",
        "pkg/new.py": f"from . import LIMIT\n\n\n{EXISTING}",
    }
    with pytest.raises(ReuseRefused, match="circular"):
        planned(BASE | more)


def test_modules_that_import_each_other_already_are_to_be_checked() -> None:
    more = {
        "pkg/old.py": f"from pkg import new\n\n\n{MINE}\n\nx = mine(new)\n",
        "pkg/new.py": f"import pkg.old\n\n\n{EXISTING}",
    }
    assert "import each other" in checks(more)


TWO = "def existing(b, a):\n    return [a, b]\n"


def permuted(use: str, existing: str = TWO) -> str:
    """A file after its calls were adapted to another order of parameters."""
    mine = "def _mine(a, b):\n    return [a, b]\n"
    more = {"pkg/old.py": f"{mine}\n\n{use}", "pkg/new.py": existing}
    return changed(more, gone="_mine")["pkg/old.py"].split("\n", 2)[2]


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("x = _mine(1, 2)\n", "x = existing(2, 1)\n"),
        ("x = _mine(1, b=2)\n", "x = existing(a=1, b=2)\n"),
        ("x = _mine(a=1, b=2)\n", "x = existing(a=1, b=2)\n"),
        ("x = _mine(y.z, 'b')\n", "x = existing('b', y.z)\n"),
        ("x = _mine(f(), g())\n", "x = existing(a=f(), b=g())\n"),
        ("x = _mine(_mine(1, 2), 3)\n", "x = existing(a=existing(2, 1), b=3)\n"),
        ("x = _mine(\n    1,  # one\n    2,\n)\n", "x = existing(\n    2,  # one\n    1,\n)\n"),
    ],
)
def test_arguments_follow_their_parameters(use: str, expected: str) -> None:
    assert permuted(use) == expected


def test_parameters_of_other_names_in_another_order_are_followed() -> None:
    existing = "def existing(second, first):\n    return [first, second]\n"
    assert permuted("x = _mine(1, b=2)\n", existing) == "x = existing(first=1, second=2)\n"


@pytest.mark.parametrize(
    ("use", "why"),
    [
        ("x = _mine(*y)\n", "star"),
        ("x = _mine(**y)\n", "star"),
        ("x = map(_mine, y, z)\n", "as a value"),
        ("__all__ = ['_mine']\nx = _mine(1, 2)\n", "another order"),
    ],
)
def test_where_an_order_cannot_be_followed_it_is_refused(use: str, why: str) -> None:
    with pytest.raises(ReuseRefused, match=why):
        permuted(use)


def test_what_calls_itself_cannot_take_its_arguments_in_another_order() -> None:
    mine = "def mine(a, b):\n    return mine(a - 1, b) if a > b else [a, b]\n"
    existing = mine.replace("mine", "existing").replace("(a, b)", "(b, a)")
    with pytest.raises(ReuseRefused, match="do not do the same"):
        planned(BASE | {"pkg/old.py": mine, "pkg/new.py": existing})


def test_arguments_are_adapted_in_other_files() -> None:
    after = changed(
        {
            "pkg/new.py": TWO,
            "pkg/old.py": "def mine(a, b):\n    return [a, b]\n",
            "main.py": "from pkg.old import mine\nimport pkg.old\nx = mine(1, 2), pkg.old.mine(f(), 2)\n",
        }
    )
    assert after["main.py"].endswith("x = existing(2, 1), pkg.new.existing(a=f(), b=2)\n")


def test_other_literals_are_to_be_checked_and_other_statements_refused() -> None:
    assert "It has `3` where `existing` has `2`." in checks(
        {"pkg/old.py": "def mine(a, b=2):\n    return [a, b, 3]\n", "pkg/new.py": "def existing(a, b=2):\n    return [a, b, 2]\n"}
    )  # fmt: skip
    with pytest.raises(ReuseRefused, match="do not do the same"):
        planned(BASE | {"pkg/old.py": "def mine(a, b=2):\n    return [b, b]\n"})


READS = "def {}(a):\n    return helper(a, {})\n"


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        pytest.param("from re import sub as helper\n", "from re import sub as helper\n", True, id="one import"),
        pytest.param("from .tools import helper\n", "from pkg.tools import helper\n", True, id="one module, two spellings"),
        pytest.param("from . import helper\n", "from pkg.tools import helper\n", True, id="one of them re-exported"),
        pytest.param("from re import sub as helper\n", "from re import split as helper\n", False, id="two imports"),
        pytest.param("helper = 'x'\n", "helper = 'x'\n", True, id="one constant, twice"),
        pytest.param("helper = 'x'\n", "helper = 'y'\n", False, id="two constants"),
        pytest.param("helper = {}\n", "helper = {}\n", False, id="two containers"),
        pytest.param("import logging\nhelper = logging.getLogger(__name__)\n", "import logging\nhelper = logging.getLogger(__name__)\n", False, id="two loggers"),
        pytest.param("def helper(a, b):\n    return a\n", "def helper(a, b):\n    return a\n", True, id="one function, twice"),
        pytest.param("def helper(a, b):\n    return a\n", "def helper(a, b):\n    return b\n", False, id="two functions"),
        pytest.param("class helper:\n    pass\n", "class helper:\n    pass\n", False, id="two classes"),
        pytest.param("from x import *\n", "from x import *\n", False, id="unseen"),
        pytest.param("try:\n    from re import sub as helper\nexcept ImportError:\n    helper = None\n", "try:\n    from re import sub as helper\nexcept ImportError:\n    helper = None\n", True, id="one import with a fallback, twice"),
    ],
)  # fmt: skip
def test_names_that_the_body_reads_mean_the_same_in_both_modules(
    old: str, new: str, same: bool
) -> None:
    more = {
        "pkg/__init__.py": "from pkg.tools import helper\n",
        "pkg/tools.py": "def helper(a, b):\n    pass\n",
        "pkg/old.py": f"{old}\n\n{READS.format('_mine', 'len')}\n\nx = _mine(1)\n",
        "pkg/new.py": f"{new}\n\n{READS.format('existing', 'len')}",
    }
    plan, _ = planned(BASE | more, gone="_mine")
    assert plan.checks == (() if same else ("`helper` may be another in pkg/new.py than here.",))


def test_what_a_test_replaces_in_the_module_is_to_be_checked() -> None:
    more = {
        "pkg/old.py": f"from re import sub as helper\n\n\n{READS.format('_mine', 1)}\n\nx = _mine\n",
        "pkg/new.py": f"from re import sub as helper\n\n\n{READS.format('existing', 1)}",
    }
    for test in (
        "from unittest import mock\nmock.patch('pkg.old.helper')\n",
        "from pkg import old\ndef test(monkeypatch):\n    monkeypatch.setattr(old, 'helper', 1)\n",
        "from pkg import old\nold.helper = 1\n",
    ):
        assert "replaces `helper`" in checks(more | {"test_old.py": test}, gone="_mine")
    changed(more | {"test_old.py": "from pkg import old\nx = 'helper'\nold.f(x)\n"}, gone="_mine")


def test_where_a_body_can_see_its_module_it_is_to_be_checked() -> None:
    body = "def {}(a):\n    return a, __name__\n"
    more = {"pkg/old.py": body.format("mine"), "pkg/new.py": body.format("existing")}
    assert "`__name__`" in checks(more)


def test_what_sets_a_global_of_its_module_is_refused() -> None:
    body = "def {}(a):\n    global count\n    count = a\n"
    more = {"pkg/old.py": body.format("mine"), "pkg/new.py": body.format("existing")}
    with pytest.raises(ReuseRefused, match="global `count`"):
        planned(BASE | more)


def test_decorators_that_may_register_are_to_be_checked() -> None:
    def both(decorator: str) -> dict[str, str]:
        head = f"from x import {decorator.split('(')[0]}\n\n\n@{decorator}\n"
        return {"pkg/old.py": head + MINE, "pkg/new.py": head + EXISTING}

    assert "`@route('/')`" in checks(both("route('/')"))
    head = "from functools import lru_cache\n\n\n@lru_cache(maxsize=2)\n"
    changed({"pkg/old.py": head + MINE, "pkg/new.py": head + EXISTING})


def test_attributes_on_the_function_and_stubs_are_to_be_checked() -> None:
    said = checks(
        {"pkg/old.py": f"{MINE}\n\nmine.fast = True\n", "pkg/old.pyi": "def mine(a, b=...): ...\n"}
    )
    assert "sets an attribute on `mine`" in said
    assert "pkg/old.pyi declares `mine`" in said


def test_a_module_that_nobody_near_imports_is_to_be_checked() -> None:
    files = {
        "tools/old.py": f"{MINE}\n\nx = mine(1)\n",
        "pkg/__init__.py": "",
        "pkg/new.py": EXISTING,
    }
    plan, _ = planned(files, old="tools/old.py")
    assert "imports `pkg.new` yet" in " ".join(plan.checks)
    plan, _ = planned(files | {"tools/b.py": "import pkg.x\n"}, old="tools/old.py")
    assert plan.safe


def test_a_body_in_another_language_or_a_class_is_not_offered() -> None:
    text = "class A:\n    x = 1\n"
    with pytest.raises(ReuseRefused):
        planned({"a.py": text, "b.py": text}, gone="A", kept="A", old="a.py", new="b.py")


# One line for each way in which a module may come to the function, and what it then computes.
WAYS = (
    ("from pkg.old import mine", "mine(1)"),
    ("from pkg.old import mine as m", "m(2, b=3)"),
    ("from .old import mine", "mine(3)"),
    ("import pkg.old", "pkg.old.mine(4)"),
    ("import pkg.old as o", "o.mine(5, 6)"),
    ("from pkg import old", "old.mine(7)"),
    ("from . import old", "old.mine(8, b=9)"),
    ("from pkg.old import *", "mine(10)"),
    ("from pkg.again import mine", "mine(11)"),
    ("import pkg.again", "pkg.again.mine(12)"),
    ("from pkg import mine", "mine(13)"),
    ("import pkg", "pkg.mine(14)"),
    ("import pkg.old", "getattr(pkg.old, 'mine')(15)"),
    ("from pkg.old import twice", "twice(16)"),
    ("from pkg.new import existing", "existing(17)"),
    ("existing = 18", "[existing == 18]"),
    ("from pkg.old import mine", "(lambda existing: mine(existing))(19)"),
    ("from pkg.old import mine", "[mine for mine in [mine(20)]]"),
)


@given(
    st.lists(st.lists(st.sampled_from(WAYS), min_size=1, max_size=4), min_size=1, max_size=3),
    st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["(a, b=2)", "(b, a=2)", "(x, y=2)"]),
)  # fmt: skip
def test_whoever_calls_it_gets_what_they_got(
    users: list[list[tuple[str, str]]], reexport: bool, listed: bool, inside: bool, order: str
) -> None:
    """Imports the workspace before and after, and compares what every module computed."""
    first = order[1]
    second = "yab"["xba".index(first)]
    files = {
        "pkg/__init__.py": "from .old import mine\n"
        if reexport
        else "def mine(a):\n    return a\n",
        "pkg/again.py": "from .old import mine\n" + ("__all__ = ['mine']\n" if listed else ""),
        "pkg/new.py": f"def existing{order}:\n    return [{first}, {second}]\n",
        "pkg/old.py": f"{MINE}\n\ndef twice(a):\n    return mine(mine(a)[0])\n",
        "main.py": "import importlib\n",
    }
    if listed:
        files["pkg/old.py"] += "\n\n__all__ = ['mine', 'twice']\n"
    for number, ways in enumerate(users):
        lines = [line for line, _ in ways]
        values = ", ".join(value for _, value in ways)
        text = "\n".join([*lines, f"x = [{values}]"]) + "\n"
        if inside and not any("*" in line for line in lines):
            body = "\n".join(f"    {line}" for line in lines)
            text = f"def f():\n{body}\n    return [{values}]\n\n\nx = f()\n"
        files[f"pkg/user{number}.py"] = text
        files["main.py"] += f"u{number} = importlib.import_module('pkg.user{number}').x\n"

    def seen(texts: Mapping[str, str]) -> list[Any]:
        with loaded(texts) as main:
            return [getattr(main, f"u{number}") for number in range(len(users))]

    try:
        before = seen(files)
    except (ImportError, AttributeError, NameError, UnboundLocalError, TypeError):
        return  # These lines do not go together.
    try:
        plan, after = planned(files)
    except ReuseRefused:
        return
    if not plan.safe:
        return
    assert "def mine" not in after["pkg/old.py"]
    assert seen(files | after) == before, after


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("from pkg import old\nx = getattr(old, f'do_{y}')(1)\n", id="f-string"),
        pytest.param("from pkg import old\nx = getattr(old, 'do_' + y)(1)\n", id="added"),
        pytest.param("from pkg import old\nx = getattr(old, 'do_%s' % y, None)\n", id="percent"),
        pytest.param("from pkg import old\nx = getattr(old, '{}_it'.format(y), None)\n", id="format"),
        pytest.param("from pkg import old\nx = getattr(old, y)\n", id="nothing known"),
        pytest.param("from pkg import old\nn = 'do_' + y\nx = getattr(old, n)\n", id="by way of a name"),
        pytest.param("import pkg.old as o\nx = vars(o)['do_' + y]\n", id="vars"),
        pytest.param("import pkg.old\nx = pkg.old.__dict__.get(y)\n", id="dict"),
        pytest.param("import pkg.old\nall_ = [f for f in vars(pkg.old).values() if callable(f)]\n", id="all of them"),
        pytest.param("from pkg import old\nfor m in (old,):\n    getattr(m, y)(1)\n", id="module passed about"),
        pytest.param("import importlib\nm = importlib.import_module(f'pkg.{z}')\ngetattr(m, y)(1)\n", id="module of a made name"),
        pytest.param("import importlib\nm = importlib.import_module(z)\ngetattr(m, f'do_{y}')(1)\n", id="any module"),
        pytest.param("import importlib\nm = importlib.import_module('pkg.' + z)\nm.do_it(1)\n", id="attribute of a module of a made name"),
        pytest.param("import sys\ngetattr(sys.modules['pkg.' + z], y)(1)\n", id="loaded modules"),
        pytest.param("from unittest import mock\nmock.patch(f'pkg.old.{y}')\n", id="mocked"),
        pytest.param("from pkg import old\nmonkeypatch.setattr(old, 'do_' + y, None)\n", id="replaced"),
        pytest.param("from pkg.old import *\n", id="star, without the name"),
        pytest.param("import operator\nfrom pkg import old\noperator.attrgetter('do_' + y)(old)\n", id="attrgetter"),
        pytest.param("from pkg import elsewhere, old\nelsewhere.go(old, y)\n", id="module given to another"),
        pytest.param("import pkg.old as o\nTABLE = [o]\n", id="module in a table"),
        pytest.param("import importlib, pkgutil, pkg\nfor i in pkgutil.iter_modules(pkg.__path__):\n    dir(importlib.import_module(i.name))\n", id="all modules of the package"),
        pytest.param("exec('from pkg.old import do_it; do_it(1)')\n", id="code in a string"),
        pytest.param('def f():\n    """\n    >>> from pkg.old import do_it\n    """\n', id="a doctest"),
    ],
)  # fmt: skip
def test_who_makes_the_name_while_running_finds_it_where_it_was(user: str) -> None:
    text = MINE.replace("mine", "do_it") + "\n\nx = do_it(1)\n"
    after = changed({"pkg/old.py": text, "main.py": user}, gone="do_it")
    assert after == {"pkg/old.py": "from pkg.new import existing as do_it\n\nx = do_it(1)\n"}


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("from pkg import old\nx = getattr(old, f'do_{y}')(1)\n", id="another beginning"),
        pytest.param("from pkg import old\nx = vars(old)[y + '_it']\n", id="another end"),
        pytest.param("from pkg import old, third\nx = getattr(third, y)\n", id="another module"),
        pytest.param("from pkg import old\nx = old.other()\n\n\ndef f(self):\n    return getattr(self, y)\n", id="another object"),
        pytest.param("import importlib\nm = importlib.import_module(f'elsewhere.{z}')\nx = getattr(m, y)\n", id="another package"),
        pytest.param("import importlib\nm = importlib.import_module(z)\nx = getattr(m, y)\n", id="anything at all"),
        pytest.param("from unittest import mock\nfrom pkg import old\nmock.patch.object(old, 'other')\n", id="a mock of another"),
        pytest.param("import pkgutil, importlib\nfor _, n, _ in pkgutil.walk_packages():\n    getattr(importlib.import_module(n), y)\n", id="all there is"),
    ],
)  # fmt: skip
def test_who_cannot_mean_it_does_not_hold_it(user: str) -> None:
    """What loads anything of any name reads the name somewhere; there it is looked for."""
    files = {"pkg/old.py": MINE.replace("mine", "_mine"), "pkg/third.py": "", "main.py": user}
    assert changed(files, gone="_mine") == {"pkg/old.py": ""}


@pytest.mark.parametrize(
    "use",
    [
        "x = globals()['do_' + y](1)\n",
        "x = globals().get(y)\n",
        "x = [f for n, f in globals().items() if n.startswith('do_')]\n",
        "import sys\nx = getattr(sys.modules[__name__], f'do_{y}')\n",
        "import sys\nme = sys.modules[__name__]\nx = getattr(me, y)\n",
        "x = eval('do_it(1)')\n",
        "x = eval(y)\n",
    ],
)
def test_who_makes_the_name_in_the_module_itself_finds_it(use: str) -> None:
    after = changed({"pkg/old.py": MINE.replace("mine", "do_it") + f"\n\n{use}"}, gone="do_it")
    assert "from pkg.new import existing as do_it\n" in after["pkg/old.py"]
    private = {"pkg/old.py": MINE.replace("mine", "_other") + "\n\nclass A:\n    x = getattr(self, f'_o{y}')\n"}  # fmt: skip
    assert "_other" not in changed(private, gone="_other")["pkg/old.py"]


@pytest.mark.parametrize(
    ("name", "listed", "brought"),
    [("_mine", "", False), ("mine", "", True), ("mine", "__all__ = ['x']\n", False),
     ("mine", "__all__ = ['x'] + more\n", True), ("_mine", "__all__ = ['_mine']\n", True)],
)  # fmt: skip
def test_a_star_brings_what_it_brings(name: str, listed: str, brought: bool) -> None:
    text = f"{listed}{MINE.replace('mine', name)}\n\nx = {name}(1)\n"
    files = {"pkg/old.py": text, "main.py": "from pkg.old import *\n"}
    assert (f"existing as {name}" in changed(files, gone=name)["pkg/old.py"]) is brought


def test_a_file_that_makes_the_name_keeps_the_one_it_imported() -> None:
    user = "from pkg.old import mine\n\nx = mine(1), globals()['mi' + y]\n"
    assert changed({"main.py": user})["main.py"] == (
        "from pkg.new import existing as mine\n\nx = mine(1), globals()['mi' + y]\n"
    )


def test_a_module_in_between_is_asked_for_a_name_that_is_made() -> None:
    files = {
        "pkg/third.py": "from pkg.old import mine\n",
        "main.py": "from pkg import third\nx = getattr(third, 'mi' + y)(1)\n",
    }
    assert changed(files)["pkg/third.py"] == "from pkg.new import existing as mine\n"
    other = files | {"main.py": "from pkg import third\nx = getattr(third, 'yo' + y)(1)\n"}
    assert changed(other)["pkg/third.py"] == "from pkg.new import existing\n"


TABLE = "{f.__name__: f for f in (mine,)}\n"


@pytest.mark.parametrize(
    ("files", "place"),
    [
        pytest.param({"main.py": f"from pkg.old import mine\nR = {TABLE}"}, "Line 2 of main.py", id="a table"),
        pytest.param({"main.py": "from pkg import old\nL = [old.mine]\nR = {f.__name__: f for f in L}\n"}, "Line 2 of main.py", id="a list first"),
        pytest.param({"pkg/old.py": f"{MINE}\n\nR = {TABLE}"}, "Line 5 of pkg/old.py", id="in the module"),
        pytest.param({"main.py": "from pkg.old import mine\nprint(mine.__qualname__)\n"}, "Line 2 of main.py", id="asked itself"),
        pytest.param(
            {
                "main.py": "from pkg.old import mine\nfrom pkg.reg import register\nregister(mine)\n",
                "pkg/reg.py": "R = {}\n\n\ndef register(f):\n    R[f.__name__] = f\n",
            },
            "Line 3 of main.py",
            id="registered elsewhere",
        ),
        pytest.param({"main.py": "class R:\n    def add(self, f):\n        self.r[f.__name__] = f\n\n\nfrom pkg.old import mine\nR().add(mine)\n"}, "Line 7 of main.py", id="registered by a method"),
        pytest.param({"pkg/t.py": "from pkg.old import mine\nT = [mine, 1]\n", "main.py": "from pkg.t import T\nR = {f.__name__: f for f in T}\n"}, "main.py may ask what is in `T`", id="a table elsewhere"),
        pytest.param({"main.py": "import pkg.old\nR = {f.__name__: f for f in vars(pkg.old).values()}\n"}, "main.py goes through the names", id="all of the module"),
        pytest.param({"pkg/old.py": f"{MINE}\n\nR = [f for f in globals().values() if f.__module__ == __name__]\n"}, "pkg/old.py goes through the names", id="all of itself"),
    ],
)  # fmt: skip
def test_who_asks_the_function_for_its_name_is_to_be_checked(
    files: dict[str, str], place: str
) -> None:
    assert place in checks(files)


@pytest.mark.parametrize(
    "user",
    [
        "from pkg.old import mine\nx = mine(1)\nprint([type(x).__name__], x.__class__.__name__)\n",
        "from pkg.old import mine\nx = map(mine, y)\n\n\ndef timed(f):\n    print(f.__name__)\n",
        "from pkg.old import mine\nR = [mine]\n",
    ],
)
def test_who_asks_others_for_their_names_is_none_of_its_business(user: str) -> None:
    assert "mine" not in changed({"main.py": user})["main.py"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("serverless.yml", "functions:\n  a:\n    handler: pkg/old.mine\n", id="YAML, by path"),
        pytest.param("deploy/jobs.yaml", "jobs:\n  - call: pkg.old:mine\n", id="YAML"),
        pytest.param("jobs.yaml", "- module: pkg.old\n  # every night\n  function: mine\n", id="YAML, in two values"),
        pytest.param("pkg/routes.json", '{"handler": "pkg.old:mine"}\n', id="JSON"),
        pytest.param("pkg/routes.json", '{"module": "pkg.old",\n "function": "mine"}\n', id="JSON, in two values"),
        pytest.param("routes.json", '["old", "mine"]\n', id="JSON, by the last part"),
        pytest.param("config.xml", "<job><file>pkg/old.py</file><call>mine</call></job>\n", id="XML"),
        pytest.param("Procfile", "web: gunicorn pkg.old:mine\n", id="no suffix"),
        pytest.param("bin/run", "#!/usr/bin/env python3\nfrom pkg.old import other, mine\nmine(1)\n", id="a script"),
        pytest.param("docs/use.rst", ">>> from pkg.old import (\n...     mine)\n", id="a doctest"),
        pytest.param("README.md", "Call `old.mine` twice.\n", id="a document"),
        pytest.param("setup.cfg", "[options.entry_points]\nx =\n  y = pkg.old:mine\n", id="an entry point"),
        pytest.param(".coveragerc", "[run]\nplugins = pkg.old.mine\n", id="a hidden file"),
    ],
)  # fmt: skip
def test_what_a_text_names_stays_where_it_says(path: str, text: str) -> None:
    used = {"pkg/old.py": f"{MINE}\n\nx = mine(1)\n", path: text}
    assert "import existing as mine" in changed(used)["pkg/old.py"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("README.md", "The old one is mine, and yours: mine.\n", id="words"),
        pytest.param("README.md", "See `pkg.old`. Whatever is called `mine` there is ours.\n", id="prose"),
        pytest.param("a.yaml", "module: pkg.other\nfunction: mine\n", id="another module"),
        pytest.param("a.yaml", "module: pkg.older\nfunction: mine\n", id="a longer name"),
        pytest.param("a.yaml", "call: fold.mine\nold.mine_too: 1\n", id="longer words"),
        pytest.param("a.json", '{"old": "mine"}\n'.replace("old", "gold"), id="another key"),
        pytest.param("a.json", '{"module": "pkg.old", "x": "' + "y" * 400 + '", "mine": 1}\n', id="far away"),
        pytest.param("a.png", "pkg.old:mine\n", id="no text"),
        pytest.param("a.csv", "pkg.old:mine\n", id="data"),
    ],
)  # fmt: skip
def test_words_of_a_text_are_no_references(path: str, text: str) -> None:
    used = {"pkg/old.py": f"{MINE}\n\nx = mine(1)\n", path: text}
    assert "mine" not in changed(used)["pkg/old.py"]


def test_more_texts_than_can_be_looked_through_count_as_naming_it() -> None:
    used = {"pkg/old.py": f"{MINE}\n\nx = mine(1)\n"}
    many = {f"data/{n}.json": "{}" for n in range(5_001)}
    assert "as mine" in changed(used | many)["pkg/old.py"]


def test_an_order_cannot_change_for_what_a_text_names() -> None:
    files = BASE | {
        "pkg/new.py": TWO,
        "pkg/old.py": "def mine(a, b):\n    return [a, b]\n\n\nx = mine(1, 2)\n",
        "jobs.yaml": "call: pkg.old:mine\n",
    }
    with pytest.raises(ReuseRefused, match="another order"):
        planned(files)


def test_the_program_itself_cannot_be_imported() -> None:
    files = {"__main__.py": EXISTING, "old.py": f"{MINE}\n\nx = mine(1)\n"}
    with pytest.raises(ReuseRefused, match="is the program that runs"):
        planned(files, old="old.py", new="__main__.py")
    more = {"pkg/__main__.py": EXISTING, "pkg/old.py": f"{MINE}\n\nx = mine(1)\n"}
    assert "pkg/__main__.py is a program" in checks(more, new="pkg/__main__.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("import sys\nsys.exit(1)\n", "calls `sys.exit` (line 6)", id="ends"),
        pytest.param("if not x:\n    raise SystemExit(2)\n", "raises `SystemExit` (line 6)", id="ends under a condition"),
        pytest.param("raise RuntimeError('not here')\n", "raises `RuntimeError` (line 5)", id="cannot be loaded"),
        pytest.param("def main():\n    pass\n\n\nmain()\n", "calls `main`", id="runs"),
        pytest.param("import os\nos.environ['X'] = '1'\n", "sets `os.environ['X']`", id="environment"),
        pytest.param("import json\njson.dumps = None\n", "sets `json.dumps`", id="another module"),
        pytest.param("import sys\nsys.path.insert(0, 'x')\n", "calls `sys.path.insert`", id="path"),
        pytest.param("from . import third\n", "Loading pkg/third.py calls `quit`", id="through another"),
    ],
)  # fmt: skip
def test_what_loading_the_other_module_does_is_to_be_checked(text: str, said: str) -> None:
    files = {
        "pkg/new.py": f"{EXISTING}\n\n{text}",
        "pkg/old.py": f"{MINE}\n\nx = mine(1)\n",
        "pkg/third.py": "quit()\n",
    }
    assert said in checks(files)
    # What is loaded as it is does nothing that was not done.
    loaded_already = files | {"pkg/old.py": "from pkg import new\n\n\n" + files["pkg/old.py"]}
    assert "mine" not in changed(loaded_already)["pkg/old.py"]


@pytest.mark.parametrize(
    "text",
    [
        "import sys\nif __name__ == '__main__':\n    sys.exit(1)\n",
        "import sys\n\n\ndef f():\n    sys.exit(1)\n",
        "try:\n    import x\nexcept ImportError:\n    raise\n",
        "import logging\nlog = logging.getLogger(__name__)\nlog.addHandler(logging.NullHandler())\n",
        "class A:\n    main = 1\n\n\nA.other = A()\n",
    ],
)
def test_what_an_import_does_not_do_is_not_told_of(text: str) -> None:
    changed({"pkg/new.py": f"{EXISTING}\n\n{text}", "pkg/old.py": f"{MINE}\n\nx = mine(1)\n"})
