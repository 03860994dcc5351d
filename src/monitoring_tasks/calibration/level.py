"""The level of a column from window to window: whether it jumped, against the windows before and the reference.

Only a level that neither the windows just before nor the reference's own show is a jump. So what came back to normal is
none, nor is the first window after a burst, nor what has long been different from the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, Self

from scipy import special

from monitoring_tasks.calibration.gauge import Gauge, Level
from monitoring_tasks.calibration.nulls import ENOUGH, HEAVY, LEAST_CV, widened
from monitoring_tasks.window import HOUR, Window, floor

BEFORE = 24
"""So many windows before are looked at, the newest that have rows ..."""
LEAST_BEFORE = 6
"""... and with fewer than this there is no telling what is usual."""
OUTLIER = 1e-4
"""A window before that differs so much from the middle half of them is a burst, and no part of what is usual."""
HOURS = 24


@dataclass(frozen=True)
class Between:
    """How much ordinary windows differ beyond chance, in units of the variance of one row.

    Learnt from `windows` windows (0: none, rows are taken as independent); `spread` is the squared coefficient of
    variation of the squared differences among them.
    """

    variance: float = 0.0
    spread: float = 0.0
    windows: int = 0

    def certainty(self, scarcity: float) -> float:
        """Degrees of freedom of a scale of which the part that is not chance was estimated from few windows."""
        if not self.windows:
            return math.inf
        learnt = max(self.variance / (self.variance + scarcity), 1e-9)
        return min(2 * self.windows / max(self.spread, LEAST_CV) / learnt**2, HEAVY / learnt)


@dataclass(frozen=True)
class LevelNull:
    """How the level of an ordinary window differs: from the windows `before` it, and from the `reference`.

    `season` has what each hour of the day (UTC) adds to the level, and is empty where that explains too little.
    `correlation` is that of neighbouring windows.
    """

    gauge: Gauge
    before: Between = Between()
    reference: Between = Between()
    season: tuple[float, ...] = field(default=())
    correlation: float = 0.0

    def offset(self, window: Window) -> float:
        """What the hours of a window add to its level."""
        if not self.season:
            return 0.0
        start, hours = floor(window.start, HOUR), list[float]()
        while start < window.end and len(hours) < HOURS:
            hours.append(self.season[start.hour])
            start += HOUR
        return sum(hours) / len(hours)

    def to_json(self) -> dict[str, Any]:
        """The null as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Inverse of `to_json`."""
        before, reference = (Between(**value[name]) for name in ("before", "reference"))
        gauge = Gauge.from_json(value["gauge"])
        return cls(gauge, before, reference, tuple(value["season"]), value["correlation"])


class Jump(NamedTuple):
    """A window's level beside the two it is compared with, as they would be at its time of the day.

    `effect` is the smaller of the two differences, in standard deviations of the reference's rows; 0 where they have
    different signs. `p_value` is the larger of the two chances. `windows` before it were looked at.
    """

    p_value: float
    effect: float
    level: float
    before: float
    reference: float
    windows: int


def jump(null: LevelNull, window: Window, now: Level, before: Sequence[tuple[Window, Level]]) -> Jump | None:
    """Whether the level of a window jumped; None without a value in it, or in fewer than `LEAST_BEFORE` before it.

    `before` are windows of the same width with their levels, in any order.
    """
    had = [Level(each.level - null.offset(when), each.rows) for when, each in before if each.rows]
    if len(had) < LEAST_BEFORE or not now.rows:
        return None
    offset, gauge = null.offset(window), null.gauge
    usual = usual_level(null, had)
    beside = [moved(gauge, usual, offset), moved(gauge, Level(gauge.mean, gauge.rows), offset)]
    between = [widened_by(null.before, len(had)), null.reference]
    steps = [now.level - each.level for each in beside]
    same = steps[0] * steps[1] > 0
    p_values = [p_value(gauge, now, each, other) for each, other in zip(beside, between, strict=True)]
    effect = min(map(abs, steps)) / gauge.unit if same else 0.0
    p = max(p_values) if same else 1.0
    return Jump(p, effect, now.level, beside[0].level, beside[1].level, len(had))


def moved(gauge: Gauge, found: Level, offset: float) -> Level:
    """A level with what the hours add to it; a share stays one."""
    level = found.level + offset
    return Level(min(max(level, 0.0), 1.0) if gauge.share else level, found.rows)


def widened_by(between: Between, windows: int) -> Between:
    """What was learnt with `BEFORE` windows before each, where there are only so many: their own mean differs more."""
    return replace(between, variance=between.variance * (1 + 1 / windows) / (1 + 1 / BEFORE))


def usual_level(null: LevelNull, had: Sequence[Level]) -> Level:
    """The level of all rows of several windows but for those in a burst, which the middle half of them tells.

    Rows are counted, not windows: the middle one of windows in which a share is rare has none. Without what the hour
    adds, a window's share may lie beyond 0 and 1: it is one only to tell bursts, and cut off it would move the level.
    """
    ordered = sorted(had, key=lambda each: each.level)
    quarter = len(ordered) // 4
    shown = [moved(null.gauge, each, 0.0) for each in ordered]
    middle = moved(null.gauge, _pooled(ordered[quarter : len(ordered) - quarter]), 0.0)
    kept = [
        each
        for each, share in zip(ordered, shown, strict=True)
        if p_value(null.gauge, share, middle, null.before) >= OUTLIER
    ]
    return _pooled(kept if len(kept) >= LEAST_BEFORE else ordered)


def _pooled(levels: Sequence[Level]) -> Level:
    rows = sum(each.rows for each in levels)
    return Level(sum(each.level * each.rows for each in levels) / rows, rows)


def p_value(gauge: Gauge, now: Level, expected: Level, between: Between) -> float:
    """Chance that an ordinary window's level lies as far from the expected one, on either side."""
    scarcity = 1 / now.rows + 1 / expected.rows
    more = between.variance
    tail = _share_tail(now, expected, more) if gauge.share else _mean_tail(gauge, now, expected, more)
    return min(2 * widened(tail, between.certainty(scarcity)), 1.0)


