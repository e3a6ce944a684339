"""What a JavaScript module does when it is loaded that ends the program of whoever imports it.

Owns the list of such things. What stands in a function, or below the question whether the module is
the program itself, is done by no import.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from steadyhand_agent.proposals.ecmascript_modules import Modules
from steadyhand_agent.proposals.ecmascript_source import FUNCTIONS, Source

_NOTEWORTHY = re.compile(r"\bprocess\s*\.|^throw\b", re.MULTILINE)
_CALLS = re.compile(r"process\.(?:exit|abort|kill|chdir)\Z")
_MAIN = re.compile(rb"require\.main|import\.meta\.(?:main|url)|process\.argv\[1\]")


def noticed(modules: Modules, path: str, by: str) -> list[str]:
    """A sentence for each thing that is done where a module is loaded for the first time.

    Args:
        modules: The workspace.
        path: The module that would be imported.
        by: The module that would import it; what that loads already is loaded either way.
    """
    found: dict[str, list[str]] = {}
    for other in sorted(_loaded(modules, path)):
        source = modules.source(other)
        said = _done(source) if source is not None and _NOTEWORTHY.search(source.text) else []
        if said:
            found[other] = said
    before = _loaded(modules, by) if found else set[str]()
    return [said for other in found if other not in before for said in found[other]]


def _loaded(modules: Modules, path: str) -> set[str]:
    found: set[str] = set()
    todo = [path]
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo += modules.imported(current)
    return found


def _done(source: Source) -> list[str]:
    found: list[str] = []
    stack = list(reversed(source.root.named_children))
    while stack:
        node = stack.pop()
        if node.type in FUNCTIONS:
            continue
        if node.type == "if_statement":
            condition = node.child_by_field_name("condition")
            if condition is not None and _MAIN.search(condition.text or b""):
                continue
        said = _said(source, node)
        if said:
            line = node.start_point.row + 1
            found.append(f"Loading {source.path} {said} (line {line}); see that it may be.")
        stack += reversed(node.named_children)
    return found


def _said(source: Source, node: Node) -> str:
    called = source.word(node.child_by_field_name("function"))
    if node.type == "call_expression" and _CALLS.match(called):
        return f"calls `{called}`"
    at_top = node.parent is not None and node.parent.type == "program"
    return "throws" if node.type == "throw_statement" and at_top else ""
