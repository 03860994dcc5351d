"""What people do with a model from the pages: retrainings and rollbacks, asked for once and of the right champion."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from monitoring_tasks.runtime import Runtime
from tests.ui.acting import only, post
from tests.ui.retraining_dags import DAG, pause, retrainable, runs
from tests.ui.server import browser
from tests.ui.world import NEW, OLD

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

__all__ = ["only", "post", "retrainable"]
pytestmark = pytest.mark.xdist_group("airflow")


def test_a_retraining_is_a_run_of_its_dag(post: Callable[..., Response], server: TestClient) -> None:
    """It says who asked and why, is forced by nobody, and its page says that it waits for its turn."""
    answer = post(
        "/monitoring/model/monitor_fraud/retrain", {"reason": "it <b>drifts</b>", "nonce": "one", "force": "true"}
    )
    (run,) = runs()
    assert (run.triggering_user_name, run.conf, str(run.run_type)) == (
        "admin",
        {"reason": "it <b>drifts</b>"},
        "manual",
    )
    page = server.get(answer.headers["location"], headers=browser("viewer")).text
    assert run.run_id in page
    assert "This run is queued" in page


def test_a_form_that_is_sent_twice_makes_one_run(post: Callable[..., Response]) -> None:
    """Twice the same page is one request; another page is another."""
    path = "/monitoring/model/monitor_fraud/retrain"
    first, second = post(path), post(path)
    assert first.headers["location"] == second.headers["location"]
    assert len(runs()) == 1
    post(path, {"reason": "again", "nonce": "two"})
    assert len(runs()) == 2


def test_a_nonce_is_its_persons(post: Callable[..., Response]) -> None:
    """Two people who send the same nonce have a run each: nobody takes another's request."""
    for role in ("admin", "op"):
        assert post("/monitoring/model/monitor_fraud/retrain", role=role).status_code == 303
    assert [run.triggering_user_name for run in runs()] == ["admin", "op"]


def test_the_page_that_asks_says_what_would_become_of_it(server: TestClient, retrainable: Runtime) -> None:
    """Cooldown, budget and what the first task would say now stand on it, and each page has a nonce of its own."""
    pages = [server.get("/monitoring/model/monitor_fraud/retrain", headers=browser("op")).text for _ in range(2)]
    assert "4 trainings in 90 days" in pages[0]
    assert "is awaiting, and a model has one at a time" in pages[0]
    nonces = {re.search(r'name="nonce" value="([0-9a-f]{16})"', page)[1] for page in pages}  # type: ignore[index]
    assert len(nonces) == 2


def test_without_the_yaml_the_page_says_who_decides(server: TestClient, world: Runtime) -> None:
    """An API server need not have the folder of monitors: then the first task of the run knows."""
    page = server.get("/monitoring/model/monitor_churn/retrain", headers=browser("op"))
    assert page.status_code == 200
    assert "its first task decides" in page.text


@pytest.mark.parametrize("action", ["retrain", "rollback"])
def test_nothing_is_asked_of_a_dag_that_is_paused(
    post: Callable[..., Response], server: TestClient, action: str
) -> None:
    """Its run would wait, and retrain on what is of the past by then: the page says so, and a POST is refused."""
    pause()
    path = f"/monitoring/model/monitor_fraud/{action}"
    page = server.get(path, headers=browser("op")).text
    assert "is paused" in page
    assert "<form" not in page.partition("<main")[2]
    answer = post(path)
    assert answer.status_code == 409
    assert "retrain_fraud is paused" in answer.text
    assert runs() == []


def test_a_rollback_names_both_champions(server: TestClient, retrainable: Runtime) -> None:
    """The page says which champion is in use and which were before it."""
    page = server.get("/monitoring/model/monitor_churn/rollback", headers=browser("op")).text
    assert f'name="champion" value="{NEW}"' in page
    assert f'<option value="{OLD}">' in page
    assert '<option value="previous">' in page


@pytest.mark.parametrize("to", ["previous", "v0.9.0-00112233"])
def test_a_rollback_is_a_run_that_names_its_target(post: Callable[..., Response], to: str) -> None:
    """The DAG is asked for just that champion, whatever is promoted until it runs."""
    post("/monitoring/model/monitor_fraud/rollback", {"reason": "worse", "champion": OLD, "to": to})
    (run,) = runs()
    assert run.conf == {"rollback": to, "reason": "worse"}


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"reason": "worse"}, 400, "champion is missing"),
        ({"champion": OLD}, 400, "reason is missing"),
        ({"reason": "worse", "champion": NEW}, 409, f"{OLD} is in use by now"),
        ({"reason": "worse", "champion": OLD, "to": "--upload-pack=x"}, 400, "is no version"),
        ({"reason": "worse", "champion": OLD, "to": "a b;rm"}, 400, "is no version"),
    ],
)
def test_a_rollback_is_of_the_champion_that_was_shown(
    post: Callable[..., Response], form: dict[str, str], status: int, said: str
) -> None:
    """Without a name, a reason, or with another champion in use by now nothing is asked for."""
    answer = post("/monitoring/model/monitor_fraud/rollback", form)
    assert answer.status_code == status
    assert said in answer.text
    assert runs() == []


def test_a_model_without_a_window_is_not_rolled_back_here(post: Callable[..., Response], server: TestClient) -> None:
    """Nothing is known of its champion: its DAG's own form is the way."""
    page = server.get("/monitoring/model/monitor_quiet/rollback", headers=browser("op"))
    assert page.status_code == 409
    assert "no window of quiet was judged yet" in page.text


@pytest.mark.parametrize("name", ["nothing", "other", "<b>"])
def test_a_model_without_retraining_has_no_actions(
    post: Callable[..., Response], only: Callable[..., None], name: str
) -> None:
    """There is nothing to ask for, and the answer says so."""
    only("monitor_fraud")
    for dag_id in (f"monitor_{quote(name, safe='')}", "monitor_fraud", DAG):
        answer = post(f"/monitoring/model/{dag_id}/retrain", {"reason": "why"})
        assert answer.status_code == 404
        assert "<b>" not in answer.text


@pytest.mark.parametrize(("role", "may"), [("viewer", False), ("op", True)])
def test_a_model_offers_what_one_may(server: TestClient, retrainable: Runtime, role: str, may: bool) -> None:
    """The buttons are for those who may; the way to the approval is for everybody who sees the retraining."""
    from monitoring_tasks.ui.access import Dag, Fleet
    from monitoring_tasks.ui.actions import actions_for

    fleet = Fleet({"fraud": Dag("monitor_fraud", "risk", False, None)}, frozenset({"monitor_fraud", DAG}))
    found = actions_for(fleet, "fraud", _user(role), retrainable.store.retrainings("fraud"))
    assert (found["retrain"], found["rollback"]) == (
        ("/model/monitor_fraud/retrain", "/model/monitor_fraud/rollback") if may else ("", "")
    )
    assert found["under_way"].state == "awaiting"
    assert all(path.startswith(f"/dags/{DAG}/runs/") for path in found["awaiting"])
    assert actions_for(fleet, "churn", _user("admin"), [])["retrain"] == ""


def _user(role: str) -> Any:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return SimpleAuthManagerUser(username=role, role=role)
