"""Delivery: once per channel, never for a backfill, and recorded whatever happens."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from monitoring_tasks.alerts.delivery import Channel, alert_key, deliver
from monitoring_tasks.alerts.log import LogChannel
from monitoring_tasks.alerts.message import Message, to_text
from monitoring_tasks.alerts.slack import SlackChannel
from monitoring_tasks.errors import AlertUndelivered
from monitoring_tasks.monitor import Severity
from monitoring_tasks.policy.verdict import Outcome
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.window import Window
from tests.alerts.samples import SUBJECT, message, verdict
from tests.slack_server import Answer, SlackServer

KEY = alert_key(verdict())


class BrokenChannel:
    """A channel with a mistake in it."""

    name = "broken"
    delivered = "sent"

    def send(self, message: Message, *, key: str, thread: str | None) -> Mapping[str, str]:
        """Fail in a way no channel should."""
        raise ZeroDivisionError("a mistake")


@pytest.fixture(params=["slack", "log"])
def channel(request: pytest.FixtureRequest, slack: SlackChannel) -> Channel:
    """Each channel there is."""
    return slack if request.param == "slack" else LogChannel()


class Heard:
    """What the world heard: posts in Slack and alerts in the log."""

    def __init__(self, server: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
        self._server, self._caplog = server, caplog

    def __len__(self) -> int:
        logged = [record for record in self._caplog.records if record.getMessage().startswith("alert key=")]
        return len(logged) + sum("thread_ts" not in post for post in self._server.posts)


@pytest.fixture
def heard(server: SlackServer, caplog: pytest.LogCaptureFixture) -> Heard:
    """Counts alerts that reached somebody."""
    caplog.set_level(logging.INFO, "monitoring_tasks")
    return Heard(server, caplog)


def test_an_alert_is_delivered_and_recorded(channel: Channel, store: Store, heard: Heard) -> None:
    """The alert reaches its channel once, and the record says all about it."""
    [record] = deliver(message(), key=KEY, channels=[channel], store=store, silent=False)
    assert len(heard) == 1
    assert record == store.alert(KEY, channel.name)
    assert (record.key, record.channel, record.state) == (KEY, channel.name, channel.delivered)
    assert (record.monitor, record.window, record.severity) == ("flight_delay", SUBJECT.window, Severity.HIGH)
    assert record.message == to_text(message())


def test_a_retry_delivers_nothing_twice(channel: Channel, store: Store, heard: Heard) -> None:
    """The same key again leaves the channel alone and gives the first record."""
    first = deliver(message(), key=KEY, channels=[channel], store=store, silent=False)
    again = deliver(message(reasons=()), key=KEY, channels=[channel], store=store, silent=False)
    assert len(heard) == 1
    assert again == first


def test_another_key_is_another_alert(channel: Channel, store: Store, heard: Heard) -> None:
    """A different outcome of the same window is told again."""
    for key in ("one", "two"):
        deliver(message(), key=key, channels=[channel], store=store, silent=False)
    assert len(heard) == 2


def test_a_worse_alert_is_told(channel: Channel, store: Store, heard: Heard) -> None:
    """A window that is found worse when it is judged again is told again; each severity is told once."""
    for severity in (Severity.HIGH, Severity.CRITICAL, Severity.CRITICAL, Severity.HIGH):
        given = verdict(severity=severity)
        deliver(message(severity=severity), key=alert_key(given), channels=[channel], store=store, silent=False)
    assert len(heard) == 2


def test_a_backfill_tells_nobody(channel: Channel, store: Store, heard: Heard) -> None:
    """A silent delivery reaches nobody and records that it would have, however often it runs."""
    for _ in range(2):
        [record] = deliver(message(), key=KEY, channels=[channel], store=store, silent=True)
        assert record.state == "withheld"
    assert len(heard) == 0
    assert [kept.message for kept in store.alerts(state="withheld")] == [to_text(message())]


def test_a_backfill_does_not_forget_what_was_sent(channel: Channel, store: Store, heard: Heard) -> None:
    """A window whose alert was delivered live stays delivered when it is recomputed."""
    deliver(message(), key=KEY, channels=[channel], store=store, silent=False)
    [record] = deliver(message(), key=KEY, channels=[channel], store=store, silent=True)
    assert record.state == channel.delivered
    assert store.alerts() == [record]
    assert len(heard) == 1


def test_what_a_backfill_withheld_can_be_sent_live(channel: Channel, store: Store, heard: Heard) -> None:
    """A live run of the same window after its backfill sends."""
    deliver(message(), key=KEY, channels=[channel], store=store, silent=True)
    [record] = deliver(message(), key=KEY, channels=[channel], store=store, silent=False)
    assert (record.state, len(heard)) == (channel.delivered, 1)


def test_a_failing_channel_does_not_stop_the_others(
    slack: SlackChannel, server: SlackServer, store: Store, heard: Heard
) -> None:
    """All channels are tried; the failure is recorded and raised at the end, naming only the channel that failed."""
    server.answers.append(Answer.error("channel_not_found"))
    with pytest.raises(AlertUndelivered, match=r"1 of 2 channels.*#ml-alerts.*channel_not_found") as caught:
        deliver(message(), key=KEY, channels=[slack, LogChannel()], store=store, silent=False)
    assert "log" not in str(caught.value)
    assert [(record.channel, record.state) for record in store.alerts()] == [
        ("log", "logged"),
        ("slack:#ml-alerts", "failed"),
    ]
    assert len(heard) == 1


def test_a_retry_reaches_only_the_channel_that_failed(
    slack: SlackChannel, server: SlackServer, store: Store, heard: Heard
) -> None:
    """After a failure the retry sends to the failed channel and leaves the other alone."""
    server.answers.append(Answer(500, b""))
    channels = [slack, LogChannel()]
    with pytest.raises(AlertUndelivered):
        deliver(message(), key=KEY, channels=channels, store=store, silent=False)
    records = deliver(message(), key=KEY, channels=channels, store=store, silent=False)
    assert [record.state for record in records] == ["sent", "logged"]
    assert len(heard) == 2
    assert "error" not in records[0].external


def test_a_retry_after_the_headline_adds_the_details_only(
    slack: SlackChannel, server: SlackServer, store: Store
) -> None:
    """When the headline was posted and the details were not, the retry posts the details in the same thread."""
    server.answers.extend([None, Answer.error("invalid_auth")])
    with pytest.raises(AlertUndelivered):
        deliver(message(), key=KEY, channels=[slack], store=store, silent=False)
    [record] = deliver(message(), key=KEY, channels=[slack], store=store, silent=False)
    headline, details = server.posts
    assert details["thread_ts"] == headline["ts"] == record.external["ts"]
    assert record.state == "sent"


def test_a_mistake_in_a_channel_is_a_failure_of_that_channel(store: Store, heard: Heard) -> None:
    """Even an error no channel should raise leaves the others working, and is recorded."""
    with pytest.raises(AlertUndelivered, match="broken: ZeroDivisionError: a mistake"):
        deliver(message(), key=KEY, channels=[BrokenChannel(), LogChannel()], store=store, silent=False)
    assert [record.state for record in store.alerts()] == ["failed", "logged"]
    assert len(heard) == 1


def test_a_failure_stays_known_during_a_backfill(
    slack: SlackChannel, server: SlackServer, store: Store, heard: Heard
) -> None:
    """A backfill neither repairs nor hides an alert that failed, and does not fail for it."""
    server.answers.append(Answer(500, b""))
    with pytest.raises(AlertUndelivered):
        deliver(message(), key=KEY, channels=[slack], store=store, silent=False)
    [record] = deliver(message(), key=KEY, channels=[slack], store=store, silent=True)
    assert (record.state, len(heard)) == ("failed", 0)


def test_the_log_has_the_whole_alert(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The log channel writes the alert as one event of several lines, as a warning."""
    deliver(message(), key=KEY, channels=[LogChannel()], store=store, silent=False)
    [event] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert event.getMessage() == f"alert key={KEY} severity=high\n{to_text(message())}"


