"""The DAG `monitoring_canary`: once a week every monitor is tested with labelled faults in copies of its rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, CronDataIntervalTimetable

from monitoring_tasks.monitor_file import find_monitor, load_monitors
from monitoring_tasks.orchestration.failures import run_callbacks
from monitoring_tasks.orchestration.links import absolute, run_path
from monitoring_tasks.orchestration.run_window import BACKFILL
from monitoring_tasks.orchestration.tasks import run_type, told
from monitoring_tasks.orchestration.tries import patient_tries

if TYPE_CHECKING:
    from monitoring_tasks.alerts.telling import Occasion

log = logging.getLogger(__name__)
Json = dict[str, Any]
DAG_ID = "monitoring_canary"
SCHEDULED = "scheduled"
LATE = timedelta(days=1)
DOCUMENT = """\
### Self-test of the monitors

Once a week, labelled faults (shifts, wrong units, missing values, renamed categories, lost rows and others) are put
into copies of the rows of each monitor's last window, and judged as its windows are. Nothing is written to the source.

* **monitors**: the monitors there are, or none in a scheduled run that is a day late; one whose YAML is broken, or
  whose policy is not `calibrated`, is left out, and named in the log
* **canary**: one task for each monitor. Its report says how soon each fault was found, and how many false alarms there
  were in redraws without a fault; it is kept in the results store

A monitor that finds less than in the reports before says so, where its alerts go; a **backfill** tells nobody. What
fails for one monitor stops no other. `monitoring canary NAME` does the same by hand.
"""


@dataclass(frozen=True)
class CanaryTasks:
    """The tasks of the self-test for the monitors in `folder`; each returns small JSON."""

    folder: Path

    def monitors(self, dag_run: Any) -> list[list[str]]:
        """Name the sound monitors with calibrated rules, each as the arguments of its own task; none when it is late.

        Those of retired models are left out: nothing is found or missed there any more.

        Airflow runs the last week at once when the DAG is new or was paused: that would test all monitors at a time
        when people wait for other work.
        """
        if run_type(dag_run) == SCHEDULED and datetime.now(UTC) - dag_run.run_after > LATE:
            log.info(
                "canary.skipped late=%s: the next one is on Sunday; trigger the DAG to test now", dag_run.run_after
            )
            return []
        with told():
            monitors, mistakes = load_monitors(self.folder)
        for mistake in mistakes:
            log.warning("canary.left_out %s", mistake)
        alive = [each for each in monitors if each.last_moment is None or each.last_moment > dag_run.run_after]
        tested = [monitor for monitor in alive if monitor.policy.rules == "calibrated"]
        for monitor in monitors:
            if monitor not in tested:
                log.info("canary.left_out monitor=%s policy=%s end=%s", monitor.name, monitor.policy.rules, monitor.end)
        return [[monitor.name] for monitor in tested]

    def canary(self, name: str, dag_run: Any) -> Json:
        """Test one monitor, publish its report, and tell people if it finds less than it did."""
        from monitoring_tasks.canary_steps import Asked, examine, publish_canary
        from monitoring_tasks.delivery_step import deliver
        from monitoring_tasks.orchestration.channels import opener

        with told() as runtime:
            monitor = find_monitor(self.folder, name)
            report = examine(monitor, runtime(), Asked(dag_run.data_interval_end or dag_run.run_after))
            occasion = self._occasion(dag_run)
            done = publish_canary(monitor, runtime(), report, run=DAG_ID, occasion=occasion)
            if occasion.now is not None:
                # What a channel does not take stays in the outbox: no reason to test the monitor again.
                deliver(runtime().store, opener(), by=f"{dag_run.run_id} {name}")
        return {"window": report.window.to_json(), "passed": report.passed, "not_tried": report.untried, **done}

    def _occasion(self, dag_run: Any) -> Occasion:
        from monitoring_tasks.alerts.telling import SILENT, Occasion

        if run_type(dag_run) == BACKFILL:
            return SILENT
        links = {"run": absolute(run_path(dag_run.dag_id, dag_run.run_id))}
        return Occasion(datetime.now(UTC), lambda _: links)


def build_canary_dag(folder: Path) -> DAG:
    """The DAG that tests the monitors in `folder`, each in a task of its own."""
    with DAG(
        dag_id=DAG_ID,
        description="Tests every monitor with labelled faults in copies of its rows",
        doc_md=DOCUMENT,
        # At night, apart from the full hours at which monitors begin, and after maintenance.
        schedule=CronDataIntervalTimetable("43 4 * * 0", timezone="UTC"),
        start_date=datetime(2000, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["monitoring"],
        default_args=patient_tries(folder),
        auto_register=False,  # as for the monitors' own DAGs
        **run_callbacks(folder),
    ) as dag:
        tasks = CanaryTasks(folder)
        monitors = PythonOperator(task_id="monitors", python_callable=tasks.monitors)
        PythonOperator.partial(
            task_id="canary",
            python_callable=tasks.canary,
            map_index_template="{{ task.op_args[0] }}",
            # A worker has other work: the tests of all monitors may take their time.
            max_active_tis_per_dagrun=2,
        ).expand(op_args=monitors.output)
    return dag
