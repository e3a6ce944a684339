"""What a language tells the index about itself. Data; the reading is done in `index/reader.py`.

A language is one module that makes one `Language`. Its query speaks in these capture names:

- `function`, `method`, `class`, `type`, `constant`: a definition's whole node;
- `scope`: names what is inside without being a definition (`impl Foo`, `namespace a`);
- `wrap`: encloses a definition that ends where it ends (decorators, `export`);
- `branch`: alternatives, of which one counts (`if`, `else`, `#ifdef`);
- `decorator`: decorators, attributes, annotations;
- `comment`, `drop`: not part of the meaning; comments may hold documentation;
- `paren`: a grouping pair; `single`: a trailing comma that matters (a tuple of one);
- `string`, `interpolation`: literal text, and the code inside it;
- `block`: ends where no bracket shows it;
- `bind`: a name bound here (parameter, local); `outside`: declared to be another scope's;
- `key`: a name that only looks like a local (keyword argument, key of an object literal).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import tree_sitter
from tree_sitter import Node, Query

# Tests by the names of files and folders, as most languages' runners find them.
TEST_PATH = (
    r"(^|/)(tests?|testing|spec|__tests__|__mocks__)/|(^|/)(test_[^/]*|conftest)\.\w+$"
    r"|(^|/)[^/]*(_test|_tests|_spec|\.test|\.spec|Tests?|Spec)\.\w+$|(^|/)tests\.\w+$"
)


def named_field(node: Node) -> Node | None:
    """The field that most grammars keep a definition's name in."""
    return node.child_by_field_name("name")


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
        docstrings: True where documentation is the body's first string.
        offside: True where indentation nests: what stands indented below a text that does not
            parse has an owner that was not understood.
        overwrites: True where a second definition of a name silently replaces the first; where the
            compiler refuses it, or tells overloads apart, it is none of our business.
        constant: Matches names of constants, where only some assignments count.
        name_of: Finds the node of a definition's name.
        keeps_paren: Says of a grouping pair that it must stay.
        body_field: Where a definition's body is.
    """

    name: str
    suffixes: tuple[str, ...]
    grammar: tuple[str, str]
    query: str
    stub: str = r"\{\s*\}|;?"
    test_path: str = TEST_PATH
    test_name: str = r"(?!)"
    test_decorator: str = r"(?!)"
    docstrings: bool = False
    offside: bool = False
    overwrites: bool = False
    constant: str = r"\w+"
    name_of: Callable[[Node], Node | None] = field(default=named_field)
    keeps_paren: Callable[[Node], bool] | None = None
    body_field: str = "body"

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
    def is_constant(self) -> re.Pattern[str]:
        """The compiled `constant`."""
        return re.compile(rf"(?:{self.constant})\Z")
