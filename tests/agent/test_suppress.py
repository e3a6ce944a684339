"""What settles a finding, and what does not."""

from collections import Counter
from pathlib import Path

import pytest

from steadyhand_agent.errors import SettingsError
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.store import Index
from steadyhand_agent.index.suppress import (
    TIERS,
    Baseline,
    Shown,
    Suppression,
    baseline_bytes,
    read_baseline,
)
from steadyhand_agent.workspace import Workspace, utf8

BODY = """\
    total = 0
    for item in items:
        if item.price > limit:
            total += item.price
    return round(total, 2)
"""
A = "a.py"
DEEP = "deep/b.py"
FIRST = f"def total(items, limit):\n{BODY}"
AGAIN = f"def again(items, limit):\n{BODY}"


def shown(tmp_path: Path, files: dict[str, str], path: str = DEEP, **settled: object) -> Shown:
    index = Index()
    for name, text in files.items():
        index.put_base(index_text(name, text))
    suppression = Suppression(Workspace([tmp_path]), **settled)  # type: ignore[arg-type]
    return suppression.shown(index.view(), path, files[path])


def keys(tmp_path: Path, files: dict[str, str], path: str = DEEP) -> list[str]:
    found = shown(tmp_path, files, path)
    suppression = Suppression(Workspace([tmp_path]))
    return [suppression.key(finding, utf8(files[path])) for finding in found.findings]


def test_a_finding_that_nobody_settled_is_shown(tmp_path: Path) -> None:
    found = shown(tmp_path, {A: FIRST, DEEP: AGAIN})
    assert [(f.tier, f.definition.name, f.canonical.name) for f in found.findings] == [
        ("T1", "again", "total")
    ]
    assert (found.remarks, found.settled) == ([], {})


@pytest.mark.parametrize(
    "text",
    [
        f"# steadyhand: ignore[both are needed]\n{AGAIN}",
        f"x = 1\n\n    # steadyhand: ignore[both are needed]  \r\n{AGAIN}",
        AGAIN.replace("limit):", "limit):  # steadyhand: ignore[both are needed]"),
        AGAIN.replace("limit):", "limit):  # noqa  # steadyhand:ignore [both are needed]"),
        f"# steadyhand: ignore[both are needed]\n@cached\n@later\n{AGAIN}",
        f"\ufeff# steadyhand: ignore[größe 🙂 is needed]\n{AGAIN}",
        # The leaders of other languages are understood everywhere.
        f"# // steadyhand: ignore[both are needed]\n{AGAIN}",
        f"# -- steadyhand: ignore[both are needed]\n{AGAIN}",
        f"# /* steadyhand: ignore[both are needed] */\n{AGAIN}",
    ],
)
def test_a_comment_with_a_reason_settles(tmp_path: Path, text: str) -> None:
    first = FIRST
    if "@cached" in text:
        first = f"@cached\n@later\n{FIRST}"
    found = shown(tmp_path, {A: first, DEEP: text})
    assert found.findings == []
    assert found.remarks == []
    assert found.settled == {"comment": 1}


@pytest.mark.parametrize(
    "decorators",
    [
        "@cached  # steadyhand: ignore[why]\n@later\n",
        "@cached\n@later(1)  # steadyhand: ignore[why]\n",
        "# steadyhand: ignore[why]\n@cached\n@later\n",
        "@cached(\n    1,  # steadyhand: ignore[why]\n)\n",
        "@cached\n# steadyhand: ignore[why]\n@later\n",
    ],
)
def test_a_comment_among_the_decorators_settles(tmp_path: Path, decorators: str) -> None:
    text = f"def f(a):\n    return a\n\n\n{decorators}def f(a):\n    return a\n"
    found = shown(tmp_path, {A: text}, A)
    assert (found.findings, found.settled) == ([], {"comment": 1})


