"""Windows inside a span of rows: where each begins and ends, and how many independent ones they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.outcomes import NEVER, Whole, days

LEAST_WINDOWS = 5
"""With fewer windows than this a span cannot teach how windows differ."""
DAY = timedelta(days=1)
LEAST_SHARE = 0.5
"""A window with a smaller share of the rows of the usual one is left out: it is cut off, or a day is missing."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Windows of `width` over rows in order of time: window k has the rows from `starts[k]` to before `ends[k]`.

    `apart` neighbours on share no rows. `worth` is how many independent windows they are worth for an estimate of
    their variance.
    """

    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    width: timedelta
    apart: int
    worth: float

    def __len__(self) -> int:
        return len(self.starts)


def blocks(moment: Whole, width: timedelta) -> Blocks | None:
    """The windows of `width` that rows in order of time are cut into; None without times or with fewer than five.

    Windows of whole days overlap by half, which teaches more than windows apart; each ends with a UTC day, the newest
    with the last row's. Where the span has fewer than five windows of `width`, shorter ones of whole days are taken.
    Windows narrower than a day do not overlap, and those of one day are worth one: its rows are not independent.
    """
    if not len(moment) or moment[0] == NEVER:
        return None
    first, last = (int(day) for day in days(moment[[0, -1]]))
    span = last + 1 - first
    if span < LEAST_WINDOWS:
        return None
    if width < DAY:
        return _narrow(moment, width)
    long = min(max(round(width / DAY), 1), span // LEAST_WINDOWS)
    step = -(-long // 2)
    ends = np.arange(last + 1, first + long - 1, -step)[::-1]
    shared = np.maximum(1 - np.arange(1, len(ends)) * step / long, 0)
    worth = len(ends) / (1 + 2 * float(shared @ shared))
    return _cut(
        moment, np.stack([ends - long, ends]) * _micro(DAY), Blocks(ends, ends, long * DAY, -(-long // step), worth)
    )


def _narrow(moment: Whole, width: timedelta) -> Blocks | None:
    step = _micro(width)
    numbers = np.unique(moment // step)
    edges = np.stack([numbers, numbers + 1]) * step
    return _cut(moment, edges, Blocks(numbers, numbers, width, 1, len(np.unique(days(moment)))))


def _cut(moment: Whole, edges: Whole, plan: Blocks) -> Blocks | None:
    """The windows between `edges` that have enough rows, worth as much less as there are fewer of them than planned."""
    starts, ends = np.searchsorted(moment, edges)
    rows = ends - starts
    enough = rows >= LEAST_SHARE * np.median(rows[rows > 0]) if (rows > 0).any() else rows > 0
    worth = plan.worth * enough.sum() / max(len(enough), 1)
    if min(worth, enough.sum()) < LEAST_WINDOWS - 1:
        return None
    return Blocks(starts[enough], ends[enough], plan.width, plan.apart, float(worth))


def _micro(width: timedelta) -> int:
    return width // timedelta(microseconds=1)
