"""The same season before: the right part of the week, the right weeks of the year before, nothing of the future."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.profile.profile import Profile, dumps, merge
from monitoring_tasks.profile.reference import ReferenceProfile, dumps_reference, loads_reference
from monitoring_tasks.seasons import Season, seasons
from monitoring_tasks.window import DAY, HOUR, Window
from tests.past import (
    CLEAN,
    LEAKED,
    Log,
    assert_same,
    day,
    leaking_reference,
    marked,
    marked_reference,
    marker,
    monitor,
    reference,
)
from tests.test_baselines import windows

NO_YEAR = "no earlier year: the log begins on 2013-03-01"


@pytest.fixture(scope="module")
def by_day() -> ReferenceProfile:
    """January as a training reference, kept by day."""
    return reference(monitor())


def marks(first: str, days: int, *, unit: timedelta = DAY, count: int = 300) -> dict[Window, Profile]:
    """Pieces of so many days."""
    start = day(first).start
    return {
        Window(start + number * unit, start + (number + 1) * unit): marked(count, CLEAN)
        for number in range(days * (DAY // unit))
    }


def empty_log(span: Window) -> Profile:
    """A log without any row."""
    return marked(0, CLEAN)


def unasked(span: Window) -> None:
    """A log that must not be asked."""
    raise AssertionError(f"{span} was asked for")


@settings(deadline=None, max_examples=100)
@given(windows(), st.integers(-500, 40), st.sampled_from([DAY, HOUR]), st.booleans())
def test_no_season_holds_a_row_of_the_future(window: Window, days: int, unit: timedelta, empty: bool) -> None:
    """Neither from the log nor from a reference that reaches beyond the window, wherever the log begins."""
    about = monitor(start=(window.start + timedelta(days=days)).date(), minimum_rows=1)
    asked: list[Window] = []
    given_reference = marked_reference({}) if empty else leaking_reference(window, unit)
    found, why = seasons(about, given_reference, window, marker(window, asked))
    assert all(season.profile.columns["x"].counts[LEAKED] == 0 for season in found)
    assert all(span.end <= window.start for span in asked)
    assert all(span.start >= about.first_moment for span in asked)
    assert len(asked) == len(set(asked))
    assert len(found) + len(why.split("; ")) - (not why) == (2 if window.width < timedelta(weeks=1) else 1)


def test_a_sunday_is_compared_with_sundays(by_day: ReferenceProfile) -> None:
    """The rows of all Sundays of January, and a sentence that there is no earlier year; the log is not asked."""
    (season,), why = seasons(monitor(), by_day, day("2013-03-03"), unasked)
    assert season.words == "Sundays of the reference"
    log = Log(by_day)
    log.write(date(2013, 1, 1), 30, count=300)
    sundays = merge([log.scan(day(f"2013-01-{number:02}")) for number in (6, 13, 20, 27)])
    for name, column in sundays.columns.items():
        assert_same(season.profile.columns[name], column)
    assert why == NO_YEAR


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (day("2013-03-01", 3), "Fridays, Saturdays and Sundays of the reference"),
        (Window.parse("2013-03-01T06:00", "2013-03-02T06:00"), "Fridays and Saturdays of the reference"),
        (day("2013-03-01", 2), "Fridays and Saturdays of the reference"),
    ],
)
def test_several_days(by_day: ReferenceProfile, window: Window, words: str) -> None:
    """All weekdays that the window touches."""
    (season,), _ = seasons(monitor(), by_day, window, unasked)
    assert season.words == words


def test_a_week_and_more_have_no_part_of_the_week(by_day: ReferenceProfile) -> None:
    """Every weekday is in it: no season, and no excuse."""
    assert seasons(monitor(), by_day, day("2013-03-01", 7), unasked) == ((), NO_YEAR)


@pytest.mark.parametrize(("days", "had"), [(20, False), (21, True)])
def test_three_earlier_pieces_are_needed(days: int, had: bool) -> None:
    """Two Mondays do not show what a Monday looks like."""
    pieces = marks("2013-01-01", days)
    found, why = seasons(monitor(), marked_reference(pieces), day("2013-03-04"), unasked)
    assert bool(found) == had
    assert had == ("Mondays of the reference before this window are fewer than 3" not in why)


@pytest.mark.parametrize(("days", "had"), [(14, False), (20, True)])
def test_several_days_need_three_of_each(days: int, had: bool) -> None:
    """One Friday, Saturday and Sunday are three days, and one weekend."""
    found, _ = seasons(monitor(), marked_reference(marks("2013-01-01", days)), day("2013-03-01", 3), unasked)
    assert bool(found) == had


def test_later_pieces_of_the_reference_do_not_count() -> None:
    """A reference that reaches beyond a window replayed has no Sundays before it to show."""
    pieces = marks("2013-03-01", 60)
    found, why = seasons(monitor(), marked_reference(pieces), day("2013-03-17"), empty_log)
    assert found == ()
    assert why.startswith("no season of the week: Sundays of the reference before this window are fewer than 3; ")
    (season,), _ = seasons(monitor(), marked_reference(pieces), day("2013-03-24"), empty_log)
    assert season.profile.rows == 3 * 300


def test_a_thin_season_explains_nothing() -> None:
    """With fewer rows than a window must have, a season is as uncertain as such a window."""
    pieces = marks("2013-01-01", 28, count=3)
    found, why = seasons(monitor(), marked_reference(pieces), day("2013-03-03"), unasked)
    assert found == ()
    assert "Sundays of the reference before this window have only 12 rows, of minimum_rows 200" in why


@pytest.mark.parametrize(
    ("window", "words", "hours"),
    [
        (Window.parse("2013-03-01T03:00", "2013-03-01T04:00"), "03:00 to 04:00 UTC on weekdays", 20),
        (Window.parse("2013-03-02T03:00", "2013-03-02T04:00"), "03:00 to 04:00 UTC on weekends", 8),
        (Window.parse("2013-03-02T03:15", "2013-03-02T03:30"), "03:00 to 04:00 UTC on weekends", 8),
        (Window.parse("2013-03-01T23:00", "2013-03-02T01:00"), "23:00 to 01:00 UTC on weekdays and weekends", 28),
    ],
)
def test_an_hour_is_compared_with_the_same_hour(window: Window, words: str, hours: int) -> None:
    """The same hour of the day on the same kind of day, of an hourly reference."""
    given_reference = marked_reference(marks("2013-01-01", 28, unit=HOUR))
    (season,), _ = seasons(monitor(schedule="@hourly"), given_reference, window, unasked)
    assert season.words == f"{words} of the reference"
    assert season.profile.rows == hours * 300


@pytest.mark.parametrize("hour", ["00", "03"])
def test_days_cannot_stand_in_for_hours(by_day: ReferenceProfile, hour: str) -> None:
    """A reference kept by day does not know the hours of a window given by hand."""
    found, why = seasons(monitor(), by_day, Window.parse(f"2013-03-01T{hour}:00", f"2013-03-01T{hour}:30"), unasked)
    assert found == ()
    assert f"{hour}:00 to 0{int(hour) + 1}:00 UTC on weekdays of the reference" in why


def test_hours_make_days() -> None:
    """A day given by hand is compared with the days that an hourly reference's hours make up."""
    given_reference = marked_reference(marks("2013-01-01", 28, unit=HOUR))
    (season,), _ = seasons(monitor(), given_reference, day("2013-03-03"), unasked)
    assert season.profile.rows == 4 * 24 * 300
    two_sundays = marked_reference(marks("2013-01-01", 14, unit=HOUR))
    assert seasons(monitor(), two_sundays, day("2013-03-03"), unasked)[0] == ()


