"""No text makes a parser take gigabytes, whatever it nests and however it ends."""

import subprocess
import sys

import pytest

from steadyhand_agent.index.languages import index_text

# The first three took 2.9, 2.7 and 0.9 GB; Lua's grows step by step, which the parser's clock sees.
TANGLED = [
    ("a.c", "(a) => ", 3_000),
    ("a.java", "x => ", 3_000),
    ("a.java", "A<", 20_000),
    ("a.java", "a < ", 20_000),
    ("a.cs", "A<", 20_000),
    ("a.cpp", "A<", 20_000),
    ("a.ts", "A<A,", 9_000),
    ("a.tsx", "A<A,", 9_000),
    ("a.lua", "if (a) b; else ", 6_000),
    ("a.lua", "class A extends ", 6_000),
    ("a.rb", "=begin\n", 12_000),
    ("a.py", "lambda: ", 9_000),
]
MOST = 450


# In a process of its own, since what others took before is no part of its peak; a parser that asks
# for much more ends this process, not the machine.
MEASURED = """
import resource, sys
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.parsing import TooSlow

path, piece, times = sys.argv[1:]
index_text(path, "")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
try:
    index_text(path, piece * int(times))
except TooSlow:
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(("path", "piece", "times"), TANGLED)
def test_what_no_bracket_closes_takes_little_memory(path: str, piece: str, times: int) -> None:
    command = [sys.executable, "-c", MEASURED, path, piece, str(times)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < MOST


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.c", "int f{0}(int a) {{ int b = a; b = a = {0}; return b; }}\n"),
        (
            "A.java",
            "class A{0} {{ Map<String, List<Integer>> a{0}(int a) {{ return a < {0}; }} }}\n",
        ),
        ("a.ts", "export function f{0}<A, B extends A>(a: Map<A, B>) {{ return a < {0}; }}\n"),
        ("a.tsx", "export function F{0}() {{ return <a b='{0}'><i>text</i><hr /></a>; }}\n"),
    ],
)
def test_many_signs_in_many_statements_are_no_nesting(path: str, line: str) -> None:
    entry = index_text(path, "".join(line.format(number) for number in range(400)))
    found = [d for d in entry.definitions if d.kind in ("function", "method")]
    assert len(found) == 400
    assert len({d.body for d in found}) == 400


def test_what_stands_before_a_tangle_is_still_read() -> None:
    text = "int first(int a) {\n    return a + 1;\n}\n\n" + "x => " * 3_000
    assert [d.name for d in index_text("a.c", text).definitions] == ["first"]
