"""Real runs of a monitor's DAG inside Airflow: each outcome, each kind of failure."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from monitoring_tasks.alerts.telling import would_have
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.policy.verdict import Outcome, Subject
from monitoring_tasks.store.database import open_store
from tests.orchestration.conftest import Run
from tests.production import FIRST_DAY, YAML, Production
from tests.slack_server import SlackServer

pytestmark = pytest.mark.xdist_group("airflow")
DRIFTED_DAY = FIRST_DAY + timedelta(days=2)
RunDag = Callable[..., Run]
SLACK = YAML + "alerts: {channels: {team: {connection: pager, to: '#ml'}}}\n"
ADDRESS = "slack:pager:#ml"


@pytest.fixture
def served(production: Production) -> Production:
    """Two ordinary days and one that drifted."""
    production.write_days(FIRST_DAY, 2)
    production.write(DRIFTED_DAY, shift=3.0)
    return production


def test_a_healthy_day_ends_all_clear(served: Production, run_dag: RunDag) -> None:
    """The run of the second of March examines the first, finds nothing, and nobody is told."""
    run = run_dag(FIRST_DAY + timedelta(days=1))
    assert run.state == "success"
    assert run.tasks["all_clear"] == "success"
    assert run.tasks["alert"] == "skipped"
    verdict = run.returned["verdict"]
    assert verdict["outcome"] == "healthy"
    assert verdict["subject"]["window"] == {"start": "2013-03-01T00:00:00Z", "end": "2013-03-02T00:00:00Z"}
    assert verdict["evidence"]["rows"] == 1000
    assert set(run.tries.values()) == {0, 1}


def test_a_drifted_day_ends_in_an_alert(served: Production, run_dag: RunDag) -> None:
    """Without a channel the alert is a log of the task, and the store knows the incident and its letter."""
    run = run_dag(DRIFTED_DAY + timedelta(days=1), on_time=True)
    assert run.state == "success"
    assert run.tasks["all_clear"] == "skipped"
    assert run.returned["verdict"]["outcome"] == "drifted"
    assert run.returned["verdict"]["severity"] == "critical"
    assert [change["event"] for change in run.returned["alert"]["changes"]] == ["opened"]
    assert run.returned["alert"]["sent"] == 1
    store = airflow_runtime().store
    [incident] = store.incidents("churn")
    assert (incident.cause, incident.state, incident.severity.word) == ("drift", "open", "critical")
    assert [(letter.channel, letter.state) for letter in store.letters()] == [("log", "sent")]
    assert incident.id in run.log
    assert "opened, critical: told log" in run.log


def test_the_log_tells_the_whole_story(served: Production, run_dag: RunDag) -> None:
    """Table of what drifted, verdict, next step, and the address of the report."""
    log = run_dag(DRIFTED_DAY + timedelta(days=1), on_time=True).log
    assert "churn: DRIFTED, severity critical" in log
    row = next(line for line in log.splitlines() if line.startswith("data_drift") and " age " in line)
    assert "psi" in row
    assert "0.2" in row
    assert row.count("mean") == 2
    assert "Next step: " in log
    assert "http://localhost:8080/monitoring/report/monitor_churn/" in log


def test_a_day_without_rows_is_unknown(served: Production, run_dag: RunDag) -> None:
    """No data is an outcome, not a failure, and people are told."""
    run = run_dag(DRIFTED_DAY + timedelta(days=2))
    assert run.state == "success"
    assert run.returned["verdict"]["outcome"] == "no_data"
    assert run.tasks["alert"] == "success"


def test_too_few_rows_are_unknown(production: Production, run_dag: RunDag) -> None:
    """Fewer rows than the monitor's minimum are judged neither healthy nor drifted."""
    production.write(FIRST_DAY, count=50, shift=3.0)
    run = run_dag(FIRST_DAY + timedelta(days=1))
    assert run.state == "success"
    assert run.returned["verdict"]["outcome"] == "too_few_rows"


def test_a_source_that_is_away_is_tried_again(served: Production, run_dag: RunDag) -> None:
    """A missing source may come back: all tries are used, and the reason is in the log."""
    shutil.rmtree(served.folder / "predictions")
    run = run_dag(FIRST_DAY + timedelta(days=1))
    assert run.state == "failed"
    assert run.tasks["profile"] == "failed"
    assert run.tries["profile"] == 5
    assert run.tasks["alert"] == "upstream_failed"
    assert f"{served.folder / 'predictions'}" in run.log


def test_a_source_that_cannot_be_monitored_is_not_tried_again(served: Production, run_dag: RunDag) -> None:
    """A timestamp of the wrong type stays wrong: one try, and the reason in the log."""
    served.write(FIRST_DAY, columns={"at": [True] * 1000})
    run = run_dag(FIRST_DAY + timedelta(days=1))
    assert run.state == "failed"
    assert run.tasks["profile"] == "failed"
    assert run.tries["profile"] == 1
    assert "SourceInvalid" in run.log


