"""Real runs of the DAG that tests all monitors with labelled faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from monitoring_tasks import canary_steps
from monitoring_tasks.canary.report import CanaryReport
from monitoring_tasks.orchestration.canary_dag import DAG_ID, CanaryTasks, build_canary_dag
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.window import Window
from tests.dags.test_dags import HEAVY
from tests.orchestration.conftest import Run
from tests.orchestration.parsing import loaded_by
from tests.production import YAML, Production

pytestmark = pytest.mark.xdist_group("airflow")
RunDag = Callable[..., Run]
MONDAY = date(2013, 3, 11)
"""The interval before it ended on Sunday the 10th."""
ALARMS = "alarms: {joint: false}"


@pytest.fixture
def watched(production: Production, monkeypatch: pytest.MonkeyPatch) -> Production:
    """The monitor churn with two days before Sunday, and short trials."""
    monkeypatch.setattr("monitoring_tasks.canary_steps.Asked.__init__.__defaults__", (None, 2, 1))
    production.write_days(date(2013, 3, 8), 2, count=600)
    return production


def published(name: str = "churn") -> list[CanaryReport]:
    """The reports in the store."""
    return airflow_runtime().store.canaries(name)


def mapped(run: Run) -> list[str]:
    """States of the mapped task instances, in the order of the monitors."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        wanted = (TaskInstance.run_id == run.run_id, TaskInstance.task_id == "canary")
        return [
            str(each.state)
            for each in session.scalars(select(TaskInstance).where(*wanted).order_by(TaskInstance.map_index))
        ]


def test_the_dag_says_what_it_does() -> None:
    """Once a week, one run at a time, no runs of the past; a task for each monitor."""
    dag = build_canary_dag(Path("/monitors"))
    assert dag.dag_id == DAG_ID == "monitoring_canary"
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert dag.timetable.expression == "43 4 * * 0"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert dag.task_ids == ["monitors", "canary"]
    assert all(name in str(dag.doc_md) for name in (*dag.task_ids, "backfill"))


def test_parsing_loads_nothing_heavy(production: Production) -> None:
    """The DAG file does not even read the monitors."""
    production.configure("name: [broken\n")
    loaded = loaded_by("canary", DAG_ID)
    assert "monitoring_tasks" in loaded
    assert not loaded & HEAVY


def test_every_monitor_is_tested_and_none_stops_another(watched: Production, run_dag: RunDag) -> None:
    """One without rows fails and says so; a broken one is named; the third has its report in the store."""
    (watched.folder / "empty.yaml").write_text(YAML.replace("name: churn", "name: empty").replace("predictions", "no"))
    (watched.folder / "idle.yaml").write_text(YAML.replace("name: churn", "name: idle").replace("03-01", "04-01"))
    (watched.folder / "torn.yaml").write_text("name: torn\n")
    run = run_dag(MONDAY, name=DAG_ID)
    assert run.state == "failed"
    assert mapped(run) == ["success", "failed", "failed"]
    assert "canary.left_out" in run.log
    assert "torn.yaml:1: owner: missing" in run.log
    assert "the last 14 windows before 2013-03-10T04:43:00Z of idle have fewer rows" in run.log
    [report] = published()
    assert report.window == Window.parse("2013-03-09", "2013-03-10")
    assert published("idle") == published("empty") == []


def test_other_rules_are_left_out(watched: Production, caplog: pytest.LogCaptureFixture) -> None:
    """By name, and without failing every week."""
    (watched.folder / "fixed.yaml").write_text(YAML.replace("name: churn", "name: fixed") + "policy: psi\n")
    with caplog.at_level("INFO"):
        assert CanaryTasks(watched.folder).monitors(SimpleNamespace(run_type="manual")) == [["churn"]]
    assert "canary.left_out monitor=fixed policy=psi" in caplog.text


