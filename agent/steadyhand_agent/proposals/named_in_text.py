"""Which texts that are no code name a function of a module: configuration, documents, scripts.

Owns what counts as such a text, what counts as a reference in it, and how far texts are looked
through. A word alone is none: `module:name`, `module.name`, an import, or a value of that name
beside the module's. Never says what becomes of it; a name that is spoken of stays where it is.
"""

from __future__ import annotations

import re

from steadyhand_agent.proposals.reuse import Code

# What a program may read, or what runs it without being one of its own modules. Tables of data are
# left out: they are many and large, and name no code.
_SUFFIXES = frozenset(
    {
        "toml", "cfg", "ini", "conf", "config", "properties", "env", "yaml", "yml", "json", "jsonc",
        "json5", "ipynb", "xml", "zcml", "plist", "txt", "md", "rst", "adoc", "html", "htm",
        "jinja", "jinja2", "j2", "mako", "tmpl", "tpl", "sh", "bash", "zsh", "fish", "bat", "cmd",
        "ps1", "mk", "service", "pyx", "pxd", "pxi", "pyw",
    }
)  # fmt: skip
# More than these are not looked through while somebody waits; a name counts as named then.
_MAX_TEXTS = 5_000
_MAX_CHARACTERS = 60_000_000
# How far a value may stand from the module that it belongs to: some lines of one entry.
_BESIDE = 300


def is_named(code: Code, module: str, path: str, name: str) -> bool:
    """True where a text speaks of the function, or where there are too many to be sure.

    Args:
        code: The workspace.
        module: The module's name, dotted or with slashes.
        path: The module's file.
        name: The function's name outside of it.
    """
    reference = _Reference(module, path, name)
    seen = characters = 0
    for other in sorted(code.paths):
        if not _is_text(other):
            continue
        text = code.read(other)
        seen, characters = seen + 1, characters + len(text or "")
        if seen > _MAX_TEXTS or characters > _MAX_CHARACTERS:
            return True
        if text is not None and name in text and reference.stands_in(text):
            return True
    return False


def _is_text(path: str) -> bool:
    last = path.rpartition("/")[2].lower()
    # `Procfile`, `bin/run` and `.coveragerc` have no suffix, and are read all the same.
    return "." not in last[1:] or last.rpartition(".")[2] in _SUFFIXES


class _Reference:
    """What a text may call one function of one module."""

    def __init__(self, module: str, path: str, name: str) -> None:
        parts = module.split("/" if "/" in module else ".")
        file = path.rpartition(".")[0]
        # An `index.js` is called by its folder, too.
        stems = "|".join(map(re.escape, {parts[-1], file.rpartition("/")[2]} - {"__init__", ""}))
        word, suffix = re.escape(name), r"(?:\.(?:py|[cm]?[jt]sx?))?"
        self._direct = re.compile(rf"(?<![\w$])(?:{stems}){suffix}[.:#]{word}(?![\w$])")
        self._import = re.compile(
            rf"\bfrom\s+[\w.]*(?<!\w)(?:{stems})\s+import\s+(?:\([^)]*|[^\n]*)\b{word}\b"
        )
        self._value = re.compile(
            rf"""(["']){word}\1|[:=>-][ \t]*{word}[ \t]*(?:[,;}}\]<#]|$)""", re.MULTILINE
        )
        # A single word is the module only where it is a value itself.
        module = rf"""(["'])(?:{stems}){suffix}\1|[:=>][ \t]*(?:{stems}){suffix}[ \t]*$"""
        if len(parts) > 1:
            spelled = "|".join(map(re.escape, {".".join(parts), "/".join(parts), file}))
            module += rf"|(?<![\w.])(?:{spelled}){suffix}(?![\w.])"
        self._module = re.compile(module, re.MULTILINE)

    def stands_in(self, text: str) -> bool:
        """True where the text holds such a reference."""
        if self._direct.search(text) or self._import.search(text):
            return True
        places = [found.start() for found in self._value.finditer(text)]
        return any(
            any(abs(found.start() - place) <= _BESIDE for place in places)
            for found in (self._module.finditer(text) if places else ())
        )
