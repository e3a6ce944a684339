"""What a Python module does when it is loaded that whoever imports it would notice.

Owns the list of such things: ending the program, running as one, and changing what all modules
share. What stands below `if __name__ == "__main__"` or in a function is done by no import.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from steadyhand_agent.proposals.python_modules import Modules
from steadyhand_agent.proposals.python_source import Source

_ENDS = re.compile(
    r"(?:sys\.)?exit\Z|quit\Z|os\.(?:_exit|abort|exec\w+|kill)\Z|(?:unittest|pytest)\.main\Z"
    r"|main\Z|asyncio\.run\Z|(?:\w+\.)*parse_args\Z|input\Z"
)
_CHANGES = re.compile(
    r"os\.(?:f?chdir|umask|putenv|unsetenv|environ\.(?:update|setdefault|pop|clear))\Z"
    r"|sys\.(?:path\.(?:insert|append|extend|remove|clear)|set\w+)\Z|signal\.(?:signal|alarm)\Z"
    r"|logging\.(?:basicConfig|disable|config\.\w+)\Z|locale\.setlocale\Z|(?:\w+\.)*random\.seed\Z"
    r"|multiprocessing\.set_start_method\Z|gc\.(?:disable|freeze)\Z|(?:\w+\.)*patch_all\Z"
)
# Worth a closer look; most modules hold none of these at all.
_NOTEWORTHY = re.compile(
    r"exit|quit|abort|exec|kill|main\b|asyncio\.run|parse_args|input|raise\b|chdir|umask|putenv"
    r"|unsetenv|environ|sys\.|signal\.|logging\.|setlocale|seed|set_start_method|gc\.|patch_all"
    r"|^[ \t]*(?!self\.|cls\.)\w+(?:\.\w+)+[ \t]*=(?!=)",
    re.MULTILINE,
)
_ENDING = frozenset({"SystemExit", "KeyboardInterrupt"})
_INNER = frozenset({"function_definition", "lambda"})
_MAIN = re.compile(rb"""__name__\s*==\s*["']__main__["']|["']__main__["']\s*==\s*__name__""")


def noticed(modules: Modules, path: str, by: str) -> list[str]:
    """A sentence for each thing that is done where a module is loaded for the first time.

    Args:
        modules: The workspace.
        path: The module that would be imported.
        by: The module that would import it; what that loads already is loaded either way.
    """
    found: dict[str, list[str]] = {}
    for other in sorted(modules.loaded(path)):
        source = modules.source(other)
        said = _done(source) if source is not None and _NOTEWORTHY.search(source.text) else []
        if said:
            found[other] = said
    # Most do nothing of note, and nobody has to ask what is loaded already.
    before = modules.loaded(by) if found else set[str]()
    return [said for other in found if other not in before for said in found[other]]


def _done(source: Source) -> list[str]:
    found: list[str] = []
    stack = list(reversed(source.root.children))
    while stack:
        node = stack.pop()
        if node.type in _INNER:
            continue
        if node.type == "if_statement":
            condition = node.child_by_field_name("condition")
            if condition is not None and _MAIN.search(condition.text or b""):
                stack += node.children_by_field_name("alternative")
                continue
        said = _said(source, node)
        if said:
            line = node.start_point.row + 1
            found.append(f"Loading {source.path} {said} (line {line}); see that it may be.")
        stack += reversed(node.children)
    return found


def _said(source: Source, node: Node) -> str:
    """What a node of a module's own statements does; empty for nothing of note."""
    if node.type == "call":
        called = source.word(node.child_by_field_name("function"))
        if _ENDS.match(called):
            return f"calls `{called}`"
        return (
            f"calls `{called}`, which changes the whole program" if _CHANGES.match(called) else ""
        )
    if node.type == "raise_statement":
        raised = re.findall(r"\w+", source.word(node))[1:2]
        always = node.parent is not None and node.parent.type == "module"
        return f"raises `{raised[0]}`" if raised and (always or raised[0] in _ENDING) else ""
    if node.type == "assignment":
        left = node.child_by_field_name("left")
        changed = source.word(left)
        if changed.startswith("os.environ[") or _is_of_module(source, left):
            return f"sets `{changed:.40}`, which changes the whole program"
    return ""


def _is_of_module(source: Source, target: Node | None) -> bool:
    """True for an attribute of something that an `import` brings.

    Not so for `__doc__` and such, nor for a module whose name says that it is part of this one.
    """
    if target is None or target.type != "attribute" or source.word(target).endswith("__"):
        return False
    inner = target.child_by_field_name("object")
    while inner is not None and inner.type == "attribute":
        inner = inner.child_by_field_name("object")
    name = source.word(inner)
    return any(
        item.name is None and item.bound == name and not item.module.startswith("_")
        for item in source.imports
    )