def _mean_tail(gauge: Gauge, now: Level, expected: Level, between: float) -> float:
    """Tail of a mean of rows that may be skewed: that of Pearson's third type, where that is the heavier one."""
    spread = 1 / now.rows + 1 / expected.rows + between
    score = (now.level - expected.level) / math.sqrt(gauge.variance * spread)
    third = gauge.skew * (1 / now.rows**2 - 1 / expected.rows**2) / spread**1.5
    normal = float(special.ndtr(-abs(score)))
    skew = third if score > 0 else -third
    if skew < 1e-4:
        return normal
    shape = 4 / skew**2
    return max(normal, float(special.gammaincc(shape, shape + abs(score) * math.sqrt(shape))))


def _share_tail(now: Level, expected: Level, between: float) -> float:
    """Tail of a share: of a negative binomial where few rows are expected, else of the difference of arcsines."""
    if expected.level > 0.5:
        now, expected = (Level(1 - each.level, each.rows) for each in (now, expected))
    part, usual = now.level * now.rows, expected.level * expected.rows
    if min(usual, expected.level * now.rows) < ENOUGH:
        return _rare_tail(part, now.rows, Level((usual + 0.5) / expected.rows, usual + 0.5), between)
    step = math.asin(math.sqrt(now.level)) - math.asin(math.sqrt(expected.level))
    spread = 1 / now.rows + 1 / expected.rows + between
    return float(special.ndtr(-abs(step) / math.sqrt(0.25 * spread)))


def _rare_tail(part: float, whole: float, usual: Level, between: float) -> float:
    """Tail of rows that come at a rate which is a sample of `usual.rows` such rows, and differs between windows.

    The rate is a gamma: its squared coefficient of variation is that of the sample and that of windows together. Of the
    number found half of its chance counts, as rows come one by one.
    """
    shape = 1 / (1 / usual.rows + between * (1 - usual.level) / usual.level)
    odds = whole / (whole + shape / usual.level)
    at_least, more = (float(special.betainc(each, shape, odds)) if each else 1.0 for each in (part, part + 1))
    middle = (at_least + more) / 2
    return middle if part > usual.level * whole else 1 - middle
