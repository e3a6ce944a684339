import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.proposals.reuse import Code, Plan, ReuseRefused, TextEdit, applied, reuse

LIBRARY = "def existing(a, b):\n    return a + b\n"
# Reaches a function of app.py in a way that cannot be rewritten.
REACHING = "import app\n\ngetattr(app, 'mine')(1, 2)\n"


def defined(path: str, text: str, name: str) -> Definition:
    return next(d for d in index_text(path, text).definitions if d.qualified == name)


def planned(
    files: dict[str, str], gone: tuple[str, str], kept: tuple[str, str]
) -> tuple[Plan, dict[str, str]]:
    """The plan for two functions, each by path and name, and all texts after it."""
    plan = reuse(
        Code(frozenset(files), files.get),
        defined(gone[0], files[gone[0]], gone[1]),
        defined(kept[0], files[kept[0]], kept[1]),
    )
    return plan, {p: applied(t, plan.edits.get(p, [])) for p, t in files.items()}


def fixed(
    text: str,
    name: str = "mine",
    *,
    library: str = LIBRARY,
    existing: str = "existing",
    used_elsewhere: bool = False,
) -> str:
    """The text after the fix; it parses, and the definition is gone."""
    files = {"app.py": text, "shop/sums.py": library, "shop/__init__.py": ""}
    if used_elsewhere:
        files["other.py"] = REACHING
    _, after = planned(files, ("app.py", name), ("shop/sums.py", existing))
    assert {p: t for p, t in after.items() if p != "app.py"} == {
        p: t for p, t in files.items() if p != "app.py"
    }
    result = after["app.py"]
    tree = ast.parse(result.removeprefix("\ufeff"))
    assert name not in [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
    return result


MINE = "def mine(a, b):\n    return a + b\n"


def test_a_text_without_imports() -> None:
    assert fixed(f"{MINE}\n\nprint(mine(1, 2))\n") == (
        "from shop.sums import existing\n\nprint(existing(1, 2))\n"
    )


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(
            '"""Doc."""\n', '"""Doc."""\n\nfrom shop.sums import existing\n', id="docstring"
        ),
        pytest.param("# note\n", "# note\n\nfrom shop.sums import existing\n", id="comment"),
        pytest.param(
            "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n",
            "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n\nfrom shop.sums import existing\n",
            id="interpreter",
        ),
        pytest.param(
            "from __future__ import annotations\n",
            "from __future__ import annotations\n\nfrom shop.sums import existing\n",
            id="future",
        ),
        pytest.param(
            '"""Doc."""\n\nfrom __future__ import annotations\n',
            '"""Doc."""\n\nfrom __future__ import annotations\n\nfrom shop.sums import existing\n',
            id="docstring and future",
        ),
        pytest.param(
            "import os\n", "import os\n\nfrom shop.sums import existing\n", id="other package"
        ),
        pytest.param(
            "import os\n\nfrom shop.cart import Cart\n",
            "import os\n\nfrom shop.cart import Cart\nfrom shop.sums import existing\n",
            id="after an earlier sibling",
        ),
        pytest.param(
            "import os\n\nfrom shop.tax import rate\n",
            "import os\n\nfrom shop.sums import existing\nfrom shop.tax import rate\n",
            id="before a later sibling",
        ),
        pytest.param(
            "from shop.cart import Cart\nfrom shop.tax import rate\n",
            "from shop.cart import Cart\nfrom shop.sums import existing\nfrom shop.tax import rate\n",
            id="between siblings",
        ),
        pytest.param(
            "from shop.sums import add\n", "from shop.sums import add, existing\n", id="at the end"
        ),
        pytest.param(
            "from shop.sums import zero\n", "from shop.sums import existing, zero\n", id="in front"
        ),
        pytest.param(
            "from shop.sums import (\n    add,\n    zero,\n)\n",
            "from shop.sums import (\n    add,\n    existing,\n    zero,\n)\n",
            id="in brackets",
        ),
        pytest.param(
            "from shop.sums import (\n    add,\n)\n",
            "from shop.sums import (\n    add,\n    existing,\n)\n",
            id="in brackets at the end",
        ),
        pytest.param(
            "from shop.sums import existing\n", "from shop.sums import existing\n", id="there"
        ),
        pytest.param(
            "from shop.sums import add, existing, zero\n",
            "from shop.sums import add, existing, zero\n",
            id="there among others",
        ),
        pytest.param(
            "from shop.sums import zero, existing\n",
            "from shop.sums import zero, existing\n",
            id="there after a later name",
        ),
        pytest.param(
            "from shop.sums import add as plus\n",
            "from shop.sums import add as plus, existing\n",
            id="beside an alias",
        ),
        pytest.param(
            "from shopping import cart\n",
            "from shopping import cart\n\nfrom shop.sums import existing\n",
            id="name that begins alike",
        ),
    ],
)
def test_where_the_import_goes(head: str, expected: str) -> None:
    assert fixed(f"{head}\n\n{MINE}\n\nx = mine(1, 2)\n") == f"{expected}\n\nx = existing(1, 2)\n"


