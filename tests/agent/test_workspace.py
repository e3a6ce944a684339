import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.errors import PathRefused, ToolFailed
from steadyhand_agent.workspace import MAX_FILE_BYTES, Workspace, decode, text_hash


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "./",
        "/",
        "/etc/passwd",
        "//etc/passwd",
        "\\etc\\passwd",
        "\\\\server\\share",
        "C:\\x",
        "c:x",
        "./c:x",
        "..",
        "../x",
        "a/../x",
        "a/../../x",
        "a\\..\\..\\x",
        "a/..",
        "a\0b",
        "\0",
        ".git/config",
        ".GIT/config",
        ".Git",
        "a/.git/hooks/pre-commit",
        ".git /config",
        ".git./config",
        "a\\.git\\config",
        ".hg/hgrc",
        ".svn/x",
        ".steadyhand/journal.sqlite",
        ".SteadyHand/x",
    ],
)
def test_names_that_are_refused(tmp_path: Path, name: str) -> None:
    workspace = Workspace([tmp_path])
    with pytest.raises(PathRefused):
        workspace.normal(name)
    with pytest.raises(PathRefused):
        workspace.locate(name)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("a.py", "a.py"),
        ("./a.py", "a.py"),
        ("src//a.py", "src/a.py"),
        ("src/./a.py", "src/a.py"),
        ("src\\a.py", "src/a.py"),
        (" a.py ", "a.py"),
        ("src/", "src"),
        (".gitignore", ".gitignore"),
        (".github/x.yml", ".github/x.yml"),
        ("a..b/c...d", "a..b/c...d"),
        ("größe.py", "größe.py"),
        ("-x", "-x"),
    ],
)
def test_names_have_one_spelling(tmp_path: Path, name: str, normal: str) -> None:
    workspace = Workspace([tmp_path])
    assert workspace.normal(name) == normal
    assert workspace.locate(name) == tmp_path.resolve() / normal


PARTS = st.sampled_from(
    ["..", ".", "", "a", "b", "link", "out", ".git", ".GIT", "~", "C:", "x.py", " ", "\0", "é", "-", "self"]
) | st.text(max_size=4)  # fmt: skip
NAMES = st.lists(PARTS, max_size=6).flatmap(
    lambda parts: st.sampled_from(["/", "\\", "//"]).map(lambda between: between.join(parts))
)


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with links that leave it, stay in it, and go round."""
    base = tmp_path_factory.mktemp("base")
    root, outside = base / "root", base / "outside"
    for folder in (root / "a" / "b", root / ".git", outside):
        folder.mkdir(parents=True)
    (outside / "secret").write_text("secret")
    (root / "x.py").write_text("x = 1\n")
    (root / "out").symlink_to(outside)
    (root / "a" / "out").symlink_to("../../outside/secret")
    (root / "link").symlink_to("a")
    (root / "self").symlink_to("self")
    (root / "a" / "x.py").symlink_to("/etc/passwd")
    (root / "b").symlink_to(".git")
    return root


@given(name=NAMES)
def test_no_name_leads_out_of_the_root(linked: Path, name: str) -> None:
    workspace = Workspace([linked])
    try:
        normal = workspace.normal(name)
        real = workspace.locate(name)
    except PathRefused:
        return
    assert not normal.startswith("/")
    assert ".." not in normal.split("/")
    assert workspace.normal(normal) == normal
    assert real == real.resolve()
    assert real.is_relative_to(linked.resolve())
    assert ".git" not in real.relative_to(linked.resolve()).parts


@given(names=st.lists(st.one_of(NAMES, st.text(max_size=6)), min_size=1, max_size=6))
def test_a_reader_of_many_reads_as_one_of_each(linked: Path, names: list[str]) -> None:
    workspace = Workspace([linked])
    read = workspace.reader()

    def outcome(work: Callable[[str], bytes], name: str) -> tuple[type[Exception] | None, Any]:
        try:
            return None, work(name)
        except (PathRefused, ToolFailed) as error:
            return type(error), str(error)

    for name in [*names, "x.py", "link/x.py", "a/x.py", "out/secret", "b/config", "git~1", "a/b"]:
        assert outcome(read, name) == outcome(workspace.read_bytes, name), name


@given(name=st.text(max_size=12))
def test_any_text_is_a_name_or_is_refused(linked: Path, name: str) -> None:
    workspace = Workspace([linked])
    try:
        real = workspace.locate(name)
    except PathRefused:
        return
    assert real.is_relative_to(linked.resolve())


@pytest.mark.parametrize(
    "name",
    ["out", "out/secret", "a/out", "a/x.py", "link/out", "link/x.py", "self", "b", "b/config"],
)
def test_links_that_lead_out_are_refused(linked: Path, name: str) -> None:
    with pytest.raises(PathRefused):
        Workspace([linked]).locate(name)
    with pytest.raises(PathRefused):
        Workspace([linked]).read(name)


def test_a_link_inside_the_root_leads_to_its_target(linked: Path) -> None:
    assert Workspace([linked]).locate("link/b") == linked.resolve() / "a" / "b"


@pytest.mark.parametrize("name", ["\ud800", "a/\udfff.py", "\udcff"])
def test_a_name_that_no_file_can_have_is_refused(linked: Path, name: str) -> None:
    """A model's JSON may hold a lone surrogate."""
    with pytest.raises((PathRefused, ToolFailed)):
        Workspace([linked]).read(name)


