"""Incidents, verdicts and retrainings to alert about."""

from __future__ import annotations

from typing import Any

from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.checks import Check, CheckResult, Evidence, Status, Suite
from monitoring_tasks.incidents.incident import Change, Event, Incident, Member, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import Window, parse_moment

LINKS = {"run": "https://airflow.example/dags/monitor_flight_delay", "report": "https://airflow.example/report/1"}
SUBJECT = Subject("flight_delay", "v1.0.0-3f2a9c1b", Window.parse("2013-06-10", "2013-06-11"), "c0ffee")
HOSTILE = [
    "<!channel> <@U1> <http://evil|click>",
    "*bold* _it_ ~no~ `code` ```pre``` :bomb: > quote",
    "a\nb\r\x1b[31mred\0\u202egnirts\u2028x",
    "&amp; & < > <script>alert(1)</script>",
    "{0} %s {column}",
    "x" * 10_000,
    "東京" * 2_000,
    "",
]


def monitor(**changes: Any) -> Monitor:
    """The monitor of flights."""
    fields: dict[str, Any] = {
        "name": "flight_delay",
        "owner": "growth@example.org",
        "task": "binary",
        "source": {"kind": "parquet", "path": "data"},
        "reference": {"kind": "file", "path": "reference.parquet"},
        "timestamp": "at",
        "prediction": "score",
        "alerts": {"runbook": "https://wiki.example/flights"},
    }
    return Monitor.model_validate({**fields, **changes})


def finding(column: str | None, value: float | None = 8.4, **more: Any) -> dict[str, Any]:
    """A finding of a verdict, drift of a feature unless told otherwise, as its evidence holds it."""
    fields = {
        "rule": "severe drift of an important feature",
        "severity": "high",
        "suite": "data_drift",
        "check": "drift",
        "column": column,
        "segment": "",
        "method": "psi",
        "value": value,
        "threshold": 0.2,
        "weak": False,
        "windows": 2,
        "importance": None,
        "evidence": {"p_value": 1e-5, "adjusted": 2.5e-4, "effect": 0.4, "floor": 0.05},
        "cause": "",
    }
    return {**fields, **more}


EVIDENCE: dict[str, Any] = {
    "rows": 26543,
    "minimum_rows": 500,
    "checks": {"passed": 58, "failed": 2, "suspect": 0, "undecided": 1},
    "findings": [finding("temp", importance=0.31), finding("dest", 0.21, importance=0.12)],
    "persistence": {"windows": 2, "of": 3, "known": 2},
}


def verdict(**changes: Any) -> Verdict:
    """A verdict of drift with two reasons."""
    fields: dict[str, Any] = {
        "subject": SUBJECT,
        "outcome": Outcome.DRIFTED,
        "severity": Severity.HIGH,
        "actions": (Action.ALERT, Action.INVESTIGATE, Action.RETRAIN),
        "reasons": ("temp: severe drift, psi 8.4 against 0.2", "dest: drift, psi 0.21 against 0.2"),
        "evidence": EVIDENCE,
    }
    return Verdict(**{**fields, **changes})


def drift(column: str, value: float | None, *, method: str = "psi", threshold: float | None = 0.2) -> CheckResult:
    """A failed drift check."""
    return CheckResult(
        Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, column, method, value, threshold,
        severe=bool(value and value > 1), reference={"mean": 36.52, "sd": 9.1}, current={"mean": 77.6, "sd": 8.2},
        evidence=Evidence(1e-5, 2.5e-4, 0.4, 0.05),
    )  # fmt: skip


RESULTS = (drift("dest", 0.21), drift("temp", 8.4))


def member(name: str = "flight_delay", **changes: Any) -> Member:
    """A monitor's part in an incident: two windows in a row."""
    first, last = Window.parse("2013-06-09", "2013-06-10"), Window.parse("2013-06-10", "2013-06-11")
    fields: dict[str, Any] = {
        "name": name,
        "monitor": name,
        "owner": "growth@example.org",
        "severity": Severity.HIGH,
        "columns": ("temp", "dest"),
        "first": first,
        "last": last,
        "windows": 2,
    }
    return Member(**{**fields, **changes})


def incident(**changes: Any) -> Incident:
    """An open incident: drift of two columns of one monitor."""
    severity = changes.get("severity", Severity.HIGH)
    fields: dict[str, Any] = {
        "id": "drift-0123456789abcdef",
        "cause": Cause.DRIFT,
        "state": State.OPEN,
        "severity": severity,
        "told": severity,
        "worst": severity,
        "topics": ("data_drift",),
        "anchors": ("flights#temp", "flights#dest"),
        "columns": ("temp", "dest"),
        "reasons": verdict().reasons,
        "members": (member(),),
        "opened": parse_moment("2013-06-10"),
        "spoken": parse_moment("2013-06-10"),
    }
    return Incident(**{**fields, **changes})


def change(event: Event = Event.OPENED, *, by: str = "", reason: str = "", **changes: Any) -> Change:
    """Something that happened to an incident."""
    return Change(incident(**changes), event, parse_moment("2013-06-11"), by, reason)


def told(**changes: Any) -> Told:
    """What else there is to say of the window: its verdict, results and links."""
    return Told(**{"verdict": verdict(), "results": RESULTS, "links": LINKS, **changes})


def message(**changes: Any) -> Message:
    """An alert about drift of two columns."""
    return compose(change(**changes), told())


MEASURED = "auc .739 against .712: better by .027 [+.004, +.046] (95 %, day blocks, 26483 rows of 31 days)."


def retraining(**changes: Any) -> RetrainingRecord:
    """A retraining whose challenger waits for approval."""
    fields: dict[str, Any] = {
        "monitor": "flight_delay",
        "run": "drift__2013-08-01T00:00:00+00:00",
        "origin": "drift",
        "reason": "2 of 3 windows drifted",
        "state": "awaiting",
        "requested_at": parse_moment("2013-08-01T00:10:00"),
        "window_end": parse_moment("2013-08-01"),
        "champion": {"version": "v1.0.0-3f2a9c1b", "number": 1, "revision": "3f2a9c1b" + 32 * "0"},
        "training": Window.parse("2013-04-02", "2013-07-01"),
        "evaluation": Window.parse("2013-07-01", "2013-08-01"),
        "challenger": "9c1b3f2a" + 32 * "1",
        "branch": "retrain/drift-8d6435c1",
        "verdict": {
            "decision": "promote",
            "reasons": [MEASURED, "All of the interval is above 0: the challenger is better."],
            "counts": {"rows": 26483, "days": 31, "positives": 7000, "negatives": 19483},
        },
        "outcome": "alice may answer until 2013-08-02 10:00Z; then it is declined",
    }
    return RetrainingRecord(**{**fields, **changes})
