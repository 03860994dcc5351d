"""What an ordinary window looks like: the null distributions of a window's tests, and p-values under them.

Rows of one window are not independent of each other: a day has one weather. So the distance of an ordinary window from
the rest is that of a chance sample *and* that of one window from another. The first is known from the number of rows,
the second is learnt from the reference's own windows.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy import special

from monitoring_tasks.profile.binning import Floats

KOLMOGOROV = math.pi**2 / 12
"""Expected square of the Kolmogorov distribution: n D^2 of a chance sample of a continuous column."""
LEAST_CV = 0.05
"""Least squared coefficient of variation of a statistic among windows: few of them may happen to look alike."""
LEAST = 1e-300
"""No chance is less: a zero is only a number too small to be told."""
HEAVY = 12.0
"""Degrees of freedom of Student's distribution that the evidence of windows has at most."""
ENOUGH = 30
"""From so many expected rows on, a share is near enough to normal."""


@dataclass(frozen=True)
class DistanceNull:
    """Null of a squared distance: `chance` * (1/n + 1/m) expected of a chance sample, `between` more of a window.

    `freedom` is that of the chance part: its squared distance, divided by its expectation, is a chi square over it.
    `windows` are how many of the reference's own windows taught `between` (0: none, rows are taken as independent),
    and `spread` is the squared coefficient of variation among them. `continuous` says that the distance is that of
    Kolmogorov and Smirnov, whose tail is known.
    """

    chance: float
    freedom: float
    between: float = 0.0
    spread: float = 0.0
    windows: int = 0
    continuous: bool = False
    correlation: float = 0.0
    """Of neighbouring windows' evidence."""
    single: float = 0.0
    """More than chance in the one category that windows differ most by; squared difference over q (1 - q)."""

    def expected(self, scarcity: float) -> float:
        """Expected squared distance of an ordinary window; `scarcity` is 1/n + 1/m."""
        return self.between + self.chance * scarcity

    def p_value(self, squared: float, scarcity: float, peak: float = math.nan) -> float:
        """Chance that an ordinary window lies as far from its baseline, in all or in one category; NaN for NaN.

        The chance of the `peak` is that of a chi square of one degree of freedom, times the number of categories (one
        more than the degrees of freedom, and the pool of rare ones); the lesser of the two chances is doubled, since
        either is enough.
        """
        if math.isnan(squared) or math.isnan(scarcity):
            return math.nan
        in_all = self._tail(squared, self.chance * scarcity, self.between, self.freedom)
        if math.isnan(peak):
            return in_all
        in_one = self._tail(peak, scarcity, max(self.single, self.between / self.chance), 1.0, self.freedom + 2)
        return min(2 * in_all, 2 * in_one, 1.0)

    def _tail(self, squared: float, chance: float, between: float, freedom: float, places: float = 1.0) -> float:
        """Chance that a squared distance, in the largest of so many `places`, is as large.

        It is a chi square over its degrees of freedom: fewer where windows differ unevenly, by moments as Satterthwaite
        (1946), never more than chance has. Its two parts go together, so that standard deviations add up. Its scale is
        an estimate, as far as it was learnt.
        """
        expected = max(between + chance, LEAST)
        spread = math.sqrt(self.spread) * between + math.sqrt(2 / freedom) * chance
        own = min(freedom, max(2 * (expected / max(spread, LEAST)) ** 2, 0.1))
        p = float(special.chdtrc(own, own * squared / expected))
        if self.continuous and own >= freedom * (1 - 1e-9):
            p = min(p, float(special.kolmogorov(math.sqrt(self.chance * squared / expected))))
        return widened(min(p * places, 1.0), self._certainty(between / expected))

    def _certainty(self, learnt: float) -> float:
        """Degrees of freedom of an expectation of which this part was estimated from few windows.

        Of windows nobody knows how heavy the tail is: `HEAVY` says what is allowed for where all comes from them.
        """
        if not self.windows:
            return math.inf
        learnt = max(learnt, 1e-9)
        return min(2 * self.windows / max(self.spread, LEAST_CV) / learnt**2, HEAVY / learnt)

    def to_json(self) -> dict[str, Any]:
        """The null as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(**value)


def widened(p: float, certainty: float) -> float:
    """A p-value whose scale was estimated with so many degrees of freedom: normal score in, Student's tail out.

    >>> widened(0.001, math.inf), round(widened(0.001, 10.0), 4)
    (0.001, 0.0057)
    """
    if not math.isfinite(certainty) or not p < 0.5:
        return p
    score = -float(special.ndtri(max(p, LEAST)))
    return float(special.stdtr(max(certainty, 1.0), -score))


@dataclass(frozen=True)
class ShareNull:
    """Null of the share of rows that are missing, out of range, or of unknown categories; larger is worse.

    Three kinds of surprise: more rows than chance draws from the baseline's share; more than the shares of windows
    swing (`between`, on the scale of arcsin of the root; `windows` of them, with `spread` as above), for a column of
    which most windows have such rows; and for the others a *burst*: `rate` of the windows have one, of a size beyond
    `size` with the tail of a Pareto distribution of shape `tail`. `doubt` are the rows added to the baseline's count:
    one half where nothing else is known, more where rows of singular categories foretell further ones.
    """

    doubt: float = 0.5
    between: float = 0.0
    spread: float = 0.0
    windows: int = 0
    rate: float = 0.0
    size: float = 1.0
    tail: float = 1.0

    def p_value(self, part: float, whole: float, baseline_part: float, baseline_whole: float) -> float:
        """Chance that an ordinary window has as many such rows; NaN without rows on either side."""
        if not whole or not baseline_whole:
            return math.nan
        if part <= 0:
            return 1.0
        by_chance = chance_p_value(part, whole, baseline_part + self.doubt, baseline_whole)
        excess = part / whole - baseline_part / baseline_whole
        return max(by_chance, self._swing(part / whole, baseline_part / baseline_whole, whole), self._burst(excess))

    def _swing(self, share: float, usual: float, whole: float) -> float:
        if not self.windows:
            return 0.0
        step = math.asin(math.sqrt(share)) - math.asin(math.sqrt(usual))
        score = step / math.sqrt(self.between + 0.25 / whole)
        return float(special.stdtr(max(2 * self.windows / max(self.spread, LEAST_CV), 1.0), -score))

    def _burst(self, excess: float) -> float:
        if excess <= 0:
            return 1.0
        return float(self.rate * min(1.0, (self.size / excess) ** self.tail))

    def to_json(self) -> dict[str, Any]:
        """The null as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(**value)


