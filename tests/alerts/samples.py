"""Verdicts to alert about."""

from __future__ import annotations

from typing import Any

from monitoring_tasks.alerts.message import Message, compose
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.severity import Severity
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.window import Window, parse_moment

LINKS = {"run": "https://airflow.example/dags/monitor_flight_delay", "report": "https://airflow.example/report/1"}
EVIDENCE = {
    "rows": 6543,
    "findings": [{"column": "temp", "persistent": True}, {"column": "dest", "persistent": False}],
    "persistence": {"windows": 2, "of": 3, "known": 2},
}
SUBJECT = Subject("flight_delay", "v1.0.0-3f2a9c1b", Window.parse("2013-06-04", "2013-06-11"), "c0ffee")


def verdict(**changes: Any) -> Verdict:
    """A verdict of drift with two reasons."""
    fields: dict[str, Any] = {
        "subject": SUBJECT,
        "outcome": Outcome.DRIFTED,
        "severity": Severity.HIGH,
        "actions": (Action.ALERT, Action.RETRAIN),
        "reasons": ("temp: severe drift, psi 8.4 against 0.2", "dest: drift, psi 0.21 against 0.2"),
        "evidence": EVIDENCE,
    }
    return Verdict(**{**fields, **changes})


def drift(column: str, value: float | None, *, method: str = "psi", threshold: float | None = 0.2) -> CheckResult:
    """A failed drift check."""
    return CheckResult(
        Suite.DATA_DRIFT, Check.DRIFT, Status.FAILED, column, method, value, threshold,
        severe=bool(value and value > 1), reference={"mean": 36.52, "sd": 9.1}, current={"mean": 77.6, "sd": 8.2},
    )  # fmt: skip


def message(**changes: Any) -> Message:
    """An alert about drift of two columns."""
    return compose(verdict(**changes), [drift("dest", 0.21), drift("temp", 8.4)], LINKS)


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
