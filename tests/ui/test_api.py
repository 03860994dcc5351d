"""The JSON API inside Airflow's own API server: what it answers, to whom, and how it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitoring_tasks.orchestration.links import report_path
from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.performance.record import Figure, Interval
from monitoring_tasks.report import report_key
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import RetrainingRecord
from tests.ui.server import HTML, browser, headers
from tests.ui.test_walk import owning
from tests.ui.world import (
    CONFIG,
    DAYS,
    FEATURES,
    INCIDENT,
    NEW,
    OLD,
    PROMOTED,
    entry,
    incident,
    results,
    retrainings,
    subject,
    verdict,
    window,
)

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

pytestmark = pytest.mark.xdist_group("airflow")
API = "/monitoring/api/v1"
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


class Client:
    """Somebody who asks the API."""

    def __init__(self, server: TestClient, role: str = "viewer") -> None:
        self._server, self._role = server, role

    def ask(self, path: str, **given: Any) -> Response:
        """The answer to a GET, whatever it is."""
        return self._server.get(API + path, params=given, headers=headers(self._role))

    def read(self, path: str, **given: Any) -> Any:
        """What a GET finds."""
        answer = self.ask(path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, path: str, key: str, **given: Any) -> Iterator[Any]:
        """Every entry of a list, over all of its pages."""
        following: str | None = ""
        while following is not None:
            found = self.read(path, **given, **({"cursor": following} if following else {}))
            yield from found[key]
            following = found["next"]


@pytest.fixture
def client(server: TestClient, world: Runtime) -> Client:
    """A viewer of the world."""
    return Client(server)


def test_the_document_is_the_committed_one() -> None:
    """What is printed, and nothing else, is what the repository keeps: `make schema` writes it anew."""
    command = [sys.executable, "-m", "monitoring_tasks.ui.api"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == DOCUMENT.read_text(encoding="utf-8"), "run `make schema` and look at what changed"


def test_the_document_is_whole(client: Client) -> None:
    """Each operation has a name of its own, a summary, a tag that is described, and its refusals."""
    found = client.read("/openapi.json")
    assert found == {**json.loads(DOCUMENT.read_text(encoding="utf-8")), "servers": [{"url": "/monitoring"}]}
    operations = [each for path in found["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    for each in operations:
        assert each["summary"]
        assert each["description"]
        assert set(each["tags"]) <= {tag["name"] for tag in found["tags"]}
        assert {"200", "401", "403", "422", "503"} <= set(each["responses"])
        assert all(parameter.get("description") for parameter in each.get("parameters", ())), each["operationId"]
    assert set(found["components"]["securitySchemes"]) == {"bearer", "cookie"}
    assert found["security"] == [{"bearer": []}, {"cookie": []}]


def test_the_document_has_a_page(server: TestClient, client: Client) -> None:
    """It shows every operation and shape, its links lead somewhere, and it loads nothing from elsewhere."""
    page = server.get(f"{API}/docs", headers=headers("viewer", **HTML)).text
    found = client.read("/openapi.json")
    for path, methods in found["paths"].items():
        assert path in page
        assert all(f'id="{each["operationId"]}"' in page for each in methods.values())
    assert all(f'id="{name}"' in page for name in found["components"]["schemas"])
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert f"http://testserver{API}/monitors/churn/verdicts" in page
    assert "http://testserver/auth/token" in page
    assert "example" not in re.findall(r"<script[^>]*src=\"([^\"]+)\"", page)


def test_monitors_are_the_rows_of_the_overview(client: Client) -> None:
    """The worst comes first; one that was never judged is unknown, and its numbers are null, not 0."""
    found = client.read("/monitors")
    rows = {row["monitor"]: row for row in found["monitors"]}
    assert list(rows) == ["fraud", "spam", "quiet", "churn", "secret"]
    assert (found["found"], found["page"], found["pages"]) == (5, 1, 1)
    fraud = rows["fraud"]
    assert (fraud["state"], fraud["severity"], fraud["drifted"]) == ("degraded", "high", 2)
    assert (fraud["columns"], fraud["incidents"], fraud["awaiting"]) == (["age", "spend"], [INCIDENT], 1)
    assert fraud["window"] == {"start": "2013-04-09T00:00:00Z", "end": "2013-04-10T00:00:00Z"}
    assert (fraud["metric"]["metric"], fraud["metric"]["baseline"]) == ("auc", 0.81)
    quiet = rows["quiet"]
    assert quiet["state"] == "unknown"
    assert [quiet[name] for name in ("window", "outcome", "drifted", "features", "metric", "champion")] == [None] * 6


def test_monitors_are_chosen_sorted_and_turned(client: Client) -> None:
    """By text, owner and state, in another order, page by page; beyond the last page there is nothing."""

    def names(**given: Any) -> list[str]:
        return [row["monitor"] for row in client.read("/monitors", **given)["monitors"]]

    assert names(sort="name") == ["churn", "fraud", "quiet", "secret", "spam"]
    assert names(q="AGE") == ["fraud"]
    assert names(owner="risk") == ["fraud"]
    assert names(state="healthy") == ["churn", "secret"]
    assert names(sort="name", limit=2, page=2) == ["quiet", "secret"]
    assert names(sort="name", limit=2, page=9) == []
    assert client.read("/monitors", limit=2)["pages"] == 3


def test_a_monitor_as_it_stands(client: Client) -> None:
    """Its newest verdicts, its open incidents and what waits for people."""
    found = client.read("/monitors/fraud")
    assert found["row"]["monitor"] == "fraud"
    assert found["dags"] == ["monitor_fraud", "performance_fraud", "retrain_fraud"]
    assert found["verdict"]["headline"]["columns"] == ["age", "spend"]
    assert found["performance"]["outcome"] == "degraded"
    assert [each["metric"] for each in found["performance"]["metrics"]] == ["auc", "log_loss"]
    assert [each["id"] for each in found["incidents"]] == [INCIDENT]
    assert [each["state"] for each in found["awaiting"]] == ["awaiting"]
    quiet = client.read("/monitors/quiet")
    assert (quiet["verdict"], quiet["performance"], quiet["incidents"]) == (None, None, [])


def test_every_verdict_is_read_once(client: Client) -> None:
    """Page by page, each window once, the oldest first; the path of each leads to the whole of it."""
    found = list(client.pages("/monitors/churn/verdicts", "verdicts", limit=7))
    assert [each["window"]["start"] for each in found] == [
        f"{window(day).start:%Y-%m-%dT%H:%M:%SZ}" for day in range(DAYS)
    ]
    assert [each["champion"] for each in found] == [OLD] * PROMOTED + [NEW] * (DAYS - PROMOTED)
    whole = client.read(found[-1]["path"])
    assert (whole["champion"], whole["window"], whole["outcome"]) == (NEW, found[-1]["window"], "healthy")


def test_verdicts_of_a_stretch(client: Client) -> None:
    """Windows that lie wholly between start and end; the end belongs to what it ends."""
    found = client.read("/monitors/churn/verdicts", start="2013-03-10", end="2013-03-12T00:00:00+00:00")
    assert [each["window"]["start"][:10] for each in found["verdicts"]] == ["2013-03-10", "2013-03-11"]
    assert found["span"] == {"start": "2013-03-10T00:00:00Z", "end": "2013-03-12T00:00:00Z"}
    assert found["next"] is None
    assert client.read("/monitors/churn/verdicts", start="2014-01-01") == {
        "monitor": "churn",
        "span": None,
        "verdicts": [],
        "next": None,
    }


def test_a_verdict_is_whole(client: Client, world: Runtime) -> None:
    """Its evidence and each check result are what the store holds, segments too; a report only where there is one."""
    path = f"/monitors/fraud/verdicts/{OLD}/2013-04-09T000000_2013-04-10T000000/{CONFIG}"
    found = client.read(path)
    assert found["evidence"] == dict(verdict("fraud", DAYS - 1).evidence)
    assert found["actions"] == ["alert", "retrain"]
    assert found["results"] == [each.to_json() for each in results("fraud", DAYS - 1)]
    assert found["report"] is None
    newest = subject("fraud", DAYS - 1)
    world.store.put(verdict("fraud", DAYS - 1), results("fraud", DAYS - 1), report="somewhere", run={})
    assert client.read(path)["report"] == report_path("monitor_fraud", report_key(newest))


NO_VERDICTS = [
    f"{NEW}/2013-04-09T000000_2013-04-10T000000/{CONFIG}",
    f"{OLD}/2013-04-09T000000_2013-04-11T000000/{CONFIG}",
    f"{OLD}/2013-04-09T000000_2013-04-10T000000/another",
    f"{OLD}/yesterday/{CONFIG}",
    f"a/b/{OLD}/2013-04-10T000000_2013-04-09T000000/{CONFIG}",
]


def test_a_monitor_that_is_not_listed_is_none(
    server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auth manager may list fewer DAGs than it admits one by one, and a DAG may go meanwhile: 404, not a failure."""
    from airflow.api_fastapi.app import get_auth_manager

    monkeypatch.setattr(type(get_auth_manager()), "get_authorized_dag_ids", lambda *_, **__: {"monitor_fraud"})
    assert server.get("/monitoring/api/v1/monitors/churn", headers=headers("viewer")).status_code == 404
    assert server.get("/monitoring/api/v1/monitors/fraud", headers=headers("viewer")).status_code == 200


