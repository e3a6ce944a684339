"""What a session does, told to the log and, where configured, to an OpenTelemetry collector.

Owns the names of the metrics, which are those of OpenTelemetry's conventions for generative AI
(version 1.37 of them; they are still in development), and of our own where it has none. It sees
each record of a journal as it is kept, so that nothing else has to be instrumented. Never sees a
prompt or a text: names, counts and times alone leave the machine.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

from steadyhand_agent.errors import SettingsError
from steadyhand_agent.session import SessionState
from steadyhand_agent.state.journal import Kind

Json = dict[str, Any]

log = logging.getLogger(__name__)

# The boundaries that the conventions ask for.
_TOKENS = [4**power for power in range(14)]
_SECONDS = [0.01 * 2**power for power in range(14)]


class Telemetry(Protocol):
    """Something that is told of every record."""

    def seen(self, kind: Kind, body: Json, state: SessionState) -> None:
        """A record was kept; `state` has it folded in."""
        ...

    def close(self) -> None:
        """Sends what is left."""
        ...


class LogAlone:
    """A line in the log for each call of a tool and each turn of a session."""

    def seen(self, kind: Kind, body: Json, state: SessionState) -> None:
        """Logs a record that somebody would look for."""
        match kind:
            case "result":
                result = body["result"]
                log.info(
                    "session %s round %d: %s %s (code %s, %d attempts, %.2f s)",
                    state.id,
                    state.round,
                    result["tool"] or "think",
                    "failed" if result["error"] else "done",
                    result.get("code"),
                    result.get("attempts", 1),
                    result.get("seconds", 0.0),
                )
            case "verdict" if body["verdict"] == "refuse":
                log.info(
                    "session %s round %d: %s refused (%s)",
                    state.id,
                    state.round,
                    body["tool"],
                    body["rule"],
                )
            case "reply":
                log.info(
                    "session %s round %d: reply of %s in %.2f s, %d tokens charged of %d",
                    state.id,
                    state.round,
                    state.model,
                    body["seconds"],
                    body["charged"],
                    body["raw"],
                )
            case "state":
                log.info("session %s is %s (%s)", state.id, body["state"], body.get("pause", ""))
            case _:
                pass

    def close(self) -> None:
        """Has nothing to send."""


class Exporter:
    """Metrics to a collector that speaks OTLP over HTTP, besides the log.

    Args:
        endpoint: Its address, such as `http://localhost:4318`.
        version: Ours.
        provider: Who answers the calls of the model.

    Raises:
        SettingsError: The extra `otel` is not installed.
    """

    def __init__(self, endpoint: str, version: str, provider: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
            from opentelemetry.sdk.resources import Resource
        except ImportError as error:
            raise SettingsError(
                "otlp_endpoint", "settings", "the exporter is missing: install steadyhand[otel]."
            ) from error
        exporter = OTLPMetricExporter(endpoint=endpoint.rstrip("/") + "/v1/metrics", timeout=5)
        resource = Resource.create({"service.name": "steadyhand", "service.version": version})
        self._provider = MeterProvider(
            [PeriodicExportingMetricReader(exporter, export_interval_millis=15_000)], resource
        )
        meter = self._provider.get_meter("steadyhand", version)
        self._log = LogAlone()
        self._provider_name = provider
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens of a call of the model",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._call = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "How long a call of the model took",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tool = meter.create_histogram(
            "gen_ai.execute_tool.duration",
            "s",
            "How long a call of a tool took",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._refusals = meter.create_counter(
            "steadyhand.guard.refusals", "{refusal}", "Actions that the guard refused"
        )
        self._pauses = meter.create_counter(
            "steadyhand.session.pauses", "{pause}", "Sessions that were handed to the person"
        )

    def seen(self, kind: Kind, body: Json, state: SessionState) -> None:
        """Counts a record."""
        self._log.seen(kind, body, state)
        match kind:
            case "reply":
                chat: Json = {
                    "gen_ai.operation.name": "chat",
                    "gen_ai.provider.name": self._provider_name,
                    "gen_ai.request.model": state.model,
                }
                taken = body.get("input", 0)
                self._tokens.record(taken, chat | {"gen_ai.token.type": "input"})
                self._tokens.record(body["raw"] - taken, chat | {"gen_ai.token.type": "output"})
                self._call.record(body["seconds"], chat)
            case "result" if body["result"]["tool"]:
                result = body["result"]
                what: Json = {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": result["tool"],
                }
                if result["error"]:
                    code = result.get("code")
                    what["error.type"] = "_OTHER" if code is None else str(code)
                self._tool.record(result.get("seconds", 0.0), what)
            case "verdict" if body["verdict"] == "refuse":
                self._refusals.add(1, {"steadyhand.rule": body["rule"]})
            case "state" if body.get("pause"):
                self._pauses.add(1, {"steadyhand.pause": body["pause"]})
            case _:
                pass

    def close(self) -> None:
        """Sends what is left; a collector that is away costs at most its time limit."""
        self._provider.shutdown(timeout_millis=1_000)
