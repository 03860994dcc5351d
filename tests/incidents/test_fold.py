"""How readings change incidents, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitoring_tasks.alerts_section import Alerts, Downtime, Patience
from monitoring_tasks.incidents.fold import advance, answered
from monitoring_tasks.incidents.incident import Event, Mute, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.severity import Severity
from tests.incidents.readings import FIRST, Told, day, days_later, fault, reading, signal

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL


def test_a_finding_opens_an_incident_and_the_same_finding_repeats_it() -> None:
    """The first finding is told, those after it are not, and how many windows there were is counted."""
    told = Told()
    assert told.read(reading(0, signal()), reading(1, signal()), reading(2, signal())) == [
        Event.OPENED,
        Event.REPEATED,
        Event.REPEATED,
    ]
    assert told.only.number == 1
    assert told.only.opened == told.only.spoken == day(0).end
    (member,) = told.only.members
    assert (member.windows, member.first, member.last) == (3, day(0), day(2))


def test_a_window_without_a_finding_opens_nothing() -> None:
    """Health is no news."""
    assert Told().read(reading(0), reading(1)) == []


def test_worse_is_told_again() -> None:
    """An escalation is told aloud once; what is less than what was told is not."""
    told = Told()
    events = told.read(*(reading(number, signal(severity=each)) for number, each in enumerate([MEDIUM, HIGH, MEDIUM])))
    assert events == [Event.OPENED, Event.ESCALATED, Event.REPEATED]
    assert (told.only.severity, told.only.told, told.only.worst) == (MEDIUM, HIGH, HIGH)
    assert told.changes[1].reason == "from medium to high"
    assert (told.only.number, told.only.spoken) == (2, day(1).end)


def test_healthy_windows_resolve() -> None:
    """The declared number of healthy windows in a row ends an incident; a finding between them counts anew."""
    told = Told()
    told.read(reading(0, signal()))
    assert told.read(reading(1), reading(2, signal()), reading(3), reading(4)) == [
        Event.EASED,
        Event.REPEATED,
        Event.EASED,
        Event.RESOLVED,
    ]
    assert told.only.state is State.RESOLVED
    assert told.only.resolved == day(4).end
    assert told.only.resolution == told.changes[-1].reason == "healthy in 2 windows in a row"
    assert told.only.members[0].windows == 1
    assert told.read(reading(5, signal())) == [Event.OPENED]
    assert len(told.incidents) == 2


def test_what_a_reading_says_nothing_about_is_unknown() -> None:
    """A window without rows does not count as healthy for drift, nor one of another stream."""
    told = Told()
    told.read(reading(0, signal()))
    missing = signal(Cause.NO_DATA, outcome="no_data")
    told.read(reading(1, missing, covers=[Cause.NO_DATA]), reading(2, covers=[Cause.PERFORMANCE]))
    drift = next(each for each in told.open if each.cause is Cause.DRIFT)
    assert drift.members[0].healthy == 0


def test_a_window_is_counted_once() -> None:
    """The same reading again, or one of an older window, brings no incident nearer to its end."""
    told = Told()
    told.read(reading(3, signal()), reading(4))
    assert told.read(reading(4), reading(3), reading(1)) == []
    assert told.only.members[0].healthy == 1


@pytest.mark.parametrize("cause", [Cause.FAILED, Cause.LATE, Cause.SELF_TEST])
def test_one_success_ends_what_concerns_a_run(cause: Cause) -> None:
    """A run that succeeds ends its failure at once, of the very window too: it was cleared and ran again."""
    told = Told()
    told.read(reading(0, signal(cause), stream="run"))
    assert told.read(reading(0, covers=[cause])) == [Event.RESOLVED]


def test_what_is_low_is_told_once() -> None:
    """The digest that had it is not filled with it again, however long it goes on."""
    told = Told(Alerts(remind=timedelta(days=2)))
    events = [event for number in range(9) for event in told.read(reading(number, signal(severity=Severity.LOW)))]
    assert events == [Event.OPENED, *[Event.REPEATED] * 8]


def test_an_open_incident_is_told_again_after_a_while() -> None:
    """Nobody took it on: after the declared time it is told again, and from then the time runs anew."""
    told = Told(Alerts(remind=timedelta(days=2)))
    events = told.read(*(reading(number, signal()) for number in range(6)))
    assert [index for index, event in enumerate(events) if event is Event.REMINDED] == [2, 4]
    told.take(replace(told.changes[-1], incident=replace(told.only, state=State.ACKNOWLEDGED)))
    assert told.read(*(reading(number, signal()) for number in range(6, 12))) == [Event.REPEATED] * 6


def test_an_acknowledged_incident_that_gets_worse_is_open_again() -> None:
    """Whoever took it on took on less."""
    told = Told()
    told.read(reading(0, signal()))
    told.incidents[told.only.id] = replace(told.only, state=State.ACKNOWLEDGED)
    assert told.read(reading(1, signal()), reading(2, signal(severity=HIGH))) == [Event.REPEATED, Event.ESCALATED]
    assert told.only.state is State.OPEN


def muted(days: int) -> Told:
    """An incident of medium severity that is muted for so many days."""
    told = Told(Alerts(remind=timedelta(hours=1)))
    told.read(reading(0, signal()))
    mute = Mute(days_later(day(0).end, days), "known", "ann", MEDIUM)
    told.incidents[told.only.id] = replace(told.only, state=State.MUTED, mute=mute)
    return told


def test_a_muted_incident_is_silent_until_the_mute_ends() -> None:
    """No reminder; another monitor joins, of which those hear who do not know it; when the time has come, once."""
    told = muted(3)
    found = signal(anchors=("orders#temp",))
    assert told.read(reading(1, found), reading(1, found, monitor="other"), reading(2, found)) == [
        Event.REPEATED,
        Event.JOINED,
        Event.REPEATED,
    ]
    assert told.only.state is State.MUTED
    told.alerts = Alerts()
    assert told.read(reading(3, found), reading(4, found)) == [Event.REMINDED, Event.REPEATED]
    assert (told.only.state, told.only.mute) == (State.OPEN, None)
    assert told.changes[-2].reason == "the mute has ended"


def test_a_mute_is_for_what_was_known() -> None:
    """An incident that gets worse than when it was muted is told."""
    told = muted(9)
    assert told.read(reading(1, signal(severity=HIGH))) == [Event.ESCALATED]
    assert (told.only.state, told.only.mute) == (State.OPEN, None)


def test_planned_downtime_is_silent() -> None:
    """A window that touches a downtime neither opens an incident nor ends one."""
    out = Downtime(start=days_later(FIRST, 1.5), end=days_later(FIRST, 1.6), reason="move of the warehouse")
    told = Told(Alerts(downtime=(out,), healthy_windows=1))
    assert told.read(reading(1, signal(severity=CRITICAL)), reading(2, signal(), days=2)) == []
    assert told.read(reading(0, signal()), reading(1), reading(2)) == [Event.OPENED, Event.RESOLVED]


def test_the_same_upstream_column_is_one_incident() -> None:
    """Twenty monitors over one broken column: one page, and the others join beneath it."""
    told = Told()
    events = told.read(*(reading(0, fault("temp", CRITICAL), monitor=f"m{number:02}") for number in range(20)))
    assert events == [Event.OPENED, *[Event.JOINED] * 19]
    assert told.only.monitors == tuple(f"m{number:02}" for number in range(20))
    assert told.only.columns == ("temp",)
    assert told.changes[3].reason == "m03 has it too"


def test_healthy_windows_share_no_rows() -> None:
    """A week looked at every day is well again when a second week is; what comes back meanwhile is known already."""
    told = Told(Alerts(healthy_windows=2))
    weeks = [reading(number, days=7) for number in range(10)]
    found = reading(0, signal(), days=7)
    assert told.read(found, *weeks[1:8]) == [Event.OPENED, Event.EASED]
    assert told.read(weeks[8]) == [Event.RESOLVED]
    again = Told(Alerts(healthy_windows=2))
    assert again.read(found, *weeks[1:4], reading(4, signal(), days=7)) == [Event.OPENED, Event.EASED, Event.REPEATED]


def test_each_member_must_be_healthy() -> None:
    """An incident of two monitors goes on as long as one of them has it."""
    told = Told()
    told.read(reading(0, fault("temp"), monitor="one"), reading(0, fault("temp"), monitor="two"))
    told.read(*(reading(number, monitor="one") for number in (1, 2, 3)))
    assert told.only.open
    assert told.read(reading(1, monitor="two"), reading(2, monitor="two")) == [Event.EASED, Event.RESOLVED]


def test_another_time_or_another_table_is_another_incident() -> None:
    """Monitors share an incident when the table, the column and the time are the same."""
    told = Told()
    told.read(reading(0, fault("temp"), monitor="one"))
    told.read(reading(1, fault("temp"), monitor="two"), reading(0, fault("temp", upstream="other"), monitor="three"))
    assert len(told.incidents) == 3


def test_columns_of_one_window_open_one_incident_and_go_on_with_it() -> None:
    """Columns that break together are one problem; one that breaks later is another."""
    told = Told()
    told.read(reading(0, fault("temp"), fault("wind")))
    first = told.only
    assert first.columns == ("temp", "wind")
    assert told.read(reading(1, fault("wind"), fault("gust"))) == [Event.REPEATED, Event.OPENED]
    assert told.incidents[first.id].columns == ("wind", "temp")
    assert told.incidents[first.id].reasons == ("wind: missing values",)


def test_rows_that_are_doubled_are_an_incident_of_their_own() -> None:
    """What concerns no column goes on as itself, whether or not it says where it comes from."""
    told = Told()
    doubled = signal(Cause.DATA_QUALITY)
    told.read(reading(0, fault("temp")), reading(1, doubled, fault("temp")), reading(2, doubled))
    assert len(told.incidents) == 2
    assert [each.members[0].windows for each in told.incidents.values()] == [2, 2]


@pytest.mark.parametrize(
    ("outcome", "patience", "events"),
    [
        ("no_data", Patience(), [Event.OPENED, Event.REPEATED, Event.REPEATED]),
        ("no_data", Patience(no_data=2), [Event.OPENED, Event.ESCALATED, Event.REPEATED]),
        ("too_few_rows", Patience(), [Event.OPENED, Event.REPEATED, Event.ESCALATED]),
        ("labels_immature", Patience(labels=3), [Event.OPENED, Event.REPEATED, Event.ESCALATED]),
    ],
)
def test_what_may_pass_by_itself_is_low_at_first(outcome: str, patience: Patience, events: list[Event]) -> None:
    """Until the patience ends it is low; in that window it is at least medium."""
    told = Told(Alerts(patience=patience))
    cause = Cause.LABELS if outcome == "labels_immature" else Cause.NO_DATA
    found = signal(cause, LOW, outcome=outcome)
    assert told.read(*(reading(number, found) for number in range(3))) == events
    assert told.only.severity is MEDIUM


def test_low_findings_let_a_page_end_and_a_new_one_come() -> None:
    """Weeks of small shifts after a large one do not keep its incident open: the next large one is told."""
    told = Told()
    large, small = signal(severity=HIGH), signal(severity=LOW)
    found = [large, small, small, small, large]
    assert told.read(*(reading(number, each) for number, each in enumerate(found))) == [
        Event.OPENED,
        Event.EASED,
        Event.RESOLVED,
        Event.OPENED,
        Event.REPEATED,
        Event.ESCALATED,
    ]
    first, second = told.incidents.values()
    assert first.resolution == "nothing worse than low in 2 windows in a row"
    assert second.told is HIGH


def test_a_window_that_could_not_be_judged_is_not_calm() -> None:
    """Too few rows after none at all is the same trouble, however patient one is with it."""
    told = Told(Alerts(patience=Patience(too_few_rows=9)))
    few, none = signal(Cause.NO_DATA, LOW, outcome="too_few_rows"), signal(Cause.NO_DATA, outcome="no_data")
    told.read(reading(0, none), reading(1, few), reading(2, few))
    assert told.only.open
    assert told.only.members[0].windows == 3


def test_what_is_undecided_is_not_calm_where_it_was_worst() -> None:
    """A metric that cannot be computed says nothing about its incident; another one does not keep it open."""
    told = Told()
    told.read(reading(0, signal(Cause.PERFORMANCE, HIGH, columns=("auc",))))
    for number, columns in enumerate([("auc",), ("log_loss", "auc"), ()], start=1):
        undecided = signal(Cause.PERFORMANCE, LOW, columns=columns, outcome="undecided")
        assert told.read(reading(number, undecided)) == []
    other = signal(Cause.PERFORMANCE, LOW, columns=("brier",), outcome="undecided")
    assert told.read(reading(4, other), reading(5, other)) == [Event.EASED, Event.RESOLVED, Event.OPENED]


def test_an_older_window_can_make_it_worse_and_counts_for_nothing_else() -> None:
    """A run that was cleared may find more; what was found since stands."""
    told = Told()
    told.read(reading(2, signal()))
    assert told.read(reading(0, signal(severity=HIGH, reasons=("worse",)))) == [Event.ESCALATED]
    (member,) = told.only.members
    assert (member.windows, member.first, member.last) == (1, day(0), day(2))
    assert told.only.reasons == ("worse",)
    assert told.read(reading(1, signal(reasons=("older",)))) == [Event.REPEATED]
    assert told.only.reasons == ("worse",)


def test_a_promotion_answers_what_is_about_the_model() -> None:
    """Drift, worse figures and a failed self-test of that monitor end; its data faults and other monitors' do not."""
    told = Told()
    shared = signal(anchors=("orders#temp",))
    told.read(
        reading(0, shared, signal(Cause.PERFORMANCE), fault("temp")),
        reading(0, shared, monitor="other"),
        reading(0, signal(Cause.SELF_TEST), monitor="third"),
    )
    tick = day(1).end
    changes = answered(told.open, "churn", by="ann", reason="v5 was promoted", tick=tick)
    assert sorted((each.incident.cause, each.event) for each in changes) == [
        (Cause.DRIFT, Event.EASED),
        (Cause.PERFORMANCE, Event.RESOLVED),
    ]
    assert {(each.by, each.reason, each.tick) for each in changes} == {("ann", "v5 was promoted", tick)}
    left, gone = sorted((each.incident for each in changes), key=lambda incident: incident.cause)
    assert left.monitors == ("other",)
    assert (gone.state, gone.resolved, gone.resolution) == (State.RESOLVED, tick, "v5 was promoted")


