"""The page of one model inside Airflow's own API server."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from monitoring_tasks.checks import Check, CheckResult, Status, Suite
from monitoring_tasks.policy.verdict import Outcome, Verdict
from monitoring_tasks.report import report_key
from monitoring_tasks.retraining.names import run_slug
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.ui.html import HEADERS
from monitoring_tasks.views.words import NOTHING
from tests.ui.markup import Page
from tests.ui.server import HTML, browser, headers
from tests.ui.world import DAYS, INCIDENT, NEW, OLD, PROMOTED, RUN, drift, entry, register, subject, verdict, window

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient
    from httpx import Response

pytestmark = pytest.mark.xdist_group("airflow")


def asked(server: TestClient, path: str, role: str = "viewer", **more: Any) -> Response:
    """The answer to a browser that opens a page of a model."""
    found: Response = server.get(f"/monitoring/model/{path}", headers=headers(role, **HTML), **more)
    return found


def read(server: TestClient, path: str, role: str = "viewer") -> str:
    """A page of a model, which is well-formed and under the page's policy."""
    answer = asked(server, path, role)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    Page(answer.text)
    return str(answer.text)


def text(server: TestClient, path: str) -> str:
    """What people read on a page of a model."""
    return Page(read(server, path)).text


def part(page: str, name: str) -> str:
    """The section of a page that begins at a heading."""
    return page[page.index(f'<h2 id="{name}">') :].split("<h2 ")[1]


@pytest.mark.parametrize("name", ["churn", "fraud", "spam", "quiet", "secret"])
@pytest.mark.parametrize("query", ["", "?days=90", "?days=7&columns=all&metric=log_loss&refresh=5"])
def test_every_state_is_a_page(server: TestClient, world: Runtime, name: str, query: str) -> None:
    """Healthy, degraded, too few rows, never judged: well-formed, and nothing in it runs but the package's scripts."""
    assert f"<title>{name}" in read(server, f"monitor_{name}{query}")


def test_how_a_degraded_model_stands(server: TestClient, world: Runtime) -> None:
    """State, severity, reasons, champion, windows, incident, what waits, links to Airflow and to the run."""
    page = read(server, "monitor_fraud")
    told = Page(page).text
    for words in (
        "degraded",
        "high",
        "age: severe drift, psi 0.9 against 0.2",
        "auc 0.75",
        OLD,
        "risk",
        "approval waits",
    ):
        assert words in told, words
    span = "2013-04-09T000000_2013-04-10T000000"
    for href in (
        f"/monitoring/run/monitor_fraud/{OLD}/{span}/0123456789abcdef",
        "/monitoring/run/performance_fraud/",
        f"/monitoring/incident/{INCIDENT}",
        "/dags/monitor_fraud",
        "/dags/performance_fraud",
        "/dags/retrain_fraud",
        f"/dags/retrain_fraud/runs/{quote(RUN, safe='')}/tasks/ask/required_actions?map_index=-1",
        f"/monitoring/comparison/retrain_fraud/{run_slug(RUN)}",
    ):
        assert f'href="{html.escape(href)}' in page, href


def test_cards_hold_figures_against_the_baseline(server: TestClient, world: Runtime) -> None:
    """The newest window whose labels were enough, and how complete those of the newest are."""
    cards = text(server, "monitor_fraud")
    assert "auc degraded 0.75 worse than 0.81 by 0.06, limit 0.02 interval 0.74 to 0.76" in cards
    assert "drifted features drifted 2 of 6 age, spend" in cards
    assert "labelled unknown 20% labels immature" in cards
    assert "prediction drift healthy passed psi 0.05 against 0.2" in cards


def test_immature_windows_are_hatched_and_said(server: TestClient, world: Runtime) -> None:
    """Ten windows wait for labels; the plot and a sentence say so, and the table of numbers."""
    page = read(server, "monitor_fraud")
    figure: Any = Page(page).data["plot-metric-auc"]
    assert {trace["name"] for trace in figure["data"]} >= {"labels immature", "interval", "baseline", "value"}
    assert "Of 10 windows, from 2013-03-31 on, labels are still coming" in Page(page).text
    assert page.count("<td>labels immature</td>") == 10


