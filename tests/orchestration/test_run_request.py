"""What a run of a retraining's DAG was asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.request import quiet_reason, request_conf, request_run_id
from monitoring_tasks.orchestration.run_request import (
    base_of,
    challenger_of,
    forced,
    origin_of,
    reason_of,
    rollback_of,
    window_end_of,
)
from monitoring_tasks.orchestration.run_window import RunFacts

AFTER = datetime(2013, 8, 2, 7, 30, tzinfo=UTC)
MONITOR = Monitor.model_validate(
    {
        "name": "churn",
        "owner": "growth",
        "task": "binary",
        "source": {"path": "log"},
        "reference": {"kind": "file", "path": "reference.parquet"},
        "timestamp": "at",
        "prediction": "score",
    }
)


def facts(run_type: str = "manual", **params: Any) -> RunFacts:
    """A run that was asked for with this form."""
    return RunFacts(run_type, AFTER, params=params)


@pytest.mark.parametrize(
    ("run_type", "params", "origin"),
    [
        ("manual", {}, "manual"),
        ("manual", {"reason": "alert PerformanceDrop since 2013-03-05T00:00:00Z"}, "alert"),
        ("manual", {"reason": "alert PerformanceDrop", "rollback": "previous"}, "rollback"),
        ("scheduled", {"reason": "alert PerformanceDrop"}, "schedule"),
        ("operator_triggered", {}, "drift"),
        ("operator_triggered", {"reason": "degraded in 2013-03-05T00:00:00Z/..."}, "performance"),
        ("operator_triggered", {"reason": "drifted in 2013-03-05T00:00:00Z/..."}, "drift"),
        ("operator_triggered", {"challenger": "0a1b"}, "again"),
        ("scheduled", {}, "schedule"),
        ("backfill", {}, "backfill"),
        ("asset_triggered", {}, "manual"),
        ("manual", {"rollback": "previous"}, "rollback"),
        ("backfill", {"rollback": "previous"}, "backfill"),
    ],
)
def test_what_asked(run_type: str, params: dict[str, Any], origin: str) -> None:
    """The way a run was started, and what its form says, tell what asked for it."""
    assert origin_of(facts(run_type, **params)) == origin


def test_rows_up_to_the_moment_of_the_form() -> None:
    """A moment is read as UTC unless it says otherwise."""
    assert window_end_of(MONITOR, facts(window_end="2013-08-01T02:00:00+02:00")) == datetime(2013, 8, 1, tzinfo=UTC)


def test_rows_up_to_the_last_window_when_the_form_says_nothing() -> None:
    """By hand: the monitor's last complete window. By schedule: the end of the interval."""
    assert window_end_of(MONITOR, facts(window_end=None)) == datetime(2013, 8, 2, tzinfo=UTC)
    interval = (datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 8, 1, tzinfo=UTC))
    scheduled = RunFacts("scheduled", AFTER, *interval, params={})
    assert window_end_of(MONITOR, scheduled) == datetime(2013, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["soon", "2013-08-01; touch PWNED", "2013-08-01T00:00:00.5Z", "{{ 1/0 }}", "0001-01-01T00:00+14:00"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """Airflow does not check a form's moments."""
    with pytest.raises(ConfigurationError, match=r"2013-08-01|soon|1/0|0001-01-01"):
        window_end_of(MONITOR, facts(window_end=text))


def test_empty_fields_say_nothing() -> None:
    """Airflow's form sends empty texts for fields left alone."""
    asked = facts(reason="  ", base_revision="", challenger=None, force=False)
    assert (reason_of(asked), base_of(asked), challenger_of(asked)) == ("asked for by manual", None, None)
    assert not forced(asked)


def test_what_the_form_says() -> None:
    """Reason, base, challenger, version and force are taken as they stand."""
    asked = facts(reason="drift in July", base_revision="main", challenger="0a1b", rollback="v1.0.0", force=True)
    assert (reason_of(asked), base_of(asked), challenger_of(asked)) == ("drift in July", "main", "0a1b")
    assert (rollback_of(asked), forced(asked)) == ("v1.0.0", True)
    assert rollback_of(facts(rollback="previous")) is None


def test_a_request_has_one_id_for_each_window_and_champion() -> None:
    """However often a verdict is reached, it requests one and the same run; another champion another one."""
    verdict = {
        "subject": {
            "monitor": "churn",
            "champion": "v1.0.0-0a1b2c3d",
            "window": {"start": "2013-06-04T00:00:00Z", "end": "2013-06-11T00:00:00Z"},
            "config_hash": "c0ffee",
        },
        "outcome": "drifted",
        "severity": "high",
        "actions": ["retrain"],
        "reasons": ["temp: severe\ndrift"],
        "evidence": {},
    }
    assert request_run_id(verdict) == "retrain__2013-06-11T00:00:00Z__v1.0.0-0a1b2c3d"
    asked = request_conf(verdict)
    assert asked["window_end"] == "2013-06-11T00:00:00Z"
    assert "drifted in 2013-06-04T00:00:00Z/2013-06-11T00:00:00Z" in asked["reason"]
    assert "\n" not in asked["reason"]


@pytest.mark.parametrize(
    ("silent", "current", "quiet"), [(True, True, True), (False, False, True), (False, True, False)]
)
def test_who_requests(silent: bool, current: bool, quiet: bool) -> None:
    """Backfills and looks at the past request nothing."""
    champion = {"champion": "v1.0.0-0a1b2c3d", "pinned": {"version": "v1.0.0-0a1b2c3d"}}
    assert (quiet_reason({**champion, "silent": silent, "current": current}) is not None) is quiet
