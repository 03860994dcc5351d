"""Which of the reference's own pieces make up a window and its baseline: a monitor's comparison, replayed inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.alarms_section import WEEK, Baseline, SeasonalBaseline, TrailingBaseline
from monitoring_tasks.profile.binning import Floats, Ints
from monitoring_tasks.window import Window

LEAST_WINDOWS = 5
"""With fewer windows than this the reference cannot teach how windows differ."""


@dataclass(frozen=True, eq=False)
class Replay:
    """Windows of the reference and the baseline of each: two matrices of 0 and 1, windows by pieces, oldest first."""

    windows: Floats
    baselines: Floats

    def __len__(self) -> int:
        return len(self.windows)


def replay(pieces: Sequence[Window], width: timedelta, baseline: Baseline) -> Replay:
    """Windows of `width` over the reference's pieces that share no rows, each with the baseline it would have had.

    A width is rounded to whole pieces. The training baseline of a window is all the rest of the reference; a trailing
    or seasonal one lies before the window, and a window that has less than half of it is left out. Empty where there
    are fewer than `LEAST_WINDOWS`.
    """
    if not pieces:
        return Replay(np.zeros((0, 0)), np.zeros((0, 0)))
    step = pieces[0].width
    slots = np.array([round((piece.start - pieces[0].start) / step) for piece in pieces])
    long = max(round(width / step), 1)
    ends = np.arange(slots[-1] + 1, long - 1, -long)[::-1]
    inside = np.array([(slots >= end - long) & (slots < end) for end in ends]).reshape(-1, len(pieces))
    before = np.array([_baseline(slots, end - long, long, baseline, step) for end in ends]).reshape(-1, len(pieces))
    known = inside.any(axis=1) & (before.sum(axis=1) * 2 >= _wanted(baseline, step, long))
    if known.sum() < LEAST_WINDOWS:
        return Replay(np.zeros((0, len(pieces))), np.zeros((0, len(pieces))))
    return Replay(inside[known].astype(float), before[known].astype(float))


def _baseline(slots: Ints, start: int, long: int, baseline: Baseline, step: timedelta) -> NDArray[np.bool_]:
    if isinstance(baseline, TrailingBaseline):
        found: NDArray[np.bool_] = (slots < start) & (slots >= start - _steps(baseline.width, step))
    elif isinstance(baseline, SeasonalBaseline):
        found = _weeks_before(slots, start, long, baseline.weeks, step)
    else:
        found = (slots < start) | (slots >= start + long)
    return found


def _weeks_before(slots: Ints, start: int, long: int, weeks: int, step: timedelta) -> NDArray[np.bool_]:
    shift = whole_weeks(long * step)
    found = np.zeros(len(slots), bool)
    for number in range(1, weeks + 1):
        begin = start - _steps(number * shift, step)
        found |= (slots >= begin) & (slots < begin + long)
    return found


def whole_weeks(width: timedelta) -> timedelta:
    """The least number of whole weeks by which a window of `width` must be moved so as not to meet itself."""
    return max(-(-width // WEEK), 1) * WEEK


def _wanted(baseline: Baseline, step: timedelta, long: int) -> int:
    """Pieces in a whole baseline; one for training, where any rest will do."""
    if isinstance(baseline, TrailingBaseline):
        return _steps(baseline.width, step)
    return baseline.weeks * long if isinstance(baseline, SeasonalBaseline) else 1


def _steps(width: timedelta, step: timedelta) -> int:
    return max(round(width / step), 1)
