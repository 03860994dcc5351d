"""Slack's incoming webhook against an HTTP server that answers as Slack does."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.slack_blocks import notification, whole_blocks
from monitoring_tasks.alerts.slack_webhook import SlackWebhook, open_slack_webhook
from monitoring_tasks.data.connections import Account
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError
from monitoring_tasks.severity import Severity
from tests.alerts.conftest import HASTY, PATIENT
from tests.alerts.servers import Gate
from tests.slack_server import Answer, SlackServer

TOKEN = "T00000000/B00000000/very-secret"
DRIFT = Message(Severity.HIGH, "HIGH: <!channel> & co", facts={"rows": "7"}, lines=("a & b",), links={})
OPENED = Delivery("k1", DRIFT, incident="drift-c0ffee", event="opened")


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """Slack on loopback."""
    with SlackServer() as running:
        yield running


@pytest.fixture
def webhook(server: SlackServer) -> SlackWebhook:
    """An incoming webhook of that Slack."""
    return _open(server, timeout=PATIENT)


def _open(server: SlackServer, *, timeout: float) -> SlackWebhook:
    return open_slack_webhook(Account("slackwebhook", server.hook, password=TOKEN), timeout=timeout)


@pytest.mark.parametrize("event", ["opened", "escalated", "reminded", "joined", "resolved", "digest", "test"])
def test_each_event_is_one_message_that_names_the_incident(
    webhook: SlackWebhook, server: SlackServer, event: str
) -> None:
    """There are no threads and no ids: every letter is one message, loud ones with all their details."""
    delivery = Delivery("k1", DRIFT, incident="drift-c0ffee", event=event)
    assert webhook.send(delivery) == {}
    [post] = server.hooked
    assert post["blocks"] == whole_blocks(DRIFT, loud=delivery.loud, incident="drift-c0ffee")
    assert "drift-c0ffee" in str(post["blocks"])
    assert post["text"] == notification(DRIFT) == "HIGH: &lt;!channel&gt; &amp; co"
    assert post["mrkdwn"] is post["unfurl_links"] is False
    assert post["path"] == f"/services/{TOKEN}"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(404, b"no_service"), r"\(404 no_service\): make a new webhook"),
        (Answer(403, b"invalid_token"), "make a new webhook"),
        (Answer(410, b"channel_is_archived"), "bring the channel back"),
        (Answer(403, b"action_prohibited"), "ask a Slack administrator"),
        (Answer(500, b"rollup_error"), r"\(500 rollup_error\): check the network and Slack's status"),
        (Answer(400, b"some_new_error"), "check the network"),
        (Answer(200, b""), "did not take the alert"),
        (Answer(200, b"\xff\xfe"), "did not take the alert"),
        (Answer(200, b"{}", {"Content-Type": "text/plain; charset=klingon"}), "did not take the alert"),
        (Answer(302, b"", {"Location": "ftp://elsewhere/"}), "did not take the alert"),
        (Answer.garbage(), "a proxy's page"),
        (Answer.close(), "closed connection"),
        (Answer.hang(), "imed out"),
    ],
)
def test_failures_say_what_to_do(server: SlackServer, answer: Answer, told: str) -> None:
    """Each way to fail becomes one error that names the cause and what to do; nothing was posted, nothing repeated."""
    server.answers.append(answer)
    with pytest.raises(AlertUndelivered, match=told) as caught:
        _open(server, timeout=HASTY if answer.then == "hang" else PATIENT).send(OPENED)
    assert caught.value.external == {}
    assert caught.value.after is None
    assert server.hooked == []
    assert not server.answers


def test_a_rate_limit_is_told_with_its_time(webhook: SlackWebhook, server: SlackServer) -> None:
    """A webhook that is limited is not used again before the time that Slack names."""
    server.answers.append(Answer.limited(7))
    with pytest.raises(AlertUndelivered, match="wait; a later try sends it") as caught:
        webhook.send(OPENED)
    assert caught.value.after == timedelta(seconds=7)


@pytest.mark.parametrize("word", [b"invalid_blocks", b"invalid_payload", b"invalid_blocks_format"])
def test_blocks_that_are_not_taken_are_sent_as_plain_text(
    webhook: SlackWebhook, server: SlackServer, caplog: pytest.LogCaptureFixture, word: bytes
) -> None:
    """An alert that Slack cannot lay out is told as text in a fence."""
    server.answers.append(Answer(400, word))
    webhook.send(OPENED)
    [post] = server.hooked
    assert "blocks" not in post
    assert post["text"].startswith("```HIGH: &lt;!channel&gt; &amp; co\n")
    assert f"slack_webhook.blocks_refused key=k1 error={word.decode()}" in caplog.text


def test_what_is_not_taken_as_text_either_is_refused(webhook: SlackWebhook, server: SlackServer) -> None:
    """No later try mends a message that Slack does not take in any form."""
    server.answers.extend([Answer(400, b"invalid_payload"), Answer(400, b"no_text")])
    with pytest.raises(AlertRefused, match=r"\(no_text\), not as plain text either: shorten"):
        webhook.send(OPENED)


def test_a_letter_of_unknown_outcome_is_posted_again(
    webhook: SlackWebhook, server: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing can be asked of a webhook: rather twice than never, and the log says so."""
    with caplog.at_level(logging.INFO):
        webhook.send(Delivery("k1", DRIFT, again=True))
    assert len(server.hooked) == 1
    assert "slack_webhook.again key=k1" in caplog.text


