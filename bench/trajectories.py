"""Trajectories of scripted agents, healthy and stuck, from a seed.

Written from what is known of real agents' loops (paging, polling and batch edits are what guards
alarm at for nothing; alternation, long cycles, reworded steps, moving line numbers and "the same
result whatever I do" are what they miss), before the detector's limits were chosen, and without a
look at them. Nothing here knows the detector.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

WORDS = [
    "order",
    "invoice",
    "parser",
    "token",
    "cache",
    "client",
    "server",
    "reader",
    "writer",
    "index",
    "segment",
    "query",
    "border",
    "ledger",
    "mail",
    "queue",
    "worker",
    "retry",
    "backoff",
    "shape",
    "colour",
    "layout",
    "margin",
    "total",
    "price",
    "stock",
    "batch",
    "user",
    "group",
    "role",
    "grant",
    "session",
    "cookie",
    "header",
    "footer",
    "page",
    "section",
    "title",
    "slug",
    "feed",
    "archive",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One action and what came of it, as a detector is shown it."""

    tool: str
    arguments: dict[str, Any]
    observation: str
    is_error: bool = False
    proposal: str = ""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A run of one kind; `stuck_from` is the step at which its loop begins, None where healthy."""

    kind: str
    steps: list[Step] = field(default_factory=list[Step])
    stuck_from: int | None = None


class World:
    """Names and texts that look like a project's."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.version = 0

    def name(self) -> str:
        return f"{self.rng.choice(WORDS)}_{self.rng.choice(WORDS)}"

    def path(self) -> str:
        return f"{self.rng.choice(('src', 'lib', 'app', 'tests'))}/{self.name()}.py"

    def code(self, lines: int) -> list[str]:
        return [
            f"    {self.name()} = {self.name()}({self.rng.randrange(900)})" for _ in range(lines)
        ]

    def stamp(self) -> str:
        rng = self.rng
        return f"2026-03-{rng.randrange(1, 28):02} {rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"

    def seconds(self) -> str:
        return f"{self.rng.uniform(0.01, 9):.2f}s"

    def edited(self) -> str:
        """The proposal after another edit."""
        self.version += 1
        return f"p{self.version}"

    @property
    def proposal(self) -> str:
        return f"p{self.version}" if self.version else ""

    def read(self, path: str | None = None) -> Step:
        path = path or self.path()
        rows = "\n".join(f"{n}\t{line}" for n, line in enumerate(self.code(12), 1))
        return Step("read_file", {"path": path}, rows, proposal=self.proposal)

    def edit(self, path: str | None = None) -> Step:
        path = path or self.path()
        line = self.rng.randrange(1, 300)
        arguments = {"path": path, "old_text": self.name(), "new_text": self.name()}
        said = f"Edited `{path}` from line {line}."
        return Step("edit_file", arguments, said, proposal=self.edited())

    def search(self, hits: int) -> Step:
        word = self.name()
        found = [
            f"{self.path()}:{self.rng.randrange(400)}: {word} = {self.name()}" for _ in range(hits)
        ]
        said = "\n".join(found) or f"`{word}` occurs in no file that can be read."
        return Step("search_text", {"text": word}, said, proposal=self.proposal)

    def look_around(self, steps: int) -> list[Step]:
        """Steps that learn something, as before any loop."""
        rng = self.rng
        return [
            rng.choice((self.read, self.edit, lambda: self.search(rng.randrange(1, 6))))()
            for _ in range(steps)
        ]


# --- healthy --------------------------------------------------------------------------------------


def paging(world: World) -> list[Step]:
    """A long file, page by page; every second one is nothing but figures."""
    path, rng = world.path(), world.rng
    size = rng.choice((50, 100, 200, 400))
    figures = rng.random() < 0.5
    steps: list[Step] = []
    for page in range(rng.randrange(5, 16)):
        first = page * size + 1
        if figures:
            lines = [f"{rng.randrange(9999)},{rng.randrange(9999)},{rng.random():.3f}"] * 1
            lines += [f"{rng.randrange(9999)},{rng.randrange(9999)}" for _ in range(9)]
        else:
            lines = world.code(10)
        rows = "\n".join(f"{first + n}\t{line}" for n, line in enumerate(lines))
        arguments = {"path": path, "start_line": first, "end_line": first + size - 1}
        steps.append(Step("read_file", arguments, rows, proposal=world.proposal))
    return steps