def test_a_name_that_is_too_long_is_refused(linked: Path) -> None:
    with pytest.raises((PathRefused, ToolFailed)):
        Workspace([linked]).read("x" * 5_000)
    with pytest.raises((PathRefused, ToolFailed)):
        Workspace([linked]).read("x/" * 5_000)


def test_a_root_that_is_a_link_is_its_target(linked: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(linked)
    workspace = Workspace([tmp_path / "alias", linked])
    assert workspace.roots == [linked.resolve()]
    assert workspace.name_of(tmp_path / "alias" / "x.py") == "x.py"


def test_several_roots_are_told_apart_by_name(tmp_path: Path) -> None:
    one, two = tmp_path / "1" / "app", tmp_path / "2" / "app"
    for root in (one, two):
        root.mkdir(parents=True)
        (root / "x.py").write_text(f"# {root.parent.name}\n")
    workspace = Workspace([one, two])
    assert workspace.name_of(one / "x.py") == "app/x.py"
    assert workspace.name_of(two / "x.py") == "app-2/x.py"
    assert workspace.read("app-2/x.py") == "# 2\n"
    assert workspace.split("app-2/a/b.py") == (two.resolve(), "a/b.py")


@pytest.mark.parametrize("name", ["x.py", "other/x.py", "app/../app-2/x.py", "app/.git/x"])
def test_a_name_without_its_root_is_refused(tmp_path: Path, name: str) -> None:
    one, two = tmp_path / "1" / "app", tmp_path / "2" / "app"
    one.mkdir(parents=True)
    two.mkdir(parents=True)
    with pytest.raises(PathRefused):
        Workspace([one, two]).locate(name)


def test_a_link_from_one_root_into_another_is_refused(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "link").symlink_to(two)
    with pytest.raises(PathRefused):
        Workspace([one, two]).locate("one/link/x.py")


def test_the_root_itself_is_no_file(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with pytest.raises((PathRefused, ToolFailed)):
        Workspace([one, two]).read("one")


def test_names_of_paths(tmp_path: Path) -> None:
    workspace = Workspace([tmp_path])
    assert workspace.name_of(tmp_path / "a" / "b.py") == "a/b.py"
    assert workspace.name_of(tmp_path.parent / "b.py") is None


def test_a_workspace_is_the_same_in_whatever_order_its_roots_are_open(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    assert Workspace([one, two]).id == Workspace([two, one]).id
    assert Workspace([one]).id != Workspace([two]).id


def test_text_is_read_as_it_stands(tmp_path: Path) -> None:
    data = "\ufeffa = 'é'\r\nb\rc\f\u2028d".encode()
    (tmp_path / "a.py").write_bytes(data)
    assert Workspace([tmp_path]).read("a.py").encode() == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a\0b", "binary"),
        (b"\xff\xfe", "UTF-8"),
        (b"\xed\xa0\x80", "UTF-8"),
        (b"x" * (MAX_FILE_BYTES + 1), "1 MB"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ToolFailed, match=why):
        Workspace([tmp_path]).read("a")


def test_a_file_of_exactly_one_megabyte_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * MAX_FILE_BYTES)
    assert len(Workspace([tmp_path]).read("a")) == MAX_FILE_BYTES


@pytest.mark.parametrize("name", ["missing", "folder", "pipe"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ToolFailed, match=f"`{name}`"):
        Workspace([tmp_path]).read(name)


@given(st.binary(max_size=60))
def test_decoding_loses_nothing(data: bytes) -> None:
    try:
        text = decode(data, "a")
    except ToolFailed:
        return
    assert text.encode() == data


@given(st.text(max_size=20), st.text(max_size=20))
def test_hash_tells_texts_apart(one: str, two: str) -> None:
    assert (text_hash(one) == text_hash(two)) is (one == two)


def test_hash_takes_what_an_editor_may_send() -> None:
    assert text_hash("\ud800") != text_hash("?")
