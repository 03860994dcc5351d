"""One Airflow DAG, `monitoring_maintenance`, that tidies up after all monitors in include/monitors."""

from __future__ import annotations

from monitoring_tasks.orchestration.folder import monitors_folder
from monitoring_tasks.orchestration.maintenance_dag import build_maintenance_dag

maintenance = build_maintenance_dag(monitors_folder(__file__))
