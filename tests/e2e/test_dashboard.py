"""A person's way through the pages of a real Airflow, in a real browser: from signing in to the promotion's marker."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.browser import open_browser, sign_in
from demo.stack import Stack
from monitoring_tasks.retraining.registry import find_champion
from tests.dvc_pipeline import MODEL, ModelRepository, churn_template
from tests.e2e.project import project_in, watch_churn
from tests.retraining_world import WINDOW_END

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Page

__all__ = ["churn_template"]
pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(900)]
DAG, RETRAIN, RUN = "monitor_churn", "retrain_churn", "asked_for"
FIRST = "2013-03-31"
WATCHED = "performance: {}\nretraining:\n  approval: {timeout: 1h}\n"


@dataclass(frozen=True)
class Running:
    """A stack whose model was watched for a fortnight, and the model's repository."""

    stack: Stack
    repository: ModelRepository


@pytest.fixture(scope="module")
def running(churn_template: ModelRepository, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Airflow over a model whose challenger will be better; its windows are judged, the last two by a backfill."""
    folder = tmp_path_factory.mktemp("dashboard")
    project = project_in(folder / "project")
    repository = watch_churn(project, churn_template, WATCHED)
    variables = {"MONITORING_HOME": str(folder / "results"), "CHURN_DATA": str(repository.data)}
    judge(project.monitors, variables)
    with Stack(folder / "airflow", project.folder, environment=variables, users={"admin": "admin"}) as stack:
        stack.rest.wait_for_dags([DAG, RETRAIN])
        days = [f"{WINDOW_END - timedelta(days=ago):%Y-%m-%dT00:00:00Z}" for ago in (2, 1)]
        stack.rest.wait_for_backfill(stack.rest.backfill(DAG, *days))
        yield Running(stack, repository)


def judge(monitors: Path, variables: dict[str, str]) -> None:
    """Judge the fortnight at a terminal."""
    program = Path(sys.executable).with_name("monitoring")
    span = ["--start", FIRST, "--end", f"{WINDOW_END:%Y-%m-%d}", "--monitors", str(monitors)]
    for command in (["backfill", "churn"], ["performance", "churn"]):
        done = subprocess.run(
            [program, *command, *span], env={**os.environ, **variables}, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1, 2), done.stdout + done.stderr


@pytest.fixture(scope="module")
def page(running: Running) -> Iterator[Page]:
    """A browser in which the administrator has signed in; what its console says of errors fails the test."""
    with open_browser() as browser:
        made = browser.new_page(viewport={"width": 1280, "height": 900})
        errors: list[str] = []
        made.on("pageerror", lambda error: errors.append(str(error)))
        sign_in(made, running.stack.url, "admin", running.stack.passwords["admin"])
        yield made
        assert errors == []


def inside(page: Page) -> FrameLocator:
    """What Airflow shows of the pages within its own."""
    return page.frame_locator("iframe").first


def test_from_the_menu_to_the_report(running: Running, page: Page) -> None:
    """Airflow's menu, the overview, the model, a column, a run, its report: each by a click on what is shown."""
    page.goto(f"{running.stack.url}/plugin/model-monitoring")
    shown = inside(page)
    shown.get_by_role("link", name="churn", exact=True).click()
    shown.get_by_role("heading", name="churn", level=1).wait_for()
    page.goto(f"{running.stack.url}/monitoring/model/{DAG}?start={FIRST}&end={WINDOW_END:%Y-%m-%d}")
    page.get_by_role("link", name="age", exact=True).first.click()
    page.get_by_role("heading", name=re.compile("age")).first.wait_for()
    page.locator(".plot .main-svg").first.wait_for(state="attached")
    page.go_back()
    page.goto(f"{running.stack.url}/dags/{DAG}/runs/{newest_run(running)}/plugin/monitoring-run")
    inside(page).get_by_role("heading", name=re.compile("churn: drift in 2013-04-14")).wait_for()
    report = inside(page).frame_locator("iframe")
    report.get_by_text(re.compile("data drift|Data drift", re.IGNORECASE)).first.wait_for()


def newest_run(running: Running) -> str:
    """The id of the last run of the backfill, as a part of an address."""
    runs = running.stack.rest.runs(DAG, run_type="backfill")
    newest = max(runs, key=lambda run: run["data_interval_end"])
    return str(newest["dag_run_id"]).replace(":", "%3A").replace("+", "%2B")


def test_an_incident_is_acknowledged(running: Running, page: Page) -> None:
    """The newest interval has no rows: its incident is open, and once acknowledged it says by whom."""
    for _ in range(60):
        page.goto(f"{running.stack.url}/monitoring/incidents")
        found = page.locator("main a[href*='/incident/no_data']")
        if found.count():
            break
        time.sleep(2)
    found.first.click()
    page.get_by_label("Comment").first.fill("on it")
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_role("status").wait_for()
    told = page.locator(".timeline").inner_text()
    assert "acknowledged by admin" in told
    assert "on it" in told
    assert page.get_by_role("button", name="Acknowledge").count() == 0


def test_a_promotion_is_marked(running: Running, page: Page) -> None:
    """The retraining is approved on Airflow's own page, reached from the model's, and shows on its plots."""
    rest = running.stack.rest
    rest.trigger(RETRAIN, RUN, {"window_end": WINDOW_END.isoformat(), "reason": "a test"})
    assert rest.wait_for_question(RETRAIN, RUN, patience=400) is not None
    model = f"{running.stack.url}/monitoring/model/{DAG}?start={FIRST}&end={WINDOW_END:%Y-%m-%d}"
    page.goto(model)
    page.get_by_role("link", name=re.compile("answer|approval", re.IGNORECASE)).first.click()
    while rest.tasks(RETRAIN, RUN)["ask"] != "success":  # again, where the first answer came too soon for Airflow
        page.get_by_role("button", name="Approve").click()
        page.wait_for_timeout(5000)
        page.reload()
    assert rest.wait_for_run(RETRAIN, RUN, patience=400) == "success"
    assert find_champion(running.repository.origin, MODEL).number == 2
    page.goto(model)
    version = "v1.1.0"
    figures = [json.loads(each.inner_text()) for each in page.locator("script[type='application/json']").all()]
    assert figures
    marked = [figure for figure in figures if version in json.dumps(figure["layout"])]
    assert marked, "no plot bears the promotion"
    assert version in page.locator("main").inner_text()