def test_a_long_docstring_and_a_comment_after_it_stay_first() -> None:
    head = '"""Doc.\n\nMore.\n"""\n# note\n\nfrom __future__ import annotations\n\nimport os\n'
    result = fixed(f"{head}\n\n{MINE}\n\nx = mine(1, os)\n")
    assert result == f"{head}\nfrom shop.sums import existing\n\n\nx = existing(1, os)\n"


def test_an_import_over_two_lines_stays_whole() -> None:
    result = fixed(f"from shop.cart import (\n    a,\n    b,\n)\n\n\n{MINE}\n\nx = mine(a, b)\n")
    assert result.startswith(
        "from shop.cart import (\n    a,\n    b,\n)\nfrom shop.sums import existing\n"
    )


def test_an_import_beside_another_statement_stays_whole() -> None:
    result = fixed(f"import os; import sys\n\n\n{MINE}\n\nx = mine(os, sys)\n")
    assert result.startswith("import os; import sys\n\nfrom shop.sums import existing\n")


def test_an_import_with_a_comment_stays_whole() -> None:
    result = fixed(f"from shop.cart import a  # noqa\n\n\n{MINE}\n\nx = mine(a, 1)\n")
    assert result.startswith("from shop.cart import a  # noqa\nfrom shop.sums import existing\n")


def test_a_star_import_is_left_to_a_person() -> None:
    with pytest.raises(ReuseRefused, match=r"\*"):
        fixed(f"from shop.sums import *\n\n\n{MINE}\n\nx = mine(1, 2)\n")


def test_an_import_in_a_condition_does_not_serve_the_module() -> None:
    text = f"if x:\n    from shop.sums import zero\n\n\n{MINE}\n\ny = mine(1, 2)\n"
    assert fixed(text).startswith("from shop.sums import existing\n")


def test_crlf_is_kept() -> None:
    text = f'"""Doc."""\n\nimport os\n\n\n{MINE}\n\nx = mine(1, os)\n'.replace("\n", "\r\n")
    result = fixed(text)
    assert "\r\n\r\nfrom shop.sums import existing\r\n" in result
    assert result.count("\n") == result.count("\r\n")


def test_the_byte_order_mark_stays_first() -> None:
    result = fixed(f"\ufeff{MINE}\n\nx = mine(1, 2)\n")
    assert result.startswith("\ufeff")
    assert result.count("\ufeff") == 1


def test_offsets_after_wide_characters_are_right() -> None:
    result = fixed(f"ü = '😀é'\n\n\n{MINE}\n\nx = mine(ü, '😀')\n")
    assert "x = existing(ü, '😀')\n" in result


def test_uses_are_renamed_but_not_attributes_and_keywords() -> None:
    text = f"{MINE}\n\nx = mine(1, 2) + thing.mine + thing.mine(3)\ng(mine=4, other=mine)\ny = f'{{mine(5, 6)}} mine'\n"
    assert fixed(text).endswith(
        "x = existing(1, 2) + thing.mine + thing.mine(3)\n"
        "g(mine=4, other=existing)\ny = f'{existing(5, 6)} mine'\n"
    )


