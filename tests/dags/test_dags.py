"""The DAG files as Airflow reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.orchestration.folder import monitors_folder
from monitoring_tasks.orchestration.tries import say_why
from tests.airflow_home import ROOT
from tests.production import YAML, Production

pytestmark = pytest.mark.xdist_group("airflow")
HEAVY = {"pandas", "evidently", "sklearn", "dvc", "pyarrow", "scipy", "numpy", "slack_sdk", "matplotlib", "smtplib"}
OVER_ALL = {"monitoring_maintenance", "monitoring_canary", "monitoring_alerts", "monitoring_incident"}
"""DAGs over all monitors together."""
TASKS = ["window", "profile", "suites", "verdict", "branch", "all_clear", "alert"]


def bag(folder: Path = ROOT / "dags") -> Any:
    """What Airflow finds in a folder of DAG files."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(folder)


def parse(code: str, **variables: str) -> str:
    """What a process prints that runs code as Airflow's DAG processor would."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_one_dag_per_monitor(production: Production) -> None:
    """The DAG is named for the monitor, and holds tasks that a person recognises."""
    found = bag()
    assert found.import_errors == {}
    assert set(found.dags) == {"monitor_churn", *OVER_ALL}
    dag = found.dags["monitor_churn"]
    assert dag.task_ids == TASKS
    assert dag.get_task("branch").downstream_task_ids == {"all_clear", "alert"}
    assert not dag.catchup
    assert "churn" in dag.doc_md
    assert dag.owner == "growth"


def test_windows_have_width(production: Production) -> None:
    """The timetable is one of data intervals: a plain cron text gives none in Airflow 3."""
    production.configure(YAML + "schedule: '@hourly'\n")
    timetable = type(bag().dags["monitor_churn"].timetable).__name__
    assert timetable == "CronDataIntervalTimetable"


def test_retries_only_where_they_help(production: Production) -> None:
    """What reaches outside is tried again with growing pauses; what does not is not."""
    dag = bag().dags["monitor_churn"]
    assert {task.task_id for task in dag.tasks if task.retries == 0} == {"all_clear"}
    profile = dag.get_task("profile")
    assert profile.retry_exponential_backoff == 2
    assert timedelta(0) < profile.retry_delay < profile.max_retry_delay


def test_the_form_asks_for_a_window(production: Production) -> None:
    """Start and end are optional moments."""
    form = bag().dags["monitor_churn"].params
    assert set(form) == {"start", "end"}
    for name in form:
        field = form.get_param(name)
        assert field.value is None
        assert field.schema["format"] == "date-time"


def test_the_verdict_is_an_asset(production: Production) -> None:
    """Other DAGs can be scheduled on a monitor's verdicts."""
    [asset] = bag().dags["monitor_churn"].get_task("verdict").outlets
    assert asset.name == "monitoring/churn/verdict"


def test_an_asset_starts_runs_as_well(production: Production) -> None:
    """A monitor that names an asset runs by the clock and by the asset's events."""
    production.configure(YAML + "asset: predictions_written\n")
    timetable = bag().dags["monitor_churn"].timetable
    assert type(timetable).__name__ == "AssetOrTimeSchedule"
    assert type(timetable.timetable).__name__ == "CronDataIntervalTimetable"


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        (YAML + "minimum_row: 5\n", "churn.yaml:13: minimum_row: found 5: unknown key"),
        (YAML.replace("task: binary\n", ""), "churn.yaml:1: task: missing"),
        ("name: [churn\n", "not valid YAML"),
        ("", "write a mapping"),
    ],
)
def test_a_broken_monitor_is_one_import_error(production: Production, yaml: str, message: str) -> None:
    """The error names file, line and key; the other monitors stay."""
    (production.folder / "other.yaml").write_text(YAML.replace("name: churn", "name: other"))
    production.configure(yaml)
    found = bag()
    assert set(found.dags) == {"monitor_other", *OVER_ALL}
    [(file, error)] = found.import_errors.items()
    assert Path(file).name == "broken_monitors.py"
    assert message in error


def test_every_broken_monitor_is_named(production: Production) -> None:
    """Two broken files are told together."""
    (production.folder / "other.yaml").write_text("name: other\n")
    production.configure("name: churn\n")
    [error] = bag().import_errors.values()
    assert "churn.yaml:1: owner: missing" in error
    assert "other.yaml:1: owner: missing" in error


