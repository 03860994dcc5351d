"""Which window a performance run examines, and as known when: a pure function of what Airflow says about the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.run_window import BACKFILL, RunFacts, asked_for, tick_of
from monitoring_tasks.performance_window import Cadence
from monitoring_tasks.window import Window, last_tick, parse_moment, stamp

KNOWN_ON = "as_known_on"


@dataclass(frozen=True)
class PerformanceRun:
    """The window of a run, with labels logged before `known_at`.

    A `current` one examines the newest window whose labels are final. A `silent` run tells nobody: a backfill, one by
    hand of a window further back, or one that asks what was known in the past.
    """

    window: Window
    known_at: datetime
    silent: bool
    current: bool


def resolve_performance(monitor: Monitor, facts: RunFacts) -> PerformanceRun:
    """The window of a run: the one asked for by hand, else the last whose labels were final at the run's tick.

    A scheduled run and a backfill know what was known at the end of their data interval, so that both find the same; a
    run by hand what is known when it is asked for, unless the form says otherwise. Raises `ConfigurationError` for a
    window that is half given, empty, before the monitor's `start`, or after the moment asked for.
    """
    cadence, tick = Cadence.of(monitor), tick_of(monitor.performance_schedule, facts)
    by_hand = asked_for(facts)
    known_at = _known_at(facts) or (facts.run_after.replace(microsecond=0) if by_hand else tick)
    window = by_hand or cadence.newest(known_at)
    _require(monitor, window, known_at)
    past = facts.run_type == BACKFILL or _known_at(facts) is not None
    newest = cadence.newest(last_tick(cadence.schedule, facts.run_after))
    current = window.end >= newest.end
    return PerformanceRun(window, known_at, silent=past or not current, current=current)


def _known_at(facts: RunFacts) -> datetime | None:
    text = (facts.params or {}).get(KNOWN_ON)
    return parse_moment(str(text)).replace(microsecond=0) if text else None


def _require(monitor: Monitor, window: Window, known_at: datetime) -> None:
    if window.start < monitor.first_moment:
        raise ConfigurationError(
            f"window {window} starts before {stamp(monitor.first_moment)}, where monitor {monitor.name} starts: "
            "ask for a later window, or move start: in its YAML"
        )
    if known_at < window.end:
        raise ConfigurationError(
            f"window {window} ends after {stamp(known_at)}, as known at which it is asked for: ask for a later moment"
        )


def first_performance_interval(monitor: Monitor) -> datetime:
    """Start of the first data interval at whose end there is a window that does not begin before `start`."""
    cadence = Cadence.of(monitor)
    tick = cadence.first_tick(monitor.first_moment)
    return last_tick(cadence.schedule, tick - tick.resolution)


def last_performance_interval(monitor: Monitor) -> datetime | None:
    """The last moment at which an interval of the schedule may start, for labels to be final; None without `end`."""
    return monitor.last_moment and monitor.last_moment + Cadence.of(monitor).delay
