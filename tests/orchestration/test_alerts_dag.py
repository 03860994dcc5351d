"""Real runs of the DAG over all alerts, and of the form that people answer incidents with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitoring_tasks.incidents.reading import Cause, Reading
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.orchestration.alerts_dag import DAG_ID, build_alerts_dag
from monitoring_tasks.orchestration.incident_dag import CHOICES, TEST, IncidentTasks, build_incident_dag
from monitoring_tasks.orchestration.incident_dag import DAG_ID as FORM
from monitoring_tasks.orchestration.run_reading import RunSpan, failed
from monitoring_tasks.orchestration.run_telling import tell
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.window import Window
from tests.alerts.letters import letter, post
from tests.dags.test_dags import HEAVY
from tests.orchestration.conftest import Run
from tests.orchestration.parsing import loaded_by
from tests.production import YAML, Production
from tests.slack_server import Answer, SlackServer

pytestmark = pytest.mark.xdist_group("airflow")
RunDag = Callable[..., Run]
DAY = date(2013, 3, 1)
TICK = datetime(2013, 3, 2, tzinfo=UTC)
ROUTED = YAML + "alerts: {channels: {team: {kind: slack, connection: pager, to: '#ml'}}}\n"


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    """Slack, and Airflow's connection to it."""
    with SlackServer() as server:
        pager = {"conn_type": "slack", "password": "xoxb-1", "extra": {"base_url": server.url}}
        monkeypatch.setenv("AIRFLOW_CONN_PAGER", json.dumps(pager))
        yield server


@pytest.fixture
def incident(production: Production, slack: SlackServer, airflow_database: None) -> str:
    """Id of an open incident of a failed run, whose letter waits."""
    production.configure(ROUTED)
    span = RunSpan("monitor_churn", TICK, TICK - timedelta(days=1), "r")
    monitor, store = load_monitor(production.monitor_file), airflow_runtime().store
    tell(store, monitor, failed(monitor, span, "no source", now=TICK), span)
    [found] = store.incidents()
    return found.id


def test_the_dag_says_what_it_does() -> None:
    """Every five minutes, one run at a time, no runs of the past, two tasks that do not wait for each other."""
    dag = build_alerts_dag(Path("/monitors"))
    assert dag.dag_id == DAG_ID == "monitoring_alerts"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert dag.task_ids == ["watch", "deliver"]
    assert not any(task.downstream_task_ids for task in dag.tasks)
    assert all(name in str(dag.doc_md) for name in (*dag.task_ids, "monitoring alerts retry"))


def test_parsing_loads_nothing_heavy(production: Production) -> None:
    """The DAG file is read as often as any other; it does not even read the monitors."""
    production.configure("name: [broken\n")
    assert not loaded_by("alerts", DAG_ID) & HEAVY


def test_nothing_is_due(production: Production, run_dag: RunDag) -> None:
    """Most of its runs find nothing to do; a monitor that was never started is only named in the log."""
    run = run_dag(DAY, name=DAG_ID)
    assert run.state == "success"
    assert run.returned == {"watch": {"missing": []}, "deliver": {"sent": 0, "failed": 0, "dead": 0}}
    assert "watch.never_ran dag_id=monitor_churn" in run.log


def test_what_waits_is_delivered(incident: str, slack: SlackServer, run_dag: RunDag) -> None:
    """A letter that a run could not send goes out with the next run of this DAG, once."""
    assert run_dag(DAY, name=DAG_ID).returned["deliver"]["sent"] == 1
    told = len(slack.posts)
    assert told
    assert run_dag(DAY + timedelta(days=1), name=DAG_ID).returned["deliver"]["sent"] == 0
    assert len(slack.posts) == told


def test_a_channel_that_is_down_fails_no_task(incident: str, slack: SlackServer, run_dag: RunDag) -> None:
    """The letter stays in the outbox with the reason, and is tried again later."""
    slack.outage = Answer.error("internal_error", 500)
    run = run_dag(DAY, name=DAG_ID)
    assert run.state == "success"
    assert run.returned["deliver"]["failed"] == 1
    [letter] = airflow_runtime().store.letters()
    assert (letter.state, letter.attempts) == ("waiting", 1)


def test_a_letter_that_is_given_up_fails_the_run(production: Production, slack: SlackServer, run_dag: RunDag) -> None:
    """Nobody was told, and no retry helps: the run is red and says what to do."""
    store = airflow_runtime().store
    post(store, letter(channel="slack:pager:#ml"))
    claimed = store.claim_letter(by="t", now=datetime.now(UTC), lapse=timedelta(minutes=5))
    assert claimed is not None
    store.settle_letter(replace(claimed[0], state="waiting", attempts=20))
    slack.outage = Answer.error("internal_error", 500)
    run = run_dag(DAY, name=DAG_ID)
    assert (run.tasks["deliver"], run.tries["deliver"]) == ("failed", 1)
    assert "1 letters are given up, and nobody was told: `monitoring alerts` lists them" in run.log


def test_a_run_that_never_came_is_told(production: Production, slack: SlackServer, run_dag: RunDag) -> None:
    """A monitor that judged windows and stopped is missed; a broken one beside it is named, and stands in no way."""
    production.configure(ROUTED)
    (production.folder / "broken.yaml").write_text("name: [")
    monitor, store = load_monitor(production.monitor_file), airflow_runtime().store
    found = Reading(
        "churn", "growth", monitor.dag_id, "drift", Window(TICK - timedelta(days=1), TICK), TICK, frozenset()
    )
    with store.transaction() as transaction:
        transaction.put_reading(found, live=True)
    run = run_dag(DAY, name=DAG_ID)
    assert run.returned["watch"] == {"missing": ["monitor_churn"]}
    assert "watch.left_out" in run.log
    assert [each.cause for each in store.incidents()] == [Cause.LATE]
    assert "monitor_churn" in json.dumps(slack.posts)


