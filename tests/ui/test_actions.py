"""What people do from the pages, inside Airflow's own API server: who may, from where, how often, and with what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from monitoring_tasks.incidents.incident import Incident, State
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import Letter
from tests.ui.retraining_dags import DAG, pause, retrainable, runs
from tests.ui.server import browser, headers
from tests.ui.world import INCIDENT, NEW, OLD, incident

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

__all__ = ["retrainable"]
pytestmark = pytest.mark.xdist_group("airflow")
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


def test_an_incident_goes_its_way(post: Callable[..., Response], retrainable: Runtime, server: TestClient) -> None:
    """It is acknowledged, muted, unmuted and resolved, each time by name and with the reason."""
    for action, after in (
        ("acknowledge", "acknowledged"),
        ("mute", "muted"),
        ("unmute", "open"),
        ("resolve", "resolved"),
    ):
        form = {"reason": f"why {action}", "for": "24h"}
        answer = post(f"/monitoring/incident/{INCIDENT}/{action}", form)
        assert answer.headers["location"] == f"/monitoring/incident/{INCIDENT}?done={action}"
        assert state(retrainable) == after
    told = retrainable.store.transitions(INCIDENT)[1:]
    assert {each.by for each in told} == {"admin"}
    assert [each.reason for each in told] == ["why acknowledge", "why mute", "why unmute", "why resolve"]
    page = server.get(answer.headers["location"], headers=browser("viewer")).text
    assert "Done: resolved" in page
    assert all(each.reason in page for each in told)


def test_what_is_told_waits_for_the_next_delivery(post: Callable[..., Response], retrainable: Runtime) -> None:
    """The page sends nothing itself: the channel may hang, and the letter is in the outbox."""
    now = datetime(2013, 4, 1, tzinfo=UTC)
    first = Letter(
        "k",
        "slack:slack_default:#ml",
        INCIDENT,
        1,
        "opened",
        incident().severity,
        ("fraud",),
        {},
        now,
        now,
        state="sent",
    )
    with retrainable.store.transaction() as transaction:
        transaction.post(first)
    post(f"/monitoring/incident/{INCIDENT}/acknowledge")
    (letter,) = (each for each in retrainable.store.letters(incident=INCIDENT) if each.key != "k")
    assert (letter.event, letter.state) == ("acknowledged", "waiting")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"reason": "a campaign"}, "for is missing: say for how long"),
        ({"reason": "a campaign", "for": "long"}, "is not a length of time"),
        ({"reason": "a campaign", "for": "99999w"}, "a year at most"),
        ({"reason": " \n ", "for": "7d"}, "cannot be muted without a reason"),
        ({"for": "7d"}, "cannot be muted without a reason"),
        ({"reason": "x" * 1001, "for": "7d"}, "more than 1000 characters"),
    ],
)
def test_a_mute_ends_and_has_a_reason(
    post: Callable[..., Response], retrainable: Runtime, form: dict[str, str], said: str
) -> None:
    """What is missing or makes no sense is said in a sentence, and nothing is done."""
    answer = post(f"/monitoring/incident/{INCIDENT}/mute", form)
    assert answer.status_code == 400
    assert said in answer.text
    assert nothing_changed(retrainable)


def test_an_incident_that_has_ended_stays_ended(post: Callable[..., Response], retrainable: Runtime) -> None:
    """Whoever acts on it too late reads that it has ended, and it is as it was."""
    ended = replace(incident(), state=State.RESOLVED, resolved=incident().opened, resolution="it is well again")
    _keep(retrainable, ended)
    for action in ("acknowledge", "mute", "unmute", "resolve"):
        answer = post(f"/monitoring/incident/{INCIDENT}/{action}", {"reason": "late", "for": "7d"})
        assert answer.status_code == 400
        assert "was resolved" in answer.text
        assert "it is well again" in answer.text
    assert retrainable.store.incident(INCIDENT) == ended


def test_the_second_click_changes_nothing(
    post: Callable[..., Response], retrainable: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    """Acknowledged twice it is acknowledged once, and the second time that is said; the server's log has no error."""
    path = f"/monitoring/incident/{INCIDENT}/acknowledge"
    with caplog.at_level("INFO", "monitoring_tasks"):
        assert [post(path).status_code, post(path).status_code] == [303, 400]
    assert len(retrainable.store.transitions(INCIDENT)) == 2
    (said,) = [each for each in caplog.records if "page.failed" in each.message]
    assert (said.levelname, "status=400" in said.message) == ("INFO", True)


HOSTILE = (
    "drift-0000000000000000",
    "drift-01",
    "fraud",
    "..",
    "%00",
    "\0",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "a/b",
    "\u00e4" * 300,
)


def test_an_id_is_the_whole_id_of_an_incident(post: Callable[..., Response], retrainable: Runtime) -> None:
    """Neither a beginning nor the name of a monitor, which mean several at a terminal, nor anything hostile."""
    for id in HOSTILE:
        answer = post(f"/monitoring/incident/{quote(id, safe='')}/acknowledge", {})
        assert answer.status_code in (404, 405), id
        assert "<script>alert" not in answer.text
    assert nothing_changed(retrainable)


def test_an_unknown_action_is_none(post: Callable[..., Response], retrainable: Runtime) -> None:
    """There are four of them."""
    answer = post(f"/monitoring/incident/{INCIDENT}/delete", {})
    assert answer.status_code == 404
    assert "acknowledge, mute, unmute, resolve" in answer.text


def test_an_action_concerns_every_model_of_an_incident(
    post: Callable[..., Response], retrainable: Runtime, only: Callable[..., None]
) -> None:
    """Who may edit one of two models may not silence the other, and does not learn its name."""
    (member,) = incident().members
    _keep(retrainable, replace(incident(), members=(member, replace(member, name="secret", monitor="secret"))))
    only("monitor_fraud", "retrain_fraud")
    answer = post(f"/monitoring/incident/{INCIDENT}/acknowledge")
    assert answer.status_code == 403
    assert "a model that you may not see" in answer.text
    assert "secret" not in answer.text
    assert state(retrainable) == "open"


def test_hostile_reasons_are_text(post: Callable[..., Response], retrainable: Runtime, server: TestClient) -> None:
    """What somebody writes is shown as it is, on one line, and runs nowhere."""
    post(
        f"/monitoring/incident/{INCIDENT}/acknowledge",
        {"reason": "<script>x</script>\r\nSet-Cookie: a\x00\x1b[31m{{7*7}}"},
    )
    kept = retrainable.store.transitions(INCIDENT)[-1].reason
    assert kept == "<script>x</script>  Set-Cookie: a  [31m{{7*7}}"
    page = server.get(f"/monitoring/incident/{INCIDENT}", headers=browser("viewer")).text
    assert "<script>x" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page


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


def test_a_mute_ends_when_it_says(post: Callable[..., Response], retrainable: Runtime) -> None:
    """Seven days are seven days from now."""
    post(f"/monitoring/incident/{INCIDENT}/mute")
    found = retrainable.store.incident(INCIDENT)
    assert found is not None
    assert found.mute is not None
    assert abs(found.mute.until - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=1)


def _keep(runtime: Runtime, found: Incident) -> None:
    with runtime.store.transaction() as transaction:
        transaction.put_incident(found)


def _user(role: str) -> Any:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return SimpleAuthManagerUser(username=role, role=role)