class SlowChannel:
    """A channel that takes its time, and counts."""

    name = "slow"
    delivered = "sent"

    def __init__(self) -> None:
        self.heard: list[str] = []

    def send(self, message: Message, *, key: str, thread: str | None) -> Mapping[str, str]:
        """Take half a second."""
        self.heard.append(key)
        time.sleep(0.5)
        return {}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_runs_at_once_tell_once(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> None:
    """Two runs of one window that alert at the same moment post once; the other reports that it is being sent."""
    url = f"sqlite:///{tmp_path}/two.db" if database == "sqlite" else request.getfixturevalue("postgres_url")
    channel, barrier = SlowChannel(), Barrier(2)

    def run(name: str) -> str:
        with open_store(url) as opened:
            barrier.wait(30)
            given = {"key": KEY, "channels": [channel], "store": opened, "silent": False, "by": name}
            return deliver(message(), **given)[0].state

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, ["one", "two"])) == ["sending", "sent"]
    assert channel.heard == [KEY]


class Killed(BaseException):
    """What ends a task from outside."""


def test_the_retry_of_a_killed_run_sends(store: Store, heard: Heard) -> None:
    """A run that was ended while it sent sends again when it is tried again; another run leaves it to that."""

    class KilledChannel(LogChannel):
        def send(self, message: Message, *, key: str, thread: str | None) -> Mapping[str, str]:
            raise Killed

    with pytest.raises(Killed):
        deliver(message(), key=KEY, channels=[KilledChannel()], store=store, silent=False, by="one")
    states = []
    for by in ("two", "one", "two"):
        [record] = deliver(message(), key=KEY, channels=[LogChannel()], store=store, silent=False, by=by)
        states.append(record.state)
    assert states == ["sending", "logged", "logged"]
    assert len(heard) == 1


def test_keys_tell_alerts_apart() -> None:
    """Each part of the key counts; reasons, evidence and actions do not."""
    given = verdict()
    others = [
        replace(given, outcome=Outcome.WARNING),
        replace(given, severity=Severity.CRITICAL),
        *(
            replace(given, subject=replace(SUBJECT, **{part: value}))
            for part, value in (
                ("monitor", "other"),
                ("champion", "v2"),
                ("config_hash", "beef"),
                ("window", Window.parse("2013-06-05", "2013-06-12")),
            )
        ),
    ]
    assert len({alert_key(each) for each in (given, *others)}) == 7
    assert alert_key(replace(given, reasons=(), evidence={}, actions=())) == KEY
