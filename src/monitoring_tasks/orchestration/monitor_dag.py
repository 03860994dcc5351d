"""The DAG `monitor_<name>`: window, profile, suites, verdict, branch, then all clear or alert."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronDataIntervalTimetable, Param

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.documentation import monitor_document, window_help
from monitoring_tasks.orchestration.failures import run_callbacks
from monitoring_tasks.orchestration.lateness import Course, deadline
from monitoring_tasks.orchestration.links import ModelLink, ReportLink
from monitoring_tasks.orchestration.run_request import REASON, WINDOW_END
from monitoring_tasks.orchestration.run_window import first_interval
from monitoring_tasks.orchestration.tasks import REQUEST, MonitorTasks, verdict_asset
from monitoring_tasks.orchestration.tries import tries
from monitoring_tasks.window import cron


class ReportingOperator(PythonOperator):
    """A task that leaves a report, with buttons that open it and the model's page."""

    operator_extra_links = (ReportLink(), ModelLink())


def build_monitor_dag(monitor: Monitor) -> DAG:
    """The DAG of one monitor. Nothing of it reads data before a task runs."""
    with DAG(
        dag_id=monitor.dag_id,
        description=monitor.description or f"Watches the model {monitor.name}",
        doc_md=monitor_document(monitor),
        schedule=_schedule(monitor),
        start_date=first_interval(monitor),
        end_date=monitor.last_moment,
        catchup=False,
        max_active_runs=4,
        tags=["monitoring", monitor.task],
        params=_form(),
        default_args=tries(monitor),
        deadline=deadline(Course.drift(monitor)),
        # Only what a DAG file binds to a name is a DAG of that file; broken_monitors.py builds and drops them.
        auto_register=False,
        **run_callbacks(monitor),
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
    branch = BranchPythonOperator(
        task_id="branch", python_callable=tasks.branch, op_args=[verdict.output, window.output]
    )
    all_clear = PythonOperator(
        task_id="all_clear", python_callable=tasks.all_clear, op_args=[verdict.output], retries=0
    )
    alert = PythonOperator(task_id="alert", python_callable=tasks.alert, op_args=[verdict.output, window.output])
    following = [all_clear, alert, *([request(tasks.monitor)] if tasks.monitor.retraining else [])]
    profile >> suites >> verdict >> branch >> following


def request(monitor: Monitor) -> TriggerDagRunOperator:
    """Starts the retraining's DAG under the id that the request names, so that a repeated request starts nothing."""
    request = f"ti.xcom_pull(task_ids='branch', key='{REQUEST}')"
    return TriggerDagRunOperator(
        task_id="request_retraining",
        trigger_dag_id=monitor.retrain_dag_id,
        trigger_run_id=f"{{{{ {request}['run'] }}}}",
        conf={name: f"{{{{ {request}['conf']['{name}'] }}}}" for name in (REASON, WINDOW_END)},
        logical_date=None,
        skip_when_already_exists=True,
    )


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