@pytest.mark.parametrize(
    "text",
    [
        f"# steadyhand: ignore[too far away]\n\n{AGAIN}",
        f"# steadyhand: ignore[too far away]\nx = 1\n{AGAIN}",
        # It belongs to what it stands behind.
        f"x = 1  # steadyhand: ignore[of another line]\n{AGAIN}",
        AGAIN.replace("    total = 0", "    total = 0  # steadyhand: ignore[inside]"),
        f"{AGAIN}# steadyhand: ignore[below]\n",
        f"# steadyhand: ignored[not the word]\n{AGAIN}",
        f"# steady: ignore[not the word]\n{AGAIN}",
        f"steadyhand = 'ignore[no comment]'\n{AGAIN}",
    ],
)
def test_a_comment_elsewhere_settles_nothing(tmp_path: Path, text: str) -> None:
    found = shown(tmp_path, {A: FIRST, DEEP: text})
    assert [f.definition.name for f in found.findings] == ["again"]
    assert found.remarks == []


@pytest.mark.parametrize("empty", ["ignore", "ignore[]", "ignore[  ]", "ignore reason"])
def test_a_comment_without_a_reason_is_told_and_settles_nothing(tmp_path: Path, empty: str) -> None:
    text = f"größe = 1\n# steadyhand: {empty}\n{AGAIN}"
    found = shown(tmp_path, {A: FIRST, DEEP: text})
    assert [f.definition.name for f in found.findings] == ["again"]
    (remark,) = found.remarks
    assert remark.path == DEEP
    said = utf8(text)[remark.start : remark.end].decode()
    assert said.startswith("# steadyhand: ignore")
    assert "reason" in remark.message
    # Also where there is nothing to settle: it would be of no use later either.
    assert len(shown(tmp_path, {DEEP: text}).remarks) == 1


def test_a_reason_at_one_place_is_enough(tmp_path: Path) -> None:
    text = "# steadyhand: ignore\n" + AGAIN.replace("):", "):  # steadyhand: ignore[why]")
    found = shown(tmp_path, {A: FIRST, DEEP: text})
    assert (found.findings, found.remarks) == ([], [])


def test_a_comment_at_a_class_says_nothing_of_its_methods(tmp_path: Path) -> None:
    method = "".join(f"    {line}" for line in AGAIN.splitlines(keepends=True))
    text = f"class Till:  # steadyhand: ignore[a class]\n{method}"
    assert len(shown(tmp_path, {A: FIRST, DEEP: text}).findings) == 1


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ({"deep/**": ["*"]}, 0),
        ({"deep/": ["*"]}, 0),
        ({"*.py": ["T1"]}, 0),
        ({"b.py": ["T0", "T1"]}, 0),
        # What is ignored is no measure for the others either.
        ({"/a.py": ["T1"]}, 0),
        ({"deep/**": ["T0", "T2"]}, 1),
        ({"/b.py": ["*"]}, 1),
        ({"deep/*.txt": ["*"]}, 1),
        ({}, 1),
    ],
)
def test_globs_settle_by_tier(tmp_path: Path, ignore: dict[str, list[str]], left: int) -> None:
    found = shown(tmp_path, {A: FIRST, DEEP: AGAIN}, ignore=ignore)
    assert len(found.findings) == left
    assert found.settled == ({} if left else {"settings": 1})


def test_tiers_that_are_not_shown(tmp_path: Path) -> None:
    files = {A: FIRST, DEEP: AGAIN}
    assert shown(tmp_path, files, tiers=("T0", "T2")).findings == []
    assert len(shown(tmp_path, files, tiers=("T1",)).findings) == 1


def test_globs_count_from_each_root(tmp_path: Path) -> None:
    roots = [tmp_path / "one", tmp_path / "two"]
    for root in roots:
        root.mkdir()
    index = Index()
    index.put_base(index_text("one/a.py", FIRST))
    index.put_base(index_text("two/deep/b.py", AGAIN))

    def left(**settled: object) -> int:
        suppression = Suppression(Workspace(roots), **settled)  # type: ignore[arg-type]
        return len(suppression.shown(index.view(), "two/deep/b.py", AGAIN).findings)

    assert left() == 1
    assert left(ignore={"/deep/**": ["*"]}) == 0
    assert left(ignore={"/two/**": ["*"]}) == 1
    # A baseline knows the paths below its own root.
    suppression = Suppression(Workspace(roots))
    (finding,) = suppression.shown(index.view(), "two/deep/b.py", AGAIN).findings
    key = suppression.key(finding, utf8(AGAIN))
    assert "two/deep" not in key
    assert left(baselines={roots[1]: Baseline([key])}) == 0
    assert left(baselines={roots[0]: Baseline([key])}) == 1


