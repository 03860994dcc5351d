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

    def expected(self, scarcity: float) -> float:
        """Expected squared distance of an ordinary window; `scarcity` is 1/n + 1/m."""
        return self.between + self.chance * scarcity

    def p_value(self, squared: float, scarcity: float, peak: float = math.nan) -> float:
        """Chance that an ordinary window lies as far from its baseline, in all or in one category (`peak`); NaN for NaN.

        The chance of the peak is that of a chi square of one degree of freedom, times the number of categories; the
        lesser of the two chances is doubled, since either is enough.
        """
        in_all = self._in_all(squared, scarcity)
        if math.isnan(peak) or math.isnan(in_all):
            return in_all
        swollen = max(self.expected(scarcity), 1e-300) / self.chance
        in_one = float(special.chdtrc(1, peak / swollen)) * (self.freedom + 1)
        return min(2 * in_all, 2 * widened(min(in_one, 1.0), self._certainty(scarcity)), 1.0)

    def _in_all(self, squared: float, scarcity: float) -> float:
        expected = self.expected(scarcity)
        if math.isnan(squared) or math.isnan(scarcity):
            return math.nan
        ratio = squared / expected if expected > 0 else math.inf if squared > 0 else 0.0
        freedom = self._freedom(scarcity)
        p = float(special.chdtrc(freedom, freedom * ratio))
        if self.continuous and freedom == self.freedom:
            p = min(p, float(special.kolmogorov(math.sqrt(self.chance * ratio))))
        return widened(p, self._certainty(scarcity))

    def _freedom(self, scarcity: float) -> float:
        """Degrees of freedom that give the distance the variance it has: fewer where windows differ very unevenly.

        Moments as by Satterthwaite (1946); never more than chance has, since distances end at 1 and may look even.
        """
        expected = max(self.expected(scarcity), 1e-300)
        chance = self.chance * scarcity
        variance = self.spread * self.between**2 + 2 * chance**2 / self.freedom
        return min(self.freedom, max(2 * expected**2 / max(variance, 1e-300), 0.1))

    def _certainty(self, scarcity: float) -> float:
        """Degrees of freedom of the expectation itself, which was estimated from few windows."""
        if not self.windows:
            return math.inf
        learnt = self.between / max(self.expected(scarcity), 1e-300)
        return 2 * self.windows / max(self.spread, LEAST_CV) / max(learnt, 1e-9) ** 2

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
    (0.001, 0.0056)
    """
    if not math.isfinite(certainty) or not 0 < p < 0.5:
        return p
    score = -float(special.ndtri(p))
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
    walk = np.cumsum(steps, axis=1)
    bridge = walk - np.cumsum(shares) * walk[:, -1:]
    return float((np.max(np.abs(bridge), axis=1) ** 2).mean())
