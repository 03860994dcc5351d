"""What every kind of channel does, whatever it talks to: one suite of tests against a real server on loopback.

A kind is a `Service`: how to open the channel, what its people saw, and how to make its server fail. A new one is a
class here, or beside it, and a row in `tests/alerts/test_contract.py`.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any, ClassVar, Literal, Self

import pytest

from monitoring_tasks.alerts.channel import Channel, Delivery
from monitoring_tasks.alerts.message import Message, Plot, links_of, one_line, title_of
from monitoring_tasks.alerts.opening import open_channel
from monitoring_tasks.alerts.slack import open_slack
from monitoring_tasks.alerts.slack_webhook import open_slack_webhook
from monitoring_tasks.alerts_section import Channel as Declared
from monitoring_tasks.data.connections import PREFIX, EnvironmentConnections
from monitoring_tasks.errors import AlertUndelivered
from monitoring_tasks.severity import Severity
from tests.alerts.servers import Gate, HttpServer, MailServer, PagerDutyServer, Receiver
from tests.slack_server import Answer, SlackServer

How = Literal["limited", "broken", "hang", "garbage", "closed", "lost", "drip"]
PATIENT, HASTY, SOON = 15.0, 0.5, 20.0
"""Seconds that a channel waits, on a slow machine or for what never comes, and in which it has failed then."""
ASKED = timedelta(seconds=7)
SECRET = "s3cr3t-" + "0123456789abcdef012345678"
assert len(SECRET) == 32
INCIDENT = "data_quality-0123456789abcdef"
LIFE = ("opened", "joined", "escalated", "acknowledged", "reminded", "muted", "unmuted", "resolved")
PAGED = frozenset({"opened", "escalated", "reminded", "acknowledged", "resolved", "notice", "digest", "test"})
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</pre></div><a href='https://evil.example'>click</a>",
    "<!channel> <@U12345678> <#C1|x>",
    "<https://evil.example|the dashboard>",
    "*bold* _it_ ~gone~ `code` ```pre```",
    "&lt;b&gt; &amp; \" ' %s {0} {x}",
    "x\r\nBcc: everyone@example.org\r\n\r\nbody",
    "x\r\n.\r\nQUIT",
    "\u202egnp.exe \x1b[31mred\x00\u2028",
    ".leading dot",
    "日本語 العربية 🦆 Ω e\u0301",
)


def letter(event: str = "opened", *, key: str = "", text: str = "temp is missing", **changes: Any) -> Delivery:
    """A letter about an incident, or about none for notices, digests and tests."""
    incident = INCIDENT if event in LIFE else ""
    key = key or f"{incident or 'letter'}-{LIFE.index(event) + 1 if event in LIFE else 1}-{event}"
    delivery = Delivery(key=key, message=message(text), incident=incident, event=event)
    return replace(delivery, **changes)


def message(text: str) -> Message:
    """An alert with something in each of its parts, each of which holds a text from outside."""
    safe = one_line(text)
    return Message(
        severity=Severity.HIGH,
        title=title_of(Severity.HIGH, f"flight_delay: {text}"),
        headline=(safe,),
        facts={"monitor": "flight_delay", "column": safe},
        lines=(f"reason: {safe}", "probable cause: a unit changed"),
        table=("column  psi", f"{safe}  8.40"),
        step=f"Ask data engineering about {safe}",
        links=links_of({"run": "https://airflow.example/dags/m?a=1&b=2", "report": "javascript:alert(1)"}),
        plots=(Plot("bars", safe, ("a", safe), {"reference": (0.6, 0.4), "current": (0.1, 0.9)}, f"shares of {safe}"),),
    )


@dataclass(frozen=True)
class Seen:
    """A letter as people got it: all its text, what ties the letters of one incident, and what in it is alive.

    `alive` are marks that do something, beside links to where the letter itself leads: mentions, images from
    elsewhere, scripts.
    """

    text: str
    together: str
    alive: tuple[str, ...] = ()


class Service(ABC):
    """A kind of channel and the server that it talks to, behind a gate; use it in a `with` statement.

    `merges` says whether a letter that comes twice is seen once, `asks` whether it can name a time to wait, `ties`
    whether letters of one incident are tied together, `carries` which events it tells, None for all.
    """

    address: ClassVar[str]
    merges: ClassVar[bool] = True
    asks: ClassVar[bool] = True
    ties: ClassVar[bool] = True
    carries: ClassVar[frozenset[str] | None] = None
    marker: ClassVar[bytes] = b""
    port: int
    gate: Gate

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.start(stack)
            self.gate = stack.enter_context(Gate(self.port, marker=self.marker))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def channel(self, timeout: float = PATIENT) -> Channel:
        """The channel, opened by its address and a connection."""
        return open_channel(self.address, self.connections(timeout))

    def connections(self, timeout: float = PATIENT) -> EnvironmentConnections:
        """Its connection, to the gate."""
        declared, port = Declared.at(self.address), self.gate.port
        document = {"host": "127.0.0.1", "port": port, **self.connection(port, timeout)}
        return EnvironmentConnections({f"{PREFIX}{str(declared.connection).upper()}": json.dumps(document)})

    def fail(self, how: How) -> None:
        """Fail so at every request, until `heal`."""
        if how in ("limited", "broken"):
            self.refuse(how)
        else:
            self.gate.mode = how  # type: ignore[assignment]

    def heal(self) -> None:
        """Work again."""
        self.gate.mode = "pass"
        self.refuse(None)

    @abstractmethod
    def start(self, stack: ExitStack) -> None:
        """Start the server, and set `port`."""

    @abstractmethod
    def connection(self, port: int, timeout: float) -> dict[str, Any]:
        """Airflow's connection to a port of this machine, beside host and port, with `SECRET` in it."""

    @abstractmethod
    def refuse(self, how: How | None) -> None:
        """Answer that there are too many requests, that something broke, or (None) rightly again."""

    @abstractmethod
    def seen(self) -> list[Seen]:
        """What people saw, in order, each letter once where the service knows doubles."""


