"""No DAG of its own: the one Airflow import error that names what is wrong in include/monitors.

Airflow takes all DAGs of a file away when the file has an import error, so this is not said in monitor.py.
"""

from __future__ import annotations

from monitoring_tasks.orchestration.folder import monitors_folder, refuse_broken

refuse_broken(monitors_folder(__file__))
