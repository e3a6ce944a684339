"""Which findings a person has settled, and so are not shown.

Owns the three ways to say so: a comment at the definition, the settings `ignore` and `tiers`, and
a baseline file; and the order of the tiers. Never decides what a finding is and never writes a
file. What an editor shows, its quick fixes and `steadyhand check` all ask here.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import orjson
from pathspec import GitIgnoreSpec

from steadyhand_agent.errors import SettingsError
from steadyhand_agent.index.definitions import Definition, Finding, Tier
from steadyhand_agent.index.findings import Known, file_findings
from steadyhand_agent.index.store import View
from steadyhand_agent.workspace import Workspace, utf8

TIERS: tuple[Tier, ...] = get_args(Tier)
# T4 is a hint for the agent: shown to a person who asks for it, and to nobody else.
SHOWN_TIERS: tuple[Tier, ...] = tuple(tier for tier in TIERS if tier != "T4")
EVERY_TIER = "*"
BASELINE_FILE = ".steadyhand-baseline.json"

# These are about a name: the body may change as it likes, and the finding stays the same one.
_OF_NAMES = frozenset({"T0", "T0x"})
_VERSION = 1
_BETWEEN = " = "
_KEY = re.compile(rf"(?:{'|'.join(TIERS)}) .+{_BETWEEN}.+ [0-9a-f]+", re.DOTALL)
_LEADERS = (b"#", b"//", b"--", b"/*")
_COMMENT = re.compile(
    rb"(?:#|//|--|/\*)[ \t]*steadyhand:[ \t]*ignore\b(?:[ \t]*\[(?P<reason>[^\]\r\n]*)\])?"
)
_MARK = b"steadyhand:"
# What a definition's head is made of, as far as comments are to be told from strings: those of all
# languages at once. In Rust a lone quote begins a lifetime.
_STRINGS = (
    rb"(?P<string>\"{3}.*?\"{3}|'{3}.*?'{3}|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`|%s)"
    rb"|(?P<comment>(?:#|//|--)[^\n]*|/\*.*?\*/)|[()\[\]{}\n]"
)
_LEXED = re.compile(_STRINGS % rb"'(?:\\.|[^'\\\n])*'", re.DOTALL)
_LEXED_RUST = re.compile(_STRINGS % rb"'(?:\\.[^'\n]*|[^'\\\n])'", re.DOTALL)
# What may stand before a comment that is alone on its line, a byte order mark included.
_BEFORE = b" \t\f\xef\xbb\xbf"


class Baseline:
    """What was found when a person took it all as settled.

    A definition that is unchanged since then stays settled, whichever of its likes is canonical
    by now: a new copy may well be the better one, and is then what is new.

    Args:
        keys: What `Suppression.key` said of each finding, as often as it was found.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self.keys = Counter(keys)
        self.settled: Counter[str] = Counter()
        self._sides: set[str] = set()
        for key, count in self.keys.items():
            tier, ours, theirs, digest = _parts(key)
            self.settled[f"{tier} {ours} {digest}"] += count
            self._sides |= {f"{tier} {ours}", f"{tier} {theirs}"}

    def only_theirs_is_new(self, key: str) -> bool:
        """True where a finding's own side stood here, and its canonical one did not."""
        tier, ours, theirs, _ = _parts(key)
        return f"{tier} {ours}" in self._sides and f"{tier} {theirs}" not in self._sides


def _parts(key: str) -> tuple[str, str, str, str]:
    tier, _, rest = key.partition(" ")
    sides, _, digest = rest.rpartition(" ")
    ours, _, theirs = sides.partition(_BETWEEN)
    return tier, ours, theirs, digest


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment that was meant to settle a finding and does not.

    Attributes:
        path: The file.
        start: Byte offset (UTF-8) where the comment begins.
        end: Byte offset where it ends.
        message: One sentence.
    """

    path: str
    start: int
    end: int
    message: str


@dataclass(slots=True)
class Shown:
    """What is left of one file's findings.

    Attributes:
        findings: To be shown, in the order of the text.
        newer: Those that a baseline knows but for their canonical side: it is what is new. They
            are among `findings` only where the definition itself is not settled.
        remarks: Comments that give no reason.
        settled: How many findings are not shown, by `comment`, `settings` and `baseline`.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    newer: list[Finding] = field(default_factory=list[Finding])
    remarks: list[Remark] = field(default_factory=list[Remark])
    settled: Counter[str] = field(default_factory=Counter[str])


