"""One fault upstream of many models: one incident, one page, whoever sees it first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from monitoring_tasks import steps
from monitoring_tasks.alerts.opening import open_channel
from monitoring_tasks.alerts.telling import Occasion
from monitoring_tasks.data.connections import EnvironmentConnections
from monitoring_tasks.delivery_step import deliver
from monitoring_tasks.monitor import Monitor
from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window import Window
from tests.production import FIRST_DAY, YAML, Production, day
from tests.slack_server import SlackServer

MONITORS = 20
ROUTED = "alerts: {channels: {team: {connection: team, to: '#ml-alerts'}}}\n"
NOW = datetime(2013, 3, 4, 0, 10, tzinfo=UTC)


@pytest.fixture
def production(tmp_path: Path) -> Production:
    """One log, whose column `spend` is empty in half of the rows of one day."""
    made = Production(tmp_path)
    made.write_days(FIRST_DAY, 2)
    made.write(FIRST_DAY + timedelta(days=2), columns={"spend": [None, 1.0] * 500})
    return made


@pytest.fixture
def monitors(production: Production) -> list[Monitor]:
    """Twenty models that are served by that log."""
    for number in range(MONITORS):
        name = f"churn_{number:02}"
        (production.folder / f"{name}.yaml").write_text(YAML.replace("name: churn", f"name: {name}") + ROUTED)
    return [load_monitor(path) for path in sorted(production.folder.glob("churn_*.yaml"))]


def ran(monitor: Monitor, runtime: Runtime, window: Window) -> list[str]:
    """A live run of a window: what happened to incidents."""
    subject = steps.open_window(monitor, runtime, window)
    steps.profile_window(monitor, runtime, subject)
    steps.run_suites(monitor, runtime, subject)
    verdict = steps.reach_verdict(monitor, runtime, subject, run={}, occasion=Occasion(NOW))
    return [change["event"] for change in verdict["changes"]]


def test_twenty_monitors_over_one_broken_column_are_one_page(monitors: list[Monitor], runtime: Runtime) -> None:
    """The first opens it, the others join: one headline in Slack, notes in its thread, the right column first."""
    events = [event for monitor in monitors[: MONITORS // 2] for event in ran(monitor, runtime, day(2))]
    with SlackServer() as slack:
        extra = f'{{"base_url": "{slack.url}"}}'
        connection = f'{{"conn_type": "slack", "password": "xoxb-1", "extra": {extra}}}'
        opened = partial(open_channel, connections=EnvironmentConnections({"AIRFLOW_CONN_TEAM": connection}))
        deliver(runtime.store, opened, by="test")
        events += [event for monitor in monitors[MONITORS // 2 :] for event in ran(monitor, runtime, day(2))]
        deliver(runtime.store, opened, by="test")
    assert events == ["opened", *["joined"] * (MONITORS - 1)]
    [incident] = runtime.store.incidents()
    assert incident.monitors == tuple(monitor.name for monitor in monitors)
    assert incident.columns[0] == "spend"
    headlines = [post for post in slack.posts if not post.get("thread_ts")]
    assert len(headlines) == 1
    assert "spend" in str(headlines[0])
    assert "10 monitors" in str(headlines[0])
    assert {post["thread_ts"] for post in slack.posts if post.get("thread_ts")} == {headlines[0]["ts"]}


def test_another_column_is_another_problem(production: Production, monitors: list[Monitor], runtime: Runtime) -> None:
    """While the first is open, a fault elsewhere is not swallowed by it."""
    ran(monitors[0], runtime, day(2))
    production.write(FIRST_DAY + timedelta(days=3), columns={"age": [None, 40.0] * 500})
    assert "opened" in ran(monitors[0], runtime, day(3))
    faults = [each for each in runtime.store.incidents() if each.cause == "data_quality"]
    assert [incident.columns[0] for incident in faults] == ["age", "spend"]
