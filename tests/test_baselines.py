"""What windows are compared with: never the future, exactly the rows declared, and no judgement from too few."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_tasks.alarms_section import (
    Baseline,
    SeasonalBaseline,
    TrailingBaseline,
    TrainingBaseline,
    baseline_words,
)
from monitoring_tasks.baselines import Past, baseline_spans, compared
from monitoring_tasks.errors import ProfileMismatch
from monitoring_tasks.profile.profile import Profile, dumps
from monitoring_tasks.profile.reference import ReferenceProfile, dumps_reference, loads_reference
from monitoring_tasks.window import DAY, HOUR, Window, last_tick, window_ending
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

TRAILING = {"drift": {"baseline": {"kind": "trailing", "width": "7d"}}}
SEASONAL = {"drift": {"baseline": {"kind": "seasonal", "weeks": 2}}}
FIRST = date(2013, 1, 31)
"""The day after the reference's last."""
EVERY = {"age", "spend", "plan", "score"}

widths = st.sampled_from([None, *(timedelta(minutes=minutes) for minutes in (7, 15, 60, 90, 360, 1440, 2160, 10080))])
schedules = st.sampled_from(
    ["@hourly", "@daily", "@weekly", "@monthly", "*/15 * * * *", "0 6 * * *", "30 9-17 * * 1-5", "7 3 1 * *"]
)
moments = st.datetimes(datetime(2001, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001
baselines = (
    st.just(TrainingBaseline())
    | st.integers(1, 90 * 1440).map(lambda minutes: TrailingBaseline(width=timedelta(minutes=minutes)))
    | st.integers(1, 40).map(lambda days: TrailingBaseline(width=timedelta(days=days)))
    | st.integers(1, 8).map(lambda weeks: SeasonalBaseline(weeks=weeks))
)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows of all schedules and widths, and some given by hand to the second."""
    schedule, width, moment = draw(schedules), draw(widths), draw(moments)
    if draw(st.booleans()):
        return window_ending(schedule, width, last_tick(schedule, moment))
    start = moment.replace(microsecond=0)
    return Window(start, start + timedelta(seconds=draw(st.integers(1, 40 * 86400))))


@settings(deadline=None, max_examples=300)
@given(windows(), baselines)
def test_nothing_from_the_window_on_is_in_a_baseline(window: Window, baseline: Baseline) -> None:
    """Every span ends before the window begins, shares no rows with another, and they come oldest first."""
    spans = baseline_spans(baseline, window)
    assert all(span.end <= window.start for span in spans)
    assert all(left.end <= right.start for left, right in pairwise(spans))
    if isinstance(baseline, TrailingBaseline):
        assert sum((span.width for span in spans), timedelta()) == baseline.width
        assert window.start - spans[-1].end < (HOUR if baseline.width >= DAY else timedelta(seconds=1))
    if isinstance(baseline, SeasonalBaseline):
        assert sum((span.width for span in spans), timedelta()) == baseline.weeks * window.width
        assert (window.start - spans[0].start) % timedelta(weeks=1) == timedelta()
    assert bool(spans) != isinstance(baseline, TrainingBaseline)


@settings(deadline=None, max_examples=60)
@given(windows(), baselines, st.integers(-40, 40), st.sampled_from([DAY, HOUR]))
def test_a_comparison_holds_no_row_of_the_future(
    window: Window, baseline: Baseline, days: int, unit: timedelta
) -> None:
    """Neither from the log nor from a reference that reaches beyond the window, wherever the log begins."""
    first = window.start + timedelta(days=days)
    about = monitor(start=first.date(), drift={"baseline": baseline}, minimum_rows=1)
    asked: list[Window] = []
    found = compared(about, leaking_reference(window, unit), window, marker(window, asked))
    assert found.reference.profile.columns["x"].counts[LEAKED] == 0
    assert len(asked) == len(set(asked))
    assert all(about.first_moment <= span.start for span in asked)
    assert all(span.end <= window.start for span in asked)


@pytest.fixture(scope="module")
def by_day() -> ReferenceProfile:
    """January as a training reference, kept by day."""
    return reference(monitor())


@pytest.fixture(scope="module")
def by_hour() -> ReferenceProfile:
    """January as the reference of an hourly monitor."""
    return reference(monitor(schedule="@hourly"))


def test_training_is_the_reference_itself(by_day: ReferenceProfile) -> None:
    """Without another baseline nothing is read, and nothing is copied."""
    log = Log(by_day)
    found = compared(monitor(), by_day, day("2013-04-01"), log.piece)
    assert found.reference is by_day
    assert (found.notes, found.undecided, log.asked) == ({}, frozenset(), [])


def test_each_column_has_its_own_baseline(by_day: ReferenceProfile) -> None:
    """Merged pieces are what one scan over the baseline's rows finds; a column of training stays as it is."""
    features = {"age": {"baseline": "seasonal"}, "plan": {"baseline": "training"}, "spend": None}
    about, log, window = monitor(features=features, **TRAILING), Log(by_day), day("2013-03-29")
    log.write(date(2013, 3, 1), 35)
    found = compared(about, by_day, window, log.piece)
    columns = found.reference.profile.columns
    trailing = log.scan(day("2013-03-22", 7))
    for name in ("spend", "score"):
        assert_same(columns[name], trailing.columns[name])
    fridays = [log.scan(day(text)) for text in ("2013-03-01", "2013-03-08", "2013-03-15", "2013-03-22")]
    np.testing.assert_array_equal(columns["age"].counts, sum(each.columns["age"].counts for each in fridays))
    assert columns["plan"] is by_day.profile.columns["plan"]
    assert (found.notes, found.undecided) == ({}, frozenset())
    assert sorted(log.asked) == sorted({*day("2013-03-22", 7).pieces(), *(day(f"2013-03-{n:02}") for n in (1, 8, 15))})


def test_the_rest_of_the_reference_stays(by_day: ReferenceProfile) -> None:
    """Pieces, sample, types and number of rows are those of the training reference."""
    log = Log(by_day)
    log.write(FIRST, 10)
    found = compared(monitor(start="2013-01-31", **TRAILING), by_day, day("2013-02-09"), log.piece).reference
    assert found.pieces is by_day.pieces
    assert found.sample is by_day.sample
    assert (found.profile.rows, found.profile.types) == (by_day.profile.rows, by_day.profile.types)
    assert set(found.profile.columns) == set(by_day.profile.columns)


@pytest.mark.parametrize("start", ["2013-01-31", "2000-01-01"])
def test_the_first_weeks_of_production_borrow_from_the_reference(by_day: ReferenceProfile, start: str) -> None:
    """Days before the log begins come from the reference's own pieces, also where `start` was never declared."""
    log = Log(by_day)
    log.write(FIRST, 5)
    found = compared(monitor(start=start, **TRAILING), by_day, day("2013-02-03"), log.piece)
    before = [by_day.pieces[day(f"2013-01-{number}")] for number in (27, 28, 29, 30)]
    logged = log.scan(Window(day("2013-01-31").start, day("2013-02-03").start))
    for name in EVERY:
        expected = sum(each.columns[name].counts for each in [*before, logged])
        np.testing.assert_array_equal(found.reference.profile.columns[name].counts, expected)
    assert not found.undecided
    assert not found.notes


def test_the_first_day_is_compared_with_the_reference_alone(by_day: ReferenceProfile) -> None:
    """The log is not even asked."""
    log = Log(by_day)
    found = compared(monitor(start="2013-01-31", **TRAILING), by_day, day("2013-01-31"), log.piece)
    assert (log.asked, found.undecided) == ([], frozenset())
    assert found.reference.profile.columns["age"].counts.sum() == 7 * 300


@pytest.mark.parametrize(("written", "undecided"), [(2, True), (3, True), (4, False), (7, False)])
def test_half_of_the_time_must_have_rows(by_day: ReferenceProfile, written: int, undecided: bool) -> None:
    """Unknown is not healthy: with less than half every column of the baseline is undecided, and the note says why."""
    log = Log(by_day)
    log.write(date(2013, 3, 8) - timedelta(days=written), written)
    found = compared(monitor(**TRAILING), by_day, day("2013-03-08"), log.piece)
    assert found.undecided == (EVERY if undecided else frozenset())
    assert found.notes.keys() == found.undecided
    for note in found.notes.values():
        assert note.startswith(f"trailing 7 days: only {written} days of 7 days have rows before this window; wait")


def test_a_gap_in_the_log_is_no_note(by_day: ReferenceProfile) -> None:
    """A model that rests at weekends has the baseline that was declared."""
    log = Log(by_day)
    log.write(date(2013, 3, 4), 5)
    found = compared(monitor(**TRAILING), by_day, day("2013-03-11"), log.piece)
    assert (found.notes, found.undecided) == ({}, frozenset())
    assert found.reference.profile.columns["age"].counts.sum() == 5000


def test_a_source_that_cannot_be_read_is_said(by_day: ReferenceProfile) -> None:
    """A day that cannot be read is noted; too many of them leave the columns undecided, with another remedy."""
    log = Log(by_day)
    log.write(date(2013, 3, 1), 7)
    log.broken = {day("2013-03-02")}
    found = compared(monitor(**TRAILING), by_day, day("2013-03-08"), log.piece)
    assert not found.undecided
    assert set(found.notes.values()) == {
        "trailing 7 days: only 6 days of 7 days have rows before this window (1 day could not be read)"
    }
    log.broken = set(day("2013-03-01", 7).pieces())
    found = compared(monitor(**TRAILING), by_day, day("2013-03-08"), log.piece)
    assert found.undecided == EVERY
    assert "none of 7 days have rows before this window (7 days could not be read)" in found.notes["age"]
    assert "repair the source" in found.notes["age"]


def test_few_rows_are_undecided(by_day: ReferenceProfile) -> None:
    """A baseline with fewer rows than a window must have is none."""
    log = Log(by_day)
    log.write(date(2013, 3, 1), 7, count=20)
    found = compared(monitor(**TRAILING), by_day, day("2013-03-08"), log.piece)
    assert found.undecided == EVERY
    assert found.notes["age"].startswith("trailing 7 days: only 140 rows before this window, of minimum_rows 200")


def test_a_column_that_was_not_logged_is_undecided(by_day: ReferenceProfile) -> None:
    """A column that most rows of the baseline lack has nothing to be compared with; the others have."""
    log = Log(by_day)
    log.write(date(2013, 3, 1), 4, without="age")
    log.write(date(2013, 3, 5), 3)
    found = compared(monitor(**TRAILING), by_day, day("2013-03-08"), log.piece)
    assert found.undecided == {"age"}
    assert found.notes == {"age": found.notes["age"]}
    assert "only 3000 of 7000 rows have this column" in found.notes["age"]
    assert found.reference.profile.columns["age"] is by_day.profile.columns["age"]


def test_hours_of_an_hourly_monitor(by_hour: ReferenceProfile) -> None:
    """Whole days are made of the reference's hours, single hours are found as they are; together they are exact."""
    log, window = Log(by_hour), Window.parse("2013-01-31T05:00", "2013-01-31T06:00")
    log.write(FIRST, 1)
    about = monitor(start="2013-01-31", schedule="@hourly", minimum_rows=5, **TRAILING)
    found = compared(about, by_hour, window, log.piece)
    before = Log(by_hour)
    before.write(date(2013, 1, 24), 7, count=300)
    trained = before.scan(Window.parse("2013-01-24T05:00", "2013-01-31"))
    logged = log.scan(Window.parse("2013-01-31", "2013-01-31T05:00"))
    for name in EVERY:
        expected = trained.columns[name].counts + logged.columns[name].counts
        np.testing.assert_array_equal(found.reference.profile.columns[name].counts, expected)
    assert len(log.asked) == 5
    assert not found.undecided


def test_the_same_hour_of_the_weeks_before(by_hour: ReferenceProfile) -> None:
    """A seasonal baseline of an hour is that hour, a week and two weeks before."""
    window = Window.parse("2013-02-01T05:00", "2013-02-01T06:00")
    about = monitor(start="2013-01-31", schedule="@hourly", minimum_rows=5, **SEASONAL)
    found = compared(about, by_hour, window, Log(by_hour).piece)
    hours = [Window(window.start - k * timedelta(weeks=1), window.end - k * timedelta(weeks=1)) for k in (2, 1)]
    expected = sum(by_hour.pieces[hour].columns["plan"].counts for hour in hours)
    np.testing.assert_array_equal(found.reference.profile.columns["plan"].counts, expected)


def test_a_reference_kept_by_day_has_no_hours(by_day: ReferenceProfile) -> None:
    """A window of an hour given by hand cannot borrow hours from days: its columns are undecided, not wrong."""
    found = compared(
        monitor(start="2013-01-31", **SEASONAL),
        by_day,
        Window.parse("2013-01-31T05:00", "2013-01-31T06:00"),
        Log(by_day).piece,
    )
    assert found.undecided == EVERY


def test_a_stored_reference_serves_like_the_built_one(by_day: ReferenceProfile) -> None:
    """What is compared with does not depend on who built the reference; nor on the order of the log's files."""
    log, back = Log(by_day), loads_reference(dumps_reference(by_day).get)
    log.write(FIRST, 5)
    about, window = monitor(start="2013-01-31", **TRAILING), day("2013-02-03")
    built = compared(about, by_day, window, log.piece)
    log.tables.reverse()
    stored = compared(about, back, window, log.piece)
    assert dumps(stored.reference.profile) == dumps(built.reference.profile)
    assert (stored.notes, stored.undecided) == (built.notes, built.undecided)


def test_pieces_of_other_bins_are_refused(by_day: ReferenceProfile) -> None:
    """Profiles made with another reference are never compared with."""
    other = marked(500, CLEAN)
    with pytest.raises(ProfileMismatch):
        compared(monitor(**TRAILING), by_day, day("2013-03-08"), lambda _: other)


@pytest.mark.parametrize("name", ["*", "a\0b", "naïve ☃", "training", "x" * 255, "a.b c/d", "kinds"])
def test_any_name_of_a_column(name: str) -> None:
    """A column may be called anything."""
    plain = marked_reference({day("2013-01-07"): marked(500, CLEAN)})
    rename: Any = lambda each: Profile(each.binning, each.rows, {name: each.columns["x"]}, {name: ("string",)})  # noqa: E731
    pieces: Mapping[Window, Profile] = {piece: rename(each) for piece, each in plain.pieces.items()}
    given_reference = ReferenceProfile(
        "", {name: "categorical"}, plain.binning, rename(plain.profile), pieces, plain.sample
    )
    found = compared(monitor(**TRAILING), given_reference, day("2013-03-08"), lambda _: rename(marked(99, CLEAN)))
    assert found.reference.profile.columns[name].counts.tolist() == [7 * 99, 0]
    assert not found.undecided


def test_long_windows_move_by_what_they_cover() -> None:
    """A month cannot be compared with itself a week before: it moves by five weeks and by ten."""
    window = day("2013-06-01", 30)
    spans = baseline_spans(SeasonalBaseline(weeks=2), window)
    assert spans[0].start == window.start - timedelta(weeks=10)
    assert spans[30].start == window.start - timedelta(weeks=5)
    assert len(spans) == 60


def test_a_span_that_the_log_begins_in_is_the_references(by_day: ReferenceProfile) -> None:
    """Only whole spans after the monitor's start are asked of the log."""
    log = Log(by_day)
    past = Past(by_day, day("2013-02-01").start, log.piece)
    assert not past.gather([Window.parse("2013-01-31T23:30", "2013-02-01T00:30")]).profiles
    assert log.asked == []


def test_words() -> None:
    """Baselines are called what the YAML calls them."""
    assert baseline_words(TrainingBaseline()) == "training"
    assert baseline_words(TrailingBaseline(width=timedelta(hours=36))) == "trailing 1 day, 12 hours"
    assert baseline_words(SeasonalBaseline()) == "seasonal 4 weeks"
