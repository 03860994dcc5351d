"""What size of change a monitor catches, and after how many windows: the other side of its budget."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import special

from monitoring_tasks.calibration.assess import AT_ONCE, PERSISTING, level_shares
from monitoring_tasks.calibration.calibrate import ColumnNull
from monitoring_tasks.calibration.correction import Levels
from monitoring_tasks.calibration.counts import column_counts, rare_categories
from monitoring_tasks.calibration.nulls import DistanceNull, ShareNull
from monitoring_tasks.profile.binning import CategoryBins, ColumnBins, Floats, NumericBins
from monitoring_tasks.profile.profile import ColumnProfile, NumericProfile

SURE = 0.9
"""A size counts as caught when at least this share of such changes is found."""
WITHIN = (1, 3, 7)
"""Windows from the beginning of a change."""
LARGEST_SHIFT = 10.0
"""Standard deviations beyond which a shift is not looked for."""


@dataclass(frozen=True)
class Setting:
    """What a change is looked for with: levels, columns of a window, its rows, and k of n."""

    levels: Levels
    columns: int
    rows: int
    persistence: tuple[int, int]


@dataclass(frozen=True)
class Caught:
    """The least change that is caught within 1, 3 and 7 windows, as distances or shares; None: not even the largest."""

    once: float | None
    three: float | None
    seven: float | None


@dataclass(frozen=True)
class Power:
    """What is caught of one column: its distance, the rise of its missing share, the share out of range or unseen.

    `steps` says the distances in the unit of people: standard deviations of a numeric column's mean, or the share of
    rows that move to one middling category.
    """

    distance: Caught
    steps: Caught
    missing: Caught
    outside: Caught


def power(
    bins: ColumnBins, profile: ColumnProfile, null: ColumnNull, setting: Setting, floors: tuple[float, float, float]
) -> Power:
    """What is caught of one column by windows of `setting.rows` rows; `floors` are those of distance, missing, outside.

    A normal approximation: windows count as independent of each other, their distance as normal about its expectation.
    """
    baseline = column_counts(bins, [profile])
    distance = _distance(bins, null.distance, setting, _shape(bins, profile), float(baseline.rows[0]), floors[0])
    missing = (float(baseline.missing[0]), float(baseline.readable[0]))
    outside = (float(baseline.outside[0]), float(baseline.rows[0]))
    step = _step_of(bins, profile)
    steps = Caught(*(None if each is None else step(each) for each in _three(distance)))
    return Power(
        distance,
        steps,
        _share(null.missing, setting, missing, floors[1]),
        _share(null.outside, setting, outside, floors[2]),
    )


def _three(caught: Caught) -> tuple[float | None, float | None, float | None]:
    return caught.once, caught.three, caught.seven


def found_by(windows: int, *, strong: float, weak: float, persistence: tuple[int, int]) -> float:
    """Chance that a change is found by so many windows, each of which shows it at once or only weakly.

    `strong` is the chance that one window is enough, `weak` that it at least counts towards k of n.

    >>> found_by(3, strong=0.0, weak=0.5, persistence=(2, 3))
    0.5
    """
    needed, among = persistence
    total = 0.0
    for seen in product((0, 1), repeat=windows):
        standing = any(sum(seen[max(0, end - among) : end]) >= needed for end in range(1, windows + 1) if seen[end - 1])
        chance = float(np.prod([weak if each else 1 - weak for each in seen]))
        alone = 1 - (1 - strong / weak) ** sum(seen) if weak else 0.0
        total += chance * (1.0 if standing else alone)
    return total


def _least(chance: Callable[[float, int], float], high: float) -> Caught:
    """The least size of which `chance(size, windows)` is at least `SURE`, for 1, 3 and 7 windows."""
    return Caught(*(_bisected(chance, windows, high) for windows in WITHIN))


def _bisected(chance: Callable[[float, int], float], windows: int, high: float) -> float | None:
    if chance(high, windows) < SURE:
        return None
    low = 0.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (low, middle) if chance(middle, windows) >= SURE else (middle, high)
    return high


def _distance(
    bins: ColumnBins, null: DistanceNull, setting: Setting, shape: float, baseline: float, floor: float
) -> Caught:
    if not baseline:
        return Caught(None, None, None)
    scarcity = 1 / setting.rows + 1 / baseline
    p_value = _p_value_of(bins, null, scarcity, shape)
    needed = [
        max(_limit(p_value, level * level_shares(setting.columns)[0]), factor * floor)
        for level, factor in ((setting.levels.strong, AT_ONCE), (setting.levels.weak, PERSISTING))
    ]
    noise = null.expected(scarcity) / (shape if isinstance(bins, CategoryBins) else 1.0)
    spread = 0.5 * math.sqrt(null.expected(scarcity) / null.chance)

    def chance(size: float, windows: int) -> float:
        strong, weak = (float(special.ndtr((math.hypot(size, math.sqrt(noise)) - each) / spread)) for each in needed)
        return found_by(windows, strong=min(strong, weak), weak=weak, persistence=setting.persistence)

    return _least(chance, 1.0)


def _p_value_of(bins: ColumnBins, null: DistanceNull, scarcity: float, shape: float) -> Callable[[float], float]:
    """The p-value of a distance; of a categorical column when it is one category that grows."""
    if isinstance(bins, CategoryBins):
        return lambda size: null.p_value(shape * size**2, scarcity, shape * size**2)
    return lambda size: null.p_value(size**2, scarcity)


def _limit(p_value: Callable[[float], float], level: float) -> float:
    """The distance from which on the p-value is at most `level`; 1 where none is."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if p_value(middle) <= level else (middle, high)
    return high


