"""What a replay would have told: to whom, when, and what of it is a page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.alerts.composing import Told, compose
from monitoring_tasks.alerts.pages import Page, pages_of
from monitoring_tasks.alerts.telling import Teller, record
from monitoring_tasks.alerts_section import Alerts
from monitoring_tasks.incidents.reading import Reading
from monitoring_tasks.incidents.replay import replay
from monitoring_tasks.runtime import Runtime, environment_runtime
from monitoring_tasks.severity import Severity
from tests.incidents.readings import FIRST, fault, reading, signal

TEAM = Alerts.model_validate({"channels": {"team": {"kind": "slack", "to": "#churn"}}})
OTHERS = Alerts.model_validate(
    {"channels": {"team": {"kind": "slack", "to": "#other"}, "pager": {"kind": "pagerduty"}}}
)
KNOWN = {"churn": TEAM, "other": OTHERS}
CHURN, OTHER, PAGER = "slack:slack_default:#churn", "slack:slack_default:#other", "pagerduty:pagerduty_events_default"


def pages(*readings: Reading, known: dict[str, Alerts] = KNOWN) -> list[Page]:
    """What would have been told of readings."""
    return pages_of(replay(readings, lambda name: known.get(name, Alerts())), known)


def test_each_is_told_by_its_own_routes() -> None:
    """Who joins an incident is told by its own routes; those who were told before hear of it beneath."""
    first, joined = pages(reading(0, fault("temp")), reading(0, fault("temp"), monitor="other"))
    assert (first.channels, first.at_once) == ((CHURN,), True)
    assert (joined.change.event, set(joined.channels), joined.at_once) == ("joined", {CHURN, OTHER, PAGER}, False)


def test_a_digest_is_no_page() -> None:
    """What is low comes with the next digest, and wakes nobody."""
    low, high = pages(reading(0, signal(severity=Severity.LOW)), reading(1, signal(severity=Severity.HIGH)))
    assert (low.digest, low.at_once, low.due) == (True, False, FIRST + timedelta(days=1, hours=8))
    assert (high.change.event, high.digest, high.at_once) == ("escalated", False, True)


def test_quiet_hours_delay_a_page() -> None:
    """It is due when they end."""
    quiet = {"start": "22:00", "end": "07:00"}
    night = Alerts.model_validate({**TEAM.model_dump(mode="json", exclude_unset=True), "quiet_hours": quiet})
    [page] = pages(reading(0, signal()), known={"churn": night})
    assert page.due == FIRST + timedelta(days=1, hours=7)


def test_as_json() -> None:
    """A program finds what, when, why and to whom."""
    [page] = pages(reading(0, fault("temp", Severity.HIGH)))
    found: dict[str, Any] = page.to_json()
    assert (found["event"], found["severity"], found["pages"]) == ("opened", "high", True)
    assert (found["monitors"], found["columns"], found["reasons"]) == (["churn"], ["temp"], ["temp: missing values"])
    assert found["tick"] == "2013-06-04T00:00:00Z"


def live(runtime: Runtime, readings: Iterable[Reading]) -> list[tuple[str, str]]:
    """Key and channel of each letter that live runs post."""
    for each in readings:
        alerts = KNOWN[each.monitor]
        teller = Teller(alerts, lambda change: compose(change, Told()), each.tick)
        with runtime.store.transaction() as transaction:
            record(transaction, each, teller)
    return [(letter.key, letter.channel) for letter in runtime.store.letters()]


severities = st.sampled_from([None, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL])


@settings(max_examples=25)
@given(st.lists(severities, max_size=9))
def test_replayed_pages_are_the_live_letters(found: list[Severity | None]) -> None:
    """Whatever a monitor's windows hold, a replay names exactly the letters that live runs wrote."""
    readings = [reading(day, *([signal(severity=each)] if each else [])) for day, each in enumerate(found)]
    runtime = environment_runtime({"MONITORING_STORE": "sqlite://", "MONITORING_HOME": "/nonexistent"})
    with runtime.store:
        told = live(runtime, readings)
    assert sorted((page.change.key, address) for page in pages(*readings) for address in page.channels) == sorted(told)
