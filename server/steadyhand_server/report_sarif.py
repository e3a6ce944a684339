"""What `steadyhand check` found, as SARIF 2.1.0, for code scanning services.

Owns that format. A finding is recognised from run to run by its fingerprint, which holds no line
number.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

import orjson

import steadyhand_agent
from steadyhand_server.pages import findings_page
from steadyhand_server.report import RULES, Report, Row, Rule, Side, Span

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
# Paths count from the repository's root, wherever a service has it.
_ROOT = "%SRCROOT%"
_FINGERPRINT = "steadyhandFinding/v1"


def sarif(report: Report, exit_code: int) -> bytes:
    """The whole report as one run.

    Args:
        report: What was found.
        exit_code: With which the check ends.
    """
    order = list(RULES)
    seen: Counter[str] = Counter()
    results: list[dict[str, Any]] = []
    for row in report.rows:
        seen[row.fingerprint] += 1
        results.append(_result(row, order.index(row.tier), seen[row.fingerprint]))
    version = steadyhand_agent.__version__
    run = {
        "tool": {
            "driver": {
                "name": "Steadyhand",
                "version": version,
                "semanticVersion": version,
                "rules": [_rule(tier, rule) for tier, rule in RULES.items()],
            }
        },
        "invocations": [{"executionSuccessful": True, "exitCode": exit_code}],
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The root of the repository that was checked."}}
        },
        "columnKind": "unicodeCodePoints",
        # As the protocol of editors counts lines, and so all of Steadyhand.
        "newlineSequences": ["\r\n", "\n", "\r"],
        "results": results,
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return orjson.dumps(log, option=orjson.OPT_INDENT_2) + b"\n"


def _rule(tier: str, rule: Rule) -> dict[str, Any]:
    page = findings_page(tier)
    return {
        "id": tier,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.text},
        "help": {
            "text": f"{rule.text} {page}",
            "markdown": f"{rule.text}\n\n[What is a finding, and how to settle one]({page})",
        },
        "helpUri": page,
        "defaultConfiguration": {"level": rule.level},
        "properties": {"tags": ["maintainability", "duplicate-code"]},
    }


def _result(row: Row, rule: int, nth: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": row.tier,
        "ruleIndex": rule,
        "level": RULES[row.tier].level,
        "message": {"text": row.message},
        "locations": [_location(row.span, row.ours)],
        "partialFingerprints": {_FINGERPRINT: f"{row.fingerprint}:{nth}"},
    }
    if row.theirs is not None:
        result["relatedLocations"] = [
            {
                "id": 1,
                **_location(row.theirs.span, row.theirs),
                "message": {"text": row.theirs.signature},
            }
        ]
        result["properties"] = {"score": row.score}
    return result


def _location(at: Span, one: Side | None) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(at.path), "uriBaseId": _ROOT},
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endLine": at.end_line,
                "endColumn": at.end_column,
            },
        }
    }
    if one is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": one.name, "kind": _kind(one.kind)}]
    return location


def _kind(kind: str) -> str:
    """SARIF's word for what is defined."""
    return {"method": "member", "class": "type", "constant": "variable"}.get(kind, kind)