def test_a_verdict_that_there_is_not(client: Client) -> None:
    """Only the subject of a verdict is an address, exactly."""
    for rest in NO_VERDICTS:
        answer = client.ask(f"/monitors/fraud/verdicts/{rest}")
        assert (answer.status_code, list(answer.json())) == (404, ["detail"]), rest


def test_scores_are_columns_over_windows(client: Client, world: Runtime) -> None:
    """Each list has a place for each window, null where a column was not looked at."""
    found = client.read("/monitors/fraud/scores")
    windows = world.store.window_scores("fraud")
    assert [each["start"] for each in found["windows"]] == [f"{each.start:%Y-%m-%dT%H:%M:%SZ}" for each in windows]
    series = {each["column"]: each for each in found["columns"]}
    assert set(series) == {*FEATURES, "score"}
    for name, column in series.items():
        told = [{score.column: score for score in scores}[name] for scores in windows.values()]
        assert column["score"] == [score.score for score in told]
        assert column["threshold"] == [score.threshold for score in told]
        assert column["missing"] == [score.missing for score in told]
        assert column["status"] == [score.drift for score in told]
    assert (series["score"]["role"], series["age"]["role"]) == ("prediction", "feature")
    day = replace(subject("fraud", DAYS), monitor="fraud")
    only = [each for each in results("fraud", DAYS) if each.column != "age"]
    world.store.put(replace(verdict("fraud", DAYS), subject=day), only, report=None, run={})
    some = client.read("/monitors/fraud/scores", column=["age", "plan"], start="2013-04-09")
    assert [each["column"] for each in some["columns"]] == ["age", "plan"]
    assert some["columns"][0]["score"][1] is None
    assert some["columns"][0]["status"][1] is None


