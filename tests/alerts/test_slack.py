"""The Slack channel against an HTTP server that answers as Slack does."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import socket
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitoring_tasks.alerts.channel import Delivery
from monitoring_tasks.alerts.message import Message, Plot
from monitoring_tasks.alerts.slack import SlackChannel, open_slack
from monitoring_tasks.alerts.slack_blocks import detail_blocks, headline_blocks, marked, note_blocks
from monitoring_tasks.data.connections import Account
from monitoring_tasks.errors import AlertRefused, AlertUndelivered, ConfigurationError
from monitoring_tasks.severity import Severity
from tests.alerts.conftest import HASTY, PATIENT, TOKEN
from tests.alerts.servers import Gate
from tests.slack_server import METADATA, Answer, SlackServer

PLOT = Plot("bars", "temp", ("low", "high"), {"reference": (0.9, 0.1), "current": (0.1, 0.9)}, alt="temp is high")
DRIFT = Message(
    Severity.HIGH,
    "HIGH: flight_delay: data fault in temp",
    headline=("2013-06-04 to 2013-06-11", "temp: severe drift, psi 8.4 against 0.2"),
    facts={"severity": "high", "rows": "6543"},
    lines=("temp: severe drift, psi 8.4 against 0.2",),
    step="Look at the report, then retrain.",
    links={"run": "https://airflow.example/1"},
    plots=(PLOT,),
)
SHORT = Message(Severity.HIGH, "RESOLVED: flight_delay: data fault in temp", lines=("healthy in 2 windows in a row",))
OPENED = Delivery("inc-1", DRIFT, incident="inc", event="opened")
NAME = "C0000000001"


def within(event: str, external: Mapping[str, str], message: Message = DRIFT) -> Delivery:
    """What happens later to the incident of `OPENED`."""
    return Delivery(f"inc-{event}", message, incident="inc", event=event, thread=external)


def test_headline_then_details_and_plots_in_its_thread(slack: SlackChannel, server: SlackServer) -> None:
    """The channel sees the headline; details and plots are in its thread; the ids are the headline's."""
    external = slack.send(OPENED)
    headline, details = server.posts
    assert external == {"ts": headline["ts"], "channel": NAME, "details": details["ts"], "plots": "F0000000000"}
    assert headline["channel"] == details["channel"] == "#ml-alerts"
    assert "thread_ts" not in headline
    assert details["thread_ts"] == headline["ts"]
    assert not details["reply_broadcast"]
    assert headline["blocks"] == marked(headline_blocks(DRIFT), "headline:inc-1")
    assert details["blocks"] == marked(detail_blocks(DRIFT), "details:inc-1")
    assert server.parts("inc-1") == ["headline", "details"]
    [plot] = server.files
    assert (plot["thread_ts"], plot["channel"], plot["title"], plot["alt_txt"]) == (
        headline["ts"], NAME, "temp", "temp is high"
    )  # fmt: skip
    assert plot["content"].startswith(b"\x89PNG")
    assert set(server.tokens) == {TOKEN}


@pytest.mark.parametrize("event", ["escalated", "reminded"])
def test_what_is_told_aloud_later_is_in_the_thread_and_in_the_channel(
    slack: SlackChannel, server: SlackServer, event: str
) -> None:
    """An escalation stands in the incident's thread, and its headline is shown in the channel as well."""
    thread = slack.send(OPENED)
    external = slack.send(within(event, thread))
    headline, details = server.posts[2:]
    assert headline["thread_ts"] == details["thread_ts"] == thread["ts"]
    assert headline["reply_broadcast"]
    assert not details["reply_broadcast"]
    assert external["ts"] == headline["ts"] != thread["ts"]
    assert server.files[1]["thread_ts"] == thread["ts"]


