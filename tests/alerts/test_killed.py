"""Whoever finds and delivers may be killed at any point: each letter is told on Slack exactly once, none is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from monitoring_tasks.alerts.dispatch import LAPSE
from monitoring_tasks.incidents.reading import Cause, Reading, Signal
from monitoring_tasks.policy.verdict import Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.store.records import Letter
from tests.alerts.doomed import SLACK, Point, Run, start
from tests.alerts.letters import letter
from tests.slack_server import SlackServer
from tests.store.samples import verdict

TIMES = 10
WHOLE = ["headline", "details"]
POINTS = [
    *(
        Point("transaction", method, "after")
        for method in ("put_verdict", "put_reading", "lock_incidents", "put_incident", "add_transition", "post")
    ),
    Point("store", "digest_channels", "before"),
    Point("store", "claim_letter", "before"),
    Point("store", "claim_letter", "after"),
    Point("store", "thread", "after"),
    Point("channel", "send", "before"),
    Point("channel", "send", "after"),
    Point("store", "settle_letter", "before"),
    Point("store", "settle_letter", "after"),
]
NOW = datetime.now(UTC)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """Slack on loopback."""
    with SlackServer() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/outbox.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """The store of these runs."""
    with open_store(store_url) as opened:
        yield opened


def page(number: int) -> Letter:
    """A page of the incident of that number."""
    return letter(f"{number}-1-opened", channel=SLACK, incident=f"incident {number}", created_at=NOW, due_at=NOW)


def history(number: int) -> list[Letter]:
    """The letters of an incident that opened, got worse, and was resolved."""
    opened = page(number)
    later = enumerate(("escalated", "resolved"), start=2)
    return [opened, *(replace(opened, key=f"{number}-{n}-{event}", event=event, position=n) for n, event in later)]


def finding(number: int) -> tuple[Verdict, Reading]:
    """Drift of a monitor of its own."""
    name = f"model {number}"
    reasons = ("temp: severe drift, psi 8.4 against 0.2",)
    signal = Signal(Cause.DRIFT, Severity.HIGH, reasons, ("temp",), (f"{name}#temp",), ("data_drift",))
    judged = verdict(monitor=name)
    window = judged.subject.window
    covers = frozenset({Cause.DATA_QUALITY, Cause.DRIFT, Cause.NO_DATA})
    return judged, Reading(name, "ada", f"monitor_{number}", "drift", window, window.end, covers, (signal,))


def again(run: Run, turn: int) -> None:
    """What comes after the kill: the retry of the run, or, at odd turns, another run once the claim has lapsed.

    What was not committed only the retry finds again.
    """
    committed = run.point is None or run.point.part != "transaction"
    if committed and turn % 2:
        run = replace(run, by="another", now=run.now + LAPSE + timedelta(seconds=1), findings=())
    replace(run, point=None)()


def assert_told_once(slack: SlackServer, store: Store, letters: Sequence[Letter]) -> None:
    """Each letter is on Slack with all its parts, once, in order, and sent in the store."""
    parts = {each.key: ["note"] if each.event == "resolved" else WHOLE for each in letters}
    assert {key: slack.parts(key) for key in parts} == parts
    assert len(slack.posts) == sum(map(len, parts.values()))
    assert {each.key: each.state for each in store.letters()} == dict.fromkeys(parts, "sent")


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_killed_at_a_point_a_letter_is_told_once(
    slack: SlackServer, store: Store, store_url: str, point: Point
) -> None:
    """Ten runs killed between finding and delivery: what comes after them tells each incident exactly once."""
    found = [finding(turn) for turn in range(TIMES)]
    for turn in range(TIMES):
        run = Run(store_url, slack.url, by=f"run {turn}", now=NOW, findings=[found[turn]], point=point)
        process = start(run)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        again(run, turn)
    assert all(store.verdict(judged.subject) for judged, _ in found)
    assert len(store.readings(live=True)) == len(store.incidents(open_only=True)) == TIMES
    pages = [letter(f"{incident.id}-1-opened", incident=incident.id) for incident in store.incidents()]
    assert_told_once(slack, store, pages)


@pytest.mark.parametrize("part", WHOLE)
def test_killed_when_slack_has_it_a_letter_is_told_once(
    slack: SlackServer, store: Store, store_url: str, part: str
) -> None:
    """Ten runs killed after Slack took the headline, or the details, and before they heard of it."""
    runs: Queue[int] = Queue()

    def taken(post: dict[str, Any]) -> None:
        if post["metadata"]["event_payload"]["part"] == part:
            os.kill(runs.get(timeout=60), signal.SIGKILL)

    for turn in range(TIMES):
        run = Run(store_url, slack.url, by=f"run {turn}", now=NOW, letters=[page(turn)])
        slack.accepted = taken
        process = start(run)
        runs.put(process.pid or 0)
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        slack.accepted = lambda _: None
        again(run, turn)
    assert_told_once(slack, store, [page(turn) for turn in range(TIMES)])


def test_killed_at_any_time_an_incident_is_told_once(slack: SlackServer, store: Store, store_url: str) -> None:
    """Runs over a whole incident, each killed a little later than the one before: nothing is lost or told twice."""
    began = time.monotonic()
    finished = Run(store_url, slack.url, by="run", now=NOW, letters=history(0))
    process = start(finished)
    process.join(60)
    whole = time.monotonic() - began
    for turn in range(1, TIMES + 1):
        run = Run(store_url, slack.url, by=f"run {turn}", now=NOW, letters=history(turn))
        for share in (turn, turn + 2):
            process = start(run)
            process.join(whole * share / (TIMES + 2))
            process.kill()
            process.join(60)
        time.sleep(0.1)  # what was on its way to Slack has arrived when a retry begins
        again(run, turn)
    assert_told_once(slack, store, [each for turn in range(TIMES + 1) for each in history(turn)])


def test_several_runs_at_once_share_the_work(slack: SlackServer, store: Store, store_url: str) -> None:
    """Four runs that find and deliver the same at the same time tell each incident once, and one digest in all."""
    low = [replace(page(n), key=f"low {n}", incident="", digest=True, event="notice") for n in range(TIMES, 2 * TIMES)]
    told = [letter for n in range(TIMES) for letter in history(n)]
    processes = [start(Run(store_url, slack.url, by=f"run {n}", now=NOW, letters=[*told, *low])) for n in range(4)]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert {each.key: slack.parts(each.key) for each in told} == {
        each.key: ["note"] if each.event == "resolved" else WHOLE for each in told
    }
    [digest] = [each for each in store.letters() if each.event == "digest"]
    assert (digest.state, slack.parts(digest.key)) == ("sent", WHOLE)
    assert {each.state for each in store.letters() if each.digest} == {"bundled"}
