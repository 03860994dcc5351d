"""The page of a window's verdict, and the way to it from a run, inside Airflow's own API server."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from monitoring_tasks.performance.record import Estimated, Interval
from monitoring_tasks.policy.asking import request_run
from monitoring_tasks.policy.verdict import Subject
from monitoring_tasks.report import report_key
from monitoring_tasks.retraining.names import comparison_key, run_slug
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord
from monitoring_tasks.store.schema import SUBJECTS
from monitoring_tasks.views.run import run_address
from tests.ui.retraining_dags import DAG, retrainable
from tests.ui.server import HTML, browser, headers
from tests.ui.world import OLD, RUN, entry, results, subject, verdict

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

__all__ = ["retrainable"]
pytestmark = pytest.mark.xdist_group("airflow")
SPAN = "2013-04-05T000000_2013-04-06T000000"


def get(server: TestClient, address: str, role: str = "viewer") -> Response:
    """A page as a person's browser asks for it; a redirection is not followed."""
    answer: Response = server.get(f"/monitoring{address}", headers=headers(role, **HTML), follow_redirects=False)
    return answer


def drift_page(monitor: str, day: int) -> str:
    """Address of the page of a day's drift."""
    return run_address(f"monitor_{monitor}", subject(monitor, day))


@pytest.mark.parametrize(("role", "status"), [("nobody", 401), ("stranger", 403), ("viewer", 200)])
def test_it_is_asked_who_it_is(server: TestClient, world: Runtime, role: str, status: int) -> None:
    """Nobody without access to the DAG gets anything but a refusal."""
    for address in (drift_page("fraud", 35), "/of-run/retrain_fraud?run_id=" + quote(RUN)):
        assert get(server, address, role).status_code == status


