"""The overview page inside Airflow's own API server."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from monitoring_tasks.runtime import Runtime
from monitoring_tasks.ui.html import HEADERS
from monitoring_tasks.views.overview import ORDERS, SPOKEN_ORDERS
from tests.ui.server import HTML, browser, headers
from tests.ui.world import INCIDENT, MODELS, RUN, register

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.xdist_group("airflow")


def read(server: TestClient, query: str = "", role: str = "viewer") -> str:
    """The overview as somebody sees it."""
    answer = server.get(f"/monitoring/{query}", headers=headers(role, **HTML))
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def names(page: str) -> list[str]:
    """The models of a page, in order."""
    return re.findall(r'href="[^"]*/model/monitor_([a-z0-9_]+)"', page)


def test_every_model_has_its_line(server: TestClient, world: Runtime) -> None:
    """The worst comes first; a model without a verdict is unknown, not healthy."""
    page = read(server)
    assert names(page) == ["fraud", "spam", "quiet", "churn", "secret"]
    assert "no window was judged yet" in page
    assert "100 rows in the window, fewer than the 200 needed" in page


def test_a_line_tells_it_all(server: TestClient, world: Runtime) -> None:
    """State, severity, window, drifted columns, the metric against its baseline, champion, incidents, what waits."""
    line = re.search(r'<th scope="row"><a href="/monitoring/model/monitor_fraud".*?</tr>', read(server), re.DOTALL)
    assert line is not None
    told = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", line[0])).split())
    for part in (
        "degraded",
        "high",
        "2013-04-09",
        "2 of 6",
        "age, spend",
        "auc 0.75",
        "against 0.81",
        "-0.06",
        "v1.0.0-0a1b2c3d",
        "risk",
        "approval waits",
    ):
        assert part in told, (part, told)
    assert f'href="/monitoring/incident/{INCIDENT}"' in line[0]
    assert "/dags/retrain_fraud/runs/retrain__2013-04-09T00%3A00%3A00Z__v1.0.0-0a1b2c3d/tasks/ask" in line[0]
    assert RUN.startswith("retrain__2013-04-09")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=spend", ["fraud"]),
        ("?owner=risk", ["fraud"]),
        ("?state=unknown", ["spam", "quiet"]),
        ("?sort=name", sorted(MODELS)),
        ("?q=%27%22%3Cscript%3E", []),
        ("?page=9999999999", ["fraud", "spam", "quiet", "churn", "secret"]),
        ("?page=-1&sort=%F0%9F%9B%AB", ["fraud", "spam", "quiet", "churn", "secret"]),
    ],
)
def test_some_are_shown(server: TestClient, world: Runtime, query: str, expected: list[str]) -> None:
    """What is asked for is chosen; what makes no sense is as if it were not asked."""
    page = read(server, query)
    assert names(page) == expected
    assert "<script>" not in page
    assert ("No model fits" in page) is (not expected)


def test_what_one_may_not_see_is_not_there(server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of others is in no line and in no number; its owner is not offered either."""
    from airflow.api_fastapi.app import get_auth_manager

    def allowed(self: object, *, dag_ids: set[str], **_: object) -> set[str]:
        return {each for each in dag_ids if each.endswith(("_churn", "_spam"))}

    monkeypatch.setattr(type(get_auth_manager()), "filter_authorized_dag_ids", allowed)
    page = read(server)
    assert names(page) == ["spam", "churn"]
    assert "fraud" not in page
    assert "risk" not in page


def test_nobody_else_sees_it(server: TestClient, world: Runtime) -> None:
    """Anonymous people and those without a role are refused; a signed-in person's browser is not."""
    assert server.get("/monitoring/").status_code == 401
    assert server.get("/monitoring/", headers=headers("stranger")).status_code == 403
    assert server.get("/monitoring/", headers=browser("viewer")).status_code == 200


def test_the_page_is_confined(server: TestClient, world: Runtime) -> None:
    """Only the package's own scripts run, nothing is sent elsewhere, and only Airflow may frame it."""
    answer = server.get("/monitoring/", headers=headers("viewer", **HTML))
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "'unsafe-inline'" not in answer.headers["content-security-policy"].split("style-src")[0]
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert scripts
    assert all('src="/monitoring/static/' in script for script in scripts)
    assert not re.search(r'\son[a-z]+="', answer.text)


def test_many_models_are_in_pages(server: TestClient, world: Runtime) -> None:
    """A hundred to a page; a number after the last is the last."""
    register([*MODELS, *(f"model_{number:03}" for number in range(250))])
    first, last = read(server, "?sort=name"), read(server, "?sort=name&page=77")
    assert (len(names(first)), len(names(last))) == (100, 55)
    assert "Page 3 of 3" in last
    assert 'rel="next"' in first
    assert 'rel="next"' not in last


def test_no_model_at_all(server: TestClient, world: Runtime) -> None:
    """An empty fleet says how one gets a monitor."""
    register([])
    assert "include/monitors" in read(server)


def test_an_owner_is_text(server: TestClient, world: Runtime) -> None:
    """What Airflow calls an owner is shown as it is written."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == "monitor_churn").values(owners="<b>'&\"</b>"))
    page = read(server)
    assert "<b>'&" not in page
    assert "&lt;b&gt;&#39;&amp;&#34;&lt;/b&gt;" in page


@pytest.mark.parametrize("name", ["app.css", "app.js", "plotly.js"])
def test_files_are_the_packages_own(server: TestClient, world: Runtime, name: str) -> None:
    """Under a digest that changes with them, so that they are kept for ever; for signed-in people alone."""
    from monitoring_tasks.ui.assets import digest_of

    path = f"/monitoring/static/{digest_of(name)}/{name}"
    answer = server.get(path, headers=headers("viewer"))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert server.get(path).status_code == 401
    for other in (f"/monitoring/static/0/{name}", f"/monitoring/static/{digest_of(name)}/..%2f..%2fhtml.py"):
        assert server.get(other, headers=headers("viewer")).status_code == 404


def test_a_refusal_is_a_page_for_browsers(server: TestClient, world: Runtime) -> None:
    """With the reason; programs get it as JSON, and both are confined."""
    page = server.get("/monitoring/report/monitor_churn/v1/x/y", headers=browser("viewer"))
    assert page.status_code == 404
    assert "no such report: open it from its task" in page.text
    data = server.get("/monitoring/report/monitor_churn/v1/x/y", headers=headers("viewer"))
    assert data.json() == {"detail": "no such report: open it from its task"}
    assert page.headers["content-security-policy"] == data.headers["content-security-policy"]


def test_every_order_can_be_chosen_and_is_named(server: TestClient, world: Runtime) -> None:
    """In the form as well, for a phone shows no headings; each cell of a line has the name of its column there."""
    assert {name for name, _ in SPOKEN_ORDERS} == set(ORDERS)
    page = read(server, "?sort=owner")
    assert '<option value="owner" selected>owner</option>' in page
    for label in ("State", "Last window", "Drifted columns", "Performance", "Champion", "Incidents"):
        assert page.count(f'data-label="{label}"') == len(MODELS)
    assert 'aria-sort="ascending"' in read(server, "?sort=name")
    assert 'aria-sort="descending"' in read(server, "?sort=drifted")


def test_what_is_unknown_has_no_colour_of_a_severity(server: TestClient, world: Runtime) -> None:
    """The severity stands beside the state, in a mark of its own."""
    assert re.search(r'class="state [a-z_]+ severity-', read(server)) is None
