"""`python -m bench.fleet_dags MODEL...`: tells Airflow of the DAGs of models, as its DAG processor would."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

OWNERS = ("growth", "risk", "search", "supply")


def register(models: Sequence[str]) -> None:
    """Three DAGs of each model, none of which is paused; their next runs are to come."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    manager: Any = DagBundlesManager
    manager().sync_bundles_to_db()
    dag: Any = DagModel
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with create_session() as session:
        for place, name in enumerate(models):
            for prefix in ("monitor_", "performance_", "retrain_"):
                session.add(
                    dag(
                        dag_id=prefix + name,
                        bundle_name="dags-folder",
                        fileloc="/opt/airflow/dags/monitoring.py",
                        relative_fileloc="monitoring.py",
                        owners=OWNERS[place % len(OWNERS)],
                        is_stale=False,
                        is_paused=False,
                        max_active_tasks=16,
                        max_consecutive_failed_dag_runs=0,
                        has_task_concurrency_limits=False,
                        next_dagrun=midnight,
                    )
                )


if __name__ == "__main__":
    register(sys.argv[1:])
