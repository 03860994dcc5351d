"""Alertmanager's webhook inside Airflow's own API server: which alert asks for a run, who may, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from monitoring_tasks.monitor_file import load_monitor
from monitoring_tasks.orchestration.run_request import forced, origin_of, reason_of, retraining_facts, window_end_of
from monitoring_tasks.orchestration.tasks import run_facts
from monitoring_tasks.runtime import Runtime
from tests.ui.retraining_dags import DAG, pause, retrainable, runs
from tests.ui.server import browser, headers
from tests.ui.world import DAYS, window

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi.testclient import TestClient

__all__ = ["retrainable"]
pytestmark = pytest.mark.xdist_group("airflow")
PATH = "/monitoring/api/v1/alertmanager"
TOKEN = "webhook-0123456789abcdef"
STARTED = "2013-04-10T06:00:00.123Z"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configured webhook token."""
    monkeypatch.setenv("MONITORING_WEBHOOK_TOKEN", TOKEN)


def alert(*, monitor: str = "fraud", status: str = "firing", action: str = "retrain", **more: Any) -> dict[str, Any]:
    """An alert as Alertmanager tells it."""
    labels = {"alertname": "PerformanceDrop", "monitor": monitor, "severity": "high", "action": action}
    return {
        "status": status,
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {"summary": "fraud: 1 metrics are worse than in the champion's reference"},
        "startsAt": STARTED,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": "0c5f1ae1b2a8c3d4",
        **more,
    }


def notification(*alerts: dict[str, Any]) -> dict[str, Any]:
    """A notification of several alerts."""
    return {
        "version": "4",
        "groupKey": '{}/{action="retrain"}:{}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "retraining",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
    }


@pytest.fixture
def post(server: TestClient) -> Callable[..., Any]:
    """What Alertmanager does: it posts alerts with its token."""

    def posting(*alerts: dict[str, Any], given: dict[str, str] | None = None) -> Any:
        sent = {"Authorization": f"Bearer {TOKEN}"} if given is None else given
        return server.post(PATH, headers=sent, json=notification(*alerts))

    return posting


def told(answer: Any) -> list[str]:
    """What became of each alert."""
    assert answer.status_code == 200, answer.text
    return [each["result"] for each in answer.json()["alerts"]]


def test_an_alert_asks_for_one_run(retrainable: Runtime, post: Callable[..., Any]) -> None:
    """However often it is told; the run says which alert asked, and up to which window."""
    assert [told(post(alert())) for _ in range(3)] == [["requested"], ["known"], ["known"]]
    (run,) = runs()
    assert (str(run.run_type), str(run.state), run.triggering_user_name) == ("manual", "queued", "alertmanager")
    assert run.run_id == post(alert()).json()["alerts"][0]["run_id"]
    assert run.conf["reason"].startswith("alert PerformanceDrop since 2013-04-10T06:00:00")
    assert run.conf["reason"].endswith("worse than in the champion's reference")
    assert run.conf["window_end"] == "2013-04-10T00:00:00Z"


def test_the_run_is_admitted_as_one_of_drift_is(retrainable: Runtime, post: Callable[..., Any], monitors: Path) -> None:
    """It overrides neither cooldown nor budget, and its window ends where the newest verdict's does."""
    post(alert())
    (run,) = runs()
    facts = retraining_facts(run_facts(run, run.conf), run.conf)
    assert origin_of(facts) == "alert"
    assert not forced(facts)
    assert reason_of(facts) == run.conf["reason"]
    assert window_end_of(load_monitor(monitors / "fraud.yaml"), facts) == window(DAYS - 1).end


def test_the_same_rule_again_later_is_another_run(retrainable: Runtime, post: Callable[..., Any]) -> None:
    """An alert that was resolved and fires anew, or another alert, asks anew; whether it is admitted is the run's."""
    first = alert()
    again = alert(startsAt="2013-04-12T06:00:00Z")
    other = alert(fingerprint="ffff")
    assert told(post(first, again, other, first)) == ["requested", "requested", "requested", "known"]
    assert len({run.run_id for run in runs()}) == 3


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (alert(status="resolved"), "ignored"),
        (alert(action=""), "ignored"),
        (alert(action="page"), "ignored"),
        (alert(monitor="nobody"), "unknown_monitor"),
        (alert(monitor=""), "unknown_monitor"),
        (alert(monitor="../fraud"), "unknown_monitor"),
        (alert(monitor="fraud'; DROP TABLE dag_run; --"), "unknown_monitor"),
        (alert(monitor="\0" * 5000), "unknown_monitor"),
        (alert(monitor="churn"), "refused"),  # its DAG is known to Airflow, which has not read it yet
    ],
)
def test_what_asks_for_nothing(
    retrainable: Runtime, post: Callable[..., Any], given: dict[str, Any], result: str
) -> None:
    """It is told in the answer, alert by alert, and no run is made; the others of the same notification count."""
    assert told(post(given, alert())) == [result, "requested"]
    assert [run.dag_id for run in runs()] == [DAG]


