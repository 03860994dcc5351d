"""What a column's profile says in a few numbers, for people."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from monitoring_tasks.profile.binning import ColumnBins, NumericBins, just_below
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile

TOP = 3
"""So many of the most frequent categories are listed."""


def summary(bins: ColumnBins, profile: ColumnProfile) -> dict[str, Any]:
    """A column's profile as a small JSON object; numbers have 6 significant digits, None where there is none.

    Numeric: rows, missing_share, mean, sd (population), minimum, median, maximum, all but rows of finite values; the
    median is within its bin. Categorical: rows, missing_share, top (category and share of the values, most frequent
    first) and unseen_share. Rows in which the column was absent or of an unusable type count as rows, and are left out
    of the shares.

    >>> from monitoring_tasks.profile.binning import CategoryBins
    >>> bins, counts = CategoryBins(("AA", "UA")), np.array([3, 1])
    >>> summary(bins, CategoryProfile(counts, {"XX": 1}))["top"]
    [['AA', 0.6], ['UA', 0.2], ['XX', 0.2]]
    """
    if isinstance(profile, CategoryProfile):
        return _categorical(bins, profile)
    return _numeric(bins, profile)


def _numeric(bins: ColumnBins, profile: NumericProfile) -> dict[str, Any]:
    finite = int(profile.counts.sum())
    values = finite + profile.negative_infinite + profile.positive_infinite
    return {
        **_head(profile, values, profile.null + profile.nan),
        "mean": _short(profile.mean),
        "sd": _short(math.sqrt(profile.m2 / finite) if finite else math.nan),
        "minimum": _short(profile.minimum),
        "median": _short(_median(bins, profile)),
        "maximum": _short(profile.maximum),
    }


def _categorical(bins: ColumnBins, profile: CategoryProfile) -> dict[str, Any]:
    names = () if isinstance(bins, NumericBins) else bins.values
    counts = {**dict(zip(names, profile.counts.tolist(), strict=True)), **profile.unseen}
    unseen = sum(profile.unseen.values()) + profile.other
    values = int(profile.counts.sum()) + unseen
    top = sorted((name for name in counts if counts[name]), key=lambda name: (-counts[name], name))[:TOP]
    return {
        **_head(profile, values, profile.null),
        "top": [[name, _share(counts[name], values)] for name in top],
        "unseen_share": _share(unseen, values),
    }


def _head(profile: ColumnProfile, values: int, missing: int) -> dict[str, Any]:
    readable = values + missing
    return {"rows": readable + profile.absent + profile.unusable, "missing_share": _share(missing, readable)}


def _median(bins: ColumnBins, profile: NumericProfile) -> float:
    """The middle finite value, read off a straight line across its bin; exact where the bin holds one value."""
    upto = np.cumsum(profile.counts)
    if not upto[-1] or not isinstance(bins, NumericBins):
        return math.nan
    place = int(np.searchsorted(upto, upto[-1] / 2))
    if 0 < place < len(bins.edges) and bins.edges[place - 1] >= just_below(bins.edges[place]):
        return float(bins.edges[place])
    ends = np.clip(np.concatenate([[-np.inf], bins.edges, [np.inf]]), profile.minimum, profile.maximum)
    before = upto[place] - profile.counts[place]
    within = (upto[-1] / 2 - before) / profile.counts[place]
    return float(ends[place] + within * (ends[place + 1] - ends[place]))


def _share(part: int, whole: int) -> float | None:
    return _short(part / whole) if whole else None


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
