"""Real runs that fail, and succeed after all: what is recorded and told, and that nothing of it stands in the way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.orchestration.failures import is_silent, tell_failed_run, tell_failure, tell_success
from monitoring_tasks.orchestration.run_telling import shared_routes
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.store.database import Store
from tests.orchestration.conftest import Run
from tests.production import FIRST_DAY, YAML, Production

pytestmark = pytest.mark.xdist_group("airflow")
RunDag = Callable[..., Run]
DAY = timedelta(days=1)
TICK = datetime(2013, 3, 2, tzinfo=UTC)
LOGGED = YAML + "alerts: {runbook: 'https://wiki.example/churn'}\n"


@dataclass
class AirflowRun:
    """A run as callbacks get it."""

    dag_id: str = "monitor_churn"
    run_id: str = "scheduled__1"
    run_type: str = "scheduled"
    run_after: datetime = TICK
    data_interval_start: datetime | None = TICK - DAY
    data_interval_end: datetime | None = TICK
    conf: dict[str, Any] = field(default_factory=dict)


@dataclass
class Task:
    """A task instance as callbacks get it."""

    task_id: str = "profile"
    try_number: int = 5


@dataclass
class Mapped(Task):
    """One of several task instances of a task."""

    map_index: int = 2
    rendered_map_index: str = "churn"


def context(error: Exception | None = None, reason: str = "", **run: Any) -> Any:
    """What Airflow gives a callback."""
    given = {"dag_run": AirflowRun(**run), "task_instance": Task(), "run_id": "scheduled__1", "reason": reason}
    return {**given, **({"exception": error} if error else {})}


def store() -> Store:
    """The store that Airflow's callbacks use."""
    return airflow_runtime().store


def only() -> Incident:
    """The one incident there is."""
    [incident] = store().incidents()
    return incident


def test_a_run_that_fails_is_told(production: Production, run_dag: RunDag) -> None:
    """After the last try, one incident says which task failed and why, and where its log is."""
    production.configure(LOGGED)
    run = run_dag(FIRST_DAY + DAY)
    assert run.state == "success"
    shutil.rmtree(production.folder / "predictions")
    run = run_dag(FIRST_DAY + 2 * DAY)
    assert run.tasks["profile"] == "failed"
    incident = next(each for each in store().incidents() if each.cause is Cause.FAILED)
    assert incident.members[0].name == "monitor_churn"
    assert incident.reasons[0].startswith("task profile of monitor_churn failed in try 5: SourceUnavailable: ")
    assert incident.anchors == (f"SourceUnavailable#{production.folder / 'predictions'}",)
    [letter] = store().letters(incident=incident.id)
    assert (letter.channel, letter.state, letter.event) == ("log", "sent", "opened")
    assert "/dags/monitor_churn/runs/" in str(letter.body["links"])
    lines = [line for line in run.log.splitlines() if "tries.py" in line]
    assert "predictions" in lines[-1], "the reason is not the last word of the log"


def test_a_person_who_mistypes_pages_nobody(production: Production, run_dag: RunDag) -> None:
    """A run by hand with a window of its own fails before the eyes of who asked for it."""
    run = run_dag(FIRST_DAY + DAY, conf={"start": "soon", "end": "later"})
    assert run.tasks["window"] == "failed"
    assert store().incidents() == []


def test_one_problem_is_told_once(production: Production, airflow_database: None) -> None:
    """Several tasks, several runs and the run itself are one incident with one message."""
    whose = load_monitor(production.monitor_file)
    tell_failure(whose, context(ValueError("no such column")))
    tell_failure(whose, context(ValueError("no such column"), run_id="scheduled__2"))
    tell_failed_run(whose, context(reason="task_failure"))
    assert only().reasons == ("task profile of monitor_churn failed in try 5: ValueError: no such column",)
    assert [each.event for each in store().transitions(only().id)] == ["opened"]
    assert len(store().letters()) == 1


