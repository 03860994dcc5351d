"""The page of one column inside Airflow's own API server."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from monitoring_tasks.alerts.message import Plot
from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.report import run_folder
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.window_story import PICTURES
from tests.ui.markup import Page
from tests.ui.retraining_dags import YAML
from tests.ui.test_model import asked, forget, read, text
from tests.ui.world import DAYS, drift, subject, verdict, window

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

pytestmark = pytest.mark.xdist_group("airflow")
OLDER = "2013-04-01T000000_2013-04-02T000000"
NAMES = (
    "a/b",
    "../../etc/passwd",
    "column",
    "100 % of?x=1&y#z",
    "\"quoted\" 'name'",
    "<script>alert(1)</script>",
    "naïve 列 🙂",
    " ",
    "a+b",
    "x" * 300,
)


def judge(world: Runtime, *found: CheckResult, day: int = DAYS) -> None:
    """A verdict on a day of churn with these results."""
    about = replace(subject("churn", DAYS - 1), window=window(day))
    world.store.put_results(about, found, rows=1000)
    world.store.put(replace(verdict("churn", 1), subject=about), found, report=None, run={})


def keep_picture(world: Runtime, day: int, name: str, label: str = "pro") -> None:
    """The picture of a column of fraud, as its run kept it."""
    plot = Plot("bars", name, (label, "free"), {"reference": (0.5, 0.5), "now": (0.25, 0.75)}, f"{name}: mostly free")
    content = json.dumps({name: plot.to_json()}).encode()
    world.artifacts.write(f"{run_folder(subject('fraud', day))}/{PICTURES}", content)


def test_a_column_tells_all_that_is_known(server: TestClient, world: Runtime) -> None:
    """Both sides in numbers, every check with its evidence, segments, scores over time with threshold, its incident."""
    page = read(server, "monitor_fraud/column/age")
    told = Page(page).text
    for words in (
        "mean 40 52",
        "drift data drift, psi ≠ failed".replace("≠ ", ""),
        "0.9 0.2 0.001 0.01 0.225 0.05",
        "missing share data quality passed 1% 5%",
        "plan=pro",
        "Incidents of this column: drift, high, open: 2013-03-31 to 2013-04-09",
    ):
        assert words in told, (words, told)
    data: dict[str, Any] = Page(page).data
    assert set(data) == {"plot-drift-score", "plot-missing-share"}
    assert {trace["name"] for trace in data["plot-drift-score"]["data"]} == {"drift score", "threshold"}


def test_a_derived_column_says_what_it_is_computed_from(server: TestClient, world: Runtime, monitors: Path) -> None:
    """Nobody finds it in the log; without the YAML at hand, or of a logged column, nothing is said."""
    assert "Derived" not in text(server, "monitor_fraud/column/age")
    derived = "derived: {age: {kind: difference, of: [at_year, born], where: {plan: [pro, free]}}}\n"
    (monitors / "fraud.yaml").write_text(YAML + derived)
    told = text(server, "monitor_fraud/column/age")
    assert "Derived: at_year - born where plan = pro or free" in told
    assert "Derived" not in text(server, "monitor_fraud/column/plan")


def test_a_column_whose_level_is_watched_says_that_its_drift_may_stay_low(server: TestClient, world: Runtime) -> None:
    """The plot of the drift score does not show the jump that somebody was woken for."""
    told = "A sudden change is found by the check level"
    assert told not in text(server, "monitor_churn/column/age")
    jump = CheckResult(Suite.DATA_DRIFT, Check.LEVEL, Status.FAILED, "age", value=0.06, threshold=0.03)
    judge(world, drift("age", 0.07), jump)
    assert told in text(server, "monitor_churn/column/age")


def test_marks_are_on_its_plots(server: TestClient, world: Runtime) -> None:
    """A promotion stands on every plot over time."""
    data: dict[str, Any] = Page(read(server, "monitor_churn/column/age")).data
    assert [figure["layout"]["annotations"][0]["text"] for figure in data.values()] == ["now v1.1.0"] * 2


def test_its_distribution_is_the_windows_own(server: TestClient, world: Runtime) -> None:
    """The newest window, or the one that is asked for; a window that kept no picture says so."""
    keep_picture(world, 31, "age")
    assert "No picture of this column is kept" in text(server, "monitor_fraud/column/age")
    page = read(server, f"monitor_fraud/column/age?window={OLDER}")
    figure: Any = Page(page).data["plot-distribution"]
    assert [trace["name"] for trace in figure["data"]] == ["reference", "this window"]
    assert "Reference and 2013-04-01" in Page(page).text
    assert "pro 50% 25% -25 points" in Page(page).text
    assert f'<option value="{OLDER}" selected>' in page


def test_a_window_without_rows_has_no_distribution(server: TestClient, world: Runtime) -> None:
    """Its run kept a picture as of any window: no value has a share of no rows."""
    about = subject("fraud", DAYS - 1)
    empty = replace(verdict("fraud", DAYS - 1), outcome=Outcome.NO_DATA)
    world.store.put_results(about, [drift("age", 0.9)], rows=0)
    world.store.put(empty, [drift("age", 0.9)], report=None, run={})
    keep_picture(world, DAYS - 1, "age")
    page = read(server, "monitor_fraud/column/age")
    assert "plot-distribution" not in Page(page).data
    assert "The window has no rows" in Page(page).text


def test_a_window_outside_the_range_can_be_chosen(server: TestClient, world: Runtime) -> None:
    """A link from its run may lead to any window."""
    told = text(server, "monitor_fraud/column/age?days=7&window=2013-03-02T000000_2013-03-03T000000")
    assert "Checks in 2013-03-02" in told


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("2013-05-02T000000_2013-05-03T000000", 404),
        ("2013-04-02T000000_2013-04-01T000000", 400),
        ("2013-99-01T000000_2013-04-01T000000", 400),
        ("yesterday", 400),
        ("%3Cscript%3E", 400),
        ("../..", 400),
    ],
)
def test_what_is_no_window_is_told(server: TestClient, world: Runtime, given: str, status: int) -> None:
    """Written wrongly, or never judged."""
    answer = asked(server, f"monitor_fraud/column/age?window={given}")
    assert answer.status_code == status
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_name_is_a_column(server: TestClient, world: Runtime, name: str) -> None:
    """Slashes, quotes, markup, spaces: the heat map's own link leads to the page, on which the name is text."""
    judge(world, drift(name, 0.9))
    links = re.findall(r'<th scope="row"><a href="([^"]*/column/[^"]*)">', read(server, "monitor_churn"))
    href = f"/monitoring/model/monitor_churn/column/{quote(name, safe='')}"
    assert href in links
    answer = read(server, href.removeprefix("/monitoring/model/"))
    assert " ".join(f"column of churn {name}".split()[3:]) in Page(answer).text
    assert "<script>alert" not in answer