def test_the_year_before_from_the_log(by_day: ReferenceProfile) -> None:
    """The same week a year before and two weeks to either side, exactly; days of the log are asked once each."""
    log = Log(by_day)
    log.write(date(2013, 2, 20), 40, count=100)
    window = day("2014-03-11", 7)
    found, why = seasons(monitor(start="2013-02-10"), by_day, window, log.piece)
    assert [season.words for season in found] == ["the same 5 weeks of last year (2013-02-26 to 2013-04-02)"]
    assert why == ""
    expected = log.scan(Window.parse("2013-02-26", "2013-04-02"))
    assert found[0].profile.rows == expected.rows
    for name, column in expected.columns.items():
        assert_same(found[0].profile.columns[name], column)
    assert tuple(log.asked) == Window.parse("2013-02-26", "2013-04-02").pieces()


def test_the_year_before_from_the_reference(by_day: ReferenceProfile) -> None:
    """Where the reference covers last year's weeks it serves, though the log begins later."""
    found, why = seasons(monitor(), by_day, day("2014-01-15"), empty_log)
    assert [season.words for season in found] == [
        "Wednesdays of the reference",
        "the same 29 days of last year (2013-01-02 to 2013-01-31)",
    ]
    assert why == ""
    counts = found[1].profile.columns["plan"].counts
    np.testing.assert_array_equal(
        counts, sum(by_day.pieces[day(f"2013-01-{n:02}")].columns["plan"].counts for n in range(2, 31))
    )


