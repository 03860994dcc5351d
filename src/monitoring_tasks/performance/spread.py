"""How much a metric of ordinary windows varies: by chance, and because rows of one day have more in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Self

import numpy as np
from scipy import special

from monitoring_tasks.performance.blocks import LEAST_WINDOWS, Blocks, blocks
from monitoring_tasks.performance.metrics import Metric
from monitoring_tasks.performance.outcomes import Floats, Outcomes
from monitoring_tasks.performance.point import Asked, Point, point, usable

SHRINK = 5
"""So many windows without any correlation are added to those that teach it."""


@dataclass(frozen=True)
class Spread:
    """What a metric is in ordinary windows of one width, and its variance from window to window.

    `value` is the mean over windows and `error` its variance. `between` is the variance of windows' true values around
    it: what they vary by beyond chance. `known` is the variance that was estimated, of which `between` is a part, and
    `freedom` the degrees of freedom of that estimate; 0 where rows were taken as independent (no times, or fewer than
    five windows). `correlation` is that of one window and the next.
    """

    value: float
    error: float
    between: float = 0.0
    known: float = 0.0
    freedom: float = 0.0
    correlation: float = 0.0

    @classmethod
    def learn(cls, metric: Metric, reference: Outcomes, asked: Asked, width: timedelta) -> Self | None:
        """The spread of windows of `width` as the rows of the reference show it; None where the metric is undefined.

        The metric is measured in every window, since one of many days is not the mean of theirs: AUC also compares
        rows of different days. What is learnt on narrower windows holds for wider ones as if these were independent.
        """
        rows = reference.take(usable(reference))
        plan = blocks(rows.moment, width)
        if plan is None:
            return cls._independent(point(metric, rows, asked))
        measured = [point(metric, rows.take(part), asked) for part in _parts(plan)]
        found = [each for each in measured if each.known]
        if len(found) < LEAST_WINDOWS - 1 or len(found) < len(measured) / 2:
            return cls._independent(point(metric, rows, asked))
        worth = plan.worth * len(found) / len(measured)
        return cls._of(found, worth, plan.apart, min(plan.width / width, 1.0))

    @classmethod
    def _independent(cls, whole: Point) -> Self | None:
        return cls(whole.value, whole.chance) if whole.known else None

    @classmethod
    def _of(cls, found: Sequence[Point], worth: float, apart: int, scale: float) -> Self:
        values, chance, rows = (np.array(each, float) for each in list(zip(*found, strict=True))[:3])
        centre = float(values @ rows / rows.sum())
        away = values - centre
        by_chance = float(chance.mean())
        total = max(float(away @ away) / len(away) / (1 - 1 / worth), by_chance)
        between = (total - by_chance) * scale
        return cls(centre, total / worth, between, total * scale, worth - 1, _correlation(away, apart, worth))

    def variance(self, chance: float) -> float:
        """Variance of the metric in an ordinary window in which chance alone makes it vary by `chance`."""
        return chance + self.between

    def freedom_of(self, found: Point, more: float = 0.0) -> float:
        """Degrees of freedom of the variance of a window's figure, and of `more`, by Satterthwaite (1946)."""
        variance = self.variance(found.chance) + more
        doubt = found.chance**2 / found.freedom + (self.known**2 / self.freedom if self.freedom else 0.0)
        return max(variance**2 / doubt, 1.0) if doubt > 0 else math.inf

    def margin(self, found: Point, confidence: float) -> float:
        """Half the width of Student's interval about a window's figure; NaN where it is undefined."""
        if not found.known:
            return math.nan
        freedom = self.freedom_of(found)
        return quantile(freedom, (1 + confidence) / 2) * math.sqrt(self.variance(found.chance))

    def to_json(self) -> dict[str, Any]:
        """The spread as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(**value)


def quantile(freedom: float, part: float) -> float:
    """Quantile of Student's distribution.

    >>> round(quantile(10.0, 0.975), 3), round(quantile(math.inf, 0.975), 3)
    (2.228, 1.96)
    """
    return float(special.stdtrit(freedom, part) if math.isfinite(freedom) else special.ndtri(part))


def tail(freedom: float, score: float) -> float:
    """Chance that a number of Student's distribution is larger than `score`.

    >>> tail(math.inf, 0.0), round(tail(5.0, 2.0), 4)
    (0.5, 0.051)
    """
    return float(special.stdtr(freedom, -score) if math.isfinite(freedom) else special.ndtr(-score))


def _parts(plan: Blocks) -> list[np.ndarray[Any, np.dtype[np.intp]]]:
    return [np.arange(start, end) for start, end in zip(plan.starts, plan.ends, strict=True)]


def _correlation(away: Floats, apart: int, worth: float) -> float:
    """Correlation of windows with the next that shares no rows, drawn to 0 where windows are few; 0 to 0.95."""
    first, second = away[:-apart], away[apart:]
    if len(first) < 3 or not first.any() or not second.any():
        return 0.0
    found = float(first @ second / math.sqrt((first @ first) * (second @ second)))
    return min(max(found * worth / (worth + SHRINK), 0.0), 0.95)
