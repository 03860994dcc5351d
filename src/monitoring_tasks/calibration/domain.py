"""Multivariate drift: can a classifier tell the window's rows from the reference's, and could it tell an ordinary one?

A classifier that separates them better than chance on rows it was not trained on proves that their joint distributions
differ, even where that of every single column is the same (Lopez-Paz and Oquab, Revisiting Classifier Two-Sample Tests,
2017). But ordinary windows are separable too, as days are by their weather: how well, the reference's own windows tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from scipy import special

from monitoring_tasks.calibration.domain_classifier import fitted, mean_auc, ranking
from monitoring_tasks.calibration.domain_features import Flags, Places, Rows, encode
from monitoring_tasks.methods import Kind
from monitoring_tasks.profile.plan import HASH, smallest

LEAST_ROWS = 100
MOST_ROWS = 2000
"""With fewer rows on a side there is nothing to learn from; more cost time and show little more."""
LEAST_WINDOWS = 5
LEAST_WINDOW_ROWS = 40
"""So many windows of the reference, with so many sampled rows each, are needed to learn how ordinary ones differ."""
_WINDOWS = 12
_FEW_WINDOWS = 8
_MANY_COLUMNS = 50
"""Beyond so many columns fewer windows are tried: each takes its time."""
_FOLDS_SHARE_ROWS = 2.0
"""Variance of the mean AUC over folds, relative to that of one test on as many rows: each pair of folds is compared
twice, once from either side. For a linear classifier 2; for the trees 1.8 was measured, with a lighter tail."""
_LONG = 8
"""From so many windows on, the neighbours of one can be left out of what it is compared with."""
_DISTINCT = 0.995
"""AUC values beyond this are not told apart: the window is another one, and how much so no ranks can say."""


Ranking = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Separation:
    """How well a classifier tells the window from the reference.

    `auc` is the area under the curve out of fold: 0.5 when it cannot tell, 1 when it always can. `rows` are those used,
    reference first. `ranked` makes `columns`, which takes as long as all else.
    """

    auc: float
    rows: tuple[int, int]
    ranked: Callable[[], Ranking] = field(repr=False, compare=False)

    @cached_property
    def columns(self) -> Ranking:
        """What it tells them by: how much the AUC falls when a column's values are shuffled.

        At most 10, largest first; columns that hardly matter are not named. A joint change has all its columns there.
        """
        return self.ranked()


def separation(
    reference: pa.Table,
    current: pa.Table,
    kinds: Mapping[str, Kind],
    *,
    most_rows: int = MOST_ROWS,
) -> Separation | None:
    """How well the rows of two samples can be told apart by the columns of `kinds`.

    A column that is not on both sides, or not of its kind, is left out. A missing value is a value of its own. None
    when a side has fewer than 100 rows, or no column is left. At most 2,000 rows of the reference are used, and
    `most_rows` of the window: `JointNull.most_rows`, when the AUC is to be judged by one. The same samples give the
    same result, whatever the order of columns.
    """
    if min(reference.num_rows, current.num_rows) < LEAST_ROWS:
        return None
    sides = (_bounded(reference, MOST_ROWS), _bounded(current, most_rows))
    rows = encode(*sides, kinds)
    if rows is None:
        return None
    models = fitted(rows)
    return Separation(mean_auc(models), (sides[0].num_rows, sides[1].num_rows), partial(ranking, models, rows.names))


def _bounded(sample: pa.Table, count: int) -> pa.Table:
    """At most `count` rows: those of smallest hash, or the first where the sample has no hashes."""
    return smallest(sample, count) if HASH in sample.column_names else sample.slice(0, count)


Lack = Literal["", "windows", "rows"]
"""What a reference with times has too little of to learn from: windows of the width, or sampled rows of each."""


@dataclass(frozen=True)
class JointNull:
    """The AUC of an ordinary window, as separations d' = sqrt(2) * probit(AUC) of two normal distributions.

    `mean` and `spread` (a standard deviation, chance included) are those of `windows` windows of the reference against
    its other rows, of typically `rows` rows of reference and window. Of a reference without times `windows` is 0: rows
    are taken as independent of each other, and `mean` and `spread` are 0. One with times has windows that differ, by
    how much it may have too little to tell: then `lacks` says of what, and no window is to be judged.
    """

    mean: float = 0.0
    spread: float = 0.0
    windows: int = 0
    rows: tuple[int, int] = (0, 0)
    lacks: Lack = ""

    @property
    def most_rows(self) -> int:
        """Rows of a window to compare by: with more of them than these had, a classifier learns more of the same."""
        return self.rows[1] if self.windows else MOST_ROWS

    @property
    def detectable(self) -> float:
        """The AUC above which a window of as many rows is evidence at a p-value of 0.001; 1 when there is none.

        >>> round(JointNull().p_value(JointNull(rows=(2000, 500)).detectable, (2000, 500)), 4)
        0.001
        """
        sides = self.rows if all(self.rows) else (MOST_ROWS, MOST_ROWS)
        distance = self.mean + self._error(sides) * float(_upper_quantile(0.001, self.windows))
        auc = float(special.ndtr(distance / math.sqrt(2)))
        return auc if auc < _DISTINCT else 1.0

    def p_value(self, auc: float, rows: tuple[int, int]) -> float:
        """The chance that an ordinary window of as many rows (reference, window) has this AUC or a larger one.

        NaN for an AUC of NaN. One-sided: a classifier worse than chance proves nothing.

        >>> JointNull().p_value(0.5, (2000, 500))
        0.5
        """
        scaled = (self.mean - _distance(auc)) / self._error(rows)
        return float(special.stdtr(self.windows - 1, scaled) if self.windows else special.ndtr(scaled))

    def _error(self, rows: tuple[int, int]) -> float:
        """Standard deviation of an ordinary window's separation from `mean`, the error of `mean` included."""
        chance = _chance(*rows)
        if not self.windows:
            return math.sqrt(chance)
        fewer = max(0.0, chance - _chance(*self.rows))
        return math.sqrt(self.spread**2 * (1 + 1 / self.windows) + fewer)

    def to_json(self) -> dict[str, Any]:
        """The null as plain JSON values."""
        return asdict(self) | {"rows": list(self.rows)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`.

        >>> null = JointNull(0.5, 0.1, 9, (2000, 300))
        >>> JointNull.from_json(null.to_json()) == null
        True
        """
        return cls(**{**value, "rows": tuple(value["rows"])})


def _upper_quantile(probability: float, windows: int) -> float:
    if windows:
        return float(special.stdtrit(windows - 1, 1 - probability))
    return float(special.ndtri(1 - probability))


def _distance(auc: float) -> float:
    return math.sqrt(2) * float(special.ndtri(np.clip(auc, 1 - _DISTINCT, _DISTINCT)))


def _chance(reference: int, window: int) -> float:
    """Variance of the separation of two samples of one distribution (that of Mann and Whitney's statistic)."""
    auc = (reference + window + 1) / (12 * reference * window)
    return _FOLDS_SHARE_ROWS * 4 * math.pi * auc  # the slope of sqrt(2) probit at 1/2 is 2 sqrt(pi)


def joint_null(reference: pa.Table, kinds: Mapping[str, Kind], *, timestamp: str | None, width: timedelta) -> JointNull:
    """The null of windows of `width`, from a sample of the reference that has the columns of `kinds` and `timestamp`.

    Up to 12 windows of the reference, spread over its time, are each compared with the rows outside of it; those within
    one width of it are left out too where the reference is long enough, as production does not touch it either. A
    reference without times gives the null of independent rows; of one with times, fewer than five windows, or fewer
    than five with 40 sampled rows, give a null that `lacks` them.

    What is learnt holds for windows of as many rows as these had: `most_rows`. A sample with more rows of each window
    makes for a sharper test. Where ordinary windows are nearly perfectly told apart (an AUC above .99), as days are by
    their weather, no window can be found unusual by this test; `detectable` is 1 then.
    """
    timed = _timed(reference, timestamp)
    rows = encode(timed, timed.slice(0, 0), kinds) if timed.num_rows else None
    if rows is None:
        return JointNull()
    numbers = _numbers(timed, timestamp, width)
    windows = _full(numbers)
    if len(windows) < LEAST_WINDOWS:
        return JointNull(lacks="windows" if numbers.max() + 1 < LEAST_WINDOWS else "rows")
    chosen = _spread_out(windows, _FEW_WINDOWS if len(rows.names) > _MANY_COLUMNS else _WINDOWS)
    gap = 1 if numbers.max() >= _LONG else 0
    return _learnt(rows, [(numbers == each, np.abs(numbers - each) > gap) for each in chosen])


def _timed(reference: pa.Table, timestamp: str | None) -> pa.Table:
    """The rows that have a time, those of smallest hash first."""
    if timestamp not in reference.column_names:
        return reference.slice(0, 0)
    kind = reference.schema.field(timestamp).type
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return reference.slice(0, 0)
    return _bounded(reference.filter(reference[timestamp].is_valid()), reference.num_rows)


def _numbers(timed: pa.Table, timestamp: str | None, width: timedelta) -> Places:
    """Number of each row's window, from the start of the first day on; -1 in a last one that is not complete."""
    moments = timed[timestamp or ""].cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy()
    step = width // timedelta(microseconds=1)
    unit = min(step, timedelta(days=1) // timedelta(microseconds=1))
    start, end = moments.min() // unit * unit, (moments.max() // unit + 1) * unit
    numbers = (moments - start) // step
    return np.where(numbers < (end - start) // step, numbers, -1)


def _full(numbers: Places) -> Places:
    """The windows that hold enough rows."""
    found, counts = np.unique(numbers[numbers >= 0], return_counts=True)
    return found[counts >= LEAST_WINDOW_ROWS]


def _spread_out(windows: Places, count: int) -> Places:
    """At most `count` of the windows, evenly over time."""
    return np.unique(windows[np.linspace(0, len(windows) - 1, count).astype(np.int64)])


def _learnt(rows: Rows, windows: Sequence[tuple[Flags, Flags]]) -> JointNull:
    """The null from windows of the reference: the rows inside of each, and those it is compared with."""
    cut = min(MOST_ROWS, int(np.median([inside.sum() for inside, _ in windows])))
    rest = min(MOST_ROWS, min(int(outside.sum()) for _, outside in windows))
    places = [(np.flatnonzero(outside)[:rest], np.flatnonzero(inside)[:cut]) for inside, outside in windows]
    found = [_separated(rows, *sides) for sides in places]
    spread = max(float(np.std(found, ddof=1)), math.sqrt(_chance(rest, cut)))
    return JointNull(max(0.0, float(np.mean(found))), spread, len(found), (rest, cut))


def _separated(rows: Rows, outside: Places, inside: Places) -> float:
    current = np.arange(len(outside) + len(inside)) >= len(outside)
    return _distance(mean_auc(fitted(rows.take(np.concatenate([outside, inside]), current))))
