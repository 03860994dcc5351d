"""The DAG `performance_<name>`: window, measure, suites, verdict, branch, then all clear, alert or a retraining."""

from __future__ import annotations

from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from monitoring_tasks.monitor import Monitor
from monitoring_tasks.orchestration.failures import run_callbacks
from monitoring_tasks.orchestration.lateness import Course, deadline
from monitoring_tasks.orchestration.monitor_dag import ReportingOperator, request
from monitoring_tasks.orchestration.performance_documentation import performance_document, performance_help
from monitoring_tasks.orchestration.performance_run import first_performance_interval, last_performance_interval
from monitoring_tasks.orchestration.performance_tasks import PerformanceTasks
from monitoring_tasks.orchestration.tries import tries
from monitoring_tasks.window import cron


def build_performance_dag(monitor: Monitor) -> DAG:
    """The DAG that watches one model's figures as its labels come in. Nothing of it reads data before a task runs."""
    with DAG(
        dag_id=monitor.performance_dag_id,
        description=f"Watches the figures of the model {monitor.name} once its labels are known",
        doc_md=performance_document(monitor),
        schedule=CronDataIntervalTimetable(cron(monitor.performance_schedule), timezone="UTC"),
        start_date=first_performance_interval(monitor),
        end_date=last_performance_interval(monitor),
        catchup=False,
        max_active_runs=4,
        tags=["performance", monitor.task],
        params=_form(),
        default_args=tries(monitor),
        deadline=deadline(Course.performance(monitor)),
        auto_register=False,  # as for the monitor's own DAG
        **run_callbacks(monitor),
    ) as dag:
        _wire(PerformanceTasks(monitor))
    return dag


def _wire(tasks: PerformanceTasks) -> None:
    window = PythonOperator(task_id="window", python_callable=tasks.window)
    measure = PythonOperator(task_id="measure", python_callable=tasks.measure, op_args=[window.output])
    suites = ReportingOperator(task_id="suites", python_callable=tasks.suites, op_args=[window.output])
    verdict = ReportingOperator(task_id="verdict", python_callable=tasks.verdict, op_args=[window.output])
    branch = BranchPythonOperator(
        task_id="branch", python_callable=tasks.branch, op_args=[verdict.output, window.output]
    )
    all_clear = PythonOperator(
        task_id="all_clear", python_callable=tasks.all_clear, op_args=[verdict.output], retries=0
    )
    alert = PythonOperator(task_id="alert", python_callable=tasks.alert, op_args=[verdict.output, window.output])
    following = [all_clear, alert, *([request(tasks.monitor)] if tasks.monitor.retraining else [])]
    measure >> suites >> verdict >> branch >> following


def _form() -> dict[str, Param]:
    section = "Custom window"
    return {
        name: Param(None, type=["null", "string"], format="date-time", title=title, description=text, section=section)
        for name, title, text in performance_help()
    }