def test_a_promotion_is_marked_on_every_plot(server: TestClient, world: Runtime) -> None:
    """The champion changed after 2013-03-20: a labelled line in each figure, and a mark in the heat map."""
    page = read(server, "monitor_churn")
    figures: dict[str, Any] = Page(page).data
    assert set(figures) == {"plot-metric-auc", "plot-drifted"}
    for figure in figures.values():
        (label,) = figure["layout"]["annotations"]
        assert (label["text"], label["x"]) == ("now v1.1.0", "2013-03-20 12:00:00")
    assert page.count('<td class="mark"') == 1
    assert f"{NEW} champion from the window 2013-03-21 on" in html.unescape(part(page, "promotions"))


def test_an_incident_is_on_the_axis(server: TestClient, world: Runtime) -> None:
    """A strip above each plot, and a link from each of its ten windows in the heat map."""
    page = read(server, "monitor_fraud")
    figure: Any = Page(page).data["plot-drifted"]
    (strip,) = (shape for shape in figure["layout"]["shapes"] if shape["type"] == "rect")
    assert strip["x0"] == "2013-03-30 12:00:00"
    assert page.count('class="strip high"') == 10


def test_the_heat_map_leads_to_columns(server: TestClient, world: Runtime) -> None:
    """The prediction, then the worst column; a name leads to its page, and keeps the range."""
    page = read(server, "monitor_fraud?days=14")
    columns = re.findall(r'<th scope="row"><a href="([^"]*)">([a-z]+)</a>', part(page, "drift"))
    assert [name for _, name in columns] == ["score", "age", "spend", "country", "device", "plan", "tenure"] or [
        name for _, name in columns
    ][:3] == ["score", "age", "spend"]
    assert columns[1][0] == "/monitoring/model/monitor_fraud/column/age?days=14"
    assert len(re.findall(r'<td class="failed"', page)) == 20


def test_too_few_rows_are_never_a_pass(server: TestClient, world: Runtime) -> None:
    """What was computed of a window with too few rows is not shown as judged."""
    page = read(server, "monitor_spam")
    assert 'class="passed"' not in page
    assert 'class="state healthy"' not in page
    assert page.count(": too few rows") >= 30 * 7
    assert "No fault was found among too few rows to judge by." in page


_SAID: dict[str, Any] = {"outcome": Outcome.NO_DATA, "reasons": ("no rows in the window",)}


def test_windows_without_data_are_absent(server: TestClient, world: Runtime) -> None:
    """The newest window had no rows: its cards, its cells and its words say so, and both verdicts in one sentence."""
    about = replace(subject("churn", DAYS), window=window(DAYS))
    empty = Verdict(about, Outcome.NO_DATA, Severity.HIGH, (), ("no rows in the window",), {"rows": 0})
    world.store.put_results(about, [], rows=0)
    world.store.put(empty, [], report=None, run={})
    figures = entry("churn", DAYS)
    world.store.put_performance(replace(figures, verdict=replace(figures.verdict, **_SAID)))
    page = read(server, "monitor_churn?days=7")
    told = Page(page).text
    assert "no rows in the window" in told
    assert "2 reasons" not in told
    assert f"drifted features unknown {NOTHING} no data" in told
    assert "Without rows nothing could be checked." in told
    figure: Any = Page(page).data["plot-drifted"]
    assert [trace["x"] for trace in figure["data"] if trace["name"] == "no data"] == [["2013-04-10 00:00:00"]]


def test_a_range_that_begins_with_a_promotion_shows_it(server: TestClient, world: Runtime) -> None:
    """The first window shown has another champion than the one before it, which is not shown."""
    page = read(server, f"monitor_churn?start={window(PROMOTED).start:%Y-%m-%d}")
    figure: Any = Page(page).data["plot-drifted"]
    assert [each["text"] for each in figure["layout"]["annotations"]] == ["now v1.1.0"]
    assert page.count('<td class="mark"') == 1


def test_a_model_without_windows_says_what_to_expect(server: TestClient, world: Runtime) -> None:
    """It is unknown, not healthy; bad dates are told all the same."""
    told = text(server, "monitor_quiet")
    assert "No window of this model was judged yet." in told
    assert "unknown" in told
    assert "healthy, whether" in told
    assert asked(server, "monitor_quiet?days=8").status_code == 400


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "30 windows that end after 2013-03-11 00:00 and by 2013-04-10 00:00: 30 days back"),
        ("?days=7", "7 windows that end after 2013-04-03 00:00"),
        ("?days=90", "40 windows that end after 2013-01-10 00:00"),
        ("?start=2013-03-05&end=2013-03-07", "3 windows that end after 2013-03-05 00:00 and by 2013-03-08 00:00."),
        ("?start=2012-03-05&end=2012-03-07", "No window ends in this range"),
    ],
)
def test_a_range_of_windows(server: TestClient, world: Runtime, query: str, words: str) -> None:
    """Days count back from the newest window, not from the clock; two dates are a range as well."""
    assert words in text(server, f"monitor_fraud{query}")