def test_a_promotion_ends_nothing_before_it_began() -> None:
    """The champion was compared by windows that lie before the finding."""
    told = Told()
    told.read(reading(5, signal()))
    [change] = answered(told.open, "churn", by="ann", reason="v5 was promoted", tick=day(1).end)
    assert change.tick == change.incident.resolved == day(5).end


def test_an_incident_that_is_open_is_not_opened_again() -> None:
    """The window that opened an incident is read again after its monitor left it: nothing is told twice."""
    told = Told()
    shared = signal(anchors=("orders#temp",))
    told.read(reading(0, shared), reading(0, shared, monitor="other"), reading(5, shared, monitor="other"))
    for change in answered(told.open, "churn", by="ann", reason="promoted", tick=day(5).end):
        told.take(change)
    assert advance(told.open, reading(0, shared), told.alerts, now=day(5).end) == []


def test_ids_say_the_cause_and_are_the_same_each_time() -> None:
    """The same reading opens the same incident, another window another one."""
    first, again, later = Told(), Told(), Told()
    first.read(reading(0, fault("temp"), fault("wind")))
    again.read(reading(0, fault("wind"), fault("temp")))
    later.read(reading(1, fault("temp")))
    assert first.only.id == again.only.id == "data_quality-ffd75be5bc003734"
    assert later.only.id != first.only.id


