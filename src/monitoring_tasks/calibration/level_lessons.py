"""What the reference's own windows teach about a column's level: how they differ, and what the hour of the day adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from monitoring_tasks.calibration.gauge import Gauge, Series
from monitoring_tasks.calibration.geometry import LEAST_WINDOWS
from monitoring_tasks.calibration.level import BEFORE, HOURS, LEAST_BEFORE, Between, LevelNull
from monitoring_tasks.profile.binning import Floats
from monitoring_tasks.window import DAY, HOUR, Window

EARNS = 0.8
"""The hour of the day is allowed for where that leaves at most this part of what windows differ by."""
NORMAL = 2.0
"""Squared coefficient of variation of the square of a normal number: what differences have a priori ..."""
PRIOR = 5
"""... which counts as much as so many windows."""


class _Steps(NamedTuple):
    """How windows differ from what they are compared with, in standard deviations of a row.

    `chance` is the variance of each difference if rows were all there is to it, in units of a row's.
    """

    step: Floats
    chance: Floats


def learn_level(gauge: Gauge, pieces: Sequence[Window], found: Series, windows: Floats) -> LevelNull:
    """The null of a column's level by the reference's windows (a matrix of 0 and 1, windows by pieces, oldest first).

    With fewer than `LEAST_WINDOWS` windows that have a value, rows are taken as independent of each other.
    """
    own = found.summed(windows)
    known = own.rows > 0
    if known.sum() < LEAST_WINDOWS:
        return LevelNull(gauge)
    cut, had = windows[known], Series(own.total[known], own.rows[known])
    plain, season = np.zeros(len(had.rows)), _season(pieces, found, cut)
    steps = _from_the_rest(gauge, had, plain)
    if season is None:
        return _null(gauge, had, plain, ())
    by_hour, alone = season
    seasonal = _from_the_rest(gauge, had, alone)
    earns = _size(seasonal) <= EARNS * _size(steps) and _size(steps) > _size(steps._replace(step=steps.chance**0.5))
    return _null(gauge, had, alone if earns else plain, tuple(by_hour.tolist()) if earns else ())


def _null(gauge: Gauge, had: Series, offsets: Floats, season: tuple[float, ...]) -> LevelNull:
    before = _from_before(gauge, had, offsets)
    reference = _between(_from_the_rest(gauge, had, offsets))
    # Too few windows have others before them: how they differ from all the rest is at least as much.
    own = _between(before) if len(before.step) >= LEAST_WINDOWS else reference
    return LevelNull(gauge, own, reference, season, _correlation(before))


def _season(pieces: Sequence[Window], found: Series, windows: Floats) -> tuple[Floats, Floats] | None:
    """What each hour of the day adds to the level, and what the hours of each window add by all the others.

    None where pieces are no hours, windows are days, or an hour of a window has too few others to learn from.
    """
    if pieces[0].width != HOUR or windows.sum(axis=1).max() * HOUR >= DAY:
        return None
    hours = np.zeros((len(pieces), HOURS))
    hours[np.arange(len(pieces)), [piece.start.hour for piece in pieces]] = 1.0
    total, rows = found.total @ hours, found.rows @ hours
    own_total, own_rows = windows @ (hours * found.total[:, None]), windows @ (hours * found.rows[:, None])
    counts, has = (hours * (found.rows > 0)[:, None]).sum(axis=0), windows @ hours > 0
    if counts[has.any(axis=0)].min() <= LEAST_WINDOWS:
        return None
    mean = total.sum() / rows.sum()
    by_hour = np.divide(total, rows, out=np.full(HOURS, mean), where=rows > 0) - mean
    others = np.divide(total - own_total, rows - own_rows, out=np.full(has.shape, mean), where=rows - own_rows > 0)
    return by_hour, ((others - mean) * has).sum(axis=1) / has.sum(axis=1)


def _from_the_rest(gauge: Gauge, had: Series, offsets: Floats) -> _Steps:
    """Each window beside all the rest of the reference."""
    level, others = had.total / had.rows - offsets, had.rows.sum() - had.rows
    rest = (had.total.sum() - had.total) / others
    return _Steps((level - rest) / gauge.variance**0.5, 1 / had.rows + 1 / others)


def _from_before(gauge: Gauge, had: Series, offsets: Floats) -> _Steps:
    """Each window beside those before it, where there are enough."""
    level = had.total / had.rows - offsets
    places = np.arange(LEAST_BEFORE, len(level))
    sums, rows = (np.concatenate([[0.0], np.cumsum(each)]) for each in (level * had.rows, had.rows))
    first = np.maximum(places - BEFORE, 0)
    usual = (sums[places] - sums[first]) / (rows[places] - rows[first])
    chance = 1 / had.rows[places] + 1 / (rows[places] - rows[first])
    return _Steps((level[places] - usual) / gauge.variance**0.5, chance)


def _size(steps: _Steps) -> float:
    weights = steps.chance**-2
    return float(weights @ steps.step**2 / weights.sum())


def _between(steps: _Steps) -> Between:
    """The mean excess of the squared differences over chance, or its standard error if that is more.

    Windows of many rows tell more of it: each counts by how well it is known.
    """
    squared, variance, error = steps.step**2, 0.0, 0.0
    for _ in range(3):
        weights = (steps.chance + variance) ** -2
        excess = squared - steps.chance
        found = float(weights @ excess / weights.sum())
        error = float(np.sqrt(weights**2 @ (excess - found) ** 2) / weights.sum())
        variance = max(found, error / 3)
    ratio = squared / (steps.chance + variance)
    spread = float(ratio.var(ddof=1) / max(ratio.mean(), 1e-9) ** 2)
    windows = len(squared)
    return Between(variance, (spread * windows + NORMAL * PRIOR) / (windows + PRIOR), windows)


def _correlation(steps: _Steps) -> float:
    """Of neighbouring windows, drawn to 0 where they are few."""
    scores = steps.step / np.sqrt(steps.chance)
    if len(scores) < LEAST_WINDOWS or not scores[:-1].std() or not scores[1:].std():
        return 0.0
    found = float(np.corrcoef(scores[:-1], scores[1:])[0, 1]) * len(scores) / (len(scores) + PRIOR)
    return min(max(found, 0.0), 0.95)