@pytest.mark.parametrize("name", ["none", "AGE", "%00", "age%00", "", "%ED%A0%80", "age/", "two%0Alines", "x" * 5000])
def test_what_was_not_checked_is_not_there(server: TestClient, world: Runtime, name: str) -> None:
    """No column of that name: 404, and never an error."""
    assert asked(server, f"monitor_fraud/column/{name}").status_code == 404


def test_of_a_model_without_windows_there_is_no_column(server: TestClient, world: Runtime) -> None:
    """Nothing was checked yet."""
    assert asked(server, "monitor_quiet/column/age").status_code == 404


def test_hostile_categories_stay_text(server: TestClient, world: Runtime) -> None:
    """Labels of bars, top categories, causes and segments come from outside."""
    evil = "</script><script>alert(1)</script>"
    sides = {"reference": {"top": [[evil, 0.5]]}, "current": {"top": [[evil, 0.25]]}}
    judge(
        world,
        replace(drift("plan", 0.9), cause=evil, season=evil, **sides),
        drift("plan", 0.9, segment=f"plan={evil}"),
        CheckResult(Suite.DATA_QUALITY, Check.UNSEEN_SHARE, Status.UNDECIDED, "plan", detail=evil),
    )
    about = replace(subject("churn", DAYS - 1), window=window(DAYS))
    plot = Plot("bars", evil, (evil,), {"reference": (1.0,), "now": (1.0,)}, evil)
    world.artifacts.write(f"{run_folder(about)}/{PICTURES}", json.dumps({"plan": plot.to_json()}).encode())
    page = read(server, "monitor_churn/column/plan")
    assert "<script>alert" not in page
    assert Page(page).text.count(evil) >= 6
    figure: Any = Page(page).data["plot-distribution"]
    assert figure["data"][0]["x"] == [evil.replace("<", "&lt;").replace(">", "&gt;")]


def test_neighbours_keep_the_range(server: TestClient, world: Runtime) -> None:
    """The columns before and after in the order of the heat map, and the way back to the model."""
    page = read(server, "monitor_fraud/column/age?days=14")
    assert 'href="/monitoring/model/monitor_fraud/column/score?days=14" rel="prev"' in page
    assert 'href="/monitoring/model/monitor_fraud/column/spend?days=14" rel="next"' in page
    assert 'href="/monitoring/model/monitor_fraud?days=14#drift"' in page
    assert 'rel="prev"' not in read(server, "monitor_fraud/column/score")


def test_the_prediction_is_a_column_too(server: TestClient, world: Runtime) -> None:
    """It says that it is the prediction."""
    assert "score prediction of fraud" in text(server, "monitor_fraud/column/score")


def test_results_that_were_rolled_up(server: TestClient, world: Runtime) -> None:
    """Scores over time are kept, summaries and single checks are not: the page says so."""
    forget(world)
    page = read(server, "monitor_fraud/column/age")
    assert "The check results of this window were rolled up" in page
    figure: Any = Page(page).data["plot-drift-score"]
    assert 0.9 in figure["data"][0]["y"]


def test_too_few_rows_are_said(server: TestClient, world: Runtime) -> None:
    """What is shown of such a window is no judgement, and its score is not drawn."""
    page = read(server, "monitor_spam/column/age")
    assert "not a judgement" in page
    figure: Any = Page(page).data["plot-drift-score"]
    assert [trace["name"] for trace in figure["data"]] == ["too few rows"]
