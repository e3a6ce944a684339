import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from steadyhand_agent.proposals.changes import FileChange, Proposal

LINES = st.sampled_from(
    ["a", "b", "c", "", "+x", "-y", "--- z", "+++ w", "@@", "\\ q", "\f", "\u2028", "é", "#r", "\r"]
)
TEXTS = st.builds(
    lambda lines, end: "\n".join(lines) + end,
    st.lists(LINES, max_size=8),
    st.sampled_from(["", "\n"]),
)


def test_diff_of_a_change() -> None:
    change = FileChange("p/a.py", "one\ntwo\n", "one\n2\n")
    assert change.diff() == "--- a/p/a.py\n+++ b/p/a.py\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
    assert change.counts() == (1, 1)


def test_diff_of_a_new_and_of_a_deleted_file() -> None:
    assert FileChange("a", None, "x\n").diff() == "--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+x\n"
    assert FileChange("a", "x\n", None).diff() == "--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    assert FileChange("a", None, "x\ny\n").counts() == (2, 0)
    assert FileChange("a", "x\ny\n", None).counts() == (0, 2)


def test_diff_marks_a_missing_line_end() -> None:
    assert FileChange("a", "x", "x\n").diff() == (
        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n"
    )
    assert FileChange("a", "x\n", "x").diff() == (
        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+x\n\\ No newline at end of file\n"
    )


@pytest.mark.parametrize("mark", ["\f", "\u2028", "\x85", "\v", "\x1c", "\r"])
def test_only_a_line_feed_ends_a_line_of_a_diff(mark: str) -> None:
    change = FileChange("a", f"x{mark}y\nz\n", f"x{mark}w\nz\n")
    assert change.diff().count("\n") == 6
    assert change.counts() == (1, 1)


@pytest.mark.parametrize("line", ["-- x", "++ x", "", "@@"])
def test_lines_that_look_like_a_diff_are_counted(line: str) -> None:
    assert FileChange("a", "x\n", f"x\n{line}\n").counts() == (1, 0)
    assert FileChange("a", f"x\n{line}\n", "x\n").counts() == (0, 1)


def test_lines_with_odd_marks_are_counted_once() -> None:
    assert FileChange("a", "", "a\u2028+b\f-c\n").counts() == (1, 0)


def test_headline() -> None:
    one, two = FileChange("a", "x\n", "y\nz\n"), FileChange("b", None, "x\n")
    assert Proposal("s", (one,)).headline() == "1 file, +2 -1"
    assert Proposal("s", (one, two)).headline() == "2 files, +3 -1"


def test_remarks_stand_above_their_file() -> None:
    one, two = FileChange("a", "x\n", "y\n"), FileChange("b", "x\n", "y\n")
    proposal = Proposal("s", (one, two), remarks={"b": ("first", "second"), "c": ("never",)})
    assert proposal.diff() == one.diff() + "# first\n# second\n" + two.diff()


def test_a_remark_of_several_lines_stays_a_remark(tmp_path: Path) -> None:
    """A model's reason may hold anything, such as a patch of its own."""
    (tmp_path / "a").write_text("x\n")
    remark = "because\n--- a/b\n+++ b/b\n@@ -0,0 +1 @@\n+evil"
    proposal = Proposal("s", (FileChange("a", "x\n", "y\n"),), remarks={"a": (remark,)})
    lines = proposal.diff().split("\n")
    assert all(line.startswith("#") for line in lines[: lines.index("--- a/a")])


@given(TEXTS, TEXTS, st.booleans())
def test_git_makes_the_new_text_of_the_diff(
    tmp_path_factory: pytest.TempPathFactory, base: str, new: str, remark: bool
) -> None:
    assume(base != new and base and new)
    folder = tmp_path_factory.mktemp("patch", numbered=True)
    (folder / "a").write_bytes(base.encode())
    remarks = {"a": ("a remark",)} if remark else {}
    diff = Proposal("s", (FileChange("a", base, new),), remarks=remarks).diff()
    subprocess.run(
        ["git", "apply", "--unidiff-zero", "-"],
        cwd=folder, input=diff.encode(), check=True, capture_output=True,
    )  # fmt: skip
    assert (folder / "a").read_bytes() == new.encode()
