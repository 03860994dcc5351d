"""Runs that are late, and runs that never came: what is told, once, and what is not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.incidents.reading import Cause, Reading, Stream
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.lateness import Course, deadline, find_missing, tell_late
from monitoring_tasks.orchestration.monitor_dag import build_monitor_dag
from monitoring_tasks.orchestration.run_reading import RunSpan, failed
from monitoring_tasks.orchestration.run_telling import tell
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.store.database import Store
from monitoring_tasks.window import Window, stamp
from tests.orchestration.test_run_reading import CHURN, SAID, SPEND

pytestmark = pytest.mark.xdist_group("airflow")
TICK = datetime(2013, 6, 4, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def store(monitors: Path, airflow_database: None) -> Store:
    """The store that Airflow's callbacks use."""
    return airflow_runtime().store


def judged(store: Store, tick: datetime, *, stream: Stream = "drift", monitor: Monitor = CHURN) -> None:
    """Record that a run judged its window."""
    found = Reading(monitor.name, "growth", monitor.dag_id, stream, Window(tick - DAY, tick), tick, frozenset())
    with store.transaction() as transaction:
        transaction.put_reading(found, live=True)


def context(**changes: Any) -> dict[str, Any]:
    """What Airflow gives the callback of a deadline that a scheduled run missed."""
    run = {
        "dag_id": "monitor_churn",
        "dag_run_id": "scheduled__1",
        "run_type": "scheduled",
        "run_after": stamp(TICK),
        "data_interval_start": stamp(TICK - DAY),
        "data_interval_end": stamp(TICK),
        "conf": {},
    }
    return {"dag_run": {**run, **changes}, "deadline": {"id": "1", "deadline_time": TICK + 6 * HOUR}}


def tell_it(given: dict[str, Any], *, stream: str = "drift", monitor: Monitor = CHURN) -> None:
    """Call what the triggerer calls."""
    asyncio.run(tell_late(stream, monitor.model_dump_json(exclude_unset=True), given))


@pytest.mark.parametrize(
    ("said", "patience"),
    [
        ({}, 6 * HOUR),
        ({"schedule": "@hourly"}, HOUR),
        ({"schedule": "0 */2 * * 1-5"}, 2 * HOUR),
        ({"schedule": "0,10 3 * * *"}, timedelta(minutes=10)),
        ({"alerts": {"deadline": "2d"}}, 2 * DAY),
    ],
)
def test_how_long_a_run_may_take(said: dict[str, Any], patience: timedelta) -> None:
    """As long as the monitor says; else the least interval of its schedule, at most six hours."""
    assert Course.drift(Monitor.model_validate({**SAID, **said})).patience == patience


def test_the_deadline_is_airflows_own() -> None:
    """It counts from when a run is queued, and names a function that the triggerer finds by its path."""
    told = deadline(Course.drift(CHURN))
    assert told.reference.reference_name == "DagRunQueuedAtDeadline"
    assert told.interval == 6 * HOUR
    assert told.callback.path == "monitoring_tasks.orchestration.lateness.tell_late"
    assert Monitor.model_validate_json(told.callback.kwargs["monitor"]).config_hash == CHURN.config_hash


def test_a_late_run_is_told_once(store: Store) -> None:
    """People learn which run, and since when; the same deadline again, as after a restart, tells nothing new."""
    for _ in range(2):
        tell_it(context())
    [incident] = store.incidents("churn")
    assert (incident.cause, incident.severity.word) == (Cause.LATE, "medium")
    assert incident.reasons == ("a run of monitor_churn has not ended within 6 hours of being queued",)
    [letter] = store.letters()
    assert (letter.channel, letter.state, letter.event) == ("log", "sent", "opened")
    assert "/dags/monitor_churn/runs/scheduled__1" in str(letter.body["links"])


@pytest.mark.parametrize(
    "changes",
    [{"run_type": "backfill"}, {"run_type": "manual", "conf": {"start": "2013-03-01", "end": "2013-03-02"}}],
)
def test_runs_of_the_past_may_take_their_time(store: Store, changes: dict[str, Any]) -> None:
    """A backfill, and a run by hand of a window of its own, tell nobody."""
    tell_it(context(**changes))
    assert store.readings() == []


def test_a_run_that_was_asked_for_without_an_interval(store: Store) -> None:
    """A run by an asset's event is late as well."""
    tell_it(context(run_type="asset_triggered", data_interval_start=None, data_interval_end=None))
    assert [each.cause for each in store.incidents()] == [Cause.LATE]


def test_a_run_that_has_judged_is_not_late(store: Store) -> None:
    """Its last tasks may still run: its window is judged, and told."""
    judged(store, TICK)
    tell_it(context())
    assert store.incidents() == []