class OverHttp(Service):
    """A service that is asked by HTTP."""

    server: HttpServer | SlackServer

    def refuse(self, how: How | None) -> None:
        """By the status."""
        limited = Answer(429, SECRET.encode(), {"Retry_After": str(int(ASKED.total_seconds()))})
        self.server.outage = {"limited": limited, "broken": Answer(500, SECRET.encode())}.get(how or "")


class Webhook(OverHttp):
    """A receiver of signed webhooks."""

    address = "webhook:hook"

    def start(self, stack: ExitStack) -> None:
        """A receiver that verifies."""
        self.server = self.receiver = stack.enter_context(Receiver(SECRET.encode()))
        self.port = self.receiver.port

    def connection(self, port: int, timeout: float) -> dict[str, Any]:
        """A connection of type http."""
        return {"conn_type": "http", "password": SECRET, "extra": {"timeout": timeout}}

    def seen(self) -> list[Seen]:
        """JSON, with nothing left out."""
        return [Seen("\n".join(_texts(each)), each["incident"]) for each in self.receiver.letters]


class PagerDuty(OverHttp):
    """PagerDuty."""

    address = "pagerduty:pager"
    carries = PAGED

    def start(self, stack: ExitStack) -> None:
        """The Events API."""
        self.server = self.pagerduty = stack.enter_context(PagerDutyServer())
        self.port = self.pagerduty.port

    def connection(self, port: int, timeout: float) -> dict[str, Any]:
        """The type of Airflow's provider."""
        extra = {"timeout": timeout}
        return {"conn_type": "pagerduty_events", "schema": "http", "password": SECRET, "extra": extra}

    def seen(self) -> list[Seen]:
        """Alerts and what happened to them; an event of a letter that is there already changes nothing."""
        events = {_event_key(event): event for log in self.pagerduty.alerts.values() for event in log}
        return [Seen("\n".join(_texts(event)), event["dedup_key"]) for event in events.values()]


def _event_key(event: dict[str, Any]) -> tuple[str, str]:
    custom = event.get("payload", {}).get("custom_details", {})
    return event["event_action"], custom.get("key") or event["dedup_key"]