def test_a_retired_monitor_is_left_out(watched: Production, caplog: pytest.LogCaptureFixture) -> None:
    """Of a model that has an end before the run nothing is tested; up to its end it is."""
    caplog.set_level("INFO")
    watched.configure(YAML + "end: 2013-03-10\n")
    for day, tested in ((9, [["churn"]]), (11, [])):
        run = SimpleNamespace(run_type="manual", run_after=datetime(2013, 3, day, tzinfo=UTC))
        assert CanaryTasks(watched.folder).monitors(run) == tested
    assert "canary.left_out monitor=churn policy=calibrated end=2013-03-10" in caplog.text


def test_a_late_run_of_the_schedule_tests_nothing(watched: Production, caplog: pytest.LogCaptureFixture) -> None:
    """A DAG that is new runs its last week at once: not every monitor at the same time, when people wait."""
    tasks, now = CanaryTasks(watched.folder), datetime.now(UTC)
    late = SimpleNamespace(run_type="scheduled", run_after=now - timedelta(days=2))
    with caplog.at_level("INFO"):
        assert tasks.monitors(late) == []
    assert "canary.skipped" in caplog.text
    assert tasks.monitors(SimpleNamespace(run_type="scheduled", run_after=now - timedelta(hours=2))) == [["churn"]]
    assert tasks.monitors(SimpleNamespace(run_type="backfill", run_after=late.run_after)) == [["churn"]]


def test_a_monitor_that_finds_less_says_so(watched: Production, run_dag: RunDag) -> None:
    """Its alert is in the log, and is recorded; running again tells nobody again."""
    run = run_dag(MONDAY, name=DAG_ID)
    assert run.state == "success"
    assert airflow_runtime().store.letters() == []
    [report] = published()
    faults = tuple(replace(fault, found_by=(1,) * 20) for fault in report.faults if fault.name == "category_5")
    airflow_runtime().store.put_canary(replace(report, faults=faults))
    watched.configure(YAML.replace(ALARMS, "alarms: {joint: false, floors: {distance: 5}}"))
    run = run_dag(MONDAY, name=DAG_ID)
    assert run.state == "success"
    assert len(published()) == 2
    assert "canary.fell monitor=churn fault=category_5" in run.log
    assert "churn finds less than it did" in run.log
    [letter] = airflow_runtime().store.letters()
    assert (letter.channel, letter.state) == ("log", "sent")
    assert "dags/monitoring_canary/runs/" in str(letter.body)
    again = run_dag(MONDAY, name=DAG_ID)
    assert "canary.fell monitor=churn fault=category_5" in again.log
    assert "churn finds less than it did" not in again.log
    assert airflow_runtime().store.letters() == [letter]


def test_a_backfill_tells_nobody(watched: Production, monkeypatch: pytest.MonkeyPatch) -> None:
    """It publishes, and records what would have been told."""

    class Backfill:
        dag_id, run_id, run_type = DAG_ID, "backfill__1", "backfill"
        run_after = data_interval_end = Window.parse("2013-03-10", "2013-03-10T04:43").end

    tasks = CanaryTasks(watched.folder)
    told = tasks.canary("churn", Backfill())
    assert (told["fell"], told["changes"]) == (0, [])
    [report] = published()
    earlier = Window(report.window.start - timedelta(days=7), report.window.end - timedelta(days=7))
    faults = tuple(replace(fault, found_by=(1,) * 20) for fault in report.faults if fault.applicable)
    airflow_runtime().store.put_canary(replace(report, window=earlier, faults=faults))
    monkeypatch.setattr(
        canary_steps, "try_faults", lambda _: (replace(fault, found_by=(None,) * 20) for fault in faults)
    )
    told = tasks.canary("churn", Backfill())
    assert told["fell"] == len(faults) == 17
    assert told["changes"] == []
    assert airflow_runtime().store.letters() == []
    assert [signal.cause for reading in airflow_runtime().store.readings() for signal in reading.signals] == [
        "self_test"
    ]


def test_no_monitors(production: Production, run_dag: RunDag) -> None:
    """There is nothing to do, and that is a success."""
    production.monitor_file.unlink()
    run = run_dag(MONDAY, name=DAG_ID)
    assert run.state == "success"
    assert run.tasks == {"monitors": "success", "canary": "skipped"}
