"""Reads one text: its definitions, and what each of them says.

Owns what all languages have in common; what is special to one stands in its module below
`languages/`, and the parser in `parsing`. Never runs or imports what it reads. A text with syntax
errors gives the definitions that can still be read; one that takes too long gives none.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tree_sitter import Node, QueryCursor

from steadyhand_agent.errors import SteadyhandError
from steadyhand_agent.index.definitions import Definition, FileEntry, Kind
from steadyhand_agent.index.fingerprint import NO_FORM, Form, TokenStream
from steadyhand_agent.index.generated import is_generated
from steadyhand_agent.index.languages.language import Language
from steadyhand_agent.index.parsing import BOM, encoded, parse
from steadyhand_agent.index.words import MAX_BODY, describable, packed, words_of
from steadyhand_agent.workspace import text_hash

# Past 65,535 open nodes a query's time explodes: what nests deeper than this is not looked at.
_DEEPEST = 3_000
_KINDS: dict[str, Kind] = {
    "function": "function",
    "method": "method",
    "class": "class",
    "type": "type",
    "constant": "constant",
}
_EVENTS = (
    *_KINDS,
    "scope",
    "namespace",
    "header",
    "contract",
    "closure",
    "wrap",
    "branch",
    "decorator",
    "error",
)
# What is of no interest without a definition inside; all that may be inside comes before.
_LAST_HELD = "header"
_HOLDERS = frozenset({"contract", "closure", "branch", "error"})
_Event = tuple[int, int, int, int, Node, str]
_HEAD = 1_500
_LONGEST_CONDITION = 200
_BLOCKS = re.compile(r"block|body|compound")
# Stands for an offset in `Definition.branch` where the whole file is a branch.
WHOLE_FILE = -1
# Stands there behind the offset of a branch that a platform or a version takes.
PLATFORM = -2
# What stands between the parts of a namespace's name.
_SEPARATOR = re.compile(r"::|\\")
# A docstring, or a comment that may stand before one.
_MAY_BE_DOC = re.compile(rb"[rRbBuUfF]{0,2}[\"']|#")
_BRACKETS = re.compile(r"^#?\[+\s*|\s*\]+$")
# What documentation generators read in a comment, and people do not.
_MARKUP = re.compile(r"</?(?:summary|remarks|para|inheritdoc)\b[^>]*>|^[@\\]brief\s+")
# Keys have their first byte marked (see `TokenStream`); a stub's words may be keys.
_UNMARKED = bytes(byte & 0x7F for byte in range(256))
# What may stand between a definition and what decorates it.
_COMMENTS = re.compile(rb"(?:\s++|//[^\n]*+|/\*.*?\*/|#(?!\[)[^\n]*+)*+", re.DOTALL)
# What a text that is cut ends with. Secrets are ASCII; other scripts may have no blanks at all.
_HALF_WORD = re.compile(r"(?:(?![(\[{,=])[!-~])*\Z")


def _cut(text: str, most: int) -> str:
    """The beginning of a text, without half a word: half a secret would not be known for one."""
    return text if len(text) <= most else _HALF_WORD.sub("", text[:most])


# Who types changes one definition of a file; the others are asked for with every key.
@lru_cache(maxsize=2_048)
def _words_of(name: str, signature: str, doc: str, body: bytes) -> bytes:
    return packed(words_of(name, signature, doc, body))


class NotUnderstood(SteadyhandError):
    """A text brought out a fault of ours; it is left out, and all others are still read."""


def read(language: Language, path: str, text: str, seconds: float = 5.0) -> FileEntry:
    """The entry of one text.

    Args:
        language: Of the path.
        path: Workspace path, kept in each definition.
        text: The whole text; lone surrogates are replaced.
        seconds: How long parsing may take.

    Raises:
        TooSlow: Parsing took longer.
        NotUnderstood: The reader failed; its cause is our fault.
    """
    reader = _Reader(language, path, encoded(text), text.startswith(BOM))
    try:
        found = reader.read(seconds)
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NotUnderstood(f"{path} could not be read ({error!r}); please report it.") from error
    definitions, forms = zip(*found, strict=True) if found else ((), ())
    lines = text.count("\n") + 1
    return FileEntry(
        path, text_hash(text), lines, definitions, forms, reader.mentions,
        broken=reader.broken, generated=reader.generated,
    )  # fmt: skip


@dataclass(slots=True)
class _Scope:
    """What encloses the place where the sweep stands."""

    end: int
    prefix: str = ""
    in_class: bool = False
    local: bool = False
    lost: bool = False
    test: bool = False
    branch: tuple[int, ...] = ()
    contract: bool = False
    header: bool = False


@dataclass(slots=True)
class _Found:
    """A definition that was met; its form is read when all of them are known.

    Offsets stand beside the nodes because asking a node costs as much as a call.
    """

    node: Node
    kind: Kind
    start: int
    node_start: int
    end: int
    name: str
    name_start: int
    name_end: int
    name_node: Node
    owner: str
    body: Node | None
    body_start: int
    body_end: int
    scope: _Scope
    decorators: list[Node] = field(default_factory=list[Node])
    documented: bool = False


class _Reader:
    """Reads one text."""

    def __init__(self, language: Language, path: str, data: bytes, marked: bool) -> None:
        self.language = language
        self.path = path
        self.data = data
        self.extra_lines = int(marked)
        self.in_test = language.is_test_path.search(path) is not None
        self.generated = is_generated(path, data)
        self.found: list[_Found] = []
        self.mentions: frozenset[int] = frozenset()
        self.broken = False

    def read(self, seconds: float) -> list[tuple[Definition, Form]]:
        """Sweeps over what the query found, from the first byte to the last."""
        root = parse(self.language, self.data, seconds)
        self.broken = root.has_error
        cursor = QueryCursor(self.language.compiled)
        cursor.set_max_start_depth(_DEEPEST)
        captures = cursor.captures(root)
        self._sweep(captures)
        if not self.found:
            return []
        docs: list[tuple[int, int] | None] = [None] * len(self.found)
        if self.language.docstrings:
            docs = [self._docstring(item) for item in self.found]
        keeps = self.language.keeps_paren
        if keeps is not None:
            captures["paren"] = [pair for pair in captures.get("paren", ()) if not keeps(pair)]
        comments = sorted([(c.start_byte, c.end_byte) for c in captures.get("comment", ())])
        stream = TokenStream(self.data, captures, comments, [d for d in docs if d is not None])
        places = [self._add(stream, item) for item in self.found]
        forms = stream.forms()
        self.mentions = stream.mentions
        lines = stream.code_lines([(item.node_start, item.end) for item in self.found])
        found: list[tuple[Definition, Form]] = []
        for item, place, doc, written in zip(self.found, places, docs, lines, strict=True):
            form = forms[place] if place is not None else NO_FORM
            item.documented = doc is not None
            text = self._first_sentence(doc) if doc else self._comment_above(item, comments)
            definition = self._definition(item, form, written, text, stream, comments)
            if describable(definition):
                body, shape, tokens, _ = form
                form = Form(body, shape, tokens, self._words(item, definition, doc))
            found.append((definition, form))
        found.sort(key=lambda pair: pair[0].start)
        return found

    def _words(self, item: _Found, definition: Definition, doc: tuple[int, int] | None) -> bytes:
        """The packed words of a definition; see `words.words_of_definition`."""
        body = b""
        if item.kind not in ("class", "type"):
            head_end = doc[1] if doc else self.data.find(b"\n", item.name_end, item.end)
            at = head_end if head_end >= 0 else item.start
            body = self.data[at : min(item.end, at + MAX_BODY)]
        return _words_of(definition.name, definition.signature, definition.doc, body)

    def _sweep(self, captures: Mapping[str, Sequence[Node]]) -> None:
        events = self._events(captures)
        stack = [_Scope(len(self.data) + 1, branch=self._whole_file())]
        wraps: list[tuple[int, int]] = []
        decorators: list[Node] = []
        for start, negative_end, _, _, node, name in events:
            end = -negative_end
            while stack[-1].end <= start and len(stack) > 1:
                stack.pop()
            scope = stack[-1]
            kind = _KINDS.get(name)
            if kind is not None:
                wrapped = start
                while wraps and wraps[-1][1] >= end:
                    opened, closed = wraps.pop()
                    # Only what ends together belongs together; `export` may have a `;` of its own.
                    if not self.data[end:closed].strip(b" \t\r\n;"):
                        wrapped = opened
                on = self._on(wrapped, decorators) if decorators else []
                inner = self._enter(kind, node, (wrapped, start, end), scope, on)
                decorators = []
                if inner is not None:
                    stack.append(inner)
            elif name in ("scope", "namespace"):
                on = self._on(start, decorators)
                stack.append(self._within(node, scope, on, in_class=name == "scope"))
                decorators = []
            elif name == "header":
                self._begin(node, stack)
            elif name == "wrap":
                wraps.append((start, end))
            elif name == "decorator":
                last = self.found[-1] if self.found else None
                if last is not None and last.node_start <= start < last.name_start:
                    last.decorators.append(node)
                else:
                    decorators.append(node)
            elif name != "closure" or not (self.found and _is_body(self.found[-1], node)):
                inner = _part(name, node, scope)
                if name == "branch" and self._by_platform(start):
                    inner.branch = (*inner.branch, PLATFORM)
                stack.append(inner)

    def _events(self, captures: Mapping[str, Sequence[Node]]) -> list[_Event]:
        """What the sweep meets, in the order of the text; the outer one first."""
        events: list[_Event] = []
        starts: list[int] = []
        for order, name in enumerate(_EVENTS):
            for node in captures.get(name, ()):
                start, end = node.start_byte, node.end_byte
                if name in _HOLDERS:
                    # Most branches hold no definition, and then they are nothing to us.
                    at = bisect_left(starts, start)
                    if at == len(starts) or starts[at] >= end:
                        continue
                events.append((start, -end, order, len(events), node, name))
            if name == _LAST_HELD:
                starts = sorted([event[0] for event in events])
        events.sort()
        return events

    def _enter(
        self,
        kind: Kind,
        node: Node,
        span: tuple[int, int, int],
        scope: _Scope,
        decorators: list[Node],
    ) -> _Scope | None:
        start, node_start, end = span
        if kind == "constant" and (
            scope.local or (scope.in_class and not self.language.class_constants)
        ):
            return None
        name = self.language.name_of(node)
        if name is None or name.is_missing:
            # Nobody can say its name, so what is inside is its own.
            inner = _Scope(end, scope.prefix, False, True, scope.lost, scope.test)
            inner.branch = (*scope.branch, node_start)
            return None if kind == "constant" else inner
        name_start, name_end = name.start_byte, name.end_byte
        text = self.data[name_start:name_end].decode("utf-8", "replace")
        owner = self.language.owner_of(node)
        if kind == "constant":
            if not self.language.is_constant.match(text):
                return None
        elif kind == "function" and (scope.in_class or owner):
            kind = "method"
        local = scope.local
        if scope.lost and self.language.offside and node.start_point[1] > 0:
            local = True
        prefix = f"{scope.prefix}{owner}." if owner else scope.prefix
        where = _Scope(scope.end, prefix, scope.in_class, local, False, scope.test)
        where.branch = scope.branch + self._conditions(decorators) if decorators else scope.branch
        where.contract = scope.contract
        body = self.language.body_of(node) if self.language.body_of is not None else None
        if body is None:
            body = node.child_by_field_name("body")
        for to in ("value", "right"):
            if body is None and (value := node.child_by_field_name(to)) is not None:
                body = value.child_by_field_name("body")
        body_start, body_end = (body.start_byte, body.end_byte) if body is not None else (0, 0)
        self.found.append(
            _Found(
                node, kind, start, node_start, end, text, name_start, name_end, name, owner,
                body, body_start, body_end, where, decorators,
            )
        )  # fmt: skip
        if kind == "constant":
            return None
        test = scope.test or self.language.is_test_name.match(text) is not None
        test = test or self._decorated_test(decorators)
        inner = _Scope(end, f"{prefix}{text}.", kind in ("class", "type"))
        inner.local = local or kind in ("function", "method")
        inner.test, inner.branch = test, where.branch
        return inner

    def _begin(self, header: Node, stack: list[_Scope]) -> None:
        """Lets a namespace without a body begin, and the one before it end."""
        while stack[-1].header:
            stack.pop()
        named = self._within(header, stack[-1], [], in_class=False)
        named.end, named.header = stack[-1].end, True
        stack.append(named)

    def _within(self, node: Node, scope: _Scope, decorators: list[Node], in_class: bool) -> _Scope:
        name = self.language.name_of(node)
        prefix = scope.prefix
        if name is not None:
            prefix += _SEPARATOR.sub(".", self._text(name)) + "."
        inner = _Scope(node.end_byte, prefix, in_class, scope.local, scope.lost)
        inner.test = scope.test or self._decorated_test(decorators)
        inner.branch = scope.branch + self._conditions(decorators)
        if name is None and in_class:
            inner.local, inner.branch = True, (*scope.branch, node.start_byte)
        return inner

    def _on(self, start: int, decorators: list[Node]) -> list[Node]:
        """Those of the decorators that stand right before an offset."""
        first = len(decorators)
        for node in reversed(decorators):
            if _COMMENTS.fullmatch(self.data, node.end_byte, max(start, node.end_byte)) is None:
                break
            start, first = node.start_byte, first - 1
        return decorators[first:]

    def _whole_file(self) -> tuple[int, ...]:
        """The branch that all of a file is in, where only some builds take the file."""
        found = self.language.is_conditional_file.search(self.data, 0, _HEAD)
        return (WHOLE_FILE,) if found else ()

    def _conditions(self, decorators: list[Node]) -> tuple[int, ...]:
        found = self.language.is_conditional
        on = tuple(node for node in decorators if found.match(self._text(node)))
        platform = self.language.is_platform
        decided = any(platform.search(self.data, node.start_byte, node.end_byte) for node in on)
        return tuple(node.start_byte for node in on) + ((PLATFORM,) if decided else ())

    def _by_platform(self, start: int) -> bool:
        """True for a branch whose first line asks which platform it is."""
        end = self.data.find(b"\n", start, start + _LONGEST_CONDITION)
        end = end if end >= 0 else start + _LONGEST_CONDITION
        return self.language.is_platform.search(self.data, start, end) is not None

    def _decorated_test(self, decorators: list[Node]) -> bool:
        found = self.language.is_test_decorator
        return any(found.search(self._text(node)) for node in decorators)

    def _add(self, stream: TokenStream, item: _Found) -> int | None:
        if item.kind not in ("function", "method") or item.body is None:
            return None
        name = item.name_start, item.name_end
        # A method's bare name is a function beside the class, or an overload of another meaning.
        again = self.data[item.name_start : item.name_end] if item.kind == "function" else b""
        return stream.add(item.node_start, item.end, name, again)

    def _definition(
        self,
        item: _Found,
        form: Form,
        lines: int,
        doc: str,
        stream: TokenStream,
        comments: list[tuple[int, int]],
    ) -> Definition:
        name, head, scope = item.name, item.node, item.scope
        decorators: tuple[str, ...] = ()
        if item.decorators:
            decorators = tuple(_bare(self._said(node, comments)) for node in item.decorators)
            # Annotations that stand inside of what they decorate are not where it begins.
            if item.decorators[0].start_byte >= item.node_start:
                head = item.name_node
        signature = self._signature(item, comments)
        language = self.language
        beside = decorators
        own = language.counts_own_name
        if own is not None and own.search(stream.masked, item.node_start, item.end):
            beside = (*decorators, name)
        test = (
            self.in_test
            or scope.test
            or (item.kind != "constant" and language.is_test_name.match(name) is not None)
            or self._decorated_test(item.decorators)
        )
        return Definition(
            path=self.path,
            name=name,
            qualified=scope.prefix + name,
            kind=item.kind,
            signature=signature,
            start=item.start,
            end=item.end,
            name_start=item.name_start,
            line=head.start_point[0] + 1 - self.extra_lines,
            lines=lines,
            tokens=len(form.tokens),
            statements=_statements(item, comments),
            body=_beside(form.body, beside),
            shape=_beside(form.shape, beside),
            doc=doc,
            decorators=decorators,
            branch=scope.branch,
            local=scope.local,
            trivial=self._is_trivial(item, stream),
            test=test,
            generated=self.generated,
            private=language.is_private(name, signature),
            contract=scope.contract,
            module_level=(
                not scope.local and not scope.in_class and item.kind != "method" and not item.owner
            ),
        )

    def _said(self, node: Node, comments: list[tuple[int, int]]) -> str:
        """A decorator's text; a comment behind it says something else."""
        end = node.end_byte
        at = bisect_left(comments, (node.start_byte, 0))
        if at < len(comments) and comments[at][0] < end:
            end = comments[at][0]
        return " ".join(self.data[node.start_byte : end].decode("utf-8", "replace").split())

    def _is_trivial(self, item: _Found, stream: TokenStream) -> bool:
        if item.body is None:
            return True
        # A long body is not looked at: nothing is long and does nothing.
        written = stream.masked[item.body_start : item.body_end].strip()
        if len(written) >= 200:
            return False
        return self.language.is_stub.fullmatch(written.translate(_UNMARKED)) is not None

    def _signature(self, item: _Found, comments: list[tuple[int, int]]) -> str:
        start, end = item.start, item.end
        if item.body is not None:
            end = item.body_start
        low, high = bisect_left(comments, (start, 0)), bisect_left(comments, (end, 0))
        left_out = comments[low:high]
        if item.decorators:
            left_out = sorted(
                left_out
                + [
                    (node.start_byte, node.end_byte)
                    for node in item.decorators
                    if not self._text(node).isidentifier()  # `override` is part of it
                ]
            )
        before = b""
        for opened, closed in left_out:
            before += self.data[start:opened]
            start = max(start, closed)
        raw = before + self.data[start : min(end, start + 600)]
        text = " ".join(raw.decode("utf-8", "replace").split())
        if item.kind == "class" and item.body is None:
            text = text.partition("{")[0]
        text = (
            text.rstrip(" ;")
            if item.kind == "constant"
            else text.removesuffix("=>").rstrip(" :{;=")
        )
        most = 120 if item.kind == "constant" else 300
        return text if len(text) <= most else _cut(text, most - 3) + "..."

    def _docstring(self, item: _Found) -> tuple[int, int] | None:
        # Nearly all bodies begin with something else, which can be seen without asking nodes.
        if item.body is None or not _MAY_BE_DOC.match(self.data, item.body_start):
            return None
        for number in range(item.body.named_child_count):
            child = item.body.named_child(number)
            if child.type == "comment":
                continue
            if child.type == "expression_statement" and child.child_count == 1:
                inner = child.children[0].type
                if inner in ("string", "concatenated_string"):
                    return child.start_byte, child.end_byte
            return None
        return None

    def _first_sentence(self, span: tuple[int, int]) -> str:
        raw = self.data[span[0] : span[1]].decode("utf-8", "replace")
        line = raw.lstrip("rRuUbBfF").strip("\"'").strip().split("\n", 1)[0].strip()
        return _cut(line, 200)

    def _comment_above(self, item: _Found, comments: list[tuple[int, int]]) -> str:
        """The first line of the comment that stands right above a definition."""
        if not comments:
            return ""
        edge = min([item.start, *[node.start_byte for node in item.decorators]])
        at = last = bisect_right(comments, (edge, 0)) - 1
        first = None
        while at >= 0:
            end = comments[at][1]
            # Some grammars count a line's end to its comment.
            between = self.data[end - (self.data[end - 1] == 0x0A) : edge]
            if between.strip() or between.count(b"\n") > 1:
                break
            line = self.data.rfind(b"\n", 0, comments[at][0]) + 1
            if self.data[line : comments[at][0]].strip():
                break  # It stands behind code, and speaks of that.
            first = comments[at]
            edge, at = first[0], at - 1
        if first is None:
            return ""
        text = self.data[first[0] : comments[last][1]].decode("utf-8", "replace")
        for line in text.splitlines():
            words = line.strip().strip("/*!#-<").strip()
            # A comment may begin with its tags (`@test`), which describe nothing.
            if words and (words := _MARKUP.sub("", words).strip()) and words[0] != "@":
                return _cut(words, 200)
        return ""

    def _text(self, node: Node) -> str:
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _part(name: str, node: Node, scope: _Scope) -> _Scope:
    """The scope of a part that gives no name to what is inside."""
    inner = _Scope(node.end_byte, scope.prefix, scope.in_class, scope.local, scope.lost)
    inner.test, inner.branch, inner.contract = scope.test, scope.branch, scope.contract
    if name == "error":
        inner.lost = True
    elif name == "contract":
        inner.contract = True
    else:
        inner.branch = (*scope.branch, node.start_byte)
    if name == "closure":
        inner.local, inner.in_class = True, False
    return inner