def chance_p_value(part: float, whole: float, baseline_part: float, baseline_whole: float) -> float:
    """Chance of `part` or more of `whole` rows when the rate is that of the baseline, itself a sample.

    With few rows a negative binomial (rows come at a rate, of which the baseline is a sample: gamma and Poisson), with
    many the difference of arcsines of roots, which is normal with variance 1/4 (1/n + 1/m).
    """
    expected = baseline_part * whole / baseline_whole
    if min(expected, baseline_part) < ENOUGH:
        return float(special.betainc(part, baseline_part, whole / (whole + baseline_whole)))
    step = math.asin(math.sqrt(part / whole)) - math.asin(math.sqrt(min(baseline_part / baseline_whole, 1.0)))
    return float(special.ndtr(-step / math.sqrt(0.25 / whole + 0.25 / baseline_whole)))


def chance_of_distance(shares: Floats) -> float:
    """Expected n D^2 of a chance sample of a column with these shares of bins, by simulation of the Brownian bridge.

    `KOLMOGOROV` for a continuous column in fine bins, less for one of few values.
    """
    steps = np.random.default_rng(20130101).standard_normal((400, len(shares))) * np.sqrt(shares)
    walk, below = np.cumsum(steps, axis=1), np.cumsum(shares)
    squared = (walk - below * walk[:, -1:]) ** 2
    variance = below * (1 - below)
    widest = int(np.argmax(variance))
    # Where it varies most the bridge's expected square is known: that of the maximum errs little more or less than it.
    return float((squared.max(axis=1) - squared[:, widest]).mean() + variance[widest])