def test_uses_before_the_definition_are_renamed() -> None:
    result = fixed(f"def first():\n    return mine(1, 2)\n\n\n{MINE}")
    assert result.endswith("def first():\n    return existing(1, 2)\n")


def test_uses_as_decorators_and_types_are_renamed() -> None:
    text = f"{MINE}\n\n@mine\ndef g(h: mine = mine) -> mine:\n    return [mine, *mine][mine]\n"
    assert fixed(text).endswith(
        "@existing\ndef g(h: existing = existing) -> existing:\n    return [existing, *existing][existing]\n"
    )


def test_words_that_only_begin_alike_are_left() -> None:
    assert fixed(f"{MINE}\n\nminer = undermine(mine)\n").endswith("miner = undermine(existing)\n")


@pytest.mark.parametrize(
    "use",
    [
        pytest.param("def g(mine):\n    return mine\n", id="old name is a parameter"),
        pytest.param("def g():\n    mine = 1\n    return mine\n", id="old name is a local"),
        pytest.param("x = [mine for mine in y]\n", id="old name in a comprehension"),
        pytest.param(
            "def g(existing):\n    return mine(existing, 1)\n", id="new name is a parameter"
        ),
        pytest.param(
            "def g():\n    existing = 1\n    return mine(1, 2)\n", id="new name is a local"
        ),
        pytest.param(
            "def g():\n    import existing\n    return mine(1, 2)\n", id="new name is imported"
        ),
        pytest.param(
            "def g():\n    from m import existing\n    return mine(1, 2)\n", id="imported from"
        ),
        pytest.param(
            "match y:\n    case existing:\n        print(mine(1, 2))\n", id="new name in a pattern"
        ),
        pytest.param("class existing:\n    x = mine\n", id="new name is a class"),
        pytest.param('__all__ = ["mine"]\n', id="exported"),
        pytest.param("__all__ = ['mine']\n", id="exported in other quotes"),
        pytest.param("getattr(m, 'mine')\n", id="named in a string"),
    ],
)
def test_where_a_rename_is_not_safe_the_old_name_stays(use: str) -> None:
    result = fixed(f"{MINE}\n\nx = mine(1, 2)\n{use}")
    assert "from shop.sums import existing as mine\n" in result
    assert result.endswith(f"x = mine(1, 2)\n{use}")


def test_a_name_that_an_import_holds_already_is_not_taken() -> None:
    """`existing` of another module is in use here."""
    text = f"from other import existing\n\n\n{MINE}\n\nx = mine(1, existing)\n"
    result = fixed(text)
    assert "from other import existing\n" in result
    assert "from shop.sums import existing as mine\n" in result
    assert result.endswith("x = mine(1, existing)\n")


def test_a_module_of_that_name_is_not_taken() -> None:
    text = f"import existing\n\n\n{MINE}\n\nx = mine(1, existing.y)\n"
    result = fixed(text)
    assert "from shop.sums import existing as mine\n" in result
    assert result.endswith("x = mine(1, existing.y)\n")


def test_a_name_that_other_files_use_stays() -> None:
    result = fixed(f"{MINE}\n\nx = mine(1, 2)\n", used_elsewhere=True)
    assert result == "from shop.sums import existing as mine\n\nx = mine(1, 2)\n"


def test_the_old_name_joins_an_import_that_is_there() -> None:
    text = f"from shop.sums import add, zero\n\n\n{MINE}\n\nx = mine(1, 2)\n"
    result = fixed(text, used_elsewhere=True)
    assert result.startswith("from shop.sums import add, zero, existing as mine\n")


def test_the_same_name_needs_no_rename() -> None:
    text = "def existing(a, b):\n    return a + b\n\n\nx = existing(1, 2)\n"
    assert fixed(text, "existing") == "from shop.sums import existing\n\nx = existing(1, 2)\n"
    assert fixed(text, "existing", used_elsewhere=True).startswith(
        "from shop.sums import existing\n"
    )


