"""What one column's own windows teach, before the columns are pooled."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.calibration.counts import Counts, distances, freedom
from monitoring_tasks.calibration.geometry import Replay
from monitoring_tasks.calibration.nulls import KOLMOGOROV, LEAST, DistanceNull, chance_of_distance, chance_p_value
from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats

RARELY = 1e-3
"""A window whose rows of a kind are less likely than this by chance has a burst of them."""
QUARTER = 0.25
"""Variance of a Brownian bridge in its middle: no set of values can vary more."""
LEAST_VARIANCE = 0.02
"""The same of a column that nearly always has one value: its few other rows come unevenly, not as a bridge does."""
CONTINUOUS = 0.85
"""From this part of `KOLMOGOROV` on the known tail is used: a column of few values has a lighter one."""


@dataclass(frozen=True, eq=False)
class Shares:
    """Rows of a kind (`part`) among all (`whole`), in each of K windows and in its baseline."""

    part: Floats
    whole: Floats
    baseline_part: Floats
    baseline_whole: Floats

    @property
    def excess(self) -> Floats:
        """Share of each window less that of its baseline; NaN where either has no rows."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = self.part / self.whole - self.baseline_part / self.baseline_whole
        return found

    @property
    def dense(self) -> bool:
        """Whether most windows have such rows."""
        return bool(len(self.part) and np.mean(self.part > 0) >= 0.5)

    def bursts(self, doubt: float) -> Floats:
        """How much larger than its baseline's each share is that chance cannot explain."""
        more = np.flatnonzero(self.excess > 0).tolist()
        rows = [(self.part[at], self.whole[at], self.baseline_part[at] + doubt, self.baseline_whole[at]) for at in more]
        odd = [at for at, row in zip(more, rows, strict=True) if chance_p_value(*row) < RARELY]
        found: Floats = self.excess[odd]
        return found

    def steps(self) -> tuple[Floats, Floats]:
        """Difference of arcsines of roots between window and baseline, and its variance by chance."""
        with np.errstate(divide="ignore", invalid="ignore"):
            window, baseline = self.part / self.whole, self.baseline_part / self.baseline_whole
            step = np.arcsin(np.sqrt(window)) - np.arcsin(np.sqrt(baseline))
            chance = QUARTER / self.whole + QUARTER / self.baseline_whole
        known = np.isfinite(step) & np.isfinite(chance)
        return step[known], chance[known]


@dataclass(frozen=True, eq=False)
class Lesson:
    """One column: the null of its distance as its own windows show it, with the shares and the doubt of its counts.

    `scarcity` is the mean of 1/n + 1/m over the windows, `constant` says which windows had one value only, `most`
    is the largest share that one value or bin had in a window, 0 without windows.
    """

    distance: DistanceNull
    scarcity: float
    missing: Shares
    outside: Shares
    doubt: float
    constant: NDArray[np.bool_]
    most: float


def learn(bins: ColumnBins, whole: Counts, pieces: Counts, plan: Replay) -> Lesson:
    """What the windows of `plan` teach about one column; `whole` is the reference (one row), `pieces` its pieces."""
    windows, baselines = pieces.summed(plan.windows), pieces.summed(plan.baselines)
    chance = chance_null(bins, whole)
    found = distances(bins, windows, baselines)
    known = np.isfinite(found.squared)
    squared, scarcity = found.squared[known], found.scarcity[known]
    null = replace(_between(chance, squared, scarcity), single=_single(found.single[known], scarcity))
    return Lesson(
        distance=_correlated(null, squared, scarcity),
        scarcity=float(scarcity.mean()) if len(scarcity) else math.nan,
        missing=Shares(windows.missing, windows.readable, baselines.missing, baselines.readable),
        outside=_outside(bins, whole, windows, baselines),
        doubt=_doubt(bins, whole),
        constant=_constant(windows),
        most=_most(windows),
    )


