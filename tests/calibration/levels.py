"""Hours of a column for the tests of levels: their rows drawn, a null learnt from two weeks, and hours judged by it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from monitoring_tasks.calibration.gauge import Gauge, Level, Series
from monitoring_tasks.calibration.level import BEFORE, Jump, LevelNull, jump
from monitoring_tasks.calibration.level_lessons import learn_level
from monitoring_tasks.profile.binning import Floats
from monitoring_tasks.window import HOUR, Window

START = datetime(2026, 3, 2, tzinfo=UTC)
CUT = 2.576
_VALUES = np.minimum(np.exp(0.8 * np.random.default_rng(0).standard_normal(500_000)), math.exp(0.8 * CUT))
MEAN, SD = float(_VALUES.mean()), float(_VALUES.std())
SKEW = float((((_VALUES - MEAN) / SD) ** 3).mean())


def hour(number: int) -> Window:
    """An hour, counted from a Monday's midnight."""
    return Window(START + HOUR * number, START + HOUR * (number + 1))


@dataclass(frozen=True)
class World:
    """How hours of a column are: rows in each, the share of true (None: a skewed number), and how hours differ.

    `between` and `diurnal` are in standard deviations of a row, `memory` is the correlation of neighbouring hours;
    by `traffic` nights have few rows.
    """

    rows: int
    share: float | None = None
    between: float = 0.0
    diurnal: float = 0.0
    memory: float = 0.0
    traffic: bool = False

    def drawn(self, random: np.random.Generator, hours: int) -> Series:
        """The sums of so many hours in a row."""
        times = np.arange(hours)
        shift = self.between * self._wander(random, hours) + self.diurnal * np.sin(2 * np.pi * times / 24)
        swing = 1 + 0.8 * np.sin(2 * np.pi * (times - 9) / 24) * self.traffic
        return self.shifted(random, shift, np.maximum(np.round(self.rows * swing), 20.0))

    def shifted(self, random: np.random.Generator, shift: Floats, rows: Floats) -> Series:
        """The sums of hours whose level is so many standard deviations higher."""
        if self.share is None:
            starts = random.integers(0, len(_VALUES) - int(rows.max()), len(rows))
            sums = [_VALUES[at : at + int(count)].sum() for at, count in zip(starts, rows, strict=True)]
            return Series(np.array(sums) + shift * SD * rows, rows)
        rate = np.clip(self.share + shift * math.sqrt(self.share * (1 - self.share)), self.share / 10, 1)
        return Series(random.binomial(rows.astype(int), rate).astype(float), rows)

    def _wander(self, random: np.random.Generator, hours: int) -> Floats:
        steps = random.standard_normal(hours)
        for at in range(1, hours):
            steps[at] = self.memory * steps[at - 1] + math.sqrt(1 - self.memory**2) * steps[at]
        return steps

    def gauge(self, found: Series) -> Gauge:
        """The gauge of a reference with these hours."""
        total, rows = float(found.total.sum()), float(found.rows.sum())
        if self.share is None:
            return Gauge(False, total / rows, rows, SD**2, SKEW, 0.0, math.exp(0.8 * CUT))
        about = (total + 0.5) / (rows + 1)
        return Gauge(True, total / rows, rows, about * (1 - about), 0.0)


def learnt(world: World, found: Series) -> LevelNull:
    """The null of a reference with these hours."""
    hours = len(found.rows)
    return learn_level(world.gauge(found), [hour(each) for each in range(hours)], found, np.eye(hours))


def head(found: Series, hours: int) -> Series:
    """The first hours."""
    return Series(found.total[:hours], found.rows[:hours])


def judged(null: LevelNull, found: Series, hours: Sequence[int]) -> Iterator[Jump]:
    """Some hours, each beside the day before it."""
    levels: list[Level] = [found.at(each) for each in range(len(found.rows))]
    for at in hours:
        before = [(hour(each), levels[each]) for each in range(max(at - BEFORE, 0), at)]
        made = jump(null, hour(at), levels[at], before)
        assert made is not None
        yield made
