"""The reference's own windows, compared as production's will be: what tests find when nothing is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self

import numpy as np

from monitoring_tasks.alarms_section import Baseline, TrainingBaseline
from monitoring_tasks.calibration.counts import column_counts
from monitoring_tasks.calibration.gauge import gauge_of, series
from monitoring_tasks.calibration.geometry import Replay, replay
from monitoring_tasks.calibration.lessons import Lesson, Shares, learn
from monitoring_tasks.calibration.level import LevelNull
from monitoring_tasks.calibration.level_lessons import learn_level
from monitoring_tasks.calibration.nulls import DistanceNull, ShareNull
from monitoring_tasks.profile.binning import Floats
from monitoring_tasks.profile.profile import Profile
from monitoring_tasks.profile.reference import ReferenceProfile

SCALE_PRIOR, SPREAD_PRIOR, BURST_PRIOR = 2, 5, 10
"""Weights, in windows, of what all columns together say beside what a column's own windows say."""
NORMAL = 2.0
"""Squared coefficient of variation of the square of a normal number: what windows' distances have a priori."""
HALF = 0.5
USUAL_BURST = 0.01
"""Size of a burst where the reference has none to learn it from."""


@dataclass(frozen=True)
class ColumnNull:
    """The nulls of one column's tests; `constant` is the share of its windows in which it had one value only."""

    distance: DistanceNull
    missing: ShareNull
    outside: ShareNull
    constant: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The nulls as plain JSON values."""
        parts = {name: getattr(self, name).to_json() for name in ("distance", "missing", "outside")}
        return {**parts, "constant": self.constant}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        distance = DistanceNull.from_json(value["distance"])
        missing, outside = (ShareNull.from_json(value[name]) for name in ("missing", "outside"))
        return cls(distance, missing, outside, value["constant"])


@dataclass(frozen=True)
class Calibration:
    """The nulls of every column for one width of window, learnt from `windows` windows of the reference.

    `rows` are those of an ordinary window of the reference (median), 0 where there is none. `levels` has the watched
    columns that have a level.
    """

    columns: Mapping[str, ColumnNull]
    windows: int
    rows: int
    levels: Mapping[str, LevelNull] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The calibration as plain JSON values."""
        columns = {name: null.to_json() for name, null in self.columns.items()}
        levels = {name: null.to_json() for name, null in self.levels.items()}
        return {"columns": columns, "windows": self.windows, "rows": self.rows, "levels": levels}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        columns = {name: ColumnNull.from_json(null) for name, null in value["columns"].items()}
        levels = {name: LevelNull.from_json(null) for name, null in value["levels"].items()}
        return cls(columns, value["windows"], value["rows"], levels)


def calibrate(
    reference: ReferenceProfile, width: timedelta, baselines: Mapping[str, Baseline], levels: Sequence[str] = ()
) -> Calibration:
    """The calibration for windows of `width`; `baselines` says what each column is compared with.

    `levels` are the columns whose level is watched.

    Without pieces (no timestamps), or with fewer than five windows, rows are taken as independent of each other.
    """
    profiles = list(reference.pieces.values())
    plans = {baseline: replay(list(reference.pieces), width, baseline) for baseline in set(baselines.values())}
    lessons = {name: _lesson(reference, name, profiles, plans[baselines[name]]) for name in reference.binning.columns}
    windows = max((len(plan) for plan in plans.values()), default=0)
    known = {name: null for name in levels if (null := _level(reference, name, width)) is not None}
    return Calibration(pooled(lessons), windows, _rows(profiles, plans.values()), known)


def _level(reference: ReferenceProfile, name: str, width: timedelta) -> LevelNull | None:
    bins, pieces = reference.binning.columns[name], list(reference.pieces)
    gauge = gauge_of(bins, reference.profile.columns[name])
    if gauge is None or not pieces:
        return None if gauge is None else LevelNull(gauge)
    found = series(gauge, bins, [profile.columns[name] for profile in reference.pieces.values()])
    return learn_level(gauge, pieces, found, replay(pieces, width, TrainingBaseline()).windows)


def _lesson(reference: ReferenceProfile, name: str, profiles: Sequence[Profile], plan: Replay) -> Lesson:
    bins, whole = reference.binning.columns[name], reference.profile.columns[name]
    counts = column_counts(bins, [whole])
    pieces = column_counts(bins, [profile.columns[name] for profile in profiles]) if profiles else counts
    return learn(bins, counts, pieces, plan if profiles else Replay(np.zeros((0, 1)), np.zeros((0, 1))))


def _rows(profiles: Sequence[Profile], plans: Any) -> int:
    counts = np.array([profile.rows for profile in profiles], float)
    sizes = [plan.windows @ counts for plan in plans if len(plan)]
    return int(np.median(np.concatenate(sizes))) if sizes else 0


