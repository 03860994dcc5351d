"""From readings to letters in a real store: who hears of an incident, once, whatever happens to it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.pages import pages_of
from monitoring_tasks.alerts.telling import Teller, act, put_promotion, record
from monitoring_tasks.alerts_section import Alerts, QuietHours
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.incidents.actions import acknowledge, mute, resolve, unmute
from monitoring_tasks.incidents.incident import Change, Event, Incident, State
from monitoring_tasks.incidents.reading import Reading
from monitoring_tasks.incidents.replay import replay
from monitoring_tasks.runtime import environment_runtime
from monitoring_tasks.severity import Severity
from monitoring_tasks.store.database import Store, open_store
from monitoring_tasks.store.records import Letter, RetrainingRecord
from tests.incidents.readings import FIRST, fault, reading, signal

QUIET = {"start": "22:00", "end": "07:00"}
NIGHT = QuietHours.model_validate(QUIET)
CHURN = Alerts.model_validate({"channels": {"team": {"to": "#churn"}}})
PAGED = Alerts.model_validate(
    {
        "channels": {"team": {"to": "#other"}, "pager": {"kind": "pagerduty"}},
        "routes": [{"to": "team"}, {"to": "pager", "least": "high"}],
    }
)
KNOWN = {"churn": CHURN, "other": PAGED}
TEAM, OTHER, PAGER = "slack:slack_default:#churn", "slack:slack_default:#other", "pagerduty:pagerduty_events_default"
MEDIUM, HIGH = Severity.MEDIUM, Severity.HIGH


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with open_store(f"sqlite:///{tmp_path}/results.db") as opened:
        yield opened


def read(store: Store, found: Reading, alerts: Alerts | None = None, *, now: datetime | None = None) -> list[Change]:
    """A live run's reading, told by the routes of its monitor."""
    alerts = KNOWN[found.monitor] if alerts is None else alerts
    teller = Teller(alerts, lambda change: compose(change, Told()), now or found.tick)
    with store.transaction() as transaction:
        return record(transaction, found, teller)


def told(store: Store) -> list[tuple[str, str]]:
    """Event and channel of every letter that is or will be sent, in order."""
    return [(letter.event, letter.channel) for letter in store.letters() if letter.state != "bundled"]


def settled(store: Store, letter: Letter, **became: object) -> None:
    """Have a letter claimed, and settled."""
    claimed = store.claim_letter(by="a", now=letter.due_at, lapse=timedelta(minutes=5))
    assert claimed is not None
    assert store.settle_letter(replace(claimed[0], **became))  # type: ignore[arg-type]


def test_a_pager_hears_of_what_a_neighbours_reading_made_worse(store: Store) -> None:
    """Two models have one fault of medium severity; the first run finds it high: each one's own pager is woken."""
    read(store, reading(0, fault("temp")))
    read(store, reading(0, fault("temp"), monitor="other"))
    read(store, reading(1, fault("temp", HIGH)))
    assert ("opened", PAGER) not in told(store)
    found = reading(1, fault("temp", HIGH), monitor="other")
    read(store, found)
    assert ("opened", PAGER) in told(store)
    before = told(store)
    read(store, found)
    assert told(store) == before


def test_the_letters_of_several_monitors_are_those_of_a_replay(store: Store) -> None:
    """To whom, and under which key: each by the routes of the monitor whose reading it was."""
    steps = [(0, "churn", MEDIUM), (0, "other", MEDIUM), (1, "churn", MEDIUM), (1, "other", HIGH), (2, "churn", HIGH)]
    readings = [reading(day, fault("temp", severity), monitor=monitor) for day, monitor, severity in steps]
    for each in readings:
        read(store, each)
        for letter in store.overdue(each.tick):
            settled(store, letter, state="sent", sent_at=each.tick)
    pages = pages_of(replay(readings, KNOWN.__getitem__), KNOWN)
    expected = sorted((page.change.key, channel) for page in pages for channel in page.channels)
    assert sorted((letter.key, letter.channel) for letter in store.letters()) == expected


def test_who_may_have_the_first_letter_gets_a_note_of_who_joined(store: Store) -> None:
    """Its sending failed with an unknown outcome: if the channel has it, it has the old text."""
    read(store, reading(0, fault("temp")))
    [first] = store.letters()
    settled(store, first, state="waiting", attempts=1, error="no answer", next_at=first.due_at)
    read(store, reading(0, fault("temp"), monitor="other"))
    assert ("joined", TEAM) in told(store)
    assert store.letters()[0].body == first.body


def test_a_first_letter_that_waits_names_who_joined(store: Store) -> None:
    """And there is no second one."""
    read(store, reading(0, fault("temp")))
    read(store, reading(0, fault("temp"), monitor="other"))
    assert [event for event, channel in told(store) if channel == TEAM] == ["opened"]
    assert "other" in str(store.letters()[0].body)


OVER: dict[str, Callable[[Incident], Change]] = {
    "acknowledged": lambda incident: acknowledge(incident, by="ann", tick=incident.spoken),
    "muted": lambda incident: mute(
        incident, until=FIRST + timedelta(days=99), by="ann", reason="known", tick=incident.spoken
    ),
    "resolved": lambda incident: resolve(incident, by="ann", reason="mended", tick=incident.spoken),
}


