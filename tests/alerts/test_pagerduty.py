"""The PagerDuty channel against the Events API on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.pagerduty import HOST, PATH, PagerDutyChannel, open_pagerduty
from monitoring_tasks.data.connections import Account
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError
from monitoring_tasks.severity import Severity
from tests.alerts.contract import INCIDENT, letter
from tests.alerts.servers import PagerDutyServer
from tests.slack_server import Answer

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def server() -> Iterator[PagerDutyServer]:
    """PagerDuty on loopback."""
    with PagerDutyServer() as running:
        yield running


@pytest.fixture
def pager(server: PagerDutyServer) -> PagerDutyChannel:
    """The channel, pointed at it."""
    return open_pagerduty(Account("pagerduty_events", host=server.url, password=KEY, extra={"timeout": 10}))


def test_an_incident_pages_once_and_ends(pager: PagerDutyChannel, server: PagerDutyServer) -> None:
    """Opened triggers, an escalation and a reminder add to the alert, acknowledged and resolved are passed on."""
    for event in ("opened", "escalated", "reminded", "acknowledged", "resolved"):
        assert pager.send(letter(event)) == {"dedup_key": INCIDENT}
    actions = [event["event_action"] for event in server.alerts[INCIDENT]]
    assert actions == ["trigger", "trigger", "trigger", "acknowledge", "resolve"]
    assert server.pages == [INCIDENT]


@pytest.mark.parametrize("event", ["joined", "muted", "unmuted"])
def test_what_is_no_page_is_not_sent(pager: PagerDutyChannel, server: PagerDutyServer, event: str) -> None:
    """What lies between pages asks nothing of PagerDuty."""
    assert pager.send(letter(event)) == {}
    assert server.requests == []


def test_a_page_says_what_there_is_to_say(pager: PagerDutyChannel, server: PagerDutyServer) -> None:
    """Summary, source, class, details, links and client are where PagerDuty shows them."""
    pager.send(letter())
    [event] = server.alerts[INCIDENT]
    payload = event["payload"]
    assert payload["summary"] == "HIGH: flight_delay: temp is missing"
    assert (payload["severity"], payload["source"], payload["class"]) == ("error", "flight_delay", "data_quality")
    assert payload["custom_details"] == {
        "monitor": "flight_delay",
        "column": "temp is missing",
        "reasons": ["reason: temp is missing", "probable cause: a unit changed"],
        "columns": ["column  psi", "temp is missing  8.40"],
        "pictures": ["shares of temp is missing"],
        "next step": "Ask data engineering about temp is missing",
        "key": letter().key,
    }
    assert event["links"] == [{"href": "https://airflow.example/dags/m?a=1&b=2", "text": "run"}]
    assert (event["client"], event["client_url"]) == ("monitoring", event["links"][0]["href"])


@pytest.mark.parametrize(
    ("severity", "word"),
    [
        (Severity.NONE, "info"),
        (Severity.LOW, "info"),
        (Severity.MEDIUM, "warning"),
        (Severity.HIGH, "error"),
        (Severity.CRITICAL, "critical"),
    ],
)
def test_severities_are_pagerdutys(
    pager: PagerDutyChannel, server: PagerDutyServer, severity: Severity, word: str
) -> None:
    """Each severity has PagerDuty's word, by which its rules decide who is woken."""
    pager.send(letter("test", message=Message(severity, "a title")))
    [[event]] = server.alerts.values()
    assert event["payload"]["severity"] == word
    assert event["payload"]["source"] == "monitoring"
    assert "client_url" not in event


def test_what_concerns_no_incident_has_its_own_key(pager: PagerDutyChannel, server: PagerDutyServer) -> None:
    """Letters without an incident are alerts of their own; a key that is too long is shortened, the same each time."""
    long = replace(letter("notice"), key="k" * 300)
    first, again = pager.send(long), pager.send(replace(long, again=True))
    assert first == again
    assert pager.send(letter("notice", key="short")) == {"dedup_key": "short"}
    assert len(server.pages) == 2


