"""Texts and their findings: places in UTF-16, versions, and what happens on disk meanwhile."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raw_client import CAPABILITIES, LATER, Editor, RpcError, cut, function, uri_of, without

HERE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One server for the tests that need no folder of their own; this one's name is not easy."""
    folder = tmp_path_factory.mktemp("documents")
    with Editor(folder / "wörk space#1 100%", folder / "private") as editor:
        yield editor.indexed()


@pytest.fixture
def editor(server: Editor) -> Iterator[Editor]:
    """The shared server; what a test leaves open or on disk is taken away."""
    yield server
    for uri in list(server.texts):
        server.shut(uri)
    gone = [{"uri": uri_of(path), "type": 3} for path in server.root.iterdir()]
    for path in server.root.iterdir():
        path.unlink()
    server.notify("workspace/didChangeWatchedFiles", {"changes": gone})


def settled(editor: Editor, uri: str) -> list[Any]:
    """A document's diagnostics once the server has taken in all that was sent."""
    editor.actions(uri, HERE)
    sent = editor.published(uri)
    return sent[-1]["diagnostics"] if sent else []


def twice(between: str = "\n\n") -> str:
    """A text whose second `𝐟é` replaces the first without a word."""
    return f"def 𝐟é(a):\n    return a + 1\n{between}def 𝐟é(b):\n    return b\n"


@pytest.mark.parametrize(
    "text",
    [
        twice("\n\n"),
        twice("\n\n").replace("\n", "\r\n"),
        twice("\n\n").replace("\n", "\r"),
        twice("\r\n\r\n\n"),
        twice("\x0c\n\x0c\n"),
        twice("# \x0c\x0b\x1c\x1d\x1e\x85\u2028\u2029 are no ends of lines\n\n"),
        twice("text = '''𝄞𝄞\u2028\x85\n𝄞'''\n"),
        "'''\n🙂\n'''\n" + twice("# 👩\u200d👩\u200d👧 é e\u0301\n"),
        twice("\n\n").rstrip("\n"),
        twice("text = '\\ud800'\n"),
        "class 𝐂:\n" + "".join(f"\t{line}\n" for line in twice("").splitlines()),
    ],
    ids=[
        "LF", "CRLF", "CR", "mixed", "form feed", "other separators", "long string", "astral",
        "no end", "escape", "tabs",
    ],
)  # fmt: skip
def test_places_are_right(editor: Editor, text: str) -> None:
    since = len(editor.heard)
    uri = editor.show("places.py", text)
    (found,) = editor.findings(uri, since=since)["diagnostics"]
    assert cut(text, found["range"]) == "𝐟é"
    start = found["range"]["start"]
    assert found["range"]["end"] == {"line": start["line"], "character": start["character"] + 3}
    # The place of the other one is told too.
    (other,) = found["relatedInformation"]
    assert other["location"]["uri"] == uri
    assert cut(text, other["location"]["range"]) == "𝐟é"
    assert other["location"]["range"]["start"]["line"] < start["line"]


def test_half_a_character_in_a_text_does_no_harm(editor: Editor) -> None:
    text = "x = '\ud83d'\n" + twice("y = '\ude42'\n")
    uri = editor.show("half.py", text)
    (found,) = editor.findings(uri)["diagnostics"]
    assert cut(text, found["range"]) == "𝐟é"


def test_a_finding_names_its_definition_and_the_other(editor: Editor) -> None:
    editor.put("a_first.py", "\n\n" + function("first_one", "named"))
    second = editor.show("b_second.py", function("second_one", "named"))
    found = editor.findings(second)
    (finding,) = found["diagnostics"]
    assert found["version"] == 1
    assert finding["source"] == "steadyhand"
    assert cut(editor.texts[second][1], finding["range"]) == "second_one"
    assert "first_one" in finding["message"]
    assert "a_first.py:3" in finding["message"]
    location = finding["relatedInformation"][0]["location"]
    assert location["uri"] == editor.uri("a_first.py")
    assert location["range"]["start"]["line"] == 2


def test_a_change_that_mends_takes_the_finding_away(editor: Editor) -> None:
    uri = editor.show("mended.py", twice(), version=7)
    assert editor.findings(uri)["version"] == 7
    version = editor.type(uri, "def one(a):\n    return a\n")
    cleared = editor.findings(uri, lambda p: p["version"] == version)
    assert cleared["diagnostics"] == []
    version = editor.type(uri, twice("# again\n"))
    assert editor.findings(uri, lambda p: p["version"] == version)["diagnostics"]


