"""Whether odd values are a copy of a distribution, or something else that lies where such a copy would.

A Kolmogorov distance of a few dozen values tells a narrow heap, a cap or another kind of row hardly from a copy. The
places that they take in the distribution do: those of a copy are spread evenly from 0 to 1, so that their mean, their
variance and the tails at both ends are known, and each is held against what chance leaves.
"""

from __future__ import annotations

import math

import numpy as np

from monitoring_tasks.faults.distribution import Distribution
from monitoring_tasks.profile.binning import Floats, just_below_each

LOOSE = 9.21
"""The quantile of chi square with two degrees of freedom that one copy in a hundred passes."""
STRICT = 5.99
"""That of one in twenty: for a conversion that is no likelier than another change."""
_DRIFT = 0.05
"""So much of mean and variance, in standard deviations of a place, is real drift beside the conversion."""
_SHORT = 0.03
"""So far from an end the last place may lie all the same: a part of a bin, and drift."""
_FEW = 30
"""So few places, most of which are the same, are those of two or three values that stand for a missing one."""
_RARE = 0.003
"""Chance of a tail that is as empty."""


def places(baseline: Distribution, values: Floats, *, above: float = -math.inf, below: float = math.inf) -> Floats:
    """The share of the part of the distribution in `(above, below]` that lies at or below each value, ascending.

    Values that share a step are spread over it. NaN where the distribution has nothing in that part.

    >>> uniform = Distribution(np.array([0.0, 10.0]), np.array([0.0, 1.0]), 50)
    >>> places(uniform, np.array([9.0, 8.0]), above=5.0).round(6).tolist()
    [0.6, 0.8]
    >>> one = Distribution(np.array([np.nextafter(7.0, 0.0), 7.0]), np.array([0.0, 1.0]), 50)
    >>> places(one, np.array([7.0, 7.0])).tolist()
    [0.25, 0.75]
    """
    ordered = np.sort(baseline.snapped(values))
    first, last = baseline.at(np.array([above, below]))
    lower, upper = baseline.at(just_below_each(ordered)), baseline.at(ordered)
    before, after = (np.searchsorted(ordered, ordered, side) for side in ("left", "right"))
    among = (np.arange(len(ordered)) + 0.5 - before) / np.maximum(after - before, 1)
    if last <= first:
        return np.full(len(ordered), math.nan)
    found: Floats = np.clip((lower + (upper - lower) * among - first) / (last - first), 0.0, 1.0)
    return found


def is_spread(found: Floats, rows: int, *, limit: float = LOOSE) -> bool:
    """Whether places, ascending, are spread evenly from 0 to 1, as those of a copy of a distribution of `rows` values.

    Neyman's smooth test of order two, some drift allowed, and tests of the tails: one that is cut off, or a heap
    somewhere between, has none. Two or three heaps of few places may pass those, and are none all the same.

    >>> even = (np.arange(40) + 0.5) / 40
    >>> is_spread(even, 1000), is_spread(even * 0.7, 1000), is_spread(0.3 + even * 0.4, 1000)
    (True, False, False)
    """
    count = len(found)
    moments = np.array([np.mean(math.sqrt(3) * (2 * found - 1)), np.mean(math.sqrt(5) * (6 * found * (found - 1) + 1))])
    beyond = np.maximum(np.abs(moments) - _DRIFT, 0.0)
    return bool(np.sum(beyond**2) <= limit * (1 / count + 1 / rows)) and _tails(found) > _RARE and not _is_heaped(found)


def _is_heaped(found: Floats) -> bool:
    """Whether few places are the same three times over: those of values that share a step were spread over it.

    >>> _is_heaped(np.repeat([0.2, 0.8], 3)), _is_heaped(np.arange(6) / 6), _is_heaped(np.repeat([0.2, 0.8], 15))
    (True, False, False)
    """
    return len(found) < _FEW and 3 * len(np.unique(found.round(9))) <= len(found)


def _tails(found: Floats) -> float:
    """The chance that so many places leave as much of an end, or of both ends together, empty."""
    count, low, high = len(found), float(found[0]), float(found[-1])
    wide = min(high - low + _SHORT, 1.0)
    one = min(min(high, 1 - low) + _SHORT, 1.0) ** count
    return float(min(one, count * wide ** (count - 1) - (count - 1) * wide**count))
