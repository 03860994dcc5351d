"""Which window a run examines: a pure function of what Airflow says about the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.window import Window, last_tick, stamp, ticks, window_ending

BACKFILL = "backfill"
START, END = "start", "end"


@dataclass(frozen=True)
class RunFacts:
    """What Airflow says about a run. Runs started by an asset or by hand may have no data interval."""

    run_type: str
    run_after: datetime
    interval_start: datetime | None = None
    interval_end: datetime | None = None
    params: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RunWindow:
    """The window of a run.

    A `current` one examines the newest complete window there was when it was asked for. A `silent` run tells nobody and
    requests nothing, it only records: a backfill, or one by hand of a window further back.
    """

    window: Window
    silent: bool
    current: bool


def resolve(monitor: Monitor, facts: RunFacts) -> RunWindow:
    """The window of a run: the one asked for by hand, else the one that ends with its data interval.

    A run without an interval (started by an asset, or by hand) takes the last window that was complete when it was
    asked for. Raises `ConfigurationError` for a window that is half given, empty, or before the monitor's `start`.

    >>> from datetime import UTC
    >>> monitor = Monitor.model_validate({
    ...     "name": "delay", "owner": "ml", "task": "binary", "timestamp": "at", "prediction": "score",
    ...     "source": {"kind": "parquet", "path": "log"}, "reference": {"kind": "file", "path": "reference.parquet"},
    ... })
    >>> by_asset = RunFacts("asset_triggered", run_after=datetime(2013, 6, 4, 7, 30, tzinfo=UTC))
    >>> str(resolve(monitor, by_asset).window)
    '2013-06-03T00:00:00Z/2013-06-04T00:00:00Z'
    """
    window = asked_for(facts) or window_ending(monitor.schedule, monitor.window, tick_of(monitor.schedule, facts))
    if window.start < monitor.first_moment:
        raise ConfigurationError(
            f"window {window} starts before {stamp(monitor.first_moment)}, where monitor {monitor.name} starts: "
            "ask for a later window, or move start: in its YAML"
        )
    current = window.end >= last_tick(monitor.schedule, facts.run_after)
    return RunWindow(window, silent=facts.run_type == BACKFILL or not current, current=current)


def asked_for(facts: RunFacts) -> Window | None:
    """The window of the trigger form, None where it is empty. Airflow does not check the format of its fields."""
    start, end = ((facts.params or {}).get(name) or None for name in (START, END))
    if start is None and end is None:
        return None
    if facts.run_type == BACKFILL:
        raise ConfigurationError(
            "a backfill takes its windows from its dates: leave start and end empty, or trigger one run with them"
        )
    if start is None or end is None:
        raise ConfigurationError(f"found start={start} and end={end}: give both for a custom window, or neither")
    return Window.parse(str(start), str(end))


def tick_of(schedule: str, facts: RunFacts) -> datetime:
    """The end of the run's data interval; for a run without one the last tick when it was asked for."""
    start, end = facts.interval_start, facts.interval_end
    # An interval without width comes from a trigger with a logical date only; it says nothing about a window.
    if start is not None and end is not None and start < end:
        return end
    return last_tick(schedule, facts.run_after)


def first_interval(monitor: Monitor) -> datetime:
    """Start of the first data interval whose window does not begin before the monitor's `start`.

    >>> monitor = Monitor.model_validate({
    ...     "name": "delay", "owner": "ml", "task": "binary", "timestamp": "at", "prediction": "score",
    ...     "source": {"kind": "parquet", "path": "log"}, "reference": {"kind": "file", "path": "reference.parquet"},
    ...     "start": "2013-04-01", "window": "7d",
    ... })
    >>> stamp(first_interval(monitor))
    '2013-04-07T00:00:00Z'
    """
    width = monitor.window or timedelta()
    earliest = monitor.first_moment + width
    # The schedules there are tick at least once in the 8 years between leap days.
    tick = next(ticks(monitor.schedule, earliest, earliest + timedelta(days=8 * 366)))
    return last_tick(monitor.schedule, tick - timedelta(microseconds=1)) if width else tick
