"""Two profiles of several columns as matrices, one row for each column, for the scores to work on at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.profile.binning import ColumnBins, Floats, Ints, NumericBins, just_below
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile

RARE = 0.01
"""Categories with a smaller share of the reference are pooled: by chi-square always, else where there are `MANY`."""
MANY = 125
"""Up to so many categories are compared one by one by the distances of shares."""


class Pair(NamedTuple):
    """One column's bins with its two profiles."""

    bins: ColumnBins
    reference: ColumnProfile
    current: ColumnProfile


class NumericPair(NamedTuple):
    """The same of a numeric column."""

    bins: NumericBins
    reference: NumericProfile
    current: NumericProfile


Pairs = Sequence[Pair]
Both = tuple[Floats, Floats]
"""A matrix of the reference and one of the current rows."""


def numeric(pairs: Pairs) -> list[NumericPair]:
    """The pairs, known to be of numeric columns. Raises `ValueError` when one is not."""
    found = [
        NumericPair(pair.bins, pair.reference, pair.current)
        for pair in pairs
        if isinstance(pair.bins, NumericBins)
        and isinstance(pair.reference, NumericProfile)
        and isinstance(pair.current, NumericProfile)
    ]
    if len(found) < len(pairs):
        raise ValueError("this method needs numeric columns: psi and the other distances of shares take any column")
    return found


def counts(pairs: Pairs) -> Both:
    """Number of values in each decile or category; NaN behind the last bin of a column that has fewer than others.

    A categorical column has one further bin, for the categories its reference does not name.
    """
    reference = [coarse(pair.bins, pair.reference) for pair in pairs]
    current = [coarse(pair.bins, pair.current) for pair in pairs]
    return padded(reference, math.nan), padded(current, math.nan)


def shares(pairs: Pairs) -> Both:
    """`counts` over the number of values, rare categories pooled where a column has more than `MANY`.

    Of so many categories a window holds too few rows each to tell drift from chance: those below `RARE` of the
    reference are then in the bin of those it does not name. A column without values, or without any category that is
    not rare, is NaN throughout.
    """
    sides = [_compared(pair) for pair in pairs]
    return _normed(padded([r for r, _ in sides], math.nan)), _normed(padded([c for _, c in sides], math.nan))


def _compared(pair: Pair) -> tuple[Ints, Ints]:
    r, c = coarse(pair.bins, pair.reference), coarse(pair.bins, pair.current)
    if isinstance(pair.bins, NumericBins) or len(pair.bins.values) <= MANY:
        return r, c
    kept = r >= RARE * r.sum()
    kept[-1] = False
    return _with_rest(r, kept), _with_rest(c, kept)


def _with_rest(side: Ints, kept: NDArray[np.bool_]) -> Ints:
    return np.append(side[kept], side[~kept].sum()) * kept.any()


def _normed(matrix: Floats) -> Floats:
    normed: Floats = matrix / np.nansum(matrix, axis=1, keepdims=True)
    return normed


def coarse(bins: ColumnBins, profile: ColumnProfile) -> Ints:
    """Counts by the reference's deciles, infinities in the outermost, or by its categories with one bin for others.

    >>> from monitoring_tasks.profile.binning import CategoryBins
    >>> coarse(CategoryBins(("AA", "UA")), CategoryProfile(np.array([3, 4]), {"XX": 2}, other=1)).tolist()
    [3, 4, 3]
    """
    if isinstance(profile, CategoryProfile):
        return np.append(profile.counts, sum(profile.unseen.values()) + profile.other)
    deciles = bins.deciles if isinstance(bins, NumericBins) else np.zeros(0, np.int64)
    upto = np.cumsum(profile.counts)
    found = np.diff(np.concatenate([[0], upto[deciles], upto[-1:]]))
    found[0] += profile.negative_infinite
    found[-1] += profile.positive_infinite
    return found


def cumulated(pairs: Sequence[NumericPair]) -> Both:
    """Share of values at or below minus infinity, each edge, the largest number and plus infinity, led by a zero."""
    return _distribution([pair.reference for pair in pairs]), _distribution([pair.current for pair in pairs])


def _distribution(profiles: Sequence[NumericProfile]) -> Floats:
    rows = [
        np.concatenate([[0, each.negative_infinite], each.counts, [each.positive_infinite]]).cumsum()
        for each in profiles
    ]
    matrix = padded(rows)
    return matrix / matrix[:, -1:]


def single_valued(pairs: Sequence[NumericPair]) -> Floats:
    """1 for each bin between two of the points of `cumulated` that holds one value only, or none; else 0."""
    return padded([_single(pair.bins.edges) for pair in pairs], 1.0)


def _single(edges: Floats) -> Floats:
    inner = [float(low >= just_below(high)) for low, high in pairwise(edges.tolist())]
    return np.array([1.0, 0.0, *inner, *[0.0] * bool(len(edges)), 1.0])


def value_counts(pairs: Pairs) -> Both:
    """Number of values of each column, infinite ones included, as one column of a matrix each."""
    both = counts(pairs)
    return np.nansum(both[0], axis=1), np.nansum(both[1], axis=1)


def padded(rows: Sequence[Floats | Ints], fill: float | None = None) -> Floats:
    """Rows of unlike length as one matrix; short ones are filled up with `fill`, or with their last number.

    >>> padded([np.array([1, 2, 3]), np.array([4])]).tolist()
    [[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]]
    """
    matrix = np.empty((len(rows), max(map(len, rows), default=0)))
    for target, row in zip(matrix, rows, strict=True):
        target[: len(row)] = row
        target[len(row) :] = row[-1] if fill is None else fill
    return matrix


class Areas(NamedTuple):
    """Two distribution functions over the finite bins of each column."""

    width: Floats
    reference: Floats
    current: Floats
    gap: Floats
    """Reference minus current share at or below each bin's ends; one column more than bins."""


def areas(pairs: Sequence[NumericPair]) -> Areas:
    """Width of each bin and the integral of either distribution function over it.

    The outermost bins end at the least and the largest finite value of both sides. Bins that a column lacks have no
    width and no area.
    """
    low = np.array([np.fmin(pair.reference.minimum, pair.current.minimum) for pair in pairs])
    high = np.array([np.fmax(pair.reference.maximum, pair.current.maximum) for pair in pairs])
    # Edges that no value reaches would only cost digits: a range may end at the largest float.
    ends = padded(
        [
            np.clip([bottom, *pair.bins.edges, top], bottom, top)
            for pair, bottom, top in zip(pairs, low, high, strict=True)
        ]
    )
    f, area_f = _integrated([pair.reference for pair in pairs], ends)
    g, area_g = _integrated([pair.current for pair in pairs], ends)
    return Areas(np.diff(ends, axis=1), area_f, area_g, f - g)


def _integrated(profiles: Sequence[NumericProfile], ends: Floats) -> Both:
    """Shares at or below each of `ends`, and the areas below the distribution function between them.

    Over (a, b] the area is F(a) (b - a) + (count b - sum) / n: exact, because a bin knows the sum of its values.
    """
    found, sums = padded([each.counts for each in profiles], 0.0), padded([each.sums for each in profiles], 0.0)
    rows = np.sum(found, axis=1, keepdims=True)
    upto = np.concatenate([np.zeros((len(profiles), 1)), np.cumsum(found, axis=1)], axis=1) / rows
    return upto, upto[:, :-1] * np.diff(ends, axis=1) + (found * ends[:, 1:] - sums) / rows
