"""The probable causes of what was found in a window."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from monitoring_tasks.checks import Check
from monitoring_tasks.faults.bursts import duplicated_batch, null_burst
from monitoring_tasks.faults.cause import Cause, Fault, at, in_percent
from monitoring_tasks.faults.clock import shifted_log, time_shift
from monitoring_tasks.faults.distribution import Distribution, profiled
from monitoring_tasks.faults.frozen import constant, frozen_category, frozen_number
from monitoring_tasks.faults.names import case_change, rename
from monitoring_tasks.faults.sides import Sides, numbers_of
from monitoring_tasks.faults.time_gap import Gap, time_gap
from monitoring_tasks.faults.units import unit_change
from monitoring_tasks.profile.binning import Floats, NumericBins
from monitoring_tasks.profile.profile import NumericProfile

__all__ = ["Cause", "Fault", "Sides", "probable_causes"]

VALUES = {Check.DRIFT, Check.OUT_OF_RANGE_SHARE, Check.UNSEEN_SHARE, Check.LEVEL}
"""Checks that a fault in a column's values raises; the others have one kind of cause each."""
CERTAIN = 1e-4
"""A gap is worth a word when chance leaves one so rarely."""
LEAST_GAP = 0.02


def probable_causes(sides: Sides, found: Collection[tuple[Check, str | None]]) -> tuple[Cause, ...]:
    """The faults that explain the findings `found` of a window (check and column), largest share first.

    A fault is named when undoing it would undo the finding, one at most for each column; whatever the columns hold,
    this raises nothing.
    """
    columns = {column: {check for check, each in found if each == column} for _, column in found}
    causes: list[Cause] = []
    # Values next to the largest float run over where they are converted or summed up: no fault fits such a column.
    with np.errstate(all="ignore"):
        for column, checks in columns.items():
            named = _of_window(sides, checks) if column is None else _of_column(sides, column, checks)
            causes.extend(named)
    return tuple(sorted(causes, key=lambda cause: (-cause.share, cause.column or "", cause.fault)))


def _of_window(sides: Sides, checks: Collection[Check]) -> Iterator[Cause]:
    if Check.DUPLICATE_SHARE in checks and (cause := duplicated_batch(sides)):
        yield cause
    if {Check.TIME_GAP, Check.ROW_COUNT} & set(checks) and (cause := shifted_log(sides) or truncated(sides)):
        yield cause


def _of_column(sides: Sides, column: str, checks: Collection[Check]) -> list[Cause]:
    """The cause that explains the most of a column, if there is one."""
    if column not in sides.pairs:
        return []
    found = [constant(column, sides.pairs[column])] if Check.CONSTANT in checks else []
    if Check.MISSING_SHARE in checks:
        found.append(null_burst(sides, column))
    if VALUES & set(checks):
        found.append(_of_values(sides, column))
    causes = [cause for cause in found if cause is not None]
    return sorted(causes, key=lambda cause: -cause.share)[:1]


def _of_values(sides: Sides, column: str) -> Cause | None:
    pair = sides.pairs[column]
    if isinstance(pair.bins, NumericBins) and isinstance(pair.reference, NumericProfile):
        values, baseline = numbers_of(sides.sample, column), profiled(pair.bins, pair.reference)
        return None if values is None or baseline is None else _of_numbers(sides, column, values, baseline)
    return case_change(column, pair) or rename(column, pair) or frozen_category(sides, column, pair)


def _of_numbers(sides: Sides, column: str, values: Floats, baseline: Distribution) -> Cause | None:
    finite = values[np.isfinite(values)]
    whole = _are_whole(finite) and _are_whole(numbers_of(sides.reference_sample, column))
    return (
        time_shift(column, finite, baseline)
        or frozen_number(sides, column, values, baseline)
        or unit_change(column, finite, baseline, whole=whole)
    )


def _are_whole(values: Floats | None) -> bool:
    """Whether there are finite values, and all of them are whole numbers."""
    known = np.zeros(0) if values is None else values[np.isfinite(values)]
    return len(known) > 0 and bool(np.all(known == np.round(known)))


def truncated(sides: Sides) -> Cause | None:
    """A gap up to the window's end, or to the end of a day in it: the rest of a file that did not come."""
    gap = None if sides.timestamp is None else _gap(sides, sides.timestamp)
    if gap is None or gap.p_value > CERTAIN or gap.share < LEAST_GAP or not _reaches_an_end(gap, sides):
        return None
    until = "" if gap.end == sides.window.end else f" until {at(gap.end)}"
    share = in_percent(gap.share).removeprefix("about ")
    words = (
        f"no rows after {at(gap.start)}{until} UTC, where {share} of the window's rows were expected: "
        "a truncated or late file?"
    )
    return Cause(Fault.TRUNCATED, None, gap.share, words)


def _gap(sides: Sides, timestamp: str) -> Gap | None:
    return time_gap(sides.sample, sides.reference_sample, timestamp, sides.window)


def _reaches_an_end(gap: Gap, sides: Sides) -> bool:
    """Whether the gap ends with the window, or soon after a midnight in UTC: rows come again as the next day begins."""
    if gap.end == sides.window.end:
        return True
    midnight = datetime(gap.end.year, gap.end.month, gap.end.day, tzinfo=UTC)
    return gap.start < midnight and gap.end - midnight <= max(timedelta(hours=1), (midnight - gap.start) / 2)
