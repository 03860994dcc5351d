"""What Airflow knows about a run becomes a reading: it is late, it failed, or it succeeded. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitoring_tasks.alerts.message import one_line
from monitoring_tasks.errors import (
    AlertUndelivered,
    MonitoringError,
    PipelineUnavailable,
    ReferenceUnavailable,
    StoreUnavailable,
    Unavailable,
)
from monitoring_tasks.incidents.reading import OF_RUN, Cause, Reading, Signal
from monitoring_tasks.incidents.signals import source_id
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.redaction import redact
from monitoring_tasks.sections import ChampionReference
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import HOUR, Window, floor

Whose = Monitor | Path
"""Whose DAG it is: one monitor's, or, by their folder, that of all monitors together."""
PLATFORM = "platform"
"""Owner of the DAGs over all monitors."""
SECOND = timedelta(seconds=1)
LONGEST_ANCHOR = 120


@dataclass(frozen=True)
class RunSpan:
    """A run of a DAG and its times: `tick` is when it was due, `start` where the data it is about begins.

    `run_id` is None for one that is missing.
    """

    dag_id: str
    tick: datetime
    start: datetime
    run_id: str | None = None

    @classmethod
    def of(cls, dag_run: Any) -> RunSpan:
        """The times of Airflow's run; one without a data interval was due when it was asked for, about the last hour.

        Fractions of a second are cut off.
        """
        start, end = dag_run.data_interval_start, dag_run.data_interval_end
        if start is None or end is None or not start < end:
            end, start = dag_run.run_after, dag_run.run_after - HOUR
        return cls(dag_run.dag_id, floor(end, SECOND), floor(start, SECOND), dag_run.run_id)

    def until(self, moment: datetime) -> Window:
        """From the beginning of its data to the first whole second after a moment of the clock.

        What is found out later about the same run ends later: so a run that is repeated and succeeds makes good that
        it failed.
        """
        return Window(self.start, max(floor(moment, SECOND), self.tick) + SECOND)


def late(whose: Whose, span: RunSpan, reason: str, *, due: datetime) -> Reading:
    """A run that should have ended by `due`, and has not; one that never began may have others missing beside it."""
    anchors = ("airflow#scheduler",) if span.run_id is None else ()
    signal = Signal(Cause.LATE, Severity.MEDIUM, (one_line(reason),), anchors=anchors, topics=(Cause.LATE.value,))
    return _reading(whose, span, span.until(due), signal)


def failed(whose: Whose, span: RunSpan, reason: str, *, anchors: tuple[str, ...] = (), now: datetime) -> Reading:
    """A run that ended without its result."""
    signal = Signal(Cause.FAILED, Severity.MEDIUM, (one_line(reason),), anchors=anchors, topics=(Cause.FAILED.value,))
    return _reading(whose, span, span.until(now), signal)


def succeeded(whose: Whose, span: RunSpan, *, now: datetime) -> Reading:
    """A run that came to its end: it is neither late nor failed."""
    return _reading(whose, span, span.until(now))


def name_of(whose: Whose, dag_id: str) -> str:
    """The name under which readings of a DAG are kept: its monitor's, or its own."""
    return whose.name if isinstance(whose, Monitor) else dag_id


def _reading(whose: Whose, span: RunSpan, window: Window, signal: Signal | None = None) -> Reading:
    return Reading(
        monitor=name_of(whose, span.dag_id),
        owner=whose.owner if isinstance(whose, Monitor) else PLATFORM,
        dag_id=span.dag_id,
        stream="run",
        window=window,
        tick=span.tick,
        covers=OF_RUN if signal is None else frozenset({signal.cause}),
        signals=() if signal is None else (signal,),
    )


def why(error: BaseException | str | None) -> str:
    """An error as people are told it, without credentials: an error that nobody raised on purpose may hold some.

    >>> why(ValueError("no such file: s3://key:secret@bucket/x"))
    'ValueError: no such file: s3://***@bucket/x'
    """
    if error is None:
        return "its process ended without a word: it was killed, or ran out of memory"
    if isinstance(error, str):
        return one_line(redact(error))
    cause = cause_of(error)
    return one_line(redact(f"{type(cause).__name__}: {cause}"))


def cause_of(error: BaseException) -> BaseException:
    """The package's own error where Airflow's stands around it, to end the task for good."""
    return error.__cause__ if isinstance(error.__cause__, MonitoringError) else error


def anchors_of(whose: Whose, error: BaseException | str | None) -> tuple[str, ...]:
    """Where a failure comes from: runs of other DAGs that fail for the same reason have one problem with it."""
    if error is None or isinstance(error, str):
        return ()
    cause = cause_of(error)
    return (f"{type(cause).__name__}#{_place(whose, cause)}",)


def _place(whose: Whose, error: BaseException) -> str:
    """What did not answer; of other errors their text, which many DAGs share when the deployment is broken."""
    if isinstance(error, AlertUndelivered | StoreUnavailable):
        return ""  # the outbox and the store are everybody's
    if isinstance(error, Unavailable) and isinstance(whose, Monitor):
        repository = isinstance(error, ReferenceUnavailable | PipelineUnavailable)
        return _repository(whose) if repository else source_id(whose)
    return one_line(redact(str(error)), LONGEST_ANCHOR)


def _repository(monitor: Monitor) -> str:
    reference = monitor.reference
    return redact(monitor.locate(reference.repository if isinstance(reference, ChampionReference) else reference.path))
