"""The course of a column's level: its windows one after the other, and what is usual for each by the reference."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from monitoring_tasks.calibration.gauge import Gauge, Level
from monitoring_tasks.calibration.level import Jump, LevelNull, moved, p_value
from monitoring_tasks.window import Window

ORDINARY = 0.01
"""Of a hundred windows that are like the reference's, one lies beyond what is usual."""
STEPS = 30


class Point(NamedTuple):
    """A window and its level, None where it has none, between the ends of what is usual for it."""

    window: Window
    level: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Course:
    """How a column's level went up to a window: `points` oldest first, the window itself last.

    A window without rows, with too few, or without a value has no level. Beyond `limits` a level of this window is
    large enough to be found at once.
    """

    gauge: Gauge
    points: tuple[Point, ...]
    jump: Jump
    limits: tuple[float, float]
    seasonal: bool = False

    @property
    def limit(self) -> float | None:
        """The limit on the side to which the level went; None where a share cannot go so far."""
        low, high = self.limits
        limit = high if self.jump.level >= self.jump.before else low
        return limit if not self.gauge.share or 0 <= limit <= 1 else None

    @property
    def about(self) -> str:
        """What is measured, in words, and why it may differ from what a reader would count."""
        if self.gauge.share:
            return ""
        low, high = map(self.gauge.said, (self.gauge.low, self.gauge.high))
        return f"values below {low} or above {high} count as these, so this mean may differ from the plain one"


def course_of(
    null: LevelNull, windows: Sequence[Window], levels: Mapping[Window, Level], *, found: Jump, limit: float
) -> Course:
    """The course of a level through `windows`, the last of which has the jump that was `found`.

    `levels` are those of the windows that have one; `limit` is what the last must differ by, in the column's unit.
    """
    had = {window: level for window, level in levels.items() if level.rows}
    typical = statistics.median(level.rows for level in had.values())
    points = tuple(_point(null, window, had.get(window), typical) for window in windows)
    beside = (found.before, found.reference)
    return Course(null.gauge, points, found, (min(beside) - limit, max(beside) + limit), bool(null.season))


def _point(null: LevelNull, window: Window, level: Level | None, typical: float) -> Point:
    usual = moved(null.gauge, Level(null.gauge.mean, null.gauge.rows), null.offset(window))
    low, high = _usual(null, usual, level.rows if level else typical)
    return Point(window, level.level if level else None, low, high)


def _usual(null: LevelNull, usual: Level, rows: float) -> tuple[float, float]:
    """The lowest and the highest level of a window of so many rows that is as the reference's are."""
    gauge = null.gauge

    def ordinary(level: float) -> bool:
        return p_value(gauge, Level(level, rows), usual, null.reference) >= ORDINARY

    low, high = (_farthest(ordinary, usual.level, end) for end in (gauge.low, gauge.high))
    return low, high


def _farthest(holds: Callable[[float], bool], start: float, end: float) -> float:
    """How far from `start` towards `end` something holds.

    >>> round(_farthest(lambda level: level < 0.3, 0.0, 1.0), 6)
    0.3
    """
    if holds(end) or not math.isfinite(end):
        return end
    for _ in range(STEPS):
        middle = (start + end) / 2
        start, end = (middle, end) if holds(middle) else (start, middle)
    return start
