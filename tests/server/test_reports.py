"""The forms of a report, on a repository whose names and texts are as bad as they may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import orjson
import pytest

from checked_repository import Repository, function
from steadyhand_agent.index.suppress import TIERS
from steadyhand_server import report
from steadyhand_server.report import RULES, Report, Row, Side, Span, Stats, as_json, github, text
from steadyhand_server.report_html import html
from steadyhand_server.report_map import HEIGHT, WIDTH, draw
from steadyhand_server.report_sarif import sarif

SCHEMA = Path(__file__).parent.parent / "corpus" / "sarif-schema-2.1.0.json"
EVIL = """</pre></style></script><script>alert("x")</script>'"&lt;<img src=x onerror=alert(1)>{{7*7}}"""
ODD = "a b/50%/größe 🙂, x:y.py"


def _side(path: str, name: str, line: int = 3) -> Side:
    return Side(Span(path, line, 5, line, 9), name, "function", f"def {name}()", 4, f"{EVIL}\ncode")


def _row(tier: str, path: str, other: str, name: str = "name") -> Row:
    ours, theirs = _side(path, name), _side(other, "other", 8)
    message = f"`{name}` 100% the same: {EVIL}\r\n::error::forged"
    return Row(tier, message, ours.span, f"{tier} {path} {name}", 0.91, ours, theirs)


@pytest.fixture
def worst() -> Report:
    rows = [_row(tier, EVIL if tier == "T0" else ODD, "lib/b.py") for tier in TIERS]
    # Two of one name are two alerts.
    rows.append(rows[1])
    rows.append(Row(report.IGNORE, "no reason", Span(ODD, 1, 1, 1, 5), "x"))
    return Report(rows, Stats(files=3, definitions=9, lines={ODD: 40, "lib/b.py": 60, EVIL: 5}))


@pytest.fixture
def real(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "a <b> & c")
    made.put(a=function("one") + "\n\n" + function("same", "x"))
    # The columns of a name behind wide characters, and lines that end in every way.
    made.write(
        ODD,
        "X = '🙂🙂'\r\n\r\nclass Größe: # 🙂\n    "
        + function("two").replace("\n", "\n    ")
        + "\n",
    )
    made.write("sub/</script>.py", function("same", "y") + "\n\n" + "def f():\n    return 1\n" * 2)
    return made


def validated(data: bytes) -> Any:
    schema = orjson.loads(SCHEMA.read_bytes())
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    content = orjson.loads(data)
    errors = [
        f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(content)
    ]
    assert errors == []
    return content