def polling(world: World) -> list[Step]:
    """One command again and again while its output moves on; once it stands still for a moment."""
    rng = world.rng
    total, done = rng.randrange(40, 400), 0
    what = rng.choice(("job-status", "kubectl get pods", "docker ps", "make -s progress"))
    steps: list[Step] = []
    still = rng.randrange(3, 8)
    for turn in range(rng.randrange(6, 18)):
        if done == total:
            break
        if turn != still:
            done = min(total, done + rng.randrange(1, 30))
        said = rng.choice((f"{done} of {total} done", f"{done}/{total} finished, 0 failed"))
        if turn % 2:
            said = f"[{world.stamp()}] {said}"
        steps.append(Step("shell", {"command": what}, said, proposal=world.proposal))
    return steps


def batch(world: World) -> list[Step]:
    """The same small edit in many files; some tools say no more than that it is done."""
    rng = world.rng
    old, new = world.name(), world.name()
    terse = rng.choice((None, "OK", "The file has been updated.", ""))
    steps: list[Step] = []
    for number in range(rng.randrange(5, 16)):
        path = f"src/{world.name()}_{number}.py"
        said = terse
        if said is None:
            said = f"Edited `{path}` from line {rng.randrange(1, 200)}."
        if terse == "" and rng.random() < 0.7:
            command = {"command": f"git mv {path} {path.replace('src', 'lib')}"}
            steps.append(Step("shell", command, said, proposal=world.edited()))
            continue
        arguments = {"path": path, "old_text": old, "new_text": new}
        steps.append(Step("edit_file", arguments, said, proposal=world.edited()))
    return steps


def test_fix_test(world: World) -> list[Step]:
    """Failures go down, not with every try; the check's command never changes."""
    rng = world.rng
    path, failures = world.path(), rng.randrange(3, 9)
    steps: list[Step] = []
    unlucky = 0
    while True:
        names = "\n".join(f"FAILED {path}:{rng.randrange(500)} test_{n}" for n in range(failures))
        said = f"{names}\n{failures} failed, {20 - failures} passed in {world.seconds()}"
        failed = failures > 0
        steps.append(Step("run_check", {"name": "pytest"}, said, failed, world.proposal))
        if not failed:
            return steps
        if rng.random() < 0.5:
            steps.append(world.read(path))
        steps.append(world.edit(path))
        if unlucky < 2 and rng.random() < 0.3:
            unlucky += 1
        else:
            failures, unlucky = max(0, failures - rng.randrange(1, 3)), 0


def searching(world: World) -> list[Step]:
    """Different words; a few of them are found nowhere."""
    rng = world.rng
    steps: list[Step] = []
    nowhere = 0
    for _ in range(rng.randrange(4, 12)):
        hits = 0 if nowhere < 3 and rng.random() < 0.35 else rng.randrange(1, 5)
        nowhere = 0 if hits else nowhere + 1
        steps.append(world.search(hits))
        if hits and rng.random() < 0.4:
            steps.append(world.read())
    return steps


def retrying(world: World) -> list[Step]:
    """A step that fails once or twice and then works."""
    rng = world.rng
    steps: list[Step] = []
    for _ in range(rng.randrange(2, 5)):
        path = world.path()
        wrong = rng.choice(
            (
                f"`old_text` does not occur in `{path}`, and nothing was changed.",
                f"`{path}` took longer than 60 s and was ended. Ask for less at once.",
                "connection reset by peer",
            )
        )
        for _ in range(rng.randrange(1, 3)):
            arguments = {"path": path, "old_text": world.name(), "new_text": "x"}
            steps.append(Step("edit_file", arguments, wrong, True, world.proposal))
            if rng.random() < 0.5:
                steps.append(world.read(path))
        steps += [world.edit(path), world.read()]
    return steps


