"""A session as a text: nothing hidden, nothing that breaks out of its quotation, nothing endless."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steadyhand_agent.proposals.hunks import Hunk
from steadyhand_agent.session import Convention, Result, Round, SessionState, Task
from steadyhand_server.transcript import transcript


def call(name: str, **content: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "call_1", "name": name, "input": content}


def session(*rounds: Round, prompt: str = "Do it") -> SessionState:
    return SessionState(id="0123abcd", task=Task(prompt=prompt), rounds=list(rounds))


def outside_fences(text: str) -> list[str]:
    """The lines that are no quotation, as Markdown reads fences."""
    found: list[str] = []
    fence = ""
    for line in text.splitlines():
        ticks = line[: len(line) - len(line.lstrip("`"))]
        if not fence and len(ticks) >= 3:
            fence = ticks
        elif fence and line == fence:
            fence = ""
        elif not fence:
            found.append(line)
    assert not fence, "a quotation that never ends"
    return found


def test_a_round_with_all_that_happened() -> None:
    edit = call("edit_file", path="a.py", old_text="one\ntwo\n", new_text="one\n2\n", reason="Why.")
    state = session(
        Round(
            number=1,
            blocks=[{"type": "text", "text": "I change it."}, edit],
            verdicts=[{"verdict": "permit", "remarks": {"a.py": ["`f` is there again"]}}],
            results=[Result(text="Edited `a.py`.", seconds=2.2)],
            notes=["The file has moved."],
        ),
        Round(
            number=2,
            blocks=[edit],
            verdicts=[{"verdict": "refuse", "rule": "duplicate", "why": "It exists.\nUse it."}],
            results=[Result(text="Refused", error=True)],
        ),
        Round(number=3, blocks=[call("read_file", path="b.py")]),
    )
    state.offered = {"a.py": [Hunk(id="h1", first=1, end=2, new_first=1, new_end=2)]}
    state.summary = "Two is 2."
    lines = transcript(state).splitlines()
    assert lines[0] == "# Do it"
    for expected in (
        "> I change it.",
        "**edit_file** a.py (Why.), 2 s",
        "-two",
        "+2",
        "Accepted, though: `f` is there again",
        "Edited `a.py`.",
        "*Told: The file has moved.*",
        "Refused (duplicate):",
        "Use it.",
        "*It has not come to its end.*",
        "## What it came to",
        "- h1 a.py: open",
    ):
        assert expected in lines, expected
    assert "Refused" not in lines


def test_it_says_which_conventions_were_taken() -> None:
    state = session()
    state.task.conventions = [
        Convention(path="AGENTS.md", text="Names\n</x>", note="in part: 9 of 99 bytes"),
        Convention(path="a\u202e/AGENTS.md", text="More"),
        Convention(path="CLAUDE.md", note="not taken: `CLAUDE.md` is\na binary file."),
    ]
    lines = transcript(state).splitlines()
    assert [line for line in lines if "conventions" in line] == [
        "- conventions: AGENTS.md (in part: 9 of 99 bytes)",
        "- conventions: a<U+202E>/AGENTS.md",
        "- conventions: CLAUDE.md (not taken: `CLAUDE.md` is<U+000A>a binary file.)",
    ]
    assert "</x>" not in lines


def test_words_alone_are_said_once_and_a_cut_reply_says_so() -> None:
    words = [{"type": "text", "text": "No idea."}]
    thought = transcript(session(Round(number=1, blocks=words, results=[Result(text="Go on.")])))
    assert thought.count("No idea.") == 1
    cut = transcript(session(Round(number=1, blocks=words, stop_reason="max_tokens")))
    assert "> No idea." in cut.splitlines()
    assert "*The reply could not be used: Your reply was cut" in cut


def test_long_results_and_lines_are_cut_and_say_how_much() -> None:
    text = "\n".join(["x" * 1_000, *map(str, range(99))])
    done = Round(number=1, blocks=[call("read_file", path="a")], results=[Result(text=text)])
    told = transcript(session(done))
    assert "[… 88 more lines]" in told
    assert max(map(len, told.splitlines())) < 500


def test_hidden_characters_are_written_out() -> None:
    done = Round(
        number=1, blocks=[call("read_file", path="a\u202eb")], results=[Result(text="\x1b[1m")]
    )
    told = transcript(session(done, prompt="Do \u200b it"))
    assert not {"\u202e", "\u200b", "\x1b"} & set(told)
    assert "<U+202E>" in told


TEXTS = st.text(st.sampled_from(["`", "\n", "a", "#", " ", "\r"]), max_size=60)


@given(text=TEXTS, error=st.booleans())
def test_no_result_breaks_out_of_its_quotation(text: str, error: bool) -> None:
    marked = f"a\n{text}\n# not a heading\n"
    done = Round(
        number=1,
        blocks=[call("create_file", path="a.py", text=marked)],
        results=[Result(text=marked, error=error)],
        verdicts=[{"verdict": "permit"}],
    )
    outside = outside_fences(transcript(session(done)))
    assert "# not a heading" not in outside
    assert outside.count("# Do it") == 1
