"""Who is told of a change: routes, the digest, quiet hours, pagers, and those who hear of an incident later."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from monitoring_tasks.alerts.message import Message
from monitoring_tasks.alerts.routing import NOTICE, Subject, aloud, letters_of
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.incidents.incident import Change, Event, Incident, Member, Mute, State
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window

NOW = datetime(2013, 6, 4, 3, tzinfo=UTC)
DAY = Window.parse("2013-06-03", "2013-06-04")
TEAM, DATA, PAGER = "slack:slack_default:#team", "slack:slack_default:#data", "pagerduty:pagerduty_events_default"
ALERTS = Alerts.model_validate(
    {
        "channels": {"team": {"to": "#team"}, "data": {"to": "#data"}, "pager": {"kind": "pagerduty"}},
        "routes": [
            {"to": "team", "about": ["data_drift", "performance", "retraining"]},
            {"to": "data", "about": ["data_quality", "no_data"]},
            {"to": "pager", "least": "high"},
        ],
    }
)
MESSAGE = Message(Severity.HIGH, "HIGH: churn")


def incident(severity: Severity = Severity.MEDIUM, cause: Cause = Cause.DRIFT, topic: str = "data_drift") -> Incident:
    """An open incident of one monitor."""
    member = Member("churn", "churn", "growth", severity, ("age",), DAY, DAY)
    levels = (severity, severity, severity)
    lists = ((topic,), ("log#age",), ("age",), ("age drifted",))
    return Incident("i1", cause, State.OPEN, *levels, *lists, (member,), DAY.end, DAY.end)


def addresses(change: Change, alerts: Alerts = ALERTS, told: tuple[str, ...] = ()) -> dict[str, str]:
    """Who is told, and as what event."""
    return {each.channel: each.event for each in letters_of(change, lambda _: MESSAGE, alerts, told=told, now=NOW)}


def test_each_topic_goes_its_own_way() -> None:
    """Drift goes to the model's people, faults of the data to data engineering."""
    assert addresses(Change(incident(), Event.OPENED, NOW)) == {TEAM: "opened"}
    fault = incident(cause=Cause.DATA_QUALITY, topic="data_quality")
    assert addresses(Change(fault, Event.OPENED, NOW)) == {DATA: "opened"}


def test_a_pager_is_woken_by_what_is_bad_enough() -> None:
    """From the route's severity on."""
    assert set(addresses(Change(incident(Severity.HIGH), Event.OPENED, NOW))) == {TEAM, PAGER}


def test_who_was_told_hears_of_the_escalation_too() -> None:
    """Even when the routes would lead elsewhere now."""
    assert set(addresses(Change(incident(Severity.HIGH), Event.ESCALATED, NOW), told=(DATA,))) == {TEAM, PAGER, DATA}


def test_what_is_low_waits_for_the_digest_and_wakes_no_pager() -> None:
    """The next morning, for all but pagers."""
    alerts = Alerts.model_validate({"channels": {"team": {"to": "#team"}, "pager": {"kind": "pagerduty"}}})
    [letter] = letters_of(
        Change(incident(Severity.LOW), Event.OPENED, NOW), lambda _: MESSAGE, alerts, told=(), now=NOW
    )
    assert (letter.channel, letter.digest, letter.due_at.hour) == (TEAM, True, 8)


def test_quiet_hours_hold_back_what_is_not_critical() -> None:
    """Until they end; critical is told at once."""
    quiet = ALERTS.model_copy(
        update={"quiet_hours": Alerts.model_validate({"quiet_hours": {"start": "22:00", "end": "07:00"}}).quiet_hours}
    )
    held = letters_of(Change(incident(), Event.OPENED, NOW), lambda _: MESSAGE, quiet, told=(), now=NOW)
    assert [letter.due_at.hour for letter in held] == [7]
    told = letters_of(
        Change(incident(Severity.CRITICAL), Event.OPENED, NOW), lambda _: MESSAGE, quiet, told=(), now=NOW
    )
    assert {letter.due_at for letter in told} == {NOW}


def test_only_those_who_were_told_hear_of_the_end() -> None:
    """And a pager, whose page is taken back."""
    resolved = Change(replace(incident(), state=State.RESOLVED), Event.RESOLVED, NOW)
    assert addresses(resolved, told=(TEAM, PAGER)) == {TEAM: "resolved", PAGER: "resolved"}
    assert addresses(resolved) == {}


def test_a_pager_takes_no_notes() -> None:
    """That another monitor joined, or that somebody muted it, wakes nobody."""
    muted = Change(incident(), Event.MUTED, NOW)
    assert addresses(muted, told=(TEAM, PAGER)) == {TEAM: "muted"}


def test_whoever_hears_of_it_first_by_a_monitor_that_joins_is_told_aloud() -> None:
    """The owner of the second model has seen nothing yet; the others get a note."""
    alerts = Alerts.model_validate({"channels": {"risk": {"to": "#risk"}}})
    told = addresses(Change(incident(), Event.JOINED, NOW), alerts, told=(TEAM,))
    assert told == {TEAM: "joined", "slack:slack_default:#risk": "opened"}


