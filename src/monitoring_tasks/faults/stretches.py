"""Where in time hits are dense: one stretch of a window that holds what is rare outside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitoring_tasks.faults.sides import Flags
from monitoring_tasks.profile.binning import Ints

INSIDE = 0.95
"""Share of hits that is looked for."""
CERTAIN = 12.0
"""Log-likelihood gain beyond that of the number of stretches searched."""


@dataclass(frozen=True)
class Stretch:
    """Rows from `start` to `end`, both included, in microseconds: `hits` of `rows` are hits."""

    start: int
    end: int
    rows: int
    hits: int


def longest_run(times: Ints, kinds: Ints) -> int:
    """Longest span of time in which more rows in succession are of one kind than chance puts there; else 0.

    Negative kinds are none.

    >>> longest_run(np.arange(100), np.arange(100) // 50), longest_run(np.arange(100), np.arange(100) % 2)
    (49, 0)
    """
    order = np.argsort(times, kind="stable")
    times, kinds = times[order], kinds[order]
    starts = np.flatnonzero(np.append(True, kinds[1:] != kinds[:-1])) if len(kinds) else np.zeros(0, np.int64)
    ends = np.append(starts[1:], len(kinds)) - 1
    most = max(np.unique(kinds, return_counts=True)[1], default=0) / max(len(kinds), 1)
    chance = 3 + math.log(max(len(kinds), 1)) / -math.log(min(max(most, 1e-9), 0.999))
    counted = (ends - starts + 1 > chance) & (kinds[starts] >= 0)
    return int(np.max(times[ends[counted]] - times[starts[counted]], initial=0))


def densest(times: Ints, hits: Flags, *, usual: float) -> Stretch | None:
    """The stretch in which hits are likeliest to be of another kind than outside; None when there is none for certain.

    `usual` is the share of hits in an ordinary window. The stretch has the largest likelihood ratio of `INSIDE` against
    `usual` (the largest sum of a sub-sequence, Kadane's algorithm); rows of one moment stay together.

    >>> densest(np.arange(100), np.arange(100) // 20 == 1, usual=0.01)
    Stretch(start=20, end=39, rows=20, hits=20)
    """
    usual = max(usual, 1 / (len(times) + 1))
    if not len(times) or usual > 0.8:
        return None
    moments, groups = np.unique(times, return_inverse=True)
    rows, found = np.bincount(groups), np.bincount(groups, weights=hits)
    gains = found * math.log(INSIDE / usual) + (rows - found) * math.log((1 - INSIDE) / (1 - usual))
    upto = np.concatenate([[0.0], np.cumsum(gains)])
    least = np.minimum.accumulate(upto)
    last = int(np.argmax(upto - least))
    first = int(np.argmin(upto[: last + 1]))
    if upto[last] - least[last] < CERTAIN + math.log(len(times)):
        return None
    counted = int(rows[first:last].sum()), int(found[first:last].sum())
    return Stretch(int(moments[first]), int(moments[last - 1]), *counted)