def test_a_year_before_that_is_half_there_is_none(by_day: ReferenceProfile) -> None:
    """Less than half of the weeks, unreadable ones among them, or few rows: said so."""
    log = Log(by_day)
    log.write(date(2013, 3, 20), 14, count=100)
    log.broken = {day("2013-03-26")}
    about = monitor(start="2013-02-01")
    _, why = seasons(about, by_day, day("2014-03-11", 7), log.piece)
    assert (
        why
        == "no earlier year: only 12 days of 35 days have rows from 2013-02-26 to 2013-04-02 (1 day could not be read)"
    )
    log.broken = set()
    log.tables.clear()
    log.write(date(2013, 2, 26), 35, count=5)
    assert seasons(about, by_day, day("2014-03-11", 7), log.piece) == (
        (),
        "no earlier year: only 175 rows, of minimum_rows 200 (2013-02-26 to 2013-04-02)",
    )


def test_an_hours_year_before_is_made_of_such_hours() -> None:
    """Nights of last year, not all its hours."""
    window, asked = Window.parse("2014-03-12T03:00", "2014-03-12T04:00"), list[Window]()
    about = monitor(schedule="@hourly", start="2013-01-01")
    (season,), _ = seasons(about, marked_reference({}), window, marker(window, asked))
    assert season.words.startswith(
        "the same 29 days of last year (2013-02-27 to 2013-03-28, 03:00 to 04:00 UTC on week"
    )
    assert {span.start.hour for span in asked} == {3}
    assert all(span.start.weekday() < 5 and span.width == HOUR for span in asked)
    assert len(asked) == 21


def test_a_very_long_window_takes_no_row_of_itself(by_day: ReferenceProfile) -> None:
    """Two years: the weeks around the year before are cut where the window begins."""
    window, asked = day("2014-06-01", 730), list[Window]()
    (season,), _ = seasons(monitor(), marked_reference({}), window, marker(window, asked))
    assert max(span.end for span in asked) == window.start
    assert season.profile.columns["x"].counts[LEAKED] == 0


def test_a_stored_reference_serves_like_the_built_one(by_day: ReferenceProfile) -> None:
    """What the seasons are does not depend on who built the reference."""

    def told(about: ReferenceProfile) -> list[tuple[str, bytes]]:
        found: tuple[Season, ...] = seasons(monitor(), about, day("2013-03-03"), unasked)[0]
        return [(season.words, dumps(season.profile)) for season in found]

    assert told(loads_reference(dumps_reference(by_day).get)) == told(by_day)
