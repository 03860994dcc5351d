"""How a run went, as a reading: what it covers, from when to when, and which failures have one cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.errors import (
    AlertUndelivered,
    ConfigurationError,
    MonitoringError,
    PipelineUnavailable,
    ReferenceUnavailable,
    SourceUnavailable,
)
from monitoring_tasks.incidents.fold import advance
from monitoring_tasks.incidents.incident import Event
from monitoring_tasks.incidents.reading import OF_RUN, Cause
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.run_reading import RunSpan, anchors_of, failed, late, succeeded, why
from monitoring_tasks.window import Window

TICK = datetime(2013, 6, 4, tzinfo=UTC)
SPAN = RunSpan("monitor_churn", TICK, TICK - timedelta(days=1), "scheduled__2013-06-04")
SAID: dict[str, Any] = {
    "name": "churn",
    "owner": "growth",
    "task": "binary",
    "timestamp": "at",
    "prediction": "score",
    "source": {"kind": "sql", "connection": "warehouse", "table": "scores"},
    "reference": {"kind": "file", "path": "/models/reference.parquet"},
}
CHURN = Monitor.model_validate(SAID)
SPEND = Monitor.model_validate({**SAID, "name": "spend"})


@dataclass(frozen=True)
class AirflowRun:
    """What Airflow says of a run."""

    dag_id: str = "monitor_churn"
    run_id: str = "r"
    run_after: datetime = TICK + timedelta(microseconds=7)
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None


def raised(error: Exception, cause: Exception) -> Exception:
    """An error that another stands behind."""
    error.__cause__ = cause
    return error


def test_the_times_of_a_run() -> None:
    """A scheduled run was due when its interval ended; another when it was asked for, about the hour before."""
    interval = AirflowRun(data_interval_start=TICK - timedelta(days=1), data_interval_end=TICK)
    assert RunSpan.of(interval) == RunSpan("monitor_churn", TICK, TICK - timedelta(days=1), "r")
    without_width = AirflowRun(data_interval_start=TICK, data_interval_end=TICK)
    for run in (AirflowRun(), without_width):
        assert RunSpan.of(run) == RunSpan("monitor_churn", TICK, TICK - timedelta(hours=1), "r")


@given(st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400)))
def test_a_window_has_width_whatever_the_clock_says(passed: timedelta) -> None:
    """It begins with the data and ends in whole seconds after the moment, if that lies after the run was due."""
    window = SPAN.until(TICK + passed)
    assert window.start == SPAN.start
    assert window.end > max(TICK, TICK + passed)
    assert window.end - max(TICK, TICK + passed) <= timedelta(seconds=1)


def test_a_run_that_fails_and_is_repeated() -> None:
    """The failure is one incident however many tasks fail; the same run's success ends it."""
    minute = timedelta(minutes=1)
    first = failed(CHURN, SPAN, "task window failed", now=TICK + minute)
    [opened] = advance([], first, Alerts(), now=TICK)
    assert (opened.event, opened.incident.cause, opened.incident.topics) == (Event.OPENED, Cause.FAILED, ("failed",))
    assert opened.incident.members[0].name == "monitor_churn"
    again = failed(CHURN, SPAN, "task suites failed", now=TICK + 2 * minute)
    [repeated] = advance([opened.incident], again, Alerts(), now=TICK)
    assert repeated.event is Event.REPEATED
    well = succeeded(CHURN, SPAN, now=TICK + 9 * minute)
    [ended] = advance([repeated.incident], well, Alerts(), now=TICK)
    assert (ended.event, ended.reason) == (Event.RESOLVED, "the run succeeded")
    assert well.covers == OF_RUN


def test_late_says_nothing_about_failed() -> None:
    """A run that is late may still fail, and one that failed may have been late: each covers itself alone."""
    assert late(CHURN, SPAN, "slow", due=TICK + timedelta(hours=6)).covers == {Cause.LATE}
    assert failed(CHURN, SPAN, "broken", now=TICK).covers == {Cause.FAILED}
    found = late(CHURN, SPAN, "slow", due=TICK + timedelta(hours=6))
    assert found.window == Window(SPAN.start, TICK + timedelta(hours=6, seconds=1))
    assert found.tick == TICK


