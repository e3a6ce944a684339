"""A raw editor, a model on a local HTTP server, and what that model says to each task."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from messages_server import Answer, MessagesServer, Reply
from raw_client import LATER, Editor

Json = dict[str, Any]
# The first call imports the SDK, which takes seconds on a slow machine.
FIRST = 40.0
HERE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
BEFORE = "first = 1\nsecond = 2\nthird = 3\nfourth = 4\nfifth = 5\n"
AFTER = BEFORE.replace("second = 2\n", "second = 22\n")
_numbers = count(1)


def call(tool: str, **arguments: Any) -> Json:
    given = {"reason": "asked for"} | arguments
    return {"type": "tool_use", "id": f"toolu_{next(_numbers)}", "name": tool, "input": given}


def edit(path: str, old: str = "second = 2\n", new: str = "second = 22\n") -> Json:
    return call("edit_file", path=path, old_text=old, new_text=new)


def finish(summary: str = "It is done.") -> Reply:
    return Reply([call("finish", summary=summary)])


@dataclass
class Desk:
    """An editor, a model, and what the model will say to each prompt."""

    editor: Editor
    model: MessagesServer
    plans: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])

    def answer(self, body: Json) -> Answer:
        prompt = body["messages"][0]["content"][0]["text"].partition("\n")[0]
        return self.plans[prompt].pop(0)

    def asked(self, prompt: str) -> list[Json]:
        """The requests that belong to a prompt."""
        return [
            body
            for body in self.model.requests
            if body["messages"][0]["content"][0]["text"].startswith(prompt)
        ]

    def start(self, *answers: Answer, **argument: Any) -> str:
        """Begins a task; returns its session."""
        prompt = f"task {next(_numbers)}"
        self.plans[prompt] = list(answers)
        self.prompt = prompt
        return self.editor.command("steadyhand.task", prompt=prompt, **argument)["session"]

    def reached(self, session: str, state: str) -> Json:
        """The event by which a session reached a state."""
        return self.editor.wait_message(
            "steadyhand/session",
            lambda e: e["session"] == session and e["state"] == state and e["event"] == "state",
            timeout=FIRST,
        )

    def propose(self, *blocks: Json) -> str:
        """A session that waits for the person's decision."""
        session = self.start(Reply(list(blocks)), finish())
        self.reached(session, "waiting")
        return session

    def question(self, since: int = 0) -> Json:
        """What the person is asked, still open."""
        return self.editor.asked("window/showMessageRequest", since)

    def press(self, question: Json, button: str | None) -> None:
        """Answers a question; `None` closes it."""
        titles = [action["title"] for action in question["params"]["actions"]]
        assert button is None or button in titles
        self.editor.answer(question, None if button is None else {"title": button})

    def told(self, *words: str, since: int = 0) -> str:
        """The sentence shown that holds all these words."""
        return self.editor.wait_message(
            "window/showMessage",
            lambda p: all(word in p["message"] for word in words),
            since=since,
        )["message"]

    def state(self, session: str) -> str:
        """Where a session stands by the list."""
        return self.listed(session)["state"]

    def listed(self, session: str) -> Json:
        """A session as the list has it."""
        listed = self.editor.command("steadyhand.sessions")["sessions"]
        return next(s for s in listed if s["session"] == session)


@contextmanager
def desk(folder: Path, **more: Any) -> Generator[Desk]:
    with MessagesServer(lambda body: made.answer(body)) as model:
        env = {
            "STEADYHAND_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "test",
            "STEADYHAND_RETRY_MIN_SECONDS": "0.01",
            "STEADYHAND_RETRY_MAX_SECONDS": "0.02",
        }
        with Editor(folder / "ws", folder / "private", env=env, **more) as editor:
            made = Desk(editor, model)
            if "capabilities" not in more or more["capabilities"]:
                editor.indexed()
            yield made


def cleaned(made: Desk) -> Iterator[Desk]:
    editor = made.editor
    editor.reset()
    editor.applied.clear()
    editor.documents.clear()
    editor.on["window/showMessageRequest"] = lambda _: LATER
    logged = len(editor.stderr())
    yield made
    for question in [m for m in editor.open if m["method"] == "window/showMessageRequest"]:
        editor.answer(question, None)
    for uri in list(editor.texts):
        editor.shut(uri)
    assert "Traceback" not in editor.stderr()[logged:], editor.stderr()[logged:]
    assert not made.model.exhausted