def test_a_key_outlives_what_does_not_matter(tmp_path: Path) -> None:
    (key,) = keys(tmp_path, {A: FIRST, DEEP: AGAIN})
    assert key.startswith(f"T1 {DEEP}:again = {A}:total ")
    moved = {A: f"import os\n\n{FIRST}", DEEP: f"import os\n\n\n{AGAIN}"}
    assert keys(tmp_path, moved) == [key]
    windows = {A: FIRST, DEEP: AGAIN.replace("\n", "\r\n")}
    assert keys(tmp_path, windows) == [key]
    wider = {A: FIRST, DEEP: AGAIN.replace("    ", "        ")}
    assert keys(tmp_path, wider) == [key]


@pytest.mark.parametrize(
    "files",
    [
        {A: FIRST.replace("2)", "3)"), DEEP: AGAIN.replace("2)", "3)")},
        {A: FIRST, DEEP: AGAIN.replace("again", "anew")},
        {A: FIRST.replace("total(", "sum_of("), DEEP: AGAIN},
        {"c.py": FIRST, DEEP: AGAIN},
    ],
)
def test_a_key_changes_with_what_matters(tmp_path: Path, files: dict[str, str]) -> None:
    (key,) = keys(tmp_path, {A: FIRST, DEEP: AGAIN})
    (other,) = keys(tmp_path, files)
    assert other != key


def test_a_clash_of_names_stays_the_same_whatever_the_body(tmp_path: Path) -> None:
    def twice(last: str) -> dict[str, str]:
        return {A: f"def f(a):\n    return a\n\n\ndef f(a):\n    return {last}\n"}

    (key,) = keys(tmp_path, twice("a + 1"), A)
    assert key.startswith("T0 ")
    assert keys(tmp_path, twice("a * 100"), A) == [key]


def test_a_baseline_settles_as_many_as_it_holds(tmp_path: Path) -> None:
    two = {A: "def f(a):\n    return a\n" * 2}
    three = {A: "def f(a):\n    return a\n" * 3}
    (key,) = keys(tmp_path, two, A)
    assert keys(tmp_path, three, A) == [key, key]
    baselines = {tmp_path: Baseline([key])}
    found = shown(tmp_path, two, A, baselines=baselines)
    assert (found.findings, found.settled) == ([], {"baseline": 1})
    # Asked again, as an editor does with each key.
    assert shown(tmp_path, two, A, baselines=baselines).findings == []
    assert len(shown(tmp_path, three, A, baselines=baselines).findings) == 1
    assert shown(tmp_path, three, A, baselines={tmp_path: Baseline([key, key])}).findings == []


def test_a_new_copy_is_what_is_new_wherever_it_stands(tmp_path: Path) -> None:
    """It may come before the old ones in the order of paths, and so be their canonical one."""
    files = {"m.py": FIRST, DEEP: AGAIN}
    baselines = {tmp_path: Baseline(keys(tmp_path, files))}
    files[A] = f"def newest(items, limit):\n{BODY}"
    known = shown(tmp_path, files, DEEP, baselines=baselines)
    assert (known.findings, known.settled) == ([], {"baseline": 1})
    assert [(f.definition.name, f.canonical.name) for f in known.newer] == [("again", "newest")]
    # This one was never told of; an editor tells of it here, for want of a better place.
    other = shown(tmp_path, files, "m.py", baselines=baselines)
    assert other.findings == other.newer
    assert [(f.definition.name, f.canonical.name) for f in other.newer] == [("total", "newest")]


