"""What a language tells the index about itself. Data; the reading is done in `index/reader.py`.

A language is one module that makes one `Language`. Its query speaks in these capture names:

- `function`, `method`, `class`, `type`, `constant`: a definition's whole node;
- `scope`: names what is inside without being a definition; its functions are methods (`impl Foo`);
  one without a name is a closure;
- `namespace`: the same, but its functions stay functions (`mod a`, `namespace a`);
- `contract`: what is defined inside is asked for by an interface (`impl Trait for Foo`);
- `closure`: a function (or an object's class) without a name: what is inside is nobody else's;
- `header`: names what follows it, up to the next one (`namespace a;`);
- `wrap`: encloses a definition that ends where it ends (decorators, `export`);
- `branch`: alternatives, of which one counts (`if`, `else`, `#ifdef`);
- `decorator`: decorators, attributes, annotations;
- `comment`, `drop`: not part of the meaning; comments may hold documentation;
- `paren`: a grouping pair; `single`: a trailing comma that matters (a tuple of one);
- `string`, `interpolation`: literal text, and the code inside it;
- `block`: ends where no bracket shows it; `arguments`: a list that may stand without its brackets;
- `sign`: an operator that only looks like what leads to an attribute (`.` that joins strings);
- `bind`: a name bound here (parameter, local); `outside`: declared to be another scope's;
- `key`: a name that only looks like a local (keyword argument, key of an object literal).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import tree_sitter
from tree_sitter import Node, Query

from steadyhand_agent.index.definitions import Definition

# Tests by the names of files and folders, as most languages' runners find them.
TEST_PATH = (
    r"(^|/)(tests?|testing|spec|__tests__|__mocks__)/|(^|/)(test_[^/]*|conftest)\.\w+$"
    r"|(^|/)[^/]*(_test|_tests|_spec|\.test|\.spec|Tests?|Spec)\.\w+$|(^|/)tests\.\w+$"
)


class Paths(Protocol):
    """What exists beside a file, for those languages where an import depends on it."""

    def has(self, path: str) -> bool:
        """True where there is a file of that workspace path."""
        ...


def named_field(node: Node) -> Node | None:
    """The field that most grammars keep a definition's name in."""
    return node.child_by_field_name("name")


def no_owner(_: Node) -> str:
    """What most definitions have beside those that enclose them."""
    return ""


def underscored(name: str, _: str) -> bool:
    """True for a name that says itself that it is nobody else's."""
    return name.startswith("_") and not name.startswith("__")


def said_private(_: str, signature: str) -> bool:
    """True where a keyword in front of the parameters says that it is nobody else's."""
    return " private " in f" {signature.split('(')[0]}"


