"""What a metric is computed on and what it gives: a value, and how far each row moves it.

Nearly every metric here is a weighted mean over rows or a ratio of two such means. Both have their influence in closed
form: Hampel, The influence curve and its role in robust estimation (1974).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring_tasks.performance.outcomes import Floats

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Scored:
    """Labelled predictions that a metric is computed on; no NaN.

    `label` and `prediction` are as in `Outcomes`. `weight` is positive, ones where nothing is corrected. `threshold` is
    from where on a binary score counts as positive, `alert_rate` the share of
    the rows that is alerted, those with the highest scores; `classes` is the number of classes (multiclass).
    """

    label: Floats
    prediction: Floats
    weight: Floats
    probabilities: Floats | None = None
    threshold: float = 0.5
    classes: int = 2
    alert_rate: float = 0.01


class Measure(NamedTuple):
    """A metric's value, and how each row moves it.

    `influence` has an entry for each row: the derivative of the value by the row's weight, times the sum of the
    weights (the empirical influence function); its weighted mean is 0. `value` is NaN where the metric is undefined,
    `reason` then says why and `influence` is all NaN. A defined value has a reason only where part of it was undefined
    and counts as 0.
    """

    value: float
    influence: Floats
    reason: str = ""


Function = Callable[[Scored], Measure]
Need = Callable[[Scored], str]
"""What a metric needs of its rows: says what is wrong with them, nothing when they will do."""


def undefined(rows: int, reason: str) -> Measure:
    """No value, for a reason.

    >>> undefined(2, "no labelled rows")
    Measure(value=nan, influence=array([nan, nan]), reason='no labelled rows')
    """
    return Measure(float("nan"), np.full(rows, np.nan), reason)


def defined_for(*needs: Need) -> Callable[[Function], Function]:
    """A metric that is undefined without rows, or where one of its needs is not met; the first such is the reason."""

    def guarded(function: Function) -> Function:
        @wraps(function)
        def measure(scored: Scored) -> Measure:
            reason = next(filter(None, (need(scored) for need in (rows, *needs))), "")
            return undefined(len(scored.label), reason) if reason else function(scored)

        return measure

    return guarded


def rows(scored: Scored) -> str:
    """At least one row."""
    return "" if len(scored.label) else "no labelled rows"


def both_classes(scored: Scored) -> str:
    """Rows of both classes (binary)."""
    positive = np.count_nonzero(scored.label == 1)
    return "" if 0 < positive < len(scored.label) else f"all {len(scored.label)} labels are {scored.label[0]:g}"


def mean(values: Floats, weight: Floats) -> Measure:
    """Weighted mean of at least one value.

    >>> mean(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    Measure(value=2.0, influence=array([-1.,  1.]), reason='')
    """
    value = float(np.average(values, weights=weight))
    return Measure(value, values - value)


def mass(codes: NDArray[np.intp], weight: Floats, *, count: int) -> Floats:
    """Sum of the weights of the rows that have each of the codes 0 to `count` - 1.

    >>> mass(np.array([0, 2, 2]), np.array([0.5, 1, 1]), count=3)
    array([0.5, 0. , 2. ])
    """
    return np.bincount(codes, weights=weight, minlength=count).astype(np.float64)


def ratio(part: Floats | Flags, whole: Floats | Flags, weight: Floats, *, empty: str) -> Measure:
    """Weighted sum of `part` over that of `whole`, undefined for the reason `empty` where the latter is 0.

    >>> ratio(np.array([1.0, 0.0]), np.array([1.0, 1.0]), np.ones(2), empty="nothing to share")
    Measure(value=0.5, influence=array([ 0.5, -0.5]), reason='')
    """
    total = float(np.sum(weight * whole))
    if total == 0:
        return undefined(len(weight), empty)
    value = float(np.sum(weight * part)) / total
    influence: Floats = np.subtract(part, value * whole) * (float(np.sum(weight)) / total)
    return Measure(value, influence)
