"""Every route of the pages, the API and the metrics, asked as anybody who might ask.

`EXAMPLES` has a line for each route: an address that exists, of fraud where it is of one model. A route without a line
fails the test, so that none is added which nobody walked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import compile_path

from monitoring_tasks.report import report_key
from monitoring_tasks.retraining.names import comparison_key, run_slug
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.ui.html import HEADERS
from monitoring_tasks.ui.reports import HEADERS as REPORT
from tests.ui.server import HTML, browser, headers
from tests.ui.world import CONFIG, DAYS, INCIDENT, OLD, RUN, subject

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

pytestmark = pytest.mark.xdist_group("airflow")
PREFIX = "/monitoring"
SPAN = "2013-04-09T000000_2013-04-10T000000"
SUBJECT = f"{OLD}/{SPAN}/{CONFIG}"
FORM: Mapping[str, str] = {"reason": "a walk", "champion": OLD, "for": "7d"}
NOTIFICATION: Mapping[str, Any] = {"version": "4", "alerts": []}


@dataclass(frozen=True)
class Example:
    """An address of a route that exists. `of_fraud`: only who may see fraud sees anything there.

    `body` is what is posted, `changes` says that a viewer may not. `sandboxed` are the reports. `viewer` and `owner`
    are the statuses that these see; 0: the owner sees what a viewer does.
    """

    path: str
    of_fraud: bool = True
    body: Mapping[str, Any] | None = None
    changes: bool = False
    sandboxed: bool = False
    viewer: int = 200
    owner: int = 0


def posted(path: str, *, owner: int = 0) -> Example:
    """A route that changes something of fraud."""
    return Example(path, body=FORM, changes=True, owner=owner)


API, MONITOR = "/api/v1", "/api/v1/monitors/fraud"
EXAMPLES: Mapping[tuple[str, str], Example] = {
    ("GET", "/"): Example("/", of_fraud=False),
    ("GET", "/run/{dag_id}/{champion:path}/{span}/{config_hash}"): Example(f"/run/monitor_fraud/{SUBJECT}"),
    ("GET", "/of-run/{dag_id}"): Example("/of-run/monitor_fraud?run_id=scheduled__39", viewer=303),
    ("GET", "/incidents"): Example("/incidents", of_fraud=False),
    ("GET", "/incident/{id}"): Example(f"/incident/{INCIDENT}"),
    ("POST", "/incident/{id}/{action}"): posted(f"/incident/{INCIDENT}/acknowledge"),
    ("GET", "/model/{dag_id}"): Example("/model/monitor_fraud"),
    ("GET", "/model/{dag_id}/column/{column:path}"): Example("/model/monitor_fraud/column/age"),
    ("GET", "/model/{dag_id}/retrain"): posted("/model/monitor_fraud/retrain"),
    ("POST", "/model/{dag_id}/retrain"): posted("/model/monitor_fraud/retrain", owner=400),
    ("GET", "/model/{dag_id}/rollback"): posted("/model/monitor_fraud/rollback"),
    ("POST", "/model/{dag_id}/rollback"): posted("/model/monitor_fraud/rollback", owner=400),
    ("GET", "/report/{dag_id}/{champion:path}/{span}/{config_hash}"): Example(
        f"/report/monitor_fraud/{SUBJECT}", sandboxed=True
    ),
    ("GET", "/comparison/{dag_id}/{run}"): Example(f"/comparison/retrain_fraud/{run_slug(RUN)}", sandboxed=True),
    ("GET", "/static/{digest}/{name}"): Example("/static/{digest}/app.css", of_fraud=False),
    ("GET", "/metrics"): Example("/metrics", of_fraud=False),
    ("GET", "/api/v1/openapi.json"): Example(f"{API}/openapi.json", of_fraud=False),
    ("GET", "/api/v1/docs"): Example(f"{API}/docs", of_fraud=False),
    ("GET", "/api/v1/monitors"): Example(f"{API}/monitors", of_fraud=False),
    ("GET", "/api/v1/monitors/{monitor}"): Example(MONITOR),
    ("GET", "/api/v1/monitors/{monitor}/verdicts"): Example(f"{MONITOR}/verdicts"),
    ("GET", "/api/v1/monitors/{monitor}/verdicts/{champion:path}/{span}/{config_hash}"): Example(
        f"{MONITOR}/verdicts/{SUBJECT}"
    ),
    ("GET", "/api/v1/monitors/{monitor}/scores"): Example(f"{MONITOR}/scores"),
    ("GET", "/api/v1/monitors/{monitor}/metrics"): Example(f"{MONITOR}/metrics"),
    ("GET", "/api/v1/monitors/{monitor}/metrics/history"): Example(
        f"{MONITOR}/metrics/history?window=2013-03-01/2013-03-02"
    ),
    ("GET", "/api/v1/monitors/{monitor}/champions"): Example(f"{MONITOR}/champions"),
    ("GET", "/api/v1/monitors/{monitor}/retrainings"): Example(f"{MONITOR}/retrainings"),
    ("GET", "/api/v1/incidents"): Example(f"{API}/incidents", of_fraud=False),
    ("GET", "/api/v1/incidents/{incident_id}"): Example(f"{API}/incidents/{INCIDENT}"),
    ("GET", "/api/v1/incidents/{incident_id}/transitions"): Example(f"{API}/incidents/{INCIDENT}/transitions"),
    ("POST", "/api/v1/incidents/{incident_id}/{action}"): posted(f"{API}/incidents/{INCIDENT}/mute"),
    ("POST", "/api/v1/alertmanager"): Example(f"{API}/alertmanager", of_fraud=False, body=NOTIFICATION),
}


@pytest.fixture
def fleet(world: Runtime) -> Runtime:
    """The world, with a report and a comparison of fraud."""
    page = b"<html><body>a report</body></html>"
    world.artifacts.write(report_key(subject("fraud", DAYS - 1)), page)
    world.artifacts.write(comparison_key("fraud", run_slug(RUN)), page)
    return world


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of every route of the application, mounted ones too."""
    from monitoring_tasks.ui.plugin import application

    return walked(application().routes)


