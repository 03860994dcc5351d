"""One Airflow DAG, `monitoring_canary`, that tests all monitors in include/monitors with labelled faults."""

from __future__ import annotations

from monitoring_tasks.orchestration.canary_dag import build_canary_dag
from monitoring_tasks.orchestration.folder import monitors_folder

canary = build_canary_dag(monitors_folder(__file__))
