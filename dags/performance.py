"""One Airflow DAG, `performance_<name>`, for each monitor in include/monitors that has a section `performance`."""

from __future__ import annotations

from monitoring_tasks.orchestration.folder import monitors_folder, performance_dags

globals().update(performance_dags(monitors_folder(__file__)))
