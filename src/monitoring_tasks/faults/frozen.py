"""Frozen columns: one exact value repeated, in all rows, in one stretch of time, or far more often than it ever was."""

from __future__ import annotations

import math

import numpy as np

from monitoring_tasks.faults.cause import Cause, Fault, between, in_percent, shown
from monitoring_tasks.faults.distribution import UNLIKELY, Distribution
from monitoring_tasks.faults.sides import Flags, Sides, column_of, microseconds_of, moment_of, numbers_of, within
from monitoring_tasks.faults.stretches import densest, longest_run
from monitoring_tasks.profile.binning import CategoryBins, Floats
from monitoring_tasks.profile.kernel import texts
from monitoring_tasks.profile.pairs import Pair
from monitoring_tasks.profile.profile import CategoryProfile, ColumnProfile, NumericProfile

FEWEST = 20
CONTINUOUS = 0.3
"""Share of different values among the reference's from which on one that repeats is odd in itself."""
MOST = 0.5
"""A value that was so frequent is no sign of a fault, when for a time there is no other: a week without rain."""
DEFAULT = 0.2
"""A new value in so many rows is odd in any numeric column."""


def constant(column: str, pair: Pair) -> Cause | None:
    """The one value of the window's rows, where the baseline has several and that one is not most of them."""
    value = _only(pair.current, pair.bins)
    if value is None or _only(pair.reference, pair.bins) is not None or not pair.reference.counts.any():
        return None
    if _values(pair.current) < FEWEST or _usual_share(pair) > MOST:
        return None
    return Cause(Fault.FROZEN, column, 1.0, f"{shown(column)}: all values are {shown(value)} (a frozen column?)")


def _values(profile: ColumnProfile) -> int:
    unseen = sum(profile.unseen.values()) if isinstance(profile, CategoryProfile) else 0
    return int(profile.counts.sum()) + unseen


def _usual_share(pair: Pair) -> float:
    """Share of the baseline's values in the bin that the window's one value falls in."""
    if not pair.current.counts.any():
        return 0.0
    return float(pair.reference.counts[np.argmax(pair.current.counts)] / pair.reference.counts.sum())


def _only(profile: object, bins: object) -> str | None:
    """The only value of a profile; None when there are several or none."""
    if isinstance(profile, NumericProfile):
        infinite = profile.negative_infinite + profile.positive_infinite
        return f"{profile.minimum:.6g}" if profile.minimum == profile.maximum and not infinite else None
    if not isinstance(profile, CategoryProfile) or not isinstance(bins, CategoryBins) or profile.other:
        return None
    named = [name for name, count in zip(bins.values, profile.counts.tolist(), strict=True) if count]
    found = [*named, *(name for name, count in profile.unseen.items() if count)]
    return found[0] if len(found) == 1 else None


def frozen_number(sides: Sides, column: str, values: Floats, baseline: Distribution) -> Cause | None:
    """The number that took the place of others; None unless the other values are as they were.

    `values` are the sample's, NaN where missing, in the order of its rows.
    """
    finite = values[np.isfinite(values)]
    if len(finite) < FEWEST:
        return None
    distinct, counts = np.unique(finite, return_counts=True)
    usual = _usual(sides, column, distinct, baseline)
    place = int(np.argmax(counts / len(finite) - usual))
    value, expected, held = float(distinct[place]), float(usual[place]), float(counts[place] / len(finite))
    if not _surprising(held, expected, len(finite)) or not _rest_is_as_before(finite, value, baseline):
        return None
    cause = _stretch(sides, column, values == value, expected, f"{value:.6g}")
    if cause is not None or not _alone(finite, value, baseline):
        return cause
    return _default(sides, column, value, (held, expected), baseline)


def _usual(sides: Sides, column: str, values: Floats, baseline: Distribution) -> Floats:
    """What share of the baseline's values each value is: at most its bin's, and about that in the sample."""
    known = numbers_of(sides.reference_sample, column)
    sampled = np.sort(known[np.isfinite(known)]) if known is not None else np.zeros(0)
    if not len(sampled):
        return baseline.atoms(values)
    found = np.searchsorted(sampled, values, "right") - np.searchsorted(sampled, values)
    return np.minimum(baseline.atoms(values), (found + 3) / len(sampled))


def _surprising(held: float, expected: float, count: int) -> bool:
    return (held - expected) * count >= max(8 * math.sqrt(max(expected, 1 / count) * count), 5) and held < 1.01