def plain_module(path: str, _: Paths) -> str:
    """A file's path without its suffix, where nothing else names a module."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.rsplit('.', 1)[0]}"


def no_import(_definition: Definition, _importing: str | None, _paths: Paths) -> str:
    """Where a definition can be used without a word, or nobody can tell how."""
    return ""


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        name: As people call it.
        suffixes: Of its files, with the dot.
        grammar: Module of the grammar's wheel, and the function in it.
        query: See the module's docstring.
        stub: Matches what is left of a body that does nothing (comments and docstring blanked,
            strings reduced to one `"`).
        test_path: Matches workspace paths of tests.
        test_name: Matches names of definitions that are tests, with all that is in them.
        test_decorator: Matches decorators that make a test.
        conditional: Matches decorators that make a definition one of several alternatives.
        conditional_file: Found in the head of a file that is one of several alternatives.
        platform: Found in the first line of a `branch`, or in what `conditional` matches, where the
            platform or the version that runs it decides.
        docstrings: True where documentation is the body's first string.
        offside: True where indentation nests: what stands indented below a text that does not
            parse has an owner that was not understood.
        overwrites: True where a second definition of a name silently replaces the first; where the
            compiler refuses it, or tells overloads apart, it is none of our business.
        constant: Matches names of constants, where only some assignments count.
        class_constants: True where constants of classes count, too.
        variant: Matches what a file's stem may end with to be one of several of which each platform
            takes its own.
        name_of: Finds the node of a definition's name.
        owner_of: The dotted name of what a definition belongs to without standing in it (the
            receiver of a method in Go, `Foo::bar` in C++); empty for all others.
        is_private: Says by name and signature that a definition is nobody else's.
        module: How people name a file (`shop.text`), by its path and what lies around it.
        import_line: How another file (its path, where known) gets a definition; for what stands
            inside of another, how it gets the outermost one. Empty where it needs nothing.
        blank: Matches what the grammar has no place for (a macro behind `class`); it is blanked for
            the parser alone.
        nests: Signs that nest without a bracket that closes them, where the grammar is ambiguous
            behind them, so that a text with thousands of them would take gigabytes.
        one_name: True where a program can have only one function of a name, so that two are made
            for two programs.
        own_name: Matches bodies in which the definition's own name counts (`super` in Ruby).
        keeps_paren: Says of a grouping pair that it must stay.
        body_of: Finds it where it stands elsewhere.
        reopens: True where a class may be written in several pieces.
        uncalled: Matches names of functions that the language itself calls and nobody else can,
            of which a file may have several.
        overloads: What tells functions of one name in one scope apart, where that may be: their
            `parameters`, or all of their `head` (templates); empty where there can be only one.
        slot_of: Says what a definition is put into, where its name can be written in several ways.
    """

    name: str
    suffixes: tuple[str, ...]
    grammar: tuple[str, str]
    query: str
    stub: str = r"\{\s*\}|;?"
    test_path: str = TEST_PATH
    test_name: str = r"(?!)"
    test_decorator: str = r"(?!)"
    conditional: str = r"(?!)"
    conditional_file: bytes = rb"(?!)"
    platform: str = r"(?!)"
    docstrings: bool = False
    offside: bool = False
    overwrites: bool = False
    constant: str = r"\w+"
    class_constants: bool = False
    variant: str = r"(?!)"
    name_of: Callable[[Node], Node | None] = field(default=named_field)
    owner_of: Callable[[Node], str] = field(default=no_owner)
    is_private: Callable[[str, str], bool] = field(default=underscored)
    module: Callable[[str, Paths], str] = field(default=plain_module)
    import_line: Callable[[Definition, str | None, Paths], str] = field(default=no_import)
    blank: str = ""
    nests: tuple[bytes, ...] = ()
    one_name: bool = False
    own_name: str = ""
    keeps_paren: Callable[[Node], bool] | None = None
    body_of: Callable[[Node], Node | None] | None = None
    reopens: bool = False
    uncalled: str = r"(?!)"
    overloads: Literal["", "parameters", "head"] = ""
    slot_of: Callable[[Definition], str] | None = None

    @cached_property
    def parser_language(self) -> tree_sitter.Language:
        """The grammar, loaded when it is first needed."""
        module, function = self.grammar
        grammar = getattr(importlib.import_module(module), function)()
        return tree_sitter.Language(grammar)  # pyright: ignore[reportDeprecated]

    @cached_property
    def compiled(self) -> Query:
        """The query, compiled once a process."""
        return Query(self.parser_language, self.query)

    @cached_property
    def is_stub(self) -> re.Pattern[bytes]:
        """The compiled `stub`."""
        return re.compile(rb"\s*(?:" + self.stub.encode() + rb")\s*")

    @cached_property
    def is_test_path(self) -> re.Pattern[str]:
        """The compiled `test_path`."""
        return re.compile(self.test_path)

    @cached_property
    def is_test_name(self) -> re.Pattern[str]:
        """The compiled `test_name`."""
        return re.compile(self.test_name)

    @cached_property
    def is_test_decorator(self) -> re.Pattern[str]:
        """The compiled `test_decorator`."""
        return re.compile(self.test_decorator)

    @cached_property
    def is_conditional(self) -> re.Pattern[str]:
        """The compiled `conditional`."""
        return re.compile(self.conditional)

    @cached_property
    def is_conditional_file(self) -> re.Pattern[bytes]:
        """The compiled `conditional_file`."""
        return re.compile(self.conditional_file)

    @cached_property
    def is_platform(self) -> re.Pattern[bytes]:
        """The compiled `platform`."""
        return re.compile(self.platform.encode())

    @cached_property
    def is_uncalled(self) -> re.Pattern[str]:
        """The compiled `uncalled`."""
        return re.compile(rf"(?:{self.uncalled})\Z")

    @cached_property
    def is_constant(self) -> re.Pattern[str]:
        """The compiled `constant`."""
        return re.compile(rf"(?:{self.constant})\Z")

    @cached_property
    def is_blank(self) -> re.Pattern[bytes] | None:
        """The compiled `blank`."""
        return re.compile(self.blank.encode()) if self.blank else None

    @cached_property
    def counts_own_name(self) -> re.Pattern[bytes] | None:
        """The compiled `own_name`."""
        return re.compile(self.own_name.encode()) if self.own_name else None

    @cached_property
    def is_variant(self) -> re.Pattern[str]:
        """The compiled `variant`."""
        return re.compile(rf"(?:{self.variant})\Z")
