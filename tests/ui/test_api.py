"""The JSON API inside Airflow's own API server: what it answers, to whom, and how it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.runtime import Runtime
from tests.ui.api_client import API, Client, client
from tests.ui.server import HTML, headers
from tests.ui.test_walk import owning
from tests.ui.world import INCIDENT

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

__all__ = ["client"]
pytestmark = pytest.mark.xdist_group("airflow")
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"


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


def test_a_monitor_that_is_not_listed_is_none(
    server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auth manager may list fewer DAGs than it admits one by one, and a DAG may go meanwhile: 404, not a failure."""
    from airflow.api_fastapi.app import get_auth_manager

    monkeypatch.setattr(type(get_auth_manager()), "get_authorized_dag_ids", lambda *_, **__: {"monitor_fraud"})
    assert server.get("/monitoring/api/v1/monitors/churn", headers=headers("viewer")).status_code == 404
    assert server.get("/monitoring/api/v1/monitors/fraud", headers=headers("viewer")).status_code == 200


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
