"""One Airflow DAG, `monitor_<name>`, for each monitor in include/monitors."""

from __future__ import annotations

from monitoring_tasks.orchestration.folder import monitor_dags, monitors_folder

globals().update(monitor_dags(monitors_folder(__file__)))