@pytest.mark.parametrize("event", OVER)
def test_nobody_is_woken_in_the_morning_by_what_was_settled_at_night(store: Store, event: str) -> None:
    """A page that waits for the end of quiet hours is withdrawn; those who read hear of all of it."""
    night = Alerts.model_validate({**PAGED.model_dump(mode="json"), "quiet_hours": QUIET})
    [change] = read(store, reading(0, fault("temp", HIGH), monitor="other"), night)
    act(store, change.incident.id, OVER[event], now=FIRST + timedelta(days=1, hours=3))
    assert told(store) == [("opened", OTHER), (event, OTHER)]


def test_a_page_that_was_withdrawn_is_told_when_the_silence_ends(store: Store) -> None:
    """Somebody muted it by mistake: the pager is woken by the next finding, once."""
    night = Alerts.model_validate({**PAGED.model_dump(mode="json"), "quiet_hours": QUIET})
    [change] = read(store, reading(0, fault("temp", HIGH), monitor="other"), night)
    for action in (OVER["muted"], lambda incident: unmute(incident, by="ann", tick=incident.spoken)):
        act(store, change.incident.id, action, now=change.tick)
    for day in (1, 2):
        read(store, reading(day, fault("temp", HIGH), monitor="other"), night)
    assert [event for event, channel in told(store) if channel == PAGER] == ["opened"]


def test_a_page_that_may_be_there_is_taken_back(store: Store) -> None:
    """One that was tried is not withdrawn: it is sent again, and resolved after it."""
    pager = Alerts.model_validate({"channels": {"pager": {"kind": "pagerduty"}}})
    [change] = read(store, reading(0, fault("temp", HIGH)), pager)
    [page] = store.letters()
    settled(store, page, state="waiting", attempts=1, error="no answer", next_at=page.due_at)
    act(store, change.incident.id, OVER["resolved"], now=page.due_at)
    assert told(store) == [("opened", PAGER), ("resolved", PAGER)]


@st.composite
def days(draw: st.DrawFn) -> list[tuple[str, Severity | None, str]]:
    """What two models' windows hold, day by day, and what a person does after each."""
    severities = st.sampled_from([None, Severity.LOW, MEDIUM, HIGH, Severity.CRITICAL])
    actions = st.sampled_from(["", "", "", *OVER])
    return draw(st.lists(st.tuples(st.sampled_from(sorted(KNOWN)), severities, actions), max_size=12))


@settings(max_examples=40, deadline=None)
@given(days(), st.booleans())
def test_nobody_hears_twice_and_nobody_is_left_out(found: list[tuple[str, Severity | None, str]], quiet: bool) -> None:
    """Each channel has one first letter of an incident and one of its end; who should know by the routes is told."""
    with environment_runtime({"MONITORING_STORE": "sqlite://", "MONITORING_HOME": "/nonexistent"}).store as store:
        for day, (monitor, severity, action) in enumerate(found):
            alerts = KNOWN[monitor].model_copy(update={"quiet_hours": NIGHT if quiet else None})
            each = reading(day, *([fault("temp", severity)] if severity else []), monitor=monitor, days=3)
            changes = read(store, each, alerts)
            for change in changes:
                if severity and change.incident.state is State.OPEN and change.event is not Event.EASED:
                    at_least = alerts.told(change.incident.topics, change.incident.owners, change.incident.severity)
                    with store.transaction() as transaction:
                        heard = transaction.told(change.incident.id)
                    low = change.incident.severity <= Severity.LOW
                    assert {to.address for to in at_least if not (low and to.pager)} <= heard
            for incident in store.incidents(open_only=True) if action else ():
                with suppress(ConfigurationError):
                    act(store, incident.id, OVER[action], now=each.tick)
        stands = [letter for letter in store.letters() if letter.state != "bundled"]
        once = [(each.incident, each.channel, each.event) for each in stands if each.event in ("opened", "resolved")]
        assert len(once) == len(set(once))
        assert len({(each.incident, each.channel, each.position) for each in stands}) == len(stands)


PROMOTED = RetrainingRecord(
    *("churn", "r1", "drift", "it drifted", "promoted"),
    requested_at=FIRST,
    window_end=FIRST,
    outcome="v2 replaced v1",
    decided_by="ann",
)


def test_a_promotion_ends_what_it_answers_in_the_same_transaction(store: Store) -> None:
    """Those who were told of the drift hear of its end beneath it; a data fault goes on."""
    read(store, reading(0, signal(severity=HIGH, topics=("data_drift",)), fault("temp")))
    [change] = put_promotion(store, PROMOTED, now=FIRST + timedelta(days=2))
    assert (change.event, change.incident.cause, change.by) == ("resolved", "drift", "ann")
    assert [each.cause.value for each in store.incidents(open_only=True)] == ["data_quality"]
    [end] = [letter for letter in store.letters() if letter.event == "resolved"]
    assert (end.channel, end.incident) == (TEAM, change.incident.id)
    assert "v2 replaced v1" in str(end.body)
    assert store.retraining("churn", "r1") == PROMOTED
    assert put_promotion(store, PROMOTED, now=FIRST + timedelta(days=3)) == []


def test_a_promotion_that_is_not_stored_ends_nothing(store: Store) -> None:
    """A record that cannot be written leaves the incident open, and nobody is told."""
    read(store, reading(0, signal(severity=HIGH)))
    before = store.letters()
    with pytest.raises(ValueError, match="JSON"):
        put_promotion(store, replace(PROMOTED, champion={"auc": float("nan")}), now=FIRST)
    assert (len(store.incidents(open_only=True)), store.letters()) == (1, before)
