"""The story of the answers is checked by rules that can fail: each has an outcome here that breaks it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from demo.worlds.llm_faults import PRODUCTION, SCENARIOS, hours
from demo.worlds.llm_story import Hour, check_hours, clean_half, found, told_table
from monitoring_tasks.alerts.message import Message
from monitoring_tasks.severity import Severity

INJECTION, REGRESSION = SCENARIOS[:2]


def told(column: str) -> Hour:
    """What is found in an hour, to be put into another."""
    message = Message(Severity.HIGH, f"HIGH: llm_answers: drift in {column}", lines=(f"{column}: sudden change",))
    return Hour(hours(PRODUCTION)[0], Severity.HIGH, (f"{column}: sudden change",), (column,), (message,))


def as_it_should_be() -> list[Hour]:
    """Every hour of production: each scenario found as it begins, and told once."""
    first = {scenario.first_hour: told(min(scenario.columns)) for scenario in SCENARIOS}
    return [
        replace(first[window], window=window) if window in first else Hour(window, Severity.NONE)
        for window in hours(PRODUCTION)
    ]


def changed(change: Callable[[Hour], Hour], *, at: int) -> list[str]:
    """The sentences that do not hold when one hour is another one."""
    judged = as_it_should_be()
    judged[at] = change(judged[at])
    return check_hours(judged)


def at(scenario_number: int) -> int:
    """The place of a scenario's first hour among those of production."""
    return hours(PRODUCTION).index(SCENARIOS[scenario_number].first_hour)


def quiet(hour: Hour) -> Hour:
    """An hour in which nothing was found."""
    return Hour(hour.window, Severity.NONE)


def test_a_story_as_it_should_be_holds() -> None:
    """No sentence is left, and the table has a row for each scenario."""
    judged = as_it_should_be()
    assert check_hours(judged) == []
    assert told_table(judged).row_count == len(SCENARIOS)
    assert clean_half(judged) == "clean half: 48 hours, 0 alarms"


@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_a_scenario_that_is_not_found_is_told(number: int) -> None:
    """Each of them."""
    said = changed(quiet, at=at(number))
    assert f"{SCENARIOS[number].words}: found in its first hour" in said[0]
    assert all(sentence.startswith(SCENARIOS[number].words) for sentence in said)


def test_found_an_hour_later_is_not_found_in_its_hour() -> None:
    """The table has the later hour, and the check says that the first one had nothing."""
    judged, place = as_it_should_be(), at(1)
    judged[place], judged[place + 1] = quiet(judged[place]), replace(judged[place], window=judged[place + 1].window)
    assert found(REGRESSION, judged) == judged[place + 1]
    assert any("model regression" in sentence and "first hour" in sentence for sentence in check_hours(judged))


def test_found_in_the_digest_alone_is_not_told() -> None:
    """A finding that pages nobody is none for a person on call."""
    [said] = changed(lambda hour: replace(hour, told=(), severity=Severity.LOW), at=at(1))
    assert "told aloud" in said


def test_named_by_another_column_is_not_named() -> None:
    """The worst finding must be one of a column that has to do with what went wrong."""
    [said] = changed(lambda hour: replace(hour, columns=("language", "refusal")), at=at(1))
    assert "named by a column that has to do with it (named first: language)" in said


@pytest.mark.parametrize("severity", [Severity.LOW, Severity.CRITICAL])
@pytest.mark.parametrize("place", [0, 47, 48, 95])
def test_an_alarm_where_nothing_is_wrong_is_told(place: int, severity: Severity) -> None:
    """In the clean half and between scenarios, be it for the digest alone; the clean half counts its own."""
    [said] = changed(lambda hour: replace(hour, severity=severity, reasons=("seconds: drift",)), at=place)
    assert said.endswith("is no alarm: nothing was wrong (seconds: drift)")
    judged = as_it_should_be()
    judged[place] = replace(judged[place], severity=severity)
    assert clean_half(judged) == f"clean half: 48 hours, {int(place < 48)} alarms"


def test_an_alarm_that_goes_on_after_the_end_is_told() -> None:
    """The hour after a scenario's last row is an ordinary one."""
    after = [window.start >= INJECTION.span.end for window in hours(PRODUCTION)].index(True)
    [said] = changed(lambda hour: replace(hour, severity=Severity.HIGH), at=after)
    assert said.startswith("18 March, 08:00 is no alarm")


def test_an_hour_that_was_not_judged_is_told() -> None:
    """Nothing is said of the others then."""
    assert check_hours(as_it_should_be()[1:]) == ["every hour of production is judged (found 95 of 96)"]


def test_what_was_never_found_has_a_row() -> None:
    """The table says so, and does not fail."""
    judged = [quiet(hour) for hour in as_it_should_be()]
    assert told_table(judged).row_count == len(SCENARIOS)
    assert found(INJECTION, judged) is None
