"""Drift scores: how far the current profile of each column lies from its reference profile.

Each function takes columns of one kind of bins, works on all of them at once and returns one number per column: NaN
where the reference or the current rows have no value. Missing values (null, NaN) are left out, since the missing share
is a check of its own; infinite values are values beyond every edge, so they count in the outermost bins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitoring_tasks.errors import ProfileMismatch
from monitoring_tasks.profile.binning import Binning, Floats, binning_hash
from monitoring_tasks.profile.pairs import (
    RARE,
    NumericPair,
    Pair,
    Pairs,
    areas,
    counts,
    cumulated,
    numeric,
    shares,
    single_valued,
    value_counts,
)
from monitoring_tasks.profile.profile import Profile, require_same_binning

EPSILON = 1e-4
"""Least share of a bin where a formula divides by it (PSI, Kullback-Leibler)."""


@dataclass(frozen=True)
class Score:
    """One column's drift by one method.

    NaN means undecidable: a side has no values. `bound` is the largest value that the rows behind the profiles can
    have, where the method knows it (KS).
    """

    value: float
    bound: float | None = None


def score_columns(
    binning: Binning, reference: Profile, current: Profile, methods: Mapping[str, str]
) -> dict[str, Score]:
    """The score of each column of `methods` (column to method name), in that order.

    Raises `ProfileMismatch` when a profile was made with other bins, `KeyError` on a column or method that is not
    there.
    """
    require_same_binning([reference, current])
    if reference.binning != binning_hash(binning):
        raise ProfileMismatch(
            f"profiles have binning {reference.binning}, the reference has {binning_hash(binning)}: profile them again"
        )
    pairs = {name: Pair(binning.columns[name], reference.columns[name], current.columns[name]) for name in methods}
    return score_pairs(pairs, methods)


def score_pairs(pairs: Mapping[str, Pair], methods: Mapping[str, str]) -> dict[str, Score]:
    """The score of each pair of columns by its method, as `score_columns` gives it."""
    found: dict[str, Score] = {}
    for method in dict.fromkeys(methods.values()):
        names = [name for name, chosen in methods.items() if chosen == method]
        found |= dict(zip(names, _scores(method, [pairs[name] for name in names]), strict=True))
    return {name: found[name] for name in methods}


def _scores(method: str, pairs: Pairs) -> list[Score]:
    # 0/0 is how an empty side says NaN, and values near the largest float may overflow: neither is worth a warning.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = SCORES[method](pairs)
        bounds = BOUNDS[method](pairs).tolist() if method in BOUNDS else [None] * len(pairs)
    return [Score(value, bound) for value, bound in zip(values.tolist(), bounds, strict=True)]


def psi(pairs: Pairs) -> Floats:
    """Population stability index: sum of (p - q) ln(p / q) over the reference's deciles, or its categories.

    A category the reference does not have is in one further bin, and so is one below `pairs.RARE` of it if it has more
    than `pairs.MANY`; NaN where all are that rare. A share below `EPSILON` counts as `EPSILON`. Siddiqi,
    Credit Risk Scorecards (2006).
    """
    p, q = (_floored(side) for side in shares(pairs))
    return _total((p - q) * np.log(p / q)) + _undecidable(p, q)


def psi_bias(pairs: Pairs) -> Floats:
    """What PSI amounts to between two samples of the same distribution: (bins - 1) (1/n + 1/m), for filled bins of psi.

    The expectation of the chi square that PSI approaches; NaN where a side has no values. Yurdakul and Naranjo, Journal
    of Risk Model Validation 14 (2020).
    """
    with np.errstate(invalid="ignore"):
        p, q = shares(pairs)
    filled = np.sum(np.nan_to_num(p) + np.nan_to_num(q) > 0, axis=1)
    r, c = counts(pairs)
    rows, other = np.nansum(r, axis=1), np.nansum(c, axis=1)
    bias: Floats = np.maximum(filled - 1, 0) * (1 / np.maximum(rows, 1) + 1 / np.maximum(other, 1))
    return bias + _undecidable(p, q)


def debiased_psi(value: float, pair: Pair) -> float:
    """A PSI less what two samples of the same distribution show, never negative; NaN for NaN."""
    return value if math.isnan(value) else max(value - float(psi_bias([pair])[0]), 0.0)


def kl_divergence(pairs: Pairs) -> Floats:
    """Kullback-Leibler divergence of the current from the reference shares, sum of p ln(p / q), in nats; bins as psi.

    Shares below `EPSILON` count as `EPSILON`, and are then made to add up to 1 again, so that it is never negative.
    """
    p, q = (_floored(side) for side in shares(pairs))
    p, q = (side / np.nansum(side, axis=1, keepdims=True) for side in (p, q))
    return np.maximum(_total(p * np.log(p / q)), 0.0) + _undecidable(p, q)


def jensen_shannon(pairs: Pairs) -> Floats:
    """Jensen-Shannon distance: the root of the divergence, natural logarithm, so at most sqrt(ln 2); bins as psi.

    As `scipy.spatial.distance.jensenshannon`. Lin, IEEE Transactions on Information Theory 37 (1991).
    """
    p, q = shares(pairs)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return np.sqrt(np.maximum(divergence, 0.0)) + _undecidable(p, q)


def hellinger(pairs: Pairs) -> Floats:
    """Hellinger distance: the root of half the sum of (sqrt(p) - sqrt(q))^2, from 0 to 1; bins as psi."""
    p, q = shares(pairs)
    return np.sqrt(_total((np.sqrt(p) - np.sqrt(q)) ** 2) / 2) + _undecidable(p, q)


def total_variation(pairs: Pairs) -> Floats:
    """Total variation distance: half the sum of |p - q|, from 0 to 1; bins as psi."""
    p, q = shares(pairs)
    return _total(np.abs(p - q)) / 2 + _undecidable(p, q)


def ks(pairs: Pairs) -> Floats:
    """Kolmogorov-Smirnov statistic at the edges: the largest |F - G| there, never above that of the rows themselves.

    `ks_bound` is never below it. They are apart by at most the larger share of one bin: about half a percent.
    """
    f, g = cumulated(numeric(pairs))
    return _largest(np.abs(f - g))


def ks_bound(pairs: Pairs) -> Floats:
    """The largest Kolmogorov-Smirnov statistic that rows with these profiles can have.

    Within a bin F and G may rise in any order; in a bin of one value they rise together, at its edge. Numbers closer
    to zero than the smallest normal one count as zero.
    """
    f, g = cumulated(numeric(pairs))
    within = np.maximum(f[:, 1:] - g[:, :-1], g[:, 1:] - f[:, :-1])
    return np.maximum(_largest(np.where(single_valued(numeric(pairs)), 0.0, within)), ks(pairs))


def ks_p_value(pairs: Pairs) -> Floats:
    """Two-sided p-value of `ks`, as `scipy.stats.ks_2samp(method="asymp")`.

    Since `ks` is never above the rows' own statistic, this is never below their p-value.
    """
    from scipy.stats import kstwo  # half a second to import, and most monitors never ask for it

    n, m = value_counts(pairs)
    size = np.round(n * m / (n + m))
    # One row against one proves nothing, and has no size left after rounding.
    return np.where(size == 0, 1.0, kstwo.sf(ks(pairs), np.maximum(size, 1.0)))


def wasserstein(pairs: Pairs) -> Floats:
    """Wasserstein distance, the area between F and G, over the reference's sd (population); finite values only.

    Exact in every bin where F - G keeps its sign, because the bins carry their sums: the integral of F over (a, b] is
    F(a) (b - a) + (count b - sum) / n. Where the sign changes, areas of either sign cancel in the sums: what they
    prove is raised by what would cancel were F - G a straight line. Over a constant reference the distance is divided
    by |its value|, or by 1.
    """
    columns = numeric(pairs)
    found = areas(columns)
    before, after = np.abs(found.gap[:, :-1]), np.abs(found.gap[:, 1:])
    crossed = found.gap[:, :-1] * found.gap[:, 1:] < 0
    proven = np.abs(found.reference - found.current)
    cancelled = found.width * np.minimum(before, after) ** 2 / (before + after)
    distance = _added(np.where(crossed, proven + cancelled, proven))
    normed: Floats = distance / np.array([_scale(column) for column in columns])
    return normed


def chi_square_p_value(pairs: Pairs) -> Floats:
    """p-value of Pearson's chi-square test that both sides have the same shares (two samples, no correction).

    Categories below `RARE` of the reference are pooled, with those it does not have. NaN also where every category
    is that rare, since pooling leaves nothing to compare.
    """
    r, c = (np.nan_to_num(side) for side in counts(pairs))
    rare = r < RARE * np.sum(r, axis=1, keepdims=True)
    r, c = _pooled(r, rare), _pooled(c, rare)
    expected: Floats = (r + c) * (_added(r) / _added(r + c))[:, None]
    filled = (r + c) > 0
    other = r + c - expected
    statistic = np.sum((r - expected) ** 2 / expected + (c - other) ** 2 / other, axis=1, where=filled)
    freedom = np.sum(filled, axis=1) - 1
    p = np.where(freedom > 0, special.chdtrc(np.maximum(freedom, 1), statistic), 1.0)
    decided: Floats = np.where(np.all(rare, axis=1), np.nan, p)
    return decided + _undecidable(*shares(pairs))


SCORES: Mapping[str, Callable[[Pairs], Floats]] = {
    function.__name__: function
    for function in (
        psi,
        jensen_shannon,
        hellinger,
        kl_divergence,
        total_variation,
        ks,
        ks_p_value,
        wasserstein,
        chi_square_p_value,
    )
}
"""The function of every method a monitor may name (`methods.METHODS`)."""
BOUNDS: Mapping[str, Callable[[Pairs], Floats]] = {"ks": ks_bound}


def _total(terms: Floats) -> Floats:
    total: Floats = np.nansum(terms, axis=1)  # NaN stands where a column has no further bin
    return total


def _added(terms: Floats) -> Floats:
    added: Floats = np.sum(terms, axis=1)
    return added


def _largest(terms: Floats) -> Floats:
    largest: Floats = np.max(terms, axis=1)
    return largest


def _floored(side: Floats) -> Floats:
    return np.maximum(side, EPSILON)


def _undecidable(p: Floats, q: Floats) -> Floats:
    """0 for each column, NaN for one that has no values on a side."""
    return 0 * p[:, 0] + 0 * q[:, 0]


def _relative_entropy(p: Floats, q: Floats) -> Floats:
    return _total(special.rel_entr(p, q))


def _pooled(side: Floats, rare: NDArray[np.bool_]) -> Floats:
    """Counts without the rare categories, which are one more bin at the end."""
    return np.append(np.where(rare, 0, side), np.sum(side, axis=1, where=rare, keepdims=True), axis=1)


def _scale(column: NumericPair) -> float:
    reference = column.reference
    if reference.minimum == reference.maximum:
        return abs(reference.minimum) or 1.0
    # The squares of tiny values underflow to nothing; their span does not.
    return float(np.sqrt(reference.m2 / reference.counts.sum())) or reference.maximum - reference.minimum