class Suppression:
    """The settled findings of one workspace.

    Args:
        workspace: Whose paths are meant; globs and baselines count from each of its roots.
        ignore: Tiers by glob (in the manner of `.gitignore`); `*` stands for all of them.
        tiers: The tiers that are shown at all.
        baselines: By root, what was found when the root's baseline was written.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        ignore: Mapping[str, Iterable[str]] | None = None,
        tiers: Iterable[str] = SHOWN_TIERS,
        baselines: Mapping[Path, Baseline] | None = None,
    ) -> None:
        self._workspace = workspace
        self._tiers = frozenset(tiers)
        self._baselines = baselines or {}
        globs: dict[str, list[str]] = {}
        for glob, named in (ignore or {}).items():
            for tier in TIERS if EVERY_TIER in named else named:
                globs.setdefault(tier, []).append(glob)
        self._ignored = {tier: GitIgnoreSpec.from_lines(lines) for tier, lines in globs.items()}

    def shown(
        self,
        view: View,
        path: str,
        text: str,
        known: Known | None = None,
        *,
        old: bool = False,
        as_new: bool = False,
    ) -> Shown:
        """The findings of one file that nobody has settled.

        Args:
            view: What to compare with.
            path: The file.
            text: Its text in that view.
            known: What was there before.
            old: Look for all tiers there, too.
            as_new: Judge it as if it were new (see `file_findings` of all three).
        """
        outcome = Shown()
        data = utf8(text)
        comments = dict(_comments(data, view.definitions(path)))
        outcome.remarks = [
            Remark(
                path,
                comment.start(),
                comment.end(),
                "This comment gives no reason, and so it ignores nothing; write "
                "`steadyhand: ignore[why both are wanted]`.",
            )
            for comment in {c.start(): c for c in comments.values()}.values()
            if not _reason(comment)
        ]
        baseline = self._baselines.get(self._workspace.split(path)[0])
        # A copy: each of several findings with one name uses one of its entries up.
        left = Counter(baseline.settled) if baseline is not None else Counter[str]()
        for finding in file_findings(view, path, text, known, old=old, as_new=as_new):
            comment = comments.get(finding.definition.start)
            if self._unwanted(finding):
                outcome.settled["settings"] += 1
            elif comment is not None and _reason(comment):
                outcome.settled["comment"] += 1
            elif baseline is not None and self._known(finding, data, baseline, left, outcome):
                outcome.settled["baseline"] += 1
            else:
                outcome.findings.append(finding)
        return outcome

    def key(self, finding: Finding, data: bytes) -> str:
        """What a finding is called in a baseline: the same after lines have moved.

        It names tier, path and qualified name of both sides, and a digest of the definition that
        should go. The digest is taken from the text and not from the index's fingerprint, so that
        a baseline outlives changes of the fingerprint; spaces and line ends do not count.

        Args:
            finding: The finding.
            data: The text of its definition's file, as UTF-8.
        """
        ours, theirs = finding.definition, finding.canonical
        if finding.tier in _OF_NAMES:
            said = ours.signature.encode("utf-8", "replace")
        else:
            said = data[ours.start : ours.end]
        digest = hashlib.blake2b(b"".join(said.split()), digest_size=8).hexdigest()
        root, path = self._workspace.split(ours.path)
        other, canonical = self._workspace.split(theirs.path)
        canonical = canonical if other == root else theirs.path
        sides = f"{path}:{ours.qualified}{_BETWEEN}{canonical}:{theirs.qualified}"
        return f"{finding.tier} {sides} {digest}"

    @staticmethod
    def has_reason(definition: Definition, data: bytes) -> bool:
        """True where a comment at a definition says why both are wanted.

        Args:
            definition: The definition.
            data: Its file's text, as UTF-8.
        """
        return any(_reason(comment) for _, comment in _comments(data, (definition,)))

    def _unwanted(self, finding: Finding) -> bool:
        if finding.tier not in self._tiers:
            return True
        globs = self._ignored.get(finding.tier)
        if globs is None:
            return False
        # A folder that is ignored is no measure for the others either.
        sides = (finding.definition.path, finding.canonical.path)
        return any(globs.match_file(self._workspace.split(path)[1]) for path in sides)

    def _known(
        self, finding: Finding, data: bytes, known: Baseline, left: Counter[str], outcome: Shown
    ) -> bool:
        """True where a baseline settles a finding; notes where its canonical side is new."""
        key = self.key(finding, data)
        if known.only_theirs_is_new(key):
            outcome.newer.append(finding)
        tier, ours, _, digest = _parts(key)
        entry = f"{tier} {ours} {digest}"
        left[entry] -= 1
        return left[entry] >= 0


def _reason(comment: re.Match[bytes]) -> bytes:
    return (comment["reason"] or b"").strip()


def _comments(
    data: bytes, definitions: Iterable[Definition]
) -> Iterator[tuple[int, re.Match[bytes]]]:
    """The comment that stands at each definition that has one, by the definition's start.

    It stands on one of the lines of its decorators and its parameters, or among the comments right
    above them. Of several the one with a reason counts.
    """
    if _MARK not in data:
        return
    for definition in definitions:
        found = [*_above(data, definition.start), *_within(data, definition)]
        if found:
            yield definition.start, max(found, key=lambda c: bool(_reason(c)))


def _above(data: bytes, start: int) -> Iterator[re.Match[bytes]]:
    """In the comments that stand alone on the lines before an offset, and before it on its own."""
    begin, end = data.rfind(b"\n", 0, start) + 1, start
    first = True
    while begin < end or first:
        if data[begin:end].lstrip(_BEFORE).startswith(_LEADERS):
            yield from _COMMENT.finditer(data, begin, end)
        elif not first:
            return
        begin, end, first = data.rfind(b"\n", 0, max(0, begin - 1)) + 1, begin, False


def _within(data: bytes, definition: Definition) -> Iterator[re.Match[bytes]]:
    """In a definition's own comments up to the end of the line that closes its parameters."""
    name_end = definition.name_start + len(definition.name.encode("utf-8", "replace"))
    lexed = _LEXED_RUST if definition.path.endswith(".rs") else _LEXED
    yield from _commented(lexed, data, definition.start, definition.name_start)
    # Brackets count behind the name; a brace that is in none of them begins the body.
    depth = 0
    last = data.find(b"\n", definition.end)
    for token in lexed.finditer(data, name_end, last if last >= 0 else len(data)):
        sign = token.group()
        if sign in (b"(", b"[") or (sign == b"{" and depth):
            depth += 1
        elif sign in (b")", b"]") or (sign == b"}" and depth):
            depth -= 1
        elif sign == b"\n" and depth <= 0:
            return
        elif token["comment"]:
            yield from _COMMENT.finditer(data, token.start(), token.end())


