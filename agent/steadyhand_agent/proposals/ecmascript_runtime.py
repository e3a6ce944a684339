"""Modules that a JavaScript text takes by names that it makes while it runs.

Owns what such a name could be, as far as its text says, and whether that could be some file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from tree_sitter import Node

from steadyhand_agent.proposals.ecmascript_source import Source, suffix_of

# Whether a text is worth being parsed for them.
IMPORTS = re.compile(
    r"\b(?:require|import)\s*\(\s*(?!['\"][^'\"\n]*['\"]\s*[,)])"
    r"|\bimport\.meta\.glob\w*\b|\brequire\.context\b"
)
# Within a name: what is not written, and what is not but lies in one folder.
_ANYTHING, _WITHIN = "\0", "\1"
_PARTS = {_ANYTHING: ".*", _WITHIN: "[^/]*"}
_MAX_HOPS = 3
# What a specifier may say for a file that is compiled into another.
_COMPILED = {".ts": ".js", ".tsx": ".js", ".jsx": ".js", ".mts": ".mjs", ".cts": ".cjs"}


def may_take(source: Source, path: str) -> bool:
    """True where a text takes a module by a made name that could mean a file."""
    names = _names(path)
    for made in _made(source):
        pattern = re.sub(
            r"[^\0\1]+|[\0\1]",
            lambda part: _PARTS.get(part[0]) or re.escape(part[0]),
            _from_root(source.path, made),
        )
        if any(re.fullmatch(pattern, name, re.DOTALL) for name in names):
            return True
    return False


def takes_any(source: Source) -> bool:
    """True where nothing of such a name is written."""
    return any(re.search(r"\w", made) is None for made in _made(source))


def _made(source: Source) -> Iterator[str]:
    for call in source.calls:
        function = call.child_by_field_name("function")
        arguments = call.child_by_field_name("arguments")
        given = [n for n in (arguments.named_children if arguments else ()) if n.type != "comment"]
        called = source.word(function)
        if not given:
            continue
        if called in ("require", "import") and given[0].type != "string":
            yield _spelled(source, given[0])
        elif called == "require.context":
            yield _spelled(source, given[0]).rstrip("/") + f"/{_ANYTHING}"
        elif called.startswith("import.meta.glob"):
            for text in given[0].named_children if given[0].type == "array" else given[:1]:
                yield _globbed(source.string(text)) if text.type == "string" else _ANYTHING


def _spelled(source: Source, node: Node, hops: int = 0) -> str:
    """What a string expression may say."""
    if node.type == "string":
        return source.string(node)
    if node.type == "template_string":
        parts = (n for n in node.children if n.type in ("string_fragment", "template_substitution"))
        return "".join(source.word(n) if n.type == "string_fragment" else _ANYTHING for n in parts)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if node.type == "binary_expression" and left is not None and right is not None:
        if source.word(node.child_by_field_name("operator")) == "+":
            return _spelled(source, left, hops) + _spelled(source, right, hops)
        return _ANYTHING
    if node.type == "parenthesized_expression" and node.named_children:
        return _spelled(source, node.named_children[0], hops)
    bound = source.bindings(source.word(node)) if node.type == "identifier" else []
    holder = bound[0].parent if len(bound) == 1 else None
    value = holder.child_by_field_name("value") if holder is not None else None
    constant = holder is not None and holder.type == "variable_declarator"
    if value is not None and constant and hops < _MAX_HOPS:
        return _spelled(source, value, hops + 1)
    return _ANYTHING


def _globbed(pattern: str) -> str:
    return re.sub(
        r"\*\*/?|\*|\{[^}]*\}", lambda part: _WITHIN if part[0] == "*" else _ANYTHING, pattern
    )


def _from_root(path: str, made: str) -> str:
    """A name that begins with dots, as far as it is written, from the workspace's root."""
    written = re.split(r"[\0\1]", made)[0]
    folder = written[: written.rfind("/") + 1]
    if not folder.startswith("."):
        return made
    base = posixpath.normpath(posixpath.join(posixpath.dirname(path), folder))
    return made[len(folder) :] if base == "." else f"{base}/{made[len(folder) :]}"


def _names(path: str) -> list[str]:
    """What a file may be called: some end of its path, with a suffix or not."""
    suffix = suffix_of(path)
    base = path[: -len(suffix)]
    forms = {path, base, base + _COMPILED.get(suffix, suffix), base.removesuffix("/index")}
    return [form.split("/", n)[-1] for form in sorted(forms) for n in range(form.count("/") + 1)]