def test_a_bad_form_is_not_tried_again(served: Production, run_dag: RunDag) -> None:
    """What a person typed wrongly fails the first task at once, in words."""
    run = run_dag(FIRST_DAY + timedelta(days=1), conf={"start": "soon", "end": "later"})
    assert run.tasks["window"] == "failed"
    assert run.tries["window"] == 1
    assert "'soon' is not a moment" in run.log


def test_a_window_by_hand(served: Production, run_dag: RunDag) -> None:
    """Two days, from noon to noon, without a logical date."""
    conf = {"start": "2013-03-01T12:00:00+00:00", "end": "2013-03-02T12:00:00+00:00"}
    run = run_dag(None, conf=conf)
    assert run.state == "success"
    assert run.returned["verdict"]["subject"]["window"]["start"] == "2013-03-01T12:00:00Z"
    assert run.returned["verdict"]["outcome"] == "healthy"


def test_the_same_window_twice_is_one_verdict(served: Production, run_dag: RunDag) -> None:
    """A second run replaces the first one's verdict; nobody is told twice."""
    first, second = (run_dag(DRIFTED_DAY + timedelta(days=1), conf={}, on_time=True) for _ in range(2))
    assert {**first.returned["verdict"], "changes": []} == {**second.returned["verdict"], "changes": []}
    assert [change["event"] for change in second.returned["verdict"]["changes"]] == ["repeated"]
    store = airflow_runtime().store
    assert len(store.verdicts("churn")) == 1
    assert store.verdicts("churn")[0].run["run_id"] == second.run_id
    assert len(store.letters()) == 1


def test_the_verdict_is_announced(served: Production, run_dag: RunDag) -> None:
    """The verdict's task leaves an event of the monitor's asset, small enough to keep."""
    run = run_dag(DRIFTED_DAY + timedelta(days=1), on_time=True)
    *_, event = events_of(run.run_id)
    assert event["outcome"] == "drifted"
    assert event["silent"] is False
    assert event["subject"]["monitor"] == "churn"
    assert "evidence" not in event


def events_of(run_id: str) -> list[dict[str, Any]]:
    """Extras of the asset events of a run."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        events = session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run_id)).all()
        return [dict(event.extra) for event in events]


def test_slack_through_a_connection(served: Production, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alert reaches Slack by Airflow's connection, with links to the run and to the report."""
    served.configure(SLACK)
    with SlackServer() as slack:
        connection = f'{{"conn_type": "slack", "password": "xoxb-1", "extra": {{"base_url": "{slack.url}"}}}}'
        monkeypatch.setenv("AIRFLOW_CONN_PAGER", connection)
        run_dag(DRIFTED_DAY + timedelta(days=1), on_time=True)
    assert [(letter.channel, letter.state) for letter in airflow_runtime().store.letters()] == [(ADDRESS, "sent")]
    assert {post["channel"] for post in slack.posts} == {"#ml"}
    posted = str(slack.posts)
    assert "/monitoring/report/monitor_churn/" in posted
    assert "/dags/monitor_churn/runs/" in posted
    assert slack.tokens[0] == "xoxb-1"


def test_a_letter_without_its_connection_waits(served: Production, run_dag: RunDag) -> None:
    """A connection that nobody created loses no alert: the task fails, says why, and the letter stays in the outbox."""
    served.configure(SLACK)
    run = run_dag(DRIFTED_DAY + timedelta(days=1), on_time=True)
    assert run.tasks["alert"] == "failed"
    assert f"opened, critical: NOT told {ADDRESS} yet (" in run.log
    [letter] = [each for each in airflow_runtime().store.letters() if each.event == "opened" and "drift" in each.key]
    assert (letter.channel, letter.state) == (ADDRESS, "waiting")


def test_a_window_of_the_past_by_hand_tells_nobody(served: Production, run_dag: RunDag) -> None:
    """It is recorded, and the list of what would have been told has it."""
    conf = {"start": "2013-03-03T00:00:00+00:00", "end": "2013-03-04T00:00:00+00:00"}
    run = run_dag(None, conf=conf)
    assert run.returned["verdict"]["outcome"] == "drifted"
    assert run.returned["alert"] == {"changes": [], "sent": 0}
    store = airflow_runtime().store
    assert (store.incidents(), store.letters()) == ([], [])
    assert [each.event for each in would_have(store, [load_monitor(served.monitor_file)]).changes] == ["opened"]


def test_the_store_by_connection(
    served: Production, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    """The connection `monitoring_store` takes the results to PostgreSQL."""
    monkeypatch.setenv("AIRFLOW_CONN_MONITORING_STORE", postgres_url.replace("postgresql+psycopg2", "postgres"))
    run = run_dag(FIRST_DAY + timedelta(days=1))
    stored = open_store(postgres_url).verdict(Subject.from_json(run.returned["verdict"]["subject"]))
    assert stored is not None
    assert stored.outcome is Outcome.HEALTHY


def test_the_report_is_an_artifact(served: Production, run_dag: RunDag) -> None:
    """Suites and verdict hand on the key of one HTML page."""
    run = run_dag(FIRST_DAY + timedelta(days=1))
    key = run.returned["suites"]["report"]
    assert key == run.returned["verdict"]["report"]
    page = airflow_runtime().artifacts.read(key)
    assert page is not None
    assert b"<html" in page[:500].lower()
