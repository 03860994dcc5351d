"""The Slack channel against an HTTP server that answers as Slack does."""

from __future__ import annotations

import logging
import socket
import time
import traceback

import pytest
from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from monitoring_tasks.alerts.message import detail_blocks, headline_blocks
from monitoring_tasks.alerts.slack import SlackChannel
from monitoring_tasks.errors import AlertUndelivered
from tests.alerts.conftest import TOKEN
from tests.alerts.samples import message
from tests.slack_server import Answer, SlackServer


def test_headline_then_details_in_its_thread(slack: SlackChannel, server: SlackServer) -> None:
    """The channel sees the headline; the details are in the headline's thread; the ids are the headline's."""
    external = slack.send(message(), key="k1", thread=None)
    headline, details = server.posts
    assert external == {"ts": headline["ts"], "channel": "C0000000001"}
    assert headline["channel"] == details["channel"] == "#ml-alerts"
    assert "thread_ts" not in headline
    assert details["thread_ts"] == headline["ts"]
    assert (headline["blocks"], details["blocks"]) == (headline_blocks(message()), detail_blocks(message()))
    assert headline["metadata"]["event_payload"] == {"key": "k1"}
    assert server.tokens == [TOKEN, TOKEN]


def test_a_thread_that_exists_is_continued(slack: SlackChannel, server: SlackServer) -> None:
    """With a thread only the details are posted, in it."""
    assert slack.send(message(), key="k1", thread="1.5") == {"ts": "1.5", "channel": "#ml-alerts"}
    [details] = server.posts
    assert details["thread_ts"] == "1.5"
    assert details["blocks"] == detail_blocks(message())


def test_the_notification_text_is_not_parsed(slack: SlackChannel, server: SlackServer) -> None:
    """The text that Slack parses for notifications has its markup escaped and its formatting off."""
    slack.send(message(), key="k1", thread=None)
    for post in server.posts:
        assert post["text"] == "HIGH: flight_delay drifted"
        assert post["mrkdwn"] is False


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer.error("channel_not_found"), r"\(channel_not_found\): check alerts.slack.channel"),
        (Answer.error("invalid_auth"), r"\(invalid_auth\): renew the bot token in the Airflow connection"),
        (Answer.error("not_in_channel"), "invite the bot"),
        (Answer.error("missing_scope"), "chat:write"),
        (Answer.error("some_new_error"), r"\(some_new_error\): check the network and Slack's status"),
        (Answer(500, b"oops"), "did not take the alert"),
        (Answer(200, b"<html>a proxy's page</html>"), "did not take the alert"),
        (Answer(200, b"{}"), "did not take the alert"),
        (Answer(200, b'{"ok": true}'), "did not take the alert"),
    ],
)
def test_refusals_say_what_to_do(slack: SlackChannel, server: SlackServer, answer: Answer, told: str) -> None:
    """Each way to refuse becomes one error that names the channel, the cause and what to do; nothing was posted."""
    server.answers.append(answer)
    with pytest.raises(AlertUndelivered, match=told) as caught:
        slack.send(message(), key="k1", thread=None)
    assert "#ml-alerts" in str(caught.value)
    assert caught.value.external == {}
    assert server.posts == []


def test_details_that_fail_leave_the_headline_known(slack: SlackChannel, server: SlackServer) -> None:
    """When only the details are refused, the error carries the headline's ids: a retry goes on in its thread."""
    server.answers.extend([None, Answer.error("invalid_auth")])
    with pytest.raises(AlertUndelivered) as caught:
        slack.send(message(), key="k1", thread=None)
    [headline] = server.posts
    assert caught.value.external == {"ts": headline["ts"], "channel": "C0000000001"}


def test_a_rate_limit_is_waited_for(slack: SlackChannel, server: SlackServer) -> None:
    """A request that is limited is repeated after the time Slack names, not before."""
    server.answers.append(Answer.error("ratelimited", 429, Retry_After="1"))
    started = time.monotonic()
    slack.send(message(), key="k1", thread=None)
    assert time.monotonic() - started >= 1
    assert len(server.posts) == 2
    assert len(server.tokens) == 3


def test_a_lasting_rate_limit_is_told(slack: SlackChannel, server: SlackServer) -> None:
    """A request that stays limited is given up after one repetition."""
    server.answers.extend([Answer.error("ratelimited", 429, Retry_After="0")] * 2)
    with pytest.raises(AlertUndelivered, match=r"\(ratelimited\): wait; the task's next try sends it"):
        slack.send(message(), key="k1", thread=None)
    assert len(server.tokens) == 2


def test_a_handler_for_rate_limits_is_not_doubled() -> None:
    """A client that knows rate limits already keeps its own handler."""
    client = WebClient(TOKEN, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=7)])
    SlackChannel(client, "#a")
    SlackChannel(client, "#b")
    assert [handler.max_retry_count for handler in client.retry_handlers] == [7]


def test_a_refused_connection_is_told() -> None:
    """No server, no alert: the error names the cause and that a later try helps."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = WebClient(TOKEN, base_url=f"http://127.0.0.1:{port}/api/", retry_handlers=[])
    with pytest.raises(AlertUndelivered, match=r"refused.*next try") as caught:
        SlackChannel(client, "#ml-alerts").send(message(), key="k1", thread=None)
    assert caught.value.retryable


def test_a_server_that_does_not_answer_is_given_up() -> None:
    """A server that takes the connection and stays silent is given up after the client's timeout."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = WebClient(
            TOKEN, base_url=f"http://127.0.0.1:{mute.getsockname()[1]}/api/", timeout=1, retry_handlers=[]
        )
        with pytest.raises(AlertUndelivered, match="imed out"):
            SlackChannel(client, "#ml-alerts").send(message(), key="k1", thread=None)


@pytest.mark.parametrize("answer", [Answer.error(f"bad token {TOKEN}"), Answer(500, f"who sent {TOKEN}?".encode())])
def test_the_token_is_never_told(
    slack: SlackChannel, server: SlackServer, caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    """Even a server that echoes the token does not get it into the error, its traceback or our log."""
    server.answers.append(answer)
    with caplog.at_level(logging.DEBUG, "monitoring_tasks"), pytest.raises(AlertUndelivered) as caught:
        slack.send(message(), key="k1", thread=None)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert TOKEN not in "".join(record.getMessage() for record in caplog.records if "monitoring" in record.name)
