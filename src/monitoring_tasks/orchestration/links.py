"""Addresses of a run and of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink, conf
from airflow.sdk.execution_time.xcom import XCom

from monitoring_tasks.retraining.names import run_slug

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/monitoring"


def report_path(dag_id: str, report: str) -> str:
    """Path of a report's page below Airflow's own address, from the report's artifact key.

    >>> report_path("monitor_delay", "runs/delay/v1.0.0-3f2a9c1b/2013-06-04T000000_2013-06-11T000000/9c1b/report.html")
    '/monitoring/report/monitor_delay/v1.0.0-3f2a9c1b/2013-06-04T000000_2013-06-11T000000/9c1b'
    """
    champion, span, config_hash = report.split("/")[-4:-1]
    return "/".join([f"{PREFIX}/report", *(quote(part, safe="") for part in (dag_id, champion, span, config_hash))])


def comparison_path(dag_id: str, slug: str) -> str:
    """Path of the page that compares challenger and champion, below Airflow's own address.

    >>> comparison_path("retrain_delay", "july-0a1b2c3d")
    '/monitoring/comparison/retrain_delay/july-0a1b2c3d'
    """
    return "/".join([f"{PREFIX}/comparison", *(quote(part, safe="") for part in (dag_id, slug))])


def model_path(dag_id: str) -> str:
    """Path of a model's page below Airflow's own address, by the id of any of its DAGs.

    >>> model_path("performance_delay")
    '/monitoring/model/performance_delay'
    """
    return f"{PREFIX}/model/{quote(dag_id, safe='')}"


def run_path(dag_id: str, run_id: str) -> str:
    """Path of a run's page below Airflow's own address.

    >>> run_path("monitor_delay", "manual__2013-06-04T00:00:00+00:00")
    '/dags/monitor_delay/runs/manual__2013-06-04T00%3A00%3A00%2B00%3A00'
    """
    return f"{dag_path(dag_id)}/runs/{quote(run_id, safe='')}"


def dag_path(dag_id: str) -> str:
    """Path of a DAG's page below Airflow's own address: all its runs, and what it is.

    >>> dag_path("monitor_delay")
    '/dags/monitor_delay'
    """
    return f"/dags/{quote(dag_id, safe='')}"


def answer_path(dag_id: str, run_id: str, task_id: str) -> str:
    """Path of the page on which a person answers a task's question.

    >>> answer_path("retrain_delay", "by_hand", "ask")
    '/dags/retrain_delay/runs/by_hand/tasks/ask/required_actions?map_index=-1'
    """
    return f"{run_path(dag_id, run_id)}/tasks/{quote(task_id, safe='')}/required_actions?map_index=-1"


def absolute(path: str) -> str:
    """Full address of a path, by Airflow's `[api] base_url`."""
    return _base() + path


def _base() -> str:
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


class ReportLink(BaseOperatorLink):
    """The button of a task that opens its report; there is none when the task did not get so far."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  Airflow's signature
        """Path of the report that the task returned."""
        returned: Any = XCom.get_value(ti_key=ti_key, key="return_value")
        # Only the path: people may reach Airflow under another host name than the configured one.
        return urlsplit(_base()).path + report_path(ti_key.dag_id, returned["report"]) if returned else ""


class ModelLink(BaseOperatorLink):
    """The button of a task that opens the page of its model."""

    name = "Model"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  Airflow's signature
        """Path of the model's page."""
        return urlsplit(_base()).path + model_path(ti_key.dag_id)


class ComparisonLink(BaseOperatorLink):
    """The button of the gate's task that opens the comparison; there is none when the gate has not judged."""

    name = "Comparison"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  Airflow's signature
        """Path of the page that compares challenger and champion."""
        judged: Any = XCom.get_value(ti_key=ti_key, key="result")
        return urlsplit(_base()).path + comparison_path(ti_key.dag_id, run_slug(ti_key.run_id)) if judged else ""
