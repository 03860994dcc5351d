"""One Airflow DAG, `retrain_<name>`, for each monitor in include/monitors that has a section `retraining`."""

from __future__ import annotations

from monitoring_tasks.orchestration.folder import monitors_folder, retrain_dags

globals().update(retrain_dags(monitors_folder(__file__)))