def _shape(bins: ColumnBins, profile: ColumnProfile) -> float:
    """Phi squared over squared total variation when rows move to one middling category; 1 for numbers.

    A share w of all rows that moves to a category of share s is a total variation of w (1 - s) and a phi squared of
    w^2 (1 - s) / s.
    """
    if isinstance(bins, NumericBins):
        return 1.0
    share = _middling(bins, profile)
    return 1 / max(share * (1 - share), 1e-6)


def _middling(bins: ColumnBins, profile: ColumnProfile) -> float:
    counts = column_counts(bins, [profile])
    shares = counts.values / max(float(counts.rows[0]), 1.0)
    kept = np.sort(shares[0][~rare_categories(shares)])
    return float(kept[len(kept) // 2]) if len(kept) else 0.01


def _step_of(bins: ColumnBins, profile: ColumnProfile) -> Callable[[float], float | None]:
    if isinstance(bins, NumericBins) and isinstance(profile, NumericProfile):
        return lambda distance: _shift(bins, profile, distance)
    share = _middling(bins, profile)
    return lambda distance: distance / (1 - share) if distance <= 1 - share else None


def _shift(bins: NumericBins, profile: NumericProfile, distance: float) -> float | None:
    """By how many standard deviations a column must move for its Kolmogorov-Smirnov distance from before."""
    rows = int(profile.counts.sum())
    sd = math.sqrt(profile.m2 / rows) if rows else 0.0
    if not sd:
        return None
    ends, below = _steps(bins, profile)

    def moved(size: float) -> float:
        before = np.interp(ends - size * sd, ends, below, left=0.0)
        return float(np.max(np.abs(below - before)))

    if moved(LARGEST_SHIFT) < distance:
        return None
    low, high = 0.0, LARGEST_SHIFT
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (low, middle) if moved(middle) >= distance else (middle, high)
    return high


def _steps(bins: NumericBins, profile: NumericProfile) -> tuple[Floats, Floats]:
    """Points of the column's distribution function: the bins' ends, cut to its own least and largest value."""
    ends = np.clip(np.append(bins.edges, profile.maximum), profile.minimum, profile.maximum)
    below = np.cumsum(profile.counts) / profile.counts.sum()
    return np.concatenate([[profile.minimum], ends]), np.concatenate([[0.0], below])


def _share(null: ShareNull, setting: Setting, baseline: tuple[float, float], floor: float) -> Caught:
    part, whole = baseline
    if not whole:
        return Caught(None, None, None)
    usual, rows = part / whole, setting.rows

    def limit(level: float) -> float:
        return _limit(lambda size: null.p_value(min(usual + size, 1.0) * rows, rows, part, whole), level)

    needed = [
        max(limit(level * level_shares(setting.columns)[1]), factor * floor)
        for level, factor in ((setting.levels.strong, AT_ONCE), (setting.levels.weak, PERSISTING))
    ]

    def chance(size: float, windows: int) -> float:
        share = min(usual + size, 1.0)
        spread = math.sqrt(max(share * (1 - share), 1e-9) / rows)
        strong, weak = (float(special.ndtr((share - usual - each) / spread)) for each in needed)
        return found_by(windows, strong=min(strong, weak), weak=weak, persistence=setting.persistence)

    return _least(chance, 1 - usual)
