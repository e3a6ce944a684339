"""Two definitions side by side: for a person as a diff, for a model as excerpts with their callers.

Owns what is shown of them. Knows no language: a definition is a span of a text, and a caller is a
line that has the name before a bracket.
"""

from __future__ import annotations

import difflib
import re
import textwrap

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.proposals.reuse import Code
from steadyhand_agent.workspace import utf8

_MAX_BODY = 4_000
_MAX_CALLERS = 12
_MAX_LINE = 160


def body(code: Code, definition: Definition) -> str:
    """A definition's text, moved to the left margin.

    Raises:
        ToolFailed: Its file cannot be read any more.
    """
    text = code.read(definition.path)
    if text is None:
        raise ToolFailed(f"{definition.path} cannot be read any more.")
    data = utf8(text)
    line = data.rfind(b"\n", 0, definition.start) + 1
    start = line if not data[line : definition.start].strip() else definition.start
    cut = data[start : definition.end].decode("utf-8", "replace").replace("\r\n", "\n")
    return textwrap.dedent(cut) + "\n"


def difference(code: Code, ours: Definition, theirs: Definition) -> str:
    """The unified diff from one definition to the other.

    Raises:
        ToolFailed: A file cannot be read any more.
    """
    one, other = body(code, ours), body(code, theirs)
    lines = list(
        difflib.unified_diff(
            one.splitlines(keepends=True),
            other.splitlines(keepends=True),
            f"{ours.place} {ours.qualified}",
            f"{theirs.place} {theirs.qualified}",
            n=1_000,
        )
    )
    if lines:
        return "".join(lines)
    return f"{ours.place} and {theirs.place} are the same to the letter:\n\n{one}"


def excerpts(code: Code, ours: Definition, theirs: Definition) -> list[str]:
    """Both definitions and who calls them, each as one fenced text.

    Raises:
        ToolFailed: A file cannot be read any more.
    """
    found = [
        f'<definition path="{d.path}" line="{d.line}" name="{d.qualified}">\n'
        f"{body(code, d)[:_MAX_BODY]}</definition>"
        for d in (ours, theirs)
    ]
    for definition in (ours, theirs) if ours.name != theirs.name else (ours,):
        places = callers(code, definition.name, (ours, theirs))
        if places:
            listed = "\n".join(places)
            found.append(f'<callers name="{definition.name}">\n{listed}\n</callers>')
    return found


def callers(code: Code, name: str, own: tuple[Definition, ...]) -> list[str]:
    """Lines that seem to call a name, as `path:line: text`; the definitions' own are left out."""
    call = re.compile(rf"(?<![\w$]){re.escape(name)}\s*\(")
    heads = {(d.path, d.line) for d in own}
    found: list[str] = []
    for path in sorted(code.paths):
        text = code.read(path)
        if text is None or name not in text:
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if call.search(line) and (path, number) not in heads:
                found.append(f"{path}:{number}: {line.strip()[:_MAX_LINE]}")
                if len(found) >= _MAX_CALLERS:
                    return found
    return found
