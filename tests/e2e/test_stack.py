"""One real Airflow: scheduler, DAG processor and API server, with Slack on the loopback."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.stack import Stack
from monitoring_tasks.alerts.telling import would_have
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.window import Window
from tests.e2e.project import project_in
from tests.production import FIRST_DAY, YAML, Production
from tests.slack_server import SlackServer

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(600)]
DAG = "monitor_churn"
WATCHED = YAML + "asset: predictions_written\nalerts: {channels: {team: {connection: pager, to: '#ml'}}}\n"
ROUTE = "alerts: {channels: {team: {connection: made_in_the_ui, to: '#others'}}}\n"
PRODUCER = '''"""Writes the prediction log; a stand-in for a team's own Airflow DAG."""
from airflow.sdk import DAG, Asset
from airflow.providers.standard.operators.python import PythonOperator

with DAG("produce", schedule=None):
    PythonOperator(task_id="write", python_callable=print, outlets=[Asset("predictions_written")])
'''


@dataclass(frozen=True)
class World:
    """A running stack, its monitors, its Slack and its results."""

    stack: Stack
    production: Production
    slack: SlackServer

    @property
    def pager(self) -> dict[str, str]:
        """The connection to Slack, as the REST API takes it."""
        return {"conn_type": "slack", "password": "xoxb-2", "extra": json.dumps({"base_url": self.slack.url})}

    @property
    def store(self) -> Store:
        """The results store, which is a SQLite file in Airflow's home by default."""
        return open_store(f"sqlite:///{self.stack.folder / 'monitoring' / 'results.db'}")

    @property
    def monitor(self) -> Monitor:
        """The monitor."""
        return load_monitor(self.production.monitor_file)

    def told(self, window_start: str) -> list[dict[str, Any]]:
        """What Slack received about windows that start then."""
        return [post for post in self.slack.posts if window_start in json.dumps(post)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Airflow over four days of production, of which the last two drifted."""
    folder = tmp_path_factory.mktemp("stack")
    project = project_in(folder / "project")
    (project.folder / "dags" / "producer.py").write_text(PRODUCER)
    production = Production(project.monitors, yaml=WATCHED)
    production.write_days(FIRST_DAY, 2)
    production.write_days(FIRST_DAY + timedelta(days=2), 2, shift=3.0)
    with SlackServer() as slack:
        pager = {"conn_type": "slack", "password": "xoxb-1", "extra": {"base_url": slack.url}}
        stack = Stack(
            folder / "airflow",
            project.folder,
            environment={"AIRFLOW_CONN_PAGER": json.dumps(pager)},
            users={"admin": "admin", "reader": "viewer"},
        )
        with stack:
            stack.rest.wait_for_dags([DAG, "produce"])
            yield World(stack, production, slack)
    assert not any(running(process.pid) for process in stack.processes.values())


def running(group: int) -> bool:
    """Whether a process group has a member left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(check: Callable[[], Any], *, patience: float = 60) -> Any:
    """What `check` returns once it is true."""
    end = time.monotonic() + patience
    while not (found := check()) and time.monotonic() < end:
        time.sleep(0.5)
    return found


def test_a_scheduled_run_comes_by_itself(world: World) -> None:
    """The newest interval is run at once; it has no rows, and people are told so."""
    [run] = eventually(lambda: world.stack.rest.runs(DAG, run_type="scheduled"))
    assert world.stack.rest.wait_for_run(DAG, run["dag_run_id"]) == "success"
    verdict = world.stack.rest.xcom(DAG, run["dag_run_id"], "verdict")
    assert verdict["outcome"] == "no_data"
    start = run["data_interval_start"].replace("+00:00", "Z")
    assert verdict["subject"]["window"]["start"] == start
    assert world.told(f"since {start[:10]}")


def test_a_person_takes_an_incident_on(world: World) -> None:
    """By the form in Airflow: the store knows who, and it is told beneath the page."""
    rest = world.stack.rest
    rest.trigger("monitoring_incident", "on_it", {"action": "acknowledge", "about": "churn", "reason": "on it"})
    assert rest.wait_for_run("monitoring_incident", "on_it") == "success"
    [incident] = world.store.incidents("churn")
    assert (incident.cause, incident.state) == ("no_data", "acknowledged")
    assert [each.by for each in world.store.transitions(incident.id)] == ["", "admin"]
    headline = world.told(incident.id)[0]
    note = eventually(lambda: [post for post in world.told("on it") if post.get("thread_ts") == headline["ts"]])
    assert "admin" in str(note)


def test_a_backfill_is_silent(world: World) -> None:
    """Four past days are judged by Airflow's own backfill; nobody is told, what would have been told is recorded."""
    rest = world.stack.rest
    rest.wait_for_backfill(rest.backfill(DAG, "2013-03-01T00:00:00Z", "2013-03-04T00:00:00Z"))
    runs = rest.runs(DAG, run_type="backfill")
    assert [run["state"] for run in runs] == ["success"] * 4
    outcomes = [rest.xcom(DAG, run["dag_run_id"], "verdict")["outcome"] for run in runs]
    assert outcomes == ["healthy", "healthy", "drifted", "drifted"]
    assert not world.told("2013-03")
    [incident] = would_have(world.store, [world.monitor], Window.parse("2013-03-01", "2013-03-06")).incidents
    assert (incident.cause, incident.first.start.day, incident.last.start.day) == ("drift", 3, 4)


def test_a_run_by_hand_with_a_window_of_its_own(world: World) -> None:
    """The form's window is judged, and the log of the verdict tells the whole story; of the past nobody is told."""
    rest = world.stack.rest
    rest.trigger(DAG, "by_hand", {"start": "2013-03-03T00:00:00Z", "end": "2013-03-05T00:00:00Z"})
    assert rest.wait_for_run(DAG, "by_hand") == "success"
    assert rest.tasks(DAG, "by_hand")["all_clear"] == "skipped"
    assert not world.told("2013-03-03")
    story = "\n".join(str(event["event"]) for event in rest.task_log(DAG, "by_hand", "verdict"))
    for part in ("churn: DRIFTED, severity critical", "psi", "Next step: ", world.stack.url + "/monitoring/report/"):
        assert part in story


def test_a_failed_task_ends_with_the_reason(world: World) -> None:
    """What the person on call reads last is what was found and what to write instead."""
    rest = world.stack.rest
    rest.trigger(DAG, "mistyped", {"start": "soon", "end": "later"})
    assert rest.wait_for_run(DAG, "mistyped") == "failed"
    said = [str(event["event"]) for event in rest.task_log(DAG, "mistyped", "window")]
    last = [line for line in said if not line.startswith("::")][-1]
    assert last == "ConfigurationError: 'soon' is not a moment: write it like 2013-06-04 or 2013-06-04T06:00Z"


def test_an_asset_event_starts_a_run(world: World) -> None:
    """When the prediction log's own DAG has written, the last complete day is judged."""
    rest = world.stack.rest
    rest.trigger("produce", "wrote")
    assert rest.wait_for_run("produce", "wrote") == "success"
    [run] = eventually(lambda: rest.runs(DAG, run_type="asset_triggered"))
    assert rest.wait_for_run(DAG, run["dag_run_id"]) == "success"
    window = rest.xcom(DAG, run["dag_run_id"], "window")["window"]
    today = datetime.fromisoformat(run["run_after"]).astimezone(UTC).date()
    assert window == {"start": f"{today - timedelta(days=1)}T00:00:00Z", "end": f"{today}T00:00:00Z"}


def test_the_verdict_is_an_event(world: World) -> None:
    """Other DAGs can listen to the verdicts; those of a backfill or of the past say that they are silent."""
    events = world.stack.rest.get("assets/events", limit=100, order_by="timestamp")["asset_events"]
    verdicts = [event["extra"] for event in events if event["source_task_id"] == "verdict"]
    silent = [verdict for verdict in verdicts if verdict["silent"]]
    assert len(silent) == 5  # and the one of the past by hand
    assert {verdict["outcome"] for verdict in verdicts} == {"no_data", "healthy", "drifted"}


def test_the_report_opens_from_its_task(world: World) -> None:
    """The button of the task leads to the page; Airflow decides who may see it."""
    rest = world.stack.rest
    [run] = rest.runs(DAG, run_type="scheduled")
    for task in ("suites", "verdict"):
        links = rest.get(f"dags/{DAG}/dagRuns/{run['dag_run_id']}/taskInstances/{task}/links")["extra_links"]
        assert links["Report"].startswith(f"/monitoring/report/{DAG}/")
    page = rest.client.get(links["Report"])
    assert page.status_code == 200
    assert "sandbox" in page.headers["content-security-policy"]
    assert "<script src" not in page.text
    assert httpx.get(world.stack.url + links["Report"]).status_code == 401
    with world.stack.client("reader") as reader:
        assert reader.client.get(links["Report"]).status_code == 200


def test_a_broken_monitor_leaves_the_others_running(world: World) -> None:
    """One import error names file, line and key; the sound monitor runs on; the error goes when the file is mended.

    The mended monitor runs at once, and its alert goes through a connection that Airflow itself keeps.
    """
    rest, broken = world.stack.rest, world.production.folder / "broken.yaml"
    rest.post("connections", {"connection_id": "made_in_the_ui", **world.pager})
    broken.write_text(YAML.replace("name: churn", "name: broken") + "minimum_row: 5\n")
    [(file, error)] = eventually(lambda: list(rest.import_errors().items()))
    assert file == "broken_monitors.py"
    assert f"{broken}:13: minimum_row: found 5: unknown key" in error
    time.sleep(7)  # both DAG files are read again
    assert not rest.get(f"dags/{DAG}")["is_stale"]
    rest.trigger(DAG, "beside_a_broken_one", {"start": "2013-03-01T00:00:00Z", "end": "2013-03-02T00:00:00Z"})
    assert rest.wait_for_run(DAG, "beside_a_broken_one") == "success"
    assert len(rest.import_errors()) == 1
    broken.write_text(YAML.replace("name: churn", "name: broken") + ROUTE)
    assert eventually(lambda: not rest.import_errors())
    assert eventually(lambda: [post for post in world.slack.posts if post["channel"] == "#others"])


def test_all_that_listens_listens_on_the_loopback(world: World) -> None:
    """No process of the stack can be reached from another machine."""
    ours = {process.pid for process in world.stack.processes.values()}
    listening = [address for pid in descendants(ours) for address in addresses(pid)]
    assert listening
    assert set(listening) <= {"127.0.0.1"}


def descendants(groups: set[int]) -> list[int]:
    """Ids of all processes of these groups."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if os.getpgid(int(folder.name)) in groups:
                    found.append(int(folder.name))
            except ProcessLookupError:
                continue
    return found


def addresses(pid: int) -> list[str]:
    """IP addresses on which a process accepts TCP connections."""
    import psutil

    return [str(c.laddr.ip) for c in psutil.Process(pid).net_connections("tcp") if c.status == psutil.CONN_LISTEN]
