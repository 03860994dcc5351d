"""The section `alerts`: what is refused and how it is said, the addresses of channels, and who is told what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitoring_tasks.alerts_section import (
    KINDS,
    Alerts,
    Channel,
    Digest,
    Downtime,
    Kind,
    Patience,
    QuietHours,
    Route,
    SeverityWord,
    Topic,
)
from monitoring_tasks.incidents.reading import Cause
from monitoring_tasks.monitor import alerts_schema
from monitoring_tasks.severity import Severity

SECRET = "https://hooks.slack.com/services/T0/B0/s3cret"
TEAM = {"channels": {"team": {"to": "#ml"}}}
WHOLE = {
    "channels": {
        "team": {"to": "#ml"},
        "owners": {"kind": "email", "connection": "smtp_ml", "to": ["a@x.org", "b@x.org"]},
        "pager": {"kind": "pagerduty"},
        "hook": {"kind": "webhook", "connection": "tickets"},
        "old": {"kind": "slack_webhook"},
        "log": {"kind": "log"},
    },
    "routes": [
        {"to": "team"},
        {"to": ["owners", "log"], "about": "performance", "owners": ["growth"], "least": "medium"},
        {"to": "pager", "least": "critical"},
    ],
    "digest": {"at": "08:30", "timezone": "Europe/Berlin"},
    "quiet_hours": {"start": "22:00", "end": "07:00", "days": ["sat", "sun"], "unless": "high"},
    "downtime": [{"start": "2026-03-01", "end": "2026-03-02T06:00", "reason": "the warehouse moves"}],
    "remind": "1d",
    "healthy_windows": 3,
    "patience": {"no_data": 2, "labels": 4},
    "deadline": "2h",
    "runbook": "https://wiki.example.org/ml",
}


def section(**more: Any) -> Alerts:
    """A section of one Slack channel, and what else is given."""
    return Alerts.model_validate({**TEAM, **more})


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"slack": {"channel": "#ml"}}, "slack: Extra inputs are not permitted"),
        ({"minimum": "low"}, "minimum: Extra inputs are not permitted"),
        ({"channels": {"Team": {"to": "#ml"}}}, "should match pattern"),
        ({"channels": {"team": {"kind": "teams", "to": "x"}}}, "'slack', 'slack_webhook', 'email', 'pagerduty'"),
        ({"channels": {"team": {}}}, "slack needs to: a Slack channel, such as '#ml-alerts'"),
        ({"channels": {"team": {"kind": "email"}}}, "email needs to: e-mail addresses"),
        ({"channels": {"team": {"kind": "pagerduty", "to": "x"}}}, "pagerduty takes no `to`: remove it"),
        ({"channels": {"team": {"kind": "log", "to": "x"}}}, "log takes no `to`"),
        ({"channels": {"team": {"to": ["#a", "#b"]}}}, "one Slack channel each: write another channel"),
        ({"channels": {"team": {"to": "#a, #b"}}}, "'#a, #b' holds a comma or blank: write one channel"),
        ({"channels": {"team": {"to": "#a\nBcc: x"}}}, "holds a comma or blank"),
        ({"channels": {"team": {"to": "#a\x7f"}}}, "holds a comma or blank"),
        ({"channels": {"team": {"to": SECRET}}}, "the address of a server belongs into an Airflow connection"),
        ({"channels": {"team": {"to": ""}}}, "at least 1 character"),
        ({"channels": {"team": {"kind": "email", "to": "growth"}}}, "'growth' is no e-mail address: write name@exam"),
        ({"channels": {"team": {"connection": "a:b", "to": "#ml"}}}, "should match pattern"),
        ({**TEAM, "routes": [{"to": "tem"}]}, "routes: there is no channel 'tem': channels has team"),
        ({"routes": [{"to": "team"}]}, "routes: there is no channel 'team': channels has none"),
        ({**TEAM, "routes": [{"to": []}]}, "at least 1 item"),
        ({**TEAM, "routes": [{"about": "drift", "to": "team"}]}, "'data_quality', 'data_drift'"),
        ({**TEAM, "routes": [{"least": "none", "to": "team"}]}, "'low', 'medium', 'high' or 'critical'"),
        ({"digest": {"at": "8:00"}}, "'8:00' is not a time of day: write it like '07:30'"),
        ({"digest": {"at": "24:00"}}, "'24:00' is not a time of day"),
        ({"digest": {"at": 800}}, "800 is not a time of day"),
        ({"digest": {"timezone": "Berlin"}}, "'Berlin' is not a time zone: write it like Europe/Berlin, or UTC"),
        ({"digest": {"timezone": "../etc/passwd"}}, "is not a time zone"),
        ({"digest": {"timezone": ""}}, "is not a time zone"),
        ({"quiet_hours": {"start": "22:00"}}, "quiet_hours.end: Field required"),
        ({"quiet_hours": {"start": "22:00", "end": "22:00"}}, "start and end are the same: write two times"),
        (
            {"quiet_hours": {"start": "22:00", "end": "7:00"}},
            "'7:00' is not a time of day",
        ),
        (
            {
                "quiet_hours": {
                    "start": "22:00",
                    "end": "07:00",
                    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
                }
            },
            "every day is quiet: nothing below `unless` would ever be told",
        ),
        ({"quiet_hours": {"start": "22:00", "end": "07:00", "days": ["Sunday"]}}, "'mon', 'tue'"),
        ({"downtime": [{"start": "2026-03-01", "end": "2026-03-02"}]}, "downtime.0.reason: Field required"),
        (
            {"downtime": [{"start": "2026-03-02", "end": "2026-03-01T12:00", "reason": "x"}]},
            "start 2026-03-02T00:00:00Z is not before end 2026-03-01T12:00:00Z",
        ),
        ({"downtime": [{"start": "soon", "end": "2026-03-01", "reason": "x"}]}, "'soon' is not a moment"),
        ({"remind": "3 days"}, "'3 days' is not a length of time"),
        ({"healthy_windows": 0}, "greater than or equal to 1"),
        ({"patience": {"no_data": 0}}, "greater than or equal to 1"),
        ({"patience": {"nodata": 2}}, "patience.nodata: Extra inputs are not permitted"),
        ({"deadline": "0h"}, "'0h' is not a length of time"),
        ({"runbook": "wiki/ml"}, "runbook: 'wiki/ml' is no address: write https://..."),
        ({"runbook": "javascript:alert(1)"}, "is no address"),
        ({"runbook": "https://wiki.example.org/a b"}, "is no address"),
        ({"runbook": "https://wiki.example.org/\nx"}, "is no address"),
    ],
)
def test_a_mistake_says_what_is_allowed(given: dict[str, Any], said: str) -> None:
    """Each mistake names its key, what was found, and what to write."""
    with pytest.raises(ValidationError) as caught:
        Alerts.model_validate(given)
    places = [".".join(map(str, each["loc"])) + ": " + each["msg"] for each in caught.value.errors()]
    assert any(said in place for place in places), places


def test_no_mistake_tells_a_secret() -> None:
    """An address of a webhook is a secret: whoever wrote it into the YAML does not find it in a log."""
    with pytest.raises(ValidationError) as caught:
        Alerts.model_validate({"channels": {"team": {"to": SECRET}}})
    assert "s3cret" not in str(caught.value)


# What it means --------------------------------------------------------------------------------------------------------


def test_an_empty_section_is_harmless() -> None:
    """Without a word everything goes to the task's log, at once, and incidents end after two healthy windows."""
    alerts = Alerts()
    assert alerts.quiet_hours is None
    assert (alerts.digest, alerts.remind, alerts.healthy_windows) == (Digest(at=time(8)), timedelta(days=7), 2)
    assert alerts.patience == Patience(no_data=1, too_few_rows=3, labels=1)
    assert [each.address for each in alerts.told(["failed"], [], Severity.NONE)] == ["log"]


