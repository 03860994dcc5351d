"""Real runs of the maintenance DAG inside Airflow."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from monitoring_tasks.maintenance_steps import RESULTS, VERDICTS
from monitoring_tasks.orchestration.maintenance_dag import DAG_ID, build_maintenance_dag
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.retraining.names import run_slug
from monitoring_tasks.store.records import RetrainingRecord
from tests.dags.test_dags import HEAVY
from tests.orchestration.conftest import Run
from tests.orchestration.parsing import loaded_by
from tests.production import Production
from tests.retraining_world import YAML
from tests.store.samples import results, subject

pytestmark = pytest.mark.xdist_group("airflow")
RunDag = Callable[..., Run]
DAY = date(2013, 3, 1)


def workspace(run: str) -> Path:
    """The workspace of a run in which nothing has changed for years."""
    made = airflow_runtime().cache / "workspaces" / "churn" / run_slug(run)
    made.mkdir(parents=True)
    os.utime(made, (1, 1))
    return made


def test_the_dag_says_what_it_does() -> None:
    """Once a day, one run at a time, no runs of the past; five tasks that do not wait for each other."""
    dag = build_maintenance_dag(Path("/monitors"))
    assert dag.dag_id == DAG_ID == "monitoring_maintenance"
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert dag.task_ids == ["workspaces", "caches", "branches", "windows", "alerts"]
    assert not any(task.downstream_task_ids for task in dag.tasks)
    assert all(name in str(dag.doc_md) for name in (*dag.task_ids, "retraining.keep", RESULTS, VERDICTS))


def test_parsing_loads_nothing_heavy(production: Production) -> None:
    """The DAG file is read as often as any other; it does not even read the monitors."""
    production.configure("name: [broken\n")
    loaded = loaded_by("maintenance", DAG_ID)
    assert "monitoring_tasks" in loaded
    assert not loaded & HEAVY


def test_an_empty_home(production: Production, run_dag: RunDag) -> None:
    """Before any training there is nothing to do, and that is a success."""
    run = run_dag(DAY, name=DAG_ID)
    assert run.state == "success"
    assert run.returned == {
        "workspaces": {"removed": 0, "open": 0, "failed": 0},
        "caches": {"objects": 0, "bytes": 0, "in_use": False, "champions": 0, "failed": 0},
        "branches": {"deleted": 0, "moved": 0, "failed": 0},
        "windows": {"rolled_up": 0, "drift": 0, "performance": 0, "self_tests": 0, "texts": 0, "pieces": 0},
        "alerts": {"letters": 0, "incidents": 0, "readings": 0},
    }


def test_a_retraining_under_way_keeps_its_workspace(production: Production, run_dag: RunDag) -> None:
    """The store knows which are; all else that is old goes."""
    now = datetime.now(UTC).replace(microsecond=0)
    record = RetrainingRecord("churn", "asked", "manual", "a test", "awaiting", now, now)
    airflow_runtime().store.put_retraining(record)
    kept, gone = workspace("asked"), workspace("ended")
    run = run_dag(DAY, name=DAG_ID)
    assert run.returned["workspaces"] == {"removed": 1, "open": 1, "failed": 0}
    assert kept.exists()
    assert not gone.exists()


def test_a_repository_that_is_gone(production: Production, run_dag: RunDag) -> None:
    """The task is tried again, and its last line names the monitor; the other tasks do theirs."""
    production.configure(YAML.format(repository="/absent.git"))
    gone = workspace("ended")
    run = run_dag(DAY, name=DAG_ID)
    assert run.state == "failed"
    others = dict.fromkeys(("workspaces", "caches", "windows", "alerts"), "success")
    assert run.tasks == {**others, "branches": "failed"}
    assert run.tries["branches"] == 3
    assert "churn: /absent.git could not be read" in run.log
    assert not gone.exists()


def test_old_windows_are_forgotten_as_the_environment_says(
    production: Production, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock; a length of time that is none fails the task, which trying again would not help."""
    monkeypatch.setenv(RESULTS, "1m")
    store = airflow_runtime().store
    store.put_results(subject(), results(), rows=1)
    assert run_dag(DAY, name=DAG_ID).returned["windows"]["rolled_up"] == 1
    assert store.results(subject()) is None
    monkeypatch.setenv(VERDICTS, "soon")
    run = run_dag(DAY + timedelta(days=1), name=DAG_ID)
    assert (run.tasks["windows"], run.tries["windows"]) == ("failed", 1)
    assert "environment variable MONITORING_KEEP_VERDICTS: 'soon' is not a length of time" in run.log