def test_where_notes_stand_apart_those_that_can_wait_are_in_the_digest() -> None:
    """Twenty monitors that join are one mail the next morning, and the end of the incident is told when it comes."""
    mail = "email:smtp_default:a@example.org"

    def waits(event: Event) -> dict[str, bool]:
        letters = letters_of(Change(incident(), event, NOW), lambda _: MESSAGE, ALERTS, told=(TEAM, mail), now=NOW)
        return {letter.channel: letter.digest for letter in letters}

    assert waits(Event.JOINED) == {TEAM: False, mail: True}
    assert waits(Event.RESOLVED) == {TEAM: False, mail: False}


def test_a_repeat_is_told_to_nobody() -> None:
    """It is only counted."""
    assert addresses(Change(incident(), Event.REPEATED, NOW), told=(TEAM,)) == {}
    assert addresses(Change(incident(), Event.EASED, NOW), told=(TEAM,)) == {}


def test_a_notice_never_pages() -> None:
    """There is no incident whose end would take the page back."""
    subject = Subject("k", NOTICE, Severity.CRITICAL, ("retraining",), ("growth",), ("churn",))
    letters = aloud(subject, MESSAGE, ALERTS, also=(), now=NOW)
    assert [(letter.channel, letter.event, letter.incident) for letter in letters] == [(TEAM, "notice", "")]


def test_without_channels_the_log_is_told() -> None:
    """Nothing is lost for want of configuration; nor for want of a route that fits."""
    assert addresses(Change(incident(), Event.OPENED, NOW), Alerts()) == {"log": "opened"}
    nowhere = Alerts.model_validate({"channels": {"a": {"to": "#a"}}, "routes": [{"to": "a", "about": ["late"]}]})
    assert addresses(Change(incident(), Event.OPENED, NOW), nowhere) == {"log": "opened"}


NIGHT = Alerts.model_validate(
    {"channels": {"team": {"to": "#team"}}, "quiet_hours": {"start": "22:00", "end": "07:00"}}
)


def told_when(change: Change, alerts: Alerts = NIGHT, told: tuple[str, ...] = (TEAM,)) -> dict[str, tuple[int, bool]]:
    """Hour at which each channel is told, and whether in a digest."""
    letters = letters_of(change, lambda _: MESSAGE, alerts, told=told, now=NOW)
    return {each.channel: (each.due_at.hour, each.digest) for each in letters}


def test_what_stood_in_a_digest_ends_in_a_digest() -> None:
    """Nobody was paged for it: its end is no message of its own."""
    over = Change(replace(incident(Severity.LOW), state=State.RESOLVED), Event.RESOLVED, NOW)
    assert told_when(over) == {TEAM: (8, True)}


def test_notes_keep_to_the_quiet_hours_unless_the_page_did_not() -> None:
    """An end waits for the morning as its page did; a pager's page is taken back at once."""
    over = Change(replace(incident(), state=State.RESOLVED), Event.RESOLVED, NOW)
    assert told_when(over, told=(TEAM, PAGER)) == {TEAM: (7, False), PAGER: (3, False)}
    critical = Change(replace(incident(Severity.CRITICAL), state=State.RESOLVED), Event.RESOLVED, NOW)
    assert told_when(critical) == {TEAM: (3, False)}


def test_who_joins_a_muted_incident_is_told_and_nobody_else() -> None:
    """Those who asked for silence have it; the owner of another model never heard of it."""
    mute = Mute(NOW, "known", "ann", Severity.MEDIUM)
    joined = Change(replace(incident(), state=State.MUTED, mute=mute), Event.JOINED, NOW)
    risk = Alerts.model_validate({"channels": {"risk": {"to": "#risk"}}})
    assert addresses(joined, risk, told=(TEAM,)) == {"slack:slack_default:#risk": "opened"}
    assert addresses(joined, told=(TEAM,)) == {}


def test_who_should_know_of_what_goes_on_is_told_once() -> None:
    """A neighbour's reading made it high: the pager of this monitor is woken by its own next reading."""
    high = Change(incident(Severity.HIGH), Event.REPEATED, NOW)
    assert addresses(high, told=(TEAM,)) == {PAGER: "opened"}
    assert addresses(high, told=(TEAM, PAGER)) == {}
    taken_on = replace(high, incident=replace(high.incident, state=State.ACKNOWLEDGED))
    assert addresses(taken_on, told=(TEAM,)) == {}


def test_what_has_become_less_bad_is_no_news_to_the_log() -> None:
    """Where no route fits any more, the log does not stand in for those who know."""
    only_high = Alerts.model_validate({"channels": {"a": {"to": "#a"}}, "routes": [{"to": "a", "least": "high"}]})
    assert addresses(Change(incident(), Event.REPEATED, NOW), only_high, told=("slack:slack_default:#a",)) == {}


def test_where_there_are_only_pagers_the_log_has_what_does_not_page() -> None:
    """A notice, and what is low: nothing is told to nobody."""
    pager = Alerts.model_validate({"channels": {"pager": {"kind": "pagerduty"}}})
    assert addresses(Change(incident(Severity.LOW), Event.OPENED, NOW), pager) == {"log": "opened"}
    subject = Subject("k", NOTICE, Severity.HIGH, ("retraining",), ("growth",), ("churn",))
    assert [letter.channel for letter in aloud(subject, MESSAGE, pager, also=(), now=NOW)] == ["log"]