def test_a_refused_connection_is_told() -> None:
    """No server, no alert: the error names the cause and that a later try helps."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    account = Account("slackwebhook", f"http://127.0.0.1:{port}/services", password=TOKEN)
    with pytest.raises(AlertUndelivered, match=r"refused.*later try") as caught:
        open_slack_webhook(account).send(OPENED)
    assert "very-secret" not in str(caught.value)


def test_an_answer_that_never_ends_is_given_up(server: SlackServer) -> None:
    """A server that answers a byte now and then is given up as one that says nothing."""
    with Gate(int(server.url.split(":")[2].partition("/")[0])) as gate:
        account = Account("slackwebhook", f"http://127.0.0.1:{gate.port}/services", password=TOKEN)
        gate.mode = "drip"
        with pytest.raises(AlertUndelivered, match="no whole answer in 1 seconds"):
            open_slack_webhook(account, timeout=0.5).send(OPENED)


ECHO = f"who posts to /services/{TOKEN}, or {TOKEN}, or very-secret?".encode()


@pytest.mark.parametrize("answer", [Answer(500, ECHO), Answer(200, ECHO), Answer(404, ECHO)])
def test_the_address_is_never_told(
    webhook: SlackWebhook, server: SlackServer, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    """The address is the secret: even a server that echoes it does not get it into the error or any log."""
    server.answers.append(answer)
    with caplog.at_level(logging.DEBUG), pytest.raises(AlertUndelivered) as caught:
        webhook.send(OPENED)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "very-secret" not in told
    assert "B00000000" not in told


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"password": TOKEN}, f"https://hooks.slack.com/services/{TOKEN}"),
        ({"password": f" /{TOKEN}/ "}, f"https://hooks.slack.com/services/{TOKEN}"),
        ({"host": "hooks.slack-gov.com/services", "password": TOKEN}, f"https://hooks.slack-gov.com/services/{TOKEN}"),
        ({"host": "x.example", "schema": "http", "password": TOKEN}, f"http://x.example/{TOKEN}"),
        ({"host": "http://x.example:8/y/", "password": TOKEN}, f"http://x.example:8/y/{TOKEN}"),
        ({"password": f"https://hooks.slack.com/services/{TOKEN}"}, f"https://hooks.slack.com/services/{TOKEN}"),
    ],
)
def test_the_address_is_put_together_as_airflow_does(fields: dict[str, Any], address: str) -> None:
    """A connection that serves Airflow's own notifier serves here."""
    assert open_slack_webhook(Account("slackwebhook", **fields))._client.url == address


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "no token: put T.../B.../..."),
        ({"password": "  "}, "no token"),
        ({"password": "ftp://x.example/very-secret"}, "no address like https://hooks.slack.com"),
        ({"host": "x y", "password": "very-secret"}, "no address like"),
        ({"password": "very-secret\nX-Forged: 1"}, "no address like"),
        ({"host": "ada:very-secret@x.example", "password": "T"}, "no address like"),
    ],
)
def test_a_connection_that_cannot_serve(fields: dict[str, Any], told: str) -> None:
    """What a connection lacks is said before anything is sent, without what may be the secret."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        open_slack_webhook(Account("slackwebhook", **fields))
    assert "very-secret" not in str(caught.value)
