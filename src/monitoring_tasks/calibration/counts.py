"""One column of several windows as matrices, and how far each window lies from its baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, NumericBins
from monitoring_tasks.profile.pairs import RARE
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile

SCARCE = 0.005
"""Pooled rare categories are part of phi squared from this share of the baseline on: a chance below it says little."""


@dataclass(frozen=True, eq=False)
class Counts:
    """One column in K windows.

    `values` is a K x B matrix: numeric columns have one bin for each of the profile's, between one for minus and one
    for plus infinity; categorical ones a bin for each category of the reference and a last one for all others.
    `missing` counts rows without a value, `outside` values out of the plausible range or in unknown categories.
    """

    values: Floats
    missing: Floats
    outside: Floats

    @property
    def rows(self) -> Floats:
        """Rows with a value, for each window."""
        found: Floats = self.values.sum(axis=1)
        return found

    @property
    def readable(self) -> Floats:
        """Rows with a value or without one, for each window; those of unusable types are left out."""
        return self.rows + self.missing

    def summed(self, groups: NDArray[np.float64]) -> Counts:
        """The windows that `groups` (a G x K matrix of 0 and 1) puts together."""
        return Counts(groups @ self.values, groups @ self.missing, groups @ self.outside)

    def chosen(self, which: NDArray[np.bool_]) -> Counts:
        """Only the windows where `which` is true."""
        return Counts(self.values[which], self.missing[which], self.outside[which])


def column_counts(bins: ColumnBins, profiles: Sequence[ColumnProfile]) -> Counts:
    """The counts of one column in several windows; each row of the result is one profile.

    >>> bins = CategoryBins(("AA", "UA"))
    >>> column_counts(bins, [CategoryProfile(np.array([3, 4]), {"XX": 2}, null=1)]).values.tolist()
    [[3.0, 4.0, 2.0]]
    """
    if isinstance(bins, CategoryBins):
        return _categories([each for each in profiles if isinstance(each, CategoryProfile)])
    return _numbers(bins, [each for each in profiles if isinstance(each, NumericProfile)])


def _categories(profiles: Sequence[CategoryProfile]) -> Counts:
    unknown = np.array([sum(each.unseen.values()) + each.other for each in profiles], float)
    values = np.column_stack([np.array([each.counts for each in profiles], float), unknown])
    return Counts(values, np.array([each.null for each in profiles], float), unknown)


def _numbers(bins: NumericBins, profiles: Sequence[NumericProfile]) -> Counts:
    low = np.array([each.negative_infinite for each in profiles], float)
    high = np.array([each.positive_infinite for each in profiles], float)
    finite = np.array([each.counts for each in profiles], float)
    below = int(np.searchsorted(bins.edges, bins.low, side="left"))
    above = int(np.searchsorted(bins.edges, bins.high, side="left")) + 1
    outside = finite[:, :below].sum(axis=1) + finite[:, above:].sum(axis=1) + low + high
    missing = np.array([each.null + each.nan for each in profiles], float)
    return Counts(np.column_stack([low, finite, high]), missing, outside)


@dataclass(frozen=True, eq=False)
class Distances:
    """How far each of K windows lies from its baseline.

    `squared` is the statistic: the squared Kolmogorov-Smirnov distance of a numeric column, phi squared of a
    categorical one. `peak` is the largest square of one category's own difference over its variance, q (1 - q); NaN
    for a numeric column. `effect` is the distance people read: Kolmogorov-Smirnov, or total variation. `scarcity` is
    1/n + 1/m for the rows with a value in window and baseline. NaN where either has none.
    """

    squared: Floats
    peak: Floats
    effect: Floats
    scarcity: Floats


def distances(bins: ColumnBins, windows: Counts, baselines: Counts) -> Distances:
    """The distance of each window from the baseline in the same row; one row of baselines serves all windows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        n, m = windows.rows, baselines.rows
        p, q = windows.values / n[:, None], baselines.values / m[:, None]
        scarcity = 1 / n + 1 / m
    known = (n > 0) & (m > 0)
    if not known.any():
        return Distances(*(np.full(len(known), np.nan) for _ in range(4)))
    found = _phi(p, q) if isinstance(bins, CategoryBins) else _kolmogorov(p, q)
    return Distances(*(np.where(known, each, np.nan) for each in (*found, scarcity)))


def _kolmogorov(p: Floats, q: Floats) -> tuple[Floats, Floats, Floats]:
    distance: Floats = np.max(np.abs(np.cumsum(p - q, axis=1)), axis=1)
    return distance**2, np.full(len(distance), np.nan), distance


def _phi(p: Floats, q: Floats) -> tuple[Floats, Floats, Floats]:
    """Pearson's phi squared over the baseline's shares, its peak, and total variation, with rare categories pooled."""
    rare = rare_categories(q)
    p, q = _pooled(p, rare), _pooled(q, rare)
    kept = (q >= SCARCE) & (q < 1)
    terms = np.divide((p - q) ** 2, q, out=np.zeros_like(p), where=kept)
    peak = np.divide(terms, 1 - q, out=np.zeros_like(p), where=kept)
    return terms.sum(axis=1), peak.max(axis=1), np.abs(p - q).sum(axis=1) / 2


def rare_categories(shares: Floats) -> NDArray[np.bool_]:
    """Which categories are pooled: those below `RARE` on average over the rows, and the unknown ones."""
    rare: NDArray[np.bool_] = np.nanmean(shares, axis=0) < RARE
    rare[-1] = True
    return rare


def _pooled(shares: Floats, rare: NDArray[np.bool_]) -> Floats:
    shares = np.broadcast_to(shares, (len(shares), len(rare)))
    return np.column_stack([shares[:, ~rare], shares[:, rare].sum(axis=1)])


def freedom(shares: Floats) -> int:
    """Degrees of freedom of phi squared for a baseline with these shares (a vector); at least 1."""
    matrix = shares[None, :]
    return max(int((_pooled(matrix, rare_categories(matrix)) >= SCARCE).sum()) - 1, 1)
