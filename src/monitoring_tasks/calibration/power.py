"""What size of change a monitor catches, and after how many windows: the other side of its budget."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy import special

from monitoring_tasks.calibration.assess import AT_ONCE, PERSISTING, level_shares
from monitoring_tasks.calibration.calibrate import ColumnNull
from monitoring_tasks.calibration.correction import Levels
from monitoring_tasks.calibration.counts import COMMON, Counts, column_counts, distances, rare_categories
from monitoring_tasks.calibration.nulls import DistanceNull, ShareNull
from monitoring_tasks.profile.binning import ColumnBins, Floats, NumericBins
from monitoring_tasks.profile.profile import ColumnProfile, NumericProfile

SURE = 0.9
"""A size counts as caught when at least this share of such changes is found."""
WITHIN = (1, 3, 7)
"""Windows from the beginning of a change."""
LARGEST_SHIFT = 10.0
"""Standard deviations beyond which a shift is not looked for."""


@dataclass(frozen=True)
class Setting:
    """What a change is looked for with: levels, columns of a window, its rows, k of n, and further tests.

    `segments` are those of segments, `watched` the columns whose level is tested.
    """

    levels: Levels
    columns: int
    rows: int
    persistence: tuple[int, int]
    segments: int = 0
    watched: int = 0

    @property
    def shares(self) -> tuple[float, float]:
        """Which part of a level one test of a shift gets, and one of a fault."""
        return level_shares(self.columns, self.segments, self.watched)


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

    A normal approximation, rather too cautious than too bold: windows count as independent of each other, and chance
    as no help in passing a limit. Nothing is caught of what the baseline has no rows for.
    """
    counts = column_counts(bins, [profile])
    growth = _growth(bins, counts)
    distance = _distance(growth, null.distance, setting, float(counts.rows[0]), floors[0])
    missing = (float(counts.missing[0]), float(counts.readable[0]))
    outside = (float(counts.outside[0]), float(counts.rows[0]))
    step = _step_of(bins, profile, growth)
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
    total = 0.0
    for signs, (patterns, standing) in enumerate(_patterns(windows, *persistence)):
        alone = 1 - (1 - strong / weak) ** signs if weak else 0.0
        total += weak**signs * (1 - weak) ** (windows - signs) * (standing + (patterns - standing) * alone)
    return total


@cache
def _patterns(windows: int, needed: int, among: int) -> tuple[tuple[int, int], ...]:
    """For each number of windows with a sign: the ways they may lie, and those in which some stand k of n."""
    ways = np.zeros((windows + 1, 2), int)
    for seen in product((0, 1), repeat=windows):
        standing = any(sum(seen[max(0, end - among) : end]) >= needed for end in range(1, windows + 1) if seen[end - 1])
        ways[sum(seen)] += (1, standing)
    return tuple((int(patterns), int(standing)) for patterns, standing in ways)


def least_caught(chance: Callable[[float, int], float], high: float) -> Caught:
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


@dataclass(frozen=True)
class _Growth:
    """A change that grows: the statistics of each of its sizes, and how far chance throws them.

    `statistics` gives the squared distance and the peak of a distance. A distance is normal about itself with a
    `deviation` (of its size) times the root of 1/n + 1/m. `share` is that of the category to which rows move.
    """

    statistics: Callable[[float], tuple[float, float]]
    deviation: Callable[[float], float]
    share: float = 0.0


def _growth(bins: ColumnBins, counts: Counts) -> _Growth:
    """Of numbers the Kolmogorov-Smirnov distance itself; of categories rows that move to one middling category.

    A share w of all rows that moves to a category of share s is a total variation of w (1 - s).
    """
    if isinstance(bins, NumericBins):
        return _Growth(lambda size: (size**2, math.nan), lambda _: 0.5)
    shares = counts.values / max(float(counts.rows[0]), 1.0)
    place = _middling(shares)
    share, target = float(shares[0, place]), np.eye(shares.shape[1])[place]

    def statistics(size: float) -> tuple[float, float]:
        moved = shares + min(size / (1 - share), 1.0) * (target - shares)
        found = distances(bins, _shares_as_counts(moved), _shares_as_counts(shares))
        return float(found.squared[0]), float(found.peak[0])

    def deviation(size: float) -> float:
        grown = min(share + size, 0.5)
        return math.sqrt(grown * (1 - grown))

    return _Growth(statistics, deviation, share)


