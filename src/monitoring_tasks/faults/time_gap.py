"""Gaps: the stretch of a window without any row that should hold the most of its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from monitoring_tasks.faults.sides import NEVER, column_of, microseconds, microseconds_of, moment_of, within
from monitoring_tasks.profile.binning import Floats, Ints
from monitoring_tasks.profile.kernel import value_type
from monitoring_tasks.window import HOUR, Window

FEWEST = 20
"""With fewer rows an empty stretch is nothing."""
UNIFORM_WIDTH = timedelta(hours=3)
"""Widest window that is judged without knowing ordinary hours: in a wider one a quiet night would be a gap."""
_HOUR, _DAY = 3_600_000_000, 86_400_000_000
_WEEK = 7 * _DAY
_MONDAY = 4 * _DAY
"""The epoch's first Monday; hours of the week are counted from it."""
_GRAINS = (_DAY, 6 * _HOUR, _HOUR, _HOUR // 2, _HOUR // 4, _HOUR // 12, _HOUR // 60, 1_000_000)
_HOURS = 168


@dataclass(frozen=True)
class Gap:
    """The stretch `[start, end)` in UTC without any row, in which `share` of the window's rows were expected.

    `p_value` is the chance that as many rows as were sampled leave as large a stretch empty, over all stretches. It is
    computed from rows that come one by one, and is larger by as much as the reference's rows come in clumps.
    """

    share: float
    start: datetime
    end: datetime
    p_value: float


def time_gap(sample: pa.Table, reference_sample: pa.Table, timestamp: str, window: Window) -> Gap | None:
    """The stretch of the window without any row that should hold the largest share of its rows.

    What is expected comes from the hours of the week of the reference's rows, each taken as the least of itself and its
    neighbours: summer time moves an ordinary day by an hour. Without such rows, in windows of a few hours, all moments
    are alike. None in windows of less than an hour, without timestamps (dates and texts are none), and with too few
    rows. A window with rows in all of its expected hours has a small gap with a large `p_value`.
    """
    times = _times(sample, timestamp)
    if times is None or window.width < HOUR:
        return None
    times = times[within(times, window)]
    usual = _times(reference_sample, timestamp)
    rates = _rates(usual) if usual is not None and len(usual) >= FEWEST else None
    if len(times) < FEWEST or (rates is None and window.width > UNIFORM_WIDTH):
        return None
    clock = _Clock(np.ones(_HOURS) if rates is None else rates, microseconds(window.start), microseconds(window.end))
    found = clock.largest(times)
    if found is None:
        return None
    least, start, end = found
    clumps = 1.0 if usual is None or rates is None else _clumps(rates, usual, len(times))
    p_value = math.exp(-_surprise(least, len(times)) / clumps)
    return Gap(clock.share(start, end), moment_of(start), moment_of(end), p_value)


def _times(table: pa.Table, name: str) -> Ints | None:
    column = column_of(table, name)
    if column is None or not pa.types.is_timestamp(value_type(column.type)):
        return None
    times = microseconds_of(table, name)
    return None if times is None else times[times != NEVER]


def _surprise(share: float, count: int) -> float:
    """Minus the logarithm of the chance that `count` rows leave a stretch of such a share empty, anywhere.

    At most `(n + 1) (1 - share)^n`: Bonferroni over the spacings of n uniform points, and the two ends.
    """
    return max(0.0, -count * math.log1p(-min(share, 1 - 1e-12)) - math.log(count + 1))


def _rates(usual: Ints) -> Floats | None:
    """Rows to expect in each hour of the week, from Monday midnight UTC; None when the reference says nothing.

    Hours and weekdays are taken as independent where rows are few, and as they were counted where they are many. A
    weekday that the reference does not have expects no rows: nothing is missing there.
    """
    days = np.unique(usual // _DAY)
    covered = np.bincount(((days * _DAY - _MONDAY) // _DAY) % 7, minlength=7).astype(np.float64)
    counts = np.bincount(((usual - _MONDAY) % _WEEK) // _HOUR, minlength=_HOURS).reshape(7, 24).astype(np.float64)
    weeks = max(1.0, (int(usual.max()) - int(usual.min())) / _WEEK)
    by_day, by_hour = counts.sum(axis=1, keepdims=True), counts.sum(axis=0, keepdims=True)
    expected = by_day * by_hour / counts.sum()
    # One row of doubt: an hour that should have had many and had none is a quiet one.
    shrunk = expected * (counts + 1) / (expected + 1)
    rates = (shrunk / np.maximum(weeks, 1.0)).reshape(-1)
    return rates if covered.any() and rates.sum() > 0 else None


class _Clock:
    """Expected rows over a window's time; `rates` are those of the hours of the week."""

    def __init__(self, rates: Floats, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.usual = rates
        cautious = np.minimum(rates, np.minimum(np.roll(rates, 1), np.roll(rates, -1)))
        self.total = self._sum(rates, np.array([end]))[0]
        self.rates = cautious

    def _sum(self, rates: Floats, times: Ints) -> Floats:
        """Expected rows from the window's start to each of `times`."""
        upto = np.concatenate([[0.0], np.cumsum(rates)])
        both = np.concatenate([[self.start], times]) - _MONDAY
        weeks, within_week = np.divmod(both, _WEEK)
        found = weeks * upto[-1] + np.interp(within_week / _HOUR, np.arange(_HOURS + 1), upto)
        return np.asarray(found[1:] - found[0])

    def share(self, start: int, end: int) -> float:
        """Expected share of a stretch."""
        first, last = self._sum(self.usual, np.array([start, end]))
        return float(np.clip((last - first) / self.total, 0.0, 1.0))

    def largest(self, times: Ints) -> tuple[float, int, int] | None:
        """Least share, start and end of the empty stretch that should hold the most; None when nothing is expected.

        The share is what is left of it when each hour is the least of itself and its neighbours.
        """
        if self.total <= 0:
            return None
        grain = _grain(times)
        ordered = np.unique(times)
        starts = np.concatenate([[self.start], np.minimum(ordered + grain, self.end)])
        ends = np.concatenate([ordered, [self.end]])
        held = self._sum(self.rates, ends) - self._sum(self.rates, np.minimum(starts, ends))
        place = int(np.argmax(held))
        share = min(max(float(held[place] / self.total), 0.0), 1.0)
        return share, int(min(starts[place], ends[place])), int(ends[place])


def _grain(times: Ints) -> int:
    """The unit to which times were cut off: a row stands for all of it. 1 microsecond when there is none."""
    for grain in _GRAINS:
        if np.mean(times % grain == 0) >= 0.99:
            return grain
    return 1


def _clumps(rates: Floats, usual: Ints, rows: int) -> float:
    """How many times less surprising gaps are than if rows came one by one, from the reference's own days; at least 1.

    Nine of ten ordinary days should surprise by at most log 10. Where they surprise by more, a clump has the more rows,
    the more `rows` the window has.
    """
    days, counts = np.unique(usual // _DAY, return_counts=True)
    known = [
        _surprise(found[0], count)
        for day, count in zip(days[counts >= FEWEST].tolist(), counts[counts >= FEWEST].tolist(), strict=True)
        if (found := _Clock(rates, day * _DAY, (day + 1) * _DAY).largest(usual[usual // _DAY == day])) is not None
    ]
    clumps = float(np.quantile(known, 0.9)) / math.log(10) if known else 1.0
    return clumps * max(1.0, rows / float(np.median(counts[counts >= FEWEST]))) if clumps > 1 else 1.0
