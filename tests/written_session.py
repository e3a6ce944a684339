"""A session's history, written by hand: continued, and shown as a checkpoint."""

from __future__ import annotations

import itertools
from typing import Any

from steadyhand_agent.session import SessionState
from steadyhand_agent.state import outward
from steadyhand_agent.state.journal import Head, Record, record
from steadyhand_agent.state.tier import Checkpoint

TASK: dict[str, Any] = {
    "task": {"prompt": "Add a retry"}, "limits": {}, "workspace": "w", "checkout": "/c",
    "machine": "m", "model": "x", "branch": "", "commit": "", "dirty": "",
}  # fmt: skip
_names = itertools.count()


class WrittenSession:
    """A history that can be continued and shown as a checkpoint."""

    def __init__(self, workspace: str = "w", name: str = "") -> None:
        self.state = SessionState(id=name or f"s{next(_names)}", workspace=workspace)
        self.records: list[Record] = []
        self.add("task", TASK | {"workspace": workspace})

    @property
    def id(self) -> str:
        return self.state.id

    def add(self, kind: Any, body: dict[str, Any], fence: int | None = None) -> Head:
        fence = self.state.fence if fence is None else fence
        item = record(self.id, self.state.head, kind, body, fence=fence, at=1.0 + self.state.seq)
        self.state.take(item)
        self.records.append(item)
        return self.state.head

    def rounds(self, count: int, text: str = "said") -> None:
        for _ in range(count):
            number = self.state.round + 1
            self.add("reply", {
                "round": number, "charged": 1, "raw": 1, "cached_input": 0, "seconds": 0.1,
                "blocks": [{"type": "text", "text": f"{text} {number}"}], "stop_reason": "end_turn",
            })  # fmt: skip
            self.add("round", {"branch": "", "commit": "", "dirty": ""})

    def checkpoint(self, after: int = 0, keep: int = 0) -> Checkpoint:
        told = outward.of_state(self.state.model_dump(mode="json"), str, 1_000_000)
        records = [item for item in self.records if item.seq > after]
        return Checkpoint(self.state.head, self.state.to_summary(), told, records, keep)