def test_scores_are_read_in_parts(client: Client) -> None:
    """The windows of all parts are all windows, each once."""
    found = list(client.pages("/monitors/fraud/scores", "windows", limit=9))
    assert len(found) == len({each["start"] for each in found}) == DAYS


def test_metrics_by_window(client: Client) -> None:
    """Figures between their limits, with maturity, baseline and estimate; labels that are waited for are no figures."""
    found = list(client.pages("/monitors/fraud/metrics", "windows", limit=11))
    assert len(found) == DAYS
    first, last = found[0], found[-1]
    assert first["maturity"]["coverage"] == 0.95
    assert first["metrics"][0] == {
        "metric": "auc",
        "segment": "",
        "rows": 1000,
        "figure": {"value": 0.8, "low": 0.79, "high": 0.81},
        "estimate": {"value": 0.8, "low": 0.78, "high": 0.82},
        "baseline": 0.81,
        "drop": pytest.approx(0.01),
        "limit": 0.02,
        "relative": False,
        "status": "passed",
        "reason": "",
    }
    assert (last["outcome"], last["metrics"]) == ("labels_immature", [])


def test_metrics_of_segments_and_of_before(client: Client, world: Runtime) -> None:
    """With segments, those of all rows come first; as known at a moment, later versions do not count."""
    later = entry("fraud", 0, known_after=20)
    undefined = Figure("auc", "", 1000, Interval(float("nan")), reason="one class only")
    said = replace(later.restatement, figures=(undefined, *later.restatement.figures[1:]))
    world.store.put_performance(replace(later, restatement=said))
    day = {"start": "2013-03-01", "end": "2013-03-02"}
    (now,) = client.read("/monitors/fraud/metrics", **day)["windows"]
    assert (now["known_at"], now["metrics"][0]["figure"]["value"]) == ("2013-03-22T00:00:00Z", None)
    (before,) = client.read("/monitors/fraud/metrics", **day, known_by="2013-03-15T12:00:00.5Z")["windows"]
    assert (before["known_at"], before["metrics"][0]["figure"]["value"]) == ("2013-03-12T00:00:00Z", 0.8)
    assert client.read("/monitors/fraud/metrics", **day, known_by="2013-03-05")["windows"] == []
    (whole,) = client.read("/monitors/fraud/metrics", **day, segments=True, known_by="2013-03-15")["windows"]
    assert [(each["metric"], each["segment"]) for each in whole["metrics"]] == [
        ("auc", ""),
        ("log_loss", ""),
        ("auc", "plan=pro"),
    ]
    parts = list(client.pages("/monitors/fraud/metrics", "windows", limit=9, segments=True))
    assert len(parts) == DAYS