def test_small_troubles_of_their_own_do_not_make_a_page_for_each_monitor() -> None:
    """Monitors that had their own low incidents about a column share the page when it breaks for all of them."""
    told = Told()
    told.read(reading(0, fault("temp", LOW), monitor="one"), reading(1, fault("temp", LOW), monitor="two"))
    assert len(told.incidents) == 2
    events = told.read(*(reading(2, fault("temp", CRITICAL), monitor=name) for name in ("one", "two")))
    assert events == [Event.ESCALATED, Event.JOINED, Event.EASED]


def test_an_older_window_takes_nothing_back() -> None:
    """What was found since is no less severe for it, and nobody is reminded sooner."""
    told = Told(Alerts(remind=timedelta(days=3)))
    told.read(reading(3, signal(severity=HIGH)), reading(1, signal()))
    assert told.only.severity is HIGH
    assert told.read(reading(0, signal(severity=CRITICAL))) == [Event.ESCALATED]
    assert told.only.spoken == day(3).end


def test_a_failure_is_never_small() -> None:
    """What one success ends, only a success ends: another failure does not, however low it is."""
    told = Told()
    told.read(reading(0, signal(Cause.SELF_TEST, HIGH)))
    assert told.read(reading(1, signal(Cause.SELF_TEST, LOW))) == [Event.REPEATED]


