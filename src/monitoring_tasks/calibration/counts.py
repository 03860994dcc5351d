"""One column of several windows as matrices, and how far each window lies from its baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, NumericBins
from monitoring_tasks.profile.pairs import RARE
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile

SCARCE = 0.005
"""Pooled rare categories are part of phi squared from this share of the baseline on; below, only an excess over it is
looked at, and alone."""

COMMON = 0.9
"""A category with a larger share is not looked at alone: what it loses, the others have."""


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

    def summed(self, groups: Floats) -> Counts:
        """The windows that `groups` (a G x K matrix of 0 and 1) puts together."""
        cells = np.column_stack([self.values, self.missing, self.outside])
        if groups.sum() > groups.size / 2:  # of nearly all windows the few others are sooner taken off
            found: Floats = cells.sum(axis=0) - np.asarray(sparse.csr_array(1 - groups) @ cells)
        else:
            found = np.asarray(sparse.csr_array(groups) @ cells)
        return Counts(found[:, :-2], found[:, -2], found[:, -1])

    def one(self, number: int) -> Counts:
        """A single window."""
        only = slice(number, number + 1)
        return Counts(self.values[only], self.missing[only], self.outside[only])


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
    categorical one. `single` is a K x C matrix: the square of each category's own difference over its variance,
    q (1 - q); of a numeric column it has no columns. `effect` is the distance people read: Kolmogorov-Smirnov, or total
    variation. `scarcity` is 1/n + 1/m for the rows with a value in window and baseline. NaN where either has none, and
    where every category is rare, since pooling leaves nothing to compare.
    """

    squared: Floats
    single: Floats
    effect: Floats
    scarcity: Floats

    @property
    def peak(self) -> Floats:
        """The largest of `single`; NaN for a numeric column."""
        if not self.single.shape[1]:
            return np.full(len(self.squared), np.nan)
        found: Floats = self.single.max(axis=1)
        return found


def distances(bins: ColumnBins, windows: Counts, baselines: Counts) -> Distances:
    """The distance of each window from the baseline in the same row; one row of baselines serves all windows."""
    n, m = windows.rows, baselines.rows
    known: NDArray[np.bool_] = (n > 0) & (m > 0)
    some_n, some_m = np.maximum(n, 1), np.maximum(m, 1)
    p, q = windows.values / some_n[:, None], baselines.values / some_m[:, None]
    if isinstance(bins, CategoryBins):
        rare = rare_categories(q[m > 0])
        known &= not rare.all()
        squared, single, effect = _phi(_pooled(p, rare), _pooled(q, rare))
    else:
        squared, single, effect = _kolmogorov(p, q)
    nothing = np.where(known, 0.0, np.nan)
    return Distances(squared + nothing, single + nothing[:, None], effect + nothing, 1 / some_n + 1 / some_m + nothing)


def _kolmogorov(p: Floats, q: Floats) -> tuple[Floats, Floats, Floats]:
    distance: Floats = np.max(np.abs(np.cumsum(p - q, axis=1)), axis=1)
    return distance**2, np.empty((len(distance), 0)), distance


def _phi(p: Floats, q: Floats) -> tuple[Floats, Floats, Floats]:
    """Phi squared over the baseline's shares, that of single categories, and total variation."""
    kept = q >= SCARCE
    terms = np.where(kept, _terms(p, q), _terms(np.maximum(p, SCARCE), np.full_like(q, SCARCE)))
    single = np.where(q <= COMMON, terms / np.maximum(1 - q, 1 - COMMON), 0.0)
    return np.where(kept, terms, 0.0).sum(axis=1), single, np.abs(p - q).sum(axis=1) / 2


def _terms(p: Floats, q: Floats) -> Floats:
    """Squared difference over the variance of a chance sample: the lesser one of Pearson's and the deviance's.

    Both are chi squares where rows are many. Where they are few, Pearson's is too often large for a category with more
    rows than expected, the deviance for one with fewer; there each is the larger of the two.
    """
    known = np.maximum(q, SCARCE)
    found: Floats = np.where(p < q, (p - q) ** 2 / known, 2 * special.kl_div(p, known))
    return found


def rare_categories(shares: Floats) -> NDArray[np.bool_]:
    """Which categories are pooled: those below `RARE` on average over the rows, and unknown ones; without rows all."""
    if not len(shares):
        return np.ones(shares.shape[1], bool)
    rare: NDArray[np.bool_] = shares.mean(axis=0) < RARE
    rare[-1] = True
    return rare


def all_rare(bins: ColumnBins, profile: ColumnProfile) -> bool:
    """Whether a column has rows, and so many categories that each is rare: its drift cannot be judged."""
    counts = column_counts(bins, [profile])
    rows = float(counts.rows[0])
    return bool(isinstance(bins, CategoryBins) and rows and rare_categories(counts.values / rows).all())


def _pooled(shares: Floats, rare: NDArray[np.bool_]) -> Floats:
    return np.column_stack([shares[:, ~rare], shares[:, rare].sum(axis=1)])


def freedom(shares: Floats) -> int:
    """Degrees of freedom of phi squared for a baseline with these shares (a vector); at least 1."""
    matrix = shares[None, :]
    return max(int((_pooled(matrix, rare_categories(matrix)) >= SCARCE).sum()) - 1, 1)