def test_every_version_of_a_window(client: Client, world: Runtime) -> None:
    """How what is known changed while labels came in; a window of which nothing is known is none."""
    world.store.put_performance(entry("fraud", 0, known_after=20))
    found = client.read("/monitors/fraud/metrics/history", window="2013-03-01/2013-03-02")
    assert [(each["version"], each["known_at"][:10]) for each in found["restatements"]] == [
        (1, "2013-03-12"),
        (2, "2013-03-22"),
    ]
    assert found["restatements"][0]["figures"][0]["against"]["champion"]["baseline"] == 0.81
    assert client.ask("/monitors/fraud/metrics/history", window="2012-03-01/2012-03-02").status_code == 404


def rollback(**changes: Any) -> RetrainingRecord:
    """A rollback of churn after the world's last verdict was written."""
    now = datetime.now(UTC) + timedelta(days=1)
    own = {"run": "back", "state": "rolled_back", "placed": OLD, "challenger": None, "closed_at": now}
    return replace(retrainings()[0], **{**own, "outcome": f"{OLD} is champion again", **changes})


def test_champions(client: Client, world: Runtime) -> None:
    """The one in use since when, and what put champions in place, the newest first."""
    found = client.read("/monitors/churn/champions")
    assert found["champion"] == {"version": NEW, "since": "2013-03-21T00:00:00Z", "at_least": False}
    assert [(each["kind"], each["version"], each["replaced"]) for each in found["promotions"]] == [
        ("promotion", NEW, OLD)
    ]
    assert client.read("/monitors/spam/champions")["champion"] == {
        "version": OLD,
        "since": "2013-03-01T00:00:00Z",
        "at_least": True,
    }
    assert client.read("/monitors/quiet/champions")["champion"] is None
    world.store.put_retraining(rollback())
    found = client.read("/monitors/churn/champions")
    assert (found["champion"]["version"], found["promotions"][0]["kind"]) == (OLD, "rollback")
    world.store.put_retraining(rollback(monitor="quiet"))
    assert client.read("/monitors/quiet/champions")["champion"]["version"] == OLD


def test_retrainings(client: Client, world: Runtime) -> None:
    """The newest request first, chosen by state, in parts; the cursor of a record that is gone is refused."""
    for number in range(5):
        asked = window(number).start
        world.store.put_retraining(rollback(run=f"run-{number}", state="failed", requested_at=asked))
    found = list(client.pages("/monitors/churn/retrainings", "retrainings", limit=2))
    assert [each["run"] for each in found] == ["retrain__promoted", *(f"run-{number}" for number in range(4, -1, -1))]
    (promoted,) = client.read("/monitors/churn/retrainings", state=["promoted", "awaiting"])["retrainings"]
    assert (promoted["placed"], promoted["open"], promoted["training"]) == (NEW, False, None)
    answer = client.ask("/monitors/churn/retrainings", cursor="gone")
    assert (answer.status_code, answer.json()["detail"].partition(":")[0]) == (422, "cursor")


def put_incident(world: Runtime, **changes: Any) -> None:
    """One more incident."""
    with world.store.transaction() as transaction:
        transaction.put_incident(replace(incident(), **changes))


