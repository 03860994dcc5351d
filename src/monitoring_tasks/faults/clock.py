"""Time shifts: hours of the day, minutes of the day, or the log's own timestamps, moved by whole hours."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from monitoring_tasks.faults.cause import Cause, Fault, shown
from monitoring_tasks.faults.distribution import LIKELY, UNLIKELY, Distribution, observed
from monitoring_tasks.faults.sides import NEVER, Sides, microseconds, microseconds_of, within
from monitoring_tasks.profile.binning import Floats, Ints

FEWEST = 50
HOURS = 24
STEPS = 4
"""Shifts are tried by the quarter of an hour where the column is that fine, and must come out at whole hours."""
LEFT = 0.2
"""Share of the distance that may remain after the shift was undone."""
WRAPPED = 0.02
"""Share of values that a shift must carry over midnight to be told from a shift of any other number."""
_NAMED = re.compile(r"hour|(^|[^a-z])hr|time|minute|clock|(^|[^a-z])tod([^a-z]|$)|stunde|sched", re.IGNORECASE)
_MINUTE, _DAY = 60_000_000, 86_400_000_000


@dataclass(frozen=True)
class _Shift:
    hours: int
    distance: float


def time_shift(column: str, values: Floats, baseline: Distribution) -> Cause | None:
    """The number of hours by which finite values of a time of day were moved, if that explains them.

    The column must hold hours from 0 to 23, minutes or seconds of the day, by what the baseline has of it; and by its
    name, unless the shift carries values over midnight.
    """
    period = _period(baseline)
    if period is None or len(values) < FEWEST or values.min() < 0 or values.max() >= period:
        return None
    shift = _best(values, baseline, period)
    if shift is None or not (_NAMED.search(column) or _wraps(values, shift.hours * period / HOURS, period)):
        return None
    return Cause(Fault.TIME_SHIFT, column, 1.0, f"{shown(column)}: values are {_moved(shift.hours)} (a time zone?)")


def _moved(hours: int) -> str:
    return f"{abs(hours)} hour{'s' if abs(hours) > 1 else ''} too {'late' if hours > 0 else 'early'}"


def _period(baseline: Distribution) -> float | None:
    """Length of a day in the column's unit: 24, 1440 or 86400; None where the values are no times of day."""
    for period in (24.0, 1440.0, 86400.0):
        if baseline.low >= 0 and period / 2 <= baseline.high < period:
            return period
    return None


def _best(values: Floats, baseline: Distribution, period: float) -> _Shift | None:
    """The shift that brings the values nearest to the baseline, where that is a whole number of hours, and explains."""
    before = baseline.distance(values)
    if before < baseline.limit(len(values), UNLIKELY):
        return None
    steps = 1 if period == HOURS else STEPS
    tried = sorted(range(1 - steps * HOURS // 2, steps * HOURS // 2 + 1), key=abs)
    distances = [baseline.distance(np.mod(values - step * period / HOURS / steps, period)) for step in tried]
    place = int(np.argmin(distances))
    hours, rest = divmod(tried[place], steps)
    explained = distances[place] <= max(min(baseline.limit(len(values), LIKELY), 0.25 * before), LEFT * before)
    return _Shift(hours, distances[place]) if explained and hours and not rest and distances[place] < before else None


def _wraps(values: Floats, shift: float, period: float) -> bool:
    over = np.count_nonzero((values - shift < 0) | (values - shift >= period))
    return bool(over >= max(WRAPPED * len(values), 5))


def shifted_log(sides: Sides) -> Cause | None:
    """The number of hours by which the log's own timestamps were moved, told by the time of day of its rows."""
    now, usual = minutes_of_day(sides)
    if len(now) < FEWEST or len(usual) < FEWEST or sides.timestamp is None:
        return None
    baseline = observed(usual)
    found = _best(now, baseline, 1440.0) or _cut(now, baseline, sides)
    if found is None or abs(found.hours) == 1:  # summer time moves what people do by an hour
        return None
    words = f"{shown(sides.timestamp)}: the log's times are {_moved(found.hours)} (a time zone?)"
    return Cause(Fault.TIME_SHIFT, sides.timestamp, 1.0, words)


def minutes_of_day(sides: Sides) -> tuple[Floats, Floats]:
    """Minutes since the hour of day at which the window starts, of the window's rows and of the reference's.

    Both are empty unless the window is made of whole days.
    """
    start, end = microseconds(sides.window.start), microseconds(sides.window.end)
    current = microseconds_of(sides.sample, sides.timestamp)
    reference = microseconds_of(sides.reference_sample, sides.timestamp)
    if current is None or reference is None or (end - start) % _DAY:
        return np.zeros(0), np.zeros(0)
    return _minutes(current[within(current, sides.window)], start), _minutes(reference[reference != NEVER], start)


def _minutes(times: Ints, start: int) -> Floats:
    minutes: Floats = np.floor((times - start) % _DAY / _MINUTE)
    return minutes


def _cut(now: Floats, baseline: Distribution, sides: Sides) -> _Shift | None:
    """The same of a window of one day into which, or out of which, the first hours of the shift moved no rows."""
    if microseconds(sides.window.end) - microseconds(sides.window.start) != _DAY:
        return None
    limit = baseline.limit(len(now), UNLIKELY)
    found = [
        _Shift(hours, distance)
        for hours in sorted(set(range(-HOURS // 2, HOURS // 2 + 1)) - {0}, key=abs)
        for distance, unmoved in [_conditional(now, baseline, hours)]
        if distance <= max(baseline.limit(len(now), LIKELY), LEFT * unmoved) and unmoved > max(limit, 3 * distance)
    ]
    return min(found, key=lambda shift: shift.distance, default=None)


def _conditional(now: Floats, baseline: Distribution, hours: int) -> tuple[float, float]:
    """Distance of the rows from those hours of the baseline that stay in the day, after and before undoing a shift.

    Both are 1 when there are rows in hours that the shift must have emptied: the hours are then no reason to doubt.
    """
    moved, day = 60.0 * hours, 60.0 * HOURS
    low, high = max(0.0, moved), min(day, day + moved)
    if now.min() < low or now.max() >= high:
        return 1.0, 1.0
    back = baseline.distance(now - moved, above=low - moved - 1, below=high - moved - 1)
    return back, baseline.distance(now, above=low - 1, below=high - 1)