def test_short_forms() -> None:
    """One channel, topic or owner needs no list; a Slack channel needs no kind."""
    alerts = section(routes=[{"to": "team", "about": "late", "owners": "growth"}])
    assert alerts.routes == (Route(to=("team",), about=("late",), owners=("growth",)),)
    assert alerts.channels["team"] == Channel(kind="slack", to=("#ml",))


def test_it_survives_json() -> None:
    """What is written as JSON, for a task or a hash, is read back as the same section."""
    alerts = Alerts.model_validate(WHOLE)
    assert Alerts.model_validate(json.loads(alerts.model_dump_json())) == alerts
    assert alerts.quiet_hours == QuietHours(start=time(22), end=time(7), days=("sat", "sun"), unless="high")
    [moved] = alerts.downtime
    assert moved == Downtime(start=_utc(2026, 3, 1), end=_utc(2026, 3, 2, 6), reason="the warehouse moves")


def test_a_yaml_of_moments_is_read_as_utc() -> None:
    """YAML gives days and moments of its own, with and without a zone."""
    given = {"start": _utc(2026, 3, 1).date(), "end": _utc(2026, 3, 1, 6).replace(tzinfo=None), "reason": "x"}
    [found] = section(downtime=[given]).downtime
    assert (found.start, found.end) == (_utc(2026, 3, 1), _utc(2026, 3, 1, 6))


def test_the_schema_accepts_what_loads() -> None:
    """Editors underline what the loader refuses, and nothing else."""
    for sound in ({}, TEAM, WHOLE):
        jsonschema.validate(sound, alerts_schema())
        Alerts.model_validate(sound)
    mistakes: list[dict[str, Any]] = [
        {"slack": {}},
        {"remind": "3 days"},
        {"digest": {"at": "8:00"}},
        {"routes": [{"to": []}]},
        {"routes": [{"to": "team", "about": "drift"}]},
        {"channels": {"team": {"kind": "teams"}}},
    ]
    for broken in mistakes:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, alerts_schema())


def test_every_cause_of_an_incident_can_be_routed() -> None:
    """A cause that is no suite is a topic by its own name."""
    suites = {Cause.DRIFT: "data_drift"}
    assert {suites.get(cause, cause.value) for cause in Cause} <= {*get_args(Topic)}


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


# Addresses ------------------------------------------------------------------------------------------------------------

