"""The DAG `monitoring_maintenance`: what all monitors left long ago goes, once a day."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

from monitoring_tasks.orchestration.failures import run_callbacks
from monitoring_tasks.orchestration.tasks import told
from monitoring_tasks.orchestration.tries import patient_tries

Json = dict[str, Any]
DAG_ID = "monitoring_maintenance"
DOCUMENT = """\
### Maintenance

Once a day, what retrainings left behind goes when it is older than the monitor's `retraining.keep` (30 days for a
monitor that is gone). Nothing of a retraining under way is touched, and all that goes can be had again.

* **workspaces**: folders in which trainings worked
* **caches**: objects of DVC's cache that nobody used for so long, and files of former champions; they are fetched from
  the DVC remote when they are needed again. While a training runs, DVC's cache is left alone until the next day
* **branches**: branches `retrain/...` at the models' origins. A version or champion keeps its commit by its tag
* **windows**: in the store, check results after 35 days (environment variable `MONITORING_KEEP_RESULTS`), of which
  scores and verdict stay; verdicts, performance and self-tests with their artifacts after 400 days
  (`MONITORING_KEEP_VERDICTS`). The last word on each monitor stays, and what is open
* **alerts**: letters that were told, incidents that ended and readings, in the store, after 400 days

What fails for one monitor stops no other: the task's last line names it. Workspaces and caches are those of the machine
on which the task runs.
"""


@dataclass(frozen=True)
class MaintenanceTasks:
    """The tasks of maintenance for the monitors in `folder`; each returns small JSON with what it did, in numbers."""

    folder: Path

    def workspaces(self) -> Json:
        """Remove old workspaces of retrainings."""
        from monitoring_tasks.maintenance_steps import Fleet, tidy_workspaces

        with told() as runtime:
            return tidy_workspaces(Fleet.of(self.folder), runtime(), now=datetime.now(UTC))

    def caches(self) -> Json:
        """Remove what nobody used for long from this machine's caches."""
        from monitoring_tasks.maintenance_steps import Fleet, tidy_caches

        with told() as runtime:
            return tidy_caches(Fleet.of(self.folder), runtime(), now=datetime.now(UTC))

    def branches(self) -> Json:
        """Delete old branches of retrainings."""
        from monitoring_tasks.maintenance_steps import Fleet, tidy_branches

        with told() as runtime:
            return tidy_branches(Fleet.of(self.folder), runtime(), now=datetime.now(UTC))

    def windows(self) -> Json:
        """Roll up old check results in the store, and delete what is older still, with its artifacts."""
        from monitoring_tasks.maintenance_steps import Keeping, tidy_windows

        with told() as runtime:
            return tidy_windows(runtime(), Keeping.of(os.environ), now=datetime.now(UTC))

    def alerts(self) -> Json:
        """Delete from the store what was told long ago, and is over."""
        from monitoring_tasks.maintenance_steps import tidy_alerts

        with told() as runtime:
            return tidy_alerts(runtime(), now=datetime.now(UTC))


def build_maintenance_dag(folder: Path) -> DAG:
    """The DAG that tidies up after the monitors in `folder`; its tasks do not wait for each other."""
    with DAG(
        dag_id=DAG_ID,
        description="Removes old workspaces, caches and branches of retrainings, old check results and alerts",
        doc_md=DOCUMENT,
        # At night, apart from the full hours at which monitors begin.
        schedule=CronDataIntervalTimetable("23 3 * * *", timezone="UTC"),
        start_date=datetime(2000, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["retraining"],
        default_args=patient_tries(folder),
        auto_register=False,  # as for the monitors' own DAGs
        **run_callbacks(folder),
    ) as dag:
        tasks = MaintenanceTasks(folder)
        for name in ("workspaces", "caches", "branches", "windows", "alerts"):
            PythonOperator(task_id=name, python_callable=getattr(tasks, name))
    return dag