def test_incidents_are_chosen(client: Client, world: Runtime) -> None:
    """By state, cause, urgency and monitor, the newest first."""
    from monitoring_tasks.incidents.incident import State
    from monitoring_tasks.severity import Severity

    put_incident(world, id="drift-1", state=State.RESOLVED, opened=window(3).end, resolved=window(5).end)
    put_incident(world, id="drift-2", severity=Severity.LOW, opened=window(2).end)

    def ids(**given: Any) -> list[str]:
        return [each["id"] for each in client.read("/incidents", **given)["incidents"]]

    assert ids() == [INCIDENT, "drift-1", "drift-2"]
    assert ids(open=True) == [INCIDENT, "drift-2"]
    assert ids(state="resolved") == ["drift-1"]
    assert ids(severity="medium", open=True) == [INCIDENT]
    assert ids(cause="labels") == []
    assert ids(monitor="churn") == []
    assert [each["id"] for each in client.pages("/incidents", "incidents", limit=1)] == ids()


def test_hidden_members_are_left_out(server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may see one of an incident's two models learns of the other only that there is one."""
    own = incident().members[0]
    other = replace(own, name="secret", monitor="secret", owner="board", columns=("salary",))
    reasons = ("salary: severe drift of secret", "age: severe drift, psi 0.9 against 0.2")
    columns, anchors = ("salary", "age", "spend"), ("secret#salary", "fraud#age")
    put_incident(world, members=(own, other), reasons=reasons, columns=columns, anchors=anchors)
    owning(monkeypatch, "fraud")
    client = Client(server)
    for found in (client.read(f"/incidents/{INCIDENT}"), client.read("/incidents")["incidents"][0]):
        assert ([each["monitor"] for each in found["members"]], found["hidden"]) == (["fraud"], 1)
        assert found["columns"] == ["age", "spend"]
        assert "secret" not in json.dumps(found)
        assert "salary" not in json.dumps(found)
    assert client.read("/incidents", monitor="secret")["incidents"] == []
    told = server.post(f"{API}/incidents/{INCIDENT}/acknowledge", json={}, headers=headers("admin"))
    assert told.status_code == 403
    assert "secret" not in told.text


def test_what_happened_to_an_incident(client: Client, server: TestClient) -> None:
    """Everything in order, what somebody does through the API too."""
    done = server.post(
        f"{API}/incidents/{INCIDENT}/mute", json={"reason": "known", "for": "7d"}, headers=headers("admin")
    )
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["mute"]["reason"]) == ("muted", "known")
    found = client.read(f"/incidents/{INCIDENT}/transitions")["transitions"]
    assert [(each["event"], each["by"]) for each in found] == [("opened", ""), ("muted", "admin")]


OUT_OF_PLACE: Sequence[tuple[str, Mapping[str, Any], int]] = [
    ("unmute", {}, 400),
    ("mute", {"reason": "no end"}, 400),
    ("mute", {"reason": "for ever", "for": "99999w"}, 400),
    ("resolve", {}, 400),
    ("explode", {}, 422),
    ("acknowledge", {"reason": 5}, 400),
    ("acknowledge", {"reason": "a" * 1001}, 400),
    ("acknowledge", {"reason": "a" * 70_000}, 413),
]


def test_what_has_no_place_is_refused(server: TestClient, client: Client) -> None:
    """Nothing changes, and a sentence says why."""
    for action, body, status in OUT_OF_PLACE:
        answer = server.post(f"{API}/incidents/{INCIDENT}/{action}", json=body, headers=headers("admin"))
        assert (answer.status_code, list(answer.json())) == (status, ["detail"]), answer.text
        assert client.read(f"/incidents/{INCIDENT}")["state"] == "open"


def test_who_may_not_edit_does_nothing(server: TestClient, client: Client) -> None:
    """A viewer reads an incident and does nothing about it; a form of another origin does neither."""
    path = f"{API}/incidents/{INCIDENT}/acknowledge"
    assert server.post(path, json={}, headers=headers("viewer")).status_code == 403
    assert server.post(path, json={}, headers=browser("admin", origin="http://elsewhere")).status_code == 403
    assert (
        server.post(path, content=b"<a/>", headers=headers("admin", **{"Content-Type": "text/xml"})).status_code == 415
    )
    assert client.read(f"/incidents/{INCIDENT}")["state"] == "open"


