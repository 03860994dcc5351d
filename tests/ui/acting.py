"""Forms that people send from the pages, and what they change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from monitoring_tasks.incidents.incident import Incident
from monitoring_tasks.runtime import Runtime
from tests.ui.retraining_dags import runs
from tests.ui.server import browser
from tests.ui.world import INCIDENT, OLD, incident

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

FORMS: dict[str, dict[str, str]] = {
    f"/monitoring/incident/{INCIDENT}/acknowledge": {"reason": "on it"},
    f"/monitoring/incident/{INCIDENT}/mute": {"reason": "a campaign", "for": "7d"},
    f"/monitoring/incident/{INCIDENT}/resolve": {"reason": "mended"},
    "/monitoring/model/monitor_fraud/retrain": {"reason": "it drifts", "nonce": "one"},
    "/monitoring/model/monitor_fraud/rollback": {"reason": "worse", "champion": OLD, "nonce": "one"},
}
"""Every action with a form that is sound."""


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let everybody who is signed in see and change just some DAGs."""
    from airflow.api_fastapi.app import get_auth_manager

    def owned(*dag_ids: str, methods: tuple[str, ...] = ("GET", "POST", "PUT")) -> None:
        def owns(self: object, *, method: str, details: Any = None, **_: object) -> bool:
            return details is not None and details.id in dag_ids and method in methods

        monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", owns)

    return owned


@pytest.fixture
def post(server: TestClient, retrainable: Runtime) -> Callable[..., Response]:
    """Send a form as a person's browser does; what it answers is not followed."""

    def sent(path: str, form: dict[str, str] | None = None, *, role: str = "admin", **more: str) -> Response:
        given = FORMS[path] if form is None else form
        answer: Response = server.post(path, data=given, headers=browser(role, **more), follow_redirects=False)
        return answer

    return sent


def state(runtime: Runtime) -> str:
    """How the incident of the world stands."""
    found = runtime.store.incident(INCIDENT)
    assert found is not None
    return found.state.value


def nothing_changed(runtime: Runtime) -> bool:
    """Whether incident and runs are as they were."""
    return runtime.store.incident(INCIDENT) == incident() and runs() == []


def keep(runtime: Runtime, *incidents: Incident) -> None:
    """Put incidents into the store."""
    with runtime.store.transaction() as transaction:
        for each in incidents:
            transaction.put_incident(each)
