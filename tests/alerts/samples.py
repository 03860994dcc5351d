"""Verdicts to alert about."""

from __future__ import annotations

from typing import Any

from monitoring_tasks.alerts.message import Message, compose
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.monitor import Severity
from monitoring_tasks.policy.verdict import Action, Outcome, Subject, Verdict
from monitoring_tasks.window import Window

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
