"""Which windows a page shows, and what is said to those who ask for something else."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.views.ranges import DAYS, LONGEST, Asked, champion_of, place, range_of, step_of
from monitoring_tasks.window import DAY, HOUR, Window, parse_moment, stamp
from tests.views.made import START, window

NEWEST = parse_moment("2013-12-31")


@pytest.mark.parametrize("days", DAYS)
def test_a_range_counts_back_from_the_newest_window(days: int) -> None:
    """Production of 2013 is shown as it was then, whatever the clock says."""
    found = range_of(Asked(days=str(days)), NEWEST)
    assert (found.end, found.end - found.start, found.days) == (NEWEST, days * DAY, days)


def test_thirty_days_are_usual() -> None:
    """Who asks for nothing sees thirty days."""
    assert range_of(Asked(), NEWEST).days == 30


@pytest.mark.parametrize(
    ("start", "end", "between"),
    [
        ("2013-06-04", "2013-06-10", ("2013-06-04T00:00:00Z", "2013-06-11T00:00:00Z")),
        ("2013-06-04T06:00", "2013-06-10T12:00Z", ("2013-06-04T06:00:00Z", "2013-06-10T12:00:00Z")),
        ("2013-12-01", "", ("2013-12-01T00:00:00Z", "2013-12-31T00:00:00Z")),
        ("", "2013-06-30", ("2013-06-01T00:00:00Z", "2013-07-01T00:00:00Z")),
    ],
)
def test_two_dates_are_a_range(start: str, end: str, between: tuple[str, str]) -> None:
    """The last day belongs to it; a date that is left out is the newest window, or thirty days before the end."""
    found = range_of(Asked(start=start, end=end), NEWEST)
    assert (stamp(found.start), stamp(found.end), found.days) == (*between, None)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(days="5"), "days is '5': choose one of 7, 14, 30, 60, 90"),
        (Asked(days="-7"), "days is '-7'"),
        (Asked(days="\u0667"), "days is"),
        (Asked(days="7; drop table"), "choose one of"),
        (Asked(start="yesterday"), "'yesterday' is not a moment"),
        (Asked(start="2013-06-31"), "'2013-06-31' is not a moment"),
        (Asked(start="2013-06-10", end="2013-06-01"), "is not before end"),
        (Asked(start="2010-01-01", end="2013-06-01"), f"choose at most {LONGEST}"),
        (Asked(end="9999-12-31"), "ends after 9999"),
        (Asked(end="0001-01-01"), "begins before the year 1"),
        (Asked(start="2013-06-01T00:00:00.5"), "fractions of a second"),
        (Asked(refresh="0"), "refresh is '0': choose 1 or 5 minutes"),
    ],
)
def test_what_is_no_range_is_told(asked: Asked, said: str) -> None:
    """Each error says what was found and what is allowed."""
    with pytest.raises(ConfigurationError, match=said.replace("[", r"\[")):
        range_of(asked, NEWEST)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=3))
def test_any_text_is_a_range_or_an_error_of_ours(days: str, start: str, end: str, refresh: str) -> None:
    """Nothing that an address may hold ends in another error."""
    with contextlib.suppress(ConfigurationError):
        found = range_of(Asked(days, start, end, refresh=refresh), NEWEST)
        assert found.start < found.end


def test_a_window_belongs_to_the_range_in_which_it_ends() -> None:
    """So that a range of a week shows seven sliding weeks, and none twice in two ranges side by side."""
    found = range_of(Asked(start="2013-06-04", end="2013-06-10"), NEWEST)
    assert found.holds(Window.parse("2013-05-29", "2013-06-05"))
    assert found.holds(Window.parse("2013-06-04", "2013-06-11"))
    assert not found.holds(Window.parse("2013-05-28", "2013-06-04"))
    assert found.reading(7 * DAY) == Window.parse("2013-05-28", "2013-06-11")


def test_what_would_begin_before_the_year_one_is_read_from_the_start() -> None:
    """The width of a window is added as far as there are years."""
    found = range_of(Asked(start="0001-01-02", end="0001-02-01"), NEWEST)
    assert found.reading(timedelta(days=31)).start == found.start


@pytest.mark.parametrize(
    ("start", "end", "at"),
    [
        ("2013-06-04", "2013-06-11", "2013-06-10T00:00:00Z"),
        ("2013-06-04", "2013-06-05", "2013-06-04T00:00:00Z"),
        ("2013-06-04T06:00", "2013-06-04T07:00", "2013-06-04T06:00:00Z"),
    ],
)
def test_a_window_stands_at_its_last_day(start: str, end: str, at: str) -> None:
    """As its name ends; shorter than a day it stands where it begins."""
    assert stamp(place(Window.parse(start, end))) == at


def test_the_step_is_that_of_most_windows() -> None:
    """A gap does not widen it; one window is as far from the next as it is wide."""
    assert step_of([window(day) for day in (0, 1, 2, 9)]) == DAY
    assert step_of([window(0, days=7)]) == 7 * DAY
    assert step_of([Window(START, START + HOUR)]) == HOUR
    assert step_of([]) == DAY


def test_a_champion_must_have_judged_a_window() -> None:
    """An unknown version is answered with those that there are; of them all is what nothing asks for."""
    assert champion_of(Asked(), ["v1"]) == ""
    assert champion_of(Asked(champion="v1"), ["v1"]) == "v1"
    with pytest.raises(ConfigurationError, match=r"champion 'v2': there are v1"):
        champion_of(Asked(champion="v2"), ["v1"])
