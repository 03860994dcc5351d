"""Two Airflow DAGs over all monitors: `monitoring_alerts` delivers, `monitoring_incident` is a form for people."""

from __future__ import annotations

from monitoring_tasks.orchestration.alerts_dag import build_alerts_dag
from monitoring_tasks.orchestration.folder import monitors_folder
from monitoring_tasks.orchestration.incident_dag import build_incident_dag

alerts = build_alerts_dag(monitors_folder(__file__))
incident = build_incident_dag(monitors_folder(__file__))