def test_broken_shared_alerts_are_one_import_error(production: Production, monkeypatch: pytest.MonkeyPatch) -> None:
    """The monitors keep their DAGs, and the error names the file and the line once."""
    (production.folder / "other.yaml").write_text(YAML.replace("name: churn", "name: other"))
    shared = production.folder / "alerts.txt"
    shared.write_text("remind: 1d\nminimum: low\n")
    monkeypatch.setenv("MONITORING_ALERTS", str(shared))
    found = bag()
    assert set(found.dags) == {"monitor_churn", "monitor_other", *OVER_ALL}
    [error] = found.import_errors.values()
    assert error.count(f"{shared}:2: minimum: found 'low': unknown key") == 1
    assert "without the shared file, until it is mended" in error
    assert "without a DAG" not in error


def test_what_airflow_refuses_stays_with_its_monitor(production: Production, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in building one DAG, the other monitors keep theirs."""
    from monitoring_tasks.orchestration import folder

    (production.folder / "other.yaml").write_text(YAML.replace("name: churn", "name: other"))
    build = folder.build_monitor_dag

    def refuse(monitor: Any) -> Any:
        if monitor.name == "churn":
            raise RuntimeError("no such tag")
        return build(monitor)

    monkeypatch.setattr(folder, "build_monitor_dag", refuse)
    assert set(folder.monitor_dags(production.folder)) == {"monitor_other"}
    with pytest.raises(ConfigurationError, match=r"churn\.yaml:1: RuntimeError: no such tag"):
        folder.refuse_broken(production.folder)


def test_a_missing_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the folder of monitors both DAG files say so."""
    monkeypatch.setenv("MONITORING_MONITORS", str(tmp_path / "nowhere"))
    assert all("is not a folder of monitors" in error for error in bag().import_errors.values())


def test_the_folder_is_beside_the_dag_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DAG bundle may be checked out anywhere: the DAG file's own place counts."""
    monkeypatch.delenv("MONITORING_MONITORS", raising=False)
    assert monitors_folder("/bundle/v7/dags/monitor.py") == Path("/bundle/v7/include/monitors")


def test_a_starting_task_needs_only_its_own_monitor(production: Production) -> None:
    """Airflow names the DAG it wants: another monitor, broken meanwhile, is not even read."""
    (production.folder / "other.yaml").write_text("name: other\n")
    program = (
        "from monitoring_tasks.orchestration.folder import monitor_dags, monitors_folder\n"
        f"print(sorted(monitor_dags(monitors_folder({str(ROOT / 'dags' / 'monitor.py')!r}))))"
    )
    named = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "monitor_churn"}
    assert parse(program, **named) == "['monitor_churn']"


def test_parsing_loads_nothing_heavy(production: Production) -> None:
    """A DAG file is read every half minute and before each task: no data library may be imported by it."""
    program = (
        "import json, sys, runpy\n"
        "import airflow.sdk, airflow.providers.standard.operators.python\n"
        "before = set(sys.modules)\n"
        "names = ('monitor', 'performance', 'retrain', 'maintenance', 'canary', 'alerts', 'broken_monitors')\n"
        f"for name in names: runpy.run_path({str(ROOT / 'dags')!r} + f'/{{name}}.py')\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))"
    )
    loaded = set(json.loads(parse(program)))
    assert "monitoring_tasks" in loaded
    assert not loaded & HEAVY


def test_two_hundred_monitors_parse_quickly(production: Production) -> None:
    """All DAGs of 200 monitors, and the check for broken ones, in less than five seconds of work."""
    for number in range(200):
        name = f"churn_{number}"
        (production.folder / f"{name}.yaml").write_text(YAML.replace("name: churn", f"name: {name}"))
    bag()  # imports are paid once per process
    started = time.process_time()
    found = bag()
    assert len(found.dags) == 200 + len(OVER_ALL) + 1
    assert time.process_time() - started < 5, [stat.duration for stat in found.dagbag_stats]


def test_a_run_that_is_late_is_told(production: Production) -> None:
    """Each DAG that judges windows has a deadline, which its monitor may set; those of retrainings have none."""
    production.configure(YAML + "performance: {}\nalerts: {deadline: 90m}\n")
    found = bag().dags
    for name in ("monitor_churn", "performance_churn"):
        [deadline] = found[name].deadline
        assert deadline.interval == timedelta(minutes=90)
    assert not found["monitoring_alerts"].deadline


def test_a_run_that_fails_is_told(production: Production) -> None:
    """Every DAG but the form tells how its runs end; the reason stays the last word of a task's log."""
    for name, dag in bag().dags.items():
        told = {callback.func.__name__ for callback in (dag.on_failure_callback, dag.on_success_callback) if callback}
        assert told == ({"tell_failed_run", "tell_success"} if name != "monitoring_incident" else set())
        assert all(task.on_failure_callback[-1] is say_why for task in dag.tasks)