def test_a_run_that_failed_is_not_late_as_well(store: Store) -> None:
    """People know already."""
    span = RunSpan("monitor_churn", TICK, TICK - DAY, "scheduled__1")
    tell(store, CHURN, failed(CHURN, span, "no source", now=TICK), span)
    tell_it(context())
    judged(store, TICK - DAY)
    assert find_missing(store, CHURN, now=TICK + 9 * HOUR) == []
    assert [each.cause for each in store.incidents()] == [Cause.FAILED]


def test_a_run_that_never_came(store: Store) -> None:
    """It is missed once its time is over, told once, and the next one that does not come is the same problem."""
    judged(store, TICK - DAY)
    assert find_missing(store, CHURN, now=TICK + 5 * HOUR) == []
    assert find_missing(store, CHURN, now=TICK + 6 * HOUR) == ["monitor_churn"]
    assert find_missing(store, CHURN, now=TICK + 7 * HOUR) == []
    assert find_missing(store, CHURN, now=TICK + DAY + 7 * HOUR) == ["monitor_churn"]
    [incident] = store.incidents(open_only=True)
    assert incident.members[0].windows == 2
    assert [each.event for each in store.transitions(incident.id)] == ["opened"]
    assert "due at 2013-06-05T00:00:00Z has not judged its window" in incident.reasons[0]


def test_a_retired_monitor_is_not_missed(store: Store) -> None:
    """After its end no run comes by schedule, so none is late; the last one before it is."""
    retired = CHURN.model_copy(update={"end": TICK.date()})
    assert (retired.last_moment, build_monitor_dag(retired).end_date) == (TICK - timedelta.resolution,) * 2
    judged(store, TICK - DAY, monitor=retired)
    assert find_missing(store, retired, now=TICK + 7 * HOUR) == ["monitor_churn"]
    judged(store, TICK, monitor=retired)
    assert find_missing(store, retired, now=TICK + 30 * DAY) == []


def test_a_deadline_longer_than_the_schedule(store: Store) -> None:
    """An hourly run that may take three hours is missed after three, not never."""
    slow = Monitor.model_validate({**SAID, "schedule": "@hourly", "alerts": {"deadline": "3h"}})
    judged(store, TICK)
    assert find_missing(store, slow, now=TICK + 3 * HOUR + 59 * timedelta(minutes=1)) == []
    assert find_missing(store, slow, now=TICK + 4 * HOUR) == ["monitor_churn"]


def test_a_monitor_that_was_never_started(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Before its first window is judged, a monitor may be paused: the log names it, and nobody is told."""
    caplog.set_level("INFO")
    assert find_missing(store, CHURN, now=TICK) == []
    assert "watch.never_ran dag_id=monitor_churn" in caplog.text


def test_figures_are_watched_as_well(store: Store) -> None:
    """Rows that are judged do not hide that the figures are not."""
    said = {**SAID, "id": "id", "label": "churned", "performance": {}}
    both = Monitor.model_validate(said)
    judged(store, TICK, monitor=both)
    judged(store, TICK - DAY, stream="performance", monitor=both)
    assert find_missing(store, both, now=TICK + 7 * HOUR) == ["performance_churn"]
    tell_it(context(dag_id="performance_churn"), stream="performance", monitor=both)
    assert len(store.incidents()) == 1


def test_a_scheduler_that_stands_still_is_one_page(store: Store) -> None:
    """Monitors that miss their runs at the same time are in one incident."""
    for monitor in (CHURN, SPEND):
        judged(store, TICK - DAY, monitor=monitor)
        assert find_missing(store, monitor, now=TICK + 7 * HOUR) == [monitor.dag_id]
    [incident] = store.incidents()
    assert incident.monitors == ("churn", "spend")
    assert [each.event for each in store.letters()].count("opened") == 1


def test_a_planned_downtime_is_silent(store: Store) -> None:
    """What is out of order on purpose is not missed."""
    planned = {"start": "2013-06-04", "end": "2013-06-05", "reason": "the warehouse moves"}
    moving = Monitor.model_validate({**SAID, "alerts": {"downtime": [planned]}})
    judged(store, TICK - DAY)
    assert find_missing(store, moving, now=TICK + 7 * HOUR) == ["monitor_churn"]
    assert store.incidents() == []


def test_a_span_has_the_deadline_as_its_end(store: Store) -> None:
    """What is stored says when the run was due, whoever noticed."""
    judged(store, TICK - DAY)
    find_missing(store, CHURN, now=TICK + 9 * HOUR)
    [found] = [each for each in store.readings() if each.stream == "run"]
    assert found.window.end == TICK + 6 * HOUR + timedelta(seconds=1)
    assert replace(found, signals=()).covers == {Cause.LATE}
