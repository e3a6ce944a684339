"""The loop guard by itself: what it says of steps, and that it knows nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stuck as bench
import trajectories
from steadyhand_agent.guard import normal
from steadyhand_agent.guard.stuck import Nudge, Stop, StuckDetector


def kinds(answers: list[Nudge | Stop | None]) -> list[str]:
    return [type(answer).__name__ for answer in answers if answer is not None]


def test_it_needs_neither_loop_nor_session() -> None:
    program = (
        "import sys, steadyhand_agent.guard.stuck\n"
        "print([n for n in sys.modules if n.startswith('steadyhand_agent.') and 'guard' not in n])"
    )
    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_nudge_comes_first_then_the_stop_and_each_once() -> None:
    detector = StuckDetector()
    answers = [detector.observe("read", {"path": "a"}, "text", False) for _ in range(5)]
    assert kinds(answers) == ["Nudge", "Stop"]
    assert [bool(answer) for answer in answers] == [False, False, True, False, True]


def test_words_that_explain_a_step_do_not_make_it_another() -> None:
    detector = StuckDetector()
    answers = [
        detector.observe("read", {"path": "a", "reason": f"try {n}"}, "text", False)
        for n in range(3)
    ]
    assert isinstance(answers[-1], Nudge)


def test_a_step_with_another_result_is_polling() -> None:
    detector = StuckDetector()
    answers = [detector.observe("shell", {"command": "jobs"}, f"{n} done", False) for n in range(9)]
    assert kinds(answers) == []


def test_a_step_whose_time_alone_changes_is_not() -> None:
    detector = StuckDetector()
    said = [f"[2026-01-01 10:0{n}:00] waiting, {n}.5s" for n in range(3)]
    answers = [detector.observe("shell", {"command": "jobs"}, text, False) for text in said]
    assert kinds(answers) == ["Nudge"]


@pytest.mark.parametrize("length", range(2, 11))
def test_cycles_up_to_ten_long(length: int) -> None:
    detector = StuckDetector()
    answers = [
        detector.observe("read", {"path": f"{n % length}.py"}, f"text {n % length}", False)
        for n in range(4 * length + 4)
    ]
    assert kinds(answers)[:2] == ["Nudge", "Stop"]


def test_steps_of_one_reply_are_one_chance() -> None:
    """They were chosen before the nudge could be read."""
    detector = StuckDetector()
    first = [detector.observe("read", {"path": "a"}, "t", False, round=1) for _ in range(9)]
    assert kinds(first) == ["Nudge"]
    second = [detector.observe("read", {"path": "a"}, "t", False, round=n) for n in (2, 3)]
    assert kinds(second) == ["Stop"]


def test_another_way_after_the_nudge_ends_the_episode() -> None:
    detector = StuckDetector()
    for _ in range(3):
        detector.observe("read", {"path": "a"}, "t", False)
    for n in range(6):
        assert detector.observe("read", {"path": f"{n}"}, f"other {n}", False) is None
    # The second time it is told again; it has another chance.
    again = [detector.observe("read", {"path": "b"}, "u", False) for _ in range(3)]
    assert kinds(again) == ["Nudge"]


def test_a_third_circle_is_the_end() -> None:
    detector = StuckDetector()
    said: list[str] = []
    for episode in range(3):
        for _ in range(3):
            answer = detector.observe("read", {"path": f"e{episode}"}, "t", False)
            said += kinds([answer])
        for n in range(6):
            detector.observe("read", {"path": f"{episode}/{n}"}, f"other {episode} {n}", False)
    assert said == ["Nudge", "Nudge", "Stop"]


def test_failures_that_become_fewer_are_progress() -> None:
    detector = StuckDetector()
    answers = [
        detector.observe("run_check", {"name": "t"}, f"FAILED a.py:{n}\n{9 - n} failed", True)
        for n in range(6)
    ]
    assert kinds(answers) == []


def test_edits_that_are_taken_back_are_no_progress() -> None:
    detector = StuckDetector()
    answers = []
    for n in range(8):
        old, new = ("a", "b") if n % 2 else ("b", "a")
        arguments = {"path": "x.py", "old_text": old, "new_text": new}
        answers.append(
            detector.observe("edit_file", arguments, "Edited.", False, proposal=f"p{n % 2}")
        )
    assert kinds(answers)[:2] == ["Nudge", "Stop"]


def test_the_hand_over_says_what_was_tried_what_is_known_and_what_to_do() -> None:
    detector = StuckDetector()
    answer = None
    for n in range(9):
        arguments = {"path": "a.py", "old_text": f"text {n}"}
        said = "`old_text` does not occur in `a.py`."
        answer = detector.observe("edit_file", arguments, said, True, proposal="p")
        if isinstance(answer, Stop):
            break
    assert isinstance(answer, Stop)
    assert "`edit_file a.py` (6 times)" in answer.message
    assert "does not occur in `a.py`." in answer.message
    assert "take the proposal as it stands" in answer.message


@pytest.mark.parametrize("kind", trajectories.STUCK)
def test_every_stuck_kind_is_stopped(kind: str) -> None:
    runs = [run for run in trajectories.stuck(5, 8) if run.kind == kind]
    for trajectory in runs:
        nudged, stopped = bench.watch(trajectory)
        assert nudged is not None, trajectory.steps[-3:]
        assert stopped is not None
        assert trajectory.stuck_from is not None
        assert trajectory.stuck_from <= nudged < stopped


def test_healthy_runs_are_let_be() -> None:
    scores = bench.score(trajectories.healthy(5, 20))
    assert sum(score.runs for score in scores.values()) == 160
    assert {name: score.nudged for name, score in scores.items() if score.nudged} == {}


@given(st.text(max_size=400), st.booleans())
def test_any_text_can_be_observed(text: str, error: bool) -> None:
    detector = StuckDetector()
    answer = None
    for _ in range(3):
        answer = detector.observe("t", {"a": text, "n": 2**70}, text, error)
    # A command that says nothing three times is a repetition all the same.
    assert isinstance(answer, Nudge)


def test_real_trajectories_are_read(tmp_path: Path) -> None:
    line = '{"kind": "real", "stuck_from": 0, "steps": [%s]}\n'
    step = '["shell", {"command": "ls"}, "a b", false]'
    (tmp_path / "real.jsonl").write_text(line % ", ".join([step] * 6))
    (found,) = bench._read(tmp_path / "real.jsonl")
    assert bench.watch(found) == (2, 4)


def test_a_long_figure_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cube of its length would take longer than anybody lives."""
    monkeypatch.setattr(normal, "_CLOSELY", 1_000_000)
    figure = "1" * 100_000
    assert normal.bare(f"{figure} / 2") == f"{figure} / #"
    assert (
        normal.bare(f"{figure} of 3, 12.5 failed, 7 left") == f"{figure} of #, 12.5 failed, # left"
    )