def pooled(lessons: Mapping[str, Lesson]) -> dict[str, ColumnNull]:
    """The nulls of all columns, each drawn a little to what the others say: the more so the fewer its windows."""
    distances = _distances(lessons)
    missing = _shares(lessons, lambda lesson: lesson.missing, lambda _: 0.5)
    outside = _shares(lessons, lambda lesson: lesson.outside, lambda lesson: lesson.doubt)
    usual = _usual_constant(lessons)
    return {
        name: ColumnNull(distances[name], missing[name], outside[name], _constant(lesson, usual))
        for name, lesson in lessons.items()
    }


def _usual_constant(lessons: Mapping[str, Lesson]) -> float:
    windows = sum(len(lesson.constant) for lesson in lessons.values())
    return (sum(float(lesson.constant.sum()) for lesson in lessons.values()) + 0.5) / windows if windows else 0.0


def _constant(lesson: Lesson, usual: float) -> float:
    # Where no value ever held half of a window, one that holds a whole one is no chance of dry weather.
    if lesson.most < HALF:
        return 0.0
    return (float(lesson.constant.sum()) + BURST_PRIOR * usual) / (len(lesson.constant) + BURST_PRIOR)


def _distances(lessons: Mapping[str, Lesson]) -> dict[str, DistanceNull]:
    ratios = {name: _ratio(lesson) for name, lesson in lessons.items() if lesson.distance.windows}
    if not ratios:
        return {name: lesson.distance for name, lesson in lessons.items()}
    usual = math.exp(float(np.median(np.log(list(ratios.values())))))
    spread = max(float(np.median([lessons[name].distance.spread for name in ratios])), NORMAL)
    return {name: _drawn(lesson, usual, spread) for name, lesson in lessons.items()}


def _ratio(lesson: Lesson) -> float:
    """Variance between windows over that of chance."""
    null = lesson.distance
    return max(null.between / (null.chance * lesson.scarcity), 1e-9)


def _drawn(lesson: Lesson, usual: float, spread: float) -> DistanceNull:
    """The column's null with its scale raised towards the usual one (never lowered), and its spread drawn to it.

    A column whose few windows happened to look alike would otherwise alarm on the first one that does not.
    """
    null, windows = lesson.distance, lesson.distance.windows
    if not windows:
        return null
    own = _ratio(lesson)
    ratio = max(own, math.exp(_weighted(math.log(own), math.log(usual), windows, SCALE_PRIOR)))
    between = ratio * null.chance * lesson.scarcity
    return replace(null, between=between, spread=_weighted(null.spread, spread, windows, SPREAD_PRIOR))


def _weighted(own: float, usual: float, windows: int, prior: int) -> float:
    return (own * windows + usual * prior) / (windows + prior)


def _shares(
    lessons: Mapping[str, Lesson], of: Callable[[Lesson], Shares], doubt: Callable[[Lesson], float]
) -> dict[str, ShareNull]:
    sparse = {name: of(lesson) for name, lesson in lessons.items() if not of(lesson).dense}
    bursts = {name: shares.bursts(doubt(lessons[name])) for name, shares in sparse.items()}
    usual = _usual_burst(sparse, bursts)
    return {
        name: _sparse(len(of(lesson).part), bursts[name], usual, doubt(lesson))
        if name in sparse
        else _dense(of(lesson), doubt(lesson))
        for name, lesson in lessons.items()
    }


def _usual_burst(sparse: Mapping[str, Shares], bursts: Mapping[str, Floats]) -> ShareNull:
    """How often a window of an ordinary column has a burst, and the tail of all columns' sizes (Hill 1975).

    The column in the middle, so that one of ids, which is full of bursts, does not blind the others.
    """
    windows = sum(len(shares.part) for shares in sparse.values())
    if not windows:
        return ShareNull()
    rates = [len(bursts[name]) / len(shares.part) for name, shares in sparse.items() if len(shares.part)]
    beyond = np.concatenate([np.zeros(0), *(np.log(sizes / sizes.min()) for sizes in bursts.values() if len(sizes))])
    tail = min(max((len(beyond) + 1) / (float(beyond.sum()) + 1), 1.0), 3.0)
    return ShareNull(rate=float(np.median(rates)) + 0.5 / windows, size=USUAL_BURST, tail=tail)


def _sparse(windows: int, bursts: Floats, usual: ShareNull, doubt: float) -> ShareNull:
    """The null of one column: as often as its own windows and the usual column say, from its own least burst on."""
    if not windows:
        return ShareNull(doubt)
    rate = (len(bursts) + BURST_PRIOR * usual.rate) / (windows + BURST_PRIOR)
    return replace(
        usual, doubt=doubt, rate=min(rate, 1.0), size=float(bursts.min(initial=1.0)) if len(bursts) else usual.size
    )


def _dense(shares: Shares, doubt: float) -> ShareNull:
    steps, chance = shares.steps()
    squared, windows = steps**2, len(steps)
    if windows < 2 or not squared.mean() > 0:
        return ShareNull(doubt)
    error = float(squared.std(ddof=1)) / math.sqrt(windows)
    between = max(float((squared - chance).mean()), error)
    spread = float(squared.var(ddof=1) / squared.mean() ** 2)
    return ShareNull(doubt, between, spread, windows)
