"""A column's distribution function as its profile knows it, and how far values lie from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitoring_tasks.profile.binning import Floats, NumericBins, just_below
from monitoring_tasks.profile.profile import NumericProfile

UNLIKELY = 2.22
"""Kolmogorov's limit that a hundredth of a percent of samples pass: a difference beyond it is real."""
LIKELY = 1.63
"""Kolmogorov's limit that one percent of samples pass: a difference within it is nothing."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Distribution:
    """Share `upto[i]` of `rows` values is at or below `ends[i]`; both increase, from 0 to 1.

    Between two ends the function is taken for straight. Values that many rows share have an end just below them.
    """

    ends: Floats
    upto: Floats
    rows: int

    @property
    def low(self) -> float:
        """The least value."""
        return float(self.ends[1])

    @property
    def high(self) -> float:
        """The largest value."""
        return float(self.ends[-1])

    def at(self, points: Floats) -> Floats:
        """Share of values at or below each point.

        >>> Distribution(np.array([0.0, 10.0]), np.array([0.0, 1.0]), 5).at(np.array([-1.0, 2.5, 11.0])).tolist()
        [0.0, 0.25, 1.0]
        """
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.interp(points, self.ends, self.upto, left=0.0, right=1.0)
        found[np.isnan(found)] = 0.0  # between ends further apart than the largest float
        return found

    def atoms(self, values: Floats) -> Floats:
        """Largest share that each value can have: that of the bin it falls in; 0 outside the range."""
        places = np.searchsorted(self.ends, values)
        held = np.concatenate([[0.0], np.diff(self.upto), [0.0]])
        return held[places]

    def without(self, value: float) -> Distribution | None:
        """The distribution of all other values, where one value has a bin of its own; None when none are left."""
        place = int(np.searchsorted(self.ends, value))
        if not 0 < place < len(self.ends) or self.ends[place - 1] < just_below(value) or self.ends[place] != value:
            return self
        mass = self.upto[place] - self.upto[place - 1]
        upto = np.where(np.arange(len(self.upto)) >= place, self.upto - mass, self.upto)
        if mass >= 1 - 1e-12:
            return None
        return Distribution(self.ends, upto / (1 - mass), round(self.rows * (1 - mass)))

    def snapped(self, values: Floats) -> Floats:
        """Values that miss an end by the rounding of a multiplication only, moved onto it.

        >>> Distribution(np.array([0.0, 0.3]), np.array([0.0, 1.0]), 5).snapped(np.array([0.1 + 0.2, 0.2])).tolist()
        [0.3, 0.2]
        >>> Distribution(np.array([-1e308, 1e308]), np.array([0.0, 1.0]), 5).snapped(np.array([-1.797e308]))
        array([-1.797e+308])
        """
        slack = np.abs(values) * _ROUNDING
        with np.errstate(over="ignore"):  # what lies beyond the largest float is far from every end
            nearest = self.ends[np.maximum(np.searchsorted(self.ends, values + slack, "right") - 1, 0)]
            return np.where(np.abs(nearest - values) <= slack, nearest, values)

    def distance(self, values: Floats, *, above: float = -math.inf, below: float = math.inf) -> float:
        """Kolmogorov-Smirnov distance of the values from the part of the distribution in `(above, below]`, at its ends.

        1 without values, or where the distribution has nothing there.
        """
        first, last = self.at(np.array([above, below]))
        if not len(values) or last <= first:
            return 1.0
        places = (self.ends >= above) & (self.ends <= below)
        found = np.searchsorted(np.sort(self.snapped(values)), self.ends[places], "right") / len(values)
        expected = (self.upto[places] - first) / (last - first)
        return float(np.max(np.abs(found - expected), initial=0.0))

    def limit(self, count: int, constant: float) -> float:
        """Distance that `count` values of this distribution pass with the chance that belongs to the constant."""
        return constant * math.sqrt(1 / max(count, 1) + 1 / max(self.rows, 1))


def profiled(bins: NumericBins, profile: NumericProfile) -> Distribution | None:
    """The distribution of a profile's finite values; None when there are none."""
    rows = int(profile.counts.sum())
    if not rows or not math.isfinite(profile.minimum):
        return None
    ends = np.clip([*bins.edges, np.inf], profile.minimum, profile.maximum)
    ends = np.concatenate([[just_below(profile.minimum)], ends])
    upto = np.concatenate([[0], profile.counts.cumsum()]) / rows
    return _increasing(ends, upto, rows)


def observed(values: Floats) -> Distribution:
    """The distribution of finite values themselves, of which there is at least one.

    >>> observed(np.array([2.0, 1.0])).upto.tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    points, counts = np.unique(values, return_counts=True)
    upto = counts.cumsum() / len(values)
    below = [just_below(point) for point in points]
    ends = np.stack([below, points], axis=1).ravel()
    return _increasing(ends, np.stack([upto - counts / len(values), upto], axis=1).ravel(), len(values))


def _increasing(ends: Floats, upto: Floats, rows: int) -> Distribution:
    last = np.append(ends[1:] > ends[:-1], True)
    last[0] = True  # holds the zero, and lies below the least value
    return Distribution(ends[last], upto[last], rows)