def test_a_page_is_its_own_dags(server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may see one DAG sees that DAG's windows and no other's."""
    from airflow.api_fastapi.app import get_auth_manager

    def owns(self: object, *, details: Any = None, **_: object) -> bool:
        return details is not None and details.id == "monitor_churn"

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", owns)
    assert get(server, drift_page("churn", 35)).status_code == 200
    for address in (
        drift_page("fraud", 35),
        run_address("performance_churn", subject("churn", 25)),
        "/of-run/monitor_fraud?run_id=scheduled__35",
        "/of-run/retrain_churn?run_id=retrain__promoted",
    ):
        assert get(server, address).status_code == 403, address


def test_the_verdict_is_told_in_words(server: TestClient, world: Runtime) -> None:
    """Outcome, severity, reasons, next step, findings with what they compared, evidence, hashes and code."""
    page = get(server, drift_page("fraud", 35)).text
    for said in (
        "drifted",
        "high",
        "age: severe drift, psi 0.9 against 0.2",
        "The drift persists: look at the report, then retrain.",
        "mean 52",
        "plan=pro",
        "1,000",
        "d" * 16,
        "0.1.0",
        '/dags/monitor_fraud/runs/scheduled__35"',
        "/dags/monitor_fraud/runs/scheduled__35/tasks/verdict",
        "/monitoring/model/monitor_fraud/column/age",
    ):
        assert said in page, said


def test_the_next_step_is_what_became_of_the_retraining(server: TestClient, world: Runtime) -> None:
    """That of the verdict itself, once it was asked for."""
    about = subject("fraud", 35)
    refused = RetrainingRecord(
        "fraud",
        request_run(about),
        "drift",
        "",
        "refused",
        about.window.end,
        about.window.end,
        outcome="no <b>labels</b>",
    )
    world.store.put_retraining(refused)
    page = get(server, drift_page("fraud", 35)).text
    said = "The drift persists: look at the report. A retraining was asked for, and was refused: no &lt;b&gt;labels"
    assert said in page


def test_what_could_not_be_judged_does_not_look_healthy(server: TestClient, world: Runtime) -> None:
    """Of too few rows it is not said that every check passed."""
    page = get(server, drift_page("spam", 35)).text
    assert "too few rows" in page
    assert "This window could not be judged" in page
    assert "passed" not in page.partition("<main")[2].partition("Evidence")[0]


def test_performance_shows_figures_baseline_and_segments(server: TestClient, world: Runtime) -> None:
    """With their intervals and limits, how many labels there are, and what was known when."""
    page = get(server, run_address("performance_fraud", subject("fraud", 26))).text
    for said in ("auc", "0.75", "0.74 to 0.76", "0.81", "950 of 1,000", "plan=pro", "0.7 to 0.8", "worse"):
        assert said in page, said
    assert "column/auc" not in page


def test_why_nothing_is_estimated_is_said_once(server: TestClient, world: Runtime) -> None:
    """The reason is mostly that of every metric: it stands below the table, and not in each of its lines."""
    known = entry("fraud", 26, known_after=12)
    refused = Estimated(Interval(None), "the windows before lie outside of what was estimated of them")
    figures = tuple(replace(each, estimated=refused) for each in known.restatement.figures if not each.segment)
    with world.store.transaction() as transaction:
        transaction.put_performance(replace(known, restatement=replace(known.restatement, figures=figures)))
    page = get(server, run_address("performance_fraud", subject("fraud", 26))).text
    assert page.count(refused.refused) == 1
    assert page.count("not estimated") == len(figures)


def test_each_restatement_has_its_page(server: TestClient, world: Runtime) -> None:
    """The newest is shown unless another is named; all of them are listed with when they were known."""
    world.store.put_performance(entry("fraud", 26, known_after=12))
    address = run_address("performance_fraud", subject("fraud", 26))
    newest = get(server, address).text
    assert "As known at 2013-04-09 00:00" in newest
    older = re.search(r'href="/monitoring(/run/performance_fraud/[^"]*known_at=[^"]*)"', newest)
    assert older is not None
    assert "As known at 2013-04-07 00:00" in get(server, older[1]).text
    assert get(server, f"{address}?known_at=2013-01-01T00%3A00%3A00Z").status_code == 404


def test_other_verdicts_on_the_window_are_listed(server: TestClient, world: Runtime) -> None:
    """A window that was judged with another champion too names both, and leads from one to the other."""
    again = replace(verdict("fraud", 35), subject=replace(subject("fraud", 35), champion="v2.0.0-aabbccdd"))
    world.store.put(again, results("fraud", 35), report=None, run={"origin": "command line"})
    page = get(server, run_address("monitor_fraud", again.subject)).text
    assert "Written by: command line, not by a run of Airflow" in page
    assert f'href="/monitoring{drift_page("fraud", 35)}"' in page


def test_a_window_that_was_rolled_up_says_so(server: TestClient, world: Runtime) -> None:
    """Verdict and scores are kept, and the page says what is not."""
    with world.store._writing() as connection:
        connection.execute(SUBJECTS.update().values(results=None))
    page = get(server, drift_page("fraud", 35)).text
    assert "were rolled up" in page
    assert "column/tenure" in page


def test_a_window_without_a_verdict_says_so(server: TestClient, world: Runtime) -> None:
    """Checked and not judged yet is neither healthy nor unknown to the page."""
    about = replace(subject("fraud", 35), config_hash="f" * 16)
    world.store.put_results(about, results("fraud", 35), rows=1000)
    page = get(server, run_address("monitor_fraud", about)).text
    assert "has no verdict yet" in page
    assert "healthy" not in page.partition("Verdicts on this window")[0]


def test_the_report_is_in_a_frame_of_its_own(server: TestClient, world: Runtime) -> None:
    """The frame is sandboxed, as the report's own headers are; without a report there is no frame."""
    about = subject("fraud", 35)
    assert "<iframe" not in get(server, drift_page("fraud", 35)).text
    world.artifacts.write(report_key(about), b"<html>the report</html>")
    page = get(server, drift_page("fraud", 35)).text
    frame = re.search(r"<iframe[^>]*>", page)
    assert frame is not None
    assert 'sandbox="allow-scripts allow-downloads"' in frame[0]
    address = re.search(r'src="/monitoring([^"]*)"', frame[0])
    assert address is not None
    report = get(server, address[1])
    assert report.text == "<html>the report</html>"
    assert report.headers["content-security-policy"].startswith("sandbox allow-scripts allow-downloads;")


def test_names_from_outside_are_text(server: TestClient, world: Runtime) -> None:
    """Columns, reasons and champions with HTML in them are shown as they are written."""
    evil = "<script>alert(1)</script>\"'&"
    champion = evil.replace("/", "")
    about = Subject("fraud", champion, subject("fraud", 35).window, champion)
    said = replace(
        verdict("fraud", 35), subject=about, reasons=(evil,), evidence={"rows": evil, "hashes": {evil: evil}}
    )
    found = [replace(each, column=evil, segment="", detail=evil) for each in results("fraud", 35)[-2:]]
    world.store.put(said, found, report=None, run={"dag_id": evil, "run_id": evil})
    answer = get(server, run_address("monitor_fraud", about))
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


UNKNOWN = (
    f"/run/monitor_fraud/{OLD}/{SPAN}/{'0' * 16}",
    f"/run/monitor_fraud/v9/{SPAN}/0123456789abcdef",
    f"/run/performance_quiet/{OLD}/{SPAN}/0123456789abcdef",
    f"/run/retrain_fraud/{OLD}/{SPAN}/0123456789abcdef",
    f"/run/produce/{OLD}/{SPAN}/0123456789abcdef",
    f"/run/monitor_fraud/{OLD}/yesterday/0123456789abcdef",
    f"/run/monitor_fraud/{OLD}/2013-04-06T000000_2013-04-05T000000/0123456789abcdef",
    f"/run/monitor_fraud/{quote('../..', safe='')}/{SPAN}/{quote('<script>', safe='')}",
    f"/run/monitor_fraud/%00/{SPAN}/%00",
    "/of-run/monitor_fraud?run_id=never",
    "/of-run/monitor_fraud?run_id=%01%7F",
    "/of-run/produce?run_id=never",
    f"/of-run/{quote('monitor_<b>', safe='')}?run_id=never",
    "/of-run/retrain_fraud?run_id=" + quote("../../x"),
)


@pytest.mark.parametrize("champion", ["a/b", "a\\b", "<script>alert(1)</script>", "../..", "x" * 500])
def test_a_champion_of_any_name_has_its_pages(server: TestClient, world: Runtime, champion: str) -> None:
    """What is no part of an artifact's key has no report, and a page all the same; so has the model's, whose newest
    window has a report at an address that an older release kept."""
    about = replace(subject("churn", 35), champion=champion)
    judged = replace(verdict("churn", 35), subject=about)
    world.store.put(judged, results("churn", 35), report="file:///r/report.html", run={"origin": "command line"})
    address = run_address("monitor_churn", about)
    assert get(server, address).status_code == 200
    assert get(server, address.replace("/run/", "/report/")).status_code == 404
    page = get(server, "/model/monitor_churn")
    assert (page.status_code, ">report</a>" in page.text) == (200, False)


def test_what_the_store_does_not_know_is_not_there(server: TestClient, world: Runtime) -> None:
    """No part of an address is anything but the name of what is stored."""
    for address in UNKNOWN:
        answer = get(server, address, "admin")
        assert answer.status_code == 404, address
        assert "<script>" not in answer.text.replace('<script src="', "")


def test_a_run_leads_to_what_it_found(server: TestClient, world: Runtime) -> None:
    """From Airflow's run to the page of its window; of several windows to the newest."""
    answer = get(server, "/of-run/monitor_fraud?run_id=scheduled__35")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/monitoring{drift_page('fraud', 35)}")
    about = {"dag_id": "performance_fraud", "run_id": "scheduled__p"}
    for day in (3, 5, 4):
        world.store.put_performance(replace(entry("fraud", day, known_after=11), run=about))
    answer = get(server, "/of-run/performance_fraud?run_id=scheduled__p")
    assert answer.headers["location"] == "/monitoring" + run_address("performance_fraud", subject("fraud", 5))


def test_a_retrainings_run_leads_to_its_record(server: TestClient, world: Runtime) -> None:
    """What it was asked for, how it stands, the comparison and the way to its answer."""
    world.artifacts.write(comparison_key("fraud", run_slug(RUN)), b"compared")
    page = get(server, "/of-run/retrain_fraud?run_id=" + quote(RUN, safe="")).text
    for said in (
        "awaiting",
        "age drifted",
        "then approve or reject",
        "required_actions",
        f"/comparison/retrain_fraud/{run_slug(RUN)}",
        OLD,
    ):
        assert said in page, said
    promoted = get(server, "/of-run/retrain_churn?run_id=retrain__promoted").text
    assert "required_actions" not in promoted
    assert "Decided by" in promoted


def test_a_run_that_found_nothing_yet_says_how_it_stands(server: TestClient, retrainable: Runtime) -> None:
    """Queued, or ended without a record: the page says which, and leads to Airflow's."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from monitoring_tasks.ui.triggering import request_run

    request_run(DAG, run_id="asked__1", conf={}, by="ada")
    address = f"/of-run/{DAG}?run_id=asked__1"
    assert "This run is queued" in get(server, address).text
    with create_session() as session:
        session.execute(update(DagRun).where(DagRun.dag_id == DAG).values(state="failed"))
    page = get(server, address).text
    assert "left no record of a retraining" in page
    assert "/dags/retrain_fraud/runs/asked__1" in page


def test_a_cookie_opens_the_page(server: TestClient, world: Runtime) -> None:
    """A link of Airflow's UI is followed with the cookie of the signed-in person."""
    assert server.get(f"/monitoring{drift_page('fraud', 35)}", headers=browser("viewer")).status_code == 200
