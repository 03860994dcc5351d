"""Windows, their pieces, and the schedules that produce them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.errors import ConfigurationError
from monitoring_tasks.window import (
    DAY,
    HOUR,
    Window,
    cron,
    last_tick,
    parse_width,
    preceding,
    ticks,
    windows_between,
)

HOURS = st.integers(0, 24 * 400).map(lambda hours: datetime(2013, 1, 1, tzinfo=UTC) + timedelta(hours=hours))


@given(HOURS, st.integers(1, 24 * 40))
def test_pieces_tile_the_window(start: datetime, hours: int) -> None:
    """Pieces follow one another without gap or overlap and cover the window exactly."""
    window = Window(start, start + timedelta(hours=hours))
    pieces = window.pieces()
    assert pieces[0].start == window.start
    assert pieces[-1].end == window.end
    assert all(before.end == after.start for before, after in pairwise(pieces))
    assert {piece.width for piece in pieces} <= {DAY, HOUR}


@given(HOURS, st.integers(1, 24 * 10), HOURS, st.integers(1, 24 * 10))
def test_overlapping_windows_share_whole_days(a: datetime, na: int, b: datetime, nb: int) -> None:
    """Every whole day inside two windows is a piece of both, so that its profile is computed once."""
    first, second = Window(a, a + timedelta(hours=na)), Window(b, b + timedelta(hours=nb))
    days = [piece for piece in first.pieces() if piece.width == DAY]
    shared = [day for day in days if second.start <= day.start and day.end <= second.end]
    assert set(shared) <= set(second.pieces())


def test_a_ragged_window_is_one_piece() -> None:
    """A window off the hour shares no profile with others."""
    window = Window.parse("2013-06-03T10:30", "2013-06-04T10:30")
    assert window.pieces() == (window,)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2013-06-04", "2013-06-04", "empty window"),
        ("2013-06-05", "2013-06-04", "empty window"),
        ("yesterday", "2013-06-04", "'yesterday' is not a moment"),
        ("", "2013-06-04", "is not a moment"),
    ],
)
def test_bad_windows_are_refused(start: str, end: str, message: str) -> None:
    """A window that is empty, reversed or not made of moments names what is wrong."""
    with pytest.raises(ConfigurationError, match=message):
        Window.parse(start, end)


def test_a_window_without_time_zone_is_refused() -> None:
    """Naive moments are refused where they enter, since guessing a zone shifts every row."""
    with pytest.raises(ConfigurationError, match="no time zone"):
        Window(datetime(2013, 6, 3), datetime(2013, 6, 4))  # noqa: DTZ001 - the naive case is the point


def test_other_zones_become_utc() -> None:
    """A window given in another zone is the same span in UTC."""
    assert Window.parse("2013-06-03T02:00+02:00", "2013-06-04T02:00+02:00") == Window.parse("2013-06-03", "2013-06-04")


@given(HOURS, st.sampled_from(["@hourly", "@daily", "@weekly", "@monthly", "30 6 * * 1-5"]))
def test_last_tick_is_the_newest_not_after(moment: datetime, schedule: str) -> None:
    """No tick lies between the last tick and the moment."""
    tick = last_tick(schedule, moment)
    assert tick <= moment
    assert list(ticks(schedule, tick + timedelta(microseconds=1), moment)) == []


def test_a_trailing_window_is_wider_than_its_schedule() -> None:
    """A daily schedule may look at seven days."""
    windows = windows_between("@daily", parse_width("7d"), Window.parse("2013-06-10", "2013-06-12"))
    assert [str(window) for window in windows] == [
        "2013-06-04T00:00:00Z/2013-06-11T00:00:00Z",
        "2013-06-05T00:00:00Z/2013-06-12T00:00:00Z",
    ]


@pytest.mark.parametrize(
    ("schedule", "width", "window", "ends"),
    [
        ("0 0 * * 2", None, ("2013-06-04", "2013-06-11"), ["2013-06-04", "2013-05-28"]),
        ("@daily", "7d", ("2013-06-14", "2013-06-21"), ["2013-06-14", "2013-06-07"]),
        ("@monthly", None, ("2013-03-01", "2013-04-01"), ["2013-03-01", "2013-02-01"]),
        ("0 0 * * 1-5", None, ("2013-06-07", "2013-06-10"), ["2013-06-07", "2013-06-06"]),
        ("@daily", None, ("2013-06-04T06:00", "2013-06-06T06:00"), ["2013-06-04", "2013-06-02"]),
    ],
)
def test_preceding_windows_share_no_rows(
    schedule: str, width: str | None, window: tuple[str, str], ends: list[str]
) -> None:
    """Windows before one are those that were scheduled, and no row counts in two of them."""
    span = parse_width(width) if width else None
    before = preceding(schedule, span, Window.parse(*window), count=2)
    assert [f"{earlier.end:%Y-%m-%d}" for earlier in before] == ends
    chain = [Window.parse(*window), *before]
    assert all(earlier.end <= later.start for later, earlier in pairwise(chain))


def test_months_before_are_whole_months() -> None:
    """A monthly window's predecessor is the month before, whatever its length."""
    before = preceding("@monthly", None, Window.parse("2013-03-01", "2013-04-01"), count=1)
    assert before == [Window.parse("2013-02-01", "2013-03-01")]


def test_fractions_of_a_second_are_refused() -> None:
    """Two windows within a second would share one name."""
    with pytest.raises(ConfigurationError, match="fractions of a second"):
        Window.parse("2013-06-03", "2013-06-04T00:00:00.5")


@pytest.mark.parametrize("schedule", ["daily", "* * * *", "61 * * * *", "", "0 0 * * * *", "0 0 31 2 *"])
def test_bad_schedules_are_refused(schedule: str) -> None:
    """What is not five cron fields or a preset is refused by name."""
    with pytest.raises(ValueError, match="is not a schedule"):
        cron(schedule)


@pytest.mark.parametrize("width", ["7", "d", "0d", "-1d", "1.5h", "7 days", ""])
def test_bad_widths_are_refused(width: str) -> None:
    """What is not a count and a unit is refused, with an example of what is right."""
    with pytest.raises(ValueError, match="like 90m, 24h or 7d"):
        parse_width(width)