def test_a_monitor_that_is_never_retrained(retrainable: Runtime, post: Callable[..., Any]) -> None:
    """A monitor without the section has no such DAG; the answer says so."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == "retrain_quiet").values(is_stale=True))
    answer = post(alert(monitor="quiet"))
    assert told(answer) == ["no_retraining"]
    assert "no section retraining" in answer.json()["alerts"][0]["detail"]


def test_a_run_waits_while_its_dag_is_off(retrainable: Runtime, post: Callable[..., Any]) -> None:
    """Switched off, the DAG keeps the run until somebody switches it on: nothing is lost."""
    pause()
    assert told(post(alert())) == ["requested"]
    assert [str(run.state) for run in runs()] == ["queued"]


@pytest.mark.parametrize(
    ("role", "status"), [("nobody", 401), ("stranger", 403), ("viewer", 403), ("user", 200), ("admin", 200)]
)
def test_a_person_needs_the_right_to_start_runs(
    retrainable: Runtime, post: Callable[..., Any], role: str, status: int
) -> None:
    """Of each retraining that is asked for; nothing is requested where one is refused."""
    answer = post(alert(), given=headers(role))
    assert answer.status_code == status, answer.text
    assert [run.triggering_user_name for run in runs()] == ([role] if status == 200 else [])


def test_one_dag_that_is_not_hers_refuses_all(
    retrainable: Runtime, post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who may see two models and start runs of one gets no half of a notification done."""
    from airflow.api_fastapi.app import get_auth_manager

    def owns(self: object, *, method: str, details: Any = None, **_: object) -> bool:
        return method == "GET" or (details is not None and details.id == DAG)

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", owns)
    assert post(alert(), alert(monitor="churn"), given=headers("user")).status_code == 403
    assert runs() == []
    assert told(post(alert(), given=headers("user"))) == ["requested"]


def test_another_origin_moves_nobody(retrainable: Runtime, server: TestClient) -> None:
    """A page elsewhere cannot use the cookie of whoever looks at it."""
    foreign = browser("admin", origin="https://elsewhere.example")
    assert server.post(PATH, headers=foreign, json=notification(alert())).status_code == 403
    assert runs() == []


@pytest.mark.parametrize("given", [TOKEN[:-1], "x" * 24, "scrape-0123456789abcdef"])
def test_another_token_is_refused(retrainable: Runtime, post: Callable[..., Any], given: str) -> None:
    """Only the webhook's own token, the one of the scrape not either."""
    assert post(alert(), given={"Authorization": f"Bearer {given}"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{}", 422),
        (b"[]", 422),
        (b'{"version": "3", "alerts": []}', 422),
        (b'{"version": "4", "alerts": [{}]}', 422),
        (b'{"version": "4", "alerts": []}', 200),
        (b"\xff\xfe", 422),
        (b'{"version": "4", "alerts": "' + b"x" * 2_100_000, 413),
    ],
)
def test_what_is_no_notification(retrainable: Runtime, server: TestClient, body: bytes, status: int) -> None:
    """The answer says what is wrong with it, and is no failure of the server."""
    answer = server.post(PATH, headers={"Authorization": f"Bearer {TOKEN}"}, content=body)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "strange",
    [
        {"startsAt": "0001-01-01T00:00:00+14:00"},
        {"startsAt": "9999-12-31T23:59:59-14:00"},
        {"startsAt": "yesterday"},
        {"fingerprint": ""},
        {"fingerprint": "x" * 65},
        {"status": "pending"},
        {"labels": {"monitor": 7}},
    ],
)
def test_strange_alerts_are_refused(retrainable: Runtime, post: Callable[..., Any], strange: dict[str, Any]) -> None:
    """With 422, and none of the notification is done."""
    assert post(alert(), alert(**strange)).status_code == 422
    assert runs() == []


def test_too_many_alerts_are_refused(retrainable: Runtime, post: Callable[..., Any]) -> None:
    """Alertmanager's setting max_alerts cuts them before."""
    assert post(*[alert(status="resolved") for _ in range(2001)]).status_code == 422


def test_long_and_strange_texts_are_cut(retrainable: Runtime, post: Callable[..., Any]) -> None:
    """A reason is one line that a form takes, whatever an annotation holds."""
    answer = post(alert(annotations={"summary": "a\nb\0" + "x" * 10_000}))
    assert told(answer) == ["requested"]
    assert len(runs()[0].conf["reason"]) <= 400
    assert "\n" not in runs()[0].conf["reason"]


def test_alertmanager_tries_again_while_airflow_is_away(
    retrainable: Runtime, post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 is what it sends again; the second time the run is made."""
    from sqlalchemy.exc import OperationalError

    from monitoring_tasks.ui import alertmanager

    def away(*_: object, **__: object) -> bool:
        raise OperationalError("INSERT", {}, Exception("database is locked: secret"))

    with monkeypatch.context() as broken:
        broken.setattr(alertmanager, "request_run", away)
        answer = post(alert())
    assert answer.status_code == 503
    assert "secret" not in answer.text
    assert told(post(alert())) == ["requested"]
