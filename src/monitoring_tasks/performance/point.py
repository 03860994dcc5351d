"""One metric on some rows: its value, how far chance alone moves it, and on how many rows it rests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.metrics import METRICS, Metric, Scored
from monitoring_tasks.performance.outcomes import Floats, Outcomes

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """What is to be measured: some metrics of a task, on all rows and in the segments of some columns or pairs of them.

    All rows together need `minimum_rows` labelled ones, a segment `segment_rows`: with fewer the metrics are undefined,
    and of a segment nothing is told. `threshold` is from where on a binary score counts as positive, `alert_rate` the
    share of the rows that is alerted.
    """

    task: str
    metrics: tuple[str, ...]
    segments: tuple[tuple[str, ...], ...] = ()
    segment_rows: int = 200
    minimum_rows: int = 20
    threshold: float = 0.5
    alert_rate: float = 0.01

    def metric(self, name: str) -> Metric:
        """The row of the table of metrics. Raises `KeyError` for a metric of another task."""
        return METRICS[self.task, name]


class Point(NamedTuple):
    """A metric on some rows; `chance` is the variance of `value` if the rows are independent of each other.

    Both are NaN where the metric is undefined, for the `reason`. `freedom` are the degrees of freedom of `chance`: few
    where it rests on few rows of great weight.
    """

    value: float
    chance: float
    rows: int
    reason: str = ""
    freedom: float = math.inf

    @property
    def known(self) -> bool:
        """Whether the metric is defined on these rows."""
        return math.isfinite(self.value) and math.isfinite(self.chance)


def usable(outcomes: Outcomes) -> Mask:
    """Rows that metrics are computed on: with a prediction, a label, and every probability where there are any."""
    if outcomes.probabilities is None:
        return outcomes.labelled
    found: Mask = outcomes.labelled & ~np.isnan(outcomes.probabilities).any(axis=1)
    return found


def point(metric: Metric, outcomes: Outcomes, asked: Asked, weights: Floats | None = None) -> Point:
    """A metric on the usable rows of `outcomes`; `weights` has an entry for each row, rows of weight 0 do not count.

    The variance by chance is that of the jackknife, to first order: the sum of squares of what leaving each row out
    moves the value by, times (n - 1) / n (Efron 1982).
    """
    rows = usable(outcomes) if weights is None else usable(outcomes) & (weights > 0)
    count = int(rows.sum())
    if count < 2:
        return Point(math.nan, math.nan, count, f"{count} labelled rows, fewer than 2")
    scored = _scored(outcomes, rows, asked, weights)
    value, influence, reason = metric.measure(scored)
    if not math.isfinite(value):
        return Point(math.nan, math.nan, count, reason)
    part = scored.weight / scored.weight.sum()
    squares = (part * influence / (1 - part)) ** 2
    return Point(float(value), float(squares.sum()) * (count - 1) / count, count, reason, _freedom(squares))


def _freedom(squares: Floats) -> float:
    """Degrees of freedom of a sum of squares, by its own variance (Satterthwaite 1946); at least 1."""
    total = float(squares.sum())
    # No dot product: its threads spin where the machine is busy.
    doubt = float(np.square(squares).sum()) - total**2 / len(squares)
    most = len(squares) - 1.0
    return min(max(2 * total**2 / doubt, 1.0), most) if doubt > 0 else most


def _scored(outcomes: Outcomes, rows: Mask, asked: Asked, weights: Floats | None) -> Scored:
    return Scored(
        label=outcomes.label[rows],
        prediction=outcomes.prediction[rows],
        weight=np.ones(int(rows.sum())) if weights is None else weights[rows],
        probabilities=None if outcomes.probabilities is None else outcomes.probabilities[rows],
        threshold=asked.threshold,
        classes=len(outcomes.classes) or 2,
        alert_rate=asked.alert_rate,
    )


def segments_of(outcomes: Outcomes, asked: Asked) -> Iterator[tuple[str, Mask]]:
    """Every segment of the declared columns with enough usable rows: its words, such as `carrier=UA`, and its rows.

    In the order of the declaration, then of the values; a column that the rows do not have gives none.
    """
    rows = usable(outcomes)
    for names in asked.segments:
        groups = [outcomes.groups[name] for name in names if name in outcomes.groups]
        if len(groups) < len(names):
            continue
        for numbers in product(*(range(len(group.values)) for group in groups)):
            chosen = np.logical_and.reduce([group.codes == at for group, at in zip(groups, numbers, strict=True)])
            if (chosen & rows).sum() >= asked.segment_rows:
                values = [group.values[at] for group, at in zip(groups, numbers, strict=True)]
                yield segment_words(names, values), chosen


def segment_words(names: tuple[str, ...], values: list[str]) -> str:
    """A segment as people write it.

    >>> segment_words(("origin", "carrier"), ["EWR", "UA"])
    'origin=EWR, carrier=UA'
    """
    return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
