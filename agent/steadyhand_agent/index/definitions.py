"""What the index holds: definitions, and one entry a file. Plain data, no behaviour of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from steadyhand_agent.index.fingerprint import Form

Kind = Literal["function", "method", "class", "type", "constant"]


class Definition(NamedTuple):
    """One definition in one text.

    A tuple, since a workspace has a hundred thousand of them: made and packed in a fifth of the
    time that a frozen dataclass takes.

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
        tokens: Tokens of its normalised form; 0 where it has no body.
        statements: Statements of its body, the docstring not; those inside them do not count.
        body: Hash of the normalised form with its decorators: layout, comments, docstring,
            annotations and the names of locals do not count, called names, attributes and
            literals do. Empty for classes, types, constants and what has no body.
        shape: The same without the values of literals.
        doc: First line of the docstring.
        decorators: Decorators as written, without the `@`.
        branch: The conditional blocks it stands in (`if`/`else`/`try`/`except` ...), outermost
            first, by their offsets (-1 where the whole file is one, -2 behind one that the platform
            decides); definitions in different branches do not overwrite each other.
        local: True inside a function: nobody else can import it.
        trivial: Its body is `pass`, `...`, a docstring or `raise NotImplementedError`.
        test: It stands in a test.
        generated: A program wrote the file.
        private: It says by its name or a keyword that it is nobody else's.
        contract: An interface asks for it, so that it cannot go.
        module_level: Another module can import it by its name.
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
    shape: str
    doc: str
    decorators: tuple[str, ...]
    branch: tuple[int, ...]
    local: bool
    trivial: bool
    test: bool
    generated: bool = False
    private: bool = False
    contract: bool = False
    module_level: bool = False

    @property
    def place(self) -> str:
        """`path:line`."""
        return f"{self.path}:{self.line}"

    @classmethod
    def unpack(cls, fields: list[Any]) -> Definition:
        """A definition from its fields in order, as JSON gives them."""
        made = cls._make(fields)
        return made._replace(decorators=tuple(made.decorators), branch=tuple(made.branch))


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One text as the index knows it.

    Attributes:
        path: Workspace path.
        content_hash: Hash of the text (`workspace.text_hash`).
        lines: Lines in the text.
        definitions: In the order of the text.
        forms: One a definition, in the same order; `NO_FORM` where it has none.
        mentions: The names that its functions use (`fingerprint.mention_keys`).
        broken: It has syntax errors, and what stands around them may be missing.
        generated: A program wrote it.
    """

    path: str
    content_hash: str
    lines: int
    definitions: tuple[Definition, ...]
    forms: tuple[Form, ...] = ()
    mentions: frozenset[int] = frozenset()
    broken: bool = False
    generated: bool = False


# Most severe first.
Tier = Literal["T0", "T1", "T2", "T3", "T0x", "T4"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Two definitions that say the same thing.

    Attributes:
        tier: `T0` the same name twice in one scope (the later overwrites the earlier); `T1` the
            same normalised body; `T2` the same but for literal values; `T3` a near copy; `T0x`
            the same name and kind at the top of two modules.
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
