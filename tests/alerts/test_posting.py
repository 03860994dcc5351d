"""Where a connection leads, and how long a service asks to be left alone."""

from __future__ import annotations

import logging
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.alerts.posting import Service, retry_after, service_of
from monitoring_tasks.data.connections import Account, EnvironmentConnections
from monitoring_tasks.errors import AlertUndelivered
from tests.alerts.servers import HttpServer, Request
from tests.slack_server import Answer


class Asked(HttpServer):
    """Answers with a large body."""

    def done(self, request: Request) -> Answer:
        """More than anybody reads."""
        return Answer(200, b"x" * 10_000_000)


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ({"host": "https://hooks.example.org/a/b?sig=1"}, "https://hooks.example.org/a/b?sig=1"),
        ({"host": "hooks.example.org"}, "http://hooks.example.org/usual"),
        ({"host": "hooks.example.org", "schema": "https"}, "https://hooks.example.org/usual"),
        ({"host": "hooks.example.org", "port": 8443, "schema": "https"}, "https://hooks.example.org:8443/usual"),
        ({"host": "https://hooks.example.org/a", "port": 8443}, "https://hooks.example.org:8443/a"),
        ({"host": "hooks.example.org", "schema": "a/b"}, "http://hooks.example.org/a/b"),
        ({"host": "https://hooks.example.org/", "schema": "/a"}, "https://hooks.example.org/a"),
        ({"host": "http://[::1]:8080/a"}, "http://[::1]:8080/a"),
        ({"host": " https://hooks.example.org#part "}, "https://hooks.example.org/usual"),
        ({"kind": "generic", "host": "hooks.example.org"}, "https://hooks.example.org/usual"),
        ({}, "https://otherwise.example.org/usual"),
    ],
)
def test_a_connection_leads_to_an_address(connection: dict[str, Any], url: str) -> None:
    """Protocol, host, port and path are found wherever Airflow's form or URI puts them."""
    account = Account(**{"kind": "http", **connection})
    assert service_of(account, "it", otherwise="https://otherwise.example.org", path="/usual").url == url


def test_a_uri_is_read_as_it_looks() -> None:
    """`https://:secret@host:port/path` is that address, and the secret is no part of it."""
    connections = EnvironmentConnections({"AIRFLOW_CONN_HOOK": "https://:s3cr3t@hooks.example.org:8443/alerts"})
    service = service_of(connections.account("hook"), "the webhook")
    assert service.url == "https://hooks.example.org:8443/alerts"
    assert service.name == "the webhook at https://hooks.example.org:8443"


def test_an_address_is_in_no_repr_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """The path and parameters of an address may be the secret: they are told nowhere."""
    with Asked() as server, caplog.at_level(logging.DEBUG):
        service = Service("it", f"{server.url}/s3cr3t?sig=s3cr3t")
        service.post(b"{}")
    assert "s3cr3t" not in repr(service) + caplog.text
    assert server.requests[0].path == "/s3cr3t?sig=s3cr3t"


def test_no_more_is_read_than_is_of_use() -> None:
    """Of a body without an end the beginning is read."""
    with Asked() as server:
        answer = Service("it", server.url).post(b"{}")
    assert answer.status == 200
    assert 0 < len(answer.body) <= 2 * 65536


def test_nobody_listens() -> None:
    """A refused connection is undelivered, in the words of the service's name."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(AlertUndelivered, match=r"the pager does not answer \(ConnectionRefusedError\)"):
        Service("the pager", url, 2).post(b"{}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("1.5", 1.5),
        ("1e9", 86400),
        ("inf", 86400),
        ("nan", None),
        ("-1", None),
        ("", None),
        ("soon", None),
        ("Mon, 99 Foo 2026 00:00:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
    ],
)
def test_the_time_a_service_asks_for(text: str, seconds: float | None) -> None:
    """Seconds or a moment, at most a day; what is neither asks for nothing."""
    assert retry_after(text) == (None if seconds is None else timedelta(seconds=seconds))


def test_a_moment_to_come_is_waited_for() -> None:
    """A Retry-After that is a date is the time until then."""
    asked = retry_after(format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True))
    assert asked is not None
    assert timedelta(minutes=4) < asked <= timedelta(minutes=5)


@given(st.text())
def test_no_answer_breaks_the_wait(text: str) -> None:
    """Whatever a service writes there: a time of at most a day, or nothing."""
    asked = retry_after(text)
    assert asked is None or timedelta(0) <= asked <= timedelta(days=1)