def test_another_of_the_old_ones_may_take_over(tmp_path: Path) -> None:
    files = {A: FIRST, "m.py": FIRST.replace("total(", "middle("), DEEP: AGAIN}
    found = [*keys(tmp_path, files, "m.py"), *keys(tmp_path, files, DEEP)]
    assert len(found) == 2
    del files[A]
    baselines = {tmp_path: Baseline(found)}
    assert len(shown(tmp_path, files, DEEP).findings) == 1
    known = shown(tmp_path, files, DEEP, baselines=baselines)
    assert (known.findings, known.newer) == ([], [])


def test_a_baseline_is_sorted_and_one_finding_a_line(tmp_path: Path) -> None:
    found = ["T1 z.py:a = b.py:c 0", 'T0 "q".py:ü = b.py:c 1', "T0x a b.py:x = y.py:x 2"]
    data = baseline_bytes([*found, found[0]])
    assert data == baseline_bytes(reversed([*found, found[0]]))
    lines = data.decode().splitlines()
    assert (lines[0], lines[-1]) == ("{", "}")
    assert lines[1:-1] == [
        '"T0 \\"q\\".py:ü = b.py:c 1": 1,',
        '"T0x a b.py:x = y.py:x 2": 1,',
        '"T1 z.py:a = b.py:c 0": 2,',
        '"version": 1',
    ]
    file = tmp_path / "baseline.json"
    file.write_bytes(data)
    assert read_baseline(file).keys == Counter([*found, found[0]])
    file.write_bytes(baseline_bytes([]))
    assert not read_baseline(file).keys


def test_baselines_of_two_branches_merge_by_lines(tmp_path: Path) -> None:
    """Each line of a finding ends alike, so that a union of two files is a file."""
    a, b, c = (f"T1 {name}.py:f = x.py:g 0" for name in "abc")
    one = baseline_bytes([a, c]).splitlines()
    two = baseline_bytes([b, c]).splitlines()
    union = [*one[:2], two[1], *one[2:]]
    file = tmp_path / "baseline.json"
    file.write_bytes(b"\n".join(union))
    assert read_baseline(file).keys == Counter([a, b, c])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"version": 2}', '{"T1 a": 1}', '{"T1 a": "1", "version": 1}',
     '{"T1 a": 0, "version": 1}', '{"T1 a": true, "version": 1}', "\xff", "null",
     '{"version": 1, "nonsense": 1}', '{"T1 a": 1, "version": 1}',
     '{"T9 a:f = b:g 0f": 1, "version": 1}', '{"T1 a:f = b:g": 1, "version": 1}'],
)  # fmt: skip
def test_what_is_no_baseline_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"odd\.json.*--write-baseline"):
        read_baseline(file)


def test_a_baseline_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.json"):
        read_baseline(tmp_path / "none.json")
    with pytest.raises(SettingsError, match="directory"):
        read_baseline(tmp_path)


def test_every_tier_that_findings_may_have_is_ordered() -> None:
    from typing import get_args

    from steadyhand_agent.index.definitions import Tier

    assert set(get_args(Tier)) <= set(TIERS)
    assert TIERS[0] == "T0"


