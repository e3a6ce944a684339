"""The quick fix without a model: a local definition gives way to the one that exists.

Owns where the import goes, how the uses are renamed, and when that is not safe. Never guesses:
where a rename could catch another binding, the import takes the old name instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tree_sitter import Node

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import python


class ReuseRefused(SteadyhandError):
    """The fix would change what the code does; the message says why."""


_IMPORTS = frozenset({"import_statement", "import_from_statement", "future_import_statement"})


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A replacement of a span of bytes (UTF-8 offsets in the old text)."""

    start: int
    end: int
    new: str


def applied(text: str, edits: list[TextEdit]) -> str:
    """The text with edits made; they must not overlap."""
    data = text.encode("utf-8", "surrogatepass")
    for edit in sorted(edits, key=lambda e: (e.start, e.end), reverse=True):
        data = data[: edit.start] + edit.new.encode("utf-8", "surrogatepass") + data[edit.end :]
    return data.decode("utf-8", "surrogatepass")


def reuse(
    text: str,
    definition: Definition,
    canonical: Definition,
    module: str,
    *,
    used_elsewhere: bool,
) -> list[TextEdit]:
    """The edits that put `canonical` in the place of `definition`.

    Args:
        text: The file that holds `definition`.
        definition: What goes; a function at the top of its module.
        canonical: What is used instead; importable, or in the same file.
        module: The dotted name of the canonical's module.
        used_elsewhere: Other files mention the definition's name, so it must stay importable.

    Raises:
        ReuseRefused: It cannot be done without a person's judgement.
    """
    if not (definition.module_level and canonical.module_level):
        raise ReuseRefused("Only functions at the top of a module can be replaced by an import.")
    data = python.encoded(text)
    root = python.parse(data)
    same_file = definition.path == canonical.path
    gone = _removal(data, definition)
    names = _Names(data, root, gone, module, canonical if same_file else None)
    if _parameters(definition.signature) != _parameters(canonical.signature):
        _check_keywords(data, root, definition, canonical, used_elsewhere=used_elsewhere)
    edits = [TextEdit(gone[0], gone[1], "")]
    imported = canonical.name
    if definition.name != canonical.name:
        clash = definition.name in names.bound or canonical.name in names.bound
        exported = f'"{definition.name}"' in text or f"'{definition.name}'" in text
        if clash or exported or used_elsewhere:
            if same_file:
                raise ReuseRefused(
                    f"`{definition.name}` is used under that name elsewhere, so it has to stay."
                )
            imported = f"{canonical.name} as {definition.name}"
        else:
            edits += [
                TextEdit(at, at + len(definition.name.encode()), canonical.name)
                for at in names.uses(definition.name)
            ]
    elif canonical.name in names.bound and not same_file:
        raise ReuseRefused(f"`{canonical.name}` means something else in part of this file.")
    if not same_file:
        edit = _import(data, root, module, canonical.name, imported)
        if edit is not None:
            edits.append(edit)
    return edits


class _Names:
    """The identifiers of a text outside the part that goes."""

    def __init__(
        self,
        data: bytes,
        root: Node,
        gone: tuple[int, int],
        module: str,
        kept: Definition | None,
    ) -> None:
        captures = python.captures(root)
        self._data = data
        self._gone = gone
        # What the module already imports from there is the very thing, not a clash.
        wanted = [
            (node.start_byte, node.end_byte)
            for node in root.children
            if node.type == "import_from_statement" and _module_of(node) == module
        ]
        binding = [*captures.get("bind", ()), *captures.get("import", ())]
        self.bound = {
            self._text(node)
            for node in binding
            if not self._inside(node)
            and not any(start <= node.start_byte < end for start, end in wanted)
            and (kept is None or node.start_byte != kept.name_start)
        }
        self._keywords = {node.start_byte for node in captures.get("key", ())}
        self._identifiers = [
            node for node in captures.get("identifier", ()) if not self._inside(node)
        ]

    def uses(self, name: str) -> list[int]:
        """Where a name is read: not an attribute's name, not a keyword argument's."""
        return [
            node.start_byte
            for node in self._identifiers
            if self._text(node) == name
            and node.start_byte not in self._keywords
            and self._data[: node.start_byte].rstrip()[-1:] != b"."
        ]

    def _text(self, node: Node) -> str:
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _inside(self, node: Node) -> bool:
        return self._gone[0] <= node.start_byte < self._gone[1]


def _module_of(node: Node) -> str:
    target = node.child_by_field_name("module_name")
    return target.text.decode() if target and target.text else ""


