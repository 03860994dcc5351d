"""What people are told about a retraining: that its challenger waits for them, and how it ended. Pure functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from monitoring_tasks.alerts.message import Message, links_of, one_line, reasons_of, title_of
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.records import REPLACED, RetrainingRecord, RetrainingState
from monitoring_tasks.window import stamp

NOTHING = "-"
ANSWER = "answer"
"""Label of the link that leads to the question; it is of use only while a challenger waits."""
_TITLES: dict[RetrainingState, str] = {
    "awaiting": "a challenger of {} waits for approval",
    "promoted": "{} has a new champion",
    "rejected": "the gate rejected a challenger of {}",
    "declined": "a challenger of {} was declined",
    "expired": "nobody answered in time about a challenger of {}",
    "withheld": "a challenger of {} was judged, not put in place",
    "no_new_data": "retraining {} made nothing new",
    "refused": "{} is not retrained",
    "superseded": "the champion of {} moved during a retraining",
    "failed": "retraining {} failed",
    "rolled_back": "{} was rolled back",
}
_STEPS: dict[RetrainingState, str] = {
    "awaiting": "Read the comparison, then answer in Airflow; without an answer in time it is declined.",
    "promoted": "Nothing to do; to undo it: monitoring rollback {}",
    "rejected": "Nothing to do: the champion stays; the comparison shows where the challenger is not good enough.",
    "declined": "Nothing to do: the champion stays; the challenger's branch is kept for a while.",
    "expired": "If the challenger is still wanted, trigger the retraining again when somebody can answer.",
    "withheld": "To put challengers in place, set retraining.approval.mode of {} to manual.",
    "no_new_data": "Check that new labelled rows reach the pipeline's inputs; the champion stays.",
    "refused": "Nothing was trained; do what the reason above says, or wait.",
    "superseded": "Nothing to do: another run compares the challenger with the new champion.",
    "failed": "Open the run's log, mend the cause, and clear the failed task: finished steps are not repeated.",
    "rolled_back": "Find out why the newer version was worse before {} is retrained.",
}
_SEVERITIES: dict[RetrainingState, Severity] = {
    "awaiting": Severity.MEDIUM,
    "failed": Severity.HIGH,
    "promoted": Severity.MEDIUM,
    "rolled_back": Severity.MEDIUM,
}


def compose_notice(record: RetrainingRecord, *, links: Mapping[str, str]) -> Message:
    """What to tell about a retraining, or rollback, in the state it is in; `links` are labelled addresses.

    The states that are told are `awaiting` and every end; any other raises `ValueError`.
    """
    if record.state not in _TITLES:
        raise ValueError(f"a retraining that is {record.state} is told to nobody: tell {', '.join(_TITLES)}")
    severity = _SEVERITIES.get(record.state, Severity.LOW)
    lines, asked = _lines(record), _asked(record)
    return Message(
        severity=severity,
        title=title_of(severity, _title(record)),
        headline=lines[:2] or (one_line(f"asked for by {asked}"),),
        facts={label: one_line(value) for label, value in _facts(record, severity, asked).items() if value},
        lines=lines,
        step=one_line(_STEPS[record.state].format(record.monitor)),
        links=links_of(_links(record, links)),
    )


def notice_key(record: RetrainingRecord) -> str:
    """What makes a notice the same one: monitor, run, state, and when it ended, so that each is told once.

    A run that was cleared and fails again is told again.

    >>> from monitoring_tasks.window import parse_moment
    >>> day = parse_moment("2013-07-01")
    >>> notice_key(RetrainingRecord("churn", "again__3", "again", "", "failed", day, day))
    'churn-retraining-0e5ac674ee629356'
    """
    about = json.dumps([record.monitor, record.run, record.state, record.closed_at and stamp(record.closed_at)])
    return f"{record.monitor}-retraining-{hashlib.sha256(about.encode()).hexdigest()[:16]}"


def _champion(record: RetrainingRecord) -> str:
    return one_line(str(record.champion.get("version") or NOTHING))


def _links(record: RetrainingRecord, links: Mapping[str, str]) -> dict[str, str]:
    """The links, with the one to the question first while there is a question."""
    others = {label: address for label, address in links.items() if label != ANSWER}
    return {ANSWER: links.get(ANSWER, ""), **others} if record.state == "awaiting" else others


def _title(record: RetrainingRecord) -> str:
    if record.origin == "rollback" and record.state == "failed":
        return f"the rollback of {record.monitor} failed"
    return _TITLES[record.state].format(record.monitor)


def _asked(record: RetrainingRecord) -> str:
    by = f" ({record.requested_by})" if record.requested_by else ""
    return f"{record.origin}{by}: {record.reason}" if record.reason else f"{record.origin}{by}"


def _facts(record: RetrainingRecord, severity: Severity, asked: str) -> dict[str, str]:
    counts = (record.verdict or {}).get("counts", {})
    return {
        "model": record.monitor,
        "severity": severity.word,
        "state": record.state.replace("_", " "),
        "asked for by": asked,
        "champion before" if record.state in REPLACED else "champion": _champion(record),
        "challenger": _challenger(record),
        "trained on": str(record.training or ""),
        "compared on": str(record.evaluation or "") + _counts(counts),
        "decided by": record.decided_by or "",
    }


def _challenger(record: RetrainingRecord) -> str:
    branch = f" on branch {record.branch}" if record.branch else ""
    return f"{record.challenger[:8]}{branch}" if record.challenger else ""


def _counts(counts: Mapping[str, Any]) -> str:
    told = [f"{value} {name}" for name, value in counts.items() if name in ("rows", "days") and value is not None]
    return f", {', '.join(told)}" if told else ""


def _lines(record: RetrainingRecord) -> tuple[str, ...]:
    """How it stands, what the gate says with the figures it rests on, and its other reasons."""
    if record.verdict is None:
        return reasons_of([record.outcome])
    measured, *others = [str(reason) for reason in record.verdict["reasons"]] or [""]
    figures = f": {measured}" if measured and measured not in record.outcome else ""
    return reasons_of([record.outcome, f"the gate says {record.verdict['decision']}{figures}", *others])
