"""Histograms of a column for people: few bars, the same for both sides, read off the profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, Ints, NumericBins
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile

BARS = 20
CATEGORIES = 10
LETTERS = 24
OTHERS = "all others"
TAIL = 0.005
"""Share of values at each end that may lie beyond the outermost bars; it is added to them."""
# Distances between the largest numbers there are overflow; an eighth of them does not, and is as exact.
_SCALE = 0.125
# Slopes over still shorter distances overflow; such a column is drawn as the one value that it is to a person.
_NARROWEST = 1e-290


@dataclass(frozen=True)
class Bars:
    """Share of values in each bar, for both sides; NaN-free, all 0 for a side without values."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


def bars(bins: ColumnBins, reference: ColumnProfile, current: ColumnProfile) -> Bars:
    """At most 20 bars of equal width for numbers, the 10 most frequent categories and a rest for categories."""
    if isinstance(bins, NumericBins) and isinstance(reference, NumericProfile) and isinstance(current, NumericProfile):
        return _numeric_bars(bins, reference, current)
    if (
        isinstance(bins, CategoryBins)
        and isinstance(reference, CategoryProfile)
        and isinstance(current, CategoryProfile)
    ):
        return _category_bars(bins, reference, current)
    return Bars((), (), ())


def _numeric_bars(bins: NumericBins, reference: NumericProfile, current: NumericProfile) -> Bars:
    curves = [_curve(bins, side) for side in (reference, current)]
    known = [curve for curve in curves if curve]
    if not known:
        return Bars((), (), ())
    low = min(float(np.interp(TAIL, shares, points)) for points, shares in known)
    high = max(float(np.interp(1 - TAIL, shares, points)) for points, shares in known)
    grid = np.linspace(low, high, BARS + 1) if high - low > _NARROWEST else np.array([low, low])
    labels = tuple(f"{middle:.4g}" for middle in (grid[:-1] + grid[1:]) / 2 / _SCALE)
    return Bars(labels, *(_shares(curve, grid) for curve in curves))


def _curve(bins: NumericBins, side: NumericProfile) -> tuple[Floats, Floats] | None:
    """Points, scaled, and the share of values at or below each: exact at the edges, two straight lines within a bin.

    The lines meet at the bin's mean, at the height that keeps this mean; a wide outer bin needs that most.
    """
    total = side.counts.sum()
    if not total:
        return None
    inner = (bins.edges > side.minimum) & (bins.edges < side.maximum)
    points = np.concatenate([[side.minimum], bins.edges[inner], [side.maximum]]) * _SCALE
    shares = _running(side.counts, inner) / total
    with np.errstate(over="ignore", invalid="ignore"):  # sums of the largest numbers are infinite
        sums = np.diff(_running(side.sums * _SCALE, inner) / total)
    return _with_means(points, shares, sums)


def _running(parts: Floats | Ints, inner: NDArray[np.bool_]) -> Floats:
    running = np.cumsum(parts, dtype=np.float64)
    return np.concatenate([[0.0], running[:-1][inner], running[-1:]])


def _with_means(points: Floats, shares: Floats, sums: Floats) -> tuple[Floats, Floats]:
    low, high, mass = points[:-1], points[1:], np.diff(shares)
    mean = np.divide(sums, mass, out=low.copy(), where=mass > 0)
    mean = np.clip(np.where(np.isnan(mean), (low + high) / 2, mean), low, high)
    below = np.divide(high - mean, high - low, out=np.ones_like(mean), where=high > low)
    curve = np.empty((2, 2 * len(points) - 1))
    curve[:, ::2] = points, shares
    curve[:, 1::2] = mean, shares[:-1] + mass * below
    return curve[0], curve[1]


def _shares(curve: tuple[Floats, Floats] | None, grid: Floats) -> tuple[float, ...]:
    if curve is None:
        return (0.0,) * (len(grid) - 1)
    inner = np.interp(grid[1:-1], *curve)
    return _rounded(np.diff(np.concatenate([[0.0], inner, [1.0]])))


def _rounded(shares: Floats) -> tuple[float, ...]:
    return tuple(round(float(share), 5) for share in shares)


def _category_bars(bins: CategoryBins, reference: CategoryProfile, current: CategoryProfile) -> Bars:
    sides = [_category_shares(bins, side) for side in (reference, current)]
    names = sorted(set(sides[0]) | set(sides[1]))
    names.sort(key=lambda name: -max(side.get(name, 0.0) for side in sides))
    top = names[:CATEGORIES]
    labels = _labels(top, bins.values)
    heights = [[side.get(name, 0.0) for name in top] for side in sides]
    rests = [max(float(bool(side)) - sum(shown), 0.0) for side, shown in zip(sides, heights, strict=True)]
    if max(rests) > TAIL / 10:
        labels.append(OTHERS)
        heights = [[*shown, rest] for shown, rest in zip(heights, rests, strict=True)]
    return Bars(tuple(labels), *(_rounded(np.array(shown)) for shown in heights))


def _category_shares(bins: CategoryBins, side: CategoryProfile) -> dict[str, float]:
    """Share of each category with rows; empty without any. What is in `other` has no name and is left out."""
    counts = {**dict(zip(bins.values, side.counts.tolist(), strict=True)), **side.unseen}
    total = sum(counts.values()) + side.other
    return {name: count / total for name, count in counts.items() if count}


def _labels(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The names cut to 24 characters, kept apart where that makes two of them equal."""
    labels: dict[str, None] = {}
    for name in names:
        short = (name if len(name) <= LETTERS else name[: LETTERS - 1] + "…") or "(empty text)"
        label = short if name in known else f"{short} (new)"
        labels[label if label not in labels else f"{label} #{len(labels)}"] = None
    return list(labels)