def test_the_columns_of_the_worst_member_stand_first() -> None:
    """A monitor that joins with less puts neither its columns nor its reasons before those of the page."""
    told = Told()
    drift = signal(severity=HIGH, columns=("temp",), anchors=("orders#temp",), reasons=("temp moved",))
    less = signal(columns=("wind", "temp"), anchors=("orders#wind", "orders#temp"), reasons=("wind moved",))
    told.read(reading(0, drift), reading(0, less, monitor="other"))
    assert (told.only.columns, told.only.reasons) == (("temp", "wind"), ("temp moved",))


def test_a_finding_that_comes_late_starts_the_count_anew() -> None:
    """Of two runs the later one ended first: its healthy window, read again, counts after the finding."""
    told = Told()
    told.read(reading(0, signal()), reading(2), reading(1, signal()))
    assert told.read(reading(2), reading(3)) == [Event.EASED, Event.RESOLVED]


def test_what_concerns_all_rows_goes_where_the_columns_of_its_window_go() -> None:
    """However often the window is read: there is one incident for both."""
    rows = signal(Cause.DATA_QUALITY, anchors=("orders#",))
    told = Told()
    told.read(reading(0, fault("temp"), rows, monitor="one"), reading(5, rows, monitor="two"))
    told.read(reading(6, fault("temp"), rows, monitor="one"))
    again = reading(6, rows, fault("temp"), monitor="two")
    assert told.read(again) == [Event.JOINED, Event.EASED]
    assert told.read(again) == [Event.REPEATED]


def test_of_two_incidents_the_older_one_is_joined() -> None:
    """In whatever order they are given."""
    told = Told()
    told.read(reading(0, fault("temp"), monitor="one"), reading(5, fault("temp"), monitor="two"))
    told.read(reading(6, fault("temp"), monitor="one"), reading(6, fault("temp"), monitor="two"))
    found = reading(6, fault("temp"), monitor="three")
    older, newer = told.open
    for given in ([older, newer], [newer, older]):
        (change,) = advance(given, found, told.alerts, now=found.tick)
        assert (change.event, change.incident.id) == (Event.JOINED, older.id)