def test_a_monitor_that_broke_is_told(production: Production, run_dag: RunDag) -> None:
    """It judged windows and has no DAG any more, so nothing of it is ever late: the task fails and names it."""
    monitor, store = load_monitor(production.monitor_file), airflow_runtime().store
    window = Window(TICK - timedelta(days=1), TICK)
    with store.transaction() as transaction:
        transaction.put_reading(
            Reading("churn", "growth", monitor.dag_id, "drift", window, TICK, frozenset()), live=True
        )
    production.configure("name: [")
    run = run_dag(DAY, name=DAG_ID)
    assert (run.tasks["watch"], run.tries["watch"], run.tasks["deliver"]) == ("failed", 1, "success")
    assert "nobody watches churn: the YAML is broken" in run.log
    [incident] = store.incidents(open_only=True)
    assert (incident.cause, incident.monitors) == (Cause.FAILED, (DAG_ID,))


@pytest.mark.parametrize("build", [build_alerts_dag, build_incident_dag])
def test_they_are_switched_on_from_the_start(build: Callable[[Path], Any]) -> None:
    """A new deployment delivers alerts, and does what the form asks for, before anybody finds the switch."""
    assert build(Path("/monitors")).is_paused_upon_creation is False


def test_the_form_is_one_task() -> None:
    """It never runs by itself, and asks for an action, an incident or monitor, a time and a reason."""
    dag = build_incident_dag(Path("/monitors"))
    assert dag.dag_id == FORM == "monitoring_incident"
    assert type(dag.timetable).__name__ == "NullTimetable"
    assert list(dag.params) == ["action", "about", "for", "reason"]
    assert dag.params.get_param("action").schema["enum"] == list(CHOICES)
    assert all(f"**{name}**" in str(dag.doc_md) for name in CHOICES)


def ask(run_dag: RunDag, action: str, about: str, **more: Any) -> Run:
    """Fill in the form."""
    return run_dag(None, name=FORM, conf={"action": action, "about": about, **more})


def test_a_person_answers(incident: str, slack: SlackServer, run_dag: RunDag) -> None:
    """Each action is kept with its reason, and told beneath the first message."""
    muted = ask(run_dag, "mute", incident, reason="the vendor knows", **{"for": "2d"})
    assert muted.returned["act"]["incidents"] == [{"id": incident, "state": "muted"}]
    assert ask(run_dag, "resolve", "churn", reason="mended").state == "success"
    happened = airflow_runtime().store.transitions(incident)
    assert [(each.event, each.by, each.reason) for each in happened[1:]] == [
        ("muted", "dag_test", "the vendor knows"),
        ("resolved", "dag_test", "mended"),
    ]
    first = slack.posts[0]["ts"]
    assert [post.get("thread_ts") for post in slack.posts[1:]] == [first] * (len(slack.posts) - 1)


def test_who_it_was(incident: str, run_dag: RunDag) -> None:
    """The user who triggered the run stands beside the action."""

    class Triggered:
        run_id, triggering_user_name = "by_hand", "bob"

    given = {"action": "acknowledge", "about": incident, "for": "7d", "reason": None}
    IncidentTasks(Path("/monitors")).act(Triggered(), given)
    assert airflow_runtime().store.transitions(incident)[-1].by == "bob"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"action": "mute", "about": "churn", "reason": "x", "for": "soon"}, "for: 'soon' is not a length of time"),
        ({"action": "mute", "about": "churn"}, "without a reason"),
        ({"action": "acknowledge", "about": "nobody"}, "no incident and no monitor 'nobody'"),
        ({"action": TEST, "about": "nobody"}, "no monitor 'nobody'"),
    ],
)
def test_a_form_that_makes_no_sense(incident: str, run_dag: RunDag, given: dict[str, Any], message: str) -> None:
    """The run fails at once, its last line says what to write, and nothing is changed or told."""
    run = run_dag(None, name=FORM, conf=given)
    assert (run.state, run.tries["act"]) == ("failed", 1)
    assert message in run.log
    assert [each.event for each in airflow_runtime().store.transitions(incident)] == ["opened"]


def test_a_form_has_room_for_a_sentence_not_for_a_book() -> None:
    """What somebody pastes by mistake is refused by Airflow before a run begins."""
    form = build_incident_dag(Path("/monitors")).params
    for name, most in (("about", 250), ("reason", 1000)):
        assert form.get_param(name).schema["maxLength"] == most


def test_a_monitor_without_routes(production: Production, run_dag: RunDag) -> None:
    """A test of no channel is no proof of anything, and the log says so."""
    run = ask(run_dag, TEST, "churn")
    assert run.returned["act"] == {"sent": []}
    assert "route.none monitor=churn" in run.log


def test_routes_are_tested(production: Production, slack: SlackServer, run_dag: RunDag) -> None:
    """A marked message goes to each channel; a run whose channel refuses fails, and names it."""
    production.configure(ROUTED)
    assert ask(run_dag, TEST, "churn").returned["act"] == {"sent": ["slack:pager:#ml"]}
    assert "TEST" in json.dumps(slack.posts)
    slack.outage = Answer.error("channel_not_found")
    failing = ask(run_dag, TEST, "churn")
    assert failing.state == "failed"
    assert "slack:pager:#ml: " in failing.log