def test_typing_fast_ends_with_the_last_text(editor: Editor) -> None:
    uri, version = editor.show("fast.py", ""), 1
    for number in range(300):
        version = editor.type(uri, twice(f"# {number}\n" * (number + 1)))
    found = editor.findings(uri, lambda p: p["version"] == version)
    assert found["diagnostics"][0]["range"]["start"]["line"] == 302
    versions = [p["version"] for p in editor.published(uri)]
    assert versions == sorted(versions)


def test_closing_takes_the_findings_away(editor: Editor) -> None:
    uri = editor.show("closed.py", twice())
    editor.findings(uri)
    since = len(editor.heard)
    editor.shut(uri)
    editor.findings(uri, lambda p: p["diagnostics"] == [], since=since)
    # And the buffer is no longer known: nothing on disk says so.
    assert settled(editor, editor.show("other.py", function("lonely", "closed"))) == []
    # Opened again, with the same version, it is looked at anew.
    since = len(editor.heard)
    editor.show("closed.py", twice())
    editor.findings(uri, since=since)


def test_a_file_opened_later_makes_the_first_a_duplicate(editor: Editor) -> None:
    late = editor.show("z_late.py", function("late", "opened"))
    assert settled(editor, late) == []
    early = editor.show("a_early.py", function("early", "opened"))
    (found,) = editor.findings(late)["diagnostics"]
    assert "early" in found["message"]
    assert settled(editor, early) == []
    # Its mending is noticed in the other document as well.
    since = len(editor.heard)
    editor.type(early, "a = 1\n")
    editor.findings(late, lambda p: p["diagnostics"] == [], since=since)


def rewritten(editor: Editor, uri: str, write: Callable[[int], None]) -> None:
    """Writes until the server has seen it: the moment its watcher begins cannot be known."""
    since = len(editor.heard)
    for number in range(8):
        write(number)
        try:
            editor.wait(
                lambda: any(p["diagnostics"] for p in editor.published(uri, since)), "change", 2.5
            )
        except AssertionError:
            continue
        return
    raise AssertionError(f"No change on disk was seen.\n{editor.stderr()[-2_000:]}")


def test_a_change_on_disk_is_seen(editor: Editor) -> None:
    uri = editor.show("z_open.py", function("mine", "watched"))
    assert settled(editor, uri) == []

    def write(number: int) -> None:
        editor.put("a_disk.py", function("theirs", "watched") + f"# {number}\n")

    rewritten(editor, uri, write)
    since = len(editor.heard)
    (editor.root / "a_disk.py").unlink()
    editor.findings(uri, lambda p: p["diagnostics"] == [], since=since)


def test_a_change_that_the_client_tells_of_is_seen(editor: Editor) -> None:
    uri = editor.show("z_told.py", function("mine", "told"))
    assert settled(editor, uri) == []
    path = editor.put("a_told.py", function("theirs", "told"))
    change = {"uri": uri_of(path), "type": 1}
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
    editor.findings(uri)
    since = len(editor.heard)
    path.unlink()
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [change | {"type": 3}]})
    editor.findings(uri, lambda p: p["diagnostics"] == [], since=since)


def test_the_open_text_counts_and_not_the_disk(editor: Editor) -> None:
    editor.put("a_both.py", function("on_disk", "both"))
    first = editor.show("a_both.py", "a = 1\n")
    second = editor.show("z_both.py", function("mine", "both"))
    change = {"uri": first, "type": 2}
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
    assert settled(editor, second) == []
    # Closed without saving: the disk's text is back.
    editor.shut(first)
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
    (found,) = editor.findings(second)["diagnostics"]
    assert "on_disk" in found["message"]


def test_documents_outside_the_folder_are_left_alone(editor: Editor, tmp_path: Path) -> None:
    outside = [uri_of(tmp_path / "a.py"), "untitled:Untitled-1", "git:/a.py?x", "file://host/a.py"]
    for uri in outside:
        editor._open(uri, twice())
        assert editor.actions(uri, HERE) == []
        assert not [p for p in editor.published(uri) if p["diagnostics"]]


