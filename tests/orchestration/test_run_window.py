"""The window of a run, for every way a run can start."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.run_window import RunFacts, first_interval, resolve
from monitoring_tasks.window import Window, last_tick, windows_between

DAILY = datetime(2013, 6, 3, tzinfo=UTC), datetime(2013, 6, 4, tzinfo=UTC)
RUN_AFTER = datetime(2013, 6, 4, 7, 30, tzinfo=UTC)


def monitor(**more: Any) -> Monitor:
    """A small monitor with some keys replaced."""
    base = {
        "name": "delay",
        "owner": "ml",
        "task": "binary",
        "timestamp": "at",
        "prediction": "score",
        "source": {"kind": "parquet", "path": "log"},
        "reference": {"kind": "file", "path": "reference.parquet"},
    }
    return Monitor.model_validate({**base, **more})


def facts(run_type: str, interval: tuple[datetime, datetime] | None = None, **params: Any) -> RunFacts:
    """A run asked for at half past seven on the fourth of June 2013."""
    start, end = interval or (None, None)
    return RunFacts(run_type, RUN_AFTER, start, end, params)


@pytest.mark.parametrize("run_type", ["scheduled", "backfill", "manual"])
def test_a_run_with_an_interval_examines_it(run_type: str) -> None:
    """Scheduled, backfilled, and by hand with a logical date: the data interval is the window."""
    found = resolve(monitor(), facts(run_type, DAILY))
    assert found.window == Window(*DAILY)
    assert found.silent == (run_type == "backfill")


@pytest.mark.parametrize("run_type", ["asset_triggered", "manual", "operator_triggered", "asset_materialization"])
def test_a_run_without_an_interval_examines_the_last_complete_window(run_type: str) -> None:
    """Nothing but the moment of asking is known: the last tick before it ends the window."""
    found = resolve(monitor(), facts(run_type))
    assert found.window == Window(*DAILY)
    assert not found.silent


def test_an_interval_without_width_says_nothing() -> None:
    """Airflow gives zero-width intervals to some runs; they are treated as none."""
    assert resolve(monitor(), facts("manual", (RUN_AFTER, RUN_AFTER))).window == Window(*DAILY)


def test_a_trailing_window_ends_with_the_interval() -> None:
    """A daily schedule that looks at seven days."""
    week = Window.parse("2013-05-28", "2013-06-04")
    assert resolve(monitor(window="7d"), facts("backfill", DAILY)).window == week
    assert resolve(monitor(window="7d"), facts("asset_triggered")).window == week


def test_an_hourly_monitor_examines_the_last_hour() -> None:
    """The schedule decides how wide a window is."""
    found = resolve(monitor(schedule="@hourly"), facts("asset_triggered"))
    assert found.window == Window.parse("2013-06-04T06:00", "2013-06-04T07:00")


def test_a_window_given_by_hand_wins() -> None:
    """Both fields of the form, in any time zone; without one they are UTC. Of the past nobody is told."""
    given_by_hand = facts("manual", DAILY, start="2013-05-01T02:00:00+02:00", end="2013-05-08")
    found = resolve(monitor(), given_by_hand)
    assert found.window == Window.parse("2013-05-01", "2013-05-08")
    assert found.silent
    assert not found.current


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"start": "2013-05-01"}, "give both"),
        ({"end": "2013-05-01", "start": ""}, "give both"),
        ({"start": "garbage", "end": "2013-05-01"}, "is not a moment"),
        ({"start": "2013-05-01", "end": "2013-05-01"}, "empty window"),
        ({"start": "2013-05-02", "end": "2013-05-01"}, "empty window"),
        ({"start": 5, "end": "2013-05-01"}, "is not a moment"),
        ({"start": "1999-05-02", "end": "1999-05-03"}, "before 2000-01-01T00:00:00Z"),
    ],
)
def test_a_bad_form_is_refused_in_words(params: dict[str, Any], message: str) -> None:
    """Airflow does not check what is typed into the form; the resolver does."""
    with pytest.raises(ConfigurationError, match=message):
        resolve(monitor(), facts("manual", **params))


def test_empty_fields_are_none() -> None:
    """A field that was cleared arrives as an empty text or as null."""
    assert resolve(monitor(), facts("manual", start="", end=None)).window == Window(*DAILY)


def test_a_backfill_takes_no_window_by_hand() -> None:
    """Every run of a backfill gets the same form: all of them would examine one window."""
    with pytest.raises(ConfigurationError, match="a backfill takes its windows from its dates"):
        resolve(monitor(), facts("backfill", DAILY, start="2013-05-01", end="2013-05-02"))


FAR = {"@hourly": 1, "@daily": 3, "@weekly": 20, "@monthly": 70, "30 */6 * * 1-5": 5, "0 0 29 2 *": 9 * 366}
"""Schedules, and days within which each of them ticks twice."""


@given(
    schedule=st.sampled_from(sorted(FAR)),
    width=st.sampled_from([None, "90m", "1d", "7d"]),
    day=st.dates(min_value=date(2010, 1, 1), max_value=date(2015, 1, 1)),
)
@settings(max_examples=40, deadline=None)
def test_the_first_interval_is_the_first_whose_window_fits(schedule: str, width: str | None, day: date) -> None:
    """No scheduled window starts before the monitor does, and none that fits is left out."""
    watched = monitor(schedule=schedule, window=width, start=day)
    far = timedelta(days=FAR[schedule])
    span = Window(watched.first_moment - far, watched.first_moment + timedelta(days=7) + far)
    windows = windows_between(schedule, watched.window, span)
    first = next(window for window in windows if window.start >= watched.first_moment)
    start = first_interval(watched)
    assert start == last_tick(schedule, first.end - timedelta(microseconds=1))
    assert resolve(watched, RunFacts("scheduled", first.end, start, first.end)).window == first