def working(world: World) -> list[Step]:
    """An ordinary task: look, think, edit, look at the same file again, check."""
    rng = world.rng
    files = [world.path() for _ in range(4)]
    steps: list[Step] = []
    for _ in range(rng.randrange(6, 18)):
        turn = rng.random()
        if turn < 0.35:
            steps.append(world.read(rng.choice(files)))
        elif turn < 0.55:
            steps.append(world.edit(rng.choice(files)))
        elif turn < 0.75:
            steps.append(world.search(rng.randrange(0, 5)))
        elif turn < 0.9:
            text = f"Next I look at {world.name()} because {world.name()} may call {world.name()}."
            steps.append(Step("think", {"text": text}, "Noted.", proposal=world.proposal))
        else:
            listed = "\n".join(files)
            steps.append(Step("list_files", {"pattern": "src/*"}, listed, proposal=world.proposal))
    return steps


def watching_a_log(world: World) -> list[Step]:
    """`tail` of a log: most lines stay, one is new at every look."""
    rng = world.rng
    lines = [f"{world.stamp()} INFO {world.name()} started" for _ in range(6)]
    steps: list[Step] = []
    for _ in range(rng.randrange(5, 12)):
        lines = [*lines[1:], f"{world.stamp()} INFO {world.name()} {rng.randrange(999)} rows"]
        command = {"command": "tail -n 6 app.log"}
        steps.append(Step("shell", command, "\n".join(lines), proposal=world.proposal))
    return steps


HEALTHY: dict[str, Callable[[World], list[Step]]] = {
    "paging": paging,
    "polling": polling,
    "batch of edits": batch,
    "test, fix, test": test_fix_test,
    "searches": searching,
    "retries": retrying,
    "ordinary work": working,
    "watching a log": watching_a_log,
}

# --- stuck ----------------------------------------------------------------------------------------

LOOP = 40


def exact(world: World) -> Iterator[Step]:
    """One step, always the same."""
    same = world.rng.choice((world.read, lambda: world.search(3), lambda: world.search(0)))()
    while True:
        yield same


def alternation(world: World) -> Iterator[Step]:
    """A, B, A, B."""
    first, second = world.read(), world.search(2)
    while True:
        yield first
        yield second


def cycle(world: World) -> Iterator[Step]:
    """Three to ten steps, over and over; times in the results differ."""
    rng = world.rng
    steps = [
        rng.choice((world.read, lambda: world.search(rng.randrange(1, 4))))()
        for _ in range(rng.randrange(3, 11))
    ]
    timed = rng.random() < 0.5
    while True:
        for step in steps:
            said = f"{step.observation}\n({world.seconds()})" if timed else step.observation
            yield Step(step.tool, step.arguments, said, step.is_error, step.proposal)


def moving_line_numbers(world: World) -> Iterator[Step]:
    """The same step and the same error, but the line and the time in it change."""
    rng = world.rng
    path, name = world.path(), world.name()
    while True:
        line = rng.randrange(1, 900)
        said = (
            f'{world.stamp()} File "{path}", line {line}, in {name}\n'
            f"NameError: name '{name}' is not defined (0x{rng.getrandbits(40):010x}, {world.seconds()})"
        )
        yield Step("shell", {"command": f"python {path}"}, said, True, world.proposal)


def same_result(world: World) -> Iterator[Step]:
    """Another command each time; the answer is the same whatever it is."""
    rng = world.rng
    said = rng.choice(
        (
            "ModuleNotFoundError: No module named 'yaml'",
            "error: could not connect to the database at db:5432",
            "Permission denied (publickey).",
            "This needs the person's consent.",
        )
    )
    failed = rng.random() < 0.7
    while True:
        command = f"{rng.choice(('python', 'pip install', 'make', 'env', 'sh -c'))} {world.name()}"
        if rng.random() < 0.12:
            yield world.read()
            continue
        more = rng.choice(("", "", f"\n[{world.stamp()}]", f" (attempt {rng.randrange(50)})"))
        yield Step("shell", {"command": command}, said + more, failed, world.proposal)


