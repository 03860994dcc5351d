"""What people do from the pages, inside Airflow's own API server: who may, from where, how often, and with what."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from monitoring_tasks.runtime import Runtime
from tests.ui.acting import FORMS, nothing_changed, only, post
from tests.ui.retraining_dags import DAG, retrainable, runs
from tests.ui.server import browser, headers
from tests.ui.world import INCIDENT

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

__all__ = ["only", "post", "retrainable"]
pytestmark = pytest.mark.xdist_group("airflow")


@pytest.mark.parametrize(("role", "status"), [("nobody", 401), ("stranger", 403), ("viewer", 403)])
def test_who_may_not_changes_nothing(
    post: Callable[..., Response], retrainable: Runtime, role: str, status: int
) -> None:
    """Anonymous callers, people without a role and those who may only look are refused."""
    assert {path: post(path, role=role).status_code for path in FORMS} == dict.fromkeys(FORMS, status)
    assert nothing_changed(retrainable)


def test_the_user_of_another_dag_learns_nothing(
    post: Callable[..., Response], retrainable: Runtime, only: Callable[..., None]
) -> None:
    """To whoever may change another model alone, incident and model are not there."""
    only("monitor_quiet", "retrain_quiet")
    assert {path: post(path).status_code for path in FORMS} == dict.fromkeys(FORMS, 404)
    assert nothing_changed(retrainable)


def test_who_sees_it_and_may_not_change_it_is_refused(
    post: Callable[..., Response], retrainable: Runtime, only: Callable[..., None]
) -> None:
    """Seeing a model is no permission to act on it."""
    only("monitor_fraud", "retrain_fraud", methods=("GET",))
    assert {path: post(path).status_code for path in FORMS} == dict.fromkeys(FORMS, 403)
    assert nothing_changed(retrainable)


@pytest.mark.parametrize("path", FORMS)
def test_the_owner_may(
    post: Callable[..., Response], retrainable: Runtime, only: Callable[..., None], path: str
) -> None:
    """Who may change just this model's DAGs does it, and is sent to a page of these that says so."""
    only("monitor_fraud", "retrain_fraud")
    answer = post(path)
    assert answer.status_code == 303, answer.text
    assert re.match(r"/monitoring/(incident|of-run)/", answer.headers["location"])
    assert not nothing_changed(retrainable)


@pytest.mark.parametrize(
    "sent",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
        {"origin": "http://testserver", "Sec-Fetch-Site": "same-site"},
        {"origin": "http://testserver:8080"},
        {"origin": "http://["},
        {"origin": "https://evil.example", "Authorization": "Basic YWRtaW46YWRtaW4="},
        {"origin": "https://evil.example", "Authorization": "Bearer"},
    ],
)
def test_another_origin_changes_nothing(
    post: Callable[..., Response], retrainable: Runtime, sent: dict[str, str]
) -> None:
    """A form on another page, sent with the cookie of whoever looks at it, is refused."""
    assert {path: post(path, **sent).status_code for path in FORMS} == dict.fromkeys(FORMS, 403)
    assert nothing_changed(retrainable)


def test_a_cookie_without_an_origin_changes_nothing(server: TestClient, retrainable: Runtime) -> None:
    """A browser names the origin of each POST: one without is none of a page of ours."""
    sent = {name: value for name, value in browser("admin").items() if name != "Origin"}
    for path, form in FORMS.items():
        assert server.post(path, data=form, headers=sent, follow_redirects=False).status_code == 403
    assert nothing_changed(retrainable)


def test_looking_changes_nothing(server: TestClient, retrainable: Runtime) -> None:
    """A link is no action: GET on an incident's is refused, on a model's it is a page that asks."""
    for path, form in FORMS.items():
        answer = server.get(path, params=form, headers=browser("admin"))
        assert answer.status_code == (405 if "/incident/" in path else 200)
    assert nothing_changed(retrainable)


def test_a_program_is_answered_in_json(server: TestClient, retrainable: Runtime) -> None:
    """With a bearer token and a JSON body the same is done; it needs no origin, for no other page moves it."""
    answer = server.post(
        f"/monitoring/incident/{INCIDENT}/mute", json={"reason": "a campaign", "for": "7d"}, headers=headers("op")
    )
    assert (answer.status_code, answer.json()) == (200, {"id": INCIDENT, "state": "muted"})
    answer = server.post("/monitoring/model/monitor_fraud/retrain", json={"reason": "it drifts"}, headers=headers("op"))
    (run,) = runs()
    assert answer.json() == {"dag_id": DAG, "run_id": run.run_id, "requested": True}


FORM, JSON = "application/x-www-form-urlencoded", "application/json"
UNREADABLE = (
    (b"{", JSON, 400),
    (b"[1]", JSON, 400),
    (b'{"reason": 3}', JSON, 400),
    (b'{"reason": {"a": 1}}', JSON, 400),
    (b"[" * 60_000, JSON, 400),
    (b"\xff\xfe=1", FORM, 400),
    (b"&".join(b"a%d=1" % number for number in range(30)), FORM, 400),
    (b"reason=" + b"x" * 70_000, FORM, 413),
    (b"<reason/>", "text/xml", 415),
    (b"--b\r\n\r\n--b--", "multipart/form-data; boundary=b", 415),
)


def test_a_body_that_cannot_be_read_is_said(server: TestClient, retrainable: Runtime) -> None:
    """What is broken, too large or of another kind is refused, and never an error of the server."""
    path = f"/monitoring/incident/{INCIDENT}/acknowledge"
    for body, kind, status in UNREADABLE:
        answer = server.post(path, content=body, headers={**headers("op"), "Content-Type": kind})
        assert answer.status_code == status, answer.text
        assert len(answer.json()["detail"]) < 200
    assert nothing_changed(retrainable)


def test_half_a_character_is_no_error(server: TestClient, retrainable: Runtime) -> None:
    """JSON can hold halves of characters, which no database stores: they are blanks."""
    sent = {**headers("op"), "Content-Type": "application/json"}
    path = f"/monitoring/incident/{INCIDENT}/acknowledge"
    answer = server.post(path, content=b'{"reason": "a\\ud800b\\u0000c"}', headers=sent)
    assert answer.status_code == 200
    assert retrainable.store.transitions(INCIDENT)[-1].reason == "a b c"