@pytest.mark.parametrize("event", ["joined", "acknowledged", "muted", "unmuted"])
def test_what_is_told_quietly_is_one_reply(slack: SlackChannel, server: SlackServer, event: str) -> None:
    """Quiet events are one reply in the thread, which the channel does not see, without plots."""
    thread = slack.send(OPENED)
    external = slack.send(within(event, thread))
    [reply] = server.posts[2:]
    assert reply["thread_ts"] == thread["ts"]
    assert not reply["reply_broadcast"]
    assert reply["blocks"] == marked(note_blocks(DRIFT), f"note:inc-{event}")
    assert external == {"ts": reply["ts"], "channel": NAME}
    assert len(server.files) == 1
    assert server.reactions == []


def test_what_is_told_quietly_without_a_thread_is_in_the_channel(slack: SlackChannel, server: SlackServer) -> None:
    """A channel that was not told of the opening is told of the end all the same."""
    slack.send(Delivery("inc-9", SHORT, incident="inc", event="resolved"))
    [post] = server.posts
    assert "thread_ts" not in post
    assert server.reactions == []


def test_a_resolved_incident_is_ticked_off(slack: SlackChannel, server: SlackServer) -> None:
    """The end is told in the thread, and the headline in the channel gets a mark."""
    thread = slack.send(OPENED)
    slack.send(within("resolved", thread, SHORT))
    assert server.posts[2]["thread_ts"] == thread["ts"]
    assert server.reactions == [{"channel": NAME, "timestamp": thread["ts"], "name": "white_check_mark"}]


@pytest.mark.parametrize("again", [False, True])
def test_a_mark_that_fails_is_no_failure(
    slack: SlackChannel, server: SlackServer, caplog: pytest.LogCaptureFixture, again: bool
) -> None:
    """Without the scope, or with the mark there already, the end is told; the log names a scope that is missing."""
    thread = slack.send(OPENED)
    if again:
        slack.send(within("resolved", thread, SHORT))
    else:
        server.lacking.add("reactions:write")
    with caplog.at_level(logging.INFO):
        slack.send(replace(within("resolved", thread, SHORT), key="other"))
    assert server.parts("other") == ["note"]
    told = ["slack.not_ticked_off error=missing_scope missing_scope=reactions:write"]
    assert [record.getMessage() for record in caplog.records if "ticked" in record.msg] == ([] if again else told)


def test_without_details_there_is_only_a_headline(slack: SlackChannel, server: SlackServer) -> None:
    """A message that says all in its title has no thread."""
    slack.send(Delivery("test-1", Message(Severity.LOW, "TEST: this is a test"), event="test"))
    assert server.parts("test-1") == ["headline"]


def test_the_notification_text_is_not_parsed(slack: SlackChannel, server: SlackServer) -> None:
    """The text that Slack parses for notifications has its markup escaped and its formatting off."""
    slack.send(replace(OPENED, message=replace(DRIFT, title="<!channel> & <http://evil|x>")))
    for post in server.posts:
        assert post["text"] == "&lt;!channel&gt; &amp; &lt;http://evil|x&gt;"
        assert post["mrkdwn"] is post["unfurl_links"] is post["unfurl_media"] is False


FAILURES = [
    (Answer.error("channel_not_found"), r"\(channel_not_found\): check the channel's `to`"),
    (Answer.error("invalid_auth"), r"\(invalid_auth\): renew the bot token in the channel's Airflow connection"),
    (Answer.error("not_in_channel"), "invite the bot"),
    (Answer.error("missing_scope"), "chat:write"),
    (Answer.error("some_new_error"), r"\(some_new_error\): check the network and Slack's status"),
    (Answer.error("internal_error"), "check the network"),
    (Answer(500, b"oops"), "did not take the alert"),
    (Answer(200, b""), "did not take the alert"),
    (Answer(200, b"{}"), "did not take the alert"),
    (Answer(200, b"[1]"), "did not take the alert"),
    (Answer(200, b'{"ok": tru'), "did not take the alert"),
    (Answer(200, b'{"ok": true}'), "the answer names no ts"),
    (Answer(200, b"\xff\xfe", {"Content-Type": "text/plain; charset=utf-8"}), "did not take the alert"),
    (Answer(200, b"{}", {"Content-Type": "text/plain; charset=klingon"}), "did not take the alert"),
    (Answer(302, b"", {"Location": "ftp://elsewhere/"}), "did not take the alert"),
    (Answer.garbage(), "non-JSON"),
    (Answer.close(), "did not take the alert"),
    (Answer.hang(), "imed out"),
]


