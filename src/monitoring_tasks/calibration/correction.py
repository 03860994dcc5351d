"""One correction for all tests of a window, and how the budget of false alarms becomes levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import numpy as np
from scipy import special

from monitoring_tasks.alarms_section import AlarmBudget
from monitoring_tasks.profile.binning import Floats

HIGHEST = 0.25
"""No level is more lenient than this, however large the budget."""


def adjusted(p_values: Sequence[float], weights: Sequence[float] = ()) -> list[float]:
    """The p-values after the correction of Benjamini and Hochberg (1995); NaN is no test, and stays NaN.

    The least level at which each would be rejected: `min over ranks j >= i of p(j) m / j`. With `weights` each p-value
    is first divided by its own over the mean weight of all tests: what is held is the same, and what matters more is
    found sooner (Genovese, Roeder and Wasserman 2006).

    >>> adjusted([0.01, 0.04, math.nan, 0.03])
    [0.03, 0.04, nan, 0.04]
    """
    values = np.asarray(p_values, float)
    tested = np.flatnonzero(~np.isnan(values))
    if len(weights) and len(tested):
        worth = np.asarray(weights, float)
        values = values / (worth / worth[tested].mean())
    order = tested[np.argsort(values[tested], kind="stable")]
    scaled = values[order] * len(order) / np.arange(1, len(order) + 1)
    result = np.full(len(values), math.nan)
    result[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    found: list[float] = np.minimum(result, 1.0).tolist()
    return found


@dataclass(frozen=True)
class Levels:
    """Levels of the adjusted p-values: at `strong` one window is enough, at `weak` the finding must persist.

    `rate` is the number of false alarms that a window may cost; half of it is spent on either, or all of it on both
    where they are the same.
    """

    strong: float
    weak: float
    rate: float


def levels(
    budget: AlarmBudget, interval: timedelta, *, persistence: tuple[int, int], shares: Floats, correlations: Floats
) -> Levels:
    """The levels that spend `budget` when there is a window every `interval`.

    A window of nothing but ordinary columns is falsely rejected with a chance of at most the level: so `strong` is
    half the rate. `weak` is the largest level at which the expected number of tests that stand in k of n windows stays
    within the other half; `shares` is the part of a level that each test gets by its weight, in sum 1. Where one
    window is enough there is nothing to persist, and both levels are the whole rate.

    Neighbouring windows are not independent: the chance that a test stands again is that of a bivariate normal pair
    with the correlation that the reference's own windows show (`correlations`, one for each column; none:
    independent).
    """
    rate = min(budget.alarms * (interval / budget.period), 1.0)
    if persistence[0] == 1:
        return Levels(min(rate, HIGHEST), min(rate, HIGHEST), rate)
    usual = correlations if len(correlations) else np.zeros(1)
    strong = min(rate / 2, HIGHEST)
    low, high = strong, HIGHEST
    if _standing(high, persistence, shares, usual) <= rate / 2:
        return Levels(strong, high, rate)
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _standing(middle, persistence, shares, usual) <= rate / 2 else (low, middle)
    return Levels(strong, low, rate)


def _standing(level: float, persistence: tuple[int, int], shares: Floats, correlations: Floats) -> float:
    """Expected tests that a window rejects at `level` and that stand in k of n windows, this one among them.

    The chance that all of several windows reject is taken as that of a chain in which each depends on the one before.
    """
    needed, among = persistence
    several, counts = np.unique(shares, return_counts=True)
    once = level * several * _rejected_beside(level, len(shares))
    again = np.stack([_both(chance, correlations) / chance for chance in once])
    standing = once * (again ** (needed - 1)).mean(axis=1)
    return float(math.comb(among - 1, needed - 1) * (counts @ standing))


def _rejected_beside(level: float, tests: int) -> float:
    """Mean number of rejected tests, one that certainly is among them, where all are ordinary and independent.

    Each rejection makes the next one easier, so a test is rejected so many times as often as by its own share of the
    level (Finner and Roters 2002, for equal shares; unequal ones have rather fewer).

    >>> _rejected_beside(0.2, 1), round(_rejected_beside(0.2, 1000), 3)
    (1.0, 1.561)
    """
    others = np.arange(1, tests)
    ways = np.cumprod(np.concatenate([[1.0], level * (tests - others) / tests]))
    return float(np.arange(1, tests + 1) @ ways)


def _both(once: float, correlations: Floats) -> Floats:
    """Chance that two standard normal numbers of each correlation both lie beyond the quantile of `once`."""
    limit = -special.ndtri(once)
    nodes, weights = _quadrature()
    tail = once * (nodes + 1) / 2  # integrates over the first one's tail probability
    first = -special.ndtri(tail)
    rest = np.sqrt(1 - correlations**2)[:, None]
    second = special.ndtr((correlations[:, None] * first - limit) / rest)
    found: Floats = (second * weights).sum(axis=1) * once / 2
    return found


@cache
def _quadrature() -> tuple[Floats, Floats]:
    """Nodes and weights by which a chance is integrated: they take as long to find as everything else here."""
    return np.polynomial.legendre.leggauss(64)
