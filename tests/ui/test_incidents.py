"""The pages of incidents inside Airflow's own API server: who sees which, and how much of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from monitoring_tasks.incidents.incident import Incident, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import Letter, Transition
from monitoring_tasks.views.incident import PAGE
from tests.ui.acting import keep, only
from tests.ui.server import HTML, headers
from tests.ui.world import INCIDENT, dag, incident, window

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

__all__ = ["only"]
pytestmark = pytest.mark.xdist_group("airflow")
FAILED = "failed-0123456789abcdef"


def get(server: TestClient, address: str, role: str = "viewer") -> Response:
    """A page as a person's browser asks for it."""
    answer: Response = server.get(f"/monitoring{address}", headers=headers(role, **HTML))
    return answer


def shared() -> Incident:
    """An incident of fraud and secret, of whose columns one is secret's alone."""
    (member,) = incident().members
    other = replace(member, name="secret", monitor="secret", owner="board", columns=("salary", "age"))
    reasons = (*incident().reasons, "salary: severe drift, psi 3", "secret and fraud read one table")
    return replace(
        incident(),
        members=(member, other),
        columns=("salary", "age", "spend"),
        anchors=("payroll#salary",),
        reasons=reasons,
    )


@pytest.mark.parametrize(("role", "status"), [("nobody", 401), ("stranger", 403), ("viewer", 200)])
def test_it_is_asked_who_it_is(server: TestClient, world: Runtime, role: str, status: int) -> None:
    """Nobody who is not signed in, or may see nothing, sees an incident."""
    for address in ("/incidents", f"/incident/{INCIDENT}"):
        assert get(server, address, role).status_code == status


def test_an_incident_tells_its_story(server: TestClient, world: Runtime) -> None:
    """Who is concerned by what, why, since when, what happened, and what to do; columns lead to their pages."""
    page = get(server, f"/incident/{INCIDENT}").text
    for said in (
        "fraud: drift in age, spend",
        "age: severe drift, psi 0.9 against 0.2",
        "look at the report, then retrain",
        "opened",
        "2013-04-01 00:03",
        "/monitoring/model/monitor_fraud/column/spend",
        "/monitoring/run/monitor_fraud/",
        "2013-03-31",
        "2013-04-09",
    ):
        assert said in page, said


def test_buttons_are_for_those_who_may(server: TestClient, world: Runtime) -> None:
    """Who may only look reads who may do more; what has no place in its state is not offered."""
    assert "<form" not in get(server, f"/incident/{INCIDENT}").text
    page = get(server, f"/incident/{INCIDENT}", "op").text
    offered = {action: f'/{action}"' in page for action in ("acknowledge", "mute", "unmute", "resolve", "retrain")}
    assert offered == {"acknowledge": True, "mute": True, "unmute": False, "resolve": True, "retrain": True}
    keep(world, replace(incident(), state=State.RESOLVED, resolved=window(39).end, resolution="well again"))
    page = get(server, f"/incident/{INCIDENT}", "op").text
    assert "<form" not in page
    assert "well again" in page


def test_letters_say_whom_they_reached(server: TestClient, world: Runtime) -> None:
    """To which channel, when, or why not; what was given up does not look delivered."""
    at = window(39).end
    first = Letter(
        "k1", "slack:slack_default:#ml", INCIDENT, 1, "opened", incident().severity, ("fraud",), {}, at, at, sent_at=at
    )
    dead = replace(first, key="k2", state="dead", sent_at=None, attempts=8, error="550 <b>no such mailbox</b>")
    later = replace(first, key="k3", state="waiting", sent_at=None, digest=True)
    with world.store.transaction() as transaction:
        for letter in (replace(first, state="sent"), replace(dead, channel="email:smtp_default:a@example.org"), later):
            transaction.post(letter)
    page = get(server, f"/incident/{INCIDENT}").text
    for said in ("slack:slack_default:#ml", "2013-04-10 00:00", "given up, nobody was told: 550 &lt;b&gt;", "8 tries"):
        assert said in page, said
    assert "waits for the digest" in page