def test_a_local_of_the_same_name_is_none_of_the_imports_business() -> None:
    text = "def existing(a, b):\n    return a + b\n\n\ndef g(existing):\n    return existing\n"
    assert fixed(text, "existing") == (
        "from shop.sums import existing as existing\n\ndef g(existing):\n    return existing\n"
    ).replace("existing as existing", "existing")


@pytest.mark.parametrize(
    "other",
    [
        "existing = wrapped(existing)\n",
        "def g():\n    global existing\n    existing = 1\n",
        "from other import existing\n",
        "for existing in ():\n    pass\n",
        "class existing:\n    pass\n",
    ],
)
def test_a_name_that_the_module_binds_again_is_refused(other: str) -> None:
    text = f"def existing(a, b):\n    return a + b\n\n\n{other}"
    with pytest.raises(ReuseRefused, match="something else"):
        fixed(text, "existing")
    with pytest.raises(ReuseRefused, match="something else"):
        fixed(text.replace("existing", "mine"))


def test_in_the_same_file_no_import_is_needed() -> None:
    text = f"{LIBRARY}\n\n{MINE}\n\nx = mine(1, 2)\n"
    _, after = planned({"a.py": text}, ("a.py", "mine"), ("a.py", "existing"))
    assert after["a.py"] == f"{LIBRARY}\n\nx = existing(1, 2)\n"


@pytest.mark.parametrize("use", ["def g(mine):\n    return mine\n", '__all__ = ["mine"]\n'])
def test_in_the_same_file_a_name_that_must_stay_is_another_name_of_the_existing_one(
    use: str,
) -> None:
    text = f"{LIBRARY}\n\n{MINE}\n\n{use}x = mine(1, 2)\n"
    _, after = planned({"a.py": text}, ("a.py", "mine"), ("a.py", "existing"))
    assert after["a.py"] == f"{LIBRARY}\n\nmine = existing\n\n\n{use}x = mine(1, 2)\n"


def test_in_the_same_file_a_name_cannot_stand_for_what_comes_later() -> None:
    text = f"{MINE}\n\n{LIBRARY}\n\n__all__ = ['mine']\n"
    with pytest.raises(ReuseRefused, match="has to stay"):
        planned({"a.py": text}, ("a.py", "mine"), ("a.py", "existing"))


def test_in_the_same_file_a_local_of_the_existing_name_is_not_caught() -> None:
    text = f"{LIBRARY}\n\n{MINE}\n\ndef g(existing):\n    return mine(existing, 1)\n"
    _, after = planned({"a.py": text}, ("a.py", "mine"), ("a.py", "existing"))
    assert after["a.py"].endswith("\n\ndef g(existing):\n    return mine(existing, 1)\n")
    assert "mine = existing\n" in after["a.py"]


OTHER = "def existing(left, right):\n    return left + right\n"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("mine(a=1, b=2)", "existing(left=1, right=2)"),
        ("mine(1, b=2)", "existing(1, right=2)"),
        ("f(mine(1, b=2))", "f(existing(1, right=2))"),
        ("mine (\n    1,\n    b=2,\n)", "existing (\n    1,\n    right=2,\n)"),
        ("mine(\n    g(a=1), b=2)", "existing(\n    g(a=1), right=2)"),
        ("mine(b=mine(a=1, b=b), a=a)", "existing(right=existing(left=1, right=b), left=a)"),
    ],
)
def test_keywords_are_renamed_with_the_parameters(call: str, expected: str) -> None:
    text = f"{MINE}\n\nx = {call}\n"
    assert fixed(text, library=OTHER).endswith(f"\nx = {expected}\n")
    assert fixed(text).endswith(f"\nx = {call.replace('mine', 'existing')}\n")