def _shares_as_counts(shares: Floats) -> Counts:
    return Counts(shares, np.zeros(1), np.zeros(1))


def _middling(shares: Floats) -> int:
    """Place of the category of middling share; that of unknown ones where no other leaves rows to move."""
    kept = np.flatnonzero(~rare_categories(shares) & (shares[0] <= COMMON))
    order = kept[np.argsort(shares[0][kept], kind="stable")]
    return int(order[len(order) // 2]) if len(order) else shares.shape[1] - 1


def _distance(growth: _Growth, null: DistanceNull, setting: Setting, baseline: float, floor: float) -> Caught:
    if not baseline:
        return Caught(None, None, None)
    scarcity = 1 / setting.rows + 1 / baseline

    def p_value(size: float) -> float:
        squared, peak = growth.statistics(size)
        return null.p_value(squared, scarcity, peak)

    needed = [
        max(limit_of(p_value, level * setting.shares[0]), factor * floor)
        for level, factor in ((setting.levels.strong, AT_ONCE), (setting.levels.weak, PERSISTING))
    ]
    scale = math.sqrt(scarcity + max(null.between / null.chance, null.single))

    def chance(size: float, windows: int) -> float:
        spread = max(growth.deviation(size) * scale, 1e-9)
        strong, weak = (float(special.ndtr((size - each) / spread)) for each in needed)
        return found_by(windows, strong=min(strong, weak), weak=weak, persistence=setting.persistence)

    return least_caught(chance, 1.0 - growth.share)


def limit_of(p_value: Callable[[float], float], level: float, high: float = 1.0) -> float:
    """The size from which on the p-value is at most `level`; infinity where that of `high`, the largest, is not."""
    if not p_value(high) <= level:
        return math.inf
    low = 0.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (low, middle) if p_value(middle) <= level else (middle, high)
    return high


def _step_of(bins: ColumnBins, profile: ColumnProfile, growth: _Growth) -> Callable[[float], float | None]:
    if isinstance(bins, NumericBins) and isinstance(profile, NumericProfile):
        return lambda distance: _shift(bins, profile, distance)
    return lambda distance: distance / (1 - growth.share)


def _shift(bins: NumericBins, profile: NumericProfile, distance: float) -> float | None:
    """By how many standard deviations a column must move for its Kolmogorov-Smirnov distance from before.

    None where that is out of reach, 0 where any move is enough: all values of a constant column differ then.
    """
    rows = int(profile.counts.sum())
    if not rows:
        return None
    sd = math.sqrt(profile.m2 / rows)
    if not sd:
        return 0.0
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
    own = setting.shares[1]
    needed = [
        _least_count(lambda count: null.p_value(count, rows, part, whole), level * own, rows, usual + factor * floor)
        for level, factor in ((setting.levels.strong, AT_ONCE), (setting.levels.weak, PERSISTING))
    ]

    def chance(size: float, windows: int) -> float:
        strong, weak = (_as_many(null, each, rows, min(usual + size, 1.0)) for each in needed)
        return found_by(windows, strong=min(strong, weak), weak=weak, persistence=setting.persistence)

    return least_caught(chance, 1 - usual)


def _least_count(p_value: Callable[[float], float], level: float, rows: int, share: float) -> float:
    """The least number of rows that has a p-value of at most `level` and is at least that share; infinity for none."""
    low, high = 0, rows
    if not (p_value(rows) <= level and share <= 1):
        return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if p_value(middle) <= level else (middle, high)
    return max(high, math.ceil(share * rows - 1e-9))


def _as_many(null: ShareNull, count: float, rows: int, share: float) -> float:
    """Chance that so many rows or more are drawn at a share: binomial, or normal (arcsines) where windows swing."""
    if count > rows:
        return 0.0
    if not null.windows:
        return float(special.betainc(count, rows - count + 1, share))
    step = math.asin(math.sqrt(share)) - math.asin(math.sqrt(count / rows))
    return float(special.ndtr(step / math.sqrt(null.between + 0.25 / rows)))