def test_a_model_one_may_not_see_has_no_name(server: TestClient, world: Runtime, only: Callable[..., None]) -> None:
    """Neither name nor columns, owner, source or reasons of it are anywhere on a page."""
    keep(world, shared())
    told = Transition(
        INCIDENT, 2, "joined", "open", incident().severity, window(31).end, window(31).end, "", "secret joins"
    )
    with world.store.transaction() as transaction:
        transaction.add_transition(told)
    only("monitor_fraud", "retrain_fraud")
    for address in ("/incidents", f"/incident/{INCIDENT}"):
        page = get(server, address).text
        assert "a model that you may not see" in page or "concerns 1 more that you may not see" in page
        assert not [word for word in ("secret", "salary", "board", "payroll") if word in page]
    assert "a model that you may not see joins" in page
    assert "a model that you may not see and fraud read one table" in page


def test_an_incident_none_of_whose_models_one_sees_is_not_there(
    server: TestClient, world: Runtime, only: Callable[..., None]
) -> None:
    """As one that there is not; in the list it is missing."""
    only("monitor_quiet")
    assert get(server, f"/incident/{INCIDENT}").status_code == 404
    page = get(server, "/incidents").text
    assert INCIDENT not in page
    assert "No incident is open" in page


@pytest.fixture
def canary(world: Runtime) -> Iterator[str]:
    """A DAG over all monitors that Airflow knows, and an incident of it."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    name = "monitoring_canary"
    (member,) = incident().members
    mine = replace(member, name=name, monitor=name, columns=())
    keep(world, replace(incident(), id=FAILED, cause=Cause.FAILED, columns=(), members=(mine,)))
    with create_session() as session:
        session.execute(delete(DagModel).where(DagModel.dag_id == name))
        session.add(dag(name))
    yield name
    with create_session() as session:
        session.execute(delete(DagModel).where(DagModel.dag_id == name))


def test_a_dag_over_all_monitors_is_seen_by_who_sees_it(
    server: TestClient, canary: str, only: Callable[..., None]
) -> None:
    """An incident of a DAG that is no monitor's belongs to those who may see that DAG."""
    page = get(server, f"/incident/{FAILED}", "admin").text
    assert f"{canary}: a run failed" in page
    assert '/acknowledge"' in page
    assert f'href="/dags/{canary}"' in page
    only("monitor_fraud")
    assert get(server, f"/incident/{FAILED}").status_code == 404


def test_incidents_are_chosen_and_turned(server: TestClient, world: Runtime) -> None:
    """Open ones come first; state, owner and cause choose some, and those that ended come a page at a time."""
    ended = [
        replace(
            incident(),
            id=f"data_quality-{number:016x}",
            cause=Cause.DATA_QUALITY,
            state=State.RESOLVED,
            resolved=window(30).end + timedelta(hours=number),
        )
        for number in range(PAGE + 3)
    ]
    keep(world, *ended)
    page = get(server, "/incidents").text
    assert f"1 open, {PAGE + 3} ended" in page
    assert page.index(INCIDENT) < page.index(ended[-1].id) < page.index(ended[-2].id)
    assert ended[0].id not in page
    assert ended[0].id in get(server, "/incidents?number=2").text
    assert ended[-1].id not in get(server, "/incidents?state=open").text
    assert INCIDENT not in get(server, "/incidents?cause=data_quality").text
    assert INCIDENT in get(server, "/incidents?owner=risk&cause=drift").text
    assert "No incident that fits is open" in get(server, "/incidents?owner=nobody").text


def test_hostile_addresses_are_text(server: TestClient, world: Runtime) -> None:
    """What no incident bears is not there, and a query is never an error of the server."""
    evil = quote("<script>alert(1)</script>'\"", safe="")
    for id in ("drift-1", "fraud", evil.replace("%2F", ""), "%01", "%00", ".."):
        answer = get(server, f"/incident/{id}", "admin")
        assert answer.status_code in (200, 404), id
        assert "<script>alert" not in answer.text
        assert INCIDENT not in answer.text
    for query in (f"state={evil}&owner={evil}&cause={evil}&number={evil}", "number=0", "number=-1", "number=99999999"):
        answer = get(server, f"/incidents?{query}")
        assert answer.status_code == 200, query
        assert "<script>alert" not in answer.text
    assert "Done" not in get(server, f"/incident/{INCIDENT}?done={evil}").text
