"""Callbacks of Airflow that tell how runs end: a task or a run failed for good, or a run succeeded after all.

The task's own callback knows the error. A task whose process was killed has none, and neither has a run that took too
long: of these only the DAG's callback tells, in the process that reads DAG files. None of them ever raises.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.orchestration.performance_run import KNOWN_ON
from monitoring_tasks.orchestration.run_reading import RunSpan, Whose, anchors_of, failed, succeeded, why
from monitoring_tasks.orchestration.run_telling import airflow_store, has_open, is_known, send_due, tell
from monitoring_tasks.orchestration.run_window import BACKFILL, END, START
from monitoring_tasks.orchestration.tasks import run_type

if TYPE_CHECKING:
    from airflow.sdk import Context

    from monitoring_tasks.store.database import Store

log = logging.getLogger(__name__)
MANUAL = "manual"
_ENDS = {"timed_out": "took longer than it may", "all_tasks_deadlocked": "its tasks wait for each other"}


def run_callbacks(whose: Whose) -> dict[str, Any]:
    """Arguments of a DAG that let it tell how its runs end."""
    return {"on_failure_callback": partial(tell_failed_run, whose), "on_success_callback": partial(tell_success, whose)}


def tell_failure(whose: Whose, context: Context) -> None:
    """Callback of a task that failed for good: it is recorded, and told once for each incident."""
    _attempt(context, partial(_task_failed, whose, context))


def tell_failed_run(whose: Whose, context: Context) -> None:
    """Callback of a run that failed: tells what none of its tasks could tell."""
    _attempt(context, partial(_run_failed, whose, str(context.get("reason") or "")))


def tell_success(whose: Whose, context: Context) -> None:
    """Callback of a run that succeeded: what was told of late and failed runs of this DAG is over."""
    _attempt(context, partial(_run_succeeded, whose))


def is_silent(run_type: str, conf: Mapping[str, Any] | None) -> bool:
    """Whether nobody is told how a run went: a backfill, or one by hand of a window that its form names.

    >>> is_silent("manual", {"start": "2013-06-04"}), is_silent("manual", {}), is_silent("scheduled", None)
    (True, False, False)
    """
    by_hand = run_type == MANUAL and any((conf or {}).get(name) for name in (START, END, KNOWN_ON))
    return run_type == BACKFILL or by_hand


def _attempt(context: Context, act: Callable[[Store, RunSpan], None]) -> None:
    """Tell of a run, unless it is a silent one; an error ends here, for the run has its own."""
    run = context.get("dag_run")
    try:
        if run is not None and not is_silent(run_type(run), run.conf):
            act(airflow_store(), RunSpan.of(run))
    except Exception as error:  # whatever it is, it must not stand in the way of the run's own end
        log.error("run.untold run=%s reason=%s", getattr(run, "run_id", ""), why(error))
        log.debug("run.untold", exc_info=True)


def _task_failed(whose: Whose, context: Context, store: Store, span: RunSpan) -> None:
    task, error = context["task_instance"], context.get("exception")
    reason = f"task {_task_name(task)} of {span.dag_id} failed in try {task.try_number}: {why(error)}"
    tell(store, whose, failed(whose, span, reason, anchors=anchors_of(whose, error), now=datetime.now(UTC)), span)
    send_due(store, by=f"{span.dag_id} {span.run_id} {task.task_id} failed")


def _task_name(task: Any) -> str:
    """A task, and of several with one id (the self-tests of all monitors) which."""
    number = getattr(task, "map_index", -1)
    which = getattr(task, "rendered_map_index", None) or number
    return f"{task.task_id} [{which}]" if number is not None and number >= 0 else str(task.task_id)


def _run_failed(whose: Whose, found: str, store: Store, span: RunSpan) -> None:
    if not is_known(store, whose, span, Cause.FAILED):
        reason = f"a run of {span.dag_id} failed: {_ENDS.get(found) or why(None)}"
        tell(store, whose, failed(whose, span, reason, now=datetime.now(UTC)), span)


def _run_succeeded(whose: Whose, store: Store, span: RunSpan) -> None:
    if has_open(store, whose, span.dag_id):
        tell(store, whose, succeeded(whose, span, now=datetime.now(UTC)), span)
