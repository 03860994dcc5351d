"""The story at the end of the demonstration is checked by figures that can fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from demo.__main__ import readme_commands
from demo.story import Week, check_story, pages_table, story_table
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.severity import Severity
from monitoring_tasks.window import Window, windows_between

WINDOWS = windows_between("0 0 * * 2", None, Window.parse("2013-04-02", "2013-12-31"))


def week(window: Window) -> Week:
    """A week as the flights of 2013 have it: other destinations, and a score that drifts at the end of April."""
    april, dest = window.start.month == 4, {"column": "dest", "severity": "low"}
    useful = {"column": "score", "severity": "critical"}
    score = 0.9 if window.start.day == 30 and april else 0.3 if april or window.start.month == 10 else 0.05
    page = score == 0.9 or window.start.month == 10
    severity = Severity.CRITICAL if page else Severity.LOW
    evidence = {"rows": 6500, "findings": [dest, useful] if page else [dest]}
    verdict = Verdict(Subject("flight_delay", "v1", window, "c"), Outcome.DRIFTED, severity, evidence=evidence)
    return Week(verdict, {"temp": 0.3, "dest": 0.07, "score": score}, 5, "Airflow")


def found(severity: Severity, column: str, of: Week) -> Week:
    """The week with one more finding."""
    findings = [*of.verdict.evidence["findings"], {"column": column, "severity": severity.word}]
    evidence = {**of.verdict.evidence, "findings": findings}
    return replace(of, verdict=replace(of.verdict, severity=max(severity, of.verdict.severity), evidence=evidence))


def test_the_known_year_holds() -> None:
    """Weeks with the known figures leave no sentence that does not hold, and each has its row."""
    weeks = [week(window) for window in WINDOWS]
    assert check_story(weeks) == []
    assert story_table(weeks).row_count == 39


@pytest.mark.parametrize(
    ("psi", "said"),
    [({"dest": 0.3}, "dest stays small"), ({"score": 2.0}, "week of 30 April")],
)
def test_another_year_does_not(psi: dict[str, float], said: str) -> None:
    """One summer week with other figures is enough to fail the sentence about them."""
    weeks = [week(window) for window in WINDOWS]
    weeks[12] = replace(weeks[12], psi={**weeks[12].psi, **psi})
    assert [said in sentence for sentence in check_story(weeks)] == [True]


def test_pages_that_ought_not_to_be() -> None:
    """An alarm in the first weeks, of the schedule, or of the weather every other week, is told."""
    weeks = [week(window) for window in WINDOWS]
    early = [found(Severity.MEDIUM, "score", weeks[0]), *weeks[1:]]
    assert check_story(early) == ["the first three weeks page nobody"]
    schedule = [*weeks[:20], found(Severity.HIGH, "dest", weeks[20]), *weeks[21:]]
    assert check_story(schedule) == ["the schedule's changes page nobody"]
    stormy = [found(Severity.MEDIUM, "temp", each) if 8 < place < 13 else each for place, each in enumerate(weeks)]
    assert check_story(stormy) == ["the weather seldom pages (4 of 39 weeks)"]
    assert pages_table(weeks).row_count == sum(each.is_page for each in weeks)


def test_an_april_that_nobody_finds_is_told() -> None:
    """The year's largest shift of the score must be critical."""
    weeks = [week(window) for window in WINDOWS]
    quiet = replace(weeks[4], verdict=replace(weeks[4].verdict, severity=Severity.LOW, evidence={"rows": 6500}))
    assert "that week is critical, by its score" in check_story([*weeks[:4], quiet, *weeks[5:]])


def test_a_missing_week_is_told() -> None:
    """A replay that lost a week is no replay."""
    assert check_story([week(window) for window in WINDOWS[1:]]) == ["39 weeks were judged (found 38)"]


def test_weeks_are_a_week_apart() -> None:
    """The story's calendar: 39 weeks from Tuesday to Tuesday."""
    assert len(WINDOWS) == 39
    assert {window.width for window in WINDOWS} == {timedelta(days=7)}


def test_the_readme_names_the_commands_that_are_run() -> None:
    """The demonstration runs the README's commands as written, the replay first."""
    commands = readme_commands()
    assert [words[1] for words in commands] == ["backfill", "check", "status", "report", "performance", "alerts"]
    assert commands[0] == ["monitoring", "backfill", "flight_delay", "--start", "2013-04-02", "--end", "2013-12-31"]