def test_a_title_is_cut_to_what_pagerduty_takes(pager: PagerDutyChannel, server: PagerDutyServer) -> None:
    """The summary has at most 1024 characters, and never none."""
    pager.send(letter("notice", key="a", message=Message(Severity.HIGH, "x" * 2000)))
    pager.send(letter("notice", key="b", message=Message(Severity.HIGH, "")))
    summaries = [log[0]["payload"]["summary"] for log in server.alerts.values()]
    assert summaries == ["x" * 1023 + "…", "alert"]


def test_an_event_that_is_refused_says_why_without_the_key(server: PagerDutyServer) -> None:
    """PagerDuty's reasons are told; the integration key, which it may quote, is not."""
    short = KEY[:-1]
    channel = open_pagerduty(Account("pagerduty_events", host=server.url, password=short))
    with pytest.raises(AlertRefused, match=r"\(400; Length of 'routing_key' is incorrect.*: \*\*\*\)") as caught:
        channel.send(letter())
    assert short not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(401), r"\(status 401\): check the integration key"),
        (Answer(403), r"\(status 403\): check the integration key"),
        (Answer(404), r"\(status 404\): check the integration key and the host"),
        (Answer(301, headers={"Location": "http://127.0.0.1:1/"}), r"\(status 301\)"),
        (Answer.garbage(), r"\(status 200\)"),
        (Answer(202, b"[]"), r"\(status 202\)"),
        (Answer(202, b'{"status": "unknown"}'), r"\(status 202\)"),
        (Answer(202, b"[" * 60_000), r"\(status 202\)"),
    ],
)
def test_what_is_not_pagerdutys_yes_is_no_delivery(
    pager: PagerDutyChannel, server: PagerDutyServer, answer: Answer, told: str
) -> None:
    """A proxy's page, a redirect or a refusal of the key: undelivered, with what to look at; one request each."""
    server.answers.append(answer)
    with pytest.raises(AlertUndelivered, match=told):
        pager.send(letter())
    assert len(server.requests) == 1
    assert server.pages == []


@pytest.mark.parametrize("body", [b"", b"null", b'{"errors": {"a": 1}}', b'{"errors": [null, 1]}', b'{"message": 7}'])
def test_any_refusal_is_told(pager: PagerDutyChannel, server: PagerDutyServer, body: bytes) -> None:
    """Whatever a refusal says, it is one."""
    server.answers.append(Answer(400, body))
    with pytest.raises(AlertRefused, match=r"PagerDuty at http://127.0.0.1:\d+ refuses the event"):
        pager.send(letter())


def test_the_address_is_pagerdutys_unless_the_connection_names_another() -> None:
    """No host: the service in the US; a host, as in the EU, with the usual path."""
    usual = open_pagerduty(Account("pagerduty_events", password=KEY))._service
    assert (usual.url, usual.name) == (f"{HOST}{PATH}", "PagerDuty")
    eu = open_pagerduty(Account("generic", host="events.eu.pagerduty.com", password=KEY))._service
    assert eu.url == "https://events.eu.pagerduty.com/v2/enqueue"
    proxy = open_pagerduty(Account("pagerduty_events", host="https://proxy.example.org/pd/enqueue", password=KEY))
    assert proxy._service.url == "https://proxy.example.org/pd/enqueue"


@pytest.mark.parametrize("password", [None, ""])
def test_a_connection_without_a_key_says_so(password: str | None) -> None:
    """Without an integration key nobody can be paged."""
    with pytest.raises(ConfigurationError, match="put the service's integration key there"):
        open_pagerduty(Account("pagerduty_events", password=password))


def test_the_key_is_sent_in_the_body_alone(pager: PagerDutyChannel, server: PagerDutyServer) -> None:
    """No header and no address holds the integration key; the event is JSON."""
    pager.send(letter())
    [request] = server.requests
    assert KEY not in json.dumps({**request.headers}) + request.path + repr(pager)
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body)["routing_key"] == KEY