def _commented(
    lexed: re.Pattern[bytes], data: bytes, start: int, end: int
) -> Iterator[re.Match[bytes]]:
    for token in lexed.finditer(data, start, end):
        if token["comment"]:
            yield from _COMMENT.finditer(data, token.start(), token.end())


def read_baseline(path: Path) -> Baseline:
    """Reads a baseline file.

    Raises:
        SettingsError: It is not there, or no baseline.
    """
    try:
        held: Any = orjson.loads(path.read_bytes())
    except OSError as error:
        raise SettingsError("baseline", str(path), f"{error.strerror or error}.") from error
    except orjson.JSONDecodeError as error:
        raise SettingsError(
            "baseline",
            str(path),
            f"it is no JSON ({error}); write it anew with `steadyhand check --write-baseline`.",
        ) from error
    known = cast("dict[str, Any]", held) if isinstance(held, dict) else {}
    version = known.pop("version", None)
    odd = next((key for key in known if not _KEY.fullmatch(key)), None)
    wrong = ""
    if version != _VERSION or not all(type(n) is int and n > 0 for n in known.values()):
        wrong = "it is no baseline of this version"
    elif odd is not None:
        wrong = f"it names what is no finding ({odd[:60]!a})"
    if wrong:
        raise SettingsError(
            "baseline",
            str(path),
            f"{wrong}; write it anew with `steadyhand check --write-baseline`.",
        )
    return Baseline(Counter(known).elements())


def baseline_bytes(keys: Iterable[str]) -> bytes:
    """A baseline file: sorted, one finding a line.

    Every line of a finding ends with a comma, since the version sorts last: two branches that
    each add findings change no line of the other.
    """
    counted: dict[str, int] = {**Counter(keys), "version": _VERSION}
    lines = [orjson.dumps(key) + b": %d" % n for key, n in sorted(counted.items())]
    return b"{\n" + b",\n".join(lines) + b"\n}\n"
