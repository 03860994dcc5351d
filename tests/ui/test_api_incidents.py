"""Incidents in the JSON API: which are told of, to whom, and what is done about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from monitoring_tasks.runtime import Runtime
from tests.ui.api_client import API, Client, client
from tests.ui.server import browser, headers
from tests.ui.test_walk import owning
from tests.ui.world import (
    INCIDENT,
    incident,
    window,
)

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

__all__ = ["client"]
pytestmark = pytest.mark.xdist_group("airflow")


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
