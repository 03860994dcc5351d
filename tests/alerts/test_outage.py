"""Slack, mail and PagerDuty down for ten minutes in each way there is: nothing lost, nothing twice, nothing turned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from monitoring_tasks.alerts.channel import Channel
from monitoring_tasks.alerts.dispatch import LONGEST_WAIT, deliver_due
from monitoring_tasks.alerts.email import open_email
from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts.pagerduty import open_pagerduty
from monitoring_tasks.alerts.slack import open_slack
from monitoring_tasks.data.connections import Account
from monitoring_tasks.store.database import Store, open_store
from tests.alerts.letters import LOG, NOW, Clock, letter, post
from tests.alerts.servers import Gate, MailServer, PagerDutyServer
from tests.slack_server import Answer, SlackServer

QUICK, PATIENT = 0.3, 10.0
"""Seconds after which a service is given up while it is down, and otherwise."""
HTTP = {
    "429": Answer.limited(45),
    "500": Answer(500, b"oops"),
    "hanging": Answer.hang(),
    "garbage": Answer.garbage(),
    "closed": Answer.close(),
    "500 after all": Answer(500, b"oops").after_all(),
    "hanging after all": Answer.hang().after_all(),
    "garbage after all": Answer.garbage().after_all(),
}
"""How a service fails; after all: it took what it was sent, and only its answer was lost."""
SMTP = {"429": "450 4.7.0 too many mails", "500": "451 4.3.0 local error"}
OUTAGE = timedelta(minutes=10)
STORY = {
    0: [("a", 1, "opened"), ("b", 1, "opened")],
    2: [("a", 2, "escalated")],
    5: [("b", 2, "acknowledged")],
    7: [("a", 3, "resolved"), ("c", 1, "opened")],
    12: [("c", 2, "resolved")],
}
"""What happens in which minute: incident, position, event."""
TOLD = {
    name: [event for minute in STORY.values() for incident, _, event in minute if incident == name] for name in "abc"
}


class Service(Protocol):
    """A service of the outside world, on loopback."""

    def open(self) -> Channel:
        """A channel to it."""

    def fail(self, how: str) -> None:
        """Be down in some way, "" for not."""

    def told(self) -> list[tuple[str, str]]:
        """Incident and event of each letter that arrived, in order, as often as people are told of it."""


class Slack:
    """Slack, in which a letter is as often as its first part."""

    def __init__(self, stack: ExitStack) -> None:
        self.server = stack.enter_context(SlackServer())

    def open(self) -> Channel:
        account = Account("slack", password="xoxb-secret", extra={"base_url": self.server.url})
        return open_slack(account, "#ml", timeout=QUICK if self.server.outage else PATIENT)

    def fail(self, how: str) -> None:
        self.server.outage = HTTP[how] if how else None

    def told(self) -> list[tuple[str, str]]:
        payloads = [each["metadata"]["event_payload"] for each in self.server.posts]
        return [_named(each["key"]) for each in payloads if each["part"] in ("headline", "note")]


class Mail:
    """A mail server, behind a gate."""

    def __init__(self, stack: ExitStack) -> None:
        self.server = stack.enter_context(MailServer())
        self.gate = stack.enter_context(Gate(self.server.port))

    def open(self) -> Channel:
        timeout = PATIENT if self.gate.mode == "pass" else QUICK
        extra = {"from_email": "ml@example.org", "disable_ssl": True, "disable_tls": True, "timeout": timeout}
        return open_email(Account("smtp", host="127.0.0.1", port=self.gate.port, extra=extra), "ada@example.org")

    def fail(self, how: str) -> None:
        self.server.answer = SMTP.get(how, "")
        self.gate.mode = {"hanging": "hang", "garbage": "garbage", "closed": "closed"}.get(how, "pass")  # type: ignore[assignment]

    def told(self) -> list[tuple[str, str]]:
        return [_named(str(mail.content["X-Monitoring-Key"])) for mail in self.server.mails]


class PagerDuty:
    """PagerDuty, that tells people of the first event of each kind of an alert."""

    def __init__(self, stack: ExitStack) -> None:
        self.server = stack.enter_context(PagerDutyServer())

    def open(self) -> Channel:
        timeout = QUICK if self.server.outage else PATIENT
        account = Account("pagerduty_events", host=self.server.url, password="k" * 32, extra={"timeout": timeout})
        return open_pagerduty(account)

    def fail(self, how: str) -> None:
        self.server.outage = HTTP[how] if how else None

    def told(self) -> list[tuple[str, str]]:
        assert sorted(self.server.pages) == sorted({*self.server.pages}), "somebody was paged twice"
        events = [
            (
                key,
                event["payload"]["custom_details"]["key"]
                if "payload" in event
                else f"{key}-0-{event['event_action']}d",
            )
            for key, log in self.server.alerts.items()
            for event in log
        ]
        return list(dict.fromkeys(_named(key) for _, key in events))


def _named(key: str) -> tuple[str, str]:
    incident, event = re.fullmatch(r"(\w)-\d-(\w+)", key).groups()  # type: ignore[union-attr]
    return incident, event


CASES = [
    *((Slack, how) for how in HTTP),
    *((PagerDuty, how) for how in HTTP),
    *((Mail, how) for how in ("429", "500", "hanging", "garbage", "closed")),
]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Store]:
    """An open store on an empty SQLite database."""
    with open_store(f"sqlite:///{tmp_path}/outbox.db") as opened:
        yield opened


@pytest.mark.parametrize(("kind", "how"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_an_outage_of_ten_minutes(outbox: Store, kind: Callable[[ExitStack], Service], how: str) -> None:
    """What happens while a service is down is told when it is back: each letter once, in the order of its incident.

    Another channel hears of everything in the minute in which it happens.
    """
    clock = Clock()
    with ExitStack() as stack:
        service = kind(stack)
        service.fail(how)
        for minute in range(60):
            clock.moment = NOW + timedelta(minutes=minute)
            if clock.moment == NOW + OUTAGE:
                service.fail("")
            happened = STORY.get(minute, [])
            for address in ("the service", LOG):
                post(outbox, *(_letter(address, clock, *each) for each in happened))
            done = deliver_due(
                outbox, lambda at: LogChannel() if at == LOG else service.open(), by=f"{minute}", now=clock,
                sleep=lambda _: None,
            )  # fmt: skip
            assert done.dead == 0
            assert all(each.state == "sent" for each in outbox.letters() if each.channel == LOG)
        told = service.told()
    assert len(told) == len({*told})
    assert {name: [event for incident, event in told if incident == name] for name in "abc"} == TOLD
    late = [each for each in outbox.letters() if each.channel != LOG]
    assert {each.state for each in late} == {"sent"}
    assert max(each.sent_at or NOW for each in late) <= NOW + OUTAGE + LONGEST_WAIT


def _letter(address: str, clock: Clock, incident: str, position: int, event: str) -> object:
    return letter(
        f"{incident}-{position}-{event}",
        channel=address,
        incident=incident,
        position=position,
        event=event,
        created_at=clock(),
        due_at=clock(),
    )
