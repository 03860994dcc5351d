"""The request for a retraining, as one monitor's run makes it: its id, and the form it fills in."""

from __future__ import annotations

from typing import Any

from monitoring_tasks.orchestration.run_request import REASON, WINDOW_END
from monitoring_tasks.policy.asking import request_run, succeeded
from monitoring_tasks.policy.narrative import request_end, request_reason
from monitoring_tasks.policy.verdict import Subject, Verdict

Json = dict[str, Any]


def request_run_id(verdict: Json) -> str:
    """Id of the run that a verdict requests: one for each window and champion, however often it is asked for.

    >>> window = {"start": "2013-06-10T00:00:00Z", "end": "2013-06-11T00:00:00Z"}
    >>> about = {"monitor": "churn", "champion": "v1.0.0-3f2a9c1b", "window": window, "config_hash": "c0ffee"}
    >>> request_run_id({"subject": about})
    'retrain__2013-06-11T00:00:00Z__v1.0.0-3f2a9c1b'
    """
    return request_run(Subject.from_json(verdict["subject"]))


def request_conf(verdict: Json) -> Json:
    """The form of the run that a verdict requests."""
    judged = Verdict.from_json(verdict)
    return {REASON: request_reason(judged), WINDOW_END: request_end(judged)}


def quiet_reason(subject: Json) -> str | None:
    """Why a run requests nothing whatever its verdict; None when it may.

    >>> subject = {"champion": "v1.0.0-3f2a9c1b", "pinned": {"version": "v1.0.0-3f2a9c1b"}}
    >>> quiet_reason({**subject, "silent": True, "current": True})
    'a backfill trains nothing'
    >>> quiet_reason({**subject, "pinned": {"version": "v1.1.0-77aa0c12"}})
    'champion v1.0.0-3f2a9c1b answered in that window, and v1.1.0-77aa0c12 took its place'
    """
    if former := succeeded(subject["champion"], subject["pinned"]["version"]):
        return former
    if not subject["current"]:
        return "a window of the past was asked for by hand"
    return "a backfill trains nothing" if subject["silent"] else None