def test_keywords_that_cannot_be_seen_are_refused() -> None:
    text = f"{MINE}\n\nx = mine(**{{'a': 1, 'b': 2}})\n"
    with pytest.raises(ReuseRefused, match="keywords"):
        fixed(text, library=OTHER)
    assert "existing" in fixed(text)


@pytest.mark.parametrize("call", ["mine(1, 2)", "mine(1, g(b=2))", "f(mine(1, 2), b=3)"])
def test_calls_without_keywords_do_not_mind_other_parameters(call: str) -> None:
    assert "import existing" in fixed(f"{MINE}\n\nx = {call}\n", library=OTHER)


def test_keywords_of_a_call_that_cannot_be_seen_are_to_be_checked() -> None:
    files = {
        "app.py": f"{MINE}\n\nx = mine(1, 2)\n",
        "shop/__init__.py": "",
        "shop/sums.py": OTHER,
        "other.py": REACHING,
        "root.py": "import shop\n",
    }
    plan, _ = planned(files, ("app.py", "mine"), ("shop/sums.py", "existing"))
    assert plan.checks == (
        "See that nobody passes `a` (there `left`), `b` (there `right`) by keyword.",
    )
    plan, _ = planned(files | {"shop/sums.py": LIBRARY}, ("app.py", "mine"), ("shop/sums.py", "existing"))  # fmt: skip
    assert plan.safe


def test_types_of_parameters_do_not_matter() -> None:
    library = "def existing(a: int, b: int = 2) -> int:\n    return a + b\n"
    assert "existing(a=1, b=2)" in fixed(f"{MINE}\n\nx = mine(a=1, b=2)\n", library=library)


def test_only_functions_at_the_top_are_replaced() -> None:
    text = "class A:\n    def mine(a, b):\n        return a + b\n"
    with pytest.raises(ReuseRefused, match="top of a module"):
        fixed(text, "A.mine")
    method = "class A:\n    def existing(a, b):\n        return a + b\n"
    with pytest.raises(ReuseRefused, match="top of a module"):
        fixed(MINE, library=method, existing="A.existing")


def test_a_comment_on_the_last_line_goes_with_it() -> None:
    text = "def mine(a, b):\n    return a + b  # see above\n\n\nx = mine(1, 2)\n"
    assert fixed(text) == "from shop.sums import existing\n\nx = existing(1, 2)\n"


def test_several_statements_on_one_line_go_together() -> None:
    text = "def mine(a, b): c = a; return c + b\nx = mine(1, 2)\n"
    library = "def existing(a, b):\n    c = a\n    return c + b\n"
    assert fixed(text, library=library).endswith("\nx = existing(1, 2)\n")


def test_a_global_statement_is_renamed_with_its_use() -> None:
    text = f"{MINE}\n\ndef g():\n    global mine\n    return mine(1, 2)\n"
    assert fixed(text).endswith("    global existing\n    return existing(1, 2)\n")


def test_a_definition_that_is_all_a_block_holds_is_left_to_a_person() -> None:
    """Without it the block would be empty, and the text would not parse."""
    text = "if x:\n    def mine(a, b):\n        return a + b\n\n\ny = mine(1, 2)\n"
    with pytest.raises(ReuseRefused):
        fixed(text)