class Email(Service):
    """A mail server that wants a login."""

    address = "email:smtp:data@example.org,ml@example.org"
    asks = False
    marker = b"\r\n.\r\n"

    def start(self, stack: ExitStack) -> None:
        """The mail server."""
        self.server = stack.enter_context(MailServer(password=SECRET))
        self.port = self.server.port

    def connection(self, port: int, timeout: float) -> dict[str, Any]:
        """Airflow's type smtp, without encryption: it is this machine."""
        extra = {"from_email": "monitoring@example.org", "disable_ssl": True, "disable_tls": True, "timeout": timeout}
        return {"conn_type": "smtp", "login": "bot", "password": SECRET, "extra": extra}

    def refuse(self, how: How | None) -> None:
        """By the answer to the mail."""
        answers = {"limited": f"421 4.7.0 {SECRET} too many", "broken": f"451 4.3.0 {SECRET} broken"}
        self.server.answer = answers.get(how or "", "")

    def seen(self) -> list[Seen]:
        """The mails of a program that shows a Message-ID once: the HTML as it is rendered, then the plain text."""
        return [self._seen(mail.content) for mail in self.server.shown]

    def _seen(self, mail: Any) -> Seen:
        page, plain = mail.get_body(("html",)).get_content(), mail.get_body(("plain",)).get_content()
        rendered = Page(page)
        first = mail["References"] or mail["Message-ID"]
        headers = [name for name in mail.keys() if name.lower() in ("bcc", "cc", "reply-to")]  # noqa: SIM118
        assert mail["To"] == "data@example.org, ml@example.org"
        sources = re.findall(r'<img src="cid:([^"]+)"', page)
        assert [part["Content-ID"] for part in mail.walk() if part["Content-ID"]] == [f"<{each}>" for each in sources]
        return Seen(f"{mail['Subject']}\n{rendered.text}\n{plain}", str(first), (*rendered.alive, *headers))


class Page(HTMLParser):
    """An HTML page as people see it: its text, and what in it is alive or leads to where it should not."""

    _PLAIN = frozenset(
        "html head meta title body div h1 span table tr td ul li pre p strong a img".split()  # noqa: SIM905
    )

    def __init__(self, page: str, *, leads: tuple[str, ...] = ("https://airflow.example/",)) -> None:
        super().__init__()
        self.text = ""
        self.alive: list[str] = []
        self._leads = leads
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the page should not hold."""
        given = dict(attrs)
        allowed = {"style", "charset", "name", "content", "lang", "role", "href", "src", "alt", "width"}
        address = given.get("href") or given.get("src") or "cid:"
        if tag not in self._PLAIN or not {*given} <= allowed or not address.startswith(("cid:", *self._leads)):
            self.alive.append(f"{tag} {given}")

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


class Slack(OverHttp):
    """Slack by a bot token."""

    address = "slack:slack:#ml-alerts"

    def start(self, stack: ExitStack) -> None:
        """Slack's API."""
        self.server = self.slack = stack.enter_context(SlackServer())
        self.port = int(self.slack.url.split(":")[2].partition("/")[0])

    def connection(self, port: int, timeout: float) -> dict[str, Any]:
        """Airflow's type slack."""
        extra = {"base_url": f"http://127.0.0.1:{port}/api/"}
        return {"conn_type": "slack", "password": SECRET, "extra": extra}

    def channel(self, timeout: float = PATIENT) -> Channel:
        """With a timeout, which its connection does not know."""
        return open_slack(self.connections().account("slack"), "#ml-alerts", timeout=timeout)

    def seen(self) -> list[Seen]:
        """Letters by the key in the metadata of their parts: one that is there twice is seen twice."""
        letters: dict[tuple[str, int], list[dict[str, Any]]] = {}
        parts: dict[tuple[str, str], int] = {}
        for post in self.slack.posts:
            told = post["metadata"]["event_payload"]
            count = parts[told["key"], told["part"]] = parts.get((told["key"], told["part"]), -1) + 1
            letters.setdefault((told["key"], count), []).append(post)
        return [_seen_in_slack(posts) for posts in letters.values()]


class SlackWebhook(OverHttp):
    """Slack by an incoming webhook."""

    address = "slack_webhook:hooks"
    merges = False

    def start(self, stack: ExitStack) -> None:
        """Slack's incoming webhooks."""
        self.server = self.slack = stack.enter_context(SlackServer())
        self.port = int(self.slack.url.split(":")[2].partition("/")[0])

    def connection(self, port: int, timeout: float) -> dict[str, Any]:
        """Airflow's type slackwebhook."""
        host = f"http://127.0.0.1:{port}/services"
        return {"conn_type": "slackwebhook", "host": host, "port": None, "password": f"T0/B0/{SECRET}"}

    def channel(self, timeout: float = PATIENT) -> Channel:
        """With a timeout, which its connection does not know."""
        return open_slack_webhook(self.connections().account("hooks"), "", timeout=timeout)

    def seen(self) -> list[Seen]:
        """Messages, which name their incident."""
        found = [_seen_in_slack([post]) for post in self.slack.hooked]
        return [replace(each, together=INCIDENT if INCIDENT in each.text else "") for each in found]


