"""Two definitions side by side, for a person and for a model."""

from __future__ import annotations

import re

import pytest

from steadyhand_agent.context import build
from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.proposals.compare import body, callers, difference, excerpts
from steadyhand_agent.proposals.reuse import Code
from steadyhand_agent.session import SessionState, Task

FILES = {
    "a.py": "import os\r\n\r\n\r\nclass A:\r\n    def slug(self, x):\r\n        # é\r\n        return x\r\n",
    "b.py": "def slug(y):\n    return y\n\n\ndef other(z):\n    return slug(z)\n",
    "c.ts": "export const c = () => slug(1) + mySlug(2) + slug.x;\n",
    "d.md": "Call `slug()`.\n",
}
CODE = Code(frozenset(FILES), FILES.get)


def defined(path: str, name: str) -> Definition:
    return next(d for d in index_text(path, FILES[path]).definitions if d.qualified == name)


def test_a_body_stands_at_the_margin() -> None:
    assert body(CODE, defined("a.py", "A.slug")) == "def slug(self, x):\n    # é\n    return x\n"
    with pytest.raises(ToolFailed):
        body(Code(frozenset(), lambda _: None), defined("b.py", "slug"))


def test_the_diff_names_both_places_and_leaves_nothing_out() -> None:
    diff = difference(CODE, defined("a.py", "A.slug"), defined("b.py", "slug"))
    assert diff == (
        "--- a.py:5 A.slug\n+++ b.py:1 slug\n@@ -1,3 +1,2 @@\n-def slug(self, x):\n-    # é\n"
        "-    return x\n+def slug(y):\n+    return y\n"
    )
    same = difference(CODE, defined("b.py", "slug"), defined("b.py", "slug"))
    assert same.startswith("b.py:1 and b.py:1 are the same to the letter:\n\ndef slug(y):\n")


def test_callers_are_lines_that_call_and_not_the_definitions() -> None:
    both = (defined("a.py", "A.slug"), defined("b.py", "slug"))
    assert callers(CODE, "slug", both) == [
        "b.py:6: return slug(z)",
        "c.ts:1: export const c = () => slug(1) + mySlug(2) + slug.x;",
        "d.md:1: Call `slug()`.",
    ]


def test_the_model_sees_both_definitions_and_their_callers() -> None:
    fenced = excerpts(CODE, defined("a.py", "A.slug"), defined("b.py", "other"))
    state = SessionState(id="s", task=Task(prompt="Merge them.", excerpts=fenced))
    (message,) = build(state, []).messages
    text = message["content"][0]["text"]
    head, *rest = text.split("\n")
    assert head == "Merge them."
    # Each stands in a fence whose number nobody who wrote the code could know.
    assert re.fullmatch(r"<excerpt-[0-9a-f]{8}>", rest[1])
    assert text.count(f"</{rest[1][1:]}") == 3
    assert "\n".join(rest[2:]).startswith('<definition path="a.py" line="5" name="A.slug">\ndef')
    assert '<definition path="b.py" line="5" name="other">\ndef other(z):\n    return slug(z)\n</definition>' in text  # fmt: skip
    assert '<callers name="slug">\nb.py:1: def slug(y):\n' in text
