"""What the index holds: definitions, and one entry a file. Plain data, no behaviour of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["function", "method", "class", "constant"]


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition in one text.

    Attributes:
        path: Workspace path of the file.
        name: The bare name.
        qualified: Dotted name inside the file, such as `Post.slug`.
        kind: What it defines.
        signature: One line as a person would write it, `def slugify(title: str) -> str`.
        start: Byte offset (UTF-8) where the definition begins, decorators included.
        end: Byte offset where it ends.
        name_start: Byte offset of the name itself.
        line: First line of the definition, counted from 1; its decorators may stand above.
        lines: Lines of code in it: no comments, docstring or blank lines.
        tokens: Tokens of its normalised form; 0 for constants.
        statements: Statements in its body, nested ones included, the docstring not.
        body: Hash of the normalised form: layout, comments, docstring, annotations and the names
            of locals do not count, called names, attributes and literals do. Empty for classes
            and constants.
        doc: First line of the docstring.
        decorators: Decorators as written, without the `@`.
        branch: The conditional blocks it stands in (`if`/`else`/`try`/`except` ...), outermost
            first, by their offsets; definitions in different branches do not overwrite each other.
        local: True inside a function: nobody else can import it.
        trivial: Its body is `pass`, `...`, a docstring or `raise NotImplementedError`.
        test: It stands in a test.
    """

    path: str
    name: str
    qualified: str
    kind: Kind
    signature: str
    start: int
    end: int
    name_start: int
    line: int
    lines: int
    tokens: int
    statements: int
    body: str
    doc: str
    decorators: tuple[str, ...]
    branch: tuple[int, ...]
    local: bool
    trivial: bool
    test: bool

    @property
    def module_level(self) -> bool:
        """True where another module can import it by its name."""
        return not self.local and "." not in self.qualified

    @property
    def private(self) -> bool:
        """True where the name says that it is nobody else's."""
        return self.name.startswith("_") and not self.name.startswith("__")

    @property
    def place(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}"

    def pack(self) -> list[Any]:
        """The fields in order, for a worker's answer."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def unpack(cls, fields: list[Any]) -> Definition:
        """The inverse of `pack`."""
        values = dict(zip(cls.__slots__, fields, strict=True))
        values["decorators"] = tuple(values["decorators"])
        values["branch"] = tuple(values["branch"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One text as the index knows it.

    Attributes:
        path: Workspace path.
        content_hash: Hash of the text (`workspace.text_hash`).
        lines: Lines in the text.
        definitions: In the order of the text.
    """

    path: str
    content_hash: str
    lines: int
    definitions: tuple[Definition, ...]


Tier = Literal["T0", "T0x", "T1"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Two definitions that say the same thing.

    Attributes:
        tier: `T0` the same name twice in one scope (the later overwrites the earlier); `T0x` the
            same name and kind at the top of two modules; `T1` the same normalised body.
        definition: The one that should go.
        canonical: The one to use instead.
        score: 1.0 for certain.
        reason: One sentence.
    """

    tier: Tier
    definition: Definition
    canonical: Definition
    score: float
    reason: str