def chance_null(bins: ColumnBins, whole: Counts) -> DistanceNull:
    """The null of rows that are independent of each other, where the reference (one row) is `whole`."""
    if not whole.rows[0]:
        return DistanceNull(KOLMOGOROV, KOLMOGOROV / QUARTER)
    shares = whole.values[0] / whole.rows[0]
    if isinstance(bins, CategoryBins):
        degrees = freedom(shares)
        return DistanceNull(float(degrees), float(degrees))
    chance = min(max(chance_of_distance(shares), LEAST_VARIANCE), KOLMOGOROV)
    if chance >= CONTINUOUS * KOLMOGOROV:
        return DistanceNull(KOLMOGOROV, KOLMOGOROV / QUARTER, continuous=True)
    return DistanceNull(chance, max(chance / _variance(shares), 1.0))


def _variance(shares: Floats) -> float:
    """Largest variance of the bridge at one of the bins' ends: it gives the tail of the distance its slope."""
    below = np.cumsum(shares)
    return max(float(np.max(below * (1 - below))), LEAST_VARIANCE)


def _between(null: DistanceNull, squared: Floats, scarcity: Floats) -> DistanceNull:
    """The null with what windows differ by beyond chance: their mean excess, or its standard error if that is more."""
    windows = len(squared)
    if windows < 2 or not squared.mean() > 0:
        return null
    excess = float((squared - null.chance * scarcity).mean())
    error = float(squared.std(ddof=1)) / math.sqrt(windows)
    spread = float(squared.var(ddof=1) / squared.mean() ** 2)
    return replace(null, between=max(excess, error), spread=spread, windows=windows)


def _single(single: Floats, scarcity: Floats) -> float:
    """The excess over chance of the one category that windows differ most by, drawn to the mean of all categories.

    The drawing is by how much of the variance among categories the error of each explains (James and Stein): the
    largest of many errors is no swing.
    """
    if len(single) < 2 or not single.shape[1]:
        return 0.0
    excess = (single - scarcity[:, None]).mean(axis=0)
    error = float((single.var(axis=0, ddof=1) / len(single)).mean())
    own = max(0.0, 1 - error / max(float(excess.var()), LEAST))
    usual = float(excess.mean())
    return max(usual + own * (float(excess.max()) - usual), 0.0)


def _correlated(null: DistanceNull, squared: Floats, scarcity: Floats) -> DistanceNull:
    """The null with the correlation of neighbouring windows' evidence, drawn to 0 where windows are few."""
    scores = np.array([_ratio(null, q, c) for q, c in zip(squared, scarcity, strict=True)])
    if len(scores) < 4 or not scores[:-1].std() or not scores[1:].std():
        return null
    found = float(np.corrcoef(scores[:-1], scores[1:])[0, 1]) * len(scores) / (len(scores) + 5)
    return replace(null, correlation=min(max(found, 0.0), 0.95))


def _ratio(null: DistanceNull, squared: float, scarcity: float) -> float:
    return math.sqrt(squared / max(null.expected(scarcity), 1e-300))


def _outside(bins: ColumnBins, whole: Counts, windows: Counts, baselines: Counts) -> Shares:
    """Rows out of range; of a categorical column those in categories that no row outside the window has."""
    if not isinstance(bins, CategoryBins):
        return Shares(windows.outside, windows.rows, baselines.outside, baselines.rows)
    alone = windows.values * (whole.values - windows.values <= 0)
    return Shares(alone.sum(axis=1), windows.rows, np.zeros(len(alone)), baselines.rows)


def _doubt(bins: ColumnBins, whole: Counts) -> float:
    """Rows to add to the count of unknown categories: as many as there are categories seen once (Good 1953)."""
    return 0.5 + float((whole.values[0] == 1).sum()) * isinstance(bins, CategoryBins)


def _most(windows: Counts) -> float:
    known = windows.rows > 0
    return float((windows.values[known].max(axis=1) / windows.rows[known]).max()) if known.any() else 0.0


def _constant(windows: Counts) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = ((windows.values > 0).sum(axis=1) <= 1)[windows.rows > 1]
    return filled