def _seen_in_slack(posts: list[dict[str, Any]]) -> Seen:
    texts = [unescape(post.get("text", "")) for post in posts] + [text for post in posts for text in _texts(post)]
    raw = json.dumps(posts, ensure_ascii=False)
    kinds = set(re.findall(r'"type": "(\w+)"', raw)) & {"user", "usergroup", "broadcast", "mrkdwn", "image", "channel"}
    links = {link for link in re.findall(r'"url": "([^"]*)"', raw) if not link.startswith("https://airflow.example/")}
    marks = {mark for post in posts for mark in re.findall(r"<[!@#h][^>]*>", post.get("text", ""))}
    return Seen("\n".join(texts), posts[0].get("thread_ts") or posts[0].get("ts", ""), (*kinds, *links, *marks))


class Log(Service):
    """The task's log."""

    address = "log"
    merges = False

    def start(self, stack: ExitStack) -> None:
        """Listen to the log."""
        self.port, self.records = 0, list[logging.LogRecord]()
        handler = logging.Handler()
        handler.emit = self.records.append  # type: ignore[method-assign]
        logger = logging.getLogger("monitoring_tasks.alerts.log")
        before = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        stack.callback(logger.setLevel, before)
        stack.callback(logger.removeHandler, handler)

    def channel(self, timeout: float = PATIENT) -> Channel:
        """It needs no connection."""
        return open_channel("log", EnvironmentConnections({}))

    def connection(self, port: int, timeout: float) -> dict[str, Any]:
        """There is none."""
        return {}

    def refuse(self, how: How | None) -> None:
        """It takes everything."""

    def seen(self) -> list[Seen]:
        """Events of the log: their lines are those of the message."""
        texts = [record.getMessage() for record in self.records]
        found = [(text, re.search(r"incident=(\S+)", text)) for text in texts]
        return [Seen(text, incident[1] if incident else "", _controls(text)) for text, incident in found]


def _controls(text: str) -> tuple[str, ...]:
    return tuple(repr(character) for character in text if not character.isprintable() and character != "\n")


def _texts(value: Any) -> Iterator[str]:
    """All texts of a JSON document, names too."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged, but for what the mail server of the tests says of itself."""
    return "\n".join(record.getMessage() for record in caplog.records if record.name != "mail.log")