def test_what_is_not_the_persons_own_is_no_measure(tmp_path: Path) -> None:
    """Open or not, what git ignores, others wrote or a program made small is not indexed."""
    root = tmp_path / "ws"
    (root / "src").mkdir(parents=True)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".gitignore").write_text("aside/\n")
    with Editor(root, tmp_path / "private") as editor:
        editor.indexed()
        ours = editor.show("src/a.py", function("mine", "own"))
        others = [
            editor.show(f"{folder}/x.py", function(f"theirs{n}", "own"))
            for n, folder in enumerate(("vendor", "node_modules/q", "aside", ".git/hooks"))
        ]
        small = function("packed", "own") + "x = '" + "y" * 6_000 + "'\n"
        others.append(editor.show("src/packed.py", small))
        editor.findings(others[2], lambda p: p["diagnostics"] == [])
        editor.findings(ours, lambda p: p["diagnostics"] == [])
        for uri in (ours, *others):
            assert [p for p in editor.published(uri) if p["diagnostics"]] == []
        # What is no longer ignored counts, without being opened again.
        since = len(editor.heard)

        def allow(number: int) -> None:
            (root / ".gitignore").write_text(f"build{number}/\n")

        rewritten(editor, ours, allow)
        assert since < len(editor.heard)


def test_what_is_typed_at_once_is_new(tmp_path: Path) -> None:
    """An open and a change within the debounce: what was opened is what stood there."""
    root = tmp_path / "ws"
    root.mkdir()
    near = function("theirs", "near").replace("d = d * a", "d = d * a - 1")
    (root / "a.py").write_text(function("mine", "near"))
    with Editor(root, tmp_path / "private") as editor:
        editor.indexed()
        uri = editor.show("z.py", "import os\n")
        editor.type(uri, "import os\n" + near)
        (found,) = editor.findings(uri)["diagnostics"]
        assert "mine" in found["message"]


def test_a_checkout_of_another_branch_is_seen(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    root.mkdir()

    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
        subprocess.run(command, cwd=root, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (root / "z_kept.py").write_text(function("mine", "branch"))
    git("add", ".")
    git("commit", "-qm", "one")
    git("checkout", "-qb", "other")
    (root / "a_other.py").write_text(function("theirs", "branch"))
    git("add", ".")
    git("commit", "-qm", "two")
    git("checkout", "-q", "main")
    with Editor(root, tmp_path / "private") as editor:
        uri = editor.indexed().show("z_kept.py")
        assert settled(editor, uri) == []

        def switch(number: int) -> None:
            # There and back again, until the watcher has begun.
            if number:
                git("checkout", "-q", "main")
            git("checkout", "-q", "other")

        rewritten(editor, uri, switch)
        since = len(editor.heard)
        git("checkout", "-q", "main")
        editor.findings(uri, lambda p: p["diagnostics"] == [], since=since)


def test_a_change_right_after_indexing_is_not_missed(tmp_path: Path) -> None:
    """What changes between the reading and the watching must be seen all the same."""
    root = tmp_path / "ws"
    root.mkdir()
    (root / "a_disk.py").write_text("a = 1\n")
    (root / "z_open.py").write_text(function("mine", "raced"))
    with Editor(root, tmp_path / "private") as editor:

        def progress(params: Any) -> None:
            if params["value"]["kind"] == "end":
                editor.put("a_disk.py", function("theirs", "raced"))

        editor.on["$/progress"] = progress
        uri = editor.show("z_open.py")
        editor.findings(uri)


@pytest.mark.parametrize("client", ["refuses", "is silent", "cannot"])
def test_findings_do_not_depend_on_the_progress_bar(tmp_path: Path, client: str) -> None:
    capabilities = CAPABILITIES
    if client == "cannot":
        capabilities = without(CAPABILITIES, "window", "workDoneProgress")
    with Editor(tmp_path / "ws", tmp_path / "private", capabilities=capabilities) as editor:

        def create(_: Any) -> Any:
            if client == "is silent":
                return LATER
            raise RpcError(-32603, "no progress here")

        editor.on["window/workDoneProgress/create"] = create
        uri = editor.show("a.py", twice())
        editor.put("b.py", function("on_disk", "progress"))
        other = editor.show("z.py", function("mine", "progress"))
        editor.findings(uri)
        editor.findings(other)
        if client == "refuses":
            # By the letter: no report on a token that was refused.
            assert editor.messages("$/progress") == []


def test_folders_that_come_and_go_are_followed(tmp_path: Path) -> None:
    """The other folder's definitions count while it is open, and only then."""
    body = "(a, b, c):\n    d = a + b + c\n    d = d * a\n    for x in d:\n        d.go(x, a)\n"
    body += "    return d, a, b, c\n"
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.py").write_text(f"def first{body}")
    folder = {"uri": other.as_uri(), "name": "other"}
    with Editor(tmp_path / "ws", tmp_path / "private") as editor:
        uri = editor.show("pkg/deeper/b.py", f"def second{body}")
        editor.indexed()
        editor.findings(uri, lambda p: p["diagnostics"] == [])

        def change(added: list[object], removed: list[object]) -> None:
            event = {"added": added, "removed": removed}
            editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})

        change([folder], [])
        found = editor.wait(lambda: editor.published(uri)[-1]["diagnostics"], "the finding")
        assert "first" in found[0]["message"]
        change([], [folder])
        editor.wait(lambda: editor.published(uri)[-1]["diagnostics"] == [], "no finding")


