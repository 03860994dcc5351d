"""Orders of people: which incidents are meant, when an action counts, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitoring_tasks.alerts.acting import Order, carry_out, find_incident, tick_of
from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.telling import Teller, record
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.incidents.incident import State
from monitoring_tasks.incidents.reading import Cause, Reading
from monitoring_tasks.runtime import Runtime
from tests.incidents.readings import FIRST, fault, reading, signal

NOW = FIRST + timedelta(days=3)


def find(runtime: Runtime, found: Reading) -> None:
    """Record what a live run found."""
    teller = Teller(Alerts(), lambda change: compose(change, Told()), NOW)
    with runtime.store.transaction() as transaction:
        record(transaction, found, teller)


def states(runtime: Runtime) -> dict[str, str]:
    """The state of each incident, by its cause."""
    return {incident.cause.value: incident.state.value for incident in runtime.store.incidents()}


def test_all_incidents_of_a_monitor(runtime: Runtime) -> None:
    """By the monitor's name every open one is meant, and those of another monitor are left alone."""
    find(runtime, reading(0, fault("temp"), signal()))
    find(runtime, reading(0, signal(Cause.NO_DATA), monitor="other"))
    done = carry_out(runtime.store, "churn", Order("acknowledge", "jane"), now=NOW)
    assert [(change.incident.state, change.by) for change in done] == [(State.ACKNOWLEDGED, "jane")] * 2
    assert states(runtime) == {"data_quality": "acknowledged", "drift": "acknowledged", "no_data": "open"}


def test_only_those_that_an_action_fits(runtime: Runtime) -> None:
    """What is muted is not acknowledged along with the rest, and only what is muted is unmuted."""
    find(runtime, reading(0, fault("temp"), signal()))
    muted = next(each for each in runtime.store.incidents() if each.cause is Cause.DRIFT)
    order = Order("mute", "jane", "known", NOW + timedelta(days=1))
    carry_out(runtime.store, muted.id, order, now=NOW)
    carry_out(runtime.store, "churn", Order("acknowledge", "jim"), now=NOW)
    assert states(runtime) == {"data_quality": "acknowledged", "drift": "muted"}
    [freed] = carry_out(runtime.store, "churn", Order("unmute", "jim"), now=NOW)
    assert (freed.incident.id, freed.incident.state) == (muted.id, State.OPEN)


def test_an_action_counts_at_the_newest_tick(runtime: Runtime) -> None:
    """So that a replay has it at the same place: at the newest reading of any monitor concerned, of any stream."""
    find(runtime, reading(0, fault("temp")))
    find(runtime, reading(0, fault("temp"), monitor="other"))
    find(runtime, reading(2, monitor="other", stream="performance", covers=()))
    [incident] = runtime.store.incidents()
    assert tick_of(runtime.store, incident) == FIRST + timedelta(days=3)
    [change] = carry_out(runtime.store, incident.id, Order("resolve", "jane", "mended"), now=NOW)
    assert (change.tick, change.incident.resolved) == (FIRST + timedelta(days=3), FIRST + timedelta(days=3))


def test_an_incident_without_readings(runtime: Runtime) -> None:
    """Where its readings were purged, an action counts when it was last told."""
    find(runtime, reading(0, signal()))
    [incident] = runtime.store.incidents()
    assert tick_of(runtime.store, incident) == incident.spoken
    assert tick_of(runtime.store, type(incident)(**{**vars(incident), "members": ()})) == incident.spoken


def test_what_is_refused(runtime: Runtime) -> None:
    """An unknown name says what there is; a mute needs an end; what has ended stays as it is."""
    with pytest.raises(ConfigurationError, match="'churn' to resolve: there are none"):
        carry_out(runtime.store, "churn", Order("resolve", "jane", "x"), now=NOW)
    find(runtime, reading(0, signal()))
    [incident] = runtime.store.incidents()
    with pytest.raises(ConfigurationError, match="say for how long, such as 7d"):
        carry_out(runtime.store, "churn", Order("mute", "jane", "x"), now=NOW)
    with pytest.raises(ConfigurationError, match="give a time to come"):
        carry_out(runtime.store, "churn", Order("mute", "jane", "x", NOW), now=NOW)
    with pytest.raises(ConfigurationError, match=rf"'other' to mute: there are {incident.id} \(churn\)"):
        carry_out(runtime.store, "other", Order("mute", "jane", "x", NOW), now=NOW)
    carry_out(runtime.store, "churn", Order("resolve", "jane", "mended"), now=NOW)
    with pytest.raises(ConfigurationError, match="was resolved"):
        carry_out(runtime.store, incident.id, Order("acknowledge", "jane"), now=NOW)
    assert [each.event for each in runtime.store.transitions(incident.id)] == ["opened", "resolved"]


def test_the_beginning_of_an_id(runtime: Runtime) -> None:
    """It means the one incident that begins like that; several are named, and a cause alone means none."""
    find(runtime, reading(0, signal()))
    [incident] = runtime.store.incidents()
    assert find_incident(runtime.store, incident.id[:9]) == incident
    assert find_incident(runtime.store, "drift") is None
    assert find_incident(runtime.store, "drift-") is None
    twin = f"{incident.id[:12]}0123456789"
    with runtime.store.transaction() as transaction:
        transaction.put_incident(replace(incident, id=twin))
    with pytest.raises(ConfigurationError, match=f"several incidents begin with '{incident.id[:9]}'") as caught:
        carry_out(runtime.store, incident.id[:9], Order("acknowledge", "jane"), now=NOW)
    assert twin in str(caught.value)
    assert {each.state for each in runtime.store.incidents()} == {State.OPEN}


def test_a_long_list_is_cut(runtime: Runtime) -> None:
    """With hundreds of open incidents, an unknown name names a few of them and counts the others."""
    for number in range(12):
        find(runtime, reading(0, signal(), monitor=f"m{number}"))
    with pytest.raises(ConfigurationError, match=r"and 2 more$"):
        carry_out(runtime.store, "churn", Order("resolve", "jane", "x"), now=NOW)