def _rest_is_as_before(values: Floats, value: float, baseline: Distribution) -> bool:
    rest, others = values[values != value], baseline.without(value)
    if len(rest) < 0.02 * len(values):
        return True
    limit = max(baseline.limit(len(rest), UNLIKELY), 0.3 * baseline.distance(values))
    return others is not None and others.distance(rest) <= limit


def _alone(values: Floats, value: float, baseline: Distribution) -> bool:
    """Whether a value outside the baseline's range is nearly all there is outside."""
    outside = (values < baseline.low) | (values > baseline.high)
    return baseline.low <= value <= baseline.high or bool(np.mean(values[outside] == value) >= 0.8)


def _default(
    sides: Sides, column: str, value: float, shares: tuple[float, float], baseline: Distribution
) -> Cause | None:
    """One value in many rows, in no order of time: a default, or a mark for what is missing."""
    held, expected = shares
    outside = not baseline.low <= value <= baseline.high
    if not outside and not _continuous(sides, column) and (held - expected < DEFAULT or expected > 0.05):
        return None
    words = f"{shown(column)}: {in_percent(held)} of the values are {value:.6g} (a frozen column, or a default value?)"
    return Cause(Fault.FROZEN, column, held - expected, words.replace("all of the", "all"))


def _continuous(sides: Sides, column: str) -> bool:
    known = numbers_of(sides.reference_sample, column)
    known = np.zeros(0) if known is None else known[np.isfinite(known)]
    return len(known) >= FEWEST and len(np.unique(known)) >= CONTINUOUS * len(known)


def _stretch(sides: Sides, column: str, hits: Flags, expected: float, value: str) -> Cause | None:
    """One value held through one stretch of time."""
    times = microseconds_of(sides.sample, sides.timestamp)
    if times is None:
        return None
    inside = within(times, sides.window)
    stretch = densest(times[inside], hits[inside], usual=expected)
    wanted = np.count_nonzero(hits) - expected * len(hits)
    if (
        stretch is None
        or expected > MOST
        or stretch.rows < 0.02 * len(hits)
        or stretch.hits < 0.8 * max(stretch.rows, wanted)
    ):
        return None
    if stretch.end - stretch.start <= 2 * _run(sides, column):
        return None
    when = between(moment_of(stretch.start), moment_of(stretch.end))
    words = f"{shown(column)}: the value is {shown(value)} throughout {when} UTC (a frozen column?)"
    return Cause(Fault.FROZEN, column, stretch.hits / len(hits), words)


def _run(sides: Sides, column: str) -> int:
    """The longest time for which the reference's rows have one value in succession; 0 where that is not known."""
    found, times = column_of(sides.reference_sample, column), microseconds_of(sides.reference_sample, sides.timestamp)
    if found is None or times is None:
        return 0
    kinds: dict[str, int] = {}
    places = [-1 if value is None else kinds.setdefault(repr(value), len(kinds)) for value in found.to_pylist()]
    return longest_run(times, np.array(places, np.int64))


def frozen_category(sides: Sides, column: str, pair: Pair) -> Cause | None:
    """The category that all rows of one stretch of time have; None unless the other rows are as they were."""
    found = column_of(sides.sample, column)
    if found is None or not isinstance(pair.bins, CategoryBins) or not pair.reference.counts.any():
        return None
    try:
        values = np.array([text for part in found.chunks for text in texts(part)], object)
    except (AttributeError, TypeError, ValueError):
        return None  # a type that holds no categories
    known = dict(zip(pair.bins.values, (pair.reference.counts / pair.reference.counts.sum()).tolist(), strict=True))
    named, counts = np.unique([value for value in values if value is not None], return_counts=True)
    excess = counts / max(counts.sum(), 1) - np.array([known.get(str(name), 0.0) for name in named])
    if counts.sum() < FEWEST:
        return None
    name = str(named[np.argmax(excess)])
    rest = {str(each): int(count) for each, count in zip(named, counts, strict=True) if each != name}
    cause = _stretch(sides, column, values == name, known.get(name, 0.0), name)
    return cause if cause is not None and _same_shares(rest, known, name) else None


def _same_shares(rest: dict[str, int], known: dict[str, float], left_out: str) -> bool:
    """Whether the other categories have the shares among themselves that they had."""
    total, before = sum(rest.values()), 1 - known.get(left_out, 0.0)
    if total < FEWEST:
        return True
    names = {*rest, *known} - {left_out}
    apart = 0.5 * sum(abs(rest.get(name, 0) / total - known.get(name, 0.0) / max(before, 1e-9)) for name in names)
    return apart <= 0.05 + 0.5 * math.sqrt(len(names) / total)
