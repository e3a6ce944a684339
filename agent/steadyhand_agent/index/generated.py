"""Which files a program wrote, by their names and by what their first comments say of them.

Owns the marks. A sentence that speaks of generated things marks nothing, nor does what stands below
the first line of code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# How programs mark what they write. What a person writes of generated things stands in the midst
# of a sentence, so these count at the beginning of a line alone, mostly.
_GENERATED = re.compile(
    rb"@generated\b|Code generated .{0,80}DO NOT EDIT"
    rb"|^@(?:javax?\.(?:annotation\.)?(?:processing\.)?)?Generated\b"
    rb"|^(?i:(?:(?:this|the) )?(?:file|code|module|class|source)(?: (?:is|was|has been))?"
    rb" (?:auto-?|automatically[ -])?generated (?:by|from|with|using|on))\b"
    rb"|^(?:G|AUTO-?G|Auto-?g|Automatically g|AUTOMATICALLY G)(?i:enerated)"
    rb" (?i:by|from|with|using|on|file|code|source)\b"
    rb"|^(?i:this (?:file )?is an? )?(?i:auto-?|automatically[ -])(?i:generated file)\b"
    rb"|^(?i:this file (?:is|was|has been) (?:auto-?|automatically[ -])generated)\b"
)
# One of these is said of what may be anything, and beside the other of what a program wrote.
_LEAVE_ALONE = re.compile(rb"do not (?:edit|modify|change)", re.IGNORECASE)
_WRITTEN_BY = re.compile(rb"generated", re.IGNORECASE)
_GENERATED_NAMES = ("_pb2.py", "_pb2_grpc.py", ".pb.go", ".min.js", ".g.cs", ".g.dart")
# One of these is part of all that marks a file.
_GENERATED_WORDS = (b"enerated", b"ENERATED")
# A mark may stand below a licence.
_MARKS = 4_000
_COMMENT_MARK = re.compile(
    rb"#(?!include|define|if|pragma|region|nullable|\[)|//|/\*|--|\"\"\"|'''|<!--|;|\*"
)
_BLOCK_COMMENTS = {b"/*": b"*/", b'"""': b'"""', b"'''": b"'''", b"<!--": b"-->"}
# What may stand above a mark without being the code that is marked.
_BEFORE_CODE = re.compile(
    rb"@|#|import\b|from\b|package\b|using\b|namespace\b|use\b|<\?|[\"']use |module\b"
)


def is_generated(path: str, data: bytes) -> bool:
    """True for a file that its name or its first comment says a program wrote."""
    if path.endswith(_GENERATED_NAMES):
        return True
    # Looked for one after the other: a pattern of alternatives is tried at every byte.
    if not any(data.find(word, 0, _MARKS) >= 0 for word in _GENERATED_WORDS):
        return False
    said = list(_said_before_code(data[:_MARKS].splitlines()))
    for at, line in enumerate(said):
        if _GENERATED.search(line):
            return True
        if _LEAVE_ALONE.search(line):
            around = said[max(0, at - 2) : at + 3]
            if any(_WRITTEN_BY.search(other) for other in around):
                return True
    return False


def _said_before_code(lines: Sequence[bytes]) -> Iterator[bytes]:
    """What comments, a docstring and annotations say above the code, a line each."""
    ends = b""
    for line in lines:
        text = line.strip()
        if not ends:
            mark = _COMMENT_MARK.match(text)
            if mark is None:
                if text.startswith(b"@"):
                    yield text
                if text and _BEFORE_CODE.match(text) is None:
                    return
                continue
            ends = _BLOCK_COMMENTS.get(mark.group(), b"")
            text = text[mark.end() :]
        if ends and ends in text:
            text, ends = text[: text.index(ends)], b""
        yield text.strip(b" \t*#-=/!")
