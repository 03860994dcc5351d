"""Levels that jump, as their test has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from monitoring_tasks.calibration.course import Course, course_of
from monitoring_tasks.calibration.gauge import Gauge, Level
from monitoring_tasks.calibration.level import LevelNull, jump
from monitoring_tasks.window import HOUR, Window, parse_moment

START = parse_moment("2026-03-02")
SHARE = Gauge(share=True, mean=0.03, rows=100_000, variance=0.0291, skew=5.5)
MEAN = Gauge(share=False, mean=100.0, rows=50_000, variance=400.0, skew=0.0, low=0.0, high=200.0)


def course(before: Sequence[float | None], *, now: float, share: bool = True, width: timedelta = HOUR) -> Course:
    """The course of a level through windows from 2 March on, None where one has no rows."""
    windows = [Window(START + place * width, START + (place + 1) * width) for place in range(len(before) + 1)]
    levels = zip(windows, [*before, now], strict=True)
    known = {window: Level(level, 600) for window, level in levels if level is not None}
    null = LevelNull(SHARE if share else MEAN)
    found = jump(null, windows[-1], known[windows[-1]], list(known.items())[:-1])
    assert found is not None
    return course_of(null, windows, known, found=found, limit=0.03 if share else 30.0)
