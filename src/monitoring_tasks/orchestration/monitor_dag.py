"""The DAG `monitor_<name>`: window, profile, suites, verdict, branch, then all clear or alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronDataIntervalTimetable, Param

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.documentation import monitor_document, window_help
from monitoring_tasks.orchestration.links import ReportLink
from monitoring_tasks.orchestration.run_window import first_interval
from monitoring_tasks.orchestration.tasks import MonitorTasks, say_why, verdict_asset
from monitoring_tasks.window import cron


class ReportingOperator(PythonOperator):
    """A task that leaves a report, with a button that opens it."""

    operator_extra_links = (ReportLink(),)


def build_monitor_dag(monitor: Monitor) -> DAG:
    """The DAG of one monitor. Nothing of it reads data before a task runs."""
    with DAG(
        dag_id=monitor.dag_id,
        description=monitor.description or f"Watches the model {monitor.name}",
        doc_md=monitor_document(monitor),
        schedule=_schedule(monitor),
        start_date=first_interval(monitor),
        catchup=False,
        max_active_runs=4,
        tags=["monitoring", monitor.task],
        params=_form(),
        default_args=_defaults(monitor),
        # Only what a DAG file binds to a name is a DAG of that file; broken_monitors.py builds and drops them.
        auto_register=False,
    ) as dag:
        _wire(MonitorTasks(monitor), verdict_asset(monitor))
    return dag


def _wire(tasks: MonitorTasks, asset: Asset) -> None:
    window = PythonOperator(task_id="window", python_callable=tasks.window)
    profile = PythonOperator(task_id="profile", python_callable=tasks.profile, op_args=[window.output])
    suites = ReportingOperator(task_id="suites", python_callable=tasks.suites, op_args=[window.output])
    verdict = ReportingOperator(
        task_id="verdict", python_callable=tasks.verdict, op_args=[window.output], outlets=[asset]
    )
    branch = BranchPythonOperator(task_id="branch", python_callable=tasks.branch, op_args=[verdict.output], retries=0)
    all_clear = PythonOperator(
        task_id="all_clear", python_callable=tasks.all_clear, op_args=[verdict.output], retries=0
    )
    alert = PythonOperator(task_id="alert", python_callable=tasks.alert, op_args=[verdict.output, window.output])
    profile >> suites >> verdict >> branch >> [all_clear, alert]


def _schedule(monitor: Monitor) -> Any:
    # A plain cron text would give intervals without width in Airflow 3.
    by_time = CronDataIntervalTimetable(cron(monitor.schedule), timezone="UTC")
    if monitor.asset is None:
        return by_time
    return AssetOrTimeSchedule(timetable=by_time, assets=Asset.ref(name=monitor.asset))


def _form() -> dict[str, Param]:
    section = "Custom window"
    return {
        name: Param(None, type=["null", "string"], format="date-time", title=title, description=text, section=section)
        for name, title, text in window_help()
    }


def _defaults(monitor: Monitor) -> dict[str, Any]:
    return {
        "owner": monitor.owner,
        "show_return_value_in_logs": False,
        # Tries with growing pauses wait for a source, the store or a channel to come back; errors that no waiting
        # mends end the task at once (tasks.py).
        "retries": 4,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=15),
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": say_why,
        "on_retry_callback": say_why,
    }
