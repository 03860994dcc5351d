"""The DAG `monitoring_alerts`: every few minutes it misses runs that did not come, and empties the outbox."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

from monitoring_tasks.errors import AlertRefused, ConfigurationError
from monitoring_tasks.monitor_file import load_monitors, monitor_files
from monitoring_tasks.orchestration.failures import run_callbacks
from monitoring_tasks.orchestration.lateness import find_missing
from monitoring_tasks.orchestration.tasks import told
from monitoring_tasks.orchestration.tries import short_tries

if TYPE_CHECKING:
    from monitoring_tasks.store.database import Store

log = logging.getLogger(__name__)
Json = dict[str, Any]
DAG_ID = "monitoring_alerts"
DOCUMENT = """\
### Alerts

Every five minutes, whatever the monitors do:

* **watch**: monitors whose run should have judged a window by now, and has not, are told to whom they concern; a
  monitor that never judged anything is not started yet, and only named in the log. It fails while the YAML of a
  monitor that did is broken: such a monitor has no DAG, and nothing of it would ever be late
* **deliver**: letters that are due go to their channels: those that a channel did not take before, those that waited
  for the end of quiet hours, and the daily digests

What runs find is told by the runs themselves, at once; this DAG is for what they could not. A letter that a channel
refuses, or does not take for three days, is dead, and fails the run that gives it up: `monitoring alerts` lists it,
`monitoring alerts retry` sends it again. This DAG is switched on from the start: paused, it delivers nothing, and
misses nobody.
"""


@dataclass(frozen=True)
class AlertTasks:
    """The tasks that look after the alerts of the monitors in `folder`; each returns small JSON."""

    folder: Path

    def watch(self, dag_run: Any) -> Json:
        """Tell people of runs that did not come; it fails while a monitor that judged windows has a broken YAML."""
        with told() as runtime:
            monitors, mistakes = load_monitors(self.folder)
            for mistake in mistakes:
                log.warning("watch.left_out %s", mistake)
            store, now = runtime().store, datetime.now(UTC)
            missing = [dag_id for monitor in monitors for dag_id in find_missing(store, monitor, now=now)]
            if missing:
                self._deliver(f"{dag_run.run_id} watch")
            refuse_unwatched(store, self.folder, {monitor.name for monitor in monitors})
        return {"missing": missing}

    def deliver(self, dag_run: Any) -> Json:
        """Send every letter that is due."""
        return self._deliver(f"{dag_run.run_id} deliver")

    def _deliver(self, by: str) -> Json:
        from monitoring_tasks.delivery_step import deliver
        from monitoring_tasks.orchestration.channels import opener

        with told() as runtime:
            done = deliver(runtime().store, opener(), by=by)
            if done["dead"]:
                raise AlertRefused(
                    f"{done['dead']} letters are given up, and nobody was told: `monitoring alerts` lists them, with "
                    "the reason; `monitoring alerts retry` sends them again"
                )
        return done


def refuse_unwatched(store: Store, folder: Path, sound: Collection[str]) -> None:
    """Raise `ConfigurationError` for monitors that judged windows, and whose YAML is broken by now.

    Such a monitor has no DAG, so no run of it can be late; one that never judged anything is being written.
    """
    broken = [path for path in monitor_files(folder) if path.stem not in sound]
    lost = [path.stem for path in broken if store.newest_tick(path.stem, "drift")]
    if lost:
        raise ConfigurationError(
            f"nobody watches {', '.join(lost)}: the YAML is broken, so no DAG runs; `monitoring validate` says where"
        )


def build_alerts_dag(folder: Path) -> DAG:
    """The DAG that looks after the alerts of the monitors in `folder`; its tasks do not wait for each other."""
    with DAG(
        dag_id=DAG_ID,
        description="Delivers alerts that wait, and misses runs that did not come",
        doc_md=DOCUMENT,
        schedule=CronDataIntervalTimetable("*/5 * * * *", timezone="UTC"),
        start_date=datetime(2000, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,  # paused, as Airflow makes a new DAG, it would keep letters back in silence
        dagrun_timeout=timedelta(hours=1),
        tags=["monitoring"],
        default_args=short_tries(folder),
        auto_register=False,  # as for the monitors' own DAGs
        **run_callbacks(folder),
    ) as dag:
        tasks = AlertTasks(folder)
        for name in ("watch", "deliver"):
            PythonOperator(task_id=name, python_callable=getattr(tasks, name))
    return dag