def _is_body(item: _Found, node: Node) -> bool:
    """True for the function that is a definition's value."""
    body = item.body
    return body is not None and (body == node or body == node.child_by_field_name("body"))


def _bare(decorator: str) -> str:
    """A decorator without the signs that make it one."""
    if decorator.startswith(("#[", "[")) and decorator.endswith("]"):
        return _BRACKETS.sub("", decorator)
    return decorator.lstrip("@").strip()


def _statements(item: _Found, comments: list[tuple[int, int]]) -> int:
    body = item.body
    if body is None:
        return 1
    if _BLOCKS.search(body.type) is None:
        return 1  # An expression, `=> a.b(c)`.
    count = body.named_child_count
    if count == 1 and body.named_children[0].type == "statement_list":
        body = body.named_children[0]
        count = body.named_child_count
    low = bisect_left(comments, (item.body_start, 0))
    for start, _ in comments[low : bisect_left(comments, (item.body_end, 0))]:
        # It is the body's own, or stands somewhere inside of a statement.
        child = body.first_named_child_for_byte(start)
        count -= child is not None and child.start_byte == start and "comment" in child.type
    return max(1, count - item.documented)


def _beside(digest: str, beside: tuple[str, ...]) -> str:
    """What decorates a function is part of what it does."""
    if not digest or not beside:
        return digest
    joined = digest + "\0".join(beside)
    return hashlib.blake2b(joined.encode("utf-8", "replace"), digest_size=8).hexdigest()