def test_a_baseline_that_names_no_finding_says_which(tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_text('{"version": 1, "nonsense\\u001b[31m": 1}')
    with pytest.raises(SettingsError) as raised:
        read_baseline(file)
    assert r"names what is no finding ('nonsense\x1b[31m')" in str(raised.value)
    # What is written can be read, whatever stands in a path.
    keys = ["T0x a = b c.py:ü f = z = y.py:f 00ff", "T1 new\nline.py:f = b.py:g 0"]
    file.write_bytes(baseline_bytes(keys))
    assert read_baseline(file).keys == Counter(keys)


WIDE = "def again(\n    items,\n    limit,\n):\n" + BODY


@pytest.mark.parametrize(
    "text",
    [
        WIDE.replace("):", "):  # steadyhand: ignore[both are needed]"),
        WIDE.replace("limit,", "limit,  # steadyhand: ignore[both are needed]"),
        WIDE.replace("(\n", "(  # steadyhand: ignore[both are needed]\n"),
        WIDE.replace("    limit,", "    # steadyhand: ignore[both are needed]\n    limit,"),
        WIDE.replace("limit,", "limit,  # :)").replace("):", "):  # steadyhand: ignore[why]"),
        WIDE.replace("):", ") -> list[\n    int\n]:  # steadyhand: ignore[both are needed]"),
        f"# steadyhand: ignore[both are needed]\n# It says what it does.\n{AGAIN}",
        f"x = 1\n\n# What it does.\n# steadyhand: ignore[both are needed]\n# And more.\n{AGAIN}",
        f"# steadyhand: ignore[it's needed]\r\n# Don't ask.\r\n{AGAIN}",
    ],
)
def test_a_comment_at_the_head_of_a_definition_settles(tmp_path: Path, text: str) -> None:
    found = shown(tmp_path, {A: FIRST, DEEP: text})
    assert (found.findings, found.remarks, found.settled) == ([], [], {"comment": 1})


@pytest.mark.parametrize(
    "text",
    [
        AGAIN.replace("limit)", "limit='# steadyhand: ignore[a string]')"),
        AGAIN.replace("limit)", 'limit="""\n# steadyhand: ignore[a string]\n""")'),
        "@cached('# steadyhand: ignore[a string]')\n" + AGAIN,
        f"x = '# steadyhand: ignore[of another line]'\n{AGAIN}",
        # Behind the head it says something of a statement.
        WIDE.replace("total = 0", "total = 0  # steadyhand: ignore[inside]"),
        WIDE.replace("    total = 0", "    # steadyhand: ignore[inside]\n    total = 0"),
        f"# steadyhand: ignore[too far away]\n\n# Another one.\n{AGAIN}",
    ],
)
def test_a_string_and_a_comment_inside_settle_nothing(tmp_path: Path, text: str) -> None:
    (definition,) = index_text(DEEP, text).definitions[-1:]
    assert definition.name == "again"
    assert not Suppression.has_reason(definition, utf8(text))
    assert shown(tmp_path, {DEEP: text}).remarks == []


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("b.py", "def g(\n  items,\n  sep=')',\n):  # steadyhand: ignore[why]"),
        ("b.js", "export function g(\n  items,\n  { limit, rate },\n) {  // steadyhand: ignore[why]"),
        ("b.js", "export const g = (\n  items,\n) => {  // steadyhand: ignore[it's why]"),
        ("b.ts", "export function g(\n  items: { a: string }[],\n): number {  // steadyhand: ignore[why]"),
        ("b.rs", "// steadyhand: ignore[why]\n// More.\npub fn g(items: &[u32]) -> u32 {"),
        ("b.rs", "pub fn g<'a>(\n  items: &'a [u32],\n) -> u32 {  // steadyhand: ignore[it's why]"),
        ("b.go", "func G(\n\titems []int,\n) int {  // steadyhand: ignore[why]"),
        ("b.c", "/* steadyhand: ignore[why] */ int g(int *items)\n{"),
        ("b.c", "int g(\n  int *items  /* steadyhand: ignore[why] */\n)\n{"),
        ("b.rb", "# steadyhand: ignore[why]\n# More.\ndef g(items)"),
        ("b.lua", "-- steadyhand: ignore[why]\n-- More.\nfunction g(items)"),
        ("b.lua", "function g(items,\n  limit) -- steadyhand: ignore[why]"),
    ],
)  # fmt: skip
def test_heads_of_other_languages(path: str, head: str) -> None:
    body = "\n  go(items)\n" if path.endswith((".py", ".rb", ".lua")) else "\n  go(items);\n"
    end = "" if path.endswith(".py") else "}\n"
    if path.endswith((".rb", ".lua")):
        end = "end\n"
    text = f"\n{head}{body}{end}"
    (definition,) = [d for d in index_text(path, text).definitions if d.name in ("g", "G")]
    data = utf8(text)
    assert Suppression.has_reason(definition, data)
    bare = data.replace(b"ignore[", b"ignored[")
    (again,) = [d for d in index_text(path, bare.decode()).definitions if d.name in ("g", "G")]
    assert not Suppression.has_reason(again, bare)
