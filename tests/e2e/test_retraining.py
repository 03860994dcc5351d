"""A retraining in one real Airflow: requested, its worker killed, answered by those who may, and told in Slack."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.stack import Stack
from monitoring_tasks.retraining.names import run_slug
from monitoring_tasks.retraining.registry import find_champion
from tests.dvc_pipeline import MODEL, ModelRepository, churn_template
from tests.e2e.project import project_in, watch_churn
from tests.retraining_world import WINDOW_END
from tests.slack_server import SlackServer

__all__ = ["churn_template"]
pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(900)]
DAG, RUN = "retrain_churn", "asked_by_hand"
TOKEN = "not-for-the-pipeline"
ROUTES = """\
alerts: {channels: {team: {connection: pager, to: "#ml"}}}
retraining:
  approval: {users: [ada], timeout: 1h}
"""


@dataclass(frozen=True)
class Running:
    """A stack that watches the model, what was posted to its Slack, and the model's repository."""

    stack: Stack
    slack: SlackServer
    repository: ModelRepository

    def told(self, words: str) -> list[dict[str, Any]]:
        """The posts that hold some words."""
        return [post for post in self.slack.posts if words in json.dumps(post)]


@pytest.fixture(scope="module")
def running(churn_template: ModelRepository, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Airflow with a model whose challenger will be better."""
    folder = tmp_path_factory.mktemp("retraining")
    project = project_in(folder / "project")
    repository = watch_churn(project, churn_template, ROUTES)
    with SlackServer() as slack:
        pager = {"conn_type": "slack", "password": TOKEN, "extra": {"base_url": slack.url}}
        users = {"admin": "admin", "ada": "op", "reader": "viewer"}
        variables = {"AIRFLOW_CONN_PAGER": json.dumps(pager), "CHURN_DATA": str(repository.data)}
        with Stack(folder / "airflow", project.folder, environment=variables, users=users) as stack:
            stack.rest.wait_for_dags([DAG])
            yield Running(stack, slack, repository)


def eventually(check: Callable[[], Any], *, patience: float = 120) -> Any:
    """What `check` returns once it is true."""
    end = time.monotonic() + patience
    while not (found := check()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def working_in(folder: Path) -> list[int]:
    """Processes that work below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
        except OSError:  # it ended while it was looked at
            continue
    return found


def training_task(workspace: Path) -> int | None:
    """The process of the Airflow task whose pipeline runs below a folder: the caller that its guard watches.

    Only there: tests that run beside this one train models too, and must not be killed.
    """
    for pid in working_in(workspace):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        except OSError:
            continue
        if "repro" in words and any(word.endswith("guard.py") for word in words):
            return int(words[next(place for place, word in enumerate(words) if word.endswith("guard.py")) + 1])
    return None


def test_a_retraining_from_request_to_promotion(running: Running) -> None:
    """The worker is killed while the pipeline runs; Airflow tries again, and a person decides."""
    rest = running.stack.rest
    rest.trigger(DAG, RUN, {"window_end": WINDOW_END.isoformat(), "reason": "a test"})
    workspace = running.stack.folder / "monitoring" / "cache" / "workspaces"
    task = eventually(lambda: training_task(workspace))
    assert task is not None
    os.kill(task, signal.SIGKILL)
    assert eventually(lambda: not working_in(workspace)), "the pipeline outlived its task"

    asked = rest.wait_for_question(DAG, RUN, patience=400)
    assert asked is not None
    assert asked["subject"] == "Replace the model of churn? The gate says promote"
    assert "auc" in asked["body"]
    assert rest.task_log(DAG, RUN, "train", attempt=2)
    assert eventually(lambda: running.told("waits for approval"))
    assert running.told("/required_actions")
    assert find_champion(running.repository.origin, MODEL).number == 1

    for user in ("reader", "admin"):
        with running.stack.client(user) as other, pytest.raises(httpx.HTTPStatusError, match="403"):
            other.answer(DAG, RUN, "ask", "Approve", {})
    with running.stack.client("ada") as ada:
        while ada.wait_for_question(DAG, RUN):  # again, where the first answer came too soon for Airflow
            ada.answer(DAG, RUN, "ask", "Approve", {"comment": "seen the comparison"})
    assert rest.wait_for_run(DAG, RUN) == "success"
    champion = find_champion(running.repository.origin, MODEL)
    assert (champion.number, champion.tag) == (2, "churn@v1.1.0")
    assert "seen the comparison" in running.repository.git("tag", "-l", "-n99", "churn#champion#2")
    assert running.told("has a new champion")
    assert len(running.told("waits for approval")) <= 2  # headline and details, once


def test_the_comparison_is_a_page_for_those_who_may_see_the_dag(running: Running) -> None:
    """The link of the gate's task leads to it; without a login there is nothing."""
    path = f"/monitoring/comparison/{DAG}/{run_slug(RUN)}"
    assert httpx.get(running.stack.url + path).status_code == 401
    page = running.stack.rest.client.get(path)
    assert page.status_code == 200
    assert "sandbox" in page.headers["content-security-policy"]
    assert "promote" in page.text


def test_the_pipeline_streams_its_lines_and_sees_no_secret(running: Running) -> None:
    """DVC's and the stages' lines are in the task's log; what Airflow keeps is nowhere in it."""
    log = json.dumps(running.stack.rest.task_log(DAG, RUN, "train", attempt=2))
    assert "Running stage" in log or "is cached" in log
    assert TOKEN not in log


def test_a_rollback_by_the_form(running: Running) -> None:
    """A run with `rollback` puts the first version in place again."""
    running.stack.rest.trigger(DAG, "back", {"rollback": "previous", "reason": "complaints"})
    assert running.stack.rest.wait_for_run(DAG, "back") == "success"
    champion = find_champion(running.repository.origin, MODEL)
    assert (champion.number, champion.revision) == (3, running.repository.champion)
    assert running.told("was rolled back")