def test_sarif_is_valid_whatever_is_in_it(worst: Report) -> None:
    (run,) = validated(sarif(worst, 1))["runs"]
    validated(sarif(Report([], Stats()), 0))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    for rule in rules:
        assert re.fullmatch(r"https://\S+/docs/findings\.md#[a-z0-9-]+", rule["helpUri"])
    for row, result in zip(worst.rows, run["results"], strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == row.tier
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert unquote(place["artifactLocation"]["uri"]) == row.span.path
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert place["region"] == {
            "startLine": row.span.line, "startColumn": row.span.column,
            "endLine": row.span.end_line, "endColumn": row.span.end_column,
        }  # fmt: skip
        if row.theirs is not None:
            (related,) = result["relatedLocations"]
            assert related["physicalLocation"]["artifactLocation"]["uri"] == "lib/b.py"
            assert related["physicalLocation"]["region"]["startLine"] == 8
            assert related["message"]["text"] == "def other()"
    prints = [tuple(result["partialFingerprints"].items()) for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_a_schema_that_is_broken_is_noticed(worst: Report) -> None:
    """Or the validation above would prove nothing."""
    content = orjson.loads(sarif(worst, 1))
    content["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    content["runs"][0]["tool"]["driver"]["rules"][0]["surprise"] = 1
    with pytest.raises(AssertionError, match=r"(?s)startLine.*|surprise"):
        validated(orjson.dumps(content))


def test_sarif_of_a_real_repository(real: Repository) -> None:
    done = real.check("--min-tier", "T0x", "--format", "sarif")
    assert done.returncode == 1
    (run,) = validated(done.stdout)["runs"]
    assert run["invocations"][0]["exitCode"] == 1
    assert str(real.root) not in done.stdout.decode()
    found = {result["ruleId"]: result for result in run["results"]}
    assert set(found) == {"T0", "T1", "T0x"}
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        path = real.root / unquote(place["artifactLocation"]["uri"])
        region = place["region"]
        line = path.read_bytes().decode().replace("\r\n", "\n").split("\n")[region["startLine"] - 1]
        assert run["columnKind"] == "unicodeCodePoints"
        name = result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
        assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == name.rpartition(".")[2]
    # Lines move, and it is the same alert.
    before = [result["partialFingerprints"] for result in run["results"]]
    for path in real.root.rglob("*.py"):
        path.write_bytes(b"# moved\n\n" + path.read_bytes())
    (run,) = validated(real.check("--min-tier", "T0x", "--format", "sarif").stdout)["runs"]
    assert [result["partialFingerprints"] for result in run["results"]] == before


def test_workflow_commands_cannot_be_forged(worst: Report) -> None:
    lines = github(worst).decode().splitlines()
    assert len(lines) == len(worst.rows)
    for row, line in zip(worst.rows, lines, strict=True):
        found = re.fullmatch(r"::(warning|notice) ([^\r\n]*?)::(.*)", line)
        assert found is not None
        command, given, message = found.groups()
        assert command == ("warning" if row.tier in ("T0", "T1", "T2", "T3") else "notice")
        properties = dict(one.split("=", 1) for one in given.split(","))
        assert _unescaped(properties["file"]) == row.span.path
        assert properties["line"] == str(row.span.line)
        assert (properties["col"], properties["endColumn"]) == (
            str(row.span.column),
            str(row.span.end_column),
        )
        assert not set(":,") & set("".join(properties.values()))
        assert _unescaped(message) == row.message


def _unescaped(value: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(code, char)
    return value


def test_workflow_commands_of_a_real_repository(real: Repository) -> None:
    done = real.check("--min-tier", "T0x", "--format", "github")
    assert done.returncode == 1
    first = done.stdout.decode().splitlines()[0]
    assert first.startswith(
        "::warning file=a b/50%25/größe 🙂%2C x%3Ay.py,line=4,endLine=4,col=9,endColumn=12,"
    )


def test_json_holds_everything(worst: Report) -> None:
    content = orjson.loads(as_json(worst))
    assert content["version"] == 1
    assert [row["tier"] for row in content["findings"]] == [row.tier for row in worst.rows]
    first = content["findings"][1]
    assert (first["path"], first["line"], first["column"]) == (ODD, 3, 5)
    assert first["canonical"] == {
        "name": "other", "kind": "function", "signature": "def other()", "lines": 4,
        "path": "lib/b.py", "line": 8, "column": 5, "end_line": 8, "end_column": 9,
    }  # fmt: skip
    assert content["stats"]["tiers"]["T1"] == 2
    assert "canonical" not in content["findings"][-1]


def test_text_shows_what_a_terminal_would_obey() -> None:
    row = Row("T1", "a\x1b[2Jb\nc", Span("x\r\n\x1b]0;y.py", 1, 1, 1, 2), "k")
    assert text(row).plain == "x\\r\\n\\x1b]0;y.py:1: T1: a\\x1b[2Jb\\nc"


class _Page(HTMLParser):
    """The elements of a page, and whatever text stands between them."""

    VOID = frozenset({"meta", "input", "img", "link", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)


def test_a_page_needs_nothing_and_runs_nothing_of_others(worst: Report) -> None:
    page = html(worst, EVIL).decode()
    read = _Page(page)
    assert read.open == []
    names = {name for name, _ in read.elements}
    assert not names & {"img", "link", "iframe", "object", "base", "form", "image", "use"}
    assert len(list(read.all("script"))) == 1
    for name, attributes in read.elements:
        assert not {"src", "style"} & set(attributes), name
        assert not [key for key in attributes if key.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?://", page)
    assert "{{" not in re.sub(re.escape("{{7*7}}"), "", page)
    assert "{{7*7}}" in page
    words = "".join(read.words)
    assert EVIL in words
    # What its policy lets run is what it brings: by digest, so nothing that slipped in would.
    policy = next(a["content"] for a in read.all("meta") if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    import base64
    import hashlib

    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy


def test_a_page_lists_everything(worst: Report) -> None:
    read = _Page(html(worst, "x").decode())
    rows = list(read.all("tbody"))
    assert len(rows) == len(worst.rows)
    ranks = [int(row["data-tier"] or 0) for row in rows]
    assert ranks == sorted(ranks)
    sortable = {button["data-by"] for button in read.all("button")}
    for row in rows:
        assert {f"data-{key}" for key in sortable} <= set(row)
    cells = {a["data-folder"] for a in read.all("a")}
    for row in rows:
        assert row["data-cell"] in cells
        assert row["data-other"] in {*cells, ""}
    assert "prefers-color-scheme: dark" in "".join(read.words)


def test_a_page_of_nothing_and_of_a_real_repository(real: Repository, tmp_path: Path) -> None:
    assert "Nothing is defined twice" in html(Report([], Stats()), "x").decode()
    target = tmp_path / "page.html"
    done = real.check("--min-tier", "T0x", "--format", "html", "--output", str(target))
    assert (done.returncode, done.stdout) == (1, b"")
    page = target.read_text("utf-8")
    assert "Duplicates in a &lt;b&gt; &amp; c</title>" in page
    assert str(tmp_path) not in page
    read = _Page(page)
    assert {row["data-name"] for row in read.all("tbody")} == {"Größe.two", "same", "f"}
    # The same again is the same page, so that a build can compare.
    assert real.check("--min-tier", "T0x", "--format", "html").stdout.decode() == page


def _lines(**files: int) -> Stats:
    return Stats(lines={name.replace("__", "/"): count for name, count in files.items()})


def test_a_picture_fills_its_frame() -> None:
    lines = {f"p{n % 7}/q{n % 31}/r{n}/x.py": 1 + n * n % 900 for n in range(3_000)}
    lines |= {"top.py": 40, "p1/own.py": 5_000}
    picture = draw(Report([], Stats(lines=lines)))
    assert 7 <= len(picture.cells) <= 60
    assert len({cell.name for cell in picture.cells}) == len(picture.cells)
    assert sum(cell.lines for cell in picture.cells) == sum(lines.values())
    area = sum(cell.width * cell.height for cell in picture.cells)
    assert abs(area - WIDTH * HEIGHT) < 1
    for cell in picture.cells:
        assert cell.x >= -0.01
        assert cell.y >= -0.01
        assert cell.x + cell.width <= WIDTH + 0.01
        assert cell.y + cell.height <= HEIGHT + 0.01
        share = cell.width * cell.height / (WIDTH * HEIGHT)
        assert abs(share - cell.lines / sum(lines.values())) < 1e-6


def test_a_picture_joins_the_folders_of_both_sides() -> None:
    stats = _lines(a__x=100, a__y=100, b__c__x=300, b__d__x=50, top=10)
    rows = [
        _row("T1", "a/x", "b/c/x", "one"),
        _row("T1", "a/y", "b/c/x", "two"),
        _row("T1", "a/x", "a/y", "three"),
        _row("T1", "top", "b/d/x", "four"),
    ]
    picture = draw(Report(rows, stats))
    assert {cell.name: cell.findings for cell in picture.cells} == {
        "a": 3,
        "b/c": 2,
        "b/d": 1,
        ".": 1,
    }
    assert [(link.source, link.target, link.count) for link in picture.links] == [
        (".", "b/d", 1),
        ("a", "b/c", 2),
    ]
    assert max(cell.heat for cell in picture.cells) == 1.0
    assert picture.cell_of("b/c/deep/x.py") == "b/c"
    assert picture.cell_of("elsewhere/x.py") == "."


def test_a_picture_of_one_deep_folder_or_of_very_many() -> None:
    deep = "/".join(["d"] * 400) + "/x.py"
    assert sum(cell.lines for cell in draw(Report([], Stats(lines={deep: 5}))).cells) == 5
    wide = {f"f{n}/x.py": 1 for n in range(5_000)}
    picture = draw(Report([_row("T1", "f4999/x.py", "f1/x.py")], Stats(lines=wide)))
    assert sum(cell.lines for cell in picture.cells) == 5_000
    assert sum(cell.findings for cell in picture.cells) >= 1
    assert draw(Report([], Stats())).cells == []