def _removal(data: bytes, definition: Definition) -> tuple[int, int]:
    """The definition's lines with the blank lines that would be left over."""
    start = data.rfind(b"\n", 0, definition.start) + 1
    end = data.find(b"\n", definition.end)
    end = len(data) if end < 0 else end + 1
    if data[start : definition.start].strip() or start != definition.start:
        raise ReuseRefused("It is defined under a condition, which would be left empty.")
    if data[definition.end : end].strip():
        raise ReuseRefused("Something else stands on the last line of the definition.")
    blank = re.compile(rb"(?:[ \t\f]*\r?\n)*").match(data, end)
    after = blank.end() if blank else end
    if after < len(data):
        return start, after
    while True:
        previous = data.rfind(b"\n", 0, max(start - 1, 0)) + 1
        if start <= _first(data) or data[previous:start].strip():
            return start, len(data)
        start = previous


def _check_keywords(
    data: bytes, root: Node, definition: Definition, canonical: Definition, *, used_elsewhere: bool
) -> None:
    """Refuses where a call by keyword would miss: the two name their parameters otherwise."""
    refusal = ReuseRefused(
        f"It is called with keywords, or may be, and `{canonical.name}` names its parameters "
        "otherwise."
    )
    if used_elsewhere:
        raise refusal
    call = re.compile(rb"\b" + re.escape(definition.name.encode()) + rb"\s*\(")
    for match in call.finditer(data):
        if definition.start <= match.start() < definition.end:
            continue
        node = root.descendant_for_byte_range(match.start(), match.end() - 1)
        while node is not None and node.type != "call":
            node = node.parent
        arguments = node.child_by_field_name("arguments") if node is not None else None
        for child in arguments.children if arguments else ():
            if child.type in ("keyword_argument", "dictionary_splat"):
                raise refusal


def _parameters(signature: str) -> list[str]:
    node = python.parse((signature + ": ...").encode())
    found: list[str] = []
    for function in node.children:
        parameters = function.child_by_field_name("parameters")
        for child in parameters.named_children if parameters else ():
            text = child.text.decode() if child.text else ""
            found.append(re.split(r"[:=]", text)[0].strip())
    return found


def _import(data: bytes, root: Node, module: str, name: str, imported: str) -> TextEdit | None:
    """The edit that imports; None where the name is imported already."""
    eol = "\r\n" if b"\r\n" in data else "\n"
    line = f"from {module} import {imported}{eol}"
    package = module.split(".")[0]
    leading = _leading(data, root)
    froms = [node for node in leading if node.type == "import_from_statement"]
    for node in froms:
        if _module_of(node) == module:
            return _extended(node, name, imported)
    siblings = [node for node in froms if _module_of(node).split(".")[0] == package]
    earlier = [node for node in siblings if _module_of(node) < module]
    if earlier:
        at = _after_line(data, earlier[-1])
        return _inserted(data, at, line, eol)
    if siblings:
        return TextEdit(siblings[0].start_byte, siblings[0].start_byte, line)
    if not leading:
        return TextEdit(_first(data), _first(data), line + eol)
    return _inserted(data, _after_line(data, leading[-1]), eol + line, eol)


def _first(data: bytes) -> int:
    """Where the text begins, behind a byte order mark (see `python.encoded`)."""
    return 3 if data.startswith(b"\r\r\n") else 0


def _inserted(data: bytes, at: int, line: str, eol: str) -> TextEdit:
    return TextEdit(at, at, line if data[:at].endswith(b"\n") else eol + line)


def _leading(data: bytes, root: Node) -> list[Node]:
    """What an import may follow: the docstring, comments that stand alone, the first imports."""
    found: list[Node] = []
    documented = False
    for node in root.children:
        if node.type == "comment":
            # A comment with text right below it speaks of that text.
            following = data[_after_line(data, node) :].split(b"\n", 1)[0]
            if not following.strip():
                found.append(node)
        elif not documented and not any(n.type != "comment" for n in found) and _is_doc(node):
            documented = True
            found.append(node)
        elif node.type in _IMPORTS:
            found.append(node)
        else:
            break
    while found and found[-1].type == "comment" and any(n.type in _IMPORTS for n in found):
        # Below the imports a comment is about what comes next.
        found.pop()
    return found


def _extended(node: Node, name: str, imported: str) -> TextEdit | None:
    """Adds a name to an import that is there."""
    names = node.children_by_field_name("name")
    if not names:
        raise ReuseRefused("The file imports everything from that module with `*`.")
    texts = [present.text.decode() if present.text else "" for present in names]
    if imported in texts:
        return None
    for present, text in zip(names, texts, strict=True):
        if text.lower() > name.lower() and " as " not in imported:
            return TextEdit(present.start_byte, present.start_byte, f"{imported}, ")
    end = names[-1].end_byte
    return TextEdit(end, end, f", {imported}")


def _after_line(data: bytes, node: Node) -> int:
    end = data.find(b"\n", node.end_byte)
    return len(data) if end < 0 else end + 1


def _is_doc(node: Node) -> bool:
    return (
        node.type == "expression_statement"
        and bool(node.children)
        and node.children[0].type in ("string", "concatenated_string")
    )
