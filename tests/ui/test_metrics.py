"""The metrics inside Airflow's own API server: who may scrape, and what a scrape tells whom."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitoring_tasks.orchestration.runtime import airflow_runtime
from monitoring_tasks.runtime import Runtime
from tests.ui.server import headers
from tests.ui.world import DAYS, MODELS, window

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

pytestmark = pytest.mark.xdist_group("airflow")
PATH = "/monitoring/metrics"
TOKEN = "scrape-0123456789abcdef"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    """A configured scrape token."""
    monkeypatch.setenv("MONITORING_SCRAPE_TOKEN", TOKEN)
    return TOKEN


def bearer(value: str, **more: str) -> dict[str, str]:
    """What a program with a token sends."""
    return {"Authorization": f"Bearer {value}", **more}


def monitors(text: str) -> set[str]:
    """The monitors of a scrape, as another program reads it."""
    found = text_string_to_metric_families(text)
    return {sample.labels["monitor"] for family in found for sample in family.samples if "monitor" in sample.labels}


def test_prometheus_sees_every_monitor(server: TestClient, world: Runtime, token: str) -> None:
    """With the scrape token; the outbox is told of as well."""
    answer = server.get(PATH, headers=bearer(token))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    assert monitors(answer.text) == set(MODELS)
    assert 'monitoring_letters{state="dead"} 0' in answer.text


def test_a_reader_without_gzip_gets_the_same(server: TestClient, world: Runtime, token: str) -> None:
    """Line for line, but for how long it took."""
    packed = server.get(PATH, headers=bearer(token))
    plain = server.get(PATH, headers=bearer(token, **{"Accept-Encoding": "identity"}))
    assert "content-encoding" not in plain.headers
    told = [[line for line in each.text.splitlines() if "_scrape_" not in line] for each in (packed, plain)]
    assert told[0] == told[1]


def test_the_token_may_be_a_connection(server: TestClient, world: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password of the Airflow connection monitoring_scrape, where the environment has none."""
    monkeypatch.delenv("MONITORING_SCRAPE_TOKEN", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_MONITORING_SCRAPE", f'{{"conn_type": "generic", "password": "{TOKEN}"}}')
    assert server.get(PATH, headers=bearer(TOKEN)).status_code == 200
    assert server.get(PATH, headers=bearer(TOKEN + "x")).status_code == 403


@pytest.mark.parametrize(("role", "status"), [("nobody", 401), ("stranger", 403), ("viewer", 200), ("admin", 200)])
def test_a_person_scrapes_as_herself(server: TestClient, world: Runtime, token: str, role: str, status: int) -> None:
    """Signed in, by bearer token or cookie; what belongs to no monitor is not hers to see."""
    given = headers(role)
    cookie = {"Cookie": f"_token={given['Authorization'].removeprefix('Bearer ')}"} if given else {}
    for sent in (given, cookie):
        answer = server.get(PATH, headers=sent)
        assert answer.status_code == status
        assert ("monitoring_outcome" in answer.text) == (status == 200)
        assert "monitoring_letters" not in answer.text


def test_a_person_sees_what_she_may_see(
    server: TestClient, world: Runtime, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor whose DAG is another's is in no line of her scrape, before and after one that saw it all."""
    from airflow.api_fastapi.app import get_auth_manager

    mine = {"monitor_churn", "monitor_fraud"}
    monkeypatch.setattr(type(get_auth_manager()), "get_authorized_dag_ids", lambda *_, **__: mine)
    for _ in range(2):
        text = server.get(PATH, headers=headers("viewer")).text
        assert monitors(text) == {"churn", "fraud"}
        assert "secret" not in text
        assert monitors(server.get(PATH, headers=bearer(token)).text) == set(MODELS)


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN])
def test_what_is_no_bearer_token_is_nobody(server: TestClient, world: Runtime, token: str, given: str) -> None:
    """Neither an empty token nor the right one in another scheme opens anything."""
    assert server.get(PATH, headers={"Authorization": given}).status_code == 401