def test_runs_that_never_began_are_one_problem() -> None:
    """When the scheduler stands still, the monitors that miss their runs are told together; slow runs are not."""
    missing = RunSpan("monitor_churn", TICK, TICK - timedelta(days=1))
    [opened] = advance([], late(CHURN, missing, "missing", due=TICK), Alerts(), now=TICK)
    other = RunSpan("monitor_spend", TICK, TICK - timedelta(days=1))
    [joined] = advance([opened.incident], late(SPEND, other, "missing", due=TICK), Alerts(), now=TICK)
    assert joined.event is Event.JOINED
    slow = RunSpan("monitor_spend", TICK, TICK - timedelta(days=1), "scheduled")
    [new] = advance([opened.incident], late(SPEND, slow, "slow", due=TICK), Alerts(), now=TICK)
    assert new.event is Event.OPENED


def test_one_source_that_is_down_is_one_problem() -> None:
    """Two monitors of one table fail by it together; one of another table is another problem."""
    down = SourceUnavailable("the warehouse did not answer")
    anchors = anchors_of(CHURN, down)
    assert anchors == ("SourceUnavailable#warehouse:scores",)
    [opened] = advance([], failed(CHURN, SPAN, "x", anchors=anchors, now=TICK), Alerts(), now=TICK)
    span = RunSpan("monitor_spend", TICK, TICK - timedelta(hours=1), "r")
    second = failed(SPEND, span, "x", anchors=anchors_of(SPEND, down), now=TICK)
    [joined] = advance([opened.incident], second, Alerts(), now=TICK)
    assert (joined.event, joined.incident.monitors) == (Event.JOINED, ("churn", "spend"))
    elsewhere = {**SAID, "source": {"kind": "sql", "connection": "warehouse", "table": "others"}}
    assert anchors_of(Monitor.model_validate(elsewhere), down) != anchors


@pytest.mark.parametrize(
    ("error", "anchor"),
    [
        (ReferenceUnavailable("gone"), "ReferenceUnavailable#/models/reference.parquet"),
        (PipelineUnavailable("gone"), "PipelineUnavailable#/models/reference.parquet"),
        (AlertUndelivered("3 letters about churn are not delivered"), "AlertUndelivered#"),
        (ModuleNotFoundError("No module named 'evidently'"), "ModuleNotFoundError#No module named 'evidently'"),
        (raised(AirflowFailException("x"), ConfigurationError("bad")), "ConfigurationError#bad"),
    ],
)
def test_what_failures_have_in_common(error: Exception, anchor: str) -> None:
    """What is shared is named: the repository, the outbox, or the words of an error that a deployment brings."""
    assert anchors_of(CHURN, error) == (anchor,)


def test_a_folder_has_no_source() -> None:
    """A DAG over all monitors has no source of its own: the words of the error count."""
    assert anchors_of(Path("/monitors"), SourceUnavailable("no disk")) == ("SourceUnavailable#no disk",)
    assert anchors_of(Path("/monitors"), None) == ()
    found = failed(Path("/monitors"), RunSpan("monitoring_canary", TICK, SPAN.start, "r"), "x", now=TICK)
    assert (found.monitor, found.owner, found.member(Cause.FAILED)) == (
        "monitoring_canary",
        "platform",
        "monitoring_canary",
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (None, "its process ended without a word: it was killed, or ran out of memory"),
        ("Timeout\x1b[2J\nnext", "Timeout [2J next"),
        (MonitoringError("x" * 900), "MonitoringError: " + "x" * 222 + "…"),
        (OSError("cannot reach https://bot:s3cret@host/x"), "OSError: cannot reach https://***@host/x"),
        (raised(AirflowFailException("ConfigurationError: bad"), ConfigurationError("bad")), "ConfigurationError: bad"),
    ],
)
def test_an_error_in_a_line(error: Exception | str | None, told: str) -> None:
    """On one line, short, without control characters and credentials; Airflow's own error is taken off."""
    assert why(error) == told
