"""Runs that are late: Airflow's own deadline alerts, and a look at what should have been judged by now.

The deadline of a run is told by the triggerer, as soon as it is missed. What the executor would run instead (Airflow's
`SyncCallback`) may not open Airflow's connections. A run that Airflow never began has no deadline: the task `watch` of
the DAG over all alerts misses its reading in the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference  # type: ignore[attr-defined]  # no stubs

from monitoring_tasks.incidents.reading import Cause, Stream
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.failures import is_silent
from monitoring_tasks.orchestration.performance_run import last_performance_interval
from monitoring_tasks.orchestration.run_reading import RunSpan, late
from monitoring_tasks.orchestration.run_telling import airflow_store, is_known, send_due, tell
from monitoring_tasks.window import HOUR, in_words, interval, last_tick, parse_moment, stamp, ticks

if TYPE_CHECKING:
    from monitoring_tasks.store.database import Store

log = logging.getLogger(__name__)
Json = Mapping[str, Any]
LONGEST = 6 * HOUR
"""The longest that a run may take whose monitor says nothing of it."""
_LOOKED_AT = 8
_YEARS = timedelta(days=8 * 366)


@dataclass(frozen=True)
class Course:
    """One of a monitor's DAGs that judge windows: its schedule, and the stream in which its readings are kept.

    `last` is the last moment at which an interval of its schedule may start; None where the monitor has no end.
    """

    monitor: Monitor
    dag_id: str
    schedule: str
    stream: Stream
    last: datetime | None = None

    @property
    def patience(self) -> timedelta:
        """Time after which its run is late: as the monitor says, else the schedule's least interval, at most 6h."""
        return self.monitor.alerts.deadline or min(_least_interval(self.schedule), LONGEST)

    @classmethod
    def drift(cls, monitor: Monitor) -> Course:
        """The DAG that looks at a model's rows."""
        return cls(monitor, monitor.dag_id, monitor.schedule, "drift", monitor.last_moment)

    @classmethod
    def performance(cls, monitor: Monitor) -> Course:
        """The DAG that looks at a model's figures."""
        last = last_performance_interval(monitor)
        return cls(monitor, monitor.performance_dag_id, monitor.performance_schedule, "performance", last)

    @classmethod
    def all_of(cls, monitor: Monitor) -> list[Course]:
        """Every DAG of a monitor that judges windows."""
        return [cls.drift(monitor), *([cls.performance(monitor)] if monitor.performance else [])]


def deadline(course: Course) -> DeadlineAlert:
    """Airflow's deadline for each run of a DAG, from the moment it is queued.

    The monitor goes along as text: the triggerer may see another checkout of the DAG files, or none.
    """
    told = {"stream": course.stream, "monitor": course.monitor.model_dump_json(exclude_unset=True)}
    return DeadlineAlert(
        name="late",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=course.patience,
        callback=AsyncCallback(tell_late, kwargs=told),
    )


async def tell_late(stream: str, monitor: str, context: Json) -> None:
    """What the triggerer calls when a run has missed its deadline: the run goes on, and people are told.

    It works in a thread: others wait for the triggerer's loop.
    """
    await asyncio.to_thread(missed, stream, monitor, context)


def missed(stream: str, monitor: str, context: Json) -> None:
    """Record that a run missed its deadline, and tell people; a silent run tells nobody."""
    run, watched = context["dag_run"], Monitor.model_validate_json(monitor)
    if is_silent(str(run["run_type"]), run["conf"]):
        return
    course = Course.performance(watched) if stream == "performance" else Course.drift(watched)
    span, due = RunSpan.of(_Run.of(run)), _moment(context["deadline"]["deadline_time"])
    store = airflow_store()
    if _is_judged(store, course, span.tick) or is_known(store, watched, span, Cause.LATE, Cause.FAILED):
        return
    reason = f"a run of {course.dag_id} has not ended within {in_words(course.patience)} of being queued"
    tell(store, watched, late(watched, span, reason, due=due), span)
    send_due(store, by=f"{course.dag_id} {span.run_id} late")


def find_missing(store: Store, monitor: Monitor, *, now: datetime) -> list[str]:
    """Record each DAG of a monitor whose run should have judged its window by now, and has not; their ids.

    One that never judged anything is not late: it was not started yet.
    """
    missing = [course for course in Course.all_of(monitor) if _is_missing(store, course, now)]
    for course in missing:
        span = _expected(course, now)
        reason = f"the run of {course.dag_id} that was due at {stamp(span.tick)} has not judged its window"
        tell(store, monitor, late(monitor, span, reason, due=span.tick + course.patience), span)
    return [course.dag_id for course in missing]


def _is_missing(store: Store, course: Course, now: datetime) -> bool:
    span, newest = _expected(course, now), store.newest_tick(course.monitor.name, course.stream)
    if course.last is not None and span.start > course.last:
        return False
    if newest is None:
        log.info("watch.never_ran dag_id=%s: it is looked after once it has judged a window", course.dag_id)
        return False
    return newest < span.tick and not is_known(store, course.monitor, span, Cause.LATE, Cause.FAILED)


def _expected(course: Course, now: datetime) -> RunSpan:
    """The newest run that should have come to its end by now."""
    tick = last_tick(course.schedule, now - course.patience)
    return RunSpan(course.dag_id, tick, tick - interval(course.schedule, tick))


def _is_judged(store: Store, course: Course, tick: datetime) -> bool:
    newest = store.newest_tick(course.monitor.name, course.stream)
    return newest is not None and newest >= tick


def _least_interval(schedule: str) -> timedelta:
    """The least time between two ticks, by the first few of them.

    >>> in_words(_least_interval("0 0 * * 1-5"))
    '1 day'
    """
    start = parse_moment("2000-01-01")
    found = islice(ticks(schedule, start, start + _YEARS), _LOOKED_AT)
    return min(later - earlier for earlier, later in pairwise(found))


@dataclass(frozen=True)
class _Run:
    """Airflow's run as a deadline knows it: its times are texts."""

    dag_id: str
    run_id: str
    run_after: datetime
    data_interval_start: datetime | None
    data_interval_end: datetime | None

    @classmethod
    def of(cls, run: Json) -> _Run:
        start, end = (run[name] and _moment(run[name]) for name in ("data_interval_start", "data_interval_end"))
        return cls(run["dag_id"], run["dag_run_id"], _moment(run["run_after"]), start, end)


def _moment(value: datetime | str) -> datetime:
    return parse_moment(str(value)) if isinstance(value, str) else value.astimezone(UTC)
