"""Gaps in time: found where rows are missing, and nowhere on ordinary nights, weekends and thin data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitoring_tasks.faults.time_gap import time_gap
from monitoring_tasks.window import Window

DAY = Window.parse("2013-06-03", "2013-06-04")
WEEK = Window.parse("2013-06-03", "2013-06-10")
EMPTY = pa.table({"at": pa.array([], pa.timestamp("us"))})


def moments(
    random: np.random.Generator, start: datetime, days: int, count: int, *, weekends: bool = False, hours: Any = (8, 18)
) -> Any:
    """Microseconds of rows in working hours, on working days unless `weekends`."""
    chosen = [day for day in range(days) if weekends or (start + timedelta(days=day)).weekday() < 5]
    seconds = random.choice(chosen, count) * 86_400 + random.uniform(hours[0] * 3600, hours[1] * 3600, count)
    return np.datetime64(start.replace(tzinfo=None), "us") + (seconds * 1e6).astype(np.int64)


def table(times: Any, kind: pa.DataType | None = None) -> pa.Table:
    column = pa.array(times, pa.timestamp("us"))
    return pa.table({"at": column if kind is None else column.cast(kind, safe=False)})


REFERENCE = table(moments(np.random.default_rng(0), datetime(2013, 3, 4, tzinfo=UTC), 84, 5000))


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("ns", "Asia/Tokyo"), None])
def test_hours_without_rows_are_found(kind: pa.DataType | None) -> None:
    """From noon to three: three of ten hours, with the ends of the stretch."""
    times = moments(np.random.default_rng(1), DAY.start, 1, 1000)
    hour = (times - np.datetime64("2013-06-03", "us")) / np.timedelta64(1, "h")
    gap = time_gap(table(times[(hour < 12) | (hour >= 15)], kind), REFERENCE, "at", DAY)
    assert gap is not None
    assert gap.share == pytest.approx(0.3, abs=0.05)
    assert gap.p_value < 1e-20
    assert abs(gap.start - DAY.start - timedelta(hours=12)) < timedelta(minutes=5)
    assert abs(gap.end - DAY.start - timedelta(hours=15)) < timedelta(minutes=5)


@pytest.mark.parametrize("count", [20, 100, 1000])
@pytest.mark.parametrize("window", [DAY, WEEK])
def test_nights_and_weekends_are_no_gaps(window: Window, count: int) -> None:
    """Ordinary windows of any size, a summer time one hour off, a holiday with a tenth of the rows."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        for hours in ((8, 18), (7, 17), (9, 19)):
            times = moments(random, window.start, window.width.days, count, hours=hours)
            gap = time_gap(table(times), REFERENCE, "at", window)
            assert gap is not None
            assert gap.p_value > 1e-4, (seed, hours, gap)


def test_a_weekend_without_rows_is_a_gap_where_weekends_have_rows() -> None:
    """The same window beside another reference."""
    reference = table(moments(np.random.default_rng(2), datetime(2013, 3, 4, tzinfo=UTC), 84, 5000, weekends=True))
    gap = time_gap(table(moments(np.random.default_rng(3), WEEK.start, 7, 1000)), reference, "at", WEEK)
    assert gap is not None
    assert gap.p_value < 1e-20
    assert gap.start.weekday() == 4
    assert gap.share == pytest.approx(2 / 7, abs=0.05)


def test_hours_cut_off_stand_for_themselves() -> None:
    """Rows stamped with their hour leave no gap between two hours; a missing hour is one."""
    times = moments(np.random.default_rng(4), DAY.start, 1, 1000).astype("datetime64[h]").astype("datetime64[us]")
    reference = table(np.asarray(REFERENCE["at"].to_numpy()).astype("datetime64[h]").astype("datetime64[us]"))
    ordinary = time_gap(table(times), reference, "at", DAY)
    assert ordinary is not None
    assert ordinary.p_value > 0.01
    noon = np.datetime64("2013-06-03T12", "us")
    lost = time_gap(table(times[(times < noon) | (times >= noon + np.timedelta64(2, "h"))]), reference, "at", DAY)
    assert lost is not None
    assert lost.p_value < 1e-6
    assert (lost.start.hour, lost.end.hour) == (12, 14)


def test_rows_in_clumps_make_gaps_less_surprising() -> None:
    """A job that scores everything at once, at another hour each day, leaves no gap."""
    random = np.random.default_rng(5)
    starts = np.datetime64("2013-03-04", "us") + np.arange(84) * np.timedelta64(1, "D")
    batches = starts + (random.uniform(0, 86_000, 84) * 1e6).astype(np.int64)
    times = np.repeat(batches, 60) + random.integers(0, 60_000_000, 84 * 60)
    one = np.datetime64("2013-06-03T09", "us") + random.integers(0, 60_000_000, 1000)
    gap = time_gap(table(one), table(times), "at", DAY)
    assert gap is not None
    assert gap.p_value > 1e-4


def test_the_p_value_holds_for_rows_that_come_one_by_one() -> None:
    """At most as many ordinary windows pass a level as it says."""
    reference = table(
        moments(np.random.default_rng(6), datetime(2013, 3, 4, tzinfo=UTC), 84, 5000, hours=(0, 24), weekends=True)
    )
    found = []
    for seed in range(200):
        times = moments(np.random.default_rng(seed), DAY.start, 1, 100, hours=(0, 24), weekends=True)
        gap = time_gap(table(times), reference, "at", DAY)
        assert gap is not None
        found.append(gap.p_value)
    assert np.mean(np.array(found) < 0.05) <= 0.07


def test_a_few_hours_are_judged_without_a_reference() -> None:
    """Uniform when nothing is known, and only where a quiet night cannot be meant."""
    window = Window.parse("2013-06-03T09:00", "2013-06-03T11:00")
    times = np.datetime64("2013-06-03T09:00", "us") + np.arange(0, 3_600_000_000, 10_000_000)
    gap = time_gap(table(times), EMPTY, "at", window)
    assert gap is not None
    assert gap.share == pytest.approx(0.5, abs=0.01)
    assert gap.end == window.end
    assert time_gap(table(times), EMPTY, "at", DAY) is None


def test_nothing_is_said_of_what_holds_no_times() -> None:
    """No column, texts, dates, nulls, too few rows, less than an hour."""
    times = moments(np.random.default_rng(7), DAY.start, 1, 500)
    minutes = Window.parse("2013-06-03T09:00", "2013-06-03T09:30")
    assert time_gap(table(times), REFERENCE, "no", DAY) is None
    assert time_gap(table(times, pa.string()), REFERENCE, "at", DAY) is None
    assert time_gap(table(times, pa.date32()), REFERENCE, "at", DAY) is None
    assert time_gap(table([None] * 30), REFERENCE, "at", DAY) is None
    assert time_gap(table(times[:19]), REFERENCE, "at", DAY) is None
    assert time_gap(table(times), REFERENCE, "at", minutes) is None