def test_a_hidden_monitor_is_none(server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer about a monitor that one may not see is the answer about one that there is not."""
    owning(monkeypatch, "churn")
    client = Client(server)
    for rest in ("", "/verdicts", "/scores", "/metrics", "/champions", "/retrainings"):
        hidden, absent = client.ask(f"/monitors/fraud{rest}"), client.ask(f"/monitors/absent{rest}")
        assert hidden.status_code == absent.status_code == 404
        assert hidden.json() == absent.json()
        assert client.ask(f"/monitors/churn{rest}").status_code == 200


def test_a_monitor_without_a_file_is_none(client: Client) -> None:
    """Where the file of its DAG is gone, a monitor is seen no more; its name alone reaches no database."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        dag = session.get(DagModel, "monitor_spam")
        assert dag is not None
        dag.is_stale = True
    for name in ("spam", "Spam", "a" * 64, "%F0%9F%92%A9", "a%00"):
        assert client.ask(f"/monitors/{name}").status_code == 404


MISASKED = [
    ("/monitors?limit=0", "limit"),
    ("/monitors?limit=1001", "limit"),
    ("/monitors?limit=99999999999999999999999", "limit"),
    ("/monitors?page=0", "page"),
    ("/monitors?sort=shoe", "sort"),
    ("/monitors?state=fine", "state"),
    (f"/monitors?q={'a' * 201}", "q"),
    ("/monitors?q=%00", "NUL"),
    ("/monitors/churn/verdicts?start=yesterday", "start"),
    ("/monitors/churn/verdicts?start=0000-01-01", "start"),
    ("/monitors/churn/verdicts?end=9999-12-31T23:59:59-12:00", "end"),
    ("/monitors/churn/verdicts?start=2013-03-02&end=2013-03-01", "start"),
    ("/monitors/churn/verdicts?start=2013-03-01&end=2013-03-02T00:00:00.5", "start"),
    ("/monitors/churn/verdicts?start=2013-03-01&end=2014-06-01", "400 days"),
    ("/monitors/churn/verdicts?cursor=2013-03-01", "cursor"),
    ("/monitors/churn/verdicts?cursor=2013-03-02/2013-03-01", "cursor"),
    ("/monitors/churn/verdicts?cursor=a/b", "cursor"),
    ("/monitors/churn/metrics?known_by=1e999", "known_by"),
    ("/monitors/churn/metrics?segments=perhaps", "segments"),
    ("/monitors/churn/metrics/history", "window"),
    ("/monitors/churn/metrics/history?window=2013-03-01", "window"),
    ("/monitors/churn/retrainings?state=lost", "state"),
    ("/incidents?cause=weather", "cause"),
    ("/incidents?severity=5", "severity"),
]


def test_a_parameter_that_cannot_be_is_named(server: TestClient, world: Runtime) -> None:
    """The answer is 422 with a sentence that names it, in JSON even to a browser."""
    for path, named in MISASKED:
        answer = server.get(API + path, headers=headers("viewer", **HTML))
        assert answer.status_code == 422, path
        assert named in answer.json()["detail"], path
        assert answer.headers["content-type"] == "application/json", path
        assert "Value error" not in answer.text, path


def test_a_monitor_that_was_never_judged_has_empty_lists(client: Client) -> None:
    """No window is no failure."""
    for rest, key in (("verdicts", "verdicts"), ("scores", "windows"), ("metrics", "windows")):
        found = client.read(f"/monitors/quiet/{rest}")
        assert (found["span"], found[key], found["next"]) == (None, [], None)
        assert client.read(f"/monitors/quiet/{rest}", segments=True)[key] == []


def test_answers_are_kept_by_nobody(client: Client) -> None:
    """An answer is private and taken for nothing but JSON; a refusal too."""
    for path in ("/monitors", "/monitors/absent", "/monitors?limit=0", "/nothing"):
        answer = client.ask(path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_store_that_is_away_is_told(server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is a temporary failure, without the password of the database."""
    world.store.close()
    monkeypatch.setenv("MONITORING_STORE", "postgresql+psycopg2://reader:secret@127.0.0.1:9/none")
    airflow_runtime.cache_clear()
    answer = Client(server).ask("/monitors/churn/verdicts")
    assert answer.status_code == 503
    assert "secret" not in answer.text
