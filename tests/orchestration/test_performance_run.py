"""The window of a performance run, for every way a run can start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.performance_run import first_performance_interval, resolve_performance
from monitoring_tasks.orchestration.run_window import RunFacts
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.window import Window, last_tick

TICK = datetime(2013, 6, 18, tzinfo=UTC)
WEEK = TICK - timedelta(days=7), TICK
RUN_AFTER = datetime(2013, 6, 18, 7, 30, 0, 5, tzinfo=UTC)


def monitor(*, delay: str = "3d", performance: Any = None, **more: Any) -> Monitor:
    """A weekly monitor whose labels are final after three days."""
    base = {
        "name": "delay",
        "owner": "ml",
        "task": "binary",
        "timestamp": "at",
        "prediction": "score",
        "id": "id",
        "source": {"path": "log"},
        "reference": {"path": "reference.parquet"},
        "labels": {"source": {"path": "labels"}, "delay": delay},
        "performance": performance or {},
        "schedule": "0 0 * * 2",
    }
    return Monitor.model_validate({**base, **more})


def facts(run_type: str, interval: tuple[datetime, datetime] | None = None, **params: Any) -> RunFacts:
    """A run asked for on the morning of the eighteenth of June 2013, a Tuesday."""
    start, end = interval or (None, None)
    return RunFacts(run_type, RUN_AFTER, start, end, params)


@pytest.mark.parametrize("run_type", ["scheduled", "backfill", "manual"])
def test_a_run_with_an_interval_examines_the_window_whose_labels_are_final_then(run_type: str) -> None:
    """Known is what was known at the interval's end, whenever the run is made: a backfill finds the same bytes."""
    found = resolve_performance(monitor(), facts(run_type, WEEK))
    assert found.window == Window.parse("2013-06-04", "2013-06-11")
    assert found.known_at == TICK
    assert found.silent == (run_type == "backfill")
    assert found.current


def test_a_run_on_an_asset_takes_the_last_tick() -> None:
    """Only whole windows of the schedule are examined, as the scheduled run would."""
    found = resolve_performance(monitor(), facts("asset_triggered"))
    assert (found.window, found.known_at) == (Window.parse("2013-06-04", "2013-06-11"), TICK)


def test_a_window_by_hand_is_known_as_of_now() -> None:
    """The whole second of the moment at which it was asked for."""
    asked = facts("manual", start="2013-06-11T00:00:00Z", end="2013-06-18T00:00:00Z")
    found = resolve_performance(monitor(), asked)
    assert found.window == Window.parse("2013-06-11", "2013-06-18")
    assert found.known_at == RUN_AFTER.replace(microsecond=0)
    assert not found.silent


def test_what_was_known_in_the_past_tells_nobody() -> None:
    """Asked for with a moment, the newest window of then is examined in silence."""
    found = resolve_performance(monitor(), facts("manual", as_known_on="2013-06-05T12:00:00Z"))
    assert found.window == Window.parse("2013-05-21", "2013-05-28")
    assert found.known_at == datetime(2013, 6, 5, 12, tzinfo=UTC)
    assert found.silent
    assert not found.current


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"start": "2013-06-11"}, "give both"),
        ({"start": "2013-06-11", "end": "2013-06-19"}, "ends after 2013-06-18T07:30:00Z"),
        ({"as_known_on": "soon"}, "'soon' is not a moment"),
        ({"start": "1999-06-11", "end": "1999-06-18"}, "where monitor delay starts"),
    ],
)
def test_a_form_filled_in_wrongly_says_why(params: Any, words: str) -> None:
    """What was found, and what to write instead."""
    with pytest.raises(ConfigurationError, match=words):
        resolve_performance(monitor(), facts("manual", **params))


def test_its_own_schedule_and_width() -> None:
    """Figures may be looked at daily over seven days while drift is judged weekly."""
    own = monitor(performance={"schedule": "@daily", "window": "7d", "restate": 2})
    day = TICK - timedelta(days=1), TICK
    found = resolve_performance(own, facts("scheduled", day))
    assert found.window == Window.parse("2013-06-08", "2013-06-15")
    restated = Cadence.of(own).restated(found.window)
    assert [window.end.day for window in restated] == [15, 14, 13]
    assert {window.width for window in restated} == {timedelta(days=7)}
    assert [window.end.day for window in Cadence.of(own).before(found.window, count=1)] == [8]


@given(st.integers(0, 40), st.sampled_from(["@daily", "0 0 * * 2", "@monthly"]), st.sampled_from([None, "7d", "30d"]))
def test_the_first_run_has_the_first_window(delay: int, schedule: str, width: str | None) -> None:
    """The run of the first interval examines a window at or after the start, and no earlier interval would."""
    watched = monitor(delay=f"{24 * delay + 1}h", schedule=schedule, window=width, start="2013-04-01")
    start = first_performance_interval(watched)
    end = last_tick(schedule, start + timedelta(days=32))
    while last_tick(schedule, end - timedelta(seconds=1)) > start:
        end = last_tick(schedule, end - timedelta(seconds=1))
    assert resolve_performance(watched, facts("scheduled", (start, end))).window.start >= watched.first_moment
    assert Cadence.of(watched).newest(start).start < watched.first_moment