def test_decorators_go_along_and_have_to_be_the_same() -> None:
    text = f"import os\n\n\n# about mine\n@cache\n@other(1)\n{MINE}\n\nx = mine(1, os)\n"
    with pytest.raises(ReuseRefused, match="decorators"):
        fixed(text)
    result = fixed(text, library=f"@cache\n@other(1)\n{LIBRARY}")
    assert "@" not in result
    assert "def " not in result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"import os\n\n\n{MINE}\n\nx = 1\n", "import os\n\nfrom shop.sums import existing as mine\n\n\nx = 1\n", id="middle"),
        pytest.param(f"import os\n\n\nx = 1\n\n\n{MINE}", "import os\n\nfrom shop.sums import existing as mine\n\n\nx = 1\n", id="end"),
        pytest.param(f"import os\n\n\nx = 1\n\n\n{MINE}\n\n\n", "import os\n\nfrom shop.sums import existing as mine\n\n\nx = 1\n", id="end and blank lines"),
        pytest.param(f"import os\n\n\nx = 1\n\n\n{MINE.rstrip()}", "import os\n\nfrom shop.sums import existing as mine\n\n\nx = 1\n", id="no final line end"),
        pytest.param(f"import os\n\n\n{MINE}", "import os\n\nfrom shop.sums import existing as mine\n", id="all there is"),
        pytest.param(f"import os\n{MINE}x = 1\n", "import os\n\nfrom shop.sums import existing as mine\nx = 1\n", id="no blank lines"),
        pytest.param(f"import os\n\f\n{MINE}\n\f\nx = 1\n", "import os\n\nfrom shop.sums import existing as mine\n\f\nx = 1\n", id="form feeds"),
    ],
)  # fmt: skip
def test_blank_lines_go_with_the_definition(text: str, expected: str) -> None:
    assert fixed(text) == expected


def test_edits_may_come_in_any_order() -> None:
    edits = [TextEdit(4, 5, "x"), TextEdit(0, 2, ""), TextEdit(2, 2, "é")]
    assert applied("äbcde", edits) == applied("äbcde", edits[::-1]) == "ébcxe"


HEADS = st.lists(
    st.sampled_from(
        [
            "import os", "import shop", "import shop.sums", "import shop.sums as s", "from shop import sums",
            "from shop.sums import add", "from shop.sums import (zero, one)", "from shop.sums import existing",
            "from shop.sums import existing as e", "from . import x", "from .sums import y",
            "from shop.tax import rate  # rate", "from shop.cart import (\n    a,\n    b,\n)", "# note", "",
            "if True:\n    import json", "X = 1", "try:\n    import yaml\nexcept ImportError:\n    yaml = None",
        ]
    ),
    max_size=5,
)  # fmt: skip
FIRST = st.sampled_from(["", "#!/usr/bin/python\n", '"""Doc."""\n', "'Doc'\nfrom __future__ import annotations\n", "\ufeff", "\ufeff# note\n"])  # fmt: skip
USES = st.lists(
    st.sampled_from(
        [
            "x = mine(1, 2)", "x = [mine(1, b=2)]", "def g(mine):\n    return mine", "class A:\n    mine = 1",
            "class B:\n    def mine(self):\n        return mine(1, 2)", "y = f'{mine(1, 2)!r:>9}'",
            "z = lambda existing: mine(existing, 1)", "print(a.mine, mine)", "async def h():\n    return mine(1, 2)",
            "with mine(1, 2) as existing:\n    pass", "__all__ = ['mine']", "", "# mine", "w = ü = 1",
        ]
    ),
    max_size=4,
)  # fmt: skip


@given(
    FIRST, HEADS, USES, USES,
    st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(), st.sampled_from([LIBRARY, OTHER]),
)  # fmt: skip
def test_the_result_always_parses_and_binds_what_it_uses(
    first: str, head: list[str], before: list[str], after: list[str],
    eol: str, final: bool, used_elsewhere: bool, library: str,
) -> None:  # fmt: skip
    text = first + "\n".join([*head, *before, MINE, *after]) + ("\n" if final else "")
    text = text.replace("\n", eol)
    ast.parse(text.removeprefix("\ufeff"))
    try:
        result = fixed(text, library=library, used_elsewhere=used_elsewhere)
    except ReuseRefused:
        return
    tree = ast.parse(result.removeprefix("\ufeff"))
    bound = {
        alias.asname or alias.name
        for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "shop.sums"
        for alias in node.names
    }  # fmt: skip
    used = {
        node.id for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }  # fmt: skip
    if "mine" in used:
        assert "mine" in bound or "def mine" in result or "(mine)" in result or "mine = 1" in result
    assert "existing" in bound or "mine" in bound
    if used_elsewhere:
        assert "mine" in bound
    if eol == "\r\n":
        assert result.count("\n") == result.count("\r\n")