def test_which_of_several_tasks(production: Production, airflow_database: None) -> None:
    """Of the self-tests, which are one task for each monitor, the reason says which failed."""
    given = {**context(ValueError("x")), "task_instance": Mapped("canary", 3)}
    tell_failure(production.folder, given)
    assert only().reasons[0].startswith("task canary [churn] of monitor_churn failed in try 3: ")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("task_failure", "its process ended without a word: it was killed, or ran out of memory"),
        ("timed_out", "took longer than it may"),
        ("all_tasks_deadlocked", "its tasks wait for each other"),
    ],
)
def test_what_no_task_could_tell(production: Production, airflow_database: None, reason: str, told: str) -> None:
    """A killed task and a run that takes too long are told by the run; its letter waits for whoever delivers."""
    tell_failed_run(load_monitor(production.monitor_file), context(reason=reason))
    assert only().reasons == (f"a run of monitor_churn failed: {told}",)
    assert [each.state for each in store().letters()] == ["waiting"]


def test_a_success_ends_it(production: Production, airflow_database: None) -> None:
    """The same run, repeated, or a later one: whoever was told hears that it is over."""
    whose = load_monitor(production.monitor_file)
    tell_failure(whose, context(ValueError("x")))
    tell_success(whose, context())
    assert (only().open, only().resolution) == (False, "the run succeeded")
    assert [each.event for each in store().letters()] == ["opened", "resolved"]


def test_success_that_nobody_waits_for(production: Production, airflow_database: None) -> None:
    """A run that succeeds where nothing is open leaves nothing in the store; that of another DAG ends nothing."""
    whose = load_monitor(production.monitor_file)
    tell_success(whose, context())
    assert store().readings() == []
    tell_failure(whose, context(ValueError("x"), dag_id="performance_churn"))
    before = store().readings()
    tell_success(whose, context())
    assert store().readings() == before
    assert only().open


@pytest.mark.parametrize("callback", [tell_failure, tell_failed_run, tell_success])
def test_silent_runs(production: Production, airflow_database: None, callback: Callable[..., None]) -> None:
    """A backfill records nothing of how its runs went, and ends nothing either."""
    whose = load_monitor(production.monitor_file)
    tell_failure(whose, context(ValueError("x")))
    before = store().readings()
    callback(whose, context(ValueError("y"), run_type="backfill"))
    assert store().readings() == before
    assert only().open


def test_who_is_silent() -> None:
    """What a person asks for by hand is told, unless it is of a window of the past or as known then."""
    assert is_silent("backfill", {})
    assert is_silent("manual", {"as_known_on": "2013-06-04"})
    assert not is_silent("manual", {"start": "", "end": None})
    assert not is_silent("asset_triggered", None)


@pytest.mark.parametrize("callback", [tell_failure, tell_failed_run, tell_success])
def test_callbacks_never_raise(
    production: Production, airflow_database: None, callback: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Whatever is wrong with the store or with what Airflow gives, the run ends as it would have."""
    whose = load_monitor(production.monitor_file)
    callback(whose, {})
    airflow_runtime.cache_clear()
    (production.folder / "file").touch()
    monkeypatch.setenv("MONITORING_STORE", f"sqlite:///{production.folder}/file/results.db")
    callback(whose, context(ValueError("x")))
    assert "run.untold run=scheduled__1 reason=StoreUnavailable: " in caplog.text


def test_dags_over_all_monitors(production: Production, airflow_database: None) -> None:
    """They are told to whom the shared file names, under the DAG's own name, and once."""
    folder = production.folder
    (folder.parent / "alerts.yaml").write_text("channels: {ops: {kind: slack, to: '#ops'}}\n")
    assert [each.address for each in shared_routes(folder).channels.values()] == ["slack:slack_default:#ops"]
    tell_failure(folder, context(ValueError("x"), dag_id="monitoring_canary"))
    assert (only().monitors, only().owners) == (("monitoring_canary",), ("platform",))
    [letter] = store().letters()
    assert (letter.channel, letter.state) == ("slack:slack_default:#ops", "waiting")
    assert "slack_default" in letter.error
    tell_success(folder, context(dag_id="monitoring_canary"))
    assert not only().open


def test_a_broken_shared_file(production: Production) -> None:
    """Its alerts go to the log until it is mended."""
    (production.folder.parent / "alerts.yaml").write_text("channels: 7\n")
    assert shared_routes(production.folder).channels == {}
    assert shared_routes(Path("/absent/monitors")).channels == {}
