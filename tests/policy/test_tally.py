"""Counts over the verdicts of many windows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.policy.tally import Tally, episodes, is_alarm, is_page, tally
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window

FIRST = Window.parse("2013-06-04", "2013-06-05")


def verdict(number: int, *columns: str, severity: Severity = Severity.LOW) -> Verdict:
    """The verdict on day `number`, with a finding for each of the columns; "" is one of no single column."""
    window = Window(FIRST.start + timedelta(days=number), FIRST.end + timedelta(days=number))
    outcome = Outcome.WARNING if columns else Outcome.HEALTHY
    findings = [{"column": column or None, "check": "drift" if column else "drifted_share"} for column in columns]
    worst = severity if columns else Severity.NONE
    return Verdict(Subject("churn", "v1", window, "0"), outcome, worst, evidence={"findings": findings})


def test_tally_of_a_week() -> None:
    """Windows, alarms, pages, episodes, findings by day, and columns by the windows that tell of them."""
    week = [
        verdict(0),
        verdict(1, "age", "age", "plan"),
        verdict(2, "age", "", severity=Severity.MEDIUM),
        verdict(3),
        verdict(4, "plan", severity=Severity.CRITICAL),
        verdict(5, "age"),
        verdict(6),
    ]
    columns = (("age", 3), ("plan", 2), ("drifted_share", 1))
    assert tally(week) == Tally(7, 4, 2, 2, 7, 7.0, columns)
    assert tally(week).findings_per_day == 1.0
    assert tally(week).to_json() == {
        "windows": 7,
        "windows_with_alarm": 4,
        "windows_with_page": 2,
        "episodes": 2,
        "findings": 7,
        "findings_per_day": 1.0,
        "columns": {"age": 3, "plan": 2, "drifted_share": 1},
    }


def test_tally_of_nothing() -> None:
    """Without windows there are no alarms, and no division by no days."""
    assert tally([]).findings_per_day == 0.0
    assert tally([]).to_json()["windows"] == 0


@pytest.mark.parametrize(
    ("outcome", "severity", "alarm", "page"),
    [
        (Outcome.HEALTHY, Severity.NONE, False, False),
        (Outcome.WARNING, Severity.NONE, False, False),
        (Outcome.WARNING, Severity.LOW, True, False),
        (Outcome.TOO_FEW_ROWS, Severity.LOW, True, False),
        (Outcome.NO_DATA, Severity.MEDIUM, True, True),
        (Outcome.DRIFTED, Severity.CRITICAL, True, True),
    ],
)
def test_what_an_alarm_is(outcome: Outcome, severity: Severity, alarm: bool, page: bool) -> None:
    """Unknown is an alarm as well: somebody is told."""
    found = Verdict(Subject("churn", "v1", FIRST, "0"), outcome, severity)
    assert (is_alarm(found), is_page(found)) == (alarm, page)


@given(st.lists(st.booleans()))
def test_episodes_begin_where_no_alarm_was(alarms: list[bool]) -> None:
    """As many as there are alarms without one directly before."""
    assert episodes(alarms) == sum(now and not before for before, now in zip([False, *alarms], alarms, strict=False))