@pytest.mark.parametrize("given", [TOKEN[:-1], TOKEN.upper(), f"{TOKEN} {TOKEN}", "\xe9" * 20, "a.b.c"])
def test_another_token_is_refused(server: TestClient, world: Runtime, token: str, given: str) -> None:
    """Whatever its characters."""
    assert server.get(PATH, headers={b"Authorization": f"Bearer {given}".encode("latin-1")}).status_code == 403


@pytest.mark.parametrize("short", ["", "x", "fifteen-letters"])
def test_a_short_token_admits_nobody(
    server: TestClient,
    world: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    short: str,
) -> None:
    """One that can be guessed is as none; the log says so, without it."""
    monkeypatch.setenv("MONITORING_SCRAPE_TOKEN", short)
    with caplog.at_level(logging.INFO):
        assert server.get(PATH, headers=bearer(short)).status_code in (401, 403)
        assert server.get(PATH, headers=bearer("anything-else-at-all")).status_code == 403
    refusals = [record.getMessage() for record in caplog.records if "token.refused" in record.getMessage()]
    assert bool(refusals) == bool(short)
    assert not any(short and short in line for line in refusals if len(short) > 1)


def test_no_token_is_logged(server: TestClient, world: Runtime, token: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the right one nor a wrong one."""
    with caplog.at_level(logging.DEBUG):
        server.get(PATH, headers=bearer(token))
        server.get(PATH, headers=bearer("wrong-0123456789abcdef"))
    assert not any(word in record.getMessage() for record in caplog.records for word in (token, "wrong-0123"))


def test_a_schedule_is_as_long_as_airflow_says(server: TestClient, world: Runtime, token: str) -> None:
    """The time between two runs is that of the DAG's next interval; without a next run there is none."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    next_run = window(DAYS)
    ends = {"next_dagrun_data_interval_start": next_run.start, "next_dagrun_data_interval_end": next_run.end}
    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id.like("monitor%")).values(**ends))
        session.execute(update(DagModel).where(DagModel.dag_id == "monitor_quiet").values(next_dagrun=None))
    told = server.get(PATH, headers=bearer(token)).text
    assert 'monitoring_schedule_interval_seconds{monitor="fraud"} 86400.0' in told
    assert 'monitoring_schedule_interval_seconds{monitor="quiet"}' not in told


def test_a_dag_that_is_gone_is_told_no_more(server: TestClient, world: Runtime, token: str) -> None:
    """The store keeps its verdicts; the scrape has the monitors that there are."""
    from tests.ui.world import register

    register(["churn"])
    assert monitors(server.get(PATH, headers=bearer(token)).text) == {"churn"}


def test_a_store_that_is_away_is_told(
    server: TestClient, world: Runtime, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, so that Prometheus counts a failed scrape and no figure looks like health."""
    monkeypatch.setenv("MONITORING_STORE", "postgresql+psycopg2://reader:secret@127.0.0.1:9/none")
    airflow_runtime().store.close()
    airflow_runtime.cache_clear()
    answer = server.get(PATH, headers=bearer(token))
    assert answer.status_code == 503
    assert "secret" not in answer.text


def test_nothing_is_changed_by_it(server: TestClient, world: Runtime, token: str) -> None:
    """The scrape token opens this one address, and for reading alone."""
    refused: list[Any] = [server.request(method, PATH, headers=bearer(token)) for method in ("POST", "PUT", "DELETE")]
    assert {answer.status_code for answer in refused} == {405}
    for path in ("/monitoring/", "/monitoring/incidents", "/api/v2/dags", "/monitoring/api/v1/monitors"):
        assert server.get(path, headers=bearer(token)).status_code == 403
    posted = server.post("/monitoring/api/v1/alertmanager", headers=bearer(token), json={"version": "4", "alerts": []})
    assert posted.status_code == 403
