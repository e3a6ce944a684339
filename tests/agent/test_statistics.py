"""Figures are counted from journals, and metrics reach a real collector over HTTP."""

from __future__ import annotations

import gzip
import json
import logging
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from loop_desk import FINISH, Desk, call, say
from messages_server import MessagesServer
from steadyhand_agent.session import Limits, SessionState, Task
from steadyhand_agent.statistics import Statistics, ToolFigures, gather, quantile
from steadyhand_server import logs
from steadyhand_server.cli import main


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")


CACHED = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 880}


async def three_sessions(sample: Path, **settings: Any) -> Desk:
    """One that fails at a tool, one that answers nonsense first, one that is stuck."""
    same = say(call("list_files"))
    script = [
        say(call("read_file", path="no/such.py"), usage=CACHED),
        say(call("edit_file", path="../escape.py", old_text="a", new_text="b")),
        FINISH,
        say(),
        FINISH,
        *[same] * 20,
    ]
    with MessagesServer(script) as server:
        desk = Desk(sample, server, **settings)
        for _ in range(3):
            await desk.run()
        await desk.engine.close()
    return desk


async def test_figures_are_folded_from_the_journal(sample: Path) -> None:
    desk = await three_sessions(sample)
    again = Desk(sample, MessagesServer([]))
    states = [state async for state in again.sessions.all_states()]
    found = gather(states)
    await again.engine.close()
    assert len(found.tasks) == 3
    assert found.tools["read_file"].calls == found.tools["read_file"].failures == 1
    assert found.tools["list_files"].success == 1.0
    assert found.refusals.total() == 1
    assert found.pauses["stuck"] == 1
    assert found.misread == 1
    assert found.cache_reads == 880
    assert 0 < found.cache_share < 1
    assert found.charged == sum(state.spent for state in states)
    assert desk.editor.told


def test_alerts_are_those_of_the_design() -> None:
    found = Statistics(tasks=[("a", 51, 10), ("b", 3, 50_001), ("c", 50, 50_000)])
    found.tools["edit_file"] = ToolFigures(calls=100, failures=6)
    told = found.alerts()
    assert [sentence.split()[1] for sentence in told[:2]] == ["a", "b"]
    assert "94.0%" in told[2]
    assert len(told) == 3
    found.tools["edit_file"].failures = 5
    assert len(found.alerts()) == 2


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.95, 0), ([3], 0.5, 3), (list(range(1, 101)), 0.95, 95), ([5, 1, 3], 0.5, 3)],
)
def test_quantiles(values: list[float], share: float, expected: float) -> None:
    assert quantile(values, share) == expected


async def test_stats_are_shown_and_given_to_programs(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await three_sessions(sample)
    os.environ["STEADYHAND_STATE_DIR"] = str(sample.parent / "state")
    with pytest.raises(SystemExit) as ended:
        await in_thread(["stats", str(sample), "--format", "json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pauses"] == {"stuck": 1}
    assert told["tools"]["read_file"]["failures"] == 1
    assert told["rounds"]["max"] == max(told["rounds"].values())
    with pytest.raises(SystemExit):
        await in_thread(["stats", str(sample)])
    shown = capsys.readouterr().out
    assert "3 sessions" in shown
    assert "read_file" in shown
    assert "p95" in shown


async def in_thread(arguments: list[str]) -> None:
    """The command line has an event loop of its own."""
    import asyncio

    await asyncio.to_thread(main, arguments)


def test_no_session_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["stats", str(tmp_path)])
    assert ended.value.code == 0
    assert "No session yet" in capsys.readouterr().out


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportMetricsServiceRequest]]]:
    """Something that speaks OTLP over HTTP."""
    got: list[ExportMetricsServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            got.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


async def test_metrics_reach_a_collector_and_carry_no_text(
    sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from steadyhand_agent.telemetry import Exporter

    with collector() as (endpoint, got):
        script = [say(call("read_file", path="no/such.py"), usage=CACHED), FINISH]
        with MessagesServer(script) as server:
            desk = Desk(sample, server)
            around: Any = desk.engine.agent.around  # pyright: ignore[reportPrivateUsage]
            around.telemetry = Exporter(endpoint, "0", "anthropic")
            await desk.run("the secret plan")
            await desk.engine.close()
    points: dict[str, list[dict[str, str]]] = {}
    for request in got:
        assert b"secret plan" not in request.SerializeToString()
        for metric in request.resource_metrics[0].scope_metrics[0].metrics:
            data = metric.histogram.data_points or metric.sum.data_points
            points[metric.name] = [
                {a.key: a.value.string_value for a in point.attributes} for point in data
            ]
    types = {p["gen_ai.token.type"] for p in points["gen_ai.client.token.usage"]}
    assert types == {"input", "output"}
    (tool,) = [p for p in points["gen_ai.execute_tool.duration"] if "error.type" in p]
    assert tool["gen_ai.tool.name"] == "read_file"
    assert points["gen_ai.client.operation.duration"][0]["gen_ai.operation.name"] == "chat"


async def test_a_collector_that_is_away_costs_a_session_nothing(sample: Path) -> None:
    from steadyhand_agent.telemetry import Exporter

    with MessagesServer([FINISH]) as server:
        desk = Desk(sample, server)
        around: Any = desk.engine.agent.around  # pyright: ignore[reportPrivateUsage]
        around.telemetry = Exporter("http://127.0.0.1:9", "0", "anthropic")
        state = await desk.run()
        await desk.engine.close()
    assert state.state == "finished"


def test_a_session_of_no_rounds_counts() -> None:
    found = gather([SessionState(id="a", task=Task(prompt="p"), limits=Limits())])
    assert found.states == {"running": 1}
    assert found.tool_success == 1.0


def test_the_log_file_is_private_and_rotates(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = root.level
    path = logs.to_file(tmp_path)
    assert path is not None
    assert logs.to_file(tmp_path) == path
    mine = [h for h in root.handlers if getattr(h, "baseFilename", "") == str(path)]
    try:
        logging.getLogger("steadyhand_agent.x").info("a step")
        assert "a step" in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        (handler,) = mine
        handler.doRollover()  # pyright: ignore[reportAttributeAccessIssue]
        logging.getLogger("steadyhand_agent.x").info("another")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [p.name for p in sorted(path.parent.iterdir())] == [
            "steadyhand.log",
            "steadyhand.log.1",
        ]
    finally:
        for handler in mine:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(before)


def test_a_log_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")
    assert logs.to_file(tmp_path) is None