def found_nowhere(world: World) -> Iterator[Step]:
    """Reworded searches for what is not there; the answer repeats the word."""
    while True:
        yield world.search(0)


def edit_that_never_matches(world: World) -> Iterator[Step]:
    """The same edit with other words; it is refused for the same reason each time."""
    path = world.path()
    while True:
        arguments = {"path": path, "old_text": "\n".join(world.code(3)), "new_text": world.name()}
        line = world.rng.randrange(1, 400)
        said = (
            f"`old_text` does not occur in `{path}`, and nothing was changed. "
            f"The nearest region begins at line {line}."
        )
        yield Step("edit_file", arguments, said, True, world.proposal)


def few_errors(world: World) -> Iterator[Step]:
    """Errors in no order, but only two or three different ones; now and then something works."""
    rng = world.rng
    kinds = rng.sample(
        (
            "No such file or directory",
            "SyntaxError: invalid syntax",
            "command not found",
            "AssertionError",
            "TypeError: unsupported operand",
        ),
        rng.randrange(2, 4),
    )
    while True:
        if rng.random() < 0.12:
            yield world.read()
            continue
        said = f"{rng.choice(kinds)} (line {rng.randrange(300)}, {world.seconds()})"
        command = {"command": f"python {world.path()} --{world.name()}"}
        yield Step("shell", command, said, True, world.proposal)


def text_loop(world: World) -> Iterator[Step]:
    """Thinking aloud, the same thing in slightly other words, and doing nothing."""
    rng = world.rng
    name, other = world.name(), world.name()
    openings = ("Let me", "Now let me", "I will", "OK, let me", "Next I should")
    endings = ("", " now", " first", " once more", " and then go on")
    while True:
        text = (
            f"{rng.choice(openings)} look at how {name} is called from {other} before I change "
            f"anything, since the order of the two matters here{rng.choice(endings)}."
        )
        yield Step("think", {"text": text}, "Noted.", proposal=world.proposal)


def stalled(world: World) -> Iterator[Step]:
    """Wandering among what has all been seen, in no order; nothing is changed by it."""
    rng = world.rng
    known = [
        rng.choice((world.read, lambda: world.search(rng.randrange(1, 4))))()
        for _ in range(rng.randrange(4, 8))
    ]
    yield from known
    while True:
        yield rng.choice(known)


def same_failure(world: World) -> Iterator[Step]:
    """Edit after edit, and the check says the same each time."""
    rng = world.rng
    path, name = world.path(), world.name()
    while True:
        yield world.edit(path)
        said = (
            f"FAILED {path}:{rng.randrange(400)} {name}\n1 failed, 19 passed in {world.seconds()}"
        )
        yield Step("run_check", {"name": "pytest"}, said, True, world.proposal)


STUCK: dict[str, Callable[[World], Iterator[Step]]] = {
    "exact repetition": exact,
    "alternation": alternation,
    "cycle of 3 to 10": cycle,
    "moving line numbers": moving_line_numbers,
    "same result": same_result,
    "found nowhere": found_nowhere,
    "edit that never matches": edit_that_never_matches,
    "few distinct errors": few_errors,
    "text loop": text_loop,
    "stalled state": stalled,
    "same failure after each edit": same_failure,
}


def healthy(seed: int, each: int) -> Iterator[Trajectory]:
    """`each` trajectories of every healthy kind."""
    for kind, make in HEALTHY.items():
        for number in range(each):
            world = World(random.Random(f"{seed}/{kind}/{number}"))
            before = world.look_around(world.rng.randrange(0, 4))
            after = world.look_around(world.rng.randrange(0, 4))
            yield Trajectory(kind, [*before, *make(world), *after])


def stuck(seed: int, each: int) -> Iterator[Trajectory]:
    """`each` trajectories of every kind of being stuck, after a beginning that is healthy."""
    for kind, make in STUCK.items():
        for number in range(each):
            world = World(random.Random(f"{seed}/{kind}/{number}"))
            before = world.look_around(world.rng.randrange(0, 8))
            loop = make(world)
            steps = [*before, *(next(loop) for _ in range(LOOP))]
            yield Trajectory(kind, steps, len(before))