def test_symbols_and_pulled_findings_are_for_clients_that_ask(tmp_path: Path) -> None:
    body = "(a, b, c):\n    d = a + b + c\n    d = d * a\n    for x in d:\n        d.go(x, a)\n"
    body += "    return d, a, b, c\n"
    root = tmp_path / "ws"
    (root / "deep").mkdir(parents=True)
    (root / "a.py").write_text(f"def first_total{body}\n\ndef first_tot():\n    pass\n")
    (root / "deep" / "b.py").write_text(f"def second_total{body}")
    options = {"workspaceSymbols": True, "diagnostics": "pull"}
    with Editor(root, tmp_path / "private", options=options) as editor:
        editor.indexed()
        found = editor.call("workspace/symbol", {"query": "frst_total"})
        assert [symbol["name"] for symbol in found][:1] == ["first_total"]
        assert found[0]["location"]["uri"].endswith("/a.py")
        found = editor.call("workspace/symbol", {"query": "First_Tota"})
        assert [symbol["name"] for symbol in found][:2] == ["first_total", "first_tot"]
        uri = editor.show("deep/b.py")
        report = editor.call("textDocument/diagnostic", {"textDocument": {"uri": uri}})
        (item,) = report["items"]
        assert item["code"] == "T1"
        assert item["codeDescription"]["href"].endswith("/findings.md#t1")
        whole = editor.call("workspace/diagnostic", {"previousResultIds": []})["items"]
        assert {r["uri"].rsplit("/", 1)[1]: len(r["items"]) for r in whole} == {
            "a.py": 0,
            "b.py": 1,
        }
        assert editor.published(uri) == []


def test_a_pull_does_not_ask_for_another(tmp_path: Path) -> None:
    """Else a client that follows would pull without end."""
    asked: list[object] = []
    workspace = CAPABILITIES["workspace"] | {"diagnostics": {"refreshSupport": True}}
    capabilities = CAPABILITIES | {"workspace": workspace}
    options = {"diagnostics": "pull"}
    with Editor(
        tmp_path / "ws", tmp_path / "private", options=options, capabilities=capabilities
    ) as editor:
        editor.on["workspace/diagnostic/refresh"] = asked.append
        editor.indexed()
        uri = editor.show("a.py", "A = 1\n")
        editor.wait(lambda: asked, "the refresh for what was opened")
        pull = {"textDocument": {"uri": uri}}
        editor.call("textDocument/diagnostic", pull)
        before = len(asked)
        for _ in range(3):
            editor.call("textDocument/diagnostic", pull)
            editor.actions(uri, HERE)
        assert len(asked) == before
        editor.type(uri, "B = 1\n")
        editor.wait(lambda: len(asked) > before, "the refresh for what was typed")


def test_without_the_option_neither_is_there(tmp_path: Path) -> None:
    with Editor(tmp_path / "ws", tmp_path / "private") as editor:
        assert editor.error("workspace/symbol", {"query": "x"}).code == -32601
        assert (
            editor.error("textDocument/diagnostic", {"textDocument": {"uri": "x"}}).code == -32601
        )
