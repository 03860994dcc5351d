"""What a person may do about an incident, and what is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.incidents.actions import acknowledge, mute, resolve, unmute
from monitoring_tasks.incidents.incident import Change, Event, Incident, Mute, State
from monitoring_tasks.severity import Severity
from tests.incidents.readings import Told, day, days_later, reading, signal

TICK = day(4).end
UNTIL = days_later(TICK, 7)


@pytest.fixture
def incident() -> Incident:
    """An open incident that was told as high, and is medium now."""
    told = Told()
    told.read(reading(0, signal(severity=Severity.HIGH)), reading(1, signal()))
    return told.only


def test_acknowledging_takes_an_incident_on(incident: Incident) -> None:
    """It is kept who did it and why, and counted, for it is told."""
    change = acknowledge(incident, by="ann", tick=TICK, reason="looking\nat it")
    assert (change.event, change.by, change.reason, change.tick) == (Event.ACKNOWLEDGED, "ann", "looking at it", TICK)
    assert (change.incident.state, change.incident.number) == (State.ACKNOWLEDGED, incident.number + 1)


def test_a_mute_is_measured_by_the_worst_that_was_told(incident: Incident) -> None:
    """What people heard before they muted it is no news when it comes back."""
    change = mute(incident, until=UNTIL, by="ann", reason="known", tick=TICK, now=TICK)
    assert change.incident.state is State.MUTED
    assert change.incident.mute == Mute(UNTIL, "known", "ann", Severity.HIGH)
    assert (change.event, change.incident.number) == (Event.MUTED, incident.number + 1)


def test_acknowledging_ends_a_mute(incident: Incident) -> None:
    """Whoever takes it on hears of it."""
    muted = mute(incident, until=UNTIL, by="ann", reason="known", tick=TICK).incident
    assert acknowledge(muted, by="ben", tick=TICK).incident.mute is None


def test_unmuting_opens_an_incident_again(incident: Incident) -> None:
    """A mute that ends before its time leaves an incident that nobody has taken on."""
    muted = mute(incident, until=UNTIL, by="ann", reason="known", tick=TICK).incident
    change = unmute(muted, by="ben", tick=TICK)
    assert (change.event, change.by, change.incident.state, change.incident.mute) == (
        Event.UNMUTED,
        "ben",
        State.OPEN,
        None,
    )


def test_resolving_ends_an_incident_with_its_reason(incident: Incident) -> None:
    """The reason is its resolution, and the next finding opens another incident."""
    change = resolve(incident, by="ann", reason=" fixed upstream ", tick=TICK)
    assert (change.event, change.by, change.reason) == (Event.RESOLVED, "ann", "fixed upstream")
    assert (change.incident.state, change.incident.resolved, change.incident.resolution) == (
        State.RESOLVED,
        TICK,
        "fixed upstream",
    )
    told = Told()
    told.take(change)
    assert told.read(reading(5, signal())) == [Event.OPENED]


ACTIONS: dict[str, Callable[[Incident], Change]] = {
    "acknowledge": lambda incident: acknowledge(incident, by="ann", tick=TICK),
    "mute": lambda incident: mute(incident, until=UNTIL, by="ann", reason="known", tick=TICK),
    "unmute": lambda incident: unmute(incident, by="ann", tick=TICK),
    "resolve": lambda incident: resolve(incident, by="ann", reason="fixed", tick=TICK),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_what_has_ended_stays_as_it_is(incident: Incident, action: str) -> None:
    """No action changes a resolved incident; the error says when and why it ended."""
    ended = resolve(incident, by="ann", reason="fixed upstream", tick=TICK).incident
    with pytest.raises(ConfigurationError, match=r"was resolved at 2013-06-08T00:00:00Z \(fixed upstream\)"):
        ACTIONS[action](ended)


def test_taking_on_what_is_taken_on_is_refused(incident: Incident) -> None:
    """Nothing would be told."""
    taken = acknowledge(incident, by="ann", tick=TICK).incident
    with pytest.raises(ConfigurationError, match="is acknowledged already"):
        acknowledge(taken, by="ben", tick=TICK)


def test_unmuting_needs_a_mute(incident: Incident) -> None:
    """What is not muted is named as what it is."""
    with pytest.raises(ConfigurationError, match="is not muted, it is open"):
        unmute(incident, by="ann", tick=TICK)


@pytest.mark.parametrize("blank", ["", "  ", "\n\x00"])
def test_silence_and_ends_need_a_reason(incident: Incident, blank: str) -> None:
    """A mute and a resolution without a word are refused."""
    with pytest.raises(ConfigurationError, match="cannot be muted without a reason"):
        mute(incident, until=UNTIL, by="ann", reason=blank, tick=TICK)
    with pytest.raises(ConfigurationError, match="cannot be resolved without a reason"):
        resolve(incident, by="ann", reason=blank, tick=TICK)


@pytest.mark.parametrize("until", [TICK, days_later(TICK, -1)])
def test_a_mute_ends_in_the_future(incident: Incident, until: datetime) -> None:
    """A mute that is over silences nothing, and somebody meant another one."""
    with pytest.raises(ConfigurationError, match="which is over"):
        mute(incident, until=until, by="ann", reason="known", tick=TICK, now=TICK)


def test_a_mute_says_in_which_zone_it_ends(incident: Incident) -> None:
    """Without a time zone nobody knows when it ends."""
    with pytest.raises(ConfigurationError, match="has no time zone"):
        mute(incident, until=UNTIL.replace(tzinfo=None), by="ann", reason="known", tick=TICK)


def test_an_incident_and_its_mute_survive_json(incident: Incident) -> None:
    """What the store keeps is what was there."""
    muted = mute(incident, until=UNTIL, by="ann", reason="known", tick=TICK).incident
    ended = resolve(muted, by="ann", reason="fixed", tick=TICK).incident
    for each in (incident, muted, ended, replace(muted, members=())):
        assert Incident.from_json(each.to_json()) == each
