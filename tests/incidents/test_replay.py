"""What live runs would have told: readings folded when they were due."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.incidents.fold import unless_over
from monitoring_tasks.incidents.incident import Change, Event
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.incidents.replay import Replayed, replay
from monitoring_tasks.severity import Severity
from tests.incidents.readings import ALERTS, Told, day, fault, reading, signal


def test_no_readings_tell_nothing() -> None:
    """An empty store would have told nothing."""
    assert replay([], lambda _: ALERTS) == Replayed()


def test_a_replay_lists_what_would_have_been_told() -> None:
    """Incidents stand in the order of their opening, the loud changes with the tick of the run that told them."""
    history = [reading(0, signal()), reading(1, signal(severity=Severity.HIGH)), reading(2), reading(3)]
    found = replay(reversed(history), lambda _: ALERTS)
    assert [change.event for change in found.changes] == [
        Event.OPENED,
        Event.ESCALATED,
        Event.EASED,
        Event.RESOLVED,
    ]
    assert [(change.event, change.tick) for change in found.loud] == [
        (Event.OPENED, day(0).end),
        (Event.ESCALATED, day(1).end),
    ]
    assert found.incidents == (found.changes[-1].incident,)


def test_each_monitor_has_its_own_alerts() -> None:
    """One that waits for a single healthy window is resolved before one that waits for two."""
    alerts = {"one": Alerts(healthy_windows=1), "two": Alerts(healthy_windows=2)}
    history = [reading(number, *([] if number else [signal()]), monitor=name) for number in (0, 1) for name in alerts]
    found = replay(history, alerts.__getitem__)
    assert [(incident.monitors, incident.open) for incident in found.incidents] == [(("one",), False), (("two",), True)]


def test_a_run_fails_before_it_is_repeated() -> None:
    """A failure and what the repeated run found are of one tick: the failure came first."""
    failed = reading(0, signal(Cause.FAILED), stream="run", covers=[])
    repeated = reading(0, covers=[Cause.DRIFT, Cause.FAILED])
    for history in ([failed, repeated], [repeated, failed]):
        (incident,) = replay(history, lambda _: ALERTS).incidents
        assert (incident.opened, incident.resolved) == (day(0).end, day(0).end)


def test_readings_of_two_runs_at_one_tick_have_an_order() -> None:
    """Two DAGs of one monitor that fail at once are told in the same order each time."""
    first = reading(0, signal(Cause.FAILED), stream="run")
    second = replace(first, dag_id="performance_churn")
    assert replay([first, second], lambda _: ALERTS) == replay([second, first], lambda _: ALERTS)


def test_a_window_that_opened_an_incident_opens_it_once() -> None:
    """It is read again after the incident ended, later than all else: nothing is new."""
    told = Told()
    told.read(reading(0, fault("temp")), reading(1), reading(2))
    later = replace(reading(0, fault("temp")), tick=day(5).end)
    found = replay([reading(0, fault("temp")), reading(1), reading(2), later], lambda _: ALERTS)
    assert found.incidents == tuple(told.incidents.values())


@pytest.mark.parametrize("cause", [Cause.FAILED, Cause.LATE])
def test_a_run_that_fails_again_after_it_was_well_fails_anew(cause: Cause) -> None:
    """It was cleared, succeeded, was cleared again and fails: that is another incident, and a third is one more."""
    failed, well = reading(0, signal(cause), stream="run", covers=[]), reading(0, stream="run", covers=[cause])
    hour = timedelta(hours=1)
    history = [replace(each, tick=each.tick + number * hour) for number, each in enumerate([failed, well] * 3)]
    found = replay(history, lambda _: ALERTS)
    assert [change.event for change in found.changes] == [Event.OPENED, Event.RESOLVED] * 3
    first, second, third = (incident.id for incident in found.incidents)
    assert (second, third) == (f"{first}-2", f"{first}-2-2")


def test_what_opens_nothing_is_left_as_it_is() -> None:
    """Only an opening can be one too many."""
    told = Told()
    told.read(reading(0, signal()), reading(1))
    eased = told.changes[-1]
    assert unless_over(eased, told.incidents.get) == eased
    assert unless_over(told.changes[0], told.incidents.get) is None
    unknown = Change(replace(told.only, id="another"), Event.OPENED, day(0).end)
    assert unless_over(unknown, told.incidents.get) == unknown


def test_reminders_count_from_ticks_not_from_the_clock() -> None:
    """A replay years later reminds when live runs did."""
    alerts = Alerts(remind=timedelta(days=2))
    found = replay([reading(number, signal()) for number in range(5)], lambda _: alerts)
    assert [change.tick for change in found.loud] == [day(0).end, day(2).end, day(4).end]
