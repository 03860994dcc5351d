"""The story at the end of the demonstration is checked by figures that can fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from demo.__main__ import readme_commands
from demo.story import Week, check_story, story_table
from monitoring_tasks.monitor import Severity
from monitoring_tasks.policy.verdict import Outcome, Subject, Verdict
from monitoring_tasks.window import Window, windows_between

WINDOWS = windows_between("0 0 * * 2", None, Window.parse("2013-04-02", "2013-12-31"))


def week(window: Window) -> Week:
    """A week as the flights of 2013 have it: warm, with a score that drifts at the end of April."""
    verdict = Verdict(
        Subject("flight_delay", "v1", window, "c"), Outcome.DRIFTED, Severity.HIGH, evidence={"rows": 6500}
    )
    april = window.start.month == 4
    score = 0.9 if window.start.day == 30 and april else 0.3 if april or window.start.month == 10 else 0.05
    return Week(verdict, {"temp": 8.3, "dest": 0.07, "score": score}, 5, "Airflow")


def test_the_known_year_holds() -> None:
    """Weeks with the known figures leave no sentence that does not hold, and each has its row."""
    weeks = [week(window) for window in WINDOWS]
    assert check_story(weeks) == []
    assert story_table(weeks).row_count == 39


@pytest.mark.parametrize(
    ("psi", "said"),
    [({"temp": 4.0}, "temp is over 8"), ({"dest": 0.3}, "dest stays small"), ({"score": 2.0}, "week of 30 April")],
)
def test_another_year_does_not(psi: dict[str, float], said: str) -> None:
    """One summer week with other figures is enough to fail the sentence about them."""
    weeks = [week(window) for window in WINDOWS]
    weeks[12] = replace(weeks[12], psi={**weeks[12].psi, **psi})
    assert [said in sentence for sentence in check_story(weeks)] == [True]


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
    assert [words[1] for words in commands] == ["backfill", "check", "status", "report"]
    assert commands[0] == ["monitoring", "backfill", "flight_delay", "--start", "2013-04-02", "--end", "2013-12-31"]