class ChannelContract:
    """The tests that every kind of channel passes; `service` is a fixture."""

    @pytest.mark.parametrize("event", ["opened", "notice", "digest", "test"])
    def test_what_is_told_aloud_is_seen_whole(self, service: Service, event: str) -> None:
        """Title, facts, reasons, table, step and links of a letter arrive, each text as it was written."""
        service.channel().send(letter(event))
        [seen] = service.seen()
        parts = ("flight_delay: temp is missing", "probable cause: a unit changed", "8.40", "Ask data engineering")
        assert [part for part in (*parts, "https://airflow.example/dags/m?a=1&b=2") if part not in seen.text] == []

    def test_an_incident_is_one_from_first_to_last(self, service: Service) -> None:
        """Every event of an incident's life is taken, in order, and tied to the first."""
        channel = service.channel()
        thread = channel.send(letter("opened"))
        for event in LIFE[1:]:
            channel.send(letter(event, thread=thread))
        told = [event for event in LIFE if service.carries is None or event in service.carries]
        assert len(service.seen()) == len(told)
        assert len({seen.together for seen in service.seen()}) == 1
        assert service.seen()[0].together

    def test_incidents_are_kept_apart(self, service: Service) -> None:
        """Letters of two incidents are not tied together."""
        channel = service.channel()
        channel.send(letter())
        channel.send(letter(key="drift-0-1-opened", incident="drift-0"))
        first, second = service.seen()
        assert first.together != second.together

    def test_what_is_returned_are_texts(self, service: Service) -> None:
        """The ids that are kept for later letters are plain texts, without the secret."""
        external = service.channel().send(letter())
        assert all(isinstance(text, str) for pair in external.items() for text in pair)
        assert SECRET not in json.dumps(dict(external))

    def test_the_same_letter_twice_is_seen_once(self, service: Service) -> None:
        """A letter that is sent again, its first try unknown, is seen once where the service can tell."""
        channel = service.channel()
        first = channel.send(letter())
        again = channel.send(letter(again=True))
        assert len(service.seen()) == (1 if service.merges else 2)
        if service.merges:
            assert {**again, **first} == again

    def test_two_letters_are_two(self, service: Service) -> None:
        """Letters with keys of their own are told apart, however alike they are."""
        channel = service.channel()
        channel.send(letter("notice", key="a"))
        channel.send(letter("notice", key="b"))
        assert len(service.seen()) == 2

    def test_success_tells_no_secret(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        """Nothing of the secret is in the log when all goes well."""
        with caplog.at_level(logging.DEBUG):
            service.channel().send(letter())
        assert SECRET not in _logged(caplog)
        assert SECRET not in repr(service.channel())

    @pytest.mark.parametrize("text", HOSTILE)
    def test_names_from_outside_are_only_names(self, service: Service, text: str) -> None:
        """Markup, mentions, headers and control characters in names are shown as text, and do nothing."""
        channel = service.channel()
        thread = channel.send(letter(text=text))
        channel.send(letter("resolved", text=text, thread=thread))
        assert [alive for seen in service.seen() for alive in seen.alive] == []
        assert one_line(text) in service.seen()[0].text

    def test_a_full_screen_is_taken(self, service: Service) -> None:
        """The largest message there can be is taken as it is."""
        long = "ß" * 240
        largest = replace(
            message("x"),
            title=title_of(Severity.CRITICAL, long),
            severity=Severity.CRITICAL,
            facts={f"fact {number}": long for number in range(12)},
            lines=(long,) * 8,
            table=(long[:100],) * 12,
            step=long,
            links={f"link {number}": f"https://airflow.example/{'a' * 200}" for number in range(5)},
        )
        service.channel().send(letter(message=largest))
        [seen] = service.seen()
        assert long in seen.text

    def test_an_almost_empty_message_is_taken(self, service: Service) -> None:
        """A message of a title alone is taken."""
        bare = Message(Severity.LOW, "RESOLVED: flight_delay: temp")
        channel = service.channel()
        thread = channel.send(letter(message=bare))
        channel.send(letter("resolved", message=bare, thread=thread))
        assert "flight_delay: temp" in service.seen()[0].text


class OutageContract:
    """What holds of every kind of channel behind which there is a service that can fail."""

    @pytest.mark.parametrize("how", ["limited", "broken", "hang", "garbage", "closed"])
    def test_an_outage_is_said_and_got_over(self, service: Service, how: How, caplog: pytest.LogCaptureFixture) -> None:
        """A service that is down: undelivered, soon, no secret told, nothing seen; then the letter arrives once."""
        channel = service.channel(HASTY if how == "hang" else PATIENT)
        service.fail(how)
        started = time.monotonic()
        with caplog.at_level(logging.DEBUG), pytest.raises(AlertUndelivered) as caught:
            channel.send(letter())
        assert time.monotonic() - started < SOON
        assert caught.value.after == (ASKED if how == "limited" and service.asks else None)
        assert SECRET not in "".join(traceback.format_exception(caught.value)) + _logged(caplog)
        assert service.seen() == []
        service.heal()
        service.channel().send(letter(again=True, external=caught.value.external))
        assert len(service.seen()) == 1

    def test_an_answer_that_is_lost_tells_nobody_twice(self, service: Service) -> None:
        """The service took the letter, and its answer was lost: undelivered; the next try is seen as the first."""
        channel = service.channel()
        service.fail("lost")
        with pytest.raises(AlertUndelivered) as caught:
            channel.send(letter())
        service.heal()
        channel.send(letter(again=True, external=caught.value.external))
        assert len(service.seen()) == (1 if service.merges else 2)

    def test_an_answer_without_an_end_is_not_waited_for(self, service: Service) -> None:
        """A service that answers byte by byte is given up as one that says nothing."""
        channel = service.channel(HASTY)
        service.fail("drip")
        started = time.monotonic()
        with pytest.raises(AlertUndelivered):
            channel.send(letter())
        assert time.monotonic() - started < SOON

    def test_nobody_listens(self, service: Service) -> None:
        """A port where nobody listens: undelivered, and the error does not say the secret."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            service.gate = Gate(free.getsockname()[1])
        with service.gate:
            channel = service.channel()
        with pytest.raises(AlertUndelivered) as caught:
            channel.send(letter())
        assert SECRET not in "".join(traceback.format_exception(caught.value))