def walked(found: Sequence[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of routes and of those beneath them."""
    for route in found:
        if getattr(route, "routes", None):
            yield from walked(route.routes, prefix + route.path)
        else:
            yield from ((method, prefix + route.path) for method in getattr(route, "methods", None) or ("GET",))


def ask(server: TestClient, method: str, example: Example, given: Mapping[str, str]) -> Response:
    """One request for an example."""
    from monitoring_tasks.ui.assets import digest_of

    path = PREFIX + example.path.replace("{digest}", digest_of("app.css"))
    body = {"json": dict(example.body)} if method == "POST" and example.body is not None else {}
    return server.request(method, path, headers=dict(given), follow_redirects=False, **body)


def owning(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make everybody somebody who may do everything with the DAGs of one monitor and with no other."""
    from airflow.api_fastapi.app import get_auth_manager

    owned = {f"{kind}_{name}" for kind in ("monitor", "performance", "retrain")}

    def owns(self: object, *, details: Any = None, **_: object) -> bool:
        return details is not None and details.id in owned

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", owns)


def test_every_route_is_walked() -> None:
    """Each route has a line in the table, and each line a route."""
    found = set(routes()) - {("HEAD", path) for _, path in routes()}
    new, gone = found - set(EXAMPLES), set(EXAMPLES) - found
    assert not new, f"routes that nobody walks: give each a line in EXAMPLES of {__name__}: {sorted(new)}"
    assert not gone, f"lines of EXAMPLES without a route: {sorted(gone)}"


def walk(server: TestClient, given: Mapping[str, str], *, method: str = "") -> dict[tuple[str, str], Response]:
    """The answer of each route to somebody; `method` in place of its own."""
    return {route: ask(server, method or route[0], example, given) for route, example in EXAMPLES.items()}


def statuses(answers: Mapping[tuple[str, str], Response]) -> dict[tuple[str, str], int]:
    """The status of each answer."""
    return {route: answer.status_code for route, answer in answers.items()}


def all_of(status: int) -> dict[tuple[str, str], int]:
    """One status for every route."""
    return dict.fromkeys(EXAMPLES, status)


def test_nobody_is_refused(server: TestClient, fleet: Runtime) -> None:
    """Who is not signed in is told so and nothing else; a token that is none of this Airflow's is refused."""
    for accept in ({}, HTML):
        assert statuses(walk(server, accept)) == all_of(401)
        assert statuses(walk(server, {**accept, "Authorization": "Bearer e30.e30.AAAA"})) == all_of(403)
        assert statuses(walk(server, {**accept, "Cookie": "_token=e30.e30.AAAA"})) == all_of(403)


def test_a_route_has_its_methods_and_no_others(server: TestClient, fleet: Runtime) -> None:
    """Nothing is changed by a GET, nor by a method that nobody thought of."""
    for method in ("GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        allowed = {route: 401 if takes(method, example) else 405 for route, example in EXAMPLES.items()}
        assert statuses(walk(server, {}, method=method)) == allowed, method


def takes(method: str, example: Example) -> bool:
    """Whether the application has a route of a method for an address."""
    path = example.path.partition("?")[0]
    return any(route[0] == method and compile_path(route[1])[0].fullmatch(path) for route in EXAMPLES)


def test_a_stranger_is_refused(server: TestClient, fleet: Runtime) -> None:
    """Who is signed in without a role sees nothing, by bearer token or by cookie."""
    assert statuses(walk(server, headers("stranger"))) == all_of(403)
    assert statuses(walk(server, browser("stranger"))) == all_of(403)


def test_who_may_read_reads(server: TestClient, fleet: Runtime) -> None:
    """A viewer reads every page, by bearer token or cookie, and changes nothing."""
    wanted = {route: 403 if example.changes else example.viewer for route, example in EXAMPLES.items()}
    for given in (headers("viewer"), browser("viewer"), headers("viewer", **HTML)):
        assert statuses(walk(server, given)) == wanted


def test_the_user_of_another_dag_sees_nothing(
    server: TestClient, fleet: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may do all with churn learns nothing of fraud: neither from its own pages nor from lists."""
    owning(monkeypatch, "churn")
    for given in (headers("admin"), browser("admin")):
        for route, answer in walk(server, given).items():
            example = EXAMPLES[route]
            allowed = {403, 404} if example.of_fraud else {200}
            assert answer.status_code in allowed, (route, answer.status_code)
            assert "fraud" not in answer.text.replace(example.path, ""), route


def test_the_owner_is_let_in(server: TestClient, fleet: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may do all with fraud gets every answer."""
    owning(monkeypatch, "fraud")
    wanted = {route: example.owner or example.viewer for route, example in EXAMPLES.items()}
    assert statuses(walk(server, headers("admin"))) == wanted


ELSEWHERE: Sequence[Mapping[str, str]] = (
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


def test_a_change_is_asked_for_from_here(server: TestClient, fleet: Runtime) -> None:
    """What changes something is refused to the cookie of an admin who looks at a page of another origin."""
    for given in ELSEWHERE:
        answers = walk(server, {**browser("admin"), **given}, method="POST")
        refused = {route: answers[route].status_code for route in EXAMPLES if route[0] == "POST"}
        assert refused == dict.fromkeys(refused, 403), given


def test_every_page_is_confined(server: TestClient, fleet: Runtime) -> None:
    """Every HTML answer, refusals too, has the strict policy; a stored report has an origin of its own."""
    pages = 0
    for role in ("nobody", "stranger", "viewer", "admin"):
        for route, answer in walk(server, browser(role)).items():
            if answer.headers.get("content-type", "").startswith("text/html"):
                sandboxed = EXAMPLES[route].sandboxed and answer.status_code == 200
                wanted, pages = REPORT if sandboxed else HEADERS, pages + 1
                assert {name: answer.headers[name] for name in wanted} == wanted, route
    assert pages > len(EXAMPLES)
    assert "allow-same-origin" not in REPORT["Content-Security-Policy"]
    assert "sandbox" in REPORT["Content-Security-Policy"]
