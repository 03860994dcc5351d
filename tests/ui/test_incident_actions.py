"""What people do about incidents from the pages: how far it goes, how often, and with which words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from monitoring_tasks.incidents.incident import State
from monitoring_tasks.runtime import Runtime
from monitoring_tasks.store.records import Letter
from tests.ui.acting import keep, nothing_changed, only, post, state
from tests.ui.retraining_dags import retrainable
from tests.ui.server import browser
from tests.ui.world import INCIDENT, incident

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx import Response

__all__ = ["only", "post", "retrainable"]
pytestmark = pytest.mark.xdist_group("airflow")


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
    keep(retrainable, ended)
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
    keep(retrainable, replace(incident(), members=(member, replace(member, name="secret", monitor="secret"))))
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


def test_a_mute_ends_when_it_says(post: Callable[..., Response], retrainable: Runtime) -> None:
    """Seven days are seven days from now."""
    post(f"/monitoring/incident/{INCIDENT}/mute")
    found = retrainable.store.incident(INCIDENT)
    assert found is not None
    assert found.mute is not None
    assert abs(found.mute.until - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=1)