TARGETS = st.text(st.characters(categories=["L", "N"], include_characters="#-_.:+&"), min_size=1).filter(
    lambda text: "://" not in text
)
CONNECTIONS = st.none() | st.from_regex(r"\A[A-Za-z][A-Za-z0-9_.-]{0,20}\Z")


@st.composite
def channels(draw: st.DrawFn) -> Channel:
    kind: Kind = draw(st.sampled_from(get_args(Kind)))
    several = st.lists(st.builds("{}@{}".format, TARGETS, TARGETS), min_size=1, max_size=3)
    to = {"slack": st.tuples(TARGETS), "email": several}.get(kind, st.just(()))
    connection = None if kind == "log" else draw(CONNECTIONS)
    return Channel(kind=kind, connection=connection, to=tuple(draw(to)))


@given(channels())
def test_an_address_opens_the_same_channel(channel: Channel) -> None:
    """Letters are kept by address: it says all that is needed to send one, also when the YAML has changed since."""
    again = Channel.at(channel.address)
    assert again.address == channel.address
    assert (again.kind, again.to, again.pager) == (channel.kind, channel.to, channel.pager)
    assert again.connection == (channel.connection or KINDS[channel.kind].connection or None)


@given(channels(), channels())
def test_addresses_tell_channels_apart(one: Channel, other: Channel) -> None:
    """Two channels share an address only when they reach the same people the same way."""
    same = (one.kind, one.to, one.connection or KINDS[one.kind].connection)
    assert (one.address == other.address) == (
        same == (other.kind, other.to, other.connection or KINDS[other.kind].connection)
    )


def test_only_pagers_wake_people() -> None:
    """A pager takes no digests: of all kinds only PagerDuty is one."""
    assert [kind for kind in get_args(Kind) if KINDS[kind].pager] == ["pagerduty"]
    assert Channel(kind="pagerduty").pager


# Who is told ----------------------------------------------------------------------------------------------------------

OWNERS, TOPICS = ["growth", "sales"], ["performance", "data_quality", "late"]
NAMES = ["team", "owners", "pager", "log"]
CHANNELS = {name: WHOLE["channels"][name] for name in NAMES}  # type: ignore[index]
ROUTES = st.fixed_dictionaries(
    {
        "to": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2),
        "about": st.lists(st.sampled_from(TOPICS), max_size=2),
        "owners": st.lists(st.sampled_from(OWNERS), max_size=1),
        "least": st.sampled_from(get_args(SeverityWord)),
    }
)
SOME = {"topics": st.lists(st.sampled_from(TOPICS)), "owners": st.lists(st.sampled_from(OWNERS))}


@given(st.lists(ROUTES, max_size=4), st.fixed_dictionaries(SOME), st.sampled_from(Severity))
def test_told_are_the_channels_of_every_route_that_fits(
    routes: list[dict[str, Any]], about: dict[str, list[str]], severity: Severity
) -> None:
    """Each channel once, the log when there is none: never nobody."""
    alerts = Alerts.model_validate({"channels": CHANNELS, "routes": routes})
    told = [each.address for each in alerts.told(about["topics"], about["owners"], severity)]
    expected = set()
    for route in routes or [{"to": NAMES, "about": [], "owners": [], "least": "low"}]:
        if severity < Severity.of(route["least"]):
            continue
        if route["about"] and not any(topic in about["topics"] for topic in route["about"]):
            continue
        if route["owners"] and not any(owner in about["owners"] for owner in route["owners"]):
            continue
        expected |= {Channel.model_validate(CHANNELS[name]).address for name in route["to"]}
    assert set(told) == (expected or {"log"})
    assert len(told) == len(set(told))


@given(st.lists(ROUTES, min_size=1, max_size=4), st.fixed_dictionaries(SOME), st.sampled_from(Severity))
def test_worse_is_told_to_no_fewer(routes: list[dict[str, Any]], about: dict[str, list[str]], less: Severity) -> None:
    """Whoever is told of something is told of it when it is worse."""
    alerts = Alerts.model_validate({"channels": CHANNELS, "routes": routes})
    milder = {each.address for each in alerts.told(about["topics"], about["owners"], less)}
    worst = {each.address for each in alerts.told(about["topics"], about["owners"], Severity.CRITICAL)}
    assert milder - {"log"} <= worst


def test_data_to_engineering_performance_to_the_owner() -> None:
    """The routes that the issue of every team starts with."""
    routes = [
        {"to": "team", "about": ["data_quality", "no_data", "late"]},
        {"to": "owners", "about": "performance", "owners": "growth"},
        {"to": "pager", "least": "critical"},
    ]
    alerts = Alerts.model_validate({"channels": CHANNELS, "routes": routes})

    def told(topic: str, owner: str, severity: Severity) -> list[str]:
        return [each.kind for each in alerts.told([topic], [owner], severity)]

    assert told("data_quality", "growth", Severity.MEDIUM) == ["slack"]
    assert told("performance", "growth", Severity.HIGH) == ["email"]
    assert told("performance", "growth", Severity.CRITICAL) == ["email", "pagerduty"]
    assert told("performance", "sales", Severity.HIGH) == ["log"]