@pytest.mark.parametrize(
    "query",
    [
        "days=5",
        "days=1e3",
        "start=yesterday",
        "start=2013-02-30",
        "end=0001-01-01",
        "end=9999-12-31",
        "start=2013-04-01&end=2013-03-01",
        "start=1999-01-01&end=2013-03-01",
        "refresh=0.001",
        "champion=none",
        "champion=%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_what_makes_no_sense_is_told(server: TestClient, world: Runtime, query: str) -> None:
    """A page with a sentence, without a traceback, and without what was given as markup."""
    for path in ("monitor_fraud", "monitor_fraud/column/age"):
        answer = asked(server, f"{path}?{query}")
        assert answer.status_code == 400, answer.text
        Page(answer.text)
        assert 'role="alert"' in answer.text
        assert "<script>" not in answer.text


def test_one_champion_alone(server: TestClient, world: Runtime) -> None:
    """All versions with windows can be chosen; the range then counts back from the newest of that version."""
    page = read(server, f"monitor_churn?champion={OLD}&days=7")
    assert re.findall(r'<option value="(v[^"]*)"( selected)?>', page) == [(NEW, ""), (OLD, " selected")]
    told = Page(page).text
    assert "7 windows that end after 2013-03-14 00:00 and by 2013-03-21 00:00: 7 days back" in told
    assert f"of champion {OLD} alone" in told
    assert len(re.findall(rf"/run/monitor_churn/{OLD}/", page)) == 7
    assert PROMOTED == 20


def test_a_metric_on_demand(server: TestClient, world: Runtime) -> None:
    """Those that decide are drawn; any other when it is asked for, and an unknown one is not."""
    assert set(Page(read(server, "monitor_fraud")).data) == {"plot-metric-auc", "plot-drifted"}
    assert "plot-metric-log_loss" in Page(read(server, "monitor_fraud?metric=log_loss")).data
    assert "plot-metric-auc" in Page(read(server, "monitor_fraud?metric=%3Cb%3E")).data


def test_refresh_is_told_to_the_script(server: TestClient, world: Runtime) -> None:
    """Minutes in an attribute that the script reads; a plain link does the same without it."""
    page = read(server, "monitor_fraud?refresh=5&days=14")
    assert 'data-refresh="5"' in page
    assert 'class="reload" href="?days=14&amp;refresh=5"' in page


def wide(world: Runtime, count: int) -> None:
    """A window of churn with many columns, the newest."""
    about = replace(subject("churn", DAYS), window=window(DAYS))
    found = [drift(f"feature_{place:03}", 0.3 if place == 77 else 0.1) for place in range(count)]
    world.store.put_results(about, found, rows=1000)
    world.store.put(replace(verdict("churn", 1), subject=about), found, report=None, run={})


def test_columns_are_turned_forty_at_a_time(server: TestClient, world: Runtime) -> None:
    """The worst are on the first page; all are shown when that is asked for; odd numbers are the nearest page."""
    wide(world, 100)

    def rows(query: str) -> list[str]:
        return re.findall(
            r">(feature_\d+|[a-z]+)</a></th>|>(?:score)</a>", part(read(server, f"monitor_churn{query}"), "drift")
        )

    first = rows("")
    assert "feature_077" in first[:3]
    assert len(first) == 40
    assert len(rows("?columns=3")) == 107 - 80
    assert rows("?columns=99") == rows("?columns=3")
    assert rows("?columns=x") == rows("?columns=0") == first
    assert len(rows("?columns=all")) == 107


def test_hostile_names_stay_text(server: TestClient, world: Runtime) -> None:
    """Columns, segments, causes, champions and reasons may hold anything; links to them are escaped."""
    evil = '<script>alert("1")</script>&/../%2F?x=\'#'
    about = replace(subject("churn", DAYS), window=window(DAYS), champion=f"v2{evil}")
    found = [
        drift(evil, 0.9),
        drift(evil, 0.9, segment=f"plan={evil}"),
        CheckResult(Suite.DATA_QUALITY, Check.UNSEEN_SHARE, Status.FAILED, evil, value=0.4, cause=evil, detail=evil),
        CheckResult(Suite.DATA_QUALITY, Check.MISSING_SHARE, Status.FAILED, evil, value=0.4, threshold=0.1),
    ]
    world.store.put_results(about, found, rows=1000)
    world.store.put(replace(verdict("churn", 1), subject=about, reasons=(evil, evil)), found, report=None, run={})
    page = read(server, "monitor_churn")
    assert "<script>alert" not in page
    assert Page(page).text.count(evil) >= 6
    assert f"/column/{quote(evil, safe='')}" in page


def test_lone_surrogates_are_shown_somehow(server: TestClient, world: Runtime) -> None:
    """A segment's value may hold half a character, which no page can."""
    about = replace(subject("churn", DAYS), window=window(DAYS))
    found = [drift("age", 0.9, segment="plan=\ud800"), drift("a\ud800", 0.9)]
    world.store.put_results(about, found, rows=1000)
    world.store.put(replace(verdict("churn", 1), subject=about), found, report=None, run={})
    assert "plan=" in read(server, "monitor_churn")


def test_results_that_were_rolled_up(server: TestClient, world: Runtime) -> None:
    """The scores of an old window are kept, segments and faults of it are not: the page says which."""
    forget(world)
    page = read(server, "monitor_fraud")
    assert page.count("rolled up") == 2
    assert 'class="failed"' in page


def forget(world: Runtime) -> None:
    """Roll up the results of all windows."""
    from sqlalchemy import update

    from monitoring_tasks.store.schema import SUBJECTS

    with world.store._writing() as connection:
        connection.execute(update(SUBJECTS).values(results=None))


def test_a_report_is_linked_where_there_is_one(server: TestClient, world: Runtime) -> None:
    """Known to the verdict and still among the artifacts."""
    assert ">report</a>" not in read(server, "monitor_fraud")
    about = subject("fraud", DAYS - 1)
    world.artifacts.write(report_key(about), b"<html></html>")
    world.store.put(verdict("fraud", DAYS - 1), [], report=report_key(about), run={})
    assert f'href="/monitoring/report/monitor_fraud/{OLD}/' in read(server, "monitor_fraud")


@pytest.mark.parametrize("kind", ["performance", "retrain"])
def test_the_other_dags_lead_to_the_model(server: TestClient, world: Runtime, kind: str) -> None:
    """A tab of any of its DAGs opens the one page; it is asked there anew who may see it."""
    for path, leads in ((f"{kind}_fraud", "monitor_fraud"), (f"{kind}_fraud/column/age", "monitor_fraud")):
        answer = asked(server, path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/monitoring/model/{leads}")


def test_who_may_not_see_the_monitor_is_not_led_to_it(
    server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may see the DAG of a retraining, and not the monitor's; models of others are not named."""
    from airflow.api_fastapi.app import get_auth_manager

    def owns(self: object, *, details: Any = None, **_: object) -> bool:
        return details is not None and details.id == "retrain_fraud"

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", owns)
    assert asked(server, "retrain_fraud", follow_redirects=False).status_code == 404
    assert asked(server, "monitor_fraud").status_code == 403


@pytest.mark.parametrize("dag_id", ["monitor_none", "produce", "monitor_", "monitor_%3Cscript%3E", "x" * 300, "%00"])
def test_what_is_no_model_is_not_there(server: TestClient, world: Runtime, dag_id: str) -> None:
    """Neither a DAG of another kind nor anything else is a model."""
    answer = asked(server, dag_id)
    assert answer.status_code == 404
    assert "<script>" not in answer.text


def test_a_dag_that_is_gone_is_not_shown(server: TestClient, world: Runtime) -> None:
    """Its file left the folder: the model is watched no more."""
    register(["churn"])
    assert asked(server, "monitor_fraud").status_code == 404


def test_pages_below_another_path(server: TestClient, world: Runtime) -> None:
    """Airflow may be served below a path of its own: every address of the page begins with it."""
    from fastapi.testclient import TestClient

    below = TestClient(server.app, root_path="/team", raise_server_exceptions=False)
    for path in ("monitor_fraud", "monitor_fraud/column/age"):
        answer = below.get(f"/team/monitoring/model/{path}", headers=headers("viewer", **HTML))
        assert answer.status_code == 200, answer.text
        found = re.findall(r'(?:href|src)="([^"#?][^"]*)"', answer.text)
        assert found
        assert [each for each in found if not each.startswith(("/team/monitoring/", "/team/dags/"))] == []


def test_a_cookie_opens_it(server: TestClient, world: Runtime) -> None:
    """A browser has a cookie and no bearer token."""
    assert server.get("/monitoring/model/monitor_fraud", headers=browser("viewer")).status_code == 200


@pytest.mark.parametrize("dag_id", ["monitoring_alerts", "monitoring_maintenance", "somebodys_own", "Fraud.v2"])
@pytest.mark.parametrize("path", ["model/{}", "of-run/{}?run_id=manual__1"])
def test_a_dag_that_watches_no_model_says_so_kindly(server: TestClient, world: Runtime, dag_id: str, path: str) -> None:
    """Airflow shows the tab on every DAG: there it says where models are, and leads to them."""
    answer = server.get(f"/monitoring/{path.format(dag_id)}", headers=headers("viewer", **HTML))
    assert answer.status_code == 404
    told = Page(answer.text).text
    assert "Nothing here" in told
    assert "watches no model of its own" in told
    assert 'href="/monitoring/">All models' in answer.text


TEXT_MODEL = """\
name: {name}
owner: support
task: text
source: {{kind: parquet, path: answers}}
reference: {{kind: file, path: reference.parquet}}
timestamp: at
prediction: words
derived:
  words: {{kind: word_count, of: response}}
  age: {{kind: matches, of: response, patterns: ["<b>sorry</b>", "can't", "unable", "policy"]}}
"""


@pytest.mark.parametrize("name", ["spam", "quiet"])
def test_a_model_that_answers_with_text_has_no_empty_sections(
    server: TestClient, world: Runtime, monitors: Path, name: str
) -> None:
    """It has neither figures nor retrainings, so that its page says nothing of either; judged or not."""
    sections = ("Performance", "Retrainings")
    before = text(server, f"monitor_{name}")
    assert all(each in before for each in sections)
    (monitors / f"{name}.yaml").write_text(TEXT_MODEL.format(name=name))
    told = text(server, f"monitor_{name}")
    assert not [each for each in (*sections, "section performance", "not watched") if each in told]
    assert "Incidents" in told


def test_what_is_known_of_a_model_is_shown_whatever_its_yaml_says_now(
    server: TestClient, world: Runtime, monitors: Path
) -> None:
    """A model that had outcomes keeps the figures and the retrainings that it had."""
    (monitors / "churn.yaml").write_text(TEXT_MODEL.format(name="churn"))
    told = text(server, "monitor_churn")
    assert "Performance over time" in told
    assert "Retrainings Requested" in told


def test_columns_that_are_computed_are_listed_with_what_from(
    server: TestClient, world: Runtime, monitors: Path
) -> None:
    """Beneath the map of columns; patterns are text, whatever they hold."""
    assert "computed from logged ones" not in text(server, "monitor_fraud")
    (monitors / "fraud.yaml").write_text(TEXT_MODEL.format(name="fraud"))
    page = read(server, "monitor_fraud")
    assert "<b>sorry" not in page
    assert (
        "2 columns computed from logged ones words word_count of response "
        "age matches of response (<b>sorry</b>, can't and 2 more patterns)"
    ) in Page(page).text


def test_rows_that_a_derived_column_leaves_out_are_not_missing(
    server: TestClient, world: Runtime, monitors: Path
) -> None:
    """A column with `where` is neither the one that misses most nor in the table of missing values, which says so."""
    before = text(server, "monitor_fraud")
    assert "most missing 1% age" in before
    assert "Left out" not in before
    of_some = TEXT_MODEL.format(name="fraud").replace("kind: matches", "where: {plan: pro}, kind: matches")
    (monitors / "fraud.yaml").write_text(of_some)
    told = text(server, "monitor_fraud")
    assert "most missing 1% age" not in told
    assert "most missing 1% " in told
    assert "Left out: age, computed for some rows only." in told
    assert "Over time age 1%" in before
    assert "Over time age 1%" not in told