@pytest.mark.parametrize(("answer", "told"), FAILURES)
def test_failures_say_what_to_do(server: SlackServer, answer: Answer, told: str) -> None:
    """Each way to fail becomes one error that names the channel, the cause and what to do; nothing was posted."""
    server.answers.append(answer)
    with pytest.raises(AlertUndelivered, match=told) as caught:
        _open(server, timeout=_patience(answer)).send(OPENED)
    assert "#ml-alerts" in str(caught.value)
    assert caught.value.external == {}
    assert caught.value.after is None
    assert server.posts == []


@pytest.mark.parametrize(("answer", "told"), FAILURES)
@pytest.mark.parametrize("taken", [0, 1, 2])
def test_whatever_fails_nothing_is_posted_twice(
    slack: SlackChannel, server: SlackServer, answer: Answer, told: str, taken: int
) -> None:
    """Slack fails after it took the headline or the details: the next try finds them, and posts what is missing."""
    server.answers.extend([*[None] * (taken // 2), answer.after_all() if taken else answer])
    with pytest.raises(AlertUndelivered) as caught:
        _open(server, timeout=_patience(answer)).send(OPENED)
    external = slack.send(replace(OPENED, external=caught.value.external, again=True))
    headline, details = server.posts
    assert server.parts("inc-1") == ["headline", "details"]
    assert external == {"ts": headline["ts"], "channel": NAME, "details": details["ts"], "plots": "F0000000000"}
    assert details["thread_ts"] == headline["ts"]


def test_details_that_fail_leave_the_headline_known(slack: SlackChannel, server: SlackServer) -> None:
    """When only the details are refused, the error carries the headline's ids: a retry goes on in its thread."""
    server.answers.extend([None, Answer.error("invalid_auth")])
    with pytest.raises(AlertUndelivered) as caught:
        slack.send(OPENED)
    [headline] = server.posts
    assert caught.value.external == {"ts": headline["ts"], "channel": NAME}
    slack.send(replace(OPENED, external=caught.value.external))
    assert server.parts("inc-1") == ["headline", "details"]


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        (Answer.limited(7), timedelta(seconds=7)),
        (Answer.error("rate_limited"), None),
        (Answer(429, b"slow down", {"Retry-After": "soon"}), None),
        (Answer.limited(10**12), timedelta(hours=1)),
    ],
)
def test_a_rate_limit_is_told_with_its_time(
    slack: SlackChannel, server: SlackServer, answer: Answer, after: timedelta | None
) -> None:
    """A request that is limited is not repeated here: the error names the time that Slack asks for, at most an hour."""
    server.answers.append(answer)
    with pytest.raises(AlertUndelivered, match=r"wait; a later try sends it") as caught:
        slack.send(OPENED)
    assert caught.value.after == after
    assert len(server.calls) == 1


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_blocks_too_long"])
def test_blocks_that_are_not_taken_are_sent_as_plain_text(
    slack: SlackChannel, server: SlackServer, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    """An alert that Slack cannot lay out is told as text in a fence, in which nothing is parsed."""
    server.answers.append(Answer.error(error))
    slack.send(OPENED)
    headline, details = server.posts
    assert "blocks" not in headline
    assert headline["text"].startswith("```HIGH: flight_delay: data fault in temp\n")
    assert headline["text"].endswith("```")
    assert details["blocks"]
    assert f"slack.blocks_refused channel=#ml-alerts error={error}" in caplog.text
    slack.send(replace(OPENED, again=True))
    assert server.parts("inc-1") == ["headline", "details"]


def test_what_is_not_taken_as_text_either_is_refused(slack: SlackChannel, server: SlackServer) -> None:
    """No later try mends a message that Slack does not take in any form."""
    server.answers.extend([Answer.error("invalid_blocks"), Answer.error("msg_too_long")])
    with pytest.raises(AlertRefused, match=r"\(msg_too_long\), not as plain text either: shorten"):
        slack.send(OPENED)
    assert len(server.calls) == 2


def test_a_thread_that_is_gone_leads_to_the_channel(slack: SlackChannel, server: SlackServer) -> None:
    """Somebody deleted the headline: an escalation is told in the channel, not lost."""
    server.answers.append(Answer.error("thread_not_found"))
    slack.send(within("escalated", {"ts": "1.5", "channel": NAME}))
    assert "thread_ts" not in server.posts[0]
    assert "reply_broadcast" not in server.posts[0]


@pytest.mark.parametrize(
    "answers", [[Answer.error("fatal_error")], [None, Answer(500)], [None, None, Answer.error("internal_error")]]
)
def test_plots_that_fail_are_left_out(
    slack: SlackChannel, server: SlackServer, caplog: pytest.LogCaptureFixture, answers: list[Answer | None]
) -> None:
    """Whatever step of an upload fails, the alert is told, and the log says that its picture is missing."""
    server.answers.extend([None, None, *answers])
    assert "plots" not in slack.send(OPENED)
    assert server.parts("inc-1") == ["headline", "details"]
    assert "slack.plots_left_out key=inc-1" in caplog.text


def test_the_log_names_the_scope_for_plots(
    slack: SlackChannel, server: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An app that may not upload files tells the alert without them, and what scope it lacks."""
    server.lacking.add("files:write")
    slack.send(OPENED)
    assert "slack.plots_left_out key=inc-1 missing_scope=files:write" in caplog.text


def test_a_plot_that_cannot_be_drawn_is_left_out(slack: SlackChannel, server: SlackServer) -> None:
    """A mistake in a plot does not keep the alert back."""
    broken = Plot("line", "auc", ("a",), {"auc": (None, 1.0)}, alt="")
    assert "ts" in slack.send(replace(OPENED, message=replace(DRIFT, plots=(replace(broken, kind="pie"),))))  # type: ignore[arg-type]
    assert server.parts("inc-1") == ["headline", "details"]


def test_plots_are_not_uploaded_twice(slack: SlackChannel, server: SlackServer) -> None:
    """Plots that Slack shows already are found by their names."""
    slack.send(OPENED)
    assert "plots" in slack.send(replace(OPENED, again=True))
    assert len(server.files) == 1
    assert len(server.posts) == 2


@pytest.mark.parametrize("place", ["#ml-alerts", "ml-alerts", NAME])
@pytest.mark.parametrize("lacking", [set(), {METADATA}])
def test_what_slack_has_is_found_again(server: SlackServer, place: str, lacking: set[str]) -> None:
    """A channel given by name or id is searched page by page, with the scope for metadata or without it."""
    channel = _open(server, place)
    sent = channel.send(OPENED)
    for number in range(7):
        channel.send(Delivery(f"other-{number}", SHORT))
    server.page = 3
    server.lacking = lacking
    assert channel.send(replace(OPENED, again=True)) == sent
    assert server.parts("inc-1") == ["headline", "details"]


def test_a_letter_within_an_incident_is_found_in_its_thread(slack: SlackChannel, server: SlackServer) -> None:
    """For a reply only the thread is read, and a reply of another letter is not taken for it."""
    thread = slack.send(OPENED)
    slack.send(within("escalated", thread))
    sent = slack.send(within("resolved", thread, SHORT))
    assert slack.send(replace(within("resolved", thread, SHORT), again=True)) == sent
    assert slack.send(replace(within("escalated", thread), again=True))["ts"] == server.posts[2]["ts"]
    assert len(server.posts) == 5
    assert "conversations.history" not in server.calls


def test_old_messages_are_not_searched(slack: SlackChannel, server: SlackServer) -> None:
    """The search ends three days back: one page is read of a channel whose older messages fill many."""
    for number in range(20):
        slack.send(Delivery(f"other-{number}", SHORT, event="joined"))
    for post in server.posts:
        post["ts"] = f"1.{post['ts'][:6]}"
    server.page = 5
    slack.send(replace(OPENED, again=True))
    assert server.calls.count("conversations.history") == 1


def test_a_search_that_is_limited_on_the_way_ends(slack: SlackChannel, server: SlackServer) -> None:
    """Slack lets some apps read fifteen messages a minute: the newest are read, and the alert is not kept back."""
    for number in range(4):
        slack.send(Delivery(f"other-{number}", SHORT, event="joined"))
    server.page = 2
    server.answers.extend([None, None, Answer.limited(60)])
    slack.send(replace(OPENED, again=True))
    assert server.parts("inc-1") == ["headline", "details"]


@pytest.mark.parametrize(
    ("lacking", "needed"), [("channels:history", "channels:history"), ("channels:read", "channels:read")]
)
def test_what_cannot_be_read_is_posted_again(
    slack: SlackChannel, server: SlackServer, caplog: pytest.LogCaptureFixture, lacking: str, needed: str
) -> None:
    """An app that may not read the channel posts rather twice than never, and says what scope it lacks."""
    slack.send(OPENED)
    server.lacking.add(lacking)
    slack.send(replace(OPENED, again=True))
    assert server.parts("inc-1") == ["headline", "details"] * 2
    told = f"slack.not_searched channel=#ml-alerts key=inc-1 error=missing_scope needed={needed}"
    assert told in caplog.text


def test_a_private_channel_is_found_by_its_own_scope(slack: SlackChannel, server: SlackServer) -> None:
    """An app for private channels alone may not list public ones, and need not."""
    server.private, server.lacking = {"ml-alerts"}, {"channels:read"}
    sent = slack.send(OPENED)
    assert slack.send(replace(OPENED, again=True)) == sent
    assert server.parts("inc-1") == ["headline", "details"]


def test_a_channel_that_is_not_in_the_list_is_posted_to(
    slack: SlackChannel, server: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An app that posts without being a member cannot read, and says so."""
    server.channels = {"others": "C0000000009"}
    slack.send(replace(OPENED, again=True))
    assert server.parts("inc-1") == ["headline", "details"]
    assert "error=channel_not_found" in caplog.text


@pytest.mark.parametrize("answer", [Answer(500), Answer.garbage(), Answer(200, b'{"ok": true}'), Answer.limited(9)])
def test_a_search_that_fails_posts_nothing(slack: SlackChannel, server: SlackServer, answer: Answer) -> None:
    """While Slack cannot say what it has, nothing is posted; what is known of the letter stays known."""
    known = {"ts": "1.5", "channel": NAME}
    server.answers.append(answer)
    with pytest.raises(AlertUndelivered) as caught:
        slack.send(replace(OPENED, external=known, again=True))
    assert caught.value.external == known
    assert caught.value.after == (timedelta(seconds=9) if answer.status == 429 else None)
    assert server.posts == []


def test_a_thread_that_is_gone_holds_nothing(slack: SlackChannel, server: SlackServer) -> None:
    """The search does not fail where the headline was deleted."""
    slack.send(Delivery("other", SHORT))
    slack.send(replace(within("joined", {"ts": "1.5", "channel": NAME}), again=True))
    assert server.parts("inc-joined") == ["note"]


ODD = [
    {"metadata": None, "blocks": None, "files": None},
    {"metadata": {"event_payload": None}, "blocks": [], "files": [{}]},
    {"blocks": [{}], "metadata": {}},
    {},
    "no message",
]


def test_messages_of_others_are_no_letters(slack: SlackChannel, server: SlackServer) -> None:
    """Whatever people and other apps write into the channel, the search passes over it."""
    page = b'{"ok": true, "messages": %s}'
    channels = b'{"ok": true, "channels": [{"id": "C0000000001", "name": "ml-alerts"}]}'
    server.answers.extend([Answer(200, channels), Answer(200, page % json.dumps(ODD).encode())])
    slack.send(replace(OPENED, again=True))
    assert server.parts("inc-1") == ["headline", "details"]


def test_a_refused_connection_is_told() -> None:
    """No server, no alert: the error names the cause and that a later try helps."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(AlertUndelivered, match=r"refused.*later try") as caught:
        _open(f"http://127.0.0.1:{port}/api/").send(OPENED)
    assert caught.value.retryable


def test_an_answer_that_never_ends_is_given_up(server: SlackServer) -> None:
    """A server that answers a byte now and then is given up as one that says nothing; the next try finds its post."""
    with Gate(int(server.url.split(":")[2].partition("/")[0])) as gate:
        slow = _open(f"http://127.0.0.1:{gate.port}/api/", timeout=0.5)
        gate.mode = "drip"
        started = time.monotonic()
        with pytest.raises(AlertUndelivered, match=r"no whole answer in 1 seconds\)"):
            slow.send(OPENED)
        assert time.monotonic() - started < PATIENT
    _open(server).send(replace(OPENED, again=True))
    assert server.parts("inc-1") == ["headline", "details"]


@pytest.mark.parametrize(
    "answer",
    [Answer.error(f"bad token {TOKEN}"), Answer(500, f"who sent {TOKEN}?".encode()), Answer(200, TOKEN.encode())],
)
@pytest.mark.parametrize("again", [False, True])
def test_the_token_is_never_told(
    slack: SlackChannel, server: SlackServer, caplog: pytest.LogCaptureFixture, answer: Answer, again: bool
) -> None:
    """Even a server that echoes the token does not get it into the error, its traceback or any log."""
    server.answers.append(answer)
    with caplog.at_level(logging.DEBUG), pytest.raises(AlertUndelivered) as caught:
        slack.send(replace(OPENED, again=again))
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("password", "extra", "told"),
    [
        (None, {}, "no token: put the bot token"),
        ("", {}, "no token"),
        (TOKEN, {"base_url": "file:///etc/passwd"}, "base_url is no address"),
        (TOKEN, {"base_url": 7}, "base_url is no address"),
    ],
)
def test_a_connection_that_cannot_serve(password: str | None, extra: dict[str, Any], told: str) -> None:
    """What a connection lacks is said before anything is sent, without its token."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        open_slack(Account("slack", password=password, extra=extra), "#ml")
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("posts", [1, 2])
def test_a_process_that_is_killed_leaves_nothing_to_post_twice(server: SlackServer, posts: int) -> None:
    """SIGKILL after Slack took the headline, or the details, and before it answered: the next try completes them."""
    process = multiprocessing.get_context("spawn").Process(target=_send, args=(server.url,))

    def kill(_: Mapping[str, Any]) -> None:
        if len(server.posts) == posts:
            os.kill(process.pid or 0, signal.SIGKILL)

    server.accepted = kill
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    server.accepted = lambda _: None
    external = _open(server).send(replace(OPENED, again=True))
    assert server.parts("inc-1") == ["headline", "details"]
    assert external["ts"] == server.posts[0]["ts"]
    assert len(server.files) == 1


def _patience(answer: Answer) -> float:
    return HASTY if answer.then == "hang" else PATIENT


def _open(server: SlackServer | str, place: str = "#ml-alerts", *, timeout: float = PATIENT) -> SlackChannel:
    url = server if isinstance(server, str) else server.url
    return open_slack(Account("slack", password=TOKEN, extra={"base_url": url}), place, timeout=timeout)


def _send(url: str) -> None:
    _open(url).send(OPENED)
